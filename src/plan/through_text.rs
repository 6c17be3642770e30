//! Owns a plan's expressions as a whole: finding each by its place to have its value converted. Must not know types.

use super::{OperationKind, Plan, Text};

impl Plan {
    /// Has the value of the expression that stands at `bytes` of the file converted to `type_name` through its text.
    /// False where there is none, or where it is so already.
    pub fn through_text(&mut self, bytes: (usize, usize), type_name: &str) -> bool {
        let mut changed = false;
        for operation in &mut self.operations {
            for text in expressions(&mut operation.kind) {
                let is_it =
                    text.span.as_ref().is_some_and(|span| (span.bytes.start, span.bytes.end) == bytes);
                if is_it && !text.value.starts_with(BEGINS) {
                    // A comment at the end must not swallow the bracket; `SELECT …` is a scalar subquery.
                    text.value = format!("{BEGINS}{}\n) AS text) AS {type_name})", text.value);
                    changed = true;
                }
            }
        }
        changed
    }
}

/// How a conversion begins.
const BEGINS: &str = "CAST(CAST((";

fn expressions(kind: &mut OperationKind) -> Vec<&mut Text> {
    match kind {
        // These are not pgroll's, and no rollback brings back what they write.
        OperationKind::AlterColumn(alter) if alter.in_place => Vec::new(),
        OperationKind::CreateConstraint(create) if create.in_place => Vec::new(),
        OperationKind::AddColumn(add) => add.up.iter_mut().collect(),
        OperationKind::DropColumn(drop) => drop.down.iter_mut().collect(),
        OperationKind::AlterColumn(alter) => alter.up.iter_mut().chain(&mut alter.down).collect(),
        OperationKind::CreateConstraint(create) => values(&mut create.up, &mut create.down),
        OperationKind::DropConstraint(drop) => drop.up.iter_mut().chain([&mut drop.down]).collect(),
        OperationKind::DropMulticolumnConstraint(drop) => values(&mut drop.up, &mut drop.down),
        _ => Vec::new(),
    }
}

fn values<'a>(up: &'a mut [(Text, Text)], down: &'a mut [(Text, Text)]) -> Vec<&'a mut Text> {
    up.iter_mut().chain(down).map(|(_, expression)| expression).collect()
}
