//! Owns what the parser tells of whole statements and of type names. Must not run or change them.

use super::tree::{self, Tree, as_kind, bytes, items, text, variant, with_tree};
use super::{ExpressionError, fault, only_value};
use pg_query::protobuf::Token;
use serde_json::Value;
use std::ops::Range;

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementInfo {
    pub text: String,
    /// Byte offsets in the script.
    pub bytes: Range<usize>,
    /// Whether it may run inside a transaction block.
    pub transactional: bool,
    pub kind: StatementKind,
    /// It makes something that was not there and touches no table.
    pub defines: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    Ordinary,
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, …: the script manages transactions itself.
    TransactionControl,
    /// COPY … FROM STDIN or TO STDOUT: there is no client to feed it.
    CopyFromClient,
}

/// The longest script taken, in bytes.
const MAX_SCRIPT: usize = 1 << 20;

/// The statements of a script, in order.
pub fn parse_statements(sql: &str) -> Result<Vec<StatementInfo>, ExpressionError> {
    if sql.len() > MAX_SCRIPT {
        return Err(fault("the script is longer than 1 MiB; split it into several operations", None));
    }
    with_tree(sql, |tree| {
        Ok(tree.statements.iter().map(|(statement, bytes)| describe(sql, statement, bytes.clone())).collect())
    })
}

fn describe(sql: &str, statement: &Value, bytes: Range<usize>) -> StatementInfo {
    let whole = &sql[bytes.clone()];
    let start = bytes.start + whole.len() - whole.trim_start().len();
    let end = bytes.start + whole.trim_end().len();
    let (kind, fields) = variant(statement).unwrap_or(("", &Value::Null));
    let from_client = kind == "CopyStmt" && text(fields, "filename").is_none();
    StatementInfo {
        text: sql[start..end].to_owned(),
        bytes: start..end,
        transactional: is_transactional(kind, fields),
        defines: [
            "CreateEnumStmt",
            "CreateDomainStmt",
            "CreateFunctionStmt",
            "CompositeTypeStmt",
            "CreateRangeStmt",
            "CreateSchemaStmt",
            "CreateSeqStmt",
        ]
        .contains(&kind),
        kind: match kind {
            "TransactionStmt" => StatementKind::TransactionControl,
            _ if from_client => StatementKind::CopyFromClient,
            _ => StatementKind::Ordinary,
        },
    }
}

// Numbers of the parser's enums, as its protobuf form has them.
const REINDEX_SCHEMA_AND_WIDER: i64 = 3;
const DISCARD_ALL: i64 = 1;
const SUBSCRIPTION_REFRESH: i64 = 6;

fn is_transactional(kind: &str, fields: &Value) -> bool {
    let flag = |value: &Value, key: &str| value[key].as_bool() == Some(true);
    let option = |list: &Value, name: &str| {
        items(list)
            .iter()
            .filter_map(|o| as_kind(o, "DefElem"))
            .find(|o| text(o, "defname") == Some(name))
            .cloned()
    };
    match kind {
        "TransactionStmt" => false,
        "IndexStmt" => !flag(fields, "concurrent"),
        "DropStmt" => !flag(fields, "concurrent"),
        "VacuumStmt" => !flag(fields, "is_vacuumcmd"),
        "ReindexStmt" => {
            let concurrently = option(&fields["params"], "concurrently").is_some();
            !concurrently && fields["kind"].as_i64().is_some_and(|kind| kind < REINDEX_SCHEMA_AND_WIDER)
        }
        "ClusterStmt" => !fields["relation"].is_null(),
        "CreatedbStmt" | "DropdbStmt" | "CreateTableSpaceStmt" | "DropTableSpaceStmt" | "AlterSystemStmt" => {
            false
        }
        "AlterDatabaseStmt" => option(&fields["options"], "tablespace").is_none(),
        "DiscardStmt" => fields["target"].as_i64() != Some(DISCARD_ALL),
        // These make or drop a slot on the publisher unless told not to.
        "CreateSubscriptionStmt" => {
            option(&fields["options"], "create_slot").is_some()
                || option(&fields["options"], "connect").is_some()
        }
        "DropSubscriptionStmt" => false,
        "AlterSubscriptionStmt" => fields["kind"].as_i64() != Some(SUBSCRIPTION_REFRESH),
        "AlterTableStmt" => !items(&fields["cmds"]).iter().any(|command| {
            as_kind(command, "AlterTableCmd")
                .and_then(|command| as_kind(&command["def"], "PartitionCmd"))
                .is_some_and(|partition| flag(partition, "concurrent"))
        }),
        _ => true,
    }
}

/// Accepts the name of a type and nothing else.
pub fn parse_type(type_name: &str) -> Result<(), ExpressionError> {
    const BEFORE: &str = "SELECT NULL::";
    let not_a_type = |offset| fault(&format!("{type_name:?} is not the name of a type"), offset);
    if type_name.trim().is_empty() || type_name.len() > tree::MAX_BYTES {
        return Err(not_a_type(None));
    }
    if tree::has_comment(type_name) {
        return Err(fault("a type's name cannot hold a comment", None));
    }
    let sql = format!("{BEFORE}{type_name}");
    let checked = with_tree(&sql, |tree| {
        if !is_only_a_cast(tree) {
            return Err(not_a_type(None));
        }
        Ok(())
    });
    checked.map_err(|error| {
        let offset = error.offset.map(|at| at.saturating_sub(BEFORE.len()));
        if error.message.starts_with("syntax error") {
            not_a_type(offset)
        } else {
            ExpressionError { offset, ..error }
        }
    })
}

fn is_only_a_cast(tree: &Tree) -> bool {
    let semicolon = tree.tokens.iter().any(|token| token.token() == Token::Ascii59);
    let cast = only_value(tree).and_then(|value| as_kind(value, "TypeCast"));
    !semicolon
        && cast.is_some_and(|cast| {
            let null = as_kind(&cast["arg"], "AConst").is_some_and(|c| c["isnull"].as_bool() == Some(true));
            let plain = cast["type_name"]["setof"].as_bool() == Some(false)
                && cast["type_name"]["pct_type"].as_bool() == Some(false);
            // Nothing between the cast and the end but the type: `NULL` must be the cast's own.
            null && plain && tree.tokens.first().is_some_and(|token| bytes(token).start == 0)
        })
}
