//! Owns one existing table on its way: what of it is filled, kept in step, shown, and checked beforehand.
//! Must not order steps (that is `assemble` and `contract`).

use super::addition::{AdditionKind, DraftMend};
use super::beside;
use super::carry::{self, Built};
use super::draft::{Draft, DraftColumn, DraftTable, Resolved, Up};
use super::hazard::partitions;
use super::names;
use super::program::{
    BackfillSpec, CheckKind, ExpressionCheck, Mend, Mending, OLD_DEFAULT, Pair, PairExpression, PairSide,
    SyncSpec, TableView, ViewColumn, ViewDefault,
};
use crate::catalog::{Table, TableKind};
use crate::diagnostic::Span;
use crate::ident::{Ident, QualifiedName, literal};
use std::collections::BTreeSet;

/// All that assembling needs to know of one table.
pub struct Shape<'a> {
    pub number: usize,
    pub source: &'a Table,
    pub name: QualifiedName,
    pub built: Built,
    pub marker: Option<Ident>,
    pub sync: Option<SyncSpec>,
    pub backfill: Option<BackfillSpec>,
    /// Rows that violate what is in place, one for each constraint.
    pub mending: Vec<BackfillSpec>,
}

/// The schemas of views on both sides.
pub struct Versions<'v> {
    pub new: &'v Ident,
    pub previous: Option<&'v Ident>,
}

pub fn shape<'a>(draft: &mut Draft<'a>, number: usize, versions: &Versions<'_>) -> Shape<'a> {
    let source = draft.tables[number].source.expect("an existing table");
    let built = carry::built(draft, number);
    let name = draft.qualified(number);
    let table = &draft.tables[number];
    let marker = table
        .columns
        .iter()
        .any(DraftColumn::is_filled)
        .then(|| names::hidden(&Ident::new("pending"), "_segue_", |name| source.column(name).is_some()));
    let pairs = pairs(draft, number);
    let mending = mending(draft, number);
    let sync = (!pairs.is_empty() || mending.is_some()).then(|| {
        let start = trigger_start(draft, source);
        SyncSpec {
            table: name.clone(),
            function: QualifiedName::new(&Ident::new("segue"), &function_name(&name)),
            trigger_insert: Ident::new(format!("{start}_insert")),
            trigger_update: Ident::new(format!("{start}_update")),
            version_schema: versions.new.clone(),
            published_with: (!super::enums::in_version(draft).is_empty())
                .then(|| QualifiedName::new(versions.new, draft.tables[number].logical())),
            previous_version_schema: versions.previous.cloned(),
            marker: marker.clone(),
            hidden_columns: hidden_columns(draft, number),
            plain: plain(source, &pairs),
            pairs,
            mending,
        }
    });
    let backfill = marker.clone().map(|marker| {
        let filled = draft.tables[number].columns.iter().filter(|column| column.is_filled());
        let mut spec = BackfillSpec {
            table: name.clone(),
            marker: Some(marker),
            only: None,
            set: Vec::new(),
            shown: Vec::new(),
            key: source.primary_key().map(|key| key.columns.clone()).unwrap_or_default(),
            partitioned: source.kind == TableKind::Partitioned,
            copy: None,
        };
        let mut only = Vec::new();
        for column in filled {
            let new = column.new.clone().expect("filled columns are there");
            let (Up::Derived(Resolved { sql, .. }) | Up::Volatile(sql)) = &column.up else {
                unreachable!("filled columns have an expression")
            };
            spec.set.push((new, sql.clone()));
            spec.shown.push(column.name.clone());
            only.push(column.only.as_ref().map(|only| only.sql.clone()));
        }
        // A row is written if any of its columns needs it.
        let only: Option<Vec<String>> = only.into_iter().collect();
        spec.only = only.map(|only| format!("({})", only.join(" OR ")));
        spec
    });
    let mending = mends(draft, number, &name);
    Shape { number, source, name, built, marker, sync, backfill, mending }
}

