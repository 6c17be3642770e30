//! Owns the fields of `rename_constraint`. Must not know a catalog.

use super::Text;
use super::decode::Fields;

#[derive(Clone, Debug, PartialEq)]
pub struct RenameConstraint {
    pub table: Text,
    pub from: Text,
    pub to: Text,
}

impl RenameConstraint {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<RenameConstraint> {
        let table = f.required_name("table");
        let from = f.required_name("from");
        let to = f.required_name("to");
        f.rename_changes(&from, &to);
        f.finish();
        Some(RenameConstraint { table: table?, from: from?, to: to? })
    }
}
