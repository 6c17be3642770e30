//! Owns the operator's probes beyond SQL: a number from an HTTP answer or of a Prometheus query. Whatever is not a
//! plain answer with one number makes the probe blind. Must not follow where an answer points to.

use super::board::{blind, fresh};
use super::sampling::Shared;
use crate::clock;
use crate::control::policy::Guard;
use crate::control::signal::Reading;
use crate::pg::web::Web;
use crate::plan::settings::HttpSource;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

pub(super) const EVERY: Duration = Duration::from_secs(2);
/// From looking the name up to the last byte of the answer, however slowly that comes.
const DEADLINE: Duration = Duration::from_secs(2);
/// A number needs less.
const MOST_BYTES: usize = 1 << 20;
/// A sample evaluated longer ago than this is of another time.
const OLDEST_SECONDS: f64 = 120.0;

/// Each probe for itself: a slow one delays no other.
pub(super) async fn run(shared: &Arc<Shared>) {
    let mut probes = JoinSet::new();
    for guard in shared.watch.guards.iter().filter(|guard| guard.http.is_some()) {
        probes.spawn(probe(shared.clone(), guard.clone()));
    }
    while probes.join_next().await.is_some() {}
}

async fn probe(shared: Arc<Shared>, guard: Guard) {
    let Some(source) = &guard.http else { return };
    let mut ticks = super::sampling::ticks(EVERY);
    let mut web = None;
    loop {
        ticks.tick().await;
        let number = match tokio::time::timeout(DEADLINE, ask(source, &mut web)).await {
            Ok(number) => number,
            Err(_) => Err(format!("no whole answer within {} s", DEADLINE.as_secs())),
        };
        let reading = reading(&guard, number, clock::now());
        shared.put(&guard.signal, vec![reading], Instant::now(), EVERY);
    }
}

fn reading(guard: &Guard, number: Result<f64, String>, at: Timestamp) -> Reading {
    match number {
        Ok(number) => fresh(&guard.signal, None, number, &guard.unit, at),
        Err(why) => blind(&guard.signal, None, &guard.unit, at, &why),
    }
}

async fn ask(source: &HttpSource, web: &mut Option<Web>) -> Result<f64, String> {
    let (body, there) = get(&target(source), web).await?;
    let text = std::str::from_utf8(&body).map_err(|_| "the answer is not text".to_owned())?;
    match source.query {
        // By the clock of who answers: ours may be another one, and says nothing of the sample.
        Some(_) => sample(text, there.unwrap_or_else(clock::now)),
        None => number(text, source.json.as_deref()),
    }
}

/// What time it is by the clock of who answered: an answer that was kept on the way says for how long.
fn time_there(headers: &header::HeaderMap) -> Option<Timestamp> {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text(header::DATE)?).ok()?;
    let kept = text(header::AGE).and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    date.checked_add(SignedDuration::from_secs(kept)).ok()
}

/// The address to ask.
fn target(source: &HttpSource) -> String {
    let Some(query) = &source.query else { return source.url.clone() };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let encoded: String = query
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("{}/api/v1/query?query={encoded}", source.url.trim_end_matches('/'))
}

/// The body of a plain 200, and what time it is there. `web`: what this probe's connections have in common, once it is known.
async fn get(target: &str, web: &mut Option<Web>) -> Result<(Bytes, Option<Timestamp>), String> {
    let uri: Uri = target.parse().map_err(|error| format!("{target:?} is no address: {error}"))?;
    let host = uri.host().ok_or("the address has no host")?.to_owned();
    let encrypted = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    let web = match web {
        Some(web) => web,
        None => web.insert(Web::new()?),
    };
    let stream = web.connect(&host, port, encrypted).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let named = uri.authority().map_or(host.as_str(), |authority| authority.as_str());
    let request = Request::get(path)
        .header(header::HOST, named)
        .header(header::ACCEPT, "application/json, text/plain")
        .header(header::USER_AGENT, concat!("segue/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(said)?;
        let status = answer.status();
        if status != StatusCode::OK {
            let redirects = if status.is_redirection() { "; redirects are not followed" } else { "" };
            return Err(format!("the answer is {status}{redirects}"));
        }
        let there = time_there(answer.headers());
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        Ok((body.map_err(|error| format!("the answer could not be read: {error}"))?.to_bytes(), there))
    };
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        done = &mut exchange => done,
        // The whole answer may be there when the connection has ended.
        _ = &mut connection => exchange.await,
    }
}

