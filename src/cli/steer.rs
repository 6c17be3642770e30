//! Owns the commands that steer a rollout under way from anywhere: pause, resume, rollback,
//! complete. A live supervisor is asked; where there is none, this process becomes it.

use super::context::{Connected, Context};
use super::exit::Exit;
use super::fail::{self, Fail};
use super::{role, start, watching};
use crate::clock::{Deadline, poll_until};
use crate::control::advance::Ending;
use crate::control::record;
use crate::store::{self, CommandKind, NewCommand, Rollout};
use crate::supervise::begin::{self, NotBegun};
use crate::ui;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(50);
/// A live supervisor looks for commands ten times a second; a busy one within a slice.
const ANSWER: Duration = Duration::from_secs(30);

/// The rollout under way.
pub(super) async fn under_way(context: &Context, connected: &Connected, to: &str) -> Result<Rollout, Fail> {
    match store::current_rollout(&connected.session, &context.schema).await? {
        Some(rollout) if !rollout.is_ended() => Ok(rollout),
        Some(rollout) => Err(Fail::new(
            Exit::Refused,
            format!("there is nothing to {to}: the last rollout, {}, is {}", rollout.plan, rollout.state),
        )),
        None => {
            Err(Fail::new(Exit::Refused, format!("there is nothing to {to}: no rollout was ever started"))
                .help("`segue start PLAN` starts one"))
        }
    }
}

async fn is_supervised(context: &Context, connected: &Connected) -> Result<bool, Fail> {
    let lease = store::look(&connected.session, &context.schema).await?;
    Ok(lease.is_some_and(|lease| lease.alive && lease.connected))
}

async fn put(
    connected: &mut Connected,
    rollout: &Rollout,
    kind: CommandKind,
    reason: Option<&str>,
    args: serde_json::Value,
) -> Result<i64, Fail> {
    let new = NewCommand { schema: &rollout.schema, rollout: Some(rollout.id), kind, reason, args };
    Ok(store::put_command(&mut connected.session, &new).await?.id)
}

/// With no supervisor alive, a command that the rollout cannot take must not bring one up: it would
/// go on with what the operator wanted to turn away from.
async fn can_take(connected: &Connected, rollout: &Rollout, kind: record::CommandKind) -> Result<(), Fail> {
    let contents = store::contents(&connected.session, rollout.id).await?;
    match super::status::fold(connected, rollout, &contents).await?.refusal(&kind) {
        None => Ok(()),
        Some(why) => Err(Fail::new(Exit::Refused, format!("{} is {}: {why}", rollout.plan, rollout.state))
            .help("`segue resume` goes on with it; `segue status` shows where it stands")),
    }
}

/// What came of a command put to a live supervisor.
enum Answer {
    Said(String),
    /// It is not there any more, or its lease has run out: it hung, or its machine is gone.
    Dead,
    Silent,
}

