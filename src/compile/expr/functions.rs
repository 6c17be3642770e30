//! Owns which functions an expression calls, by name. Must not know what they do: the server does.

use super::tree::{as_kind, strings, variant, with_tree};
use serde_json::Value;
use std::collections::BTreeSet;

/// Names of the functions called anywhere in an expression, without their schemas. None where it cannot be parsed.
pub fn functions(expression: &str) -> BTreeSet<String> {
    let sql = format!("SELECT ({expression}\n)");
    with_tree(&sql, |tree| {
        let mut found = BTreeSet::new();
        tree.statements.iter().for_each(|(statement, _)| walk(statement, &mut found));
        Ok(found)
    })
    .unwrap_or_default()
}

fn walk(node: &Value, found: &mut BTreeSet<String>) {
    if let Some(call) = variant(node).and_then(|_| as_kind(node, "FuncCall"))
        && let Some(name) = strings(&call["funcname"]).last()
    {
        found.insert((*name).to_owned());
    }
    match node {
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_wherever_they_stand() {
        let found =
            functions("coalesce(lower(a), (SELECT max(f(b)) FROM g(1))) || pg_catalog.random()::text -- x");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["f", "g", "lower", "max", "random"]);
        assert!(functions("a +").is_empty());
    }
}
