//! Owns `compile(plan, catalog)`: a plan and a schema to a program, or diagnostics. Pure.
//! Must not ask a server or a clock; what only the server can tell is left to `Program::checks`.

pub mod explain;
pub mod expr;
pub mod program;
pub mod sync;
pub mod views;

pub use program::Program;
