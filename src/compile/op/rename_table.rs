//! Owns `rename_table`: another name in the new version, the table's own at the contract.

use crate::catalog::TableKind;
use crate::compile::draft::Draft;
use crate::ident::Ident;
use crate::plan::RenameTable;

pub fn apply(draft: &mut Draft<'_>, op: &RenameTable) {
    let Some(table) = draft.table(&op.from) else { return };
    if let Some(source) = draft.tables[table].source
        && matches!(source.kind, TableKind::Foreign | TableKind::MaterializedView)
    {
        let message = format!("cannot rename `{}`: it is not an ordinary table", op.from.as_str());
        draft.error("compile.table_kind", message, &op.from.span);
        return;
    }
    let back = Ident::new(op.to.as_str()) == draft.tables[table].physical && op.to.value != op.from.value;
    let to = if back {
        draft.tables[table].physical.clone()
    } else {
        let Some(to) = draft.relation_name(&op.to, "table") else { return };
        to
    };
    if draft.tables[table].source.is_none() {
        let sql = format!("ALTER TABLE {} RENAME TO {to}", draft.qualified(table));
        draft.created.statements.push((table, sql));
        draft.tables[table].physical = to.clone();
    }
    draft.tables[table].shown = Some(to);
    draft.tables[table].span = op.to.span.clone();
}
