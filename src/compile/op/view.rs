//! Owns `create_or_replace_view` and `drop_view`: what they do to the draft. Must not write SQL for the version schema or
//! the contract (that is `objects`).

use crate::compile::draft::{Draft, NewView, Object};
use crate::compile::names;
use crate::diagnostic::{Span, nearest};
use crate::ident::Ident;
use crate::plan::{CreateOrReplaceView, DropView, Text};

pub fn create(draft: &mut Draft<'_>, op: &CreateOrReplaceView) {
    let name = Ident::new(op.name.as_str());
    if !may_have(draft, &name, &op.name.span) {
        return;
    }
    let new = NewView {
        columns: op.columns.iter().map(|column| Ident::new(column.as_str())).collect(),
        options: op.options.as_ref().map(|options| options.value.clone()),
        options_span: op.options.as_ref().and_then(|options| options.span.clone()),
        query: op.query.value.trim().trim_end_matches(';').trim_end().to_owned(),
        comment: op.comment.as_ref().map(|comment| comment.value.clone()),
    };
    let what = format!("create_or_replace_view {}", name.as_str());
    let only_options =
        new.options.as_ref().map(|options| format!("CREATE VIEW v WITH ({options}) AS SELECT 1"));
    if let (Some(sql), Some(options)) = (only_options, &op.options)
        && !draft.check_statement(&sql, &what, &options.span)
    {
        return;
    }
    if !draft.check_statement(&format!("CREATE VIEW v AS {}", new.query), &what, &op.query.span) {
        return;
    }
    if is_twice(draft, &name, &op.name.span) {
        return;
    }
    draft.objects.push(Object::View { name, new: Some(new), span: op.query.span.clone() });
}

pub fn drop(draft: &mut Draft<'_>, op: &DropView) {
    let name = Ident::new(op.name.as_str());
    if !draft.catalog.views.contains_key(&name) {
        missing(draft, &op.name);
        return;
    }
    if is_twice(draft, &name, &op.name.span) {
        return;
    }
    draft.objects.push(Object::View { name, new: None, span: op.name.span.clone() });
}

fn may_have(draft: &mut Draft<'_>, name: &Ident, span: &Option<Span>) -> bool {
    if let Some(fault) = names::name_fault(name) {
        draft.error("compile.name", format!("view name: {fault}"), span);
        return false;
    }
    let shown = draft.tables.iter().any(|table| table.shown.as_ref() == Some(name));
    if shown || (draft.names.is_taken(name) && !draft.catalog.views.contains_key(name)) {
        let message = format!("there is something else called `{}` already", name.as_str());
        draft.error_help("compile.relation_exists", message, span, "give the view another name");
        return false;
    }
    draft.names.take(name);
    true
}

fn is_twice(draft: &mut Draft<'_>, name: &Ident, span: &Option<Span>) -> bool {
    let before = draft
        .objects
        .iter()
        .any(|object| matches!(object, Object::View { name: other, .. } if other == name));
    if before {
        let message = format!("an operation before is about view `{}` already", name.as_str());
        draft.error_help(
            "compile.object_twice",
            message,
            span,
            "one operation says what the new version has",
        );
    }
    before
}

fn missing(draft: &mut Draft<'_>, name: &Text) {
    let ident = Ident::new(name.as_str());
    let message = match draft.catalog.tables.contains_key(&ident) {
        true => format!("`{}` is no view", name.as_str()),
        false => {
            format!("there is no view `{}` in schema `{}`", name.as_str(), draft.catalog.schema.as_str())
        }
    };
    let near = nearest(name.as_str(), draft.catalog.views.keys().map(Ident::as_str));
    match near {
        Some(near) => {
            draft.error_help("compile.view_missing", message, &name.span, format!("did you mean `{near}`?"));
        }
        None => draft.error("compile.view_missing", message, &name.span),
    }
}
