//! Owns the types of `alter_enum`: the new one stands in the new version's schema, under the old one's name, until the
//! contract exchanges the two. Must not decide which columns are of it.
//!
//! So an application of either version that writes the type's name means its own; and the schema is there before its views.

use super::draft::{Draft, DraftTable};
use super::expr::{ExpressionError, Retype, names_type};
use super::program::{Action, CheckKind, Cost, ExpressionCheck, Phase, Step, Undo};
use super::{assemble, views};
use crate::catalog::{Catalog, EnumType};
use crate::diagnostic::Span;
use crate::ident::{Ident, QualifiedName, literal};
use crate::plan::alter_enum::{AddValue, Place};
use std::collections::{BTreeMap, BTreeSet};

pub struct DraftEnum<'a> {
    pub name: Ident,
    pub source: &'a EnumType,
    /// The new version's values.
    pub labels: Vec<String>,
    /// Which of them stands for each old value.
    pub up: BTreeMap<String, String>,
    /// Which old value stands for each of them.
    pub down: BTreeMap<String, String>,
    /// Old values that are no more.
    pub removed: BTreeSet<String>,
    pub added: Vec<AddValue>,
    /// Values come at the contract, and no column has a new form.
    pub late: bool,
    pub span: Option<Span>,
    pub what: String,
}

impl DraftEnum<'_> {
    /// Whether this is the type's name, or an array's of it, as the catalog or a plan has it.
    pub fn is(&self, catalog: &Catalog, type_name: &str) -> Option<bool> {
        // Most types have a name of their own; to read one costs a parser.
        let mentioned =
            type_name.to_lowercase().contains(&self.name.as_str().to_lowercase().replace('"', "\"\""));
        mentioned.then(|| names_type(type_name, catalog.schema.as_str(), self.name.as_str())).flatten()
    }

    /// The type of a schema as SQL.
    pub fn type_name(&self, schema: &Ident, array: bool) -> String {
        let name = QualifiedName::new(schema, &self.name);
        if array { format!("{name}[]") } else { name.to_string() }
    }

    pub fn up_of(&self, base: &Ident, version: &Ident, column: &Ident, array: bool) -> String {
        self.mapped(&self.up, (base, &self.source.labels), version, column, array)
    }

    pub fn down_of(&self, base: &Ident, version: &Ident, column: &Ident, array: bool) -> String {
        self.mapped(&self.down, (version, &self.labels), base, column, array)
    }

    /// A value of one schema's type as the other's.
    fn mapped(
        &self,
        map: &BTreeMap<String, String>,
        (from, labels): (&Ident, &[String]),
        to: &Ident,
        column: &Ident,
        array: bool,
    ) -> String {
        let (from, into) = (self.type_name(from, false), self.type_name(to, array));
        if !array {
            let when = |label: &String| {
                format!(" WHEN {}::{from} THEN {}::{into}", literal(label), literal(&map[label]))
            };
            return format!("CASE {column}{} END", labels.iter().map(when).collect::<String>());
        }
        // Through text, so that bounds and dimensions stay. No value is as long as what stands for it in between.
        let other: Vec<(&String, &String)> = map.iter().filter(|(from, to)| from != to).collect();
        let between = |number: usize| literal(&format!("{number:_>64}"));
        let replaced =
            |sql: String, from: &str, to: &str| format!("pg_catalog.array_replace({sql}, {from}, {to})");
        let mut sql = format!("CAST({column} AS pg_catalog.text[])");
        for (number, (from, _)) in other.iter().enumerate() {
            sql = replaced(sql, &literal(from), &between(number));
        }
        for (number, (_, to)) in other.iter().enumerate() {
            sql = replaced(sql, &between(number), &literal(to));
        }
        format!("CAST({sql} AS {into})")
    }
}

impl Draft<'_> {
    /// An expression of the catalog with the values and the names of the types that have a new form. `removed`: a value
    /// that is no more is what stands for it, and not a fault.
    pub fn retyped(&self, text: &str, removed: bool) -> Result<String, ExpressionError> {
        let mut sql = text.to_owned();
        for made in self.enums.iter().filter(|made| !made.late) {
            let value = |label: &str| {
                made.up.get(label).filter(|_| removed || !made.removed.contains(label)).cloned()
            };
            let retype = Retype {
                schema: self.catalog.schema.as_str(),
                name: made.name.as_str(),
                to: made.type_name(&self.version_schema, false),
                value: &value,
                keeps_values: made.up.iter().all(|(from, to)| from == to),
            };
            sql = retype.apply(&sql)?;
        }
        Ok(sql)
    }
}

