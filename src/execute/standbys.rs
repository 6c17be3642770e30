//! Owns the look at standbys before a strong lock, and the wait until they have replayed one. Must not lock anything,
//! and must not decide whether what it found is in the way: that is `control::replay`'s.
//!
//! Only standbys that an operator named can be asked. One that cannot be reached is the lag guard's, and still waited for,
//! where it streams from the primary.

use super::Work;
use super::gate::Pass;
use crate::control::replay;
use crate::pg::{self, Config, Limits, RowExt, Session, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A standby that can be asked who reads there.
#[derive(Clone, Debug)]
pub struct Standby {
    /// Its `application_name` on the primary, as `segue status` shows it.
    pub name: String,
    config: Config,
}

impl Standby {
    /// How it is reached.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn new(name: impl Into<String>, config: Config) -> Standby {
        Standby { name: name.into(), config: config.with_target(Target::Any) }
    }
}

/// Those that can be asked, and those that do not count for now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Standbys {
    known: Arc<[Standby]>,
    ignored: Arc<Mutex<BTreeSet<String>>>,
}

/// A session on a standby that holds what a strong lock is to replace.
#[derive(Clone, Debug, PartialEq)]
struct Reader {
    pid: i32,
    /// Tells its transactions apart where their age is not shown.
    transaction: String,
    application: Option<String>,
    state: Option<String>,
    query: Option<String>,
    relation: String,
    /// `None` where this role may not see it.
    seconds: Option<f64>,
}

/// A standby that does not answer must not keep an attempt waiting.
const OPEN: Duration = Duration::from_secs(2);
const LIMITS: Limits = Limits {
    lock: Some(Duration::from_millis(500)),
    statement: Some(Duration::from_secs(1)),
    client: Duration::from_secs(2),
};
/// How often to look whether a lock is replayed.
const POLL: Duration = Duration::from_millis(100);

/// Nobody but the startup process can hold an ACCESS EXCLUSIVE lock on a standby, and that one is what waits.
const READERS: &str = "
WITH RECURSIVE wanted(oid) AS (
    SELECT pg_catalog.to_regclass(name)::oid FROM pg_catalog.unnest($1::text[]) AS name
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN wanted w ON i.inhparent = w.oid)
SELECT DISTINCT ON (l.pid) l.pid, l.virtualtransaction AS transaction, l.relation::regclass::text AS relation,
       a.application_name AS application, a.state,
       left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120) AS query,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS seconds
  FROM pg_catalog.pg_locks l JOIN wanted w ON w.oid = l.relation
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.granted AND l.mode <> 'AccessExclusiveLock' AND l.pid IS NOT NULL
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 ORDER BY l.pid, l.relation";

impl Standbys {
    pub fn new(known: Vec<Standby>) -> Standbys {
        Standbys { known: known.into(), ignored: Arc::default() }
    }

    /// These do not count until the next word.
    pub fn ignore<'n>(&self, names: impl IntoIterator<Item = &'n String>) {
        *self.ignored.lock().unwrap_or_else(PoisonError::into_inner) = names.into_iter().cloned().collect();
    }

    fn ignores(&self, name: &str) -> bool {
        self.ignored.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// Who reads these relations (quoted and qualified), or a partition of theirs, on any standby and would hold up replay there
    /// if they were locked now. `None`: nobody that can be seen.
    pub async fn in_the_way(
        &self,
        relations: &[String],
        patience: Duration,
        budget: Duration,
    ) -> Option<String> {
        if relations.is_empty() {
            return None;
        }
        let mut asked = JoinSet::new();
        for standby in self.known.iter().filter(|standby| !self.ignores(&standby.name)) {
            let (standby, relations) = (standby.clone(), relations.to_vec());
            asked.spawn(async move {
                match readers(&standby, &relations, patience, budget).await {
                    Ok(found) => found,
                    Err(error) => {
                        let standby = &standby.name;
                        tracing::warn!(standby, %error, "cannot be asked who reads there; its lag is watched all the same");
                        Vec::new()
                    }
                }
            });
        }
        let mut found: Vec<String> = asked.join_all().await.into_iter().flatten().collect();
        found.sort();
        (!found.is_empty()).then(|| found.join("; "))
    }
}

async fn readers(
    standby: &Standby,
    relations: &[String],
    patience: Duration,
    budget: Duration,
) -> Result<Vec<String>, pg::Error> {
    let setup = pg::Setup { limits: LIMITS, ..pg::Setup::default() };
    let session = Session::open_with(&standby.config, "standby", OPEN, setup).await?;
    if !session.is_standby() {
        tracing::warn!(standby = standby.name, "is no standby (any more)");
        return Ok(Vec::new());
    }
    let sql = "SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'max_standby_streaming_delay'";
    let longest: i64 = session.query_one("reading how long replay waits there", sql, &[]).await?.cell(0)?;
    let longest = u64::try_from(longest).ok().map(Duration::from_millis);
    if !replay::stalls(longest, budget) {
        return Ok(Vec::new());
    }
    let mut found = look(&session, relations).await?;
    let is_old = |reader: &Reader| reader.seconds.is_some_and(|seconds| seconds > patience.as_secs_f64());
    if !found.is_empty() && !found.iter().any(is_old) {
        // Nothing tells how long a young one will last, or one whose age is not shown, but to see whether it is still there.
        tokio::time::sleep(patience).await;
        let before = std::mem::replace(&mut found, look(&session, relations).await?);
        found.retain(|reader| before.iter().any(|then| then.transaction == reader.transaction));
    } else {
        found.retain(is_old);
    }
    let stall = match longest {
        Some(longest) => format!("for up to {} s", longest.as_secs()),
        None => "for as long as it lasts".to_owned(),
    };
    Ok(found.iter().map(|reader| told(reader, &standby.name, &stall)).collect())
}

