//! Owns a transaction's begin and end. A commit whose answer never came is an outcome unknown, and
//! a commit that the server turned into a rollback is an error. Must not retry.

use super::{
    driver::Notice,
    error::{Error, Stake},
    limits::{IDLE_IN_TRANSACTION, Limits, Scope},
    session::Session,
    sqlstate,
};
use std::{
    future::Future,
    ops::Deref,
    pin::pin,
    task::{Context, Waker},
};
use tokio::time::Instant;

/// A transaction: the session's own methods, run inside it. Dropped, it is rolled back.
pub struct Tx<'s> {
    session: &'s mut Session,
    /// The limits in force before, which come back with the end of SET LOCAL.
    before: Limits,
    open: bool,
}

/// What came with a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// What the server said from BEGIN on and nobody took before.
    pub notices: Vec<Notice>,
}

impl Committed {
    /// The commit stopped waiting for its synchronous standbys: done here, perhaps lost in a failover.
    pub fn unreplicated(&self) -> Option<&Notice> {
        self.notices.iter().find(|notice| notice.is_unreplicated_commit())
    }
}

impl<'s> Tx<'s> {
    pub(super) async fn begin(
        session: &'s mut Session,
        doing: &str,
        limits: &Limits,
        mode: &str,
    ) -> Result<Tx<'s>, Error> {
        let mut sql = format!("BEGIN ISOLATION LEVEL {mode};");
        if session.is_pooled() {
            sql.push_str(&session.setup().sql(Scope::Transaction));
        }
        sql.push_str(&limits.sql(Scope::Transaction));
        // Again although the session has it: a setting of the role's or the pool's user may have changed it since.
        let idle = IDLE_IN_TRANSACTION.as_millis();
        sql.push_str(&format!(" SET LOCAL idle_in_transaction_session_timeout = {idle}"));
        session.take_notices();
        let begun = Instant::now();
        drop(session.turn(doing, Some(limits)).await?);
        // From here on a ROLLBACK is owed, also when this future is dropped midway.
        let before = session.state_mut().limits;
        let state = session.state_mut();
        (state.limits, state.in_transaction, state.reads) = (*limits, true, mode.ends_with("READ ONLY"));
        let tx = Tx { session, before, open: true };
        let begin = tx.session.client().batch_execute(&sql);
        tx.session.finish(doing, begun, limits, Stake::Nothing, begin).await?;
        Ok(tx)
    }

    /// Commits. An error with `outcome_unknown()` may be a commit that was done; any other is a rollback.
    pub async fn commit(mut self, doing: &str) -> Result<Committed, Error> {
        let limits = self.session.state_mut().limits;
        let begun = Instant::now();
        drop(self.session.turn(doing, Some(&limits)).await?);
        let side = self.session.side().clone();
        let _not_cancelled = side.committing.lock().await;
        // COMMIT of a failed transaction "succeeds" as a ROLLBACK. The SELECT before it fails there (25P02) and so tells.
        let commit = self.session.client().batch_execute("SELECT 1; COMMIT");
        let result = self.session.finish(doing, begun, &limits, Stake::Effect, commit).await;
        if result.is_ok() {
            self.over();
        }
        let mut notices = self.session.take_notices();
        notices.retain(|notice| notice.code != sqlstate::NO_ACTIVE_TRANSACTION);
        result.map(|()| Committed { notices })
    }

    /// Rolls back and waits for it, so that the locks are gone.
    pub async fn rollback(mut self, doing: &str) -> Result<(), Error> {
        let limits = self.session.state_mut().limits;
        let begun = Instant::now();
        drop(self.session.turn(doing, Some(&limits)).await?);
        let rollback = self.session.client().batch_execute("ROLLBACK");
        self.session.finish(doing, begun, &limits, Stake::Nothing, rollback).await?;
        self.over();
        Ok(())
    }

    fn over(&mut self) {
        self.open = false;
        let before = self.before;
        let state = self.session.state_mut();
        (state.limits, state.in_transaction, state.reads) = (before, false, false);
    }
}

impl Deref for Tx<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        self.over();
        // Polled once it is in the connection's queue; its answer is nobody's, and the next statement waits behind it.
        let rollback = pin!(self.session.client().batch_execute("ROLLBACK"));
        let _ = rollback.poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("session", &self.session).field("open", &self.open).finish()
    }
}
