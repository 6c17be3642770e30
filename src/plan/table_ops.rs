//! Owns the fields of `drop_table` and `rename_table`. Must not know a catalog.

use super::Text;
use super::decode::Fields;

#[derive(Clone, Debug, PartialEq)]
pub struct DropTable {
    pub name: Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RenameTable {
    pub from: Text,
    pub to: Text,
}

impl DropTable {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<DropTable> {
        let name = f.required_name("name");
        f.finish();
        Some(DropTable { name: name? })
    }
}

impl RenameTable {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<RenameTable> {
        let from = f.required_name("from");
        let to = f.required_name("to");
        f.rename_changes(&from, &to);
        f.finish();
        Some(RenameTable { from: from?, to: to? })
    }
}

impl Fields<'_> {
    /// Reports a rename to the name the thing already has.
    pub(crate) fn rename_changes(&self, from: &Option<Text>, to: &Option<Text>) {
        if let (Some(from), Some(to)) = (from, to)
            && from.value == to.value
        {
            self.cx.report(
                crate::diagnostic::Diagnostic::error(
                    "plan.no_change",
                    format!("{} changes nothing", self.what),
                )
                .at(to.span.clone())
                .help("`from` and `to` are the same name"),
            );
        }
    }
}
