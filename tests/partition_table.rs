//! A table that becomes partitioned while random writers of two isolation levels, VACUUM, VACUUM FULL and
//! kill -9 disturb it: the copy is the table, row by row. And what writes past the triggers is found. Real servers; must not
//! look into Segue.

mod common;

use common::{At, Folder, PATIENCE, Running, each, segue, spawn, spawn_with, state, status, wait_for};
use segue::{
    failpoint,
    sandbox::{self, Database, wire::Session},
};
use std::{
    env, fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const ROWS: i64 = 40_000;
const BEFORE: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, day date NOT NULL, a integer, pad text);
INSERT INTO t SELECT n, '2025-01-01'::date + (n % 700)::integer, n, repeat('p', 100) FROM generate_series(1, 40000) n;
";
/// Lasts until its rate is lifted.
const PLAN: &str = "backfill: {workers: 2, rate: 2000, slice_time: 20ms}
operations:
  - partition_table:
      table: t
      by: range
      columns: [day]
      partitions:
        - {name: t_2025, from: 2025-01-01, to: 2026-01-01}
        - {name: t_2026, from: 2026-01-01, to: 2027-01-01}
";
/// Rows of one and not of the other.
const APART: &str = "SELECT 'table', e.* FROM (TABLE t EXCEPT TABLE _segue_new_t) e
    UNION ALL SELECT 'copy', e.* FROM (TABLE _segue_new_t EXCEPT TABLE t) e
    UNION ALL SELECT 'twice', id, NULL, NULL, NULL FROM _segue_new_t GROUP BY id HAVING count(*) > 1 LIMIT 9";

/// Writes at random until told to stop. A row that changed under an old snapshot is an error of the server's own making there.
fn write(mut session: Session, seed: u64, storm: &Storm, written: &AtomicU64) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut next = 1_000_000 + (seed % 1000) as i64 * 1_000_000;
    while !storm.over.load(Ordering::Acquire) {
        let id = rng.i64(1..=ROWS + 200);
        let days = rng.i32(-400..400);
        next += 1;
        // As an application has to: in `ready` both can be.
        let key = if storm.is_ready.load(Ordering::Acquire) { "id, day" } else { "id" };
        let one = |rng: &mut fastrand::Rng| match rng.u32(0..9) {
            0 | 1 => format!("UPDATE t SET a = a + 1 WHERE id = {id}"),
            2 | 3 => format!("UPDATE t SET day = day + {days}, pad = 'moved' WHERE id = {id}"),
            4 => format!("DELETE FROM t WHERE id = {id}"),
            5 => format!("INSERT INTO t VALUES ({next}, '2025-06-01'::date + {days}, 0, 'new') "),
            6 => format!(
                "INSERT INTO t VALUES ({id}, '2027-01-01', -1, 'again') ON CONFLICT ({key}) DO UPDATE SET day = t.day + 1, a = 0"
            ),
            7 => format!("UPDATE t SET id = {next} WHERE id = {id}"),
            _ => format!("UPDATE t SET day = day + 1 WHERE id BETWEEN {id} AND {id} + 20"),
        };
        let level =
            *rng.choice(&["READ COMMITTED", "READ COMMITTED", "REPEATABLE READ"]).expect("one of three");
        let (first, second) = (one(&mut rng), one(&mut rng));
        let end = if rng.u32(0..8) == 0 { "ROLLBACK" } else { "COMMIT" };
        // Once the snapshot is taken, slices end and begin.
        let between = if level == "REPEATABLE READ" {
            "SELECT count(*) FROM (SELECT FROM t LIMIT 1) s; SELECT pg_sleep(0.01);"
        } else {
            ""
        };
        let begun = Instant::now();
        match session.query(&format!("BEGIN ISOLATION LEVEL {level}; {between} {first}; {second}; {end}")) {
            Ok(_) => {
                written.fetch_add(1, Ordering::AcqRel);
            }
            Err(error) if level == "REPEATABLE READ" && error.code() == Some("40001") => {
                session.query("ROLLBACK").map_err(|error| error.to_string())?;
            }
            // The key that it moved to may be there: that is the table's own, and so is one writer in the way of another.
            Err(error) if matches!(error.code(), Some("23505" | "40P01")) => {
                session.query("ROLLBACK").map_err(|error| error.to_string())?;
            }
            Err(error) => return Err(format!("{error}\nin: {level}: {first}; {second}")),
        }
        // On a slow machine they leave the rollout its share.
        thread::sleep(begun.elapsed().max(Duration::from_millis(rng.u64(1..6))));
    }
    Ok(())
}

