//! Owns `set_replica_identity`: the table's at the contract, so that a rollback has nothing to restore and no row is
//! logged otherwise while both versions are live.

use crate::catalog::{ConstraintKind, Table, TableKind};
use crate::compile::draft::{AdditionKind, Draft, DraftColumn, DraftTable, NewKey, NewReplicaIdentity};
use crate::compile::hazard::reads;
use crate::diagnostic::{Span, nearest};
use crate::ident::{Ident, QualifiedName};
use crate::plan::{ReplicaIdentity, SetReplicaIdentity};

pub fn apply(draft: &mut Draft<'_>, op: &SetReplicaIdentity, span: &Option<Span>) {
    let Some(table) = draft.changeable(&op.table, "set the replica identity of") else { return };
    if draft.tables[table].source.is_none() {
        let sql = replica_identity_sql(&draft.qualified(table), &op.identity);
        draft.created.statements.push((table, sql));
        return;
    }
    let span = match &op.identity {
        ReplicaIdentity::Index(name) => name.span.clone(),
        _ => span.clone(),
    };
    draft.tables[table].replica_identity = Some(NewReplicaIdentity { to: op.identity.clone(), span });
}

pub fn replica_identity_sql(table: &QualifiedName, to: &ReplicaIdentity) -> String {
    let to = match to {
        ReplicaIdentity::Nothing => "NOTHING".to_owned(),
        ReplicaIdentity::Default => "DEFAULT".to_owned(),
        ReplicaIdentity::Full => "FULL".to_owned(),
        ReplicaIdentity::Index(name) => format!("USING INDEX {}", Ident::new(name.as_str())),
    };
    format!("ALTER TABLE {table} REPLICA IDENTITY {to}")
}

/// Whether the contract will be able to, and what is published then still can be. Looks at the draft when all
/// operations are applied.
pub fn check(draft: &mut Draft<'_>, number: usize, source: &Table) {
    let table = &draft.tables[number];
    let Some(NewReplicaIdentity { to, span }) = &table.replica_identity else { return };
    let span = span.clone();
    let shown = table.logical().as_str().to_owned();
    let columns = match to {
        ReplicaIdentity::Index(name) => match index(draft, table, &Ident::new(name.as_str())) {
            Ok(columns) => Some(columns),
            Err((message, help)) => {
                draft.error_help("compile.replica_identity", message, &span, help);
                return;
            }
        },
        ReplicaIdentity::Full => Some(table.columns.iter().filter(|c| c.new.is_some()).collect()),
        ReplicaIdentity::Nothing => None,
        ReplicaIdentity::Default => primary_key(table),
    };
    let fault = source.publications.iter().find_map(|publication| {
        let name = publication.name.as_str();
        let Some(columns) = &columns else {
            return Some(format!("publication {name} could publish no update or delete of it any more"));
        };
        let old: Vec<&Ident> = columns.iter().filter_map(|column| column.old()).collect();
        if let Some(list) = &publication.columns
            && (old.len() < columns.len() || !old.iter().all(|column| list.contains(column)))
        {
            return Some(format!("publication {name} does not publish all columns of the new identity"));
        }
        let filter = publication.row_filter.as_deref()?;
        let unknown =
            source.columns.iter().find(|c| !old.contains(&&c.name) && reads(filter, source, &c.name))?;
        let column = unknown.name.as_str();
        Some(format!("the row filter of publication {name} reads `{column}`, which would not be part of it"))
    });
    if let Some(fault) = fault {
        draft.error_help(
            "compile.replica_identity",
            format!("set_replica_identity {shown}: {fault}, so they would fail"),
            &span,
            "change the publication before; if it publishes inserts alone, use an `sql` operation with `onComplete`",
        );
    } else if source.kind == TableKind::Partitioned {
        draft.warn(
            "compile.replica_identity",
            format!("`{shown}` is partitioned, and its partitions keep the replica identity they have"),
            &span,
            "what is logged goes by the partitions': set theirs with an `sql` operation",
        );
    }
}

fn primary_key<'t, 'a>(table: &'t DraftTable<'a>) -> Option<Vec<&'t DraftColumn<'a>>> {
    let old = table.source?.primary_key().map(|key| &key.columns);
    old?.iter().map(|name| table.column_of(name).filter(|column| column.new.is_some())).collect()
}

