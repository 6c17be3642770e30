//! Owns `alter_column`: default and comment are the table's at the contract; all else gives the column a new form
//! beside the old one, kept in step by `up` and `down`.

use super::column::{add_check, add_reference, add_unique, comment_sql, reference};
use super::new_form::{Form, can_have_two_forms, new_forms};
use crate::compile::addition::NewUnique;
use crate::compile::draft::Draft;
use crate::compile::{hazard, widen};
use crate::diagnostic::{Diagnostic, Span};
use crate::ident::Ident;
use crate::plan::{AlterColumn, Text};

pub fn apply(draft: &mut Draft<'_>, op: &AlterColumn, span: &Option<Span>) {
    let Some(table) = draft.changeable(&op.table, "alter a column of") else { return };
    let Some(column) = draft.column(table, &op.column) else { return };
    let what = format!("alter_column {}.{}", op.table.as_str(), op.column.as_str());
    if !valid(draft, op, table, column, &what) {
        return;
    }
    let default = match &op.default {
        Some(Some(text)) => match draft.free_expression(text, &format!("default of {what}")) {
            Some((sql, _)) => Some(Some(sql)),
            None => return,
        },
        Some(None) => Some(None),
        None => None,
    };
    if draft.tables[table].source.is_none() {
        alter_created(draft, op, table, column, default, span);
        return;
    }
    if op.in_place {
        in_place(draft, op, table, column, &what);
    }
    let late = !op.in_place && is_late(draft, op, table, column);
    if late {
        change_late(draft, op, table, column, &what);
    }
    let form = Form {
        column,
        type_name: op.type_name.as_ref(),
        nullable: op.nullable,
        up: op.up.as_ref(),
        down: op.down.as_ref(),
        span: &op.column.span,
        what: what.clone(),
    };
    draft.alias = op.renamed_to.as_ref().map(|to| (table, column, Ident::new(to.as_str())));
    let is_possible = !is_structural(op) || op.in_place || late || new_forms(draft, table, &[form]);
    draft.alias = None;
    if !is_possible {
        return;
    }
    let changed = &mut draft.tables[table].columns[column];
    if changed.span.is_none() {
        changed.span = op.column.span.clone();
    }
    if let Some(default) = default {
        // Where the table gives an added column its value by itself, rows that are there keep what that gave.
        changed.default = default;
        changed.default_changed = true;
        changed.default_span =
            op.default.as_ref().and_then(|d| d.as_ref()).and_then(|text| text.span.clone());
    }
    if let Some(comment) = &op.comment {
        changed.comment = comment.as_ref().map(|text| text.value.clone());
        changed.comment_changed = true;
    }
    if op.in_place {
        return;
    }
    if let Some(check) = &op.check {
        add_check(draft, table, check, &what);
    }
    if let Some(references) = &op.references {
        add_reference(draft, table, column, references, &what);
    }
    if let Some(unique) = &op.unique {
        let added = NewUnique { columns: vec![column], ..NewUnique::default() };
        add_unique(draft, table, unique, added, &what);
    }
}

fn is_structural(op: &AlterColumn) -> bool {
    op.type_name.is_some()
        || op.nullable.is_some()
        || op.check.is_some()
        || op.references.is_some()
        || op.unique.is_some()
        || ![&op.up, &op.down].iter().all(|text| is_itself(text, op))
}

/// Whether an expression is not there or is the column as it is.
fn is_itself(text: &Option<Text>, op: &AlterColumn) -> bool {
    let name = Ident::new(op.column.as_str());
    let plain = |text: &str| {
        text == name.to_string() || (text == name.as_str() && text.chars().all(|c| !c.is_ascii_uppercase()))
    };
    text.as_ref().is_none_or(|text| plain(text.as_str().trim()))
}

/// Whether nothing stands against changing the column itself, at the contract: the old version is not given values of
/// its own, and PostgreSQL neither writes nor reads the rows.
fn is_late(draft: &Draft<'_>, op: &AlterColumn, table: usize, column: usize) -> bool {
    let table = &draft.tables[table];
    let (Some(source), found) = (table.source, &table.columns[column]) else { return false };
    let only =
        op.check.is_none() && op.references.is_none() && op.unique.is_none() && op.nullable != Some(false);
    if !only || !found.is_shared() || ![&op.up, &op.down].iter().all(|text| is_itself(text, op)) {
        return false;
    }
    match &op.type_name {
        None => op.nullable == Some(true),
        Some(to) => {
            widen::keeps_stored(&found.type_name, to.as_str())
                && hazard::can_be_retyped(draft.catalog, source, found)
        }
    }
}

