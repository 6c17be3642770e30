//! Owns `rename_constraint`: the old version has the constraint by its own name until the contract.

use crate::compile::addition::{AdditionKind, NewReplicaIdentity};
use crate::compile::draft::Draft;
use crate::diagnostic::nearest;
use crate::ident::Ident;
use crate::plan::{RenameConstraint, ReplicaIdentity, Text};

pub fn apply(draft: &mut Draft<'_>, op: &RenameConstraint) {
    let Some(table) = draft.changeable(&op.table, "rename a constraint of") else { return };
    let Some(found) = existing(draft, table, &op.from) else { return };
    let Some(to) = draft.constraint_name(table, &op.to) else { return };
    let has_index = match &found {
        Found::Before(physical) => draft.tables[table]
            .source
            .is_some_and(|source| source.indexes.iter().any(|i| i.name == *physical)),
        Found::Addition(at) => draft.tables[table].additions[*at].is_index(),
    };
    // A unique constraint's index is called as it is.
    if has_index && draft.relation_name(&op.to, "constraint").is_none() {
        return;
    }
    if has_index {
        draft.names.take(&to);
    }
    let from = Ident::new(op.from.as_str());
    let qualified = draft.qualified(table);
    let found_table = &mut draft.tables[table];
    if let Some(NewReplicaIdentity { to: ReplicaIdentity::Index(index), .. }) =
        &mut found_table.replica_identity
        && has_index
        && index.value == op.from.value
    {
        index.value.clone_from(&op.to.value);
    }
    match found {
        Found::Before(physical) => {
            found_table.renamed_constraints.insert(physical, to);
        }
        Found::Addition(at) => {
            found_table.additions[at].name = to.clone();
            if found_table.source.is_none() {
                let sql = format!("ALTER TABLE {qualified} RENAME CONSTRAINT {from} TO {to}");
                draft.created.statements.push((table, sql));
            }
            if has_index {
                draft.names.release(&from);
            }
        }
    }
}

/// A constraint of the catalog, by its name there, or one that this plan adds.
pub enum Found {
    Before(Ident),
    Addition(usize),
}

/// A constraint as the operations so far leave it. Reports where there is none.
pub fn existing(draft: &mut Draft<'_>, table: usize, name: &Text) -> Option<Found> {
    let ident = Ident::new(name.as_str());
    let found = &draft.tables[table];
    if let Some(constraint) = found.constraint(&ident) {
        return Some(Found::Before(constraint.name.clone()));
    }
    let ours =
        |a: &crate::compile::addition::Addition| a.name == ident && !matches!(a.kind, AdditionKind::Index(_));
    if let Some(at) = found.additions.iter().position(ours) {
        return Some(Found::Addition(at));
    }
    let constraints = found.source.iter().flat_map(|source| &source.constraints);
    let additions = found.additions.iter().filter(|a| !matches!(a.kind, AdditionKind::Index(_)));
    let known = constraints.map(|c| found.last_name(c)).chain(additions.map(|a| &a.name)).map(Ident::as_str);
    let near = nearest(ident.as_str(), known.filter(|known| *known != ident.as_str()));
    let help = match (near, found.source) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, None) => "this plan makes the table: give the constraint its name there".to_owned(),
        (None, Some(source)) if source.constraints.iter().any(|c| c.name == ident) => {
            "an operation before this one renames or drops it".to_owned()
        }
        (None, Some(source)) if source.indexes.iter().any(|index| index.name == ident) => {
            "it is an index without a constraint".to_owned()
        }
        (None, Some(_)) => "`\\d` of psql lists a table's constraints".to_owned(),
    };
    let message = format!("table `{}` has no constraint `{}`", found.logical().as_str(), ident.as_str());
    draft.error_help("compile.constraint_missing", message, &name.span, help);
    None
}
