//! Owns the applications of the demonstration: what the old and the new version write and read, all the time, each through its
//! own version schema. An error is never retried and a wrong answer is an error. Must not know how the rollout stands.

use super::{
    error::{DemoError, Doing},
    tally::{Committed, Tally},
};
use crate::{
    ident::{self, Ident},
    sandbox::{
        Cluster,
        wire::{Rows, Session, WireError},
    },
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The application may wait this long for one statement before that is an error.
const STATEMENT_TIMEOUT: &str = "10s";

/// Which version of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Counts in whole units, knows `bid` and `filler`.
    Old,
    /// Counts in cents, knows `branch_id` and `risk`.
    New,
}

impl Version {
    pub(super) fn name(self) -> &'static str {
        match self {
            Version::Old => "old version",
            Version::New => "new version",
        }
    }
}

/// What an application is to do.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub version: Version,
    pub version_schema: Ident,
    pub threads: u32,
    /// Transactions a second, of all threads together, at most.
    pub per_second: f64,
    /// Accounts that there were at the beginning: 1..=accounts.
    pub accounts: u64,
    pub branches: u64,
    /// The next account's number, for all applications.
    pub next_account: Arc<AtomicU64>,
}

/// A running application. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Application {
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Application {
    /// Starts it; its sessions are open when this returns.
    pub(super) fn start(cluster: &Cluster, load: &Load, origin: Instant) -> Result<Application, DemoError> {
        let tally = Arc::new(Tally::new(origin));
        let stop = Arc::new(AtomicBool::new(false));
        let mut application = Application { tally, stop, threads: Vec::new() };
        let (directory, port) = (cluster.directory().to_owned(), cluster.port());
        let period = Duration::from_secs_f64(f64::from(load.threads) / load.per_second);
        for number in 0..load.threads {
            let session = open(&directory, port, load)?;
            let worker = Worker { session, load: load.clone(), tally: Arc::clone(&application.tally) };
            let stop = Arc::clone(&application.stop);
            // Evenly spread, so that not all come at once.
            let first = Instant::now() + period.mul_f64(f64::from(number) / f64::from(load.threads));
            application.threads.push(thread::spawn(move || worker.run(period, first, &stop)));
        }
        Ok(application)
    }

    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    pub(super) fn is_running(&self) -> bool {
        !self.threads.is_empty()
    }

    /// Ends after the transactions under way, and closes the sessions.
    pub(super) fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.tally.error("a thread of the application ended in panic".to_owned());
            }
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open(directory: &Path, port: u16, load: &Load) -> Result<Session, DemoError> {
    let connect = || -> Result<Session, WireError> {
        let mut session = Session::open(&PathBuf::from(directory), port, super::stage::DATABASE)?;
        session.query(&format!(
            "SET search_path = {}, public; SET statement_timeout = '{STATEMENT_TIMEOUT}'; SET application_name = {}",
            load.version_schema,
            ident::literal(&format!("bank, {}", load.version.name())),
        ))?;
        Ok(session)
    };
    connect().doing(|| format!("the {} of the application cannot connect", load.version.name()))
}

struct Worker {
    session: Session,
    load: Load,
    tally: Arc<Tally>,
}

/// Why a transaction was not to be had.
enum Trouble {
    /// The session can go on.
    Refused(String),
    /// It cannot.
    Lost(String),
}

