//! Owns the supervisor's own connection: the journal, the lease, what operators ask. It outlives
//! lost connections. Must not decide what is written.

use crate::clock::{self, Deadline};
use crate::control::record::Record;
use crate::control::server::Server;
use crate::control::state::RolloutState;
use crate::failpoint;
use crate::journal;
use crate::monitor;
use crate::pg::{self, Class, Config, Limits, Session};
use crate::store::{self, Command, Fence, Lease};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;

/// How long a server may be away before a supervisor gives up; the rollout stays resumable.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
const OPEN: Duration = Duration::from_secs(5);

/// Small statements on small tables: anything slower is a server in trouble.
const LIMITS: Limits = Limits {
    lock: Some(Duration::from_millis(300)),
    statement: Some(Duration::from_secs(3)),
    client: Duration::from_secs(6),
};

/// For what can as well be said a second later: the supervisor must not stand still for it.
const BRIEF: Limits = Limits { lock: Some(Duration::from_millis(50)), ..LIMITS };

/// A session for Segue's own tables: short limits, whatever the role's defaults.
pub async fn open(config: &Config) -> Result<Session, pg::Error> {
    let setup = pg::Setup { limits: LIMITS, ..pg::Setup::default() }.without_standby();
    Session::open_with(config, "control", OPEN, setup).await
}

/// Which server this session is with.
pub async fn server(session: &Session) -> Result<Server, pg::Error> {
    session.json("asking the server which it is", monitor::IDENTITY_SQL, &[]).await
}

/// Gives every record of a rollout, oldest first, to `take`.
pub async fn journal(
    session: &Session,
    rollout: i64,
    mut take: impl FnMut(Record),
) -> Result<(), store::Error> {
    store::each_record(session, rollout, |stored| {
        let record = journal::decode(&journal::Stored { kind: stored.kind, body: stored.body })
            .map_err(|message| store::Error::Unreadable { rollout, what: "journal", message })?;
        take(record);
        Ok(())
    })
    .await
}

pub struct Keeper {
    /// Bound to one server.
    pub config: Config,
    session: Session,
    pub lease: Lease,
    pub fence: Fence,
    /// `rollouts.state` still has to be told: a transaction of ours may hold its row.
    unsaid: bool,
    /// Where records begin of which it is not known whether they were written.
    doubt: Option<i64>,
    /// Whether somebody pressed Ctrl-C; `None`: nobody can.
    interrupted: Option<watch::Receiver<bool>>,
}

impl Keeper {
    pub fn new(config: Config, session: Session, lease: Lease, rollout: i64) -> Keeper {
        let fence = Fence { rollout, term: lease.term };
        Keeper { config, session, lease, fence, unsaid: false, doubt: None, interrupted: None }
    }

    /// What the journal comes to is not what the row says: the last supervisor was cut off between the two.
    pub fn found(&mut self, row: &store::Rollout, journal: &RolloutState) {
        self.unsaid = row.state != journal.state.name() || row.goal != journal.goal;
    }

    /// From now on a Ctrl-C ends the patience with a server that is away.
    pub fn hear(&mut self, interrupted: watch::Receiver<bool>) {
        self.interrupted = Some(interrupted);
    }

