//! Owns one session with the server: statements with limits, errors that say what was tried,
//! notices, cancelling. Must not know what the statements are for.
//!
//! Parameters go in unnamed statements only: named ones break behind poolers. A statement whose
//! deadline passes is cancelled (unless it may be a commit) and its session given up, since nobody can tell what it still does.

use super::{
    config::Config,
    dial::{self, Facts, Line, Link},
    driver::{Notice, Side},
    error::{Ended, Error, ErrorKind, Stake, chain},
    limits::{Limits, Scope, Setup},
    sqlstate,
    transaction::Tx,
    value::Param,
};
use serde::de::DeserializeOwned;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout, timeout_at},
};
use tokio_postgres::{
    CancelToken, Client, NoTls, Row, SimpleQueryMessage,
    types::{Json, ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A cancel request that takes longer than this does not arrive.
const CANCEL_DEADLINE: Duration = Duration::from_secs(2);

pub(super) enum Holder {
    Own(Client),
    Pooled(deadpool_postgres::Object),
}

/// What the server has in force, as far as we set it.
pub(super) struct State {
    pub limits: Limits,
    pub in_transaction: bool,
    /// That transaction was begun to read only.
    pub reads: bool,
    /// A statement was sent whose answer nobody has seen; so it stays when its future is dropped.
    pub busy: bool,
}

/// One session. Statements of one session run one after another, in the order they were begun.
pub struct Session {
    holder: Holder,
    link: Link,
    setup: Setup,
    state: Mutex<State>,
}

impl Session {
    /// Opens a session with `Setup::default()`: empty search_path, limits for reading.
    pub async fn open(config: &Config, role: &str, deadline: Duration) -> Result<Session, Error> {
        Session::open_with(config, role, deadline, Setup::default()).await
    }

    /// Opens a session; it is `application_name = segue/<role>`. `deadline` covers all hosts.
    pub async fn open_with(
        config: &Config,
        role: &str,
        deadline: Duration,
        setup: Setup,
    ) -> Result<Session, Error> {
        let Line { client, link, .. } = dial::dial(config, role, &setup, deadline).await?;
        Ok(Session::around(Holder::Own(client), link, setup))
    }

    pub(super) fn around(holder: Holder, link: Link, setup: Setup) -> Session {
        let state =
            Mutex::new(State { limits: setup.limits, in_transaction: false, reads: false, busy: false });
        Session { holder, link, setup, state }
    }

    /// One statement by the simple protocol, so that it may be one that refuses transaction
    /// blocks. Inside a transaction the limits hold until its end. Returns the rows affected.
    pub async fn execute(&self, doing: &str, sql: &str, limits: &Limits) -> Result<u64, Error> {
        let messages = self.run(doing, Some(limits), Stake::Effect, self.client().simple_query(sql)).await?;
        Ok(messages.iter().rev().find_map(affected).unwrap_or(0))
    }

    /// Several statements as one message: outside a transaction they are one of their own.
    pub async fn batch(&self, doing: &str, sql: &str) -> Result<(), Error> {
        self.run(doing, None, Stake::Effect, self.client().batch_execute(sql)).await
    }

    /// One statement with parameters, for its effect. Returns the rows affected.
    pub async fn change(&self, doing: &str, sql: &str, params: &[&dyn Param]) -> Result<u64, Error> {
        let params = typed(params);
        self.run(doing, None, Stake::Effect, self.client().execute_typed(sql, &params)).await
    }

    /// Rows. Columns of types that are not built in must be cast in the SQL (`::text`). A statement
    /// that also writes belongs into a transaction: outside one, a lost answer is not reported as unknown.
    pub async fn query(&self, doing: &str, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>, Error> {
        let params = typed(params);
        self.run(doing, None, Stake::Nothing, self.client().query_typed(sql, &params)).await
    }

    /// [`Session::query`] under limits of its own.
    pub async fn query_within(
        &self,
        doing: &str,
        sql: &str,
        params: &[&dyn Param],
        limits: &Limits,
    ) -> Result<Vec<Row>, Error> {
        let params = typed(params);
        self.run(doing, Some(limits), Stake::Nothing, self.client().query_typed(sql, &params)).await
    }

    pub async fn query_opt(
        &self,
        doing: &str,
        sql: &str,
        params: &[&dyn Param],
    ) -> Result<Option<Row>, Error> {
        let mut rows = self.query(doing, sql, params).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            n => Err(Error::protocol(
                doing,
                format!("the server gave {n} rows where at most one was expected"),
            )),
        }
    }

    pub async fn query_one(&self, doing: &str, sql: &str, params: &[&dyn Param]) -> Result<Row, Error> {
        self.query_opt(doing, sql, params)
            .await?
            .ok_or_else(|| Error::protocol(doing, "the server gave no row where one was expected"))
    }

    /// The single `json` or `jsonb` value of a query, read into a type.
    pub async fn json<T: DeserializeOwned>(
        &self,
        doing: &str,
        sql: &str,
        params: &[&dyn Param],
    ) -> Result<T, Error> {
        let row = self.query_one(doing, sql, params).await?;
        let value: Json<T> = row.try_get(0).map_err(|e| Error::protocol(doing, chain(&e)))?;
        Ok(value.0)
    }

    /// Rows as text by the simple protocol, columns in order: for SQL of the operator's, whose types are unknown.
    pub async fn query_text(
        &self,
        doing: &str,
        sql: &str,
        limits: &Limits,
    ) -> Result<Vec<Vec<Option<String>>>, Error> {
        let messages = self.run(doing, Some(limits), Stake::Nothing, self.client().simple_query(sql)).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Begins a transaction, READ COMMITTED whatever the role's default, with limits until its end.
    pub async fn transaction(&mut self, doing: &str, limits: &Limits) -> Result<Tx<'_>, Error> {
        Tx::begin(self, doing, limits, "READ COMMITTED").await
    }

    /// Begins a transaction that only reads and sees one state of the database throughout.
    pub async fn snapshot(&mut self, doing: &str, limits: &Limits) -> Result<Tx<'_>, Error> {
        Tx::begin(self, doing, limits, "REPEATABLE READ READ ONLY").await
    }

    /// What may cancel this session's statement from another task.
    pub fn canceller(&self) -> Canceller {
        Canceller {
            token: self.client().cancel_token(),
            tls: self.link.tls.clone(),
            side: self.link.side.clone(),
        }
    }

    /// What the server said since the last call: warnings and worse.
    pub fn take_notices(&self) -> Vec<Notice> {
        self.link.side.take_notices()
    }

    /// The server process at the other end when the session was opened.
    pub fn backend_pid(&self) -> i32 {
        self.facts().backend_pid
    }

    /// `server_version_num`: 150018 is 15.18.
    pub fn server_version(&self) -> u32 {
        self.facts().server_version
    }

    /// The host this session is with, of those configured.
    pub fn host(&self) -> &str {
        &self.facts().host
    }

    /// Whether the server was a standby when the session was opened.
    pub fn is_standby(&self) -> bool {
        self.facts().in_recovery
    }

    /// Whether a pooler stands between. Then nothing is set for the session, because it would leak to other
    /// clients: limits hold in transactions only.
    pub fn is_pooled(&self) -> bool {
        self.facts().pooled
    }

    pub fn is_closed(&self) -> bool {
        self.link.side.is_given_up() || self.client().is_closed()
    }

    /// Closes the connection at once; what is under way is cancelled by the server when it notices.
    pub fn give_up(&self) {
        self.link.side.give_up();
    }

    /// Whether it was set up not to write, so that a refusal is no news.
    fn only_reads(&self) -> bool {
        self.setup
            .settings
            .iter()
            .any(|(name, value)| name == "default_transaction_read_only" && value == "on")
    }

    pub(super) fn side(&self) -> &Arc<Side> {
        &self.link.side
    }

    fn facts(&self) -> &Facts {
        &self.link.facts
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(super) fn state_mut(&mut self) -> &mut State {
        self.state.get_mut()
    }

    pub(super) fn client(&self) -> &Client {
        match &self.holder {
            Holder::Own(client) => client,
            Holder::Pooled(object) => object,
        }
    }

    /// Runs one statement under limits. `answer` sends when it is first polled.
    pub(super) async fn run<T>(
        &self,
        doing: &str,
        limits: Option<&Limits>,
        stake: Stake,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let (mut state, in_force) = self.turn(doing, limits).await?;
        let stake = if state.in_transaction { Stake::Nothing } else { stake };
        let prefix = self.prefix(&mut state, &in_force, limits.is_some());
        let limits = in_force;
        state.busy = true;
        let both = async {
            match &prefix {
                // In one go: the settings are on the wire before the statement, without a round trip of their own.
                Some(set) => {
                    let (set, answer) = tokio::join!(biased; self.client().batch_execute(set), answer);
                    answer.and_then(|answer| set.map(|()| answer))
                }
                None => answer.await,
            }
        };
        let result = self.finish(doing, begun, &limits, stake, both).await;
        state.busy = false;
        let refused = |error: &Error| error.sqlstate() == Some(sqlstate::READ_ONLY_TRANSACTION);
        if result.as_ref().is_err_and(refused) && !state.reads && !self.only_reads() {
            // No primary any more: the next session is to look for one.
            self.link.side.give_up();
        }
        result
    }

    /// Waits for the statements before this one, and refuses when there is no connection to send on:
    /// then nothing is in doubt.
    pub(super) async fn turn(
        &self,
        doing: &str,
        limits: Option<&Limits>,
    ) -> Result<(MutexGuard<'_, State>, Limits), Error> {
        let patience = limits.map_or(self.setup.limits.client, |limits| limits.client);
        let Ok(state) = timeout(patience, self.state.lock()).await else {
            return Err(Error::new(doing, ErrorKind::Timeout { after: patience, outcome_unknown: false }));
        };
        if self.is_closed() {
            let ended = self.link.side.ended().unwrap_or_else(|| Ended {
                reason: "the session had been given up".to_owned(),
                server: None,
            });
            let kind = ErrorKind::Lost { outcome_unknown: false, reason: ended.reason, server: ended.server };
            return Err(Error::new(doing, kind));
        }
        let usual = if state.in_transaction { state.limits } else { self.setup.limits };
        Ok((state, limits.copied().unwrap_or(usual)))
    }

    /// The settings to send before a statement, if the server has others in force.
    fn prefix(&self, state: &mut State, limits: &Limits, explicit: bool) -> Option<String> {
        if state.in_transaction {
            state.limits = *limits;
            // Always, because a rollback to a savepoint takes SET LOCAL back without a word.
            return explicit.then(|| limits.sql(Scope::Transaction));
        }
        if self.is_pooled() || state.limits.same_on_server(limits) {
            return None;
        }
        state.limits = *limits;
        Some(limits.sql(Scope::Session))
    }

    /// Waits for an answer until the deadline.
    pub(super) async fn finish<T>(
        &self,
        doing: &str,
        begun: Instant,
        limits: &Limits,
        stake: Stake,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        match timeout_at(begun + limits.client, answer).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(e)) => Err(Error::from_statement(doing, &e, stake, self.link.side.ended())),
            Err(_) => {
                let outcome_unknown = stake == Stake::Effect;
                // What may be a commit that waits for its standby is not cancelled: it would be done here and
                // nowhere else. Anything else the server ends when it notices that nobody is there.
                if !outcome_unknown {
                    let canceller = self.canceller();
                    tokio::spawn(async move { canceller.cancel(CANCEL_DEADLINE).await });
                }
                self.link.side.give_up();
                Err(Error::new(doing, ErrorKind::Timeout { after: limits.client, outcome_unknown }))
            }
        }
    }
}

