//! Owns what no operation names and what follows a column's new form nonetheless, because it is outside of its table: views that
//! read it and foreign keys that point at it. Must not make it again (`objects`, `carry`, `contract`).

use super::draft::{Draft, DraftColumn};
use crate::catalog::{ForeignKey, Table, TableKind};
use crate::ident::Ident;
use std::collections::BTreeSet;

/// Views of the schema that the plan does not name and that read a column which gets a new form. They are made again as they
/// are, so what they read must be called as it was.
pub fn views(draft: &Draft<'_>) -> BTreeSet<Ident> {
    let named: BTreeSet<&Ident> = draft.replaced_views().collect();
    let views = draft.catalog.views.keys().filter(|view| !named.contains(view));
    let reads = |view: &&Ident| {
        let labels = draft.view_labels(view);
        let (mut replaced, mut alike) = (false, true);
        for table in &draft.tables {
            let dependents = table.source.into_iter().flat_map(|source| &source.dependents);
            for read in dependents.filter(|dependent| labels.contains(&dependent.object)) {
                let column = table.column_of(&read.column);
                replaced |= column.is_some_and(DraftColumn::is_replaced);
                alike &= table.shown.as_ref() == Some(&table.physical)
                    && column.is_some_and(|column| column.new.is_some() && column.name == read.column);
            }
        }
        replaced && alike
    };
    views.filter(reads).cloned().collect()
}

/// Notes which columns' new forms take with them the foreign keys that point at them, and the tables that have those.
pub fn foreign_keys(draft: &mut Draft<'_>) {
    for table in 0..draft.tables.len() {
        for column in 0..draft.tables[table].columns.len() {
            let followed = is_followed(draft, table, column);
            draft.tables[table].columns[column].followed = followed;
        }
    }
    for table in 0..draft.tables.len() {
        let of = &draft.tables[table];
        let source = of.source.filter(|_| of.shown.is_some());
        let points = source.is_some_and(|source| source.constraints.iter().any(|c| draft.is_retargeted(c)));
        draft.tables[table].retargeted = points;
    }
}

fn is_followed(draft: &Draft<'_>, number: usize, column: usize) -> bool {
    let table = &draft.tables[number];
    let column = &table.columns[column];
    let Some((source, old)) = table.source.zip(column.old()).filter(|_| column.is_replaced()) else {
        return false;
    };
    // A foreign key needs one key throughout, and a partitioned table's primary key is another one from the contract on.
    let in_key = source.primary_key().is_some_and(|key| key.columns.contains(old));
    if in_key && source.kind == TableKind::Partitioned {
        return false;
    }
    let shown = draft.tables.iter().filter(|other| other.shown.is_some());
    let constraints = shown.filter_map(|other| other.source).flat_map(|other| &other.constraints);
    let mut pointing = constraints
        .filter(|key| key.parent.is_none())
        .filter_map(|key| key.foreign.as_ref())
        .filter(|foreign| foreign.schema == draft.catalog.schema && foreign.table == source.name)
        .filter(|foreign| foreign.columns.contains(old))
        .peekable();
    pointing.peek().is_some() && pointing.all(|foreign| keeps_key(draft, number, source, foreign))
}

/// Whether what makes the rows differ that a foreign key points at is there in the new form as well.
fn keeps_key(draft: &Draft<'_>, number: usize, source: &Table, foreign: &ForeignKey) -> bool {
    let table = &draft.tables[number];
    let wanted: BTreeSet<&Ident> = foreign.columns.iter().collect();
    source.indexes.iter().any(|index| {
        let keys: Option<BTreeSet<&Ident>> = index.keys.iter().map(|key| key.column.as_ref()).collect();
        let dropped = index.constraint.as_ref().is_some_and(|name| table.dropped_constraints.contains(name))
            || draft.dropped_indexes.iter().any(|gone| gone.table == number && gone.name == index.name);
        index.unique && index.valid && index.predicate.is_none() && !dropped && keys.as_ref() == Some(&wanted)
    })
}
