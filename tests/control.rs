//! Control from outside: guards overridden for a while, drills, the flag file, and automatic pauses that become a matter for a
//! person; by commands and by rows.

mod common;

use common::{At, Folder, PATIENCE, Running, segue, spawn, state, status, wait_for};
use segue::sandbox;
use serde_json::Value;
use std::fs;

/// A table that takes about four milliseconds a row to fill.
const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, a integer);
INSERT INTO t SELECT n, n FROM generate_series(1, 80000) n;
CREATE TABLE dial (value integer);
INSERT INTO dial VALUES (0);
CREATE FUNCTION slow(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.004); RETURN $1; END';
";

/// One guard is a dial that the test turns.
fn plan(guards: &str) -> String {
    format!(
        "operations:\n  - add_column: {{table: t, column: {{name: b, type: int, nullable: true}}, up: slow(a)}}\n\
         guards:\n  probes:\n    - {{name: dial, sql: 'SELECT value FROM public.dial', pause: 10}}\n{guards}"
    )
}

struct Rig {
    database: sandbox::Database,
    folder: Folder,
    running: Option<Running>,
}

impl Rig {
    /// A rollout under way, with some rows filled.
    fn start(guards: &str, more: &[&str]) -> Rig {
        let mut rig = Rig { database: sandbox::database().unwrap(), folder: Folder::new(), running: None };
        rig.at().query(BEFORE);
        let plan = rig.folder.file("plan.yaml", &plan(guards));
        let mut args = vec!["start", plan.as_str()];
        args.extend(more);
        rig.running = Some(spawn(&rig.url(), &args));
        rig.moves();
        rig
    }

    fn at(&self) -> At<'_> {
        At::of(&self.database)
    }

    fn url(&self) -> String {
        self.database.url()
    }

    fn dial(&self, value: i32) {
        self.at().query(&format!("UPDATE dial SET value = {value}"));
    }

    fn filled(&self) -> u64 {
        let there =
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = '_segue_pending'";
        if self.at().value(there).as_deref() != Some("1") {
            return 0;
        }
        self.at().value("SELECT count(*) FROM t WHERE NOT _segue_pending").unwrap().parse().unwrap()
    }

    /// Until more rows are filled than now.
    #[track_caller]
    fn moves(&self) {
        let before = self.filled();
        wait_for("rows to be filled", PATIENCE, || (self.filled() > before).then_some(()));
    }

    /// A hold by this name, once it is there.
    #[track_caller]
    fn held_by(&self, by: &str) -> Value {
        self.held_on(by, None)
    }

    /// A hold by this name on this subject.
    #[track_caller]
    fn held_on(&self, by: &str, subject: Option<&str>) -> Value {
        wait_for(&format!("a hold by {by}"), PATIENCE, || {
            // Others by the same name may be there, of what cannot be read at the moment.
            let is_it =
                |hold: &&Value| hold["by"] == by && subject.is_none_or(|subject| hold["subject"] == subject);
            status(&self.url())["rollout"]["holds"].as_array()?.iter().find(is_it).cloned()
        })
    }

    #[track_caller]
    fn free(&self) {
        wait_for("every hold to end", PATIENCE, || {
            let holds = status(&self.url())["rollout"]["holds"].as_array().map(Vec::len);
            (holds == Some(0)).then_some(())
        });
    }

    fn journal(&self, kind: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM segue.records WHERE kind = '{kind}'");
        self.at().value(&sql).unwrap().parse().unwrap()
    }

    fn asks(&self, kind: &str, args: &str) -> String {
        let sql = format!("INSERT INTO segue.commands (kind, args) VALUES ('{kind}', '{args}') RETURNING id");
        let id = self.at().value(&sql).unwrap();
        wait_for("the row to be answered", PATIENCE, || {
            self.at().value(&format!("SELECT outcome FROM segue.commands WHERE id = {id}"))
        })
    }

    /// To its end, which is near: what is not filled yet goes. Segue gives way to that after 200 ms, told in time or not.
    #[track_caller]
    fn ends(mut self) {
        self.at()
            .query("CREATE OR REPLACE FUNCTION slow(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'");
        self.at().query("SET deadlock_timeout = '60s'; DELETE FROM t WHERE _segue_pending");
        self.running.take().unwrap().outcome().exits(0);
        assert_eq!(state(&self.url()), "ready");
    }
}

fn hold(status: &Value, by: &str) -> Option<Value> {
    status["rollout"]["holds"].as_array()?.iter().find(|hold| hold["by"] == by).cloned()
}

