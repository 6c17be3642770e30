//! Owns the VACUUM of what was filled: under the cost limits that autovacuum has, watched, stopped and
//! begun anew as the gate says. Nothing about it fails the rollout: what it could not do is told and
//! passed over. Must not be asked for what the rollout needs.

use super::backfill::{bare_name, leaves, qualified};
use super::blockers;
use super::gate::{Gate, Pass};
use super::index::still_ours;
use super::{Halt, Work};
use crate::compile::explain::vacuum_sql;
use crate::compile::program::{Lock, LockMode};
use crate::control::progress::VacuumProgress;
use crate::control::record::Record;
use crate::ident::QualifiedName;
use crate::journal;
use crate::pg::{self, Canceller, Class, Limits, RowExt, Session};
use crate::store;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Under `deadlock_timeout`: an autovacuum that is at this table is not displaced, it does the same.
/// Nobody who reads or writes queues behind it.
const LOCK_TIMEOUT: Duration = Duration::from_millis(800);
/// For the lock; then it is passed over.
const TRIES: u32 = 3;
const REST: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The statistics of a VACUUM come a moment after it (before PostgreSQL 15, through a process of its own).
const STATISTICS: Duration = Duration::from_secs(3);

/// What came of one leaf.
struct Told {
    dead_before: Option<i64>,
    dead_after: Option<i64>,
    passed_over: Option<String>,
}

pub async fn run(work: &Work, step: usize, table: &QualifiedName, partitioned: bool) -> Result<(), Halt> {
    let open: Vec<String> = {
        let session = work.session().await?;
        let behind = behind(&session, work, step).await?;
        let all = leaves(&session, table, partitioned).await?.into_iter().map(|(leaf, _)| leaf);
        all.filter(|leaf| !behind.contains(leaf)).collect()
    };
    for leaf in open {
        let told = one(work, &leaf).await;
        work.board.put_vacuum(None);
        let told = told?;
        let count = |rows: Option<i64>| rows.map(|rows| rows.max(0) as u64);
        let record = Record::Vacuumed {
            step,
            relation: leaf,
            dead_before: count(told.dead_before),
            dead_after: count(told.dead_after),
            passed_over: told.passed_over,
        };
        let doing = "noting a vacuum";
        let stored = journal::encode(&record);
        let mut session = work.session().await?;
        let tx = session.transaction(doing, &Limits::READ).await?;
        store::append_in_tx(&tx, work.fence, &stored.kind, &stored.body).await?;
        tx.commit(doing).await?;
        crate::failpoint::pass("vacuum_noted").await?;
        work.board.wrote(record);
    }
    Ok(())
}

/// Leaves that this step is done with, by whichever supervisor.
async fn behind(session: &Session, work: &Work, step: usize) -> Result<Vec<String>, Halt> {
    let mut leaves = Vec::new();
    store::each_record(session, work.fence.rollout, |r| {
        if let Ok(Record::Vacuumed { step: of, relation, .. }) =
            journal::decode(&journal::Stored { kind: r.kind, body: r.body })
            && of == step
        {
            leaves.push(relation);
        }
        Ok(())
    })
    .await?;
    Ok(leaves)
}

async fn one(work: &Work, leaf: &str) -> Result<Told, Halt> {
    let mut gate = work.gate.clone();
    let mut tries = 0;
    loop {
        if gate.pass().await == Pass::Stop {
            return Err(Halt::Stopped);
        }
        let mut session = work.session().await?;
        still_ours(work, &mut session).await?;
        session.batch("setting the vacuum's cost limits", COST).await?;
        let (began, dead_before) = dead_rows(&session, leaf).await?;
        session.take_notices();
        let held = AtomicBool::new(false);
        crate::failpoint::pass_at("vacuum_before_send", leaf).await?;
        let ended = watched(work, &session, leaf, &held).await;
        crate::failpoint::pass("vacuum_ended").await?;
        let Err(error) = ended else {
            // One that may not skips the table with a warning and says it is done.
            let warned: Vec<String> = session.take_notices().into_iter().map(|n| n.message).collect();
            let passed_over = (!warned.is_empty()).then(|| warned.join("; "));
            let dead_after = dead_after(&session, leaf, &began).await?;
            return Ok(Told { dead_before, dead_after, passed_over });
        };
        if held.load(Ordering::Acquire) || (pg::class(&error) == Class::Cancelled && gate.is_closed()) {
            // Cancelled by ourselves: the gate says whether it is begun anew or left.
            continue;
        }
        let pass_over = |why: String| Told { dead_before, dead_after: None, passed_over: Some(why) };
        if error.session_is_gone() {
            // With a server that is there, it was this statement's own end.
            drop(session);
            return match work.session().await {
                Ok(_) => Ok(pass_over(error.to_string())),
                Err(_) => Err(Halt::NotDone(error)),
            };
        }
        if pg::class(&error) != Class::LockTimeout {
            return Ok(pass_over(error.to_string()));
        }
        let found = blockers::look(&session, &lock_on(leaf), Duration::ZERO).await.unwrap_or_default();
        let in_the_way =
            if found.is_empty() { "nobody who can be seen".to_owned() } else { blockers::tell(&found) };
        work.tell_blocked(&in_the_way);
        tries += 1;
        if tries >= TRIES {
            return Ok(pass_over(format!("its lock was not to be had, in the way: {in_the_way}")));
        }
        if gate.rest(REST).await == Pass::Stop {
            return Err(Halt::Stopped);
        }
        work.board.put_blockers(None);
    }
}

