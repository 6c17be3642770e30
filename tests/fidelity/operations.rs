//! Random operations on a random table: each as a plan has it, and as plain DDL. Must not run either.

use super::alter::{
    alter_check, alter_comment, alter_default, alter_not_null, alter_nullable, alter_references, alter_type,
    alter_unique,
};
use super::columns::{add_column, drop_column, rename_column, rename_table};
use super::constraints::{create_constraint, drop_constraint, rename_constraint};
use super::indexes::{create_index, drop_index, set_replica_identity};
use super::table::{Table, chance, q};
use fastrand::Rng;
use serde_json::Value;

/// A table, what a plan does to it, and what an operator with a maintenance window would do instead.
#[derive(Debug)]
pub struct Case {
    pub number: usize,
    pub table: Table,
    pub operations: Vec<Value>,
    pub plain: Vec<String>,
    /// `table.column` whose values say only in which order rows were written.
    pub ignored: Vec<String>,
    /// Rows are mended in place, which a rollback does not take back.
    pub mends: bool,
    /// The table's name before.
    pub first_name: String,
}

type Make = fn(&mut Case, &mut Rng) -> Option<()>;

const KINDS: &[(u8, Make)] = &[
    (22, alter_type),
    (7, alter_not_null),
    (4, alter_nullable),
    (4, alter_default),
    (2, alter_comment),
    (6, alter_check),
    (4, alter_unique),
    (5, alter_references),
    (13, add_column),
    (6, drop_column),
    (5, rename_column),
    (2, rename_table),
    (7, create_index),
    (3, drop_index),
    (8, create_constraint),
    (6, drop_constraint),
    (3, rename_constraint),
    (2, set_replica_identity),
];

impl Case {
    pub fn random(seed: u64, number: usize, major: u32) -> Case {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number as u64);
        let table = Table::random(&mut rng, number, major);
        let (operations, plain, ignored) = (Vec::new(), Vec::new(), Vec::new());
        let first_name = table.name.clone();
        let mut case = Case { number, table, operations, plain, ignored, mends: false, first_name };
        let count = [1, 1, 1, 2, 2, 3][rng.usize(..6)];
        let total: u8 = KINDS.iter().map(|(weight, _)| weight).sum();
        while case.operations.len() < count {
            let mut at = rng.u8(..total);
            let make = KINDS.iter().find(|(weight, _)| match at.checked_sub(*weight) {
                Some(rest) => {
                    at = rest;
                    false
                }
                None => true,
            });
            make.and_then(|(_, make)| make(&mut case, &mut rng));
        }
        case
    }

    pub fn push(&mut self, operation: Value) {
        self.operations.push(operation);
    }

    pub fn alter(&mut self, sql: String) {
        self.plain.push(format!("ALTER TABLE {} {sql}", q(&self.table.name)));
    }

    pub fn update(&mut self, column: usize, value: &str, condition: &str) {
        let (on, column) = (q(&self.table.name), self.table.column(column));
        self.plain.push(format!("UPDATE {on} SET {column} = {value}{condition}"));
    }

    pub fn name(&self, column: usize) -> String {
        self.table.columns[column].name.clone()
    }

    pub fn of(&self, expression: &str, column: usize) -> String {
        expression.replace('@', &self.table.column(column))
    }

    /// The column with its type's own default for NULL.
    pub fn filled(&self, column: usize) -> String {
        let ty = self.table.columns[column].ty;
        self.of(&format!("coalesce(@, {}::{})", ty.default, ty.name), column)
    }
}

pub fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

/// Mostly what plain DDL can do without hands on what depends on the column.
pub fn movable(rng: &mut Rng) -> impl Fn(&super::table::Column) -> bool + use<> {
    let pinned_too = chance(rng, 10);
    move |c| !c.generated && (!c.pinned || c.secured || c.followed || pinned_too)
}
