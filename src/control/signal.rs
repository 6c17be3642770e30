//! Owns what a measurement is: readings with their freshness. Must not measure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Names of the built-in signals; a probe's name is its own.
pub mod name {
    /// Seconds a standby's replay is behind, by the position clock; one reading a standby.
    pub const REPLICATION_LAG: &str = "replication_lag";
    /// WAL bytes between the primary's position and the standby's replay.
    pub const REPLICATION_LAG_BYTES: &str = "replication_lag_bytes";
    /// Longest wait, in seconds, of a session queued behind one of Segue's own, transitively.
    pub const LOCK_WAIT: &str = "lock_wait";
    /// Sessions queued behind Segue's.
    pub const LOCK_VICTIMS: &str = "lock_victims";
    /// Longest wait, in seconds, of a commit for its synchronous standby.
    pub const SYNC_WAIT: &str = "sync_wait";
    /// Commits that wait for their synchronous standby.
    pub const SYNC_WAITERS: &str = "sync_waiters";
    /// Bytes of WAL that a replication slot keeps the server from removing; one reading a slot.
    pub const SLOT_WAL: &str = "slot_wal";
    /// Files of the log that are still to be archived.
    pub const ARCHIVE_BACKLOG: &str = "archive_backlog";
    /// Since how many seconds no file could be archived.
    pub const ARCHIVE_FAILING: &str = "archive_failing";
    /// Seconds that a commit of the monitor's own takes.
    pub const COMMIT_TIME: &str = "commit_time";
    /// Clients' connections, of those that the server has for them.
    pub const CONNECTIONS: &str = "connections";
    /// Other clients' sessions with a statement under way.
    pub const ACTIVE_SESSIONS: &str = "active_sessions";
    /// Those of them that wait for nothing.
    pub const ON_CPU: &str = "on_cpu";
    /// In this database, in the last minute.
    pub const DEADLOCKS: &str = "deadlocks";
    /// Checkpoints in the last ten minutes that came because so much WAL was written.
    pub const FORCED_CHECKPOINTS: &str = "forced_checkpoints";
    /// Transactions since a table of the rollout was frozen, of those that the server allows.
    pub const FREEZE_AGE: &str = "freeze_age";
    /// Whether a vacuum against wraparound is at work on a table of the rollout.
    pub const WRAPAROUND_VACUUM: &str = "wraparound_vacuum";
    /// Per cent of a table's rows that are dead; one reading a table.
    pub const DEAD_ROWS: &str = "dead_rows";
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
    /// How much the server allows, where it does not allow any amount.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<f64>,
    /// What it is while Segue writes nothing, where a guard asks for that and it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub baseline: Option<f64>,
    /// Who or what is behind the value: pids, names, the reason of blindness.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// The latest of all signals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub readings: Vec<Reading>,
}
