//! Owns how much a counter grew within the last while. Must not know what it counts.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Values of a counter, from the last one before the window on.
#[derive(Debug, Default)]
pub(super) struct Window {
    seen: VecDeque<(Instant, u64)>,
}

impl Window {
    /// By how much it grew within `length` up to now, as far as it was watched. A counter that fell was reset:
    /// what is known begins anew.
    pub fn grown(&mut self, now: Instant, value: u64, length: Duration) -> u64 {
        if self.seen.back().is_some_and(|(_, before)| *before > value) {
            self.seen.clear();
        }
        self.seen.push_back((now, value));
        while self.seen.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= length) {
            self.seen.pop_front();
        }
        value - self.seen.front().map_or(value, |(_, first)| *first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_is_forgotten_and_a_reset_is_not_a_growth() {
        let start = Instant::now();
        let mut window = Window::default();
        let mut grown =
            |second, value| window.grown(start + Duration::from_secs(second), value, Duration::from_secs(60));
        assert_eq!(grown(0, 100), 0);
        assert_eq!(grown(5, 103), 3);
        assert_eq!(grown(50, 104), 4);
        assert_eq!(grown(64, 104), 4);
        assert_eq!(grown(65, 104), 1);
        assert_eq!(grown(111, 104), 0);
        assert_eq!(grown(112, 2), 0);
        assert_eq!(grown(113, 3), 1);
    }
}
