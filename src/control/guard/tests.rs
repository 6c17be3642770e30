//! What the guards are held to, rule by rule, under simulated time.

mod baseline;
mod closed_loop;
mod floors;
mod properties;
mod servers;
mod speed;

use super::super::policy::{Guard, RollbackAbove};
use super::super::signal::name::{LOCK_WAIT, REPLICATION_LAG};
use super::*;

/// A policy, its memory and a clock that only this test moves.
struct Run {
    policy: Policy,
    state: GuardState,
    now: Timestamp,
    /// What was shown last.
    last: Snapshot,
}

fn start() -> Timestamp {
    "2026-11-22T07:00:00Z".parse().unwrap()
}

fn reading(name: &str, subject: Option<&str>, value: f64, at: Timestamp) -> Reading {
    Reading {
        name: name.into(),
        subject: subject.map(str::to_owned),
        value: Some(value),
        unit: "s".into(),
        state: Freshness::Fresh,
        at,
        limit: None,
        baseline: None,
        detail: None,
    }
}

fn unreadable(name: &str, subject: Option<&str>, state: Freshness, at: Timestamp) -> Reading {
    Reading {
        value: None,
        state,
        detail: Some("permission denied".into()),
        ..reading(name, subject, 0.0, at)
    }
}

impl Run {
    /// Replication lag alone, so that a test says everything it shows.
    fn new(change: impl FnOnce(&mut Guard)) -> Run {
        let mut policy = Policy::default();
        policy.guards.truncate(1);
        change(&mut policy.guards[0]);
        Run { policy, state: GuardState::new(), now: start(), last: Snapshot::default() }
    }

    fn wait(&mut self, ms: i64) {
        self.now += jiff::SignedDuration::from_millis(ms);
    }

    fn show(&mut self, readings: Vec<Reading>) -> Verdict {
        self.last = Snapshot { readings };
        fold(&mut self.state, &self.last, &self.policy, self.now)
    }

    fn lag(&mut self, value: f64) -> Verdict {
        let readings = vec![reading(REPLICATION_LAG, Some("standby1"), value, self.now)];
        self.show(readings)
    }

    /// `seconds` of samples, four a second; the last verdict.
    fn lag_for(&mut self, seconds: i64, value: f64) -> Verdict {
        let mut verdict = Verdict::default();
        for _ in 0..seconds * 4 {
            self.wait(250);
            verdict = self.lag(value);
        }
        verdict
    }

    fn since(&self, seconds: i64) -> Timestamp {
        start() + jiff::SignedDuration::from_secs(seconds)
    }
}

fn rule(above: f64, lasting: u64) -> Option<RollbackAbove> {
    Some(RollbackAbove { above, of: Default::default(), lasting: Duration::from_secs(lasting) })
}

fn reason(verdict: &Verdict) -> &str {
    verdict.holds[0].reason.as_deref().unwrap()
}

#[test]
fn healthy_signals_say_go_on() {
    let mut run = Run::new(|_| {});
    assert_eq!(run.lag(0.2), Verdict::default());
    // Near the threshold, and staying there: that is usual there, and is borne.
    run.lag_for(30, 0.9);
    assert_eq!(run.lag_for(90, 0.9), Verdict::default());
}

#[test]
fn the_first_reading_at_the_threshold_pauses() {
    let mut run = Run::new(|_| {});
    run.lag(0.1);
    run.wait(250);
    let verdict = run.lag(10.0);
    assert!(verdict.paused && !verdict.cancel && verdict.throttle.is_none());
    assert_eq!(
        serde_json::to_value(&verdict.holds).unwrap(),
        serde_json::json!([{
            "kind": "pause", "by": "replication_lag", "subject": "standby1", "reading": 10.0, "threshold": 10.0,
            "unit": "s", "reason": "goes on when under 5 s for 5 s", "since": "2026-11-22T07:00:00.25Z"
        }])
    );
}