/// Autovacuum's own limits, so that it hurts nobody more than that does; where it has none, its default.
const COST: &str = "
SELECT pg_catalog.set_config('vacuum_cost_delay', CASE WHEN d.setting::float8 > 0 THEN d.setting ELSE '2' END, false),
       pg_catalog.set_config('vacuum_cost_limit', CASE WHEN l.setting::integer > 0 THEN l.setting
                             ELSE pg_catalog.current_setting('vacuum_cost_limit') END, false)
  FROM pg_catalog.pg_settings d, pg_catalog.pg_settings l
 WHERE d.name = 'autovacuum_vacuum_cost_delay' AND l.name = 'autovacuum_vacuum_cost_limit'";

/// The statement itself, looked at while it runs, and cancelled (`held`) when the gate closes.
async fn watched(work: &Work, session: &Session, leaf: &str, held: &AtomicBool) -> Result<(), pg::Error> {
    let limits = Limits { lock: Some(LOCK_TIMEOUT), ..Limits::unlimited(Duration::from_secs(7 * 86_400)) };
    let (doing, sql) = (format!("vacuuming {leaf}"), vacuum_sql(leaf));
    tokio::select! {
        ended = session.execute(&doing, &sql, &limits) => ended.map(|_| ()),
        () = look(work, leaf, session.backend_pid()) => unreachable!("it looks for ever"),
        () = cancel(work.gate.clone(), session.canceller(), held) => unreachable!("it cancels for ever"),
    }
}

/// Once the gate is closed, until the statement has ended: a request can come before it has begun.
async fn cancel(mut gate: Gate, canceller: Canceller, held: &AtomicBool) {
    gate.closed().await;
    held.store(true, Ordering::Release);
    loop {
        if let Err(error) = canceller.cancel(Duration::from_secs(2)).await {
            tracing::warn!(%error, "the vacuum could not be cancelled");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Shows how far it is. A look that fails shows nothing.
async fn look(work: &Work, leaf: &str, pid: i32) {
    let sql = "SELECT phase, heap_blks_total, heap_blks_scanned, heap_blks_vacuumed, index_vacuum_count
                 FROM pg_catalog.pg_stat_progress_vacuum WHERE pid = $1";
    loop {
        if let Ok(session) = work.session().await {
            while let Ok(row) = session.query_opt("looking how far the vacuum is", sql, &[&pid]).await {
                work.board.put_vacuum(row.and_then(|row| progress(leaf, &row)));
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        work.board.put_vacuum(None);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn progress(leaf: &str, row: &pg::Row) -> Option<VacuumProgress> {
    // Of the backends of other roles, a role that may not see them sees NULLs.
    let phase: Option<String> = row.cell(0).ok()?;
    let count = |column| row.cell::<Option<i64>>(column).ok().flatten().map(|count| count.max(0) as u64);
    Some(VacuumProgress {
        table: bare_name(leaf),
        phase: phase?,
        blocks_total: count(1),
        blocks_scanned: count(2),
        blocks_vacuumed: count(3),
        index_passes: count(4),
    })
}

/// The moment by the server's clock, and how many dead rows it counts; `None` where it counts none.
async fn dead_rows(session: &Session, leaf: &str) -> Result<(String, Option<i64>), Halt> {
    let sql = "SELECT pg_catalog.clock_timestamp()::text, CASE WHEN pg_catalog.current_setting('track_counts')::bool
                      THEN pg_catalog.pg_stat_get_dead_tuples($1::text::regclass) END";
    let row = session.query_one("counting dead rows", sql, &[&leaf]).await?;
    Ok((row.cell(0)?, row.cell(1)?))
}

/// What it left, once the statistics know of it.
async fn dead_after(session: &Session, leaf: &str, began: &str) -> Result<Option<i64>, Halt> {
    let sql = "SELECT pg_catalog.pg_stat_get_dead_tuples($1::text::regclass)
                WHERE pg_catalog.pg_stat_get_last_vacuum_time($1::text::regclass) >= $2::text::timestamptz";
    let deadline = crate::clock::Deadline::after(STATISTICS);
    let dead = crate::clock::poll_until(deadline, Duration::from_millis(100), || async {
        match session.query_opt("counting dead rows", sql, &[&leaf, &began]).await {
            Ok(None) => None,
            Ok(Some(row)) => Some(row.cell::<i64>(0)),
            Err(error) => Some(Err(error)),
        }
    });
    // That they cannot be read is no failure of what is done.
    Ok(dead.await.and_then(Result::ok))
}

fn lock_on(leaf: &str) -> Vec<Lock> {
    vec![Lock { relation: qualified(leaf), mode: LockMode::ShareUpdateExclusive }]
}
