//! Owns one slice of a backfill: its SQL and its transaction. Must not choose what is next.

use super::{Halt, Work};
use crate::compile::program::{BackfillSpec, CopySpec};
use crate::ident::list;
use crate::pg::{Limits, RowExt, Session};
use crate::store::{self, Checkpoint};
use serde::Deserialize;
use std::fmt::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

/// And under `deadlock_timeout` (1 s by default), so that Segue and never an application is a
/// deadlock's victim.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// At which line of its page a row is, modulo 256: the last byte of its `ctid`.
pub const LINE: &str = "pg_catalog.get_byte(pg_catalog.tidsend(ctid), 5)";

/// A run of blocks of one leaf table, and which of their rows.
#[derive(Clone, Debug)]
pub struct Slice<'a> {
    /// Quoted and qualified.
    pub leaf: &'a str,
    pub blocks: Range<u64>,
    /// Rows at a line of their page below this; `None`: wherever they are.
    pub below: Option<u16>,
    /// Of them part `.0` of `.1`, a power of two.
    pub part: (u32, u32),
    /// Rows not to be touched: set aside before.
    pub without: &'a [String],
}

impl Slice<'_> {
    /// Which rows. Only a range over `ctid` prunes the pages it reads; a list of ctids does not.
    pub fn condition(&self, spec: &BackfillSpec) -> String {
        let mut sql = format!(
            "ctid >= '({},0)'::tid AND ctid < '({},0)'::tid AND {}",
            self.blocks.start,
            self.blocks.end,
            spec.pending()
        );
        if let Some(bound) = self.below {
            write!(sql, " AND {LINE} < {bound}").expect("a String grows");
        }
        let (part, parts) = self.part;
        if parts > 1 {
            write!(sql, " AND (pg_catalog.hashtid(ctid) & {}) = {part}", parts - 1).expect("a String grows");
        }
        if !self.without.is_empty() {
            let list = self.without.join("','");
            write!(sql, " AND ctid <> ALL (ARRAY['{list}']::tid[])").expect("a String grows");
        }
        sql
    }

    pub fn update(&self, spec: &BackfillSpec) -> String {
        update(spec, self.leaf, &self.condition(spec))
    }
}

/// The statement that fills the rows of one leaf that a condition picks.
pub fn update(spec: &BackfillSpec, leaf: &str, condition: &str) -> String {
    if let Some(copy) = &spec.copy {
        return copying(spec, copy, leaf, condition);
    }
    let values = spec.set.iter().map(|(column, expression)| format!("{column} = {expression}"));
    let marker = spec.marker.iter().map(|marker| format!("{marker} = false"));
    let set = values.chain(marker).collect::<Vec<_>>().join(", ");
    // The alias lets expressions that name their table by its name go on doing so.
    let name = &spec.table.name;
    format!("UPDATE ONLY {leaf} AS {name} SET {set} WHERE {condition}")
}

/// Who changes a row meanwhile waits until its copy is there, or is waited for: then what the triggers do reaches it.
fn copying(spec: &BackfillSpec, copy: &CopySpec, leaf: &str, condition: &str) -> String {
    let (columns, key, name) = (list(&copy.columns), list(&copy.key), &spec.table.name);
    format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM ONLY {leaf} AS {name} WHERE {condition} \
         FOR SHARE OF {name} ON CONFLICT ({key}) DO NOTHING",
        copy.into
    )
}

/// What a slice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    pub rows: u64,
    /// Bytes of WAL; measured only where they are limited.
    pub wal: Option<u64>,
    /// How many of the rows found room on their own page, where that was asked for.
    pub in_place: Option<u64>,
    /// What the statement took.
    pub work: Duration,
}

/// The commit, the checkpoint and AFTER triggers write too, and the measure ends before them (measured: 8 to 10 %).
const WAL_AFTER: f64 = 1.1;

/// What EXPLAIN says of the statement that it carried out.
#[derive(Deserialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: Plan,
}

#[derive(Deserialize)]
struct Plan {
    #[serde(rename = "Actual Rows")]
    rows: f64,
    #[serde(rename = "WAL Bytes")]
    wal: f64,
}

