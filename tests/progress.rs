//! What a fill says of itself and what comes around it, against real servers: its cost over a kill, ANALYZE
//! before, VACUUM after, and the triggers it fires.

mod common;

use common::{At, Folder, PATIENCE, Running, segue, spawn, status, wait_for};
use segue::sandbox::{self, Cluster, Options};
use serde_json::Value;

const TABLE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer, pad text) WITH (autovacuum_enabled = off);
CREATE INDEX t_a ON t (a);
INSERT INTO t SELECT n, n, repeat('p', 80) FROM generate_series(1, 6000) n;
";
/// Twice as many rows, and few to a page, so that there are many ranges to be filled.
fn sparse() -> String {
    TABLE.replace("= off)", "= off, fillfactor = 10)").replace("6000", "12000")
}

/// Long enough for all of a test, until it is lifted.
const RATE: &str = "backfill: {rate: 150}\n";

fn plan(settings: &str) -> String {
    format!(
        "operations:\n  - add_column: {{table: t, column: {{name: b, type: int, nullable: true}}, up: a}}\n{settings}"
    )
}

fn lift_rate(url: &str) {
    segue(url, &["tune", "rate", "off"]).exits(0);
}

fn table(status: &Value) -> Value {
    status["rollout"]["backfill"][0].clone()
}

/// Until `t` has been filled in part; what status says of it then.
#[track_caller]
fn wait_filling(running: &mut Running, url: &str, more_than: u64) -> Value {
    wait_for("rows to be filled", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let table = table(&status(url));
        let rows = table["rows_done"].as_u64().unwrap_or(0);
        (table["stage"] == "filling" && rows > more_than && !table["dead_rows"].is_null()).then_some(table)
    })
}

/// What a line of JSON says of `t` while it is filled.
fn filling(line: &Value) -> Option<&Value> {
    let table = &line["backfill"][0];
    (line["event"] == "progress" && table["stage"] == "filling").then_some(table)
}

/// Until a command has said so of `t`.
#[track_caller]
fn wait_said(running: &mut Running, what: &str, fits: impl Fn(&Value) -> bool) {
    wait_for(&format!("{what} to be said"), PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let said = running.said();
        let mut lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.any(|line| filling(&line).is_some_and(&fits)).then_some(())
    });
}

fn records(at: At<'_>, kind: &str) -> Vec<Value> {
    let sql = format!("SELECT body FROM segue.records WHERE kind = '{kind}' ORDER BY seq");
    let bodies = at.query(&sql).into_iter().flatten().flatten();
    bodies.map(|body| serde_json::from_str(&body).expect("a body is JSON")).collect()
}

