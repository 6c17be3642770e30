//! Owns `deadlocks`: how many there were in this database within the last minute. Must not judge it.

use super::Watch;
use super::board::{blind, fresh};
use super::health::Sampler;
use super::sampling::{Trouble, ask};
use super::window::Window;
use crate::clock;
use crate::control::signal::{Reading, name};
use crate::pg::Session;
use std::time::{Duration, Instant};

/// NULL where nothing is counted. Every role may see it.
const SQL: &str = "
SELECT coalesce((SELECT to_jsonb(deadlocks) FROM pg_stat_database
                  WHERE datname = current_database() AND current_setting('track_counts')::bool), 'null')";
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Deadlocks {
    counted: Window,
}

impl Sampler for Deadlocks {
    const SIGNALS: &'static [(&'static str, &'static str)] = &[(name::DEADLOCKS, UNIT)];
    const EVERY: Duration = Duration::from_secs(2);

    async fn look(&mut self, session: &Session, _: &Watch) -> Result<Vec<Reading>, Trouble> {
        let count: Option<u64> = ask(session, "the count of deadlocks", SQL, &[]).await?;
        let at = clock::now();
        let Some(count) = count else {
            return Ok(vec![blind(
                name::DEADLOCKS,
                None,
                UNIT,
                at,
                "track_counts is off: nothing is counted",
            )]);
        };
        let lately = self.counted.grown(Instant::now(), count, MINUTE);
        Ok(vec![fresh(name::DEADLOCKS, None, lately as f64, UNIT, at)])
    }

    fn forget(&mut self) {
        self.counted = Window::default();
    }
}

const UNIT: &str = "in a minute";