    /// Whether this error ended the run only because somebody did not want to wait for the server.
    pub fn gave_up(&self, error: &store::Error) -> bool {
        let interrupted = self.interrupted.as_ref().is_some_and(|heard| *heard.borrow());
        interrupted && matches!(error, store::Error::Pg(error) if may_pass(error))
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Writes records, and then the state they lead to. Comes back when they are stored, however
    /// long the server was away; the effects must not come first.
    pub async fn persist(&mut self, records: &[Record], after: &RolloutState) -> Result<(), store::Error> {
        if records.is_empty() {
            return Ok(());
        }
        let deadline = Deadline::after(PATIENCE);
        loop {
            let written = match self.doubt {
                // The answer to the COMMIT never came.
                Some(seq) => self.look_for(seq, &records[0]).await,
                None => self.write(records, after).await.map(|()| true),
            };
            match written {
                Ok(true) => return self.written(records, after).await,
                Ok(false) => {}
                Err(store::Error::Pg(error)) if may_pass(&error) && !deadline.passed() => {
                    tracing::warn!(%error, "the journal cannot be written; trying again");
                    let interrupted = interrupted(self.interrupted.clone());
                    tokio::select! {
                        mended = self.mend(deadline) => mended?,
                        () = interrupted => return Err(error.into()),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the records whose first one was to stand there do. Nothing is in doubt afterwards.
    async fn look_for(&mut self, seq: i64, first: &Record) -> Result<bool, store::Error> {
        let stored = journal::encode(first);
        let rollout = self.fence.rollout;
        let stands = store::stands(&self.session, rollout, Some(seq), &stored.kind, &stored.body).await?;
        self.doubt = None;
        Ok(stands)
    }

    async fn write(&mut self, records: &[Record], after: &RolloutState) -> Result<(), store::Error> {
        let doing = "writing the journal";
        let tx = self.session.transaction(doing, &LIMITS).await?;
        let mut first = None;
        for record in records {
            let stored = journal::encode(record);
            let seq = store::append_in_tx(&tx, self.fence, &stored.kind, &stored.body).await?;
            first.get_or_insert(seq);
            if let Record::CommandTaken { id, refused, .. } = record {
                store::applied(&tx, *id, refused.as_deref().unwrap_or("done")).await?;
            }
        }
        if is_said_with(records, after) {
            set(&tx, self.fence, after).await?;
        }
        let what = records.iter().map(told).collect::<Vec<_>>().join(", ");
        failpoint::pass_at("journal_before_commit", &what).await?;
        if let Err(error) = tx.commit(doing).await {
            self.doubt = first.filter(|_| error.outcome_unknown());
            return Err(error.into());
        }
        failpoint::pass_at("journal_after_commit", &what).await?;
        Ok(())
    }

    async fn written(&mut self, records: &[Record], after: &RolloutState) -> Result<(), store::Error> {
        if is_said_with(records, after) {
            self.unsaid = false;
        } else if records.iter().any(changes_the_row) {
            self.unsaid = true;
            self.say_state(after).await?;
        }
        Ok(())
    }

    /// Tells `rollouts` the state. Its row may be locked by a step of ours; then later.
    pub async fn say_state(&mut self, after: &RolloutState) -> Result<(), store::Error> {
        if !self.unsaid {
            return Ok(());
        }
        let state = after.state.name();
        let told = async {
            let doing = "telling the rollout's state";
            let tx = self.session.transaction(doing, &BRIEF).await?;
            set(&tx, self.fence, after).await?;
            failpoint::pass_at("state_before_commit", state).await?;
            tx.commit(doing).await?;
            failpoint::pass_at("state_said", state).await?;
            Ok::<_, store::Error>(())
        };
        match told.await {
            Ok(()) => self.unsaid = false,
            Err(store::Error::Pg(error)) if may_pass(&error) => {
                tracing::debug!(%error, "the rollout's row is busy");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What operators asked for. A server that is away has nothing to say.
    pub async fn commands(&mut self, rollout: &store::Rollout) -> Result<Vec<Command>, store::Error> {
        match store::pending_commands(&self.session, rollout).await {
            Ok(commands) => Ok(commands),
            Err(store::Error::Pg(error)) if may_pass(&error) => {
                self.mend_once().await?;
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Renews the lease and shows how things stand.
    pub async fn renew(&mut self, info: &Value) -> Result<(), store::Error> {
        failpoint::pass("lease_before_renewal").await?;
        match store::renew(&self.session, &mut self.lease, Some(info)).await {
            Err(store::Error::Pg(error)) if may_pass(&error) => {
                self.mend_once().await?;
                Ok(())
            }
            Ok(()) => Ok(failpoint::pass("lease_renewed").await?),
            other => other,
        }
    }

    pub async fn release(self) -> Result<(), store::Error> {
        failpoint::pass("lease_before_release").await?;
        store::release(&self.session, self.lease).await?;
        Ok(failpoint::pass("lease_released").await?)
    }

    async fn mend(&mut self, deadline: Deadline) -> Result<(), store::Error> {
        if !self.session.is_closed() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            return Ok(());
        }
        let opened = clock::poll_until(deadline, Duration::from_millis(250), || {
            let config = self.config.clone();
            async move {
                match open(&config).await {
                    Err(error) if may_pass(&error) => None,
                    other => Some(other),
                }
            }
        });
        match opened.await {
            Some(Ok(session)) => self.session = session,
            Some(Err(error)) => return Err(error.into()),
            None => {
                return Err(open(&self.config).await.map(|_| ()).map_or_else(store::Error::from, |()| {
                    store::Error::LeaseLost {
                        schema: self.lease.schema.as_str().to_owned(),
                        term: self.lease.term,
                    }
                }));
            }
        }
        Ok(())
    }

    /// One attempt. That there is no server now may pass; that it is another one may not.
    async fn mend_once(&mut self) -> Result<(), store::Error> {
        if self.session.is_closed() {
            match open(&self.config).await {
                Ok(session) => self.session = session,
                Err(error) if may_pass(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn changes_the_row(record: &Record) -> bool {
    matches!(record, Record::StateChanged { .. } | Record::GoalChanged { .. })
}

/// With no step in hand nobody holds the rollout's row: its end, or that it is ready, is told in the transaction of the record
/// that says so.
fn is_said_with(records: &[Record], after: &RolloutState) -> bool {
    after.hand.running.is_none() && records.iter().any(changes_the_row)
}

async fn set(tx: &pg::Tx<'_>, fence: Fence, after: &RolloutState) -> Result<(), store::Error> {
    store::set_state(tx, fence, after.state.name(), after.error.as_deref()).await?;
    store::set_goal(tx, fence, after.goal).await
}

/// Comes back once somebody has pressed Ctrl-C.
async fn interrupted(heard: Option<watch::Receiver<bool>>) {
    let told = match heard {
        Some(mut heard) => heard.wait_for(|pressed| *pressed).await.is_ok(),
        None => false,
    };
    if !told {
        std::future::pending::<()>().await;
    }
}

/// A record, for the failpoints' log.
fn told(record: &Record) -> String {
    match record {
        Record::StateChanged { to, .. } => to.name().to_owned(),
        record => journal::encode(record).kind,
    }
}

/// Whether an error is of the sort that goes away by itself.
pub(super) fn may_pass(error: &pg::Error) -> bool {
    !matches!(pg::class(error), Class::Permanent | Class::Privilege | Class::Elsewhere)
}
