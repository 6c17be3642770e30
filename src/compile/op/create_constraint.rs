//! Owns `create_constraint`: its columns get new forms, which hold to it from the backfill on; the old ones never do.

use super::column::{add_check, add_foreign_key, add_unique};
use super::create_table;
use super::new_form::{Form, can_have_two_forms, new_forms};
use crate::catalog::TableKind;
use crate::compile::draft::{Draft, NewForeignKey, NewUnique};
use crate::diagnostic::Span;
use crate::ident::Ident;
use crate::plan::{Check, CreateConstraint, TableConstraint, TableConstraintKind, Text};

pub fn apply(draft: &mut Draft<'_>, op: &CreateConstraint, span: &Option<Span>) {
    let Some(table) = draft.changeable(&op.table, "create a constraint on") else { return };
    let item = &op.constraint;
    if item.kind == TableConstraintKind::PrimaryKey && has_primary_key(draft, table) {
        let message = format!("table `{}` has a primary key already", op.table.as_str());
        draft.error("compile.primary_key", message, &item.name.span);
        return;
    }
    if draft.tables[table].source.is_none() {
        let Some(definition) = create_table::constraint(draft, table, item) else { return };
        let sql = format!("ALTER TABLE {} ADD {definition}", draft.qualified(table));
        if draft.check_statement(&sql, "create_constraint", span) {
            draft.created.statements.push((table, sql));
        }
        return;
    }
    let what = format!("create_constraint {}", item.name.as_str());
    let Some(columns) = numbers(draft, table, &item.columns, &what) else { return };
    if op.in_place {
        if possible(draft, table, op, &what) {
            in_place(draft, op, table, columns, &what);
        }
        return;
    }
    // All that is wrong is told at once.
    let before = draft.diagnostics.0.len();
    let forms = forms(draft, op, table, &columns, &what);
    let possible = possible(draft, table, op, &what);
    if let (Some(forms), true) = (&forms, possible)
        && new_forms(draft, table, forms)
        && draft.diagnostics.0[before..].iter().all(|d| d.severity != crate::diagnostic::Severity::Error)
    {
        add(draft, op, table, columns, &what);
    }
}

fn in_place(draft: &mut Draft<'_>, op: &CreateConstraint, table: usize, columns: Vec<usize>, what: &str) {
    let itself = |(name, text): &&(Text, Text)| {
        let name = Ident::new(name.as_str());
        text.as_str().trim() == name.as_str() || text.as_str().trim() == name.to_string()
    };
    if let Some((_, down)) = op.down.iter().find(|pair| !itself(pair)) {
        let message = format!("{what}: `down` has no use with `in_place`: both versions see one value");
        draft.error_help("compile.in_place", message, &down.span, "remove one of the two");
        return;
    }
    let item = &op.constraint;
    if !super::in_place::can_be_shared(draft, table, &columns, &item.name.span, what) {
        return;
    }
    let named = |name: &Text| item.columns.iter().position(|column| column.value == name.value);
    let given = op.up.iter().filter(|pair| !itself(pair));
    let ups = given.filter_map(|(name, up)| Some((columns[named(name)?], up))).collect();
    let before = draft.tables[table].additions.len();
    match item.kind {
        TableConstraintKind::Unique | TableConstraintKind::PrimaryKey => {
            let Some(unique) = unique(draft, item, table, columns, what) else { return };
            super::in_place::unique(draft, table, &item.name, unique, ups, what);
        }
        TableConstraintKind::Check => {
            let Some(check) = check(item) else { return };
            super::in_place::check(draft, table, &check, ups, what);
        }
        TableConstraintKind::ForeignKey => {
            foreign_key(draft, table, item, columns, what);
            if draft.tables[table].additions.len() > before {
                super::in_place::foreign_key(draft, table, before, ups, what);
            }
        }
        // Not decoded here.
        TableConstraintKind::Exclude => {}
    }
}

fn check(item: &TableConstraint) -> Option<Check> {
    let constraint = item.check.clone()?;
    Some(Check { name: item.name.clone(), constraint, no_inherit: item.no_inherit })
}

