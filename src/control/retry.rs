//! Owns what follows a failure: try again after a while, give up, or look first. And the rhythm of
//! attempts at strong locks. Must not classify errors (`pg` does) and must not wait.

use super::policy::LockPolicy;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What kind of failure it was, as far as trying again is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// 55P03: somebody held the lock longer than we wait.
    LockTimeout,
    /// 40P01, and it was us who gave way.
    Deadlock,
    /// 40001.
    Serialization,
    /// The connection is gone and the work on it certainly undone; connect anew.
    Connection,
    /// 53300.
    TooManyConnections,
    /// 25006: not a primary any more; connect anew, never go on with the same connection.
    ReadOnly,
    /// 57014: a timeout of ours, or somebody cancelled it.
    Cancelled,
    /// 53100.
    DiskFull,
    /// 42501.
    Privilege,
    /// The connection went away with the commit under way.
    UnknownOutcome,
    /// The statement itself is wrong for this database.
    Permanent,
    /// The lease is another supervisor's now.
    Superseded,
    /// The server is another one, or has another history, than this began with.
    Elsewhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    After(Duration),
    /// Why trying again is of no use, for people, with what to do.
    GiveUp(&'static str),
    /// Ask the catalog or the checkpoint what happened before anything else.
    Look,
}

/// What to do after failure number `attempt` in a row (from 1). `jitter` is random in 0..=1, and
/// spreads the wait over its upper half.
pub fn retry(class: FailureClass, attempt: u32, jitter: f64) -> Retry {
    use FailureClass::*;
    let (base, cap, attempts, reason) = match class {
        LockTimeout => (
            100,
            30_000,
            60,
            "others held the lock each time; see who with `segue status`, then `segue resume`",
        ),
        Deadlock | Serialization => {
            (100, 30_000, 30, "conflicts with other sessions each time; resume at a quieter time")
        }
        Cancelled => (
            100,
            30_000,
            30,
            "the statement was cancelled each time; raise the timeout or find who cancels, then resume",
        ),
        Connection => (200, 15_000, 40, "no connection to the server; when it is back, `segue resume`"),
        TooManyConnections => (
            1000,
            30_000,
            40,
            "no connection slot came free; close sessions or raise max_connections, then resume",
        ),
        ReadOnly => {
            (500, 15_000, 40, "no writable primary was found; point --url at the primary, then resume")
        }
        DiskFull => return Retry::GiveUp("the server's disk is full; free space, then `segue resume`"),
        Privilege => {
            return Retry::GiveUp(
                "a privilege is missing; grant what the message names, then `segue resume`",
            );
        }
        Permanent => return Retry::GiveUp("the statement cannot succeed as it is; see the server's message"),
        Superseded => return Retry::GiveUp("another supervisor has taken over; see `segue status`"),
        Elsewhere => return Retry::GiveUp("the server is not the one that this began with"),
        UnknownOutcome => return Retry::Look,
    };
    if attempt > attempts {
        return Retry::GiveUp(reason);
    }
    let wait = (base << attempt.saturating_sub(1).min(10)).min(cap);
    Retry::After(Duration::from_millis(wait).mul_f64(0.5 + 0.5 * unit(jitter)))
}

/// Losses in a row after which a worker that is alone gives the word back.
const ALONE: u32 = 3;

/// How long a backfill's worker rests that lost its session for the `attempt`th time with nothing
/// done between, before it takes a new one. `others`: some are still at work, so the server is there.
/// `None`: it is more than the session's loss; the step ends, and is tried again as a whole.
pub fn new_session(class: FailureClass, attempt: u32, others: bool, jitter: f64) -> Option<Duration> {
    use FailureClass::*;
    let class = match class {
        // What the lost commit did is in the checkpoint and the marker, which are looked at anew.
        Connection | UnknownOutcome if others || attempt <= ALONE => Connection,
        // Perhaps for want of the very session that the server has not noticed to be gone.
        TooManyConnections if others => TooManyConnections,
        _ => return None,
    };
    match retry(class, attempt, jitter) {
        Retry::After(rest) => Some(rest),
        Retry::GiveUp(_) | Retry::Look => None,
    }
}

