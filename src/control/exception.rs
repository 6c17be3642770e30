//! Owns what operators asked until a moment: a guard that is overridden or acts elsewhere, limits, drills. What the guards
//! see of it, and the limits.
//! Must not judge a reading, and must not end anything: that is `advance`'s.

use super::hold::{DRILL, Hold, HoldKind};
use super::policy::Policy;
use super::signal::{Freshness, Reading, Snapshot, name};
use super::thresholds::Moved;
use super::tuning::Change;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A signal that is made up, to see what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drill {
    /// A pause, as by a guard.
    Pause,
    /// A standby far behind.
    Lag,
    /// A standby whose lag cannot be read.
    Blind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exceptional {
    /// The guard on this signal holds nothing.
    Override(String),
    Drill(Drill),
    /// A limit of the backfill is another one.
    Limit(Change),
    /// A guard acts elsewhere.
    Threshold(Moved),
}

impl Exceptional {
    /// Whether both say something of the same thing, so that the newer one counts.
    pub fn concerns(&self, other: &Exceptional) -> bool {
        match (self, other) {
            (Exceptional::Limit(one), Exceptional::Limit(other)) => one.meets(other),
            (Exceptional::Threshold(one), Exceptional::Threshold(other)) => one.is_of(other),
            (one, other) => one == other,
        }
    }
}

/// One exception, and by whose word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    #[serde(flatten)]
    pub what: Exceptional,
    pub until: Timestamp,
    pub by: String,
    pub reason: Option<String>,
}

impl Drill {
    pub const ALL: [Drill; 3] = [Drill::Pause, Drill::Lag, Drill::Blind];

    pub fn name(self) -> &'static str {
        match self {
            Drill::Pause => "pause",
            Drill::Lag => "lag",
            Drill::Blind => "blind",
        }
    }

    pub fn named(text: &str) -> Option<Drill> {
        Drill::ALL.into_iter().find(|drill| drill.name() == text)
    }
}

impl Exception {
    fn is_drill(&self, drill: Drill) -> bool {
        self.what == Exceptional::Drill(drill)
    }
}

/// The snapshot as guards are to see it at `now`.
pub fn seen(mut snapshot: Snapshot, exceptions: &[Exception], policy: &Policy, now: Timestamp) -> Snapshot {
    for exception in exceptions.iter().filter(|exception| now < exception.until) {
        match &exception.what {
            Exceptional::Override(signal) => {
                for reading in snapshot.readings.iter_mut().filter(|reading| reading.name == *signal) {
                    (reading.state, reading.value) = (Freshness::NotApplicable, None);
                    reading.detail = Some(format!("overridden until {:.0}", exception.until));
                }
            }
            Exceptional::Drill(drill) => snapshot.readings.extend(made_up(*drill, policy, now)),
            // Not of what is read.
            Exceptional::Limit(_) | Exceptional::Threshold(_) => {}
        }
    }
    snapshot
}

/// What operators changed of the limits: for good, and over that what still counts at `now`.
pub fn limits(for_good: &Change, exceptions: &[Exception], now: Timestamp) -> Change {
    let mut all = *for_good;
    for exception in exceptions.iter().filter(|exception| now < exception.until) {
        if let Exceptional::Limit(change) = &exception.what {
            all.take(change);
        }
    }
    all
}

/// A standby beside the real ones, which go on being heeded.
fn made_up(drill: Drill, policy: &Policy, now: Timestamp) -> Option<Reading> {
    let (state, value) = match drill {
        Drill::Pause => return None,
        Drill::Blind => (Freshness::Blind, None),
        Drill::Lag => {
            let guard = policy.guard(name::REPLICATION_LAG)?;
            let far = guard.pause.or(guard.throttle)? * 2.0;
            // A drill pauses; it never rolls back.
            let most = guard.rollback.map_or(f64::INFINITY, |rule| rule.above);
            (Freshness::Fresh, Some(far.min(most)))
        }
    };
    Some(Reading {
        limit: None,
        baseline: None,
        name: name::REPLICATION_LAG.to_owned(),
        subject: Some(DRILL.to_owned()),
        value,
        unit: "s".to_owned(),
        state,
        at: now,
        detail: Some("a drill: made up".to_owned()),
    })
}

