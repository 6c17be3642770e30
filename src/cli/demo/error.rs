//! Owns what can go wrong with the demonstration and how it is told. Must not print it.

use crate::sandbox::{SandboxError, wire::WireError};
use std::{io, process::ExitStatus, time::Duration};
use thiserror::Error;

/// The demonstration did not come to its end.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The private servers.
    #[error("{0}")]
    Sandbox(#[from] SandboxError),
    /// A file or a process.
    #[error("{doing}: {source}")]
    Io {
        /// What was being tried.
        doing: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A statement of the demonstration's own.
    #[error("{doing}: {source}")]
    Wire {
        /// What was being tried.
        doing: String,
        /// What the server answered.
        source: WireError,
    },
    /// A program that was run failed.
    #[error("`{command}` ended with {status}{}", tail(.said))]
    Program {
        /// The command, without addresses.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        said: String,
    },
    /// Something did not come in time.
    #[error("waited {} s in vain for {what}", .after.as_secs())]
    Late {
        /// What was awaited.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// A measurement came back in another form than its query has.
    #[error("{doing}: the answer {answer:?} is not what was asked for")]
    Answer {
        /// What was being measured.
        doing: String,
        /// What came.
        answer: String,
    },
    /// A person stopped it.
    #[error("interrupted; the private servers and their files are gone")]
    Interrupted,
}

fn tail(said: &str) -> String {
    if said.trim().is_empty() { String::new() } else { format!("; it said:\n{}", said.trim_end()) }
}

/// Says what was being tried, for errors that do not know it.
pub(super) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, DemoError>;
}

impl<T> Doing<T> for Result<T, io::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, DemoError> {
        self.map_err(|source| DemoError::Io { doing: what(), source })
    }
}

impl<T> Doing<T> for Result<T, WireError> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, DemoError> {
        self.map_err(|source| DemoError::Wire { doing: what(), source })
    }
}
