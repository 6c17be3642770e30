//! `segue privileges` on real servers: what it prints is enough for a whole rollout by a role that had nothing.

mod common;

use common::{At, Folder, Outcome, segue};
use segue::sandbox::{self, Binaries, Database};

/// Two owners, a partitioned table, an old version with a reader of its own.
fn before(at: At<'_>, tag: &str) {
    at.query(&format!(
        "CREATE ROLE app_{tag}; CREATE ROLE billing_{tag}; CREATE ROLE segue_{tag} LOGIN;
         CREATE TABLE users (id int PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL);
         INSERT INTO users SELECT n, 'f' || n, 'l' || n FROM generate_series(1, 500) n;
         CREATE TABLE bills (id int, amount int NOT NULL, note varchar(9), PRIMARY KEY (id)) PARTITION BY RANGE (id);
         CREATE TABLE bills_1 PARTITION OF bills FOR VALUES FROM (0) TO (1000);
         INSERT INTO bills SELECT n, n FROM generate_series(1, 500) n;
         CREATE VIEW totals AS SELECT 1 AS one; ALTER VIEW totals OWNER TO billing_{tag};
         CREATE FUNCTION rate() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION rate() OWNER TO billing_{tag};
         ALTER TABLE users OWNER TO app_{tag}; ALTER TABLE bills OWNER TO billing_{tag};
         ALTER TABLE bills_1 OWNER TO billing_{tag};
         REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO app_{tag}, billing_{tag}"
    ));
}

/// Roles are the whole server's.
fn clean(at: At<'_>, tag: &str) {
    let roles = format!("segue_{tag}, app_{tag}, billing_{tag}");
    at.query(&format!("REASSIGN OWNED BY {roles} TO postgres; DROP OWNED BY {roles}; DROP ROLE {roles}"));
}

const FIRST: &str = "operations:
  - add_column:
      table: users
      column: {name: full_name, type: text, nullable: false}
      up: first_name || ' ' || last_name
  - create_index: {table: users, name: users_full_name, columns: [{column: full_name}]}
  - create_table: {name: notes, columns: [{name: id, type: serial, pk: true}]}
";
const SECOND: &str = "operations:
  - alter_column: {table: bills, column: amount, type: bigint, up: amount, down: amount}
  - drop_column: {table: users, column: first_name, down: full_name}
";

/// What is not done before the contract, of whom.
const LATE: [(&str, &str); 3] = [
    ("bills", "{alter_column: {table: bills, column: note, type: varchar(99)}}"),
    ("totals", "{create_or_replace_view: {name: totals, query: SELECT 2 AS one}}"),
    ("function rate()", "{drop_function: {name: rate}}"),
];

#[track_caller]
fn lacking(outcome: Outcome) -> String {
    let outcome = outcome.exits(4);
    assert!(outcome.stderr.contains("lacks what Segue needs"), "{outcome}");
    outcome.stdout
}

