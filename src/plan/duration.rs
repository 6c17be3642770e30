//! Owns how a duration is written in a plan: `50ms`, `1m30s`. Must not know what one is for.

use super::Spanned;
use super::decode::Context;
use super::node::{Node, Value};
use crate::diagnostic::{Diagnostic, clip};
use std::time::Duration;

/// Units from the longest to the shortest, each in seconds.
const UNITS: [(&str, f64); 5] = [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];
/// Ten years: beyond it a typing error is likelier than an intention.
const LONGEST_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

/// What is wrong with a text that should be a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurationFault {
    Unreadable,
    NoUnit,
    Negative,
    TooLong,
}

/// `50ms`, `1s`, `1.5h`, `1m30s`; units longest first. `0` needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, DurationFault> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err(DurationFault::Negative);
    }
    if text.parse::<f64>().is_ok_and(|number| number == 0.0) {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut seconds, mut next_unit) = (text, 0.0, 0);
    if rest.is_empty() {
        return Err(DurationFault::Unreadable);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| DurationFault::Unreadable)?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        if letters == 0 {
            return Err(if rest.is_empty() { DurationFault::NoUnit } else { DurationFault::Unreadable });
        }
        let unit = UNITS.iter().position(|(name, _)| *name == &rest[..letters]);
        let unit = unit.filter(|unit| *unit >= next_unit).ok_or(DurationFault::Unreadable)?;
        next_unit = unit + 1;
        seconds += number * UNITS[unit].1;
        rest = &rest[letters..];
    }
    if seconds > LONGEST_SECONDS {
        return Err(DurationFault::TooLong);
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| DurationFault::Unreadable)
}

impl Context {
    pub(crate) fn duration(&self, node: &Node, what: &str) -> Option<Spanned<Duration>> {
        let Value::Scalar { text, .. } = &node.value else {
            self.wrong_type(node, what, "a duration such as `50ms` or `1m30s`");
            return None;
        };
        let (message, help) = match parse_duration(text) {
            Ok(value) => return Some(Spanned { value, span: Some(self.span(&node.bytes)) }),
            Err(DurationFault::NoUnit) => {
                let text = clip(text.trim());
                (format!("{what} is a number without a unit"), format!("write `{text}s` or `{text}ms`"))
            }
            Err(DurationFault::Negative) => {
                (format!("{what} is negative"), "a duration is zero or more".to_owned())
            }
            Err(DurationFault::TooLong) => {
                (format!("{what} is longer than ten years"), "check the unit".to_owned())
            }
            Err(DurationFault::Unreadable) => (
                format!("{what} must be a duration, found {}", node.described()),
                "write a number and a unit (ms, s, m, h, d), longest unit first: `50ms`, `1m30s`".to_owned(),
            ),
        };
        self.report(
            Diagnostic::error("plan.invalid_duration", message).at(self.span(&node.bytes)).help(help),
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("50ms", 50),
            ("1s", 1000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("1m30s", 90_000),
            ("0", 0),
            ("0s", 0),
            ("1.5s", 1500),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        use DurationFault::*;
        for (text, fault) in [
            ("5", NoUnit),
            ("1.5", NoUnit),
            ("-1s", Negative),
            ("", Unreadable),
            ("s", Unreadable),
            ("1 s", Unreadable),
            ("1s1m", Unreadable),
            ("1s1s", Unreadable),
            ("1w", Unreadable),
            ("1.2.3s", Unreadable),
            ("4000d", TooLong),
            ("1m5", NoUnit),
            ("inf", Unreadable),
            ("1e3s", Unreadable),
            (&format!("{}s", "9".repeat(400)), TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(fault), "{text}");
        }
    }
}
