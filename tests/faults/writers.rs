//! Owns the two versions of the application: they add to balances and open accounts, and note each write in the same
//! transaction, so that what must be there at the end is known whatever was lost on the way.

use super::common::{PATIENCE, wait_for};
use super::stage::Stage;
use segue::sandbox::wire::{Session, WireError};
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    Old,
    New,
}

/// Errors that a fault of the server's own gives every client, whoever caused it.
const GONE: [&str; 6] = ["57P01", "57P02", "57P03", "25006", "08006", "53300"];
/// Accounts from here on were opened by the applications.
pub const OPENED_FROM: i64 = 1_000_000;

/// What the writers of one case share.
pub struct Writers<'s> {
    stage: &'s Stage,
    database: &'s str,
    /// Whether the fault is one that the applications feel: then they connect anew.
    felt: bool,
    next: AtomicI64,
    stop: HashMap<Version, AtomicBool>,
    /// Sessions that have not ended.
    writing: HashMap<Version, AtomicUsize>,
    passes: HashMap<Version, AtomicU64>,
    /// Numbers of the writes that were acknowledged.
    acknowledged: Mutex<Vec<i64>>,
    failed: Mutex<Option<String>>,
    longest: AtomicU64,
    /// How much slower than usual.
    pub pace: AtomicU64,
}

impl<'s> Writers<'s> {
    pub fn new(stage: &'s Stage, database: &'s str, felt: bool) -> Writers<'s> {
        let both = [Version::Old, Version::New];
        Writers {
            stage,
            database,
            felt,
            next: AtomicI64::new(1),
            stop: both.into_iter().map(|version| (version, AtomicBool::default())).collect(),
            writing: both.into_iter().map(|version| (version, AtomicUsize::default())).collect(),
            passes: both.into_iter().map(|version| (version, AtomicU64::default())).collect(),
            acknowledged: Mutex::default(),
            failed: Mutex::default(),
            longest: AtomicU64::new(0),
            pace: AtomicU64::new(1),
        }
    }

    /// One session's life; to be run on a thread of its own.
    pub fn write(&self, version: Version) {
        self.writing[&version].fetch_add(1, Ordering::SeqCst);
        let ended = self.until_stopped(version);
        self.writing[&version].fetch_sub(1, Ordering::SeqCst);
        if let Err(error) = ended {
            self.failed
                .lock()
                .unwrap()
                .get_or_insert(format!("the {version:?} version's application failed: {error}"));
        }
    }

    /// Has this version write no more, and waits until it does not: what one of its sessions is about to send must not
    /// reach a schema that is not its own any more.
    #[track_caller]
    pub fn stop(&self, version: Version) {
        self.tell(version);
        wait_for("the version's application to stop", PATIENCE, || {
            (self.writing[&version].load(Ordering::SeqCst) == 0).then_some(())
        });
    }

    fn tell(&self, version: Version) {
        self.stop[&version].store(true, Ordering::SeqCst);
    }

    /// Tells both versions to stop when what it gives is dropped.
    pub fn until_dropped(&self) -> impl Drop + '_ {
        Over(self)
    }

    /// Numbers of the writes that were acknowledged.
    pub fn acknowledged(&self) -> Vec<i64> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Until this version has written so often again.
    #[track_caller]
    pub fn wait_passes(&self, version: Version, count: u64) {
        let goal = self.passes[&version].load(Ordering::Acquire) + count;
        wait_for("the applications to write", PATIENCE, || {
            self.check();
            (self.passes[&version].load(Ordering::Acquire) >= goal).then_some(())
        });
    }

    #[track_caller]
    pub fn check(&self) {
        if let Some(error) = self.failed.lock().unwrap().clone() {
            panic!("{error}");
        }
    }

    /// The longest that a statement took.
    pub fn longest(&self) -> Duration {
        Duration::from_millis(self.longest.load(Ordering::Relaxed))
    }

    fn stopped(&self, version: Version) -> bool {
        self.stop[&version].load(Ordering::SeqCst)
    }

    fn until_stopped(&self, version: Version) -> Result<(), String> {
        let mut session = None;
        while !self.stopped(version) {
            let Some(open) = &mut session else {
                session = self.connect(version)?;
                continue;
            };
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let (sql, began) = (statement(version, number), Instant::now());
            match open.query(&sql) {
                Ok(_) => {
                    self.longest.fetch_max(began.elapsed().as_millis() as u64, Ordering::Relaxed);
                    self.acknowledged.lock().unwrap().push(number);
                    self.passes[&version].fetch_add(1, Ordering::Release);
                }
                Err(error) if self.may_be_felt(&error) => session = None,
                Err(error) => return Err(format!("{error}\nin: {sql}")),
            }
            // The pace of an application; the tests' machine is small.
            thread::sleep(Duration::from_millis(fastrand::u64(2..8) * self.pace.load(Ordering::Relaxed)));
        }
        Ok(())
    }

    fn may_be_felt(&self, error: &WireError) -> bool {
        let gone = match error {
            WireError::Io(_) => true,
            error => error.code().is_some_and(|code| GONE.contains(&code)),
        };
        self.felt && gone
    }

    /// `None`: not yet, or to stop.
    fn connect(&self, version: Version) -> Result<Option<Session>, String> {
        thread::sleep(Duration::from_millis(10));
        let Ok(mut session) = self.stage.server().session(self.database) else {
            return if self.felt { Ok(None) } else { Err("no session".to_owned()) };
        };
        // Asked before the path is set: a schema that is created just while PostgreSQL works out a path stays out of it
        // (recomputeNamespacePath loses the invalidation; seen on 15). Who connects before the version is there finds `public`.
        let (path, there) = match version {
            Version::Old => ("public", "true"),
            Version::New => ("public_plan, public", "to_regclass('public_plan.account') IS NOT NULL"),
        };
        let ask = format!("SELECT {there}");
        let set = format!("SET application_name = '{version:?} app'; SET search_path = {path}");
        let mut connected = || match session.query(&ask)? == [[Some("t".to_owned())]] {
            true => session.query(&set).map(|_| true),
            false => Ok(false),
        };
        match connected() {
            Ok(there) => Ok(there.then_some(session)),
            Err(error) if self.may_be_felt(&error) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

struct Over<'a>(&'a Writers<'a>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.tell(Version::Old);
        self.0.tell(Version::New);
    }
}

/// One write, as one transaction.
fn statement(version: Version, number: i64) -> String {
    let (account, delta) = (fastrand::i64(1..=1500), fastrand::i64(1..100));
    let balance = if version == Version::New { delta * 100 } else { delta };
    if number % 4 != 0 {
        return format!(
            "UPDATE account SET balance = balance + {balance} WHERE id = {account};
             INSERT INTO ops VALUES ({number}, {account}, {delta})"
        );
    }
    let (id, owner) = (OPENED_FROM + number, 1 + number % 20);
    let (columns, values) = match version {
        Version::Old => ("", String::new()),
        Version::New => (", login", format!(", 'app{number}'")),
    };
    format!(
        "INSERT INTO account (id, owner, balance, email{columns}) VALUES ({id}, {owner}, {balance}, 'App{number}'{values});
         INSERT INTO ops VALUES ({number}, {id}, {delta})"
    )
}
