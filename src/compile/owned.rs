//! Owns what of the present schema a plan changes, so that a role which may not is told before anything starts. Must not
//! decide who may.

use super::draft::{Draft, Object};
use super::enums;
use super::objects::Objects;
use super::program::Owned;
use crate::ident::{Ident, QualifiedName};

pub fn owned(draft: &Draft<'_>, objects: Option<&Objects>) -> Owned {
    let schema = &draft.catalog.schema;
    let in_schema = |name: &Ident| QualifiedName::new(schema, name);
    let changed = draft.tables.iter().filter(|table| table.source.is_some() && table.has_work());
    let mut relations: Vec<QualifiedName> = changed.map(|table| in_schema(&table.physical)).collect();
    for one in &draft.partitionings {
        relations.push(in_schema(&one.source.name));
        relations.extend(one.views.iter().map(|view| in_schema(&view.name)));
    }
    relations.extend(objects.iter().flat_map(|objects| &objects.views).map(in_schema));
    relations.sort();
    relations.dedup();
    let dropped = draft.objects.iter().filter_map(|object| match object {
        Object::DroppedFunction { name, arguments, .. } => Some(format!("{}({arguments})", in_schema(name))),
        _ => None,
    });
    let types = enums::changed(draft);
    // A table that the plan makes is its maker's, with its sequences.
    let there = || draft.tables.iter().filter(|table| table.source.is_some());
    let sequences = || there().flat_map(|table| &table.columns).any(|column| column.serial.is_some());
    let views = || objects.is_some_and(|objects| !objects.views.is_empty());
    let hands_over = !draft.partitionings.is_empty() || !types.is_empty() || views() || sequences();
    Owned { relations, routines: dropped.collect(), types, hands_over }
}
