//! What operators hold, lift and accept, on real servers: pauses that end, a held contract, a standby given up for a
//! while, signals that cannot be read, and the monitor's test of itself.

mod common;

use common::{At, Folder, PATIENCE, segue, spawn, spawn_with, status, wait_for};
use nix::sys::signal::Signal;
use segue::sandbox::{self, Options, Pair, Shutdown};
use serde_json::{Value, json};

/// Three rows to a page, so that there are many checkpoints.
const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, pad text) WITH (fillfactor = 10);
    INSERT INTO t SELECT n, n, repeat('x', 200) FROM generate_series(1, 10000) n; ANALYZE t";
/// Takes long enough for all of a test, on a slow machine too, unless its rate is lifted.
const SLOW: &str = "operations:
  - add_column: {table: t, column: {name: b, type: int, nullable: true}, up: a}
backfill: {rate: 100}
";

fn rows_done(at: At<'_>) -> u64 {
    let there = "SELECT to_regclass('segue.backfills') IS NOT NULL";
    let sum = || at.value("SELECT coalesce(sum(rows_done), 0) FROM segue.backfills").unwrap();
    if at.is_true(there) { sum().parse().unwrap() } else { 0 }
}

fn filling(at: At<'_>) {
    wait_for("rows to be filled", PATIENCE, || (rows_done(at) > 0).then_some(()));
}

fn goes_on(at: At<'_>) {
    let before = rows_done(at);
    wait_for("the backfill to go on", PATIENCE, || (rows_done(at) > before).then_some(()));
}

fn lift_rate(url: &str) {
    segue(url, &["tune", "rate", "off"]).exits(0);
}

fn holds(url: &str) -> Vec<Value> {
    status(url)["rollout"]["holds"].as_array().unwrap().clone()
}

fn events(url: &str, event: &str) -> Vec<Value> {
    let log = segue(url, &["log", "--json"]).exits(0).json_lines();
    log.into_iter().filter(|line| line["event"] == event).collect()
}

#[track_caller]
fn all_filled(at: At<'_>) {
    assert_eq!(at.value("SELECT count(*) FROM public_plan.t WHERE b = a").as_deref(), Some("10000"));
}

/// From now on, in this database, nobody is ever said to wait for anybody.
const LIE: &str = "SET allow_system_table_mods = on;
    CREATE OR REPLACE FUNCTION pg_catalog.pg_blocking_pids(integer) RETURNS integer[] LANGUAGE sql
        AS 'SELECT ''{}''::pg_catalog.int4[]'";

#[test]
fn a_monitor_that_misses_the_wait_it_made_is_blind() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    at.query(LIE);
    let plan = folder.file("plan.yaml", SLOW);
    let refused = segue(&url, &["start", &plan]).exits(4).said();
    assert!(refused.contains("lock_wait: the self-test of the lock signals failed"), "{refused}");
    assert!(refused.contains("one session waits for Segue, and 0 are seen"), "{refused}");
    assert!(refused.contains("--accept-blind"), "{refused}");
    assert!(status(&url)["rollout"].is_null());
    // Naming another one does not help, nor does one that is none.
    segue(&url, &["start", &plan, "--accept-blind", "replication_lag"]).exits(4);
    let unknown = segue(&url, &["start", &plan, "--accept-blind", "locks"]).exits(2).said();
    assert!(unknown.contains("there are: replication_lag, lock_wait"), "{unknown}");

    let started = spawn(&url, &["start", &plan, "--accept-blind", "lock_wait"]);
    filling(at);
    goes_on(at);
    // A rate is known from the second look on; until then it is blind too, and rightly.
    let blind = |signal: &Value| signal["state"] == "blind";
    let seen = wait_for("looks enough to know all but the locks", PATIENCE, || {
        let seen = status(&url);
        let signals = seen["signals"].as_array().unwrap();
        let tested = signals.iter().find(|s| s["name"] == "lock_wait")?["detail"].as_str()?;
        let known = signals
            .iter()
            .all(|s| ["lock_wait", "lock_victims"].contains(&s["name"].as_str().unwrap()) == blind(s));
        // What one of the others held while it was blind goes a few seconds after.
        let free = seen["rollout"]["holds"] == json!([]);
        (tested.contains("self-test") && known && free).then_some(seen)
    });
    assert_eq!(seen["rollout"]["accepted_blind"], json!(["lock_wait"]));
    for signal in seen["signals"].as_array().unwrap() {
        assert!(!blind(signal) || signal["reading"].is_null(), "{signal}");
    }
    let text = segue(&url, &["status"]).exits(0).stdout;
    assert!(text.contains("locks blind") && text.contains("lock_wait: blind holds nothing"), "{text}");
    assert_eq!(events(&url, "blind_accepted")[0]["signals"], json!(["lock_wait"]));
    assert!(at.is_true("SELECT policy->'accepted_blind' = '[\"lock_wait\"]' FROM segue.rollouts"));
    // Whoever takes over goes by the same word.
    started.kill();
    let resumed = spawn(&url, &["resume"]);
    goes_on(at);
    lift_rate(&url);
    resumed.outcome().exits(0);
    all_filled(at);
}

