//! Owns how a mapping of the tree is taken apart: fields asked for by name and kind, everything wrong
//! reported with its place, keys nobody asked for reported at the end. Must not know any one operation.

use super::node::{Entry, Node, Value};
use super::{Spanned, Text};
use crate::diagnostic::{Diagnostic, Diagnostics, Source, Span, clip, nearest};
use crate::ident::{self, Ident};
use std::{cell::RefCell, ops::Range, rc::Rc, sync::Arc};

/// More faults than this are not listed.
pub(crate) const MAX_DIAGNOSTICS: usize = 100;

/// One file being decoded: its text and what was found wrong so far.
pub(crate) struct Context {
    pub source: Arc<Source>,
    found: RefCell<Vec<Diagnostic>>,
}

impl Context {
    pub fn new(source: Arc<Source>) -> Context {
        Context { source, found: RefCell::default() }
    }

    pub fn span(&self, bytes: &Range<usize>) -> Span {
        Span { source: self.source.clone(), bytes: bytes.clone() }
    }

    pub fn is_full(&self) -> bool {
        self.found.borrow().len() > MAX_DIAGNOSTICS
    }

    pub fn is_clean(&self) -> bool {
        self.found.borrow().is_empty()
    }

    pub fn report(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_DIAGNOSTICS {
            found.push(diagnostic);
        } else if found.len() == MAX_DIAGNOSTICS {
            let message = format!(
                "more than {MAX_DIAGNOSTICS} faults; the rest of {} is not listed",
                clip(&self.source.name)
            );
            found.push(Diagnostic::note("plan.too_many", message).help("correct these and check again"));
        }
    }

    #[track_caller]
    pub fn error(&self, code: &'static str, at: &Range<usize>, message: impl Into<String>) {
        self.report(Diagnostic::error(code, message).at(self.span(at)));
    }

    pub fn duplicate_key(&self, key: &str, at: &Range<usize>, first: usize) {
        if self.is_full() {
            return;
        }
        let (line, _) = self.span(&(first..first)).line_column();
        self.report(
            Diagnostic::error("plan.duplicate_key", format!("`{}` is given twice", clip(key)))
                .at(self.span(at))
                .help(format!("it was first given on line {line}; remove one")),
        );
    }

    #[track_caller]
    pub fn wrong_type(&self, node: &Node, what: &str, expected: &str) {
        let message = format!("{what} must be {expected}, found {}", node.described());
        self.error("plan.wrong_type", &node.bytes, message);
    }

    /// All that was found, in the order of the text; what concerns the whole file comes last.
    pub fn finish(self) -> Diagnostics {
        let mut found = self.found.into_inner();
        found.sort_by_key(|d| d.span.as_ref().map_or(usize::MAX, |span| span.bytes.start));
        Diagnostics(found)
    }

    /// Any scalar, as written: numbers and booleans are text where text is meant.
    pub fn text(&self, node: &Node, what: &str) -> Option<Text> {
        match &node.value {
            Value::Scalar { text, .. } if !node.is_null() => {
                Some(Spanned { value: text.clone(), span: Some(self.span(&node.bytes)) })
            }
            _ => {
                self.wrong_type(node, what, "text");
                None
            }
        }
    }

    /// A name PostgreSQL can store.
    pub fn name(&self, node: &Node, what: &str) -> Option<Text> {
        self.text(node, what).filter(|text| self.check_name(text, what))
    }

    /// Reports a name PostgreSQL would not keep whole.
    pub fn check_name(&self, name: &Text, what: &str) -> bool {
        let message = if Ident::new(name.as_str()).is_storable() {
            return true;
        } else if name.value.is_empty() {
            format!("{what} is empty")
        } else {
            let (long, most) = (name.value.len(), ident::MAX_BYTES);
            format!("{what} is {long} bytes long; PostgreSQL keeps names of up to {most}")
        };
        self.report(Diagnostic::error("plan.invalid_name", message).at(name.span.clone()));
        false
    }

    /// A list of names; `what` describes one of them.
    pub fn name_list(&self, items: &[Rc<Node>], what: &str) -> Vec<Text> {
        items.iter().filter_map(|item| self.name(item, what)).collect()
    }

