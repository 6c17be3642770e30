//! Owns the course of a rollout as it was seen: states with their times, rows over time, holds with their durations. Pure: times
//! are arguments. Must not ask a server.

use super::events::{self, Glance, Said};
use crate::control::hold::{Hold, HoldKind};
use serde::Serialize;
use std::time::Duration;

/// A hold, from its first sight to its last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HoldSeen {
    /// Throttle or pause.
    pub kind: HoldKind,
    /// In words: the guard, the standby, the reading and the threshold.
    pub cause: String,
    /// The same with what it does and what comes next.
    #[serde(skip)]
    pub told: String,
    /// When, in seconds since the demonstration began.
    pub at_seconds: f64,
    /// How long; `None` while it lasts.
    pub seconds: Option<f64>,
    #[serde(skip)]
    key: (HoldKind, String, Option<String>),
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// Each state and when it began.
    pub states: Vec<(String, Duration)>,
    pub holds: Vec<HoldSeen>,
    pub glance: Glance,
    pub rows_done: u64,
    pub fault: Option<String>,
    /// Time in which rows were filled, and in which nothing was held.
    free: Duration,
    rows_free: u64,
    /// The first and the last moment at which the count of rows rose.
    first_rows: Option<Duration>,
    last_rows: Option<Duration>,
    before: Option<(Duration, u64, bool)>,
}

impl Course {
    /// Takes note of a line that came at `now`. What is new for a person, in words.
    pub(super) fn note(&mut self, now: Duration, said: &Said) -> Option<String> {
        match said {
            Said::State { to, error } => {
                self.states.push((to.clone(), now));
                if to == "ready" {
                    self.nothing_left_to_hold(now);
                }
                Some(match error {
                    Some(error) => format!("the rollout is {to}: {error}"),
                    None => format!("the rollout is {to}"),
                })
            }
            Said::Step(title) => Some(title.clone()),
            Said::Held(hold) => self.held(now, hold),
            Said::Released(hold) => self.released(now, hold),
            Said::Glance(glance) => {
                self.glanced(now, glance);
                None
            }
            Said::Fault(why) => {
                self.fault = Some(why.clone());
                Some(why.clone())
            }
            Said::Other => None,
        }
    }

    /// Whether a pause is in force.
    pub(super) fn is_paused(&self) -> bool {
        self.holds.iter().any(|hold| hold.seconds.is_none() && hold.kind == HoldKind::Pause)
    }

    pub(super) fn state(&self) -> Option<&str> {
        self.states.last().map(|(state, _)| state.as_str())
    }

    /// When a state began.
    pub(super) fn since(&self, state: &str) -> Option<Duration> {
        self.states.iter().find(|(name, _)| name == state).map(|(_, since)| *since)
    }

    /// Rows a second while nothing held the work.
    pub(super) fn rate_unheld(&self) -> Option<f64> {
        (!self.free.is_zero()).then(|| self.rows_free as f64 / self.free.as_secs_f64())
    }

    /// From the first row to the last, holds included.
    pub(super) fn filling(&self) -> Option<Duration> {
        Some(self.last_rows?.saturating_sub(self.first_rows?)).filter(|time| !time.is_zero())
    }

    fn held(&mut self, now: Duration, hold: &Hold) -> Option<String> {
        let key = key(hold);
        if self.holds.iter().any(|seen| seen.seconds.is_none() && seen.key == key) {
            return None;
        }
        let told = events::reason(hold);
        self.holds.push(HoldSeen {
            kind: hold.kind,
            cause: events::cause(hold),
            told: told.clone(),
            at_seconds: now.as_secs_f64(),
            seconds: None,
            key,
        });
        Some(told)
    }

    fn released(&mut self, now: Duration, hold: &Hold) -> Option<String> {
        let key = key(hold);
        let seen = self.holds.iter_mut().rev().find(|seen| seen.seconds.is_none() && seen.key == key)?;
        let seconds = now.as_secs_f64() - seen.at_seconds;
        seen.seconds = Some(seconds);
        Some(match hold.kind {
            HoldKind::Throttle => format!("not throttled any more, after {seconds:.1} s"),
            HoldKind::Pause => format!("goes on by itself after {seconds:.1} s: {} is well again", hold.by),
        })
    }

    /// A throttle may still be in force when the last row is filled; what is held is over all the same.
    fn nothing_left_to_hold(&mut self, now: Duration) {
        for hold in self.holds.iter_mut().filter(|hold| hold.seconds.is_none()) {
            hold.seconds = Some(now.as_secs_f64() - hold.at_seconds);
        }
    }

