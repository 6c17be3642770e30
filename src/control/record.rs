//! Owns what the journal says: one record a decision or outcome. Must not store or print them.

use super::adoption::Origin;
use super::baseline::Baseline;
use super::exception::{Drill, Exceptional};
use super::growth::{Measure, Moment};
use super::hold::{ContractHold, Hold};
use super::retry::FailureClass;
use super::server::Server;
use super::state::{Goal, State};
use super::thresholds::Moved;
use super::tuning::Change;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Forward,
    /// Carrying out a step's undo.
    Back,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    Pause,
    Resume,
    Rollback,
    Complete {
        force: bool,
    },
    /// Change limits of the backfill.
    Tune(Change),
    /// Until then; what they were before comes back by itself.
    TuneFor {
        change: Change,
        until: Timestamp,
    },
    /// Move a guard's threshold; `None`: for good.
    TuneGuard {
        threshold: Moved,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<Timestamp>,
    },
    /// Guards on these signals do not hold the rollout while they are blind.
    AcceptBlind {
        signals: Vec<String>,
    },
    /// The sync triggers of what is being filled only mark rows.
    Shed {
        /// Those that install them.
        steps: Vec<usize>,
    },
    /// They are whole again; what was marked is to be filled.
    Restore,
    HoldContract,
    ReleaseContract,
    /// A standby that does not count until then.
    IgnoreStandby {
        standby: String,
        until: Timestamp,
    },
    /// The guard on a signal holds nothing until then.
    Override {
        signal: String,
        until: Timestamp,
    },
    Drill {
        drill: Drill,
        until: Timestamp,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Failed {
        error: String,
        class: FailureClass,
    },
    /// Strong locks were not to be had within the budget.
    Postponed {
        blockers: String,
    },
    Unknown {
        error: String,
    },
    /// Gave way at a safe point: nothing failed, the rest is still to do.
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    SupervisorUp {
        holder: String,
        term: i64,
        version: String,
    },
    SupervisorLeft {
        why: String,
    },
    StepBegan {
        step: usize,
        direction: Direction,
    },
    StepEnded {
        step: usize,
        direction: Direction,
        outcome: Outcome,
    },
    StateChanged {
        from: State,
        to: State,
        error: Option<String>,
    },
    GoalChanged {
        goal: Goal,
    },
    ContractAllowed {
        forced: bool,
    },
    ContractRefused {
        users: Vec<String>,
        /// What of the rollout's own is not there any more, or not in force.
        #[serde(default)]
        faults: Vec<String>,
    },
    Held {
        hold: Hold,
    },
    Released {
        hold: Hold,
    },
    CommandTaken {
        id: i64,
        kind: CommandKind,
        by: String,
        reason: Option<String>,
        refused: Option<String>,
    },
    /// What the rollout began with although it could not be read.
    BlindAccepted {
        signals: Vec<String>,
    },
    ContractHeld {
        hold: ContractHold,
    },
    /// A standby that was ignored counts again: its time is over.
    StandbyCounts {
        standby: String,
    },
    /// The time of an override or a drill is over, or a person ended it.
    ExceptionEnded {
        what: Exceptional,
    },
    RollbackDecided {
        guard: Option<String>,
        reason: Option<String>,
        evidence: serde_json::Value,
    },
    /// Standbys that are there, and have to be from now on: one that goes is missing, not caught up.
    StandbysExpected {
        names: Vec<String>,
    },
    /// Which server it is on: at the beginning, and whenever that has changed.
    ServerSeen {
        server: Server,
    },
    /// What a signal is while Segue writes nothing.
    BaselineLearned {
        #[serde(flatten)]
        baseline: Baseline,
    },
    /// A leaf table measured, in the transaction that begins its backfill or ends it.
    Measured {
        step: usize,
        /// Qualified and quoted.
        relation: String,
        moment: Moment,
        #[serde(flatten)]
        measure: Measure,
    },
    /// A leaf vacuumed after its fill, or why not.
    Vacuumed {
        step: usize,
        relation: String,
        dead_before: Option<u64>,
        dead_after: Option<u64>,
        passed_over: Option<String>,
    },
    /// The whole of the rollout's life where Segue did not carry it out.
    Adopted {
        from: Origin,
    },
    /// The clock of the supervisor's machine was set by so much.
    ClockMoved {
        by_ms: i64,
    },
    /// Readings kept for later judgement.
    Evidence {
        what: String,
        readings: serde_json::Value,
    },
}
