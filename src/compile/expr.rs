//! Owns user expressions: parsed by PostgreSQL's own parser, their references to the row's columns
//! found and replaced by position. Must not ask a server, and must not edit SQL by searching text.

mod functions;
mod names;
mod resolve;
mod script;
mod tree;
mod types;

pub use functions::functions;
pub use script::{StatementInfo, StatementKind, parse_statements, parse_type};
pub use types::{Retype, names_type};

use crate::ident::Ident;
use pg_query::protobuf::Token;
use resolve::Resolver;
use serde_json::Value;
use std::ops::Range;
use tree::{Tree, as_kind, bytes, items, text, variant, with_tree};

// Numbers of the parser's enums, as its protobuf form has them.
const EXISTS: i64 = 1;
const SCALAR: i64 = 5;
const ARRAY: i64 = 7;
const SETOP_NONE: i64 = 1;

/// A parsed user expression: a plain one, or `SELECT …`, which is then a scalar subquery.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    references: Vec<Reference>,
    relations: Vec<String>,
    constant: bool,
    null: bool,
}

/// A place in the text that reads a column of the row.
#[derive(Clone, Debug, PartialEq)]
struct Reference {
    bytes: Range<usize>,
    column: Ident,
    /// It also names an output column of a subquery.
    naming: bool,
    /// It stands in a subquery, whose own columns may have any name.
    nested: bool,
    /// What the FROM items are called that it stands among.
    within: Vec<String>,
}

/// What is wrong with a text, and where (a byte offset in it) if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    pub message: String,
    pub offset: Option<usize>,
}

/// What a subquery in an expression can see besides the row.
pub trait Scope: Sync {
    /// Columns of a relation named in FROM; `None` where it is not known.
    fn relation_columns(&self, schema: Option<&str>, name: &str) -> Option<Vec<Ident>>;
}

/// A scope that knows no relation.
pub struct NoScope;

impl Scope for NoScope {
    fn relation_columns(&self, _: Option<&str>, _: &str) -> Option<Vec<Ident>> {
        None
    }
}

/// What the text is parsed in, so that it stands where it will stand.
const BEFORE: &str = "SELECT (";
const AFTER: &str = "\n)";

impl Expression {
    /// Parses exactly one expression over the row of `table`.
    ///
    /// Inside a subquery, an unqualified name is the subquery's own if one of its FROM items has it,
    /// else the row's; a qualified one is the row's if it names `table` and no FROM item does.
    pub fn parse(given: &str, table: &Ident, scope: &dyn Scope) -> Result<Expression, ExpressionError> {
        Expression::parse_as(given, table, scope, false)
    }

    /// Parses an expression as `pg_get_viewdef` printed it over a row named `table`.
    pub fn parse_printed(printed: &str, table: &Ident) -> Result<Expression, ExpressionError> {
        Expression::parse_as(printed, table, &NoScope, true)
    }

    fn parse_as(
        given: &str,
        table: &Ident,
        scope: &dyn Scope,
        from_server: bool,
    ) -> Result<Expression, ExpressionError> {
        let given_end = given.trim_end();
        if given_end.is_empty() {
            return Err(fault("an expression is expected, but there is none", Some(0)));
        }
        if given_end.len() > tree::MAX_BYTES {
            let limit = tree::MAX_BYTES / 1024;
            return Err(fault(
                &format!("the text is longer than {limit} KiB; put its logic into a function"),
                None,
            ));
        }
        check_alone(given_end)?;
        let wrapped = format!("{BEFORE}{given_end}{AFTER}");
        let parsed = with_tree(&wrapped, |tree| {
            let value =
                only_value(tree).ok_or_else(|| fault("exactly one expression is expected here", Some(0)))?;
            if let Some(sublink) = as_kind(value, "SubLink") {
                one_column(sublink)?;
            }
            let mut resolver = Resolver::new(tree, BEFORE.len(), table.as_str(), scope);
            resolver.from_server = from_server;
            resolver.visit(value)?;
            let mut references = resolver.references;
            references.sort_by_key(|reference| reference.bytes.start);
            Ok((references, resolver.relations, (resolve::is_constant(value), resolve::is_null(value))))
        });
        let (references, relations, (constant, null)) = parsed.map_err(|mut error| {
            // Positions in what follows the user's text mean its end.
            error.offset = error.offset.map(|at| at.min(given_end.len()));
            error
        })?;
        Ok(Expression { text: given_end.to_owned(), references, relations, constant, null })
    }

