//! Owns where a PostgreSQL server's programs are on this machine. Must not start a server.

use super::{SandboxError, account::Account, error::Doing};
use std::{
    collections::BTreeMap,
    env, fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The major versions Segue works with.
pub const MAJORS: RangeInclusive<u32> = 14..=18;

/// A directory that holds a server's programs, tried: they load, and under the account that will run them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binaries {
    directory: PathBuf,
    version: String,
    major: u32,
}

impl Binaries {
    /// The first usable ones: `SEGUE_PG_BIN`, `pg_config`, `PATH`, then the places that distributions, Homebrew, Postgres.app,
    /// MacPorts and `scripts/get-postgres` use, newest first. Searched once per process.
    pub fn find() -> Result<Binaries, SandboxError> {
        static FOUND: OnceLock<Binaries> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(found.clone());
        }
        let found = match env::var_os("SEGUE_PG_BIN").filter(|named| !named.is_empty()) {
            // Named by the user: another one in its place would not be what was asked for.
            Some(directory) => Binaries::named("SEGUE_PG_BIN", Path::new(&directory))?,
            None => first_usable(candidates()?)?,
        };
        Ok(FOUND.get_or_init(|| found).clone())
    }

    /// The programs in this very directory; `Err` says why they do not do.
    pub fn at(directory: &Path) -> Result<Binaries, String> {
        for program in ["initdb", "postgres"] {
            if !directory.join(program).is_file() {
                return Err(format!("no {program} in it"));
            }
        }
        let account = Account::pick().map_err(|error| error.to_string())?;
        let output = account
            .command(directory.join("postgres"))
            .arg("--version")
            .output()
            .map_err(|error| format!("postgres cannot be run there: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("postgres --version failed: {}", said.trim()));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let (version, major) = parse_version(&said).ok_or_else(|| {
            format!("postgres --version says {:?}, which has no version in it", said.trim())
        })?;
        if !MAJORS.contains(&major) {
            return Err(format!(
                "it is version {version}; {} to {} are supported",
                MAJORS.start(),
                MAJORS.end()
            ));
        }
        Ok(Binaries { directory: directory.to_owned(), version, major })
    }

    /// The usable ones of one major version, wherever they are; `None` if this machine has none.
    pub fn of_major(major: u32) -> Result<Option<Binaries>, SandboxError> {
        Ok(Binaries::matrix()?.into_iter().find(|binaries| binaries.major == major))
    }

    /// One of each major version for tests that run across versions, ascending. `SEGUE_TEST_PG_BINS=DIR:DIR:…` names them;
    /// without it, every major version that is on this machine.
    pub fn matrix() -> Result<Vec<Binaries>, SandboxError> {
        static MATRIX: OnceLock<Vec<Binaries>> = OnceLock::new();
        if let Some(matrix) = MATRIX.get() {
            return Ok(matrix.clone());
        }
        let mut majors = BTreeMap::new();
        match env::var_os("SEGUE_TEST_PG_BINS").filter(|list| !list.is_empty()) {
            Some(list) => {
                for directory in env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()) {
                    let binaries = Binaries::named("SEGUE_TEST_PG_BINS", &directory)?;
                    majors.entry(binaries.major).or_insert(binaries);
                }
            }
            None => {
                if let Ok(default) = Binaries::find() {
                    majors.insert(default.major, default);
                }
                for (_, directory) in candidates()? {
                    if let Ok(binaries) = Binaries::at(&directory) {
                        majors.entry(binaries.major).or_insert(binaries);
                    }
                }
            }
        }
        let matrix: Vec<Binaries> = majors.into_values().collect();
        Ok(MATRIX.get_or_init(|| matrix).clone())
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// As the server says it: `15.18`, `19beta1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version: 15.
    pub fn major(&self) -> u32 {
        self.major
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn named(variable: &'static str, directory: &Path) -> Result<Binaries, SandboxError> {
        Binaries::at(directory).map_err(|why| SandboxError::UnusableServer {
            variable,
            directory: directory.to_owned(),
            why,
        })
    }
}

