//! Owns how a plan's names and expressions are found in the draft, with the nearest name where they are not.
//! Must not change the draft but for its diagnostics.

use super::draft::{Bound, Draft};
use super::expr::{self, Expression, ExpressionError, Scope};
use super::names;
use crate::catalog::{ConstraintKind, Table, TableKind};
use crate::diagnostic::{Span, nearest};
use crate::ident::{Ident, QualifiedName};
use crate::plan::Text;
use std::collections::BTreeSet;
use std::sync::Arc;

/// More names than this are no help.
const FEW_NAMES: usize = 12;

/// Relations of the schema as a subquery of a user's expression sees them: by physical name.
pub struct Relations<'d, 'a>(&'d Draft<'a>);

impl Scope for Relations<'_, '_> {
    fn relation_columns(&self, schema: Option<&str>, name: &str) -> Option<Vec<Ident>> {
        let draft = self.0;
        if schema.is_some_and(|schema| schema != draft.catalog.schema.as_str()) {
            return None;
        }
        let name = Ident::new(name);
        if let Some(table) = draft.catalog.tables.get(&name) {
            return Some(table.columns.iter().map(|column| column.name.clone()).collect());
        }
        if let Some(table) = draft.tables.iter().find(|t| t.source.is_none() && t.physical == name) {
            return Some(table.columns.iter().filter_map(|column| column.new.clone()).collect());
        }
        draft.catalog.views.get(&name).map(|view| view.columns.clone())
    }
}

/// Where a foreign key points.
pub struct Target {
    pub table: usize,
    pub columns: Vec<usize>,
    pub name: QualifiedName,
    pub physical: Vec<Ident>,
}

impl<'a> Draft<'a> {
    pub fn scope(&self) -> Relations<'_, 'a> {
        Relations(self)
    }

    /// A table of the new version by its name there.
    pub fn table(&mut self, name: &Text) -> Option<usize> {
        let ident = Ident::new(name.as_str());
        if let Some(found) = self.tables.iter().position(|table| table.shown.as_ref() == Some(&ident)) {
            return Some(found);
        }
        let schema = self.catalog.schema.as_str().to_owned();
        let (message, help) = if self.catalog.views.contains_key(&ident) {
            (format!("`{}` is a view, not a table", ident.as_str()), None)
        } else if let Some(table) = self.tables.iter().find(|table| table.physical == ident) {
            match &table.shown {
                Some(shown) => (
                    format!("this plan renames table `{}` before", ident.as_str()),
                    Some(format!("operations see what those before them leave: write `{}`", shown.as_str())),
                ),
                None => (format!("this plan drops table `{}` before", ident.as_str()), None),
            }
        } else {
            let shown = self.tables.iter().filter_map(|table| table.shown.as_ref().map(Ident::as_str));
            let near = nearest(ident.as_str(), shown).map(|near| format!("did you mean `{near}`?"));
            (format!("there is no table `{}` in schema `{schema}`", ident.as_str()), near)
        };
        match help {
            Some(help) => self.error_help("compile.table_missing", message, &name.span, help),
            None => self.error("compile.table_missing", message, &name.span),
        }
        None
    }

    /// A table whose shape a plan may change. `verb` completes "Segue cannot …".
    pub fn changeable(&mut self, name: &Text, verb: &str) -> Option<usize> {
        let table = self.table(name)?;
        let Some(source) = self.tables[table].source else { return Some(table) };
        match unchangeable(source) {
            None => Some(table),
            Some((why, help)) => {
                let message = format!("cannot {verb} `{}`: {why}", source.name.as_str());
                self.error_help("compile.table_kind", message, &name.span, help);
                None
            }
        }
    }

