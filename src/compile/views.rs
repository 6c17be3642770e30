//! Owns the SQL that publishes a version schema. Must not ask a server.
