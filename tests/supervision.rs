//! The supervisor from outside: pausing, guards, kills, leadership, the gates and the locks, against real servers.

mod common;

use common::{
    At, Folder, PATIENCE, Running,
    schema::{Compare, catalog, differences, leftovers, row_differences, rows},
    segue, spawn, state, status, wait_for,
};
use nix::sys::signal::Signal;
use segue::{
    catalog::{Catalog, Order},
    sandbox::{self, Options, Pair, Shutdown},
};
use serde_json::Value;
use std::{
    env,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Few rows to a page, so that there are many slices.
const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer, pad text) WITH (fillfactor = 10);
CREATE INDEX t_a ON t (a);
INSERT INTO t SELECT n, n, repeat('p', 80) FROM generate_series(1, 4000) n;
CREATE FUNCTION slow(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN $1; END';
";

/// Takes about a millisecond a row.
const PLAN: &str =
    "operations:\n  - alter_column: {table: t, column: a, type: bigint, up: slow(a), down: a}\n";

/// Takes long enough for all of a test, until its rate is lifted.
const HELD: &str = "backfill: {rate: 30}
operations:
  - alter_column: {table: t, column: a, type: bigint, up: a, down: a}
";

const PLAIN: &str = "ALTER TABLE t ALTER a TYPE bigint";

/// How things were before.
struct Before {
    catalog: Catalog,
    rows: Vec<String>,
}

impl Before {
    #[track_caller]
    fn of(at: At<'_>) -> Before {
        let catalog = catalog(at, "public");
        let rows = rows(at, &catalog, &Compare::default());
        Before { catalog, rows }
    }

    #[track_caller]
    fn is_back(&self, at: At<'_>) {
        let changed = differences(&self.catalog, &catalog(at, "public"), Order::Kept);
        assert!(changed.is_empty(), "the schema is not as before: {changed:#?}");
        let changed = row_differences(&self.rows, &rows(at, &self.catalog, &Compare::default()));
        assert!(changed.is_empty(), "the rows are not as before: {changed:#?}");
        let left = leftovers(at, &[]);
        assert!(left.is_empty(), "left behind: {left:#?}");
    }
}

/// The schema and the rows are what plain DDL makes of `BEFORE`.
#[track_caller]
fn is_as_plain(at: At<'_>) {
    let twin = sandbox::database().unwrap();
    let twin = At::of(&twin);
    twin.query(BEFORE);
    twin.query(PLAIN);
    let (plain, ours) = (catalog(twin, "public"), catalog(at, "public"));
    let different = differences(&plain, &ours, Order::Ignored);
    assert!(different.is_empty(), "the schema is not plain DDL's: {different:#?}");
    let compare = Compare::default();
    let different = row_differences(&rows(twin, &plain, &compare), &rows(at, &ours, &compare));
    assert!(different.is_empty(), "the rows are not plain SQL's: {different:#?}");
    let left = leftovers(at, &["public_plan"]);
    assert!(left.is_empty(), "left behind: {left:#?}");
}

/// Until some rows are filled and some are not.
#[track_caller]
fn wait_filling(running: &mut Running, url: &str) -> u64 {
    wait_for("some rows to be filled", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let status = status(url);
        let done = rows_done(&status);
        (status["rollout"]["state"] == "backfilling" && done > 0).then_some(done)
    })
}

/// From [`HELD`] to its end; whether there is a supervisor or not.
#[track_caller]
fn lift_rate(url: &str) {
    segue(url, &["tune", "rate", "off"]).exits(0);
}

/// Until no row is filled for a second: a slice in hand may end after the pause is told. Then how many are still to be filled.
#[track_caller]
fn stands_still(at: At<'_>) -> u64 {
    wait_for("no row to be filled any more", PATIENCE, || {
        let (before, until) = (pending(at), Instant::now() + Duration::from_secs(1));
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
            if pending(at) != before {
                return None;
            }
        }
        Some(before)
    })
}

