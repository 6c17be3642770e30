//! Owns how a program is shown: as text for a person, as a script for review, as JSON.
//! Must not decide anything, and must not be what is carried out.

mod sql;

use super::program::{Action, Cost, Lock, LockMode, Phase, Program, Step, Undo};
use crate::catalog::Catalog;
use crate::ident::QualifiedName;
use serde_json::{Value, json};
use std::fmt::Write;

const PHASES: [(Phase, &str, &str); 3] = [
    (
        Phase::Expand,
        "expand",
        "the new version's columns come beside the old ones; applications notice nothing",
    ),
    (
        Phase::Backfill,
        "backfill",
        "rows are filled, indexes and constraints built, then the new version is published",
    ),
    (Phase::Contract, "contract", "the old version goes; from the first step here there is no way back"),
];

impl LockMode {
    /// What others cannot do to the relation meanwhile.
    pub fn blocks(self) -> &'static str {
        match self {
            LockMode::RowShare | LockMode::RowExclusive => "blocks nobody's reads or writes",
            LockMode::ShareUpdateExclusive => {
                "blocks no reads or writes, only other schema changes and VACUUM"
            }
            LockMode::Share => "blocks writes, not reads",
            LockMode::ShareRowExclusive => "blocks writes and other schema changes, not reads",
            LockMode::AccessExclusive => "blocks reads and writes",
        }
    }
}

pub use sql::vacuum as vacuum_sql;

/// Every phase and step with locks, cost, SQL and undo. `color` only for terminals.
pub fn text(program: &Program, catalog: Option<&Catalog>, color: bool) -> String {
    let paint = |code: &str, text: &str| {
        if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let (bold, dim) = (|text: &str| paint("1", text), |text: &str| paint("2", text));
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut line = |text: String| writeln!(out, "{}", text.trim_end()).expect("writing to memory");
    line(bold(&format!("Plan {}", program.plan)));
    if let Some(description) = &program.description {
        line(format!("  {description}"));
    }
    line(format!(
        "  schema {}, new version in {}{}",
        program.schema.as_str(),
        program.version_schema.as_str(),
        replaced(program)
    ));
    for (phase, name, about) in PHASES {
        if !program.steps.iter().any(|step| step.phase == phase) {
            continue;
        }
        line(String::new());
        line(format!("{}: {}", bold(&name.to_uppercase()), dim(about)));
        for (number, step) in numbered(program).filter(|(_, step)| step.phase == phase) {
            line(String::new());
            line(format!("{:>3}. {}", number, bold(&step.title)));
            for lock in &step.locks {
                line(field("locks", &lock_line(step, lock)));
            }
            line(field("cost", &cost(step, catalog)));
            for statement in sql::of_step(program, step, catalog) {
                line(field("sql", &dim(&statement)));
            }
            if phase != Phase::Contract {
                for undo in undo_lines(program, &step.undo) {
                    line(field("undo", &dim(&undo)));
                }
            }
        }
    }
    out
}

/// A script of the whole for review, in psql's form: what can be run by hand stands as it is, what
/// only Segue does stands in comments.
pub fn script(program: &Program) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&format!(
        "-- Plan {}: for review. Segue runs it step by step, under its guards and lock budget.",
        comment(&program.plan)
    ));
    if let Some(description) = &program.description {
        line(&format!("-- {}", comment(description)));
    }
    line("\\set ON_ERROR_STOP on");
    for (phase, name, about) in PHASES {
        if !program.steps.iter().any(|step| step.phase == phase) {
            continue;
        }
        line("");
        line(&format!("-- {}: {about}", name.to_uppercase()));
        for (number, step) in numbered(program).filter(|(_, step)| step.phase == phase) {
            line("");
            line(&format!("-- {number}. {}", comment(&step.title)));
            for lock in &step.locks {
                line(&format!("-- locks {}", comment(&lock_line(step, lock))));
            }
            let statements = sql::of_step(program, step, None);
            let hand = sql::by_hand(&step.action);
            let block = hand && sql::in_transaction(&step.action);
            if block {
                line("BEGIN;");
            }
            for statement in statements {
                if hand {
                    // A comment at the end must not swallow the semicolon.
                    let end =
                        if statement.lines().last().is_some_and(|l| l.contains("--")) { "\n;" } else { ";" };
                    line(&format!("{statement}{end}"));
                } else {
                    statement.lines().for_each(|part| line(&format!("-- {part}")));
                }
            }
            if block {
                line("COMMIT;");
            }
            for undo in undo_lines(program, &step.undo) {
                undo.lines().for_each(|part| line(&format!("-- undo: {part}")));
            }
        }
    }
    out
}

