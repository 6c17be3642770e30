//! Owns how readings are said on one line: values, and in words where there is none. Must not judge them.

use super::human;
use crate::control::defaults;
use crate::control::policy::Guard;
use crate::control::signal::{Freshness, Reading, name};
use jiff::Timestamp;

/// `lag standby1 0.2 s`, `locks 0`, …, in this order; with `details`, who is behind each. Of the many others of Segue's own
/// those that come near what a guard holds at, or cannot be read.
pub fn parts(readings: &[Reading], guards: &[Guard], now: Timestamp, details: bool) -> Vec<String> {
    let of = |wanted: &'static str| readings.iter().filter(move |r| r.name == wanted);
    let mut parts = Vec::new();
    for lag in of(name::REPLICATION_LAG) {
        let subject = lag.subject.as_ref().map(|s| format!(" {s}")).unwrap_or_default();
        let behind = of(name::REPLICATION_LAG_BYTES)
            .find(|bytes| bytes.subject == lag.subject && bytes.state == Freshness::Fresh)
            .and_then(|bytes| bytes.value)
            .filter(|bytes| *bytes > 0.0 && lag.state == Freshness::Fresh && details)
            .map(|bytes| format!(" and {}", human::bytes(bytes)))
            .unwrap_or_default();
        let said = said(lag, now, details);
        // Who is behind it comes last.
        let (value, who) =
            said.split_once(" (").map_or((&*said, String::new()), |(v, w)| (v, format!(" ({w}")));
        parts.push(format!("lag{subject} {value}{behind}{who}"));
    }
    parts.extend(locks(of(name::LOCK_WAIT).next(), of(name::LOCK_VICTIMS).next(), now, details));
    parts.extend(of(name::HORIZON).map(|r| format!("horizon {}", said(r, now, details))));
    parts.extend(of(name::WAL_RATE).map(|r| format!("WAL {}{}", said(r, now, details), normal(r))));
    const ALWAYS: [&str; 6] = [
        name::REPLICATION_LAG,
        name::REPLICATION_LAG_BYTES,
        name::LOCK_WAIT,
        name::LOCK_VICTIMS,
        name::HORIZON,
        name::WAL_RATE,
    ];
    for other in readings.iter().filter(|r| !ALWAYS.contains(&r.name.as_str())) {
        let own =
            defaults::ALL.iter().any(|known| known.signal == other.name) || other.name == name::SYNC_WAITERS;
        if own && !is_notable(other, guards) {
            continue;
        }
        let subject = other.subject.as_ref().map(|s| format!(" {s}")).unwrap_or_default();
        let of = other.limit.filter(|_| other.state == Freshness::Fresh);
        let of =
            of.map(|limit| format!(" of at most {}", human::value(limit, &other.unit))).unwrap_or_default();
        let of = of + &normal(other);
        let (called, said) =
            (other.name.replace('_', if own { " " } else { "_" }), said(other, now, details));
        let (value, who) =
            said.split_once(" (").map_or((&*said, String::new()), |(v, w)| (v, format!(" ({w}")));
        parts.push(format!("{called}{subject} {value}{of}{who}"));
    }
    parts.iter().map(|part| human::plain(part)).collect()
}

/// Whether a signal wants a person's eye: it cannot be read, or is at half of what a guard holds at.
fn is_notable(reading: &Reading, guards: &[Guard]) -> bool {
    const NEAR: f64 = 0.5;
    let guard = guards.iter().find(|guard| guard.signal == reading.name);
    match (reading.state, reading.value) {
        // Lost, say: nothing to compare, and to be known.
        (Freshness::NotApplicable, _) => reading.subject.is_some(),
        (Freshness::Fresh, Some(value)) => guard.is_some_and(|guard| {
            let guard = guard.against(reading.limit, reading.baseline);
            guard.throttle.or(guard.pause).is_some_and(|threshold| value > 0.0 && value >= NEAR * threshold)
        }),
        // Of those that nobody guards only what is read; where guards are not known, the usual ones are.
        _ => guard.is_some() || (guards.is_empty() && defaults::is_guarded(&reading.name)),
    }
}

/// Both lock signals are one thing to a person: how many wait, and how long at most.
fn locks(wait: Option<&Reading>, victims: Option<&Reading>, now: Timestamp, details: bool) -> Option<String> {
    let fresh = |r: Option<&Reading>| r.filter(|r| r.state == Freshness::Fresh).and_then(|r| r.value);
    match (fresh(wait), fresh(victims)) {
        (Some(_), Some(0.0)) => Some("locks 0".to_owned()),
        (Some(longest), Some(many)) => {
            let who = wait.and_then(|r| r.detail.as_ref()).filter(|_| details);
            let who = who.map(|who| format!(" ({who})")).unwrap_or_default();
            Some(format!("locks {} waiting, longest {}{who}", human::number(many), human::seconds(longest)))
        }
        _ => wait.or(victims).map(|r| format!("locks {}", said(r, now, details))),
    }
}

