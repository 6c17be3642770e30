//! Owns `segue status`: what is stored, folded, with what the live supervisor said last. Must not
//! write anything.

use super::context::{Connected, Context};
use super::fail::Fail;
use crate::control::growth::Measure;
use crate::control::progress::TableProgress;
use crate::control::signal::{Freshness, Reading};
use crate::control::state::RolloutState;
use crate::control::status::{Facts, Status, Supervisor};
use crate::control::thresholds;
use crate::control::tuning::{Change, Tuning};
use crate::execute::{backfill::bare_name, board};
use crate::monitor::{self, Watch};
use crate::store::{self, LeaseSeen, Rollout};
use crate::supervise::keeper;
use crate::ui;
use std::collections::BTreeMap;
use std::time::Duration;

const WATCH_EVERY: Duration = Duration::from_secs(1);
/// What a supervisor said longer ago than this is stale.
const FRESH_FOR: Duration = Duration::from_secs(3);
/// How long one look of our own may take.
const OWN_LOOK: Duration = Duration::from_secs(2);

pub async fn run(context: &Context, watch: bool) -> Result<(), Fail> {
    loop {
        let status = read(context).await?;
        let over = status.rollout.as_ref().is_none_or(|r| r.ended_at.is_some());
        let read_by_somebody = if context.global.json {
            super::print_json(&serde_json::to_value(&status).expect("a status is plain data"))
        } else {
            super::print(&ui::status::render(&status, crate::clock::now(), super::color(context)))
        };
        if !watch || over || !read_by_somebody {
            return Ok(());
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

async fn read(context: &Context) -> Result<Status, Fail> {
    let Some(connected) = context.look().await? else { return Ok(Status::none(Vec::new())) };
    let Some(rollout) = store::current_rollout(&connected.session, &context.schema).await? else {
        return Ok(Status::none(Vec::new()));
    };
    let contents = store::contents(&connected.session, rollout.id).await?;
    let state = fold(&connected, &rollout, &contents).await?;
    let lease = store::look(&connected.session, &context.schema).await?.filter(|l| l.term == rollout.term);
    let live = lease.as_ref().filter(|l| l.alive && l.connected);
    let signals = match live.and_then(said_signals) {
        Some(signals) => signals,
        None if state.state.is_over() => Vec::new(),
        None => {
            let mut signals = look_once(context, &connected, &contents).await?;
            state.baselines.beside(&mut signals);
            signals
        }
    };
    let backfill = backfill(&connected, &rollout, &contents, &state, live).await?;
    let supervisor = lease.as_ref().map(|lease| Supervisor {
        holder: lease.holder.clone(),
        term: lease.term,
        alive: lease.alive && lease.connected,
        expires: lease.expires,
    });
    let facts = Facts {
        id: rollout.id,
        started_at: rollout.started_at,
        ended_at: rollout.ended_at,
        limits: Tuning::of(&contents.policy, &Change::default()),
    };
    let mut status = Status::of(facts, &contents.program, &state, supervisor, backfill, signals);
    let now = crate::clock::now();
    status.guards = thresholds::in_force(&contents.policy, &state.thresholds, &state.exceptions, now).guards;
    if let (Some(shown), Some(live)) = (status.rollout.as_mut(), live) {
        shown.blockers = said(live, "blockers");
        shown.limits.binding = said(live, "limited");
        shown.vacuum = said(live, "vacuum");
    }
    // Readings of now, where the one that holds has said them.
    if let (Some(shown), Some(holds)) = (status.rollout.as_mut(), live.and_then(|l| said(l, "holds"))) {
        for hold in &mut shown.holds {
            let known: &Vec<crate::control::hold::Hold> = &holds;
            if let Some(now) =
                known.iter().find(|h| h.kind == hold.kind && h.by == hold.by && h.subject == hold.subject)
            {
                hold.reading = now.reading;
                hold.threshold = now.threshold;
                hold.culprit.clone_from(&now.culprit);
                // Why a signal cannot be read may be another thing by now.
                hold.reason.clone_from(&now.reason);
            }
        }
    }
    Ok(status)
}

/// The rollout as its journal has it.
pub(super) async fn fold(
    connected: &Connected,
    rollout: &Rollout,
    contents: &store::Contents,
) -> Result<RolloutState, Fail> {
    let mut state = RolloutState::new(&contents.program, rollout.goal);
    keeper::journal(&connected.session, rollout.id, |record| state.fold(&record)).await?;
    Ok(state)
}

/// One part of what the supervisor said of itself when it renewed its lease.
fn said<T: serde::de::DeserializeOwned>(lease: &LeaseSeen, part: &str) -> Option<T> {
    serde_json::from_value(lease.info.as_ref()?.get(part)?.clone()).ok()
}

fn said_signals(lease: &LeaseSeen) -> Option<Vec<Reading>> {
    let mut signals: Vec<Reading> = said(lease, "signals")?;
    let now = crate::clock::now();
    for reading in &mut signals {
        let age = now.as_millisecond().saturating_sub(reading.at.as_millisecond());
        if reading.state == Freshness::Fresh && age > FRESH_FOR.as_millis() as i64 {
            reading.state = Freshness::Stale;
        }
    }
    Some(signals)
}

/// With no supervisor to ask: one look of our own.
async fn look_once(
    context: &Context,
    connected: &Connected,
    contents: &store::Contents,
) -> Result<Vec<Reading>, Fail> {
    let standbys =
        context.standbys()?.into_iter().map(|one| (one.name.clone(), one.config().clone())).collect();
    let watch = Watch {
        guards: contents.policy.guards.clone(),
        delayed_standbys: contents.policy.delayed_standbys.clone(),
        tables: contents.program.tables(),
        standbys,
        ..Watch::new(contents.program.schema.clone())
    };
    let Ok(monitor) = monitor::start(&connected.config, watch) else { return Ok(Vec::new()) };
    let mut states = monitor.subscribe();
    let deadline = tokio::time::Instant::now() + OWN_LOOK;
    let unread =
        |readings: &[Reading]| readings.iter().any(|r| r.detail.as_deref() == Some(monitor::NOT_READ_YET));
    while states.borrow_and_update().at.is_none() || unread(&monitor.snapshot().readings) {
        if !matches!(tokio::time::timeout_at(deadline, states.changed()).await, Ok(Ok(()))) {
            break;
        }
    }
    Ok(monitor.snapshot().readings)
}

/// A look of our own at what is filled. A table locked away is not worth a failure.
async fn measures(connected: &Connected, contents: &store::Contents) -> BTreeMap<String, Measure> {
    let filled: Vec<String> = contents.program.filled().iter().map(ToString::to_string).collect();
    monitor::measure(&connected.session, &filled).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "the tables were not measured");
        BTreeMap::new()
    })
}

