//! Owns what must be true at the end of whatever happened: the catalog and the rows of plain DDL, every write of the
//! applications among them, and nothing left behind.

use super::common::{
    At,
    schema::{Compare, catalog, differences, leftovers, row_differences, rows},
    wait_left,
};
use super::stage::Stage;
use super::writers::OPENED_FROM;
use segue::catalog::Order;

pub struct Expected<'a> {
    /// What an operator with a maintenance window would have run.
    pub plain: &'a str,
    /// It was rolled back: columns are in their old order.
    pub back: bool,
    /// Version schemas that are there.
    pub version: &'a [&'a str],
}

/// `acknowledged`: the numbers of the writes that must not be lost; `None`: the fault itself may lose some.
#[track_caller]
pub fn check(stage: &Stage, database: &str, expected: &Expected<'_>, acknowledged: Option<&[i64]>) {
    let at = stage.at(database);
    if let Some(numbers) = acknowledged {
        let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
        let lost = format!(
            "SELECT count(*) FROM unnest('{{{}}}'::bigint[]) n WHERE NOT EXISTS (SELECT FROM ops WHERE id = n)",
            numbers.join(",")
        );
        assert_eq!(at.value(&lost).as_deref(), Some("0"), "acknowledged writes are gone");
    }
    let twin_name = stage.fresh();
    let twin = stage.at(&twin_name);
    replay(at, twin);
    twin.query(expected.plain);
    let (plain, ours) = (catalog(twin, "public"), catalog(at, "public"));
    let order = if expected.back { Order::Kept } else { Order::Ignored };
    same("the catalog, from plain DDL's to Segue's", differences(&plain, &ours, order));
    let whole = Compare::parse("only account: true\nonly ops: true\n");
    let (plain, ours) = (rows(twin, &plain, &whole), rows(at, &ours, &whole));
    same("rows, from plain DDL's to Segue's", row_differences(&plain, &ours));
    same("left behind", leftovers(at, expected.version));
    wait_left(at);
    stage.drop(&twin_name);
}

/// What the applications did, done to a database that no rollout has touched.
fn replay(from: At<'_>, to: At<'_>) {
    let ops: Vec<String> = from
        .query("SELECT format('(%s, %s, %s)', id, account, delta) FROM ops")
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert!(!ops.is_empty(), "the applications have written nothing");
    // Those of hours are too many for one statement.
    for some in ops.chunks(5_000) {
        to.query(&format!("INSERT INTO ops VALUES {}", some.join(", ")));
    }
    to.query(&format!(
        "UPDATE account SET balance = balance + sum
           FROM (SELECT account, sum(delta) FROM ops GROUP BY 1) s WHERE s.account = id;
         INSERT INTO account (id, owner, balance, email)
         SELECT account, 1 + id % 20, delta, 'App' || id FROM ops WHERE account >= {OPENED_FROM}"
    ));
}

#[track_caller]
fn same(what: &str, differences: Vec<String>) {
    assert!(differences.is_empty(), "{what}:\n  {}", differences.join("\n  "));
}