impl Worker {
    fn run(mut self, period: Duration, first: Instant, stop: &AtomicBool) {
        let mut next = first;
        while !stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            if now < next {
                thread::sleep((next - now).min(Duration::from_millis(50)));
                continue;
            }
            // An application that had to wait has not saved up the time.
            next = (next + period).max(now);
            let trouble = match fastrand::u8(..) {
                0..16 => self.open_account(),
                16..80 => self.look(),
                _ => self.book(),
            };
            match trouble {
                Ok(done) => self.tally.committed(done),
                Err(Trouble::Refused(text)) => {
                    self.tally.error(text);
                    // Ends the transaction where one is open; else it is only a warning.
                    if self.session.query("ROLLBACK").is_err() {
                        return;
                    }
                }
                Err(Trouble::Lost(text)) => {
                    self.tally.error(text);
                    return;
                }
            }
        }
    }

    /// pgbench's simple update, with the answers checked.
    fn book(&mut self) -> Result<Committed, Trouble> {
        let account = fastrand::u64(1..=self.load.accounts);
        let delta = fastrand::i32(-5_000..=5_000);
        let balances = match self.load.version {
            Version::Old => {
                self.ask("BEGIN", "BEGIN")?;
                let updated = self.ask(
                    "UPDATE",
                    &format!(
                        "UPDATE pgbench_accounts SET abalance = abalance + {delta} WHERE aid = {account} RETURNING abalance"
                    ),
                )?;
                let read = self
                    .ask("SELECT", &format!("SELECT abalance FROM pgbench_accounts WHERE aid = {account}"))?;
                (updated, read)
            }
            Version::New => {
                let cents = i64::from(delta) * 100;
                self.ask("BEGIN", "BEGIN")?;
                let updated = self.ask(
                    "UPDATE",
                    &format!(
                        "UPDATE pgbench_accounts SET abalance = abalance + {cents}, \
                         risk = CASE WHEN abalance + {cents} < 0 THEN 'overdrawn' ELSE 'fine' END \
                         WHERE aid = {account} RETURNING abalance, risk, branch_id"
                    ),
                )?;
                let read = self.ask(
                    "SELECT",
                    &format!("SELECT abalance, risk, branch_id FROM pgbench_accounts WHERE aid = {account}"),
                )?;
                (updated, read)
            }
        };
        expect(balances.0 == balances.1, || {
            format!(
                "account {account}: UPDATE answered {:?} and SELECT after it {:?}",
                balances.0, balances.1
            )
        })?;
        self.check(account, &balances.1)?;
        self.record(account, delta)?;
        self.ask("COMMIT", "COMMIT")?;
        Ok(Committed { transactions: 1, booked: 1, inserted: 0, delta: i64::from(delta) })
    }

    /// A new account with a first payment.
    fn open_account(&mut self) -> Result<Committed, Trouble> {
        let account = self.load.next_account.fetch_add(1, Ordering::Relaxed);
        let branch = fastrand::u64(1..=self.load.branches);
        let delta = fastrand::i32(-500..=5_000);
        self.ask("BEGIN", "BEGIN")?;
        let insert = match self.load.version {
            Version::Old => format!(
                "INSERT INTO pgbench_accounts (aid, bid, abalance, filler) VALUES ({account}, {branch}, {delta}, '')"
            ),
            Version::New => format!(
                "INSERT INTO pgbench_accounts (aid, branch_id, abalance, risk) VALUES ({account}, {branch}, {}, '{}')",
                i64::from(delta) * 100,
                if delta < 0 { "overdrawn" } else { "fine" },
            ),
        };
        self.ask("INSERT", &insert)?;
        self.record(account, delta)?;
        self.ask("COMMIT", "COMMIT")?;
        Ok(Committed { transactions: 1, booked: 1, inserted: 1, delta: i64::from(delta) })
    }

    /// Reads a few neighbours.
    fn look(&mut self) -> Result<Committed, Trouble> {
        let first = fastrand::u64(1..=self.load.accounts.saturating_sub(10).max(1));
        let columns = match self.load.version {
            Version::Old => "abalance, bid, filler",
            Version::New => "abalance, risk, branch_id",
        };
        let rows = self.ask(
            "SELECT",
            &format!(
                "SELECT {columns} FROM pgbench_accounts WHERE aid BETWEEN {first} AND {} ORDER BY aid",
                first + 9
            ),
        )?;
        expect(rows.len() == 10, || {
            format!("10 accounts from {first} on were asked for, {} came", rows.len())
        })?;
        for row in rows {
            self.check(first, &vec![row])?;
        }
        Ok(Committed { transactions: 1, ..Committed::default() })
    }

    fn record(&mut self, account: u64, delta: i32) -> Result<(), Trouble> {
        let branch = fastrand::u64(1..=self.load.branches);
        let insert = format!(
            "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) \
             VALUES ({}, {branch}, {account}, {delta}, CURRENT_TIMESTAMP)",
            branch * 10
        );
        self.ask("INSERT", &insert).map(|_| ())
    }

    /// The new version never sees an account whose risk does not fit its balance; the old one sees whole numbers.
    fn check(&self, account: u64, rows: &Rows) -> Result<(), Trouble> {
        let right = match (self.load.version, rows.as_slice()) {
            (Version::Old, [row]) => {
                row.first().cloned().flatten().and_then(|b| b.parse::<i32>().ok()).is_some()
            }
            (Version::New, [row]) => match row.as_slice() {
                [Some(balance), Some(risk), Some(_)] => balance
                    .parse::<i64>()
                    .is_ok_and(|cents| cents % 100 == 0 && (cents < 0) == (risk == "overdrawn")),
                _ => false,
            },
            _ => false,
        };
        expect(right, || format!("account {account} reads {rows:?} in the {}", self.load.version.name()))
    }

    fn ask(&mut self, what: &'static str, sql: &str) -> Result<Rows, Trouble> {
        let sent = Instant::now();
        let answer = self.session.query(sql);
        self.tally.time(what, sent.elapsed());
        answer.map_err(|error| {
            let text = format!("{}, {what}: {error}", self.load.version.name());
            match &error {
                WireError::Server(server) if server.severity == "ERROR" => Trouble::Refused(text),
                _ => Trouble::Lost(text),
            }
        })
    }
}

