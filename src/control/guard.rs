//! Owns the guards: folds snapshots into one verdict, with durations, hysteresis and prediction.
//! Must not impose it (the permit and the supervisor do), and must not measure.

mod standby;
mod subject;
#[cfg(test)]
mod tests;
mod throttle;

use super::hold::{Hold, HoldKind};
use super::policy::{Guard, Policy};
use super::signal::{Freshness, Reading, Snapshot};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use subject::{Decision, Sample, Subject};

/// What all guards together say. The default says: go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Every reason not to go at full speed, in the policy's order, then by subject.
    pub holds: Vec<Hold>,
    /// Share of full speed, 0..1: the strictest guard's. `None`: nothing throttles.
    pub throttle: Option<f64>,
    pub paused: bool,
    /// Segue's own statement under way is to be cancelled now.
    pub cancel: bool,
    /// Roll back, and this is why.
    pub rollback: Option<Evidence>,
    /// A rollback rule was fulfilled, but the load did not turn out to be Segue's. Given once, in the
    /// fold that found it out, to be journalled; the pause stays until [`GuardState::released`].
    pub for_a_person: Vec<Evidence>,
}

/// What a rollback (or the decision against one) rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub signal: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    pub reading: f64,
    pub threshold: f64,
    pub unit: String,
    /// Above the threshold without a break since then.
    pub since: Timestamp,
    /// The reading when Segue's writes stopped, and 30 s and 120 s after; `None`: not known, or not yet.
    pub at_pause: Option<f64>,
    pub after_30s: Option<f64>,
    pub after_120s: Option<f64>,
}

/// What guards remember between snapshots. Durations are counted from sample to sample, at most
/// [`LONGEST_STEP`] each: a jump of the clock, a suspended machine or a monitor that repeats itself
/// neither ends a pause nor starts a rollback.
#[derive(Clone, Debug, Default)]
pub struct GuardState {
    /// By signal and subject.
    subjects: BTreeMap<(String, Option<String>), Subject>,
    /// A guard paused, in the fold before.
    paused: bool,
}

/// The most that one pair of samples adds to a duration.
pub const LONGEST_STEP: Duration = Duration::from_secs(10);

/// Time from one fold to the next, as far as it counts. A clock that was set back counts nothing.
pub fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO).min(LONGEST_STEP)
}

impl GuardState {
    pub fn new() -> GuardState {
        GuardState::default()
    }

    /// Somebody set the clock: what it said before is by another one.
    pub fn clock_moved(&mut self, by: SignedDuration) {
        self.subjects.values_mut().for_each(|subject| subject.clock_moved(by));
    }

    /// A person said `resume`: pauses that wait for one end. A signal that is still bad pauses anew.
    pub fn released(&mut self) {
        self.subjects.values_mut().for_each(Subject::released);
        self.paused = self.subjects.values().any(Subject::paused);
    }
}

/// Judges one snapshot. To be called with each new one; folding the same one again changes nothing.
pub fn fold(state: &mut GuardState, snapshot: &Snapshot, policy: &Policy, now: Timestamp) -> Verdict {
    state.subjects.retain(|(signal, _), _| policy.guards.iter().any(|g| g.signal == *signal));
    for guard in &policy.guards {
        observe(state, snapshot, guard, policy, now);
    }
    let writes_stopped_before = state.paused;
    state.paused = state.subjects.values().any(Subject::paused);

    let mut verdict = Verdict { paused: state.paused, ..Verdict::default() };
    for guard in &policy.guards {
        for ((signal, name), subject) in &mut state.subjects {
            if *signal != guard.signal {
                continue;
            }
            subject.experiment(verdict.paused, writes_stopped_before);
            let guard = &subject.guard(guard);
            match subject.decide(guard, name.as_deref()) {
                Decision::None => {}
                Decision::RollBack(evidence) => verdict.rollback = verdict.rollback.or(Some(evidence)),
                Decision::Person(evidence) => verdict.for_a_person.push(evidence),
            }
            verdict.cancel |= guard.cancels && subject.over_pause(guard);
            verdict.holds.extend(subject.hold(guard, name.as_deref()));
            if let Some(share) = subject.throttled_to() {
                verdict.throttle = Some(verdict.throttle.map_or(share, |least: f64| least.min(share)));
            }
        }
    }
    debug_assert_eq!(verdict.paused, verdict.holds.iter().any(|h| h.kind == HoldKind::Pause));
    verdict
}

