//! What writes past the sync triggers is found before the new version is published, and whenever somebody asks. Real servers;
//! must not look into Segue.

mod common;

use common::{At, Folder, Outcome, PATIENCE, Running, segue, spawn, state, status, wait_for};
use segue::sandbox;
use serde_json::Value;

const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text, pad text) WITH (fillfactor = 10);
INSERT INTO t SELECT n, n, 'b' || n, repeat('p', 80) FROM generate_series(1, 4000) n;
";

/// The index keeps the publication away while somebody's old snapshot is there; until its rate is lifted, the fill does.
const PLAN: &str = "backfill: {rate: 30}
operations:
  - alter_column: {table: t, column: a, type: bigint, up: a, down: a}
  - add_column: {table: t, column: {name: shout, type: text, nullable: true}, up: upper(b)}
  - create_index: {table: t, name: t_shout, columns: [{column: shout}]}
";

#[track_caller]
fn wait_filling(running: &mut Running, url: &str) {
    wait_for("some rows to be filled", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        let status = status(url);
        let done = status["rollout"]["backfill"][0]["rows_done"].as_u64().unwrap_or(0);
        (status["rollout"]["state"] == "backfilling" && done > 0).then_some(())
    })
}

fn lift_rate(url: &str) {
    segue(url, &["tune", "rate", "off"]).exits(0);
}

/// What `segue verify --json` says, whichever way it ends.
#[track_caller]
fn verified(url: &str, code: i32) -> Value {
    let outcome: Outcome = segue(url, &["verify", "--json"]).exits(code);
    serde_json::from_str(outcome.stdout.lines().next().unwrap_or_default())
        .unwrap_or_else(|error| panic!("not JSON ({error}): {outcome}"))
}

fn column<'v>(said: &'v Value, name: &str) -> &'v Value {
    let columns = said["tables"][0]["columns"].as_array().expect("a table has columns");
    columns.iter().find(|column| column["column"] == name).unwrap_or_else(|| panic!("no {name} in {said}"))
}

#[test]
fn rows_written_past_the_triggers_are_found_and_filled_again() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let mut old_snapshot = database.session().unwrap();
    let mut running = spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
    wait_filling(&mut running, &url);
    let during = verified(&url, 0);
    assert!(during["ok"] == true && during["tables"][0]["pending"].as_u64().unwrap() > 0, "{during}");
    old_snapshot.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    lift_rate(&url);
    wait_for("the index build to wait", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        at.value(
            "SELECT 1 FROM pg_stat_progress_create_index
              WHERE phase LIKE 'waiting%' AND datname = current_database()",
        )
    });
    // A changed row, and one that came: neither fires a trigger.
    at.query(
        "SET session_replication_role = replica; UPDATE t SET a = -a, b = 'x' WHERE id IN (7, 4000);
         INSERT INTO t (id, a, b, pad) VALUES (5000, 5000, 'late', '')",
    );
    let found = verified(&url, 1);
    assert_eq!(column(&found, "a")["found"], "differs", "{found}");
    assert_eq!(column(&found, "a")["differing"], 2, "{found}");
    assert_eq!(column(&found, "a")["rows"], serde_json::json!(["id=7", "id=4000"]), "{found}");
    assert_eq!(column(&found, "shout")["differing"], 2, "{found}");
    assert_eq!(found["tables"][0]["pending"], 1, "{found}");
    old_snapshot.query("COMMIT").unwrap();
    let outcome = running.outcome().exits(0);
    assert!(outcome.said().contains("3 of them were not and are filled again"), "{outcome}");
    let wrong = at.query(
        "SELECT n.* FROM t o FULL JOIN public_plan.t n USING (id) WHERE n.a IS DISTINCT FROM o.a OR n.shout IS DISTINCT FROM upper(o.b)",
    );
    assert!(wrong.is_empty(), "{wrong:?}");
    let after = verified(&url, 0);
    assert!(after["ok"] == true && after["tables"][0]["rows"] == 4001, "{after}");
    // Now the new version writes: what it wrote is no fault, where `down` tells, and not known, where there is none.
    at.query("SET search_path = public_plan, public; UPDATE t SET a = 1 WHERE id = 1; UPDATE t SET shout = 'mine' WHERE id = 2");
    let after = verified(&url, 0);
    assert_eq!(column(&after, "a")["found"], "equal", "{after}");
    assert_eq!(column(&after, "shout")["found"], "unknown", "{after}");
    // Past the triggers it is one.
    at.query("SET session_replication_role = replica; UPDATE t SET a = 77 WHERE id = 3");
    let after = verified(&url, 1);
    assert_eq!(column(&after, "a")["rows"], serde_json::json!(["id=3"]), "{after}");
    segue(&url, &["rollback"]).exits(0);
    segue(&url, &["verify"]).exits(4);
}

