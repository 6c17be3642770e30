//! Owns the position clock: when the primary was at which WAL position, so that a standby's replayed
//! position can be dated. `replay_lag` is no gauge: it freezes when writes stop and reads zero for a
//! frozen receiver. Must not query, and must not decide what lag is too much.

use crate::lsn::Lsn;
use std::{collections::VecDeque, time::Duration};

/// Every point is kept this long; after that one in [`THINNED`].
const DENSE: Duration = Duration::from_secs(60);
const THINNED: Duration = Duration::from_secs(5);
/// Points older than this are forgotten.
const MEMORY: Duration = Duration::from_secs(1800);

/// How far behind a position is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lag {
    /// The primary was at that position this long ago; too high by at most one sampling interval
    /// (five seconds for what is older than a minute).
    About(Duration),
    /// The position is older than the memory: at least this long ago, nobody knows how long.
    AtLeast(Duration),
    /// Nothing is remembered yet.
    Unknown,
}

impl Lag {
    /// The number to compare with thresholds; a lower bound for [`Lag::AtLeast`].
    pub fn seconds(self) -> Option<f64> {
        match self {
            Lag::About(lag) | Lag::AtLeast(lag) => Some(lag.as_secs_f64()),
            Lag::Unknown => None,
        }
    }
}

/// From `first` to `last` the primary was seen at `position`.
#[derive(Clone, Copy, Debug)]
struct Point {
    first: Duration,
    last: Duration,
    position: Lsn,
}

/// The primary's positions in time. Times are on one monotonic clock, positions of one timeline of
/// one server: whoever sees another server calls [`PositionClock::clear`].
#[derive(Clone, Debug, Default)]
pub struct PositionClock {
    /// Oldest first, in both; all of `old` before all of `recent`. Positions rise strictly.
    old: VecDeque<Point>,
    recent: VecDeque<Point>,
}

impl PositionClock {
    pub fn new() -> PositionClock {
        PositionClock::default()
    }

    /// The primary is at `position` now. A position that went back means another history (a failover,
    /// a restore): everything before is forgotten.
    pub fn observe(&mut self, now: Duration, position: Lsn) {
        match self.recent.back_mut() {
            Some(newest) if newest.position == position => newest.last = newest.last.max(now),
            Some(newest) if position < newest.position => {
                self.clear();
                self.recent.push_back(Point { first: now, last: now, position });
            }
            _ => self.recent.push_back(Point { first: now, last: now, position }),
        }
        self.forget(now);
    }

    /// For a change of server, timeline or postmaster.
    pub fn clear(&mut self) {
        self.old.clear();
        self.recent.clear();
    }

    /// How long ago the primary was at `position`.
    ///
    /// The *last* point at or below it counts: after an idle hour the first write must show
    /// milliseconds, not an hour.
    pub fn lag_of(&self, position: Lsn, now: Duration) -> Lag {
        let Some(newest) = self.recent.back() else { return Lag::Unknown };
        if position >= newest.position {
            return Lag::About(Duration::ZERO);
        }
        let passed = [&self.recent, &self.old].into_iter().find_map(|ring| {
            ring.partition_point(|p| p.position <= position).checked_sub(1).map(|i| ring[i])
        });
        match passed {
            Some(point) => Lag::About(now.saturating_sub(point.last)),
            None => Lag::AtLeast(self.span(now)),
        }
    }

    /// How far back the memory reaches.
    pub fn span(&self, now: Duration) -> Duration {
        self.old.front().or(self.recent.front()).map_or(Duration::ZERO, |p| now.saturating_sub(p.first))
    }

