//! Owns the tests of the signals of a server's health against real servers, each brought about for real: a slot that
//! nobody reads, a synchronous standby that is gone, an archive that takes nothing, connections used up, …

mod common;

use common::{At, Folder, PATIENCE, segue, spawn, status, wait_for};
use segue::control::signal::{Freshness, Reading, name};
use segue::ident::{Ident, QualifiedName};
use segue::monitor::{self, MonitorHandle, Watch};
use segue::pg::Config;
use segue::sandbox::{Cluster, Options, Pair, Shutdown};
use serde_json::Value;
use std::time::Duration;

fn monitor_as(cluster: &Cluster, role: &str) -> MonitorHandle {
    let url = cluster.url("postgres").replace("postgres@", &format!("{role}@"));
    let t = QualifiedName::new(&"public".into(), &"t".into());
    let watch =
        Watch { interval: Duration::from_millis(50), tables: vec![t], ..Watch::new(Ident::from("public")) };
    monitor::start(&Config::resolve(Some(&url), &|_| None).unwrap(), watch).unwrap()
}

fn monitor(cluster: &Cluster) -> MonitorHandle {
    monitor_as(cluster, "postgres")
}

#[track_caller]
fn reading(monitor: &MonitorHandle, name: &str, what: &str, fits: impl Fn(&Reading) -> bool) -> Reading {
    wait_for(&format!("{name}: {what}"), PATIENCE, || {
        monitor.snapshot().readings.into_iter().find(|reading| reading.name == name && fits(reading))
    })
}

fn is_fresh(reading: &Reading) -> bool {
    reading.state == Freshness::Fresh
}

fn at_least(least: f64) -> impl Fn(&Reading) -> bool {
    move |reading| reading.value.is_some_and(|value| value >= least)
}

fn is(value: f64) -> impl Fn(&Reading) -> bool {
    move |reading| reading.value == Some(value)
}

/// So many megabytes of the log.
fn write_log(cluster: &Cluster, megabytes: u32) {
    let sql = format!(
        "SELECT count(pg_logical_emit_message(false, 'test', repeat('x', 1000000))) FROM generate_series(1, {megabytes})"
    );
    cluster.query("postgres", &sql).unwrap();
}

/// Long enough for all of a test, on a slow machine too, unless its rate is lifted.
const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, pad text) WITH (fillfactor = 10);
    INSERT INTO t SELECT n, n, repeat('x', 200) FROM generate_series(1, 10000) n; ANALYZE t";
const SLOW: &str = "operations:
  - add_column: {table: t, column: {name: b, type: int, nullable: true}, up: a}
backfill: {rate: 100}
";

fn filling(at: At<'_>) {
    wait_for("rows to be filled", PATIENCE, || {
        (at.is_true("SELECT to_regclass('segue.backfills') IS NOT NULL")
            && at.is_true("SELECT coalesce(sum(rows_done), 0) > 0 FROM segue.backfills"))
        .then_some(())
    });
}

fn held_by(url: &str, guard: &str) -> Value {
    held(url, guard, |_| true)
}

/// At a threshold, and not because the signal is not known for a moment.
fn held_at(url: &str, guard: &str, threshold: f64) -> Value {
    held(url, guard, |hold| hold["threshold"] == threshold)
}

fn held(url: &str, guard: &str, fits: impl Fn(&Value) -> bool) -> Value {
    wait_for(&format!("a pause by {guard}"), PATIENCE, || {
        let status = status(url);
        let holds = status["rollout"]["holds"].as_array()?;
        holds.iter().find(|hold| hold["by"] == guard && hold["kind"] == "pause" && fits(hold)).cloned()
    })
}

#[track_caller]
fn all_filled(at: At<'_>) {
    assert_eq!(at.value("SELECT count(*) FROM public_plan.t WHERE b = a").as_deref(), Some("10000"));
}