/// Carries a statement out and measures its WAL: this backend's own, full pages and triggers before the row
/// included, whatever others write meanwhile (differences of positions in the log count theirs as well).
async fn measured(session: &Session, doing: &str, update: &str) -> Result<(u64, u64), Halt> {
    let options = "ANALYZE, WAL, TIMING OFF, SUMMARY OFF, BUFFERS OFF, COSTS OFF, FORMAT JSON";
    // With RETURNING the statement itself has rows to be counted; nobody is sent them.
    let sql = format!("EXPLAIN ({options}) {update} RETURNING 1");
    let [Explained { plan }]: [Explained; 1] = session.json(doing, &sql, &[]).await?;
    Ok((plan.rows as u64, (plan.wal * WAL_AFTER) as u64))
}

async fn in_place_so_far(session: &Session, leaf: &str) -> Result<i64, Halt> {
    let sql = "SELECT pg_catalog.pg_stat_get_xact_tuples_hot_updated($1::text::regclass)";
    Ok(session.query_one("counting the rows filled in place", sql, &[&leaf]).await?.cell(0)?)
}

/// What was filled. `watch`: tell as well how many rows found room on their own page.
pub async fn run(
    work: &Work,
    session: &mut Session,
    spec: &BackfillSpec,
    slice: &Slice<'_>,
    checkpoint: &Checkpoint,
    watch: bool,
) -> Result<Filled, Halt> {
    let doing = "filling a slice";
    let tuning = work.gate.tuning();
    let longest = (tuning.slice_time * 20).max(Duration::from_secs(5));
    let limits = Limits::new(LOCK_TIMEOUT.min(work.longest_wait(session).await?), longest);
    let tx = session.transaction(doing, &limits).await?;
    // First, so that whoever was superseded touches no row, and a take-over waits for this slice.
    store::fence_in_tx(&tx, work.fence).await?;
    crate::failpoint::pass_at("slice_begun", slice.leaf).await?;
    // A difference, because what earlier transactions did may still be in the count.
    let before = if watch { Some(in_place_so_far(&tx, slice.leaf).await?) } else { None };
    let (filling, update) =
        (format!("filling {} in blocks {:?}", slice.leaf, slice.blocks), slice.update(spec));
    let begun = Instant::now();
    let (rows, wal) = match tuning.wal {
        None => (tx.change(&filling, &update, &[]).await?, None),
        Some(_) => {
            let (rows, wal) = measured(&tx, &filling, &update).await?;
            (rows, Some(wal))
        }
    };
    let took = begun.elapsed();
    let in_place = match before {
        Some(before) => Some((in_place_so_far(&tx, slice.leaf).await? - before).max(0) as u64),
        None => None,
    };
    let rows_done = checkpoint.rows_done + rows as i64;
    let checkpoint = Checkpoint { rows_done, ..checkpoint.clone() };
    store::checkpoint_in_tx(&tx, work.fence, &checkpoint).await?;
    crate::failpoint::pass("slice_before_commit").await?;
    tx.commit(doing).await?;
    crate::failpoint::pass("slice_after_commit").await?;
    Ok(Filled { rows, wal, in_place, work: took })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::QualifiedName;

    #[test]
    fn a_slice_is_a_range_over_ctid() {
        let spec = BackfillSpec {
            table: QualifiedName::new(&"public".into(), &"users".into()),
            marker: Some("_segue_pending".into()),
            only: None,
            set: vec![("_segue_new_x".into(), "(\"a\" + 1)".into())],
            shown: vec!["x".into()],
            key: vec![],
            partitioned: false,
            copy: None,
        };
        let slice = Slice {
            leaf: "\"public\".\"users\"",
            blocks: 64..128,
            below: Some(11),
            part: (3, 4),
            without: &["(65,2)".into()],
        };
        insta::assert_snapshot!(slice.update(&spec), @r#"UPDATE ONLY "public"."users" AS "users" SET "_segue_new_x" = ("a" + 1), "_segue_pending" = false WHERE ctid >= '(64,0)'::tid AND ctid < '(128,0)'::tid AND "_segue_pending" AND pg_catalog.get_byte(pg_catalog.tidsend(ctid), 5) < 11 AND (pg_catalog.hashtid(ctid) & 3) = 3 AND ctid <> ALL (ARRAY['(65,2)']::tid[])"#);
    }
}
