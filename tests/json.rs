//! The shapes that scripts hold on to: `segue status --json` and the JSON lines of a running command, as CONTRACT.md has them.

mod common;

use common::{At, Folder, Gate, segue, status, wait_for};
use segue::sandbox;
use serde_json::Value;

const PLAN: &str = "
description: widen
operations:
  - alter_column: {table: t, column: a, type: bigint, up: slow(a), down: a}
";

const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer);
INSERT INTO t SELECT n, n FROM generate_series(1, 3000) n;
CREATE FUNCTION slow(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN $1; END';
";

/// What a value has to be.
enum Is {
    Text,
    Number,
    Whole,
    Bool,
    Time,
    Null,
    OneOf(&'static [&'static str]),
    Object(&'static [(&'static str, Is)]),
    /// An object with these keys and some of those.
    With(&'static [(&'static str, Is)], &'static [(&'static str, Is)]),
    List(&'static Is),
    Or(&'static Is, &'static Is),
}

const STATES: Is = Is::OneOf(&[
    "expanding",
    "backfilling",
    "ready",
    "contracting",
    "completed",
    "rolling_back",
    "rolled_back",
    "failed",
]);

const HOLD: Is = Is::With(
    &[("kind", Is::OneOf(&["pause", "throttle"])), ("by", Is::Text), ("since", Is::Time)],
    &[
        ("subject", Is::Or(&Is::Text, &Is::Null)),
        ("reason", Is::Or(&Is::Text, &Is::Null)),
        ("reading", Is::Or(&Is::Number, &Is::Null)),
        ("threshold", Is::Or(&Is::Number, &Is::Null)),
        ("unit", Is::Or(&Is::Text, &Is::Null)),
        ("until", Is::Or(&Is::Time, &Is::Null)),
        ("culprit", Is::Or(&Is::Text, &Is::Null)),
    ],
);

const BACKFILL: Is = Is::Object(&[
    ("table", Is::Text),
    ("rows_done", Is::Whole),
    ("rows_total", Is::Or(&Is::Whole, &Is::Null)),
    ("rows_total_is", Is::OneOf(&["estimate", "exact", "unknown"])),
    ("fraction", Is::Or(&Is::Number, &Is::Null)),
    ("rows_per_second", Is::Or(&Is::Number, &Is::Null)),
    ("eta_seconds", Is::Or(&Is::Number, &Is::Null)),
    // Added to it.
    ("stage", Is::OneOf(&["filling", "sweeping", "done"])),
    ("blocks_done", Is::Whole),
    ("blocks_total", Is::Whole),
    ("dead_rows", Is::Or(&Is::Whole, &Is::Null)),
    ("table_bytes", Is::Or(&Is::Whole, &Is::Null)),
    ("table_bytes_before", Is::Or(&Is::Whole, &Is::Null)),
    ("table_growth", Is::Or(&Is::Number, &Is::Null)),
    ("index_bytes", Is::Or(&Is::Whole, &Is::Null)),
    ("index_bytes_before", Is::Or(&Is::Whole, &Is::Null)),
    ("index_growth", Is::Or(&Is::Number, &Is::Null)),
    ("wal_bytes", Is::Or(&Is::Whole, &Is::Null)),
    ("wal_bytes_is", Is::OneOf(&["server"])),
]);

const LIMITS: Is = Is::Object(&[
    ("slice_seconds", Is::Number),
    ("workers", Is::Whole),
    ("rows_per_second", Is::Or(&Is::Whole, &Is::Null)),
    ("wal_bytes_per_second", Is::Or(&Is::Whole, &Is::Null)),
    ("rest", Is::Number),
    ("tuned", Is::List(&Is::Text)),
    ("binding", Is::Or(&Is::OneOf(&["slice", "workers", "rate", "wal", "rest"]), &Is::Null)),
]);

