//! Owns how long a statement may take and how a session is set up. Must not talk to a server:
//! it only writes the SQL that does so.

use crate::ident::{self, Ident};
use std::{fmt::Write as _, time::Duration};

/// A transaction in which Segue sends nothing for this long is ended by the server, so that a
/// Segue that was stopped or cut off holds no lock and no snapshot.
pub const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// How long one statement may take. `None` is no limit on the server's side; our own always ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `lock_timeout`: per lock waited for.
    pub lock: Option<Duration>,
    /// `statement_timeout`; does not cover COMMIT.
    pub statement: Option<Duration>,
    /// Our own deadline for the answer. A session that passes it is cancelled and given up, so it
    /// should be well over `statement`.
    pub client: Duration,
}

impl Limits {
    /// For questions to the catalog.
    pub const READ: Limits = Limits {
        lock: Some(Duration::from_secs(2)),
        statement: Some(Duration::from_secs(30)),
        client: Duration::from_secs(40),
    };

    pub fn new(lock: Duration, statement: Duration) -> Limits {
        Limits { lock: Some(lock), statement: Some(statement), client: statement + Duration::from_secs(10) }
    }

    /// No limit on the server, as a concurrent index build needs; ours is `client`.
    pub fn unlimited(client: Duration) -> Limits {
        Limits { lock: None, statement: None, client }
    }

    pub(super) fn sql(&self, scope: Scope) -> String {
        let (set, lock, statement) = (scope.set(), millis(self.lock), millis(self.statement));
        format!("{set} lock_timeout = {lock}; {set} statement_timeout = {statement};")
    }

    pub(super) fn same_on_server(&self, other: &Limits) -> bool {
        self.lock == other.lock && self.statement == other.statement
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::READ
    }
}

/// 0 means "no limit" to the server, so a limit under a millisecond is rounded up.
fn millis(limit: Option<Duration>) -> u128 {
    limit.map_or(0, |d| d.as_millis().clamp(1, i32::MAX as u128))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Session,
    Transaction,
}

impl Scope {
    fn set(self) -> &'static str {
        match self {
            Scope::Session => "SET",
            Scope::Transaction => "SET LOCAL",
        }
    }
}

/// What a session starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Empty: names must be qualified, which is what Segue's own SQL does.
    pub search_path: Vec<Ident>,
    pub limits: Limits,
    /// Further settings, set last: `("synchronous_commit", "off")`.
    pub settings: Vec<(String, String)>,
}

impl Setup {
    /// Commits wait for this server's disk and for no standby, so that Segue can be steered while commits hang. The log has one
    /// order: whatever is committed later and does wait for a standby takes these along.
    pub fn without_standby(mut self) -> Setup {
        self.settings.push(("synchronous_commit".to_owned(), "local".to_owned()));
        self
    }

    /// Everything that must hold, as one message. A value means the same under every role's and database's defaults.
    pub(super) fn sql(&self, scope: Scope) -> String {
        let set = scope.set();
        let path = match self.search_path.is_empty() {
            true => "''".to_owned(),
            false => ident::list(&self.search_path),
        };
        let mut sql = format!(
            "{set} client_min_messages = warning; {set} search_path = {path}; {set} TimeZone = 'UTC'; \
             {set} DateStyle = 'ISO, YMD'; {set} IntervalStyle = 'postgres'; {set} extra_float_digits = 1; \
             {set} standard_conforming_strings = on; {set} bytea_output = 'hex'; \
             {set} quote_all_identifiers = off; {set} idle_session_timeout = 0; \
             {set} idle_in_transaction_session_timeout = {}; {}",
            IDLE_IN_TRANSACTION.as_millis(),
            self.limits.sql(scope),
        );
        let local = scope == Scope::Transaction;
        // There from PostgreSQL 17 on. An index is built in what counts as one transaction.
        write!(
            sql,
            " SELECT pg_catalog.set_config('transaction_timeout', '0', {local}) \
             WHERE pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL;"
        )
        .expect("a String grows");
        // Where pgroll was, its event triggers would write down each of our statements as a migration, and wait for
        // each other while they do. These settings of its own keep them quiet; elsewhere they mean nothing.
        for name in ["pgroll.no_inferred_migrations", "pgroll.internal"] {
            write!(sql, " {set} {name} = 'TRUE';").expect("a String grows");
        }
        for (name, value) in &self.settings {
            let (name, value) = (ident::literal(name), ident::literal(value));
            write!(sql, " SELECT pg_catalog.set_config({name}, {value}, {local});").expect("a String grows");
        }
        sql
    }

    /// What helps the server notice that we are gone, each sent by itself because platforms may refuse it.
    pub(super) const OPTIONAL: [&str; 2] = [
        "SET client_connection_check_interval = '2s'",
        "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3; \
         SET tcp_user_timeout = '10s'",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_zero_and_a_small_one_is_not() {
        let limits = Limits { lock: Some(Duration::from_micros(10)), ..Limits::unlimited(Duration::MAX) };
        assert_eq!(
            limits.sql(Scope::Transaction),
            "SET LOCAL lock_timeout = 1; SET LOCAL statement_timeout = 0;"
        );
    }

    #[test]
    fn names_and_values_are_quoted() {
        let setup = Setup {
            search_path: vec!["a\"b".into(), "public".into()],
            settings: vec![("synchronous_commit".into(), "o'ff".into())],
            ..Setup::default()
        };
        let sql = setup.sql(Scope::Session);
        assert!(sql.contains("SET search_path = \"a\"\"b\", \"public\";"), "{sql}");
        assert!(sql.contains("set_config('synchronous_commit', 'o''ff', false)"), "{sql}");
        assert!(Setup::default().sql(Scope::Session).contains("SET search_path = '';"));
    }
}
