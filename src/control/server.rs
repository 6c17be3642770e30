//! Owns which server a rollout is on, and what it means when that is another, or the same in another state. Pure.
//! Must not ask a server anything.

use super::hold::Hold;
use super::ignored::Ignored;
use super::signal::{Freshness, Snapshot, name};
use crate::lsn::Lsn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whose hold it is: the server's own state.
pub const SERVER: &str = "server";
/// Every standby is gone at once: this may be a primary that was left behind.
pub const ALONE: &str = "alone";

/// A server, as it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Text, because it does not fit a JSON number.
    pub system: String,
    /// First eight digits of the WAL file's name; `None` on a server in recovery.
    pub timeline: Option<String>,
    /// When the server was started, as it prints it.
    pub started: String,
    pub in_recovery: bool,
    pub read_only: bool,
    /// How far its log is on disk.
    #[serde(default)]
    pub position: Option<Lsn>,
}

/// What became of the server between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Same,
    /// It was down. What was acknowledged is there; sessions and what they had in hand are not.
    Restarted,
    /// A standby has become the primary, and this is it. What the old one had acknowledged may be lost.
    Promoted,
    /// An earlier state of the same server: what came after it is lost.
    WentBack,
    /// The primary of an earlier time: another one has taken its place.
    LeftBehind,
    /// Another database cluster by the same name: never the same rollout.
    Another,
}

impl Change {
    /// Whether what is remembered of the rollout may be more than what is stored there.
    pub fn may_have_lost(self) -> bool {
        matches!(self, Change::Promoted | Change::WentBack)
    }
}

impl Server {
    /// Positions of the write-ahead log are comparable within one system and timeline only.
    pub fn same_history(&self, other: &Server) -> bool {
        self.system == other.system && self.timeline == other.timeline
    }

    /// What `seen` is to one that knew this.
    pub fn change(&self, seen: &Server) -> Change {
        if self.system != seen.system {
            return Change::Another;
        }
        match (&self.timeline, &seen.timeline) {
            // Eight hexadecimal digits, so that text compares as numbers do.
            (Some(known), Some(now)) if known < now => return Change::Promoted,
            (Some(known), Some(now)) if known > now => return Change::LeftBehind,
            (Some(_), Some(_)) => {}
            // In recovery it has no timeline of its own: nothing can be told yet.
            _ => return Change::Same,
        }
        match (self.position, seen.position) {
            (Some(known), Some(now)) if now < known => Change::WentBack,
            _ if self.started != seen.started => Change::Restarted,
            _ => Change::Same,
        }
    }

    /// Why nothing can be written there now, if nothing can.
    pub fn hold(&self, now: Timestamp) -> Option<Hold> {
        let reason = match (self.in_recovery, self.read_only) {
            (true, _) => "the server is in recovery: a standby, or not up yet; a primary is looked for",
            (_, true) => "the server takes no writes: default_transaction_read_only is on",
            _ => return None,
        };
        Some(Hold::pause(SERVER, reason.to_owned(), now))
    }
}

