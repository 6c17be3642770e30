//! Owns one case: a phase of the rollout, struck at one pass of one failpoint by one fault, brought to its end and compared
//! with plain DDL.

use super::common::{Outcome, PATIENCE, Running, segue, spawn, spawn_with, state, wait_for};
use super::oracle::{self, Expected};
use super::stage::{PLAIN, SCRIPT_PLAIN, Stage};
use super::writers::{Version, Writers};
use segue::failpoint;
use std::{fmt, fs, path::Path, thread, time::Duration};

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
    /// To its end; in a few words how it went. The run that the cases are made of may have had passes that this one has not:
    /// a guard that held for a moment is in the journal, too. Then the last pass that there was is struck at.
    pub fn run(&self, stage: &Stage) -> String {
        let mut case = self.clone();
        for _ in 0..3 {
            match case.once(stage) {
                Ok(told) if case.point == self.point => return told,
                Ok(told) => return format!("at {}: {told}", case.point),
                Err(point) => case.point = point,
            }
        }
        panic!("{case} was not reached, and the one before it was");
    }

    /// `Err`: it was not reached, and this one is the last that is.
    fn once(&self, stage: &Stage) -> Result<String, String> {
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
            let _over = writers.until_dropped();
            self.with(stage, &database, &writers)
        });
        writers.check();
        let Ok(told) = told else {
            stage.drop(&database);
            return told;
        };
        let back = stage.state(&database) == "rolled_back";
        let expected = match self.phase {
            _ if back => Expected { plain: "", back, version: &[] },
            Phase::Script => Expected { plain: SCRIPT_PLAIN, back, version: &["public_script"] },
            _ => Expected { plain: PLAIN, back, version: &["public_plan"] },
        };
        // A promotion may lose what was acknowledged: the standby was not a synchronous one.
        let acknowledged = (self.fault != Fault::Promoted).then(|| writers.acknowledged());
        oracle::check(stage, &database, &expected, acknowledged.as_deref());
        stage.drop(&database);
        Ok(format!("{told}, longest write {} ms", writers.longest().as_millis()))
    }

    fn with(&self, stage: &Stage, database: &str, writers: &Writers<'_>) -> Result<String, String> {
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
        let code = self.strike(stage, database)?;
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
            self.ended(stage, database, spawn(&stage.url(database), &["complete"])).exits(0);
        }
        Ok(told)
    }

    /// Begins the phase and strikes. The exit code; `None`: it was killed.
    fn strike(&self, stage: &Stage, database: &str) -> Result<Option<i32>, String> {
        let (name, pass) = self.point.split_once('#').expect("it has a pass");
        let meeting = stage.folder.path(&format!("meeting-{database}"));
        let action = match self.fault {
            Fault::Killed => "crash".to_owned(),
            Fault::Panic => "panic".to_owned(),
            Fault::Cut | Fault::Restarted | Fault::Promoted => format!("meet:{}", meeting.display()),
        };
        let setting = format!("{name}={pass}*{action}");
        let passes = stage.folder.path(&format!("passes-{database}"));
        let noted = passes.to_str().expect("it is UTF-8");
        let settings = [(failpoint::VARIABLE, setting.as_str()), (failpoint::LOG, noted)];
        let mut running = spawn_with(&stage.url(database), &self.phase.command(stage), &settings);
        if matches!(self.fault, Fault::Killed | Fault::Panic) {
            let outcome = running.outcome();
            let struck =
                outcome.code == Some(failpoint::CRASH_STATUS) || outcome.stderr.contains("panic injected");
            if !struck {
                return Err(last_pass(name, &passes, outcome));
            }
            return Ok(outcome.code.filter(|code| *code != failpoint::CRASH_STATUS));
        }
        let reached = wait_for("the failpoint to be reached", PATIENCE, || {
            // In this order: what has ended is not at it any more.
            let alive = running.is_alive();
            if meeting.exists() { Some(true) } else { (!alive).then_some(false) }
        });
        if !reached {
            return Err(last_pass(name, &passes, running.outcome()));
        }
        match self.fault {
            Fault::Cut => stage.cut(database),
            Fault::Restarted => stage.restart(),
            _ => stage.promote(),
        }
        fs::remove_file(&meeting).expect("it was there");
        let outcome = self.ended(stage, database, running);
        assert!(!outcome.said().contains("panicked at"), "{outcome}");
        Ok(outcome.code)
    }

    /// Its end. After a promotion the standby that the rollout knew is the primary, and counts as missing until an operator says
    /// that it is not awaited.
    #[track_caller]
    fn ended(&self, stage: &Stage, database: &str, mut running: Running) -> Outcome {
        let held = "SELECT coalesce((SELECT kind = 'held' FROM segue.records
            WHERE kind IN ('held', 'released') AND body->'hold'->>'subject' = 'standby1' ORDER BY seq DESC LIMIT 1), false)";
        let mut told = self.fault != Fault::Promoted;
        while !told && running.is_alive() {
            let at = stage.at(database);
            if !stage.state(database).is_empty() && at.is_true(held) {
                at.query(
                    "INSERT INTO segue.commands (kind, args)
                     VALUES ('ignore_standby', '{\"standby\": \"standby1\", \"for\": \"1h\"}')",
                );
                told = true;
            }
            thread::sleep(Duration::from_millis(200));
        }
        running.outcome()
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
                let outcome = self.ended(stage, database, spawn(&url, &["resume"]));
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
        self.ended(stage, database, spawn(&url, &again)).exits(0);
        assert_eq!(stage.state(database), self.phase.goal());
        format!("{how}, resumed")
    }
}

/// The last pass of a failpoint that a run came to which ended well.
#[track_caller]
fn last_pass(name: &str, noted: &Path, outcome: Outcome) -> String {
    let outcome = outcome.exits(0);
    let text = fs::read_to_string(noted).unwrap_or_default();
    let count = text.lines().filter(|line| line.split('\t').next() == Some(name)).count();
    assert!(count > 0, "it was not reached: {outcome}");
    format!("{name}#{count}")
}
