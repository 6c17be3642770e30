//! Owns values that the tests of this module show. Compiled for tests alone.

use crate::compile::program::{Action, Cost, Phase, Program, Step, Undo};
use crate::control::growth::{Growth, Measure};
use crate::control::hold::{Hold, HoldKind, OPERATOR};
use crate::control::progress::{Counts, Stage, TableProgress, VacuumProgress};
use crate::control::record::{Direction, Outcome, Record};
use crate::control::signal::{Freshness, Reading, name};
use crate::control::state::{Goal, RolloutState, State};
use crate::supervise::told::{Glance, Told};
use jiff::{Timestamp, ToSpan};
use std::sync::Arc;

/// So many milliseconds after seven.
pub fn at(millis: i64) -> Timestamp {
    "2026-11-22T07:00:00Z".parse::<Timestamp>().unwrap() + millis.milliseconds()
}

pub fn program() -> Arc<Program> {
    let step = |title: &str, phase, action| Step {
        title: title.into(),
        phase,
        action,
        locks: vec![],
        cost: Cost::Catalog,
        undo: Undo::Nothing,
    };
    Arc::new(Program {
        format: 1,
        plan: "20261122_full_name".into(),
        description: None,
        schema: "public".into(),
        version_schema: "public_full_name".into(),
        previous_version_schema: Some("public_20261120_orders".into()),
        checks: vec![],
        views: vec![],
        objects: Vec::new(),
        types: Default::default(),
        owned: Default::default(),
        steps: vec![
            step("prepare users", Phase::Expand, Action::Ddl { statements: vec![] }),
            // Stands for a backfill: it takes long.
            step(
                "fill users (full_name)",
                Phase::Backfill,
                Action::Script { sql: String::new(), transactional: false },
            ),
            step("publish public_full_name", Phase::Backfill, Action::Publish),
            step(
                "retire public_20261120_orders",
                Phase::Contract,
                Action::Retire { version_schema: "public_20261120_orders".into() },
            ),
        ],
    })
}

pub fn operator_pause() -> Hold {
    Hold {
        kind: HoldKind::Pause,
        by: OPERATOR.into(),
        subject: None,
        reason: Some("deploy freeze".into()),
        reading: None,
        threshold: None,
        unit: None,
        culprit: None,
        since: at(0),
        until: None,
    }
}

pub fn throttle() -> Hold {
    Hold {
        kind: HoldKind::Throttle,
        by: name::REPLICATION_LAG.into(),
        subject: Some("standby1".into()),
        reason: Some("at 70 % of full speed".into()),
        reading: Some(1.4),
        threshold: Some(1.0),
        unit: Some("s".into()),
        culprit: None,
        since: at(3000),
        until: None,
    }
}

pub fn blind_pause() -> Hold {
    Hold {
        kind: HoldKind::Pause,
        reason: Some("cannot be read: standby1 is gone".into()),
        reading: None,
        threshold: Some(10.0),
        ..throttle()
    }
}

pub fn reading(name: &str, subject: Option<&str>, value: Option<f64>, unit: &str) -> Reading {
    Reading {
        name: name.into(),
        subject: subject.map(str::to_owned),
        value,
        unit: unit.into(),
        state: if value.is_some() { Freshness::Fresh } else { Freshness::Blind },
        at: at(5000),
        limit: None,
        baseline: None,
        detail: None,
    }
}

pub fn signals() -> Vec<Reading> {
    vec![
        reading(name::REPLICATION_LAG, Some("standby1"), Some(0.2), "s"),
        reading(name::REPLICATION_LAG_BYTES, Some("standby1"), Some(16e6), "B"),
        reading(name::LOCK_WAIT, None, Some(0.0), "s"),
        reading(name::LOCK_VICTIMS, None, Some(0.0), "sessions"),
        Reading {
            detail: Some("report (pid 9, active), open for 3.0 s".into()),
            ..reading(name::HORIZON, None, Some(42.0), "transactions")
        },
        reading(name::WAL_RATE, None, Some(12e6), "B/s"),
    ]
}

