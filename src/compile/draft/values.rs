//! Owns what a value is in terms of physical columns: which SQL gives the old version's from the new one's, and back.
//! Must not decide which columns there are.

use super::{Bound, Change, Down, Draft, DraftColumn, Up};
use crate::compile::expr::Expression;
use crate::ident::Ident;
use std::collections::{BTreeMap, BTreeSet};

/// SQL over physical columns, and which it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    pub sql: String,
    /// The same for a place in a subquery: each column qualified by the table, or the subquery could have one so named.
    nested: String,
    pub reads: BTreeSet<Ident>,
}

impl<'a> Draft<'a> {
    /// What the old version holds for a column, for an `up` to read.
    pub fn old_value(&self, table: usize, column: usize) -> Result<Resolved, String> {
        let draft = &self.tables[table].columns[column];
        match &draft.up {
            Up::Same => self.physical_value(table, draft),
            Up::Null => Ok(Resolved::constant("NULL").as_type(&draft.type_name)),
            Up::Constant(sql) => Ok(Resolved::constant(sql).as_type(&draft.type_name)),
            Up::Derived(resolved) => Ok(resolved.as_type(&draft.type_name)),
            Up::Volatile(sql) => Err(format!(
                "`{}` gets its value from `{sql}`, which gives another value each time it is asked",
                draft.name.as_str()
            )),
        }
    }

    /// What the new version holds for a column as it was at `version`, for a `down` to read.
    pub fn new_value(&self, table: usize, column: usize, version: usize) -> Result<Resolved, String> {
        let draft = &self.tables[table].columns[column];
        let Some(change) = draft.changes.get(version) else {
            return match &draft.new {
                None => Err(format!("a later operation drops `{}`", draft.name.as_str())),
                Some(_) if draft.is_shared() => self.physical_value(table, draft),
                Some(new) => Ok(self.value_of(table, new)),
            };
        };
        match self.down_value(table, column, version, change)? {
            Some(resolved) => Ok(match change.down {
                Down::Same => resolved,
                _ => resolved.as_type(&change.type_before),
            }),
            None => Err(format!("a later operation drops `{}` without `down`", draft.name.as_str())),
        }
    }

    /// The whole way back of a column to what the old version holds; `None`: there is none.
    pub fn down(&self, table: usize, column: usize) -> Result<Option<Resolved>, String> {
        let draft = &self.tables[table].columns[column];
        match draft.changes.first() {
            Some(change) => self.down_value(table, column, 0, change),
            None => Ok(None),
        }
    }

    fn down_value(
        &self,
        table: usize,
        column: usize,
        version: usize,
        change: &Change,
    ) -> Result<Option<Resolved>, String> {
        match &change.down {
            Down::None => Ok(None),
            Down::Same => self.new_value(table, column, version + 1).map(Some),
            Down::Expression(bound) => {
                self.resolve(table, bound, |column, version| self.new_value(table, column, version)).map(Some)
            }
        }
    }

    /// `up` over what the old version has.
    pub fn over_old(&self, table: usize, bound: &Bound) -> Result<Resolved, String> {
        self.resolve(table, bound, |column, _| self.old_value(table, column))
    }

    /// An expression of a constraint or an index over what the new version has in the end.
    pub fn over_new(&self, table: usize, bound: &Bound) -> Result<Resolved, String> {
        self.resolve(table, bound, |column, _| {
            let draft = &self.tables[table].columns[column];
            draft
                .new
                .as_ref()
                .map(|new| self.value_of(table, new))
                .ok_or_else(|| format!("`{}` is dropped", draft.name.as_str()))
        })
    }

    fn resolve(
        &self,
        table: usize,
        bound: &Bound,
        mut value: impl FnMut(usize, usize) -> Result<Resolved, String>,
    ) -> Result<Resolved, String> {
        let row = &self.tables[table].physical;
        if let Some(column) = bound.expression.hidden_by(row) {
            let (row, column) = (row.as_str(), column.as_str());
            return Err(format!(
                "`{column}` of the row cannot be told from the subquery's where that reads something named `{row}`; give it an alias there"
            ));
        }
        let mut values = BTreeMap::new();
        for (name, (column, version)) in &bound.columns {
            values.insert(name, value(*column, *version)?);
        }
        let reads = values.values().flat_map(|resolved| resolved.reads.clone()).collect();
        let sql = bound.expression.substitute_nested(&mut |name, nested| {
            let resolved = &values[name];
            if nested { resolved.nested.clone() } else { resolved.sql.clone() }
        });
        let nested = bound.expression.substitute(&mut |name| values[name].nested.clone());
        Ok(Resolved { sql, nested, reads })
    }

    /// A column as it is.
    pub fn value_of(&self, table: usize, name: &Ident) -> Resolved {
        Resolved {
            sql: name.to_string(),
            nested: format!("{}.{name}", self.tables[table].physical),
            reads: BTreeSet::from([name.clone()]),
        }
    }

    /// A column both versions see. A generated one is NULL in a BEFORE trigger, so what generates it stands in.
    fn physical_value(&self, table: usize, draft: &DraftColumn<'a>) -> Result<Resolved, String> {
        let column = draft.source.expect("a shared column is in the catalog");
        let Some(generated) = &column.generated else {
            return Ok(self.value_of(table, &column.name));
        };
        let expression =
            Expression::parse(generated, &self.tables[table].physical, &self.scope()).map_err(|error| {
                format!("what generates `{}` cannot be read: {}", column.name.as_str(), error.message)
            })?;
        let row = &self.tables[table].physical;
        let sql = expression.substitute(&mut Ident::to_string);
        let nested = expression.substitute(&mut |name| format!("{row}.{name}"));
        let reads = expression.references().into_iter().collect();
        Ok(Resolved { sql, nested, reads }.as_type(&column.type_name))
    }
}

impl Resolved {
    /// What reads no column.
    pub fn constant(sql: &str) -> Resolved {
        Resolved { sql: sql.to_owned(), nested: sql.to_owned(), reads: BTreeSet::new() }
    }

    /// What has every column qualified by the table already.
    pub fn qualified(sql: String, reads: BTreeSet<Ident>) -> Resolved {
        Resolved { nested: sql.clone(), sql, reads }
    }

    pub fn is_false(&self) -> Resolved {
        let is_false = |sql: &str| format!("({sql} IS FALSE)");
        Resolved { sql: is_false(&self.sql), nested: is_false(&self.nested), reads: self.reads.clone() }
    }

    /// This where `only` is true, else `rest`, a constant, or NULL.
    pub fn only_where(&self, only: &Resolved, rest: Option<&str>) -> Resolved {
        let rest = rest.unwrap_or("NULL");
        let case = |only: &str, own: &str| format!("(CASE WHEN {only} THEN {own} ELSE {rest} END)");
        Resolved {
            sql: case(&only.sql, &self.sql),
            nested: case(&only.nested, &self.nested),
            reads: self.reads.union(&only.reads).cloned().collect(),
        }
    }

    pub fn as_type(&self, type_name: &str) -> Resolved {
        let cast = |sql: &str| format!("CAST({sql} AS {type_name})");
        Resolved { sql: cast(&self.sql), nested: cast(&self.nested), reads: self.reads.clone() }
    }
}
