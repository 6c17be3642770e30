//! What the guards are held to, on simulated servers: no flapping, no lag to speak of, and most of what an oracle would fill.

use super::servers::{Burst, Level, Seen, Server};

const MB: f64 = 1e6;
/// How often the monitor looks: a lag below it is none that could be told.
const GRAIN: f64 = 0.25;

/// The floors that hold everywhere.
#[track_caller]
fn held(what: &str, seen: &Seen) {
    println!("{what}: {seen}");
    assert!(seen.of_the_oracles() >= 0.8, "{what}: {seen}");
    assert!(seen.changes_an_hour() <= 20.0, "{what}: {seen}");
    assert!(seen.median_lag() < GRAIN, "{what}: {seen}");
}

#[test]
fn a_noisy_standby() {
    for seed in 1..=6 {
        held(&format!("seed {seed}"), &Server::noisy(seed).play(1800.0, seed));
    }
}

#[test]
fn a_standby_as_one_was_recorded() {
    for seed in 1..=3 {
        let seen = Server { noise: 0.05, ..Server::recorded() }.play(1800.0, seed);
        held(&format!("recorded, seed {seed}"), &seen);
    }
    let seen = Server { full_speed: 10.0 * MB, ..Server::recorded() }.play(1800.0, 1);
    held("recorded, at times bearing full speed", &seen);
}

#[test]
fn a_noisy_standby_that_at_times_bears_full_speed() {
    for seed in 1..=4 {
        let server = Server { full_speed: 10.0 * MB, ..Server::noisy(seed) };
        held(&format!("seed {seed}"), &server.play(3600.0, seed));
    }
}

#[test]
fn readings_that_are_a_little_too_high_or_seldom() {
    for seed in 1..=3 {
        let server = Server { noise: 0.1, ..Server::noisy(seed) };
        held(&format!("noise, seed {seed}"), &server.play(1800.0, seed));
        let server = Server { looked_at_every: 0.5, ..Server::noisy(seed) };
        let seen = server.play(1800.0, seed);
        println!("seldom, seed {seed}: {seen}");
        assert!(seen.of_the_oracles() >= 0.7 && seen.changes_an_hour() <= 20.0, "{seen}");
        assert!(seen.median_lag() <= 0.5, "{seen}");
    }
}

#[test]
fn steps_up_and_down() {
    let server = Server::of(|t| if t % 120.0 < 60.0 { 15.0 * MB } else { 3.0 * MB });
    held("15 and 3 MB/s in turn", &server.play(1800.0, 1));
}

#[test]
fn replay_that_stalls_every_minute() {
    let server = Server::of(|t| if (30.0..36.0).contains(&(t % 60.0)) { 0.0 } else { 8.0 * MB });
    let seen = server.play(1800.0, 1);
    held("6 s of every minute", &seen);
    // A stall of six seconds is six seconds of lag, whatever is done; it is not made longer.
    assert!(seen.most_lag() < 7.5 && seen.over(1.0) < 0.12, "{seen}");
    assert_eq!(seen.pauses(), 0, "{seen}");
}

#[test]
fn log_that_is_not_ours() {
    let burst = |at, bytes: f64, dear| Burst { at, bytes: bytes * MB, dear };
    // What was measured: 45 MB within a second, and a vacuum's small records, which are dear to replay.
    let bursts = vec![burst(43.0, 45.0, 1.0), burst(64.0, 3.8, 4.0), burst(121.0, 3.8, 4.0)];
    let seen = Server { bursts, ..Server::of(|_| 5.0 * MB) }.play(600.0, 1);
    held("45 MB and two vacuums", &seen);
    assert!(seen.over(1.0) < 0.04, "{seen}");
}

#[test]
fn a_standby_slower_than_the_fill_for_ever() {
    for (capacity, at_once) in [(15.0, 1.5), (3.0, 8.0), (0.8, 30.0)] {
        let seen = Server::of(move |_| capacity * MB).play(1800.0, 1);
        held(&format!("{capacity} MB/s"), &seen);
        // What was written before the first sign of it has to be replayed; after that nothing piles up again.
        assert!(seen.most_lag() < at_once && seen.over(1.0) < 0.05, "{seen}");
    }
}

#[test]
fn a_standby_faster_than_the_fill_is_not_asked_to_wait() {
    let seen = Server { noise: 0.1, ..Server::of(|_| 60.0 * MB) }.play(600.0, 1);
    assert!(seen.looks.iter().all(|look| look.level == Level::Full), "{seen}");
}

/// Cascades and long lines: always half a second behind, and bearing everything.
#[test]
fn a_standby_that_is_always_a_little_behind_is_not_held_for_it() {
    let mut run = super::Run::new(|_| {});
    run.lag_for(30, 9.0);
    let mut random = fastrand::Rng::with_seed(4);
    let last = (0..4 * 120).map(|_| {
        run.wait(250);
        run.lag(0.5 + 0.2 * random.f64())
    });
    assert_eq!(last.last(), Some(super::Verdict::default()));
}

#[test]
fn nothing_grows_while_the_monitor_brings_nothing_new() {
    for seed in 1..=3 {
        let hangs: Vec<(f64, f64)> =
            (1..20).map(|n| (f64::from(n) * 30.0, f64::from(n) * 30.0 + 8.0)).collect();
        let seen = Server { hangs: hangs.clone(), ..Server::noisy(seed) }.play(620.0, seed);
        println!("seed {seed}: {seen}");
        let mut compared = 0;
        for two in seen.looks.windows(2) {
            if hangs.iter().any(|(from, to)| (*from..*to).contains(&two[1].at)) {
                assert!(two[1].share <= two[0].share, "seed {seed}: {two:?}");
                compared += 1;
            }
        }
        assert!(compared > 19 * 30, "{compared}");
    }
}
