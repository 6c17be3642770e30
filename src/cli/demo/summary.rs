//! Owns the last page: every figure of the run, as text and as JSON, and whether the run was a success. Pure. Must not show a
//! figure that was not measured in that run.

use super::{
    course::HoldSeen,
    figures::{behind, count, growth, kilobytes, megabytes, milliseconds, rate, seconds},
    measure::{Found, Sizes},
    stage::Origin,
    standby::Behind,
    tally::Latency,
};
use crate::control::hold::HoldKind;
use serde::{Serialize, Serializer};
use std::{fmt::Write as _, time::Duration};

/// All that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The server's version.
    pub server: String,
    /// How the rows came into being.
    pub data: Origin,
    /// Rows that the backfill reported as filled.
    pub rows_filled: u64,
    /// Rows a second while nothing held the work.
    pub rows_per_second: Option<f64>,
    /// From the first row to the last, holds included.
    #[serde(serialize_with = "as_seconds_if_known", rename = "filling_seconds")]
    pub filling: Option<Duration>,
    /// Before the rollout.
    pub sizes_before: Sizes,
    /// When both versions were live.
    pub sizes_ready: Sizes,
    /// After the contract.
    pub sizes_after: Sizes,
    /// WAL bytes from the rollout's start to ready, the applications' included.
    pub wal_bytes: u64,
    /// WAL bytes a second of the applications alone, measured before the rollout.
    pub wal_per_second_before: f64,
    /// Each span of the run with what the applications' statements took in it.
    pub spans: Vec<Span>,
    /// Transactions that the applications committed.
    pub transactions: u64,
    /// Errors and wrong answers of the applications; none was retried.
    pub application_errors: u64,
    /// The first of them.
    pub first_errors: Vec<String>,
    /// Accounts that the two versions saw differently while both were live.
    pub disagreeing: u64,
    /// What was found at the end, and what should have been.
    pub found: Found,
    /// Accounts that there should be.
    pub expected_accounts: u64,
    /// The balance that there should be, in cents.
    pub expected_balance_cents: i64,
    /// Rows of history that there should be.
    pub expected_history: u64,
    /// How far the standby was behind at worst while applications wrote.
    pub standby_worst: Behind,
    /// Throttles and pauses, in the order of their beginnings.
    pub holds: Vec<HoldSeen>,
    /// Why the incident did not go as it should.
    pub incident_failure: Option<&'static str>,
    /// The main memory of the `segue` that carried out the plan, at its peak.
    pub peak_memory_bytes: Option<u64>,
    /// From the rollout's start to ready.
    #[serde(serialize_with = "as_seconds", rename = "to_ready_seconds")]
    pub to_ready: Duration,
    /// The contract.
    #[serde(serialize_with = "as_seconds", rename = "contract_seconds")]
    pub contract: Duration,
    /// The whole demonstration.
    #[serde(serialize_with = "as_seconds", rename = "total_seconds")]
    pub total: Duration,
}

/// A stretch of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Span {
    /// What went on in it.
    pub name: &'static str,
    /// `None`: the application did not run then.
    pub old: Option<Latency>,
    /// The same of the new version.
    pub new: Option<Latency>,
}

fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn as_seconds_if_known<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

