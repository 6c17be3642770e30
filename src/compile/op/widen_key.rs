//! Owns `widen_key`: an integer key becomes bigint, with every column that a foreign key ties to it, all at one moment.
//! Must not build the foreign keys (`carry`) nor order the change-over (`contract`).

use super::new_form::{Form, can_have_two_forms, new_forms};
use crate::catalog::ConstraintKind;
use crate::compile::draft::Draft;
use crate::ident::Ident;
use crate::plan::{Spanned, Text, WidenKey};

const WIDE: &str = "bigint";

pub fn apply(draft: &mut Draft<'_>, op: &WidenKey) {
    let Some(table) = draft.changeable(&op.table, "widen the key of") else { return };
    let what = format!("widen_key {}", op.table.as_str());
    if draft.tables[table].source.is_none() {
        let message = format!("{what}: this plan creates the table");
        draft.error_help(
            "compile.created",
            message,
            &op.table.span,
            format!("give the column `type: {WIDE}` there"),
        );
        return;
    }
    let Some(column) = key_column(draft, op, table, &what) else { return };
    let Some(tied) = tied(draft, op, table, column, &what) else { return };
    let span = op.column.as_ref().map_or(&op.table.span, |column| &column.span);
    let possible = tied.iter().fold(true, |possible, &(table, column)| {
        let name = named(draft, table, column);
        let what = format!("{what} ({name})");
        // Every fault is told at once.
        can_have_two_forms(draft, table, column, span, &what) && possible
    });
    if !possible {
        return;
    }
    let wide: Text = Spanned { value: WIDE.to_owned(), span: span.clone() };
    for (table, column) in tied {
        let form = Form {
            column,
            type_name: Some(&wide),
            nullable: None,
            up: None,
            down: None,
            span,
            what: format!("{what} ({})", named(draft, table, column)),
        };
        if !new_forms(draft, table, &[form]) {
            return;
        }
        draft.tables[table].columns[column].widened = true;
    }
}

fn named(draft: &Draft<'_>, table: usize, column: usize) -> String {
    let table = &draft.tables[table];
    format!("{}.{}", table.logical().as_str(), table.columns[column].name.as_str())
}

fn is_narrow(type_name: &str) -> bool {
    matches!(type_name, "smallint" | "integer")
}

/// The column that the plan means.
fn key_column(draft: &mut Draft<'_>, op: &WidenKey, table: usize, what: &str) -> Option<usize> {
    let source = draft.tables[table].source.expect("an existing table");
    let key: Vec<Ident> = source.primary_key().map(|key| key.columns.clone()).unwrap_or_default();
    if let Some(name) = &op.column {
        let column = draft.column(table, name)?;
        let found = &draft.tables[table].columns[column];
        let unique = |constraint: &&crate::catalog::Constraint| {
            matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
        };
        let in_key = found.old().is_some_and(|old| {
            source.constraints.iter().filter(unique).any(|constraint| constraint.columns.contains(old))
                || source.indexes.iter().any(|index| index.unique && index.columns.contains(old))
        });
        if !in_key {
            draft.error_help(
                "compile.not_a_key",
                format!("{what}: no primary key or unique constraint has `{}`", name.as_str()),
                &name.span,
                "`alter_column` with `type: bigint` widens a column that is no key",
            );
            return None;
        }
        return narrow(draft, table, column, what, &name.span).then_some(column);
    }
    let of_key = |name: &Ident| {
        draft.tables[table].columns.iter().position(|c| c.old() == Some(name) && c.new.is_some())
    };
    let columns: Vec<usize> = key.iter().filter_map(of_key).collect();
    let narrow_ones: Vec<usize> =
        columns.iter().copied().filter(|c| is_narrow(&draft.tables[table].columns[*c].type_name)).collect();
    let list = |numbers: &[usize]| {
        let names = numbers.iter().map(|c| format!("`{}`", draft.tables[table].columns[*c].name.as_str()));
        names.collect::<Vec<_>>().join(", ")
    };
    let (message, help) = match narrow_ones.as_slice() {
        [only] => return narrow(draft, table, *only, what, &op.table.span).then_some(*only),
        [] if columns.is_empty() => (
            format!("{what}: the table has no primary key"),
            "name the `column` of the key that is meant".to_owned(),
        ),
        [] => (
            format!("{what}: no column of the primary key ({}) is smallint or integer", list(&columns)),
            "there is nothing to widen; another key's column can be named as `column`".to_owned(),
        ),
        several => (
            format!("{what}: several columns of the primary key could be meant: {}", list(several)),
            "name one as `column`".to_owned(),
        ),
    };
    draft.error_help("compile.not_a_key", message, &op.table.span, help);
    None
}

/// Whether a column can be widened. Reports why not.
fn narrow(
    draft: &mut Draft<'_>,
    table: usize,
    column: usize,
    what: &str,
    span: &Option<crate::diagnostic::Span>,
) -> bool {
    let found = &draft.tables[table].columns[column];
    let name = named(draft, table, column);
    if !found.is_shared() {
        let message = format!("{what}: an operation before gives `{name}` a new form already");
        draft.error_help("compile.two_forms", message, span, "widen the key in a plan of its own");
        return false;
    }
    if !is_narrow(&found.type_name) {
        let message = format!("{what}: `{name}` is {}, not smallint or integer", found.type_name);
        draft.error("compile.no_change", message, span);
        return false;
    }
    true
}

/// The key's column and all that foreign keys tie to it, near and far. Reports what stands against one.
fn tied(
    draft: &mut Draft<'_>,
    op: &WidenKey,
    table: usize,
    column: usize,
    what: &str,
) -> Option<Vec<(usize, usize)>> {
    let schema = draft.catalog.schema.clone();
    let mut tied = vec![(table, column)];
    let mut complete = true;
    let mut at = 0;
    while at < tied.len() {
        let (of, column) = tied[at];
        at += 1;
        let target = draft.tables[of].physical.clone();
        let old = draft.tables[of].columns[column].old().expect("of the catalog").clone();
        for number in 0..draft.tables.len() {
            let Some(source) = draft.tables[number].source else { continue };
            if draft.tables[number].shown.is_none() {
                continue;
            }
            for constraint in &source.constraints {
                let Some(foreign) = &constraint.foreign else { continue };
                // A partition's is its parent's.
                if foreign.schema != schema || foreign.table != target || constraint.parent.is_some() {
                    continue;
                }
                for (own, to) in constraint.columns.iter().zip(&foreign.columns) {
                    if *to != old {
                        continue;
                    }
                    let found = draft.tables[number].columns.iter().position(|c| c.old() == Some(own));
                    let Some(found) = found.filter(|f| draft.tables[number].columns[*f].new.is_some()) else {
                        continue;
                    };
                    if tied.contains(&(number, found)) {
                        continue;
                    }
                    let shown = Spanned {
                        value: draft.tables[number].logical().as_str().to_owned(),
                        span: op.table.span.clone(),
                    };
                    if number != table && draft.changeable(&shown, "widen a column of").is_none() {
                        complete = false;
                        continue;
                    }
                    // One that is wide already only has its foreign key made again.
                    if draft.tables[number].columns[found].type_name == WIDE
                        && draft.tables[number].columns[found].is_shared()
                    {
                        continue;
                    }
                    let what = format!("{what}: {} points at it", constraint.name.as_str());
                    match narrow(draft, number, found, &what, &op.table.span) {
                        true => tied.push((number, found)),
                        false => complete = false,
                    }
                }
            }
        }
    }
    complete.then_some(tied)
}
