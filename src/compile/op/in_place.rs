//! Owns constraints that go on the columns themselves, which both versions go on sharing: which rows violate them, and
//! what those are mended to. Must not give any column a second form.

use super::column::{add_check, add_unique};
use crate::compile::draft::{Draft, DraftMend, NewForeignKey, NewUnique, Resolved};
use crate::diagnostic::Span;
use crate::ident::{Ident, list};
use crate::plan::{Check, Text};
use std::collections::BTreeSet;

/// What to mend a row by: columns and their `up`.
pub type Ups<'p> = Vec<(usize, &'p Text)>;

/// Whether the columns are still those that both versions share. Reports why not.
pub fn can_be_shared(
    draft: &mut Draft<'_>,
    table: usize,
    columns: &[usize],
    span: &Option<Span>,
    what: &str,
) -> bool {
    let found = &draft.tables[table];
    let other = columns.iter().map(|column| &found.columns[*column]).find(|column| !column.is_shared());
    let Some(other) = other.map(|column| column.name.as_str().to_owned()) else { return true };
    draft.error_help(
        "compile.in_place",
        format!(
            "{what}: `{other}` has a form of its own in the new version, so nothing can be in place there"
        ),
        span,
        "leave `in_place` out, or do it in a plan of its own",
    );
    false
}

/// NOT NULL on a column as it is.
pub fn not_null(
    draft: &mut Draft<'_>,
    table: usize,
    column: usize,
    up: Option<&Text>,
    span: &Option<Span>,
    what: &str,
) {
    let found = &mut draft.tables[table].columns[column];
    found.not_null = true;
    found.proved_in_place = true;
    if found.span.is_none() {
        found.span = span.clone();
    }
    draft.name_not_null(table, column);
    let name = draft.tables[table].columns[column].new.clone().expect("a column that is shared");
    let qualified = format!("{}.{name}", draft.tables[table].physical);
    let violates = Resolved::qualified(format!("({qualified} IS NULL)"), BTreeSet::from([name]));
    mend(draft, table, violates, true, up.map(|up| (column, up)).into_iter().collect(), span, what);
}

pub fn check(draft: &mut Draft<'_>, table: usize, check: &Check, ups: Ups<'_>, what: &str) {
    let span = &check.constraint.span;
    let Some(bound) = draft.bind(&check.constraint, table, what) else { return };
    let read: Vec<usize> = bound.columns.values().map(|(column, _)| *column).collect();
    if !can_be_shared(draft, table, &read, span, what) {
        return;
    }
    let before = draft.tables[table].additions.len();
    add_check(draft, table, check, what);
    if draft.tables[table].additions.len() == before {
        return;
    }
    draft.tables[table].additions[before].early = true;
    match draft.over_old(table, &bound) {
        Ok(holds) => {
            mend(draft, table, holds.is_false(), true, ups, span, what);
        }
        Err(why) => draft.error("compile.in_place", format!("{what}: {why}"), span),
    }
}

/// A foreign key: `added` by its place among the table's additions.
pub fn foreign_key(draft: &mut Draft<'_>, table: usize, added: usize, ups: Ups<'_>, what: &str) {
    use crate::compile::draft::AdditionKind;
    let AdditionKind::ForeignKey(key) = &draft.tables[table].additions[added].kind else { return };
    let violates = points_nowhere(draft, table, key);
    let span = draft.tables[table].additions[added].span.clone();
    draft.tables[table].additions[added].early = true;
    mend(draft, table, violates, false, ups, &span, what);
}

fn points_nowhere(draft: &Draft<'_>, table: usize, key: &NewForeignKey) -> Resolved {
    const TARGET: &str = "_segue_target";
    let physical = |table: usize, columns: &[usize]| -> Vec<Ident> {
        columns.iter().filter_map(|column| draft.tables[table].columns[*column].new.clone()).collect()
    };
    let (from, to) = (physical(table, &key.columns), physical(key.target, &key.target_columns));
    let own = |column: &Ident| format!("{}.{column}", draft.tables[table].physical);
    let each = |word: &str, and: &str| {
        from.iter().map(|column| format!("{} {word}", own(column))).collect::<Vec<_>>().join(and)
    };
    let same = from.iter().zip(&to).map(|(from, to)| format!("{TARGET}.{to} = {}", own(from)));
    let nowhere = format!(
        "NOT EXISTS (SELECT FROM {} AS {TARGET} WHERE {})",
        draft.qualified(key.target),
        same.collect::<Vec<_>>().join(" AND ")
    );
    let some_null = each("IS NULL", " OR ");
    let sql = match key.match_type.as_str() {
        "FULL" => format!("(NOT ({}) AND (({some_null}) OR {nowhere}))", each("IS NULL", " AND ")),
        _ => format!("(NOT ({some_null}) AND {nowhere})"),
    };
    Resolved::qualified(sql, from.into_iter().collect())
}

/// A unique constraint or primary key: which of two rows is one too many, no expression over one of them tells.
pub fn unique(draft: &mut Draft<'_>, table: usize, name: &Text, unique: NewUnique, ups: Ups<'_>, what: &str) {
    let primary = unique.primary;
    let columns = unique.columns.clone();
    let nullable: Vec<usize> =
        columns.iter().copied().filter(|c| primary && !draft.tables[table].columns[*c].not_null).collect();
    if let Some((_, up)) = ups.iter().find(|(column, _)| !nullable.contains(column)) {
        let message = format!("{what}: no row violates it by itself, so `up` cannot tell which to mend");
        let help = "mend the rows before, or leave `in_place` out for a new form of the columns";
        draft.error_help("compile.in_place", message, &up.span, help);
        return;
    }
    let before = draft.tables[table].additions.len();
    add_unique(draft, table, name, unique, what);
    if draft.tables[table].additions.len() == before {
        return;
    }
    let shown: Vec<Ident> = columns.iter().map(|c| draft.tables[table].columns[*c].name.clone()).collect();
    draft.warn(
        "compile.in_place_holds",
        format!("{what}: the old version is held to it as well, from the backfill on ({})", list(&shown)),
        &name.span,
        "a write that would make a second row of its kind fails; rows that are double now stop the rollout",
    );
    for column in nullable {
        let up = ups.iter().find(|(of, _)| *of == column).map(|(_, up)| *up);
        not_null(draft, table, column, up, &name.span, what);
    }
}

fn mend(
    draft: &mut Draft<'_>,
    table: usize,
    violates: Resolved,
    plain: bool,
    ups: Ups<'_>,
    span: &Option<Span>,
    what: &str,
) {
    if ups.is_empty() {
        let message = format!("{what}: the old version is held to it as well, from the backfill on");
        let help = "give `up` to mend what the old version writes; rows that violate it now stop the rollout";
        draft.warn("compile.in_place_holds", message, span, help);
        return;
    }
    let mut set = Vec::new();
    for (column, text) in ups {
        let what = format!("up of {what}");
        let Some(bound) = draft.bind_value(text, table, &what) else { return };
        match draft.over_old(table, &bound) {
            Ok(up) => set.push((column, up, text.span.clone())),
            Err(why) => {
                draft.error("compile.up_unreadable", format!("{what}: {why}"), &text.span);
                return;
            }
        }
    }
    draft.warn(
        "compile.in_place",
        format!("{what}: rows that violate it get what `up` gives, in both versions; a rollback does not bring back what they had"),
        span,
        "leave `in_place` out for the old version to keep its values",
    );
    draft.tables[table].mends.push(DraftMend { violates, plain, set, what: what.to_owned() });
}
