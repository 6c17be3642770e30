//! Owns how far a backfill is and when it will be done, from counts and moments. Unknown stays
//! unknown. Must not estimate how many rows a table has: `pg` brings that.

use super::growth::Growth;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A speed is what people see now: the past counts with a time constant of ten seconds.
const SPEED_SECONDS: f64 = 10.0;
/// What is still to come will see the holds that the last minutes saw.
const NET_SECONDS: f64 = 120.0;
/// Before this much was watched there is no speed, and no prediction.
const SPEED_AFTER: Duration = Duration::from_secs(1);
const NET_AFTER: Duration = Duration::from_secs(5);

/// A smoothed net rate of something counted, holds included: time goes on while the count does not.
#[derive(Clone, Debug)]
pub struct Rate {
    memory_seconds: f64,
    measuring: Duration,
    last: Option<(Duration, u64)>,
    /// Counted and seconds, both fading; their quotient is the rate, right from the start.
    counted: f64,
    seconds: f64,
    watched: Duration,
}

impl Rate {
    fn new(memory_seconds: f64, measuring: Duration) -> Rate {
        Rate { memory_seconds, measuring, last: None, counted: 0.0, seconds: 0.0, watched: Duration::ZERO }
    }

    /// `done` so far, at `now` on a monotonic clock. To be called in holds too. A count that went back
    /// (a failover to an older checkpoint, a sweep begun anew) starts the measurement anew.
    pub fn observe(&mut self, now: Duration, done: u64) {
        if let Some((at, before)) = self.last {
            if done < before {
                *self = Rate::new(self.memory_seconds, self.measuring);
            } else {
                let elapsed = now.saturating_sub(at);
                if elapsed.is_zero() {
                    return; // It counts with the next moment.
                }
                let fade = (-elapsed.as_secs_f64() / self.memory_seconds).exp();
                self.counted = self.counted * fade + (done - before) as f64;
                self.seconds = self.seconds * fade + elapsed.as_secs_f64();
                self.watched += elapsed;
            }
        }
        self.last = Some((now, done));
    }

    /// `None` while there is too little to go by.
    pub fn per_second(&self) -> Option<f64> {
        (self.watched >= self.measuring).then(|| self.counted / self.seconds)
    }
}

/// Where a table's backfill is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Filling,
    /// Every block was filled; looking whether a row is pending anywhere.
    Sweeping,
    Done,
}

/// How far one table is, as its checkpoints have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows_done: u64,
    /// The planner's estimate; `None` where there is none.
    pub rows_total: Option<u64>,
    pub blocks_done: u64,
    pub blocks_total: u64,
    /// Blocks looked at by the sweep in hand, and of how many.
    pub sweep: Option<(u64, u64)>,
    pub finished: bool,
}

impl Counts {
    pub fn stage(&self) -> Stage {
        match (self.finished, self.sweep) {
            (true, _) => Stage::Done,
            (_, Some(_)) => Stage::Sweeping,
            _ => Stage::Filling,
        }
    }

    /// Blocks done and to be done in this stage. Rows are an estimate, and those that applications
    /// filled are not counted; blocks are known.
    fn work(&self) -> (u64, u64) {
        self.sweep.unwrap_or((self.blocks_done, self.blocks_total))
    }
}

/// How fast one table is filled, watched.
#[derive(Clone, Debug)]
pub struct Speed {
    rows: Rate,
    work: Rate,
    stage: Stage,
}

impl Default for Speed {
    fn default() -> Speed {
        Speed {
            rows: Rate::new(SPEED_SECONDS, SPEED_AFTER),
            work: Rate::new(NET_SECONDS, NET_AFTER),
            stage: Stage::Filling,
        }
    }
}

impl Speed {
    /// At `now` on a monotonic clock; in holds too.
    pub fn observe(&mut self, now: Duration, counts: &Counts) {
        if self.stage != counts.stage() {
            self.stage = counts.stage();
            self.work = Rate::new(NET_SECONDS, NET_AFTER);
        }
        self.rows.observe(now, counts.rows_done);
        self.work.observe(now, counts.work().0);
    }

