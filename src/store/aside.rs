//! Owns the rows that a backfill could not fill and set aside, each with its key and its error, so that
//! somebody can mend them. Must not decide whether setting aside is allowed.

use super::error::Error;
use super::fence::{Fence, fenced};
use crate::pg::{RowExt, Session, Tx};
use jiff::Timestamp;

/// One row to be set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    pub step: i32,
    /// The leaf table, qualified and quoted.
    pub relation: String,
    /// Its key as a person reads it; the ctid where the table has no key.
    pub row_key: String,
    pub sqlstate: String,
    pub message: String,
}

/// A row that was set aside, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSetAside {
    pub row: SetAside,
    pub at: Timestamp,
}

/// Notes a row as set aside; again for the same row only the error is renewed.
pub async fn set_aside_in_tx(tx: &Tx<'_>, fence: Fence, row: &SetAside) -> Result<(), Error> {
    let sql = fenced!(
        "INSERT INTO segue.rows_set_aside (rollout, step, relation, row_key, sqlstate, message)
         SELECT id, $3, $4, $5, $6, $7 FROM fence
         ON CONFLICT (rollout, step, relation, row_key) DO UPDATE
            SET sqlstate = excluded.sqlstate, message = excluded.message, at = clock_timestamp()"
    );
    let touched = tx
        .change(
            "setting a row aside",
            sql,
            &[
                &fence.rollout,
                &fence.term,
                &row.step,
                &row.relation,
                &row.row_key,
                &row.sqlstate,
                &row.message,
            ],
        )
        .await?;
    fence.check(touched)
}

/// The rows set aside in a rollout, oldest first.
pub async fn rows_set_aside(session: &Session, rollout: i64) -> Result<Vec<RowSetAside>, Error> {
    let sql = "SELECT step, relation, row_key, sqlstate, message, at FROM segue.rows_set_aside
                WHERE rollout = $1 ORDER BY id";
    let rows = session.query("reading the rows set aside", sql, &[&rollout]).await?;
    rows.iter()
        .map(|row| {
            let at = row.read("at")?;
            let row = SetAside {
                step: row.read("step")?,
                relation: row.read("relation")?,
                row_key: row.read("row_key")?,
                sqlstate: row.read("sqlstate")?,
                message: row.read("message")?,
            };
            Ok(RowSetAside { row, at })
        })
        .collect()
}