#[test]
fn what_was_measured_at_the_beginning_outlives_a_kill() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(&sparse());
    let file = folder.file("plan.yaml", &plan(RATE));
    let mut first = spawn(&url, &["start", &file]);
    let seen = wait_filling(&mut first, &url, 0);
    let before = (seen["table_bytes_before"].clone(), seen["index_bytes_before"].clone());
    assert!(before.0.as_u64().unwrap() > 500_000 && before.1.as_u64().unwrap() > 100_000, "{seen}");
    assert_eq!(seen["wal_bytes_is"], "server");
    let total = seen["blocks_total"].as_u64().unwrap();
    assert!(total > 60 && seen["blocks_done"].as_u64().unwrap() < total, "{seen}");
    assert_eq!(seen["rows_total"], 12000, "it was analysed before");
    first.kill();
    // Nobody watches: what can be looked at is known, what must be watched is not.
    let killed = wait_for("the supervisor to be gone", PATIENCE, || {
        let status = status(&url);
        (status["rollout"]["supervisor"]["alive"] == false).then(|| table(&status))
    });
    assert_eq!((&killed["table_bytes_before"], &killed["index_bytes_before"]), (&before.0, &before.1));
    assert!(killed["rows_per_second"].is_null() && killed["eta_seconds"].is_null(), "{killed}");
    assert!(killed["table_growth"].as_f64().unwrap() >= 1.0, "{killed}");
    let wal = killed["wal_bytes"].as_u64().unwrap();
    assert!(wal > 0);

    let mut second = spawn(&url, &["resume", "--json"]);
    let seen = wait_filling(&mut second, &url, killed["rows_done"].as_u64().unwrap());
    assert_eq!((&seen["table_bytes_before"], &seen["index_bytes_before"]), (&before.0, &before.1));
    assert!(seen["wal_bytes"].as_u64().unwrap() >= wal);
    wait_said(&mut second, "how far it is", |_| true);
    segue(&url, &["pause"]).exits(0);
    wait_for("a pause to promise nothing", PATIENCE, || {
        let table = table(&status(&url));
        (table["stage"] == "filling" && table["eta_seconds"].is_null()).then_some(())
    });
    lift_rate(&url);
    segue(&url, &["resume"]).exits(0);
    let said = second.outcome().exits(0).json_lines();
    let first = said.iter().find_map(filling).expect("it said how far it is");
    assert!(first["eta_seconds"].is_null(), "an end is promised before anything was watched");

    let done = table(&status(&url));
    assert_eq!((&done["table_bytes_before"], &done["stage"]), (&before.0, &Value::from("done")));
    assert!(done["table_growth"].as_f64().unwrap() >= 1.0 && done["index_growth"].as_f64().unwrap() >= 1.0);
    let measured = records(at, "measured");
    let moments: Vec<&Value> = measured.iter().map(|record| &record["moment"]).collect();
    assert_eq!(moments, ["began", "ended"], "each once, whoever did it");
    let text = segue(&url, &["status"]).exits(0).stdout;
    assert!(text.contains("table ×") && text.contains("of WAL (the whole server's)"), "{text}");
}

#[test]
fn an_end_is_predicted_once_it_was_watched_for_a_while() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    at.query(&sparse());
    let file = folder.file("plan.yaml", &plan(RATE));
    let mut running = spawn(&at.url(), &["start", &file, "--json"]);
    wait_said(&mut running, "an end", |table| table["eta_seconds"].is_number());
    lift_rate(&at.url());
    let said = running.outcome().exits(0).json_lines();
    let tables: Vec<&Value> = said.iter().filter_map(filling).collect();
    let seconds = |table: &Value| table["eta_seconds"].as_f64();
    assert_eq!(tables.first().and_then(|table| seconds(table)), None);
    // So many rows a second are allowed, and a few more at the beginning.
    let first = tables.iter().find(|table| seconds(table).is_some()).expect("an end is predicted");
    let left = (12000.0 - first["rows_done"].as_f64().unwrap()) / 150.0;
    assert!((left / 4.0..left * 20.0).contains(&seconds(first).unwrap()), "{first}");
    assert!(tables.iter().any(|table| table["rows_per_second"].as_f64().is_some_and(|rate| rate > 1.0)));
}

#[test]
fn a_table_never_analysed_is_analysed_before_leaf_by_leaf() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    at.query(
        "CREATE TABLE t (id bigint, a integer) PARTITION BY RANGE (id);
         CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (1000) WITH (autovacuum_enabled = off);
         CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (1000) TO (2000) WITH (autovacuum_enabled = off);
         CREATE TABLE t_3 PARTITION OF t FOR VALUES FROM (2000) TO (3000) WITH (autovacuum_enabled = off);
         INSERT INTO t SELECT n, n FROM generate_series(0, 1999) n;
         ANALYZE t_2",
    );
    let counts = "SELECT string_agg(relname || ' ' || analyze_count, ', ' ORDER BY relname)
                    FROM pg_stat_user_tables WHERE relname LIKE 't\\__'";
    wait_for("the statistics", PATIENCE, || {
        (at.value(counts).as_deref() == Some("t_1 0, t_2 1, t_3 0")).then_some(())
    });
    let file = folder.file("plan.yaml", &plan(""));
    segue(&at.url(), &["start", &file]).exits(0);
    // Not again where it was, and not where there is nothing to count.
    wait_for("the statistics", PATIENCE, || {
        (at.value(counts).as_deref() == Some("t_1 1, t_2 1, t_3 0")).then_some(())
    });
    let totals = "SELECT string_agg(coalesce(rows_total::text, 'unknown'), ', ' ORDER BY relation)
                    FROM segue.backfills WHERE run = 0";
    assert_eq!(at.value(totals).as_deref(), Some("1000, 1000, 0"));
}

