//! Owns `segue tune`: limits of the backfill and thresholds of guards, changed while a rollout is under way. Must not put them
//! in force: that is the supervisor's.

use super::args::Tunable;
use super::context::Context;
use super::exit::Exit;
use super::fail::Fail;
use super::steer::{note, under_way};
use crate::clock;
use crate::control::thresholds::{self, Level, Moved};
use crate::control::tuning::Change;
use crate::store::{self, CommandKind};
use crate::ui;
use serde_json::json;
use std::time::Duration;

pub async fn run(
    context: &Context,
    what: Tunable,
    values: &[String],
    lasting: Option<Duration>,
    reason: Option<&str>,
    wait: u64,
) -> Result<(), Fail> {
    let usage = |why| Fail::new(Exit::Usage, why);
    let (mut args, said) = match (what, values) {
        (Tunable::Limit(limit), [value]) => {
            let change = Change::of(limit, value).map_err(usage)?;
            (json!({(limit.name()): value}), ui::limits::change(&change))
        }
        (Tunable::Guard, [signal, level, value]) => {
            let level = Level::named(level).ok_or_else(|| usage(GUARD.to_owned()))?;
            let moved = moved(context, signal, level, value).await?;
            let guard = json!({"signal": signal, (level.name()): value});
            (json!({"guard": guard}), ui::limits::threshold(&moved))
        }
        (Tunable::Limit(limit), _) => {
            let why = format!("`segue tune {}` takes one value: {}", limit.name(), limit.possible());
            return Err(usage(why));
        }
        (Tunable::Guard, _) => return Err(usage(GUARD.to_owned())),
    };
    let mut long = String::new();
    if let Some(lasting) = lasting {
        args["for"] = json!(format!("{}ms", lasting.as_millis()));
        long = format!(" for {}", ui::human::duration(lasting));
    }
    let (plan, nobody) = note(context, "tune", CommandKind::Tune, reason, args, wait).await?;
    super::say(context, "tuned", &format!("tuned: {plan}: {said}{long}{nobody}"));
    Ok(())
}

const GUARD: &str = "`segue tune guard` takes a signal, `throttle` or `pause`, and where to begin, such as \
                     `segue tune guard replication_lag pause 30s`";

/// Checked against the rollout's own guards before anybody is asked.
async fn moved(context: &Context, signal: &str, level: Level, value: &str) -> Result<Moved, Fail> {
    let connected = context.prepare().await?;
    let rollout = under_way(context, &connected, "tune").await?;
    let contents = store::contents(&connected.session, rollout.id).await?;
    let state = super::status::fold(&connected, &rollout, &contents).await?;
    let policy = thresholds::in_force(&contents.policy, &state.thresholds, &state.exceptions, clock::now());
    Moved::read(signal, level, value, &policy).map_err(|why| Fail::new(Exit::Usage, why))
}
