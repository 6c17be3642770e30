//! Owns `add_column`: a hidden column, filled by `up` or given by its default, shown by the new version.

use super::column::{add_check, add_reference, added, can_be_unique, comment_sql, created_column, serial};
use crate::catalog::TableKind;
use crate::compile::addition::{Addition, AdditionKind, NewIdentity, NewUnique};
use crate::compile::draft::{Bound, Draft, DraftColumn, Only, Resolved, Up};
use crate::compile::hazard;
use crate::diagnostic::Span;
use crate::ident::{Ident, QualifiedName, literal};
use crate::plan::{AddColumn, ColumnDef, Generated, IdentityDef, Text};

pub fn apply(draft: &mut Draft<'_>, op: &AddColumn, span: &Option<Span>) {
    let Some(table) = draft.changeable(&op.table, "add a column to") else { return };
    if draft.tables[table].source.is_none() {
        to_created(draft, op, table, span);
    } else {
        to_existing(draft, op, table);
    }
}

fn to_created(draft: &mut Draft<'_>, op: &AddColumn, table: usize, span: &Option<Span>) {
    let Some(definition) = created_column(draft, table, &op.column, false) else { return };
    let qualified = draft.qualified(table);
    let sql = format!("ALTER TABLE {qualified} ADD COLUMN {definition}");
    if !draft.check_statement(&sql, "add_column", span) {
        return;
    }
    draft.created.statements.push((table, sql));
    if let Some(comment) = &op.column.comment {
        let on = format!("COLUMN {qualified}.{}", Ident::new(op.column.name.as_str()));
        draft.created.statements.push((table, comment_sql(&on, Some(comment.as_str()))));
    }
}

fn to_existing(draft: &mut Draft<'_>, op: &AddColumn, table: usize) {
    let def = &op.column;
    let Some(name) = draft.column_name(table, &def.name) else { return };
    let what = format!("add_column {}.{}", op.table.as_str(), name.as_str());
    if !possible(draft, op, table, &what) {
        return;
    }
    let mut column = added(def, draft.tables[table].hidden_column(&name));
    column.what = what.clone();
    column.up_span = op.up.as_ref().and_then(|up| up.span.clone());
    let mut default_is_constant = false;
    if let Some(text) = &def.default {
        let Some((sql, constant)) = draft.free_expression(text, &format!("default of {what}")) else {
            return;
        };
        column.default = Some(sql);
        default_is_constant = constant;
    }
    let serial = serial(def.type_name.as_str());
    let up = match &op.up {
        Some(text) => {
            let Some((bound, resolved)) = over_old(draft, table, text, &format!("up of {what}")) else {
                return;
            };
            match &op.only {
                Some(rows) => {
                    let rest = column.default.clone().filter(|_| default_is_constant);
                    let Some(only) = only(draft, op, table, rows, rest, &what) else { return };
                    let up = Up::Derived(resolved.only_where(&only, column.default.as_deref()));
                    column.only = Some(Only {
                        sql: only.sql,
                        made_with: column.default.clone(),
                        span: rows.span.clone(),
                    });
                    Some(up)
                }
                // What a sequence gives out is never the table's by itself.
                None if serial.is_some() => Some(Up::Derived(resolved)),
                None => Some(of_given(&bound, resolved)),
            }
        }
        None => {
            if let Some(rows) = &op.only {
                let message = format!("`where` of {what}: there is no `up` that it could be for");
                draft.error_help("compile.where", message, &rows.span, "give `up`, or leave `where` out");
                return;
            }
            None
        }
    };
    column.up = match (up, &column.default) {
        (Some(up), _) => up,
        (None, Some(default)) if default_is_constant => Up::Constant(default.clone()),
        (None, Some(default)) => Up::Volatile(default.clone()),
        (None, None) => Up::Null,
    };
    if let Some(integer) = serial {
        let shown = draft.tables[table].logical().clone();
        let sequence = draft.names.choose(&shown, &name, "seq");
        let qualified = QualifiedName::new(&draft.catalog.schema, &sequence);
        let nextval = format!("nextval({}::regclass)", literal(&qualified.to_string()));
        column.not_null = true;
        column.serial = Some((sequence, integer));
        if matches!(column.up, Up::Null) {
            // By name, so that no function or view hangs on a sequence that does not exist yet.
            column.up = Up::Volatile(format!("nextval({}::text::regclass)", literal(&qualified.to_string())));
        }
        column.default = Some(nextval);
    }
    if let Some(Generated::Identity(identity)) = &def.generated
        && !identity_column(draft, table, &mut column, def, identity, &what)
    {
        return;
    }
    if column.not_null && matches!(column.up, Up::Null) {
        draft.error_help(
            "compile.up_required",
            format!(
                "`{}` is NOT NULL, and nothing says what existing rows and the old version's rows have there",
                name.as_str()
            ),
            &def.name.span,
            "give `up`, or a `default`, or `nullable: true`",
        );
        return;
    }
    let number = draft.tables[table].columns.len();
    draft.tables[table].columns.push(column);
    draft.name_not_null(table, number);
    if let Some(check) = &def.check {
        add_check(draft, table, check, &what);
    }
    if let Some(references) = &def.references {
        add_reference(draft, table, number, references, &what);
    }
    if def.unique && can_be_unique(draft, table, &[], &def.name.span, &what) {
        let shown = draft.tables[table].logical().clone();
        let key = draft.names.choose(&shown, &name, "key");
        draft.tables[table].additions.push(Addition {
            early: false,
            name: key,
            kind: AdditionKind::Unique(NewUnique { columns: vec![number], ..NewUnique::default() }),
            what: format!("unique of {what}"),
            span: def.name.span.clone(),
        });
    }
}

