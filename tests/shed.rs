//! Shedding on a real server: the sync triggers mark rows and evaluate nothing while applications write, and once they are
//! back every row is right.

mod common;

use common::schema::leftovers;
use common::{At, Folder, PATIENCE, segue, spawn, status, wait_for};
use segue::sandbox;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What counts how often the plan's `up` is evaluated, whoever does so; but for the verification, which may not write.
const TABLE: &str = "
CREATE SEQUENCE calls;
CREATE FUNCTION doubled(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  'BEGIN
     IF NOT current_setting(''transaction_read_only'')::boolean THEN PERFORM nextval(''public.calls''); END IF;
     RETURN i * 2;
   END';
CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, pad text) PARTITION BY HASH (id);
CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO t SELECT n, n, repeat('x', 100) FROM generate_series(1, 6000) n;
INSERT INTO t VALUES (7000, 7000);
ANALYZE t";
const PLAN: &str = "operations:
  - add_column: {table: t, column: {name: b, type: int, nullable: false}, up: doubled(a)}
backfill: {rate: 100}
";

fn filling(at: At<'_>, rows: u64) {
    let there = "SELECT to_regclass('segue.backfills') IS NOT NULL";
    let filled = format!("SELECT coalesce(sum(rows_done), 0) >= {rows} FROM segue.backfills");
    wait_for("rows to be filled", PATIENCE, || (at.is_true(there) && at.is_true(&filled)).then_some(()));
}

fn shed_hold(url: &str) -> Option<Value> {
    let holds = status(url)["rollout"]["holds"].as_array().cloned().unwrap_or_default();
    holds.into_iter().find(|hold| hold["by"] == "shed")
}

#[test]
fn writers_are_spared_and_every_row_is_right_in_the_end() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let plan = folder.file("plan.yaml", PLAN);
    let (over, written) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let _over = Over(&over);
        scope.spawn(|| {
            let mut session = database.session().unwrap();
            let mut random = fastrand::Rng::with_seed(1);
            let mut next = 10_000;
            while !over.load(Ordering::Acquire) {
                let id = random.u32(1..=6000);
                session.query(&format!("UPDATE t SET a = a + 1 WHERE id = {id}")).unwrap();
                next += 1;
                session.query(&format!("INSERT INTO t VALUES ({next}, {next})")).unwrap();
                written.fetch_add(1, Ordering::AcqRel);
            }
        });
        let more = |than: u64| {
            let goal = written.load(Ordering::Acquire) + than;
            wait_for("the application to write", PATIENCE, || {
                (written.load(Ordering::Acquire) >= goal).then_some(())
            });
        };
        let calls = || at.value("SELECT last_value FROM calls").unwrap();

        let started = spawn(&url, &["start", &plan]);
        filling(at, 100);
        let before = calls();
        more(5);
        assert_ne!(calls(), before, "a writer evaluates `up`");

        let said = segue(&url, &["shed", "--reason", "checkout is slow"]).exits(0).stdout;
        assert!(said.contains("only mark rows"), "{said}");
        // What was under way when it was shed, in the writer's session or the fill's, may evaluate to its end.
        wait_for("`up` to be evaluated by nobody", PATIENCE, || {
            let before = calls();
            more(50);
            (calls() == before).then_some(())
        });
        let hold = shed_hold(&url).expect("it holds");
        assert!(hold["reason"].as_str().unwrap().starts_with("checkout is slow; "), "{hold}");
        let again = segue(&url, &["shed"]).exits(4).said();
        assert!(again.contains("it is shed already"), "{again}");

        // Over a kill, too.
        started.kill();
        let resumed = spawn(&url, &["resume"]);
        wait_for("another supervisor", PATIENCE, || {
            let supervisor = &status(&url)["rollout"]["supervisor"];
            (supervisor["alive"] == true && supervisor["term"] == 2).then_some(())
        });
        let before = calls();
        more(20);
        assert_eq!(calls(), before);
        assert!(shed_hold(&url).is_some());

        // Who wrote under a shed trigger and has not committed is waited for.
        let leaf = at.value("SELECT tableoid::regclass FROM t WHERE id = 7000").unwrap();
        let mut old = database.session().unwrap();
        old.query(&format!("BEGIN; UPDATE {leaf} SET a = -7 WHERE id = 7000")).unwrap();
        segue(&url, &["restore"]).exits(0);
        let before = calls();
        more(5);
        assert_ne!(calls(), before, "the triggers are whole again");
        wait_for("it to wait for the old writer", PATIENCE, || {
            let hold = shed_hold(&url).expect("it holds until the old writers have ended");
            hold["reason"].as_str().unwrap().contains("whole again").then_some(())
        });
        // The supervisor has looked at least once since.
        more(50);
        assert!(shed_hold(&url).is_some());
        old.query("COMMIT").unwrap();
        wait_for("it to go on", PATIENCE, || shed_hold(&url).is_none().then_some(()));
        segue(&url, &["tune", "rate", "off"]).exits(0);
        resumed.outcome().exits(0);
        let refused = segue(&url, &["shed"]).exits(4).said();
        assert!(refused.contains("every row is filled"), "{refused}");
        more(20);
    });
    assert_eq!(
        at.value("SELECT count(*) FROM public_plan.t WHERE b IS DISTINCT FROM a * 2").as_deref(),
        Some("0")
    );
    assert!(at.is_true("SELECT (a, b) = (-7, -14) FROM public_plan.t WHERE id = 7000"));
    segue(&url, &["complete"]).exits(0);
    assert_eq!(at.value("SELECT count(*) FROM t WHERE b IS DISTINCT FROM a * 2").as_deref(), Some("0"));
    assert!(at.is_true("SELECT count(*) > 6000 FROM t"));
}

#[test]
fn what_is_shed_can_be_rolled_back() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    let none = segue(&url, &["restore"]).exits(4).said();
    assert!(none.contains("there is nothing to restore"), "{none}");
    let plan = folder.file("plan.yaml", PLAN);
    let started = spawn(&url, &["start", &plan]);
    filling(at, 100);
    let none = segue(&url, &["restore"]).exits(4).said();
    assert!(none.contains("nothing is shed"), "{none}");
    at.query("INSERT INTO segue.commands (kind, reason) VALUES ('shed', 'in SQL')");
    wait_for("the answer", PATIENCE, || {
        at.is_true("SELECT outcome = 'done' FROM segue.commands ORDER BY id DESC LIMIT 1").then_some(())
    });
    at.query("UPDATE t SET a = 0 WHERE id <= 50");
    segue(&url, &["rollback"]).exits(0);
    started.outcome();
    assert_eq!(leftovers(at, &[]), Vec::<String>::new());
    assert_eq!(at.value("SELECT count(*) FROM t WHERE a = 0").as_deref(), Some("50"));
}

/// Ends the writer however the test ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
