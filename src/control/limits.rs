//! Owns how rows and WAL a second are held: how long to rest before the next slice, and how much a slice may be at
//! most. Pure; one for all workers of a step. Must not turn a range's length for its time: that is `pace`'s.
//!
//! A slice is paid for when it begins, by what the last one came to, and settled when it ends. So over any time
//! no more begins than the limit allows and one slice; several workers may exceed it by what their slices in hand
//! turn out to be over the last one.

use super::pace::SHORTEST;
use super::tuning::Tuning;
use crate::plan::limits::Limit;
use std::time::Duration;

/// Time not used that may be caught up: what timers are late by, no more.
const CREDIT: f64 = 0.010;
/// What was done under another limit is forgiven beyond this.
const LONGEST_DEBT: f64 = 1.0;
/// A slice is to be at most what so many seconds allow.
const SLICE_SECONDS: f64 = 0.5;
/// How fast a denser stretch of the table is forgotten.
const FORGET: f64 = 0.1;
/// A shorter wait is none.
const NONE: f64 = 1e-6;

/// The limits on amounts, shared by the workers of a step.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    rows: Bucket,
    wal: Bucket,
}

/// The right to do one slice, to be given back at its end.
#[derive(Debug)]
pub struct Ticket {
    rows: Paid,
    wal: Paid,
}

/// How long to wait, and for what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    pub length: Duration,
    pub by: Limit,
}

/// What a slice came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    /// Length of the range that it was a slice of; of a block that was cut finer, a part.
    pub blocks: f64,
    pub rows: u64,
    /// `None`: not measured.
    pub wal: Option<u64>,
}

impl Limits {
    /// Puts limits in force; the same ones change nothing.
    pub fn set(&mut self, now: Duration, tuning: &Tuning) {
        self.rows.set(now.as_secs_f64(), tuning.rate);
        self.wal.set(now.as_secs_f64(), tuning.wal);
    }

    /// Whether a slice may begin now; if not, when to ask again.
    pub fn begin(&mut self, now: Duration) -> Result<Ticket, Wait> {
        let now = now.as_secs_f64();
        let (rows, wal) = (self.rows.wait(now), self.wal.wait(now));
        let (longest, by) = if rows >= wal { (rows, Limit::Rate) } else { (wal, Limit::Wal) };
        if longest > NONE {
            return Err(Wait { length: Duration::from_secs_f64(longest), by });
        }
        Ok(Ticket { rows: self.rows.begin(now), wal: self.wal.begin(now) })
    }

    /// A slice ended; `None`: it failed, and did nothing.
    pub fn end(&mut self, ticket: Ticket, spent: Option<Spent>) {
        let Some(spent) = spent else {
            self.rows.settle(&ticket.rows, 0.0);
            // What it wrote until then is in the log all the same; how much is not known, so what was paid stays paid.
            return;
        };
        self.rows.end(&ticket.rows, spent.rows as f64, spent.blocks);
        if let Some(wal) = spent.wal {
            self.wal.end(&ticket.wal, wal as f64, spent.blocks);
        }
    }

    /// Length of a range, in blocks, whose slices are no more than the limits allow in half a second, as dense as it was so far.
    pub fn longest(&self) -> f64 {
        self.rows.longest().min(self.wal.longest())
    }
}

/// How long a worker rests that worked so long, to be at rest this per cent of the time.
pub fn at_rest(worked: Duration, percent: u32) -> Duration {
    let percent = percent.min(99);
    worked.mul_f64(f64::from(percent) / f64::from(100 - percent))
}

/// One amount a second.
#[derive(Clone, Debug, Default)]
struct Bucket {
    per_second: Option<f64>,
    /// Counts the changes: what was paid under an older limit is not settled under a newer one.
    changes: u32,
    /// When the next slice may begin, in seconds.
    next: f64,
    /// What the last slice came to.
    usual: f64,
    /// Of the densest slices lately.
    per_block: f64,
}

#[derive(Clone, Copy, Debug)]
struct Paid {
    changes: u32,
    amount: f64,
}

