//! Segue: zero-downtime schema changes for PostgreSQL.

pub mod catalog;
pub mod diagnostic;
pub mod ident;
pub mod lsn;
pub mod pg;
pub mod plan;
