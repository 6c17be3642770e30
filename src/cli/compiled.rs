//! Owns taking a plan file to a program that this server accepts: parse, read the catalog, compile,
//! have the server check the expressions. Must not change anything.

use super::context::{Connected, Context};
use super::exit::Exit;
use super::fail::Fail;
use super::role;
use crate::catalog::Catalog;
use crate::compile::{self, Program, firing, views};
use crate::control::adoption::Origin;
use crate::control::policy::Policy;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::execute::{Halt, check, rows, through_text};
use crate::ident::Ident;
use crate::pg::sqlstate;
use crate::plan::Plan;
use crate::plan::settings::UserTriggers;
use crate::store;
use std::path::Path;

/// A plan that fits this database.
pub struct Compiled {
    pub plan: Plan,
    pub program: Program,
    pub catalog: Catalog,
    /// Warnings and notes.
    pub remarks: Diagnostics,
}

/// What Segue has done to a schema so far.
#[derive(Default)]
pub struct Past {
    /// Plan and version schema of the rollout completed last.
    pub latest: Option<(String, Ident)>,
    /// Every version schema Segue ever made here.
    pub versions: Vec<Ident>,
    pub applied: Vec<String>,
    /// Where each of `applied` comes from, if not from Segue.
    pub origins: Vec<Option<Origin>>,
    /// Plan and state of the rollout that has not ended.
    pub under_way: Option<(String, String)>,
    /// Version schemas of the rollouts completed, newest first.
    completed: Vec<Ident>,
}

impl Past {
    pub async fn read(context: &Context, connected: &Connected) -> Result<Past, Fail> {
        if store::stored(&connected.session).await? == store::Stored::Absent {
            return Ok(Past::default());
        }
        let rollouts = store::history(&connected.session, &context.schema).await?;
        let completed: Vec<&store::Rollout> = rollouts.iter().filter(|r| r.state == "completed").collect();
        Ok(Past {
            latest: completed.first().map(|r| (r.plan.clone(), r.version_schema.clone())),
            applied: completed.iter().rev().map(|r| r.plan.clone()).collect(),
            origins: completed.iter().rev().map(|r| r.adopted).collect(),
            completed: completed.iter().map(|r| r.version_schema.clone()).collect(),
            under_way: rollouts
                .iter()
                .find(|r| !["completed", "rolled_back"].contains(&r.state.as_str()))
                .map(|r| (r.plan.clone(), r.state.clone())),
            versions: rollouts.iter().map(|r| r.version_schema.clone()).collect(),
        })
    }
}

impl Past {
    fn origin(&self, plan: &str) -> Option<Origin> {
        let at = self.applied.iter().position(|name| name == plan)?;
        self.origins[at]
    }

    /// Whether a plan of this name is done, by another's hand.
    pub fn is_adopted(&self, plan: &str) -> bool {
        self.origin(plan).is_some()
    }

    pub fn is_baseline(&self, plan: &str) -> bool {
        self.origin(plan).is_some_and(Origin::is_baseline)
    }
}

/// Compiles a plan file against the database. All diagnostics come back, in the error or with the program.
pub async fn compile(context: &Context, connected: &mut Connected, path: &Path) -> Result<Compiled, Fail> {
    let (plan, parsed) = context.plan(path)?;
    compile_parsed(context, connected, plan, parsed).await
}

