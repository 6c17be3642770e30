//! Owns a rollout's life: its state as the fold of its records, and `advance`, which says what an
//! event changes and what is to be done next. Pure: no clock, no I/O. Must not know SQL.

use super::hold::{Hold, HoldKind, OPERATOR};
use super::record::{CommandKind, Direction, Outcome, Record};
use super::retry::{FailureClass, Retry, retry};
use crate::compile::program::{Action, Phase, Program, Undo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a rollout stands; the names are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Expanding,
    Backfilling,
    Ready,
    Contracting,
    Completed,
    RollingBack,
    RolledBack,
    Failed,
}

impl Goal {
    pub fn as_str(self) -> &'static str {
        match self {
            Goal::Ready => "ready",
            Goal::Completed => "completed",
        }
    }
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Expanding => "expanding",
            State::Backfilling => "backfilling",
            State::Ready => "ready",
            State::Contracting => "contracting",
            State::Completed => "completed",
            State::RollingBack => "rolling_back",
            State::RolledBack => "rolled_back",
            State::Failed => "failed",
        }
    }

    /// Nothing is left to do, ever.
    pub fn is_over(self) -> bool {
        matches!(self, State::Completed | State::RolledBack)
    }
}

/// How far the operator wants it to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    Ready,
    Completed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepStatus {
    Pending,
    /// Begun by this or an earlier supervisor; whether it happened is for its probe to say.
    Begun,
    Done,
    Undone,
}

/// What of a step matters for deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepFacts {
    pub phase: Phase,
    pub undoable: bool,
    /// Its outcome is journalled in the transaction that does it: begun and not ended is not done.
    pub transactional: bool,
    /// Whether a second try is harmless when it is not known if the first one happened.
    pub repeatable: bool,
}

/// The fold of a rollout's records, and what this supervisor has under way.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutState {
    pub steps: Vec<StepFacts>,
    pub status: Vec<StepStatus>,
    pub state: State,
    /// Where it was when it failed; `resume` goes back there.
    pub failed_in: Option<State>,
    pub goal: Goal,
    /// The operator said `--force`, or the gate was passed: the old version may be dropped.
    pub contract_allowed: bool,
    pub operator_pause: Option<Hold>,
    pub guard_holds: Vec<Hold>,
    /// Every standby seen since the rollout began.
    pub expected_standbys: Vec<String>,
    /// The guard that rolled it back, if one did.
    pub rolled_back_by: Option<String>,
    pub error: Option<String>,
    /// Who was in the way when a step was postponed, until it is tried again.
    pub postponed_by: Option<String>,
    /// Not from records: what this process has in hand.
    pub hand: Hand,
}

/// What the supervisor of this process has under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hand {
    /// `Event::Up` was taken: until then commands and readings are taken in, and nothing is begun.
    pub up: bool,
    pub running: Option<(usize, Direction)>,
    pub attempts: u32,
    pub checking_clients: bool,
    /// Waiting out a delay before the next try.
    pub resting: bool,
    pub leaving: Option<Leaving>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    Interrupted,
    LeaseLost,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The supervisor is up: it holds the lease, has folded the journal, and has sent what commands
    /// and readings there were before this.
    Up,
    Command {
        id: i64,
        kind: CommandKind,
        by: String,
        reason: Option<String>,
    },
    /// The guards' answer to the newest snapshot.
    Guards {
        holds: Vec<Hold>,
        cancel: bool,
        rollback: Option<RollbackCause>,
    },
    StepEnded {
        step: usize,
        direction: Direction,
        outcome: Outcome,
        recorded: bool,
    },
    /// Rest is over; the step may be tried again.
    Rested,
    /// Who still uses the old version; empty: nobody within the quiet period.
    Clients {
        users: Vec<String>,
    },
    /// Ctrl-C.
    Interrupt,
    LeaseLost,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollbackCause {
    pub guard: String,
    pub evidence: serde_json::Value,
}

