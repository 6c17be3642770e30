//! Owns the question under which account servers run: PostgreSQL refuses root. Must not start anything.

use super::{SandboxError, error::Doing};
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use std::{os::unix::process::CommandExt, path::Path, process::Command, sync::OnceLock};

/// The account to drop to, as root; nothing to do for everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    Own,
    Dropped { uid: Uid, gid: Gid },
}

impl Account {
    /// initdb wants an account that has a name, so a bare number would not do.
    pub(super) fn pick() -> Result<Account, SandboxError> {
        static PICKED: OnceLock<Option<Account>> = OnceLock::new();
        PICKED
            .get_or_init(|| {
                if !geteuid().is_root() {
                    return Some(Account::Own);
                }
                ["postgres", "nobody"]
                    .into_iter()
                    .find_map(|name| User::from_name(name).ok().flatten())
                    .filter(|user| !user.uid.is_root())
                    .map(|user| Account::Dropped { uid: user.uid, gid: user.gid })
            })
            .ok_or(SandboxError::NoAccount)
    }

    /// A command that will run under this account, with nothing of this process's environment or terminal.
    pub(super) fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("TZ", "UTC").env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").current_dir("/");
        command.stdin(std::process::Stdio::null());
        if let Account::Dropped { uid, gid } = self {
            // The standard library clears the supplementary groups as well.
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        command
    }

    /// Gives a file or directory to this account.
    pub(super) fn own(self, path: &Path) -> Result<(), SandboxError> {
        match self {
            Account::Own => Ok(()),
            Account::Dropped { uid, gid } => chown(path, Some(uid), Some(gid))
                .doing(|| format!("cannot give {} to the server's account", path.display())),
        }
    }
}
