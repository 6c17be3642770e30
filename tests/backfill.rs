//! The backfill under disturbance, on real servers: random writers and maintenance, kills in the middle, sessions that are
//! lost, partitions that come and go. Whatever happens, every row is filled, and each once.
//!
//! `SEGUE_BACKFILL_SEED` repeats a run of the storm, `SEGUE_BACKFILL_SEEDS` is how many seeds each of its cases is given;
//! `SEGUE_KILL_SEED` repeats the kills.

mod common;

#[path = "backfill/dear.rs"]
mod dear;
#[path = "backfill/kills.rs"]
mod kills;
#[path = "backfill/only.rs"]
mod only;
#[path = "backfill/partitions.rs"]
mod partitions;
#[path = "backfill/storm.rs"]
mod storm;
#[path = "backfill/writers.rs"]
mod writers;