const EXCEPTION_OVERRIDE: Is = Is::Object(&[
    ("override", Is::Text),
    ("until", Is::Time),
    ("by", Is::Text),
    ("reason", Is::Or(&Is::Text, &Is::Null)),
]);
const EXCEPTION_DRILL: Is = Is::Object(&[
    ("drill", Is::OneOf(&["pause", "lag", "blind"])),
    ("until", Is::Time),
    ("by", Is::Text),
    ("reason", Is::Or(&Is::Text, &Is::Null)),
]);
const CAP: Is = Is::Or(&Is::Text, &Is::Object(&[("at", Is::Whole)]));
const EXCEPTION_LIMIT: Is = Is::Object(&[
    (
        "limit",
        Is::With(
            &[],
            &[
                ("slice_time", Is::Object(&[("secs", Is::Whole), ("nanos", Is::Whole)])),
                ("workers", Is::Whole),
                ("rate", CAP),
                ("wal", CAP),
                ("rest", Is::Whole),
            ],
        ),
    ),
    ("until", Is::Time),
    ("by", Is::Text),
    ("reason", Is::Or(&Is::Text, &Is::Null)),
]);
const THRESHOLD: Is = Is::Object(&[
    ("signal", Is::Text),
    ("level", Is::OneOf(&["throttle", "pause"])),
    ("at", Is::Or(&Is::Number, &Is::Null)),
    (
        "of",
        Is::Or(
            &Is::OneOf(&["itself", "limit"]),
            &Is::Object(&[("baseline", Is::Object(&[("plus", Is::Number)]))]),
        ),
    ),
    ("unit", Is::Text),
]);
const EXCEPTION_THRESHOLD: Is = Is::Object(&[
    ("threshold", THRESHOLD),
    ("until", Is::Time),
    ("by", Is::Text),
    ("reason", Is::Or(&Is::Text, &Is::Null)),
]);
const EXCEPTION: Is =
    Is::Or(&Is::Or(&EXCEPTION_OVERRIDE, &EXCEPTION_DRILL), &Is::Or(&EXCEPTION_LIMIT, &EXCEPTION_THRESHOLD));
const ROLLOUT: Is = Is::Object(&[
    ("plan", Is::Text),
    ("schema", Is::Text),
    ("id", Is::Whole),
    ("state", STATES),
    ("version_schema", Is::Text),
    ("previous_version_schema", Is::Or(&Is::Text, &Is::Null)),
    ("holds", Is::List(&HOLD)),
    (
        "supervisor",
        Is::Or(
            &Is::Object(&[
                ("holder", Is::Text),
                ("term", Is::Whole),
                ("alive", Is::Bool),
                ("expires", Is::Time),
            ]),
            &Is::Null,
        ),
    ),
    ("backfill", Is::List(&BACKFILL)),
    ("limits", LIMITS),
    (
        "contract_hold",
        Is::Or(&Is::Object(&[("by", Is::Text), ("reason", Is::Text), ("since", Is::Time)]), &Is::Null),
    ),
    ("accepted_blind", Is::List(&Is::Text)),
    ("ignored_standbys", Is::List(&Is::Object(&[("name", Is::Text), ("until", Is::Time)]))),
    ("exceptions", Is::List(&EXCEPTION)),
    ("thresholds", Is::List(&THRESHOLD)),
    (
        "steps",
        Is::Object(&[("done", Is::Whole), ("total", Is::Whole), ("current", Is::Or(&Is::Text, &Is::Null))]),
    ),
    ("started_at", Is::Time),
    ("ended_at", Is::Or(&Is::Time, &Is::Null)),
    ("error", Is::Or(&Is::Text, &Is::Null)),
]);

const SIGNAL: Is = Is::With(
    &[
        ("name", Is::Text),
        ("reading", Is::Or(&Is::Number, &Is::Null)),
        ("unit", Is::Text),
        ("state", Is::OneOf(&["fresh", "stale", "blind", "not_applicable"])),
        ("at", Is::Time),
    ],
    &[
        ("subject", Is::Or(&Is::Text, &Is::Null)),
        ("limit", Is::Or(&Is::Number, &Is::Null)),
        ("baseline", Is::Or(&Is::Number, &Is::Null)),
        ("detail", Is::Or(&Is::Text, &Is::Null)),
    ],
);

