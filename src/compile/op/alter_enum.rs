//! Owns `alter_enum`: which values the new version has and what stands for what, and a new form for every column of the
//! type. Must not write the SQL of the types themselves (that is `enums`).

use super::new_form::{Form, can_have_two_forms, new_forms};
use crate::catalog::TableKind;
use crate::compile::draft::Draft;
use crate::compile::enums::DraftEnum;
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::ident::Ident;
use crate::plan::alter_enum::Place;
use crate::plan::{AlterEnum, Spanned, Text};
use std::collections::{BTreeMap, BTreeSet};

pub fn apply(draft: &mut Draft<'_>, op: &AlterEnum) {
    let name = Ident::new(op.name.as_str());
    let what = format!("alter_enum {}", op.name.as_str());
    let Some(source) = draft.catalog.enums.get(&name) else {
        missing(draft, &op.name);
        return;
    };
    if draft.enums.iter().any(|before| before.name == name) {
        draft.error_help(
            "compile.object_twice",
            format!("an operation before is about type `{}` already", op.name.as_str()),
            &op.name.span,
            "one operation says what the new version has",
        );
        return;
    }
    let late = op.rename.is_empty() && op.remove.is_empty() && op.add.iter().all(|add| add.down.is_none());
    let mut made = DraftEnum {
        name,
        source,
        labels: source.labels.clone(),
        up: source.labels.iter().map(|label| (label.clone(), label.clone())).collect(),
        down: BTreeMap::new(),
        removed: BTreeSet::new(),
        added: Vec::new(),
        late,
        span: op.name.span.clone(),
        what,
    };
    if !values(draft, op, &mut made) {
        return;
    }
    if late {
        told_late(draft, op, &made);
        draft.enums.push(made);
        return;
    }
    let columns = columns(draft, &made);
    let span = op.name.span.clone();
    let possible = columns.iter().fold(true, |possible, (table, column, _)| {
        let shown = Spanned { value: draft.tables[*table].logical().as_str().to_owned(), span: span.clone() };
        let what = format!("{} ({})", made.what, named(draft, *table, *column));
        // Every fault is told at once.
        draft.changeable(&shown, "change the type of a column of").is_some()
            && can_have_two_forms(draft, *table, *column, &span, &what)
            && possible
    });
    draft.enums.push(made);
    if possible {
        change(draft, &columns, &span);
    }
}

fn missing(draft: &mut Draft<'_>, name: &Text) {
    let ident = Ident::new(name.as_str());
    if let Some(definition) = draft.catalog.types.get(&ident) {
        let kind = definition.split(' ').next().unwrap_or_default().to_lowercase();
        let message = format!("`{}` is no enum but a {kind} type", name.as_str());
        draft.error("compile.not_an_enum", message, &name.span);
        return;
    }
    let schema = draft.catalog.schema.as_str().to_owned();
    let message = format!("there is no type `{}` in schema `{schema}`", name.as_str());
    match nearest(name.as_str(), draft.catalog.enums.keys().map(Ident::as_str)) {
        Some(near) => {
            draft.error_help("compile.type_missing", message, &name.span, format!("did you mean `{near}`?"));
        }
        None => draft.error("compile.type_missing", message, &name.span),
    }
}

/// What the type's values become: renamed first, then removed, then added. Reports what cannot be.
fn values(draft: &mut Draft<'_>, op: &AlterEnum, made: &mut DraftEnum<'_>) -> bool {
    let before = draft.diagnostics.0.len();
    let old = made.source.labels.clone();
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    let named =
        op.rename.iter().map(|rename| &rename.from).chain(op.remove.iter().map(|remove| &remove.value));
    for value in named {
        known(draft, made, &old, value);
        if !touched.insert(value.as_str()) {
            let message = format!("{}: `{}` is renamed or removed twice", made.what, value.as_str());
            draft.error("compile.enum_value", message, &value.span);
        }
    }
    if draft.diagnostics.0.len() > before {
        return false;
    }
    for rename in &op.rename {
        let at = old.iter().position(|label| label == rename.from.as_str()).expect("it is known");
        made.labels[at] = rename.to.value.clone();
        made.up.insert(rename.from.value.clone(), rename.to.value.clone());
    }
    let gone = |label: &String| op.remove.iter().any(|remove| remove.value.value == *label);
    let kept = old.iter().zip(&made.labels).filter(|(old, _)| !gone(old));
    let (down, labels) = kept.map(|(old, new)| ((new.clone(), old.clone()), new.clone())).unzip();
    (made.down, made.labels) = (down, labels);
    for rename in &op.rename {
        let same = made.labels.iter().filter(|label| **label == rename.to.value).count();
        if same > 1 {
            taken(draft, made, &rename.to);
        }
    }
    for add in &op.add {
        if made.labels.contains(&add.value.value) {
            taken(draft, made, &add.value);
            continue;
        }
        let at = match &add.place {
            None => made.labels.len(),
            Some(Place::Before(beside) | Place::After(beside)) => {
                let labels = made.labels.clone();
                if !known(draft, made, &labels, beside) {
                    continue;
                }
                let at = labels.iter().position(|label| label == beside.as_str()).expect("it is known");
                at + usize::from(matches!(add.place, Some(Place::After(_))))
            }
        };
        made.labels.insert(at, add.value.value.clone());
        made.added.push(add.clone());
        if made.late {
            continue;
        }
        match &add.down {
            Some(down) => {
                if known(draft, made, &old, down) {
                    made.down.insert(add.value.value.clone(), down.value.clone());
                }
            }
            None => draft.error_help(
                "compile.down_required",
                format!(
                    "{}: `{}` needs `down`: which value the old version sees for it",
                    made.what,
                    add.value.as_str()
                ),
                &add.value.span,
                format!("one of {}", list(&old)),
            ),
        }
    }
    for remove in &op.remove {
        let labels = made.labels.clone();
        if known(draft, made, &labels, &remove.to) {
            made.up.insert(remove.value.value.clone(), remove.to.value.clone());
            made.removed.insert(remove.value.value.clone());
        }
    }
    draft.diagnostics.0.len() == before
}

