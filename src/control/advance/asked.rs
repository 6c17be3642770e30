//! Owns what people ask of a rollout and what ends by itself: pauses, holds, rollbacks, interrupts. Must not carry
//! the steps on: that is `advance`.

use super::*;

impl Advance {
    /// Ends what was asked for until now.
    pub(super) fn expire(&mut self) {
        let now = self.now;
        if let Some(hold) = self.state.operator_pause.clone().filter(|hold| hold.is_over(now)) {
            self.record(Record::Released { hold });
        }
        let ignored = self.state.ignored_standbys.clone();
        for exception in self.state.exceptions.clone().into_iter().filter(|one| one.until <= now) {
            self.record(Record::ExceptionEnded { what: exception.what });
        }
        for (standby, _) in ignored.into_iter().filter(|(_, until)| *until <= now) {
            self.record(Record::StandbyCounts { standby });
        }
    }

    pub(super) fn flag(&mut self, reason: Option<String>) {
        match (reason, self.state.flag_pause.clone()) {
            (Some(reason), None) if !self.state.state.is_over() => {
                let hold = self.pause(FLAG_FILE, reason);
                self.record(Record::Held { hold });
            }
            (None, Some(hold)) => self.record(Record::Released { hold }),
            _ => return,
        }
        self.go_on();
    }

    pub(super) fn pause(&self, by: &str, reason: String) -> Hold {
        Hold::pause(by, reason, self.now)
    }

    /// When a pause asked for now is to end by itself, or why it cannot be given: nobody's pause without an
    /// end gets one, and of two ends the later one counts.
    pub(super) fn pause_until(&self, lasting: Option<Duration>) -> Result<Option<Timestamp>, String> {
        match (lasting.map(|lasting| self.now + lasting), &self.state.operator_pause) {
            (Some(_), Some(Hold { until: None, .. })) => {
                Err("it is paused already, until `segue resume`: that pause is not given an end".to_owned())
            }
            (Some(new), Some(Hold { until: Some(old), .. })) => Ok(Some(new.max(*old))),
            (until, _) => Ok(until),
        }
    }

    pub(super) fn interrupt(&mut self) {
        match (self.state.hand.leaving, self.state.hand.running) {
            (Some(_), Some(_)) => self.effect(Effect::Cancel),
            (_, Some(_)) => {
                self.state.hand.leaving = Some(Leaving::Interrupted);
                self.effect(Effect::Drain);
            }
            (_, None) => self.effect(Effect::Stop(Ending::Interrupted)),
        }
    }

    pub(super) fn command(
        &mut self,
        id: i64,
        kind: CommandKind,
        by: String,
        reason: Option<String>,
        lasting: Option<Duration>,
        fault: Option<String>,
    ) {
        let until = self.pause_until(lasting);
        let no_end = until.as_ref().err().filter(|_| kind == CommandKind::Pause).cloned();
        let refusal = self.state.refusal(&kind).or(fault).or(no_end);
        self.record(Record::CommandTaken {
            id,
            kind: kind.clone(),
            by: by.clone(),
            reason: reason.clone(),
            refused: refusal.clone(),
        });
        if refusal.is_some() {
            return;
        }
        match kind {
            CommandKind::Pause => {
                let reason = reason.unwrap_or_else(|| format!("paused by {by}"));
                let hold = Hold { until: until.unwrap_or_default(), ..self.pause(OPERATOR, reason) };
                self.record(Record::Held { hold });
            }
            CommandKind::Resume => {
                let holds = [self.state.operator_pause.clone(), self.state.person_hold.clone()];
                for hold in holds.into_iter().flatten() {
                    self.record(Record::Released { hold });
                }
                for exception in self.state.exceptions.clone() {
                    if matches!(exception.what, Exceptional::Drill(_)) {
                        self.record(Record::ExceptionEnded { what: exception.what });
                    }
                }
            }
            CommandKind::Override { .. } => {
                if let Some(hold) = self.state.person_hold.clone() {
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
            CommandKind::HoldContract => {
                let reason = reason.unwrap_or_default();
                self.record(Record::ContractHeld { hold: ContractHold { by, reason, since: self.now } });
            }
            CommandKind::Shed { .. } => {
                let reason = reason.map(|reason| format!("{reason}; ")).unwrap_or_default();
                let what =
                    "the sync triggers only mark rows to be filled later; `segue restore` puts them back";
                let hold = self.pause(SHED, format!("{reason}{what}"));
                self.record(Record::Held { hold });
                if self.state.hand.running.is_some() {
                    // What it holds in memory of rows that are filled is not so any more.
                    self.effect(Effect::Drain);
                }
            }
            CommandKind::Restore => {
                if let Some(shed) = self.state.shed.clone() {
                    let what = "the sync triggers are whole again; goes on when every transaction has ended that wrote meanwhile";
                    self.record(Record::Held { hold: Hold { reason: Some(what.to_owned()), ..shed } });
                }
            }
            // The record is the change.
            CommandKind::Tune(_)
            | CommandKind::TuneFor { .. }
            | CommandKind::TuneGuard { .. }
            | CommandKind::AcceptBlind { .. }
            | CommandKind::ReleaseContract
            | CommandKind::Drill { .. }
            | CommandKind::IgnoreStandby { .. } => {}
        }
        self.go_on();
    }

    pub(super) fn restored(&mut self) {
        if let Some(hold) = self.state.shed.clone().filter(|_| self.state.restoring) {
            self.record(Record::Released { hold });
            self.go_on();
        }
    }

    /// Only a person can tell whether the standby is to be waited for, and only a person goes on.
    pub(super) fn unreplicated(&mut self, what: &str) {
        let reason = format!(
            "a person has to look: the commit of \"{what}\" was told to stop waiting for its synchronous standby; it is done \
             here, and perhaps only here. See that the standby catches up, then `segue resume`"
        );
        let hold = self.pause(OPERATOR, reason);
        self.record(Record::Held { hold });
    }

    pub(super) fn roll_back(
        &mut self,
        guard: Option<String>,
        reason: Option<String>,
        evidence: serde_json::Value,
    ) {
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
}