#[derive(Default)]
struct Storm {
    over: AtomicBool,
    is_ready: AtomicBool,
    /// By each of the writers.
    written: [AtomicU64; 4],
    failed: Mutex<Option<String>>,
}

impl Storm {
    /// Until each of the writers has written so often again: none is still about what it began before.
    #[track_caller]
    fn wait_writes(&self, count: u64) {
        for written in &self.written {
            let goal = written.load(Ordering::Acquire) + count;
            wait_for("the writers to write on", PATIENCE, || {
                self.check();
                (written.load(Ordering::Acquire) >= goal).then_some(())
            });
        }
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(*self.failed.lock().unwrap(), None);
    }
}

/// Over when it is dropped, however the test ends.
struct Over<'s>(&'s Storm);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

fn rows_done(url: &str) -> u64 {
    status(url)["rollout"]["backfill"][0]["rows_done"].as_u64().unwrap_or(0)
}

#[track_caller]
fn wait_rows(running: &mut Running, url: &str, least: u64) {
    wait_for("rows to be copied", PATIENCE, || {
        assert!(running.is_alive(), "it ended early: {}", running.said());
        (rows_done(url) >= least).then_some(())
    });
}

#[test]
fn the_copy_is_the_table_whatever_happens_meanwhile() {
    let seed = env::var("SEGUE_PARTITION_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    println!("SEGUE_PARTITION_SEED={seed}");
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let (at, url) = (At::of(&database), At::of(&database).url());
    at.query(BEFORE);
    let storm = Storm::default();
    thread::scope(|scope| {
        for (n, written) in (0..).zip(&storm.written) {
            let (session, storm) = (database.session().unwrap(), &storm);
            scope.spawn(move || {
                if let Err(error) = write(session, seed + n, storm, written) {
                    storm.failed.lock().unwrap().get_or_insert(error);
                }
            });
        }
        let _over = Over(&storm);
        let plan = folder.file("plan.yaml", PLAN);
        let mut first = spawn(&url, &["start", &plan]);
        wait_rows(&mut first, &url, 2_000);
        first.kill();
        let mut second = spawn(&url, &["resume"]);
        wait_rows(&mut second, &url, 6_000);
        // Rows move to blocks that were passed already.
        at.query("VACUUM FULL t");
        at.query("VACUUM t");
        segue(&url, &["tune", "rate", "off"]).exits(0);
        // With four who write all the time it is longer than anything else.
        wait_for("every row to be copied", PATIENCE * 3, || (!second.is_alive()).then_some(()));
        second.outcome().exits(0);
        storm.wait_writes(50);
        assert_eq!(at.query(APART), Vec::<Vec<Option<String>>>::new());
        segue(&url, &["verify"]).exits(0);
        storm.is_ready.store(true, Ordering::Release);
        storm.wait_writes(12);
        segue(&url, &["complete"]).exits(0);
        storm.wait_writes(12);
    });
    storm.check();
    assert_eq!(at.value("SELECT relkind FROM pg_class WHERE oid = 't'::regclass").as_deref(), Some("p"));
    assert_eq!(state(&url), "completed");
}

fn ready(database: &Database, folder: &Folder) -> String {
    let at = At::of(database);
    at.query(&BEFORE.replace("40000", "4000"));
    let plan = PLAN.replace("rate: 2000, ", "");
    segue(&at.url(), &["start", &folder.file("plan.yaml", &plan)]).exits(0);
    at.url()
}

#[test]
fn what_is_emptied_is_empty_in_the_copy() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let url = ready(&database, &folder);
    let at = At::of(&database);
    at.query("BEGIN; TRUNCATE t; INSERT INTO t VALUES (1, '2025-01-01', 1, 'one'); COMMIT");
    at.query("BEGIN; TRUNCATE t; ROLLBACK");
    assert_eq!(at.query(APART), Vec::<Vec<Option<String>>>::new());
    segue(&url, &["complete"]).exits(0);
    assert_eq!(at.value("SELECT count(*) FROM t_2025").as_deref(), Some("1"));
}

