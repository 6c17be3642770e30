//! Owns one measurement: a fresh copy of the table, the load alone, then one way of filling under the same load.

use crate::{
    cpu::CpuWatch,
    lag::{Lag, LagWatch},
    load::Load,
    options::Options,
    quiet,
    rollout::{self, Rollout},
    server::{self, Outcome},
    strategy::{self, Strategy},
    summary::{Latencies, LoadFigures},
};
use segue::sandbox::Pair;
use serde::Serialize;
use std::{
    thread,
    time::{Duration, Instant},
};

const DATABASE: &str = "bench";
/// Sessions are opened and caches warmed.
const WARM_UP: Duration = Duration::from_secs(1);

/// What one measurement gave. `None`: it cannot be known, or does not apply.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub strategy: Strategy,
    pub rows: u64,
    /// Of the filling alone.
    pub fill_seconds: f64,
    /// With everything before and after it.
    pub whole_seconds: f64,
    pub rows_per_second: f64,
    pub table_growth: f64,
    pub index_growth: f64,
    pub wal_bytes: u64,
    /// Of all updates of the table, the load's included.
    pub hot_share: Option<f64>,
    pub load: Option<LoadFigures>,
    pub lag: Option<Lag>,
    pub peak_memory_bytes: Option<u64>,
    /// Of the server's processes that did the filling.
    pub server_us_per_row: Option<f64>,
    /// Of Segue's own process.
    pub processor_seconds: Option<f64>,
    pub held_seconds: Option<f64>,
    pub wrong_rows: Option<u64>,
    /// How busy somebody else kept the processors right before or right after, whichever was more; 0 to 1.
    pub others: Option<f64>,
    pub steps: Vec<(String, f64)>,
}

/// The load before it, for comparison.
#[derive(Debug)]
pub struct Alone {
    pub latencies: Latencies,
    pub wal_bytes_per_second: f64,
    pub lag: Option<Lag>,
}

pub fn measure(pair: &Pair, options: &Options, strategy: Strategy, rows: u64) -> Outcome<(Alone, Figures)> {
    let primary = &pair.primary;
    server::fresh(primary, DATABASE, options.shape, rows)?;
    pair.wait_caught_up()?;
    let others_before = quiet::wait(Duration::from_secs(options.wait_quiet));
    let lag = LagWatch::start(pair)?;
    let load = Load::start(primary, DATABASE, options.shape, rows, options.rate)?;
    thread::sleep(WARM_UP);

    let (alone_from, wal_alone) = (Instant::now(), server::wal(primary)?);
    thread::sleep(Duration::from_secs(options.alone));
    let (from, wal_before) = (Instant::now(), server::wal(primary)?);
    let sizes_before = server::sizes(primary, DATABASE)?;
    let updates_before = server::updates(primary, DATABASE)?;

    let cpu = CpuWatch::start(primary, DATABASE)?;
    let rollout = match strategy.workers() {
        None => {
            let filling = strategy::fill(primary, DATABASE, strategy, options.shape)?;
            Rollout { filling, ..Rollout::default() }
        }
        Some(workers) => {
            let limit = Duration::from_secs(120 + rows / 2_000);
            rollout::run(primary, DATABASE, workers, &options.backfill, limit)?
        }
    };

    let (to, wal_after) = (Instant::now(), server::wal(primary)?);
    let server_processor = cpu.stop();
    let past = load.stop();
    let samples = lag.stop();
    let others_after = quiet::busy();
    let sizes = server::sizes(primary, DATABASE)?;
    let updates = server::final_updates(primary, DATABASE, updates_before.all + rows)?;
    let wrong_rows = match strategy.wrong_rows() {
        Some(sql) => Some(server::number(primary, DATABASE, &sql)?),
        None => None,
    };
    let fill_seconds = rollout.filling.as_secs_f64();
    let segue = strategy.workers().is_some();
    let figures = Figures {
        strategy,
        rows,
        fill_seconds,
        whole_seconds: (to - from).as_secs_f64(),
        rows_per_second: rows as f64 / fill_seconds,
        table_growth: sizes.table as f64 / sizes_before.table as f64,
        index_growth: sizes.indexes as f64 / sizes_before.indexes as f64,
        wal_bytes: wal_after.saturating_sub(wal_before),
        hot_share: updates.map(|after| {
            (after.hot - updates_before.hot) as f64 / ((after.all - updates_before.all) as f64).max(1.0)
        }),
        load: past.between(from, to).figures(),
        lag: samples.worst(from, to),
        server_us_per_row: server_processor.map(|used| used.as_secs_f64() * 1e6 / rows as f64),
        peak_memory_bytes: rollout.usage.peak_memory,
        processor_seconds: rollout.usage.processor.map(|time| time.as_secs_f64()),
        held_seconds: segue.then_some(rollout.held.as_secs_f64()),
        wrong_rows,
        others: others_before.into_iter().chain(others_after).reduce(f64::max),
        steps: rollout.steps,
    };
    let alone_seconds = (from - alone_from).as_secs_f64();
    let alone = Alone {
        latencies: past.between(alone_from, from),
        wal_bytes_per_second: wal_before.saturating_sub(wal_alone) as f64 / alone_seconds,
        lag: samples.worst(alone_from, from),
    };
    server::drop_database(primary, DATABASE)?;
    Ok((alone, figures))
}
