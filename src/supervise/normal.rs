//! Owns what a supervisor knows of its surroundings before it judges: what is normal there, learned while nothing of its own is
//! being written, and that the clock was set. Must not judge a reading.

use super::*;
use crate::compile::program::Action;
use crate::control::signal::Snapshot;

impl Supervisor {
    /// Takes in what was measured, and journals the baselines that are known by it.
    pub(super) async fn learn(
        &mut self,
        measured: &Snapshot,
        now: jiff::Timestamp,
    ) -> Result<(), store::Error> {
        let quiet = self.writes_nothing();
        let learned = self.learner.observe(measured, &self.policy, &self.state.baselines, quiet, now);
        if learned.is_empty() {
            return Ok(());
        }
        self.note(learned.into_iter().map(|baseline| Record::BaselineLearned { baseline }).collect()).await
    }

    /// Before any moment is compared with `now`.
    pub(super) async fn heed_clock(&mut self) -> Result<(), store::Error> {
        let Some((wall, steady)) = clock::both() else { return Ok(()) };
        let Some(by) = self.clocks.observe(wall, steady) else { return Ok(()) };
        tracing::warn!(seconds = by.as_secs_f64(), "the clock was set");
        self.guards.clock_moved(by);
        self.learner.clock_moved(by);
        self.take(Event::ClockMoved { by }).await
    }

    /// A fill that is paused writes nothing once its slice has ended. What any other step does meanwhile is not known.
    fn writes_nothing(&self) -> bool {
        let Some((step, ..)) = &self.running else { return true };
        let fills = matches!(self.program.steps[*step].action, Action::Backfill(_));
        fills && self.state.is_paused() && self.work.gate.is_idle()
    }
}
