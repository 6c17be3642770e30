//! Owns which names the parts of a query bring into scope: FROM items, CTEs, output columns.
//! Must not decide what a reference means (that is `resolve`).

use super::Scope;
use super::tree::{as_kind, items, strings, text, variant};
use serde_json::Value;

/// One thing named in a FROM clause.
#[derive(Clone, Debug, Default)]
pub struct FromItem {
    pub schema: Option<String>,
    pub name: Option<String>,
    /// `None`: not known.
    pub columns: Option<Vec<String>>,
}

impl FromItem {
    pub fn has(&self, column: &str) -> bool {
        self.columns.as_ref().is_some_and(|columns| columns.iter().any(|name| name == column))
    }
}

/// A CTE in scope: its name, its columns if known.
pub type Cte = (String, Option<Vec<String>>);

/// What a FROM clause names, and the parts of it that are still to be walked.
#[derive(Default)]
pub struct From<'a> {
    pub items: Vec<FromItem>,
    /// Subselects that see nothing of this FROM.
    pub subselects: Vec<&'a Value>,
    /// Subselects, function arguments and join conditions that do, each with how many items it sees.
    pub lateral: Vec<(&'a Value, usize)>,
    /// Every relation or alias named.
    pub names: Vec<String>,
}

impl<'a> From<'a> {
    pub fn collect(clause: &'a [Value], ctes: &[Cte], scope: &dyn Scope) -> From<'a> {
        let mut from = From::default();
        for node in clause {
            from.add(node, ctes, scope);
        }
        from.names = from.items.iter().filter_map(|item| item.name.clone()).collect();
        from
    }

    fn add(&mut self, node: &'a Value, ctes: &[Cte], scope: &dyn Scope) {
        let Some((kind, fields)) = variant(node) else { return };
        let alias = fields["alias"]["aliasname"].as_str().map(str::to_owned);
        let given = strings(&fields["alias"]["colnames"]);
        match kind {
            "RangeVar" => {
                let (schema, name) =
                    (text(fields, "schemaname"), text(fields, "relname").unwrap_or_default());
                let cte = ctes.iter().rev().find(|(cte, _)| schema.is_none() && cte == name);
                let known = match cte {
                    Some((_, columns)) => columns.clone(),
                    None => scope
                        .relation_columns(schema, name)
                        .map(|columns| columns.iter().map(|c| c.as_str().to_owned()).collect()),
                };
                self.items.push(FromItem {
                    schema: schema.filter(|_| alias.is_none()).map(str::to_owned),
                    name: Some(alias.unwrap_or_else(|| name.to_owned())),
                    columns: renamed(known, &given),
                });
            }
            "RangeSubselect" => {
                let query = &fields["subquery"];
                if fields["lateral"].as_bool() == Some(true) {
                    self.lateral.push((query, self.items.len()));
                } else {
                    self.subselects.push(query);
                }
                self.items.push(FromItem {
                    schema: None,
                    name: alias,
                    columns: renamed(as_kind(query, "SelectStmt").and_then(outputs), &given),
                });
            }
            "RangeFunction" => {
                let functions = items(&fields["functions"]);
                let before = self.items.len();
                self.lateral.extend(functions.iter().map(|function| (function, before)));
                self.items.push(FromItem {
                    schema: None,
                    columns: function_columns(fields, functions, alias.as_deref(), &given),
                    name: alias.or_else(|| function_name(functions.first()?).map(str::to_owned)),
                });
            }
            "JoinExpr" => {
                let first = self.items.len();
                self.add(&fields["larg"], ctes, scope);
                self.add(&fields["rarg"], ctes, scope);
                self.lateral.push((&fields["quals"], self.items.len()));
                let merged = |items: &[FromItem]| {
                    items
                        .iter()
                        .map(|i| i.columns.clone())
                        .collect::<Option<Vec<_>>>()
                        .map(|all| all.concat())
                };
                if alias.is_some() {
                    // The items stay: the join's own conditions read them.
                    let columns = merged(&self.items[first..]);
                    self.items.push(FromItem {
                        schema: None,
                        name: alias,
                        columns: renamed(columns, &given),
                    });
                } else if let Some(using) = fields["join_using_alias"]["aliasname"].as_str() {
                    let columns = strings(&fields["using_clause"]).into_iter().map(str::to_owned).collect();
                    self.items.push(FromItem {
                        schema: None,
                        name: Some(using.into()),
                        columns: Some(columns),
                    });
                }
            }
            "RangeTableSample" => {
                self.add(&fields["relation"], ctes, scope);
                let seen = self.items.len();
                self.lateral.extend(items(&fields["args"]).iter().map(|arg| (arg, seen)));
            }
            _ => {
                // XMLTABLE, JSON_TABLE: the names of their columns are in the tree, their depth is not worth it.
                self.lateral.push((node, self.items.len()));
                self.items.push(FromItem { schema: None, name: alias, columns: None });
            }
        }
    }
}

/// Columns after an alias with a column list, which may be shorter than the columns.
fn renamed(known: Option<Vec<String>>, given: &[&str]) -> Option<Vec<String>> {
    let mut columns = known?;
    for (column, name) in columns.iter_mut().zip(given) {
        *column = (*name).to_owned();
    }
    Some(columns)
}

/// The name of a function in `FROM f(…)`.
fn function_name(function: &Value) -> Option<&str> {
    let call = as_kind(items(&as_kind(function, "List")?["items"]).first()?, "FuncCall")?;
    strings(&call["funcname"]).last().copied()
}

/// Columns of a function in FROM, where they follow from the text or from a well-known function.
fn function_columns(
    fields: &Value,
    functions: &[Value],
    alias: Option<&str>,
    given: &[&str],
) -> Option<Vec<String>> {
    let defined: Vec<String> = items(&fields["coldeflist"])
        .iter()
        .filter_map(|column| as_kind(column, "ColumnDef")?["colname"].as_str().map(str::to_owned))
        .collect();
    let mut columns = if !defined.is_empty() {
        defined
    } else if let [function] = functions {
        let name = function_name(function)?;
        match name {
            "jsonb_array_elements" | "json_array_elements" => vec!["value".to_owned()],
            "jsonb_array_elements_text" | "json_array_elements_text" => vec!["value".to_owned()],
            "jsonb_each" | "json_each" | "jsonb_each_text" | "json_each_text" => {
                vec!["key".to_owned(), "value".to_owned()]
            }
            "unnest"
            | "generate_series"
            | "generate_subscripts"
            | "regexp_split_to_table"
            | "string_to_table"
            | "regexp_matches"
            | "jsonb_object_keys"
            | "json_object_keys"
            | "jsonb_path_query" => {
                vec![alias.unwrap_or(name).to_owned()]
            }
            _ if given.is_empty() => return None,
            _ => given.iter().map(|name| (*name).to_owned()).collect(),
        }
    } else {
        return None;
    };
    if fields["ordinality"].as_bool() == Some(true) {
        columns.push("ordinality".to_owned());
    }
    renamed(Some(columns), given)
}

/// Output column names of a query, as PostgreSQL would name them; `None` where they are not in the text.
pub fn outputs(select: &Value) -> Option<Vec<String>> {
    if let Some(left) = select.get("larg").filter(|left| left.is_object()) {
        return outputs(left);
    }
    if let Some(row) = items(&select["values_lists"]).first() {
        let width = items(&as_kind(row, "List")?["items"]).len();
        return Some((1..=width).map(|n| format!("column{n}")).collect());
    }
    items(&select["target_list"])
        .iter()
        .map(|target| {
            let target = as_kind(target, "ResTarget")?;
            match text(target, "name") {
                Some(name) => Some(name.to_owned()),
                None if is_star(&target["val"]) => None,
                None => Some(implied_name(&target["val"]).unwrap_or_else(|| "?column?".to_owned())),
            }
        })
        .collect()
}

/// Whether a node is `*` or `x.*`.
pub fn is_star(node: &Value) -> bool {
    as_kind(node, "ColumnRef")
        .is_some_and(|column| items(&column["fields"]).iter().any(|f| as_kind(f, "AStar").is_some()))
}

/// The name PostgreSQL gives to an output column without an alias.
fn implied_name(node: &Value) -> Option<String> {
    let (kind, fields) = variant(node)?;
    let name = match kind {
        "ColumnRef" => strings(&fields["fields"]).last().copied()?,
        "FuncCall" => strings(&fields["funcname"]).last().copied()?,
        "AIndirection" => match strings(&fields["indirection"]).last() {
            Some(field) => field,
            None => return implied_name(&fields["arg"]),
        },
        "TypeCast" => {
            return implied_name(&fields["arg"])
                .or_else(|| strings(&fields["type_name"]["names"]).last().map(|name| (*name).to_owned()));
        }
        "CollateClause" => return implied_name(&fields["arg"]),
        "CaseExpr" => return implied_name(&fields["defresult"]).or_else(|| Some("case".to_owned())),
        "CoalesceExpr" => "coalesce",
        "AArrayExpr" => "array",
        "RowExpr" => "row",
        "SubLink" => match fields["sub_link_type"].as_i64() {
            Some(super::EXISTS) => "exists",
            Some(super::ARRAY) => "array",
            Some(super::SCALAR) => return outputs(as_kind(&fields["subselect"], "SelectStmt")?)?.pop(),
            _ => return None,
        },
        _ => return None,
    };
    Some(name.to_owned())
}