fn mends(draft: &Draft<'_>, number: usize, name: &QualifiedName) -> Vec<BackfillSpec> {
    let table = &draft.tables[number];
    let source = table.source.expect("an existing table");
    let spec = |mend: &DraftMend| BackfillSpec {
        table: name.clone(),
        marker: None,
        only: Some(mend.violates.sql.clone()),
        set: mend
            .set
            .iter()
            .filter_map(|(c, up, _)| Some((table.columns[*c].new.clone()?, up.sql.clone())))
            .collect(),
        shown: mend.set.iter().map(|(column, ..)| table.columns[*column].name.clone()).collect(),
        key: source.primary_key().map(|key| key.columns.clone()).unwrap_or_default(),
        partitioned: source.kind == TableKind::Partitioned,
        copy: None,
    };
    table.mends.iter().map(spec).filter(|spec| !spec.set.is_empty()).collect()
}

fn mending(draft: &Draft<'_>, number: usize) -> Option<Mending> {
    let name = draft.qualified(number);
    let mends: Vec<Mend> = mends(draft, number, &name)
        .into_iter()
        .zip(&draft.tables[number].mends)
        .map(|(spec, mend)| Mend { violates: mend.violates.sql.clone(), plain: mend.plain, set: spec.set })
        .collect();
    let source = draft.tables[number].source?;
    let trigger = Ident::new(format!("{}_fix", trigger_start(draft, source)));
    let whole = Ident::new(format!("{}.{}", name.schema.as_str(), name.name.as_str()));
    let function = QualifiedName::new(&Ident::new("segue"), &whole.hidden("mend_"));
    (!mends.is_empty()).then_some(Mending { function, trigger, mends })
}

/// Of text only what has its type's own collation: another may call equal what is not the same.
fn plain(source: &Table, pairs: &[Pair]) -> Vec<Ident> {
    const PLAIN: [&str; 9] = [
        "smallint",
        "integer",
        "bigint",
        "oid",
        "boolean",
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
        "uuid",
    ];
    let text = |name: &str| name == "text" || name.starts_with("character varying");
    let there = source.columns.iter().filter(|column| {
        let name = column.type_name.as_str();
        PLAIN.contains(&name) || (text(name) && column.collation.is_none())
    });
    let new = pairs.iter().filter_map(|pair| pair.new.as_ref());
    let hidden = new.filter(|side| PLAIN.contains(&side.type_name.as_str())).map(|side| side.column.clone());
    there.map(|column| column.name.clone()).chain(hidden).collect()
}

fn function_name(table: &QualifiedName) -> Ident {
    Ident::new(format!("{}.{}", table.schema.as_str(), table.name.as_str())).hidden("sync_")
}

/// A name that sorts after every user trigger that could still change the row.
fn trigger_start(draft: &Draft<'_>, source: &Table) -> String {
    let mut tables = vec![source];
    tables.extend(partitions(draft.catalog, source));
    let last =
        tables.iter().flat_map(|t| &t.triggers).filter(|t| t.before_row).map(|t| t.name.as_str()).max();
    let mut start = "zzz".to_owned();
    // PostgreSQL compares the names by byte; 50 leave room for what follows.
    while last.is_some_and(|last| format!("{start}_segue").as_str() <= last) && start.len() < 50 {
        start.push('z');
    }
    if last.is_some_and(|last| format!("{start}_segue").as_str() <= last) {
        start = "\u{10ffff}".repeat(10);
    }
    format!("{start}_segue")
}

fn hidden_columns(draft: &Draft<'_>, number: usize) -> Vec<(Ident, String)> {
    let columns = draft.tables[number].columns.iter().filter(|column| !column.is_shared());
    columns.filter_map(|column| Some((column.new.clone()?, column.type_name.clone()))).collect()
}

