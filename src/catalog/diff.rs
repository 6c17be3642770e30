//! Owns the difference of two catalogs, told so that a person can read it. Must not ask a server.