#[test]
fn a_slot_that_nobody_reads_holds_the_rollout_until_it_is_dropped() {
    let cluster = Cluster::start(&Options::test().set("wal_level", "logical")).unwrap();
    let at = At { cluster: &cluster, name: "postgres" };
    let (url, folder) = (at.url(), Folder::new());
    at.query(TABLE);
    let guards = "guards: {slot_wal: {throttle: 20MB, pause: 40MB}}\n";
    let plan = folder.file("plan.yaml", &format!("{SLOW}{guards}"));
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    at.query("SELECT pg_create_logical_replication_slot('etl', 'pgoutput')");
    write_log(&cluster, 45);
    let held = held_at(&url, "slot_wal", 40e6);
    assert_eq!((&held["subject"], &held["unit"]), (&"etl".into(), &"B".into()));
    assert!(held["reading"].as_f64().unwrap() >= 40e6, "{held}");
    assert!(
        held["culprit"].as_str().unwrap().starts_with("logical slot of database postgres, unused"),
        "{held}"
    );
    let text = segue(&url, &["status"]).exits(0).stdout;
    assert!(
        text.contains("paused by slot_wal of etl: ") && text.contains("→ logical slot of database postgres"),
        "{text}"
    );
    at.query("SELECT pg_drop_replication_slot('etl')");
    segue(&url, &["tune", "rate", "off"]).exits(0);
    started.outcome().exits(0);
    all_filled(at);
}

/// Of the rollout's journal.
fn journalled(at: At<'_>, kind: &str) -> Vec<Value> {
    let sql = format!(
        "SELECT coalesce(jsonb_agg(body ORDER BY seq), '[]') FROM segue.records WHERE kind = '{kind}'"
    );
    let records: Value = serde_json::from_str(&at.value(&sql).unwrap()).unwrap();
    records.as_array().unwrap().clone()
}

#[test]
fn a_probe_is_held_against_what_is_normal_which_is_learned_before_anything_is_written() {
    let (cluster, folder) = (Cluster::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &cluster, name: "postgres" };
    let url = at.url();
    at.query(TABLE);
    at.query("CREATE TABLE shop (p99 float8); INSERT INTO shop VALUES (100)");
    let guards = "guards:
  baseline: 1s
  probes: [{name: p99, sql: SELECT p99 FROM shop, throttle: 2x, pause: 3x}]
";
    let started = spawn(&url, &["start", &folder.file("plan.yaml", &format!("{SLOW}{guards}"))]);
    filling(at);
    let learned = journalled(at, "baseline_learned");
    assert_eq!(learned, [serde_json::json!({"signal": "p99", "value": 100.0, "unit": ""})]);
    let learning = "body->'hold'->>'by' = 'p99' AND body->'hold'->>'reason' LIKE 'learning the baseline%'";
    let seq = |which: &str| format!("(SELECT min(seq) FROM segue.records WHERE {which})");
    assert!(at.is_true(&format!(
        "SELECT {} < {} AND {} < {}",
        seq(&format!("kind = 'held' AND {learning}")),
        seq("kind = 'baseline_learned'"),
        seq("kind = 'baseline_learned'"),
        seq("kind = 'step_began'"),
    )));

    at.query("UPDATE shop SET p99 = 350");
    let held = held_at(&url, "p99", 300.0);
    assert_eq!(held["reading"], 350.0);
    assert!(held["reason"].as_str().unwrap().ends_with("; the baseline is 100"), "{held}");
    wait_for("the readings of now", PATIENCE, || {
        let text = segue(&url, &["status"]).exits(0).stdout;
        (text.contains("paused by p99: 350, threshold 300;") && text.contains("p99 350, baseline 100"))
            .then_some(())
    });
    wait_for("the baseline in status", PATIENCE, || {
        let status = status(&url);
        let seen = status["signals"].as_array()?.iter().find(|s| s["name"] == "p99")?;
        (seen["baseline"] == 100.0).then_some(())
    });

    // The next supervisor knows it, and judges by it at once.
    started.kill();
    let resumed = spawn(&url, &["resume"]);
    wait_for("the next supervisor's pause", PATIENCE, || {
        let held = at.value(
            "SELECT count(*) FROM segue.records WHERE kind = 'held' AND body->'hold'->>'threshold' = '300.0'
             AND seq > (SELECT max(seq) FROM segue.records WHERE kind = 'supervisor_up' HAVING count(*) = 2)",
        );
        (held.as_deref() != Some("0")).then_some(())
    });
    assert_eq!(journalled(at, "baseline_learned").len(), 1);

    // On a server that was restarted something else may be normal.
    cluster.stop(Shutdown::Immediate).unwrap();
    cluster.start_again().unwrap();
    wait_for("another baseline", PATIENCE, || {
        let learned = journalled(at, "baseline_learned");
        (learned.len() == 2).then(|| assert_eq!(learned[1]["value"], 350.0))
    });
    segue(&url, &["tune", "rate", "off"]).exits(0);
    resumed.outcome().exits(0);
    all_filled(at);
}