fn pairs(draft: &mut Draft<'_>, number: usize) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut faults: Vec<(String, Option<Span>)> = Vec::new();
    let table = &draft.tables[number];
    for (at, column) in table.columns.iter().enumerate() {
        let old = column.source.map(|source| PairSide {
            column: source.name.clone(),
            type_name: source.type_name.clone(),
            not_null: source.not_null,
        });
        let down = if column.is_replaced() || column.is_dropped() {
            let has_end = column.is_replaced()
                || column
                    .changes
                    .last()
                    .is_some_and(|change| !matches!(change.down, super::draft::Down::None));
            match has_end.then(|| draft.down(number, at)) {
                Some(Ok(resolved)) => resolved,
                Some(Err(why)) => {
                    let change = column.changes.first().expect("a column with a way back was changed");
                    faults.push((format!("down of {}: {why}", change.what), change.down_span.clone()));
                    continue;
                }
                None => None,
            }
        } else {
            None
        };
        if !column.is_filled() && down.is_none() {
            continue;
        }
        let new = column.new.as_ref().map(|new| PairSide {
            column: new.clone(),
            type_name: column.type_name.clone(),
            not_null: column.not_null,
        });
        let up = match &column.up {
            _ if new.is_none() => None,
            Up::Derived(resolved) => Some(resolved.clone()),
            Up::Volatile(sql) => Some(Resolved::constant(sql)),
            _ => None,
        };
        let only = column.only.as_ref().map(|only| only.sql.clone());
        let expression = |resolved: Resolved, only: Option<String>| {
            let (reads_shared, reads_own) = resolved.reads.into_iter().partition(|name| {
                table.columns.iter().any(|column| column.is_shared() && column.new.as_ref() == Some(name))
            });
            PairExpression { sql: resolved.sql, reads_own, reads_shared, only }
        };
        pairs.push(Pair {
            old,
            new,
            up: up.map(|up| expression(up, only)),
            down: down.map(|down| expression(down, None)),
            reset: column.default.clone().filter(|_| is_reset(table, at)),
        });
    }
    for (message, span) in faults {
        draft.error("compile.down_unreadable", message, &span);
    }
    pairs
}

/// Whether a foreign key, of the catalog or of the plan, sets the column to its default.
fn is_reset(table: &DraftTable<'_>, column: usize) -> bool {
    const RESET: &str = "SET DEFAULT";
    let resets = |on_delete: &str, on_update: &str| on_delete == RESET || on_update == RESET;
    let of_catalog = table.source.into_iter().flat_map(|source| &source.constraints).any(|constraint| {
        let old = table.columns[column].old();
        constraint.foreign.as_ref().is_some_and(|foreign| resets(&foreign.on_delete, &foreign.on_update))
            && constraint.columns.iter().any(|name| old == Some(name))
    });
    of_catalog
        || table.additions.iter().any(|addition| match &addition.kind {
            AdditionKind::ForeignKey(key) => {
                resets(&key.on_delete, &key.on_update) && key.columns.contains(&column)
            }
            _ => false,
        })
}