/// The hold of `drill pause`.
pub fn hold(exceptions: &[Exception], now: Timestamp) -> Option<Hold> {
    let drill = exceptions.iter().find(|one| one.is_drill(Drill::Pause) && now < one.until)?;
    Some(Hold {
        culprit: None,
        kind: HoldKind::Pause,
        by: DRILL.to_owned(),
        subject: None,
        reason: Some(format!("a drill of {}'s", drill.by)),
        reading: None,
        threshold: None,
        unit: None,
        since: now,
        until: Some(drill.until),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::guard::{self, GuardState};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn exception(what: Exceptional, until: i64) -> Exception {
        Exception { what, until: at(until), by: "ann".into(), reason: None }
    }

    fn real(lag: f64, second: i64) -> Snapshot {
        let reading = |name: &str, subject: Option<&str>, value| Reading {
            limit: None,
            baseline: None,
            name: name.into(),
            subject: subject.map(str::to_owned),
            value: Some(value),
            unit: "s".into(),
            state: Freshness::Fresh,
            at: at(second),
            detail: None,
        };
        let readings =
            vec![reading(name::REPLICATION_LAG, Some("s1"), lag), reading(name::LOCK_WAIT, None, 0.0)];
        Snapshot { readings }
    }

    /// Who holds in each second, with this lag all the while.
    fn held(exceptions: &[Exception], lag: f64, seconds: std::ops::Range<i64>) -> Vec<Vec<String>> {
        let (mut policy, mut guards) = (Policy::default(), GuardState::new());
        policy
            .guards
            .retain(|guard| [name::REPLICATION_LAG, name::LOCK_WAIT].contains(&guard.signal.as_str()));
        let each = |second| {
            let seen = seen(real(lag, second), exceptions, &policy, at(second));
            let verdict = guard::fold(&mut guards, &seen, &policy, at(second));
            assert!(verdict.rollback.is_none(), "rolled back");
            verdict.holds.into_iter().map(|hold| hold.subject.unwrap_or_default()).collect()
        };
        seconds.map(each).collect()
    }

    #[test]
    fn an_overridden_guard_holds_nothing_until_its_time_is_over() {
        let lifted = [exception(Exceptional::Override(name::REPLICATION_LAG.into()), 30)];
        // Far over the rollback's threshold and its duration.
        let held = held(&lifted, 999.0, 0..31);
        assert!(held[..30].iter().all(Vec::is_empty), "{held:?}");
        assert_eq!(held[30], ["s1"]);
    }

    #[test]
    fn a_drill_holds_beside_the_real_standbys_and_ends() {
        for drill in [Drill::Lag, Drill::Blind] {
            let held = held(&[exception(Exceptional::Drill(drill), 400)], 0.1, 0..420);
            assert!(held[..400].iter().all(|one| *one == ["drill"]), "{drill:?}");
            assert!(held.last().unwrap().is_empty(), "{drill:?}");
        }
        let both = held(&[exception(Exceptional::Drill(Drill::Lag), 9)], 50.0, 0..2);
        assert_eq!(both[1], ["drill", "s1"]);
    }

    #[test]
    fn a_pause_is_a_hold_of_its_own() {
        let drill = [exception(Exceptional::Drill(Drill::Pause), 9)];
        assert_eq!(hold(&drill, at(8)).unwrap().until, Some(at(9)));
        assert_eq!(hold(&drill, at(9)), None);
        assert!(held(&drill, 0.1, 0..3).iter().all(Vec::is_empty));
    }

    #[test]
    fn survives_being_stored() {
        let one = exception(Exceptional::Override("checkout".into()), 9);
        let stored = serde_json::to_value(&one).unwrap();
        assert_eq!(stored["override"], "checkout");
        assert_eq!(serde_json::from_value::<Exception>(stored).unwrap(), one);
        let drill = exception(Exceptional::Drill(Drill::Lag), 9);
        assert_eq!(serde_json::to_value(&drill).unwrap()["drill"], "lag");
    }
}
