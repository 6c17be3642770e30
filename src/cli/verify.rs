//! Owns `segue verify`: whether both versions are in step at this moment. Must not change anything.

use super::context::Context;
use super::exit::Exit;
use super::fail::Fail;
use super::status;
use crate::compile::program::{Action, Phase};
use crate::control::state::{State, StepStatus};
use crate::execute::verify::{self, Published};
use crate::execute::{self, Halt};
use crate::pg::{Session, Setup};
use crate::store;
use crate::ui;
use serde_json::json;

pub async fn run(context: &Context) -> Result<(), Fail> {
    let nothing = || Fail::new(Exit::Refused, "no rollout is under way: there is nothing to verify");
    let connected = context.look_at_primary().await?.ok_or_else(nothing)?;
    let rollout = store::current_rollout(&connected.session, &context.schema)
        .await?
        .filter(|r| !r.is_ended())
        .ok_or_else(nothing)?;
    let contents = store::contents(&connected.session, rollout.id).await?;
    let state = status::fold(&connected, &rollout, &contents).await?;
    let program = &contents.program;
    let contracting = State::Contracting;
    if state.state == contracting || state.failed_in == Some(contracting) {
        return Err(Fail::new(Exit::Refused, "the contract has begun: one of the versions is going away")
            .help("`segue complete` finishes it"));
    }
    let done = |step: usize| state.status[step] == StepStatus::Done;
    let publishes = |step: &crate::compile::program::Step| {
        matches!(step.action, Action::Publish) && step.phase == Phase::Backfill
    };
    let published = match program.steps.iter().position(publishes).is_some_and(done) {
        true => Published::Yes,
        false => Published::No,
    };
    let setup = Setup { search_path: vec![program.schema.clone()], ..Setup::default() };
    let mut session =
        Session::open_with(&connected.config, "verify", execute::SESSION_DEADLINE, setup).await?;
    let report = match verify::report(&mut session, program, done, published).await {
        Ok(report) => report,
        Err(Halt::Failed(error) | Halt::NotDone(error)) => return Err(error.into()),
        Err(Halt::Broken(error)) => return Err(Fail::new(Exit::Failed, error)),
        Err(halt) => unreachable!("nothing of it can be stopped, postponed or superseded: {halt:?}"),
    };
    if context.global.json {
        let mut said = json!({"plan": rollout.plan, "state": rollout.state, "ok": report.is_fine()});
        let parts = serde_json::to_value(&report).expect("a report is plain data");
        for (name, part) in parts.as_object().expect("a report has fields") {
            said[name] = part.clone();
        }
        super::print_json(&said);
    } else {
        super::print(&ui::verify::render(&report));
    }
    match report.is_fine() {
        true => Ok(()),
        false => Err(Fail::new(Exit::Failed, "the versions are not in step").help(
            "before publication a rollout fills such rows again by itself; afterwards an UPDATE of the old value, or of the new one, \
             brings a row in step",
        )),
    }
}
