//! Owns what a backfill may be limited to and how each limit is written, in a plan as for `segue tune`.
//! Must not know how a limit is held.

use super::duration::parse_duration;
use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, time::Duration};

/// What a slice's transaction may be asked to take.
pub const SLICE_TIME: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);
pub const MAX_WORKERS: u32 = 64;
const MAX_RATE: u64 = 1_000_000_000;
/// Below it a single slice is more than a second's worth of WAL.
const WAL: RangeInclusive<f64> = 1e4..=1e11;
/// More rest than this is a pause, and says less than one.
const MAX_REST: u32 = 95;

/// What can be limited, by the name that plans and operators use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// What a slice's transaction should take.
    Slice,
    Workers,
    /// Rows a second.
    Rate,
    /// Bytes of WAL a second.
    Wal,
    /// The share of time that each worker rests.
    Rest,
}

/// A limit that may be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    Off,
    At(u64),
}

impl Cap {
    pub fn value(self) -> Option<u64> {
        match self {
            Cap::Off => None,
            Cap::At(value) => Some(value),
        }
    }
}

impl Limit {
    pub const ALL: [Limit; 5] = [Limit::Slice, Limit::Workers, Limit::Rate, Limit::Wal, Limit::Rest];

    pub fn name(self) -> &'static str {
        match self {
            Limit::Slice => "slice",
            Limit::Workers => "workers",
            Limit::Rate => "rate",
            Limit::Wal => "wal",
            Limit::Rest => "rest",
        }
    }

    pub fn named(name: &str) -> Option<Limit> {
        Limit::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// What may be written for it.
    pub fn possible(self) -> &'static str {
        match self {
            Limit::Slice => "a duration from 1ms to 60s",
            Limit::Workers => "a whole number from 1 to 64",
            Limit::Rate => "a whole number of rows a second from 1 to 1000000000, or `off`",
            Limit::Wal => "an amount a second from 10kB to 100GB such as `8MB`, or `off`",
            Limit::Rest => "a share of the time from `0%` to `95%`",
        }
    }
}

pub fn slice_time(text: &str) -> Option<Duration> {
    parse_duration(text).ok().filter(|time| SLICE_TIME.contains(time))
}

pub fn workers(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|workers| (1..=MAX_WORKERS).contains(workers))
}

/// Rows a second.
pub fn rate(text: &str) -> Option<Cap> {
    off(text).or_else(|| text.trim().parse().ok().filter(|rate| (1..=MAX_RATE).contains(rate)).map(Cap::At))
}

/// Bytes a second, powers of a thousand as everywhere in Segue's output: `8MB`, `1.5 GB/s`.
pub fn wal(text: &str) -> Option<Cap> {
    off(text).or_else(|| {
        let text = text.trim();
        let bytes = bytes(text.strip_suffix("/s").unwrap_or(text))?;
        WAL.contains(&bytes).then_some(Cap::At(bytes.round() as u64))
    })
}

/// An amount with its unit.
pub fn bytes(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, factor) = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)]
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    number.trim().parse::<f64>().ok().map(|number| number * factor).filter(|bytes| bytes.is_finite())
}

/// Whole per cent; without the sign it could as well be a fraction, so it has to be there.
pub fn rest(text: &str) -> Option<u32> {
    if off(text).is_some() {
        return Some(0);
    }
    let percent = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    (percent <= MAX_REST).then_some(percent)
}

fn off(text: &str) -> Option<Cap> {
    (text.trim() == "off").then_some(Cap::Off)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_possible_is_read() {
        assert_eq!(slice_time("20ms"), Some(Duration::from_millis(20)));
        assert_eq!((workers("3"), workers(" 64")), (Some(3), Some(64)));
        assert_eq!((rate("20000"), rate("off")), (Some(Cap::At(20_000)), Some(Cap::Off)));
        assert_eq!((wal("8MB"), wal("1.5 GB/s")), (Some(Cap::At(8_000_000)), Some(Cap::At(1_500_000_000))));
        assert_eq!((wal("off"), wal("10kB")), (Some(Cap::Off), Some(Cap::At(10_000))));
        assert_eq!(
            (rest("50%"), rest("95 %"), rest("0%"), rest("off")),
            (Some(50), Some(95), Some(0), Some(0))
        );
    }

    #[test]
    fn what_is_not_is_not() {
        assert!(["0ms", "61s", "20", "soon", "-1s"].iter().all(|text| slice_time(text).is_none()));
        assert!(["0", "65", "-1", "1.5", ""].iter().all(|text| workers(text).is_none()));
        assert!(["0", "1000000001", "-5", "fast", "20k", "Off"].iter().all(|text| rate(text).is_none()));
        let wrong = ["8", "8mb", "MB", "9kB", "101GB", "-1MB", "NaNMB", "infGB"];
        assert!(wrong.iter().all(|text| wal(text).is_none()));
        assert!(["50", "0.5", "96%", "-1%", "1.5%", "%"].iter().all(|text| rest(text).is_none()));
    }

    #[test]
    fn names_lead_back() {
        for limit in Limit::ALL {
            assert_eq!(Limit::named(limit.name()), Some(limit));
            assert_eq!(serde_json::to_value(limit).unwrap(), limit.name());
        }
        assert_eq!(Limit::named("speed"), None);
    }
}