impl Summary {
    /// What was not as it should be. Empty: a success.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.application_errors > 0 {
            faults.push(format!("the applications met {} errors", count(self.application_errors)));
        }
        if self.disagreeing > 0 {
            faults.push(format!("the versions disagreed on {} accounts", count(self.disagreeing)));
        }
        for (number, what) in [
            (self.found.wrong_balances, "balances are not the sum of their history"),
            (self.found.wrong_risks, "risks do not fit the balance"),
        ] {
            if number > 0 {
                faults.push(format!("{} {what}", count(number)));
            }
        }
        if self.found.accounts != self.expected_accounts {
            faults.push(format!("{} accounts instead of {}", self.found.accounts, self.expected_accounts));
        }
        if self.found.history != self.expected_history {
            faults
                .push(format!("{} rows of history instead of {}", self.found.history, self.expected_history));
        }
        if self.found.balance_cents != self.expected_balance_cents {
            faults.push(format!(
                "the balances come to {} cents instead of {}",
                self.found.balance_cents, self.expected_balance_cents
            ));
        }
        faults.extend(self.incident_failure.map(str::to_owned));
        faults
    }

    /// The page for people.
    pub fn text(&self) -> String {
        let mut page = Page::default();
        page.line("rows filled", &count(self.rows_filled));
        let held = self
            .filling
            .map_or_else(String::new, |time| format!("; {} in all, holds included", seconds(time)));
        page.line("rate", &format!("{} while nothing held it{held}", rate(self.rows_per_second)));
        let (before, ready, after) = (self.sizes_before, self.sizes_ready, self.sizes_after);
        page.line("table", &sizes(before.table, ready.table, after.table));
        page.line("indexes it had", &sizes(before.indexes, ready.indexes, after.indexes));
        page.line("its new index", &format!("{} when ready", megabytes(ready.new_index)));
        page.line(
            "WAL to ready",
            &format!(
                "{}, the applications' included (alone, before: {}/s)",
                megabytes(self.wal_bytes),
                kilobytes(self.wal_per_second_before)
            ),
        );
        page.blank();
        for span in &self.spans {
            for (version, latency) in [("old", span.old), ("new", span.new)] {
                if let Some(latency) = latency {
                    page.line(&format!("{}, {version}", span.name), &told(&latency));
                }
            }
        }
        let longest = self.longest().map_or_else(
            || "no statement".to_owned(),
            |(span, latency)| format!("{} ({}, {span})", milliseconds(latency.longest_ms), latency.longest),
        );
        page.line("longest wait", &longest);
        page.line(
            "application errors",
            &format!(
                "{} in {} transactions, nothing retried",
                count(self.application_errors),
                count(self.transactions)
            ),
        );
        page.line(
            "writes lost",
            &format!(
                "{} ({} accounts against {} bookings, one by one)",
                count(self.found.wrong_balances + self.found.wrong_risks),
                count(self.found.accounts),
                count(self.found.history),
            ),
        );
        page.line(
            "versions at odds",
            &format!("{} accounts, in one snapshot while both wrote", count(self.disagreeing)),
        );
        page.blank();
        let (pauses, throttles): (Vec<_>, Vec<_>) =
            self.holds.iter().partition(|hold| hold.kind == HoldKind::Pause);
        for (name, holds) in [("pauses", pauses), ("throttles", throttles)] {
            let mut head = name;
            if holds.is_empty() {
                page.line(head, "none");
            }
            for hold in holds {
                page.line(head, &lasted(hold));
                head = "";
            }
        }
        page.line("standby behind", &format!("{} at worst", behind(self.standby_worst)));
        let memory = self.peak_memory_bytes.map_or_else(|| "not known on this system".to_owned(), megabytes);
        page.line("peak memory of segue", &memory);
        page.line(
            "time",
            &format!(
                "{} to ready, {} to contract, {} in all",
                seconds(self.to_ready),
                seconds(self.contract),
                seconds(self.total)
            ),
        );
        page.text
    }

    fn longest(&self) -> Option<(&'static str, Latency)> {
        let all = self.spans.iter().flat_map(|span| [span.old, span.new].map(|latency| (span.name, latency)));
        all.filter_map(|(name, latency)| Some((name, latency?)))
            .max_by(|(_, one), (_, other)| one.longest_ms.total_cmp(&other.longest_ms))
    }
}

fn sizes(before: u64, ready: u64, after: u64) -> String {
    format!(
        "{} before, {} when ready ({}), {} after",
        megabytes(before),
        megabytes(ready),
        growth(before, ready),
        megabytes(after)
    )
}

fn told(latency: &Latency) -> String {
    format!(
        "{} statements, p50 {}, p99 {}, longest {} ({})",
        count(latency.statements),
        milliseconds(latency.p50_ms),
        milliseconds(latency.p99_ms),
        milliseconds(latency.longest_ms),
        latency.longest
    )
}