#[test]
fn an_override_lifts_a_guards_hold_for_so_long_and_says_so() {
    let rig = Rig::start("", &[]);
    let url = rig.url();
    rig.dial(99);
    rig.held_by("dial");
    segue(&url, &["resume", "--override", "dail", "--for", "1m"]).exits(2);
    segue(&url, &["resume", "--override", "dial"]).exits(2);
    segue(&url, &["resume", "--override", "dial", "--for", "1h", "--reason", "known"]).exits(0);
    rig.free();
    rig.moves();
    let now = status(&url);
    assert_eq!(now["rollout"]["exceptions"][0]["override"], "dial", "{now}");
    let text = segue(&url, &["status"]).exits(0).stdout;
    assert!(text.contains("dial overridden until") && text.contains("by postgres: known"), "{text}");
    // A person's pause is none of its business, and is not lifted by it.
    segue(&url, &["pause", "--reason", "lunch"]).exits(0);
    let refused = segue(&url, &["resume", "--override", "dial", "--for", "1h"]).exits(4);
    assert!(refused.stderr.contains("a person paused it (lunch)"), "{refused}");
    segue(&url, &["resume"]).exits(0);
    rig.moves();
    // By a row, and shorter: the last word counts, and it ends by itself.
    assert_eq!(rig.asks("resume", r#"{"override": "dial", "for": "300ms"}"#), "done");
    rig.held_by("dial");
    wait_for("the override to be over", PATIENCE, || {
        let none = status(&url)["rollout"]["exceptions"] == serde_json::json!([]);
        (none && rig.journal("exception_ended") == 1).then_some(())
    });
    let log = segue(&url, &["log"]).exits(0).stdout;
    assert!(
        log.contains("\"override\":{")
            && log.contains("\"signal\":\"dial\"")
            && log.contains("\"reason\":\"known\""),
        "{log}"
    );
    assert!(log.contains("\"by\":\"postgres\"") && log.contains("exception_ended"), "{log}");
    rig.dial(0);
    rig.ends();
}

#[test]
fn drills_hold_visibly_as_drills_and_end_by_themselves() {
    let rig = Rig::start("", &[]);
    let url = rig.url();
    for (drill, by) in [("pause", "drill"), ("lag", "replication_lag"), ("blind", "replication_lag")] {
        segue(&url, &["drill", drill, "--for", "1h"]).exits(0);
        rig.held_on(by, (drill != "pause").then_some("drill"));
        let text = segue(&url, &["status"]).exits(0).stdout;
        assert!(text.contains(&format!("DRILL {drill} until")), "{text}");
        // Answered means in force: no slice is begun. One that was begun before comes to its end, whichever of its
        // statements it is at; between two of them its session may look idle for a moment.
        let slice = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
            AND application_name LIKE 'segue/%/work' AND state <> 'idle')";
        let idle = || !rig.at().is_true(slice);
        let before = wait_for("the slice in hand to end", PATIENCE, || {
            let before = idle().then(|| rig.filled())?;
            (idle() && rig.filled() == before).then_some(before)
        });
        segue(&url, &["status"]).exits(0);
        assert_eq!(rig.filled(), before, "rows are filled in a drill");
        assert_eq!(rig.asks("drill", &format!(r#"{{"drill": "{drill}", "for": "200ms"}}"#)), "done");
        rig.free();
        rig.moves();
    }
    segue(&url, &["drill", "lag", "--for", "1h"]).exits(0);
    segue(&url, &["resume"]).exits(0);
    rig.free();
    assert_eq!(rig.journal("exception_ended"), 4);
    assert_ne!(rig.asks("drill", r#"{"drill": "fire", "for": "1s"}"#), "done");
    segue(&url, &["drill", "fire"]).exits(2);
    rig.ends();
}

#[test]
fn a_file_pauses_while_it_is_there() {
    let folder = Folder::new();
    let flag = folder.path("stop");
    let rig = Rig::start("", &["--flag-file", flag.to_str().unwrap()]);
    fs::write(&flag, "").unwrap();
    let hold = rig.held_by("flag_file");
    assert!(hold["reason"].as_str().unwrap().contains("remove it to go on"), "{hold}");
    // Neither a person elsewhere nor a machine lifts it.
    segue(&rig.url(), &["resume"]).exits(0);
    rig.held_by("flag_file");
    fs::remove_file(&flag).unwrap();
    rig.free();
    rig.moves();
    rig.ends();
}

#[test]
fn pauses_without_end_become_a_matter_for_a_person() {
    let rig = Rig::start("  hold: {pauses_an_hour: 2, pause_of: 1h}\n", &[]);
    let url = rig.url();
    // A guard that could not read its signal for a while has paused, too: that counts, and the ladder comes sooner.
    let mut turns = 0;
    let hold = loop {
        rig.dial(99);
        turns += 1;
        assert!(turns <= 3, "four pauses within an hour");
        let held = wait_for("a hold by the dial or the ladder", PATIENCE, || {
            let now = status(&url);
            self::hold(&now, if turns < 3 { "dial" } else { "ladder" }).or_else(|| self::hold(&now, "ladder"))
        });
        if held["by"] == "ladder" {
            break held;
        }
        rig.dial(0);
        let ended = wait_for("every hold to end, or the ladder", PATIENCE, || {
            let now = status(&url);
            if hold_count(&now) == 0 { Some(None) } else { self::hold(&now, "ladder").map(Some) }
        });
        if let Some(held) = ended {
            break held;
        }
    };
    assert!(hold["reason"].as_str().unwrap().starts_with("3 automatic pauses within an hour"), "{hold}");
    rig.dial(0);
    wait_for("the guard to be well", PATIENCE, || {
        let now = status(&url);
        (hold_count(&now) == 1 && self::hold(&now, "ladder").is_some()).then_some(())
    });
    let evidence = "SELECT count(*) FROM segue.records WHERE kind = 'evidence' AND body->>'what' LIKE 'held for a person%'";
    assert_eq!(rig.at().value(evidence).as_deref(), Some("1"));
    segue(&url, &["resume"]).exits(0);
    rig.free();
    rig.moves();
    rig.ends();
}

fn hold_count(status: &Value) -> usize {
    status["rollout"]["holds"].as_array().map_or(0, Vec::len)
}
