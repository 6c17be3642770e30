//! Owns the look before the contract: who still uses the old version, and whether what it stands on is there. Must not decide
//! what follows.

use super::keeper;
use crate::clock;
use crate::compile::program::{Phase, Program};
use crate::execute::verify;
use crate::ident::Ident;
use crate::monitor;
use crate::pg::Config;
use crate::store::{self, Client};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A transaction shorter than the gap between looks slips through one, not through many.
const LOOKS_APART: Duration = Duration::from_millis(25);
/// A watch that ended longer ago than this many whole seconds does not reach to now: it looked each second.
const LONGEST_GAP: u64 = 1;
/// Even where no quiet period is asked for, one look is too few.
const AT_LEAST: Duration = Duration::from_millis(500);

/// What is in the contract's way.
pub struct Looked {
    pub users: Vec<String>,
    pub faults: Vec<String>,
}

/// Everybody who uses the old version, or used it within `quiet_for` where that is given; then what of the rollout is not as it has
/// to be. Looks for as long as the period is not covered by looks of this and earlier supervisors. A look that fails counts as
/// something: not knowing is no permission.
pub async fn look(config: Config, program: Arc<Program>, quiet_for: Option<Duration>) -> Looked {
    let users = match quiet_for {
        Some(quiet_for) => users(&config, &program, quiet_for).await,
        None => Vec::new(),
    };
    let faults = match users.is_empty() {
        true => faults(&config, &program).await.unwrap_or_else(|error| vec![format!("not known: {error}")]),
        false => Vec::new(),
    };
    Looked { users, faults }
}

async fn users(config: &Config, program: &Program, quiet_for: Duration) -> Vec<String> {
    // Applications on the base tables cannot be told apart from those behind the new views.
    if let Err(injected) = crate::failpoint::pass("clients_before_look").await {
        return vec![injected.to_string()];
    }
    let Some(previous) = &program.previous_version_schema else { return Vec::new() };
    match clients(config, &program.schema, previous, quiet_for).await {
        Ok(users) => users,
        Err(error) => vec![format!("not known who: {error}")],
    }
}

/// Of all that is done before the contract.
async fn faults(config: &Config, program: &Program) -> Result<Vec<String>, store::Error> {
    let session = keeper::open(config).await?;
    let before = |step: usize| program.steps[step].phase != Phase::Contract;
    let faults = verify::faults(&session, program, before).await?;
    Ok(faults.iter().map(|fault| format!("{}: {} ({})", fault.table, fault.message, fault.help)).collect())
}

async fn clients(
    config: &Config,
    schema: &Ident,
    previous: &Ident,
    quiet_for: Duration,
) -> Result<Vec<String>, store::Error> {
    let session = keeper::open(config).await?;
    let usage = store::usage(&session, schema, previous).await?;
    let now = clock::now();
    let seconds = |since: jiff::Timestamp| (now.as_second() - since.as_second()).max(0) as u64;
    let within = |since: jiff::Timestamp| Duration::from_secs(seconds(since)) < quiet_for;
    if usage.last_seen.is_some_and(within) {
        let seen = store::clients(&session, schema).await?;
        let recent =
            seen.iter().filter(|c| c.client.version_schema == previous.as_str() && within(c.last_seen));
        return Ok(recent
            .map(|c| format!("{}, seen {} s ago", name(&c.client), seconds(c.last_seen)))
            .collect());
    }
    let watched = match usage.watched {
        Some((since, until)) if until.as_second().abs_diff(now.as_second()) <= LONGEST_GAP => {
            Duration::from_secs(seconds(since))
        }
        _ => Duration::ZERO,
    };
    let end = Instant::now() + quiet_for.saturating_sub(watched).max(AT_LEAST);
    let mut users = BTreeSet::new();
    while users.is_empty() && Instant::now() < end {
        users.extend(monitor::clients_now(&session, std::slice::from_ref(previous)).await?);
        tokio::time::sleep(LOOKS_APART).await;
    }
    Ok(users.iter().map(name).collect())
}

fn name(client: &Client) -> String {
    let application = match client.application.as_str() {
        "" => "an application without application_name",
        name => name,
    };
    let address = client.address.as_deref().map(|a| format!(" from {a}")).unwrap_or_default();
    format!("{application}, role {}{address}", client.role)
}