/// Whether a value is one of these. Reports one that is not.
fn known(draft: &mut Draft<'_>, made: &DraftEnum<'_>, labels: &[String], value: &Text) -> bool {
    if labels.iter().any(|label| label == value.as_str()) {
        return true;
    }
    let message = format!("{}: there is no value `{}`", made.what, value.as_str());
    let help = match nearest(value.as_str(), labels.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", list(labels)),
    };
    draft.error_help("compile.enum_value", message, &value.span, help);
    false
}

fn taken(draft: &mut Draft<'_>, made: &DraftEnum<'_>, value: &Text) {
    let message = format!("{}: there is a value `{}` already", made.what, value.as_str());
    draft.error("compile.enum_value_exists", message, &value.span);
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
}

fn told_late(draft: &mut Draft<'_>, op: &AlterEnum, made: &DraftEnum<'_>) {
    let added: Vec<String> = made.added.iter().map(|add| add.value.value.clone()).collect();
    let message =
        format!("{}: no copy is needed; until the contract there is no {}", made.what, list(&added));
    let help = "PostgreSQL cannot take a value back. Give `down`, which value the old version is to see for it, for the new version to write it before";
    draft.diagnostics.push(Diagnostic::note("compile.late", message).at(op.name.span.clone()).help(help));
}

fn named(draft: &Draft<'_>, table: usize, column: usize) -> String {
    let table = &draft.tables[table];
    format!("{}.{}", table.logical().as_str(), table.columns[column].name.as_str())
}

/// Every column of the type, with whether it is an array of it.
fn columns(draft: &Draft<'_>, made: &DraftEnum<'_>) -> Vec<(usize, usize, bool)> {
    let mut found = Vec::new();
    for (number, table) in draft.tables.iter().enumerate() {
        let Some(source) = table.source.filter(|_| table.shown.is_some()) else { continue };
        let follows =
            source.partition_of.as_ref().is_some_and(|(of, _)| draft.catalog.tables.contains_key(of));
        // What it is made from is what changes.
        if follows || source.kind == TableKind::MaterializedView {
            continue;
        }
        for (at, column) in table.columns.iter().enumerate() {
            let is_there =
                column.source.is_some() && column.new.is_some() && !column.type_changed && !column.retyped;
            if let Some(array) = made.is(draft.catalog, &column.type_name).filter(|_| is_there) {
                found.push((number, at, array));
            }
        }
    }
    found
}

fn change(draft: &mut Draft<'_>, columns: &[(usize, usize, bool)], span: &Option<Span>) {
    let made = draft.enums.last().expect("just pushed");
    let texts: Vec<(Text, Text, Text, String)> = columns
        .iter()
        .map(|(table, column, array)| {
            let of = &draft.tables[*table].columns[*column].name;
            let text = |value: String| Spanned { value, span: span.clone() };
            let to = made.type_name(&draft.version_schema, *array);
            let up = made.up_of(&draft.catalog.schema, &draft.version_schema, of, *array);
            let down = made.down_of(&draft.catalog.schema, &draft.version_schema, of, *array);
            (text(to), text(up), text(down), format!("{} ({})", made.what, named(draft, *table, *column)))
        })
        .collect();
    let tables: BTreeSet<usize> = columns.iter().map(|(table, ..)| *table).collect();
    for table in tables {
        let of_table = columns.iter().zip(&texts).filter(|((of, ..), _)| *of == table);
        let forms: Vec<Form<'_>> = of_table
            .map(|((_, column, _), (to, up, down, what))| Form {
                column: *column,
                type_name: Some(to),
                nullable: None,
                up: Some(up),
                down: Some(down),
                span,
                what: what.clone(),
            })
            .collect();
        if !new_forms(draft, table, &forms) {
            return;
        }
        for form in &forms {
            default(draft, table, form.column, &form.what, span);
        }
    }
}

/// A default of the old type as one of the new.
fn default(draft: &mut Draft<'_>, table: usize, column: usize, what: &str, span: &Option<Span>) {
    let Some(text) = draft.tables[table].columns[column].default.clone() else { return };
    match draft.retyped(&text, true) {
        Ok(default) => draft.tables[table].columns[column].default = Some(default),
        Err(error) => draft.error_help(
            "compile.not_carried",
            format!("{what}: the default `{text}` cannot be kept: {}", error.message),
            span,
            "give the column another one before, with `alter_column`",
        ),
    }
}