/// What the shell is asked to carry out.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Run {
        step: usize,
        direction: Direction,
    },
    /// Come back with `Rested` after this long.
    Rest(Duration),
    /// Come back with `Clients`.
    CheckClients,
    /// Cancel the statement in hand.
    Cancel,
    /// Let the work in hand end at its next safe point.
    Drain,
    Stop(Ending),
}

/// How a supervisor's run ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    Ready,
    Completed,
    RolledBack {
        by_guard: Option<String>,
    },
    Failed {
        error: String,
    },
    /// The old version is in use.
    Refused {
        users: Vec<String>,
    },
    Interrupted,
    Postponed {
        blockers: String,
    },
    LeaseLost,
    Unknown {
        error: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transition {
    pub records: Vec<Record>,
    pub effects: Vec<Effect>,
}

impl RolloutState {
    pub fn new(program: &Program, goal: Goal) -> RolloutState {
        let steps: Vec<StepFacts> = program
            .steps
            .iter()
            .map(|step| StepFacts {
                phase: step.phase,
                undoable: step.undo != Undo::Nothing,
                transactional: !matches!(
                    step.action,
                    Action::BuildIndex { .. }
                        | Action::DropIndex { .. }
                        | Action::Backfill(_)
                        | Action::Script { transactional: false, .. }
                ),
                repeatable: !matches!(step.action, Action::Script { transactional: false, .. }),
            })
            .collect();
        RolloutState {
            status: vec![StepStatus::Pending; steps.len()],
            steps,
            state: State::Expanding,
            failed_in: None,
            goal,
            contract_allowed: false,
            operator_pause: None,
            guard_holds: Vec::new(),
            expected_standbys: Vec::new(),
            rolled_back_by: None,
            error: None,
            postponed_by: None,
            hand: Hand::default(),
        }
    }

    /// Takes one record in. Unknown steps cannot occur: records belong to this program.
    pub fn fold(&mut self, record: &Record) {
        match record {
            Record::SupervisorUp { .. } => self.postponed_by = None,
            Record::SupervisorLeft { .. } | Record::Evidence { .. } => {}
            Record::StepBegan { step, direction: Direction::Forward } => {
                self.status[*step] = StepStatus::Begun;
            }
            Record::StepBegan { .. } => {}
            Record::StepEnded { step, direction, outcome } => {
                if let Outcome::Postponed { blockers } = outcome {
                    self.postponed_by = Some(blockers.clone());
                }
                if *outcome == Outcome::Done {
                    self.status[*step] = match direction {
                        Direction::Forward => StepStatus::Done,
                        Direction::Back => StepStatus::Undone,
                    };
                }
            }
            Record::StateChanged { to, error, .. } => {
                if *to == State::Failed {
                    self.failed_in = Some(self.state);
                } else {
                    self.failed_in = None;
                }
                self.error.clone_from(error);
                self.state = *to;
            }
            Record::GoalChanged { goal } => {
                self.goal = *goal;
                // Who uses the old version is asked anew each time, until the contract has begun.
                self.contract_allowed &= self.state == State::Contracting;
            }
            Record::ContractAllowed { .. } => self.contract_allowed = true,
            Record::ContractRefused { .. } => self.goal = Goal::Ready,
            Record::Held { hold } if hold.by == OPERATOR => self.operator_pause = Some(hold.clone()),
            Record::Held { hold } => {
                self.guard_holds.retain(|h| !same_hold(h, hold));
                self.guard_holds.push(hold.clone());
            }
            Record::Released { hold } if hold.by == OPERATOR => self.operator_pause = None,
            Record::Released { hold } => self.guard_holds.retain(|h| !same_hold(h, hold)),
            Record::CommandTaken { .. } => {}
            Record::StandbysExpected { names } => self.expected_standbys.clone_from(names),
            Record::RollbackDecided { guard, .. } => self.rolled_back_by.clone_from(guard),
        }
    }

    /// Every reason why work does not go on at full speed.
    pub fn holds(&self) -> Vec<Hold> {
        self.operator_pause.iter().chain(&self.guard_holds).cloned().collect()
    }

    /// Whether work may not go on at all.
    pub fn is_paused(&self) -> bool {
        if self.state == State::RollingBack {
            // Going back relieves what the guards guard against; only a person stops it.
            return self.operator_pause.is_some();
        }
        self.operator_pause.is_some() || self.guard_holds.iter().any(|h| h.kind == HoldKind::Pause)
    }

    pub fn steps_done(&self) -> usize {
        self.status.iter().filter(|s| **s == StepStatus::Done).count()
    }

    fn phase_done(&self, phase: Phase) -> bool {
        self.steps
            .iter()
            .zip(&self.status)
            .all(|(facts, status)| facts.phase != phase || *status == StepStatus::Done)
    }

    fn next_forward(&self) -> Option<usize> {
        (0..self.steps.len()).find(|&i| matches!(self.status[i], StepStatus::Pending | StepStatus::Begun))
    }

    /// Why a command cannot be taken in this state; `None`: it can.
    pub fn refusal(&self, kind: CommandKind) -> Option<&'static str> {
        let state = self.state;
        match kind {
            CommandKind::Rollback => match state {
                State::Contracting | State::Completed => {
                    Some("the contract has begun: the old columns may be gone, only going forward is safe")
                }
                State::Failed if self.failed_in == Some(State::Contracting) => {
                    Some("the contract has begun: the old columns may be gone, only going forward is safe")
                }
                State::RolledBack => Some("it is rolled back already"),
                _ => None,
            },
            CommandKind::Complete { .. } => match state {
                State::RollingBack | State::RolledBack => Some("it is being rolled back"),
                State::Completed => Some("it is completed already"),
                _ => None,
            },
            CommandKind::Pause | CommandKind::Resume => {
                state.is_over().then_some("it is over: there is nothing to hold")
            }
        }
    }

    /// The last step that happened or may have happened and is not undone yet.
    fn next_back(&self) -> Option<usize> {
        (0..self.steps.len()).rev().find(|&i| {
            let facts = self.steps[i];
            facts.undoable
                && match self.status[i] {
                    StepStatus::Done => true,
                    StepStatus::Begun => !facts.transactional,
                    StepStatus::Pending | StepStatus::Undone => false,
                }
        })
    }
}

