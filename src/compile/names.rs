//! Owns names in a schema that are taken, that PostgreSQL itself would choose, or that may not be given.
//! Must not know operations.

use crate::catalog::Catalog;
use crate::ident::{Ident, MAX_BYTES};
use std::collections::BTreeSet;

/// Start of every hidden column, constraint, index and sequence.
pub const HIDDEN: &str = "_segue_";

const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"];

/// Names of tables, views, indexes and sequences share one space in a schema, with the row types.
#[derive(Clone, Debug, Default)]
pub struct Names {
    relations: BTreeSet<Ident>,
}

impl Names {
    pub fn of(catalog: &Catalog) -> Names {
        let mut relations = BTreeSet::new();
        for table in catalog.tables.values() {
            relations.insert(table.name.clone());
            relations.extend(table.indexes.iter().map(|index| index.name.clone()));
            relations.extend(table.constraints.iter().filter_map(|constraint| constraint.index.clone()));
        }
        relations.extend(catalog.views.keys().cloned());
        relations.extend(catalog.sequences.keys().cloned());
        relations.extend(catalog.types.keys().cloned());
        Names { relations }
    }

    pub fn is_taken(&self, name: &Ident) -> bool {
        self.relations.contains(name)
    }

    pub fn take(&mut self, name: &Ident) {
        self.relations.insert(name.clone());
    }

    pub fn release(&mut self, name: &Ident) {
        self.relations.remove(name);
    }

    /// The name PostgreSQL would give: `table_column_label`, shortened and numbered as it does.
    pub fn choose(&mut self, table: &Ident, column: &Ident, label: &str) -> Ident {
        let name = numbered(|tag| object_name(table, column, &format!("{label}{tag}")), |n| self.is_taken(n));
        self.take(&name);
        name
    }

    /// A hidden name after `name` that is free.
    pub fn hidden(&mut self, name: &Ident, prefix: &str) -> Ident {
        let free = hidden(name, prefix, |n| self.is_taken(n));
        self.take(&free);
        free
    }
}

/// `prefix` + name, numbered until it is free.
pub fn hidden(name: &Ident, prefix: &str, taken: impl Fn(&Ident) -> bool) -> Ident {
    numbered(
        |tag| if tag.is_empty() { name.hidden(prefix) } else { name.hidden(&format!("{prefix}{tag}_")) },
        taken,
    )
}

pub fn numbered(make: impl Fn(&str) -> Ident, taken: impl Fn(&Ident) -> bool) -> Ident {
    let mut number = 0usize;
    loop {
        let tag = if number == 0 { String::new() } else { number.to_string() };
        let name = make(&tag);
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}

/// PostgreSQL's `makeObjectName`: the longer of the two gives way.
pub fn object_name(first: &Ident, second: &Ident, label: &str) -> Ident {
    let (first, second) = (first.as_str(), second.as_str());
    let room = MAX_BYTES.saturating_sub(label.len() + 2);
    let (mut a, mut b) = (first.len(), second.len());
    while a + b > room {
        if a > b {
            a -= 1;
        } else {
            b -= 1;
        }
    }
    Ident::new(format!("{}_{}_{label}", clip(first, a), clip(second, b)))
}

/// What PostgreSQL calls a primary key that has no name.
pub fn primary_key_name(table: &Ident, tag: &str) -> Ident {
    let label = format!("_pkey{tag}");
    let table = table.as_str();
    Ident::new(format!("{}{label}", clip(table, table.len().min(MAX_BYTES - label.len()))))
}

/// What PostgreSQL's `ChooseIndexColumnNames` makes of these: the later of two that are the same gets a number.
pub fn index_columns<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<Ident> {
    let mut chosen: Vec<Ident> = Vec::new();
    for name in names {
        let make =
            |tag: &str| Ident::new(format!("{}{tag}", clip(name, name.len().min(MAX_BYTES - tag.len()))));
        let free = numbered(make, |tried| chosen.contains(tried));
        chosen.push(free);
    }
    chosen
}

fn clip(text: &str, mut bytes: usize) -> &str {
    while !text.is_char_boundary(bytes) {
        bytes -= 1;
    }
    &text[..bytes]
}

/// Why a column may not have this name, if so.
pub fn column_fault(name: &Ident) -> Option<String> {
    if SYSTEM_COLUMNS.contains(&name.as_str()) {
        return Some(format!("`{}` is the name of a system column", name.as_str()));
    }
    name_fault(name)
}

/// Why nothing may have this name, if so.
pub fn name_fault(name: &Ident) -> Option<String> {
    let text = name.as_str();
    if text.is_empty() {
        return Some("the name is empty".into());
    }
    if text.contains('\0') {
        return Some("the name has a NUL character in it".into());
    }
    if text.len() > MAX_BYTES {
        return Some(format!(
            "the name `{text}` has {} bytes; PostgreSQL keeps at most {MAX_BYTES}",
            text.len()
        ));
    }
    if text.starts_with(HIDDEN) {
        return Some(format!("names that begin with `{HIDDEN}` are Segue's own"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_as_postgresql_does() {
        assert_eq!(object_name(&"users".into(), &"email".into(), "key").as_str(), "users_email_key");
        let long = Ident::new("a".repeat(60));
        let name = object_name(&long, &"email".into(), "key");
        assert_eq!(name.as_str(), format!("{}_email_key", "a".repeat(53)));
    }

    #[test]
    fn an_index_has_no_two_columns_of_one_name() {
        let long = "é".repeat(31);
        let names = index_columns(["a", "b", "a", "a1", "a", &long, &long]);
        let shortened = format!("{}1", "é".repeat(31));
        assert_eq!(
            names.iter().map(Ident::as_str).collect::<Vec<_>>(),
            ["a", "b", "a1", "a11", "a2", &long, &shortened]
        );
        let long = "é".repeat(31) + "x";
        assert_eq!(index_columns([long.as_str(), &long])[1].as_str(), "é".repeat(31) + "1");
    }

    #[test]
    fn numbers_what_is_taken() {
        let mut names = Names::default();
        assert_eq!(names.choose(&"t".into(), &"c".into(), "key").as_str(), "t_c_key");
        assert_eq!(names.choose(&"t".into(), &"c".into(), "key").as_str(), "t_c_key1");
        assert_eq!(names.hidden(&"c".into(), "_segue_new_").as_str(), "_segue_new_c");
        assert_eq!(names.hidden(&"c".into(), "_segue_new_").as_str(), "_segue_new_1_c");
    }
}