#[test]
fn a_slot_keeps_up_to_its_limit_and_is_lost_beyond() {
    let options = Options::test().set("max_slot_wal_keep_size", "96MB").set("max_wal_size", "64MB");
    let cluster = Cluster::start(&options.set("min_wal_size", "32MB")).unwrap();
    let monitor = monitor(&cluster);
    reading(&monitor, name::SLOT_WAL, "that there is none", |r| r.state == Freshness::NotApplicable);
    cluster.query("postgres", "SELECT pg_create_physical_replication_slot('old', true)").unwrap();
    write_log(&cluster, 20);
    let kept = reading(&monitor, name::SLOT_WAL, "what it keeps", at_least(20e6));
    assert_eq!((kept.subject.as_deref(), kept.limit), (Some("old"), Some(96.0 * 1024.0 * 1024.0)));
    for _ in 0..3 {
        write_log(&cluster, 80);
        cluster.query("postgres", "CHECKPOINT").unwrap();
    }
    let lost = reading(&monitor, name::SLOT_WAL, "that it is lost", |r| r.state == Freshness::NotApplicable);
    assert_eq!((lost.subject.as_deref(), lost.value), (Some("old"), None));
    assert!(lost.detail.unwrap().contains("lost"));
}

#[test]
fn commits_that_wait_for_a_standby_hold_the_rollout_and_none_is_ended() {
    let options = Options::test().set("synchronous_standby_names", "standby1");
    let pair = Pair::start_with(&options, &Options::test()).unwrap();
    let at = At { cluster: &pair.primary, name: "postgres" };
    let (url, folder) = (at.url(), Folder::new());
    at.query(TABLE);
    let guards = "guards: {sync_wait: {throttle: 200ms, pause: 1s}, replication_lag: {pause: 10m}, commit_time: off}\n";
    let plan = folder.file("plan.yaml", &format!("{SLOW}{guards}"));
    let started = spawn(&url, &["start", &plan]);
    filling(at);
    let monitor = monitor(&pair.primary);
    assert_eq!(reading(&monitor, name::SYNC_WAIT, "a reading", is_fresh).unit, "s");
    pair.cut_off().unwrap();
    let mut shop = pair.primary.session("postgres").unwrap();
    let shop =
        std::thread::spawn(move || shop.query("SET application_name = 'shop'; CREATE TABLE bought ()"));
    let waits = reading(&monitor, name::SYNC_WAIT, "a wait", at_least(1.0));
    assert!(waits.detail.unwrap().contains("synchronous_standby_names is standby1"));
    reading(&monitor, name::SYNC_WAITERS, "who waits", at_least(1.0));
    reading(&monitor, name::COMMIT_TIME, "a commit under way", at_least(1.0));
    // What the supervisor writes and what operators ask waits for no standby.
    held_at(&url, "sync_wait", 1.0);
    segue(&url, &["pause", "--reason", "while the standby is away"]).exits(0);
    segue(&url, &["resume"]).exits(0);
    let filled = "SELECT count(*) FROM t WHERE NOT _segue_pending";
    let stopped = at.value(filled);
    // Long enough for every deadline of a session of Segue's to pass.
    reading(&monitor, name::COMMIT_TIME, "a commit under way", at_least(8.0));
    assert_eq!(at.value(filled), stopped, "nothing is filled while commits wait");
    pair.reconnect().unwrap();
    shop.join().unwrap().unwrap();
    reading(&monitor, name::SYNC_WAIT, "that nobody waits", |r| r.value.is_some_and(|v| v < 1.0));
    segue(&url, &["tune", "rate", "off"]).exits(0);
    started.outcome().exits(0);
    all_filled(at);
    let log = pair.primary.log();
    assert!(!log.contains("canceling wait for synchronous replication"), "{log}");
}

#[test]
fn a_commit_that_was_told_not_to_wait_holds_for_a_person() {
    let options = Options::test().set("synchronous_standby_names", "standby1");
    let pair = Pair::start_with(&options, &Options::test()).unwrap();
    let at = At { cluster: &pair.primary, name: "postgres" };
    let (url, folder) = (at.url(), Folder::new());
    at.query(TABLE);
    let guards = "guards: {sync_wait: off, commit_time: off, replication_lag: {pause: 10m}}\n";
    let plan = folder.file("plan.yaml", &format!("{SLOW}{guards}"));
    pair.cut_off().unwrap();
    let started = spawn(&url, &["start", &plan]);
    let waiting =
        "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE 'segue/%work%'";
    let pid = wait_for("the step's commit to wait", PATIENCE, || at.value(&format!("SELECT pid {waiting}")));
    assert!(at.is_true(&format!("SELECT pg_cancel_backend({pid})")));
    let held = held_by(&url, "operator");
    let reason = held["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("a person has to look: the commit of") && reason.contains("only here"),
        "{reason}"
    );
    assert!(at.is_true("SELECT count(*) = 0 FROM segue.backfills"));
    pair.reconnect().unwrap();
    segue(&url, &["tune", "rate", "off"]).exits(0);
    segue(&url, &["resume"]).exits(0);
    started.outcome().exits(0);
    all_filled(at);
}

