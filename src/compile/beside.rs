//! Owns what stands beside a table, reads a column that gets a new form, and is made again when that has its last name:
//! extended statistics, the table's own policies and triggers; and what goes before: foreign keys of tables that the plan drops.
//! Must not decide what is refused (`hazard`) nor order steps.

use super::draft::{Draft, DraftColumn};
use super::exclusion;
use super::op::comment_sql;
use super::published;
use crate::catalog::{Catalog, Constraint, Policy, Table, Trigger};
use crate::ident::{Ident, QualifiedName};
use std::collections::BTreeSet;

/// Statements of the contract.
#[derive(Default)]
pub struct Beside {
    /// What goes before the old columns can.
    pub drops: Vec<String>,
    /// Once columns have their last names; the table still has its old one.
    pub makes: Vec<String>,
}

/// What of this table is made again, by the names `hazard` has for it.
pub fn labels(draft: &Draft<'_>, number: usize) -> BTreeSet<String> {
    let Some(source) = draft.tables[number].source else { return BTreeSet::new() };
    let on = format!("{}.{}", draft.catalog.schema.as_str(), source.name.as_str());
    let policies = policies(draft, number).map(|policy| format!("policy {} on {on}", policy.name.as_str()));
    let schema = draft.catalog.schema.as_str();
    let pointing = pointing(draft, number)
        .map(|(by, key)| format!("foreign key {} on {schema}.{}", key.name.as_str(), by.name.as_str()));
    let triggers =
        triggers(draft, number).map(|trigger| format!("trigger {} on {on}", trigger.name.as_str()));
    let statistics = statistics(draft, number).map(|(label, _)| label);
    let mut labels: BTreeSet<String> = statistics.chain(policies).chain(pointing).chain(triggers).collect();
    labels.extend(published::labels(draft, number));
    labels
}

/// Tables that the plan drops and whose foreign keys point at columns that go: those are dropped before.
pub fn dropped_before<'d>(draft: &'d Draft<'_>, number: usize) -> impl Iterator<Item = QualifiedName> + 'd {
    pointing(draft, number).map(|(by, _)| QualifiedName::new(&draft.catalog.schema, &by.name))
}

fn pointing<'d, 'a>(
    draft: &'d Draft<'a>,
    number: usize,
) -> impl Iterator<Item = (&'a Table, &'a Constraint)> + 'd {
    let table = &draft.tables[number];
    let gone = draft.tables.iter().filter(|other| other.shown.is_none()).filter_map(|other| other.source);
    gone.flat_map(|by| by.constraints.iter().map(move |key| (by, key))).filter(move |(_, key)| {
        let Some(foreign) = &key.foreign else { return false };
        let here = table.source.is_some_and(|source| source.name == foreign.table);
        let goes = |name: &Ident| table.column_of(name).is_some_and(|column| !column.is_shared());
        here && foreign.schema == draft.catalog.schema && foreign.columns.iter().any(goes)
    })
}

pub fn beside(draft: &Draft<'_>, number: usize) -> Beside {
    let mut beside = Beside::default();
    let Some(source) = draft.tables[number].source else { return beside };
    let table = draft.qualified(number);
    for (by, key) in pointing(draft, number).filter(|(_, key)| key.parent.is_none()) {
        let by = QualifiedName::new(&draft.catalog.schema, &by.name);
        beside.drops.push(format!("ALTER TABLE {by} DROP CONSTRAINT {}", key.name));
    }
    published::beside(draft, number, &mut beside);
    beside.drops.extend(exclusion::drops(draft, number));
    for policy in policies(draft, number) {
        let name = &policy.name;
        beside.drops.push(format!("DROP POLICY {name} ON {table}"));
        beside.makes.push(format!("CREATE POLICY {name} ON {table} {}", policy.definition));
        if let Some(comment) = &policy.comment {
            beside.makes.push(comment_sql(&format!("POLICY {name} ON {table}"), Some(comment)));
        }
    }
    for trigger in triggers(draft, number) {
        let name = &trigger.name;
        beside.drops.push(format!("DROP TRIGGER {name} ON {table}"));
        beside.makes.push(trigger.definition.clone());
        let enabled = match trigger.enabled {
            'D' => Some("DISABLE"),
            'R' => Some("ENABLE REPLICA"),
            'A' => Some("ENABLE ALWAYS"),
            _ => None,
        };
        beside.makes.extend(enabled.map(|word| format!("ALTER TABLE {table} {word} TRIGGER {name}")));
        if let Some(comment) = &trigger.comment {
            beside.makes.push(comment_sql(&format!("TRIGGER {name} ON {table}"), Some(comment)));
        }
    }
    for (_, name) in statistics(draft, number) {
        // They go with any column of theirs, by themselves.
        make_statistics(draft, source, name, &mut beside.makes);
    }
    beside
}

