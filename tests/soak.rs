//! A soak: one long rollout on a primary and its standby under changing load, and one fault after the other, chosen at random.
//! At the end nothing is lost, nothing is done twice, and Segue's memory has not grown.
//!
//! `SEGUE_SOAK=seconds` is how long the faults go on (`scripts/soak --hours 4`); unset, half a minute. The seed is printed;
//! `SEGUE_SEED` repeats the order of the faults.

mod common;
#[path = "faults/oracle.rs"]
mod oracle;
#[path = "faults/stage.rs"]
mod stage;
#[path = "faults/writers.rs"]
mod writers;

use common::{PATIENCE, Running, segue, spawn, state, wait_for};
use oracle::Expected;
use stage::{PLAIN, PLAN, Stage};
use std::{
    collections::BTreeMap,
    env, fs,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};
use writers::{Version, Writers};

/// Rows filled in a second.
const RATE: u32 = 40;
/// Faults come this often, in milliseconds.
const EVERY: std::ops::Range<u64> = 300..2500;
/// More than this over what it was after its first seconds, in kB, is a leak.
const GROWTH: u64 = 24 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Killed,
    Interrupted,
    Cut,
    Restarted,
    ReplayPaused,
    ReceiverFrozen,
    Locked,
    OldSnapshot,
    VacuumFull,
    Paused,
    Drilled,
    LoadChanged,
}

const FAULTS: [Fault; 12] = [
    Fault::Killed,
    Fault::Interrupted,
    Fault::Cut,
    Fault::Restarted,
    Fault::ReplayPaused,
    Fault::ReceiverFrozen,
    Fault::Locked,
    Fault::OldSnapshot,
    Fault::VacuumFull,
    Fault::Paused,
    Fault::Drilled,
    Fault::LoadChanged,
];

struct Soak<'s> {
    stage: &'s Stage,
    database: &'s str,
    url: String,
    running: Running,
    born: Instant,
    /// Of the supervisor in hand, kB: after its first seconds, and the most since.
    memory: Option<(u64, u64)>,
    most: u64,
    random: fastrand::Rng,
}

impl Soak<'_> {
    fn strike(&mut self, fault: Fault, writers: &Writers<'_>) {
        let at = self.stage.at(self.database);
        let moment = |random: &mut fastrand::Rng| Duration::from_millis(random.u64(100..1500));
        match fault {
            Fault::Killed => self.running.signal(nix::sys::signal::Signal::SIGKILL),
            Fault::Interrupted => self.running.signal(nix::sys::signal::Signal::SIGINT),
            Fault::Cut => self.stage.cut(self.database),
            Fault::Restarted => self.stage.restart(),
            Fault::ReplayPaused => {
                let standby = self.stage.standby().expect("there is one");
                standby.pause_replay().expect("it pauses");
                thread::sleep(moment(&mut self.random));
                standby.resume_replay().expect("it goes on");
            }
            Fault::ReceiverFrozen => {
                let standby = self.stage.standby().expect("there is one");
                standby.freeze_one("walreceiver").expect("it freezes");
                thread::sleep(moment(&mut self.random));
                standby.thaw().expect("it goes on");
            }
            Fault::Locked => {
                let mut session = at.cluster.session(at.name).expect("a session");
                let row = self.random.u32(1..=1500);
                session
                    .query(&format!("BEGIN; UPDATE account SET email = email WHERE id = {row}; LOCK TABLE owner IN SHARE MODE"))
                    .expect("it locks");
                thread::sleep(moment(&mut self.random));
                session.query("ROLLBACK").expect("it ends");
            }
            Fault::OldSnapshot => {
                let mut session = at.cluster.session(at.name).expect("a session");
                session
                    .query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ops")
                    .expect("it reads");
                thread::sleep(moment(&mut self.random));
                session.query("COMMIT").expect("it ends");
            }
            // It may lose against the applications' locks; then nothing has happened.
            Fault::VacuumFull => {
                let _ = at.cluster.query(at.name, "SET lock_timeout = '500ms'; VACUUM FULL account");
            }
            Fault::Paused => {
                at.query("INSERT INTO segue.commands (kind) VALUES ('pause')");
                thread::sleep(moment(&mut self.random));
                at.query("INSERT INTO segue.commands (kind) VALUES ('resume')");
            }
            Fault::Drilled => {
                at.query("INSERT INTO segue.commands (kind, args) VALUES ('drill', '{\"drill\": \"lag\", \"for\": \"500ms\"}')");
            }
            Fault::LoadChanged => writers.pace.store(self.random.u64(1..6), Ordering::Relaxed),
        }
    }

    /// A supervisor that has ended is followed by another, as an operator would see to it.
    fn keep_going(&mut self, ended: &mut BTreeMap<Option<i32>, u32>) {
        if self.running.is_alive() {
            self.weigh();
            return;
        }
        let next = spawn(&self.url, &["resume"]);
        let outcome = std::mem::replace(&mut self.running, next).outcome();
        // Killed; interrupted; the answer to its first question was lost with its session.
        assert!(matches!(outcome.code, None | Some(0 | 1 | 5)), "{outcome}");
        assert!(!outcome.said().contains("panicked at"), "{outcome}");
        *ended.entry(outcome.code).or_default() += 1;
        (self.born, self.memory) = (Instant::now(), None);
    }

    /// What it has allocated, and not what it has read of its own program so far.
    fn weigh(&mut self) {
        let Ok(status) = fs::read_to_string(format!("/proc/{}/status", self.running.pid())) else { return };
        let Some(line) = status.lines().find_map(|line| line.strip_prefix("RssAnon:")) else { return };
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        self.most = self.most.max(kilobytes);
        if self.born.elapsed() < Duration::from_secs(5) {
            return;
        }
        let (first, most) = self.memory.get_or_insert((kilobytes, kilobytes));
        *most = kilobytes.max(*most);
        assert!(*most < *first + GROWTH, "its memory grew from {first} kB to {most} kB");
    }
}

