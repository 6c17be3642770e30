//! Owns where a rollout stands, as `segue status --json` gives it. Must not read a database, and must
//! not render for people: that is `ui`'s.

use super::exception::{self, Exception};
use super::hold::{ContractHold, Hold};
use super::policy::Guard;
use super::progress::{TableProgress, VacuumProgress};
use super::record::Direction;
use super::signal::Reading;
use super::state::{Goal, RolloutState, State, StepStatus};
use super::thresholds::Moved;
use super::tuning::Tuning;
use crate::compile::program::{Action, Program};
use crate::ident::QualifiedName;
use crate::plan::limits::Limit;
use jiff::Timestamp;
use serde::Serialize;

/// The contract's object; its keys are held on to by scripts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// `None`: there has been none.
    pub rollout: Option<RolloutStatus>,
    pub signals: Vec<Reading>,
    pub versions: Vec<Version>,
    /// What the rollout's guards hold at, to tell which signals are worth a person's look; not of the
    /// contract's object.
    #[serde(skip)]
    pub guards: Vec<Guard>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RolloutStatus {
    pub plan: String,
    pub schema: String,
    pub id: i64,
    pub state: State,
    pub version_schema: String,
    pub previous_version_schema: Option<String>,
    pub holds: Vec<Hold>,
    /// Who keeps the old version from being removed.
    pub contract_hold: Option<ContractHold>,
    /// Signals that hold nothing while they are blind, by an operator's word.
    pub accepted_blind: Vec<String>,
    pub ignored_standbys: Vec<IgnoredStandby>,
    /// Guards that an operator overrides, and drills.
    pub exceptions: Vec<Exception>,
    /// Of guards, moved by operators for good.
    pub thresholds: Vec<Moved>,
    /// `None`: it never had one.
    pub supervisor: Option<Supervisor>,
    pub backfill: Vec<TableProgress>,
    pub limits: Limits,
    pub steps: Steps,
    /// How far the VACUUM in hand is, as the live supervisor says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vacuum: Option<VacuumProgress>,
    /// Who is in the way of the lock that the step in hand asks for, as the live supervisor says, or
    /// was when it was postponed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blockers: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub error: Option<String>,
    /// Tables that were filled and that no step of the rollout vacuums; not of the contract's object.
    #[serde(skip)]
    pub unvacuumed: Vec<QualifiedName>,
    /// For telling what comes next; not of the contract's object.
    #[serde(skip)]
    pub goal: Goal,
    #[serde(skip)]
    pub failed_in: Option<State>,
    #[serde(skip)]
    pub rolled_back_by: Option<String>,
}

/// A standby that does not count until then.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IgnoredStandby {
    pub name: String,
    pub until: Timestamp,
}

/// Who advances it, or did last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Supervisor {
    pub holder: String,
    pub term: i64,
    /// By the server's clock.
    pub alive: bool,
    pub expires: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Steps {
    pub done: usize,
    pub total: usize,
    /// The step in hand, or that was when it stopped.
    pub current: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Previous,
    New,
}

/// What the backfill is limited to; no value, no limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limits {
    pub slice_seconds: f64,
    pub workers: u32,
    pub rows_per_second: Option<u64>,
    pub wal_bytes_per_second: Option<u64>,
    /// Share of the time that each worker rests.
    pub rest: f64,
    /// Which of them an operator set by `segue tune`.
    pub tuned: Vec<Limit>,
    /// The one that keeps it from being faster at this moment, as the live supervisor says.
    pub binding: Option<Limit>,
}

/// A version schema that applications use, or will.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    pub schema: String,
    pub role: Role,
    /// Whether its views are there; said of the new one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<bool>,
}

/// What of a rollout's row the fold of its records does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub id: i64,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// What it began with.
    pub limits: Tuning,
}