async fn answer(
    context: &Context,
    connected: &Connected,
    id: i64,
    patience: Duration,
) -> Result<Answer, Fail> {
    let asked = poll_until(Deadline::after(patience), POLL, || async {
        match store::command(&connected.session, id).await {
            Ok(Some(store::Command { applied_at: Some(_), outcome, .. })) => {
                return Some(Ok(Answer::Said(outcome.unwrap_or_default())));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Some(Ok(Answer::Said("the command was removed".to_owned()))),
            Err(error) => return Some(Err(error.into())),
        }
        match is_supervised(context, connected).await {
            Ok(true) => None,
            Ok(false) => Some(Ok(Answer::Dead)),
            Err(fail) => Some(Err(fail)),
        }
    });
    Ok(asked.await.transpose()?.unwrap_or(Answer::Silent))
}

fn silent(patience: Duration) -> Fail {
    Fail::new(Exit::Failed, format!("the supervisor has not answered within {} s", patience.as_secs()))
        .help("what was asked stands in segue.commands and will be taken; `segue status` shows when")
}

fn obeyed(outcome: &str) -> Result<(), Fail> {
    match outcome {
        "done" => Ok(()),
        refusal => Err(Fail::new(Exit::Refused, refusal.to_owned())),
    }
}

/// What came of a command that wants a supervisor.
enum Course {
    /// A live one has taken it.
    Taken(Box<Connected>),
    /// This process was the supervisor, to this end.
    Ended(Ending),
}

/// Has a live supervisor take the command, or becomes the supervisor. Of several that try at once one does, and
/// the others ask that one.
async fn ask_or_become(
    context: &Context,
    mut connected: Connected,
    rollout: &Rollout,
    id: i64,
) -> Result<Course, Fail> {
    loop {
        if is_supervised(context, &connected).await? {
            match answer(context, &connected, id, ANSWER).await? {
                Answer::Said(outcome) => {
                    return obeyed(&outcome).map(|()| Course::Taken(Box::new(connected)));
                }
                Answer::Silent => return Err(silent(ANSWER)),
                Answer::Dead => {}
            }
        }
        match supervise(context, connected, rollout.clone()).await? {
            Some(ending) => return Ok(Course::Ended(ending)),
            None => connected = context.connect().await?,
        }
    }
}

/// Becomes the supervisor of a rollout; commands put before are taken first. `None`: somebody else is it.
async fn supervise(
    context: &Context,
    connected: Connected,
    rollout: Rollout,
) -> Result<Option<Ending>, Fail> {
    let contents = store::contents(&connected.session, rollout.id).await?;
    let config = connected.config;
    drop(connected.session);
    let program = Arc::new(contents.program);
    let mut came_too_late = false;
    let too_late = &mut came_too_late;
    let ended = watching::run(context, &config, program, |outside| async move {
        let begun = begin::take_over(outside, rollout).await;
        *too_late = matches!(begun, Err(NotBegun::Supervised { .. }));
        begun
    });
    match ended.await {
        Err(_) if came_too_late => Ok(None),
        ended => ended.map(Some),
    }
}

pub async fn pause(
    context: &Context,
    lasting: Option<Duration>,
    reason: Option<&str>,
    wait: u64,
) -> Result<(), Fail> {
    let (args, long) = match lasting {
        Some(lasting) => (
            json!({"for": format!("{}ms", lasting.as_millis())}),
            format!(" for {}", ui::human::duration(lasting)),
        ),
        None => (json!({}), String::new()),
    };
    let (plan, nobody) = note(context, "pause", CommandKind::Pause, reason, args, wait).await?;
    super::say(context, "paused", &format!("paused{long}: {plan}{nobody}"));
    Ok(())
}

/// Puts a command that begins nothing, and sees it taken. The plan's name, and whether nobody is there.
pub(super) async fn note(
    context: &Context,
    to: &str,
    kind: CommandKind,
    reason: Option<&str>,
    args: serde_json::Value,
    wait: u64,
) -> Result<(String, &'static str), Fail> {
    let mut connected = context.prepare().await?;
    let rollout = under_way(context, &connected, to).await?;
    let id = put(&mut connected, &rollout, kind, reason, args).await?;
    ask_or_note(context, &connected, &rollout, id, wait).await?;
    let nobody = nobody(context, &connected).await?;
    Ok((rollout.plan, nobody))
}

async fn nobody(context: &Context, connected: &Connected) -> Result<&'static str, Fail> {
    Ok(if is_supervised(context, connected).await? { "" } else { " (no supervisor is alive)" })
}

/// Has a live supervisor take a command in, or does so here and leaves.
async fn ask_or_note(
    context: &Context,
    connected: &Connected,
    rollout: &Rollout,
    id: i64,
    wait: u64,
) -> Result<(), Fail> {
    if is_supervised(context, connected).await? {
        let wait = Duration::from_secs(wait);
        match answer(context, connected, id, wait).await? {
            Answer::Said(outcome) => return obeyed(&outcome),
            Answer::Silent => return Err(silent(wait)),
            Answer::Dead => {}
        }
    }
    begin::visit(&connected.config, rollout.clone()).await?;
    match store::command(&connected.session, id).await?.and_then(|command| command.outcome) {
        Some(outcome) => obeyed(&outcome),
        None => Ok(()),
    }
}

/// `lifted`: only what the guard on this signal holds, for so long.
pub async fn resume(
    context: &Context,
    accept_blind: &[String],
    lifted: Option<(&str, Duration)>,
    reason: Option<&str>,
) -> Result<(), Fail> {
    let mut connected = context.prepare().await?;
    let rollout = under_way(context, &connected, "resume").await?;
    if !accept_blind.is_empty() {
        let policy = store::contents(&connected.session, rollout.id).await?.policy;
        start::accepting_blind(policy, accept_blind)?;
        let args = json!({"signals": accept_blind});
        put(&mut connected, &rollout, CommandKind::AcceptBlind, None, args).await?;
    }
    let mut args = json!({});
    if let Some((signal, lasting)) = lifted {
        let policy = store::contents(&connected.session, rollout.id).await?.policy;
        start::accepting_blind(policy, &[signal.to_owned()])?;
        args = json!({"override": signal, "for": format!("{}ms", lasting.as_millis())});
        if !is_supervised(context, &connected).await? {
            let until = crate::clock::now() + lasting;
            let kind = record::CommandKind::Override { signal: signal.to_owned(), until };
            can_take(&connected, &rollout, kind).await?;
        }
    }
    let id = put(&mut connected, &rollout, CommandKind::Resume, reason, args).await?;
    let was_going_back = rollout.state == "rolling_back";
    match ask_or_become(context, connected, &rollout, id).await? {
        Course::Taken(_) => {
            let plan = &rollout.plan;
            let (event, text) = match lifted {
                None => ("resumed", format!("resumed: {plan}")),
                Some((signal, lasting)) => {
                    let long = ui::human::duration(lasting);
                    ("overridden", format!("{signal} holds nothing for {long}: {plan}"))
                }
            };
            super::say(context, event, &text);
            Ok(())
        }
        Course::Ended(Ending::RolledBack { by_guard: None }) if !was_going_back => {
            Err(Fail::new(Exit::Failed, "rolled back, as an operator asked"))
        }
        Course::Ended(ending) => fail::of_ending(&ending),
    }
}

