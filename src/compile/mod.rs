//! Owns `compile(plan, catalog)`: a plan and a schema to a program, or diagnostics. Pure.
//! Must not ask a server or a clock; what only the server can tell is left to `Program::checks`.
//!
//! Operations (`op/`) change a draft of the schema one after the other; when all have, `hazard` refuses what cannot
//! be carried over, `shape` sums up each table, and `assemble` and `contract` put the steps in order.

mod addition;
mod assemble;
mod beside;
mod carry;
mod contract;
mod draft;
mod enums;
mod exclusion;
pub mod explain;
pub mod expr;
pub mod firing;
mod followed;
mod hazard;
pub mod lock_order;
mod lookup;
mod mirror;
mod names;
mod objects;
mod op;
mod owned;
mod partitioned;
mod partitioned_key;
mod partitioning;
pub mod program;
mod published;
mod reshape;
mod shape;
pub mod sync;
mod vacuum;
pub mod views;
mod widen;

pub use program::Program;

use crate::catalog::Catalog;
use crate::diagnostic::Diagnostics;
use crate::ident::Ident;
use crate::plan::Plan;
use draft::{Draft, Script};
use objects::Objects;
use partitioning::Partitioning;
use program::{Action, Cost, FORMAT, Phase, Step, Types, Undo};
use shape::{Shape, Versions};

/// The program that carries out `plan` on the schema `catalog`, and all that is to be said about it. There is a
/// program only where there is no error. `previous_version_schema` is the version schema that is live now, `None`
/// where applications use the tables themselves.
pub fn compile(
    plan: &Plan,
    catalog: &Catalog,
    previous_version_schema: Option<&Ident>,
) -> (Option<Program>, Diagnostics) {
    let mut draft = Draft::new(catalog);
    draft.acknowledged = plan.acknowledged.iter().map(|known| known.value).collect();
    let version_schema = version_schema(&mut draft, plan);
    draft.version_schema = version_schema.clone();
    for operation in &plan.operations {
        op::apply(&mut draft, operation);
    }
    if draft.diagnostics.has_errors() {
        return (None, draft.diagnostics);
    }
    op::check_alone(&mut draft, &plan.operations);
    followed::foreign_keys(&mut draft);
    objects::join(&mut draft);
    hazard::check(&mut draft);
    enums::check(&mut draft);
    let objects = objects::objects(&mut draft, &version_schema, previous_version_schema);
    let versions = Versions { new: &version_schema, previous: previous_version_schema };
    let existing: Vec<usize> = (0..draft.tables.len())
        .filter(|number| {
            let table = &draft.tables[*number];
            table.source.is_some() && table.shown.is_some() && table.has_work()
        })
        .collect();
    let shapes: Vec<Shape<'_>> =
        existing.into_iter().map(|number| shape::shape(&mut draft, number, &versions)).collect();
    for shape in &shapes {
        hazard::published(&mut draft, shape);
        published::warn(&mut draft, shape);
    }
    if draft.diagnostics.has_errors() {
        return (None, draft.diagnostics);
    }
    let joined = draft.tables.iter().any(|table| table.under_view);
    if joined
        && objects.as_ref().is_some_and(|o| o.carries)
        && reshape::reshape(&draft, &shapes, &version_schema).is_some()
    {
        let message =
            "views that stand on one of this plan cannot be made again around a change of type in place";
        let mut columns = draft.tables.iter().flat_map(|table| &table.columns);
        let span = columns.find(|column| column.is_shared() && column.retyped).and_then(|c| c.span.clone());
        draft.error_help("compile.dependents", message, &span, "change the type in a plan of its own");
        return (None, draft.diagnostics);
    }
    let mut steps = steps(&draft, &shapes, &versions, objects.as_ref());
    lock_order::apply(&draft, &mut steps);
    let program = Program {
        format: FORMAT,
        plan: plan.name.clone(),
        description: plan.description.clone(),
        schema: catalog.schema.clone(),
        version_schema: version_schema.clone(),
        previous_version_schema: previous_version_schema.cloned(),
        checks: enums::checks(&draft)
            .into_iter()
            .chain(shape::defining_checks(&draft))
            .chain(shapes.iter().flat_map(|shape| shape::checks(&draft, shape)))
            .chain(shapes.iter().flat_map(|shape| published::checks(&draft, shape)))
            .chain(shape::created_checks(&draft))
            .chain(objects.iter().flat_map(|objects| objects.checks.clone()))
            .chain(draft.partitionings.iter().flat_map(|one| one.checks(previous_version_schema)))
            .collect(),
        views: (0..draft.tables.len())
            .flat_map(|number| shape::views(&draft, number))
            .chain(draft.partitionings.iter().flat_map(Partitioning::views))
            .collect(),
        objects: objects.as_ref().map(|objects| objects.publish.clone()).unwrap_or_default(),
        types: Types { in_version: enums::in_version(&draft) },
        owned: owned::owned(&draft, objects.as_ref()),
        steps,
    };
    draft.diagnostics.extend(views::check_names(catalog, &program));
    let program = Some(program).filter(|_| !draft.diagnostics.has_errors());
    (program, draft.diagnostics)
}

