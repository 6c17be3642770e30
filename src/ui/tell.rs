//! Owns how what happens is put into words, for lines and bars alike. Must not print.

use super::{cost, human, limits};
use crate::compile::program::{Action, Program};
use crate::control::exception::{Exception, Exceptional};
use crate::control::growth::{Measures, Moment};
use crate::control::guard::Evidence;
use crate::control::hold::{Hold, HoldKind, OPERATOR};
use crate::control::progress::{TableProgress, TotalIs};
use crate::control::record::{CommandKind, Direction, Outcome, Record};
use crate::control::server::{self, Server};
use crate::control::state::{Goal, State};
use crate::control::status;
use crate::control::tuning::Change;
use crate::execute::backfill::bare_name;
use crate::supervise::told::Glance;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What kind of news it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    State,
    Begun,
    Done,
    Held,
    Freed,
    Note,
    Warn,
    Failed,
}

impl Mark {
    /// For lines: one word, to search for.
    pub fn word(self) -> &'static str {
        match self {
            Mark::State => "state",
            Mark::Begun => "begun",
            Mark::Done => "done",
            Mark::Held => "held",
            Mark::Freed => "freed",
            Mark::Note => "note",
            Mark::Warn => "warn",
            Mark::Failed => "failed",
        }
    }

    /// For terminals.
    pub fn sign(self) -> &'static str {
        match self {
            Mark::State => "●",
            Mark::Begun => "▸",
            Mark::Done => "✓",
            Mark::Held => "‖",
            Mark::Freed => "▶",
            Mark::Note => "·",
            Mark::Warn => "!",
            Mark::Failed => "✗",
        }
    }
}

/// One piece of news, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub mark: Mark,
    pub text: String,
}

fn news(mark: Mark, text: impl AsRef<str>) -> News {
    News { mark, text: human::plain(text.as_ref()) }
}

/// Remembers when steps began, so that their end can say how long they took.
#[derive(Debug)]
pub struct Teller {
    pub program: Arc<Program>,
    /// The state last heard of.
    pub state: Option<State>,
    measures: Measures,
    began: HashMap<(usize, bool), Timestamp>,
    /// The one it is on, as last heard of.
    server: Option<Server>,
    /// Of the fills, as last heard of.
    tables: Vec<TableProgress>,
}

impl Teller {
    pub fn new(program: Arc<Program>) -> Teller {
        let (measures, began) = (Measures::default(), HashMap::new());
        Teller { program, state: None, measures, began, server: None, tables: Vec::new() }
    }

    pub fn glance(&mut self, glance: &Glance) {
        self.state = Some(glance.state);
        self.tables.clone_from(&glance.backfill);
    }

    /// What may be done next, where a run ended and nothing went wrong.
    pub fn next(&self) -> Vec<String> {
        let mut hints: Vec<String> =
            self.state.map_or(&[][..], next).iter().map(|hint| (*hint).to_owned()).collect();
        if self.state == Some(State::Ready) {
            hints.extend(cost::left(&self.tables, &self.program.unvacuumed()));
        }
        hints
    }

    /// Takes a record in (`record` does so too); of a step's end, how long it took, where its beginning was heard.
    pub fn time(&mut self, at: Timestamp, record: &Record) -> Option<Duration> {
        match record {
            Record::StateChanged { to, .. } => {
                self.state = Some(*to);
                None
            }
            Record::StepBegan { step, direction } => {
                self.began.insert((*step, *direction == Direction::Forward), at);
                None
            }
            Record::StepEnded { step, direction, outcome } => {
                let key = (*step, *direction == Direction::Forward);
                // After a failure the same step is tried again, without beginning anew.
                let began = match outcome {
                    Outcome::Failed { .. } => self.began.get(&key).copied(),
                    _ => self.began.remove(&key),
                };
                began.map(|began| human::between(began, at))
            }
            _ => None,
        }
    }

    /// For how long the longest step in hand has been at it.
    pub fn in_hand(&self, now: Timestamp) -> Option<Duration> {
        self.began.values().min().map(|began| human::between(*began, now))
    }

