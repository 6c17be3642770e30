//! Owns the decisions of a rollout, pure: what state it is in, what to do next, when to hold.
//! Must not do anything: no clock (`now` is an argument), no I/O, no async.

pub mod hold;
pub mod record;
pub mod slicing;
pub mod state;
pub mod policy;
pub mod signal;
