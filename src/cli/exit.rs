//! Owns the exit codes of the contract and which ending gives which. Must not end the process.

use crate::control::state::Ending;
use std::process::ExitCode;

/// How a command ended, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It failed; the message says what to do.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The plan, or its fit to the database, is wrong.
    PlanWrong = 3,
    /// A gate refused: the old version is in use, a rollout is in the way, a guard cannot be read.
    Refused = 4,
    /// Stopped at a safe point and resumable: interrupted, postponed, paused and detached.
    Stopped = 5,
    /// A guard rolled it back.
    RolledBackByGuard = 6,
    /// Another supervisor has the lease.
    LeaseLost = 7,
    /// Whether the last thing happened is not known: look before going on.
    Unknown = 8,
}

impl Exit {
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What a supervisor's ending means for the command that ran it. `asked_back`: the command was to
    /// roll back; for any other, a rollback that somebody else asked for is not what was asked here.
    pub fn of(ending: &Ending, asked_back: bool) -> Exit {
        match ending {
            Ending::Ready | Ending::Completed => Exit::Done,
            Ending::RolledBack { by_guard: Some(_) } => Exit::RolledBackByGuard,
            Ending::RolledBack { by_guard: None } if asked_back => Exit::Done,
            Ending::RolledBack { by_guard: None } | Ending::Failed { .. } => Exit::Failed,
            Ending::Refused { .. } => Exit::Refused,
            Ending::Interrupted | Ending::Postponed { .. } => Exit::Stopped,
            Ending::LeaseLost => Exit::LeaseLost,
            Ending::Unknown { .. } => Exit::Unknown,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_contracts() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::PlanWrong,
            Exit::Refused,
            Exit::Stopped,
            Exit::RolledBackByGuard,
            Exit::LeaseLost,
            Exit::Unknown,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_rollback_is_success_only_for_who_asked_for_it() {
        let by = |guard: Option<&str>| Ending::RolledBack { by_guard: guard.map(str::to_owned) };
        assert_eq!(Exit::of(&by(None), true), Exit::Done);
        assert_eq!(Exit::of(&by(None), false), Exit::Failed);
        assert_eq!(Exit::of(&by(Some("replication_lag")), false), Exit::RolledBackByGuard);
    }
}
