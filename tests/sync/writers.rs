//! Every kind of pair on one table, and every kind of writer.

use super::*;

fn items_spec() -> SyncSpec {
    let legacy = PairSide { column: ident("legacy"), type_name: "json".into(), not_null: true };
    let all = spec(
        "items",
        true,
        vec![
            // Lossy both ways: a number that loses its fraction.
            Pair {
                old: side("price", "numeric"),
                new: side("_segue_new_price", "integer"),
                up: expression("round(price)", "price", ""),
                down: expression("_segue_new_price", "_segue_new_price", ""),
                reset: None,
            },
            // Added, from what both versions see, the old one's column and another table.
            Pair {
                old: None,
                new: side("_segue_new_label", "text"),
                up: expression(
                    "lower(name) || '/' || coalesce((SELECT max(found) FROM parents p WHERE p.code = parent), '-') || \"TG_OP\"",
                    "parent",
                    "name TG_OP",
                ),
                down: None,
                reset: None,
            },
            // Dropped, but the old version still needs a value.
            Pair {
                old: Some(legacy),
                new: None,
                up: None,
                down: expression("json_build_object('n', name)", "", "name"),
                reset: None,
            },
            Pair {
                old: side("doc", "json"),
                new: side("_segue_new_doc", "jsonb"),
                up: expression("doc::jsonb", "doc", ""),
                down: expression("_segue_new_doc::json", "_segue_new_doc", ""),
                reset: None,
            },
            Pair {
                old: side("nick", "text"),
                new: side("_segue_new_nick", "text"),
                up: expression("nick", "nick", ""),
                down: expression("_segue_new_nick", "_segue_new_nick", ""),
                reset: None,
            },
            Pair {
                old: side("ratio", "double precision"),
                new: side("_segue_new_ratio", "numeric"),
                up: expression("ratio::numeric", "ratio", ""),
                down: expression("_segue_new_ratio::float8", "_segue_new_ratio", ""),
                reset: None,
            },
            Pair {
                old: side("parent", "text"),
                new: side("_segue_new_parent", "text"),
                up: expression("parent", "parent", ""),
                down: expression("_segue_new_parent", "_segue_new_parent", ""),
                reset: None,
            },
        ],
    );
    // One of each pair's way of comparing.
    SyncSpec { plain: ["parent", "_segue_new_price"].map(ident).to_vec(), ..all }
}

fn shop() -> Cluster {
    let cluster = Cluster::start("writers");
    cluster.run(
        "CREATE SCHEMA segue; CREATE SCHEMA v1; CREATE SCHEMA v2;
         CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE parents (code text PRIMARY KEY, found text);
         CREATE TABLE items (id serial PRIMARY KEY, name text NOT NULL, \"TG_OP\" text DEFAULT '', note text,
            price numeric, legacy json NOT NULL, doc json, nick text COLLATE ci, ratio float8,
            parent text REFERENCES parents ON DELETE SET NULL ON UPDATE CASCADE);
         INSERT INTO parents VALUES ('p1', 'P1'), ('p2', 'P2'), ('p3', 'P3');
         INSERT INTO items (name, price, legacy, doc) SELECT 'before' || i, i + 0.25, '{}', '{\"a\":  1}' FROM generate_series(1, 3) i;
         ALTER TABLE items ADD _segue_new_price integer, ADD _segue_new_label text, ADD _segue_new_doc jsonb,
            ADD _segue_new_nick text COLLATE ci, ADD _segue_new_ratio numeric, ADD _segue_new_parent text,
            ADD _segue_pending boolean DEFAULT true;
         CREATE VIEW v1.items AS SELECT id, name, note, \"TG_OP\", price, legacy, doc, nick, ratio, parent FROM public.items;
         CREATE VIEW v2.items AS SELECT id, name, note, \"TG_OP\", _segue_new_price AS price, _segue_new_label AS label, _segue_new_doc AS doc,
            _segue_new_nick AS nick, _segue_new_ratio AS ratio, _segue_new_parent AS parent FROM public.items;",
    );
    install(&cluster, &items_spec());
    cluster
}

impl Cluster {
    fn item(&self, columns: &str, name: &str) -> String {
        self.run(&format!("SELECT {columns} FROM public.items WHERE name = '{name}'"))
    }
}

