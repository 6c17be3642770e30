//! Owns one worker's way through one run of blocks: range by range, each range in slices. Must not
//! choose runs.

use super::runs::{self, SWEEP};
use super::{Shared, lock, partitions};
use crate::control::pace::SliceMeasure;
use crate::control::slicing;
use crate::execute::gate::Pass;
use crate::execute::slice::{self, Slice};
use crate::execute::{Halt, row_error};
use crate::pg::{self, Class, Session};
use crate::plan::settings::OnRowError;
use crate::store::{self, Checkpoint, SetAside};
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Slices in a row that lost against locks of others before the step gives the word back.
const MOST_LOST: u32 = 60;

/// With several workers a range is this many stretches, taken in turn: each rests between its
/// slices, so that a neighbour's snapshot, which would keep its dead rows, is gone by the next one.
const STRETCHES: u64 = 4;

/// More parts leave no rows in most of them.
const FINEST: u32 = 256;

/// How a slice ended that did not fail for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Whole,
    /// It was too much at a time: what is still pending is to be asked for in a shorter range.
    TooMuch,
}

/// One run being filled.
pub struct Filling<'s> {
    shared: &'s Shared,
    at: Checkpoint,
    lost: u32,
    /// Into how many parts a slice is cut further, a power of two: where a single block takes too long.
    finer: u32,
    /// Rows of the range in hand that are set aside.
    without: Vec<String>,
}