/// Holds are told apart by who holds, on what, and how.
fn same_hold(a: &Hold, b: &Hold) -> bool {
    a.kind == b.kind && a.by == b.by && a.subject == b.subject
}

/// What an event changes and what is to be done. The caller folds the records (and stores them)
/// before it carries out the effects, in the order given.
pub fn advance(state: &RolloutState, event: Event, now: Timestamp, jitter: f64) -> (Transition, Hand) {
    let mut step = Advance { state: state.clone(), out: Transition::default(), now, jitter };
    step.take(event);
    (step.out, step.state.hand)
}

struct Advance {
    state: RolloutState,
    out: Transition,
    now: Timestamp,
    jitter: f64,
}

impl Advance {
    fn record(&mut self, record: Record) {
        self.state.fold(&record);
        self.out.records.push(record);
    }

    fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    fn to(&mut self, to: State, error: Option<String>) {
        if self.state.state != to {
            self.record(Record::StateChanged { from: self.state.state, to, error });
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Up => {
                self.state.hand.up = true;
                if let (State::Failed, Some(before)) = (self.state.state, self.state.failed_in) {
                    self.to(before, None);
                }
                self.go_on();
            }
            Event::Command { id, kind, by, reason } => self.command(id, kind, by, reason),
            Event::Guards { holds, cancel, rollback } => self.guards(holds, cancel, rollback),
            Event::StepEnded { step, direction, outcome, recorded } => {
                self.step_ended(step, direction, outcome, recorded);
            }
            Event::Rested => {
                self.state.hand.resting = false;
                self.go_on();
            }
            Event::Clients { users } => {
                self.state.hand.checking_clients = false;
                if users.is_empty() && self.state.is_paused() {
                    // What was seen now says nothing of the time after the pause: it is asked anew.
                    self.go_on();
                } else if users.is_empty() {
                    self.record(Record::ContractAllowed { forced: false });
                    self.go_on();
                } else {
                    self.record(Record::ContractRefused { users: users.clone() });
                    self.effect(Effect::Stop(Ending::Refused { users }));
                }
            }
            Event::Interrupt => self.interrupt(),
            Event::LeaseLost => {
                self.state.hand.leaving = Some(Leaving::LeaseLost);
                if self.state.hand.running.is_some() {
                    self.effect(Effect::Cancel);
                } else {
                    self.effect(Effect::Stop(Ending::LeaseLost));
                }
            }
        }
    }

