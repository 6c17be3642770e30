//! Owns the fields of `alter_column`. Must not know a catalog.

use super::{Check, References, Text};

#[derive(Clone, Debug, PartialEq)]
pub struct AlterColumn {
    pub table: Text,
    pub column: Text,
    pub type_name: Option<Text>,
    pub nullable: Option<bool>,
    /// Absent: unchanged. `Some(None)` (`null` in the file): dropped.
    pub default: Option<Option<Text>>,
    pub comment: Option<Option<Text>>,
    pub check: Option<Check>,
    pub references: Option<References>,
    /// Name of the unique constraint to add.
    pub unique: Option<Text>,
    pub up: Option<Text>,
    pub down: Option<Text>,
}
