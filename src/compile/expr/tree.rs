//! Owns the use of PostgreSQL's parser: a text to a tree and its tokens, with the place of a syntax error.
//! Must not know what an expression may be; hostile text costs an error, never the process.

use super::ExpressionError;
use pg_query::protobuf::{ScanToken, Token};
use serde_json::Value;
use std::ops::Range;

/// The longest text taken, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// Stack of the parser's thread, in bytes. The parser's C code stops at some hundred levels by
/// itself, but decoding that many in a debug build overflows 16 MB.
const STACK: usize = 256 << 20;

/// A parsed text.
pub struct Tree {
    /// Each statement with its bytes.
    pub statements: Vec<(Value, Range<usize>)>,
    /// Tokens without comments.
    pub tokens: Vec<ScanToken>,
}

/// Parses `sql` and hands the tree to `f`, both on a thread with a stack deep enough to walk and to
/// drop any tree the parser makes.
pub fn with_tree<T: Send>(
    sql: &str,
    f: impl FnOnce(&Tree) -> Result<T, ExpressionError> + Send,
) -> Result<T, ExpressionError> {
    on_parser_stack(|| {
        let parsed = pg_query::parse(sql, 0).map_err(|error| locate(sql, &error))?;
        let statements = parsed
            .protobuf
            .stmts
            .iter()
            .map(|raw| {
                let start = offset(raw.stmt_location);
                let end = if raw.stmt_len == 0 { sql.len() } else { start + offset(raw.stmt_len) };
                let tree = serde_json::to_value(&raw.stmt).expect("a syntax tree is plain data");
                (tree, start..end)
            })
            .collect();
        f(&Tree { statements, tokens: tokens(sql)? })
    })
}

/// Tokens of a text, comments left out.
pub fn tokens(sql: &str) -> Result<Vec<ScanToken>, ExpressionError> {
    // Not `scan_tokens`: it makes a slice of a null pointer where there is no token.
    let mut tokens = pg_query::scan(sql).map_err(|error| locate(sql, &error))?.tokens;
    tokens.retain(|token| !is_comment(token));
    Ok(tokens)
}

/// Whether a text holds a comment anywhere.
pub fn has_comment(sql: &str) -> bool {
    pg_query::scan(sql).is_ok_and(|scanned| scanned.tokens.iter().any(is_comment))
}

fn is_comment(token: &ScanToken) -> bool {
    matches!(token.token(), Token::SqlComment | Token::CComment)
}

/// A token's bytes.
pub fn bytes(token: &ScanToken) -> Range<usize> {
    offset(token.start)..offset(token.end)
}

fn offset(location: i32) -> usize {
    usize::try_from(location).unwrap_or(0)
}

/// The byte a node of the tree begins at.
pub fn location(node: &Value) -> Option<usize> {
    node["location"].as_u64().and_then(|at| usize::try_from(at).ok())
}

/// A node's kind and fields: `{"node": {"ColumnRef": {…}}}`.
pub fn variant(node: &Value) -> Option<(&str, &Value)> {
    let (kind, fields) = node.get("node")?.as_object()?.iter().next()?;
    Some((kind.as_str(), fields))
}

/// The fields of a node, if it is of this kind.
pub fn as_kind<'a>(node: &'a Value, kind: &str) -> Option<&'a Value> {
    variant(node).filter(|(found, _)| *found == kind).map(|(_, fields)| fields)
}

/// A list field; empty where there is none.
pub fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// A text field that says something.
pub fn text<'a>(fields: &'a Value, name: &str) -> Option<&'a str> {
    fields[name].as_str().filter(|text| !text.is_empty())
}

/// A list of `String` nodes, such as a name with its qualifiers. Other nodes are left out.
pub fn strings(list: &Value) -> Vec<&str> {
    items(list).iter().filter_map(|node| as_kind(node, "String")?["sval"].as_str()).collect()
}

fn on_parser_stack<T: Send>(
    work: impl FnOnce() -> Result<T, ExpressionError> + Send,
) -> Result<T, ExpressionError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("sql-parser".into()).stack_size(STACK);
        match thread.spawn_scoped(scope, work) {
            Ok(running) => running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(ExpressionError {
                message: format!("cannot start the SQL parser: {error}"),
                offset: None,
            }),
        }
    })
}

/// The parser's message, and where in the text it applies: the parser names the token only, so the
/// first of its occurrences up to which the text alone gives the same complaint is the place.
fn locate(sql: &str, error: &pg_query::Error) -> ExpressionError {
    let message = match error {
        pg_query::Error::Parse(message) | pg_query::Error::Scan(message) => message.clone(),
        pg_query::Error::Conversion(_) => "the text holds a NUL character".to_owned(),
        other => other.to_string(),
    };
    let offset = if message.ends_with("at end of input") {
        Some(sql.len())
    } else {
        message.split_once(" at or near \"").and_then(|(_, rest)| {
            let token = rest.strip_suffix('"')?;
            const CANDIDATES: usize = 32;
            let mut places = sql.match_indices(token).map(|(at, _)| at).take(CANDIDATES);
            if message.starts_with("syntax error") {
                places.find(|at| {
                    let upto = pg_query::parse(&sql[..at + token.len()], 0);
                    matches!(upto, Err(pg_query::Error::Parse(again)) if again == message)
                })
            } else {
                places.next()
            }
        })
    };
    ExpressionError { message, offset }
}
