//! Owns what a backfill is limited to: the policy's limits, and over them what operators changed since.
//! Must not hold a limit: that is `limits`' and `pace`'s.

use super::policy::Policy;
use crate::plan::limits::{self, Cap, Limit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The limits in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    pub slice_time: Duration,
    pub workers: u32,
    /// Rows a second.
    pub rate: Option<u64>,
    /// Bytes of WAL a second.
    pub wal: Option<u64>,
    /// Per cent of the time that each worker rests.
    pub rest: u32,
}

/// What an operator asks to change, or all that operators changed so far; `None`: as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice_time: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Cap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal: Option<Cap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<u32>,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning::of(&Policy::default(), &Change::default())
    }
}

impl Tuning {
    pub fn of(policy: &Policy, tuned: &Change) -> Tuning {
        let Policy { slice_time, workers, rate, wal, rest, .. } = *policy;
        Tuning { slice_time, workers: workers.max(1), rate, wal, rest }.changed(tuned)
    }

    /// With what was changed since.
    pub fn changed(self, tuned: &Change) -> Tuning {
        Tuning {
            slice_time: tuned.slice_time.unwrap_or(self.slice_time),
            workers: tuned.workers.unwrap_or(self.workers),
            rate: tuned.rate.map_or(self.rate, Cap::value),
            wal: tuned.wal.map_or(self.wal, Cap::value),
            rest: tuned.rest.unwrap_or(self.rest),
        }
    }
}

impl Change {
    /// One limit as an operator writes it; an error says what is possible.
    pub fn of(limit: Limit, text: &str) -> Result<Change, String> {
        let mut change = Change::default();
        let read = match limit {
            Limit::Slice => {
                change.slice_time = limits::slice_time(text);
                change.slice_time.is_some()
            }
            Limit::Workers => {
                change.workers = limits::workers(text);
                change.workers.is_some()
            }
            Limit::Rate => {
                change.rate = limits::rate(text);
                change.rate.is_some()
            }
            Limit::Wal => {
                change.wal = limits::wal(text);
                change.wal.is_some()
            }
            Limit::Rest => {
                change.rest = limits::rest(text);
                change.rest.is_some()
            }
        };
        let name = limit.name();
        read.then_some(change).ok_or_else(|| format!("`{name}` must be {}, not {text:?}", limit.possible()))
    }

    /// As a command's arguments have it, such as `{"rate": 20000, "wal": "8MB"}`: all of it, or nothing.
    pub fn of_args(args: &Value) -> Result<Change, String> {
        let known = || Limit::ALL.map(Limit::name).join(", ");
        let Some(all) = args.as_object().filter(|all| !all.is_empty()) else {
            return Err(format!("its args must name a limit and its value; there are: {}", known()));
        };
        let mut whole = Change::default();
        for (name, value) in all {
            let limit = Limit::named(name)
                .ok_or_else(|| format!("there is no limit {name:?}; there are: {}", known()))?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            whole.take(&Change::of(limit, &text)?);
        }
        Ok(whole)
    }

    /// What is newer wins, limit by limit.
    pub fn take(&mut self, newer: &Change) {
        self.slice_time = newer.slice_time.or(self.slice_time);
        self.workers = newer.workers.or(self.workers);
        self.rate = newer.rate.or(self.rate);
        self.wal = newer.wal.or(self.wal);
        self.rest = newer.rest.or(self.rest);
    }

    /// One change a limit.
    pub fn each(&self) -> impl Iterator<Item = Change> {
        let none = Change::default();
        let all = [
            Change { slice_time: self.slice_time, ..none },
            Change { workers: self.workers, ..none },
            Change { rate: self.rate, ..none },
            Change { wal: self.wal, ..none },
            Change { rest: self.rest, ..none },
        ];
        all.into_iter().filter(move |change| *change != none)
    }

    /// Whether both say something about one limit.
    pub fn meets(&self, other: &Change) -> bool {
        Limit::ALL.into_iter().any(|limit| self.says(limit) && other.says(limit))
    }

    /// Whether it says anything about a limit.
    pub fn says(&self, limit: Limit) -> bool {
        match limit {
            Limit::Slice => self.slice_time.is_some(),
            Limit::Workers => self.workers.is_some(),
            Limit::Rate => self.rate.is_some(),
            Limit::Wal => self.wal.is_some(),
            Limit::Rest => self.rest.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_operators_changed_is_over_the_policy() {
        let policy = Policy { rate: Some(500), workers: 2, ..Policy::default() };
        assert_eq!(Tuning::of(&policy, &Change::default()).rate, Some(500));
        let mut tuned = Change::of(Limit::Rate, "20000").unwrap();
        tuned.take(&Change::of_args(&json!({"workers": 3, "rest": "50%"})).unwrap());
        let tuning = Tuning::of(&policy, &tuned);
        assert_eq!((tuning.rate, tuning.workers, tuning.rest), (Some(20_000), 3, 50));
        tuned.take(&Change::of(Limit::Rate, "off").unwrap());
        let tuning = Tuning::of(&policy, &tuned);
        // Lifted is lifted, whatever the plan says.
        assert_eq!((tuning.rate, tuning.workers), (None, 3));
        assert!(tuned.says(Limit::Rate) && !tuned.says(Limit::Slice));
    }

    #[test]
    fn what_cannot_be_says_what_can() {
        let refused = |args| Change::of_args(&args).unwrap_err();
        insta::assert_snapshot!(
            [
                refused(json!({"rate": 0})),
                refused(json!({"wal": 8})),
                refused(json!({"rest": "100%", "workers": 2})),
                refused(json!({"slice": "61s"})),
                refused(json!({"workers": null})),
                refused(json!({"speed": 1})),
                refused(json!({})),
                refused(json!("rate")),
            ]
            .join("\n"),
            @r#"
        `rate` must be a whole number of rows a second from 1 to 1000000000, or `off`, not "0"
        `wal` must be an amount a second from 10kB to 100GB such as `8MB`, or `off`, not "8"
        `rest` must be a share of the time from `0%` to `95%`, not "100%"
        `slice` must be a duration from 1ms to 60s, not "61s"
        `workers` must be a whole number from 1 to 64, not "null"
        there is no limit "speed"; there are: slice, workers, rate, wal, rest
        its args must name a limit and its value; there are: slice, workers, rate, wal, rest
        its args must name a limit and its value; there are: slice, workers, rate, wal, rest
        "#
        );
    }

    #[test]
    fn survives_being_stored() {
        let change = Change::of_args(&json!({"slice": "20ms", "rate": "off", "wal": "8MB"})).unwrap();
        let stored = serde_json::to_value(change).unwrap();
        assert_eq!(serde_json::from_value::<Change>(stored).unwrap(), change);
        assert_eq!(serde_json::from_value::<Change>(json!({})).unwrap(), Change::default());
    }
}
