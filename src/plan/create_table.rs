//! Owns the fields of `create_table` and what can be known of it from the file alone.
//! Must not know a catalog.

use super::decode::{Context, Fields};
use super::node::Value;
use super::{ColumnDef, TableConstraint, TableConstraintKind, Text};
use crate::diagnostic::{Diagnostic, clip};
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    pub name: Text,
    pub comment: Option<Text>,
    pub columns: Vec<ColumnDef>,
    pub constraints: Vec<TableConstraint>,
}

impl CreateTable {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<CreateTable> {
        let cx = f.cx;
        let name = f.required_name("name");
        let comment = f.optional_text("comment");
        // None at all is a table to PostgreSQL, where the file says so.
        let none = f
            .optional("columns")
            .is_some_and(|node| matches!(&node.value, Value::List(items) if items.is_empty()));
        let items = if none || f.require("columns") { f.optional_list("columns") } else { None };
        let columns: Vec<ColumnDef> = items
            .unwrap_or_default()
            .iter()
            .filter_map(|item| ColumnDef::decode(cx, item, "a column of `create_table`", None))
            .collect();
        let constraints: Vec<TableConstraint> = f
            .optional_list("constraints")
            .unwrap_or_default()
            .iter()
            .filter_map(|item| TableConstraint::decode(cx, item))
            .collect();
        f.finish();
        unique_names(cx, "column", columns.iter().map(|column| &column.name));
        let on_columns = columns.iter().flat_map(|column| {
            let check = column.check.as_ref().map(|check| &check.name);
            check.into_iter().chain(column.references.as_ref().map(|references| &references.name))
        });
        unique_names(cx, "constraint", on_columns.chain(constraints.iter().map(|c| &c.name)));
        one_primary_key(cx, &columns, &constraints);
        Some(CreateTable { name: name?, comment, columns, constraints })
    }
}

fn unique_names<'a>(cx: &Context, kind: &str, names: impl Iterator<Item = &'a Text>) {
    let mut seen: HashMap<&str, &Text> = HashMap::new();
    for name in names {
        let Some(first) = seen.insert(name.as_str(), name).filter(|_| !cx.is_full()) else { continue };
        let line = first.span.as_ref().map_or(0, |span| span.line_column().0);
        cx.report(
            Diagnostic::error(
                "plan.duplicate_name",
                format!("the table has two {kind}s of the name `{}`", clip(name.as_str())),
            )
            .at(name.span.clone())
            .help(format!("the other is on line {line}")),
        );
    }
}

fn one_primary_key(cx: &Context, columns: &[ColumnDef], constraints: &[TableConstraint]) {
    let on_columns = columns.iter().any(|column| column.pk);
    let keys = constraints.iter().filter(|c| c.kind == TableConstraintKind::PrimaryKey);
    for key in keys.skip(usize::from(!on_columns)) {
        let message = if on_columns {
            "the table already has a primary key through `pk` of its columns"
        } else {
            "the table already has a primary key"
        };
        cx.report(
            Diagnostic::error("plan.invalid_value", message)
                .at(key.name.span.clone())
                .help("give the primary key in one place"),
        );
    }
}
