//! Owns how a command that could not do its work says so: for people on stderr, as one JSON line on
//! stdout. Must not choose exit codes: those are `cli::exit`'s.

use super::json::{event, object};
use super::out::Out;
use super::{Look, Mode, Paint};
use crate::diagnostic::{Diagnostics, Severity};
use jiff::Timestamp;
use serde_json::json;

/// Why a command ended without doing its work, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable, lower case, dotted: `lease.held`, `pg.connect`.
    pub code: String,
    /// May have several lines: a server's message comes with detail and hint.
    pub message: String,
    /// What to do next; each one line.
    pub help: Vec<String>,
}

impl Failure {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Failure {
        Failure { code: code.into(), message: message.into(), help: Vec::new() }
    }

    pub fn help(mut self, help: impl Into<String>) -> Failure {
        self.help.push(help.into());
        self
    }

    /// As a person reads it; several lines, the last one without a line break.
    pub fn text(&self, paint: Paint) -> String {
        let mut lines = self.message.trim_end().lines().map(clean);
        let mut out = format!("{} {}", paint.red("error:"), lines.next().unwrap_or_default());
        for line in lines {
            out.push_str(&format!("\n       {line}"));
        }
        for help in &self.help {
            out.push_str(&format!("\n{} {}", paint.cyan(" help:"), clean(help)));
        }
        out
    }

    /// One line; `help` is null where there is none.
    pub fn json(&self, at: Timestamp) -> String {
        let help = (!self.help.is_empty()).then(|| self.help.join("\n"));
        event(at, "error", object(json!({"code": self.code, "message": self.message, "help": help})))
    }

    /// Says it where this command's words go.
    pub fn say(&self, look: &Look, at: Timestamp) {
        match look.mode {
            Mode::Json => Out::stdout().line(&self.json(at)),
            Mode::Bars | Mode::Lines => Out::stderr().line(&self.text(look.err)),
        }
    }
}

fn clean(line: &str) -> String {
    super::human::plain(line.trim_end())
}

/// All of a plan's diagnostics with their lines, and a closing count.
pub fn diagnostics_text(found: &Diagnostics, paint: Paint) -> String {
    let mut parts: Vec<String> = found.0.iter().map(|d| d.render(paint.color)).collect();
    let count = |severity| found.0.iter().filter(|d| d.severity == severity).count();
    let counted: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
        .into_iter()
        .map(|(severity, name)| (count(severity), name))
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| format!("{number} {name}{}", if number == 1 { "" } else { "s" }))
        .collect();
    if !counted.is_empty() {
        parts.push(counted.join(", "));
    }
    parts.join("\n\n")
}

/// A line each: `diagnostic` events.
pub fn diagnostics_json(found: &Diagnostics, at: Timestamp) -> Vec<String> {
    found.0.iter().map(|d| event(at, "diagnostic", object(d.to_json()))).collect()
}

/// Says them where this command's words go.
pub fn say_diagnostics(found: &Diagnostics, look: &Look, at: Timestamp) {
    match look.mode {
        Mode::Json => {
            let mut out = Out::stdout();
            diagnostics_json(found, at).iter().for_each(|line| out.line(line));
        }
        Mode::Bars | Mode::Lines if found.0.is_empty() => {}
        Mode::Bars | Mode::Lines => Out::stderr().line(&diagnostics_text(found, look.err)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::at;
    use super::*;
    use crate::diagnostic::{Diagnostic, Source, Span};
    use std::sync::Arc;

    fn failure() -> Failure {
        Failure::new("pg.connect", "connecting to db.internal:5432\nFATAL 28P01: password authentication failed")
            .help("check the password in SEGUE_URL or ~/.pgpass")
            .help("`segue status` needs the same connection")
    }

    #[test]
    fn for_people() {
        insta::assert_snapshot!(failure().text(Paint::PLAIN), @r"
        ");
    }

    #[test]
    fn for_scripts() {
        insta::assert_snapshot!(failure().json(at(0)), @r"
        ");
        insta::assert_snapshot!(Failure::new("x", "y").json(at(0)), @r"
        ");
    }

    #[test]
    fn diagnostics_are_counted() {
        let source = Arc::new(Source { name: "plans/a.yaml".into(), text: "operations: 1\n".into() });
        let found = Diagnostics(vec![
            Diagnostic::error("plan.wrong_type", "`operations` must be a list")
                .at(Span { source, bytes: 12..13 })
                .help("write one item a line"),
            Diagnostic::warning("plan.old", "this is old"),
        ]);
        insta::assert_snapshot!(diagnostics_text(&found, Paint::PLAIN), @r"
        ");
        insta::assert_snapshot!(diagnostics_json(&found, at(0)).join("\n"), @r"
        ");
        assert_eq!(diagnostics_text(&Diagnostics::default(), Paint::PLAIN), "");
    }
}
