//! Rows that a plan's `where` leaves out: not one is written, and they are nobody's to fill.

use super::common::{At, Folder, segue, state};
use segue::sandbox;

const BEFORE: &str = "CREATE TABLE t (id int PRIMARY KEY, state text NOT NULL, v int NOT NULL);
    INSERT INTO t SELECT n, CASE WHEN n % 50 = 0 THEN 'open' ELSE 'done' END, n FROM generate_series(1, 5000) n; ANALYZE t";
const PLAN: &str = "operations:
  - add_column:
      table: t
      column: {name: due, type: int, default: '7'}
      up: v * 2
      where: state = 'open'
";

#[test]
fn rows_that_where_leaves_out_are_not_written() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    at.query("CREATE TABLE versions AS SELECT id, t.xmin::text AS version FROM t");
    let plan = folder.file("plan.yaml", PLAN);
    segue(&url, &["start", &plan]).exits(0);
    assert_eq!(state(&url), "ready");
    let written = "SELECT count(*) FROM t JOIN versions USING (id) WHERE t.xmin::text <> version";
    assert_eq!(at.value(written).as_deref(), Some("100"));
    let filled =
        "SELECT count(*) FROM public_plan.t WHERE due = CASE WHEN state = 'open' THEN v * 2 ELSE 7 END";
    assert_eq!(at.value(filled).as_deref(), Some("5000"));
    let done = "SELECT sum(rows_done) FROM segue.backfills";
    assert_eq!(at.value(done).as_deref(), Some("100"));

    // They still have their marker. The old version's writes bring `up` to them, the new one's do not, as with any row.
    let due = |id: u32| at.value(&format!("SELECT due FROM public_plan.t WHERE id = {id}"));
    let write = |path: &str, set: &str, id: u32| {
        at.query(&format!("SET search_path = {path}; UPDATE t SET {set} WHERE id = {id}"));
        due(id)
    };
    assert_eq!(write("public", "state = 'open'", 1).as_deref(), Some("2"));
    assert_eq!(write("public", "v = 0", 2).as_deref(), Some("7"));
    assert_eq!(write("public_plan", "state = 'open'", 3).as_deref(), Some("7"));
    assert_eq!(write("public_plan", "due = 9", 4).as_deref(), Some("9"));
    assert_eq!(write("public", "v = 1", 4).as_deref(), Some("7"));
    at.query("INSERT INTO public.t VALUES (5001, 'open', 4), (5002, 'done', 4)");
    assert_eq!((due(5001).as_deref(), due(5002).as_deref()), (Some("8"), Some("7")));
    segue(&url, &["complete"]).exits(0);
    assert_eq!(at.value("SELECT count(*) FROM t WHERE due = 7").as_deref(), Some("4900"));
}