pub async fn compile_parsed(
    context: &Context,
    connected: &mut Connected,
    mut plan: Plan,
    mut parsed: Diagnostics,
) -> Result<Compiled, Fail> {
    let past = Past::read(context, connected).await?;
    let mut remarks = parsed.clone();
    let (program, catalog) = program(context, connected, &plan, &past, &mut remarks).await?;
    check_parents(&plan, &past.applied, &mut remarks);
    let Some(program) = program else { return Err(Fail::plan(remarks)) };
    let policy = Policy::resolve(&[context.settings(), &plan.settings]);
    let program = if policy.vacuum { program.with_vacuum() } else { program };
    remarks.extend(firing::warnings(&program, &catalog, policy.user_triggers));
    remarks.extend(views::check_names(&catalog, &program));
    if remarks.has_errors() {
        return Err(Fail::plan(remarks));
    }
    let refused = match check::expressions(&mut connected.session, &program, &plan.source).await {
        Ok(refused) => refused,
        Err(error) => {
            // Where it is for want of a right, all of them are named, and what grants them.
            if error.sqlstate() == Some(sqlstate::INSUFFICIENT_PRIVILEGE) {
                role::may_start(connected, &program).await?;
            }
            return Err(error.into());
        }
    };
    if refused.has_errors() {
        let converted = through_text::find(&mut connected.session, &program, &plan.source).await?;
        let mut changed = false;
        for one in converted {
            if plan.through_text(one.position, &one.type_name) {
                parsed.push(one.warning);
                changed = true;
            }
        }
        // Each time there is one fewer to convert.
        if changed {
            return Box::pin(compile_parsed(context, connected, plan, parsed)).await;
        }
    }
    remarks.extend(refused);
    if policy.user_triggers == UserTriggers::Skip && !program.filled().is_empty() {
        remarks.extend(check::user_triggers(&mut connected.session).await?);
    }
    remarks.extend(check::row_security(&connected.session, &program).await?);
    remarks.extend(check::subscriptions(&connected.session, &program).await?);
    remarks.extend(check::probes(&mut connected.session, &program.schema, &plan.settings.probes).await?);
    if remarks.has_errors() {
        return Err(Fail::plan(remarks));
    }
    let sample = rows::evaluate(&mut connected.session, &program, &catalog, rows::Which::Sample).await;
    for one in sample.map_err(of_halt)? {
        remarks.0.extend(of_rows(&one, Severity::Warning));
    }
    Ok(Compiled { plan, program, catalog, remarks })
}

/// The code of what is said of rows that cannot be filled.
pub const ROW_FAILS: &str = "data.row_fails";

/// What is to be said of rows that were looked at.
pub fn of_rows(one: &rows::Evaluated, severity: Severity) -> Option<Diagnostic> {
    let first = one.named.first()?;
    let (table, columns) = (&one.table, one.columns.join(", "));
    let mut text = format!("{} rows of {table} have no value for {columns}: {}", one.failing, first.message);
    for row in &one.named {
        text.push_str(&format!("\n  {}: {}", row.key, row.message));
    }
    if one.failing > one.named.len() as u64 {
        text.push_str("\n  and others");
    }
    let mut found = Diagnostic::error(ROW_FAILS, text);
    found.severity = severity;
    Some(found.help(match severity {
        Severity::Error => {
            "mend these rows or the plan's `up`, or write `backfill: {on_row_error: {set_aside: N}}`"
        }
        _ => "a sample of the rows was looked at; `segue check --data` looks at all of them",
    }))
}

pub fn of_halt(halt: Halt) -> Fail {
    match halt {
        Halt::Failed(error) | Halt::NotDone(error) => error.into(),
        Halt::Broken(message) => Fail::new(Exit::Failed, message),
        other => Fail::new(Exit::Failed, format!("looking at rows was given up: {other:?}")),
    }
}

/// The program alone, which takes no right but that to read the catalog. `None`: `remarks` say why not.
pub async fn program(
    context: &Context,
    connected: &mut Connected,
    plan: &Plan,
    past: &Past,
    remarks: &mut Diagnostics,
) -> Result<(Option<Program>, Catalog), Fail> {
    let catalog = context.catalog(&mut connected.session, &past.versions).await?;
    // A version schema dropped by hand is nobody's way in any more. Not every migration of pgroll's has had one.
    let previous = past.completed.iter().find(|schema| catalog.other_schemas.contains(schema));
    let (program, found) = compile::compile(plan, &catalog, previous);
    remarks.extend(found);
    Ok((program, catalog))
}

/// Parents that the plan names must have been completed.
fn check_parents(plan: &Plan, applied: &[String], remarks: &mut Diagnostics) {
    for parent in plan.after.iter().filter(|parent| !applied.contains(&parent.value)) {
        remarks.push(
            Diagnostic::error(
                "plan.parent_not_applied",
                format!("the plan comes after `{}`, which is not completed", parent.value),
            )
            .at(parent.span.clone())
            .help("complete that one first"),
        );
    }
}
