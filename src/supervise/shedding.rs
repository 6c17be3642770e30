//! Owns how the supervisor sheds the sync triggers and puts them back: what an operator asked for is done before it is
//! journalled, and can be done again. Must not decide whether it may be: that is `control`'s.

use super::Supervisor;
use crate::control::advance::Event;
use crate::control::record::CommandKind;
use crate::execute::{Halt, shed};
use crate::store;
use std::time::Duration;

impl Supervisor {
    /// Carries a command to shed or to restore out, where it may be. What failed is the command's fault.
    pub(super) async fn shed_or_restore(&mut self, event: &mut Event) {
        let Event::Command { kind, fault, .. } = event else { return };
        if fault.is_some() || self.state.refusal(kind).is_some() {
            return;
        }
        let done = match kind {
            CommandKind::Shed { steps } => {
                *steps = self.state.sheddable();
                // No slice is to be under way that takes for filled what is marked by then.
                self.permits.send_modify(|permit| permit.paused = true);
                self.work.gate.idle(Duration::from_secs(1)).await;
                shed::shed(&self.work, steps).await
            }
            CommandKind::Restore => shed::put_back(&self.work, &self.state.shed_steps).await,
            _ => return,
        };
        *fault = done.err().map(|halt| format!("it could not be done: {}", said(halt)));
        self.permit();
    }

    /// Once everybody has ended who may have written under a shed trigger, what was marked is filled.
    pub(super) async fn fill_again(&mut self) -> Result<(), store::Error> {
        if !self.state.restoring || self.running.is_some() {
            return Ok(());
        }
        let steps = self.state.shed_steps.clone();
        match self.is_written_off(&steps).await {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.old_writers = None;
                self.take(Event::Restored).await
            }
            Err(halt) => {
                tracing::warn!(error = %said(halt), "what was written under shed triggers is not filled yet");
                Ok(())
            }
        }
    }

    async fn is_written_off(&mut self, steps: &[usize]) -> Result<bool, Halt> {
        let now = shed::writers(&self.work, steps).await?;
        let old = self.old_writers.get_or_insert_with(|| now.clone());
        old.retain(|writer| now.contains(writer));
        // One that was prepared meanwhile goes on under another name.
        let prepared = now.iter().any(|writer| writer.starts_with(shed::PREPARED));
        if !old.is_empty() || prepared {
            return Ok(false);
        }
        let fills: Vec<usize> = steps.iter().filter_map(|step| self.state.steps[*step].filled_by).collect();
        shed::sweep_again(&self.work, &fills).await?;
        Ok(true)
    }
}

fn said(halt: Halt) -> String {
    match halt {
        Halt::Failed(error) | Halt::NotDone(error) => error.to_string(),
        Halt::Broken(error) => error,
        Halt::Postponed { blockers } => blockers,
        Halt::Superseded => "another supervisor has taken over".to_owned(),
        Halt::Stopped => "it was stopped".to_owned(),
    }
}
