//! Owns the proof that a schema is read whole: every kind of object, every small change, quickly, by anyone.
//! Must not test what is made of a catalog.

mod changes;
mod cluster;

use changes::CHANGES;
use cluster::{ask, cluster, decode, prepare};
use segue::catalog::diff::{Difference, diff};
use segue::catalog::fingerprint::Fingerprint;
use segue::catalog::{Catalog, ConstraintKind, Grant, Identity, Index, Order, Table, TableKind};
use segue::ident::Ident;
use std::fmt::Write;
use std::time::{Duration, Instant};

const UGLY: &str = include_str!("../sql/ugly.sql");

fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    &catalog.tables[&Ident::new(name)]
}

fn index<'a>(table: &'a Table, name: &str) -> &'a Index {
    table.indexes.iter().find(|i| i.name.as_str() == name).expect(name)
}

fn names(list: &[Ident]) -> Vec<&str> {
    list.iter().map(Ident::as_str).collect()
}

fn grant(grantee: &str, privilege: &str, grantable: bool) -> Grant {
    Grant { grantee: grantee.into(), privilege: privilege.into(), grantable }
}

fn uses(table: &Table) -> Vec<String> {
    table.dependents.iter().map(|d| format!("{}: {}", d.column.as_str(), d.object)).collect()
}

#[test]
fn reads_the_ugly_schema_whole() {
    let cluster = cluster();
    let database = cluster.database("whole", UGLY);
    let catalog = cluster.read(&database, "Ugly", &["Ugly_v1"], "postgres").expect("the schema");
    assert!((14..=18).contains(&catalog.major()), "{}", catalog.server_version);
    assert_eq!(catalog.schema.as_str(), "Ugly");
    assert_eq!(catalog.schema_comment.as_deref(), Some("it's ugly"));
    assert_eq!(catalog.schema_grants, [grant("ugly_reader", "USAGE", true), grant("", "USAGE", false)]);
    assert_eq!(names(&catalog.other_schemas), ["Ugly_v1", "other", "public"]);

    columns(table(&catalog, "users"));
    indexes_and_constraints(&catalog);
    behaviour(&catalog);
    families(&catalog);
    everything_else(&catalog);
}

