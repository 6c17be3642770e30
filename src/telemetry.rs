//! Owns where Segue's own log lines go and how they look. Must not print what commands print (that is
//! `ui`), and must never be given a connection string: passwords are not logged because nobody hands them here.
//!
//! Log lines go to standard error, so that standard output stays what the command's contract says.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// The environment variable that overrides `-v` with a `tracing` filter, such as `segue=trace`.
pub const VARIABLE: &str = "SEGUE_LOG";

/// How the log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How often `-v` was given: 0 warnings, 1 what is done, 2 why, 3 everything.
    pub verbosity: u8,
    /// One JSON object a line.
    pub json: bool,
    /// Colours are wanted, where standard error is a terminal.
    pub color: bool,
}

/// Starts logging; a second call in one process changes nothing.
/// A filter in `SEGUE_LOG` that cannot be read is an error with the parser's words.
pub fn start(style: Style) -> Result<(), String> {
    let filter = match std::env::var(VARIABLE) {
        Ok(text) => EnvFilter::try_new(&text).map_err(|e| format!("{VARIABLE}={text:?}: {e}"))?,
        Err(_) => EnvFilter::new(level(style.verbosity)),
    };
    let ansi = style.color && std::io::stderr().is_terminal();
    // A line that cannot be written is let go: told to standard error too, it would end the thread that wrote it.
    let lines = tracing_subscriber::fmt().log_internal_errors(false);
    let lines = lines.with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi);
    // The only failure is that a subscriber is there already: whoever came first is right.
    let _already_started = if style.json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_target(false).try_init()
    };
    Ok(())
}

/// Libraries stay quiet until everything is asked for.
fn level(verbosity: u8) -> &'static str {
    match verbosity {
        0 => "warn",
        1 => "warn,segue=info",
        2 => "warn,segue=debug",
        _ => "info,segue=trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verbosity_is_a_filter_and_louder_than_the_one_before() {
        for verbosity in 0..=4 {
            assert!(EnvFilter::try_new(level(verbosity)).is_ok());
        }
        assert_eq!(level(0), "warn");
        assert!(level(3).contains("segue=trace"));
    }
}
