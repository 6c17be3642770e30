//! Owns the fields of `drop_index`. Must not know a catalog.

use super::Text;
use super::decode::Fields;

#[derive(Clone, Debug, PartialEq)]
pub struct DropIndex {
    pub name: Text,
}

impl DropIndex {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<DropIndex> {
        let name = f.required_name("name");
        f.finish();
        Some(DropIndex { name: name? })
    }
}
