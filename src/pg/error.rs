//! Owns what can go wrong between Segue and a server, as a value that says what was being tried.
//! Must not decide what to do about it: that is `sqlstate::class`'s.

use serde::Serialize;
use std::{error::Error as _, fmt, time::Duration};
use tokio_postgres::error::{DbError, ErrorPosition, Severity};

/// What the server itself said, field for field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServerError {
    /// As the server wrote it (it may be translated): `ERROR`, `FATAL`, `WARNING`.
    pub severity: String,
    /// The SQLSTATE, five characters.
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Character in the statement sent, from 1.
    pub position: Option<u32>,
    /// The statement of the server's own, or of a function's, that failed.
    pub internal_query: Option<String>,
    /// The call stack, innermost first.
    pub context: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub datatype: Option<String>,
    pub constraint: Option<String>,
}

impl ServerError {
    pub(super) fn of(e: &DbError) -> ServerError {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let (position, internal_query) = match e.position() {
            Some(ErrorPosition::Original(at)) => (Some(*at), None),
            Some(ErrorPosition::Internal { query, .. }) => (None, Some(query.clone())),
            None => (None, None),
        };
        ServerError {
            severity: e.severity().to_owned(),
            code: e.code().code().to_owned(),
            message: e.message().to_owned(),
            detail: own(e.detail()),
            hint: own(e.hint()),
            position,
            internal_query,
            context: own(e.where_()),
            schema: own(e.schema()),
            table: own(e.table()),
            column: own(e.column()),
            datatype: own(e.datatype()),
            constraint: own(e.constraint()),
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.severity, self.code, self.message)?;
        let mut line = |label: &str, text: &Option<String>| match text {
            Some(text) => write!(f, "\n  {label}: {}", text.replace('\n', "\n    ")),
            None => Ok(()),
        };
        line("detail", &self.detail)?;
        line("hint", &self.hint)?;
        line("in", &self.internal_query)?;
        line("where", &self.context)
    }
}

/// Why one host could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Obstacle {
    /// The server answered and refused.
    Refused(Box<ServerError>),
    /// No server answered: not resolved, not reachable, the connection broke.
    Unreachable(String),
    /// No answer within this time.
    Silent(Duration),
    /// No trust: TLS is not offered, or the certificate is not what was asked for.
    Tls(String),
    /// The connection parameters cannot be carried out (an unreadable key file, say).
    Settings(String),
    /// A server that answers but is not of the sort asked for, such as a standby.
    NotSuitable(String),
    /// Another server, or the same one with another history, than was bound to; the text says how.
    Elsewhere(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Refused(server) => write!(f, "{server}"),
            Obstacle::Silent(after) => write!(f, "no answer within {after:?}"),
            Obstacle::Unreachable(text)
            | Obstacle::Tls(text)
            | Obstacle::Settings(text)
            | Obstacle::NotSuitable(text)
            | Obstacle::Elsewhere(text) => f.write_str(text),
        }
    }
}

/// One host that was tried, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// `name:port`, or the socket's path.
    pub host: String,
    pub obstacle: Obstacle,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ErrorKind {
    /// The server refused the statement; the session lives.
    Server(ServerError),
    /// No session could be opened; every host tried is listed.
    Connect(Vec<Attempt>),
    /// The session is gone. `outcome_unknown` when a COMMIT, or a writing statement outside any
    /// transaction, was under way: it may have taken effect.
    Lost { outcome_unknown: bool, reason: String, server: Option<ServerError> },
    /// Our own deadline passed. The session has been given up when the statement had been sent.
    Timeout { after: Duration, outcome_unknown: bool },
    /// An answer that does not fit the question: wrong number of rows, wrong type.
    Protocol(String),
}

/// A failure of the world, with what was being tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Error {
    /// Completes "while …": `reading the catalog`.
    pub doing: String,
    pub kind: Box<ErrorKind>,
}

/// What was at stake in a statement, if its answer never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stake {
    /// Nothing: it reads, or the transaction around it dies with the session.
    Nothing,
    /// It may have taken effect.
    Effect,
}

impl Error {
    pub fn new(doing: impl Into<String>, kind: ErrorKind) -> Error {
        Error { doing: doing.into(), kind: Box::new(kind) }
    }

    pub fn protocol(doing: impl Into<String>, what: impl Into<String>) -> Error {
        Error::new(doing, ErrorKind::Protocol(what.into()))
    }

    /// The server's five-character code, where the server said something.
    pub fn sqlstate(&self) -> Option<&str> {
        self.server().map(|server| server.code.as_str())
    }

    /// What the server said, if it was the server that failed us.
    pub fn server(&self) -> Option<&ServerError> {
        match &*self.kind {
            ErrorKind::Server(server) => Some(server),
            ErrorKind::Lost { server, .. } => server.as_ref(),
            ErrorKind::Connect(attempts) => attempts.iter().rev().find_map(|a| match &a.obstacle {
                Obstacle::Refused(server) => Some(&**server),
                _ => None,
            }),
            ErrorKind::Timeout { .. } | ErrorKind::Protocol(_) => None,
        }
    }