/// A random number as it should be; a broken one counts as the middle.
fn unit(jitter: f64) -> f64 {
    if jitter.is_nan() { 0.5 } else { jitter.clamp(0.0, 1.0) }
}

/// What to do next about a strong lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockNext {
    /// Rest, look who is in the way, and if nobody is, try with this `lock_timeout`.
    Next { lock_timeout: Duration, rest: Duration },
    /// The budget is spent: postpone the step and say who is in the way.
    Exhausted,
}

/// The rhythm of attempts: short waits that grow, long rests between them.
#[derive(Clone, Debug)]
pub struct LockAttempts {
    policy: LockPolicy,
    /// Attempts that queued for the lock and did not get it.
    failed: u32,
    /// Looks in a row that found somebody in the way.
    blocked: u32,
    /// Time given out so far: waits and rests.
    spent: Duration,
}

impl LockAttempts {
    pub fn new(policy: &LockPolicy) -> LockAttempts {
        LockAttempts { policy: policy.clone(), failed: 0, blocked: 0, spent: Duration::ZERO }
    }

    /// The first attempt, without a rest.
    pub fn first(&self) -> LockNext {
        LockNext::Next { lock_timeout: self.lock_timeout(), rest: Duration::ZERO }
    }

    /// An attempt queued for `waited` and did not get the lock.
    ///
    /// The rest is `rest_factor` times the wait and up to half as much more: jitter only adds, so that
    /// the share of time in which others queue behind Segue stays within 1 / (1 + `rest_factor`).
    pub fn failed(&mut self, waited: Duration, jitter: f64) -> LockNext {
        self.failed += 1;
        self.blocked = 0;
        let rest = waited.saturating_mul(self.policy.rest_factor).max(self.policy.first_wait);
        self.next(waited, rest.mul_f64(1.0 + 0.5 * unit(jitter)))
    }

    /// A look found somebody in the way who will not be gone soon; nothing was queued for, so
    /// nobody waited behind Segue, and looking again soon costs little.
    pub fn blocked(&mut self, jitter: f64) -> LockNext {
        self.blocked += 1;
        let rest = Duration::from_millis(500u64 << self.blocked.min(6)).min(Duration::from_secs(3));
        self.next(Duration::ZERO, rest.mul_f64(0.5 + 0.5 * unit(jitter)))
    }

    /// Attempts that queued and failed, for people.
    pub fn attempts(&self) -> u32 {
        self.failed
    }

    fn next(&mut self, waited: Duration, rest: Duration) -> LockNext {
        self.spent = self.spent.saturating_add(waited).saturating_add(rest);
        if self.spent >= self.policy.budget {
            return LockNext::Exhausted;
        }
        LockNext::Next { lock_timeout: self.lock_timeout(), rest }
    }

