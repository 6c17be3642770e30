//! Owns `segue baseline`: a database that was there before Segue gets a history, its own or pgroll's. Must not change
//! the schema, nor anything of pgroll's.

use super::compiled::Past;
use super::context::{Connected, Context};
use super::exit::Exit;
use super::fail::Fail;
use crate::catalog::Catalog;
use crate::compile::program::{FORMAT, Program};
use crate::control::adoption::{self, Origin, Refusal, Taken, Taking};
use crate::control::policy::Policy;
use crate::control::record::Record;
use crate::control::state::{Goal, State};
use crate::ident::Ident;
use crate::journal;
use crate::store::{self, Adopted, NewRollout, pgroll};
use crate::supervise::begin;

const DEFAULT_NAME: &str = "baseline";

pub async fn run(context: &Context, name: Option<&str>) -> Result<(), Fail> {
    let mut connected = context.prepare().await?;
    if let Some(there) = store::current_rollout(&connected.session, &context.schema).await?
        && !there.is_ended()
    {
        let schema = there.schema.as_str().to_owned();
        return Err(
            store::Error::InTheWay { schema, id: there.id, plan: there.plan, state: there.state }.into()
        );
    }
    let past = Past::read(context, &connected).await?;
    let taking = pgrolls(context, &mut connected, &past).await?;
    match taking {
        Some((found, taking)) => {
            if let Some(name) = name {
                return Err(Fail::new(
                    Exit::Usage,
                    format!("there is pgroll's history to go on from, so there is nothing to call {name}"),
                )
                .help("`segue baseline` without a name takes it over"));
            }
            take_over(context, connected, &past, &found, taking).await
        }
        None => draw(context, connected, &past, name.unwrap_or(DEFAULT_NAME)).await,
    }
}

/// pgroll's history of this schema; `None`: it has none.
async fn pgrolls(
    context: &Context,
    connected: &mut Connected,
    past: &Past,
) -> Result<Option<(pgroll::Pgroll, Taking)>, Fail> {
    let Some(found) = pgroll::find(&connected.session).await? else { return Ok(None) };
    if !found.may_read {
        let (role, schema) = (&found.role, &found.schema);
        return Err(Fail::new(
            Exit::Refused,
            format!("pgroll was here, and role {} may not read its history", role.as_str()),
        )
        .help(format!(
            "let its owner run: GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {schema}.migrations TO {role}"
        )));
    }
    let history = pgroll::migrations(&mut connected.session, &found, &context.schema).await?;
    if history.is_empty() {
        return Ok(None);
    }
    let taking = adoption::take(history, &past.applied).map_err(refused)?;
    // Nothing but what its event triggers saw is no history of migrations.
    let pgrolls = |origin: &Option<Origin>| origin.is_some_and(|origin| origin != Origin::Baseline);
    let none = taking.taken.is_empty() && !past.origins.iter().any(pgrolls);
    Ok((!none).then_some((found, taking)))
}

fn refused(refusal: Refusal) -> Fail {
    match refusal {
        Refusal::Active { name } => {
            Fail::new(Exit::Refused, format!("pgroll has a migration under way: {name}")).help(
                "`pgroll complete` finishes it, `pgroll rollback` undoes it; then `segue baseline` takes over what pgroll has done",
            )
        }
        Refusal::Deferred { names } => Fail::new(
            Exit::Refused,
            format!("pgroll has put off the end of {}: columns and tables are still to be dropped", names.join(", ")),
        )
        .help("let pgroll finish (`pgroll complete`), then `segue baseline`"),
    }
}

