//! Owns `drop_multicolumn_constraint`: which of its expressions belong to which column of the constraint.
//! What is done with them is `drop_constraint`'s.

use super::drop_constraint::{check_keys, columns, drop, droppable};
use crate::compile::draft::Draft;
use crate::plan::{DropMulticolumnConstraint, Text};

pub fn apply(draft: &mut Draft<'_>, op: &DropMulticolumnConstraint) {
    let Some(table) = draft.changeable(&op.table, "drop a constraint of") else { return };
    let Some(constraint) = droppable(draft, table, &op.name) else { return };
    let what = format!("drop_multicolumn_constraint {}", op.name.as_str());
    let Some(columns) = columns(draft, table, constraint, &op.name, &what) else { return };
    let name = |column: &usize| draft.tables[table].columns[*column].name.as_str().to_owned();
    let names: Vec<String> = columns.iter().map(name).collect();
    // Both are told.
    let mut fits = check_keys(draft, "up", &op.up, &names, &what);
    fits &= check_keys(draft, "down", &op.down, &names, &what);
    let mut forms = Vec::new();
    for (column, name) in columns.into_iter().zip(&names) {
        match of(&op.down, name) {
            Some(down) => forms.push((column, of(&op.up, name), down)),
            None => {
                draft.error_help(
                    "compile.down_required",
                    format!("{what} needs `down` for column `{name}`: how the old version's value, which the constraint holds for, follows from the new one's"),
                    &op.name.span,
                    format!("for values that fit as they are: `down: {{{name}: {name}}}`"),
                );
                fits = false;
            }
        }
    }
    if fits {
        drop(draft, table, constraint, &forms, &op.name, &what);
    }
}

fn of<'p>(expressions: &'p [(Text, Text)], name: &str) -> Option<&'p Text> {
    expressions.iter().find(|(column, _)| column.as_str() == name).map(|(_, expression)| expression)
}
