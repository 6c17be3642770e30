//! Rows of which a single block takes too long: a slice is a part of it.

use super::common::{At, Folder, segue};
use segue::sandbox;

/// More than two hundred rows to a block; each takes 1 ms.
const BEFORE: &str = "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL);
    INSERT INTO t SELECT n, n FROM generate_series(1, 4000) n; ANALYZE t;
    CREATE FUNCTION dear(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN $1 * 2; END'";
const PLAN: &str = "operations:
  - add_column: {table: t, column: {name: w, type: int, nullable: true}, up: dear(v)}
backfill: {slice_time: 50ms}
";

#[test]
fn of_a_block_that_takes_too_long_a_slice_takes_a_part() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = folder.file("plan.yaml", PLAN);
    segue(&url, &["start", &plan]).exits(0);
    assert!(at.is_true("SELECT count(*) = 4000 AND bool_and(w = v * 2) FROM public_plan.t"));
    // Rows of a slice: one transaction each. 50 ms are at most 50 rows, and half a block is 113; the first slices come upon it, and
    // on a busy machine, where a transaction is dear, a part takes twice as long as that.
    let slices = "SELECT string_agg(rows::text, ' ' ORDER BY rows) FROM
        (SELECT count(*) AS rows FROM t GROUP BY xmin::text) slices";
    let rows: Vec<u32> =
        at.value(slices).unwrap().split(' ').map(|rows| rows.parse().expect("a number")).collect();
    assert!(rows.len() > 25 && rows[rows.len() / 2] <= 113, "{rows:?}");
}
