//! Owns the way from a file's bytes to a [`Plan`]: size and encoding, then the tree, then its decoding.
//! Must not read files: text in, plan out.

use super::decode::{Context, Fields};
use super::node::{self, Node, Value};
use super::{Operation, Plan, Settings, Text};
use crate::diagnostic::{Diagnostic, Diagnostics, Source, Span};
use crate::ident::Ident;
use std::sync::Arc;

/// The largest plan that is read, in bytes. Who reads files compares their size before reading.
pub const MAX_BYTES: u64 = 1 << 20;

/// The fault of a file of this many bytes, if that is too many to read.
pub fn too_large(name: &str, bytes: u64) -> Option<Diagnostic> {
    (bytes > MAX_BYTES).then(|| {
        Diagnostic::error(
            "plan.too_large",
            format!("{name} has {bytes} bytes; a plan has at most {MAX_BYTES}"),
        )
        .help("is this a plan? Rows do not belong into one; split a long list of operations")
    })
}

/// UTF-8 with or without a byte order mark.
pub fn decode_bytes(name: &str, bytes: Vec<u8>) -> Result<Arc<Source>, Box<Diagnostic>> {
    if let Some(diagnostic) = too_large(name, bytes.len() as u64) {
        return Err(Box::new(diagnostic));
    }
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = match text.strip_prefix('\u{feff}') {
                Some(rest) => rest.to_owned(),
                None => text,
            };
            Ok(Arc::new(Source { name: name.to_owned(), text }))
        }
        Err(error) => {
            let (at, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
            let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            let utf16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
            // The text up to the fault is as in the file, so that the position holds in this one, too.
            let text = String::from_utf8_lossy(bytes).into_owned();
            let source = Arc::new(Source { name: name.to_owned(), text });
            Err(Box::new(
                Diagnostic::error(
                    "plan.not_utf8",
                    format!("the file is not UTF-8: byte {:#04x} at offset {at}, line {line}", bytes[at]),
                )
                .at(Span { source, bytes: at..at + char::REPLACEMENT_CHARACTER.len_utf8() })
                .help(if utf16 {
                    "it looks like UTF-16; save it as UTF-8"
                } else {
                    "save it as UTF-8"
                }),
            ))
        }
    }
}

/// One plan file's text to a plan, with all that is wrong with it at once. There is a plan only where
/// there is no error. `name` is the file's stem.
pub fn parse(name: &str, source: Arc<Source>) -> (Option<Plan>, Diagnostics) {
    let cx = Context::new(source);
    if let Some(diagnostic) = too_large(&cx.source.name, cx.source.text.len() as u64) {
        cx.report(diagnostic);
        return (None, cx.finish());
    }
    let plan = node::read(&cx).and_then(|root| decode(&cx, name, &root));
    if plan.is_none() && cx.is_clean() {
        cx.report(
            Diagnostic::error("plan.empty", "the file is empty")
                .at(cx.span(&(0..0)))
                .help("a plan has at least `operations:` with one operation"),
        );
    }
    let diagnostics = cx.finish();
    (plan.filter(|_| !diagnostics.has_errors()), diagnostics)
}

fn decode(cx: &Context, name: &str, root: &Node) -> Option<Plan> {
    if root.is_null() {
        return None;
    }
    let start = root.bytes.start;
    let mut f = Fields::of(cx, root, "the plan", Some(&(start..start)))?;
    // Where an editor finds the schema of pgroll's files; nothing to us.
    f.historic("$schema");
    if let Some((at, node)) = f.historic("name") {
        // One that says what the file's name says misleads nobody.
        if !matches!(&node.value, Value::Scalar { text, .. } if text == name) {
            cx.report(
                Diagnostic::note("plan.historic", "`name` is ignored: a plan is named after its file")
                    .at(cx.span(at))
                    .help("pgroll dropped it in version 0.13; it can be removed"),
            );
        }
    }
    let description = f.optional_text("description").map(|text| text.value);
    let version_schema = f.optional_name("version_schema").filter(|text| !text.value.is_empty());
    if version_schema.is_none() && !Ident::new(name).is_storable() {
        cx.report(
            Diagnostic::error(
                "plan.invalid_name",
                format!(
                    "the plan's name has {} bytes and so cannot name the version's schema, which has 1 to 63",
                    name.len()
                ),
            )
            .at(cx.span(&(start..start)))
            .help("shorten the file's name, or set `version_schema`"),
        );
    }
    let after = f.optional("after").map(|node| parents(cx, node)).unwrap_or_default();
    let acknowledged = f.several_of("acknowledge", &super::ACKNOWLEDGED);
    let operations = operations(&mut f);
    let settings = Settings::decode(&mut f);
    f.finish();
    Some(Plan {
        name: name.to_owned(),
        source: cx.source.clone(),
        description,
        version_schema,
        after,
        acknowledged,
        operations,
        settings,
    })
}

fn parents(cx: &Context, node: &Node) -> Vec<Text> {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            cx.report(
                Diagnostic::error("plan.invalid_value", "`after` names no plan")
                    .at(cx.span(&node.bytes))
                    .help("leave it out to follow the plan before this one in name order"),
            );
            Vec::new()
        }
        Value::List(items) => items.iter().filter_map(|item| cx.text(item, "a plan in `after`")).collect(),
        _ => cx.text(node, "`after`").into_iter().collect(),
    }
}

fn operations(f: &mut Fields<'_>) -> Vec<Operation> {
    let Some((at, node)) = f.keyed("operations") else {
        f.missing("operations");
        return Vec::new();
    };
    match &node.value {
        Value::List(items) if !items.is_empty() => {
            items.iter().flat_map(|item| Operation::decode(f.cx, item)).collect()
        }
        Value::Scalar { .. } | Value::Map(_) if !node.is_null() => {
            f.cx.report(
                Diagnostic::error(
                    "plan.wrong_type",
                    format!("`operations` must be a list of operations, found {}", node.described()),
                )
                .at(f.cx.span(at))
                .help("begin each operation with `- `"),
            );
            Vec::new()
        }
        _ => {
            f.cx.report(
                Diagnostic::error("plan.no_operations", "the plan has no operations")
                    .at(f.cx.span(at))
                    .help("give at least one, such as `- add_column: …`"),
            );
            Vec::new()
        }
    }
}