#[test]
fn a_vacuum_after_the_fill_is_a_step_that_never_fails() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    // Asked for by the project and not by the plan: it is skipped, and what is left is told.
    let file = folder.file("first.yaml", &plan("backfill: {vacuum: false}\n"));
    let said = segue(&url, &["start", &file]).exits(0).said();
    assert!(records(at, "vacuumed").is_empty());
    assert!(said.contains("first") || said.contains("ready"), "{said}");
    let left = wait_for("the dead rows to be counted", PATIENCE, || {
        let text = segue(&url, &["status"]).exits(0).stdout;
        text.contains("left to autovacuum").then_some(text)
    });
    assert!(left.contains("VACUUM (TRUNCATE false, PARALLEL 0) \"public\".\"t\""), "{left}");
    segue(&url, &["rollback"]).exits(0);

    let file = folder.file("second.yaml", &plan("backfill: {vacuum: true}\n"));
    let explained = segue(&url, &["explain", &file]).exits(0).stdout;
    assert!(explained.contains("vacuum t") && explained.contains("VACUUM (TRUNCATE false"), "{explained}");
    let said = segue(&url, &["start", &file]).exits(0).stdout;
    assert!(said.contains("vacuumed t: "), "{said}");
    let vacuumed = records(at, "vacuumed");
    assert_eq!(vacuumed.len(), 1, "{vacuumed:?}");
    let dead = |moment: &str| vacuumed[0][moment].as_u64().unwrap();
    assert!(dead("dead_before") > 0 && dead("dead_after") < dead("dead_before") / 2, "{vacuumed:?}");
    // Whoever looks at that moment, as the monitor does, may keep the last of them.
    assert!(dead("dead_after") > 0 || said.contains("none left"), "{said}");
    segue(&url, &["rollback"]).exits(0);

    // With the horizon held back nothing can be removed, which is no fault.
    let mut old = database.session().unwrap();
    old.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    let file = folder.file("third.yaml", &plan("backfill: {vacuum: true}\n"));
    let said = segue(&url, &["start", &file]).exits(0).stdout;
    assert!(said.contains("cannot be removed yet"), "{said}");
    old.query("ROLLBACK").unwrap();
    segue(&url, &["rollback"]).exits(0);

    // A lock in the way: told, and passed over.
    let file = folder.file("fourth.yaml", &plan("backfill: {vacuum: true, rate: 150}\n"));
    let mut running = spawn(&url, &["start", &file]);
    wait_filling(&mut running, &url, 0);
    let mut locker = database.session().unwrap();
    let pid =
        locker.query("BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE; SELECT pg_backend_pid()").unwrap();
    let pid = pid.into_iter().flatten().flatten().next().unwrap();
    lift_rate(&url);
    running.outcome().exits(0);
    let last = records(at, "vacuumed").pop().expect("it is noted");
    let why = last["passed_over"].as_str().unwrap_or_default();
    assert!(why.contains(&format!("pid {pid}")), "{last}");
}

