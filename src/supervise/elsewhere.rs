//! Owns what a supervisor does about which server it is on: going on with a successor, proving what is there, and the holds
//! of a server that is not to be written to. Must not decide what a change means: that is `control::server`'s.

use super::{Outside, Supervisor, begin};
use crate::clock;
use crate::control::advance::{Ending, Event};
use crate::control::hold::Hold;
use crate::control::server;
use crate::control::signal::Snapshot;
use crate::control::state::{State, StepStatus};
use crate::execute::verify;
use crate::pg::{self, Class};
use crate::store;

impl Supervisor {
    /// Supervises until there is nothing left to do here. The lease is given up at the end. Where another server takes this one's
    /// place, it goes on there, from what is stored there.
    pub async fn run(self) -> Result<Ending, begin::NotBegun> {
        let mut supervisor = self;
        loop {
            let known = supervisor.server.clone();
            let (ended, outside, rollout) = supervisor.run_here().await;
            let why = match ended {
                Ok(Ending::Elsewhere { why }) => why,
                Err(store::Error::Pg(error)) if pg::class(&error) == Class::Elsewhere => error.to_string(),
                ended => return Ok(ended?),
            };
            tracing::warn!(
                why,
                "this is not the server that the supervisor began with; what is stored there counts"
            );
            supervisor = match begin::again(outside, rollout, &known).await? {
                Some(supervisor) => supervisor,
                None => return Ok(Ending::Interrupted),
            };
        }
    }

    async fn run_here(mut self) -> (Result<Ending, store::Error>, Outside, store::Rollout) {
        let ended = self.supervise().await;
        self.monitor.stop();
        self.permits.send_modify(|permit| permit.stop = true);
        let ended = match ended {
            Ok(ending @ Ending::Elsewhere { .. }) => Ok(ending),
            Ok(ending) => match self.keeper.say_state(&self.state).await {
                Ok(()) => {
                    // A lease that cannot be given up runs out by itself.
                    if let Err(error) = self.keeper.release().await {
                        tracing::debug!(%error, "the lease was not given up");
                    }
                    Ok(ending)
                }
                Err(error) => Err(error),
            },
            Err(error) if error.is_superseded() => Ok(Ending::LeaseLost),
            // The lease runs out by itself, or with the session that the server no longer has.
            Err(error) if self.keeper.gave_up(&error) => Ok(Ending::Interrupted),
            Err(error) => Err(error),
        };
        (ended, self.outside, self.rollout)
    }

    /// What the journal of a promoted server says is done is to be there, and in force.
    pub(super) async fn verify_successor(&mut self) -> Result<(), store::Error> {
        if !matches!(self.state.state, State::Expanding | State::Backfilling | State::Ready) {
            return Ok(());
        }
        let done: Vec<bool> = self.state.status.iter().map(|status| *status == StepStatus::Done).collect();
        let faults = verify::faults(self.keeper.session(), &self.program, |step| done[step]).await?;
        if !faults.is_empty() {
            let told = |fault: &verify::report::Fault| format!("{}: {}", fault.table, fault.message);
            self.take(Event::Lacks { faults: faults.iter().map(told).collect() }).await?;
        }
        Ok(())
    }

    /// The holds that no policy can lift: the server takes no writes, or may have been left behind.
    pub(super) fn unfit(&mut self, seen: &Snapshot) -> Vec<Hold> {
        let now = clock::now();
        let readings = self.readings.borrow().clone();
        let sees = readings.capability.as_ref().is_some_and(|capability| capability.see_activity);
        let (expected, ignored) = (&self.state.expected_standbys, &self.state.ignored_standbys);
        let alone = server::alone(expected, ignored, seen, sees, now);
        // A standby that is back ends what a person said while there was none.
        self.alone_accepted &= alone.is_some();
        let alone = alone.filter(|_| !self.alone_accepted);
        let unfit = readings.identity.as_ref().and_then(|server| server.hold(now));
        alone.into_iter().chain(unfit).collect()
    }
}
