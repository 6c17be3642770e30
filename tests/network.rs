//! A bad network between Segue and the server: silent, late, narrow, cut, and one that delivers a COMMIT and eats the answer.
//! Nothing hangs for ever, and what became of a COMMIT is looked up.

mod common;

use common::{
    At, Folder, PATIENCE, Running,
    proxy::Proxy,
    schema::{Compare, catalog, differences, leftovers, row_differences, rows},
    segue, spawn, state, wait_for,
};
use segue::{catalog::Order, sandbox};
use std::{thread, time::Duration};

const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer, n integer NOT NULL DEFAULT 0);
CREATE INDEX t_a ON t (a);
INSERT INTO t SELECT n, n FROM generate_series(1, 20000) n;
CREATE FUNCTION slow(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
";
const SLOWLY: &str = "CREATE OR REPLACE FUNCTION slow(integer) RETURNS integer LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.004); RETURN $1; END'";
const QUICKLY: &str = "CREATE OR REPLACE FUNCTION slow(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'";
/// However often a bad network pauses it, that is not for a person to look at.
const PLAN: &str = "
guards: {hold: {pauses_an_hour: 1000000}}
operations:
  - alter_column: {table: t, column: a, type: bigint, up: slow(a), down: a}
  - alter_column: {table: t, column: n, nullable: true, up: n + 1, down: 'coalesce(n, 1) - 1'}
  - create_index: {table: t, name: t_n, columns: [{column: n}]}
";
/// A row filled twice would show in `n`.
const PLAIN: &str =
    "ALTER TABLE t ALTER a TYPE bigint; ALTER TABLE t ALTER n DROP NOT NULL; UPDATE t SET n = n + 1;
    CREATE INDEX t_n ON t (n)";

struct Rig {
    database: sandbox::Database,
    proxy: Proxy,
    folder: Folder,
}

impl Rig {
    fn new() -> Rig {
        let database = sandbox::database().unwrap();
        let proxy = Proxy::start(database.cluster().directory(), database.cluster().port());
        At::of(&database).query(BEFORE);
        Rig { database, proxy, folder: Folder::new() }
    }

    /// Through the network.
    fn url(&self) -> String {
        self.proxy.url(self.database.name())
    }

    fn at(&self) -> At<'_> {
        At::of(&self.database)
    }

    fn plan(&self) -> String {
        self.folder.file("plan.yaml", PLAN)
    }

    /// A rollout that fills slowly, once some rows are filled and most are not.
    #[track_caller]
    fn filling(&self) -> Running {
        self.at().query(SLOWLY);
        let mut running = spawn(&self.url(), &["start", &self.plan()]);
        wait_for("some rows to be filled", PATIENCE, || {
            assert!(running.is_alive(), "it ended: {}", running.said());
            let begun = self.at().is_true("SELECT to_regclass('segue.backfills') IS NOT NULL");
            (begun && self.done() > 0).then_some(())
        });
        running
    }

    /// Rows filled, by the checkpoints.
    fn done(&self) -> u64 {
        self.count("SELECT coalesce(sum(rows_done), 0)::bigint FROM segue.backfills")
    }

    /// To its end, at full speed.
    #[track_caller]
    fn ends(&self, running: Running) {
        self.at().query(QUICKLY);
        running.outcome().exits(0);
        self.is_as_plain();
    }

    /// Completed, and as plain DDL would have it: nothing lost, nothing done twice.
    #[track_caller]
    fn is_as_plain(&self) {
        segue(&self.database.url(), &["complete"]).exits(0);
        let (twin, at) = (sandbox::database().unwrap(), self.at());
        let twin = At::of(&twin);
        twin.query(BEFORE);
        twin.query(PLAIN);
        let (plain, ours) = (catalog(twin, "public"), catalog(at, "public"));
        assert_eq!(differences(&plain, &ours, Order::Ignored), [""; 0]);
        let compare = Compare::default();
        assert_eq!(row_differences(&rows(twin, &plain, &compare), &rows(at, &ours, &compare)), [""; 0]);
        assert_eq!(leftovers(at, &["public_plan"]), [""; 0]);
    }

    fn count(&self, sql: &str) -> u64 {
        self.at().value(sql).unwrap().parse().unwrap()
    }
}

