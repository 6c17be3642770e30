//! Owns filling a table in place: its leaves and their runs of blocks, dealt out to workers, then
//! sweeps until no row is pending. Must not judge the server's health: the gate says when to go on.

mod filling;
mod limited;
mod partitions;
mod runs;
mod sample;

use super::check;
use super::gate::Pass;
use super::{Halt, Work, class};
use crate::compile::program::BackfillSpec;
use crate::control::limits::Limits;
use crate::control::pace::Pace;
use crate::control::retry;
use crate::ident::{Ident, QualifiedName};
use crate::pg::Session;
use crate::plan::settings::UserTriggers;
use crate::store::{self, Checkpoint};
use filling::Filling;
pub use partitions::leaves;
pub use runs::SWEEP;
pub(super) use runs::size;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What the workers of one step share: the work, one pace, one account.
pub(super) struct Shared {
    work: Work,
    step: usize,
    spec: BackfillSpec,
    pace: Mutex<Pace>,
    limits: Mutex<Limits>,
    /// The limits' clock.
    begun: Instant,
    /// Workers that have a run in hand, or look for one.
    working: Mutex<usize>,
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
    if let Some((hidden, help)) = check::hidden_rows(&session, &spec.table).await? {
        return Err(Halt::Broken(format!("{hidden}: {help}")));
    }
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
        pace: Mutex::new(Pace::new(work.gate.tuning().slice_time)),
        limits: Mutex::default(),
        begun: Instant::now(),
        working: Mutex::default(),
        aside: Mutex::default(),
        account: Mutex::new(known),
        seen: Mutex::default(),
        at_work: AtomicU32::new(0),
        halted: AtomicBool::new(false),
    });
    // How far it is shows at once, not with the next slice: that may have to wait.
    let known = lock(&shared.account).clone();
    known.into_iter().for_each(|at| runs::note(&shared, at));
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

    /// Has the workers take what is open of these leaves, one run after the other; as many as are to be,
    /// from one moment to the next.
    async fn deal(
        self: &Arc<Shared>,
        leaves: &[&String],
        which: fn(&Checkpoint) -> bool,
    ) -> Result<(), Halt> {
        let open = |at: &&Checkpoint| which(at) && !at.done && leaves.contains(&&at.relation);
        let queue: VecDeque<Checkpoint> = lock(&self.account).iter().filter(open).cloned().collect();
        let queue = Arc::new(Mutex::new(queue));
        let (mut tasks, mut gate) = (JoinSet::new(), self.work.gate.clone());
        let mut ended = Ok(());
        loop {
            let tuning = gate.tuning();
            while !self.halted.load(Ordering::Acquire)
                && let Some(first) = self.one_more(&queue, tuning.workers)
            {
                let (shared, queue) = (self.clone(), queue.clone());
                tasks.spawn(async move {
                    let ended = shared.work_off(first, &queue).await;
                    if ended.is_err() {
                        shared.halted.store(true, Ordering::Release);
                    }
                    ended
                });
            }
            tokio::select! {
                task = tasks.join_next() => {
                    let Some(task) = task else { return ended };
                    let one = task.expect("a worker is never aborted, and a panic in it is a bug");
                    // Who stopped because another failed has nothing to say.
                    if matches!(ended, Ok(()) | Err(Halt::Stopped)) && one.is_err() {
                        ended = one;
                    }
                }
                () = gate.retuned(&tuning) => {}
            }
        }
    }

    /// A run for one more worker, which is counted in with it: if there is one, and there may be so many.
    fn one_more(&self, queue: &Mutex<VecDeque<Checkpoint>>, most: u32) -> Option<Checkpoint> {
        let mut working = lock(&self.working);
        if *working >= most as usize {
            return None;
        }
        let first = lock(queue).pop_front()?;
        *working += 1;
        Some(first)
    }

    /// One worker: its first run and then those of the queue, until there is none or it is one too many. A session that is
    /// lost is not the step's end: its run goes back, for whoever is free first, and the worker takes another session.
    async fn work_off(&self, first: Checkpoint, queue: &Mutex<VecDeque<Checkpoint>>) -> Result<(), Halt> {
        let (mut next, mut losses) = (Some(first), 0);
        loop {
            let Err(halt) = self.in_one_session(&mut next, queue, &mut losses).await else { return Ok(()) };
            if let Some(at) = next.take() {
                lock(queue).push_front(at);
            }
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

    /// `next`: the run in hand, which stays there where it fails. `losses` begins anew with each piece of work that was done.
    async fn in_one_session(
        &self,
        next: &mut Option<Checkpoint>,
        queue: &Mutex<VecDeque<Checkpoint>>,
        losses: &mut u32,
    ) -> Result<(), Halt> {
        let mut session = self.work.session().await?;
        prepare(&self.work, &session).await?;
        if self.spec.copy.is_some() {
            look_each_up(&session).await?;
        }
        let _at_work = AtWork::of(&self.at_work);
        loop {
            if next.is_none() {
                *next = lock(queue).pop_front();
            }
            let Some(at) = next.clone() else {
                *lock(&self.working) -= 1;
                return Ok(());
            };
            let ended = self.take(&mut session, &at).await;
            if !lock(&self.account).contains(&at) {
                *losses = 0;
            }
            let rest = ended?;
            *next = None;
            if let Some(rest) = rest {
                lock(queue).push_front(rest);
                return Ok(());
            }
        }
    }

    /// One run, or what is left of it. `Some`: there is one worker too many, and this is where another is to go on.
    async fn take(&self, session: &mut Session, at: &Checkpoint) -> Result<Option<Checkpoint>, Halt> {
        // Whoever had it before may never have heard what became of the last slice.
        let of = (at.step, at.relation.as_str(), at.run);
        let Some(stored) = store::checkpoint(session, self.work.fence.rollout, of).await? else {
            return Ok(None);
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

pub(super) async fn prepare(work: &Work, session: &Session) -> Result<(), Halt> {
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

/// Of what is being copied the server has no statistics: it must not read the whole copy for each slice.
async fn look_each_up(session: &Session) -> Result<(), Halt> {
    let sql = "SET enable_hashjoin = off; SET enable_mergejoin = off";
    Ok(session.batch("setting up the copy's session", sql).await?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The table's bare name for people, from its quoted and qualified form.
pub fn bare_name(leaf: &str) -> String {
    unquoted(split(leaf).1)
}

/// Its name as a value.
pub fn qualified(leaf: &str) -> QualifiedName {
    let (schema, name) = split(leaf);
    QualifiedName::new(&Ident::new(unquoted(schema)), &Ident::new(unquoted(name)))
}

/// At the dot: a quoted name may hold dots itself, and quotes, which come in pairs.
fn split(leaf: &str) -> (&str, &str) {
    let mut quoted = false;
    let dot = leaf.find(|c| {
        quoted ^= c == '"';
        c == '.' && !quoted
    });
    dot.map_or(("", leaf), |dot| (&leaf[..dot], &leaf[dot + 1..]))
}

fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_and_quotes_are_read_back() {
        for (schema, name) in [("public", "users"), ("a.b", "t"), ("s", "x.y"), ("q\"u", "d\".\"o")] {
            let leaf = QualifiedName::new(&schema.into(), &name.into());
            assert_eq!(qualified(&leaf.to_string()), leaf);
            assert_eq!(bare_name(&leaf.to_string()), name);
        }
        assert_eq!(bare_name("\"my.schema\".users"), "users");
        assert_eq!(bare_name("public.users"), "users");
    }
}