pub async fn rollback(context: &Context, reason: Option<&str>) -> Result<(), Fail> {
    let mut connected = context.prepare().await?;
    let rollout = under_way(context, &connected, "roll back").await?;
    if !is_supervised(context, &connected).await? {
        can_take(&connected, &rollout, record::CommandKind::Rollback).await?;
    }
    let id = put(&mut connected, &rollout, CommandKind::Rollback, reason, json!({})).await?;
    ask_or_do(context, connected, rollout, id, "rolled_back").await
}

pub async fn complete(context: &Context, force: bool) -> Result<(), Fail> {
    let mut connected = context.prepare().await?;
    let rollout = under_way(context, &connected, "complete").await?;
    if !is_supervised(context, &connected).await? {
        can_take(&connected, &rollout, record::CommandKind::Complete { force }).await?;
        let program = store::contents(&connected.session, rollout.id).await?.program;
        role::may_complete(&connected, &program).await?;
    }
    let id = put(&mut connected, &rollout, CommandKind::Complete, None, json!({"force": force})).await?;
    ask_or_do(context, connected, rollout, id, "completed").await
}

/// Where the rollout came to, if that is not what was asked for.
fn the_end(context: &Context, ending: &Ending, asked: &str) -> Result<(), Fail> {
    match (ending, asked) {
        (Ending::RolledBack { .. }, "rolled_back") | (Ending::Completed, "completed") => Ok(()),
        // The command was refused: the state says why nothing came of it.
        (Ending::Completed | Ending::Ready, _) => {
            Err(Fail::new(Exit::Refused, format!("the rollout is not {asked}; `segue log` has the reason")))
        }
        (Ending::RolledBack { .. }, _) => Err(Fail::new(Exit::Refused, "the rollout is rolled back")),
        (ending, _) => {
            let _ = context;
            fail::of_ending(ending)
        }
    }
}

/// Has a live supervisor bring the rollout to its end, or does so here.
async fn ask_or_do(
    context: &Context,
    connected: Connected,
    rollout: Rollout,
    id: i64,
    asked: &str,
) -> Result<(), Fail> {
    match ask_or_become(context, connected, &rollout, id).await? {
        Course::Taken(connected) => follow(context, &connected, &rollout, asked).await,
        Course::Ended(ending) => the_end(context, &ending, asked),
    }
}

/// Waits for a live supervisor to bring the rollout to its end.
async fn follow(
    context: &Context,
    connected: &Connected,
    rollout: &Rollout,
    asked: &str,
) -> Result<(), Fail> {
    loop {
        // Asked first: one that ends between the two questions has left the state that it came to.
        let supervised = is_supervised(context, connected).await?;
        let now = store::rollout(&connected.session, rollout.id)
            .await?
            .ok_or(store::Error::NoRollout(rollout.id))?;
        if now.state == asked {
            super::say(context, asked, &format!("{asked}: {}", rollout.plan));
            return Ok(());
        }
        if now.is_ended() {
            return Err(Fail::new(Exit::Refused, format!("the rollout is {}", now.state)));
        }
        if now.state == "failed" {
            return Err(Fail::new(Exit::Failed, now.error.unwrap_or_else(|| "it failed".to_owned())));
        }
        if !supervised {
            if now.state == "ready" && asked == "completed" {
                can_take(connected, &now, record::CommandKind::Complete { force: false }).await?;
                return Err(Fail::new(Exit::Refused, "the old version is in use")
                    .help("`segue clients` shows by whom; `segue log` has what the supervisor saw"));
            }
            return Err(Fail::new(
                Exit::Stopped,
                format!("its supervisor has ended; the rollout is {}", now.state),
            )
            .help("`segue status` shows why; the same command here goes on with it"));
        }
        tokio::time::sleep(POLL).await;
    }
}
