//! Owns what standbys say of themselves, those that an operator named: how far each has replayed, and who streams from it. The
//! primary sees only who streams from the primary. Must not judge it.
//!
//! A standby that was the primary's own once is never taken for one of another standby's: that it is gone from there is what
//! tells a primary that was left behind.

use super::NOT_READ_YET;
use super::board::{Failure, blind, fresh};
use super::sampling::{self, Shared, Trouble};
use crate::control::lag::PositionClock;
use crate::control::signal::{Reading, name};
use crate::lsn::Lsn;
use crate::pg::Session;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const EVERY: Duration = Duration::from_secs(1);
const CONNECT: Duration = Duration::from_secs(3);
/// What a standby said longer ago says nothing of now.
const FRESH: Duration = Duration::from_secs(5);

const SQL: &str = "
SELECT jsonb_build_object(
  'system', (SELECT system_identifier::text FROM pg_control_system()),
  'in_recovery', pg_is_in_recovery(),
  'replayed', pg_last_wal_replay_lsn()::text,
  'received', greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text,
  'paused', CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END,
  'delay_ms', (SELECT setting::bigint FROM pg_settings WHERE name = 'recovery_min_apply_delay'),
  'followers', coalesce((
     SELECT jsonb_agg(jsonb_build_object(
              'name', r.application_name, 'replayed', r.replay_lsn::text, 'received', r.flush_lsn::text))
       FROM pg_stat_replication r
       LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
      WHERE r.state IS DISTINCT FROM 'backup' AND s.slot_type IS DISTINCT FROM 'logical'), '[]'))";

/// What a standby said.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Said {
    system: String,
    in_recovery: bool,
    replayed: Option<Lsn>,
    received: Option<Lsn>,
    paused: bool,
    delay_ms: i64,
    followers: Vec<Follower>,
}

/// Who streams from a standby. Positions are NULL to a role without `pg_read_all_stats` there.
#[derive(Clone, Debug, Deserialize)]
struct Follower {
    name: Option<String>,
    replayed: Option<Lsn>,
    received: Option<Lsn>,
}

/// One word of a named standby's, and when (on the position clock's time).
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub at: Duration,
    pub word: Result<Said, String>,
}

/// By the names that the operator gave them.
pub(super) type AllHeard = BTreeMap<String, Heard>;

/// Asks every named standby once a second, each for itself.
pub(super) async fn run(shared: &Arc<Shared>) {
    let mut all = JoinSet::new();
    for at in 0..shared.watch.standbys.len() {
        all.spawn(listen(shared.clone(), at));
    }
    while all.join_next().await.is_some() {}
}

async fn listen(shared: Arc<Shared>, at: usize) {
    let (name, config) = &shared.watch.standbys[at];
    let role = format!("{}/standby", shared.watch.role);
    let mut ticks = sampling::ticks(EVERY);
    let mut session: Option<Session> = None;
    loop {
        ticks.tick().await;
        let asked = async {
            if session.is_none() {
                let opened = Session::open_with(config, &role, CONNECT, sampling::setup(vec![])).await;
                session = Some(opened.map_err(|error| error.to_string())?);
            }
            let session = session.as_ref().expect("it was just opened");
            let asked = Instant::now();
            let said =
                sampling::ask(session, "how a standby is", SQL, &[]).await.map_err(
                    |trouble| match trouble {
                        Trouble::Session(why) | Trouble::Signal(Failure::Slow(why) | Failure::Blind(why)) => {
                            why
                        }
                    },
                )?;
            Ok::<_, String>((asked, said))
        };
        let (asked, word) = match asked.await {
            Ok((asked, said)) => (asked, Ok(said)),
            Err(why) => {
                session = None;
                (Instant::now(), Err(why))
            }
        };
        shared.heard(name, Heard { at: asked - shared.start, word });
    }
}

/// Who streams from standbys, as far as it was ever seen.
#[derive(Debug, Default)]
pub(super) struct Cascade {
    /// Those of standbys that can be asked, and through whom; `Some`: gone since then.
    seen: BTreeMap<String, (String, Option<Timestamp>)>,
    late: BTreeSet<String>,
}