/// Reports what stands on a type and does not change with it.
pub fn check(draft: &mut Draft<'_>) {
    gone_too_late(draft);
    let replaced = draft.replaced_labels();
    let mut faults = Vec::new();
    for made in draft.enums.iter().filter(|made| !made.late) {
        let against: Vec<&str> = made
            .source
            .used_by
            .iter()
            .filter(|object| !replaced.contains(object))
            .map(String::as_str)
            .collect();
        if !against.is_empty() {
            let message =
                format!("{}: what depends on the type would break: {}", made.what, against.join(", "));
            let help = "the new type cannot take these with it: drop them before with an `sql` plan and make them again after";
            faults.push(("compile.dependents", message, made.span.clone(), help));
        }
        let gets = |table: &DraftTable<'_>, name: &str, is_old: bool| {
            table.shown.is_some() && !is_old && made.is(draft.catalog, name).is_some()
        };
        for table in &draft.tables {
            for column in table.columns.iter().filter(|column| column.new.is_some()) {
                let is_old = column.source.is_some() && !column.type_changed && !column.retyped;
                if gets(table, &column.type_name, is_old) {
                    let message = format!(
                        "{}: an operation of this plan gives `{}.{}` that type",
                        made.what,
                        table.logical().as_str(),
                        column.name.as_str()
                    );
                    faults.push((
                        "compile.two_forms",
                        message,
                        made.span.clone(),
                        "do it in a plan of its own",
                    ));
                }
            }
        }
    }
    for (code, message, span, help) in faults {
        draft.error_help(code, message, &span, help);
    }
}

/// Reports a table that goes after views and functions are made anew, and with them the old types have to go.
fn gone_too_late(draft: &mut Draft<'_>) {
    if draft.objects.is_empty() {
        return;
    }
    let exchanged = || draft.enums.iter().filter(|made| !made.late);
    let has = |table: &DraftTable<'_>| {
        let gone = table.source.filter(|_| table.shown.is_none());
        gone.into_iter()
            .flat_map(|source| &source.columns)
            .any(|column| exchanged().any(|made| made.is(draft.catalog, &column.type_name).is_some()))
    };
    if draft.tables.iter().any(has) {
        let span = exchanged().next().and_then(|made| made.span.clone());
        let message =
            "a table that has the type is dropped, and views or functions are replaced, which may use it";
        draft.error_help("compile.dependents", message, &span, "drop the table in a plan of its own");
    }
}

/// The types that stand in the version schema until the contract.
pub fn in_version(draft: &Draft<'_>) -> Vec<Ident> {
    draft.enums.iter().filter(|made| !made.late).map(|made| made.name.clone()).collect()
}

/// The types that the role must own.
pub fn changed(draft: &Draft<'_>) -> Vec<QualifiedName> {
    draft.enums.iter().map(|made| QualifiedName::new(&draft.catalog.schema, &made.name)).collect()
}

/// The schema and the new types in it.
fn creation(draft: &Draft<'_>) -> Vec<String> {
    let schema = &draft.version_schema;
    let mut sql = views::early_schema(draft.catalog, schema);
    for made in draft.enums.iter().filter(|made| !made.late) {
        let name = QualifiedName::new(schema, &made.name);
        let labels: Vec<String> = made.labels.iter().map(|label| literal(label)).collect();
        sql.push(format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", ")));
        if let Some(comment) = &made.source.comment {
            sql.push(format!("COMMENT ON TYPE {name} IS {}", literal(comment)));
        }
        if !made.source.grants.iter().any(|grant| grant.grantee.as_str().is_empty()) {
            sql.push(format!("REVOKE USAGE ON TYPE {name} FROM PUBLIC"));
        }
        // What everybody has by default needs no word.
        let own =
            made.source.grants.iter().filter(|grant| !grant.grantee.as_str().is_empty() || grant.grantable);
        sql.extend(own.map(|grant| views::grant_statement(&grant.privilege, &format!("TYPE {name}"), grant)));
        let change = format!("ALTER TYPE {name} OWNER TO {}", made.source.owner);
        sql.push(views::own_in(draft.catalog, schema, &made.source.owner, &change));
    }
    sql
}

