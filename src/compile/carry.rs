//! Owns what is to be built on an existing table before the new version is published: what its columns' new forms
//! must have because the old ones have it, and what the plan adds. Must not order steps.

use super::addition::{AdditionKind, NewForeignKey, NewKey, NewUnique};
use super::draft::Draft;
use super::exclusion;
use super::expr::Expression;
use super::names;
use super::op::{actions_sql, index_names, index_sql, index_tail};
use super::partitioned::{KeyPart, Part, key_parts, parts};
use super::partitioned_key::{PRIMARY, head, words};
use crate::catalog::{Constraint, ConstraintKind, Index, IndexKey, Table, TableKind};
use crate::diagnostic::Span;
use crate::ident::{Ident, QualifiedName, list, literal};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Built {
    pub checks: Vec<BuiltCheck>,
    pub foreign_keys: Vec<BuiltForeignKey>,
    pub indexes: Vec<BuiltIndex>,
}

pub struct BuiltCheck {
    /// Before rows are filled.
    pub early: bool,
    /// Until the contract; the old one's own name is still taken.
    pub name: Ident,
    pub last_name: Ident,
    /// In parentheses, over physical columns.
    pub expression: String,
    pub no_inherit: bool,
    pub validate: bool,
    pub comment: Option<String>,
    pub what: String,
    pub span: Option<(usize, usize)>,
}

pub struct BuiltForeignKey {
    pub early: bool,
    pub name: Ident,
    pub last_name: Ident,
    pub definition: String,
    pub target: QualifiedName,
    /// It points at a new form: that has to be filled and indexed before.
    pub late: bool,
    pub validate: bool,
    pub comment: Option<String>,
    /// Types of its columns and of what they point at, as far as this schema has it.
    pub types: Vec<(String, String)>,
    /// Of a partitioned table: those of its partitions.
    pub parts: Vec<KeyPart>,
    pub span: Option<(usize, usize)>,
}

pub struct BuiltIndex {
    pub name: Ident,
    pub last_name: Ident,
    pub sql: String,
    /// `UNIQUE` or `PRIMARY KEY` constraint that it becomes: kind, deferral, comment.
    pub constraint: Option<(&'static str, &'static str, Option<String>)>,
    pub comment: Option<String>,
    pub statistics_targets: Vec<(i16, i32)>,
    pub clustered: bool,
    pub replica_identity: bool,
    pub unique: bool,
    /// What `sql` says after the table, which the server must accept before anything starts.
    pub tail: String,
    /// What its constraint says where it is not made of an index.
    pub words: String,
    pub span: Option<(usize, usize)>,
    /// Physical columns it keeps a name of its own for, which RENAME COLUMN on the table does not reach.
    pub columns: Vec<Ident>,
    /// Of a partitioned table: those of its partitions.
    pub parts: Vec<Part>,
    /// An expression stands among them, whose made-up name could be in the way of a column's.
    pub has_expression: bool,
}

/// Old physical column to what the new version has instead.
type Mapping = BTreeMap<Ident, Option<Ident>>;

