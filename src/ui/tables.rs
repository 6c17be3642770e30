//! Owns text tables: aligned columns under plain heads, for history, clients and the log. Must not know
//! what is in them.

use super::{Paint, human};

/// Blanks between two columns.
const GAP: usize = 2;
/// The last column is cut to what the width leaves, but not below this.
const LEAST_LAST: usize = 16;

#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<const N: usize>(head: [&str; N]) -> Table {
        Table { head: head.map(str::to_owned).into(), right: vec![false; N], rows: Vec::new() }
    }

    /// Numbers: this column is aligned at the right.
    pub fn right(mut self, column: usize) -> Table {
        if let Some(right) = self.right.get_mut(column) {
            *right = true;
        }
        self
    }

    /// Missing cells are empty; those too many are left out.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| human::plain(cell.as_ref())).collect();
        cells.resize(self.head.len(), String::new());
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// `width`: of the terminal, in columns; `None` (a pipe, a file): nothing is cut.
    pub fn render(&self, width: Option<usize>, paint: Paint) -> String {
        let columns = self.head.len();
        let mut widths: Vec<usize> = (0..columns)
            .map(|i| {
                self.rows.iter().map(|row| human::width(&row[i])).fold(human::width(&self.head[i]), usize::max)
            })
            .collect();
        if let (Some(width), Some((last, others))) = (width, widths.split_last_mut()) {
            let taken: usize = others.iter().map(|w| w + GAP).sum();
            *last = (*last).min(width.saturating_sub(taken).max(LEAST_LAST));
        }
        let mut out = self.line(&self.head, &widths, |text| paint.dim(text));
        for row in &self.rows {
            out.push_str(&self.line(row, &widths, str::to_owned));
        }
        out
    }

    fn line(&self, cells: &[String], widths: &[usize], dress: impl Fn(&str) -> String) -> String {
        let mut line = String::new();
        for (i, cell) in cells.iter().enumerate() {
            let cell = human::clip(cell, widths[i]);
            let blanks = " ".repeat(widths[i].saturating_sub(human::width(&cell)));
            line.push_str(&if self.right[i] { blanks + &cell } else { cell + &blanks });
            line.push_str(&" ".repeat(GAP));
        }
        format!("{}\n", dress(line.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["plan", "rows", "state"]).right(1);
        table.row(["20261120_orders", "1,000,000", "completed"]);
        table.row(["größe_漢字", "7", "rolled_back: replication_lag of standby1 was over 5 min"]);
        table.row(["short"]);
        table
    }

    #[test]
    fn columns_line_up() {
        insta::assert_snapshot!(table().render(None, Paint::PLAIN), @r"
        ");
    }

    #[test]
    fn the_last_column_gives_way() {
        insta::assert_snapshot!(table().render(Some(50), Paint::PLAIN), @r"
        ");
    }
}