/// The program as it is stored, with each step's number, SQL and plain words beside it.
pub fn json(program: &Program) -> Value {
    let mut value = serde_json::to_value(program).expect("a program is plain data");
    let steps: Vec<Value> = numbered(program)
        .map(|(number, step)| {
            let mut stored = serde_json::to_value(step).expect("a step is plain data");
            let fields = stored.as_object_mut().expect("a step is an object");
            fields.insert("number".into(), json!(number));
            fields.insert("sql".into(), json!(sql::of_step(program, step, None)));
            fields.insert("undo_sql".into(), json!(undo_lines(program, &step.undo)));
            let blocks: Vec<&str> = step.locks.iter().map(|lock| lock.mode.blocks()).collect();
            fields.insert("blocks".into(), json!(blocks));
            stored
        })
        .collect();
    value["steps"] = Value::Array(steps);
    value["hash"] = json!(program.hash());
    value
}

fn numbered(program: &Program) -> impl Iterator<Item = (usize, &Step)> {
    program.steps.iter().enumerate().map(|(index, step)| (index + 1, step))
}

fn replaced(program: &Program) -> String {
    match &program.previous_version_schema {
        Some(previous) => format!(" beside {}", previous.as_str()),
        None => " beside the tables themselves".to_owned(),
    }
}

/// One labelled entry; further lines are aligned under the first.
fn field(label: &str, text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.lines().enumerate() {
        let label = if i == 0 { label } else { "" };
        out.push_str(&format!("     {label:<6} {part}\n"));
    }
    out
}

fn lock_line(step: &Step, lock: &Lock) -> String {
    let how_long = match (&step.action, step.cost) {
        (Action::Backfill(_), _) => "for each slice",
        (_, Cost::Catalog) => "for a moment",
        (_, Cost::Scan | Cost::Fill) => "while it runs",
        (_, Cost::Unknown) => "as long as the statement takes",
    };
    format!("{} {}: {}, {how_long}", shown(&lock.relation), lock.mode.sql(), lock.mode.blocks())
}

fn shown(name: &QualifiedName) -> String {
    format!("{}.{}", name.schema.as_str(), name.name.as_str())
}

fn cost(step: &Step, catalog: Option<&Catalog>) -> String {
    let table = match &step.action {
        Action::Backfill(spec) => Some(&spec.table),
        Action::BuildIndex { table, .. }
        | Action::Validate { table, .. }
        | Action::Analyze { table }
        | Action::Vacuum { table, .. } => Some(table),
        _ => step.locks.first().map(|lock| &lock.relation),
    };
    match step.cost {
        Cost::Catalog => "catalog rows only: no table is read or rewritten".to_owned(),
        Cost::Scan if matches!(step.action, Action::Vacuum { .. }) => {
            format!("reads the table and its indexes, under autovacuum's cost limits{}", size(table, catalog))
        }
        Cost::Scan => format!("reads the whole table{}", size(table, catalog)),
        Cost::Fill if matches!(&step.action, Action::Backfill(spec) if spec.copy.is_some()) => format!(
            "reads every row and writes it once more, in slices: until the contract both take room on disk{}",
            size(table, catalog)
        ),
        Cost::Fill => format!("writes every row, in slices{}", size(table, catalog)),
        Cost::Unknown => "the plan's own SQL: not known".to_owned(),
    }
}

fn size(table: Option<&QualifiedName>, catalog: Option<&Catalog>) -> String {
    let Some(found) = table.and_then(|table| catalog?.tables.get(&table.name)) else { return String::new() };
    let bytes = human_bytes(found.estimate.bytes);
    match found.estimate.rows {
        Some(rows) => format!(": about {} rows, {bytes}", grouped(rows)),
        None => format!(": {bytes}, number of rows not known (never analysed)"),
    }
}

pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

fn undo_lines(program: &Program, undo: &Undo) -> Vec<String> {
    match undo {
        Undo::Nothing => Vec::new(),
        Undo::Ddl { statements, .. } => statements.clone(),
        Undo::DropIndex { index } => vec![format!("DROP INDEX CONCURRENTLY {index}")],
        Undo::Retire { version_schema } => vec![sql::retire_line(program, version_schema)],
        Undo::Script { sql, .. } => vec![sql.trim_end().to_owned()],
    }
}

/// A text that stays inside a one-line comment.
fn comment(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests;
