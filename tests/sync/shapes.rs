//! Tables with a single pair, for which the function is laid out without variables; partitions;
//! expressions that mean the same under every path.

use super::*;

fn alter(up: Option<PairExpression>, down: Option<PairExpression>) -> Pair {
    Pair { old: side("a", "text"), new: side("_segue_new_a", "text"), up, down, reset: None }
}

fn table(cluster: &Cluster, name: &str, marker: bool) {
    let marker = if marker { ", _segue_pending boolean DEFAULT true" } else { "" };
    cluster.run(&format!(
        "CREATE TABLE {name} (id int PRIMARY KEY, a text, s text, t text, _segue_new_a text{marker})"
    ));
}

fn row(cluster: &Cluster, table: &str, columns: &str) -> String {
    cluster.run(&format!("SELECT {columns} FROM public.{table} WHERE id = 1"))
}

#[test]
fn single_pairs_and_partitions() {
    let db = Cluster::start("shapes");
    db.run("CREATE SCHEMA segue; CREATE SCHEMA v1; CREATE SCHEMA v2");
    both_directions(&db);
    only_up(&db);
    only_down(&db);
    only_dropped(&db);
    no_expression(&db);
    partitions(&db);
    paths(&db);
}

fn both_directions(db: &Cluster) {
    for marker in [false, true] {
        let name = if marker { "two_ways_m" } else { "two_ways" };
        table(db, name, marker);
        let up = expression("upper(a) || s", "a", "s");
        let down = expression("lower(_segue_new_a) || t", "_segue_new_a", "t");
        install(db, &spec(name, marker, vec![alter(up, down)]));
        db.on("v1", &format!("INSERT INTO public.{name} VALUES (1, 'x', 's', 't')"));
        assert_eq!(row(db, name, "a, _segue_new_a"), "x|Xs");
        db.on("v1", &format!("UPDATE public.{name} SET t = 'T'"));
        assert_eq!(row(db, name, "a, _segue_new_a"), "x|Xs", "down is not the old version's");
        db.on("v2", &format!("UPDATE public.{name} SET s = 'S'"));
        assert_eq!(row(db, name, "a, _segue_new_a"), "x|Xs", "up is not the new version's");
        db.on("v2", &format!("UPDATE public.{name} SET t = 'U'"));
        assert_eq!(row(db, name, "a, _segue_new_a"), "xsU|Xs");
        db.on("public", &format!("UPDATE {name} SET s = 'q'"));
        assert_eq!(row(db, name, "a, _segue_new_a"), "xsU|XSUq");
        db.on("v2", &format!("UPDATE public.{name} SET _segue_new_a = 'N', s = 'z'"));
        assert_eq!(row(db, name, "a, _segue_new_a"), "nU|N");
        if marker {
            db.run(&format!("ALTER TABLE public.{name} DISABLE TRIGGER USER; UPDATE public.{name} SET _segue_pending = true, _segue_new_a = NULL; ALTER TABLE public.{name} ENABLE TRIGGER USER"));
            db.on("v1", &format!("UPDATE public.{name} SET id = id"));
            assert_eq!(row(db, name, "a, _segue_new_a, _segue_pending"), "nU|NUz|f");
        }
    }
}

fn only_up(db: &Cluster) {
    table(db, "up", true);
    install(db, &spec("up", true, vec![alter(expression("upper(a)", "a", ""), None)]));
    db.on("v1", "INSERT INTO public.up (id, a) VALUES (1, 'x')");
    db.on("v1", "UPDATE public.up SET a = 'y'");
    assert_eq!(row(db, "up", "_segue_new_a"), "Y");
    db.on("v2", "UPDATE public.up SET _segue_new_a = 'own'");
    db.on("v1", "UPDATE public.up SET s = 'other'");
    assert_eq!(row(db, "up", "a, _segue_new_a"), "y|own");
    let added = Pair { old: None, ..alter(expression("(SELECT 'literal')", "", ""), None) };
    table(db, "added", true);
    install(db, &spec("added", true, vec![added]));
    db.on("v1", "INSERT INTO public.added (id) VALUES (1)");
    db.on("v2", "INSERT INTO public.added (id) VALUES (2)");
    assert_eq!(db.run("SELECT coalesce(_segue_new_a, '-') FROM public.added ORDER BY id"), "literal\n-");
}

