//! Owns the rules a rollout runs under, resolved: defaults, then `segue.yaml`, then the plan, then
//! flags. Stored with the rollout, so that a supervisor elsewhere obeys the same ones.

use super::defaults::{self, Default as Usual};
use super::signal::name;
use crate::plan::limits::Cap;
use crate::plan::settings::{
    HttpSource, LevelSettings, Of, OnRowError, ProbeSettings, ProbeSource, Settings, Threshold, UserTriggers,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub slice_time: Duration,
    pub workers: u32,
    /// Rows a second; `None`: as fast as the guards allow.
    #[serde(default)]
    pub rate: Option<u64>,
    /// Bytes of WAL a second.
    #[serde(default)]
    pub wal: Option<u64>,
    /// Per cent of the time that each worker rests.
    #[serde(default)]
    pub rest: u32,
    pub user_triggers: UserTriggers,
    pub on_row_error: OnRowError,
    /// A VACUUM after each fill. Only asked when the program is made: there it is a step.
    #[serde(default)]
    pub vacuum: bool,
    /// Every filled row is compared with what `up` gives before the new version is published.
    #[serde(default)]
    pub verify: bool,
    pub guards: Vec<Guard>,
    /// Standbys that replay late on purpose: what they have received counts.
    #[serde(default)]
    pub delayed_standbys: Vec<String>,
    /// Signals whose guards do not hold while they are blind: an operator named them.
    #[serde(default)]
    pub accepted_blind: Vec<String>,
    /// The old version must have been seen unused this long before the contract.
    pub quiet_for: Duration,
    pub locks: LockPolicy,
    #[serde(default)]
    pub ladder: Ladder,
    /// How long a baseline is learned.
    #[serde(default = "baseline")]
    pub baseline: Duration,
}

fn baseline() -> Duration {
    Duration::from_secs(30)
}

/// When automatic pauses are held for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// More than so many within an hour.
    pub pauses: u32,
    /// One that lasts so long.
    pub longest: Duration,
}

impl Default for Ladder {
    fn default() -> Ladder {
        Ladder { pauses: 6, longest: Duration::from_secs(30 * 60) }
    }
}

/// A signal with its thresholds and what each one does. Thresholds are in the signal's unit, or multiples
/// of what comes with the reading ([`Guard::against`] makes numbers of them).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// The signal's name.
    pub signal: String,
    /// The operator's query where the signal is a probe.
    pub sql: Option<String>,
    /// Where else the operator's number comes from.
    #[serde(default)]
    pub http: Option<HttpSource>,
    pub unit: String,
    pub throttle: Option<f64>,
    pub pause: Option<f64>,
    #[serde(default)]
    pub throttle_of: Of,
    #[serde(default)]
    pub pause_of: Of,
    /// Above a threshold without a break for so long before it acts.
    #[serde(default)]
    pub throttle_for: Duration,
    #[serde(default)]
    pub pause_for: Duration,
    /// Not knowing the signal begins no pause: it tells how busy the server is, and not what Segue uses up.
    #[serde(default)]
    pub load: bool,
    /// A pause goes on once the reading was under `pause * resume_share` for `resume_after`.
    pub resume_share: f64,
    pub resume_after: Duration,
    pub rollback: Option<RollbackAbove>,
    pub only_if_ours: bool,
    /// Reaching `pause` also cancels the statement that Segue is running (lock waits).
    pub cancels: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollbackAbove {
    pub above: f64,
    #[serde(default)]
    pub of: Of,
    pub lasting: Duration,
}

/// How strong locks are asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockPolicy {
    /// `lock_timeout` of the first attempt; doubles up to `last_wait`.
    pub first_wait: Duration,
    pub last_wait: Duration,
    /// Between attempts rest this many times what was waited (share of time others queue: 1/(1+n)).
    pub rest_factor: u32,
    /// Then the step is postponed, and the rollout says who is in the way.
    pub budget: Duration,
    /// Do not queue behind a transaction older than this.
    pub patience: Duration,
}