/// A hold while every standby that has to be there is gone. Nothing on this server can tell a primary that was cut off and replaced
/// from one whose standbys went down, and what is written on the former is lost: so it is a person's to say, or a
/// standby's, by coming back. `sees`: whether this role can see standbys at all.
pub fn alone(
    expected: &[String],
    ignored: &Ignored,
    seen: &Snapshot,
    sees: bool,
    now: Timestamp,
) -> Option<Hold> {
    let ignores = |name: &String| ignored.get(name).is_some_and(|until| now < *until);
    let counted: Vec<&String> = expected.iter().filter(|name| !ignores(name)).collect();
    if counted.is_empty() || !sees {
        return None;
    }
    let gone = |standby: &&String| {
        seen.readings.iter().any(|reading| {
            reading.name == name::REPLICATION_LAG_BYTES
                && reading.subject.as_ref() == Some(*standby)
                && reading.state == Freshness::Blind
        })
    };
    if !counted.iter().all(gone) {
        return None;
    }
    let names: Vec<&str> = counted.iter().map(|name| name.as_str()).collect();
    let reason = format!(
        "every standby is gone ({}): if another server was promoted, this one must not be written to; if it is the primary still, \
         bring a standby back, or `segue resume`",
        names.join(", ")
    );
    Some(Hold::pause(ALONE, reason, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::hold::HoldKind;
    use crate::control::signal::Reading;

    fn server() -> Server {
        Server {
            system: "7".into(),
            timeline: Some("00000009".into()),
            started: "monday".into(),
            in_recovery: false,
            read_only: false,
            position: Some(Lsn(1000)),
        }
    }

    #[test]
    fn each_change_is_told_apart() {
        let known = server();
        let later = Server { position: Some(Lsn(2000)), ..server() };
        let cases = [
            (later.clone(), Change::Same),
            (Server { started: "tuesday".into(), ..later.clone() }, Change::Restarted),
            (
                Server { timeline: Some("0000000A".into()), started: "tuesday".into(), ..server() },
                Change::Promoted,
            ),
            (Server { timeline: Some("00000008".into()), ..later.clone() }, Change::LeftBehind),
            (Server { position: Some(Lsn(999)), ..later.clone() }, Change::WentBack),
            // A promoted standby may well be behind what the old primary had written.
            (
                Server { timeline: Some("0000000A".into()), position: Some(Lsn(1)), ..server() },
                Change::Promoted,
            ),
            (Server { system: "8".into(), ..server() }, Change::Another),
            (
                Server { timeline: None, in_recovery: true, started: "tuesday".into(), ..server() },
                Change::Same,
            ),
            (Server { position: None, ..server() }, Change::Same),
        ];
        for (seen, change) in cases {
            assert_eq!(known.change(&seen), change, "{seen:?}");
        }
    }

    #[test]
    fn nothing_is_written_where_nothing_can_be() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(server().hold(now), None);
        let by = |server: Server| server.hold(now).map(|hold| (hold.by, hold.reason.unwrap_or_default()));
        let (by_recovery, why) = by(Server { in_recovery: true, read_only: true, ..server() }).unwrap();
        assert!(by_recovery == SERVER && why.contains("in recovery"), "{why}");
        let (_, why) = by(Server { read_only: true, ..server() }).unwrap();
        assert!(why.contains("default_transaction_read_only"), "{why}");
    }

    #[test]
    fn only_all_of_them_gone_is_alone() {
        let now = Timestamp::UNIX_EPOCH;
        let seen = |gone: &[(&str, bool)]| Snapshot {
            readings: gone
                .iter()
                .map(|(standby, gone)| Reading {
                    name: name::REPLICATION_LAG_BYTES.into(),
                    subject: Some((*standby).into()),
                    value: (!gone).then_some(0.0),
                    unit: "B".into(),
                    state: if *gone { Freshness::Blind } else { Freshness::Fresh },
                    at: now,
                    detail: None,
                    limit: None,
                    baseline: None,
                })
                .collect(),
        };
        let both = ["a".to_owned(), "b".to_owned()];
        let nobody = Ignored::new();
        let all_gone = seen(&[("a", true), ("b", true)]);
        let hold = alone(&both, &nobody, &all_gone, true, now).expect("both are gone");
        assert!(hold.kind == HoldKind::Pause && hold.reason.unwrap().contains("(a, b)"));
        assert_eq!(alone(&both, &nobody, &seen(&[("a", true), ("b", false)]), true, now), None);
        // Not seen is not gone, and nobody expected is nobody missed.
        assert_eq!(alone(&both, &nobody, &all_gone, false, now), None);
        assert_eq!(alone(&both, &nobody, &Snapshot::default(), true, now), None);
        assert_eq!(alone(&[], &nobody, &all_gone, true, now), None);
        // One that is ignored does not count, whether there or not.
        let a = Ignored::from([("a".to_owned(), Timestamp::MAX)]);
        assert!(alone(&both, &a, &seen(&[("a", false), ("b", true)]), true, now).is_some());
        let both_ignored =
            Ignored::from([("a".to_owned(), Timestamp::MAX), ("b".to_owned(), Timestamp::MAX)]);
        assert_eq!(alone(&both, &both_ignored, &all_gone, true, now), None);
    }
}
