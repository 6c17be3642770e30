//! Owns how far the standby is behind, measured without Segue's help: from the servers themselves, a few times a second. Must not
//! steer anything.

use super::{
    error::{DemoError, Doing},
    stage::DATABASE,
};
use crate::sandbox::{
    Pair,
    wire::{Rows, Session},
};
use serde::Serialize;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(250);

/// How far it is behind; `None` where the server does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Behind {
    /// Age of the last transaction that was replayed. It tells the lag only while transactions come all the time.
    pub seconds: Option<f64>,
    /// Bytes of WAL that are not replayed yet.
    pub bytes: Option<u64>,
}

/// Looks at both servers.
#[derive(Debug)]
pub(super) struct Standby {
    primary: Session,
    standby: Session,
    looked: Option<Instant>,
    now: Behind,
    worst: Behind,
}

impl Standby {
    pub(super) fn watch(pair: &Pair) -> Result<Standby, DemoError> {
        let primary = pair.primary.session(DATABASE)?;
        let mut standby = pair.standby.session(DATABASE)?;
        // Replay must never wait for this session, nor this session for replay.
        standby.query("SET statement_timeout = '1s'").doing(|| "cannot watch the standby".to_owned())?;
        Ok(Standby { primary, standby, looked: None, now: Behind::default(), worst: Behind::default() })
    }

    /// The present state, at most a quarter of a second old.
    pub(super) fn look(&mut self) -> Behind {
        if self.looked.is_none_or(|looked| looked.elapsed() >= EVERY) {
            self.looked = Some(Instant::now());
            let seconds = "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())";
            let bytes = "SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::bigint FROM pg_stat_replication";
            self.now = Behind {
                seconds: self.standby.query(seconds).ok().and_then(number),
                bytes: self.primary.query(bytes).ok().and_then(number),
            };
        }
        self.now
    }

    /// What `look` just said counts for the worst.
    pub(super) fn remember(&mut self) {
        if let Some(seconds) = self.now.seconds {
            self.worst.seconds = Some(self.worst.seconds.map_or(seconds, |worst| worst.max(seconds)));
        }
        self.worst.bytes = self.worst.bytes.max(self.now.bytes);
    }

    pub(super) fn worst(&self) -> Behind {
        self.worst
    }
}

fn number<T: std::str::FromStr>(rows: Rows) -> Option<T> {
    rows.first()?.first()?.as_deref()?.parse().ok()
}
