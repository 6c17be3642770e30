//! Owns filling a table in place: range by range, each range in slices, then sweeps until no row is
//! pending. Must not judge the server's health: the gate says when to go on and how fast.

use super::board::TableProgress;
use super::gate::Pass;
use super::row_error;
use super::slice::{self, Slice};
use super::{Halt, Work};
use crate::compile::program::BackfillSpec;
use crate::control::pace::{Pace, SliceMeasure};
use crate::control::slicing;
use crate::pg::{self, Class, RowExt, Session};
use crate::plan::settings::{OnRowError, UserTriggers};
use crate::store::{self, Checkpoint, SetAside};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Slices in a row that lost against locks of others before the step gives the word back.
const MOST_LOST: u32 = 60;

/// Fills every row of the table, and of its partitions.
pub async fn run(work: &Work, step: usize, spec: &BackfillSpec) -> Result<(), Halt> {
    let mut session = work.session().await?;
    prepare(work, &session).await?;
    let of_step = |at: &Checkpoint| at.step as usize == step;
    let known: Vec<Checkpoint> = store::checkpoints(&session, work.fence.rollout)
        .await?
        .into_iter()
        .map(|(checkpoint, _)| checkpoint)
        .filter(of_step)
        .collect();
    let mut aside = BTreeSet::new();
    for leaf in leaves(&session, spec).await? {
        let known = known.iter().find(|c| c.relation == leaf);
        if known.is_some_and(|c| c.done) {
            continue;
        }
        let mut filling = Filling::begin(work, &session, step, spec, &leaf, known).await?;
        filling.all(&mut session, &mut aside).await?;
    }
    if !aside.is_empty() {
        return Err(Halt::Broken(format!(
            "{} rows of {} could not be filled and are set aside in segue.rows_set_aside; \
             mend them, then `segue resume`",
            aside.len(),
            spec.table
        )));
    }
    Ok(())
}

async fn prepare(work: &Work, session: &Session) -> Result<(), Halt> {
    // Lost slices are simply pending again: the marker is in the same row.
    session.batch("setting up the backfill's session", "SET synchronous_commit = off").await?;
    if work.policy.user_triggers == UserTriggers::Skip {
        session
            .batch(
                "keeping the table's own triggers silent (user_triggers: skip needs a superuser, or from \
                 PostgreSQL 15 GRANT SET ON PARAMETER session_replication_role)",
                "SET session_replication_role = replica",
            )
            .await?;
    }
    Ok(())
}

/// The tables that have rows: itself, or its partitions' leaves, each quoted and qualified.
async fn leaves(session: &Session, spec: &BackfillSpec) -> Result<Vec<String>, Halt> {
    if !spec.partitioned {
        return Ok(vec![spec.table.to_string()]);
    }
    let sql = "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
                 FROM pg_catalog.pg_partition_tree($1::text::regclass) t
                 JOIN pg_catalog.pg_class c ON c.oid = t.relid
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE t.isleaf AND c.relkind = 'r' ORDER BY 1";
    let rows = session.query("listing partitions", sql, &[&spec.table.to_string()]).await?;
    Ok(rows.iter().map(|row| row.cell(0)).collect::<Result<_, _>>()?)
}

/// Leaf and key of every row set aside by this run of the step: each sweep meets them again, and each
/// counts once.
type Aside = BTreeSet<(String, String)>;

struct Size {
    blocks: u64,
    rows: Option<f64>,
}

async fn size(session: &Session, leaf: &str) -> Result<Size, Halt> {
    let sql = "SELECT (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint)::bigint,
                      c.reltuples::float8 FROM pg_catalog.pg_class c WHERE c.oid = $1::text::regclass";
    let row = session.query_one("measuring a table", sql, &[&leaf]).await?;
    let rows: f64 = row.cell(1)?;
    Ok(Size { blocks: row.cell::<i64>(0)?.max(0) as u64, rows: (rows >= 0.0).then_some(rows) })
}

/// One leaf being filled.
struct Filling<'w> {
    work: &'w Work,
    step: usize,
    spec: &'w BackfillSpec,
    leaf: &'w str,
    pace: Pace,
    at: Checkpoint,
    /// Rows of the range in hand that are filled and not in the checkpoint yet.
    in_range: u64,
    lost: u32,
    without: Vec<String>,
}

