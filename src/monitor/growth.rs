//! Owns how a table that is being filled grows: its bytes, its indexes', its dead rows, the server's log.
//! Must not compare: `control::growth` does.

use crate::control::growth::Measure;
use crate::pg::{Error, Session};
use std::collections::BTreeMap;

/// `$1`: tables, qualified and quoted; a partitioned one stands for its leaves. With statistics switched
/// off, no dead rows counted does not mean that there are none.
const SQL: &str = "
SELECT coalesce(pg_catalog.jsonb_object_agg(leaf.name, pg_catalog.jsonb_build_object(
         'table_bytes', pg_catalog.pg_table_size(leaf.oid),
         'index_bytes', pg_catalog.pg_indexes_size(leaf.oid),
         'dead_rows', CASE WHEN pg_catalog.current_setting('track_counts')::bool
                           THEN pg_catalog.pg_stat_get_dead_tuples(leaf.oid) END,
         'wal', CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_lsn()::text END)), '{}')
  FROM pg_catalog.unnest($1::text[]) AS given(name)
  JOIN pg_catalog.pg_class t ON t.oid = pg_catalog.to_regclass(given.name)
 CROSS JOIN LATERAL (
       SELECT t.oid, given.name WHERE t.relkind = 'r'
       UNION ALL
       SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
         FROM pg_catalog.pg_partition_tree(t.oid) p
         JOIN pg_catalog.pg_class c ON c.oid = p.relid AND c.relkind = 'r'
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE t.relkind = 'p' AND p.isleaf) AS leaf(oid, name)";

/// One look at each table, or at each leaf of a partitioned one; those that are gone are left out.
pub async fn measure(session: &Session, tables: &[String]) -> Result<BTreeMap<String, Measure>, Error> {
    session.json("measuring the tables", SQL, &[&tables.to_vec()]).await
}
