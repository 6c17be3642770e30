//! Owns a table's constraint as `create_table` and `create_constraint` take it, and which of its fields belong to which kind.
//! Must not know a catalog.

use super::Text;
use super::decode::{Context, Fields};
use super::node::Node;
use crate::diagnostic::{Diagnostic, Span, clip};
use std::{collections::HashSet, ops::Range};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableConstraintKind {
    Unique,
    Check,
    PrimaryKey,
    ForeignKey,
    Exclude,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableConstraint {
    pub name: Text,
    pub kind: TableConstraintKind,
    pub columns: Vec<Text>,
    pub check: Option<Text>,
    pub nulls_not_distinct: bool,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub no_inherit: bool,
    pub references: Option<TableReferences>,
    /// index_method, elements, predicate.
    pub exclude: Option<Exclude>,
    pub index_parameters: Option<IndexParameters>,
    pub span: Option<Span>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableReferences {
    pub table: Text,
    pub columns: Vec<Text>,
    pub match_type: String,
    pub on_update: String,
    pub on_delete: String,
    pub on_delete_set_columns: Vec<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Exclude {
    pub index_method: Option<Text>,
    pub elements: Text,
    pub predicate: Option<Text>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexParameters {
    pub tablespace: Option<Text>,
    pub storage_parameters: Option<Text>,
    pub include_columns: Vec<Text>,
}

const KINDS: [(&str, TableConstraintKind); 5] = [
    ("unique", TableConstraintKind::Unique),
    ("check", TableConstraintKind::Check),
    ("primary_key", TableConstraintKind::PrimaryKey),
    ("foreign_key", TableConstraintKind::ForeignKey),
    ("exclude", TableConstraintKind::Exclude),
];

impl TableConstraint {
    pub(crate) fn decode(cx: &Context, node: &Node) -> Option<TableConstraint> {
        let mut f = Fields::of(cx, node, "a constraint of `create_table`", None)?;
        let found = TableConstraint::read(&mut f, &KINDS);
        f.finish();
        found
    }

    /// One for a table that is there, among other fields of its mapping: of any kind but `exclude`, whose
    /// index cannot be built beside the writes.
    pub(crate) fn of_existing(f: &mut Fields<'_>) -> Option<TableConstraint> {
        TableConstraint::read(f, &KINDS[..4])
    }

    fn read(f: &mut Fields<'_>, kinds: &[(&'static str, TableConstraintKind)]) -> Option<TableConstraint> {
        let cx = f.cx;
        let name = f.required_name("name");
        let names: Vec<&'static str> = kinds.iter().map(|(name, _)| *name).collect();
        let kind = f.require("type").then(|| f.one_of("type", &names)).flatten();
        let kind =
            kind.and_then(|found| KINDS.iter().find(|(name, _)| *name == found.value).map(|(_, kind)| *kind));
        let excludes = kinds.iter().any(|(_, kind)| *kind == TableConstraintKind::Exclude);
        let unused = kind.map(|kind| belongs(f, kind, excludes)).unwrap_or_default();
        let columns = f.names("columns");
        let check = f.optional_filled("check");
        let nulls_not_distinct = f.flag("nulls_not_distinct");
        let deferrable = f.flag("deferrable");
        let initially_deferred = f.flag("initially_deferred");
        let no_inherit = f.flag("no_inherit");
        let references = f.keyed("references").and_then(|(at, node)| TableReferences::decode(cx, node, at));
        let exclude = excludes
            .then(|| f.keyed("exclude").and_then(|(at, node)| Exclude::decode(cx, node, at)))
            .flatten();
        let index_parameters =
            f.keyed("index_parameters").and_then(|(at, node)| IndexParameters::decode(cx, node, at));
        if let (Some(TableConstraintKind::ForeignKey), Some(references)) = (kind, &references) {
            foreign_key_fits(f, &columns, references);
        }
        let span = Some(cx.span(&f.at));
        let mut constraint = TableConstraint {
            name: name?,
            kind: kind?,
            columns,
            check,
            nulls_not_distinct,
            deferrable,
            initially_deferred,
            no_inherit,
            references,
            exclude,
            index_parameters,
            span,
        };
        unused.iter().for_each(|key| constraint.leave_out(key));
        Some(constraint)
    }

    fn leave_out(&mut self, key: &str) {
        match key {
            "check" => self.check = None,
            "no_inherit" => self.no_inherit = false,
            "nulls_not_distinct" => self.nulls_not_distinct = false,
            "references" => self.references = None,
            "exclude" => self.exclude = None,
            "index_parameters" => self.index_parameters = None,
            "columns" => self.columns.clear(),
            other => unreachable!("`{other}` is never left out"),
        }
    }
}

/// What the kind needs and what it cannot have. Gives back what it has no use for: pgroll takes that and does
/// nothing with it.
fn belongs(f: &mut Fields<'_>, kind: TableConstraintKind, excludes: bool) -> Vec<&'static str> {
    use TableConstraintKind::*;
    let name = KINDS.iter().find(|(_, k)| *k == kind).map_or("", |(name, _)| name);
    f.what = format!("the {name} constraint");
    let needs: &'static str = match kind {
        Unique | PrimaryKey => "columns",
        Check => "check",
        ForeignKey => "references",
        Exclude => "exclude",
    };
    f.require(needs);
    if kind == ForeignKey {
        f.require("columns");
    }
    // A check that is deferred, or has an index: the file means something that will not be.
    let never: &[&'static str] = match kind {
        Check => &["deferrable", "initially_deferred", "nulls_not_distinct", "index_parameters"],
        _ => &[],
    };
    let unused: &[&'static str] = match kind {
        Unique => &["check", "no_inherit", "references", "exclude"],
        PrimaryKey => &["check", "no_inherit", "references", "exclude", "nulls_not_distinct"],
        Check => &["references", "exclude"],
        ForeignKey => &["check", "no_inherit", "nulls_not_distinct", "exclude", "index_parameters"],
        Exclude => &["check", "no_inherit", "nulls_not_distinct", "references", "columns"],
    };
    let mut found = Vec::new();
    for key in never.iter().chain(unused).copied().filter(|key| excludes || *key != "exclude") {
        let Some((at, _)) = f.keyed(key).filter(|(_, node)| !node.says_nothing()) else { continue };
        let diagnostic = if never.contains(&key) {
            Diagnostic::error("plan.invalid_value", format!("a {name} constraint cannot have `{key}`"))
        } else {
            found.push(key);
            let message = format!("a {name} constraint has no use for `{key}`: it is left out");
            Diagnostic::warning("plan.unused", message)
        };
        f.cx.report(diagnostic.at(f.cx.span(at)).help("remove it"));
    }
    found
}

fn foreign_key_fits(f: &Fields<'_>, columns: &[Text], references: &TableReferences) {
    let (from, to) = (columns.len(), references.columns.len());
    if from != to && from > 0 && to > 0 {
        let message = format!("the foreign key is of {from}, and its `references` of {to} columns");
        f.cx.report(Diagnostic::error("plan.invalid_value", message).at(references.columns[0].span.clone()));
    }
    let known: HashSet<&str> = columns.iter().map(Text::as_str).collect();
    for column in &references.on_delete_set_columns {
        if !known.contains(column.as_str()) {
            let message = format!(
                "`on_delete_set_columns` names `{}`, which is not a column of the foreign key",
                clip(column.as_str())
            );
            f.cx.report(Diagnostic::error("plan.invalid_value", message).at(column.span.clone()));
        }
    }
}

impl TableReferences {
    fn decode(cx: &Context, node: &Node, at: &Range<usize>) -> Option<TableReferences> {
        if node.is_null() {
            return None;
        }
        let mut f = Fields::of(cx, node, "`references`", Some(at))?;
        let table = f.required_name("table");
        f.require("columns");
        let columns = f.names("columns");
        let match_type = f.match_type();
        let on_update = f.action("on_update");
        let on_delete = f.action("on_delete");
        let on_delete_set_columns = f.names("on_delete_set_columns");
        if let Some(first) = on_delete_set_columns.first()
            && !matches!(on_delete.as_str(), "SET NULL" | "SET DEFAULT")
        {
            cx.report(
                Diagnostic::error(
                    "plan.invalid_value",
                    format!("`on_delete_set_columns` does not go with ON DELETE {on_delete}"),
                )
                .at(first.span.clone())
                .help("set `on_delete` to `SET NULL` or `SET DEFAULT`"),
            );
        }
        f.finish();
        Some(TableReferences {
            table: table?,
            columns,
            match_type,
            on_update,
            on_delete,
            on_delete_set_columns,
        })
    }
}

impl Exclude {
    fn decode(cx: &Context, node: &Node, at: &Range<usize>) -> Option<Exclude> {
        if node.is_null() {
            return None;
        }
        let mut f = Fields::of(cx, node, "`exclude`", Some(at))?;
        let index_method = f.optional_filled("index_method");
        let elements = f.required_filled("elements");
        let predicate = f.optional_filled("predicate");
        f.finish();
        Some(Exclude { index_method, elements: elements?, predicate })
    }
}

impl IndexParameters {
    fn decode(cx: &Context, node: &Node, at: &Range<usize>) -> Option<IndexParameters> {
        if node.is_null() {
            return None;
        }
        let mut f = Fields::of(cx, node, "`index_parameters`", Some(at))?;
        let tablespace = f.optional_name("tablespace");
        let storage_parameters = f.optional_filled("storage_parameters");
        let include_columns = f.names("include_columns");
        f.finish();
        Some(IndexParameters { tablespace, storage_parameters, include_columns })
    }
}
