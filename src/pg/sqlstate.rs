//! Owns the SQLSTATEs Segue tells apart and the one decision what sort of failure each is.
//! Must not retry anything: that is control's.

use super::error::{Attempt, Error, ErrorKind, Obstacle};
use serde::Serialize;

pub const WARNING: &str = "01000";
pub const FEATURE_NOT_SUPPORTED: &str = "0A000";
pub const UNIQUE_VIOLATION: &str = "23505";
pub const CHECK_VIOLATION: &str = "23514";
pub const NOT_NULL_VIOLATION: &str = "23502";
pub const FOREIGN_KEY_VIOLATION: &str = "23503";
pub const EXCLUSION_VIOLATION: &str = "23P01";
pub const NO_ACTIVE_TRANSACTION: &str = "25P01";
pub const IN_FAILED_TRANSACTION: &str = "25P02";
pub const READ_ONLY_TRANSACTION: &str = "25006";
pub const INVALID_AUTHORIZATION: &str = "28000";
pub const INVALID_PASSWORD: &str = "28P01";
pub const INVALID_CATALOG_NAME: &str = "3D000";
pub const SERIALIZATION_FAILURE: &str = "40001";
pub const STATEMENT_COMPLETION_UNKNOWN: &str = "40003";
pub const DEADLOCK_DETECTED: &str = "40P01";
pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
pub const UNDEFINED_COLUMN: &str = "42703";
pub const UNDEFINED_FUNCTION: &str = "42883";
pub const DATATYPE_MISMATCH: &str = "42804";
pub const UNDEFINED_TABLE: &str = "42P01";
pub const INVALID_OBJECT_DEFINITION: &str = "42P17";
pub const DUPLICATE_TABLE: &str = "42P07";
pub const DUPLICATE_OBJECT: &str = "42710";
pub const INVALID_SCHEMA_NAME: &str = "3F000";
pub const DISK_FULL: &str = "53100";
pub const TOO_MANY_CONNECTIONS: &str = "53300";
pub const OBJECT_IN_USE: &str = "55006";
pub const LOCK_NOT_AVAILABLE: &str = "55P03";
pub const QUERY_CANCELED: &str = "57014";
pub const ADMIN_SHUTDOWN: &str = "57P01";
pub const CRASH_SHUTDOWN: &str = "57P02";
pub const CANNOT_CONNECT_NOW: &str = "57P03";
pub const IDLE_SESSION_TIMEOUT: &str = "57P05";

/// What sort of failure an error is, as far as going on is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// `lock_timeout` passed, or NOWAIT found the lock taken: try again later.
    LockTimeout,
    Deadlock,
    Serialization,
    /// `statement_timeout` passed, or someone cancelled: `Canceller`, an operator, the supervisor.
    Cancelled,
    /// The session is gone or none could be had, and nothing is in doubt: open another.
    Connection,
    /// A standby, or a server set read-only: after a failover, look for the new primary.
    ReadOnly,
    TooManyConnections,
    DiskFull,
    Privilege,
    /// What was tried may have taken effect: look before doing it again.
    UnknownOutcome,
    /// Another server, or another history, than was bound to.
    Elsewhere,
    /// Trying again will give the same.
    Permanent,
}

/// The one place where it is decided what sort of failure an error is.
pub fn class(error: &Error) -> Class {
    if error.outcome_unknown() {
        return Class::UnknownOutcome;
    }
    match &*error.kind {
        ErrorKind::Server(server) => of_code(&server.code),
        ErrorKind::Lost { .. } | ErrorKind::Timeout { .. } => Class::Connection,
        ErrorKind::Connect(attempts) => of_attempts(attempts),
        ErrorKind::Protocol(_) => Class::Permanent,
    }
}

/// The class of a bare SQLSTATE.
pub fn of_code(code: &str) -> Class {
    match code {
        LOCK_NOT_AVAILABLE => Class::LockTimeout,
        DEADLOCK_DETECTED => Class::Deadlock,
        SERIALIZATION_FAILURE => Class::Serialization,
        QUERY_CANCELED => Class::Cancelled,
        ADMIN_SHUTDOWN | CRASH_SHUTDOWN | CANNOT_CONNECT_NOW | IDLE_SESSION_TIMEOUT => Class::Connection,
        READ_ONLY_TRANSACTION => Class::ReadOnly,
        TOO_MANY_CONNECTIONS => Class::TooManyConnections,
        DISK_FULL => Class::DiskFull,
        INSUFFICIENT_PRIVILEGE => Class::Privilege,
        STATEMENT_COMPLETION_UNKNOWN => Class::UnknownOutcome,
        _ if code.starts_with("08") => Class::Connection,
        _ => Class::Permanent,
    }
}

/// Of several hosts, the most hopeful reason counts: one that may answer next time makes it worth another try.
fn of_attempts(attempts: &[Attempt]) -> Class {
    let classes: Vec<Class> = attempts
        .iter()
        .map(|attempt| match &attempt.obstacle {
            Obstacle::Refused(server) => of_code(&server.code),
            Obstacle::Unreachable(_) | Obstacle::Silent(_) => Class::Connection,
            Obstacle::NotSuitable(_) => Class::ReadOnly,
            Obstacle::Elsewhere(_) => Class::Elsewhere,
            Obstacle::Tls(_) | Obstacle::Settings(_) => Class::Permanent,
        })
        .collect();
    // A settled refusal ends the search (dial stops there), so it counts over hosts that were down before it.
    if classes.last() == Some(&Class::Permanent) {
        return Class::Permanent;
    }
    // A server that has taken the other's place counts over one that is down.
    if classes.contains(&Class::Elsewhere) {
        return Class::Elsewhere;
    }
    [Class::Connection, Class::TooManyConnections, Class::ReadOnly]
        .into_iter()
        .find(|class| classes.contains(class))
        .or(classes.last().copied())
        .unwrap_or(Class::Permanent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::ServerError;
    use std::time::Duration;

    fn attempt(obstacle: Obstacle) -> Attempt {
        Attempt { host: "a:5432".into(), obstacle }
    }

    #[test]
    fn an_unknown_outcome_is_never_retried_as_a_lost_connection() {
        let lost = |outcome_unknown| {
            Error::new("x", ErrorKind::Lost { outcome_unknown, reason: "reset".into(), server: None })
        };
        assert_eq!(class(&lost(true)), Class::UnknownOutcome);
        assert_eq!(class(&lost(false)), Class::Connection);
        let late =
            Error::new("x", ErrorKind::Timeout { after: Duration::from_secs(1), outcome_unknown: true });
        assert_eq!(class(&late), Class::UnknownOutcome);
    }

    #[test]
    fn several_hosts_give_the_most_hopeful_class() {
        let standby = || attempt(Obstacle::NotSuitable("a standby".into()));
        let down = || attempt(Obstacle::Unreachable("refused".into()));
        let wrong =
            attempt(Obstacle::Refused(Box::new(ServerError { code: "28P01".into(), ..Default::default() })));
        let of = |attempts| class(&Error::new("x", ErrorKind::Connect(attempts)));
        assert_eq!(of(vec![standby(), standby()]), Class::ReadOnly);
        assert_eq!(of(vec![down(), standby()]), Class::Connection);
        assert_eq!(of(vec![down(), wrong]), Class::Permanent);
    }
}
