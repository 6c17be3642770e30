//! Partitions that come and go while they are filled: what comes is filled, and what goes fails nothing.

use super::common::{At, Folder, Gate, PATIENCE, Running, segue, state, status, wait_for};
use segue::sandbox;

/// Six partitions of 400 rows, each row a millisecond, two to a block: many slices each.
const BEFORE: &str = "
CREATE TABLE m (id bigint, part integer, v integer, pad text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE m0 PARTITION OF m FOR VALUES IN (0) WITH (fillfactor = 10);
CREATE TABLE m1 PARTITION OF m FOR VALUES IN (1) WITH (fillfactor = 10);
CREATE TABLE m2 PARTITION OF m FOR VALUES IN (2) PARTITION BY RANGE (id);
CREATE TABLE m2_all PARTITION OF m2 DEFAULT WITH (fillfactor = 10);
CREATE TABLE m3 PARTITION OF m FOR VALUES IN (3) WITH (fillfactor = 10);
CREATE TABLE m4 PARTITION OF m FOR VALUES IN (4) WITH (fillfactor = 10);
CREATE TABLE m5 PARTITION OF m FOR VALUES IN (5) WITH (fillfactor = 10);
INSERT INTO m SELECT n, n % 6, n, repeat('p', 300) FROM generate_series(1, 2400) n;
CREATE FUNCTION slow(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN $1 * 2; END';
";

/// The workers take the leaves by name.
const PLAN: &str = "backfill: {workers: 3, slice_time: 20ms}\noperations:\n\
    - add_column: {table: m, column: {name: w, type: integer}, up: slow(v)}\n\
    - alter_column: {table: m, column: v, type: bigint, up: v + 1, down: v - 1}\n";

/// Until a run of this leaf is as the condition says.
fn wait_run(at: At<'_>, running: &mut Running, leaf: &str, condition: &str) {
    let sql = format!(
        "SELECT count(*) FROM segue.backfills WHERE relation = 'public.{leaf}' AND run >= 0 AND {condition}"
    );
    wait_for(&format!("a run of {leaf} with {condition}"), PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let there = at.is_true("SELECT to_regclass('segue.backfills') IS NOT NULL");
        (there && at.value(&sql).as_deref() == Some("1")).then_some(())
    });
}

#[track_caller]
fn is_filled(at: At<'_>, url: &str, rows: u64) {
    assert_eq!(state(url), "ready");
    let wrong = at.query(
        "SELECT * FROM public.m o FULL JOIN public_plan.m n USING (id, part)
          WHERE n.w IS DISTINCT FROM o.v * 2 OR n.v IS DISTINCT FROM o.v + 1 LIMIT 5",
    );
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(at.value("SELECT count(*) FROM public_plan.m"), Some(rows.to_string()));
    assert_eq!(
        at.value("SELECT count(*) FROM public.m WHERE _segue_pending IS NOT FALSE").as_deref(),
        Some("0")
    );
}

#[test]
fn what_is_dropped_or_detached_while_it_is_filled_fails_nothing() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", PLAN);
    let gate = Gate::closed(&folder);
    let mut running = gate.spawn(&url, &["start", &plan]);
    // Three are in hand, one to be dropped, one to be detached, one whose parent goes; and one is not begun.
    for leaf in ["m0", "m1", "m2_all"] {
        wait_run(at, &mut running, leaf, "rows_done > 0 AND NOT done");
    }
    at.query("DROP TABLE m0");
    at.query("ALTER TABLE m DETACH PARTITION m1");
    at.query("DROP TABLE m5");
    at.query("ALTER TABLE m DETACH PARTITION m2");
    at.query("DROP TABLE m2");
    gate.open();
    running.outcome().exits(0);
    is_filled(at, &url, 800);
    let log = segue(&url, &["log"]).exits(0);
    for said in [
        "m0 is no longer there",
        "m1 is no longer a partition of m",
        "m2_all is no longer there",
        "m5 is no longer there",
    ] {
        assert!(log.stdout.contains(said), "{said:?} was to be in the journal: {log}");
    }
    let shown = status(&url)["rollout"]["backfill"].to_string();
    assert!(shown.contains("\"m3\"") && !shown.contains("\"m0\"") && !shown.contains("\"m1\""), "{shown}");
    segue(&url, &["complete"]).exits(0);
    assert_eq!(at.value("SELECT count(*) FROM m WHERE w = (v - 1) * 2").as_deref(), Some("800"));
}

#[test]
fn what_is_attached_while_others_are_filled_is_filled_too() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", PLAN);
    // One of its workers is held, so that it is not over before all this is done.
    let gate = Gate::closed(&folder);
    let mut running = gate.spawn_holding_one(&url, &["start", &plan]);
    wait_run(at, &mut running, "m3", "rows_done > 0");
    // One made beside it with rows of its own, one that is empty at first.
    at.query("CREATE TABLE m6 (LIKE m INCLUDING ALL)");
    at.query("INSERT INTO m6 SELECT n, 6, n FROM generate_series(10001, 10300) n");
    at.query("ALTER TABLE m ATTACH PARTITION m6 FOR VALUES IN (6)");
    at.query("CREATE TABLE m7 PARTITION OF m FOR VALUES IN (7)");
    at.query("INSERT INTO m SELECT n, 7, n FROM generate_series(10301, 10400) n");
    // One that was done, goes and comes back with rows that no trigger saw.
    wait_run(at, &mut running, "m3", "done");
    at.query("ALTER TABLE m DETACH PARTITION m3");
    at.query("INSERT INTO m3 SELECT n, 3, n FROM generate_series(10401, 10500) n");
    at.query("ALTER TABLE m ATTACH PARTITION m3 FOR VALUES IN (3)");
    gate.open();
    running.outcome().exits(0);
    is_filled(at, &url, 2900);
    // The new version's view of a partition that the plan did not know of.
    assert_eq!(at.value("SELECT count(w) FROM public_plan.m6 WHERE w = (v - 1) * 2").as_deref(), Some("300"));
    segue(&url, &["complete"]).exits(0);
    assert_eq!(at.value("SELECT count(*) FROM m WHERE w = (v - 1) * 2").as_deref(), Some("2900"));
}
