//! Standbys of a rollout that is under way: one behind a network that is late, narrow, silent and cut, and one that streams from
//! another standby, where the primary does not see it.

mod common;

use common::{At, Folder, PATIENCE, Running, proxy::Proxy, segue, spawn, status, wait_for};
use segue::control::signal::{Freshness, Reading, name};
use segue::execute::standbys::Standby;
use segue::monitor::{self, MonitorHandle, Watch};
use segue::pg::Config;
use segue::sandbox::{Cluster, Options, Pair};
use serde_json::Value;
use std::time::{Duration, Instant};

const ROWS: u32 = 60_000;

/// However often it is paused, that is not for a person to look at.
fn plan(guards: &str, rest: &str) -> String {
    format!(
        "guards: {{hold: {{pauses_an_hour: 1000000}}, {guards}}}\noperations:\n  - add_column: {{table: t, column: {{name: b, type: int, nullable: true}}, up: a}}\n{rest}\n"
    )
}

fn table(at: At<'_>) {
    at.query(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, pad text) WITH (fillfactor = 50);
         INSERT INTO t SELECT n, n, repeat('x', 200) FROM generate_series(1, {ROWS}) n; ANALYZE t"
    ));
}

fn rows_done(at: At<'_>) -> u64 {
    let there = at.is_true("SELECT to_regclass('segue.backfills') IS NOT NULL");
    let sum = || at.value("SELECT coalesce(sum(rows_done), 0) FROM segue.backfills").unwrap();
    if there { sum().parse().unwrap() } else { 0 }
}

#[track_caller]
fn goes_on(at: At<'_>, running: &mut Running, what: &str) {
    let before = rows_done(at);
    wait_for(&format!("rows to be filled {what}"), PATIENCE, || {
        assert!(running.is_alive(), "it ended: {}", running.said());
        (rows_done(at) > before).then_some(())
    });
}

fn paused_by_lag(url: &str, running: &mut Running, of: &str, what: &str) -> Value {
    wait_for(&format!("a pause by lag {what}"), PATIENCE, || {
        assert!(running.is_alive(), "it ended: {}", running.said());
        let status = status(url);
        let holds = status["rollout"]["holds"].as_array()?;
        let by_lag = |hold: &&Value| hold["by"] == "replication_lag" && hold["kind"] == "pause";
        holds.iter().find(|hold| by_lag(hold) && hold["subject"] == of).cloned()
    })
}

/// No row is filled while it is paused, but for those of the slice in hand: from one look at the signals to the next.
#[track_caller]
fn stands_still(at: At<'_>, url: &str) {
    wait_for("no row to be filled while it is paused", PATIENCE, || {
        let before = rows_done(at);
        let looked = status(url)["signals"][0]["at"].clone();
        let now = wait_for("another look", PATIENCE, || {
            let now = status(url);
            (now["signals"][0]["at"] != looked).then_some(now)
        });
        let paused = now["rollout"]["holds"].as_array()?.iter().any(|hold| hold["kind"] == "pause");
        (paused && rows_done(at) == before).then_some(())
    });
}

fn journalled(at: At<'_>, kind: &str) -> u64 {
    let sql = format!(
        "SELECT count(*) FROM segue.records WHERE kind = 'held' AND body->'hold'->>'by' = 'replication_lag'
            AND body->'hold'->>'kind' = '{kind}'"
    );
    at.value(&sql).unwrap().parse().unwrap()
}

