//! The guards against a simulated standby and against noise: that they come back, and do not flap.

use super::*;

/// A standby that replays `capacity` of full speed, looked at `every` so many tenths of a second; gives
/// every tenth's lag and verdict.
fn standby(seconds: usize, every: usize, mut capacity: impl FnMut(usize) -> f64) -> Vec<(f64, Verdict)> {
    let mut run = Run::new(|_| {});
    // Work written but not replayed, in seconds of full speed, with the time each part was written.
    let mut queue: std::collections::VecDeque<(f64, f64)> = Default::default();
    let mut verdict = run.lag(0.0);
    let mut seen = vec![];
    for tick in 0..seconds * 10 {
        let t = tick as f64 / 10.0;
        let speed = if verdict.paused { 0.0 } else { verdict.throttle.unwrap_or(1.0) };
        queue.push_back((t, speed * 0.1));
        let mut replay = capacity(tick / 10) * 0.1;
        while let Some((_, work)) = queue.front_mut() {
            let done = work.min(replay);
            (*work, replay) = (*work - done, replay - done);
            if *work > 1e-12 {
                break;
            }
            queue.pop_front();
        }
        let lag = queue.front().map_or(0.0, |(written, _)| t - written + 0.1);
        run.wait(100);
        if tick % every == 0 {
            verdict = run.lag(lag);
        }
        seen.push((lag, verdict.clone()));
    }
    seen
}

fn changes(seen: &[(f64, Verdict)], of: impl Fn(&Verdict) -> bool) -> usize {
    seen.windows(2).filter(|w| of(&w[0].1) != of(&w[1].1)).count()
}

#[test]
fn a_noisy_signal_below_the_threshold_does_not_keep_work_slow() {
    for middle in [0.3, 0.6, 0.75] {
        let mut run = Run::new(|_| {});
        let mut random = fastrand::Rng::with_seed(5);
        run.lag_for(60, 9.0);
        let mut last = Verdict::default();
        for _ in 0..4 * 300 {
            run.wait(250);
            last = run.lag(middle - 0.05 + 0.1 * random.f64());
        }
        assert_eq!(last, Verdict::default(), "{middle}");
    }
}

#[test]
fn a_stalled_standby_pauses_once_and_work_comes_back_smoothly() {
    let seen = standby(300, 1, |second| if (60..90).contains(&second) { 0.0 } else { 2.0 });
    assert_eq!(changes(&seen, |v| v.paused), 2, "one pause");
    let first = seen.iter().position(|(_, v)| v.paused).unwrap() / 10;
    assert!((68..=72).contains(&first), "{first}");
    let last = seen.iter().rposition(|(_, v)| v.paused).unwrap();
    assert!(last / 10 <= 110, "{last}");
    // Not at once at full speed, but soon.
    assert!(seen[last + 1].1.throttle.unwrap() < 0.5);
    assert_eq!(seen[last + 450].1, Verdict::default());
    let shares: Vec<f64> = seen[last + 1..].iter().map(|(_, v)| v.throttle.unwrap_or(1.0)).collect();
    assert!(shares.windows(2).all(|w| w[1] <= w[0] * 1.09 + 1e-9));
    assert!(seen[last..].iter().all(|(lag, _)| *lag < 1.0));
}

#[test]
fn noise_at_the_threshold_does_not_flap() {
    let mut run = Run::new(|_| {});
    let mut random = fastrand::Rng::with_seed(11);
    let verdicts: Vec<_> = (0..2400)
        .map(|_| {
            run.wait(250);
            (0.0, run.lag(0.6 + 0.8 * random.f64()))
        })
        .collect();
    assert!(changes(&verdicts, |v| v.throttle.is_some()) <= 2);
}
