//! Owns the way from a `Config` to one connection that is secured, suitable and set up: hosts in
//! turn, sslmode's fallbacks, target_session_attrs. Must not run anything beyond that.

use super::{
    config::{Bound, Config, Host, Place},
    driver::Side,
    error::{Attempt, Error, ErrorKind, Obstacle, ServerError, chain},
    limits::{Scope, Setup},
    sqlstate,
    target::Target,
    tls::{self, SslMode},
};
use std::{
    cmp::Ordering,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_postgres::{
    CancelToken, Client, NoTls, SimpleQueryMessage,
    config::{SslMode as Wire, SslNegotiation},
    tls::{ChannelBinding, TlsConnect, TlsStream},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The oldest PostgreSQL that Segue works with, as `server_version_num` has it.
const OLDEST: u32 = 140_000;

/// What a session knows of its server from the start.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub host: String,
    pub backend_pid: i32,
    pub server_version: u32,
    pub in_recovery: bool,
    pub read_only: bool,
    pub pooled: bool,
}

/// A connection that is up.
pub(super) struct Line {
    pub client: Client,
    pub driver: JoinHandle<()>,
    pub link: Link,
}

/// What belongs to a connection beside its client.
#[derive(Clone)]
pub(super) struct Link {
    pub side: Arc<Side>,
    pub facts: Arc<Facts>,
    pub tls: Option<MakeRustlsConnect>,
}

/// Opens a session on the first host that will do. `role` goes into `application_name`.
pub(super) async fn dial(
    config: &Config,
    role: &str,
    setup: &Setup,
    deadline: Duration,
) -> Result<Line, Error> {
    let end = Instant::now() + deadline;
    let mut hosts: Vec<&Host> = config.hosts.iter().filter(|host| may_be_there(host)).collect();
    if config.shuffle {
        fastrand::shuffle(&mut hosts);
    }
    let mut attempts = Vec::new();
    let mut target = Some(config.target);
    while let Some(wanted) = target {
        for (at, host) in hosts.iter().enumerate() {
            // A dead host must not use up the time of those after it.
            let left = end.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(hosts.len() - at).unwrap_or(u32::MAX);
            let share = config.connect_timeout.map_or(share, |own| own.min(share));
            let attempt = timeout_at(Instant::now() + share, one(config, host, role, setup, wanted)).await;
            let obstacle = match attempt {
                Ok(Ok(line)) => return Ok(line),
                Ok(Err(obstacle)) => obstacle,
                Err(_) => Obstacle::Silent(share),
            };
            let settled = is_settled(&obstacle);
            attempts.push(Attempt { host: host.to_string(), obstacle });
            if settled {
                return Err(failure(config, role, attempts));
            }
        }
        target = wanted.second_choice();
    }
    Err(failure(config, role, attempts))
}

fn failure(config: &Config, role: &str, attempts: Vec<Attempt>) -> Error {
    let doing = format!("connecting to {} as {} (segue/{role})", config.dbname, config.user);
    Error::new(doing, ErrorKind::Connect(attempts))
}

/// A place nobody named counts only if a server's socket is there.
fn may_be_there(host: &Host) -> bool {
    match &host.place {
        Place::Unix(directory) if host.implicit => directory.join(format!(".s.PGSQL.{}", host.port)).exists(),
        _ => true,
    }
}

/// As for libpq, a server that answers and says no ends the search; the next host is for when one is down.
fn is_settled(obstacle: &Obstacle) -> bool {
    match obstacle {
        Obstacle::Refused(server) => sqlstate::of_code(&server.code) == sqlstate::Class::Permanent,
        Obstacle::Settings(_) => true,
        Obstacle::Unreachable(_)
        | Obstacle::Silent(_)
        | Obstacle::Tls(_)
        | Obstacle::NotSuitable(_)
        | Obstacle::Elsewhere(_) => false,
    }
}

async fn one(
    config: &Config,
    host: &Host,
    role: &str,
    setup: &Setup,
    wanted: Target,
) -> Result<Line, Obstacle> {
    // Sockets are never encrypted; libpq ignores sslmode there.
    let mode = match host.place {
        Place::Unix(_) => SslMode::Disable,
        Place::Tcp { .. } => config.tls.mode,
    };
    match mode {
        SslMode::Disable => attempt(config, host, role, setup, wanted, Wire::Disable).await,
        SslMode::Allow => match attempt(config, host, role, setup, wanted, Wire::Disable).await {
            Err(Obstacle::Refused(server)) if server.code == sqlstate::INVALID_AUTHORIZATION => {
                attempt(config, host, role, setup, wanted, Wire::Require).await
            }
            other => other,
        },
        SslMode::Prefer => match attempt(config, host, role, setup, wanted, Wire::Prefer).await {
            Err(Obstacle::Tls(_)) => attempt(config, host, role, setup, wanted, Wire::Disable).await,
            // pg_hba.conf may have a line for unencrypted connections only; if not, the first answer says more.
            Err(Obstacle::Refused(first)) if first.code == sqlstate::INVALID_AUTHORIZATION => {
                attempt(config, host, role, setup, wanted, Wire::Disable)
                    .await
                    .map_err(|_| Obstacle::Refused(first))
            }
            other => other,
        },
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            attempt(config, host, role, setup, wanted, Wire::Require).await
        }
    }
}

