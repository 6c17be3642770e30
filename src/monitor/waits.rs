//! Owns the queues on the rollout's own tables, whoever causes them: what a strong lock would have to
//! queue behind. Must not judge it. Every role may see `pg_locks`.

use serde::Deserialize;

/// `$1`: qualified, quoted table names; partitions are found here.
pub(super) const SQL: &str = "
WITH named AS (
  SELECT to_regclass(t)::oid AS oid FROM unnest($1::text[]) AS t
), watched AS (
  SELECT oid FROM named WHERE oid IS NOT NULL
  UNION
  SELECT tree.relid::oid FROM named, pg_partition_tree(named.oid::regclass) AS tree WHERE named.oid IS NOT NULL
), waits AS (
  SELECT l.relation::regclass::text AS relation, l.mode,
         count(*) FILTER (WHERE NOT l.granted) AS waiting,
         coalesce(extract(epoch FROM clock_timestamp() - min(l.waitstart) FILTER (WHERE NOT l.granted)), 0)::float8
           AS longest,
         coalesce(bool_or(l.granted), false) AS held
    FROM pg_locks l
   WHERE l.locktype = 'relation'
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND l.relation IN (SELECT oid FROM watched)
   GROUP BY 1, 2
)
SELECT coalesce(jsonb_agg(to_jsonb(w) ORDER BY w.longest DESC, w.relation, w.mode), '[]') FROM waits w
 WHERE w.waiting > 0 OR w.mode = 'AccessExclusiveLock'";

/// One lock mode on one table that somebody waits for, or that keeps everybody out.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TableWait {
    pub relation: String,
    /// As `pg_locks` has it: `AccessExclusiveLock`.
    pub mode: String,
    /// Sessions that wait for it in this mode.
    pub waiting: u64,
    /// Seconds the longest of them has waited.
    pub longest: f64,
    /// Somebody holds it in this mode.
    pub held: bool,
}