#[test]
fn what_was_written_past_the_triggers_is_found_and_stops_the_change_over() {
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let url = ready(&database, &folder);
    let at = At::of(&database);
    // Not by session_replication_role: they always fire.
    at.query("SET session_replication_role = replica; UPDATE t SET a = 0 WHERE id = 5");
    assert_eq!(at.query(APART), Vec::<Vec<Option<String>>>::new());
    let past =
        "ALTER TABLE t DISABLE TRIGGER USER; DELETE FROM t WHERE id = 7; UPDATE t SET a = a - 1 WHERE id = 8;
        INSERT INTO t VALUES (50000, '2026-03-01', 1, 'late')";
    let mended = "DELETE FROM _segue_new_t WHERE id IN (7, 8);
        INSERT INTO _segue_new_t SELECT * FROM t WHERE id IN (8, 50000);
        ALTER TABLE t ENABLE ALWAYS TRIGGER zzz_segue_copy, ENABLE ALWAYS TRIGGER zzz_segue_copy_truncate";
    at.query(past);
    let said = segue(&url, &["verify"]).exits(1).said();
    for part in ["is not always on", "3 rows are not", "id = 50000", "id = 8", "id = 7"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    let refused = segue(&url, &["complete"]).exits(4).said();
    assert!(refused.contains("zzz_segue_copy is not always on"), "{refused}");
    at.query(mended);
    segue(&url, &["verify"]).exits(0);

    // Between the look and the lock, too.
    let mut session = database.session().unwrap();
    session.query(&format!("BEGIN; {}", past.replace("50000", "60000"))).unwrap();
    let complete = spawn(&url, &["complete"]);
    wait_for("the contract to be allowed", PATIENCE, || {
        at.is_true("SELECT EXISTS (SELECT FROM segue.records WHERE kind = 'contract_allowed')").then_some(())
    });
    session.query("COMMIT").unwrap();
    let refused = complete.outcome().exits(1).said();
    assert!(refused.contains("the copy may lack rows"), "{refused}");
    assert_eq!(at.value("SELECT count(*) FROM t").as_deref(), Some("4001"), "the table is as it was");
    at.query(&mended.replace("50000", "60000"));
    segue(&url, &["resume"]).exits(0);
    assert_eq!(state(&url), "completed");
    assert_eq!(at.value("SELECT sum(a) FROM t_2026 WHERE id IN (50000, 60000)").as_deref(), Some("2"));
}

const SMALL: &str = "
CREATE TABLE t (id bigint PRIMARY KEY, day date NOT NULL, a integer, pad text);
INSERT INTO t SELECT n, '2025-01-01'::date + (n % 700)::integer, n, repeat('p', 100) FROM generate_series(1, 1200) n;
";

/// The passes of these failpoints in a run without a fault, `name#pass`.
fn passes(url: &str, folder: &Folder, args: &[&str]) -> Vec<String> {
    let log = folder.path(&format!("passes-{}", args[0]));
    let path = log.to_str().expect("it is UTF-8");
    spawn_with(url, args, &[(failpoint::LOG, path)]).outcome().exits(0);
    let text = fs::read_to_string(&log).expect("passes were noted");
    let names: Vec<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
    // As often as every run comes there: of one that a lock was in the way of there are more passes here, and not in the next.
    let steps = names.iter().filter(|name| **name == "ddl_after_commit").count();
    // Of slices the first and the second, of checkpoints those of the run, of the sweep and its end.
    let most = [("ddl_", steps), ("slice_", 2), ("checkpoint_", 3), ("index_", 1)];
    let mut found: Vec<String> = Vec::new();
    for name in names {
        let Some((_, most)) = most.iter().find(|(start, _)| name.starts_with(start)) else { continue };
        let count = found.iter().filter(|point| point.split('#').next() == Some(name)).count();
        if count < *most {
            found.push(format!("{name}#{}", count + 1));
        }
    }
    found
}

/// One command killed at a point, and gone on with.
fn killed(url: &str, args: &[&str], point: &str, again: &[&str]) {
    let (name, pass) = point.split_once('#').expect("it has a pass");
    let outcome = spawn_with(url, args, &[(failpoint::VARIABLE, &format!("{name}={pass}*crash"))]).outcome();
    assert_eq!(outcome.code, Some(failpoint::CRASH_STATUS), "it was not reached: {outcome}");
    segue(url, again).exits(0);
}

#[test]
fn killed_anywhere_it_is_gone_on_with() {
    let folder = Folder::new();
    let plan = folder.file("plan.yaml", &PLAN.replace("workers: 2, rate: 2000, ", ""));
    let of = |commands: &[&[&str]]| {
        let database = sandbox::database().unwrap();
        At::of(&database).query(SMALL);
        let url = At::of(&database).url();
        let (last, before) = commands.split_last().expect("one at least");
        before.iter().for_each(|command| drop(segue(&url, command).exits(0)));
        passes(&url, &folder, last)
    };
    let start: &[&str] = &["start", &plan];
    let cases: Vec<(&str, String)> = [
        ("start", of(&[start])),
        ("complete", of(&[start, &["complete"]])),
        ("rollback", of(&[start, &["rollback"]])),
    ]
    .into_iter()
    .flat_map(|(command, points)| points.into_iter().map(move |point| (command, point)))
    .collect();
    for needed in ["slice_before_commit#2", "index_built#1", "ddl_before_commit#1"] {
        assert!(cases.iter().any(|(command, point)| *command == "start" && point == needed), "{cases:?}");
    }
    let failures = each(
        cases,
        4,
        |(command, point)| format!("{command}/{point}"),
        |(command, point)| {
            let database = sandbox::database().unwrap();
            let (at, url) = (At::of(&database), At::of(&database).url());
            at.query(SMALL);
            let rows = "SELECT md5(string_agg(r::text, '|' ORDER BY r.id)) FROM t r";
            let before = at.value(rows);
            match *command {
                "start" => killed(&url, start, point, &["resume"]),
                command => {
                    segue(&url, start).exits(0);
                    killed(&url, &[command], point, &[command]);
                }
            }
            if *command == "start" {
                at.query("UPDATE t SET day = day + 30 WHERE id % 7 = 0");
                assert_eq!(at.query(APART), Vec::<Vec<Option<String>>>::new());
                segue(&url, &["complete"]).exits(0);
                at.query("UPDATE t SET day = day - 30 WHERE id % 7 = 0");
            }
            assert_eq!(at.value(rows), before);
            let kind = if *command == "rollback" { "r" } else { "p" };
            let now = at.value("SELECT relkind FROM pg_class WHERE oid = 't'::regclass");
            assert_eq!(now.as_deref(), Some(kind));
            let left = at.query("SELECT relname FROM pg_class WHERE relname LIKE '\\_segue%'");
            assert!(left.is_empty(), "left behind: {left:?}");
        },
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
