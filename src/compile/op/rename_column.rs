//! Owns `rename_column`: another name in the new version, the column's own at the contract.

use crate::compile::draft::Draft;
use crate::plan::RenameColumn;

pub fn apply(draft: &mut Draft<'_>, op: &RenameColumn) {
    let Some(table) = draft.changeable(&op.table, "rename a column of") else { return };
    let Some(column) = draft.column(table, &op.from) else { return };
    let Some(to) = draft.column_name(table, &op.to) else { return };
    if draft.tables[table].source.is_none() {
        let from = draft.tables[table].columns[column].name.clone();
        let sql = format!("ALTER TABLE {} RENAME COLUMN {from} TO {to}", draft.qualified(table));
        draft.created.statements.push((table, sql));
        draft.tables[table].columns[column].new = Some(to.clone());
    }
    draft.tables[table].columns[column].name = to;
}
