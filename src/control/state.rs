//! Owns a rollout's life as a value: its state is the fold of its records. Pure. Must not decide what
//! is next: that is `advance`'s.

use super::baseline::Baselines;
use super::exception::{Exception, Exceptional};
use super::growth::Measures;
use super::hold::{ContractHold, DRILL, FLAG_FILE, Hold, HoldKind, LADDER, OPERATOR, SHED};
use super::ignored::Ignored;
use super::record::{CommandKind, Direction, Outcome, Record};
use super::server::{ALONE, SERVER, Server};
use super::thresholds::Moved;
use super::tuning::Change;
use crate::compile::program::{Action, Phase, Program, Step, Undo};
use crate::lsn::Lsn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// Of one that installs sync triggers: the step that fills what they keep, where rows have a marker.
    pub filled_by: Option<usize>,
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
    /// The file that says so is there, where the supervisor runs.
    pub flag_pause: Option<Hold>,
    /// The sync triggers are shed, and with `restoring` whole again while there are transactions that wrote meanwhile.
    pub shed: Option<Hold>,
    pub shed_steps: Vec<usize>,
    pub restoring: bool,
    /// Automatic pauses came to be a matter for a person.
    pub person_hold: Option<Hold>,
    /// When automatic pauses began, since a person last had a look.
    pub pauses: Vec<Timestamp>,
    /// A person has seen the automatic pause that is in force.
    pub pause_is_known: bool,
    /// Overrides and drills.
    pub exceptions: Vec<Exception>,
    /// What operators changed of the policy's limits, and of its guards' thresholds, for good.
    pub tuned: Change,
    pub thresholds: Vec<Moved>,
    pub guard_holds: Vec<Hold>,
    /// Somebody keeps the contract from beginning.
    pub contract_hold: Option<ContractHold>,
    /// Signals that may be blind, by an operator's word.
    pub accepted_blind: Vec<String>,
    pub ignored_standbys: Ignored,
    /// The server that it is on, as last seen; `None`: begun by a version that did not ask.
    pub server: Option<Server>,
    /// Every standby seen since the rollout began, or since its primary is another.
    pub expected_standbys: Vec<String>,
    pub baselines: Baselines,
    /// How large the tables were that are filled.
    pub measures: Measures,
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
    /// The look before the contract is under way.
    pub looking: bool,
    pub looked: bool,
    /// Waiting out a delay before the next try.
    pub resting: bool,
    pub leaving: Option<Leaving>,
    /// How far the server's log was on disk when it was looked at last.
    pub position: Option<Lsn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    Interrupted,
    LeaseLost,
    /// The server is not the one that this began with: the journal is to be read anew.
    Elsewhere,
}

