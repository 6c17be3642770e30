//! Owns the lease: which one supervisor advances a schema's rollouts, and under which term. Expiry is judged
//! by the server's clock alone. Must not decide when to renew or to steal, nor how long a holder may trust its
//! lease: that is `control::lease`'s.

use super::error::Error;
use crate::ident::Ident;
use crate::pg::{Limits, RowExt, Session, sqlstate};
use jiff::Timestamp;
use serde_json::Value;
use std::time::{Duration, Instant};

/// A lease this process holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    pub schema: Ident,
    pub holder: String,
    /// Goes up with each new holder.
    pub term: i64,
    /// What a renewal prolongs it to.
    pub ttl: Duration,
    /// When the last request that succeeded was sent: the lease cannot have been prolonged before.
    pub confirmed: Instant,
}

/// The lease as anybody may read it.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaseSeen {
    pub holder: String,
    pub term: i64,
    pub expires: Timestamp,
    /// By the server's clock, at the moment of reading.
    pub alive: bool,
    /// Whether the holder's session is there, as far as the server knows. After a kill it is gone long before
    /// the lease has run out; where it is not known, it counts as there.
    pub connected: bool,
    /// How things stood when it was renewed last: what the holder said itself.
    pub info: Option<Value>,
}

/// How a claim ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    Won(Lease),
    /// Somebody has it; `None`: it changed hands just now.
    Held(Option<LeaseSeen>),
}

/// Short on every side: a claim that has to wait is no claim, the caller polls.
const LIMITS: Limits = Limits {
    lock: Some(Duration::from_millis(500)),
    statement: Some(Duration::from_secs(2)),
    client: Duration::from_secs(4),
};

/// Claims the lease if it is free, expired, or its holder's session is gone from the server: a supervisor that was
/// killed need not be waited for. One that only lost its connection learns it at its next write. A lost answer leaves a lease that nobody renews.
pub async fn acquire(
    session: &Session,
    schema: &Ident,
    holder: &str,
    info: &Value,
    ttl: Duration,
) -> Result<Claim, Error> {
    // The first term of a new row continues from the rollouts, so that removing the row by hand unfences nobody.
    let sql = "
        INSERT INTO segue.lease AS l (schema, holder, term, expires_at, info)
        SELECT $1, $2, 1 + coalesce(max(r.term), 0), clock_timestamp() + make_interval(secs => $4),
               jsonb_build_object('backend', pg_backend_pid(), 'glance', $3)
          FROM segue.rollouts r WHERE r.schema = $1
        ON CONFLICT (schema) DO UPDATE
           SET holder = excluded.holder, term = greatest(l.term + 1, excluded.term),
               expires_at = excluded.expires_at, info = excluded.info
         WHERE l.expires_at < clock_timestamp()
            OR NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = coalesce((l.info->>'backend')::int, a.pid))
        RETURNING term";
    let sent = Instant::now();
    let rows = session
        .query_within("claiming the lease", sql, &[schema, &holder, info, &ttl.as_secs_f64()], &LIMITS)
        .await;
    let term = match rows {
        Ok(rows) => rows.first().map(|row| row.read("term")).transpose()?,
        Err(error) if error.sqlstate() == Some(sqlstate::LOCK_NOT_AVAILABLE) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(match term {
        Some(term) => Claim::Won(Lease {
            schema: schema.clone(),
            holder: holder.to_owned(),
            term,
            ttl,
            confirmed: sent,
        }),
        None => Claim::Held(look(session, schema).await?.filter(|seen| seen.alive)),
    })
}

/// Prolongs the lease. [`Error::LeaseLost`] where another holder has it: then stop.
pub async fn renew(session: &Session, lease: &mut Lease, info: Option<&Value>) -> Result<(), Error> {
    let sql = "UPDATE segue.lease SET expires_at = clock_timestamp() + make_interval(secs => $4),
                      info = jsonb_build_object('backend', pg_backend_pid(), 'glance', coalesce($5, info->'glance'))
                WHERE schema = $1 AND holder = $2 AND term = $3";
    let sent = Instant::now();
    let secs = lease.ttl.as_secs_f64();
    let touched = session
        .change(
            "renewing the lease",
            sql,
            &[&lease.schema, &lease.holder, &lease.term, &secs, &info.cloned()],
        )
        .await?;
    if touched == 0 {
        return Err(Error::LeaseLost { schema: lease.schema.as_str().to_owned(), term: lease.term });
    }
    lease.confirmed = lease.confirmed.max(sent);
    Ok(())
}

/// Gives the lease up, so that the next one need not wait. The row stays: terms never repeat.
/// Losing it before is no error: it is gone either way.
pub async fn release(session: &Session, lease: Lease) -> Result<(), Error> {
    let sql = "UPDATE segue.lease SET expires_at = clock_timestamp() - interval '1 microsecond'
                WHERE schema = $1 AND holder = $2 AND term = $3";
    session.change("giving up the lease", sql, &[&lease.schema, &lease.holder, &lease.term]).await?;
    Ok(())
}

/// Who has, or had, the lease.
pub async fn look(session: &Session, schema: &Ident) -> Result<Option<LeaseSeen>, Error> {
    let sql =
        "SELECT holder, term, expires_at, expires_at > clock_timestamp() AS alive, info->'glance' AS info,
                      EXISTS (SELECT FROM pg_stat_activity a
                               WHERE a.pid = coalesce((l.info->>'backend')::int, a.pid)) AS connected
                 FROM segue.lease l WHERE schema = $1";
    let row = session.query_opt("reading the lease", sql, &[schema]).await?;
    row.map(|row| {
        Ok(LeaseSeen {
            holder: row.read("holder")?,
            term: row.read("term")?,
            expires: row.read("expires_at")?,
            alive: row.read("alive")?,
            connected: row.read("connected")?,
            info: row.read("info")?,
        })
    })
    .transpose()
}
