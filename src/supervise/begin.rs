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
use crate::control::server::{Change, Server};
use crate::control::state::Goal;
use crate::ident::Ident;
use crate::journal;
use crate::pg::{self, Class, Config, Session};
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
    /// What stands there was begun on another database cluster; how they differ.
    #[error("{0}: a copy, or a wrong address; nothing is written here")]
    Another(String),
    /// Its last step is still running on the server.
    #[error("the last supervisor's transaction is still running on the server; try again when it has ended")]
    Busy,
}

impl From<pg::Error> for NotBegun {
    fn from(error: pg::Error) -> NotBegun {
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
pub async fn claim(config: &Config, schema: &Ident) -> Result<(Session, Lease), NotBegun> {
    let session = keeper::open(config).await?;
    claim_with(session, schema).await
}

async fn claim_with(session: Session, schema: &Ident) -> Result<(Session, Lease), NotBegun> {
    crate::failpoint::pass("lease_before_claim").await.map_err(store::Error::from)?;
    let info = serde_json::Value::Null;
    let deadline = Deadline::after(TTL + Duration::from_secs(2));
    let mut first: Option<LeaseSeen> = None;
    loop {
        match store::acquire(&session, schema, &holder(), &info, TTL).await? {
            Claim::Won(lease) => {
                crate::failpoint::pass("lease_claimed").await.map_err(store::Error::from)?;
                return Ok((session, lease));
            }
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
    let created = match store::create_rollout(&mut session, &lease, &row, first).await {
        Err(store::Error::Pg(error)) if error.outcome_unknown() => {
            session = keeper::open(&outside.config).await?;
            look_for(&session, &lease, new.program).await?.ok_or(store::Error::Pg(error))
        }
        other => other,
    };
    let rollout = match created {
        Ok(rollout) => rollout,
        Err(error) => {
            // It was never ours to hold.
            let _ = store::release(&session, lease).await;
            return Err(error.into());
        }
    };
    let server = keeper::server(&session).await?;
    let keeper = Keeper::new(bound(&outside.config, &server), session, lease, rollout.id);
    Ok(Supervisor::new(outside, keeper, rollout, server).await?)
}

/// The same address, but this server only.
fn bound(config: &Config, server: &Server) -> Config {
    match &server.timeline {
        Some(timeline) => config.clone().bound_to(&server.system, timeline),
        None => config.clone(),
    }
}

/// The rollout that this lease began, if it did: the answer to its COMMIT never came.
async fn look_for(
    session: &crate::pg::Session,
    lease: &Lease,
    program: &Program,
) -> Result<Option<Rollout>, store::Error> {
    let there = store::current_rollout(session, &program.schema).await?;
    Ok(there.filter(|there| there.term == lease.term && there.plan == program.plan && !there.is_ended()))
}

/// Takes over a rollout that nobody supervises.
pub async fn take_over(outside: Outside, rollout: Rollout) -> Result<Supervisor, NotBegun> {
    let seized = seize(&outside.config, &rollout).await?;
    begin(outside, rollout, seized).await
}

/// A rollout taken over, and the server that it stands on.
struct Seized {
    session: Session,
    lease: Lease,
    server: Server,
}

/// Nothing is written before it is known that the journal there is this server's own.
async fn seize(config: &Config, rollout: &Rollout) -> Result<Seized, NotBegun> {
    let session = keeper::open(config).await?;
    let server = keeper::server(&session).await?;
    let mut known = None;
    let last_seen = |record| {
        if let Record::ServerSeen { server } = record {
            known = Some(server);
        }
    };
    keeper::journal(&session, rollout.id, last_seen).await?;
    if let Some(known) = known.filter(|known| known.change(&server) == Change::Another) {
        return Err(NotBegun::Another(format!(
            "this is another database cluster (system identifier {}) than the rollout was begun on ({})",
            server.system, known.system
        )));
    }
    let (mut session, mut lease) = claim_with(session, &rollout.schema).await?;
    let deadline = Deadline::after(Duration::from_secs(60));
    match store::take_over(&mut session, &mut lease, rollout.id, deadline).await? {
        TakeOver::Done => Ok(Seized { session, lease, server }),
        TakeOver::Busy => {
            let _ = store::release(&session, lease).await;
            Err(NotBegun::Busy)
        }
    }
}

async fn begin(outside: Outside, rollout: Rollout, seized: Seized) -> Result<Supervisor, NotBegun> {
    let Seized { session, lease, server } = seized;
    let keeper = Keeper::new(bound(&outside.config, &server), session, lease, rollout.id);
    Ok(Supervisor::new(outside, keeper, rollout, server).await?)
}

/// Goes on where the server is not the one that it was: with its successor, once that is there, from what is stored there.
/// `None`: somebody did not want to wait for it.
pub(super) async fn again(
    mut outside: Outside,
    rollout: Rollout,
    known: &Server,
) -> Result<Option<Supervisor>, NotBegun> {
    let config = bound(&outside.config, known).or_later();
    let deadline = Deadline::after(keeper::PATIENCE);
    loop {
        let error = match seize(&config, &rollout).await {
            Ok(seized) => return begin(outside, rollout, seized).await.map(Some),
            Err(NotBegun::Store(store::Error::Pg(error))) if pg::class(&error) == Class::Elsewhere => {
                return Err(NotBegun::Another(error.to_string()));
            }
            Err(NotBegun::Store(store::Error::Pg(error))) if keeper::may_pass(&error) => error.to_string(),
            // Our own lease, as the old primary left it.
            Err(NotBegun::Supervised { seen, schema }) if seen.holder == holder() => {
                format!("the lease of {schema} is still our own there")
            }
            Err(other) => return Err(other),
        };
        if deadline.passed() {
            let error = pg::Error::protocol("looking for the server that has taken the other's place", error);
            return Err(NotBegun::Store(error.into()));
        }
        tracing::warn!(%error, "the server that has taken the other's place is not there yet");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
            Some(()) = outside.interrupts.recv() => return Ok(None),
        }
    }
}

/// Takes in what operators asked of a rollout that nobody supervises, and leaves.
pub async fn visit(config: &Config, rollout: Rollout) -> Result<(), NotBegun> {
    let (tell, _nobody) = tokio::sync::mpsc::unbounded_channel();
    let (_never, interrupts) = tokio::sync::mpsc::unbounded_channel();
    let outside = Outside { config: config.clone(), standbys: Vec::new(), tell, interrupts, flag_file: None };
    let supervisor = take_over(outside, rollout).await?;
    Ok(supervisor.visit().await?)
}
