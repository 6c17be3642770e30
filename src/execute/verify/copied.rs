//! Owns the proof that a copy of a table has its rows, all of them as they are, and no others. Must not copy what was not
//! copied yet: that is the backfill's.
//!
//! A write and what the triggers make of it are one transaction, so in any snapshot the two are in step.

use super::report::{Column, Found, Table};
use super::{FIRST, LONGEST, MENDED, NAMED, READ, cells, length_after, rest_after};
use crate::compile::program::{Action, BackfillSpec, CopySpec, Program};
use crate::execute::backfill::{self, bare_name};
use crate::execute::row_error::shown;
use crate::execute::{Halt, Work, slice};
use crate::ident::list;
use crate::pg::{self, Class, Limits, RowExt, Session};
use crate::store;
use std::ops::Range;
use std::time::Duration;
use tokio::time::Instant;

/// Rows are compared whole.
const ALL: &str = "every column";

/// Each row of the range is looked up; without workers, because those would read the whole table instead of the range.
const ROW_BY_ROW: &str = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; \
    SET LOCAL max_parallel_workers_per_gather = 0";

/// The copies that a program makes, with their steps.
pub fn all(program: &Program) -> impl Iterator<Item = (usize, &BackfillSpec)> {
    program.steps.iter().enumerate().filter_map(|(number, step)| match &step.action {
        Action::Backfill(spec) if spec.copy.is_some() => Some((number, spec)),
        _ => None,
    })
}

/// The table, or a partition of its copy, and what is asked of its blocks.
struct Side<'s> {
    spec: &'s BackfillSpec,
    copy: &'s CopySpec,
    leaf: String,
    of_copy: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    rows: u64,
    /// Not in the copy; of the copy: not in the table.
    missing: u64,
    differing: u64,
}

impl Side<'_> {
    fn within(blocks: &Range<u64>) -> String {
        format!("h.ctid >= '({},0)'::tid AND h.ctid < '({},0)'::tid", blocks.start, blocks.end)
    }

    fn unlike(&self) -> String {
        let row = |of: &str| {
            let cells = self.copy.columns.iter().map(|column| format!("{of}.{column}"));
            format!("ROW({})::pg_catalog.record", cells.collect::<Vec<_>>().join(", "))
        };
        format!("{} OPERATOR(pg_catalog.*<>) {}", row("h"), row("c"))
    }

    /// `h` is here, `c` the other one's row, if there is one.
    fn joined(&self, blocks: &Range<u64>) -> String {
        let other =
            if self.of_copy { format!("ONLY {}", self.spec.table) } else { self.copy.into.to_string() };
        let same = self.copy.same_row("c", "h");
        format!(
            "FROM ONLY {} AS h LEFT JOIN {other} AS c ON {same} WHERE {}",
            self.leaf,
            Self::within(blocks)
        )
    }

    async fn counts(&self, session: &mut Session, blocks: &Range<u64>) -> Result<Counts, pg::Error> {
        let doing = format!("verifying {} in blocks {blocks:?}", self.leaf);
        let tx = session.snapshot(&doing, &READ).await?;
        tx.batch(&doing, ROW_BY_ROW).await?;
        let (gone, unlike) = (format!("c.{} IS NULL", self.copy.key[0]), self.unlike());
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE {gone}), count(*) FILTER (WHERE NOT {gone} AND {unlike}) {}",
            self.joined(blocks)
        );
        let row = tx.query_one(&doing, &sql, &[]).await?;
        tx.commit(&doing).await?;
        let cell = |at: usize| Ok::<u64, pg::Error>(row.cell::<i64>(at)?.max(0) as u64);
        Ok(Counts { rows: cell(0)?, missing: cell(1)?, differing: cell(2)? })
    }

    /// Some of the rows that are missing or differ, as a person looks them up.
    async fn named(&self, session: &Session, blocks: &Range<u64>) -> Result<Vec<String>, Halt> {
        let key = self.spec.key.iter().map(|column| format!("h.{column} AS {column}"));
        // What differs is named on the table's side.
        let unlike = if self.of_copy { "false".to_owned() } else { self.unlike() };
        let sql = format!(
            "SELECT {} FROM (SELECT {} {} AND (c.{} IS NULL OR {}) LIMIT {NAMED}) AS wrong",
            shown(&self.spec.key),
            key.collect::<Vec<_>>().join(", "),
            self.joined(blocks),
            self.copy.key[0],
            unlike
        );
        Ok(cells(session, "naming rows that differ", &sql).await?)
    }

    /// Makes the copy's rows of these blocks what they should be.
    async fn mend(&self, work: &Work, session: &mut Session, blocks: &Range<u64>) -> Result<u64, Halt> {
        let doing = "copying rows again";
        let longest = work.longest_wait(session).await?;
        let limits = Limits::new(slice::LOCK_TIMEOUT.min(longest), LONGEST);
        let tx = session.transaction(doing, &limits).await?;
        store::fence_in_tx(&tx, work.fence).await?;
        let (into, table, within) = (&self.copy.into, &self.spec.table, Self::within(blocks));
        let mut mended = 0;
        if self.of_copy {
            let sql = format!(
                "DELETE FROM ONLY {} AS h WHERE {within} AND NOT EXISTS (SELECT FROM ONLY {table} AS c WHERE {})",
                self.leaf,
                self.copy.same_row("c", "h")
            );
            mended += tx.change(doing, &sql, &[]).await?;
        } else {
            let condition = format!(
                "ctid >= '({},0)'::tid AND ctid < '({},0)'::tid AND {}",
                blocks.start,
                blocks.end,
                self.spec.pending()
            );
            mended += tx.change(doing, &slice::update(self.spec, &self.leaf, &condition), &[]).await?;
            let columns = list(&self.copy.columns);
            let set = self.copy.columns.iter().map(|column| format!("{column} = h.{column}"));
            let sql = format!(
                "WITH h AS MATERIALIZED (SELECT {columns} FROM ONLY {table} AS h WHERE {within} FOR SHARE) \
                 UPDATE {into} AS c SET {} FROM h WHERE {} AND {}",
                set.collect::<Vec<_>>().join(", "),
                self.copy.same_row("c", "h"),
                self.unlike()
            );
            mended += tx.change(doing, &sql, &[]).await?;
        }
        tx.commit(doing).await?;
        Ok(mended)
    }
}

