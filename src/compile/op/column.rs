//! Owns what `create_table`, `add_column` and `alter_column` share: serial types, checks, foreign keys, and a
//! column's definition as SQL for tables that this plan creates.

use crate::catalog::TableKind;
use crate::compile::addition::{Addition, AdditionKind, NewForeignKey, NewUnique};
use crate::compile::draft::{Draft, DraftColumn, Up};
use crate::compile::lookup::Target;
use crate::diagnostic::Span;
use crate::ident::{Ident, list, literal};
use crate::plan::{Check, ColumnDef, Generated, References, Text};

/// The integer type behind a serial one.
pub fn serial(type_name: &str) -> Option<&'static str> {
    match type_name.trim().to_ascii_lowercase().as_str() {
        "serial" | "serial4" => Some("integer"),
        "bigserial" | "serial8" => Some("bigint"),
        "smallserial" | "serial2" => Some("smallint"),
        _ => None,
    }
}

/// Words of a foreign key after its columns; `target` says where it points.
pub fn foreign_key_sql(
    target: &Target,
    match_type: &str,
    on_delete: &str,
    set_columns: &[Ident],
    on_update: &str,
    deferral: (bool, bool),
) -> (String, String) {
    let references = format!("REFERENCES {} ({})", target.name, list(&target.physical));
    (references, actions_sql(match_type, on_delete, set_columns, on_update, deferral))
}

/// Words of a foreign key from MATCH on.
pub fn actions_sql(
    match_type: &str,
    on_delete: &str,
    set_columns: &[Ident],
    on_update: &str,
    (deferrable, initially_deferred): (bool, bool),
) -> String {
    let mut actions = format!("MATCH {match_type} ON DELETE {on_delete}");
    if !set_columns.is_empty() {
        actions.push_str(&format!(" ({})", list(set_columns)));
    }
    actions.push_str(&format!(" ON UPDATE {on_update}"));
    actions.push_str(deferrable_sql(deferrable, initially_deferred));
    actions
}

pub fn deferrable_sql(deferrable: bool, initially_deferred: bool) -> &'static str {
    match (deferrable, initially_deferred) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE INITIALLY IMMEDIATE",
        (false, false) => "",
    }
}

/// The `references` of a column, resolved. Reports what is wrong.
pub fn reference(draft: &mut Draft<'_>, references: &References) -> Option<(Target, String, String)> {
    let target = draft.target(&references.table, std::slice::from_ref(&references.column))?;
    let deferral = (references.deferrable, references.initially_deferred);
    let (to, actions) = foreign_key_sql(
        &target,
        &references.match_type,
        &references.on_delete,
        &[],
        &references.on_update,
        deferral,
    );
    Some((target, to, actions))
}

/// Adds a CHECK to what is to be built on an existing table.
pub fn add_check(draft: &mut Draft<'_>, table: usize, check: &Check, what: &str) {
    let Some(name) = draft.constraint_name(table, &check.name) else { return };
    let what = format!("check {} of {what}", name.as_str());
    let Some(bound) = draft.bind(&check.constraint, table, &what) else { return };
    let kind = AdditionKind::Check { bound, no_inherit: check.no_inherit };
    draft.tables[table].additions.push(Addition {
        early: false,
        name,
        kind,
        what,
        span: check.constraint.span.clone(),
    });
}

/// Adds a foreign key to what is to be built on an existing table.
pub fn add_reference(
    draft: &mut Draft<'_>,
    table: usize,
    column: usize,
    references: &References,
    what: &str,
) {
    let Some(target) = draft.target(&references.table, std::slice::from_ref(&references.column)) else {
        return;
    };
    let key = NewForeignKey {
        columns: vec![column],
        target: target.table,
        target_columns: target.columns,
        match_type: references.match_type.clone(),
        on_delete: references.on_delete.clone(),
        on_delete_set_columns: Vec::new(),
        on_update: references.on_update.clone(),
        deferral: (references.deferrable, references.initially_deferred),
    };
    add_foreign_key(draft, table, &references.name, key, what);
}

pub fn add_foreign_key(draft: &mut Draft<'_>, table: usize, name: &Text, key: NewForeignKey, what: &str) {
    let Some(ident) = draft.constraint_name(table, name) else { return };
    let what = format!("foreign key {} of {what}", ident.as_str());
    let kind = AdditionKind::ForeignKey(key);
    draft.tables[table].additions.push(Addition {
        early: false,
        name: ident,
        kind,
        what,
        span: name.span.clone(),
    });
}

/// Adds a unique constraint or a primary key to what is to be built on an existing table.
pub fn add_unique(draft: &mut Draft<'_>, table: usize, name: &Text, unique: NewUnique, what: &str) {
    if !can_be_unique(draft, table, &unique.columns, &name.span, what) {
        return;
    }
    let Some(ident) = draft.constraint_name(table, name) else { return };
    if draft.relation_name(name, "constraint").is_none() {
        return;
    }
    draft.names.take(&ident);
    let kind = if unique.primary { "primary key" } else { "unique" };
    let what = format!("{kind} {} of {what}", ident.as_str());
    let kind = AdditionKind::Unique(unique);
    draft.tables[table].additions.push(Addition {
        early: false,
        name: ident,
        kind,
        what,
        span: name.span.clone(),
    });
}