fn columns(users: &Table) {
    let long = "abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_123456789";
    assert_eq!(
        users.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        [
            "id",
            "old_id",
            "legacy",
            "name",
            "email",
            "mood",
            "tags",
            "pair",
            "Mixed Case\"Quoted",
            "select",
            "größe",
            long,
            "full_name",
            "seen",
            "during",
            "big",
            "added_later"
        ],
        "in physical order, without the dropped one"
    );
    let column = |name: &str| users.column(&Ident::new(name)).expect(name);
    assert_eq!(column("id").identity, Some(Identity::Always));
    assert_eq!(column("old_id").identity, Some(Identity::ByDefault));
    assert_eq!(column("id").owned_sequence, Some("users_id_seq".into()));
    assert!(column("id").not_null && !column("email").not_null && column("id").default.is_none());
    let legacy = column("legacy");
    assert_eq!(legacy.default.as_deref(), Some(r#"nextval('"Ugly".users_legacy_seq'::regclass)"#));
    assert_eq!(legacy.owned_sequence, Some("users_legacy_seq".into()));
    assert_eq!(column("name").collation.as_deref(), Some(r#""Ugly".backwards"#));
    assert_eq!(column("email").type_name, r#""Ugly".email"#);
    assert_eq!(column("email").collation, None, "the domain's own");
    assert_eq!(column("mood").default.as_deref(), Some(r#"'sad'::"Ugly".mood"#));
    assert_eq!(column("tags").type_name, "text[]");
    assert_eq!(column("Mixed Case\"Quoted").type_name, "character varying(20)");
    assert_eq!(column("Mixed Case\"Quoted").comment.as_deref(), Some("a \"comment\""));
    assert_eq!(column("select").default.as_deref(), Some(r#""Ugly".double_it(21)"#));
    assert_eq!(column("select").grants, [grant("", "UPDATE", false)]);
    assert_eq!(column("größe").type_name, "numeric(10,2)");
    assert_eq!(column("größe").options, ["n_distinct=-0.5"]);
    let full_name = column("full_name");
    assert_eq!(full_name.generated.as_deref(), Some("(lower(name) || '!'::text)"));
    assert_eq!((full_name.generated_kind, &full_name.default), (Some('s'), &None));
    assert_eq!(
        column("seen").default.as_deref(),
        Some("'2020-01-01 12:00:00+00'::timestamp with time zone"),
        "printed in UTC whatever the session's zone"
    );
    let big = column("big");
    assert_eq!((big.storage.as_deref(), big.compression.as_deref()), (Some("EXTERNAL"), Some("pglz")));
    assert_eq!((big.statistics_target, column("id").statistics_target), (Some(500), None));
    assert_eq!((column("id").storage.as_deref(), column("id").compression.as_deref()), (None, None));
}

fn indexes_and_constraints(catalog: &Catalog) {
    let users = table(catalog, "users");
    let lower = index(users, "Users Lower");
    assert!(lower.unique && lower.valid && lower.constraint.is_none());
    assert_eq!(lower.method.as_str(), "btree");
    assert_eq!((&lower.keys[0].column, lower.keys[0].expression.as_str()), (&None, "lower(name)"));
    assert_eq!(lower.keys[0].collation.as_deref(), Some("pg_catalog.\"C\""));
    assert_eq!(lower.keys[1].column, Some("mood".into()));
    assert!(lower.keys[1].descending && !lower.keys[1].nulls_first, "DESC NULLS LAST");
    assert_eq!(lower.predicate.as_deref(), Some("(\"select\" IS NOT NULL)"));
    assert_eq!(names(&lower.columns), ["mood", "name", "select"], "keys, expressions and predicate");
    let pattern = index(users, "users_pattern");
    assert_eq!(pattern.keys[0].opclass.as_deref(), Some("pg_catalog.text_pattern_ops"));
    assert!(pattern.keys[0].descending && pattern.keys[0].nulls_first);
    assert_eq!(pattern.keys[1].collation.as_deref(), Some("pg_catalog.\"POSIX\""));
    assert_eq!(pattern.keys[1].opclass, None);
    assert_eq!(
        (names(&pattern.include), pattern.options.as_slice()),
        (vec!["legacy"], &["fillfactor=60".into()][..])
    );
    let sum = index(users, "users_sum");
    assert_eq!((sum.statistics_targets.as_slice(), sum.comment.as_deref()), (&[(1, 300)][..], Some("sums")));
    assert_eq!(names(&sum.columns), ["big", "legacy", "select"]);
    assert_eq!(index(users, "users_tags").keys[0].opclass, None, "array_ops is the default for text[]");
    assert_eq!(index(users, "users_span").keys[0].opclass, None);
    assert!(index(users, "users_pkey").clustered && !sum.clustered);
    assert_eq!(index(users, "users_name_key").constraint, Some("users_name_key".into()));
    if catalog.major() >= 15 {
        assert!(index(users, "users_one_null").nulls_not_distinct);
    }

    let constraint = |table_name: &str, name: &str| {
        let found = table(catalog, table_name).constraints.iter().find(|c| c.name.as_str() == name);
        found.unwrap_or_else(|| panic!("{name}")).clone()
    };
    let positive = constraint("users", "positive");
    assert_eq!(positive.kind, ConstraintKind::Check);
    assert!(positive.no_inherit && positive.validated);
    assert_eq!(positive.expression.as_deref(), Some("((\"select\" > 0) AND (\"größe\" >= (0)::numeric))"));
    assert_eq!(names(&positive.columns), ["select", "größe"]);
    assert_eq!(positive.comment.as_deref(), Some("more than nothing"));
    assert!(!constraint("users", "unproved").validated);
    let key = constraint("users", "users_name_key");
    assert!(key.deferrable && key.initially_deferred && !key.no_inherit);
    assert_eq!((key.kind, key.index), (ConstraintKind::Unique, Some("users_name_key".into())));
    assert_eq!(key.definition, "UNIQUE (name, legacy) INCLUDE (tags) DEFERRABLE INITIALLY DEFERRED");
    assert_eq!(constraint("users", "no_overlap").kind, ConstraintKind::Exclude);
    let primary = table(catalog, "places").primary_key().expect("composite key").clone();
    assert_eq!(names(&primary.columns), ["country", "city"]);
    assert!(table(catalog, "visits").primary_key().is_none());

    let place = constraint("visits", "visits_place");
    assert!(!place.validated);
    let foreign = place.foreign.expect("a foreign key");
    assert_eq!((foreign.schema.as_str(), foreign.table.as_str()), ("Ugly", "places"));
    assert_eq!(names(&foreign.columns), ["country", "city"]);
    assert_eq!(
        (foreign.on_delete.as_str(), foreign.on_update.as_str(), foreign.match_type.as_str()),
        ("SET NULL", "CASCADE", "FULL")
    );
    assert_eq!(constraint("places", "twin").foreign.expect("self reference").table.as_str(), "places");
    if catalog.major() >= 15 {
        let guide = constraint("visits", "visits_guide").foreign.expect("a foreign key");
        assert_eq!(names(&guide.on_delete_set_columns), ["guide"]);
    }
    if catalog.major() >= 18 {
        let there = constraint("places", "extra_there");
        assert_eq!((there.kind, there.validated), (ConstraintKind::NotNull, false));
        let places = table(catalog, "places");
        assert!(!places.column(&"extra".into()).expect("extra").not_null, "not validated proves nothing");
        assert_eq!(places.column(&"label".into()).expect("label").generated_kind, Some('v'));
    }
}

fn behaviour(catalog: &Catalog) {
    let users = table(catalog, "users");
    let trigger = |name: &str| users.triggers.iter().find(|t| t.name.as_str() == name).expect(name);
    assert_eq!(users.triggers.len(), 2, "no internal ones");
    let touch = trigger("users_touch");
    assert!(touch.before_row && touch.on_insert && touch.on_update && touch.enabled == 'O');
    assert_eq!(names(&touch.columns), ["größe", "legacy", "name"], "UPDATE OF and WHEN");
    assert_eq!(names(&touch.update_of), ["größe", "name"]);
    assert!(touch.row && touch.conditional && !touch.inherited);
    assert_eq!(touch.comment.as_deref(), Some("touches"));
    let after = trigger("users_after");
    assert!(!after.row && !after.conditional && after.update_of.is_empty());
    assert!(!after.before_row && !after.on_insert && !after.on_update && after.enabled == 'D');
    assert!(after.definition.ends_with(r#"FOR EACH STATEMENT EXECUTE FUNCTION "Ugly".touch()"#));

    assert!(users.row_security && users.force_row_security);
    let policies: Vec<_> =
        users.policies.iter().map(|p| (p.definition.as_str(), names(&p.columns))).collect();
    assert_eq!(
        policies,
        [
            (
                r#"AS PERMISSIVE FOR SELECT TO "Ugly ""Writer""", ugly_reader USING ((name = CURRENT_USER))"#,
                vec!["name"]
            ),
            (
                r#"AS RESTRICTIVE FOR UPDATE TO PUBLIC USING ((legacy > 0)) WITH CHECK (("select" > 1))"#,
                vec!["legacy", "select"]
            ),
        ]
    );
    assert_eq!((users.rules[0].name.as_str(), names(&users.rules[0].columns)), ("no_legacy", vec!["legacy"]));
    let mut grants = users.grants.clone();
    grants.sort();
    assert_eq!(
        grants,
        [
            grant("Ugly \"Writer\"", "SELECT", true),
            grant("ugly_reader", "SELECT", false),
            grant("ugly_reader", "UPDATE", false)
        ],
        "without what the owner has anyway"
    );
    assert_eq!(users.owner.as_str(), "postgres");
    assert_eq!(users.comment.as_deref(), Some("people"));
    assert_eq!(
        users.options,
        ["autovacuum_vacuum_scale_factor=0.1", "fillfactor=70", "toast.autovacuum_enabled=false"]
    );
    assert_eq!(
        uses(users),
        [
            "id: foreign key badges_user_fkey on other.badges",
            r#"id: foreign key events_user_id_fkey on "Ugly".events"#,
            r#"id: foreign key visits_user on "Ugly".visits"#,
            r#"id: view "Ugly".happy_users"#,
            r#"legacy: function "Ugly".names_of(integer)"#,
            r#"legacy: rule no_legacy on "Ugly".users"#,
            r#"legacy: statistics "Ugly".users_stats"#,
            r#"mood: materialized view "Ugly".user_count"#,
            r#"mood: view "Ugly".happy_users"#,
            r#"name: function "Ugly".names_of(integer)"#,
            r#"name: generated column full_name of "Ugly".users"#,
            r#"name: statistics "Ugly".users_stats"#,
            r#"name: view "Ugly".happy_users"#,
            r#"name: view other."All Names""#,
        ],
        "the version schema's view is left out"
    );
}

fn families(catalog: &Catalog) {
    let (base, child) = (table(catalog, "base"), table(catalog, "child"));
    assert_eq!((names(&base.inherited_by), names(&child.inherits)), (vec!["child"], vec!["base"]));
    assert_eq!(child.replica_identity, 'i');
    assert_eq!(child.replica_identity_index, Some("child_id".into()));
    assert_eq!(base.replica_identity, 'd');
    assert_eq!(base.estimate.rows, Some(1000.0));
    assert!(base.estimate.pages >= 1 && base.estimate.bytes >= base.estimate.pages * 8192);
    assert_eq!(table(catalog, "visits").estimate.rows, None, "never analysed");

    let events = table(catalog, "events");
    assert_eq!(events.kind, TableKind::Partitioned);
    assert_eq!(events.partition_key.as_deref(), Some("RANGE (at)"));
    assert_eq!(names(&events.partition_columns), ["at"]);
    assert!(events.inherited_by.is_empty(), "partitions are no inheritance children");
    assert_eq!(
        uses(events),
        [
            r#"at: foreign key tickets_at_kind_fkey on "Ugly".tickets"#,
            r#"at: partition key of "Ugly".events"#,
            r#"kind: foreign key tickets_at_kind_fkey on "Ugly".tickets"#,
        ]
    );
    let bound = "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00')";
    assert_eq!(table(catalog, "events_2024").partition_of, Some(("events".into(), bound.into())));
    assert_eq!(table(catalog, "events_default").partition_of, Some(("events".into(), "DEFAULT".into())));
    let middle = table(catalog, "events_2025");
    assert_eq!((middle.kind, middle.partition_of.is_some()), (TableKind::Partitioned, true));
    assert!(middle.inherits.is_empty());
    let leaf = table(catalog, "events_2025_a");
    assert_eq!(leaf.partition_of, Some(("events_2025".into(), "FOR VALUES IN ('A', 'B')".into())));
    assert_eq!(names(&table(catalog, "logs").partition_columns), ["kind", "level"], "kind by an expression");
    let keys: Vec<_> = table(catalog, "tickets").constraints.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(keys, ["tickets_at_kind_fkey"], "without its shadows for the partitions");
    assert!(table(catalog, "users").constraints.iter().all(|c| c.kind != ConstraintKind::ForeignKey));

    let published = |name: &str| -> Vec<_> {
        table(catalog, name).publications.iter().map(|p| p.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(published("visits"), ["everything", "visitors"]);
    assert_eq!(published("scratch"), [""; 0], "unlogged tables are not published");
    if catalog.major() >= 15 {
        let places = table(catalog, "places");
        let narrow = places.publications.iter().find(|p| p.name.as_str() == "narrow").expect("narrow");
        assert_eq!(names(narrow.columns.as_deref().expect("a list")), ["city", "country", "extra"]);
        assert_eq!(narrow.row_filter.as_deref(), Some("(extra > 3)"));
        assert!(uses(places).contains(&"extra: publication narrow".to_owned()));
        assert_eq!(places.publications[0].columns, None);
    }
}

fn everything_else(catalog: &Catalog) {
    assert_eq!(table(catalog, "scratch").persistence, 'u');
    assert!(table(catalog, "empty").columns.is_empty());
    let count = table(catalog, "user_count");
    assert_eq!((count.kind, count.indexes.len()), (TableKind::MaterializedView, 1));
    assert!(count.rules[0].definition.contains("count(*) AS n"), "its query");

    assert_eq!(catalog.views.len(), 1);
    let happy = &catalog.views[&Ident::new("happy_users")];
    assert_eq!(
        (names(&happy.columns), happy.options.as_slice()),
        (vec!["id", "name"], &["security_barrier=true".into()][..])
    );
    assert_eq!(happy.comment.as_deref(), Some("the happy ones"));
    assert_eq!(happy.grants, [grant("ugly_reader", "SELECT", false)]);
    assert!(happy.definition.contains(r#"'happy'::"Ugly".mood"#));

    let sequences: Vec<_> = catalog.sequences.keys().map(Ident::as_str).collect();
    assert_eq!(sequences, ["loose", "users_id_seq", "users_legacy_seq", "users_old_id_seq"]);
    let loose = &catalog.sequences[&Ident::new("loose")];
    assert_eq!(
        (loose.type_name.as_str(), loose.start, loose.minimum, loose.maximum),
        ("smallint", 5, 2, 900)
    );
    assert_eq!((loose.increment, loose.cache, loose.cycle, &loose.owned_by), (2, 10, true, &None));
    let serial = &catalog.sequences[&Ident::new("users_legacy_seq")];
    assert_eq!(serial.owned_by, Some(("users".into(), "legacy".into())));
    assert_eq!(serial.grants, [grant("ugly_reader", "USAGE", false)]);
    assert_eq!(serial.comment.as_deref(), Some("old numbers"));
    assert_eq!(catalog.sequences[&Ident::new("users_id_seq")].maximum, i64::MAX);

    let functions: Vec<_> = catalog.functions.keys().map(String::as_str).collect();
    assert_eq!(functions, ["double_it(integer)", "names_of(integer)", "total(integer)", "touch()"]);
    assert!(catalog.functions["touch()"].starts_with(r#"CREATE OR REPLACE FUNCTION "Ugly".touch()"#));
    assert!(catalog.functions["total(integer)"].contains("SFUNC int4pl"));
    let types: Vec<_> = catalog.types.iter().map(|(n, d)| format!("{}: {d}", n.as_str())).collect();
    assert_eq!(
        types,
        [
            r#"Pair: COMPOSITE (a integer, "B" text)"#,
            "email: DOMAIN character varying(320) COLLATE pg_catalog.\"C\" DEFAULT 'x@y'::character varying NOT NULL \
             CONSTRAINT has_at CHECK (((VALUE)::text ~~ '%@%'::text))",
            "mood: ENUM ('sad', 'it''s ok', 'happy')",
            "span: RANGE (numeric)",
        ]
    );
    assert_eq!(
        catalog.statistics[&Ident::new("users_stats")],
        r#"CREATE STATISTICS "Ugly".users_stats (ndistinct, dependencies) ON legacy, name, ((legacy + 1)) FROM "Ugly".users"#
    );
}

#[test]
fn every_small_change_shows_and_goes_when_undone() {
    let cluster = cluster();
    let database = cluster.database("changes", UGLY);
    let (path, ask) = ("SET LOCAL search_path = \"Ugly\";", ask("Ugly", &["Ugly_v1"]));
    let mut script = format!("{}BEGIN;\n{ask}ROLLBACK;\n", prepare());
    for (change, undo, _) in CHANGES {
        writeln!(script, "BEGIN; {path} {change};\n{ask}{path} {undo};\n{ask}ROLLBACK;").expect("a string");
    }
    let catalogs: Vec<Catalog> = cluster.run(&database, &script).iter().map(|line| decode(line)).collect();
    assert_eq!(catalogs.len(), 1 + 2 * CHANGES.len());
    assert!(CHANGES.len() >= 40);
    let base = &catalogs[0];
    let lines = |a: &Catalog, b: &Catalog| {
        diff(a, b, Order::Kept).iter().map(Difference::to_string).collect::<Vec<_>>().join("\n")
    };
    for (at, (change, undo, line)) in CHANGES.iter().enumerate() {
        let (done, undone) = (&catalogs[1 + 2 * at], &catalogs[2 + 2 * at]);
        assert_ne!(Fingerprint::exact(base), Fingerprint::exact(done), "{change}");
        assert_ne!(Fingerprint::order_free(base), Fingerprint::order_free(done), "{change}");
        let told = lines(base, done);
        assert!(told.contains(line), "{change}\n  expected: {line}\n  told:\n{told}");
        assert_eq!(lines(base, undone), "", "{change}; {undo}");
        assert_eq!(Fingerprint::exact(base), Fingerprint::exact(undone), "{undo}");
    }
}

/// PostgreSQL 18 makes a named constraint of each NOT NULL: by whatever way a column came to it, it is the same schema.
#[test]
fn the_way_to_not_null_leaves_no_trace() {
    let cluster = cluster();
    let database = cluster.database("not_null", "CREATE SCHEMA s; CREATE TABLE s.t (id integer)");
    let plain = "ALTER TABLE s.t ADD name text NOT NULL";
    let by_proof = "ALTER TABLE s.t ADD hidden text; ALTER TABLE s.t ADD CONSTRAINT proof CHECK (hidden IS NOT NULL) NOT VALID;
        ALTER TABLE s.t VALIDATE CONSTRAINT proof; ALTER TABLE s.t ALTER hidden SET NOT NULL;
        ALTER TABLE s.t DROP CONSTRAINT proof; ALTER TABLE s.t RENAME hidden TO name";
    let unproved =
        "ALTER TABLE s.t ADD name text; ALTER TABLE s.t ADD CONSTRAINT given NOT NULL name NOT VALID";
    let ask = ask("s", &[]);
    let read = |change: &str| {
        let lines = cluster.run(&database, &format!("{}BEGIN; {change};\n{ask}ROLLBACK;", prepare()));
        decode(&lines[0])
    };
    let plain = read(plain);
    assert_eq!(diff(&plain, &read(by_proof), Order::Kept), []);
    if plain.major() >= 18 {
        let unproved = read(unproved);
        let lines: Vec<_> = diff(&plain, &unproved, Order::Kept).iter().map(Difference::to_string).collect();
        assert_eq!(
            lines,
            ["table t: column name: NOT NULL yes -> no", "table t: constraint given is new"],
            "one that is not validated is a constraint like others"
        );
    }
}

/// Everything whose text or list could follow the physical order: checks, statistics, indexes, triggers, policies,
/// publications, dependents, composite keys.
#[test]
fn only_the_physical_order_of_columns_may_differ() {
    let cluster = cluster();
    let database = cluster.database("orders", "CREATE SCHEMA s");
    let rest = "
        ALTER TABLE s.t ADD PRIMARY KEY (b, a), ADD CHECK (a > 0 AND b > 0 AND c > 0), ADD UNIQUE (c, a);
        CREATE INDEX ON s.t (c DESC, (a + b)) INCLUDE (b) WHERE a > 5;
        CREATE STATISTICS s.st ON c, a, b FROM s.t;
        CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER g BEFORE UPDATE OF c, a ON s.t FOR EACH ROW WHEN (new.b > old.a) EXECUTE FUNCTION s.f();
        CREATE POLICY p ON s.t USING (b > a);
        CREATE VIEW s.v AS SELECT c, a FROM s.t;
        CREATE PUBLICATION p FOR TABLE s.t;";
    let script = format!(
        "{}BEGIN; CREATE TABLE s.t (a integer, b integer, c integer);{rest}\n{ask}ROLLBACK;
         BEGIN; CREATE TABLE s.t (c integer, b integer, a integer);{rest}\n{ask}ROLLBACK;",
        prepare(),
        ask = ask("s", &[])
    );
    let read: Vec<Catalog> = cluster.run(&database, &script).iter().map(|line| decode(line)).collect();
    let lines: Vec<_> = diff(&read[0], &read[1], Order::Kept).iter().map(Difference::to_string).collect();
    assert_eq!(lines, ["table t: order of columns a, b, c -> c, b, a"]);
    assert_ne!(Fingerprint::exact(&read[0]), Fingerprint::exact(&read[1]));
    assert_eq!(diff(&read[0], &read[1], Order::Ignored), []);
    assert_eq!(Fingerprint::order_free(&read[0]), Fingerprint::order_free(&read[1]));
}

#[test]
fn anyone_reads_the_same_whatever_the_session_is_set_to() {
    let cluster = cluster();
    let database = cluster.database("anyone", UGLY);
    cluster.run(
        &database,
        "CREATE ROLE ugly_nobody; REVOKE ALL ON SCHEMA \"Ugly\" FROM PUBLIC; GRANT USAGE ON SCHEMA \"Ugly\" TO PUBLIC;
         ALTER DATABASE anyone SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE anyone SET DateStyle = 'German';
         ALTER DATABASE anyone SET quote_all_identifiers = on; ALTER DATABASE anyone SET search_path = 'Ugly', other;
         ALTER DATABASE anyone SET extra_float_digits = -5;",
    );
    let read = |schema: &str, role: &str| cluster.read(&database, schema, &["Ugly_v1"], role);
    let whole = read("Ugly", "postgres").expect("the schema");
    assert_eq!(read("Ugly", "ugly_nobody"), Some(whole.clone()));
    assert_eq!(read("other", "ugly_nobody"), read("other", "postgres"), "without USAGE on it");
    assert_eq!(read("no such schema", "postgres"), None);

    cluster
        .run(&database, "ALTER DATABASE anyone RESET ALL; ALTER DATABASE anyone SET bytea_output = 'escape'");
    assert_eq!(read("Ugly", "postgres"), Some(whole.clone()));

    // The same document again: nothing is lost between the stored form and the value.
    let stored = serde_json::to_value(&whole).expect("JSON");
    assert_eq!(segue::pg::introspect::decode(stored).expect("a catalog"), whole);
}

#[test]
fn five_hundred_tables_are_read_in_linear_time() {
    let cluster = cluster();
    let database = cluster.database(
        "many",
        "CREATE SCHEMA s;
         DO $$ BEGIN FOR n IN 1..500 LOOP
             EXECUTE format('CREATE TABLE s.t%s (id bigserial PRIMARY KEY, a integer NOT NULL CHECK (a > 0), b text DEFAULT ''x'',
                 c date, d numeric(9, 2), e jsonb, f boolean, g uuid, h timestamptz, i bigint REFERENCES s.t%s)', n, greatest(n - 1, 1));
             EXECUTE format('CREATE INDEX ON s.t%s (lower(b), c) WHERE f', n);
             EXECUTE format('CREATE VIEW s.v%s AS SELECT id, a, b FROM s.t%s', n, n);
         END LOOP; END $$;
         CREATE PUBLICATION p FOR ALL TABLES;",
    );
    let start = Instant::now();
    let catalog = cluster.read(&database, "s", &[], "postgres").expect("the schema");
    let took = start.elapsed();
    assert_eq!((catalog.tables.len(), catalog.views.len(), catalog.sequences.len()), (500, 500, 500));
    assert!(catalog.tables.values().all(|t| t.columns.len() == 10 && t.publications.len() == 1));
    // About a second on a quiet machine; what goes by the square takes minutes.
    assert!(took < Duration::from_secs(90), "{took:?}");

    let start = Instant::now();
    assert_eq!(diff(&catalog, &catalog, Order::Kept), []);
    assert_eq!(Fingerprint::exact(&catalog), Fingerprint::exact(&catalog.clone()));
    assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());
}