/// Both sides of a copy, one after the other, range by range.
struct Walk<'s> {
    sides: Vec<Side<'s>>,
    at: u64,
    end: Option<u64>,
    length: u64,
}

impl<'s> Walk<'s> {
    async fn over(session: &Session, spec: &'s BackfillSpec) -> Result<Walk<'s>, Halt> {
        let copy = spec.copy.as_ref().expect("only copies are asked about");
        let mut sides = vec![Side { spec, copy, leaf: spec.table.to_string(), of_copy: false }];
        for (leaf, _) in backfill::leaves(session, &copy.into, true).await? {
            sides.push(Side { spec, copy, leaf, of_copy: true });
        }
        sides.reverse();
        Ok(Walk { sides, at: 0, end: None, length: FIRST })
    }

    /// The next range with its counts, and how long it took; `None`: that was all.
    async fn next(
        &mut self,
        session: &mut Session,
    ) -> Result<Option<(&Side<'s>, Range<u64>, Counts, Duration)>, Halt> {
        loop {
            let Some(side) = self.sides.last() else { return Ok(None) };
            let end = match self.end {
                Some(end) => end,
                None => *self.end.insert(backfill::size(session, &side.leaf).await?.blocks),
            };
            if self.at >= end {
                self.sides.pop();
                (self.at, self.end) = (0, None);
                continue;
            }
            let (blocks, begun) = (self.at..end.min(self.at + self.length), Instant::now());
            match side.counts(session, &blocks).await {
                Ok(found) => {
                    let took = begun.elapsed();
                    (self.at, self.length) = (blocks.end, length_after(self.length, took));
                    let side = self.sides.last().expect("it was the last");
                    return Ok(Some((side, blocks, found, took)));
                }
                // Cut off by its limit: the next one is shorter.
                Err(error) if pg::class(&error) == Class::Cancelled && self.length > 1 => {
                    self.length = (self.length / 4).max(1);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What a person is told of one copy.
pub async fn report(session: &mut Session, spec: &BackfillSpec) -> Result<Table, Halt> {
    let mut walk = Walk::over(session, spec).await?;
    let (mut rows, mut missing, mut wrong, mut named) = (0, 0, 0, Vec::new());
    while let Some((side, blocks, found, _)) = walk.next(session).await? {
        if !side.of_copy {
            rows += found.rows;
            missing += found.missing;
            wrong += found.differing;
        } else {
            wrong += found.missing;
        }
        if found.missing + if side.of_copy { 0 } else { found.differing } > 0 && named.len() < NAMED {
            named.extend(side.named(session, &blocks).await?);
            named.truncate(NAMED);
        }
    }
    let differing = missing + wrong;
    let column = Column {
        column: ALL.to_owned(),
        found: if differing > 0 { Found::Differs } else { Found::Equal },
        differing: Some(differing),
        why: (differing > 0).then(|| "the copy lacks them, or has them otherwise".to_owned()),
        rows: named,
    };
    let table = spec.table.name.as_str().to_owned();
    Ok(Table { table, rows, pending: missing, columns: vec![column] })
}

/// Every row is in the copy as it is and nothing else, or is copied again until it is.
pub async fn before_publication(work: &Work, session: &mut Session, spec: &BackfillSpec) -> Result<(), Halt> {
    let (begun, mut rows, mut mended) = (Instant::now(), 0, 0);
    let mut gate = work.gate.clone();
    let mut walk = Walk::over(session, spec).await?;
    while let Some((side, blocks, found, took)) = walk.next(session).await? {
        if !side.of_copy {
            rows += found.rows;
        }
        if found.missing > 0 || !side.of_copy && found.differing > 0 {
            let mut at = blocks.start;
            while at < blocks.end {
                // Each is a slice like any other.
                let Some((_, _turn)) = gate.enter().await else { return Err(Halt::Stopped) };
                let few = at..blocks.end.min(at + MENDED);
                mended += side.mend(work, session, &few).await?;
                at = few.end;
            }
            let left = side.counts(session, &blocks).await?;
            if left.missing > 0 || !side.of_copy && left.differing > 0 {
                let named = side.named(session, &blocks).await?.join("; ");
                return Err(Halt::Broken(format!(
                    "rows of {} are not in the copy as they are although copied again, such as {named}; does a trigger of a \
                     partition change them? (`backfill: {{verify: false}}` publishes all the same)",
                    bare_name(&side.leaf)
                )));
            }
        }
        rest_after(&mut gate, took).await?;
    }
    let table = spec.table.name.as_str();
    let mut what =
        format!("{rows} rows of {table} verified: the copy has them all, as they are, and no others");
    if mended > 0 {
        what +=
            &format!("; {mended} of them were not and are copied again: something wrote past the triggers");
    }
    let seconds = begun.elapsed().as_secs_f64();
    let readings = serde_json::json!({
        "table": table, "rows": rows, "filled_again": mended, "seconds": seconds, "proved": [ALL], "not_verifiable": [],
    });
    work.board.remark(what, readings);
    Ok(())
}
