//! Owns the list of operations: which there are, and how an item of `operations` becomes one.
//! Must not know a catalog.

use super::decode::{Context, Fields};
use super::node::{Entry, Node, Value};
use super::{
    AddColumn, AlterColumn, AlterEnum, CreateConstraint, CreateIndex, CreateOrReplaceFunction,
    CreateOrReplaceView, CreateTable, DropColumn, DropConstraint, DropFunction, DropIndex,
    DropMulticolumnConstraint, DropTable, DropView, PartitionTable, RenameColumn, RenameConstraint,
    RenameTable, SetReplicaIdentity, Sql, WidenKey,
};
use crate::diagnostic::{Diagnostic, Span, clip, nearest};

#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub kind: OperationKind,
    /// The operation's key.
    pub span: Option<Span>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OperationKind {
    CreateTable(CreateTable),
    DropTable(DropTable),
    RenameTable(RenameTable),
    AddColumn(AddColumn),
    DropColumn(DropColumn),
    RenameColumn(RenameColumn),
    AlterColumn(AlterColumn),
    CreateIndex(CreateIndex),
    DropIndex(DropIndex),
    CreateConstraint(CreateConstraint),
    DropConstraint(DropConstraint),
    DropMulticolumnConstraint(DropMulticolumnConstraint),
    RenameConstraint(RenameConstraint),
    SetReplicaIdentity(SetReplicaIdentity),
    Sql(Sql),
    WidenKey(WidenKey),
    PartitionTable(PartitionTable),
    AlterEnum(AlterEnum),
    CreateOrReplaceView(CreateOrReplaceView),
    DropView(DropView),
    CreateOrReplaceFunction(CreateOrReplaceFunction),
    DropFunction(DropFunction),
}

/// The keys of the operations: pgroll's, as it has them, and Segue's own.
pub const OPERATIONS: [&str; 22] = [
    "create_table",
    "drop_table",
    "rename_table",
    "add_column",
    "drop_column",
    "rename_column",
    "alter_column",
    "create_index",
    "drop_index",
    "create_constraint",
    "drop_constraint",
    "drop_multicolumn_constraint",
    "rename_constraint",
    "set_replica_identity",
    "sql",
    "widen_key",
    "partition_table",
    "alter_enum",
    "create_or_replace_view",
    "drop_view",
    "create_or_replace_function",
    "drop_function",
];

impl OperationKind {
    /// The key it has in a plan.
    pub fn name(&self) -> &'static str {
        match self {
            OperationKind::CreateTable(_) => "create_table",
            OperationKind::DropTable(_) => "drop_table",
            OperationKind::RenameTable(_) => "rename_table",
            OperationKind::AddColumn(_) => "add_column",
            OperationKind::DropColumn(_) => "drop_column",
            OperationKind::RenameColumn(_) => "rename_column",
            OperationKind::AlterColumn(_) => "alter_column",
            OperationKind::CreateIndex(_) => "create_index",
            OperationKind::DropIndex(_) => "drop_index",
            OperationKind::CreateConstraint(_) => "create_constraint",
            OperationKind::DropConstraint(_) => "drop_constraint",
            OperationKind::DropMulticolumnConstraint(_) => "drop_multicolumn_constraint",
            OperationKind::RenameConstraint(_) => "rename_constraint",
            OperationKind::SetReplicaIdentity(_) => "set_replica_identity",
            OperationKind::Sql(_) => "sql",
            OperationKind::WidenKey(_) => "widen_key",
            OperationKind::PartitionTable(_) => "partition_table",
            OperationKind::AlterEnum(_) => "alter_enum",
            OperationKind::CreateOrReplaceView(_) => "create_or_replace_view",
            OperationKind::DropView(_) => "drop_view",
            OperationKind::CreateOrReplaceFunction(_) => "create_or_replace_function",
            OperationKind::DropFunction(_) => "drop_function",
        }
    }
}

fn known(key: &str) -> Option<&'static str> {
    OPERATIONS.into_iter().find(|name| name.eq_ignore_ascii_case(key))
}