fn change_late(draft: &mut Draft<'_>, op: &AlterColumn, table: usize, column: usize, what: &str) {
    let found = &mut draft.tables[table].columns[column];
    let (name, before) = (found.name.as_str().to_owned(), found.type_name.clone());
    let mut held = Vec::new();
    if let Some(to) = &op.type_name {
        held.push(format!("what `{before}` takes"));
        found.type_name = to.value.clone();
        found.retyped = true;
    }
    if op.nullable == Some(true) {
        held.push("NOT NULL".to_owned());
        found.not_null = false;
        found.nullable_late = true;
    }
    let message =
        format!("{what}: no copy is needed; until the contract `{name}` is held to {}", held.join(" and "));
    let help =
        "give `down`, what the old version is to see of the others, for the new version to write them before";
    draft.diagnostics.push(Diagnostic::note("compile.late", message).at(op.column.span.clone()).help(help));
}

/// What the column itself is to be held to.
fn in_place(draft: &mut Draft<'_>, op: &AlterColumn, table: usize, column: usize, what: &str) {
    let fault = if op.type_name.is_some() {
        Some("a change of type is in place by itself where it can be")
    } else if op.nullable == Some(true) {
        Some("NOT NULL goes without a copy where there is no `down`")
    } else {
        None
    };
    if let Some(fault) = fault {
        draft.error_help(
            "compile.in_place",
            format!("{what}: {fault}"),
            &op.column.span,
            "leave `in_place` out",
        );
        return;
    }
    if !is_itself(&op.down, op) {
        let span = op.down.as_ref().and_then(|down| down.span.clone());
        let message = format!("{what}: `down` has no use with `in_place`: both versions see one value");
        draft.error_help("compile.in_place", message, &span, "remove one of the two");
        return;
    }
    if !super::in_place::can_be_shared(draft, table, &[column], &op.column.span, what) {
        return;
    }
    let ups = || op.up.iter().filter(|_| !is_itself(&op.up, op)).map(|up| (column, up)).collect::<Vec<_>>();
    if op.nullable == Some(false) {
        let up = op.up.as_ref().filter(|_| !is_itself(&op.up, op));
        super::in_place::not_null(draft, table, column, up, &op.column.span, what);
    }
    if let Some(check) = &op.check {
        super::in_place::check(draft, table, check, ups(), what);
    }
    if let Some(references) = &op.references {
        let before = draft.tables[table].additions.len();
        add_reference(draft, table, column, references, what);
        if draft.tables[table].additions.len() > before {
            super::in_place::foreign_key(draft, table, before, ups(), what);
        }
    }
    if let Some(unique) = &op.unique {
        let alone = op.nullable.is_none() && op.check.is_none() && op.references.is_none();
        let ups = if alone { ups() } else { Vec::new() };
        let added = NewUnique { columns: vec![column], ..NewUnique::default() };
        super::in_place::unique(draft, table, unique, added, ups, what);
    }
}

fn valid(draft: &mut Draft<'_>, op: &AlterColumn, table: usize, column: usize, what: &str) -> bool {
    let span = &op.column.span;
    if let Some(type_name) = &op.type_name {
        if super::column::serial(type_name.as_str()).is_some() {
            draft.error_help(
                "compile.type",
                format!("`{}` is not a type that a column can be altered to", type_name.as_str()),
                &type_name.span,
                "use the integer type",
            );
            return false;
        }
        if !draft.check_type(type_name) {
            return false;
        }
        if draft.tables[table].source.is_some()
            && hazard::constrained_domain(draft.catalog, type_name.as_str())
        {
            draft.error_help(
                "compile.rewrites_table",
                format!("{what}: a column of a domain with constraints rewrites the table when it is added"),
                &type_name.span,
                "use the domain's base type and give the constraint as `check`",
            );
            return false;
        }
    }
    let late = !op.in_place && is_late(draft, op, table, column);
    let one_form = late || op.in_place;
    let generated =
        draft.tables[table].columns[column].source.is_some_and(|source| source.generated.is_some());
    if (is_structural(op) || op.default.is_some())
        && (!one_form || generated)
        && !can_have_two_forms(draft, table, column, span, what)
    {
        return false;
    }
    let draft_column = &draft.tables[table].columns[column];
    let name = draft_column.name.as_str().to_owned();
    let source = draft_column.source;
    let not_null = draft_column.not_null;
    let identity = source.is_some_and(|column| column.identity.is_some());
    if identity && op.default.is_some() {
        draft.error(
            "compile.default",
            format!("{what}: `{name}` is an identity column, it has no default"),
            span,
        );
        return false;
    }
    match op.nullable {
        Some(false) if not_null => {
            draft.error("compile.already_not_null", format!("{what}: `{name}` is NOT NULL already"), span);
            return false;
        }
        Some(true) if !not_null => {
            draft.error("compile.already_nullable", format!("{what}: `{name}` is nullable already"), span);
            return false;
        }
        Some(true) => {
            let in_key =
                draft.tables[table].source.and_then(|source| source.primary_key()).is_some_and(|key| {
                    draft.tables[table].columns[column].old().is_some_and(|old| key.columns.contains(old))
                });
            let in_identity = draft.tables[table].source.is_some_and(|source| {
                let index =
                    source.indexes.iter().find(|i| Some(&i.name) == source.replica_identity_index.as_ref());
                let old = draft.tables[table].columns[column].old();
                index.is_some_and(|index| index.keys.iter().any(|key| key.column.as_ref() == old))
            });
            if in_key || identity || in_identity {
                let why = match (in_key, identity) {
                    (true, _) => "the primary key has it",
                    (_, true) => "it is an identity column",
                    _ => "the table's replica identity has it",
                };
                draft.error(
                    "compile.primary_key",
                    format!("{what}: `{name}` cannot be nullable: {why}"),
                    span,
                );
                return false;
            }
        }
        _ => {}
    }
    if draft.tables[table].source.is_none() {
        return true;
    }
    if one_form {
        return true;
    }
    let mut complete = true;
    let both = op.type_name.is_some() || op.check.is_some() || op.references.is_some();
    // An added column has nothing to come from but its own up, and nothing to go back to.
    let added = source.is_none();
    if op.up.is_none()
        && (both || op.nullable == Some(false))
        && !(added && op.nullable != Some(false) && op.type_name.is_none())
    {
        draft.error_help(
            "compile.up_required",
            format!("{what} needs `up`: how the new version's value follows from the old one's"),
            span,
            format!("for values that fit as they are: `up: {name}`"),
        );
        complete = false;
    }
    if op.down.is_none() && !added && (both || op.nullable == Some(true)) {
        draft.error_help(
            "compile.down_required",
            format!("{what} needs `down`: how the old version's value follows from the new one's"),
            span,
            format!("for values that fit as they are: `down: {name}`"),
        );
        complete = false;
    }
    complete
}

