//! Which server it is: restarted, promoted away, left alone, set read-only, or another one behind the same name. Real servers;
//! must not look into Segue.

mod common;

use common::{
    At, Folder, Gate, PATIENCE, Running,
    schema::{Compare, catalog, differences, leftovers, row_differences, rows},
    segue, status, wait_for, wait_left,
};
use segue::{
    catalog::Order,
    sandbox::{self, Cluster, Options, Pair, Shutdown},
};
use serde_json::Value;
use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
};

const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer, pad text);
INSERT INTO t SELECT n, n, repeat('p', 80) FROM generate_series(1, 4000) n;
CREATE FUNCTION slow(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN $1; END';
";

/// About a millisecond a row. No guard keeps it from going on without a standby.
const PLAN: &str =
    "operations:\n  - alter_column: {table: t, column: a, type: bigint, up: slow(a), down: a}\n";

/// One address for several servers, tried in turn.
fn either(servers: &[&Cluster]) -> String {
    let list = |of: &dyn Fn(&Cluster) -> String| servers.iter().map(|s| of(s)).collect::<Vec<_>>().join(",");
    format!(
        "host={} port={} user=postgres dbname=postgres",
        list(&|server| server.directory().display().to_string()),
        list(&|server| server.port().to_string())
    )
}

#[track_caller]
fn wait_filling(running: &mut Running, url: &str) {
    wait_for("some rows to be filled", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let status = status(url);
        let done = status["rollout"]["backfill"][0]["rows_done"].as_u64().unwrap_or(0);
        (status["rollout"]["state"] == "backfilling" && (1..4000).contains(&done)).then_some(())
    })
}

fn hold(status: &Value, by: &str) -> Option<Value> {
    status["rollout"]["holds"].as_array()?.iter().find(|hold| hold["by"] == by).cloned()
}

/// The schema and the rows are what plain DDL makes of `BEFORE`.
#[track_caller]
fn is_as_plain(at: At<'_>) {
    let twin = sandbox::database().unwrap();
    let twin = At::of(&twin);
    twin.query(BEFORE);
    twin.query("ALTER TABLE t ALTER a TYPE bigint");
    let (plain, ours) = (catalog(twin, "public"), catalog(at, "public"));
    let different = differences(&plain, &ours, Order::Ignored);
    assert!(different.is_empty(), "the schema is not plain DDL's: {different:#?}");
    let compare = Compare::default();
    let different = row_differences(&rows(twin, &plain, &compare), &rows(at, &ours, &compare));
    assert!(different.is_empty(), "the rows are not plain SQL's: {different:#?}");
    let left = leftovers(at, &["public_plan"]);
    assert!(left.is_empty(), "left behind: {left:#?}");
}

#[test]
fn a_standby_promoted_in_the_place_of_a_dead_primary_is_gone_on_with() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let url = either(&[&pair.primary, &pair.standby]);
    At { cluster: &pair.primary, name: "postgres" }.query(BEFORE);
    pair.wait_caught_up().unwrap();
    let gate = Gate::closed(&folder);
    let mut running = gate.spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
    wait_filling(&mut running, &url);
    pair.primary.kill9().unwrap();
    pair.standby.promote().unwrap();
    gate.open();
    let outcome = running.outcome().exits(0);
    assert!(outcome.said().contains("promoted"), "it was to be told: {outcome}");
    let at = At { cluster: &pair.standby, name: "postgres" };
    let different = at.query(
        "SELECT * FROM public.t o FULL JOIN public_plan.t n USING (id) WHERE o.a IS DISTINCT FROM n.a",
    );
    assert!(different.is_empty(), "{different:?}");
    segue(&url, &["complete"]).exits(0);
    is_as_plain(at);
}