/// The new types, before anything is of them.
pub fn make(draft: &Draft<'_>) -> Option<Step> {
    let names = in_version(draft);
    if names.is_empty() {
        return None;
    }
    let schema = &draft.version_schema;
    let shown: Vec<&str> = names.iter().map(Ident::as_str).collect();
    let types: Vec<String> = names.iter().map(|name| QualifiedName::new(schema, name).to_string()).collect();
    let undo =
        vec![format!("DROP TYPE IF EXISTS {}", types.join(", ")), format!("DROP SCHEMA IF EXISTS {schema}")];
    Some(assemble::step(
        format!("make type {}", shown.join(", ")),
        Phase::Expand,
        Action::Ddl { statements: creation(draft) },
        Vec::new(),
        Cost::Catalog,
        Undo::Ddl { statements: undo, locks: Vec::new() },
    ))
}

/// The old types go and the new ones take their place. By then no column is of an old one.
pub fn exchange(draft: &Draft<'_>) -> Vec<String> {
    let exchange = |name: Ident| {
        let (old, new) = (
            QualifiedName::new(&draft.catalog.schema, &name),
            QualifiedName::new(&draft.version_schema, &name),
        );
        [format!("DROP TYPE {old}"), format!("ALTER TYPE {new} SET SCHEMA {}", draft.catalog.schema)]
    };
    in_version(draft).into_iter().flat_map(exchange).collect()
}

/// [`exchange`] as a step of its own.
pub fn exchanged(draft: &Draft<'_>) -> Option<Step> {
    let names = in_version(draft);
    let shown: Vec<&str> = names.iter().map(Ident::as_str).collect();
    let title = format!("exchange type {}", shown.join(", "));
    (!names.is_empty()).then(|| contract(title, exchange(draft)))
}

/// Values that come at the contract.
pub fn added(draft: &Draft<'_>) -> Vec<Step> {
    let late = draft.enums.iter().filter(|made| made.late);
    late.map(|made| contract(format!("add values to type {}", made.name.as_str()), additions(draft, made)))
        .collect()
}

fn additions(draft: &Draft<'_>, made: &DraftEnum<'_>) -> Vec<String> {
    let name = QualifiedName::new(&draft.catalog.schema, &made.name);
    let add = |add: &AddValue| {
        let place = match &add.place {
            None => String::new(),
            Some(Place::Before(beside)) => format!(" BEFORE {}", literal(beside.as_str())),
            Some(Place::After(beside)) => format!(" AFTER {}", literal(beside.as_str())),
        };
        format!("ALTER TYPE {name} ADD VALUE {}{place}", literal(add.value.as_str()))
    };
    made.added.iter().map(add).collect()
}

fn contract(title: String, statements: Vec<String>) -> Step {
    let action = Action::Ddl { statements };
    assemble::step(title, Phase::Contract, action, Vec::new(), Cost::Catalog, Undo::Nothing)
}

/// The types, made for a moment, before what is of them; and whether the old ones may be changed.
pub fn checks(draft: &Draft<'_>) -> Vec<ExpressionCheck> {
    let check = |what: String, name: &Ident, sql: String, span: &Option<Span>| ExpressionCheck {
        kind: CheckKind::Statement,
        what,
        table: QualifiedName::new(&draft.catalog.schema, name),
        expression: sql,
        assigned_to: String::new(),
        extra_columns: Vec::new(),
        position: span.as_ref().map(|span| (span.bytes.start, span.bytes.end)),
    };
    let mut checks = Vec::new();
    if let Some(first) = draft.enums.iter().find(|made| !made.late) {
        checks.push(check(first.what.clone(), &first.name, creation(draft).join("; "), &first.span));
    }
    for made in &draft.enums {
        let name = QualifiedName::new(&draft.catalog.schema, &made.name);
        let sql = match made.late {
            true => additions(draft, made).join("; "),
            // Only an owner may.
            false => {
                let comment = made.source.comment.as_ref().map_or("NULL".to_owned(), |text| literal(text));
                format!("COMMENT ON TYPE {name} IS {comment}")
            }
        };
        checks.push(check(made.what.clone(), &made.name, sql, &made.span));
    }
    checks
}
