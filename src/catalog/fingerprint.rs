//! Owns the hash of a catalog: what counts as the same schema. Must not ask a server.
