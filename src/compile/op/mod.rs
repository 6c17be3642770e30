//! Owns the operations: one file each, from a plan's item to what it changes in the draft.
//! Must not order steps or write SQL for existing tables (that is `assemble` and `contract`).

mod add_column;
mod alter_column;
mod alter_enum;
mod column;
mod create_constraint;
mod create_index;
mod create_table;
mod drop_column;
mod drop_constraint;
mod drop_index;
mod drop_multicolumn_constraint;
mod drop_table;
mod function;
mod in_place;
mod new_form;
mod partition_table;
mod rename_column;
mod rename_constraint;
mod rename_table;
mod set_replica_identity;
mod sql;
mod view;
mod widen_key;

pub use column::{actions_sql, comment_sql, deferrable_sql};
pub use create_index::{index_names, index_sql, index_tail};
pub use partition_table::check_alone;
pub use set_replica_identity::{check as check_replica_identity, replica_identity_sql};

use super::draft::Draft;
use crate::plan::{Operation, OperationKind};

/// Applies one operation to the draft, or says why it cannot be.
pub fn apply(draft: &mut Draft<'_>, operation: &Operation) {
    let span = &operation.span;
    match &operation.kind {
        OperationKind::CreateTable(op) => create_table::apply(draft, op, span),
        OperationKind::DropTable(op) => drop_table::apply(draft, op),
        OperationKind::RenameTable(op) => rename_table::apply(draft, op),
        OperationKind::AddColumn(op) => add_column::apply(draft, op, span),
        OperationKind::DropColumn(op) => drop_column::apply(draft, op),
        OperationKind::RenameColumn(op) => rename_column::apply(draft, op),
        OperationKind::AlterColumn(op) => alter_column::apply(draft, op, span),
        OperationKind::CreateIndex(op) => create_index::apply(draft, op, span),
        OperationKind::DropIndex(op) => drop_index::apply(draft, op),
        OperationKind::CreateConstraint(op) => create_constraint::apply(draft, op, span),
        OperationKind::DropConstraint(op) => drop_constraint::apply(draft, op),
        OperationKind::DropMulticolumnConstraint(op) => drop_multicolumn_constraint::apply(draft, op),
        OperationKind::RenameConstraint(op) => rename_constraint::apply(draft, op),
        OperationKind::SetReplicaIdentity(op) => set_replica_identity::apply(draft, op, span),
        OperationKind::CreateOrReplaceView(op) => view::create(draft, op),
        OperationKind::DropView(op) => view::drop(draft, op),
        OperationKind::CreateOrReplaceFunction(op) => function::create(draft, op),
        OperationKind::DropFunction(op) => function::drop(draft, op),
        OperationKind::WidenKey(op) => widen_key::apply(draft, op),
        OperationKind::PartitionTable(op) => partition_table::apply(draft, op, span),
        OperationKind::AlterEnum(op) => alter_enum::apply(draft, op),
        OperationKind::Sql(op) => sql::apply(draft, op, span),
    }
}
