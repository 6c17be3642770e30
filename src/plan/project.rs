//! Owns `segue.yaml`: a project's defaults and its named environments. Must not read the environment:
//! `${VAR}` is expanded by whoever has the variables.

use super::decode::{Context, Fields};
use super::node::{self, Value};
use super::{Settings, Text, parse::too_large};
use crate::diagnostic::{Diagnostic, Diagnostics, Source, Span, clip};
use std::{collections::BTreeMap, sync::Arc};

/// The project's file, at its root.
pub const PROJECT_FILE: &str = "segue.yaml";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// The folder of plans, from the project's root.
    pub plans: Option<Text>,
    pub schema: Option<Text>,
    pub standbys: Vec<StandbySettings>,
    pub settings: Settings,
    pub environments: BTreeMap<String, Environment>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// As written, variables and all: see [`expand_variables`].
    pub url: Option<Text>,
    pub schema: Option<Text>,
    /// Instead of the project's.
    pub standbys: Vec<StandbySettings>,
}

/// A standby that is looked at before a strong lock.
#[derive(Clone, Debug, PartialEq)]
pub struct StandbySettings {
    /// Its `application_name` on the primary.
    pub name: Text,
    /// As written, variables and all: see [`expand_variables`].
    pub url: Text,
}

/// Text in, project out; an empty file is a project without settings of its own.
pub fn parse_project(source: Arc<Source>) -> (Option<Project>, Diagnostics) {
    let cx = Context::new(source);
    if let Some(diagnostic) = too_large(&cx.source.name, cx.source.text.len() as u64) {
        cx.report(diagnostic);
        return (None, cx.finish());
    }
    let project = match node::read(&cx) {
        Some(root) => Fields::of(&cx, &root, "the project file", Some(&(0..0)))
            .map(|fields| Project::decode(&cx, fields)),
        None => Some(Project::default()),
    };
    let diagnostics = cx.finish();
    (project.filter(|_| !diagnostics.has_errors()), diagnostics)
}

impl Project {
    fn decode(cx: &Context, mut f: Fields<'_>) -> Project {
        let plans = f.optional_filled("plans");
        let schema = f.optional_name("schema");
        let standbys = standbys(cx, &mut f);
        let settings = Settings::decode(&mut f);
        let mut environments = BTreeMap::new();
        if let Some(node) = f.optional("environments") {
            match &node.value {
                Value::Map(entries) => {
                    for entry in entries {
                        let what = format!("environment `{}`", clip(&entry.key));
                        if let Some(fields) = Fields::of(cx, &entry.value, &what, Some(&entry.key_bytes)) {
                            environments.insert(entry.key.clone(), Environment::decode(cx, fields));
                        }
                    }
                }
                _ => cx.wrong_type(node, "`environments`", "a mapping from names to settings"),
            }
        }
        f.finish();
        Project { plans, schema, standbys, settings, environments }
    }
}

impl Environment {
    fn decode(cx: &Context, mut f: Fields<'_>) -> Environment {
        let url = f.optional_filled("url");
        let schema = f.optional_name("schema");
        let standbys = standbys(cx, &mut f);
        f.finish();
        Environment { url, schema, standbys }
    }
}

fn standbys(cx: &Context, f: &mut Fields<'_>) -> Vec<StandbySettings> {
    let mut found: Vec<StandbySettings> = Vec::new();
    for item in f.optional_list("standbys").unwrap_or_default() {
        let Some(mut f) = Fields::of(cx, item, "a standby", None) else { continue };
        let (name, url) = (f.required_name("name"), f.required_filled("url"));
        f.finish();
        let (Some(name), Some(url)) = (name, url) else { continue };
        if found.iter().any(|known| known.name.value == name.value) {
            let message = format!("there are two standbys of the name `{}`", clip(name.as_str()));
            cx.report(Diagnostic::error("plan.duplicate_name", message).at(name.span.clone()));
        }
        found.push(StandbySettings { name, url });
    }
    found
}