/// Refuses to go on where pgroll has a history that Segue has not taken over, or is at work.
pub async fn pgroll_is_taken_over(context: &Context, connected: &mut Connected) -> Result<(), Fail> {
    let past = Past::read(context, connected).await?;
    let taken_over = !past.applied.is_empty();
    let taking = match pgrolls(context, connected, &past).await {
        // Somebody took the right to read it away since.
        Err(_)
            if taken_over && !pgroll::find(&connected.session).await?.is_some_and(|found| found.may_read) =>
        {
            return Ok(());
        }
        taking => taking?,
    };
    let Some((_, taking)) = taking.filter(|(_, taking)| !taking.taken.is_empty()) else { return Ok(()) };
    let names: Vec<&str> = taking.taken.iter().map(|taken| taken.plan.as_str()).collect();
    let shown = match names.as_slice() {
        [first, .., last] => format!("{} migrations, {first} to {last}", names.len()),
        [only] => format!("the migration {only}"),
        [] => unreachable!("there is something to take over"),
    };
    Err(Fail::new(Exit::Refused, format!("pgroll has applied {shown}, and Segue does not know of it"))
        .help("`segue baseline` takes pgroll's history over; then Segue goes on after it"))
}

async fn take_over(
    context: &Context,
    mut connected: Connected,
    past: &Past,
    found: &pgroll::Pgroll,
    taking: Taking,
) -> Result<(), Fail> {
    if taking.taken.is_empty() {
        super::say(context, "up_to_date", "pgroll's history has been taken over already");
        return Ok(());
    }
    let catalog = context.catalog(&mut connected.session, &[]).await?;
    let count = taking.taken.len();
    let (first, last) = (taking.taken[0].plan.clone(), taking.taken[count - 1].plan.clone());
    let before = past.latest.as_ref().map(|(_, schema)| schema.clone());
    let live = enter(context, &connected, &catalog, before, taking.taken).await?;
    let what = match count {
        1 => format!("{first} of pgroll's is taken over"),
        _ => format!("{count} migrations of pgroll's are taken over, {first} to {last}"),
    };
    super::say(context, "adopted", &what);
    match &live {
        Some(live) => {
            let text = format!("the live version is {}, as it was", live.as_str());
            super::say(context, "adopted", &text);
        }
        None => super::say(
            context,
            "adopted",
            &format!(
                "no version schema of pgroll's is there: applications use the tables of {} themselves",
                context.schema.as_str()
            ),
        ),
    }
    for (text, help) in remarks(context, &connected, found, taking.inferred, live.as_ref()).await? {
        super::say(context, "note", &format!("note: {text}\n  {help}"));
    }
    Ok(())
}

/// What is to be known of what pgroll leaves behind.
async fn remarks(
    context: &Context,
    connected: &Connected,
    found: &pgroll::Pgroll,
    inferred: usize,
    live: Option<&Ident>,
) -> Result<Vec<(String, String)>, Fail> {
    let mut remarks = Vec::new();
    if inferred > 0 {
        remarks.push((
            format!("{inferred} changes that pgroll saw and that were no migrations are passed over"),
            "no plan stands for them; their outcome is in the tables".to_owned(),
        ));
    }
    if let Some(live) = live
        && let Some(owner) = pgroll::foreign_owner(&connected.session, live).await?
    {
        remarks.push((
            format!("{} belongs to {}, and the next rollout is to remove it", live.as_str(), owner.as_str()),
            format!("GRANT {owner} TO {}", found.role),
        ));
    }
    if !found.event_triggers.is_empty() {
        let names: Vec<&str> = found.event_triggers.iter().map(Ident::as_str).collect();
        remarks.push((
            format!(
                "pgroll's event triggers ({}) stay; Segue's own sessions keep them quiet",
                names.join(", ")
            ),
            format!(
                "when pgroll is not needed any more, a superuser may run: DROP SCHEMA {} CASCADE",
                found.schema
            ),
        ));
    }
    let left = pgroll::leftovers(&connected.session, &context.schema).await?;
    let all: Vec<String> = (left.columns.iter().map(|column| format!("column {column}")))
        .chain(left.triggers.iter().map(|trigger| format!("trigger {trigger}")))
        .chain(left.tables.iter().map(|table| format!("table {table}")))
        .collect();
    if !all.is_empty() {
        remarks.push((
            format!("an unfinished migration of pgroll's has left: {}", all.join(", ")),
            "no plan of Segue's touches them; look whether anything needs them, and drop them".to_owned(),
        ));
    }
    Ok(remarks)
}