impl Default for LockPolicy {
    fn default() -> LockPolicy {
        LockPolicy {
            first_wait: Duration::from_millis(100),
            last_wait: Duration::from_millis(800),
            rest_factor: 39,
            budget: Duration::from_secs(3600),
            patience: Duration::from_secs(1),
        }
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::resolve(&[])
    }
}

impl Policy {
    /// The defaults overridden, one by one, by each layer in turn: `segue.yaml`, the plan, flags.
    pub fn resolve(layers: &[&Settings]) -> Policy {
        /// The last layer that says something.
        fn last<T>(layers: &[&Settings], said: impl Fn(&Settings) -> Option<T>) -> Option<T> {
            layers.iter().rev().find_map(|layer| said(layer))
        }
        let levels = |signal: &str| {
            let mut merged = LevelSettings::default();
            let said = layers.iter().filter_map(|layer| layer.guards.get(signal));
            said.for_each(|said| override_levels(&mut merged, said));
            merged
        };
        let mut guards: Vec<Guard> =
            defaults::ALL.iter().filter_map(|usual| built_in(usual, &levels(usual.signal))).collect();
        guards.extend(probes(layers).iter().map(probe));
        Policy {
            slice_time: last(layers, |l| l.slice_time.as_ref().map(|s| s.value))
                .unwrap_or(Duration::from_millis(50)),
            workers: last(layers, |l| l.workers.as_ref().map(|w| w.value)).unwrap_or(1),
            rate: last(layers, |l| l.rate).and_then(Cap::value),
            wal: last(layers, |l| l.wal).and_then(Cap::value),
            rest: last(layers, |l| l.rest).unwrap_or(0),
            user_triggers: last(layers, |l| l.user_triggers).unwrap_or(UserTriggers::Fire),
            on_row_error: last(layers, |l| l.on_row_error).unwrap_or(OnRowError::Stop),
            vacuum: last(layers, |l| l.vacuum).unwrap_or(false),
            verify: last(layers, |l| l.verify).unwrap_or(true),
            guards,
            delayed_standbys: layers
                .iter()
                .flat_map(|layer| layer.delayed_standbys.iter().map(|name| name.value.clone()))
                .collect(),
            accepted_blind: Vec::new(),
            quiet_for: last(layers, |l| l.quiet_for.as_ref().map(|q| q.value)).unwrap_or(Duration::ZERO),
            locks: LockPolicy::default(),
            baseline: last(layers, |l| l.baseline.as_ref().map(|length| length.value)).unwrap_or(baseline()),
            ladder: Ladder {
                pauses: last(layers, |l| l.hold_pauses).unwrap_or(Ladder::default().pauses),
                longest: last(layers, |l| l.hold_longest.as_ref().map(|longest| longest.value))
                    .unwrap_or(Ladder::default().longest),
            },
        }
    }

    /// With more signals that may be blind; an error names one that has no guard.
    pub fn accepting_blind(mut self, signals: &[String]) -> Result<Policy, String> {
        for signal in signals {
            if self.guard(signal).is_none() {
                let known: Vec<&str> = self.guards.iter().map(|guard| guard.signal.as_str()).collect();
                return Err(format!("there is no guard on {signal:?}; there are: {}", known.join(", ")));
            }
            if !self.accepted_blind.contains(signal) {
                self.accepted_blind.push(signal.clone());
            }
        }
        Ok(self)
    }

    /// What would guard a signal of Segue's own if somebody said at what.
    pub fn unguarded(usual: &Usual) -> Guard {
        let none = Usual { throttle: None, pause: None, ..*usual };
        let mut guard = guard(&none, &LevelSettings::default());
        guard.cancels = usual.signal == name::LOCK_WAIT;
        guard
    }

    /// The guard of a signal, if there is one.
    pub fn guard(&self, signal: &str) -> Option<&Guard> {
        self.guards.iter().find(|guard| guard.signal == signal)
    }
}

fn override_levels(base: &mut LevelSettings, over: &LevelSettings) {
    if over.throttle.is_some() {
        base.throttle.clone_from(&over.throttle);
    }
    if over.pause.is_some() {
        base.pause.clone_from(&over.pause);
    }
    if over.rollback.is_some() {
        base.rollback.clone_from(&over.rollback);
    }
    base.only_if_ours = over.only_if_ours.or(base.only_if_ours);
}

