//! Strong locks from outside: who is in the way, on the primary and on standbys, is named and not queued behind, and
//! the rollout goes on by itself when it may. Real servers; must not look into Segue.

mod common;

use common::{At, Folder, PATIENCE, Running, segue, spawn, state, status, wait_for};
use segue::sandbox::{self, Cluster, Options, Pair};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer, pad text);
INSERT INTO t SELECT n, n, repeat('p', 80) FROM generate_series(1, 4000) n;
";

const PLAN: &str = "operations:\n  - alter_column: {table: t, column: a, type: bigint, up: a, down: a}\n";

/// Until the supervisor says of the lock that it waits for what this is about; all of what it says.
#[track_caller]
fn named(running: &mut Running, url: &str, who: &[&str]) -> String {
    wait_for(&format!("{who:?} to be named"), PATIENCE, || {
        assert!(running.is_alive(), "it ended although the table is held: {}", running.said());
        let said = status(url)["rollout"]["blockers"].as_str().unwrap_or_default().to_owned();
        who.iter().all(|who| said.contains(who)).then_some(said)
    })
}

#[test]
fn a_reader_on_a_standby_is_named_and_no_replay_waits_for_it() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &pair.primary, name: "postgres" };
    let url = at.url();
    at.query(BEFORE);
    pair.wait_caught_up().unwrap();
    let standby = format!("{}={}", Pair::STANDBY, pair.standby.url("postgres"));
    let plan = folder.file("plan.yaml", PLAN);
    let again = folder.file("again.yaml", PLAN);
    let reading = |name: &str| {
        let mut reader = pair.standby.session("postgres").unwrap();
        reader.query(&format!("SET application_name = '{name}'; BEGIN; SELECT count(*) FROM t")).unwrap();
        reader
    };
    let commands: [(&[&str], &str); 4] = [
        (&["start", &plan], "ready"),
        (&["rollback"], "rolled_back"),
        (&["start", &again], "ready"),
        (&["complete"], "completed"),
    ];
    for (command, end) in commands {
        let mut reader = reading("nightly report");
        let mut running = spawn(&url, &[command, &["--standby", &standby]].concat());
        named(&mut running, &url, &["on standby standby1 pid", "nightly report", "SELECT count(*)"]);
        // What is written meanwhile is replayed: nothing stands in a queue there.
        at.query("UPDATE t SET pad = 'q' WHERE id = 7");
        pair.wait_caught_up().unwrap();
        assert!(running.is_alive(), "{}", running.said());
        reader
            .query("COMMIT")
            .unwrap_or_else(|error| panic!("{command:?}: the reader was cancelled: {error}"));
        running.outcome().exits(0);
        assert_eq!(state(&url), end);
    }
    // A standby set to end such queries before it falls behind is taken at its word.
    pair.standby.query("postgres", "ALTER SYSTEM SET max_standby_streaming_delay = '100ms'").unwrap();
    pair.standby.query("postgres", "SELECT pg_reload_conf()").unwrap();
    wait_for("the setting to be in force", PATIENCE, || {
        let shown = pair.standby.query("postgres", "SHOW max_standby_streaming_delay").unwrap();
        (shown[0][0].as_deref() == Some("100ms")).then_some(())
    });
    let _reader = reading("one that may be ended");
    let third = folder.file("third.yaml", &PLAN.replace("bigint", "numeric"));
    segue(&url, &["start", &third, "--standby", &standby]).exits(0);
    pair.wait_caught_up().unwrap();
}

#[test]
fn a_standby_that_counts_for_nothing_now_keeps_nobody_waiting() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &pair.primary, name: "postgres" };
    let url = at.url();
    at.query(BEFORE);
    pair.wait_caught_up().unwrap();
    let text =
        format!("standbys: [{{name: {}, url: \"{}\"}}]\n", Pair::STANDBY, pair.standby.url("postgres"));
    folder.file("segue.yaml", &text);
    let plan = folder.file("plan.yaml", PLAN);
    let mut reader = pair.standby.session("postgres").unwrap();
    reader.query("BEGIN; SELECT count(*) FROM t").unwrap();
    let mut running = common::spawn_in(&folder, &url, &["start", &plan]);
    named(&mut running, &url, &["on standby standby1"]);
    segue(&url, &["ignore-standby", Pair::STANDBY, "--for", "10m"]).exits(0);
    running.outcome().exits(0);
    assert_eq!(state(&url), "ready");
}