#[test]
fn a_signal_that_goes_blind_is_accepted_by_resume() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let plan = folder.file("plan.yaml", SLOW);
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    started.signal(Signal::SIGINT);
    started.outcome().exits(5);
    at.query(LIE);
    segue(&url, &["resume", "--accept-blind", "locks"]).exits(2);
    let resumed = spawn(&url, &["resume"]);
    wait_for("the pause", PATIENCE, || {
        let held = holds(&url);
        let reason = held.iter().find(|hold| hold["by"] == "lock_wait")?["reason"].as_str()?.to_owned();
        reason.contains("the self-test of the lock signals failed").then_some(())
    });
    segue(&url, &["resume", "--accept-blind", "lock_wait"]).exits(0);
    goes_on(at);
    lift_rate(&url);
    resumed.outcome().exits(0);
    all_filled(at);
    let taken = events(&url, "command_taken");
    assert!(
        taken.iter().any(|line| line["kind"] == json!({"accept_blind": {"signals": ["lock_wait"]}})),
        "{taken:?}"
    );
}

#[test]
fn a_pause_with_an_end_lifts_itself_over_a_restart_too() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let plan = folder.file("plan.yaml", SLOW);
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    // Long, to be looked at.
    let said = segue(&url, &["pause", "--for", "1h", "--reason", "deploy"]).exits(0).stdout;
    assert!(said.contains("paused for 1 h"), "{said}");
    let held = holds(&url);
    assert_eq!((held.len(), &held[0]["by"], &held[0]["reason"]), (1, &json!("operator"), &json!("deploy")));
    assert!(held[0]["until"].is_string(), "{held:?}");
    let text = segue(&url, &["status"]).exits(0).stdout;
    assert!(
        text.contains("paused by the operator: deploy; until ") && text.contains("lifts itself"),
        "{text}"
    );
    segue(&url, &["resume"]).exits(0);
    goes_on(at);
    // Short, and nobody lifts it.
    segue(&url, &["pause", "--for", "2s"]).exits(0);
    wait_for("the pause to end", PATIENCE, || holds(&url).is_empty().then_some(()));
    goes_on(at);
    lasted_until_its_end(at);
    assert!(at.is_true("SELECT count(*) = 1 FROM segue.commands WHERE kind = 'resume'"));

    // A person's own has no end, and is given none.
    segue(&url, &["pause"]).exits(0);
    let refused = segue(&url, &["pause", "--for", "1s"]).exits(4).said();
    assert!(refused.contains("that pause is not given an end"), "{refused}");
    at.query("INSERT INTO segue.commands (kind, args) VALUES ('pause', '{\"for\": \"soon\"}')");
    let fault = wait_for("the answer", PATIENCE, || {
        at.value("SELECT outcome FROM segue.commands ORDER BY id DESC LIMIT 1")
    });
    assert!(fault.contains("`for` must be a duration such as `30m`"), "{fault}");
    segue(&url, &["resume"]).exits(0);
    goes_on(at);

    segue(&url, &["pause", "--for", "1h"]).exits(0);
    started.kill();
    lift_rate(&url);
    assert!(holds(&url)[0]["until"].is_string());
    // Another one, which nobody lifts: whoever comes goes on by itself once the time is over.
    at.query(
        "INSERT INTO segue.commands (kind, args) VALUES ('resume', '{}'), ('pause', '{\"for\": \"2s\"}')",
    );
    segue(&url, &["complete"]).exits(0);
    all_filled(at);
    lasted_until_its_end(at);
    segue(&url, &["pause", "--for", "0s"]).exits(2);
}

