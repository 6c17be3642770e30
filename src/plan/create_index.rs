//! Owns the fields of `create_index`. Must not know a catalog.

use super::Text;
use crate::diagnostic::Span;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateIndex {
    pub table: Text,
    pub name: Text,
    /// All of pgroll's three shapes end here.
    pub columns: Vec<IndexColumn>,
    pub unique: bool,
    /// Default `btree`.
    pub method: Option<Text>,
    pub predicate: Option<Text>,
    pub storage_parameters: Option<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IndexColumn {
    pub column: Text,
    pub collate: Option<Text>,
    pub descending: Option<bool>,
    pub nulls_first: Option<bool>,
    /// Operator class and its parameters (`name = value`).
    pub opclass: Option<(Text, Vec<Text>)>,
    pub span: Option<Span>,
}