impl<'s> Filling<'s> {
    pub fn of(shared: &'s Shared, at: Checkpoint) -> Filling<'s> {
        Filling { shared, at, lost: 0, finer: 1, without: Vec::new() }
    }

    /// To the end of the run; a sweep begins anew until one finds nothing.
    pub async fn all(&mut self, session: &mut Session) -> Result<(), Halt> {
        // Of a sweep begun by somebody else it is not known whether the table was rewritten meanwhile.
        let mut whole = self.at.next_block == self.at.first_block;
        loop {
            let (before, file) = (self.at.rows_done, runs::size(session, &self.at.relation).await?.file);
            while self.at.next_block < self.at.end_block {
                if partitions::has_left(self.shared, session, &self.at.relation).await? {
                    return partitions::leave(self.shared, session, &self.at.relation).await;
                }
                self.range(session).await?;
            }
            let size = runs::size(session, &self.at.relation).await?;
            // A pass over the whole table that found nothing to fill is the proof that nothing is
            // pending: the sync trigger fills what applications write meanwhile. A rewrite moves rows
            // from where it was not looked yet to where it was, so a pass across one proves nothing.
            let proved = whole && size.file == file && self.at.rows_done == before;
            let mut next = self.at.clone();
            // A leaf with rows set aside is not done: they are still pending, and looked for again.
            let aside = self.at.run == SWEEP && self.has_aside();
            if self.at.run != SWEEP || (proved && !aside) {
                next.done = true;
            } else {
                (next.pass, next.next_block, next.end_block) = (self.at.pass + 1, 0, size.blocks as i64);
                whole = true;
            }
            runs::keep(self.shared, session, vec![next.clone()]).await?;
            self.at = next;
            if self.at.done || (proved && aside) {
                return Ok(());
            }
        }
    }

    fn slices(&self) -> u32 {
        let parts = match self.at.run {
            // Nearly nothing is left to fill.
            SWEEP => 1,
            _ => slicing::slices(self.at.rows_total, (self.at.end_block - self.at.first_block).max(0) as u64),
        };
        parts * self.finer
    }

    /// The stretches of the next range.
    fn stretches(&self) -> Vec<Range<u64>> {
        let several = self.shared.work.policy.workers > 1 && self.at.run != SWEEP;
        let (count, length) =
            (if several { STRETCHES } else { 1 }, u64::from(lock(&self.shared.pace).blocks()));
        let (start, end) = (self.at.next_block as u64, self.at.end_block as u64);
        (0..count)
            .map(|n| (start + n * length).min(end)..(start + (n + 1) * length).min(end))
            .filter(|stretch| !stretch.is_empty())
            .collect()
    }

    /// One range. Rows are counted with each slice, or a kill would lose count of them; the position
    /// moves with the last one, so a range begun is a range begun again. It ends early where a slice
    /// was too much.
    async fn range(&mut self, session: &mut Session) -> Result<(), Halt> {
        let stretches = self.stretches();
        let end = stretches.last().map_or(self.at.end_block as u64, |last| last.end);
        let parts = self.slices();
        for part in 0..parts {
            for stretch in &stretches {
                let last = part + 1 == parts && stretch.end == end;
                let to = if last { end as i64 } else { self.at.next_block };
                if self.slice(session, stretch, (part, parts), to).await? == Done::TooMuch {
                    return Ok(());
                }
            }
        }
        // A range that ended early may have left some for the next one.
        self.without.retain(|ctid| block_of(ctid).is_some_and(|block| block >= end));
        Ok(())
    }

    /// One slice, tried until it is done.
    async fn slice(
        &mut self,
        session: &mut Session,
        blocks: &Range<u64>,
        part: (u32, u32),
        to: i64,
    ) -> Result<Done, Halt> {
        let shared = self.shared;
        loop {
            if shared.halted.load(Ordering::Acquire) {
                return Err(Halt::Stopped);
            }
            let mut gate = shared.work.gate.clone();
            let Some((share, turn)) = gate.enter().await else { return Err(Halt::Stopped) };
            let begun = Instant::now();
            let checkpoint = Checkpoint { next_block: to, ..self.at.clone() };
            let leaf = self.at.relation.clone();
            let without = self.without.clone();
            let here = Slice { leaf: &leaf, blocks: blocks.clone(), part, without: &without };
            let result = slice::run(&shared.work, session, &shared.spec, &here, &checkpoint).await;
            drop(turn);
            let rows = match result {
                Ok(rows) => rows,
                Err(halt) => match self.failed(session, &here, halt).await? {
                    Done::Whole => continue,
                    Done::TooMuch => return Ok(Done::TooMuch),
                },
            };
            self.lost = 0;
            self.at = Checkpoint { rows_done: checkpoint.rows_done + rows as i64, ..checkpoint };
            runs::note(shared, self.at.clone());
            let measured =
                SliceMeasure { blocks: (blocks.end - blocks.start) as u32, elapsed: begun.elapsed() };
            // The gate lets nothing pass on readings that are not fresh.
            let pacing = lock(&shared.pace).next(measured, share, true);
            if !pacing.rest.is_zero() && gate.rest(pacing.rest).await == Pass::Stop {
                return Err(Halt::Stopped);
            }
            return Ok(Done::Whole);
        }
    }

    /// `Ok`: it is to be tried again, whole or in less at a time.
    async fn failed(&mut self, session: &mut Session, slice: &Slice<'_>, halt: Halt) -> Result<Done, Halt> {
        let Halt::Failed(error) = halt else { return Err(halt) };
        if self.shared.work.gate.stopped() {
            return Err(Halt::Failed(error));
        }
        match pg::class(&error) {
            class @ (Class::LockTimeout | Class::Deadlock | Class::Serialization | Class::Cancelled)
                if self.lost < MOST_LOST && !error.session_is_gone() =>
            {
                self.lost += 1;
                let length = slice.blocks.end - slice.blocks.start;
                {
                    // The short range at a table's end may be far below the pace's own.
                    let mut pace = lock(&self.shared.pace);
                    while length > 1 && u64::from(pace.blocks()) >= length {
                        pace.failed();
                    }
                }
                if length == 1 && class == Class::Cancelled {
                    self.finer = (self.finer * 2).min(FINEST);
                }
                let rest = Duration::from_millis(50) * 2u32.pow(self.lost.min(6));
                match self.shared.work.gate.clone().rest(rest.mul_f64(0.5 + fastrand::f64())).await {
                    Pass::Stop => Err(Halt::Stopped),
                    Pass::Go { .. } => Ok(Done::TooMuch),
                }
            }
            // The marker tells what of the slice happened: going on from the checkpoint is right either way.
            Class::UnknownOutcome => Err(Halt::NotDone(error)),
            Class::Permanent if error.server().is_some() => {
                self.bad_row(session, slice, error).await.map(|()| Done::Whole)
            }
            _ => Err(Halt::Failed(error)),
        }
    }

    async fn bad_row(
        &mut self,
        session: &mut Session,
        slice: &Slice<'_>,
        error: pg::Error,
    ) -> Result<(), Halt> {
        let Some(bad) = row_error::find(&self.shared.work, session, &self.shared.spec, slice).await? else {
            // It fails together and not one by one, or somebody has mended it: one more try tells.
            self.lost += 1;
            return if self.lost < 3 { Ok(()) } else { Err(Halt::Failed(error)) };
        };
        let shown =
            self.shared.spec.shown.iter().map(|c| c.as_str().to_owned()).collect::<Vec<_>>().join(", ");
        let row_id = format!("{} {}", self.at.relation, bad.key);
        match self.shared.work.policy.on_row_error {
            // Each pass meets it again: it counts once.
            OnRowError::SetAside(most) if self.has_room_aside(&row_id, most) => {
                let row = SetAside {
                    step: self.shared.step as i32,
                    relation: self.at.relation.clone(),
                    row_key: bad.key,
                    sqlstate: bad.sqlstate,
                    message: bad.message,
                };
                let doing = "setting a row aside";
                let tx = session.transaction(doing, &pg::Limits::READ).await?;
                store::set_aside_in_tx(&tx, self.shared.work.fence, &row).await?;
                tx.commit(doing).await?;
                lock(&self.shared.aside).insert(row_id);
                self.without.push(bad.ctid);
                Ok(())
            }
            _ => Err(Halt::Broken(format!(
                "the row of {} with {} cannot be filled ({shown}): {}\n  \
                 mend the row or the plan's `up`; then `segue resume`, or `segue rollback`",
                self.at.relation, bad.key, bad.message
            ))),
        }
    }

    fn has_aside(&self) -> bool {
        let start = format!("{} ", self.at.relation);
        lock(&self.shared.aside).iter().any(|row| row.starts_with(&start))
    }

    fn has_room_aside(&self, row_id: &str, most: u64) -> bool {
        let aside = lock(&self.shared.aside);
        aside.contains(row_id) || (aside.len() as u64) < most
    }
}

/// `(7,3)` is in block 7.
fn block_of(ctid: &str) -> Option<u64> {
    ctid.strip_prefix('(')?.split_once(',')?.0.parse().ok()
}
