//! Owns how numbers, durations and foreign text are written for people. Must not know what they are of.

use jiff::Timestamp;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// `12 ms`, `1.4 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(length: Duration) -> String {
    seconds(length.as_secs_f64())
}

/// As [`duration`], from seconds; never negative.
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown".to_owned();
    }
    let seconds = seconds.max(0.0);
    if seconds == 0.0 {
        return "0 s".to_owned();
    }
    if seconds < 0.000_5 {
        return "under 1 ms".to_owned();
    }
    if seconds < 0.099_5 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 9.995 {
        return format!("{} s", trimmed(seconds, 2));
    }
    if seconds < 59.5 {
        return format!("{seconds:.0} s");
    }
    let whole = if seconds >= u64::MAX as f64 { u64::MAX } else { seconds.round() as u64 };
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match whole {
        0..3_600 => two(whole / 60, "min", whole % 60, "s"),
        3_600..86_400 => two(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3_600, "h"),
    }
}

/// For what changes while it is read: whole seconds, once it is one.
pub fn about(length: f64) -> String {
    seconds(if length >= 1.0 { length.round() } else { length })
}

/// `just now`, `12 s ago`.
pub fn ago(earlier: Timestamp, now: Timestamp) -> String {
    match between(earlier, now).as_secs_f64() {
        passed if passed < 1.0 => "just now".to_owned(),
        passed => format!("{} ago", about(passed)),
    }
}

/// Time from one moment to another; a clock that was set back gives none.
pub fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

/// `1,000,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `512 B`, `1.2 MB`: powers of a thousand.
pub fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut value, mut unit) = (bytes.max(0.0), 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    let decimals = if unit == 0 || value >= 9.95 { 0 } else { 1 };
    format!("{} {}", trimmed(value, decimals), UNITS[unit])
}

/// `81,000 rows/s`; slow ones keep a digit.
pub fn rows_per_second(rate: f64) -> String {
    if !rate.is_finite() {
        return "unknown rows/s".to_owned();
    }
    match rate.max(0.0) {
        rate if rate > 0.0 && rate < 9.5 => format!("{} rows/s", trimmed(rate, 1)),
        rate => format!("{} rows/s", count(rate.round() as u64)),
    }
}

/// A share as whole per cent; only all of it is 100.
pub fn percent(fraction: f64) -> String {
    format!("{:.0} %", (fraction.clamp(0.0, 1.0) * 100.0).floor())
}

/// A signal's value with its unit.
pub fn value(value: f64, unit: &str) -> String {
    match unit {
        "s" => seconds(value),
        "B" => bytes(value),
        "B/s" => format!("{}/s", bytes(value)),
        "" => number(value),
        _ => format!("{} {unit}", number(value)),
    }
}

/// At most three decimals; large ones with separators.
pub fn number(value: f64) -> String {
    if value.is_finite() && value.abs() >= 1000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(value.abs().round() as u64));
    }
    trimmed(value, 3)
}

fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A moment to the second, in UTC.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Text from elsewhere (application names, queries, servers' messages) on one line and without
/// control characters, which a terminal would obey.
pub fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        // Controls, and the marks that turn the direction of what follows.
        c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// Columns it takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cut to so many columns, the last one saying so.
pub fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        // Of the whole, because some characters take their width from their neighbours.
        if width(&out) + 1 > columns {
            out.pop();
            break;
        }
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// Filled up with blanks to so many columns, or cut.
pub fn pad(text: &str, columns: usize) -> String {
    let text = clip(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text + &" ".repeat(missing)
}

/// Broken at blanks into lines of so many columns; a longer word keeps its line, and a command in
/// backticks is one word.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    let mut quoted = false;
    let words = text.split(|c: char| {
        quoted ^= c == '`';
        c == ' ' && !quoted
    });
    for word in words.filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_as_people_say_them() {
        let said: Vec<String> = [
            0.0,
            0.0001,
            0.012,
            0.25,
            1.0,
            1.4,
            9.999,
            42.3,
            59.7,
            200.0,
            3600.0,
            7500.0,
            273_600.0,
            f64::NAN,
        ]
        .map(seconds)
        .into();
        insta::assert_snapshot!(said.join(" | "), @"0 s | under 1 ms | 12 ms | 0.25 s | 1 s | 1.4 s | 10 s | 42 s | 1 min | 3 min 20 s | 1 h | 2 h 5 min | 3 d 4 h | unknown");
    }

    #[test]
    fn numbers_as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 512.0, 1234.0, 16e6, 999_999.0, 3.2e12].map(bytes),
            ["0 B", "512 B", "1.2 kB", "16 MB", "1 MB", "3.2 TB"]
        );
        assert_eq!([0.0, 0.4, 81_000.4].map(rows_per_second), ["0 rows/s", "0.4 rows/s", "81,000 rows/s"]);
        assert_eq!([0.0, 0.429, 0.9999, 1.0].map(percent), ["0 %", "42 %", "99 %", "100 %"]);
        assert_eq!(value(1.04, "s"), "1.04 s");
        assert_eq!(value(12e6, "B/s"), "12 MB/s");
        assert_eq!(value(312.5, ""), "312.5");
        assert_eq!(value(42_000.0, "transactions"), "42,000 transactions");
    }

    #[test]
    fn a_terminal_is_not_given_orders() {
        assert_eq!(plain("a\x1b[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb c\u{fffd}d");
    }

    #[test]
    fn wraps_at_blanks() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(wrap("try `segue resume`, or not", 12), ["try", "`segue resume`,", "or not"]);
        assert_eq!(wrap("unbreakable x", 3), ["unbreakable", "x"]);
    }

    proptest! {
        #[test]
        fn cut_text_fits(text in ".{0,40}", columns in 0usize..30) {
            prop_assert!(width(&clip(&text, columns)) <= columns);
            prop_assert!(width(&pad(&text, columns)) <= columns.max(1));
        }
    }
}
