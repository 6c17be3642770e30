//! Owns the comparison of two catalogs: what differs, as lines for people.
//! Must not judge a difference, and must find one exactly where the fingerprints differ.
//!
//! It walks the serialised normal forms, so a field added to the catalog is compared from that day on.

use super::Catalog;
use super::normal::{Order, normal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// One thing that differs between two catalogs. `Display` is the line: `table users: column email:
/// type text -> character varying(20)`, `table orders: index orders_at_idx is gone`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// From the outside in, as `table users`, `column email`; empty for the schema itself.
    pub path: Vec<String>,
    pub change: Change,
}

/// What became of the thing that a path names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Was in the catalog before and is not in the one after.
    Gone,
    /// Is in the catalog after only.
    New,
    /// One of its properties changed. Long values are cut to where they differ.
    Altered { what: String, before: String, after: String },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.join(": ");
        match &self.change {
            Change::Gone => write!(f, "{path} is gone"),
            Change::New => write!(f, "{path} is new"),
            Change::Altered { what, before, after } => {
                let colon = if path.is_empty() { "" } else { ": " };
                write!(f, "{path}{colon}{what} {before} -> {after}")
            }
        }
    }
}

/// Everything that differs, in the catalog's order; nothing exactly where the fingerprints of the same kind are equal.
pub fn diff(before: &Catalog, after: &Catalog, order: Order) -> Vec<Difference> {
    let form = |catalog| serde_json::to_value(normal(catalog, order)).expect("a catalog's keys are strings");
    let mut walk = Walk { path: Vec::new(), found: Vec::new() };
    if let (Value::Object(before), Value::Object(after)) = (form(before), form(after)) {
        walk.fields(&before, &after);
    }
    walk.found
}

/// Lists and maps of things with names: the field and what one of them is called.
const NAMED: &[(&str, &str)] = &[
    ("tables", "table"),
    ("views", "view"),
    ("sequences", "sequence"),
    ("functions", "function"),
    ("types", "type"),
    ("enums", "enum"),
    ("statistics", "statistics"),
    ("columns", "column"),
    ("constraints", "constraint"),
    ("indexes", "index"),
    ("triggers", "trigger"),
    ("policies", "policy"),
    ("rules", "rule"),
    ("publications", "publication"),
];

/// Fields that only repeat what a thing's `definition` says: noise where that is shown.
const IN_DEFINITION: &[&str] = &[
    "kind",
    "columns",
    "expression",
    "validated",
    "deferrable",
    "initially_deferred",
    "no_inherit",
    "foreign",
    "method",
    "unique",
    "nulls_not_distinct",
    "keys",
    "include",
    "predicate",
    "before_row",
    "row",
    "update_of",
    "conditional",
    "inherited",
    "on_update",
    "on_insert",
];

struct Walk {
    path: Vec<String>,
    found: Vec<Difference>,
}

impl Walk {
    fn note(&mut self, change: Change) {
        self.found.push(Difference { path: self.path.clone(), change });
    }

    fn within(&mut self, step: String, go: impl FnOnce(&mut Walk)) {
        self.path.push(step);
        go(self);
        self.path.pop();
    }

    /// Two values of one struct: the same fields on both sides.
    fn fields(&mut self, before: &Map<String, Value>, after: &Map<String, Value>) {
        let redefined = before.get("definition") != after.get("definition");
        for (field, was) in before {
            let is = &after[field];
            if was != is && !(redefined && IN_DEFINITION.contains(&field.as_str())) {
                self.field(field, was, is);
            }
        }
    }

    fn field(&mut self, field: &str, was: &Value, is: &Value) {
        let noun = NAMED.iter().find(|(name, _)| *name == field).map(|(_, noun)| *noun);
        match (was, is, noun) {
            (Value::Object(was), Value::Object(is), Some(noun)) => {
                let (was, is) = (was.iter().collect(), is.iter().collect());
                self.named(noun, was, is);
            }
            (Value::Array(was), Value::Array(is), Some(noun)) if any_named(was) || any_named(is) => {
                self.named(noun, by_name(was), by_name(is));
                self.order(field, was, is);
            }
            (Value::Array(was), Value::Array(is), _) if field.ends_with("grants") => {
                self.members(was, is, grant)
            }
            (Value::Array(was), Value::Array(is), _) if field == "dependents" => {
                self.members(was, is, dependent)
            }
            (Value::Array(was), Value::Array(is), _) if field == "options" => {
                self.members(was, is, |option| format!("option {}", text(option)));
            }
            _ => self.altered(label(field), &text(was), &text(is)),
        }
    }

    fn named(&mut self, noun: &str, was: Vec<(&String, &Value)>, is: Vec<(&String, &Value)>) {
        for (name, was) in &was {
            self.within(format!("{noun} {name}"), |walk| {
                match (was, is.iter().find(|(other, _)| other == name).map(|(_, is)| *is)) {
                    (_, None) => walk.note(Change::Gone),
                    (Value::Object(was), Some(Value::Object(is))) => walk.fields(was, is),
                    (was, Some(is)) if *was != is => walk.altered("definition".into(), &text(was), &text(is)),
                    _ => {}
                }
            });
        }
        for (name, _) in is {
            if !was.iter().any(|(other, _)| *other == name) {
                self.within(format!("{noun} {name}"), |walk| walk.note(Change::New));
            }
        }
    }

