//! Owns what the demonstration is played on: the private primary and standby with pgbench's tables and rows in them. Must not
//! know the plan.

use super::{
    error::{DemoError, Doing},
    interrupt::Interrupt,
};
use crate::{
    cli::args::DemoFlags,
    sandbox::{Binaries, Options, Pair},
};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The database of the demonstration.
pub(super) const DATABASE: &str = "bank";

/// pgbench's accounts for each unit of its scale.
pub(super) const ROWS_A_SCALE: u64 = 100_000;

/// Where the rows came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `pgbench -i`.
    Pgbench,
    /// The same tables and rows by SQL, because there is no pgbench beside the server's programs.
    Sql,
}

/// pgbench counts in scales; at least one.
pub(super) fn scale(rows: u64) -> u64 {
    ((rows + ROWS_A_SCALE / 2) / ROWS_A_SCALE).max(1)
}

/// Starts both servers with an empty database.
pub(super) fn set_up(flags: &DemoFlags) -> Result<Pair, DemoError> {
    // Room for the rows four times over: both servers' tables, indexes and WAL.
    let mut options = Options::demo().room((1 << 30) + flags.rows * 4_000);
    if let Some(directory) = &flags.pg_bin {
        options = options.binaries(&named(directory)?);
    }
    let pair = Pair::start(&options)?;
    pair.primary.query("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    Ok(pair)
}

fn named(directory: &Path) -> Result<Binaries, DemoError> {
    Binaries::at(directory).map_err(|why| {
        DemoError::Sandbox(crate::sandbox::SandboxError::UnusableServer {
            variable: "--pg-bin",
            directory: directory.to_owned(),
            why,
        })
    })
}

/// Makes pgbench's tables and rows.
pub(super) fn fill(pair: &Pair, scale: u64, interrupt: &Interrupt) -> Result<Origin, DemoError> {
    if let Some(pgbench) = pgbench(pair) {
        let scale = scale.to_string();
        run(pair, &pgbench, &["-i", "-q", "-s", &scale], interrupt)?;
        return Ok(Origin::Pgbench);
    }
    for sql in by_sql(scale) {
        interrupt.check()?;
        pair.primary.query(DATABASE, &sql)?;
    }
    Ok(Origin::Sql)
}

/// A little history, by pgbench's own simple update: so that not every balance is zero. Without pgbench there is none.
pub(super) fn live_a_little(pair: &Pair, seconds: u32, interrupt: &Interrupt) -> Result<(), DemoError> {
    let Some(pgbench) = pgbench(pair) else { return Ok(()) };
    let seconds = seconds.to_string();
    run(pair, &pgbench, &["-n", "-b", "simple-update", "-c", "4", "-j", "2", "-T", &seconds], interrupt)
}

fn pgbench(pair: &Pair) -> Option<PathBuf> {
    Some(pair.primary.binaries().directory().join("pgbench")).filter(|path| path.is_file())
}

fn run(pair: &Pair, program: &Path, arguments: &[&str], interrupt: &Interrupt) -> Result<(), DemoError> {
    const PATIENCE: Duration = Duration::from_secs(600);
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.env("PGHOST", pair.primary.directory()).env("PGPORT", pair.primary.port().to_string());
    command.env("PGUSER", "postgres").env("PGDATABASE", DATABASE);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let told = || format!("cannot run {}", program.display());
    let mut child = command.spawn().doing(told)?;
    // It says little with -q; still it must not come to stand because nobody reads.
    let errors = child.stderr.take().expect("it is piped");
    let reader = thread::spawn(move || std::io::read_to_string(errors).unwrap_or_default());
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().doing(told)? {
            break status;
        }
        let stop = match interrupt.check() {
            Ok(()) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            Ok(()) => DemoError::Late { what: "pgbench to end".to_owned(), after: PATIENCE },
            Err(interrupted) => interrupted,
        };
        let _ = child.kill();
        let _ = child.wait();
        return Err(stop);
    };
    let said = reader.join().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    interrupt.check()?;
    let command = format!("pgbench {}", arguments.join(" "));
    Err(DemoError::Program { command, status, said })
}

