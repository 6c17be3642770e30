//! Owns `advance`: what an event changes and what is to be done next. Pure: no clock, no I/O. Must
//! not know SQL, and must not keep anything between events but the rollout's state.

mod asked;
#[cfg(test)]
mod tests;

use super::exception::Exceptional;
use super::hold::{ContractHold, FLAG_FILE, Hold, OPERATOR, SHED};
use super::moved;
use super::record::{CommandKind, Direction, Outcome, Record};
use super::retry::{FailureClass, Retry, retry};
use super::server::{Change, Server};
use super::state::{Goal, Hand, Leaving, RolloutState, State, StepStatus, same_hold};
use crate::compile::program::Phase;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
        /// For how long, where it ends by itself.
        lasting: Option<Duration>,
        /// What is wrong with the command itself, whatever the state.
        fault: Option<String>,
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
    /// Why the file that pauses it does so; `None`: it is not there.
    Flag {
        reason: Option<String>,
    },
    /// Time has passed: what ends by itself may be over.
    Tick,
    /// Somebody set the clock; `now` is by it as it goes now.
    ClockMoved {
        by: SignedDuration,
    },
    /// Rest is over; the step may be tried again.
    Rested,
    /// Who still uses the old version (empty: nobody within the quiet period), and what of the rollout's own is not as it has to be.
    Looked {
        users: Vec<String>,
        faults: Vec<String>,
    },
    /// Which server it is, by the newest look.
    Server {
        seen: Server,
    },
    /// What a promoted server lacks of what the journal says is there.
    Lacks {
        faults: Vec<String>,
    },
    /// A commit stopped waiting for its synchronous standby: what it did is here, and perhaps nowhere else.
    Unreplicated {
        what: String,
    },
    /// Who wrote under shed triggers is gone: what was marked can be filled.
    Restored,
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
    /// Come back with `Looked`; `clients`: also at who uses the old version.
    Look {
        clients: bool,
    },
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
    /// Somebody holds the contract.
    ContractHeld {
        hold: ContractHold,
    },
    /// The old version is in use.
    Refused {
        users: Vec<String>,
    },
    /// Somebody changed what the contract stands on.
    NotWhole {
        faults: Vec<String>,
    },
    Interrupted,
    Postponed {
        blockers: String,
    },
    LeaseLost,
    /// The server is not the one that this began with; whether it is a successor, the journal there tells.
    Elsewhere {
        why: String,
    },
    Unknown {
        error: String,
    },
}

