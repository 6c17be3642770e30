//! Owns into which runs of blocks a table is cut, and what is stored of them. Must not fill.

use super::{Shared, lock};
use crate::execute::Halt;
use crate::pg::{Limits, RowExt, Session};
use crate::store::{self, Checkpoint};

/// The run number of the sweeps: the whole leaf, again and again, until nothing is pending.
pub const SWEEP: i32 = -1;

/// Runs a worker: so that one who is held up leaves work to the others.
const RUNS_A_WORKER: u64 = 4;
/// A run is at least this long, or the checkpoints would cost more than they save.
const LEAST_BLOCKS: u64 = 1024;

/// A table as it is on disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    pub blocks: u64,
    /// The planner's estimate; `None` where it was never analysed.
    pub rows: Option<f64>,
    /// Another file means that somebody rewrote the table (VACUUM FULL, pg_repack).
    pub file: u32,
}

pub async fn size(session: &Session, leaf: &str) -> Result<Size, Halt> {
    let sql = "SELECT (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint)::bigint,
                      c.reltuples::float8, pg_catalog.pg_relation_filenode(c.oid)
                 FROM pg_catalog.pg_class c WHERE c.oid = $1::text::regclass";
    let row = session.query_one("measuring a table", sql, &[&leaf]).await?;
    let rows: f64 = row.cell(1)?;
    Ok(Size {
        blocks: row.cell::<i64>(0)?.max(0) as u64,
        rows: (rows >= 0.0).then_some(rows),
        file: row.cell(2)?,
    })
}

/// Cuts a leaf into runs and stores them, unless that was done before.
pub async fn plan(shared: &Shared, session: &mut Session, leaf: &str) -> Result<(), Halt> {
    if lock(&shared.account).iter().any(|at| at.relation == leaf) {
        return Ok(());
    }
    let mut size_now = size(session, leaf).await?;
    if size_now.rows.is_none() && size_now.blocks > 0 {
        // Never analysed: progress would have no total. It may fail for a lock; then there is none.
        let analyzed = session.batch("counting roughly", &format!("ANALYZE {leaf}")).await;
        if analyzed.is_ok() {
            size_now = size(session, leaf).await?;
        }
    }
    let blocks = size_now.blocks;
    let most = match shared.work.policy.workers {
        0 | 1 => 1,
        workers => u64::from(workers) * RUNS_A_WORKER,
    };
    let count = (blocks / LEAST_BLOCKS).clamp(1, most);
    let cut = |n: u64| (blocks * n / count) as i64;
    let runs = (0..count).map(|n| Checkpoint {
        step: shared.step as i32,
        relation: leaf.to_owned(),
        run: n as i32,
        pass: 1,
        first_block: cut(n),
        next_block: cut(n),
        end_block: cut(n + 1),
        rows_done: 0,
        // Its share: rows lie evenly, as far as anybody knows.
        rows_total: size_now.rows.map(|rows| rows / count as f64),
        done: false,
    });
    keep(shared, session, runs.collect()).await
}

/// The sweep of a leaf whose runs are done.
pub async fn plan_sweep(shared: &Shared, session: &mut Session, leaf: &str) -> Result<(), Halt> {
    if lock(&shared.account).iter().any(|at| at.relation == leaf && at.run == SWEEP) {
        return Ok(());
    }
    let end_block = size(session, leaf).await?.blocks as i64;
    let sweep = Checkpoint {
        step: shared.step as i32,
        relation: leaf.to_owned(),
        run: SWEEP,
        pass: 2,
        first_block: 0,
        next_block: 0,
        end_block,
        rows_done: 0,
        rows_total: Some(0.0),
        done: false,
    };
    keep(shared, session, vec![sweep]).await
}

/// Stores checkpoints and takes them into the account.
pub async fn keep(shared: &Shared, session: &mut Session, all: Vec<Checkpoint>) -> Result<(), Halt> {
    let doing = "writing the checkpoint";
    let tx = session.transaction(doing, &Limits::READ).await?;
    for at in &all {
        store::checkpoint_in_tx(&tx, shared.work.fence, at).await?;
    }
    tx.commit(doing).await?;
    all.into_iter().for_each(|at| note(shared, at));
    Ok(())
}

/// Takes a checkpoint that is stored into the account, and shows how far the leaf is.
pub fn note(shared: &Shared, at: Checkpoint) {
    let leaf = at.relation.clone();
    let mut account = lock(&shared.account);
    match account.iter_mut().find(|known| known.relation == at.relation && known.run == at.run) {
        Some(known) => *known = at,
        None => account.push(at),
    }
    let of_leaf: Vec<Checkpoint> = account.iter().filter(|at| at.relation == leaf).cloned().collect();
    drop(account);
    shared.work.board.put(crate::execute::board::sum(shared.step, &leaf, &of_leaf));
}