    /// Columns of the row that it reads, each once, in order of first appearance.
    pub fn references(&self) -> Vec<Ident> {
        let mut columns: Vec<Ident> = Vec::new();
        for reference in &self.references {
            if !columns.contains(&reference.column) {
                columns.push(reference.column.clone());
            }
        }
        columns
    }

    /// The text with each reference to the row replaced by what `f` gives for its column, the whole
    /// in parentheses.
    pub fn substitute(&self, f: &mut dyn FnMut(&Ident) -> String) -> String {
        self.substitute_nested(&mut |column, _| f(column))
    }

    /// The same; `f` is told too whether the place is in a subquery, where a bare name could mean a column of the
    /// subquery's own.
    pub fn substitute_nested(&self, f: &mut dyn FnMut(&Ident, bool) -> String) -> String {
        let mut sql = String::from("(");
        let mut done = 0;
        for reference in &self.references {
            sql.push_str(&self.text[done..reference.bytes.start]);
            sql.push_str(&f(&reference.column, reference.nested));
            if reference.naming {
                sql.push_str(&format!(" AS {}", reference.column));
            }
            done = reference.bytes.end;
        }
        sql.push_str(&self.text[done..]);
        // A comment to the end of the line must not swallow what follows.
        if self.text.contains("--") {
            sql.push('\n');
        }
        sql.push(')');
        sql
    }

    /// Whether it has one value for a whole statement, so that ADD COLUMN … DEFAULT does not rewrite.
    pub fn is_constant(&self) -> bool {
        self.constant
    }

    /// Whether it is NULL, and written so.
    pub fn is_null(&self) -> bool {
        self.null
    }

    /// Whether it reads rows besides its own.
    pub fn reads_others(&self) -> bool {
        !self.relations.is_empty()
    }

    /// Whether some FROM item inside is named so.
    pub fn names_relation(&self, name: &str) -> bool {
        self.relations.iter().any(|relation| relation == name)
    }

    /// A column of the row that is read where a FROM item has the name by which the row is to be called.
    pub fn hidden_by(&self, name: &Ident) -> Option<&Ident> {
        let hides = |reference: &&Reference| reference.within.iter().any(|within| within == name.as_str());
        self.references.iter().find(hides).map(|reference| &reference.column)
    }

