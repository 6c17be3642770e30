//! Owns the rollouts' rows: one for each program carried out, with all it takes to go on with it from
//! anywhere. Must not decide which state follows which.

use super::error::Error;
use super::fence::Fence;
use super::lease::Lease;
use super::record;
use crate::catalog::Catalog;
use crate::compile::program::Program;
use crate::control::adoption::Origin;
use crate::control::policy::Policy;
use crate::control::state::Goal;
use crate::ident::Ident;
use crate::pg::{Json, Limits, Row, RowExt, Session, sqlstate};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// What a rollout starts with; it begins in `expanding`.
#[derive(Clone, Debug)]
pub struct NewRollout<'a> {
    pub program: &'a Program,
    /// The file's text as it was.
    pub plan_text: &'a str,
    pub policy: &'a Policy,
    pub catalog_before: &'a Catalog,
    pub goal: Goal,
}

/// A rollout's row without its bulk.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    pub id: i64,
    pub schema: Ident,
    pub plan: String,
    pub version_schema: Ident,
    pub previous_version_schema: Option<Ident>,
    pub goal: Goal,
    /// One of the contract's states.
    pub state: String,
    pub term: i64,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub error: Option<String>,
    /// Where it comes from if Segue did not carry it out.
    pub adopted: Option<Origin>,
}

impl Rollout {
    /// Whether nothing more can happen to it. A failed one can still be rolled back.
    pub fn is_ended(&self) -> bool {
        matches!(self.state.as_str(), "completed" | "rolled_back")
    }
}

/// A rollout's bulk.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    pub plan_text: String,
    pub program: Program,
    pub policy: Policy,
    pub catalog_before: Catalog,
}

const COLUMNS: &str = "id, schema, plan, version_schema, previous_version_schema, goal, state, term, started_at, \
                       ended_at, error, (SELECT r.body->'from' FROM segue.records r \
                       WHERE r.rollout = rollouts.id AND r.kind = 'adopted' LIMIT 1) AS adopted";

