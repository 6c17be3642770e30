//! Owns everything that talks to PostgreSQL: the only importer of tokio_postgres, deadpool and TLS.
//! Must not decide anything: what to do comes from above, what happened goes back up.

pub mod introspect;