/// What was read of one, and how it is to be understood.
struct Position {
    replayed: Lsn,
    at: Duration,
    detail: String,
}

impl Cascade {
    /// `late`: standbys that replay late on purpose, by the operator's word.
    pub fn new(late: &[String]) -> Cascade {
        Cascade { late: late.iter().cloned().collect(), ..Cascade::default() }
    }

    /// Lag of everybody whom the primary does not see. `named`: who can be asked; `own`: the primary's own standbys, there or
    /// missing; `clock`: of the primary, that was at `position` last.
    #[allow(clippy::too_many_arguments)]
    pub fn readings(
        &mut self,
        named: &[String],
        heard: &AllHeard,
        own: &BTreeSet<String>,
        system: Option<&str>,
        (clock, position): (&PositionClock, Lsn),
        now: Duration,
        at: Timestamp,
    ) -> Vec<Reading> {
        let mut found: BTreeMap<String, Result<Position, String>> = BTreeMap::new();
        let mut silent: BTreeMap<&str, String> = BTreeMap::new();
        for standby in named {
            let said = self.word(standby, heard, system, now);
            if let Ok((said, when)) = &said {
                self.followers(standby, said, *when, own, named, &mut found);
            }
            if let Err(why) = &said {
                silent.insert(standby, why.clone());
            }
            if own.contains(standby) {
                continue;
            }
            match said {
                // What its upstream says of it is as good.
                Err(_) if found.contains_key(standby) => {}
                Err(why) => drop(found.insert(standby.clone(), Err(why))),
                Ok((said, when)) => drop(found.insert(standby.clone(), self.itself(standby, said, when))),
            }
        }
        for (standby, (through, gone)) in &mut self.seen {
            if found.contains_key(standby) || own.contains(standby) {
                *gone = None;
                continue;
            }
            let why = match silent.get(through.as_str()) {
                Some(why) => format!("{through}, which it streams from, is not heard: {why}"),
                None => {
                    let since = *gone.get_or_insert(at);
                    format!("{standby}, a standby of {through}, is gone since {since:.0}")
                }
            };
            found.insert(standby.clone(), Err(why));
        }
        found.into_iter().flat_map(|(standby, found)| one(&standby, found, (clock, position), at)).collect()
    }

    /// What a standby said last, if that is to be believed.
    fn word<'h>(
        &self,
        standby: &str,
        heard: &'h AllHeard,
        system: Option<&str>,
        now: Duration,
    ) -> Result<(&'h Said, Duration), String> {
        let heard = heard.get(standby).ok_or_else(|| NOT_READ_YET.to_owned())?;
        let said = heard.word.as_ref().map_err(|why| format!("it cannot be asked: {why}"))?;
        let age = now.saturating_sub(heard.at);
        if age > FRESH {
            return Err(format!("it has not answered for {:.0} s", age.as_secs_f64()));
        }
        if system.is_some_and(|system| system != said.system) {
            return Err("it is of another database cluster".to_owned());
        }
        if !said.in_recovery {
            return Err("it is no standby (any more)".to_owned());
        }
        Ok((said, heard.at))
    }

    fn itself(&self, standby: &str, said: &Said, at: Duration) -> Result<Position, String> {
        let late = said.delay_ms > 0 || self.late.contains(standby);
        let replayed = if late { said.received } else { said.replayed };
        let replayed = replayed.ok_or("it has replayed nothing yet")?;
        let mut detail = "the primary does not see it: it was asked itself".to_owned();
        if said.paused {
            detail += "; replay is paused there";
        }
        if late {
            detail += "; replays late on purpose: what it has received counts";
        }
        Ok(Position { replayed, at, detail })
    }

    fn followers(
        &mut self,
        through: &str,
        said: &Said,
        at: Duration,
        own: &BTreeSet<String>,
        named: &[String],
        found: &mut BTreeMap<String, Result<Position, String>>,
    ) {
        for follower in &said.followers {
            let called =
                follower.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "a standby".into());
            // A name of its own, where another standby has the plain one.
            let other =
                self.seen.get(&called).is_some_and(|(known, _)| known != through && !named.contains(&called));
            let called = if own.contains(&called) || other { format!("{through}/{called}") } else { called };
            let late = self.late.contains(&called);
            let Some(replayed) = (if late { follower.received } else { follower.replayed }) else {
                // An archiver never replays, and of what this role may not see nothing is known but that it is there.
                continue;
            };
            let detail = format!("streams from {through}");
            self.seen.insert(called.clone(), (through.to_owned(), None));
            found.entry(called).or_insert(Ok(Position { replayed, at, detail }));
        }
    }
}

