//! Owns the thresholds of guards that operators move while a rollout is under way: how one is written, and the policy
//! with them. Must not judge a reading.

use super::defaults;
use super::exception::{Exception, Exceptional};
use super::policy::{Guard, Policy};
use crate::plan::guards::{self, Known};
use crate::plan::settings::{Of, Threshold};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which of a guard's thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Throttle,
    Pause,
}

impl Level {
    pub const ALL: [Level; 2] = [Level::Throttle, Level::Pause];

    pub fn name(self) -> &'static str {
        match self {
            Level::Throttle => "throttle",
            Level::Pause => "pause",
        }
    }

    pub fn named(text: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == text)
    }
}

/// A threshold by an operator's word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    pub signal: String,
    pub level: Level,
    /// In the signal's unit, or a multiple of what the server allows; `None`: off.
    pub at: Option<f64>,
    #[serde(default)]
    pub of: Of,
    #[serde(default)]
    pub unit: String,
}

impl Moved {
    /// As an operator writes it, checked as in a plan; an error says what is possible. `policy`: the one in force.
    pub fn read(signal: &str, level: Level, text: &str, policy: &Policy) -> Result<Moved, String> {
        let guard = guard_of(signal, policy)?;
        let what = format!("`{}` of {signal}", level.name());
        let known = known(&guard);
        let threshold = guards::threshold(&known, text)
            .ok_or_else(|| format!("{what} must be {}, not {text:?}", guards::possible(&known)))?;
        let (at, of) = match threshold {
            Threshold::Off => (None, Of::Itself),
            Threshold::At { value, of, .. } => (Some(value), of),
        };
        let moved = Moved { signal: signal.to_owned(), level, at, of, unit: guard.unit.clone() };
        let after = moved.over(guard);
        if let (Some(throttle), Some(pause)) = (after.throttle, after.pause)
            && after.throttle_of == after.pause_of
            && throttle > pause
        {
            return Err(format!(
                "`throttle` of {signal} would be above its `pause`: throttling comes first, move the other one before"
            ));
        }
        if let (Some(pause), Some(rule)) = (after.pause, after.rollback)
            && after.pause_of == rule.of
            && pause > rule.above
        {
            let of = if rule.of == Of::Itself { "" } else { " times as much" };
            return Err(format!(
                "`pause` of {signal} would be above {}{of}, where the rollout is rolled back: it pauses before that",
                rule.above
            ));
        }
        Ok(moved)
    }

    /// As a command's arguments have it, such as `{"signal": "replication_lag", "pause": "30s"}`.
    pub fn of_args(args: &Value, policy: &Policy) -> Result<Moved, String> {
        const SUCH_AS: &str =
            r#"its args must be such as {"guard": {"signal": "replication_lag", "pause": "30s"}}"#;
        let wrong = || SUCH_AS.to_owned();
        let all = args.as_object().filter(|all| all.len() == 2).ok_or_else(wrong)?;
        let signal = all.get("signal").and_then(Value::as_str).ok_or_else(wrong)?;
        let (name, value) = all.iter().find(|(name, _)| *name != "signal").ok_or_else(wrong)?;
        let level = Level::named(name).ok_or_else(wrong)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Moved::read(signal, level, &text, policy)
    }

    /// Whether both are of one threshold.
    pub fn is_of(&self, other: &Moved) -> bool {
        (&self.signal, self.level) == (&other.signal, other.level)
    }

    fn over(&self, mut guard: Guard) -> Guard {
        match self.level {
            Level::Throttle => (guard.throttle, guard.throttle_of) = (self.at, self.of),
            Level::Pause => (guard.pause, guard.pause_of) = (self.at, self.of),
        }
        guard
    }
}

/// The guard on a signal: the policy's, or else the one that it would have.
fn guard_of(signal: &str, policy: &Policy) -> Result<Guard, String> {
    let usual = || defaults::ALL.iter().find(|usual| usual.signal == signal).map(Policy::unguarded);
    policy.guard(signal).cloned().or_else(usual).ok_or_else(|| {
        let probes = policy.guards.iter().filter(|guard| guard.sql.is_some() || guard.http.is_some());
        let own = defaults::ALL.iter().map(|usual| usual.signal);
        let all: Vec<&str> = own.chain(probes.map(|guard| guard.signal.as_str())).collect();
        format!("there is no signal {signal:?}; there are: {}", all.join(", "))
    })
}

fn known(guard: &Guard) -> Known {
    let own = guards::KNOWN.iter().find(|known| known.name == guard.signal);
    own.copied().unwrap_or(guards::PROBE)
}