impl Operation {
    /// The operations of one item: one, but for a historic `alter_column` that also renames.
    pub(crate) fn decode(cx: &Context, item: &Node) -> Vec<Operation> {
        let entries = match &item.value {
            Value::Map(entries) if !entries.is_empty() => entries,
            _ => {
                cx.wrong_type(item, "an operation", "a mapping such as `drop_table: {name: users}`");
                return Vec::new();
            }
        };
        if let [_, second, ..] = entries.as_slice() {
            several(cx, entries, second);
            // Fields at the operation's own level would only be reported again, one by one.
            if !entries.iter().all(|entry| known(&entry.key).is_some()) {
                return Vec::new();
            }
        }
        entries.iter().flat_map(|entry| decode_entry(cx, entry)).collect()
    }
}

fn several(cx: &Context, entries: &[Entry], second: &Entry) {
    let first = clip(&entries[0].key);
    let help = if entries[0].value.is_null() && known(&second.key).is_none() {
        format!("indent the fields of `{first}` further than its name")
    } else {
        format!("each operation is an item of its own: write `- {}:`", clip(&second.key))
    };
    cx.report(
        Diagnostic::error(
            "plan.several_operations",
            format!("one operation has several keys: `{first}` and `{}`", clip(&second.key)),
        )
        .at(cx.span(&second.key_bytes))
        .help(help),
    );
}

fn decode_entry(cx: &Context, entry: &Entry) -> Vec<Operation> {
    let Some(name) = known(&entry.key) else {
        unknown(cx, entry);
        return Vec::new();
    };
    let Some(f) = Fields::of(cx, &entry.value, &format!("`{name}`"), Some(&entry.key_bytes)) else {
        return Vec::new();
    };
    let kinds = match name {
        "create_table" => one(CreateTable::decode(f).map(OperationKind::CreateTable)),
        "drop_table" => one(DropTable::decode(f).map(OperationKind::DropTable)),
        "rename_table" => one(RenameTable::decode(f).map(OperationKind::RenameTable)),
        "add_column" => one(AddColumn::decode(f).map(OperationKind::AddColumn)),
        "drop_column" => one(DropColumn::decode(f).map(OperationKind::DropColumn)),
        "rename_column" => one(RenameColumn::decode(f).map(OperationKind::RenameColumn)),
        "alter_column" => AlterColumn::decode(f),
        "create_index" => one(CreateIndex::decode(f).map(OperationKind::CreateIndex)),
        "drop_index" => one(DropIndex::decode(f).map(OperationKind::DropIndex)),
        "create_constraint" => one(CreateConstraint::decode(f).map(OperationKind::CreateConstraint)),
        "drop_constraint" => one(DropConstraint::decode(f).map(OperationKind::DropConstraint)),
        "drop_multicolumn_constraint" => {
            one(DropMulticolumnConstraint::decode(f).map(OperationKind::DropMulticolumnConstraint))
        }
        "rename_constraint" => one(RenameConstraint::decode(f).map(OperationKind::RenameConstraint)),
        "set_replica_identity" => one(SetReplicaIdentity::decode(f).map(OperationKind::SetReplicaIdentity)),
        "widen_key" => one(WidenKey::decode(f).map(OperationKind::WidenKey)),
        "partition_table" => one(PartitionTable::decode(f).map(OperationKind::PartitionTable)),
        "alter_enum" => one(AlterEnum::decode(f).map(OperationKind::AlterEnum)),
        "create_or_replace_view" => {
            one(CreateOrReplaceView::decode(f).map(OperationKind::CreateOrReplaceView))
        }
        "drop_view" => one(DropView::decode(f).map(OperationKind::DropView)),
        "create_or_replace_function" => {
            one(CreateOrReplaceFunction::decode(f).map(OperationKind::CreateOrReplaceFunction))
        }
        "drop_function" => one(DropFunction::decode(f).map(OperationKind::DropFunction)),
        "sql" => one(Sql::decode(f).map(OperationKind::Sql)),
        other => unreachable!("`{other}` is in OPERATIONS and not decoded"),
    };
    kinds.into_iter().map(|kind| Operation { kind, span: Some(cx.span(&entry.key_bytes)) }).collect()
}

fn one(kind: Option<OperationKind>) -> Vec<OperationKind> {
    kind.into_iter().collect()
}

fn unknown(cx: &Context, entry: &Entry) {
    if cx.is_full() {
        return;
    }
    let at = cx.span(&entry.key_bytes);
    let help = match nearest(&entry.key, OPERATIONS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the operations are {}", OPERATIONS.join(", ")),
    };
    cx.report(
        Diagnostic::error("plan.unknown_operation", format!("there is no operation `{}`", clip(&entry.key)))
            .at(at)
            .help(help),
    );
}
