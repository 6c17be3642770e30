//! Owns indexes and foreign keys of partitioned tables: what PostgreSQL has no CONCURRENTLY or NOT VALID for is built
//! partition by partition and then taken over by the parent, which finds it done. Must not decide what is built.

use super::assemble::{locks, step};
use super::carry::{BuiltForeignKey, BuiltIndex};
use super::draft::Draft;
use super::hazard::partitions;
use super::names::{numbered, object_name, primary_key_name};
use super::op::comment_sql;
use super::partitioned_key::PRIMARY;
use super::program::{Action, Cost, Lock, LockMode, Phase, Step, Undo};
use super::shape::Shape;
use crate::catalog::{Table, TableKind};
use crate::ident::{Ident, QualifiedName};

/// An index of one partition, and the index of its parent that it becomes part of.
pub struct Part {
    pub table: QualifiedName,
    pub name: Ident,
    /// From the contract on.
    pub last_name: Ident,
    pub of: Ident,
    /// Has rows of its own.
    pub leaf: bool,
    /// What its statement says after the table, where that need not be what its parent's says.
    pub tail: Option<String>,
    /// The same of a constraint that it is made by.
    pub words: Option<String>,
    /// A leaf's index that becomes its primary key.
    pub key: Option<Ident>,
    pub comment: Option<String>,
    pub constraint_comment: Option<String>,
    pub statistics_targets: Vec<(i16, i32)>,
    pub clustered: bool,
    pub replica_identity: bool,
}

/// What a foreign key's constraint of one partition is called from the contract on.
pub struct KeyPart {
    pub table: QualifiedName,
    pub last_name: Ident,
    pub comment: Option<String>,
}

/// Parents before their partitions, each with the name PostgreSQL would give. `constraint`: its kind, if it is one.
pub fn parts(
    draft: &mut Draft<'_>,
    source: &Table,
    index: &Ident,
    columns: &[String],
    constraint: Option<&str>,
) -> Vec<Part> {
    let catalog = draft.catalog;
    let mut found: Vec<Part> = Vec::new();
    let mut open = vec![(source.name.clone(), index.clone())];
    while let Some((parent, of)) = open.pop() {
        let children =
            catalog.tables.values().filter(|t| t.partition_of.as_ref().is_some_and(|(p, _)| *p == parent));
        for child in children {
            let second = Ident::new(columns.join("_"));
            let primary = constraint == Some(PRIMARY);
            let label = if constraint.is_some() { "key" } else { "idx" };
            let make = |tag: &str| match primary {
                true => primary_key_name(&child.name, tag),
                false => object_name(&child.name, &second, &format!("{label}{tag}")),
            };
            let last_name = numbered(make, |name| draft.names.is_taken(name));
            draft.names.take(&last_name);
            let leaf = child.kind != TableKind::Partitioned;
            let key = (primary && leaf).then(|| draft.names.hidden(&last_name, "_segue_key_"));
            let name = match primary {
                true => draft.names.hidden(&last_name, "_segue_new_"),
                false => last_name.clone(),
            };
            open.push((child.name.clone(), name.clone()));
            let table = QualifiedName::new(&catalog.schema, &child.name);
            found.push(Part { key, leaf, ..Part::new(table, name, last_name, of.clone()) });
        }
    }
    found
}

impl Part {
    pub fn new(table: QualifiedName, name: Ident, last_name: Ident, of: Ident) -> Part {
        Part {
            table,
            name,
            last_name,
            of,
            leaf: false,
            tail: None,
            words: None,
            key: None,
            comment: None,
            constraint_comment: None,
            statistics_targets: Vec::new(),
            clustered: false,
            replica_identity: false,
        }
    }
}

pub fn attach(schema: &Ident, part: &Part) -> String {
    let (of, name) = (QualifiedName::new(schema, &part.of), QualifiedName::new(schema, &part.name));
    format!("ALTER INDEX {of} ATTACH PARTITION {name}")
}

pub fn whole(draft: &Draft<'_>, shape: &Shape<'_>, mode: LockMode) -> Vec<(QualifiedName, LockMode)> {
    let parts = partitions(draft.catalog, shape.source).into_iter();
    let parts = parts.map(|partition| QualifiedName::new(&shape.name.schema, &partition.name));
    std::iter::once(shape.name.clone()).chain(parts).map(|name| (name, mode)).collect()
}

