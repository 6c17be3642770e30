//! Owns `sql`: the user's own statements, run as they are. Must not edit them.

use crate::compile::draft::{Draft, Script};
use crate::compile::expr::{StatementKind, parse_statements};
use crate::compile::lookup::within;
use crate::diagnostic::Span;
use crate::plan::{Sql, Text};

pub fn apply(draft: &mut Draft<'_>, op: &Sql, span: &Option<Span>) {
    let up = script(draft, &op.up, "up");
    let down = match &op.down {
        Some(text) => {
            script(draft, text, "down").map(|transactional| Some((text.value.clone(), transactional)))
        }
        None => {
            if !op.on_complete {
                draft.warn(
                    "compile.sql_no_down",
                    "`sql` has no `down`: a rollback leaves what it did",
                    span,
                    "write `down` with statements that undo it and may run when nothing was done",
                );
            }
            Some(None)
        }
    };
    if let (Some(up_transactional), Some(down)) = (up, down) {
        let only_defines = up_transactional
            && parse_statements(op.up.as_str()).is_ok_and(|all| all.iter().all(|one| one.defines));
        draft.scripts.push(Script {
            after: draft.created.statements.len(),
            only_defines,
            up: op.up.value.clone(),
            up_transactional,
            down,
            on_complete: op.on_complete,
            span: op.up.span.clone(),
        });
    }
}

/// Whether the script may run in one transaction; `None` where it cannot be run at all.
fn script(draft: &mut Draft<'_>, text: &Text, name: &str) -> Option<bool> {
    let statements = match parse_statements(text.as_str()) {
        Ok(statements) => statements,
        Err(error) => {
            let span = within(text, error.offset);
            draft.error("compile.sql_syntax", format!("`{name}` of sql: {}", error.message), &span);
            return None;
        }
    };
    if statements.is_empty() {
        draft.error("compile.sql_empty", format!("`{name}` of sql has no statement"), &text.span);
        return None;
    }
    for statement in &statements {
        let (what, help) = match statement.kind {
            StatementKind::Ordinary => continue,
            StatementKind::TransactionControl => (
                "a transaction statement",
                "leave it out: Segue runs the script in one transaction where it can",
            ),
            StatementKind::CopyFromClient => (
                "a COPY from or to the client",
                "there is no client to feed it: use INSERT, or COPY with a file",
            ),
        };
        let span = within(text, Some(statement.bytes.start));
        draft.error_help("compile.sql_statement", format!("`{name}` of sql has {what} in it"), &span, help);
        return None;
    }
    // Several statements in one message are one transaction to the server.
    if let Some(outside) = statements.iter().find(|s| !s.transactional).filter(|_| statements.len() > 1) {
        let span = within(text, Some(outside.bytes.start));
        draft.error_help(
            "compile.sql_statement",
            format!("`{name}` of sql has a statement beside others that PostgreSQL runs only by itself"),
            &span,
            "give it an `sql` of its own",
        );
        return None;
    }
    Some(statements.iter().all(|statement| statement.transactional))
}