/// The operator's last pause: neither shorter than was asked for nor lifted by somebody.
#[track_caller]
fn lasted_until_its_end(at: At<'_>) {
    let last = |kind: &str| {
        format!(
            "(SELECT max(seq) FROM segue.records WHERE kind = '{kind}' AND body->'hold'->>'by' = 'operator')"
        )
    };
    let lasted = format!(
        "SELECT r.seq > h.seq AND r.at >= (h.body->'hold'->>'until')::timestamptz - interval '100 ms'
           FROM segue.records h, segue.records r WHERE h.seq = {} AND r.seq = {}",
        last("held"),
        last("released")
    );
    assert!(at.is_true(&lasted));
}

#[test]
fn a_held_contract_is_refused_from_everywhere_and_names_who_and_why() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let plan = folder.file("plan.yaml", SLOW);
    segue(&url, &["hold-contract", "--reason", "audit"]).exits(4);
    segue(&url, &["hold-contract"]).exits(2);
    let started = spawn(&url, &["start", &plan, "--complete"]);
    filling(at);
    at.query("INSERT INTO segue.commands (kind) VALUES ('hold_contract')");
    let answer = || {
        wait_for("the answer", PATIENCE, || {
            at.value("SELECT outcome FROM segue.commands ORDER BY id DESC LIMIT 1")
        })
    };
    assert!(answer().contains("needs a reason"));
    at.query("INSERT INTO segue.commands (kind, reason) VALUES ('hold_contract', 'audit until noon')");
    assert_eq!(answer(), "done");
    const WHY: &str = "postgres holds the contract: audit until noon";
    let again = segue(&url, &["hold-contract", "--reason", "mine"]).exits(4).said();
    assert!(again.contains(WHY), "{again}");
    // Asked of a live supervisor, and at the end of a run that was to complete.
    let asked = segue(&url, &["complete"]).exits(4).said();
    assert!(asked.contains(WHY), "{asked}");
    lift_rate(&url);
    let ended = started.outcome().exits(4).said();
    assert!(ended.contains(WHY), "{ended}");
    all_filled(at);
    for refused in [
        &["complete"][..],
        &["complete", "--force"],
        &["migrate", &plan.replace("/plan.yaml", ""), "--complete"],
    ] {
        let said = segue(&url, refused).exits(4).said();
        assert!(said.contains(WHY), "{said}");
        let now = status(&url);
        assert_eq!(
            (&now["rollout"]["state"], &now["rollout"]["contract_hold"]["by"]),
            (&json!("ready"), &json!("postgres"))
        );
        assert_eq!(now["rollout"]["contract_hold"]["reason"], "audit until noon");
    }
    let text = segue(&url, &["status"]).exits(0).stdout;
    assert!(text.contains("contract    held since") && text.contains("release-contract"), "{text}");
    segue(&url, &["release-contract"]).exits(0);
    let none = segue(&url, &["release-contract"]).exits(4).said();
    assert!(none.contains("nobody holds the contract"), "{none}");
    assert!(status(&url)["rollout"]["contract_hold"].is_null());
    segue(&url, &["complete"]).exits(0);
}