    fn lock_timeout(&self) -> Duration {
        self.policy.first_wait.saturating_mul(1 << self.failed.min(20)).min(self.policy.last_wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLASSES: [FailureClass; 12] = [
        FailureClass::Elsewhere,
        FailureClass::LockTimeout,
        FailureClass::Deadlock,
        FailureClass::Serialization,
        FailureClass::Connection,
        FailureClass::TooManyConnections,
        FailureClass::ReadOnly,
        FailureClass::Cancelled,
        FailureClass::DiskFull,
        FailureClass::Privilege,
        FailureClass::UnknownOutcome,
        FailureClass::Permanent,
    ];

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn waits_double_up_to_a_cap_and_end() {
        let waits: Vec<_> = (1..=12).map(|n| retry(FailureClass::LockTimeout, n, 1.0)).collect();
        assert_eq!(waits[..4], [100, 200, 400, 800].map(|w| Retry::After(ms(w))));
        assert_eq!(waits[11], Retry::After(ms(30_000)));
        assert!(
            matches!(retry(FailureClass::LockTimeout, 61, 1.0), Retry::GiveUp(why) if why.contains("resume"))
        );
        assert_eq!(retry(FailureClass::Connection, 1, 0.0), Retry::After(ms(100)));
    }

    #[test]
    fn an_unknown_outcome_is_looked_at_however_often_it_happens() {
        assert_eq!(retry(FailureClass::UnknownOutcome, 1, 0.3), Retry::Look);
        assert_eq!(retry(FailureClass::UnknownOutcome, u32::MAX, 0.3), Retry::Look);
    }

    #[test]
    fn what_only_a_person_can_mend_is_not_tried_again() {
        for class in [FailureClass::DiskFull, FailureClass::Privilege, FailureClass::Permanent] {
            assert!(matches!(retry(class, 1, 0.5), Retry::GiveUp(_)), "{class:?}");
        }
    }

    #[test]
    fn a_worker_takes_a_new_session_only_for_a_lost_one_and_not_for_ever() {
        use FailureClass::*;
        for class in [Connection, UnknownOutcome] {
            assert_eq!(new_session(class, 1, false, 1.0), Some(ms(200)));
            assert_eq!(new_session(class, 4, false, 1.0), None, "alone it is the server that is away");
            assert!(new_session(class, 40, true, 1.0).is_some());
            assert_eq!(new_session(class, 41, true, 1.0), None);
        }
        assert!(new_session(TooManyConnections, 5, true, 1.0).is_some());
        for class in CLASSES.into_iter().filter(|class| !matches!(class, Connection | UnknownOutcome)) {
            assert_eq!(new_session(class, 1, false, 1.0), None, "{class:?}");
        }
    }

    #[test]
    fn lock_timeouts_rise_and_others_queue_at_most_one_fortieth() {
        let mut attempts = LockAttempts::new(&LockPolicy::default());
        assert_eq!(attempts.first(), LockNext::Next { lock_timeout: ms(100), rest: Duration::ZERO });
        let (mut timeout, mut waited, mut rested) = (ms(100), Duration::ZERO, Duration::ZERO);
        let mut seen = vec![];
        while let LockNext::Next { lock_timeout, rest } = attempts.failed(timeout, 0.0) {
            waited += timeout;
            rested += rest;
            timeout = lock_timeout;
            seen.push(lock_timeout.as_millis());
        }
        assert_eq!(seen[..5], [200, 400, 800, 800, 800]);
        assert!(waited.as_secs_f64() / (waited + rested).as_secs_f64() <= 0.025 + 1e-9);
        assert!(waited + rested <= Duration::from_secs(3600));
        assert!(attempts.attempts() > 80, "{}", attempts.attempts());
    }

    #[test]
    fn looking_at_a_blocker_neither_raises_the_timeout_nor_goes_on_for_ever() {
        let mut attempts = LockAttempts::new(&LockPolicy::default());
        let mut looks = 0;
        while let LockNext::Next { lock_timeout, rest } = attempts.blocked(1.0) {
            assert_eq!(lock_timeout, ms(100));
            assert!(rest >= ms(500) && rest <= Duration::from_secs(3));
            looks += 1;
        }
        assert!((1_100..1_300).contains(&looks), "{looks}");
    }

    proptest! {
        #[test]
        fn every_answer_is_bounded(class in 0..CLASSES.len(), attempt in 0u32.., jitter in any::<f64>()) {
            match retry(CLASSES[class], attempt, jitter) {
                Retry::After(wait) => prop_assert!(wait >= ms(50) && wait <= Duration::from_secs(30) && attempt <= 60),
                Retry::GiveUp(why) => prop_assert!(!why.is_empty()),
                Retry::Look => prop_assert_eq!(CLASSES[class], FailureClass::UnknownOutcome),
            }
        }

        #[test]
        fn lock_attempts_always_end(waits in prop::collection::vec(0u64..5000, 1..20), jitter in any::<f64>()) {
            let policy = LockPolicy { budget: Duration::from_secs(600), ..LockPolicy::default() };
            let mut attempts = LockAttempts::new(&policy);
            let ended = waits.iter().cycle().take(10_000).any(|wait| {
                let next = attempts.failed(ms(*wait), jitter);
                if let LockNext::Next { rest, lock_timeout } = next {
                    assert!(rest >= ms(*wait) * 39 && rest <= ms(*wait).max(ms(100)) * 39 * 3 / 2 + ms(1));
                    assert!(lock_timeout >= policy.first_wait && lock_timeout <= policy.last_wait);
                }
                next == LockNext::Exhausted
            });
            prop_assert!(ended);
        }
    }
}
