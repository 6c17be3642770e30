//! Owns what the terminal is shown while it runs: the rollout at a glance. Must not change it.

use super::*;

impl Supervisor {
    pub(super) fn glance(&mut self) {
        for record in self.board.take_written() {
            self.state.fold(&record);
            let _ = self.outside.tell.send(Told::Record { at: clock::now(), record: Box::new(record) });
        }
        let glance = self.glance_now();
        let _ = self.outside.tell.send(Told::Glance(Box::new(glance)));
    }

    pub(super) fn glance_now(&mut self) -> Glance {
        let now = self.begun.elapsed();
        let measured = self.readings.borrow().clone();
        let backfill = self
            .board
            .leaves()
            .into_iter()
            .map(|leaf| {
                let speed = self.speeds.entry((leaf.step, leaf.relation.clone())).or_default();
                speed.observe(now, &leaf.counts);
                let (finished, look) = (leaf.counts.finished, measured.measures.get(&leaf.relation));
                let growth = self.state.measures.growth(leaf.step, &leaf.relation, finished, look);
                let line = TableProgress::of(bare_name(&leaf.relation), &leaf.counts, Some(speed));
                let line = line.grown(&growth);
                if self.state.operator_pause.is_some() { line.without_end() } else { line }
            })
            .collect();
        Glance {
            at: clock::now(),
            state: self.state.state,
            holds: self.holds_now(),
            signals: self.signals_now(),
            exceptions: self.state.exceptions.clone(),
            backfill,
            steps_done: self.state.steps_done(),
            steps_total: self.state.steps.len(),
            current: self.running.as_ref().map(|(step, ..)| self.program.steps[*step].title.clone()),
            vacuum: self.board.vacuum(),
            blockers: self.board.blockers(),
            limited: self.board.limited(),
        }
    }

    /// What was measured, and what is made up beside it.
    pub(super) fn signals_now(&self) -> Vec<Reading> {
        let drills = |one: &&Exception| matches!(one.what, Exceptional::Drill(_));
        let drills: Vec<Exception> = self.state.exceptions.iter().filter(drills).cloned().collect();
        let mut readings =
            exception::seen(self.monitor.snapshot(), &drills, &self.policy, clock::now()).readings;
        self.state.baselines.beside(&mut readings);
        readings
    }

    /// The holds in force, with the readings of now rather than of when they began.
    pub(super) fn holds_now(&self) -> Vec<Hold> {
        let newest = |hold: Hold| {
            let same = |h: &&Hold| h.kind == hold.kind && h.by == hold.by && h.subject == hold.subject;
            match self.verdict.holds.iter().find(same) {
                Some(now) => Hold { since: hold.since, ..now.clone() },
                None => hold,
            }
        };
        self.state.holds().into_iter().map(newest).collect()
    }
}