fn said(error: hyper::Error) -> String {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// A plain number, or the one that a JSON pointer leads to.
fn number(text: &str, pointer: Option<&str>) -> Result<f64, String> {
    let Some(pointer) = pointer else {
        let text = text.trim();
        return text.parse().map_err(|_| format!("the answer is not a number: {:?}", clipped(text)));
    };
    let json: Value =
        serde_json::from_str(text).map_err(|error| format!("the answer is not JSON: {error}"))?;
    match json.pointer(pointer) {
        Some(value) => as_number(value)
            .ok_or_else(|| format!("what is at {pointer} is not a number: {}", clipped(&value.to_string()))),
        None => Err(format!("the answer has nothing at {pointer}")),
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The one sample of an instant query.
fn sample(text: &str, now: Timestamp) -> Result<f64, String> {
    let json: Value =
        serde_json::from_str(text).map_err(|error| format!("the answer is not JSON: {error}"))?;
    if json["status"] != "success" {
        let why = json["error"].as_str().unwrap_or("it does not say why");
        return Err(format!("Prometheus answers no: {}", clipped(why)));
    }
    let result = &json["data"]["result"];
    let pair = match (json["data"]["resultType"].as_str(), result.as_array().map(Vec::as_slice)) {
        (Some("scalar"), Some([_, _])) => result,
        (Some("vector"), Some([one])) => &one["value"],
        (Some("vector"), Some([])) => return Err("the query gives no sample".to_owned()),
        (Some("vector"), Some(many)) => {
            return Err(format!("the query gives {} samples; aggregate them to one", many.len()));
        }
        (kind, _) => {
            return Err(format!("the query gives {}, not one number", kind.unwrap_or("something else")));
        }
    };
    let (at, value) = (pair[0].as_f64(), as_number(&pair[1]));
    let (Some(at), Some(value)) = (at, value) else { return Err("the sample is not a number".to_owned()) };
    let age = now.as_millisecond() as f64 / 1000.0 - at;
    match age > OLDEST_SECONDS {
        true => Err(format!("the sample is {age:.0} s old")),
        false => Ok(value),
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_and_nothing_else_is_one() {
        assert_eq!(number(" 12.5\n", None), Ok(12.5));
        assert_eq!(number(r#"{"data": {"p99": [7, "8.5"]}}"#, Some("/data/p99/0")), Ok(7.0));
        assert_eq!(number(r#"{"data": {"p99": [7, "8.5"]}}"#, Some("/data/p99/1")), Ok(8.5));
        for (text, pointer, why) in [
            ("", None, "not a number"),
            ("ok", None, "not a number"),
            ("<html>", Some("/p99"), "not JSON"),
            ("{}", Some("/p99"), "nothing at /p99"),
            (r#"{"p99": null}"#, Some("/p99"), "not a number: null"),
            (r#"{"p99": true}"#, Some("/p99"), "not a number"),
        ] {
            let said = number(text, pointer).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        // What is not finite is told apart where readings are made.
        assert!(number("NaN", None).unwrap().is_nan());
    }

    #[test]
    fn a_sample_is_as_old_as_its_own_server_says() {
        let mut headers = header::HeaderMap::new();
        assert_eq!(time_there(&headers), None);
        headers.insert(header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(time_there(&headers), Some(at("1994-11-06T08:49:37Z")));
        // Kept on the way for five minutes.
        headers.insert(header::AGE, "300".parse().unwrap());
        assert_eq!(time_there(&headers), Some(at("1994-11-06T08:54:37Z")));
    }

    #[test]
    fn a_query_has_one_sample_of_now() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let vector = |result: &str| {
            let text =
                format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{result}}}}}"#);
            sample(&text, now)
        };
        assert_eq!(vector(r#"[{"metric":{},"value":[999999.5,"0.25"]}]"#), Ok(0.25));
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1000000,"3"]}}"#;
        assert_eq!(sample(scalar, now), Ok(3.0));
        for (result, why) in [
            ("[]", "no sample"),
            (r#"[{"value":[1000000,"1"]},{"value":[1000000,"2"]}]"#, "2 samples"),
            (r#"[{"value":[999000,"1"]}]"#, "1000 s old"),
            (r#"[{"value":[1000000,"one"]}]"#, "not a number"),
        ] {
            let said = vector(result).unwrap_err();
            assert!(said.contains(why), "{result}: {said}");
        }
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        assert!(sample(refused, now).unwrap_err().contains("parse error"));
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        assert!(sample(matrix, now).unwrap_err().contains("matrix"));
    }

    #[test]
    fn a_query_is_written_into_the_address() {
        let source = HttpSource {
            url: "http://prometheus:9090/".into(),
            query: Some(r#"rate(errors{app="shop"}[5m])"#.into()),
            json: None,
        };
        assert_eq!(
            target(&source),
            "http://prometheus:9090/api/v1/query?query=rate%28errors%7Bapp%3D%22shop%22%7D%5B5m%5D%29"
        );
    }
}
