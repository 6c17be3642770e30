//! Owns what is measured on the server itself: sizes, WAL, and whether what the applications wrote is all there. Must not
//! calculate what it can ask.

use super::{error::DemoError, stage::DATABASE};
use crate::{ident::Ident, sandbox::Cluster};
use serde::Serialize;
use std::str::FromStr;

/// Bytes of the accounts table at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// The table itself.
    pub table: u64,
    /// Those of its indexes that there were at the beginning, or that stand for them.
    pub indexes: u64,
    /// Its new index.
    pub new_index: u64,
}

/// The books, read through the base tables before the rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Books {
    pub accounts: u64,
    pub balance: i64,
    pub history: u64,
}

/// What the new version finds at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Accounts.
    pub accounts: u64,
    /// The sum of all balances, in cents.
    pub balance_cents: i64,
    /// Rows of history.
    pub history: u64,
    /// Accounts whose balance is not the sum of their history.
    pub wrong_balances: u64,
    /// Accounts whose risk does not fit their balance.
    pub wrong_risks: u64,
}

pub(super) fn sizes(cluster: &Cluster) -> Result<Sizes, DemoError> {
    // By name and not by oid: what is rebuilt under another name counts as the one it stands for.
    let [table, indexes, new_index] = numbers(
        cluster,
        "the sizes of the accounts table",
        "SELECT pg_relation_size('public.pgbench_accounts'), \
         pg_indexes_size('public.pgbench_accounts') - coalesce(pg_relation_size(to_regclass('public.pgbench_accounts_risk')), 0), \
         coalesce(pg_relation_size(to_regclass('public.pgbench_accounts_risk')), 0)",
    )?;
    Ok(Sizes { table, indexes, new_index })
}

/// Bytes of WAL written since the server was made.
pub(super) fn wal(cluster: &Cluster) -> Result<u64, DemoError> {
    let [bytes] =
        numbers(cluster, "the WAL position", "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")?;
    Ok(bytes)
}

pub(super) fn books(cluster: &Cluster) -> Result<Books, DemoError> {
    let [accounts, balance, history] = numbers(
        cluster,
        "the books before",
        "SELECT count(*), sum(abalance)::bigint, (SELECT count(*) FROM public.pgbench_history) FROM public.pgbench_accounts",
    )?;
    Ok(Books { accounts: unsigned(accounts)?, balance, history: unsigned(history)? })
}

/// Rows that the backfills filled, by their own checkpoints. What an application touched first was filled by that.
pub(super) fn rows_filled(cluster: &Cluster) -> Result<u64, DemoError> {
    let [rows] = numbers(
        cluster,
        "the rows that were filled",
        "SELECT coalesce(sum(rows_done), 0)::bigint FROM segue.backfills",
    )?;
    Ok(rows)
}

/// Whether the new version's views are there.
pub(super) fn is_published(cluster: &Cluster, version_schema: &Ident) -> Result<bool, DemoError> {
    let view = format!("{version_schema}.pgbench_accounts");
    let sql = format!("SELECT (to_regclass({}) IS NOT NULL)::int", crate::ident::literal(&view));
    let [there]: [u8; 1] = numbers(cluster, "whether the new version is published", &sql)?;
    Ok(there == 1)
}

/// Accounts that the two versions see differently, in one snapshot and while both write.
pub(super) fn disagreeing(cluster: &Cluster, old: &Ident, new: &Ident) -> Result<u64, DemoError> {
    let sql = format!(
        "SELECT count(*) FROM {old}.pgbench_accounts o FULL JOIN {new}.pgbench_accounts n USING (aid) \
         WHERE o.abalance::bigint * 100 IS DISTINCT FROM n.abalance OR o.bid IS DISTINCT FROM n.branch_id \
         OR n.risk IS DISTINCT FROM CASE WHEN o.abalance < 0 THEN 'overdrawn' ELSE 'fine' END"
    );
    let [count] = numbers(cluster, "whether both versions see the same", &sql)?;
    Ok(count)
}

pub(super) fn found(cluster: &Cluster, new: &Ident) -> Result<Found, DemoError> {
    let sql = format!(
        "SELECT count(*), sum(a.abalance)::bigint, (SELECT count(*) FROM {new}.pgbench_history), \
         count(*) FILTER (WHERE a.abalance IS DISTINCT FROM 100 * coalesce(h.delta, 0)), \
         count(*) FILTER (WHERE a.risk IS DISTINCT FROM CASE WHEN a.abalance < 0 THEN 'overdrawn' ELSE 'fine' END) \
         FROM {new}.pgbench_accounts a \
         LEFT JOIN (SELECT aid, sum(delta) AS delta FROM {new}.pgbench_history GROUP BY aid) h USING (aid)"
    );
    let [accounts, balance_cents, history, wrong_balances, wrong_risks] =
        numbers(cluster, "the books after", &sql)?;
    Ok(Found {
        accounts: unsigned(accounts)?,
        balance_cents,
        history: unsigned(history)?,
        wrong_balances: unsigned(wrong_balances)?,
        wrong_risks: unsigned(wrong_risks)?,
    })
}

fn unsigned(number: i64) -> Result<u64, DemoError> {
    u64::try_from(number)
        .map_err(|_| DemoError::Answer { doing: "a count".to_owned(), answer: number.to_string() })
}

/// One row of numbers, none of them NULL.
fn numbers<T: FromStr + Copy, const N: usize>(
    cluster: &Cluster,
    doing: &str,
    sql: &str,
) -> Result<[T; N], DemoError> {
    let rows = cluster.query(DATABASE, sql)?;
    let row: Option<Vec<T>> = match rows.as_slice() {
        [row] => row.iter().map(|field| field.as_deref()?.parse().ok()).collect(),
        _ => None,
    };
    row.and_then(|row| row.try_into().ok())
        .ok_or_else(|| DemoError::Answer { doing: doing.to_owned(), answer: format!("{rows:?}") })
}
