//! Owns JSON lines: one object a line, `at` and `event` first, then the event's own fields, flat.
//! Missing is null. Must not leave a field out because it is not known.

use super::limits;
use super::out::Out;
use super::pace::Pace;
use super::tell::Teller;
use crate::compile::program::Program;
use crate::control::hold::Hold;
use crate::control::record::{CommandKind, Direction, Outcome, Record};
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
                let (kind, args) = untag(fields.shift_remove("kind").unwrap_or(Value::Null));
                fields.insert("kind".into(), json!(kind));
                fields.insert("force".into(), args.get("force").cloned().unwrap_or(Value::Null));
                let limits = match record {
                    Record::CommandTaken {
                        kind: CommandKind::Tune(change) | CommandKind::TuneFor { change, .. },
                        ..
                    } => limits::json(change),
                    _ => Value::Null,
                };
                fields.insert("limits".into(), limits);
                if let Record::CommandTaken { kind: CommandKind::TuneFor { until, .. }, .. } = record {
                    fields.insert("until".into(), json!(until));
                }
                if let Record::CommandTaken {
                    kind:
                        CommandKind::AcceptBlind { .. }
                        | CommandKind::IgnoreStandby { .. }
                        | CommandKind::Override { .. }
                        | CommandKind::TuneGuard { .. }
                        | CommandKind::Drill { .. },
                    ..
                } = record
                {
                    fields.extend(object(args));
                }
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
        "reading": hold.reading, "threshold": hold.threshold, "unit": hold.unit, "since": hold.since, "until": hold.until,
    }))
}

