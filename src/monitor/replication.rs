//! Owns `replication_lag` and `replication_lag_bytes`: how far each standby is behind, and which standby is
//! missing. Must not judge it.
//!
//! Seconds come from the position clock. A standby that was here and is not is blind, never zero; only where
//! there is no standby and none is expected is there nothing to measure.

use super::board::{blind, fresh, not_applicable};
use crate::control::lag::{Lag, PositionClock};
use crate::control::signal::{Reading, name};
use crate::lsn::Lsn;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SECONDS: &str = "s";
const BYTES: &str = "B";

/// Logical subscribers and base backups replay nothing. The rows of standbys are there for every role, but a role
/// without `pg_read_all_stats` sees NULL in them.
pub(super) const SQL: &str = "
SELECT jsonb_build_object(
  'may_see', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'position', pg_current_wal_lsn()::text,
  'standbys', coalesce((
     SELECT jsonb_agg(jsonb_build_object(
              'pid', r.pid, 'application', r.application_name, 'address', host(r.client_addr),
              'slot', s.slot_name, 'state', r.state, 'replay', r.replay_lsn::text, 'flush', r.flush_lsn::text,
              'replay_lag', extract(epoch FROM r.replay_lag)::float8))
       FROM pg_stat_replication r
       LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
      WHERE r.state IS DISTINCT FROM 'backup' AND s.slot_type IS DISTINCT FROM 'logical'), '[]'),
  'idle_slots', coalesce((
     SELECT jsonb_agg(slot_name ORDER BY slot_name) FROM pg_replication_slots
      WHERE slot_type = 'physical' AND NOT active AND NOT temporary
        AND restart_lsn IS NOT NULL AND wal_status IS DISTINCT FROM 'lost'), '[]'))";

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Answer {
    may_see: bool,
    pub position: String,
    standbys: Vec<Standby>,
    /// Physical slots that keep WAL for somebody who is not there.
    idle_slots: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Standby {
    pid: i32,
    application: Option<String>,
    address: Option<String>,
    slot: Option<String>,
    state: Option<String>,
    replay: Option<String>,
    flush: Option<String>,
    replay_lag: Option<f64>,
}

/// Since when an expected standby is not there.
type Since = Timestamp;

/// What the sampler remembers from look to look.
#[derive(Debug)]
pub(super) struct Replication {
    clock: PositionClock,
    /// Standbys that have to be there; `Some`: it is gone, since then.
    expected: BTreeMap<String, Option<Since>>,
    ignored: BTreeSet<String>,
    delayed: BTreeSet<String>,
    /// Application names that more than one standby has had: told apart by slot, address or pid from then on.
    ambiguous: BTreeSet<String>,
    /// Which standby a slot was used by.
    slots: BTreeMap<String, String>,
    looked: bool,
    /// Who streamed from the primary at the last look.
    listed: BTreeSet<String>,
}

impl Replication {
    pub fn new(expected: &[String], ignored: &[String]) -> Replication {
        Replication {
            clock: PositionClock::new(),
            expected: expected.iter().filter(|n| !ignored.contains(n)).map(|n| (n.clone(), None)).collect(),
            ignored: ignored.iter().cloned().collect(),
            ambiguous: BTreeSet::new(),
            slots: BTreeMap::new(),
            delayed: BTreeSet::new(),
            looked: false,
            listed: BTreeSet::new(),
        }
    }

    /// With standbys that replay late on purpose.
    pub fn with_delayed(mut self, delayed: &[String]) -> Replication {
        self.delayed = delayed.iter().cloned().collect();
        self
    }

    /// The primary is at `position` now.
    pub fn observe(&mut self, now: Duration, position: Lsn) {
        self.clock.observe(now, position);
    }

    /// For another server, timeline or postmaster: positions before it say nothing. Who has to be there stays.
    pub fn forget_positions(&mut self) {
        self.clock.clear();
    }

    /// Everybody who has to be there, to be remembered with the rollout.
    pub fn expected(&self) -> Vec<String> {
        self.expected.keys().cloned().collect()
    }

    /// The primary's own standbys, there or missing.
    pub fn own(&self) -> BTreeSet<String> {
        self.listed.iter().chain(self.expected.keys()).cloned().collect()
    }

    /// When the primary was where.
    pub fn clock(&self) -> &PositionClock {
        &self.clock
    }

    /// One look at `now` (monotonic, from any fixed start), which is `at` on the wall.
    pub fn readings(
        &mut self,
        answer: &Answer,
        now: Duration,
        at: Timestamp,
    ) -> Result<Vec<Reading>, String> {
        let position: Lsn = answer.position.parse()?;
        self.clock.observe(now, position);
        let names = self.names(&answer.standbys);
        self.listed = names.iter().cloned().collect();
        let mut readings = Vec::new();
        let mut present = BTreeSet::new();
        for (standby, name) in answer.standbys.iter().zip(names) {
            if let Some(slot) = &standby.slot {
                self.slots.insert(slot.clone(), name.clone());
            }
            if self.ignored.contains(&name) {
                continue;
            }
            present.insert(name.clone());
            readings.extend(self.one(standby, &name, answer.may_see, position, now, at)?);
        }
        self.expect_idle_slots(&answer.idle_slots, &present);
        for (name, since) in &mut self.expected {
            if present.contains(name) {
                *since = None;
                continue;
            }
            let since = *since.get_or_insert(at);
            let why = format!(
                "{name} is gone since {since:.0}; drop its slot or ignore it if it will not come back"
            );
            readings.push(blind(name::REPLICATION_LAG, Some(name.clone()), SECONDS, at, &why));
            readings.push(blind(name::REPLICATION_LAG_BYTES, Some(name.clone()), BYTES, at, &why));
        }
        self.looked = true;
        if readings.is_empty() {
            let why = "the server has no standby";
            readings.push(not_applicable(name::REPLICATION_LAG, SECONDS, at, why));
            readings.push(not_applicable(name::REPLICATION_LAG_BYTES, BYTES, at, why));
        }
        Ok(readings)
    }

    fn one(
        &mut self,
        standby: &Standby,
        name: &str,
        may_see: bool,
        position: Lsn,
        now: Duration,
        at: Timestamp,
    ) -> Result<Vec<Reading>, String> {
        let subject = || Some(name.to_owned());
        let both = |why: &str| {
            vec![
                blind(name::REPLICATION_LAG, subject(), SECONDS, at, why),
                blind(name::REPLICATION_LAG_BYTES, subject(), BYTES, at, why),
            ]
        };
        if !may_see {
            return Ok(both("this role may not see standbys' positions; GRANT pg_read_all_stats to it"));
        }
        let state = standby.state.as_deref().unwrap_or("unknown");
        let Some(replay) = &standby.replay else {
            // An archiver (pg_receivewal) never replays; a standby that was expected has to.
            let why = format!("{name} (pid {}, {state}) reports no replay position", standby.pid);
            return Ok(if self.expected.contains_key(name) { both(&why) } else { vec![] });
        };
        // Whoever joins later counts once it has caught up: being built takes hours and harms nobody.
        if !self.expected.contains_key(name) {
            if self.looked && state != "streaming" {
                return Ok(vec![]);
            }
            self.expected.insert(name.to_owned(), None);
        }
        let is_delayed = self.delayed.contains(name);
        let replay: Lsn = match &standby.flush {
            Some(received) if is_delayed => received.parse()?,
            _ => replay.parse()?,
        };
        let lag = self.clock.lag_of(replay, now);
        let bytes =
            fresh(name::REPLICATION_LAG_BYTES, subject(), position.bytes_since(replay) as f64, BYTES, at);
        let seconds = match lag {
            Lag::About(lag) => fresh(name::REPLICATION_LAG, subject(), lag.as_secs_f64(), SECONDS, at),
            // Behind since before this monitor began: the server's own figure is no gauge, but it is evidence.
            Lag::AtLeast(least) => {
                let told = standby.replay_lag.filter(|_| !is_delayed).unwrap_or(0.0);
                let value = told.max(least.as_secs_f64());
                let detail = Some("at least: it was behind before the monitor began".to_owned());
                Reading { detail, ..fresh(name::REPLICATION_LAG, subject(), value, SECONDS, at) }
            }
            Lag::Unknown => blind(name::REPLICATION_LAG, subject(), SECONDS, at, "no position is known yet"),
        };
        Ok([seconds, bytes]
            .map(|reading| match is_delayed && reading.detail.is_none() {
                true => Reading {
                    detail: Some("replays late on purpose: what it has received counts".into()),
                    ..reading
                },
                false => reading,
            })
            .into())
    }

    /// A slot that keeps WAL for nobody stands for a standby that is gone: the one that used it, or one never seen.
    fn expect_idle_slots(&mut self, idle: &[String], present: &BTreeSet<String>) {
        for slot in idle {
            let name = self.slots.get(slot).unwrap_or(slot);
            // Its standby may be here without the slot; a slot that nobody uses is then only a slot.
            if !present.contains(name) && !self.ignored.contains(name) && !self.ignored.contains(slot) {
                self.expected.entry(name.clone()).or_insert(None);
            }
        }
    }

    /// A name for each standby that stays its own: `walreceiver` is the default of all of them.
    fn names(&mut self, standbys: &[Standby]) -> Vec<String> {
        let plain = |s: &Standby| match s.application.as_deref() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => s.slot.clone().unwrap_or_else(|| "a standby".to_owned()),
        };
        let mut seen = BTreeSet::new();
        for name in standbys.iter().map(plain) {
            if !seen.insert(name.clone()) && self.ambiguous.insert(name.clone()) {
                // Until now it was one standby's; from now on that one has a longer name.
                self.expected.remove(&name);
            }
        }
        standbys
            .iter()
            .map(|standby| match plain(standby) {
                name if self.ambiguous.contains(&name) => {
                    let own = standby.slot.clone().or_else(|| standby.address.clone());
                    format!("{name}/{}", own.unwrap_or_else(|| standby.pid.to_string()))
                }
                name => name,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::signal::Freshness;

    fn standby(pid: i32, application: &str, replay: Option<&str>) -> Standby {
        Standby {
            pid,
            application: Some(application.into()),
            address: None,
            slot: None,
            state: Some("streaming".into()),
            replay: replay.map(str::to_owned),
            flush: None,
            replay_lag: None,
        }
    }

    fn answer(position: &str, standbys: Vec<Standby>) -> Answer {
        Answer { may_see: true, position: position.into(), standbys, idle_slots: vec![] }
    }

    fn look(
        sampler: &mut Replication,
        answer: &Answer,
        second: u64,
    ) -> Vec<(Option<String>, Freshness, Option<f64>)> {
        let at = Timestamp::from_second(second as i64).unwrap();
        sampler
            .readings(answer, Duration::from_secs(second), at)
            .unwrap()
            .into_iter()
            .filter(|r| r.name == name::REPLICATION_LAG)
            .map(|r| (r.subject, r.state, r.value))
            .collect()
    }

    fn fresh_of(name: &str, value: f64) -> (Option<String>, Freshness, Option<f64>) {
        (Some(name.into()), Freshness::Fresh, Some(value))
    }

    fn blind_of(name: &str) -> (Option<String>, Freshness, Option<f64>) {
        (Some(name.into()), Freshness::Blind, None)
    }

    #[test]
    fn a_standby_that_does_not_replay_falls_behind() {
        let mut sampler = Replication::new(&[], &[]);
        let caught_up = answer("0/100", vec![standby(1, "standby1", Some("0/100"))]);
        assert_eq!(look(&mut sampler, &caught_up, 10), [fresh_of("standby1", 0.0)]);
        let behind = answer("0/200", vec![standby(1, "standby1", Some("0/100"))]);
        assert_eq!(look(&mut sampler, &behind, 11), [fresh_of("standby1", 1.0)]);
        assert_eq!(look(&mut sampler, &behind, 15), [fresh_of("standby1", 5.0)]);
    }

    #[test]
    fn a_clock_that_is_set_is_no_lag() {
        let mut sampler = Replication::new(&[], &[]);
        for (second, wall) in [(10, 1_000_010), (11, 1_003_611), (12, 996_412), (13, 1_000_013)] {
            let behind = answer("0/200", vec![standby(1, "standby1", Some("0/100"))]);
            let at = Timestamp::from_second(wall).unwrap();
            let readings = sampler.readings(&behind, Duration::from_secs(second), at).unwrap();
            assert!(readings[0].value.unwrap() <= 3.0, "{readings:?}");
        }
    }

    #[test]
    fn of_one_that_replays_late_on_purpose_what_it_has_received_counts() {
        let mut sampler = Replication::new(&[], &[]).with_delayed(&["late".into()]);
        let late =
            |replay, flush: &str| Standby { flush: Some(flush.into()), ..standby(1, "late", Some(replay)) };
        look(&mut sampler, &answer("0/100", vec![late("0/100", "0/100")]), 10);
        assert_eq!(
            look(&mut sampler, &answer("0/200", vec![late("0/100", "0/200")]), 20),
            [fresh_of("late", 0.0)]
        );
        assert_eq!(
            look(&mut sampler, &answer("0/300", vec![late("0/100", "0/200")]), 23),
            [fresh_of("late", 3.0)]
        );
    }

    #[test]
    fn a_standby_that_is_gone_is_blind_and_says_since_when() {
        let mut sampler = Replication::new(&[], &[]);
        look(&mut sampler, &answer("0/100", vec![standby(1, "standby1", Some("0/100"))]), 10);
        assert_eq!(look(&mut sampler, &answer("0/100", vec![]), 12), [blind_of("standby1")]);
        let at = Timestamp::from_second(14).unwrap();
        let readings = sampler.readings(&answer("0/100", vec![]), Duration::from_secs(14), at).unwrap();
        let detail = readings[0].detail.as_deref().unwrap();
        assert!(detail.starts_with("standby1 is gone since 1970-01-01T00:00:12Z"), "{detail}");
        let back = answer("0/100", vec![standby(2, "standby1", Some("0/100"))]);
        assert_eq!(look(&mut sampler, &back, 16), [fresh_of("standby1", 0.0)]);
    }

    #[test]
    fn one_that_the_rollout_began_with_is_missed_from_the_first_look() {
        let mut sampler = Replication::new(&["standby1".into()], &[]);
        assert_eq!(look(&mut sampler, &answer("0/100", vec![]), 1), [blind_of("standby1")]);
        let mut sampler = Replication::new(&["standby1".into()], &["standby1".into()]);
        assert_eq!(look(&mut sampler, &answer("0/100", vec![]), 1)[0].1, Freshness::NotApplicable);
    }

    #[test]
    fn a_slot_that_nobody_reads_is_a_standby_that_is_gone() {
        let mut sampler = Replication::new(&[], &[]);
        let mut with_slot = standby(1, "replica", Some("0/100"));
        with_slot.slot = Some("slot_a".into());
        look(&mut sampler, &answer("0/100", vec![with_slot]), 1);
        let idle = Answer { idle_slots: vec!["slot_a".into(), "slot_b".into()], ..answer("0/100", vec![]) };
        assert_eq!(look(&mut sampler, &idle, 2), [blind_of("replica"), blind_of("slot_b")]);
        let mut ignoring = Replication::new(&[], &["slot_a".into(), "slot_b".into()]);
        assert_eq!(look(&mut ignoring, &idle, 2)[0].1, Freshness::NotApplicable);
    }

    #[test]
    fn a_role_that_may_not_see_is_blind_and_no_standby_is_not_applicable() {
        let mut sampler = Replication::new(&[], &[]);
        let hidden = Answer { may_see: false, ..answer("0/100", vec![standby(1, "standby1", None)]) };
        assert_eq!(look(&mut sampler, &hidden, 1), [blind_of("standby1")]);
        let mut sampler = Replication::new(&[], &[]);
        assert_eq!(look(&mut sampler, &answer("0/100", vec![]), 1), [(None, Freshness::NotApplicable, None)]);
    }

    #[test]
    fn two_of_one_name_are_told_apart_and_each_is_missed() {
        let mut sampler = Replication::new(&[], &[]);
        let mut a = standby(1, "walreceiver", Some("0/100"));
        look(&mut sampler, &answer("0/100", vec![a.clone()]), 1);
        a.address = Some("10.0.0.1".into());
        let mut b = standby(2, "walreceiver", Some("0/80"));
        b.address = Some("10.0.0.2".into());
        let both = look(&mut sampler, &answer("0/100", vec![a.clone(), b]), 2);
        let names: Vec<_> = both.iter().map(|(name, ..)| name.clone().unwrap()).collect();
        assert_eq!(names, ["walreceiver/10.0.0.1", "walreceiver/10.0.0.2"]);
        let one = look(&mut sampler, &answer("0/100", vec![a]), 3);
        assert_eq!(one, [fresh_of("walreceiver/10.0.0.1", 0.0), blind_of("walreceiver/10.0.0.2")]);
    }

    #[test]
    fn a_newcomer_counts_once_it_streams_and_an_archiver_never() {
        let mut sampler = Replication::new(&[], &[]);
        look(&mut sampler, &answer("0/100", vec![]), 1);
        let mut new = standby(3, "new", Some("0/10"));
        new.state = Some("catchup".into());
        let archiver = standby(4, "pg_receivewal", None);
        let joined = answer("0/100", vec![new, archiver]);
        assert_eq!(look(&mut sampler, &joined, 2)[0].1, Freshness::NotApplicable);
        let streaming = answer("0/100", vec![standby(3, "new", Some("0/100"))]);
        assert_eq!(look(&mut sampler, &streaming, 3), [fresh_of("new", 0.0)]);
    }

    #[test]
    fn behind_before_the_monitor_began_is_never_read_as_zero() {
        let mut sampler = Replication::new(&[], &[]);
        let mut late = standby(1, "standby1", Some("0/10"));
        late.replay_lag = Some(42.0);
        assert_eq!(look(&mut sampler, &answer("0/100", vec![late]), 5), [fresh_of("standby1", 42.0)]);
    }
}