fn unique(
    draft: &mut Draft<'_>,
    item: &TableConstraint,
    table: usize,
    columns: Vec<usize>,
    what: &str,
) -> Option<NewUnique> {
    let parameters = item.index_parameters.clone().unwrap_or_default();
    let include = numbers(draft, table, &parameters.include_columns, what)?;
    let storage = parameters.storage_parameters.as_ref();
    if let Some(storage) = storage {
        let sql = format!("CREATE INDEX ON t (c) WITH ({})", storage.as_str());
        if !draft.check_statement(&sql, what, &storage.span) {
            return None;
        }
    }
    Some(NewUnique {
        primary: item.kind == TableConstraintKind::PrimaryKey,
        columns,
        include,
        nulls_not_distinct: item.nulls_not_distinct,
        storage_parameters: storage.map(|text| text.value.clone()),
        tablespace: parameters.tablespace.as_ref().map(|name| Ident::new(name.as_str())),
        deferral: (item.deferrable, item.initially_deferred),
    })
}

fn has_primary_key(draft: &Draft<'_>, table: usize) -> bool {
    use crate::compile::draft::AdditionKind;
    let table = &draft.tables[table];
    let key = |kind: &AdditionKind| matches!(kind, AdditionKind::Unique(unique) if unique.primary);
    table.source.and_then(|source| source.primary_key()).is_some()
        || table.additions.iter().any(|addition| key(&addition.kind))
}

/// The columns, each named once.
pub fn numbers(draft: &mut Draft<'_>, table: usize, names: &[Text], what: &str) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    let mut complete = true;
    for name in names {
        match draft.column(table, name) {
            Some(column) if found.contains(&column) => {
                let message = format!("{what} names column `{}` twice", name.as_str());
                draft.error("compile.column_twice", message, &name.span);
                complete = false;
            }
            Some(column) => found.push(column),
            None => complete = false,
        }
    }
    complete.then_some(found)
}

fn forms<'p>(
    draft: &mut Draft<'_>,
    op: &'p CreateConstraint,
    table: usize,
    columns: &[usize],
    what: &str,
) -> Option<Vec<Form<'p>>> {
    let of = |expressions: &'p [(Text, Text)], name: &Text| {
        expressions.iter().find(|(column, _)| column.value == name.value).map(|(_, expression)| expression)
    };
    let item = &op.constraint;
    let mut complete = true;
    let mut forms = Vec::new();
    for (name, &column) in item.columns.iter().zip(columns) {
        let what = format!("{what} of {}.{}", op.table.as_str(), name.as_str());
        complete &= can_have_two_forms(draft, table, column, &name.span, &what);
        let found = &draft.tables[table].columns[column];
        let (added, not_null) = (found.source.is_none(), found.not_null);
        let key = item.kind == TableConstraintKind::PrimaryKey && !not_null;
        let (up, down) = (of(&op.up, name), of(&op.down, name));
        for (key, missing, meaning) in [
            ("up", up.is_none() && (!added || key), "how the new version's value follows from the old one's"),
            ("down", down.is_none() && !added, "how the old version's value follows from the new one's"),
        ] {
            if missing {
                let code = if key == "up" { "compile.up_required" } else { "compile.down_required" };
                let message = format!("{what} needs `{key}` for the column: {meaning}");
                let shown = name.as_str();
                let help = format!("for values that fit as they are: `{key}: {{{shown}: {shown}}}`");
                draft.error_help(code, message, &name.span, help);
                complete = false;
            }
        }
        forms.push(Form {
            column,
            type_name: None,
            nullable: key.then_some(false),
            up,
            down,
            span: &name.span,
            what,
        });
    }
    complete.then_some(forms)
}

