//! Owns what goes into the transaction of a transactional step: statements that are complete in
//! the program, and those that need a look at the catalog first. Must not begin or end it.

use super::Halt;
use crate::compile::program::{Action, Lock, LockMode, Phase, Program, Step, SyncSpec, Undo};
use crate::compile::{sync, views};
use crate::ident::{Ident, QualifiedName};
use crate::pg::{self, Row, RowExt, Session, Tx, introspect};
use std::time::Duration;

/// What a transaction carries out.
pub enum Contents<'p> {
    Statements(&'p [String]),
    Expand {
        statements: &'p [String],
        sync: &'p SyncSpec,
    },
    /// `as_it_is`: after the contract the tables have their final shape, and what the program says of
    /// hidden columns is over.
    Publish {
        as_it_is: bool,
        /// Between the end of the views that there were and the new ones.
        between: &'p [String],
    },
    Retire {
        version_schema: &'p Ident,
    },
    /// One statement that reads the whole table: no limit of time on the server.
    Long(String),
    /// The user's own SQL.
    Script(&'p str),
}

pub fn of_step(step: &Step) -> Contents<'_> {
    match &step.action {
        Action::Ddl { statements } => Contents::Statements(statements),
        Action::Expand { statements, sync } => Contents::Expand { statements, sync },
        Action::Publish => Contents::Publish { as_it_is: step.phase == Phase::Contract, between: &[] },
        Action::Reshape { statements } => Contents::Publish { as_it_is: true, between: statements },
        Action::Retire { version_schema } => Contents::Retire { version_schema },
        Action::Validate { table, constraint } => {
            Contents::Long(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"))
        }
        Action::Analyze { table } => Contents::Long(format!("ANALYZE {table}")),
        Action::Script { sql, transactional: true } => Contents::Script(sql),
        Action::Script { .. }
        | Action::Backfill(_)
        | Action::Vacuum { .. }
        | Action::BuildIndex { .. }
        | Action::DropIndex { .. } => {
            unreachable!("not a transactional step")
        }
    }
}

pub fn of_undo(undo: &Undo) -> Contents<'_> {
    match undo {
        Undo::Ddl { .. } => unreachable!("what it may do is looked for first"),
        Undo::Retire { version_schema } => Contents::Retire { version_schema },
        Undo::Script { sql, transactional: true } => Contents::Script(sql),
        Undo::Nothing => Contents::Statements(&[]),
        Undo::DropIndex { .. } | Undo::Script { .. } => unreachable!("not a transactional undo"),
    }
}

