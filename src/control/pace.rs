//! Owns how much a slice takes on: turns the range's length so that the dearest of its slices takes its target
//! time, and how long to rest where a guard throttles. Must not decide whether work goes on at all.

use std::time::Duration;

/// Bounds of a range's length, in blocks: of one block that takes too long a slice takes a part of the rows. More parts leave no
/// rows in most of them.
pub const SHORTEST: f64 = 1.0 / 256.0;
const LONGEST: f64 = 4096.0;
/// Where it starts, since nothing is known yet of what a row costs; and how long it may be once something is.
const FIRST: f64 = 1.0;
const SECOND: f64 = 64.0;
/// A rest is never longer: verdicts change faster than that.
pub const LONGEST_REST: Duration = Duration::from_secs(5);

/// Weights of a new measurement: slower counts at once, faster has to prove itself.
const SLOWER: f64 = 0.5;
const FASTER: f64 = 0.15;
const GROWTH: f64 = 1.5;
/// A slice that takes this many times its target cuts the length by as much.
const BRAKE: f64 = 4.0;
/// One whose rows take this many times what they may ends its range: the rest is better asked for in a shorter one.
const TOO_LONG: f64 = 2.0;
/// Of the target time, what the rows may take however dear the rest of a slice is: what round trips and the commit cost is not
/// the range's doing, and shorter ranges would pay nothing else.
const WORTHWHILE: f64 = 0.25;
/// Weight of a new measurement of that rest.
const ASIDE: f64 = 0.3;
/// A part of a block is to take this many times that rest: cut finer, rows would pay little else than their transactions.
const PART: f64 = 2.0;

/// What the dearest slice of a range took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SliceMeasure {
    /// Length of the range that it was a slice of.
    pub blocks: f64,
    /// From before BEGIN to after COMMIT.
    pub elapsed: Duration,
    /// Of it, the statement that fills.
    pub work: Duration,
    pub rows: u64,
}

impl SliceMeasure {
    pub const NONE: SliceMeasure =
        SliceMeasure { blocks: 0.0, elapsed: Duration::ZERO, work: Duration::ZERO, rows: 0 };
}

/// Into how many parts, a power of two, the slices of a range of this length are cut further.
pub fn parts(length: f64) -> u32 {
    // The nearest power.
    1 << -length.clamp(SHORTEST, 1.0).log2().round() as u32
}

/// Holds slices at a target time.
#[derive(Clone, Debug)]
pub struct Pace {
    target: f64,
    /// Whole blocks, or less than one.
    length: f64,
    /// Blocks a second of what fills them, smoothed.
    rate: Option<f64>,
    /// Seconds of a slice beside that, smoothed.
    aside: f64,
}

impl Pace {
    pub fn new(target: Duration) -> Pace {
        Pace { target: target.as_secs_f64().max(0.001), length: FIRST, rate: None, aside: 0.0 }
    }

    /// Another target from now on; the next range is as short as it asks for.
    pub fn aim(&mut self, target: Duration) {
        let target = target.as_secs_f64().max(0.001);
        let shorter = target < self.target;
        self.target = target;
        if let (true, Some(rate)) = (shorter, self.rate) {
            self.shorten(self.fitting(rate));
        }
    }

    /// Of a slice's time, what its rows may take.
    fn for_rows(&self) -> f64 {
        (self.target - self.aside).max(self.target * WORTHWHILE)
    }

    /// What those of a part of a block may: on a machine that is slow at everything blocks would be cut to nothing.
    fn for_part(&self) -> f64 {
        self.for_rows().max(PART * self.aside)
    }

    /// What the rows of the next slice may take: below one block only parts are left.
    fn may_take(&self) -> f64 {
        if self.length <= 1.0 { self.for_part() } else { self.for_rows() }
    }

    /// The length that fits at this rate.
    fn fitting(&self, rate: f64) -> f64 {
        let blocks = rate * self.for_rows();
        if blocks < 1.0 { (rate * self.for_part()).min(1.0) } else { blocks }
    }

    /// Length of the range to come: a whole number of blocks, or less than one.
    pub fn length(&self) -> f64 {
        self.length
    }

    /// Whether a slice's rows took so long that its range should end with it.
    pub fn is_too_long(&self, work: Duration) -> bool {
        work.as_secs_f64() > TOO_LONG * self.may_take()
    }