#[test]
fn nothing_is_lost_in_a_storm_of_faults() {
    let seed =
        env::var("SEGUE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    let long = env::var("SEGUE_SOAK").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(25_u64);
    println!("SEGUE_SEED={seed}, {long} s");
    // Beyond those that the applications touch, and so fill on the spot; more than its rate would fill.
    let rows = 1500 + 4 * RATE * u32::try_from(long).expect("not for a century");
    let stage = Stage::with_rows(true, rows);
    let database = stage.fresh();
    let url = stage.url(&database);
    let plan = format!("{PLAN}guards: {{hold: {{pauses_an_hour: 1000000}}}}\n")
        .replace("vacuum: true", &format!("vacuum: true, rate: {RATE}"));
    let plan = stage.folder.file("plan.yaml", &plan);
    let writers = Writers::new(&stage, &database, true);
    let (mut struck, mut ended) = (BTreeMap::<Fault, u32>::new(), BTreeMap::new());
    let most = thread::scope(|scope| {
        for version in [Version::Old, Version::Old, Version::New, Version::New] {
            let writers = &writers;
            scope.spawn(move || writers.write(version));
        }
        let _over = writers.until_dropped();
        let mut soak = Soak {
            stage: &stage,
            database: &database,
            running: spawn(&url, &["start", &plan]),
            url: url.clone(),
            born: Instant::now(),
            memory: None,
            most: 0,
            random: fastrand::Rng::with_seed(seed),
        };
        wait_for("the rollout to be there", PATIENCE, || {
            (stage.state(&database) == "backfilling").then_some(())
        });
        let until = Instant::now() + Duration::from_secs(long);
        while Instant::now() < until {
            let fault = soak.random.choice(FAULTS).expect("there are some");
            soak.strike(fault, &writers);
            *struck.entry(fault).or_default() += 1;
            let next = Instant::now() + Duration::from_millis(soak.random.u64(EVERY));
            while Instant::now() < next {
                thread::sleep(Duration::from_millis(100));
                soak.keep_going(&mut ended);
                writers.check();
            }
        }
        // Calm: now it has to come to its end.
        stage
            .at(&database)
            .query("INSERT INTO segue.commands (kind, args) VALUES ('tune', '{\"rate\": \"off\"}')");
        wait_for("the rollout to be ready", PATIENCE * 3, || {
            soak.keep_going(&mut ended);
            writers.check();
            (stage.state(&database) == "ready").then_some(())
        });
        writers.wait_passes(Version::Old, 2);
        writers.wait_passes(Version::New, 2);
        writers.stop(Version::Old);
        soak.most
    });
    segue(&url, &["complete"]).exits(0);
    assert_eq!(state(&url), "completed");
    let acknowledged = writers.acknowledged();
    let expected = Expected { plain: PLAIN, back: false, version: &["public_plan"] };
    oracle::check(&stage, &database, &expected, Some(&acknowledged));
    println!("faults: {struck:?}; supervisors ended: {ended:?}");
    println!(
        "{} writes, none lost; longest {} ms; most memory {} MB",
        acknowledged.len(),
        writers.longest().as_millis(),
        most / 1024
    );
}