/// What the server cannot do, or not beside the old version.
fn possible(draft: &mut Draft<'_>, table: usize, op: &CreateConstraint, what: &str) -> bool {
    let item = &op.constraint;
    let major = draft.catalog.major();
    let partitioned = draft.tables[table].source.is_some_and(|t| t.kind == TableKind::Partitioned);
    if item.columns.is_empty() && !op.in_place {
        draft.error_help(
            "compile.no_columns",
            format!("{what} names no column, so the old version would be held to it as well"),
            &item.name.span,
            "list in `columns` those that get a form of their own in the new version, with their `up` and `down`",
        );
        return false;
    }
    if item.no_inherit && partitioned {
        let message = format!("{what}: a check on a partitioned table cannot be NO INHERIT");
        draft.error("compile.partitioned", message, &item.name.span);
        return false;
    }
    let needs_15 = if item.nulls_not_distinct {
        Some("NULLS NOT DISTINCT")
    } else if item.references.as_ref().is_some_and(|r| !r.on_delete_set_columns.is_empty()) {
        Some("ON DELETE SET of some columns")
    } else {
        None
    };
    if let Some(feature) = needs_15.filter(|_| major < 15) {
        let message = format!("{what}: {feature} needs PostgreSQL 15, this is {major}");
        draft.error("compile.server_version", message, &item.name.span);
        return false;
    }
    true
}

fn add(draft: &mut Draft<'_>, op: &CreateConstraint, table: usize, columns: Vec<usize>, what: &str) {
    let item = &op.constraint;
    match item.kind {
        TableConstraintKind::Unique | TableConstraintKind::PrimaryKey => {
            let Some(unique) = unique(draft, item, table, columns, what) else { return };
            add_unique(draft, table, &item.name, unique, what);
        }
        TableConstraintKind::Check => {
            let Some(check) = check(item) else { return };
            add_check(draft, table, &check, what);
            warn_of_shared(draft, table, &columns, &check.constraint, what);
        }
        TableConstraintKind::ForeignKey => foreign_key(draft, table, item, columns, what),
        // Not decoded here.
        TableConstraintKind::Exclude => {}
    }
}

/// What the old version writes in a column that has no form of its own, and that no `up` takes account of.
fn warn_of_shared(draft: &mut Draft<'_>, table: usize, columns: &[usize], check: &Text, what: &str) {
    use crate::compile::draft::{AdditionKind, Up};
    let found = &draft.tables[table];
    let Some(AdditionKind::Check { bound, .. }) = found.additions.last().map(|addition| &addition.kind)
    else {
        return;
    };
    let accounted = |old: &Ident| {
        columns.iter().any(|c| matches!(&found.columns[*c].up, Up::Derived(up) if up.reads.contains(old)))
    };
    let read = bound.columns.values().map(|(column, _)| &found.columns[*column]);
    let free: Vec<String> = read
        .filter(|column| column.is_shared() && column.old().is_some_and(|old| !accounted(old)))
        .map(|column| format!("`{}`", column.name.as_str()))
        .collect();
    if free.is_empty() {
        return;
    }
    let free = free.join(", ");
    draft.warn(
        "compile.check_shared",
        format!("{what} reads {free}, which the old version writes too: it would be held to the check there"),
        &check.span,
        "list it in `columns` as well, or let an `up` take it into account",
    );
}

fn foreign_key(draft: &mut Draft<'_>, table: usize, item: &TableConstraint, columns: Vec<usize>, what: &str) {
    let Some(references) = &item.references else { return };
    let Some(target) = draft.target(&references.table, &references.columns) else { return };
    let Some(set) = numbers(draft, table, &references.on_delete_set_columns, what) else { return };
    if matches!(references.on_delete.as_str(), "NO ACTION" | "RESTRICT") {
        let message = format!(
            "{what}: from the backfill on, no version can delete a row of `{}` that this table still has in its new form",
            references.table.as_str()
        );
        let help = "if the old version does, give `on_delete: CASCADE` or `SET NULL`";
        draft.warn("compile.reference_holds", message, &references.table.span, help);
    }
    let key = NewForeignKey {
        columns,
        target: target.table,
        target_columns: target.columns,
        match_type: references.match_type.clone(),
        on_delete: references.on_delete.clone(),
        on_delete_set_columns: set,
        on_update: references.on_update.clone(),
        deferral: (item.deferrable, item.initially_deferred),
    };
    add_foreign_key(draft, table, &item.name, key, what);
}