    /// Whether what was tried may have taken effect although it failed.
    pub fn outcome_unknown(&self) -> bool {
        match &*self.kind {
            ErrorKind::Lost { outcome_unknown, .. } | ErrorKind::Timeout { outcome_unknown, .. } => {
                *outcome_unknown
            }
            ErrorKind::Server(server) => server.code == super::sqlstate::STATEMENT_COMPLETION_UNKNOWN,
            ErrorKind::Connect(_) | ErrorKind::Protocol(_) => false,
        }
    }

    /// Whether a server answered that is not what was asked for, such as a standby where a primary was.
    pub fn met_unsuitable(&self) -> bool {
        let unsuitable = |attempt: &Attempt| matches!(attempt.obstacle, Obstacle::NotSuitable(_));
        matches!(&*self.kind, ErrorKind::Connect(attempts) if attempts.iter().any(unsuitable))
    }

    /// Whether the session the error came from can no longer be used.
    pub fn session_is_gone(&self) -> bool {
        matches!(&*self.kind, ErrorKind::Lost { .. } | ErrorKind::Timeout { .. } | ErrorKind::Connect(_))
    }

    /// Reads tokio-postgres' error, whose Display says only "db error". `ended` is what the
    /// connection's driver saw at its end.
    pub(super) fn from_statement(
        doing: &str,
        e: &tokio_postgres::Error,
        stake: Stake,
        ended: Option<Ended>,
    ) -> Error {
        let outcome_unknown = stake == Stake::Effect;
        let kind = match e.as_db_error() {
            Some(db) if is_fatal(db) => {
                let server = ServerError::of(db);
                ErrorKind::Lost { outcome_unknown, reason: server.message.clone(), server: Some(server) }
            }
            Some(db) => ErrorKind::Server(ServerError::of(db)),
            None if is_lost(e) => {
                let ended = ended.unwrap_or_else(|| Ended { reason: chain(e), server: None });
                ErrorKind::Lost { outcome_unknown, reason: ended.reason, server: ended.server }
            }
            None => ErrorKind::Protocol(chain(e)),
        };
        Error::new(doing, kind)
    }
}

/// How a connection ended, as its driver saw it.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub reason: String,
    pub server: Option<ServerError>,
}

impl Ended {
    pub fn of(e: &tokio_postgres::Error) -> Ended {
        match e.as_db_error() {
            Some(db) => Ended { reason: db.message().to_owned(), server: Some(ServerError::of(db)) },
            None => Ended { reason: chain(e), server: None },
        }
    }
}

fn is_fatal(db: &DbError) -> bool {
    matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

fn is_lost(e: &tokio_postgres::Error) -> bool {
    e.is_closed() || e.source().is_some_and(|source| source.is::<std::io::Error>() && !is_decoding(e))
}

/// tokio-postgres wraps some decoding faults in `io::Error` too; its kinds are private, its text is not.
fn is_decoding(e: &tokio_postgres::Error) -> bool {
    let text = e.to_string();
    text.starts_with("error parsing") || text.starts_with("error encoding")
}

/// An error and all its causes, each said once.
pub(super) fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        let next = e.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = e.source();
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "while {}: ", self.doing)?;
        match &*self.kind {
            ErrorKind::Server(server) => write!(f, "{server}"),
            ErrorKind::Connect(attempts) => {
                f.write_str("no session could be opened")?;
                for attempt in attempts {
                    let why = attempt.obstacle.to_string().replace('\n', "\n  ");
                    write!(f, "\n  {}: {why}", attempt.host)?;
                }
                Ok(())
            }
            ErrorKind::Lost { outcome_unknown, reason, server } => {
                f.write_str("the connection was lost: ")?;
                match server {
                    Some(server) => write!(f, "{server}")?,
                    None => f.write_str(reason)?,
                }
                unknown(f, *outcome_unknown)
            }
            ErrorKind::Timeout { after, outcome_unknown } => {
                write!(f, "no answer from the server within {after:?}")?;
                unknown(f, *outcome_unknown)
            }
            ErrorKind::Protocol(what) => f.write_str(what),
        }
    }
}

fn unknown(f: &mut fmt::Formatter<'_>, is: bool) -> fmt::Result {
    if is {
        f.write_str("\n  It is not known whether it took effect: look before going on.")?;
    }
    Ok(())
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_all_that_the_server_said() {
        let server = ServerError {
            severity: "ERROR".into(),
            code: "55P03".into(),
            message: "canceling statement due to lock timeout".into(),
            detail: Some("a\nb".into()),
            hint: Some("try later".into()),
            ..ServerError::default()
        };
        let error = Error::new("locking users", ErrorKind::Server(server));
        assert_eq!(
            error.to_string(),
            "while locking users: ERROR 55P03: canceling statement due to lock timeout\n  \
             detail: a\n    b\n  hint: try later"
        );
        assert_eq!(error.sqlstate(), Some("55P03"));
        assert!(!error.outcome_unknown() && !error.session_is_gone());
    }

    #[test]
    fn an_unknown_outcome_is_said() {
        let kind =
            ErrorKind::Lost { outcome_unknown: true, reason: "connection closed".into(), server: None };
        let error = Error::new("committing", kind);
        assert!(error.outcome_unknown());
        assert!(error.to_string().contains("look before going on"), "{error}");
    }
}
