//! Owns reading from the catalogs what a role has of what Segue needs, on every version. Must not judge it.

use super::error::Error;
use crate::compile::program::Owned;
use crate::control::privileges::Facts;
use crate::ident::{Ident, QualifiedName};
use crate::pg::Session;

/// Whose tables are in question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// Every table of the schema.
    Schema,
    /// These with tables' partitions, and a version schema that is to be removed. `publishes`: a version schema that shows all of
    /// the tables is still to be made.
    Plan { owned: Owned, previous: Option<Ident>, publishes: bool },
}

/// `$1` role, `$2` schema, `$3` whether all of its tables, `$4` and `$5`: relations, `$6` an earlier version schema,
/// `$7` and `$8` types, `$9` routines, `$10` whether owners are given something new there.
fn sql(server_version: u32) -> String {
    // From 16 on a member may be one that cannot become the role.
    let membership = if server_version >= 160_000 { "SET" } else { "MEMBER" };
    // Before 15 it was a superuser's alone.
    let silence = match server_version >= 150_000 {
        true => "has_parameter_privilege(r.rolname, 'session_replication_role', 'SET')",
        false => "r.rolsuper",
    };
    format!(
        "
WITH RECURSIVE r AS (
  SELECT * FROM pg_roles WHERE rolname = $1
), changed AS (
  SELECT * FROM unnest($4::text[], $5::text[])
), tables AS (
  SELECT c.oid, c.relname, c.relowner, (n.nspname::text, c.relname::text) IN (SELECT * FROM changed) AS named
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v')
     AND ($3 AND n.nspname = $2 AND c.relkind <> 'v' OR (n.nspname::text, c.relname::text) IN (SELECT * FROM changed))
  UNION
  SELECT c.oid, c.relname, c.relowner, t.named FROM tables t JOIN pg_inherits i ON i.inhparent = t.oid
    JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind IN ('r', 'p')
), owned AS (
  SELECT relowner AS owner, quote_ident(relname) AS what, named AS within FROM tables
  UNION ALL
  SELECT nspowner, 'schema ' || quote_ident(nspname), false FROM pg_namespace WHERE nspname = $6
  UNION ALL
  SELECT t.typowner, 'type ' || quote_ident(t.typname), true FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
   WHERE (n.nspname::text, t.typname::text) IN (SELECT * FROM unnest($7::text[], $8::text[]))
  UNION ALL
  SELECT proowner, 'function ' || quote_ident(proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')', true
    FROM unnest($9::text[]) one JOIN pg_proc p ON p.oid = to_regprocedure(one)
), owners AS (
  SELECT o.rolname, o.rolsuper, o.oid, jsonb_agg(DISTINCT owned.what ORDER BY owned.what) AS owns, bool_or(owned.within) AS within
    FROM owned JOIN pg_roles o ON o.oid = owned.owner GROUP BY 1, 2, 3
), own AS (
  SELECT n.oid, has_schema_privilege(r.rolname, n.oid, 'USAGE') AS use_it,
         has_schema_privilege(r.rolname, n.oid, 'CREATE') AS create_in
    FROM r, pg_namespace n WHERE n.nspname = 'segue'
)
SELECT jsonb_build_object(
  'role', r.rolname, 'database', current_database(), 'schema', $2,
  'server_version', current_setting('server_version_num')::int,
  'superuser', r.rolsuper, 'inherits', r.rolinherit,
  'connect', has_database_privilege(r.rolname, current_database(), 'CONNECT'),
  'create_in_database', has_database_privilege(r.rolname, current_database(), 'CREATE'),
  'use_schema', coalesce((SELECT has_schema_privilege(r.rolname, oid, 'USAGE') FROM pg_namespace WHERE nspname = $2), false),
  'create_in_schema',
     coalesce((SELECT has_schema_privilege(r.rolname, oid, 'CREATE') FROM pg_namespace WHERE nspname = $2), false),
  'owners', coalesce((SELECT jsonb_agg(jsonb_build_object(
      'role', o.rolname, 'superuser', o.rolsuper, 'owns', o.owns,
      'takes_over', $10 AND o.within,
      'create_in_schema',
         coalesce((SELECT has_schema_privilege(o.rolname, oid, 'CREATE') FROM pg_namespace WHERE nspname = $2), false),
      'may_become', pg_has_role(r.rolname, o.oid, '{membership}'),
      'inherited', pg_has_role(r.rolname, o.oid, 'USAGE')) ORDER BY o.rolname) FROM owners o), '[]'),
  'own', (SELECT jsonb_build_object('use_it', own.use_it, 'create_in', own.create_in, 'write', coalesce((
      SELECT bool_and(has_table_privilege(r.rolname, c.oid, 'SELECT') AND has_table_privilege(r.rolname, c.oid, 'INSERT')
                      AND (c.relname IN ('records', 'meta') OR has_table_privilege(r.rolname, c.oid, 'UPDATE')))
        FROM pg_class c WHERE c.relnamespace = own.oid AND c.relkind = 'r'), true)) FROM own),
  'read_all_stats', pg_has_role(r.rolname, 'pg_read_all_stats', 'USAGE'),
  'cancel_autovacuum',
     (SELECT pg_has_role(r.rolname, oid, 'USAGE') FROM pg_roles WHERE rolname = 'pg_signal_autovacuum_worker'),
  'reserved_connections',
     (SELECT pg_has_role(r.rolname, oid, 'USAGE') FROM pg_roles WHERE rolname = 'pg_use_reserved_connections'),
  'list_archive', CASE WHEN current_setting('archive_mode') <> 'off'
      THEN has_function_privilege(r.rolname, 'pg_catalog.pg_ls_archive_statusdir()', 'EXECUTE') END,
  'silence_triggers', {silence})
  FROM r"
    )
}

/// What a role has; `None`: there is no such role. Without a name it is the session's own.
pub async fn privileges(
    session: &Session,
    role: Option<&str>,
    schema: &Ident,
    of: &Of,
) -> Result<Option<Facts>, Error> {
    let doing = "reading what the role may";
    let role: String = match role {
        Some(role) => role.to_owned(),
        None => session.json(doing, "SELECT to_jsonb(current_user)", &[]).await?,
    };
    let none = Owned::default();
    let (all, owned, previous) = match of {
        Of::Schema => (true, &none, None),
        // Before 15 a version's views read with their owner's rights, and they show all of its tables.
        Of::Plan { owned, previous, publishes } => {
            (*publishes && session.server_version() < 150_000, owned, previous.clone())
        }
    };
    let apart = |of: &[QualifiedName]| -> (Vec<Ident>, Vec<Ident>) {
        of.iter().map(|one| (one.schema.clone(), one.name.clone())).unzip()
    };
    let ((schemas, names), (of_types, types)) = (apart(&owned.relations), apart(&owned.types));
    let sql = format!("SELECT coalesce(({}), 'null')", sql(session.server_version()));
    Ok(session
        .json(
            doing,
            &sql,
            &[
                &role,
                schema,
                &all,
                &schemas,
                &names,
                &previous,
                &of_types,
                &types,
                &owned.routines,
                &owned.hands_over,
            ],
        )
        .await?)
}
