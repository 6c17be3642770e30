//! Steering from outside where things are not as they should be: a refused command, a hung supervisor, a server that
//! is away, rows that cannot be filled, locks that are not to be had.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use segue::sandbox::{self, Cluster, Options};
use serde_json::Value;
use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(90);

/// One database and a folder for plans.
struct Rig {
    url: String,
    folder: PathBuf,
}

impl Rig {
    fn new(url: String) -> Rig {
        let folder = std::env::temp_dir().join(format!("segue-steering-{}", fastrand::u64(..)));
        fs::create_dir(&folder).unwrap();
        Rig { url, folder }
    }

    fn segue(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
        command.args(arguments).env("SEGUE_URL", &self.url).current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    fn plan(&self, text: &str) {
        fs::write(self.folder.join("plan.yaml"), text).unwrap();
    }

    #[track_caller]
    fn exits(&self, arguments: &[&str], code: i32) -> String {
        said(self.segue(arguments).output().unwrap(), code)
    }

    /// Its standard output goes nowhere; what it does is seen in the database.
    fn spawn(&self, arguments: &[&str]) -> Child {
        let errors = File::create(self.folder.join("errors")).unwrap();
        self.segue(arguments).stdout(Stdio::null()).stderr(errors).spawn().unwrap()
    }

    fn status(&self) -> Value {
        let output = self.segue(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[track_caller]
fn said(output: Output, code: i32) -> String {
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[track_caller]
fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !there() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn ends(child: &mut Child, code: i32) {
    let mut status = None;
    wait_for("the process to end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(code));
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

fn one(rows: sandbox::wire::Rows) -> String {
    rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten().unwrap_or_default()
}

/// Few rows to a page, so that there are many slices.
const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL) WITH (fillfactor = 10);
    INSERT INTO t SELECT n, 1 FROM generate_series(1, 2000) n";
const PLAN: &str =
    "operations:\n  - add_column: {table: t, column: {name: b, type: int, nullable: true}, up: a}\n";
/// Takes long enough for all of a test, until [`FAST`] is asked for.
const RATE: &str = "backfill: {rate: 15}\n";
/// Whoever is the supervisor next takes it.
const FAST: &str = r#"INSERT INTO segue.commands (kind, args) VALUES ('tune', '{"rate": "off"}')"#;

fn filling(cluster: &Cluster, database: &str) -> bool {
    let sql = "SELECT count(*) FROM segue.backfills WHERE rows_done > 0";
    cluster.query(database, sql).is_ok_and(|rows| one(rows) != "0")
}

#[test]
fn a_refused_rollback_does_not_carry_the_contract_on() {
    let database = sandbox::database().unwrap();
    let rig = Rig::new(database.url());
    database.query(TABLE).unwrap();
    rig.plan(
        "operations:\n  - add_column: {table: t, column: {name: b, type: int, nullable: false}, up: a}\n",
    );
    // Expand, constraint, proof, publish, and then the contract.
    let crashed = rig
        .segue(&["start", "plan.yaml", "--complete"])
        .env("SEGUE_FAILPOINTS", "ddl_before_commit=5*crash")
        .output()
        .unwrap();
    assert_eq!(crashed.status.code(), Some(137));
    let journal = || one(database.query("SELECT count(*) FROM segue.records").unwrap());
    let before = journal();
    assert_eq!(rig.status()["rollout"]["state"], "contracting");
    let text = rig.exits(&["rollback"], 4);
    assert!(text.contains("the contract has begun"), "{text}");
    assert_eq!((rig.status()["rollout"]["state"].as_str(), journal()), (Some("contracting"), before));
    rig.exits(&["complete"], 0);
}

#[test]
fn a_rollback_that_was_cut_off_is_gone_on_with() {
    let database = sandbox::database().unwrap();
    let rig = Rig::new(database.url());
    database.query(TABLE).unwrap();
    rig.plan(
        "operations:\n  - add_column: {table: t, column: {name: b, type: int, nullable: false}, up: a}\n",
    );
    rig.exits(&["start", "plan.yaml"], 0);
    let crashed =
        rig.segue(&["rollback"]).env("SEGUE_FAILPOINTS", "ddl_before_commit=crash").output().unwrap();
    assert_eq!(crashed.status.code(), Some(137));
    // It is refused and left as it is.
    rig.exits(&["complete"], 4);
    assert_eq!(rig.status()["rollout"]["state"], "rolling_back");
    rig.exits(&["resume"], 0);
    assert_eq!(rig.status()["rollout"]["state"], "rolled_back");
}

#[test]
fn rows_set_aside_count_once_and_keep_it_from_ready() {
    let database = sandbox::database().unwrap();
    let rig = Rig::new(database.url());
    database.query(TABLE).unwrap();
    database.query("UPDATE t SET a = 0 WHERE id IN (7, 900, 1990)").unwrap();
    let plan = "operations:\n  - add_column: {table: t, column: {name: b, type: int, nullable: true}, up: 100 / a}\n";
    rig.plan(&format!("{plan}backfill: {{on_row_error: {{set_aside: 3}}}}\n"));
    for command in [&["start", "plan.yaml"][..], &["resume"]] {
        let text = rig.exits(command, 1);
        assert!(text.contains("3 rows of"), "{text}");
        assert_eq!(rig.status()["rollout"]["state"], "failed");
    }
    let aside = "SELECT string_agg(row_key, ',' ORDER BY id) FROM segue.rows_set_aside";
    assert_eq!(one(database.query(aside).unwrap()), "id = 7,id = 900,id = 1990");
    database.query("UPDATE t SET a = 5 WHERE a = 0").unwrap();
    rig.exits(&["resume"], 0);
    let filled = "SELECT count(*) FROM public_plan.t WHERE b = 100 / a";
    assert_eq!(one(database.query(filled).unwrap()), "2000");
}

#[test]
fn an_interrupt_is_heard_while_the_server_is_away() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    let rig = Rig::new(cluster.url("postgres"));
    cluster.query("postgres", TABLE).unwrap();
    rig.plan(&format!("{PLAN}{RATE}"));
    let mut start = rig.spawn(&["start", "plan.yaml"]);
    wait_for("rows to be filled", || filling(&cluster, "postgres"));
    cluster.kill9().unwrap();
    let errors = || fs::read_to_string(rig.folder.join("errors")).unwrap();
    wait_for("the supervisor to notice", || errors().contains("the journal cannot be written"));
    signal(&start, Signal::SIGINT);
    ends(&mut start, 5);
    cluster.start_again().unwrap();
    cluster.query("postgres", FAST).unwrap();
    rig.exits(&["resume"], 0);
}

#[test]
fn resume_takes_over_from_a_supervisor_that_hangs() {
    let database = sandbox::database().unwrap();
    let rig = Rig::new(database.url());
    database.query(TABLE).unwrap();
    rig.plan(&format!("{PLAN}{RATE}"));
    let mut hung = rig.spawn(&["start", "plan.yaml"]);
    wait_for("rows to be filled", || filling(database.cluster(), database.name()));
    signal(&hung, Signal::SIGSTOP);
    database.query(FAST).unwrap();
    // At once, while its lease is good for 15 s more.
    rig.exits(&["resume"], 0);
    signal(&hung, Signal::SIGCONT);
    ends(&mut hung, 7);
    assert_eq!(rig.status()["rollout"]["state"], "ready");
}

#[test]
fn a_supervisor_that_waits_for_its_own_step_is_nobodys_victim() {
    let database = sandbox::database().unwrap();
    let rig = Rig::new(database.url());
    database.query(TABLE).unwrap();
    // The proof lasts until it is let through.
    database
        .query(
            "CREATE TABLE gate AS SELECT false AS open;
             CREATE FUNCTION waits(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN
                 WHILE current_query() LIKE ''%VALIDATE%'' AND NOT (SELECT open FROM public.gate) LOOP
                     PERFORM pg_sleep(0.01);
                 END LOOP;
                 RETURN i;
             END'",
        )
        .unwrap();
    rig.plan(
        "operations:\n  - add_column: {table: t, column: {name: b, type: int, nullable: true, \
         check: {name: c, constraint: waits(b) > 0}}, up: a}\n",
    );
    let mut start = rig.spawn(&["start", "plan.yaml"]);
    wait_for("the proof", || {
        rig.status()["rollout"]["steps"]["current"].as_str() == Some("prove check c of t")
    });
    let mut complete = rig.segue(&["complete"]).stdout(Stdio::null()).spawn().unwrap();
    // Longer than a victim is let wait.
    wait_for("it to have been asked a while ago", || {
        let ago = "SELECT count(*) FROM segue.commands WHERE clock_timestamp() - at > '2 s'";
        one(database.query(ago).unwrap()) == "1"
    });
    database.query("UPDATE gate SET open = true").unwrap();
    ends(&mut complete, 0);
    ends(&mut start, 0);
    let held = "SELECT count(*) FROM segue.records WHERE kind = 'held'";
    assert_eq!(one(database.query(held).unwrap()), "0");
}

#[test]
fn status_names_who_is_in_the_way_of_a_lock() {
    let database = sandbox::database().unwrap();
    let rig = Rig::new(database.url());
    database.query(TABLE).unwrap();
    rig.plan(PLAN);
    let mut reader = database.session().unwrap();
    let pid = one(reader.query("BEGIN; SELECT pg_backend_pid() FROM t LIMIT 1").unwrap());
    wait_for("the reader to be old", || {
        let old = "SELECT 1 FROM pg_stat_activity WHERE clock_timestamp() - xact_start > '1.2 s' AND pid =";
        one(database.query(&format!("{old} {pid}")).unwrap()) == "1"
    });
    let names = |status: &Value| {
        status["rollout"]["blockers"].as_str().is_some_and(|text| text.contains(&format!("pid {pid}")))
    };
    let mut start = rig.spawn(&["start", "plan.yaml", "--lock-budget", "4s"]);
    wait_for("the blocker in status", || names(&rig.status()));
    ends(&mut start, 5);
    assert!(names(&rig.status()), "{}", rig.status());
    reader.query("COMMIT").unwrap();
    rig.exits(&["resume"], 0);
    assert_eq!(rig.status()["rollout"]["blockers"], Value::Null);
    // `ready` is no end, but nobody reading is.
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    ends(&mut rig.segue(&["status", "--watch"]).stdout(write).spawn().unwrap(), 0);
}

#[test]
fn streams_that_nobody_reads_change_no_exit_code() {
    let database = sandbox::database().unwrap();
    let rig = Rig::new(database.url());
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let unread = |arguments: &[&str]| {
        let mut command = rig.segue(arguments);
        command.stdout(write.try_clone().unwrap()).stderr(write.try_clone().unwrap());
        // Every thread has something to say.
        command.env("SEGUE_LOG", "trace").status().unwrap().code()
    };
    assert_eq!(unread(&["rollback"]), Some(4));
    database.query(TABLE).unwrap();
    rig.plan(
        "operations:\n  - add_column: {table: t, column: {name: b, type: int, nullable: false}, up: a}\n",
    );
    assert_eq!(unread(&["start", "plan.yaml", "--complete"]), Some(0));
}
