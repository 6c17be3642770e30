//! Owns `horizon`: the oldest snapshot of somebody else, which keeps dead rows from being pruned, and whose
//! it is. Must not judge it.

use super::board::{blind, fresh};
use crate::control::signal::{Reading, name};
use jiff::Timestamp;
use serde::Deserialize;

/// `$1`: the start of Segue's application names.
///
/// Only what holds back the rows of tables in this database counts: sessions here, standbys' feedback, slots'
/// and prepared transactions' xmin; not `catalog_xmin`, and not vacuums, which PostgreSQL itself leaves out.
pub(super) const SQL: &str = "
WITH holders AS (
  SELECT 'session' AS kind,
         format('%s (pid %s, %s)', coalesce(nullif(application_name, ''), usename::text, 'a session'), pid,
                coalesce(state, backend_type)) AS who,
         greatest(age(backend_xmin), age(backend_xid)) AS xids,
         extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
    FROM pg_stat_activity
   WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
     AND datname = current_database() AND pid <> pg_backend_pid()
     AND backend_type NOT IN ('walsender', 'autovacuum worker')
     AND NOT starts_with(application_name, $1)
     AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
  UNION ALL
  SELECT 'standby', format('standby %s (hot_standby_feedback)', application_name), age(backend_xmin), NULL
    FROM pg_stat_replication WHERE backend_xmin IS NOT NULL
  UNION ALL
  SELECT 'slot', format('replication slot %s', slot_name), age(xmin), NULL
    FROM pg_replication_slots WHERE xmin IS NOT NULL
  UNION ALL
  SELECT 'prepared', format('prepared transaction %s', gid), age(transaction),
         extract(epoch FROM clock_timestamp() - prepared)::float8
    FROM pg_prepared_xacts WHERE database = current_database()
)
SELECT jsonb_build_object(
  'may_see', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'oldest', (SELECT to_jsonb(h) FROM holders h ORDER BY xids DESC NULLS LAST, seconds DESC NULLS LAST LIMIT 1))";

/// Who holds the horizon back furthest.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Holder {
    /// `session`, `standby`, `slot` or `prepared`.
    pub kind: String,
    pub who: String,
    /// Age in transactions.
    pub xids: i64,
    /// How long its transaction has been open, in seconds; a standby or a slot has none.
    pub seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    may_see: bool,
    pub oldest: Option<Holder>,
}

pub(super) fn reading(answer: &Answer, at: Timestamp) -> Reading {
    const UNIT: &str = "transactions";
    match &answer.oldest {
        _ if !answer.may_see => {
            let why = "this role may not see other sessions' snapshots; GRANT pg_read_all_stats to it";
            blind(name::HORIZON, None, UNIT, at, why)
        }
        // Nobody else has a snapshot open, and the role would see one.
        None => fresh(name::HORIZON, None, 0.0, UNIT, at),
        Some(holder) => {
            let open = holder.seconds.map(|s| format!(", open for {s:.1} s")).unwrap_or_default();
            let detail = Some(format!("{}{open}", holder.who));
            Reading { detail, ..fresh(name::HORIZON, None, holder.xids as f64, UNIT, at) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_sees_nothing_does_not_see_zero() {
        let answer = Answer { may_see: false, oldest: None };
        assert_eq!(reading(&answer, Timestamp::UNIX_EPOCH).value, None);
        let answer = Answer { may_see: true, oldest: None };
        assert_eq!(reading(&answer, Timestamp::UNIX_EPOCH).value, Some(0.0));
    }

    #[test]
    fn the_owner_is_named() {
        let oldest = Holder {
            kind: "session".into(),
            who: "report (pid 9, active)".into(),
            xids: 42,
            seconds: Some(3.0),
        };
        let reading = reading(&Answer { may_see: true, oldest: Some(oldest) }, Timestamp::UNIX_EPOCH);
        assert_eq!(reading.value, Some(42.0));
        assert_eq!(reading.detail.as_deref(), Some("report (pid 9, active), open for 3.0 s"));
    }
}
