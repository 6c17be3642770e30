//! Owns carrying out a transactional step: look first, small lock timeouts, long rests, all locks
//! before anything else, the outcome journalled in the same transaction. Must not decide what a
//! failure leads to.

use super::blockers::{self, Autovacuum, Blocker};
use super::contents::Contents;
use super::gate::Pass;
use super::{Halt, Work};
use crate::compile::program::{Lock, LockMode};
use crate::control::record::{Direction, Outcome, Record};
use crate::control::retry::{LockAttempts, LockNext};
use crate::journal;
use crate::pg::{self, Class, Limits, Session};
use crate::store;
use std::time::Duration;
use tokio::time::Instant;

/// A deadlock between us and an application is to be found by our timeout, never by its.
const AUTOVACUUM_MARGIN: Duration = Duration::from_millis(200);
const AUTOVACUUM_EVERY: Duration = Duration::from_secs(60);

/// Carries it out. `Ok(true)`: done, and journalled in its own transaction.
pub async fn run(
    work: &Work,
    at: (usize, Direction),
    contents: &Contents<'_>,
    locks: &[Lock],
) -> Result<bool, Halt> {
    let mut gate = work.gate.clone();
    let mut attempts = LockAttempts::new(&work.policy.locks);
    let mut next = attempts.first();
    let mut last_seen = String::from("nobody was seen; the lock was taken by short transactions each time");
    let mut long_try: Option<Instant> = None;
    loop {
        let LockNext::Next { lock_timeout, rest } = next else {
            return Err(Halt::Postponed { blockers: last_seen });
        };
        if gate.rest(rest).await == Pass::Stop {
            return Err(Halt::Stopped);
        }
        let mut session = work.session().await?;
        let found = blockers::look(&session, locks, work.policy.locks.patience).await?;
        let mut wait = lock_timeout;
        if !found.is_empty() {
            last_seen = blockers::tell(&found);
            work.tell_blocked(&last_seen);
            match around(&session, &found, &mut long_try).await? {
                Around::Now => {}
                Around::Longer(longer) => wait = longer,
                Around::Later => {
                    next = attempts.blocked(fastrand::f64());
                    continue;
                }
            }
        }
        let begun = Instant::now();
        match attempt(work, &mut session, at, contents, locks, wait).await {
            Ok(()) => return Ok(true),
            Err(Halt::Failed(error)) if is_about_locks(&error, &work.gate) => {
                let found = blockers::look(&session, locks, Duration::ZERO).await.unwrap_or_default();
                if !found.is_empty() {
                    last_seen = blockers::tell(&found);
                    work.tell_blocked(&last_seen);
                }
                next = attempts.failed(begun.elapsed().min(wait), fastrand::f64());
            }
            Err(Halt::Failed(error)) if pg::class(&error) == Class::UnknownOutcome => {
                return look_after(work, at, error).await;
            }
            Err(halt) => return Err(halt),
        }
    }
}

fn is_about_locks(error: &pg::Error, gate: &super::gate::Gate) -> bool {
    match pg::class(error) {
        Class::LockTimeout | Class::Deadlock => true,
        // A guard cancelled it because others wait behind it: that too is a lock not to be had now.
        Class::Cancelled => !gate.stopped(),
        _ => false,
    }
}

enum Around {
    /// They are out of the way.
    Now,
    /// Autovacuum yields to a waiter of this length.
    Longer(Duration),
    Later,
}