pub fn built(draft: &mut Draft<'_>, table: usize) -> Built {
    let source = draft.tables[table].source.expect("an existing table");
    let mapping: Mapping = draft.tables[table]
        .columns
        .iter()
        .filter_map(|column| Some((column.old()?.clone(), column.new.clone())))
        .collect();
    let mut built = Built::default();
    let mut taken: Vec<Ident> = source.constraints.iter().map(|constraint| constraint.name.clone()).collect();
    for constraint in &source.constraints {
        let dropped = draft.tables[table].dropped_constraints.contains(&constraint.name);
        let touched = is_touched(&constraint.columns, &mapping)
            || draft.is_retargeted(constraint) && !goes(&constraint.columns, &mapping);
        if dropped || !touched {
            continue;
        }
        let name = names::hidden(&constraint.name, "_segue_new_", |name| taken.contains(name));
        match constraint.kind {
            ConstraintKind::Check => {
                let span = place(draft, table, &constraint.columns);
                let last = draft.tables[table].last_name(constraint).clone();
                let check = check(draft, source, constraint, &mapping, name.clone(), span);
                built.checks.extend(check.map(|check| BuiltCheck { last_name: last, ..check }))
            }
            ConstraintKind::ForeignKey => {
                let span = place(draft, table, &constraint.columns);
                let span = span.or_else(|| {
                    let foreign = constraint.foreign.as_ref()?;
                    let to = draft.pointed_at(foreign)?;
                    foreign.columns.iter().filter_map(|name| to.column_of(name)).find_map(|c| c.span.clone())
                });
                let key = foreign_key(draft, table, constraint, &mapping, name.clone());
                let span = bytes(&span);
                built.foreign_keys.extend(key.map(|key| BuiltForeignKey { span, ..key }))
            }
            _ => continue,
        }
        taken.push(name);
    }
    for index in &source.indexes {
        let goes = |name: &Ident| draft.tables[table].dropped_constraints.contains(name);
        let dropped = index.constraint.as_ref().is_some_and(goes)
            || draft.dropped_indexes.iter().any(|d| d.table == table && d.name == index.name);
        if is_touched(&index.columns, &mapping) && !dropped {
            let span = bytes(&place(draft, table, &index.columns));
            let carried = carried_index(draft, table, source, index, &mapping);
            built.indexes.extend(carried.map(|index| BuiltIndex { span, ..index }));
        }
    }
    add(draft, table, &taken, &mut built);
    if source.kind == TableKind::Partitioned {
        // Those carried have the parts that they had.
        for index in built.indexes.iter_mut().filter(|index| index.parts.is_empty()) {
            let kind = index.constraint.as_ref().map(|(kind, ..)| *kind);
            index.parts =
                parts(draft, source, &index.name, &index_names(draft, table, &index.last_name), kind);
        }
    }
    built
}

/// Whether something over these columns must be built again: one has a new form, and none is dropped.
fn is_touched(columns: &[Ident], mapping: &Mapping) -> bool {
    let replaced =
        columns.iter().any(|column| mapping.get(column).is_some_and(|new| new.as_ref() != Some(column)));
    replaced && !goes(columns, mapping)
}

/// Whether something over these columns goes with one of them.
fn goes(columns: &[Ident], mapping: &Mapping) -> bool {
    columns.iter().any(|column| mapping.get(column).is_some_and(Option::is_none))
}

/// Where the plan gives one of these columns its new form: what it takes with it has no place of its own there.
fn place(draft: &Draft<'_>, table: usize, columns: &[Ident]) -> Option<Span> {
    let table = &draft.tables[table];
    let replaced = columns.iter().filter_map(|column| table.column_of(column)).find(|c| c.is_replaced())?;
    replaced.span.clone()
}

fn bytes(span: &Option<Span>) -> Option<(usize, usize)> {
    span.as_ref().map(|span| (span.bytes.start, span.bytes.end))
}

fn mapped(column: &Ident, mapping: &Mapping) -> Ident {
    mapping.get(column).cloned().flatten().unwrap_or_else(|| column.clone())
}

/// An expression of the catalog over the new columns, in parentheses. Reports where it cannot be read.
fn expression(
    draft: &mut Draft<'_>,
    source: &Table,
    text: &str,
    mapping: &Mapping,
    (what, span): (&str, &Option<Span>),
) -> Option<String> {
    let parsed = draft.retyped(text, false);
    match parsed.and_then(|text| Expression::parse(&text, &source.name, &draft.scope())) {
        Ok(expression) => {
            Some(expression.substitute_nested(&mut |name, nested| match mapped(name, mapping) {
                column if nested => format!("{}.{column}", source.name),
                column => column.to_string(),
            }))
        }
        Err(error) => {
            let message =
                format!("cannot build {what} again for the new form of its columns: {}", error.message);
            draft.error_help(
                "compile.not_carried",
                message,
                span,
                "drop it before with an `sql` plan and make it again after",
            );
            None
        }
    }
}

