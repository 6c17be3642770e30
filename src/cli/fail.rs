//! Owns how a command that did not do what was asked ends: which exit code a failure is. Must not print.

use super::exit::Exit;
use crate::control::advance::Ending;
use crate::diagnostic::Diagnostics;
use crate::pg;
use crate::store;
use crate::supervise::begin::NotBegun;

/// Why a command ends early.
#[derive(Debug)]
pub struct Fail {
    pub exit: Exit,
    pub message: String,
    pub help: Option<String>,
    /// Faults in what the operator gave us, each with its place.
    pub diagnostics: Diagnostics,
}

impl Fail {
    pub fn new(exit: Exit, message: impl Into<String>) -> Fail {
        Fail { exit, message: message.into(), help: None, diagnostics: Diagnostics::default() }
    }

    pub fn help(mut self, help: impl Into<String>) -> Fail {
        self.help = Some(help.into());
        self
    }

    /// The plan, or its fit to the database.
    pub fn plan(diagnostics: Diagnostics) -> Fail {
        let errors =
            diagnostics.0.iter().filter(|d| d.severity == crate::diagnostic::Severity::Error).count();
        let message = match errors {
            1 => "1 error; nothing was changed".to_owned(),
            n => format!("{n} errors; nothing was changed"),
        };
        Fail { diagnostics, ..Fail::new(Exit::Plan, message) }
    }
}

impl From<pg::Error> for Fail {
    fn from(error: pg::Error) -> Fail {
        let exit = if error.outcome_unknown() { Exit::Unknown } else { Exit::Failed };
        Fail::new(exit, error.to_string())
    }
}

impl From<pg::ConfigError> for Fail {
    fn from(error: pg::ConfigError) -> Fail {
        let help = error.help.clone();
        Fail { help, ..Fail::new(Exit::Usage, error.message) }
    }
}

impl From<store::Error> for Fail {
    fn from(error: store::Error) -> Fail {
        match error {
            store::Error::Pg(error) => error.into(),
            store::Error::InTheWay { ref state, .. } => {
                let help = match state.as_str() {
                    "ready" => "`segue complete` finishes it, `segue rollback` undoes it",
                    _ => {
                        "`segue status` shows it; `segue resume` goes on with it, `segue rollback` undoes it"
                    }
                };
                Fail::new(Exit::Refused, error.to_string()).help(help)
            }
            store::Error::Superseded { .. } | store::Error::LeaseLost { .. } => {
                Fail::new(Exit::LeaseLost, error.to_string())
            }
            other => Fail::new(Exit::Failed, other.to_string()),
        }
    }
}

impl From<NotBegun> for Fail {
    fn from(error: NotBegun) -> Fail {
        match error {
            NotBegun::Store(error) => error.into(),
            NotBegun::Supervised { .. } => Fail::new(Exit::Refused, error.to_string()).help(
                "`segue status` shows what it does; `segue pause`, `resume` and `rollback` reach it from here",
            ),
            NotBegun::Another(_) => Fail::new(Exit::Refused, error.to_string())
                .help("point --url at the server that it was begun on"),
            NotBegun::Busy => Fail::new(Exit::Refused, error.to_string()),
        }
    }
}

/// What the end of a supervisor's run is to the one who started it.
pub fn of_ending(ending: &Ending) -> Result<(), Fail> {
    let fail = match ending {
        Ending::Ready | Ending::Completed | Ending::RolledBack { by_guard: None } => return Ok(()),
        Ending::RolledBack { by_guard: Some(guard) } => {
            Fail::new(Exit::RolledBack, format!("rolled back by the guard {guard}"))
                .help("`segue log` has the evidence; the schema is as it was before")
        }
        Ending::Failed { error } => Fail::new(Exit::Failed, error.clone())
            .help("`segue resume` tries again from here; before the contract `segue rollback` undoes it"),
        Ending::ContractHeld { hold } => Fail::new(Exit::Refused, hold.why())
            .help("both versions stay live; once it is released, `segue complete` goes on"),
        Ending::Refused { users } => {
            let message = format!("the old version is in use:\n  {}", users.join("\n  "));
            Fail::new(Exit::Refused, message)
                .help("move these applications to the new version, then `segue complete`; --force drops it all the same")
        }
        Ending::NotWhole { faults } => {
            let message = format!(
                "what the contract stands on is not as it has to be, and there is no way back from it:\n  {}",
                faults.join("\n  ")
            );
            Fail::new(Exit::Refused, message)
                .help("put this right, see with `segue verify` that the versions are in step, then `segue complete`; `segue rollback` undoes the rollout")
        }
        Ending::Interrupted => Fail::new(Exit::Stopped, "stopped; the rollout can go on from here")
            .help("`segue resume` goes on; before the contract `segue rollback` undoes it"),
        Ending::Postponed { blockers } => Fail::new(
            Exit::Stopped,
            format!("postponed: a strong lock was not to be had within the budget: {blockers}"),
        )
        .help("end or wait for what is in the way, then `segue resume`; before the contract `segue rollback` undoes the rollout"),
        Ending::LeaseLost => Fail::new(Exit::LeaseLost, "another supervisor has taken over this rollout")
            .help("see `segue status`"),
        Ending::Elsewhere { why } => Fail::new(Exit::Stopped, format!("the server is another one: {why}"))
            .help("`segue resume` goes on with what is stored there"),
        Ending::Unknown { error } => Fail::new(Exit::Unknown, format!("the outcome is not known: {error}"))
            .help("look at the database and `segue log`; then `segue resume` or `segue rollback`"),
    };
    Err(fail)
}
