//! Owns refusals: what depends on a column or a table and cannot be carried over, each named.
//! Must not change the draft but for its diagnostics. Looks at the draft when all operations are applied.

use super::addition::AdditionKind;
use super::beside;
use super::draft::{Draft, DraftColumn, DraftTable};
use super::exclusion;
use super::expr::Expression;
use super::shape::Shape;
use crate::catalog::{Catalog, ConstraintKind, Identity, Index, Table, TableKind};
use crate::ident::Ident;
use std::collections::BTreeSet;

/// Whether a type is a domain whose constraints or default make ADD COLUMN rewrite the table.
pub fn constrained_domain(catalog: &Catalog, type_name: &str) -> bool {
    let quoted_schema = format!("{}.", catalog.schema);
    let bare_schema = format!("{}.", catalog.schema.as_str());
    let name = type_name.trim();
    let name = name.strip_prefix(&quoted_schema).or_else(|| name.strip_prefix(&bare_schema)).unwrap_or(name);
    let name = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_ascii_lowercase(),
    };
    catalog.types.get(&Ident::new(name)).is_some_and(|definition| {
        definition.starts_with("DOMAIN ")
            && [" NOT NULL", " CONSTRAINT ", " CHECK ", " DEFAULT "]
                .iter()
                .any(|word| definition.contains(word))
    })
}

/// Whether ALTER COLUMN … TYPE, to a type stored alike, changes the catalog alone: nothing that reads the column has to
/// be proved or built again, and nothing forbids it.
pub fn can_be_retyped(catalog: &Catalog, table: &Table, column: &DraftColumn<'_>) -> bool {
    let Some(source) = column.source else { return false };
    let name = &source.name;
    let mut against = BTreeSet::new();
    depending(catalog, table, name, true, &mut against);
    let proved = |c: &crate::catalog::Constraint| {
        matches!(c.kind, ConstraintKind::Check | ConstraintKind::ForeignKey) && c.columns.contains(name)
    };
    let built = |index: &crate::catalog::Index| {
        let plain = index.predicate.is_none() && index.keys.iter().all(|key| key.column.is_some());
        index.columns.contains(name) && (!plain || table.kind == TableKind::Partitioned)
    };
    against.is_empty()
        && source.collation.is_none()
        && source.generated.is_none()
        && source.identity.is_none()
        && !table.constraints.iter().any(proved)
        && !table.indexes.iter().any(built)
        && partitions(catalog, table).into_iter().all(|partition| {
            let mut against = BTreeSet::new();
            depending(catalog, partition, name, true, &mut against);
            against.is_empty()
                && !partition.constraints.iter().any(proved)
                && !partition.indexes.iter().any(|index| index.columns.contains(name))
        })
}

/// The partitions of a table, at every level.
pub fn partitions<'a>(catalog: &'a Catalog, table: &Table) -> Vec<&'a Table> {
    let mut found: Vec<&Table> = Vec::new();
    let mut parents = vec![table.name.clone()];
    while let Some(parent) = parents.pop() {
        for table in catalog.tables.values() {
            if table.partition_of.as_ref().is_some_and(|(of, _)| *of == parent) {
                parents.push(table.name.clone());
                found.push(table);
            }
        }
    }
    found
}

/// Reports all that stands against the draft as a whole.
pub fn check(draft: &mut Draft<'_>) {
    row_security(draft);
    for number in 0..draft.tables.len() {
        let Some(source) = draft.tables[number].source else { continue };
        if draft.tables[number].shown.is_none() {
            if source.partition_of.is_none() {
                dropped_table(draft, number, source);
            }
            continue;
        }
        for column in 0..draft.tables[number].columns.len() {
            let found = &draft.tables[number].columns[column];
            if found.source.is_some() && !found.is_shared() {
                changed_column(draft, number, column, source);
            }
        }
        super::op::check_replica_identity(draft, number, source);
    }
    created_references(draft);
}

