//! Owns the commands that change what a rollout may do and begin nothing: hold and release the contract, shed and restore
//! the sync triggers, ignore a standby, drill. Must not become a supervisor.

use super::context::Context;
use super::fail::Fail;
use super::steer::note;
use crate::control::exception::Drill;
use crate::store::CommandKind;
use crate::ui::human;
use serde_json::json;
use std::time::Duration;

pub async fn hold_contract(context: &Context, reason: &str, wait: u64) -> Result<(), Fail> {
    let kind = CommandKind::HoldContract;
    let (plan, nobody) = note(context, "hold", kind, Some(reason), json!({}), wait).await?;
    super::say(context, "contract_held", &format!("contract held: {plan}{nobody}"));
    Ok(())
}

pub async fn release_contract(context: &Context, reason: Option<&str>, wait: u64) -> Result<(), Fail> {
    let kind = CommandKind::ReleaseContract;
    let (plan, nobody) = note(context, "release", kind, reason, json!({}), wait).await?;
    super::say(context, "contract_released", &format!("contract released: {plan}{nobody}"));
    Ok(())
}

pub async fn shed(context: &Context, reason: Option<&str>, wait: u64) -> Result<(), Fail> {
    let (plan, nobody) = note(context, "shed", CommandKind::Shed, reason, json!({}), wait).await?;
    super::say(context, "shed", &format!("shed: {plan}: the sync triggers only mark rows{nobody}"));
    Ok(())
}

pub async fn restore(context: &Context, reason: Option<&str>, wait: u64) -> Result<(), Fail> {
    let (plan, nobody) = note(context, "restore", CommandKind::Restore, reason, json!({}), wait).await?;
    super::say(
        context,
        "restored",
        &format!("restored: {plan}: what was written meanwhile is filled again{nobody}"),
    );
    Ok(())
}

pub async fn ignore_standby(
    context: &Context,
    standby: &str,
    lasting: Duration,
    reason: Option<&str>,
    wait: u64,
) -> Result<(), Fail> {
    let args = json!({"standby": standby, "for": format!("{}ms", lasting.as_millis())});
    let (plan, nobody) = note(context, "ignore", CommandKind::IgnoreStandby, reason, args, wait).await?;
    let long = human::duration(lasting);
    super::say(context, "standby_ignored", &format!("standby {standby} ignored for {long}: {plan}{nobody}"));
    Ok(())
}

pub async fn drill(
    context: &Context,
    drill: Drill,
    lasting: Duration,
    reason: Option<&str>,
    wait: u64,
) -> Result<(), Fail> {
    let args = json!({"drill": drill.name(), "for": format!("{}ms", lasting.as_millis())});
    let (plan, nobody) = note(context, "drill", CommandKind::Drill, reason, args, wait).await?;
    let (name, long) = (drill.name(), human::duration(lasting));
    super::say(context, "drill", &format!("drill {name} for {long}: {plan}{nobody}"));
    Ok(())
}