pub fn users(rows_done: u64) -> TableProgress {
    let left = 1_000_000u64.saturating_sub(rows_done);
    TableProgress {
        rows_per_second: Some(81_000.0),
        eta_seconds: Some(left as f64 / 81_000.0),
        ..of("users", rows_done, Some(1_000_000))
    }
}

/// In hand, with nobody watching.
pub fn of(table: &str, rows_done: u64, rows_total: Option<u64>) -> TableProgress {
    let counts = Counts { rows_done, rows_total, ..Counts::default() };
    TableProgress { stage: None, ..TableProgress::of(table, &counts, None) }
}

pub fn filled(table: &str, rows_done: u64) -> TableProgress {
    TableProgress::of(table, &Counts { rows_done, finished: true, ..Counts::default() }, None)
}

/// With all that can be known of what it costs.
pub fn costly(table: TableProgress) -> TableProgress {
    let measure = |table_bytes, index_bytes, dead_rows| Measure {
        table_bytes: Some(table_bytes),
        index_bytes: Some(index_bytes),
        dead_rows: Some(dead_rows),
        wal: None,
    };
    let growth = Growth {
        before: measure(100_000_000, 50_000_000, 0),
        now: measure(108_000_000, 50_600_000, 12_300),
        wal_bytes: Some(210_000_000),
    };
    let (blocks_done, blocks_total) = (Some(3_150), Some(7_500));
    TableProgress { stage: Some(Stage::Filling), blocks_done, blocks_total, ..table }.grown(&growth)
}

pub fn vacuuming() -> VacuumProgress {
    VacuumProgress {
        table: "users".into(),
        phase: "scanning heap".into(),
        blocks_total: Some(7_500),
        blocks_scanned: Some(1_200),
        blocks_vacuumed: Some(0),
        index_passes: Some(0),
    }
}

pub fn glance(millis: i64, rows_done: u64) -> Glance {
    Glance {
        at: at(millis),
        state: State::Backfilling,
        holds: vec![],
        signals: signals(),
        exceptions: vec![],
        backfill: vec![users(rows_done)],
        steps_done: 1,
        steps_total: 4,
        current: Some("fill users (full_name)".into()),
        vacuum: None,
        blockers: None,
        limited: None,
    }
}

pub fn told(millis: i64, record: Record) -> Told {
    Told::Record { at: at(millis), record: Box::new(record) }
}

pub fn began(millis: i64, step: usize) -> Told {
    told(millis, Record::StepBegan { step, direction: Direction::Forward })
}

pub fn done(millis: i64, step: usize) -> Told {
    told(millis, Record::StepEnded { step, direction: Direction::Forward, outcome: Outcome::Done })
}

pub fn moved(millis: i64, from: State, to: State) -> Told {
    told(millis, Record::StateChanged { from, to, error: None })
}

/// A short rollout with a throttle in it.
pub fn story() -> Vec<Told> {
    let seen = |glance: Glance| Told::Glance(Box::new(glance));
    let up = Record::SupervisorUp { holder: "host:4711".into(), term: 3, version: "0.1.0".into() };
    vec![
        told(0, up),
        began(10, 0),
        done(22, 0),
        moved(22, State::Expanding, State::Backfilling),
        began(25, 1),
        seen(Glance { blockers: None, ..glance(250, 0) }),
        seen(glance(500, 40_000)),
        seen(glance(2600, 200_000)),
        told(3000, Record::Held { hold: throttle() }),
        seen(Glance { holds: vec![throttle()], ..glance(3250, 240_000) }),
        seen(Glance { holds: vec![throttle()], ..glance(4700, 300_000) }),
        told(15_000, Record::Released { hold: throttle() }),
        done(18_025, 1),
        seen(Glance {
            backfill: vec![filled("users", 1_000_000)],
            current: Some("publish public_full_name".into()),
            blockers: Some("pid 77, application report, transaction open for 4.0 s".into()),
            ..glance(21_000, 0)
        }),
        began(21_100, 2),
        done(21_200, 2),
        moved(21_210, State::Backfilling, State::Ready),
    ]
}

/// The fold of these records.
pub fn folded(records: &[Record]) -> RolloutState {
    let mut state = RolloutState::new(&program(), Goal::Ready);
    records.iter().for_each(|record| state.fold(record));
    state
}