/// The parent's index, empty and invalid; those of its partitions, one by one; then each becomes part of it.
pub fn index(draft: &Draft<'_>, shape: &Shape<'_>, index: &BuiltIndex) -> Vec<Step> {
    let shown = draft.tables[shape.number].logical().as_str();
    let last = index.last_name.as_str();
    let schema = &shape.name.schema;
    let unique = if index.unique { "UNIQUE " } else { "" };
    let tail = |part: &'_ Part| part.tail.clone().unwrap_or_else(|| index.tail.clone());
    let only = |name: &Ident, on: &QualifiedName, tail: &str| {
        format!("CREATE {unique}INDEX {name} ON ONLY {on}{tail}")
    };
    let gone = || Undo::Ddl {
        statements: vec![format!("DROP INDEX IF EXISTS {}", QualifiedName::new(schema, &index.name))],
        locks: locks(whole(draft, shape, LockMode::AccessExclusive)),
    };
    let parents = index.parts.iter().filter(|part| !part.leaf);
    let mut statements = vec![only(&index.name, &shape.name, &index.tail)];
    let mut held = vec![(shape.name.clone(), LockMode::Share)];
    for part in parents {
        statements.extend([only(&part.name, &part.table, &tail(part)), attach(schema, part)]);
        held.push((part.table.clone(), LockMode::Share));
    }
    let begin = Action::Ddl { statements };
    let title = format!("begin index {last} on {shown}");
    let mut steps = vec![step(title, Phase::Backfill, begin, locks(held), Cost::Catalog, gone())];
    for part in index.parts.iter().filter(|part| part.leaf) {
        let sql = format!("CREATE {unique}INDEX CONCURRENTLY {} ON {}{}", part.name, part.table, tail(part));
        steps.push(step(
            format!("build index {} on {}", part.name.as_str(), part.table.name.as_str()),
            Phase::Backfill,
            Action::BuildIndex { table: part.table.clone(), index: part.name.clone(), sql },
            locks([(part.table.clone(), LockMode::ShareUpdateExclusive)]),
            Cost::Scan,
            Undo::DropIndex { index: QualifiedName::new(schema, &part.name) },
        ));
    }
    // ATTACH locks the partition's index against everybody. Each in a transaction of its own, with its table locked before:
    // else whoever uses several of these indexes and Segue would wait for each other. Where partitions have partitions, the
    // last to come makes its parent's index whole, and with it perhaps the root's: PostgreSQL locks the tables above it then.
    let deep = index.parts.iter().any(|part| !part.leaf);
    for part in index.parts.iter().filter(|part| part.leaf) {
        steps.push(step(
            format!("attach index {last} of {}", part.table.name.as_str()),
            Phase::Backfill,
            Action::Ddl { statements: vec![attach(schema, part)] },
            locks([(if deep { &shape.name } else { &part.table }.clone(), LockMode::AccessExclusive)]),
            Cost::Catalog,
            gone(),
        ));
    }
    steps
}

fn leaves<'a>(draft: &Draft<'a>, shape: &Shape<'_>) -> Vec<&'a Table> {
    let all = partitions(draft.catalog, shape.source).into_iter();
    all.filter(|partition| partition.kind == TableKind::Ordinary).collect()
}

/// A foreign key on each leaf, still to be proved: to `validate` goes what proves it.
pub fn foreign_key(
    draft: &Draft<'_>,
    shape: &Shape<'_>,
    key: &BuiltForeignKey,
    validate: &mut Vec<(QualifiedName, Ident, String)>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for leaf in leaves(draft, shape) {
        let name = QualifiedName::new(&shape.name.schema, &leaf.name);
        let both = |mode| locks([(name.clone(), mode), (key.target.clone(), mode)]);
        let shown = leaf.name.as_str();
        let add = format!("ALTER TABLE {name} ADD CONSTRAINT {} {} NOT VALID", key.name, key.definition);
        let drop = format!("ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {}", key.name);
        let title = format!("add foreign key {} to {shown}", key.last_name.as_str());
        let action = Action::Ddl { statements: vec![add] };
        let undo = Undo::Ddl { statements: vec![drop], locks: both(LockMode::AccessExclusive) };
        steps.push(step(
            title,
            Phase::Backfill,
            action,
            both(LockMode::ShareRowExclusive),
            Cost::Catalog,
            undo,
        ));
        if key.validate {
            let title = format!("prove foreign key {} of {shown}", key.last_name.as_str());
            validate.push((name, key.name.clone(), title));
        }
    }
    steps
}

/// The parent's, which takes those of the leaves for its own, as they are proved.
pub fn whole_foreign_key(draft: &Draft<'_>, shape: &Shape<'_>, key: &BuiltForeignKey) -> Step {
    let held = |mode| -> Vec<Lock> {
        locks(whole(draft, shape, mode).into_iter().chain([(key.target.clone(), mode)]))
    };
    let name = &shape.name;
    let shown = draft.tables[shape.number].logical().as_str();
    let valid = if key.validate { "" } else { " NOT VALID" };
    step(
        format!("make foreign key {} one of {shown}", key.last_name.as_str()),
        Phase::Backfill,
        Action::Ddl {
            statements: vec![format!(
                "ALTER TABLE {name} ADD CONSTRAINT {} {}{valid}",
                key.name, key.definition
            )],
        },
        held(LockMode::ShareRowExclusive),
        Cost::Catalog,
        Undo::Ddl {
            statements: vec![format!("ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {}", key.name)],
            locks: held(LockMode::AccessExclusive),
        },
    )
}

/// The foreign keys of a new form that the partitions have in the catalog, and what those are called there; of a new one, all.
pub fn key_parts(draft: &Draft<'_>, source: &Table, name: &Ident, last_name: Option<&Ident>) -> Vec<KeyPart> {
    let mut found = Vec::new();
    let partition = |t: &&Table| t.partition_of.as_ref().is_some_and(|(parent, _)| *parent == source.name);
    for child in draft.catalog.tables.values().filter(partition) {
        let own = child.constraints.iter().find(|c| c.parent.as_ref() == Some(name));
        let Some(last) = last_name.or(own.map(|own| &own.name)) else { continue };
        found.push(KeyPart {
            table: QualifiedName::new(&draft.catalog.schema, &child.name),
            last_name: last.clone(),
            comment: own.and_then(|own| own.comment.clone()),
        });
        found.extend(key_parts(draft, child, own.map_or(name, |own| &own.name), last_name));
    }
    found
}

/// At the contract, when the old columns are gone: a partition's constraint does not follow its parent's name.
pub fn last_key_names(shape: &Shape<'_>, sql: &mut Vec<String>) {
    for key in &shape.built.foreign_keys {
        for KeyPart { table, last_name, comment } in &key.parts {
            if key.name != *last_name {
                sql.push(format!("ALTER TABLE {table} RENAME CONSTRAINT {} TO {last_name}", key.name));
            }
            if let Some(comment) = comment {
                sql.push(comment_sql(&format!("CONSTRAINT {last_name} ON {table}"), Some(comment)));
            }
        }
    }
}
