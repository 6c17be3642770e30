//! Owns `lock_wait` and `lock_victims`: who queues behind Segue's own sessions, transitively, and for how
//! long on Segue's account. Must not judge it.
//!
//! Everything is read from `pg_locks` and `pg_blocking_pids`, which every role may see: `pg_stat_activity`
//! hides other roles' waits, and a count of hidden waits reads as zero.

use super::board::fresh;
use crate::control::signal::{Reading, name};
use jiff::Timestamp;
use serde::Deserialize;

/// `$1`: the start of Segue's application names.
///
/// `pg_blocking_pids` takes every partition of the lock table for a moment, so it is asked for sessions that
/// wait, 200 at most. A session may have waited for another long before that one came to wait for Segue: only what
/// it has waited since then is on Segue's account. A session of Segue's own (the supervisor's, which tells `rollouts`
/// the state) is nobody's victim: counted, it would have the guard cancel the step it waits for. Sessions of this database alone are
/// Segue's own: a rollout in another one has the same number, and so the same name.
pub(super) const SQL: &str = "
WITH RECURSIVE ours AS MATERIALIZED (
  SELECT pid, xact_start FROM pg_stat_activity
   WHERE starts_with(application_name, $1) AND datname = current_database()
), queue AS MATERIALIZED (
  SELECT pid, min(waitstart) AS since FROM pg_locks
   WHERE NOT granted AND pid IS NOT NULL AND pid <> pg_backend_pid()
   GROUP BY pid ORDER BY min(waitstart) NULLS LAST LIMIT 200
), waiters AS MATERIALIZED (
  SELECT pid, since, pg_blocking_pids(pid) AS blockers FROM queue
), chain(pid, root, since) AS (
  SELECT w.pid, o.pid, greatest(w.since, o.xact_start) FROM waiters w JOIN ours o ON o.pid = ANY (w.blockers)
  UNION
  SELECT w.pid, c.root, greatest(w.since, c.since) FROM waiters w JOIN chain c ON c.pid = ANY (w.blockers)
), victims AS (
  SELECT c.pid, c.root, a.application_name AS application, a.usename::text AS role,
         coalesce(extract(epoch FROM clock_timestamp() - min(c.since)), 0)::float8 AS waited
    FROM chain c LEFT JOIN pg_stat_activity a ON a.pid = c.pid
   WHERE c.pid NOT IN (SELECT pid FROM ours)
     AND NOT starts_with(coalesce(a.application_name, ''), 'segue/')
   GROUP BY 1, 2, 3, 4
)
SELECT jsonb_build_object(
  'capped', (SELECT count(*) >= 200 FROM queue),
  'victims', coalesce((SELECT jsonb_agg(to_jsonb(v) ORDER BY v.waited DESC) FROM victims v), '[]'))";

/// A session that waits because of Segue.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Victim {
    pub pid: i32,
    /// Segue's session at the head of its queue.
    pub root: i32,
    pub application: Option<String>,
    pub role: Option<String>,
    /// Seconds it has waited on Segue's account.
    pub waited: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    capped: bool,
    pub victims: Vec<Victim>,
}

pub(super) fn readings(answer: &Answer, at: Timestamp) -> Vec<Reading> {
    let longest = answer.victims.iter().map(|v| v.waited).fold(0.0, f64::max);
    let mut pids: Vec<i32> = answer.victims.iter().map(|v| v.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let detail = (!answer.victims.is_empty()).then(|| describe(answer));
    let wait = Reading { detail: detail.clone(), ..fresh(name::LOCK_WAIT, None, longest, "s", at) };
    let count = Reading { detail, ..fresh(name::LOCK_VICTIMS, None, pids.len() as f64, "sessions", at) };
    vec![wait, count]
}

fn describe(answer: &Answer) -> String {
    const SHOWN: usize = 5;
    let mut parts: Vec<String> = answer.victims.iter().take(SHOWN).map(describe_one).collect();
    if answer.victims.len() > SHOWN {
        parts.push(format!("and {} more", answer.victims.len() - SHOWN));
    }
    if answer.capped {
        parts.push("only the 200 longest waits of the server were looked at".to_owned());
    }
    parts.join("; ")
}

fn describe_one(victim: &Victim) -> String {
    let who = match victim.application.as_deref().filter(|name| !name.is_empty()) {
        Some(application) => format!("{application} (pid {})", victim.pid),
        None => format!("pid {}", victim.pid),
    };
    format!("{who} waits {:.1} s behind Segue's pid {}", victim.waited, victim.root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn victim(pid: i32, waited: f64) -> Victim {
        Victim { pid, root: 1, application: Some("shop".into()), role: None, waited }
    }

    #[test]
    fn nobody_waiting_is_a_zero_that_was_seen() {
        let answer = Answer { capped: false, victims: vec![] };
        let readings = readings(&answer, Timestamp::UNIX_EPOCH);
        assert_eq!(readings.iter().map(|r| r.value).collect::<Vec<_>>(), [Some(0.0), Some(0.0)]);
    }

    #[test]
    fn the_longest_wait_and_each_session_once() {
        let answer = Answer { capped: false, victims: vec![victim(7, 2.0), victim(7, 1.0), victim(8, 0.5)] };
        let readings = readings(&answer, Timestamp::UNIX_EPOCH);
        assert_eq!(readings[0].value, Some(2.0));
        assert_eq!(readings[1].value, Some(2.0));
        assert!(
            readings[0].detail.as_deref().unwrap().contains("shop (pid 7) waits 2.0 s behind Segue's pid 1")
        );
    }
}
