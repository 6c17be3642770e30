//! Owns what all rounds together gave: medians of each way's figures, and the ratios that were promised, each with its floor. Pure.
//! Must not judge: a figure stands beside its floor, and a reader sees.

use crate::{
    cost::Cost,
    run::{Alone, Figures},
    shape::Shape,
    strategy::Strategy,
    summary::{Latencies, LoadFigures, median},
};
use serde::Serialize;

/// One way, over all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub strategy: Strategy,
    pub rows_per_second: f64,
    pub whole_seconds: f64,
    pub table_growth: f64,
    pub index_growth: f64,
    pub wal_mb: f64,
    pub hot_share: Option<f64>,
    /// Processor time of the server's processes that did the filling.
    pub server_us_per_row: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
    pub slow_per_mille: Option<f64>,
    /// Of all rounds.
    pub errors: usize,
    pub first_error: Option<String>,
    pub lag_seconds: Option<f64>,
    pub lag_mb: Option<f64>,
    pub peak_memory_mb: Option<f64>,
    pub processor_seconds: Option<f64>,
    pub held_seconds: Option<f64>,
    pub wrong_rows: Option<u64>,
}

/// The load alone, over all that was measured of it.
#[derive(Clone, Debug, Serialize)]
pub struct Baseline {
    pub load: Option<LoadFigures>,
    pub wal_mb_per_second: Option<f64>,
    pub lag_seconds: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Floor {
    pub figure: String,
    /// `None`: none was promised for this.
    pub at_least: Option<f64>,
    pub at_most: Option<f64>,
    pub measured: Option<f64>,
}

const MEGABYTE: f64 = 1e6;

pub fn summarize(runs: &[Figures]) -> Vec<Summary> {
    let mut order: Vec<Strategy> = Vec::new();
    for run in runs {
        if !order.contains(&run.strategy) {
            order.push(run.strategy);
        }
    }
    order.into_iter().map(|strategy| summary(strategy, runs)).collect()
}

fn summary(strategy: Strategy, runs: &[Figures]) -> Summary {
    let of = || runs.iter().filter(|run| run.strategy == strategy);
    let middle = |figure: &dyn Fn(&Figures) -> Option<f64>| median(of().filter_map(figure));
    let known =
        |figure: &dyn Fn(&Figures) -> f64| median(of().map(figure)).expect("there is at least one run");
    let load = |figure: fn(&LoadFigures) -> f64| middle(&|run| run.load.as_ref().map(figure));
    Summary {
        strategy,
        rows_per_second: known(&|run| run.rows_per_second),
        whole_seconds: known(&|run| run.whole_seconds),
        table_growth: known(&|run| run.table_growth),
        index_growth: known(&|run| run.index_growth),
        wal_mb: known(&|run| run.wal_bytes as f64 / MEGABYTE),
        hot_share: middle(&|run| run.hot_share),
        server_us_per_row: middle(&|run| run.server_us_per_row),
        p50_ms: load(|load| load.p50_ms),
        p99_ms: load(|load| load.p99_ms),
        max_ms: load(|load| load.max_ms),
        slow_per_mille: load(|load| load.slow_per_mille),
        errors: of().filter_map(|run| run.load.as_ref()).map(|load| load.errors).sum(),
        first_error: of().find_map(|run| run.load.as_ref()?.first_error.clone()),
        lag_seconds: middle(&|run| run.lag.map(|lag| lag.seconds)),
        lag_mb: middle(&|run| run.lag.map(|lag| lag.bytes as f64 / MEGABYTE)),
        peak_memory_mb: middle(&|run| run.peak_memory_bytes.map(|bytes| bytes as f64 / MEGABYTE)),
        processor_seconds: middle(&|run| run.processor_seconds),
        held_seconds: middle(&|run| run.held_seconds),
        wrong_rows: of().filter_map(|run| run.wrong_rows).reduce(|a, b| a + b),
    }
}

pub fn baseline(alone: &[Alone]) -> Baseline {
    let mut all = Latencies::default();
    alone.iter().for_each(|one| all.extend(&one.latencies));
    Baseline {
        load: all.figures(),
        wal_mb_per_second: median(alone.iter().map(|one| one.wal_bytes_per_second / MEGABYTE)),
        lag_seconds: median(alone.iter().filter_map(|one| one.lag.map(|lag| lag.seconds))),
    }
}

/// What was promised, for rows of about 170 bytes with four indexes and with a primary key alone.
pub fn floors(
    shape: Shape,
    summaries: &[Summary],
    alone: &Baseline,
    large: Option<&Figures>,
    costs: &[Cost],
) -> Vec<Floor> {
    let of = |strategy| summaries.iter().find(|summary| summary.strategy == strategy);
    let (plain, peers) = (of(Strategy::Plain), of(Strategy::Trigger));
    let usual = shape == Shape::FourIndexes;
    // (against the peers, against the single UPDATE)
    let speed = |workers| match (shape, workers) {
        (Shape::FourIndexes, 1) => (Some(3.0), Some(1.5)),
        (Shape::FourIndexes, 2) => (Some(4.0), Some(2.0)),
        (Shape::PrimaryKey, 1) => (Some(3.0), Some(1.0)),
        _ => (None, None),
    };
    let mut floors = Vec::new();
    for strategy in [Strategy::Segue1, Strategy::Segue2] {
        let Some(segue) = of(strategy) else { continue };
        let (against_peers, against_plain) = speed(strategy.workers().unwrap_or_default());
        let mut add = |figure: &str, at_least, at_most, measured| {
            let figure = format!("{}: {figure}", strategy.title());
            floors.push(Floor { figure, at_least, at_most, measured });
        };
        let only = |floor: f64| usual.then_some(floor);
        let rate = |other: Option<&Summary>| other.map(|other| segue.rows_per_second / other.rows_per_second);
        add("rows/s against the trigger's", against_peers, None, rate(peers));
        add("rows/s against the single UPDATE's", against_plain, None, rate(plain));
        add("table growth", None, only(1.2), Some(segue.table_growth));
        add("index growth", None, only(1.05), Some(segue.index_growth));
        add("WAL against the trigger's", None, only(0.5), peers.map(|peers| segue.wal_mb / peers.wal_mb));
        let before = alone.load.as_ref();
        add(
            "load's p99 against alone",
            None,
            only(1.25),
            segue.p99_ms.zip(before).map(|(p99, alone)| p99 / alone.p99_ms),
        );
        add(
            "more transactions over 50 ms, of a thousand",
            None,
            only(0.0),
            segue.slow_per_mille.zip(before).map(|(slow, alone)| slow - alone.slow_per_mille),
        );
        add("peak memory, MB", None, Some(30.0), segue.peak_memory_mb);
    }
    if let Some(large) = large {
        let small = of(Strategy::Segue1).map(|segue| segue.rows_per_second);
        floors.push(Floor {
            figure: format!(
                "Segue, 1 worker: rows/s with {} rows against {}",
                large.rows, "the table's above"
            ),
            at_least: Some(0.9),
            at_most: None,
            measured: small.map(|small| large.rows_per_second / small),
        });
        floors.push(Floor {
            figure: format!("Segue, 1 worker: peak memory with {} rows, MB", large.rows),
            at_least: None,
            at_most: Some(30.0),
            measured: large.peak_memory_bytes.map(|bytes| bytes as f64 / MEGABYTE),
        });
    }
    for (cost, most) in costs.iter().zip([Some(3.0), Some(8.0), None, Some(3.0), None]) {
        floors.push(Floor {
            figure: format!("both versions live: {}, % more", cost.case),
            at_least: None,
            at_most: most,
            measured: Some(cost.percent),
        });
    }
    floors
}
