//! Owns the schema as the operations so far leave it: which names the old and the new version see, and what
//! stands between them. Must not decide what may be carried (that is `hazard`) nor order steps (`assemble`).

mod values;

pub use values::Resolved;

use super::addition::{Addition, AdditionKind, DraftMend, NewIdentity, NewReplicaIdentity};
use super::enums::DraftEnum;
use super::expr::Expression;
use super::names::{self, Names};
use super::partitioning::Partitioning;
use crate::catalog::{Catalog, Column, Constraint, ConstraintKind, ForeignKey, Table};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::ident::{Ident, QualifiedName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub struct Draft<'a> {
    pub catalog: &'a Catalog,
    /// The catalog's tables first, then those that this plan creates. Never shortened: numbers are identities.
    pub tables: Vec<DraftTable<'a>>,
    pub names: Names,
    pub created: Created,
    pub dropped_indexes: Vec<DroppedIndex>,
    pub scripts: Vec<Script>,
    /// The column (of this table) that expressions of the operation in hand may name so, too.
    pub alias: Option<(usize, usize, Ident)>,
    /// Views and functions that the new version has otherwise, in the plan's order.
    pub objects: Vec<Object>,
    /// Views of the catalog that no operation names and that read what gets a new form: they are made again.
    pub read_views: BTreeSet<Ident>,
    /// Types that the plan changes.
    pub enums: Vec<DraftEnum<'a>>,
    /// Tables that become partitioned ones.
    pub partitionings: Vec<Partitioning<'a>>,
    /// Where the new version's views will be.
    pub version_schema: Ident,
    /// Dangers that the plan says are known.
    pub acknowledged: Vec<&'static str>,
    pub diagnostics: Diagnostics,
}

/// What builds the tables that are new: they are empty and only the new version knows them, so it is plain DDL.
#[derive(Default)]
pub struct Created {
    pub statements: Vec<(usize, String)>,
    /// Tables that a foreign key of a new one points at, by the new one.
    pub referenced: Vec<(usize, usize)>,
}

pub struct DroppedIndex {
    pub table: usize,
    pub name: Ident,
}

pub struct Script {
    /// How many statements that build new tables come before it.
    pub after: usize,
    pub up: String,
    /// It only defines what was not there, so that what follows can be checked with it, and nothing is locked by trying.
    pub only_defines: bool,
    pub up_transactional: bool,
    pub down: Option<(String, bool)>,
    pub on_complete: bool,
    pub span: Option<Span>,
}

/// A view or function that the new version has otherwise, or no more.
pub enum Object {
    View {
        name: Ident,
        new: Option<NewView>,
        span: Option<Span>,
    },
    Function {
        name: Ident,
        new: NewFunction,
        span: Option<Span>,
    },
    /// `arguments`: its types, as the catalog has them.
    DroppedFunction {
        name: Ident,
        arguments: String,
        span: Option<Span>,
    },
}

pub struct NewView {
    pub columns: Vec<Ident>,
    pub options: Option<String>,
    pub options_span: Option<Span>,
    pub query: String,
    pub comment: Option<String>,
}

pub struct NewFunction {
    pub procedure: bool,
    /// What comes after its name: arguments and the rest.
    pub definition: String,
}

pub struct DraftTable<'a> {
    /// `None`: created by this plan.
    pub source: Option<&'a Table>,
    pub physical: Ident,
    /// Name in the new version; `None`: not in it.
    pub shown: Option<Ident>,
    pub columns: Vec<DraftColumn<'a>>,
    pub additions: Vec<Addition>,
    /// Constraints of the catalog that get another name at the contract, by the one they have there.
    pub renamed_constraints: BTreeMap<Ident, Ident>,
    /// Those that go with the old forms of their columns.
    pub dropped_constraints: BTreeSet<Ident>,
    /// A view that the plan replaces or drops reads what changes here: it goes at the same moment.
    pub under_view: bool,
    /// A foreign key of it points at a column that is widened.
    pub retargeted: bool,
    /// What the old version's writes, and the rows that are there, are mended to.
    pub mends: Vec<DraftMend>,
    /// `None`: it stays as it is.
    pub replica_identity: Option<NewReplicaIdentity>,
    /// Where the plan creates, drops or renames it.
    pub span: Option<Span>,
}

