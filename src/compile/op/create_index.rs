//! Owns `create_index`: built CONCURRENTLY once rows are filled; plain DDL on a table of this plan.

use super::column::can_be_unique;
use super::create_constraint::numbers;
use crate::compile::addition::{Addition, AdditionKind, NewIndex, NewKey};
use crate::compile::draft::Draft;
use crate::compile::names;
use crate::diagnostic::Span;
use crate::ident::{Ident, QualifiedName, list};
use crate::plan::{CreateIndex, IndexColumn, IndexKey};

pub fn apply(draft: &mut Draft<'_>, op: &CreateIndex, span: &Option<Span>) {
    let Some(table) = draft.changeable(&op.table, "create an index on") else { return };
    let Some(name) = draft.relation_name(&op.name, "index") else { return };
    let what = format!("create_index {}", name.as_str());
    let named = op.columns.iter().filter_map(|key| match &key.key {
        IndexKey::Column(given) => draft.tables[table].column(&Ident::new(given.as_str())),
        _ => None,
    });
    let named: Vec<usize> = named.collect();
    if op.unique && !can_be_unique(draft, table, &named, &op.name.span, &what) {
        return;
    }
    let mut keys = Vec::new();
    for key in &op.columns {
        let of = match &key.key {
            IndexKey::Column(name) => draft.column(table, name).map(NewKey::Column),
            IndexKey::Expression(text) => {
                draft.bind(text, table, &format!("key of {what}")).map(NewKey::Expression)
            }
        };
        let Some(of) = of else { return };
        keys.push((of, key_sql(key)));
    }
    let Some(include) = numbers(draft, table, &op.include, &what) else { return };
    if op.nulls_not_distinct && !op.unique {
        let message = format!("{what}: `nulls_not_distinct` means something only where it is `unique`");
        draft.error("compile.index", message, &op.name.span);
        return;
    }
    if op.nulls_not_distinct && draft.catalog.major() < 15 {
        let message =
            format!("{what}: NULLS NOT DISTINCT needs PostgreSQL 15, this is {}", draft.catalog.major());
        draft.error("compile.server_version", message, &op.name.span);
        return;
    }
    let predicate = match &op.predicate {
        Some(text) => match draft.bind(text, table, &format!("predicate of {what}")) {
            Some(bound) => Some(bound),
            None => return,
        },
        None => None,
    };
    let index = NewIndex {
        unique: op.unique,
        method: op.method.as_ref().map(|method| method.as_str().to_ascii_lowercase()),
        keys,
        include,
        nulls_not_distinct: op.nulls_not_distinct,
        storage_parameters: op.storage_parameters.as_ref().map(|text| text.value.clone()),
        tablespace: op.tablespace.as_ref().map(|name| Ident::new(name.as_str())),
        predicate,
    };
    let Some(sql) = index_sql(draft, table, &name, &index, false) else { return };
    if !draft.check_statement(&sql, &what, span) {
        return;
    }
    draft.names.take(&name);
    if draft.tables[table].source.is_none() {
        draft.created.statements.push((table, sql));
        return;
    }
    let kind = AdditionKind::Index(index);
    draft.tables[table].additions.push(Addition {
        early: false,
        name,
        kind,
        what,
        span: op.name.span.clone(),
    });
}

/// What PostgreSQL makes the names of a partitioned index's parts of: its columns, as they are called in the end.
pub fn index_names(draft: &Draft<'_>, table: usize, name: &Ident) -> Vec<String> {
    let table = &draft.tables[table];
    let found = table.additions.iter().find(|addition| addition.name == *name);
    let called = |column: &usize| table.columns[*column].name.as_str().to_owned();
    let chosen = |names: Vec<String>| {
        let chosen = names::index_columns(names.iter().map(String::as_str));
        chosen.iter().map(|name| name.as_str().to_owned()).collect()
    };
    let index = match found.map(|addition| &addition.kind) {
        Some(AdditionKind::Index(index)) => index,
        Some(AdditionKind::Unique(unique)) => {
            return chosen(unique.columns.iter().chain(&unique.include).map(called).collect());
        }
        _ => return Vec::new(),
    };
    let keys = index.keys.iter().map(|(key, _)| match key {
        NewKey::Column(column) => called(column),
        // A call goes by the function's name.
        NewKey::Expression(bound) => {
            let text = bound.expression.text();
            let call = text.split_once('(').map(|(name, _)| name.trim());
            let is_call = call.is_some_and(|name| {
                !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric())
            });
            call.filter(|_| is_call && text.ends_with(')')).unwrap_or("expr").to_owned()
        }
    });
    chosen(keys.chain(index.include.iter().map(called)).collect())
}

