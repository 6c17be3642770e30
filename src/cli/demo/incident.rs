//! Owns the incident in the middle: when the standby's replay is held up, for how long, and when it is over. Pure: times are
//! arguments. Must not touch a server.

use std::time::Duration;

/// The share of rows at which it happens.
const BEGINS_AT: f64 = 0.3;
/// So long the standby stays as it is after Segue has paused.
const LASTS: Duration = Duration::from_secs(3);
/// By then Segue should have paused, and by then it should have gone on.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be done to the standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Stop replaying.
    HoldUp,
    /// Go on; Segue had paused.
    LetGo,
    /// Go on; Segue had not paused in time.
    GiveUp,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Before,
    HeldUp { since: Duration },
    Paused { since: Duration },
    LetGo { since: Duration },
    Over,
    Failed(&'static str),
}

/// Where it stands.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    stage: Stage,
}

/// What there is to see from outside at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// The share of rows that is filled.
    pub filled: f64,
    /// Segue says that it is paused.
    pub paused: bool,
    /// The backfill is over.
    pub ready: bool,
}

impl Incident {
    pub(super) fn new() -> Incident {
        Incident { stage: Stage::Before }
    }

    /// To be asked again and again, at `now` on a monotonic clock.
    pub(super) fn look(&mut self, now: Duration, sight: Sight) -> Option<Act> {
        match self.stage {
            Stage::Before if sight.ready => {
                self.stage = Stage::Failed("the rows were filled before the incident could begin");
                None
            }
            Stage::Before if sight.filled >= BEGINS_AT => {
                self.stage = Stage::HeldUp { since: now };
                Some(Act::HoldUp)
            }
            Stage::HeldUp { .. } if sight.paused => {
                self.stage = Stage::Paused { since: now };
                None
            }
            Stage::HeldUp { since } if sight.ready || now.saturating_sub(since) >= PATIENCE => {
                self.stage = Stage::Failed("the standby's replay was held up and the backfill did not pause");
                Some(Act::GiveUp)
            }
            Stage::Paused { since } if now.saturating_sub(since) >= LASTS => {
                self.stage = Stage::LetGo { since: now };
                Some(Act::LetGo)
            }
            Stage::LetGo { .. } if !sight.paused => {
                self.stage = Stage::Over;
                None
            }
            Stage::LetGo { since } if now.saturating_sub(since) >= PATIENCE => {
                self.stage = Stage::Failed("the standby's replay went on and the backfill did not");
                None
            }
            _ => None,
        }
    }

    /// Why it did not go as it should, or `None` if it did. To be asked at the end.
    pub(super) fn failure(&self) -> Option<&'static str> {
        match self.stage {
            Stage::Over => None,
            Stage::Failed(why) => Some(why),
            _ => Some("the incident did not come to its end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(incident: &mut Incident, second: u64, filled: f64, paused: bool, ready: bool) -> Option<Act> {
        incident.look(Duration::from_secs(second), Sight { filled, paused, ready })
    }

    #[test]
    fn holds_up_waits_for_the_pause_lets_go_and_waits_for_its_end() {
        let mut incident = Incident::new();
        assert_eq!(look(&mut incident, 0, 0.1, false, false), None);
        assert_eq!(look(&mut incident, 1, 0.31, false, false), Some(Act::HoldUp));
        assert_eq!(look(&mut incident, 2, 0.4, false, false), None);
        assert_eq!(look(&mut incident, 3, 0.5, true, false), None);
        assert_eq!(look(&mut incident, 5, 0.5, true, false), None);
        assert_eq!(look(&mut incident, 6, 0.5, true, false), Some(Act::LetGo));
        assert_eq!(look(&mut incident, 8, 0.5, true, false), None);
        assert_eq!(incident.failure(), Some("the incident did not come to its end"));
        assert_eq!(look(&mut incident, 9, 0.5, false, false), None);
        assert_eq!(look(&mut incident, 20, 1.0, false, true), None);
        assert_eq!(incident.failure(), None);
    }

    #[test]
    fn a_backfill_that_does_not_pause_is_a_failure_and_the_standby_goes_on() {
        for (second, ready) in [(31, false), (5, true)] {
            let mut incident = Incident::new();
            assert_eq!(look(&mut incident, 1, 0.31, false, false), Some(Act::HoldUp));
            assert_eq!(look(&mut incident, second, 0.9, false, ready), Some(Act::GiveUp));
            assert!(incident.failure().is_some());
        }
    }

    #[test]
    fn a_pause_that_stays_is_a_failure() {
        let mut incident = Incident::new();
        look(&mut incident, 1, 0.31, false, false);
        look(&mut incident, 2, 0.31, true, false);
        assert_eq!(look(&mut incident, 5, 0.31, true, false), Some(Act::LetGo));
        look(&mut incident, 35, 0.31, true, false);
        assert_eq!(incident.failure(), Some("the standby's replay went on and the backfill did not"));
    }
}
