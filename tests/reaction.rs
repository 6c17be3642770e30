//! How long Segue goes on writing once it is to stop: after a threshold is crossed, and after `segue pause` is begun. By the
//! server's own stamps of the commits. `SEGUE_REACTION_TRIES` is how often (`scripts/reaction`); unset, a few times.

mod common;

use common::{At, Folder, PATIENCE, Running, segue, spawn, status, wait_for};
use segue::sandbox::{Cluster, Options};
use std::{
    env, thread,
    time::{Duration, Instant, SystemTime},
};

/// Several rollouts side by side, each with a share of the tries: most of the time they wait. Fewer where the figures count.
const LANES: usize = 4;
const LANES_MEASURED: usize = 2;
/// Tries of one rollout: a guard that pauses again and again lets it go on later each time.
const TRIES: usize = 3;
/// What a slice takes, as asked for.
const SLICE: Duration = Duration::from_millis(50);
/// An operator's probe is read so often.
const SAMPLING: Duration = Duration::from_secs(1);

fn before(rows: usize) -> String {
    format!(
        "CREATE TABLE t (id bigint PRIMARY KEY, a integer);
         INSERT INTO t SELECT n, n FROM generate_series(1, {rows}) n;
         ANALYZE t;
         CREATE TABLE dial (value integer);
         INSERT INTO dial VALUES (0);
         CREATE FUNCTION slow(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN $1; END'"
    )
}

const PLAN: &str = "operations:\n  - add_column: {table: t, column: {name: b, type: int, nullable: true}, up: slow(a)}\n\
    guards:\n  hold: {pauses_an_hour: 1000000}\n  probes:\n    - {name: dial, sql: 'SELECT value FROM public.dial', pause: 10}\n\
    backfill: {slice_time: 50ms}\n";

struct Lane<'a> {
    at: At<'a>,
    url: String,
    running: Running,
}

impl Lane<'_> {
    /// When the last slice was committed, in seconds since 1970; `None`: none was.
    fn last_write(&self) -> Option<f64> {
        let sql =
            "SELECT max(extract(epoch FROM pg_xact_commit_timestamp(xmin))) FROM t WHERE NOT _segue_pending";
        let there =
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = '_segue_pending'";
        if self.at.value(there).as_deref() != Some("1") {
            return None;
        }
        self.at.value(sql).map(|seconds| seconds.parse().expect("a number"))
    }

    /// Until it writes, and then to a moment like any other.
    fn wait_moving(&mut self) {
        let before = self.last_write();
        wait_for("it to write", PATIENCE, || {
            assert!(self.running.is_alive(), "it ended: {}", self.running.said());
            (self.last_write() > before).then_some(())
        });
        thread::sleep(Duration::from_millis(fastrand::u64(..1000)));
    }

    /// How long it wrote on after this moment, once it has stopped.
    fn wrote_on(&self, since: f64, by: &str) -> Duration {
        wait_for("it to stop", PATIENCE, || {
            let holds = status(&self.url)["rollout"]["holds"].as_array().cloned().unwrap_or_default();
            let held = holds.iter().any(|hold| hold["by"] == by);
            held.then_some(())
        });
        // A slice in hand ends; then the last write stays the last.
        let last = wait_for("the last write", PATIENCE, || {
            let before = self.last_write();
            thread::sleep(Duration::from_millis(300));
            (self.last_write() == before).then_some(before)
        });
        Duration::from_secs_f64((last.expect("something was filled") - since).max(0.0))
    }

    fn crossing(&mut self) -> Duration {
        self.wait_moving();
        let turned = "UPDATE dial SET value = 99";
        self.at.query(turned);
        let since =
            self.at.value("SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM dial").unwrap();
        let took = self.wrote_on(since.parse().expect("a number"), "dial");
        self.at.query("UPDATE dial SET value = 0");
        took
    }

    fn command(&mut self) -> Duration {
        self.wait_moving();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        segue(&self.url, &["pause"]).exits(0);
        let took = self.wrote_on(since, "operator");
        segue(&self.url, &["resume"]).exits(0);
        took
    }
}

fn told(what: &str, mut tries: Vec<Duration>) -> Duration {
    tries.sort();
    let at = |share: f64| tries[((tries.len() - 1) as f64 * share).round() as usize].as_millis();
    println!(
        "{what}: {} tries, p50 {} ms, p90 {} ms, p99 {} ms, max {} ms",
        tries.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    *tries.last().expect("there was a try")
}

#[test]
fn a_pause_takes_effect_soon() {
    let asked: Option<usize> = env::var("SEGUE_REACTION_TRIES").ok().and_then(|tries| tries.parse().ok());
    let lanes = if asked.is_some() { LANES_MEASURED } else { LANES };
    let each = asked.unwrap_or(lanes).div_ceil(lanes);
    let began = Instant::now();
    let options = Options::test().set("track_commit_timestamp", "on");
    let cluster = Cluster::start(&options).unwrap();
    let folder = Folder::new();
    let plan = folder.file("plan.yaml", PLAN);
    let (mut crossings, mut commands) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let all: Vec<_> = (0..lanes)
            .map(|lane| {
                let (cluster, plan) = (&cluster, &plan);
                scope.spawn(move || {
                    let (mut commands, mut crossings) = (Vec::new(), Vec::new());
                    while commands.len() < each {
                        let tries = TRIES.min(each - commands.len());
                        let name = format!("lane_{lane}_{}", commands.len());
                        cluster.query("postgres", &format!("CREATE DATABASE {name}")).unwrap();
                        let at = At { cluster, name: &name };
                        at.query(&before(tries * 8_000 + 60_000));
                        let running = spawn(&at.url(), &["start", plan]);
                        let mut lane = Lane { at, url: at.url(), running };
                        commands.extend((0..tries).map(|_| lane.command()));
                        crossings.extend((0..tries).map(|_| lane.crossing()));
                    }
                    (commands, crossings)
                })
            })
            .collect();
        for lane in all {
            let (some_commands, some_crossings) = lane.join().expect("a lane does not panic");
            commands.extend(some_commands);
            crossings.extend(some_crossings);
        }
    });
    println!("slices of {} ms, {lanes} rollouts side by side", SLICE.as_millis());
    let command = told("from `segue pause` to the last write", commands);
    println!("a probe is read every {} ms", SAMPLING.as_millis());
    let crossing = told("from a threshold crossed to the last write", crossings);
    println!("took {:.0} s", began.elapsed().as_secs_f64());
    // What it is on a quiet machine is for the script to say; that it is bounded, for this. A slice that is too long is
    // ended after five seconds, and on a busy machine a command takes some to begin.
    let (command_at_most, crossing_at_most) = if asked.is_some() { (10, 15) } else { (45, 45) };
    assert!(
        command < Duration::from_secs(command_at_most) && crossing < Duration::from_secs(crossing_at_most),
        "{command:?}, {crossing:?}"
    );
}