/// A server on which autovacuum starts each second and takes its time over `t`: by pages of `delay` ms and more. None begins
/// before `and` is done.
fn with_slow_autovacuum(delay: u32, and: &str) -> Cluster {
    let options = Options::test().set("autovacuum_naptime", "1s");
    let cluster = Cluster::start(&options).unwrap();
    let at = At { cluster: &cluster, name: "postgres" };
    at.query(BEFORE);
    at.query(&format!(
        "ALTER TABLE t SET (autovacuum_vacuum_cost_delay = {delay}, autovacuum_vacuum_cost_limit = 1,
           autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 1000000)"
    ));
    at.query(and);
    at.query("ALTER SYSTEM SET autovacuum = on");
    at.query("SELECT pg_reload_conf()");
    cluster
}

/// The pid of the autovacuum that works on `t`.
fn autovacuum(at: At<'_>) -> Option<String> {
    at.value(
        "SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
          WHERE a.backend_type = 'autovacuum worker' AND l.relation = 't'::regclass AND l.granted",
    )
}

#[test]
fn an_autovacuum_makes_way_at_once_where_the_role_may() {
    let (cluster, folder) = (with_slow_autovacuum(100, "UPDATE t SET pad = 'q'"), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    wait_for("an autovacuum", PATIENCE, || autovacuum(at));
    segue(&at.url(), &["start", &folder.file("plan.yaml", PLAN)]).exits(0);
    assert_eq!(state(&at.url()), "ready");
    assert!(
        cluster.log().contains("canceling autovacuum task"),
        "nothing was in the way:\n{}",
        cluster.log()
    );
}

#[test]
fn an_autovacuum_makes_way_for_one_longer_wait_where_the_role_may_not() {
    let owned = "CREATE ROLE owner LOGIN; GRANT pg_read_all_stats TO owner; GRANT CREATE ON DATABASE postgres TO owner;
         GRANT ALL ON SCHEMA public TO owner; ALTER TABLE t OWNER TO owner; UPDATE t SET pad = 'q'";
    let (cluster, folder) = (with_slow_autovacuum(100, owned), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    wait_for("an autovacuum", PATIENCE, || autovacuum(at));
    let url = at.url().replacen("postgres@", "owner@", 1);
    let outcome = segue(&url, &["start", &folder.file("plan.yaml", PLAN)]).exits(0);
    assert!(outcome.took > Duration::from_secs(1), "it cannot have waited: {outcome}");
    assert_eq!(state(&url), "ready");
    assert!(
        cluster.log().contains("canceling autovacuum task"),
        "nothing was in the way:\n{}",
        cluster.log()
    );
}

#[test]
fn an_autovacuum_against_wraparound_is_waited_for() {
    // Its guard holds the rollout, and where an operator does without, it is in the way of the lock: waited for
    // either way, and named.
    let off = "guards: {wraparound_vacuum: off}\n";
    thread::scope(|scope| {
        scope.spawn(|| wraparound_waits("", "a vacuum against wraparound of public.t (pid "));
        scope.spawn(|| wraparound_waits(off, "autovacuum to prevent wraparound"));
    });
}

fn wraparound_waits(guards: &str, said: &str) {
    // No other autovacuum comes before.
    let settings = "ALTER TABLE t SET (autovacuum_freeze_max_age = 100000, autovacuum_freeze_min_age = 0,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_threshold = 1000000)";
    let (cluster, folder) = (with_slow_autovacuum(75, settings), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    at.query(
        "CREATE TEMP TABLE spent (n integer);
         DO $$ BEGIN FOR n IN 1..101000 LOOP
           BEGIN INSERT INTO spent VALUES (n); EXCEPTION WHEN division_by_zero THEN NULL; END;
         END LOOP; END $$",
    );
    let pid = wait_for("an autovacuum", PATIENCE, || autovacuum(at));
    let url = at.url();
    let mut running = spawn(&url, &["start", &folder.file("plan.yaml", &format!("{PLAN}{guards}"))]);
    wait_for(&format!("{said:?} to be named"), PATIENCE, || {
        assert!(running.is_alive(), "it ended although the table is vacuumed: {}", running.said());
        let told = status(&url)["rollout"].to_string();
        [said, &pid].iter().all(|who| told.contains(who)).then_some(())
    });
    running.outcome().exits(0);
    assert_eq!(state(&url), "ready");
    assert!(!cluster.log().contains("canceling autovacuum task"), "it was cancelled:\n{}", cluster.log());
}

#[test]
fn who_holds_only_a_partition_is_in_the_way_as_well() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(
        "CREATE TABLE t (id bigint, a integer) PARTITION BY RANGE (id);
         CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (100);
         CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (100) TO (200);
         INSERT INTO t SELECT n, n FROM generate_series(1, 199) n",
    );
    let mut holder = database.session().unwrap();
    holder.query("SET application_name = 'forgot to commit'; BEGIN; SELECT count(*) FROM t_2").unwrap();
    let mut running = spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
    named(&mut running, &url, &["forgot to commit", "idle in transaction", "on t_2"]);
    // Nobody queues behind Segue: it does not ask.
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        let waiting = at
            .value("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation::regclass::text LIKE 't%'")
            .unwrap();
        assert_eq!(waiting, "0", "somebody waits for a lock");
        thread::sleep(Duration::from_millis(50));
    }
    holder.query("COMMIT").unwrap();
    running.outcome().exits(0);
    assert_eq!(state(&url), "ready");
}

#[test]
fn a_prepared_transaction_is_named() {
    let options = Options::test().set("max_prepared_transactions", "2");
    let (cluster, folder) = (Cluster::start(&options).unwrap(), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    let url = at.url();
    at.query(BEFORE);
    cluster
        .session("postgres")
        .unwrap()
        .query("BEGIN; UPDATE t SET a = 0 WHERE id = 1; PREPARE TRANSACTION 'forgotten'")
        .unwrap();
    let mut running = spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
    named(
        &mut running,
        &url,
        &["the prepared transaction 'forgotten'", "transaction open for", "RowExclusiveLock on t"],
    );
    at.query("COMMIT PREPARED 'forgotten'");
    running.outcome().exits(0);
    assert_eq!(state(&url), "ready");
}

#[test]
fn index_builds_are_waited_for_and_say_whom_they_wait_for() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let old_snapshot = |name: &str| {
        let mut session = database.session().unwrap();
        let sql = format!("SET application_name = '{name}'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
        session.query(&sql).unwrap();
        session
    };
    // Somebody else's, which has to wait.
    let mut first = old_snapshot("first");
    let mut other = database.session().unwrap();
    let building =
        thread::spawn(move || other.query("CREATE INDEX CONCURRENTLY t_pad ON t (pad)").map(|_| ()));
    // Whoever takes a snapshot before it comes to its own last wait is waited for there as well.
    let waiting = "SELECT 1 FROM pg_stat_progress_create_index
        WHERE datname = current_database() AND phase = 'waiting for old snapshots'";
    wait_for("the build to wait", PATIENCE, || at.value(waiting));
    let plan = format!("{PLAN}  - create_index: {{table: t, name: t_a, columns: [{{column: a}}]}}\n");
    let mut running = spawn(&url, &["start", &folder.file("plan.yaml", &plan)]);
    named(&mut running, &url, &["CREATE INDEX CONCURRENTLY t_pad"]);
    // Then Segue's own.
    let mut second = old_snapshot("second");
    first.query("COMMIT").unwrap();
    named(&mut running, &url, &["the index build waits for pid", "second"]);
    building.join().unwrap().expect("the other build comes to its end");
    second.query("COMMIT").unwrap();
    running.outcome().exits(0);
    assert_eq!(state(&url), "ready");
}

#[test]
fn what_is_written_without_a_break_and_what_it_points_at_are_had_together() {
    // A write holds `written` all along, and `a_parent`, which comes first by name, from its end on.
    had_together("INSERT INTO written (parent) VALUES (1 + random() * 40)");
    // The other way round.
    had_together(
        "BEGIN; INSERT INTO a_parent VALUES (nextval('parents')); SELECT pg_sleep(0.03);
         INSERT INTO written (parent) VALUES (currval('parents')); COMMIT",
    );
}

fn had_together(writing: &str) {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(
        "CREATE SEQUENCE parents START 100;
         CREATE TABLE a_parent (id integer PRIMARY KEY);
         INSERT INTO a_parent SELECT n FROM generate_series(1, 50) n;
         CREATE TABLE written (id bigserial PRIMARY KEY, parent integer NOT NULL REFERENCES a_parent);
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep(0.03); RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE INSERT ON written FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let write = || {
            let mut session = database.session().unwrap();
            while !stop.load(Ordering::Relaxed) {
                session.query(writing).unwrap();
            }
        };
        for _ in 0..3 {
            scope.spawn(write);
        }
        // Whatever comes of it, the writers end.
        let rolled_out = std::panic::catch_unwind(|| {
            let plan = "operations: [{widen_key: {table: a_parent, column: id}}]";
            segue(&url, &["start", &folder.file("plan.yaml", plan)]).exits(0);
            segue(&url, &["complete"]).exits(0);
        });
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = rolled_out {
            std::panic::resume_unwind(panic);
        }
    });
    let type_name = "SELECT format_type(atttypid, NULL) FROM pg_attribute
                      WHERE attrelid = 'written'::regclass AND attname = 'parent'";
    assert_eq!(at.value(type_name).as_deref(), Some("bigint"));
}
