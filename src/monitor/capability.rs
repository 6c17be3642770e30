//! Owns what the role can see and which server it sees: asked once per session, so that what cannot be seen
//! is known as such. Must not decide whether that is enough.

pub use crate::control::server::Server as Identity;
use serde::Deserialize;

/// What this role may see and do, and the settings that readings hang on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Capability {
    pub role: String,
    /// Other sessions' states and standbys' positions (`pg_read_all_stats`).
    pub see_activity: bool,
    /// May cancel other roles' sessions (`pg_signal_backend`).
    pub may_cancel: bool,
    pub track_activities: bool,
    /// As configured; empty: no synchronous standby.
    pub synchronous_standby_names: String,
    pub synchronous_commit: String,
    pub deadlock_timeout_ms: u64,
    /// `server_version_num`.
    pub server_version: u32,
}

pub(super) const CAPABILITY_SQL: &str = "
SELECT jsonb_build_object(
  'role', current_user,
  'see_activity', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'may_cancel', pg_has_role(current_user, 'pg_signal_backend', 'USAGE'),
  'track_activities', current_setting('track_activities')::bool,
  'synchronous_standby_names', current_setting('synchronous_standby_names'),
  'synchronous_commit', current_setting('synchronous_commit'),
  'deadlock_timeout_ms', (SELECT setting::bigint FROM pg_settings WHERE name = 'deadlock_timeout'),
  'server_version', current_setting('server_version_num')::int)";

/// The monitor's own sessions are read only by default: the server's answer is its default's reset value.
pub const IDENTITY_SQL: &str = "
SELECT jsonb_build_object(
  'system', (SELECT system_identifier::text FROM pg_control_system()),
  'timeline', CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
  'started', pg_postmaster_start_time()::text,
  'in_recovery', pg_is_in_recovery(),
  'position', CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn()::text END,
  'read_only', (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only'))";
