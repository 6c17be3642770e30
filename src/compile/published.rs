//! Owns publications that name a column which gets a new form: they are told of it when that has its last name.
//! Must not decide what is refused (`hazard`) nor order steps.

use super::beside::Beside;
use super::draft::{Draft, DraftColumn};
use super::hazard::reads;
use super::program::{CheckKind, ExpressionCheck};
use super::shape::Shape;
use crate::catalog::Publication;
use crate::ident::{Ident, list, literal};
use std::collections::BTreeSet;

/// As ALTER COLUMN … TYPE has it: what a row filter reads keeps its type.
fn carried<'d>(draft: &'d Draft<'_>, number: usize) -> impl Iterator<Item = &'d Publication> {
    let table = &draft.tables[number];
    let publications =
        table.source.filter(|_| table.shown.is_some()).into_iter().flat_map(|source| &source.publications);
    publications.filter(move |publication| {
        let listed = |column: &DraftColumn<'_>| {
            let old = column.old();
            publication.columns.iter().flatten().any(|name| old == Some(name))
        };
        let filtered = |column: &DraftColumn<'_>| {
            let filter = publication.row_filter.as_deref().zip(table.source);
            filter.is_some_and(|(filter, source)| column.old().is_some_and(|old| reads(filter, source, old)))
        };
        let stays = |column: &DraftColumn<'_>| column.new.is_some();
        let reads_alike =
            |column: &DraftColumn<'_>| column.old() == Some(&column.name) && !column.type_changed;
        let mut columns = table.columns.iter();
        columns.clone().any(|column| column.is_replaced() && (listed(column) || filtered(column)))
            && columns.all(|c| (!listed(c) || stays(c)) && (!filtered(c) || stays(c) && reads_alike(c)))
    })
}

/// By the names `hazard` has for them.
pub fn labels(draft: &Draft<'_>, number: usize) -> BTreeSet<String> {
    carried(draft, number)
        .flat_map(|p| [format!("publication {}", p.name.as_str()), format!("publication {}", p.name)])
        .collect()
}

pub fn beside(draft: &Draft<'_>, number: usize, beside: &mut Beside) {
    let table = draft.qualified(number);
    let called = |old: &Ident| draft.tables[number].column_of(old).map_or(old, |column| &column.name).clone();
    for publication in carried(draft, number) {
        let name = &publication.name;
        beside.drops.push(format!("ALTER PUBLICATION {name} DROP TABLE {table}"));
        let columns = publication.columns.as_ref().map(|columns| columns.iter().map(called).collect());
        let columns = columns.map(|columns: Vec<Ident>| format!(" ({})", list(&columns))).unwrap_or_default();
        let filter = publication.row_filter.as_ref().map(|filter| format!(" WHERE ({filter})"));
        let filter = filter.unwrap_or_default();
        beside.makes.push(format!("ALTER PUBLICATION {name} ADD TABLE {table}{columns}{filter}"));
    }
}

/// Whether this role may change them: at the contract it would be too late to ask.
pub fn checks(draft: &Draft<'_>, shape: &Shape<'_>) -> Vec<ExpressionCheck> {
    let table = &draft.tables[shape.number];
    let span = table.columns.iter().filter(|c| c.is_replaced()).find_map(|column| column.span.as_ref());
    let check = |publication: &Publication| {
        let (name, shown) = (&publication.name, publication.name.as_str());
        let message =
            format!("must be owner of publication {shown}, which is told of the new form at the contract");
        let code = format!(
            "BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = {} AND NOT pg_catalog.pg_has_role(pubowner, 'USAGE')) \
             THEN RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = {}; END IF; END",
            literal(shown),
            literal(&message)
        );
        ExpressionCheck {
            kind: CheckKind::Statement,
            what: format!("publication {shown}"),
            table: crate::ident::QualifiedName::new(&shape.name.schema, name),
            expression: format!("DO {}", literal(&code)),
            assigned_to: String::new(),
            extra_columns: Vec::new(),
            position: span.map(|span| (span.bytes.start, span.bytes.end)),
        }
    };
    carried(draft, shape.number).map(check).collect()
}

/// What a subscriber has to be ready for.
pub fn warn(draft: &mut Draft<'_>, shape: &Shape<'_>) {
    let table = &draft.tables[shape.number];
    let names: Vec<String> = carried(draft, shape.number).map(|p| format!("`{}`", p.name.as_str())).collect();
    let listed = |column: &&DraftColumn<'_>| {
        let old = column.old();
        column.is_replaced()
            && carried(draft, shape.number).any(|p| p.columns.iter().flatten().any(|name| old == Some(name)))
    };
    let columns: Vec<&DraftColumn<'_>> = table.columns.iter().filter(listed).collect();
    let Some(first) = columns.first() else { return };
    let span = first.span.clone();
    let shown: Vec<String> = columns.iter().map(|column| format!("`{}`", column.name.as_str())).collect();
    let types: Vec<String> = columns
        .iter()
        .filter(|column| column.type_changed)
        .map(|column| format!("ALTER COLUMN {} TYPE {}", column.name, column.type_name))
        .collect();
    let message = format!(
        "{} of `{}` is published by name in {}: from the contract on subscribers get the new form's values, of the rows that \
         are written then",
        shown.join(", "),
        shape.source.name.as_str(),
        names.join(", ")
    );
    let help = match types.is_empty() {
        true => {
            "what rows there have that are not written again, they keep: change it there, too, if it matters"
                .to_owned()
        }
        false => format!(
            "each subscriber's column must take both forms before the contract, or be changed then: ALTER TABLE {} {}; what rows \
             there have that are not written again, they keep",
            shape.name,
            types.join(", ")
        ),
    };
    draft.warn("compile.published_column", message, &span, help);
}