/// The columns of an index that can be the identity; or why it cannot.
fn index<'t, 'a>(
    draft: &Draft<'a>,
    table: &'t DraftTable<'a>,
    name: &Ident,
) -> Result<Vec<&'t DraftColumn<'a>>, (String, String)> {
    let shown = table.logical().as_str();
    let what = format!("index `{}` cannot be the replica identity of `{shown}`", name.as_str());
    let source = table.source.expect("an existing table");
    let last = |index: &'a crate::catalog::Index| {
        let constraint = source.constraints.iter().find(|c| c.index.as_ref() == Some(&index.name));
        constraint.map_or(index.name.clone(), |constraint| table.last_name(constraint).clone())
    };
    let is_dropped = |index: &crate::catalog::Index| {
        draft.dropped_indexes.iter().any(|dropped| dropped.name == index.name)
            || index.constraint.as_ref().is_some_and(|name| table.dropped_constraints.contains(name))
    };
    let there = || source.indexes.iter().filter(|index| !is_dropped(index));
    let columns: Option<Vec<usize>> = if let Some(index) = there().find(|index| last(index) == *name) {
        let constraint = source.constraints.iter().find(|c| c.index.as_ref() == Some(&index.name));
        let fault = if !index.unique {
            Some("it is not unique")
        } else if !index.valid {
            Some("it is invalid")
        } else if index.predicate.is_some() {
            Some("it has a predicate")
        } else if constraint.is_some_and(|c| c.deferrable) {
            Some("its constraint is deferrable")
        } else if constraint.is_some_and(|c| c.kind == ConstraintKind::Exclude) {
            Some("it is behind an exclusion constraint")
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err((format!("{what}: {fault}"), needs()));
        }
        let number = |old: &Ident| table.columns.iter().position(|column| column.old() == Some(old));
        index.keys.iter().map(|key| number(key.column.as_ref()?)).collect()
    } else if let Some(addition) = table.additions.iter().find(|a| a.is_index() && a.name == *name) {
        match &addition.kind {
            AdditionKind::Index(index) if !index.unique => {
                return Err((format!("{what}: it is not unique"), needs()));
            }
            AdditionKind::Index(index) if index.predicate.is_some() => {
                return Err((format!("{what}: it has a predicate"), needs()));
            }
            AdditionKind::Index(index) => {
                let key = |(key, _): &(NewKey, String)| match key {
                    NewKey::Column(column) => Some(*column),
                    NewKey::Expression(_) => None,
                };
                index.keys.iter().map(key).collect()
            }
            AdditionKind::Unique(unique) if unique.deferral != (false, false) => {
                return Err((format!("{what}: its constraint is deferrable"), needs()));
            }
            AdditionKind::Unique(unique) => Some(unique.columns.clone()),
            _ => None,
        }
    } else {
        let known =
            there().map(last).chain(table.additions.iter().filter(|a| a.is_index()).map(|a| a.name.clone()));
        let known: Vec<Ident> = known.collect();
        let near = nearest(name.as_str(), known.iter().map(Ident::as_str));
        let help = near.map_or_else(needs, |near| format!("did you mean `{near}`?"));
        return Err((format!("table `{shown}` has no index `{}`", name.as_str()), help));
    };
    let Some(columns) = columns else { return Err((format!("{what}: it has an expression"), needs())) };
    let columns: Vec<&DraftColumn<'a>> = columns.into_iter().map(|column| &table.columns[column]).collect();
    if let Some(gone) = columns.iter().find(|column| column.new.is_none()) {
        return Err((format!("{what}: this plan drops its column `{}`", gone.name.as_str()), needs()));
    }
    if let Some(nullable) = columns.iter().find(|column| !column.not_null) {
        let help = "make it NOT NULL before: `alter_column` with `nullable: false`".to_owned();
        return Err((format!("{what}: its column `{}` can be NULL", nullable.name.as_str()), help));
    }
    Ok(columns)
}

fn needs() -> String {
    "it takes a unique index over NOT NULL columns alone, with no predicate, and not deferrable".to_owned()
}
