//! Owns the decision, pair by pair, which way a value goes when a row is updated.
//! Must not lay out the function (that is `sync`).

use super::{QualifiedPair, changed};
use crate::compile::program::{Pair, PairExpression, SyncSpec};
use crate::ident::Ident;

/// A way a value can go: when, and the statement that does it.
pub struct Move {
    pub condition: String,
    pub assignment: String,
    by_path: bool,
}

/// What may happen to one pair when its row is updated.
pub struct Decision {
    /// From 1, for the names of variables.
    number: usize,
    pub up: Option<Move>,
    pub down: Option<Move>,
    /// When a row that the backfill has not reached is filled on the spot.
    pub pending: Option<String>,
}

impl Decision {
    pub fn up_variable(&self) -> String {
        format!("_segue_up_{}", self.number)
    }

    pub fn down_variable(&self) -> String {
        format!("_segue_down_{}", self.number)
    }

    pub fn variables(&self) -> [(String, Option<&str>); 2] {
        [
            (self.up_variable(), self.up.as_ref().map(|up| up.condition.as_str())),
            (self.down_variable(), self.down.as_ref().map(|down| down.condition.as_str())),
        ]
    }

    /// How many of its conditions ask for the writer's path.
    pub fn uses_path(&self) -> usize {
        [&self.up, &self.down].into_iter().flatten().filter(|way| way.by_path).count()
    }
}

fn own(expression: &Option<PairExpression>) -> &[Ident] {
    expression.as_ref().map_or(&[], |e| &e.reads_own)
}

fn shared_of(expression: &Option<PairExpression>) -> &[Ident] {
    expression.as_ref().map_or(&[], |e| &e.reads_shared)
}

