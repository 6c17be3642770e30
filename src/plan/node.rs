//! Owns the tree a YAML or JSON text is read into before it is decoded: every key and value with its
//! bytes, plain scalars with their text as written. Bounded in size and depth whatever the input.
//! Must not know what any key means.

use super::decode::Context;
use crate::diagnostic::{Diagnostic, clip};
use serde_yaml::granit_parser::{self as yaml, ErrorKind, Event, Parser, ScalarStyle};
use std::{collections::HashMap, ops::Range, rc::Rc};

/// How deep lists and mappings may nest; a plan needs eight.
const MAX_DEPTH: usize = 32;
/// How much aliases may add to a file, in values and bytes of text together.
const MAX_ALIASED: usize = 1 << 20;

/// A value and where it is written. Aliased values are shared, so a tree takes no more memory than its text.
#[derive(Debug)]
pub(crate) struct Node {
    pub value: Value,
    pub bytes: Range<usize>,
    /// Values and bytes of text below and including this one, aliases counted in full.
    weight: usize,
    height: usize,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// `plain` where written without quotes: then it may be a number, a boolean or null.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub key_bytes: Range<usize>,
    pub value: Rc<Node>,
}

impl Node {
    /// `~`, `null` or nothing at all.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Null, `false`, an empty text, list or mapping: as good as absent where a field does not belong.
    pub fn says_nothing(&self) -> bool {
        match &self.value {
            _ if self.is_null() => true,
            Value::Scalar { text, plain } => {
                text.trim().is_empty()
                    || *plain && ["false", "no", "off", "n"].contains(&text.to_ascii_lowercase().as_str())
            }
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }

    /// What this is, for "found …".
    pub fn described(&self) -> String {
        match &self.value {
            _ if self.is_null() => "nothing".to_owned(),
            Value::Scalar { text, plain: true } => format!("`{}`", clip(text)),
            Value::Scalar { text, plain: false } => format!("the text \"{}\"", clip(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// A list or mapping not yet closed.
struct Open {
    anchor: usize,
    start: usize,
    items: Items,
}

enum Items {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<Entry>, seen: HashMap<String, usize>, key: Key, merged: Vec<Rc<Node>> },
}

/// Where a mapping stands between a key and its value.
enum Key {
    Awaited,
    Given(String, Range<usize>),
    /// `<<`: its value's fields come in where this mapping has none of the name.
    Merge,
    /// Already reported; its value is read and dropped.
    Faulty,
}

struct Builder<'a> {
    cx: &'a Context,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    aliased: usize,
    root: Option<Rc<Node>>,
}

/// The one document of the context's source; `None` where there is none or it cannot be read on.
pub(crate) fn read(cx: &Context) -> Option<Rc<Node>> {
    let text = &cx.source.text;
    if let Some(at) = text.find('\0') {
        cx.report(
            Diagnostic::error(
                "plan.nul_byte",
                "the file holds a NUL byte, which neither YAML nor PostgreSQL accepts",
            )
            .at(cx.span(&(at..at + 1)))
            .help("remove it; is this a text file?"),
        );
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let shift = cx.source.text.len() - text.len();
    // Ours is the tighter limit and the clearer message; theirs stops the scanner from running ahead.
    let options = yaml::options! { flow_nesting_limit: MAX_DEPTH + 8, block_nesting_limit: MAX_DEPTH + 8 };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { cx, open: Vec::new(), anchors: HashMap::new(), aliased: 0, root: None };
    let mut documents = 0;
    while let Some(next) = parser.next_event() {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0) + shift;
                cx.report(syntax(error.kind(), &error.info().to_string()).at(cx.span(&(at..at + 1))));
                return None;
            }
        };
        let bytes = span.byte_range().map_or(0..0, |range| range.start + shift..range.end + shift);
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                cx.report(
                    Diagnostic::error("plan.several_documents", "the file holds more than one YAML document")
                        .at(cx.span(&bytes))
                        .help("put each plan in a file of its own"),
                );
                return None;
            }
        }
        if !builder.take(event, bytes, span.tag_span().and_then(|tag| tag.byte_range()), shift) {
            return None;
        }
    }
    builder.root
}

/// The parser's own words, with what to do where that is known.
fn syntax(kind: &ErrorKind, info: &str) -> Diagnostic {
    if matches!(kind, ErrorKind::RecursionLimitExceeded) {
        let message = format!("lists and mappings nest more than {MAX_DEPTH} deep here");
        return Diagnostic::error("plan.too_deep", message);
    }
    let diagnostic = Diagnostic::error("plan.syntax", format!("this cannot be read as YAML: {info}"));
    match kind {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation => diagnostic.help("indent with spaces"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            diagnostic.help("put quotes around a text with `: ` in it, or write it as a block after `|`")
        }
        ErrorKind::UnexpectedCharacter { .. } => diagnostic.help("put quotes around a text that begins so"),
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            diagnostic.help("within single quotes, write a single quote twice")
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            diagnostic.help("within double quotes, write a double quote as `\\\"`")
        }
        ErrorKind::UnknownAnchor => {
            diagnostic.help("an alias needs its anchor (`&name`) before it in the same file")
        }
        _ => diagnostic,
    }
}