fn row_security(draft: &mut Draft<'_>) {
    if draft.catalog.major() >= 15 {
        return;
    }
    let secured: Vec<&str> = draft
        .catalog
        .tables
        .values()
        .filter(|table| table.row_security)
        .map(|table| table.name.as_str())
        .collect();
    if !secured.is_empty() {
        let message = format!(
            "row security of {} would not hold: before PostgreSQL 15 a view reads with its owner's rights",
            quoted(&secured)
        );
        let help = "upgrade the server to 15 or later, or make sure that whoever must not see all rows uses no version's views";
        draft.danger("row_security", "compile.row_security", message, &None, help);
    }
}

/// A subscriber that lacks a column stops at the first row that is written with it.
pub fn published(draft: &mut Draft<'_>, shape: &Shape<'_>) {
    let source = shape.source;
    let mut tables = vec![source];
    tables.extend(partitions(draft.catalog, source));
    let all = tables.iter().flat_map(|table| &table.publications).filter(|p| p.columns.is_none());
    let names: BTreeSet<String> = all.map(|publication| publication.name.to_string()).collect();
    let table = &draft.tables[shape.number];
    let hidden = table.columns.iter().filter(|column| !column.is_shared());
    let mut adds: Vec<String> = hidden
        .filter_map(|column| Some(format!("ADD COLUMN {} {}", column.new.as_ref()?, column.type_name)))
        .collect();
    adds.extend(shape.marker.iter().map(|marker| format!("ADD COLUMN {marker} boolean")));
    if names.is_empty() || adds.is_empty() {
        return;
    }
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    let message = format!(
        "`{}` is published with all its columns by {names}, and gets new ones: a subscriber without them stops at the \
         first row that is written",
        source.name.as_str()
    );
    let help = format!(
        "run on each subscriber first: ALTER TABLE {} {}; and at the contract what `segue explain` shows of it. \
         A publication with a column list (from PostgreSQL 15) is not concerned",
        shape.name,
        adds.join(", ")
    );
    let span = table.columns.iter().find_map(|column| column.span.clone());
    draft.danger("publications", "compile.published", message, &span, help);
}

fn changed_column(draft: &mut Draft<'_>, number: usize, column: usize, source: &Table) {
    let table = &draft.tables[number];
    let found = &table.columns[column];
    let replaced = found.is_replaced();
    let old = found.old().expect("of the catalog").clone();
    let mut against = BTreeSet::new();
    depending(draft.catalog, source, &old, replaced, &mut against);
    let exclusions = match replaced {
        true => exclusion::labels(draft.catalog.schema.as_str(), source),
        false => Vec::new(),
    };
    let mut taken: BTreeSet<String> = draft.replaced_labels().into_iter().chain(exclusions).collect();
    taken.extend(beside::labels(draft, number));
    if found.followed {
        taken.extend(carried_keys(draft, source, &old));
    }
    let taken: BTreeSet<String> = taken.iter().map(|label| bare(label)).collect();
    against.retain(|object| !taken.contains(&bare(object)));
    for partition in partitions(draft.catalog, source) {
        depending(draft.catalog, partition, &old, replaced, &mut against);
        if replaced {
            on_partition(partition, source, &old, &mut against);
        }
    }
    let span = found.span.clone();
    let name = format!("{}.{}", source.name.as_str(), old.as_str());
    let identity_type = identity_fault(found);
    let domain = replaced && !found.type_changed && constrained_domain(draft.catalog, &found.type_name);
    let type_name = found.type_name.clone();
    let lost = lost_keys(table, source, found);
    if !against.is_empty() {
        let list: Vec<&str> = against.iter().map(String::as_str).collect();
        let (verb, help) = if replaced {
            ("give", what_instead(&against, found.type_changed))
        } else {
            ("drop", "drop or change these before, with an `sql` plan")
        };
        let form = if replaced { " a new form" } else { "" };
        let message =
            format!("cannot {verb} `{name}`{form}: what depends on it would break: {}", list.join(", "));
        draft.error_help("compile.dependents", message, &span, help);
    }
    if let Some(fault) = identity_type {
        draft.error("compile.identity_type", format!("`{name}`: {fault}"), &span);
    }
    if domain {
        draft.error_help(
            "compile.rewrites_table",
            format!("`{name}` is of the domain `{type_name}`, and adding a column of it rewrites the table"),
            &span,
            "`in_place: true` puts constraints on the column itself, without a second one; or give a `type` that is no domain with constraints",
        );
    }
    if !lost.is_empty() {
        let message = format!("dropping `{name}` drops what it is part of: {}", lost.join(", "));
        draft.warn(
            "compile.key_dropped",
            message,
            &span,
            "this happens at the contract, as with DROP COLUMN",
        );
    }
}

