//! Owns carrying out a transactional step: look first, small lock timeouts, long rests, all locks
//! before anything else, the outcome journalled in the same transaction. Must not decide what a
//! failure leads to.

use super::blockers::{self, Autovacuum, Blocker};
use super::contents::Contents;
use super::gate::Pass;
use super::{Halt, Work, standbys};
use crate::compile::lock_order;
use crate::compile::program::{Lock, LockMode};
use crate::control::policy::LockPolicy;
use crate::control::record::{Direction, Outcome, Record};
use crate::control::replay;
use crate::control::retry::{LockAttempts, LockNext};
use crate::ident::Ident;
use crate::journal;
use crate::pg::{self, Class, Limits, Session};
use crate::store;
use std::time::Duration;
use tokio::time::Instant;

/// What is left of an attempt's time when the last lock is asked for is never nothing.
const LEAST_WAIT: Duration = Duration::from_millis(10);
/// Over `deadlock_timeout`, after which autovacuum yields to who waits for it.
const AUTOVACUUM_MARGIN: Duration = Duration::from_millis(200);
/// Who is in the way when nobody is found there.
const NOBODY: &str = "short transactions: each was over before it could be named";
const AUTOVACUUM_EVERY: Duration = Duration::from_secs(60);

/// Carries it out. `Ok(true)`: done, and journalled in its own transaction.
pub async fn run(
    work: &Work,
    at: (usize, Direction),
    contents: &Contents<'_>,
    locks: &[Lock],
) -> Result<bool, Halt> {
    let mut gate = work.gate.clone();
    let (mut attempts, mut next) = begin(work).await?;
    let mut last_seen = NOBODY.to_owned();
    let mut long_try: Option<Instant> = None;
    let mut tries = 0;
    loop {
        let LockNext::Next { lock_timeout, rest } = next else {
            return Err(Halt::Postponed { blockers: last_seen });
        };
        if gate.rest(rest).await == Pass::Stop {
            return Err(Halt::Stopped);
        }
        let mut session = work.session().await?;
        let patience = work.policy.locks.patience;
        let wanted = contents.locks(&session, &work.program, locks).await?;
        let strong = strong(&wanted);
        // Standbys first: what is found on the primary is to be as new as can be.
        let budget = replay::budget(&work.policy);
        if let Some(readers) = work.standbys.in_the_way(&strong, patience, budget).await {
            work.tell_blocked(&readers);
            last_seen = readers;
            next = attempts.blocked(fastrand::f64());
            continue;
        }
        let found = blockers::look(&session, &wanted, patience).await?;
        let mut wait = lock_timeout;
        if !found.is_empty() {
            last_seen = blockers::tell(&found);
            work.tell_blocked(&last_seen);
            match around(work, &session, &found, &mut long_try).await? {
                Around::Now => {}
                Around::Longer(longer) => wait = longer,
                Around::Later => {
                    next = attempts.blocked(fastrand::f64());
                    continue;
                }
            }
        }
        let begun = Instant::now();
        let versions: Vec<&Ident> =
            [&work.program.version_schema].into_iter().chain(&work.program.previous_version_schema).collect();
        let in_turn = lock_order::of_try(locks, tries, &versions);
        tries += 1;
        match attempt(work, &mut session, at, contents, &in_turn, wait).await {
            Ok(()) => {
                if !strong.is_empty() {
                    replayed(work, &mut session).await;
                }
                return Ok(true);
            }
            Err(Halt::Failed(error)) if is_about_locks(&error, &work.gate) => {
                let found = blockers::look(&session, &wanted, Duration::ZERO).await.unwrap_or_default();
                last_seen = match found.is_empty() {
                    true => NOBODY.to_owned(),
                    false => blockers::tell(&found),
                };
                work.tell_blocked(&last_seen);
                // The whole attempt: while it waited for one lock, others waited for those it had.
                next = attempts.failed(begun.elapsed(), fastrand::f64());
            }
            Err(Halt::Failed(error)) if pg::class(&error) == Class::UnknownOutcome => {
                return look_after(work, at, session.backend_pid(), error).await;
            }
            Err(halt) => return Err(halt),
        }
    }
}

/// The rhythm of the attempts. Their waits stay under `deadlock_timeout`: a deadlock between us and an application
/// is to be ended by our timeout, never by its.
async fn begin(work: &Work) -> Result<(LockAttempts, LockNext), Halt> {
    let session = work.session().await?;
    let longest = work.longest_wait(&session).await?;
    let policy = &work.policy.locks;
    let (first_wait, last_wait) = (policy.first_wait.min(longest), policy.last_wait.min(longest));
    let attempts = LockAttempts::new(&LockPolicy { first_wait, last_wait, ..policy.clone() });
    let first = attempts.first();
    Ok((attempts, first))
}

