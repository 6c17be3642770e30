//! Owns the tests of `segue::monitor` against real servers: that it sees what is there, and says what it
//! cannot see instead of showing a zero.

use segue::control::policy::Guard;
use segue::control::signal::{Freshness, Reading, Snapshot, name};
use segue::ident::{Ident, QualifiedName};
use segue::monitor::{self, MonitorHandle, MonitorState, Watch};
use segue::pg::{Config, Session};
use segue::sandbox::{Cluster, Options, Pair, Shutdown, database};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(90);

/// A transaction of Segue's own that waits for what the test does beside it is not ended by the server.
const STAYS: &str = "SET LOCAL idle_in_transaction_session_timeout = 0";

fn config(url: &str) -> Config {
    Config::resolve(Some(url), &|_| None).unwrap()
}

fn as_user(url: &str, user: &str) -> String {
    url.replace("postgres@", &format!("{user}@"))
}

fn watch_public() -> Watch {
    Watch { interval: Duration::from_millis(50), ..Watch::new(Ident::from("public")) }
}

fn of<'a>(snapshot: &'a Snapshot, name: &str) -> Vec<&'a Reading> {
    snapshot.readings.iter().filter(|reading| reading.name == name).collect()
}

/// Waits until the monitor shows what is asked for, as the condition itself.
async fn until<T>(monitor: &MonitorHandle, what: &str, mut see: impl FnMut(&MonitorState) -> Option<T>) -> T {
    let mut states = monitor.subscribe();
    let seen = async {
        loop {
            let state: Arc<MonitorState> = states.borrow_and_update().clone();
            if let Some(seen) = see(&state) {
                return seen;
            }
            states.changed().await.expect("the monitor runs");
        }
    };
    match tokio::time::timeout(LONG, seen).await {
        Ok(seen) => seen,
        Err(_) => panic!("never seen: {what}; last: {:#?}", monitor.latest()),
    }
}

async fn reading(
    monitor: &MonitorHandle,
    name: &str,
    what: &str,
    fits: impl Fn(&Reading) -> bool,
) -> Reading {
    until(monitor, what, |state| of(&state.snapshot, name).into_iter().find(|r| fits(r)).cloned()).await
}

fn is_fresh(reading: &Reading) -> bool {
    reading.state == Freshness::Fresh
}