async fn look(session: &Session, relations: &[String]) -> Result<Vec<Reader>, pg::Error> {
    let rows = session.query("looking who reads on a standby", READERS, &[&relations.to_vec()]).await?;
    let read = |row: &pg::Row| {
        Ok(Reader {
            pid: row.read("pid")?,
            transaction: row.read("transaction")?,
            application: row.read("application")?,
            state: row.read("state")?,
            query: row.read("query")?,
            relation: row.read("relation")?,
            seconds: row.read("seconds")?,
        })
    };
    rows.iter().map(read).collect()
}

fn told(reader: &Reader, standby: &str, stall: &str) -> String {
    let mut text = format!("on standby {standby} pid {}", reader.pid);
    if let Some(application) = reader.application.as_deref().filter(|name| !name.is_empty()) {
        text += &format!(", application {application}");
    }
    text += &match reader.seconds {
        Some(seconds) => format!(", transaction open for {seconds:.1} s"),
        None => {
            ", transaction open for a while (its age is shown to members of pg_read_all_stats)".to_owned()
        }
    };
    if let Some(state) = &reader.state {
        text += &format!(", {state}");
    }
    text += &format!(", reads {}: a lock would hold up replay {stall}", reader.relation);
    match reader.query.as_deref() {
        Some(query) if !query.is_empty() => format!("{text}: {query}"),
        _ => text,
    }
}

/// Waits until every streaming standby has replayed what this session has committed, at most for the lag budget:
/// the next strong lock is to find none that is still at this one.
pub async fn wait_replayed(work: &Work, session: &mut Session) -> Result<(), pg::Error> {
    let mut gate = work.gate.clone();
    let (begun, budget) = (Instant::now(), replay::budget(&work.policy));
    let doing = "reading the log's position";
    let sql = "SELECT pg_catalog.pg_current_wal_flush_lsn()::text";
    let target: String = session.query_one(doing, sql, &[]).await?.cell(0)?;
    let mut said = false;
    loop {
        let behind = behind(work, session, &target).await?;
        let after = begun.elapsed();
        if behind.is_empty() {
            if said {
                tracing::info!(seconds = after.as_secs_f64(), "every standby has replayed the lock");
            }
            break;
        }
        let names: Vec<&str> = behind.keys().map(String::as_str).collect();
        let names = names.join(", ");
        if after >= budget {
            let seconds = after.as_secs_f64();
            let what = format!(
                "{names} had not replayed a strong lock after {seconds:.1} s; the guard on lag judges it"
            );
            work.board.remark(
                what,
                serde_json::json!({ "standbys": behind, "target": target, "seconds": seconds }),
            );
            break;
        }
        if after > POLL * 5 {
            said = true;
            work.tell_blocked(&format!("{names}: the lock just taken is still to be replayed there"));
        }
        poke(session).await?;
        if gate.rest(POLL).await == Pass::Stop {
            break;
        }
    }
    work.board.put_blockers(None);
    Ok(())
}

/// Standbys that stream and are not there yet, each with where it is. A role that may not see positions sees nobody.
async fn behind(work: &Work, session: &Session, target: &str) -> Result<BTreeMap<String, String>, pg::Error> {
    let sql =
        "SELECT application_name::text AS name, replay_lsn::text AS at FROM pg_catalog.pg_stat_replication
                WHERE state = 'streaming' AND replay_lsn < $1::text::pg_lsn";
    let rows = session.query("looking how far standbys are", sql, &[&target]).await?;
    let mut behind = BTreeMap::new();
    for row in &rows {
        let name: String = row.read("name")?;
        if !work.standbys.ignores(&name) {
            behind.insert(name, row.read("at")?);
        }
    }
    Ok(behind)
}

/// A standby says how far it has replayed when it gets something new, else every ten seconds: so it gets something.
/// It waits for no synchronous standby.
async fn poke(session: &mut Session) -> Result<(), pg::Error> {
    let doing = "asking standbys how far they are";
    let tx = session.transaction(doing, &LIMITS).await?;
    tx.batch(doing, "SET LOCAL synchronous_commit = local").await?;
    tx.query(doing, "SELECT pg_catalog.pg_logical_emit_message(true, 'segue', '')::text", &[]).await?;
    tx.commit(doing).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_told_with_what_it_would_cost() {
        let reader = Reader {
            pid: 77,
            transaction: "3/9".into(),
            application: Some("nightly report".into()),
            state: Some("active".into()),
            query: Some("SELECT sum(x) FROM t".into()),
            relation: "t".into(),
            seconds: Some(61.24),
        };
        insta::assert_snapshot!(told(&reader, "standby1", "for up to 30 s"), @"on standby standby1 pid 77, application nightly report, transaction open for 61.2 s, active, reads t: a lock would hold up replay for up to 30 s: SELECT sum(x) FROM t");
        let hidden = Reader { application: None, state: None, query: None, seconds: None, ..reader };
        insta::assert_snapshot!(told(&hidden, "standby1", "for as long as it lasts"), @"on standby standby1 pid 77, transaction open for a while (its age is shown to members of pg_read_all_stats), reads t: a lock would hold up replay for as long as it lasts");
    }

    #[test]
    fn an_ignored_one_does_not_count_until_the_next_word() {
        let standbys = Standbys::default();
        standbys.ignore([&"standby1".to_owned()]);
        assert!(standbys.ignores("standby1") && !standbys.ignores("standby2"));
        standbys.ignore([]);
        assert!(!standbys.ignores("standby1"));
    }
}
