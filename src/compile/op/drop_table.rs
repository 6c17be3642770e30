//! Owns `drop_table`: not in the new version, dropped at the contract.

use crate::catalog::TableKind;
use crate::compile::draft::Draft;
use crate::plan::DropTable;

pub fn apply(draft: &mut Draft<'_>, op: &DropTable) {
    let Some(table) = draft.table(&op.name) else { return };
    let Some(source) = draft.tables[table].source else {
        drop_created(draft, table, op);
        return;
    };
    let why = match source.kind {
        TableKind::Foreign => Some("it is a foreign table".to_owned()),
        TableKind::MaterializedView => Some("it is a materialised view".to_owned()),
        _ => source
            .partition_of
            .as_ref()
            .map(|(parent, _)| format!("it is a partition of `{}`", parent.as_str())),
    };
    let why = why.or_else(|| {
        source.inherited_by.first().map(|child| format!("`{}` inherits from it", child.as_str()))
    });
    if let Some(why) = why {
        let message = format!("cannot drop `{}`: {why}", op.name.as_str());
        draft.error_help("compile.table_kind", message, &op.name.span, "drop it with an `sql` operation");
        return;
    }
    draft.tables[table].shown = None;
    draft.tables[table].span = op.name.span.clone();
    draft.tables[table].additions.clear();
    // Its partitions go with it, and with them their views.
    let parent = draft.tables[table].physical.clone();
    let mut parents = vec![parent];
    while let Some(parent) = parents.pop() {
        for draft in &mut draft.tables {
            let Some(source) = draft.source else { continue };
            if source.partition_of.as_ref().is_some_and(|(of, _)| *of == parent) {
                draft.shown = None;
                parents.push(source.name.clone());
            }
        }
    }
}

/// A table of this very plan: it never comes to be.
fn drop_created(draft: &mut Draft<'_>, table: usize, op: &DropTable) {
    if let Some((by, _)) = draft.created.referenced.iter().find(|(by, of)| *of == table && *by != table) {
        let by = draft.tables[*by].logical().as_str().to_owned();
        let message = format!("cannot drop `{}`: a foreign key of `{by}` points at it", op.name.as_str());
        draft.error("compile.dependents", message, &op.name.span);
        return;
    }
    let physical = draft.tables[table].physical.clone();
    draft.created.statements.retain(|(of, _)| *of != table);
    draft.created.referenced.retain(|(by, _)| *by != table);
    draft.names.release(&physical);
    draft.tables[table].shown = None;
    draft.tables[table].physical = "".into();
    draft.tables[table].columns.clear();
}
