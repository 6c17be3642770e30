//! Owns entering completed rollouts that Segue did not carry out, so that the next one follows them. Must not decide
//! which.

use super::error::Error;
use super::fence::Fence;
use super::lease::Lease;
use super::record;
use super::rollout::{NewRollout, read_id};
use crate::pg::{Json, Limits, Session};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// A rollout that was, and the records that say so.
pub struct Adopted<'a> {
    pub rollout: NewRollout<'a>,
    /// `None`: now.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub records: Vec<(String, Value)>,
}

/// Enters all of them or none, under a lease: nothing can be under way meanwhile.
pub async fn adopt(session: &mut Session, lease: &Lease, all: &[Adopted<'_>]) -> Result<(), Error> {
    let doing = "entering what was before";
    let limits = Limits::new(Duration::from_secs(5), Duration::from_secs(30));
    let tx = session.transaction(doing, &limits).await?;
    let sql = "
        WITH held AS (SELECT term FROM segue.lease
                       WHERE schema = $1 AND holder = $2 AND term = $3 AND expires_at > clock_timestamp() FOR SHARE)
        INSERT INTO segue.rollouts (schema, plan, version_schema, previous_version_schema, plan_text, program, policy,
                                    catalog_before, goal, state, term, started_at, ended_at)
        SELECT $1, $4, $5, $6, $7, $8, $9, $10, 'completed', 'completed', term,
               coalesce($11, clock_timestamp()), coalesce($12, clock_timestamp())
          FROM held
        RETURNING id";
    for one in all {
        let (new, program) = (&one.rollout, one.rollout.program);
        let row = tx
            .query_opt(
                doing,
                sql,
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
                    &one.started_at,
                    &one.ended_at,
                ],
            )
            .await?;
        let Some(row) = row else {
            return Err(Error::LeaseLost { schema: program.schema.as_str().to_owned(), term: lease.term });
        };
        let fence = Fence { rollout: read_id(&row)?, term: lease.term };
        for (kind, body) in &one.records {
            record::append_in_tx(&tx, fence, kind, body).await?;
        }
    }
    tx.commit(doing).await?;
    Ok(())
}
