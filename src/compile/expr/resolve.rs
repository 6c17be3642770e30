//! Owns the walk over an expression's tree: which names are columns of the row, what is not allowed.
//! Must not build SQL.

use super::names::{Cte, From, FromItem, is_star, outputs};
use super::tree::{Tree, as_kind, bytes, items, location, strings, text, variant};
use super::{ExpressionError, Reference, Scope};
use crate::ident::Ident;
use pg_query::protobuf::Token;
use serde_json::Value;

type Outcome = Result<(), ExpressionError>;

/// Functions that make one value of many rows: the parser cannot tell them from others.
const AGGREGATES: &[&str] = &[
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "percentile_cont",
    "percentile_disc",
    "stddev",
    "string_agg",
    "sum",
    "variance",
    "xmlagg",
];

/// Functions that make many rows of one.
const SET_RETURNING: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_path_query",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "unnest",
];

pub struct Resolver<'a> {
    pub tree: &'a Tree,
    /// Where the user's text begins in the parsed one.
    pub start: usize,
    pub table: &'a str,
    pub scope: &'a dyn Scope,
    /// The text is the server's own: inside a subquery it qualifies every reference to the row.
    pub from_server: bool,
    pub references: Vec<Reference>,
    /// Names of FROM items anywhere inside.
    pub relations: Vec<String>,
    frames: Vec<Vec<FromItem>>,
    ctes: Vec<Cte>,
}

impl<'a> Resolver<'a> {
    pub fn new(tree: &'a Tree, start: usize, table: &'a str, scope: &'a dyn Scope) -> Resolver<'a> {
        Resolver {
            tree,
            start,
            table,
            scope,
            from_server: false,
            references: Vec::new(),
            relations: Vec::new(),
            frames: Vec::new(),
            ctes: Vec::new(),
        }
    }

    fn error<T>(&self, at: Option<usize>, message: impl Into<String>) -> Result<T, ExpressionError> {
        Err(ExpressionError { message: message.into(), offset: at.map(|at| at.saturating_sub(self.start)) })
    }

    /// Walks any part of the tree.
    pub fn visit(&mut self, value: &Value) -> Outcome {
        match value {
            Value::Array(list) => list.iter().try_for_each(|item| self.visit(item)),
            Value::Object(fields) => fields.iter().try_for_each(|(kind, inner)| self.visit_kind(kind, inner)),
            _ => Ok(()),
        }
    }

    fn visit_kind(&mut self, kind: &str, fields: &Value) -> Outcome {
        match kind {
            "ColumnRef" => self.column(fields, false),
            "SelectStmt" => self.select(fields, false, false),
            "SubLink" => {
                self.visit(&fields["testexpr"])?;
                let exists = fields["sub_link_type"].as_i64() == Some(super::EXISTS);
                match as_kind(&fields["subselect"], "SelectStmt") {
                    Some(select) => self.select(select, exists, false),
                    None => self.visit(&fields["subselect"]),
                }
            }
            "FuncCall" => {
                self.call(fields)?;
                self.visit(fields)
            }
            "ParamRef" => self.error(location(fields), "a parameter such as $1 has no value here"),
            "SetToDefault" => self.error(location(fields), "DEFAULT has no value here"),
            "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => {
                self.error(None, "an expression must not change data: only SELECT can stand here")
            }
            "IntoClause" if !fields.is_null() => {
                self.error(None, "SELECT … INTO cannot stand in an expression")
            }
            _ => self.visit(fields),
        }
    }

    fn call(&self, call: &Value) -> Outcome {
        if !self.frames.is_empty() {
            return Ok(());
        }
        let at = location(call);
        let name = strings(&call["funcname"]).last().copied().unwrap_or_default().to_owned();
        let flag = |key: &str| call[key].as_bool() == Some(true);
        if !call["over"].is_null() {
            return self.error(
                at,
                format!("the window function {name} needs many rows; write a subquery: SELECT … FROM …"),
            );
        }
        let aggregate = flag("agg_star")
            || flag("agg_distinct")
            || flag("agg_within_group")
            || !call["agg_filter"].is_null()
            || !items(&call["agg_order"]).is_empty();
        if aggregate || AGGREGATES.contains(&name.as_str()) {
            return self.error(
                at,
                format!("the aggregate {name} needs many rows; write a subquery: SELECT {name}(…) FROM …"),
            );
        }
        if SET_RETURNING.contains(&name.as_str()) {
            return self.error(at, format!("{name} gives many rows and one value is needed; write a subquery: SELECT … FROM {name}(…)"));
        }
        Ok(())
    }