#[test]
fn a_bad_network_to_the_standby_slows_and_stops_the_work_and_loses_nothing() {
    let (primary, folder) = (Cluster::start(&Options::test()).unwrap(), Folder::new());
    let at = At { cluster: &primary, name: "postgres" };
    let url = at.url();
    let proxy = Proxy::start(primary.directory(), primary.port());
    let through = format!(
        "host={} port=5432 user=postgres application_name={}",
        proxy.directory().display(),
        Pair::STANDBY
    );
    let standby = primary.standby(Pair::STANDBY, &Options::test().set("primary_conninfo", through)).unwrap();
    table(at);
    let pair = Pair { primary, standby };
    pair.wait_caught_up().unwrap();
    let at = At { cluster: &pair.primary, name: "postgres" };

    // Late and narrow: what the fill writes piles up on the way.
    proxy.delay(Duration::from_millis(5));
    proxy.bandwidth(70_000);
    // Twice as much as gets through, and for a minute at the least.
    let guards = plan("replication_lag: {throttle: 1s, pause: 3s}", "backfill: {rate: 1000}");
    let mut running = spawn(&url, &["start", &folder.file("plan.yaml", &guards)]);
    goes_on(at, &mut running, "over a narrow network");
    wait_for("a throttle or a pause by lag", PATIENCE, || {
        assert!(running.is_alive(), "it ended: {}", running.said());
        (journalled(at, "throttle") + journalled(at, "pause") > 0).then_some(())
    });
    proxy.bandwidth(35_000);
    goes_on(at, &mut running, "over half of that");

    // Silent: the connection stands, and nothing comes.
    proxy.stall(true);
    paused_by_lag(&url, &mut running, Pair::STANDBY, "behind a silent network");
    stands_still(at, &url);
    proxy.stall(false);
    goes_on(at, &mut running, "when it speaks again");

    // Cut, and whoever comes back is not answered: the standby is gone.
    proxy.stall(true);
    proxy.drop_all();
    let gone = wait_for("the standby to be missed", PATIENCE, || {
        let held = paused_by_lag(&url, &mut running, Pair::STANDBY, "behind a cut network");
        held["reason"].as_str().is_some_and(|why| why.contains("is gone since")).then_some(held)
    });
    assert_eq!(gone["reading"], Value::Null, "{gone}");
    stands_still(at, &url);
    proxy.stall(false);
    proxy.delay(Duration::ZERO);
    proxy.bandwidth(0);
    // Cut once more in the midst of it: it comes back by itself.
    goes_on(at, &mut running, "when the standby is back");
    proxy.drop_all();
    segue(&url, &["tune", "rate", "off"]).exits(0);
    running.outcome().exits(0);

    pair.wait_caught_up().unwrap();
    for cluster in [&pair.primary, &pair.standby] {
        let filled = At { cluster, name: "postgres" }.value("SELECT count(*) FROM public_plan.t WHERE b = a");
        assert_eq!(filled, Some(ROWS.to_string()));
    }
}

fn lag(monitor: &MonitorHandle, of: &str, what: &str, fits: impl Fn(&Reading) -> bool) -> Reading {
    wait_for(&format!("lag of {of}: {what}"), PATIENCE, || {
        let mut readings = monitor.snapshot().readings.into_iter();
        readings.find(|r| r.name == name::REPLICATION_LAG && r.subject.as_deref() == Some(of) && fits(r))
    })
}

#[test]
fn a_standby_of_a_standby_is_seen_through_the_one_before_it_or_asked_itself() {
    let (pair, folder) = (Pair::start(&Options::test()).unwrap(), Folder::new());
    let further = pair.standby.standby("further", &Options::test()).unwrap();
    let at = At { cluster: &pair.primary, name: "postgres" };
    let url = at.url();
    table(at);
    let named = |name: &str, cluster: &Cluster| format!("{name}={}", cluster.url("postgres"));
    let before = named(Pair::STANDBY, &pair.standby);

    let held_by_lag = plan("replication_lag: {throttle: 500ms, pause: 2s}", "backfill: {rate: 200}");
    let file = folder.file("plan.yaml", &held_by_lag);
    let mut running = spawn(&url, &["start", &file, "--standby", &before]);
    goes_on(at, &mut running, "with both standbys there");
    further.pause_replay().unwrap();
    let held = paused_by_lag(&url, &mut running, "further", "of the cascaded standby");
    assert_eq!(held["culprit"], "streams from standby1", "{held}");
    further.resume_replay().unwrap();
    goes_on(at, &mut running, "when it has caught up");
    further.kill9().unwrap();
    let gone = wait_for("the cascaded standby to be missed", PATIENCE, || {
        let held = paused_by_lag(&url, &mut running, "further", "of the cascaded standby that is gone");
        held["reason"].as_str()?.contains("further, a standby of standby1, is gone since").then_some(held)
    });
    assert_eq!(gone["reading"], Value::Null);
    segue(&url, &["ignore-standby", "further", "--for", "1h"]).exits(0);
    goes_on(at, &mut running, "without it");
    segue(&url, &["tune", "rate", "off"]).exits(0);
    running.outcome().exits(0);

    // By itself, where nobody asks the one before it.
    further.start_again().unwrap();
    let config = Config::resolve(Some(&further.url("postgres")), &|_| None).unwrap();
    let standby = Standby::new("further", config);
    let watch = Watch {
        standbys: vec![(standby.name.clone(), standby.config().clone())],
        interval: Duration::from_millis(50),
        ..Watch::new("public".into())
    };
    let monitor = monitor::start(&Config::resolve(Some(&url), &|_| None).unwrap(), watch).unwrap();
    let caught_up = lag(&monitor, "further", "that it has caught up", |r| r.value == Some(0.0));
    assert_eq!(caught_up.detail.as_deref(), Some("the primary does not see it: it was asked itself"));
    further.pause_replay().unwrap();
    at.query("CREATE TABLE later (a int)");
    let paused = lag(&monitor, "further", "over a second", |r| r.value.is_some_and(|lag| lag > 1.0));
    assert!(paused.detail.unwrap().contains("replay is paused there"));
    let own = lag(&monitor, Pair::STANDBY, "that it goes on", |r| r.value == Some(0.0));
    assert_eq!(own.state, Freshness::Fresh);
    further.kill9().unwrap();
    lag(&monitor, "further", "that it is silent", |r| {
        let why = r.detail.as_deref().unwrap_or_default();
        r.state == Freshness::Blind && why.starts_with("it cannot be asked")
    });
}

