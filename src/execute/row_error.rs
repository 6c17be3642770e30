//! Owns finding the row whose expression fails, by halving a slice. Must not decide what becomes of it.

use super::slice::{Slice, update};
use super::{Halt, Work};
use crate::compile::program::BackfillSpec;
use crate::ident::{Ident, literal};
use crate::pg::{self, Class, Limits, RowExt, Session};
use crate::store;
use std::time::Duration;

/// A row that cannot be filled, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct BadRow {
    pub ctid: String,
    /// As a person looks it up: `id = 42`; the ctid where the table has no key.
    pub key: String,
    pub sqlstate: String,
    pub message: String,
}

/// The first row of the slice that fails by itself; `None` if none does (any more). Every try is
/// rolled back.
pub async fn find(
    work: &Work,
    session: &mut Session,
    spec: &BackfillSpec,
    slice: &Slice<'_>,
) -> Result<Option<BadRow>, Halt> {
    let sql = format!(
        "SELECT ctid::text FROM ONLY {} AS {} WHERE {} ORDER BY ctid",
        slice.leaf,
        spec.table.name,
        slice.condition(spec)
    );
    let rows = session.query("listing the rows of a slice that fails", &sql, &[]).await?;
    let mut suspects = rows.iter().map(|row| row.cell::<String>(0)).collect::<Result<Vec<_>, _>>()?;
    let Some(mut error) = try_them(work, session, spec, slice.leaf, &suspects).await? else {
        return Ok(None);
    };
    while suspects.len() > 1 {
        let second = suspects.split_off(suspects.len() / 2);
        match try_them(work, session, spec, slice.leaf, &suspects).await? {
            Some(e) => error = e,
            None => match try_them(work, session, spec, slice.leaf, &second).await? {
                Some(e) => {
                    error = e;
                    suspects = second;
                }
                // Somebody changed the row meanwhile.
                None => return Ok(None),
            },
        }
    }
    let Some(ctid) = suspects.pop() else { return Ok(None) };
    let key = key_of(session, spec, slice.leaf, &ctid).await?;
    let sqlstate = error.sqlstate().unwrap_or_default().to_owned();
    Ok(Some(BadRow { ctid, key, sqlstate, message: error.to_string() }))
}

/// The error of filling these rows, if they fail for good. Nothing is kept.
async fn try_them(
    work: &Work,
    session: &mut Session,
    spec: &BackfillSpec,
    leaf: &str,
    rows: &[String],
) -> Result<Option<pg::Error>, Halt> {
    if rows.is_empty() {
        return Ok(None);
    }
    let doing = "looking for the row that cannot be filled";
    let limits = Limits::new(Duration::from_millis(500), Duration::from_secs(5));
    let tx = session.transaction(doing, &limits).await?;
    store::fence_in_tx(&tx, work.fence).await?;
    let list = rows.join("','");
    let condition = format!("ctid = ANY (ARRAY['{list}']::tid[]) AND {}", spec.pending());
    let result = tx.change("filling one row", &update(spec, leaf, &condition), &[]).await;
    match result {
        Ok(_) => {
            tx.rollback(doing).await?;
            Ok(None)
        }
        Err(error) if pg::class(&error) == Class::Permanent && !error.session_is_gone() => {
            tx.rollback(doing).await?;
            Ok(Some(error))
        }
        Err(error) => Err(error.into()),
    }
}

async fn key_of(session: &Session, spec: &BackfillSpec, leaf: &str, ctid: &str) -> Result<String, Halt> {
    let at = format!("ctid = {ctid}");
    if spec.key.is_empty() {
        return Ok(at);
    }
    let shown = |column: &Ident| format!("{} || ' = ' || {column}::text", literal(column.as_str()));
    let text = spec.key.iter().map(shown).collect::<Vec<_>>().join(" || ', ' || ");
    let sql = format!("SELECT {text} FROM ONLY {leaf} WHERE ctid = {}::tid", literal(ctid));
    let row = session.query_opt("naming the row that cannot be filled", &sql, &[]).await?;
    Ok(match row {
        Some(row) => row.cell::<Option<String>>(0)?.unwrap_or(at),
        None => at,
    })
}
