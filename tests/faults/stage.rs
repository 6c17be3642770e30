//! Owns where a case plays: the servers, the databases each begins with, and what a fault does to them.
#![allow(dead_code, reason = "the matrix and the soak each use a part of it")]

use super::common::{At, Folder, PATIENCE, segue, wait_for};
use segue::sandbox::{Cluster, Options, Pair, Shutdown};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What the rollout finds: enough rows for several slices, a foreign key, an index on what changes.
const BEFORE: &str = "
CREATE TABLE owner (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO owner SELECT n, 'owner ' || n FROM generate_series(1, 20) n;
CREATE TABLE account (id bigint PRIMARY KEY, owner bigint NOT NULL REFERENCES owner, balance integer NOT NULL,
                      email text NOT NULL, legacy text NOT NULL DEFAULT 'l');
CREATE INDEX account_balance ON account (balance);
INSERT INTO account SELECT n, 1 + n % 20, n, 'User' || n || '@Example.org', 'l' FROM generate_series(1, ROWS) n;
CREATE TABLE ops (id bigint PRIMARY KEY, account bigint NOT NULL, delta integer NOT NULL);
ANALYZE;
";

/// A column of another type, filled and indexed; a new one that may not be null; one that goes.
pub const PLAN: &str = "
operations:
  - alter_column: {table: account, column: balance, type: bigint, up: 'balance::bigint * 100', down: '(balance / 100)::integer'}
  - add_column: {table: account, column: {name: login, type: text, nullable: false}, up: lower(email)}
  - create_index: {table: account, name: account_login, columns: [{column: login}]}
  - drop_column: {table: account, column: legacy, down: \"'l'\"}
  - rename_table: {from: owner, to: holder}
backfill: {vacuum: true, slice_time: 10ms}
";

/// What an operator with a maintenance window would run instead.
pub const PLAIN: &str = "
ALTER TABLE account ALTER balance TYPE bigint USING balance::bigint * 100;
ALTER TABLE account ADD login text;
UPDATE account SET login = lower(email);
ALTER TABLE account ALTER login SET NOT NULL;
CREATE INDEX account_login ON account (login);
ALTER TABLE account DROP legacy;
ALTER TABLE owner RENAME TO holder;
";

/// SQL of the operator's own that cannot be in a transaction.
const SCRIPT: &str = "
operations:
  - sql: {up: CREATE INDEX CONCURRENTLY by_email ON account (email), down: DROP INDEX CONCURRENTLY IF EXISTS by_email}
";
pub const SCRIPT_PLAIN: &str = "CREATE INDEX by_email ON account (email)";

enum Servers {
    One(Cluster),
    Two(Pair),
}

pub struct Stage {
    servers: Servers,
    promoted: AtomicBool,
    count: AtomicU32,
    pub folder: Folder,
    pub plan: String,
    pub script: String,
    rows: u32,
}

impl Stage {
    /// With a standby, or without.
    pub fn start(two: bool) -> Stage {
        Stage::with_rows(two, 1500)
    }

    /// With so many rows to fill.
    pub fn with_rows(two: bool, rows: u32) -> Stage {
        let options = Options::test();
        let servers = match two {
            true => Servers::Two(Pair::start(&options).expect("a pair")),
            false => Servers::One(Cluster::start(&options).expect("a server")),
        };
        let folder = Folder::new();
        let (plan, script) = (folder.file("plan.yaml", PLAN), folder.file("script.yaml", SCRIPT));
        let count = AtomicU32::new(0);
        Stage { servers, promoted: AtomicBool::new(false), count, folder, plan, script, rows }
    }

    /// The server that takes writes.
    pub fn server(&self) -> &Cluster {
        match &self.servers {
            Servers::One(cluster) => cluster,
            Servers::Two(pair) if self.promoted.load(Ordering::Acquire) => &pair.standby,
            Servers::Two(pair) => &pair.primary,
        }
    }

    /// Where Segue finds a database: whichever server takes writes.
    pub fn url(&self, database: &str) -> String {
        match &self.servers {
            Servers::One(cluster) => cluster.url(database),
            Servers::Two(Pair { primary, standby }) => format!(
                "postgresql://postgres@/{database}?host={},{}&port={},{}&target_session_attrs=read-write",
                primary.directory().display(),
                standby.directory().display(),
                primary.port(),
                standby.port()
            ),
        }
    }

    pub fn at<'a>(&'a self, database: &'a str) -> At<'a> {
        At { cluster: self.server(), name: database }
    }

    fn before(&self) -> String {
        BEFORE.replace("ROWS", &self.rows.to_string())
    }

    /// The standby, where there is one.
    pub fn standby(&self) -> Option<&Cluster> {
        match &self.servers {
            Servers::One(_) => None,
            Servers::Two(pair) => Some(&pair.standby),
        }
    }

    /// A database of one's own as it was before any rollout.
    pub fn fresh(&self) -> String {
        self.copy_of("fresh", |at, _| drop(at.query(&self.before())))
    }

    /// A database of one's own with the rollout in `ready`.
    pub fn ready(&self) -> String {
        self.copy_of("ready", |at, url| {
            at.query(&self.before());
            segue(url, &["start", &self.plan]).exits(0);
        })
    }

    /// Where the rollout stands, by its row; empty: there is none.
    pub fn state(&self, database: &str) -> String {
        let at = self.at(database);
        match at.is_true("SELECT to_regclass('segue.rollouts') IS NOT NULL") {
            true => at.value("SELECT state FROM segue.rollouts ORDER BY id DESC LIMIT 1").unwrap_or_default(),
            false => String::new(),
        }
    }

    /// Copies a template, which is made first where it is not there yet.
    fn copy_of(&self, template: &str, make: impl FnOnce(At<'_>, &str)) -> String {
        let postgres = self.at("postgres");
        if !postgres.is_true(&format!("SELECT EXISTS (SELECT FROM pg_database WHERE datname = '{template}')"))
        {
            postgres.query(&format!("CREATE DATABASE {template} TEMPLATE template0"));
            make(self.at(template), &self.url(template));
        }
        self.wait_unused(template);
        let name = format!("case_{}", self.count.fetch_add(1, Ordering::Relaxed));
        // Copied by WAL, a sequence of the template's that is ahead of its page would fall back at the next crash.
        let strategy = if self.server().binaries().major() >= 15 { " STRATEGY file_copy" } else { "" };
        postgres.query(&format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}"));
        name
    }

    fn wait_unused(&self, database: &str) {
        let sql = format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{database}')");
        wait_for("a template to be left alone", PATIENCE, || self.at("postgres").is_true(&sql).then_some(()));
    }

    pub fn drop(&self, database: &str) {
        self.at("postgres").query(&format!("DROP DATABASE {database} WITH (FORCE)"));
    }

    /// Ends Segue's sessions with a database.
    pub fn cut(&self, database: &str) {
        self.at("postgres").query(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = '{database}' AND application_name LIKE 'segue/%'"
        ));
    }

    /// A crash of the server, which is there again at once.
    pub fn restart(&self) {
        self.server().stop(Shutdown::Immediate).expect("it stops");
        self.server().start_again().expect("it starts again");
    }

    /// The primary dies, and its standby takes over.
    pub fn promote(&self) {
        let Servers::Two(pair) = &self.servers else { unreachable!("it has no standby") };
        pair.primary.kill9().expect("it is killed");
        pair.standby.promote().expect("it is promoted");
        self.promoted.store(true, Ordering::Release);
    }
}