#[tokio::test]
async fn a_standby_that_stops_replaying_falls_behind_and_one_that_is_gone_is_blind() {
    let pair = Pair::start(&Options::test()).unwrap();
    pair.primary.query("postgres", "CREATE TABLE t (a int)").unwrap();
    let monitor = monitor::start(&config(&pair.primary.url("postgres")), watch_public()).unwrap();
    let first = reading(&monitor, name::REPLICATION_LAG, "no lag", |r| r.value == Some(0.0)).await;
    assert_eq!((first.subject.as_deref(), first.unit.as_str()), (Some("standby1"), "s"));

    let begun = Instant::now();
    pair.standby.pause_replay().unwrap();
    let mut last = 0.0;
    let mut readings = 0;
    // It grows from one reading to the next, however many there are in a second.
    while last <= 1.0 || readings < 5 {
        pair.primary.query("postgres", "INSERT INTO t SELECT generate_series(1, 100)").unwrap();
        let lag = monitor.snapshot().readings.into_iter().find(|r| r.name == name::REPLICATION_LAG).unwrap();
        // What is not known for a moment is not told as a number.
        assert_eq!(lag.value.is_some(), lag.state != Freshness::Blind, "{lag:?}");
        let at_most = lag.at.duration_since(first.at).as_secs_f64() + 0.5;
        let value = lag.value.unwrap_or(0.0);
        assert!(value <= at_most, "{value} s, and {at_most} s ago there was none");
        if value > last {
            (last, readings) = (value, readings + 1);
        }
        assert!(begun.elapsed() < LONG, "{lag:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let many = |r: &Reading| r.value.is_some_and(|bytes| bytes > 1000.0);
    reading(&monitor, name::REPLICATION_LAG_BYTES, "as bytes, too", many).await;

    pair.standby.resume_replay().unwrap();
    reading(&monitor, name::REPLICATION_LAG, "the standby to catch up", |r| r.value == Some(0.0)).await;
    let expected = until(&monitor, "who has to be there", |s| Some(s.expected_standbys.clone())).await;
    assert_eq!(expected, ["standby1"]);

    pair.standby.kill9().unwrap();
    let gone = |r: &Reading| r.detail.as_deref().is_some_and(|d| d.starts_with("standby1 is gone since 20"));
    let gone = reading(&monitor, name::REPLICATION_LAG, "the standby to be missed", gone).await;
    assert_eq!((gone.subject.as_deref(), gone.state, gone.value), (Some("standby1"), Freshness::Blind, None));
    monitor.stop();

    // Somebody who comes later is told by the slot, and an operator may give the standby up.
    let monitor = monitor::start(&config(&pair.primary.url("postgres")), watch_public()).unwrap();
    let gone = |r: &Reading| r.subject.as_deref() == Some("standby1");
    assert_eq!(reading(&monitor, name::REPLICATION_LAG, "the slot", gone).await.state, Freshness::Blind);
    monitor.stop();
    let ignoring = Watch { ignored_standbys: vec!["standby1".into()], ..watch_public() };
    let monitor = monitor::start(&config(&pair.primary.url("postgres")), ignoring).unwrap();
    reading(&monitor, name::REPLICATION_LAG, "nothing", |r| r.state == Freshness::NotApplicable).await;
}

#[tokio::test]
async fn a_standby_cut_off_by_the_network_falls_behind() {
    let pair = Pair::start(&Options::test()).unwrap();
    pair.primary.query("postgres", "CREATE TABLE t (a int)").unwrap();
    let monitor = monitor::start(&config(&pair.primary.url("postgres")), watch_public()).unwrap();
    reading(&monitor, name::REPLICATION_LAG, "a fresh lag", is_fresh).await;
    pair.cut_off().unwrap();
    pair.primary.query("postgres", "INSERT INTO t VALUES (1)").unwrap();
    // No more writes: replay_lag stands still here, the position clock does not.
    reading(&monitor, name::REPLICATION_LAG, "lag over a second", |r| r.value.is_some_and(|v| v > 1.0)).await;
    pair.reconnect().unwrap();
    reading(&monitor, name::REPLICATION_LAG, "the standby to catch up", |r| r.value == Some(0.0)).await;
}

#[tokio::test]
async fn a_role_that_may_not_see_is_blind_where_there_is_something_to_see() {
    let pair = Pair::start(&Options::test()).unwrap();
    let sql = "CREATE ROLE plain LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE TABLE t (a int)";
    pair.primary.query("postgres", sql).unwrap();
    let url = pair.primary.url("postgres");
    let monitor = monitor::start(&config(&as_user(&url, "plain")), watch_public()).unwrap();
    for name in [name::REPLICATION_LAG, name::REPLICATION_LAG_BYTES, name::HORIZON] {
        let may_not = |r: &Reading| r.detail.as_deref().is_some_and(|d| d.contains("pg_read_all_stats"));
        let blind = reading(&monitor, name, "why it is blind", may_not).await;
        assert_eq!((blind.state, blind.value), (Freshness::Blind, None));
    }
    let capability = until(&monitor, "what it may see", |s| s.capability.clone()).await;
    assert_eq!((capability.role.as_str(), capability.see_activity), ("plain", false));
    let mut holder = Session::open(&config(&url), "7/ddl", LONG).await.unwrap();
    // Locks every role may see: others' waits too.
    let tx = holder.transaction("locking", &segue::pg::Limits::READ).await.unwrap();
    tx.batch("waiting", STAYS).await.unwrap();
    tx.batch("locking", "LOCK TABLE public.t").await.unwrap();
    let victim = waiter(&pair.primary, "postgres", "INSERT INTO t VALUES (1)");
    reading(&monitor, name::LOCK_WAIT, "the victim", |r| r.value.is_some_and(|v| v > 0.0)).await;
    tx.rollback("giving way").await.unwrap();
    victim.join().unwrap();
    monitor.stop();

    let monitor = monitor::start(&config(&as_user(&url, "watcher")), watch_public()).unwrap();
    for name in [name::REPLICATION_LAG, name::HORIZON] {
        reading(&monitor, name, "a fresh reading", is_fresh).await;
    }
}

/// Runs a statement that will have to wait, on a thread of its own.
fn waiter(cluster: &Cluster, database: &str, sql: &'static str) -> std::thread::JoinHandle<()> {
    let mut session = cluster.session(database).unwrap();
    std::thread::spawn(move || {
        session.query(sql).unwrap();
    })
}

#[tokio::test]
async fn without_a_standby_there_is_nothing_to_lag() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    let monitor = monitor::start(&config(&cluster.url("postgres")), watch_public()).unwrap();
    let none = |r: &Reading| r.state == Freshness::NotApplicable;
    let none = reading(&monitor, name::REPLICATION_LAG, "that there is none", none).await;
    assert_eq!((none.value, none.subject), (None, None));
    let state = until(&monitor, "who the server is", |s| s.identity.clone()).await;
    assert!(!state.in_recovery && !state.read_only && state.timeline.is_some());
    for name in [name::LOCK_WAIT, name::LOCK_VICTIMS, name::HORIZON, name::WAL_RATE] {
        assert!(reading(&monitor, name, "a fresh reading", is_fresh).await.value.is_some());
    }

    // A standby that the rollout began with is missed although nobody here has ever seen it.
    let watch = Watch { expected_standbys: vec!["standby9".into()], ..watch_public() };
    let monitor = monitor::start(&config(&cluster.url("postgres")), watch).unwrap();
    let missed = |r: &Reading| r.subject.as_deref() == Some("standby9");
    assert_eq!(
        reading(&monitor, name::REPLICATION_LAG, "it is missed", missed).await.state,
        Freshness::Blind
    );
}

#[tokio::test]
async fn a_server_that_goes_blinds_everything_and_comes_back() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    let monitor = monitor::start(&config(&cluster.url("postgres")), watch_public()).unwrap();
    reading(&monitor, name::LOCK_WAIT, "a fresh reading", is_fresh).await;
    let before = until(&monitor, "who the server is", |s| s.identity.clone()).await;
    cluster.stop(Shutdown::Immediate).unwrap();
    for name in [name::LOCK_WAIT, name::REPLICATION_LAG, name::HORIZON, name::WAL_RATE] {
        let lost = |r: &Reading| r.detail.as_deref().is_some_and(|d| d.contains("no session"));
        let blind = reading(&monitor, name, "that the server is gone", lost).await;
        assert_eq!((blind.state, blind.value), (Freshness::Blind, None));
    }
    let stopped_at = monitor.latest().at.unwrap();
    assert!(monitor.latest().down.is_some());
    cluster.start_again().unwrap();
    for name in [name::LOCK_WAIT, name::HORIZON, name::WAL_RATE] {
        reading(&monitor, name, "a fresh reading", is_fresh).await;
    }
    let after = until(&monitor, "another start", |s| s.identity.clone().filter(|i| *i != before)).await;
    assert!(after.same_history(&before) && after.started != before.started);
    let goes_on = |s: &MonitorState| s.at.filter(|at| *at > stopped_at && s.down.is_none());
    until(&monitor, "the permit's clock to go on", goes_on).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_noticed_by_our_own_deadline() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    let monitor = monitor::start(&config(&cluster.url("postgres")), watch_public()).unwrap();
    reading(&monitor, name::LOCK_WAIT, "a fresh reading", is_fresh).await;
    cluster.freeze().unwrap();
    // Nothing answers, nothing is refused: only our own deadline tells.
    let deadline = Instant::now() + LONG;
    while of(&monitor.snapshot(), name::LOCK_WAIT)[0].state == Freshness::Fresh {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    reading(&monitor, name::LOCK_WAIT, "blindness", |r| r.state == Freshness::Blind).await;
    cluster.thaw().unwrap();
    reading(&monitor, name::LOCK_WAIT, "a fresh reading", is_fresh).await;
}

#[tokio::test]
async fn victims_are_counted_transitively_and_only_ours() {
    let database = database().unwrap();
    database.query("CREATE TABLE t (a int); CREATE TABLE u (a int)").unwrap();
    let t = QualifiedName::new(&"public".into(), &"t".into());
    let watch = Watch { tables: vec![t], own: "segue/9/".into(), ..watch_public() };
    let monitor = monitor::start(&config(&database.url()), watch).unwrap();
    reading(&monitor, name::LOCK_VICTIMS, "that there is none", |r| r.value == Some(0.0)).await;

    // Somebody else's queue is none of ours.
    let mut other = database.session().unwrap();
    other.query("BEGIN; LOCK TABLE u").unwrap();
    let foreign = waiter(database.cluster(), database.name(), "INSERT INTO u VALUES (1)");
    // Nor is that of a rollout of the same number in another database.
    let next_door = segue::sandbox::database().unwrap();
    next_door.query("CREATE TABLE t (a int)").unwrap();
    assert_eq!(next_door.cluster().url("x"), database.cluster().url("x"), "they are on one server");
    let mut theirs = Session::open(&config(&next_door.url()), "9/ddl", LONG).await.unwrap();
    let their_tx = theirs.transaction("locking", &segue::pg::Limits::READ).await.unwrap();
    their_tx.batch("waiting", STAYS).await.unwrap();
    their_tx.batch("locking", "LOCK TABLE public.t").await.unwrap();
    let their_victim = waiter(next_door.cluster(), next_door.name(), "INSERT INTO t VALUES (1)");
    // Of these two databases: other tests' are on the same server.
    let queued = format!(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
          WHERE NOT l.granted AND d.datname IN ('{}', '{}')",
        database.name(),
        next_door.name()
    );
    segue::sandbox::wait_for("both to wait", LONG, || {
        Ok(database.query(&queued)? == [[Some("2".to_owned())]])
    })
    .unwrap();

    let mut ours = Session::open(&config(&database.url()), "9/ddl", LONG).await.unwrap();
    let tx = ours.transaction("locking", &segue::pg::Limits::READ).await.unwrap();
    tx.batch("waiting", STAYS).await.unwrap();
    tx.batch("locking", "LOCK TABLE public.t IN ROW EXCLUSIVE MODE").await.unwrap();
    // The first waits for us, the second for the first.
    let first = waiter(database.cluster(), database.name(), "BEGIN; LOCK TABLE t IN SHARE MODE; COMMIT");
    reading(&monitor, name::LOCK_VICTIMS, "one victim", |r| r.value == Some(1.0)).await;
    let second = waiter(database.cluster(), database.name(), "INSERT INTO t VALUES (1)");
    reading(&monitor, name::LOCK_VICTIMS, "two victims", |r| r.value == Some(2.0)).await;
    let long = |r: &Reading| r.value.is_some_and(|v| v > 0.3);
    let wait = reading(&monitor, name::LOCK_WAIT, "the longest wait", long).await;
    let pid = ours_pid(&monitor).await;
    assert!(wait.detail.unwrap().contains(&format!("behind Segue's pid {pid}")));
    let waits =
        until(&monitor, "the queue on the table", |s| (s.waits.len() == 2).then(|| s.waits.clone())).await;
    assert!(waits.iter().all(|w| w.relation == "public.t" && w.waiting == 1), "{waits:?}");
    tx.rollback("giving way").await.unwrap();
    first.join().unwrap();
    second.join().unwrap();
    reading(&monitor, name::LOCK_WAIT, "that nobody waits any more", |r| r.value == Some(0.0)).await;
    other.query("ROLLBACK").unwrap();
    foreign.join().unwrap();
    their_tx.rollback("giving way").await.unwrap();
    their_victim.join().unwrap();
}

async fn ours_pid(monitor: &MonitorHandle) -> i32 {
    until(monitor, "whom they wait for", |s| s.victims.first().map(|v| v.root)).await
}

#[tokio::test]
async fn what_a_victim_waited_before_we_came_is_not_our_doing() {
    let database = database().unwrap();
    database.query("CREATE TABLE t (a int); CREATE TABLE u (a int)").unwrap();
    let monitor = monitor::start(&config(&database.url()), watch_public()).unwrap();
    let mut slow = database.session().unwrap();
    slow.query("BEGIN; LOCK TABLE u").unwrap();
    let patient = waiter(database.cluster(), database.name(), "INSERT INTO u VALUES (1)");
    let waited = "SELECT max(clock_timestamp() - waitstart) > '2 s' FROM pg_locks
                   WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    segue::sandbox::wait_for("somebody to have waited two seconds", LONG, || {
        Ok(database.query(waited)? == [[Some("t".to_owned())]])
    })
    .unwrap();
    // Only now the one it waits for comes to wait for us.
    let mut ours = Session::open(&config(&database.url()), "9/ddl", LONG).await.unwrap();
    let tx = ours.transaction("locking", &segue::pg::Limits::READ).await.unwrap();
    tx.batch("waiting", STAYS).await.unwrap();
    let came = Instant::now();
    tx.batch("locking", "LOCK TABLE public.t").await.unwrap();
    let slow = std::thread::spawn(move || slow.query("INSERT INTO t VALUES (1); COMMIT").unwrap());
    let two = |s: &MonitorState| (s.victims.len() == 2).then(|| s.victims.clone());
    let victims = until(&monitor, "both", two).await;
    let ours_at_most = came.elapsed().as_secs_f64();
    assert!(victims.iter().all(|v| v.waited <= ours_at_most), "{victims:?} in {ours_at_most} s");
    tx.rollback("giving way").await.unwrap();
    slow.join().unwrap();
    patient.join().unwrap();
}

#[tokio::test]
async fn clients_are_seen_on_the_version_they_use() {
    let database = database().unwrap();
    let sql = "CREATE TABLE t (a int); CREATE SCHEMA public_v1; CREATE VIEW public_v1.t AS TABLE t;
               CREATE SCHEMA public_v2; CREATE VIEW public_v2.t AS TABLE t";
    database.query(sql).unwrap();
    let watch = Watch { version_schemas: vec!["public_v1".into(), "public_v2".into()], ..watch_public() };
    let monitor = monitor::start(&config(&database.url()), watch).unwrap();
    until(&monitor, "a look", |s| s.clients_at).await;
    assert_eq!(monitor.latest().clients, []);
    let mut shop = database.session().unwrap();
    shop.query("SET application_name = 'shop'; BEGIN; SELECT * FROM public_v1.t").unwrap();
    let seen = until(&monitor, "the shop", |s| s.clients.first().cloned()).await;
    assert_eq!(
        (seen.client.version_schema.as_str(), seen.client.application.as_str()),
        ("public_v1", "shop")
    );
    assert_eq!((seen.client.role.as_str(), seen.client.address), ("postgres", None));
    shop.query("COMMIT").unwrap();
    let later = until(&monitor, "more looks", |s| s.clients_at.filter(|at| *at > seen.last_seen)).await;
    // Gone, but remembered, with when it was last there.
    let still = until(&monitor, "a look without it", |s| {
        let client = s.clients.first()?.clone();
        s.clients_at.filter(|at| *at > client.last_seen && *at > later).map(|_| client)
    })
    .await;
    assert_eq!(still.client.application, "shop");
    assert_eq!(monitor.latest().clients.len(), 1);
}

fn probe(name: &str, sql: &str) -> Guard {
    Guard {
        signal: name.into(),
        sql: Some(sql.into()),
        http: None,
        unit: "ms".into(),
        throttle: None,
        pause: None,
        throttle_of: Default::default(),
        pause_of: Default::default(),
        throttle_for: Duration::ZERO,
        pause_for: Duration::ZERO,
        load: false,
        resume_share: 0.8,
        resume_after: Duration::ZERO,
        rollback: None,
        only_if_ours: false,
        cancels: false,
    }
}

#[tokio::test]
async fn a_probe_is_a_number_or_blind() {
    let database = database().unwrap();
    database.query("CREATE TABLE metrics (value numeric); INSERT INTO metrics VALUES (12.5)").unwrap();
    let sql =
        "CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO metrics VALUES (1) RETURNING 1'";
    database.query(sql).unwrap();
    let guards = vec![
        probe("good", "select max(value) from metrics -- the slowest\n;"),
        probe("empty", "select value from metrics where false"),
        probe("rows", "select generate_series(1, 2)"),
        probe("columns", "select 1, 2"),
        probe("words", "select 'many'"),
        probe("slow", "select 1 from pg_sleep(5)"),
        probe("writes", "select sneak()"),
        probe("two", "select 1); delete from metrics; select (1"),
    ];
    let monitor = monitor::start(&config(&database.url()), Watch { guards, ..watch_public() }).unwrap();
    let good = reading(&monitor, "good", "the number", is_fresh).await;
    assert_eq!((good.value, good.unit.as_str()), (Some(12.5), "ms"));
    let why = [
        ("empty", "no row"),
        ("rows", "more than one row"),
        ("columns", "one column"),
        ("words", "many"),
        ("slow", "statement timeout"),
        ("writes", "read-only transaction"),
        ("two", "multiple commands"),
    ];
    for (name, why) in why {
        let told = |r: &Reading| r.detail.as_deref().is_some_and(|d| d.contains(why));
        let blind = reading(&monitor, name, why, told).await;
        assert_eq!((blind.state, blind.value), (Freshness::Blind, None), "{name}");
    }
    assert_eq!(database.query("SELECT count(*) FROM metrics").unwrap(), [[Some("1".to_owned())]]);
    // A hanging probe does not hold up the others.
    let at = monitor.latest().at.unwrap();
    until(&monitor, "the fast signals to go on", |s| s.at.filter(|now| *now > at)).await;
}

#[tokio::test]
async fn the_horizon_names_who_holds_it() {
    let database = database().unwrap();
    database.query("CREATE TABLE t (a int)").unwrap();
    let mut report = database.session().unwrap();
    let begin =
        "SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t";
    report.query(begin).unwrap();
    for _ in 0..20 {
        database.query("INSERT INTO t VALUES (1)").unwrap();
    }
    let monitor = monitor::start(&config(&database.url()), watch_public()).unwrap();
    let old = |r: &Reading| r.value.is_some_and(|v| v >= 20.0);
    let held = reading(&monitor, name::HORIZON, "the old snapshot", old).await;
    assert!(held.detail.unwrap().starts_with("report (pid "));
    let holder = until(&monitor, "who it is", |s| s.horizon.clone()).await;
    assert!(holder.kind == "session" && holder.seconds.is_some());
    report.query("COMMIT").unwrap();
    reading(&monitor, name::HORIZON, "that nobody holds it", |r| r.value.is_some_and(|v| v < 20.0)).await;
}