/// Until nobody of Segue's is connected any more: what a killed process sent last may still be carried out.
#[track_caller]
fn left_alone(at: At<'_>) {
    let sql = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'segue/%')";
    wait_for("Segue's sessions to end", PATIENCE, || at.is_true(sql).then_some(()));
}

fn rows_done(status: &Value) -> u64 {
    status["rollout"]["backfill"][0]["rows_done"].as_u64().unwrap_or(0)
}

/// The hold of this kind and of whom, if it is there.
fn hold(status: &Value, kind: &str, by: &str) -> Option<Value> {
    let holds = status["rollout"]["holds"].as_array()?;
    holds.iter().find(|hold| hold["kind"] == kind && hold["by"] == by).cloned()
}

fn pending(at: At<'_>) -> u64 {
    at.value("SELECT count(*) FROM t WHERE _segue_pending").unwrap().parse().unwrap()
}

#[test]
fn a_pause_from_elsewhere_takes_effect_and_resume_goes_on() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(&BEFORE.replace("4000", "20000"));
    // Slices of half a second's worth: that none comes for a second is the pause's doing.
    let plan = folder.file("plan.yaml", &HELD.replace("30", "200"));
    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    segue(&url, &["pause", "--reason", "lunch"]).exits(0);
    let hold = hold(&status(&url), "pause", "operator").expect("status shows the hold");
    assert_eq!(hold["reason"], "lunch");
    assert!(stands_still(at) > 0, "there is nothing left to hold");
    assert!(running.is_alive());
    lift_rate(&url);
    segue(&url, &["resume"]).exits(0);
    running.outcome().exits(0);
    let status = status(&url);
    assert_eq!(status["rollout"]["state"], "ready");
    assert_eq!(status["rollout"]["holds"], serde_json::json!([]));
    assert_eq!(rows_done(&status), 20000);
}

#[test]
fn a_pause_outlives_the_supervisor() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", HELD);
    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    running.kill();
    segue(&url, &["pause"]).exits(0);
    assert!(hold(&status(&url), "pause", "operator").is_some());
    lift_rate(&url);
    segue(&url, &["resume"]).exits(0);
    assert_eq!(state(&url), "ready");
}

#[test]
fn lag_throttles_then_pauses_and_work_goes_on_when_it_is_gone() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &pair.primary, name: "postgres" };
    let url = at.url();
    at.query(BEFORE);
    pair.wait_caught_up().unwrap();
    // A pause follows its throttle within a moment: it comes into play once the throttle was seen.
    let guards = "guards: {replication_lag: {throttle: 500ms, pause: 1h}}\n";
    let plan = folder.file("plan.yaml", &format!("{guards}{HELD}"));
    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    pair.standby.pause_replay().unwrap();
    for (kind, threshold) in [("throttle", 0.5), ("pause", 2.0)] {
        if kind == "pause" {
            segue(&url, &["tune", "guard", "replication_lag", "pause", "2s"]).exits(0);
        }
        let hold = wait_for(kind, PATIENCE, || {
            assert!(running.is_alive(), "it ended early: {}", running.said());
            // Not one because the lag is not known.
            hold(&status(&url), kind, "replication_lag").filter(|hold| hold["reading"].is_number())
        });
        assert_eq!(hold["subject"], Pair::STANDBY, "{hold}");
        assert_eq!(hold["unit"], "s", "{hold}");
        assert_eq!(hold["threshold"], threshold, "{hold}");
        assert!(hold["reading"].as_f64().is_some_and(|reading| reading >= threshold / 2.0), "{hold}");
    }
    // Not for the rate's sake, either.
    lift_rate(&url);
    assert!(stands_still(at) > 0, "the guard came too late");
    pair.standby.resume_replay().unwrap();
    running.outcome().exits(0);
    assert_eq!(state(&url), "ready");
    assert_eq!(status(&url)["rollout"]["holds"], serde_json::json!([]));
}

