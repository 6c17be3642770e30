//! Owns telling which `up` and `down` may give another value elsewhere or later than they gave here. Must not read any row,
//! nor refuse what the server takes.

use super::check::{span, stand_in};
use crate::compile::expr::functions;
use crate::compile::program::{CheckKind, ExpressionCheck, Program};
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::ident::Ident;
use crate::pg::{self, Class, RowExt, Tx, sqlstate};
use std::sync::Arc;

/// In a transaction that is rolled back, with the schema's `search_path`. `place`: where tables go that are never committed.
pub(super) async fn told(
    tx: &Tx<'_>,
    program: &Program,
    source: &Arc<Source>,
    place: &Ident,
) -> Result<Diagnostics, pg::Error> {
    let mut found = Diagnostics::default();
    let values = program.checks.iter().filter(|check| check.kind == CheckKind::Value);
    for check in values.filter(|c| c.what.starts_with("up of ") || c.what.starts_with("down of ")) {
        let volatile = called(tx, check, "v").await?;
        let warning = if !volatile.is_empty() {
            let text = format!(
                "{} calls {}, which may give another value each time",
                check.what,
                volatile.join(", ")
            );
            Diagnostic::warning("server.volatile", text).help(
                "a row that is written again gets another value; a function of your own that does not is better declared \
                 STABLE or IMMUTABLE",
            )
        } else if depends_on_more(tx, check, place).await? {
            let stable = called(tx, check, "vs").await?;
            let calls =
                if stable.is_empty() { String::new() } else { format!(" (it calls {})", stable.join(", ")) };
            let text = format!(
                "{} depends on more than its row{calls}: on settings such as TimeZone, or on the time",
                check.what
            );
            Diagnostic::warning("server.not_immutable", text).help(
                "the backfill and each session of an application evaluate it with their own settings, and may come to other \
                 values: write the setting into it, as in `at AT TIME ZONE 'UTC'`; a function of your own that depends on \
                 nothing else is better declared IMMUTABLE",
            )
        } else {
            continue;
        };
        found.push(warning.at(span(check, source)));
    }
    Ok(found)
}

/// The functions that it calls by name and that are all of one of these volatilities (`v`, `s`): by name alone, so where there
/// are several of a name, all have to be.
async fn called(tx: &Tx<'_>, check: &ExpressionCheck, volatility: &str) -> Result<Vec<String>, pg::Error> {
    let names: Vec<String> = functions(&check.expression).into_iter().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT p.proname::text FROM pg_catalog.pg_proc p
                WHERE p.proname = ANY ($1::text[]::name[])
                GROUP BY 1 HAVING bool_and(strpos($2, p.provolatile::text) > 0) ORDER BY 1";
    let rows = tx.query("looking at the functions of an expression", sql, &[&names, &volatility]).await?;
    rows.iter().map(|row| row.cell::<String>(0)).collect()
}

/// Whether the server would not have it in an index's predicate, which must be IMMUTABLE, casts and operators included. What
/// cannot stand there at all, such as a subquery, is told elsewhere.
async fn depends_on_more(tx: &Tx<'_>, check: &ExpressionCheck, place: &Ident) -> Result<bool, pg::Error> {
    let doing = "asking what an expression depends on";
    let target = stand_in(place, &check.table);
    let columns: String =
        check.extra_columns.iter().map(|(column, type_name)| format!(", {column} {type_name}")).collect();
    let ask = format!(
        "CREATE TABLE {target} (LIKE {}{columns}); CREATE INDEX ON {target} ((1)) WHERE CAST(({}\n) AS {}) IS NULL",
        check.table, check.expression, check.assigned_to
    );
    tx.batch(doing, "SAVEPOINT one").await?;
    let refused = match tx.batch(doing, &ask).await {
        Err(error)
            if error.server().is_some()
                && matches!(pg::class(&error), Class::Permanent | Class::Privilege) =>
        {
            Some(error)
        }
        answer => answer.map(|()| None)?,
    };
    tx.batch(doing, "ROLLBACK TO SAVEPOINT one").await?;
    Ok(refused.is_some_and(|error| error.sqlstate() == Some(sqlstate::INVALID_OBJECT_DEFINITION)))
}