    /// A column of the new version by its name there.
    pub fn column(&mut self, table: usize, name: &Text) -> Option<usize> {
        let ident = Ident::new(name.as_str());
        let draft = &self.tables[table];
        if let Some(found) = draft.column(&ident) {
            return Some(found);
        }
        let shown = draft.columns.iter().filter(|c| c.new.is_some()).map(|c| c.name.as_str());
        let help = if let Some(gone) = draft.column_of(&ident) {
            Some(match gone.new {
                Some(_) => format!("this plan renames it to `{}` before", gone.name.as_str()),
                None => "this plan drops it before".to_owned(),
            })
        } else {
            match meant(ident.as_str(), shown) {
                Meant::One(help) | Meant::OneOf(help) => Some(help),
                Meant::Unknown => None,
            }
        };
        let message = format!("table `{}` has no column `{}`", draft.logical().as_str(), ident.as_str());
        match help {
            Some(help) => self.error_help("compile.column_missing", message, &name.span, help),
            None => self.error("compile.column_missing", message, &name.span),
        }
        None
    }

    /// Whether a relation may be made under this name at once. Reports why not.
    pub fn relation_name(&mut self, name: &Text, kind: &str) -> Option<Ident> {
        let ident = Ident::new(name.as_str());
        if let Some(fault) = names::name_fault(&ident) {
            self.error("compile.name", format!("{kind} name: {fault}"), &name.span);
            return None;
        }
        if let Some(table) = self.tables.iter().find(|table| table.physical == ident) {
            let shown = ident.as_str().to_owned();
            if table.source.is_some() && table.shown.as_ref() != Some(&ident) {
                let did = if table.shown.is_some() { "renames" } else { "drops" };
                self.error_help(
                    "compile.name_taken",
                    format!(
                        "this plan {did} table `{shown}`, but the old version needs it until the contract"
                    ),
                    &name.span,
                    "the name is free once this plan is completed: use it in the next one",
                );
            } else {
                self.error("compile.name_taken", format!("table `{shown}` already exists"), &name.span);
            }
            return None;
        }
        if self.names.is_taken(&ident) || self.tables.iter().any(|t| t.shown.as_ref() == Some(&ident)) {
            let is = if self.catalog.views.contains_key(&ident) {
                "a view"
            } else if self.catalog.sequences.contains_key(&ident) {
                "a sequence"
            } else if self.catalog.types.contains_key(&ident) {
                "a type"
            } else if self.tables.iter().any(|t| t.shown.as_ref() == Some(&ident)) {
                "a table of the new version"
            } else {
                "an index"
            };
            self.error(
                "compile.name_taken",
                format!("`{}` is the name of {is} already", ident.as_str()),
                &name.span,
            );
            return None;
        }
        Some(ident)
    }

    /// Whether a column may get this name. Reports why not.
    pub fn column_name(&mut self, table: usize, name: &Text) -> Option<Ident> {
        let ident = Ident::new(name.as_str());
        if let Some(fault) = names::column_fault(&ident) {
            self.error("compile.name", format!("column name: {fault}"), &name.span);
            return None;
        }
        if self.tables[table].column(&ident).is_some() {
            let message = format!(
                "table `{}` has a column `{}` already",
                self.tables[table].logical().as_str(),
                ident.as_str()
            );
            self.error("compile.column_exists", message, &name.span);
            return None;
        }
        Some(ident)
    }

    /// Whether a constraint may get this name. Reports why not.
    pub fn constraint_name(&mut self, table: usize, name: &Text) -> Option<Ident> {
        let ident = Ident::new(name.as_str());
        if let Some(fault) = names::name_fault(&ident) {
            self.error("compile.name", format!("constraint name: {fault}"), &name.span);
            return None;
        }
        if self.tables[table].has_constraint(&ident) {
            let message = format!(
                "table `{}` has a constraint `{}` already",
                self.tables[table].logical().as_str(),
                ident.as_str()
            );
            self.error("compile.constraint_exists", message, &name.span);
            return None;
        }
        Some(ident)
    }

