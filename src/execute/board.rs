//! Owns how far the backfill is, as its worker last said: for progress bars and `status`.
//! Must not be asked for decisions; the truth is the checkpoint in the database.

use super::backfill::{SWEEP, bare_name};
use crate::store::Checkpoint;
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

/// A leaf's progress from the checkpoints of its runs and sweep. The sweep's position counts for
/// nothing: what it looks at was filled before.
pub fn sum(step: usize, leaf: &str, of_leaf: &[Checkpoint]) -> TableProgress {
    let runs = || of_leaf.iter().filter(|at| at.run != SWEEP);
    let totals: Option<Vec<f64>> = runs().map(|at| at.rows_total).collect();
    TableProgress {
        step,
        table: bare_name(leaf),
        rows_done: of_leaf.iter().map(|at| at.rows_done.max(0) as u64).sum(),
        rows_total: totals.map(|totals| totals.iter().sum()),
        blocks_done: runs().map(|at| (at.next_block - at.first_block).max(0) as u64).sum(),
        blocks_total: runs().map(|at| (at.end_block - at.first_block).max(0) as u64).sum(),
        finished: of_leaf.iter().any(|at| at.run == SWEEP && at.done),
    }
}

/// Shared between the worker, which writes, and the supervisor, which reads.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    tables: Vec<TableProgress>,
    blockers: Option<String>,
    /// Not yet journalled.
    remarks: Vec<(String, serde_json::Value)>,
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

    /// What the step in hand came upon, for the journal.
    pub fn remark(&self, what: String, readings: serde_json::Value) {
        self.said().remarks.push((what, readings));
    }

    pub fn take_remarks(&self) -> Vec<(String, serde_json::Value)> {
        std::mem::take(&mut self.said().remarks)
    }

    /// A table that is no longer the step's.
    pub fn forget(&self, step: usize, leaf: &str) {
        let name = bare_name(leaf);
        self.said().tables.retain(|t| t.step != step || t.table != name);
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
