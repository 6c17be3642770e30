//! Owns what a verification found, as a value. Must not find anything.

use serde::Serialize;

/// What keeps the two versions from being in step, or could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub table: String,
    pub message: String,
    pub help: String,
}

/// What one column came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// In every row that is filled, the new value is what `up` gives.
    Equal,
    /// In some it is not, and nobody can have written it.
    Differs,
    /// It cannot be told: never to be taken for equal.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    pub column: String,
    pub found: Found,
    /// Rows where the new value is not what `up` gives.
    pub differing: Option<u64>,
    /// Why it cannot be told.
    pub why: Option<String>,
    /// Some of the rows that differ, by key.
    pub rows: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    pub table: String,
    /// Rows that were read.
    pub rows: u64,
    /// Of them, those still to be filled.
    pub pending: u64,
    pub columns: Vec<Column>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub faults: Vec<Fault>,
    pub tables: Vec<Table>,
}

impl Report {
    /// Whether nothing is wrong. What cannot be told is no fault, and is said.
    pub fn is_fine(&self) -> bool {
        self.faults.is_empty()
            && self.tables.iter().flat_map(|table| &table.columns).all(|c| c.found != Found::Differs)
    }
}