    /// After each range: the length of the next. `throttled`: at any moment of it; `fresh`: all guarded signals are.
    /// Never grows on what is not fresh, while throttled, or after a slice that took too long.
    pub fn next(&mut self, measured: SliceMeasure, throttled: bool, fresh: bool) -> f64 {
        let work = measured.work.as_secs_f64().max(1e-6);
        let current = self.length;
        if measured.blocks > 0.0 {
            let aside = measured.elapsed.saturating_sub(measured.work).as_secs_f64();
            self.aside += ASIDE * (aside - self.aside);
        }
        let may_take = self.may_take();
        // The short range at a table's end says little, unless it was slow all the same.
        let telling = measured.blocks >= current / 2.0 || work > may_take;
        if telling && measured.blocks > 0.0 {
            let seen = measured.blocks / work;
            // Half of one block must not be lost for ever; but one comes before two.
            // And a block without rows tells nothing of what they cost.
            let grown = match self.rate {
                None if measured.rows > 0 => SECOND,
                _ if current < 1.0 => (current * GROWTH).min(1.0),
                _ => (current * GROWTH).ceil(),
            };
            let rate = match self.rate {
                Some(rate) => rate + if seen < rate { SLOWER } else { FASTER } * (seen - rate),
                None => seen,
            };
            self.rate = Some(rate);
            let may_grow = fresh && !throttled && work <= may_take;
            let mut wanted = self.fitting(rate).min(if may_grow { grown } else { current });
            if work > BRAKE * may_take {
                wanted = wanted.min(current / BRAKE);
                self.rate = Some(rate.min(wanted / may_take));
            }
            // One row cannot be cut: a stall at a page with next to no rows says nothing of them.
            let row = measured.blocks / measured.rows.max(1) as f64;
            self.length = whole(wanted.max(row.min(current).min(1.0)));
        }
        self.length
    }

    /// Of so many times fewer slices a range is cut into from now on, each has so many times the rows.
    pub fn coarser(&mut self, times: f64) {
        let Some(rate) = self.rate.map(|rate| rate / times.max(1.0)) else { return };
        self.rate = Some(rate);
        self.shorten(self.fitting(rate));
    }

    /// A slice failed for a lock, a deadlock or a cancelled statement: less at a time.
    pub fn failed(&mut self) {
        self.shorten(self.length / 2.0);
        self.rate = Some(self.rate.unwrap_or(f64::INFINITY).min(self.length / self.may_take()));
    }

    fn shorten(&mut self, to: f64) {
        self.length = self.length.min(whole(to));
    }
}

/// A block that takes a little too long is not cut: each part has its own commit.
fn whole(length: f64) -> f64 {
    match length {
        1.0.. => length.floor().min(LONGEST),
        0.7.. => 1.0,
        _ => length.max(SHORTEST),
    }
}

/// Of a slice's target time, what a throttled one should take: so many slices a second that the log grows evenly from one look at
/// the standbys to the next, instead of in bursts that look like a standby falling behind; and long enough to be worth a commit.
pub fn portion(target: Duration, share: Option<f64>) -> f64 {
    const LOOK: f64 = 0.25;
    const LEAST: f64 = 0.005;
    let Some(share) = share.filter(|share| *share < 1.0) else { return 1.0 };
    ((LOOK * share).max(LEAST) / target.as_secs_f64().max(0.001)).min(1.0)
}

