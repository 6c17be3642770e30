//! Owns what the operations add to a table that is there: constraints, indexes, what mends its rows.
//! Must not decide when it is built (that is `assemble`).

use super::draft::{Bound, Resolved};
use crate::diagnostic::Span;
use crate::ident::Ident;
use crate::plan::ReplicaIdentity;

/// What an update or delete tells subscribers of the row it was, from the contract on.
pub struct NewReplicaIdentity {
    pub to: ReplicaIdentity,
    pub span: Option<Span>,
}

/// What is to be built on an existing table before the new version is published.
pub struct Addition {
    /// Before rows are filled, so that none can come to violate it any more.
    pub early: bool,
    pub name: Ident,
    pub kind: AdditionKind,
    pub what: String,
    pub span: Option<Span>,
}

pub enum AdditionKind {
    Check {
        bound: Bound,
        no_inherit: bool,
    },
    ForeignKey(NewForeignKey),
    Unique(NewUnique),
    Index(NewIndex),
    /// A constraint of a table of this plan, made with it: only its name and a column of it matter here.
    Made {
        column: usize,
    },
}

pub struct NewForeignKey {
    pub columns: Vec<usize>,
    pub target: usize,
    pub target_columns: Vec<usize>,
    pub match_type: String,
    pub on_delete: String,
    pub on_delete_set_columns: Vec<usize>,
    pub on_update: String,
    pub deferral: (bool, bool),
}

/// A unique constraint or a primary key.
#[derive(Default)]
pub struct NewUnique {
    pub primary: bool,
    pub columns: Vec<usize>,
    pub include: Vec<usize>,
    pub nulls_not_distinct: bool,
    pub storage_parameters: Option<String>,
    pub tablespace: Option<Ident>,
    pub deferral: (bool, bool),
}

pub struct NewIndex {
    pub unique: bool,
    pub method: Option<String>,
    /// Each with what follows it.
    pub keys: Vec<(NewKey, String)>,
    pub include: Vec<usize>,
    pub nulls_not_distinct: bool,
    pub storage_parameters: Option<String>,
    pub tablespace: Option<Ident>,
    pub predicate: Option<Bound>,
}

pub enum NewKey {
    Column(usize),
    Expression(Bound),
}

impl Addition {
    /// Whether it stands on this column of its table.
    pub fn reads(&self, column: usize) -> bool {
        let bound = |bound: &Bound| bound.columns.values().any(|(number, _)| *number == column);
        match &self.kind {
            AdditionKind::Check { bound: check, .. } => bound(check),
            AdditionKind::ForeignKey(key) => key.columns.contains(&column),
            AdditionKind::Unique(unique) => {
                unique.columns.iter().chain(&unique.include).any(|c| *c == column)
            }
            AdditionKind::Made { column: made } => *made == column,
            AdditionKind::Index(index) => {
                let key = |key: &NewKey| match key {
                    NewKey::Column(key) => *key == column,
                    NewKey::Expression(key) => bound(key),
                };
                index.keys.iter().any(|(of, _)| key(of))
                    || index.include.contains(&column)
                    || index.predicate.as_ref().is_some_and(bound)
            }
        }
    }

    /// Whether its name is among those of relations.
    pub fn is_index(&self) -> bool {
        matches!(self.kind, AdditionKind::Unique(_) | AdditionKind::Index(_))
    }
}

pub struct NewIdentity {
    pub always: bool,
    /// As the plan has them; may be empty.
    pub options: String,
}

/// Values that a row gets where it violates a constraint that both versions are held to.
pub struct DraftMend {
    pub violates: Resolved,
    /// Whether it has no subquery.
    pub plain: bool,
    /// Column, its value, where that is written.
    pub set: Vec<(usize, Resolved, Option<Span>)>,
    pub what: String,
}
