//! Owns into which runs of blocks a table is cut, and what is stored of them. Must not fill.

use super::{Shared, lock};
use crate::control::growth::Moment;
use crate::control::record::Record;
use crate::execute::Halt;
use crate::execute::board::{self, Leaf};
use crate::journal;
use crate::monitor;
use crate::pg::{Limits, RowExt, Session};
use crate::store::{self, Checkpoint};

/// The run number of the sweeps: the whole leaf, again and again, until nothing is pending.
pub const SWEEP: i32 = -1;

/// Runs a worker: so that one who is held up leaves work to the others.
const RUNS_A_WORKER: u64 = 4;
/// There are runs for as many workers at least: an operator may add some.
const SPARE_WORKERS: u32 = 4;
/// A run is at least this long, or the checkpoints would cost more than they save.
const LEAST_BLOCKS: u64 = 1024;

/// A table as it is on disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    pub blocks: u64,
    /// The planner's estimate for these blocks; `None` where it was never analysed.
    pub rows: Option<f64>,
    /// Another file means that somebody rewrote the table (VACUUM FULL, pg_repack).
    pub file: u32,
}

pub async fn size(session: &Session, leaf: &str) -> Result<Size, Halt> {
    let sql = "SELECT (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint)::bigint,
                      c.reltuples::float8, pg_catalog.pg_relation_filenode(c.oid), c.relpages
                 FROM pg_catalog.pg_class c WHERE c.oid = $1::text::regclass";
    let row = session.query_one("measuring a table", sql, &[&leaf]).await?;
    let blocks = row.cell::<i64>(0)?.max(0) as u64;
    Ok(Size {
        blocks,
        rows: estimate(row.cell(1)?, row.cell::<i32>(3)?.max(0) as u64, blocks),
        file: row.cell(2)?,
    })
}

/// As the planner does it: the rows a block had when it was analysed last, times the blocks there are.
fn estimate(rows: f64, pages: u64, blocks: u64) -> Option<f64> {
    match pages {
        _ if blocks == 0 => Some(0.0),
        _ if rows < 0.0 => None,
        // Analysed when it was empty: of what came since nothing is known.
        0 => None,
        _ => Some(rows / pages as f64 * blocks as f64),
    }
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
    let workers = shared.work.gate.tuning().workers.max(SPARE_WORKERS);
    let most = u64::from(workers) * RUNS_A_WORKER;
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
    let record = measured(shared, session, leaf, Moment::Began).await;
    write(shared, session, runs.collect(), Some(record)).await
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

/// A look at a leaf, for the journal. That it fails is no reason not to fill.
async fn measured(shared: &Shared, session: &Session, leaf: &str, moment: Moment) -> Record {
    let looked = monitor::measure(session, &[leaf.to_owned()]).await;
    if let Err(error) = &looked {
        tracing::debug!(%error, leaf, "a table was not measured");
    }
    let measure = looked.ok().and_then(|all| all.into_values().next()).unwrap_or_default();
    Record::Measured { step: shared.step, relation: leaf.to_owned(), moment, measure }
}

/// Stores checkpoints and takes them into the account; with the last sweep of a leaf, what it has
/// grown to.
pub async fn keep(shared: &Shared, session: &mut Session, all: Vec<Checkpoint>) -> Result<(), Halt> {
    let record = match all.iter().find(|at| at.run == SWEEP && at.done) {
        Some(at) => Some(measured(shared, session, &at.relation, Moment::Ended).await),
        None => None,
    };
    write(shared, session, all, record).await
}

async fn write(
    shared: &Shared,
    session: &mut Session,
    all: Vec<Checkpoint>,
    record: Option<Record>,
) -> Result<(), Halt> {
    let doing = "writing the checkpoint";
    let tx = session.transaction(doing, &Limits::READ).await?;
    for at in &all {
        store::checkpoint_in_tx(&tx, shared.work.fence, at).await?;
    }
    if let Some(record) = &record {
        let stored = journal::encode(record);
        store::append_in_tx(&tx, shared.work.fence, &stored.kind, &stored.body).await?;
    }
    let what = all.first().map_or("", |at| at.relation.as_str());
    crate::failpoint::pass_at("checkpoint_before_commit", what).await?;
    tx.commit(doing).await?;
    crate::failpoint::pass_at("checkpoint_kept", what).await?;
    if let Some(record) = record {
        shared.work.board.wrote(record);
    }
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
    let counts = board::sum(account.iter().filter(|at| at.relation == leaf));
    drop(account);
    shared.work.board.put(Leaf { step: shared.step, relation: leaf, counts });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_grows_with_the_table_and_not_knowing_stays() {
        assert_eq!(estimate(-1.0, 0, 10), None, "never analysed");
        assert_eq!(estimate(0.0, 0, 10), None, "analysed when it was empty");
        assert_eq!(estimate(-1.0, 0, 0), Some(0.0), "an empty file has no rows");
        assert_eq!(estimate(600.0, 10, 10), Some(600.0));
        assert_eq!(estimate(600.0, 10, 25), Some(1500.0), "it has grown since");
    }
}
