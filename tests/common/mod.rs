//! What the end-to-end tests share: the binary from outside, waiting with a deadline, reading a schema and its rows.
//! Must not reach into Segue beyond what a test compares with: its catalog model and its sandbox.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod proxy;
pub mod schema;

use segue::sandbox::{Cluster, Database, wire::Rows};
use serde_json::Value;
use std::{
    fmt,
    io::Read,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// One database, wherever it is.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub cluster: &'a Cluster,
    pub name: &'a str,
}

impl<'a> At<'a> {
    pub fn of(database: &'a Database) -> At<'a> {
        At { cluster: database.cluster(), name: database.name() }
    }

    pub fn url(&self) -> String {
        self.cluster.url(self.name)
    }

    /// Runs statements; an error of the server's ends the test with the SQL beside it.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Rows {
        match self.cluster.query(self.name, sql) {
            Ok(rows) => rows,
            Err(error) => panic!("{error}\nin: {sql}"),
        }
    }

    /// The one value of one row; NULL and no row are `None`.
    #[track_caller]
    pub fn value(&self, sql: &str) -> Option<String> {
        self.query(sql).into_iter().next().and_then(|row| row.into_iter().next()).flatten()
    }

    #[track_caller]
    pub fn is_true(&self, sql: &str) -> bool {
        self.value(sql).as_deref() == Some("t")
    }
}

/// Asks every 20 ms until the answer is there; `what` was awaited when it does not come in time.
#[track_caller]
pub fn wait_for<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    pub command: String,
    /// `None`: ended by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "by a signal".to_owned(), |code| format!("with {code}"));
        writeln!(f, "`segue {}` ended {code} after {:?}", self.command, self.took)?;
        writeln!(f, "stdout:\n{}\nstderr:\n{}", self.stdout.trim_end(), self.stderr.trim_end())
    }
}

impl Outcome {
    /// Fails the test, with all that was said, unless the exit code is this one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Outcome {
        assert!(self.code == Some(code), "exit code {code} was expected: {self}");
        self
    }

    /// Everything it said, on both streams.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self}"))
    }

    /// Standard output as one JSON object a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("not JSON ({error}): {line:?} in {self}"))
        };
        self.stdout.lines().map(parse).collect()
    }
}

/// A command under way. Dropping it kills it.
pub struct Running {
    child: Child,
    command: String,
    began: Instant,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
}

/// Starts `segue --url … args`; nothing of this process's own connection settings reaches it.
pub fn spawn(url: &str, args: &[&str]) -> Running {
    spawn_with(url, args, &[])
}

/// [`spawn`] with settings of the environment.
pub fn spawn_with(url: &str, args: &[&str], settings: &[(&str, &str)]) -> Running {
    begin(Command::new(env!("CARGO_BIN_EXE_segue")), url, args, settings)
}

/// [`spawn`] with this folder's `segue.yaml`.
pub fn spawn_in(folder: &Folder, url: &str, args: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.current_dir(&folder.0);
    begin(command, url, args, &[])
}

fn begin(mut command: Command, url: &str, args: &[&str], settings: &[(&str, &str)]) -> Running {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("PG") || name.starts_with("SEGUE_") || name == "DATABASE_URL" {
            command.env_remove(&*name);
        }
    }
    command.envs(settings.iter().copied());
    command.env("NO_COLOR", "1").args(args).args(["--url", url]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary can be run");
    let (stdout, stderr) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
    let readers = vec![
        collect(child.stdout.take().expect("it is piped"), &stdout),
        collect(child.stderr.take().expect("it is piped"), &stderr),
    ];
    Running { child, command: args.join(" "), began: Instant::now(), stdout, stderr, readers }
}

fn collect(mut from: impl Read + Send + 'static, to: &Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    let to = Arc::clone(to);
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            to.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..size]));
        }
    })
}