    fn interrupt(&mut self) {
        match (self.state.hand.leaving, self.state.hand.running) {
            (Some(_), Some(_)) => self.effect(Effect::Cancel),
            (_, Some(_)) => {
                self.state.hand.leaving = Some(Leaving::Interrupted);
                self.effect(Effect::Drain);
            }
            (_, None) => self.effect(Effect::Stop(Ending::Interrupted)),
        }
    }

    fn command(&mut self, id: i64, kind: CommandKind, by: String, reason: Option<String>) {
        let refusal = self.state.refusal(kind);
        self.record(Record::CommandTaken {
            id,
            kind,
            by: by.clone(),
            reason: reason.clone(),
            refused: refusal.map(str::to_owned),
        });
        if refusal.is_some() {
            return;
        }
        match kind {
            CommandKind::Pause => {
                let hold = Hold {
                    kind: HoldKind::Pause,
                    by: OPERATOR.to_owned(),
                    subject: None,
                    reason: Some(reason.unwrap_or_else(|| format!("paused by {by}"))),
                    reading: None,
                    threshold: None,
                    unit: None,
                    since: self.now,
                };
                self.record(Record::Held { hold });
            }
            CommandKind::Resume => {
                if let Some(hold) = self.state.operator_pause.clone() {
                    self.record(Record::Released { hold });
                }
            }
            CommandKind::Rollback => {
                if let Some(hold) = self.state.operator_pause.clone() {
                    self.record(Record::Released { hold });
                }
                self.roll_back(None, reason, serde_json::Value::Null);
            }
            CommandKind::Complete { force } => {
                self.record(Record::GoalChanged { goal: Goal::Completed });
                if force && !self.state.contract_allowed {
                    self.record(Record::ContractAllowed { forced: true });
                }
            }
        }
        self.go_on();
    }

    fn roll_back(&mut self, guard: Option<String>, reason: Option<String>, evidence: serde_json::Value) {
        if self.state.state == State::RollingBack {
            return;
        }
        self.record(Record::RollbackDecided { guard, reason, evidence });
        self.to(State::RollingBack, None);
        self.state.hand.attempts = 0;
        if self.state.hand.running.is_some() {
            self.effect(Effect::Cancel);
        }
    }

    fn guards(&mut self, holds: Vec<Hold>, cancel: bool, rollback: Option<RollbackCause>) {
        if self.state.state.is_over() {
            return;
        }
        for old in self.state.guard_holds.clone() {
            if !holds.iter().any(|h| same_hold(h, &old)) {
                self.record(Record::Released { hold: old });
            }
        }
        for hold in holds {
            if !self.state.guard_holds.iter().any(|h| same_hold(h, &hold)) {
                self.record(Record::Held { hold });
            }
        }
        if cancel && self.state.hand.running.is_some() && self.state.state != State::RollingBack {
            self.effect(Effect::Cancel);
        }
        if let Some(cause) = rollback
            && matches!(self.state.state, State::Expanding | State::Backfilling | State::Ready)
        {
            self.roll_back(Some(cause.guard), None, cause.evidence);
        }
        self.go_on();
    }

