//! Owns what a supervisor says while it runs, for whoever shows it. Must not be read back to decide.

use crate::control::exception::Exception;
use crate::control::hold::Hold;
use crate::control::progress::{TableProgress, VacuumProgress};
use crate::control::record::Record;
use crate::control::signal::Reading;
use crate::control::state::State;
use crate::plan::limits::Limit;
use jiff::Timestamp;
use serde::Serialize;

/// One thing said.
#[derive(Clone, Debug)]
pub enum Told {
    /// A decision or outcome, as journalled.
    Record { at: Timestamp, record: Box<Record> },
    /// How things stand; several a second.
    Glance(Box<Glance>),
}

/// How things stand at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Glance {
    pub at: Timestamp,
    pub state: State,
    pub holds: Vec<Hold>,
    pub signals: Vec<Reading>,
    /// Guards that an operator overrides, and drills.
    pub exceptions: Vec<Exception>,
    pub backfill: Vec<TableProgress>,
    pub steps_done: usize,
    pub steps_total: usize,
    /// Title of the step in hand.
    pub current: Option<String>,
    /// How far the VACUUM in hand is.
    pub vacuum: Option<VacuumProgress>,
    /// Who is in the way of the lock that the step in hand asks for.
    pub blockers: Option<String>,
    /// The limit that keeps the backfill from being faster.
    pub limited: Option<Limit>,
}