    /// Another order of the same names. What is new or gone has been said.
    fn order(&mut self, field: &str, was: &[Value], is: &[Value]) {
        let (was, is) = (by_name(was), by_name(is));
        let names = |list: &[(&String, &Value)], other: &[(&String, &Value)]| -> Vec<String> {
            list.iter()
                .filter(|(n, _)| other.iter().any(|(o, _)| o == n))
                .map(|(n, _)| n.to_string())
                .collect()
        };
        let (before, after) = (names(&was, &is), names(&is, &was));
        if before != after {
            self.altered(format!("order of {field}"), &before.join(", "), &after.join(", "));
        }
    }

    /// Lists without names: each member is there or is not.
    fn members(&mut self, was: &[Value], is: &[Value], name: impl Fn(&Value) -> String) {
        for gone in was.iter().filter(|member| !is.contains(member)) {
            self.within(name(gone), |walk| walk.note(Change::Gone));
        }
        for new in is.iter().filter(|member| !was.contains(member)) {
            self.within(name(new), |walk| walk.note(Change::New));
        }
    }

    fn altered(&mut self, what: String, before: &str, after: &str) {
        let (before, after) = cut(before, after);
        self.note(Change::Altered { what, before, after });
    }
}

fn any_named(list: &[Value]) -> bool {
    list.iter().any(|item| item.get("name").is_some())
}

fn by_name(list: &[Value]) -> Vec<(&String, &Value)> {
    list.iter()
        .filter_map(|item| match item.get("name") {
            Some(Value::String(name)) => Some((name, item)),
            _ => None,
        })
        .collect()
}

fn grant(grant: &Value) -> String {
    let grantee = match grant["grantee"].as_str() {
        None | Some("") => "PUBLIC",
        Some(role) => role,
    };
    let option = if grant["grantable"] == true { " with grant option" } else { "" };
    format!("grant of {} to {grantee}{option}", text(&grant["privilege"]))
}

fn dependent(dependent: &Value) -> String {
    format!("column {}: use by {}", text(&dependent["column"]), text(&dependent["object"]))
}

fn label(field: &str) -> String {
    match field {
        "type_name" => "type".into(),
        "not_null" => "NOT NULL".into(),
        _ => field.replace('_', " "),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::String(text) => text.replace('\n', "\\n"),
        Value::Array(list) if list.is_empty() => "none".into(),
        Value::Array(list) if !list.iter().any(Value::is_object) => {
            list.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The longest value that is shown whole, in characters.
const WHOLE: usize = 160;

/// Both texts, or, where one is long, the stretch of each around their first difference.
fn cut(before: &str, after: &str) -> (String, String) {
    let (before, after): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    if before.len() <= WHOLE && after.len() <= WHOLE {
        return (before.into_iter().collect(), after.into_iter().collect());
    }
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(WHOLE / 4);
    let stretch = |text: &[char]| {
        let to = text.len().min(from + WHOLE);
        let (head, tail) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
        format!("{head}{}{tail}", text[from..to].iter().collect::<String>())
    };
    (stretch(&before), stretch(&after))
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Grant, Table};
    use super::*;

    fn lines(before: &Catalog, after: &Catalog, order: Order) -> Vec<String> {
        diff(before, after, order).iter().map(Difference::to_string).collect()
    }

    fn catalog() -> Catalog {
        let column = |name: &str| Column { name: name.into(), type_name: "text".into(), ..Column::default() };
        let table =
            Table { name: "users".into(), columns: vec![column("id"), column("email")], ..Table::default() };
        Catalog { tables: [("users".into(), table)].into(), ..Catalog::default() }
    }

    #[test]
    fn says_what_changed_where() {
        let before = catalog();
        let mut after = before.clone();
        after.schema_owner = "anna".into();
        let users = after.tables.get_mut(&"users".into()).expect("users");
        users.columns[1].type_name = "character varying(20)".into();
        users.columns[1].not_null = true;
        users.columns.push(Column { name: "age".into(), ..Column::default() });
        users.grants.push(Grant { grantee: "".into(), privilege: "SELECT".into(), grantable: true });
        users.options.push("fillfactor=70".into());
        assert_eq!(
            lines(&before, &after, Order::Kept),
            [
                "schema owner  -> anna",
                "table users: column email: type text -> character varying(20)",
                "table users: column email: NOT NULL no -> yes",
                "table users: column age is new",
                "table users: grant of SELECT to PUBLIC with grant option is new",
                "table users: option fillfactor=70 is new",
            ]
        );
        assert_eq!(lines(&after, &Catalog::default(), Order::Kept)[1], "table users is gone");
        assert_eq!(lines(&after, &after, Order::Kept), [""; 0]);
    }

    #[test]
    fn another_order_is_a_difference_only_where_it_is_kept() {
        let before = catalog();
        let mut after = before.clone();
        after.tables.get_mut(&"users".into()).expect("users").columns.reverse();
        assert_eq!(
            lines(&before, &after, Order::Kept),
            ["table users: order of columns id, email -> email, id"]
        );
        assert_eq!(diff(&before, &after, Order::Ignored), []);
    }

    #[test]
    fn long_values_are_cut_to_where_they_differ() {
        let (same, rest) = ("é".repeat(1000), "y".repeat(1000));
        let (before, after) = cut(&format!("{same}a{rest}"), &format!("{same}b"));
        assert!(before.starts_with("…é") && before.contains("éay") && before.ends_with("y…"), "{before}");
        assert!(after.starts_with("…é") && after.ends_with("éb"), "{after}");
        assert_eq!(before.chars().count(), WHOLE + 2);
    }
}