    /// As given, without trailing blanks.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Parses a DEFAULT expression: one that reads no column and no table.
pub fn parse_default(text: &str) -> Result<Expression, ExpressionError> {
    let expression = Expression::parse(text, &Ident::new(""), &NoScope)?;
    if let Some(reference) = expression.references.first() {
        let column = reference.column.as_str();
        let message =
            format!("a default cannot read a column, and {column} is one; quote text as '{column}'");
        return Err(fault(&message, Some(reference.bytes.start)));
    }
    if !expression.relations.is_empty() {
        return Err(fault("a default cannot hold a subquery", None));
    }
    Ok(expression)
}

/// The name given to the only column of a view by which the server qualifies an expression.
pub const QUALIFIED_COLUMN: &str = "_segue_value";

/// The expression out of the server's definition of `SELECT (expression) AS _segue_value FROM (…) t`,
/// its references to the row still as the server wrote them: bare, or qualified by `t`.
pub fn unqualify_view(definition: &str) -> Result<String, ExpressionError> {
    let tokens = tree::tokens(definition)?;
    let word = |i: usize| tokens.get(i).map(|token| &definition[bytes(token)]);
    let first = tokens.first().filter(|token| token.token() == Token::Select);
    let mut depth = 0i32;
    for (i, token) in tokens.iter().enumerate() {
        match token.token() {
            Token::Ascii40 | Token::Ascii91 => depth += 1,
            Token::Ascii41 | Token::Ascii93 => depth -= 1,
            Token::As if depth == 0 && word(i + 1) == Some(QUALIFIED_COLUMN) => {
                let start = first.map(|token| bytes(token).end);
                let printed = start.map(|start| definition[start..bytes(token).start].trim());
                return printed.map(str::to_owned).ok_or_else(|| fault("the view is not a SELECT", None));
            }
            _ => {}
        }
    }
    Err(fault("the server's definition of the view does not have the column asked for", None))
}

fn fault(message: &str, offset: Option<usize>) -> ExpressionError {
    ExpressionError { message: message.to_owned(), offset }
}

/// The value of a tree that is one SELECT of one value and nothing else.
fn only_value(tree: &Tree) -> Option<&Value> {
    let [(statement, _)] = tree.statements.as_slice() else { return None };
    let select = as_kind(statement, "SelectStmt")?;
    const NOTHING: [&str; 12] = [
        "distinct_clause",
        "into_clause",
        "from_clause",
        "where_clause",
        "group_clause",
        "having_clause",
        "window_clause",
        "values_lists",
        "sort_clause",
        "limit_offset",
        "limit_count",
        "with_clause",
    ];
    let empty = |part: &Value| part.is_null() || part.as_array().is_some_and(Vec::is_empty);
    let bare = NOTHING.iter().all(|part| empty(&select[*part]))
        && empty(&select["locking_clause"])
        && select["op"].as_i64() == Some(SETOP_NONE);
    let [target] = items(&select["target_list"]) else { return None };
    let target = as_kind(target, "ResTarget")?;
    (bare && text(target, "name").is_none()).then_some(&target["val"])
}

/// Refuses a text that is not one expression by itself, so that closing the parenthesis it is put
/// into and opening another cannot smuggle anything in.
fn check_alone(given: &str) -> Result<(), ExpressionError> {
    const SELECT: &str = "SELECT ";
    let shift = |mut error: ExpressionError| {
        error.offset = error.offset.map(|at| at.saturating_sub(SELECT.len()).min(given.len()));
        error
    };
    let tokens = tree::tokens(given)?;
    if let Some(semicolon) = tokens.iter().find(|token| token.token() == Token::Ascii59) {
        return Err(fault(
            "one expression is expected: leave the semicolon out",
            Some(bytes(semicolon).start),
        ));
    }
    let leading = tokens.first().map(|token| token.token());
    if let Some(Token::Select | Token::With | Token::Values | Token::Table) = leading {
        return with_tree(given, |tree| match tree.statements.as_slice() {
            [(statement, _)] if as_kind(statement, "SelectStmt").is_some() => Ok(()),
            _ => Err(fault("an expression or SELECT is expected, but this must not change data", Some(0))),
        });
    }
    let alone = format!("{SELECT}{given}\n");
    let checked = with_tree(&alone, |tree| {
        if only_value(tree).is_some() {
            return Ok(());
        }
        let message = match tree.statements.as_slice() {
            [(statement, _)] => match as_kind(statement, "SelectStmt") {
                Some(select) if !items(&select["from_clause"]).is_empty() => {
                    "an expression has no FROM; to read another table write a subquery: SELECT … FROM …"
                }
                Some(select) if items(&select["target_list"]).len() > 1 => {
                    "one expression is expected, but there are several, separated by commas"
                }
                Some(select)
                    if select["op"].as_i64() == Some(SETOP_NONE)
                        && items(&select["target_list"]).is_empty() =>
                {
                    "an expression is expected, but there is none"
                }
                _ => "only an expression can stand here, without an alias or a clause after it",
            },
            _ => "one expression is expected",
        };
        Err(fault(message, None))
    });
    checked.map_err(|error| match with_tree(given, |tree| Ok(kind_of(tree))) {
        Ok(Some(kind)) if kind != "SelectStmt" => {
            fault("an expression is expected, but this is a statement", Some(0))
        }
        _ => shift(error),
    })
}

fn kind_of(tree: &Tree) -> Option<String> {
    variant(&tree.statements.first()?.0).map(|(kind, _)| kind.to_owned())
}

fn one_column(sublink: &Value) -> Result<(), ExpressionError> {
    if sublink["sub_link_type"].as_i64() != Some(SCALAR) {
        return Ok(());
    }
    let mut select = as_kind(&sublink["subselect"], "SelectStmt");
    while let Some(left) = select.and_then(|s| s.get("larg")).filter(|left| left.is_object()) {
        select = Some(left);
    }
    let width = select.map(|select| match items(&select["values_lists"]).first() {
        Some(row) => as_kind(row, "List").map_or(0, |row| items(&row["items"]).len()),
        None => items(&select["target_list"]).len(),
    });
    match width {
        Some(1) => Ok(()),
        _ => Err(fault("the subquery must give exactly one column", Some(0))),
    }
}

#[cfg(test)]
mod tests;
