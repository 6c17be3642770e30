//! Owns evaluating what a plan would fill on the rows that are there: which of them have no value. Reads alone, in
//! short snapshots, so that it can be done on a standby and holds nothing back. Must not fill.

use super::Halt;
use super::backfill::leaves;
use crate::catalog::Catalog;
use crate::compile::program::{Action, BackfillSpec, Program};
use crate::ident::{Ident, QualifiedName, literal};
use crate::pg::{self, Class, Limits, RowExt, Session, Tx};
use serde::Deserialize;
use std::fmt::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

/// One snapshot reads this much.
const BLOCKS: u64 = 1024;
/// A sample: so many stretches of so many blocks, spread over each table. A stretch that takes longer than this is given
/// up, and the sample with it: nobody waits for it.
const STRETCHES: u64 = 4;
const STRETCH: u64 = 2;
const SAMPLE_TIME: Duration = Duration::from_millis(500);
/// One that takes longer is read in halves.
const LONGEST: Duration = Duration::from_secs(30);
/// So many rows are named; the others are counted.
const NAMED: usize = 20;

/// What came of one table's rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluated {
    /// The table, and the columns as the plan names them.
    pub table: String,
    pub columns: Vec<String>,
    pub rows: u64,
    pub failing: u64,
    /// The first of them.
    pub named: Vec<Failing>,
    /// Why it cannot be told: the expression needs what is not there yet, or writes.
    pub untold: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Failing {
    /// As a person looks it up: `id = 42`; the ctid where the table has no key.
    pub key: String,
    pub message: String,
}

/// One value that is to be filled.
struct Value {
    expression: String,
    type_name: String,
    not_null: bool,
    shown: String,
}

/// Which rows to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Sample,
    All,
}

/// Evaluates every fill of the program.
pub async fn evaluate(
    session: &mut Session,
    program: &Program,
    catalog: &Catalog,
    which: Which,
) -> Result<Vec<Evaluated>, Halt> {
    let mut all = Vec::new();
    for step in &program.steps {
        let Action::Backfill(spec) = &step.action else { continue };
        // What is copied is there as it is.
        if spec.copy.is_some() {
            continue;
        }
        all.push(table(session, program, catalog, spec, which).await?);
    }
    Ok(all)
}