pub struct DraftColumn<'a> {
    /// As the old version has it; `None`: added.
    pub source: Option<&'a Column>,
    /// Physical column of the new version; `None`: dropped.
    pub new: Option<Ident>,
    pub name: Ident,
    pub type_name: String,
    pub not_null: bool,
    /// What ALTER TABLE would call the NOT NULL constraint that this plan gives it (18 and later); later renames of
    /// column and table leave it. `None`: it is NOT NULL, if at all, by a constraint it had before.
    pub not_null_name: Option<Ident>,
    /// As SQL that can stand after DEFAULT.
    pub default: Option<String>,
    pub comment: Option<String>,
    pub default_changed: bool,
    pub comment_changed: bool,
    pub type_changed: bool,
    /// Its new form takes with it the foreign keys that point at it.
    pub followed: bool,
    /// The sequence that fills it grows with it.
    pub widened: bool,
    /// Its type is changed at the contract, which leaves what is stored as it is.
    pub retyped: bool,
    /// It loses NOT NULL at the contract, and both versions are held to it until then.
    pub nullable_late: bool,
    /// It gets NOT NULL although both versions share it.
    pub proved_in_place: bool,
    pub up: Up,
    pub only: Option<Only>,
    /// What was done to its value, oldest first; its version is their number.
    pub changes: Vec<Change>,
    /// Sequence that this plan makes for it (serial), with the type it gives out.
    pub serial: Option<(Ident, &'static str)>,
    /// That sequence serves until the contract makes the column one of identity.
    pub new_identity: Option<NewIdentity>,
    /// The operation that first touched it, for messages.
    pub what: String,
    pub span: Option<Span>,
    pub default_span: Option<Span>,
    pub up_span: Option<Span>,
}

/// How the new side's value follows from the old side.
#[derive(Clone)]
pub enum Up {
    /// One column, seen by both.
    Same,
    /// Added, NULL where the old version writes.
    Null,
    /// Added with a constant default, which the table gives by itself.
    Constant(String),
    /// Not derived from the row: a sequence, a clock. Another `up` may not read it.
    Volatile(String),
    Derived(Resolved),
}

/// Which rows `up` is for. The others have what the column is made with, so they are never written.
pub struct Only {
    /// In parentheses.
    pub sql: String,
    /// A constant; `None`: NULL.
    pub made_with: Option<String>,
    pub span: Option<Span>,
}

/// One step of a value's history and the way back.
pub struct Change {
    pub type_before: String,
    pub down: Down,
    pub what: String,
    pub down_span: Option<Span>,
}

pub enum Down {
    /// The value as it is after the change.
    Same,
    Expression(Bound),
    /// Dropped, and nothing said how to make it up.
    None,
}

/// A parsed expression and the columns its names meant where it was written, with their versions.
#[derive(Clone)]
pub struct Bound {
    pub expression: Arc<Expression>,
    pub columns: BTreeMap<Ident, (usize, usize)>,
}

impl<'a> DraftColumn<'a> {
    pub fn existing(column: &'a Column) -> DraftColumn<'a> {
        DraftColumn {
            source: Some(column),
            new: Some(column.name.clone()),
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            not_null: column.not_null,
            not_null_name: None,
            default: column.default.clone(),
            comment: column.comment.clone(),
            default_changed: false,
            comment_changed: false,
            type_changed: false,
            followed: false,
            widened: false,
            retyped: false,
            nullable_late: false,
            proved_in_place: false,
            up: Up::Same,
            changes: Vec::new(),
            serial: None,
            new_identity: None,
            what: String::new(),
            span: None,
            default_span: None,
            only: None,
            up_span: None,
        }
    }

    pub fn old(&self) -> Option<&'a Ident> {
        self.source.map(|column| &column.name)
    }

    /// Whether both versions see one physical column.
    pub fn is_shared(&self) -> bool {
        self.new.as_ref() == self.old()
    }

    /// Whether the old version's column is replaced by a hidden one.
    pub fn is_replaced(&self) -> bool {
        self.source.is_some() && self.new.is_some() && !self.is_shared()
    }

    /// Whether the contract alone changes it.
    pub fn is_changed_late(&self) -> bool {
        self.is_shared() && (self.retyped || self.nullable_late)
    }

    pub fn is_dropped(&self) -> bool {
        self.source.is_some() && self.new.is_none()
    }

    /// Whether rows must be filled.
    pub fn is_filled(&self) -> bool {
        self.new.is_some() && matches!(self.up, Up::Derived(_) | Up::Volatile(_))
    }
}

