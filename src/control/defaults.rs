//! Owns what Segue's own guards do unless told otherwise: SUPERVISION's table as far as it holds for
//! every server. Must not know how they are configured (`policy`) or judged (`guard`).
//!
//! What depends on the machine (sessions on a processor), on the application (dead rows, the log's rate) or on what is
//! normal there has no threshold of its own: it is measured and shown, and guarded where somebody says at what.

use super::signal::name;
use crate::plan::settings::Of;
use std::time::Duration;

/// A signal of Segue's own, and its guard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Default {
    pub signal: &'static str,
    pub unit: &'static str,
    pub throttle: Option<f64>,
    pub pause: Option<f64>,
    pub of: Of,
    /// How long it must have been there before it counts.
    pub lasting: Duration,
    /// A pause goes on under this share of its threshold.
    pub resume_share: f64,
    /// What it measures is how busy the server is, not what Segue may use up: not knowing it
    /// begins no pause.
    pub load: bool,
}

const fn budget(signal: &'static str, unit: &'static str, throttle: f64, pause: f64) -> Default {
    Default {
        signal,
        unit,
        throttle: Some(throttle),
        pause: Some(pause),
        of: Of::Itself,
        lasting: Duration::ZERO,
        resume_share: 0.5,
        load: false,
    }
}

/// Shown, and guarded only where somebody says at what.
const fn shown(signal: &'static str, unit: &'static str) -> Default {
    Default { throttle: None, pause: None, load: true, resume_share: 0.8, ..budget(signal, unit, 0.0, 0.0) }
}

pub const ALL: [Default; 18] = [
    budget(name::REPLICATION_LAG, "s", 1.0, 10.0),
    shown(name::REPLICATION_LAG_BYTES, "B"),
    budget(name::LOCK_WAIT, "s", 0.1, 1.0),
    // A commit that waits as long as this has no standby to wait for.
    budget(name::SYNC_WAIT, "s", 1.0, 5.0),
    // Before the server runs out of disk, or throws away what somebody still needs.
    Default { of: Of::Limit, ..budget(name::SLOT_WAL, "B", 0.5, 0.8) },
    budget(name::ARCHIVE_BACKLOG, "files", 16.0, 64.0),
    Default { throttle: None, ..budget(name::ARCHIVE_FAILING, "s", 0.0, 60.0) },
    Default { lasting: Duration::from_secs(5), ..budget(name::COMMIT_TIME, "s", 1.0, 5.0) },
    Default {
        of: Of::Limit,
        resume_share: 0.9,
        load: true,
        ..budget(name::CONNECTIONS, "sessions", 0.8, 0.9)
    },
    shown(name::ACTIVE_SESSIONS, "sessions"),
    shown(name::ON_CPU, "sessions"),
    // A slice gives a lock up before a deadlock is looked for, so these are the application's own: go
    // slower, and do not wait for them to end.
    Default { throttle: Some(3.0), ..shown(name::DEADLOCKS, "in a minute") },
    Default { load: true, ..budget(name::FORCED_CHECKPOINTS, "in 10 minutes", 2.0, 6.0) },
    // At its limit the server itself begins to freeze the table; beyond, it does not get there.
    Default { of: Of::Limit, resume_share: 0.8, ..budget(name::FREEZE_AGE, "transactions", 1.1, 1.5) },
    Default { throttle: None, load: true, ..budget(name::WRAPAROUND_VACUUM, "", 0.0, 1.0) },
    // Where nobody vacuums there is no way back under a threshold.
    shown(name::DEAD_ROWS, "%"),
    Default { load: true, ..budget(name::HORIZON, "transactions", 5e6, 50e6) },
    shown(name::WAL_RATE, "B/s"),
];

/// Whether a guard is on it without anybody's word.
pub fn is_guarded(signal: &str) -> bool {
    ALL.iter().any(|known| known.signal == signal && (known.throttle.is_some() || known.pause.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::guards::{KNOWN, Unit};

    #[test]
    fn what_can_be_written_is_what_there_is() {
        let written: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
        let there: Vec<&str> = ALL.iter().map(|default| default.signal).collect();
        assert_eq!(written, there);
        for (known, default) in KNOWN.iter().zip(&ALL) {
            let unit = match default.unit {
                "s" => Unit::Seconds,
                "B" | "B/s" => Unit::Bytes,
                _ => Unit::Bare,
            };
            assert_eq!(known.unit, unit, "{}", known.name);
            assert!(known.limited || default.of == Of::Itself, "{}", known.name);
        }
    }
}