    /// A user's expression with the columns it means. Reports what is wrong with it.
    pub fn bind(&mut self, text: &Text, table: usize, what: &str) -> Option<Bound> {
        let expression = match Expression::parse(text.as_str(), self.tables[table].logical(), &self.scope()) {
            Ok(expression) => expression,
            Err(error) => {
                self.expression_error(what, text, &error);
                return None;
            }
        };
        let mut bound = Bound { expression: Arc::new(expression), columns: Default::default() };
        let mut complete = true;
        for name in bound.expression.references() {
            let draft = &self.tables[table];
            let alias = self.alias.as_ref().filter(|(of, _, alias)| *of == table && *alias == name);
            if let Some(column) = draft.column(&name).or(alias.map(|(_, column, _)| *column)) {
                bound.columns.insert(name, (column, draft.columns[column].changes.len()));
                continue;
            }
            complete = false;
            let known = draft.columns.iter().filter(|c| c.new.is_some()).map(|c| c.name.as_str());
            let meant = meant(name.as_str(), known);
            let message = format!(
                "{what} reads `{}`, and table `{}` has no such column",
                name.as_str(),
                draft.logical().as_str()
            );
            let span = name_within(text, &name);
            self.error_help(
                "compile.expression_column",
                message,
                &span,
                match meant {
                    Meant::One(near) => near,
                    Meant::OneOf(names) => format!("{names}; strings are quoted with '"),
                    Meant::Unknown => "strings are quoted with ', names of columns with \"".to_owned(),
                },
            );
        }
        complete.then_some(bound)
    }

    /// An `up` or `down`. One that reads other rows is told: what changes there later is not carried along.
    pub fn bind_value(&mut self, text: &Text, table: usize, what: &str) -> Option<Bound> {
        let bound = self.bind(text, table, what)?;
        if bound.expression.reads_others() {
            let message = format!("{what} reads other rows than the one it is for");
            let help = "a value is computed when its row is filled or written; what changes in those others later does not change it";
            self.warn("compile.reads_others", message, &text.span, help);
        }
        Some(bound)
    }

    /// An expression that reads no column, such as a default, as SQL in parentheses; and whether it is constant.
    pub fn free_expression(&mut self, text: &Text, what: &str) -> Option<(String, bool)> {
        let expression = match expr::parse_default(text.as_str()) {
            Ok(expression) => expression,
            Err(error) => {
                self.expression_error(what, text, &error);
                return None;
            }
        };
        Some((expression.substitute(&mut Ident::to_string), expression.is_constant()))
    }

    #[track_caller]
    pub fn expression_error(&mut self, what: &str, text: &Text, error: &ExpressionError) {
        let message = format!("{what} is not a PostgreSQL expression: {}", error.message);
        let span = within(text, error.offset);
        self.error("compile.expression", message, &span);
    }

    /// Whether a type's name is one. Reports why not.
    pub fn check_type(&mut self, text: &Text) -> bool {
        match expr::parse_type(text.as_str()) {
            Ok(()) => true,
            Err(error) => {
                let message = format!("`{}` is not a type: {}", text.as_str(), error.message);
                let span = within(text, error.offset);
                self.error("compile.type", message, &span);
                false
            }
        }
    }

    /// Whether a statement with the user's fragments in it is still the one statement it should be.
    pub fn check_statement(&mut self, sql: &str, what: &str, span: &Option<Span>) -> bool {
        let fault = match expr::parse_statements(sql) {
            Ok(statements) if statements.len() == 1 => return true,
            Ok(_) => "it would be more than one statement".to_owned(),
            Err(error) => error.message,
        };
        self.error("compile.statement", format!("{what} does not make a statement: {fault}"), span);
        false
    }

    /// Resolves what a foreign key points at.
    pub fn target(&mut self, table: &Text, columns: &[Text]) -> Option<Target> {
        let found = self.table(table)?;
        if let Some(source) = self.tables[found].source
            && !matches!(source.kind, TableKind::Ordinary | TableKind::Partitioned)
        {
            self.error(
                "compile.table_kind",
                format!("a foreign key cannot point at `{}`", table.as_str()),
                &table.span,
            );
            return None;
        }
        let mut numbers = Vec::new();
        for column in columns {
            numbers.push(self.column(found, column)?);
        }
        let draft = &self.tables[found];
        if let Some(column) =
            numbers.iter().map(|n| &draft.columns[*n]).find(|c| draft.source.is_some() && !c.is_shared())
        {
            let message = format!(
                "a foreign key cannot point at `{}`.`{}`: this plan gives that column a new form, which takes its place at the contract",
                draft.logical().as_str(),
                column.name.as_str()
            );
            self.error_help(
                "compile.reference_changed",
                message,
                &table.span,
                "add the foreign key in a later plan",
            );
            return None;
        }
        let physical: Vec<Ident> =
            numbers.iter().map(|n| draft.columns[*n].new.clone().expect("found among those shown")).collect();
        if let Some(source) = draft.source
            && !is_unique(source, &physical)
        {
            let message = format!(
                "a foreign key to `{}` ({}) needs a primary key or unique constraint on just that there",
                draft.logical().as_str(),
                columns.iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
            );
            self.error("compile.reference_not_unique", message, &table.span);
            return None;
        }
        Some(Target { table: found, columns: numbers, name: self.qualified(found), physical })
    }
}