/// New forms of another type that statistics read: the server tells whether they can.
pub fn ordered_columns<'d>(draft: &'d Draft<'_>, number: usize) -> Vec<&'d Ident> {
    let columns = statistics(draft, number).flat_map(|(label, _)| read(draft, number, &label));
    let names: BTreeSet<&Ident> =
        columns.filter(|column| column.type_changed).filter_map(|column| column.new.as_ref()).collect();
    names.into_iter().collect()
}

fn policies<'d>(draft: &'d Draft<'_>, number: usize) -> impl Iterator<Item = &'d Policy> {
    let table = &draft.tables[number];
    let policies = table.source.into_iter().flat_map(|source| &source.policies);
    policies.filter(|policy| {
        let columns: Vec<_> = policy.columns.iter().filter_map(|name| table.column_of(name)).collect();
        // As ALTER COLUMN … TYPE has it.
        is_made_again(&columns) && !columns.iter().any(|column| column.type_changed)
    })
}

/// Those whose WHEN reads the row as it is stored: there, every version's write has all forms of a column. What fires on
/// UPDATE OF one form would miss the other's writes, and what fires before sees the other form as it was.
fn triggers<'d>(draft: &'d Draft<'_>, number: usize) -> impl Iterator<Item = &'d Trigger> {
    let table = &draft.tables[number];
    let triggers = table.source.into_iter().flat_map(|source| &source.triggers);
    triggers.filter(|trigger| {
        let columns: Vec<_> = trigger.columns.iter().filter_map(|name| table.column_of(name)).collect();
        let after = trigger.row && !trigger.before_row && trigger.update_of.is_empty();
        after && is_made_again(&columns) && !columns.iter().any(|column| column.type_changed)
    })
}

/// Label and name of all that there are.
fn all_statistics<'d>(catalog: &'d Catalog, source: &'d Table) -> Vec<(&'d String, &'d Ident)> {
    let objects = source.dependents.iter().map(|dependent| &dependent.object);
    let labels: BTreeSet<&String> = objects.filter(|object| object.starts_with("statistics ")).collect();
    let named = |label: &'d String| {
        let schema = catalog.schema.as_str();
        let name = catalog.statistics.keys().find(|name| {
            // The server quotes a name where it has to.
            let of = |schema: &str, name: &str| *label == format!("statistics {schema}.{name}");
            let schemas = [schema.to_owned(), catalog.schema.to_string()];
            schemas.iter().any(|schema| of(schema, name.as_str()) || of(schema, &name.to_string()))
        })?;
        Some((label, name))
    };
    labels.into_iter().filter_map(named).collect()
}

fn make_statistics(draft: &Draft<'_>, source: &Table, name: &Ident, makes: &mut Vec<String>) {
    let qualified = QualifiedName::new(&draft.catalog.schema, name);
    let definition = &draft.catalog.statistics[name];
    makes.push(definition.clone());
    if !source.owner.as_str().is_empty() && !definition.contains(" OWNER TO ") {
        makes.push(format!("ALTER STATISTICS {qualified} OWNER TO {}", source.owner));
    }
}

/// The statistics of a table that another one takes the place of.
pub fn of_table(draft: &Draft<'_>, source: &Table) -> Vec<String> {
    let mut makes = Vec::new();
    for (_, name) in all_statistics(draft.catalog, source) {
        make_statistics(draft, source, name, &mut makes);
    }
    makes
}

/// Label and name of those that are made again.
fn statistics<'d>(draft: &'d Draft<'_>, number: usize) -> impl Iterator<Item = (String, &'d Ident)> {
    let all = draft.tables[number].source.map(|source| all_statistics(draft.catalog, source));
    all.into_iter().flatten().filter_map(move |(label, name)| {
        let columns = read(draft, number, label);
        let has_expression =
            draft.catalog.statistics[name].split_once(" ON ").is_none_or(|(_, rest)| rest.contains('('));
        let retyped = columns.iter().any(|column| column.type_changed);
        (is_made_again(&columns) && !(has_expression && retyped)).then(|| (label.clone(), name))
    })
}

/// The columns that something reads which has this name among the table's dependents.
fn read<'d, 'a>(draft: &'d Draft<'a>, number: usize, label: &str) -> Vec<&'d DraftColumn<'a>> {
    let table = &draft.tables[number];
    let dependents = table.source.into_iter().flat_map(|source| &source.dependents);
    dependents.filter(|d| d.object == label).filter_map(|d| table.column_of(&d.column)).collect()
}

/// Whether an old column of these goes and all are there in the end, by the names they have now: the definition has those.
fn is_made_again(columns: &[&DraftColumn<'_>]) -> bool {
    columns.iter().any(|column| column.is_replaced())
        && columns.iter().all(|column| column.new.is_some() && column.old() == Some(&column.name))
}
