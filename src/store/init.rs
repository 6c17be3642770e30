//! Owns making and upgrading Segue's own schema: once, whoever comes first, in one transaction. Must not
//! touch anything outside it.

use super::error::Error;
use crate::ident::{Ident, QualifiedName};
use crate::pg::{Limits, Session};
use serde::Deserialize;
use std::time::Duration;

/// Where everything of Segue's own is, sync functions included.
pub const SCHEMA: &str = "segue";
/// The version of the schema that this binary makes and reads.
pub const VERSION: i32 = 4;

/// `MIGRATIONS[n]` leads from version n to n + 1.
const MIGRATIONS: [&str; VERSION as usize] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// Several processes may come at once; the number is arbitrary and Segue's ("segue", as bytes).
const INIT_LOCK: i64 = 0x73_65_67_75_65;

/// What stands in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Absent,
    Older(i32),
    Current,
}

#[derive(Debug, Deserialize)]
struct Standing {
    role: Ident,
    database: Ident,
    may_create_schema: bool,
    schema: bool,
    may_use: bool,
    may_create_in: bool,
    meta: bool,
    /// Tables that the role may not read, and those it may not write.
    unreadable: Vec<Ident>,
    unwritable: Vec<Ident>,
}

// By the catalogs and not by to_regclass, which fails where the role may not use the schema.
const STANDING: &str = "
SELECT jsonb_build_object(
  'role', current_user, 'database', current_database(),
  'may_create_schema', has_database_privilege(current_database(), 'CREATE'),
  'schema', n.oid IS NOT NULL,
  'may_use', coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
  'may_create_in', coalesce(has_schema_privilege(n.oid, 'CREATE'), false),
  'meta', EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'meta'),
  'unreadable', coalesce((SELECT jsonb_agg(c.relname ORDER BY c.relname) FROM pg_class c
     WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND NOT has_table_privilege(c.oid, 'SELECT')), '[]'),
  'unwritable', coalesce((SELECT jsonb_agg(c.relname ORDER BY c.relname) FROM pg_class c
     WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND NOT (has_table_privilege(c.oid, 'INSERT')
       AND (c.relname IN ('records', 'meta') OR has_table_privilege(c.oid, 'UPDATE')))), '[]'))
  FROM (SELECT) AS one LEFT JOIN pg_namespace n ON n.nspname = 'segue'";

impl Standing {
    async fn of(session: &Session) -> Result<Standing, Error> {
        Ok(session.json("looking for Segue's own schema", STANDING, &[]).await?)
    }

    fn lacks(&self, lacking: &str, grant: Vec<String>) -> Error {
        Error::Privilege { role: self.role.as_str().to_owned(), lacking: lacking.to_owned(), grant }
    }

    fn readable(&self) -> Result<(), Error> {
        let role = &self.role;
        if !self.may_use || !self.unreadable.is_empty() {
            return Err(self.lacks(
                "read Segue's own schema",
                vec![
                    format!("GRANT USAGE ON SCHEMA segue TO {role};"),
                    format!("GRANT SELECT ON ALL TABLES IN SCHEMA segue TO {role};"),
                ],
            ));
        }
        Ok(())
    }

    fn writable(&self) -> Result<(), Error> {
        let role = &self.role;
        if !self.may_create_in || !self.unwritable.is_empty() {
            return Err(self.lacks(
                "write in Segue's own schema",
                vec![
                    format!("GRANT USAGE, CREATE ON SCHEMA segue TO {role};"),
                    format!("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA segue TO {role};"),
                ],
            ));
        }
        Ok(())
    }

    fn creatable(&self) -> Result<(), Error> {
        if self.schema && !self.may_create_in {
            return Err(self.lacks(
                "create anything in schema segue, which is there already",
                vec![format!("GRANT USAGE, CREATE ON SCHEMA segue TO {};", self.role)],
            ));
        }
        if !self.schema && !self.may_create_schema {
            return Err(self.lacks(
                "create schema segue in this database",
                vec![
                    format!("GRANT CREATE ON DATABASE {} TO {};", self.database, self.role),
                    format!("-- or: CREATE SCHEMA segue AUTHORIZATION {};", self.role),
                ],
            ));
        }
        Ok(())
    }
}

async fn version(session: &Session) -> Result<i32, Error> {
    let meta = QualifiedName::new(&SCHEMA.into(), &"meta".into());
    let sql = format!("SELECT to_jsonb(max(version)) FROM {meta}");
    let stored: Option<i32> = session.json("reading the version of Segue's own schema", &sql, &[]).await?;
    match stored.unwrap_or(0) {
        newer if newer > VERSION => Err(Error::Newer { stored: newer, known: VERSION }),
        known => Ok(known),
    }
}

/// What stands, for commands that only read. An error where it is newer than this binary, or not readable.
pub async fn stored(session: &Session) -> Result<Stored, Error> {
    let standing = Standing::of(session).await?;
    if !standing.meta {
        return Ok(Stored::Absent);
    }
    standing.readable()?;
    Ok(match version(session).await? {
        VERSION => Stored::Current,
        older => Stored::Older(older),
    })
}

/// Creates or upgrades Segue's own schema, and sees to it that this role may work in it. Several at once are
/// fine; all but one find it done. Returns the version that stood there before (0: none).
pub async fn init(session: &mut Session) -> Result<i32, Error> {
    let standing = Standing::of(session).await?;
    if standing.meta {
        standing.readable()?;
        if version(session).await? == VERSION {
            standing.writable()?;
            return Ok(VERSION);
        }
    }
    standing.creatable()?;

    let doing = "creating Segue's own schema";
    let limits = Limits::new(Duration::from_secs(5), Duration::from_secs(30));
    let tx = session.transaction(doing, &limits).await?;
    tx.query(doing, "SELECT pg_advisory_xact_lock($1)::text", &[&INIT_LOCK]).await?;
    // Somebody else may have done it while this one waited.
    let standing = Standing::of(&tx).await?;
    let before = if standing.meta { version(&tx).await? } else { 0 };
    if !standing.schema {
        tx.batch(doing, &format!("CREATE SCHEMA {}", Ident::from(SCHEMA))).await?;
    }
    for (from, script) in MIGRATIONS.iter().enumerate().skip(before as usize) {
        tracing::info!(from, to = from + 1, "upgrading Segue's own schema");
        tx.batch(doing, script).await?;
    }
    if before < VERSION {
        let sql =
            "UPDATE segue.meta SET version = $1, changed_at = clock_timestamp(), changed_by = current_user";
        tx.change(doing, sql, &[&VERSION]).await?;
    }
    crate::failpoint::pass("init_before_commit").await?;
    tx.commit(doing).await?;
    crate::failpoint::pass("init_after_commit").await?;
    Ok(before)
}
