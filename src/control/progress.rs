//! Owns how far a backfill is and when it will be done, from counts and moments. Unknown stays
//! unknown. Must not estimate how many rows a table has: `pg` brings that.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The past counts with this time constant: about ten seconds.
const MEMORY_SECONDS: f64 = 10.0;
/// Before this much was watched there is no rate.
const MEASURING: Duration = Duration::from_secs(1);

/// The smoothed net rate of rows, holds included: time goes on while rows do not.
#[derive(Clone, Debug, Default)]
pub struct RowRate {
    last: Option<(Duration, u64)>,
    /// Rows and seconds, both fading; their quotient is the rate, right from the start.
    rows: f64,
    seconds: f64,
    watched: Duration,
}

impl RowRate {
    pub fn new() -> RowRate {
        RowRate::default()
    }

    /// `rows_done` so far, at `now` on a monotonic clock. To be called in holds too. A count that
    /// went back (a failover to an older checkpoint) starts the measurement anew.
    pub fn observe(&mut self, now: Duration, rows_done: u64) {
        if let Some((at, rows)) = self.last {
            if rows_done < rows {
                *self = RowRate::default();
            } else {
                let elapsed = now.saturating_sub(at);
                if elapsed.is_zero() {
                    return; // The rows count with the next moment.
                }
                let fade = (-elapsed.as_secs_f64() / MEMORY_SECONDS).exp();
                self.rows = self.rows * fade + (rows_done - rows) as f64;
                self.seconds = self.seconds * fade + elapsed.as_secs_f64();
                self.watched += elapsed;
            }
        }
        self.last = Some((now, rows_done));
    }

    /// `None` while there is too little to go by.
    pub fn per_second(&self) -> Option<f64> {
        (self.watched >= MEASURING).then(|| self.rows / self.seconds)
    }
}

/// Share done, 0..=1. An estimate that proved too low never gives more than 1.
pub fn fraction(rows_done: u64, rows_total: Option<u64>) -> Option<f64> {
    rows_total.map(|total| if rows_done >= total { 1.0 } else { rows_done as f64 / total as f64 })
}

/// Seconds until done at this rate; `None` where the total or the rate is unknown, or nothing moves.
pub fn eta_seconds(rows_done: u64, rows_total: Option<u64>, rows_per_second: Option<f64>) -> Option<f64> {
    let remaining = rows_total?.saturating_sub(rows_done);
    if remaining == 0 {
        return Some(0.0);
    }
    // Slower than a row in a thousand seconds is standing still, as far as predicting goes.
    rows_per_second.filter(|rate| *rate > 1e-3).map(|rate| remaining as f64 / rate)
}

/// What a total is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalIs {
    Exact,
    Estimate,
    Unknown,
}

/// One table's line in `segue status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableProgress {
    pub table: String,
    pub rows_done: u64,
    pub rows_total: Option<u64>,
    pub rows_total_is: TotalIs,
    pub fraction: Option<f64>,
    pub rows_per_second: Option<f64>,
    pub eta_seconds: Option<f64>,
}

impl TableProgress {
    /// A backfill under way.
    pub fn running(
        table: impl Into<String>,
        rows_done: u64,
        estimate: Option<u64>,
        rows_per_second: Option<f64>,
    ) -> TableProgress {
        TableProgress {
            table: table.into(),
            rows_done,
            rows_total: estimate,
            rows_total_is: if estimate.is_some() { TotalIs::Estimate } else { TotalIs::Unknown },
            fraction: fraction(rows_done, estimate),
            rows_per_second,
            eta_seconds: eta_seconds(rows_done, estimate, rows_per_second),
        }
    }

    /// A backfill that is done: what was done is the total.
    pub fn done(table: impl Into<String>, rows_done: u64) -> TableProgress {
        TableProgress {
            table: table.into(),
            rows_done,
            rows_total: Some(rows_done),
            rows_total_is: TotalIs::Exact,
            fraction: Some(1.0),
            rows_per_second: None,
            eta_seconds: Some(0.0),
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
    fn a_steady_rate_is_read_after_a_second() {
        let mut rate = RowRate::new();
        for tick in 0..10 {
            rate.observe(ms(tick * 100), tick * 5000);
        }
        assert_eq!(rate.per_second(), None);
        for tick in 10..100 {
            rate.observe(ms(tick * 100), tick * 5000);
            assert!((rate.per_second().unwrap() - 50_000.0).abs() < 1.0);
        }
    }

    #[test]
    fn holds_count_and_the_eta_follows() {
        let mut rate = RowRate::new();
        (0..=200).for_each(|tick| rate.observe(ms(tick * 100), tick * 100));
        let before = rate.per_second().unwrap();
        (201..=300).for_each(|tick| rate.observe(ms(tick * 100), 20_000));
        let held = rate.per_second().unwrap();
        assert!(held < before * 0.45 && held > before * 0.25, "{before} {held}");
        (301..=3000).for_each(|tick| rate.observe(ms(tick * 100), 20_000));
        assert_eq!(eta_seconds(20_000, Some(40_000), rate.per_second()), None);
    }

    #[test]
    fn a_count_that_went_back_starts_anew() {
        let mut rate = RowRate::new();
        (0..=20).for_each(|tick| rate.observe(ms(tick * 100), tick * 100));
        rate.observe(ms(2100), 50);
        assert_eq!(rate.per_second(), None);
        (22..=40).for_each(|tick| rate.observe(ms(tick * 100), 50 + (tick - 21) * 200));
        assert!((rate.per_second().unwrap() - 2000.0).abs() < 1.0);
    }

    #[test]
    fn rows_within_one_moment_are_not_lost() {
        let mut rate = RowRate::new();
        rate.observe(ms(0), 0);
        rate.observe(ms(0), 1000);
        rate.observe(ms(1000), 2000);
        assert_eq!(rate.per_second(), Some(2000.0));
    }

    #[test]
    fn unknown_stays_unknown() {
        let line = TableProgress::running("users", 10, None, Some(100.0));
        assert_eq!((line.fraction, line.eta_seconds, line.rows_total_is), (None, None, TotalIs::Unknown));
        assert_eq!(eta_seconds(10, Some(100), None), None);
        let line = TableProgress::running("users", 420_000, Some(1_000_000), Some(81_000.0));
        assert_eq!(line.fraction, Some(0.42));
        assert!((line.eta_seconds.unwrap() - 7.16).abs() < 0.01);
        let json = serde_json::to_value(&line).unwrap();
        assert_eq!(json["rows_total_is"], "estimate");
        assert_eq!(TableProgress::done("users", 7).fraction, Some(1.0));
    }

    proptest! {
        #[test]
        fn fractions_and_etas_are_numbers(done in any::<u64>(), total in any::<Option<u64>>(), rate in prop::option::of(0.0f64..1e12)) {
            let share = fraction(done, total);
            prop_assert_eq!(share.is_some(), total.is_some());
            prop_assert!(share.is_none_or(|f| (0.0..=1.0).contains(&f)));
            prop_assert!(eta_seconds(done, total, rate).is_none_or(|eta| eta.is_finite() && eta >= 0.0));
        }

        #[test]
        fn rates_are_never_negative_or_endless(steps in prop::collection::vec((0u64..5000, 0u64..1_000_000), 0..100)) {
            let mut rate = RowRate::new();
            let mut now = 0;
            for (wait, rows) in steps {
                now += wait;
                rate.observe(ms(now), rows);
                prop_assert!(rate.per_second().is_none_or(|r| r.is_finite() && r >= 0.0));
            }
        }
    }
}
