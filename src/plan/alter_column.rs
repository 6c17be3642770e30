//! Owns the fields of `alter_column` and which of its changes need `up` and `down`.
//! Must not know a catalog.

use super::decode::Fields;
use super::{Check, OperationKind, References, RenameColumn, Text};
use crate::diagnostic::Diagnostic;

#[derive(Clone, Debug, PartialEq)]
pub struct AlterColumn {
    pub table: Text,
    pub column: Text,
    pub type_name: Option<Text>,
    pub nullable: Option<bool>,
    /// Absent: unchanged. `Some(None)` (`null` in the file): dropped.
    pub default: Option<Option<Text>>,
    pub comment: Option<Option<Text>>,
    pub check: Option<Check>,
    pub references: Option<References>,
    /// Name of the unique constraint to add.
    pub unique: Option<Text>,
    pub up: Option<Text>,
    pub down: Option<Text>,
    /// What is added holds for the column itself, which both versions go on sharing.
    pub in_place: bool,
}

impl AlterColumn {
    /// One operation, or two: pgroll up to 0.8 renamed a column inside `alter_column`.
    pub(crate) fn decode(mut f: Fields<'_>) -> Vec<OperationKind> {
        let cx = f.cx;
        let table = f.required_name("table");
        let column = f.required_name("column");
        let type_key = f.keyed("type").filter(|(_, node)| !node.is_null()).map(|(at, _)| at);
        let type_name = type_key.and_then(|_| f.optional_filled("type"));
        let nullable_key = f.keyed("nullable").map(|(at, _)| at);
        let nullable = f.optional_bool("nullable");
        let has_default = f.keyed("default").is_some();
        let default = f.default_expression();
        let has_comment = f.keyed("comment").is_some();
        let comment = f.keyed("comment").and_then(|(_, node)| {
            if node.is_null() { Some(None) } else { cx.text(node, &f.named("comment")).map(Some) }
        });
        let check = f.keyed("check").filter(|(_, node)| !node.is_null());
        let references = f.keyed("references").filter(|(_, node)| !node.is_null());
        let unique = f.keyed("unique").filter(|(_, node)| !node.is_null());
        let rename = f.historic("name").filter(|(_, node)| !node.is_null());
        let up = f.optional_filled("up");
        let down = f.optional_filled("down");
        let in_place = f.flag("in_place");

        let alters = type_key.is_some()
            || nullable.is_some()
            || has_default
            || has_comment
            || check.is_some()
            || references.is_some()
            || unique.is_some();
        if !alters && rename.is_none() && nullable_key.is_none() {
            cx.report(
                Diagnostic::error("plan.no_change", "`alter_column` changes nothing")
                    .at(cx.span(&f.at))
                    .help("give at least one of type, nullable, default, comment, check, references, unique"),
            );
        }
        // Which change needs which expression, and where that change is written. A change of type that has neither may
        // be one that needs none: the catalog tells.
        let neither = up.is_none() && down.is_none();
        let changes = [
            (type_key.filter(|_| !neither), "a change of type", true, true),
            (check.map(|(at, _)| at), "a new check", true, true),
            (references.map(|(at, _)| at), "a new foreign key", true, true),
            (nullable_key.filter(|_| nullable == Some(false)), "`nullable: false`", true, false),
        ];
        for (key, given, direction, meaning) in [
            ("up", up.is_some(), 0, "what the new column holds for a row the old version wrote"),
            ("down", down.is_some(), 1, "what the old column holds for a row the new version wrote"),
        ] {
            let needed_by = changes.iter().find(|c| c.0.is_some() && [c.2, c.3][direction] && !in_place);
            if let Some((Some(at), change, ..)) = needed_by.filter(|_| !given) {
                cx.report(
                    Diagnostic::error(
                        "plan.missing_field",
                        format!("`alter_column` needs `{key}` for {change}"),
                    )
                    .at(cx.span(at))
                    .help(format!("`{key}` is an SQL expression: {meaning}")),
                );
            }
        }

        let check = check.and_then(|(at, node)| Check::decode(cx, node, at));
        let references = references.and_then(|(at, node)| References::decode(cx, node, at));
        let unique = unique.and_then(|(at, node)| {
            let mut f = Fields::of(cx, node, "`unique`", Some(at))?;
            let name = f.required_name("name");
            f.finish();
            name
        });
        let to = rename.and_then(|(_, node)| cx.name(node, &f.named("name")));
        f.finish();

        let (Some(table), Some(column)) = (table, column) else { return Vec::new() };
        let mut operations = Vec::new();
        if alters {
            operations.push(OperationKind::AlterColumn(AlterColumn {
                table: table.clone(),
                column: column.clone(),
                type_name,
                nullable,
                default,
                comment,
                check,
                references,
                unique,
                up,
                down,
                in_place,
            }));
        }
        if let (Some(to), Some((at, _))) = (to, rename) {
            cx.report(
                Diagnostic::note(
                    "plan.historic",
                    "`name` of `alter_column` is read as a rename of the column",
                )
                .at(cx.span(at))
                .help("pgroll since 0.9 has the operation `rename_column` for it"),
            );
            operations.push(OperationKind::RenameColumn(RenameColumn { table, from: column, to }));
        }
        operations
    }
}