impl RolloutState {
    pub fn new(program: &Program, goal: Goal) -> RolloutState {
        let steps: Vec<StepFacts> = program
            .steps
            .iter()
            .map(|step| StepFacts {
                filled_by: filled_by(program, step),
                phase: step.phase,
                undoable: step.undo != Undo::Nothing,
                transactional: !matches!(
                    step.action,
                    Action::BuildIndex { .. }
                        | Action::DropIndex { .. }
                        | Action::Backfill(_)
                        | Action::Vacuum { .. }
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
            flag_pause: None,
            shed: None,
            shed_steps: Vec::new(),
            restoring: false,
            person_hold: None,
            pauses: Vec::new(),
            pause_is_known: false,
            exceptions: Vec::new(),
            tuned: Change::default(),
            thresholds: Vec::new(),
            guard_holds: Vec::new(),
            contract_hold: None,
            accepted_blind: Vec::new(),
            ignored_standbys: Ignored::new(),
            server: None,
            expected_standbys: Vec::new(),
            baselines: Baselines::default(),
            measures: Measures::default(),
            rolled_back_by: None,
            error: None,
            postponed_by: None,
            hand: Hand::default(),
        }
    }

    /// Takes one record in. Unknown steps cannot occur: records belong to this program.
    pub fn fold(&mut self, record: &Record) {
        match record {
            // What a guard holds is the judgement of the supervisor that is there; the next one judges anew.
            Record::SupervisorUp { .. } => {
                self.guard_holds.clear();
                self.flag_pause = None;
                self.postponed_by = None;
            }
            Record::SupervisorLeft { .. } => {
                self.guard_holds.clear();
                self.flag_pause = None;
            }
            Record::Evidence { .. } | Record::Vacuumed { .. } | Record::Adopted { .. } => {}
            Record::ClockMoved { by_ms } => self.clock_moved(jiff::SignedDuration::from_millis(*by_ms)),
            Record::BaselineLearned { .. } => self.baselines.fold(record, None),
            Record::Measured { .. } => self.measures.fold(record),
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
                        // What it filled is being marked anew.
                        Direction::Forward if self.fills_what_is_shed(*step) => StepStatus::Begun,
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
                if *to == State::RollingBack {
                    // The triggers go, whatever they do.
                    self.whole_again();
                }
            }
            Record::GoalChanged { goal } => {
                self.goal = *goal;
                // Who uses the old version is asked anew each time, until the contract has begun.
                self.contract_allowed &= self.state == State::Contracting;
            }
            Record::ContractAllowed { .. } => self.contract_allowed = true,
            Record::ContractRefused { .. } => (self.goal, self.contract_allowed) = (Goal::Ready, false),
            Record::Held { hold } if hold.by == OPERATOR => self.operator_pause = Some(hold.clone()),
            Record::Held { hold } if hold.by == FLAG_FILE => self.flag_pause = Some(hold.clone()),
            Record::Held { hold } if hold.by == SHED => self.shed = Some(hold.clone()),
            Record::Held { hold } if hold.by == LADDER => self.person_hold = Some(hold.clone()),
            Record::Held { hold } => {
                if is_automatic_pause(hold) && !self.is_paused_by_itself() {
                    self.pauses.push(hold.since);
                }
                self.guard_holds.retain(|h| !same_hold(h, hold));
                self.guard_holds.push(hold.clone());
            }
            Record::Released { hold } if hold.by == OPERATOR => self.operator_pause = None,
            Record::Released { hold } if hold.by == FLAG_FILE => self.flag_pause = None,
            Record::Released { hold } if hold.by == SHED => self.whole_again(),
            Record::Released { hold } if hold.by == LADDER => self.person_hold = None,
            Record::Released { hold } => {
                self.guard_holds.retain(|h| !same_hold(h, hold));
                let still = self.is_paused_by_itself();
                self.pause_is_known &= still;
            }
            Record::CommandTaken { kind, by, reason, refused: None, .. } => {
                self.take(kind, by, reason.as_ref())
            }
            Record::CommandTaken { .. } => {}
            Record::BlindAccepted { signals } => self.accept_blind(signals),
            Record::ContractHeld { hold } => self.contract_hold = Some(hold.clone()),
            Record::ExceptionEnded { what } => self.exceptions.retain(|exception| exception.what != *what),
            Record::StandbyCounts { standby } => drop(self.ignored_standbys.remove(standby)),
            Record::ServerSeen { server } => {
                self.baselines.fold(record, self.server.as_ref());
                let before = self.server.replace(server.clone());
                if before.is_some_and(|before| before.timeline != server.timeline) {
                    // They were the old primary's, and this one was among them.
                    self.expected_standbys.clear();
                }
            }
            Record::StandbysExpected { names } => self.expected_standbys.clone_from(names),
            Record::RollbackDecided { guard, .. } => self.rolled_back_by.clone_from(guard),
        }
    }

    /// Commands whose record is the change.
    fn take(&mut self, kind: &CommandKind, by: &str, reason: Option<&String>) {
        let mut except = |what: Exceptional, until: Timestamp| {
            self.exceptions.retain(|exception| !exception.what.concerns(&what));
            self.exceptions.push(Exception { what, until, by: by.to_owned(), reason: reason.cloned() });
        };
        match kind {
            CommandKind::Override { signal, until } => {
                except(Exceptional::Override(signal.clone()), *until);
                self.looked_at();
            }
            CommandKind::Drill { drill, until } => except(Exceptional::Drill(*drill), *until),
            CommandKind::Resume => self.looked_at(),
            // The newest word counts, however long it is good for.
            CommandKind::Tune(change) => {
                let newer = Exceptional::Limit(*change);
                self.exceptions.retain(|exception| !exception.what.concerns(&newer));
                self.tuned.take(change);
            }
            CommandKind::TuneFor { change, until } => {
                change.each().for_each(|change| except(Exceptional::Limit(change), *until));
            }
            CommandKind::TuneGuard { threshold, until: Some(until) } => {
                except(Exceptional::Threshold(threshold.clone()), *until);
            }
            CommandKind::TuneGuard { threshold, until: None } => {
                let newer = Exceptional::Threshold(threshold.clone());
                self.exceptions.retain(|exception| !exception.what.concerns(&newer));
                self.thresholds.retain(|known| !known.is_of(threshold));
                self.thresholds.push(threshold.clone());
            }
            CommandKind::AcceptBlind { signals } => self.accept_blind(signals),
            CommandKind::ReleaseContract => self.contract_hold = None,
            CommandKind::IgnoreStandby { standby, until } => {
                self.ignored_standbys.insert(standby.clone(), *until);
            }
            CommandKind::Restore => self.restoring = true,
            CommandKind::Shed { steps } => {
                self.shed_steps.clone_from(steps);
                for step in 0..self.steps.len() {
                    if self.status[step] == StepStatus::Done && self.fills_what_is_shed(step) {
                        self.status[step] = StepStatus::Begun;
                    }
                }
            }
            CommandKind::Pause
            | CommandKind::Rollback
            | CommandKind::Complete { .. }
            | CommandKind::HoldContract => {}
        }
    }

    fn whole_again(&mut self) {
        (self.shed, self.restoring) = (None, false);
        self.shed_steps.clear();
    }

    fn fills_what_is_shed(&self, step: usize) -> bool {
        self.shed_steps.iter().any(|shed| self.steps[*shed].filled_by == Some(step))
    }

    /// A person has seen the pauses so far.
    fn looked_at(&mut self) {
        self.pauses.clear();
        self.pause_is_known = self.is_paused_by_itself();
    }

    /// The pauses of guards that nobody made up.
    pub fn automatic_pauses(&self) -> impl Iterator<Item = &Hold> {
        self.guard_holds.iter().filter(|hold| is_automatic_pause(hold))
    }

    fn is_paused_by_itself(&self) -> bool {
        self.automatic_pauses().next().is_some()
    }

    fn accept_blind(&mut self, signals: &[String]) {
        self.accepted_blind.extend(signals.iter().cloned());
        self.accepted_blind.sort();
        self.accepted_blind.dedup();
    }

    /// Whether something that an operator asked for is over by time.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.operator_pause.as_ref().is_some_and(|hold| hold.is_over(now))
            || self.ignored_standbys.values().any(|until| *until <= now)
            || self.exceptions.iter().any(|exception| exception.until <= now)
    }

