//! Owns how numbers are written for people. Must not measure them.

use super::standby::Behind;
use std::time::Duration;

/// 1234567 → `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in MB of 1,000,000, as disks and networks have them.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A rate of few bytes, in kB of 1,000.
pub(super) fn kilobytes(bytes: f64) -> String {
    format!("{:.0} kB", bytes / 1e3)
}

/// How far a standby is behind.
pub(super) fn behind(behind: Behind) -> String {
    let seconds = behind.seconds.map_or_else(|| "? s".to_owned(), |seconds| format!("{seconds:.1} s"));
    let bytes = behind.bytes.map_or_else(|| "? MB".to_owned(), megabytes);
    format!("{seconds} and {bytes}")
}

/// A duration in seconds, one decimal.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A rate that may not be known.
pub(super) fn rate(per_second: Option<f64>) -> String {
    per_second.map_or_else(|| "not known".to_owned(), |rate| format!("{} rows/s", count(rate.round() as u64)))
}

/// Milliseconds, with decimals where they say something.
pub(super) fn milliseconds(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// How much it grew: `×1.21`.
pub(super) fn growth(before: u64, after: u64) -> String {
    if before == 0 { String::new() } else { format!("×{:.2}", after as f64 / before as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0, 999, 1_000, 123_456, 1_000_000].map(count),
            ["0", "999", "1,000", "123,456", "1,000,000"]
        );
        assert_eq!(megabytes(134_299_648), "134.3 MB");
        assert_eq!(rate(Some(81_234.6)), "81,235 rows/s");
        assert_eq!(rate(None), "not known");
        assert_eq!([0.26, 9.94, 10.6].map(milliseconds), ["0.3 ms", "9.9 ms", "11 ms"]);
        assert_eq!(behind(Behind { seconds: Some(2.04), bytes: None }), "2.0 s and ? MB");
        assert_eq!(growth(100, 121), "×1.21");
    }
}
