//! Owns the exit codes. Must not print.

/// How a command ends, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It failed; the message says why and what to do.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The plan, or its fit to the database, is wrong; nothing was changed.
    Plan = 3,
    /// A gate refused: the old version is in use, a rollout is in the way, a guard cannot be read.
    Refused = 4,
    /// Stopped and resumable: interrupted, or paused and detached.
    Stopped = 5,
    /// A guard rolled it back.
    RolledBack = 6,
    /// Another supervisor has the lease.
    LeaseLost = 7,
    /// The outcome of a statement is not known: look before going on.
    Unknown = 8,
}

impl Exit {
    /// Stable, for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::Plan => "plan",
            Exit::Refused => "refused",
            Exit::Stopped => "stopped",
            Exit::RolledBack => "rolled_back",
            Exit::LeaseLost => "lease_lost",
            Exit::Unknown => "unknown",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> std::process::ExitCode {
        std::process::ExitCode::from(exit as u8)
    }
}
