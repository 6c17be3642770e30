//! Owns looking at and signalling a server's processes. Must not start or wait for any that are our own children.

use super::{SandboxError, error::Doing};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// One process of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// How it calls itself: `postgres: walreceiver streaming 0/3000148`.
    pub title: String,
}

/// Sends a signal. A process that is gone already is no error; `false` then.
pub(super) fn signal(pid: u32, signal: Signal) -> Result<bool, SandboxError> {
    let raw = i32::try_from(pid).expect("a process id fits");
    match kill(Pid::from_raw(raw), signal) {
        Ok(()) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(errno) => Err(errno).doing(|| format!("cannot send {signal} to process {pid}")),
    }
}

/// The processes whose parent is `parent`; without those that have ended and only wait to be noticed.
#[cfg(target_os = "linux")]
pub(super) fn children_of(parent: u32) -> Result<Vec<Process>, SandboxError> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc").doing(|| "cannot list the processes in /proc".to_owned())? {
        let entry = entry.doing(|| "cannot list the processes in /proc".to_owned())?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if alive_with_parent(pid) == Some(parent) {
            // It may end between the two looks; then it is no process any more.
            let Ok(title) = std::fs::read(entry.path().join("cmdline")) else { continue };
            let title = String::from_utf8_lossy(&title).replace('\0', " ").trim_end().to_owned();
            children.push(Process { pid, title });
        }
    }
    Ok(children)
}

/// The parent of a process that lives; `None` if it does not, or has ended and not been noticed yet.
#[cfg(target_os = "linux")]
fn alive_with_parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state parent …": the name may hold anything, parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    fields.next()?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}

/// Whether a process lives.
#[cfg(target_os = "linux")]
pub(super) fn is_alive(pid: u32) -> bool {
    alive_with_parent(pid).is_some()
}

/// The processes whose parent is `parent`.
#[cfg(not(target_os = "linux"))]
pub(super) fn children_of(parent: u32) -> Result<Vec<Process>, SandboxError> {
    let listed = std::process::Command::new("ps").args(["-axo", "pid=,ppid=,stat=,command="]).output();
    let listed = listed.doing(|| "cannot run ps".to_owned())?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    Ok(text
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let pid = fields.next()?.parse().ok()?;
            let of: u32 = fields.next()?.parse().ok()?;
            let state = fields.next()?;
            let title = fields.collect::<Vec<_>>().join(" ");
            (of == parent && !state.starts_with('Z')).then_some(Process { pid, title })
        })
        .collect())
}

/// Whether a process lives.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_alive(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|raw| kill(Pid::from_raw(raw), None).is_ok())
}
