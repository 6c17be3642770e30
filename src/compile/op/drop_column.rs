//! Owns `drop_column`: not in the new version; `down` says what the old one is to see of new rows.

use crate::compile::draft::{Change, Down, Draft};
use crate::plan::DropColumn;

pub fn apply(draft: &mut Draft<'_>, op: &DropColumn) {
    let Some(table) = draft.changeable(&op.table, "drop a column of") else { return };
    let Some(column) = draft.column(table, &op.column) else { return };
    let what = format!("drop_column {}.{}", op.table.as_str(), op.column.as_str());
    if draft.tables[table].source.is_none() {
        let name = draft.tables[table].columns[column].name.clone();
        let sql = format!("ALTER TABLE {} DROP COLUMN {name}", draft.qualified(table));
        draft.created.statements.push((table, sql));
        draft.tables[table].columns[column].new = None;
        return;
    }
    let change_at = draft.tables[table].columns[column].changes.len();
    let dropped = &mut draft.tables[table].columns[column];
    let Some(source) = dropped.source else {
        cancel(draft, table, column);
        return;
    };
    let type_before = dropped.type_name.clone();
    dropped.new = None;
    dropped.span = op.column.span.clone();
    dropped.what = what.clone();
    dropped.changes.push(Change {
        type_before,
        down: Down::None,
        what: what.clone(),
        down_span: op.down.as_ref().and_then(|down| down.span.clone()),
    });
    match &op.down {
        Some(text) => {
            if source.generated.is_some() {
                let message = format!(
                    "`{}` is generated: the old version computes it, `down` cannot",
                    op.column.as_str()
                );
                draft.error("compile.generated", message, &text.span);
            } else if let Some(bound) = draft.bind_value(text, table, &format!("down of {what}")) {
                draft.tables[table].columns[column].changes[change_at].down = Down::Expression(bound);
            }
        }
        None => {
            let given = source.default.is_some() || source.identity.is_some() || source.generated.is_some();
            if source.not_null && !given {
                draft.error_help(
                    "compile.down_required",
                    format!(
                        "`{}` is NOT NULL without a default, so rows the new version inserts would be refused",
                        op.column.as_str()
                    ),
                    &op.column.span,
                    "give `down`: what the old version is to see in rows of the new one",
                );
            }
        }
    }
}

/// A column that this plan adds: it never comes to be, nor what the plan builds on it.
fn cancel(draft: &mut Draft<'_>, table: usize, column: usize) {
    let dropped = &mut draft.tables[table].columns[column];
    dropped.new = None;
    if let Some((sequence, _)) = dropped.serial.take() {
        draft.names.release(&sequence);
    }
    let gone: Vec<_> = draft.tables[table]
        .additions
        .extract_if(.., |addition| addition.reads(column))
        .filter(|addition| addition.is_index())
        .map(|addition| addition.name)
        .collect();
    for name in gone {
        draft.names.release(&name);
    }
}