#[test]
fn an_archive_that_takes_nothing_is_seen_by_every_role() {
    let options = Options::test().set("archive_mode", "on").set("archive_command", "true");
    let cluster = Cluster::start(&options).unwrap();
    cluster.query("postgres", "CREATE ROLE plain LOGIN").unwrap();
    let switch = || {
        cluster
            .query("postgres", "SELECT pg_logical_emit_message(true, 'test', ''); SELECT pg_switch_wal()")
            .unwrap();
    };
    let all = monitor(&cluster);
    switch();
    reading(&all, name::ARCHIVE_BACKLOG, "an empty backlog", is(0.0));
    assert_eq!(reading(&all, name::ARCHIVE_FAILING, "that it works", is_fresh).value, Some(0.0));
    wait_for("one to be archived", PATIENCE, || {
        let rows = cluster.query("postgres", "SELECT last_archived_wal FROM pg_stat_archiver").unwrap();
        rows[0][0].is_some().then_some(())
    });
    cluster.query("postgres", "ALTER SYSTEM SET archive_command = 'false'").unwrap();
    cluster.query("postgres", "SELECT pg_reload_conf()").unwrap();
    (0..4).for_each(|_| switch());
    let plain = monitor_as(&cluster, "plain");
    for monitor in [&all, &plain] {
        let backlog = reading(monitor, name::ARCHIVE_BACKLOG, "the backlog", at_least(4.0));
        assert_eq!(backlog.unit, "files");
    }
    let failing = reading(&all, name::ARCHIVE_FAILING, "that it fails", at_least(0.5));
    assert!(failing.detail.unwrap().starts_with("archiving fails, at 0000"));
    cluster.query("postgres", "ALTER SYSTEM SET archive_command = 'true'").unwrap();
    cluster.query("postgres", "SELECT pg_reload_conf()").unwrap();
    for monitor in [&all, &plain] {
        reading(monitor, name::ARCHIVE_BACKLOG, "that all is archived", is(0.0));
        reading(monitor, name::ARCHIVE_FAILING, "that it works again", is(0.0));
    }
}

#[test]
fn connections_and_sessions_are_counted_for_who_may_see_them() {
    let cluster = Cluster::start(&Options::test().set("max_connections", "30")).unwrap();
    cluster.query("postgres", "CREATE ROLE plain LOGIN").unwrap();
    let (all, plain) = (monitor(&cluster), monitor_as(&cluster, "plain"));
    let few = reading(&all, name::CONNECTIONS, "how many there are", is_fresh);
    assert_eq!(few.limit, Some(27.0));
    assert!(few.value.unwrap() < 15.0, "{few:?}");
    let mut idle: Vec<_> = (0..10).map(|_| cluster.session("postgres").unwrap()).collect();
    // Those of the monitors come and go: as many as the server itself knows of, asked over one of the ten.
    wait_for("ten more to be counted", PATIENCE, || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
        let there: f64 = idle[9].query(sql).unwrap()[0][0].as_ref()?.parse().ok()?;
        assert!(there > 10.0, "{there}");
        let readings = all.snapshot().readings;
        let seen = readings.iter().find(|reading| reading.name == name::CONNECTIONS)?;
        (seen.value == Some(there)).then_some(())
    });
    let busy: Vec<_> = idle
        .drain(..3)
        .map(|mut session| std::thread::spawn(move || session.query("SELECT pg_sleep(600)")))
        .collect();
    reading(&all, name::ACTIVE_SESSIONS, "the three", at_least(3.0));
    assert!(reading(&all, name::ON_CPU, "who computes", is_fresh).value.is_some());
    for signal in [name::CONNECTIONS, name::ACTIVE_SESSIONS, name::ON_CPU, name::WRAPAROUND_VACUUM] {
        let blind = |r: &Reading| r.state == Freshness::Blind && r.value.is_none();
        let why =
            |r: &Reading| r.detail.as_deref().is_some_and(|detail| detail.contains("pg_read_all_stats"));
        if signal != name::WRAPAROUND_VACUUM {
            reading(&plain, signal, "that it is hidden", |r| blind(r) && why(r));
        }
    }
    // What every role may see is not blind for this one.
    for signal in [name::COMMIT_TIME, name::DEADLOCKS, name::FORCED_CHECKPOINTS] {
        reading(&plain, signal, "a reading", is_fresh);
    }
    let end = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
    wait_for("all three to be cancelled", PATIENCE, || {
        cluster.query("postgres", end).unwrap();
        busy.iter().all(|thread| thread.is_finished()).then_some(())
    });
    busy.into_iter().for_each(|thread| drop(thread.join().unwrap()));
}