fn one(
    standby: &str,
    found: Result<Position, String>,
    (clock, position): (&PositionClock, Lsn),
    at: Timestamp,
) -> [Reading; 2] {
    let subject = || Some(standby.to_owned());
    let both = |why: &str| {
        [(name::REPLICATION_LAG, "s"), (name::REPLICATION_LAG_BYTES, "B")]
            .map(|(name, unit)| blind(name, subject(), unit, at, why))
    };
    let Position { replayed, at: when, detail } = match found {
        Ok(position) => position,
        Err(why) => return both(&why),
    };
    // Dated at the moment that it was asked: what the primary wrote since, nobody has asked it about.
    let Some(seconds) = clock.lag_of(replayed, when).seconds() else {
        return both("no position is known yet");
    };
    let bytes = if position > replayed { position.bytes_since(replayed) as f64 } else { 0.0 };
    [
        Reading { detail: Some(detail.clone()), ..fresh(name::REPLICATION_LAG, subject(), seconds, "s", at) },
        Reading { detail: Some(detail), ..fresh(name::REPLICATION_LAG_BYTES, subject(), bytes, "B", at) },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::signal::Freshness;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn said(replayed: u64, followers: &[(&str, u64)]) -> Said {
        let follower = |(name, at): &(&str, u64)| Follower {
            name: Some((*name).into()),
            replayed: Some(Lsn(*at)),
            received: Some(Lsn(*at)),
        };
        Said {
            system: "7".into(),
            in_recovery: true,
            replayed: Some(Lsn(replayed)),
            received: Some(Lsn(replayed + 100)),
            paused: false,
            delay_ms: 0,
            followers: followers.iter().map(follower).collect(),
        }
    }

    /// At second 20; the primary wrote 100 bytes each second since it was at zero.
    fn look(
        cascade: &mut Cascade,
        named: &[&str],
        own: &[&str],
        words: Vec<(&str, Result<Said, String>)>,
    ) -> Vec<(String, Option<f64>, String)> {
        let mut clock = PositionClock::new();
        (0..=20).for_each(|second| clock.observe(seconds(second), Lsn(second * 100)));
        let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        let own = own.iter().map(|name| (*name).to_owned()).collect();
        let heard = words
            .into_iter()
            .map(|(name, word)| (name.to_owned(), Heard { at: seconds(19), word }))
            .collect();
        let at = Timestamp::from_second(20).unwrap();
        let readings =
            cascade.readings(&named, &heard, &own, Some("7"), (&clock, Lsn(2000)), seconds(20), at);
        readings
            .into_iter()
            .filter(|reading| reading.name == name::REPLICATION_LAG)
            .map(|reading| {
                assert_eq!(reading.state == Freshness::Blind, reading.value.is_none());
                (reading.subject.unwrap(), reading.value, reading.detail.unwrap())
            })
            .collect()
    }

    #[test]
    fn who_streams_from_a_standby_is_dated_by_the_primarys_clock() {
        let mut cascade = Cascade::new(&[]);
        let seen =
            look(&mut cascade, &["a"], &["a"], vec![("a", Ok(said(1900, &[("b", 1400), ("c", 1900)])))]);
        let told = "streams from a".to_owned();
        assert_eq!(seen, [("b".into(), Some(5.0), told.clone()), ("c".into(), Some(0.0), told)]);
        // One that goes is missed, and so are all where the one between is not heard.
        let seen = look(&mut cascade, &["a"], &["a"], vec![("a", Ok(said(1900, &[("c", 1900)])))]);
        assert_eq!((seen[0].1, &*seen[0].2), (None, "b, a standby of a, is gone since 1970-01-01T00:00:20Z"));
        let seen = look(&mut cascade, &["a"], &["a"], vec![("a", Err("no route".into()))]);
        assert_eq!(seen.iter().map(|seen| seen.1).collect::<Vec<_>>(), [None, None]);
        assert!(
            seen[1].2.contains("a, which it streams from, is not heard: it cannot be asked: no route"),
            "{seen:?}"
        );
    }

    #[test]
    fn one_that_was_named_is_asked_itself_and_counts_while_it_is_silent() {
        let mut cascade = Cascade::new(&[]);
        let mut paused = said(900, &[]);
        paused.paused = true;
        let seen = look(&mut cascade, &["b"], &["a"], vec![("b", Ok(paused))]);
        let told = "the primary does not see it: it was asked itself; replay is paused there";
        assert_eq!(seen, [("b".to_owned(), Some(10.0), told.to_owned())]);
        assert_eq!(look(&mut cascade, &["b"], &["a"], vec![])[0].2, NOT_READ_YET);
        for (word, why) in [
            (Err("refused".into()), "it cannot be asked: refused"),
            (Ok(Said { system: "8".into(), ..said(900, &[]) }), "it is of another database cluster"),
            (Ok(Said { in_recovery: false, ..said(900, &[]) }), "it is no standby (any more)"),
        ] {
            assert_eq!(
                look(&mut cascade, &["b"], &["a"], vec![("b", word)])[0],
                ("b".into(), None, why.into())
            );
        }
        // The one before it says as much.
        let word = vec![("a", Ok(said(1900, &[("b", 1800)]))), ("b", Err("refused".into()))];
        assert_eq!(look(&mut cascade, &["a", "b"], &["a"], word)[0].1, Some(1.0));
    }

    #[test]
    fn the_primarys_own_is_not_taken_for_anothers() {
        let mut cascade = Cascade::new(&[]);
        // Gone from the primary, it answers still: perhaps to another primary.
        assert_eq!(look(&mut cascade, &["a"], &["a"], vec![("a", Ok(said(1900, &[])))]), []);
        let seen = look(&mut cascade, &["a"], &["a", "b"], vec![("a", Ok(said(1900, &[("b", 1800)])))]);
        assert_eq!((&*seen[0].0, seen[0].1), ("a/b", Some(1.0)));
    }

    #[test]
    fn one_that_replays_late_on_purpose_has_what_it_received() {
        let mut cascade = Cascade::new(&[]);
        let late = Said { delay_ms: 3_600_000, received: Some(Lsn(1900)), ..said(900, &[]) };
        let seen = look(&mut cascade, &["b"], &[], vec![("b", Ok(late))]);
        assert!(seen[0].1 == Some(0.0) && seen[0].2.ends_with("what it has received counts"), "{seen:?}");
    }

    #[test]
    fn an_old_word_is_none() {
        let mut cascade = Cascade::new(&[]);
        let heard = AllHeard::from([("b".to_owned(), Heard { at: seconds(1), word: Ok(said(100, &[])) })]);
        let mut clock = PositionClock::new();
        (0..=20).for_each(|second| clock.observe(seconds(second), Lsn(second * 100)));
        let at = Timestamp::UNIX_EPOCH;
        let clock = (&clock, Lsn(2000));
        let readings =
            cascade.readings(&["b".to_owned()], &heard, &BTreeSet::new(), None, clock, seconds(20), at);
        assert_eq!(readings[0].detail.as_deref(), Some("it has not answered for 19 s"));
        assert_eq!(readings.len(), 2);
    }
}
