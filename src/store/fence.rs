//! Owns the fencing number: how a transaction makes sure that its supervisor is still the one, and how a new
//! supervisor makes sure that the old one's transactions are over. Must not know what the work is.

use super::error::Error;
use super::lease::{self, Lease};
use crate::clock::Deadline;
use crate::pg::{Limits, Session, Tx, sqlstate};
use std::time::Duration;

/// In whose name a supervisor writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    pub rollout: i64,
    pub term: i64,
}

/// The common table expression `fence`: one row where rollout `$1` is still of term `$2`, none where not.
///
/// FOR SHARE makes a take-over wait for the transaction, and lets several workers of one supervisor work at
/// once. Sharers could keep a take-over waiting for ever, each joining before the last has left; so a lease
/// of a higher term, which is written before the take-over begins to wait, ends the joining.
macro_rules! fenced {
    ($rest:literal) => {
        concat!(
            "WITH fence AS MATERIALIZED (SELECT r.id FROM segue.rollouts r WHERE r.id = $1 AND r.term = $2 ",
            "AND NOT EXISTS (SELECT FROM segue.lease l WHERE l.schema = r.schema AND l.term > $2) ",
            "FOR SHARE OF r) ",
            $rest
        )
    };
}
pub(super) use fenced;

impl Fence {
    pub(super) fn superseded(self) -> Error {
        Error::Superseded { rollout: self.rollout, term: self.term }
    }

    /// For a fenced statement that touches `expected` rows where the fence holds.
    pub(super) fn check(self, touched: u64) -> Result<(), Error> {
        if touched == 0 { Err(self.superseded()) } else { Ok(()) }
    }
}

/// The first statement of every transaction of a supervisor: from here to its end nobody takes over.
pub async fn fence_in_tx(tx: &Tx<'_>, fence: Fence) -> Result<(), Error> {
    let sql = fenced!("SELECT id FROM fence");
    let doing = "checking that this supervisor is still the one";
    let row = tx.query_opt(doing, sql, &[&fence.rollout, &fence.term]).await?;
    row.map(|_| ()).ok_or_else(|| fence.superseded())
}

/// How an attempt to take over ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeOver {
    Done,
    /// A transaction of the former supervisor is still open. Its end is near: it fenced itself in, and the
    /// server ends it when it idles.
    Busy,
}

/// Puts the lease's term on a rollout, once: waits at most 200 ms for transactions of the former supervisor.
/// Never waits long, because a waiting transaction's snapshot could be what a concurrent index build waits for.
pub async fn try_take_over(session: &mut Session, lease: &Lease, rollout: i64) -> Result<TakeOver, Error> {
    let doing = "taking over the rollout";
    let limits = Limits {
        lock: Some(Duration::from_millis(200)),
        statement: Some(Duration::from_secs(5)),
        client: Duration::from_secs(8),
    };
    let tx = session.transaction(doing, &limits).await?;
    let sql = "UPDATE segue.rollouts SET term = $2 WHERE id = $1 AND schema = $3 AND term < $2";
    match tx.change(doing, sql, &[&rollout, &lease.term, &lease.schema]).await {
        Ok(1) => {
            crate::failpoint::pass("takeover_before_commit").await?;
            tx.commit(doing).await?;
            crate::failpoint::pass("taken_over").await?;
            return Ok(TakeOver::Done);
        }
        Ok(_) => tx.rollback(doing).await?,
        Err(error) if error.sqlstate() == Some(sqlstate::LOCK_NOT_AVAILABLE) => {
            tx.rollback(doing).await?;
            return Ok(TakeOver::Busy);
        }
        Err(error) => return Err(error.into()),
    }
    match super::rollout(session, rollout).await? {
        Some(there) if there.term == lease.term => Ok(TakeOver::Done),
        Some(_) => Err(Error::Superseded { rollout, term: lease.term }),
        None => Err(Error::NoRollout(rollout)),
    }
}

/// Takes over, renewing the lease meanwhile, until done or the deadline.
pub async fn take_over(
    session: &mut Session,
    lease: &mut Lease,
    rollout: i64,
    deadline: Deadline,
) -> Result<TakeOver, Error> {
    loop {
        match try_take_over(session, lease, rollout).await? {
            TakeOver::Busy if !deadline.passed() => lease::renew(session, lease, None).await?,
            end => return Ok(end),
        }
        tokio::time::sleep(Duration::from_millis(100).min(deadline.left())).await;
    }
}