/// What the server must accept before anything starts.
pub fn checks(draft: &Draft<'_>, shape: &Shape<'_>) -> Vec<ExpressionCheck> {
    let mut checks = Vec::new();
    let hidden = hidden_columns(draft, shape.number);
    let bytes = |span: &Option<Span>| span.as_ref().map(|span| (span.bytes.start, span.bytes.end));
    let mut push = |kind, what: String, expression: &str, to: &str, position: Option<(usize, usize)>| {
        let own_only = matches!(kind, CheckKind::Type | CheckKind::Default);
        checks.push(ExpressionCheck {
            kind,
            what,
            table: shape.name.clone(),
            expression: expression.to_owned(),
            assigned_to: to.to_owned(),
            extra_columns: if own_only { Vec::new() } else { hidden.clone() },
            position,
        });
    };
    let table = &draft.tables[shape.number];
    let here = |column: &DraftColumn<'_>| format!("{}.{}", shape.name.name.as_str(), column.name.as_str());
    for column in table
        .columns
        .iter()
        .filter(|c| c.new.is_some() && (c.type_changed || c.retyped || c.source.is_none()))
    {
        push(
            CheckKind::Type,
            format!("type of {}", here(column)),
            "",
            &column.type_name,
            bytes(&column.span),
        );
    }
    for (at, column) in table.columns.iter().enumerate() {
        let up = match &column.up {
            Up::Derived(resolved) => Some(&resolved.sql),
            // A default is checked as one.
            Up::Constant(sql) => Some(sql).filter(|_| column.up_span.is_some()),
            _ => None,
        };
        if let (Some(up), Some(_)) = (up, &column.new) {
            let what = format!("up of {}", column.what);
            push(CheckKind::Value, what, up, &column.type_name, bytes(&column.up_span));
        }
        if let Some(only) = &column.only {
            let what = format!("where of {}", column.what);
            push(CheckKind::Value, what, &only.sql, "boolean", bytes(&only.span));
        }
        if let (Some(source), Ok(Some(down))) = (column.source, draft.down(shape.number, at)) {
            let span = column.changes.first().and_then(|change| change.down_span.clone());
            let what = column.changes.first().map_or("", |change| change.what.as_str());
            push(CheckKind::Value, format!("down of {what}"), &down.sql, &source.type_name, bytes(&span));
        }
        let new_default = column.default_changed || column.type_changed || column.source.is_none();
        if let (Some(default), Some(_), true, None) =
            (&column.default, &column.new, new_default, &column.serial)
        {
            // One that the table had before has no place of its own.
            let given = bytes(&column.default_span);
            let what =
                format!("{} of {}", if given.is_some() { "default" } else { OLD_DEFAULT }, here(column));
            let position = given.or_else(|| bytes(&column.span));
            push(CheckKind::Default, what, default, &column.type_name, position);
        }
    }
    for mend in &table.mends {
        push(CheckKind::Value, format!("{} of its rows", mend.what), &mend.violates.sql, "boolean", None);
        for (column, up, span) in &mend.set {
            let what = format!("up of {}", mend.what);
            push(CheckKind::Value, what, &up.sql, &table.columns[*column].type_name, bytes(span));
        }
    }
    for check in &shape.built.checks {
        push(CheckKind::Constraint, check.what.clone(), &check.expression, "", check.span);
    }
    for index in &shape.built.indexes {
        let what = format!("index {} of {}", index.last_name.as_str(), shape.name.name.as_str());
        let unique = if index.unique { "UNIQUE" } else { "" };
        push(CheckKind::Index, what, &index.tail, unique, index.span);
    }
    for column in beside::ordered_columns(draft, shape.number) {
        let what = format!("statistics of {}", shape.name.name.as_str());
        let retyped = table.columns.iter().find(|c| c.new.as_ref() == Some(column));
        let position = retyped.and_then(|column| bytes(&column.span));
        push(CheckKind::Index, what, &format!(" ({column})"), "", position);
    }
    for key in &shape.built.foreign_keys {
        for (from, to) in &key.types {
            let what = format!("foreign key {} of {}", key.last_name.as_str(), shape.name.name.as_str());
            let equal = format!("(NULL::{from} = NULL::{to})");
            push(CheckKind::Value, what, &equal, "boolean", key.span);
        }
    }
    checks
}

/// The plan's own definitions before anything else, so that what follows can stand on them: a type, a function.
pub fn defining_checks(draft: &Draft<'_>) -> Vec<ExpressionCheck> {
    let first = draft.scripts.iter().filter(|script| !script.on_complete);
    first
        .take_while(|script| script.only_defines && script.after == 0)
        .map(|script| ExpressionCheck {
            kind: CheckKind::Statement,
            what: "sql".to_owned(),
            table: QualifiedName::new(&draft.catalog.schema, &draft.catalog.schema),
            expression: script.up.clone(),
            assigned_to: String::new(),
            extra_columns: Vec::new(),
            position: script.span.as_ref().map(|span| (span.bytes.start, span.bytes.end)),
        })
        .collect()
}

