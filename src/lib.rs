//! Segue: zero-downtime schema changes for PostgreSQL.

pub mod catalog;
pub mod cli;
pub mod clock;
pub mod compile;
pub mod control;
pub mod diagnostic;
pub mod execute;
pub mod failpoint;
pub mod ident;
pub mod journal;
pub mod lsn;
pub mod monitor;
pub mod pg;
pub mod plan;
pub mod sandbox;
pub mod store;
pub mod supervise;
pub mod telemetry;
pub mod ui;
