//! Owns which tables there are to fill, itself or its partitions' leaves, and what becomes of one that
//! comes or goes meanwhile. Must not fill.

use super::{Shared, bare_name, lock};
use crate::execute::Halt;
use crate::ident::QualifiedName;
use crate::pg::{Limits, RowExt, Session};
use crate::store;
use std::collections::BTreeSet;

/// What tells a leaf from another that has its name, now or later. Attached anew, it has the parent's
/// triggers anew, and nobody knows what was written to it meanwhile.
pub type Identity = (u32, Option<u32>);

/// The tables that have rows: itself, or its partitions' leaves, each quoted and qualified.
pub async fn leaves(
    session: &Session,
    table: &QualifiedName,
    partitioned: bool,
) -> Result<Vec<(String, Option<Identity>)>, Halt> {
    if !partitioned {
        return Ok(vec![(table.to_string(), None)]);
    }
    let sql = "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.oid,
                      (SELECT min(g.oid) FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND g.tgparentid <> 0)
                 FROM pg_catalog.pg_partition_tree($1::text::regclass) t
                 JOIN pg_catalog.pg_class c ON c.oid = t.relid
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE t.isleaf AND c.relkind = 'r' ORDER BY 1";
    let rows = session.query("listing partitions", sql, &[&table.to_string()]).await?;
    rows.iter().map(|row| Ok((row.cell(0)?, Some((row.cell(1)?, row.cell(2)?))))).collect()
}

/// The leaves as they are now. Of one that is gone, or is another than before, nothing is kept.
pub async fn take_stock(shared: &Shared, session: &mut Session) -> Result<Vec<String>, Halt> {
    let leaves = leaves(session, &shared.spec.table, shared.spec.partitioned).await?;
    let known: BTreeSet<String> = lock(&shared.account).iter().map(|at| at.relation.clone()).collect();
    for leaf in known.iter().filter(|known| leaves.iter().all(|(leaf, _)| leaf != *known)) {
        leave(shared, session, leaf).await?;
    }
    for (leaf, identity) in &leaves {
        let before = lock(&shared.seen).insert(leaf.clone(), *identity);
        if before.is_some_and(|before| before != *identity) {
            forget(shared, session, leaf).await?;
        }
    }
    Ok(leaves.into_iter().map(|(leaf, _)| leaf).collect())
}

/// Whether a leaf is the table's no longer: detached, dropped, or known by another name.
pub async fn has_left(shared: &Shared, session: &Session, leaf: &str) -> Result<bool, Halt> {
    if !shared.spec.partitioned {
        return Ok(false);
    }
    let sql = "SELECT NOT EXISTS (
                 SELECT FROM pg_catalog.pg_partition_ancestors(pg_catalog.to_regclass($1::text)) a
                  WHERE a.relid = pg_catalog.to_regclass($2::text))";
    let table = shared.spec.table.to_string();
    Ok(session.query_one("looking for a partition", sql, &[&leaf, &table]).await?.cell(0)?)
}

/// A failure on a leaf that has left is none: there is nothing to be filled there any more.
pub async fn unless_left<T: Default>(
    shared: &Shared,
    session: &mut Session,
    leaf: &str,
    ended: Result<T, Halt>,
) -> Result<T, Halt> {
    match ended {
        Err(halt @ (Halt::Failed(_) | Halt::Broken(_))) => match has_left(shared, session, leaf).await {
            Ok(true) => leave(shared, session, leaf).await.map(|()| T::default()),
            _ => Err(halt),
        },
        other => other,
    }
}

/// Ends the runs of a leaf that has left, and says so once.
pub async fn leave(shared: &Shared, session: &mut Session, leaf: &str) -> Result<(), Halt> {
    let sql = "SELECT pg_catalog.to_regclass($1::text) IS NOT NULL";
    let exists: bool = session.query_one("looking for a table", sql, &[&leaf]).await?.cell(0)?;
    let rows_done: i64 =
        lock(&shared.account).iter().filter(|at| at.relation == leaf).map(|at| at.rows_done).sum();
    if forget(shared, session, leaf).await? {
        let (name, table) = (bare_name(leaf), shared.spec.table.name.as_str());
        let marker = shared.spec.marker.iter();
        let hidden: Vec<&str> =
            shared.spec.set.iter().map(|(column, _)| column).chain(marker).map(|c| c.as_str()).collect();
        let what = if exists {
            let stays = match shared.spec.marker {
                Some(_) => format!("; it keeps the columns {}", hidden.join(", ")),
                None => String::new(),
            };
            format!("{name} is no longer a partition of {table} and is not filled any further{stays}")
        } else {
            format!("{name} is no longer there: dropped, or another name's")
        };
        let readings = serde_json::json!({ "table": table, "partition": name, "exists": exists, "rows_done": rows_done });
        shared.work.board.remark(what, readings);
    }
    Ok(())
}

/// Whether anything was known of it.
async fn forget(shared: &Shared, session: &mut Session, leaf: &str) -> Result<bool, Halt> {
    let doing = "forgetting a partition";
    let tx = session.transaction(doing, &Limits::READ).await?;
    store::forget_checkpoints_in_tx(&tx, shared.work.fence, shared.step as i32, leaf).await?;
    tx.commit(doing).await?;
    shared.work.board.forget(shared.step, leaf);
    let start = format!("{leaf} ");
    lock(&shared.aside).retain(|row| !row.starts_with(&start));
    let mut account = lock(&shared.account);
    let before = account.len();
    account.retain(|at| at.relation != leaf);
    Ok(account.len() < before)
}