fn what_instead(against: &BTreeSet<String>, type_changed: bool) -> &'static str {
    let all = |kind: &str| against.iter().all(|against| against.starts_with(kind));
    if all("exclusion constraint ") {
        "to build one locks everybody out, so Segue does it for tables up to a megabyte: drop it before with an `sql` plan and \
         make it again after, when the table can be spared"
    } else if !type_changed && !all("foreign key ") {
        "a new form of a column cannot take these with it: `in_place: true` puts a constraint on the column itself; or drop \
         them before with an `sql` plan and make them again after"
    } else {
        "a new form of a column cannot take these with it: drop them before with an `sql` plan and make them again after"
    }
}

/// Foreign keys that follow a column, by the names they have among what depends on it.
fn carried_keys(draft: &Draft<'_>, source: &Table, column: &Ident) -> Vec<String> {
    let points_here = |constraint: &&crate::catalog::Constraint| {
        constraint.foreign.as_ref().is_some_and(|foreign| {
            foreign.schema == draft.catalog.schema
                && foreign.table == source.name
                && foreign.columns.contains(column)
        })
    };
    let schema = draft.catalog.schema.as_str();
    let joined = |table: &&DraftTable<'_>| {
        table.retargeted || table.source.is_some_and(|source| source.partition_of.is_some())
    };
    draft
        .tables
        .iter()
        .filter(joined)
        .filter_map(|table| Some((table.retargeted, table.source?)))
        .flat_map(|(all, table)| {
            let keys = table.constraints.iter().filter(points_here);
            let keys = keys.filter(move |key| all || key.parent.is_some());
            keys.map(|key| format!("foreign key {} on {schema}.{}", key.name.as_str(), table.name.as_str()))
        })
        .collect()
}

/// Keys over several columns that go when one of their columns goes.
fn lost_keys(table: &DraftTable<'_>, source: &Table, column: &DraftColumn<'_>) -> Vec<String> {
    let Some(old) = column.old().filter(|_| column.is_dropped()) else { return Vec::new() };
    let stays = |name: &Ident| name != old && table.column_of(name).is_some_and(|c| c.new.is_some());
    let wide = |columns: &[Ident]| columns.contains(old) && columns.iter().any(stays);
    let constraints = source.constraints.iter().filter(|c| {
        (c.kind != ConstraintKind::NotNull && wide(&c.columns))
            || (c.kind == ConstraintKind::PrimaryKey && c.columns.contains(old))
    });
    let indexes = source.indexes.iter().filter(|index| index.constraint.is_none() && wide(&index.columns));
    constraints
        .map(|constraint| format!("constraint {}", constraint.name.as_str()))
        .chain(indexes.map(|index| format!("index {}", index.name.as_str())))
        .collect()
}

fn identity_fault(column: &DraftColumn<'_>) -> Option<String> {
    let source = column.source.filter(|_| column.is_replaced())?;
    let kind: Identity = source.identity?;
    let type_name = column.type_name.trim().to_ascii_lowercase();
    let integers = ["smallint", "integer", "bigint", "int", "int2", "int4", "int8"];
    (!integers.contains(&type_name.as_str())).then(|| {
        let always = if kind == Identity::Always { "ALWAYS" } else { "BY DEFAULT" };
        format!("it is GENERATED {always} AS IDENTITY, so its type must be smallint, integer or bigint")
    })
}

