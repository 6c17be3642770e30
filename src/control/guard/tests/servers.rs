//! A primary, its standby and a fill under the guards, simulated; and an oracle that knows the standby's capacity at
//! every moment and asks for just that. Must not judge: that is `floors`'.

use super::*;
use crate::control::pace;
use std::collections::VecDeque;

const TICK: f64 = 0.01;
const MB: f64 = 1e6;
/// What slices take at full speed, and how often a rest looks whether it is over (as `execute` has them).
const SLICE: Duration = Duration::from_millis(50);
const REST_LOOKS_EVERY: f64 = 0.1;
/// How exactly the monitor dates a position.
const DATED_BY: f64 = 0.05;

/// WAL that is not the fill's: at a moment, all at once, each byte as dear to replay as so many of the fill's.
#[derive(Clone, Copy)]
pub struct Burst {
    pub at: f64,
    pub bytes: f64,
    pub dear: f64,
}

pub struct Server {
    /// Bytes a second that a fill at full speed writes, and the applications all the while.
    pub full_speed: f64,
    pub others: f64,
    pub bursts: Vec<Burst>,
    /// Bytes a second that the standby replays, by the second.
    pub capacity: Box<dyn Fn(f64) -> f64>,
    pub looked_at_every: f64,
    /// A reading is at most so many seconds too high.
    pub noise: f64,
    /// From when until when the monitor brings nothing new.
    pub hangs: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Level {
    Full,
    Throttled,
    Paused,
}

/// One look: how far the standby truly was behind, and what was made of what the monitor said.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub at: f64,
    pub lag: f64,
    pub share: f64,
    pub level: Level,
}

pub struct Seen {
    pub looks: Vec<Look>,
    /// Bytes that the fill wrote, and that it would have written by the oracle's word.
    pub filled: f64,
    pub oracle: f64,
    seconds: f64,
}

impl Server {
    pub fn of(capacity: impl Fn(f64) -> f64 + 'static) -> Server {
        Server {
            full_speed: 30.0 * MB,
            others: 0.5 * MB,
            bursts: Vec::new(),
            capacity: Box::new(capacity),
            looked_at_every: 0.25,
            noise: 0.0,
            hangs: Vec::new(),
        }
    }

    /// Capacity anywhere from 0.8 to 19 MB/s, of all magnitudes alike, another one after 5 to 30 s; and twice a second up to a
    /// third more or less.
    pub fn noisy(seed: u64) -> Server {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut stretches, mut begins) = (Vec::new(), 0.0);
        while begins < 4000.0 {
            stretches.push((begins, 0.8 * MB * (19.0f64 / 0.8).powf(random.f64())));
            begins += 5.0 + 25.0 * random.f64();
        }
        let ripple: Vec<f64> = (0..8000).map(|_| (4.0f64 / 3.0).powf(2.0 * random.f64() - 1.0)).collect();
        Server::of(move |t| {
            let level = stretches[stretches.partition_point(|(begins, _)| *begins <= t) - 1].1;
            (level * ripple[(t * 2.0) as usize % ripple.len()]).clamp(0.8 * MB, 19.0 * MB)
        })
    }

    /// A real one, as `tests/standbys.rs` recorded it: what the standby replayed while there was something to replay is what it can,
    /// over and over.
    pub fn recorded() -> Server {
        let lines = include_str!("recorded.csv").lines().skip(1);
        let points: Vec<[f64; 3]> = lines
            .map(|line| {
                let numbers: Vec<f64> = line.split(',').map(|number| number.parse().unwrap()).collect();
                [numbers[0] / 1e3, numbers[1] * 1e3, numbers[2] * 1e3]
            })
            .collect();
        let (mut ends, mut end) = (Vec::new(), 0.0);
        for two in points.windows(2) {
            let [seconds, _, replayed] = [0, 1, 2].map(|i| two[1][i] - two[0][i]);
            if two.iter().all(|[_, primary, standby]| primary - standby > MB) {
                end += seconds;
                ends.push((end, replayed / seconds));
            }
        }
        assert!(ends.len() > 80, "it was seldom behind: {}", ends.len());
        Server::of(move |t| ends[ends.partition_point(|(ends, _)| *ends <= t % end)].1)
    }

    pub fn play(self, seconds: f64, seed: u64) -> Seen {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut run = Run::new(|_| {});
        let mut verdict = run.lag(0.0);
        let mut seen = Seen { looks: Vec::new(), filled: 0.0, oracle: 0.0, seconds };
        let mut bursts: VecDeque<Burst> = self.bursts.into();
        // What is still to be replayed, and when it was written.
        let mut log: VecDeque<(f64, f64)> = VecDeque::new();
        let (mut oracles_log, mut worker, mut next_look) = (0.0f64, Worker::default(), 0.0);
        for tick in 0..(seconds / TICK) as usize {
            let t = tick as f64 * TICK;
            let mut written = self.others * TICK;
            while let Some(burst) = bursts.front().filter(|burst| burst.at <= t) {
                written += burst.bytes * burst.dear;
                bursts.pop_front();
            }
            let capacity = (self.capacity)(t) * TICK;
            oracles_log += written;
            let room = (capacity - oracles_log).clamp(0.0, self.full_speed * TICK);
            oracles_log = (oracles_log - capacity).max(0.0);
            seen.oracle += room;

            let filled = worker.work(&verdict) * self.full_speed;
            seen.filled += filled;
            log.push_back((t, written + filled));
            let mut left = capacity;
            while let Some((_, bytes)) = log.front_mut() {
                let replayed = bytes.min(left);
                (*bytes, left) = (*bytes - replayed, left - replayed);
                if *bytes > 1e-6 {
                    break;
                }
                log.pop_front();
            }
            if t < next_look {
                continue;
            }
            next_look += self.looked_at_every;
            let behind = log.front().map_or(0.0, |(written, _)| t - written);
            let dated = (behind / DATED_BY).ceil() * DATED_BY;
            let lag = if behind > 0.0 { dated + self.noise * random.f64() } else { 0.0 };
            let looked = run.wait_to(t);
            if !self.hangs.iter().any(|(from, to)| (*from..*to).contains(&t)) {
                verdict = looked.lag(lag);
            } else {
                verdict = looked.again();
            }
            let share = if verdict.paused { 0.0 } else { verdict.throttle.unwrap_or(1.0) };
            let level = match verdict {
                Verdict { paused: true, .. } => Level::Paused,
                Verdict { throttle: Some(_), .. } => Level::Throttled,
                _ => Level::Full,
            };
            seen.looks.push(Look { at: t, lag: behind, share, level });
        }
        seen
    }
}

