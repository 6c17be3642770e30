//! Owns the fields of `widen_key`. Must not know a catalog.

use super::Text;
use super::decode::Fields;

#[derive(Clone, Debug, PartialEq)]
pub struct WidenKey {
    pub table: Text,
    /// `None`: the primary key's one column of a narrower integer type.
    pub column: Option<Text>,
}

impl WidenKey {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<WidenKey> {
        let table = f.required_name("table");
        let column = f.optional_name("column");
        f.finish();
        Some(WidenKey { table: table?, column })
    }
}
