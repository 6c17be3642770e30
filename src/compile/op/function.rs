//! Owns `create_or_replace_function` and `drop_function`: what they do to the draft. Must not write SQL for the version
//! schema or the contract (that is `objects`).

use crate::compile::draft::{Draft, NewFunction, Object};
use crate::compile::names;
use crate::ident::{Ident, literal};
use crate::plan::{CreateOrReplaceFunction, DropFunction, Text};

pub fn create(draft: &mut Draft<'_>, op: &CreateOrReplaceFunction) {
    let name = Ident::new(op.name.as_str());
    if let Some(fault) = names::name_fault(&name) {
        draft.error("compile.name", format!("function name: {fault}"), &op.name.span);
        return;
    }
    let what = format!("create_or_replace_function {}", name.as_str());
    if let (true, Some(returns)) = (op.procedure, &op.returns) {
        draft.error(
            "compile.procedure_returns",
            format!("{what}: a procedure returns nothing"),
            &returns.span,
        );
        return;
    }
    let arguments = op.arguments.as_ref().map_or("", Text::as_str);
    let mut definition = format!("({arguments})");
    if let Some(returns) = &op.returns {
        definition.push_str(&format!(" RETURNS {}", returns.as_str()));
    }
    let language = Ident::new(op.language.as_ref().map_or("sql", Text::as_str));
    definition.push_str(&format!(" LANGUAGE {language}"));
    if let Some(options) = &op.options {
        definition.push_str(&format!(" {}", options.as_str()));
    }
    definition.push_str(&format!(" AS {}", literal(op.body.as_str())));
    let kind = if op.procedure { "PROCEDURE" } else { "FUNCTION" };
    if !draft.check_statement(&format!("CREATE {kind} f{definition}"), &what, &op.name.span) {
        return;
    }
    let new = NewFunction { procedure: op.procedure, definition };
    draft.objects.push(Object::Function { name, new, span: op.body.span.clone() });
}

pub fn drop(draft: &mut Draft<'_>, op: &DropFunction) {
    let start = format!("{}(", op.name.as_str());
    let of_name = draft.catalog.functions.keys().filter(|key| key.starts_with(&start));
    let known: Vec<String> =
        of_name.filter_map(|key| Some(key.strip_prefix(&start)?.strip_suffix(')')?.to_owned())).collect();
    let wanted = op.arguments.as_ref().map(|text| {
        let types =
            text.as_str().split(',').map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
        types.collect::<Vec<_>>().join(", ")
    });
    let fits: Vec<&String> =
        known.iter().filter(|types| wanted.as_ref().is_none_or(|wanted| wanted == *types)).collect();
    let list = || known.iter().map(|types| format!("{start}{types})")).collect::<Vec<_>>().join(", ");
    let name = op.name.as_str();
    let (message, help) = match fits.as_slice() {
        [only] => {
            let arguments = (*only).clone();
            draft.objects.push(Object::DroppedFunction {
                name: Ident::new(name),
                arguments,
                span: op.name.span.clone(),
            });
            return;
        }
        [] if known.is_empty() => {
            (format!("there is no function `{name}` in schema `{}`", draft.catalog.schema.as_str()), None)
        }
        [] => {
            (format!("no function `{name}` has just these arguments"), Some(format!("there are: {}", list())))
        }
        _ => (
            format!("several functions are called `{name}`"),
            Some(format!("give the types of the one that is meant as `arguments`; there are: {}", list())),
        ),
    };
    match help {
        Some(help) => draft.error_help("compile.function_missing", message, &op.name.span, help),
        None => draft.error("compile.function_missing", message, &op.name.span),
    }
}
