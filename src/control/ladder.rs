//! Owns when automatic pauses are a matter for a person: too many of them, or one too long. Must not judge a signal.

use super::hold::{Hold, LADDER};
use super::policy::Ladder;
use super::state::{RolloutState, State};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The hold that only a person ends, if it has come to that.
pub fn judge(state: &RolloutState, ladder: &Ladder, now: Timestamp) -> Option<Hold> {
    let works =
        matches!(state.state, State::Expanding | State::Backfilling | State::Contracting | State::Ready);
    if !works || state.person_hold.is_some() {
        return None;
    }
    let recent = state.pauses.iter().filter(|since| now.duration_since(**since) < HOUR).count();
    let why = if recent > ladder.pauses as usize {
        format!("{recent} automatic pauses within an hour, the last by {}", culprits(state))
    } else {
        let since = state.automatic_pauses().map(|hold| hold.since).min()?;
        let length = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        if state.pause_is_known || length < ladder.longest {
            return None;
        }
        format!("paused for {} min by {}", length.as_secs() / 60, culprits(state))
    };
    let reason = format!("{why}: held for a person; find the cause, then `segue resume`");
    Some(Hold::pause(LADDER, reason, now))
}

fn culprits(state: &RolloutState) -> String {
    let mut names: Vec<&str> = state.automatic_pauses().map(|hold| hold.by.as_str()).collect();
    names.dedup();
    if names.is_empty() { "a guard that is well again".to_owned() } else { names.join(" and ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::hold::DRILL;
    use crate::control::hold::HoldKind;
    use crate::control::record::{CommandKind, Record};
    use crate::control::state::tests::empty;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn pause(by: &str, minute: i64) -> Hold {
        Hold {
            culprit: None,
            kind: HoldKind::Pause,
            by: by.into(),
            subject: None,
            reason: None,
            reading: None,
            threshold: None,
            unit: None,
            since: at(minute),
            until: None,
        }
    }

    fn resumed(state: &mut RolloutState) {
        let kind = CommandKind::Resume;
        state.fold(&Record::CommandTaken { id: 1, kind, by: "ann".into(), reason: None, refused: None });
    }

    #[test]
    fn the_seventh_pause_within_an_hour_is_a_persons() {
        let (mut state, ladder) = (empty(), Ladder::default());
        for minute in 0..7 {
            assert_eq!(judge(&state, &ladder, at(minute)), None, "after {minute}");
            let hold = pause("replication_lag", minute);
            state.fold(&Record::Held { hold: hold.clone() });
            // Two at once are one.
            state.fold(&Record::Held { hold: pause("lock_wait", minute) });
            state.fold(&Record::Released { hold: pause("lock_wait", minute) });
            state.fold(&Record::Released { hold });
        }
        let hold = judge(&state, &ladder, at(7)).unwrap();
        assert!(hold.reason.as_ref().unwrap().starts_with("7 automatic pauses within an hour"), "{hold:?}");
        assert_eq!(judge(&state, &ladder, at(61)), None, "the first are long ago");
        state.fold(&Record::Held { hold: hold.clone() });
        assert!(state.is_paused());
        assert_eq!(judge(&state, &ladder, at(8)), None, "it is held already");
        state.fold(&Record::Released { hold });
        resumed(&mut state);
        assert_eq!(judge(&state, &ladder, at(8)), None, "a person has seen them");
    }

    #[test]
    fn half_an_hour_in_one_is_a_persons_unless_one_has_seen_it() {
        let (mut state, ladder) = (empty(), Ladder::default());
        state.fold(&Record::Held { hold: pause("replication_lag", 10) });
        assert_eq!(judge(&state, &ladder, at(39)), None);
        let hold = judge(&state, &ladder, at(40)).unwrap();
        assert!(hold.reason.unwrap().starts_with("paused for 30 min by replication_lag"));
        resumed(&mut state);
        assert_eq!(judge(&state, &ladder, at(80)), None);
        state.fold(&Record::Released { hold: pause("replication_lag", 10) });
        state.fold(&Record::Held { hold: pause("replication_lag", 90) });
        assert!(judge(&state, &ladder, at(120)).is_some(), "the next one is not that one");
    }

    #[test]
    fn drills_do_not_count() {
        let (mut state, ladder) = (empty(), Ladder { pauses: 0, longest: Duration::from_secs(60) });
        state.fold(&Record::Held { hold: pause(DRILL, 0) });
        state.fold(&Record::Held {
            hold: Hold { subject: Some(DRILL.into()), ..pause("replication_lag", 0) },
        });
        assert_eq!(judge(&state, &ladder, at(30)), None);
        state.fold(&Record::Held { hold: pause("lock_wait", 31) });
        assert!(judge(&state, &ladder, at(31)).is_some());
    }
}
