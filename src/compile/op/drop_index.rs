//! Owns `drop_index`: the old version keeps its index until the contract.

use crate::catalog::{ConstraintKind, Index, Table};
use crate::compile::addition::AdditionKind;
use crate::compile::draft::{Draft, DroppedIndex};
use crate::diagnostic::nearest;
use crate::ident::Ident;
use crate::plan::{DropIndex, Text};
use std::collections::BTreeSet;

pub fn apply(draft: &mut Draft<'_>, op: &DropIndex) {
    let name = Ident::new(op.name.as_str());
    for table in &mut draft.tables {
        let ours = |a: &crate::compile::addition::Addition| {
            a.name == name && matches!(a.kind, AdditionKind::Index(_))
        };
        if let Some(at) = table.additions.iter().position(ours) {
            table.additions.remove(at);
            draft.names.release(&name);
            return;
        }
    }
    let dropped = draft.dropped_indexes.iter().any(|d| d.name == name);
    let found = draft.tables.iter().enumerate().find_map(|(number, table)| {
        let source = table.source?;
        let index = source.indexes.iter().find(|index| index.name == name)?;
        Some((number, source, index))
    });
    let Some((number, source, index)) =
        found.filter(|(number, ..)| !dropped && draft.tables[*number].shown.is_some())
    else {
        let known =
            draft.tables.iter().filter_map(|t| t.source).flat_map(|t| &t.indexes).map(|i| i.name.as_str());
        let near = nearest(name.as_str(), known).map(str::to_owned);
        let message = match dropped {
            true => format!("this plan drops index `{}` before", name.as_str()),
            false => {
                format!("there is no index `{}` in schema `{}`", name.as_str(), draft.catalog.schema.as_str())
            }
        };
        match near.filter(|near| near != name.as_str()) {
            Some(near) => {
                draft.error_help(
                    "compile.index_missing",
                    message,
                    &op.name.span,
                    format!("did you mean `{near}`?"),
                );
            }
            None => draft.error("compile.index_missing", message, &op.name.span),
        }
        return;
    };
    if let Some(constraint) = &index.constraint {
        let message = format!(
            "cannot drop index `{}`: it is behind constraint `{}` of table `{}`",
            name.as_str(),
            constraint.as_str(),
            source.name.as_str()
        );
        draft.error_help(
            "compile.index_of_constraint",
            message,
            &op.name.span,
            "drop the constraint, its index follows",
        );
        return;
    }
    let table =
        Text { value: draft.tables[number].logical().as_str().to_owned(), span: op.name.span.clone() };
    if draft.changeable(&table, "drop an index of").is_none() {
        return;
    }
    if source.kind == crate::catalog::TableKind::Partitioned {
        let message = format!(
            "cannot drop index `{}`: its table `{}` is partitioned",
            name.as_str(),
            source.name.as_str()
        );
        draft.error_help(
            "compile.partitioned_index",
            message,
            &op.name.span,
            "PostgreSQL cannot drop it without a strong lock on every partition: use an `sql` operation",
        );
        return;
    }
    if let Some(by) = needed_by(draft, source, index) {
        let message = format!("cannot drop index `{}`: {by} needs it", name.as_str());
        draft.error("compile.dependents", message, &op.name.span);
        return;
    }
    if source.replica_identity_index.as_ref() == Some(&name) {
        draft.warn(
            "compile.replica_identity",
            format!("index `{}` is the replica identity of `{}`", name.as_str(), source.name.as_str()),
            &op.name.span,
            "without it, updates and deletes of a published table fail",
        );
    }
    draft.dropped_indexes.push(DroppedIndex { table: number, name });
}

/// A foreign key can rest on a unique index that is behind no constraint.
fn needed_by(draft: &Draft<'_>, table: &Table, index: &Index) -> Option<String> {
    if !index.unique {
        return None;
    }
    let keys: BTreeSet<&Ident> = index.keys.iter().filter_map(|key| key.column.as_ref()).collect();
    let same = |columns: &[Ident]| columns.iter().collect::<BTreeSet<_>>() == keys;
    let by_constraint = |kind| matches!(kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique);
    if table.constraints.iter().any(|c| by_constraint(c.kind) && same(&c.columns)) {
        return None;
    }
    draft.catalog.tables.values().find_map(|other| {
        other.constraints.iter().find_map(|constraint| {
            let foreign = constraint.foreign.as_ref()?;
            let here = foreign.schema == draft.catalog.schema
                && foreign.table == table.name
                && same(&foreign.columns);
            here.then(|| format!("foreign key `{}` of `{}`", constraint.name.as_str(), other.name.as_str()))
        })
    })
}
