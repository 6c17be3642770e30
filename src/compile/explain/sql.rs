//! Owns the SQL of a step as people read it: what is sent, or what will be once it is known.
//! Must not run it.

use crate::catalog::{Catalog, Column, Table};
use crate::compile::program::{Action, BackfillSpec, Program, Step, SyncSpec};
use crate::compile::{sync, views};
use crate::ident::{Ident, list};

/// Statements of a step. Publishing follows the tables as they are then: with a catalog it is shown
/// as far as that can be foreseen, without one it is told in words.
pub fn of_step(program: &Program, step: &Step, catalog: Option<&Catalog>) -> Vec<String> {
    match &step.action {
        Action::Ddl { statements } => statements.clone(),
        Action::Expand { statements, sync: spec } => {
            statements.iter().cloned().chain(sync::preview(spec)).collect()
        }
        Action::Backfill(spec) => vec![backfill(spec)],
        Action::BuildIndex { sql, .. } => vec![sql.clone()],
        Action::DropIndex { index } => vec![format!("DROP INDEX CONCURRENTLY {index}")],
        Action::Validate { table, constraint } => {
            vec![format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")]
        }
        Action::Publish => match catalog {
            Some(catalog) => views::create(&foreseen(catalog, program), program),
            None => publish_in_words(program),
        },
        Action::Reshape { statements } => {
            let again =
                format!("-- and the views of {} again, as the tables are then", program.version_schema);
            let first = retire_line(program, &program.version_schema);
            [first].into_iter().chain(statements.iter().cloned()).chain([again]).collect()
        }
        Action::Retire { version_schema } => vec![retire_line(program, version_schema)],
        Action::Analyze { table } => vec![format!("ANALYZE {table}")],
        Action::Vacuum { table, .. } => vec![vacuum(&table.to_string())],
        Action::Script { sql, .. } => vec![sql.trim_end().trim_end_matches(';').to_owned()],
    }
}

/// Without truncation, which takes ACCESS EXCLUSIVE, and without helpers that take processors.
pub fn vacuum(table: &str) -> String {
    format!("VACUUM (TRUNCATE false, PARALLEL 0) {table}")
}

/// Whether a person could run the statements as they stand.
pub fn by_hand(action: &Action) -> bool {
    !matches!(action, Action::Backfill(_) | Action::Publish | Action::Reshape { .. } | Action::Retire { .. })
}

pub fn in_transaction(action: &Action) -> bool {
    match action {
        Action::Ddl { .. } | Action::Expand { .. } => true,
        Action::Script { transactional, .. } => *transactional,
        _ => false,
    }
}

fn backfill(spec: &BackfillSpec) -> String {
    if let Some(copy) = &spec.copy {
        let (columns, key) = (list(&copy.columns), list(&copy.key));
        let (into, table, name) = (&copy.into, &spec.table, &spec.table.name);
        return format!(
            "-- for each range of blocks [b, b+n), one short transaction:\n\
             INSERT INTO {into} ({columns})\nSELECT {columns} FROM ONLY {table}\n \
             WHERE ctid >= '(:b,0)' AND ctid < '(:b+n,0)' AND {}\n   FOR SHARE OF {name} ON CONFLICT ({key}) DO NOTHING\n\
             -- until no such row is found",
            spec.pending()
        );
    }
    let set: Vec<String> = spec.set.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    let pending = spec.pending();
    let (leaves, table) = if spec.partitioned {
        ("leaf partition by leaf partition, ", format!("<leaf of {}>", spec.table))
    } else {
        ("", spec.table.to_string())
    };
    let marker = spec.marker.iter().map(|marker| format!("{marker} = false"));
    let set = set.into_iter().chain(marker).collect::<Vec<_>>().join(",\n       ");
    let until = match &spec.marker {
        Some(_) => format!("no row has {pending}"),
        None => "no such row is found".to_owned(),
    };
    format!(
        "-- {leaves}for each range of blocks [b, b+n), for each rising bound l of the rows' lines on their pages, one short transaction:\n\
         UPDATE ONLY {table}\n   SET {set}\n \
         WHERE ctid >= '(:b,0)' AND ctid < '(:b+n,0)' AND {pending} AND get_byte(tidsend(ctid), 5) < :l\n\
         -- until {until}"
    )
}

fn publish_in_words(program: &Program) -> Vec<String> {
    let mut out = vec![
        format!("CREATE SCHEMA {}", program.version_schema),
        format!(
            "-- a view in {} for each table of {}, with the columns it then has",
            program.version_schema, program.schema
        ),
    ];
    for view in &program.views {
        let Some(name) = &view.view else {
            out.push(format!("-- no view of {}", view.table));
            continue;
        };
        let columns: Vec<String> = view
            .columns
            .iter()
            .map(|column| match &column.shown {
                Some(shown) => format!("{shown} is {}", column.column),
                None => format!("without {}", column.column),
            })
            .collect();
        out.push(format!("-- {name} of {}: {}", view.table, columns.join(", ")));
    }
    out
}

pub fn retire_line(program: &Program, version_schema: &Ident) -> String {
    let whose =
        if *version_schema == program.version_schema { "the new version's" } else { "the old version's" };
    format!("DROP VIEW {version_schema}.<each of {whose} views>; DROP SCHEMA {version_schema}")
}

/// The tables with the hidden columns that expand will have given them.
fn foreseen(catalog: &Catalog, program: &Program) -> Catalog {
    let mut catalog = catalog.clone();
    let types: Vec<&(Ident, String)> =
        program.steps.iter().filter_map(sync_of).flat_map(|spec| &spec.hidden_columns).collect();
    for view in &program.views {
        let table = catalog
            .tables
            .entry(view.table.clone())
            .or_insert_with(|| Table { name: view.table.clone(), ..Table::default() });
        for column in &view.columns {
            if table.column(&column.column).is_none() {
                let known = types.iter().find(|(name, _)| *name == column.column);
                let type_name =
                    known.map_or_else(|| "unknown".to_owned(), |(_, type_name)| type_name.clone());
                table.columns.push(Column { name: column.column.clone(), type_name, ..Column::default() });
            }
        }
    }
    catalog
}

fn sync_of(step: &Step) -> Option<&SyncSpec> {
    match &step.action {
        Action::Expand { sync, .. } => Some(sync.as_ref()),
        _ => None,
    }
}
