//! Owns the journal's rows: appending under a fence, reading in order. A body is opaque here; `journal`
//! gives it its types. Must not change or remove what was appended (the server refuses it as well).

use super::error::Error;
use super::fence::{Fence, fenced};
use crate::pg::{Row, RowExt, Session, Tx};
use jiff::Timestamp;
use serde_json::Value;

/// One line of a rollout's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Position; goes up within a rollout.
    pub seq: i64,
    pub rollout: i64,
    /// By the server's clock.
    pub at: Timestamp,
    pub term: i64,
    pub kind: String,
    pub body: Value,
}

/// Appends one record by itself. An error with `outcome_unknown()` may have been written.
pub async fn append(session: &Session, fence: Fence, kind: &str, body: &Value) -> Result<(), Error> {
    let sql =
        fenced!("INSERT INTO segue.records (rollout, term, kind, body) SELECT id, $2, $3, $4 FROM fence");
    let touched =
        session.change("writing the journal", sql, &[&fence.rollout, &fence.term, &kind, body]).await?;
    fence.check(touched)
}

/// Appends one record in the transaction of the work it tells of; gives its position.
pub async fn append_in_tx(tx: &Tx<'_>, fence: Fence, kind: &str, body: &Value) -> Result<i64, Error> {
    let sql = fenced!(
        "INSERT INTO segue.records (rollout, term, kind, body) SELECT id, $2, $3, $4 FROM fence RETURNING seq"
    );
    let row = tx.query_opt("writing the journal", sql, &[&fence.rollout, &fence.term, &kind, body]).await?;
    Ok(row.ok_or_else(|| fence.superseded())?.read("seq")?)
}

/// Whether a record stands: at a position, or anywhere.
pub async fn stands(
    session: &Session,
    rollout: i64,
    seq: Option<i64>,
    kind: &str,
    body: &Value,
) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM segue.records
                WHERE rollout = $1 AND kind = $3 AND body = $4 AND seq = coalesce($2, seq) LIMIT 1";
    let row = session.query_opt("looking into the journal", sql, &[&rollout, &seq, &kind, body]).await?;
    Ok(row.is_some())
}

/// The records after position `after` (0: all), oldest first, at most `limit`.
pub async fn records(session: &Session, rollout: i64, after: i64, limit: i64) -> Result<Vec<Record>, Error> {
    let sql = "SELECT seq, rollout, at, term, kind, body FROM segue.records
                WHERE rollout = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let rows = session.query("reading the journal", sql, &[&rollout, &after, &limit]).await?;
    rows.iter().map(read).collect()
}

/// Gives every record, oldest first, to `take`. A journal of weeks is never in memory whole.
pub async fn each_record(
    session: &Session,
    rollout: i64,
    mut take: impl FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    const PAGE: i64 = 500;
    let mut after = 0;
    loop {
        let page = records(session, rollout, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        page.into_iter().try_for_each(&mut take)?;
    }
}

fn read(row: &Row) -> Result<Record, Error> {
    Ok(Record {
        seq: row.read("seq")?,
        rollout: row.read("rollout")?,
        at: row.read("at")?,
        term: row.read("term")?,
        kind: row.read("kind")?,
        body: row.read("body")?,
    })
}