    fn glanced(&mut self, now: Duration, glance: &Glance) {
        let held = !glance.holds.is_empty();
        if let Some(rows) = glance.rows_done {
            if let Some((then, before, was_held)) = self.before {
                let gained = rows.saturating_sub(before);
                if gained > 0 {
                    self.first_rows.get_or_insert(then);
                    self.last_rows = Some(now);
                    if !held && !was_held {
                        self.rows_free += gained;
                        self.free += now.saturating_sub(then);
                    }
                }
            }
            self.before = Some((now, rows, held));
            self.rows_done = self.rows_done.max(rows);
        }
        self.glance = glance.clone();
    }
}

#[cfg(test)]
impl HoldSeen {
    /// A pause as it was seen.
    pub(super) fn example() -> HoldSeen {
        HoldSeen {
            kind: HoldKind::Pause,
            cause: "replication_lag of standby1: 2.26 s (threshold 2 s)".to_owned(),
            told: "paused".to_owned(),
            at_seconds: 14.9,
            seconds: Some(8.6),
            key: (HoldKind::Pause, "replication_lag".to_owned(), None),
        }
    }
}

fn key(hold: &Hold) -> (HoldKind, String, Option<String>) {
    (hold.kind, hold.by.clone(), hold.subject.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(kind: HoldKind) -> Hold {
        Hold {
            kind,
            by: "replication_lag".to_owned(),
            subject: Some("standby1".to_owned()),
            reason: None,
            reading: Some(2.5),
            threshold: Some(2.0),
            unit: Some("s".to_owned()),
            culprit: None,
            since: jiff::Timestamp::UNIX_EPOCH,
            until: None,
        }
    }

    fn glance(rows: u64, holds: Vec<Hold>) -> Said {
        Said::Glance(Glance { rows_done: Some(rows), holds, ..Glance::default() })
    }

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_rate_leaves_out_what_was_held_and_the_filling_time_does_not() {
        let mut course = Course::default();
        course.note(at(0), &glance(0, vec![]));
        course.note(at(1_000), &glance(50_000, vec![]));
        course.note(at(2_000), &glance(60_000, vec![hold(HoldKind::Pause)]));
        course.note(at(7_000), &glance(60_000, vec![hold(HoldKind::Pause)]));
        course.note(at(8_000), &glance(60_000, vec![]));
        course.note(at(9_000), &glance(110_000, vec![]));
        course.note(at(20_000), &glance(110_000, vec![]));
        assert_eq!(course.rate_unheld(), Some(50_000.0));
        assert_eq!(course.filling(), Some(at(9_000)));
        assert_eq!(course.rows_done, 110_000);
    }

    #[test]
    fn a_throttle_ends_at_the_latest_with_the_work() {
        let mut course = Course::default();
        course.note(at(1_000), &Said::Held(hold(HoldKind::Throttle)));
        course.note(at(3_000), &Said::State { to: "ready".to_owned(), error: None });
        assert_eq!(course.holds[0].seconds, Some(2.0));
        assert_eq!(course.since("ready"), Some(at(3_000)));
        assert!(course.note(at(9_000), &Said::Released(hold(HoldKind::Throttle))).is_none());
    }

    #[test]
    fn nothing_seen_is_not_zero() {
        assert_eq!(Course::default().rate_unheld(), None);
        assert_eq!(Course::default().filling(), None);
    }

    #[test]
    fn holds_have_durations_and_are_told_once() {
        let mut course = Course::default();
        assert!(course.note(at(1_000), &Said::Held(hold(HoldKind::Throttle))).is_some());
        assert!(course.note(at(1_200), &Said::Held(hold(HoldKind::Throttle))).is_none());
        assert!(!course.is_paused());
        course.note(at(2_000), &Said::Held(hold(HoldKind::Pause)));
        assert!(course.is_paused());
        let told = course.note(at(9_500), &Said::Released(hold(HoldKind::Pause))).unwrap();
        assert_eq!(told, "goes on by itself after 7.5 s: replication_lag is well again");
        assert!(!course.is_paused());
        assert_eq!(course.holds[1].seconds, Some(7.5));
        assert_eq!(course.holds[0].seconds, None);
        assert!(course.note(at(9_600), &Said::Released(hold(HoldKind::Pause))).is_none());
    }
}
