//! Owns the reading of time for the shell: wall-clock stamps for people and records, and deadlines on
//! the monotonic clock for everything that waits. Must not be used by the pure core, which is given `now`.

use jiff::Timestamp;
use std::future::Future;
use std::time::{Duration, Instant};

/// The wall clock, cut to the microseconds that PostgreSQL keeps, so that a stored time compares equal.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).expect("a time of today is in range")
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
        let later = Deadline::after(Duration::from_secs(5));
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
