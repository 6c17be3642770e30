//! Owns reading what an operator asked for, from the command's row to control's event. Must not carry it out.

use crate::control::advance::Event;
use crate::control::exception::Drill;
use crate::control::policy::Policy;
use crate::control::record::CommandKind;
use crate::control::thresholds::Moved;
use crate::control::tuning::Change;
use crate::plan::duration::parse_duration;
use crate::store::{self, Command};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// The event that a command is. What is wrong with its arguments is in it, so that it is refused and journalled.
pub fn event(command: Command, policy: &Policy, now: Timestamp) -> Event {
    let Command { id, kind, reason, by, args, .. } = command;
    let mut faults = Vec::new();
    let mut lasting = None;
    let kind = match kind {
        store::CommandKind::Pause => {
            lasting = duration(&args, &mut faults);
            CommandKind::Pause
        }
        store::CommandKind::Resume => match args.get("override") {
            None => CommandKind::Resume,
            Some(signal) => {
                let signal = signal.as_str().unwrap_or_default().to_owned();
                faults.extend(policy.clone().accepting_blind(std::slice::from_ref(&signal)).err());
                CommandKind::Override { signal, until: now + needed(&args, &mut faults, OVERRIDE) }
            }
        },
        store::CommandKind::Drill => {
            let drill = args.get("drill").and_then(Value::as_str).and_then(Drill::named);
            if drill.is_none() {
                faults.push(format!("its args must be such as {DRILL}"));
            }
            let until = now + needed(&args, &mut faults, DRILL);
            CommandKind::Drill { drill: drill.unwrap_or(Drill::Pause), until }
        }
        store::CommandKind::Rollback => CommandKind::Rollback,
        store::CommandKind::Complete => {
            CommandKind::Complete { force: args.get("force").and_then(Value::as_bool).unwrap_or(false) }
        }
        store::CommandKind::Tune => tune(args, policy, now, &mut faults),
        store::CommandKind::AcceptBlind => {
            let signals = signals(&args, &mut faults);
            faults.extend(policy.clone().accepting_blind(&signals).err());
            CommandKind::AcceptBlind { signals }
        }
        store::CommandKind::HoldContract => {
            if reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
                faults.push("it needs a reason, for whoever finds the contract held".to_owned());
            }
            CommandKind::HoldContract
        }
        store::CommandKind::ReleaseContract => CommandKind::ReleaseContract,
        // Which they are is for the supervisor to say.
        store::CommandKind::Shed => CommandKind::Shed { steps: Vec::new() },
        store::CommandKind::Restore => CommandKind::Restore,
        store::CommandKind::IgnoreStandby => {
            let standby = args.get("standby").and_then(Value::as_str).unwrap_or_default().to_owned();
            let lasting = duration(&args, &mut faults);
            if standby.is_empty() || (lasting.is_none() && faults.is_empty()) {
                faults.push(
                    "its args must be such as {\"standby\": \"standby1\", \"for\": \"30m\"}".to_owned(),
                );
            }
            CommandKind::IgnoreStandby { standby, until: now + lasting.unwrap_or_default() }
        }
    };
    Event::Command { id, kind, by, reason, lasting, fault: faults.into_iter().next() }
}

/// Limits, or one guard's threshold; either for good or for a while.
fn tune(mut args: Value, policy: &Policy, now: Timestamp, faults: &mut Vec<String>) -> CommandKind {
    let until = duration(&args, faults).map(|lasting| now + lasting);
    if let Some(all) = args.as_object_mut() {
        all.remove("for");
    }
    let tuned = match args.get("guard") {
        Some(_) if args.as_object().is_some_and(|all| all.len() > 1) => {
            Err("a guard is tuned by a command of its own".to_owned())
        }
        Some(guard) => {
            Moved::of_args(guard, policy).map(|threshold| CommandKind::TuneGuard { threshold, until })
        }
        None => Change::of_args(&args).map(|change| match until {
            Some(until) => CommandKind::TuneFor { change, until },
            None => CommandKind::Tune(change),
        }),
    };
    tuned.unwrap_or_else(|why| {
        faults.push(why);
        CommandKind::Tune(Change::default())
    })
}

const OVERRIDE: &str = r#"{"override": "replication_lag", "for": "10m"}"#;
const DRILL: &str = r#"{"drill": "lag", "for": "1m"}"#;

/// As [`duration`], where there must be one.
fn needed(args: &Value, faults: &mut Vec<String>, such_as: &str) -> Duration {
    let lasting = duration(args, faults);
    if lasting.is_none() && faults.is_empty() {
        faults.push(format!("its args must say how long, such as {such_as}"));
    }
    lasting.unwrap_or_default()
}

/// `{"for": "30m"}`; `None`: it is not said.
fn duration(args: &Value, faults: &mut Vec<String>) -> Option<Duration> {
    let said = args.get("for").filter(|said| !said.is_null())?;
    let text = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
    match parse_duration(&text) {
        Ok(duration) if !duration.is_zero() => Some(duration),
        _ => {
            faults.push(format!("`for` must be a duration such as `30m`, not {text:?}"));
            None
        }
    }
}

