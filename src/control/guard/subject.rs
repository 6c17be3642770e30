//! Owns one guard's memory of one subject (a standby, a probe): its pause, its share, its time above
//! the rollback threshold and the experiment that a pause is. Must not see other subjects.

use super::super::hold::{Hold, HoldKind};
use super::super::moved::moved;
use super::super::policy::Guard;
use super::super::signal::name::REPLICATION_LAG;
use super::{Evidence, between, standby, throttle};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// As much of the throttle's threshold counts while a signal is over it for too short a time.
const ALMOST: f64 = 0.95;

/// What a snapshot says of a subject.
pub(super) enum Sample {
    Value {
        value: f64,
        at: Timestamp,
        limit: Option<f64>,
        baseline: Option<f64>,
        detail: Option<String>,
    },
    /// It can be read, and not judged: what is normal is not known.
    Learning {
        why: String,
    },
    Unreadable {
        why: String,
        last: Option<f64>,
    },
    NotApplicable,
    /// The signal has readings, but none of this subject.
    Unmentioned,
}

pub(super) enum Decision {
    None,
    RollBack(Evidence),
    Person(Evidence),
}

#[derive(Clone, Debug)]
enum Cause {
    Level,
    Unreadable {
        why: String,
        before: Before,
    },
    /// What its thresholds are multiples of is not known.
    Learning {
        why: String,
    },
    /// Only a person ends it.
    Person {
        why: String,
    },
}

/// What was known when a subject became unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// It never was readable.
    Nothing,
    /// It was well.
    Well,
    /// It already was a reason to pause.
    Bad,
}

#[derive(Clone, Debug)]
struct Pause {
    cause: Cause,
    since: Timestamp,
}

/// Without a break since, and for how long by counted samples.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    since: Timestamp,
    lasted: Duration,
}

/// Segue's writes have stopped: does the signal fall?
#[derive(Clone, Copy, Debug, Default)]
struct Experiment {
    lasted: Duration,
    at_pause: Option<f64>,
    after_30s: Option<f64>,
    after_120s: Option<f64>,
}

/// Pauses that ended less than this ago count as one trouble: each next one asks for twice the calm, up to so many times.
const RELAPSE: Duration = Duration::from_secs(600);
const MOST_DOUBLED: u32 = 4;

/// How fast work may go for a signal: by the law of a standby's lag, or of all others.
#[derive(Clone, Debug)]
enum Share {
    Standby(standby::Share),
    Other(throttle::Share),
}

impl Default for Share {
    fn default() -> Share {
        Share::Other(throttle::Share::default())
    }
}

impl Share {
    fn of(guard: &Guard) -> Share {
        match guard.signal.as_str() {
            REPLICATION_LAG => Share::Standby(standby::Share::default()),
            _ => Share::default(),
        }
    }