    /// `[2/19] fill users (full_name)`.
    pub fn step(&self, step: usize, direction: Direction) -> String {
        let title = match self.program.steps.get(step) {
            Some(known) => status::title(&known.title, direction),
            None => "a step this program does not have".to_owned(),
        };
        format!("[{}/{}] {title}", step + 1, self.program.steps.len())
    }

    /// Whether its beginning is news: most steps are over at once.
    fn takes_long(&self, step: usize) -> bool {
        self.program.steps.get(step).is_some_and(|step| {
            matches!(
                step.action,
                Action::Backfill(_)
                    | Action::BuildIndex { .. }
                    | Action::DropIndex { .. }
                    | Action::Validate { .. }
                    | Action::Vacuum { .. }
                    | Action::Script { .. }
            )
        })
    }

    /// What a record says, in words; `None` where it is no news to a person.
    pub fn record(&mut self, at: Timestamp, record: &Record) -> Option<News> {
        let took = self.time(at, record);
        Some(match record {
            Record::SupervisorUp { holder, term, version } => {
                news(Mark::Note, format!("supervisor {holder} is up (term {term}, segue {version})"))
            }
            Record::SupervisorLeft { why } => news(Mark::Note, format!("supervisor left: {why}")),
            Record::StepBegan { step, direction } => {
                if !self.takes_long(*step) {
                    return None;
                }
                news(Mark::Begun, self.step(*step, *direction))
            }
            Record::StepEnded { step, direction, outcome } => {
                let title = self.step(*step, *direction);
                let took = took.map(human::duration);
                match outcome {
                    Outcome::Done => {
                        news(Mark::Done, took.map_or(title.clone(), |took| format!("{title} in {took}")))
                    }
                    Outcome::Failed { error, .. } => news(Mark::Warn, format!("{title}: {error}")),
                    Outcome::Postponed { blockers } => {
                        news(Mark::Warn, format!("{title}: postponed, in the way: {blockers}"))
                    }
                    Outcome::Unknown { error } => {
                        news(Mark::Failed, format!("{title}: whether it happened is not known: {error}"))
                    }
                    Outcome::Stopped => news(Mark::Note, format!("{title}: stopped at a safe point")),
                }
            }
            Record::StateChanged { to: State::Failed, error, .. } => {
                let error = error.as_deref().unwrap_or("no error was given");
                news(Mark::Failed, error)
            }
            Record::StateChanged { to, .. } => news(Mark::State, format!("{}: {}", to.name(), meaning(*to))),
            Record::GoalChanged { goal: Goal::Completed } => {
                news(Mark::Note, "to be completed: the contract follows")
            }
            Record::GoalChanged { goal: Goal::Ready } => news(Mark::Note, "to stop when ready"),
            Record::ContractAllowed { forced: true } => {
                news(Mark::Warn, "contract allowed by force: who uses the old version was not asked")
            }
            Record::ContractAllowed { forced: false } if self.program.previous_version_schema.is_none() => {
                news(Mark::Note, "contract allowed: who still uses the tables themselves cannot be told")
            }
            Record::ContractAllowed { forced: false } => {
                news(Mark::Note, "contract allowed: nobody uses the old version")
            }
            Record::ContractRefused { users, faults } if faults.is_empty() => news(
                Mark::Warn,
                format!("contract refused: the old version is in use by {}", users.join("; ")),
            ),
            Record::ContractRefused { faults, .. } => {
                news(Mark::Warn, format!("contract refused: {}", faults.join("; ")))
            }
            Record::Held { hold } => {
                let behind = hold.culprit.as_ref().map(|who| format!(" → {who}")).unwrap_or_default();
                news(Mark::Held, self::hold(hold) + &behind)
            }
            Record::Released { hold } => {
                let length = human::duration(human::between(hold.since, at));
                let what = if hold.kind == HoldKind::Pause { "pause" } else { "throttle" };
                news(Mark::Freed, format!("{what} by {} ended after {length}", who(hold)))
            }
            Record::CommandTaken { kind, by, reason, refused, .. } => {
                let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                let asked = format!("{by} asked: {}{reason}", command(kind));
                match refused {
                    Some(why) => news(Mark::Warn, format!("{asked}; refused: {why}")),
                    None => news(Mark::Note, asked),
                }
            }
            Record::RollbackDecided { guard, reason, evidence } => {
                let why = rollback_reason(guard.as_deref(), reason.as_deref(), evidence);
                news(Mark::Warn, format!("rolling back: {why}"))
            }
            Record::StandbysExpected { names } => {
                news(Mark::Note, format!("standbys watched from now on: {}", names.join(", ")))
            }
            Record::ClockMoved { by_ms } => {
                let (length, way) =
                    (Duration::from_millis(by_ms.unsigned_abs()), if *by_ms < 0 { "back" } else { "ahead" });
                let length = human::duration(length);
                news(
                    Mark::Warn,
                    format!(
                        "the clock here was set {way} by {length}; what ends by itself ends when it would have"
                    ),
                )
            }
            Record::BaselineLearned { baseline } => news(
                Mark::Note,
                format!(
                    "the baseline of {} is {}: what it is while Segue writes nothing",
                    baseline.signal,
                    human::value(baseline.value, &baseline.unit)
                ),
            ),
            Record::Measured { step, relation, moment, .. } => {
                self.measures.fold(record);
                if *moment == Moment::Began {
                    return None;
                }
                let cost = cost::ended(&self.measures, *step, relation, &bare_name(relation))?;
                news(Mark::Note, cost)
            }
            Record::Vacuumed { relation, dead_before, dead_after, passed_over, .. } => {
                let table = bare_name(relation);
                match passed_over {
                    Some(why) => news(Mark::Warn, format!("the vacuum of {table} is passed over: {why}")),
                    None => news(Mark::Note, cost::vacuumed(&table, *dead_before, *dead_after)),
                }
            }
            Record::BlindAccepted { signals } => news(
                Mark::Warn,
                format!("goes on although blind, by the operator's word: {}", signals.join(", ")),
            ),
            Record::ContractHeld { hold } => news(Mark::Held, hold.why()),
            Record::ServerSeen { server: seen } => {
                // The first is no news.
                let known = self.server.replace(seen.clone())?;
                match known.change(seen) {
                    server::Change::Promoted => {
                        let timeline = seen.timeline.as_deref().unwrap_or("?");
                        news(
                            Mark::Warn,
                            format!(
                                "another server was promoted (timeline {timeline}); going on with what is stored there"
                            ),
                        )
                    }
                    server::Change::WentBack => news(
                        Mark::Warn,
                        "the server is at an earlier state than before; going on with what is stored there",
                    ),
                    _ => news(Mark::Note, format!("the server was restarted at {}", seen.started)),
                }
            }
            Record::ExceptionEnded { what: Exceptional::Override(signal) } => {
                news(Mark::Note, format!("{signal} holds again: its override is over"))
            }
            Record::ExceptionEnded { what: Exceptional::Drill(drill) } => {
                news(Mark::Note, format!("the drill {} is over", drill.name()))
            }
            Record::ExceptionEnded { what: Exceptional::Limit(change) } => {
                news(Mark::Note, format!("as before again: the time of {} is over", limits::change(change)))
            }
            Record::ExceptionEnded { what: Exceptional::Threshold(moved) } => {
                let what = limits::threshold(moved);
                news(Mark::Note, format!("as before again: the time of \"{what}\" is over"))
            }
            Record::StandbyCounts { standby } => {
                news(Mark::Note, format!("standby {standby} counts again: its time is over"))
            }
            Record::Adopted { from } => news(Mark::Note, format!("taken over: {}", from.name())),
            Record::Evidence { what, .. } => news(Mark::Note, format!("noted in the journal: {what}")),
        })
    }
}

