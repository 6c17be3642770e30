//! Owns what a signal is like while Segue writes nothing: how that is learned, and when it holds no more. Pure. Must not
//! judge a reading by it: that is `guard`'s.

use super::guard::between;
use super::moved::moved;
use super::policy::Policy;
use super::record::Record;
use super::server::Server;
use super::signal::{Freshness, Reading, Snapshot};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Fewer readings tell nothing, however long they took.
const LEAST: usize = 5;

/// The median of a signal's readings while Segue wrote nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub signal: String,
    pub value: f64,
    #[serde(default)]
    pub unit: String,
}

/// All that are known, from a rollout's journal: so they outlive a supervisor, and not the server's restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baselines(BTreeMap<String, f64>);

impl Baselines {
    /// `known`: the server as it was before the record.
    pub fn fold(&mut self, record: &Record, known: Option<&Server>) {
        match record {
            Record::BaselineLearned { baseline } => {
                self.0.insert(baseline.signal.clone(), baseline.value);
            }
            // With caches cold or on another machine, normal is something else.
            Record::ServerSeen { server }
                if known
                    .is_none_or(|known| !known.same_history(server) || known.started != server.started) =>
            {
                self.0.clear();
            }
            _ => {}
        }
    }

    pub fn of(&self, signal: &str) -> Option<f64> {
        self.0.get(signal).copied()
    }

    /// Gives each reading its baseline, where that is known.
    pub fn beside(&self, readings: &mut [Reading]) {
        for reading in readings.iter_mut().filter(|reading| reading.subject.is_none()) {
            reading.baseline = self.of(&reading.name);
        }
    }
}

/// What is being learned. Times are counted from look to look as the guards' are, so that a jump of the clock is no time.
#[derive(Clone, Debug, Default)]
pub struct Learner {
    looked: Option<Timestamp>,
    /// Since when nothing was written; and whether anything was before that.
    quiet: Duration,
    wrote: bool,
    lessons: BTreeMap<String, Lesson>,
}

#[derive(Clone, Debug, Default)]
struct Lesson {
    /// The last reading's own moment.
    seen: Option<Timestamp>,
    lasted: Duration,
    values: Vec<f64>,
}

impl Learner {
    /// `wrote`: the rollout has written before, and what that left behind may be seen still.
    pub fn new(wrote: bool) -> Learner {
        Learner { wrote, ..Learner::default() }
    }

    /// Somebody set the clock.
    pub fn clock_moved(&mut self, by: SignedDuration) {
        self.looked = self.looked.map(|looked| moved(looked, by));
    }

    /// Takes in what was read; what is known now that was not. `quiet`: Segue writes nothing at this moment.
    pub fn observe(
        &mut self,
        snapshot: &Snapshot,
        policy: &Policy,
        known: &Baselines,
        quiet: bool,
        now: Timestamp,
    ) -> Vec<Baseline> {
        let step = self.looked.replace(now).map_or(Duration::ZERO, |looked| between(looked, now));
        if !quiet {
            *self = Learner { looked: self.looked, ..Learner::new(true) };
            return Vec::new();
        }
        self.quiet = self.quiet.saturating_add(step);
        // What Segue wrote must be as long ago as it is looked at.
        if self.wrote && self.quiet < policy.baseline {
            return Vec::new();
        }
        let mut learned = Vec::new();
        for guard in &policy.guards {
            if !guard.is_relative() || known.of(&guard.signal).is_some() {
                self.lessons.remove(&guard.signal);
                continue;
            }
            let of_it = |reading: &&Reading| reading.name == guard.signal && reading.subject.is_none();
            let reading = snapshot.readings.iter().find(of_it);
            let Some((value, at)) = reading
                .filter(|reading| reading.state == Freshness::Fresh)
                .and_then(|reading| Some((reading.value.filter(|value| value.is_finite())?, reading.at)))
            else {
                // A gap begins it anew: what was not seen may have been anything.
                self.lessons.remove(&guard.signal);
                continue;
            };
            let lesson = self.lessons.entry(guard.signal.clone()).or_default();
            if lesson.seen.is_some() {
                lesson.lasted = lesson.lasted.saturating_add(step);
            }
            if lesson.seen.replace(at) != Some(at) {
                lesson.values.push(value);
            }
            if lesson.lasted >= policy.baseline && lesson.values.len() >= LEAST {
                let value = median(&mut lesson.values);
                self.lessons.remove(&guard.signal);
                learned.push(Baseline { signal: guard.signal.clone(), value, unit: guard.unit.clone() });
            }
        }
        learned
    }
}

