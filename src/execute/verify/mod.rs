//! Owns the proof that both versions are in step: before the new one is published, with the rows that are not filled again,
//! and whenever somebody asks. Must not decide what a rollout does with a fault: it says what it found.
//!
//! What a sync trigger misses is what this is for: writers with `session_replication_role = replica`, a trigger that
//! somebody disabled, one of the table's own that fires later.

mod catalog;
mod copied;
mod question;
pub mod report;

use super::backfill::{self, bare_name};
use super::gate::{Gate, Pass};
use super::{Halt, Work, slice};
use crate::compile::program::Program;
use crate::pg::{self, Class, Limits, RowExt, Session, sqlstate};
use crate::store;
pub use catalog::faults;
use question::Question;
use report::{Column, Fault, Found, Report, Table};
use std::ops::Range;
use std::time::Duration;
use tokio::time::Instant;

/// Blocks of the first range, and at most.
const FIRST: u64 = 256;
const MOST: u64 = 65_536;
/// How long a range's snapshot should be kept, and at most: while it is, no dead row can go.
const TARGET: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// Blocks whose rows are filled again in one transaction.
const MENDED: u64 = 64;
/// How often a row is filled again that still is not what `up` gives.
const ROUNDS: usize = 3;
/// Rows that are named.
const NAMED: usize = 10;

const READ: Limits =
    Limits { lock: Some(Duration::from_secs(2)), statement: Some(LONGEST), client: Duration::from_secs(40) };

/// What a range came to; the last two a column each.
struct Counts {
    rows: u64,
    pending: u64,
    differing: Vec<u64>,
    /// Those that the new version cannot have written.
    alone: Vec<u64>,
}

/// Whether the new version may have written already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    No,
    Yes,
}

async fn counts(
    session: &mut Session,
    question: &Question<'_>,
    leaf: &str,
    blocks: &Range<u64>,
    published: Published,
) -> Result<Counts, pg::Error> {
    let doing = format!("verifying {leaf} in blocks {blocks:?}");
    let tx = session.snapshot(&doing, &READ).await?;
    let row = tx.query_one(&doing, &question.counts(leaf, blocks, published == Published::Yes), &[]).await?;
    tx.commit(&doing).await?;
    let cell = |at: usize| Ok(row.cell::<i64>(at)?.max(0) as u64);
    let columns = 0..question.asked.len();
    Ok(Counts {
        rows: cell(0)?,
        pending: cell(1)?,
        differing: columns.clone().map(|n| cell(2 + 2 * n)).collect::<Result<_, pg::Error>>()?,
        alone: columns.map(|n| cell(3 + 2 * n)).collect::<Result<_, pg::Error>>()?,
    })
}

/// The next range's length, after one of `length` took so long.
fn length_after(length: u64, took: Duration) -> u64 {
    let factor = (TARGET.as_secs_f64() / took.as_secs_f64().max(0.001)).clamp(0.25, 2.0);
    ((length as f64 * factor) as u64).clamp(1, MOST)
}

/// The way over a leaf, range by range.
struct Walk<'q> {
    question: &'q Question<'q>,
    leaf: String,
    published: Published,
    at: u64,
    end: u64,
    length: u64,
}

