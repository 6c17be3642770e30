//! Owns one worker's way through one run of blocks: range by range, each range in slices. Must not
//! choose runs.

use super::runs::{self, SWEEP};
use super::sample::{self, Shape};
use super::{Shared, lock, partitions};
use crate::control::pace::{self, SliceMeasure};
use crate::control::slicing;
use crate::control::tuning::Tuning;
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

/// A range is this many stretches, taken in turn: each rests between its slices, so that who was at work when one ended, and
/// whose snapshot would keep its dead rows, is gone by the next one. With several workers those are the neighbours' slices.
const STRETCHES: u64 = 2;
const STRETCHES_WITH_NEIGHBOURS: u64 = 8;

/// A range in which fewer of the rows found room on their page than this share was sliced for nothing: something holds the
/// horizon back, so that dead copies stay. The next ones are filled plainly, then it is tried again.
const IN_PLACE: f64 = 0.25;
const PLAIN_RANGES: u32 = 8;

/// A throttle that is being lifted stays for a while near full speed: ranges may grow again by then.
const NEARLY_FULL: f64 = 0.9;

/// A range is cut anew where its slices are to be shorter than this share of what they were cut for.
const TOO_COARSE: f64 = 0.5;

/// How a slice ended that did not fail for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Whole,
    /// It was too much at a time: what is still pending is to be asked for in a shorter range.
    TooMuch,
}

/// Which slice of a range.
#[derive(Clone, Copy, Debug)]
struct Which<'a> {
    blocks: &'a Range<u64>,
    below: Option<u16>,
    part: (u32, u32),
    watch: bool,
    /// Of its range: the position moves with it.
    last: bool,
}

/// One run being filled.
pub struct Filling<'s> {
    shared: &'s Shared,
    at: Checkpoint,
    lost: u32,
    /// Into how many slices the last range was cut by its lines.
    cut: usize,
    /// Of the table, once it was looked at.
    shape: Option<Shape>,
    /// Ranges to be filled without slicing.
    plain: u32,
    /// Of the range in hand: its dearest slice, and whether a guard throttled any.
    dearest: SliceMeasure,
    throttled: bool,
    /// Rows of the range in hand that are set aside.
    without: Vec<String>,
    /// The limits that the range in hand was cut under, and the portion of their time that its slices are to take.
    tuning: Tuning,
    portion: f64,
}

