//! Owns the application that goes on meanwhile: transactions at a fixed rate, and how long each took. Must not know what
//! else is going on.
//!
//! Transactions are due at fixed moments, whether or not those before them have ended, and a transaction's time
//! counts from when it was due: a server that stands still for a second makes 400 of them late, not eight.

use crate::{
    server::Outcome,
    shape::{Shape, related, unrelated},
    summary::Latencies,
};
use segue::sandbox::{
    Cluster,
    wire::{Session, WireError},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Sessions of the application.
const SESSIONS: usize = 8;

#[derive(Debug)]
struct Done {
    due: Instant,
    took: Duration,
    error: Option<String>,
}

/// A running application. Dropping it stops it.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Done>>>,
}

/// All that it did.
#[derive(Debug, Default)]
pub struct Past(Vec<Done>);

#[derive(Clone)]
struct Job {
    shape: Shape,
    /// Rows 1 to this are there and stay.
    rows: u64,
    rate: f64,
    began: Instant,
    ticket: Arc<AtomicU64>,
    next_id: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Load {
    pub fn start(cluster: &Cluster, database: &str, shape: Shape, rows: u64, rate: f64) -> Outcome<Load> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = Load { stop: Arc::clone(&stop), threads: Vec::new() };
        if rate <= 0.0 {
            return Ok(load);
        }
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            let mut session = cluster.session(database)?;
            session.query("SET statement_timeout = '30s'; SET application_name = 'application'")?;
            sessions.push(session);
        }
        let job = Job {
            shape,
            rows,
            rate,
            began: Instant::now(),
            ticket: Arc::default(),
            next_id: Arc::new(AtomicU64::new(rows + 1)),
            stop,
        };
        for session in sessions {
            let job = job.clone();
            load.threads.push(thread::spawn(move || job.run(session)));
        }
        Ok(load)
    }

    /// Ends after the transactions under way.
    pub fn stop(mut self) -> Past {
        self.stop.store(true, Ordering::Relaxed);
        let done = self.threads.drain(..).flat_map(|thread| thread.join().expect("the load does not panic"));
        Past(done.collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Past {
    /// The transactions that were due in this time.
    pub fn between(&self, from: Instant, to: Instant) -> Latencies {
        let mut latencies = Latencies::default();
        for done in self.0.iter().filter(|done| done.due >= from && done.due < to) {
            latencies.add(done.took, done.error.as_deref());
        }
        latencies
    }
}

impl Job {
    fn run(self, mut session: Session) -> Vec<Done> {
        let mut past = Vec::new();
        loop {
            let number = self.ticket.fetch_add(1, Ordering::Relaxed);
            let due = self.began + Duration::from_secs_f64(number as f64 / self.rate);
            while !self.stop.load(Ordering::Relaxed) && Instant::now() < due {
                thread::sleep(due.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
            }
            if self.stop.load(Ordering::Relaxed) {
                return past;
            }
            let result = self.transaction(&mut session);
            let error = result.as_ref().err().map(WireError::to_string);
            past.push(Done { due, took: due.elapsed(), error });
            // Ends the transaction where one is open; where the session is gone the others go on without it.
            if result.is_err() && session.query("ROLLBACK").is_err() {
                return past;
            }
        }
    }

    /// Each statement is a round trip of its own, as applications do it.
    fn transaction(&self, session: &mut Session) -> Result<(), WireError> {
        let id = fastrand::u64(1..=self.rows);
        match fastrand::u8(0..100) {
            0..15 => {
                let id = self.next_id.fetch_add(1, Ordering::Relaxed);
                session.query(&self.shape.insert(&id.to_string()))?;
            }
            15..40 => {
                let id = id.min(self.rows.saturating_sub(10)).max(1);
                session.query(&format!(
                    "SELECT id, amount, hits FROM items WHERE id BETWEEN {id} AND {} ORDER BY id",
                    id + 9
                ))?;
            }
            kind => {
                let id = id.to_string();
                session.query("BEGIN")?;
                session.query(&if kind % 2 == 0 { unrelated(&id) } else { related(&id) })?;
                session.query(&format!("SELECT amount, hits FROM items WHERE id = {id}"))?;
                session.query("COMMIT")?;
            }
        }
        Ok(())
    }
}