impl Ending {
    /// In words, for the journal.
    pub fn words(&self) -> &'static str {
        match self {
            Ending::Ready => "the rollout is ready",
            Ending::Completed => "the rollout is completed",
            Ending::RolledBack { .. } => "the rollout is rolled back",
            Ending::Failed { .. } => "a step failed",
            Ending::ContractHeld { .. } => "the contract is held",
            Ending::Refused { .. } => "the old version is in use",
            Ending::NotWhole { .. } => "what the contract stands on is not there",
            Ending::Interrupted => "interrupted; resumable",
            Ending::Postponed { .. } => "a strong lock was not to be had within the budget",
            Ending::LeaseLost => "another supervisor has the lease",
            Ending::Elsewhere { .. } => "the server is another one",
            Ending::Unknown { .. } => "the outcome of a step is not known",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transition {
    pub records: Vec<Record>,
    pub effects: Vec<Effect>,
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
                self.expire();
                if let (State::Failed, Some(before)) = (self.state.state, self.state.failed_in) {
                    self.to(before, None);
                }
                self.go_on();
            }
            Event::Command { id, kind, by, reason, lasting, fault } => {
                self.command(id, kind, by, reason, lasting, fault);
            }
            Event::Tick => {
                if self.state.is_due(self.now) {
                    self.expire();
                    self.go_on();
                }
            }
            Event::ClockMoved { by } => self.record(moved::record(by)),
            Event::Flag { reason } => self.flag(reason),
            Event::Guards { holds, cancel, rollback } => self.guards(holds, cancel, rollback),
            Event::StepEnded { step, direction, outcome, recorded } => {
                self.step_ended(step, direction, outcome, recorded);
            }
            Event::Rested => {
                self.state.hand.resting = false;
                self.go_on();
            }
            Event::Looked { users, faults } => self.looked(users, faults),
            Event::Interrupt => self.interrupt(),
            Event::Server { seen } => self.server(seen),
            Event::Lacks { faults } => {
                let error = format!("after the promotion: {}", faults.join("; "));
                self.to(State::Failed, Some(error.clone()));
                self.effect(Effect::Stop(Ending::Failed { error }));
            }
            Event::Unreplicated { what } => self.unreplicated(&what),
            Event::Restored => self.restored(),
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

    fn looked(&mut self, users: Vec<String>, faults: Vec<String>) {
        self.state.hand.looking = false;
        if users.is_empty() && faults.is_empty() {
            // What was seen now says nothing of the time after a pause: it is looked anew.
            if !self.state.is_paused() {
                self.state.hand.looked = true;
                if !self.state.contract_allowed {
                    self.record(Record::ContractAllowed { forced: false });
                }
            }
            return self.go_on();
        }
        self.record(Record::ContractRefused { users: users.clone(), faults: faults.clone() });
        // There is no way around what is not there, and no way back from the contract.
        self.effect(Effect::Stop(match faults.is_empty() {
            true => Ending::Refused { users },
            false => Ending::NotWhole { faults },
        }));
    }

    /// What is written goes to this server from now on, or nothing is.
    fn server(&mut self, seen: Server) {
        let change = match &self.state.server {
            None => Change::Restarted,
            Some(known) => {
                let known = Server { position: self.state.hand.position.or(known.position), ..known.clone() };
                known.change(&seen)
            }
        };
        self.state.hand.position = seen.position.or(self.state.hand.position);
        let why = match change {
            Change::Same => return,
            Change::Restarted => return self.record(Record::ServerSeen { server: seen }),
            Change::Promoted => "another server was promoted",
            Change::WentBack => "the server's log is at an earlier position than before",
            Change::LeftBehind => "this is the primary of an earlier time",
            Change::Another => "this is another database cluster",
        };
        if self.state.hand.leaving != Some(Leaving::Elsewhere) {
            self.elsewhere(why.to_owned());
        }
    }

    /// Nothing more is begun or written: what is remembered may be more than what is stored.
    fn elsewhere(&mut self, why: String) {
        self.state.hand.leaving = Some(Leaving::Elsewhere);
        match self.state.hand.running {
            Some(_) => self.effect(Effect::Cancel),
            None => self.effect(Effect::Stop(Ending::Elsewhere { why })),
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
        if self.state.hand.leaving == Some(Leaving::Elsewhere) {
            // What it came to is in the journal there, or is to be done again.
            let why = "the server is not the one that this began with".to_owned();
            return self.effect(Effect::Stop(Ending::Elsewhere { why }));
        }
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
            Some(Leaving::Elsewhere) | None => {}
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
        if class == FailureClass::Elsewhere {
            return self.elsewhere(error);
        }
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
        if !hand.up || hand.running.is_some() || hand.resting || hand.looking || hand.leaving.is_some() {
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
        if self.state.state == State::Ready
            && let Some(hold) = self.state.contract_hold.clone()
        {
            self.record(Record::GoalChanged { goal: Goal::Ready });
            return self.effect(Effect::Stop(Ending::ContractHeld { hold }));
        }
        if !self.state.contract_allowed || (self.state.state == State::Ready && !self.state.hand.looked) {
            self.state.hand.looking = true;
            return self.effect(Effect::Look { clients: !self.state.contract_allowed });
        }
        self.state.hand.looked = false;
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
