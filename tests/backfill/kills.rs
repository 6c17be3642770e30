//! What a death costs: at most the slice in hand of each worker, and never a row filled twice. Counted by a trigger of the
//! table's own: every attempt by a sequence, which no rollback takes back, and every fill that was committed by a row.

use super::common::{At, Folder, PATIENCE, Running, segue, spawn, state, status, wait_for, wait_left};
use segue::sandbox;
use std::{env, thread, time::Duration};

const ROWS: u64 = 7000;

/// Two rows to a block and 3,500 blocks: three runs of blocks, each range in two slices. A row takes half a millisecond.
const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer, pad text) WITH (fillfactor = 10);
INSERT INTO t SELECT n, n, repeat('p', 300) FROM generate_series(1, 7000) n;
CREATE SEQUENCE attempts;
CREATE TABLE fills (id bigint, tx xid8);
CREATE FUNCTION count_fill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('attempts'), pg_sleep(0.0005);
    INSERT INTO fills VALUES (NEW.id, pg_current_xact_id());
    RETURN NEW;
END $$;
CREATE TRIGGER counted BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION count_fill();
ANALYZE t;
";

fn plan(workers: u32) -> String {
    format!(
        "backfill: {{workers: {workers}}}\noperations:\n\
         - add_column: {{table: t, column: {{name: n, type: integer}}, up: a + 1}}\n"
    )
}

fn seeded() -> (u64, fastrand::Rng) {
    let given = env::var("SEGUE_KILL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("SEGUE_KILL_SEED={seed}");
    (seed, fastrand::Rng::with_seed(seed))
}

fn count(at: At<'_>, sql: &str) -> u64 {
    at.value(sql).expect("it counts").parse().expect("a count")
}

fn fills(at: At<'_>) -> u64 {
    count(at, "SELECT count(*) FROM fills")
}

/// Rows that were filled and rolled back, over all attempts.
fn lost(at: At<'_>) -> u64 {
    let attempts = count(at, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM attempts");
    attempts - fills(at)
}

/// The most that one slice in hand may come to: slices grow by half at a time.
fn slice(at: At<'_>) -> u64 {
    let most = count(at, "SELECT coalesce(max(n), 0) FROM (SELECT count(*) n FROM fills GROUP BY tx) s");
    // Where none was committed yet, the first.
    most.max(64) * 2
}

/// Until some more rows are filled, or it has ended.
fn wait_more(at: At<'_>, running: &mut Running, more: u64) {
    let before = fills(at);
    wait_for("more rows to be filled", PATIENCE, || {
        (!running.is_alive() || fills(at) >= (before + more).min(ROWS)).then_some(())
    });
}

/// No row that a checkpoint is past is still to be filled.
#[track_caller]
fn checkpoints_are_true(at: At<'_>) {
    let skipped = at.query(
        "SELECT t.id, t.ctid, b.run, b.next_block FROM segue.backfills b JOIN t
             ON t.ctid >= format('(%s,0)', b.first_block)::tid AND t.ctid < format('(%s,0)', b.next_block)::tid
          WHERE b.run >= 0 AND t._segue_pending LIMIT 5",
    );
    assert!(skipped.is_empty(), "a checkpoint is past rows that are not filled: {skipped:?}");
}

/// Every row was filled, none twice, and the account says so.
#[track_caller]
fn each_was_filled_once(at: At<'_>, url: &str) {
    assert_eq!(state(url), "ready");
    assert_eq!(
        count(at, "SELECT count(*) FROM t WHERE _segue_pending OR _segue_new_n IS DISTINCT FROM a + 1"),
        0
    );
    assert_eq!((fills(at), count(at, "SELECT count(DISTINCT id) FROM fills")), (ROWS, ROWS));
    assert_eq!(status(url)["rollout"]["backfill"][0]["rows_done"], ROWS);
}

/// How often it was killed: not once, where the machine let it come to its end meanwhile.
fn killed(workers: u32) -> u32 {
    let (seed, mut random) = seeded();
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", &plan(workers));
    let mut command = vec!["start", plan.as_str()];
    let (mut kills, mut before) = (0, 0);
    while kills < 6 {
        let mut running = spawn(&url, &command);
        wait_more(at, &mut running, random.u64(1..1500));
        thread::sleep(Duration::from_millis(random.u64(..80)));
        if !running.is_alive() {
            running.outcome().exits(0);
            break;
        }
        running.kill();
        kills += 1;
        wait_left(at);
        let (now, most) = (lost(at), u64::from(workers) * slice(at));
        assert!(
            now - before <= most,
            "seed {seed}: a kill cost {} rows, and {most} can be in hand",
            now - before
        );
        before = now;
        checkpoints_are_true(at);
        command = vec!["resume"];
    }
    if state(&url) != "ready" {
        segue(&url, &["resume"]).exits(0);
    }
    each_was_filled_once(at, &url);
    kills
}

#[test]
fn a_kill_costs_one_worker_a_slice() {
    wait_for("a kill before it was over", PATIENCE, || (killed(1) > 0).then_some(()));
}

#[test]
fn a_kill_costs_three_workers_a_slice_each() {
    wait_for("a kill before it was over", PATIENCE, || (killed(3) > 0).then_some(()));
}

#[test]
fn a_worker_whose_session_is_lost_leaves_its_run_to_the_next() {
    wait_for("two sessions to be lost before it was over", PATIENCE, || (lost_sessions() > 1).then_some(()));
}

/// How many sessions were ended.
fn lost_sessions() -> u64 {
    let (seed, mut random) = seeded();
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", &plan(3));
    let mut running = spawn(&url, &["start", &plan]);
    let mut lost_sessions = 0;
    while lost_sessions < 5 {
        wait_more(at, &mut running, random.u64(200..900));
        if !running.is_alive() || fills(at) == ROWS {
            break;
        }
        let ended = count(
            at,
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
              WHERE datname = current_database() AND query LIKE 'UPDATE ONLY%' AND state = 'active'
              ORDER BY random() LIMIT 1) one",
        );
        lost_sessions += ended;
    }
    running.outcome().exits(0);
    let most = lost_sessions * slice(at);
    assert!(lost(at) <= most, "seed {seed}: {} rows were filled in vain, and {most} were in hand", lost(at));
    each_was_filled_once(at, &url);
    // The step went on all the while: the others did not have to stop for it.
    let log = segue(&url, &["log"]).exits(0);
    assert!(!log.stdout.contains("terminating connection"), "the step failed as a whole: {log}");
    lost_sessions
}
