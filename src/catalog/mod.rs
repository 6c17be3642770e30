//! Owns the schema of a database as PostgreSQL has it, as a value: pure data, comparable, hashable.
//! Must not ask a server (that is `pg::introspect`) and must not know of plans.

pub mod diff;
pub mod fingerprint;
mod normal;

pub use normal::Order;

use crate::ident::Ident;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything in one schema that Segue reads or has to carry over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    pub schema: Ident,
    /// `server_version_num`, such as 150018.
    pub server_version: u32,
    pub schema_owner: Ident,
    pub schema_grants: Vec<Grant>,
    pub schema_comment: Option<String>,
    pub tables: BTreeMap<Ident, Table>,
    /// Ordinary views of the schema itself (never the version schemas').
    pub views: BTreeMap<Ident, View>,
    pub sequences: BTreeMap<Ident, Sequence>,
    /// Functions, procedures and aggregates of the schema: identity (`name(argument types)`) to full definition.
    /// Not those of extensions and range types, which come and go with them; the same holds for `types`.
    pub functions: BTreeMap<String, String>,
    /// Enums, domains, composite and range types: name to a textual definition.
    pub types: BTreeMap<Ident, String>,
    /// What an enum among the types has besides its definition.
    #[serde(default)]
    pub enums: BTreeMap<Ident, EnumType>,
    /// Extended statistics objects: name to the statements that make them, columns by name.
    pub statistics: BTreeMap<Ident, String>,
    /// Names of all other schemas of the database (to see collisions of version schemas).
    pub other_schemas: Vec<Ident>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    #[default]
    Ordinary,
    Partitioned,
    Foreign,
    MaterializedView,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub name: Ident,
    pub kind: TableKind,
    /// `p` permanent, `u` unlogged, `t` temporary.
    pub persistence: char,
    pub owner: Ident,
    pub comment: Option<String>,
    /// Live columns in the table's own order.
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    pub indexes: Vec<Index>,
    /// User triggers (never the internal ones of constraints).
    pub triggers: Vec<Trigger>,
    pub policies: Vec<Policy>,
    pub rules: Vec<Rule>,
    pub grants: Vec<Grant>,
    pub row_security: bool,
    pub force_row_security: bool,
    /// Storage parameters such as `fillfactor=70`, those of the TOAST table as `toast.…`;
    /// of a foreign table `server=…` and its options.
    pub options: Vec<String>,
    pub tablespace: Option<Ident>,
    /// `d` default, `n` nothing, `f` full, `i` index.
    pub replica_identity: char,
    pub replica_identity_index: Option<Ident>,
    /// `pg_get_partkeydef` of a partitioned table.
    pub partition_key: Option<String>,
    /// Columns the partition key reads, by name.
    pub partition_columns: Vec<Ident>,
    /// Parent and bound where this table is a partition.
    pub partition_of: Option<(Ident, String)>,
    /// Inheritance parents and children that are not partitions.
    pub inherits: Vec<Ident>,
    pub inherited_by: Vec<Ident>,
    /// Publications that publish this table, each with its column list if it has one.
    pub publications: Vec<Publication>,
    /// Things elsewhere that read one of the columns: (column, what it is, as `view public.v`).
    /// Indexes, constraints, triggers and policies of the table itself are not listed; user views, rules (its
    /// own too), functions with a recorded dependency, statistics, generated columns, publications that name
    /// columns, the partition key, other tables' policies and foreign keys that point here are.
    /// Who reads the whole row (`SELECT t FROM t`) depends on no column and is not here.
    pub dependents: Vec<Dependent>,
    pub estimate: Estimate,
}