    /// Seconds until this stage is done, at the net rate of the last minutes. `None` while there is too
    /// little to go by, or nothing moves.
    fn eta_seconds(&self, counts: &Counts) -> Option<f64> {
        let (done, total) = counts.work();
        let remaining = total.checked_sub(done).filter(|blocks| *blocks > 0)?;
        eta_seconds(remaining, self.work.per_second())
    }
}

/// Share done, 0..=1. An estimate that proved too low never gives more than 1.
pub fn fraction(done: u64, total: Option<u64>) -> Option<f64> {
    total.map(|total| if done >= total { 1.0 } else { done as f64 / total as f64 })
}

fn eta_seconds(remaining: u64, per_second: Option<f64>) -> Option<f64> {
    // Slower than one in a thousand seconds is standing still, as far as predicting goes.
    per_second.filter(|rate| *rate > 1e-3).map(|rate| remaining as f64 / rate)
}

/// What a total is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalIs {
    Exact,
    Estimate,
    Unknown,
}

/// Whose WAL a figure counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalIs {
    /// Everybody's on this server: PostgreSQL does not tell whose it is.
    #[default]
    Server,
}

/// One table's line in `segue status`. What a supervisor of an older version does not say is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableProgress {
    pub table: String,
    pub rows_done: u64,
    pub rows_total: Option<u64>,
    pub rows_total_is: TotalIs,
    pub fraction: Option<f64>,
    pub rows_per_second: Option<f64>,
    pub eta_seconds: Option<f64>,
    #[serde(default)]
    pub stage: Option<Stage>,
    #[serde(default)]
    pub blocks_done: Option<u64>,
    #[serde(default)]
    pub blocks_total: Option<u64>,
    #[serde(default)]
    pub dead_rows: Option<u64>,
    #[serde(default)]
    pub table_bytes: Option<u64>,
    #[serde(default)]
    pub table_bytes_before: Option<u64>,
    #[serde(default)]
    pub table_growth: Option<f64>,
    #[serde(default)]
    pub index_bytes: Option<u64>,
    #[serde(default)]
    pub index_bytes_before: Option<u64>,
    #[serde(default)]
    pub index_growth: Option<f64>,
    /// Since the backfill of this rollout began.
    #[serde(default)]
    pub wal_bytes: Option<u64>,
    #[serde(default)]
    pub wal_bytes_is: WalIs,
}

impl TableProgress {
    /// From the counts, and the speed where somebody watches.
    pub fn of(table: impl Into<String>, counts: &Counts, speed: Option<&Speed>) -> TableProgress {
        let rows_done = counts.rows_done;
        let stage = counts.stage();
        let done = stage == Stage::Done;
        let (rows_total, rows_total_is) = match (done, counts.rows_total) {
            // What was done is the total.
            (true, _) => (Some(rows_done), TotalIs::Exact),
            (false, Some(total)) => (Some(total), TotalIs::Estimate),
            (false, None) => (None, TotalIs::Unknown),
        };
        let by_blocks = Some(counts.blocks_total).filter(|total| *total > 0);
        let by_blocks = fraction(counts.blocks_done, by_blocks);
        let share = match fraction(rows_done, rows_total) {
            // The estimate proved too low, or there is none: what is left shows in blocks.
            Some(1.0) | None if !done => by_blocks.or(fraction(rows_done, rows_total)),
            by_rows => by_rows,
        };
        TableProgress {
            table: table.into(),
            rows_done,
            rows_total,
            rows_total_is,
            fraction: share,
            rows_per_second: speed.filter(|_| !done).and_then(|speed| speed.rows.per_second()),
            eta_seconds: match done {
                true => Some(0.0),
                false => speed.and_then(|speed| speed.eta_seconds(counts)),
            },
            stage: Some(stage),
            blocks_done: Some(counts.blocks_done),
            blocks_total: Some(counts.blocks_total),
            dead_rows: None,
            table_bytes: None,
            table_bytes_before: None,
            table_growth: None,
            index_bytes: None,
            index_bytes_before: None,
            index_growth: None,
            wal_bytes: None,
            wal_bytes_is: WalIs::Server,
        }
    }

