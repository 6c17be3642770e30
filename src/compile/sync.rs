//! Owns the SQL of the sync function and its triggers. Must not ask a server.