/// How large a table is; not part of the schema, so not part of a fingerprint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The planner's figure. `None` where the table was never analysed: not knowing is a value.
    pub rows: Option<f64>,
    /// Blocks of the table's own file as it is now; 0 for what has no file (partitioned, foreign).
    pub pages: u64,
    /// Bytes of the table with its TOAST table and indexes as they are now.
    pub bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: Ident,
    /// `format_type` under an empty search_path: `character varying(20)`, `public.mood`.
    pub type_name: String,
    /// Holds for every row: false where a NOT NULL constraint is there but not validated (18).
    pub not_null: bool,
    /// Default expression as `pg_get_expr` gives it under an empty search_path; `None` for generated columns.
    pub default: Option<String>,
    /// Expression of GENERATED ALWAYS AS (…) STORED (or VIRTUAL, 18).
    pub generated: Option<String>,
    /// `s` stored, `v` virtual; only with `generated`.
    pub generated_kind: Option<char>,
    pub identity: Option<Identity>,
    /// The sequence this column owns (serial or identity).
    pub owned_sequence: Option<Ident>,
    /// Qualified and quoted; only where it differs from the type's own.
    pub collation: Option<String>,
    /// Only where it differs from the type's own: `PLAIN`, `EXTERNAL`, `EXTENDED`, `MAIN`.
    pub storage: Option<String>,
    /// `pglz` or `lz4` where set.
    pub compression: Option<String>,
    pub statistics_target: Option<i32>,
    /// `n_distinct=…` attribute options.
    pub options: Vec<String>,
    pub comment: Option<String>,
    pub grants: Vec<Grant>,
    pub has_missing_default: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    Always,
    ByDefault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    Check,
    NotNull,
    PrimaryKey,
    Unique,
    ForeignKey,
    Exclude,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    pub name: Ident,
    pub kind: ConstraintKind,
    /// Columns of this table, in the constraint's order (for CHECK: those it reads; for EXCLUDE: not its expressions).
    pub columns: Vec<Ident>,
    /// `pg_get_constraintdef(oid)` under an empty search_path.
    pub definition: String,
    /// For CHECK: the bare expression, without `CHECK (…)`.
    pub expression: Option<String>,
    pub validated: bool,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub no_inherit: bool,
    /// Backing index of primary key, unique and exclude.
    pub index: Option<Ident>,
    /// Of a partition: the foreign key, primary key or unique constraint of its parent that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Ident>,
    /// Of EXCLUDE: what each key is compared by, as SQL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    pub comment: Option<String>,
    /// Foreign keys only.
    pub foreign: Option<ForeignKey>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Schema and table it points at.
    pub schema: Ident,
    pub table: Ident,
    pub columns: Vec<Ident>,
    /// Upper case, as in SQL: `NO ACTION`, `CASCADE`, …
    pub on_delete: String,
    pub on_update: String,
    pub on_delete_set_columns: Vec<Ident>,
    /// `SIMPLE`, `FULL`.
    pub match_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub name: Ident,
    /// `pg_get_indexdef(oid)` under an empty search_path.
    pub definition: String,
    pub method: Ident,
    pub unique: bool,
    pub nulls_not_distinct: bool,
    pub valid: bool,
    /// Primary key, unique or exclude constraint behind it.
    pub constraint: Option<Ident>,
    /// Of a partition: the index of its parent that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Ident>,
    /// Key parts in order.
    pub keys: Vec<IndexKey>,
    pub include: Vec<Ident>,
    /// `pg_get_expr(indpred)`.
    pub predicate: Option<String>,
    /// Every column read: keys, expressions, INCLUDE and predicate; by name.
    pub columns: Vec<Ident>,
    pub options: Vec<String>,
    pub tablespace: Option<Ident>,
    pub comment: Option<String>,
    pub clustered: bool,
    /// Statistics targets of expression keys: (key number from 1, target).
    pub statistics_targets: Vec<(i16, i32)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexKey {
    pub column: Option<Ident>,
    /// The part as it stands in CREATE INDEX, without collation, opclass and order: a name, quoted where it
    /// must be, a bare function call, or `(expression)`.
    pub expression: String,
    /// Schema-qualified; only where it differs from the column's (for an expression: from its type's).
    pub collation: Option<String>,
    /// Schema-qualified, with parameters; only where it is not the type's default.
    pub opclass: Option<String>,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    pub name: Ident,
    /// `pg_get_triggerdef(oid)`.
    pub definition: String,
    /// `O` origin, `D` disabled, `R` replica, `A` always.
    pub enabled: char,
    pub before_row: bool,
    /// FOR EACH ROW, not FOR EACH STATEMENT.
    #[serde(default)]
    pub row: bool,
    pub on_update: bool,
    pub on_insert: bool,
    /// Columns named by UPDATE OF or read by WHEN; by name.
    pub columns: Vec<Ident>,
    /// Those named by UPDATE OF.
    #[serde(default)]
    pub update_of: Vec<Ident>,
    /// Has a WHEN.
    #[serde(default)]
    pub conditional: bool,
    /// A partition's, made with its parent's; servers before 15 do not list it.
    #[serde(default)]
    pub inherited: bool,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub name: Ident,
    /// What follows the table's name in CREATE POLICY: `AS … FOR … TO … USING (…) WITH CHECK (…)`.
    pub definition: String,
    pub columns: Vec<Ident>,
    #[serde(default)]
    pub comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// A materialised view's query is its rule `_RETURN`.
    pub name: Ident,
    /// `pg_get_ruledef`, and the ALTER TABLE that disables it where it is disabled.
    pub definition: String,
    pub columns: Vec<Ident>,
}