#[test]
fn a_vacuum_can_be_paused_and_killed() {
    // So slow that there is time to: a page costs more than the limit, and then it rests a tenth of a second at least.
    let options = Options::test()
        .set("autovacuum_vacuum_cost_delay", "100ms")
        .set("autovacuum_vacuum_cost_limit", "1")
        .set("autovacuum", "off");
    let (cluster, folder) = (Cluster::start(&options).unwrap(), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    let url = at.url();
    at.query(&TABLE.replace("6000", "20000"));
    let file = folder.file("plan.yaml", &plan("backfill: {vacuum: true}\n"));
    let mut first = spawn(&url, &["start", &file]);
    let wait_vacuum = |running: &mut Running| {
        wait_for("the vacuum in status", PATIENCE, || {
            assert!(running.is_alive(), "it ended early: {}", running.said());
            let vacuum = status(&url)["rollout"]["vacuum"].clone();
            (vacuum["table"] == "t" && vacuum["phase"].is_string()).then_some(vacuum)
        })
    };
    let gone = |what: &str| {
        wait_for(what, PATIENCE, || {
            (at.value("SELECT count(*) FROM pg_stat_progress_vacuum").as_deref() == Some("0")).then_some(())
        });
    };
    let seen = wait_vacuum(&mut first);
    assert!(seen["blocks_total"].as_u64().unwrap() > 60, "{seen}");
    segue(&url, &["pause"]).exits(0);
    gone("the vacuum to give way to a pause");
    segue(&url, &["resume"]).exits(0);
    wait_vacuum(&mut first);
    first.kill();
    gone("the vacuum to be ended by the server");
    assert!(records(at, "vacuumed").is_empty());
    at.query("ALTER SYSTEM SET autovacuum_vacuum_cost_limit = 10000");
    at.query("SELECT pg_reload_conf()");
    segue(&url, &["resume"]).exits(0);
    let vacuumed = records(at, "vacuumed");
    assert_eq!((vacuumed.len(), &vacuumed[0]["passed_over"]), (1, &Value::Null), "{vacuumed:?}");
    assert_eq!(status(&url)["rollout"]["state"], "ready");
}

#[test]
fn triggers_that_a_fill_fires_are_told_before() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(TABLE);
    at.query(
        "CREATE TABLE audit (id bigint);
         CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO public.audit VALUES (NEW.id); RETURN NEW; END';
         CREATE TRIGGER audited AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audit();
         CREATE TRIGGER of_a AFTER UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION audit();
         ANALYZE t",
    );
    let fires = folder.file("fires.yaml", &plan(""));
    for command in ["check", "explain"] {
        let said = segue(&url, &[command, &fires]).exits(0).said();
        assert!(said.contains("`audited`, once a row (about 6,000 times)"), "{said}");
        assert!(said.contains("user_triggers: skip") && !said.contains("of_a"), "{said}");
    }
    let said = segue(&url, &["start", &fires]).exits(0).said();
    assert!(said.contains("fires its triggers: `audited`"), "{said}");
    // As was said.
    assert_eq!(at.value("SELECT count(*) FROM audit").as_deref(), Some("6000"));
    segue(&url, &["rollback"]).exits(0);

    let role = format!("plain_{}", fastrand::u64(..));
    let name = database.name();
    at.query(&format!(
        "CREATE ROLE {role} LOGIN IN ROLE pg_monitor; GRANT CREATE ON DATABASE \"{name}\" TO {role};
         GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}; ALTER SCHEMA segue OWNER TO {role};
         GRANT ALL ON ALL TABLES IN SCHEMA segue TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA segue TO {role};
         ALTER TABLE audit OWNER TO {role}"
    ));
    let theirs = url.replacen("postgres@", &format!("{role}@"), 1);
    let skips = folder.file("skips.yaml", &plan("backfill: {user_triggers: skip}\n"));
    let major: u32 = at.value("SHOW server_version_num").unwrap().parse().unwrap();
    let said = segue(&theirs, &["start", &skips]).exits(3).said();
    assert!(said.contains(&role), "{said}");
    assert_eq!(at.value("SELECT count(*) FROM segue.rollouts").as_deref(), Some("1"), "nothing was begun");
    if major < 150_000 {
        assert!(said.contains("only a superuser may"), "{said}");
    } else {
        let grant = format!("GRANT SET ON PARAMETER session_replication_role TO \"{role}\"");
        assert!(said.contains(&grant), "{said}");
        at.query(&grant);
        segue(&theirs, &["start", &skips]).exits(0);
        assert_eq!(at.value("SELECT count(*) FROM audit").as_deref(), Some("6000"), "it stayed silent");
        segue(&theirs, &["rollback"]).exits(0);
        at.query(&format!("REVOKE SET ON PARAMETER session_replication_role FROM \"{role}\""));
    }
    at.query(&format!("REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"));
}