fn check(
    draft: &mut Draft<'_>,
    source: &Table,
    constraint: &Constraint,
    mapping: &Mapping,
    name: Ident,
    span: Option<Span>,
) -> Option<BuiltCheck> {
    let what = format!("check {} of {}", constraint.name.as_str(), source.name.as_str());
    let text = constraint.expression.as_ref().expect("a CHECK has an expression");
    Some(BuiltCheck {
        early: false,
        name,
        last_name: constraint.name.clone(),
        expression: expression(draft, source, text, mapping, (&what, &span))?,
        no_inherit: constraint.no_inherit,
        validate: constraint.validated,
        comment: constraint.comment.clone(),
        what,
        span: bytes(&span),
    })
}

fn foreign_key(
    draft: &Draft<'_>,
    table: usize,
    constraint: &Constraint,
    mapping: &Mapping,
    name: Ident,
) -> Option<BuiltForeignKey> {
    let foreign = constraint.foreign.as_ref()?;
    let columns: Vec<Ident> = constraint.columns.iter().map(|column| mapped(column, mapping)).collect();
    let target = QualifiedName::new(&foreign.schema, &foreign.table);
    let pointed_at = draft.pointed_at(foreign);
    let at = |name: &Ident| pointed_at.and_then(|table| table.column_of(name));
    let late = draft.is_retargeted(constraint);
    let to: Vec<Ident> = foreign
        .columns
        .iter()
        .map(|name| at(name).and_then(|c| c.new.as_ref()).unwrap_or(name).clone())
        .collect();
    let mut definition = format!(
        "FOREIGN KEY ({}) REFERENCES {target} ({}) MATCH {} ON DELETE {}",
        list(&columns),
        list(&to),
        foreign.match_type,
        foreign.on_delete
    );
    if !foreign.on_delete_set_columns.is_empty() {
        let set: Vec<Ident> =
            foreign.on_delete_set_columns.iter().map(|column| mapped(column, mapping)).collect();
        definition.push_str(&format!(" ({})", list(&set)));
    }
    definition.push_str(&format!(" ON UPDATE {}", foreign.on_update));
    definition.push_str(deferral(constraint));
    let types = constraint.columns.iter().zip(&foreign.columns).filter_map(|(from, to)| {
        let column = draft.tables[table].column_of(from)?;
        Some((column.type_name.clone(), at(to)?.type_name.clone()))
    });
    Some(BuiltForeignKey {
        early: false,
        types: types.collect(),
        parts: key_parts(draft, draft.tables[table].source?, &constraint.name, None),
        span: None,
        name,
        last_name: draft.tables[table].last_name(constraint).clone(),
        definition,
        target,
        late,
        validate: constraint.validated,
        comment: constraint.comment.clone(),
    })
}

fn deferral(constraint: &Constraint) -> &'static str {
    super::op::deferrable_sql(constraint.deferrable, constraint.initially_deferred)
}

