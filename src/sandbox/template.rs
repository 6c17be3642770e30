//! Owns the template data directory that every private cluster is a copy of: initdb takes a second, a copy a twentieth of it, and
//! two copies are primary and standby without any backup. Must not start servers.

use super::{
    Binaries, PATIENCE, SandboxError,
    account::Account,
    error::Doing,
    place::{Place, private_directory},
    wait_for,
};
use nix::unistd::geteuid;
use sha2::{Digest, Sha256};
use std::{
    env, fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Part of the key: raised whenever the template would come out differently.
const REVISION: u32 = 1;

/// Where this user keeps templates and `scripts/get-postgres` keeps servers.
pub(super) fn cache_directory() -> PathBuf {
    let of = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    of("XDG_CACHE_HOME")
        .or_else(|| of("HOME").map(|home| home.join(".cache")))
        .map_or_else(fallback_directory, |cache| cache.join("segue"))
}

/// For users without a home, or with one that cannot be written to.
fn fallback_directory() -> PathBuf {
    env::temp_dir().join(format!("segue-{}", geteuid()))
}

/// The template for these programs; made if it is not there. Several processes may ask at once: one makes it.
pub(super) fn template(binaries: &Binaries, account: Account) -> Result<PathBuf, SandboxError> {
    let mut cache = cache_directory();
    if private_directory(&cache).is_err() {
        cache = fallback_directory();
        private_directory(&cache)
            .doing(|| format!("cannot use {} to keep a template in", cache.display()))?;
    }
    let key = key(binaries)?;
    let template = cache.join(format!("template-{key}"));
    if template.is_dir() {
        return Ok(template);
    }
    let lock_path = cache.join(format!("template-{key}.lock"));
    let lock = fs::File::create(&lock_path).doing(|| format!("cannot create {}", lock_path.display()))?;
    wait_for("another process to finish its initdb", PATIENCE, || match lock.try_lock() {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(source)) => {
            Err(SandboxError::Io { doing: format!("cannot lock {}", lock_path.display()), source })
        }
    })?;
    if !template.is_dir() {
        // initdb runs as the server's account, which may not be able to look into the cache; hence the detour.
        let place = Place::create(account, 256 * 1024 * 1024)?;
        let data = place.path().join("data");
        initdb(binaries, account, &data)?;
        let unfinished = cache.join(format!("template-{key}.new"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).doing(|| format!("cannot remove {}", unfinished.display()))?;
        }
        copy(&data, &unfinished, Account::Own)?;
        fs::rename(&unfinished, &template).doing(|| format!("cannot create {}", template.display()))?;
    }
    Ok(template)
}

/// Changes when the programs do: an upgrade in place must not meet an old template.
fn key(binaries: &Binaries) -> Result<String, SandboxError> {
    let program = binaries.program("postgres");
    let meta = fs::metadata(&program).doing(|| format!("cannot look at {}", program.display()))?;
    let of =
        format!("{REVISION} {} {} {} {}", binaries.version(), program.display(), meta.len(), meta.mtime());
    let digest: String = Sha256::digest(of.as_bytes()).iter().take(6).map(|b| format!("{b:02x}")).collect();
    Ok(format!("{}-{digest}", binaries.major()))
}

fn initdb(binaries: &Binaries, account: Account, data: &Path) -> Result<(), SandboxError> {
    let mut output = String::new();
    // The same order of strings on every machine; not every machine has the first of the two.
    for locale in ["C.UTF-8", "C"] {
        let mut command = account.command(binaries.program("initdb"));
        command.args(["--no-sync", "--encoding=UTF8", "--auth=trust", "--username=postgres"]);
        command.arg(format!("--locale={locale}")).arg("-D").arg(data);
        let done = command.output().doing(|| "cannot run initdb".to_owned())?;
        if done.status.success() {
            return Ok(());
        }
        output.push_str(&String::from_utf8_lossy(&done.stdout));
        output.push_str(&String::from_utf8_lossy(&done.stderr));
    }
    Err(SandboxError::Initdb { directory: binaries.directory().to_owned(), output })
}

/// Copies a data directory. Each directory is handed over before it is filled, so that the reaper, under that account, can
/// remove a copy that was cut short.
pub(super) fn copy(from: &Path, to: &Path, account: Account) -> Result<(), SandboxError> {
    let doing = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::DirBuilder::new().mode(0o700).create(to).doing(doing)?;
    account.own(to)?;
    for entry in fs::read_dir(from).doing(doing)? {
        let entry = entry.doing(doing)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().doing(doing)?;
        if kind.is_dir() {
            copy(&source, &target, account)?;
        } else {
            fs::copy(&source, &target).doing(|| format!("cannot copy {}", source.display()))?;
            account.own(&target)?;
        }
    }
    let mode = fs::metadata(from).doing(doing)?.permissions().mode();
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).doing(doing)
}