fn progress(glance: &Glance) -> String {
    let mut fields = object(value(glance));
    fields.shift_remove("at");
    // Here, unlike in a status, a reader counts on every key.
    fields.insert("holds".into(), glance.holds.iter().map(|held| Value::Object(hold(held))).collect());
    if let Some(Value::Array(signals)) = fields.get_mut("signals") {
        for signal in signals.iter_mut().filter_map(Value::as_object_mut) {
            signal.entry("detail").or_insert(Value::Null);
        }
    }
    event(glance.at, "progress", fields)
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
    use crate::control::retry::FailureClass;
    use crate::control::tuning::Change;

    fn said(told: &[Told]) -> String {
        let kept = Kept::default();
        let mut lines = JsonLines::new(kept.out(), program());
        told.iter().for_each(|told| lines.take(told));
        let text = kept.text();
        for line in text.lines() {
            let parsed: Map<String, Value> = serde_json::from_str(line).unwrap();
            assert_eq!(parsed.keys().take(2).collect::<Vec<_>>(), ["at", "event"], "{line}");
        }
        text
    }

    #[test]
    fn steps_and_holds_are_flat() {
        let told: Vec<Told> =
            story().into_iter().filter(|told| matches!(told, Told::Record { .. })).collect();
        insta::assert_snapshot!(said(&told), @r#"
        {"at":"2026-11-22T07:00:00Z","event":"supervisor_up","holder":"host:4711","term":3,"version":"0.1.0"}
        {"at":"2026-11-22T07:00:00.01Z","event":"step_began","step":0,"number":1,"total":4,"title":"prepare users","phase":"expand","direction":"forward"}
        {"at":"2026-11-22T07:00:00.022Z","event":"step_ended","step":0,"number":1,"total":4,"title":"prepare users","phase":"expand","direction":"forward","outcome":"done","error":null,"class":null,"blockers":null,"seconds":0.012}
        {"at":"2026-11-22T07:00:00.022Z","event":"state_changed","from":"expanding","to":"backfilling","error":null}
        {"at":"2026-11-22T07:00:00.025Z","event":"step_began","step":1,"number":2,"total":4,"title":"fill users (full_name)","phase":"backfill","direction":"forward"}
        {"at":"2026-11-22T07:00:03Z","event":"held","kind":"throttle","by":"replication_lag","subject":"standby1","reason":"at 70 % of full speed","reading":1.4,"threshold":1.0,"unit":"s","since":"2026-11-22T07:00:03Z","until":null}
        {"at":"2026-11-22T07:00:15Z","event":"released","kind":"throttle","by":"replication_lag","subject":"standby1","reason":"at 70 % of full speed","reading":1.4,"threshold":1.0,"unit":"s","since":"2026-11-22T07:00:03Z","until":null,"seconds":12.0}
        {"at":"2026-11-22T07:00:18.025Z","event":"step_ended","step":1,"number":2,"total":4,"title":"fill users (full_name)","phase":"backfill","direction":"forward","outcome":"done","error":null,"class":null,"blockers":null,"seconds":18.0}
        {"at":"2026-11-22T07:00:21.1Z","event":"step_began","step":2,"number":3,"total":4,"title":"publish public_full_name","phase":"backfill","direction":"forward"}
        {"at":"2026-11-22T07:00:21.2Z","event":"step_ended","step":2,"number":3,"total":4,"title":"publish public_full_name","phase":"backfill","direction":"forward","outcome":"done","error":null,"class":null,"blockers":null,"seconds":0.1}
        {"at":"2026-11-22T07:00:21.21Z","event":"state_changed","from":"backfilling","to":"ready","error":null}
        "#);
    }

    #[test]
    fn failures_commands_and_endings() {
        let taken =
            |kind| Record::CommandTaken { id: 9, kind, by: "alice".into(), reason: None, refused: None };
        let failed = Outcome::Failed { error: "no".into(), class: FailureClass::DiskFull };
        let told = [
            told(0, taken(CommandKind::Complete { force: true })),
            told(0, taken(CommandKind::Pause)),
            told(
                0,
                taken(CommandKind::Tune(Change::of_args(&json!({"rate": "off", "wal": "8MB"})).unwrap())),
            ),
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
        insta::assert_snapshot!(said(&told), @r#"
        {"at":"2026-11-22T07:00:00Z","event":"command_taken","id":9,"by":"alice","reason":null,"refused":null,"kind":"complete","force":true,"limits":null}
        {"at":"2026-11-22T07:00:00Z","event":"command_taken","id":9,"by":"alice","reason":null,"refused":null,"kind":"pause","force":null,"limits":null}
        {"at":"2026-11-22T07:00:00Z","event":"command_taken","id":9,"by":"alice","reason":null,"refused":null,"kind":"tune","force":null,"limits":{"rows_per_second":null,"wal_bytes_per_second":8000000}}
        {"at":"2026-11-22T07:00:00.001Z","event":"step_ended","step":0,"number":1,"total":4,"title":"prepare users","phase":"expand","direction":"back","outcome":"failed","error":"no","class":"disk_full","blockers":null,"seconds":null}
        {"at":"2026-11-22T07:00:00.002Z","event":"held","kind":"pause","by":"replication_lag","subject":"standby1","reason":"cannot be read: standby1 is gone","reading":null,"threshold":10.0,"unit":"s","since":"2026-11-22T07:00:03Z","until":null}
        {"at":"2026-11-22T07:00:00.003Z","event":"rollback_decided","guard":"replication_lag","reason":null,"evidence":{"reading":321.5}}
        "#);
    }

    #[test]
    fn progress_knows_what_it_does_not_know() {
        let unknown = of("users", 7, None);
        let glance = Glance {
            signals: vec![reading("replication_lag", Some("standby1"), None, "s")],
            backfill: vec![unknown],
            current: None,
            ..glance(0, 0)
        };
        insta::assert_snapshot!(said(&[Told::Glance(Box::new(glance))]), @r#"
        {"at":"2026-11-22T07:00:00Z","event":"progress","state":"backfilling","holds":[],"signals":[{"name":"replication_lag","subject":"standby1","reading":null,"unit":"s","state":"blind","at":"2026-11-22T07:00:05Z","detail":null}],"exceptions":[],"backfill":[{"table":"users","rows_done":7,"rows_total":null,"rows_total_is":"unknown","fraction":null,"rows_per_second":null,"eta_seconds":null,"stage":null,"blocks_done":0,"blocks_total":0,"dead_rows":null,"table_bytes":null,"table_bytes_before":null,"table_growth":null,"index_bytes":null,"index_bytes_before":null,"index_growth":null,"wal_bytes":null,"wal_bytes_is":"server"}],"steps_done":1,"steps_total":4,"current":null,"vacuum":null,"blockers":null,"limited":null}
        "#);
    }

    #[test]
    fn progress_comes_once_a_second() {
        let told: Vec<Told> =
            (0..20).map(|tick| Told::Glance(Box::new(glance(tick * 250, tick as u64)))).collect();
        assert_eq!(said(&told).lines().count(), 5);
    }
}
