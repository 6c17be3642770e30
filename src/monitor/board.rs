//! Owns the latest sample of every signal and how long each can be believed. Must not measure:
//! samplers write here, the monitor publishes from here. Pure, given the time.

use crate::control::signal::{Freshness, Reading, Snapshot};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Nothing is called stale before this, however often it is read: one slow answer is not blindness.
pub const LEAST_STALE_AFTER: Duration = Duration::from_secs(3);

/// A reading with its time on the monotonic clock, which no clock adjustment moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub reading: Reading,
    pub taken: Instant,
    pub stale_after: Duration,
}

impl Sample {
    /// The reading as it is to be believed at `now`: a fresh one that was not renewed in time is stale.
    pub fn aged(&self, now: Instant) -> Reading {
        let mut reading = self.reading.clone();
        let age = now.saturating_duration_since(self.taken);
        if age > self.stale_after && matches!(reading.state, Freshness::Fresh | Freshness::NotApplicable) {
            // What was not applicable ten seconds ago may be by now, and has no value to be stale.
            reading.state = if reading.value.is_some() { Freshness::Stale } else { Freshness::Blind };
            let since = format!("not read for {:.1} s", age.as_secs_f64());
            reading.detail = Some(match reading.detail.take() {
                Some(detail) => format!("{since}; then: {detail}"),
                None => since,
            });
        }
        reading
    }
}

/// How a reading could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer in time; the next may come: the last reading stands until it is stale.
    Slow(String),
    /// It cannot be read: blind from now on.
    Blind(String),
}

/// The latest sample of each signal, by name and subject.
#[derive(Clone, Debug, Default)]
pub struct Board {
    samples: BTreeMap<String, BTreeMap<Option<String>, Sample>>,
}

impl Board {
    /// Replaces everything known under the readings' names: a subject that is not among them is gone.
    pub fn put(&mut self, name: &str, readings: Vec<Reading>, taken: Instant, interval: Duration) {
        let stale_after = (interval * 3).max(LEAST_STALE_AFTER);
        let samples = readings
            .into_iter()
            .map(|reading| (reading.subject.clone(), Sample { reading, taken, stale_after }))
            .collect();
        self.samples.insert(name.to_owned(), samples);
    }

    /// Notes that the signal `name` could not be read at `now`.
    pub fn fail(&mut self, name: &str, failure: &Failure, now: Instant, at: jiff::Timestamp) {
        let Some(samples) = self.samples.get_mut(name) else { return };
        for sample in samples.values_mut() {
            let believed = sample.aged(now).state;
            let reason = match failure {
                Failure::Slow(_) if believed == Freshness::Fresh || believed == Freshness::NotApplicable => {
                    continue;
                }
                Failure::Slow(reason) | Failure::Blind(reason) => reason,
            };
            sample.reading.state = Freshness::Blind;
            sample.reading.value = None;
            sample.reading.detail = Some(reason.clone());
            sample.reading.at = at;
            sample.taken = now;
        }
    }

    pub fn names(&self) -> Vec<String> {
        self.samples.keys().cloned().collect()
    }

    pub fn samples(&self) -> Vec<Sample> {
        self.samples.values().flat_map(|subjects| subjects.values().cloned()).collect()
    }
}

/// All samples as they are to be believed at `now`.
pub fn snapshot(samples: &[Sample], now: Instant) -> Snapshot {
    Snapshot { readings: samples.iter().map(|sample| sample.aged(now)).collect() }
}

/// A fresh reading.
pub fn fresh(name: &str, subject: Option<String>, value: f64, unit: &str, at: jiff::Timestamp) -> Reading {
    let (name, unit) = (name.to_owned(), unit.to_owned());
    // A number that is none is not a measurement.
    let (state, value, detail) = match value.is_finite() {
        true => (Freshness::Fresh, Some(value), None),
        false => (Freshness::Blind, None, Some(format!("the reading is {value}, not a number to compare"))),
    };
    Reading { name, subject, value, unit, state, at, limit: None, baseline: None, detail }
}

/// A reading that cannot be taken, and why.
pub fn blind(name: &str, subject: Option<String>, unit: &str, at: jiff::Timestamp, why: &str) -> Reading {
    let (name, unit, detail) = (name.to_owned(), unit.to_owned(), Some(why.to_owned()));
    Reading {
        name,
        subject,
        value: None,
        unit,
        state: Freshness::Blind,
        at,
        limit: None,
        baseline: None,
        detail,
    }
}

/// A signal that has nothing to measure, and what shows it.
pub fn not_applicable(name: &str, unit: &str, at: jiff::Timestamp, why: &str) -> Reading {
    Reading { state: Freshness::NotApplicable, ..blind(name, None, unit, at, why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    const SECOND: Duration = Duration::from_secs(1);

    fn board(reading: Reading, taken: Instant) -> Board {
        let mut board = Board::default();
        board.put("lag", vec![reading], taken, SECOND / 4);
        board
    }

    fn only(board: &Board, now: Instant) -> Reading {
        snapshot(&board.samples(), now).readings.remove(0)
    }

    #[test]
    fn a_reading_goes_stale_and_says_for_how_long() {
        let start = Instant::now();
        let board = board(fresh("lag", None, 0.5, "s", Timestamp::UNIX_EPOCH), start);
        assert_eq!(only(&board, start + SECOND * 3).state, Freshness::Fresh);
        let stale = only(&board, start + SECOND * 4);
        assert_eq!((stale.state, stale.value), (Freshness::Stale, Some(0.5)));
        assert!(stale.detail.unwrap().contains("4.0 s"));
    }

    #[test]
    fn not_applicable_is_not_believed_for_ever() {
        let start = Instant::now();
        let board = board(not_applicable("lag", "s", Timestamp::UNIX_EPOCH, "no standby"), start);
        assert_eq!(only(&board, start).state, Freshness::NotApplicable);
        assert_eq!(only(&board, start + SECOND * 4).state, Freshness::Blind);
    }

    #[test]
    fn one_slow_answer_is_not_blindness_and_a_lost_server_is() {
        let start = Instant::now();
        let mut board = board(fresh("lag", None, 0.5, "s", Timestamp::UNIX_EPOCH), start);
        board.fail("lag", &Failure::Slow("timeout".into()), start + SECOND, Timestamp::UNIX_EPOCH);
        assert_eq!(only(&board, start + SECOND).value, Some(0.5));
        board.fail("lag", &Failure::Slow("timeout".into()), start + SECOND * 4, Timestamp::UNIX_EPOCH);
        let reading = only(&board, start + SECOND * 4);
        assert_eq!((reading.state, reading.value), (Freshness::Blind, None));
        assert_eq!(reading.detail.as_deref(), Some("timeout"));

        board.put("lag", vec![fresh("lag", None, 0.1, "s", Timestamp::UNIX_EPOCH)], start, SECOND);
        board.fail("lag", &Failure::Blind("server gone".into()), start, Timestamp::UNIX_EPOCH);
        assert_eq!(only(&board, start).state, Freshness::Blind);
    }

    #[test]
    fn a_value_that_is_no_number_is_blind() {
        for value in [f64::NAN, f64::INFINITY] {
            assert_eq!(fresh("p", None, value, "", Timestamp::UNIX_EPOCH).state, Freshness::Blind);
        }
    }
}