fn expect(right: bool, wrong: impl FnOnce() -> String) -> Result<(), Trouble> {
    if right { Ok(()) } else { Err(Trouble::Refused(format!("a wrong answer: {}", wrong()))) }
}

#[cfg(test)]
mod tests {
    use super::{super::stage, *};
    use crate::sandbox::{Options, SandboxError, wait_for};

    /// pgbench's tables, and a version schema as a rollout would publish it.
    fn bank() -> Option<Cluster> {
        let cluster = match Cluster::start(&Options::test()) {
            Ok(cluster) => cluster,
            Err(error @ SandboxError::NoServer { .. }) => {
                eprintln!("skipped: {error}");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        cluster.query("postgres", &format!("CREATE DATABASE {}", stage::DATABASE)).unwrap();
        for sql in stage::by_sql(1) {
            cluster.query(stage::DATABASE, &sql).unwrap();
        }
        let views =
            "CREATE SCHEMA v1; CREATE VIEW v1.pgbench_accounts AS SELECT * FROM public.pgbench_accounts";
        cluster.query(stage::DATABASE, views).unwrap();
        Some(cluster)
    }

    fn load() -> Load {
        Load {
            version: Version::Old,
            version_schema: Ident::new("v1"),
            threads: 3,
            per_second: 400.0,
            accounts: stage::ROWS_A_SCALE,
            branches: 1,
            next_account: Arc::new(AtomicU64::new(stage::ROWS_A_SCALE + 1)),
        }
    }

    fn number(cluster: &Cluster, sql: &str) -> i64 {
        cluster.query(stage::DATABASE, sql).unwrap()[0][0].as_deref().unwrap().parse().unwrap()
    }

    #[test]
    fn the_books_of_the_application_are_those_of_the_database() {
        let Some(cluster) = bank() else { return };
        let mut application = Application::start(&cluster, &load(), Instant::now()).unwrap();
        let tally = Arc::clone(application.tally());
        wait_for("300 transactions", Duration::from_secs(20), || Ok(tally.so_far().transactions >= 300))
            .unwrap();
        application.stop();
        let done = tally.so_far();
        assert_eq!(tally.errors(), Vec::<String>::new());
        assert_eq!(number(&cluster, "SELECT sum(abalance) FROM pgbench_accounts"), done.delta);
        assert_eq!(number(&cluster, "SELECT count(*) FROM pgbench_history") as u64, done.booked);
        let accounts = number(&cluster, "SELECT count(*) FROM pgbench_accounts") as u64;
        assert_eq!(accounts, stage::ROWS_A_SCALE + done.inserted);
        assert!(tally.between(0, u32::MAX).len() as u64 >= done.transactions);
    }

    #[test]
    fn a_version_that_is_gone_is_an_error_and_so_is_a_wrong_answer() {
        let Some(cluster) = bank() else { return };
        let mut application = Application::start(&cluster, &load(), Instant::now()).unwrap();
        let tally = Arc::clone(application.tally());
        let break_it = "CREATE OR REPLACE FUNCTION public.wrong() RETURNS trigger LANGUAGE plpgsql AS \
                        'BEGIN NEW.abalance := NULL; RETURN NEW; END'; \
                        CREATE TRIGGER wrong BEFORE UPDATE ON public.pgbench_accounts FOR EACH ROW EXECUTE FUNCTION public.wrong()";
        cluster.query(stage::DATABASE, break_it).unwrap();
        wait_for("an error", Duration::from_secs(20), || Ok(tally.error_count() > 0)).unwrap();
        assert!(tally.errors()[0].starts_with("a wrong answer: account "), "{:?}", tally.errors());
        let so_far = tally.error_count();
        // One lock a transaction, or the application and this could wait for each other.
        for gone in [
            "DROP TRIGGER wrong ON public.pgbench_accounts",
            "ALTER SCHEMA v1 RENAME TO gone",
            "ALTER TABLE public.pgbench_accounts RENAME TO gone",
        ] {
            cluster.query(stage::DATABASE, gone).unwrap();
        }
        wait_for("more errors", Duration::from_secs(20), || Ok(tally.error_count() > so_far + 3)).unwrap();
        application.stop();
        assert_eq!(number(&cluster, "SELECT count(*) FROM pgbench_history") as u64, tally.so_far().booked);
    }
}
