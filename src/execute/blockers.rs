//! Owns the look before a strong lock is asked for: who holds what it conflicts with, and for how
//! long. Must not lock, wait or decide.

use crate::compile::program::{Lock, LockMode};
use crate::pg::{Error, Row, RowExt, Session};
use std::time::Duration;

/// One session, or prepared transaction, in the way of a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocker {
    /// `None`: a prepared transaction, which no session holds.
    pub pid: Option<i32>,
    /// The prepared transaction's name.
    pub gid: Option<String>,
    /// It is in the queue itself: what is asked for after it waits for it.
    pub waits: bool,
    /// It builds an index, and comes back for its lock again and again.
    pub builds: bool,
    pub relation: String,
    /// `pg_locks.mode`: `AccessShareLock`.
    pub mode: String,
    pub application: Option<String>,
    pub role: Option<String>,
    pub state: Option<String>,
    pub query: Option<String>,
    /// Age of its transaction, or of its wait, in seconds; `None` where this role may not see it.
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
        match (self.pid, &self.gid) {
            (Some(pid), _) => write!(f, "pid {pid}")?,
            (None, Some(gid)) => {
                write!(f, "the prepared transaction '{gid}' (COMMIT or ROLLBACK PREPARED ends it)")?
            }
            (None, None) => write!(f, "a prepared transaction (see pg_prepared_xacts)")?,
        }
        if let Some(application) = self.application.as_deref().filter(|a| !a.is_empty()) {
            write!(f, ", application {application}")?;
        }
        if let Some(role) = &self.role {
            write!(f, ", role {role}")?;
        }
        if let Some(seconds) = self.seconds.filter(|_| !self.waits) {
            write!(f, ", transaction open for {seconds:.1} s")?;
        }
        if let Some(state) = &self.state {
            write!(f, ", {state}")?;
        }
        match (self.waits, self.seconds) {
            (false, _) => write!(f, ", holds {} on {}", self.mode, self.relation)?,
            (true, Some(seconds)) => {
                write!(f, ", has waited {seconds:.1} s for {} on {}", self.mode, self.relation)?;
            }
            (true, None) => write!(f, ", waits for {} on {}", self.mode, self.relation)?,
        }
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
        LockMode::RowShare => &ALL[..2],
    }
}

/// A prepared transaction's locks have no pid; it is found by its own transaction's lock.
const HOLDERS: &str = "
WITH RECURSIVE wanted(oid) AS (
    SELECT $1::text::regclass::oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN wanted w ON i.inhparent = w.oid)
SELECT l.pid, p.gid, NOT l.granted AS waits, l.relation::regclass::text AS relation, l.mode,
       a.application_name, a.usename::text AS role, a.state,
       left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120) AS query,
       extract(epoch FROM clock_timestamp()
               - CASE WHEN l.granted THEN coalesce(a.xact_start, p.prepared) ELSE l.waitstart END)::float8 AS seconds,
       a.backend_type = 'autovacuum worker' AS autovacuum,
       a.query LIKE '%(to prevent wraparound)' AS wraparound,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index b WHERE b.pid = l.pid) AS builds
  FROM pg_catalog.pg_locks l JOIN wanted w ON w.oid = l.relation
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN LATERAL (
       SELECT p.gid, p.prepared FROM pg_catalog.pg_locks t JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = t.transactionid
        WHERE l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid'
          AND t.virtualtransaction = l.virtualtransaction LIMIT 1) p ON true
 WHERE l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND l.mode = ANY($2)
 ORDER BY a.xact_start NULLS FIRST, l.pid";

/// Who is in the way of these locks, on a table or its partitions, and has been, or will be, for longer than
/// `patience`: older transactions and waiters, prepared ones, index builds, and autovacuum. Younger ones are about to be gone.
pub async fn look(session: &Session, locks: &[Lock], patience: Duration) -> Result<Vec<Blocker>, Error> {
    let mut found = Vec::new();
    for lock in locks {
        let modes: Vec<&str> = conflicts(lock.mode).to_vec();
        let doing = format!("looking who holds {}", lock.relation);
        for row in session.query(&doing, HOLDERS, &[&lock.relation.to_string(), &modes]).await? {
            let blocker = read(&row)?;
            let old = blocker.seconds.is_some_and(|seconds| seconds > patience.as_secs_f64());
            if old || blocker.pid.is_none() || blocker.builds || blocker.autovacuum != Autovacuum::No {
                found.push(blocker);
            }
        }
    }
    Ok(found)
}

fn read(row: &Row) -> Result<Blocker, Error> {
    let wraparound = row.read::<Option<bool>>("wraparound")?.unwrap_or(false);
    let autovacuum = match row.read::<Option<bool>>("autovacuum")?.unwrap_or(false) {
        true if wraparound => Autovacuum::AntiWraparound,
        true => Autovacuum::Ordinary,
        false => Autovacuum::No,
    };
    Ok(Blocker {
        pid: row.read("pid")?,
        gid: row.read("gid")?,
        waits: row.read("waits")?,
        builds: row.read("builds")?,
        relation: row.read("relation")?,
        mode: row.read("mode")?,
        application: row.read("application_name")?,
        role: row.read("role")?,
        state: row.read("state")?,
        query: row.read("query")?,
        seconds: row.read("seconds")?,
        autovacuum,
    })
}

/// Whom the index build of the session with this pid waits for; `None`: nobody.
pub async fn of_build(session: &Session, build: i32) -> Result<Option<String>, Error> {
    let sql = "
        SELECT b.pid, a.application_name AS application, a.state, p.gid,
               extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared))::float8 AS seconds,
               left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120) AS query
          FROM (SELECT DISTINCT unnest(pg_catalog.pg_blocking_pids($1)) AS pid) b
          LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
          LEFT JOIN LATERAL (SELECT gid, prepared FROM pg_catalog.pg_prepared_xacts
                              WHERE b.pid = 0 ORDER BY prepared LIMIT 1) p ON true
         ORDER BY 1";
    let mut all = Vec::new();
    for row in session.query("looking whom an index build waits for", sql, &[&build]).await? {
        let (pid, gid) = (row.read::<i32>("pid")?, row.read::<Option<String>>("gid")?);
        let mut text = match (pid, gid) {
            (0, Some(gid)) => format!("a prepared transaction (the oldest is '{gid}')"),
            (0, None) => "a prepared transaction".to_owned(),
            (pid, _) => format!("pid {pid}"),
        };
        for (column, what) in [("application", "application "), ("state", "")] {
            if let Some(said) = row.read::<Option<String>>(column)?.filter(|said| !said.is_empty()) {
                text += &format!(", {what}{said}");
            }
        }
        if let Some(seconds) = row.read::<Option<f64>>("seconds")? {
            text += &format!(", transaction open for {seconds:.1} s");
        }
        if let Some(query) = row.read::<Option<String>>("query")?.filter(|query| !query.is_empty()) {
            text += &format!(": {query}");
        }
        all.push(text);
    }
    Ok((!all.is_empty()).then(|| format!("the index build waits for {}", all.join("; "))))
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