impl<'w> Filling<'w> {
    async fn begin(
        work: &'w Work,
        session: &Session,
        step: usize,
        spec: &'w BackfillSpec,
        leaf: &'w str,
        known: Option<&Checkpoint>,
    ) -> Result<Filling<'w>, Halt> {
        let mut size_now = size(session, leaf).await?;
        if size_now.rows.is_none() && size_now.blocks > 0 {
            // Never analysed: progress would have no total. It may fail for a lock; then there is none.
            let analyzed = session.batch("counting roughly", &format!("ANALYZE {leaf}")).await;
            if analyzed.is_ok() {
                size_now = size(session, leaf).await?;
            }
        }
        let at = known.cloned().unwrap_or(Checkpoint {
            step: step as i32,
            relation: leaf.to_owned(),
            run: 0,
            pass: 1,
            first_block: 0,
            next_block: 0,
            end_block: size_now.blocks as i64,
            rows_done: 0,
            rows_total: size_now.rows,
            done: false,
        });
        let pace = Pace::new(work.policy.slice_time);
        Ok(Filling { work, step, spec, leaf, pace, at, in_range: 0, lost: 0, without: Vec::new() })
    }

    async fn all(&mut self, session: &mut Session, aside: &mut Aside) -> Result<(), Halt> {
        loop {
            let before = self.at.rows_done;
            let parts = match self.at.pass {
                1 => slicing::slices(self.at.rows_total, self.at.end_block.max(0) as u64),
                _ => 1,
            };
            while self.at.next_block < self.at.end_block {
                self.range(session, parts, aside).await?;
            }
            // A pass over the whole table that found nothing to fill is the proof that nothing is
            // pending: the sync trigger fills what applications write meanwhile.
            let swept = self.at.pass > 1 && self.at.rows_done == before;
            let size = size(session, self.leaf).await?;
            let mut next = self.at.clone();
            let aside_here = aside.iter().any(|(leaf, _)| leaf == self.leaf);
            if swept && !aside_here {
                next.done = true;
            } else {
                (next.pass, next.next_block, next.end_block) = (self.at.pass + 1, 0, size.blocks as i64);
            }
            self.keep(session, next).await?;
            // With rows set aside it is never done: whoever resumes sweeps the table again.
            if swept {
                return Ok(());
            }
        }
    }

    async fn keep(&mut self, session: &mut Session, next: Checkpoint) -> Result<(), Halt> {
        let doing = "writing the checkpoint";
        let tx = session.transaction(doing, &pg::Limits::READ).await?;
        store::checkpoint_in_tx(&tx, self.work.fence, &next).await?;
        tx.commit(doing).await?;
        self.at = next;
        self.tell();
        Ok(())
    }

    /// One range, in its slices. The checkpoint is written in the last slice's transaction.
    async fn range(&mut self, session: &mut Session, parts: u32, aside: &mut Aside) -> Result<(), Halt> {
        let start = self.at.next_block as u64;
        let end = (start + u64::from(self.pace.blocks())).min(self.at.end_block as u64);
        self.in_range = 0;
        let mut part = 0;
        while part < parts {
            let mut gate = self.work.gate.clone();
            let Some((share, turn)) = gate.enter().await else { return Err(Halt::Stopped) };
            let begun = Instant::now();
            let last = part + 1 == parts;
            let checkpoint = last.then(|| Checkpoint {
                next_block: end as i64,
                rows_done: self.at.rows_done + self.in_range as i64,
                ..self.at.clone()
            });
            let without = std::mem::take(&mut self.without);
            let here = Slice { leaf: self.leaf, blocks: start..end, part: (part, parts), without: &without };
            let result = slice::run(self.work, session, self.spec, &here, checkpoint.as_ref()).await;
            drop(turn);
            let rows = match result {
                Ok(rows) => rows,
                Err(halt) => {
                    let again = self.failed(session, &here, halt, aside).await;
                    // `failed` may have added a row to leave out; what was known stays.
                    self.without.extend(without);
                    again?;
                    continue;
                }
            };
            self.without = without;
            self.lost = 0;
            self.in_range += rows;
            if let Some(checkpoint) = checkpoint {
                self.at = Checkpoint { rows_done: checkpoint.rows_done + rows as i64, ..checkpoint };
                self.in_range = 0;
                self.without.clear();
            }
            self.tell();
            let measured = SliceMeasure { blocks: (end - start) as u32, elapsed: begun.elapsed() };
            // The gate lets nothing pass on readings that are not fresh.
            let pacing = self.pace.next(measured, share, true);
            if !pacing.rest.is_zero() && gate.rest(pacing.rest).await == Pass::Stop {
                return Err(Halt::Stopped);
            }
            part += 1;
        }
        Ok(())
    }

    /// `Ok`: the slice is to be tried again.
    async fn failed(
        &mut self,
        session: &mut Session,
        slice: &Slice<'_>,
        halt: Halt,
        aside: &mut Aside,
    ) -> Result<(), Halt> {
        let Halt::Failed(error) = halt else { return Err(halt) };
        if self.work.gate.stopped() {
            return Err(Halt::Failed(error));
        }
        match pg::class(&error) {
            Class::LockTimeout | Class::Deadlock | Class::Serialization | Class::Cancelled
                if self.lost < MOST_LOST && !error.session_is_gone() =>
            {
                self.lost += 1;
                self.pace.failed();
                let rest = Duration::from_millis(50) * 2u32.pow(self.lost.min(6));
                match self.work.gate.clone().rest(rest.mul_f64(0.5 + fastrand::f64())).await {
                    Pass::Stop => Err(Halt::Stopped),
                    Pass::Go { .. } => Ok(()),
                }
            }
            // The marker tells what of the slice happened: going on from the checkpoint is right either way.
            Class::UnknownOutcome => Err(Halt::NotDone(error)),
            Class::Permanent if error.server().is_some() => self.bad_row(session, slice, error, aside).await,
            _ => Err(Halt::Failed(error)),
        }
    }

    async fn bad_row(
        &mut self,
        session: &mut Session,
        slice: &Slice<'_>,
        error: pg::Error,
        aside: &mut Aside,
    ) -> Result<(), Halt> {
        let Some(bad) = row_error::find(self.work, session, self.spec, slice).await? else {
            // It fails together and not one by one, or somebody has mended it: one more try tells.
            self.lost += 1;
            return if self.lost < 3 { Ok(()) } else { Err(Halt::Failed(error)) };
        };
        let shown = self.spec.shown.iter().map(|c| c.as_str().to_owned()).collect::<Vec<_>>().join(", ");
        let this = (self.leaf.to_owned(), bad.key.clone());
        match self.work.policy.on_row_error {
            OnRowError::SetAside(most) if aside.contains(&this) || (aside.len() as u64) < most => {
                let row = SetAside {
                    step: self.step as i32,
                    relation: self.leaf.to_owned(),
                    row_key: bad.key,
                    sqlstate: bad.sqlstate,
                    message: bad.message,
                };
                let doing = "setting a row aside";
                let tx = session.transaction(doing, &pg::Limits::READ).await?;
                store::set_aside_in_tx(&tx, self.work.fence, &row).await?;
                tx.commit(doing).await?;
                aside.insert(this);
                self.without.push(bad.ctid);
                Ok(())
            }
            OnRowError::SetAside(most) => Err(Halt::Broken(format!(
                "{most} rows are set aside in segue.rows_set_aside, and another of {}, with {}, cannot be filled \
                 ({shown}): {}\n  mend the rows or the plan's `up`; then `segue resume`, or `segue rollback`",
                self.leaf, bad.key, bad.message
            ))),
            OnRowError::Stop => Err(Halt::Broken(format!(
                "the row of {} with {} cannot be filled ({shown}): {}\n  \
                 mend the row or the plan's `up`; then `segue resume`, or `segue rollback`",
                self.leaf, bad.key, bad.message
            ))),
        }
    }

    fn tell(&self) {
        let swept = self.at.pass > 1;
        self.work.board.put(TableProgress {
            step: self.step,
            table: bare_name(self.leaf),
            rows_done: self.at.rows_done as u64 + self.in_range,
            rows_total: self.at.rows_total,
            blocks_done: if swept { self.at.end_block } else { self.at.next_block }.max(0) as u64,
            blocks_total: self.at.end_block.max(0) as u64,
            finished: self.at.done,
        });
    }
}

/// The table's bare name for people, from its quoted and qualified form.
pub fn bare_name(leaf: &str) -> String {
    // A quoted name may hold dots and quotes itself; the separator is `".` or comes before a bare name.
    let name = match leaf.find("\".\"") {
        Some(at) => &leaf[at + 2..],
        None => leaf.split_once('.').map_or(leaf, |(_, name)| name),
    };
    match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}
