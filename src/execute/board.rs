//! Owns how far the backfill is, as its worker last said: for progress bars and `status`.
//! Must not be asked for decisions; the truth is the checkpoint in the database.

use super::backfill::SWEEP;
use crate::control::progress::{Counts, VacuumProgress};
use crate::control::record::Record;
use crate::plan::limits::Limit;
use crate::store::Checkpoint;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One leaf's backfill.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub step: usize,
    /// Qualified and quoted.
    pub relation: String,
    pub counts: Counts,
}

/// A leaf's progress from the checkpoints of its runs and sweep. The sweep's position counts for
/// nothing in the blocks that are filled: what it looks at was filled before.
pub fn sum<'c>(of_leaf: impl IntoIterator<Item = &'c Checkpoint>) -> Counts {
    let (sweeps, runs): (Vec<&Checkpoint>, Vec<&Checkpoint>) =
        of_leaf.into_iter().partition(|at| at.run == SWEEP);
    let blocks = |from: i64, to: i64| (to - from).max(0) as u64;
    let totals: Option<Vec<f64>> = runs.iter().map(|at| at.rows_total).collect();
    Counts {
        rows_done: runs.iter().chain(&sweeps).map(|at| at.rows_done.max(0) as u64).sum(),
        rows_total: totals.map(|totals| totals.iter().sum::<f64>().max(0.0) as u64),
        blocks_done: runs.iter().map(|at| blocks(at.first_block, at.next_block)).sum(),
        blocks_total: runs.iter().map(|at| blocks(at.first_block, at.end_block)).sum(),
        sweep: sweeps
            .first()
            .map(|at| (blocks(at.first_block, at.next_block), blocks(at.first_block, at.end_block))),
        finished: sweeps.iter().any(|at| at.done),
    }
}

/// Shared between the worker, which writes, and the supervisor, which reads.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    leaves: Vec<Leaf>,
    written: Vec<Record>,
    vacuum: Option<VacuumProgress>,
    blockers: Option<String>,
    limited: Option<Limit>,
    /// Not yet journalled.
    remarks: Vec<(String, serde_json::Value)>,
    /// What was committed here and perhaps nowhere else.
    unreplicated: Option<String>,
}

impl Board {
    pub fn leaves(&self) -> Vec<Leaf> {
        self.said().leaves.clone()
    }

    /// A record that the worker has journalled in a transaction of its own: for the supervisor to fold.
    pub fn wrote(&self, record: Record) {
        self.said().written.push(record);
    }

    pub fn take_written(&self) -> Vec<Record> {
        std::mem::take(&mut self.said().written)
    }

    /// Who is in the way of the lock in hand.
    pub fn blockers(&self) -> Option<String> {
        self.said().blockers.clone()
    }

    pub fn put_blockers(&self, blockers: Option<String>) {
        self.said().blockers = blockers;
    }

    /// The limit that keeps the backfill from being faster, if one does.
    pub fn limited(&self) -> Option<Limit> {
        self.said().limited
    }

    pub fn put_limited(&self, by: Option<Limit>) {
        self.said().limited = by;
    }

    /// How far the VACUUM in hand is.
    pub fn vacuum(&self) -> Option<VacuumProgress> {
        self.said().vacuum.clone()
    }

    pub fn put_vacuum(&self, vacuum: Option<VacuumProgress>) {
        self.said().vacuum = vacuum;
    }

    /// What the step in hand came upon, for the journal.
    pub fn remark(&self, what: String, readings: serde_json::Value) {
        self.said().remarks.push((what, readings));
    }

    pub fn take_remarks(&self) -> Vec<(String, serde_json::Value)> {
        std::mem::take(&mut self.said().remarks)
    }

    /// A commit stopped waiting for its synchronous standby: for a person to look at.
    pub fn unreplicated(&self, what: String) {
        self.said().unreplicated = Some(what);
    }

    pub fn take_unreplicated(&self) -> Option<String> {
        self.said().unreplicated.take()
    }

    /// A table that is no longer the step's.
    pub fn forget(&self, step: usize, relation: &str) {
        self.said().leaves.retain(|leaf| leaf.step != step || leaf.relation != relation);
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what is known of a leaf.
    pub fn put(&self, leaf: Leaf) {
        let mut said = self.said();
        match said.leaves.iter_mut().find(|l| l.step == leaf.step && l.relation == leaf.relation) {
            Some(known) => *known = leaf,
            None => said.leaves.push(leaf),
        }
    }
}