const VERSION: Is =
    Is::With(&[("schema", Is::Text), ("role", Is::OneOf(&["previous", "new"]))], &[("published", Is::Bool)]);

const STATUS: Is = Is::Object(&[
    ("rollout", Is::Or(&ROLLOUT, &Is::Null)),
    ("signals", Is::List(&SIGNAL)),
    ("versions", Is::List(&VERSION)),
]);

impl Is {
    fn check(&self, value: &Value, path: &str) -> Result<(), String> {
        let fits = match self {
            Is::Text => value.is_string(),
            Is::Number => value.is_number(),
            Is::Whole => value.is_u64() || value.is_i64(),
            Is::Bool => value.is_boolean(),
            Is::Null => value.is_null(),
            Is::Time => value
                .as_str()
                .is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()),
            Is::OneOf(names) => value.as_str().is_some_and(|text| names.contains(&text)),
            Is::Object(fields) => return object(value, fields, &[], path),
            Is::With(fields, more) => return object(value, fields, more, path),
            Is::List(of) => {
                let list = value.as_array().ok_or_else(|| format!("{path} is no list: {value}"))?;
                return list
                    .iter()
                    .enumerate()
                    .try_for_each(|(n, item)| of.check(item, &format!("{path}[{n}]")));
            }
            Is::Or(one, Is::Null) if !value.is_null() => return one.check(value, path),
            Is::Or(one, other) => return one.check(value, path).or_else(|_| other.check(value, path)),
        };
        if fits { Ok(()) } else { Err(format!("{path} is {value}")) }
    }
}

fn object(value: &Value, fields: &[(&str, Is)], more: &[(&str, Is)], path: &str) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{path} is no object: {value}"))?;
    for (name, is) in fields {
        let value = object.get(*name).ok_or_else(|| format!("{path} has no {name}: {value}"))?;
        is.check(value, &format!("{path}.{name}"))?;
    }
    for (name, is) in more {
        if let Some(value) = object.get(*name) {
            is.check(value, &format!("{path}.{name}"))?;
        }
    }
    let known = |name: &str| fields.iter().chain(more).any(|(field, _)| *field == name);
    match object.keys().find(|name| !known(name)) {
        // Adding is fine, but the contract has to say it.
        Some(name) => Err(format!("{path}.{name} is not in the contract")),
        None => Ok(()),
    }
}

#[track_caller]
fn fits(status: &Value) {
    if let Err(fault) = STATUS.check(status, "status") {
        panic!("{fault}\nin {status:#}");
    }
}