/// A privilege that somebody holds. What the owner holds by itself is listed only where it is not all
/// an owner has by default, so that GRANT followed by REVOKE leaves no trace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// `PUBLIC` is the empty name.
    pub grantee: Ident,
    /// `SELECT`, `INSERT`, `USAGE` …
    pub privilege: String,
    pub grantable: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    pub name: Ident,
    /// `None`: every column.
    pub columns: Option<Vec<Ident>>,
    pub row_filter: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependent {
    pub column: Ident,
    /// As a person would name it: `view public.active_users`.
    pub object: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub name: Ident,
    pub owner: Ident,
    pub definition: String,
    pub options: Vec<String>,
    pub comment: Option<String>,
    pub grants: Vec<Grant>,
    pub columns: Vec<Ident>,
    /// Other views of the schema that it reads.
    #[serde(default)]
    pub reads: Vec<Ident>,
    /// What else stands on it or belongs to it and no view of the schema is: `trigger x on view public.v`.
    #[serde(default)]
    pub held_by: Vec<String>,
    #[serde(default)]
    pub column_comments: BTreeMap<Ident, String>,
    #[serde(default)]
    pub column_defaults: BTreeMap<Ident, String>,
    #[serde(default)]
    pub column_grants: Vec<(Ident, Grant)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    pub name: Ident,
    pub owner: Ident,
    pub type_name: String,
    pub start: i64,
    pub minimum: i64,
    pub maximum: i64,
    pub increment: i64,
    pub cache: i64,
    pub cycle: bool,
    /// Table and column that own it.
    pub owned_by: Option<(Ident, Ident)>,
    pub grants: Vec<Grant>,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnumType {
    /// In their order.
    pub labels: Vec<String>,
    pub owner: Ident,
    pub comment: Option<String>,
    /// Everybody's USAGE, which a type has by default, among them.
    pub grants: Vec<Grant>,
    /// What stands on it besides columns of the schema's tables and what reads those: `function public.f(mood)`.
    pub used_by: Vec<String>,
}

impl Default for Ident {
    fn default() -> Ident {
        Ident::new("")
    }
}

impl Catalog {
    /// Major version: 14 to 18.
    pub fn major(&self) -> u32 {
        self.server_version / 10_000
    }
}

impl Table {
    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == *name)
    }

    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints.iter().find(|c| c.kind == ConstraintKind::PrimaryKey)
    }
}