#[test]
fn lag_that_lasts_rolls_back() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &pair.primary, name: "postgres" };
    let url = at.url();
    at.query(BEFORE);
    pair.wait_caught_up().unwrap();
    let before = Before::of(at);
    // Above what a standby on a busy machine lags by itself.
    let guards = "guards: {replication_lag: {throttle: 300ms, pause: 1s, rollback: {above: 5s, for: 1s}}}\n";
    let plan = folder.file("plan.yaml", &format!("{guards}{HELD}"));
    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    pair.standby.pause_replay().unwrap();
    let outcome = running.outcome().exits(6);
    assert!(outcome.said().contains("replication_lag"), "{outcome}");
    assert_eq!(state(&url), "rolled_back");
    before.is_back(at);
    let log = segue(&url, &["log"]).exits(0);
    assert!(log.stdout.contains("replication_lag"), "the evidence was to be in the journal: {log}");
    pair.standby.resume_replay().unwrap();
}

#[test]
fn a_standby_that_goes_missing_holds_the_work() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &pair.primary, name: "postgres" };
    let url = at.url();
    at.query(BEFORE);
    pair.wait_caught_up().unwrap();
    let plan = folder.file("plan.yaml", HELD);
    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    pair.standby.stop(Shutdown::Immediate).unwrap();
    wait_for("the hold", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        hold(&status(&url), "pause", "replication_lag").filter(|hold| hold["subject"] == Pair::STANDBY)
    });
    assert!(pending(at) > 0, "the guard came too late");
    lift_rate(&url);
    pair.standby.start_again().unwrap();
    running.outcome().exits(0);
    assert_eq!(state(&url), "ready");
}

#[test]
fn a_supervisor_killed_at_any_moment_is_resumed_and_nothing_is_lost() {
    let given = env::var("SEGUE_KILL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("SEGUE_KILL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", PLAN);
    let mut kills = 0;
    let mut command = vec!["start", plan.as_str()];
    while kills < 14 {
        let mut running = spawn(&url, &command);
        thread::sleep(Duration::from_millis(random.u64(30..700)));
        if !running.is_alive() {
            running.outcome().exits(0);
            break;
        }
        running.kill();
        kills += 1;
        // Killed before it had begun, there is nothing to resume yet.
        let begun = || !status(&url)["rollout"].is_null();
        command = vec!["resume"];
        if !begun() {
            // What it sent last may still begin it.
            left_alone(at);
            if !begun() {
                command = vec!["start", &plan];
            }
        }
    }
    left_alone(at);
    if state(&url) != "ready" {
        segue(&url, &command).exits(0);
    }
    assert_eq!(state(&url), "ready");
    let different = at.query(
        "SELECT * FROM public.t o FULL JOIN public_plan.t n USING (id) WHERE o.a IS DISTINCT FROM n.a",
    );
    assert!(different.is_empty(), "seed {seed}: {different:?}");
    for _ in 0..6 {
        if state(&url) == "completed" {
            break;
        }
        let running = spawn(&url, &["complete"]);
        thread::sleep(Duration::from_millis(random.u64(30..250)));
        running.kill();
        kills += 1;
    }
    left_alone(at);
    if state(&url) != "completed" {
        segue(&url, &["complete"]).exits(0);
    }
    assert_eq!(state(&url), "completed", "seed {seed}, {kills} kills");
    is_as_plain(at);
}

#[test]
fn a_rollback_killed_at_any_moment_comes_to_its_end() {
    let given = env::var("SEGUE_KILL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("SEGUE_KILL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let before = Before::of(at);
    let plan = folder.file("plan.yaml", &PLAN.replace("slow(a)", "a"));
    segue(&url, &["start", &plan]).exits(0);
    for _ in 0..6 {
        if state(&url) == "rolled_back" {
            break;
        }
        let running = spawn(&url, &["rollback"]);
        thread::sleep(Duration::from_millis(random.u64(30..250)));
        running.kill();
    }
    left_alone(at);
    if state(&url) != "rolled_back" {
        segue(&url, &["rollback"]).exits(0);
    }
    assert_eq!(state(&url), "rolled_back", "seed {seed}");
    before.is_back(at);
}

#[test]
fn a_long_reader_is_named_and_nobody_queues_behind_segue_for_long() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    at.query("CREATE TABLE beside (id bigint PRIMARY KEY, pad text); INSERT INTO beside VALUES (7, 'p')");
    let plan = folder.file("plan.yaml", &PLAN.replace("slow(a)", "a"));
    let mut reader = database.session().unwrap();
    let reader_pid =
        reader.query("SET application_name = 'nightly report'; SELECT pg_backend_pid()").unwrap()[0][0]
            .clone()
            .unwrap();
    reader.query("BEGIN; SELECT count(*) FROM t").unwrap();

    let (stop, written, beside) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        // Over however the test ends.
        let _over = Over(&stop);
        let application = |table: &str, written| {
            let (mut session, stop, written): (_, _, &AtomicU64) =
                (database.session().unwrap(), &stop, written);
            let sql = format!("UPDATE {table} SET pad = 'q' WHERE id = 7");
            scope.spawn(move || {
                let mut longest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    session.query(&sql).unwrap();
                    longest = longest.max(begun.elapsed());
                    written.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(2));
                }
                longest
            })
        };
        let ours = application("t", &written);
        // One that Segue has nothing to do with tells how slow the machine is.
        let theirs = application("beside", &beside);
        let mut running = spawn(&url, &["start", &plan]);
        let named = wait_for("the reader to be named", PATIENCE, || {
            assert!(running.is_alive(), "it ended although the table is held: {}", running.said());
            let said = format!("{}{}", running.said(), segue(&url, &["status"]).said());
            said.contains(&reader_pid).then_some(said)
        });
        assert!(named.contains("nightly report"), "the application was to be named too: {named}");
        // It goes on trying; let it, for a while. The reader is still there: who queued behind Segue until that has ended
        // would write nothing.
        let (goal, until) = (written.load(Ordering::Relaxed) + 100, Instant::now() + Duration::from_secs(4));
        wait_for("the application to write on", PATIENCE, || {
            assert!(running.is_alive(), "it gave up: {}", running.said());
            (written.load(Ordering::Relaxed) >= goal && Instant::now() >= until).then_some(())
        });
        reader.query("COMMIT").unwrap();
        running.outcome().exits(0);
        stop.store(true, Ordering::Relaxed);
        let (longest, usual) = (ours.join().unwrap(), theirs.join().unwrap());
        assert!(
            longest < Duration::from_millis(1200) + 2 * usual,
            "an application's statement waited {longest:?}, and one that nobody is in the way of {usual:?}"
        );
    });
    assert_eq!(state(&url), "ready");
}