    /// Every reason why work does not go on at full speed.
    pub fn holds(&self) -> Vec<Hold> {
        self.by_people()
            .chain(&self.shed)
            .chain(&self.person_hold)
            .chain(&self.guard_holds)
            .cloned()
            .collect()
    }

    /// The pauses that people want.
    pub fn by_people(&self) -> impl Iterator<Item = &Hold> {
        self.operator_pause.iter().chain(&self.flag_pause)
    }

    /// Whether work may not go on at all.
    pub fn is_paused(&self) -> bool {
        if self.state == State::RollingBack {
            // Going back relieves what the guards guard against; only a person stops it, or a server that
            // is not to be written to.
            let unfit = |hold: &Hold| [SERVER, ALONE].contains(&hold.by.as_str());
            return self.by_people().next().is_some() || self.guard_holds.iter().any(unfit);
        }
        self.by_people().next().is_some()
            || self.shed.is_some()
            || self.person_hold.is_some()
            || self.guard_holds.iter().any(|h| h.kind == HoldKind::Pause)
    }

    pub fn steps_done(&self) -> usize {
        self.status.iter().filter(|s| **s == StepStatus::Done).count()
    }

    pub(super) fn phase_done(&self, phase: Phase) -> bool {
        self.steps
            .iter()
            .zip(&self.status)
            .all(|(facts, status)| facts.phase != phase || *status == StepStatus::Done)
    }

    pub(super) fn next_forward(&self) -> Option<usize> {
        (0..self.steps.len()).find(|&i| matches!(self.status[i], StepStatus::Pending | StepStatus::Begun))
    }

