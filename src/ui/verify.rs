//! Owns how a verification is shown to people. Must not judge it.

use super::human;
use crate::execute::verify::report::{Found, Report};
use std::fmt::Write as _;

pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("a String grows");
    for fault in &report.faults {
        line(format!("fault    {}: {}", human::plain(&fault.table), human::plain(&fault.message)));
        line(format!("         {}", human::plain(&fault.help)));
    }
    for table in &report.tables {
        let pending = match table.pending {
            0 => String::new(),
            pending => format!(", {} still to be filled", human::count(pending)),
        };
        line(format!("table    {}: {} rows{pending}", human::plain(&table.table), human::count(table.rows)));
        for column in &table.columns {
            let (mark, what) = match column.found {
                Found::Equal => ("equal", "in step".to_owned()),
                Found::Differs => (
                    "differs",
                    format!("{} rows are not", human::count(column.differing.unwrap_or_default())),
                ),
                Found::Unknown => ("unknown", "not to be told".to_owned()),
            };
            let mut text = format!("{mark:8} {}: {what}", human::plain(&column.column));
            if let Some(why) = &column.why {
                write!(text, ": {}", human::plain(why)).expect("a String grows");
            }
            if !column.rows.is_empty() {
                write!(text, ": such as {}", human::plain(&column.rows.join("; "))).expect("a String grows");
            }
            line(text);
        }
    }
    if report.faults.is_empty() && report.tables.is_empty() {
        line("nothing is filled by this rollout, and nothing is missing".to_owned());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::verify::report::{Column, Fault, Table};

    #[test]
    fn every_column_is_told_and_what_is_not_known_is_not_called_equal() {
        let column = |column: &str, found, differing, why: Option<&str>, rows: &[&str]| Column {
            column: column.into(),
            found,
            differing,
            why: why.map(str::to_owned),
            rows: rows.iter().map(|row| (*row).to_owned()).collect(),
        };
        let report = Report {
            faults: vec![Fault {
                table: "users".into(),
                message: "the trigger x is disabled: the versions are not kept in step".into(),
                help: "ALTER TABLE users ENABLE TRIGGER x".into(),
            }],
            tables: vec![Table {
                table: "users".into(),
                rows: 1_200_000,
                pending: 3,
                columns: vec![
                    column("full_name", Found::Equal, Some(0), None, &[]),
                    column("age", Found::Differs, Some(2), None, &["id=4", "id=9"]),
                    column("token", Found::Unknown, None, Some("it calls something STABLE"), &[]),
                ],
            }],
        };
        insta::assert_snapshot!(render(&report));
    }
}
