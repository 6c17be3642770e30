//! Owns how a supervisor comes to its rollout: the lease, a new rollout or one taken over. Must not
//! compile plans and must not supervise.

use super::keeper::{self, Keeper};
use super::{Outside, Supervisor};
use crate::catalog::Catalog;
use crate::clock::Deadline;
use crate::compile::program::Program;
use crate::control::lease::TTL;
use crate::control::policy::Policy;
use crate::control::record::Record;
use crate::control::state::Goal;
use crate::ident::Ident;
use crate::journal;
use crate::pg::Config;
use crate::store::{self, Claim, Lease, LeaseSeen, NewRollout, Rollout, TakeOver};
use std::time::Duration;

/// Why there is nothing to supervise here.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    #[error("{0}")]
    Store(#[from] store::Error),
    /// A supervisor is alive.
    #[error("{} supervises schema {schema} (term {})", seen.holder, seen.term)]
    Supervised { schema: Ident, seen: Box<LeaseSeen> },
    /// Its last step is still running on the server.
    #[error("the last supervisor's transaction is still running on the server; try again when it has ended")]
    Busy,
}

impl From<crate::pg::Error> for NotBegun {
    fn from(error: crate::pg::Error) -> NotBegun {
        NotBegun::Store(error.into())
    }
}

/// `host:pid`.
pub fn holder() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    format!("{}:{}", host.unwrap_or_else(|| "localhost".to_owned()), std::process::id())
}

/// Claims the lease of a schema. A holder that was killed still has it until it runs out, or until
/// the server has noticed that its session is gone; wait that long, but not for one that is alive.
pub async fn claim(config: &Config, schema: &Ident) -> Result<(crate::pg::Session, Lease), NotBegun> {
    let session = keeper::open(config).await?;
    let info = serde_json::Value::Null;
    let deadline = Deadline::after(TTL + Duration::from_secs(2));
    let mut first: Option<LeaseSeen> = None;
    loop {
        match store::acquire(&session, schema, &holder(), &info, TTL).await? {
            Claim::Won(lease) => return Ok((session, lease)),
            Claim::Held(seen) => {
                if let Some(seen) = seen {
                    // Renewed since we began to look: somebody is alive there.
                    let renewed =
                        first.as_ref().is_some_and(|f| f.term == seen.term && f.expires < seen.expires);
                    if renewed || seen.connected || deadline.passed() {
                        return Err(NotBegun::Supervised { schema: schema.clone(), seen: Box::new(seen) });
                    }
                    first.get_or_insert(seen);
                }
                if deadline.passed() {
                    return Err(NotBegun::Busy);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// What a new rollout begins with.
pub struct New<'a> {
    pub program: &'a Program,
    pub plan_text: &'a str,
    pub policy: &'a Policy,
    pub catalog_before: &'a Catalog,
    pub goal: Goal,
}

/// Begins a new rollout.
pub async fn start(outside: Outside, new: &New<'_>) -> Result<Supervisor, NotBegun> {
    let (mut session, lease) = claim(&outside.config, &new.program.schema).await?;
    let row = NewRollout {
        program: new.program,
        plan_text: new.plan_text,
        policy: new.policy,
        catalog_before: new.catalog_before,
        goal: new.goal,
    };
    let signals = new.policy.accepted_blind.clone();
    let accepted = journal::encode(&Record::BlindAccepted { signals });
    let first = [(accepted.kind.as_str(), accepted.body)];
    let first = if new.policy.accepted_blind.is_empty() { &[][..] } else { &first[..] };
    let rollout = match store::create_rollout(&mut session, &lease, &row, first).await {
        Ok(rollout) => rollout,
        Err(error) => {
            // It was never ours to hold.
            let _ = store::release(&session, lease).await;
            return Err(error.into());
        }
    };
    let keeper = Keeper::new(outside.config.clone(), session, lease, rollout.id);
    Ok(Supervisor::new(outside, keeper, rollout).await?)
}

/// Takes over a rollout that nobody supervises.
pub async fn take_over(outside: Outside, rollout: Rollout) -> Result<Supervisor, NotBegun> {
    let (mut session, mut lease) = claim(&outside.config, &rollout.schema).await?;
    let deadline = Deadline::after(Duration::from_secs(60));
    match store::take_over(&mut session, &mut lease, rollout.id, deadline).await? {
        TakeOver::Done => {}
        TakeOver::Busy => {
            let _ = store::release(&session, lease).await;
            return Err(NotBegun::Busy);
        }
    }
    let keeper = Keeper::new(outside.config.clone(), session, lease, rollout.id);
    Ok(Supervisor::new(outside, keeper, rollout).await?)
}

/// Takes in what operators asked of a rollout that nobody supervises, and leaves.
pub async fn visit(config: &Config, rollout: Rollout) -> Result<(), NotBegun> {
    let (tell, _nobody) = tokio::sync::mpsc::unbounded_channel();
    let (_never, interrupts) = tokio::sync::mpsc::unbounded_channel();
    let outside = Outside { config: config.clone(), standbys: Vec::new(), tell, interrupts };
    let supervisor = take_over(outside, rollout).await?;
    Ok(supervisor.visit().await?)
}
