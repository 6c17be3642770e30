//! Owns the step of the contract that changes types in place. Must not decide which can be (`widen`, `op::alter_column`).

use super::assemble::{locks, step};
use super::contract::default_sql;
use super::draft::Draft;
use super::program::{Action, Cost, LockMode, Phase, Step, Undo};
use super::shape::Shape;
use crate::ident::{Ident, QualifiedName};

/// Columns whose type changes without a row being written: the views stand on them, so those go and come in the same
/// transaction.
pub fn reshape(draft: &Draft<'_>, shapes: &[Shape<'_>], version_schema: &Ident) -> Option<Step> {
    let (mut statements, mut held, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for shape in shapes {
        let table = &draft.tables[shape.number];
        let late = table.columns.iter().filter(|column| column.is_shared() && column.retyped);
        let types: Vec<String> =
            late.clone().map(|c| format!("ALTER COLUMN {} TYPE {}", c.name, c.type_name)).collect();
        if types.is_empty() {
            continue;
        }
        // By then it has its last name.
        let name = QualifiedName::new(&shape.name.schema, table.logical());
        statements.push(format!("ALTER TABLE {name} {}", types.join(", ")));
        statements.extend(late.clone().filter(|c| c.default_changed).map(|c| default_sql(&name, c)));
        // A view takes its table with it, in the order in which applications lock them: the other way round, whoever is
        // between the two would be waited for in vain.
        held.push((QualifiedName::new(version_schema, table.logical()), LockMode::AccessExclusive));
        shown.extend(late.map(|c| format!("{}.{}", table.logical().as_str(), c.name.as_str())));
    }
    if statements.is_empty() {
        return None;
    }
    let title = format!("change the type of {}", shown.join(", "));
    let action = Action::Reshape { statements };
    Some(step(title, Phase::Contract, action, locks(held), Cost::Catalog, Undo::Nothing))
}
