//! Owns `create_table`: made whole in the base schema at the expand; only the new version shows it.

use super::column::{comment_sql, created_column, deferrable_sql, foreign_key_sql};
use crate::compile::addition::{Addition, AdditionKind};
use crate::compile::draft::{Draft, DraftTable};
use crate::diagnostic::Span;
use crate::ident::{Ident, list};
use crate::plan::{CreateTable, TableConstraint, TableConstraintKind, Text};

pub fn apply(draft: &mut Draft<'_>, op: &CreateTable, span: &Option<Span>) {
    let Some(name) = draft.relation_name(&op.name, "table") else { return };
    if draft.catalog.major() >= 14 && op.columns.is_empty() && op.constraints.is_empty() {
        draft.warn(
            "compile.no_columns",
            format!("table `{}` has no columns", name.as_str()),
            &op.name.span,
            "is that meant?",
        );
    }
    let table = draft.tables.len();
    draft.tables.push(DraftTable {
        source: None,
        physical: name.clone(),
        shown: Some(name.clone()),
        columns: Vec::new(),
        additions: Vec::new(),
        renamed_constraints: Default::default(),
        dropped_constraints: Default::default(),
        under_view: false,
        retargeted: false,
        mends: Vec::new(),
        replica_identity: None,
        span: op.name.span.clone(),
    });
    let errors = draft.diagnostics.0.len();
    let mut parts: Vec<String> = Vec::new();
    for column in &op.columns {
        parts.extend(created_column(draft, table, column, true));
    }
    let keys: Vec<Ident> = op.columns.iter().filter(|c| c.pk).map(|c| Ident::new(c.name.as_str())).collect();
    if !keys.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", list(&keys)));
    }
    for item in &op.constraints {
        parts.extend(constraint(draft, table, item));
    }
    let qualified = draft.qualified(table);
    let mut statements = vec![format!("CREATE TABLE {qualified} (\n    {}\n)", parts.join(",\n    "))];
    for column in &op.columns {
        if let Some(comment) = &column.comment {
            let on = format!("COLUMN {qualified}.{}", Ident::new(column.name.as_str()));
            statements.push(comment_sql(&on, Some(comment.as_str())));
        }
    }
    if let Some(comment) = &op.comment {
        statements.push(comment_sql(&format!("TABLE {qualified}"), Some(comment.as_str())));
    }
    // Where a part was refused the whole would be, for want of it.
    if draft.diagnostics.0[errors..].iter().any(|d| d.severity == crate::diagnostic::Severity::Error)
        || !draft.check_statement(&statements[0], &format!("create_table {}", name.as_str()), span)
    {
        return;
    }
    draft.created.statements.extend(statements.into_iter().map(|sql| (table, sql)));
}

/// What a constraint of each kind needs is there, or the plan was not read.
const ASKED_FOR: &str = "asked for where the plan is read";

/// As CREATE TABLE and ALTER TABLE … ADD have it.
pub fn constraint(draft: &mut Draft<'_>, table: usize, item: &TableConstraint) -> Option<String> {
    let name = draft.constraint_name(table, &item.name)?;
    let columns = columns(draft, table, &item.columns)?;
    let what = format!("constraint {} of {}", name.as_str(), draft.tables[table].logical().as_str());
    let mut sql = format!("CONSTRAINT {name} ");
    match item.kind {
        TableConstraintKind::Unique | TableConstraintKind::PrimaryKey => {
            sql.push_str(if item.kind == TableConstraintKind::Unique { "UNIQUE " } else { "PRIMARY KEY " });
            if item.nulls_not_distinct {
                let major = draft.catalog.major();
                if major < 15 {
                    let message = format!("{what}: NULLS NOT DISTINCT needs PostgreSQL 15, this is {major}");
                    draft.error("compile.server_version", message, &item.name.span);
                }
                sql.push_str("NULLS NOT DISTINCT ");
            }
            sql.push_str(&format!("({})", list(&columns)));
            sql.push_str(&index_parameters(draft, table, item)?);
            sql.push_str(deferrable_sql(item.deferrable, item.initially_deferred));
        }
        TableConstraintKind::Check => {
            let text = item.check.as_ref().expect(ASKED_FOR);
            let bound = draft.bind(text, table, &what)?;
            sql.push_str(&format!("CHECK {}", bound.expression.substitute(&mut Ident::to_string)));
            if item.no_inherit {
                sql.push_str(" NO INHERIT");
            }
        }
        TableConstraintKind::ForeignKey => {
            let references = item.references.as_ref().expect(ASKED_FOR);
            let target = draft.target(&references.table, &references.columns)?;
            let set = self::columns(draft, table, &references.on_delete_set_columns)?;
            if !set.is_empty() && draft.catalog.major() < 15 {
                let message = format!("{what}: ON DELETE SET of some columns needs PostgreSQL 15");
                draft.error("compile.server_version", message, &item.name.span);
            }
            let deferral = (item.deferrable, item.initially_deferred);
            let (to, actions) = foreign_key_sql(
                &target,
                &references.match_type,
                &references.on_delete,
                &set,
                &references.on_update,
                deferral,
            );
            sql.push_str(&format!("FOREIGN KEY ({}) {to} {actions}", list(&columns)));
            draft.created.referenced.push((table, target.table));
        }
        TableConstraintKind::Exclude => {
            let exclude = item.exclude.as_ref().expect(ASKED_FOR);
            sql.push_str("EXCLUDE ");
            if let Some(method) = &exclude.index_method {
                sql.push_str(&format!("USING {} ", Ident::new(method.as_str().to_ascii_lowercase())));
            }
            sql.push_str(&format!("({})", exclude.elements.as_str()));
            sql.push_str(&index_parameters(draft, table, item)?);
            if let Some(text) = &exclude.predicate {
                let bound = draft.bind(text, table, &format!("predicate of {what}"))?;
                sql.push_str(&format!(" WHERE {}", bound.expression.substitute(&mut Ident::to_string)));
            }
            sql.push_str(deferrable_sql(item.deferrable, item.initially_deferred));
        }
    }
    // Only its name matters from here on.
    if let Some(column) = columns.first().and_then(|name| draft.tables[table].column(name)) {
        let span = item.name.span.clone();
        draft.tables[table].additions.push(Addition {
            early: false,
            name,
            kind: AdditionKind::Made { column },
            what,
            span,
        });
    }
    Some(sql)
}

fn index_parameters(draft: &mut Draft<'_>, table: usize, item: &TableConstraint) -> Option<String> {
    let Some(parameters) = &item.index_parameters else { return Some(String::new()) };
    let mut sql = String::new();
    let include = columns(draft, table, &parameters.include_columns)?;
    if !include.is_empty() {
        sql.push_str(&format!(" INCLUDE ({})", list(&include)));
    }
    if let Some(storage) = &parameters.storage_parameters {
        sql.push_str(&format!(" WITH ({})", storage.as_str()));
    }
    if let Some(tablespace) = &parameters.tablespace {
        sql.push_str(&format!(" USING INDEX TABLESPACE {}", Ident::new(tablespace.as_str())));
    }
    Some(sql)
}

fn columns(draft: &mut Draft<'_>, table: usize, names: &[Text]) -> Option<Vec<Ident>> {
    let found: Vec<Option<usize>> = names.iter().map(|name| draft.column(table, name)).collect();
    found.into_iter().collect::<Option<Vec<usize>>>()?;
    Some(names.iter().map(|name| Ident::new(name.as_str())).collect())
}
