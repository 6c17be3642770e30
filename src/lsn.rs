//! Owns the write-ahead log position as a value. Must not know what is at a position.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A byte position in the write-ahead log (`pg_lsn`); stored as PostgreSQL prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lsn(pub u64);

impl Lsn {
    /// Bytes from `earlier` to here; zero if `earlier` is ahead.
    pub fn bytes_since(self, earlier: Lsn) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl From<Lsn> for String {
    fn from(lsn: Lsn) -> String {
        lsn.to_string()
    }
}

impl TryFrom<String> for Lsn {
    type Error = String;

    fn try_from(text: String) -> Result<Lsn, String> {
        text.parse()
    }
}

impl FromStr for Lsn {
    type Err = String;

    fn from_str(text: &str) -> Result<Lsn, String> {
        let parse = |part: &str| u64::from_str_radix(part, 16).ok().filter(|v| *v <= 0xffff_ffff);
        text.split_once('/')
            .and_then(|(high, low)| Some(Lsn(parse(high)? << 32 | parse(low)?)))
            .ok_or_else(|| format!("not a WAL position: {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_postgres_prints() {
        let lsn: Lsn = "16/B374D848".parse().unwrap();
        assert_eq!(lsn.to_string(), "16/B374D848");
        assert_eq!(lsn.bytes_since("16/B374D840".parse().unwrap()), 8);
        assert!("16B374D848".parse::<Lsn>().is_err());
    }
}
