//! Owns primary keys and unique constraints of partitioned tables, where PostgreSQL makes no constraint of an index that is
//! there: each leaf's can, and the parent takes over what its partitions have. Must not decide what is built.

use super::assemble::{locks, step};
use super::carry::BuiltIndex;
use super::draft::Draft;
use super::op::comment_sql;
use super::partitioned::{self, Part, whole};
use super::program::{Action, Cost, LockMode, Phase, Step, Undo};
use super::shape::Shape;
use crate::ident::{Ident, QualifiedName, list};

pub const PRIMARY: &str = "PRIMARY KEY";

/// What a unique constraint says of its keys.
pub fn head(keys: &[Ident], nulls_not_distinct: bool) -> String {
    let words = if nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
    format!("{words} ({})", list(keys))
}

/// What a constraint says after its kind, where no index is named.
pub fn words(head: String, include: &[Ident], with: Option<&str>, tablespace: Option<&Ident>) -> String {
    let mut sql = head;
    if !include.is_empty() {
        sql.push_str(&format!(" INCLUDE ({})", list(include)));
    }
    if let Some(with) = with {
        sql.push_str(&format!(" WITH ({with})"));
    }
    if let Some(tablespace) = tablespace {
        sql.push_str(&format!(" USING INDEX TABLESPACE {tablespace}"));
    }
    sql
}

/// A unique constraint grows as a partitioned index does. A primary key cannot while there is another one, and what is part of
/// the parent's index can become nobody else's: so an index serves until the contract, and the leaves get those of the key
/// beside it.
pub fn build(draft: &Draft<'_>, shape: &Shape<'_>, index: &BuiltIndex) -> Vec<Step> {
    match &index.constraint {
        Some((PRIMARY, ..)) => {
            let mut steps = partitioned::index(draft, shape, index);
            steps.extend(index.parts.iter().filter_map(|part| {
                let key = part.key.as_ref()?;
                Some(build_leaf(shape, index, part, key))
            }));
            steps
        }
        Some((kind, deferral, _)) => unique(draft, shape, index, (kind, deferral)),
        None => partitioned::index(draft, shape, index),
    }
}

fn unique(
    draft: &Draft<'_>,
    shape: &Shape<'_>,
    index: &BuiltIndex,
    (kind, deferral): (&str, &str),
) -> Vec<Step> {
    let shown = draft.tables[shape.number].logical().as_str();
    let last = index.last_name.as_str();
    let schema = &shape.name.schema;
    let only = |on: &QualifiedName, name: &Ident, words: &str| {
        format!("ALTER TABLE ONLY {on} ADD CONSTRAINT {name} {kind}{words}{deferral}")
    };
    let gone = || Undo::Ddl {
        statements: vec![format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", shape.name, index.name)],
        locks: locks(whole(draft, shape, LockMode::AccessExclusive)),
    };
    let mut statements = vec![only(&shape.name, &index.name, &index.words)];
    let mut held = vec![(shape.name.clone(), LockMode::AccessExclusive)];
    for part in index.parts.iter().filter(|part| !part.leaf) {
        statements.push(only(&part.table, &part.name, part_words(index, part)));
        statements.push(partitioned::attach(schema, part));
        held.push((part.table.clone(), LockMode::AccessExclusive));
    }
    let title = format!("begin constraint {last} on {shown}");
    let action = Action::Ddl { statements };
    let mut steps = vec![step(title, Phase::Backfill, action, locks(held), Cost::Catalog, gone())];
    steps.extend(leaves(index).map(|part| build_leaf(shape, index, part, &part.name)));
    // As with indexes, `partitioned::index`.
    let deep = index.parts.iter().any(|part| !part.leaf);
    for part in leaves(index) {
        let (table, name) = (&part.table, &part.name);
        let becomes =
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}{deferral}");
        let above = deep.then(|| shape.name.clone());
        let held = above.into_iter().chain([table.clone()]).map(|name| (name, LockMode::AccessExclusive));
        steps.push(step(
            format!("attach constraint {last} of {}", table.name.as_str()),
            Phase::Backfill,
            Action::Ddl { statements: vec![becomes, partitioned::attach(schema, part)] },
            locks(held),
            Cost::Catalog,
            gone(),
        ));
    }
    steps
}