fn over_old(draft: &mut Draft<'_>, table: usize, text: &Text, what: &str) -> Option<(Bound, Resolved)> {
    let bound = draft.bind_value(text, table, what)?;
    match draft.over_old(table, &bound) {
        Ok(resolved) => Some((bound, resolved)),
        Err(why) => {
            draft.error("compile.up_unreadable", format!("{what}: {why}"), &text.span);
            None
        }
    }
}

/// Which rows `up` is for. The others must have a value that ADD COLUMN gives without writing them: `rest`, or NULL.
fn only(
    draft: &mut Draft<'_>,
    op: &AddColumn,
    table: usize,
    rows: &Text,
    rest: Option<String>,
    what: &str,
) -> Option<Resolved> {
    let def = &op.column;
    let complaint = if serial(def.type_name.as_str()).is_some() {
        Some(("a serial column has a value of its own in every row", "leave `where` out"))
    } else if def.default.is_some() && rest.is_none() {
        Some((
            "the default is another one for each row, so the rows that `where` leaves out would have to be written too",
            "give a constant default, or leave `where` out",
        ))
    } else if !def.nullable && rest.is_none() {
        Some((
            "the column is NOT NULL, and the rows that `where` leaves out would have NULL",
            "give a `default`",
        ))
    } else {
        None
    };
    if let Some((why, help)) = complaint {
        draft.error_help("compile.where", format!("`where` of {what}: {why}"), &rows.span, help);
        return None;
    }
    over_old(draft, table, rows, &format!("where of {what}")).map(|(_, resolved)| resolved)
}

/// The type's name in full, if it can be one of identity.
fn identity_type(type_name: &str) -> Option<&'static str> {
    match type_name.trim().to_ascii_lowercase().as_str() {
        "smallint" | "int2" => Some("smallint"),
        "integer" | "int" | "int4" => Some("integer"),
        "bigint" | "int8" => Some("bigint"),
        _ => None,
    }
}

/// To make a column of identity out of nothing rewrites the table. So it begins as one with a sequence, filled row by
/// row, and becomes one of identity at the contract.
fn identity_column(
    draft: &mut Draft<'_>,
    table: usize,
    column: &mut DraftColumn<'_>,
    def: &ColumnDef,
    identity: &IdentityDef,
    what: &str,
) -> bool {
    let Some(integer) = identity_type(def.type_name.as_str()) else { return false };
    let options = identity.sequence_options.as_ref();
    let words = options.map_or(String::new(), |options| format!(" {}", options.as_str()));
    let span = options.and_then(|options| options.span.clone());
    if !draft.check_statement(&format!("CREATE SEQUENCE s AS {integer}{words}"), what, &span) {
        return false;
    }
    let shown = draft.tables[table].logical().clone();
    let sequence = draft.names.choose(&shown, &column.name, "seq");
    let qualified = QualifiedName::new(&draft.catalog.schema, &sequence);
    column.not_null = true;
    column.serial = Some((sequence, integer));
    column.new_identity = Some(NewIdentity { always: identity.always, options: words });
    if matches!(column.up, Up::Null) {
        column.up = Up::Volatile(format!("nextval({}::text::regclass)", literal(&qualified.to_string())));
    }
    true
}

/// An `up` that is one value for all rows needs no row written: ADD COLUMN … DEFAULT gives it to
/// those that are there and to those that the old version inserts, and the new version's view has
/// the column's own default, or none, in its place.
fn of_given(bound: &Bound, resolved: Resolved) -> Up {
    match bound.expression.is_constant() {
        true if bound.expression.is_null() => Up::Null,
        true => Up::Constant(resolved.sql),
        false => Up::Derived(resolved),
    }
}

/// What an existing table cannot get without being rewritten or locked for long.
fn possible(draft: &mut Draft<'_>, op: &AddColumn, table: usize, what: &str) -> bool {
    let def = &op.column;
    let span = &def.name.span;
    if def.pk {
        draft.error_help(
            "compile.primary_key",
            format!("{what}: a primary key column cannot be added to an existing table"),
            span,
            "add the column as `unique`, not nullable",
        );
        return false;
    }
    match &def.generated {
        Some(Generated::Expression(_)) => {
            draft.error_help(
                "compile.rewrites_table",
                format!("{what}: a stored generated column rewrites the table under a lock that stops all use of it"),
                span,
                "give the expression as `up`, for a column that the application or a trigger keeps",
            );
            return false;
        }
        Some(Generated::Identity(_)) if identity_type(def.type_name.as_str()).is_none() => {
            let message =
                format!("{what}: the type of an identity column must be smallint, integer or bigint");
            draft.error("compile.identity_type", message, &def.type_name.span);
            return false;
        }
        Some(Generated::Identity(_)) | None => {}
    }
    if serial(def.type_name.as_str()).is_some() {
        if let Some(default) = &def.default {
            let message = format!("{what}: a serial column has its sequence for a default");
            draft.error("compile.default", message, &default.span);
            return false;
        }
    } else if !draft.check_type(&def.type_name) {
        return false;
    }
    if hazard::constrained_domain(draft.catalog, def.type_name.as_str()) {
        draft.error_help(
            "compile.rewrites_table",
            format!("{what}: a column of a domain with constraints rewrites the table under a lock that stops all use of it"),
            &def.type_name.span,
            "use the domain's base type and give the constraint as `check`",
        );
        return false;
    }
    let partitioned = draft.tables[table].source.is_some_and(|source| source.kind == TableKind::Partitioned);
    if partitioned && def.check.as_ref().is_some_and(|check| check.no_inherit) {
        let message = format!("{what}: a check on a partitioned table cannot be NO INHERIT");
        draft.error("compile.partitioned", message, span);
        return false;
    }
    true
}
