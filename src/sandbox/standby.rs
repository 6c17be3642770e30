//! Owns streaming standbys: how a twin of the template becomes one, and lag, partition and failover on demand. Must not start
//! servers by another way than `cluster` does.

use super::{Cluster, Options, PATIENCE, SandboxError, wait_for};
use crate::ident;

/// A primary and its streaming standby, `standby1`.
#[derive(Debug)]
pub struct Pair {
    /// Takes the writes.
    pub primary: Cluster,
    /// Follows, and answers reads.
    pub standby: Cluster,
}

impl Cluster {
    /// Starts a standby of this primary, streaming through a slot of its own name, and returns when it does. No backup is
    /// needed: it is another copy of the template that the primary began as, and replays all since; so ask early, while the primary
    /// still has that WAL. The options must not make it smaller than the primary (`max_connections` and the like).
    pub fn standby(&self, name: &str, options: &Options) -> Result<Cluster, SandboxError> {
        let create = format!("SELECT pg_create_physical_replication_slot({}, true)", ident::literal(name));
        match self.query("postgres", &create) {
            Ok(_) => {}
            // There was one of this name before; its slot goes on.
            Err(SandboxError::Wire { source, .. }) if source.code() == Some("42710") => {}
            Err(error) => return Err(error),
        }
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let primary = format!(
            "host={} port={} user=postgres application_name={}",
            quoted(&self.directory().display().to_string()),
            self.port(),
            quoted(name)
        );
        let settings = [
            ("primary_conninfo", primary),
            ("primary_slot_name", name.to_owned()),
            // The default of 5 s would make every reconnection last as long.
            ("wal_retrieve_retry_interval", "100ms".to_owned()),
            // With the default of 10 s the primary's view of an idle standby is as old.
            ("wal_receiver_status_interval", "1s".to_owned()),
        ];
        let standby = Cluster::start_with(&options.clone().binaries(self.binaries()), Some(&settings))?;
        self.wait_streaming(name)?;
        Ok(standby)
    }

    /// Waits until a standby of this name streams.
    pub fn wait_streaming(&self, name: &str) -> Result<(), SandboxError> {
        let sql = format!(
            "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = {}",
            ident::literal(name)
        );
        wait_for(&format!("standby {name} to stream"), PATIENCE, || {
            Ok(!self.query("postgres", &sql)?.is_empty())
        })
    }

    /// Pauses replay on a standby and waits until it has: lag in seconds and bytes, with WAL still arriving.
    pub fn pause_replay(&self) -> Result<(), SandboxError> {
        self.query("postgres", "SELECT pg_wal_replay_pause()")?;
        wait_for("replay to pause", PATIENCE, || {
            let state = self.query("postgres", "SELECT pg_get_wal_replay_pause_state()")?;
            Ok(state == [[Some("paused".to_owned())]])
        })
    }

    /// Lets replay go on.
    pub fn resume_replay(&self) -> Result<(), SandboxError> {
        self.query("postgres", "SELECT pg_wal_replay_resume()").map(|_| ())
    }
}

impl Pair {
    /// The standby's name, for the primary and in its slot.
    pub const STANDBY: &str = "standby1";

    /// Starts both with the same options; about 0.2 s.
    pub fn start(options: &Options) -> Result<Pair, SandboxError> {
        Pair::start_with(options, options)
    }

    /// Starts both, each with options of its own.
    pub fn start_with(primary: &Options, standby: &Options) -> Result<Pair, SandboxError> {
        let primary = Cluster::start(primary)?;
        let standby = primary.standby(Pair::STANDBY, standby)?;
        Ok(Pair { primary, standby })
    }

    /// Waits until the standby has replayed all that the primary has written up to now.
    pub fn wait_caught_up(&self) -> Result<(), SandboxError> {
        let rows = self.primary.query("postgres", "SELECT pg_current_wal_lsn()")?;
        let now = rows.into_iter().flatten().flatten().next().unwrap_or_default();
        let sql = format!("SELECT pg_last_wal_replay_lsn() >= {}::pg_lsn", ident::literal(&now));
        wait_for("the standby to catch up", PATIENCE, || {
            Ok(self.standby.query("postgres", &sql)? == [[Some("t".to_owned())]])
        })
    }

    /// Cuts the standby off as a network partition would: its receiver is stopped where it is, the connection stays open. The
    /// primary hangs up after `wal_sender_timeout` (60 s).
    pub fn cut_off(&self) -> Result<(), SandboxError> {
        self.standby.freeze_one("walreceiver").map(|_| ())
    }

    /// Ends what [`Pair::cut_off`] began and waits until the standby streams again.
    pub fn reconnect(&self) -> Result<(), SandboxError> {
        self.standby.thaw()?;
        self.primary.wait_streaming(Pair::STANDBY)
    }
}
