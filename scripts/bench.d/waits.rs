//! `scripts/longest-wait`: for how long statements of an application wait behind Segue in a whole rollout, contract included, while readers
//! hold the table for a minute at a time and an autovacuum is in the way. Must not judge more than the floor.
//!
//! The server says who waits, since when and for whom, so that a busy machine's own delays are not in it. Waits shorter than
//! the time between two looks are seen by chance only; the longest are not missed.

use crate::{load::Load, options::Options, server, server::Outcome, shape::UP};
use segue::sandbox::Cluster;
use serde_json::json;
use std::{
    collections::BTreeMap,
    env, fs,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

const DATABASE: &str = "waits";
const LOOK_EVERY: Duration = Duration::from_millis(5);
const READER: Duration = Duration::from_secs(60);
/// Between two readers.
const REST: Duration = Duration::from_secs(20);
const FLOOR_MS: f64 = 250.0;

/// Sessions of the application that wait for one of Segue's, or for one that does.
const WAITS: &str = "
WITH RECURSIVE waiting AS MATERIALIZED (
    SELECT DISTINCT ON (l.pid) l.pid, l.waitstart, pg_blocking_pids(l.pid) AS behind
      FROM pg_locks l WHERE NOT l.granted AND l.waitstart IS NOT NULL),
victims AS (
    SELECT w.pid FROM waiting w JOIN pg_stat_activity s ON s.pid = ANY (w.behind)
     WHERE s.application_name LIKE 'segue/%/work'
    UNION
    SELECT w.pid FROM waiting w JOIN victims v ON v.pid = ANY (w.behind))
SELECT w.pid::text, extract(epoch FROM w.waitstart)::text,
       (1000 * extract(epoch FROM clock_timestamp() - w.waitstart))::float8::text
  FROM waiting w JOIN victims USING (pid) JOIN pg_stat_activity a ON a.pid = w.pid
 WHERE a.application_name = 'application'";

/// The longest look at each wait, in milliseconds, by who and since when.
type Waits = BTreeMap<(String, String), f64>;

pub fn measure(options: &Options) -> Outcome<()> {
    let mut servers = segue::sandbox::Options::demo();
    for (name, value) in server::SETTINGS {
        servers = servers.set(name, value);
    }
    servers = servers.set("autovacuum", "on").set("autovacuum_naptime", "1s");
    for (name, value) in &options.settings {
        servers = servers.set(name, value);
    }
    let cluster = Cluster::start(&servers)?;
    server::fresh(&cluster, DATABASE, options.shape, options.rows)?;
    // It has something to do every second and takes minutes over it.
    cluster.query(
        DATABASE,
        "ALTER TABLE items SET (autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0, \
         autovacuum_vacuum_cost_delay = 20, autovacuum_vacuum_cost_limit = 50)",
    )?;
    let load = Load::start(&cluster, DATABASE, options.shape, options.rows, options.rate)?;
    let (stop, vacuums) = (AtomicBool::new(false), AtomicU64::new(0));
    let alone = Instant::now();
    let (waits, began, ended, said) = thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&cluster, &stop, &vacuums));
        let readers = scope.spawn(|| read(&cluster, &stop));
        thread::sleep(Duration::from_secs(options.alone.max(5)));
        let began = Instant::now();
        let said = rollout(&cluster);
        let ended = Instant::now();
        stop.store(true, Ordering::Relaxed);
        let waits = watch.join().expect("the watch does not panic");
        let read = readers.join().expect("the readers do not panic");
        (waits.and_then(|waits| read.map(|()| waits)), began, ended, said)
    });
    let past = load.stop();
    let (waits, said) = (waits?, said?);
    let (before, during) = (past.between(alone, began), past.between(began, ended));
    let mut all: Vec<f64> = waits.into_values().collect();
    all.sort_by(f64::total_cmp);
    let at =
        |share: f64| all.get(((all.len() as f64 * share) as usize).min(all.len().saturating_sub(1))).copied();
    let longest = all.last().copied();
    let cancelled = cluster.log().matches("canceling autovacuum task").count();
    let figures = json!({
        "rollout_seconds": (ended - began).as_secs_f64(),
        "waits_seen": all.len(), "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99), "longest_ms": longest,
        "floor_ms": FLOOR_MS, "met": longest.is_none_or(|longest| longest <= FLOOR_MS),
        "over_50_ms": all.iter().filter(|ms| **ms > 50.0).count(), "over_100_ms": all.iter().filter(|ms| **ms > 100.0).count(),
        "looks_with_autovacuum_at_work": vacuums.load(Ordering::Relaxed), "autovacuums_that_made_way": cancelled,
        "transactions_alone": before.figures(), "transactions_during": during.figures(),
        "steps": said,
    });
    if options.json {
        println!("{figures}");
    } else {
        println!("{figures:#}");
    }
    Ok(())
}

fn watch(cluster: &Cluster, stop: &AtomicBool, vacuums: &AtomicU64) -> Outcome<Waits> {
    let mut session = cluster.session(DATABASE)?;
    let mut waits = Waits::new();
    let mut looks = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        for row in session.query(WAITS)? {
            let [Some(pid), Some(since), Some(ms)] = &row[..] else { continue };
            let longest = waits.entry((pid.clone(), since.clone())).or_default();
            *longest = longest.max(ms.parse()?);
        }
        if looks.is_multiple_of(20) {
            let at_work = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query LIKE '%public.items%'";
            vacuums.fetch_add(session.query(at_work)?.len() as u64, Ordering::Relaxed);
        }
        looks += 1;
        thread::sleep(LOOK_EVERY);
    }
    Ok(waits)
}

/// A reader of a minute, and another, with a rest between.
fn read(cluster: &Cluster, stop: &AtomicBool) -> Outcome<()> {
    let mut session = cluster.session(DATABASE)?;
    session.query("SET application_name = 'nightly report'")?;
    let wait = |length: Duration| {
        let end = Instant::now() + length;
        while Instant::now() < end && !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(50));
        }
    };
    while !stop.load(Ordering::Relaxed) {
        session.query("BEGIN")?;
        session.query("SELECT sum(amount) FROM items WHERE id < 1000")?;
        wait(READER);
        session.query("COMMIT")?;
        wait(REST);
    }
    Ok(())
}

/// From the start to the end of the contract; each step with its seconds, as told.
fn rollout(cluster: &Cluster) -> Outcome<Vec<serde_json::Value>> {
    let place = env::temp_dir().join(format!("segue-waits.{}", std::process::id()));
    fs::create_dir_all(&place)?;
    let plan = format!(
        "operations:\n  - add_column:\n      table: items\n      column: {{name: total, type: bigint, nullable: true}}\n      up: {UP}\n\
         \x20 - create_index: {{table: items, name: items_total, columns: [{{column: total}}]}}\n"
    );
    fs::write(place.join("waits.yaml"), plan)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command
        .args(["start", "waits.yaml", "--complete", "--json", "--url", &cluster.url(DATABASE)])
        .current_dir(&place);
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("PG") || name.starts_with("SEGUE_") || name == "DATABASE_URL" {
            command.env_remove(&variable);
        }
    }
    let output = command.stdin(Stdio::null()).output();
    let _ = fs::remove_dir_all(&place);
    let output = output?;
    if !output.status.success() {
        return Err(format!(
            "segue start ended with {}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default(),
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let steps = lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    Ok(steps
        .filter(|line| line["event"] == "step_ended")
        .map(|line| json!({"title": line["title"], "seconds": line["seconds"]}))
        .collect())
}
