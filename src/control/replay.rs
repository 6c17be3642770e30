//! Owns the rule of strong locks and standbys: an ACCESS EXCLUSIVE lock is replayed too, and there it waits behind
//! every query on the table, and all replay with it. Must not ask a standby anything.

use super::policy::Policy;
use super::signal::name;
use std::time::Duration;

/// For how long replay may stand still by Segue's doing where no guard says.
const UNSAID: Duration = Duration::from_secs(10);

/// How far a standby may fall behind by a strong lock: what would pause the rollout.
pub fn budget(policy: &Policy) -> Duration {
    let pause = policy.guard(name::REPLICATION_LAG).and_then(|guard| guard.pause);
    pause.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(UNSAID)
}

/// Whether a query that is in the way on a standby keeps a strong lock from being asked for. `longest`: what the standby's
/// `max_standby_streaming_delay` is; `None`: it waits for ever. A standby that itself ends such queries
/// before it is too far behind was set so by its operator.
pub fn stalls(longest: Option<Duration>, budget: Duration) -> bool {
    longest.is_none_or(|longest| longest >= budget)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::settings::LevelSettings;
    use crate::plan::{Settings, Spanned};

    #[test]
    fn a_standby_that_ends_such_queries_soon_enough_is_no_reason_to_wait() {
        let second = Duration::from_secs(1);
        assert!(stalls(None, 10 * second));
        assert!(stalls(Some(30 * second), 10 * second));
        assert!(stalls(Some(10 * second), 10 * second));
        assert!(!stalls(Some(9 * second), 10 * second));
        assert!(!stalls(Some(Duration::ZERO), 10 * second));
    }

    #[test]
    fn the_budget_is_what_would_pause() {
        assert_eq!(budget(&Policy::default()), Duration::from_secs(10));
        let levels = LevelSettings { pause: Some(Spanned::bare(3.0)), ..LevelSettings::default() };
        let said = Settings { replication_lag: Some(levels), ..Settings::default() };
        assert_eq!(budget(&Policy::resolve(&[&said])), Duration::from_secs(3));
        let mut none = Policy::default();
        none.guards.clear();
        assert_eq!(budget(&none), UNSAID);
    }
}
