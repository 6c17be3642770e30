//! Owns `wal_rate`: bytes of write-ahead log a second that the whole server writes. Must not judge it.

use super::board::{blind, fresh};
use crate::control::signal::{Reading, name};
use crate::lsn::Lsn;
use jiff::Timestamp;
use std::time::Instant;

pub(super) const SQL: &str = "SELECT to_jsonb(pg_current_wal_lsn()::text)";

/// Two positions make a rate; the first alone says nothing.
#[derive(Debug, Default)]
pub(super) struct Rate {
    before: Option<(Instant, Lsn)>,
}

impl Rate {
    pub fn reading(&mut self, position: Lsn, now: Instant, at: Timestamp) -> Reading {
        const UNIT: &str = "B/s";
        match self.before.replace((now, position)) {
            Some((then, earlier)) if now > then && position >= earlier => {
                let rate = position.bytes_since(earlier) as f64 / (now - then).as_secs_f64();
                fresh(name::WAL_RATE, None, rate, UNIT, at)
            }
            // Going backwards means another server: the next sample starts anew.
            _ => blind(name::WAL_RATE, None, UNIT, at, "a rate needs two samples, and there is one so far"),
        }
    }

    pub fn forget(&mut self) {
        self.before = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_rate_needs_two_samples_and_starts_anew_on_another_server() {
        let (start, at) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let mut rate = Rate::default();
        assert_eq!(rate.reading(Lsn(1000), start, at).value, None);
        assert_eq!(rate.reading(Lsn(5000), start + Duration::from_secs(2), at).value, Some(2000.0));
        assert_eq!(rate.reading(Lsn(10), start + Duration::from_secs(3), at).value, None);
        assert_eq!(rate.reading(Lsn(110), start + Duration::from_secs(4), at).value, Some(100.0));
    }
}
