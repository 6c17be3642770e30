//! Owns `segue migrate`: a folder's plans not yet applied, in order. Must not decide how one is run.

use super::args::SettingFlags;
use super::baseline;
use super::compiled::{self, Past};
use super::context::Context;
use super::exit::Exit;
use super::fail::{self, Fail};
use super::{start, steer};
use crate::control::advance::Ending;
use crate::control::state::Goal;
use crate::diagnostic::Diagnostics;
use crate::plan::{self, Plan};
use crate::store;
use std::path::Path;

pub async fn run(
    context: &Context,
    dir: Option<&Path>,
    complete: bool,
    flags: &SettingFlags,
) -> Result<(), Fail> {
    let named = context.project.plans.as_ref().map_or("plans", |plans| plans.as_str());
    let dir = dir.map_or_else(|| context.root.join(named), Path::to_owned);
    let files = files(&dir)?;
    let mut connected = context.prepare().await?;
    let past = Past::read(context, &connected).await?;
    baseline::pgroll_is_taken_over(context, &mut connected).await?;
    let plans = in_order(context, &dir, files, &past)?;
    let applied = past.applied;
    let pending: Vec<(Plan, Diagnostics)> =
        plans.into_iter().filter(|(plan, _)| !applied.contains(&plan.name)).collect();
    let under_way =
        store::current_rollout(&connected.session, &context.schema).await?.filter(|r| !r.is_ended());
    drop(connected);
    let mut rest = pending.as_slice();
    if let Some(there) = under_way {
        // The one that an earlier run left in `ready` is the first of these.
        let is_first = rest.first().is_some_and(|(plan, _)| plan.name == there.plan);
        if !(is_first && there.state == "ready") {
            let schema = there.schema.as_str().to_owned();
            return Err(store::Error::InTheWay {
                schema,
                id: there.id,
                plan: there.plan,
                state: there.state,
            }
            .into());
        }
        rest = &rest[1..];
        if rest.is_empty() && !complete {
            super::say(
                context,
                "up_to_date",
                &format!("{} is ready; `segue complete` finishes it", there.plan),
            );
            return Ok(());
        }
        steer::complete(context, false).await?;
    }
    if rest.is_empty() {
        super::say(context, "up_to_date", "every plan is applied");
        return Ok(());
    }
    for (at, (plan, remarks)) in rest.iter().enumerate() {
        let last = at + 1 == rest.len();
        let goal = if complete || !last { Goal::Completed } else { Goal::Ready };
        let mut connected = context.prepare().await?;
        let compiled =
            compiled::compile_parsed(context, &mut connected, plan.clone(), remarks.clone()).await?;
        super::say(context, "plan", &format!("plan {} ({} of {})", plan.name, at + 1, rest.len()));
        match start::roll_out(context, connected, compiled, flags, goal).await? {
            Ending::RolledBack { by_guard: None } => {
                return Err(Fail::new(
                    Exit::Failed,
                    format!("{} was rolled back, as an operator asked", plan.name),
                ));
            }
            ending => fail::of_ending(&ending)?,
        }
    }
    Ok(())
}

/// The names of the folder's files.
fn files(dir: &Path) -> Result<Vec<String>, Fail> {
    let cannot = |error| Fail::new(Exit::Usage, format!("{} cannot be read: {error}", dir.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.path().is_file() {
            files.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(files)
}

/// The folder's plans from the last baseline on, parsed, parents before children. All faults of all files at once.
fn in_order(
    context: &Context,
    dir: &Path,
    files: Vec<String>,
    past: &Past,
) -> Result<Vec<(Plan, Diagnostics)>, Fail> {
    let ledger = match files.iter().any(|file| file == plan::LEDGER) {
        true => Some(super::context::read_source(&dir.join(plan::LEDGER))?),
        false => None,
    };
    let (mut found, mut faults) =
        plan::plan_files(&files, ledger.as_ref().map(|source| source.text.as_str()));
    if found.is_empty() && !faults.has_errors() {
        return Err(Fail::new(Exit::Usage, format!("there is no plan in {}", dir.display()))
            .help("a plan's file ends in .yaml, .yml or .json"));
    }
    // What comes before a baseline is in the database already.
    if let Some(last) = found.iter().rposition(|file| past.is_baseline(&file.name)) {
        found.drain(..=last);
    }
    let mut plans = Vec::new();
    for file in found {
        match context.plan(&dir.join(&file.file)) {
            Ok(parsed) => plans.push(parsed),
            // Another tool's word for what is done need not be one that Segue knows.
            Err(_) if past.is_adopted(&file.name) => {}
            Err(fail) if fail.exit == Exit::Plan => faults.extend(fail.diagnostics),
            Err(fail) => return Err(fail),
        }
    }
    if faults.has_errors() {
        return Err(Fail::plan(faults));
    }
    let mut only: Vec<Plan> = plans.iter().map(|(plan, _)| plan.clone()).collect();
    // A parent that is applied need not be in the folder.
    let there: Vec<String> = only.iter().map(|plan| plan.name.clone()).collect();
    for plan in &mut only {
        plan.after.retain(|parent| there.contains(&parent.value) || !past.applied.contains(&parent.value));
    }
    let (order, found) = plan::order(&only);
    faults.extend(found);
    let Some(order) = order else { return Err(Fail::plan(faults)) };
    let mut plans: Vec<Option<(Plan, Diagnostics)>> = plans.into_iter().map(Some).collect();
    Ok(order.iter().map(|placed| plans[placed.index].take().expect("each plan has one place")).collect())
}
