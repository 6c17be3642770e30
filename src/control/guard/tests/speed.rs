//! How fast the guards let work go, rule by rule: throttles, and how long pauses last.

use super::*;

#[test]
fn a_standby_works_off_what_piled_up_and_then_gets_what_it_bore() {
    let mut run = Run::new(|_| {});
    run.lag_for(10, 0.1);
    run.wait(250);
    let verdict = run.lag(4.0);
    assert_eq!((verdict.paused, verdict.throttle), (false, Some(standby::LEAST)));
    let hold = &verdict.holds[0];
    assert_eq!((hold.kind, hold.reading, hold.threshold), (HoldKind::Throttle, Some(4.0), Some(1.0)));
    assert_eq!(hold.reason.as_deref(), Some("at 0.5 % of full speed until it has caught up"));
    let since = hold.since;
    let later = run.lag_for(1, 2.0);
    assert_eq!((later.throttle, later.holds[0].since), (Some(standby::LEAST), since));
    // A quarter of a second of full speed was worked off in one and a half; so short a time tells little.
    let after = run.lag_for(0, 0.0).throttle.or_else(|| {
        run.wait(250);
        run.lag(0.0).throttle
    });
    assert!((0.5..0.62).contains(&after.unwrap()), "{after:?}");
    let back = run.lag_for(2, 0.0);
    assert!(back.throttle.unwrap() > after.unwrap());
    assert!(reason(&back).ends_with("speeding up again"), "{}", reason(&back));
    assert_eq!(run.lag_for(40, 0.0), Verdict::default());
}

#[test]
fn what_rises_to_the_threshold_is_slowed_down_before_it_is_there() {
    let mut run = Run::new(|_| {});
    let mut lags = vec![];
    for tenth in 0..10 {
        run.wait(100);
        lags.push((tenth, run.lag(f64::from(tenth) / 10.0).throttle.is_some()));
    }
    let first = lags.iter().position(|(_, throttled)| *throttled).unwrap();
    assert!((4..=6).contains(&first), "{lags:?}");
}

#[test]
fn a_pause_that_comes_back_soon_lasts_longer_each_time() {
    let mut run = Run::new(|_| {});
    let mut lasted = vec![];
    for _ in 0..7 {
        run.lag_for(2, 11.0);
        let mut seconds = 0;
        while run.lag_for(1, 0.0).paused {
            seconds += 1;
        }
        lasted.push(seconds);
    }
    assert_eq!(lasted, [5, 10, 20, 40, 80, 80, 80]);
    run.lag_for(2, 11.0);
    assert!(reason(&run.lag_for(1, 0.0)).ends_with("for 80 s"));
    // And the usual time again after ten minutes without.
    run.lag_for(80 + 600, 0.0);
    run.lag_for(2, 11.0);
    assert!(!run.lag_for(6, 0.0).paused);
}

#[test]
fn between_the_thresholds_work_slows_down() {
    let mut run = Run::new(|guard| guard.signal = "checkout".into());
    let mut show = |value: f64| {
        run.wait(250);
        let readings = vec![reading("checkout", None, value, run.now)];
        run.show(readings)
    };
    show(0.1);
    let verdict = show(4.0);
    assert_eq!((verdict.paused, verdict.throttle), (false, Some(0.25)));
    let hold = &verdict.holds[0];
    assert_eq!((hold.kind, hold.reading, hold.threshold), (HoldKind::Throttle, Some(4.0), Some(1.0)));
    assert_eq!(hold.reason.as_deref(), Some("at 25 % of full speed"));
    let since = hold.since;
    let later = (0..12).map(|_| show(2.0)).last().unwrap();
    assert!(later.throttle.unwrap() < 0.25, "it goes on being too high, so work goes on getting slower");
    assert_eq!(later.holds[0].since, since);
    assert!((0..2400).map(|_| show(2.0)).last().unwrap().throttle.unwrap() >= throttle::LEAST);
}
