//! Owns plans: YAML or JSON text to a [`Plan`] with a position for every value.
//! Must not know a catalog: whether a plan fits a database is `compile`'s.

pub mod alter_column;
pub mod column;
pub mod create_index;
pub mod create_table;
pub mod settings;

use crate::diagnostic::{Source, Span};
use std::sync::Arc;

pub use alter_column::AlterColumn;
pub use column::{Check, ColumnDef, Generated, IdentityDef, References};
pub use create_index::{CreateIndex, IndexColumn};
pub use create_table::{CreateTable, IndexParameters, TableConstraint, TableConstraintKind, TableReferences};
pub use settings::Settings;

/// A value and where it stands in its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Option<Span>,
}

/// A string of the file with its position.
pub type Text = Spanned<String>;

impl<T> Spanned<T> {
    pub fn bare(value: T) -> Spanned<T> {
        Spanned { value, span: None }
    }
}

impl Text {
    pub fn as_str(&self) -> &str {
        &self.value
    }
}

impl From<&str> for Text {
    fn from(value: &str) -> Text {
        Spanned::bare(value.to_owned())
    }
}

/// One plan file.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The file's stem.
    pub name: String,
    pub source: Arc<Source>,
    pub description: Option<String>,
    /// Default: the plan's name.
    pub version_schema: Option<Text>,
    pub after: Vec<Text>,
    pub operations: Vec<Operation>,
    pub settings: Settings,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub kind: OperationKind,
    /// The operation's key.
    pub span: Option<Span>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OperationKind {
    CreateTable(CreateTable),
    DropTable(DropTable),
    RenameTable(RenameTable),
    AddColumn(AddColumn),
    DropColumn(DropColumn),
    RenameColumn(RenameColumn),
    AlterColumn(AlterColumn),
    CreateIndex(CreateIndex),
    DropIndex(DropIndex),
    Sql(Sql),
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropTable {
    pub name: Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RenameTable {
    pub from: Text,
    pub to: Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddColumn {
    pub table: Text,
    pub column: ColumnDef,
    pub up: Option<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropColumn {
    pub table: Text,
    pub column: Text,
    pub down: Option<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RenameColumn {
    pub table: Text,
    pub from: Text,
    pub to: Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropIndex {
    pub name: Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sql {
    pub up: Text,
    pub down: Option<Text>,
    pub on_complete: bool,
}