fn whole(database: &Database) {
    let (at, folder) = (At::of(database), Folder::new());
    let tag = format!("{}_{}", database.name(), database.cluster().binaries().major());
    before(at, &tag);
    let (admin, role) = (at.url(), format!("segue_{tag}"));
    let theirs = admin.replacen("postgres@", &format!("{role}@"), 1);
    let first = folder.file("a_first.yaml", FIRST);
    let second = folder.file("b_second.yaml", SECOND);

    // The plan touches the one owner's tables, the schema has both. Before 15 the version's views read all of them with their
    // owner's rights.
    let of_plan = lacking(segue(&theirs, &["privileges", &first]));
    let reads_all = at.is_true("SELECT current_setting('server_version_num')::int < 150000");
    assert!(of_plan.contains(&format!("GRANT \"app_{tag}\" TO")), "{of_plan}");
    assert_eq!(of_plan.contains(&format!("GRANT \"billing_{tag}\" TO")), reads_all, "{of_plan}");
    let of_schema = lacking(segue(&theirs, &["privileges"]));
    assert!(of_schema.contains("billing_"), "{of_schema}");
    // A role asked about by another is told the same.
    assert_eq!(lacking(segue(&admin, &["privileges", &first, "--role", &role])), of_plan);
    let json = segue(&theirs, &["privileges", &first, "--json"]).exits(4).json_lines();
    assert_eq!((&json[0]["lacking"], &json[0]["role"]), (&true.into(), &role.as_str().into()));
    segue(&theirs, &["start", &first]).exits(1);

    // All of it is needed: without any one of them something is still lacking.
    let grants: Vec<&str> = of_plan.lines().filter(|line| !line.starts_with("--")).collect();
    assert_eq!(grants.len(), if reads_all { 5 } else { 4 }, "{of_plan}");
    for left_out in 0..grants.len() {
        let others = grants.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, sql)| *sql);
        let others: Vec<&str> = others.collect();
        let lacks = lacking(segue(&theirs, &["privileges", &first]));
        at.query(&others.join("\n"));
        let still = lacking(segue(&theirs, &["privileges", &first]));
        assert!(lacks.contains(grants[left_out]) && still.contains(grants[left_out]), "{still}");
        assert_eq!(still.lines().filter(|line| !line.starts_with("--")).count(), 1, "{still}");
        at.query(&others.join("\n").replace("GRANT ", "REVOKE ").replace(" TO ", " FROM "));
    }

    at.query(&of_plan);
    let now = segue(&theirs, &["privileges", &first]).exits(0).stdout;
    assert!(now.contains("Nothing that is needed is lacking"), "{now}");
    segue(&theirs, &["start", &first, "--complete"]).exits(0);
    assert!(at.is_true(
        "SELECT count(*) = 500 FROM public_a_first.users WHERE full_name = first_name || ' ' || last_name"
    ));

    // And what the plan does not touch is shown.
    assert!(at.is_true("SELECT count(*) = 500 FROM public_a_first.bills"));
    if reads_all {
        at.query(&format!("REVOKE billing_{tag} FROM {role}"));
    }

    // The next plan needs the other owner as well; then it goes there and back and there again.
    let of_second = lacking(segue(&theirs, &["privileges", &second]));
    assert_eq!(of_second.lines().filter(|line| !line.starts_with("--")).count(), 1, "{of_second}");
    // Of these nothing is done before the contract, where there is no way back: they do not start.
    for (number, (what, operation)) in LATE.iter().enumerate() {
        let plan = folder.file(&format!("c_{number}.yaml"), &format!("operations: [{operation}]"));
        let said = segue(&theirs, &["start", &plan]).exits(4).said();
        assert!(said.contains("GRANT \"billing_") && said.contains(what), "{what}: {said}");
        lacking(segue(&theirs, &["privileges", &plan]));
    }
    at.query(&of_second);
    // The view is made anew and given to its owner, who has to be allowed to have made it.
    let of_view = folder.path("c_1.yaml");
    let of_view = lacking(segue(&theirs, &["privileges", of_view.to_str().unwrap()]));
    let granted: Vec<&str> = of_view.lines().filter(|line| !line.starts_with("--")).collect();
    assert_eq!(granted, [format!("GRANT CREATE ON SCHEMA \"public\" TO \"billing_{tag}\";")]);
    at.query(granted[0]);
    for number in 0..LATE.len() {
        segue(&theirs, &["privileges", folder.path(&format!("c_{number}.yaml")).to_str().unwrap()]).exits(0);
    }
    segue(&theirs, &["privileges"]).exits(0);
    segue(&theirs, &["start", &second]).exits(0);
    segue(&theirs, &["rollback"]).exits(0);
    segue(&theirs, &["start", &second]).exits(0);
    segue(&theirs, &["complete"]).exits(0);
    assert!(at.is_true("SELECT count(*) = 500 FROM bills WHERE pg_typeof(amount) = 'bigint'::regtype"));
    clean(at, &tag);
}

#[test]
fn what_is_printed_is_enough_and_nothing_of_it_too_much() {
    for binaries in Binaries::matrix().unwrap() {
        println!("PostgreSQL {}", binaries.major());
        whole(&sandbox::database_on(&binaries).unwrap());
    }
}

#[test]
fn another_roles_segue_schema_and_a_membership_that_gives_nothing() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let tag = format!("{}_other", database.name());
    before(at, &tag);
    let (admin, role) = (at.url(), format!("segue_{tag}"));
    let theirs = admin.replacen("postgres@", &format!("{role}@"), 1);
    let plan = folder.file("plan.yaml", FIRST);
    segue(&admin, &["privileges"]).exits(0);
    segue(&admin, &["init"]).exits(0);
    at.query(&format!("ALTER ROLE {role} NOINHERIT; GRANT app_{tag} TO {role}"));
    let lacks = lacking(segue(&theirs, &["privileges", &plan]));
    assert!(lacks.contains("ON ALL TABLES IN SCHEMA segue"), "{lacks}");
    at.query(&lacks);
    segue(&theirs, &["privileges", &plan]).exits(0);
    segue(&theirs, &["start", &plan]).exits(0);
    segue(&theirs, &["rollback"]).exits(0);
    let none = segue(&admin, &["privileges", "--role", "nobody at all"]).exits(1).said();
    assert!(none.contains("CREATE ROLE \"nobody at all\" LOGIN"), "{none}");
    clean(at, &tag);
}

