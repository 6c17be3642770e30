//! Owns `partition_table`: whether a plain table can become a partitioned one, and what that one is. Must not order steps
//! (`partitioning`) nor write the triggers that keep the copy in step (`mirror`).

use crate::catalog::{Catalog, Constraint, ConstraintKind, Index, Table, TableKind, View};
use crate::compile::carry::{BuiltIndex, index_as_it_is};
use crate::compile::draft::Draft;
use crate::compile::objects;
use crate::compile::partitioning::{Partition, Partitioning, RenamedKey};
use crate::diagnostic::Span;
use crate::ident::{Ident, QualifiedName, list, literal};
use crate::plan::{NewBound, NewPartition, PartitionBy, PartitionTable, Text};
use std::collections::BTreeSet;

const ALONE: &str = "put it into a plan of its own";

pub fn apply(draft: &mut Draft<'_>, op: &PartitionTable, span: &Option<Span>) {
    let Some(table) = draft.changeable(&op.table, "partition") else { return };
    let shown = op.table.as_str().to_owned();
    let Some(source) = draft.tables[table].source else {
        let help = "an `sql` operation can make a table that is partitioned from the start";
        let message = format!("partition_table {shown}: this plan creates the table");
        draft.error_help("compile.created", message, &op.table.span, help);
        return;
    };
    if draft.partitionings.iter().any(|other| other.table == table) {
        draft.error("compile.partitioned_twice", format!("`{shown}` is partitioned already"), &op.table.span);
        return;
    }
    if source.kind == TableKind::Partitioned {
        let message = format!("cannot partition `{shown}`: it is partitioned already");
        draft.error("compile.table_kind", message, &op.table.span);
        return;
    }
    let before = draft.diagnostics.0.len();
    let columns = columns(draft, op, source);
    let views = refusals(draft, op, source);
    let key = primary_key(draft, op, source, &columns);
    let partitions = partitions(draft, op, source, columns.len());
    if draft.diagnostics.0[before..].iter().any(|d| d.severity == crate::diagnostic::Severity::Error) {
        return;
    }
    let Some((own_key, key, primary)) = key else { return };
    warn_of_moves(draft, op, &columns);
    let (keys, indexes) = rest(draft, table, source, primary);
    let parent = draft.names.hidden(&source.name, "_segue_new_");
    let early_key = (own_key.len() < key.len()).then(|| draft.names.hidden(&source.name, "_segue_key_"));
    let strategy = match op.by {
        PartitionBy::Range => "RANGE",
        PartitionBy::List => "LIST",
        PartitionBy::Hash => "HASH",
    };
    draft.tables[table].span = op.table.span.clone();
    draft.partitionings.push(Partitioning {
        table,
        source,
        parent: QualifiedName::new(&draft.catalog.schema, &parent),
        by: format!("{strategy} ({})", list(&columns)),
        own_key,
        key,
        early_key,
        keys,
        indexes,
        partitions,
        views,
        span: span.clone(),
    });
}

/// The partition key, of the table's columns.
fn columns(draft: &mut Draft<'_>, op: &PartitionTable, source: &Table) -> Vec<Ident> {
    let mut columns: Vec<Ident> = Vec::new();
    for name in &op.columns {
        let ident = Ident::new(name.as_str());
        let table = draft.tables.iter().position(|t| t.source.is_some_and(|s| s.name == source.name));
        let Some(at) = draft.column(table.expect("the table was found"), name) else { continue };
        if columns.contains(&ident) {
            let message =
                format!("partition_table {}: `{}` is named twice", op.table.as_str(), name.as_str());
            draft.error("compile.partition_key", message, &name.span);
            continue;
        }
        let column = &source.columns[at];
        if column.generated.is_some() {
            let message = format!(
                "partition_table {}: `{}` is a generated column, which cannot tell the partition",
                op.table.as_str(),
                name.as_str()
            );
            draft.error("compile.partition_key", message, &name.span);
        } else if !column.not_null {
            let message = format!(
                "partition_table {}: `{}` may be NULL, and would be part of the primary key",
                op.table.as_str(),
                name.as_str()
            );
            let help = "make it NOT NULL in a plan before: `alter_column` with `nullable: false`";
            draft.error_help("compile.partition_key", message, &name.span, help);
        }
        columns.push(ident);
    }
    columns
}

