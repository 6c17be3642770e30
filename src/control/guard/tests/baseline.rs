//! Thresholds that are multiples of a baseline: judged where it is known, and nowhere else.

use super::*;
use crate::plan::settings::Of;

const P99: &str = "checkout_p99";

/// A probe that throttles at twice the baseline, pauses at three times, and rolls back above that for 10 s.
fn run(plus: f64) -> Run {
    Run::new(|guard| {
        let of = Of::Baseline { plus };
        (guard.signal, guard.unit) = (P99.into(), "ms".into());
        (guard.throttle, guard.throttle_of) = (Some(2.0), of);
        (guard.pause, guard.pause_of) = (Some(3.0), of);
        guard.rollback = Some(RollbackAbove { above: 3.0, of, lasting: Duration::from_secs(10) });
    })
}

fn show(run: &mut Run, value: f64, baseline: Option<f64>) -> Verdict {
    run.wait(1000);
    let seen = Reading { baseline, unit: "ms".into(), ..reading(P99, None, value, run.now) };
    run.show(vec![seen])
}

#[test]
fn what_is_normal_is_learned_before_anything_is_judged() {
    for load in [false, true] {
        let mut run = run(0.0);
        run.policy.guards[0].load = load;
        for _ in 0..100 {
            let verdict = show(&mut run, 1.0, None);
            assert!(verdict.paused && verdict.rollback.is_none(), "not knowing is not being well");
            assert_eq!(verdict.holds[0].threshold, None);
            assert!(reason(&verdict).starts_with("learning the baseline"), "{verdict:?}");
        }
        assert_eq!(show(&mut run, 150.0, Some(100.0)), Verdict::default(), "at once: nothing was ever wrong");
    }
}

#[test]
fn holds_say_reading_threshold_and_baseline() {
    let mut run = run(0.0);
    show(&mut run, 100.0, Some(100.0));
    let throttled = show(&mut run, 220.0, Some(100.0));
    assert_eq!((throttled.holds[0].reading, throttled.holds[0].threshold), (Some(220.0), Some(200.0)));
    assert!(reason(&throttled).ends_with("; the baseline is 100 ms"), "{throttled:?}");
    let paused = show(&mut run, 300.0, Some(100.0));
    assert_eq!((paused.holds[0].reading, paused.holds[0].threshold), (Some(300.0), Some(300.0)));
    assert_eq!(reason(&paused), "goes on when under 200 ms for 5 s; the baseline is 100 ms");
    // The rule of the field: above so many times what is normal, for so long.
    let rolled = (0..20).find_map(|_| show(&mut run, 301.0, Some(100.0)).rollback).unwrap();
    assert_eq!((rolled.threshold, rolled.reading), (300.0, 301.0));
}

#[test]
fn what_is_normal_is_low_enough_to_go_on() {
    let mut run = run(0.0);
    (run.policy.guards[0].throttle, run.policy.guards[0].pause) = (None, Some(1.1));
    assert!(show(&mut run, 111.0, Some(100.0)).paused);
    let calm = (0..10).position(|_| !show(&mut run, 103.0, Some(100.0)).paused);
    assert!(calm.is_some(), "half of the threshold is below anything that was ever seen");
}

#[test]
fn nothing_has_no_multiple_but_what_is_added_to_it() {
    let mut run = run(0.0);
    let verdict = show(&mut run, 0.0, Some(0.0));
    assert!(verdict.paused && reason(&verdict).contains("`segue tune guard checkout_p99 pause '2x + 4'`"));
    let mut run = self::run(4.0);
    assert_eq!(show(&mut run, 0.0, Some(0.0)), Verdict::default());
    assert!(show(&mut run, 4.0, Some(0.0)).paused);
}

#[test]
fn a_baseline_that_is_dropped_is_learned_anew_and_judged_anew() {
    let mut run = run(0.0);
    show(&mut run, 100.0, Some(100.0));
    assert!(show(&mut run, 400.0, Some(100.0)).paused);
    assert!(reason(&show(&mut run, 400.0, None)).starts_with("learning"));
    // What was too much once may be normal now, and what was normal too much.
    assert_eq!(show(&mut run, 400.0, Some(390.0)), Verdict::default());
    assert!(show(&mut run, 400.0, None).paused);
    assert!(show(&mut run, 400.0, Some(100.0)).paused);
    // What cannot be read is not learned either.
    run.wait(1000);
    assert!(run.show(vec![unreadable(P99, None, Freshness::Blind, run.now)]).paused);
}
