//! Owns a cluster's directory: where there is room, in memory if possible, and its removal when this process ends in
//! whatever way. Must not know what a server is, beyond that its pid file must be obeyed before its files go.

use super::{
    SandboxError,
    account::Account,
    error::Doing,
    keeper::{self, AtOurEnd},
};
use nix::sys::statvfs::statvfs;
use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

/// The longest directory under which a server's socket (`/.s.PGSQL.65535`) still fits into a socket address: 107 bytes on
/// Linux, 103 on macOS.
const LONGEST: usize = 103 - "/.s.PGSQL.65535".len();

/// Runs until its standard input ends, which is when the process that started it has ended or lets go. Then stops the
/// server whose pid file it finds (a stopped process must go on to be ended, and an old pid may be another's by now), frees the
/// System V segment that a killed server leaves, and removes the directory.
const REAPER: &str = r#"
trap '' HUP INT TERM
dir=$1
while read -r _; do :; done
pidfile=$dir/data/postmaster.pid
if [ -f "$pidfile" ]; then
  { read -r pid; read -r _; read -r _; read -r _; read -r _; read -r _; read -r _ segment; } <"$pidfile"
  ours() {
    [ -f "$pidfile" ] && kill -0 "$pid" 2>/dev/null || return 1
    [ ! -e /proc/self/cwd ] || [ "$(readlink "/proc/$pid/cwd")" = "$dir/data" ]
  }
  if ours; then
    kill -CONT "$pid"; kill -QUIT "$pid"
    tries=0
    while ours && [ "$tries" -lt 240 ]; do sleep 0.05; tries=$((tries + 1)); done
    if ours; then kill -KILL "$pid"; sleep 0.5; fi
  fi
  if [ -f "$pidfile" ] && [ -n "$segment" ]; then ipcrm -m "$segment" 2>/dev/null; fi
fi
rm -rf "$dir" 2>/dev/null || { sleep 1; rm -rf "$dir"; }
"#;

/// A directory of a server's own. Dropping it stops what still runs in it and removes it.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    reaper: Child,
}

impl Place {
    /// Makes the directory, of `account` and closed to all others: who reaches the socket is trusted.
    pub(super) fn create(account: Account, room: u64) -> Result<Place, SandboxError> {
        let base = base(account, room);
        let directory = loop {
            let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(6).collect();
            let directory = base.join(format!("segue.{name}"));
            match fs::DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => break directory,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => {
                    let doing = format!("cannot make a directory for the server in {}", base.display());
                    return Err(SandboxError::Io { doing, source });
                }
            }
        };
        let mut command = account.command("/bin/sh");
        command.arg("-c").arg(REAPER).arg("segue-sandbox-reaper").arg(&directory);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let reaper = account.own(&directory).and_then(|()| {
            keeper::spawn(command, AtOurEnd::GoesOn)
                .doing(|| "cannot start /bin/sh to clean up later".to_owned())
        });
        match reaper {
            Ok(reaper) => Ok(Place { directory, reaper }),
            Err(error) => {
                // Still empty, so this is all there is to undo.
                let _ = fs::remove_dir(&directory);
                Err(error)
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.reaper.stdin.take());
        let ended = self.reaper.wait();
        if self.directory.exists() {
            // The reaper was killed, or could not do it.
            if let Err(error) = fs::remove_dir_all(&self.directory) {
                tracing::warn!(directory = %self.directory.display(), ?ended, %error, "a private server's directory is left behind");
            }
        }
    }
}

/// Memory where it has room (a container's /dev/shm may be 64 MB), else the temporary directory, else /tmp.
fn base(account: Account, room: u64) -> PathBuf {
    let memory = Path::new("/dev/shm");
    if writable(memory) && free_bytes(memory).is_some_and(|free| free >= room) {
        return memory.to_owned();
    }
    let temporary = env::temp_dir();
    let short = temporary.as_os_str().len() + "/segue.123456".len() <= LONGEST;
    if short && (account == Account::Own || traversable(&temporary)) {
        return temporary;
    }
    PathBuf::from("/tmp")
}

fn free_bytes(path: &Path) -> Option<u64> {
    let stat = statvfs(path).ok()?;
    // The fields' widths differ between systems.
    #[allow(clippy::unnecessary_cast)]
    Some(stat.blocks_available() as u64 * stat.fragment_size() as u64)
}

fn writable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::W_OK | nix::unistd::AccessFlags::X_OK).is_ok()
}

/// Whether everybody can get to it, so the account that root drops to can.
fn traversable(path: &Path) -> bool {
    path.ancestors()
        .all(|directory| fs::metadata(directory).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0))
}

/// A directory of this very user that nobody else can write to; made if it is not there.
pub(super) fn private_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let meta = fs::metadata(path)?;
    if meta.uid() != nix::unistd::geteuid().as_raw() || meta.permissions().mode() & 0o022 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others can write to it"));
    }
    nix::unistd::access(path, nix::unistd::AccessFlags::W_OK)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_closed_to_others_and_gone_when_dropped() {
        let account = Account::pick().unwrap();
        let place = Place::create(account, 1).unwrap();
        let path = place.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::create_dir(path.join("data")).unwrap();
        account.own(&path.join("data")).unwrap();
        drop(place);
        assert!(!path.exists());
    }

    #[test]
    fn memory_without_room_is_not_used() {
        assert!(!base(Account::Own, u64::MAX).starts_with("/dev/shm"));
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_private() {
        let path = env::temp_dir().join(format!("segue-private.{}", std::process::id()));
        private_directory(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let refused = private_directory(&path);
        fs::remove_dir(&path).unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
}
