//! Owns the fields of `create_index`, columns in each of the three shapes pgroll has had.
//! Must not know a catalog.

use super::decode::{Context, Fields};
use super::node::{Node, Value};
use super::{Spanned, Text};
use crate::diagnostic::Span;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateIndex {
    pub table: Text,
    pub name: Text,
    /// All of pgroll's three shapes end here.
    pub columns: Vec<IndexColumn>,
    pub unique: bool,
    /// Lower case; default `btree`.
    pub method: Option<Text>,
    pub predicate: Option<Text>,
    pub storage_parameters: Option<Text>,
    /// Columns that it holds beside its keys. From here on what pgroll has not.
    pub include: Vec<Text>,
    pub nulls_not_distinct: bool,
    pub tablespace: Option<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum IndexKey {
    Column(Text),
    Expression(Text),
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexColumn {
    pub key: IndexKey,
    pub collate: Option<Text>,
    pub descending: Option<bool>,
    pub nulls_first: Option<bool>,
    /// Operator class and its parameters (`name = value`).
    pub opclass: Option<(Text, Vec<Text>)>,
    pub span: Option<Span>,
}

impl CreateIndex {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<CreateIndex> {
        let cx = f.cx;
        let table = f.required_name("table");
        let name = f.required_name("name");
        let columns = match f.required("columns").map(|node| (&node.value, node)) {
            // Since 0.16 objects; up to 0.9 names. Each item may be either.
            Some((Value::List(items), node)) if items.is_empty() => no_columns(cx, node),
            Some((Value::List(items), _)) => {
                items.iter().filter_map(|item| IndexColumn::from_item(cx, item)).collect()
            }
            // 0.10 to 0.15: a mapping from the name.
            Some((Value::Map(entries), node)) if entries.is_empty() => no_columns(cx, node),
            Some((Value::Map(entries), _)) => entries
                .iter()
                .filter_map(|entry| {
                    let key = Text { value: entry.key.clone(), span: Some(cx.span(&entry.key_bytes)) };
                    cx.check_name(&key, "a column of `create_index`").then_some(())?;
                    IndexColumn::from_fields(cx, &entry.value, Some(key), Some(&entry.key_bytes))
                })
                .collect(),
            Some((_, node)) => {
                cx.wrong_type(node, "`columns` of `create_index`", "a list");
                Vec::new()
            }
            None => Vec::new(),
        };
        let unique = f.flag("unique");
        let method = f.one_of("method", &["btree", "hash", "gist", "spgist", "gin", "brin"]);
        let predicate = f.optional_filled("predicate");
        let storage_parameters = f.optional_filled("storage_parameters");
        let include = f.names("include");
        let nulls_not_distinct = f.flag("nulls_not_distinct");
        let tablespace = f.optional_name("tablespace");
        f.finish();
        Some(CreateIndex {
            table: table?,
            name: name?,
            columns,
            unique,
            method: method.map(|method| Spanned { value: method.value.to_owned(), span: method.span }),
            predicate,
            storage_parameters,
            include,
            nulls_not_distinct,
            tablespace,
        })
    }
}

fn no_columns(cx: &Context, node: &Node) -> Vec<IndexColumn> {
    cx.error("plan.missing_field", &node.bytes, "an index needs at least one column");
    Vec::new()
}

impl IndexColumn {
    fn from_item(cx: &Context, item: &Node) -> Option<IndexColumn> {
        if matches!(item.value, Value::Map(_)) {
            return IndexColumn::from_fields(cx, item, None, None);
        }
        let column = cx.name(item, "a column of `create_index`")?;
        let span = column.span.clone();
        let key = IndexKey::Column(column);
        Some(IndexColumn { key, collate: None, descending: None, nulls_first: None, opclass: None, span })
    }

    /// `name` where the column is the key of these fields rather than one of them.
    fn from_fields(
        cx: &Context,
        node: &Node,
        name: Option<Text>,
        at: Option<&Range<usize>>,
    ) -> Option<IndexColumn> {
        let mut f = Fields::of(cx, node, "a column of `create_index`", at)?;
        let key = match name {
            Some(name) => Some(IndexKey::Column(name)),
            None => IndexKey::decode(&mut f),
        };
        let collate = f.optional_filled("collate");
        let sort = f.one_of("sort", &["ASC", "DESC"]);
        let nulls = f.one_of("nulls", &["FIRST", "LAST"]);
        let opclass = f.keyed("opclass").filter(|(_, node)| !node.is_null()).and_then(|(at, node)| {
            let mut f = Fields::of(cx, node, "`opclass`", Some(at))?;
            let name = f.required_filled("name");
            let what = "a parameter of `opclass`";
            let params = f.optional_list("params").unwrap_or_default();
            let params = params.iter().filter_map(|item| cx.text(item, what)).collect();
            f.finish();
            Some((name?, params))
        });
        let span = Some(cx.span(&f.at));
        f.finish();
        Some(IndexColumn {
            key: key?,
            collate,
            descending: sort.map(|sort| sort.value == "DESC"),
            nulls_first: nulls.map(|nulls| nulls.value == "FIRST"),
            opclass,
            span,
        })
    }
}

impl IndexKey {
    /// `column` or `expression`.
    fn decode(f: &mut Fields<'_>) -> Option<IndexKey> {
        let expression = f.optional_filled("expression");
        match (f.optional("column").is_some(), expression) {
            (true, Some(expression)) => {
                let message = "a key of an index is a `column` or an `expression`, not both";
                let fault = crate::diagnostic::Diagnostic::error("plan.invalid_value", message);
                f.cx.report(fault.at(expression.span).help("make two keys of them"));
                None
            }
            (false, Some(expression)) => Some(IndexKey::Expression(expression)),
            (_, None) => f.required_name("column").map(IndexKey::Column),
        }
    }
}
