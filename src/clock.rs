//! Owns the reading of time for the shell: wall-clock stamps for people and records, and deadlines on
//! the monotonic clock for everything that waits. Must not be used by the pure core, which is given `now`.

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};
use std::future::Future;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Names a file with the seconds by which a test sets this process's wall clock.
const SET_BY: &str = "SEGUE_CLOCK_SET_BY";
/// Two clocks that are read further apart than this say nothing of each other.
const TOGETHER: Duration = Duration::from_millis(50);

/// The wall clock, cut to the microseconds that PostgreSQL keeps, so that a stored time compares equal.
pub fn now() -> Timestamp {
    let now = Timestamp::now() + set_by();
    Timestamp::from_microsecond(now.as_microsecond()).expect("a time of today is in range")
}

fn set_by() -> SignedDuration {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| std::env::var_os(SET_BY).map(PathBuf::from)) else {
        return SignedDuration::ZERO;
    };
    let seconds = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    SignedDuration::from_secs(seconds.unwrap_or(0))
}

/// The wall clock beside one that nobody sets and that counts a machine's sleep; `None`: this process was not let run
/// in between, so that they are of two moments.
pub fn both() -> Option<(Timestamp, Duration)> {
    let before = steady()?;
    let wall = now();
    let after = steady()?;
    (after - before < TOGETHER).then_some((wall, after))
}

fn steady() -> Option<Duration> {
    Some(clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?.into())
}

/// A point on the monotonic clock after which waiting ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(wait: Duration) -> Deadline {
        Deadline(Instant::now() + wait)
    }

    pub fn at(instant: Instant) -> Deadline {
        Deadline(instant)
    }

    pub fn instant(self) -> Instant {
        self.0
    }

    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub fn passed(self) -> bool {
        self.left().is_zero()
    }
}

/// Asks `probe` again and again, `pause` apart, until it answers or the deadline passes (`None`).
/// The probe is always asked at least once.
pub async fn poll_until<T, F, Fut>(deadline: Deadline, pause: Duration, mut probe: F) -> Option<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    loop {
        if let Some(answer) = probe().await {
            return Some(answer);
        }
        if deadline.passed() {
            return None;
        }
        tokio::time::sleep(pause.min(deadline.left())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_survive_being_stored() {
        let stamp = now();
        assert_eq!(stamp.as_nanosecond() % 1_000, 0);
        assert_eq!(stamp.to_string().parse::<Timestamp>().unwrap(), stamp);
    }

    #[tokio::test]
    async fn a_poll_asks_at_least_once_and_ends() {
        let mut asked = 0;
        let passed = Deadline::after(Duration::ZERO);
        let answer: Option<()> = poll_until(passed, Duration::from_millis(1), || {
            asked += 1;
            async { None }
        })
        .await;
        assert_eq!((answer, asked), (None, 1));
        let later = Deadline::after(Duration::from_secs(600));
        let mut left = 3;
        let answer = poll_until(later, Duration::from_millis(1), || {
            left -= 1;
            let done = (left == 0).then_some("done");
            async move { done }
        })
        .await;
        assert_eq!(answer, Some("done"));
    }
}
