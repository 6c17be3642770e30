//! Owns the fields of `drop_multicolumn_constraint`. Must not know a catalog.

use super::Text;
use super::decode::Fields;

#[derive(Clone, Debug, PartialEq)]
pub struct DropMulticolumnConstraint {
    pub table: Text,
    pub name: Text,
    /// By column; one that is not there keeps its value.
    pub up: Vec<(Text, Text)>,
    /// By column, for every column of the constraint.
    pub down: Vec<(Text, Text)>,
}

impl DropMulticolumnConstraint {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<DropMulticolumnConstraint> {
        let table = f.required_name("table");
        let name = f.required_name("name");
        let up = f.expressions("up");
        f.require("down");
        let down = f.expressions("down");
        f.finish();
        Some(DropMulticolumnConstraint { table: table?, name: name?, up, down })
    }
}