/// Everything but indexes and constraints that reads a column, by the name a person gives it.
fn depending(
    catalog: &Catalog,
    table: &Table,
    column: &Ident,
    replaced: bool,
    against: &mut BTreeSet<String>,
) {
    let schema = catalog.schema.as_str();
    let on = format!("{schema}.{}", table.name.as_str());
    for dependent in table.dependents.iter().filter(|dependent| dependent.column == *column) {
        // Statistics go with a dropped column, as DROP COLUMN has it.
        if replaced || !dependent.object.starts_with("statistics ") {
            add(against, dependent.object.clone());
        }
    }
    for policy in table.policies.iter().filter(|policy| policy.columns.contains(column)) {
        add(against, format!("policy {} on {on}", policy.name.as_str()));
    }
    for rule in table.rules.iter().filter(|rule| rule.columns.contains(column)) {
        add(against, format!("rule {} on {on}", rule.name.as_str()));
    }
    for trigger in table.triggers.iter().filter(|trigger| trigger.columns.contains(column)) {
        add(against, format!("trigger {} on {on}", trigger.name.as_str()));
    }
    if table.partition_columns.contains(column) {
        add(against, format!("partition key of {on}"));
    }
    for publication in &table.publications {
        let filters = publication.row_filter.as_deref().is_some_and(|filter| reads(filter, table, column));
        if filters || publication.columns.as_ref().is_some_and(|columns| columns.contains(column)) {
            add(against, format!("publication {}", publication.name.as_str()));
        }
    }
    for constraint in table.constraints.iter().filter(|c| c.kind == ConstraintKind::Exclude) {
        let index = table.indexes.iter().find(|index| Some(&index.name) == constraint.index.as_ref());
        let plain = constraint.columns.contains(column);
        let reads = plain || index.is_some_and(|index| index.columns.contains(column));
        // It goes with a column that is one of its keys, and not with what an expression of it reads.
        if reads && (replaced || !plain) {
            add(against, format!("exclusion constraint {} on {on}", constraint.name.as_str()));
        }
    }
    for other in catalog.tables.values() {
        for constraint in &other.constraints {
            let Some(foreign) = &constraint.foreign else { continue };
            if foreign.schema == catalog.schema
                && foreign.table == table.name
                && foreign.columns.contains(column)
            {
                // A table's own foreign key goes with a column of both its ends.
                if !replaced && other.name == table.name && constraint.columns.contains(column) {
                    continue;
                }
                add(
                    against,
                    format!("foreign key {} on {schema}.{}", constraint.name.as_str(), other.name.as_str()),
                );
            }
        }
    }
}

fn bare(object: &str) -> String {
    object.replace('"', "")
}

/// Names are quoted where they stand in the catalog's list of dependents and bare in ours: one of both is enough.
fn add(against: &mut BTreeSet<String>, object: String) {
    if !against.iter().any(|known| bare(known) == bare(&object)) {
        against.insert(object);
    }
}

/// What a partition has beside what its parent has.
fn on_partition(partition: &Table, parent: &Table, column: &Ident, against: &mut BTreeSet<String>) {
    let own = |index: &&Index| index.parent.is_none();
    for index in partition.indexes.iter().filter(own).filter(|index| index.columns.contains(column)) {
        against.insert(format!("index {} of partition {}", index.name.as_str(), partition.name.as_str()));
    }
    for constraint in partition.constraints.iter().filter(|c| c.kind != ConstraintKind::NotNull) {
        let inherited = constraint.parent.is_some()
            || constraint.kind == ConstraintKind::Check
                && parent.constraints.iter().any(|c| c.name == constraint.name);
        if constraint.columns.contains(column) && !inherited {
            let name = constraint.name.as_str();
            against.insert(format!("constraint {name} of partition {}", partition.name.as_str()));
        }
    }
}

