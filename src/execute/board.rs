//! Owns how far the backfill is, as its worker last said: for progress bars and `status`.
//! Must not be asked for decisions; the truth is the checkpoint in the database.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One table's backfill.
#[derive(Clone, Debug, PartialEq)]
pub struct TableProgress {
    pub step: usize,
    pub table: String,
    pub rows_done: u64,
    /// The planner's estimate; `None` where there is none.
    pub rows_total: Option<f64>,
    pub blocks_done: u64,
    pub blocks_total: u64,
    pub finished: bool,
}

/// Shared between the worker, which writes, and the supervisor, which reads.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    tables: Vec<TableProgress>,
    blockers: Option<String>,
}

impl Board {
    pub fn tables(&self) -> Vec<TableProgress> {
        self.said().tables.clone()
    }

    /// Who is in the way of the lock in hand.
    pub fn blockers(&self) -> Option<String> {
        self.said().blockers.clone()
    }

    pub fn put_blockers(&self, blockers: Option<String>) {
        self.said().blockers = blockers;
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what is known of a table.
    pub fn put(&self, progress: TableProgress) {
        let mut said = self.said();
        match said.tables.iter_mut().find(|t| t.step == progress.step && t.table == progress.table) {
            Some(known) => *known = progress,
            None => said.tables.push(progress),
        }
    }
}
