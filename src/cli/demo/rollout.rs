//! Owns one run of the very command a person would use: this program again, with `--json`, as a process of its own, so that what
//! it needs can be measured. Must not know what the command does.

use super::{
    error::{DemoError, Doing},
    events::{self, Said},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::VecDeque,
    env, fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Lines of what a failed command said that are worth showing.
const KEPT: usize = 30;
/// After being asked to stop it gets this long.
const GRACE: Duration = Duration::from_secs(10);

/// A line on the command's standard output, as it came and as it was understood.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub text: String,
    pub said: Option<Said>,
}

/// What `Rollout::next` has to tell.
#[derive(Debug)]
pub(super) enum Next {
    Line(Box<Line>),
    /// Nothing came in that time.
    Quiet,
    /// It ended, and all lines were read.
    Ended(ExitStatus),
}

/// A running command. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Rollout {
    command: String,
    child: Child,
    lines: Receiver<String>,
    said: Arc<Mutex<VecDeque<String>>>,
    readers: Vec<JoinHandle<()>>,
    peak_memory: Option<u64>,
    closed: bool,
}

impl Rollout {
    /// Runs `segue ARGUMENTS --json --url URL`. In `directory`, so that no segue.yaml of the user's is in force, and in a process
    /// group of its own, so that a Ctrl-C reaches it through this process alone.
    pub(super) fn start(arguments: &[&str], url: &str, directory: &Path) -> Result<Rollout, DemoError> {
        let command_line = format!("segue {} --json", arguments.join(" "));
        let told = || format!("cannot run `{command_line}`");
        let mut command = Command::new(env::current_exe().doing(told)?);
        command.args(arguments).args(["--json", "--url", url]).current_dir(directory).process_group(0);
        for (variable, _) in env::vars_os() {
            let name = variable.to_string_lossy();
            if name.starts_with("PG") || name.starts_with("SEGUE_") || name == "DATABASE_URL" {
                command.env_remove(&variable);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().doing(told)?;
        let (sender, lines) = mpsc::channel();
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let kept = Arc::clone(&said);
        let readers = vec![
            thread::spawn(move || {
                for line in output.lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            }),
            thread::spawn(move || {
                for line in errors.lines().map_while(Result::ok) {
                    keep(&kept, line);
                }
            }),
        ];
        Ok(Rollout { command: command_line, child, lines, said, readers, peak_memory: None, closed: false })
    }

    /// The next line, waiting for it as long as this.
    pub(super) fn next(&mut self, wait: Duration) -> Result<Next, DemoError> {
        self.measure();
        if !self.closed {
            match self.lines.recv_timeout(wait) {
                Ok(text) => {
                    let said = events::read(&text);
                    // What is not an event belongs to what a failure is explained with.
                    if !matches!(said, Some(Said::Glance(_))) {
                        keep(&self.said, text.clone());
                    }
                    return Ok(Next::Line(Box::new(Line { text, said })));
                }
                Err(RecvTimeoutError::Timeout) => return Ok(Next::Quiet),
                Err(RecvTimeoutError::Disconnected) => self.closed = true,
            }
        }
        let told = || format!("cannot ask after `{}`", self.command);
        if let Some(status) = self.child.try_wait().doing(told)? {
            return Ok(Next::Ended(status));
        }
        thread::sleep(wait.min(Duration::from_millis(10)));
        Ok(Next::Quiet)
    }

    /// What its main memory came to at most, bytes; `None` where the system does not tell.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        self.peak_memory
    }

    /// An error of this command, with what it said last.
    pub(super) fn failure(&mut self, status: ExitStatus) -> DemoError {
        for reader in self.readers.drain(..) {
            // A reader cannot fail; it ends with the pipe.
            let _ = reader.join();
        }
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = said.iter().cloned().collect::<Vec<String>>().join("\n");
        DemoError::Program { command: self.command.clone(), status, said }
    }

    fn measure(&mut self) {
        // The mark only rises, so that the last reading before the end is the peak but for what happened after it.
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok();
        self.peak_memory = self.peak_memory.max(status.as_deref().and_then(high_water_mark));
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id fits");
        // It may have ended just now, which is as good.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

impl Drop for Rollout {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal(Signal::SIGINT);
        let asked = Instant::now();
        while asked.elapsed() < GRACE && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(said: &Mutex<VecDeque<String>>, line: String) {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    if said.len() == KEPT {
        said.pop_front();
    }
    said.push_back(line);
}

/// VmHWM of a process's status file, in bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_as_linux_writes_it() {
        assert_eq!(
            high_water_mark("Name:\tsegue\nVmHWM:\t   18244 kB\nVmRSS:\t 9 kB\n"),
            Some(18_244 * 1024)
        );
        assert_eq!(high_water_mark("Name:\tkthreadd\n"), None);
    }
}
