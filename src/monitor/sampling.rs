//! Owns the rhythm of the monitor: loops with a session each (fast signals, slow ones, the server's health, commits,
//! operators' probes), what to do when a server does not answer, and publishing. Must not know what a reading means.

use super::NOT_READ_YET;
use super::board::{Board, Failure, blind};
use super::capability::{CAPABILITY_SQL, Capability, IDENTITY_SQL, Identity};
use super::probes::Probe;
use super::{MEASURE_INTERVAL, MonitorState, SLOW_INTERVAL, Watch};
use super::{
    cascade, clients, commit, growth, health, horizon, http, locks, replication, self_test, waits, wal,
};
use crate::clock;
use crate::control::signal::{Reading, name};
use crate::ident::Ident;
use crate::lsn::Lsn;
use crate::pg::{self, Limits, Param, Session, Setup, sqlstate};
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

/// Every question of the monitor's. The client's side also ends what the server's cannot: a dead network.
const LIMITS: Limits = Limits {
    lock: Some(Duration::from_millis(500)),
    statement: Some(Duration::from_millis(500)),
    client: Duration::from_secs(1),
};
const CONNECT: Duration = Duration::from_secs(3);
/// Between attempts to connect, rising.
const RECONNECT: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(1)];

/// What the loops share. The lock is held for moments only and never across a wait.
pub(super) struct Shared {
    pub config: pg::Config,
    pub watch: Watch,
    inner: Mutex<Inner>,
    /// Why the lock signals are not to be believed; `None`: they are.
    untested: Mutex<Option<String>>,
    /// Told when they have passed their test: they are then read at once, since a start waits for it.
    tested: Notify,
    state: watch::Sender<Arc<MonitorState>>,
    /// What named standbys said last.
    heard: Mutex<cascade::AllHeard>,
    /// Start of the position clock.
    pub start: Instant,
}

#[derive(Default)]
struct Inner {
    board: Board,
    state: MonitorState,
}

/// A question that was not answered.
pub(super) enum Trouble {
    /// The session lives.
    Signal(Failure),
    /// The session is gone.
    Session(String),
}

impl Trouble {
    /// An answer that makes no sense.
    pub fn unreadable(why: String) -> Trouble {
        Trouble::Signal(Failure::Blind(why))
    }
}

impl Shared {
    pub fn new(config: pg::Config, watch: Watch) -> Shared {
        let (now, at) = (Instant::now(), clock::now());
        let mut board = Board::default();
        let expected = [
            (name::REPLICATION_LAG, "s"),
            (name::REPLICATION_LAG_BYTES, "B"),
            (name::LOCK_WAIT, "s"),
            (name::LOCK_VICTIMS, "sessions"),
            (name::HORIZON, "transactions"),
            (name::WAL_RATE, "B/s"),
        ];
        let probes: Vec<Probe> = watch.guards.iter().filter_map(Probe::of).collect();
        let probes = probes.iter().map(|probe| (probe.name.as_str(), probe.unit.as_str()));
        let asked = watch.guards.iter().filter(|guard| guard.http.is_some());
        let probes = probes.chain(asked.map(|guard| (guard.signal.as_str(), guard.unit.as_str())));
        let health = health::signals().into_iter().chain([commit::SIGNAL]);
        // Signals are blind until read, not absent: a guard must find them.
        for (name, unit) in expected.into_iter().chain(health).chain(probes) {
            board.put(name, vec![blind(name, None, unit, at, NOT_READ_YET)], now, watch.interval);
        }
        let mut inner = Inner { board, state: MonitorState::default() };
        inner.state.samples = inner.board.samples();
        inner.state.snapshot = inner.state.snapshot_at(now);
        let state = watch::Sender::new(Arc::new(inner.state.clone()));
        let untested = Mutex::new(watch.self_test.then(|| NOT_READ_YET.to_owned()));
        let heard = Mutex::default();
        let tested = Notify::new();
        Shared { heard, untested, tested, config, watch, inner: Mutex::new(inner), state, start: now }
    }