/// Ends the applications however the test ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn of_two_starts_one_wins() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", PLAN);
    let both = [spawn(&url, &["start", &plan]), spawn(&url, &["start", &plan])];
    let mut outcomes = both.map(Running::outcome);
    outcomes.sort_by_key(|outcome| outcome.code);
    let [winner, loser] = outcomes;
    winner.exits(0);
    loser.exits(4);
    assert_eq!(state(&url), "ready");
    assert_eq!(at.value("SELECT count(*) FROM segue.rollouts").as_deref(), Some("1"));
}

#[test]
fn a_rollback_needs_no_supervisor_and_obeys_one() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let before = Before::of(at);
    let plan = folder.file("plan.yaml", HELD);
    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    running.kill();
    segue(&url, &["rollback"]).exits(0);
    assert_eq!(state(&url), "rolled_back");
    before.is_back(at);

    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    segue(&url, &["rollback"]).exits(0);
    assert_eq!(state(&url), "rolled_back");
    let outcome = running.outcome();
    assert!(
        outcome.code.is_some_and(|code| code != 0),
        "a start that was rolled back has not done what it was asked: {outcome}"
    );
    before.is_back(at);
    segue(&url, &["rollback"]).exits(4);
}

#[test]
fn complete_is_refused_while_the_old_version_is_in_use() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let first =
        folder.file("a_first.yaml", "operations:\n  - rename_column: {table: t, from: pad, to: body}\n");
    segue(&url, &["start", &first, "--complete"]).exits(0);
    let quick = PLAN.replace("slow(a)", "a");
    let plan = folder.file("b_plan.yaml", &quick);
    segue(&url, &["start", &plan]).exits(0);

    let mut old = database.session().unwrap();
    old.query(
        "SET application_name = 'billing'; SET search_path = public_a_first; BEGIN; SELECT * FROM t LIMIT 1",
    )
    .unwrap();
    let refused = segue(&url, &["complete"]).exits(4);
    assert!(refused.said().contains("billing"), "who uses it was to be said: {refused}");
    assert_eq!(state(&url), "ready");
    let clients = segue(&url, &["clients"]).exits(0);
    assert!(clients.stdout.contains("billing") && clients.stdout.contains("public_a_first"), "{clients}");
    old.query("UPDATE t SET a = 5 WHERE id = 1; COMMIT").unwrap();
    drop(old);
    segue(&url, &["complete"]).exits(0);
    assert_eq!(state(&url), "completed");

    // Seen in use within the quiet period: refused by time alone, unless forced.
    let next = folder.file(
        "c_next.yaml",
        "contract: {quiet_for: 1h}\noperations:\n  - rename_column: {table: t, from: body, to: text}\n",
    );
    segue(&url, &["start", &next]).exits(0);
    let mut old = database.session().unwrap();
    old.query(
        "SET application_name = 'billing'; SET search_path = public_b_plan; BEGIN; SELECT * FROM t LIMIT 1",
    )
    .unwrap();
    // Whoever refuses it has time to note who was there, or not.
    wait_for("its use to be noted", PATIENCE, || {
        segue(&url, &["complete"]).exits(4);
        let noted = "SELECT EXISTS (SELECT FROM segue.clients WHERE application = 'billing'
                      AND version_schema = 'public_b_plan')";
        at.is_true(noted).then_some(())
    });
    drop(old);
    let refused = segue(&url, &["complete"]).exits(4);
    assert!(refused.said().contains("billing") && refused.said().contains("ago"), "{refused}");
    assert_eq!(state(&url), "ready");
    segue(&url, &["complete", "--force"]).exits(0);
    assert_eq!(state(&url), "completed");
    assert_eq!(leftovers(at, &["public_c_next"]), [""; 0]);
}