#[test]
fn goes_on_after_five_seconds_under_half_and_not_before() {
    let mut run = Run::new(|_| {});
    run.lag(11.0);
    assert!(run.lag_for(60, 5.0).paused, "half is not under half");
    assert!(run.lag_for(5, 4.9).paused);
    run.wait(250);
    assert!(run.lag(6.0).paused, "a relapse");
    assert!(run.lag_for(5, 0.1).paused, "starts the five seconds anew");
    assert_eq!(run.lag_for(1, 0.1).holds.iter().filter(|h| h.kind == HoldKind::Pause).count(), 0);
}

#[test]
fn a_pauses_since_is_its_beginning() {
    let mut run = Run::new(|_| {});
    run.lag(11.0);
    let first = run.now;
    assert_eq!(run.lag_for(20, 12.0).holds[0].since, first);
    assert_eq!(run.lag_for(3, 2.0).holds[0].since, first);
    run.lag_for(3, 0.0);
    run.lag_for(1, 11.0);
    assert!(run.lag(11.0).holds[0].since > first);
}

#[test]
fn tiny_thresholds_work() {
    let said = crate::plan::Settings {
        guards: [(
            REPLICATION_LAG,
            crate::plan::settings::LevelSettings {
                pause: Some(crate::plan::Spanned::bare(crate::plan::settings::Threshold::at(0.5))),
                ..Default::default()
            },
        )]
        .into(),
        ..Default::default()
    };
    let mut run = Run::new(|_| {});
    run.policy = Policy::resolve(&[&said]);
    run.policy.guards.truncate(1);
    assert_eq!(run.lag(0.01), Verdict::default());
    run.wait(250);
    assert!(run.lag(0.1).throttle.is_some());
    run.wait(250);
    assert!(run.lag(0.5).paused);
    assert!(run.lag_for(10, 0.25).paused);
    assert!(!run.lag_for(6, 0.01).paused);
}

#[test]
fn a_lock_wait_cancels_and_pauses() {
    let mut run = Run::new(|_| {});
    run.policy = Policy::default();
    run.policy.guards.retain(|guard| [REPLICATION_LAG, LOCK_WAIT].contains(&guard.signal.as_str()));
    let show = |run: &mut Run, wait: f64| {
        run.wait(250);
        let readings =
            vec![reading(REPLICATION_LAG, None, 0.0, run.now), reading(LOCK_WAIT, None, wait, run.now)];
        run.show(readings)
    };
    assert_eq!(show(&mut run, 0.0), Verdict::default());
    let slow = show(&mut run, 0.2);
    assert!(!slow.cancel && !slow.paused && slow.throttle == Some(0.5));
    let stop = show(&mut run, 1.0);
    assert!(stop.cancel && stop.paused);
    let after = show(&mut run, 0.0);
    assert!(
        !after.cancel && after.paused,
        "nobody waits any more: the pause stays, there is nothing to cancel"
    );
}

#[test]
fn what_cannot_be_read_pauses_and_says_why() {
    for state in [Freshness::Blind, Freshness::Stale] {
        let mut run = Run::new(|_| {});
        run.lag(0.2);
        run.wait(250);
        let bad = unreadable(REPLICATION_LAG, Some("standby1"), state, run.now);
        let verdict = run.show(vec![bad.clone()]);
        assert!(verdict.paused && !verdict.cancel);
        let hold = &verdict.holds[0];
        assert_eq!((hold.reading, hold.threshold, hold.since), (None, Some(10.0), run.now));
        assert!(reason(&verdict).starts_with("cannot be read: "), "{}", reason(&verdict));
        assert!(reason(&verdict).contains("permission denied; it last was 0.2 s"), "{}", reason(&verdict));
        // However long: blindness never ends a pause.
        for _ in 0..100 {
            run.wait(1000);
            assert!(run.show(vec![Reading { at: run.now, ..bad.clone() }]).paused);
        }
        assert!(run.lag_for(5, 7.0).paused);
        assert!(!run.lag_for(1, 7.0).paused, "it was well before: being under the pause is enough");
    }
}

