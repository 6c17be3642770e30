//! Owns private PostgreSQL servers: found on this machine, started in memory where there is room, gone without a trace
//! when the process that started them ends, however it ends. For the demonstration and for the tests; no server that
//! somebody relies on is ever touched. Must not know anything of plans, rollouts or Segue's own schema.
//!
//! How it holds together: `binaries` finds a server's programs, `account` decides under whom they run, `template` runs
//! initdb once per version, `place` gives each cluster a directory and a reaper that outlives this process,
//! `keeper` is the thread whose children they are, `cluster` and `standby` start and disturb them, `database` gives each
//! test a database of its own, and `wire` speaks just enough of the protocol to need no client.

mod account;
pub mod binaries;
mod cluster;
mod database;
mod error;
mod keeper;
mod options;
mod place;
mod processes;
mod standby;
mod template;
pub mod wire;

pub use binaries::Binaries;
pub use cluster::{Cluster, Shutdown};
pub use database::{Database, database, database_on};
pub use error::SandboxError;
pub use options::{Options, Tls};
pub use processes::Process;
pub use standby::Pair;

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a server may take to start, stop or catch up on a busy machine before that counts as a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until the answer is yes. Fails when it does not come within `patience`, saying `what` was awaited.
pub fn wait_for(
    what: &str,
    patience: Duration,
    mut condition: impl FnMut() -> Result<bool, SandboxError>,
) -> Result<(), SandboxError> {
    let deadline = Instant::now() + patience;
    let mut rest = Duration::from_millis(2);
    loop {
        if condition()? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(SandboxError::TimedOut { what: what.to_owned(), after: patience });
        }
        thread::sleep(rest);
        rest = (rest * 2).min(Duration::from_millis(20));
    }
}