fn only_down(db: &Cluster) {
    table(db, "down", false);
    install(
        db,
        &spec("down", false, vec![alter(None, expression("lower(_segue_new_a)", "_segue_new_a", ""))]),
    );
    db.on("v2", "INSERT INTO public.down (id, _segue_new_a) VALUES (1, 'X')");
    assert_eq!(row(db, "down", "a"), "x");
    db.on("v1", "UPDATE public.down SET a = 'mine'");
    assert_eq!(row(db, "down", "a, _segue_new_a"), "mine|X");
    db.on("v1", "UPDATE public.down SET _segue_new_a = 'Y'");
    assert_eq!(row(db, "down", "a"), "y");
}

fn only_dropped(db: &Cluster) {
    table(db, "dropped", false);
    let pair = Pair { new: None, ..alter(None, expression("s || '!'", "", "s")) };
    let spec = SyncSpec { previous_version_schema: None, ..spec("dropped", false, vec![pair]) };
    install(db, &spec);
    db.on("v2", "INSERT INTO public.dropped (id, s) VALUES (1, 'x')");
    assert_eq!(row(db, "dropped", "a"), "x!");
    db.on("public", "UPDATE dropped SET s = 'y'");
    assert_eq!(
        row(db, "dropped", "a"),
        "x!",
        "without the new version in the path it is the old one's write"
    );
    db.on("v2", "UPDATE public.dropped SET s = 'z'");
    assert_eq!(row(db, "dropped", "a"), "z!");
}

fn no_expression(db: &Cluster) {
    // Only a marker: nothing to compute, but a new row is not pending.
    table(db, "bare", true);
    install(db, &spec("bare", true, vec![Pair { old: None, ..alter(None, None) }]));
    db.on("v1", "INSERT INTO public.bare (id) VALUES (1)");
    assert_eq!(row(db, "bare", "_segue_pending"), "f");
}

fn partitions(db: &Cluster) {
    db.run(
        "CREATE TABLE parts (id int, a text, s text, t text, _segue_new_a text, _segue_pending boolean DEFAULT true) PARTITION BY LIST (id);
         CREATE TABLE part1 PARTITION OF parts FOR VALUES IN (1); CREATE TABLE part2 PARTITION OF parts FOR VALUES IN (2)",
    );
    let up = expression("upper(a)", "a", "");
    let down = expression("lower(_segue_new_a)", "_segue_new_a", "");
    install(db, &spec("parts", true, vec![alter(up, down)]));
    db.on("v1", "INSERT INTO public.parts (id, a) VALUES (2, 'x')");
    db.on("v1", "UPDATE public.part2 SET a = 'MixedCase'");
    // Moving to another partition inserts there, which must not recompute either side.
    db.on("v2", "UPDATE public.parts SET id = 1");
    assert_eq!(row(db, "parts", "tableoid::regclass, a, _segue_new_a"), "part1|MixedCase|MIXEDCASE");
}

fn paths(db: &Cluster) {
    // Functions, operators and types mean what the base schema says, whatever the session's path.
    db.run(
        "CREATE FUNCTION public.shout(text) RETURNS text LANGUAGE sql RETURN pg_catalog.upper($1) || '!';
         CREATE FUNCTION v1.shout(text) RETURNS text LANGUAGE sql RETURN 'wrong';
         CREATE TYPE public.mood AS ENUM ('good'); CREATE TYPE v1.mood AS ENUM ('bad')",
    );
    table(db, "pathed", false);
    let added = Pair {
        old: None,
        ..alter(expression("shout(a) || coalesce(s::mood, 'good'::mood)", "", "a s"), None)
    };
    install(db, &spec("pathed", false, vec![added]));
    db.on("v1", "INSERT INTO public.pathed (id, a, s) VALUES (1, 'x', 'good')");
    assert_eq!(row(db, "pathed", "_segue_new_a"), "X!good");
    // A subquery's alias that would be taken for the row: servers up to 15 print another one, from
    // others it is refused.
    table(db, "aliased", false);
    let bad = Pair { old: None, ..alter(expression("(SELECT max(new.a) FROM up new)", "", ""), None) };
    let bad = spec("aliased", false, vec![bad]);
    let columns = sync::row_columns(&catalog(db).tables[&ident("aliased")], &bad);
    let asked = sync::qualifications(&bad, &columns).remove(0);
    let definition = db.run(&[asked.statements, vec![asked.query], asked.cleanup].concat().join(";\n"));
    match sync::qualified(&definition, &ident("aliased"), Direction::Up) {
        Ok(printed) => assert!(printed.contains("max(new_1.a)"), "{printed}"),
        Err(error) => assert!(error.message.contains("another alias"), "{}", error.message),
    }
    let printed_by_16 = " SELECT ( SELECT max(new.a) AS max FROM public.up new) AS _segue_value FROM x;";
    assert!(sync::qualified(printed_by_16, &ident("aliased"), Direction::Up).is_err());
}
