//! Rows that keep a plan from `ready`: which they are is said in the plan's names, and once they are mended `resume` goes on.

mod common;

use common::{At, Folder, each, segue, state};
use segue::sandbox;

const TABLES: &str = "
    CREATE TABLE teams (id integer PRIMARY KEY);
    CREATE TABLE users (tenant integer, \"no\" integer, name text, age integer, team integer, mail text, PRIMARY KEY (\"no\", tenant));
    INSERT INTO teams SELECT generate_series(1, 20);
    INSERT INTO users SELECT 3, n, 'u' || n, n, n, 'm' || n FROM generate_series(1, 20) n;";

struct Case {
    /// What stands in the way of it.
    rows: &'static str,
    operation: &'static str,
    says: &'static [&'static str],
    mend: &'static str,
}

#[test]
fn the_rows_in_the_way_are_named() {
    let cases = vec![
        Case {
            rows: "UPDATE users SET name = NULL WHERE \"no\" = 7",
            operation: "alter_column: {table: users, column: name, nullable: false, up: name, down: name}",
            says: &["users.name NOT NULL", "no = 7, tenant = 3"],
            mend: "UPDATE users SET name = 'x' WHERE \"no\" = 7",
        },
        Case {
            rows: "UPDATE users SET age = -1 WHERE \"no\" = 4",
            operation: "alter_column: {table: users, column: age, check: {name: grown, constraint: age > 0}, up: age, down: age}",
            says: &["check grown of users", "no = 4, tenant = 3"],
            mend: "UPDATE users SET age = 1 WHERE \"no\" = 4",
        },
        Case {
            rows: "UPDATE users SET team = 99 WHERE \"no\" = 5",
            operation: "alter_column: {table: users, column: team, references: {name: of_team, table: teams, column: id}, up: team, down: team}",
            says: &["foreign key of_team of users", "(team)=(99)"],
            mend: "UPDATE users SET team = 1 WHERE \"no\" = 5",
        },
        Case {
            rows: "UPDATE users SET mail = 'm2' WHERE \"no\" = 3",
            operation: "alter_column: {table: users, column: mail, unique: {name: one_mail}, up: mail, down: mail}",
            says: &["index \"one_mail\" cannot be unique", "(mail)=(m2)"],
            mend: "UPDATE users SET mail = 'm3' WHERE \"no\" = 3",
        },
    ];
    let failures = each(cases, 4, |case| case.operation.to_owned(), named);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn named(case: &Case) {
    let (database, folder) = (sandbox::database().expect("a database"), Folder::new());
    let at = At::of(&database);
    at.query(TABLES);
    at.query(case.rows);
    let plan = folder.file("plan.yaml", &format!("operations:\n  - {}\n", case.operation));
    let outcome = segue(&at.url(), &["start", &plan]).exits(1);
    for expected in case.says.iter().chain(&["mend the rows"]) {
        assert!(outcome.said().contains(expected), "{expected:?} was to be said: {outcome}");
    }
    assert!(!outcome.said().contains("_segue_"), "a hidden name was said: {outcome}");
    at.query(case.mend);
    segue(&at.url(), &["resume"]).exits(0);
    assert_eq!(state(&at.url()), "ready");
}