pub fn reads(expression: &str, table: &Table, column: &Ident) -> bool {
    struct Nothing;
    impl super::expr::Scope for Nothing {
        fn relation_columns(&self, _: Option<&str>, _: &str) -> Option<Vec<Ident>> {
            None
        }
    }
    match Expression::parse(expression, &table.name, &Nothing) {
        Ok(expression) => expression.references().contains(column),
        // What cannot be read may well read the column.
        Err(_) => true,
    }
}

fn dropped_table(draft: &mut Draft<'_>, number: usize, source: &Table) {
    let schema = draft.catalog.schema.as_str().to_owned();
    let own = format!(" on {schema}.{}", source.name.as_str());
    let mut gone = vec![source];
    gone.extend(partitions(draft.catalog, source));
    let mut against = BTreeSet::new();
    for table in &gone {
        for dependent in &table.dependents {
            let object = &dependent.object;
            let outside = ["view ", "materialized view ", "function ", "procedure "]
                .iter()
                .any(|k| object.starts_with(k))
                || (["policy ", "rule "].iter().any(|kind| object.starts_with(kind))
                    && !object.ends_with(&own))
                || (object.starts_with("foreign key ") && !object.contains(&format!(" on {schema}.")));
            if outside {
                against.insert(object.clone());
            }
        }
    }
    for other in &draft.tables {
        let Some(table) = other.source.filter(|_| other.shown.is_some()) else { continue };
        for constraint in &table.constraints {
            let Some(foreign) = &constraint.foreign else { continue };
            let here = foreign.schema == draft.catalog.schema
                && gone.iter().any(|table| table.name == foreign.table);
            let goes =
                constraint.columns.iter().any(|c| other.column_of(c).is_some_and(DraftColumn::is_dropped));
            if here && !goes {
                against.insert(format!(
                    "foreign key {} on {schema}.{}",
                    constraint.name.as_str(),
                    table.name.as_str()
                ));
            }
        }
    }
    for other in &draft.tables {
        for addition in &other.additions {
            if let AdditionKind::ForeignKey(key) = &addition.kind
                && key.target == number
            {
                against.insert(format!("foreign key {} of this plan", addition.name.as_str()));
            }
        }
    }
    for label in draft.replaced_labels() {
        against.remove(&label);
    }
    if draft.created.referenced.iter().any(|(_, of)| *of == number) {
        against.insert("a foreign key of a table that this plan creates".into());
    }
    if against.is_empty() {
        return;
    }
    let list: Vec<&str> = against.iter().map(String::as_str).collect();
    let message = format!(
        "cannot drop table `{}`: what depends on it would break: {}",
        source.name.as_str(),
        list.join(", ")
    );
    let span = draft.tables[number].span.clone();
    draft.error_help(
        "compile.dependents",
        message,
        &span,
        "drop these before, or in the same plan where they are columns",
    );
}

/// A foreign key of this plan whose target a later operation changed.
fn created_references(draft: &mut Draft<'_>) {
    let mut faults = Vec::new();
    for table in &draft.tables {
        for addition in &table.additions {
            let AdditionKind::ForeignKey(key) = &addition.kind else { continue };
            let target = &draft.tables[key.target];
            let mut columns = key.target_columns.iter().map(|column| &target.columns[*column]);
            if target.source.is_some()
                && target.shown.is_some()
                && let Some(column) = columns.find(|column| !column.is_shared())
            {
                faults.push((addition.what.clone(), column.name.as_str().to_owned(), addition.span.clone()));
            }
        }
    }
    for (what, column, span) in faults {
        let message =
            format!("{what} points at `{column}`, which a later operation of this plan changes or drops");
        draft.error_help("compile.reference_changed", message, &span, "add the foreign key in a later plan");
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
