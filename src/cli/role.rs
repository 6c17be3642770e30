//! Owns the gate for what the role may: a plan does not start that it could not carry through. Must not grant anything.

use super::context::Connected;
use super::exit::Exit;
use super::fail::Fail;
use crate::compile::Program;
use crate::control::privileges;
use crate::store::{self, Of};

/// Some of what a role may not would be found out at the contract only, where there is no way back.
pub async fn may_start(connected: &Connected, program: &Program) -> Result<(), Fail> {
    may(connected, program, true).await
}

/// Who completes need not be who started, nor still have what it had.
pub async fn may_complete(connected: &Connected, program: &Program) -> Result<(), Fail> {
    may(connected, program, false).await
}

async fn may(connected: &Connected, program: &Program, starts: bool) -> Result<(), Fail> {
    let (owned, previous) = (program.owned.clone(), program.previous_version_schema.clone());
    let of = Of::Plan { owned, previous, publishes: starts };
    let facts = store::privileges(&connected.session, None, &program.schema, &of).await?;
    let lacking = facts.as_ref().map(privileges::stops).unwrap_or_default();
    if lacking.is_empty() {
        return Ok(());
    }
    let role = facts.map(|facts| facts.role.as_str().to_owned()).unwrap_or_default();
    let what: Vec<String> = lacking.iter().map(|need| format!("{} ({})", need.what, need.why)).collect();
    let sql: Vec<&str> = lacking.iter().flat_map(|need| &need.sql).map(String::as_str).collect();
    let message = format!("the role {role} lacks what the plan {} needs: {}", program.plan, what.join("; "));
    Err(Fail::new(Exit::Refused, message).help(format!(
        "have it granted, and {} again; `segue privileges` lists all of it: {}",
        if starts { "start" } else { "complete" },
        sql.join(" ")
    )))
}