fn lasted(hold: &HoldSeen) -> String {
    let lasted = hold.seconds.map_or_else(|| "not lifted".to_owned(), |seconds| format!("{seconds:.1} s"));
    format!("{lasted} from second {:.1} on, {}", hold.at_seconds, hold.cause)
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, name: &str, value: &str) {
        writeln!(self.text, "  {name:<24} {value}").expect("writing to a string succeeds");
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let sizes = |table| Sizes { table, indexes: 29_000_000, new_index: 7_000_000 };
        let latency =
            Latency { statements: 4_000, p50_ms: 0.31, p99_ms: 9.87, longest_ms: 21.4, longest: "UPDATE" };
        Summary {
            server: "15.18".to_owned(),
            data: Origin::Pgbench,
            rows_filled: 1_000_123,
            rows_per_second: Some(81_234.6),
            filling: Some(Duration::from_millis(23_450)),
            sizes_before: sizes(134_000_000),
            sizes_ready: sizes(162_140_000),
            sizes_after: sizes(162_140_000),
            wal_bytes: 313_000_000,
            wal_per_second_before: 512_000.0,
            spans: vec![
                Span { name: "before", old: Some(latency), new: None },
                Span {
                    name: "to ready",
                    old: Some(Latency { longest_ms: 34.0, ..latency }),
                    new: Some(latency),
                },
            ],
            transactions: 9_876,
            application_errors: 0,
            first_errors: Vec::new(),
            disagreeing: 0,
            found: Found {
                accounts: 1_000_321,
                balance_cents: -12_300,
                history: 23_456,
                wrong_balances: 0,
                wrong_risks: 0,
            },
            expected_accounts: 1_000_321,
            expected_balance_cents: -12_300,
            expected_history: 23_456,
            standby_worst: Behind { seconds: Some(5.13), bytes: Some(41_200_000) },
            holds: vec![HoldSeen::example()],
            incident_failure: None,
            peak_memory_bytes: Some(18_900_000),
            to_ready: Duration::from_millis(31_000),
            contract: Duration::from_millis(900),
            total: Duration::from_millis(58_000),
        }
    }

    #[test]
    fn the_page_reads_like_this() {
        insta::assert_snapshot!(summary().text(), @r"
        rows filled              1,000,123
        rate                     81,235 rows/s while nothing held it; 23.4 s in all, holds included
        table                    134.0 MB before, 162.1 MB when ready (×1.21), 162.1 MB after
        indexes it had           29.0 MB before, 29.0 MB when ready (×1.00), 29.0 MB after
        its new index            7.0 MB when ready
        WAL to ready             313.0 MB, the applications' included (alone, before: 512 kB/s)

        before, old              4,000 statements, p50 0.3 ms, p99 9.9 ms, longest 21 ms (UPDATE)
        to ready, old            4,000 statements, p50 0.3 ms, p99 9.9 ms, longest 34 ms (UPDATE)
        to ready, new            4,000 statements, p50 0.3 ms, p99 9.9 ms, longest 21 ms (UPDATE)
        longest wait             34 ms (UPDATE, to ready)
        application errors       0 in 9,876 transactions, nothing retried
        writes lost              0 (1,000,321 accounts against 23,456 bookings, one by one)
        versions at odds         0 accounts, in one snapshot while both wrote

        pauses                   8.6 s from second 14.9 on, replication_lag of standby1: 2.26 s (threshold 2 s)
        throttles                none
        standby behind           5.1 s and 41.2 MB at worst
        peak memory of segue     18.9 MB
        time                     31.0 s to ready, 0.9 s to contract, 58.0 s in all
        ");
    }

    #[test]
    fn nothing_amiss_is_a_success_and_each_thing_amiss_is_named() {
        assert_eq!(summary().faults(), Vec::<String>::new());
        let mut bad = summary();
        bad.application_errors = 1;
        bad.disagreeing = 2;
        bad.found.wrong_balances = 3;
        bad.found.wrong_risks = 4;
        bad.found.accounts -= 1;
        bad.found.history -= 1;
        bad.found.balance_cents += 1;
        bad.incident_failure = Some("the incident did not come to its end");
        assert_eq!(bad.faults().len(), 8);
    }

    #[test]
    fn the_longest_wait_is_of_all_spans_and_both_versions() {
        assert_eq!(
            summary().longest().map(|(name, latency)| (name, latency.longest_ms)),
            Some(("to ready", 34.0))
        );
    }
}
