//! `scripts/bench`: what a backfill costs, Segue's beside the other ways, in one run. Makes its servers, its table and its load
//! itself. Owns the order of things. Must not judge: timings are printed, never asserted.

mod cost;
mod cpu;
mod lag;
mod load;
mod options;
mod quiet;
mod report;
mod results;
mod rollout;
mod run;
mod server;
mod shape;
mod strategy;
mod summary;
mod waits;

use clap::Parser;
use options::Options;
use run::{Alone, Figures};
use segue::sandbox::{Cluster, Pair};
use serde_json::{Value, json};
use server::Outcome;
use std::{fs, process::ExitCode, thread};
use strategy::Strategy;

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = if options.longest_wait { waits::measure(&options) } else { bench(&options) };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(options: &Options) -> Outcome<()> {
    let servers = servers(options);
    let (mut alone, mut runs, mut failed, mut large) = (Vec::new(), Vec::new(), Vec::new(), None);
    let mut header = Value::Null;
    if options.rounds > 0 || options.large.is_some() {
        let pair = Pair::start(&servers)?;
        server::warm_wal(&pair.primary)?;
        pair.wait_caught_up()?;
        // What the standby has not got yet is kept, and not recycled.
        pair.primary.query("postgres", "CHECKPOINT")?;
        header = self::header(&pair.primary, options)?;
        show_header(options, &header);
        for round in 0..options.rounds {
            rounds(&pair, options, round, &mut alone, &mut runs, &mut failed);
        }
        if let Some(rows) = options.large {
            match one(&pair, options, Strategy::Segue1, rows, "at size") {
                Ok((_, figures)) => large = Some(figures),
                Err(error) => failed.push(error),
            }
        }
    }
    let mut costs = Vec::new();
    if options.cost_rounds > 0 {
        let cluster = Cluster::start(&servers)?;
        if header.is_null() {
            header = self::header(&cluster, options)?;
            show_header(options, &header);
        }
        eprintln!("bench: both versions live, {} rounds", options.cost_rounds);
        match cost::measure(&cluster, options) {
            Ok(measured) => costs = measured,
            Err(error) => failed.push(format!("both versions live: {error}")),
        }
    }
    let (baseline, summaries) = (results::baseline(&alone), results::summarize(&runs));
    let floors = results::floors(options.shape, &summaries, &baseline, large.as_ref(), &costs);
    if options.json {
        let all = json!({
            "header": header, "alone": baseline, "strategies": summaries, "large": large, "costs": costs,
            "floors": floors, "failed": failed, "runs": runs,
        });
        println!("{all}");
    } else {
        if !runs.is_empty() {
            println!("{}", report::strategies(&baseline, &summaries, &runs));
        }
        if !costs.is_empty() {
            println!("both versions live, single-row statements of four clients\n{}", report::costs(&costs));
        }
        println!("{}", report::floors(&floors));
        failed.iter().for_each(|failure| println!("failed: {failure}"));
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("{} measurements failed", failed.len()).into()) }
}

/// Each way once; every round begins with another one.
fn rounds(
    pair: &Pair,
    options: &Options,
    round: usize,
    alone: &mut Vec<Alone>,
    runs: &mut Vec<Figures>,
    failed: &mut Vec<String>,
) {
    let ways = &options.strategies;
    for turn in 0..ways.len() {
        let strategy = ways[(turn + round) % ways.len()];
        match one(pair, options, strategy, options.rows, &format!("round {}", round + 1)) {
            Ok((before, figures)) => {
                alone.push(before);
                runs.push(figures);
            }
            Err(error) => failed.push(error),
        }
    }
    // In the command line's order, whatever came first in this round.
    runs.sort_by_key(|run| ways.iter().position(|way| *way == run.strategy));
}

fn one(
    pair: &Pair,
    options: &Options,
    strategy: Strategy,
    rows: u64,
    which: &str,
) -> Result<(Alone, Figures), String> {
    let title = strategy.title();
    let measured = run::measure(pair, options, strategy, rows).map_err(|error| format!("{title}: {error}"));
    match &measured {
        Ok((_, figures)) => {
            eprintln!(
                "bench: {which}, {title}: {:.0} rows/s, {:.1} s{}",
                figures.rows_per_second,
                figures.whole_seconds,
                figures.others.map_or_else(String::new, |share| format!(
                    "; others kept the processors {:.0} % busy",
                    share * 100.0
                ))
            );
        }
        Err(error) => eprintln!("bench: {which}, {error}"),
    }
    measured
}

fn servers(options: &Options) -> segue::sandbox::Options {
    // Twice the table at its largest, on both servers, and the WAL.
    let rows = options.large.unwrap_or(0).max(options.rows);
    let room = if options.disk { u64::MAX } else { (8 << 30) + rows * 600 };
    let mut servers = segue::sandbox::Options::test().room(room);
    for (name, value) in server::SETTINGS {
        servers = servers.set(name, value);
    }
    for (name, value) in &options.settings {
        servers = servers.set(name, value);
    }
    servers
}

fn header(cluster: &Cluster, options: &Options) -> Outcome<Value> {
    let setting = |name: &str| server::text(cluster, &format!("SHOW {name}"));
    let mut settings = serde_json::Map::new();
    let extra = options.settings.iter().map(|(name, _)| name.as_str());
    let usual = ["synchronous_commit", "full_page_writes", "wal_compression"];
    for name in server::SETTINGS.iter().map(|(name, _)| *name).chain(usual).chain(extra) {
        settings.insert(name.to_owned(), setting(name)?.into());
    }
    let file = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let processor = file("/proc/cpuinfo").and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    Ok(json!({
        "at": jiff::Timestamp::now(),
        "segue": env!("CARGO_PKG_VERSION"),
        "build": if cfg!(debug_assertions) { "debug: figures mean nothing" } else { "release" },
        "server": setting("server_version")?,
        "cores": thread::available_parallelism().map(std::num::NonZero::get).ok(),
        "processor": processor,
        "kernel": file("/proc/sys/kernel/osrelease"),
        "load_average_before": file("/proc/loadavg"),
        "data": cluster.data_directory(),
        "settings": settings,
        "shape": options.shape.name(),
        "rows": options.rows,
        "rate": options.rate,
        "rounds": options.rounds,
        "backfill": options.backfill,
    }))
}

fn show_header(options: &Options, header: &Value) {
    if options.json {
        return;
    }
    for (name, value) in header.as_object().expect("it is made as one") {
        match value {
            Value::Object(settings) => {
                let settings: Vec<String> = settings
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
                    .collect();
                println!("{name}: {}", settings.join(" "));
            }
            Value::String(text) => println!("{name}: {text}"),
            other => println!("{name}: {other}"),
        }
    }
    println!();
}
