//! Owns what goes into the transaction of a transactional step: statements that are complete in
//! the program, and those that need a look at the catalog first. Must not begin or end it.

use super::Halt;
use crate::compile::program::{Action, Program, SyncSpec, Undo};
use crate::compile::{sync, views};
use crate::ident::{Ident, literal};
use crate::pg::{RowExt, Tx, introspect};
use std::time::Duration;

/// What a transaction carries out.
pub enum Contents<'p> {
    Statements(&'p [String]),
    Expand {
        statements: &'p [String],
        sync: &'p SyncSpec,
    },
    Publish,
    Retire {
        version_schema: &'p Ident,
    },
    /// One statement that reads the whole table: no limit of time on the server.
    Long(String),
    /// The user's own SQL.
    Script(&'p str),
}

pub fn of_action(action: &Action) -> Contents<'_> {
    match action {
        Action::Ddl { statements } => Contents::Statements(statements),
        Action::Expand { statements, sync } => Contents::Expand { statements, sync },
        Action::Publish => Contents::Publish,
        Action::Retire { version_schema } => Contents::Retire { version_schema },
        Action::Validate { table, constraint } => {
            Contents::Long(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"))
        }
        Action::Analyze { table } => Contents::Long(format!("ANALYZE {table}")),
        Action::Script { sql, transactional: true } => Contents::Script(sql),
        Action::Script { .. } | Action::Backfill(_) | Action::BuildIndex { .. } | Action::DropIndex { .. } => {
            unreachable!("not a transactional step")
        }
    }
}

pub fn of_undo(undo: &Undo) -> Contents<'_> {
    match undo {
        Undo::Ddl { statements, .. } => Contents::Statements(statements),
        Undo::Retire { version_schema } => Contents::Retire { version_schema },
        Undo::Script { sql, transactional: true } => Contents::Script(sql),
        Undo::Nothing => Contents::Statements(&[]),
        Undo::DropIndex { .. } | Undo::Script { .. } => unreachable!("not a transactional undo"),
    }
}

impl Contents<'_> {
    /// `statement_timeout` of each statement; `None` where a whole table is read.
    pub fn statement_limit(&self) -> Option<Duration> {
        match self {
            Contents::Long(_) | Contents::Script(_) => None,
            _ => Some(Duration::from_secs(30)),
        }
    }

    /// Sends it all, inside the transaction.
    pub async fn send(&self, tx: &Tx<'_>, program: &Program, doing: &str) -> Result<(), Halt> {
        match self {
            Contents::Statements(statements) => send_each(tx, statements, doing).await,
            Contents::Long(statement) | Contents::Script(statement) => Ok(tx.batch(doing, statement).await?),
            Contents::Expand { statements, sync } => {
                send_each(tx, statements, doing).await?;
                let qualified = qualify(tx, program, sync).await?;
                send_each(tx, &sync::statements(sync, &qualified), doing).await
            }
            Contents::Publish => {
                if schema_exists(tx, &program.version_schema).await? {
                    retire(tx, &program.version_schema, doing).await?;
                }
                let catalog = introspect_in(tx, program, doing).await?;
                let owner = tx
                    .query_one(doing, "SELECT current_user::text", &[])
                    .await?
                    .cell::<String>(0)
                    .map(Ident::new)?;
                send_each(tx, &views::publish(&catalog, program, &owner), doing).await
            }
            Contents::Retire { version_schema } => {
                if schema_exists(tx, version_schema).await? {
                    retire(tx, version_schema, doing).await?;
                }
                Ok(())
            }
        }
    }
}

async fn send_each(tx: &Tx<'_>, statements: &[String], doing: &str) -> Result<(), Halt> {
    for statement in statements {
        tracing::debug!(%statement, "sending");
        tx.batch(doing, statement).await?;
    }
    Ok(())
}

async fn schema_exists(tx: &Tx<'_>, schema: &Ident) -> Result<bool, Halt> {
    let sql = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
    Ok(tx.query_opt("looking for a version schema", sql, &[schema]).await?.is_some())
}

async fn retire(tx: &Tx<'_>, schema: &Ident, doing: &str) -> Result<(), Halt> {
    let sql = "SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relkind = 'v' ORDER BY 1";
    let rows = tx.query("listing the views of a version schema", sql, &[schema]).await?;
    let views = rows.iter().map(|row| row.cell::<String>(0).map(Ident::new)).collect::<Result<Vec<_>, _>>()?;
    send_each(tx, &views::retire(schema, &views), doing).await
}

/// The catalog as it is inside this transaction. Names come out qualified only under an empty
/// search_path, so it is emptied for the question.
async fn introspect_in(
    tx: &Tx<'_>,
    program: &Program,
    doing: &str,
) -> Result<crate::catalog::Catalog, Halt> {
    tx.batch(doing, "SET LOCAL search_path = ''").await?;
    let left_out: Vec<Ident> =
        program.previous_version_schema.iter().chain([&program.version_schema]).cloned().collect();
    let catalog = introspect::introspect(tx, &program.schema, &left_out).await?;
    tx.batch(doing, &format!("SET LOCAL search_path = {}", program.schema)).await?;
    Ok(catalog)
}

/// Has the server spell out every name in the sync function's expressions, so that they mean the
/// same under every client's search_path.
async fn qualify(
    tx: &Tx<'_>,
    program: &Program,
    spec: &SyncSpec,
) -> Result<Vec<sync::QualifiedPair>, Halt> {
    let doing = "qualifying the plan's expressions";
    let sql = "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
                 FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    tx.batch(doing, "SET LOCAL search_path = ''").await?;
    let columns = tx
        .query(doing, sql, &[&spec.table.to_string()])
        .await?
        .iter()
        .map(|row| Ok((Ident::new(row.cell::<String>(0)?), row.cell::<String>(1)?)))
        .collect::<Result<Vec<(Ident, String)>, crate::pg::Error>>()?;
    let mut qualified = Vec::with_capacity(spec.pairs.len());
    for pair in &spec.pairs {
        let mut one = sync::QualifiedPair::default();
        for (expression, target) in [(&pair.up, &mut one.up), (&pair.down, &mut one.down)] {
            let Some(expression) = expression else { continue };
            tx.batch(doing, &format!("SET LOCAL search_path = {}", program.schema)).await?;
            tx.batch(doing, &sync::qualification_view(&spec.table, &columns, &expression.sql)).await?;
            tx.batch(doing, "SET LOCAL search_path = ''").await?;
            let definition = tx
                .query_one(
                    doing,
                    &format!(
                        "SELECT pg_catalog.pg_get_viewdef({}::regclass)",
                        literal(&format!("pg_temp.{}", Ident::new(sync::QUALIFICATION_VIEW)))
                    ),
                    &[],
                )
                .await?
                .cell::<String>(0)?;
            tx.batch(doing, &format!("DROP VIEW pg_temp.{}", Ident::new(sync::QUALIFICATION_VIEW))).await?;
            *target = Some(sync::expression_of_view(&definition).map_err(|error| {
                Halt::Broken(format!(
                    "PostgreSQL's own spelling of the expression {} cannot be read: {}",
                    expression.sql, error.message
                ))
            })?);
        }
        qualified.push(one);
    }
    tx.batch(doing, &format!("SET LOCAL search_path = {}", program.schema)).await?;
    Ok(qualified)
}
