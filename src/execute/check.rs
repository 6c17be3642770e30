//! Owns asking the server whether a program's expressions mean something there and fit their
//! columns, in a transaction that is rolled back. Must not read any row.

use super::volatility;
use crate::compile::program::{Action, CheckKind, ExpressionCheck, OLD_DEFAULT, Phase, Program};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Source, Span};
use crate::ident::{Ident, QualifiedName};
use crate::pg::{self, Class, Limits, RowExt, Session, Tx, sqlstate};
use crate::plan::settings::{ProbeSettings, ProbeSource};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// What the server will not accept, all of it. An error is a failure of the world.
pub async fn expressions(
    session: &mut Session,
    program: &Program,
    source: &Arc<Source>,
) -> Result<Diagnostics, pg::Error> {
    let mut found = Diagnostics::default();
    if program.checks.is_empty() {
        return Ok(found);
    }
    let doing = "checking the plan's expressions";
    let limits = Limits::new(Duration::from_secs(2), Duration::from_secs(10));
    let tx = session.transaction(doing, &limits).await?;
    tx.batch(doing, &format!("SET LOCAL search_path = {}", program.schema)).await?;
    let place = place(&tx, doing).await?;
    let mut unknown_types: Vec<&str> = Vec::new();
    let untried = has_untried_script(program);
    for check in &program.checks {
        // What reads or gives a column without a type would only say so again.
        let reads = check.extra_columns.iter().map(|(_, type_name)| type_name.as_str());
        if reads.chain([check.assigned_to.as_str()]).any(|name| unknown_types.contains(&name)) {
            continue;
        }
        tx.batch(doing, "SAVEPOINT one").await?;
        match tx.batch(doing, &question(check, &place)).await {
            // The next may stand on it.
            Ok(()) if check.kind == CheckKind::Statement => continue,
            Ok(()) => {}
            Err(error) if pg::class(&error) == Class::Permanent && error.server().is_some() => {
                let complaint = complaint(check, &error, source);
                found.push(if untried { softened(complaint) } else { complaint });
                match check.kind {
                    CheckKind::Type => unknown_types.push(&check.assigned_to),
                    CheckKind::Statement => break,
                    _ => {}
                }
            }
            Err(error) => return Err(error),
        }
        tx.batch(doing, "ROLLBACK TO SAVEPOINT one").await?;
    }
    found.extend(volatility::told(&tx, program, source, &place).await?);
    tx.rollback(doing).await?;
    Ok(found)
}

/// Its place in the plan.
pub(super) fn span(check: &ExpressionCheck, source: &Arc<Source>) -> Option<Span> {
    check.position.map(|(start, end)| Span { source: source.clone(), bytes: start..end })
}

/// Whether the plan's own SQL, which runs before the rest and was not tried, may make what is missing now.
fn has_untried_script(program: &Program) -> bool {
    let tried = |sql: &str| program.checks.iter().any(|check| check.expression == sql);
    program.steps.iter().any(|step| match &step.action {
        Action::Script { sql, .. } => step.phase == Phase::Expand && !tried(sql),
        _ => false,
    })
}

fn softened(mut complaint: Diagnostic) -> Diagnostic {
    complaint.severity = Severity::Warning;
    complaint.help("this may be well once the plan's own `sql` has run; if not, the rollout stops before anything is filled")
}

/// What the server will not accept of the operator's own queries. A probe that can never answer would hold the
/// rollout for ever. Such a query may still fail later, or return more than a number: then the guard is blind, and pauses.
/// Unqualified names are found where the monitor finds them.
pub async fn probes(
    session: &mut Session,
    schema: &Ident,
    probes: &[ProbeSettings],
) -> Result<Diagnostics, pg::Error> {
    let mut found = Diagnostics::default();
    let doing = "checking a probe";
    let limits = Limits::new(Duration::from_secs(2), Duration::from_secs(10));
    for probe in probes {
        let ProbeSource::Sql(source) = &probe.source else { continue };
        // As one statement of the extended protocol: what closes the bracket to begin another is refused.
        let query = source.as_str().trim().trim_end_matches(';');
        let sql = format!("EXPLAIN SELECT (\n{query}\n)::float8");
        let tx = session.transaction(doing, &limits).await?;
        tx.batch(doing, &format!("SET LOCAL search_path = {schema}, public")).await?;
        let answer = tx.query(doing, &sql, &[]).await.map(drop);
        tx.rollback(doing).await?;
        let Err(error) = answer else { continue };
        let Some(server) = error.server().filter(|_| pg::class(&error) == Class::Permanent) else {
            return Err(error);
        };
        let text = format!(
            "PostgreSQL refuses the query of the probe `{}`: {}",
            probe.name.as_str(),
            server.message
        );
        let span = source.span.clone().or_else(|| probe.name.span.clone());
        let help = server.hint.clone().unwrap_or_else(|| {
            format!("SQLSTATE {}; a probe is a query that returns one number", server.code)
        });
        found.push(Diagnostic::error("server.probe", text).at(span).help(help));
    }
    Ok(found)
}