/// How long to rest after a slice, to work for a share of the time only: a slice's time is to all time as `share` is to 1.
pub fn rest(elapsed: Duration, share: Option<f64>) -> Duration {
    let Some(share) = share else { return Duration::ZERO };
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    if share >= 1.0 {
        return Duration::ZERO;
    }
    let seconds = elapsed.as_secs_f64() * (1.0 / share.max(1e-3) - 1.0);
    Duration::from_secs_f64(seconds.min(LONGEST_REST.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TARGET: Duration = Duration::from_millis(50);

    fn took(blocks: f64, ms: f64) -> SliceMeasure {
        beside(blocks, ms, 0.0)
    }

    /// A slice whose rows took `ms` and whose round trips and commit took `aside`.
    fn beside(blocks: f64, ms: f64, aside: f64) -> SliceMeasure {
        let seconds = |ms: f64| Duration::from_secs_f64(ms / 1000.0);
        SliceMeasure {
            blocks,
            elapsed: seconds(ms + aside),
            work: seconds(ms),
            rows: (blocks * 200.0) as u64,
        }
    }

    /// What a slice takes on.
    fn cut(pace: &Pace) -> f64 {
        if pace.length() >= 1.0 { pace.length() } else { 1.0 / f64::from(parts(pace.length())) }
    }

    /// Runs slices whose cost in ms is `cost(slice, blocks)`; gives lengths and times.
    fn run(slices: usize, mut cost: impl FnMut(usize, f64) -> f64) -> Vec<(f64, f64)> {
        let mut pace = Pace::new(TARGET);
        (0..slices)
            .map(|i| {
                let (blocks, ms) = (cut(&pace), cost(i, cut(&pace)));
                pace.next(took(blocks, ms), false, true);
                (blocks, ms)
            })
            .collect()
    }

    #[test]
    fn comes_to_the_target_from_either_side_and_stays() {
        for per_block in [0.005, 0.05, 0.4, 1.0, 5.0, 40.0, 240.0, 3000.0] {
            let seen = run(200, |_, n| 1.0 + per_block * n);
            for (blocks, ms) in &seen[100..] {
                assert!(*ms <= 72.0, "{per_block}: {blocks} blocks took {ms}");
                assert!(*ms >= 34.0 || *blocks == LONGEST, "{per_block}: {blocks} blocks took {ms}");
            }
            let (least, most) =
                seen[100..].iter().fold((f64::MAX, 0.0), |(l, m): (f64, f64), (b, _)| (l.min(*b), m.max(*b)));
            assert!(most - least <= 1.0 + most / 10.0, "{per_block}: between {least} and {most}");
        }
    }

    #[test]
    fn a_tenfold_cost_is_answered_within_three_slices() {
        let seen = run(400, |i, n| if (100..200).contains(&i) { 5.0 * n } else { 0.5 * n });
        assert!(seen[100].1 > 300.0);
        assert!(seen[103..200].iter().all(|(_, ms)| *ms <= 101.0), "{:?}", &seen[100..110]);
        // And it comes back, without overshooting.
        assert!(seen[200..].iter().all(|(_, ms)| *ms <= 60.0));
        assert!(seen[300..].iter().all(|(_, ms)| *ms >= 40.0), "{:?}", &seen[290..310]);
    }

    #[test]
    fn noise_neither_oscillates_nor_runs_away() {
        let mut random = fastrand::Rng::with_seed(7);
        let seen = run(2000, |_, n| 0.5 * n * (0.7 + 0.6 * random.f64()));
        let lengths: Vec<f64> = seen[200..].iter().map(|(b, _)| *b).collect();
        let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
        assert!((60.0..115.0).contains(&mean), "{mean}");
        assert!(lengths.iter().all(|b| *b > mean * 0.6 && *b < mean * 1.5));
        assert!(lengths.windows(2).all(|w| w[1] <= w[0] * 1.5 + 1.0 && w[1] >= w[0] / 4.0 - 1.0));
    }

    #[test]
    fn a_stall_brakes_and_is_left_behind() {
        let seen = run(300, |i, n| if i % 100 == 50 { 3000.0 } else { 0.5 * n });
        assert!(seen[51].0 <= seen[50].0 / 4.0);
        assert!(seen[99].0 >= 80.0, "{:?}", &seen[50..100]);
    }

    #[test]
    fn a_dear_commit_does_not_grind_the_range_to_nothing() {
        // In ms: round trips and the commit; the rows of a block.
        for (aside, per_block) in [(5.0, 0.5), (30.0, 0.5), (80.0, 0.1), (500.0, 0.1), (120.0, 4.0)] {
            let mut pace = Pace::new(TARGET);
            let mut random = fastrand::Rng::with_seed(5);
            let mut seen = Vec::new();
            for _ in 0..300 {
                let (blocks, noise) = (cut(&pace), 0.5 + random.f64());
                let ms = per_block * blocks;
                pace.next(beside(blocks, ms, aside * noise), false, true);
                seen.push(ms);
            }
            // What is left of the target for the rows, but a quarter of it at least.
            let (least, most) = ((50.0 - 1.6 * aside).max(12.5), (50.0 - 0.4 * aside).max(12.5));
            let fits = |ms: &f64| *ms >= least - 1.5 * per_block && *ms <= most + 1.5 * per_block;
            assert!(seen[100..].iter().all(fits), "{aside} and {per_block}: {:?}", &seen[280..]);
        }
        // But dear rows do, and then finer than a block.
        assert_eq!(run(300, |_, n| 200.0 * n)[299].0, 0.25);
    }

    #[test]
    fn is_at_full_length_once_it_is_known_what_a_row_costs() {
        let after = |first: SliceMeasure| Pace::new(TARGET).next(first, false, true);
        assert_eq!(after(took(1.0, 0.5)), SECOND);
        assert_eq!(after(took(1.0, 10.0)), 5.0);
        assert_eq!(after(SliceMeasure { rows: 0, ..took(1.0, 0.1) }), 2.0);
    }

    #[test]
    fn a_tables_short_end_says_little() {
        let mut pace = Pace::new(TARGET);
        for _ in 0..50 {
            pace.next(took(pace.length(), 0.5 * pace.length()), false, true);
        }
        let before = pace.length();
        assert_eq!(pace.next(took(3.0, 8.0), false, true), before);
        assert!(pace.next(took(3.0, 80.0), false, true) < before);
        assert!(pace.next(took(0.0, 8.0), false, true) <= before);
    }

    #[test]
    fn rests_by_the_share() {
        let rest = |share| rest(Duration::from_millis(50), share).as_secs_f64();
        assert_eq!(rest(None), 0.0);
        assert_eq!(rest(Some(1.0)), 0.0);
        assert!((rest(Some(0.5)) - 0.05).abs() < 1e-6);
        assert!((rest(Some(0.05)) - 0.95).abs() < 1e-6);
        assert_eq!(rest(Some(0.0)), 5.0);
        assert_eq!(rest(Some(f64::NAN)), 5.0);
    }

    #[test]
    fn a_throttled_slice_is_shorter_but_worth_a_commit() {
        let portion = |ms, share| portion(Duration::from_millis(ms), share);
        assert_eq!((portion(50, None), portion(50, Some(1.0)), portion(50, Some(0.5))), (1.0, 1.0, 1.0));
        assert!((portion(50, Some(0.1)) - 0.5).abs() < 1e-9 && (portion(50, Some(0.001)) - 0.1).abs() < 1e-9);
        // One that is short anyway stays as it is.
        assert_eq!(portion(3, Some(0.01)), 1.0);
    }

    #[test]
    fn a_slice_too_long_ends_its_range() {
        let pace = Pace::new(TARGET);
        assert!(!pace.is_too_long(Duration::from_millis(99)) && pace.is_too_long(Duration::from_millis(101)));
    }

    #[test]
    fn another_target_is_in_force_with_the_next_range() {
        let mut pace = Pace::new(TARGET);
        let work = |pace: &mut Pace| {
            pace.next(took(pace.length(), 0.5 * pace.length()), false, true);
        };
        (0..50).for_each(|_| work(&mut pace));
        assert!(pace.length() >= 80.0);
        pace.aim(Duration::from_millis(20));
        assert!((30.0..=41.0).contains(&pace.length()), "{}", pace.length());
        pace.aim(TARGET);
        assert!(pace.length() <= 41.0);
        (0..50).for_each(|_| work(&mut pace));
        assert!(pace.length() >= 80.0);
    }

    #[test]
    fn a_failure_halves() {
        let mut pace = Pace::new(TARGET);
        pace.failed();
        assert_eq!(pace.length(), 0.5);
        (0..20).for_each(|_| pace.failed());
        assert_eq!((pace.length(), parts(pace.length())), (SHORTEST, 256));
        for _ in 0..60 {
            pace.next(took(pace.length(), 1.0), false, true);
        }
        assert!(pace.length() > 64.0);
    }

    #[test]
    fn fewer_slices_are_as_long_at_once() {
        // Twenty slices of 2 ms a block; then none but the whole of it.
        let mut pace = Pace::new(TARGET);
        (0..50).for_each(|_| {
            pace.next(took(cut(&pace), 2.0 * cut(&pace)), false, true);
        });
        assert!((20.0..=25.0).contains(&pace.length()), "{}", pace.length());
        pace.coarser(20.0);
        for _ in 0..50 {
            let ms = 40.0 * cut(&pace);
            assert!(ms <= 60.0, "{ms}");
            pace.next(took(cut(&pace), ms), false, true);
        }
        let before = pace.length();
        pace.coarser(0.1);
        assert_eq!(pace.length(), before);
    }

    #[test]
    fn a_slow_machine_does_not_cut_blocks() {
        // Everything takes thirty times as long: the round trip and the rows of a block, and the four round trips beside them.
        let mut pace = Pace::new(TARGET);
        let ms = |pace: &Pace, slow: f64| (0.3 + 0.5 * cut(pace)) * slow;
        (0..50).for_each(|_| {
            pace.next(beside(cut(&pace), ms(&pace, 1.0), 1.2), false, true);
        });
        assert!(pace.length() >= 80.0);
        (0..50).for_each(|_| {
            pace.next(beside(cut(&pace), ms(&pace, 30.0), 36.0), false, true);
        });
        assert_eq!(pace.length(), 1.0);
        (0..50).for_each(|_| {
            pace.next(beside(cut(&pace), ms(&pace, 1.0), 1.2), false, true);
        });
        assert!(pace.length() >= 80.0);
        // Nor where a block takes less than its transaction.
        let mut pace = Pace::new(TARGET);
        (0..50).for_each(|_| {
            pace.next(beside(cut(&pace), 100.0 * cut(&pace), 120.0), false, true);
        });
        assert_eq!(pace.length(), 1.0);
    }

    #[test]
    fn a_target_below_what_a_transaction_costs_does_not_cut_blocks() {
        let mut pace = Pace::new(TARGET);
        (0..50).for_each(|_| {
            pace.next(beside(cut(&pace), cut(&pace), 3.0), false, true);
        });
        pace.aim(Duration::from_millis(1));
        assert_eq!(pace.length(), 1.0);
        pace.coarser(2.0);
        assert_eq!(pace.length(), 1.0);
    }

    #[test]
    fn parts_that_were_cut_on_a_slow_machine_grow_there_again() {
        let mut pace = Pace::new(TARGET);
        (0..6).for_each(|_| pace.failed());
        (0..40).for_each(|_| {
            pace.next(beside(cut(&pace), 20.0 + cut(&pace), 80.0), false, true);
        });
        assert_eq!(pace.length(), 1.0);
    }

    #[test]
    fn a_stall_at_a_page_without_rows_does_not_cut_blocks() {
        let mut pace = Pace::new(TARGET);
        for _ in 0..20 {
            pace.next(SliceMeasure { rows: 0, ..took(cut(&pace), 3000.0) }, false, true);
        }
        assert_eq!(pace.length(), 1.0);
    }

    #[test]
    fn of_a_dear_block_a_slice_takes_a_part() {
        let all: Vec<u32> = [5.0, 1.0, 0.5, 0.4, 0.3, 0.1, 0.004, 0.0].map(parts).into();
        assert_eq!(all, [1, 1, 2, 2, 4, 8, 256, 256]);
    }

    fn range() -> impl Strategy<Value = (f64, bool, bool)> {
        (0.01f64..2000.0, any::<bool>(), any::<bool>())
    }

    proptest! {
        #[test]
        fn bounded_and_grows_only_when_it_may(ranges in prop::collection::vec(range(), 1..200)) {
            let mut pace = Pace::new(TARGET);
            for (ms, throttled, fresh) in ranges {
                let (before, known) = (pace.length(), pace.rate.is_some());
                let next = pace.next(took(before, ms), throttled, fresh);
                prop_assert!((SHORTEST..=LONGEST).contains(&next) && (next < 1.0 || next.fract() == 0.0));
                let most = if before < 1.0 { 1.0 } else { (before * GROWTH).ceil() };
                let most = if known { most } else { SECOND };
                prop_assert!(next <= most);
                if !fresh || throttled || ms > 50.001 {
                    prop_assert!(next <= before);
                }
                if ms > 200.001 {
                    // One row cannot be cut.
                    prop_assert!(next <= whole(before / 4.0).max(0.01));
                }
            }
        }

        /// From the same state, a slower slice or a throttle never gives more work; a smaller share never less rest.
        #[test]
        fn worse_never_gives_more(past in prop::collection::vec(range(), 0..50), a in 0.01f64..2000.0, b in 0.01f64..2000.0,
                                  s in 0.0f64..=1.0, t in 0.0f64..=1.0, blocks in 0.01f64..5000.0) {
            let mut pace = Pace::new(TARGET);
            for (ms, throttled, fresh) in past {
                pace.next(took(pace.length(), ms), throttled, fresh);
            }
            let after = |ms: f64, throttled| pace.clone().next(took(blocks, ms), throttled, true);
            prop_assert!(after(a.max(b), false) <= after(a.min(b), false));
            prop_assert!(after(a, true) <= after(a, false));
            prop_assert!(rest(TARGET, Some(s.min(t))) >= rest(TARGET, Some(s.max(t))));
            prop_assert!(rest(TARGET, Some(s)) <= LONGEST_REST);
        }

        /// Whatever the past, cheap slices and free signals bring it back to a full range.
        #[test]
        fn recovers_within_a_bound(past in prop::collection::vec(range(), 0..50)) {
            let mut pace = Pace::new(TARGET);
            for (ms, throttled, fresh) in past {
                pace.next(took(pace.length(), ms), throttled, fresh);
            }
            for _ in 0..120 {
                let ms = 0.5 * cut(&pace);
                pace.next(took(cut(&pace), ms), false, true);
            }
            prop_assert!((80.0..=101.0).contains(&pace.length()), "{}", pace.length());
        }
    }
}