/// A table of this plan is empty and only new: plain ALTER TABLE.
fn alter_created(
    draft: &mut Draft<'_>,
    op: &AlterColumn,
    table: usize,
    column: usize,
    default: Option<Option<String>>,
    span: &Option<Span>,
) {
    let name = draft.tables[table].columns[column].name.clone();
    let qualified = draft.qualified(table);
    let what = format!("{}.{}", qualified.name.as_str(), name.as_str());
    let mut parts = Vec::new();
    if let Some(type_name) = &op.type_name {
        let to = type_name.as_str();
        // No row has a value, so none need be converted, however unlike the types are.
        parts.push(format!("ALTER COLUMN {name} TYPE {to} USING CAST(NULL AS {to})"));
        draft.tables[table].columns[column].type_name = to.to_owned();
    }
    match op.nullable {
        Some(true) => parts.push(format!("ALTER COLUMN {name} DROP NOT NULL")),
        Some(false) => parts.push(format!("ALTER COLUMN {name} SET NOT NULL")),
        None => {}
    }
    if let Some(nullable) = op.nullable {
        draft.tables[table].columns[column].not_null = !nullable;
    }
    match &default {
        Some(Some(sql)) => parts.push(format!("ALTER COLUMN {name} SET DEFAULT {sql}")),
        Some(None) => parts.push(format!("ALTER COLUMN {name} DROP DEFAULT")),
        None => {}
    }
    if let Some(check) = &op.check {
        let Some(constraint) = draft.constraint_name(table, &check.name) else { return };
        let Some(bound) = draft.bind(&check.constraint, table, &format!("check of {what}")) else { return };
        let inherit = if check.no_inherit { " NO INHERIT" } else { "" };
        let expression = bound.expression.substitute(&mut Ident::to_string);
        parts.push(format!("ADD CONSTRAINT {constraint} CHECK {expression}{inherit}"));
    }
    if let Some(references) = &op.references {
        let Some(constraint) = draft.constraint_name(table, &references.name) else { return };
        let Some((target, to, actions)) = reference(draft, references) else { return };
        parts.push(format!("ADD CONSTRAINT {constraint} FOREIGN KEY ({name}) {to} {actions}"));
        draft.created.referenced.push((table, target.table));
    }
    if let Some(unique) = &op.unique {
        let Some(constraint) = draft.constraint_name(table, unique) else { return };
        parts.push(format!("ADD CONSTRAINT {constraint} UNIQUE ({name})"));
    }
    if !parts.is_empty() {
        let sql = format!("ALTER TABLE {qualified} {}", parts.join(", "));
        if !draft.check_statement(&sql, "alter_column", span) {
            return;
        }
        draft.created.statements.push((table, sql));
    }
    if let Some(comment) = &op.comment {
        let sql = comment_sql(&format!("COLUMN {qualified}.{name}"), comment.as_ref().map(Text::as_str));
        draft.created.statements.push((table, sql));
    }
}
