//! Owns what happens when somebody sets the clock that moments are read from: that it is noticed, and that the moments which are
//! remembered move with it, so that what is left of a pause stays what it was. Pure: both clocks are arguments.

use super::record::Record;
use super::state::RolloutState;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What is less is the clock being steered, or two clocks read one after the other.
const LEAST: SignedDuration = SignedDuration::from_secs(1);

/// A wall clock beside one that nobody sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clocks {
    before: Option<(Timestamp, Duration)>,
}

impl Clocks {
    /// By how much the wall clock was set since the last look, if it was. `steady`: of a clock that only ever counts, a machine's
    /// sleep included.
    pub fn observe(&mut self, wall: Timestamp, steady: Duration) -> Option<SignedDuration> {
        let (then, counted) = self.before.replace((wall, steady))?;
        let passed = SignedDuration::try_from(steady.saturating_sub(counted)).ok()?;
        let by = wall.duration_since(then).checked_sub(passed)?;
        (by.abs() >= LEAST).then_some(by)
    }
}

/// A moment on the clock as it goes now.
pub fn moved(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_add(by).unwrap_or(moment)
}

impl RolloutState {
    /// Takes [`Record::ClockMoved`] in.
    pub(super) fn clock_moved(&mut self, by: SignedDuration) {
        let shift = |moment: &mut Timestamp| *moment = moved(*moment, by);
        let people = [&mut self.operator_pause, &mut self.flag_pause, &mut self.shed, &mut self.person_hold];
        let holds = people.into_iter().flatten().chain(&mut self.guard_holds);
        for hold in holds {
            shift(&mut hold.since);
            hold.until.as_mut().into_iter().for_each(shift);
        }
        self.pauses.iter_mut().for_each(shift);
        self.exceptions.iter_mut().for_each(|exception| shift(&mut exception.until));
        self.ignored_standbys.values_mut().for_each(shift);
        self.contract_hold.iter_mut().for_each(|hold| shift(&mut hold.since));
    }
}

/// For the journal, which keeps whole milliseconds.
pub fn record(by: SignedDuration) -> Record {
    Record::ClockMoved { by_ms: i64::try_from(by.as_millis()).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::advance::{Event, advance};
    use crate::control::exception::Exceptional;
    use crate::control::hold::Hold;
    use crate::control::ladder;
    use crate::control::policy::Ladder;
    use crate::control::record::CommandKind;
    use crate::control::state::tests::empty;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn only_what_the_steady_clock_does_not_say_is_a_jump() {
        let mut clocks = Clocks::default();
        let mut look = |wall, steady| clocks.observe(at(wall), Duration::from_secs(steady));
        assert_eq!(look(0, 500), None);
        assert_eq!(look(1, 501), None);
        // A machine that slept: both say so.
        assert_eq!(look(7201, 7701), None);
        assert_eq!(look(7202 + 3600, 7702), Some(HOUR));
        assert_eq!(look(7203 + 3600, 7703), None, "it goes on from there");
        assert_eq!(look(7204, 7704), Some(-HOUR));
        // Steered, it runs a little faster or slower for long.
        let mut clocks = Clocks::default();
        for tenth in 0..100_000 {
            let wall = at(0) + SignedDuration::from_micros(tenth * 100_050);
            assert_eq!(clocks.observe(wall, Duration::from_millis(tenth as u64 * 100)), None);
        }
    }

    fn take(state: &mut RolloutState, event: Event, now: Timestamp) -> Vec<Record> {
        let (out, hand) = advance(state, event, now, 0.5);
        out.records.iter().for_each(|record| state.fold(record));
        state.hand = hand;
        out.records
    }

    fn command(kind: CommandKind, lasting: Option<Duration>) -> Event {
        Event::Command { id: 1, kind, by: "ann".into(), reason: None, lasting, fault: None }
    }

    /// The clock is set by so much; then it goes on from there.
    fn jump(state: &mut RolloutState, by: SignedDuration, now: &mut Timestamp) {
        *now += by;
        take(state, Event::ClockMoved { by }, *now);
        take(state, Event::Tick, *now);
    }

    #[test]
    fn a_persons_pause_is_as_long_as_it_was_asked_for() {
        for jumps in [[1, 1], [-1, -1], [1, -1], [24, -48]] {
            let (mut state, mut now) = (empty(), at(0));
            let pause = command(CommandKind::Pause, Some(Duration::from_secs(1800)));
            take(&mut state, pause, now);
            for hours in jumps {
                for _ in 0..600 {
                    now += SignedDuration::from_secs(1);
                    take(&mut state, Event::Tick, now);
                }
                jump(&mut state, HOUR * hours, &mut now);
                assert!(state.operator_pause.is_some(), "lifted by a clock: {jumps:?}");
            }
            let left = (0..2000).take_while(|_| {
                now += SignedDuration::from_secs(1);
                take(&mut state, Event::Tick, now);
                state.operator_pause.is_some()
            });
            assert_eq!(left.count(), 599, "{jumps:?}");
        }
    }

    #[test]
    fn one_without_an_end_has_none_after_any_jump() {
        let (mut state, mut now) = (empty(), at(0));
        take(&mut state, command(CommandKind::Pause, None), now);
        for hours in [1, 24 * 365, -1] {
            jump(&mut state, HOUR * hours, &mut now);
            assert!(state.is_paused() && !state.is_due(now));
        }
    }

    #[test]
    fn exceptions_and_standbys_count_as_long_as_was_said() {
        let (mut state, mut now) = (empty(), at(0));
        state.expected_standbys.push("standby1".into());
        let until = now + SignedDuration::from_mins(30);
        let standby = "standby1".to_owned();
        take(&mut state, command(CommandKind::IgnoreStandby { standby, until }, None), now);
        take(&mut state, command(CommandKind::Override { signal: "wal_rate".into(), until }, None), now);
        jump(&mut state, HOUR, &mut now);
        assert!(matches!(state.exceptions[0].what, Exceptional::Override(_)));
        assert!(state.ignored_standbys.contains_key("standby1"));
        now += SignedDuration::from_mins(30);
        take(&mut state, Event::Tick, now);
        assert!(state.exceptions.is_empty() && state.ignored_standbys.is_empty());
    }

    #[test]
    fn no_jump_makes_an_automatic_pause_a_persons_nor_keeps_one_from_it() {
        let ladder = Ladder::default();
        for hours in [1, -1] {
            let (mut state, mut now) = (empty(), at(0));
            state.fold(&Record::Held { hold: Hold::pause("replication_lag", "far behind".into(), now) });
            now += SignedDuration::from_mins(10);
            jump(&mut state, HOUR * hours, &mut now);
            assert_eq!(ladder::judge(&state, &ladder, now), None, "{hours} h");
            now += SignedDuration::from_mins(20);
            assert!(ladder::judge(&state, &ladder, now).is_some(), "{hours} h");
        }
    }

    #[test]
    fn is_stored() {
        let stored = serde_json::to_value(record(-HOUR)).unwrap();
        assert_eq!(stored, serde_json::json!({"clock_moved": {"by_ms": -3_600_000}}));
    }
}
