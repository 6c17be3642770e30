//! Owns the look before a strong lock is asked for: who holds what it conflicts with, and for how
//! long. Must not lock, wait or decide.

use crate::compile::program::{Lock, LockMode};
use crate::pg::{Error, RowExt, Session};
use std::time::Duration;

/// One session, or prepared transaction, in the way of a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocker {
    /// `None`: a prepared transaction, which no session holds.
    pub pid: Option<i32>,
    pub relation: String,
    /// `pg_locks.mode`: `AccessShareLock`.
    pub mode: String,
    pub application: Option<String>,
    pub role: Option<String>,
    pub state: Option<String>,
    pub query: Option<String>,
    /// Age of its transaction in seconds; `None` where this role may not see it.
    pub seconds: Option<f64>,
    pub autovacuum: Autovacuum,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autovacuum {
    No,
    /// Yields to a waiter after `deadlock_timeout`.
    Ordinary,
    /// Does not yield: it is waited for.
    AntiWraparound,
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}")?,
            None => write!(f, "a prepared transaction (see pg_prepared_xacts)")?,
        }
        if let Some(application) = self.application.as_deref().filter(|a| !a.is_empty()) {
            write!(f, ", application {application}")?;
        }
        if let Some(role) = &self.role {
            write!(f, ", role {role}")?;
        }
        if let Some(seconds) = self.seconds {
            write!(f, ", transaction open for {seconds:.1} s")?;
        }
        if let Some(state) = &self.state {
            write!(f, ", {state}")?;
        }
        write!(f, ", holds {} on {}", self.mode, self.relation)?;
        match (self.autovacuum, &self.query) {
            (Autovacuum::AntiWraparound, _) => write!(f, " (autovacuum to prevent wraparound)"),
            (Autovacuum::Ordinary, _) => write!(f, " (autovacuum)"),
            (Autovacuum::No, Some(query)) if !query.is_empty() => write!(f, ": {query}"),
            _ => Ok(()),
        }
    }
}

/// Modes in `pg_locks` that a mode conflicts with.
fn conflicts(mode: LockMode) -> &'static [&'static str] {
    const ALL: [&str; 8] = [
        "AccessExclusiveLock",
        "ExclusiveLock",
        "ShareRowExclusiveLock",
        "ShareLock",
        "ShareUpdateExclusiveLock",
        "RowExclusiveLock",
        "RowShareLock",
        "AccessShareLock",
    ];
    match mode {
        LockMode::AccessExclusive => &ALL,
        LockMode::ShareRowExclusive => &ALL[..6],
        LockMode::ShareUpdateExclusive => &ALL[..5],
        LockMode::Share => &[
            "AccessExclusiveLock",
            "ExclusiveLock",
            "ShareRowExclusiveLock",
            "ShareUpdateExclusiveLock",
            "RowExclusiveLock",
        ],
        LockMode::RowExclusive => &ALL[..4],
    }
}

const HOLDERS: &str = "
SELECT l.pid, l.relation::regclass::text AS relation, l.mode, a.application_name, a.usename::text AS role,
       a.state, left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120) AS query,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS seconds,
       a.backend_type = 'autovacuum worker' AS autovacuum,
       a.query LIKE '%(to prevent wraparound)' AS wraparound
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND l.relation = $1::text::regclass AND l.mode = ANY($2)
 ORDER BY a.xact_start NULLS FIRST, l.pid";

/// Who is in the way of these locks and has been, or will be, for longer than `patience`: older
/// transactions, prepared ones, and autovacuum. Younger ones are about to be gone.
pub async fn look(session: &Session, locks: &[Lock], patience: Duration) -> Result<Vec<Blocker>, Error> {
    let mut found = Vec::new();
    for lock in locks {
        let modes: Vec<&str> = conflicts(lock.mode).to_vec();
        let doing = format!("looking who holds {}", lock.relation);
        for row in session.query(&doing, HOLDERS, &[&lock.relation.to_string(), &modes]).await? {
            let wraparound = row.read::<Option<bool>>("wraparound")?.unwrap_or(false);
            let autovacuum = match row.read::<Option<bool>>("autovacuum")?.unwrap_or(false) {
                true if wraparound => Autovacuum::AntiWraparound,
                true => Autovacuum::Ordinary,
                false => Autovacuum::No,
            };
            let blocker = Blocker {
                pid: row.read("pid")?,
                relation: row.read("relation")?,
                mode: row.read("mode")?,
                application: row.read("application_name")?,
                role: row.read("role")?,
                state: row.read("state")?,
                query: row.read("query")?,
                seconds: row.read("seconds")?,
                autovacuum,
            };
            let old = blocker.seconds.is_some_and(|seconds| seconds > patience.as_secs_f64());
            if old || blocker.pid.is_none() || autovacuum != Autovacuum::No {
                found.push(blocker);
            }
        }
    }
    Ok(found)
}

/// All of them in one text.
pub fn tell(blockers: &[Blocker]) -> String {
    blockers.iter().map(Blocker::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_conflict_as_the_manual_has_it() {
        assert!(conflicts(LockMode::AccessExclusive).contains(&"AccessShareLock"));
        assert!(!conflicts(LockMode::ShareRowExclusive).contains(&"RowShareLock"));
        assert!(conflicts(LockMode::ShareRowExclusive).contains(&"RowExclusiveLock"));
        assert!(!conflicts(LockMode::ShareUpdateExclusive).contains(&"RowExclusiveLock"));
        assert!(conflicts(LockMode::ShareUpdateExclusive).contains(&"ShareUpdateExclusiveLock"));
        assert!(!conflicts(LockMode::Share).contains(&"ShareLock"));
        assert!(conflicts(LockMode::RowExclusive).contains(&"ShareLock"));
        assert!(!conflicts(LockMode::RowExclusive).contains(&"ShareUpdateExclusiveLock"));
    }
}