impl Run {
    /// The clock is so many seconds after the start.
    fn wait_to(&mut self, seconds: f64) -> &mut Run {
        self.now = start() + jiff::SignedDuration::from_secs_f64(seconds);
        self
    }

    /// The monitor says what it said last.
    fn again(&mut self) -> Verdict {
        let snapshot = self.last.clone();
        fold(&mut self.state, &snapshot, &self.policy, self.now)
    }
}

/// One worker at its slices: works, then rests by the share in force.
#[derive(Default)]
struct Worker {
    left: f64,
    worked: f64,
    rested: f64,
    looks_at: f64,
}

impl Worker {
    /// Seconds of full speed worked in this tick.
    fn work(&mut self, verdict: &Verdict) -> f64 {
        if self.left <= 0.0 {
            self.rested += TICK;
            if verdict.paused || self.rested < self.looks_at {
                return 0.0;
            }
            let asked = pace::rest(Duration::from_secs_f64(self.worked), verdict.throttle).as_secs_f64();
            if self.rested + 1e-9 < asked {
                self.looks_at = asked.min(self.rested + REST_LOOKS_EVERY);
                return 0.0;
            }
            self.worked = SLICE.as_secs_f64() * pace::portion(SLICE, verdict.throttle);
            (self.left, self.rested, self.looks_at) = (self.worked, 0.0, 0.0);
        }
        let worked = self.left.min(TICK);
        self.left -= TICK;
        worked
    }
}

impl Seen {
    pub fn of_the_oracles(&self) -> f64 {
        self.filled / self.oracle
    }

    pub fn median_lag(&self) -> f64 {
        let mut lags: Vec<f64> = self.looks.iter().map(|look| look.lag).collect();
        lags.sort_by(f64::total_cmp);
        lags[lags.len() / 2]
    }

    pub fn over(&self, lag: f64) -> f64 {
        self.looks.iter().filter(|look| look.lag > lag).count() as f64 / self.looks.len() as f64
    }

    pub fn most_lag(&self) -> f64 {
        self.looks.iter().map(|look| look.lag).fold(0.0, f64::max)
    }

    /// Changes between full speed, throttled and paused, in an hour.
    pub fn changes_an_hour(&self) -> f64 {
        let changes = self.looks.windows(2).filter(|two| two[0].level != two[1].level).count();
        changes as f64 * 3600.0 / self.seconds
    }

    pub fn pauses(&self) -> usize {
        self.looks
            .windows(2)
            .filter(|two| two[0].level != Level::Paused && two[1].level == Level::Paused)
            .count()
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.1} MB/s, {:.2} of the oracle's; lag: median {:.2} s, most {:.1} s, over 1 s {:.1} % of the time; {:.0} changes \
             an hour, {} pauses",
            self.filled / self.seconds / MB,
            self.of_the_oracles(),
            self.median_lag(),
            self.most_lag(),
            self.over(1.0) * 100.0,
            self.changes_an_hour(),
            self.pauses()
        )
    }
}
