//! Owns exclusion constraints over columns that get a new form. PostgreSQL can neither build one beside writers nor make one of
//! an index that is there, so only a small table's is built, in a moment. Must not decide what else is built.

use super::assemble::{locks, step};
use super::carry::BuiltIndex;
use super::draft::Draft;
use super::program::{Action, Cost, LockMode, Phase, Step, Undo};
use super::shape::Shape;
use crate::catalog::{ConstraintKind, Table, TableKind};
use crate::ident::Ident;

pub const KIND: &str = "EXCLUDE";

/// A megabyte: some ten thousand rows, for which the lock is held some tenths of a second.
const MOST_PAGES: u64 = 128;

/// Whether a table's are built again.
pub fn is_carried(table: &Table) -> bool {
    table.kind == TableKind::Ordinary && table.estimate.pages <= MOST_PAGES
}

/// By the names `hazard` has for them.
pub fn labels(schema: &str, table: &Table) -> Vec<String> {
    let all = table.constraints.iter().filter(|c| c.kind == ConstraintKind::Exclude && is_carried(table));
    all.map(|c| format!("exclusion constraint {} on {schema}.{}", c.name.as_str(), table.name.as_str()))
        .collect()
}

/// What it says of its keys, each with what it is compared by.
pub fn head(method: &Ident, keys: &[String], operators: &[String]) -> String {
    let each = keys.iter().zip(operators).map(|(key, operator)| format!("{key} WITH {operator}"));
    format!(" USING {method} ({})", each.collect::<Vec<_>>().join(", "))
}

/// Before the old columns go: with what an expression or a predicate of it reads, it does not go by itself.
pub fn drops(draft: &Draft<'_>, number: usize) -> Vec<String> {
    let table = &draft.tables[number];
    let Some(source) = table.source else { return Vec::new() };
    let replaced = |name: &Ident| table.column_of(name).is_some_and(|column| column.is_replaced());
    let carried = source.constraints.iter().filter(|constraint| {
        let index = source.indexes.iter().find(|index| Some(&index.name) == constraint.index.as_ref());
        constraint.kind == ConstraintKind::Exclude
            && !table.dropped_constraints.contains(&constraint.name)
            && index.is_some_and(|index| index.columns.iter().any(replaced))
    });
    let on = draft.qualified(number);
    carried.map(|constraint| format!("ALTER TABLE {on} DROP CONSTRAINT {}", constraint.name)).collect()
}

pub fn build(draft: &Draft<'_>, shape: &Shape<'_>, index: &BuiltIndex) -> Option<Step> {
    let (_, deferral, _) = index.constraint.as_ref().filter(|(kind, ..)| *kind == KIND)?;
    let (on, name, words) = (&shape.name, &index.name, &index.words);
    let held = || locks([(on.clone(), LockMode::AccessExclusive)]);
    let shown = draft.tables[shape.number].logical().as_str();
    let drop = format!("ALTER TABLE {on} DROP CONSTRAINT IF EXISTS {name}");
    Some(step(
        format!("build exclusion constraint {} on {shown}", index.last_name.as_str()),
        Phase::Backfill,
        Action::Ddl {
            statements: vec![format!("ALTER TABLE {on} ADD CONSTRAINT {name} {KIND}{words}{deferral}")],
        },
        held(),
        Cost::Scan,
        Undo::Ddl { statements: vec![drop], locks: held() },
    ))
}
