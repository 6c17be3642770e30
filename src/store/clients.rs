//! Owns who was seen on which version schema, and since when anybody has been looking: that nobody was seen
//! means nothing for a time in which nobody looked. Must not decide whether a version is still needed.

use super::error::Error;
use crate::ident::Ident;
use crate::pg::{Json, Row, RowExt, Session};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One user of one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Client {
    pub version_schema: String,
    /// Its `application_name`; may be empty.
    pub application: String,
    pub role: String,
    /// `None` for a local socket, or where Segue's role may not see it.
    pub address: Option<String>,
}

/// A user of a version, and when it was seen first and last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSeen {
    #[serde(flatten)]
    pub client: Client,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// What is known of a version's use. All times are of the clock of the process that looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Since when somebody has been looking without a gap, and until when.
    pub watched: Option<(Timestamp, Timestamp)>,
    /// When anybody was last seen on it; `None`: never.
    pub last_seen: Option<Timestamp>,
}

/// A look after a longer gap than this starts the watch anew, and so does one by a clock that was set back.
const LONGEST_GAP_SECONDS: f64 = 3.0;

/// Notes that the version schemas `watched` were looked at at `at`, and who was seen on them.
pub async fn clients_seen(
    session: &Session,
    schema: &Ident,
    watched: &[Ident],
    at: Timestamp,
    seen: &[ClientSeen],
) -> Result<(), Error> {
    // One statement, so that a watch is never noted without those it saw.
    let sql = "
        WITH looked AS (
          INSERT INTO segue.watched AS w (schema, version_schema, since, until)
          SELECT $1, v, $3, $3 FROM unnest($2::text[]) AS v
          ON CONFLICT (schema, version_schema) DO UPDATE
             SET until = CASE WHEN w.until - excluded.until > make_interval(secs => $5) THEN excluded.until
                              ELSE greatest(w.until, excluded.until) END,
                 since = CASE WHEN abs(extract(epoch FROM excluded.until - w.until)) > $5 THEN excluded.since
                              ELSE w.since END
        )
        INSERT INTO segue.clients AS c
               (schema, version_schema, application, role, address, first_seen, last_seen)
        SELECT $1, s.version_schema, s.application, s.role, coalesce(s.address, ''), s.first_seen, s.last_seen
          FROM jsonb_to_recordset($4) AS s (version_schema text, application text, role text, address text,
                                            first_seen timestamptz, last_seen timestamptz)
        ON CONFLICT (schema, version_schema, application, role, address) DO UPDATE
           SET last_seen = greatest(c.last_seen, excluded.last_seen)";
    let versions = watched.to_vec();
    session
        .change(
            "noting who uses which version",
            sql,
            &[schema, &versions, &at, &Json(seen), &LONGEST_GAP_SECONDS],
        )
        .await?;
    Ok(())
}

/// Everybody ever seen on the versions of a schema, last seen first.
pub async fn clients(session: &Session, schema: &Ident) -> Result<Vec<ClientSeen>, Error> {
    let sql = "SELECT version_schema, application, role, nullif(address, '') AS address, first_seen, last_seen
                 FROM segue.clients WHERE schema = $1 ORDER BY last_seen DESC, version_schema, application, role";
    let rows = session.query("reading who uses which version", sql, &[schema]).await?;
    rows.iter().map(read).collect()
}

/// What is known of the use of one version.
pub async fn usage(session: &Session, schema: &Ident, version_schema: &Ident) -> Result<Usage, Error> {
    let sql = "SELECT w.since, w.until,
                      (SELECT max(c.last_seen) FROM segue.clients c WHERE c.schema = $1 AND c.version_schema = $2)
                        AS last_seen
                 FROM (SELECT) AS one
                 LEFT JOIN segue.watched w ON w.schema = $1 AND w.version_schema = $2";
    let row = session.query_one("reading the use of a version", sql, &[schema, version_schema]).await?;
    let (since, until): (Option<Timestamp>, Option<Timestamp>) = (row.read("since")?, row.read("until")?);
    Ok(Usage { watched: since.zip(until), last_seen: row.read("last_seen")? })
}

fn read(row: &Row) -> Result<ClientSeen, Error> {
    Ok(ClientSeen {
        client: Client {
            version_schema: row.read("version_schema")?,
            application: row.read("application")?,
            role: row.read("role")?,
            address: row.read("address")?,
        },
        first_seen: row.read("first_seen")?,
        last_seen: row.read("last_seen")?,
    })
}