/// All layers' probes by name, in the order of their first mention.
fn probes(layers: &[&Settings]) -> Vec<ProbeSettings> {
    let mut merged: Vec<ProbeSettings> = Vec::new();
    for said in layers.iter().flat_map(|layer| &layer.probes) {
        match merged.iter_mut().find(|known| known.name.value == said.name.value) {
            Some(known) => {
                known.source = said.source.clone();
                override_levels(&mut known.levels, &said.levels);
            }
            None => merged.push(said.clone()),
        }
    }
    merged
}

/// `None`: it has no threshold, so there is nothing to guard.
fn built_in(usual: &Usual, said: &LevelSettings) -> Option<Guard> {
    let mut guard = guard(usual, said);
    match usual.signal {
        name::REPLICATION_LAG if guard.pause.is_some() => default_rollback(&mut guard, usual.pause),
        name::LOCK_WAIT => guard.cancels = true,
        _ => {}
    }
    let acts = guard.throttle.is_some() || guard.pause.is_some() || guard.rollback.is_some();
    acts.then_some(guard)
}

fn default_rollback(guard: &mut Guard, usual_pause: Option<f64>) {
    const ROLLBACK: f64 = 300.0;
    guard.rollback = guard.rollback.or_else(|| {
        // A pause that is asked for only above the default rollback moves it up in proportion.
        let beyond = guard.pause.filter(|pause| *pause >= ROLLBACK).zip(usual_pause);
        let above = beyond.map_or(ROLLBACK, |(pause, usual)| pause * ROLLBACK / usual);
        Some(RollbackAbove { above, of: Of::Itself, lasting: Duration::from_secs(60) })
    });
}

fn probe(said: &ProbeSettings) -> Guard {
    let usual = Usual {
        signal: "",
        unit: "",
        throttle: None,
        pause: None,
        of: Of::Itself,
        lasting: Duration::ZERO,
        resume_share: 0.8,
        load: false,
    };
    let mut guard = guard(&usual, &said.levels);
    guard.signal.clone_from(&said.name.value);
    match &said.source {
        ProbeSource::Sql(sql) => guard.sql = Some(sql.value.clone()),
        ProbeSource::Http(source) => guard.http = Some(source.clone()),
    }
    // Unlike lag, an operator's number need not fall to nothing when all is well: a pause goes on
    // where the throttle would not act either.
    if let (Some(throttle), Some(pause)) = (guard.throttle, guard.pause)
        && pause > 0.0
    {
        guard.resume_share = (throttle / pause).clamp(0.5, 0.9);
    }
    guard
}

/// A threshold resolved: its number, what that is a multiple of, and how long it must have lasted.
type Resolved = (Option<f64>, Of, Duration);

fn guard(usual: &Usual, said: &LevelSettings) -> Guard {
    let resolved = |said: Option<Threshold>, usual: Resolved| match said {
        Some(Threshold::At { value, of, lasting }) => (Some(value), of, lasting),
        Some(Threshold::Off) => (None, Of::Itself, Duration::ZERO),
        None => usual,
    };
    let said_pause = said.pause.as_ref().map(|pause| pause.value);
    // A pause asked for below the default throttle, or measured in something else, takes the throttle along.
    let throttle = match (said_pause, usual.pause, usual.throttle) {
        // Below a multiple of what is normal there is normal: who wants a throttle there says at what.
        (Some(Threshold::At { of: Of::Baseline { .. }, .. }), ..) => (None, Of::Itself, Duration::ZERO),
        (Some(Threshold::At { value, of, .. }), Some(pause), Some(throttle))
            if of != usual.of || value < 2.0 * throttle =>
        {
            (Some(throttle / pause * value), of, usual.lasting)
        }
        _ => (usual.throttle, usual.of, usual.lasting),
    };
    let (throttle, throttle_of, throttle_for) = resolved(said.throttle.as_ref().map(|t| t.value), throttle);
    let (pause, pause_of, pause_for) = resolved(said_pause, (usual.pause, usual.of, usual.lasting));
    Guard {
        signal: usual.signal.to_owned(),
        sql: None,
        http: None,
        unit: usual.unit.to_owned(),
        throttle,
        pause,
        throttle_of,
        pause_of,
        throttle_for,
        pause_for,
        load: usual.load,
        resume_share: usual.resume_share,
        resume_after: Duration::from_secs(5),
        rollback: said.rollback.as_ref().map(|rule| RollbackAbove {
            above: rule.above,
            of: rule.of,
            lasting: rule.lasting,
        }),
        only_if_ours: said.only_if_ours.unwrap_or(false),
        cancels: false,
    }
}