/// Tables of this plan, made for a moment: nothing else shows all that may be wrong with them. Those that point at
/// existing ones are left out: even for a moment, that would lock what is in use.
pub fn created_checks(draft: &Draft<'_>) -> Vec<ExpressionCheck> {
    let mut left_out: BTreeSet<usize> = BTreeSet::new();
    loop {
        let before = left_out.len();
        for (by, of) in &draft.created.referenced {
            if draft.tables[*of].source.is_some() || left_out.contains(of) {
                left_out.insert(*by);
            }
        }
        if left_out.len() == before {
            break;
        }
    }
    let check = |(table, sql): &(usize, String)| ExpressionCheck {
        kind: CheckKind::Statement,
        what: format!("table {}", draft.tables[*table].logical().as_str()),
        table: draft.qualified(*table),
        expression: sql.clone(),
        assigned_to: String::new(),
        extra_columns: Vec::new(),
        position: draft.tables[*table].span.as_ref().map(|span| (span.bytes.start, span.bytes.end)),
    };
    draft.created.statements.iter().filter(|(table, _)| !left_out.contains(table)).map(check).collect()
}

/// How a table and its partitions appear in the new version, where not as they are.
pub fn views(draft: &Draft<'_>, number: usize) -> Vec<TableView> {
    let table = &draft.tables[number];
    let Some(source) = table.source else { return Vec::new() };
    if !table.has_changes() {
        return Vec::new();
    }
    let columns: Vec<ViewColumn> = if table.shown.is_some() {
        table.columns.iter().flat_map(|c| view_columns(draft, c)).collect()
    } else {
        Vec::new()
    };
    let mut views =
        vec![TableView { table: source.name.clone(), view: table.shown.clone(), columns: columns.clone() }];
    if !columns.is_empty() {
        for partition in partitions(draft.catalog, source) {
            let shown =
                draft.tables.iter().find(|t| t.physical == partition.name).and_then(|t| t.shown.clone());
            views.push(TableView { table: partition.name.clone(), view: shown, columns: columns.clone() });
        }
    }
    views
}

fn view_columns(draft: &Draft<'_>, column: &DraftColumn<'_>) -> Vec<ViewColumn> {
    let plain = |physical: &Ident| ViewColumn {
        column: physical.clone(),
        shown: None,
        in_place_of: None,
        default: ViewDefault::Inherit,
        comment: None,
    };
    let mut columns = Vec::new();
    if let Some(old) = column.old().filter(|_| !column.is_shared()) {
        columns.push(plain(old));
    }
    let Some(new) = &column.new else { return columns };
    let set = |default: &Option<String>, otherwise| default.clone().map_or(otherwise, ViewDefault::Set);
    let shown = Some(column.name.clone());
    if let Some(source) = column.source.filter(|_| column.is_shared()) {
        if source.name == column.name && !column.default_changed && !column.comment_changed {
            return columns;
        }
        columns.push(ViewColumn {
            shown,
            default: if column.default_changed {
                set(&column.default, ViewDefault::Drop)
            } else {
                ViewDefault::Inherit
            },
            comment: column.comment_changed.then(|| column.comment.clone()),
            ..plain(new)
        });
        return columns;
    }
    let default = match (&column.up, column.source) {
        _ if column.new_identity.is_some() => {
            identity_default(draft, column.serial.as_ref().map(|(sequence, _)| sequence))
        }
        (_, Some(source)) if source.identity.is_some() => {
            identity_default(draft, source.owned_sequence.as_ref())
        }
        (Up::Constant(physical), _) if column.default.as_ref() == Some(physical) => ViewDefault::Inherit,
        (Up::Constant(_), _) => set(&column.default, ViewDefault::Drop),
        _ => set(&column.default, ViewDefault::Inherit),
    };
    columns.push(ViewColumn { shown, in_place_of: column.old().cloned(), default, ..plain(new) });
    columns
}

/// By name, so that the sequence can be exchanged under the view at the contract.
fn identity_default(draft: &Draft<'_>, sequence: Option<&Ident>) -> ViewDefault {
    sequence.map_or(ViewDefault::Inherit, |sequence| {
        let name = QualifiedName::new(&draft.catalog.schema, sequence);
        ViewDefault::Set(format!("nextval({}::text::regclass)", literal(&name.to_string())))
    })
}
