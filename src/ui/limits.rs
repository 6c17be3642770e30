//! Owns how the limits of a backfill are put into words. Must not know how one is held.

use super::human;
use crate::control::status::Limits;
use crate::control::thresholds::{Level, Moved};
use crate::control::tuning::Change;
use crate::plan::limits::Limit;
use crate::plan::settings::Of;
use serde_json::{Value, json};

fn slice(seconds: f64) -> String {
    format!("slices of {}", human::seconds(seconds))
}

fn workers(number: u32) -> String {
    format!("{number} worker{}", if number == 1 { "" } else { "s" })
}

fn rate(rows: Option<u64>) -> String {
    rows.map_or_else(|| "any rows/s".to_owned(), |rows| human::rows_per_second(rows as f64))
}

fn wal(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "any WAL/s".to_owned(), |bytes| format!("{}/s of WAL", human::bytes(bytes as f64)))
}

fn rest(percent: u32) -> String {
    if percent == 0 { "no rest".to_owned() } else { format!("{percent} % of the time at rest") }
}

/// `20,000 rows/s, 3 workers`.
pub fn change(change: &Change) -> String {
    let said = [
        change.slice_time.map(|time| slice(time.as_secs_f64())),
        change.workers.map(workers),
        change.rate.map(|cap| rate(cap.value())),
        change.wal.map(|cap| wal(cap.value())),
        change.rest.map(rest),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `checkout pauses at 800`.
pub fn threshold(moved: &Moved) -> String {
    let acts = match moved.level {
        Level::Throttle => "throttles",
        Level::Pause => "pauses",
    };
    let at = match (moved.at, moved.of) {
        (None, _) => return format!("{} {acts} nothing", moved.signal),
        (Some(at), Of::Itself) => human::value(at, &moved.unit),
        (Some(at), Of::Baseline { plus }) => {
            let more =
                if plus > 0.0 { format!(" and {}", human::value(plus, &moved.unit)) } else { String::new() };
            format!("{at} times the baseline{more}")
        }
        (Some(at), Of::Limit) => format!("{} % of what the server allows", at * 100.0),
    };
    format!("{} {acts} at {at}", moved.signal)
}

/// For scripts, with the names and units of a status; what is not changed is left out, what is lifted is null.
pub fn json(change: &Change) -> Value {
    let said = [
        ("slice_seconds", change.slice_time.map(|time| json!(time.as_secs_f64()))),
        ("workers", change.workers.map(|number| json!(number))),
        ("rows_per_second", change.rate.map(|cap| json!(cap.value()))),
        ("wal_bytes_per_second", change.wal.map(|cap| json!(cap.value()))),
        ("rest", change.rest.map(|percent| json!(f64::from(percent) / 100.0))),
    ];
    said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn one(limits: &Limits, limit: Limit) -> String {
    match limit {
        Limit::Slice => slice(limits.slice_seconds),
        Limit::Workers => workers(limits.workers),
        Limit::Rate => rate(limits.rows_per_second),
        Limit::Wal => wal(limits.wal_bytes_per_second),
        Limit::Rest => rest((limits.rest * 100.0).round() as u32),
    }
}

/// What somebody set, and who; empty where nobody did. Every rollout has a slice time and workers, so they are news only where an operator
/// changed them.
pub fn set(limits: &Limits) -> String {
    let is_set = |limit: &Limit| match limit {
        Limit::Slice | Limit::Workers => limits.tuned.contains(limit),
        Limit::Rate => limits.rows_per_second.is_some(),
        Limit::Wal => limits.wal_bytes_per_second.is_some(),
        Limit::Rest => limits.rest > 0.0,
    };
    let said = [true, false].into_iter().filter_map(|tuned| {
        let of =
            Limit::ALL.into_iter().filter(|limit| is_set(limit) && limits.tuned.contains(limit) == tuned);
        let all: Vec<String> = of.map(|limit| one(limits, limit)).collect();
        (!all.is_empty()).then(|| format!("{} by {}", all.join(", "), who(tuned)))
    });
    said.collect::<Vec<_>>().join("; ")
}

/// The limit that keeps it from being faster, and whose it is.
pub fn binding(limits: &Limits) -> Option<String> {
    let limit = limits.binding?;
    Some(format!("{} by {}", one(limits, limit), who(limits.tuned.contains(&limit))))
}

fn who(tuned: bool) -> &'static str {
    if tuned { "the operator" } else { "the plan" }
}
