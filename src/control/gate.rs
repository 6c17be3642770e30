//! Owns the permit: the guards' word that work may go on, which runs out by itself. A monitor that
//! hangs stops the work by doing nothing. Must not know how a permit travels between threads.

use super::guard::Verdict;
use super::hold::{Hold, HoldKind};
use std::time::Duration;

/// How long a permit lives after the moment its readings were taken.
pub const VALID_FOR: Duration = Duration::from_secs(2);

/// What the guards said, and until when it may be acted upon.
#[derive(Clone, Debug, PartialEq)]
pub struct Permit {
    /// Monotonic moment at which the readings behind the verdict were asked for; not the moment at
    /// which they were judged, or a permit would outlive its data.
    pub issued_at: Duration,
    pub valid_for: Duration,
    /// Share of full speed, 0..=1; 1 where nothing throttles.
    pub share: f64,
    /// Every hold of the verdict, throttles too.
    pub holds: Vec<Hold>,
    paused: bool,
}

/// The answer to "may I start a slice, or try a lock, now?".
#[derive(Clone, Debug, PartialEq)]
pub enum Allow {
    /// Go on at this share of full speed.
    Go { share: f64 },
    /// A guard pauses: these are the pauses.
    Held(Vec<Hold>),
    /// Nobody has looked lately: do nothing until somebody has.
    Expired,
}

impl Permit {
    pub fn issue(verdict: &Verdict, issued_at: Duration) -> Permit {
        Permit {
            issued_at,
            valid_for: VALID_FOR,
            share: verdict.throttle.unwrap_or(1.0),
            holds: verdict.holds.clone(),
            paused: verdict.paused,
        }
    }

    /// `now` is on the same monotonic clock as `issued_at`.
    pub fn allows(&self, now: Duration) -> Allow {
        // A worker may have read its clock just before the permit was issued: then its age is zero.
        if now.saturating_sub(self.issued_at) >= self.valid_for {
            return Allow::Expired;
        }
        if self.paused {
            return Allow::Held(self.holds.iter().filter(|h| h.kind == HoldKind::Pause).cloned().collect());
        }
        Allow::Go { share: self.share }
    }

    /// Time until the permit runs out; zero where it has.
    pub fn remaining(&self, now: Duration) -> Duration {
        self.valid_for.saturating_sub(now.saturating_sub(self.issued_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn hold(kind: HoldKind, by: &str) -> Hold {
        Hold {
            kind,
            by: by.into(),
            subject: None,
            reason: None,
            reading: Some(12.0),
            threshold: Some(10.0),
            unit: Some("s".into()),
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn goes_at_the_share_of_the_verdict() {
        let free = Permit::issue(&Verdict::default(), Duration::from_secs(5));
        assert_eq!(free.allows(Duration::from_secs(6)), Allow::Go { share: 1.0 });
        let slow = Permit::issue(&Verdict { throttle: Some(0.25), ..Verdict::default() }, Duration::ZERO);
        assert_eq!(slow.allows(Duration::from_secs(1)), Allow::Go { share: 0.25 });
        assert_eq!(slow.remaining(Duration::from_millis(500)), Duration::from_millis(1500));
    }

    #[test]
    fn held_names_the_pauses_alone() {
        let verdict = Verdict {
            holds: vec![hold(HoldKind::Throttle, "lock_wait"), hold(HoldKind::Pause, "replication_lag")],
            throttle: Some(0.5),
            paused: true,
            ..Verdict::default()
        };
        let permit = Permit::issue(&verdict, Duration::ZERO);
        assert_eq!(
            permit.allows(Duration::ZERO),
            Allow::Held(vec![hold(HoldKind::Pause, "replication_lag")])
        );
        assert_eq!(permit.allows(Duration::from_secs(2)), Allow::Expired);
    }

    #[test]
    fn a_clock_read_just_before_the_permit_is_no_fault() {
        let permit = Permit::issue(&Verdict::default(), Duration::from_millis(5001));
        assert_eq!(permit.allows(Duration::from_millis(5000)), Allow::Go { share: 1.0 });
    }

    proptest! {
        #[test]
        fn never_outlives_its_two_seconds(issued in 0u64..1_000_000, age in 0u64..100_000) {
            let permit = Permit::issue(&Verdict::default(), Duration::from_millis(issued));
            let now = Duration::from_millis(issued + age);
            prop_assert_eq!(permit.allows(now) == Allow::Expired, age >= 2000);
            prop_assert_eq!(permit.remaining(now).is_zero(), age >= 2000);
        }
    }
}