async fn attempt(
    config: &Config,
    host: &Host,
    role: &str,
    setup: &Setup,
    wanted: Target,
    wire: Wire,
) -> Result<Line, Obstacle> {
    let parameters = parameters(config, host, role, wire);
    let tls = match wire {
        Wire::Disable => None,
        _ => Some(config.tls.connector().map_err(Obstacle::Settings)?),
    };
    let (client, side, driver) = match &tls {
        None => {
            let (client, connection) = parameters.connect(NoTls).await.map_err(|e| obstacle(&e))?;
            let (side, driver) = Side::drive(connection);
            (client, side, driver)
        }
        Some(tls) => {
            let (client, connection) = parameters.connect(tls.clone()).await.map_err(|e| obstacle(&e))?;
            let (side, driver) = Side::drive(connection);
            (client, side, driver)
        }
    };
    let facts = match identify(&client, host).await {
        Ok(facts) => facts,
        Err(obstacle) => {
            side.give_up();
            return Err(obstacle);
        }
    };
    let unfit = match wanted.refuses(facts.in_recovery, facts.read_only) {
        Some(why) => Some(why.to_owned()),
        None if facts.server_version < OLDEST => {
            let major = facts.server_version / 10_000;
            Some(format!("this server is PostgreSQL {major}; Segue needs 14 or newer"))
        }
        None => None,
    };
    if let Some(why) = unfit {
        side.give_up();
        return Err(Obstacle::NotSuitable(why));
    }
    if let Some(bound) = &config.bound
        && let Err(obstacle) = is_bound(&client, bound).await
    {
        side.give_up();
        return Err(obstacle);
    }
    if !facts.pooled {
        set_up(&client, setup).await.map_err(|e| obstacle(&e))?;
    }
    Ok(Line { client, driver, link: Link { side, facts: Arc::new(facts), tls } })
}

fn parameters(config: &Config, host: &Host, role: &str, wire: Wire) -> tokio_postgres::Config {
    let mut to = tokio_postgres::Config::new();
    match &host.place {
        Place::Unix(directory) => {
            to.host_path(directory);
        }
        Place::Tcp { name, address } => {
            to.host(name);
            if let Some(address) = address {
                to.hostaddr(*address);
            }
        }
    }
    to.port(host.port).user(&config.user).dbname(&config.dbname).ssl_mode(wire);
    to.application_name(format!("segue/{role}")).channel_binding(config.channel_binding);
    if config.tls.direct && wire == Wire::Require {
        to.ssl_negotiation(SslNegotiation::Direct);
    }
    if let Some(password) = &host.password {
        to.password(password);
    }
    if let Some(options) = &config.options {
        to.options(options);
    }
    if let Some(limit) = config.connect_timeout {
        to.connect_timeout(limit);
    }
    let keepalive = &config.keepalive;
    to.keepalives(keepalive.on)
        .keepalives_idle(keepalive.idle)
        .keepalives_interval(keepalive.interval)
        .keepalives_retries(keepalive.retries)
        .tcp_user_timeout(keepalive.user_timeout);
    to
}

fn obstacle(e: &tokio_postgres::Error) -> Obstacle {
    if let Some(db) = e.as_db_error() {
        let mut server = ServerError::of(db);
        if server.code == sqlstate::INVALID_AUTHORIZATION && server.hint.is_none() {
            server.hint =
                Some("pg_hba.conf on the server, and sslmode here, decide who may connect how".into());
        }
        return Obstacle::Refused(Box::new(server));
    }
    // The kind is private; this is its text.
    match e.to_string().as_str() {
        "error performing TLS handshake" => Obstacle::Tls(tls::explain(e)),
        "invalid configuration" => {
            let why = chain(e);
            let hint =
                if why.contains("password") { " (set it in the URL, PGPASSWORD or ~/.pgpass)" } else { "" };
            Obstacle::Settings(format!("{why}{hint}"))
        }
        "authentication error" => Obstacle::Settings(chain(e)),
        _ => Obstacle::Unreachable(chain(e)),
    }
}