    /// With what the fill has cost so far.
    pub fn grown(self, growth: &Growth) -> TableProgress {
        TableProgress {
            dead_rows: growth.now.dead_rows,
            table_bytes: growth.now.table_bytes,
            table_bytes_before: growth.before.table_bytes,
            table_growth: growth.table(),
            index_bytes: growth.now.index_bytes,
            index_bytes_before: growth.before.index_bytes,
            index_growth: growth.indexes(),
            wal_bytes: growth.wal_bytes,
            ..self
        }
    }

    /// Held by a person: nobody knows until when.
    pub fn without_end(self) -> TableProgress {
        let eta_seconds = self.eta_seconds.filter(|_| self.stage == Some(Stage::Done));
        TableProgress { eta_seconds, ..self }
    }
}

/// How far a VACUUM is, as the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VacuumProgress {
    pub table: String,
    /// `scanning heap`, `vacuuming indexes`, …
    pub phase: String,
    pub blocks_total: Option<u64>,
    pub blocks_scanned: Option<u64>,
    pub blocks_vacuumed: Option<u64>,
    /// How often it went over the indexes.
    pub index_passes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn filling(rows_done: u64, blocks_done: u64) -> Counts {
        Counts {
            rows_done,
            rows_total: Some(1_000_000),
            blocks_done,
            blocks_total: 10_000,
            ..Counts::default()
        }
    }

    /// Ten looks a second from `from` on, each with one step more.
    fn watch(speed: &mut Speed, looks: std::ops::Range<u64>, counts: impl Fn(u64) -> Counts) {
        looks.for_each(|look| speed.observe(ms(look * 100), &counts(look)));
    }

    #[test]
    fn a_steady_speed_is_read_after_a_second_and_an_end_after_five() {
        let mut speed = Speed::default();
        let steady = |look| filling(look * 5000, look * 50);
        let line = |speed: &Speed, look| TableProgress::of("users", &steady(look), Some(speed));
        watch(&mut speed, 0..10, steady);
        assert_eq!(line(&speed, 9).rows_per_second, None);
        watch(&mut speed, 10..50, steady);
        assert!((line(&speed, 49).rows_per_second.unwrap() - 50_000.0).abs() < 1.0);
        assert_eq!(line(&speed, 49).eta_seconds, None, "it is still measuring");
        watch(&mut speed, 50..101, steady);
        assert!((line(&speed, 100).eta_seconds.unwrap() - 10.0).abs() < 0.01);
    }

    #[test]
    fn holds_count_in_what_is_left() {
        let mut speed = Speed::default();
        // Ten seconds at work, ten held, in turn.
        let worked = |look: u64| look / 200 * 100 + (look % 200).min(100);
        let counts = |look: u64| filling(worked(look) * 100, worked(look));
        watch(&mut speed, 0..4000, counts);
        let eta = TableProgress::of("users", &counts(4000), Some(&speed)).eta_seconds.unwrap();
        // 8,000 blocks are left, at ten a second while it moves, and it moves half of the time.
        assert!((1500.0..1700.0).contains(&eta), "{eta}");
        // A hold that does not end: later and later, and in the end not known.
        let held = |_| counts(4000);
        watch(&mut speed, 4000..5000, held);
        let longer = TableProgress::of("users", &counts(4000), Some(&speed)).eta_seconds.unwrap();
        assert!(longer > eta * 1.8, "{longer}");
        watch(&mut speed, 5000..20_000, held);
        let line = TableProgress::of("users", &counts(4000), Some(&speed));
        assert_eq!((line.eta_seconds, line.rows_per_second.map(f64::round)), (None, Some(0.0)));
    }

    #[test]
    fn a_persons_pause_has_no_end() {
        let mut speed = Speed::default();
        watch(&mut speed, 0..100, |look| filling(look, look));
        let line = TableProgress::of("users", &filling(100, 100), Some(&speed));
        assert!(line.eta_seconds.is_some());
        assert_eq!(line.without_end().eta_seconds, None);
    }

    #[test]
    fn a_count_that_went_back_starts_anew() {
        let mut rate = Rate::new(SPEED_SECONDS, SPEED_AFTER);
        (0..=20).for_each(|tick| rate.observe(ms(tick * 100), tick * 100));
        rate.observe(ms(2100), 50);
        assert_eq!(rate.per_second(), None);
        (22..=40).for_each(|tick| rate.observe(ms(tick * 100), 50 + (tick - 21) * 200));
        assert!((rate.per_second().unwrap() - 2000.0).abs() < 1.0);
    }

    #[test]
    fn what_comes_within_one_moment_is_not_lost() {
        let mut rate = Rate::new(SPEED_SECONDS, SPEED_AFTER);
        rate.observe(ms(0), 0);
        rate.observe(ms(0), 1000);
        rate.observe(ms(1000), 2000);
        assert_eq!(rate.per_second(), Some(2000.0));
    }

    #[test]
    fn unknown_stays_unknown() {
        let counts = Counts { rows_done: 10, ..Counts::default() };
        let line = TableProgress::of("users", &counts, None);
        assert_eq!((line.fraction, line.eta_seconds, line.rows_total_is), (None, None, TotalIs::Unknown));
        assert_eq!((line.dead_rows, line.table_growth, line.wal_bytes), (None, None, None));
        // What an older supervisor said.
        let old = r#"{"table": "users", "rows_done": 7, "rows_total": null, "rows_total_is": "unknown",
                      "fraction": null, "rows_per_second": null, "eta_seconds": null}"#;
        let old: TableProgress = serde_json::from_str(old).unwrap();
        assert_eq!((old.stage, old.blocks_done, old.dead_rows), (None, None, None));
    }

    #[test]
    fn an_estimate_that_proved_too_low_promises_nothing() {
        let mut speed = Speed::default();
        let counts = |look: u64| Counts { rows_total: Some(100), ..filling(look * 100, look * 10) };
        watch(&mut speed, 0..100, counts);
        let line = TableProgress::of("users", &counts(100), Some(&speed));
        assert_eq!(line.fraction, Some(0.1), "a tenth of the blocks");
        assert!((line.eta_seconds.unwrap() - 90.0).abs() < 2.0, "{line:?}");
    }

    #[test]
    fn a_sweep_is_watched_by_itself() {
        let mut speed = Speed::default();
        watch(&mut speed, 0..100, |look| filling(look * 1000, look * 100));
        let sweeping =
            |look: u64| Counts { sweep: Some(((look - 100) * 100, 12_000)), ..filling(99_000, 10_000) };
        watch(&mut speed, 100..110, sweeping);
        let line = TableProgress::of("users", &sweeping(110), Some(&speed));
        assert_eq!((line.stage, line.eta_seconds), (Some(Stage::Sweeping), None));
        watch(&mut speed, 110..160, sweeping);
        let line = TableProgress::of("users", &sweeping(160), Some(&speed));
        assert!((line.eta_seconds.unwrap() - 6.0).abs() < 0.2, "{line:?}");
        let done = Counts { finished: true, ..sweeping(160) };
        let line = TableProgress::of("users", &done, Some(&speed));
        assert_eq!((line.fraction, line.eta_seconds, line.rows_total), (Some(1.0), Some(0.0), Some(99_000)));
        assert_eq!(line.rows_total_is, TotalIs::Exact);
    }

    proptest! {
        #[test]
        fn fractions_and_etas_are_numbers(done in any::<u64>(), total in any::<Option<u64>>(), rate in prop::option::of(0.0f64..1e12)) {
            let share = fraction(done, total);
            prop_assert_eq!(share.is_some(), total.is_some());
            prop_assert!(share.is_none_or(|f| (0.0..=1.0).contains(&f)));
            prop_assert!(eta_seconds(done, rate).is_none_or(|eta| eta.is_finite() && eta >= 0.0));
        }

        #[test]
        fn rates_are_never_negative_or_endless(steps in prop::collection::vec((0u64..5000, 0u64..1_000_000), 0..100)) {
            let mut rate = Rate::new(SPEED_SECONDS, SPEED_AFTER);
            let mut now = 0;
            for (wait, rows) in steps {
                now += wait;
                rate.observe(ms(now), rows);
                prop_assert!(rate.per_second().is_none_or(|r| r.is_finite() && r >= 0.0));
            }
        }
    }
}