/// A baseline of the schema as it is. No views are made: applications go on with the tables, and the first plan's
/// version schema comes beside them.
async fn draw(context: &Context, mut connected: Connected, past: &Past, name: &str) -> Result<(), Fail> {
    if let Some((latest, _)) = &past.latest {
        return Err(Fail::new(
            Exit::Refused,
            format!("schema {} has a history already; its latest plan is {latest}", context.schema.as_str()),
        )
        .help("`segue history` lists it; a baseline is for a schema that has none"));
    }
    let version = Ident::new(format!("{}_{name}", context.schema.as_str()));
    if name.is_empty() || name.contains(['/', '\0']) || !version.is_storable() {
        return Err(Fail::new(Exit::Usage, format!("{name:?} cannot be the name of a baseline"))
            .help("give one as a plan's file could have, short enough for a schema's name"));
    }
    let catalog = context.catalog(&mut connected.session, &[]).await?;
    if catalog.other_schemas.contains(&version) {
        return Err(Fail::new(
            Exit::Refused,
            format!(
                "there is a schema {} already, which would be taken for the baseline's views",
                version.as_str()
            ),
        )
        .help("give the baseline another name"));
    }
    let tables = catalog.tables.len();
    let taken = Taken {
        plan: name.to_owned(),
        version: name.to_owned(),
        origin: Origin::Baseline,
        text: String::new(),
        started_at: None,
        ended_at: None,
    };
    enter(context, &connected, &catalog, None, vec![taken]).await?;
    let text = format!(
        "{name} is the baseline of schema {}: {tables} tables as they are. Plans that come before {name} in their folder count as applied",
        context.schema.as_str()
    );
    super::say(context, "adopted", &text);
    Ok(())
}

/// Enters completed rollouts. Returns the newest version schema that is there.
async fn enter(
    context: &Context,
    connected: &Connected,
    catalog: &Catalog,
    before: Option<Ident>,
    taken: Vec<Taken>,
) -> Result<Option<Ident>, Fail> {
    let schema = &context.schema;
    let policy = Policy::resolve(&[context.settings()]);
    let mut previous = before;
    let mut programs = Vec::new();
    for one in &taken {
        let version_schema = Ident::new(format!("{}_{}", schema.as_str(), one.version));
        programs.push(Program {
            format: FORMAT,
            plan: one.plan.clone(),
            description: None,
            schema: schema.clone(),
            version_schema: version_schema.clone(),
            previous_version_schema: previous.replace(version_schema),
            checks: Vec::new(),
            views: Vec::new(),
            objects: Vec::new(),
            types: Default::default(),
            owned: Default::default(),
            steps: Vec::new(),
        });
    }
    // What the schema was before the earlier ones is not known.
    let unknown =
        Catalog { schema: schema.clone(), server_version: catalog.server_version, ..Catalog::default() };
    let last = taken.len() - 1;
    let all: Vec<Adopted<'_>> = (taken.iter().zip(&programs).enumerate())
        .map(|(at, (one, program))| {
            let over = Record::StateChanged { from: State::Expanding, to: State::Completed, error: None };
            let records = [Record::Adopted { from: one.origin }, over].map(|record| {
                let stored = journal::encode(&record);
                (stored.kind, stored.body)
            });
            Adopted {
                rollout: NewRollout {
                    program,
                    plan_text: &one.text,
                    policy: &policy,
                    catalog_before: if at == last { catalog } else { &unknown },
                    goal: Goal::Completed,
                },
                started_at: one.started_at,
                ended_at: one.ended_at,
                records: records.into(),
            }
        })
        .collect();
    let (mut session, lease) = begin::claim(&connected.config, schema).await?;
    let entered = store::adopt(&mut session, &lease, &all).await;
    let released = store::release(&session, lease).await;
    entered?;
    if let Err(error) = released {
        tracing::debug!(%error, "the lease was not given back; it runs out by itself");
    }
    let there = programs.into_iter().rev().map(|program| program.version_schema);
    Ok(there.into_iter().find(|schema| catalog.other_schemas.contains(schema)))
}
