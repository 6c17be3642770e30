//! Owns one case: a phase of the rollout, struck at one pass of one failpoint by one fault, brought to its end and compared
//! with plain DDL.

use super::common::{
    At, PATIENCE, Running,
    schema::{Compare, catalog, differences, leftovers, row_differences, rows},
    segue, spawn_with, state, wait_for,
};
use super::stage::{PLAIN, SCRIPT_PLAIN, Stage};
use super::writers::{OPENED_FROM, Version, Writers};
use segue::{catalog::Order, failpoint};
use std::{fmt, fs, thread};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Start,
    Complete,
    Rollback,
    /// A plan of SQL that cannot be in a transaction: what is begun and not ended is not known, and a person decides.
    Script,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Killed,
    Panic,
    Cut,
    Restarted,
    Promoted,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub phase: Phase,
    /// `name#pass`.
    pub point: String,
    pub fault: Fault,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:?}/{}/{:?}", self.phase, self.point, self.fault).to_lowercase())
    }
}

impl Phase {
    pub const ALL: [Phase; 4] = [Phase::Start, Phase::Complete, Phase::Rollback, Phase::Script];

    pub fn database(self, stage: &Stage) -> String {
        match self {
            Phase::Start | Phase::Script => stage.fresh(),
            Phase::Complete | Phase::Rollback => stage.ready(),
        }
    }

    pub fn command(self, stage: &Stage) -> Vec<&str> {
        match self {
            Phase::Start => vec!["start", &stage.plan],
            Phase::Complete => vec!["complete"],
            Phase::Rollback => vec!["rollback"],
            Phase::Script => vec!["start", &stage.script, "--complete"],
        }
    }

    fn goal(self) -> &'static str {
        match self {
            Phase::Start => "ready",
            Phase::Complete | Phase::Script => "completed",
            Phase::Rollback => "rolled_back",
        }
    }
}

impl Fault {
    pub const ALL: [Fault; 5] = [Fault::Killed, Fault::Panic, Fault::Cut, Fault::Restarted, Fault::Promoted];
}

impl Case {
    /// To its end; in a few words how it went.
    pub fn run(&self, stage: &Stage) -> String {
        let database = self.phase.database(stage);
        let felt = matches!(self.fault, Fault::Restarted | Fault::Promoted);
        let writers = Writers::new(stage, &database, felt);
        let versions: &[Version] =
            if self.phase == Phase::Script { &[Version::Old] } else { &[Version::Old, Version::New] };
        let told = thread::scope(|scope| {
            for version in versions {
                for _ in 0..2 {
                    scope.spawn(|| writers.write(*version));
                }
            }
            // However it ends, they are told to.
            let _over = Over(&writers);
            self.with(stage, &database, &writers)
        });
        writers.check();
        self.compare(stage, &database, &writers);
        stage.drop(&database);
        format!("{told}, longest write {} ms", writers.longest().as_millis())
    }

    fn with(&self, stage: &Stage, database: &str, writers: &Writers<'_>) -> String {
        writers.wait_passes(Version::Old, 2);
        match self.phase {
            Phase::Start | Phase::Script => {}
            Phase::Complete => {
                writers.wait_passes(Version::New, 2);
                writers.stop(Version::Old);
            }
            Phase::Rollback => {
                writers.wait_passes(Version::New, 2);
                writers.stop(Version::New);
            }
        }
        let code = self.strike(stage, database);
        let told = self.bring_to_its_end(stage, database, code);
        let goes_on = if self.phase == Phase::Complete { Version::New } else { Version::Old };
        writers.wait_passes(goes_on, 2);
        if self.phase == Phase::Start {
            // In `ready` both are in step, and the rollout ends as any other.
            writers.wait_passes(Version::New, 2);
            let contradictions = stage.at(database).value(
                "SELECT count(*) FROM public.account o FULL JOIN public_plan.account n USING (id)
                  WHERE o.balance::bigint * 100 IS DISTINCT FROM n.balance OR lower(o.email) IS DISTINCT FROM n.login",
            );
            assert_eq!(contradictions.as_deref(), Some("0"), "the versions do not agree");
            writers.stop(Version::Old);
            segue(&stage.url(database), &["complete"]).exits(0);
        }
        told
    }

    /// Begins the phase and strikes. The exit code; `None`: it was killed.
    fn strike(&self, stage: &Stage, database: &str) -> Option<i32> {
        let (name, pass) = self.point.split_once('#').expect("it has a pass");
        let meeting = stage.folder.path(&format!("meeting-{database}"));
        let action = match self.fault {
            Fault::Killed => "crash".to_owned(),
            Fault::Panic => "panic".to_owned(),
            Fault::Cut | Fault::Restarted | Fault::Promoted => format!("meet:{}", meeting.display()),
        };
        let setting = format!("{name}={pass}*{action}");
        let mut running =
            spawn_with(&stage.url(database), &self.phase.command(stage), &[(failpoint::VARIABLE, &setting)]);
        if matches!(self.fault, Fault::Killed | Fault::Panic) {
            let outcome = running.outcome();
            let struck =
                outcome.code == Some(failpoint::CRASH_STATUS) || outcome.stderr.contains("panic injected");
            assert!(struck, "it was not reached: {outcome}");
            return outcome.code.filter(|code| *code != failpoint::CRASH_STATUS);
        }
        wait_for("the failpoint to be reached", PATIENCE, || {
            assert!(running.is_alive(), "it was not reached: {}", running.said());
            meeting.exists().then_some(())
        });
        match self.fault {
            Fault::Cut => stage.cut(database),
            Fault::Restarted => stage.restart(),
            _ => stage.promote(),
        }
        fs::remove_file(&meeting).expect("it was there");
        self.ended(running)
    }