#[test]
fn status_has_the_contracts_shape_in_every_state() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let none = status(&url);
    fits(&none);
    assert!(none["rollout"].is_null());

    let plan = folder.file("20261122_widen.yaml", PLAN);
    let gate = Gate::closed(&folder);
    let mut running = gate.spawn(&url, &["start", &plan, "--json"]);
    let filling = wait_for("rows to be filled", common::PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let status = status(&url);
        fits(&status);
        let done = status["rollout"]["backfill"][0]["rows_done"].as_u64().unwrap_or(0);
        (status["rollout"]["state"] == "backfilling" && done > 0).then_some(status)
    });
    let rollout = &filling["rollout"];
    assert_eq!(rollout["plan"], "20261122_widen");
    assert_eq!(rollout["schema"], "public");
    assert_eq!(rollout["version_schema"], "public_20261122_widen");
    assert!(rollout["previous_version_schema"].is_null());
    assert_eq!(rollout["supervisor"]["alive"], true);
    assert!(
        rollout["supervisor"]["holder"].as_str().unwrap().ends_with(&format!(":{}", running.pid())),
        "{rollout:#}"
    );
    assert!(rollout["ended_at"].is_null());
    assert_eq!(rollout["backfill"][0]["table"], "t");
    assert!(rollout["steps"]["total"].as_u64() > rollout["steps"]["done"].as_u64());
    let published = |status: &Value| {
        status["versions"].as_array().unwrap().iter().find(|v| v["role"] == "new").unwrap()["published"]
            .clone()
    };
    assert_eq!(published(&filling), false);

    segue(&url, &["pause", "--reason", "deploy freeze"]).exits(0);
    let paused = status(&url);
    fits(&paused);
    let hold =
        paused["rollout"]["holds"].as_array().unwrap().iter().find(|hold| hold["by"] == "operator").unwrap();
    assert_eq!((hold["kind"].as_str(), hold["reason"].as_str()), (Some("pause"), Some("deploy freeze")));
    segue(&url, &["resume"]).exits(0);
    gate.open();

    let lines = running.outcome().exits(0).json_lines();
    assert!(lines.len() > 3, "{lines:?}");
    for line in &lines {
        assert!(Is::Time.check(&line["at"], "at").is_ok(), "{line}");
        assert!(line["event"].as_str().is_some_and(|event| !event.is_empty()), "{line}");
    }
    let mut times: Vec<&str> = lines.iter().map(|line| line["at"].as_str().unwrap()).collect();
    let told: Vec<jiff::Timestamp> = times.drain(..).map(|time| time.parse().unwrap()).collect();
    assert!(told.is_sorted(), "{told:?}");

    let ready = status(&url);
    fits(&ready);
    assert_eq!(ready["rollout"]["state"], "ready");
    assert_eq!(published(&ready), true);
    let checked = segue(&url, &["check", &plan, "--json"]).exits(0);
    assert_eq!(checked.json_lines()[0]["plans"][0]["result"], "is under way: it is ready");
    let table = &ready["rollout"]["backfill"][0];
    assert_eq!((table["rows_done"].as_u64(), table["fraction"].as_f64()), (Some(3000), Some(1.0)));

    for line in segue(&url, &["complete", "--json"]).exits(0).json_lines() {
        assert!(line["at"].is_string() && line["event"].is_string(), "{line}");
    }
    let completed = status(&url);
    fits(&completed);
    assert_eq!(completed["rollout"]["state"], "completed");
    assert!(completed["rollout"]["ended_at"].is_string());
    assert_eq!(completed["rollout"]["steps"]["done"], completed["rollout"]["steps"]["total"]);

    let plan =
        folder.file("20261123_next.yaml", "operations:\n  - rename_column: {table: t, from: a, to: b}\n");
    segue(&url, &["start", &plan]).exits(0);
    let next = status(&url);
    fits(&next);
    assert_eq!(next["rollout"]["previous_version_schema"], "public_20261122_widen");
    assert_eq!(next["versions"].as_array().unwrap().len(), 2, "{next:#}");
    segue(&url, &["rollback", "--json"]).exits(0).json_lines();
    let back = status(&url);
    fits(&back);
    assert_eq!(back["rollout"]["state"], "rolled_back");
}

#[test]
fn faults_come_as_json_too() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let plan = folder.file("p.yaml", "operations:\n  - drop_table: {name: nothing}\n");
    let outcome = segue(&At::of(&database).url(), &["check", &plan, "--json"]).exits(3);
    let said = outcome.json_lines();
    assert!(said.iter().any(|line| line.to_string().contains("compile.table_missing")), "{outcome}");
    let outcome =
        segue(&At::of(&database).url(), &["check", &plan, "--schema", "nowhere", "--json"]).exits(3);
    assert_eq!(outcome.json_lines()[0]["plans"][0]["diagnostics"][0]["code"], "compile.schema_missing");
    let outcome = segue(&At::of(&database).url(), &["start", &plan, "--slice-time", "0ms"]).exits(2);
    assert!(outcome.said().contains("from 1ms to 60s"), "{outcome}");
}