#[test]
fn while_there_is_no_primary_a_standby_tells_how_things_stand() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let url = either(&[&pair.primary, &pair.standby]);
    At { cluster: &pair.primary, name: "postgres" }.query(BEFORE);
    segue(&url, &["start", &folder.file("plan.yaml", PLAN)]).exits(0);
    pair.wait_caught_up().unwrap();
    pair.primary.stop(Shutdown::Immediate).unwrap();
    let told = segue(&url, &["status", "--json"]).exits(0);
    assert_eq!(told.json()["rollout"]["state"], "ready");
    assert!(told.stderr.contains("may be behind"), "{told}");
    for looks in ["status", "history", "log", "clients"] {
        segue(&url, &[looks]).exits(0);
    }
    // What writes, or has to know, does not take its word.
    for needs_a_primary in ["verify", "pause", "rollback", "complete"] {
        segue(&url, &[needs_a_primary]).exits(1);
    }
}

#[test]
fn a_primary_that_is_left_alone_is_not_written_to_and_its_successor_is_gone_on_with() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let url = either(&[&pair.primary, &pair.standby]);
    let old = At { cluster: &pair.primary, name: "postgres" };
    old.query(BEFORE);
    pair.wait_caught_up().unwrap();
    let plan = folder.file("plan.yaml", PLAN);
    // Whatever the guards say: one that may be blind does not hold.
    let gate = Gate::closed(&folder);
    let mut running = gate.spawn(&url, &["start", &plan, "--accept-blind", "replication_lag"]);
    wait_filling(&mut running, &url);
    pair.standby.promote().unwrap();
    let hold = wait_for("the hold", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        hold(&status(&old.url()), "alone")
    });
    assert!(hold["reason"].as_str().is_some_and(|why| why.contains(Pair::STANDBY)), "{hold}");
    gate.open();
    let pending = || old.value("SELECT count(*) FROM t WHERE _segue_pending").unwrap();
    let left = wait_for("the slice in hand to end", PATIENCE, || {
        let before = pending();
        std::thread::sleep(std::time::Duration::from_millis(300));
        (pending() == before).then_some(before)
    });
    assert_ne!(left, "0", "the hold came too late");
    // It is taken away, as whoever promoted the other has to see to.
    pair.primary.stop(Shutdown::Immediate).unwrap();
    running.outcome().exits(0);
    segue(&url, &["complete"]).exits(0);
    is_as_plain(At { cluster: &pair.standby, name: "postgres" });
}

#[test]
fn a_restart_in_the_midst_of_it_is_gone_on_with_and_journalled() {
    let (cluster, folder) = (Cluster::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    at.query(BEFORE);
    let url = at.url();
    let gate = Gate::closed(&folder);
    let mut running = gate.spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
    wait_filling(&mut running, &url);
    cluster.stop(Shutdown::Immediate).unwrap();
    cluster.start_again().unwrap();
    gate.open();
    running.outcome().exits(0);
    let seen = at.value("SELECT count(*) FROM segue.records WHERE kind = 'server_seen'").unwrap();
    assert_eq!(seen, "2", "one at the start, one after the restart");
    segue(&url, &["complete"]).exits(0);
    is_as_plain(at);
}

#[test]
fn a_server_that_is_set_read_only_is_waited_for() {
    let (cluster, folder) = (Cluster::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    at.query(BEFORE);
    let url = at.url();
    let gate = Gate::closed(&folder);
    let mut running = gate.spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
    wait_filling(&mut running, &url);
    let set = |to: &str| {
        let sql = format!(
            "SET default_transaction_read_only = off; ALTER SYSTEM SET default_transaction_read_only = {to}"
        );
        let mut session = cluster.session("postgres").unwrap();
        for sql in sql.split("; ").chain(["SELECT pg_reload_conf()"]) {
            session.query(sql).unwrap();
        }
    };
    set("on");
    wait_for("it to be in force", PATIENCE, || {
        at.value("SHOW default_transaction_read_only").filter(|is| is == "on")
    });
    gate.open();
    let pending = || at.value("SELECT count(*) FROM t WHERE _segue_pending");
    let left = wait_for("the work to stop", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let before = pending();
        std::thread::sleep(std::time::Duration::from_millis(500));
        (before == pending()).then_some(before)
    });
    assert_ne!(left.as_deref(), Some("0"), "it came too late");
    set("off");
    running.outcome().exits(0);
    segue(&url, &["complete"]).exits(0);
    is_as_plain(at);
}

/// The sandbox's servers are copies of one template, and so one system: this makes another of it.
fn initialize_anew(cluster: &Cluster) {
    cluster.stop(Shutdown::Fast).unwrap();
    let (data, fresh) = (cluster.data_directory(), cluster.data_directory().with_extension("fresh"));
    let owner = fs::metadata(&data).unwrap();
    fs::create_dir(&fresh).unwrap();
    std::os::unix::fs::chown(&fresh, Some(owner.uid()), Some(owner.gid())).unwrap();
    let mut initdb = std::process::Command::new(cluster.binaries().directory().join("initdb"));
    initdb.args(["-N", "-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8", "-D"]).arg(&fresh);
    if nix::unistd::geteuid().is_root() {
        initdb.uid(owner.uid()).gid(owner.gid());
    }
    let made = initdb.current_dir(&fresh).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for name in ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf"] {
        if let Ok(text) = fs::read(data.join(name)) {
            fs::write(fresh.join(name), text).unwrap();
        }
    }
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&fresh, &data).unwrap();
    cluster.start_again().unwrap();
}

