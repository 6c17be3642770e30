//! Owns the fields of `drop_constraint`. Must not know a catalog.

use super::Text;
use super::decode::Fields;
use crate::diagnostic::Diagnostic;

#[derive(Clone, Debug, PartialEq)]
pub struct DropConstraint {
    pub table: Text,
    pub name: Text,
    /// pgroll up to 0.7 wanted the constraint's column to be given.
    pub column: Option<Text>,
    /// `None`: the value as it is.
    pub up: Option<Text>,
    pub down: Text,
}

impl DropConstraint {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<DropConstraint> {
        let table = f.required_name("table");
        let name = f.required_name("name");
        let column = f.historic("column").filter(|(_, node)| !node.is_null());
        let column = column.and_then(|(at, node)| {
            let message = "`column` of `drop_constraint` is not needed";
            let note = Diagnostic::note("plan.historic", message).at(f.cx.span(at));
            f.cx.report(note.help("pgroll since 0.8 takes the constraint's own column"));
            f.cx.name(node, &f.named("column"))
        });
        let up = f.optional_filled("up");
        let down = f.required_filled("down");
        f.finish();
        Some(DropConstraint { table: table?, name: name?, column, up, down: down? })
    }
}
