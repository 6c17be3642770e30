//! Owns the rules of leadership: how long a lease lasts, when to renew it and until when its holder
//! may believe in it. Must not talk to the table that stores it: that is `store`'s.

use std::time::Duration;

/// What a claim or a renewal writes as the lease's remaining life, by the server's clock.
pub const TTL: Duration = Duration::from_secs(15);
/// A holder renews this long after its last successful request began.
pub const RENEW_EVERY: Duration = Duration::from_secs(5);
/// A holder trusts its lease this long after its last successful request *began*: the server set the
/// expiry no earlier than that, so trust always ends before anybody else may claim, with a second
/// to spare for clocks that run at different speeds.
pub const TRUST: Duration = Duration::from_secs(14);
/// Who waits for a lease asks this often: a blocking wait would deadlock with CONCURRENTLY.
pub const CLAIM_EVERY: Duration = Duration::from_secs(1);

/// A lease as its holder sees it. Moments are on the holder's monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing number: every write carries it.
    pub term: i64,
    pub holder: String,
    /// Start of the last request that succeeded.
    pub confirmed_at: Duration,
    pub trusted_until: Duration,
}

impl Lease {
    /// The server granted a request that was begun at `request_started`.
    pub fn granted(term: i64, holder: impl Into<String>, request_started: Duration) -> Lease {
        let trusted_until = request_started + TRUST;
        Lease { term, holder: holder.into(), confirmed_at: request_started, trusted_until }
    }

    /// A renewal touched its row. Answers that arrive out of order never shorten the trust.
    pub fn renewed(&mut self, request_started: Duration) {
        self.confirmed_at = self.confirmed_at.max(request_started);
        self.trusted_until = self.confirmed_at + TRUST;
    }

    /// Stays true until a renewal succeeds, so that a failed one is tried again at once.
    pub fn needs_renewal(&self, now: Duration) -> bool {
        now >= self.confirmed_at + RENEW_EVERY
    }

    /// False: stop working; somebody else may hold the lease by now.
    pub fn trusted(&self, now: Duration) -> bool {
        now < self.trusted_until
    }

    /// Time left to work, for the timeout of a renewal or of a statement.
    pub fn remaining(&self, now: Duration) -> Duration {
        self.trusted_until.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn renews_every_five_seconds_and_trusts_fourteen() {
        let mut lease = Lease::granted(3, "host:4711", 100 * S);
        assert!(!lease.needs_renewal(104 * S));
        assert!(lease.needs_renewal(105 * S));
        assert!(lease.trusted(113 * S));
        assert!(!lease.trusted(114 * S));
        lease.renewed(105 * S);
        assert!(!lease.needs_renewal(109 * S));
        assert!(lease.trusted(118 * S));
        assert_eq!(lease.remaining(118 * S), S);
        assert_eq!(lease.remaining(200 * S), Duration::ZERO);
        assert_eq!(lease.term, 3);
    }

    #[test]
    fn a_late_answer_does_not_shorten_the_trust() {
        let mut lease = Lease::granted(1, "a", 10 * S);
        lease.renewed(20 * S);
        lease.renewed(15 * S);
        assert!(lease.trusted(33 * S));
    }

    proptest! {
        /// The server stamps the expiry at some moment within the request; the holder must have
        /// stopped before it, however long the answer took.
        #[test]
        fn trust_ends_before_anybody_else_may_claim(started in 0u64..1_000_000, stamped_after in 0u64..60_000) {
            let started = Duration::from_millis(started);
            let lease = Lease::granted(1, "a", started);
            let expires = started + Duration::from_millis(stamped_after) + TTL;
            prop_assert!(!lease.trusted(expires));
            prop_assert!(lease.trusted_until + Duration::from_secs(1) <= expires);
        }
    }
}
