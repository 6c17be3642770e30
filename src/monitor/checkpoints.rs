//! Owns `forced_checkpoints`: those within ten minutes that came because so much was written. Must not judge it.
//!
//! Servers count requested checkpoints, and with them those of CREATE DATABASE and of backups. How much of the
//! log lies between two of them tells the ones apart that its amount forced, and is the same on every version.

use super::Watch;
use super::board::fresh;
use super::health::Sampler;
use super::sampling::{Trouble, ask};
use super::window::Window;
use crate::clock;
use crate::control::signal::{Reading, name};
use crate::lsn::Lsn;
use crate::pg::Session;
use serde::Deserialize;
use std::time::{Duration, Instant};

const SQL: &str = "
SELECT jsonb_build_object(
  'redo', redo_lsn::text,
  'most', pg_size_bytes(current_setting('max_wal_size')),
  'share', 1 / (1 + current_setting('checkpoint_completion_target')::float8))
  FROM pg_control_checkpoint()";
const TEN_MINUTES: Duration = Duration::from_secs(600);
const UNIT: &str = "in 10 minutes";
/// One that began as its turn came may have a little less of the log behind it: it is begun by the segment.
const NEARLY: f64 = 0.85;

#[derive(Debug, Deserialize)]
struct Answer {
    /// Where the last checkpoint began.
    redo: String,
    /// After `most * share` bytes of the log the next one is forced.
    most: f64,
    share: f64,
}

#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    before: Option<Lsn>,
    forced: u64,
    lately: Window,
}

impl Sampler for Checkpoints {
    const SIGNALS: &'static [(&'static str, &'static str)] = &[(name::FORCED_CHECKPOINTS, UNIT)];
    const EVERY: Duration = Duration::from_secs(2);

    async fn look(&mut self, session: &Session, _: &Watch) -> Result<Vec<Reading>, Trouble> {
        let answer: Answer = ask(session, "the last checkpoint", SQL, &[]).await?;
        let redo = answer.redo.parse().map_err(Trouble::unreadable)?;
        let lately = self.seen(redo, answer.most * answer.share, Instant::now());
        Ok(vec![fresh(name::FORCED_CHECKPOINTS, None, lately as f64, UNIT, clock::now())])
    }

    fn forget(&mut self) {
        *self = Checkpoints::default();
    }
}

impl Checkpoints {
    /// How many there were lately, with the last one at `redo`, where `distance` forces one.
    fn seen(&mut self, redo: Lsn, distance: f64, now: Instant) -> u64 {
        if let Some(before) = self.before.replace(redo).filter(|before| redo > *before) {
            // More than one may have gone by between two looks.
            self.forced += (redo.bytes_since(before) as f64 / (NEARLY * distance).max(1.0)) as u64;
        }
        self.lately.grown(now, self.forced, TEN_MINUTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_that_the_log_forced_count() {
        let start = Instant::now();
        let mut checkpoints = Checkpoints::default();
        let mut seen =
            |second, redo| checkpoints.seen(Lsn(redo), 1000.0, start + Duration::from_secs(second));
        assert_eq!(seen(0, 5000), 0);
        assert_eq!(seen(2, 5000), 0);
        // By time, or by somebody's word.
        assert_eq!(seen(4, 5300), 0);
        assert_eq!(seen(6, 6250), 1);
        assert_eq!(seen(8, 8300), 3);
        assert_eq!(seen(700, 8300), 0);
        // Another server's.
        assert_eq!(seen(702, 100), 0);
    }
}