#[test]
fn blindness_does_not_soften_a_pause() {
    let mut run = Run::new(|_| {});
    run.lag(11.0);
    let since = run.now;
    run.wait(250);
    let bad = unreadable(REPLICATION_LAG, Some("standby1"), Freshness::Blind, run.now);
    assert_eq!(run.show(vec![bad]).holds[0].since, since);
    let verdict = run.lag_for(60, 7.0);
    assert!(verdict.paused && verdict.holds[0].since == since);
    assert!(!run.lag_for(6, 1.0).paused);
}

#[test]
fn no_reading_at_all_is_blindness_too() {
    let mut run = Run::new(|_| {});
    let verdict = run.show(vec![]);
    assert!(verdict.paused);
    assert_eq!(verdict.holds[0].subject, None);
    assert!(reason(&verdict).contains("cannot be read"));
    // Nothing was wrong at the start, so the first good reading is enough.
    run.wait(250);
    assert_eq!(run.lag(0.3), Verdict::default());
    run.wait(250);
    let verdict = run.show(vec![]);
    assert_eq!(verdict.holds[0].subject.as_deref(), Some("standby1"));
    assert!(run.lag_for(4, 0.0).paused);
    assert!(!run.lag_for(2, 0.0).paused);
}

#[test]
fn values_that_are_none_are_blindness() {
    for value in [Some(f64::NAN), None] {
        let mut run = Run::new(|_| {});
        let bad = Reading { value, ..reading(REPLICATION_LAG, None, 0.0, run.now) };
        assert!(run.show(vec![bad]).paused);
    }
    let mut run = Run::new(|_| {});
    assert!(run.lag(f64::INFINITY).paused && Run::new(|_| {}).lag(f64::NEG_INFINITY).paused);
    assert_eq!(Run::new(|_| {}).lag(-3.0), Verdict::default());
    let of = |limit| {
        let mut run = Run::new(|guard| guard.pause_of = crate::plan::settings::Of::Limit);
        let one = Reading { limit: Some(limit), ..reading(REPLICATION_LAG, None, 1.0, run.now) };
        run.show(vec![one]).paused
    };
    assert!(of(f64::NAN) && of(0.0) && of(-1.0) && of(f64::NEG_INFINITY));
    assert!(!of(1e300) && !of(f64::INFINITY));
}

#[test]
fn not_applicable_is_nothing() {
    let mut run = Run::new(|_| {});
    for _ in 0..100 {
        run.wait(1000);
        let none = unreadable(REPLICATION_LAG, None, Freshness::NotApplicable, run.now);
        assert_eq!(run.show(vec![none]), Verdict::default());
    }
}

#[test]
fn every_subject_stands_for_itself() {
    let mut run = Run::new(|_| {});
    let readings = |run: &Run, a: f64, b: f64| {
        vec![reading(REPLICATION_LAG, Some("a"), a, run.now), reading(REPLICATION_LAG, Some("b"), b, run.now)]
    };
    let now = readings(&run, 12.0, 2.0);
    let verdict = run.show(now);
    let held: Vec<_> = verdict.holds.iter().map(|h| (h.kind, h.subject.as_deref().unwrap())).collect();
    assert_eq!(held, [(HoldKind::Pause, "a"), (HoldKind::Throttle, "b")]);
    assert_eq!((verdict.paused, verdict.throttle), (true, Some(standby::LEAST)));
    // One well-behaved standby does not let the other's pause go on.
    for _ in 0..60 {
        run.wait(1000);
        let now = readings(&run, 12.0, 0.0);
        assert!(run.show(now).paused);
    }
    // Of two readings of one subject the worse counts, in either order.
    for (first, second) in [(0.0, 20.0), (20.0, 0.0)] {
        let mut run = Run::new(|_| {});
        let twice = vec![
            reading(REPLICATION_LAG, None, first, run.now),
            reading(REPLICATION_LAG, None, second, run.now),
        ];
        assert!(run.show(twice).paused);
    }
}

