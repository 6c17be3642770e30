//! Owns the contract: what is dropped, renamed and attached once the old version is gone, so that the table ends
//! as plain ALTER TABLE would have left it, but for the order of its columns.

use super::assemble::{
    first_not_null_name, identity_writers, locks, needs_proof, not_null_name, proof_name, role,
    sequence_grants, step, writers,
};
use super::beside;
use super::draft::{Draft, DraftColumn, DraftTable, Up};
use super::exclusion;
use super::hazard::partitions;
use super::names;
use super::op::{comment_sql, replica_identity_sql};
use super::partitioned;
use super::partitioned_key;
use super::program::{Action, Cost, LockMode, Phase, Step, Undo};
use super::shape::Shape;
use super::sync;
use crate::catalog::{Constraint, ConstraintKind, ForeignKey, Identity, Sequence, TableKind};
use crate::ident::{Ident, QualifiedName, literal};
use std::collections::BTreeSet;

/// A column on its way to its last name.
type Rename = (Ident, Ident);

/// Whether keys with new forms tie the table to others: they change over at one moment.
pub fn is_joined(draft: &Draft<'_>, shape: &Shape<'_>) -> bool {
    is_joined_table(&draft.tables[shape.number])
}

fn is_joined_table(table: &DraftTable<'_>) -> bool {
    table.retargeted || table.under_view || table.columns.iter().any(|column| column.followed)
}

