//! Owns filling a table in place: its leaves and their runs of blocks, dealt out to workers, then
//! sweeps until no row is pending. Must not judge the server's health: the gate says when to go on.

mod filling;
mod partitions;
mod runs;

use super::gate::Pass;
use super::{Halt, Work, class};
use crate::compile::program::BackfillSpec;
use crate::control::pace::Pace;
use crate::control::retry;
use crate::pg::Session;
use crate::plan::settings::UserTriggers;
use crate::store::{self, Checkpoint};
use filling::Filling;
pub use runs::SWEEP;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// The first range is short: what a slice of this table costs shows with it.
const FIRST_SLICES: u32 = 4;

/// What the workers of one step share: the work, one pace, one account.
pub(super) struct Shared {
    work: Work,
    step: usize,
    spec: BackfillSpec,
    pace: Mutex<Pace>,
    aside: Mutex<BTreeSet<String>>,
    /// Every run and sweep there is, as last written; the progress that is shown is its sum.
    account: Mutex<Vec<Checkpoint>>,
    /// The leaves of a partitioned table that were seen, and as what.
    seen: Mutex<BTreeMap<String, Option<partitions::Identity>>>,
    /// Workers that have a session.
    at_work: AtomicU32,
    /// One worker could not go on: the others end at their next safe point.
    halted: AtomicBool,
}

/// Fills every row of the table, and of its partitions, those attached meanwhile included.
pub async fn run(work: &Work, step: usize, spec: &BackfillSpec) -> Result<(), Halt> {
    let mut session = work.session().await?;
    let known = store::checkpoints(&session, work.fence.rollout)
        .await?
        .into_iter()
        .map(|(checkpoint, _)| checkpoint)
        .filter(|at| at.step as usize == step)
        .collect();
    let shared = Arc::new(Shared {
        work: work.clone(),
        step,
        spec: spec.clone(),
        pace: Mutex::new(Pace::starting(work.policy.slice_time, FIRST_SLICES)),
        aside: Mutex::default(),
        account: Mutex::new(known),
        seen: Mutex::default(),
        at_work: AtomicU32::new(0),
        halted: AtomicBool::new(false),
    });
    loop {
        let leaves = partitions::take_stock(&shared, &mut session).await?;
        let open: Vec<&String> = leaves.iter().filter(|leaf| !shared.is_done(leaf)).collect();
        if open.is_empty() {
            break;
        }
        for leaf in &open {
            let planned = runs::plan(&shared, &mut session, leaf).await;
            partitions::unless_left(&shared, &mut session, leaf, planned).await?;
        }
        shared.deal(&open, |at| at.run != runs::SWEEP).await?;
        for leaf in open.iter().filter(|leaf| shared.is_known(leaf)) {
            let planned = runs::plan_sweep(&shared, &mut session, leaf).await;
            partitions::unless_left(&shared, &mut session, leaf, planned).await?;
        }
        shared.deal(&open, |at| at.run == runs::SWEEP).await?;
        if !lock(&shared.aside).is_empty() {
            break;
        }
    }
    let aside = lock(&shared.aside).len();
    if aside > 0 {
        return Err(Halt::Broken(format!(
            "{aside} rows of {} could not be filled and are set aside in segue.rows_set_aside; \
             mend them, then `segue resume`",
            spec.table
        )));
    }
    Ok(())
}

impl Shared {
    fn is_known(&self, leaf: &str) -> bool {
        lock(&self.account).iter().any(|at| at.relation == leaf)
    }

    fn is_done(&self, leaf: &str) -> bool {
        lock(&self.account).iter().any(|at| at.relation == leaf && at.run == runs::SWEEP && at.done)
    }

