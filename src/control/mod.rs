//! Owns the decisions of a rollout, pure: what state it is in, what to do next, when to hold.
//! Must not do anything: no clock (`now` is an argument), no I/O, no async.

pub mod adoption;
pub mod advance;
pub mod baseline;
pub mod defaults;
pub mod exception;
pub mod growth;
pub mod guard;
pub mod hold;
pub mod ignored;
pub mod ladder;
pub mod lag;
pub mod lease;
pub mod limits;
pub mod moved;
pub mod pace;
pub mod policy;
pub mod privileges;
pub mod progress;
pub mod record;
pub mod replay;
pub mod retry;
pub mod server;
pub mod signal;
pub mod slicing;
pub mod state;
pub mod status;
pub mod thresholds;
pub mod tuning;
