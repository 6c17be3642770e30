//! Owns what a plan compiles to: phases, steps, statements as pure, printable, storable data.
//! Must not decide anything: `compile` fills it, `control` orders it, `execute` carries it out.

use crate::ident::{Ident, QualifiedName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Version of the stored form; a newer binary refuses or migrates an older one.
pub const FORMAT: u32 = 1;

/// One plan against one catalog, ready to be carried out. Stored whole with the rollout, so that a
/// restart goes on with what was started even if the file or the schema has changed since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    pub format: u32,
    pub plan: String,
    pub description: Option<String>,
    pub schema: Ident,
    /// The new version's schema of views, in full: `public_full_name`.
    pub version_schema: Ident,
    /// The one it replaces; `None` where applications use the base tables so far.
    pub previous_version_schema: Option<Ident>,
    /// Statements that must be acceptable to the server before anything starts.
    pub checks: Vec<ExpressionCheck>,
    /// How the new version's views differ from the tables as they are.
    pub views: Vec<TableView>,
    /// Statements that make the new version's own views and functions, once its tables' views are there.
    #[serde(default)]
    pub objects: Vec<String>,
    #[serde(default, skip_serializing_if = "Types::is_none")]
    pub types: Types,
    #[serde(default, skip_serializing_if = "Owned::is_none")]
    pub owned: Owned,
    /// In the order of being carried out: all of expand, then backfill, then contract.
    pub steps: Vec<Step>,
}

/// Types that change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Types {
    /// Those that stand in the version's schema from expand to contract, so that it is there before its views.
    pub in_version: Vec<Ident>,
}

impl Types {
    fn is_none(&self) -> bool {
        *self == Types::default()
    }
}

/// What is there and changes, now or at the contract: whoever carries this out has to own it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Tables, with which their partitions are meant, and views.
    pub relations: Vec<QualifiedName>,
    /// `public.f(integer)`.
    pub routines: Vec<String>,
    pub types: Vec<QualifiedName>,
    /// Something new in the schema is given to one of these owners, who has to be allowed to make it there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hands_over: bool,
}

impl Owned {
    fn is_none(&self) -> bool {
        *self == Owned::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Expand,
    Backfill,
    Contract,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What a person reads: `fill users (full_name)`.
    pub title: String,
    pub phase: Phase,
    pub action: Action,
    /// What it locks, strongest mode per relation, in the order to be taken.
    pub locks: Vec<Lock>,
    pub cost: Cost,
    /// How a rollback undoes it; only expand and backfill steps have one.
    pub undo: Undo,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    pub relation: QualifiedName,
    pub mode: LockMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    AccessExclusive,
}

impl LockMode {
    /// As `LOCK TABLE … IN … MODE` has it.
    pub fn sql(self) -> &'static str {
        match self {
            LockMode::RowShare => "ROW SHARE",
            LockMode::RowExclusive => "ROW EXCLUSIVE",
            LockMode::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            LockMode::Share => "SHARE",
            LockMode::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            LockMode::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }
}

/// How much of a table a step touches while it holds its locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Catalog rows only.
    Catalog,
    /// Reads the whole table.
    Scan,
    /// Writes every row, in slices.
    Fill,
    /// The user's own SQL: not known.
    Unknown,
}

/// What a step does. Names are physical; SQL is complete and qualified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// One short transaction under the lock budget; its outcome is journalled in that transaction.
    Ddl {
        statements: Vec<String>,
    },
    /// A `Ddl` that also installs the sync function, whose expressions the server qualifies first.
    Expand {
        statements: Vec<String>,
        sync: Box<SyncSpec>,
    },
    /// Fills hidden columns, range by range.
    Backfill(BackfillSpec),
    /// CREATE INDEX CONCURRENTLY; probed by name and validity.
    BuildIndex {
        table: QualifiedName,
        index: Ident,
        sql: String,
    },
    /// DROP INDEX CONCURRENTLY; probed by name.
    DropIndex {
        index: QualifiedName,
    },
    /// ALTER TABLE … VALIDATE CONSTRAINT: reads the table under SHARE UPDATE EXCLUSIVE.
    Validate {
        table: QualifiedName,
        constraint: Ident,
    },
    /// Creates the new version's schema and all its views in one transaction, from the catalog as it is then.
    Publish,
    /// Changes tables that the new version's views stand on: its views go, the statements are carried out and the views
    /// are made again from what is then, in one transaction.
    Reshape {
        statements: Vec<String>,
    },
    /// Drops the views of a version schema, then the schema, in one transaction.
    Retire {
        version_schema: Ident,
    },
    Analyze {
        table: QualifiedName,
    },
    /// VACUUM of what was filled, leaf by leaf. What of it cannot be done is passed over.
    Vacuum {
        table: QualifiedName,
        partitioned: bool,
    },
    /// The user's `sql`. Not transactional where it holds a statement that cannot be.
    Script {
        sql: String,
        transactional: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    #[default]
    Nothing,
    /// One short transaction under the lock budget.
    Ddl { statements: Vec<String>, locks: Vec<Lock> },
    /// DROP INDEX CONCURRENTLY of what the step built, finished or not.
    DropIndex { index: QualifiedName },
    /// Drops the version schema that the step published.
    Retire { version_schema: Ident },
    /// The user's own `down`.
    Script { sql: String, transactional: bool },
}