/// Writes `src/control/guard/tests/recorded.csv` anew: a fill at full speed and a standby that bears a few per cent of it, with
/// checkpoints and vacuums in between. Of each moment where the primary was and where the standby, in kilobytes since the start.
/// The server is real and so are its log's pieces, dear ones and cheap ones; slow the standby is because its replay is
/// stopped most of the time.
#[test]
#[ignore = "records for minutes: cargo test --test standbys -- --ignored records"]
fn records_how_fast_a_standby_replays_what_a_fill_writes() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    const RUNS: Duration = Duration::from_millis(2);
    const STOPS: Duration = Duration::from_millis(98);
    const LASTS: Duration = Duration::from_secs(150);
    let options = Options::test().set("autovacuum_naptime", "5s").set("checkpoint_timeout", "30s");
    let options = options.set("full_page_writes", "on").set("max_wal_size", "4GB").set("fsync", "off");
    // Nobody who asks there is sent away.
    let (before, folder) = (options.clone().set("max_standby_streaming_delay", "-1"), Folder::new());
    let pair = Pair::start_with(&options, &before).unwrap();
    let at = At { cluster: &pair.primary, name: "postgres" };
    at.query(
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, pad text);
         INSERT INTO t SELECT n, n, repeat('x', 100) FROM generate_series(1, 1500000) n; ANALYZE t; CREATE INDEX ON t (a)",
    );
    pair.wait_caught_up().unwrap();
    let off =
        "replication_lag: off, lock_wait: off, slot_wal: off, commit_time: off, forced_checkpoints: off";
    let started = spawn(&at.url(), &["start", &folder.file("plan.yaml", &plan(off, ""))]);
    wait_for("rows to be filled", PATIENCE, || (rows_done(at) > 0).then_some(()));
    let replay = Pid::from_raw(i32::try_from(pair.standby.freeze_one("startup").unwrap()).unwrap());
    let position = |cluster: &Cluster, which: &str| -> u64 {
        let sql = format!("SELECT (pg_wal_lsn_diff({which}(), '0/0') / 1000)::bigint");
        At { cluster, name: "postgres" }.value(&sql).unwrap().parse().unwrap()
    };
    let first = position(&pair.standby, "pg_last_wal_replay_lsn");
    let (begun, mut next, mut lines) =
        (Instant::now(), Duration::ZERO, String::from("ms,primary_kb,standby_kb\n"));
    while begun.elapsed() < LASTS {
        kill(replay, Signal::SIGCONT).unwrap();
        let until = Instant::now() + RUNS;
        // While it runs: stopped, it may hold what a query waits for.
        if begun.elapsed() >= next {
            next += Duration::from_millis(500);
            let (ms, there) =
                (begun.elapsed().as_millis(), position(&pair.standby, "pg_last_wal_replay_lsn"));
            let here = position(&pair.primary, "pg_current_wal_lsn");
            lines += &format!("{ms},{},{}\n", here - first, there - first);
        }
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        kill(replay, Signal::SIGSTOP).unwrap();
        std::thread::sleep(STOPS);
    }
    kill(replay, Signal::SIGCONT).unwrap();
    started.outcome().exits(0);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/control/guard/tests/recorded.csv");
    std::fs::write(path, lines).unwrap();
}
