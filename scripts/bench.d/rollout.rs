//! Owns a run of `segue start` as a process of its own: what it said of its steps, its memory and its processor time.

use crate::{server::Outcome, shape::UP};
use segue::sandbox::Cluster;
use serde_json::Value;
use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// What a rollout up to `ready` took.
#[derive(Clone, Debug, Default)]
pub struct Rollout {
    /// Of the fill steps.
    pub filling: Duration,
    /// Every step's title and seconds.
    pub steps: Vec<(String, f64)>,
    /// For how long guards held it.
    pub held: Duration,
    pub usage: Usage,
}

/// What the system says of the process; `None` where it does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub peak_memory: Option<u64>,
    pub processor: Option<Duration>,
}

/// Adds and fills the column by a plan, up to `ready`. `limit`: it is ended after that, as a failure.
pub fn run(
    cluster: &Cluster,
    database: &str,
    workers: u32,
    backfill: &[String],
    limit: Duration,
) -> Outcome<Rollout> {
    let place = Place::create()?;
    let mut plan = format!(
        "operations:\n  - add_column:\n      table: items\n      column: {{name: total, type: bigint, nullable: true}}\n      up: {UP}\n\
         backfill:\n  workers: {workers}\n"
    );
    for line in backfill {
        plan += &format!("  {line}\n");
    }
    fs::write(place.0.join("bench.yaml"), plan)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.args(["start", "bench.yaml", "--json", "--url", &cluster.url(database)]).current_dir(&place.0);
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("PG") || name.starts_with("SEGUE_") || name == "DATABASE_URL" {
            command.env_remove(&variable);
        }
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    follow(child, limit)
}

fn follow(mut child: Child, limit: Duration) -> Outcome<Rollout> {
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut errors = child.stderr.take().expect("it is piped");
    let said = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = errors.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let child = Arc::new(Mutex::new(child));
    let ended = Arc::new(AtomicBool::new(false));
    let usage = {
        let (child, ended, deadline) = (Arc::clone(&child), Arc::clone(&ended), Instant::now() + limit);
        thread::spawn(move || {
            let mut usage = Usage::default();
            while !ended.load(Ordering::Relaxed) {
                usage.look(&process);
                if Instant::now() > deadline {
                    let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
                }
                thread::sleep(Duration::from_millis(10));
            }
            usage
        })
    };
    let mut rollout = Rollout::default();
    let mut last = String::new();
    for line in output.lines().map_while(Result::ok) {
        rollout.note(&line);
        last = line;
    }
    // Its output has ended, so it is about to.
    let status = child.lock().unwrap_or_else(PoisonError::into_inner).wait();
    ended.store(true, Ordering::Relaxed);
    rollout.usage = usage.join().expect("the measuring thread does not panic");
    let said = said.join().expect("the reading thread does not panic");
    if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return Err(format!("segue start: {status:?}\n{last}\n{said}").into());
    }
    if rollout.filling.is_zero() {
        return Err(format!("segue start told of no fill step; its last line was {last}").into());
    }
    Ok(rollout)
}

impl Rollout {
    fn note(&mut self, line: &str) {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return };
        let Some(seconds) = line["seconds"].as_f64() else { return };
        match line["event"].as_str() {
            Some("step_ended") => {
                let title = line["title"].as_str().unwrap_or_default().to_owned();
                if title.starts_with("fill ") {
                    self.filling += Duration::from_secs_f64(seconds);
                }
                self.steps.push((title, seconds));
            }
            Some("released") => self.held += Duration::from_secs_f64(seconds),
            _ => {}
        }
    }
}

impl Usage {
    /// Both only rise, so that the last reading before the end is all but for what came after it.
    fn look(&mut self, process: &Path) {
        let status = fs::read_to_string(process.join("status")).ok();
        self.peak_memory = self.peak_memory.max(status.as_deref().and_then(high_water_mark));
        let stat = fs::read_to_string(process.join("stat")).ok();
        self.processor = self.processor.max(stat.as_deref().and_then(processor_time));
    }
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Fields 14 and 15, in ticks of 10 ms; the second field may hold spaces.
fn processor_time(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// A directory for the plan, so that no segue.yaml of the user's is in force. Dropping it removes it.
struct Place(PathBuf);

impl Place {
    fn create() -> std::io::Result<Place> {
        let path = env::temp_dir().join(format!("segue-bench.{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Place(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
