//! Owns how people are told what a fill costs a table: blocks, growth, dead rows, WAL; and its VACUUM.
//! Must not know how it was measured.

use super::human;
use crate::compile::explain::vacuum_sql;
use crate::control::growth::{Growth, Measures};
use crate::control::progress::{Stage, TableProgress, VacuumProgress};
use crate::ident::QualifiedName;

/// `3,150 of 7,500 blocks, table ×1.08, indexes ×1.01, 12,300 dead rows, 210 MB of WAL (the whole server's)`:
/// what is known of it. Empty where nothing is.
pub fn of(table: &TableProgress) -> String {
    let mut parts = Vec::new();
    match (table.stage, table.blocks_done, table.blocks_total) {
        (Some(Stage::Filling), Some(done), Some(total)) => {
            parts.push(format!("{} of {} blocks", human::count(done), human::count(total)));
        }
        (Some(Stage::Sweeping), _, _) => {
            parts.push("all blocks done, looking whether a row is left".to_owned())
        }
        _ => {}
    }
    parts.extend(size("table", table.table_growth, table.table_bytes));
    parts.extend(size("indexes", table.index_growth, table.index_bytes));
    parts.extend(table.dead_rows.map(dead));
    parts.extend(table.wal_bytes.map(wal));
    parts.join(", ")
}

/// The same of one that is filled, for the journal's readers.
pub fn at_the_end(growth: &Growth) -> String {
    let mut parts = Vec::new();
    parts.extend(size("table", growth.table(), growth.now.table_bytes));
    parts.extend(size("indexes", growth.indexes(), growth.now.index_bytes));
    parts.extend(growth.now.dead_rows.map(dead));
    parts.extend(growth.wal_bytes.map(wal));
    parts.join(", ")
}

fn size(what: &str, growth: Option<f64>, bytes: Option<u64>) -> Option<String> {
    match (growth, bytes) {
        (Some(growth), _) => Some(format!("{what} ×{growth:.2}")),
        (None, Some(bytes)) if bytes > 0 => Some(format!("{what} {}", human::bytes(bytes as f64))),
        _ => None,
    }
}

fn dead(rows: u64) -> String {
    if rows == 1 { "1 dead row".to_owned() } else { format!("{} dead rows", human::count(rows)) }
}

fn wal(bytes: u64) -> String {
    format!("{} of WAL (the whole server's)", human::bytes(bytes as f64))
}

/// What the end of a fill says in the log; `None` where nothing was measured.
pub fn ended(measures: &Measures, step: usize, relation: &str, table: &str) -> Option<String> {
    let cost = at_the_end(&measures.growth(step, relation, true, None));
    (!cost.is_empty()).then(|| format!("{table} is filled: {cost}"))
}

/// `users: scanning heap, 1,200 of 5,000 blocks`.
pub fn vacuum(vacuum: &VacuumProgress) -> String {
    let blocks = match vacuum.phase.as_str() {
        "vacuuming heap" => vacuum.blocks_vacuumed,
        _ => vacuum.blocks_scanned,
    };
    let blocks = blocks.zip(vacuum.blocks_total).filter(|(_, total)| *total > 0);
    let blocks =
        blocks.map(|(done, total)| format!(", {} of {} blocks", human::count(done), human::count(total)));
    human::plain(&format!("{}: {}{}", vacuum.table, vacuum.phase, blocks.unwrap_or_default()))
}

/// How a VACUUM ended.
pub fn vacuumed(table: &str, before: Option<u64>, after: Option<u64>) -> String {
    match (before, after) {
        (_, None) => format!("vacuumed {table}; how many dead rows are left is not known"),
        (Some(before), Some(0)) => format!("vacuumed {table}: {} before, none left", dead(before)),
        (None, Some(0)) => format!("vacuumed {table}: no dead rows left"),
        (_, Some(after)) => format!(
            "vacuumed {table}: {} cannot be removed yet: an open transaction, a slot or a standby may still need them",
            dead(after)
        ),
    }
}

/// Fewer are no news: `autovacuum_vacuum_threshold` lets every table have as many.
const FEW_DEAD_ROWS: u64 = 50;

/// What fills have left for a vacuum, and what would do it; `None`: little, or it is not known.
pub fn left(tables: &[TableProgress], unvacuumed: &[QualifiedName]) -> Option<String> {
    let filled = tables.iter().filter(|table| table.stage == Some(Stage::Done));
    let rows: u64 = filled.filter_map(|table| table.dead_rows).sum();
    if rows < FEW_DEAD_ROWS || unvacuumed.is_empty() {
        return None;
    }
    let all: Vec<String> = unvacuumed.iter().map(ToString::to_string).collect();
    Some(format!(
        "{} are left to autovacuum; at once: `{}`, or in the next rollout: `backfill: {{vacuum: true}}`",
        dead(rows),
        vacuum_sql(&all.join(", "))
    ))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{costly, filled, users, vacuuming};
    use super::*;

    #[test]
    fn says_what_is_known() {
        let known = costly(users(420_000));
        let sweeping = TableProgress { stage: Some(Stage::Sweeping), ..known.clone() };
        let no_beginning =
            TableProgress { table_growth: None, index_growth: None, wal_bytes: None, ..known.clone() };
        let said = [of(&known), of(&sweeping), of(&no_beginning), of(&users(7)), of(&filled("users", 7))];
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn vacuums_say_what_is_left_and_why() {
        let said = [
            vacuumed("users", Some(80_000), Some(0)),
            vacuumed("users", Some(80_000), Some(79_000)),
            vacuumed("users", None, Some(0)),
            vacuumed("users", Some(80_000), None),
            vacuum(&vacuuming()),
            vacuum(&VacuumProgress { phase: "initializing".into(), blocks_total: None, ..vacuuming() }),
        ];
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn what_is_left_comes_with_what_would_do_it() {
        let users = QualifiedName::new(&"public".into(), &"users".into());
        let done = TableProgress { dead_rows: Some(83_000), ..filled("users", 1_000_000) };
        let said = left(std::slice::from_ref(&done), std::slice::from_ref(&users)).unwrap();
        insta::assert_snapshot!(said);
        assert_eq!(left(std::slice::from_ref(&done), &[]), None, "a step of the rollout does it");
        let few = TableProgress { dead_rows: Some(49), ..done.clone() };
        assert_eq!(left(&[few], std::slice::from_ref(&users)), None);
        let unknown = TableProgress { dead_rows: None, ..done };
        assert_eq!(left(&[unknown], &[users]), None);
    }
}