    pub fn subscribe(&self) -> watch::Receiver<Arc<MonitorState>> {
        self.state.subscribe()
    }

    /// Changes what is known and publishes it.
    pub fn publish(&self, change: impl FnOnce(&mut Board, &mut MonitorState)) {
        let mut inner = self.inner.lock().expect("no loop panics while it holds this");
        let Inner { board, state } = &mut *inner;
        change(board, state);
        state.samples = board.samples();
        state.snapshot = state.snapshot_at(Instant::now());
        self.state.send_replace(Arc::new(state.clone()));
    }

    pub fn put(&self, name: &str, readings: Vec<Reading>, taken: Instant, interval: Duration) {
        self.publish(|board, _| board.put(name, readings, taken, interval));
    }

    pub fn heard(&self, standby: &str, heard: cascade::Heard) {
        self.heard.lock().expect("nobody panics while holding this").insert(standby.to_owned(), heard);
    }

    fn fail(&self, names: &[&str], failure: &Failure) {
        let (now, at) = (Instant::now(), clock::now());
        self.publish(|board, _| names.iter().for_each(|name| board.fail(name, failure, now, at)));
    }
}

/// Runs until told to stop.
pub(super) async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let probes: Vec<Probe> = shared.watch.guards.iter().filter_map(Probe::of).collect();
    let all = async {
        let probing = async {
            if !probes.is_empty() {
                probe(&shared, &probes).await;
            }
        };
        tokio::join!(
            fast(&shared),
            slow(&shared),
            health::run(&shared),
            commit::run(&shared),
            probing,
            http::run(&shared),
            cascade::run(&shared),
            prove(&shared)
        )
    };
    tokio::select! {
        _ = all => {}
        // A sender that is gone is a handle that is gone.
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

/// One of the loops' connections, and the signals it serves.
pub(super) struct Link<'a> {
    pub what: &'static str,
    pub names: Vec<&'a str>,
    pub setup: Setup,
}

/// The one whose absence means that nothing is known at all.
const FAST: &str = "fast";

impl Link<'_> {
    /// Opens a session; while there is none, the signals it serves are blind and say why.
    pub async fn open(&self, shared: &Shared) -> Session {
        let role = format!("{}/{}", shared.watch.role, self.what);
        for attempt in 0.. {
            match Session::open_with(&shared.config, &role, CONNECT, self.setup.clone()).await {
                Ok(session) => {
                    if self.what == FAST {
                        shared.publish(|_, state| state.down = None);
                    }
                    return session;
                }
                Err(error) => self.lost(shared, &error.to_string()),
            }
            tokio::time::sleep(RECONNECT[attempt.min(RECONNECT.len() - 1)]).await;
        }
        unreachable!("the attempts do not end")
    }

    pub fn lost(&self, shared: &Shared, why: &str) {
        tracing::debug!(why, link = self.what, "the monitor has no session");
        let why = format!("the monitor has no session: {why}");
        let (now, at, failure) = (Instant::now(), clock::now(), Failure::Blind(why.clone()));
        shared.publish(|board, state| {
            self.names.iter().for_each(|name| board.fail(name, &failure, now, at));
            if self.what == FAST {
                state.down = Some(why);
            }
        });
    }
}

pub(super) fn setup(search_path: Vec<Ident>) -> Setup {
    let settings = vec![("default_transaction_read_only".to_owned(), "on".to_owned())];
    Setup { search_path, limits: LIMITS, settings }
}

pub(super) fn trouble(error: &pg::Error) -> Trouble {
    let why = error.to_string();
    match error.sqlstate() {
        _ if error.session_is_gone() => Trouble::Session(why),
        Some(sqlstate::QUERY_CANCELED | sqlstate::LOCK_NOT_AVAILABLE) => Trouble::Signal(Failure::Slow(why)),
        _ => Trouble::Signal(Failure::Blind(why)),
    }
}

pub(super) async fn ask<T: DeserializeOwned>(
    session: &Session,
    what: &str,
    sql: &str,
    params: &[&dyn Param],
) -> Result<T, Trouble> {
    session.json(&format!("reading {what}"), sql, params).await.map_err(|error| trouble(&error))
}