/// Whether to try although somebody is in the way: only where it is autovacuum that will yield.
async fn around(
    session: &Session,
    found: &[Blocker],
    long_try: &mut Option<Instant>,
) -> Result<Around, pg::Error> {
    if found.iter().any(|b| b.autovacuum != Autovacuum::Ordinary) {
        return Ok(Around::Later);
    }
    for pid in found.iter().filter_map(|b| b.pid) {
        // Cancel and lock in one motion. Only a role that may signal it succeeds.
        let sql = "SELECT pg_catalog.pg_cancel_backend($1)";
        if session.query("asking autovacuum to make way", sql, &[&pid]).await.is_err() {
            if long_try.is_some_and(|at| at.elapsed() < AUTOVACUUM_EVERY) {
                return Ok(Around::Later);
            }
            *long_try = Some(Instant::now());
            let sql = "SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'";
            let row = session.query_one("reading deadlock_timeout", sql, &[]).await?;
            let millis: i64 = pg::RowExt::cell(&row, 0)?;
            return Ok(Around::Longer(Duration::from_millis(millis.max(1) as u64) + AUTOVACUUM_MARGIN));
        }
    }
    Ok(Around::Now)
}

async fn attempt(
    work: &Work,
    session: &mut Session,
    (step, direction): (usize, Direction),
    contents: &Contents<'_>,
    locks: &[Lock],
    lock_timeout: Duration,
) -> Result<(), Halt> {
    let doing = work.title(step, direction);
    let limits = match contents.statement_limit() {
        Some(statement) => Limits::new(lock_timeout, statement),
        None => Limits { lock: Some(lock_timeout), ..Limits::unlimited(Duration::from_secs(7 * 86_400)) },
    };
    let tx = session.transaction(&doing, &limits).await?;
    store::fence_in_tx(&tx, work.fence).await?;
    crate::failpoint::pass_at("ddl_begun", &doing).await?;
    let ready = contents.prepare(&tx, &work.program).await?;
    for lock in locks {
        if lock.mode >= LockMode::ShareUpdateExclusive {
            let sql = format!("LOCK TABLE ONLY {} IN {} MODE", lock.relation, lock.mode.sql());
            tx.batch(&format!("locking {}", lock.relation), &sql).await?;
        }
    }
    crate::failpoint::pass_at("ddl_locked", &doing).await?;
    // A commit of an earlier try, whose answer was lost, may have waited for its synchronous standby until now.
    if is_journalled(&tx, work.fence.rollout, step, direction).await? {
        tx.rollback(&doing).await?;
        return Ok(());
    }
    contents.send(&tx, &work.program, ready, &doing).await?;
    let record = Record::StepEnded { step, direction, outcome: Outcome::Done };
    let stored = journal::encode(&record);
    store::append_in_tx(&tx, work.fence, &stored.kind, &stored.body).await?;
    crate::failpoint::pass_at("ddl_before_commit", &doing).await?;
    let committed = tx.commit(&doing).await?;
    if let Some(notice) = committed.unreplicated() {
        tracing::warn!(%doing, ?notice, "the commit stopped waiting for its synchronous standby");
    }
    crate::failpoint::pass_at("ddl_after_commit", &doing).await?;
    Ok(())
}

/// The answer to COMMIT never came. The outcome was to be journalled in that transaction: so look.
async fn look_after(
    work: &Work,
    (step, direction): (usize, Direction),
    error: pg::Error,
) -> Result<bool, Halt> {
    let mut waited = Duration::ZERO;
    let mut pause = Duration::from_millis(100);
    loop {
        let looked = match work.session().await {
            Ok(session) => is_journalled(&session, work.fence.rollout, step, direction).await,
            Err(error) => Err(error.into()),
        };
        match looked {
            Ok(true) => return Ok(true),
            // It was rolled back: as good as a connection lost before it began.
            Ok(false) => return Err(Halt::NotDone(error)),
            Err(_) if waited < Duration::from_secs(60) => {
                tokio::time::sleep(pause).await;
                waited += pause;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            Err(_) => return Err(Halt::Failed(error)),
        }
    }
}

/// Whether a step's end is in the journal.
async fn is_journalled(
    session: &Session,
    rollout: i64,
    step: usize,
    direction: Direction,
) -> Result<bool, store::Error> {
    let record = Record::StepEnded { step, direction, outcome: Outcome::Done };
    let stored = journal::encode(&record);
    store::stands(session, rollout, None, &stored.kind, &stored.body).await
}