    fn throttled(&self) -> Option<f64> {
        match self {
            Share::Standby(share) => share.throttled(),
            Share::Other(share) => share.throttled(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    /// The last sample's own moment and the moment it was folded.
    seen: Option<(Timestamp, Timestamp)>,
    /// What is known now: `None` while it cannot be read.
    value: Option<f64>,
    /// The last value that was ever known, for people.
    last: Option<f64>,
    pause: Option<Pause>,
    calm: Option<Stretch>,
    over: Option<Stretch>,
    /// At the threshold or above it.
    over_throttle: Option<Stretch>,
    over_pause: Option<Stretch>,
    /// What came with the last value: how much the server allows, and who is behind it.
    limit: Option<f64>,
    baseline: Option<f64>,
    detail: Option<String>,
    share: Share,
    throttled_since: Option<Timestamp>,
    experiment: Option<Experiment>,
    /// Pauses that followed each other soon, and since when the last one is over.
    relapses: u32,
    since_pause: Duration,
}

impl Subject {
    pub(super) fn of(guard: &Guard) -> Subject {
        Subject { share: Share::of(guard), ..Subject::default() }
    }

    pub(super) fn paused(&self) -> bool {
        self.pause.is_some()
    }

    /// The share, where it counts: a subject that pauses has nothing to add by throttling.
    pub(super) fn throttled_to(&self) -> Option<f64> {
        if self.paused() { None } else { self.share.throttled() }
    }

    /// The guard as it is for this subject: every threshold a number.
    pub(super) fn guard(&self, guard: &Guard) -> Guard {
        guard.against(self.limit, self.baseline)
    }

    /// At the threshold of a pause, and for long enough.
    pub(super) fn over_pause(&self, guard: &Guard) -> bool {
        let is_over =
            matches!((self.value, pause_level(guard)), (Some(value), Some(level)) if value >= level);
        is_over && (guard.pause_for.is_zero() || lasted(self.over_pause, guard.pause_for))
    }

    fn waits_for_a_person(&self) -> bool {
        matches!(self.pause, Some(Pause { cause: Cause::Person { .. }, .. }))
    }

    pub(super) fn clock_moved(&mut self, by: SignedDuration) {
        let folded = self.seen.iter_mut().map(|(_, folded)| folded);
        let stretches = [&mut self.calm, &mut self.over, &mut self.over_throttle, &mut self.over_pause];
        let since = stretches.into_iter().flatten().map(|stretch| &mut stretch.since);
        let since = since.chain(self.pause.iter_mut().map(|pause| &mut pause.since));
        folded.chain(since).chain(&mut self.throttled_since).for_each(|moment| *moment = moved(*moment, by));
    }

    pub(super) fn released(&mut self) {
        if self.waits_for_a_person() {
            (self.pause, self.over, self.experiment) = (None, None, None);
        }
    }

    /// False: there is nothing left to remember.
    /// `stopped`: some guard pauses.
    pub(super) fn observe(&mut self, guard: &Guard, sample: Sample, stopped: bool, now: Timestamp) -> bool {
        match sample {
            Sample::Value { value, at, limit, baseline, detail } => {
                (self.limit, self.baseline, self.detail) = (limit, baseline, detail);
                self.value_seen(&guard.against(limit, baseline), value, stopped, at, now);
            }
            Sample::Learning { why } => self.learning(why, now),
            // Of what is not known nothing is to be feared that was not there before.
            Sample::Unreadable { .. } if guard.load && self.pause.is_none() => {
                (self.value, self.calm) = (None, None);
                (self.over, self.over_throttle, self.over_pause) = (None, None, None);
            }
            Sample::Unreadable { why, last } => self.unreadable(why, last, now),
            Sample::Unmentioned => return self.unmentioned(guard, now),
            Sample::NotApplicable => {
                (self.value, self.calm, self.over) = (None, None, None);
                (self.over_throttle, self.over_pause) = (None, None);
                return self.waits_for_a_person();
            }
        }
        true
    }

    fn value_seen(&mut self, guard: &Guard, value: f64, stopped: bool, at: Timestamp, now: Timestamp) {
        let news = self.seen.is_none_or(|(seen, _)| seen != at) || self.value.is_none();
        let step = self.seen.map_or(Duration::ZERO, |(_, folded)| between(folded, now));
        (self.value, self.last) = (Some(value), Some(value));
        if news {
            let reached = |level: Option<f64>| level.is_some_and(|level| value >= level);
            self.over_pause = stretch(self.over_pause, reached(pause_level(guard)), step, now);
            self.over_throttle = stretch(self.over_throttle, reached(guard.throttle), step, now);
        }
        if self.over_pause(guard) {
            self.calm = None;
            match &mut self.pause {
                None => self.pause = Some(Pause { cause: Cause::Level, since: now }),
                Some(pause) if matches!(pause.cause, Cause::Unreadable { .. } | Cause::Learning { .. }) => {
                    pause.cause = Cause::Level;
                }
                Some(_) => {}
            }
        }
        if !news {
            return;
        }
        self.seen = Some((at, now));
        self.release(guard, value, step, now);
        let above = guard.rollback.is_some_and(|rule| value > rule.above);
        self.over = stretch(self.over, above, step, now);
        if let Some(experiment) = &mut self.experiment {
            experiment.lasted += step;
            if experiment.lasted >= Duration::from_secs(30) {
                experiment.after_30s.get_or_insert(value);
            }
            if experiment.lasted >= Duration::from_secs(120) {
                experiment.after_120s.get_or_insert(value);
            }
        }
        self.slow_down(guard, value, stopped, step.as_secs_f64());
        self.throttled_since = self.share.throttled().map(|_| self.throttled_since.unwrap_or(now));
    }

    fn slow_down(&mut self, guard: &Guard, value: f64, stopped: bool, seconds: f64) {
        let Some(threshold) = guard.throttle else {
            self.share = Share::of(guard);
            return;
        };
        let paused = self.paused();
        // Over it, but not for long enough: nothing to cut for, and no room to grow into.
        let early = value >= threshold && !lasted(self.over_throttle, guard.throttle_for);
        let counted = if early { ALMOST * threshold } else { value };
        match &mut self.share {
            Share::Standby(share) => {
                let foresee = guard.throttle_for.is_zero();
                share.observe(counted, threshold, seconds, stopped || paused, foresee);
            }
            // What a signal does in a pause says nothing about the speed it bears.
            Share::Other(_) if paused => {}
            Share::Other(share) => share.observe(counted, threshold, seconds),
        }
    }

    /// Ends a pause after a long enough calm.
    fn release(&mut self, guard: &Guard, value: f64, step: Duration, now: Timestamp) {
        let Some(pause) = &mut self.pause else {
            self.since_pause = self.since_pause.saturating_add(step);
            if self.since_pause >= RELAPSE {
                self.relapses = 0;
            }
            return;
        };
        if matches!(pause.cause, Cause::Unreadable { before: Before::Bad, .. }) {
            pause.cause = Cause::Level;
        }
        let (calm, needed) = match &pause.cause {
            Cause::Level => {
                let calm = resume_level(guard).is_none_or(|level| value < level);
                (calm, resume_after(guard, self.relapses))
            }
            // Nothing was ever wrong, nothing had been read yet: there is no relapse to fear.
            Cause::Unreadable { before: Before::Nothing, .. } | Cause::Learning { .. } => {
                (true, Duration::ZERO)
            }
            Cause::Unreadable { .. } => (true, guard.resume_after),
            Cause::Person { .. } => return,
        };
        self.calm = stretch(self.calm, calm, step, now);
        if self.calm.is_some_and(|calm| calm.lasted >= needed) {
            if matches!(pause.cause, Cause::Level) {
                (self.relapses, self.since_pause) = (self.relapses + 1, Duration::ZERO);
            }
            (self.pause, self.calm) = (None, None);
        }
    }

    fn unreadable(&mut self, why: String, last: Option<f64>, now: Timestamp) {
        let before = if self.last.is_none() { Before::Nothing } else { Before::Well };
        self.value = None;
        self.last = last.or(self.last);
        (self.calm, self.over) = (None, None);
        (self.over_throttle, self.over_pause) = (None, None);
        match &mut self.pause {
            None => self.pause = Some(Pause { cause: Cause::Unreadable { why, before }, since: now }),
            Some(pause) => match &mut pause.cause {
                Cause::Person { .. } => {}
                Cause::Learning { .. } => pause.cause = Cause::Unreadable { why, before: Before::Nothing },
                Cause::Level => pause.cause = Cause::Unreadable { why, before: Before::Bad },
                Cause::Unreadable { why: known, .. } => *known = why,
            },
        }
    }

    /// Whatever it is by what was normal once: that is not known any more, or not yet.
    fn learning(&mut self, why: String, now: Timestamp) {
        self.baseline = None;
        (self.value, self.calm, self.over) = (None, None, None);
        (self.over_throttle, self.over_pause) = (None, None);
        match &mut self.pause {
            None => self.pause = Some(Pause { cause: Cause::Learning { why }, since: now }),
            Some(Pause { cause: Cause::Person { .. }, .. }) => {}
            Some(pause) => pause.cause = Cause::Learning { why },
        }
    }

    /// Forgotten at once, unless it pauses: then after the calm that any pause wants.
    fn unmentioned(&mut self, guard: &Guard, now: Timestamp) -> bool {
        let step = self.seen.map_or(Duration::ZERO, |(_, folded)| between(folded, now));
        (self.value, self.over) = (None, None);
        (self.over_throttle, self.over_pause) = (None, None);
        match &self.pause {
            None => return false,
            Some(Pause { cause: Cause::Unreadable { before: Before::Nothing, .. }, .. }) => return false,
            Some(Pause { cause: Cause::Learning { .. }, .. }) => return false,
            Some(Pause { cause: Cause::Person { .. }, .. }) => return true,
            Some(_) => {}
        }
        self.seen = Some((now, now));
        self.calm = stretch(self.calm, true, step, now);
        self.calm.is_some_and(|calm| calm.lasted < guard.resume_after)
    }

    /// Starts, keeps or ends the experiment: `paused` now, `before`: already in the fold before.
    pub(super) fn experiment(&mut self, paused: bool, before: bool) {
        if !paused {
            self.experiment = None;
        } else if self.experiment.is_none() {
            // What was first read when nothing was being written any more has no "before".
            let at_pause = if before { None } else { self.value };
            self.experiment = Some(Experiment { at_pause, ..Experiment::default() });
        }
    }

    /// The rollback rule, once its time is full.
    pub(super) fn decide(&mut self, guard: &Guard, name: Option<&str>) -> Decision {
        let (Some(rule), Some(over), Some(reading)) = (guard.rollback, self.over, self.value) else {
            return Decision::None;
        };
        if over.lasted < rule.lasting || self.waits_for_a_person() {
            return Decision::None;
        }
        let experiment = self.experiment.unwrap_or_default();
        let evidence = Evidence {
            signal: guard.signal.clone(),
            subject: name.map(str::to_owned),
            reading,
            threshold: rule.above,
            unit: guard.unit.clone(),
            since: over.since,
            at_pause: experiment.at_pause,
            after_30s: experiment.after_30s,
            after_120s: experiment.after_120s,
        };
        if !guard.only_if_ours {
            return Decision::RollBack(evidence);
        }
        let Some(after) = experiment.after_120s else { return Decision::None };
        let base = pause_level(guard).unwrap_or(rule.above);
        if experiment.at_pause.is_some_and(|at| at > base && at - after >= 0.5 * (at - base)) {
            return Decision::RollBack(evidence);
        }
        let at_pause = experiment.at_pause.map_or("an unknown reading".into(), |at| show(at, &guard.unit));
        let why = format!(
            "not Segue's doing: {at_pause} when Segue's writes stopped, still {} two minutes after. \
             Rolling back would not help; find the cause, then `segue resume`",
            show(after, &guard.unit)
        );
        let since = self.pause.as_ref().map_or(over.since, |pause| pause.since);
        self.pause = Some(Pause { cause: Cause::Person { why }, since });
        Decision::Person(evidence)
    }

    /// The one hold this subject gives: a pause, or else a throttle.
    pub(super) fn hold(&self, guard: &Guard, name: Option<&str>) -> Option<Hold> {
        let hold = |kind, reason, threshold, since| Hold {
            kind,
            by: guard.signal.clone(),
            subject: name.map(str::to_owned),
            reason,
            reading: self.value,
            threshold,
            unit: (!guard.unit.is_empty()).then(|| guard.unit.clone()),
            culprit: self.value.and(self.detail.clone()),
            since,
            until: None,
        };
        if let Some(pause) = &self.pause {
            let strictest = pause_level(guard).or(guard.throttle).or(guard.rollback.map(|rule| rule.above));
            let reason = match &pause.cause {
                Cause::Unreadable { why, .. } if self.value.is_none() => {
                    let last = self.last.map(|last| format!("; it last was {}", show(last, &guard.unit)));
                    Some(format!("cannot be read: {why}{}", last.unwrap_or_default()))
                }
                Cause::Unreadable { .. } => Some(format!(
                    "goes on when it was readable for {}",
                    show(guard.resume_after.as_secs_f64(), "s")
                )),
                Cause::Person { why } | Cause::Learning { why } => Some(why.clone()),
                Cause::Level if self.value.is_none() => Some("has no reading any more".into()),
                Cause::Level => resume_level(guard).map(|level| {
                    format!(
                        "goes on when under {} for {}{}",
                        show(level, &guard.unit),
                        show(resume_after(guard, self.relapses).as_secs_f64(), "s"),
                        self.normal(guard)
                    )
                }),
            };
            return Some(hold(HoldKind::Pause, reason, strictest, pause.since));
        }
        let (share, since) = (self.share.throttled()?, self.throttled_since?);
        // Full speed at once is how it came to this: the way back is slow, and looks like a contradiction.
        let well = matches!((self.value, guard.throttle), (Some(value), Some(level)) if value < level);
        let what = match &self.share {
            Share::Standby(share) if share.waits() => " until it has caught up",
            _ if well => ", speeding up again",
            _ => "",
        };
        let percent = share * 100.0;
        let places = usize::from(percent < 9.95);
        let reason = format!("at {percent:.places$} % of full speed{what}{}", self.normal(guard));
        Some(hold(HoldKind::Throttle, Some(reason), guard.throttle, since))
    }

    /// What the thresholds are measured by, where that is not a number of the policy's.
    fn normal(&self, guard: &Guard) -> String {
        self.baseline
            .map(|baseline| format!("; the baseline is {}", show(baseline, &guard.unit)))
            .unwrap_or_default()
    }
}

/// An experiment needs a pause: without a threshold of its own, the rollback's is it.
fn pause_level(guard: &Guard) -> Option<f64> {
    let proof = guard.rollback.filter(|_| guard.only_if_ours).map(|rule| rule.above);
    guard.pause.or(proof)
}

fn resume_level(guard: &Guard) -> Option<f64> {
    pause_level(guard).map(|level| level * guard.resume_share)
}

/// How long the calm has to be that ends a pause.
fn resume_after(guard: &Guard, relapses: u32) -> Duration {
    guard.resume_after * 2u32.pow(relapses.min(MOST_DOUBLED))
}

/// What becomes of a stretch with the next sample.
fn stretch(before: Option<Stretch>, goes_on: bool, step: Duration, now: Timestamp) -> Option<Stretch> {
    goes_on.then(|| match before {
        Some(stretch) => Stretch { lasted: stretch.lasted + step, ..stretch },
        None => Stretch { since: now, lasted: Duration::ZERO },
    })
}

fn lasted(stretch: Option<Stretch>, long: Duration) -> bool {
    stretch.is_some_and(|stretch| stretch.lasted >= long)
}

/// A number as people write it, with its unit.
fn show(value: f64, unit: &str) -> String {
    const AMOUNTS: [(f64, &str); 3] = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    if let Some(per) = unit.strip_prefix('B')
        && let Some((factor, prefix)) = AMOUNTS.iter().find(|(factor, _)| value >= *factor)
    {
        return format!("{} {prefix}B{per}", (value / factor * 10.0).round() / 10.0);
    }
    let number = (value * 1000.0).round() / 1000.0;
    if unit.is_empty() { number.to_string() } else { format!("{number} {unit}") }
}