#[test]
fn a_subject_that_is_not_named_any_more_is_forgotten_after_a_calm() {
    let mut run = Run::new(|_| {});
    let both = vec![
        reading(REPLICATION_LAG, Some("a"), 12.0, run.now),
        reading(REPLICATION_LAG, Some("b"), 0.0, run.now),
    ];
    run.show(both);
    let mut paused_for = 0;
    for _ in 0..20 {
        run.wait(1000);
        let only = vec![reading(REPLICATION_LAG, Some("b"), 0.0, run.now)];
        paused_for += i32::from(run.show(only).paused);
    }
    assert!((5..=7).contains(&paused_for), "{paused_for}");
}

#[test]
fn five_minutes_for_one_minute_rolls_back_by_default() {
    let mut run = Run::new(|_| {});
    run.lag(0.1);
    assert_eq!(run.lag_for(20, 12.0).rollback, None);
    assert_eq!(run.lag_for(100, 250.0).rollback, None);
    assert_eq!(run.lag_for(59, 301.0).rollback, None);
    let verdict = run.lag_for(2, 310.0);
    let evidence = verdict.rollback.unwrap();
    assert!(verdict.paused);
    assert_eq!((evidence.signal.as_str(), evidence.subject.as_deref()), (REPLICATION_LAG, Some("standby1")));
    assert_eq!((evidence.reading, evidence.threshold, evidence.unit.as_str()), (310.0, 300.0, "s"));
    assert_eq!(
        (evidence.at_pause, evidence.after_30s, evidence.after_120s),
        (Some(12.0), Some(250.0), Some(301.0))
    );
    assert_eq!(evidence.since, run.since(120) + jiff::SignedDuration::from_millis(250));
}

#[test]
fn a_break_starts_the_minute_anew() {
    let mut run = Run::new(|_| {});
    run.lag_for(55, 400.0);
    run.wait(250);
    run.lag(300.0);
    assert_eq!(run.lag_for(59, 400.0).rollback, None);
    run.wait(250);
    let blind = unreadable(REPLICATION_LAG, Some("standby1"), Freshness::Stale, run.now);
    run.show(vec![Reading { value: Some(400.0), ..blind }]);
    assert_eq!(run.lag_for(59, 400.0).rollback, None);
    assert!(run.lag_for(3, 400.0).rollback.is_some());
}

#[test]
fn what_is_not_measured_never_rolls_back() {
    // A monitor that repeats its last sample for ever.
    let mut run = Run::new(|_| {});
    let frozen = reading(REPLICATION_LAG, None, 4000.0, run.now);
    for _ in 0..3600 {
        run.wait(1000);
        let verdict = run.show(vec![frozen.clone()]);
        assert!(verdict.paused && verdict.rollback.is_none());
    }
    // A machine that slept, and a clock that jumped.
    let mut run = Run::new(|_| {});
    run.lag(400.0);
    run.wait(3_600_000);
    assert_eq!(run.lag(400.0).rollback, None);
    run.wait(-7_200_000);
    assert!(run.lag(400.0).paused);
    assert_eq!(run.lag_for(45, 400.0).rollback, None);
}

#[test]
fn a_clock_set_back_does_not_hold_for_an_hour() {
    let mut run = Run::new(|_| {});
    run.lag(11.0);
    run.wait(-3_600_000);
    assert!(run.lag(0.1).paused);
    assert!(!run.lag_for(6, 0.1).paused);
}

