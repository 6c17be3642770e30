//! Owns the proof that waits behind Segue are seen: a wait made on purpose, whose answer is known, on a table of
//! Segue's own. Until it was given the lock signals are blind. Must not be in anybody's way.

use super::locks;
use crate::pg::{self, Config, Limits, Session, Setup};
use crate::store::SCHEMA;
use std::time::Duration;

/// Nobody but the victim made here waits longer than a moment for what is locked.
const LIMITS: Limits = Limits {
    lock: Some(Duration::from_secs(1)),
    statement: Some(Duration::from_secs(2)),
    client: Duration::from_secs(3),
};
const CONNECT: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Not of those that count as Segue's.
const VICTIM: &str = "self-test of segue";
const DOING: &str = "testing whether waits are seen";

/// `Ok`: exactly the one victim was reported. `Err` says what is wrong with the answer, or why there was none.
pub(super) async fn run(config: &Config, role: &str) -> Result<(), String> {
    let role = format!("{role}/self-test");
    let open = |settings: Vec<(String, String)>| {
        let setup = Setup { search_path: vec![], limits: LIMITS, settings };
        Session::open_with(config, &role, CONNECT, setup)
    };
    let cannot = |error: pg::Error| format!("the self-test of the lock signals could not be done: {error}");
    let mut holder = open(vec![]).await.map_err(cannot)?;
    let mut victim = open(vec![("application_name".to_owned(), VICTIM.to_owned())]).await.map_err(cannot)?;
    let (pid, own) = (victim.backend_pid(), format!("segue/{role}"));
    // Conflicts with itself and with vacuum: nobody who reads or writes waits for it.
    let lock = format!("LOCK TABLE {SCHEMA}.rows_set_aside IN SHARE UPDATE EXCLUSIVE MODE");

    let holding = holder.transaction(DOING, &LIMITS).await.map_err(cannot)?;
    holding.batch(DOING, &lock).await.map_err(cannot)?;
    let wait = async {
        let waiting = victim.transaction(DOING, &LIMITS).await?;
        waiting.batch(DOING, &lock).await?;
        waiting.rollback(DOING).await
    };
    let look = async {
        let waits = "SELECT to_jsonb(EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid = $1))";
        while !holding.json::<bool>(DOING, waits, &[&pid]).await? {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // What the signals are read by, from a session of the same role.
        holding.json::<locks::Answer>(DOING, locks::SQL, &[&own]).await
    };
    let seen = tokio::select! {
        seen = look => seen.map_err(cannot)?,
        ended = wait => {
            ended.map_err(cannot)?;
            return Err("the self-test of the lock signals failed: a lock that two cannot hold was had twice".to_owned());
        }
    };
    holding.rollback(DOING).await.map_err(cannot)?;
    let pids: Vec<i32> = seen.victims.iter().map(|victim| victim.pid).collect();
    match pids == [pid] {
        true => Ok(()),
        false => Err(format!(
            "the self-test of the lock signals failed: one session waits for Segue, and {} are seen",
            pids.len()
        )),
    }
}