    /// Has the workers take what is open of these leaves, one run after the other.
    async fn deal(
        self: &Arc<Shared>,
        leaves: &[&String],
        which: fn(&Checkpoint) -> bool,
    ) -> Result<(), Halt> {
        let open = |at: &&Checkpoint| which(at) && !at.done && leaves.contains(&&at.relation);
        let queue: VecDeque<Checkpoint> = lock(&self.account).iter().filter(open).cloned().collect();
        let workers = (self.work.policy.workers.max(1) as usize).min(queue.len());
        let queue = Arc::new(Mutex::new(queue));
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let (shared, queue) = (self.clone(), queue.clone());
            tasks.spawn(async move {
                let ended = shared.work_off(&queue).await;
                if ended.is_err() {
                    shared.halted.store(true, Ordering::Release);
                }
                ended
            });
        }
        let mut ended = Ok(());
        while let Some(task) = tasks.join_next().await {
            let one = task.expect("a worker is never aborted, and a panic in it is a bug");
            // Who stopped because another failed has nothing to say.
            if matches!(ended, Ok(()) | Err(Halt::Stopped)) && one.is_err() {
                ended = one;
            }
        }
        ended
    }

    /// Takes runs until there are none. A session that is lost is not the step's end: its run goes
    /// back, for whoever is free first, and the worker takes another session.
    async fn work_off(&self, queue: &Mutex<VecDeque<Checkpoint>>) -> Result<(), Halt> {
        let mut losses = 0;
        loop {
            let Err(halt) = self.in_one_session(queue, &mut losses).await else { return Ok(()) };
            let (Halt::Failed(error) | Halt::NotDone(error)) = &halt else { return Err(halt) };
            losses += 1;
            let others = self.at_work.load(Ordering::Acquire) > 0;
            let rest = retry::new_session(class(error), losses, others, fastrand::f64());
            let Some(rest) = rest else { return Err(halt) };
            tracing::warn!(%error, "a worker of the backfill takes a new session");
            if self.work.gate.clone().rest(rest).await == Pass::Stop || self.halted.load(Ordering::Acquire) {
                return Err(Halt::Stopped);
            }
        }
    }

    /// `losses` begins anew with each piece of work that was done.
    async fn in_one_session(
        &self,
        queue: &Mutex<VecDeque<Checkpoint>>,
        losses: &mut u32,
    ) -> Result<(), Halt> {
        let mut session = self.work.session().await?;
        prepare(&self.work, &session).await?;
        let _at_work = AtWork::of(&self.at_work);
        loop {
            let next = lock(queue).pop_front();
            let Some(at) = next else { return Ok(()) };
            let ended = self.take(&mut session, &at).await;
            if !lock(&self.account).contains(&at) {
                *losses = 0;
            }
            if ended.is_err() {
                lock(queue).push_front(at);
                return ended;
            }
        }
    }

    /// One run, or what is left of it.
    async fn take(&self, session: &mut Session, at: &Checkpoint) -> Result<(), Halt> {
        // Whoever had it before may never have heard what became of the last slice.
        let of = (at.step, at.relation.as_str(), at.run);
        let Some(stored) = store::checkpoint(session, self.work.fence.rollout, of).await? else {
            return Ok(());
        };
        runs::note(self, stored.clone());
        let filled = Filling::of(self, stored).all(session).await;
        partitions::unless_left(self, session, &at.relation, filled).await
    }
}

/// One more worker that has a session, until dropped.
struct AtWork<'s>(&'s AtomicU32);

impl AtWork<'_> {
    fn of(count: &AtomicU32) -> AtWork<'_> {
        count.fetch_add(1, Ordering::AcqRel);
        AtWork(count)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn prepare(work: &Work, session: &Session) -> Result<(), Halt> {
    // Lost slices are simply pending again: the marker is in the same row.
    session.batch("setting up the backfill's session", "SET synchronous_commit = off").await?;
    if work.policy.user_triggers == UserTriggers::Skip {
        session
            .batch(
                "keeping the table's own triggers silent (user_triggers: skip needs a superuser, or from \
                 PostgreSQL 15 GRANT SET ON PARAMETER session_replication_role)",
                "SET session_replication_role = replica",
            )
            .await?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The table's bare name for people, from its quoted and qualified form.
pub fn bare_name(leaf: &str) -> String {
    // A quoted name may hold dots and quotes itself; the separator is `".` or comes before a bare name.
    let name = match leaf.find("\".\"") {
        Some(at) => &leaf[at + 2..],
        None => leaf.split_once('.').map_or(leaf, |(_, name)| name),
    };
    match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}
