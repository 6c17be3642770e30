//! Owns `sync_wait` and `sync_waiters`: commits that wait for a synchronous standby, and for how long. Must not
//! judge it, and must not end any: whoever does leaves a commit that is only here.
//!
//! Segue's own count as well: where nobody else writes they are the ones that tell.

use super::Watch;
use super::board::{blind, fresh, not_applicable};
use super::health::Sampler;
use super::sampling::{Trouble, ask};
use crate::clock;
use crate::control::signal::{Reading, name};
use crate::pg::Session;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SQL: &str = "
SELECT jsonb_build_object(
  'may_see', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'standbys', current_setting('synchronous_standby_names'),
  'waiters', coalesce((
     SELECT jsonb_agg(to_jsonb(w) ORDER BY w.since)
       FROM (SELECT pid, application_name AS application, coalesce(query_start, xact_start, backend_start)::text AS since
               FROM pg_stat_activity WHERE wait_event = 'SyncRep'
              ORDER BY query_start LIMIT 200) AS w), '[]'))";

#[derive(Clone, Debug, Deserialize)]
struct Answer {
    may_see: bool,
    standbys: String,
    waiters: Vec<Waiter>,
}

/// A commit that waits: of a session, and with the statement's start its own among that session's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Waiter {
    pid: i32,
    since: Option<String>,
    application: Option<String>,
}

/// The server does not say since when a commit waits: it is dated by the look that saw it first.
#[derive(Debug, Default)]
pub(super) struct Waits {
    first_seen: BTreeMap<Waiter, Instant>,
}

impl Sampler for Waits {
    const SIGNALS: &'static [(&'static str, &'static str)] =
        &[(name::SYNC_WAIT, "s"), (name::SYNC_WAITERS, "sessions")];
    const EVERY: Duration = Duration::ZERO;

    async fn look(&mut self, session: &Session, _: &Watch) -> Result<Vec<Reading>, Trouble> {
        let answer = ask(session, "who waits for a synchronous standby", SQL, &[]).await?;
        Ok(self.readings(&answer, Instant::now(), clock::now()))
    }
}

impl Waits {
    fn readings(&mut self, answer: &Answer, now: Instant, at: Timestamp) -> Vec<Reading> {
        let all = |reading: &dyn Fn(&str, &str) -> Reading| {
            Waits::SIGNALS.iter().map(|(name, unit)| reading(name, unit)).collect()
        };
        if answer.standbys.trim().is_empty() && answer.waiters.is_empty() {
            let why = "no standby is synchronous";
            return all(&|name, unit| not_applicable(name, unit, at, why));
        }
        if !answer.may_see {
            let why = "this role may not see what other sessions wait for; GRANT pg_read_all_stats to it";
            return all(&|name, unit| blind(name, None, unit, at, why));
        }
        self.first_seen.retain(|waiter, _| answer.waiters.contains(waiter));
        for waiter in &answer.waiters {
            self.first_seen.entry(waiter.clone()).or_insert(now);
        }
        let waited = |waiter: &Waiter| now.saturating_duration_since(self.first_seen[waiter]).as_secs_f64();
        let longest = answer.waiters.iter().max_by(|a, b| waited(a).total_cmp(&waited(b)));
        let detail = longest.map(|waiter| {
            let who = waiter.application.as_deref().filter(|name| !name.is_empty()).unwrap_or("a session");
            format!(
                "{who} (pid {}) has waited longest; synchronous_standby_names is {}",
                waiter.pid, answer.standbys
            )
        });
        let wait = fresh(name::SYNC_WAIT, None, longest.map_or(0.0, waited), "s", at);
        let many = fresh(name::SYNC_WAITERS, None, answer.waiters.len() as f64, "sessions", at);
        vec![Reading { detail, ..wait }, many]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::signal::Freshness;

    fn waiter(pid: i32, since: &str) -> Waiter {
        Waiter { pid, since: Some(since.into()), application: Some("shop".into()) }
    }

    fn answer(waiters: Vec<Waiter>) -> Answer {
        Answer { may_see: true, standbys: "standby1".into(), waiters }
    }

    #[test]
    fn a_wait_is_one_commits_and_not_one_sessions() {
        let (start, at) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let mut waits = Waits::default();
        let mut look = |second, waiters| {
            waits.readings(&answer(waiters), start + Duration::from_secs(second), at)[0].value
        };
        assert_eq!(look(0, vec![]), Some(0.0));
        assert_eq!(look(1, vec![waiter(7, "a")]), Some(0.0));
        assert_eq!(look(4, vec![waiter(7, "a"), waiter(8, "a")]), Some(3.0));
        // The same session, with its next commit.
        assert_eq!(look(5, vec![waiter(7, "b"), waiter(8, "a")]), Some(1.0));
        assert_eq!(look(6, vec![]), Some(0.0));
    }

    #[test]
    fn nobody_to_wait_for_and_nobody_to_be_seen_are_told_apart() {
        let (now, at) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let none = Answer { standbys: String::new(), may_see: false, waiters: vec![] };
        assert_eq!(Waits::default().readings(&none, now, at)[0].state, Freshness::NotApplicable);
        let hidden = Answer { may_see: false, ..answer(vec![]) };
        let readings = Waits::default().readings(&hidden, now, at);
        assert!(readings.iter().all(|r| r.state == Freshness::Blind && r.value.is_none()));
    }
}
