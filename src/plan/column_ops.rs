//! Owns the fields of `add_column`, `drop_column` and `rename_column`. Must not know a catalog.

use super::decode::Fields;
use super::{ColumnDef, Text};

#[derive(Clone, Debug, PartialEq)]
pub struct AddColumn {
    pub table: Text,
    pub column: ColumnDef,
    pub up: Option<Text>,
    /// Which rows `up` is for; the others have the default, and are not written.
    pub only: Option<Text>,
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

impl AddColumn {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<AddColumn> {
        let table = f.required_name("table");
        let column = match f.keyed("column") {
            Some((at, node)) if !node.is_null() => {
                ColumnDef::decode(f.cx, node, "`column` of `add_column`", Some(at))
            }
            _ => {
                f.missing("column");
                None
            }
        };
        let up = f.optional_filled("up");
        let only = f.optional_filled("where");
        f.finish();
        Some(AddColumn { table: table?, column: column?, up, only })
    }
}

impl DropColumn {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<DropColumn> {
        let table = f.required_name("table");
        let column = f.required_name("column");
        let down = f.optional_filled("down");
        f.finish();
        Some(DropColumn { table: table?, column: column?, down })
    }
}

impl RenameColumn {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<RenameColumn> {
        let table = f.required_name("table");
        let from = f.required_name("from");
        let to = f.required_name("to");
        f.rename_changes(&from, &to);
        f.finish();
        Some(RenameColumn { table: table?, from: from?, to: to? })
    }
}
