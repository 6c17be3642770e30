//! Owns how the figures are printed. Must not calculate them.

use crate::{
    cost::Cost,
    results::{Baseline, Floor, Summary},
    run::Figures,
};

const UNKNOWN: &str = "–";

/// The first column to the left, the others to the right.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let pad = " ".repeat(width(column) - cell.chars().count());
            let gap = if column == 0 { "" } else { "  " };
            text += &if column == 0 { format!("{cell}{pad}") } else { format!("{gap}{pad}{cell}") };
        }
        text.push('\n');
    }
    text
}

fn shown(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.decimals$}"))
}

pub fn strategies(alone: &Baseline, summaries: &[Summary], runs: &[Figures]) -> String {
    const HEAD: [&str; 17] = [
        "",
        "rows/s",
        "whole s",
        "table ×",
        "index ×",
        "WAL MB",
        "HOT %",
        "cpu µs/row",
        "p50 ms",
        "p99 ms",
        "max ms",
        ">50ms ‰",
        "errors",
        "lag s",
        "lag MB",
        "memory MB",
        "wrong",
    ];
    let mut rows = Vec::new();
    let nothing = || UNKNOWN.to_owned();
    if let Some(load) = &alone.load {
        let mut row = vec!["the load alone".to_owned()];
        row.extend(std::iter::repeat_n(nothing(), 7));
        row.extend(
            [load.p50_ms, load.p99_ms, load.max_ms, load.slow_per_mille].map(|value| shown(Some(value), 2)),
        );
        row.extend([load.errors.to_string(), shown(alone.lag_seconds, 2), nothing(), nothing(), nothing()]);
        rows.push(row);
    }
    for summary in summaries {
        let mut row = vec![summary.strategy.title().to_owned()];
        row.push(format!("{:.0}", summary.rows_per_second));
        row.push(format!("{:.1}", summary.whole_seconds));
        row.push(format!("{:.2}", summary.table_growth));
        row.push(format!("{:.2}", summary.index_growth));
        row.push(format!("{:.0}", summary.wal_mb));
        row.push(shown(summary.hot_share.map(|share| share * 100.0), 1));
        row.push(shown(summary.server_us_per_row, 2));
        row.extend(
            [summary.p50_ms, summary.p99_ms, summary.max_ms, summary.slow_per_mille].map(|v| shown(v, 2)),
        );
        row.push(summary.errors.to_string());
        row.push(shown(summary.lag_seconds, 2));
        row.push(shown(summary.lag_mb, 1));
        row.push(shown(summary.peak_memory_mb, 1));
        row.push(summary.wrong_rows.map_or_else(nothing, |rows| rows.to_string()));
        rows.push(row);
    }
    let mut text = table(&HEAD, &rows);
    if let Some(rate) = alone.wal_mb_per_second {
        text += &format!(
            "the load alone writes {rate:.1} MB of WAL a second, which is in all of these figures\n"
        );
    }
    for summary in summaries {
        let title = summary.strategy.title();
        if let Some(held) = summary.held_seconds.filter(|held| *held > 0.0) {
            text += &format!("{title}: guards held it for {held:.1} s\n");
        }
        if let Some(processor) = summary.processor_seconds {
            text += &format!("{title}: the process itself used the processor for {processor:.2} s\n");
        }
        if let Some(run) = runs.iter().rfind(|run| run.strategy == summary.strategy && !run.steps.is_empty())
        {
            let steps: Vec<String> =
                run.steps.iter().map(|(title, seconds)| format!("{title} {seconds:.2} s")).collect();
            text += &format!("{title}: steps of the last round: {}\n", steps.join(", "));
        }
        if let Some(error) = &summary.first_error {
            text += &format!("{title}: the load's first error: {error}\n");
        }
    }
    text
}

pub fn costs(costs: &[Cost]) -> String {
    let rows: Vec<Vec<String>> = costs
        .iter()
        .map(|cost| {
            vec![
                cost.case.to_owned(),
                format!("{:.1}", cost.bare_us),
                format!("{:.1}", cost.both_us),
                format!("{:+.1}", cost.both_us - cost.bare_us),
                format!("{:+.1}", cost.percent),
                format!("{:+.1} … {:+.1}", cost.least_percent, cost.most_percent),
                shown(cost.bare_server_us, 1),
                shown(cost.both_server_us, 1),
                shown(cost.server_percent, 1),
            ]
        })
        .collect();
    table(
        &["", "bare µs", "both µs", "more µs", "more %", "rounds %", "cpu: bare µs", "both µs", "more %"],
        &rows,
    )
}

pub fn floors(floors: &[Floor]) -> String {
    let rows: Vec<Vec<String>> = floors
        .iter()
        .map(|floor| {
            let promised = match (floor.at_least, floor.at_most) {
                (Some(least), _) => format!("≥ {least}"),
                (_, Some(most)) => format!("≤ {most}"),
                _ => UNKNOWN.to_owned(),
            };
            vec![floor.figure.clone(), promised, shown(floor.measured, 2)]
        })
        .collect();
    table(&["", "floor", "measured"], &rows)
}