fn first_usable(candidates: Vec<(String, PathBuf)>) -> Result<Binaries, SandboxError> {
    let mut looked_at = Vec::new();
    for (place, directory) in candidates {
        if directory.as_os_str().is_empty() {
            looked_at.push(format!("{place}: nothing there"));
            continue;
        }
        match Binaries::at(&directory) {
            Ok(binaries) => return Ok(binaries),
            Err(why) => looked_at.push(format!("{place}: {}: {why}", directory.display())),
        }
    }
    Err(SandboxError::NoServer { looked_at })
}

/// Every directory to look at, best first, with the name of the rule that led there. A rule that leads nowhere gives an
/// empty path, so that the error can tell of it.
fn candidates() -> Result<Vec<(String, PathBuf)>, SandboxError> {
    let mut candidates = Vec::new();
    let asked = Command::new("pg_config").arg("--bindir").output();
    let bindir = asked.ok().filter(|output| output.status.success());
    let bindir = bindir.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    candidates.push(("pg_config --bindir".to_owned(), bindir.unwrap_or_default()));

    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).find(|directory| directory.join("initdb").is_file());
    candidates.push(("PATH".to_owned(), on_path.unwrap_or_default()));

    let cache = super::template::cache_directory();
    let own = ["/opt/segue".to_owned(), cache.display().to_string()].map(|home| format!("{home}/pg-*/bin"));
    let usual = [
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
        "/Applications/Postgres.app/Contents/Versions/*/bin",
        "/opt/local/lib/postgresql*/bin",
    ];
    for pattern in usual.into_iter().chain(own.iter().map(String::as_str)) {
        let found = newest_first(pattern).doing(|| format!("cannot look for {pattern}"))?;
        if found.is_empty() {
            candidates.push((pattern.to_owned(), PathBuf::new()));
        }
        candidates.extend(found.into_iter().map(|directory| (pattern.to_owned(), directory)));
    }
    Ok(candidates)
}

/// The directories that a pattern with one `*` names, by the number in its place, highest first.
fn newest_first(pattern: &str) -> std::io::Result<Vec<PathBuf>> {
    let (before, after) = pattern.split_once('*').expect("every pattern has a star");
    let (parent, prefix) = before.rsplit_once('/').expect("every pattern is absolute");
    let after = after.trim_start_matches('/');
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        // Not there, or not for us to see: nothing to be found either way.
        Err(_) => return Ok(Vec::new()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.strip_prefix(prefix)) {
            // Unnumbered ones ("latest") come last.
            let order: Vec<u32> = number.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
            let directory = entry.path().join(after);
            if directory.is_dir() {
                found.push((order, directory));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().rev().map(|(_, directory)| directory).collect())
}

/// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" → ("15.18", 15).
fn parse_version(said: &str) -> Option<(String, u32)> {
    let version = said.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((version.to_owned(), digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_as_the_servers_print_them() {
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(parse_version(debian), Some(("15.18".to_owned(), 15)));
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1\n"), Some(("19beta1".to_owned(), 19)));
        assert_eq!(parse_version("bash: postgres: not found"), None);
    }

    #[test]
    fn sorts_directories_by_number_and_not_by_letter() {
        let root = env::temp_dir().join(format!("segue-newest-first.{}", std::process::id()));
        for version in ["9", "14", "18", "latest"] {
            fs::create_dir_all(root.join(format!("pg-{version}/bin"))).unwrap();
        }
        let found = newest_first(&format!("{}/pg-*/bin", root.display())).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let expected: Vec<PathBuf> =
            ["18", "14", "9", "latest"].iter().map(|v| root.join(format!("pg-{v}/bin"))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_directory_without_programs_does_not_count_and_says_why() {
        assert_eq!(Binaries::at(Path::new("/nonexistent")), Err("no initdb in it".to_owned()));
        let error = first_usable(vec![
            ("pg_config --bindir".to_owned(), PathBuf::new()),
            ("PATH".to_owned(), PathBuf::from("/nonexistent")),
        ])
        .unwrap_err()
        .to_string();
        assert!(error.contains("pg_config --bindir: nothing there"), "{error}");
        assert!(error.contains("PATH: /nonexistent: no initdb in it"), "{error}");
        assert!(error.contains("scripts/get-postgres"), "{error}");
    }
}