/// `<schema>_<version>`, if it can be had.
fn version_schema(draft: &mut Draft<'_>, plan: &Plan) -> Ident {
    let version = plan.version_schema.as_ref().map_or(plan.name.as_str(), |text| text.as_str());
    let span = plan.version_schema.as_ref().and_then(|text| text.span.clone());
    let name = Ident::new(format!("{}_{version}", draft.catalog.schema.as_str()));
    let bytes = name.as_str().len();
    if !name.is_storable() {
        draft.error_help(
            "compile.version_schema",
            format!(
                "the version schema's name `{}` has {bytes} bytes; PostgreSQL keeps at most 63",
                name.as_str()
            ),
            &span,
            "give a shorter `version_schema`",
        );
    } else if draft.catalog.other_schemas.contains(&name) || name == draft.catalog.schema {
        draft.error_help(
            "compile.version_schema",
            format!(
                "there is a schema `{}` already, which is what the new version's would be called",
                name.as_str()
            ),
            &span,
            "give another `version_schema`; drop the schema only if no rollout of `segue history` has made it and nobody uses it",
        );
    }
    name
}

fn steps(
    draft: &Draft<'_>,
    shapes: &[Shape<'_>],
    versions: &Versions<'_>,
    objects: Option<&Objects>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = enums::make(draft).into_iter().collect();
    // Scripts and new tables in the plan's order. What changes a table comes after: its expressions may use what a
    // script defines, and rows that a script writes before are filled like others.
    let mut made = 0;
    for early in draft.scripts.iter().filter(|script| !script.on_complete) {
        steps.extend(assemble::create_tables(draft, made..early.after));
        steps.push(script(early, Phase::Expand));
        made = early.after;
    }
    steps.extend(assemble::create_tables(draft, made..draft.created.statements.len()));
    steps.extend(shapes.iter().filter_map(|shape| assemble::expand(draft, shape)));
    for shape in shapes {
        steps.extend(assemble::backfill(draft, shape));
    }
    steps.extend(assemble::late_foreign_keys(draft, shapes));
    steps.extend(draft.partitionings.iter().map(Partitioning::expand));
    steps.extend(draft.partitionings.iter().flat_map(Partitioning::backfill));
    steps.push(publish(Phase::Backfill, versions.new));
    if let Some(previous) = versions.previous {
        steps.push(assemble::step(
            format!("retire {}", previous.as_str()),
            Phase::Contract,
            Action::Retire { version_schema: previous.clone() },
            Vec::new(),
            Cost::Catalog,
            Undo::Nothing,
        ));
    }
    let (together, alone): (Vec<&Shape<'_>>, Vec<&Shape<'_>>) =
        shapes.iter().partition(|shape| contract::is_joined(draft, shape));
    // A view that reads what changes goes with it, and comes back with it unless a type is still to change.
    let joined = objects.filter(|_| draft.tables.iter().any(|table| table.under_view));
    let reshape = reshape::reshape(draft, shapes, versions.new);
    let before = joined.map_or(&[][..], |objects| objects.before.as_slice());
    let after = joined.filter(|_| reshape.is_none()).map_or(&[][..], |objects| objects.after.as_slice());
    // What the views' text says of a type means the new one.
    let exchanged = if joined.is_some() { enums::exchange(draft) } else { Vec::new() };
    steps.extend(contract::tables(draft, &together, versions.new, before, (exchanged, after)));
    steps.extend(alone.into_iter().filter_map(|shape| contract::table(draft, shape, versions.new)));
    let apart = objects.filter(|_| joined.is_none() || reshape.is_some());
    // Types change on what views there then are, so once the tables that go are gone.
    let last = reshape.is_some();
    if last {
        steps.extend(contract::drop_tables(draft));
        steps.extend(reshape);
    }
    steps.extend(apart.map(|objects| {
        let first = match joined {
            Some(_) => Vec::new(),
            None => objects.before.iter().cloned().chain(enums::exchange(draft)).collect(),
        };
        let action = Action::Ddl { statements: first.into_iter().chain(objects.after.clone()).collect() };
        let title = objects.title.clone();
        assemble::step(title, Phase::Contract, action, Vec::new(), Cost::Catalog, Undo::Nothing)
    }));
    if !last {
        steps.extend(contract::drop_tables(draft));
    }
    steps.extend(contract::drop_indexes(draft));
    steps.extend(enums::exchanged(draft).filter(|_| objects.is_none()));
    steps.extend(enums::added(draft));
    let late: Vec<Step> =
        draft.scripts.iter().filter(|s| s.on_complete).map(|s| script(s, Phase::Contract)).collect();
    if !late.is_empty() {
        steps.extend(late);
        // The script may have changed what the views show.
        steps.push(publish(Phase::Contract, versions.new));
    }
    steps.extend(draft.partitionings.iter().map(|one| one.swap(draft)));
    steps.extend(draft.partitionings.iter().map(Partitioning::analyze));
    steps.extend(shapes.iter().filter_map(|shape| contract::analyze(draft, shape)));
    steps
}

fn publish(phase: Phase, version_schema: &Ident) -> Step {
    let undo = match phase {
        Phase::Contract => Undo::Nothing,
        _ => Undo::Retire { version_schema: version_schema.clone() },
    };
    let title = format!("publish {}", version_schema.as_str());
    assemble::step(title, phase, Action::Publish, Vec::new(), Cost::Catalog, undo)
}

fn script(script: &Script, phase: Phase) -> Step {
    let undo = match &script.down {
        Some((sql, transactional)) => Undo::Script { sql: sql.clone(), transactional: *transactional },
        None => Undo::Nothing,
    };
    let action = Action::Script { sql: script.up.clone(), transactional: script.up_transactional };
    assemble::step("run sql", phase, action, Vec::new(), Cost::Unknown, undo)
}

#[cfg(test)]
mod tests;
