//! Owns `connections`, `active_sessions` and `on_cpu`: how busy the server is with its clients. Must not judge it.

use super::Watch;
use super::board::{blind, fresh};
use super::health::Sampler;
use super::sampling::{Trouble, ask};
use crate::clock;
use crate::control::signal::{Reading, name};
use crate::pg::Session;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// `$1`: the start of Segue's application names, who counts as a connection and not as load. What is kept for
/// others is no client's: from 16 on there is a second reserve.
const SQL: &str = "
SELECT jsonb_build_object(
  'may_see', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'track', current_setting('track_activities')::bool,
  'usable', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0),
  'total', count(*),
  'active', count(*) FILTER (WHERE theirs AND state = 'active'),
  'on_cpu', count(*) FILTER (WHERE theirs AND state = 'active' AND wait_event_type IS NULL),
  'idle_in_transaction', count(*) FILTER (WHERE theirs AND state LIKE 'idle in transaction%'))
  FROM (SELECT *, pid <> pg_backend_pid() AND NOT starts_with(application_name, $1) AS theirs
          FROM pg_stat_activity WHERE backend_type = 'client backend') AS a";

#[derive(Debug, Deserialize)]
struct Answer {
    may_see: bool,
    track: bool,
    usable: f64,
    total: f64,
    active: f64,
    on_cpu: f64,
    idle_in_transaction: u64,
}

#[derive(Debug, Default)]
pub(super) struct Sessions;

impl Sampler for Sessions {
    const SIGNALS: &'static [(&'static str, &'static str)] =
        &[(name::CONNECTIONS, "sessions"), (name::ACTIVE_SESSIONS, "sessions"), (name::ON_CPU, "sessions")];
    const EVERY: Duration = Duration::from_secs(1);

    async fn look(&mut self, session: &Session, watch: &Watch) -> Result<Vec<Reading>, Trouble> {
        let answer = ask(session, "the clients' sessions", SQL, &[&watch.own]).await?;
        Ok(readings(&answer, clock::now()))
    }
}

fn readings(answer: &Answer, at: Timestamp) -> Vec<Reading> {
    const UNIT: &str = "sessions";
    let reading = |name: &str, value: f64| match (answer.may_see, answer.track || name == name::CONNECTIONS) {
        (true, true) => fresh(name, None, value, UNIT, at),
        (true, false) => blind(name, None, UNIT, at, "track_activities is off"),
        (false, _) => {
            blind(name, None, UNIT, at, "this role may not see other sessions; GRANT pg_read_all_stats to it")
        }
    };
    let connections = reading(name::CONNECTIONS, answer.total);
    let idle = (answer.idle_in_transaction > 0)
        .then(|| format!("{} more are idle in a transaction", answer.idle_in_transaction));
    let active = reading(name::ACTIVE_SESSIONS, answer.active);
    let detail = active.detail.clone().or(idle);
    vec![
        Reading { limit: Some(answer.usable), ..connections },
        Reading { detail, ..active },
        reading(name::ON_CPU, answer.on_cpu),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(may_see: bool, track: bool) -> Answer {
        Answer { may_see, track, usable: 97.0, total: 12.0, active: 3.0, on_cpu: 1.0, idle_in_transaction: 2 }
    }

    #[test]
    fn how_many_of_how_many() {
        let seen = readings(&answer(true, true), Timestamp::UNIX_EPOCH);
        assert_eq!((seen[0].value, seen[0].limit), (Some(12.0), Some(97.0)));
        assert_eq!((seen[1].value, seen[2].value), (Some(3.0), Some(1.0)));
        assert!(seen[1].detail.as_deref().unwrap().starts_with("2 more"));
    }

    #[test]
    fn what_is_hidden_is_not_zero() {
        let hidden = readings(&answer(false, true), Timestamp::UNIX_EPOCH);
        assert!(hidden.iter().all(|reading| reading.value.is_none()));
        // Without states there are still connections.
        let untracked = readings(&answer(true, false), Timestamp::UNIX_EPOCH);
        let values: Vec<_> = untracked.iter().map(|reading| reading.value).collect();
        assert_eq!(values, [Some(12.0), None, None]);
    }
}
