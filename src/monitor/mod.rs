//! Owns the watch over a server's health: one sampler a file, on a thread and connections of its own, so that
//! neither a busy worker nor a blocked one can blind it. It publishes what it saw; what it cannot see, it says.
//! Must not judge a reading, and must not change anything: its sessions are read only, but for the lock
//! that the self-test takes for a moment and the commits of nothing that are timed.

mod archive;
pub mod board;
mod capability;
mod cascade;
mod checkpoints;
mod clients;
mod commit;
mod deadlocks;
mod growth;
mod health;
mod horizon;
mod http;
mod locks;
mod probes;
mod replication;
mod sampling;
mod self_test;
mod sessions;
mod slots;
mod sync;
mod tables;
mod waits;
mod wal;
mod window;

pub use capability::{Capability, IDENTITY_SQL, Identity};
pub use clients::now as clients_now;
pub use growth::measure;
pub use horizon::Holder;
pub use locks::Victim;
pub use waits::TableWait;

use crate::control::growth::Measure;
use crate::control::policy::Guard;
use crate::control::signal::Snapshot;
use crate::ident::{Ident, QualifiedName};
use crate::pg;
use crate::store::ClientSeen;
use board::Sample;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Why a signal is blind before its first look.
pub const NOT_READ_YET: &str = "not read yet";
/// How often the fast signals are read unless told otherwise.
pub const INTERVAL: Duration = Duration::from_millis(250);
/// How often everything else is.
pub const SLOW_INTERVAL: Duration = Duration::from_secs(1);
/// How often the tables that are filled are measured: it asks the file system for each of their segments.
pub const MEASURE_INTERVAL: Duration = Duration::from_secs(2);

/// What to watch.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The schema of the rollout; operators' probes find unqualified names there and in `public`.
    pub schema: Ident,
    /// The rollout's tables: `Program::tables`.
    pub tables: Vec<QualifiedName>,
    /// Those of them that are filled: their size is watched.
    pub filled: Vec<QualifiedName>,
    /// The old and the new version's schemas of views.
    pub version_schemas: Vec<Ident>,
    /// Those with `sql` are probes; the others need nothing here.
    pub guards: Vec<Guard>,
    pub interval: Duration,
    /// The role part of this monitor's own application name: `7/monitor` makes `segue/7/monitor/…`.
    pub role: String,
    /// The start of the application names that count as Segue's own.
    pub own: String,
    /// Standbys that the rollout began with; those found at the first look come on top.
    pub expected_standbys: Vec<String>,
    /// Standbys that replay late on purpose (`recovery_min_apply_delay`): the primary cannot tell.
    pub delayed_standbys: Vec<String>,
    /// Standbys that can be asked how they are, and who streams from them.
    pub standbys: Vec<(String, pg::Config)>,
    /// Standbys (or slots) that an operator has given up.
    pub ignored_standbys: Vec<String>,
    /// Whether the lock signals are blind until they passed a test whose answer is known. It needs Segue's own schema.
    pub self_test: bool,
}

impl Watch {
    pub fn new(schema: Ident) -> Watch {
        Watch {
            schema,
            tables: Vec::new(),
            filled: Vec::new(),
            version_schemas: Vec::new(),
            guards: Vec::new(),
            interval: INTERVAL,
            role: "monitor".to_owned(),
            own: "segue/".to_owned(),
            expected_standbys: Vec::new(),
            delayed_standbys: Vec::new(),
            standbys: Vec::new(),
            ignored_standbys: Vec::new(),
            self_test: false,
        }
    }
}

/// What the monitor saw last.
#[derive(Clone, Debug, Default)]
pub struct MonitorState {
    /// Every signal, as it was to be believed when this was published; [`MonitorState::snapshot_at`] for later.
    pub snapshot: Snapshot,
    /// When the last complete look at the fast signals was begun; `None`: never. The permit's clock.
    pub at: Option<Instant>,
    /// Everybody seen on a version since the monitor began.
    pub clients: Vec<ClientSeen>,
    /// When the version schemas were last looked at.
    pub clients_at: Option<jiff::Timestamp>,
    /// Which server this is; `None` until it was asked.
    pub identity: Option<Identity>,
    pub capability: Option<Capability>,
    /// Sessions that wait because of Segue, longest first.
    pub victims: Vec<Victim>,
    /// Queues on the rollout's tables, and strong locks held there.
    pub waits: Vec<TableWait>,
    /// The tables that are filled, by leaf, as measured last.
    pub measures: BTreeMap<String, Measure>,
    /// Who holds the horizon back furthest; `None`: nobody, or not known (the reading tells which).
    pub horizon: Option<Holder>,
    /// Standbys that have to be there from now on: to be remembered with the rollout.
    pub expected_standbys: Vec<String>,
    /// Why the monitor has no session, while it has none.
    pub down: Option<String>,
    samples: Vec<Sample>,
}

impl MonitorState {
    /// Every signal as it is to be believed at `now`: what was not read again in time is stale.
    pub fn snapshot_at(&self, now: Instant) -> Snapshot {
        board::snapshot(&self.samples, now)
    }
}

/// A running monitor; dropped, it stops.
#[derive(Debug)]
pub struct MonitorHandle {
    state: watch::Receiver<Arc<MonitorState>>,
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl MonitorHandle {
    /// Told of every new state.
    pub fn subscribe(&self) -> watch::Receiver<Arc<MonitorState>> {
        self.state.clone()
    }

    pub fn latest(&self) -> Arc<MonitorState> {
        self.state.borrow().clone()
    }

    /// Every signal as it is to be believed now.
    pub fn snapshot(&self) -> Snapshot {
        self.latest().snapshot_at(Instant::now())
    }

    /// Whether its thread is there. One that died publishes no more, so that permits run out by themselves.
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops it and waits until its thread has ended.
    pub fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed by its hook; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl Drop for MonitorHandle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Starts a monitor. It needs no runtime of the caller's, connects by itself and again whenever it must.
/// The error is the operating system's, when it gives no thread.
pub fn start(config: &pg::Config, watch: Watch) -> std::io::Result<MonitorHandle> {
    let shared = sampling::Shared::new(config.clone(), watch);
    let state = shared.subscribe();
    let (stop, stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new()
        .name("segue-monitor".to_owned())
        .spawn(move || runtime.block_on(sampling::run(Arc::new(shared), stopped)))?;
    Ok(MonitorHandle { state, stop, thread: Some(thread) })
}
