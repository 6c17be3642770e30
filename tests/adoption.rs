//! Databases that were there before Segue: a baseline, and pgroll's history read and gone on with.

mod common;

use common::{At, Folder, segue, state};
use segue::sandbox;

const ADD: &str =
    "operations: [{add_column: {table: users, column: {name: email, type: text, nullable: true}}}]\n";

#[test]
fn a_baseline_is_what_later_plans_follow() {
    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    let url = at.url();
    at.query(
        "CREATE TABLE users (id bigint PRIMARY KEY, name text); CREATE VIEW names AS SELECT name FROM users",
    );
    let said = segue(&url, &["baseline", "02_users"]).exits(0).said();
    assert!(said.contains("02_users is the baseline of schema public"), "{said}");
    assert_eq!(state(&url), "completed");
    let history = segue(&url, &["history"]).exits(0).said();
    assert!(history.contains("completed (baseline)"), "{history}");
    let listed = segue(&url, &["history", "--json"]).exits(0).json();
    assert_eq!((&listed[0]["plan"], &listed[0]["adopted"]), (&"02_users".into(), &"baseline".into()));
    let again = segue(&url, &["baseline"]).exits(4).said();
    assert!(again.contains("has a history already"), "{again}");
    segue(&url, &["log"]).exits(0);

    // What comes up to the baseline is there already, whatever it says.
    let folder = Folder::new();
    folder.file("01_first.yaml", "operations: [{sql: {up: \"\"}}]\n");
    folder.file("02_users.yaml", "operations: [{drop_table: {name: users}}]\n");
    let plan = folder.file("03_email.yaml", &format!("after: 02_users\n{ADD}"));
    // The user's own view still counts as what depends on a column.
    let drop = folder.file("04_drop.yaml", "operations: [{drop_column: {table: users, column: name}}]\n");
    let refused = segue(&url, &["check", &drop]).exits(3).said();
    assert!(refused.contains("view public.names"), "{refused}");
    std::fs::remove_file(&drop).expect("it is there");
    segue(&url, &["migrate", plan.strip_suffix("/03_email.yaml").expect("its folder"), "--complete"])
        .exits(0);
    assert!(at.is_true("SELECT to_regclass('public_03_email.users') IS NOT NULL"));
    assert!(at.is_true("SELECT to_regclass('public.users') IS NOT NULL"));
    assert_eq!(segue(&url, &["history", "--json"]).json().as_array().map(Vec::len), Some(2));
}

#[test]
fn a_name_that_would_hide_a_schema_is_refused() {
    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    at.query("CREATE SCHEMA public_v1");
    let said = segue(&at.url(), &["baseline", "v1"]).exits(4).said();
    assert!(said.contains("there is a schema public_v1 already"), "{said}");
    segue(&at.url(), &["baseline", &"n".repeat(60)]).exits(2);
    assert_eq!(state(&at.url()), "");
}

/// What pgroll keeps, in the shape of its later versions, with event triggers that note every change of a schema
/// unless the session says that it is pgroll's.
const PGROLL: &str = "
CREATE SCHEMA pgroll;
CREATE TABLE pgroll.migrations (
  schema name NOT NULL, name text NOT NULL, migration jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT current_timestamp, updated_at timestamptz NOT NULL DEFAULT current_timestamp,
  parent text, done boolean NOT NULL DEFAULT false, resulting_schema jsonb NOT NULL DEFAULT '{}',
  migration_type varchar(32) DEFAULT 'pgroll' CHECK (migration_type IN ('pgroll', 'inferred', 'baseline')),
  PRIMARY KEY (schema, name), FOREIGN KEY (schema, parent) REFERENCES pgroll.migrations (schema, name));
CREATE UNIQUE INDEX history_is_linear ON pgroll.migrations (schema, parent);
CREATE FUNCTION pgroll.latest(name) RETURNS text STABLE LANGUAGE sql AS
  'SELECT p.name FROM pgroll.migrations p WHERE schema = $1 AND NOT EXISTS
     (SELECT FROM pgroll.migrations c WHERE c.schema = $1 AND c.parent = p.name)';
CREATE TABLE users (id bigint PRIMARY KEY, name text);
INSERT INTO users SELECT n, 'n' FROM generate_series(1, 100) n;
CREATE SCHEMA public_second;
CREATE VIEW public_second.users AS SELECT id, name FROM users;
INSERT INTO pgroll.migrations (schema, name, migration, parent, done, migration_type, created_at) VALUES
 ('public', '00_base', '{}', NULL, true, 'baseline', '2025-01-01'),
 ('public', '01_users', '{\"operations\": []}', '00_base', true, 'pgroll', '2025-01-02'),
 ('public', '01_users_20250103', '{\"version_schema\": \"sql_0a1b2c3d\", \"operations\": []}', '01_users', true, 'inferred', '2025-01-03'),
 ('public', '02_name', '{\"version_schema\": \"second\", \"operations\": []}', '01_users_20250103', true, 'pgroll', '2025-01-04'),
 ('other', '01_else', '{\"operations\": []}', NULL, true, 'pgroll', '2025-01-04');
CREATE FUNCTION pgroll.note() RETURNS event_trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
BEGIN
  IF pg_catalog.current_setting('pgroll.no_inferred_migrations', true) = 'TRUE' THEN RETURN; END IF;
  INSERT INTO pgroll.migrations (schema, name, migration, parent, done, migration_type)
  VALUES ('public', 'noted_' || pg_catalog.clock_timestamp(), '{}', pgroll.latest('public'), true, 'inferred');
