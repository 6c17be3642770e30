//! Owns the two text forms of connection parameters, URL and key/value, with libpq's rules.
//! Must not read files or the environment, and must never repeat a value in an error: it may
//! be a password in the wrong place.

use super::config::ConfigError;
use std::collections::BTreeMap;

/// Parameters by libpq's keyword.
pub(super) type Params = BTreeMap<&'static str, String>;

/// Every keyword Segue understands, with the environment variable that libpq reads for it.
pub(super) const KEYWORDS: &[(&str, Option<&str>)] = &[
    ("service", Some("PGSERVICE")),
    ("servicefile", Some("PGSERVICEFILE")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("port", Some("PGPORT")),
    ("user", Some("PGUSER")),
    ("password", Some("PGPASSWORD")),
    ("passfile", Some("PGPASSFILE")),
    ("dbname", Some("PGDATABASE")),
    ("options", Some("PGOPTIONS")),
    ("application_name", Some("PGAPPNAME")),
    ("fallback_application_name", None),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("client_encoding", None),
    ("sslmode", Some("PGSSLMODE")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("sslcert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION")),
    ("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    ("sslcompression", Some("PGSSLCOMPRESSION")),
    ("sslsni", Some("PGSSLSNI")),
    ("gssencmode", Some("PGGSSENCMODE")),
    ("krbsrvname", Some("PGKRBSRVNAME")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    ("keepalives", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("keepalives_count", None),
    ("tcp_user_timeout", None),
];

/// Keywords that promise a protection Segue cannot give; passing over them would be a lie.
const REFUSED: &[(&str, &str)] = &[
    ("sslcrl", "revocation lists are not checked"),
    ("sslcrldir", "revocation lists are not checked"),
    ("sslpassword", "give the client key in a file without a passphrase"),
    ("require_auth", "use sslmode=verify-full or channel_binding=require"),
    ("requirepeer", "the socket's owner is not checked"),
    ("replication", "Segue opens ordinary sessions only"),
];

pub(super) fn keyword(name: &str) -> Result<&'static str, ConfigError> {
    if let Some((known, _)) = KEYWORDS.iter().find(|(known, _)| *known == name) {
        return Ok(known);
    }
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(ConfigError::new(format!("connection parameter \"{name}\" is not supported")).help(*why));
    }
    let error = ConfigError::new(format!("there is no connection parameter \"{name}\""));
    let near = crate::diagnostic::nearest(name, KEYWORDS.iter().map(|(known, _)| *known));
    Err(match near {
        Some(near) => error.help(format!("did you mean \"{near}\"?")),
        None => error,
    })
}

/// A URL, a key/value string, or, as for libpq, a bare database name.
pub(super) fn parse(text: &str) -> Result<Params, ConfigError> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        return url(rest);
    }
    if text.contains("://") {
        return Err(ConfigError::new("the connection URL does not begin with postgres:// or postgresql://"));
    }
    if !text.contains('=') {
        return Ok(Params::from([("dbname", text.to_owned())]));
    }
    key_value(text)
}

fn url(rest: &str) -> Result<Params, ConfigError> {
    let mut params = Params::new();
    let (address, query) = rest.split_once('?').map_or((rest, ""), |(a, q)| (a, q));
    let (authority, dbname) = address.split_once('/').unwrap_or((address, ""));
    // The last @ divides, so that a password with an @ in it does not end up in a host name and from there in a message.
    let (userinfo, hosts) = match authority.rfind('@') {
        Some(at) => (&authority[..at], &authority[at + 1..]),
        None => ("", authority),
    };
    if userinfo.is_empty() && dbname.contains('@') {
        return Err(ConfigError::new("the connection URL has a / before the @")
            .help("write a / in a user name or password as %2F, an @ as %40, a ? as %3F"));
    }
    let (user, password) = userinfo.split_once(':').map_or((userinfo, None), |(u, p)| (u, Some(p)));
    if !user.is_empty() {
        params.insert("user", decode(user)?);
    }
    if let Some(password) = password {
        params.insert("password", decode(password)?);
    }
    if !hosts.is_empty() {
        let (mut names, mut ports) = (Vec::new(), Vec::new());
        for host in hosts.split(',') {
            let (name, port) = host_and_port(host)?;
            names.push(decode(name)?);
            ports.push(port.to_owned());
        }
        if names.iter().any(|name| !name.is_empty()) {
            params.insert("host", names.join(","));
        }
        if ports.iter().any(|port| !port.is_empty()) {
            params.insert("port", ports.join(","));
        }
    }
    if !dbname.is_empty() {
        params.insert("dbname", decode(dbname)?);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            ConfigError::new("the connection URL's query has a part without =")
                .help("write name=value&name=value")
        })?;
        // JDBC's spelling, which libpq takes too.
        if name == "ssl" && value == "true" {
            params.insert("sslmode", "require".to_owned());
            continue;
        }
        params.insert(keyword(&decode(name)?)?, decode(value)?);
    }
    Ok(params)
}