fn carried_index(
    draft: &mut Draft<'_>,
    table: usize,
    source: &Table,
    index: &Index,
    mapping: &Mapping,
) -> Option<BuiltIndex> {
    let constraint =
        source.constraints.iter().find(|constraint| constraint.index.as_ref() == Some(&index.name));
    let becomes = match constraint.map(|constraint| constraint.kind) {
        Some(ConstraintKind::PrimaryKey) => Some(PRIMARY),
        Some(ConstraintKind::Unique) => Some("UNIQUE"),
        Some(ConstraintKind::Exclude) if exclusion::is_carried(source) => Some(exclusion::KIND),
        // hazard refuses it.
        Some(_) => return None,
        None => None,
    };
    let what = format!("index {} of {}", index.name.as_str(), source.name.as_str());
    if !index.valid {
        draft.warn(
            "compile.index_invalid",
            format!("{what} is invalid, so it is not built again and goes with the old column"),
            &None,
            "it is the leftover of a build that failed: drop it, or REINDEX it before",
        );
        return None;
    }
    let span = place(draft, table, &index.columns);
    let name = draft.names.hidden(&index.name, "_segue_new_");
    let mut keys = Vec::new();
    for key in &index.keys {
        let mut sql = match &key.column {
            Some(column) => mapped(column, mapping).to_string(),
            None => expression(draft, source, &key.expression, mapping, (&what, &span))?,
        };
        if let Some(collation) = key.collation.as_ref().filter(|collation| is_written(index, key, collation))
        {
            sql.push_str(&format!(" COLLATE {collation}"));
        }
        if let Some(opclass) = &key.opclass {
            sql.push_str(&format!(" {opclass}"));
        }
        match (key.descending, key.nulls_first) {
            (false, false) => {}
            (false, true) => sql.push_str(" NULLS FIRST"),
            (true, true) => sql.push_str(" DESC"),
            (true, false) => sql.push_str(" DESC NULLS LAST"),
        }
        keys.push(sql);
    }
    let on = QualifiedName::new(&draft.catalog.schema, &source.name);
    let unique = if index.unique { "UNIQUE " } else { "" };
    let mut tail = format!(" USING {} ({})", index.method, keys.join(", "));
    let plain = index.keys.iter().filter_map(|key| key.column.as_ref()).chain(&index.include);
    let columns: Vec<Ident> = plain.map(|column| mapped(column, mapping)).collect();
    let include: Vec<Ident> = index.include.iter().map(|column| mapped(column, mapping)).collect();
    if !include.is_empty() {
        tail.push_str(&format!(" INCLUDE ({})", list(&include)));
    }
    if index.nulls_not_distinct {
        tail.push_str(" NULLS NOT DISTINCT");
    }
    let options: Vec<String> = index
        .options
        .iter()
        .map(|option| match option.split_once('=') {
            Some((name, value)) => format!("{} = {}", Ident::new(name), literal(value)),
            None => Ident::new(option.as_str()).to_string(),
        })
        .collect();
    let with = (!options.is_empty()).then(|| options.join(", "));
    if let Some(with) = &with {
        tail.push_str(&format!(" WITH ({with})"));
    }
    if let Some(tablespace) = &index.tablespace {
        tail.push_str(&format!(" TABLESPACE {tablespace}"));
    }
    let head = match constraint.filter(|constraint| constraint.kind == ConstraintKind::Exclude) {
        Some(exclude) => exclusion::head(&index.method, &keys, &exclude.operators),
        None => head(&columns[..columns.len() - include.len()], index.nulls_not_distinct),
    };
    let mut words = words(head, &include, with.as_deref(), index.tablespace.as_ref());
    if let Some(predicate) = &index.predicate {
        let predicate = expression(draft, source, predicate, mapping, (&what, &span))?;
        for sql in [&mut tail, &mut words] {
            sql.push_str(&format!(" WHERE {predicate}"));
        }
    }
    let parts = carried_parts(draft, table, source, index, (&name, mapping))?;
    Some(BuiltIndex {
        words,
        last_name: constraint.map_or(&index.name, |c| draft.tables[table].last_name(c)).clone(),
        sql: format!("CREATE {unique}INDEX CONCURRENTLY {name} ON {on}{tail}"),
        tail,
        unique: index.unique,
        span: None,
        name,
        constraint: becomes.zip(constraint).map(|(kind, c)| (kind, deferral(c), c.comment.clone())),
        comment: index.comment.clone(),
        statistics_targets: index.statistics_targets.clone(),
        clustered: index.clustered,
        replica_identity: draft.tables[table].replica_identity.is_none()
            && source.replica_identity_index.as_ref() == Some(&index.name),
        columns,
        parts,
        has_expression: index.keys.iter().any(|key| key.column.is_none()),
    })
}

/// An index of the catalog for a copy of its table.
pub fn index_as_it_is(
    draft: &mut Draft<'_>,
    table: usize,
    source: &Table,
    index: &Index,
) -> Option<BuiltIndex> {
    let same = source.columns.iter().map(|column| (column.name.clone(), Some(column.name.clone()))).collect();
    carried_index(draft, table, source, index, &same)
}

