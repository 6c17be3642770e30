//! Owns a column's definition as `create_table` and `add_column` share it. Must not know a catalog.

use super::Text;
use crate::diagnostic::Span;

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    pub name: Text,
    pub type_name: Text,
    /// Absent in the file is `false`, as in pgroll.
    pub nullable: bool,
    pub unique: bool,
    pub pk: bool,
    pub default: Option<Text>,
    pub comment: Option<Text>,
    pub check: Option<Check>,
    pub references: Option<References>,
    pub generated: Option<Generated>,
    pub span: Option<Span>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub name: Text,
    pub constraint: Text,
    pub no_inherit: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct References {
    pub name: Text,
    pub table: Text,
    pub column: Text,
    /// Upper case, checked against the list of actions; default `NO ACTION`.
    pub on_delete: String,
    pub on_update: String,
    /// `SIMPLE` or `FULL`.
    pub match_type: String,
    pub deferrable: bool,
    pub initially_deferred: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Generated {
    Expression(Text),
    Identity(IdentityDef),
}

#[derive(Clone, Debug, PartialEq)]
pub struct IdentityDef {
    /// GENERATED ALWAYS where true, BY DEFAULT where false.
    pub always: bool,
    pub sequence_options: Option<Text>,
}