#[test]
fn ours_is_what_falls_when_our_writes_stop() {
    let mut run = Run::new(|guard| {
        (guard.only_if_ours, guard.rollback) = (true, rule(100.0, 60));
    });
    run.lag(0.1);
    run.lag_for(20, 900.0);
    assert_eq!(run.lag_for(99, 500.0).rollback, None, "the experiment is not over");
    let verdict = run.lag_for(2, 400.0);
    let evidence = verdict.rollback.expect("fell by more than half");
    assert_eq!(
        (evidence.at_pause, evidence.after_30s, evidence.after_120s),
        (Some(900.0), Some(500.0), Some(400.0))
    );
    assert!(verdict.for_a_person.is_empty());
}

#[test]
fn what_does_not_fall_is_for_a_person() {
    let mut run = Run::new(|guard| {
        (guard.only_if_ours, guard.rollback) = (true, rule(100.0, 60));
    });
    run.lag(0.1);
    run.lag_for(119, 400.0);
    let mut found = vec![];
    for _ in 0..40 {
        run.wait(250);
        let verdict = run.lag(390.0);
        assert_eq!(verdict.rollback, None);
        found.extend(verdict.for_a_person);
    }
    assert_eq!(found.len(), 1, "said once");
    assert_eq!((found[0].at_pause, found[0].after_120s), (Some(400.0), Some(390.0)));
    // It stays, though all is well again: a person was asked for.
    let verdict = run.lag_for(600, 0.0);
    assert!(
        verdict.paused && reason(&verdict).contains("not Segue's doing: 400 s when"),
        "{}",
        reason(&verdict)
    );
    assert_eq!((verdict.holds[0].reading, verdict.holds[0].threshold), (Some(0.0), Some(10.0)));
    let none = unreadable(REPLICATION_LAG, Some("standby1"), Freshness::NotApplicable, run.now);
    assert!(run.show(vec![none]).paused);
    run.state.released();
    assert!(!run.lag_for(1, 0.0).paused);
    assert_eq!(run.lag_for(60, 0.0), Verdict::default());
}

#[test]
fn a_person_who_resumes_too_early_gets_the_pause_back() {
    let mut run = Run::new(|guard| {
        (guard.only_if_ours, guard.rollback) = (true, rule(100.0, 60));
    });
    run.lag_for(130, 400.0);
    run.state.released();
    let verdict = run.lag_for(1, 400.0);
    assert!(verdict.paused && reason(&verdict).starts_with("goes on when"));
    assert_eq!(run.lag_for(100, 400.0).for_a_person, []);
}

#[test]
fn proof_without_a_pause_of_its_own_pauses_at_the_rollback_threshold() {
    let mut run = Run::new(|guard| {
        (guard.only_if_ours, guard.rollback, guard.pause) = (true, rule(100.0, 5), None);
    });
    run.lag(0.1);
    assert!(!run.lag_for(5, 99.0).paused);
    let verdict = run.lag_for(130, 150.0);
    assert!(verdict.paused && verdict.rollback.is_none());
    assert!(reason(&verdict).contains("not Segue's doing"));
}

#[test]
fn what_rose_after_our_writes_stopped_is_not_ours() {
    let mut run = Run::new(|_| {});
    run.policy = Policy::default();
    run.policy.guards[0].only_if_ours = true;
    let mut last = Verdict::default();
    for second in 0..400 {
        run.wait(1000);
        let lag = if second < 10 { 0.2 } else { 500.0 };
        let readings =
            vec![reading(REPLICATION_LAG, None, lag, run.now), reading(LOCK_WAIT, None, 3.0, run.now)];
        last = run.show(readings);
        assert_eq!(last.rollback, None);
    }
    assert!(reason(&last).contains("not Segue's doing: 0.2 s when"), "{}", reason(&last));
}