/// What a partitioned table cannot have, or cannot be given without a lock for long: all of it, each by name. The views that
/// are made again.
fn refusals<'a>(draft: &mut Draft<'a>, op: &PartitionTable, source: &Table) -> Vec<&'a View> {
    let mut against: Vec<String> = Vec::new();
    for constraint in &source.constraints {
        let name = constraint.name.as_str();
        if constraint.kind == ConstraintKind::Exclude {
            against.push(format!("exclusion constraint {name}"));
        } else if !constraint.validated {
            against.push(format!("{name}, which is not validated"));
        } else if constraint.no_inherit && constraint.kind == ConstraintKind::Check {
            against.push(format!("{name}, which is NO INHERIT"));
        }
    }
    against.extend(source.rules.iter().map(|rule| format!("rule {}", rule.name.as_str())));
    let sees_rows_at_once = |definition: &str| definition.contains(" REFERENCING ");
    let triggers =
        source.triggers.iter().filter(|trigger| trigger.row && sees_rows_at_once(&trigger.definition));
    against
        .extend(triggers.map(|trigger| format!("trigger {} with a transition table", trigger.name.as_str())));
    let publications: BTreeSet<&Ident> =
        source.publications.iter().map(|publication| &publication.name).collect();
    against
        .extend(publications.into_iter().map(|publication| format!("publication {}", publication.as_str())));
    let of_statistics = |object: &&str| object.starts_with("statistics ");
    let dependents: BTreeSet<&str> =
        source.dependents.iter().map(|dependent| dependent.object.as_str()).collect();
    // Its own generated columns come with it.
    let own_column = |object: &&str| object.starts_with("generated column ");
    let catalog = draft.catalog;
    let labelled = |name: &Ident| dependents.iter().any(|label| is_view(catalog, name, label));
    let reading: BTreeSet<&Ident> = catalog.views.keys().filter(|name| labelled(name)).collect();
    let views = objects::with_readers(catalog, &reading);
    let carried = |object: &&str| reading.iter().any(|name| is_view(catalog, name, object));
    against.extend(
        dependents
            .iter()
            .filter(|d| !of_statistics(d) && !own_column(d) && !carried(d))
            .map(|dependent| (*dependent).to_owned()),
    );
    let held = views.iter().flat_map(|view| view.held_by.iter().map(move |by| (view, by)));
    against.extend(held.map(|(view, by)| format!("view {} ({by})", view.name.as_str())));
    if source.force_row_security {
        against.push("FORCE ROW LEVEL SECURITY".to_owned());
    }
    if source.persistence == 'u' {
        against.push("UNLOGGED".to_owned());
    }
    if source.replica_identity == 'i' {
        against.push("REPLICA IDENTITY USING INDEX".to_owned());
    }
    if !against.is_empty() {
        let message = format!("cannot partition `{}`, because of: {}", op.table.as_str(), against.join(", "));
        let help = "drop or change these before, and make them again once the plan is completed";
        draft.error_help("compile.dependents", message, &op.table.span, help);
    }
    views
}

/// Whether this is what a view of the schema is called among what depends on a table.
fn is_view(catalog: &Catalog, name: &Ident, label: &str) -> bool {
    // The server quotes a name where it has to.
    let both = |name: &Ident| [name.as_str().to_owned(), name.to_string()];
    both(&catalog.schema)
        .iter()
        .any(|schema| both(name).iter().any(|name| label == format!("view {schema}.{name}")))
}

