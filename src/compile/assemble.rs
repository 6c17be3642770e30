//! Owns the order of expand and backfill: from the draft to steps, each with its locks and its way back.
//! Must not decide what may be done; the contract is `contract`'s.

use super::carry::BuiltForeignKey;
use super::draft::{Draft, DraftColumn, Up};
use super::exclusion;
use super::names;
use super::op::comment_sql;
use super::partitioned;
use super::partitioned_key;
use super::program::{Action, Cost, Lock, LockMode, Phase, Step, Undo};
use super::shape::Shape;
use super::sync;
use crate::catalog::{Column, Grant, TableKind};
use crate::ident::{Ident, QualifiedName};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

pub fn step(
    title: impl Into<String>,
    phase: Phase,
    action: Action,
    locks: Vec<Lock>,
    cost: Cost,
    undo: Undo,
) -> Step {
    Step { title: title.into(), phase, action, locks, cost, undo }
}

/// Sorted by name; the stronger where one comes twice. `lock_order` has the last word.
pub fn locks(wanted: impl IntoIterator<Item = (QualifiedName, LockMode)>) -> Vec<Lock> {
    let mut strongest: BTreeMap<QualifiedName, LockMode> = BTreeMap::new();
    for (relation, mode) in wanted {
        let held = strongest.entry(relation).or_insert(mode);
        *held = (*held).max(mode);
    }
    strongest.into_iter().map(|(relation, mode)| Lock { relation, mode }).collect()
}

/// Some of what builds the tables that are new: one transaction, so that they may refer to each other.
pub fn create_tables(draft: &Draft<'_>, which: Range<usize>) -> Option<Step> {
    let (before, statements) = (&draft.created.statements[..which.start], &draft.created.statements[which]);
    if statements.is_empty() {
        return None;
    }
    let among = |of: &[(usize, String)], number: usize| of.iter().any(|(table, _)| *table == number);
    let touched: Vec<usize> = (0..draft.tables.len()).filter(|number| among(statements, *number)).collect();
    let new: Vec<usize> = touched.iter().copied().filter(|number| !among(before, *number)).collect();
    let referenced: BTreeSet<QualifiedName> = draft
        .created
        .referenced
        .iter()
        .filter(|(by, of)| touched.contains(by) && draft.tables[*of].source.is_some())
        .map(|(_, of)| draft.qualified(*of))
        .collect();
    let names: Vec<String> = new.iter().rev().map(|number| draft.qualified(*number).to_string()).collect();
    let shown: Vec<&str> = touched.iter().map(|number| draft.tables[*number].logical().as_str()).collect();
    let undo = match new.is_empty() {
        // What made the table takes it away again.
        true => Vec::new(),
        false => vec![format!("DROP TABLE IF EXISTS {}", names.join(", "))],
    };
    let with = |mode| locks(referenced.iter().map(|name| (name.clone(), mode)));
    Some(step(
        format!("create {}", shown.join(", ")),
        Phase::Expand,
        Action::Ddl { statements: statements.iter().map(|(_, sql)| sql.clone()).collect() },
        with(LockMode::ShareRowExclusive),
        Cost::Catalog,
        Undo::Ddl { statements: undo, locks: with(LockMode::AccessExclusive) },
    ))
}