    /// Why a command cannot be taken in this state; `None`: it can.
    pub fn refusal(&self, kind: &CommandKind) -> Option<String> {
        const NO_WAY_BACK: &str =
            "the contract has begun: the old columns may be gone, only going forward is safe";
        let state = self.state;
        let contracting = state == State::Contracting
            || (state == State::Failed && self.failed_in == Some(State::Contracting));
        let why = match kind {
            CommandKind::Rollback => match state {
                State::Completed => Some(NO_WAY_BACK),
                State::RolledBack => Some("it is rolled back already"),
                _ => contracting.then_some(NO_WAY_BACK),
            },
            CommandKind::Complete { .. } => match (state, &self.contract_hold) {
                (State::RollingBack | State::RolledBack, _) => Some("it is being rolled back"),
                (State::Completed, _) => Some("it is completed already"),
                (_, Some(hold)) if !contracting => return Some(hold.why()),
                _ => None,
            },
            CommandKind::HoldContract => match (state, &self.contract_hold) {
                (State::RollingBack | State::RolledBack, _) => Some("it is being rolled back"),
                (State::Completed, _) => Some("it is completed already"),
                _ if contracting => Some("the contract has begun; `segue pause` holds what is left of it"),
                (_, Some(hold)) => return Some(hold.why()),
                (_, None) => None,
            },
            CommandKind::ReleaseContract => {
                self.contract_hold.is_none().then_some("nobody holds the contract")
            }
            CommandKind::IgnoreStandby { standby, .. } => {
                let holds = |hold: &Hold| hold.subject.as_ref() == Some(standby);
                let known = self.expected_standbys.contains(standby) || self.guard_holds.iter().any(holds);
                if !state.is_over() && !known {
                    let there = match self.expected_standbys.is_empty() {
                        true => "none was seen".to_owned(),
                        false => format!("there are: {}", self.expected_standbys.join(", ")),
                    };
                    return Some(format!("the rollout knows no standby {standby:?}; {there}"));
                }
                state.is_over().then_some("it is over: no standby holds it")
            }
            CommandKind::Override { .. } if !state.is_over() => {
                // An override is of a machine's hold. A person's is lifted as such.
                let hold = self.by_people().next()?;
                let lift = if hold.by == OPERATOR {
                    "`segue resume` lifts that"
                } else {
                    "that is lifted by removing it"
                };
                return Some(format!(
                    "a person paused it ({}); {lift}",
                    hold.reason.as_deref().unwrap_or("no reason")
                ));
            }
            CommandKind::Pause
            | CommandKind::Resume
            | CommandKind::AcceptBlind { .. }
            | CommandKind::Override { .. }
            | CommandKind::TuneGuard { .. }
            | CommandKind::Drill { .. } => state.is_over().then_some("it is over: there is nothing to hold"),
            CommandKind::Shed { .. } => match state {
                State::Expanding | State::Backfilling if self.shed.is_some() => {
                    Some("it is shed already; `segue restore` puts the triggers back")
                }
                State::Expanding | State::Backfilling if !self.sheddable().is_empty() => None,
                State::Expanding => Some("no sync trigger is there yet: there is nothing to shed"),
                _ => Some(
                    "every row is filled: constraints and the new version rely on what the triggers keep; \
                     `segue rollback` takes them away",
                ),
            },
            CommandKind::Restore => match (&self.shed, self.restoring) {
                (None, _) => Some("nothing is shed"),
                (Some(_), true) => Some("it is being restored already"),
                (Some(_), false) => None,
            },
            CommandKind::Tune(_) | CommandKind::TuneFor { .. } => match state {
                State::Expanding | State::Backfilling => None,
                State::Failed if matches!(self.failed_in, Some(State::Expanding | State::Backfilling)) => {
                    None
                }
                _ => Some("no rows are being filled any more: there is nothing to tune"),
            },
        };
        why.map(str::to_owned)
    }

    /// The steps whose triggers can be shed: in place, and what they keep is not filled yet. After that, constraints and the new
    /// version rely on it.
    pub fn sheddable(&self) -> Vec<usize> {
        let being_filled = |step: &usize| {
            self.steps[*step].filled_by.is_some_and(|fill| self.status[fill] != StepStatus::Done)
        };
        (0..self.steps.len())
            .filter(|step| self.status[*step] == StepStatus::Done)
            .filter(being_filled)
            .collect()
    }

    /// The last step that happened or may have happened and is not undone yet.
    pub(super) fn next_back(&self) -> Option<usize> {
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

fn filled_by(program: &Program, step: &Step) -> Option<usize> {
    let Action::Expand { sync, .. } = &step.action else { return None };
    let marker = sync.marker.as_ref().filter(|_| !sync.pairs.is_empty())?;
    program.steps.iter().position(|step| {
        matches!(&step.action, Action::Backfill(fill) if fill.table == sync.table && fill.marker.as_ref() == Some(marker))
    })
}

fn is_automatic_pause(hold: &Hold) -> bool {
    hold.kind == HoldKind::Pause && hold.by != DRILL && hold.subject.as_deref() != Some(DRILL)
}

/// Holds are told apart by who holds, on what, and how.
pub(super) fn same_hold(a: &Hold, b: &Hold) -> bool {
    a.kind == b.kind && a.by == b.by && a.subject == b.subject
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A rollout without steps.
    pub fn empty() -> RolloutState {
        let program = Program {
            format: 1,
            plan: "p".into(),
            description: None,
            schema: "public".into(),
            version_schema: "public_p".into(),
            previous_version_schema: None,
            checks: vec![],
            views: vec![],
            objects: vec![],
            types: Default::default(),
            owned: Default::default(),
            steps: vec![],
        };
        RolloutState::new(&program, Goal::Ready)
    }
}