impl<'s> Filling<'s> {
    pub fn of(shared: &'s Shared, at: Checkpoint) -> Filling<'s> {
        let tuning = shared.work.gate.tuning();
        Filling {
            shared,
            at,
            lost: 0,
            cut: 1,
            shape: None,
            plain: 0,
            dearest: SliceMeasure::NONE,
            throttled: false,
            without: Vec::new(),
            tuning,
            portion: 1.0,
        }
    }

    /// To the end of the run; a sweep begins anew until one finds nothing. `Some`: there is one worker too
    /// many, and this is where the run is to be taken up by another.
    pub async fn all(&mut self, session: &mut Session) -> Result<Option<Checkpoint>, Halt> {
        // Of a sweep begun by somebody else it is not known whether the table was rewritten meanwhile.
        let mut whole = self.at.next_block == self.at.first_block;
        loop {
            let (before, file) = (self.at.rows_done, runs::size(session, &self.at.relation).await?.file);
            while self.at.next_block < self.at.end_block {
                if self.shared.is_surplus() {
                    return Ok(Some(self.at.clone()));
                }
                if partitions::has_left(self.shared, session, &self.at.relation).await? {
                    partitions::leave(self.shared, session, &self.at.relation).await?;
                    return Ok(None);
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
                return Ok(None);
            }
        }
    }

    /// Where the next range is cut: below which line of its page a row belongs to the slices so far. The last takes what is left.
    async fn bounds(
        &mut self,
        session: &mut Session,
        stretches: &[Range<u64>],
    ) -> Result<Vec<Option<u16>>, Halt> {
        let whole = vec![None];
        let Some(first) = stretches.first() else { return Ok(whole) };
        let run = (self.at.end_block - self.at.first_block).max(0) as u64;
        // Nearly nothing is left to fill in a sweep, and what is copied grows elsewhere.
        if self.at.run == SWEEP || self.shared.spec.copy.is_some() || !slicing::is_worthwhile(run) {
            return Ok(whole);
        }
        if self.plain > 0 {
            self.plain -= 1;
            return Ok(whole);
        }
        let (spec, leaf) = (&self.shared.spec, &self.at.relation);
        let shape = match self.shape {
            Some(shape) => shape,
            None => *self.shape.insert(sample::shape(session, spec, leaf, first).await?),
        };
        let (pages, lines) = sample::pages(session, spec, leaf, first, shape).await?;
        let bounds = slicing::bounds(&slicing::slices(&pages), &lines);
        Ok(bounds.into_iter().map(Some).chain(whole).collect())
    }

    /// The stretches of the next range, and into how many parts their slices are cut where a single block takes too long.
    fn stretches(&self) -> (Vec<Range<u64>>, u32) {
        let wanted = self.shared.length(&self.tuning, self.portion);
        let count = match self.tuning.workers {
            _ if self.at.run == SWEEP || wanted < 1.0 => 1,
            0 | 1 => STRETCHES,
            _ => STRETCHES_WITH_NEIGHBOURS,
        };
        let length = (wanted as u64).max(1);
        let (start, end) = (self.at.next_block as u64, self.at.end_block as u64);
        let stretches = (0..count)
            .map(|n| (start + n * length).min(end)..(start + (n + 1) * length).min(end))
            .filter(|stretch| !stretch.is_empty())
            .collect();
        (stretches, pace::parts(wanted))
    }

    /// One range. Rows are counted with each slice, or a kill would lose count of them; the position
    /// moves with the last one, so a range begun is a range begun again. It ends early where a slice
    /// was too much, or where the limits were changed.
    async fn range(&mut self, session: &mut Session) -> Result<(), Halt> {
        self.tuning = self.shared.work.gate.tuning();
        self.portion = pace::portion(self.tuning.slice_time, self.shared.work.gate.share());
        let (mut stretches, mut parts) = self.stretches();
        let bounds = self.bounds(session, &stretches).await?;
        if bounds.len() < self.cut {
            lock(&self.shared.pace).coarser(self.cut as f64 / bounds.len() as f64);
            (stretches, parts) = self.stretches();
        }
        self.cut = bounds.len();
        let end = stretches.last().map_or(self.at.end_block as u64, |last| last.end);
        (self.dearest, self.throttled) = (SliceMeasure::NONE, false);
        let slices: Vec<(Option<u16>, (u32, u32))> =
            bounds.iter().flat_map(|below| (0..parts).map(move |part| (*below, (part, parts)))).collect();
        // One in the middle tells whether slicing is of use; the first moves by design, and the last have few rows.
        let watched = (slices.len() > 1).then_some(slices.len() / 2);
        for (n, (below, part)) in slices.iter().enumerate() {
            for stretch in &stretches {
                let last = n + 1 == slices.len() && stretch.end == end;
                let which =
                    Which { blocks: stretch, below: *below, part: *part, watch: watched == Some(n), last };
                if self.slice(session, which).await? == Done::TooMuch {
                    return Ok(());
                }
            }
        }
        // The gate lets nothing pass on readings that are not fresh.
        lock(&self.shared.pace).next(self.dearest, self.throttled, true);
        // A range that ended early may have left some for the next one.
        self.without.retain(|ctid| block_of(ctid).is_some_and(|block| block >= end));
        Ok(())
    }

    /// One slice, tried until it is done.
    async fn slice(&mut self, session: &mut Session, which: Which<'_>) -> Result<Done, Halt> {
        let Which { blocks, below, part, watch, last } = which;
        let to = if last { blocks.end as i64 } else { self.at.next_block };
        let length = (blocks.end - blocks.start) as f64 / f64::from(part.1);
        let shared = self.shared;
        loop {
            if shared.halted.load(Ordering::Acquire) {
                return Err(Halt::Stopped);
            }
            let mut gate = shared.work.gate.clone();
            let Some(ticket) = shared.turn(&mut gate, &self.tuning).await? else { return Ok(Done::TooMuch) };
            let Some((share, turn)) = gate.enter().await else { return Err(Halt::Stopped) };
            // Throttled since the range was cut.
            if pace::portion(self.tuning.slice_time, share) < self.portion * TOO_COARSE {
                drop(turn);
                shared.spent(ticket, 0.0, None);
                return Ok(Done::TooMuch);
            }
            let begun = Instant::now();
            let checkpoint = Checkpoint { next_block: to, ..self.at.clone() };
            let leaf = self.at.relation.clone();
            let without = self.without.clone();
            let here = Slice { leaf: &leaf, blocks: blocks.clone(), below, part, without: &without };
            let result = slice::run(&shared.work, session, &shared.spec, &here, &checkpoint, watch).await;
            drop(turn);
            shared.spent(ticket, length, result.as_ref().ok());
            let filled = match result {
                Ok(filled) => filled,
                Err(halt) => match self.failed(session, &here, halt).await? {
                    Done::Whole => continue,
                    Done::TooMuch => return Ok(Done::TooMuch),
                },
            };
            self.lost = 0;
            self.at = Checkpoint { rows_done: checkpoint.rows_done + filled.rows as i64, ..checkpoint };
            runs::note(shared, self.at.clone());
            if filled.in_place.is_some_and(|rows| (rows as f64) < filled.rows as f64 * IN_PLACE) {
                tracing::info!(table = %self.at.relation, "rows find no room on their pages: filling plainly for a while");
                self.plain = PLAIN_RANGES;
            }
            let elapsed = begun.elapsed();
            self.throttled |= share.is_some_and(|share| share < NEARLY_FULL);
            if filled.work > self.dearest.work {
                let (work, rows) = (filled.work, filled.rows);
                self.dearest = SliceMeasure { blocks: length, elapsed, work, rows };
            }
            shared.rest(&mut gate, elapsed).await?;
            // What follows in this range would take as long.
            let mut pace = lock(&shared.pace);
            if !last
                && pace.is_too_long(filled.work)
                && pace.next(self.dearest, self.throttled, true) < length
            {
                return Ok(Done::TooMuch);
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
                let blocks = (slice.blocks.end - slice.blocks.start) as f64;
                let length = blocks / f64::from(slice.part.1);
                // Less than a block does not get a lock sooner.
                if length > 1.0 || class == Class::Cancelled {
                    let mut pace = lock(&self.shared.pace);
                    pace.failed();
                    // The short range at a table's end may be far below the pace's own.
                    while length > pace::SHORTEST && pace.length() >= length {
                        pace.failed();
                    }
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
