//! Owns the durable positions of backfills: written in the transaction of the rows they speak of, under the
//! fence. Must not decide which blocks come next.

use super::error::Error;
use super::fence::{Fence, fence_in_tx, fenced};
use crate::pg::{Row, RowExt, Session, Tx};
use jiff::Timestamp;

/// How far one run of blocks of one leaf table is.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Index of the step in the program.
    pub step: i32,
    /// The leaf table, qualified and quoted.
    pub relation: String,
    /// Which of the disjoint runs of blocks, where several workers share a table; else 0.
    pub run: i32,
    /// Which time over the table, from 0.
    pub pass: i32,
    pub first_block: i64,
    pub next_block: i64,
    pub end_block: i64,
    pub rows_done: i64,
    /// An estimate; `None` where there is none.
    pub rows_total: Option<f64>,
    pub done: bool,
}

/// Writes a checkpoint in the transaction of a range's last slice.
pub async fn checkpoint_in_tx(tx: &Tx<'_>, fence: Fence, at: &Checkpoint) -> Result<(), Error> {
    let sql = fenced!(
        "INSERT INTO segue.backfills (rollout, step, relation, run, pass, first_block, next_block, end_block,
                                      rows_done, rows_total, done)
         SELECT id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM fence
         ON CONFLICT (rollout, step, relation, run) DO UPDATE
            SET pass = excluded.pass, first_block = excluded.first_block, next_block = excluded.next_block,
                end_block = excluded.end_block, rows_done = excluded.rows_done,
                rows_total = excluded.rows_total, done = excluded.done, updated_at = clock_timestamp()"
    );
    let touched = tx
        .change(
            "writing the backfill's checkpoint",
            sql,
            &[
                &fence.rollout,
                &fence.term,
                &at.step,
                &at.relation,
                &at.run,
                &at.pass,
                &at.first_block,
                &at.next_block,
                &at.end_block,
                &at.rows_done,
                &at.rows_total,
                &at.done,
            ],
        )
        .await?;
    fence.check(touched)
}

/// All checkpoints of a rollout, each with when it was written.
pub async fn checkpoints(session: &Session, rollout: i64) -> Result<Vec<(Checkpoint, Timestamp)>, Error> {
    let sql = "SELECT * FROM segue.backfills WHERE rollout = $1 ORDER BY step, relation, run";
    let rows = session.query("reading the backfill's checkpoints", sql, &[&rollout]).await?;
    rows.iter().map(read).collect()
}

/// One run's checkpoint; `None`: it has none, or has none any more.
pub async fn checkpoint(
    session: &Session,
    rollout: i64,
    of: (i32, &str, i32),
) -> Result<Option<Checkpoint>, Error> {
    let (step, relation, run) = of;
    let sql = "SELECT * FROM segue.backfills WHERE rollout = $1 AND step = $2 AND relation = $3 AND run = $4";
    let doing = "reading a run's checkpoint";
    let row = session.query_opt(doing, sql, &[&rollout, &step, &relation, &run]).await?;
    Ok(row.as_ref().map(read).transpose()?.map(|(checkpoint, _)| checkpoint))
}

/// Takes away the checkpoints of a table that is no longer of the step's.
pub async fn forget_checkpoints_in_tx(
    tx: &Tx<'_>,
    fence: Fence,
    step: i32,
    relation: &str,
) -> Result<(), Error> {
    fence_in_tx(tx, fence).await?;
    let sql = "DELETE FROM segue.backfills WHERE rollout = $1 AND step = $2 AND relation = $3";
    tx.change("forgetting a backfill's checkpoints", sql, &[&fence.rollout, &step, &relation]).await?;
    Ok(())
}

/// Takes away one run's checkpoints, of all leaves: it is to be begun anew.
pub async fn forget_run_in_tx(tx: &Tx<'_>, fence: Fence, step: i32, run: i32) -> Result<(), Error> {
    fence_in_tx(tx, fence).await?;
    let sql = "DELETE FROM segue.backfills WHERE rollout = $1 AND step = $2 AND run = $3";
    tx.change("forgetting a run's checkpoints", sql, &[&fence.rollout, &step, &run]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<(Checkpoint, Timestamp), Error> {
    let checkpoint = Checkpoint {
        step: row.read("step")?,
        relation: row.read("relation")?,
        run: row.read("run")?,
        pass: row.read("pass")?,
        first_block: row.read("first_block")?,
        next_block: row.read("next_block")?,
        end_block: row.read("end_block")?,
        rows_done: row.read("rows_done")?,
        rows_total: row.read("rows_total")?,
        done: row.read("done")?,
    };
    Ok((checkpoint, row.read("updated_at")?))
}