    /// One query. `exists`: its columns do not matter. `named`: its columns are read by name outside.
    fn select(&mut self, select: &Value, exists: bool, named: bool) -> Outcome {
        let ctes_before = self.ctes.len();
        let recursive = select["with_clause"]["recursive"].as_bool() == Some(true);
        for cte in items(&select["with_clause"]["ctes"]) {
            let Some(cte) = as_kind(cte, "CommonTableExpr") else { continue };
            let name = text(cte, "ctename").unwrap_or_default().to_owned();
            let given = strings(&cte["aliascolnames"]);
            let mut columns = as_kind(&cte["ctequery"], "SelectStmt").and_then(outputs);
            for (column, given) in columns.iter_mut().flatten().zip(given) {
                *column = given.to_owned();
            }
            let entry = (name, columns);
            if recursive {
                self.ctes.push(entry.clone());
            }
            self.query(&cte["ctequery"])?;
            if !recursive {
                self.ctes.push(entry);
            }
        }
        self.visit_kind("IntoClause", &select["into_clause"])?;
        if select["op"].as_i64() == Some(super::SETOP_NONE) {
            self.plain_select(select, exists, named)?;
        } else {
            self.select(&select["larg"], exists, named)?;
            self.select(&select["rarg"], exists, false)?;
            // ORDER BY of a set operation can only name output columns.
            self.visit(&select["limit_count"])?;
            self.visit(&select["limit_offset"])?;
        }
        self.ctes.truncate(ctes_before);
        Ok(())
    }

    /// A query whose columns are read by name.
    fn query(&mut self, node: &Value) -> Outcome {
        match as_kind(node, "SelectStmt") {
            Some(select) => self.select(select, false, true),
            None => self.visit(node),
        }
    }

    fn plain_select(&mut self, select: &Value, exists: bool, named: bool) -> Outcome {
        let from = From::collect(items(&select["from_clause"]), &self.ctes, self.scope);
        self.relations.extend(from.names);
        for subselect in from.subselects {
            self.query(subselect)?;
        }
        for (part, seen) in from.lateral {
            self.frames.push(from.items[..seen].to_vec());
            self.query(part)?;
            self.frames.pop();
        }
        self.frames.push(from.items);
        for target in items(&select["target_list"]) {
            let Some(target) = as_kind(target, "ResTarget") else { continue };
            let value = &target["val"];
            match variant(value) {
                Some(_) if exists && is_star(value) => {}
                // A bare reference names the output column; what replaces it must keep that name.
                Some(("ColumnRef", column)) => {
                    let naming =
                        named && text(target, "name").is_none() && location(target) == location(column);
                    self.column(column, naming)?;
                }
                _ => self.visit(value)?,
            }
        }
        let aliases: Vec<&str> = items(&select["target_list"])
            .iter()
            .filter_map(|target| text(as_kind(target, "ResTarget")?, "name"))
            .collect();
        let is_alias = |node: &Value| {
            as_kind(node, "ColumnRef").is_some_and(
                |column| matches!(*strings(&column["fields"]), [name] if aliases.contains(&name)),
            )
        };
        for sort in items(&select["sort_clause"]) {
            match as_kind(sort, "SortBy") {
                Some(by) if is_alias(&by["node"]) => {}
                _ => self.visit(sort)?,
            }
        }
        for group in items(&select["group_clause"]) {
            if !is_alias(group) {
                self.visit(group)?;
            }
        }
        const REST: [&str; 7] = [
            "distinct_clause",
            "where_clause",
            "having_clause",
            "window_clause",
            "values_lists",
            "limit_count",
            "limit_offset",
        ];
        for part in REST {
            self.visit(&select[part])?;
        }
        self.frames.pop();
        Ok(())
    }

    fn column(&mut self, column: &Value, naming: bool) -> Outcome {
        let at = location(column);
        let fields = items(&column["fields"]);
        let names = strings(&column["fields"]);
        if names.len() != fields.len() {
            return self.error(at, "`*` stands for columns that may change; name the columns that are meant");
        }
        match *names.as_slice() {
            [name] => {
                if self.is_inner(at, name)? {
                    return Ok(());
                }
                let row = self.scope.relation_columns(None, self.table);
                if name == self.table && row.is_some_and(|row| row.iter().all(|c| c.as_str() != name)) {
                    return self
                        .error(at, format!("{name} is the whole row here; name the columns that are meant"));
                }
                self.refer(at, 1, name, naming)
            }
            [qualifier, name] => {
                if self.frames.iter().flatten().any(|item| item.name.as_deref() == Some(qualifier)) {
                    Ok(())
                } else if qualifier == self.table {
                    self.refer(at, 2, name, naming)
                } else {
                    self.error(at, format!(
                        "there is nothing named {qualifier} here; columns of the row are written {name} or {}.{name}",
                        self.table
                    ))
                }
            }
            [schema, qualifier, name] => {
                let inner = self.frames.iter().flatten().any(|item| {
                    item.name.as_deref() == Some(qualifier) && item.schema.as_deref() == Some(schema)
                });
                if inner {
                    Ok(())
                } else {
                    self.error(at, format!("write {qualifier}.{name} without the schema"))
                }
            }
            _ => self.error(at, "a column is named by at most a table and a column"),
        }
    }