#[test]
fn commits_are_timed_and_a_server_that_takes_none_is_told() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    let monitor = monitor(&cluster);
    let timed = reading(&monitor, name::COMMIT_TIME, "how long it takes", is_fresh);
    assert!(timed.value.unwrap() > 0.0 && timed.unit == "s");
    cluster.query("postgres", "ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
    cluster.query("postgres", "SELECT pg_reload_conf()").unwrap();
    let refused = reading(&monitor, name::COMMIT_TIME, "that it is refused", |r| r.state == Freshness::Blind);
    assert!(refused.value.is_none() && refused.detail.unwrap().contains("takes no writes"));
}

#[test]
fn deadlocks_forced_checkpoints_and_the_tables_state_are_read() {
    let options = Options::test()
        .set("max_wal_size", "32MB")
        .set("min_wal_size", "32MB")
        .set("autovacuum_freeze_max_age", "100000")
        .set("deadlock_timeout", "50ms");
    let cluster = Cluster::start(&options).unwrap();
    let sql = "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT n, n FROM generate_series(1, 1000) n";
    cluster.query("postgres", sql).unwrap();
    let monitor = monitor(&cluster);
    reading(&monitor, name::DEADLOCKS, "that there is none", is(0.0));
    reading(&monitor, name::FORCED_CHECKPOINTS, "that there is none", is(0.0));
    assert_eq!(reading(&monitor, name::DEAD_ROWS, "that none is dead", is_fresh).value, Some(0.0));
    let young = reading(&monitor, name::FREEZE_AGE, "a table's age", is_fresh);
    assert_eq!((young.subject.as_deref(), young.limit), (Some("public.t"), Some(100_000.0)));

    let (mut one, mut two) = (cluster.session("postgres").unwrap(), cluster.session("postgres").unwrap());
    one.query("BEGIN; UPDATE t SET a = 0 WHERE id = 1").unwrap();
    two.query("BEGIN; UPDATE t SET a = 0 WHERE id = 2").unwrap();
    let crossing = std::thread::spawn(move || one.query("UPDATE t SET a = 0 WHERE id = 2; COMMIT"));
    let other = two.query("UPDATE t SET a = 0 WHERE id = 1; COMMIT");
    assert!(crossing.join().unwrap().is_err() || other.is_err(), "one of them is a deadlock's victim");
    // A session tells what it counted when it is out of its transaction.
    drop(two);
    reading(&monitor, name::DEADLOCKS, "the deadlock", at_least(1.0));

    cluster.query("postgres", "UPDATE t SET a = a + 1").unwrap();
    let dead = reading(&monitor, name::DEAD_ROWS, "the dead rows", at_least(30.0));
    assert_eq!((dead.subject.as_deref(), dead.unit.as_str()), (Some("public.t"), "%"));
    write_log(&cluster, 60);
    reading(&monitor, name::FORCED_CHECKPOINTS, "the checkpoints", at_least(1.0));
}