    fn step_ended(&mut self, step: usize, direction: Direction, outcome: Outcome, recorded: bool) {
        self.state.hand.running = None;
        let record = Record::StepEnded { step, direction, outcome: outcome.clone() };
        if recorded {
            // The work's own transaction wrote it; only the fold is left to do.
            self.state.fold(&record);
        } else if outcome != Outcome::Stopped {
            self.record(record);
        }
        // What the step was told to give way to comes first.
        match self.state.hand.leaving {
            Some(Leaving::LeaseLost) => return self.effect(Effect::Stop(Ending::LeaseLost)),
            Some(Leaving::Interrupted) => {
                let all_done = outcome == Outcome::Done && self.state.state.is_over();
                if !all_done {
                    return self.effect(Effect::Stop(Ending::Interrupted));
                }
            }
            None => {}
        }
        match outcome {
            Outcome::Done => {
                self.state.hand.attempts = 0;
                self.go_on();
            }
            // Gave way to a pause, a rollback or a cancel: whoever asked for it says what is next.
            Outcome::Stopped => self.go_on(),
            Outcome::Failed { error, class } => self.failed(step, direction, error, class),
            Outcome::Postponed { blockers } => self.effect(Effect::Stop(Ending::Postponed { blockers })),
            Outcome::Unknown { error } => self.effect(Effect::Stop(Ending::Unknown { error })),
        }
    }

    fn failed(&mut self, _step: usize, direction: Direction, error: String, class: FailureClass) {
        self.state.hand.attempts += 1;
        if direction == Direction::Forward && self.state.state == State::RollingBack {
            // The forward work that the rollback cut off; its failure is no news.
            return self.go_on();
        }
        if class == FailureClass::Superseded {
            self.state.hand.leaving = Some(Leaving::LeaseLost);
            return self.effect(Effect::Stop(Ending::LeaseLost));
        }
        match retry(class, self.state.hand.attempts, self.jitter) {
            Retry::After(delay) => {
                self.state.hand.resting = true;
                self.effect(Effect::Rest(delay));
            }
            Retry::Look => self.effect(Effect::Stop(Ending::Unknown { error })),
            Retry::GiveUp(_) => {
                self.to(State::Failed, Some(error.clone()));
                self.effect(Effect::Stop(Ending::Failed { error }));
            }
        }
    }

    /// The next thing to do, if anything may be done now.
    fn go_on(&mut self) {
        let hand = self.state.hand;
        if !hand.up
            || hand.running.is_some()
            || hand.resting
            || hand.checking_clients
            || hand.leaving.is_some()
        {
            return;
        }
        if self.state.is_paused() && !self.state.state.is_over() {
            // Reaching a goal needs no work, so a pause does not keep it from being said.
            return self.say_goal();
        }
        match self.state.state {
            State::Expanding | State::Backfilling | State::Ready | State::Contracting => self.forward(),
            State::RollingBack => match self.state.next_back() {
                Some(step) => self.run(step, Direction::Back),
                None => {
                    self.to(State::RolledBack, None);
                    let by_guard = self.state.rolled_back_by.clone();
                    self.effect(Effect::Stop(Ending::RolledBack { by_guard }));
                }
            },
            State::Completed => self.effect(Effect::Stop(Ending::Completed)),
            State::RolledBack => {
                let by_guard = self.state.rolled_back_by.clone();
                self.effect(Effect::Stop(Ending::RolledBack { by_guard }));
            }
            State::Failed => {
                let error = self.state.error.clone().unwrap_or_default();
                self.effect(Effect::Stop(Ending::Failed { error }));
            }
        }
    }

    fn say_goal(&mut self) {
        if self.state.state == State::Ready && self.state.goal == Goal::Ready {
            self.effect(Effect::Stop(Ending::Ready));
        }
    }

