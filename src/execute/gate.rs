//! Owns the way a step in hand learns that it must wait or end: checked before every slice and
//! every attempt at a lock. Must not decide: the supervisor sets it, from control's answers.

use std::time::Duration;
use tokio::sync::watch;
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
}

impl Permit {
    /// Nothing may be begun before the first word.
    pub fn none() -> Permit {
        Permit { until: Instant::now(), paused: false, share: None, stop: false }
    }
}

/// The receiving end, one a step.
#[derive(Clone, Debug)]
pub struct Gate(watch::Receiver<Permit>);

/// The answer at a gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pass {
    Go { share: Option<f64> },
    Stop,
}

impl Gate {
    pub fn new(permits: watch::Receiver<Permit>) -> Gate {
        Gate(permits)
    }

    /// Waits until work may go on, or is to end.
    pub async fn pass(&mut self) -> Pass {
        loop {
            let permit = *self.0.borrow_and_update();
            if permit.stop {
                return Pass::Stop;
            }
            if !permit.paused && Instant::now() < permit.until {
                return Pass::Go { share: permit.share };
            }
            if self.0.changed().await.is_err() {
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
                changed = self.0.changed() => if changed.is_err() { return Pass::Stop },
            }
        }
    }

    /// Whether the step in hand is to end.
    pub fn stopped(&self) -> bool {
        self.0.borrow().stop
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
    async fn an_expired_permit_is_none() {
        let (tell, hear) = watch::channel(Permit::none());
        let mut gate = Gate::new(hear);
        let waiting = tokio::time::timeout(Duration::from_millis(20), gate.pass()).await;
        assert!(waiting.is_err(), "passed without a permit");
        drop(tell);
        assert_eq!(gate.pass().await, Pass::Stop);
    }
}
