//! Owns how far the standby was behind, sampled often. Must not disturb: two cheap questions, twenty times a second.
//!
//! The standby's replay position is dated in the memory of where the primary was when. What `pg_stat_replication` says is
//! up to a second old.

use crate::server::Outcome;
use segue::sandbox::{Cluster, Pair, wire::Session};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    seconds: f64,
    bytes: u64,
}

#[derive(Debug)]
pub struct LagWatch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Sample>>>,
}

/// The worst of a time.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Lag {
    pub seconds: f64,
    pub bytes: u64,
}

pub struct Samples(Vec<Sample>);

impl LagWatch {
    pub fn start(pair: &Pair) -> Outcome<LagWatch> {
        let open = |cluster: &Cluster| cluster.session("postgres");
        let (primary, standby) = (open(&pair.primary)?, open(&pair.standby)?);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        Ok(LagWatch { stop, thread: Some(thread::spawn(move || watch(primary, standby, &told))) })
    }

    pub fn stop(mut self) -> Samples {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is stopped once");
        Samples(thread.join().expect("the watch does not panic"))
    }
}

impl Drop for LagWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Samples {
    /// `None`: nothing was seen.
    pub fn worst(&self, from: Instant, to: Instant) -> Option<Lag> {
        let seen = || self.0.iter().filter(|sample| sample.at >= from && sample.at < to);
        let seconds = seen().map(|sample| sample.seconds).reduce(f64::max)?;
        Some(Lag { seconds, bytes: seen().map(|sample| sample.bytes).max()? })
    }
}

fn watch(mut primary: Session, mut standby: Session, stop: &AtomicBool) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut memory: Vec<(Instant, u64)> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        // The standby first: what it has not replayed by now must have been written before.
        let replayed = position(&mut standby, "pg_last_wal_replay_lsn()");
        let at = Instant::now();
        let written = position(&mut primary, "pg_current_wal_lsn()");
        if let (Some(replayed), Some(written)) = (replayed, written) {
            let behind = memory.partition_point(|(_, position)| *position <= replayed);
            let seconds = memory.get(behind).map_or(0.0, |(when, _)| (at - *when).as_secs_f64());
            memory.drain(..behind);
            memory.push((at, written));
            samples.push(Sample { at, seconds, bytes: written.saturating_sub(replayed) });
        }
        thread::sleep(EVERY);
    }
    samples
}

fn position(session: &mut Session, function: &str) -> Option<u64> {
    let rows = session.query(&format!("SELECT pg_wal_lsn_diff({function}, '0/0')::bigint")).ok()?;
    rows.into_iter().flatten().flatten().next()?.parse().ok()
}