#[test]
fn an_interrupt_leaves_the_rollout_resumable() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", HELD);
    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    running.signal(Signal::SIGINT);
    let outcome = running.outcome().exits(5);
    assert!(outcome.said().contains("segue resume"), "what to do next was to be said: {outcome}");
    let between = status(&url);
    assert_eq!(between["rollout"]["state"], "backfilling");
    assert_ne!(between["rollout"]["supervisor"]["alive"], true);
    assert!(pending(at) > 0);
    let refused = folder.file("plan2.yaml", "operations:\n  - drop_table: {name: t}\n");
    segue(&url, &["start", &refused]).exits(4);
    lift_rate(&url);
    segue(&url, &["resume"]).exits(0);
    segue(&url, &["complete"]).exits(0);
    is_as_plain(at);
}

#[test]
fn a_role_that_may_not_is_told_so() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    at.query(BEFORE);
    let role = format!("weak_{}", database.name());
    at.query(&format!("CREATE ROLE {role} LOGIN"));
    let before = Before::of(at);
    let weak = at.url().replacen("postgres@", &format!("{role}@"), 1);
    let plan = folder.file("plan.yaml", PLAN);
    let outcome = segue(&weak, &["start", &plan]);
    assert!(outcome.code.is_some_and(|code| [1, 3, 4].contains(&code)), "{outcome}");
    let said = outcome.said();
    assert!(said.contains("permission") || said.contains("privilege") || said.contains("owner"), "{outcome}");
    assert!(!said.contains("db error") && !said.contains("panicked"), "{outcome}");
    before.is_back(at);
    // With Segue's schema there and open to it, it still does not own the table.
    segue(&at.url(), &["init"]).exits(0);
    at.query(&format!(
        "GRANT CREATE ON DATABASE {} TO {role}; GRANT ALL ON SCHEMA segue TO {role};
         GRANT ALL ON ALL TABLES IN SCHEMA segue TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA segue TO {role}",
        database.name()
    ));
    let said = segue(&weak, &["start", &plan]).exits(4).said();
    assert!(
        said.contains("membership of \"postgres\" (owns t") && said.contains("GRANT \"postgres\" TO"),
        "{said}"
    );
    assert!(status(&at.url())["rollout"].is_null());
    before.is_back(at);
    at.query(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn a_row_that_cannot_be_filled_is_named() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    at.query("UPDATE t SET pad = CASE WHEN id = 2345 THEN 'x' ELSE id::text END");
    let before = Before::of(at);
    let operations = "operations:\n  - alter_column: {table: t, column: pad, type: integer, up: pad::integer, down: pad::text}\n";
    let plan = folder.file("plan.yaml", operations);
    let outcome = segue(&url, &["start", &plan]).exits(1);
    assert!(outcome.said().contains("2345"), "the row was to be named: {outcome}");
    assert!(outcome.said().contains("invalid input syntax for type integer"), "{outcome}");
    assert_eq!(state(&url), "failed");
    segue(&url, &["rollback"]).exits(0);
    before.is_back(at);

    let plan =
        folder.file("plan.yaml", &format!("backfill: {{on_row_error: {{set_aside: 3}}}}\n{operations}"));
    segue(&url, &["start", &plan]).exits(1);
    assert_ne!(state(&url), "ready", "a row is set aside");
    assert_eq!(at.value("SELECT count(*) FROM segue.rows_set_aside").as_deref(), Some("1"));
    assert_eq!(pending(at), 1);
    at.query("UPDATE t SET pad = '2345' WHERE id = 2345");
    segue(&url, &["resume"]).exits(0);
    assert_eq!(state(&url), "ready");
    segue(&url, &["complete"]).exits(0);
    assert_eq!(at.value("SELECT count(*) FROM t WHERE pad = id").as_deref(), Some("4000"));
}

