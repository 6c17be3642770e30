//! Owns `commit_time`: how long a commit takes from here, and that the server takes writes at all. Must not judge it.
//!
//! A message in the log stands for a write: it waits for the disk and for a synchronous standby as any commit does,
//! and leaves nothing in any table. A commit in hand is never cancelled, since one that waits for its
//! standby would be reported as done; while it lasts the reading grows.

use super::SLOW_INTERVAL;
use super::board::{blind, fresh};
use super::sampling::{Link, Shared, Trouble, ask, note, setup, ticks, trouble};
use crate::clock;
use crate::control::signal::{Reading, name};
use crate::pg::{Limits, RowExt, Session, Setup};
use std::pin::pin;
use std::time::{Duration, Instant};

pub(super) const SIGNAL: (&str, &str) = (name::COMMIT_TIME, "s");

const SQL: &str = "
SELECT CASE WHEN NOT current_setting('transaction_read_only')::bool
            THEN pg_logical_emit_message(true, 'segue', '')::text END";
/// How often what is known of a commit in hand is told.
const TOLD_EVERY: Duration = Duration::from_millis(500);
/// After so long somebody else is asked what it waits for.
const ASK_AFTER: Duration = Duration::from_secs(10);
/// The statement has limits; how long its commit waits is what is measured.
const LIMITS: Limits = Limits {
    lock: Some(Duration::from_millis(500)),
    statement: Some(Duration::from_secs(2)),
    client: Duration::from_secs(7 * 86_400),
};

pub(super) async fn run(shared: &Shared) {
    let setup = Setup { search_path: vec![], limits: LIMITS, settings: vec![] };
    let link = Link { what: "commit", names: vec![SIGNAL.0], setup };
    loop {
        let session = link.open(shared).await;
        let mut ticks = ticks(SLOW_INTERVAL);
        let why = loop {
            ticks.tick().await;
            if let Err(why) = note(shared, &[SIGNAL.0], timed(shared, &session).await) {
                break why;
            }
        };
        link.lost(shared, &why);
    }
}

/// One commit from beginning to end.
async fn timed(shared: &Shared, session: &Session) -> Result<(), Trouble> {
    let begun = Instant::now();
    let mut commit = pin!(session.query_one("timing a commit", SQL, &[]));
    let mut ask_at = begun + ASK_AFTER;
    let written: Option<String> = loop {
        tokio::select! {
            answer = &mut commit => {
                break answer.and_then(|row| row.cell(0)).map_err(|error| trouble(&error))?;
            }
            () = tokio::time::sleep(TOLD_EVERY) => {
                let detail = Some("a commit of the monitor's own, still under way".to_owned());
                tell(shared, Reading { detail, ..reading(begun) });
            }
        }
        if Instant::now() >= ask_at {
            // Only where nobody can be asked is it left to go on: it is under way as far as is known.
            if is_under_way(shared, session.backend_pid()).await == Some(false) {
                return Err(Trouble::Session(
                    "a commit had no answer, and the server knows of none".to_owned(),
                ));
            }
            ask_at = Instant::now() + ASK_AFTER;
        }
    };
    match written {
        Some(_) => tell(shared, reading(begun)),
        None => {
            let why = "the server takes no writes: it is read only, or a standby";
            tell(shared, blind(SIGNAL.0, None, SIGNAL.1, clock::now(), why));
        }
    }
    Ok(())
}

/// Whether the server still has that session's commit in hand; `None`: it does not answer either.
async fn is_under_way(shared: &Shared, pid: i32) -> Option<bool> {
    let role = format!("{}/commit", shared.watch.role);
    let looking = Session::open_with(&shared.config, &role, ASK_AFTER, setup(vec![])).await.ok()?;
    let sql = "SELECT to_jsonb(EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active'))";
    ask(&looking, "what a commit waits for", sql, &[&pid]).await.ok()
}

fn reading(begun: Instant) -> Reading {
    fresh(SIGNAL.0, None, begun.elapsed().as_secs_f64(), SIGNAL.1, clock::now())
}

fn tell(shared: &Shared, reading: Reading) {
    shared.put(SIGNAL.0, vec![reading], Instant::now(), SLOW_INTERVAL);
}
