//! Owns indexes and foreign keys of partitioned tables: what PostgreSQL has no CONCURRENTLY or NOT VALID for is built
//! partition by partition and then taken over by the parent, which finds it done. Must not decide what is built.

use super::assemble::{locks, step};
use super::carry::{BuiltForeignKey, BuiltIndex};
use super::draft::Draft;
use super::hazard::partitions;
use super::names::{numbered, object_name};
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
    pub comment: Option<String>,
    pub statistics_targets: Vec<(i16, i32)>,
}

/// Parents before their partitions, each with the name PostgreSQL would give.
pub fn parts(draft: &mut Draft<'_>, source: &Table, index: &Ident, columns: &[String]) -> Vec<Part> {
    let catalog = draft.catalog;
    let mut found: Vec<Part> = Vec::new();
    let mut open = vec![(source.name.clone(), index.clone())];
    while let Some((parent, of)) = open.pop() {
        let children =
            catalog.tables.values().filter(|t| t.partition_of.as_ref().is_some_and(|(p, _)| *p == parent));
        for child in children {
            let second = Ident::new(columns.join("_"));
            let make = |tag: &str| object_name(&child.name, &second, &format!("idx{tag}"));
            let name = numbered(make, |name| draft.names.is_taken(name));
            draft.names.take(&name);
            open.push((child.name.clone(), name.clone()));
            found.push(Part {
                table: QualifiedName::new(&catalog.schema, &child.name),
                last_name: name.clone(),
                name,
                of: of.clone(),
                leaf: child.kind != TableKind::Partitioned,
                tail: None,
                comment: None,
                statistics_targets: Vec::new(),
            });
        }
    }
    found
}

fn whole(draft: &Draft<'_>, shape: &Shape<'_>, mode: LockMode) -> Vec<(QualifiedName, LockMode)> {
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
    let attach = |part: &Part| {
        let (of, name) = (QualifiedName::new(schema, &part.of), QualifiedName::new(schema, &part.name));
        format!("ALTER INDEX {of} ATTACH PARTITION {name}")
    };
    let gone = || Undo::Ddl {
        statements: vec![format!("DROP INDEX IF EXISTS {}", QualifiedName::new(schema, &index.name))],
        locks: locks(whole(draft, shape, LockMode::AccessExclusive)),
    };
    let parents = index.parts.iter().filter(|part| !part.leaf);
    let mut statements = vec![only(&index.name, &shape.name, &index.tail)];
    let mut held = vec![(shape.name.clone(), LockMode::Share)];
    for part in parents {
        statements.extend([only(&part.name, &part.table, &tail(part)), attach(part)]);
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
            Action::Ddl { statements: vec![attach(part)] },
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
        let title = format!("prove foreign key {} of {shown}", key.last_name.as_str());
        validate.push((name, key.name.clone(), title));
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
    step(
        format!("make foreign key {} one of {shown}", key.last_name.as_str()),
        Phase::Backfill,
        Action::Ddl {
            statements: vec![format!("ALTER TABLE {name} ADD CONSTRAINT {} {}", key.name, key.definition)],
        },
        held(LockMode::ShareRowExclusive),
        Cost::Catalog,
        Undo::Ddl {
            statements: vec![format!("ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {}", key.name)],
            locks: held(LockMode::AccessExclusive),
        },
    )
}