impl<'a> DraftTable<'a> {
    pub fn existing(table: &'a Table) -> DraftTable<'a> {
        DraftTable {
            source: Some(table),
            physical: table.name.clone(),
            shown: Some(table.name.clone()),
            columns: table.columns.iter().map(DraftColumn::existing).collect(),
            additions: Vec::new(),
            renamed_constraints: BTreeMap::new(),
            dropped_constraints: BTreeSet::new(),
            under_view: false,
            retargeted: false,
            mends: Vec::new(),
            replica_identity: None,
            span: None,
        }
    }

    /// The name to be shown in messages and used as what a plan's expressions call the table.
    pub fn logical(&self) -> &Ident {
        self.shown.as_ref().unwrap_or(&self.physical)
    }

    pub fn column(&self, name: &Ident) -> Option<usize> {
        self.columns.iter().position(|column| column.new.is_some() && column.name == *name)
    }

    /// A column by the name the old version's catalog has for it.
    pub fn column_of(&self, old: &Ident) -> Option<&DraftColumn<'a>> {
        self.columns.iter().find(|column| column.old() == Some(old))
    }

    /// A free name for a hidden column after `name`.
    pub fn hidden_column(&self, name: &Ident) -> Ident {
        names::hidden(name, "_segue_new_", |free| {
            self.columns.iter().any(|c| c.new.as_ref() == Some(free) || c.old() == Some(free))
        })
    }

    /// What a constraint of the catalog is called in the end.
    pub fn last_name<'c>(&'c self, constraint: &'c Constraint) -> &'c Ident {
        self.renamed_constraints.get(&constraint.name).unwrap_or(&constraint.name)
    }

    /// A constraint of the catalog by its name as the operations so far leave it.
    pub fn constraint(&self, name: &Ident) -> Option<&'a Constraint> {
        self.staying().find(|c| self.last_name(c) == name && !self.goes_with_a_column(c))
    }

    /// Constraints of the catalog that no operation drops.
    fn staying(&self) -> impl Iterator<Item = &'a Constraint> {
        let all = self.source.into_iter().flat_map(|table| &table.constraints);
        all.filter(|constraint| !self.dropped_constraints.contains(&constraint.name))
    }

    fn goes_with_a_column(&self, constraint: &Constraint) -> bool {
        constraint.columns.iter().any(|c| self.column_of(c).is_some_and(DraftColumn::is_dropped))
    }

    /// Whether a constraint of this name stays or comes.
    pub fn has_constraint(&self, name: &Ident) -> bool {
        self.staying().any(|c| self.last_name(c) == name)
            || self.additions.iter().any(|a| a.name == *name && !matches!(a.kind, AdditionKind::Index(_)))
    }

    /// Whether anything is to be done to it.
    pub fn has_work(&self) -> bool {
        self.has_changes()
            || !self.additions.is_empty()
            || !self.renamed_constraints.is_empty()
            || self.replica_identity.is_some()
            || self.retargeted
            || self.columns.iter().any(|column| column.proved_in_place)
    }

    /// Whether the new version sees it otherwise than it is.
    pub fn has_changes(&self) -> bool {
        let is_there = |column: &&DraftColumn<'a>| column.source.is_some() || column.new.is_some();
        self.source.is_some()
            && (self.shown.as_ref() != Some(&self.physical)
                || self.columns.iter().filter(is_there).any(|c| {
                    !c.is_shared()
                        || c.default_changed
                        || c.comment_changed
                        || c.is_changed_late()
                        || c.old() != Some(&c.name)
                }))
    }
}