/// The table's own key, that of the partitioned table, and how the constraint is made.
fn primary_key(
    draft: &mut Draft<'_>,
    op: &PartitionTable,
    source: &Table,
    columns: &[Ident],
) -> Option<(Vec<Ident>, Vec<Ident>, RenamedKey)> {
    let shown = op.table.as_str();
    let Some(constraint) = source.primary_key() else {
        let message =
            format!("cannot partition `{shown}`: it has no primary key, by which a row is found in the copy");
        draft.error_help("compile.no_key", message, &op.table.span, "add one in a plan before");
        return None;
    };
    if constraint.deferrable {
        let message = format!(
            "cannot partition `{shown}`: its primary key is DEFERRABLE, so no row can be found by it at once"
        );
        draft.error("compile.no_key", message, &op.table.span);
        return None;
    }
    let missing: Vec<Ident> =
        columns.iter().filter(|column| !constraint.columns.contains(column)).cloned().collect();
    let key: Vec<Ident> = constraint.columns.iter().chain(&missing).cloned().collect();
    if !missing.is_empty() {
        let message = format!(
            "the primary key of `{shown}` becomes ({}): from the contract on ({}) alone is not kept unique",
            shown_list(&key),
            shown_list(&constraint.columns)
        );
        let help = format!(
            "a partitioned table can only keep unique what holds its partition key; ON CONFLICT ({}) has to become \
             ON CONFLICT ({}), which works from `ready` on",
            shown_list(&constraint.columns),
            shown_list(&key)
        );
        draft.warn("compile.key_extended", message, &op.table.span, help);
    }
    let index = source.indexes.iter().find(|index| Some(&index.name) == constraint.index.as_ref());
    let include: Vec<Ident> = index
        .map(|index| index.include.iter().filter(|column| !key.contains(column)).cloned().collect())
        .unwrap_or_default();
    let mut definition = format!("PRIMARY KEY ({})", list(&key));
    if !include.is_empty() {
        definition.push_str(&format!(" INCLUDE ({})", list(&include)));
    }
    let renamed = renamed(draft, constraint, definition);
    Some((constraint.columns.clone(), key, renamed))
}

/// No fault of the plan, but what applications have not met before.
fn warn_of_moves(draft: &mut Draft<'_>, op: &PartitionTable, columns: &[Ident]) {
    let message = format!(
        "from the contract on, an UPDATE of `{}` that changes ({}) may move the row to another partition: what else writes \
         that row at the same moment fails with 40001, also in READ COMMITTED",
        op.table.as_str(),
        shown_list(columns)
    );
    let help = "so it is with every partitioned table of PostgreSQL: an application that changes these columns has to try \
                again what fails with 40001";
    draft.warn("compile.rows_move", message, &op.table.span, help);
}

fn shown_list(columns: &[Ident]) -> String {
    columns.iter().map(Ident::as_str).collect::<Vec<_>>().join(", ")
}

fn renamed(draft: &mut Draft<'_>, constraint: &Constraint, definition: String) -> RenamedKey {
    RenamedKey {
        now: draft.names.hidden(&constraint.name, "_segue_new_"),
        last: constraint.name.clone(),
        definition,
        comment: constraint.comment.clone(),
    }
}

/// Unique constraints and indexes, as they are. Refuses what cannot be unique over partitions.
fn rest(
    draft: &mut Draft<'_>,
    table: usize,
    source: &Table,
    primary: RenamedKey,
) -> (Vec<RenamedKey>, Vec<BuiltIndex>) {
    let mut keys = vec![primary];
    let mut indexes = Vec::new();
    for index in &source.indexes {
        let constraint = source.constraints.iter().find(|c| c.index.as_ref() == Some(&index.name));
        match constraint.map(|c| (c.kind, c)) {
            Some((ConstraintKind::Unique, constraint)) => {
                let key = renamed(draft, constraint, constraint.definition.clone());
                keys.push(key);
            }
            Some(_) => {}
            None => indexes.extend(index_as_it_is(draft, table, source, index)),
        }
    }
    (keys, indexes)
}

/// Whether an index can be unique over partitions by these columns.
fn can_be_unique(index: &Index, columns: &[Ident]) -> bool {
    let keys: Vec<&Ident> = index.keys.iter().filter_map(|key| key.column.as_ref()).collect();
    columns.iter().all(|column| keys.contains(&column))
}