END $$;
CREATE EVENT TRIGGER pg_roll_handle_ddl ON ddl_command_end EXECUTE FUNCTION pgroll.note();
CREATE EVENT TRIGGER pg_roll_handle_drop ON sql_drop EXECUTE FUNCTION pgroll.note();";

#[test]
fn pgrolls_history_is_gone_on_with() {
    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    let url = at.url();
    at.query(PGROLL);
    let folder = Folder::new();
    folder.file("00_base.yaml", "operations: [{sql: {up: \"\"}}]\n");
    folder.file(
        "01_users.yaml",
        "operations: [{create_table: {name: users, columns: [{name: id, type: bigint, pk: true}]}}]\n",
    );
    folder.file("02_name.json", "{\"operations\": [{\"no_such_operation\": {}}]}");
    let plan = folder.file("03_email.yaml", ADD);
    let dir = plan.strip_suffix("/03_email.yaml").expect("its folder");

    // Nothing goes on beside pgroll, or without what it has done.
    segue(&url, &["start", &plan]).exits(4);
    let said = segue(&url, &["migrate", dir]).exits(4).said();
    assert!(said.contains("pgroll has applied 3 migrations, 00_base to 02_name"), "{said}");
    assert!(said.contains("`segue baseline` takes pgroll's history over"), "{said}");
    at.query(
        "INSERT INTO pgroll.migrations (schema, name, migration, parent) VALUES ('public', '03', '{}', '02_name')",
    );
    let said = segue(&url, &["baseline"]).exits(4).said();
    assert!(
        said.contains("pgroll has a migration under way: 03") && said.contains("`pgroll complete`"),
        "{said}"
    );
    at.query("DELETE FROM pgroll.migrations WHERE name = '03'");
    segue(&url, &["baseline", "a_name"]).exits(2);
    let noted = "SELECT count(*)::text FROM pgroll.migrations";
    let before = at.value(noted);

    let said = segue(&url, &["baseline"]).exits(0).said();
    for expected in [
        "3 migrations of pgroll's are taken over, 00_base to 02_name",
        "the live version is public_second",
        "1 changes that pgroll saw",
        "pgroll's event triggers (pg_roll_handle_ddl, pg_roll_handle_drop) stay",
    ] {
        assert!(said.contains(expected), "{expected} is missing in {said}");
    }
    let history = segue(&url, &["history", "--json"]).exits(0).json();
    let listed: Vec<_> =
        history.as_array().expect("a list").iter().rev().map(|r| (&r["plan"], &r["adopted"])).collect();
    let expected = [("00_base", "pgroll_baseline"), ("01_users", "pgroll"), ("02_name", "pgroll")];
    assert!(listed.iter().zip(expected).all(|(l, e)| *l.0 == e.0 && *l.1 == e.1), "{listed:?}");
    assert_eq!(history[0]["version_schema"], "public_second");
    assert!(history[2]["started_at"].as_str().is_some_and(|at| at.starts_with("2025-01-01T")), "{history}");
    assert!(segue(&url, &["baseline"]).exits(0).said().contains("taken over already"));

    // Only what pgroll had not applied, beside its version and then instead of it.
    segue(&url, &["migrate", dir]).exits(0);
    assert_eq!(state(&url), "ready");
    at.query("SET search_path = public_second; INSERT INTO users VALUES (1001, 'old')");
    at.query("SET search_path = public_03_email; INSERT INTO users VALUES (1002, 'new', 'e')");
    assert_eq!(at.value("SELECT count(*)::text FROM public_second.users"), Some("102".into()));
    segue(&url, &["migrate", dir, "--complete"]).exits(0);
    assert_eq!(state(&url), "completed");
    assert!(at.is_true("SELECT to_regnamespace('public_second') IS NULL"));
    assert_eq!(segue(&url, &["history", "--json"]).json().as_array().map(Vec::len), Some(4));
    assert_eq!(at.value(noted), before, "pgroll's event triggers were kept quiet");
    assert!(segue(&url, &["migrate", dir]).exits(0).said().contains("every plan is applied"));

    // Two tools on one schema: what pgroll does later is noticed.
    at.query(
        "INSERT INTO pgroll.migrations (schema, name, migration, parent, done)
         SELECT 'public', '04_later', '{}', pgroll.latest('public'), true",
    );
    let said = segue(&url, &["start", &folder.file("05.yaml", ADD)]).exits(4).said();
    assert!(said.contains("pgroll has applied the migration 04_later"), "{said}");
    segue(&url, &["baseline"]).exits(0);
}

#[test]
fn what_pgroll_left_is_named_and_what_cannot_be_read_is_asked_for() {
    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    at.query(PGROLL);
    let role = format!("deployer_{}", at.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    at.query(&format!(
        "ALTER TABLE users ADD _pgroll_needs_backfill boolean, ADD _pgroll_new_name text;
         CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE \"{}\" TO {role}; GRANT CREATE ON SCHEMA public TO {role};
         ALTER TABLE users OWNER TO {role}",
        at.name
    ));
    let other = at.url().replacen("postgres@", &format!("{role}@"), 1);
    assert_ne!(other, at.url(), "the sandbox's user is in the URL");
    let said = segue(&other, &["baseline"]).exits(4).said();
    assert!(said.contains("GRANT SELECT ON \"pgroll\".migrations"), "{said}");
    at.query(&format!("GRANT USAGE ON SCHEMA pgroll TO {role}; GRANT SELECT ON pgroll.migrations TO {role}"));
    let said = segue(&other, &["baseline"]).exits(0).said();
    assert!(said.contains("column users._pgroll_needs_backfill, column users._pgroll_new_name"), "{said}");
    assert!(said.contains("public_second belongs to") && said.contains(&format!("TO \"{role}\"")), "{said}");
}
