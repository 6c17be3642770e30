//! Owns how a command that could not do its work says so: for people, and as one JSON line. Must not
//! choose exit codes, and must not print.

use super::json::{event, object};
use super::{Paint, human};
use crate::diagnostic::Diagnostics;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Why a command ended without doing its work, and what to do about it.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// The exit code and what it is called.
    pub exit: u8,
    pub code: &'a str,
    /// May have several lines: a server's message comes with detail and hint.
    pub message: &'a str,
    pub help: Option<&'a str>,
    /// Faults in what the operator gave us, each with its place.
    pub diagnostics: &'a Diagnostics,
}

impl Failure<'_> {
    /// As a person reads it; several lines, the last one without a line break.
    pub fn text(&self, color: bool) -> String {
        let paint = Paint { color };
        let mut parts: Vec<String> = self.diagnostics.0.iter().map(|d| d.render(color) + "\n").collect();
        let mut message = self.message.trim_end().lines().map(clean);
        parts.push(format!("{} {}", paint.red("error:"), message.next().unwrap_or_default()));
        parts.extend(message.map(|line| format!("       {line}")));
        for (i, line) in self.help.unwrap_or_default().lines().enumerate() {
            let label = if i == 0 { paint.cyan(" help:") } else { " ".repeat(6) };
            parts.push(format!("{label} {}", clean(line)));
        }
        parts.join("\n")
    }

    /// One line; what there is not is null.
    pub fn json(&self, at: Timestamp) -> String {
        let diagnostics: Vec<Value> = self.diagnostics.0.iter().map(|d| d.to_json()).collect();
        let fields = json!({
            "code": self.code, "exit": self.exit, "message": self.message, "help": self.help,
            "diagnostics": diagnostics,
        });
        event(at, "error", object(fields))
    }
}

fn clean(line: &str) -> String {
    human::plain(line.trim_end())
}

/// Each with its line, a blank line between two; the last one without a line break.
pub fn diagnostics_text(found: &Diagnostics, color: bool) -> String {
    found.0.iter().map(|d| d.render(color)).collect::<Vec<_>>().join("\n\n")
}

/// A line each: `diagnostic` events.
pub fn diagnostics_json(found: &Diagnostics, at: Timestamp) -> Vec<String> {
    found.0.iter().map(|d| event(at, "diagnostic", object(d.to_json()))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::at;
    use super::*;
    use crate::diagnostic::{Diagnostic, Source, Span};
    use std::sync::Arc;

    fn failure(diagnostics: &Diagnostics) -> Failure<'_> {
        Failure {
            exit: 1,
            code: "failed",
            message: "connecting to db.internal:5432\nFATAL 28P01: password authentication failed",
            help: Some("check the password in SEGUE_URL or ~/.pgpass"),
            diagnostics,
        }
    }

    #[test]
    fn for_people_and_for_scripts() {
        let none = Diagnostics::default();
        insta::assert_snapshot!(failure(&none).text(false), @r"
        error: connecting to db.internal:5432
               FATAL 28P01: password authentication failed
         help: check the password in SEGUE_URL or ~/.pgpass
        ");
        insta::assert_snapshot!(failure(&none).json(at(0)), @r#"
        {"at":"2026-11-22T07:00:00Z","event":"error","code":"failed","exit":1,"message":"connecting to db.internal:5432\nFATAL 28P01: password authentication failed","help":"check the password in SEGUE_URL or ~/.pgpass","diagnostics":[]}
        "#);
        let found = Diagnostics(vec![Diagnostic::error("plan.empty", "the plan has no operation")]);
        let failure = Failure { exit: 3, code: "plan", message: "1 error", help: None, diagnostics: &found };
        insta::assert_snapshot!(failure.text(false), @r"
        error[plan.empty]: the plan has no operation

        error: 1 error
        ");
        insta::assert_snapshot!(failure.json(at(0)), @r#"
        {"at":"2026-11-22T07:00:00Z","event":"error","code":"plan","exit":3,"message":"1 error","help":null,"diagnostics":[{"code":"plan.empty","severity":"error","message":"the plan has no operation","position":null,"help":null}]}
        "#);
    }

    #[test]
    fn diagnostics_stand_apart() {
        let source = Arc::new(Source { name: "plans/a.yaml".into(), text: "operations: 1\n".into() });
        let found = Diagnostics(vec![
            Diagnostic::error("plan.wrong_type", "`operations` must be a list")
                .at(Span { source, bytes: 12..13 })
                .help("write one item a line"),
            Diagnostic::warning("plan.old", "this is old"),
        ]);
        insta::assert_snapshot!(diagnostics_text(&found, false), @r"
        error[plan.wrong_type]: `operations` must be a list
         --> plans/a.yaml:1:13
          |
        1 | operations: 1
          |             ^
          |
          = help: write one item a line

        warning[plan.old]: this is old
        ");
        insta::assert_snapshot!(diagnostics_json(&found, at(0)).join("\n"), @r#"
        {"at":"2026-11-22T07:00:00Z","event":"diagnostic","code":"plan.wrong_type","severity":"error","message":"`operations` must be a list","position":{"file":"plans/a.yaml","line":1,"column":13},"help":"write one item a line"}
        {"at":"2026-11-22T07:00:00Z","event":"diagnostic","code":"plan.old","severity":"warning","message":"this is old","position":null,"help":null}
        "#);
        assert_eq!(diagnostics_text(&Diagnostics::default(), false), "");
    }
}
