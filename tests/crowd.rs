//! Too many at once: supervisors that all want the same rollout, and a server without a connection left. Real servers; must
//! not look into Segue.

mod common;

use common::{At, Folder, Gate, PATIENCE, Running, segue, state, status, wait_for};
use segue::sandbox::{self, Cluster, Options, wire::Session};

const ROWS: i64 = 1500;
const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer NOT NULL, pad text);
INSERT INTO t SELECT n, n, repeat('p', 80) FROM generate_series(1, 1500) n;
CREATE FUNCTION slow(integer) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN $1; END';
";
const PLAN: &str =
    "operations:\n  - alter_column: {table: t, column: a, type: bigint, up: slow(a), down: a::integer}\n";

#[track_caller]
fn wait_filling(running: &mut Running, at: At<'_>) {
    wait_for("rows to be filled", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let begun = at.is_true("SELECT to_regclass('segue.records') IS NOT NULL")
            && state(&at.url()) == "backfilling";
        let filled = || at.is_true("SELECT count(*) FILTER (WHERE _segue_pending) < count(*) FROM t");
        (begun && filled()).then_some(())
    });
}

/// Completes it, and every row has what `up` gives.
#[track_caller]
fn completes(at: At<'_>) {
    segue(&at.url(), &["complete"]).exits(0);
    assert_eq!(at.value("SELECT count(*) FROM t WHERE a = id"), Some(ROWS.to_string()));
    assert_eq!(at.value("SELECT pg_typeof(a) FROM t LIMIT 1").as_deref(), Some("bigint"));
}

#[test]
fn of_any_number_of_supervisors_one_has_it_at_a_time() {
    for crowd in [2, 3, 16] {
        let (database, folder) = (sandbox::database().unwrap(), Folder::new());
        let at = At::of(&database);
        let url = at.url();
        at.query(BEFORE);
        let gate = Gate::closed(&folder);
        let mut first = gate.spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
        wait_filling(&mut first, at);
        first.kill();
        // One has it, and the others' word reaches that one; however late they come, it is not over before.
        let mut all: Vec<Running> = (0..crowd).map(|_| gate.spawn(&url, &["resume"])).collect();
        wait_for("all but one to have given their word", PATIENCE, || {
            let left = all.iter_mut().filter_map(|one| one.is_alive().then_some(())).count();
            (left <= 1).then_some(())
        });
        gate.open();
        for one in all {
            one.outcome().exits(0);
        }
        assert_eq!(state(&url), "ready", "of {crowd}");
        let up =
            at.query("SELECT body->>'term' FROM segue.records WHERE kind = 'supervisor_up' ORDER BY seq");
        assert_eq!(up, [[Some("1".to_owned())], [Some("2".to_owned())]], "of {crowd}, who was in charge");
        completes(at);
    }
}

/// Takes every connection that an ordinary role can have, and ends those that somebody else has. The one that asks is
/// always the same: a session that was closed counts until its process has ended.
fn take_all(cluster: &Cluster, admin: &mut Session, taken: &mut Vec<Session>) {
    admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mover'").unwrap();
    let free = "SELECT count(*) < 17 FROM pg_stat_activity WHERE backend_type = 'client backend'";
    while is_true(admin, free) {
        taken.push(cluster.session("postgres").unwrap());
    }
}

fn is_true(session: &mut Session, sql: &str) -> bool {
    session.query(sql).unwrap() == [[Some("t".to_owned())]]
}

#[test]
fn a_server_without_a_connection_left_is_waited_for() {
    let cluster = Cluster::start(
        // Seventeen for ordinary roles; the others are for those of the test that have not quite ended yet.
        &Options::test().set("max_connections", "40").set("superuser_reserved_connections", "23"),
    )
    .unwrap();
    let folder = Folder::new();
    let at = At { cluster: &cluster, name: "postgres" };
    at.query(
        "CREATE ROLE mover LOGIN; GRANT CREATE ON DATABASE postgres TO mover;
         GRANT ALL ON SCHEMA public TO mover; GRANT pg_read_all_stats TO mover",
    );
    at.query(BEFORE);
    at.query("ALTER TABLE t OWNER TO mover");
    let url = at.url().replacen("postgres@", "mover@", 1);
    let gate = Gate::closed(&folder);
    let mut running = gate.spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
    wait_filling(&mut running, at);
    let (mut admin, mut taken) = (cluster.session("postgres").unwrap(), Vec::new());
    wait_for("it to be without a session", PATIENCE, || {
        assert!(running.is_alive(), "it gave up: {}", running.said());
        take_all(&cluster, &mut admin, &mut taken);
        is_true(&mut admin, "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'mover'").then_some(())
    });
    wait_for("it to be told that there is no connection", PATIENCE, || {
        assert!(running.is_alive(), "it gave up: {}", running.said());
        cluster.log().contains("remaining connection slots are reserved").then_some(())
    });
    gate.open();
    drop(taken);
    running.outcome().exits(0);
    assert_eq!(status(&at.url())["rollout"]["state"], "ready");
    completes(at);
}
