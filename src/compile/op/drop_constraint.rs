//! Owns `drop_constraint` and what it shares with `drop_multicolumn_constraint`: the constraint's columns get new forms
//! without it, and it goes with the old ones at the contract.

use super::new_form::{Form, can_have_two_forms, new_forms};
use super::rename_constraint::{Found, existing};
use crate::catalog::{Constraint, ConstraintKind};
use crate::compile::draft::Draft;
use crate::diagnostic::{Span, nearest};
use crate::ident::Ident;
use crate::plan::{DropConstraint, Text};

pub fn apply(draft: &mut Draft<'_>, op: &DropConstraint) {
    let Some(table) = draft.changeable(&op.table, "drop a constraint of") else { return };
    let Some(constraint) = droppable(draft, table, &op.name) else { return };
    let what = format!("drop_constraint {}", op.name.as_str());
    let Some(columns) = columns(draft, table, constraint, &op.name, &what) else { return };
    let &[column] = columns.as_slice() else {
        let names: Vec<&str> = constraint.columns.iter().map(Ident::as_str).collect();
        let message = format!("{what}: the constraint is over several columns: {}", names.join(", "));
        let help = "use `drop_multicolumn_constraint`, which takes `up` and `down` for each";
        draft.error_help("compile.several_columns", message, &op.name.span, help);
        return;
    };
    let name = draft.tables[table].columns[column].name.as_str().to_owned();
    if let Some(given) = op.column.as_ref().filter(|given| given.value != name) {
        let message = format!("{what}: the constraint is over column `{name}`, not `{}`", given.as_str());
        draft.error_help("compile.column_missing", message, &given.span, "leave out `column`");
        return;
    }
    drop(draft, table, constraint, &[(column, op.up.as_ref(), &op.down)], &op.name, &what);
}

/// The constraint of the catalog that is meant. `None` also where it was this plan's own: then it never comes to be.
pub fn droppable<'a>(draft: &mut Draft<'a>, table: usize, name: &Text) -> Option<&'a Constraint> {
    let physical = match existing(draft, table, name)? {
        Found::Addition(at) => {
            let addition = draft.tables[table].additions.remove(at);
            if addition.is_index() {
                draft.names.release(&addition.name);
            }
            if draft.tables[table].source.is_none() {
                let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", draft.qualified(table), addition.name);
                draft.created.statements.push((table, sql));
            }
            return None;
        }
        Found::Before(physical) => physical,
    };
    let source = draft.tables[table].source?;
    let constraint = source.constraints.iter().find(|c| c.name == physical)?;
    let (kind, help) = match constraint.kind {
        ConstraintKind::Check | ConstraintKind::Unique | ConstraintKind::ForeignKey => {
            return Some(constraint);
        }
        ConstraintKind::NotNull => ("a NOT NULL constraint", "use `alter_column` with `nullable: true`"),
        ConstraintKind::PrimaryKey => {
            ("the primary key", "drop it with an `sql` operation once no version needs it")
        }
        ConstraintKind::Exclude => {
            ("an exclusion constraint", "drop it with an `sql` operation once no version needs it")
        }
    };
    let message = format!("cannot drop constraint `{}`: it is {kind}", name.as_str());
    draft.error_help("compile.constraint_kind", message, &name.span, help);
    None
}

/// The columns the constraint is over, by number. Reports where it has none, or one that cannot have two forms.
pub fn columns(
    draft: &mut Draft<'_>,
    table: usize,
    constraint: &Constraint,
    name: &Text,
    what: &str,
) -> Option<Vec<usize>> {
    let found = &draft.tables[table];
    let number = |old: &Ident| found.columns.iter().position(|column| column.old() == Some(old));
    let numbers: Vec<usize> = constraint.columns.iter().filter_map(number).collect();
    if numbers.is_empty() {
        let message = format!("{what}: the constraint reads no column that could have a form without it");
        let help = "drop it with an `sql` operation with `onComplete: true`";
        draft.error_help("compile.no_columns", message, &name.span, help);
        return None;
    }
    let possible =
        numbers.iter().filter(|column| can_have_two_forms(draft, table, **column, &name.span, what)).count();
    (possible == numbers.len()).then_some(numbers)
}

pub fn drop(
    draft: &mut Draft<'_>,
    table: usize,
    constraint: &Constraint,
    columns: &[(usize, Option<&Text>, &Text)],
    name: &Text,
    what: &str,
) {
    let shown = draft.tables[table].logical().as_str().to_owned();
    let span: &Option<Span> = &name.span;
    let mut forms = Vec::new();
    for &(column, up, down) in columns {
        let of = draft.tables[table].columns[column].name.as_str();
        let what = format!("{what} of {shown}.{of}");
        forms.push(Form { column, type_name: None, nullable: None, up, down: Some(down), span, what });
    }
    if !new_forms(draft, table, &forms) {
        return;
    }
    if let Some(foreign) = &constraint.foreign {
        let message = format!(
            "{what}: until the contract the old version's rows still point at `{}`, so deleting there is as before for both versions",
            foreign.table.as_str()
        );
        let help = format!("ON DELETE {} holds for what the old version sees", foreign.on_delete);
        draft.warn("compile.reference_holds", message, span, help);
    }
    let identity = draft.tables[table].source.and_then(|source| source.replica_identity_index.as_ref());
    if identity.is_some() && identity == constraint.index.as_ref() {
        draft.warn(
            "compile.replica_identity",
            format!("{what}: the constraint's index is the replica identity of `{shown}`"),
            span,
            "without it, updates and deletes of a published table fail: give `set_replica_identity` in this plan",
        );
    }
    draft.tables[table].dropped_constraints.insert(constraint.name.clone());
}

/// The expression for a column, and what is given for columns that the constraint is not over: reported.
pub fn check_keys(
    draft: &mut Draft<'_>,
    key: &str,
    given: &[(Text, Text)],
    names: &[String],
    what: &str,
) -> bool {
    let mut fits = true;
    for (column, _) in given.iter().filter(|(column, _)| !names.contains(&column.value)) {
        let message =
            format!("{what}: `{key}` is for `{}`, which the constraint is not over", column.as_str());
        let help = match nearest(column.as_str(), names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is over {}", names.join(", ")),
        };
        draft.error_help("compile.column_redundant", message, &column.span, help);
        fits = false;
    }
    fits
}