impl<'a> Draft<'a> {
    pub fn new(catalog: &'a Catalog) -> Draft<'a> {
        Draft {
            catalog,
            tables: catalog.tables.values().map(DraftTable::existing).collect(),
            names: Names::of(catalog),
            created: Created::default(),
            dropped_indexes: Vec::new(),
            scripts: Vec::new(),
            alias: None,
            objects: Vec::new(),
            read_views: BTreeSet::new(),
            enums: Vec::new(),
            partitionings: Vec::new(),
            version_schema: Ident::default(),
            acknowledged: Vec::new(),
            diagnostics: Diagnostics::default(),
        }
    }

    /// Notes what ALTER TABLE would call a column's new NOT NULL constraint, with the names as they are now.
    pub fn name_not_null(&mut self, table: usize, column: usize) {
        let draft = &self.tables[table];
        let found = &draft.columns[column];
        let goes = |constraint: &Constraint| {
            constraint.kind == ConstraintKind::NotNull
                && constraint.columns.first().is_some_and(|name| {
                    found.old() == Some(name) || draft.column_of(name).is_some_and(DraftColumn::is_dropped)
                })
        };
        // PostgreSQL looks through the whole schema here.
        let taken = |name: &Ident| {
            self.catalog.tables.values().any(|other| {
                let own = other.name == draft.physical;
                other.constraints.iter().any(|c| c.name == *name && !(own && goes(c)))
            }) || self.tables.iter().any(|other| {
                other.columns.iter().any(|c| c.not_null_name.as_ref() == Some(name))
                    || other.additions.iter().any(|a| a.name == *name)
            })
        };
        let shown = draft.logical();
        let choose = |tag: &str| names::object_name(shown, &found.name, &format!("not_null{tag}"));
        let name = found.not_null.then(|| names::numbered(choose, taken));
        self.tables[table].columns[column].not_null_name = name;
    }

    /// Views of the catalog that the plan replaces or drops.
    pub fn replaced_views(&self) -> impl Iterator<Item = &Ident> {
        self.objects.iter().filter_map(|object| match object {
            Object::View { name, .. } => Some(name).filter(|name| self.catalog.views.contains_key(name)),
            _ => None,
        })
    }

    /// What views that are made anew are called among what depends on a column.
    pub fn replaced_labels(&self) -> Vec<String> {
        self.replaced_views().chain(&self.read_views).flat_map(|name| self.view_labels(name)).collect()
    }

    pub fn view_labels(&self, name: &Ident) -> [String; 4] {
        // The server quotes a name where it has to.
        let both = |name: &Ident| [name.as_str().to_owned(), name.to_string()];
        let ([schema, quoted_schema], [name, quoted]) = (both(&self.catalog.schema), both(name));
        [
            format!("view {schema}.{name}"),
            format!("view {schema}.{quoted}"),
            format!("view {quoted_schema}.{name}"),
            format!("view {quoted_schema}.{quoted}"),
        ]
    }

    /// The table of this schema that a foreign key points at.
    pub fn pointed_at(&self, foreign: &ForeignKey) -> Option<&DraftTable<'a>> {
        let here = foreign.schema == self.catalog.schema;
        self.tables
            .iter()
            .find(|table| here && table.source.is_some_and(|source| source.name == foreign.table))
    }

    /// Whether a foreign key of the catalog points at a column whose new form it follows, and so is made again with it.
    pub fn is_retargeted(&self, constraint: &Constraint) -> bool {
        // A partition's follows its parent's.
        let foreign = constraint.foreign.as_ref().filter(|_| constraint.parent.is_none());
        let Some(foreign) = foreign else { return false };
        self.pointed_at(foreign).is_some_and(|to| {
            foreign.columns.iter().any(|name| to.column_of(name).is_some_and(|c| c.followed))
        })
    }

    pub fn qualified(&self, table: usize) -> QualifiedName {
        QualifiedName::new(&self.catalog.schema, &self.tables[table].physical)
    }

    #[track_caller]
    pub fn error(&mut self, code: &'static str, message: impl Into<String>, span: &Option<Span>) {
        self.diagnostics.push(Diagnostic::error(code, message).at(span.clone()));
    }

    #[track_caller]
    pub fn error_help(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: &Option<Span>,
        help: impl Into<String>,
    ) {
        self.diagnostics.push(Diagnostic::error(code, message).at(span.clone()).help(help));
    }

    /// An error until the plan says that it is known; a warning then.
    #[track_caller]
    pub fn danger(
        &mut self,
        name: &'static str,
        code: &'static str,
        message: impl Into<String>,
        span: &Option<Span>,
        help: impl Into<String>,
    ) {
        if self.acknowledged.contains(&name) {
            self.warn(code, message, span, help);
        } else {
            let help = format!("{}; then say so in the plan: `acknowledge: [{name}]`", help.into());
            self.error_help(code, message, span, help);
        }
    }

    #[track_caller]
    pub fn warn(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: &Option<Span>,
        help: impl Into<String>,
    ) {
        self.diagnostics.push(Diagnostic::warning(code, message).at(span.clone()).help(help));
    }
}
