//! Owns what a backfill costs a table: how large it and its indexes were when its fill began and
//! when it ended, and the server's WAL between. Must not measure.

use super::record::Record;
use crate::lsn::Lsn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One look at a table. Whatever could not be read is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// With its TOAST table and maps, without indexes.
    #[serde(default)]
    pub table_bytes: Option<u64>,
    #[serde(default)]
    pub index_bytes: Option<u64>,
    /// `n_dead_tup`: the statistics' count, a little late.
    #[serde(default)]
    pub dead_rows: Option<u64>,
    /// Where the server's log was at that moment.
    #[serde(default)]
    pub wal: Option<Lsn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    Began,
    Ended,
}

/// What was measured of each leaf that a rollout fills, from its journal: so it outlives a supervisor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures(BTreeMap<(usize, String, Moment), Measure>);

/// A leaf's growth, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    pub before: Measure,
    pub now: Measure,
    /// Bytes of WAL that the whole server wrote since this rollout's backfill began.
    pub wal_bytes: Option<u64>,
}

impl Measures {
    pub fn fold(&mut self, record: &Record) {
        if let Record::Measured { step, relation, moment, measure } = record {
            self.0.entry((*step, relation.clone(), *moment)).or_insert(*measure);
        }
    }

    /// Of a leaf in hand, by a look of now; of one that is filled, by the look at its end: what was done
    /// to it since is not the fill's. Dead rows are those of now either way.
    pub fn growth(&self, step: usize, relation: &str, finished: bool, now: Option<&Measure>) -> Growth {
        let known = |moment| self.0.get(&(step, relation.to_owned(), moment)).copied();
        let last = if finished { known(Moment::Ended) } else { now.copied() }.unwrap_or_default();
        let dead_rows = now.map_or(last.dead_rows, |now| now.dead_rows);
        let began = self.0.iter().filter(|((_, _, moment), _)| *moment == Moment::Began);
        // Of a leaf whose look failed it is not known; then the backfill began at another's at the latest.
        let first = began.filter_map(|(_, measure)| measure.wal).min();
        // A position before the first is another server's, whose log is not the one that was measured.
        let wal_bytes = last.wal.zip(first).filter(|(now, first)| now >= first);
        Growth {
            before: known(Moment::Began).unwrap_or_default(),
            now: Measure { dead_rows, ..last },
            wal_bytes: wal_bytes.map(|(now, first)| now.bytes_since(first)),
        }
    }
}

impl Growth {
    pub fn table(&self) -> Option<f64> {
        ratio(self.before.table_bytes, self.now.table_bytes)
    }

    pub fn indexes(&self) -> Option<f64> {
        ratio(self.before.index_bytes, self.now.index_bytes)
    }
}

fn ratio(before: Option<u64>, now: Option<u64>) -> Option<f64> {
    before.zip(now).filter(|(before, _)| *before > 0).map(|(before, now)| now as f64 / before as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAF: &str = "\"public\".\"users\"";

    fn measure(table_bytes: u64, index_bytes: u64, dead_rows: u64, wal: u64) -> Measure {
        Measure {
            table_bytes: Some(table_bytes),
            index_bytes: Some(index_bytes),
            dead_rows: Some(dead_rows),
            wal: Some(Lsn(wal)),
        }
    }

    fn measured(step: usize, relation: &str, moment: Moment, measure: Measure) -> Record {
        Record::Measured { step, relation: relation.into(), moment, measure }
    }

    #[test]
    fn growth_is_from_the_first_look_whoever_took_it() {
        let mut measures = Measures::default();
        measures.fold(&measured(1, "other", Moment::Began, measure(1, 1, 0, 400)));
        measures.fold(&measured(1, LEAF, Moment::Began, measure(1000, 500, 7, 1000)));
        // Of a second look at the beginning, by whatever mishap, nothing is taken.
        measures.fold(&measured(1, LEAF, Moment::Began, measure(9000, 900, 7, 9000)));
        let growth = measures.growth(1, LEAF, false, Some(&measure(1200, 510, 30, 1500)));
        assert_eq!((growth.table(), growth.indexes()), (Some(1.2), Some(1.02)));
        assert_eq!((growth.now.dead_rows, growth.wal_bytes), (Some(30), Some(1100)));
    }

    #[test]
    fn what_was_done_after_the_fill_is_not_the_fills() {
        let mut measures = Measures::default();
        measures.fold(&measured(1, LEAF, Moment::Began, measure(1000, 500, 0, 1000)));
        measures.fold(&measured(1, LEAF, Moment::Ended, measure(1100, 500, 40, 2000)));
        let growth = measures.growth(1, LEAF, true, Some(&measure(5000, 5000, 3, 9000)));
        assert_eq!(
            (growth.table(), growth.wal_bytes, growth.now.dead_rows),
            (Some(1.1), Some(1000), Some(3))
        );
        assert_eq!(measures.growth(1, LEAF, true, None).now.dead_rows, Some(40));
    }

    #[test]
    fn what_nobody_measured_is_not_known() {
        let measures = Measures::default();
        let growth = measures.growth(1, LEAF, false, Some(&measure(1200, 0, 30, 1500)));
        assert_eq!((growth.table(), growth.wal_bytes, growth.before), (None, None, Measure::default()));
        let mut measures = Measures::default();
        measures.fold(&measured(1, LEAF, Moment::Began, measure(1000, 0, 0, 5000)));
        let growth = measures.growth(1, LEAF, false, Some(&measure(1200, 0, 30, 1500)));
        assert_eq!((growth.indexes(), growth.wal_bytes), (None, None), "no indexes; another server's log");
        assert_eq!(measures.growth(1, LEAF, true, None).now, Measure::default(), "its end was not measured");
    }
}
