//! Owns plans: YAML or JSON text to a [`Plan`] with a position for every value.
//! Must not know a catalog: whether a plan fits a database is `compile`'s.

pub mod alter_column;
pub mod alter_enum;
pub mod column;
pub mod column_ops;
pub mod create_constraint;
pub mod create_index;
pub mod create_table;
mod decode;
pub mod drop_constraint;
pub mod drop_index;
pub mod drop_multicolumn_constraint;
pub mod duration;
pub mod folder;
pub mod guards;
pub mod limits;
mod node;
pub mod objects;
pub mod operation;
pub mod parse;
pub mod partition_table;
pub mod project;
pub mod rename_constraint;
pub mod set_replica_identity;
pub mod settings;
pub mod sql;
pub mod table_constraint;
pub mod table_ops;
mod through_text;
pub mod widen_key;

use crate::diagnostic::{Source, Span};
use std::sync::Arc;

pub use alter_column::AlterColumn;
pub use alter_enum::AlterEnum;
pub use column::{Check, ColumnDef, Generated, IdentityDef, References};
pub use column_ops::{AddColumn, DropColumn, RenameColumn};
pub use create_constraint::CreateConstraint;
pub use create_index::{CreateIndex, IndexColumn, IndexKey};
pub use create_table::CreateTable;
pub use drop_constraint::DropConstraint;
pub use drop_index::DropIndex;
pub use drop_multicolumn_constraint::DropMulticolumnConstraint;
pub use folder::{LEDGER, Placed, PlanFile, order, plan_files, plan_name};
pub use objects::{CreateOrReplaceFunction, CreateOrReplaceView, DropFunction, DropView};
pub use operation::{Operation, OperationKind};
pub use parse::{MAX_BYTES, decode_bytes, parse, too_large};
pub use partition_table::{NewBound, NewPartition, PartitionBy, PartitionTable};
pub use project::{Environment, PROJECT_FILE, Project, StandbySettings, expand_variables, parse_project};
pub use rename_constraint::RenameConstraint;
pub use set_replica_identity::{ReplicaIdentity, SetReplicaIdentity};
pub use settings::Settings;
pub use sql::Sql;
pub use table_constraint::{Exclude, IndexParameters, TableConstraint, TableConstraintKind, TableReferences};
pub use table_ops::{DropTable, RenameTable};
pub use widen_key::WidenKey;

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

/// What is refused until the plan says, under `acknowledge`, that it is known.
pub const ACKNOWLEDGED: [&str; 2] = ["publications", "row_security"];

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
    /// Dangers that the plan's author knows of: see [`ACKNOWLEDGED`].
    pub acknowledged: Vec<Spanned<&'static str>>,
    pub operations: Vec<Operation>,
    pub settings: Settings,
}