/// A unique index of a partitioned table tells its rows apart only where it has the columns that part them. Reports which
/// it lacks.
pub fn can_be_unique(
    draft: &mut Draft<'_>,
    table: usize,
    columns: &[usize],
    span: &Option<Span>,
    what: &str,
) -> bool {
    let of = &draft.tables[table];
    let Some(source) = of.source.filter(|source| source.kind == TableKind::Partitioned) else { return true };
    let has = |name: &Ident| columns.iter().any(|column| of.columns[*column].old() == Some(name));
    let missing: Vec<&str> =
        source.partition_columns.iter().filter(|name| !has(name)).map(Ident::as_str).collect();
    let expression = source.partition_columns.is_empty();
    if missing.is_empty() && !expression {
        return true;
    }
    let message =
        format!("{what}: a unique index of a partitioned table must have all columns of its partition key");
    let help = match expression {
        true => "this key is an expression, so there can be none".to_owned(),
        false => format!("add {}", missing.join(", ")),
    };
    draft.error_help("compile.partitioned_index", message, span, help);
    false
}

/// A column of a table that this plan creates, as CREATE TABLE and ADD COLUMN have it, added to the draft.
pub fn created_column(
    draft: &mut Draft<'_>,
    table: usize,
    def: &ColumnDef,
    in_create: bool,
) -> Option<String> {
    let name = draft.column_name(table, &def.name)?;
    if !draft.check_type(&def.type_name) {
        return None;
    }
    let shown = draft.tables[table].logical().clone();
    let what = format!("{}.{}", shown.as_str(), name.as_str());
    let serial = serial(def.type_name.as_str());
    let mut column = added(def, name.clone());
    column.not_null = !def.nullable || def.pk || serial.is_some();
    // A check may read its own column, so it has to be known before.
    draft.tables[table].columns.push(column);
    let mut sql = format!("{name} {}", def.type_name.as_str());
    if def.pk && !in_create {
        draft.error("compile.primary_key", "`pk` is not supported in add_column", &def.name.span);
        return None;
    }
    if def.unique {
        sql.push_str(" UNIQUE");
    }
    if !def.nullable && serial.is_none() {
        sql.push_str(" NOT NULL");
    }
    if let Some(default) = &def.default {
        if def.generated.is_some() || serial.is_some() {
            draft.error(
                "compile.default",
                format!("{what} gets its values by itself: leave out `default`"),
                &default.span,
            );
            return None;
        }
        let (default, _) = draft.free_expression(default, &format!("default of {what}"))?;
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    match &def.generated {
        Some(Generated::Expression(text)) => {
            let bound = draft.bind(text, table, &format!("generated expression of {what}"))?;
            let expression = bound.expression.substitute(&mut Ident::to_string);
            sql.push_str(&format!(" GENERATED ALWAYS AS {expression} STORED"));
        }
        Some(Generated::Identity(identity)) => {
            let when = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
            sql.push_str(&format!(" GENERATED {when} AS IDENTITY"));
            if let Some(options) = &identity.sequence_options {
                sql.push_str(&format!(" ({})", options.as_str()));
            }
        }
        None => {}
    }
    if let Some(references) = &def.references {
        let constraint = draft.constraint_name(table, &references.name)?;
        let (target, to, actions) = reference(draft, references)?;
        note_name(draft, table, constraint.clone());
        sql.push_str(&format!(" CONSTRAINT {constraint} {to} {actions}"));
        draft.created.referenced.push((table, target.table));
    }
    if let Some(check) = &def.check {
        let constraint = draft.constraint_name(table, &check.name)?;
        let bound =
            draft.bind(&check.constraint, table, &format!("check {} of {what}", constraint.as_str()))?;
        let expression = bound.expression.substitute(&mut Ident::to_string);
        note_name(draft, table, constraint.clone());
        sql.push_str(&format!(" CONSTRAINT {constraint} CHECK {expression}"));
        if check.no_inherit {
            sql.push_str(" NO INHERIT");
        }
    }
    Some(sql)
}

/// Remembers the name of a constraint of a new table's last column, so that it is not given twice.
fn note_name(draft: &mut Draft<'_>, table: usize, name: Ident) {
    let column = draft.tables[table].columns.len() - 1;
    let kind = AdditionKind::Made { column };
    draft.tables[table].additions.push(Addition {
        early: false,
        name,
        kind,
        what: String::new(),
        span: None,
    });
}

/// A column as the draft first knows it when an operation adds it.
pub fn added<'a>(def: &ColumnDef, physical: Ident) -> DraftColumn<'a> {
    DraftColumn {
        source: None,
        new: Some(physical),
        name: Ident::new(def.name.as_str()),
        type_name: serial(def.type_name.as_str()).unwrap_or(def.type_name.as_str()).to_owned(),
        not_null: !def.nullable,
        not_null_name: None,
        default: None,
        comment: def.comment.as_ref().map(|comment| comment.value.clone()),
        default_changed: false,
        comment_changed: false,
        type_changed: false,
        followed: false,
        widened: false,
        retyped: false,
        nullable_late: false,
        proved_in_place: false,
        up: Up::Null,
        changes: Vec::new(),
        serial: None,
        new_identity: None,
        what: String::new(),
        span: def.name.span.clone(),
        default_span: def.default.as_ref().and_then(|default| default.span.clone()),
        only: None,
        up_span: None,
    }
}

pub fn comment_sql(on: &str, comment: Option<&str>) -> String {
    match comment {
        Some(comment) => format!("COMMENT ON {on} IS {}", literal(comment)),
        None => format!("COMMENT ON {on} IS NULL"),
    }
}