impl Guard {
    /// The guard with every threshold a number in the signal's unit, as far as that is known of a reading
    /// that came with this limit and this baseline.
    pub fn against(&self, limit: Option<f64>, baseline: Option<f64>) -> Guard {
        let number = |threshold: Option<f64>, of: Of| match of {
            Of::Itself => threshold,
            Of::Limit => threshold.zip(limit).map(|(share, limit)| share * limit),
            Of::Baseline { plus } => threshold.zip(baseline).map(|(times, baseline)| times * baseline + plus),
        };
        let pause = number(self.pause, self.pause_of);
        let resume_share = match (self.pause_of, pause.zip(baseline)) {
            // What is normal must be low enough to go on.
            (Of::Baseline { .. }, Some((pause, baseline))) if pause > 0.0 => {
                self.resume_share.max((baseline + pause) / (2.0 * pause))
            }
            _ => self.resume_share,
        };
        let rollback = |rule: RollbackAbove| {
            number(Some(rule.above), rule.of).map(|above| RollbackAbove { above, of: Of::Itself, ..rule })
        };
        Guard {
            throttle: number(self.throttle, self.throttle_of),
            pause,
            throttle_of: Of::Itself,
            pause_of: Of::Itself,
            rollback: self.rollback.and_then(rollback),
            resume_share,
            ..self.clone()
        }
    }

    /// What its thresholds are multiples of, with what is added to each.
    fn multiples(&self) -> impl Iterator<Item = f64> {
        let throttle = self.throttle.map(|_| self.throttle_of);
        let pause = self.pause.map(|_| self.pause_of);
        let all = [throttle, pause, self.rollback.map(|rule| rule.of)];
        all.into_iter().flatten().filter_map(|of| match of {
            Of::Baseline { plus } => Some(plus),
            Of::Itself | Of::Limit => None,
        })
    }

    /// Whether a threshold is a multiple of the baseline.
    pub fn is_relative(&self) -> bool {
        self.multiples().next().is_some()
    }