/// Whether this role may keep user triggers silent, which the backfill would find out too late.
pub async fn user_triggers(session: &mut Session) -> Result<Diagnostics, pg::Error> {
    let mut found = Diagnostics::default();
    let doing = "checking `user_triggers: skip`";
    let fifteen = session.server_version() >= 150_000;
    let tx = session.transaction(doing, &Limits::READ).await?;
    let role: String = tx.query_one(doing, "SELECT current_user::text", &[]).await?.cell(0)?;
    match tx.batch(doing, "SET LOCAL session_replication_role = replica").await {
        Ok(()) => {}
        Err(error) if pg::class(&error) == Class::Privilege => {
            let text = format!(
                "`user_triggers: skip` is asked for, and the role `{role}` may not keep triggers silent"
            );
            let role = Ident::new(role);
            let help = match fifteen {
                true => format!(
                    "as a superuser: GRANT SET ON PARAMETER session_replication_role TO {role}; or write `user_triggers: fire`"
                ),
                false => "before PostgreSQL 15 only a superuser may; write `user_triggers: fire`".to_owned(),
            };
            found.push(Diagnostic::error("server.user_triggers", text).help(help));
        }
        Err(error) => return Err(error),
    }
    tx.rollback(doing).await?;
    Ok(found)
}

/// A table that policies hide rows of from this role, itself or a partition of it; FORCE ROW LEVEL SECURITY does so to its owner.
const HIDING: &str = "WITH RECURSIVE wanted(oid) AS (
    SELECT pg_catalog.to_regclass($1::text)::oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN wanted w ON i.inhparent = w.oid)
SELECT c.oid::regclass::text, current_user::text FROM wanted w JOIN pg_catalog.pg_class c ON c.oid = w.oid
 WHERE c.relkind = 'r' AND pg_catalog.row_security_active(c.oid) ORDER BY 1 LIMIT 1";

/// What of a table this role cannot see, and what is to be done: rows that are not seen would be filled with nothing.
pub async fn hidden_rows(
    session: &Session,
    table: &QualifiedName,
) -> Result<Option<(String, String)>, pg::Error> {
    let doing = "looking whether policies hide rows";
    let Some(row) = session.query_opt(doing, HIDING, &[&table.to_string()]).await? else { return Ok(None) };
    let (relation, role) = (row.cell::<String>(0)?, Ident::new(row.cell::<String>(1)?));
    let message =
        format!("policies of {relation} may hide rows from the role {role}, and those would not be filled");
    let help = format!(
        "as a superuser: ALTER ROLE {role} BYPASSRLS; or ALTER TABLE {relation} NO FORCE ROW LEVEL SECURITY until the rollout is over"
    );
    Ok(Some((message, help)))
}

/// A subscription that writes into a table or a partition of it: what it writes fires no ordinary trigger.
const WRITING: &str = "WITH RECURSIVE wanted(oid) AS (
    SELECT pg_catalog.to_regclass($1::text)::oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN wanted w ON i.inhparent = w.oid)
SELECT s.subname::text, w.oid::regclass::text FROM wanted w
  JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = w.oid
  JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
 WHERE s.subenabled ORDER BY 1, 2 LIMIT 1";

/// Who writes into a table past the triggers that keep the versions in step, and what is to be done.
pub async fn written_past(
    session: &Session,
    table: &QualifiedName,
) -> Result<Option<(String, String)>, pg::Error> {
    let doing = "looking for subscriptions";
    let Some(row) = session.query_opt(doing, WRITING, &[&table.to_string()]).await? else { return Ok(None) };
    let (subscription, relation) = (Ident::new(row.cell::<String>(0)?), row.cell::<String>(1)?);
    let message = format!(
        "the subscription {subscription} writes into {relation} without firing triggers, so nothing of it is carried to the other version"
    );
    let help = format!(
        "ALTER SUBSCRIPTION {subscription} DISABLE until the rollout is over (its slot keeps the publisher's log meanwhile), or change the table with an `sql` operation"
    );
    Ok(Some((message, help)))
}

/// That nobody writes past the triggers of the tables that get some.
pub async fn subscriptions(session: &Session, program: &Program) -> Result<Diagnostics, pg::Error> {
    let mut found = Diagnostics::default();
    for step in &program.steps {
        if let Action::Expand { sync, .. } = &step.action
            && let Some((message, help)) = written_past(session, &sync.table).await?
        {
            found.push(Diagnostic::error("server.subscription", message).help(help));
        }
    }
    Ok(found)
}

/// That no row of what is to be filled is hidden, which would be found out too late.
pub async fn row_security(session: &Session, program: &Program) -> Result<Diagnostics, pg::Error> {
    let mut found = Diagnostics::default();
    for table in program.filled() {
        if let Some((message, help)) = hidden_rows(session, &table).await? {
            found.push(Diagnostic::error("server.row_security", message).help(help));
        }
    }
    Ok(found)
}

