//! Owns `slot_wal`: how much of the log each replication slot keeps, and how much it may. Must not judge it. Every
//! role may see slots.

use super::Watch;
use super::board::{fresh, not_applicable};
use super::health::Sampler;
use super::sampling::{Trouble, ask};
use crate::clock;
use crate::control::signal::{Freshness, Reading, name};
use crate::pg::Session;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// How much a slot may keep is the server's own limit, and never more than 10 GiB: of the disk behind it nothing can be
/// known from here. Below 64 MiB it is less than what a healthy standby has in flight. Columns that came with 17
/// and 18 are asked for by name of the row as JSON, so that the one question is understood by all versions.
const SQL: &str = "
WITH keep AS (
  SELECT max(setting::numeric) FILTER (WHERE name = 'max_slot_wal_keep_size') AS slots,
         max(setting::numeric) AS most
    FROM pg_settings WHERE name IN ('max_slot_wal_keep_size', 'wal_keep_size')
)
SELECT jsonb_build_object(
  'limit', (SELECT least(10737418240, greatest(67108864, CASE WHEN slots >= 0 THEN most * 1048576 ELSE 10737418240 END))
              FROM keep),
  'slots', coalesce((
     SELECT jsonb_agg(jsonb_build_object(
              'name', s.slot_name, 'kind', s.slot_type, 'database', s.database, 'active', s.active,
              'status', s.wal_status,
              'retained', greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0),
              'inactive_since', to_jsonb(s)->>'inactive_since',
              'reason', to_jsonb(s)->>'invalidation_reason') ORDER BY s.slot_name)
       FROM pg_replication_slots s), '[]'))";

#[derive(Debug, Deserialize)]
struct Answer {
    limit: f64,
    slots: Vec<Slot>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Slot {
    name: String,
    /// `physical` or `logical`.
    kind: String,
    database: Option<String>,
    active: bool,
    /// `reserved`, `extended`, `unreserved`, `lost`; none where it keeps nothing.
    status: Option<String>,
    retained: Option<f64>,
    inactive_since: Option<String>,
    reason: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Slots;

impl Sampler for Slots {
    const SIGNALS: &'static [(&'static str, &'static str)] = &[(name::SLOT_WAL, "B")];
    const EVERY: Duration = Duration::from_secs(2);

    async fn look(&mut self, session: &Session, _: &Watch) -> Result<Vec<Reading>, Trouble> {
        let answer = ask(session, "what replication slots keep", SQL, &[]).await?;
        Ok(readings(&answer, clock::now()))
    }
}

fn readings(answer: &Answer, at: Timestamp) -> Vec<Reading> {
    let all: Vec<Reading> = answer.slots.iter().filter_map(|slot| reading(slot, answer.limit, at)).collect();
    match all.is_empty() {
        true => vec![not_applicable(name::SLOT_WAL, "B", at, "no replication slot keeps any of the log")],
        false => all,
    }
}

fn reading(slot: &Slot, limit: f64, at: Timestamp) -> Option<Reading> {
    let subject = Some(slot.name.clone());
    if slot.status.as_deref() == Some("lost") || slot.reason.is_some() {
        // The worst has happened, and nothing more comes of it.
        let why = slot.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let why = format!("the {} slot is lost{why}: whoever used it has to begin anew; drop it", slot.kind);
        return Some(Reading { subject, ..not_applicable(name::SLOT_WAL, "B", at, &why) });
    }
    let reading = fresh(name::SLOT_WAL, subject, slot.retained?, "B", at);
    debug_assert_eq!(reading.state, Freshness::Fresh);
    let mut detail = match &slot.database {
        Some(database) => format!("{} slot of database {database}", slot.kind),
        None => format!("{} slot", slot.kind),
    };
    match (&slot.inactive_since, slot.active) {
        (_, true) => {}
        (Some(since), false) => detail.push_str(&format!(", unused since {since}")),
        (None, false) => detail.push_str(", unused"),
    }
    if let Some(status @ ("extended" | "unreserved")) = slot.status.as_deref() {
        detail.push_str(&format!(", {status}"));
    }
    Some(Reading { limit: Some(limit), detail: Some(detail), ..reading })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(name: &str, retained: Option<f64>) -> Slot {
        Slot { name: name.into(), kind: "physical".into(), retained, ..Slot::default() }
    }

    fn look(slots: Vec<Slot>) -> Vec<Reading> {
        readings(&Answer { limit: 1e9, slots }, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn each_slot_by_name_with_what_it_may_keep() {
        let logical = Slot {
            kind: "logical".into(),
            database: Some("shop".into()),
            status: Some("unreserved".into()),
            inactive_since: Some("2026-11-22".into()),
            ..slot("etl", Some(2e9))
        };
        let seen = look(vec![Slot { active: true, ..slot("standby1", Some(0.0)) }, logical]);
        assert_eq!(seen[0].subject.as_deref(), Some("standby1"));
        assert_eq!((seen[0].value, seen[0].limit), (Some(0.0), Some(1e9)));
        assert_eq!(seen[0].detail.as_deref(), Some("physical slot"));
        assert_eq!(
            seen[1].detail.as_deref(),
            Some("logical slot of database shop, unused since 2026-11-22, unreserved")
        );
    }

    #[test]
    fn what_keeps_nothing_is_not_zero() {
        let none = look(vec![slot("never_used", None)]);
        assert_eq!((none.len(), none[0].state, none[0].value), (1, Freshness::NotApplicable, None));
        let lost = look(vec![Slot { status: Some("lost".into()), ..slot("gone", None) }]);
        assert_eq!((lost[0].state, lost[0].value), (Freshness::NotApplicable, None));
        assert!(lost[0].detail.as_deref().unwrap().contains("lost"));
    }
}