    /// Whether a baseline of nothing leaves a threshold that everything reaches.
    pub fn needs_more_than_nothing(&self) -> bool {
        self.multiples().any(|plus| plus <= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Spanned;
    use crate::plan::settings::RollbackRule;

    fn level(throttle: Option<f64>, pause: Option<f64>) -> LevelSettings {
        LevelSettings {
            throttle: throttle.map(|level| Spanned::bare(Threshold::at(level))),
            pause: pause.map(|level| Spanned::bare(Threshold::at(level))),
            ..LevelSettings::default()
        }
    }

    fn with(signal: &'static str, levels: LevelSettings) -> Settings {
        Settings { guards: [(signal, levels)].into(), ..Settings::default() }
    }

    fn with_lag(levels: LevelSettings) -> Settings {
        with(name::REPLICATION_LAG, levels)
    }

    fn named(name: &str, sql: &str, levels: LevelSettings) -> ProbeSettings {
        ProbeSettings { name: name.into(), source: ProbeSource::Sql(sql.into()), levels }
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let policy = Policy::default();
        assert_eq!((policy.slice_time, policy.workers), (Duration::from_millis(50), 1));
        assert_eq!((policy.user_triggers, policy.on_row_error), (UserTriggers::Fire, OnRowError::Stop));
        assert_eq!((policy.quiet_for, policy.vacuum), (Duration::ZERO, false));
        let lag = policy.guard("replication_lag").unwrap();
        assert_eq!((lag.throttle, lag.pause, lag.resume_share), (Some(1.0), Some(10.0), 0.5));
        assert_eq!(lag.resume_after, Duration::from_secs(5));
        assert_eq!(
            lag.rollback,
            Some(RollbackAbove { above: 300.0, of: Of::Itself, lasting: Duration::from_secs(60) })
        );
        assert!(!lag.only_if_ours && !lag.cancels);
        let lock = policy.guard("lock_wait").unwrap();
        assert_eq!(
            (lock.throttle, lock.pause, lock.rollback, lock.cancels),
            (Some(0.1), Some(1.0), None, true)
        );
        // Those that need no word of the operator's.
        let signals: Vec<_> = policy.guards.iter().map(|g| g.signal.as_str()).collect();
        assert_eq!(
            signals.join(" "),
            "replication_lag lock_wait sync_wait slot_wal archive_backlog archive_failing commit_time connections \
             deadlocks forced_checkpoints freeze_age wraparound_vacuum horizon"
        );
    }

    #[test]
    fn later_layers_override_one_by_one() {
        let file = Settings {
            slice_time: Some(Spanned::bare(Duration::from_millis(20))),
            workers: Some(Spanned::bare(2)),
            rate: Some(Cap::At(20_000)),
            wal: Some(Cap::At(8_000_000)),
            rest: Some(50),
            vacuum: Some(true),
            on_row_error: Some(OnRowError::SetAside(100)),
            ..with_lag(level(Some(2.0), Some(20.0)))
        };
        let plan = Settings {
            workers: Some(Spanned::bare(3)),
            rate: Some(Cap::Off),
            quiet_for: Some(Spanned::bare(Duration::from_secs(60))),
            user_triggers: Some(UserTriggers::Skip),
            vacuum: Some(false),
            ..with_lag(LevelSettings { only_if_ours: Some(true), ..level(None, Some(30.0)) })
        };
        let mut flags = with_lag(LevelSettings {
            rollback: Some(RollbackRule { above: 90.0, of: Of::Itself, lasting: Duration::from_secs(5) }),
            ..LevelSettings::default()
        });
        flags.guards.insert(name::LOCK_WAIT, level(None, Some(2.0)));
        let policy = Policy::resolve(&[&file, &plan, &flags]);
        assert_eq!((policy.slice_time, policy.workers), (Duration::from_millis(20), 3));
        assert_eq!((policy.rate, policy.wal, policy.rest), (None, Some(8_000_000), 50));
        assert_eq!(
            (policy.on_row_error, policy.user_triggers),
            (OnRowError::SetAside(100), UserTriggers::Skip)
        );
        assert_eq!(policy.quiet_for, Duration::from_secs(60));
        let lag = policy.guard("replication_lag").unwrap();
        assert_eq!((lag.throttle, lag.pause, lag.only_if_ours), (Some(2.0), Some(30.0), true));
        assert_eq!(
            lag.rollback,
            Some(RollbackAbove { above: 90.0, of: Of::Itself, lasting: Duration::from_secs(5) })
        );
        let lock = policy.guard("lock_wait").unwrap();
        assert_eq!((lock.throttle, lock.pause), (Some(0.1), Some(2.0)));
        // The other way round the plan does not win over the flags.
        assert_eq!(Policy::resolve(&[&plan, &file]).workers, 2);
        assert!(!policy.vacuum && Policy::resolve(&[&plan, &file]).vacuum);
    }

    #[test]
    fn a_tiny_pause_takes_the_throttle_along() {
        let lag = |levels| Policy::resolve(&[&with_lag(levels)]).guard("replication_lag").unwrap().clone();
        assert_eq!(lag(level(None, Some(0.5))).throttle, Some(0.05));
        assert_eq!(lag(level(Some(0.4), Some(0.5))).throttle, Some(0.4));
        assert_eq!(lag(level(None, Some(5.0))).throttle, Some(1.0));
    }

    #[test]
    fn a_pause_above_the_default_rollback_moves_it_up() {
        let rule = |levels| {
            Policy::resolve(&[&with_lag(levels)]).guard("replication_lag").unwrap().rollback.unwrap().above
        };
        assert_eq!(rule(level(None, Some(20.0))), 300.0);
        assert_eq!(rule(level(None, Some(600.0))), 18_000.0);
    }

    #[test]
    fn probes_merge_by_name() {
        let file = Settings {
            probes: vec![
                named("p99", "select 1", level(Some(200.0), Some(500.0))),
                named("queue", "select 2", level(None, Some(10.0))),
            ],
            ..Settings::default()
        };
        let plan = Settings {
            probes: vec![
                named("p99", "select 3", level(None, Some(250.0))),
                named("sessions", "select 4", LevelSettings::default()),
            ],
            ..Settings::default()
        };
        let policy = Policy::resolve(&[&file, &plan]);
        let names: Vec<_> = policy.guards.iter().map(|g| g.signal.as_str()).collect();
        assert_eq!(names[names.len() - 3..], ["p99", "queue", "sessions"]);
        let p99 = policy.guard("p99").unwrap();
        assert_eq!(
            (p99.sql.as_deref(), p99.throttle, p99.pause),
            (Some("select 3"), Some(200.0), Some(250.0))
        );
        assert_eq!(p99.resume_share, 0.8);
        assert_eq!((p99.rollback, p99.unit.as_str()), (None, ""));
        assert_eq!(policy.guard("queue").unwrap().resume_share, 0.8);
    }

    #[test]
    fn survives_being_stored() {
        let policy = Policy::default();
        let mut stored = serde_json::to_value(&policy).unwrap();
        assert_eq!(serde_json::from_value::<Policy>(stored.clone()).unwrap(), policy);
        // As it was written before there were such settings.
        let fields = stored.as_object_mut().unwrap();
        ["rate", "wal", "rest", "vacuum", "accepted_blind", "ladder", "delayed_standbys", "baseline"]
            .iter()
            .for_each(|later| assert!(fields.remove(*later).is_some()));
        let mut old = policy;
        old.guards.truncate(2);
        let guards = fields["guards"].as_array_mut().unwrap();
        guards.truncate(2);
        for guard in guards {
            ["throttle_of", "pause_of", "throttle_for", "pause_for", "load", "http"]
                .iter()
                .for_each(|later| assert!(guard.as_object_mut().unwrap().remove(*later).is_some()));
            if let Some(rule) = guard["rollback"].as_object_mut() {
                assert!(rule.remove("of").is_some());
            }
        }
        old.guards.iter_mut().for_each(|guard| guard.load = false);
        assert_eq!(serde_json::from_value::<Policy>(stored).unwrap(), old);
    }

    #[test]
    fn a_share_of_the_limit_becomes_a_number_with_the_reading() {
        let slots = |levels| Policy::resolve(&[&with(name::SLOT_WAL, levels)]).guard("slot_wal").cloned();
        let usual = slots(LevelSettings::default()).unwrap();
        let seen = usual.against(Some(1e9), None);
        assert_eq!((seen.throttle, seen.pause), (Some(5e8), Some(8e8)));
        assert_eq!((usual.against(None, None).throttle, usual.against(None, None).pause), (None, None));
        // A pause in bytes takes the throttle along, whatever the limit.
        let said = slots(level(None, Some(4e9))).unwrap();
        assert_eq!((said.throttle, said.throttle_of), (Some(2.5e9), Of::Itself));
        assert_eq!(said.against(Some(1.0), None).pause, Some(4e9));
    }

    #[test]
    fn a_guard_is_switched_off_in_whole_or_in_part() {
        let off = Some(Spanned::bare(Threshold::Off));
        let none = LevelSettings { throttle: off.clone(), pause: off.clone(), ..LevelSettings::default() };
        for signal in [name::CONNECTIONS, name::REPLICATION_LAG] {
            assert!(Policy::resolve(&[&with(signal, none.clone())]).guard(signal).is_none(), "{signal}");
        }
        let no_pause = LevelSettings { pause: off, ..LevelSettings::default() };
        let policy = Policy::resolve(&[&with(name::CONNECTIONS, no_pause)]);
        let connections = policy.guard(name::CONNECTIONS).unwrap();
        assert_eq!((connections.throttle, connections.pause), (Some(0.8), None));
        // A later layer switches it on again.
        let policy = Policy::resolve(&[&with("on_cpu", none), &with("on_cpu", level(None, Some(16.0)))]);
        assert_eq!(policy.guard("on_cpu").unwrap().pause, Some(16.0));
    }
}