impl Builder<'_> {
    /// False where reading on makes no sense.
    fn take(
        &mut self,
        event: Event<'_>,
        bytes: Range<usize>,
        tag: Option<Range<usize>>,
        shift: usize,
    ) -> bool {
        // YAML's own tags say what a plan's fields say anyway, but that `!!str` keeps a word from being read as
        // a boolean or null. Others would need somebody to give them a meaning.
        let is_text = event.tag().is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
        if event.tag().is_some_and(|tag| !tag.is_yaml_core_schema()) {
            let at = tag.map_or(bytes.clone(), |tag| tag.start + shift..tag.end + shift);
            self.cx.report(
                Diagnostic::error("plan.tag", "a plan has no YAML tags of its own")
                    .at(self.cx.span(&at))
                    .help("remove the tag; put quotes around a value that is meant as text"),
            );
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let mut text = text.into_owned();
                if text.contains('\0') {
                    self.cx.error(
                        "plan.nul_byte",
                        &bytes,
                        "the text holds a NUL character, which PostgreSQL cannot store",
                    );
                    // In the tree all the same, so that it is not reported as missing, too.
                    text = text.replace('\0', "\u{fffd}");
                }
                let plain = style == ScalarStyle::Plain && !is_text;
                let node =
                    Node { weight: 1 + text.len(), height: 0, value: Value::Scalar { text, plain }, bytes };
                self.finish(node, anchor);
            }
            Event::SequenceStart(_, anchor, _) => return self.start(anchor, bytes, Items::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                let items = Items::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: Key::Awaited,
                    merged: Vec::new(),
                };
                return self.start(anchor, bytes, items);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(bytes.end),
            Event::Alias(id) => return self.alias(id, bytes),
            _ => {}
        }
        true
    }

    fn start(&mut self, anchor: usize, bytes: Range<usize>, items: Items) -> bool {
        if self.open.len() >= MAX_DEPTH {
            self.too_deep(&bytes);
            return false;
        }
        self.open.push(Open { anchor, start: bytes.start, items });
        true
    }

    fn too_deep(&self, bytes: &Range<usize>) {
        self.cx.error(
            "plan.too_deep",
            bytes,
            format!("lists and mappings nest more than {MAX_DEPTH} deep here"),
        );
    }

    fn close(&mut self, end: usize) {
        let open = self.open.pop().expect("the parser closes only what it opened");
        let (value, weight, height) = match open.items {
            Items::List(items) => {
                let weight = items.iter().map(|item| item.weight).sum::<usize>();
                let height = items.iter().map(|item| item.height).max().unwrap_or(0);
                (Value::List(items), weight, height)
            }
            Items::Map { mut entries, mut seen, merged, .. } => {
                for from in merged {
                    self.merge(&from, &mut entries, &mut seen);
                }
                let weight = entries.iter().map(|entry| entry.key.len() + entry.value.weight).sum::<usize>();
                let height = entries.iter().map(|entry| entry.value.height).max().unwrap_or(0);
                (Value::Map(entries), weight, height)
            }
        };
        let node =
            Node { value, bytes: open.start..end.max(open.start), weight: weight + 1, height: height + 1 };
        self.finish(node, open.anchor);
    }

    /// The fields of a mapping, or of each of a list of them, that are not given already.
    fn merge(&self, from: &Node, entries: &mut Vec<Entry>, seen: &mut HashMap<String, usize>) {
        match &from.value {
            Value::Map(merged) => {
                for entry in merged {
                    if !seen.contains_key(&entry.key) {
                        seen.insert(entry.key.clone(), entry.key_bytes.start);
                        entries.push(entry.clone());
                    }
                }
            }
            Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                items.iter().for_each(|item| self.merge(item, entries, seen));
            }
            _ => self.cx.report(
                Diagnostic::error(
                    "plan.merge_key",
                    format!("`<<` takes a mapping or a list of mappings, found {}", from.described()),
                )
                .at(self.cx.span(&from.bytes))
                .help("alias one that stands before: `<<: *columns`"),
            ),
        }
    }

    fn finish(&mut self, node: Node, anchor: usize) {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let bytes = node.bytes.clone();
        self.place(node, bytes);
    }

    fn alias(&mut self, id: usize, bytes: Range<usize>) -> bool {
        let Some(node) = self.anchors.get(&id).cloned() else {
            self.cx.error("plan.alias", &bytes, "this alias stands inside the very value it refers to");
            return false;
        };
        if self.open.len() + node.height > MAX_DEPTH {
            self.too_deep(&bytes);
            return false;
        }
        self.aliased = self.aliased.saturating_add(node.weight);
        if self.aliased > MAX_ALIASED {
            self.cx.report(
                Diagnostic::error("plan.alias", "the aliases of this file repeat more than 1 MiB of it")
                    .at(self.cx.span(&bytes))
                    .help("write out what differs and drop the rest"),
            );
            return false;
        }
        self.place(node, bytes);
        true
    }

    /// `bytes` is where the node is used, which for an alias is not where it is written.
    fn place(&mut self, node: Rc<Node>, bytes: Range<usize>) {
        let cx = self.cx;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.items {
            Items::List(items) => items.push(node),
            Items::Map { entries, seen, key, merged } => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => *key = take_key(cx, &node, bytes, seen),
                Key::Given(key, key_bytes) => entries.push(Entry { key, key_bytes, value: node }),
                Key::Merge => merged.push(node),
                Key::Faulty => {}
            },
        }
    }
}

fn take_key(cx: &Context, node: &Node, bytes: Range<usize>, seen: &mut HashMap<String, usize>) -> Key {
    let Value::Scalar { text, plain } = &node.value else {
        cx.error("plan.complex_key", &bytes, format!("a key must be text, found {}", node.described()));
        return Key::Faulty;
    };
    if *plain && text == "<<" {
        return Key::Merge;
    }
    if let Some(first) = seen.get(text) {
        cx.duplicate_key(text, &bytes, *first);
        return Key::Faulty;
    }
    seen.insert(text.clone(), bytes.start);
    Key::Given(text.clone(), bytes)
}
