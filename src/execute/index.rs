//! Owns indexes built and dropped CONCURRENTLY. They cannot be in a transaction, so each begins
//! with its probe: is it done, half done or not begun? Must not journal.

use super::gate::Pass;
use super::{Halt, Work, blockers};
use crate::control::replay;
use crate::control::retry::{LockAttempts, LockNext};
use crate::ident::{Ident, QualifiedName};
use crate::pg::{self, Limits, RowExt, Session};
use crate::store;
use std::time::Duration;

/// No `lock_timeout` and no `statement_timeout`: CONCURRENTLY waits for others by design, holding
/// nothing that they need. Our own patience is a week.
fn unlimited() -> Limits {
    Limits::unlimited(Duration::from_secs(7 * 86_400))
}

enum Found {
    Missing,
    Valid,
    /// Left over by a build that was cut off, or being built this moment.
    Invalid,
    /// The name belongs to something else.
    Foreign(String),
}

async fn probe(session: &Session, table: &QualifiedName, index: &Ident) -> Result<Found, Halt> {
    let sql = "SELECT c.relkind::text, i.indrelid = $3::text::regclass, i.indisvalid AND i.indisready
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
                WHERE n.nspname = $1 AND c.relname = $2";
    let row =
        session.query_opt("looking for an index", sql, &[&table.schema, index, &table.to_string()]).await?;
    let Some(row) = row else { return Ok(Found::Missing) };
    let kind: String = row.cell(0)?;
    let ours: Option<bool> = row.cell(1)?;
    let valid: Option<bool> = row.cell(2)?;
    Ok(match (ours, valid) {
        (Some(true), Some(true)) => Found::Valid,
        (Some(true), _) => Found::Invalid,
        _ => Found::Foreign(kind),
    })
}

/// What cannot be fenced in its own transaction is fenced right before.
pub(super) async fn still_ours(work: &Work, session: &mut Session) -> Result<(), Halt> {
    let doing = "checking that this supervisor is still the one";
    let tx = session.transaction(doing, &Limits::READ).await?;
    store::fence_in_tx(&tx, work.fence).await?;
    tx.rollback(doing).await?;
    Ok(())
}

/// A build by a supervisor that is gone may still be running on the server: it would finish by
/// itself, and a second one beside it would not.
async fn build_is_running(session: &Session, table: &QualifiedName) -> Result<bool, Halt> {
    let sql = "SELECT 1 FROM pg_catalog.pg_stat_progress_create_index WHERE relid = $1::text::regclass";
    Ok(session.query_opt("looking for a build under way", sql, &[&table.to_string()]).await?.is_some())
}

pub async fn build(work: &Work, table: &QualifiedName, index: &Ident, sql: &str) -> Result<(), Halt> {
    let mut gate = work.gate.clone();
    loop {
        if gate.pass().await == Pass::Stop {
            return Err(Halt::Stopped);
        }
        let mut session = work.session().await?;
        still_ours(work, &mut session).await?;
        match probe(&session, table, index).await? {
            Found::Valid => return Ok(()),
            Found::Foreign(kind) => {
                return Err(Halt::Broken(format!(
                    "cannot build index {index}: the name is taken in schema {} by something else (relkind {kind})",
                    table.schema
                )));
            }
            Found::Invalid if build_is_running(&session, table).await? => {
                std::mem::drop(session);
                if gate.rest(Duration::from_secs(1)).await == Pass::Stop {
                    return Err(Halt::Stopped);
                }
            }
            Found::Invalid => drop_now(&session, &QualifiedName::new(&table.schema, index)).await?,
            Found::Missing => {
                let built = watched(work, &session, index, sql).await;
                crate::failpoint::pass("index_built").await?;
                match built {
                    Ok(_) => continue,
                    Err(error) if !error.session_is_gone() => {
                        // Whatever failed left an invalid index behind, which costs every write.
                        if let Found::Invalid = probe(&session, table, index).await? {
                            let name = QualifiedName::new(&table.schema, index);
                            if gate.stopped() {
                                // Who held up the build would hold up this as well, and somebody waits
                                // for our end: what is left over is found by the next probe.
                                drop_within(&session, &name, &BRIEF).await.ok();
                            } else {
                                drop_now(&session, &name).await?;
                            }
                        }
                        return Err(error.into());
                    }
                    Err(error) => return Err(Halt::NotDone(error)),
                }
            }
        }
    }
}

/// How often to look whom a build waits for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Builds, and says whom it waits for: it waits for every older snapshot in the database, for as long as it takes.
async fn watched(work: &Work, session: &Session, index: &Ident, sql: &str) -> Result<u64, pg::Error> {
    let (doing, limits) = (format!("building index {index}"), unlimited());
    let mut building = std::pin::pin!(session.execute(&doing, sql, &limits));
    let ended = loop {
        tokio::select! {
            ended = &mut building => break ended,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        // A look that fails must not be the build's end.
        let look = async {
            let other = work.pool.session(super::SESSION_DEADLINE).await?;
            blockers::of_build(&other, session.backend_pid()).await
        };
        let found = tokio::select! {
            ended = &mut building => break ended,
            found = look => found,
        };
        match found {
            Ok(Some(found)) => work.tell_blocked(&found),
            Ok(None) => work.board.put_blockers(None),
            Err(error) => tracing::debug!(%error, "whom the build waits for was not seen"),
        }
    };
    work.board.put_blockers(None);
    ended
}

/// For clearing up on the way out.
const BRIEF: Limits = Limits {
    lock: Some(Duration::from_millis(500)),
    statement: Some(Duration::from_secs(2)),
    client: Duration::from_secs(4),
};

async fn drop_now(session: &Session, index: &QualifiedName) -> Result<(), pg::Error> {
    drop_within(session, index, &unlimited()).await
}

async fn drop_within(session: &Session, index: &QualifiedName, limits: &Limits) -> Result<(), pg::Error> {
    let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {index}");
    session.execute(&format!("dropping index {}", index.name), &sql, limits).await.map(|_| ())
}

pub async fn drop(work: &Work, index: &QualifiedName) -> Result<(), Halt> {
    let mut gate = work.gate.clone();
    if gate.pass().await == Pass::Stop {
        return Err(Halt::Stopped);
    }
    // In its end it locks the index as strongly as can be, and so holds up replay behind who reads its table there.
    let strong = [index.to_string()];
    let (patience, budget) = (work.policy.locks.patience, replay::budget(&work.policy));
    let mut looks = LockAttempts::new(&work.policy.locks);
    while let Some(readers) = work.standbys.in_the_way(&strong, patience, budget).await {
        work.tell_blocked(&readers);
        let LockNext::Next { rest, .. } = looks.blocked(fastrand::f64()) else {
            return Err(Halt::Postponed { blockers: readers });
        };
        if gate.rest(rest).await == Pass::Stop {
            return Err(Halt::Stopped);
        }
    }
    let mut session = work.session().await?;
    still_ours(work, &mut session).await?;
    match drop_now(&session, index).await {
        Ok(()) => Ok(()),
        // IF EXISTS makes a second try harmless.
        Err(error) if error.session_is_gone() => Err(Halt::NotDone(error)),
        Err(error) => Err(error.into()),
    }
}
