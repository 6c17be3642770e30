//! Owns JSON lines: one object a line, `at` and `event` first, then the event's own fields, flat.
//! Missing is null. Must not leave a field out because it is not known.

use super::out::Out;
use super::pace::Pace;
use super::tell::Teller;
use crate::compile::program::Program;
use crate::control::hold::Hold;
use crate::control::record::{Direction, Outcome, Record};
use crate::control::state::Ending;
use crate::journal;
use crate::supervise::told::{Glance, Told};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

const PROGRESS_EVERY: Duration = Duration::from_secs(1);
const UNCHANGED_EVERY: Duration = Duration::from_secs(10);

pub struct JsonLines {
    out: Out,
    teller: Teller,
    pace: Pace,
}

impl JsonLines {
    pub fn new(out: Out, program: Arc<Program>) -> JsonLines {
        let pace = Pace::new(PROGRESS_EVERY, UNCHANGED_EVERY);
        JsonLines { out, teller: Teller::new(program), pace }
    }

    pub fn take(&mut self, told: &Told) {
        match told {
            Told::Record { at, record } => {
                let took = self.teller.time(*at, record);
                let line = self.record(*at, record, took);
                self.out.line(&line);
            }
            Told::Glance(glance) => {
                if self.pace.due(glance) {
                    self.out.line(&progress(glance));
                }
            }
        }
    }

    pub fn finish(&mut self, at: Timestamp, ending: &Ending) {
        self.out.line(&event(at, "ended", self::ending(ending)));
    }

    pub fn note(&mut self, at: Timestamp, text: &str) {
        self.out.line(&event(at, "note", object(json!({"message": text}))));
    }

    pub fn is_closed(&self) -> bool {
        self.out.is_closed()
    }

    fn record(&self, at: Timestamp, record: &Record, took: Option<Duration>) -> String {
        // The name and the fields are the journal's, so that both are read alike.
        let stored = journal::encode(record);
        let fields = match record {
            Record::StepBegan { step, direction } => self.step(*step, *direction),
            Record::StepEnded { step, direction, outcome } => {
                let mut fields = self.step(*step, *direction);
                fields.extend(self::outcome(outcome));
                fields.insert("seconds".into(), json!(took.map(|took| took.as_secs_f64())));
                fields
            }
            Record::Held { hold } => self::hold(hold),
            Record::Released { hold } => {
                let mut fields = self::hold(hold);
                let length = super::human::between(hold.since, at);
                fields.insert("seconds".into(), json!(length.as_secs_f64()));
                fields
            }
            Record::CommandTaken { .. } => {
                let mut fields = object(stored.body);
                let (kind, args) = untag(fields.remove("kind").unwrap_or(Value::Null));
                fields.insert("kind".into(), json!(kind));
                fields.insert("force".into(), args.get("force").cloned().unwrap_or(Value::Null));
                fields
            }
            _ => object(stored.body),
        };
        event(at, &stored.kind, fields)
    }

    fn step(&self, step: usize, direction: Direction) -> Map<String, Value> {
        let known = self.teller.program.steps.get(step);
        object(json!({
            "step": step,
            "number": step + 1,
            "total": self.teller.program.steps.len(),
            "title": known.map(|step| &step.title),
            "phase": known.map(|step| step.phase),
            "direction": direction,
        }))
    }
}

fn outcome(outcome: &Outcome) -> Map<String, Value> {
    let (name, inner) = untag(value(outcome));
    let field = |key: &str| inner.get(key).cloned().unwrap_or(Value::Null);
    object(json!({
        "outcome": name, "error": field("error"), "class": field("class"), "blockers": field("blockers"),
    }))
}

fn hold(hold: &Hold) -> Map<String, Value> {
    object(json!({
        "kind": hold.kind, "by": hold.by, "subject": hold.subject, "reason": hold.reason,
        "reading": hold.reading, "threshold": hold.threshold, "unit": hold.unit, "since": hold.since,
    }))
}

fn progress(glance: &Glance) -> String {
    let mut fields = object(value(glance));
    fields.remove("at");
    event(glance.at, "progress", fields)
}