/// Hidden columns, the marker, the triggers: one short transaction per table.
pub fn expand(draft: &Draft<'_>, shape: &Shape<'_>) -> Option<Step> {
    let table = &draft.tables[shape.number];
    let hidden: Vec<(&DraftColumn<'_>, &Ident)> =
        table.columns.iter().filter(|c| !c.is_shared()).filter_map(|c| Some((c, c.new.as_ref()?))).collect();
    if hidden.is_empty() && shape.sync.is_none() {
        return None;
    }
    let name = &shape.name;
    let (mut statements, mut undo) = (Vec::new(), Vec::new());
    let mut adds = Vec::new();
    let mut drops = Vec::new();
    // First: its byte has room before a column that is aligned, and behind one it takes eight. Rows that grow less stay on their
    // page more often.
    if let Some(marker) = &shape.marker {
        adds.push(format!("ADD COLUMN {marker} boolean DEFAULT true"));
        drops.push(format!("DROP COLUMN IF EXISTS {marker}"));
    }
    for (column, new) in &hidden {
        if let Some((sequence, type_name)) = &column.serial {
            let sequence = QualifiedName::new(&name.schema, sequence);
            let options = column.new_identity.as_ref().map_or("", |identity| &identity.options);
            statements.push(format!("CREATE SEQUENCE {sequence} AS {type_name}{options}"));
            // A column can only own a sequence of its table's owner, who need not be the role that does this.
            if !shape.source.owner.as_str().is_empty() {
                statements.push(format!("ALTER SEQUENCE {sequence} OWNER TO {}", shape.source.owner));
            }
            statements.extend(sequence_grants(&writers(shape), &sequence));
        }
        adds.push(format!("ADD COLUMN {}", definition(draft, shape, column, new)));
        drops.push(format!("DROP COLUMN IF EXISTS {new}"));
    }
    if !adds.is_empty() {
        statements.push(format!("ALTER TABLE {name} {}", adds.join(", ")));
    }
    // It was for the rows that are there; the old version's new rows get theirs by `up`.
    for (_, new) in hidden.iter().filter(|(column, _)| made_with(column).is_some()) {
        statements.push(format!("ALTER TABLE {name} ALTER COLUMN {new} DROP DEFAULT"));
    }
    for (column, new) in &hidden {
        if let Some(source) = column.source {
            statements.extend(settings(name, source, column, new));
        }
        if let Some(comment) = &column.comment {
            statements.push(comment_sql(&format!("COLUMN {name}.{new}"), Some(comment)));
        }
    }
    for (grantee, sequence) in identity_writers(draft, shape) {
        let grantee = role(&grantee);
        statements.push(format!("GRANT USAGE ON SEQUENCE {sequence} TO {grantee}"));
        undo.push(format!("REVOKE USAGE ON SEQUENCE {sequence} FROM {grantee}"));
    }
    if let Some(sync) = &shape.sync {
        undo.splice(0..0, sync::drop_statements(sync));
    }
    if !drops.is_empty() {
        undo.push(format!("ALTER TABLE {name} {}", drops.join(", ")));
    }
    for (column, _) in &hidden {
        if let Some((sequence, _)) = &column.serial {
            undo.push(format!("DROP SEQUENCE IF EXISTS {}", QualifiedName::new(&name.schema, sequence)));
        }
    }
    let held = locks([(name.clone(), LockMode::AccessExclusive)]);
    let action = match &shape.sync {
        Some(sync) => Action::Expand { statements, sync: Box::new(sync.clone()) },
        None => Action::Ddl { statements },
    };
    let title = format!("expand {}", table.logical().as_str());
    let undo = Undo::Ddl { statements: undo, locks: held.clone() };
    Some(step(title, Phase::Expand, action, held, Cost::Catalog, undo))
}

/// What rows have that `up` is not for.
fn made_with<'a>(column: &'a DraftColumn<'_>) -> Option<&'a String> {
    column.only.as_ref()?.made_with.as_ref()
}

fn definition(draft: &Draft<'_>, shape: &Shape<'_>, column: &DraftColumn<'_>, new: &Ident) -> String {
    let mut sql = format!("{new} {}", column.type_name);
    if let Some(collation) = column.source.and_then(|c| c.collation.as_ref()).filter(|_| !column.type_changed)
    {
        sql.push_str(&format!(" COLLATE {collation}"));
    }
    if let Up::Constant(default) = &column.up {
        if column.not_null {
            if draft.catalog.major() >= 18 {
                let first = first_not_null_name(&not_null_name(draft, shape, column));
                sql.push_str(&format!(" CONSTRAINT {first}"));
            }
            sql.push_str(" NOT NULL");
        }
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    if let Some(value) = made_with(column) {
        sql.push_str(&format!(" DEFAULT {value}"));
    }
    sql
}

/// The last name of a NOT NULL constraint, as 18 has them.
pub fn not_null_name(draft: &Draft<'_>, shape: &Shape<'_>, column: &DraftColumn<'_>) -> Ident {
    if let Some(name) = &column.not_null_name {
        return name.clone();
    }
    let old = column.old().and_then(|old| {
        shape
            .source
            .constraints
            .iter()
            .find(|c| c.kind == crate::catalog::ConstraintKind::NotNull && c.columns.first() == Some(old))
    });
    old.map_or_else(
        || names::object_name(draft.tables[shape.number].logical(), &column.name, "not_null"),
        |constraint| draft.tables[shape.number].last_name(constraint).clone(),
    )
}

/// Its name until the contract: the last one may still be that of a column which is dropped then.
pub fn first_not_null_name(last: &Ident) -> Ident {
    names::hidden(last, "_segue_new_", |_| false)
}

/// What ALTER COLUMN … TYPE would leave of a column's settings, and who may use it.
fn settings(table: &QualifiedName, source: &Column, column: &DraftColumn<'_>, new: &Ident) -> Vec<String> {
    let mut statements = Vec::new();
    let mut alter = Vec::new();
    if let Some(storage) = source.storage.as_ref().filter(|_| !column.type_changed) {
        alter.push(format!("ALTER COLUMN {new} SET STORAGE {storage}"));
    }
    if let Some(compression) = source.compression.as_ref().filter(|_| !column.type_changed) {
        alter.push(format!("ALTER COLUMN {new} SET COMPRESSION {compression}"));
    }
    if let Some(target) = source.statistics_target {
        alter.push(format!("ALTER COLUMN {new} SET STATISTICS {target}"));
    }
    if !source.options.is_empty() {
        alter.push(format!("ALTER COLUMN {new} SET ({})", source.options.join(", ")));
    }
    if !alter.is_empty() {
        statements.push(format!("ALTER TABLE {table} {}", alter.join(", ")));
    }
    for grant in &source.grants {
        let with = if grant.grantable { " WITH GRANT OPTION" } else { "" };
        statements.push(format!(
            "GRANT {} ({new}) ON {table} TO {}{with}",
            grant.privilege,
            role(&grant.grantee)
        ));
    }
    statements
}

pub fn role(grantee: &Ident) -> String {
    if grantee.as_str().is_empty() { "PUBLIC".to_owned() } else { grantee.to_string() }
}

/// Who may write the table. Their inserts and updates give out numbers of a new serial column's sequence.
pub fn writers(shape: &Shape<'_>) -> Vec<Ident> {
    grantees(shape, &["INSERT", "UPDATE"])
}

fn grantees(shape: &Shape<'_>, privileges: &[&str]) -> Vec<Ident> {
    let of = |grants: &'_ [Grant]| -> Vec<Ident> {
        grants
            .iter()
            .filter(|g| privileges.contains(&g.privilege.as_str()))
            .map(|g| g.grantee.clone())
            .collect()
    };
    let mut roles = of(&shape.source.grants);
    roles.extend(shape.source.columns.iter().flat_map(|column| of(&column.grants)));
    roles.retain(|role| *role != shape.source.owner);
    roles.sort();
    roles.dedup();
    roles
}

pub fn sequence_grants(roles: &[Ident], sequence: &QualifiedName) -> Vec<String> {
    roles.iter().map(|grantee| format!("GRANT USAGE ON SEQUENCE {sequence} TO {}", role(grantee))).collect()
}

/// Identity needs no right on its sequence, a view's `nextval` does: who lacks it for the time of the rollout.
pub fn identity_writers(draft: &Draft<'_>, shape: &Shape<'_>) -> Vec<(Ident, QualifiedName)> {
    let mut lacking = Vec::new();
    for column in draft.tables[shape.number].columns.iter().filter(|column| column.is_replaced()) {
        let Some(source) = column.source.filter(|source| source.identity.is_some()) else { continue };
        let Some(sequence) = &source.owned_sequence else { continue };
        let known = draft.catalog.sequences.get(sequence);
        for grantee in grantees(shape, &["INSERT"]) {
            let has = known.is_some_and(|sequence| {
                let may =
                    |g: &Grant| g.grantee == grantee && ["USAGE", "UPDATE"].contains(&g.privilege.as_str());
                sequence.grants.iter().any(may)
            });
            if !has {
                lacking.push((grantee, QualifiedName::new(&shape.name.schema, sequence)));
            }
        }
    }
    lacking
}

/// Whether NOT NULL must be proved on what was filled.
pub fn needs_proof(column: &DraftColumn<'_>) -> bool {
    column.not_null && column.new.is_some() && (column.is_filled() || column.proved_in_place)
}

pub fn proof_name(shape: &Shape<'_>, column: &DraftColumn<'_>) -> Ident {
    let new = column.new.as_ref().expect("a column that is filled");
    names::hidden(new, "_segue_not_null", |name| shape.source.constraints.iter().any(|c| c.name == *name))
}

/// Fill, then prove, then index.
pub fn backfill(draft: &Draft<'_>, shape: &Shape<'_>) -> Vec<Step> {
    let name = &shape.name;
    let table = &draft.tables[shape.number];
    let shown = table.logical().as_str();
    let partitioned = shape.source.kind == TableKind::Partitioned;
    let mut steps = Vec::new();
    // What is in place comes before what is mended: then nothing can come to violate it any more, and an `up` that
    // gives what violates it, too, is found at its row.
    let mut validate = Vec::new();
    steps.extend(constraints(draft, shape, true, &mut validate));
    for spec in &shape.mending {
        let columns: Vec<&str> = spec.shown.iter().map(Ident::as_str).collect();
        steps.push(step(
            format!("mend {shown} ({})", columns.join(", ")),
            Phase::Backfill,
            Action::Backfill(spec.clone()),
            locks([(name.clone(), LockMode::RowExclusive)]),
            Cost::Fill,
            Undo::Nothing,
        ));
    }
    if let Some(spec) = &shape.backfill {
        let columns: Vec<&str> = spec.shown.iter().map(Ident::as_str).collect();
        steps.push(step(
            format!("fill {shown} ({})", columns.join(", ")),
            Phase::Backfill,
            Action::Backfill(spec.clone()),
            locks([(name.clone(), LockMode::RowExclusive)]),
            Cost::Fill,
            Undo::Nothing,
        ));
    }
    steps.extend(constraints(draft, shape, false, &mut validate));
    steps.extend(validate.into_iter().map(|(table, constraint, title)| prove(table, constraint, title)));
    for key in shape.built.foreign_keys.iter().filter(|key| partitioned && !key.late) {
        steps.push(partitioned::whole_foreign_key(draft, shape, key));
    }
    for index in &shape.built.indexes {
        if let Some(exclusion) = exclusion::build(draft, shape, index) {
            steps.push(exclusion);
            continue;
        }
        if partitioned {
            steps.extend(partitioned_key::build(draft, shape, index));
            continue;
        }
        steps.push(step(
            format!("build index {} on {shown}", index.last_name.as_str()),
            Phase::Backfill,
            Action::BuildIndex { table: name.clone(), index: index.name.clone(), sql: index.sql.clone() },
            locks([(name.clone(), LockMode::ShareUpdateExclusive)]),
            Cost::Scan,
            Undo::DropIndex { index: QualifiedName::new(&name.schema, &index.name) },
        ));
    }
    steps
}

/// Foreign keys that point at new forms, once those are filled and indexed: all of them, then their proofs.
pub fn late_foreign_keys(draft: &Draft<'_>, shapes: &[Shape<'_>]) -> Vec<Step> {
    let shown = |shape: &Shape<'_>| draft.tables[shape.number].logical().as_str().to_owned();
    let late: Vec<(&Shape<'_>, &BuiltForeignKey)> = shapes
        .iter()
        .flat_map(|shape| shape.built.foreign_keys.iter().filter(|key| key.late).map(move |key| (shape, key)))
        .collect();
    let (mut steps, mut validate, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for (shape, key) in late {
        if shape.source.kind == TableKind::Partitioned {
            steps.extend(partitioned::foreign_key(draft, shape, key, &mut validate));
            whole.push(partitioned::whole_foreign_key(draft, shape, key));
            continue;
        }
        steps.push(add_foreign_key(shape, &shown(shape), key));
        if key.validate {
            let (constraint, title) = prove_foreign_key(&shown(shape), key);
            validate.push((shape.name.clone(), constraint, title));
        }
    }
    steps.extend(validate.into_iter().map(|(table, constraint, title)| prove(table, constraint, title)));
    steps.extend(whole);
    steps
}

fn add_foreign_key(shape: &Shape<'_>, shown: &str, key: &BuiltForeignKey) -> Step {
    let name = &shape.name;
    let both = |mode| locks([(name.clone(), mode), (key.target.clone(), mode)]);
    let add = format!("ALTER TABLE {name} ADD CONSTRAINT {} {} NOT VALID", key.name, key.definition);
    step(
        format!("add foreign key {} to {shown}", key.last_name.as_str()),
        Phase::Backfill,
        Action::Ddl { statements: vec![add] },
        both(LockMode::ShareRowExclusive),
        Cost::Catalog,
        drop_constraints(name, std::slice::from_ref(&key.name), both(LockMode::AccessExclusive)),
    )
}

fn prove_foreign_key(shown: &str, key: &BuiltForeignKey) -> (Ident, String) {
    (key.name.clone(), format!("prove foreign key {} of {shown}", key.last_name.as_str()))
}

fn prove(table: QualifiedName, constraint: Ident, title: String) -> Step {
    let held = locks([(table.clone(), LockMode::ShareUpdateExclusive)]);
    let action = Action::Validate { table, constraint };
    step(title, Phase::Backfill, action, held, Cost::Scan, Undo::Nothing)
}

/// Those that are in place, or the others; what of them is to be proved when all rows are filled goes to `validate`.
fn constraints(
    draft: &Draft<'_>,
    shape: &Shape<'_>,
    early: bool,
    validate: &mut Vec<(QualifiedName, Ident, String)>,
) -> Vec<Step> {
    let name = &shape.name;
    let table = &draft.tables[shape.number];
    let shown = table.logical().as_str();
    let mut steps = Vec::new();
    let mut constraints = Vec::new();
    for column in table.columns.iter().filter(|c| needs_proof(c) && c.proved_in_place == early) {
        let proof = proof_name(shape, column);
        let new = column.new.as_ref().expect("a column that is filled");
        constraints.push(format!("ADD CONSTRAINT {proof} CHECK ({new} IS NOT NULL) NOT VALID"));
        validate.push((name.clone(), proof, format!("prove {shown}.{} NOT NULL", column.name.as_str())));
    }
    for check in shape.built.checks.iter().filter(|check| check.early == early) {
        let inherit = if check.no_inherit { " NO INHERIT" } else { "" };
        constraints
            .push(format!("ADD CONSTRAINT {} CHECK {}{inherit} NOT VALID", check.name, check.expression));
        if check.validate {
            let title = format!("prove check {} of {shown}", check.last_name.as_str());
            validate.push((name.clone(), check.name.clone(), title));
        }
    }
    if !constraints.is_empty() {
        let held = locks([(name.clone(), LockMode::AccessExclusive)]);
        let undo = drop_constraints(name, &constraints_of(shape, table, early), held.clone());
        steps.push(step(
            format!("add constraints to {shown}"),
            Phase::Backfill,
            Action::Ddl { statements: vec![format!("ALTER TABLE {name} {}", constraints.join(", "))] },
            held,
            Cost::Catalog,
            undo,
        ));
    }
    for key in shape.built.foreign_keys.iter().filter(|key| key.early == early && !key.late) {
        if shape.source.kind == TableKind::Partitioned {
            steps.extend(partitioned::foreign_key(draft, shape, key, validate));
            continue;
        }
        steps.push(add_foreign_key(shape, shown, key));
        if key.validate {
            let (constraint, title) = prove_foreign_key(shown, key);
            validate.push((name.clone(), constraint, title));
        }
    }
    steps
}

fn constraints_of(shape: &Shape<'_>, table: &super::draft::DraftTable<'_>, early: bool) -> Vec<Ident> {
    let proofs = table
        .columns
        .iter()
        .filter(|c| needs_proof(c) && c.proved_in_place == early)
        .map(|c| proof_name(shape, c));
    let checks = shape.built.checks.iter().filter(|check| check.early == early);
    proofs.chain(checks.map(|check| check.name.clone())).collect()
}

fn drop_constraints(table: &QualifiedName, names: &[Ident], locks: Vec<Lock>) -> Undo {
    let drops: Vec<String> = names.iter().map(|name| format!("DROP CONSTRAINT IF EXISTS {name}")).collect();
    Undo::Ddl { statements: vec![format!("ALTER TABLE {table} {}", drops.join(", "))], locks }
}
