//! Owns the fields of `create_table`. Must not know a catalog.

use super::{ColumnDef, Text};
use crate::diagnostic::Span;

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    pub name: Text,
    pub comment: Option<Text>,
    pub columns: Vec<ColumnDef>,
    pub constraints: Vec<TableConstraint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableConstraintKind {
    Unique,
    Check,
    PrimaryKey,
    ForeignKey,
    Exclude,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableConstraint {
    pub name: Text,
    pub kind: TableConstraintKind,
    pub columns: Vec<Text>,
    pub check: Option<Text>,
    pub nulls_not_distinct: bool,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub no_inherit: bool,
    pub references: Option<TableReferences>,
    /// index_method, elements, predicate.
    pub exclude: Option<Exclude>,
    pub index_parameters: Option<IndexParameters>,
    pub span: Option<Span>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableReferences {
    pub table: Text,
    pub columns: Vec<Text>,
    pub match_type: String,
    pub on_update: String,
    pub on_delete: String,
    pub on_delete_set_columns: Vec<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Exclude {
    pub index_method: Option<Text>,
    pub elements: Text,
    pub predicate: Option<Text>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexParameters {
    pub tablespace: Option<Text>,
    pub storage_parameters: Option<Text>,
    pub include_columns: Vec<Text>,
}
