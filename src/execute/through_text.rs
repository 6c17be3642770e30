//! Owns finding the expressions that give text, or an enum's label, for a column of another type: pgroll's triggers
//! convert such a value through its text, as PL/pgSQL does, where a plain assignment is refused. Must not read any row.

use super::check;
use crate::compile::program::{CheckKind, ExpressionCheck, Program};
use crate::diagnostic::{Diagnostic, Source, Span};
use crate::pg::{self, Class, Limits, RowExt, Session, sqlstate};
use std::sync::Arc;
use std::time::Duration;

/// An expression whose value has to be converted.
pub struct Converted {
    /// Bytes of the plan's file.
    pub position: (usize, usize),
    pub type_name: String,
    pub warning: Diagnostic,
}

/// Those of a program that the server will not assign as they are.
pub async fn find(
    session: &mut Session,
    program: &Program,
    source: &Arc<Source>,
) -> Result<Vec<Converted>, pg::Error> {
    let doing = "looking at the types of the plan's expressions";
    let limits = Limits::new(Duration::from_secs(2), Duration::from_secs(10));
    let tx = session.transaction(doing, &limits).await?;
    tx.batch(doing, &format!("SET LOCAL search_path = {}", program.schema)).await?;
    let place = check::place(&tx, doing).await?;
    let mut found = Vec::new();
    let is_value = |check: &&ExpressionCheck| {
        check.kind == CheckKind::Value
            && (check.what.starts_with("up of ") || check.what.starts_with("down of "))
    };
    for check in program.checks.iter().filter(is_value) {
        let Some(position) = check.position else { continue };
        tx.batch(doing, "SAVEPOINT one").await?;
        let refused = tx.batch(doing, &check::question(check, &place)).await.err();
        tx.batch(doing, "ROLLBACK TO SAVEPOINT one").await?;
        if refused.is_none_or(|error| error.sqlstate() != Some(sqlstate::DATATYPE_MISMATCH)) {
            continue;
        }
        let target = check::value_target(&place);
        let rows = check::value_row(check);
        let create =
            format!("CREATE TABLE {target} AS SELECT {} AS value FROM {rows} WITH NO DATA", check.expression);
        // One that is wrong within has no type: what is wrong was said.
        match tx.batch(doing, &create).await {
            Err(error) if pg::class(&error) == Class::Permanent => {
                tx.batch(doing, "ROLLBACK TO SAVEPOINT one").await?;
                continue;
            }
            made => made?,
        }
        let sql = "SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
                     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                    WHERE a.attrelid = $1::text::regclass AND a.attname = 'value' AND t.typcategory IN ('S', 'E')";
        if let Some(given) = tx.query_opt(doing, sql, &[&target.to_string()]).await? {
            found.push(converted(check, position, &given.cell::<String>(0)?, source));
        }
        tx.batch(doing, "ROLLBACK TO SAVEPOINT one").await?;
    }
    tx.rollback(doing).await?;
    Ok(found)
}

fn converted(
    check: &ExpressionCheck,
    position: (usize, usize),
    given: &str,
    source: &Arc<Source>,
) -> Converted {
    let (what, wanted) = (&check.what, &check.assigned_to);
    let text =
        format!("the {what} gives {given}, and the column is of type {wanted}: converted through its text");
    Converted {
        position,
        type_name: wanted.clone(),
        warning: Diagnostic::warning("server.through_text", text)
            .at(Some(Span { source: source.clone(), bytes: position.0..position.1 }))
            .help(format!(
                "as pgroll does; a value that {wanted} cannot be read from stops the fill. `CAST(… AS {wanted})` says it yourself"
            )),
    }
}
