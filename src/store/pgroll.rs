//! Owns reading what pgroll has left in a database: its history, and what of it could get in the way. Must not
//! change anything of pgroll's, nor decide what is taken over.

use super::error::Error;
use crate::control::adoption::Migration;
use crate::ident::{Ident, QualifiedName};
use crate::pg::{Limits, Session};
use serde::Deserialize;

/// Where pgroll keeps its state.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Pgroll {
    /// `pgroll`, unless it was told another name.
    pub schema: Ident,
    pub role: Ident,
    pub may_read: bool,
    /// Event triggers that write down every change of a schema.
    pub event_triggers: Vec<Ident>,
}

/// What pgroll leaves in a schema when a migration goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Leftovers {
    pub columns: Vec<String>,
    pub triggers: Vec<String>,
    pub tables: Vec<String>,
}

// By the shape of its table: the schema's name is a setting of pgroll's.
const FIND: &str = "
SELECT coalesce((
  SELECT jsonb_build_object(
           'schema', n.nspname, 'role', current_user,
           'may_read', has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
           'event_triggers', coalesce((SELECT jsonb_agg(e.evtname ORDER BY e.evtname) FROM pg_event_trigger e
              JOIN pg_proc p ON p.oid = e.evtfoid WHERE p.pronamespace = n.oid AND e.evtenabled <> 'D'), '[]'))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relname = 'migrations' AND c.relkind = 'r'
     AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
           AND a.attname IN ('schema', 'name', 'migration', 'parent', 'done', 'resulting_schema')) = 6
   ORDER BY n.nspname <> 'pgroll', n.nspname LIMIT 1), 'null')";

/// Where pgroll is in this database, if it is.
pub async fn find(session: &Session) -> Result<Option<Pgroll>, Error> {
    Ok(session.json("looking for pgroll", FIND, &[]).await?)
}

/// Every migration of a schema, in no order.
pub async fn migrations(
    session: &mut Session,
    pgroll: &Pgroll,
    schema: &Ident,
) -> Result<Vec<Migration>, Error> {
    let doing = "reading pgroll's history";
    let table = QualifiedName::new(&pgroll.schema, &"migrations".into());
    // Early versions have times without a zone, in UTC, as sessions of Segue's have it.
    let sql = format!(
        "SELECT coalesce(jsonb_agg(to_jsonb(m) - 'resulting_schema' || jsonb_build_object(
                  'created_at', m.created_at::timestamptz, 'updated_at', m.updated_at::timestamptz)), '[]')
           FROM {table} m WHERE m.schema = $1"
    );
    let tx = session.snapshot(doing, &Limits::READ).await?;
    let found = tx.json(doing, &sql, &[schema]).await?;
    tx.commit(doing).await?;
    Ok(found)
}

/// What of unfinished migrations stands in a schema.
pub async fn leftovers(session: &Session, schema: &Ident) -> Result<Leftovers, Error> {
    let sql = r"
SELECT jsonb_build_object(
  'columns', coalesce((SELECT jsonb_agg(quote_ident(c.relname) || '.' || quote_ident(a.attname) ORDER BY 1)
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND NOT a.attisdropped
      AND a.attname LIKE '\_pgroll\_%'), '[]'),
  'triggers', coalesce((SELECT jsonb_agg(quote_ident(t.tgname) || ' on ' || quote_ident(c.relname) ORDER BY 1)
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = n.oid AND t.tgname LIKE '\_pgroll\_trigger\_%'), '[]'),
  'tables', coalesce((SELECT jsonb_agg(quote_ident(c.relname) ORDER BY 1) FROM pg_class c
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND c.relname LIKE '\_pgroll\_del\_%'), '[]'))
  FROM pg_namespace n WHERE n.nspname = $1";
    Ok(session.json("looking for what pgroll left", sql, &[schema]).await?)
}

/// The owner of a schema where this session may not act for it; `None`: it may, or there is no such schema.
pub async fn foreign_owner(session: &Session, schema: &Ident) -> Result<Option<Ident>, Error> {
    let sql = "SELECT coalesce((SELECT to_jsonb(pg_get_userbyid(nspowner)) FROM pg_namespace
                WHERE nspname = $1 AND NOT pg_has_role(nspowner, 'USAGE')), 'null')";
    Ok(session.json("looking who owns the version schema", sql, &[schema]).await?)
}
