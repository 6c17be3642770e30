//! What the end-to-end tests compare: a schema as a value, its rows as text, and what Segue must not leave behind.

use super::At;
use segue::{
    catalog::{Catalog, Order, TableKind, diff::diff, fingerprint::Fingerprint},
    ident::literal,
    pg::introspect,
};
use std::collections::BTreeMap;

/// Rows with an `id` from here on are the concurrent writers' and are not compared.
pub const WRITERS_FROM: i64 = 1_000_000;

/// The schema as the server has it, read with Segue's own statement. All version schemas' views are left out.
#[track_caller]
pub fn catalog(at: At<'_>, schema: &str) -> Catalog {
    let version_schemas = at
        .value("SELECT array_agg(nspname)::text FROM pg_namespace WHERE nspname LIKE 'public\\_%'")
        .unwrap_or_else(|| "{}".to_owned());
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n{}\nPREPARE segue_test (text, text[]) AS\n{};\n\
         EXECUTE segue_test ({}, {});\nCOMMIT",
        introspect::SETTINGS,
        introspect::SQL,
        literal(schema),
        literal(&version_schemas)
    );
    let rows = at.query(&sql);
    let text =
        rows.into_iter().flatten().flatten().next().unwrap_or_else(|| panic!("there is no schema {schema}"));
    let json = serde_json::from_str(&text).expect("the server's JSON is JSON");
    introspect::decode(json).expect("it has the shape of a catalog")
}

/// What differs, a line each; nothing exactly where the fingerprints are equal.
pub fn differences(before: &Catalog, after: &Catalog, order: Order) -> Vec<String> {
    let lines: Vec<String> = diff(before, after, order).iter().map(ToString::to_string).collect();
    let equal = Fingerprint::of(before, order) == Fingerprint::of(after, order);
    assert_eq!(equal, lines.is_empty(), "fingerprints and differences contradict each other: {lines:?}");
    lines
}

/// What of the rows is not compared: columns whose values are random, rows that are the writers'.
#[derive(Clone, Debug, Default)]
pub struct Compare {
    /// `table.column`.
    pub ignored: Vec<String>,
    /// Not compared after a rollback: what is in place is mended for both versions.
    pub mended: Vec<String>,
    /// Table to the condition its compared rows fulfil.
    pub only: BTreeMap<String, String>,
}

impl Compare {
    /// `ignore TABLE.COLUMN` and `only TABLE: CONDITION`, one a line.
    pub fn parse(text: &str) -> Compare {
        let mut compare = Compare::default();
        for line in text.lines() {
            if let Some(column) = line.strip_prefix("ignore ") {
                compare.ignored.push(column.to_owned());
            } else if let Some(column) = line.strip_prefix("mended ") {
                compare.mended.push(column.to_owned());
            } else if let Some((table, condition)) =
                line.strip_prefix("only ").and_then(|l| l.split_once(": "))
            {
                compare.only.insert(table.to_owned(), condition.to_owned());
            } else {
                panic!(
                    "{line:?} is neither `ignore TABLE.COLUMN`, `mended TABLE.COLUMN` nor `only TABLE: CONDITION`"
                );
            }
        }
        compare
    }

    /// What is to be as it was after a rollback.
    pub fn rolled_back(&self) -> Compare {
        let ignored = self.ignored.iter().chain(&self.mended).cloned().collect();
        Compare { ignored, ..self.clone() }
    }
}