impl Drop for Session {
    /// Nobody waits for what it still runs. The closed socket tells the server to end it; a quiet goodbye would
    /// wait behind it, and a pool would hand the session out with it.
    fn drop(&mut self) {
        if self.state.get_mut().busy {
            self.link.side.give_up();
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("facts", self.facts()).field("closed", &self.is_closed()).finish()
    }
}

fn typed<'a>(params: &[&'a dyn Param]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (param.value(), param.sql_type())).collect()
}

fn affected(message: &SimpleQueryMessage) -> Option<u64> {
    match message {
        SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
        _ => None,
    }
}

/// Cancels what a session is doing, over a connection of its own. Works while the statement runs.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
    side: Arc<Side>,
}

impl Canceller {
    /// Asks the server to cancel; that it did shows only in the statement's own end (57014). A COMMIT under way is
    /// left alone: where it waits for a synchronous standby, it would be done here and nowhere else.
    pub async fn cancel(&self, deadline: Duration) -> Result<(), Error> {
        const DOING: &str = "asking the server to cancel a statement";
        let Ok(_none_begins) = self.side.committing.try_lock() else { return Ok(()) };
        let request = async {
            match &self.tls {
                Some(tls) => self.token.cancel_query(tls.clone()).await,
                None => self.token.cancel_query(NoTls).await,
            }
        };
        match timeout(deadline, request).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(Error::from_statement(DOING, &e, Stake::Nothing, None)),
            Err(_) => Err(Error::new(DOING, ErrorKind::Timeout { after: deadline, outcome_unknown: false })),
        }
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canceller")
    }
}