impl Contents<'_> {
    /// Every lock that this will take: those of the step, and those of the views that it drops, which are
    /// known only now.
    pub async fn locks(
        &self,
        session: &Session,
        program: &Program,
        step: &[Lock],
    ) -> Result<Vec<Lock>, Halt> {
        let mut locks = step.to_vec();
        let dropped = match self {
            Contents::Publish { .. } => &program.version_schema,
            Contents::Retire { version_schema } => version_schema,
            _ => return Ok(locks),
        };
        for view in views_of(session, dropped).await? {
            let relation = QualifiedName::new(dropped, &view);
            locks.push(Lock { relation, mode: LockMode::AccessExclusive });
        }
        Ok(locks)
    }

    /// Whether its statements take their locks themselves. Applications lock a view before its table, and LOCK TABLE on a
    /// view locks its tables too: so where both go, the views are dropped first, and then the tables are changed.
    pub fn locks_itself(&self) -> bool {
        matches!(self, Contents::Publish { between, .. } if !between.is_empty())
    }

    /// `statement_timeout` of each statement; `None` where a whole table is read.
    pub fn statement_limit(&self) -> Option<Duration> {
        match self {
            Contents::Long(_) | Contents::Script(_) => None,
            _ => Some(Duration::from_secs(30)),
        }
    }

    /// What can be asked before any lock is taken.
    pub async fn prepare(&self, tx: &Tx<'_>, program: &Program) -> Result<Vec<String>, Halt> {
        match self {
            Contents::Expand { sync, .. } => Ok(sync::statements(sync, &qualify(tx, program, sync).await?)),
            _ => Ok(Vec::new()),
        }
    }

    /// Sends it all, inside the transaction; `ready` is what `prepare` gave.
    pub async fn send(
        &self,
        tx: &Tx<'_>,
        program: &Program,
        ready: Vec<String>,
        doing: &str,
    ) -> Result<(), Halt> {
        match self {
            Contents::Statements(statements) => send_each(tx, statements, doing).await,
            Contents::Long(statement) => Ok(tx.batch(doing, statement).await?),
            Contents::Script(statement) => Ok(tx.batch(doing, statement).await?),
            Contents::Expand { statements, .. } => {
                send_each(tx, statements, doing).await?;
                send_each(tx, &ready, doing).await
            }
            Contents::Publish { as_it_is, between } => {
                let mut before = views::Order::new();
                if schema_exists(tx, &program.version_schema).await? {
                    before = orders(tx, &program.version_schema).await?;
                    retire(tx, program, &program.version_schema, doing).await?;
                }
                send_each(tx, between, doing).await?;
                let catalog = introspect_in(tx, program, doing).await?;
                let owner = tx
                    .query_one(doing, "SELECT current_user::text", &[])
                    .await?
                    .cell::<String>(0)
                    .map(Ident::new)?;
                let mut program = std::borrow::Cow::Borrowed(program);
                if *as_it_is {
                    program.to_mut().views.clear();
                }
                send_each(tx, &views::publish_again(&catalog, &program, &owner, &before), doing).await
            }
            Contents::Retire { version_schema } => {
                if schema_exists(tx, version_schema).await? {
                    retire(tx, program, version_schema, doing).await?;
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

async fn views_of(session: &Session, schema: &Ident) -> Result<Vec<Ident>, Halt> {
    let sql = "SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relkind = 'v' ORDER BY 1";
    let rows = session.query("listing the views of a version schema", sql, &[schema]).await?;
    Ok(rows.iter().map(|row| row.cell::<String>(0).map(Ident::new)).collect::<Result<Vec<_>, _>>()?)
}

async fn orders(tx: &Tx<'_>, schema: &Ident) -> Result<views::Order, Halt> {
    let sql = "SELECT c.relname::text, pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                WHERE n.nspname = $1 AND c.relkind = 'v' GROUP BY 1";
    let rows = tx.query("reading the order of the views' columns", sql, &[schema]).await?;
    let order = |row: &Row| -> Result<(Ident, Vec<Ident>), pg::Error> {
        let columns = row.cell::<Vec<String>>(1)?;
        Ok((Ident::new(row.cell::<String>(0)?), columns.into_iter().map(Ident::new).collect()))
    };
    Ok(rows.iter().map(order).collect::<Result<_, _>>()?)
}

async fn retire(tx: &Tx<'_>, program: &Program, schema: &Ident, doing: &str) -> Result<(), Halt> {
    let views = views_of(tx, schema).await?;
    // Functions that a plan gave the version. What was made on them by others stops it, as with views.
    let sql = "SELECT p.oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc p
                 JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 ORDER BY 1";
    let rows = tx.query("listing the functions of a version schema", sql, &[schema]).await?;
    let functions = rows.iter().map(|row| row.cell::<String>(0)).collect::<Result<Vec<_>, _>>()?;
    let stays = *schema == program.version_schema && has_types(tx, program).await?;
    send_each(tx, &views::retire(schema, &views, &functions, stays), doing).await
}

/// Whether types that the program keeps in the version's schema are in it.
async fn has_types(tx: &Tx<'_>, program: &Program) -> Result<bool, Halt> {
    let sql = "SELECT 1 FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                WHERE n.nspname = $1 AND t.typname = ANY ($2::text[]::name[]) AND t.typtype = 'e' LIMIT 1";
    let (schema, types) = (&program.version_schema, &program.types.in_version);
    Ok(tx.query_opt("looking for types of a version schema", sql, &[schema, types]).await?.is_some())
}

/// The catalog as it is inside this transaction.
async fn introspect_in(tx: &Tx<'_>, program: &Program, doing: &str) -> Result<crate::catalog::Catalog, Halt> {
    let left_out: Vec<Ident> =
        program.previous_version_schema.iter().chain([&program.version_schema]).cloned().collect();
    let catalog = introspect::introspect(tx, &program.schema, &left_out).await?;
    tx.batch(doing, &format!("SET LOCAL search_path = {}", program.schema)).await?;
    catalog.ok_or_else(|| Halt::Broken(format!("the schema {} is gone", program.schema)))
}

/// Has the server spell out every name in the sync function's expressions, so that they mean the
/// same under every client's search_path.
pub(super) async fn qualify(
    tx: &Tx<'_>,
    program: &Program,
    spec: &SyncSpec,
) -> Result<Vec<sync::QualifiedPair>, Halt> {
    let doing = "qualifying the plan's expressions";
    let sql = "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
                 FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    // Types come out qualified only under an empty search_path.
    tx.batch(doing, "SET LOCAL search_path = ''").await?;
    let table = spec.table.to_string();
    let mut columns = tx
        .query(doing, sql, &[&table])
        .await?
        .iter()
        .map(|row| Ok((Ident::new(row.cell::<String>(0)?), row.cell::<String>(1)?)))
        .collect::<Result<Vec<(Ident, String)>, crate::pg::Error>>()?;
    columns.extend(spec.hidden_columns.iter().cloned());
    let mut qualified = vec![sync::QualifiedPair::default(); sync::slots(spec)];
    for question in sync::qualifications(spec, &columns) {
        send_each(tx, &question.statements, doing).await?;
        let definition = tx.query_one(doing, &question.query, &[]).await?.cell::<String>(0)?;
        send_each(tx, &question.cleanup, doing).await?;
        let expression =
            sync::qualified(&definition, &spec.table.name, question.direction).map_err(|error| {
                Halt::Broken(format!(
                    "an expression of {} cannot be used as PostgreSQL spells it: {}",
                    spec.table, error.message
                ))
            })?;
        let pair = &mut qualified[question.pair];
        match question.direction {
            sync::Direction::Up => pair.up = Some(expression),
            sync::Direction::Down => pair.down = Some(expression),
            sync::Direction::Only => pair.only = Some(expression),
        }
    }
    tx.batch(doing, &format!("SET LOCAL search_path = {}", program.schema)).await?;
    Ok(qualified)
}