/// CREATE INDEX over the physical columns of the new version as they stand; `None` where one is gone.
pub fn index_sql(
    draft: &Draft<'_>,
    table: usize,
    name: &Ident,
    index: &NewIndex,
    concurrently: bool,
) -> Option<String> {
    let on: QualifiedName = draft.qualified(table);
    Some(format!(
        "CREATE {}INDEX {}{name} ON {on}{}",
        if index.unique { "UNIQUE " } else { "" },
        if concurrently { "CONCURRENTLY " } else { "" },
        index_tail(draft, table, index)?
    ))
}

/// What follows the table's name.
pub fn index_tail(draft: &Draft<'_>, table: usize, index: &NewIndex) -> Option<String> {
    let mut keys = Vec::new();
    for (key, words) in &index.keys {
        let key = match key {
            NewKey::Column(column) => draft.tables[table].columns[*column].new.as_ref()?.to_string(),
            // In parentheses, as an index wants it.
            NewKey::Expression(bound) => draft.over_new(table, bound).ok()?.sql,
        };
        keys.push(format!("{key}{words}"));
    }
    let mut sql = String::new();
    if let Some(method) = &index.method {
        sql.push_str(&format!(" USING {}", Ident::new(method.as_str())));
    }
    sql.push_str(&format!(" ({})", keys.join(", ")));
    if !index.include.is_empty() {
        let columns = index.include.iter().map(|column| draft.tables[table].columns[*column].new.clone());
        sql.push_str(&format!(" INCLUDE ({})", list(&columns.collect::<Option<Vec<Ident>>>()?)));
    }
    if index.nulls_not_distinct {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    if let Some(parameters) = &index.storage_parameters {
        sql.push_str(&format!(" WITH ({parameters})"));
    }
    if let Some(tablespace) = &index.tablespace {
        sql.push_str(&format!(" TABLESPACE {tablespace}"));
    }
    if let Some(predicate) = &index.predicate {
        sql.push_str(&format!(" WHERE {}", draft.over_new(table, predicate).ok()?.sql));
    }
    Some(sql)
}

fn key_sql(key: &IndexColumn) -> String {
    let mut sql = String::new();
    if let Some(collation) = &key.collate {
        sql.push_str(&format!(" COLLATE {}", collation_sql(collation.as_str())));
    }
    if let Some((opclass, parameters)) = &key.opclass {
        sql.push_str(&format!(" {}", dotted(opclass.as_str())));
        if !parameters.is_empty() {
            let parameters: Vec<&str> = parameters.iter().map(|p| p.as_str()).collect();
            sql.push_str(&format!(" ({})", parameters.join(", ")));
        }
    }
    match key.descending {
        Some(true) => sql.push_str(" DESC"),
        Some(false) => sql.push_str(" ASC"),
        None => {}
    }
    match key.nulls_first {
        Some(true) => sql.push_str(" NULLS FIRST"),
        Some(false) => sql.push_str(" NULLS LAST"),
        None => {}
    }
    sql
}

/// Collations have dots (`en_US.utf8`) and upper case in their names, so only a known schema is split off.
fn collation_sql(name: &str) -> String {
    if name.contains('"') {
        return name.to_owned();
    }
    match name.strip_prefix("pg_catalog.") {
        Some(rest) => format!("pg_catalog.{}", Ident::new(rest)),
        None => Ident::new(name).to_string(),
    }
}

/// An unquoted, perhaps qualified name, folded as PostgreSQL folds it.
fn dotted(name: &str) -> String {
    if name.contains('"') {
        return name.to_owned();
    }
    name.split('.')
        .map(|part| Ident::new(part.trim().to_ascii_lowercase()).to_string())
        .collect::<Vec<_>>()
        .join(".")
}