/// A commit whose answer is eaten: which one, by whom.
fn eaten(role: &str, text: &str) {
    let rig = Rig::new();
    rig.proxy.eat(role, text);
    let outcome = spawn(&rig.url(), &["start", &rig.plan()]).outcome();
    assert_eq!(rig.proxy.eaten(), 1, "no answer was eaten: {outcome}");
    // It looked, and went on.
    outcome.exits(0);
    assert_eq!(state(&rig.database.url()), "ready");
    let twice = "SELECT count(*) FROM (SELECT kind, body FROM segue.records WHERE kind IN ('step_began', 'state_changed')
                  GROUP BY 1, 2 HAVING count(*) > 1) twice";
    assert_eq!(rig.count(twice), 0, "the journal says something twice");
    rig.is_as_plain();
}

#[test]
fn a_commit_of_the_journal_without_an_answer_is_looked_up() {
    eaten("/control", "SELECT 1; COMMIT");
}

#[test]
fn a_commit_of_a_step_without_an_answer_is_looked_up() {
    eaten("/work", "SELECT 1; COMMIT");
}

#[test]
fn a_commit_of_a_slice_without_an_answer_is_looked_up() {
    let rig = Rig::new();
    let mut running = rig.filling();
    rig.proxy.eat("/work", "SELECT 1; COMMIT");
    wait_for("the answer to be eaten", PATIENCE, || {
        assert!(running.is_alive(), "it ended: {}", running.said());
        (rig.proxy.eaten() == 1).then_some(())
    });
    rig.ends(running);
}

#[test]
fn an_index_built_without_an_answer_is_looked_up() {
    eaten("/work", "CREATE INDEX CONCURRENTLY");
}

#[test]
fn a_silent_network_stops_the_work_and_nothing_hangs() {
    let rig = Rig::new();
    let mut running = rig.filling();
    rig.proxy.stall(true);
    let before = rig.proxy.accepted();
    // What was on its way may still arrive; then the permit has run out, and with it the work.
    wait_for("the work to stop", PATIENCE, || {
        let done = rig.done();
        thread::sleep(Duration::from_secs(1));
        (rig.done() == done).then_some(())
    });
    // Its own deadlines end every wait: sessions that nobody answers on are given up, and others asked for.
    wait_for("new sessions to be asked for", PATIENCE, || {
        assert!(running.is_alive(), "it ended: {}", running.said());
        (rig.proxy.accepted() > before + 3).then_some(())
    });
    assert!(
        rig.count("SELECT count(*) FROM t WHERE _segue_pending") > 0,
        "it was over before the network was silent"
    );
    rig.proxy.stall(false);
    rig.proxy.drop_all();
    rig.ends(running);
}

#[test]
fn a_command_through_a_silent_network_ends() {
    let rig = Rig::new();
    rig.proxy.stall(true);
    let outcome = spawn(&rig.url(), &["start", &rig.plan()]).outcome().exits(1);
    assert!(outcome.stderr.contains("no answer within"), "{outcome}");
}

#[test]
fn a_late_and_narrow_network_that_is_cut_costs_time_alone() {
    let rig = Rig::new();
    rig.proxy.delay(Duration::from_millis(20));
    rig.proxy.bandwidth(200_000);
    let mut running = rig.filling();
    for _ in 0..3 {
        rig.proxy.drop_all();
        let before = rig.done();
        wait_for("it to go on", PATIENCE, || {
            assert!(running.is_alive(), "it ended: {}", running.said());
            (rig.done() > before).then_some(())
        });
    }
    rig.proxy.delay(Duration::ZERO);
    rig.proxy.bandwidth(0);
    rig.ends(running);
}
