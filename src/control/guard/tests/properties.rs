//! What holds for every past and every reading.

use super::*;
use proptest::prelude::*;

fn sample() -> impl Strategy<Value = (i64, Option<f64>)> {
    (1i64..4000, prop_oneof![1 => Just(None), 9 => prop_oneof![0.0f64..2.0, 0.0f64..500.0].prop_map(Some)])
}

/// What no clock and no server should give.
fn nonsense() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(vec![
            f64::NAN,
            -f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN,
            -0.0,
            f64::MIN_POSITIVE
        ]),
        any::<f64>(),
        -1e9f64..0.0,
    ]
}

/// Of a standby, or of a signal under the other law.
fn signal() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![REPLICATION_LAG, "checkout"])
}

fn play(run: &mut Run, samples: &[(i64, Option<f64>)]) {
    for (wait, value) in samples {
        run.wait(*wait);
        let readings = vec![match value {
            Some(value) => reading(REPLICATION_LAG, None, *value, run.now),
            None => unreadable(REPLICATION_LAG, None, Freshness::Stale, run.now),
        }];
        run.show(readings);
    }
}

fn work(verdict: &Verdict) -> f64 {
    if verdict.paused || verdict.rollback.is_some() { 0.0 } else { verdict.throttle.unwrap_or(1.0) }
}

proptest! {
    #[test]
    fn a_worse_reading_never_gives_more_work(past in prop::collection::vec(sample(), 0..60), wait in 1i64..4000,
                                             a in 0.0f64..20.0, b in 0.0f64..20.0) {
        let mut run = Run::new(|_| {});
        play(&mut run, &past);
        run.wait(wait);
        let then = |value: Option<f64>| {
            let mut state = run.state.clone();
            let reading = match value {
                Some(value) => reading(REPLICATION_LAG, None, value, run.now),
                None => unreadable(REPLICATION_LAG, None, Freshness::Blind, run.now),
            };
            fold(&mut state, &Snapshot { readings: vec![reading] }, &run.policy, run.now)
        };
        prop_assert!(work(&then(Some(a.max(b)))) <= work(&then(Some(a.min(b)))));
        prop_assert_eq!(work(&then(None)), 0.0);
    }

    /// Whatever the past: a reading that is nonsense gives no more work than the best reading there is, then and after it.
    #[test]
    fn nonsense_never_gives_more_work(past in prop::collection::vec((1i64..4000, prop_oneof![nonsense(), 0.0f64..20.0]), 0..60),
                                      wait in 1i64..4000, odd in nonsense(), limit in nonsense(), signal in signal(), load in any::<bool>()) {
        let mut run = Run::new(|guard| (guard.signal, guard.load) = (signal.into(), load));
        for (wait, value) in past {
            run.wait(wait);
            let readings = vec![reading(signal, None, value, run.now)];
            run.show(readings);
        }
        run.wait(wait);
        let then = |value: f64, limit: Option<f64>| {
            let mut after = Run { policy: run.policy.clone(), state: run.state.clone(), now: run.now, last: Snapshot::default() };
            let now = work(&after.show(vec![Reading { limit, ..reading(signal, None, value, run.now) }]));
            let later = (0..20).map(|_| {
                after.wait(250);
                let good = vec![reading(signal, None, 0.0, after.now)];
                work(&after.show(good))
            });
            (now, later.last().unwrap())
        };
        let (best, odd, limited) = (then(0.0, None), then(odd, None), then(0.0, Some(limit)));
        // A load that cannot be read begins no pause: then nothing grows, and nothing is held that was not before.
        prop_assert!(odd.0 <= best.0, "{odd:?} {best:?}");
        prop_assert!(odd.1 <= best.1 + 1e-12 && odd.1.is_finite(), "{odd:?} {best:?}");
        prop_assert!(limited.0 <= best.0 && limited.1 <= best.1 + 1e-12, "{limited:?} {best:?}");
    }

    #[test]
    fn every_hold_is_explained(past in prop::collection::vec(sample(), 1..60), ours in any::<bool>()) {
        let mut run = Run::new(|guard| (guard.only_if_ours, guard.rollback) = (ours, rule(30.0, 20)));
        for step in &past {
            play(&mut run, std::slice::from_ref(step));
            // Folding the same snapshot again changes nothing.
            let again = vec![match step.1 {
                Some(value) => reading(REPLICATION_LAG, None, value, run.now),
                None => unreadable(REPLICATION_LAG, None, Freshness::Stale, run.now),
            }];
            let verdict = run.show(again.clone());
            let paused = run.state.paused;
            let holds = run.show(again).holds;
            prop_assert_eq!(&holds, &verdict.holds);
            prop_assert_eq!(paused, verdict.paused);
            prop_assert_eq!(verdict.paused, holds.iter().any(|h| h.kind == HoldKind::Pause));
            prop_assert_eq!(verdict.throttle.is_some(), holds.iter().any(|h| h.kind == HoldKind::Throttle));
            for hold in &holds {
                prop_assert!(hold.reason.is_some() && hold.threshold.is_some() && hold.since <= run.now);
                prop_assert_eq!(hold.reading, step.1);
            }
            prop_assert!(verdict.throttle.is_none_or(|share| (standby::LEAST..1.0).contains(&share)));
            prop_assert!(!verdict.paused || holds.len() == 1, "one hold a subject");
        }
    }

    #[test]
    fn nothing_grows_while_nothing_is_known(past in prop::collection::vec(sample(), 0..60)) {
        let mut run = Run::new(|_| {});
        play(&mut run, &past);
        for _ in 0..100 {
            run.wait(1000);
            let stale = unreadable(REPLICATION_LAG, None, Freshness::Stale, run.now);
            let verdict = run.show(vec![stale]);
            prop_assert!(verdict.paused && verdict.rollback.is_none());
        }
    }

    #[test]
    fn when_all_is_well_work_goes_on_within_a_bound(past in prop::collection::vec(sample(), 0..60)) {
        let mut run = Run::new(|_| {});
        play(&mut run, &past);
        let mut after = |seconds| {
            (0..seconds).fold(Verdict::default(), |_, _| {
                run.wait(1000);
                let good = reading(REPLICATION_LAG, None, 0.05, run.now);
                run.show(vec![good])
            })
        };
        // Sixteen times five seconds, after that many relapses; and a quarter of an hour of calm.
        prop_assert!(!after(82).paused);
        prop_assert_eq!(after(1000), Verdict::default());
    }

    #[test]
    fn rolls_back_only_after_its_time(past in prop::collection::vec(sample(), 0..200)) {
        let mut run = Run::new(|guard| guard.rollback = rule(100.0, 10));
        let mut above = 0;
        for (wait, value) in past {
            run.wait(wait);
            above = if value.is_some_and(|v| v > 100.0) { above + wait } else { 0 };
            let readings = vec![match value {
                Some(value) => reading(REPLICATION_LAG, None, value, run.now),
                None => unreadable(REPLICATION_LAG, None, Freshness::Blind, run.now),
            }];
            let rollback = run.show(readings).rollback;
            prop_assert!(rollback.is_none() || above >= 10_000);
            prop_assert!(rollback.is_some() || above < 14_000);
        }
    }
}