    /// Whether an unqualified name belongs to a subquery.
    fn is_inner(&self, at: Option<usize>, name: &str) -> Result<bool, ExpressionError> {
        if self.frames.is_empty() {
            return Ok(false);
        }
        if self.from_server || self.frames.iter().flatten().any(|item| item.has(name)) {
            return Ok(true);
        }
        let row = self.scope.relation_columns(None, self.table);
        let row_has = row.as_ref().map(|row| row.iter().any(|column| column.as_str() == name));
        let unknown = self.frames.iter().flatten().find(|item| item.columns.is_none());
        if self.frames.iter().flatten().any(|item| item.name.as_deref() == Some(name)) {
            // A whole row of the subquery's, unless the row of the table has a column of that name.
            return Ok(row_has != Some(true));
        }
        match unknown {
            // Not the row's, so it can only be the subquery's.
            Some(_) if row_has == Some(false) => Ok(true),
            Some(item) => {
                let other = item.name.as_deref().unwrap_or("the subquery");
                self.error(at, format!(
                    "cannot tell whether {name} is a column of {other} or of the row; write {other}.{name} or {}.{name}",
                    self.table
                ))
            }
            None => Ok(false),
        }
    }

    fn refer(&mut self, at: Option<usize>, fields: usize, name: &str, naming: bool) -> Outcome {
        let tokens = &self.tree.tokens;
        let first = at.and_then(|at| tokens.iter().position(|token| bytes(token).start == at));
        let Some(first) = first else {
            return self.error(at, format!("cannot find {name} in the text again"));
        };
        // name (. name)*
        let last = first + 2 * (fields - 1);
        let named = &tokens[first..=last.min(tokens.len() - 1)];
        if named.iter().any(|token| token.token() == Token::Uident) {
            return self.error(at, "a name in U&\"…\" cannot be used here; write its characters themselves");
        }
        let (start, end) = (bytes(&tokens[first]).start, bytes(&tokens[last.min(tokens.len() - 1)]).end);
        self.references.push(Reference {
            bytes: start - self.start..end - self.start,
            column: Ident::new(name),
            naming,
            within: self.frames.iter().flatten().filter_map(|item| item.name.clone()).collect(),
            nested: !self.frames.is_empty(),
        });
        Ok(())
    }
}

/// Types that no user can have put code into.
const BUILT_IN: &[&str] = &[
    "bool",
    "bpchar",
    "bytea",
    "cidr",
    "date",
    "daterange",
    "inet",
    "float4",
    "float8",
    "int2",
    "int4",
    "int4range",
    "int8",
    "int8range",
    "json",
    "jsonb",
    "macaddr",
    "money",
    "name",
    "numrange",
    "oid",
    "point",
    "text",
    "timestamptz",
    "timetz",
    "tsrange",
    "tstzrange",
    "tsvector",
    "uuid",
    "varchar",
    "xml",
];

/// Whether a node is NULL, perhaps of a type that is said.
pub fn is_null(node: &Value) -> bool {
    match variant(node) {
        Some(("AConst", fields)) => fields["isnull"] == true,
        Some(("TypeCast", fields)) => is_null(&fields["arg"]),
        _ => false,
    }
}

/// Whether a node has one value for a whole statement and calls nothing of the user's.
pub fn is_constant(node: &Value) -> bool {
    let Some((kind, fields)) = variant(node) else { return node.is_null() };
    let all = |key: &str| items(&fields[key]).iter().all(is_constant);
    let one = |key: &str| is_constant(&fields[key]);
    match kind {
        "AConst" | "SqlvalueFunction" => true,
        "TypeCast" => {
            let names = strings(&fields["type_name"]["names"]);
            let built_in = match *names.as_slice() {
                ["pg_catalog", _] => true,
                [name] => BUILT_IN.contains(&name),
                _ => false,
            };
            built_in && one("arg")
        }
        "AExpr" => one("lexpr") && one("rexpr"),
        "List" => all("items"),
        "AArrayExpr" => all("elements"),
        "BoolExpr" | "CoalesceExpr" | "MinMaxExpr" | "RowExpr" => all("args"),
        "CaseExpr" => one("arg") && all("args") && one("defresult"),
        "CaseWhen" => one("expr") && one("result"),
        "NullTest" | "BooleanTest" | "CollateClause" => one("arg"),
        "FuncCall" => {
            let stable = ["now", "transaction_timestamp", "statement_timestamp"];
            items(&fields["args"]).is_empty()
                && match *strings(&fields["funcname"]).as_slice() {
                    [name] | ["pg_catalog", name] => stable.contains(&name),
                    _ => false,
                }
        }
        _ => false,
    }
}