fn host_and_port(host: &str) -> Result<(&str, &str), ConfigError> {
    if let Some(rest) = host.strip_prefix('[') {
        let (name, rest) = rest.split_once(']').ok_or_else(|| {
            ConfigError::new("the connection URL has a [ without ]").help("an IPv6 address is written [::1]")
        })?;
        return Ok((name, rest.strip_prefix(':').unwrap_or(rest)));
    }
    Ok(host.split_once(':').unwrap_or((host, "")))
}

/// `%41` → `A`. A `+` is a plus, as for libpq.
fn decode(text: &str) -> Result<String, ConfigError> {
    let broken =
        || ConfigError::new("the connection URL has a % that is not followed by two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2).ok_or_else(broken)?;
        let digits = std::str::from_utf8(digits).map_err(|_| broken())?;
        let value =
            u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+')).ok_or_else(broken)?;
        if value == 0 {
            return Err(ConfigError::new("the connection URL has a %00"));
        }
        bytes.push(value);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| ConfigError::new("the connection URL is not UTF-8 once decoded"))
}

/// `name = value` pairs; values in single quotes, with backslash escapes.
fn key_value(text: &str) -> Result<Params, ConfigError> {
    let mut params = Params::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(params);
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
            name.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next() != Some('=') {
            // The stray word may be the tail of a password with a space: do not show it.
            return Err(ConfigError::new("the connection string has a word without = after it")
                .help("quote values with spaces: password='a b'"));
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let (mut value, mut closed) = (String::new(), !quoted);
        while let Some(c) = chars.next() {
            match c {
                '\\' => value.extend(chars.next()),
                '\'' if quoted => {
                    closed = true;
                    break;
                }
                c if !quoted && c.is_whitespace() => break,
                c => value.push(c),
            }
        }
        if !closed {
            return Err(ConfigError::new(format!("the value of \"{name}\" has no closing quote")));
        }
        params.insert(keyword(&name)?, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str) -> Params {
        parse(text).unwrap()
    }

    #[test]
    fn reads_urls() {
        let p =
            get("postgresql://us%40er:p%2Fw@h1:1,[::1]:2,h3/my%20db?sslmode=verify-full&options=-c%20a%3Db");
        assert_eq!((p["user"].as_str(), p["password"].as_str()), ("us@er", "p/w"));
        assert_eq!((p["host"].as_str(), p["port"].as_str()), ("h1,::1,h3", "1,2,"));
        assert_eq!((p["dbname"].as_str(), p["options"].as_str()), ("my db", "-c a=b"));
        let p = get("postgres://%2Fvar%2Frun/db?user=a&password=x+y");
        assert_eq!((p["host"].as_str(), p["password"].as_str()), ("/var/run", "x+y"));
        assert_eq!(get("postgres:///db?host=/tmp")["host"], "/tmp");
        assert_eq!(get("postgres://"), Params::new());
        assert_eq!(get("postgres://u:p@ss@h/d")["password"], "p@ss");
    }

    #[test]
    fn reads_key_value_strings() {
        let p = get(r"host = /tmp  user='it\'s' password='a \'b\\' dbname=x\ y");
        assert_eq!((p["user"].as_str(), p["password"].as_str()), ("it's", "a 'b\\"));
        assert_eq!(p["dbname"], "x y");
        assert_eq!(get("shop")["dbname"], "shop");
    }

    #[test]
    fn errors_do_not_repeat_values() {
        for text in [
            "postgres://u:sec/ret@h/d",
            "postgres://u:%zzsecret@h/d",
            "user=u password=a secret",
            "user=u password='secret",
            "mysql://u:secret@h/d",
            "postgres://u:secret@h/d?sslmod=x",
            "postgres://u:secret@h/d?secret",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(!error.contains("ret") && !error.contains("zz"), "{text}: {error}");
        }
        assert!(parse("sslmod=x").unwrap_err().to_string().contains("did you mean \"sslmode\"?"));
        assert!(parse("sslcrl=x").unwrap_err().to_string().contains("not supported"));
    }
}
