//! What a plan would fill, evaluated on the rows that are there: told before the start, and of every row by `check --data`.

mod common;

use common::{At, Folder, PATIENCE, segue, wait_for};
use segue::sandbox;

const BEFORE: &str = "
CREATE TABLE t (id bigint, part text, v text, n integer, PRIMARY KEY (part, id));
INSERT INTO t SELECT n, 'p', n::text, n FROM generate_series(1, 20000) n;
UPDATE t SET v = 'not a number' WHERE id IN (7, 19999);
UPDATE t SET n = NULL WHERE id = 11;
";

fn plan(up: &str, of: &str, type_name: &str) -> String {
    format!(
        "operations:\n  - alter_column: {{table: t, column: {of}, type: {type_name}, up: \"{up}\", down: \"{of}::text\"}}\n"
    )
}

#[test]
fn every_row_that_fails_is_named_and_nothing_is_changed() {
    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    at.query(BEFORE);
    let folder = Folder::new();
    let path = folder.file("numbers.yaml", &plan("v::integer", "v", "integer"));
    // As a standby it may be any server that has the rows: this one.
    for more in [&["--data"][..], &["--data", "--on", &at.url()]] {
        let outcome = segue(&at.url(), &[&["check", &path], more].concat()).exits(3);
        let said = outcome.said();
        for expected in
            ["data.row_fails", "2 rows of t", "part = p, id = 7", "part = p, id = 19999", "not a number"]
        {
            assert!(said.contains(expected), "{expected:?} was to be said: {outcome}");
        }
        assert!(said.contains("20000 rows looked at, 2 fail"), "{outcome}");
    }
    assert!(at.is_true("SELECT to_regnamespace('segue') IS NULL"), "a check leaves nothing");
    // A sample of the rows is enough for a warning, not for a refusal: they may be mended by then.
    // It is given up where it takes long, so it is asked for until it was quick enough.
    wait_for("a sample's warning", PATIENCE, || {
        segue(&at.url(), &["check", &path]).exits(0).said().contains("warning[data.row_fails]").then_some(())
    });
    at.query("UPDATE t SET v = id");
    let outcome = segue(&at.url(), &["check", &path, "--data"]).exits(0);
    assert!(outcome.said().contains("20000 rows looked at, 0 fail"), "{outcome}");
}

#[test]
fn what_an_assignment_refuses_and_what_is_null_fails_too() {
    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    at.query(BEFORE);
    let folder = Folder::new();
    let short = folder.file("short.yaml", &plan("v || ''", "v", "varchar(5)"));
    let outcome = segue(&at.url(), &["check", &short, "--data"]).exits(3);
    assert!(outcome.said().contains("2 rows of t") && outcome.said().contains("too long"), "{outcome}");
    let null = "operations:\n  - alter_column: {table: t, column: n, nullable: false, up: n}\n";
    let null = folder.file("null.yaml", null);
    let outcome = segue(&at.url(), &["check", &null, "--data"]).exits(3);
    assert!(outcome.said().contains("part = p, id = 11: n would be NULL"), "{outcome}");
    // Only the rows that are to be mended are looked at.
    let mend = "operations:\n  - alter_column: {table: t, column: n, nullable: false, up: v::integer, in_place: true}\n";
    let mend = folder.file("mend.yaml", mend);
    let outcome = segue(&at.url(), &["check", &mend, "--data"]).exits(0);
    assert!(outcome.said().contains("1 rows looked at, 0 fail"), "{outcome}");
}

#[test]
fn what_is_volatile_or_reads_other_rows_is_told() {
    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    at.query("CREATE TABLE t (id bigint PRIMARY KEY, v integer); INSERT INTO t VALUES (1, 1)");
    let folder = Folder::new();
    let text = "operations:\n  - add_column: {table: t, column: {name: w, type: numeric}, up: \"v + random()\"}\n  \
                - add_column: {table: t, column: {name: x, type: bigint}, up: \"(SELECT max(o.v) FROM t o)\"}\n";
    let outcome = segue(&at.url(), &["check", &folder.file("told.yaml", text)]).exits(0);
    let said = outcome.said();
    assert!(said.contains("warning[server.volatile]") && said.contains("calls random"), "{outcome}");
    assert!(said.contains("warning[compile.reads_others]") && said.contains("add_column t.x"), "{outcome}");

    at.query("ALTER TABLE t ADD at timestamptz");
    let told = |up: &str, type_name: &str| {
        let plan = format!(
            "operations:\n  - add_column: {{table: t, column: {{name: w, type: {type_name}, nullable: true}}, up: {up:?}}}\n"
        );
        let said = segue(&at.url(), &["check", &folder.file("one.yaml", &plan)]).exits(0).said();
        let line = said.lines().find(|line| line.contains("warning[server.not_immutable]"));
        line.map(str::to_owned)
    };
    let calls = told("to_char(at, 'YYYY')", "text").expect("TimeZone decides the year");
    assert!(calls.contains("depends on more than its row (it calls to_char)"), "{calls}");
    assert!(
        told("t.at::date", "date").expect("a cast").contains("depends on more than its row: on settings")
    );
    assert!(told("at", "text").is_some(), "an assignment's cast");
    for (up, type_name) in
        [("(at AT TIME ZONE 'UTC')::date", "date"), ("v + 1", "bigint"), ("(SELECT 1)", "integer")]
    {
        assert_eq!(told(up, type_name), None, "{up}");
    }

    let outcome = segue(
        &at.url(),
        &["check", "--data", &folder.file("plain.yaml", "operations: [{drop_table: {name: t}}]")],
    );
    assert!(outcome.code == Some(0), "{outcome}");
}