fn leaves(index: &BuiltIndex) -> impl Iterator<Item = &Part> {
    index.parts.iter().filter(|part| part.leaf)
}

fn part_words<'p>(index: &'p BuiltIndex, part: &'p Part) -> &'p str {
    part.words.as_ref().unwrap_or(&index.words)
}

fn build_leaf(shape: &Shape<'_>, index: &BuiltIndex, part: &Part, name: &Ident) -> Step {
    let tail = part.tail.as_ref().unwrap_or(&index.tail);
    let sql = format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {}{tail}", part.table);
    step(
        format!("build index {} on {}", name.as_str(), part.table.name.as_str()),
        Phase::Backfill,
        Action::BuildIndex { table: part.table.clone(), index: name.clone(), sql },
        locks([(part.table.clone(), LockMode::ShareUpdateExclusive)]),
        Cost::Scan,
        Undo::DropIndex { index: QualifiedName::new(&shape.name.schema, name) },
    )
}

/// At the contract, when the old columns are gone: the names they will keep, and a primary key from its leaves upwards.
pub fn last_form(table: &QualifiedName, index: &BuiltIndex, sql: &mut Vec<String>) {
    let schema = &table.schema;
    let names = std::iter::once((table, &index.name, &index.last_name))
        .chain(index.parts.iter().map(|part| (&part.table, &part.name, &part.last_name)));
    match &index.constraint {
        Some((PRIMARY, deferral, _)) => {
            sql.push(format!("DROP INDEX {}", QualifiedName::new(schema, &index.name)));
            for part in leaves(index) {
                let (on, last) = (&part.table, &part.last_name);
                let Some(key) = &part.key else { continue };
                sql.push(format!(
                    "ALTER TABLE {on} ADD CONSTRAINT {last} {PRIMARY} USING INDEX {key}{deferral}"
                ));
            }
            let above = index.parts.iter().rev().filter(|part| !part.leaf);
            let above = above.map(|part| (&part.table, &part.last_name, part_words(index, part)));
            for (on, last, words) in above.chain([(table, &index.last_name, index.words.as_str())]) {
                sql.push(format!("ALTER TABLE {on} ADD CONSTRAINT {last} {PRIMARY}{words}{deferral}"));
            }
        }
        Some(_) => sql.extend(
            names
                .filter(|(_, now, last)| now != last)
                .map(|(on, now, last)| format!("ALTER TABLE {on} RENAME CONSTRAINT {now} TO {last}")),
        ),
        None => sql.extend(names.filter(|(_, now, last)| now != last).map(|(_, now, last)| {
            format!("ALTER INDEX {} RENAME TO {last}", QualifiedName::new(schema, now))
        })),
    }
}

/// What partitions' indexes have besides, under their last names.
pub fn end_parts(index: &BuiltIndex, sql: &mut Vec<String>) {
    for part in &index.parts {
        let (on, last) = (&part.table, &part.last_name);
        let name = QualifiedName::new(&on.schema, last);
        for (key, target) in &part.statistics_targets {
            sql.push(format!("ALTER INDEX {name} ALTER COLUMN {key} SET STATISTICS {target}"));
        }
        if let Some(comment) = &part.comment {
            sql.push(comment_sql(&format!("INDEX {name}"), Some(comment)));
        }
        if let Some(comment) = &part.constraint_comment {
            sql.push(comment_sql(&format!("CONSTRAINT {last} ON {on}"), Some(comment)));
        }
        if part.clustered {
            sql.push(format!("ALTER TABLE {on} CLUSTER ON {last}"));
        }
        if part.replica_identity {
            sql.push(format!("ALTER TABLE {on} REPLICA IDENTITY USING INDEX {last}"));
        }
    }
}