impl Status {
    pub fn of(
        facts: Facts,
        program: &Program,
        state: &RolloutState,
        supervisor: Option<Supervisor>,
        backfill: Vec<TableProgress>,
        signals: Vec<Reading>,
    ) -> Status {
        let rollout = RolloutStatus {
            plan: program.plan.clone(),
            schema: program.schema.as_str().to_owned(),
            id: facts.id,
            state: state.state,
            version_schema: program.version_schema.as_str().to_owned(),
            previous_version_schema: program.previous_version_schema.as_ref().map(|s| s.as_str().to_owned()),
            holds: holds(state),
            contract_hold: state.contract_hold.clone(),
            accepted_blind: state.accepted_blind.clone(),
            ignored_standbys: ignored(state),
            exceptions: state.exceptions.clone(),
            thresholds: state.thresholds.clone(),
            supervisor,
            backfill,
            limits: limits(facts.limits, state),
            steps: Steps {
                done: state.steps_done(),
                total: program.steps.len(),
                current: current(program, state),
            },
            vacuum: None,
            blockers: state.postponed_by.clone(),
            started_at: facts.started_at,
            ended_at: facts.ended_at,
            error: state.error.clone(),
            unvacuumed: program.unvacuumed(),
            goal: state.goal,
            failed_in: state.failed_in,
            rolled_back_by: state.rolled_back_by.clone(),
        };
        Status { versions: versions(program, state), rollout: Some(rollout), signals, guards: Vec::new() }
    }

    /// There has been no rollout.
    pub fn none(signals: Vec<Reading>) -> Status {
        Status { signals, ..Status::default() }
    }
}

/// Title of the step in hand: by this process if it has one, else the one begun and not ended.
fn current(program: &Program, state: &RolloutState) -> Option<String> {
    if let Some((step, direction)) = state.hand.running {
        return program.steps.get(step).map(|step| title(&step.title, direction));
    }
    if matches!(state.state, State::Completed | State::RolledBack | State::Ready | State::RollingBack) {
        return None;
    }
    let begun = state.status.iter().position(|status| *status == StepStatus::Begun)?;
    program.steps.get(begun).map(|step| step.title.clone())
}

/// How a step is called that is carried out in this direction.
pub fn title(title: &str, direction: Direction) -> String {
    match direction {
        Direction::Forward => title.to_owned(),
        Direction::Back => format!("undo: {title}"),
    }
}

fn ignored(state: &RolloutState) -> Vec<IgnoredStandby> {
    let all = state.ignored_standbys.iter();
    all.map(|(name, until)| IgnoredStandby { name: name.clone(), until: *until }).collect()
}

fn limits(began_with: Tuning, state: &RolloutState) -> Limits {
    // One whose time is over counts until somebody ends it.
    let tuned = exception::limits(&state.tuned, &state.exceptions, Timestamp::MIN);
    let now = began_with.changed(&tuned);
    Limits {
        slice_seconds: now.slice_time.as_secs_f64(),
        workers: now.workers,
        rows_per_second: now.rate,
        wal_bytes_per_second: now.wal,
        rest: f64::from(now.rest) / 100.0,
        tuned: Limit::ALL.into_iter().filter(|limit| tuned.says(*limit)).collect(),
        binding: None,
    }
}

/// Holds of a rollout that is over hold nothing back. In `ready` nobody measures any more, so that what a guard saw
/// last is no reason for anything; a person's pause still is.
fn holds(state: &RolloutState) -> Vec<Hold> {
    match state.state {
        State::Ready => state.by_people().chain(&state.person_hold).cloned().collect(),
        over if over.is_over() => Vec::new(),
        _ => state.holds(),
    }
}

