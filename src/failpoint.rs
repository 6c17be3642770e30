//! Owns the places where a test can make Segue die, fail or wait: `SEGUE_FAILPOINTS=name=action;…`.
//! Must not change anything while that is unset, and must not decide what a failure leads to.
//!
//! Actions: `crash` (the process ends at once, as by SIGKILL, without unwinding), `panic`, `error` (the caller gets
//! [`Injected`]), `wait:MS` (sleeps), `meet:PATH` (makes that file and waits until somebody has removed it), `while:PATH`
//! (waits while that file is there). `3*action` does nothing twice and acts at the third pass; each acts once unless
//! written `every*action`.
//!
//! `SEGUE_FAILPOINTS_LOG=PATH` notes each pass there, a line each: so a test knows which there are to act at.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// The environment variable read at the first pass of any failpoint.
pub const VARIABLE: &str = "SEGUE_FAILPOINTS";
/// Where passes are noted.
pub const LOG: &str = "SEGUE_FAILPOINTS_LOG";
/// Exit status of a `crash`: what a shell shows for SIGKILL.
pub const CRASH_STATUS: i32 = 137;
/// How often a file that is met at is looked for.
const MEETING: Duration = Duration::from_millis(5);

/// Every failpoint there is, in the order of a rollout's life. `tests/faults.rs` strikes at each.
pub const ALL: [&str; 38] = [
    // Segue's own schema, and the lease.
    "init_before_commit",
    "init_after_commit",
    "lease_before_claim",
    "lease_claimed",
    "rollout_before_commit",
    "rollout_created",
    "takeover_before_commit",
    "taken_over",
    "lease_before_renewal",
    "lease_renewed",
    // The journal: every decision, so every edge between phases.
    "command_seen",
    "journal_before_commit",
    "journal_after_commit",
    "state_before_commit",
    "state_said",
    "clients_before_look",
    // A step, whatever it is and in whichever direction.
    "step_begun",
    "step_ended",
    // In a transaction: expand, constraints, publication, contract, and the inverse of each.
    "ddl_begun",
    "ddl_locked",
    "ddl_before_commit",
    "ddl_after_commit",
    // Outside of one.
    "index_before_build",
    "index_built",
    "index_before_drop",
    "index_dropped",
    "script_before_send",
    "script_ended",
    "vacuum_before_send",
    "vacuum_ended",
    "vacuum_noted",
    // The backfill.
    "checkpoint_before_commit",
    "checkpoint_kept",
    "slice_begun",
    "slice_before_commit",
    "slice_after_commit",
    // The end.
    "lease_before_release",
    "lease_released",
];

/// The error an `error` action hands to its caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failure injected at {0} (set by {VARIABLE})")]
pub struct Injected(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Crash,
    Panic,
    Error,
    Wait(Duration),
    Meet(PathBuf),
    While(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
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
        if !parsed.is_empty() || log().is_some() {
            ARMED.store(true, Ordering::Release);
        }
        Mutex::new(parsed)
    })
}

fn log() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let open = || {
        let path = std::env::var_os(LOG)?;
        let file = File::options().create(true).append(true).open(&path);
        Some(file.unwrap_or_else(|error| panic!("{LOG}: {}: {error}", path.display())))
    };
    FILE.get_or_init(open).as_ref()
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
    pass_at(name, "").await
}

/// As [`pass`]; `what` tells one pass from another in the log.
pub async fn pass_at(name: &str, what: &str) -> Result<(), Injected> {
    static LOADED: OnceLock<()> = OnceLock::new();
    debug_assert!(ALL.contains(&name), "failpoint {name} is not in the list");
    LOADED.get_or_init(|| {
        points();
    });
    if !ARMED.load(Ordering::Acquire) {
        return Ok(());
    }
    if let Some(mut file) = log() {
        file.write_all(format!("{name}\t{}\n", what.replace('\n', " ")).as_bytes())
            .expect("the log takes a line");
    }
    // Let go before acting: a failpoint that waits must not hold up the others.
    let due = due(&mut points().lock().expect("no failpoint panics while holding this"), name);
    match due {
        None => Ok(()),
        Some(Action::Crash) => std::process::exit(CRASH_STATUS),
        Some(Action::Panic) => panic!("panic injected at {name} (set by {VARIABLE})"),
        Some(Action::Error) => Err(Injected(name.to_owned())),
        Some(Action::Wait(time)) => {
            tokio::time::sleep(time).await;
            Ok(())
        }
        Some(Action::Meet(path)) => {
            std::fs::write(&path, name).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            gone(&path).await;
            Ok(())
        }
        Some(Action::While(path)) => {
            gone(&path).await;
            Ok(())
        }
    }
}