/// The indexes of partitions that are part of one, as they are there: parents before their partitions.
fn carried_parts(
    draft: &mut Draft<'_>,
    table: usize,
    source: &Table,
    index: &Index,
    (of, mapping): (&Ident, &Mapping),
) -> Option<Vec<Part>> {
    let catalog = draft.catalog;
    let mut found = Vec::new();
    let partition = |t: &&Table| t.partition_of.as_ref().is_some_and(|(parent, _)| *parent == source.name);
    for child in catalog.tables.values().filter(partition) {
        let part = |own: &&Index| own.parent.as_ref() == Some(&index.name);
        let Some(own) = child.indexes.iter().find(part) else { continue };
        let built = carried_index(draft, table, child, own, mapping)?;
        let leaf = child.kind != TableKind::Partitioned;
        let primary = built.constraint.as_ref().is_some_and(|(kind, ..)| *kind == PRIMARY);
        let key = (primary && leaf).then(|| draft.names.hidden(&own.name, "_segue_key_"));
        let child = QualifiedName::new(&catalog.schema, &child.name);
        found.push(Part {
            leaf,
            tail: Some(built.tail),
            words: Some(built.words),
            key,
            comment: built.comment,
            constraint_comment: built.constraint.and_then(|(.., comment)| comment),
            statistics_targets: built.statistics_targets,
            clustered: built.clustered,
            replica_identity: built.replica_identity,
            ..Part::new(child, built.name, own.name.clone(), of.clone())
        });
        found.extend(built.parts);
    }
    Some(found)
}

/// Whether an index names a key's collation. An expression may have it of its column, whose new form may have another.
fn is_written(index: &Index, key: &IndexKey, collation: &str) -> bool {
    let bare = collation.strip_prefix("pg_catalog.").unwrap_or(collation);
    key.column.is_some() || index.definition.contains(&format!("{} COLLATE {bare}", key.expression))
}

/// What the plan itself adds, over the columns as the plan leaves them. What stands on a column that a later
/// operation drops goes with it, as DROP COLUMN has it.
fn add(draft: &mut Draft<'_>, table: usize, taken: &[Ident], built: &mut Built) {
    let on = draft.qualified(table);
    let additions = &draft.tables[table].additions;
    for addition in additions {
        let last_name = addition.name.clone();
        // One that the plan renames or drops has its name until the contract.
        let name = match taken.contains(&last_name) && !addition.is_index() {
            true => names::hidden(&last_name, "_segue_new_", |name| taken.contains(name)),
            false => last_name.clone(),
        };
        let position = addition.span.as_ref().map(|span| (span.bytes.start, span.bytes.end));
        match &addition.kind {
            AdditionKind::Check { bound, no_inherit } => {
                let Ok(resolved) = draft.over_new(table, bound) else { continue };
                built.checks.push(BuiltCheck {
                    early: addition.early,
                    last_name,
                    name,
                    expression: resolved.sql,
                    no_inherit: *no_inherit,
                    validate: true,
                    comment: None,
                    what: addition.what.clone(),
                    span: position,
                });
            }
            AdditionKind::ForeignKey(key) => {
                let key = new_foreign_key(draft, table, key, name, position);
                let early = addition.early;
                let source = draft.tables[table].source;
                let parts = source
                    .map_or_else(Vec::new, |source| key_parts(draft, source, &last_name, Some(&last_name)));
                built.foreign_keys.extend(key.map(|key| BuiltForeignKey { last_name, early, parts, ..key }))
            }
            AdditionKind::Unique(unique) => {
                let Some(tail) = unique_tail(draft, table, unique) else { continue };
                let Some(words) = unique_words(draft, table, unique) else { continue };
                let kind = if unique.primary { PRIMARY } else { "UNIQUE" };
                let (deferrable, initially_deferred) = unique.deferral;
                let deferral = super::op::deferrable_sql(deferrable, initially_deferred);
                let columns = unique.columns.iter().chain(&unique.include);
                built.indexes.push(BuiltIndex {
                    sql: format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {on}{tail}"),
                    tail,
                    words,
                    unique: true,
                    span: position,
                    last_name,
                    name,
                    constraint: Some((kind, deferral, None)),
                    comment: None,
                    statistics_targets: Vec::new(),
                    clustered: false,
                    replica_identity: false,
                    columns: physical(draft, table, columns).unwrap_or_default(),
                    parts: Vec::new(),
                    has_expression: false,
                });
            }
            // Of a table that is there, it is made here.
            AdditionKind::Made { .. } => continue,
            AdditionKind::Index(index) => {
                let Some(sql) = index_sql(draft, table, &name, index, true) else { continue };
                let Some(tail) = index_tail(draft, table, index) else { continue };
                let plain = index.keys.iter().filter_map(|(key, _)| match key {
                    NewKey::Column(column) => Some(column),
                    NewKey::Expression(_) => None,
                });
                let columns = physical(draft, table, plain.chain(&index.include)).unwrap_or_default();
                built.indexes.push(BuiltIndex {
                    sql,
                    last_name: name.clone(),
                    name,
                    constraint: None,
                    comment: None,
                    statistics_targets: Vec::new(),
                    clustered: false,
                    replica_identity: false,
                    tail,
                    words: String::new(),
                    unique: index.unique,
                    span: position,
                    columns,
                    parts: Vec::new(),
                    has_expression: index.keys.iter().any(|(key, _)| matches!(key, NewKey::Expression(_))),
                });
            }
        }
    }
}