fn versions(program: &Program, state: &RolloutState) -> Vec<Version> {
    let done = |wanted: &dyn Fn(&Action) -> bool| {
        program
            .steps
            .iter()
            .zip(&state.status)
            .any(|(s, status)| wanted(&s.action) && *status == StepStatus::Done)
    };
    let mut versions = Vec::new();
    if let Some(previous) = &program.previous_version_schema {
        let retired = done(&|a| matches!(a, Action::Retire { version_schema } if version_schema == previous));
        if !retired {
            let schema = previous.as_str().to_owned();
            versions.push(Version { schema, role: Role::Previous, published: None });
        }
    }
    if state.state != State::RolledBack {
        let published = done(&|a| matches!(a, Action::Publish));
        let schema = program.version_schema.as_str().to_owned();
        versions.push(Version { schema, role: Role::New, published: Some(published) });
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::program::{Cost, Phase, Step, Undo};
    use crate::control::hold::{HoldKind, OPERATOR};
    use crate::control::progress::Counts;
    use crate::control::record::{Outcome, Record};
    use crate::control::signal::Freshness;
    use crate::control::tuning::Change;

    fn program() -> Program {
        let step = |title: &str, phase, action| Step {
            title: title.into(),
            phase,
            action,
            locks: vec![],
            cost: Cost::Catalog,
            undo: Undo::Nothing,
        };
        Program {
            format: 1,
            plan: "20261122_full_name".into(),
            description: None,
            schema: "public".into(),
            version_schema: "public_full_name".into(),
            previous_version_schema: Some("public_20261120_orders".into()),
            checks: vec![],
            views: vec![],
            objects: Vec::new(),
            types: Default::default(),
            owned: Default::default(),
            steps: vec![
                step("expand users", Phase::Expand, Action::Ddl { statements: vec![] }),
                step(
                    "backfill users",
                    Phase::Backfill,
                    Action::Script { sql: String::new(), transactional: false },
                ),
                step("publish", Phase::Backfill, Action::Publish),
                step(
                    "retire",
                    Phase::Contract,
                    Action::Retire { version_schema: "public_20261120_orders".into() },
                ),
            ],
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn facts() -> Facts {
        Facts { id: 7, started_at: at("2026-11-22T06:58:00Z"), ended_at: None, limits: Tuning::default() }
    }

    fn ended(step: usize) -> Record {
        Record::StepEnded { step, direction: Direction::Forward, outcome: Outcome::Done }
    }

    #[test]
    fn is_the_contracts_object() {
        let program = program();
        let mut state = RolloutState::new(&program, Goal::Ready);
        let hold = |kind, by: &str| Hold {
            kind,
            by: by.into(),
            subject: None,
            reason: None,
            reading: None,
            threshold: None,
            unit: None,
            culprit: None,
            since: at("2026-11-22T07:00:00Z"),
            until: None,
        };
        for record in [
            ended(0),
            Record::StateChanged { from: State::Expanding, to: State::Backfilling, error: None },
            Record::StepBegan { step: 1, direction: Direction::Forward },
            Record::Held {
                hold: Hold { reason: Some("deploy freeze".into()), ..hold(HoldKind::Pause, OPERATOR) },
            },
            Record::Held {
                hold: Hold {
                    subject: Some("standby1".into()),
                    reading: Some(1.4),
                    threshold: Some(1.0),
                    unit: Some("s".into()),
                    ..hold(HoldKind::Throttle, "replication_lag")
                },
            },
        ] {
            state.fold(&record);
        }
        let supervisor = Supervisor {
            holder: "host:4711".into(),
            term: 3,
            alive: true,
            expires: at("2026-11-22T07:00:15Z"),
        };
        let counts = Counts {
            rows_done: 420_000,
            rows_total: Some(1_000_000),
            blocks_done: 4200,
            blocks_total: 10_000,
            ..Counts::default()
        };
        let backfill = vec![TableProgress {
            rows_per_second: Some(81_000.0),
            eta_seconds: Some(7.2),
            ..TableProgress::of("users", &counts, None)
        }];
        let signals = vec![Reading {
            name: "replication_lag".into(),
            subject: Some("standby1".into()),
            value: Some(1.4),
            unit: "s".into(),
            state: Freshness::Fresh,
            at: at("2026-11-22T07:00:10Z"),
            limit: None,
            baseline: None,
            detail: None,
        }];
        let status = Status::of(facts(), &program, &state, Some(supervisor), backfill, signals);
        // CONTRACT's example, with its dots filled in and what was added to it.
        let expected = serde_json::json!({ "rollout": {
            "plan": "20261122_full_name", "schema": "public", "id": 7,
            "state": "backfilling",
            "version_schema": "public_full_name", "previous_version_schema": "public_20261120_orders",
            "holds": [ {"kind": "pause", "by": "operator", "reason": "deploy freeze", "since": "2026-11-22T07:00:00Z"},
                       {"kind": "throttle", "by": "replication_lag", "subject": "standby1", "reading": 1.4, "threshold": 1.0, "unit": "s", "since": "2026-11-22T07:00:00Z"} ],
            "supervisor": {"holder": "host:4711", "term": 3, "alive": true, "expires": "2026-11-22T07:00:15Z"},
            "backfill": [ {"table": "users", "rows_done": 420000, "rows_total": 1000000, "rows_total_is": "estimate", "fraction": 0.42, "rows_per_second": 81000.0, "eta_seconds": 7.2,
                            "stage": "filling", "blocks_done": 4200, "blocks_total": 10000, "dead_rows": null,
                            "table_bytes": null, "table_bytes_before": null, "table_growth": null,
                            "index_bytes": null, "index_bytes_before": null, "index_growth": null,
                            "wal_bytes": null, "wal_bytes_is": "server"} ],
            "steps": {"done": 1, "total": 4, "current": "backfill users"},
            "started_at": "2026-11-22T06:58:00Z", "ended_at": null, "error": null },
          "signals": [ {"name": "replication_lag", "subject": "standby1", "reading": 1.4, "unit": "s", "state": "fresh", "at": "2026-11-22T07:00:10Z"} ],
          "versions": [ {"schema": "public_20261120_orders", "role": "previous"}, {"schema": "public_full_name", "role": "new", "published": false} ] });
        let mut said = serde_json::to_value(&status).unwrap();
        // Added to it since.
        let rollout = said["rollout"].as_object_mut().unwrap();
        for added in
            ["limits", "contract_hold", "accepted_blind", "ignored_standbys", "exceptions", "thresholds"]
        {
            assert!(rollout.remove(added).is_some(), "{added}");
        }
        assert_eq!(said, expected);
    }

    #[test]
    fn limits_are_those_in_force_and_whose() {
        let mut state = RolloutState::new(&program(), Goal::Ready);
        let limits = |state: &RolloutState| {
            let status = Status::of(facts(), &program(), state, None, vec![], vec![]);
            serde_json::to_value(status.rollout.unwrap().limits).unwrap()
        };
        assert_eq!(
            limits(&state),
            serde_json::json!({"slice_seconds": 0.05, "workers": 1, "rows_per_second": null,
                "wal_bytes_per_second": null, "rest": 0.0, "tuned": [], "binding": null})
        );
        let args = serde_json::json!({"rate": 20_000, "rest": "50%"});
        state.tuned = Change::of_args(&args).unwrap();
        let said = limits(&state);
        assert_eq!((&said["rows_per_second"], &said["rest"]), (&20_000.into(), &0.5.into()));
        assert_eq!(said["tuned"], serde_json::json!(["rate", "rest"]));
    }

    #[test]
    fn no_rollout_is_null() {
        let json = serde_json::to_value(Status::none(vec![])).unwrap();
        assert_eq!(json, serde_json::json!({"rollout": null, "signals": [], "versions": []}));
    }

    #[test]
    fn versions_come_and_go() {
        let program = program();
        let mut state = RolloutState::new(&program, Goal::Ready);
        let seen = |state: &RolloutState| {
            let status = Status::of(facts(), &program, state, None, vec![], vec![]);
            status.versions.iter().map(|v| (v.role, v.published)).collect::<Vec<_>>()
        };
        assert_eq!(seen(&state), [(Role::Previous, None), (Role::New, Some(false))]);
        (0..3).for_each(|step| state.fold(&ended(step)));
        assert_eq!(seen(&state), [(Role::Previous, None), (Role::New, Some(true))]);
        let mut back = state.clone();
        back.fold(&Record::StateChanged { from: State::Ready, to: State::RolledBack, error: None });
        assert_eq!(seen(&back), [(Role::Previous, None)]);
        state.fold(&ended(3));
        assert_eq!(seen(&state), [(Role::New, Some(true))]);
    }

    #[test]
    fn a_step_that_was_begun_is_the_current_one_until_the_rollout_rests() {
        let program = program();
        let mut state = RolloutState::new(&program, Goal::Ready);
        let current = |state: &RolloutState| {
            Status::of(facts(), &program, state, None, vec![], vec![]).rollout.unwrap().steps.current
        };
        assert_eq!(current(&state), None);
        state.fold(&Record::StepBegan { step: 1, direction: Direction::Forward });
        assert_eq!(current(&state).as_deref(), Some("backfill users"));
        state.fold(&Record::StateChanged { from: State::Backfilling, to: State::RollingBack, error: None });
        assert_eq!(current(&state), None);
        state.hand.running = Some((0, Direction::Back));
        assert_eq!(current(&state).as_deref(), Some("undo: expand users"));
    }
}
