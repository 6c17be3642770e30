//! Owns the normal form of a catalog: what makes two readings of one schema equal.
//! Must not leave out anything that is part of the schema.

use super::{Catalog, Constraint, ConstraintKind, Table};
use serde::{Deserialize, Serialize};

/// Whether the physical order of a table's columns counts in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Two tables with the same columns in another order differ.
    Kept,
    /// They are equal: a rollout leaves new columns behind the old ones.
    Ignored,
}

/// The catalog without what is not the schema (sizes, the server's version, other schemas, how added
/// columns are stored), and with every list that has no order of its own sorted.
pub(super) fn normal(catalog: &Catalog, order: Order) -> Catalog {
    let mut catalog = catalog.clone();
    catalog.server_version = 0;
    catalog.other_schemas.clear();
    catalog.schema_grants.sort();
    for table in catalog.tables.values_mut() {
        normal_table(table, order);
    }
    for view in catalog.views.values_mut() {
        view.grants.sort();
        view.options.sort();
    }
    for kind in catalog.enums.values_mut() {
        kind.grants.sort();
        kind.used_by.sort();
    }
    for sequence in catalog.sequences.values_mut() {
        sequence.grants.sort();
    }
    catalog
}

fn normal_table(table: &mut Table, order: Order) {
    table.estimate = Default::default();
    for column in &mut table.columns {
        column.has_missing_default = false;
        column.options.sort();
        column.grants.sort();
    }
    if order == Order::Ignored {
        table.columns.sort_by(|a, b| a.name.cmp(&b.name));
    }

    table.constraints.retain(|c| !says_only_not_null(c));
    for constraint in &mut table.constraints {
        // The server lists what a CHECK reads by physical place.
        if constraint.kind == ConstraintKind::Check {
            constraint.columns.sort();
        }
    }
    table.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    for index in &mut table.indexes {
        index.columns.sort();
        index.options.sort();
        index.statistics_targets.sort();
    }
    table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    for trigger in &mut table.triggers {
        trigger.columns.sort();
        trigger.update_of.sort();
    }
    table.triggers.sort_by(|a, b| a.name.cmp(&b.name));
    for policy in &mut table.policies {
        policy.columns.sort();
    }
    table.policies.sort_by(|a, b| a.name.cmp(&b.name));
    for rule in &mut table.rules {
        rule.columns.sort();
    }
    table.rules.sort_by(|a, b| a.name.cmp(&b.name));
    for publication in &mut table.publications {
        if let Some(columns) = &mut publication.columns {
            columns.sort();
        }
    }
    table.publications.sort_by(|a, b| a.name.cmp(&b.name));

    table.grants.sort();
    table.options.sort();
    table.partition_columns.sort();
    table.inherited_by.sort();
    table.dependents.sort();
    table.dependents.dedup();
}

/// PostgreSQL 18 keeps a named constraint for each NOT NULL column. The column's flag says the same, and the
/// name follows neither a renamed column nor an older server; one that is not validated, is not
/// inherited or has a comment says more and stays.
fn says_only_not_null(constraint: &Constraint) -> bool {
    constraint.kind == ConstraintKind::NotNull
        && constraint.validated
        && !constraint.no_inherit
        && constraint.comment.is_none()
}
