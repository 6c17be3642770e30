//! Owns what is taken over of a history that another tool has written: which of pgroll's migrations, in which order,
//! and when not. Pure. Must not read or write a database.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Where a rollout comes from that Segue did not carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `segue baseline` on a schema without a history.
    Baseline,
    Pgroll,
    /// A baseline that pgroll has recorded.
    PgrollBaseline,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Origin::Baseline => "baseline",
            Origin::Pgroll => "pgroll",
            Origin::PgrollBaseline => "pgroll's baseline",
        }
    }

    /// Whether plans that come before it describe what was there already.
    pub fn is_baseline(self) -> bool {
        matches!(self, Origin::Baseline | Origin::PgrollBaseline)
    }
}

/// A row of `pgroll.migrations`, whatever version of pgroll wrote it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Migration {
    pub name: String,
    pub parent: Option<String>,
    pub done: bool,
    /// `pgroll`, `baseline` or `inferred`: DDL that its event triggers saw. Early versions have no such column.
    #[serde(default)]
    pub migration_type: Option<String>,
    /// Done for its users, with columns and tables still to be dropped.
    #[serde(default)]
    pub complete_deferred: bool,
    #[serde(default)]
    pub migration: Value,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// A migration that becomes a completed rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub plan: String,
    /// What its version schema is called after the base schema's name and `_`.
    pub version: String,
    pub origin: Origin,
    /// pgroll's own account of it.
    pub text: String,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taking {
    /// Oldest first.
    pub taken: Vec<Taken>,
    /// How many changes pgroll saw and noted that were none of its own: no plan stands for them.
    pub inferred: usize,
}

/// Why a history cannot be taken over as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// pgroll has a migration under way.
    Active { name: String },
    /// pgroll has put off the contract of these.
    Deferred { names: Vec<String> },
}

impl Migration {
    fn is_inferred(&self) -> bool {
        self.migration_type.as_deref() == Some("inferred")
    }

    fn version(&self) -> &str {
        let named =
            ["version_schema", "versionSchema"].iter().find_map(|key| self.migration.get(key)?.as_str());
        named.filter(|name| !name.is_empty()).unwrap_or(&self.name)
    }
}

/// What of pgroll's history is to be taken over where `known` has been.
pub fn take(history: Vec<Migration>, known: &[String]) -> Result<Taking, Refusal> {
    if let Some(active) = history.iter().find(|migration| !migration.done) {
        return Err(Refusal::Active { name: active.name.clone() });
    }
    let deferred = history.iter().filter(|migration| migration.complete_deferred);
    let names: Vec<String> = deferred.map(|migration| migration.name.clone()).collect();
    if !names.is_empty() {
        return Err(Refusal::Deferred { names });
    }
    let inferred = history.iter().filter(|migration| migration.is_inferred()).count();
    let known: HashSet<&str> = known.iter().map(String::as_str).collect();
    let ordered = in_order(history);
    let own = ordered.into_iter().filter(|m| !m.is_inferred() && !known.contains(m.name.as_str()));
    let taken = own.map(|migration| Taken {
        version: migration.version().to_owned(),
        origin: match migration.migration_type.as_deref() {
            Some("baseline") => Origin::PgrollBaseline,
            _ => Origin::Pgroll,
        },
        text: migration.migration.to_string(),
        plan: migration.name,
        started_at: migration.created_at,
        ended_at: migration.updated_at,
    });
    Ok(Taking { taken: taken.collect(), inferred })
}

/// Along the chain of parents; several without order among them, by time.
fn in_order(mut history: Vec<Migration>) -> Vec<Migration> {
    history.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
    let names: HashSet<String> = history.iter().map(|migration| migration.name.clone()).collect();
    let mut children: HashMap<Option<String>, Vec<Migration>> = HashMap::new();
    for migration in history {
        let parent = migration.parent.clone().filter(|parent| names.contains(parent));
        children.entry(parent).or_default().push(migration);
    }
    let mut ordered: Vec<Migration> = children.remove(&None).unwrap_or_default();
    let mut at = 0;
    while at < ordered.len() {
        let next = children.remove(&Some(ordered[at].name.clone())).unwrap_or_default();
        ordered.extend(next);
        at += 1;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(name: &str, parent: Option<&str>, more: Value) -> Migration {
        let mut row = json!({"name": name, "parent": parent, "done": true});
        row.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn along_the_parents_without_what_was_inferred() {
        let at = |time: &str| json!({"created_at": time, "migration_type": "pgroll"});
        let rows = vec![
            row("03", Some("02_20250101"), json!({"migration": {"version_schema": "third"}})),
            row("02", Some("01"), at("2025-01-03T00:00:00+00:00")),
            row("02_20250101", Some("02"), json!({"migration_type": "inferred"})),
            row("01", None, json!({"migration_type": "baseline", "created_at": "2025-01-02T00:00:00Z"})),
        ];
        let taking = take(rows.clone(), &["02".to_owned()]).unwrap();
        let found: Vec<_> =
            taking.taken.iter().map(|t| (t.plan.as_str(), t.version.as_str(), t.origin)).collect();
        assert_eq!(found, [("01", "01", Origin::PgrollBaseline), ("03", "third", Origin::Pgroll)]);
        assert_eq!(taking.inferred, 1);
        assert_eq!(take(rows, &["01".into(), "02".into(), "03".into()]).unwrap().taken, []);
    }

    #[test]
    fn nothing_is_taken_over_in_the_middle_of_a_migration() {
        let active = vec![row("01", None, json!({})), row("02", Some("01"), json!({"done": false}))];
        assert_eq!(take(active, &[]), Err(Refusal::Active { name: "02".into() }));
        let deferred = vec![row("01", None, json!({"complete_deferred": true}))];
        assert_eq!(take(deferred, &[]), Err(Refusal::Deferred { names: vec!["01".into()] }));
    }
}