/// Names are qualified, because nothing is known yet of the session's search_path.
const WHO: &str = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(), \
     pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('server_version_num')";

async fn identify(client: &Client, host: &Host) -> Result<Facts, Obstacle> {
    let messages = client.simple_query(WHO).await.map_err(|e| obstacle(&e))?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let odd = || Obstacle::Unreachable("the server does not say what it is; is it PostgreSQL?".to_owned());
    let cell = |at| row.and_then(|row| row.get(at)).ok_or_else(odd);
    let backend_pid: i32 = cell(0)?.parse().map_err(|_| odd())?;
    let promised = promised_pid(&client.cancel_token()).await;
    Ok(Facts {
        host: host.to_string(),
        backend_pid,
        in_recovery: cell(1)? == "t",
        read_only: cell(2)? == "on",
        server_version: cell(3)?.parse().map_err(|_| odd())?,
        // A server gives the client its own pid for cancelling; a pooler in between gives one that it made up.
        pooled: promised.is_some_and(|promised| promised != backend_pid),
    })
}

const WHICH: &str = "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()), \
     CASE WHEN NOT pg_catalog.pg_is_in_recovery() \
     THEN pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END";

/// Whether it is the server that is asked for, with the history that it had.
async fn is_bound(client: &Client, bound: &Bound) -> Result<(), Obstacle> {
    let messages = client.simple_query(WHICH).await.map_err(|e| obstacle(&e))?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?, row.get(1))),
        _ => None,
    });
    let Some((system, timeline)) = row else {
        return Err(Obstacle::Unreachable("the server does not say which it is".to_owned()));
    };
    if system != bound.system {
        let known = &bound.system;
        return Err(Obstacle::Elsewhere(format!(
            "this is another database cluster (system identifier {system}, not {known})"
        )));
    }
    let Some(timeline) = timeline else {
        return Err(Obstacle::NotSuitable("this server is in recovery; a primary is needed".to_owned()));
    };
    // Eight hexadecimal digits: text compares as numbers do.
    match timeline.cmp(bound.timeline.as_str()) {
        Ordering::Equal => Ok(()),
        Ordering::Greater if bound.or_later => Ok(()),
        Ordering::Greater => {
            Err(Obstacle::Elsewhere(format!("another server was promoted (timeline {timeline})")))
        }
        Ordering::Less => Err(Obstacle::NotSuitable(format!(
            "this is the primary of an earlier time (timeline {timeline}, now {})",
            bound.timeline
        ))),
    }
}

/// Brings a session to the state every statement of Segue's counts on.
pub(super) async fn set_up(client: &Client, setup: &Setup) -> Result<(), tokio_postgres::Error> {
    let sql = setup.sql(Scope::Session);
    let [first, second] = Setup::OPTIONAL;
    // One round trip for all three. The optional ones fail by themselves where the platform has no such thing.
    let (result, _, _) = tokio::join!(biased; client.batch_execute(&sql), client.batch_execute(first), client.batch_execute(second));
    result
}

/// The process id the server named at startup. tokio-postgres keeps it private but writes it into a cancel request,
/// which is sent here to nobody and read back.
async fn promised_pid(token: &CancelToken) -> Option<i32> {
    let tap = Tap::default();
    token.cancel_query_raw(tap.clone(), NobodyTls).await.ok()?;
    let written = tap.0.lock().unwrap_or_else(PoisonError::into_inner);
    // A cancel request is 16 bytes: length, code, process id, key. With TLS asked for, another message goes before it.
    let request = written.len().checked_sub(16).map(|at| &written[at..])?;
    Some(i32::from_be_bytes(request[8..12].try_into().ok()?))
}

/// A stream that keeps what is written and answers "yes, TLS".
#[derive(Clone, Default)]
struct Tap(Arc<Mutex<Vec<u8>>>);

struct NobodyTls;

impl AsyncRead for Tap {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        buf.put_slice(b"S");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for Tap {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl TlsConnect<Tap> for NobodyTls {
    type Stream = Tap;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Tap>>;

    fn connect(self, stream: Tap) -> Self::Future {
        std::future::ready(Ok(stream))
    }
}