/// A web server of this test's own: one thread an answer, each by its path.
fn web_server() -> std::net::SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                let mut line = String::new();
                let mut request = BufReader::new(stream.try_clone().unwrap());
                request.read_line(&mut line).unwrap();
                let whole = |status: &str, body: &str| {
                    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                };
                let now = jiff::Timestamp::now().as_second();
                let sample = |at: i64, rest: &str| {
                    let json = format!(
                        r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[{at},"0.5"]}}{rest}]}}}}"#
                    );
                    whole("200 OK", &json)
                };
                let path = line.split(' ').nth(1).unwrap_or_default();
                let answer = match path {
                    "/number" => whole("200 OK", "12.5\n"),
                    "/chunked" => {
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n2\r\n.5\r\n0\r\n\r\n"
                            .to_owned()
                    }
                    "/until-the-end" => "HTTP/1.0 200 OK\r\n\r\n12.5".to_owned(),
                    "/json?of=shop" => whole("200 OK", r#"{"latency": {"p99": 8.25, "p50": null}}"#),
                    "/empty" => whole("200 OK", ""),
                    "/nan" => whole("200 OK", "NaN"),
                    "/moved" => {
                        "HTTP/1.1 301 Moved\r\nLocation: /number\r\nContent-Length: 0\r\n\r\n".to_owned()
                    }
                    "/broken" => whole("500 Oh", "12.5"),
                    "/short" => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12.5".to_owned(),
                    "/large" => whole("200 OK", &"1".repeat(3 << 20)),
                    "/api/v1/query?query=p99%7Bapp%3D%22shop%22%7D" => sample(now, ""),
                    "/old/api/v1/query?query=p99" => sample(now - 3600, ""),
                    "/two/api/v1/query?query=p99" => sample(now, r#",{"value":[0,"1"]}"#),
                    "/slow" => {
                        // A byte now and then, and never the last one.
                        let drip =
                            |byte: &[u8], stream: &mut std::net::TcpStream| stream.write_all(byte).is_ok();
                        let mut alive =
                            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").is_ok();
                        while alive {
                            std::thread::sleep(Duration::from_millis(100));
                            alive = drip(b"1", &mut stream);
                        }
                        return;
                    }
                    _ => whole("404 Not Found", ""),
                };
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    address
}

#[test]
fn probes_over_http_give_one_number_or_are_blind() {
    let address = web_server();
    let cases = [
        ("number", "http: WEB/number", Ok(12.5)),
        ("chunked", "http: WEB/chunked", Ok(12.5)),
        ("ended", "http: WEB/until-the-end", Ok(12.5)),
        ("pointed", "http: 'WEB/json?of=shop', json: /latency/p99", Ok(8.25)),
        ("prom", "prometheus: WEB, query: 'p99{app=\"shop\"}'", Ok(0.5)),
        ("nothing", "http: 'WEB/json?of=shop', json: /latency/p50", Err("not a number: null")),
        ("empty", "http: WEB/empty", Err("not a number")),
        ("nan", "http: WEB/nan", Err("NaN")),
        ("moved", "http: WEB/moved", Err("redirects are not followed")),
        ("broken", "http: WEB/broken", Err("500")),
        ("short", "http: WEB/short", Err("could not be read")),
        ("large", "http: WEB/large", Err("could not be read")),
        ("slow", "http: WEB/slow", Err("no whole answer within 2 s")),
        ("refused", "http: http://127.0.0.1:1/", Err("no connection")),
        ("old", "prometheus: WEB/old, query: p99", Err("s old")),
        ("two", "prometheus: WEB/two, query: p99", Err("2 samples")),
    ];
    let probes: String = cases
        .iter()
        .map(|(name, source, _)| {
            let source = source.replace("WEB", &format!("http://{address}"));
            format!("    - {{name: {name}, {source}, pause: 100}}\n")
        })
        .collect();
    let text = format!("operations: [{{drop_table: {{name: t}}}}]\nguards:\n  probes:\n{probes}");
    let source = segue::diagnostic::Source { name: "plan.yaml".to_owned(), text };
    let (plan, found) = segue::plan::parse("plan", std::sync::Arc::new(source));
    let plan = plan.unwrap_or_else(|| panic!("{found:?}"));
    let guards = segue::control::policy::Policy::resolve(&[&plan.settings]).guards;
    let cluster = Cluster::start(&Options::test()).unwrap();
    let url = cluster.url("postgres");
    let watch = Watch { guards, ..Watch::new(Ident::from("public")) };
    let monitor = monitor::start(&Config::resolve(Some(&url), &|_| None).unwrap(), watch).unwrap();
    for (name, _, expected) in cases {
        match expected {
            Ok(value) => {
                // For a moment a busy machine may answer too late; it comes to the number all the same.
                let seen = reading(&monitor, name, "a number", is_fresh);
                assert_eq!((seen.value, seen.detail), (Some(value), None), "{name}");
            }
            Err(why) => {
                let told = |r: &Reading| r.detail.as_deref().is_some_and(|detail| detail.contains(why));
                let seen = reading(&monitor, name, why, told);
                assert_eq!((seen.state, seen.value), (Freshness::Blind, None), "{name}");
            }
        }
    }
}