    /// Thins and drops. Leaving a point out dates a position earlier, so errs towards more lag.
    fn forget(&mut self, now: Duration) {
        // The newest stays where it is: it says where the primary is.
        while self.recent.len() > 1 && now.saturating_sub(self.recent[0].last) > DENSE {
            let point = self.recent.pop_front().expect("more than one point");
            if self.old.back().is_none_or(|kept| point.last >= kept.last + THINNED) {
                self.old.push_back(point);
            }
        }
        while self.old.front().is_some_and(|p| now.saturating_sub(p.last) > MEMORY) {
            self.old.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn nothing_is_known_before_the_first_point() {
        assert_eq!(PositionClock::new().lag_of(Lsn(5), ms(0)), Lag::Unknown);
        assert_eq!(Lag::Unknown.seconds(), None);
    }

    #[test]
    fn an_idle_hour_and_then_the_first_write() {
        let mut clock = PositionClock::new();
        for tick in 0..36_000 {
            clock.observe(ms(tick * 100), Lsn(1000));
            assert_eq!(clock.lag_of(Lsn(1000), ms(tick * 100)), Lag::About(Duration::ZERO));
        }
        assert!(clock.old.len() + clock.recent.len() == 1);
        clock.observe(ms(3_600_000), Lsn(2000));
        // The standby has not replayed the write: it is behind since the last idle look.
        assert_eq!(clock.lag_of(Lsn(1000), ms(3_600_000)), Lag::About(ms(100)));
        assert_eq!(clock.lag_of(Lsn(1500), ms(3_600_050)), Lag::About(ms(150)));
        // Before the idle hour: an hour at least.
        assert_eq!(clock.lag_of(Lsn(999), ms(3_600_000)), Lag::AtLeast(ms(3_600_000)));
        assert_eq!(clock.lag_of(Lsn(2000), ms(3_600_000)), Lag::About(Duration::ZERO));
        assert_eq!(clock.lag_of(Lsn(2001), ms(3_600_000)), Lag::About(Duration::ZERO));
    }

    #[test]
    fn a_frozen_receiver_falls_behind_by_itself() {
        let mut clock = PositionClock::new();
        for second in 0..=20u64 {
            clock.observe(ms(second * 1000), Lsn(second * 100));
        }
        for second in 8..=20u64 {
            let mut seen = PositionClock::new();
            (0..=second).for_each(|s| seen.observe(ms(s * 1000), Lsn(s * 100)));
            assert_eq!(seen.lag_of(Lsn(700), ms(second * 1000)), Lag::About(ms((second - 7) * 1000)));
        }
        assert_eq!(clock.lag_of(Lsn(750), ms(20_000)), Lag::About(ms(13_000)));
    }

    #[test]
    fn older_than_the_memory_is_at_least_the_memory() {
        let mut clock = PositionClock::new();
        clock.observe(ms(1000), Lsn(500));
        assert_eq!(clock.lag_of(Lsn(499), ms(1000)), Lag::AtLeast(Duration::ZERO));
        clock.observe(ms(9000), Lsn(900));
        assert_eq!(clock.lag_of(Lsn(499), ms(9000)), Lag::AtLeast(ms(8000)));
    }

    #[test]
    fn the_memory_is_thinned_bounded_and_long_enough() {
        let mut clock = PositionClock::new();
        let end = 2 * 3600 * 10;
        for tick in 0..=end {
            clock.observe(ms(tick * 100), Lsn(tick));
        }
        assert!(clock.old.len() + clock.recent.len() < 1100, "{} {}", clock.old.len(), clock.recent.len());
        let now = ms(end * 100);
        assert!(clock.span(now) >= ms(20 * 60 * 1000));
        for (ago, error) in [(1u64, 0.1001), (30, 0.1001), (59, 0.1001), (300, 5.1), (1200, 5.1)] {
            let lag = clock.lag_of(Lsn(end - ago * 10), now).seconds().unwrap();
            assert!(lag >= ago as f64 && lag <= ago as f64 + error, "{ago} s ago read as {lag}");
        }
    }

    #[test]
    fn another_history_is_another_clock() {
        let mut clock = PositionClock::new();
        clock.observe(ms(0), Lsn(100));
        clock.observe(ms(60_000), Lsn(9000));
        clock.observe(ms(61_000), Lsn(5000));
        assert_eq!(clock.lag_of(Lsn(5000), ms(61_000)), Lag::About(Duration::ZERO));
        assert_eq!(clock.lag_of(Lsn(100), ms(62_000)), Lag::AtLeast(ms(1000)));
        clock.clear();
        assert_eq!(clock.lag_of(Lsn(5000), ms(62_000)), Lag::Unknown);
    }

    proptest! {
        /// Against the truth: never less than how long ago the primary left the position, and never
        /// more than a sampling interval above it while dense.
        #[test]
        fn never_too_low(steps in prop::collection::vec((1u64..2000, 0u64..500), 2..200), at in 0usize..200) {
            let mut clock = PositionClock::new();
            let (mut now, mut position, mut history) = (0, 0, Vec::new());
            for (wait, bytes) in steps {
                now += wait;
                position += bytes;
                clock.observe(ms(now), Lsn(position));
                history.push((now, position));
            }
            let (_, asked) = history[at % history.len()];
            let left = history.iter().rev().find(|(_, p)| *p <= asked).unwrap().0;
            let lag = clock.lag_of(Lsn(asked), ms(now));
            if asked == position {
                prop_assert_eq!(lag, Lag::About(Duration::ZERO));
            } else {
                let truth = ms(now - left);
                let Lag::About(lag) = lag else { return Err(TestCaseError::fail("within the memory")) };
                prop_assert!(lag >= truth);
                prop_assert!(lag <= truth + THINNED + ms(2000));
                if truth < DENSE { prop_assert_eq!(lag, truth); }
            }
        }

        /// The further behind, the more lag.
        #[test]
        fn behind_is_never_less(a in 0u64..5000, b in 0u64..5000) {
            let mut clock = PositionClock::new();
            (0..2000u64).for_each(|tick| clock.observe(ms(tick * 100), Lsn(tick * 2 + 500)));
            let lag = |p| clock.lag_of(Lsn(p), ms(199_900)).seconds().unwrap();
            prop_assert!(lag(a.min(b)) >= lag(a.max(b)));
        }
    }
}