    fn forward(&mut self) {
        let ready = self.state.phase_done(Phase::Expand) && self.state.phase_done(Phase::Backfill);
        if !ready {
            let step = self.state.next_forward().expect("a phase not done has a step not done");
            if self.state.steps[step].phase == Phase::Backfill {
                self.to(State::Backfilling, None);
            }
            return self.run(step, Direction::Forward);
        }
        if matches!(self.state.state, State::Expanding | State::Backfilling) {
            self.to(State::Ready, None);
        }
        if self.state.goal == Goal::Ready && self.state.state == State::Ready {
            return self.effect(Effect::Stop(Ending::Ready));
        }
        if !self.state.contract_allowed {
            self.state.hand.checking_clients = true;
            return self.effect(Effect::CheckClients);
        }
        self.to(State::Contracting, None);
        match self.state.next_forward() {
            Some(step) => self.run(step, Direction::Forward),
            None => {
                self.to(State::Completed, None);
                self.effect(Effect::Stop(Ending::Completed));
            }
        }
    }

    fn run(&mut self, step: usize, direction: Direction) {
        if direction == Direction::Forward {
            let facts = self.state.steps[step];
            if self.state.status[step] == StepStatus::Begun && !facts.repeatable {
                let error = format!(
                    "step {} was begun and its outcome is not known; it cannot be in a transaction, so nothing in the catalog tells",
                    step + 1
                );
                return self.effect(Effect::Stop(Ending::Unknown { error }));
            }
            if self.state.status[step] == StepStatus::Pending {
                self.record(Record::StepBegan { step, direction });
            }
        } else {
            self.record(Record::StepBegan { step, direction });
        }
        self.state.hand.running = Some((step, direction));
        self.effect(Effect::Run { step, direction });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(phase: Phase, undoable: bool) -> StepFacts {
        StepFacts { phase, undoable, transactional: true, repeatable: true }
    }

    /// Expand, backfill, publish, contract; driven by hand.
    struct Rig {
        state: RolloutState,
        effects: Vec<Effect>,
        journal: Vec<Record>,
    }

    impl Rig {
        fn new(goal: Goal) -> Rig {
            let program = Program {
                format: 1,
                plan: "p".into(),
                description: None,
                schema: "public".into(),
                version_schema: "public_p".into(),
                previous_version_schema: None,
                checks: vec![],
                views: vec![],
                steps: vec![],
            };
            let mut state = RolloutState::new(&program, goal);
            state.steps = vec![
                facts(Phase::Expand, true),
                StepFacts { transactional: false, ..facts(Phase::Backfill, false) },
                StepFacts { transactional: false, ..facts(Phase::Backfill, true) },
                facts(Phase::Backfill, true),
                facts(Phase::Contract, false),
            ];
            state.status = vec![StepStatus::Pending; 5];
            Rig { state, effects: vec![], journal: vec![] }
        }

        fn send(&mut self, event: Event) -> Vec<Effect> {
            let (out, hand) = advance(&self.state, event, Timestamp::UNIX_EPOCH, 0.5);
            for record in &out.records {
                self.state.fold(record);
            }
            self.journal.extend(out.records);
            self.state.hand = hand;
            self.effects.extend(out.effects.clone());
            out.effects
        }

        fn ended(&mut self, step: usize, direction: Direction) -> Vec<Effect> {
            self.send(Event::StepEnded { step, direction, outcome: Outcome::Done, recorded: false })
        }

        fn command(&mut self, kind: CommandKind) -> Vec<Effect> {
            self.send(Event::Command { id: 1, kind, by: "me".into(), reason: None })
        }
    }

    fn run(step: usize) -> Vec<Effect> {
        vec![Effect::Run { step, direction: Direction::Forward }]
    }

    fn back(step: usize) -> Vec<Effect> {
        vec![Effect::Run { step, direction: Direction::Back }]
    }

    fn pause_by(guard: &str) -> Hold {
        Hold {
            kind: HoldKind::Pause,
            by: guard.into(),
            subject: None,
            reason: None,
            reading: Some(12.0),
            threshold: Some(10.0),
            unit: Some("s".into()),
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn goes_through_its_life_and_refolds_to_the_same_state() {
        let mut rig = Rig::new(Goal::Completed);
        assert_eq!(rig.send(Event::Up), run(0));
        for step in 0..3 {
            assert_eq!(rig.ended(step, Direction::Forward), run(step + 1));
        }
        assert_eq!(rig.ended(3, Direction::Forward), vec![Effect::CheckClients]);
        assert_eq!(rig.state.state, State::Ready);
        assert_eq!(rig.send(Event::Clients { users: vec![] }), run(4));
        assert_eq!(rig.ended(4, Direction::Forward), vec![Effect::Stop(Ending::Completed)]);
        let mut again = Rig::new(Goal::Completed).state;
        rig.journal.iter().for_each(|record| again.fold(record));
        again.hand = rig.state.hand;
        assert_eq!(again, rig.state);
    }

    #[test]
    fn a_pause_begins_nothing_and_a_resume_goes_on() {
        let mut rig = Rig::new(Goal::Ready);
        rig.command(CommandKind::Pause);
        assert_eq!(rig.send(Event::Up), vec![]);
        assert!(rig.state.is_paused());
        assert_eq!(rig.command(CommandKind::Resume), run(0));
    }

    #[test]
    fn a_persons_pause_is_not_lifted_by_a_guard() {
        let mut rig = Rig::new(Goal::Ready);
        rig.send(Event::Up);
        rig.command(CommandKind::Pause);
        rig.send(Event::Guards { holds: vec![pause_by("replication_lag")], cancel: false, rollback: None });
        assert_eq!(rig.ended(0, Direction::Forward), vec![]);
        assert_eq!(rig.send(Event::Guards { holds: vec![], cancel: false, rollback: None }), vec![]);
        assert_eq!(rig.state.holds().len(), 1);
        assert_eq!(rig.command(CommandKind::Resume), run(1));
    }

    #[test]
    fn rolls_back_what_was_done_and_what_may_have_been() {
        let mut rig = Rig::new(Goal::Ready);
        rig.send(Event::Up);
        rig.ended(0, Direction::Forward);
        rig.ended(1, Direction::Forward);
        // Step 2 is in hand: it is cancelled, and since it cannot be in a transaction, undone too.
        assert_eq!(rig.command(CommandKind::Rollback), vec![Effect::Cancel]);
        let stopped = Event::StepEnded {
            step: 2,
            direction: Direction::Forward,
            outcome: Outcome::Stopped,
            recorded: false,
        };
        assert_eq!(rig.send(stopped), back(2));
        assert_eq!(rig.ended(2, Direction::Back), back(0));
        assert_eq!(rig.ended(0, Direction::Back), vec![Effect::Stop(Ending::RolledBack { by_guard: None })]);
        assert_eq!(rig.state.state, State::RolledBack);
    }

    #[test]
    fn a_transactional_step_not_ended_did_not_happen() {
        let mut rig = Rig::new(Goal::Ready);
        rig.send(Event::Up);
        rig.command(CommandKind::Rollback);
        let stopped = Event::StepEnded {
            step: 0,
            direction: Direction::Forward,
            outcome: Outcome::Stopped,
            recorded: false,
        };
        assert_eq!(rig.send(stopped), vec![Effect::Stop(Ending::RolledBack { by_guard: None })]);
    }

    #[test]
    fn a_guard_rolls_back_up_to_ready_and_never_from_the_contract() {
        let cause =
            || Some(RollbackCause { guard: "replication_lag".into(), evidence: serde_json::json!({}) });
        let mut rig = Rig::new(Goal::Ready);
        rig.send(Event::Up);
        rig.ended(0, Direction::Forward);
        rig.send(Event::Guards {
            holds: vec![pause_by("replication_lag")],
            cancel: false,
            rollback: cause(),
        });
        assert_eq!(rig.state.state, State::RollingBack);
        // The guard's own pause does not stop the way back.
        let stopped = Event::StepEnded {
            step: 1,
            direction: Direction::Forward,
            outcome: Outcome::Stopped,
            recorded: false,
        };
        assert_eq!(rig.send(stopped), back(0));
        assert_eq!(
            rig.ended(0, Direction::Back),
            vec![Effect::Stop(Ending::RolledBack { by_guard: Some("replication_lag".into()) })]
        );

        let mut rig = Rig::new(Goal::Completed);
        rig.send(Event::Up);
        (0..4).for_each(|step| drop(rig.ended(step, Direction::Forward)));
        rig.send(Event::Clients { users: vec![] });
        assert_eq!(rig.state.state, State::Contracting);
        rig.send(Event::Guards { holds: vec![], cancel: false, rollback: cause() });
        assert_eq!(rig.state.state, State::Contracting);
        rig.command(CommandKind::Rollback);
        assert_eq!(rig.state.state, State::Contracting);
    }

    #[test]
    fn old_version_in_use_refuses_the_contract_and_asks_again_next_time() {
        let mut rig = Rig::new(Goal::Completed);
        rig.send(Event::Up);
        (0..4).for_each(|step| drop(rig.ended(step, Direction::Forward)));
        let users = vec!["billing".to_owned()];
        assert_eq!(
            rig.send(Event::Clients { users: users.clone() }),
            vec![Effect::Stop(Ending::Refused { users })]
        );
        assert_eq!(rig.command(CommandKind::Complete { force: false }), vec![Effect::CheckClients]);
    }

    #[test]
    fn failures_are_retried_by_class_and_a_failed_rollout_can_go_on() {
        let failed = |class| Event::StepEnded {
            step: 0,
            direction: Direction::Forward,
            outcome: Outcome::Failed { error: "no".into(), class },
            recorded: false,
        };
        let mut rig = Rig::new(Goal::Ready);
        rig.send(Event::Up);
        assert!(matches!(rig.send(failed(FailureClass::Connection))[..], [Effect::Rest(_)]));
        assert_eq!(rig.send(Event::Rested), run(0));
        rig.send(failed(FailureClass::Permanent));
        assert_eq!(rig.state.state, State::Failed);
        rig.state.hand = Hand::default();
        assert_eq!(rig.send(Event::Up), run(0));
        assert_eq!((rig.state.state, rig.state.error.clone()), (State::Expanding, None));
    }

    #[test]
    fn interrupt_drains_first_and_cancels_second() {
        let mut rig = Rig::new(Goal::Ready);
        rig.send(Event::Up);
        assert_eq!(rig.send(Event::Interrupt), vec![Effect::Drain]);
        assert_eq!(rig.send(Event::Interrupt), vec![Effect::Cancel]);
        assert_eq!(rig.ended(0, Direction::Forward), vec![Effect::Stop(Ending::Interrupted)]);
    }

    #[test]
    fn what_was_seen_before_a_pause_is_no_permission_after_it() {
        let mut rig = Rig::new(Goal::Completed);
        rig.state.status[..4].fill(StepStatus::Done);
        assert_eq!(rig.send(Event::Up), vec![Effect::CheckClients]);
        assert_eq!(rig.command(CommandKind::Pause), vec![]);
        assert_eq!(rig.send(Event::Clients { users: vec![] }), vec![]);
        assert!(!rig.state.contract_allowed);
        assert_eq!(rig.command(CommandKind::Resume), vec![Effect::CheckClients]);
        assert_eq!(rig.send(Event::Clients { users: vec![] }), run(4));
    }

    #[test]
    fn who_postponed_it_is_known_until_it_is_tried_again() {
        let mut rig = Rig::new(Goal::Ready);
        rig.send(Event::Up);
        let outcome = Outcome::Postponed { blockers: "pid 7".into() };
        rig.send(Event::StepEnded { step: 0, direction: Direction::Forward, outcome, recorded: false });
        assert_eq!(rig.state.postponed_by.as_deref(), Some("pid 7"));
        rig.state.fold(&Record::SupervisorUp { holder: "h:1".into(), term: 2, version: "0".into() });
        assert_eq!(rig.state.postponed_by, None);
    }
}
