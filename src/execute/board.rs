//! Owns how far the backfill is, as its worker last said: for progress bars and `status`.
//! Must not be asked for decisions; the truth is the checkpoint in the database.

use std::sync::{Arc, Mutex, PoisonError};

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
pub struct Board(Arc<Mutex<Vec<TableProgress>>>);

impl Board {
    pub fn tables(&self) -> Vec<TableProgress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces what is known of a table.
    pub fn put(&self, progress: TableProgress) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tables.iter_mut().find(|t| t.step == progress.step && t.table == progress.table) {
            Some(known) => *known = progress,
            None => tables.push(progress),
        }
    }
}