#[test]
fn an_accepted_blind_signal_holds_nothing_and_counts_again_when_it_is_read() {
    let mut run = Run::new(|_| {});
    let blind = |run: &mut Run, state| {
        run.wait(250);
        let readings = vec![unreadable(REPLICATION_LAG, Some("standby1"), state, run.now)];
        run.show(readings)
    };
    assert!(blind(&mut run, Freshness::Blind).paused);
    run.policy.accepted_blind = vec![REPLICATION_LAG.to_owned()];
    assert_eq!(blind(&mut run, Freshness::Blind), Verdict::default());
    // Read late is not blind, and a reading that is there is obeyed.
    assert!(blind(&mut run, Freshness::Stale).paused);
    assert_eq!(run.lag_for(6, 0.1), Verdict::default());
    assert!(run.lag_for(1, 12.0).paused);
    // What it said last was bad: that pause ends only after the usual calm.
    assert!(blind(&mut run, Freshness::Blind).paused);
    (0..24).for_each(|_| drop(blind(&mut run, Freshness::Blind)));
    assert_eq!(blind(&mut run, Freshness::Blind), Verdict::default());
    // No word at all is another thing than being blind.
    run.wait(250);
    assert!(run.show(vec![]).paused);
}

#[test]
fn a_threshold_with_a_duration_waits_it_out() {
    let mut run = Run::new(|guard| {
        (guard.throttle, guard.pause) = (Some(1.0), Some(4.0));
        (guard.throttle_for, guard.pause_for) = (Duration::from_secs(3), Duration::from_secs(10));
    });
    run.lag(0.0);
    assert_eq!(run.lag_for(3, 5.0), Verdict::default());
    let throttled = run.lag_for(1, 5.0);
    assert!(throttled.throttle.is_some() && !throttled.paused, "{throttled:?}");
    // A break begins it anew.
    run.lag_for(1, 0.5);
    assert!(!run.lag_for(9, 5.0).paused);
    assert!(run.lag_for(2, 5.0).paused);
    // What pauses it goes on under the usual rule.
    assert!(run.lag_for(4, 0.5).paused);
    assert!(!run.lag_for(2, 0.5).paused);
}

#[test]
fn a_share_of_the_limit_is_told_as_a_number_with_the_culprit() {
    let mut run = Run::new(|guard| {
        (guard.throttle, guard.throttle_of) = (Some(0.5), crate::plan::settings::Of::Limit);
        (guard.pause, guard.pause_of) = (Some(0.8), crate::plan::settings::Of::Limit);
    });
    let mut show = |value, limit| {
        run.wait(250);
        let kept = Reading {
            limit,
            detail: Some("logical slot of database shop".into()),
            ..reading(REPLICATION_LAG, Some("etl"), value, run.now)
        };
        run.show(vec![kept])
    };
    assert_eq!(show(40.0, Some(100.0)), Verdict::default());
    let held = show(90.0, Some(100.0)).holds.remove(0);
    assert_eq!((held.kind, held.threshold, held.reading), (HoldKind::Pause, Some(80.0), Some(90.0)));
    assert_eq!(held.culprit.as_deref(), Some("logical slot of database shop"));
    // The server's limit was raised.
    for _ in 0..24 {
        show(90.0, Some(1000.0));
    }
    assert!(!show(90.0, Some(1000.0)).paused);
    // Without a limit there is no threshold.
    assert_eq!(show(1e9, None).holds.len(), 0);
}

#[test]
fn a_load_that_cannot_be_read_begins_no_pause_and_ends_none() {
    let mut run = Run::new(|guard| guard.load = true);
    let blind = |run: &mut Run| {
        run.wait(250);
        run.show(vec![unreadable(REPLICATION_LAG, Some("standby1"), Freshness::Blind, run.now)])
    };
    assert_eq!(blind(&mut run), Verdict::default());
    assert_eq!(run.lag_for(5, 0.1), Verdict::default());
    assert_eq!(blind(&mut run), Verdict::default());
    run.wait(250);
    assert!(run.lag(20.0).paused);
    for _ in 0..200 {
        assert!(blind(&mut run).paused);
    }
    assert!(!run.lag_for(6, 0.1).paused);
    // Nothing said of it at all is no more than blind.
    run.wait(250);
    assert!(!run.show(vec![]).paused);
}
