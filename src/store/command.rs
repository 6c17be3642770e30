//! Owns what operators ask of a rollout, from anywhere that reaches the database: by `segue pause` as by a
//! plain INSERT. Must not carry a command out.

use super::error::Error;
use super::rollout::Rollout;
use crate::ident::Ident;
use crate::pg::{Limits, Row, RowExt, Session};
use jiff::Timestamp;
use serde_json::Value;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    Pause,
    Resume,
    Rollback,
    Complete,
    /// Change limits of the backfill: `args` says which.
    Tune,
    /// Go on although these signals cannot be read: `args` says which.
    AcceptBlind,
    /// No contract until it is released.
    HoldContract,
    ReleaseContract,
    /// A standby does not count for a while: `args` says which and for how long.
    IgnoreStandby,
    /// A signal made up for a while: `args` says which and for how long.
    Drill,
    /// The sync triggers only mark rows, until they are restored.
    Shed,
    Restore,
}

impl CommandKind {
    pub fn as_str(self) -> &'static str {
        match self {
            CommandKind::Pause => "pause",
            CommandKind::Resume => "resume",
            CommandKind::Rollback => "rollback",
            CommandKind::Complete => "complete",
            CommandKind::Tune => "tune",
            CommandKind::AcceptBlind => "accept_blind",
            CommandKind::HoldContract => "hold_contract",
            CommandKind::ReleaseContract => "release_contract",
            CommandKind::IgnoreStandby => "ignore_standby",
            CommandKind::Drill => "drill",
            CommandKind::Shed => "shed",
            CommandKind::Restore => "restore",
        }
    }

    fn of(text: &str) -> Option<CommandKind> {
        use CommandKind::*;
        let all = [
            Pause,
            Resume,
            Rollback,
            Complete,
            Tune,
            AcceptBlind,
            HoldContract,
            ReleaseContract,
            IgnoreStandby,
            Drill,
            Shed,
            Restore,
        ];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A command to be put. `by` is the role, by the server's word.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCommand<'a> {
    pub schema: &'a Ident,
    pub rollout: Option<i64>,
    pub kind: CommandKind,
    pub reason: Option<&'a str>,
    /// Such as `{"force": true}`.
    pub args: Value,
}

/// A command as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub id: i64,
    pub schema: String,
    pub rollout: Option<i64>,
    pub kind: CommandKind,
    pub reason: Option<String>,
    pub by: String,
    pub args: Value,
    pub at: Timestamp,
    pub applied_at: Option<Timestamp>,
    pub outcome: Option<String>,
}

/// Puts a command. Whoever supervises finds it among the pending ones.
pub async fn put_command(session: &mut Session, new: &NewCommand<'_>) -> Result<Command, Error> {
    let doing = "putting the command";
    let sql = "INSERT INTO segue.commands (schema, rollout, kind, reason, args)
               VALUES ($1, $2, $3, $4, $5) RETURNING *";
    let tx = session.transaction(doing, &Limits::READ).await?;
    let kind = new.kind.as_str();
    let row = tx.query_one(doing, sql, &[new.schema, &new.rollout, &kind, &new.reason, &new.args]).await?;
    let command = read(&row)?;
    tx.commit(doing).await?;
    Ok(command)
}

/// What was asked of this rollout and not yet answered, oldest first. A command that names no rollout is for the
/// one under way when it was put, so what was asked before this one began is not for it.
pub async fn pending_commands(session: &Session, rollout: &Rollout) -> Result<Vec<Command>, Error> {
    let sql = "SELECT * FROM segue.commands
                WHERE schema = $1 AND applied_at IS NULL
                  AND (rollout = $2 OR (rollout IS NULL AND at >= $3)) ORDER BY id";
    let rows = session
        .query("reading what operators asked for", sql, &[&rollout.schema, &rollout.id, &rollout.started_at])
        .await?;
    rows.iter().map(read).collect()
}

/// One command, to see what became of it.
pub async fn command(session: &Session, id: i64) -> Result<Option<Command>, Error> {
    let row = session
        .query_opt("reading the command", "SELECT * FROM segue.commands WHERE id = $1", &[&id])
        .await?;
    row.as_ref().map(read).transpose()
}

/// Notes what became of a command (`done`, or why not); once only. Pass the `Tx` of the record that obeys it.
/// False: it had been answered before.
pub async fn applied(session: &Session, id: i64, outcome: &str) -> Result<bool, Error> {
    let sql = "UPDATE segue.commands SET applied_at = clock_timestamp(), outcome = $2
                WHERE id = $1 AND applied_at IS NULL";
    Ok(session.change("answering the command", sql, &[&id, &outcome]).await? == 1)
}

fn read(row: &Row) -> Result<Command, Error> {
    let kind: &str = row.read("kind")?;
    Ok(Command {
        id: row.read("id")?,
        schema: row.read("schema")?,
        rollout: row.read("rollout")?,
        kind: CommandKind::of(kind).expect("the table's CHECK holds the same kinds"),
        reason: row.read("reason")?,
        by: row.read("by")?,
        args: row.read("args")?,
        at: row.read("at")?,
        applied_at: row.read("applied_at")?,
        outcome: row.read("outcome")?,
    })
}
