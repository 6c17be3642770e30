//! Limits of a backfill on a real server: held, changed while it runs, carried over a kill, refused where they cannot be.

mod common;

use common::{At, Folder, PATIENCE, segue, spawn, status, wait_for};
use segue::sandbox::{self, Cluster, Options};
use serde_json::json;

/// Three rows to a page, so that there are runs for several workers.
const TABLE: &str = "
CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, pad text) WITH (fillfactor = 10);
INSERT INTO t SELECT n, n, repeat('x', 200) FROM generate_series(1, 12000) n;
ANALYZE t";
const ROWS: u64 = 12_000;

/// The limits of each are such that what is done until they are lifted is far from all of it.
fn plan(backfill: &str) -> String {
    format!(
        "operations:\n  - add_column: {{table: t, column: {{name: b, type: int, nullable: true}}, up: a}}\n\
         backfill: {{{backfill}}}\n"
    )
}

/// What was done, not after `since` and not before `until`, in seconds of the server's clock.
#[derive(Clone, Copy, Debug)]
struct Seen {
    done: f64,
    since: f64,
    until: f64,
}

fn seen(at: At<'_>, what: &str) -> Seen {
    let sql = format!(
        "SELECT coalesce({what}, 0), extract(epoch FROM statement_timestamp()), extract(epoch FROM clock_timestamp())
           FROM segue.backfills"
    );
    let row: Vec<f64> =
        at.query(&sql)[0].iter().map(|cell| cell.as_ref().unwrap().parse().unwrap()).collect();
    Seen { done: row[0], since: row[1], until: row[2] }
}

/// Watches until so much was done; that it took as long as the limit asks for, less a second's worth.
#[track_caller]
fn held(at: At<'_>, what: &str, per_second: f64, amount: f64) {
    let first = seen(at, what);
    wait_for("the backfill to go on", PATIENCE, || {
        let now = seen(at, what);
        let (done, allowed) = (now.done - first.done, per_second * (now.until - first.since + 1.0));
        assert!(done <= allowed, "{what}: {done} where {allowed} is allowed: {first:?} {now:?}");
        (done >= amount).then_some(())
    });
}

const DONE: &str = "sum(rows_done)";

fn filling(at: At<'_>) {
    let there = "SELECT to_regclass('segue.backfills') IS NOT NULL";
    wait_for("rows to be filled", PATIENCE, || {
        (at.is_true(there) && at.is_true("SELECT coalesce(sum(rows_done), 0) > 0 FROM segue.backfills"))
            .then_some(())
    });
}

#[track_caller]
fn all_filled(at: At<'_>) {
    assert_eq!(at.value("SELECT count(*) FROM public_plan.t WHERE b = a"), Some(ROWS.to_string()));
}

#[test]
fn a_rate_is_held_changed_and_carried_over_a_kill() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let plan = folder.file("plan.yaml", &plan("rate: 300"));
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    held(at, DONE, 300.0, 450.0);
    wait_for("the limit to be the reason", PATIENCE, || {
        let text = segue(&url, &["status"]).exits(0).stdout;
        text.contains("by nothing, but limited to 300 rows/s by the plan").then_some(())
    });

    let said = segue(&url, &["tune", "rate", "200", "--reason", "month's end"]).exits(0).stdout;
    assert!(said.contains("200 rows/s") && !said.contains("no supervisor"), "{said}");
    // The range in hand was cut for more.
    held(at, DONE, 200.0, 250.0);
    wait_for("the limit to be the reason", PATIENCE, || {
        let limits = status(&url)["rollout"]["limits"].clone();
        assert_eq!((&limits["rows_per_second"], &limits["tuned"]), (&json!(200), &json!(["rate"])));
        (limits["binding"] == "rate").then_some(())
    });

    started.kill();
    let resumed = spawn(&url, &["resume"]);
    wait_for("another supervisor", PATIENCE, || {
        let rollout = &status(&url)["rollout"];
        assert_eq!(rollout["limits"]["rows_per_second"], 200);
        (rollout["supervisor"]["alive"] == true && rollout["supervisor"]["term"] == 2).then_some(())
    });
    held(at, DONE, 200.0, 250.0);

    // With nobody there it is noted for whoever comes.
    resumed.kill();
    wait_for("the server to notice", PATIENCE, || {
        (status(&url)["rollout"]["supervisor"]["alive"] == false).then_some(())
    });
    let said = segue(&url, &["tune", "rate", "off"]).exits(0).stdout;
    assert!(said.contains("any rows/s (no supervisor is alive)"), "{said}");
    assert!(status(&url)["rollout"]["limits"]["rows_per_second"].is_null());
    segue(&url, &["resume"]).exits(0);
    all_filled(at);

    let log = segue(&url, &["log", "--json"]).exits(0).json_lines();
    let taken: Vec<_> = log.iter().filter(|line| line["kind"]["tune"].is_object()).collect();
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert_eq!(taken[0]["kind"], json!({"tune": {"rate": {"at": 200}}}));
    assert_eq!((&taken[0]["by"], &taken[0]["reason"]), (&json!("postgres"), &json!("month's end")));
    let refused = segue(&url, &["tune", "rate", "5"]).exits(4).said();
    assert!(refused.contains("no rows are being filled any more"), "{refused}");
}