/// What a guard measures it by.
fn normal(reading: &Reading) -> String {
    let baseline = reading.baseline.filter(|_| reading.state == Freshness::Fresh);
    baseline.map(|normal| format!(", baseline {}", human::value(normal, &reading.unit))).unwrap_or_default()
}

fn said(reading: &Reading, now: Timestamp, details: bool) -> String {
    let value = reading.value.map(|value| human::value(value, &reading.unit));
    let why = reading.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    match (reading.state, value) {
        (Freshness::Fresh, Some(value)) if details => format!("{value}{why}"),
        (Freshness::Fresh, Some(value)) => value,
        (Freshness::Stale, Some(value)) => {
            let age = human::duration(human::between(reading.at, now));
            format!("{value}, stale: read {age} ago")
        }
        (Freshness::Fresh | Freshness::Stale, None) => "unknown".to_owned(),
        (Freshness::Blind, _) => format!("blind{why}"),
        (Freshness::NotApplicable, _) => format!("n/a{}", if details { why } else { String::new() }),
    }
}

/// What is behind a guard's reading: pids, names.
pub fn behind<'a>(readings: &'a [Reading], guard: &str, subject: Option<&str>) -> Option<&'a str> {
    readings.iter().find(|r| r.name == guard && r.subject.as_deref() == subject)?.detail.as_deref()
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;

    #[test]
    fn healthy_and_blind_are_told_apart() {
        let mut said = vec![
            parts(&signals(), &[], at(6000), true).join(" · "),
            parts(&signals(), &[], at(6000), false).join(" · "),
        ];
        let why = |reading: Reading, state, why: &str| Reading { state, detail: Some(why.into()), ..reading };
        let stale = Reading { state: Freshness::Stale, ..reading(name::LOCK_WAIT, None, Some(0.0), "s") };
        let troubled = [
            why(reading(name::REPLICATION_LAG, None, None, "s"), Freshness::NotApplicable, "no standby"),
            why(
                reading(name::REPLICATION_LAG, Some("standby2"), None, "s"),
                Freshness::Blind,
                "it is gone since 07:00",
            ),
            stale,
            reading("checkout_p99_ms", None, Some(312.5), ""),
        ];
        said.push(parts(&troubled, &[], at(17_000), true).join(" · "));
        let waiting = [
            why(reading(name::LOCK_WAIT, None, Some(1.2), "s"), Freshness::Fresh, "shop (pid 7)"),
            reading(name::LOCK_VICTIMS, None, Some(3.0), "sessions"),
        ];
        said.push(parts(&waiting, &[], at(6000), true).join(" · "));
        insta::assert_snapshot!(said.join("\n"), @r"
        lag standby1 0.2 s and 16 MB · locks 0 · horizon 42 transactions (report (pid 9, active), open for 3.0 s) · WAL 12 MB/s
        lag standby1 0.2 s · locks 0 · horizon 42 transactions · WAL 12 MB/s
        lag n/a (no standby) · lag standby2 blind (it is gone since 07:00) · locks 0 s, stale: read 12 s ago · checkout_p99_ms 312.5
        locks 3 waiting, longest 1.2 s (shop (pid 7))
        ");
    }

    #[test]
    fn of_many_signals_those_that_want_an_eye_are_said() {
        let guards = crate::control::policy::Policy::default().guards;
        let of = |reading: Reading, limit| Reading { limit: Some(limit), ..reading };
        let slot = |subject, value| of(reading(name::SLOT_WAL, Some(subject), Some(value), "B"), 10e9);
        let lost = Reading {
            state: Freshness::NotApplicable,
            detail: Some("the slot is lost".into()),
            ..reading(name::SLOT_WAL, Some("gone"), None, "B")
        };
        let unused = Reading { detail: Some("logical slot, unused".into()), ..slot("etl", 4e9) };
        let readings = [
            unused,
            slot("standby1", 1e6),
            lost,
            of(reading(name::CONNECTIONS, None, Some(12.0), "sessions"), 97.0),
            reading(name::COMMIT_TIME, None, Some(0.7), "s"),
            reading(name::ON_CPU, None, Some(100.0), "sessions"),
            reading(name::DEAD_ROWS, None, None, "%"),
            reading(name::ARCHIVE_BACKLOG, None, None, "files"),
            reading(name::DEADLOCKS, None, Some(0.0), "in a minute"),
        ];
        let said = [parts(&readings, &guards, at(6000), true), parts(&readings, &[], at(6000), false)];
        insta::assert_snapshot!(said.map(|parts| parts.join(" · ")).join("\n"), @r"
        slot wal etl 4 GB of at most 10 GB (logical slot, unused) · slot wal gone n/a (the slot is lost) · commit time 0.7 s · archive backlog blind
        slot wal gone n/a · archive backlog blind
        ");
    }
}
