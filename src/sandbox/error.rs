//! Owns what can go wrong with a private server, and how it is told. Must not decide what to do about it.

use super::wire::WireError;
use std::{io, path::PathBuf, time::Duration};
use thiserror::Error;

/// A private server could not be had, started or disturbed as asked.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// No usable server programs on this machine.
    #[error(
        "no PostgreSQL server programs (initdb and postgres, 14 to 18) were found. Looked at:\n{}\n\
         To get one: scripts/get-postgres. One that is elsewhere: SEGUE_PG_BIN=<the directory that holds initdb>.",
        .looked_at.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    )]
    NoServer {
        /// Every place looked at and why it did not do.
        looked_at: Vec<String>,
    },
    /// A directory that was named by the user does not do.
    #[error("{variable} names {}, which is of no use: {why}", .directory.display())]
    UnusableServer {
        /// The environment variable that named it.
        variable: &'static str,
        /// What it named.
        directory: PathBuf,
        /// Why it does not do.
        why: String,
    },
    /// Root may not run PostgreSQL and there is nobody to run it as.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor a user `nobody` to run it as. \
         Create one (useradd --system postgres) or start this as another user."
    )]
    NoAccount,
    /// A file, a directory or a process failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being tried.
        doing: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// initdb failed.
    #[error("initdb of {} failed:\n{output}", .directory.display())]
    Initdb {
        /// The programs' directory.
        directory: PathBuf,
        /// All it printed.
        output: String,
    },
    /// The server ended while it was starting.
    #[error("PostgreSQL {version} ended while starting ({status}); the end of its log:\n{log}")]
    EndedAtStart {
        /// The server's version.
        version: String,
        /// How it ended.
        status: String,
        /// The log's last lines.
        log: String,
    },
    /// Something did not happen in time.
    #[error("waited {} s in vain for {what}", .after.as_secs_f32())]
    TimedOut {
        /// What was awaited.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// Asked of a server that is not in the state for it.
    #[error("{0}")]
    Refused(String),
    /// The server could not be talked to, or refused what it was asked.
    #[error("{doing}: {source}")]
    Wire {
        /// What was being tried.
        doing: String,
        /// What came back.
        source: WireError,
    },
}

/// Says what was being tried, for errors that do not know it.
pub(super) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, SandboxError>;
}

impl<T> Doing<T> for Result<T, io::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, SandboxError> {
        self.map_err(|source| SandboxError::Io { doing: what(), source })
    }
}

impl<T> Doing<T> for Result<T, nix::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, SandboxError> {
        self.map_err(|errno| SandboxError::Io { doing: what(), source: errno.into() })
    }
}

impl<T> Doing<T> for Result<T, WireError> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, SandboxError> {
        self.map_err(|source| SandboxError::Wire { doing: what(), source })
    }
}