    #[track_caller]
    fn ended(&self, running: Running) -> Option<i32> {
        let outcome = running.outcome();
        assert!(!outcome.said().contains("panicked at"), "{outcome}");
        outcome.code
    }

    /// A phase that the fault has ended is gone on with, once, as the operator would.
    fn bring_to_its_end(&self, stage: &Stage, database: &str, code: Option<i32>) -> String {
        let url = stage.url(database);
        let now = state(&url);
        if code == Some(0) {
            assert_eq!(now, self.phase.goal(), "it ended well and is somewhere else");
            return "went on by itself".to_owned();
        }
        let how = code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
        if now == self.phase.goal() {
            assert_eq!(stage.state(database), now, "its row does not say what its journal does");
            return format!("{how}, was at its end");
        }
        let again = match (self.phase, now.as_str()) {
            (_, "") => self.phase.command(stage),
            (Phase::Start, _) => vec!["resume"],
            (Phase::Script, _) => {
                let outcome = segue(&url, &["resume"]);
                if outcome.code == Some(8) {
                    segue(&url, &["rollback"]).exits(0);
                    return format!("{how}, not known: rolled back");
                }
                outcome.exits(0);
                if stage.state(database) == "completed" {
                    return format!("{how}, resumed");
                }
                vec!["complete"]
            }
            (phase, _) => phase.command(stage),
        };
        segue(&url, &again).exits(0);
        assert_eq!(stage.state(database), self.phase.goal());
        format!("{how}, resumed")
    }

    /// The catalog and the rows are plain DDL's and the applications' writes.
    fn compare(&self, stage: &Stage, database: &str, writers: &Writers<'_>) {
        let at = stage.at(database);
        let back = stage.state(database) == "rolled_back";
        if self.fault != Fault::Promoted {
            // A promotion may lose what was acknowledged: the standby was not a synchronous one.
            let numbers: Vec<String> =
                writers.acknowledged.lock().unwrap().iter().map(i64::to_string).collect();
            let lost = format!(
                "SELECT count(*) FROM unnest('{{{}}}'::bigint[]) n WHERE n NOT IN (SELECT id FROM ops)",
                numbers.join(",")
            );
            assert_eq!(at.value(&lost).as_deref(), Some("0"), "acknowledged writes are gone");
        }
        let twin_name = stage.fresh();
        let twin = stage.at(&twin_name);
        replay(at, twin);
        match self.phase {
            _ if back => {}
            Phase::Script => drop(twin.query(SCRIPT_PLAIN)),
            _ => drop(twin.query(PLAIN)),
        }
        let (plain, ours) = (catalog(twin, "public"), catalog(at, "public"));
        let order = if back { Order::Kept } else { Order::Ignored };
        same("the catalog, from plain DDL's to Segue's", differences(&plain, &ours, order));
        let whole = Compare::parse("only account: true\nonly ops: true\n");
        let (plain, ours) = (rows(twin, &plain, &whole), rows(at, &ours, &whole));
        same("rows, from plain DDL's to Segue's", row_differences(&plain, &ours));
        let version = match self.phase {
            _ if back => &[][..],
            Phase::Script => &["public_script"],
            _ => &["public_plan"],
        };
        same("left behind", leftovers(at, version));
        wait_for("Segue's sessions to end", PATIENCE, || {
            let sql = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name LIKE 'segue/%')";
            at.is_true(sql).then_some(())
        });
        stage.drop(&twin_name);
    }
}

/// What the applications did, done to a database that no rollout has touched.
fn replay(from: At<'_>, to: At<'_>) {
    let ops: Vec<String> = from
        .query("SELECT format('(%s, %s, %s)', id, account, delta) FROM ops")
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert!(!ops.is_empty(), "the applications have written nothing");
    to.query(&format!(
        "INSERT INTO ops VALUES {};
         UPDATE account SET balance = balance + sum
           FROM (SELECT account, sum(delta) FROM ops GROUP BY 1) s WHERE s.account = id;
         INSERT INTO account (id, owner, balance, email)
         SELECT account, 1 + id % 20, delta, 'App' || id FROM ops WHERE account >= {OPENED_FROM}",
        ops.join(", ")
    ));
}

#[track_caller]
fn same(what: &str, differences: Vec<String>) {
    assert!(differences.is_empty(), "{what}:\n  {}", differences.join("\n  "));
}

struct Over<'a>(&'a Writers<'a>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.stop(Version::Old);
        self.0.stop(Version::New);
    }
}