#[test]
fn a_standby_that_is_gone_is_ignored_for_a_while() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &pair.primary, name: "postgres" };
    let url = at.url();
    at.query(TABLE);
    let plan = folder.file("plan.yaml", SLOW);
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    pair.standby.stop(Shutdown::Fast).unwrap();
    let missing = || {
        wait_for("the pause", PATIENCE, || {
            holds(&url).iter().find(|hold| hold["kind"] == "pause" && hold["subject"] == "standby1").cloned()
        });
    };
    missing();
    let unknown = segue(&url, &["ignore-standby", "standby7", "--for", "1m"]).exits(4).said();
    assert!(unknown.contains("there are: standby1"), "{unknown}");
    segue(&url, &["ignore-standby", "standby1"]).exits(2);

    segue(&url, &["ignore-standby", "standby1", "--for", "1h", "--reason", "disk"]).exits(0);
    wait_for("nothing to hold it", PATIENCE, || holds(&url).is_empty().then_some(()));
    goes_on(at);
    let now = status(&url);
    let ignored = &now["rollout"]["ignored_standbys"][0];
    assert!(ignored["name"] == "standby1" && ignored["until"].is_string(), "{now}");
    // What is known of it is shown as it is, once the supervisor has said it anew.
    wait_for("that nothing is known of it", PATIENCE, || {
        let now = status(&url);
        let lag = now["signals"].as_array().unwrap().iter().find(|s| s["subject"] == "standby1").unwrap();
        (lag["state"] == "blind" && lag["reading"].is_null()).then_some(())
    });
    let text = segue(&url, &["status"]).exits(0).stdout;
    assert!(text.contains("ignored     standby standby1 until "), "{text}");
    // By itself it counts again. The newer word is the one that counts.
    segue(&url, &["ignore-standby", "standby1", "--for", "2s"]).exits(0);
    missing();
    // It holds from that moment on; the journal's word for it comes with the next tick.
    let counts =
        wait_for("that it counts to be told", PATIENCE, || events(&url, "standby_counts").into_iter().next());
    assert_eq!(counts["standby"], "standby1");
    assert_eq!(status(&url)["rollout"]["ignored_standbys"], json!([]));

    // Over a kill the word stands.
    at.query("INSERT INTO segue.commands (kind, args) VALUES ('ignore_standby', '{\"standby\": \"standby1\", \"for\": \"10m\"}')");
    wait_for("nothing to hold it", PATIENCE, || holds(&url).is_empty().then_some(()));
    started.kill();
    let resumed = spawn(&url, &["resume"]);
    goes_on(at);
    lift_rate(&url);
    resumed.outcome().exits(0);
    all_filled(at);
}

#[test]
fn a_clock_that_is_set_neither_lifts_a_pause_nor_prolongs_it() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let (plan, clock) = (folder.file("plan.yaml", SLOW), folder.file("clock", "0"));
    let mut started = spawn_with(&url, &["start", &plan], &[("SEGUE_CLOCK_SET_BY", &clock)]);
    filling(at);
    segue(&url, &["pause", "--for", "8s"]).exits(0);
    let told = |times: usize| {
        wait_for("the clock's jump to be told", PATIENCE, || {
            (events(&url, "clock_moved").len() == times).then_some(())
        });
    };
    // An hour ahead, and then two back.
    for (times, set_by) in [(1, "3600"), (2, "-3600")] {
        // At once, so that nobody reads half of it.
        std::fs::rename(folder.file("clock.new", set_by), &clock).unwrap();
        told(times);
    }
    wait_for("the pause to end", PATIENCE, || {
        assert!(started.is_alive(), "it ended: {}", started.said());
        holds(&url).is_empty().then_some(())
    });
    // By the server's clock, which nobody set. It was told of the pause after that was in force.
    let lasted = "SELECT extract(epoch FROM r.at - h.at) FROM segue.records h, segue.records r
                   WHERE h.kind = 'held' AND r.kind = 'released' AND r.body->'hold'->>'by' = 'operator'
                     AND h.body->'hold'->>'by' = 'operator'";
    let lasted: f64 = at.value(lasted).unwrap().parse().unwrap();
    assert!(lasted > 7.5, "{lasted} s");
    let seconds = |line: &Value| (line["by_ms"].as_f64().unwrap() / 1000.0).round();
    let moved: Vec<f64> = events(&url, "clock_moved").iter().map(seconds).collect();
    assert_eq!(moved, [3600.0, -7200.0]);
    goes_on(at);
    lift_rate(&url);
    started.outcome().exits(0);
    all_filled(at);
}
