//! Owns what is asked of a server: a fresh copy of the table, sizes, WAL, update counts. Must not interpret them.

use crate::shape::Shape;
use segue::sandbox::{Cluster, wait_for};
use std::{error::Error, str::FromStr, time::Duration};

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What every server here is started with; fsync stays on, as in real life.
pub const SETTINGS: [(&str, &str); 6] = [
    ("fsync", "on"),
    // A server that has been up for a while recycles its WAL segments, see `warm_wal`.
    ("min_wal_size", "4GB"),
    ("shared_buffers", "512MB"),
    // No checkpoint of its own accord in the middle of one measurement and not in the other's: one is made before each.
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "1h"),
    // It would clean up after some ways and not after others, by chance.
    ("autovacuum", "off"),
];

#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// With its TOAST table.
    pub table: u64,
    pub indexes: u64,
}

/// Cumulative counts of updated rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updates {
    pub all: u64,
    pub hot: u64,
}

/// Makes the WAL segments that a server of some age has. A new one makes each segment when it gets there, writing 16 MB of
/// zeros while all who commit wait: 50 to 90 ms, several times a second at the rate of a backfill (measured).
pub fn warm_wal(cluster: &Cluster) -> Outcome<()> {
    const SEGMENTS: usize = 200;
    for _ in 0..SEGMENTS {
        // A segment without a record in it is not switched.
        cluster.query("postgres", "SELECT pg_logical_emit_message(false, 'bench', '')")?;
        cluster.query("postgres", "SELECT pg_switch_wal()")?;
    }
    cluster.query("postgres", "CHECKPOINT")?;
    Ok(())
}

/// A database with the table in it, as after a VACUUM.
pub fn fresh(cluster: &Cluster, database: &str, shape: Shape, rows: u64) -> Outcome<()> {
    drop_database(cluster, database)?;
    cluster.query("postgres", &format!("CREATE DATABASE {database}"))?;
    for sql in shape.build(rows) {
        cluster.query(database, &sql)?;
    }
    cluster.query(database, "CHECKPOINT")?;
    Ok(())
}

pub fn drop_database(cluster: &Cluster, database: &str) -> Outcome<()> {
    cluster.query("postgres", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))?;
    Ok(())
}

pub fn sizes(cluster: &Cluster, database: &str) -> Outcome<Sizes> {
    let [table, indexes] =
        numbers(cluster, database, "SELECT pg_table_size('public.items'), pg_indexes_size('public.items')")?;
    Ok(Sizes { table, indexes })
}

/// Bytes of WAL since the server was made.
pub fn wal(cluster: &Cluster) -> Outcome<u64> {
    let [bytes] =
        numbers(cluster, "postgres", "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")?;
    Ok(bytes)
}

/// As the server knows them now: sessions report once a second and when they end.
pub fn updates(cluster: &Cluster, database: &str) -> Outcome<Updates> {
    let sql =
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = 'public.items'::regclass";
    let [all, hot] = numbers(cluster, database, sql)?;
    Ok(Updates { all, hot })
}

/// Once all sessions have ended: waits until the counts stand still and hold at least as many updates as there must have been.
pub fn final_updates(cluster: &Cluster, database: &str, least: u64) -> Outcome<Option<Updates>> {
    let mut seen: Option<Updates> = None;
    let settled = wait_for("the update counts", Duration::from_secs(5), || {
        std::thread::sleep(Duration::from_millis(200));
        let now = updates(cluster, database).ok();
        let same = now == seen && now.is_some_and(|now| now.all >= least);
        seen = now;
        Ok(same)
    });
    Ok(settled.ok().and(seen))
}

/// A single number, such as a count.
pub fn number(cluster: &Cluster, database: &str, sql: &str) -> Outcome<u64> {
    let [number] = numbers(cluster, database, sql)?;
    Ok(number)
}

/// What a query answers in its first column, one row.
pub fn text(cluster: &Cluster, sql: &str) -> Outcome<String> {
    let rows = cluster.query("postgres", sql)?;
    Ok(rows.into_iter().flatten().flatten().next().ok_or_else(|| format!("no answer to {sql:?}"))?)
}

fn numbers<const N: usize>(cluster: &Cluster, database: &str, sql: &str) -> Outcome<[u64; N]> {
    let rows = cluster.query(database, sql)?;
    let parsed: Option<Vec<u64>> = rows
        .first()
        .map(|row| row.iter().map(|cell| u64::from_str(cell.as_deref().unwrap_or("NULL")).ok()).collect())
        .unwrap_or_default();
    let parsed = parsed.and_then(|numbers| <[u64; N]>::try_from(numbers).ok());
    Ok(parsed.ok_or_else(|| format!("{sql:?} answered {rows:?}"))?)
}
