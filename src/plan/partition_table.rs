//! Owns the fields of `partition_table`. Must not know a catalog.

use super::decode::{Context, Fields};
use super::node::{Node, Value};
use super::{Spanned, Text};
use crate::diagnostic::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionBy {
    Range,
    List,
    Hash,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionTable {
    pub table: Text,
    pub by: PartitionBy,
    pub columns: Vec<Text>,
    /// None of them by hash.
    pub partitions: Vec<NewPartition>,
    /// What the partition of all other rows is called; by range and list there always is one.
    pub default: Option<Text>,
    /// Into how many partitions; by hash only.
    pub modulus: Option<Spanned<u64>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewPartition {
    pub name: Text,
    pub bound: NewBound,
    pub span: Option<Span>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NewBound {
    /// A value for each column, `from` included and `to` not; none: unbounded on that side.
    Range { from: Vec<Text>, to: Vec<Text> },
    /// `None` is NULL.
    List(Vec<Option<Text>>),
}

/// More than this no server plans well; PostgreSQL itself sets no limit.
const MOST: u64 = 1024;

impl PartitionTable {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<PartitionTable> {
        let cx = f.cx;
        let table = f.required_name("table");
        let by = f.require("by").then(|| f.one_of("by", &["range", "list", "hash"])).flatten();
        let columns = if f.require("columns") { f.names("columns") } else { Vec::new() };
        let by = by.map(|by| match by.value {
            "range" => PartitionBy::Range,
            "list" => PartitionBy::List,
            _ => PartitionBy::Hash,
        });
        let (mut partitions, mut default, mut modulus) = (Vec::new(), None, None);
        match by {
            Some(PartitionBy::Hash) => {
                modulus = f.required("modulus").and_then(|node| {
                    let number = cx.whole_number(node, "`modulus` of `partition_table`")?;
                    if (2..=MOST).contains(&number.value) {
                        return Some(number);
                    }
                    let message =
                        format!("`modulus` of `partition_table` is {}; it can be 2 to {MOST}", number.value);
                    cx.error("plan.invalid_value", &node.bytes, message);
                    None
                });
            }
            Some(by) => {
                if f.require("partitions") {
                    let items = f.optional_list("partitions").unwrap_or_default();
                    partitions = items.iter().filter_map(|item| NewPartition::decode(cx, item, by)).collect();
                }
                default = f.optional_name("default");
            }
            // What it may have is not known; that it has a wrong `by` is.
            None => return None,
        }
        f.finish();
        Some(PartitionTable { table: table?, by: by?, columns, partitions, default, modulus })
    }
}

impl NewPartition {
    fn decode(cx: &Context, node: &Node, by: PartitionBy) -> Option<NewPartition> {
        let mut f = Fields::of(cx, node, "a partition of `partition_table`", None)?;
        let name = f.required_name("name");
        let bound = match by {
            PartitionBy::List => {
                let values = f.required("values").map(|node| match &node.value {
                    Value::List(items) => items.iter().map(|item| value(cx, item)).collect(),
                    _ => vec![value(cx, node)],
                });
                let values = values.unwrap_or_default();
                if values.iter().any(Option::is_none) {
                    return None;
                }
                NewBound::List(values.into_iter().flatten().collect())
            }
            _ => {
                let (from, to) = (f.optional("from"), f.optional("to"));
                if from.is_none() && to.is_none() {
                    f.missing("from` or `to");
                }
                NewBound::Range { from: side(cx, from, "from"), to: side(cx, to, "to") }
            }
        };
        f.finish();
        Some(NewPartition { name: name?, bound, span: Some(cx.span(&node.bytes)) })
    }
}

/// Of a list's partition; `Some(None)` is NULL.
fn value(cx: &Context, node: &Node) -> Option<Option<Text>> {
    if node.is_null() {
        return Some(None);
    }
    cx.text(node, "a value of a partition").map(Some)
}

fn side(cx: &Context, node: Option<&Node>, key: &str) -> Vec<Text> {
    let what = format!("`{key}` of a partition");
    match node.map(|node| (&node.value, node)) {
        Some((Value::List(items), _)) => items.iter().filter_map(|item| cx.text(item, &what)).collect(),
        Some((_, node)) => cx.text(node, &what).into_iter().collect(),
        None => Vec::new(),
    }
}