/// What a state means for who reads it.
pub fn meaning(state: State) -> &'static str {
    match state {
        State::Expanding => "the tables are being prepared",
        State::Backfilling => "rows are being filled, then proved",
        State::Ready => "both versions are live",
        State::Contracting => "the old version is being removed",
        State::Completed => "only the new version is left",
        State::RollingBack => "what was done is being undone",
        State::RolledBack => "the schema is as it was before",
        State::Failed => "it stopped on an error",
    }
}

pub fn command(kind: &CommandKind) -> String {
    let text = match kind {
        CommandKind::Pause => "pause",
        CommandKind::Resume => "resume",
        CommandKind::Rollback => "rollback",
        CommandKind::Complete { force: false } => "complete",
        CommandKind::Complete { force: true } => "complete --force",
        CommandKind::Tune(change) if *change == Change::default() => "tune",
        CommandKind::Tune(change) => return format!("tune to {}", limits::change(change)),
        CommandKind::TuneFor { change, until } => {
            return format!("tune to {} until {}", limits::change(change), human::moment(*until));
        }
        CommandKind::TuneGuard { threshold, until } => {
            let until = until.map(|until| format!(" until {}", human::moment(until))).unwrap_or_default();
            return format!("tune: {}{until}", limits::threshold(threshold));
        }
        CommandKind::AcceptBlind { signals } => {
            return format!("go on although blind: {}", signals.join(", "));
        }
        CommandKind::Shed { .. } => "shed the sync triggers",
        CommandKind::Restore => "restore the sync triggers",
        CommandKind::HoldContract => "hold the contract",
        CommandKind::ReleaseContract => "release the contract",
        CommandKind::IgnoreStandby { standby, until } => {
            return format!("ignore standby {standby} until {}", human::moment(*until));
        }
        CommandKind::Override { signal, until } => {
            return format!("override {signal} until {}", human::moment(*until));
        }
        CommandKind::Drill { drill, until } => {
            return format!("drill {} until {}", drill.name(), human::moment(*until));
        }
    };
    text.to_owned()
}

