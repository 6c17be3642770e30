//! Owns the way a step in hand learns that it must wait or end: checked before every slice and
//! every attempt at a lock. Must not decide: the supervisor sets it, from control's answers.

use crate::control::tuning::Tuning;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedRwLockReadGuard, RwLock, watch};
use tokio::time::Instant;

/// What the supervisor last said.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    /// Without a newer word nothing is begun after this: a supervisor or monitor that hangs stops
    /// the work by doing nothing.
    pub until: Instant,
    pub paused: bool,
    /// Share of full speed under a throttle, over 0 to 1.
    pub share: Option<f64>,
    /// End at the next safe point.
    pub stop: bool,
    /// The limits in force.
    pub tuning: Tuning,
}

impl Permit {
    /// Nothing may be begun before the first word.
    pub fn none() -> Permit {
        Permit { until: Instant::now(), paused: false, share: None, stop: false, tuning: Tuning::default() }
    }

    fn open(&self) -> bool {
        !self.stop && !self.paused && Instant::now() < self.until
    }
}

/// The receiving end, one a step.
#[derive(Clone, Debug)]
pub struct Gate {
    permits: watch::Receiver<Permit>,
    /// Held, shared, by every slice in hand.
    slices: Arc<RwLock<()>>,
}

/// A slice in hand; dropped at its end.
pub type Turn = OwnedRwLockReadGuard<()>;

/// The answer at a gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pass {
    Go { share: Option<f64> },
    Stop,
}

impl Gate {
    pub fn new(permits: watch::Receiver<Permit>) -> Gate {
        Gate { permits, slices: Arc::default() }
    }

    /// As [`Gate::pass`], for a slice that [`Gate::idle`] waits for: the share of full speed, and the
    /// turn to be held until the slice has ended. `None`: stop.
    pub async fn enter(&mut self) -> Option<(Option<f64>, Turn)> {
        loop {
            if self.pass().await == Pass::Stop {
                return None;
            }
            let turn = self.slices.clone().read_owned().await;
            // Looked at again with the turn in hand, or a slice could begin behind the back of somebody
            // who closed the gate and saw no slice under way.
            let permit = *self.permits.borrow();
            if permit.open() {
                return Some((permit.share, turn));
            }
        }
    }

    /// Waits, at most this long, until no slice is in hand. Only after the gate was closed does it
    /// mean that none follows.
    pub async fn idle(&self, at_most: Duration) {
        // Whether it got there is no matter: a slice that is longer ends when it ends.
        let _ = tokio::time::timeout(at_most, self.slices.write()).await;
    }

    /// Whether no slice is in hand at this moment.
    pub fn is_idle(&self) -> bool {
        self.slices.try_write().is_ok()
    }

    /// Waits until work may go on, or is to end.
    pub async fn pass(&mut self) -> Pass {
        loop {
            let permit = *self.permits.borrow_and_update();
            if permit.stop {
                return Pass::Stop;
            }
            if permit.open() {
                return Pass::Go { share: permit.share };
            }
            if self.permits.changed().await.is_err() {
                // The supervisor is gone: so is the right to go on.
                return Pass::Stop;
            }
        }
    }

    /// Rests, but ends at once when told to stop. Gives `Pass::Stop` then.
    pub async fn rest(&mut self, length: Duration) -> Pass {
        let end = Instant::now() + length;
        loop {
            if self.stopped() {
                return Pass::Stop;
            }
            tokio::select! {
                () = tokio::time::sleep_until(end) => return self.pass().await,
                changed = self.permits.changed() => if changed.is_err() { return Pass::Stop },
            }
        }
    }

    /// The limits in force.
    pub fn tuning(&self) -> Tuning {
        self.permits.borrow().tuning
    }

    /// The share of full speed that is in force.
    pub fn share(&self) -> Option<f64> {
        self.permits.borrow().share
    }

    /// Waits until the limits in force are others than these; for ever, where nobody sets any.
    pub async fn retuned(&mut self, from: &Tuning) {
        if self.permits.wait_for(|permit| permit.tuning != *from).await.is_err() {
            std::future::pending().await
        }
    }

    /// Whether what is in hand is to give way: it is paused, or to end. A word that has only run out
    /// keeps from beginning something, not from going on.
    pub fn is_closed(&self) -> bool {
        let permit = *self.permits.borrow();
        permit.stop || permit.paused
    }

    /// Waits until it is closed.
    pub async fn closed(&mut self) {
        // With the supervisor gone there is no right to go on either.
        let _ = self.permits.wait_for(|permit| permit.stop || permit.paused).await;
    }

    /// Whether the step in hand is to end.
    pub fn stopped(&self) -> bool {
        self.permits.borrow().stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_a_word_and_obeys_a_stop() {
        let (tell, hear) = watch::channel(Permit::none());
        let mut gate = Gate::new(hear);
        let waiting =
            tokio::spawn(async move { (gate.pass().await, gate.rest(Duration::from_secs(600)).await) });
        tell.send_replace(Permit {
            until: Instant::now() + Duration::from_secs(600),
            share: Some(0.5),
            ..Permit::none()
        });
        tokio::task::yield_now().await;
        tell.send_modify(|permit| permit.stop = true);
        let (first, second) = waiting.await.unwrap();
        assert!(matches!(first, Pass::Go { share: Some(0.5) } | Pass::Stop), "{first:?}");
        assert_eq!(second, Pass::Stop);
    }

    #[tokio::test]
    async fn who_closes_the_gate_and_finds_it_idle_sees_no_slice_begin() {
        let open = Permit { until: Instant::now() + Duration::from_secs(600), ..Permit::none() };
        let (tell, hear) = watch::channel(open);
        let gate = Gate::new(hear);
        let mut worker = gate.clone();
        let (_, turn) = worker.enter().await.expect("the gate is open");
        tell.send_modify(|permit| permit.paused = true);
        // The slice in hand is waited for.
        assert!(tokio::time::timeout(Duration::from_millis(20), gate.idle(Duration::MAX)).await.is_err());
        drop(turn);
        gate.idle(Duration::from_secs(600)).await;
        assert!(tokio::time::timeout(Duration::from_millis(20), worker.enter()).await.is_err());
        tell.send_modify(|permit| permit.stop = true);
        assert!(worker.enter().await.is_none());
    }

    #[tokio::test]
    async fn an_expired_permit_is_none() {
        let (tell, hear) = watch::channel(Permit::none());
        let mut gate = Gate::new(hear);
        let waiting = tokio::time::timeout(Duration::from_millis(20), gate.pass()).await;
        assert!(waiting.is_err(), "passed without a permit");
        drop(tell);
        assert_eq!(gate.pass().await, Pass::Stop);
    }
}
