//! Owns the commands: one file each. Must not decide what a rollout does.

pub mod args;
pub mod demo;
