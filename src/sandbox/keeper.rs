//! Owns the thread whose children all servers and reapers are. Must not know what they are for.
//!
//! The kernel's parent-death signal fires when the *thread* that forked ends, not the process. A test's thread or a worker
//! of the runtime ends long before; this one never does.

use nix::{sys::signal::Signal, unistd::setsid};
use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::{OnceLock, mpsc},
    thread,
};

/// What happens to a child when this process ends, however it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtOurEnd {
    /// It gets this signal, where the system can do so.
    Gets(Signal),
    /// It goes on: it has something to do then.
    GoesOn,
}

struct Job {
    command: Command,
    reply: mpsc::Sender<io::Result<Child>>,
}

/// Starts a command in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it.
pub(super) fn spawn(mut command: Command, at_our_end: AtOurEnd) -> io::Result<Child> {
    // SAFETY: between fork and exec only setsid and prctl are called, both of which are plain system calls.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            if let AtOurEnd::Gets(signal) = at_our_end {
                die_with_parent(signal)?;
            }
            Ok(())
        });
    }
    static KEEPER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("sandbox-keeper".to_owned())
            .spawn(move || {
                for mut job in jobs {
                    // The asker may have gone; then the child is nobody's and has to go too.
                    if let Err(mpsc::SendError(Ok(mut child))) = job.reply.send(job.command.spawn()) {
                        let _ = child.kill();
                        let _ = child.wait();
                    }
                }
            })
            .expect("a thread can be started");
        sender
    });
    let (reply, answer) = mpsc::channel();
    keeper.send(Job { command, reply }).expect("the keeper thread never ends");
    answer.recv().expect("the keeper thread answers every job")
}

#[cfg(target_os = "linux")]
fn die_with_parent(signal: Signal) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(signal).map_err(io::Error::from)
}

/// Elsewhere there is no such signal, and the reaper alone does it (see `place`).
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: Signal) -> io::Result<()> {
    Ok(())
}
