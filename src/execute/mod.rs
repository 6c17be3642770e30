//! Owns carrying out one effect of a rollout against the server, a file an action. Must not decide
//! what is done next or whether a failure is retried: it says what happened, and control decides.

pub mod backfill;
pub mod blockers;
pub mod board;
pub mod check;
pub mod contents;
pub mod ddl;
pub mod gate;
mod gone;
pub mod index;
pub mod row_error;
pub mod rows;
pub mod shed;
pub mod slice;
pub mod standbys;
pub mod through_text;
pub mod vacuum;
pub mod verify;
mod violation;
mod volatility;

use crate::compile::program::{Action, Phase, Program, Undo};
use crate::control::policy::Policy;
use crate::control::record::{Direction, Outcome};
use crate::control::retry::FailureClass;
use crate::pg::{self, Canceller, Class, Pool, RowExt};
use crate::store::{self, Fence};
use board::Board;
use gate::Gate;
use standbys::Standbys;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long to wait for a session before the server counts as unreachable.
pub const SESSION_DEADLINE: Duration = Duration::from_secs(10);

/// What a step needs to be carried out. Cheap to clone.
#[derive(Clone)]
pub struct Work {
    /// Sessions whose search_path is the rollout's schema, so that user expressions mean there what
    /// they mean to the schema's owner. Segue's own SQL is qualified.
    pub pool: Pool,
    pub program: Arc<Program>,
    pub policy: Arc<Policy>,
    /// Every transaction begins by proving that the rollout is still ours.
    pub fence: Fence,
    pub gate: Gate,
    pub board: Board,
    /// Those that are looked at before a strong lock.
    pub standbys: Standbys,
    deadlock_timeout: Arc<OnceCell<Duration>>,
    cancellers: Arc<Mutex<Vec<Canceller>>>,
}

/// What came of a step, and whether the work's own transaction journalled it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub outcome: Outcome,
    pub recorded: bool,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Ended {
        Ended { outcome, recorded: false }
    }
}

/// Why a step did not get to its end.
#[derive(Debug)]
pub enum Halt {
    /// Told to: nothing failed.
    Stopped,
    Postponed {
        blockers: String,
    },
    /// Another supervisor holds the lease.
    Superseded,
    Failed(pg::Error),
    /// The answer was lost, and a look (or the marker, or a probe) says it can be done again.
    NotDone(pg::Error),
    /// A failure that trying again cannot mend, said in full.
    Broken(String),
}

impl From<pg::Error> for Halt {
    fn from(error: pg::Error) -> Halt {
        Halt::Failed(error)
    }
}

impl From<store::Error> for Halt {
    fn from(error: store::Error) -> Halt {
        match error {
            error if error.is_superseded() => Halt::Superseded,
            store::Error::Pg(error) => Halt::Failed(error),
            other => Halt::Broken(other.to_string()),
        }
    }
}

impl From<crate::failpoint::Injected> for Halt {
    fn from(injected: crate::failpoint::Injected) -> Halt {
        Halt::Broken(injected.to_string())
    }
}

impl Halt {
    fn outcome(self) -> Outcome {
        match self {
            Halt::Stopped => Outcome::Stopped,
            Halt::Postponed { blockers } => Outcome::Postponed { blockers },
            Halt::Superseded => Outcome::Failed {
                error: "another supervisor has taken over this rollout".to_owned(),
                class: FailureClass::Superseded,
            },
            Halt::Broken(error) => Outcome::Failed { error, class: FailureClass::Permanent },
            Halt::Failed(error) => Outcome::Failed { class: class(&error), error: error.to_string() },
            Halt::NotDone(error) => {
                Outcome::Failed { class: FailureClass::Connection, error: error.to_string() }
            }
        }
    }
}

/// The connection layer's class in control's words.
pub fn class(error: &pg::Error) -> FailureClass {
    match pg::class(error) {
        Class::LockTimeout => FailureClass::LockTimeout,
        Class::Deadlock => FailureClass::Deadlock,
        Class::Serialization => FailureClass::Serialization,
        Class::Cancelled => FailureClass::Cancelled,
        Class::Connection => FailureClass::Connection,
        Class::ReadOnly => FailureClass::ReadOnly,
        Class::TooManyConnections => FailureClass::TooManyConnections,
        Class::DiskFull => FailureClass::DiskFull,
        Class::Privilege => FailureClass::Privilege,
        Class::UnknownOutcome => FailureClass::UnknownOutcome,
        Class::Elsewhere => FailureClass::Elsewhere,
        Class::Permanent => FailureClass::Permanent,
    }
}

impl Work {
    pub fn new(
        pool: Pool,
        program: Arc<Program>,
        policy: Arc<Policy>,
        fence: Fence,
        gate: Gate,
        board: Board,
        standbys: Standbys,
    ) -> Work {
        let (deadlock_timeout, cancellers) = Default::default();
        Work { pool, program, policy, fence, gate, board, standbys, deadlock_timeout, cancellers }
    }

    /// The server's `deadlock_timeout`, asked once. A lock waited for as long makes a deadlock's victim of whoever asks first.
    async fn deadlock_timeout(&self, session: &pg::Session) -> Result<Duration, pg::Error> {
        let ask = || async {
            let sql = "SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'";
            let millis: i64 = session.query_one("reading deadlock_timeout", sql, &[]).await?.cell(0)?;
            Ok(Duration::from_millis(millis.max(1) as u64))
        };
        self.deadlock_timeout.get_or_try_init(ask).await.copied()
    }

