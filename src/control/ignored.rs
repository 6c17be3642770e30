//! Owns standbys that an operator has given up for a while: what the guards see of them. Must not judge a reading.

use super::signal::{Freshness, Snapshot, name};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// By name, until when.
pub type Ignored = BTreeMap<String, Timestamp>;

/// The snapshot as guards are to see it at `now`: an ignored standby has nothing to measure, and is not missing.
pub fn without(mut snapshot: Snapshot, ignored: &Ignored, now: Timestamp) -> Snapshot {
    for reading in &mut snapshot.readings {
        let of_standbys =
            [name::REPLICATION_LAG, name::REPLICATION_LAG_BYTES].contains(&reading.name.as_str());
        let until = reading.subject.as_ref().filter(|_| of_standbys).and_then(|standby| ignored.get(standby));
        if let Some(until) = until.filter(|until| now < **until) {
            (reading.state, reading.value) = (Freshness::NotApplicable, None);
            reading.detail = Some(format!("ignored until {until:.0}"));
        }
    }
    snapshot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::guard::{self, GuardState};
    use crate::control::policy::Policy;
    use crate::control::signal::Reading;

    fn reading(signal: &str, subject: Option<&str>, value: Option<f64>, at: Timestamp) -> Reading {
        Reading {
            name: signal.into(),
            subject: subject.map(str::to_owned),
            value,
            unit: "s".into(),
            state: if value.is_some() { Freshness::Fresh } else { Freshness::Blind },
            at,
            limit: None,
            baseline: None,
            detail: None,
        }
    }

    #[test]
    fn one_that_is_ignored_holds_nothing_until_its_time_is_over() {
        let mut policy = Policy::default();
        policy
            .guards
            .retain(|guard| [name::REPLICATION_LAG, name::LOCK_WAIT].contains(&guard.signal.as_str()));
        let mut guards = GuardState::new();
        let at = |second| Timestamp::from_second(second).unwrap();
        let ignored = Ignored::from([("gone".to_owned(), at(60))]);
        let mut paused_by = |ignored: &Ignored, second: i64, lag: f64| {
            let readings = vec![
                reading(name::REPLICATION_LAG, Some("gone"), None, at(second)),
                reading(name::REPLICATION_LAG, Some("there"), Some(lag), at(second)),
                reading(name::LOCK_WAIT, None, Some(0.0), at(second)),
            ];
            let seen = without(Snapshot { readings }, ignored, at(second));
            let verdict = guard::fold(&mut guards, &seen, &policy, at(second));
            let subjects = verdict.holds.iter().map(|hold| hold.subject.clone().unwrap_or_default());
            subjects.collect::<Vec<_>>()
        };
        assert_eq!(paused_by(&Ignored::new(), 0, 0.1), ["gone"]);
        // At once, and the others count as before.
        assert!(paused_by(&ignored, 1, 0.1).is_empty());
        assert_eq!(paused_by(&ignored, 2, 30.0), ["there"]);
        for second in 3..60 {
            paused_by(&ignored, second, 0.1);
        }
        assert!(paused_by(&ignored, 59, 0.1).is_empty());
        assert_eq!(paused_by(&ignored, 60, 0.1), ["gone"]);
    }

    #[test]
    fn only_that_standbys_lag_is_ignored() {
        let ignored = Ignored::from([("p99".to_owned(), Timestamp::MAX)]);
        let probe = reading("checkout", Some("p99"), Some(9.0), Timestamp::UNIX_EPOCH);
        let seen = without(Snapshot { readings: vec![probe.clone()] }, &ignored, Timestamp::UNIX_EPOCH);
        assert_eq!(seen.readings, [probe]);
    }
}