#[test]
fn another_cluster_behind_the_same_name_is_refused_for_ever() {
    let (first, folder) = (Cluster::start(&Options::test()).unwrap(), Folder::new());
    let second = Cluster::start(&Options::test()).unwrap();
    initialize_anew(&second);
    let at = At { cluster: &first, name: "postgres" };
    at.query(BEFORE);
    // The name is a directory that either's socket can be linked into.
    let name = folder.file("name", "");
    fs::remove_file(&name).unwrap();
    fs::create_dir(&name).unwrap();
    let socket = |of: &Cluster| of.directory().join(format!(".s.PGSQL.{}", of.port()));
    let link = std::path::Path::new(&name).join(".s.PGSQL.5432");
    std::os::unix::fs::symlink(socket(&first), &link).unwrap();
    let url = format!("host={name} port=5432 user=postgres dbname=postgres");
    let plan = folder.file("plan.yaml", PLAN);
    // The other one has a rollout of its own, of the same plan.
    let other = At { cluster: &second, name: "postgres" };
    other.query(BEFORE);
    let gate = Gate::closed(&folder);
    let mut theirs = gate.spawn(&other.url(), &["start", &plan]);
    wait_filling(&mut theirs, &other.url());
    theirs.kill();
    wait_left(other);
    let journal = || other.value("SELECT count(*) || ' ' || max(seq) || ' ' || max(term) FROM segue.records");
    let term = || other.value("SELECT max(term) FROM segue.lease");
    let before = (journal(), term());
    let mut running = gate.spawn(&url, &["start", &plan]);
    wait_filling(&mut running, &url);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(socket(&second), &link).unwrap();
    first.stop(Shutdown::Immediate).unwrap();
    gate.open();
    let outcome = running.outcome().exits(4);
    assert!(outcome.said().contains("another database cluster"), "{outcome}");
    assert_eq!((journal(), term()), before, "something was written there");
    // A dump of the first one restored there would have its journal.
    other.query(
        "SET session_replication_role = replica;
         UPDATE segue.records SET body = jsonb_set(body, '{server,system}', '\"1\"') WHERE kind = 'server_seen'",
    );
    for command in ["resume", "rollback"] {
        let outcome = segue(&url, &[command]).exits(4);
        assert!(outcome.said().contains("another database cluster"), "{outcome}");
    }
    assert_eq!((journal(), term()), before, "something was written there");
}
