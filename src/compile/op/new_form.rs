//! Owns giving columns a new form beside the old one, kept in step by `up` and `down`: what `alter_column`,
//! `create_constraint` and those that drop constraints do alike. Must not decide which columns need one.

use crate::compile::draft::{Change, Down, Draft, Up};
use crate::diagnostic::Span;
use crate::plan::Text;

/// What one column is to become.
pub struct Form<'p> {
    pub column: usize,
    pub type_name: Option<&'p Text>,
    pub nullable: Option<bool>,
    /// `None`: the value as it is.
    pub up: Option<&'p Text>,
    pub down: Option<&'p Text>,
    pub span: &'p Option<Span>,
    pub what: String,
}

/// Whether writes could keep two forms of a column in step. Reports why not.
pub fn can_have_two_forms(
    draft: &mut Draft<'_>,
    table: usize,
    column: usize,
    span: &Option<Span>,
    what: &str,
) -> bool {
    let found = &draft.tables[table].columns[column];
    let mended = draft.tables[table].mends.iter().any(|mend| mend.set.iter().any(|(of, ..)| *of == column));
    if mended || (found.proved_in_place && found.is_shared()) {
        let name = found.name.as_str();
        let message =
            format!("{what}: an operation before is `in_place` on `{name}`, so it cannot get a second form");
        draft.error_help("compile.in_place", message, span, "do it in a plan of its own");
        return false;
    }
    if found.source.is_none_or(|source| source.generated.is_none()) {
        return true;
    }
    let name = found.name.as_str();
    let message = format!("{what}: `{name}` is generated, so no write can keep two forms of it in step");
    draft.error_help("compile.generated", message, span, "add a new column and drop this one");
    false
}

/// Gives each column a hidden one beside it, or changes the one it has. False where that is not possible.
pub fn new_forms(draft: &mut Draft<'_>, table: usize, forms: &[Form<'_>]) -> bool {
    // Every `up` reads the columns as they are before, every `down` as they are after all of them have changed.
    let mut ups = Vec::new();
    for form in forms {
        match up(draft, table, form) {
            Some(up) => ups.push(up),
            None => return false,
        }
    }
    for (form, up) in forms.iter().zip(ups) {
        begin(draft, table, form, up);
    }
    for form in forms {
        let Some(text) = form.down else { continue };
        let Some(bound) = draft.bind_value(text, table, &format!("down of {}", form.what)) else {
            return false;
        };
        let change = draft.tables[table].columns[form.column].changes.last_mut().expect("just begun");
        change.down = Down::Expression(bound);
    }
    true
}

fn up(draft: &mut Draft<'_>, table: usize, form: &Form<'_>) -> Option<Up> {
    let Some(text) = form.up else {
        let before = &draft.tables[table].columns[form.column];
        return Some(match (&before.up, before.old()) {
            (Up::Same, Some(old)) => Up::Derived(draft.value_of(table, old)),
            (up, _) => up.clone(),
        });
    };
    let what = format!("up of {}", form.what);
    let bound = draft.bind_value(text, table, &what)?;
    match draft.over_old(table, &bound) {
        Ok(resolved) => Some(Up::Derived(resolved)),
        Err(why) => {
            draft.error("compile.up_unreadable", format!("{what}: {why}"), &text.span);
            None
        }
    }
}

fn begin(draft: &mut Draft<'_>, table: usize, form: &Form<'_>, up: Up) {
    let column = form.column;
    let what = &form.what;
    let type_before = draft.tables[table].columns[column].type_name.clone();
    let hidden = {
        let name = draft.tables[table].columns[column].name.clone();
        draft.tables[table].hidden_column(&name)
    };
    if let (Some(type_name), Some(collation)) = (
        form.type_name,
        draft.tables[table].columns[column].source.and_then(|source| source.collation.as_ref()),
    ) {
        draft.warn(
            "compile.collation_dropped",
            format!("{what}: the column's collation {collation} is not kept: a new type comes with its own"),
            &type_name.span,
            "this is as ALTER COLUMN … TYPE has it; indexes and comparisons then sort by the new one",
        );
    }
    let changed = &mut draft.tables[table].columns[column];
    if changed.is_shared() {
        changed.new = Some(hidden);
        // What the contract would have changed, the new form has from the beginning.
        changed.type_changed |= changed.retyped;
        (changed.retyped, changed.nullable_late) = (false, false);
        changed.what = what.clone();
        changed.span = form.span.clone();
    }
    changed.up = up;
    // Its `up` has it by now, and the type need not be that of what the column would be made with.
    changed.only = None;
    if changed.up_span.is_none() || form.up.is_some() {
        changed.up_span = form.up.and_then(|up| up.span.clone());
    }
    if let Some(type_name) = form.type_name {
        changed.type_name = type_name.value.clone();
        changed.type_changed = true;
    }
    if let Some(nullable) = form.nullable {
        changed.not_null = !nullable;
        draft.name_not_null(table, column);
    }
    draft.tables[table].columns[column].changes.push(Change {
        type_before,
        down: Down::Same,
        what: what.clone(),
        down_span: form.down.and_then(|down| down.span.clone()),
    });
}
