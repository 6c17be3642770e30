//! Owns saying which rows keep a constraint from being proved, by the names that the plan has. Must not decide what
//! becomes of it.

use super::{Halt, Work, row_error};
use crate::ident::{Ident, QualifiedName};
use crate::pg::{self, Limits, RowExt, sqlstate};
use std::time::Duration;

const MEND: &str = "mend the rows or the plan's `up`; then `segue resume`, or `segue rollback`";

/// Whether rows are at fault.
pub fn is(error: &pg::Error) -> bool {
    matches!(error.sqlstate(), Some(sqlstate::CHECK_VIOLATION | sqlstate::FOREIGN_KEY_VIOLATION))
}

/// Two rows with one value.
pub fn duplicates(table: &QualifiedName, index: &Ident, error: &pg::Error) -> String {
    let detail = detail(error).map_or_else(String::new, |detail| format!(": {detail}"));
    format!("index {index} cannot be unique, rows of {table} have the same value{detail}\n{MEND}")
}

/// A row that a constraint does not hold for.
pub async fn of(
    work: &Work,
    table: &QualifiedName,
    constraint: &Ident,
    title: &str,
    error: &pg::Error,
) -> Halt {
    let found = match detail(error) {
        Some(detail) => detail,
        // PostgreSQL says "some row". A look that fails, or finds none any more, must not hide what was to be said.
        None => match row(work, table, constraint).await {
            Ok(Some(row)) => format!("the row with {row} is against it"),
            Ok(None) | Err(_) => "some row is against it".to_owned(),
        },
    };
    Halt::Broken(format!("cannot {title}: {found}\n{MEND}"))
}

/// The server's detail with the columns' own names, for they may still be hidden ones.
fn detail(error: &pg::Error) -> Option<String> {
    let detail = error.server()?.detail.as_deref()?;
    Some(match detail.split_once(")=(") {
        Some((columns, values)) => format!("{})=({values}", columns.replace("_segue_new_", "")),
        None => detail.to_owned(),
    })
}

async fn row(work: &Work, table: &QualifiedName, constraint: &Ident) -> Result<Option<String>, Halt> {
    let doing = "looking for a row that is against a constraint";
    let limits = Limits::new(Duration::from_millis(500), Duration::from_secs(10));
    let mut session = work.session().await?;
    let tx = session.transaction(doing, &limits).await?;
    let sql = "SELECT pg_catalog.pg_get_expr(c.conbin, c.conrelid), ARRAY(
                   SELECT a.attname::text FROM pg_catalog.pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, n)
                     JOIN pg_catalog.pg_attribute a ON a.attnum = k.attnum
                    WHERE i.indrelid = c.conrelid AND i.indisprimary AND a.attrelid = c.conrelid ORDER BY k.n)
                 FROM pg_catalog.pg_constraint c
                WHERE c.conrelid = $1::text::regclass AND c.conname = $2 AND c.contype = 'c'";
    let Some(found) = tx.query_opt(doing, sql, &[&table.to_string(), constraint]).await? else {
        return Ok(None);
    };
    let condition: String = found.cell(0)?;
    let key: Vec<Ident> = found.cell::<Vec<String>>(1)?.into_iter().map(Ident::new).collect();
    let shown = if key.is_empty() { "'ctid = ' || ctid::text".to_owned() } else { row_error::shown(&key) };
    let sql = format!("SELECT {shown} FROM {table} WHERE NOT ({condition}) LIMIT 1");
    let row = tx.query_opt(doing, &sql, &[]).await?;
    tx.rollback(doing).await?;
    Ok(row.map(|row| row.cell::<String>(0)).transpose()?)
}
