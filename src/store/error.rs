//! Owns what can go wrong with Segue's own schema, beyond a failure of the connection.

use crate::pg;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Pg(#[from] pg::Error),
    /// By a test.
    #[error(transparent)]
    Injected(#[from] crate::failpoint::Injected),
    /// Another supervisor has taken over: this one must stop.
    #[error(
        "another supervisor has taken over rollout {rollout}: term {term} is over. Nothing was written; stop here \
         and look at `segue status`"
    )]
    Superseded { rollout: i64, term: i64 },
    #[error(
        "the lease on schema {schema:?} was lost: term {term} is over. Another supervisor has it, or it was removed"
    )]
    LeaseLost { schema: String, term: i64 },
    #[error(
        "Segue's schema in this database is of version {stored}, and this segue knows versions up to {known}. \
         Use a newer segue"
    )]
    Newer { stored: i32, known: i32 },
    /// `lacking` completes "role x may not …"; `grant` is SQL for whoever may give it.
    #[error("role {role:?} may not {lacking}. Let the owner or a superuser run:\n  {}", grant.join("\n  "))]
    Privilege { role: String, lacking: String, grant: Vec<String> },
    #[error(
        "rollout {id} ({plan}) of schema {schema:?} has not ended (it is {state}), and a schema has one at a time. \
         Complete it or roll it back first"
    )]
    InTheWay { schema: String, id: i64, plan: String, state: String },
    #[error("there is no rollout {0}")]
    NoRollout(i64),
    /// What is stored does not fit the types: another version wrote it, or somebody edited it.
    #[error("the stored {what} of rollout {rollout} cannot be read: {message}")]
    Unreadable { rollout: i64, what: &'static str, message: String },
}

impl Error {
    /// Whether this supervisor is no longer the one.
    pub fn is_superseded(&self) -> bool {
        matches!(self, Error::Superseded { .. } | Error::LeaseLost { .. })
    }

    /// The connection's error, if that is what it was.
    pub fn as_pg(&self) -> Option<&pg::Error> {
        match self {
            Error::Pg(error) => Some(error),
            _ => None,
        }
    }
}
