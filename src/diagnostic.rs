//! Owns faults in what the operator gave us: code, position, what was expected, help.
//! Failures of the world are `pg::Error`'s; bugs are `expect`s. Must not print by itself.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;
use std::{fmt, ops::Range, panic::Location, sync::Arc};

/// Bytes of a line that the renderer is given whole; it fits it to the terminal by itself.
const LONG_LINE: usize = 1000;
/// Characters of a longer line shown before and after the place a diagnostic points at: a plan may be
/// one line of a megabyte.
const SHOWN_BEFORE: usize = 60;
const SHOWN_AFTER: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    Note,
}

/// A text that diagnostics point into, kept whole so that its lines can be shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub text: String,
}

/// A run of bytes of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub source: Arc<Source>,
    pub bytes: Range<usize>,
}

impl Span {
    /// What of the source is shown: the line the span starts on, or a window of it where it is long,
    /// with the range to underline within.
    fn excerpt(&self) -> (String, Range<usize>) {
        let text = &self.source.text;
        let start = floor(text, self.bytes.start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let line_end = line_start + text[line_start..line_end].trim_end_matches('\r').len();
        let start = start.min(line_end);
        let end = floor(text, self.bytes.end).clamp(start, line_end);
        if line_end - line_start <= LONG_LINE {
            return (text[line_start..line_end].to_owned(), start - line_start..end - line_start);
        }
        let before = &text[line_start..start];
        let from =
            before.char_indices().rev().take(SHOWN_BEFORE).last().map_or(start, |(i, _)| line_start + i);
        let upto = |from: usize| {
            text[from..line_end].char_indices().nth(SHOWN_AFTER).map_or(line_end, |(i, _)| from + i)
        };
        let end = end.min(upto(start));
        let until = upto(end);
        let mut shown = String::new();
        if from > line_start {
            shown.push('…');
        }
        let offset = shown.len();
        shown.push_str(&text[from..until]);
        if until < line_end {
            shown.push('…');
        }
        (shown, start - from + offset..end - from + offset)
    }

    /// Line and column, both from 1; the column counts characters.
    pub fn line_column(&self) -> (usize, usize) {
        let text = &self.source.text;
        let at = floor(text, self.bytes.start);
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A text of the operator's, short enough and free of control characters, so that it can stand in a
/// message.
pub fn clip(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

/// One thing that is wrong, or worth knowing, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable, lower case, dotted: `plan.unknown_key`, `compile.column_missing`.
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub span: Option<Span>,
    pub help: Option<String>,
    pub made: Made,
}

/// Where in Segue's own sources a diagnostic was made, by which the tests know that each such place is met. It is no
/// part of what is said.
#[derive(Clone, Copy, Debug)]
pub struct Made(pub &'static Location<'static>);

impl PartialEq for Made {
    fn eq(&self, _: &Made) -> bool {
        true
    }
}

impl Eq for Made {}

impl Diagnostic {
    #[track_caller]
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        let made = Made(Location::caller());
        Diagnostic { code, severity: Severity::Error, message: message.into(), span: None, help: None, made }
    }

    #[track_caller]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    #[track_caller]
    pub fn note(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Note, ..Diagnostic::error(code, message) }
    }

    pub fn at(mut self, span: impl Into<Option<Span>>) -> Diagnostic {
        self.span = span.into();
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// As a person reads it, with the offending line; `color` only for terminals.
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = level
            .primary_title(&self.message)
            .id(self.code)
            .elements(Vec::<annotate_snippets::Snippet<annotate_snippets::Annotation>>::new());
        if let Some(span) = &self.span {
            let (line, column) = span.line_column();
            let (shown, pointed) = span.excerpt();
            let at_its_place = shown[..pointed.start].chars().count() + 1 == column;
            let snippet =
                Snippet::source(shown).line_start(line).annotation(AnnotationKind::Primary.span(pointed));
            group = if at_its_place {
                group.element(snippet.path(&span.source.name))
            } else {
                // In part of a line the renderer would count the column from where the part begins.
                group.element(Origin::path(&span.source.name).line(line).char_column(column)).element(snippet)
            };
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    /// One object for `--json`.
    pub fn to_json(&self) -> serde_json::Value {
        let position = self.span.as_ref().map(|span| {
            let (line, column) = span.line_column();
            serde_json::json!({"file": span.source.name, "line": line, "column": column})
        });
        serde_json::json!({
            "code": self.code, "severity": self.severity, "message": self.message,
            "position": position, "help": self.help,
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// All that was found, in the order found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }
}

/// The nearest of `known` to `given`, if near enough to be what was meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance takes time and memory of the product of both lengths, and nothing this long is a
    // misspelling.
    if given.len() > 100 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&given.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().min(given.len()) / 4)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_line_and_the_help() {
        let source =
            Arc::new(Source { name: "plans/a.yaml".into(), text: "operations:\n  - add_colum: {}\n".into() });
        let text = Diagnostic::error("plan.unknown_operation", "there is no operation `add_colum`")
            .at(Span { source, bytes: 16..25 })
            .help("did you mean `add_column`?")
            .render(false);
        assert!(text.contains("plans/a.yaml:2:5"), "{text}");
        assert!(text.contains("- add_colum: {}") && text.contains("did you mean"), "{text}");
    }

    #[test]
    fn a_long_line_is_shown_in_part_with_its_true_column() {
        let text = format!("a: 1\nb: {}HERE{}\n", "é".repeat(300_000), "x".repeat(300_000));
        let at = text.find("HERE").expect("it is there");
        let source = Arc::new(Source { name: "long.json".into(), text });
        let shown =
            Diagnostic::error("plan.syntax", "wrong").at(Span { source, bytes: at..at + 4 }).render(false);
        assert!(shown.len() < 1000 && shown.contains("long.json:2:300004"), "{shown}");
        assert!(shown.contains("HERE") && shown.contains("^^^^"), "{shown}");
    }

    #[test]
    fn a_span_over_several_lines_or_none_still_renders() {
        let source = Arc::new(Source { name: "a.yaml".into(), text: "one\r\ntwo\nthree".into() });
        for bytes in [0..12, 3..3, 4..4, 5..5, 14..14, 14..99, 99..99] {
            let shown = Diagnostic::error("plan.syntax", "wrong")
                .at(Span { source: source.clone(), bytes })
                .render(false);
            assert!(shown.contains("a.yaml:"), "{shown}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("add_colum", ["add_column", "drop_column"]), Some("add_column"));
        assert_eq!(nearest("xyz", ["add_column"]), None);
    }
}