impl Bucket {
    fn set(&mut self, now: f64, per_second: Option<u64>) {
        let per_second = per_second.map(|amount| (amount as f64).max(1.0));
        if per_second == self.per_second {
            return;
        }
        let debt = match (self.per_second, per_second) {
            (Some(before), Some(after)) => (self.wait(now) * before / after).min(LONGEST_DEBT),
            _ => 0.0,
        };
        (self.per_second, self.next) = (per_second, now + debt);
        self.changes = self.changes.wrapping_add(1);
    }

    fn wait(&self, now: f64) -> f64 {
        if self.per_second.is_some() { (self.next - now).max(0.0) } else { 0.0 }
    }

    fn begin(&mut self, now: f64) -> Paid {
        let amount = self.usual;
        if let Some(per_second) = self.per_second {
            self.next = self.next.max(now - CREDIT) + amount / per_second;
        }
        Paid { changes: self.changes, amount }
    }

    fn settle(&mut self, paid: &Paid, amount: f64) {
        if let Some(per_second) = self.per_second
            && paid.changes == self.changes
        {
            self.next += (amount - paid.amount) / per_second;
        }
    }

    fn end(&mut self, paid: &Paid, amount: f64, blocks: f64) {
        self.settle(paid, amount);
        self.usual = amount;
        let dense = amount / blocks.max(SHORTEST);
        self.per_block = dense.max(self.per_block + FORGET * (dense - self.per_block));
    }