/// The policy with what operators moved: for good, and over that what still counts at `now`.
pub fn in_force(policy: &Policy, for_good: &[Moved], exceptions: &[Exception], now: Timestamp) -> Policy {
    let for_now = exceptions.iter().filter(|exception| now < exception.until);
    let for_now = for_now.filter_map(|exception| match &exception.what {
        Exceptional::Threshold(moved) => Some(moved),
        _ => None,
    });
    let mut policy = policy.clone();
    for moved in for_good.iter().chain(for_now) {
        let Ok(guard) = guard_of(&moved.signal, &policy) else { continue };
        let guard = moved.over(guard);
        let acts = guard.throttle.is_some() || guard.pause.is_some() || guard.rollback.is_some();
        let at = policy.guards.iter().position(|known| known.signal == guard.signal);
        match at {
            Some(at) => policy.guards[at] = guard,
            None => policy.guards.push(guard),
        }
        // One without a threshold guards nothing, and must not hold where its signal cannot be read.
        if !acts {
            policy.guards.retain(|known| known.signal != moved.signal);
        }
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn read(signal: &str, level: Level, text: &str) -> Result<Moved, String> {
        Moved::read(signal, level, text, &Policy::default())
    }

    #[test]
    fn is_written_as_in_a_plan() {
        let moved =
            |signal, text| read(signal, Level::Pause, text).map(|moved| (moved.at, moved.of)).unwrap();
        assert_eq!(moved("replication_lag", "1m30s"), (Some(90.0), Of::Itself));
        assert_eq!(moved("slot_wal", "60%"), (Some(0.6), Of::Limit));
        assert_eq!(moved("slot_wal", "5GB"), (Some(5e9), Of::Itself));
        assert_eq!(moved("wal_rate", "50MB"), (Some(5e7), Of::Itself));
        assert_eq!(moved("on_cpu", "12"), (Some(12.0), Of::Itself));
        assert_eq!(moved("lock_wait", "off"), (None, Of::Itself));
        assert_eq!(moved("wal_rate", "6x"), (Some(6.0), Of::Baseline { plus: 0.0 }));
        assert_eq!(moved("active_sessions", "2x + 4"), (Some(2.0), Of::Baseline { plus: 4.0 }));
        assert_eq!(moved("commit_time", "1.5x+50ms"), (Some(1.5), Of::Baseline { plus: 0.05 }));
    }

    #[test]
    fn what_cannot_be_says_what_can() {
        let refused = |signal, level, text| read(signal, level, text).unwrap_err();
        let args = |args| Moved::of_args(&args, &Policy::default()).unwrap_err();
        insta::assert_snapshot!(
            [
                refused("replication_lag", Level::Pause, "30"),
                refused("replication_lag", Level::Pause, "-3s"),
                refused("slot_wal", Level::Throttle, "2000%"),
                refused("on_cpu", Level::Pause, "NaN"),
                refused("on_cpu", Level::Pause, "80%"),
                refused("on_cpu", Level::Pause, "0.5x"),
                refused("wal_rate", Level::Pause, "2x + 4"),
                refused("replication_lag", Level::Pause, "2x"),
                refused("replication_lag", Level::Throttle, "20s"),
                refused("replication_lag", Level::Pause, "500ms"),
                refused("replication_lag", Level::Pause, "10m"),
                args(json!({"signal": "replication_lag"})),
                args(json!({"signal": "replication_lag", "rollback": "1m"})),
                args(json!("replication_lag")),
            ]
            .join("\n"),
            @r#"
        `pause` of replication_lag must be a duration such as `30s`, or `off`, not "30"
        `pause` of replication_lag must be a duration such as `30s`, or `off`, not "-3s"
        `throttle` of slot_wal must be an amount such as `512MB`, a share of what the server allows such as `80%`, or `off`, not "2000%"
        `pause` of on_cpu must be a number from 0, a multiple of the baseline such as `2x` or `2x + 4`, or `off`, not "NaN"
        `pause` of on_cpu must be a number from 0, a multiple of the baseline such as `2x` or `2x + 4`, or `off`, not "80%"
        `pause` of on_cpu must be a number from 0, a multiple of the baseline such as `2x` or `2x + 4`, or `off`, not "0.5x"
        `pause` of wal_rate must be an amount such as `512MB`, a multiple of the baseline such as `2x` or `2x + 10MB`, or `off`, not "2x + 4"
        `pause` of replication_lag must be a duration such as `30s`, or `off`, not "2x"
        `throttle` of replication_lag would be above its `pause`: throttling comes first, move the other one before
        `throttle` of replication_lag would be above its `pause`: throttling comes first, move the other one before
        `pause` of replication_lag would be above 300, where the rollout is rolled back: it pauses before that
        its args must be such as {"guard": {"signal": "replication_lag", "pause": "30s"}}
        its args must be such as {"guard": {"signal": "replication_lag", "pause": "30s"}}
        its args must be such as {"guard": {"signal": "replication_lag", "pause": "30s"}}
        "#
        );
        let why = refused("lag", Level::Pause, "3s");
        assert!(why.starts_with("there is no signal \"lag\"; there are: replication_lag, "), "{why}");
    }

    #[test]
    fn what_counts_for_a_while_is_over_what_counts_for_good() {
        let policy = Policy::default();
        let moved = |text| read("replication_lag", Level::Pause, text).unwrap();
        let exception = Exception {
            what: Exceptional::Threshold(moved("40s")),
            until: at(60),
            by: "ann".into(),
            reason: None,
        };
        let pause = |second| {
            let exceptions = std::slice::from_ref(&exception);
            in_force(&policy, &[moved("20s")], exceptions, at(second)).guard("replication_lag").unwrap().pause
        };
        assert_eq!((pause(59), pause(60)), (Some(40.0), Some(20.0)));
        assert_eq!(in_force(&policy, &[], &[], at(0)), policy);
    }

    #[test]
    fn a_guard_comes_with_its_first_threshold_and_goes_with_its_last() {
        let policy = Policy::default();
        assert!(policy.guard("on_cpu").is_none());
        let on = read("on_cpu", Level::Pause, "9").unwrap();
        let with = in_force(&policy, std::slice::from_ref(&on), &[], at(0));
        let guard = with.guard("on_cpu").unwrap();
        assert_eq!((guard.pause, guard.throttle, guard.load), (Some(9.0), None, true));
        let off = Moved::read("on_cpu", Level::Pause, "off", &with).unwrap();
        assert!(off.is_of(&on));
        assert_eq!(in_force(&policy, &[on, off], &[], at(0)).guards, policy.guards);
    }

    #[test]
    fn survives_being_stored() {
        let moved = read("slot_wal", Level::Pause, "60%").unwrap();
        let stored = serde_json::to_value(&moved).unwrap();
        assert_eq!(stored["level"], "pause");
        assert_eq!(serde_json::from_value::<Moved>(stored).unwrap(), moved);
    }
}