    /// `true` and `false`, and what YAML 1.1 and so pgroll also take for them.
    pub fn boolean(&self, node: &Node, what: &str) -> Option<bool> {
        if let Value::Scalar { text, plain: true } = &node.value {
            match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "y" => return Some(true),
                "false" | "no" | "off" | "n" => return Some(false),
                _ => {}
            }
        }
        self.wrong_type(node, what, "`true` or `false`");
        None
    }

    /// A finite number written without quotes.
    pub fn number(&self, node: &Node, what: &str) -> Option<Spanned<f64>> {
        if let Value::Scalar { text, plain: true } = &node.value
            && let Ok(value) = text.parse::<f64>()
            && value.is_finite()
        {
            return Some(Spanned { value, span: Some(self.span(&node.bytes)) });
        }
        self.wrong_type(node, what, "a number");
        None
    }

    pub fn whole_number(&self, node: &Node, what: &str) -> Option<Spanned<u64>> {
        if let Value::Scalar { text, plain: true } = &node.value
            && let Ok(value) = text.parse()
        {
            return Some(Spanned { value, span: Some(self.span(&node.bytes)) });
        }
        self.wrong_type(node, what, "a whole number");
        None
    }
}

/// One mapping, whose fields are taken by name. [`Fields::finish`] reports what was not taken.
pub(crate) struct Fields<'a> {
    pub cx: &'a Context,
    /// How messages name the mapping: "`add_column`".
    pub what: String,
    /// Where a field that is missing would belong.
    pub at: Range<usize>,
    entries: &'a [Entry],
    taken: Vec<bool>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Of a mapping; of null, which is a mapping without fields. `at` is the key it stands under, if any.
    pub fn of(cx: &'a Context, node: &'a Node, what: &str, at: Option<&Range<usize>>) -> Option<Fields<'a>> {
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            _ if node.is_null() => &[],
            _ => {
                cx.wrong_type(node, what, "a mapping of fields");
                return None;
            }
        };
        let at = match (at, entries.first()) {
            (Some(at), _) => at.clone(),
            (None, Some(entry)) => entry.key_bytes.clone(),
            (None, None) => node.bytes.clone(),
        };
        Some(Fields {
            cx,
            what: what.to_owned(),
            at,
            entries,
            taken: vec![false; entries.len()],
            asked: Vec::new(),
        })
    }

    /// "`table` of `add_column`".
    pub fn named(&self, key: &str) -> String {
        format!("`{key}` of {}", self.what)
    }

    fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.find(key)
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Entry> {
        // pgroll's decoder matches keys in any case; written exactly is preferred.
        let exact = self.entries.iter().position(|entry| entry.key == key);
        let any_case =
            |from: usize| (from..self.entries.len()).find(|i| self.entries[*i].key.eq_ignore_ascii_case(key));
        let chosen = exact.or_else(|| any_case(0))?;
        self.taken[chosen] = true;
        let mut from = 0;
        while let Some(other) = any_case(from) {
            if other != chosen && !self.taken[other] {
                self.taken[other] = true;
                let (first, second) = (chosen.min(other), chosen.max(other));
                let (first, second) = (&self.entries[first], &self.entries[second]);
                self.cx.duplicate_key(&second.key, &second.key_bytes, first.key_bytes.start);
            }
            from = other + 1;
        }
        Some(&self.entries[chosen])
    }

    /// The key's bytes and its value, null included.
    pub fn keyed(&mut self, key: &'static str) -> Option<(&'a Range<usize>, &'a Node)> {
        self.entry(key).map(|entry| (&entry.key_bytes, &*entry.value))
    }

    /// A key that is accepted for old files' sake and suggested to nobody.
    pub fn historic(&mut self, key: &'static str) -> Option<(&'a Range<usize>, &'a Node)> {
        self.find(key).map(|entry| (&entry.key_bytes, &*entry.value))
    }

    /// Null counts as absent, as in Go's decoder.
    pub fn optional(&mut self, key: &'static str) -> Option<&'a Node> {
        self.keyed(key).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    #[track_caller]
    pub fn missing(&self, key: &str) {
        let message = format!("{} needs `{key}`", self.what);
        self.cx.error("plan.missing_field", &self.at, message);
    }

    /// Reports a field that is absent or says nothing.
    pub fn require(&mut self, key: &'static str) -> bool {
        // An empty mapping is reported by the field it lacks.
        let given = self
            .optional(key)
            .is_some_and(|node| matches!(node.value, Value::Map(_)) || !node.says_nothing());
        if !given {
            self.missing(key);
        }
        given
    }

    pub fn required(&mut self, key: &'static str) -> Option<&'a Node> {
        let found = self.optional(key);
        if found.is_none() {
            self.missing(key);
        }
        found
    }

    pub fn optional_text(&mut self, key: &'static str) -> Option<Text> {
        let node = self.optional(key)?;
        self.cx.text(node, &self.named(key))
    }

    /// Text that says nothing where it is empty, as in Go's decoder: an expression, say.
    pub fn optional_filled(&mut self, key: &'static str) -> Option<Text> {
        self.optional_text(key).filter(|text| !text.value.trim().is_empty())
    }

    pub fn required_filled(&mut self, key: &'static str) -> Option<Text> {
        let node = self.required(key)?;
        let text = self.cx.text(node, &self.named(key))?;
        if text.value.trim().is_empty() {
            self.cx.error("plan.invalid_value", &node.bytes, format!("{} is empty", self.named(key)));
            return None;
        }
        Some(text)
    }

    pub fn required_name(&mut self, key: &'static str) -> Option<Text> {
        let node = self.required(key)?;
        self.cx.name(node, &self.named(key))
    }

    pub fn optional_name(&mut self, key: &'static str) -> Option<Text> {
        let node = self.optional(key)?;
        self.cx.name(node, &self.named(key))
    }

    pub fn optional_bool(&mut self, key: &'static str) -> Option<bool> {
        let node = self.optional(key)?;
        self.cx.boolean(node, &self.named(key))
    }

    /// Absent is `false`.
    pub fn flag(&mut self, key: &'static str) -> bool {
        self.optional_bool(key).unwrap_or(false)
    }

    pub fn optional_list(&mut self, key: &'static str) -> Option<&'a [Rc<Node>]> {
        let node = self.optional(key)?;
        match &node.value {
            Value::List(items) => Some(items),
            _ => {
                self.cx.wrong_type(node, &self.named(key), "a list");
                None
            }
        }
    }

    pub fn names(&mut self, key: &'static str) -> Vec<Text> {
        let what = format!("a name in {}", self.named(key));
        self.optional_list(key).map(|items| self.cx.name_list(items, &what)).unwrap_or_default()
    }

    /// A mapping of columns to SQL expressions. An empty expression is none.
    pub fn expressions(&mut self, key: &'static str) -> Vec<(Text, Text)> {
        let Some(node) = self.optional(key) else { return Vec::new() };
        let Value::Map(entries) = &node.value else {
            self.cx.wrong_type(node, &self.named(key), "a mapping of columns to expressions");
            return Vec::new();
        };
        let what = format!("a column in {}", self.named(key));
        let expression = |entry: &Entry| {
            let column = Spanned { value: entry.key.clone(), span: Some(self.cx.span(&entry.key_bytes)) };
            self.cx.check_name(&column, &what).then_some(())?;
            if entry.value.is_null() {
                return None;
            }
            let of = format!("`{}` in {}", clip(&entry.key), self.named(key));
            let text = self.cx.text(&entry.value, &of).filter(|text| !text.value.trim().is_empty())?;
            Some((column, text))
        };
        entries.iter().filter_map(expression).collect()
    }

    /// Some of `known`: a list, or one alone.
    pub fn several_of(&mut self, key: &'static str, known: &[&'static str]) -> Vec<Spanned<&'static str>> {
        let Some(node) = self.optional(key) else { return Vec::new() };
        let items: Vec<&Node> = match &node.value {
            Value::List(items) => items.iter().map(|item| &**item).collect(),
            _ => vec![node],
        };
        let what = self.named(key);
        let mut found = Vec::new();
        for item in items {
            let Some(text) = self.cx.text(item, &what) else { continue };
            match known.iter().find(|k| k.eq_ignore_ascii_case(text.value.trim())) {
                Some(value) => found.push(Spanned { value: *value, span: text.span }),
                None => {
                    let list = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(" and ");
                    let message = format!("{what} takes {list}, found {}", item.described());
                    self.cx.error("plan.invalid_value", &item.bytes, message);
                }
            }
        }
        found
    }

    /// One of `known`, in any case; the value is spelled as in `known`.
    pub fn one_of(&mut self, key: &'static str, known: &[&'static str]) -> Option<Spanned<&'static str>> {
        let node = self.optional(key)?;
        // Empty is absent, as in Go's decoder.
        let text = self.cx.text(node, &self.named(key)).filter(|text| !text.value.is_empty())?;
        let squeezed = text.value.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(value) = known.iter().find(|k| k.eq_ignore_ascii_case(&squeezed)) {
            return Some(Spanned { value, span: text.span });
        }
        let list = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
        let mut diagnostic = Diagnostic::error(
            "plan.invalid_value",
            format!("{} must be one of {list}, found {}", self.named(key), node.described()),
        )
        .at(text.span);
        if let Some(near) = nearest(&squeezed, known.iter().copied()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.cx.report(diagnostic);
        None
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        let left = self.entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken);
        for (entry, _) in left {
            if self.cx.is_full() {
                return;
            }
            let message = format!("{} has no field `{}`", self.what, clip(&entry.key));
            let help = match nearest(&entry.key, self.asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", self.asked.join(", ")),
            };
            self.cx.report(
                Diagnostic::error("plan.unknown_key", message).at(self.cx.span(&entry.key_bytes)).help(help),
            );
        }
    }
}