/// Progress: the live supervisor's, which knows slices, or the checkpoints, which know ranges.
async fn backfill(
    connected: &Connected,
    rollout: &Rollout,
    contents: &store::Contents,
    state: &RolloutState,
    live: Option<&LeaseSeen>,
) -> Result<Vec<TableProgress>, Fail> {
    let said: Vec<TableProgress> = live.and_then(|lease| said(lease, "backfill")).unwrap_or_default();
    let checkpoints = store::checkpoints(&connected.session, rollout.id).await?;
    let mut leaves: Vec<(i32, String)> =
        checkpoints.iter().map(|(at, _)| (at.step, at.relation.clone())).collect();
    leaves.dedup();
    let looked = if state.state.is_over() { Default::default() } else { measures(connected, contents).await };
    let mut tables: Vec<TableProgress> = leaves
        .iter()
        .map(|(step, leaf)| {
            let of_leaf = checkpoints.iter().map(|(at, _)| at);
            let counts = board::sum(of_leaf.filter(|at| at.step == *step && at.relation == *leaf));
            let growth = state.measures.growth(*step as usize, leaf, counts.finished, looked.get(leaf));
            TableProgress::of(bare_name(leaf), &counts, None).grown(&growth)
        })
        .collect();
    for newer in said {
        match tables.iter_mut().find(|t| t.table == newer.table) {
            Some(known) if known.rows_done <= newer.rows_done => *known = newer,
            Some(_) => {}
            None => tables.push(newer),
        }
    }
    Ok(tables)
}