async fn gone(path: &Path) {
    while path.exists() {
        tokio::time::sleep(MEETING).await;
    }
}

fn due(points: &mut HashMap<String, Point>, name: &str) -> Option<Action> {
    let point = points.get_mut(name)?;
    let action = point.action.clone();
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
        None if what == "panic" => Action::Panic,
        Some(("meet", path)) if !path.is_empty() => Action::Meet(path.into()),
        Some(("while", path)) if !path.is_empty() => Action::While(path.into()),
        Some(("wait", ms)) => Action::Wait(Duration::from_millis(
            ms.parse().map_err(|_| format!("not a number of milliseconds: {ms:?}"))?,
        )),
        _ => {
            let known = "crash, panic, error, wait:MS, meet:PATH or while:PATH";
            return Err(format!("unknown action {what:?}: {known}"));
        }
    };
    let name = name.trim();
    if !ALL.contains(&name) {
        return Err(format!("there is no failpoint {name:?}"));
    }
    Ok((name.to_owned(), Point { action, countdown }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_at_the_pass_it_was_told_and_once() {
        let mut points = parse("step_begun=3*error; step_ended = every*wait:5;index_built=crash").unwrap();
        assert_eq!(due(&mut points, "step_begun"), None);
        assert_eq!(due(&mut points, "step_begun"), None);
        assert_eq!(due(&mut points, "step_begun"), Some(Action::Error));
        assert_eq!(due(&mut points, "step_begun"), None);
        assert_eq!(due(&mut points, "nowhere"), None);
        assert_eq!(due(&mut points, "index_built"), Some(Action::Crash));
    }

    #[test]
    fn every_acts_each_time() {
        let mut points = parse("taken_over=every*wait:5").unwrap();
        let five = Some(Action::Wait(Duration::from_millis(5)));
        assert_eq!((due(&mut points, "taken_over"), due(&mut points, "taken_over")), (five.clone(), five));
    }

    #[test]
    fn a_misspelt_one_is_refused() {
        assert!(parse("taken_over").unwrap_err().contains("name=action"));
        assert!(parse("taken_over=burn").unwrap_err().contains("unknown action"));
        assert!(parse("taken_over=meet:").unwrap_err().contains("unknown action"));
        assert!(parse("taken_over=x*crash").unwrap_err().contains("number of passes"));
        assert!(parse("taken_over=wait:soon").unwrap_err().contains("milliseconds"));
        assert!(parse("taken_under=crash").unwrap_err().contains("no failpoint"));
    }

    #[test]
    fn each_is_listed_once() {
        let all: std::collections::HashSet<_> = ALL.into_iter().collect();
        assert_eq!(all.len(), ALL.len());
    }

    #[tokio::test]
    async fn an_armed_error_reaches_its_caller() {
        arm("script_ended=error").unwrap();
        assert_eq!(pass("script_ended").await, Err(Injected("script_ended".into())));
        assert_eq!(pass("script_ended").await, Ok(()));
    }

    #[tokio::test]
    async fn a_meeting_lasts_until_the_file_is_gone() {
        let path = std::env::temp_dir().join(format!("segue-failpoint-{}", std::process::id()));
        arm(&format!("script_before_send=meet:{}", path.display())).unwrap();
        let passing = tokio::spawn(pass("script_before_send"));
        while !path.exists() {
            tokio::time::sleep(MEETING).await;
        }
        assert!(!passing.is_finished());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(passing.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn nobody_passes_while_the_file_is_there() {
        let path = std::env::temp_dir().join(format!("segue-failpoint-while-{}", std::process::id()));
        arm(&format!("vacuum_noted=every*while:{}", path.display())).unwrap();
        assert_eq!(pass("vacuum_noted").await, Ok(()));
        std::fs::write(&path, "").unwrap();
        let mut passing = [tokio::spawn(pass("vacuum_noted")), tokio::spawn(pass("vacuum_noted"))];
        assert!(tokio::time::timeout(MEETING * 4, &mut passing[0]).await.is_err(), "one has passed");
        std::fs::remove_file(&path).unwrap();
        for one in passing {
            assert_eq!(one.await.unwrap(), Ok(()));
        }
    }
}
