//! Owns the places where a test can make Segue die, fail or wait: `SEGUE_FAILPOINTS=name=action;…`.
//! Must not change anything while that is unset, and must not decide what a failure leads to.
//!
//! Actions: `crash` (the process ends at once, as by SIGKILL, without unwinding), `error` (the caller gets
//! [`Injected`]), `wait:MS` (sleeps). `3*action` does nothing twice and acts at the third pass; each acts once
//! unless written `every*action`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// The environment variable read at the first pass of any failpoint.
pub const VARIABLE: &str = "SEGUE_FAILPOINTS";
/// Exit status of a `crash`: what a shell shows for SIGKILL.
pub const CRASH_STATUS: i32 = 137;

/// The error an `error` action hands to its caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failure injected at {0} (set by {VARIABLE})")]
pub struct Injected(pub String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Crash,
    Error,
    Wait(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    action: Action,
    /// Passes until it acts; `None`: at every pass.
    countdown: Option<u32>,
}

static ARMED: AtomicBool = AtomicBool::new(false);

fn points() -> &'static Mutex<HashMap<String, Point>> {
    static POINTS: OnceLock<Mutex<HashMap<String, Point>>> = OnceLock::new();
    POINTS.get_or_init(|| {
        let parsed = match std::env::var(VARIABLE) {
            // A misspelt failpoint that is silently ignored would make a test pass for nothing.
            Ok(text) => parse(&text).unwrap_or_else(|message| panic!("{VARIABLE}: {message}")),
            Err(_) => HashMap::new(),
        };
        ARMED.store(!parsed.is_empty(), Ordering::Release);
        Mutex::new(parsed)
    })
}

/// Arms failpoints in this process, besides those of the environment.
pub fn arm(text: &str) -> Result<(), String> {
    let more = parse(text)?;
    points().lock().expect("no failpoint panics while holding this").extend(more);
    ARMED.store(true, Ordering::Release);
    Ok(())
}

/// Passes the failpoint `name`. Costs one load while nothing is armed.
pub async fn pass(name: &str) -> Result<(), Injected> {
    static LOADED: OnceLock<()> = OnceLock::new();
    LOADED.get_or_init(|| {
        points();
    });
    if !ARMED.load(Ordering::Acquire) {
        return Ok(());
    }
    // Let go before acting: a failpoint that waits must not hold up the others.
    let due = due(&mut points().lock().expect("no failpoint panics while holding this"), name);
    match due {
        None => Ok(()),
        Some(Action::Crash) => std::process::exit(CRASH_STATUS),
        Some(Action::Error) => Err(Injected(name.to_owned())),
        Some(Action::Wait(time)) => {
            tokio::time::sleep(time).await;
            Ok(())
        }
    }
}

fn due(points: &mut HashMap<String, Point>, name: &str) -> Option<Action> {
    let point = points.get_mut(name)?;
    let action = point.action;
    match &mut point.countdown {
        None => Some(action),
        Some(left) if *left > 1 => {
            *left -= 1;
            None
        }
        Some(_) => {
            points.remove(name);
            Some(action)
        }
    }
}

fn parse(text: &str) -> Result<HashMap<String, Point>, String> {
    text.split(';').map(str::trim).filter(|item| !item.is_empty()).map(parse_one).collect()
}

fn parse_one(item: &str) -> Result<(String, Point), String> {
    let (name, what) = item.split_once('=').ok_or_else(|| format!("expected name=action, found {item:?}"))?;
    let what = what.trim();
    let (countdown, what) = match what.split_once('*') {
        Some(("every", what)) => (None, what),
        Some((times, what)) => {
            (Some(times.parse().map_err(|_| format!("not a number of passes: {times:?}"))?), what)
        }
        None => (Some(1), what),
    };
    let action = match what.split_once(':') {
        None if what == "crash" => Action::Crash,
        None if what == "error" => Action::Error,
        Some(("wait", ms)) => Action::Wait(Duration::from_millis(
            ms.parse().map_err(|_| format!("not a number of milliseconds: {ms:?}"))?,
        )),
        _ => return Err(format!("unknown action {what:?}: crash, error or wait:MS")),
    };
    Ok((name.trim().to_owned(), Point { action, countdown }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_at_the_pass_it_was_told_and_once() {
        let mut points = parse("a=3*error; b = every*wait:5;c=crash").unwrap();
        assert_eq!(due(&mut points, "a"), None);
        assert_eq!(due(&mut points, "a"), None);
        assert_eq!(due(&mut points, "a"), Some(Action::Error));
        assert_eq!(due(&mut points, "a"), None);
        assert_eq!(due(&mut points, "nowhere"), None);
        assert_eq!(due(&mut points, "c"), Some(Action::Crash));
    }

    #[test]
    fn every_acts_each_time() {
        let mut points = parse("b=every*wait:5").unwrap();
        let five = Some(Action::Wait(Duration::from_millis(5)));
        assert_eq!((due(&mut points, "b"), due(&mut points, "b")), (five, five));
    }

    #[test]
    fn a_misspelt_one_is_refused() {
        assert!(parse("a").unwrap_err().contains("name=action"));
        assert!(parse("a=burn").unwrap_err().contains("unknown action"));
        assert!(parse("a=x*crash").unwrap_err().contains("number of passes"));
        assert!(parse("a=wait:soon").unwrap_err().contains("milliseconds"));
    }

    #[tokio::test]
    async fn an_armed_error_reaches_its_caller() {
        arm("failpoint_unit_test=error").unwrap();
        assert_eq!(pass("failpoint_unit_test").await, Err(Injected("failpoint_unit_test".into())));
        assert_eq!(pass("failpoint_unit_test").await, Ok(()));
    }
}
