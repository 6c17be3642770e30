//! Owns the operator's own queries: each returns one number, or is blind. Must not let one write or hang:
//! the session is read only, and every query ends within half a second.

use super::board::{blind, fresh};
use crate::control::policy::Guard;
use crate::control::signal::Reading;
use jiff::Timestamp;

/// An operator's query.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Probe {
    pub name: String,
    pub unit: String,
    /// Ready to be run: one `float8`, NULL where the query gives no row.
    pub sql: String,
}

impl Probe {
    pub fn of(guard: &Guard) -> Option<Probe> {
        // As a scalar subquery: the server itself refuses two columns, two rows, and anything that is no query. The
        // line break ends a comment at the query's end.
        let query = guard.sql.as_deref()?.trim().trim_end_matches(';');
        let sql = format!("SELECT (\n{query}\n)::float8");
        Some(Probe { name: guard.signal.clone(), unit: guard.unit.clone(), sql })
    }

    pub fn reading(&self, value: Option<f64>, at: Timestamp) -> Reading {
        match value {
            Some(value) => fresh(&self.name, None, value, &self.unit, at),
            None => blind(&self.name, None, &self.unit, at, "the probe's query gave NULL, or no row"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::signal::Freshness;
    use std::time::Duration;

    fn guard(sql: Option<&str>) -> Guard {
        Guard {
            signal: "p99".into(),
            sql: sql.map(str::to_owned),
            http: None,
            unit: "ms".into(),
            throttle: None,
            pause: None,
            throttle_of: Default::default(),
            pause_of: Default::default(),
            throttle_for: Duration::ZERO,
            pause_for: Duration::ZERO,
            load: false,
            resume_share: 0.8,
            resume_after: Duration::ZERO,
            rollback: None,
            only_if_ours: false,
            cancels: false,
        }
    }

    #[test]
    fn a_query_becomes_one_number() {
        let probe = Probe::of(&guard(Some("select 1 -- one\n;  "))).unwrap();
        assert_eq!(probe.sql, "SELECT (\nselect 1 -- one\n\n)::float8");
        assert_eq!(Probe::of(&guard(None)), None);
    }

    #[test]
    fn null_is_blind_and_not_zero() {
        let probe = Probe::of(&guard(Some("select 1"))).unwrap();
        let reading = probe.reading(None, Timestamp::UNIX_EPOCH);
        assert_eq!((reading.state, reading.value), (Freshness::Blind, None));
        let reading = probe.reading(Some(f64::NAN), Timestamp::UNIX_EPOCH);
        assert_eq!((reading.state, reading.value), (Freshness::Blind, None));
        assert_eq!(probe.reading(Some(3.5), Timestamp::UNIX_EPOCH).value, Some(3.5));
    }
}