/// What readers on standbys would hold up.
fn strong(locks: &[Lock]) -> Vec<String> {
    let strong = locks.iter().filter(|lock| lock.mode == LockMode::AccessExclusive);
    strong.map(|lock| lock.relation.to_string()).collect()
}

/// The step is done and journalled, whatever comes of this.
async fn replayed(work: &Work, session: &mut Session) {
    if let Err(error) = standbys::wait_replayed(work, session).await {
        tracing::warn!(%error, "whether standbys have replayed the lock is not known; their lag is watched all the same");
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
    work: &Work,
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
            return Ok(Around::Longer(work.deadlock_timeout(session).await? + AUTOVACUUM_MARGIN));
        }
    }
    Ok(Around::Now)
}

async fn attempt(
    work: &Work,
    session: &mut Session,
    (step, direction): (usize, Direction),
    contents: &Contents<'_>,
    locks: &[&Lock],
    lock_timeout: Duration,
) -> Result<(), Halt> {
    let doing = format!("carrying out \"{}\"", work.title(step, direction));
    let limits = match contents.statement_limit() {
        Some(statement) => Limits::new(lock_timeout, statement),
        None => Limits { lock: Some(lock_timeout), ..Limits::unlimited(Duration::from_secs(7 * 86_400)) },
    };
    let tx = session.transaction(&doing, &limits).await?;
    // What applications will rely on is committed as the server is told to commit; the other work is not.
    tx.batch(&doing, "SET LOCAL synchronous_commit TO DEFAULT").await?;
    store::fence_in_tx(&tx, work.fence).await?;
    crate::failpoint::pass_at("ddl_begun", &doing).await?;
    let ready = contents.prepare(&tx, &work.program).await?;
    let begun = Instant::now();
    let explicit = if contents.locks_itself() { &[] } else { locks };
    for lock in explicit.iter().filter(|lock| lock.mode >= LockMode::ShareUpdateExclusive) {
        // What changes a table changes its partitions, and would lock them later. What reads one does not.
        let only = if lock.mode >= LockMode::Share { "" } else { "ONLY " };
        let sql = format!("LOCK TABLE {only}{} IN {} MODE", lock.relation, lock.mode.sql());
        // One time for all of them: who waits behind the first waits for the last as well.
        let left = lock_timeout.saturating_sub(begun.elapsed()).max(LEAST_WAIT);
        let limits = Limits { lock: Some(left), ..limits };
        tx.execute(&format!("locking {}", lock.relation), &sql, &limits).await?;
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
        work.board.unreplicated(doing.clone());
    }
    crate::failpoint::pass_at("ddl_after_commit", &doing).await?;
    Ok(())
}

/// How long the server may be away, or the commit wait for its standby, before the outcome counts as unknown.
const LOOK_FOR: Duration = Duration::from_secs(60);
const WAIT_FOR_STANDBY: Duration = Duration::from_secs(600);

/// The answer to COMMIT never came. The outcome was to be journalled in that transaction: so look, once it
/// has ended on the server.
async fn look_after(
    work: &Work,
    (step, direction): (usize, Direction),
    pid: i32,
    error: pg::Error,
) -> Result<bool, Halt> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        let looked = match work.session().await {
            Ok(session) => match is_in_hand(&session, pid).await {
                Ok(false) => is_journalled(&session, work.fence.rollout, step, direction).await.map(Some),
                Ok(true) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        };
        let patience = match looked {
            Ok(Some(true)) => return Ok(true),
            // Whether the one that took its place has it, its journal says.
            Err(store::Error::Pg(error)) if pg::class(&error) == Class::Elsewhere => {
                return Err(Halt::Failed(error));
            }
            // It was rolled back: as good as a connection lost before it began.
            Ok(Some(false)) => return Err(Halt::NotDone(error)),
            Ok(None) => WAIT_FOR_STANDBY,
            Err(_) => LOOK_FOR,
        };
        if begun.elapsed() > patience {
            return Err(Halt::Failed(error));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// Whether a session of ours still has something under way: a commit that waits for its standby, for one. Until it
/// has ended, its records are seen by nobody.
async fn is_in_hand(session: &Session, pid: i32) -> Result<bool, pg::Error> {
    let sql = "SELECT to_jsonb(EXISTS (SELECT FROM pg_catalog.pg_stat_activity
                WHERE pid = $1 AND pid <> pg_catalog.pg_backend_pid()
                  AND application_name LIKE 'segue/%' AND state <> 'idle'))";
    session.json("looking whether the commit has ended", sql, &[&pid]).await
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