/// Brings all of one guard's subjects up to date.
fn observe(state: &mut GuardState, snapshot: &Snapshot, guard: &Guard, policy: &Policy, now: Timestamp) {
    let may_be_blind = policy.accepted_blind.contains(&guard.signal);
    let mut samples: BTreeMap<Option<String>, Sample> = BTreeMap::new();
    for reading in snapshot.readings.iter().filter(|r| r.name == guard.signal) {
        let sample = match reading.state {
            // Known no better than one that nobody speaks of: what it held before ends after the usual calm.
            Freshness::Blind if may_be_blind => Sample::Unmentioned,
            _ => Sample::of(reading).with_baseline(guard, policy.baseline),
        };
        // Two readings of one subject: the worse one counts.
        match samples.get(&reading.subject) {
            Some(known) if !sample.worse_than(known) => {}
            _ => drop(samples.insert(reading.subject.clone(), sample)),
        }
    }
    let known: Vec<Option<String>> =
        state.subjects.keys().filter(|(signal, _)| *signal == guard.signal).map(|(_, s)| s.clone()).collect();
    if samples.is_empty() {
        // No word at all of a guarded signal, which is not the same as a word that all is well.
        let why =
            || Sample::Unreadable { why: "the monitor has brought no reading of it".into(), last: None };
        samples.extend(known.iter().cloned().map(|subject| (subject, why())));
        if samples.is_empty() {
            samples.insert(None, why());
        }
    }
    // Who was there and is not named any more, while others are: the monitor says what is missing.
    for subject in known {
        samples.entry(subject).or_insert(Sample::Unmentioned);
    }
    let stopped = state.paused;
    for (name, sample) in samples {
        let key = (guard.signal.clone(), name);
        let subject = state.subjects.entry(key.clone()).or_insert_with(|| Subject::of(guard));
        if !subject.observe(guard, sample, stopped, now) {
            state.subjects.remove(&key);
        }
    }
}

impl Sample {
    fn of(reading: &Reading) -> Sample {
        let unreadable = |why: String| Sample::Unreadable { why, last: reading.value };
        match (reading.state, reading.value) {
            (Freshness::NotApplicable, _) => Sample::NotApplicable,
            // Without a number to compare there is no threshold, and "no threshold" must not be read as "all is well".
            (Freshness::Fresh, Some(_)) if reading.limit.is_some_and(f64::is_nan) => {
                unreadable("what the server allows of it is not a number".into())
            }
            // Without an end is as bad as can be; without a beginning is nonsense.
            (Freshness::Fresh, Some(value)) if value > f64::NEG_INFINITY => Sample::Value {
                value,
                at: reading.at,
                limit: reading.limit,
                baseline: reading.baseline,
                detail: reading.detail.clone(),
            },
            (Freshness::Fresh, Some(_)) => unreadable("the reading is not a number".into()),
            (Freshness::Fresh, None) => unreadable("the reading has no value".into()),
            (Freshness::Stale, _) => unreadable(format!(
                "the last reading is too old ({}){}",
                reading.at,
                reading.detail.as_ref().map(|d| format!(": {d}")).unwrap_or_default()
            )),
            (Freshness::Blind, _) => {
                unreadable(reading.detail.clone().unwrap_or_else(|| "the monitor does not say why".into()))
            }
        }
    }

    /// A multiple of what is not known is no threshold, and no threshold is not "all is well".
    fn with_baseline(self, guard: &Guard, learned_for: Duration) -> Sample {
        let Sample::Value { baseline, .. } = &self else { return self };
        match baseline.filter(|baseline| baseline.is_finite()) {
            _ if !guard.is_relative() => self,
            None => Sample::Learning {
                why: format!(
                    "learning the baseline, what it is while Segue writes nothing: {} s of that",
                    learned_for.as_secs_f64()
                ),
            },
            Some(baseline) if baseline <= 0.0 && guard.needs_more_than_nothing() => Sample::Learning {
                why: format!(
                    "the baseline is {baseline}, and so is any multiple of it: say what to add, such as `segue tune guard {} pause '2x + 4'`",
                    guard.signal
                ),
            },
            Some(_) => self,
        }
    }

    fn worse_than(&self, other: &Sample) -> bool {
        match (self, other) {
            (Sample::Value { value, .. }, Sample::Value { value: than, .. }) => value > than,
            (Sample::Value { .. }, Sample::NotApplicable | Sample::Unmentioned) => true,
            (Sample::Unreadable { .. } | Sample::Learning { .. }, _) => true,
            _ => false,
        }
    }
}
