//! Owns shedding: has the sync triggers of tables being filled only mark rows, and puts them back whole. Neither takes a lock
//! on a table. Must not decide when, and must not fill.

use super::contents::qualify;
use super::{Halt, Work};
use crate::compile::program::{Action, SyncSpec};
use crate::compile::sync;
use crate::execute::backfill::SWEEP;
use crate::pg::{Limits, RowExt};
use crate::store;

/// How prepared transactions are named.
pub const PREPARED: &str = "-1/";

/// The sync of the `Expand` steps given.
fn specs<'w>(work: &'w Work, steps: &'w [usize]) -> impl Iterator<Item = &'w SyncSpec> {
    steps.iter().filter_map(|step| match &work.program.steps[*step].action {
        Action::Expand { sync, .. } => Some(&**sync),
        _ => None,
    })
}

/// From here on, writes to these tables evaluate nothing of the plan's.
pub async fn shed(work: &Work, steps: &[usize]) -> Result<(), Halt> {
    let doing = "shedding the sync triggers";
    let mut session = work.session().await?;
    let tx = session.transaction(doing, &Limits::READ).await?;
    store::fence_in_tx(&tx, work.fence).await?;
    for sql in specs(work, steps).filter_map(sync::marking) {
        tx.batch(doing, &sql).await?;
    }
    tx.commit(doing).await?;
    Ok(())
}

/// From here on, transactions that begin to write to these tables fill again what they touch.
pub async fn put_back(work: &Work, steps: &[usize]) -> Result<(), Halt> {
    let doing = "putting the sync triggers back";
    let mut session = work.session().await?;
    let tx = session.transaction(doing, &Limits::READ).await?;
    store::fence_in_tx(&tx, work.fence).await?;
    for spec in specs(work, steps) {
        let qualified = qualify(&tx, &work.program, spec).await?;
        tx.batch(doing, &sync::whole(spec, &qualified)).await?;
    }
    tx.commit(doing).await?;
    Ok(())
}

/// Transactions that write to these tables now, partitions included. One that is not among those when the triggers were
/// whole again has never run a shed one.
pub async fn writers(work: &Work, steps: &[usize]) -> Result<Vec<String>, Halt> {
    let sql = "WITH RECURSIVE tables(oid) AS (
                 SELECT t::regclass::oid FROM pg_catalog.unnest($1::text[]) t
                 UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tables ON i.inhparent = tables.oid)
               SELECT DISTINCT l.virtualtransaction || coalesce(' ' || l.pid, '') FROM pg_catalog.pg_locks l
                WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'RowExclusiveLock'
                  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
                  AND l.relation IN (SELECT oid FROM tables) ORDER BY 1";
    let tables: Vec<String> = specs(work, steps).map(|spec| spec.table.to_string()).collect();
    let session = work.session().await?;
    let rows = session.query("looking who writes to the tables", sql, &[&tables]).await?;
    Ok(rows.iter().map(|row| row.cell(0)).collect::<Result<_, _>>()?)
}

/// Has these fills go over their tables once more, from the start: rows that were filled may be pending again anywhere.
pub async fn sweep_again(work: &Work, fills: &[usize]) -> Result<(), Halt> {
    let doing = "beginning the sweep anew";
    let mut session = work.session().await?;
    let tx = session.transaction(doing, &Limits::READ).await?;
    for fill in fills {
        store::forget_run_in_tx(&tx, work.fence, *fill as i32, SWEEP).await?;
    }
    tx.commit(doing).await?;
    Ok(())
}
