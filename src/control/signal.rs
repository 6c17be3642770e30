//! Owns what a measurement is: readings with their freshness. Must not measure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Names of the built-in signals; a probe's name is its own.
pub mod name {
    /// Seconds a standby's replay is behind, by the position clock; one reading a standby.
    pub const REPLICATION_LAG: &str = "replication_lag";
    /// WAL bytes between the primary's position and the standby's replay; for people, no guard.
    pub const REPLICATION_LAG_BYTES: &str = "replication_lag_bytes";
    /// Longest wait, in seconds, of a session queued behind one of Segue's own, transitively.
    pub const LOCK_WAIT: &str = "lock_wait";
    /// Sessions queued behind Segue's.
    pub const LOCK_VICTIMS: &str = "lock_victims";
    /// Age in transactions of the oldest snapshot of somebody else.
    pub const HORIZON: &str = "horizon";
    /// WAL bytes a second of the whole server.
    pub const WAL_RATE: &str = "wal_rate";
}

/// How much a reading can be believed. Missing is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    Fresh,
    /// It was read once, too long ago.
    Stale,
    /// It cannot be read: no privilege, an error, a standby that is gone.
    Blind,
    /// There is nothing to measure, and the role may see that there is nothing.
    NotApplicable,
}

/// One sample of one signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub name: String,
    /// Which standby, table or probe; `None` where there is only one.
    pub subject: Option<String>,
    /// `None` unless fresh or stale.
    #[serde(rename = "reading")]
    pub value: Option<f64>,
    pub unit: String,
    pub state: Freshness,
    pub at: Timestamp,
    /// Who or what is behind the value: pids, names, the reason of blindness.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// The latest of all signals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub readings: Vec<Reading>,
}