const TEMPORARY: &str = "pg_temp";

/// Where tables go that are never committed: among the temporary ones, or in Segue's own schema for a role that may have none.
pub(super) async fn place(tx: &Tx<'_>, doing: &str) -> Result<Ident, pg::Error> {
    let sql =
        "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP') OR NOT COALESCE((
                      SELECT pg_catalog.has_schema_privilege(oid, 'CREATE')
                        FROM pg_catalog.pg_namespace WHERE nspname = 'segue'), false)";
    let temporary: bool = tx.query_one(doing, sql, &[]).await?.cell(0)?;
    Ok(Ident::new(if temporary { TEMPORARY } else { "segue" }))
}

const STAND_IN: &str = "_segue_check";

/// What stands in for a table there: under its own name where that is free, so that an expression may qualify a column by it.
pub(super) fn stand_in(place: &Ident, table: &QualifiedName) -> QualifiedName {
    let name = if place.as_str() == TEMPORARY { table.name.clone() } else { Ident::new(STAND_IN) };
    QualifiedName::new(place, &name)
}

/// Nothing of it stays: EXPLAIN has the server parse, resolve and plan, and the rest is rolled back.
pub(super) fn question(check: &ExpressionCheck, place: &Ident) -> String {
    let target = match check.kind {
        CheckKind::Value => value_target(place),
        _ => stand_in(place, &check.table),
    };
    let (table, expression, to) = (&check.table, &check.expression, &check.assigned_to);
    let extra = |one: &dyn Fn(&Ident, &str) -> String| -> String {
        check.extra_columns.iter().map(|(column, type_name)| one(column, type_name)).collect()
    };
    let like = || {
        let columns = extra(&|column, type_name| format!(", {column} {type_name}"));
        format!("CREATE TABLE {target} (LIKE {table}{columns}")
    };
    match check.kind {
        CheckKind::Value => format!(
            "CREATE TABLE {target} (value {to}); EXPLAIN INSERT INTO {target} SELECT {expression} FROM {}",
            value_row(check)
        ),
        CheckKind::Type => format!("CREATE TABLE {target} (value {to})"),
        CheckKind::Default => format!("CREATE TABLE {target} (value {to} DEFAULT {expression})"),
        CheckKind::Constraint => format!("{}, CHECK {expression})", like()),
        CheckKind::Index => format!("{}); CREATE {to} INDEX ON {target}{expression}", like()),
        CheckKind::Statement => expression.clone(),
    }
}

/// What holds the value of an expression.
pub(super) fn value_target(place: &Ident) -> QualifiedName {
    QualifiedName::new(place, &Ident::new(STAND_IN))
}

/// What an expression is computed from, as an item of FROM.
pub(super) fn value_row(check: &ExpressionCheck) -> String {
    let columns: String = check
        .extra_columns
        .iter()
        .map(|(column, type_name)| format!(", NULL::{type_name} AS {column}"))
        .collect();
    format!("(SELECT t.*{columns} FROM {} AS t) AS {}", check.table, check.table.name)
}

fn complaint(check: &ExpressionCheck, error: &pg::Error, source: &Arc<Source>) -> Diagnostic {
    let server = error.server().expect("only what the server said gets here");
    let mut text = match mismatch(&server.message) {
        Some((wanted, given)) => format!("the {} gives {given}, where {wanted} is wanted", check.what),
        None => format!("PostgreSQL refuses the {}: {}", check.what, server.message),
    };
    if let Some(detail) = &server.detail {
        write!(text, " ({detail})").expect("a String grows");
    }
    let mismatched = server.code == sqlstate::DATATYPE_MISMATCH;
    let hint = server.hint.clone().filter(|_| !mismatched);
    let help = hint.unwrap_or_else(|| {
        let code = &server.code;
        match check.kind {
            CheckKind::Value if mismatched => {
                format!("convert it: `CAST(… AS {})`, or what fits its meaning", check.assigned_to)
            }
            // One that the plan does not give is the old column's.
            CheckKind::Default if mismatched && check.what.starts_with(OLD_DEFAULT) => {
                "the old default does not fit the new type: give `default` here, or `default: null` for none".to_owned()
            }
            CheckKind::Default if mismatched => format!("write it as one of {}", check.assigned_to),
            CheckKind::Value | CheckKind::Default => format!(
                "SQLSTATE {code}; the expression is computed from the columns of {} and must be assignable to {}",
                check.table, check.assigned_to
            ),
            _ => format!("SQLSTATE {code}"),
        }
    });
    Diagnostic::error("server.expression", text).at(span(check, source)).help(help)
}

/// The types in PostgreSQL's complaint about one that does not fit: wanted, given. `None` where it speaks another language.
fn mismatch(message: &str) -> Option<(&str, &str)> {
    let types = message.strip_prefix("column \"value\" is of type ")?;
    types
        .split_once(" but expression is of type ")
        .or_else(|| types.split_once(" but default expression is of type "))
}