fn new_foreign_key(
    draft: &Draft<'_>,
    table: usize,
    key: &NewForeignKey,
    name: Ident,
    span: Option<(usize, usize)>,
) -> Option<BuiltForeignKey> {
    let columns = physical(draft, table, &key.columns)?;
    let to = physical(draft, key.target, &key.target_columns)?;
    let set = physical(draft, table, &key.on_delete_set_columns)?;
    let target = draft.qualified(key.target);
    let actions = actions_sql(&key.match_type, &key.on_delete, &set, &key.on_update, key.deferral);
    let type_name = |table: usize, column: &usize| draft.tables[table].columns[*column].type_name.clone();
    let types = key.columns.iter().zip(&key.target_columns);
    Some(BuiltForeignKey {
        early: false,
        last_name: name.clone(),
        name,
        definition: format!("FOREIGN KEY ({}) REFERENCES {target} ({}) {actions}", list(&columns), list(&to)),
        types: types.map(|(from, to)| (type_name(table, from), type_name(key.target, to))).collect(),
        target,
        late: false,
        validate: true,
        comment: None,
        parts: Vec::new(),
        span,
    })
}

fn unique_words(draft: &Draft<'_>, table: usize, unique: &NewUnique) -> Option<String> {
    let keys = physical(draft, table, &unique.columns)?;
    let include = physical(draft, table, &unique.include)?;
    let with = unique.storage_parameters.as_deref();
    Some(words(head(&keys, unique.nulls_not_distinct), &include, with, unique.tablespace.as_ref()))
}

/// What a unique index says after the table's name.
fn unique_tail(draft: &Draft<'_>, table: usize, unique: &NewUnique) -> Option<String> {
    let mut sql = format!(" ({})", list(&physical(draft, table, &unique.columns)?));
    let include = physical(draft, table, &unique.include)?;
    if !include.is_empty() {
        sql.push_str(&format!(" INCLUDE ({})", list(&include)));
    }
    if unique.nulls_not_distinct {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    if let Some(parameters) = &unique.storage_parameters {
        sql.push_str(&format!(" WITH ({parameters})"));
    }
    if let Some(tablespace) = &unique.tablespace {
        sql.push_str(&format!(" TABLESPACE {tablespace}"));
    }
    Some(sql)
}

/// What the new version has for these columns; `None` where one is gone.
fn physical<'c>(
    draft: &Draft<'_>,
    table: usize,
    columns: impl IntoIterator<Item = &'c usize>,
) -> Option<Vec<Ident>> {
    columns.into_iter().map(|column| draft.tables[table].columns[*column].new.clone()).collect()
}
