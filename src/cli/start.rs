//! Owns `segue start`: gates before anything is touched, then the rollout, supervised here.

use super::args::SettingFlags;
use super::baseline;
use super::compiled::{self, Compiled};
use super::context::{Connected, Context};
use super::exit::Exit;
use super::fail::{self, Fail};
use super::role;
use super::watching;
use crate::control::advance::Ending;
use crate::control::guard::{self, GuardState};
use crate::control::policy::Policy;
use crate::control::signal::{Freshness, Reading, Snapshot};
use crate::control::state::Goal;
use crate::monitor::{self, Watch};
use crate::plan::{Settings, Spanned};
use crate::store;
use crate::supervise::begin::{self, New};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long the guards' first look may take before they count as unreadable.
const FIRST_LOOK: Duration = Duration::from_secs(5);

pub async fn run(context: &Context, path: &Path, complete: bool, flags: &SettingFlags) -> Result<(), Fail> {
    // The file's faults are told without a database.
    let (plan, parsed) = context.plan(path)?;
    let mut connected = context.prepare().await?;
    nothing_in_the_way(context, &connected, &plan.name).await?;
    baseline::pgroll_is_taken_over(context, &mut connected).await?;
    let compiled = compiled::compile_parsed(context, &mut connected, plan, parsed).await?;
    let goal = if complete { Goal::Completed } else { Goal::Ready };
    let ending = roll_out(context, connected, compiled, flags, goal).await?;
    match ending {
        Ending::RolledBack { by_guard: None } => {
            Err(Fail::new(Exit::Failed, "rolled back, as an operator asked")
                .help("`segue log` says who and why"))
        }
        ending => fail::of_ending(&ending),
    }
}

/// One rollout a schema at a time, and each plan once.
pub async fn nothing_in_the_way(context: &Context, connected: &Connected, plan: &str) -> Result<(), Fail> {
    if let Some(there) = store::current_rollout(&connected.session, &context.schema).await?
        && !there.is_ended()
    {
        let schema = there.schema.as_str().to_owned();
        return Err(
            store::Error::InTheWay { schema, id: there.id, plan: there.plan, state: there.state }.into()
        );
    }
    if store::applied_plans(&connected.session, &context.schema).await?.iter().any(|done| done == plan) {
        return Err(Fail::new(Exit::Refused, format!("the plan {plan} is completed already"))
            .help("`segue history` lists what was; a plan of another name is another rollout"));
    }
    Ok(())
}

/// Everything after compiling.
pub async fn roll_out(
    context: &Context,
    connected: Connected,
    compiled: Compiled,
    flags: &SettingFlags,
    goal: Goal,
) -> Result<Ending, Fail> {
    let Compiled { plan, program, catalog, remarks } = compiled;
    super::show_diagnostics(context, &remarks);
    let flag_settings = of_flags(flags);
    let mut policy = Policy::resolve(&[context.settings(), &plan.settings, &flag_settings]);
    if let Some(budget) = flags.lock_budget {
        policy.locks.budget = budget;
    }
    let policy = accepting_blind(policy, &flags.accept_blind)?;
    role::may_start(&connected, &program).await?;
    let config = connected.config;
    drop(connected.session);
    guards_can_be_read(context, &config, &policy).await?;
    let shown = Arc::new(program.clone());
    let new = New {
        program: &program,
        plan_text: &plan.source.text,
        policy: &policy,
        catalog_before: &catalog,
        goal,
    };
    watching::run(context, &config, shown, |outside| begin::start(outside, &new)).await
}

fn of_flags(flags: &SettingFlags) -> Settings {
    Settings {
        slice_time: flags.slice_time.map(Spanned::bare),
        quiet_for: flags.quiet_for.map(Spanned::bare),
        ..Settings::default()
    }
}

/// What the operator named is to be a guard's signal: a misspelt one would be found out too late.
pub fn accepting_blind(policy: Policy, signals: &[String]) -> Result<Policy, Fail> {
    policy.accepting_blind(signals).map_err(|why| Fail::new(Exit::Usage, why))
}

/// A guard that cannot be read guards nothing: refuse before anything is touched.
async fn guards_can_be_read(
    context: &Context,
    config: &crate::pg::Config,
    policy: &Policy,
) -> Result<(), Fail> {
    let guards = policy.guards.clone();
    let standbys =
        context.standbys()?.into_iter().map(|one| (one.name.clone(), one.config().clone())).collect();
    let watch = Watch { guards, standbys, self_test: true, ..Watch::new(context.schema.clone()) };
    let monitor = monitor::start(config, watch).map_err(|error| {
        Fail::new(Exit::Failed, format!("the monitor's thread cannot be started: {error}"))
    })?;
    let mut states = monitor.subscribe();
    let deadline = tokio::time::Instant::now() + FIRST_LOOK;
    // A probe of the operator's may answer later than the signals of Segue's own. How busy the server is may stay
    // unknown: that is shown, and holds nothing.
    let is_blind = |r: &Reading| {
        r.state == Freshness::Blind
            && policy.guard(&r.name).is_some_and(|guard| !guard.load)
            && !policy.accepted_blind.contains(&r.name)
    };
    let unread = |snapshot: &Snapshot| snapshot.readings.iter().any(is_blind);
    while states.borrow_and_update().at.is_none() || unread(&monitor.snapshot()) {
        if !matches!(tokio::time::timeout_at(deadline, states.changed()).await, Ok(Ok(()))) {
            break;
        }
    }
    let snapshot = monitor.snapshot();
    let down = monitor.latest().down.clone();
    // Its thread ends by itself; nobody waits for it.
    drop(monitor);
    let verdict = guard::fold(&mut GuardState::new(), &snapshot, policy, crate::clock::now());
    let blind: Vec<String> = snapshot
        .readings
        .iter()
        .filter(|r| is_blind(r))
        .map(|r| {
            let subject = r.subject.as_deref().map(|s| format!(" of {s}")).unwrap_or_default();
            format!("{}{subject}: {}", r.name, r.detail.as_deref().unwrap_or("it cannot be read"))
        })
        .collect();
    if blind.is_empty() && (down.is_none() || !verdict.paused) {
        return Ok(());
    }
    let mut lines = blind;
    lines.extend(down);
    Err(Fail::new(Exit::Refused, format!("a guard cannot be read:\n  {}", lines.join("\n  "))).help(
        "nothing was changed. What the role may not see: GRANT pg_monitor TO it. A standby that is missing: bring it back, \
         or drop its slot. A probe: its query is to return one number. \
         `--accept-blind SIGNAL` goes without the guard while it is blind",
    ))
}