#[test]
fn a_trigger_that_is_off_or_not_the_last_keeps_the_new_version_back() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let mut running = spawn(&url, &["start", &folder.file("plan.yaml", PLAN)]);
    wait_filling(&mut running, &url);
    let sql = "SELECT string_agg(format('ALTER TABLE t DISABLE TRIGGER %I', tgname), '; ') FROM pg_trigger
                WHERE tgrelid = 't'::regclass AND NOT tgisinternal";
    let disable = at.value(sql).expect("there are triggers");
    at.query(&disable);
    at.query("UPDATE t SET a = -a WHERE id = 1");
    let found = verified(&url, 1);
    assert!(found["faults"][0]["message"].as_str().unwrap().contains("is disabled"), "{found}");
    lift_rate(&url);
    let outcome = running.outcome().exits(1);
    assert!(outcome.said().contains("is disabled"), "{outcome}");
    assert_eq!(state(&url), "failed");
    // Mended, it goes on, and what was written meanwhile is found.
    at.query(&disable.replace("DISABLE", "ENABLE"));
    // One that would fire later.
    at.query(
        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.b := lower(NEW.b); RETURN NEW; END';
         CREATE TRIGGER zzzzzzz BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION late()",
    );
    let outcome = segue(&url, &["resume"]).exits(1);
    assert!(outcome.said().contains("zzzzzzz fires after"), "{outcome}");
    at.query("ALTER TRIGGER zzzzzzz ON t RENAME TO aaaaaaa");
    segue(&url, &["resume"]).exits(0);
    let wrong =
        at.query("SELECT n.* FROM t o FULL JOIN public_plan.t n USING (id) WHERE n.a IS DISTINCT FROM o.a");
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn what_cannot_be_told_is_never_called_equal_and_what_does_not_hold_still_is_named() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query(BEFORE);
    let plan = "operations:
  - add_column: {table: t, column: {name: token, type: text}, up: md5(random()::text)}
  - add_column: {table: t, column: {name: seen, type: text}, up: \"to_char(now(), 'YYYY')\"}
  - add_column: {table: t, column: {name: shout, type: text}, up: upper(b)}
";
    segue(&url, &["start", &folder.file("plan.yaml", plan)]).exits(0);
    let said = verified(&url, 0);
    for name in ["token", "seen"] {
        assert_eq!(column(&said, name)["found"], "unknown", "{said}");
        assert!(column(&said, name)["why"].as_str().unwrap().contains("not immutable"), "{said}");
    }
    assert_eq!(column(&said, "shout")["found"], "equal", "{said}");
    segue(&url, &["rollback"]).exits(0);
    // A function that says it always gives the same, and does not.
    at.query(
        "CREATE FUNCTION fickle(integer) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 * 1000 + 1000 * random(); END'",
    );
    let plan = "operations:\n  - alter_column: {table: t, column: a, type: bigint, up: fickle(a), down: a}\n";
    let fickle = folder.file("fickle.yaml", plan);
    let outcome = segue(&url, &["start", &fickle]).exits(1);
    assert!(outcome.said().contains("although filled again 3 times"), "{outcome}");
    assert!(outcome.said().contains("rows of t"), "{outcome}");
    segue(&url, &["rollback"]).exits(0);
    // The operator's word.
    let anyway = folder.file("anyway.yaml", &format!("backfill: {{verify: false}}\n{plan}"));
    segue(&url, &["start", &anyway]).exits(0);
}