/// What an [`ExpressionCheck`] asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Whether `expression` can be computed from the row and assigned to the type `assigned_to`.
    #[default]
    Value,
    /// Whether `assigned_to` is a type of columns.
    Type,
    /// Whether `expression` can be the DEFAULT of a column of the type `assigned_to`.
    Default,
    /// Whether `expression` can be a CHECK of the table.
    Constraint,
    /// Whether an index can be what `expression` says from USING on; `assigned_to` is empty or UNIQUE.
    Index,
    /// Whether the statement `expression` would go through; those before it have.
    Statement,
}

/// What a check calls a default that the plan does not give: the column has it from before.
pub const OLD_DEFAULT: &str = "old default";

/// `SELECT expression FROM (a row of typed NULLs)`, assignable to a type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpressionCheck {
    #[serde(default)]
    pub kind: CheckKind,
    /// For messages: `up of add_column users.full_name`.
    pub what: String,
    pub table: QualifiedName,
    /// Over physical column names.
    pub expression: String,
    pub assigned_to: String,
    /// Columns it may read, with their types, where they are not in the table yet.
    pub extra_columns: Vec<(Ident, String)>,
    /// Byte span of the expression in the plan's file, for the diagnostic.
    pub position: Option<(usize, usize)>,
}

/// Everything one sync function needs to keep a table's two versions in step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SyncSpec {
    pub table: QualifiedName,
    /// Function (in Segue's own schema) and the common start of the trigger names.
    pub function: QualifiedName,
    pub trigger_insert: Ident,
    pub trigger_update: Ident,
    pub version_schema: Ident,
    /// A view of it: the schema may be there before its views, and until these are, nobody's path comes to the new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_with: Option<QualifiedName>,
    pub previous_version_schema: Option<Ident>,
    /// `None` where nothing is to be filled (only dropped columns with `down`).
    pub marker: Option<Ident>,
    pub pairs: Vec<Pair>,
    /// Hidden columns that expressions may read, with their types, in column order.
    pub hidden_columns: Vec<(Ident, String)>,
    /// Columns of types whose equality compares what is stored, bit by bit: cheaper to compare than the others.
    #[serde(default)]
    pub plain: Vec<Ident>,
    /// What the old version's writes are mended to.
    #[serde(default)]
    pub mending: Option<Mending>,
}

/// A trigger that changes what the old version writes where it would violate a constraint of the new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mending {
    pub function: QualifiedName,
    /// Sorts before the triggers that keep the versions in step.
    pub trigger: Ident,
    pub mends: Vec<Mend>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mend {
    /// Whether the row violates the constraint, over physical columns.
    pub violates: String,
    /// Whether that can be asked in a trigger's WHEN, which takes no subquery.
    pub plain: bool,
    pub set: Vec<(Ident, String)>,
}

/// One value seen by two versions. Old-side and new-side columns are physical names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Column only the old version sees; `None` for an added column.
    pub old: Option<PairSide>,
    /// Column only the new version sees; `None` for a dropped column.
    pub new: Option<PairSide>,
    /// Gives `new` from what the old version sees.
    pub up: Option<PairExpression>,
    /// Gives `old` from what the new version sees.
    pub down: Option<PairExpression>,
    /// What SET DEFAULT of a foreign key over `new` gives: until the contract that column has no default to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairSide {
    pub column: Ident,
    pub type_name: String,
    /// Whether NULL is impossible there in the end.
    pub not_null: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairExpression {
    /// Over physical column names, unqualified by schema; the server qualifies functions and types.
    pub sql: String,
    /// Columns it reads that only its own side sees.
    pub reads_own: Vec<Ident>,
    /// Columns it reads that both versions see.
    pub reads_shared: Vec<Ident>,
    /// Which rows have a value by it; the others have what the column was made with, and so they are never filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackfillSpec {
    pub table: QualifiedName,
    /// Says which rows are pending, and is set with them; `None`: `only` says it.
    pub marker: Option<Ident>,
    /// The rows of them to be written; with a marker, the others stay pending and are never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// (hidden column, expression over physical columns).
    pub set: Vec<(Ident, String)>,
    /// Shown columns for messages.
    pub shown: Vec<Ident>,
    /// Primary key columns, to name a row in messages; empty where there is none.
    pub key: Vec<Ident>,
    pub partitioned: bool,
    /// Rows are not written but copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopySpec>,
}

