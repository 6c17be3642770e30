//! Owns the command line's grammar. Must not carry anything out.

use crate::control::exception::Drill;
use crate::plan::limits::{self, Limit};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Zero-downtime schema changes for PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "segue", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Where the database is: a URL or libpq's key=value string. Else SEGUE_URL, DATABASE_URL, PG*.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// The schema whose tables are changed [default: public, or what segue.yaml says]
    #[arg(long, global = true, value_name = "NAME")]
    pub schema: Option<String>,
    /// An environment of segue.yaml.
    #[arg(long, short = 'e', global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// While this file is there, what this process supervises is paused: for who does not reach the database.
    #[arg(long, global = true, value_name = "FILE")]
    pub flag_file: Option<PathBuf>,
    /// A standby to look at before each strong lock, with its application_name on the primary; again for each. Else those of segue.yaml.
    #[arg(long = "standby", global = true, value_name = "NAME=URL", value_parser = standby)]
    pub standbys: Vec<(String, String)>,
    /// One JSON object a line (or one object) instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// More of what is going on; twice for each statement.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// No colours.
    #[arg(long, global = true)]
    pub no_color: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create or upgrade Segue's own schema in the database
    Init,
    /// Give a database that was there before Segue its history: the schema as it is, or what pgroll has applied
    Baseline {
        /// What to call it [default: baseline]; a plan's name, where a folder's plans up to it are what is there.
        name: Option<String>,
    },
    /// Parse plans and, where a database is given, compile them against it
    Check {
        #[arg(required = true, value_name = "PLAN")]
        plans: Vec<PathBuf>,
        /// Evaluate what the plan fills on every row, reading in short snapshots, and name the rows that fail.
        #[arg(long)]
        data: bool,
        /// A standby to read the rows on, instead of the primary.
        #[arg(long, value_name = "URL", requires = "data")]
        on: Option<String>,
    },
    /// Show the program: every step with its SQL, locks, scans, estimates and inverse
    Explain {
        plan: PathBuf,
        /// As an SQL script for review.
        #[arg(long)]
        sql: bool,
    },
    /// What the role lacks for what Segue does, or for a plan, as GRANTs for an owner or superuser to run
    Privileges {
        plan: Option<PathBuf>,
        /// The role that Segue is to connect as [default: the one of this connection]
        #[arg(long, value_name = "NAME")]
        role: Option<String>,
    },
    /// Expand, backfill and publish a plan, supervised in this terminal
    Start {
        plan: PathBuf,
        /// Go on to the contract when ready.
        #[arg(long)]
        complete: bool,
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Where the rollout stands, with the reasons of every hold
    Status {
        /// Show it again each second until the rollout is over.
        #[arg(long)]
        watch: bool,
    },
    /// Whether both versions are in step now: triggers, indexes, constraints, and every filled row
    Verify,
    /// Hold the rollout until `segue resume`; in force within one slice
    Pause {
        /// The pause lifts itself after this long, such as 30m.
        #[arg(long = "for", value_parser = lasting, value_name = "DURATION")]
        lasting: Option<Duration>,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Do not wait for a live supervisor to confirm longer than this many seconds.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        wait: u64,
    },
    /// Limit the backfill, in force within one slice: slice 20ms, workers 3, rate 20000 (rows/s), wal 8MB (per second), rest 50%;
    /// or move a guard's threshold: guard replication_lag pause 30s
    Tune {
        /// slice, workers, rate, wal, rest or guard.
        #[arg(value_parser = tunable)]
        what: Tunable,
        /// What to limit it to, where `off` lifts rate, wal and rest; of a guard its signal, `throttle` or `pause`, and the threshold or `off`.
        #[arg(required = true, num_args = 1..=3, value_name = "VALUE")]
        values: Vec<String>,
        /// As before again after this long, such as 30m.
        #[arg(long = "for", value_parser = lasting, value_name = "DURATION")]
        lasting: Option<Duration>,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Do not wait for a live supervisor to confirm longer than this many seconds.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        wait: u64,
    },
    /// Lift a pause; supervises in this terminal if no supervisor is alive
    Resume {
        /// Go without the guard on this signal while it cannot be read; for the rest of the rollout.
        #[arg(long, value_name = "SIGNAL")]
        accept_blind: Vec<String>,
        /// Lift what the guard on this signal holds, for as long as --for says; a person's pause stays.
        #[arg(long = "override", value_name = "SIGNAL", requires = "lasting")]
        signal: Option<String>,
        /// How long the override lasts, such as 10m.
        #[arg(long = "for", value_parser = lasting, value_name = "DURATION", requires = "signal")]
        lasting: Option<Duration>,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Make a signal up, to see what comes of it: pause, lag (a standby far behind) or blind (one that cannot be read)
    Drill {
        #[arg(value_parser = drill)]
        drill: Drill,
        /// It ends by itself after this long, and with `segue resume`.
        #[arg(long = "for", value_parser = lasting, value_name = "DURATION", default_value = "1m")]
        lasting: Duration,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Do not wait for a live supervisor to confirm longer than this many seconds.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        wait: u64,
    },
    /// No contract, whoever asks for it, until `segue release-contract`
    HoldContract {
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Do not wait for a live supervisor to confirm longer than this many seconds.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        wait: u64,
    },
    /// Allow the contract again
    ReleaseContract {
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Do not wait for a live supervisor to confirm longer than this many seconds.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        wait: u64,
    },
    /// The sync triggers of the tables being filled only mark rows, and evaluate nothing of the plan's, until `segue restore`;
    /// for when they hurt the application. Takes no lock on a table
    Shed {
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Do not wait for a live supervisor to confirm longer than this many seconds.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        wait: u64,
    },
    /// Put shed triggers back; what was written meanwhile is filled again
    Restore {
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Do not wait for a live supervisor to confirm longer than this many seconds.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        wait: u64,
    },
    /// A standby's lag, or that it is missing, does not count for a while
    IgnoreStandby {
        /// As `segue status` names it.
        standby: String,
        /// For how long, such as 30m; then it counts again.
        #[arg(long = "for", value_parser = lasting, value_name = "DURATION")]
        lasting: Duration,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Do not wait for a live supervisor to confirm longer than this many seconds.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        wait: u64,
    },
    /// Back to the old version, from any state up to ready
    Rollback {
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Contract: drop the old version and finish
    Complete {
        /// Although the old version is in use.
        #[arg(long)]
        force: bool,
    },
    /// Apply all plans of a folder not yet applied, in order
    Migrate {
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Complete the last one as well.
        #[arg(long)]
        complete: bool,
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Which application uses which version, last seen when
    Clients,
    /// Rollouts that were
    History,
    /// One rollout's journal (the latest if no plan is named)
    Log { plan: Option<String> },
    /// A private primary and standby, live traffic, one supervised rollout with a lag incident
    Demo(DemoFlags),
}

/// What a plan's settings may be overridden with.
#[derive(Args, Clone, Debug, Default)]
pub struct SettingFlags {
    /// What a slice's transaction should take, such as 50ms.
    #[arg(long, value_parser = slice_time, value_name = "DURATION")]
    pub slice_time: Option<Duration>,
    /// How long the old version must have been seen unused before the contract.
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub quiet_for: Option<Duration>,
    /// How long to try for a strong lock before the step is postponed.
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub lock_budget: Option<Duration>,
    /// Go without the guard on this signal while it cannot be read.
    #[arg(long, value_name = "SIGNAL")]
    pub accept_blind: Vec<String>,
}

#[derive(Args, Clone, Debug)]
pub struct DemoFlags {
    /// Rows of the accounts table. With fewer than half a million they are filled before a standby can fall behind.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(500_000..))]
    pub rows: u64,
    /// Directory of PostgreSQL's programs, if they are not found.
    #[arg(long, value_name = "DIR")]
    pub pg_bin: Option<PathBuf>,
}

fn slice_time(text: &str) -> Result<Duration, String> {
    limits::slice_time(text).ok_or_else(|| "write a time from 1ms to 60s, such as 50ms".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::plan::duration::parse_duration(text)
        .map_err(|_| "write a number and a unit, such as 50ms, 1s or 5m".to_owned())
}

fn standby(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !url.is_empty() => Ok((name.to_owned(), url.to_owned())),
        _ => Err("write its name and its URL, such as standby1=postgres://replica/app".to_owned()),
    }
}

/// One that ends, and not at once.
fn lasting(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        lasting if lasting.as_millis() == 0 => Err("it is over at once".to_owned()),
        lasting => Ok(lasting),
    }
}

fn drill(text: &str) -> Result<Drill, String> {
    Drill::named(text).ok_or_else(|| format!("there are: {}", Drill::ALL.map(Drill::name).join(", ")))
}

/// What can be tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunable {
    Limit(Limit),
    Guard,
}

fn tunable(text: &str) -> Result<Tunable, String> {
    let known = || format!("there are: {}, guard", Limit::ALL.map(Limit::name).join(", "));
    let guard = (text == "guard").then_some(Tunable::Guard);
    Limit::named(text).map(Tunable::Limit).or(guard).ok_or_else(known)
}