fn ending(ending: &Ending) -> Map<String, Value> {
    let (name, fields) = match ending {
        Ending::Ready => ("ready", Value::Null),
        Ending::Completed => ("completed", Value::Null),
        Ending::RolledBack { by_guard } => ("rolled_back", json!({"by_guard": by_guard})),
        Ending::Failed { error } => ("failed", json!({"error": error})),
        Ending::Refused { users } => ("refused", json!({"users": users})),
        Ending::Interrupted => ("interrupted", Value::Null),
        Ending::Postponed { blockers } => ("postponed", json!({"blockers": blockers})),
        Ending::LeaseLost => ("lease_lost", Value::Null),
        Ending::Unknown { error } => ("unknown", json!({"error": error})),
    };
    let field = |key: &str| fields.get(key).cloned().unwrap_or(Value::Null);
    object(json!({
        "outcome": name, "error": field("error"), "blockers": field("blockers"),
        "users": field("users"), "by_guard": field("by_guard"),
    }))
}

/// One line: `at`, `event`, then the fields.
pub(super) fn event(at: Timestamp, name: &str, fields: Map<String, Value>) -> String {
    let mut line = Map::with_capacity(fields.len() + 2);
    line.insert("at".into(), json!(at));
    line.insert("event".into(), json!(name));
    for (key, value) in fields {
        // The line's own keys come first and are never overwritten by a field of the same name.
        line.entry(key).or_insert(value);
    }
    Value::Object(line).to_string()
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).expect("plain data")
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Serde's external tag: a bare name, or one key with what belongs to it.
fn untag(value: Value) -> (String, Value) {
    match value {
        Value::String(name) => (name, Value::Null),
        Value::Object(map) => map.into_iter().next().unwrap_or_default(),
        _ => Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::out::tests::Kept;
    use super::super::samples::*;
    use super::*;
    use crate::control::record::CommandKind;
    use crate::control::retry::FailureClass;

    fn said(told: &[Told], ending: Option<Ending>) -> String {
        let kept = Kept::default();
        let mut lines = JsonLines::new(kept.out(), program());
        told.iter().for_each(|told| lines.take(told));
        if let Some(ending) = ending {
            lines.finish(at(21_300), &ending);
        }
        let text = kept.text();
        for line in text.lines() {
            let parsed: Map<String, Value> = serde_json::from_str(line).unwrap();
            assert_eq!(parsed.keys().take(2).collect::<Vec<_>>(), ["at", "event"], "{line}");
        }
        text
    }

    #[test]
    fn steps_and_holds_are_flat() {
        let told: Vec<Told> = story().into_iter().filter(|told| matches!(told, Told::Record { .. })).collect();
        insta::assert_snapshot!(said(&told, Some(Ending::Ready)), @r"
        ");
    }

    #[test]
    fn failures_commands_and_endings() {
        let taken = |kind| Record::CommandTaken { id: 9, kind, by: "alice".into(), reason: None, refused: None };
        let failed = Outcome::Failed { error: "no".into(), class: FailureClass::DiskFull };
        let told = [
            told(0, taken(CommandKind::Complete { force: true })),
            told(0, taken(CommandKind::Pause)),
            told(1, Record::StepEnded { step: 0, direction: Direction::Back, outcome: failed }),
            told(2, Record::Held { hold: blind_pause() }),
            told(
                3,
                Record::RollbackDecided {
                    guard: Some("replication_lag".into()),
                    reason: None,
                    evidence: json!({"reading": 321.5}),
                },
            ),
        ];
        let ending = Ending::RolledBack { by_guard: Some("replication_lag".into()) };
        insta::assert_snapshot!(said(&told, Some(ending)), @r"
        ");
    }

    #[test]
    fn progress_knows_what_it_does_not_know() {
        let unknown = crate::control::progress::TableProgress::running("users", 7, None, None);
        let glance = Glance {
            signals: vec![reading("replication_lag", Some("standby1"), None, "s")],
            backfill: vec![unknown],
            current: None,
            ..glance(0, 0)
        };
        insta::assert_snapshot!(said(&[Told::Glance(Box::new(glance))], None), @r"
        ");
    }

    #[test]
    fn progress_comes_once_a_second() {
        let told: Vec<Told> =
            (0..20).map(|tick| Told::Glance(Box::new(glance(tick * 250, tick as u64)))).collect();
        assert_eq!(said(&told, None).lines().count(), 5);
    }
}
