//! Owns `segue demo`: a rollout that a person can watch, on private servers with real rows, real traffic and a real incident in
//! the middle. What carries out the plans is this program's own `start` and `complete`, run as anybody would. Must not make a
//! figure up: all that is shown is measured in that run.

mod course;
mod display;
mod error;
mod events;
mod figures;
mod incident;
mod interrupt;
mod measure;
mod play;
mod rollout;
mod stage;
mod standby;
mod summary;
mod tally;
mod traffic;

use super::{args::DemoFlags, exit::Exit};
use display::Display;
use error::DemoError;
use interrupt::Interrupt;
use serde_json::json;

/// Runs it, from the first server's start to the summary, and cleans up. It fails if anything did, if the applications met an
/// error, or if a figure is not as it should be. Blocks; to be called outside any runtime.
pub fn run(flags: &DemoFlags, json: bool, no_color: bool) -> Exit {
    let rows = stage::scale(flags.rows) * stage::ROWS_A_SCALE;
    let mut display = Display::new(json, no_color, rows);
    let outcome = Interrupt::listen().and_then(|interrupt| play::play(flags, &mut display, &interrupt));
    match outcome {
        Ok(summary) => {
            let faults = summary.faults();
            let mut object = json!({ "at": jiff::Timestamp::now().to_string(), "event": "summary" });
            object["summary"] = serde_json::to_value(&summary).expect("a summary is plain data");
            object["faults"] = json!(faults);
            display.summary(&summary.text(), object);
            for fault in faults.iter().chain(&summary.first_errors) {
                eprintln!("segue demo: {fault}");
            }
            if faults.is_empty() { Exit::Done } else { Exit::Failed }
        }
        Err(error) => {
            display.close();
            tell(&error, &display);
            Exit::Failed
        }
    }
}

fn tell(error: &DemoError, display: &Display) {
    if display.is_json() {
        let line = json!({
            "at": jiff::Timestamp::now().to_string(),
            "event": "error",
            "message": error.to_string(),
        });
        println!("{line}");
    }
    eprintln!("segue demo: {error}");
}