/// What `pgbench -i` does, statement by statement.
pub(super) fn by_sql(scale: u64) -> Vec<String> {
    let accounts = scale * ROWS_A_SCALE;
    let tellers = scale * 10;
    let mut statements: Vec<String> = [
        "CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))",
        "CREATE TABLE pgbench_tellers (tid int NOT NULL, bid int, tbalance int, filler char(84)) WITH (fillfactor = 100)",
        "CREATE TABLE pgbench_accounts (aid int NOT NULL, bid int, abalance int, filler char(84)) WITH (fillfactor = 100)",
        "CREATE TABLE pgbench_branches (bid int NOT NULL, bbalance int, filler char(88)) WITH (fillfactor = 100)",
    ]
    .map(str::to_owned)
    .to_vec();
    statements.push(format!(
        "INSERT INTO pgbench_branches (bid, bbalance) SELECT bid, 0 FROM generate_series(1, {scale}) AS bid"
    ));
    statements.push(format!(
        "INSERT INTO pgbench_tellers (tid, bid, tbalance) \
         SELECT tid, (tid - 1) / 10 + 1, 0 FROM generate_series(1, {tellers}) AS tid"
    ));
    statements.push(format!(
        "INSERT INTO pgbench_accounts (aid, bid, abalance, filler) \
         SELECT aid, (aid - 1) / {ROWS_A_SCALE} + 1, 0, '' FROM generate_series(1, {accounts}) AS aid"
    ));
    for table in ["branches", "tellers", "accounts", "history"] {
        statements.push(format!("VACUUM ANALYZE pgbench_{table}"));
    }
    for (table, key) in [("branches", "bid"), ("tellers", "tid"), ("accounts", "aid")] {
        statements.push(format!("ALTER TABLE pgbench_{table} ADD PRIMARY KEY ({key})"));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_rounded_to_pgbenchs_scale() {
        assert_eq!([100_000, 149_999, 150_000, 1_000_000, 1_234_567].map(scale), [1, 1, 2, 10, 12]);
    }

    #[test]
    fn the_sql_makes_the_rows_of_pgbench() {
        // (tables, columns and rows are the same; compared on a private server.)
        let options = Options::test();
        let cluster = match crate::sandbox::Cluster::start(&options) {
            Ok(cluster) => cluster,
            Err(error @ crate::sandbox::SandboxError::NoServer { .. }) => {
                eprintln!("skipped: {error}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        for sql in by_sql(1) {
            cluster.query("postgres", &sql).unwrap();
        }
        let pgbench = cluster.binaries().directory().join("pgbench");
        if !pgbench.is_file() {
            eprintln!("skipped: no pgbench beside the server");
            return;
        }
        cluster.query("postgres", "CREATE DATABASE theirs").unwrap();
        let status = Command::new(pgbench)
            .args(["-i", "-q", "-U", "postgres", "-h"])
            .arg(cluster.directory())
            .args(["-p", &cluster.port().to_string(), "theirs"])
            .status()
            .unwrap();
        assert!(status.success());
        for sql in [
            "SELECT relname, attname, atttypid::regtype, atttypmod, attnotnull FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid \
             WHERE relname LIKE 'pgbench%' AND attnum > 0 AND relkind IN ('r', 'i') ORDER BY 1, attnum",
            "SELECT count(*), sum(hashtext(a::text)::bigint) FROM pgbench_accounts a",
            "SELECT count(*), sum(hashtext(a::text)::bigint) FROM pgbench_tellers a",
            "SELECT count(*), sum(hashtext(a::text)::bigint) FROM pgbench_branches a",
            "SELECT count(*) FROM pgbench_history a",
        ] {
            assert_eq!(
                cluster.query("postgres", sql).unwrap(),
                cluster.query("theirs", sql).unwrap(),
                "{sql}"
            );
        }
    }
}
