//! Owns `segue privileges`: what a role lacks, as SQL for somebody who may grant it. Must not grant it.

use super::compiled::{self, Past};
use super::context::{Connected, Context};
use super::exit::Exit;
use super::fail::Fail;
use crate::control::policy::Policy;
use crate::control::privileges::{is_lacking, needs};
use crate::plan::settings::UserTriggers;
use crate::store::{self, Of};
use crate::ui;
use std::path::Path;

pub async fn run(context: &Context, plan: Option<&Path>, role: Option<&str>) -> Result<(), Fail> {
    let mut connected = context.connect().await?;
    let (of, skips_triggers) = match plan {
        Some(path) => of_plan(context, &mut connected, path).await?,
        None => (Of::Schema, Policy::resolve(&[context.settings()]).user_triggers == UserTriggers::Skip),
    };
    let facts = store::privileges(&connected.session, role, &context.schema, &of).await?;
    let Some(facts) = facts else {
        let role = role.unwrap_or_default();
        return Err(Fail::new(Exit::Failed, format!("there is no role {role}"))
            .help(format!("CREATE ROLE {} LOGIN", crate::ident::Ident::new(role))));
    };
    let needs = needs(&facts, skips_triggers);
    if context.global.json {
        super::print_json(&ui::privileges::json(&facts, &needs));
    } else {
        super::print(&ui::privileges::sql(&facts, &needs));
    }
    if is_lacking(&needs) {
        let message = format!("the role {} lacks what Segue needs", facts.role.as_str());
        return Err(Fail::new(Exit::Refused, message)
            .help("have the SQL above run by a superuser, or by the owner of what it names"));
    }
    Ok(())
}

/// What the plan touches. What it takes to compile it is less than what it takes to carry it out.
async fn of_plan(context: &Context, connected: &mut Connected, path: &Path) -> Result<(Of, bool), Fail> {
    let (plan, mut remarks) = context.plan(path)?;
    let past = match Past::read(context, connected).await {
        // One that may not read Segue's own schema is told so with the rest.
        Err(_) if !connected.session.is_closed() => Past::default(),
        past => past?,
    };
    let (program, _) = compiled::program(context, connected, &plan, &past, &mut remarks).await?;
    let Some(program) = program else { return Err(Fail::plan(remarks)) };
    let policy = Policy::resolve(&[context.settings(), &plan.settings]);
    let skips = policy.user_triggers == UserTriggers::Skip && !program.filled().is_empty();
    let mut owned = program.owned.clone();
    // What is only locked needs less than its owner; there is no grant for that which every version has.
    owned.relations.extend(program.tables());
    let of = Of::Plan { owned, previous: program.previous_version_schema.clone(), publishes: true };
    Ok((of, skips))
}