/// Every compared row of every table of `public`, columns by name, sorted.
#[track_caller]
pub fn rows(at: At<'_>, catalog: &Catalog, compare: &Compare) -> Vec<String> {
    // One question: a session for each table would cost more than the rows do.
    let mut questions = Vec::new();
    for (name, table) in &catalog.tables {
        if !matches!(table.kind, TableKind::Ordinary | TableKind::Partitioned) || table.partition_of.is_some()
        {
            continue;
        }
        let mut columns: Vec<_> = table
            .columns
            .iter()
            .filter(|column| {
                !compare.ignored.contains(&format!("{}.{}", name.as_str(), column.name.as_str()))
            })
            .collect();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        let shown: Vec<String> = columns
            .iter()
            .map(|column| {
                format!("{} || '=' || coalesce({}::text, 'NULL')", literal(column.name.as_str()), column.name)
            })
            .collect();
        let is_counter = |column: &&&segue::catalog::Column| {
            column.name.as_str() == "id" && ["integer", "bigint"].contains(&column.type_name.as_str())
        };
        let condition = match compare.only.get(name.as_str()) {
            Some(condition) => format!("WHERE {condition}"),
            None if columns.iter().any(|column| is_counter(&column)) => {
                format!("WHERE id BETWEEN 0 AND {WRITERS_FROM} - 1")
            }
            None => String::new(),
        };
        // An array is as deep as one of its columns, however many there are.
        let shown = format!("array_to_string(ARRAY[{}]::text[], ', ')", shown.join(", "));
        let of = literal(&format!("{}: ", name.as_str()));
        questions.push(format!("SELECT {of} || {shown} FROM {}.{name} {condition}", catalog.schema));
    }
    if questions.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<String> =
        at.query(&questions.join("\nUNION ALL ")).into_iter().flatten().flatten().collect();
    all.sort();
    all
}

/// The lines of two sorted lists that only one of them has, at most 20.
pub fn row_differences(before: &[String], after: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    before.iter().for_each(|row| *counts.entry(row).or_default() -= 1);
    after.iter().for_each(|row| *counts.entry(row).or_default() += 1);
    let differing = counts.into_iter().filter(|(_, count)| *count != 0);
    differing.map(|(row, count)| format!("{count:+} {row}")).take(20).collect()
}

/// Hidden columns, triggers, functions, constraints, indexes that are there although no rollout is under way, and
/// version schemas other than these.
#[track_caller]
pub fn leftovers(at: At<'_>, version_schemas: &[&str]) -> Vec<String> {
    let expected: Vec<String> = version_schemas.iter().map(|name| literal(name)).collect();
    let expected = if expected.is_empty() { "NULL".to_owned() } else { expected.join(", ") };
    let sql = format!(
        "WITH n AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|segue$)')
         SELECT 'version schema ' || nspname FROM n WHERE nspname LIKE 'public\\_%'
             AND (nspname NOT IN ({expected})) IS NOT FALSE
         UNION ALL SELECT 'no version schema ' || e FROM unnest(ARRAY[{expected}]::text[]) e
             WHERE e IS NOT NULL AND to_regnamespace(quote_ident(e)) IS NULL
         UNION ALL SELECT 'relation ' || c.oid::regclass FROM pg_class c JOIN n ON n.oid = c.relnamespace
             WHERE c.relname LIKE '\\_segue%'
         UNION ALL SELECT 'column ' || a.attname || ' of ' || c.oid::regclass FROM pg_attribute a
             JOIN pg_class c ON c.oid = a.attrelid JOIN n ON n.oid = c.relnamespace
             WHERE a.attname LIKE '\\_segue%' AND NOT a.attisdropped
         UNION ALL SELECT 'constraint ' || o.conname FROM pg_constraint o JOIN n ON n.oid = o.connamespace
             WHERE o.conname LIKE '\\_segue%' OR NOT o.convalidated
         UNION ALL SELECT 'trigger ' || t.tgname || ' of ' || t.tgrelid::regclass FROM pg_trigger t
             WHERE t.tgname LIKE '%segue%'
         UNION ALL SELECT 'function ' || p.oid::regprocedure FROM pg_proc p JOIN n ON n.oid = p.pronamespace
             WHERE p.proname LIKE '%segue%'
         UNION ALL SELECT 'function ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace
             WHERE s.nspname = 'segue' AND p.prorettype = 'trigger'::regtype
             AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid)
         UNION ALL SELECT 'invalid index ' || i.indexrelid::regclass FROM pg_index i
             JOIN pg_class c ON c.oid = i.indexrelid JOIN n ON n.oid = c.relnamespace
             WHERE NOT i.indisvalid AND c.relkind = 'i'
         UNION ALL SELECT 'disabled or missing validation of ' || t.typname FROM pg_type t JOIN n ON n.oid = t.typnamespace
             WHERE t.typname LIKE '\\_segue%' AND t.typrelid = 0 AND t.typelem = 0"
    );
    at.query(&sql).into_iter().flatten().flatten().collect()
}
