//! Owns what people and scripts see: a running rollout, a status, tables, errors. Values in, text out.
//! Must not ask a database, decide anything or end the process.

mod bars;
mod cost;
pub mod errors;
pub mod human;
mod json;
pub mod limits;
mod lines;
mod out;
mod pace;
mod paint;
pub mod privileges;
#[cfg(test)]
mod samples;
pub mod signals;
pub mod status;
pub mod tables;
pub mod tell;
pub mod verify;

pub use out::Out;
pub use paint::Paint;

use crate::compile::program::Program;
use crate::supervise::told::Told;
use jiff::Timestamp;
use std::os::fd::AsFd;
use std::sync::Arc;

/// How a running command shows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Progress bars, on stderr.
    Bars { color: bool },
    /// Plain lines, on stdout.
    Lines { color: bool, timestamps: bool },
    /// JSON lines, on stdout.
    Json,
}

impl Mode {
    /// `json`: the flag. `terminal`: a person is watching. `color`: they may be given colours.
    pub fn choose(json: bool, terminal: bool, color: bool) -> Mode {
        match (json, terminal) {
            (true, _) => Mode::Json,
            (false, true) => Mode::Bars { color },
            (false, false) => Mode::Lines { color, timestamps: true },
        }
    }
}

/// Columns of a stream, if it is a terminal that says so.
pub fn width_of(stream: impl AsFd) -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(stream)?;
    Some(width.0.into()).filter(|width| *width > 0)
}

/// Shows a running rollout in one of the three ways.
pub struct Show(Way);

enum Way {
    Bars(bars::Bars),
    Lines(lines::Lines),
    Json(json::JsonLines),
}

impl Show {
    /// On this process's streams.
    pub fn new(mode: Mode, program: Arc<Program>) -> Show {
        // A terminal that cannot move its cursor gets lines.
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match mode {
            Mode::Bars { color } if !dumb => Show(Way::Bars(bars::Bars::new(program, Paint { color }))),
            _ => Show::to(mode, Out::stdout(), program),
        }
    }

    /// Lines or JSON lines to somewhere else; there are no bars there.
    pub fn to(mode: Mode, out: Out, program: Arc<Program>) -> Show {
        let lines = |out, timestamps, color| {
            Show(Way::Lines(lines::Lines::new(out, program.clone(), timestamps, Paint { color })))
        };
        match mode {
            Mode::Json => Show(Way::Json(json::JsonLines::new(out, program))),
            Mode::Bars { .. } => lines(out, false, false),
            Mode::Lines { color, timestamps } => lines(out, timestamps, color),
        }
    }

    /// Never fails: a reader that went away must not end a rollout.
    pub fn take(&mut self, told: &Told) {
        match &mut self.0 {
            Way::Bars(bars) => bars.take(told),
            Way::Lines(lines) => lines.take(told),
            Way::Json(json) => json.take(told),
        }
    }

    /// Something the command itself has to say, such as which plan is next.
    pub fn note(&mut self, at: Timestamp, text: &str) {
        match &mut self.0 {
            Way::Bars(bars) => bars.note(text),
            Way::Lines(lines) => lines.note(at, text),
            Way::Json(json) => json.note(at, text),
        }
    }

    /// Takes the bars away, and says what may be done next where nothing went wrong.
    pub fn finish(mut self) {
        match &mut self.0 {
            Way::Bars(bars) => bars.finish(),
            Way::Lines(lines) => lines.finish(),
            Way::Json(_) => {}
        }
    }

    /// Nobody reads it any more: a closed pipe.
    pub fn is_closed(&self) -> bool {
        match &self.0 {
            Way::Bars(_) => false,
            Way::Lines(lines) => lines.is_closed(),
            Way::Json(json) => json.is_closed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_decides_first_and_then_the_terminal() {
        assert_eq!(Mode::choose(true, true, true), Mode::Json);
        assert_eq!(Mode::choose(false, true, false), Mode::Bars { color: false });
        assert_eq!(Mode::choose(false, false, false), Mode::Lines { color: false, timestamps: true });
    }

    #[test]
    fn a_show_goes_where_it_is_sent_and_can_change_threads() {
        fn sendable<T: Send>(_: &T) {}
        let kept = out::tests::Kept::default();
        let mut show = Show::to(Mode::Json, kept.out(), samples::program());
        sendable(&show);
        show.note(samples::at(0), "hello");
        assert!(!show.is_closed());
        show.finish();
        assert_eq!(
            kept.text(),
            "{\"at\":\"2026-11-22T07:00:00Z\",\"event\":\"note\",\"message\":\"hello\"}\n"
        );
    }
}
