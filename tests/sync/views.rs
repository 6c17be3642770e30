//! Views of both versions over one table: written through, with their defaults, grants and comments.

use super::*;
use segue::catalog::Grant;
use segue::compile::views;

fn program(version_schema: &str, columns: Vec<ViewColumn>) -> Program {
    let view = TableView { table: ident("users"), view: Some(ident("people")), columns };
    Program {
        format: FORMAT,
        plan: "p".into(),
        description: None,
        schema: ident("public"),
        version_schema: ident(version_schema),
        previous_version_schema: None,
        checks: vec![],
        views: vec![view],
        objects: Vec::new(),
        types: Default::default(),
        owned: Default::default(),
        steps: vec![],
    }
}

fn column(
    physical: &str,
    shown: Option<&str>,
    in_place_of: Option<&str>,
    default: ViewDefault,
) -> ViewColumn {
    ViewColumn {
        column: ident(physical),
        shown: shown.map(Ident::new),
        in_place_of: in_place_of.map(Ident::new),
        default,
        comment: None,
    }
}

#[test]
fn views_of_both_versions_are_written_through() {
    let db = Cluster::start("views");
    db.run(
        "CREATE ROLE web; CREATE ROLE clerk; CREATE ROLE owner; GRANT owner TO postgres;
         CREATE TABLE users (id serial PRIMARY KEY, name text DEFAULT 'anon', \"E mail\" text DEFAULT 'old@x', born int DEFAULT 7,
            _segue_new_name text DEFAULT 'hidden', _segue_pending boolean DEFAULT true);
         CREATE TABLE other (id int); ALTER TABLE other OWNER TO owner;
         GRANT SELECT, INSERT, UPDATE, DELETE ON users TO web; GRANT SELECT ON other TO owner;
         GRANT USAGE ON SEQUENCE users_id_seq TO web; GRANT SELECT (name, _segue_new_name) ON users TO clerk",
    );
    let mut catalog = catalog(&db);
    let grant = |grantee: &str, privilege: &str| Grant {
        grantee: ident(grantee),
        privilege: privilege.into(),
        grantable: false,
    };
    catalog.schema_grants = vec![grant("", "USAGE")];
    catalog.schema_comment = Some("all of it".into());
    let users = catalog.tables.get_mut(&ident("users")).expect("users");
    users.comment = Some("who they are".into());
    users.grants = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]
        .map(|privilege| grant("web", privilege))
        .to_vec();
    users.columns[1].grants = vec![grant("clerk", "SELECT")];
    catalog.tables.get_mut(&ident("other")).expect("other").owner = ident("owner");

    let new = program(
        "v2",
        vec![
            column("name", None, None, ViewDefault::Inherit),
            column("_segue_new_name", Some("name"), Some("name"), ViewDefault::Set("upper('new')".into())),
            ViewColumn {
                comment: Some(Some("mail".into())),
                ..column("E mail", Some("mail"), None, ViewDefault::Inherit)
            },
            column("born", Some("born"), None, ViewDefault::Drop),
        ],
    );
    assert!(!views::check_names(&catalog, &new).has_errors());
    db.all(&views::publish(&catalog, &new, &ident("postgres")));
    db.all(&views::publish(&catalog, &program("v1", vec![]), &ident("postgres")));

    db.run("SET ROLE web; INSERT INTO v2.people DEFAULT VALUES; INSERT INTO v1.people (name) VALUES ('a')");
    assert_eq!(db.run("SELECT * FROM v2.people ORDER BY id"), "1|NEW|old@x|\n2|hidden|old@x|7");
    assert_eq!(db.run("SELECT * FROM v1.people ORDER BY id"), "1|anon|old@x|\n2|a|old@x|7");
    db.run("SET ROLE web; UPDATE v2.people SET name = 'changed', mail = 'm' WHERE id = 1; DELETE FROM v1.people WHERE id = 2");
    assert_eq!(db.run("SELECT id, name, \"E mail\", _segue_new_name FROM users"), "1|anon|m|changed");

    // Grants, owners and comments as the catalog shows them.
    assert_eq!(db.run("SET ROLE clerk; SELECT name FROM v2.people"), "changed");
    assert!(db.psql("SET ROLE clerk; SELECT mail FROM v2.people").is_err());
    assert_eq!(
        db.run("SELECT string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM information_schema.role_table_grants WHERE table_schema = 'v2' AND grantee = 'web'"),
        "DELETE INSERT SELECT UPDATE"
    );
    assert_eq!(db.run("SELECT relname, relowner::regrole FROM pg_class WHERE relnamespace = 'v2'::regnamespace ORDER BY 1"), "other|owner\npeople|postgres");
    assert_eq!(
        db.run(
            "SELECT has_schema_privilege('owner', 'v2', 'CREATE'), has_schema_privilege('web', 'v2', 'USAGE')"
        ),
        "f|t"
    );
    assert_eq!(
        db.run("SELECT obj_description('v2.people'::regclass), col_description('v2.people'::regclass, 3), obj_description('v2'::regnamespace)"),
        "who they are|mail|all of it"
    );
    // Under security_invoker the clerk, who may read one column, could read none.
    let options =
        db.run("SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'v2'::regnamespace ORDER BY 1");
    assert_eq!(options, "other|{security_invoker=true}\npeople|");

    // Retiring does not take along what others built on a view.
    db.run("CREATE VIEW report AS SELECT name FROM v1.people");
    let retire = views::retire(&ident("v1"), &[ident("other"), ident("people")], &[], false);
    assert!(db.psql(&retire.join(";")).is_err_and(|error| error.contains("depend")));
    db.run("DROP VIEW report");
    db.all(&retire);
    assert_eq!(db.run("SELECT count(*) FROM pg_namespace WHERE nspname = 'v1'"), "0");
}
