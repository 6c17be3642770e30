//! Owns what a line of `segue … --json` means to the demonstration. Must not guess: a line or a field that it does not know stays
//! unread, and unknown is `None`.

use crate::control::hold::{Hold, HoldKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One line, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// The rollout's state changed.
    State { to: String, error: Option<String> },
    /// A step was begun, by its title.
    Step(String),
    /// Work is held.
    Held(Hold),
    /// A hold is over.
    Released(Hold),
    /// How things stand.
    Glance(Glance),
    /// Something went wrong, or is in the way, in the command's own words.
    Fault(String),
    /// Anything else.
    Other,
}

/// How things stand, several times a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Glance {
    pub state: Option<String>,
    /// Rows filled; `None` before and after the backfill.
    pub rows_done: Option<u64>,
    pub rows_per_second: Option<f64>,
    pub holds: Vec<Hold>,
    pub current: Option<String>,
}

/// Reads a line. `None`: not a JSON object with an `event`.
pub(super) fn read(line: &str) -> Option<Said> {
    let value: Value = serde_json::from_str(line).ok()?;
    let event = value.get("event")?.as_str()?;
    Some(match event {
        "state_changed" => match text(&value, "to") {
            Some(to) => Said::State { to, error: text(&value, "error") },
            None => Said::Other,
        },
        "held" => serde_json::from_value(value).map_or(Said::Other, Said::Held),
        "released" => serde_json::from_value(value).map_or(Said::Other, Said::Released),
        "step_began" => text(&value, "title").map_or(Said::Other, Said::Step),
        "step_ended" | "ended" => failure(&value).map_or(Said::Other, Said::Fault),
        "error" => Said::Fault(text(&value, "message").or_else(|| text(&value, "error")).unwrap_or_default()),
        _ if value.get("backfill").is_some_and(Value::is_array) => Said::Glance(glance(&value)),
        _ => Said::Other,
    })
}

/// An outcome that carries what went wrong or who is in the way.
fn failure(value: &Value) -> Option<String> {
    let why = ["error", "blockers"].iter().find_map(|key| text(value, key))?;
    let title = text(value, "title").map_or_else(String::new, |title| format!("{title}: "));
    Some(format!("{title}{}: {why}", text(value, "outcome")?))
}

fn glance(value: &Value) -> Glance {
    let tables = value["backfill"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<u64> = tables.iter().filter_map(|table| table["rows_done"].as_u64()).collect();
    let rates: Vec<f64> = tables.iter().filter_map(|table| table["rows_per_second"].as_f64()).collect();
    Glance {
        state: text(value, "state"),
        rows_done: (!rows.is_empty()).then(|| rows.iter().sum()),
        rows_per_second: (!rates.is_empty()).then(|| rates.iter().sum()),
        holds: list(value, "holds"),
        current: text(value, "current"),
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn list<T: DeserializeOwned>(value: &Value, key: &str) -> Vec<T> {
    let items = value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| serde_json::from_value(item.clone()).ok()).collect()
}

/// A hold in a line a person reads: what it does, why, and what comes next.
pub(super) fn reason(hold: &Hold) -> String {
    let kind = match hold.kind {
        HoldKind::Throttle => "throttled",
        HoldKind::Pause => "paused",
    };
    let next = hold.reason.as_ref().map_or_else(String::new, |reason| format!("; {reason}"));
    format!("{kind} by {}{next}", cause(hold))
}

/// Who holds, and what was read.
pub(super) fn cause(hold: &Hold) -> String {
    let mut text = hold.by.clone();
    if let Some(subject) = &hold.subject {
        text += &format!(" of {subject}");
    }
    let unit = hold.unit.as_deref().unwrap_or_default();
    match (hold.reading, hold.threshold) {
        (Some(reading), Some(threshold)) if reading < threshold => {
            text += &format!(": {reading:.2} {unit}, not above {threshold} {unit} any more");
        }
        (Some(reading), Some(threshold)) => {
            text += &format!(": {reading:.2} {unit} (threshold {threshold} {unit})")
        }
        (None, Some(threshold)) => text += &format!(" (threshold {threshold} {unit})"),
        _ => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: &str = r#"{"kind":"pause","by":"replication_lag","subject":"standby1","reason":null,"reading":2.13,"threshold":2.0,"unit":"s","since":"2026-11-22T07:00:00Z"}"#;

    #[test]
    fn holds_are_read_and_told() {
        let line = format!(r#"{{"at":"2026-11-22T07:00:00Z","event":"held",{}"#, &HOLD[1..]);
        let Some(Said::Held(hold)) = read(&line) else { panic!("{line}") };
        assert_eq!(reason(&hold), "paused by replication_lag of standby1: 2.13 s (threshold 2 s)");
        let line = format!(
            r#"{{"at":"2026-11-22T07:00:09Z","event":"released",{},"seconds":9}}"#,
            &HOLD[1..HOLD.len() - 1]
        );
        assert_eq!(read(&line), Some(Said::Released(hold)));
    }

    #[test]
    fn a_glance_knows_rows_and_holds() {
        let line = format!(
            r#"{{"at":"2026-11-22T07:00:00Z","event":"progress","state":"backfilling","holds":[{HOLD}],
            "backfill":[{{"table":"pgbench_accounts","rows_done":420000,"rows_total":null,"rows_per_second":81000.5}}],
            "current":"fill pgbench_accounts"}}"#
        );
        let Some(Said::Glance(glance)) = read(&line) else { panic!("{line}") };
        assert_eq!((glance.rows_done, glance.rows_per_second), (Some(420_000), Some(81_000.5)));
        assert_eq!(glance.holds.len(), 1);
        let Some(Said::Glance(empty)) = read(r#"{"event":"progress","backfill":[]}"#) else { panic!() };
        assert_eq!(empty, Glance::default());
    }

    #[test]
    fn failures_are_faults_and_strange_lines_are_nothing() {
        let failed = r#"{"event":"step_ended","title":"build i","outcome":"failed","error":"ERROR 42P07: it is there","class":"permanent","blockers":null}"#;
        assert_eq!(read(failed), Some(Said::Fault("build i: failed: ERROR 42P07: it is there".to_owned())));
        assert_eq!(
            read(r#"{"event":"step_ended","outcome":"done","error":null,"blockers":null}"#),
            Some(Said::Other)
        );
        assert_eq!(read(r#"{"event":"ended","outcome":"ready","error":null}"#), Some(Said::Other));
        assert_eq!(read("warming up"), None);
        assert_eq!(read("[1]"), None);
    }
}