/// `replication_lag overridden until 2026-11-22 07:00:00Z by ann: it is the nightly report`.
pub fn exception(exception: &Exception) -> String {
    let what = match &exception.what {
        Exceptional::Override(signal) => format!("{signal} overridden"),
        Exceptional::Drill(drill) => format!("DRILL {}", drill.name()),
        Exceptional::Limit(change) => limits::change(change),
        Exceptional::Threshold(moved) => limits::threshold(moved),
    };
    let reason = exception.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    human::plain(&format!("{what} until {} by {}{reason}", human::moment(exception.until), exception.by))
}

fn rollback_reason(guard: Option<&str>, reason: Option<&str>, evidence: &serde_json::Value) -> String {
    let Some(guard) = guard else {
        return reason.unwrap_or("asked for by the operator").to_owned();
    };
    match serde_json::from_value::<Evidence>(evidence.clone()) {
        Ok(seen) => {
            let of = seen.subject.map(|subject| format!(" of {subject}")).unwrap_or_default();
            let (reading, limit) =
                (human::value(seen.reading, &seen.unit), human::value(seen.threshold, &seen.unit));
            let since = human::moment(seen.since);
            format!("{guard}{of} is at {reading} and has been over {limit} since {since}")
        }
        Err(_) => format!("guard {guard} asks for it; `segue log` has the evidence"),
    }
}

fn who(hold: &Hold) -> String {
    match (&hold.subject, hold.by == OPERATOR) {
        (_, true) => "the operator".to_owned(),
        (Some(subject), false) => format!("{} of {subject}", hold.by),
        (None, false) => hold.by.clone(),
    }
}

/// `throttled by replication_lag of standby1: 1.4 s, threshold 1 s; at 70 % of full speed`.
pub fn hold(hold: &Hold) -> String {
    let what = if hold.kind == HoldKind::Pause { "paused" } else { "throttled" };
    let unit = hold.unit.as_deref().unwrap_or("");
    let numbers = match (hold.reading, hold.threshold) {
        (Some(reading), Some(limit)) => {
            Some(format!("{}, threshold {}", human::value(reading, unit), human::value(limit, unit)))
        }
        (Some(reading), None) => Some(human::value(reading, unit)),
        (None, Some(limit)) => Some(format!("no reading, threshold {}", human::value(limit, unit))),
        (None, None) => None,
    };
    let until = hold.until.map(|until| format!("until {}", human::moment(until)));
    let why: Vec<String> = numbers.into_iter().chain(hold.reason.clone()).chain(until).collect();
    let text = format!("{what} by {}", who(hold));
    human::plain(&if why.is_empty() { text } else { format!("{text}: {}", why.join("; ")) })
}

