//! Owns how much processor time server processes used: a figure that a busy machine disturbs less than time by the clock.
//! Linux alone tells it; elsewhere it is not known.

use crate::server::Outcome;
use segue::sandbox::{Cluster, wire::Session};
use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// What sessions that fill call themselves; Segue's are `segue/<role>`.
pub const FILLER: &str = "filler";

/// Processor time of a process so far.
pub fn of(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// The server process of a session.
pub fn backend(session: &mut Session) -> Option<u32> {
    session.query("SELECT pg_backend_pid()").ok()?.into_iter().flatten().flatten().next()?.parse().ok()
}

/// Follows the server processes of the sessions that fill a database, Segue's monitor and supervisor included.
#[derive(Debug)]
pub struct CpuWatch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<HashMap<u32, Duration>>>,
}

impl CpuWatch {
    pub fn start(cluster: &Cluster, database: &str) -> Outcome<CpuWatch> {
        let session = cluster.session("postgres")?;
        let sql = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = '{database}' \
             AND (application_name = '{FILLER}' OR application_name LIKE 'segue/%')"
        );
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        Ok(CpuWatch { stop, thread: Some(thread::spawn(move || watch(session, &sql, &told))) })
    }

    /// `None`: the system does not tell. What a session used in its last few milliseconds is missed.
    pub fn stop(mut self) -> Option<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let used = self.thread.take().expect("it is stopped once").join().expect("the watch does not panic");
        (!used.is_empty()).then(|| used.values().sum())
    }
}

impl Drop for CpuWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(mut session: Session, sql: &str, stop: &AtomicBool) -> HashMap<u32, Duration> {
    let mut used: HashMap<u32, Duration> = HashMap::new();
    let mut looks = 0_u32;
    while !stop.load(Ordering::Relaxed) {
        if looks.is_multiple_of(5) {
            let pids = session.query(sql).unwrap_or_default();
            for pid in pids.into_iter().flatten().flatten().filter_map(|pid| pid.parse().ok()) {
                used.entry(pid).or_default();
            }
        }
        looks += 1;
        for (pid, time) in &mut used {
            *time = of(*pid).map_or(*time, |now| now.max(*time));
        }
        thread::sleep(Duration::from_millis(20));
    }
    // A process that never told anything leaves nothing to add up.
    used.retain(|_, time| !time.is_zero());
    used
}