/// Starts a rollout under a lease: its row and its first records, in one transaction.
/// [`Error::InTheWay`] where the schema has one that has not ended.
pub async fn create_rollout(
    session: &mut Session,
    lease: &Lease,
    new: &NewRollout<'_>,
    first: &[(&str, Value)],
) -> Result<Rollout, Error> {
    let doing = "starting the rollout";
    let limits = Limits::new(Duration::from_secs(5), Duration::from_secs(30));
    let tx = session.transaction(doing, &limits).await?;
    let sql = format!(
        "WITH held AS (SELECT term FROM segue.lease
                        WHERE schema = $1 AND holder = $2 AND term = $3 AND expires_at > clock_timestamp() FOR SHARE)
         INSERT INTO segue.rollouts (schema, plan, version_schema, previous_version_schema, plan_text, program,
                                     policy, catalog_before, goal, state, term)
         SELECT $1, $4, $5, $6, $7, $8, $9, $10, $11, 'expanding', term FROM held
         RETURNING {COLUMNS}"
    );
    let program = new.program;
    let inserted = tx
        .query_opt(
            doing,
            &sql,
            &[
                &program.schema,
                &lease.holder,
                &lease.term,
                &program.plan,
                &program.version_schema,
                &program.previous_version_schema,
                &new.plan_text,
                &Json(program),
                &Json(new.policy),
                &Json(new.catalog_before),
                &new.goal.as_str(),
            ],
        )
        .await;
    let row = match inserted {
        Ok(Some(row)) => row,
        Ok(None) => {
            return Err(Error::LeaseLost { schema: program.schema.as_str().to_owned(), term: lease.term });
        }
        Err(error) if error.sqlstate() == Some(sqlstate::UNIQUE_VIOLATION) => {
            tx.rollback(doing).await?;
            return Err(match current_rollout(session, &program.schema).await? {
                Some(there) if !there.is_ended() => Error::InTheWay {
                    schema: there.schema.as_str().to_owned(),
                    id: there.id,
                    plan: there.plan,
                    state: there.state,
                },
                _ => error.into(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    let rollout = read(&row)?;
    let fence = Fence { rollout: rollout.id, term: lease.term };
    for (kind, body) in first {
        record::append_in_tx(&tx, fence, kind, body).await?;
    }
    // What was asked when nothing was under way must not strike a rollout that came later.
    let sql = "UPDATE segue.commands SET applied_at = clock_timestamp(),
                      outcome = 'nothing was under way when this was asked'
                WHERE schema = $1 AND rollout IS NULL AND applied_at IS NULL AND at < $2";
    tx.change(doing, sql, &[&rollout.schema, &rollout.started_at]).await?;
    tx.commit(doing).await?;
    Ok(rollout)
}

/// The rollout of a schema that has not ended, else the latest.
pub async fn current_rollout(session: &Session, schema: &Ident) -> Result<Option<Rollout>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM segue.rollouts WHERE schema = $1
          ORDER BY state IN ('completed', 'rolled_back'), id DESC LIMIT 1"
    );
    one(session, &sql, &[schema]).await
}

pub async fn rollout(session: &Session, id: i64) -> Result<Option<Rollout>, Error> {
    one(session, &format!("SELECT {COLUMNS} FROM segue.rollouts WHERE id = $1"), &[&id]).await
}

/// All rollouts of a schema, newest first.
pub async fn history(session: &Session, schema: &Ident) -> Result<Vec<Rollout>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM segue.rollouts WHERE schema = $1 ORDER BY id DESC");
    let rows = session.query("reading the rollouts", &sql, &[schema]).await?;
    rows.iter().map(read).collect()
}

/// Names of the plans completed, in the order they were.
pub async fn applied_plans(session: &Session, schema: &Ident) -> Result<Vec<String>, Error> {
    let sql = "SELECT plan FROM segue.rollouts WHERE schema = $1 AND state = 'completed' ORDER BY id";
    let rows = session.query("reading which plans are applied", sql, &[schema]).await?;
    rows.iter().map(|row| Ok(row.read("plan")?)).collect()
}

/// What it takes to go on with a rollout.
pub async fn contents(session: &Session, id: i64) -> Result<Contents, Error> {
    let sql = "SELECT plan_text, program, policy, catalog_before FROM segue.rollouts WHERE id = $1";
    let row = session.query_opt("reading the rollout", sql, &[&id]).await?.ok_or(Error::NoRollout(id))?;
    Ok(Contents {
        plan_text: row.read("plan_text")?,
        program: decode(id, "program", row.read("program")?)?,
        policy: decode(id, "policy", row.read("policy")?)?,
        catalog_before: decode(id, "catalog", row.read("catalog_before")?)?,
    })
}

fn decode<T: DeserializeOwned>(rollout: i64, what: &'static str, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|e| Error::Unreadable { rollout, what, message: e.to_string() })
}

/// Moves a rollout on; `error` is kept where it is `None`. Pass the `Tx` of the record that says so.
/// Commands still open at the end of a rollout are answered as too late.
pub async fn set_state(
    session: &Session,
    fence: Fence,
    state: &str,
    error: Option<&str>,
) -> Result<(), Error> {
    let sql = "
        UPDATE segue.rollouts r
           SET state = $3, error = coalesce($4, r.error),
               ended_at = CASE WHEN $3 IN ('completed', 'rolled_back') THEN clock_timestamp() END
         WHERE r.id = $1 AND r.term = $2
           AND NOT EXISTS (SELECT FROM segue.lease l WHERE l.schema = r.schema AND l.term > $2)";
    let doing = "moving the rollout on";
    fence.check(session.change(doing, sql, &[&fence.rollout, &fence.term, &state, &error]).await?)?;
    let sql = "
        UPDATE segue.commands c SET applied_at = clock_timestamp(), outcome = 'the rollout had ended: ' || r.state
          FROM segue.rollouts r
         WHERE r.id = $1 AND r.ended_at IS NOT NULL AND c.schema = r.schema AND c.applied_at IS NULL
           AND (c.rollout = r.id OR (c.rollout IS NULL AND c.at <= r.ended_at))";
    if matches!(state, "completed" | "rolled_back") {
        session.change(doing, sql, &[&fence.rollout]).await?;
    }
    Ok(())
}

/// Changes how far the rollout is to go.
pub async fn set_goal(session: &Session, fence: Fence, goal: Goal) -> Result<(), Error> {
    let sql = "
        UPDATE segue.rollouts r SET goal = $3
         WHERE r.id = $1 AND r.term = $2
           AND NOT EXISTS (SELECT FROM segue.lease l WHERE l.schema = r.schema AND l.term > $2)";
    let touched = session
        .change("changing the rollout's goal", sql, &[&fence.rollout, &fence.term, &goal.as_str()])
        .await?;
    fence.check(touched)
}

async fn one(
    session: &Session,
    sql: &str,
    params: &[&dyn crate::pg::Param],
) -> Result<Option<Rollout>, Error> {
    let row = session.query_opt("reading the rollout", sql, params).await?;
    row.as_ref().map(read).transpose()
}

pub(super) fn read_id(row: &Row) -> Result<i64, Error> {
    Ok(row.read("id")?)
}

fn read(row: &Row) -> Result<Rollout, Error> {
    let goal: &str = row.read("goal")?;
    let id = read_id(row)?;
    let adopted: Option<Value> = row.read("adopted")?;
    Ok(Rollout {
        id,
        schema: row.read("schema")?,
        plan: row.read("plan")?,
        version_schema: row.read("version_schema")?,
        previous_version_schema: row.read("previous_version_schema")?,
        goal: if goal == Goal::Ready.as_str() { Goal::Ready } else { Goal::Completed },
        state: row.read("state")?,
        term: row.read("term")?,
        started_at: row.read("started_at")?,
        ended_at: row.read("ended_at")?,
        error: row.read("error")?,
        adopted: adopted.map(|from| decode(id, "origin", from)).transpose()?,
    })
}