/// Where a fault lies within a scalar of the file: exact where the scalar stands there as it is.
pub fn within(text: &Text, offset: Option<usize>) -> Option<Span> {
    let span = text.span.clone()?;
    let Some(offset) = offset else { return Some(span) };
    let written = span.source.text.get(span.bytes.clone()).unwrap_or_default();
    match written.find(text.as_str()) {
        Some(start) if offset <= text.as_str().len() => {
            let at = span.bytes.start + start + offset;
            Some(Span { bytes: at..span.bytes.end.max(at), ..span })
        }
        _ => Some(span),
    }
}

/// Where a name stands in a scalar of the file.
fn name_within(text: &Text, name: &Ident) -> Option<Span> {
    let offset = text.as_str().find(name.as_str());
    let mut span = within(text, offset)?;
    if offset.is_some() {
        span.bytes.end = span.bytes.end.min(span.bytes.start + name.as_str().len());
    }
    Some(span)
}

fn is_unique(table: &Table, columns: &[Ident]) -> bool {
    let wanted: BTreeSet<&Ident> = columns.iter().collect();
    let keys = table
        .constraints
        .iter()
        .filter(|c| matches!(c.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique) && !c.deferrable)
        .any(|c| c.columns.iter().collect::<BTreeSet<_>>() == wanted);
    keys || table.indexes.iter().any(|index| {
        index.unique
            && index.valid
            && index.predicate.is_none()
            && index.constraint.is_none()
            && index.keys.iter().map(|key| key.column.as_ref()).collect::<Option<BTreeSet<_>>>().as_ref()
                == Some(&wanted)
    })
}

/// Why a table's shape cannot be changed, and what to do.
fn unchangeable(table: &Table) -> Option<(String, &'static str)> {
    match table.kind {
        TableKind::Foreign => {
            return Some(("it is a foreign table".into(), "change it with an `sql` operation"));
        }
        TableKind::MaterializedView => {
            return Some(("it is a materialised view".into(), "replace it with an `sql` operation"));
        }
        TableKind::Ordinary | TableKind::Partitioned => {}
    }
    if table.persistence == 't' {
        return Some(("it is a temporary table".into(), "only its own session sees it"));
    }
    if let Some((parent, _)) = &table.partition_of {
        let why = format!("it is a partition of `{}`", parent.as_str());
        return Some((why, "change the partitioned table; its partitions follow"));
    }
    if let Some(parent) = table.inherits.first() {
        let why = format!("it inherits from `{}`", parent.as_str());
        return Some((why, "tables with inheritance are not supported: change it with an `sql` operation"));
    }
    if let Some(child) = table.inherited_by.first() {
        let why = format!("`{}` inherits from it", child.as_str());
        return Some((why, "tables with inheritance are not supported: change it with an `sql` operation"));
    }
    None
}

/// What a name that is not there was meant to be, as help.
enum Meant {
    One(String),
    /// All that there are, if they are few.
    OneOf(String),
    Unknown,
}

fn meant<'n>(given: &str, known: impl Iterator<Item = &'n str>) -> Meant {
    let known: Vec<&str> = known.collect();
    match nearest(given, known.iter().copied()) {
        Some(near) => Meant::One(format!("did you mean `{near}`?")),
        None if known.is_empty() || known.len() > FEW_NAMES => Meant::Unknown,
        None => Meant::OneOf(format!("it has {}", known.join(", "))),
    }
}
