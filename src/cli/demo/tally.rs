//! Owns what the applications saw: the time of every statement, what they committed, every error. Must not forgive any.

use serde::Serialize;
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How many errors are kept with their text; all are counted.
const KEPT: usize = 10;

/// One statement of an application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// When its answer came, milliseconds since the tally began.
    pub at: u32,
    /// How long it took, microseconds.
    pub micros: u32,
    /// Which one: `UPDATE`.
    pub what: &'static str,
}

/// One application's book. The threads of the application write in it, the demonstration reads.
#[derive(Debug)]
pub(super) struct Tally {
    origin: Instant,
    samples: Mutex<Vec<Sample>>,
    errors: Mutex<Vec<String>>,
    error_count: AtomicU64,
    transactions: AtomicU64,
    /// Rows of history that were committed.
    booked: AtomicU64,
    inserted: AtomicU64,
    /// The sum of all committed changes, in whole units.
    delta: AtomicI64,
}

/// What was committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Committed {
    pub transactions: u64,
    pub booked: u64,
    pub inserted: u64,
    pub delta: i64,
}

/// The times of the statements of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many statements.
    pub statements: u64,
    /// Half of them took no longer than this, milliseconds.
    pub p50_ms: f64,
    /// 99 in 100 took no longer than this, milliseconds.
    pub p99_ms: f64,
    /// The longest, milliseconds.
    pub longest_ms: f64,
    /// Which one that was.
    pub longest: &'static str,
}

impl Tally {
    /// `origin`: the same moment for all tallies of a run.
    pub(super) fn new(origin: Instant) -> Tally {
        Tally {
            origin,
            samples: Mutex::default(),
            errors: Mutex::default(),
            error_count: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            booked: AtomicU64::new(0),
            inserted: AtomicU64::new(0),
            delta: AtomicI64::new(0),
        }
    }

    pub(super) fn time(&self, what: &'static str, took: Duration) {
        let at = u32::try_from(self.origin.elapsed().as_millis()).unwrap_or(u32::MAX);
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        locked(&self.samples).push(Sample { at, micros, what });
    }

    pub(super) fn error(&self, text: String) {
        self.error_count.fetch_add(1, Ordering::Relaxed);
        let mut errors = locked(&self.errors);
        if errors.len() < KEPT {
            errors.push(text);
        }
    }

    pub(super) fn committed(&self, done: Committed) {
        self.transactions.fetch_add(done.transactions, Ordering::Relaxed);
        self.booked.fetch_add(done.booked, Ordering::Relaxed);
        self.inserted.fetch_add(done.inserted, Ordering::Relaxed);
        self.delta.fetch_add(done.delta, Ordering::Relaxed);
    }

    pub(super) fn so_far(&self) -> Committed {
        Committed {
            transactions: self.transactions.load(Ordering::Relaxed),
            booked: self.booked.load(Ordering::Relaxed),
            inserted: self.inserted.load(Ordering::Relaxed),
            delta: self.delta.load(Ordering::Relaxed),
        }
    }

    pub(super) fn error_count(&self) -> u64 {
        self.error_count.load(Ordering::Relaxed)
    }

    pub(super) fn errors(&self) -> Vec<String> {
        locked(&self.errors).clone()
    }

    /// The statements answered in a span of milliseconds since the origin. They come in nearly in order, so the search for
    /// the first ends early enough even in a live display.
    pub(super) fn between(&self, from: u32, to: u32) -> Vec<Sample> {
        let samples = locked(&self.samples);
        // Threads take the time before the lock: a sample may stand a little behind its turn.
        let start = samples.iter().rposition(|sample| sample.at.saturating_add(1_000) < from).unwrap_or(0);
        samples[start..].iter().filter(|sample| (from..to).contains(&sample.at)).copied().collect()
    }
}

impl Latency {
    /// `None` where there was no statement.
    pub(super) fn of(samples: &[Sample]) -> Option<Latency> {
        let longest = samples.iter().max_by_key(|sample| sample.micros)?;
        let mut micros: Vec<u32> = samples.iter().map(|sample| sample.micros).collect();
        micros.sort_unstable();
        let rank = |share: f64| {
            let rank = (share * micros.len() as f64).ceil() as usize;
            f64::from(micros[rank.clamp(1, micros.len()) - 1]) / 1e3
        };
        Some(Latency {
            statements: micros.len() as u64,
            p50_ms: rank(0.5),
            p99_ms: rank(0.99),
            longest_ms: f64::from(longest.micros) / 1e3,
            longest: longest.what,
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a thread that panicked had written down stays true.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: u32, micros: u32) -> Sample {
        Sample { at, micros, what: "UPDATE" }
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let samples: Vec<Sample> = (1..=1000).rev().map(|n| sample(0, n * 1000)).collect();
        let latency = Latency::of(&samples).unwrap();
        assert_eq!((latency.p50_ms, latency.p99_ms, latency.longest_ms), (500.0, 990.0, 1000.0));
        let one = Latency::of(&samples[..1]).unwrap();
        assert_eq!((one.p50_ms, one.p99_ms, one.statements), (1000.0, 1000.0, 1));
        assert_eq!(Latency::of(&[]), None);
    }

    #[test]
    fn a_span_holds_what_was_answered_in_it_even_a_little_out_of_turn() {
        let tally = Tally::new(Instant::now());
        *tally.samples.lock().unwrap() =
            [10, 900, 2_000, 2_499, 2_498, 2_600, 3_000].map(|at| sample(at, 1)).to_vec();
        let found: Vec<u32> = tally.between(2_498, 3_000).iter().map(|sample| sample.at).collect();
        assert_eq!(found, [2_499, 2_498, 2_600]);
        assert_eq!(tally.between(0, 1_000).len(), 2);
    }

    #[test]
    fn all_errors_count_and_the_first_are_kept() {
        let tally = Tally::new(Instant::now());
        for n in 0..25 {
            tally.error(format!("error {n}"));
        }
        assert_eq!(tally.error_count(), 25);
        assert_eq!(tally.errors().len(), KEPT);
        assert_eq!(tally.errors()[0], "error 0");
    }
}