/// Replaces each `${NAME}` by what `lookup` has for it. `$${` is a literal `${`; any other `$` stands
/// for itself. The values never appear in a diagnostic: they may be passwords.
pub fn expand_variables(
    text: &Text,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Box<Diagnostic>> {
    let fault = |range: std::ops::Range<usize>, code, message: String, help: String| {
        Err(Box::new(Diagnostic::error(code, message).at(within(text, range)).help(help)))
    };
    let value = text.as_str();
    let (mut out, mut at) = (String::new(), 0);
    while let Some(found) = value[at..].find("${").map(|i| at + i) {
        if value[..found].ends_with('$') && found > at {
            out.push_str(&value[at..found - 1]);
            out.push_str("${");
            at = found + 2;
            continue;
        }
        out.push_str(&value[at..found]);
        let Some(end) = value[found..].find('}').map(|i| found + i) else {
            let message = "`${` is not closed".to_owned();
            let help = "write `${NAME}`, or `$${` for the two characters themselves".to_owned();
            return fault(found..value.len(), "plan.invalid_variable", message, help);
        };
        let name = &value[found + 2..end];
        let well_formed = name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
            && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
        if !well_formed {
            let message = format!("`{}` is not the name of a variable", clip(name));
            let help = "a name has letters, digits and `_`; there are no defaults in `${…}`".to_owned();
            return fault(found..end + 1, "plan.invalid_variable", message, help);
        }
        let Some(found_value) = lookup(name) else {
            let message = format!("the environment variable `{name}` is not set");
            return fault(
                found..end + 1,
                "plan.missing_variable",
                message,
                format!("set {name} and try again"),
            );
        };
        out.push_str(&found_value);
        at = end + 1;
    }
    out.push_str(&value[at..]);
    Ok(out)
}

/// Where a part of the text stands, if the file has it letter by letter; else the whole value.
fn within(text: &Text, range: std::ops::Range<usize>) -> Option<Span> {
    let span = text.span.as_ref()?;
    let written = span.source.text.get(span.bytes.clone())?;
    let bytes = match written.find(text.as_str()) {
        Some(offset) => {
            let start = span.bytes.start + offset;
            start + range.start..start + range.end
        }
        None => span.bytes.clone(),
    };
    Some(Span { source: span.source.clone(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, &'static str> {
        let lookup = |name: &str| (name == "HOST").then(|| "db.internal".to_owned());
        expand_variables(&Text::from(text), &lookup).map_err(|d| d.code)
    }

    #[test]
    fn expands_variables_and_nothing_else() {
        assert_eq!(
            expand("postgres://${HOST}:5432/x${HOST}").as_deref(),
            Ok("postgres://db.internal:5432/xdb.internal")
        );
        assert_eq!(expand("p$w$HOST$").as_deref(), Ok("p$w$HOST$"));
        assert_eq!(expand("a$${HOST}").as_deref(), Ok("a${HOST}"));
        assert_eq!(expand("${NOBODY}"), Err("plan.missing_variable"));
        assert_eq!(expand("${HOST"), Err("plan.invalid_variable"));
        assert_eq!(expand("${HOST:-x}"), Err("plan.invalid_variable"));
        assert_eq!(expand("${}"), Err("plan.invalid_variable"));
    }

    #[test]
    fn reads_a_project() {
        let text = "plans: plans\nschema: app\nbackfill: {workers: 2}\nenvironments:\n  production: {url: \"${URL}\"}\n  test:\n\
            standbys: [{name: standby1, url: \"postgres://replica/app\"}]\n";
        let source = Arc::new(Source { name: "segue.yaml".into(), text: text.into() });
        let (project, diagnostics) = parse_project(source);
        assert_eq!(diagnostics, Diagnostics::default());
        let project = project.expect("it is right");
        assert_eq!(project.plans.map(|plans| plans.value).as_deref(), Some("plans"));
        assert_eq!(project.standbys[0].name.as_str(), "standby1");
        assert_eq!(project.standbys[0].url.as_str(), "postgres://replica/app");
        assert_eq!(project.settings.workers.map(|workers| workers.value), Some(2));
        assert_eq!(project.environments.keys().collect::<Vec<_>>(), ["production", "test"]);
        let url = project.environments["production"].url.clone().expect("it is given");
        assert_eq!(url.as_str(), "${URL}");
        let missing = expand_variables(&url, &|_| None).expect_err("nothing is set");
        assert_eq!(missing.span.map(|span| span.line_column()), Some((5, 22)));
    }

    #[test]
    fn an_empty_project_is_one_and_a_wrong_one_is_not() {
        let parse =
            |text: &str| parse_project(Arc::new(Source { name: "segue.yaml".into(), text: text.into() }));
        assert_eq!(parse("# nothing yet\n"), (Some(Project::default()), Diagnostics::default()));
        for (text, code) in [
            ("operations: []", "plan.unknown_key"),
            ("- a", "plan.wrong_type"),
            ("environments: [a]", "plan.wrong_type"),
            ("environments: {a: {uri: x}}", "plan.unknown_key"),
            ("schema: [", "plan.syntax"),
            ("standbys: [{name: a}]", "plan.missing_field"),
            ("standbys: [{name: a, url: x}, {name: a, url: y}]", "plan.duplicate_name"),
        ] {
            let (project, diagnostics) = parse(text);
            assert_eq!((project, diagnostics.0[0].code), (None, code), "{text}");
        }
    }
}