impl Running {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id fits")
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        // It may have ended on its own a moment ago; it is not reaped yet, so the id is still its own.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal);
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it said so far, on both streams.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout.lock().unwrap(), self.stderr.lock().unwrap())
    }

    /// Its end. One that outlasts `PATIENCE` is killed and fails the test.
    #[track_caller]
    pub fn outcome(self) -> Outcome {
        self.outcome_within(PATIENCE)
    }

    /// [`Running::outcome`] of what has more to do.
    #[track_caller]
    pub fn outcome_within(mut self, patience: Duration) -> Outcome {
        let deadline = Instant::now() + patience;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            if Instant::now() >= deadline {
                let _ = self.child.kill();
                panic!("`segue {}` does not end; it said:\n{}", self.command, self.said());
            }
            thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("readers do not panic");
        }
        Outcome {
            command: self.command.clone(),
            code: status.code(),
            stdout: self.stdout.lock().unwrap().clone(),
            stderr: self.stderr.lock().unwrap().clone(),
            took: self.began.elapsed(),
        }
    }

    /// SIGKILL, and its end.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
#[track_caller]
pub fn segue(url: &str, args: &[&str]) -> Outcome {
    spawn(url, args).outcome()
}

/// `segue status --json`.
#[track_caller]
pub fn status(url: &str) -> Value {
    segue(url, &["status", "--json"]).exits(0).json()
}

/// The state that `segue status --json` gives; empty where there is no rollout.
#[track_caller]
pub fn state(url: &str) -> String {
    status(url)["rollout"]["state"].as_str().unwrap_or_default().to_owned()
}

/// Holds a backfill's workers after a slice, outside of any transaction, until it is opened: what a test does in the midst of
/// the work is then done in the midst of it, however long it takes.
pub struct Gate(std::path::PathBuf);

impl Gate {
    pub fn closed(folder: &Folder) -> Gate {
        let path = folder.path("gate");
        std::fs::write(&path, "").expect("the temporary directory can be written to");
        Gate(path)
    }

    /// [`spawn`]; of its workers, each is held after its next slice.
    pub fn spawn(&self, url: &str, args: &[&str]) -> Running {
        self.holding("every*", url, args)
    }

    /// [`spawn`]; of its workers, the one that is first to end a slice is held, and the others go on.
    pub fn spawn_holding_one(&self, url: &str, args: &[&str]) -> Running {
        self.holding("", url, args)
    }

    fn holding(&self, passes: &str, url: &str, args: &[&str]) -> Running {
        let setting = format!("slice_after_commit={passes}while:{}", self.0.display());
        spawn_with(url, args, &[(segue::failpoint::VARIABLE, &setting)])
    }

    pub fn open(&self) {
        std::fs::remove_file(&self.0).expect("it is opened once");
    }
}

/// Until the server has noticed that a killed Segue's sessions are at their end: what they had in hand may still be committed.
#[track_caller]
pub fn wait_left(at: At<'_>) {
    wait_for("Segue's sessions to end", PATIENCE, || {
        at.is_true(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name LIKE 'segue/%')",
        )
        .then_some(())
    });
}

/// A directory of this test's own, gone when dropped.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("segue-test.{}.{count}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary directory can be written to");
        Folder(path)
    }

    /// Where a file of this name would be.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the temporary directory can be written to");
        path.to_str().expect("it is UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a job for each item, some at a time; returns what those that panicked said, with the item's name. Their backtraces
/// are not printed: a hundred of them hide the one line that matters.
pub fn each<T: Send>(
    items: Vec<T>,
    at_once: usize,
    name: impl Fn(&T) -> String + Sync,
    job: impl Fn(&T) + Sync,
) -> Vec<String> {
    let queue = Mutex::new(std::collections::VecDeque::from(items));
    let failures = Mutex::new(Vec::new());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().name().is_some() {
            before(info);
        }
    }));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let Some(item) = queue.lock().unwrap().pop_front() else { return };
                    let began = Instant::now();
                    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&item)));
                    let result = if done.is_ok() { "ok" } else { "FAILED" };
                    println!("{result:6} {:5.1} s  {}", began.elapsed().as_secs_f64(), name(&item));
                    if let Err(panic) = done {
                        let text = panic.downcast_ref::<String>().cloned();
                        let text =
                            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                        let told = format!("=== {}\n{}", name(&item), text.unwrap_or_default());
                        // At once, too: whoever stops a long run has seen so far what failed, and why.
                        println!("{told}");
                        failures.lock().unwrap().push(told);
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}