/// Of at least one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Spanned;
    use crate::plan::settings::{LevelSettings, Of, ProbeSettings, ProbeSource, Settings, Threshold};

    fn policy() -> Policy {
        let pause = Threshold::At { value: 2.0, of: Of::Baseline { plus: 0.0 }, lasting: Duration::ZERO };
        let levels = LevelSettings { pause: Some(Spanned::bare(pause)), ..LevelSettings::default() };
        let source = ProbeSource::Sql("select 1".into());
        let settings = Settings {
            probes: vec![ProbeSettings { name: "p99".into(), source, levels }],
            ..Settings::default()
        };
        let mut policy = Policy::resolve(&[&settings]);
        policy.guards.retain(|guard| guard.signal == "p99");
        policy
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn shown(value: Option<f64>, at: Timestamp) -> Snapshot {
        let state = if value.is_some() { Freshness::Fresh } else { Freshness::Blind };
        Snapshot {
            readings: vec![Reading {
                name: "p99".into(),
                subject: None,
                value,
                unit: String::new(),
                state,
                at,
                limit: None,
                baseline: None,
                detail: None,
            }],
        }
    }

    struct Run {
        learner: Learner,
        policy: Policy,
        known: Baselines,
        now: Timestamp,
    }

    impl Run {
        fn new(wrote: bool) -> Run {
            let known = Baselines::default();
            Run { learner: Learner::new(wrote), policy: policy(), known, now: at(0) }
        }

        /// A look a second for so long; what was learned, and after how many.
        fn look(
            &mut self,
            seconds: usize,
            quiet: bool,
            value: impl Fn(usize) -> Option<f64>,
        ) -> Option<(usize, f64)> {
            for second in 0..seconds {
                self.now += SignedDuration::from_secs(1);
                let seen = shown(value(second), self.now);
                let learned = self.learner.observe(&seen, &self.policy, &self.known, quiet, self.now);
                if let Some(learned) = learned.first() {
                    return Some((second + 1, learned.value));
                }
            }
            None
        }
    }

    #[test]
    fn is_the_median_of_what_was_seen_while_nothing_was_written() {
        let mut run = Run::new(false);
        // Half a minute from the first look; one outlier is none.
        let value = |second| Some(if second == 7 { 9000.0 } else { 100.0 + second as f64 });
        assert_eq!(run.look(60, true, value), Some((31, 116.0)));
    }

    #[test]
    fn is_never_learned_from_segues_own_writes_nor_right_after_them() {
        let mut run = Run::new(false);
        assert_eq!(run.look(20, true, |_| Some(1.0)), None);
        assert_eq!(run.look(600, false, |_| Some(50.0)), None);
        // The first half minute of quiet is what the writes left.
        let settles = |second| Some(if second < 30 { 50.0 } else { 1.0 });
        assert_eq!(run.look(90, true, settles), Some((60, 1.0)));
        // And a supervisor that comes to a rollout that another one wrote for waits as well.
        assert_eq!(Run::new(true).look(90, true, settles).map(|(_, value)| value), Some(1.0));
    }

    #[test]
    fn what_is_not_seen_begins_it_anew_and_few_readings_tell_nothing() {
        let mut run = Run::new(false);
        assert_eq!(run.look(25, true, |_| Some(1.0)), None);
        assert_eq!(run.look(1, true, |_| None), None);
        assert_eq!(run.look(60, true, |_| Some(2.0)), Some((31, 2.0)));
        // The same reading again is no other one.
        let mut run = Run::new(false);
        let still = shown(Some(1.0), at(0));
        for second in 0..300 {
            let learned = run.learner.observe(&still, &run.policy, &run.known, true, at(second));
            assert_eq!(learned, []);
        }
    }

    #[test]
    fn a_clock_that_jumps_is_no_time() {
        let mut run = Run::new(false);
        for hour in [1, -2, 1] {
            assert_eq!(run.look(4, true, |_| Some(1.0)), None);
            run.now += SignedDuration::from_hours(hour);
        }
        // An hour counts as the longest step, ten seconds, and going back as none.
        assert_eq!(run.look(60, true, |_| Some(1.0)), Some((2, 1.0)));
    }

    #[test]
    fn outlives_a_supervisor_and_not_a_restart_of_the_server() {
        let server = Server {
            system: "7".into(),
            timeline: Some("00000009".into()),
            started: "monday".into(),
            in_recovery: false,
            read_only: false,
            position: None,
        };
        let mut known = Baselines::default();
        let baseline = Baseline { signal: "p99".into(), value: 3.0, unit: "ms".into() };
        known.fold(&Record::BaselineLearned { baseline }, Some(&server));
        known.fold(&Record::ServerSeen { server: server.clone() }, Some(&server));
        assert_eq!(known.of("p99"), Some(3.0));
        let mut seen = shown(Some(4.0), at(0));
        known.beside(&mut seen.readings);
        assert_eq!((seen.readings[0].baseline, known.of("other")), (Some(3.0), None));
        for other in [
            Server { started: "tuesday".into(), ..server.clone() },
            Server { timeline: Some("0000000A".into()), ..server.clone() },
        ] {
            let mut known = known.clone();
            known.fold(&Record::ServerSeen { server: other }, Some(&server));
            assert_eq!(known.of("p99"), None);
        }
    }

    #[test]
    fn a_pause_at_a_multiple_brings_no_throttle_along() {
        let pause = Threshold::At { value: 10.0, of: Of::Baseline { plus: 0.5 }, lasting: Duration::ZERO };
        let levels = LevelSettings { pause: Some(Spanned::bare(pause)), ..LevelSettings::default() };
        let settings = Settings { guards: [("commit_time", levels)].into(), ..Settings::default() };
        let guard = Policy::resolve(&[&settings]).guard("commit_time").unwrap().clone();
        assert_eq!((guard.throttle, guard.pause, guard.is_relative()), (None, Some(10.0), true));
        assert_eq!(guard.against(None, Some(0.25)).pause, Some(3.0));
        // What is normal is not known: there is no threshold, and the guard's fold says so.
        assert_eq!(guard.against(None, None).pause, None);
        let stored = serde_json::to_value(&guard).unwrap();
        assert_eq!(stored["pause_of"], serde_json::json!({"baseline": {"plus": 0.5}}));
        assert_eq!(serde_json::from_value::<crate::control::policy::Guard>(stored).unwrap(), guard);
    }

    #[test]
    fn one_that_is_known_is_not_learned_again() {
        let mut run = Run::new(false);
        let baseline = Baseline { signal: "p99".into(), value: 3.0, unit: String::new() };
        run.known.fold(&Record::BaselineLearned { baseline }, None);
        assert_eq!(run.look(300, true, |_| Some(1.0)), None);
    }
}