/// Notes a failure of one signal; a session that is gone ends the loop around it.
pub(super) fn note(shared: &Shared, names: &[&str], result: Result<(), Trouble>) -> Result<(), String> {
    match result {
        Ok(()) => Ok(()),
        Err(Trouble::Signal(failure)) => {
            shared.fail(names, &failure);
            Ok(())
        }
        Err(Trouble::Session(why)) => Err(why),
    }
}

pub(super) fn ticks(interval: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// How often the primary's position is noted.
const POSITION_EVERY: Duration = Duration::from_millis(50);

const REPLICATION: [&str; 2] = [name::REPLICATION_LAG, name::REPLICATION_LAG_BYTES];
const LOCKS: [&str; 2] = [name::LOCK_WAIT, name::LOCK_VICTIMS];

/// Replication and locks at every tick; who the server is, once a second.
async fn fast(shared: &Shared) {
    let link = Link { what: FAST, names: [REPLICATION, LOCKS].concat(), setup: setup(vec![]) };
    let watch = &shared.watch;
    let mut sampler = replication::Replication::new(&watch.expected_standbys, &watch.ignored_standbys)
        .with_delayed(&watch.delayed_standbys);
    let mut cascade = cascade::Cascade::new(&watch.delayed_standbys);
    loop {
        let session = link.open(shared).await;
        let mut ticks = ticks(watch.interval);
        let mut positions = self::ticks(POSITION_EVERY);
        let mut identified: Option<Instant> = None;
        let why = loop {
            tokio::select! {
                biased;
                _ = ticks.tick() => {}
                () = shared.tested.notified() => {}
                _ = positions.tick() => match position(shared, &session, &mut sampler).await {
                    Err(Trouble::Session(why)) => break why,
                    // The next full look says what is wrong.
                    _ => continue,
                },
            }
            let begun = Instant::now();
            if identified.is_none_or(|then| begun - then >= SLOW_INTERVAL) {
                identified = Some(begun);
                if let Err(Trouble::Session(why)) = identify(shared, &session, &mut sampler).await {
                    break why;
                }
            }
            let replicated = replication(shared, &session, &mut sampler, &mut cascade).await;
            if let Err(why) = note(shared, &REPLICATION, replicated) {
                break why;
            }
            if let Err(why) = note(shared, &LOCKS, locks(shared, &session).await) {
                break why;
            }
            shared.publish(|_, state| state.at = Some(begun));
        };
        link.lost(shared, &why);
    }
}

async fn identify(
    shared: &Shared,
    session: &Session,
    sampler: &mut replication::Replication,
) -> Result<(), Trouble> {
    let identity: Identity = ask(session, "who the server is", IDENTITY_SQL, &[]).await?;
    let capability: Capability = ask(session, "what this role may see", CAPABILITY_SQL, &[]).await?;
    shared.publish(|_, state| {
        if state.identity.as_ref().is_some_and(|before| !before.same_history(&identity)) {
            sampler.forget_positions();
        }
        state.identity = Some(identity);
        state.capability = Some(capability);
    });
    Ok(())
}

/// Where the primary is, between two full looks: a standby's lag is dated by this memory, and reads too
/// high by up to the time between two of its points.
async fn position(
    shared: &Shared,
    session: &Session,
    sampler: &mut replication::Replication,
) -> Result<(), Trouble> {
    let sql = "SELECT to_jsonb(pg_current_wal_lsn()::text)";
    let position: String = ask(session, "the log's position", sql, &[]).await?;
    if let Ok(position) = position.parse() {
        sampler.observe(Instant::now() - shared.start, position);
    }
    Ok(())
}

async fn replication(
    shared: &Shared,
    session: &Session,
    sampler: &mut replication::Replication,
    cascade: &mut cascade::Cascade,
) -> Result<(), Trouble> {
    let answer: replication::Answer = ask(session, "replication", replication::SQL, &[]).await?;
    let (taken, at, interval) = (Instant::now(), clock::now(), shared.watch.interval);
    let blind = |why| Trouble::Signal(Failure::Blind(why));
    let mut readings = sampler.readings(&answer, taken - shared.start, at).map_err(blind)?;
    let further = {
        let named: Vec<String> = shared.watch.standbys.iter().map(|(name, _)| name.clone()).collect();
        let heard = shared.heard.lock().expect("nobody panics while holding this").clone();
        let position = (sampler.clock(), answer.position.parse().map_err(blind)?);
        let system = shared.state.borrow().identity.as_ref().map(|server| server.system.clone());
        cascade.readings(
            &named,
            &heard,
            &sampler.own(),
            system.as_deref(),
            position,
            taken - shared.start,
            at,
        )
    };
    if !further.is_empty() {
        // There is something to lag, then.
        readings.retain(|reading| reading.subject.is_some());
    }
    let ignored = &shared.watch.ignored_standbys;
    readings.extend(
        further
            .into_iter()
            .filter(|reading| !reading.subject.as_ref().is_some_and(|name| ignored.contains(name))),
    );
    let (lag, bytes) = readings.into_iter().partition(|reading| reading.name == name::REPLICATION_LAG);
    shared.publish(|board, state| {
        board.put(name::REPLICATION_LAG, lag, taken, interval);
        board.put(name::REPLICATION_LAG_BYTES, bytes, taken, interval);
        state.expected_standbys = sampler.expected();
    });
    Ok(())
}

/// Tests the lock signals until they have passed, once in a monitor's life.
async fn prove(shared: &Shared) {
    let say = |word| *shared.untested.lock().expect("nobody panics while holding this") = word;
    if !shared.watch.self_test {
        return;
    }
    loop {
        match self_test::run(&shared.config, &shared.watch.role).await {
            Ok(()) => {
                say(None);
                return shared.tested.notify_one();
            }
            Err(why) => {
                tracing::warn!("{why}");
                say(Some(why));
            }
        }
        tokio::time::sleep(SLOW_INTERVAL).await;
    }
}

async fn locks(shared: &Shared, session: &Session) -> Result<(), Trouble> {
    let untested = shared.untested.lock().expect("nobody panics while holding this").clone();
    if let Some(why) = untested {
        return Err(Trouble::Signal(Failure::Blind(why)));
    }
    let answer: locks::Answer = ask(session, "who waits for Segue", locks::SQL, &[&shared.watch.own]).await?;
    let (taken, interval) = (Instant::now(), shared.watch.interval);
    let readings = locks::readings(&answer, clock::now());
    shared.publish(|board, state| {
        for reading in readings {
            board.put(&reading.name.clone(), vec![reading], taken, interval);
        }
        state.victims = answer.victims;
    });
    Ok(())
}

/// Clients and queues at every tick, because both come and go; horizon and WAL once a second.
async fn slow(shared: &Shared) {
    let link = Link { what: "slow", names: vec![name::HORIZON, name::WAL_RATE], setup: setup(vec![]) };
    let mut seen = clients::Seen::default();
    let mut rate = wal::Rate::default();
    loop {
        let session = link.open(shared).await;
        rate.forget();
        let mut ticks = ticks(shared.watch.interval);
        let mut slow_at: Option<Instant> = None;
        let mut measured_at: Option<Instant> = None;
        let why = loop {
            ticks.tick().await;
            let now = Instant::now();
            if let Err(Trouble::Session(why)) = clients(shared, &session, &mut seen).await {
                break why;
            }
            if let Err(Trouble::Session(why)) = waits(shared, &session).await {
                break why;
            }
            if slow_at.is_some_and(|then| now - then < SLOW_INTERVAL) {
                continue;
            }
            slow_at = Some(now);
            if let Err(why) = note(shared, &[name::HORIZON], horizon(shared, &session).await) {
                break why;
            }
            if let Err(why) = note(shared, &[name::WAL_RATE], wal_rate(shared, &session, &mut rate).await) {
                break why;
            }
            if measured_at.is_none_or(|then| now - then >= MEASURE_INTERVAL) {
                measured_at = Some(now);
                if let Err(Trouble::Session(why)) = measure(shared, &session).await {
                    break why;
                }
            }
        };
        link.lost(shared, &why);
    }
}

async fn clients(shared: &Shared, session: &Session, seen: &mut clients::Seen) -> Result<(), Trouble> {
    let watch = &shared.watch;
    let found =
        ask(session, "who uses which version", clients::SQL, &[&watch.version_schemas, &watch.own]).await?;
    let at = clock::now();
    seen.note(found, at);
    shared.publish(|_, state| {
        state.clients = seen.all();
        state.clients_at = Some(at);
    });
    Ok(())
}

async fn waits(shared: &Shared, session: &Session) -> Result<(), Trouble> {
    let tables: Vec<String> = shared.watch.tables.iter().map(ToString::to_string).collect();
    let waits = ask(session, "who waits for the rollout's tables", waits::SQL, &[&tables]).await?;
    shared.publish(|_, state| state.waits = waits);
    Ok(())
}

async fn horizon(shared: &Shared, session: &Session) -> Result<(), Trouble> {
    let answer: horizon::Answer =
        ask(session, "the oldest snapshot", horizon::SQL, &[&shared.watch.own]).await?;
    let taken = Instant::now();
    let reading = horizon::reading(&answer, clock::now());
    shared.publish(|board, state| {
        board.put(name::HORIZON, vec![reading], taken, SLOW_INTERVAL);
        state.horizon = answer.oldest;
    });
    Ok(())
}

/// What could not be measured is not known: the look before is of another moment.
async fn measure(shared: &Shared, session: &Session) -> Result<(), Trouble> {
    if shared.watch.filled.is_empty() {
        return Ok(());
    }
    let tables: Vec<String> = shared.watch.filled.iter().map(ToString::to_string).collect();
    let measured = growth::measure(session, &tables).await.map_err(|error| trouble(&error));
    let (measures, failed) = match measured {
        Ok(measures) => (measures, Ok(())),
        Err(trouble) => (Default::default(), Err(trouble)),
    };
    shared.publish(|_, state| state.measures = measures);
    failed
}

async fn wal_rate(shared: &Shared, session: &Session, rate: &mut wal::Rate) -> Result<(), Trouble> {
    let text: String = ask(session, "the WAL's position", wal::SQL, &[]).await?;
    let now = Instant::now();
    let position: Lsn = text.parse().map_err(|why| Trouble::Signal(Failure::Blind(why)))?;
    shared.put(name::WAL_RATE, vec![rate.reading(position, now, clock::now())], now, SLOW_INTERVAL);
    Ok(())
}

/// Each probe once a second, one after another: a slow one delays probes only.
async fn probe(shared: &Shared, probes: &[Probe]) {
    let path = vec![shared.watch.schema.clone(), Ident::from("public")];
    let names = probes.iter().map(|probe| probe.name.as_str()).collect();
    let link = Link { what: "probes", names, setup: setup(path) };
    loop {
        let session = link.open(shared).await;
        let mut ticks = ticks(SLOW_INTERVAL);
        let why = 'session: loop {
            ticks.tick().await;
            for probe in probes {
                let result = run_probe(shared, &session, probe).await;
                if let Err(why) = note(shared, &[&probe.name], result) {
                    break 'session why;
                }
            }
        };
        link.lost(shared, &why);
    }
}

async fn run_probe(shared: &Shared, session: &Session, probe: &Probe) -> Result<(), Trouble> {
    use crate::pg::RowExt;
    let doing = format!("reading probe {}", probe.name);
    let row = session.query_one(&doing, &probe.sql, &[]).await.map_err(|error| trouble(&error))?;
    let value: Option<f64> = row.cell(0).map_err(|error| trouble(&error))?;
    shared.put(&probe.name, vec![probe.reading(value, clock::now())], Instant::now(), SLOW_INTERVAL);
    Ok(())
}
