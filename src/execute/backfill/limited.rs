//! Owns how the workers of a step keep to the limits in force, and learn that these were changed. Must not
//! compute them: that is `control::limits` and `control::pace`.

use super::{Shared, lock};
use crate::control::limits::{Spent, Ticket, at_rest};
use crate::control::pace;
use crate::control::tuning::Tuning;
use crate::execute::Halt;
use crate::execute::gate::{Gate, Pass};
use crate::execute::slice::Filled;
use crate::plan::limits::Limit;
use std::time::Duration;
use tokio::time::Instant;

/// A rest is slept in pieces: a limit changed meanwhile is in force after one of them.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Shared {
    /// Length of the next range in blocks, if its slices are to take this portion of their time.
    pub(super) fn length(&self, tuning: &Tuning, portion: f64) -> f64 {
        let mut limits = lock(&self.limits);
        limits.set(self.begun.elapsed(), tuning);
        let longest = limits.longest();
        drop(limits);
        let mut pace = lock(&self.pace);
        pace.aim(tuning.slice_time);
        // What is cut finer than a block is cut for its rows' time already.
        let length = pace.length();
        (length * portion).max(1.0).min(length).min(longest)
    }

    /// Waits until the limits allow another slice. `None`: they are not those that its range was cut under.
    pub(super) async fn turn(&self, gate: &mut Gate, cut: &Tuning) -> Result<Option<Ticket>, Halt> {
        loop {
            let tuning = gate.tuning();
            if tuning != *cut {
                return Ok(None);
            }
            let asked = {
                let (now, mut limits) = (self.begun.elapsed(), lock(&self.limits));
                limits.set(now, &tuning);
                limits.begin(now)
            };
            let wait = match asked {
                Ok(ticket) => {
                    if tuning.rest == 0 {
                        self.work.board.put_limited(None);
                    }
                    return Ok(Some(ticket));
                }
                Err(wait) => wait,
            };
            self.work.board.put_limited(Some(wait.by));
            if gate.rest(wait.length.min(LOOK_EVERY)).await == Pass::Stop {
                return Err(Halt::Stopped);
            }
        }
    }

    /// Gives a turn back; `None`: the slice failed.
    pub(super) fn spent(&self, ticket: Ticket, blocks: f64, filled: Option<&Filled>) {
        let spent = filled.map(|filled| Spent { blocks, rows: filled.rows, wal: filled.wal });
        lock(&self.limits).end(ticket, spent);
    }

    /// After a slice that took so long: rests as long as the throttle in force asks for, or the operator, whichever is longer.
    pub(super) async fn rest(&self, gate: &mut Gate, worked: Duration) -> Result<(), Halt> {
        let ended = Instant::now();
        loop {
            // A standby that has caught up is not to stand idle until a rest ends that was begun before.
            let throttle = pace::rest(worked, gate.share());
            let asked = at_rest(worked, gate.tuning().rest);
            if asked > throttle {
                self.work.board.put_limited(Some(Limit::Rest));
            }
            let left = asked.max(throttle).saturating_sub(ended.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            if gate.rest(left.min(LOOK_EVERY)).await == Pass::Stop {
                return Err(Halt::Stopped);
            }
        }
    }

    /// Whether the worker that asks is one too many. It is then counted out, and has to end.
    pub(super) fn is_surplus(&self) -> bool {
        let wanted = self.work.gate.tuning().workers as usize;
        let mut working = lock(&self.working);
        let surplus = *working > wanted;
        *working -= usize::from(surplus);
        surplus
    }
}