#[test]
fn rows_that_take_longer_than_a_slice_may_are_filled_all_the_same() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    let one_block = BEFORE.replace(" WITH (fillfactor = 10)", "").replace("4000", "260").replace("80", "1");
    at.query(&one_block.replace("0.001", "0.03"));
    // 8 s for the first block, and a slice may take 5.
    let plan = folder.file("plan.yaml", &format!("backfill: {{slice_time: 20ms}}\n{PLAN}"));
    segue(&url, &["start", &plan]).exits(0);
    assert_eq!(state(&url), "ready");
    assert_eq!(at.value("SELECT count(*) FROM public_plan.t WHERE a = id").as_deref(), Some("260"));
}

#[test]
fn a_server_that_restarts_at_once_is_gone_on_with() {
    let (cluster, folder) = (sandbox::Cluster::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", HELD);
    let mut running = spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    cluster.kill9().unwrap();
    cluster.start_again().unwrap();
    at.query("INSERT INTO segue.commands (kind, args) VALUES ('tune', '{\"rate\": \"off\"}')");
    let outcome = running.outcome();
    assert!(outcome.code.is_some() && !outcome.said().contains("panicked"), "{outcome}");
    if outcome.code != Some(0) {
        segue(&url, &["resume"]).exits(0);
    }
    assert_eq!(state(&url), "ready");
    segue(&url, &["complete"]).exits(0);
    is_as_plain(at);
}

#[test]
fn nothing_under_way_is_said_and_refused() {
    let database = sandbox::database().unwrap();
    let url = At::of(&database).url();
    for command in ["pause", "resume", "rollback", "complete"] {
        let outcome = segue(&url, &[command]).exits(4);
        assert!(outcome.said().contains("nothing to"), "{outcome}");
    }
    assert!(status(&url)["rollout"].is_null());
    segue(&url, &["history"]).exits(0);
    segue(&url, &["clients"]).exits(0);
    segue(&url, &["nonsense"]).exits(2);
}
