//! Owns what people and scripts see: a running rollout, a status, tables, errors. Values in, text out.
//! Must not ask a database, decide anything or end the process.

mod bars;
pub mod errors;
pub mod human;
mod json;
mod lines;
mod out;
mod pace;
mod paint;
#[cfg(test)]
mod samples;
pub mod signals;
pub mod status;
pub mod tables;
pub mod tell;

pub use out::Out;
pub use paint::Paint;

use crate::compile::program::Program;
use crate::control::state::Ending;
use crate::supervise::told::Told;
use jiff::Timestamp;
use std::io::IsTerminal;
use std::sync::Arc;

/// How a running command shows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Progress bars, on stderr.
    Bars,
    /// Plain lines, on stdout.
    Lines,
    /// JSON lines, on stdout.
    Json,
}

/// What is known of where the words go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    pub stdout: bool,
    pub stderr: bool,
    /// It cannot move its cursor (`TERM=dumb`).
    pub dumb: bool,
    /// `NO_COLOR` is set, and not empty.
    pub no_color: bool,
}

impl Terminal {
    /// As the process was started.
    pub fn of_process() -> Terminal {
        let filled = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Terminal {
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            dumb: std::env::var_os("TERM").is_some_and(|term| term == "dumb"),
            no_color: filled("NO_COLOR"),
        }
    }
}

/// How this command's words look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub mode: Mode,
    /// Colours on stdout and on stderr.
    pub out: Paint,
    pub err: Paint,
    /// Lines begin with the time.
    pub timestamps: bool,
    /// Columns, where stdout is a terminal.
    pub width: Option<usize>,
}

impl Look {
    /// `json` and `no_color` are the flags.
    pub fn choose(json: bool, no_color: bool, terminal: Terminal) -> Look {
        let mode = match (json, terminal.stdout && terminal.stderr && !terminal.dumb) {
            (true, _) => Mode::Json,
            // With only one of both a terminal, the other is being kept, and it should hold the story.
            (false, true) => Mode::Bars,
            (false, false) => Mode::Lines,
        };
        let color = |is_terminal| Paint {
            color: is_terminal && !no_color && !terminal.no_color && !terminal.dumb && mode != Mode::Json,
        };
        Look {
            mode,
            out: color(terminal.stdout),
            err: color(terminal.stderr),
            timestamps: !terminal.stdout,
            width: None,
        }
    }

    /// For the process as it was started.
    pub fn of_process(json: bool, no_color: bool) -> Look {
        let terminal = Terminal::of_process();
        let width = if terminal.stdout { terminal_width() } else { None };
        Look { width, ..Look::choose(json, no_color, terminal) }
    }
}

/// Columns of the terminal that this process writes to, if it does.
pub fn terminal_width() -> Option<usize> {
    let of = |size: Option<(terminal_size::Width, terminal_size::Height)>| size.map(|(width, _)| width.0.into());
    of(terminal_size::terminal_size_of(std::io::stderr()))
        .or_else(|| of(terminal_size::terminal_size_of(std::io::stdout())))
        .filter(|width| *width > 0)
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
    pub fn new(look: &Look, program: Arc<Program>) -> Show {
        Show(match look.mode {
            Mode::Bars => Way::Bars(bars::Bars::new(program, look.err)),
            Mode::Lines => Way::Lines(lines::Lines::new(Out::stdout(), program, look.timestamps, look.out)),
            Mode::Json => Way::Json(json::JsonLines::new(Out::stdout(), program)),
        })
    }

    /// Lines or JSON lines to somewhere else.
    pub fn to(look: &Look, out: Out, program: Arc<Program>) -> Show {
        Show(match look.mode {
            Mode::Json => Way::Json(json::JsonLines::new(out, program)),
            Mode::Bars | Mode::Lines => Way::Lines(lines::Lines::new(out, program, look.timestamps, look.out)),
        })
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

    /// How it ended, and what may be done next.
    pub fn finish(mut self, at: Timestamp, ending: &Ending) {
        match &mut self.0 {
            Way::Bars(bars) => bars.finish(ending),
            Way::Lines(lines) => lines.finish(at, ending),
            Way::Json(json) => json.finish(at, ending),
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

    const BOTH: Terminal = Terminal { stdout: true, stderr: true, dumb: false, no_color: false };

    #[test]
    fn bars_only_on_a_whole_terminal() {
        let mode = |json, terminal| Look::choose(json, false, terminal).mode;
        assert_eq!(mode(false, BOTH), Mode::Bars);
        assert_eq!(mode(true, BOTH), Mode::Json);
        assert_eq!(mode(false, Terminal { stdout: false, ..BOTH }), Mode::Lines);
        assert_eq!(mode(false, Terminal { stderr: false, ..BOTH }), Mode::Lines);
        assert_eq!(mode(false, Terminal { dumb: true, ..BOTH }), Mode::Lines);
    }

    #[test]
    fn colours_only_where_wanted() {
        let colors = |no_color, terminal| {
            let look = Look::choose(false, no_color, terminal);
            (look.out.color, look.err.color)
        };
        assert_eq!(colors(false, BOTH), (true, true));
        assert_eq!(colors(true, BOTH), (false, false));
        assert_eq!(colors(false, Terminal { no_color: true, ..BOTH }), (false, false));
        assert_eq!(colors(false, Terminal { stdout: false, ..BOTH }), (false, true));
        assert_eq!(Look::choose(true, false, BOTH).out, Paint::PLAIN);
    }

    #[test]
    fn a_show_goes_where_it_is_sent_and_can_change_threads() {
        fn sendable<T: Send>(_: &T) {}
        let kept = out::tests::Kept::default();
        let look = Look::choose(true, false, Terminal::default());
        let mut show = Show::to(&look, kept.out(), samples::program());
        sendable(&show);
        show.note(samples::at(0), "hello");
        assert!(!show.is_closed());
        show.finish(samples::at(1), &Ending::Interrupted);
        assert_eq!(kept.text().lines().count(), 2);
    }
}