/// `420,000 of about 1,000,000 rows (42 %)`; what is not known is not said as a number.
pub fn rows(progress: &TableProgress) -> String {
    let done = human::count(progress.rows_done);
    if is_done(progress) {
        // Not "all": what writers filled on the spot, and a slice cut off before its checkpoint, is not counted.
        return format!("{done} rows filled, none left");
    }
    match (progress.rows_total, progress.rows_total_is) {
        (Some(total), worth) => {
            let about = if worth == TotalIs::Estimate { "about " } else { "" };
            let share = progress.fraction.map(|f| format!(" ({})", human::percent(f))).unwrap_or_default();
            format!("{done} of {about}{} rows{share}", human::count(total))
        }
        (None, _) => format!("{done} rows, how many there are is not known"),
    }
}

/// `81,000 rows/s, 7 s left`; empty where nobody watches it.
pub fn speed(progress: &TableProgress) -> String {
    if is_done(progress) {
        return String::new();
    }
    let rate = progress.rows_per_second.map(human::rows_per_second);
    let left = match (progress.eta_seconds, &rate) {
        (Some(eta), _) => Some(format!("{} left", human::about(eta))),
        (None, Some(_)) => Some("time left: measuring".to_owned()),
        (None, None) => None,
    };
    rate.into_iter().chain(left).collect::<Vec<_>>().join(", ")
}

/// Whether nothing moves, rather than slowly.
pub fn paused(holds: &[Hold]) -> bool {
    holds.iter().any(|hold| hold.kind == HoldKind::Pause)
}

pub fn is_done(progress: &TableProgress) -> bool {
    progress.rows_total_is == TotalIs::Exact && progress.rows_total == Some(progress.rows_done)
}

/// What may be done next, where a run ended in this state and nothing went wrong.
fn next(state: State) -> &'static [&'static str] {
    match state {
        State::Ready => &[
            "`segue clients` shows which application uses which version",
            "`segue complete` removes the old version, `segue rollback` the new one",
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;

    #[test]
    fn holds_say_everything_they_know() {
        let mut said = vec![hold(&operator_pause()), hold(&throttle()), hold(&blind_pause())];
        said.push(hold(&Hold { reason: None, ..operator_pause() }));
        insta::assert_snapshot!(said.join("\n"), @r"
        paused by the operator: deploy freeze
        throttled by replication_lag of standby1: 1.4 s, threshold 1 s; at 70 % of full speed
        paused by replication_lag of standby1: no reading, threshold 10 s; cannot be read: standby1 is gone
        paused by the operator
        ");
    }

    #[test]
    fn rollbacks_show_their_evidence() {
        let evidence = serde_json::json!({
            "signal": "replication_lag", "subject": "standby1", "reading": 321.5, "threshold": 300.0, "unit": "s",
            "since": "2026-11-22T07:00:00Z", "at_pause": null, "after_30s": null, "after_120s": null,
        });
        let said = [
            rollback_reason(Some("replication_lag"), None, &evidence),
            rollback_reason(Some("replication_lag"), None, &serde_json::Value::Null),
            rollback_reason(None, Some("wrong plan"), &serde_json::Value::Null),
            rollback_reason(None, None, &serde_json::Value::Null),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        replication_lag of standby1 is at 5 min 22 s and has been over 5 min since 2026-11-22 07:00:00Z
        guard replication_lag asks for it; `segue log` has the evidence
        wrong plan
        asked for by the operator
        ");
    }

    #[test]
    fn a_retry_is_timed_from_the_beginning() {
        let mut teller = Teller::new(program());
        let (step, direction) = (1, Direction::Forward);
        assert_eq!(teller.time(at(0), &Record::StepBegan { step, direction }), None);
        let failed =
            Outcome::Failed { error: "x".into(), class: crate::control::retry::FailureClass::LockTimeout };
        let ended = |outcome| Record::StepEnded { step, direction, outcome };
        assert_eq!(teller.time(at(1000), &ended(failed)), Some(Duration::from_secs(1)));
        assert_eq!(teller.in_hand(at(2000)), Some(Duration::from_secs(2)));
        assert_eq!(teller.time(at(3000), &ended(Outcome::Done)), Some(Duration::from_secs(3)));
        assert_eq!(teller.in_hand(at(4000)), None);
    }
}
