//! Owns what a plan or `segue.yaml` may set: backfill, guards, contract. All optional here; the
//! defaults and their precedence are `control::policy`'s.

use super::{Spanned, Text};
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub slice_time: Option<Spanned<Duration>>,
    pub workers: Option<Spanned<u32>>,
    pub user_triggers: Option<UserTriggers>,
    pub on_row_error: Option<OnRowError>,
    pub replication_lag: Option<LevelSettings>,
    pub lock_wait: Option<LevelSettings>,
    pub probes: Vec<ProbeSettings>,
    pub quiet_for: Option<Spanned<Duration>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum UserTriggers {
    Fire,
    Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OnRowError {
    Stop,
    SetAside(u64),
}

/// Thresholds of one guard, in the signal's unit (seconds for the built-in ones).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LevelSettings {
    pub throttle: Option<Spanned<f64>>,
    pub pause: Option<Spanned<f64>>,
    pub rollback: Option<RollbackRule>,
    /// Ask for proof that the load is Segue's before rolling back.
    pub only_if_ours: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RollbackRule {
    pub above: f64,
    pub lasting: Duration,
}

/// A query of the operator's that returns one number.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSettings {
    pub name: Text,
    pub sql: Text,
    pub levels: LevelSettings,
}
