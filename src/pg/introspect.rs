//! Owns how one schema is read from a server into a [`Catalog`]: the statement, its settings, its decoding.
//! Must not open connections (that is `session`) and must not judge what it reads.
//!
//! ```text
//! BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
//! <SETTINGS>                -- batch_execute
//! <SQL> ($1 schema, $2 version schemas)   -- query_opt, one jsonb
//! COMMIT
//! ```

use super::{Error, RowExt, Tx};
use crate::catalog::Catalog;
use crate::ident::Ident;

/// What has to be set in the transaction before [`SQL`], all of it `SET LOCAL`.
///
/// With an empty path the server qualifies every name that is not its own. The rest is what its printing
/// of constants and partition bounds hangs on: two sessions must read one schema alike, or the
/// fingerprints would differ where the schema does not. `jit` would compile for longer than the query runs.
pub const SETTINGS: &str = "\
SET LOCAL search_path = '';
SET LOCAL jit = off;
SET LOCAL quote_all_identifiers = off;
SET LOCAL standard_conforming_strings = on;
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL TimeZone = 'UTC';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
SET LOCAL lc_monetary = 'C';";

/// Reads one schema as one `jsonb`: `$1 text` is its name, `$2 text[]` are the schemas whose views are
/// not to be listed as dependents (the version schemas). No row: there is no such schema.
///
/// Runs on PostgreSQL 14 to 18 and needs no privilege: it reads what everyone may read. Sizes and
/// view definitions take an ACCESS SHARE lock for a moment, so it can wait behind an ACCESS EXCLUSIVE
/// one and needs a `lock_timeout`. The server's deparsing functions look past the snapshot: an object dropped
/// in that moment by someone else can fail the statement with XX000 (`cache lookup failed`); ask again.
pub const SQL: &str = include_str!("introspect/catalog.sql");

/// Reads a schema inside the caller's transaction; `None`: there is no such schema. Leaves [`SETTINGS`] in
/// force until the transaction's end.
pub async fn introspect(
    tx: &Tx<'_>,
    schema: &Ident,
    version_schemas: &[Ident],
) -> Result<Option<Catalog>, Error> {
    let doing = "reading the catalog";
    tx.batch(doing, SETTINGS).await?;
    let row = tx.query_opt(doing, SQL, &[schema, &version_schemas.to_vec()]).await?;
    let Some(row) = row else { return Ok(None) };
    let catalog = decode(row.cell(0)?).map_err(|error| Error::protocol(doing, error.to_string()))?;
    Ok(Some(catalog))
}

/// The catalog from the document that [`SQL`] returned.
///
/// # Errors
/// Where the document does not have the shape of a catalog, which is a fault in the statement.
pub fn decode(json: serde_json::Value) -> Result<Catalog, serde_json::Error> {
    serde_json::from_value(json)
}
