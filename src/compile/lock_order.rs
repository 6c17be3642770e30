//! Owns the order in which a step takes its locks. Must not decide which or how strong.
//!
//! A write to a table locks the table first, and those that its foreign keys point at when it ends. Who takes them the other
//! way round stands in the way of every write under way, and none of both gets on before a timeout: on a table that is
//! written without a break, never. So what points at a table comes before it. Within that, the order is by name.
//!
//! A transaction that writes a row and then others that point at it goes the other way. So every second try does, too.

use super::draft::Draft;
use super::program::{Lock, Step};
use crate::ident::{Ident, QualifiedName};
use std::collections::{BTreeMap, BTreeSet};

/// What the foreign keys of each table point at, itself not among it.
type Pointing = BTreeMap<QualifiedName, BTreeSet<QualifiedName>>;

pub fn apply(draft: &Draft<'_>, steps: &mut [Step]) {
    let pointing = pointing(draft);
    for step in steps.iter_mut().filter(|step| step.locks.len() > 1) {
        step.locks = ordered(std::mem::take(&mut step.locks), &pointing);
    }
}

/// By all the names that a table has in the course of the plan.
fn pointing(draft: &Draft<'_>) -> Pointing {
    let schema = &draft.catalog.schema;
    let mut names: BTreeMap<Ident, BTreeSet<QualifiedName>> = BTreeMap::new();
    for table in &draft.tables {
        if let Some(source) = table.source {
            let all = [&source.name, &table.physical].into_iter().chain(table.shown.as_ref());
            let all = all.map(|name| QualifiedName::new(schema, name));
            names.entry(source.name.clone()).or_default().extend(all);
        }
    }
    let called = |schema_of: &Ident, name: &Ident| -> BTreeSet<QualifiedName> {
        let known = (schema_of == schema).then(|| names.get(name)).flatten();
        known.cloned().unwrap_or_else(|| [QualifiedName::new(schema_of, name)].into())
    };
    let mut pointing = Pointing::new();
    for table in draft.catalog.tables.values() {
        for foreign in table.constraints.iter().filter_map(|constraint| constraint.foreign.as_ref()) {
            let from = called(schema, &table.name);
            let to: BTreeSet<QualifiedName> =
                called(&foreign.schema, &foreign.table).difference(&from).cloned().collect();
            for name in from {
                pointing.entry(name).or_default().extend(to.iter().cloned());
            }
        }
    }
    pointing
}

fn ordered(mut left: Vec<Lock>, pointing: &Pointing) -> Vec<Lock> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let pointed_at: BTreeSet<&QualifiedName> =
            left.iter().filter_map(|lock| pointing.get(&lock.relation)).flatten().collect();
        // Where they point at each other in a ring, some write is met the wrong way round whatever comes first.
        let first = left.iter().position(|lock| !pointed_at.contains(&lock.relation)).unwrap_or(0);
        ordered.push(left.remove(first));
    }
    ordered
}

/// The order of a try, counted from 0. Applications lock a view before its table, so views stay in front: they are what is
/// in one of `versions`.
pub fn of_try<'a>(locks: &'a [Lock], number: usize, versions: &[&Ident]) -> Vec<&'a Lock> {
    let (views, mut tables): (Vec<&Lock>, Vec<&Lock>) =
        locks.iter().partition(|lock| versions.contains(&&lock.relation.schema));
    if number % 2 == 1 {
        tables.reverse();
    }
    views.into_iter().chain(tables).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::program::LockMode;

    #[test]
    fn what_points_at_a_table_comes_before_it_and_a_ring_has_an_end() {
        let name = |name: &str| QualifiedName::new(&"public".into(), &name.into());
        let order = |locks: &[&str], pointing: &[(&str, &str)]| -> Vec<String> {
            let locks = locks.iter().map(|one| Lock { relation: name(one), mode: LockMode::Share }).collect();
            let mut all = Pointing::new();
            for (from, to) in pointing {
                all.entry(name(from)).or_default().insert(name(to));
            }
            ordered(locks, &all).into_iter().map(|lock| lock.relation.name.as_str().to_owned()).collect()
        };
        assert_eq!(order(&["a", "b", "c"], &[]), ["a", "b", "c"]);
        assert_eq!(order(&["a", "b", "c"], &[("c", "a"), ("b", "a")]), ["b", "c", "a"]);
        assert_eq!(order(&["a", "b", "c", "d"], &[("d", "c"), ("c", "b")]), ["a", "d", "c", "b"]);
        assert_eq!(order(&["a", "b", "c"], &[("b", "a"), ("a", "b"), ("c", "a")]), ["c", "a", "b"]);
        assert_eq!(order(&["a", "b"], &[("b", "not held")]), ["a", "b"]);
    }

    #[test]
    fn every_second_try_turns_the_tables_round() {
        let lock = |schema: &str, name: &str| Lock {
            relation: QualifiedName::new(&schema.into(), &name.into()),
            mode: LockMode::AccessExclusive,
        };
        let locks = [lock("public_v1", "v"), lock("public_v1", "w"), lock("public", "t"), lock("other", "u")];
        let versions = Ident::from("public_v1");
        let order = |number| -> Vec<String> {
            let locks = of_try(&locks, number, &[&versions]);
            locks.into_iter().map(|lock| lock.relation.name.as_str().to_owned()).collect()
        };
        assert_eq!(
            [order(0), order(1), order(2)],
            [["v", "w", "t", "u"], ["v", "w", "u", "t"], ["v", "w", "t", "u"]]
        );
    }
}