#[test]
fn writers_of_both_versions_see_each_others_values() {
    let db = shop();
    inserts(&db);
    updates(&db);
    cascades(&db);
    odd_types(&db);
    pending_rows(&db);
    db.all(&sync::drop_statements(&items_spec()));
    db.all(&sync::drop_statements(&items_spec()));
    assert_eq!(db.run("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
}

fn inserts(db: &Cluster) {
    let new_side = "_segue_new_price, _segue_new_label, _segue_pending";
    db.on("v1", "INSERT INTO items (name, price, legacy, parent) VALUES ('Old', 1.75, '{}', 'p1')");
    assert_eq!(db.item(new_side, "Old"), "2|old/P1|f");
    db.on("v2, public", "INSERT INTO items (name, price, label, parent) VALUES ('New', 7, 'mine', 'p2')");
    assert_eq!(
        db.item("price, legacy, parent, _segue_new_label, _segue_pending", "New"),
        "7|{\"n\" : \"New\"}|p2|mine|f"
    );
    // The first of the two in the path.
    db.on("v1, v2", "INSERT INTO public.items (name, price, legacy) VALUES ('both', 3.5, '{\"x\":1}')");
    assert_eq!(db.item("_segue_new_price, legacy", "both"), "4|{\"x\":1}");
    // Neither is there: the values tell.
    db.on("public", "INSERT INTO items (name, price, legacy) VALUES ('plain', 3.5, '[]')");
    assert_eq!(db.item("_segue_new_price, legacy, _segue_new_label", "plain"), "4|[]|plain/-");
    db.on("''", "INSERT INTO public.items (name, _segue_new_price) VALUES ('qualified', 9)");
    assert_eq!(db.item("price, legacy", "qualified"), "9|{\"n\" : \"qualified\"}");
    // COPY, in several rows.
    db.on(
        "v1",
        "COPY public.items (name, price, legacy) FROM PROGRAM 'printf \"c1\\t1.5\\t{}\\nc2\\t2.5\\t{}\\n\"'",
    );
    assert_eq!(
        db.run("SELECT _segue_new_price FROM public.items WHERE name IN ('c1', 'c2') ORDER BY name"),
        "2\n3"
    );
    // ON CONFLICT goes through both triggers.
    let id = db.item("id", "Old");
    db.on("v1", &format!("INSERT INTO items (id, name, price, legacy) VALUES ({id}, 'x', 5.5, '{{}}') ON CONFLICT (id) DO UPDATE SET price = EXCLUDED.price"));
    assert_eq!(db.item("price, _segue_new_price, _segue_new_label", "Old"), "5.5|6|old/P1");
    db.on("v2", &format!("INSERT INTO items (id, name, price) VALUES ({id}, 'x', 8) ON CONFLICT (id) DO UPDATE SET price = EXCLUDED.price"));
    assert_eq!(db.item("price, _segue_new_price, legacy", "Old"), "8|8|{}");
}

fn updates(db: &Cluster) {
    // What nobody touched stays, though rerunning the expression would change it.
    db.on("v1", "UPDATE items SET price = 1.25 WHERE name = 'both'");
    db.on("v2", "UPDATE items SET note = 'n' WHERE name = 'both'");
    db.on("v2", "UPDATE items SET label = 'kept' WHERE name = 'both'");
    assert_eq!(db.item("price, _segue_new_price, _segue_new_label", "both"), "1.25|1|kept");
    db.on("v2", "UPDATE items SET doc = '{\"b\": 2}' WHERE name = 'both'");
    assert_eq!(db.item("price, doc", "both"), "1.25|{\"b\": 2}");
    // The version is told by the changed side, whatever the path says.
    db.on("v1", "UPDATE public.items SET _segue_new_price = 4 WHERE name = 'both'");
    assert_eq!(db.item("price", "both"), "4");
    db.on("v2", "UPDATE public.items SET price = 6.5 WHERE name = 'both'");
    assert_eq!(db.item("_segue_new_price", "both"), "7");
    // A column both see: the path decides, and an unknown writer is an old one.
    db.on("v2", "UPDATE items SET name = 'both2' WHERE name = 'both'");
    assert_eq!(db.item("_segue_new_label, legacy", "both2"), "kept|{\"n\" : \"both2\"}");
    db.on("v1", "UPDATE items SET name = 'BOTH3' WHERE name = 'both2'");
    assert_eq!(db.item("_segue_new_label, legacy", "BOTH3"), "both3/-|{\"n\" : \"both2\"}");
    db.on("public", "UPDATE items SET name = 'both' WHERE name = 'BOTH3'");
    assert_eq!(db.item("_segue_new_label, legacy", "both"), "both/-|{\"n\" : \"both2\"}");
    // Changed and given at once: what was given stays.
    db.on("v2", "UPDATE items SET name = 'both4', label = 'own' WHERE name = 'both'");
    assert_eq!(db.item("_segue_new_label", "both4"), "own");
    db.on("v1", "UPDATE items SET name = 'both5', legacy = '[5]' WHERE name = 'both4'");
    assert_eq!(db.item("legacy", "both5"), "[5]");
}

fn cascades(db: &Cluster) {
    // Foreign keys act inside whichever session deletes the parent.
    db.on("v2", "UPDATE public.parents SET code = 'p9' WHERE code = 'p2'");
    assert_eq!(db.item("parent, _segue_new_parent", "New"), "p9|p9");
    db.on("v2", "DELETE FROM public.parents WHERE code = 'p9'");
    assert_eq!(db.item("parent IS NULL, _segue_new_parent IS NULL, _segue_new_label", "New"), "t|t|new/-");
    db.on("v2", "UPDATE items SET parent = 'p3' WHERE name = 'New'");
    assert_eq!(db.item("parent", "New"), "p3");
    // The old side's foreign key guards what the new version writes.
    let refused = db.psql("SET search_path = v2; UPDATE items SET parent = 'nobody' WHERE name = 'New'");
    assert!(refused.is_err_and(|error| error.contains("foreign key")));
}

fn odd_types(db: &Cluster) {
    // json has no equality; only what is stored counts.
    db.on("v1", "UPDATE items SET doc = '{\"z\":   1}' WHERE name = 'New'");
    assert_eq!(db.item("doc, _segue_new_doc", "New"), "{\"z\":   1}|{\"z\": 1}");
    db.on("v2", "UPDATE items SET doc = '{\"z\":1}', note = 'same' WHERE name = 'New'");
    assert_eq!(db.item("doc", "New"), "{\"z\":   1}");
    // Equal by collation, and yet changed.
    db.on("v1", "UPDATE items SET nick = 'bob' WHERE name = 'New'");
    db.on("v1", "UPDATE items SET nick = 'BOB' WHERE name = 'New'");
    assert_eq!(db.item("_segue_new_nick COLLATE \"C\"", "New"), "BOB");
    db.on("v2", "UPDATE items SET nick = 'Bob' WHERE name = 'New'");
    assert_eq!(db.item("nick COLLATE \"C\"", "New"), "Bob");
    db.on("v1", "UPDATE items SET ratio = 'NaN' WHERE name = 'New'");
    assert_eq!(db.item("_segue_new_ratio", "New"), "NaN");
    db.on("v1", "UPDATE items SET ratio = 'NaN', note = 'again' WHERE name = 'New'");
    db.on("v2", "UPDATE items SET ratio = 0.5 WHERE name = 'New'");
    assert_eq!(db.item("ratio", "New"), "0.5");
}

fn pending_rows(db: &Cluster) {
    assert_eq!(db.item("_segue_pending, _segue_new_price", "before1"), "t|");
    // Touched anywhere, a pending row is filled on the spot.
    db.on("v1", "UPDATE items SET note = 'touched' WHERE name = 'before1'");
    assert_eq!(
        db.item("_segue_pending, _segue_new_price, _segue_new_label, _segue_new_doc", "before1"),
        "f|1|before1/-|{\"a\": 1}"
    );
    db.on("v2", "UPDATE items SET price = 12 WHERE name = 'before2'");
    assert_eq!(db.item("_segue_pending, price, _segue_new_label, legacy", "before2"), "f|12|before2/-|{}");
    // The backfill's own write fires nothing.
    db.run("UPDATE public.items SET _segue_new_price = 77, _segue_new_label = 'filled', _segue_pending = false WHERE name = 'before3'");
    assert_eq!(
        db.item("_segue_pending, price, _segue_new_price, _segue_new_label", "before3"),
        "f|3.25|77|filled"
    );
}