/// Another table that gets every row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopySpec {
    pub into: QualifiedName,
    pub columns: Vec<Ident>,
    /// Columns by which a row is found there.
    pub key: Vec<Ident>,
    /// On the table, always enabled: what keeps the copy in step.
    pub triggers: Vec<Ident>,
}

impl CopySpec {
    /// Whether two rows have one key.
    pub fn same_row(&self, left: &str, right: &str) -> String {
        let equal = self.key.iter().map(|column| format!("{left}.{column} = {right}.{column}"));
        equal.collect::<Vec<_>>().join(" AND ")
    }
}

impl BackfillSpec {
    /// Whether a row is still to be written, as a condition.
    pub fn pending(&self) -> String {
        if let Some(copy) = &self.copy {
            let (there, here) = ("_segue_there", self.table.name.to_string());
            let same = copy.same_row(there, &here);
            return format!("NOT EXISTS (SELECT FROM {} AS {there} WHERE {same})", copy.into);
        }
        match (&self.marker, &self.only) {
            (Some(marker), Some(only)) => format!("{marker} AND {only}"),
            (Some(marker), None) => marker.to_string(),
            (None, Some(only)) => only.clone(),
            (None, None) => "false".to_owned(),
        }
    }
}

/// How one table appears in the new version. Tables and columns not mentioned appear as they are;
/// hidden columns not mentioned do not appear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableView {
    pub table: Ident,
    /// `None`: not in the new version.
    pub view: Option<Ident>,
    pub columns: Vec<ViewColumn>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewColumn {
    /// Physical column.
    pub column: Ident,
    /// `None`: not in the new version.
    pub shown: Option<Ident>,
    /// Takes the place of this physical column in the order (and its grants); `None`: its own place.
    pub in_place_of: Option<Ident>,
    pub default: ViewDefault,
    /// `None`: as the column has it. `Some(None)`: none.
    #[serde(default, with = "stored_comment")]
    pub comment: Option<Option<String>>,
}

/// JSON has one null for two kinds of nothing: a comment that is taken away is stored as `false`.
mod stored_comment {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub fn serialize<S: Serializer>(comment: &Option<Option<String>>, to: S) -> Result<S::Ok, S::Error> {
        match comment {
            None => to.serialize_none(),
            Some(None) => false.serialize(to),
            Some(Some(text)) => text.serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
        Ok(match Value::deserialize(from)? {
            Value::Null => None,
            Value::String(text) => Some(Some(text)),
            _ => Some(None),
        })
    }

    #[test]
    fn all_three_kinds_come_back() {
        #[derive(Serialize, Deserialize)]
        struct One {
            #[serde(default, with = "super::stored_comment")]
            comment: Option<Option<String>>,
        }
        for comment in [None, Some(None), Some(Some("it's".to_owned()))] {
            let stored = serde_json::to_string(&One { comment: comment.clone() }).expect("plain data");
            let back: One = serde_json::from_str(&stored).expect("what was written");
            assert_eq!(back.comment, comment, "{stored}");
        }
        let old: One = serde_json::from_str(r#"{"comment": null}"#).expect("an older form");
        assert_eq!(old.comment, None);
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewDefault {
    /// The table's own applies.
    #[default]
    Inherit,
    Set(String),
    /// NULL although the table has one.
    Drop,
}

impl Program {
    /// Hash of all of it: two programs with the same hash do the same.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a program is plain data");
        Sha256::digest(&json).iter().take(8).map(|b| format!("{b:02x}")).collect()
    }

    /// Tables whose rows are filled.
    pub fn filled(&self) -> Vec<QualifiedName> {
        let filled = self.steps.iter().filter_map(|step| match &step.action {
            Action::Backfill(spec) => Some(spec.table.clone()),
            _ => None,
        });
        filled.collect()
    }

    /// Those of them that no step vacuums.
    pub fn unvacuumed(&self) -> Vec<QualifiedName> {
        let vacuums = |of: &QualifiedName| {
            self.steps.iter().any(|s| matches!(&s.action, Action::Vacuum { table, .. } if table == of))
        };
        let copied = |of: &QualifiedName| {
            self.steps.iter().any(
                |s| matches!(&s.action, Action::Backfill(spec) if spec.copy.is_some() && spec.table == *of),
            )
        };
        self.filled().into_iter().filter(|table| !vacuums(table) && !copied(table)).collect()
    }

    /// Tables whose rows are filled or whose shape changes: what the monitor watches.
    pub fn tables(&self) -> Vec<QualifiedName> {
        let locked = self.steps.iter().flat_map(|step| step.locks.iter().map(|lock| &lock.relation));
        // A step may lock a view of the new version, which is not there before it is published.
        let mut tables: Vec<QualifiedName> =
            locked.filter(|relation| relation.schema != self.version_schema).cloned().collect();
        tables.sort();
        tables.dedup();
        tables
    }
}