/// Columns whose change may move a value, in order of first appearance.
pub fn interest(spec: &SyncSpec) -> Vec<Ident> {
    let mut columns: Vec<Ident> = Vec::new();
    let mut add = |more: &[Ident]| {
        for column in more {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
    };
    for pair in &spec.pairs {
        // A new-side column matters where it flows back; otherwise its change moves nothing.
        // So it does where a foreign key's action means its default.
        match (&pair.old, &pair.new, &pair.down) {
            (Some(_), Some(new), Some(_)) => add(std::slice::from_ref(&new.column)),
            (_, Some(new), _) if pair.reset.is_some() => add(std::slice::from_ref(&new.column)),
            _ => {}
        }
        for expression in [&pair.up, &pair.down] {
            add(own(expression));
            add(shared_of(expression));
        }
    }
    columns
}

/// Columns both versions see that some expression reads.
pub fn shared(spec: &SyncSpec) -> Vec<Ident> {
    let all = spec.pairs.iter().flat_map(|pair| shared_of(&pair.up).iter().chain(shared_of(&pair.down)));
    all.cloned().collect()
}

/// One decision for each pair that has one to take. `writer`: SQL for whether the writer's path comes to the new version first.
pub fn decisions(
    spec: &SyncSpec,
    qualified: &[QualifiedPair],
    (ups, downs): (&[Option<String>], &[Option<String>]),
    writer: &str,
) -> Vec<Decision> {
    spec.pairs
        .iter()
        .enumerate()
        .map(|(index, pair)| {
            let pending = is_pending(spec, &qualified[index]);
            let up = |assignment: &String| up(spec, pair, pending.as_deref(), assignment, writer);
            Decision {
                number: index + 1,
                up: ups[index].as_ref().and_then(up),
                down: downs[index].as_ref().and_then(|assignment| down(pair, assignment, writer)),
                pending: untouched(pair, pending.as_deref()),
            }
        })
        .filter(|decision| decision.up.is_some() || decision.down.is_some())
        .collect()
}

/// What tells that the new version wrote this pair.
fn touched_new(pair: &Pair) -> Option<String> {
    let new = pair.new.as_ref().map(|new| &new.column);
    // What a dropped column's `down` reads decides in `down`.
    let reads = if pair.old.is_some() { own(&pair.down) } else { &[] };
    changed(new.into_iter().chain(reads))
}

/// Whether the backfill still owes the row this pair's value. One that `only` leaves out is owed none, though nobody has taken its
/// marker away.
fn is_pending(spec: &SyncSpec, qualified: &QualifiedPair) -> Option<String> {
    let marker = spec.marker.as_ref()?;
    Some(match &qualified.only {
        Some(only) => format!("OLD.{marker} IS TRUE AND {only} IS TRUE"),
        None => format!("OLD.{marker} IS TRUE"),
    })
}

fn untouched(pair: &Pair, pending: Option<&str>) -> Option<String> {
    let touched = changed(pair.new.as_ref().map(|new| &new.column))?;
    pair.up.as_ref()?;
    Some(format!("{} AND NOT ({touched})", pending?))
}

fn up(spec: &SyncSpec, pair: &Pair, pending: Option<&str>, assignment: &str, writer: &str) -> Option<Move> {
    if let Some(condition) = up_alone(spec, pair, pending, writer) {
        let by_path = !shared_of(&pair.up).is_empty();
        return Some(Move { condition, assignment: assignment.to_owned(), by_path });
    }
    let mut reasons: Vec<String> = Vec::new();
    reasons.extend(changed(own(&pair.up)));
    let by_shared = changed(shared_of(&pair.up));
    let by_path = by_shared.is_some();
    reasons.extend(by_shared.map(|shared| format!("{shared} AND {writer} IS NOT TRUE")));
    let written = match (touched_new(pair), reasons.is_empty()) {
        (_, true) => None,
        (None, false) => Some(reasons.join(" OR ")),
        (Some(new), false) => Some(format!("NOT ({new}) AND ({})", reasons.join(" OR "))),
    };
    let ways: Vec<String> = [written, untouched(pair, pending)].into_iter().flatten().collect();
    if ways.is_empty() {
        return None;
    }
    Some(Move { condition: ways.join(" OR "), assignment: assignment.to_owned(), by_path })
}

/// With one value to move, in one direction, from one side's columns, the trigger fires for nothing else, and what it has asked
/// before it called the function need not be asked again. Each question costs each statement its preparation.
fn up_alone(spec: &SyncSpec, pair: &Pair, pending: Option<&str>, writer: &str) -> Option<String> {
    let one_side = own(&pair.up).is_empty() || shared_of(&pair.up).is_empty();
    if spec.pairs.len() > 1 || pair.down.is_some() || !one_side {
        return None;
    }
    let new = touched_new(pair)?;
    if shared_of(&pair.up).is_empty() {
        return Some(format!("NOT ({new})"));
    }
    let ways: Vec<String> =
        pending.map(str::to_owned).into_iter().chain([format!("{writer} IS NOT TRUE")]).collect();
    Some(format!("NOT ({new}) AND ({})", ways.join(" OR ")))
}

fn down(pair: &Pair, assignment: &str, writer: &str) -> Option<Move> {
    let by_shared = changed(shared_of(&pair.down));
    let by_path = by_shared.is_some();
    let by_shared = by_shared.map(|shared| format!("{shared} AND {writer} IS TRUE"));
    let condition = match &pair.new {
        // Both sides: the old version's own writes come after the new one's, before the path.
        Some(_) => {
            let by_shared = match (by_shared, changed(own(&pair.up))) {
                (Some(shared), Some(old)) => Some(format!("{shared} AND NOT ({old})")),
                (shared, _) => shared,
            };
            [touched_new(pair), by_shared].into_iter().flatten().collect::<Vec<_>>().join(" OR ")
        }
        // Dropped: what the old version writes there stays.
        None => {
            let reasons: Vec<String> = [changed(own(&pair.down)), by_shared].into_iter().flatten().collect();
            let old = changed(pair.old.as_ref().map(|old| &old.column))?;
            if reasons.is_empty() {
                return None;
            }
            format!("NOT ({old}) AND ({})", reasons.join(" OR "))
        }
    };
    Some(Move { condition, assignment: assignment.to_owned(), by_path })
}
