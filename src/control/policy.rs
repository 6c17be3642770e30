//! Owns the rules a rollout runs under, resolved: defaults, then `segue.yaml`, then the plan, then
//! flags. Stored with the rollout, so that a supervisor elsewhere obeys the same ones.

use crate::plan::settings::{OnRowError, UserTriggers};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub slice_time: Duration,
    pub workers: u32,
    pub user_triggers: UserTriggers,
    pub on_row_error: OnRowError,
    pub guards: Vec<Guard>,
    /// The old version must have been seen unused this long before the contract.
    pub quiet_for: Duration,
    pub locks: LockPolicy,
}

/// A signal with its thresholds and what each one does. Thresholds are in the signal's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// The signal's name.
    pub signal: String,
    /// The operator's query where the signal is a probe.
    pub sql: Option<String>,
    pub unit: String,
    pub throttle: Option<f64>,
    pub pause: Option<f64>,
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
