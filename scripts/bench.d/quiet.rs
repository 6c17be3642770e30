//! Owns whether somebody else is using the machine: figures taken beside a compiler mean little. Linux alone tells it.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

const LOOK: Duration = Duration::from_millis(700);
/// Servers at rest use next to nothing.
const QUIET: f64 = 0.15;
/// Looks in a row that must be quiet.
const ENOUGH: u32 = 3;

/// The share of the machine's processors that was busy during a short look, 0 to 1.
pub fn busy() -> Option<f64> {
    let before = times()?;
    thread::sleep(LOOK);
    let after = times()?;
    let (busy, all) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
    (all > 0).then(|| busy as f64 / all as f64)
}

/// Waits until the machine has been quiet for two seconds, but not longer than this. Returns how busy it was last.
pub fn wait(patience: Duration) -> Option<f64> {
    let deadline = Instant::now() + patience;
    let mut quiet = 0;
    loop {
        let busy = busy()?;
        quiet = if busy <= QUIET { quiet + 1 } else { 0 };
        if quiet >= ENOUGH || Instant::now() >= deadline {
            return Some(busy);
        }
    }
}

/// (busy, all), in ticks, of all processors together.
fn times() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    // user nice system idle iowait irq softirq steal; what follows is contained in these.
    let ticks: Vec<u64> = fields.take(8).filter_map(|field| field.parse().ok()).collect();
    let all: u64 = ticks.iter().sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}