impl<'q> Walk<'q> {
    async fn over(
        session: &Session,
        question: &'q Question<'q>,
        leaf: String,
        published: Published,
    ) -> Result<Walk<'q>, Halt> {
        let end = backfill::size(session, &leaf).await?.blocks;
        Ok(Walk { question, leaf, published, at: 0, end, length: FIRST })
    }

    /// The next range with its counts, and how long it took; `None`: that was all.
    async fn next(&mut self, session: &mut Session) -> Result<Option<(Range<u64>, Counts, Duration)>, Halt> {
        while self.at < self.end {
            let (blocks, begun) = (self.at..self.end.min(self.at + self.length), Instant::now());
            match counts(session, self.question, &self.leaf, &blocks, self.published).await {
                Ok(found) => {
                    let took = begun.elapsed();
                    (self.at, self.length) = (blocks.end, length_after(self.length, took));
                    return Ok(Some((blocks, found, took)));
                }
                // Cut off by its limit: the next one is shorter.
                Err(error) if pg::class(&error) == Class::Cancelled && self.length > 1 => {
                    self.length = (self.length / 4).max(1);
                }
                Err(error) if error.sqlstate() == Some(sqlstate::READ_ONLY_TRANSACTION) => {
                    return Err(Halt::Broken(format!(
                        "{} cannot be verified: an expression writes, which one that always gives the same must not \
                         (`backfill: {{verify: false}}` publishes all the same)",
                        bare_name(&self.leaf)
                    )));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

/// All that can be said of a rollout now, for a person. The session's path is the rollout's schema. `done`: which steps are.
pub async fn report(
    session: &mut Session,
    program: &Program,
    done: impl Fn(usize) -> bool,
    published: Published,
) -> Result<Report, Halt> {
    let mut report = Report { faults: catalog::faults(session, program, &done).await?, tables: Vec::new() };
    report.faults.extend(catalog::hidden(session, program).await?);
    for (step, spec, sync) in question::filled(program) {
        // Its columns are there from its expand step on.
        let expanded = program
            .steps
            .iter()
            .enumerate()
            .all(|(number, step)| step.phase != crate::compile::program::Phase::Expand || done(number));
        if !expanded {
            continue;
        }
        let question = Question::of(session, spec, sync).await?;
        let mut total = Counts {
            rows: 0,
            pending: 0,
            differing: vec![0; question.asked.len()],
            alone: vec![0; question.asked.len()],
        };
        let mut named: Vec<Vec<String>> = vec![Vec::new(); question.asked.len()];
        for (leaf, _) in backfill::leaves(session, &spec.table, spec.partitioned).await? {
            let mut walk = Walk::over(session, &question, leaf.clone(), published).await?;
            while let Some((blocks, found, _)) = walk.next(session).await? {
                total.rows += found.rows;
                total.pending += found.pending;
                for (column, named) in named.iter_mut().enumerate() {
                    total.differing[column] += found.differing[column];
                    total.alone[column] += found.alone[column];
                    if wrong_rows(&question, column, &found, published) > 0 && named.len() < NAMED {
                        let by_new = published == Published::Yes;
                        let sql = question.rows(&leaf, &blocks, column, by_new);
                        named.extend(cells(session, "naming rows that differ", &sql).await?);
                        named.truncate(NAMED);
                    }
                }
            }
        }
        let table = spec.table.name.as_str().to_owned();
        if total.pending > 0 && done(step) {
            let message = format!("{} rows are still to be filled", total.pending);
            let help = "written past the triggers; before publication they are filled, after it an UPDATE of each fills it";
            report.faults.push(Fault { table: table.clone(), message, help: help.to_owned() });
        }
        let columns = (0..question.asked.len())
            .map(|n| column(&question, n, &total, published, std::mem::take(&mut named[n])))
            .collect();
        report.tables.push(Table { table, rows: total.rows, pending: total.pending, columns });
    }
    for (_, spec) in copied::all(program).filter(|(step, _)| done(*step)) {
        report.tables.push(copied::report(session, spec).await?);
    }
    Ok(report)
}

/// Rows of a column that nobody can have meant to be as they are.
fn wrong_rows(question: &Question<'_>, column: usize, found: &Counts, published: Published) -> u64 {
    match (published, &question.asked[column].unlike_down) {
        (Published::No, _) => found.differing[column],
        (Published::Yes, Some(_)) => found.alone[column],
        (Published::Yes, None) => 0,
    }
}

fn column(
    question: &Question<'_>,
    number: usize,
    total: &Counts,
    published: Published,
    rows: Vec<String>,
) -> Column {
    let asked = &question.asked[number];
    let differing = total.differing[number];
    let wrong = wrong_rows(question, number, total, published);
    let (found, differing, why) = match &asked.unknown {
        Some(why) => (Found::Unknown, None, Some(why.clone())),
        None if wrong > 0 => (Found::Differs, Some(wrong), None),
        None if differing == 0 => (Found::Equal, Some(0), None),
        None if asked.unlike_down.is_some() => (
            Found::Equal,
            Some(0),
            Some(format!(
                "{differing} rows are as the new version wrote them: the old value is what `down` gives"
            )),
        ),
        None => (
            Found::Unknown,
            Some(differing),
            Some("the new version may have written these rows, and no `down` tells".to_owned()),
        ),
    };
    Column { column: asked.shown.clone(), found, differing, why, rows }
}

/// Before the new version is published: nothing that it needs is missing, and every row is what `up` makes of it, or is filled
/// again until it is. `publish`: the step that publishes; all before it are done.
pub async fn before_publication(work: &Work, publish: usize) -> Result<(), Halt> {
    let program = work.program.clone();
    let mut session = work.session().await?;
    stands(catalog::faults(&session, &program, |step| step < publish).await?)?;
    stands(catalog::hidden(&session, &program).await?)?;
    if !work.policy.verify {
        return Ok(());
    }
    backfill::prepare(work, &session).await?;
    for (_, spec, sync) in question::filled(&program) {
        let question = Question::of(&mut session, spec, sync).await?;
        let (begun, mut rows, mut mended) = (Instant::now(), 0, 0);
        for (leaf, _) in backfill::leaves(&session, &spec.table, spec.partitioned).await? {
            let mut gate = work.gate.clone();
            let mut walk = Walk::over(&session, &question, leaf.clone(), Published::No).await?;
            while let Some((blocks, found, took)) = walk.next(&mut session).await? {
                rows += found.rows;
                if found.pending > 0 || found.differing.iter().any(|rows| *rows > 0) {
                    mended += mend(work, &mut session, &question, &leaf, &blocks).await?;
                }
                rest_after(&mut gate, took).await?;
            }
        }
        tell(work, &question, rows, mended, begun.elapsed());
    }
    for (_, spec) in copied::all(&program) {
        copied::before_publication(work, &mut session, spec).await?;
    }
    stands(catalog::hidden(&session, &program).await?)?;
    stands(catalog::faults(&session, &program, |step| step < publish).await?)
}

/// A throttled rollout reads as slowly as it writes.
async fn rest_after(gate: &mut Gate, took: Duration) -> Result<(), Halt> {
    let rest = match gate.pass().await {
        Pass::Stop => return Err(Halt::Stopped),
        Pass::Go { share: Some(share) } if share > 0.0 => took.mul_f64((1.0 / share - 1.0).clamp(0.0, 20.0)),
        Pass::Go { .. } => Duration::ZERO,
    };
    match gate.rest(rest).await {
        Pass::Stop => Err(Halt::Stopped),
        Pass::Go { .. } => Ok(()),
    }
}

/// For the journal: what was proved, and what was not.
fn tell(work: &Work, question: &Question<'_>, rows: u64, mended: u64, took: Duration) {
    let table = question.spec.table.name.as_str();
    let (unknown, proved): (Vec<_>, Vec<_>) =
        question.asked.iter().partition(|asked| asked.unknown.is_some());
    let names = |all: &[&question::Asked]| {
        all.iter().map(|asked| asked.shown.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut what = match proved.is_empty() {
        true => format!("{rows} rows of {table} are filled"),
        false => format!("{rows} rows of {table} verified: {} is what `up` gives", names(&proved)),
    };
    if mended > 0 {
        what +=
            &format!("; {mended} of them were not and are filled again: something wrote past the triggers");
    }
    if !unknown.is_empty() {
        what += &format!("; not to be told of {}", names(&unknown));
    }
    let why = |asked: &&question::Asked| serde_json::json!({ "column": asked.shown, "why": asked.unknown });
    let readings = serde_json::json!({
        "table": table, "rows": rows, "filled_again": mended, "seconds": took.as_secs_f64(),
        "proved": proved.iter().map(|asked| &asked.shown).collect::<Vec<_>>(),
        "not_verifiable": unknown.iter().map(why).collect::<Vec<_>>(),
    });
    work.board.remark(what, readings);
}

fn stands(faults: Vec<Fault>) -> Result<(), Halt> {
    if faults.is_empty() {
        return Ok(());
    }
    let told: Vec<String> =
        faults.iter().map(|fault| format!("{}: {} ({})", fault.table, fault.message, fault.help)).collect();
    Err(Halt::Broken(format!("the new version cannot be published: {}", told.join("; "))))
}

/// Fills the rows of a range again that are not what `up` makes of them, or are not filled. How many there were.
async fn mend(
    work: &Work,
    session: &mut Session,
    question: &Question<'_>,
    leaf: &str,
    blocks: &Range<u64>,
) -> Result<u64, Halt> {
    let mut mended = 0;
    let mut gate = work.gate.clone();
    let mut at = blocks.start;
    while at < blocks.end {
        // Each is a slice like any other.
        let Some((_, _turn)) = gate.enter().await else { return Err(Halt::Stopped) };
        let few = at..blocks.end.min(at + MENDED);
        mended += mend_few(work, session, question, leaf, &few).await?;
        at = few.end;
    }
    Ok(mended)
}

async fn mend_few(
    work: &Work,
    session: &mut Session,
    question: &Question<'_>,
    leaf: &str,
    blocks: &Range<u64>,
) -> Result<u64, Halt> {
    let spec = question.spec;
    let doing = "filling rows again";
    let longest = work.longest_wait(session).await?;
    let limits = Limits::new(slice::LOCK_TIMEOUT.min(longest), LONGEST);
    let tx = session.transaction(doing, &limits).await?;
    store::fence_in_tx(&tx, work.fence).await?;
    let within = format!("ctid >= '({},0)'::tid AND ctid < '({},0)'::tid", blocks.start, blocks.end);
    // Those that were never filled, as any slice does it.
    let filling = slice::update(spec, leaf, &format!("{within} AND {}", spec.pending()));
    let mut mended = tx.change(doing, &filling, &[]).await?;
    // The others are made pending first, because only from there is it the backfill's own write, which no sync trigger takes for the new version's.
    let mut which = format!("{within} AND {}", question.wrong());
    for round in 0..=ROUNDS {
        let marking = mark(question, leaf, &which);
        let marked: Vec<String> = cells(&tx, doing, &marking).await?;
        if marked.is_empty() {
            break;
        }
        if round == ROUNDS {
            let columns: Vec<&str> = spec.shown.iter().map(crate::ident::Ident::as_str).collect();
            return Err(Halt::Broken(format!(
                "rows of {} are not what `up` gives for {} although filled again {ROUNDS} times, such as those at {}; does a trigger \
                 of the table's own change what `up` reads, or is it not the same each time? (`backfill: {{user_triggers: skip}}`, \
                 or `verify: false` to publish all the same)",
                bare_name(leaf),
                columns.join(", "),
                marked.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ")
            )));
        }
        if round == 0 {
            mended += marked.len() as u64;
        }
        let these = format!("ctid = ANY (ARRAY['{}']::tid[])", marked.join("','"));
        let filling = slice::update(spec, leaf, &format!("{these} AND {}", spec.pending()));
        let filled: Vec<String> = cells(&tx, doing, &format!("{filling} RETURNING ctid::text")).await?;
        if filled.is_empty() {
            break;
        }
        which = format!("ctid = ANY (ARRAY['{}']::tid[]) AND {}", filled.join("','"), question.wrong());
    }
    tx.commit(doing).await?;
    Ok(mended)
}

fn mark(question: &Question<'_>, leaf: &str, condition: &str) -> String {
    let (name, marker) = (&question.spec.table.name, question.marker());
    format!("UPDATE ONLY {leaf} AS {name} SET {marker} = true WHERE {condition} RETURNING ctid::text")
}

async fn cells(session: &Session, doing: &str, sql: &str) -> Result<Vec<String>, pg::Error> {
    session.query(doing, sql, &[]).await?.iter().map(|row| row.cell(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_to_their_target_and_stay_within_bounds() {
        let ms = Duration::from_millis;
        assert_eq!(length_after(256, TARGET), 256);
        assert_eq!(length_after(256, ms(1)), 512);
        assert_eq!(length_after(MOST, ms(1)), MOST);
        assert_eq!(length_after(256, Duration::from_secs(30)), 64);
        assert_eq!(length_after(1, Duration::from_secs(30)), 1);
        assert_eq!(length_after(256, Duration::ZERO), 512);
    }
}
