//! Owns text tables: aligned columns under plain heads, for history, clients and the log. Must not know
//! what is in them.

use super::{Paint, human};

/// Blanks between two columns.
const GAP: usize = 2;
/// The last column is cut to what the width leaves, but not below this.
const LEAST_LAST: usize = 16;

/// For standard output: cut to its width where it is a terminal, whole elsewhere.
pub fn render(head: &[&str], rows: &[Vec<String>]) -> String {
    render_within(head, rows, super::width_of(std::io::stdout()), Paint::PLAIN)
}

/// `width`: columns; `None`: nothing is cut. Missing cells are empty; those too many are left out.
/// Columns of numbers are aligned at the right.
pub fn render_within(head: &[&str], rows: &[Vec<String>], width: Option<usize>, paint: Paint) -> String {
    let columns = head.len();
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| (0..columns).map(|i| row.get(i).map(|c| human::plain(c)).unwrap_or_default()).collect())
        .collect();
    let mut layout: Vec<Column> =
        (0..columns).map(|i| Column::of(&head[i], rows.iter().map(|r| &r[i]))).collect();
    if let (Some(width), Some((last, others))) = (width, layout.split_last_mut()) {
        let taken: usize = others.iter().map(|column| column.width + GAP).sum();
        last.width = last.width.min(width.saturating_sub(taken).max(LEAST_LAST));
    }
    let mut out = format!("{}\n", paint.dim(&line(&head, &layout)));
    for row in &rows {
        out.push_str(&line(row, &layout));
        out.push('\n');
    }
    out
}

struct Column {
    width: usize,
    right: bool,
}

impl Column {
    fn of<'a>(head: &str, cells: impl Iterator<Item = &'a String> + Clone) -> Column {
        let is_number = |cell: &String| cell.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.'));
        let right = cells.clone().any(|cell| !cell.is_empty()) && cells.clone().all(is_number);
        Column { width: cells.map(|cell| human::width(cell)).fold(human::width(head), usize::max), right }
    }
}

fn line(cells: &[String], layout: &[Column]) -> String {
    let mut line = String::new();
    for (cell, column) in cells.iter().zip(layout) {
        let cell = human::clip(cell, column.width);
        let blanks = " ".repeat(column.width.saturating_sub(human::width(&cell)));
        line.push_str(&if column.right { blanks + &cell } else { cell + &blanks });
        line.push_str(&" ".repeat(GAP));
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: Option<usize>) -> String {
        let rows = [
            vec!["20261120_orders", "1,000,000", "completed"],
            vec!["größe_漢字", "7", "rolled_back: replication_lag of standby1 was over 5 min", "too many"],
            vec!["short"],
        ];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        render_within(&["plan", "rows", "state"], &rows, width, Paint::PLAIN)
    }

    #[test]
    fn columns_line_up() {
        insta::assert_snapshot!(shown(None), @r"
        plan                  rows  state
        20261120_orders  1,000,000  completed
        größe_漢字               7  rolled_back: replication_lag of standby1 was over 5 min
        short
        ");
    }

    #[test]
    fn the_last_column_gives_way() {
        insta::assert_snapshot!(shown(Some(50)), @r"
        plan                  rows  state
        20261120_orders  1,000,000  completed
        größe_漢字               7  rolled_back: replicat…
        short
        ");
    }

    #[test]
    fn nothing_to_show_is_a_head() {
        assert_eq!(render_within(&["plan", "state"], &[], Some(10), Paint::PLAIN), "plan  state\n");
    }
}