    /// The longest that a lock may be waited for without an application becoming a deadlock's victim.
    async fn longest_wait(&self, session: &pg::Session) -> Result<Duration, pg::Error> {
        Ok(self.deadlock_timeout(session).await? * 4 / 5)
    }

    /// A session whose statement in hand [`Work::cancel`] cancels.
    async fn session(&self) -> Result<pg::Session, pg::Error> {
        let session = self.pool.session(SESSION_DEADLINE).await?;
        self.in_hand().push(session.canceller());
        Ok(session)
    }

    /// A step as messages name it.
    fn title(&self, step: usize, direction: Direction) -> String {
        let title = &self.program.steps[step].title;
        match direction {
            Direction::Forward => title.clone(),
            Direction::Back => format!("undoing: {title}"),
        }
    }

    /// Who is in the way of a lock, for the supervisor to show.
    fn tell_blocked(&self, blockers: &str) {
        tracing::info!(%blockers, "in the way of a lock");
        self.board.put_blockers(Some(blockers.to_owned()));
    }

    fn in_hand(&self) -> std::sync::MutexGuard<'_, Vec<Canceller>> {
        self.cancellers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels the statements in hand, if there are any.
    pub async fn cancel(&self) -> Result<(), pg::Error> {
        let all = self.in_hand().clone();
        for canceller in all {
            canceller.cancel(Duration::from_secs(2)).await?;
        }
        Ok(())
    }

    /// Carries out a step, or its undo, to its end or to the point where it cannot go on.
    pub async fn run(&self, step: usize, direction: Direction) -> Ended {
        let ended = async {
            let title = self.title(step, direction);
            crate::failpoint::pass_at("step_begun", &title).await?;
            let recorded = match direction {
                Direction::Forward => self.forward(step).await?,
                Direction::Back => self.back(step).await?,
            };
            crate::failpoint::pass_at("step_ended", &title).await?;
            Ok(recorded)
        }
        .await;
        self.in_hand().clear();
        self.board.put_blockers(None);
        self.board.put_limited(None);
        match ended {
            Ok(recorded) => Ended { outcome: Outcome::Done, recorded },
            // A statement cancelled because the step was told to end has not failed.
            Err(Halt::Failed(error)) if self.gate.stopped() && pg::class(&error) == Class::Cancelled => {
                Outcome::Stopped.into()
            }
            Err(halt) => halt.outcome().into(),
        }
    }

    async fn forward(&self, step: usize) -> Result<bool, Halt> {
        let here = &self.program.steps[step];
        match &here.action {
            Action::Backfill(spec) => backfill::run(self, step, spec).await.map(|()| false),
            Action::BuildIndex { table, index, sql } => {
                index::build(self, table, index, sql).await.map(|()| false)
            }
            Action::Vacuum { table, partitioned } => {
                vacuum::run(self, step, table, *partitioned).await.map(|()| false)
            }
            Action::DropIndex { index } => index::drop(self, index).await.map(|()| false),
            Action::Script { sql, transactional: false } => self.script(sql).await.map(|()| false),
            Action::Validate { table, constraint } => {
                let contents = contents::of_step(here);
                match ddl::run(self, (step, Direction::Forward), &contents, &here.locks).await {
                    Err(Halt::Failed(error)) if violation::is(&error) => {
                        Err(violation::of(self, table, constraint, &here.title, &error).await)
                    }
                    other => other,
                }
            }
            action => {
                if matches!(action, Action::Publish) && here.phase == Phase::Backfill {
                    verify::before_publication(self, step).await?;
                }
                ddl::run(self, (step, Direction::Forward), &contents::of_step(here), &here.locks).await
            }
        }
    }

    async fn back(&self, step: usize) -> Result<bool, Halt> {
        match &self.program.steps[step].undo {
            Undo::DropIndex { index } => index::drop(self, index).await.map(|()| false),
            Undo::Script { sql, transactional: false } => self.script(sql).await.map(|()| false),
            Undo::Ddl { statements, locks } => {
                let gone = gone::look(&self.session().await?, &self.program, locks).await?;
                let (statements, locks) = gone::without(statements, locks, &gone);
                let contents = contents::Contents::Statements(&statements);
                ddl::run(self, (step, Direction::Back), &contents, &locks).await
            }
            undo => ddl::run(self, (step, Direction::Back), &contents::of_undo(undo), &[]).await,
        }
    }

    /// The user's own SQL where it cannot be in a transaction. Its outcome, if the connection is
    /// lost, is not known, and nothing in the catalog could tell.
    async fn script(&self, sql: &str) -> Result<(), Halt> {
        let mut gate = self.gate.clone();
        if gate.pass().await == gate::Pass::Stop {
            return Err(Halt::Stopped);
        }
        let session = self.session().await?;
        crate::failpoint::pass("script_before_send").await?;
        session
            .execute("running the plan's sql", sql, &pg::Limits::unlimited(Duration::from_secs(7 * 86_400)))
            .await?;
        crate::failpoint::pass("script_ended").await?;
        Ok(())
    }
}
