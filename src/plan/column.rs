//! Owns a column's definition as `create_table` and `add_column` share it. Must not know a catalog.

use super::Text;
use super::decode::{Context, Fields};
use super::node::Node;
use crate::diagnostic::{Diagnostic, Span};
use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    pub name: Text,
    pub type_name: Text,
    /// Absent in the file is `false`, as in pgroll.
    pub nullable: bool,
    pub unique: bool,
    pub pk: bool,
    pub default: Option<Text>,
    pub comment: Option<Text>,
    pub check: Option<Check>,
    pub references: Option<References>,
    pub generated: Option<Generated>,
    pub span: Option<Span>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub name: Text,
    pub constraint: Text,
    pub no_inherit: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct References {
    pub name: Text,
    pub table: Text,
    pub column: Text,
    /// Upper case, checked against the list of actions; default `NO ACTION`.
    pub on_delete: String,
    pub on_update: String,
    /// `SIMPLE` or `FULL`.
    pub match_type: String,
    pub deferrable: bool,
    pub initially_deferred: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Generated {
    Expression(Text),
    Identity(IdentityDef),
}

#[derive(Clone, Debug, PartialEq)]
pub struct IdentityDef {
    /// GENERATED ALWAYS where true, BY DEFAULT where false.
    pub always: bool,
    pub sequence_options: Option<Text>,
}

impl ColumnDef {
    pub(crate) fn decode(
        cx: &Context,
        node: &Node,
        what: &str,
        at: Option<&Range<usize>>,
    ) -> Option<ColumnDef> {
        let mut f = Fields::of(cx, node, what, at)?;
        let name = f.required_name("name");
        let type_name = f.required_filled("type");
        let nullable = f.flag("nullable");
        let unique = f.flag("unique");
        let pk = f.flag("pk");
        let default = f.default_expression().flatten();
        let comment = f.optional_text("comment");
        let check = f.keyed("check").and_then(|(at, node)| Check::decode(cx, node, at));
        let references = f.keyed("references").and_then(|(at, node)| References::decode(cx, node, at));
        let generated = f.keyed("generated").and_then(|(at, node)| Generated::decode(cx, node, at));
        if let (Some(default), Some(_)) = (&default, &generated) {
            cx.report(
                Diagnostic::error("plan.invalid_value", "a generated column cannot have a default")
                    .at(default.span.clone())
                    .help("remove `default` or `generated`"),
            );
        }
        let span = Some(cx.span(&f.at));
        f.finish();
        Some(ColumnDef {
            name: name?,
            type_name: type_name?,
            nullable,
            unique,
            pk,
            default,
            comment,
            check,
            references,
            generated,
            span,
        })
    }
}

impl Fields<'_> {
    /// `default`: absent, `null`, or an SQL expression. An empty text is neither.
    pub(crate) fn default_expression(&mut self) -> Option<Option<Text>> {
        let (_, node) = self.keyed("default")?;
        if node.is_null() {
            return Some(None);
        }
        let text = self.cx.text(node, &self.named("default"))?;
        if text.value.trim().is_empty() {
            self.cx.report(
                Diagnostic::error("plan.invalid_value", format!("{} is empty", self.named("default")))
                    .at(text.span)
                    .help("it is an SQL expression: the empty string is written `default: \"''\"`"),
            );
            return None;
        }
        Some(Some(text))
    }

    /// A foreign key's action, upper case; default `NO ACTION`.
    pub(crate) fn action(&mut self, key: &'static str) -> String {
        const ACTIONS: [&str; 5] = ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"];
        self.one_of(key, &ACTIONS).map_or("NO ACTION", |found| found.value).to_owned()
    }

    pub(crate) fn match_type(&mut self) -> String {
        let found = self.one_of("match_type", &["SIMPLE", "FULL", "PARTIAL"]);
        if let Some(found) = &found
            && found.value == "PARTIAL"
        {
            self.cx.report(
                Diagnostic::error("plan.invalid_value", "PostgreSQL has not implemented MATCH PARTIAL")
                    .at(found.span.clone())
                    .help("use `SIMPLE` or `FULL`"),
            );
        }
        found.map_or("SIMPLE", |found| found.value).to_owned()
    }
}

impl Check {
    /// `None` for null, which is as if absent, and for what is wrong.
    pub(crate) fn decode(cx: &Context, node: &Node, at: &Range<usize>) -> Option<Check> {
        if node.is_null() {
            return None;
        }
        let mut f = Fields::of(cx, node, "`check`", Some(at))?;
        let name = f.required_name("name");
        let constraint = f.required_filled("constraint");
        let no_inherit = f.flag("no_inherit");
        f.finish();
        Some(Check { name: name?, constraint: constraint?, no_inherit })
    }
}

impl References {
    pub(crate) fn decode(cx: &Context, node: &Node, at: &Range<usize>) -> Option<References> {
        if node.is_null() {
            return None;
        }
        let mut f = Fields::of(cx, node, "`references`", Some(at))?;
        let name = f.required_name("name");
        let table = f.required_name("table");
        let column = f.required_name("column");
        let on_delete = f.action("on_delete");
        let on_update = f.action("on_update");
        let match_type = f.match_type();
        let deferrable = f.flag("deferrable");
        let initially_deferred = f.flag("initially_deferred");
        f.finish();
        Some(References {
            name: name?,
            table: table?,
            column: column?,
            on_delete,
            on_update,
            match_type,
            deferrable,
            initially_deferred,
        })
    }
}

impl Generated {
    fn decode(cx: &Context, node: &Node, at: &Range<usize>) -> Option<Generated> {
        if node.is_null() {
            return None;
        }
        let mut f = Fields::of(cx, node, "`generated`", Some(at))?;
        let expression = f.optional_filled("expression");
        let identity = f.keyed("identity").filter(|(_, node)| !node.is_null());
        f.finish();
        match (expression, identity) {
            (Some(_), Some((at, _))) => {
                cx.error("plan.invalid_value", at, "`generated` takes `expression` or `identity`, not both");
                None
            }
            (Some(expression), None) => Some(Generated::Expression(expression)),
            (None, Some((at, node))) => IdentityDef::decode(cx, node, at).map(Generated::Identity),
            (None, None) => {
                cx.error("plan.missing_field", at, "`generated` needs `expression` or `identity`");
                None
            }
        }
    }
}

impl IdentityDef {
    fn decode(cx: &Context, node: &Node, at: &Range<usize>) -> Option<IdentityDef> {
        let mut f = Fields::of(cx, node, "`identity`", Some(at))?;
        // pgroll's schema says ALWAYS is the default, though its code then writes invalid SQL.
        let values = f.one_of("user_specified_values", &["ALWAYS", "BY DEFAULT"]);
        let sequence_options = f.optional_filled("sequence_options");
        f.finish();
        Some(IdentityDef { always: values.is_none_or(|found| found.value == "ALWAYS"), sequence_options })
    }
}
