//! Owns how often progress is told where it stays on the record. Must not print.

use super::human;
use crate::supervise::told::Glance;
use std::time::Duration;

/// Tells which glances are worth a line, by their own time.
#[derive(Debug)]
pub struct Pace {
    changed: Duration,
    unchanged: Duration,
    last: Option<Glance>,
}

impl Pace {
    /// At most one in `changed`, and one in `unchanged` where nothing moves.
    pub fn new(changed: Duration, unchanged: Duration) -> Pace {
        Pace { changed, unchanged, last: None }
    }

    /// Whether to tell this one; then the time counts from it.
    pub fn due(&mut self, glance: &Glance) -> bool {
        let due = self.last.as_ref().is_none_or(|last| {
            let passed = human::between(last.at, glance.at);
            let wait = if same(last, glance) { self.unchanged } else { self.changed };
            // A clock that was set back must not silence it.
            passed >= wait || glance.at < last.at
        });
        if due {
            self.last = Some(glance.clone());
        }
        due
    }
}

/// Nothing moved; readings and ages, which always differ, do not count.
fn same(a: &Glance, b: &Glance) -> bool {
    let rows = |g: &Glance| g.backfill.iter().map(|t| (t.table.clone(), t.rows_done)).collect::<Vec<_>>();
    let holds =
        |g: &Glance| g.holds.iter().map(|h| (h.kind, h.by.clone(), h.subject.clone())).collect::<Vec<_>>();
    a.state == b.state
        && a.vacuum == b.vacuum
        && a.steps_done == b.steps_done
        && a.current == b.current
        && a.blockers.is_some() == b.blockers.is_some()
        && rows(a) == rows(b)
        && holds(a) == holds(b)
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;

    #[test]
    fn every_two_seconds_and_every_ten_where_nothing_moves() {
        let mut pace = Pace::new(Duration::from_secs(2), Duration::from_secs(10));
        let told: Vec<i64> = (0..200)
            .map(|tick| tick * 250)
            // Rows move for ten seconds, then no more.
            .filter(|millis| pace.due(&glance(*millis, (*millis).min(10_000) as u64)))
            .collect();
        assert_eq!(told, [0, 2000, 4000, 6000, 8000, 10_000, 20_000, 30_000, 40_000]);
        assert!(pace.due(&glance(1000, 10_000)), "the clock was set back");
    }
}