#[test]
fn workers_come_and_go_within_a_step() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let plan = folder.file("plan.yaml", &plan("workers: 1, rate: 80"));
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    // Rows done of each run, while the sweep has not begun.
    let runs = || -> Vec<u64> {
        let rows = at.query("SELECT rows_done FROM segue.backfills WHERE run >= 0 AND NOT done ORDER BY run");
        rows.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect()
    };
    let begun = runs();
    assert!(begun.len() >= 3 && begun[0] > 0 && begun[1..].iter().all(|done| *done == 0), "{begun:?}");

    segue(&url, &["tune", "workers", "3"]).exits(0);
    wait_for("three runs to be under way", PATIENCE, || {
        let now = runs();
        assert!(now.len() >= 3, "a run was done before the others had begun: {now:?}");
        now.iter().all(|done| *done > 0).then_some(())
    });

    segue(&url, &["tune", "workers", "1"]).exits(0);
    wait_for("one run alone to go on", PATIENCE, || {
        let before = runs();
        let moved = wait_for("the backfill to go on", PATIENCE, || {
            let now = runs();
            assert_eq!(now.len(), before.len(), "a run was done with three workers at it");
            let moved = now.iter().zip(&before).map(|(now, before)| now - before);
            let moved: Vec<u64> = moved.filter(|rows| *rows > 0).collect();
            (moved.iter().sum::<u64>() > 80).then_some(moved)
        });
        (moved.len() == 1).then_some(())
    });

    segue(&url, &["tune", "workers", "4"]).exits(0);
    segue(&url, &["tune", "rate", "off"]).exits(0);
    started.outcome().exits(0);
    all_filled(at);
    let step = "SELECT count(*) FROM segue.records WHERE kind = 'step_ended' AND body->>'step' =
                 (SELECT min(step)::text FROM segue.backfills)";
    assert_eq!(at.value(step).as_deref(), Some("1"));
    // A run that was given back was gone on with, not begun anew.
    assert!(at.is_true("SELECT sum(rows_done) = 12000 FROM segue.backfills"));
}

#[test]
fn wal_is_held_and_slices_and_rests_are_as_asked_for() {
    // Its own server: the log counts what everybody writes.
    let cluster = Cluster::start(&Options::test()).unwrap();
    let at = At { cluster: &cluster, name: "postgres" };
    let (url, folder) = (at.url(), Folder::new());
    at.query(TABLE);
    at.query("CHECKPOINT");
    let plan = folder.file("plan.yaml", &plan("wal: 100kB, rest: 10%"));
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    // With what the journal, the lease and the monitor write.
    let written = "max(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'))";
    held(at, written, 0.3e6, 0.4e6);

    at.query("INSERT INTO segue.commands (kind, args) VALUES ('tune', '{\"slice\": \"5ms\", \"rate\": 60, \"wal\": \"off\", \"rest\": \"90%\"}')");
    wait_for("the answer", PATIENCE, || {
        at.is_true("SELECT outcome = 'done' FROM segue.commands ORDER BY id DESC LIMIT 1").then_some(())
    });
    let limits = status(&url)["rollout"]["limits"].clone();
    assert_eq!((&limits["slice_seconds"], &limits["rest"]), (&json!(0.005), &json!(0.9)));
    assert_eq!(
        (&limits["wal_bytes_per_second"], &limits["tuned"]),
        (&json!(null), &json!(["slice", "rate", "wal", "rest"]))
    );
    wait_for("the rest to be the reason", PATIENCE, || {
        let text = segue(&url, &["status"]).exits(0).stdout;
        text.contains("90 % of the time at rest by the operator").then_some(())
    });
    segue(&url, &["tune", "rest", "0%"]).exits(0);
    segue(&url, &["tune", "rate", "off"]).exits(0);
    started.outcome().exits(0);
    all_filled(at);
    assert_eq!(status(&url)["rollout"]["backfill"][0]["rows_done"], ROWS);
}

