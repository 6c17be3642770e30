//! While a foreign key and its new form are both there, PostgreSQL fires their actions in the order of their triggers' names, which
//! are numbers read as text: whichever comes first, both versions see what the action is to do. A real server.

mod common;

use common::{At, Folder, segue};
use segue::sandbox::{Cluster, Options};

const BEFORE: &str = "
CREATE TABLE kinds (id integer PRIMARY KEY);
CREATE TABLE things (id integer PRIMARY KEY, kind integer NOT NULL DEFAULT 3 REFERENCES kinds ON DELETE SET DEFAULT ON UPDATE CASCADE);
CREATE TABLE loose (id integer PRIMARY KEY, kind integer DEFAULT 3 REFERENCES kinds ON DELETE SET DEFAULT ON UPDATE CASCADE);
CREATE TABLE gone (id integer PRIMARY KEY, kind integer DEFAULT 3 REFERENCES kinds ON DELETE SET NULL ON UPDATE CASCADE);
INSERT INTO kinds SELECT generate_series(1, 9);
INSERT INTO things SELECT n, n FROM generate_series(1, 9) n; INSERT INTO loose TABLE things; INSERT INTO gone TABLE things;
";
const PLAN: &str = "operations: [{widen_key: {table: kinds}}]\n";

/// Objects are numbered on from here.
fn number_from(at: At<'_>, next: u32) {
    let burn = format!("DO $$ BEGIN WHILE lo_creat(-1) < {} LOOP END LOOP; END $$", next - 1);
    at.query(&burn);
}

#[test]
fn an_action_has_one_outcome_whichever_foreign_key_acts_first() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    let folder = Folder::new();
    // As text 100001 comes before 99001.
    for (name, first, then) in [("rising", 30_000, 40_000), ("falling", 99_000, 100_000)] {
        cluster.query("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        let at = At { cluster: &cluster, name };
        number_from(at, first);
        at.query(BEFORE);
        number_from(at, then);
        let url = at.url();
        segue(&url, &["start", &folder.file("plan.yaml", PLAN)]).exits(0);
        at.query("DELETE FROM kinds WHERE id = 5");
        at.query("SET search_path = public_plan; DELETE FROM kinds WHERE id = 6");
        at.query("UPDATE kinds SET id = 70 WHERE id = 9");
        for schema in ["public", "public_plan"] {
            let of = |table: &str, id: u32| {
                at.value(&format!(
                    "SELECT coalesce(kind::text, 'null') FROM {schema}.{table} WHERE id = {id}"
                ))
            };
            for id in [5, 6] {
                assert_eq!(of("things", id).as_deref(), Some("3"), "{name}: {schema}.things {id}");
                assert_eq!(of("loose", id).as_deref(), Some("3"), "{name}: {schema}.loose {id}");
                assert_eq!(of("gone", id).as_deref(), Some("null"), "{name}: {schema}.gone {id}");
            }
            assert_eq!(of("things", 9).as_deref(), Some("70"), "{name}: {schema}");
        }
        segue(&url, &["complete"]).exits(0);
    }
}