fn signals(args: &Value, faults: &mut Vec<String>) -> Vec<String> {
    let list = args.get("signals").and_then(Value::as_array);
    let named: Option<Vec<String>> =
        list.and_then(|list| list.iter().map(|name| name.as_str().map(str::to_owned)).collect());
    named.filter(|signals| !signals.is_empty()).unwrap_or_else(|| {
        faults.push("its args must be such as {\"signals\": [\"replication_lag\"]}".to_owned());
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(
        kind: store::CommandKind,
        reason: Option<&str>,
        args: Value,
    ) -> (CommandKind, Option<Duration>, String) {
        let command = Command {
            id: 1,
            schema: "public".into(),
            rollout: None,
            kind,
            reason: reason.map(str::to_owned),
            by: "me".into(),
            args,
            at: Timestamp::UNIX_EPOCH,
            applied_at: None,
            outcome: None,
        };
        match event(command, &Policy::default(), Timestamp::UNIX_EPOCH) {
            Event::Command { kind, lasting, fault, .. } => (kind, lasting, fault.unwrap_or_default()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ends_are_read_and_what_is_none_is_refused() {
        use store::CommandKind::{IgnoreStandby, Pause};
        let half_an_hour = Some(Duration::from_secs(1800));
        assert_eq!(asked(Pause, None, json!({"for": "30m"})).1, half_an_hour);
        assert_eq!(asked(Pause, None, json!({})), (CommandKind::Pause, None, String::new()));
        for bad in [json!(30), json!("0"), json!("soon"), json!("-5m")] {
            let (_, lasting, fault) = asked(Pause, None, json!({"for": bad}));
            assert!(lasting.is_none() && fault.contains("such as `30m`"), "{fault}");
        }
        let (kind, _, fault) = asked(IgnoreStandby, None, json!({"standby": "s1", "for": "1m"}));
        let until = Timestamp::from_second(60).unwrap();
        assert_eq!((kind, fault.as_str()), (CommandKind::IgnoreStandby { standby: "s1".into(), until }, ""));
        for bad in [json!({"standby": "s1"}), json!({"for": "1m"}), json!([])] {
            assert!(!asked(IgnoreStandby, None, bad).2.is_empty());
        }
    }

    #[test]
    fn overrides_and_drills_end_and_name_what_there_is() {
        use store::CommandKind::{Drill as Put, Resume};
        let until = Timestamp::from_second(60).unwrap();
        let (kind, _, fault) = asked(Resume, None, json!({"override": "lock_wait", "for": "1m"}));
        assert_eq!((kind, fault.as_str()), (CommandKind::Override { signal: "lock_wait".into(), until }, ""));
        assert!(asked(Resume, None, json!({"override": "lag", "for": "1m"})).2.contains("there is no guard"));
        assert!(asked(Resume, None, json!({"override": "lock_wait"})).2.contains("how long"));
        let (kind, _, fault) = asked(Put, None, json!({"drill": "blind", "for": "1m"}));
        assert_eq!((kind, fault.as_str()), (CommandKind::Drill { drill: Drill::Blind, until }, ""));
        for bad in [json!({"drill": "fire", "for": "1m"}), json!({"drill": "lag"}), json!({})] {
            assert!(!asked(Put, None, bad).2.is_empty());
        }
    }

    #[test]
    fn limits_and_thresholds_are_tuned_for_good_or_for_a_while() {
        use store::CommandKind::Tune;
        let until = Timestamp::from_second(60).unwrap();
        let change = Change::of_args(&json!({"rate": 20_000})).unwrap();
        let tune = |args| asked(Tune, None, args);
        assert_eq!(tune(json!({"rate": 20_000})).0, CommandKind::Tune(change));
        let (kind, _, fault) = tune(json!({"rate": 20_000, "for": "1m"}));
        assert_eq!((kind, fault.as_str()), (CommandKind::TuneFor { change, until }, ""));
        let guard = json!({"signal": "lock_wait", "pause": "2s"});
        let threshold = Moved::of_args(&guard, &Policy::default()).unwrap();
        for (args, until) in
            [(json!({"guard": guard}), None), (json!({"guard": guard, "for": "1m"}), Some(until))]
        {
            let (kind, _, fault) = tune(args);
            assert_eq!(
                (kind, fault.as_str()),
                (CommandKind::TuneGuard { threshold: threshold.clone(), until }, "")
            );
        }
        for bad in [
            json!({"guard": guard, "rate": 5}),
            json!({"guard": {"signal": "lock_wait", "pause": "2"}}),
            json!({"guard": 1}),
            json!({"for": "1m"}),
            json!({"rate": 5, "for": "soon"}),
        ] {
            assert!(!tune(bad.clone()).2.is_empty(), "{bad}");
        }
    }

    #[test]
    fn only_guarded_signals_are_accepted_and_only_a_reason_holds_the_contract() {
        use store::CommandKind::{AcceptBlind, HoldContract};
        assert_eq!(asked(AcceptBlind, None, json!({"signals": ["lock_wait"]})).2, "");
        let fault = asked(AcceptBlind, None, json!({"signals": ["lag"]})).2;
        assert!(
            fault.starts_with("there is no guard on \"lag\"; there are: replication_lag, lock_wait"),
            "{fault}"
        );
        assert!(!asked(AcceptBlind, None, json!({"signals": []})).2.is_empty());
        assert!(asked(HoldContract, Some(" "), json!({})).2.contains("needs a reason"));
        assert_eq!(asked(HoldContract, Some("audit"), json!({})).2, "");
    }
}