#[test]
fn what_cannot_be_is_refused_with_what_can() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    let none = segue(&url, &["tune", "rate", "100"]).exits(4).said();
    assert!(none.contains("there is nothing to tune"), "{none}");
    at.query(TABLE);
    let plan = folder.file("plan.yaml", &plan("rate: 50"));
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    for (limit, value, possible) in [
        ("rate", "0", "from 1 to 1000000000, or `off`"),
        ("workers", "65", "from 1 to 64"),
        ("slice", "0ms", "from 1ms to 60s"),
        ("wal", "8", "such as `8MB`"),
        ("rest", "100%", "from `0%` to `95%`"),
        ("speed", "9", "slice, workers, rate, wal, rest"),
    ] {
        let said = segue(&url, &["tune", limit, value]).exits(2).said();
        assert!(said.contains(possible), "{said}");
    }
    at.query(
        "INSERT INTO segue.commands (kind, args) VALUES ('tune', '{\"rest\": \"50%\", \"rate\": \"fast\"}')",
    );
    let outcome = wait_for("the answer", PATIENCE, || {
        at.value("SELECT outcome FROM segue.commands ORDER BY id DESC LIMIT 1")
    });
    assert!(outcome.contains("must be a whole number of rows a second"), "{outcome}");
    // All of it, or nothing.
    let limits = status(&url)["rollout"]["limits"].clone();
    assert_eq!((&limits["rest"], &limits["rows_per_second"]), (&json!(0.0), &json!(50)));
    assert!(at.is_true(
        "SELECT body->>'refused' LIKE '%`rate` must be%' FROM segue.records WHERE kind = 'command_taken'"
    ));
    segue(&url, &["tune", "rate", "off"]).exits(0);
    started.outcome().exits(0);
    all_filled(at);
}

/// What holds it, by whom and at which threshold.
fn held_by(url: &str, guard: &str) -> Option<serde_json::Value> {
    let holds = status(url)["rollout"]["holds"].as_array().cloned().unwrap_or_default();
    holds.into_iter().find(|hold| hold["by"] == guard && hold["kind"] == "pause")
}

#[test]
fn a_guard_is_moved_and_a_limit_changed_for_a_while() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let guards = "guards: {probes: [{name: busy, sql: \"SELECT 150\", pause: 100}]}\n";
    let plan = folder.file("plan.yaml", &(plan("rate: 100") + guards));
    let started = spawn(&url, &["start", &plan]);
    wait_for("the probe to hold it", PATIENCE, || {
        held_by(&url, "busy").filter(|hold| hold["threshold"] == 100.0)
    });

    for (wrong, why) in [
        (vec!["guard", "busy", "pause"], "such as `segue tune guard"),
        (vec!["guard", "busy", "rollback", "9"], "such as `segue tune guard"),
        (vec!["guard", "buzy", "pause", "9"], "there is no signal \"buzy\""),
        (
            vec!["guard", "busy", "pause", "9s"],
            "must be a number from 0, a multiple of the baseline such as `2x` or `2x + 4`, or `off`",
        ),
        (vec!["rate", "9", "9"], "takes one value"),
    ] {
        let said = segue(&url, &[vec!["tune"], wrong].concat()).exits(2).said();
        assert!(said.contains(why), "{said}");
    }
    let tune = ["tune", "guard", "busy", "pause", "500", "--for", "1h", "--reason", "a known peak"];
    let said = segue(&url, &tune).exits(0).stdout;
    assert!(said.contains("busy pauses at 500 for 1 h"), "{said}");
    filling(at);
    let exception = status(&url)["rollout"]["exceptions"][0].clone();
    assert_eq!(
        (&exception["threshold"]["at"], &exception["reason"]),
        (&json!(500.0), &json!("a known peak"))
    );
    let text = segue(&url, &["status"]).exits(0).stdout;
    assert!(text.contains("busy pauses at 500 until"), "{text}");

    // The newest word counts, and falls back by itself.
    segue(&url, &["tune", "guard", "busy", "pause", "600", "--for", "1s"]).exits(0);
    wait_for("the probe to hold it again", PATIENCE, || {
        held_by(&url, "busy").filter(|hold| hold["threshold"] == 100.0)
    });
    assert_eq!(status(&url)["rollout"]["exceptions"], json!([]));

    segue(&url, &["tune", "rate", "50", "--for", "1h"]).exits(0);
    let limits = status(&url)["rollout"]["limits"].clone();
    assert_eq!((&limits["rows_per_second"], &limits["tuned"]), (&json!(50), &json!(["rate"])));
    at.query("INSERT INTO segue.commands (kind, args) VALUES ('tune', '{\"rate\": 60, \"for\": \"1s\"}')");
    wait_for("the plan's rate again", PATIENCE, || {
        let limits = status(&url)["rollout"]["limits"].clone();
        (limits["rows_per_second"] == 100 && limits["tuned"] == json!([])).then_some(())
    });

    // For good, in SQL.
    at.query(
        "INSERT INTO segue.commands (kind, args)
         VALUES ('tune', '{\"guard\": {\"signal\": \"busy\", \"pause\": \"off\"}}'), ('tune', '{\"rate\": \"off\"}')",
    );
    started.outcome().exits(0);
    all_filled(at);
    assert_eq!(status(&url)["rollout"]["thresholds"][0]["at"], json!(null));
    let log = segue(&url, &["log", "--json"]).exits(0).json_lines();
    let ended: Vec<_> =
        log.iter().filter(|line| line["what"].is_object()).map(|line| &line["what"]).collect();
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert_eq!((&ended[0]["threshold"]["at"], &ended[1]["limit"]["rate"]["at"]), (&json!(600.0), &json!(60)));
    let moved: Vec<_> = log.iter().filter(|line| line["kind"]["tune_guard"].is_object()).collect();
    assert_eq!((moved.len(), &moved[0]["reason"]), (3, &json!("a known peak")));
}
