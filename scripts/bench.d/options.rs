//! Owns the command line of the benchmark. Must not measure.

use crate::{shape::Shape, strategy::Strategy};
use clap::Parser;

/// What a backfill costs: Segue's beside the other ways, each on a fresh copy of the same table, under the same load.
#[derive(Clone, Debug, Parser)]
#[command(name = "scripts/bench")]
pub struct Options {
    /// Rows of the table.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub rows: u64,
    /// Transactions a second of the application meanwhile; 0: none.
    #[arg(long, default_value_t = 400.0, value_name = "TPS")]
    pub rate: f64,
    /// Which ways, in this order.
    #[arg(long, value_delimiter = ',', default_value = "plain,trigger,keyset,segue1,segue2")]
    pub strategies: Vec<Strategy>,
    #[arg(long, default_value = "four_indexes")]
    pub shape: Shape,
    /// How often each way is measured; medians are printed. 0: not at all.
    #[arg(long, default_value_t = 1)]
    pub rounds: usize,
    /// Seconds of the load alone before each.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub alone: u64,
    /// Also Segue with one worker on a table of so many rows, for rows/s and memory at size.
    #[arg(long, value_name = "ROWS")]
    pub large: Option<u64>,
    /// Before each measurement wait for a quiet machine, but not longer than this.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub wait_quiet: u64,
    /// Rounds of the second table, what both versions live cost each statement. 0: not measured.
    #[arg(long, default_value_t = 15)]
    pub cost_rounds: usize,
    /// Rows of its table.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub cost_rows: u64,
    /// The servers' data on the disk of the temporary directory, instead of in memory where that has room.
    #[arg(long)]
    pub disk: bool,
    /// A setting of the servers, on top of the printed ones.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// A line of the plan's `backfill`, such as `slice_time: 20ms`.
    #[arg(long, value_name = "KEY: VALUE")]
    pub backfill: Vec<String>,
    /// Instead: the longest wait of the application behind Segue in a whole rollout, with readers of 60 s and autovacuum in the way.
    #[arg(long)]
    pub longest_wait: bool,
    /// One JSON object instead of tables.
    #[arg(long)]
    pub json: bool,
    /// `cargo bench` says so to every benchmark.
    #[arg(long, hide = true)]
    pub bench: bool,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