    fn longest(&self) -> f64 {
        match self.per_second {
            Some(per_second) if self.per_block > 0.0 => per_second * SLICE_SECONDS / self.per_block,
            _ => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tuning(rate: Option<u64>, wal: Option<u64>) -> Tuning {
        Tuning { rate, wal, ..Tuning::default() }
    }

    fn limited(rate: Option<u64>, wal: Option<u64>) -> Limits {
        let mut limits = Limits::default();
        limits.set(Duration::ZERO, &tuning(rate, wal));
        limits
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn rows(rows: u64) -> Option<Spent> {
        Some(Spent { blocks: 10.0, rows, wal: None })
    }

    /// Workers at slices of so many rows and seconds, in turn; gives when each began and its rows.
    fn work(limits: &mut Limits, workers: usize, slices: &[(u64, f64)]) -> Vec<(f64, u64)> {
        let mut hands: Vec<(f64, Option<(Ticket, u64)>)> = (0..workers).map(|_| (0.0, None)).collect();
        let (mut seen, mut left) = (Vec::new(), slices.iter());
        loop {
            let hand = hands.iter_mut().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            let now = hand.0;
            if let Some((ticket, done)) = hand.1.take() {
                limits.end(ticket, rows(done));
            }
            match limits.begin(seconds(now)) {
                Err(wait) => hand.0 += wait.length.as_secs_f64().max(1e-6),
                Ok(ticket) => {
                    let Some((amount, takes)) = left.next() else { return seen };
                    seen.push((now, *amount));
                    *hand = (now + takes, Some((ticket, *amount)));
                }
            }
        }
    }

    #[test]
    fn without_limits_nothing_waits() {
        let seen = work(&mut limited(None, None), 1, &[(1_000_000, 0.001); 20]);
        assert!((seen[19].0 - 0.019).abs() < 1e-6);
        assert_eq!(limited(None, None).longest(), f64::INFINITY);
    }

    #[test]
    fn comes_close_to_the_limit_from_below() {
        for workers in [1, 4] {
            let seen = work(&mut limited(Some(10_000), None), workers, &[(500, 0.01); 400]);
            let rate = 500.0 * 400.0 / seen[399].0;
            assert!((9_800.0..10_200.0).contains(&rate), "{workers}: {rate}");
        }
    }

    #[test]
    fn the_tighter_limit_is_the_one_that_is_named() {
        let mut limits = limited(Some(1_000), Some(1_000_000));
        let ticket = limits.begin(Duration::ZERO).unwrap();
        limits.end(ticket, Some(Spent { blocks: 10.0, rows: 100, wal: Some(500_000) }));
        let wait = limits.begin(Duration::ZERO).unwrap_err();
        assert_eq!((wait.by, wait.length.as_millis()), (Limit::Wal, 500));
        // Half a second's worth: 500 rows are 50 blocks, 500 kB are 10.
        assert_eq!(limits.longest(), 10.0);
        limits.set(Duration::ZERO, &tuning(Some(1_000), None));
        let wait = limits.begin(Duration::ZERO).unwrap_err();
        assert_eq!((wait.by, wait.length.as_millis()), (Limit::Rate, 100));
    }

    #[test]
    fn a_slice_that_failed_costs_no_rows() {
        let mut limits = limited(Some(100), None);
        let ticket = limits.begin(Duration::ZERO).unwrap();
        limits.end(ticket, rows(50));
        let ticket = limits.begin(seconds(0.5)).unwrap();
        limits.end(ticket, None);
        assert!(limits.begin(seconds(0.5)).is_ok());
    }

    #[test]
    fn a_slice_begun_under_another_limit_is_not_settled_under_the_new_one() {
        let mut limits = limited(None, None);
        let ticket = limits.begin(Duration::ZERO).unwrap();
        limits.set(seconds(0.1), &tuning(Some(1), None));
        limits.end(ticket, rows(100_000));
        assert!(limits.begin(seconds(0.2)).is_ok());
    }

    #[test]
    fn rests_its_share() {
        assert_eq!(at_rest(seconds(0.05), 0), Duration::ZERO);
        assert_eq!(at_rest(seconds(0.05), 50), seconds(0.05));
        assert_eq!(at_rest(seconds(0.05), 95).as_millis(), 950);
    }

    fn slices() -> impl Strategy<Value = Vec<(u64, f64)>> {
        prop::collection::vec((0u64..5_000, 0.0001f64..0.5), 1..120)
    }

    proptest! {
        /// Whatever the slices: what begins within any time is what the limit allows and one slice. With several workers, one of
        /// each that was paid for too little, and one of each that was paid for too much before that time.
        #[test]
        fn never_over_the_limit(slices in slices(), rate in 100u64..200_000, workers in 1usize..5) {
            let seen = work(&mut limited(Some(rate), None), workers, &slices);
            let largest = slices.iter().map(|s| s.0).max().unwrap() as f64;
            let over = if workers == 1 { 1 } else { 2 * workers };
            for first in 0..seen.len() {
                let mut sum = 0.0;
                for last in first..seen.len() {
                    sum += seen[last].1 as f64;
                    let allowed = rate as f64 * (seen[last].0 - seen[first].0 + CREDIT + 1e-3);
                    prop_assert!(sum <= allowed + largest * over as f64, "{sum} over {allowed}");
                }
            }
        }

        /// Whatever the past: a change is in force at once, and nobody waits for it longer than a second.
        #[test]
        fn no_debt_outlasts_a_change(slices in slices(), before in 1u64..10_000, after in 1u64..1_000_000) {
            let mut limits = limited(Some(before), None);
            let seen = work(&mut limits, 1, &slices);
            let now = seconds(seen.last().unwrap().0);
            let mut changed = limits.clone();
            changed.set(now, &tuning(Some(after), None));
            let wait = changed.begin(now).err().map_or(Duration::ZERO, |wait| wait.length);
            prop_assert!(wait <= seconds(LONGEST_DEBT));
            limits.set(now, &tuning(None, None));
            prop_assert!(limits.begin(now).is_ok());
        }

        /// A range as long as is said is at most half a second's worth a slice: of a block that has more, a part.
        #[test]
        fn slices_fit_into_a_second(slices in slices(), rate in 100u64..1_000_000, dense in 1u64..300) {
            let mut limits = limited(Some(rate), None);
            work(&mut limits, 1, &slices);
            for rate in [None, Some(rate)] {
                limits.set(Duration::ZERO, &tuning(rate, None));
            }
            let ticket = limits.begin(Duration::ZERO).unwrap();
            limits.end(ticket, rows(dense * 10));
            prop_assert!(limits.longest() * dense as f64 <= rate as f64 / 2.0 + 1.0);
        }
    }
}