#[test]
fn silence_of_triggers_is_optional_until_a_plan_asks_for_it() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let tag = format!("{}_silent", database.name());
    before(at, &tag);
    let role = format!("segue_{tag}");
    let fires = folder.file("fires.yaml", FIRST);
    let skips = folder.file("skips.yaml", &format!("{FIRST}backfill: {{user_triggers: skip}}\n"));
    let ask = |plan: &str| lacking(segue(&at.url(), &["privileges", plan, "--role", &role]));
    at.query(&ask(&fires));
    segue(&at.url(), &["privileges", &fires, "--role", &role]).exits(0);
    let asked = ask(&skips);
    let fifteen = database.cluster().binaries().major() >= 15;
    assert_eq!(asked.contains("\nGRANT SET ON PARAMETER"), fifteen, "{asked}");
    if fifteen {
        at.query(&asked);
        segue(&at.url(), &["privileges", &skips, "--role", &role]).exits(0);
        at.query(&format!("REVOKE SET ON PARAMETER session_replication_role FROM {role}"));
    }
    clean(at, &tag);
}

#[test]
fn rows_that_policies_hide_are_not_passed_over() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let tag = format!("{}_hidden", database.name());
    before(at, &tag);
    let role = format!("segue_{tag}");
    let theirs = at.url().replacen("postgres@", &format!("{role}@"), 1);
    let plan =
        "operations:\n  - add_column: {table: users, column: {name: n, type: int, nullable: true}, up: id}\n";
    let plan = folder.file("plan.yaml", plan);
    at.query(&lacking(segue(&at.url(), &["privileges", &plan, "--role", &role])));
    at.query("CREATE POLICY few ON users USING (id > 400); ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
    for command in ["check", "start"] {
        let outcome = segue(&theirs, &[command, &plan]).exits(3);
        for what in ["server.row_security", "users may hide rows", "BYPASSRLS", "NO FORCE ROW"] {
            assert!(outcome.said().contains(what), "{outcome}");
        }
    }
    at.query("ALTER TABLE users NO FORCE ROW LEVEL SECURITY");
    segue(&theirs, &["start", &plan]).exits(0);
    // What was seen whole stays filled, and may be completed; it cannot be verified any more.
    at.query("ALTER TABLE users FORCE ROW LEVEL SECURITY");
    let outcome = segue(&theirs, &["verify"]).exits(1);
    assert!(outcome.said().contains("users may hide rows"), "{outcome}");
    segue(&theirs, &["complete"]).exits(0);
    assert!(at.is_true("SELECT count(n) = 500 AND bool_and(n = id) FROM users"));
    clean(at, &tag);
}

#[test]
fn what_is_made_for_an_owner_who_may_make_nothing_is_asked_for_before() {
    for binaries in Binaries::matrix().unwrap() {
        let (database, folder) = (sandbox::database_on(&binaries).unwrap(), Folder::new());
        let at = At::of(&database);
        let tag = format!("{}_handed_{}", database.name(), binaries.major());
        before(at, &tag);
        // Before 15 all tables of the schema are asked for; these are not what this is about.
        at.query("DROP TABLE bills");
        let role = format!("segue_{tag}");
        let theirs = at.url().replacen("postgres@", &format!("{role}@"), 1);
        let plan = "operations:\n  - partition_table: {table: users, by: hash, columns: [id], modulus: 2}\n";
        let plan = folder.file("plan.yaml", plan);
        let granted = lacking(segue(&at.url(), &["privileges", &plan, "--role", &role]));
        let for_owner = format!("GRANT CREATE ON SCHEMA \"public\" TO \"app_{tag}\";");
        assert!(granted.contains(&for_owner), "{granted}");
        at.query(&granted.replace(&for_owner, ""));
        let refused = segue(&theirs, &["start", &plan]).exits(4).said();
        assert!(refused.contains(&for_owner) && refused.contains("is given to that owner"), "{refused}");
        at.query(&for_owner);
        segue(&theirs, &["privileges", &plan]).exits(0);
        segue(&theirs, &["start", &plan]).exits(0);
        // Who completes need not be who started, nor still have what it had.
        at.query(&format!("REVOKE app_{tag} FROM {role}"));
        let refused = segue(&theirs, &["complete"]).exits(4).said();
        assert!(
            refused.contains(&format!("GRANT \"app_{tag}\" TO")) && refused.contains("complete again"),
            "{refused}"
        );
        // Somebody else's table is none of what the contract touches.
        at.query(&format!(
            "GRANT app_{tag} TO {role}; CREATE TABLE other (); ALTER TABLE other OWNER TO billing_{tag}"
        ));
        segue(&theirs, &["complete"]).exits(0);
        let owned = "SELECT count(*) = 3 FROM pg_class WHERE relname LIKE 'users%' AND relkind IN ('r', 'p') AND relowner = ";
        assert!(at.is_true(&format!("{owned}'app_{tag}'::regrole")));
        clean(at, &tag);
    }
}