#[test]
fn a_contract_does_not_begin_on_what_is_not_there_and_a_dropped_table_keeps_nobody_from_going_back() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    at.query("CREATE TABLE t (id bigint PRIMARY KEY, a integer); INSERT INTO t VALUES (1, 1)");
    let plan = "operations:\n  - alter_column: {table: t, column: a, type: bigint, up: a, down: a}\n  - create_index: {table: t, name: t_a, columns: [{column: a}]}\n";
    let plan = folder.file("plan.yaml", plan);
    segue(&url, &["start", &plan]).exits(0);
    at.query("ALTER TABLE t DISABLE TRIGGER zzz_segue_update; DROP INDEX t_a; UPDATE t SET a = 7");
    for how in [&["complete"][..], &["complete", "--force"]] {
        let outcome = segue(&url, how).exits(4);
        for what in ["zzz_segue_update is disabled", "the index t_a is not there"] {
            assert!(outcome.said().contains(what), "{outcome}");
        }
        assert_eq!(state(&url), "ready");
    }
    // Under another name it may be there.
    at.query("ALTER TABLE t RENAME TO u");
    let outcome = segue(&url, &["rollback"]).exits(1);
    assert!(outcome.said().contains("rename it back"), "{outcome}");
    at.query("DROP TABLE u CASCADE");
    segue(&url, &["resume"]).exits(1);
    assert_eq!(state(&url), "rolled_back");
    assert!(at.is_true("SELECT count(*) = 0 FROM pg_proc WHERE pronamespace = 'segue'::regnamespace AND proname LIKE 'sync_%'"));
    at.query("CREATE TABLE t (id bigint PRIMARY KEY, a integer); INSERT INTO t VALUES (1, 1)");
    segue(&url, &["start", &plan, "--complete"]).exits(0);
}

#[test]
fn a_table_that_a_subscription_writes_into_is_refused() {
    let (database, publisher, folder) =
        (sandbox::database().unwrap(), sandbox::database().unwrap(), Folder::new());
    let (at, from) = (At::of(&database), At::of(&publisher));
    let url = at.url();
    let plan = "operations:\n  - alter_column: {table: t, column: a, type: bigint, up: a, down: a}\n";
    let plan = folder.file("plan.yaml", plan);
    let table = "CREATE TABLE t (id bigint PRIMARY KEY, a integer); INSERT INTO t VALUES (1, 1)";
    at.query(table);
    from.query(table);
    let name = database.name();
    from.query(&format!("CREATE PUBLICATION p_{name} FOR TABLE t"));
    // The publisher has no slot for it, so nothing comes: that it is on is enough.
    let with = "WITH (enabled = false, create_slot = false, slot_name = NONE, copy_data = false)";
    let (conninfo, publication) = (from.url().replace('\'', "''"), format!("p_{name}"));
    at.query(&format!(
        "CREATE SUBSCRIPTION s_{name} CONNECTION '{conninfo}' PUBLICATION {publication} {with}"
    ));
    let switch = |how: &str| at.query(&format!("ALTER SUBSCRIPTION s_{name} {how}"));
    switch("SET (slot_name = 'nowhere')");
    switch("ENABLE");
    for command in ["check", "start"] {
        let outcome = segue(&url, &[command, &plan]).exits(3);
        for what in ["server.subscription", "DISABLE until"] {
            assert!(outcome.said().contains(what), "{outcome}");
        }
    }
    switch("DISABLE");
    segue(&url, &["start", &plan]).exits(0);
    switch("ENABLE");
    let found = verified(&url, 1);
    assert!(found["faults"][0]["message"].as_str().unwrap().contains("without firing triggers"), "{found}");
    segue(&url, &["complete"]).exits(4);
    switch("DISABLE");
    switch("SET (slot_name = NONE)");
    at.query(&format!("DROP SUBSCRIPTION s_{name}"));
    segue(&url, &["complete"]).exits(0);
}
