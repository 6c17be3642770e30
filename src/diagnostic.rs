//! Owns faults in what the operator gave us: code, position, what was expected, help.
//! Failures of the world are `pg::Error`'s; bugs are `expect`s. Must not print by itself.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;
use std::{fmt, ops::Range, sync::Arc};

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
    /// Line and column, both from 1; the column counts characters.
    pub fn line_column(&self) -> (usize, usize) {
        let text = &self.source.text;
        let mut at = self.bytes.start.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
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
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, severity: Severity::Error, message: message.into(), span: None, help: None }
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
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
            // The renderer slices by byte, so both ends must be on character boundaries.
            let text = &span.source.text;
            let floor = |mut at: usize| {
                at = at.min(text.len());
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let (start, end) = (floor(span.bytes.start), floor(span.bytes.end.max(span.bytes.start)));
            group = group.element(
                Snippet::source(text.as_str())
                    .path(&span.source.name)
                    .annotation(AnnotationKind::Primary.span(start..end)),
            );
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
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("add_colum", ["add_column", "drop_column"]), Some("add_column"));
        assert_eq!(nearest("xyz", ["add_column"]), None);
    }
}