/// One transaction: the last form of tables that are joined. They come before all others.
pub fn tables(
    draft: &Draft<'_>,
    shapes: &[&Shape<'_>],
    version_schema: &Ident,
    views_go: &[String],
    (between, views_come): (Vec<String>, &[String]),
) -> Option<Step> {
    // An old column cannot go while a foreign key points at it.
    let pointing = shapes.iter().flat_map(|shape| {
        let gone = shape.source.constraints.iter().filter(|c| draft.is_retargeted(c));
        gone.map(|constraint| format!("ALTER TABLE {} DROP CONSTRAINT {}", shape.name, constraint.name))
    });
    let mut sql: Vec<String> = views_go.to_vec();
    sql.extend(pointing);
    let mut held = Vec::new();
    let mut views = Vec::new();
    for shape in shapes {
        sql.extend(statements(draft, shape));
        held.extend(held_by(draft, shape, &|_| false));
        views.extend(identity_view(draft, shape, version_schema));
    }
    sql.extend(between);
    sql.extend(views_come.iter().cloned());
    let shown: Vec<&str> = shapes.iter().map(|shape| draft.tables[shape.number].logical().as_str()).collect();
    at_one_moment(&shown, sql, held, views)
}

fn at_one_moment(
    shown: &[&str],
    mut sql: Vec<String>,
    held: Vec<(QualifiedName, LockMode)>,
    views: Vec<(QualifiedName, Vec<String>)>,
) -> Option<Step> {
    if sql.is_empty() {
        return None;
    }
    let title = format!("contract {}", shown.join(", "));
    // Applications lock a view before its table, and so must we.
    let mut all = locks(views.iter().map(|(view, _)| (view.clone(), LockMode::AccessExclusive)));
    all.extend(locks(held));
    sql.extend(views.into_iter().flat_map(|(_, sql)| sql));
    Some(step(title, Phase::Contract, Action::Ddl { statements: sql }, all, Cost::Catalog, Undo::Nothing))
}

/// One transaction: the table's last form.
pub fn table(draft: &Draft<'_>, shape: &Shape<'_>, version_schema: &Ident) -> Option<Step> {
    let has_its_last_name = |number: usize| number < shape.number || is_joined_table(&draft.tables[number]);
    let held = held_by(draft, shape, &has_its_last_name);
    let view = identity_view(draft, shape, version_schema).into_iter().collect();
    at_one_moment(&[draft.tables[shape.number].logical().as_str()], statements(draft, shape), held, view)
}

/// The table, and what a foreign key of it that goes points at: dropping it takes the triggers there.
fn held_by(
    draft: &Draft<'_>,
    shape: &Shape<'_>,
    has_its_last_name: &dyn Fn(usize) -> bool,
) -> Vec<(QualifiedName, LockMode)> {
    let table = &draft.tables[shape.number];
    let gone = shape.source.constraints.iter().filter_map(|constraint| {
        let foreign = constraint.foreign.as_ref()?;
        let goes = constraint.columns.iter().any(|c| table.column_of(c).is_some_and(|c| !c.is_shared()));
        (goes || draft.is_retargeted(constraint))
            .then(|| (name_then(draft, foreign, has_its_last_name), LockMode::AccessExclusive))
    });
    let before = beside::dropped_before(draft, shape.number).map(|by| (by, LockMode::AccessExclusive));
    std::iter::once((shape.name.clone(), LockMode::AccessExclusive)).chain(gone).chain(before).collect()
}

fn statements(draft: &Draft<'_>, shape: &Shape<'_>) -> Vec<String> {
    let table = &draft.tables[shape.number];
    let name = &shape.name;
    let mut sql: Vec<String> = Vec::new();
    if let Some(sync) = &shape.sync {
        sql.extend(sync::drop_statements(sync));
    }
    let own = table.columns.iter().filter(|c| !c.is_shared() || needs_proof(c));
    let mut late_renames: Vec<Rename> = Vec::new();
    for (column, new) in own.filter_map(|c| Some((c, c.new.as_ref()?))) {
        if !column.is_shared() {
            own_sequence(name, column, new, &mut sql);
        }
        if let Some(sequence) = narrow_sequence(draft, column) {
            // A limit that is the narrower type's own becomes the wider one's.
            let sequence = QualifiedName::new(&name.schema, &sequence.name);
            sql.push(format!("ALTER SEQUENCE {sequence} AS {}", column.type_name));
        }
        if needs_proof(column) {
            let proof = proof_name(shape, column);
            if draft.catalog.major() >= 18 {
                let last = not_null_name(draft, shape, column);
                let first = first_not_null_name(&last);
                sql.push(format!("ALTER TABLE {name} ADD CONSTRAINT {first} NOT NULL {new}"));
                late_renames.push((first, last));
            } else {
                sql.push(format!("ALTER TABLE {name} ALTER COLUMN {new} SET NOT NULL"));
            }
            sql.push(format!("ALTER TABLE {name} DROP CONSTRAINT {proof}"));
        }
        if matches!(column.up, Up::Constant(_)) && column.not_null && draft.catalog.major() >= 18 {
            let last = not_null_name(draft, shape, column);
            late_renames.push((first_not_null_name(&last), last));
        }
        if let Some(sequence) = identity_sequence(draft, column) {
            begin_identity(draft, shape, column, new, sequence, &mut sql);
        }
        new_identity(draft, shape, column, new, &mut sql);
    }
    let beside = beside::beside(draft, shape.number);
    sql.extend(beside.drops);
    drop_columns(shape, table.columns.iter(), &mut sql);
    for (from, to) in ordered(renamed_constraints(draft, shape)) {
        sql.push(format!("ALTER TABLE {name} RENAME CONSTRAINT {from} TO {to}"));
    }
    for index in &shape.built.indexes {
        let excludes = index.constraint.as_ref().is_some_and(|(kind, ..)| *kind == exclusion::KIND);
        if excludes || shape.source.kind == TableKind::Partitioned {
            partitioned_key::last_form(name, index, &mut sql);
        } else if let Some((kind, deferral, _)) = &index.constraint {
            let (last, now) = (&index.last_name, &index.name);
            sql.push(format!("ALTER TABLE {name} ADD CONSTRAINT {last} {kind} USING INDEX {now}{deferral}"));
        } else if index.name != index.last_name {
            let now = QualifiedName::new(&name.schema, &index.name);
            sql.push(format!("ALTER INDEX {now} RENAME TO {}", index.last_name));
        }
    }
    let renames = table.columns.iter().filter_map(|c| Some((c.new.clone()?, c.name.clone())));
    for (from, to) in ordered(renames.filter(|(from, to)| from != to).collect()) {
        sql.push(format!("ALTER TABLE {name} RENAME COLUMN {from} TO {to}"));
    }
    let checks = shape.built.checks.iter().map(|c| (&c.name, &c.last_name, &c.comment));
    let keys = shape.built.foreign_keys.iter().map(|k| (&k.name, &k.last_name, &k.comment));
    for (now, last, comment) in checks.chain(keys) {
        if now != last {
            late_renames.push((now.clone(), last.clone()));
        }
        if let Some(comment) = comment {
            sql.push(comment_sql(&format!("CONSTRAINT {now} ON {name}"), Some(comment)));
        }
    }
    for (from, to) in late_renames {
        sql.push(format!("ALTER TABLE {name} RENAME CONSTRAINT {from} TO {to}"));
    }
    partitioned::last_key_names(shape, &mut sql);
    for column in &table.columns {
        end_column(draft, name, column, &mut sql);
    }
    end_indexes(draft, shape, &mut sql);
    sql.extend(beside.makes);
    if let Some(identity) = &table.replica_identity {
        sql.push(replica_identity_sql(name, &identity.to));
    }
    if let Some(shown) = table.shown.as_ref().filter(|shown| **shown != table.physical) {
        sql.push(format!("ALTER TABLE {name} RENAME TO {shown}"));
    }
    sql
}

/// Constraints that stay as they are but for their names; what stands on a new form gets its last name there.
fn renamed_constraints(draft: &Draft<'_>, shape: &Shape<'_>) -> Vec<Rename> {
    let table = &draft.tables[shape.number];
    let shared = |column: &Ident| table.column_of(column).is_some_and(DraftColumn::is_shared);
    let stays = |constraint: &&Constraint| {
        let index = shape.source.indexes.iter().find(|index| Some(&index.name) == constraint.index.as_ref());
        constraint.columns.iter().chain(index.iter().flat_map(|index| &index.columns)).all(shared)
    };
    let renamed = shape.source.constraints.iter().filter(stays);
    renamed
        .filter_map(|c| Some((c.name.clone(), table.renamed_constraints.get(&c.name)?.clone())))
        .filter(|(from, to)| from != to)
        .collect()
}

/// What a foreign key points at, by its name at a moment when some tables have had their contract.
fn name_then(
    draft: &Draft<'_>,
    foreign: &ForeignKey,
    has_its_last_name: &dyn Fn(usize) -> bool,
) -> QualifiedName {
    let here = foreign.schema == draft.catalog.schema;
    let before = draft.tables.iter().enumerate().filter(|(number, _)| has_its_last_name(*number));
    let before = before.map(|(_, table)| table).filter(|table| here && table.source.is_some());
    let renamed =
        before.filter(|table| table.physical == foreign.table).find_map(|table| table.shown.as_ref());
    QualifiedName::new(&foreign.schema, renamed.unwrap_or(&foreign.table))
}

fn own_sequence(table: &QualifiedName, column: &DraftColumn<'_>, new: &Ident, sql: &mut Vec<String>) {
    let carried =
        column.source.filter(|source| source.identity.is_none()).and_then(|s| s.owned_sequence.as_ref());
    let serial = column.serial.iter().filter(|_| column.new_identity.is_none()).map(|(sequence, _)| sequence);
    for sequence in carried.into_iter().chain(serial) {
        let sequence = QualifiedName::new(&table.schema, sequence);
        sql.push(format!("ALTER SEQUENCE {sequence} OWNED BY {table}.{new}"));
    }
}

/// The sequence that fills a widened column by its default, where it would run out before the column does.
fn narrow_sequence<'a>(draft: &Draft<'a>, column: &DraftColumn<'a>) -> Option<&'a Sequence> {
    let source = column.source.filter(|source| column.widened && source.identity.is_none())?;
    let default = source.default.as_ref()?;
    let plain = |name: &Ident| {
        name.as_str().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let is_named = |sequence: &&Sequence| {
        let schema = &draft.catalog.schema;
        [false, true].iter().any(|quoted| {
            let part = |name: &Ident| match *quoted || !plain(name) {
                true => name.to_string(),
                false => name.as_str().to_owned(),
            };
            *default
                == format!(
                    "nextval({}::regclass)",
                    literal(&format!("{}.{}", part(schema), part(&sequence.name)))
                )
        })
    };
    let owned = source.owned_sequence.as_ref().and_then(|name| draft.catalog.sequences.get(name));
    let found = owned.or_else(|| draft.catalog.sequences.values().find(is_named))?;
    (found.type_name != column.type_name).then_some(found)
}

fn identity_sequence<'a>(draft: &Draft<'a>, column: &DraftColumn<'a>) -> Option<&'a Sequence> {
    let source = column.source.filter(|source| source.identity.is_some() && column.is_replaced())?;
    draft.catalog.sequences.get(source.owned_sequence.as_ref()?)
}

/// Identity again, with a sequence that goes on where the old one, which goes with the old column, stands.
fn begin_identity(
    draft: &Draft<'_>,
    shape: &Shape<'_>,
    column: &DraftColumn<'_>,
    new: &Ident,
    old: &Sequence,
    sql: &mut Vec<String>,
) {
    let table = &shape.name;
    // The view still gives it a number of its own, which ALWAYS would refuse: see `identity_views`.
    let kind = "BY DEFAULT";
    let now = QualifiedName::new(&table.schema, &old.name);
    let next = QualifiedName::new(
        &table.schema,
        &names::hidden(&old.name, "_segue_new_", |n| draft.names.is_taken(n)),
    );
    let mut options = format!("SEQUENCE NAME {next} START WITH {} INCREMENT BY {}", old.start, old.increment);
    // As ALTER COLUMN … TYPE has it: bounds that are the old type's own become the new one's.
    let (least, most) = integer_bounds(&old.type_name);
    let ascending = old.increment > 0;
    if !(column.type_changed && old.minimum == if ascending { 1 } else { least }) {
        options.push_str(&format!(" MINVALUE {}", old.minimum));
    }
    if !(column.type_changed && old.maximum == if ascending { most } else { -1 }) {
        options.push_str(&format!(" MAXVALUE {}", old.maximum));
    }
    let cycle = if old.cycle { "CYCLE" } else { "NO CYCLE" };
    options.push_str(&format!(" CACHE {} {cycle}", old.cache));
    sql.push(format!("ALTER TABLE {table} ALTER COLUMN {new} ADD GENERATED {kind} AS IDENTITY ({options})"));
    let to = literal(&next.to_string());
    sql.push(format!(
        "SELECT pg_catalog.setval({to}::pg_catalog.regclass, last_value, is_called) FROM {now}"
    ));
    for grant in &old.grants {
        let with = if grant.grantable { " WITH GRANT OPTION" } else { "" };
        sql.push(format!("GRANT {} ON SEQUENCE {next} TO {}{with}", grant.privilege, role(&grant.grantee)));
    }
    // Lent until the view asks the table again.
    for (grantee, _) in identity_writers(draft, shape).into_iter().filter(|(_, sequence)| *sequence == now) {
        sql.push(format!("GRANT USAGE ON SEQUENCE {next} TO {}", role(&grantee)));
    }
    if let Some(comment) = &old.comment {
        sql.push(comment_sql(&format!("SEQUENCE {next}"), Some(comment)));
    }
}

/// A column that had a sequence so far becomes one of identity, and numbers go on.
fn new_identity(
    draft: &Draft<'_>,
    shape: &Shape<'_>,
    column: &DraftColumn<'_>,
    new: &Ident,
    sql: &mut Vec<String>,
) {
    let (Some(identity), Some((sequence, _))) = (&column.new_identity, &column.serial) else { return };
    let table = &shape.name;
    let now = QualifiedName::new(&table.schema, sequence);
    let next = names::hidden(sequence, "_segue_new_", |n| draft.names.is_taken(n));
    let next = QualifiedName::new(&table.schema, &next);
    let options = &identity.options;
    sql.push(format!(
        "ALTER TABLE {table} ALTER COLUMN {new} ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME {next}{options})"
    ));
    let to = literal(&next.to_string());
    sql.push(format!(
        "SELECT pg_catalog.setval({to}::pg_catalog.regclass, last_value, is_called) FROM {now}"
    ));
    sql.push(format!("DROP SEQUENCE {now}"));
    // The views ask for it by name.
    sql.push(format!("ALTER SEQUENCE {next} RENAME TO {sequence}"));
    sql.extend(sequence_grants(&writers(shape), &now));
}

fn integer_bounds(type_name: &str) -> (i64, i64) {
    match type_name {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

fn drop_columns<'c, 'a: 'c>(
    shape: &Shape<'_>,
    columns: impl Iterator<Item = &'c DraftColumn<'a>>,
    sql: &mut Vec<String>,
) {
    let mut drops: Vec<String> = columns
        .filter(|c| !c.is_shared())
        .filter_map(|c| Some(format!("DROP COLUMN {}", c.old()?)))
        .collect();
    if let Some(marker) = &shape.marker {
        drops.push(format!("DROP COLUMN {marker}"));
    }
    if !drops.is_empty() {
        sql.push(format!("ALTER TABLE {} {}", shape.name, drops.join(", ")));
    }
}

/// Renames in an order in which no name is ever there twice; rings are opened by a hidden name.
fn ordered(mut wanted: Vec<Rename>) -> Vec<Rename> {
    let mut done = Vec::new();
    while !wanted.is_empty() {
        let free = wanted.iter().position(|(_, to)| !wanted.iter().any(|(from, _)| from == to));
        match free {
            Some(at) => done.push(wanted.remove(at)),
            None => {
                let between = wanted[0].0.hidden("_segue_between_");
                done.push((wanted[0].0.clone(), between.clone()));
                wanted[0].0 = between;
            }
        }
    }
    done
}

/// Default and comment, under the column's last name, and what a sequence was called.
fn end_column(draft: &Draft<'_>, table: &QualifiedName, column: &DraftColumn<'_>, sql: &mut Vec<String>) {
    if column.new.is_none() {
        return;
    }
    let last = &column.name;
    let set = |sql: &mut Vec<String>| sql.push(default_sql(table, column));
    if column.is_shared() {
        if column.nullable_late {
            sql.push(format!("ALTER TABLE {table} ALTER COLUMN {last} DROP NOT NULL"));
        }
        // A new default is of the new type.
        if column.default_changed && !column.retyped {
            set(sql);
        }
        if column.comment_changed {
            sql.push(comment_sql(&format!("COLUMN {table}.{last}"), column.comment.as_deref()));
        }
        return;
    }
    match &column.up {
        Up::Constant(physical) if column.default.as_ref() == Some(physical) => {}
        Up::Constant(_) => set(sql),
        _ if column.default.is_some() => set(sql),
        _ => {}
    }
    if let Some(sequence) = identity_sequence(draft, column) {
        let hidden = names::hidden(&sequence.name, "_segue_new_", |n| draft.names.is_taken(n));
        let now = QualifiedName::new(&table.schema, &hidden);
        sql.push(format!("ALTER SEQUENCE {now} RENAME TO {}", sequence.name));
    }
}

/// Under the column's last name.
pub fn default_sql(table: &QualifiedName, column: &DraftColumn<'_>) -> String {
    let last = &column.name;
    match &column.default {
        Some(default) => format!("ALTER TABLE {table} ALTER COLUMN {last} SET DEFAULT {default}"),
        None => format!("ALTER TABLE {table} ALTER COLUMN {last} DROP DEFAULT"),
    }
}

fn end_indexes(draft: &Draft<'_>, shape: &Shape<'_>, sql: &mut Vec<String>) {
    let name = &shape.name;
    for index in &shape.built.indexes {
        let last = &index.last_name;
        let qualified = QualifiedName::new(&name.schema, last);
        for (from, to) in ordered(index_columns(draft, shape, &index.columns)) {
            let rename = format!("ALTER TABLE {qualified} RENAME COLUMN {from} TO {to}");
            sql.push(match index.has_expression {
                false => rename,
                // Then it is not renamed: such a name is nobody's business but the index's.
                true => {
                    let code = format!("BEGIN {rename}; EXCEPTION WHEN duplicate_column THEN NULL; END");
                    format!("DO {}", literal(&code))
                }
            });
        }
        for (key, target) in &index.statistics_targets {
            sql.push(format!("ALTER INDEX {qualified} ALTER COLUMN {key} SET STATISTICS {target}"));
        }
        if let Some(comment) = &index.comment {
            sql.push(comment_sql(&format!("INDEX {qualified}"), Some(comment)));
        }
        partitioned_key::end_parts(index, sql);
        if let Some((_, _, Some(comment))) = &index.constraint {
            sql.push(comment_sql(&format!("CONSTRAINT {last} ON {name}"), Some(comment)));
        }
        if index.clustered {
            sql.push(format!("ALTER TABLE {name} CLUSTER ON {last}"));
        }
        if index.replica_identity {
            sql.push(format!("ALTER TABLE {name} REPLICA IDENTITY USING INDEX {last}"));
        }
    }
}

/// Hidden names that an index keeps for its columns.
fn index_columns(draft: &Draft<'_>, shape: &Shape<'_>, columns: &[Ident]) -> Vec<Rename> {
    let table = &draft.tables[shape.number];
    let last = |physical: &Ident| {
        let column = table.columns.iter().find(|column| column.new.as_ref() == Some(physical));
        column.map_or(physical, |column| &column.name).as_str().to_owned()
    };
    let after: Vec<String> = columns.iter().map(last).collect();
    let before = names::index_columns(columns.iter().map(Ident::as_str));
    let after = names::index_columns(after.iter().map(String::as_str));
    before.into_iter().zip(after).filter(|(from, to)| from != to).collect()
}

/// The new version's view stands on a sequence by name while there are two; now identity serves it. At the same moment:
/// what is ALWAYS identity takes no number from a view.
fn identity_view(
    draft: &Draft<'_>,
    shape: &Shape<'_>,
    version_schema: &Ident,
) -> Option<(QualifiedName, Vec<String>)> {
    let table = &draft.tables[shape.number];
    let view = QualifiedName::new(version_schema, table.shown.as_ref()?);
    let mut sql = Vec::new();
    // By then it has its last name.
    let name = QualifiedName::new(&shape.name.schema, table.logical());
    for column in &table.columns {
        let carried = identity_sequence(draft, column).is_some();
        if !carried && column.new_identity.is_none() || column.new.is_none() {
            continue;
        }
        sql.push(format!("ALTER VIEW {view} ALTER COLUMN {} DROP DEFAULT", column.name));
        let always = match &column.new_identity {
            Some(identity) => identity.always,
            None => column.source.and_then(|source| source.identity) == Some(Identity::Always),
        };
        if always {
            sql.push(format!("ALTER TABLE {name} ALTER COLUMN {} SET GENERATED ALWAYS", column.name));
        }
        if let Some((sequence, _)) = column.serial.as_ref().filter(|_| column.new_identity.is_some()) {
            let sequence = QualifiedName::new(&shape.name.schema, sequence);
            let lent = writers(shape);
            sql.extend(
                lent.iter().map(|to| format!("REVOKE USAGE ON SEQUENCE {sequence} FROM {}", role(to))),
            );
        }
    }
    if sql.is_empty() {
        return None;
    }
    for (grantee, sequence) in identity_writers(draft, shape) {
        sql.push(format!("REVOKE USAGE ON SEQUENCE {sequence} FROM {}", role(&grantee)));
    }
    Some((view, sql))
}

/// Tables that are gone from the new version, all at once, so that they may refer to each other.
pub fn drop_tables(draft: &Draft<'_>) -> Option<Step> {
    let gone: Vec<_> = draft
        .tables
        .iter()
        .enumerate()
        .filter_map(|(number, table)| Some((number, table.source.filter(|_| table.shown.is_none())?)))
        .collect();
    if gone.is_empty() {
        return None;
    }
    let mut held = Vec::new();
    for (number, source) in &gone {
        held.push((draft.qualified(*number), LockMode::AccessExclusive));
        for partition in partitions(draft.catalog, source) {
            held.push((
                QualifiedName::new(&draft.catalog.schema, &partition.name),
                LockMode::AccessExclusive,
            ));
        }
        for foreign in source.constraints.iter().filter(|c| c.kind == ConstraintKind::ForeignKey) {
            let Some(foreign) = &foreign.foreign else { continue };
            held.push((name_then(draft, foreign, &|_| true), LockMode::AccessExclusive));
        }
    }
    // Partitions follow their parent.
    let roots: Vec<_> = gone.iter().filter(|(_, source)| source.partition_of.is_none()).collect();
    let names: BTreeSet<String> =
        roots.iter().map(|(number, _)| draft.qualified(*number).to_string()).collect();
    let shown: Vec<&str> = roots.iter().map(|(_, source)| source.name.as_str()).collect();
    let statement = format!("DROP TABLE {}", names.into_iter().collect::<Vec<_>>().join(", "));
    Some(step(
        format!("drop {}", shown.join(", ")),
        Phase::Contract,
        Action::Ddl { statements: vec![statement] },
        locks(held),
        Cost::Catalog,
        Undo::Nothing,
    ))
}

/// Indexes that the plan drops and that do not go with a column or a table anyway.
pub fn drop_indexes(draft: &Draft<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for dropped in &draft.dropped_indexes {
        let table = &draft.tables[dropped.table];
        let index =
            table.source.and_then(|source| source.indexes.iter().find(|index| index.name == dropped.name));
        let goes = index.is_some_and(|index| {
            index.columns.iter().any(|column| table.column_of(column).is_some_and(|c| !c.is_shared()))
        });
        let Some(shown) = table.shown.as_ref().filter(|_| !goes) else { continue };
        let index = QualifiedName::new(&draft.catalog.schema, &dropped.name);
        // By then the table has its last name.
        let on = QualifiedName::new(&draft.catalog.schema, shown);
        steps.push(step(
            format!("drop index {}", dropped.name.as_str()),
            Phase::Contract,
            Action::DropIndex { index },
            locks([(on, LockMode::ShareUpdateExclusive)]),
            Cost::Catalog,
            Undo::Nothing,
        ));
    }
    steps
}

pub fn analyze(draft: &Draft<'_>, shape: &Shape<'_>) -> Option<Step> {
    shape.backfill.as_ref()?;
    let shown = draft.tables[shape.number].logical();
    let table = QualifiedName::new(&shape.name.schema, shown);
    let held = locks([(table.clone(), LockMode::ShareUpdateExclusive)]);
    let title = format!("analyze {}", shown.as_str());
    Some(step(title, Phase::Contract, Action::Analyze { table }, held, Cost::Scan, Undo::Nothing))
}