async fn table(
    session: &mut Session,
    program: &Program,
    catalog: &Catalog,
    spec: &BackfillSpec,
    which: Which,
) -> Result<Evaluated, Halt> {
    let values = values(program, catalog, spec);
    let mut found = Evaluated {
        table: spec.table.name.as_str().to_owned(),
        columns: spec.shown.iter().map(|column| column.as_str().to_owned()).collect(),
        ..Evaluated::default()
    };
    let begun = Instant::now();
    for (leaf, _) in leaves(session, &spec.table, spec.partitioned).await? {
        let sql = "SELECT (pg_catalog.pg_relation_size($1::text::regclass)
                           / pg_catalog.current_setting('block_size')::bigint)::bigint";
        let blocks: i64 = session.query_one("measuring a table", sql, &[&leaf]).await?.cell(0)?;
        let mut open = ranges(blocks.max(0) as u64, which);
        open.reverse();
        while let Some(range) = open.pop() {
            if which == Which::Sample && begun.elapsed() > SAMPLE_TIME {
                return Ok(found);
            }
            match stretch(session, program, spec, &values, (&leaf, &range), which, &mut found).await {
                Err(Halt::Failed(error))
                    if pg::class(&error) == Class::Cancelled && !error.session_is_gone() =>
                {
                    let length = range.end - range.start;
                    match which {
                        Which::Sample => return Ok(found),
                        Which::All if length < 2 => return Err(error.into()),
                        Which::All => {
                            let middle = range.start + length / 2;
                            open.extend([middle..range.end, range.start..middle]);
                        }
                    }
                }
                other => other?,
            }
            if found.untold.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

fn ranges(blocks: u64, which: Which) -> Vec<Range<u64>> {
    match which {
        Which::Sample if blocks > STRETCHES * STRETCH => {
            // The last one, too: what was written last is there.
            let start = |n: u64| (blocks - STRETCH) * n / (STRETCHES - 1);
            (0..STRETCHES).map(|n| start(n)..start(n) + STRETCH).collect()
        }
        _ => (0..blocks).step_by(BLOCKS as usize).map(|start| start..(start + BLOCKS).min(blocks)).collect(),
    }
}

/// The fill's values with what they are assigned to.
fn values(program: &Program, catalog: &Catalog, spec: &BackfillSpec) -> Vec<Value> {
    let syncs = program.steps.iter().filter_map(|step| match &step.action {
        Action::Expand { sync, .. } if sync.table == spec.table => Some(sync),
        _ => None,
    });
    let sides: Vec<_> = syncs.flat_map(|sync| &sync.pairs).filter_map(|pair| pair.new.as_ref()).collect();
    let there = catalog.tables.get(&spec.table.name);
    let value = |((column, expression), shown): (&(Ident, String), &Ident)| {
        let side = sides.iter().find(|side| side.column == *column);
        let (type_name, not_null) = match side {
            Some(side) => (side.type_name.clone(), side.not_null),
            None => (there?.column(column)?.type_name.clone(), false),
        };
        // Its type is not there yet, and every value has one of it.
        if is_of_version(program, &type_name) {
            return None;
        }
        let shown = shown.as_str().to_owned();
        Some(Value { expression: expression.clone(), type_name, not_null, shown })
    };
    spec.set.iter().zip(&spec.shown).filter_map(value).collect()
}

fn is_of_version(program: &Program, type_name: &str) -> bool {
    let types = program.types.in_version.iter().map(|name| QualifiedName::new(&program.version_schema, name));
    types.map(|name| name.to_string()).any(|name| type_name.strip_suffix("[]").unwrap_or(type_name) == name)
}

/// One stretch in one snapshot: all rows at once, and one by one where that shows that some may fail.
async fn stretch(
    session: &mut Session,
    program: &Program,
    spec: &BackfillSpec,
    values: &[Value],
    (leaf, blocks): (&str, &Range<u64>),
    which: Which,
    found: &mut Evaluated,
) -> Result<(), Halt> {
    let doing = "evaluating the plan's expressions on rows";
    let longest = if which == Which::Sample { SAMPLE_TIME } else { LONGEST };
    let limits = Limits::new(Duration::from_secs(2), longest);
    let tx = session.snapshot(doing, &limits).await?;
    tx.batch(doing, &format!("SET LOCAL search_path = {}", program.schema)).await?;
    tx.batch(doing, "SAVEPOINT quick").await?;
    let rows;
    match tx.query_one(doing, &quick(spec, values, leaf, blocks), &[]).await {
        Ok(row) => {
            rows = row.cell::<i64>(0)?.max(0) as u64;
            if row.cell::<bool>(1)? {
                found.rows += rows;
                tx.rollback(doing).await?;
                return Ok(());
            }
        }
        Err(error) if is_about_a_row(&error) => {
            tx.batch(doing, "ROLLBACK TO SAVEPOINT quick").await?;
            let sql = format!(
                "SELECT count(*) FROM ONLY {leaf} AS {} WHERE {}",
                spec.table.name,
                within(spec, blocks)
            );
            rows = tx.query_one(doing, &sql, &[]).await?.cell::<i64>(0)?.max(0) as u64;
        }
        Err(error) if pg::class(&error) == Class::Cancelled => return Err(error.into()),
        Err(error) if error.server().is_some() => {
            found.untold = error.server().map(|server| server.message.clone());
            tx.rollback(doing).await?;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    let (failing, named) = one_by_one(&tx, spec, values, leaf, blocks).await?;
    found.rows += rows;
    found.failing += failing;
    found.named.extend(named);
    found.named.truncate(NAMED);
    tx.rollback(doing).await?;
    Ok(())
}

/// A value that cannot be computed or stored (22, 23), or what a function of the user's raises (P0), is a row's. All else
/// (a name that is not there yet, a sequence that may not be moved here) is the expression's.
fn is_about_a_row(error: &pg::Error) -> bool {
    let class = error.sqlstate().map(|state| state.get(..2).unwrap_or_default().to_owned());
    matches!(class.as_deref(), Some("22" | "23" | "P0"))
}

fn within(spec: &BackfillSpec, blocks: &Range<u64>) -> String {
    let mut sql = format!("ctid >= '({},0)'::tid AND ctid < '({},0)'::tid", blocks.start, blocks.end);
    if let Some(only) = &spec.only {
        write!(sql, " AND {only}").expect("a String grows");
    }
    sql
}

/// How many rows there are, and whether all of them surely have a value. An explicit cast cuts off what an assignment
/// refuses, so of types with a length only the length tells.
fn quick(spec: &BackfillSpec, values: &[Value], leaf: &str, blocks: &Range<u64>) -> String {
    let mut sure = String::from("true");
    for Value { expression, type_name, not_null, .. } in values {
        if *not_null {
            write!(sure, " AND count(*) = count({expression})").expect("a String grows");
        }
        let has_length = ["char", "bit", "var"]
            .iter()
            .any(|start| type_name.trim().to_ascii_lowercase().starts_with(start));
        match (has_length, type_name.contains('(')) {
            (true, true) => write!(
                sure,
                " AND COALESCE(bool_and(pg_catalog.octet_length(CAST({expression} AS text)) \
                 <= pg_catalog.octet_length(CAST(CAST({expression} AS {type_name}) AS text))), true)"
            ),
            _ => write!(sure, " AND count(CAST({expression} AS {type_name})) >= 0"),
        }
        .expect("a String grows");
    }
    format!("SELECT count(*), {sure} FROM ONLY {leaf} AS {} WHERE {}", spec.table.name, within(spec, blocks))
}

/// Each row by itself, assigned as a fill assigns: how many fail, and the first of them by name.
async fn one_by_one(
    tx: &Tx<'_>,
    spec: &BackfillSpec,
    values: &[Value],
    leaf: &str,
    blocks: &Range<u64>,
) -> Result<(u64, Vec<Failing>), Halt> {
    const SETTING: &str = "segue.failing_rows";
    let key: Vec<String> = spec
        .key
        .iter()
        .map(|column| format!("{} || ' = ' || {column}::pg_catalog.text", literal(column.as_str())))
        .collect();
    let key = match key.is_empty() {
        true => "'ctid = ' || _segue_at::pg_catalog.text".to_owned(),
        false => key.join(" || ', ' || "),
    };
    let name = &spec.table.name;
    let (mut declared, mut assigned) = (String::new(), String::new());
    for (n, Value { expression, type_name, not_null, shown }) in values.iter().enumerate() {
        write!(declared, " _segue_v{n} {type_name};").expect("a String grows");
        write!(
            assigned,
            " SELECT {expression} INTO _segue_v{n} FROM ONLY {leaf} AS {name} WHERE ctid = _segue_at;"
        )
        .expect("a String grows");
        if *not_null {
            let message = literal(&format!("{shown} would be NULL, and it is NOT NULL"));
            write!(
                assigned,
                " IF _segue_v{n} IS NULL THEN RAISE not_null_violation USING MESSAGE = {message}; END IF;"
            )
            .expect("a String grows");
        }
    }
    let body = format!(
        "#variable_conflict use_column\n\
         DECLARE _segue_at pg_catalog.tid; _segue_key pg_catalog.text; _segue_n pg_catalog.int8 := 0; \
         _segue_found pg_catalog.jsonb := '[]';{declared}\n\
         BEGIN FOR _segue_at IN SELECT ctid FROM ONLY {leaf} AS {name} WHERE {within} LOOP\n\
         BEGIN{assigned}\n\
         EXCEPTION WHEN data_exception OR integrity_constraint_violation OR plpgsql_error THEN\n\
         _segue_n := _segue_n + 1; IF _segue_n <= {NAMED} THEN\n\
         SELECT {key} INTO _segue_key FROM ONLY {leaf} AS {name} WHERE ctid = _segue_at;\n\
         _segue_found := _segue_found || pg_catalog.jsonb_build_object('key', _segue_key, 'message', SQLERRM); END IF;\n\
         END; END LOOP;\n\
         PERFORM pg_catalog.set_config('{SETTING}', _segue_n || ' ' || _segue_found, true); END",
        within = within(spec, blocks),
    );
    let doing = "looking for rows that cannot be filled";
    tx.batch(doing, &format!("DO {}", literal(&body))).await?;
    let sql = format!("SELECT pg_catalog.current_setting('{SETTING}')");
    let text: String = tx.query_one(doing, &sql, &[]).await?.cell(0)?;
    let (count, json) = text.split_once(' ').unwrap_or(("0", "[]"));
    let named: Vec<Failing> = serde_json::from_str(json).map_err(|error| {
        Halt::Broken(format!("the server's list of failing rows cannot be read: {error}"))
    })?;
    Ok((count.parse().unwrap_or_default(), named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_a_table_or_are_spread_over_it() {
        assert_eq!(ranges(0, Which::All), []);
        assert_eq!(ranges(1500, Which::All), [0..1024, 1024..1500]);
        assert_eq!(ranges(3, Which::Sample).first(), Some(&(0..3)));
        let sample = ranges(80_000, Which::Sample);
        assert_eq!((sample.len(), sample[0].clone(), sample[3].clone()), (4, 0..2, 79_998..80_000));
        assert_eq!(ranges(7, Which::Sample).iter().map(|r| r.end - r.start).sum::<u64>(), 7);
    }
}
