//! Owns the fields of `create_constraint`. Must not know a catalog.

use super::decode::Fields;
use super::{TableConstraint, Text};
use crate::diagnostic::{Diagnostic, clip, nearest};

#[derive(Clone, Debug, PartialEq)]
pub struct CreateConstraint {
    pub table: Text,
    /// Its `columns` are those that get a new form; a check may read others.
    pub constraint: TableConstraint,
    /// By column.
    pub up: Vec<(Text, Text)>,
    pub down: Vec<(Text, Text)>,
    /// It holds for the columns themselves, which both versions go on sharing.
    pub in_place: bool,
}

impl CreateConstraint {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<CreateConstraint> {
        let table = f.required_name("table");
        let what = f.what.clone();
        let constraint = TableConstraint::of_existing(&mut f);
        f.what = what;
        let (up, down) = (f.expressions("up"), f.expressions("down"));
        if let Some(constraint) = &constraint {
            for (key, expressions) in [("up", &up), ("down", &down)] {
                unused(&f, key, expressions, &constraint.columns);
            }
        }
        let in_place = f.flag("in_place");
        f.finish();
        Some(CreateConstraint { table: table?, constraint: constraint?, up, down, in_place })
    }
}

/// pgroll takes an expression for a column that is not the constraint's, and does nothing with it.
fn unused(f: &Fields<'_>, key: &str, expressions: &[(Text, Text)], columns: &[Text]) {
    for (column, _) in expressions {
        if columns.iter().any(|known| known.value == column.value) {
            continue;
        }
        let name = clip(column.as_str());
        let message = format!("`{key}` has an expression for `{name}`, which is not among `columns`");
        let help = match nearest(column.as_str(), columns.iter().map(Text::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "it is left out: add the column to `columns`, or remove the expression".to_owned(),
        };
        f.cx.report(Diagnostic::warning("plan.unused", message).at(column.span.clone()).help(help));
    }
}