fn partitions(draft: &mut Draft<'_>, op: &PartitionTable, source: &Table, width: usize) -> Vec<Partition> {
    let columns: Vec<Ident> = op.columns.iter().map(|column| Ident::new(column.as_str())).collect();
    for index in source.indexes.iter().filter(|index| index.unique) {
        let is_primary = source.primary_key().is_some_and(|key| key.index.as_ref() == Some(&index.name));
        if !is_primary && !can_be_unique(index, &columns) {
            let message = format!(
                "cannot partition `{}` by ({}): {} could not be kept unique over partitions",
                op.table.as_str(),
                shown_list(&columns),
                index.name.as_str()
            );
            let help = "drop it before, or partition by columns that it holds";
            draft.error_help("compile.partition_key", message, &op.table.span, help);
        }
    }
    let mut all = Vec::new();
    if let Some(modulus) = &op.modulus {
        for remainder in 0..modulus.value {
            let name =
                Text { value: ended(&source.name, &format!("_{remainder}")), span: op.table.span.clone() };
            let bound = format!("FOR VALUES WITH (MODULUS {}, REMAINDER {remainder})", modulus.value);
            all.extend(partition(draft, &name, bound, &modulus.span));
        }
        return all;
    }
    for new in &op.partitions {
        let Some(bound) = bound(draft, op, new, width) else { continue };
        all.extend(partition(draft, &new.name, bound, &new.span));
    }
    let default = op
        .default
        .clone()
        .unwrap_or_else(|| Text { value: ended(&source.name, "_default"), span: op.table.span.clone() });
    // Without it a row that no partition is for would be an error in an application.
    all.extend(partition(draft, &default, "DEFAULT".to_owned(), &default.span.clone()));
    all
}

/// The table's name, as far as there is room before the end.
fn ended(table: &Ident, end: &str) -> String {
    let mut start = table.as_str();
    while start.len() + end.len() > crate::ident::MAX_BYTES {
        let mut shorter = start.len() - 1;
        while !start.is_char_boundary(shorter) {
            shorter -= 1;
        }
        start = &start[..shorter];
    }
    format!("{start}{end}")
}

fn partition(draft: &mut Draft<'_>, name: &Text, bound: String, span: &Option<Span>) -> Option<Partition> {
    let ident = draft.relation_name(name, "partition")?;
    draft.names.take(&ident);
    Some(Partition { name: QualifiedName::new(&draft.catalog.schema, &ident), bound, span: span.clone() })
}

fn bound(draft: &mut Draft<'_>, op: &PartitionTable, new: &NewPartition, width: usize) -> Option<String> {
    let text = |value: &Text| literal(value.as_str());
    match &new.bound {
        NewBound::List(values) => {
            let values: Vec<String> =
                values.iter().map(|value| value.as_ref().map_or_else(|| "NULL".to_owned(), text)).collect();
            Some(format!("FOR VALUES IN ({})", values.join(", ")))
        }
        NewBound::Range { from, to } => {
            if let Some(side) = [from, to].into_iter().find(|side| !side.is_empty() && side.len() != width) {
                let message = format!(
                    "partition_table {}: `{}` has a bound of {} values, and the partition key has {width} columns",
                    op.table.as_str(),
                    new.name.as_str(),
                    side.len()
                );
                draft.error("compile.partition_bound", message, &side[0].span);
                return None;
            }
            let side = |values: &Vec<Text>, open: &str| match values.is_empty() {
                true => vec![open.to_owned(); width].join(", "),
                false => values.iter().map(text).collect::<Vec<_>>().join(", "),
            };
            Some(format!("FOR VALUES FROM ({}) TO ({})", side(from, "MINVALUE"), side(to, "MAXVALUE")))
        }
    }
}

/// Other operations see the table as it is, and it is another one in the end.
pub fn check_alone(draft: &mut Draft<'_>, operations: &[crate::plan::Operation]) {
    if draft.partitionings.is_empty() {
        return;
    }
    for operation in operations {
        if !matches!(operation.kind, crate::plan::OperationKind::PartitionTable(_)) {
            let message = format!("`{}` stands with a `partition_table`", operation.kind.name());
            draft.error_help("compile.partition_alone", message, &operation.span, ALONE);
        }
    }
}
