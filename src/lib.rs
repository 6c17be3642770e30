//! Segue: zero-downtime schema changes for PostgreSQL.

pub mod catalog;
pub mod compile;
pub mod control;
pub mod diagnostic;
pub mod ident;
pub mod lsn;
pub mod pg;
pub mod plan;
pub mod sandbox;
