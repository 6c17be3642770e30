//! Owns one private server: its start from the template, its addresses, and every way to stop or disturb it. Must not know of
//! replication beyond the settings it is handed (that is `standby`'s).

use super::{
    Binaries, Options, PATIENCE, Process, SandboxError,
    account::Account,
    error::Doing,
    keeper::{self, AtOurEnd},
    place::Place,
    processes::{children_of, is_alive, signal},
    template, wait_for,
    wire::{self, Rows, Session, WireError},
};
use nix::sys::signal::Signal;
use std::{
    fmt::Write as _,
    fs, io,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A running private server. Dropping it stops it and removes all its files.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    account: Account,
    port: u16,
    tcp: bool,
    server: Mutex<Server>,
    // After the server: its files go last.
    place: Place,
}

#[derive(Debug, Default)]
struct Server {
    child: Option<Child>,
    /// Processes that were stopped (SIGSTOP) and must go on before they can end.
    frozen: Vec<u32>,
}

/// How to stop a server that is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Ends the sessions, writes a checkpoint, sends standbys all there is.
    Fast,
    /// Ends at once; the next start recovers.
    Immediate,
}

impl Cluster {
    /// Starts a primary of its own, and returns when it accepts connections: about 0.1 s, and a second more for the very
    /// first one of a version.
    pub fn start(options: &Options) -> Result<Cluster, SandboxError> {
        Cluster::start_with(options, None)
    }

    /// `standby`: the settings that make it one.
    pub(super) fn start_with(
        options: &Options,
        standby: Option<&[(&str, String)]>,
    ) -> Result<Cluster, SandboxError> {
        let binaries = options.binaries.clone().map_or_else(Binaries::find, Ok)?;
        let account = Account::pick()?;
        let template = template::template(&binaries, account)?;
        let place = Place::create(account, options.room)?;
        let server = Mutex::default();
        let mut cluster = Cluster { binaries, account, port: 5432, tcp: options.tcp, server, place };
        template::copy(&template, &cluster.data_directory(), account)?;
        cluster.configure(options, standby)?;
        let mut attempts = if options.tcp { 3 } else { 1 };
        loop {
            if options.tcp {
                cluster.port = free_port()?;
            }
            attempts -= 1;
            match cluster.start_again() {
                // Somebody else may have taken the port since it was found free.
                Err(SandboxError::EndedAtStart { .. }) if attempts > 0 => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(cluster),
            }
        }
    }

    /// Settings go into postgresql.conf and not onto the command line, where `ALTER SYSTEM` could not override them.
    fn configure(&self, options: &Options, standby: Option<&[(&str, String)]>) -> Result<(), SandboxError> {
        let directory = self.directory().display().to_string();
        let mut settings = vec![
            ("unix_socket_directories", directory.clone()),
            ("listen_addresses", if options.tcp { "127.0.0.1" } else { "" }.to_owned()),
            // Shared memory as files of the data directory, so that a killed server leaves none behind.
            ("dynamic_shared_memory_type", "mmap".to_owned()),
            ("log_line_prefix", "%m [%p] %a ".to_owned()),
        ];
        if let Some(tls) = &options.tls {
            self.install(&tls.certificate, "server.crt")?;
            self.install(&tls.key, "server.key")?;
            settings.push(("ssl", "on".to_owned()));
            settings.push(("ssl_cert_file", format!("{directory}/server.crt")));
            settings.push(("ssl_key_file", format!("{directory}/server.key")));
            if let Some(authority) = &tls.client_authority {
                self.install(authority, "clients.crt")?;
                settings.push(("ssl_ca_file", format!("{directory}/clients.crt")));
            }
        }
        settings.extend(standby.into_iter().flatten().cloned());
        settings.extend(options.settings.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let mut text = String::from("\n# Segue's sandbox\n");
        for (name, value) in settings {
            let value = value.replace('\\', "\\\\").replace('\'', "''");
            writeln!(text, "{name} = '{value}'").expect("writing to a string succeeds");
        }
        let path = self.data_directory().join("postgresql.conf");
        fs::read_to_string(&path)
            .and_then(|before| fs::write(&path, before + &text))
            .doing(|| format!("cannot write {}", path.display()))?;
        if let Some(lines) = &options.access {
            let path = self.data_directory().join("pg_hba.conf");
            fs::write(&path, lines.join("\n") + "\n").doing(|| format!("cannot write {}", path.display()))?;
        }
        if standby.is_some() {
            let path = self.data_directory().join("standby.signal");
            fs::write(&path, "").doing(|| format!("cannot write {}", path.display()))?;
            self.account.own(&path)?;
        }
        Ok(())
    }

    /// A key must be the server's own and nobody else's to read, or it refuses to start.
    fn install(&self, from: &Path, name: &str) -> Result<(), SandboxError> {
        let target = self.directory().join(name);
        fs::copy(from, &target).doing(|| format!("cannot copy {}", from.display()))?;
        fs::set_permissions(&target, fs::Permissions::from_mode(0o600))
            .doing(|| format!("cannot set the mode of {}", target.display()))?;
        self.account.own(&target)
    }

    /// Starts it again after [`Cluster::stop`] or [`Cluster::kill9`], at the same addresses, and returns when it accepts
    /// connections.
    pub fn start_again(&self) -> Result<(), SandboxError> {
        let mut server = self.server();
        ended(&mut server)?;
        if server.child.is_some() {
            return Err(SandboxError::Refused("the server is running already".to_owned()));
        }
        let mut command = self.account.command(self.binaries.program("postgres"));
        command.arg("-D").arg(self.data_directory()).arg("-c").arg(format!("port={}", self.port));
        command.current_dir(self.data_directory());
        let log = fs::File::options().create(true).append(true).open(self.log_path());
        let log = log.doing(|| format!("cannot open {}", self.log_path().display()))?;
        let errors = log.try_clone().doing(|| "cannot open the server's log twice".to_owned())?;
        command.stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        let child = keeper::spawn(command, AtOurEnd::Gets(Signal::SIGQUIT))
            .doing(|| format!("cannot run {}", self.binaries.program("postgres").display()))?;
        *server = Server { child: Some(child), frozen: Vec::new() };
        wait_for("the server to accept connections", PATIENCE, || {
            if let Some(status) = ended(&mut server)? {
                return Err(SandboxError::EndedAtStart {
                    version: self.binaries.version().to_owned(),
                    status: status.to_string(),
                    log: self.log_tail(),
                });
            }
            match Session::open(self.directory(), self.port, "postgres") {
                Ok(_) => Ok(true),
                // No socket yet, or "the database system is starting up".
                Err(WireError::Io(_)) => Ok(false),
                Err(error) if error.code() == Some("57P03") => Ok(false),
                Err(error) => Err(error).doing(|| "the server shuts its own sandbox out".to_owned()),
            }
        })
    }

    /// Where a libpq-like client finds a database, over the Unix socket, as superuser `postgres`.
    pub fn url(&self, database: &str) -> String {
        let host = percent_encoded(&self.directory().display().to_string());
        format!("postgresql://postgres@/{}?host={host}&port={}", percent_encoded(database), self.port)
    }

    /// The same over TCP, if the options asked for TCP or TLS.
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        let address = format!("postgresql://postgres@127.0.0.1:{}/{}", self.port, percent_encoded(database));
        self.tcp.then_some(address)
    }

    /// The directory of its socket; all its files are below it.
    pub fn directory(&self) -> &Path {
        self.place.path()
    }

    /// Its data directory.
    pub fn data_directory(&self) -> PathBuf {
        self.directory().join("data")
    }

    /// The port; part of the socket's name too.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The programs it runs.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Its log file.
    pub fn log_path(&self) -> PathBuf {
        self.directory().join("log")
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map_or_else(|_| String::new(), |text| String::from_utf8_lossy(&text).into_owned())
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Runs statements in a session of their own. The rows of all of them, as text.
    pub fn query(&self, database: &str, sql: &str) -> Result<Rows, SandboxError> {
        wire::query(self.directory(), self.port, database, sql).doing(|| format!("cannot run {sql:?}"))
    }

    /// Opens a session that stays, for instance to hold a lock.
    pub fn session(&self, database: &str) -> Result<Session, SandboxError> {
        Session::open(self.directory(), self.port, database).doing(|| format!("cannot connect to {database}"))
    }

    /// The first process's id; `None` when it is not running.
    pub fn pid(&self) -> Option<u32> {
        let mut server = self.server();
        ended(&mut server).ok()?;
        server.child.as_ref().map(Child::id)
    }

    /// Whether it runs (frozen or not).
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// Its processes but for the first: backends, walreceiver, checkpointer, …
    pub fn processes(&self) -> Result<Vec<Process>, SandboxError> {
        self.pid().map_or_else(|| Ok(Vec::new()), children_of)
    }

    /// Stops it and waits until it has. Starting again is possible.
    pub fn stop(&self, how: Shutdown) -> Result<(), SandboxError> {
        self.thaw()?;
        let mut server = self.server();
        let Some(pid) = server.child.as_ref().map(Child::id) else { return Ok(()) };
        signal(pid, if how == Shutdown::Fast { Signal::SIGINT } else { Signal::SIGQUIT })?;
        wait_for("the server to stop", PATIENCE, || {
            ended(&mut server)?;
            Ok(server.child.is_none())
        })
    }

    /// Kills all its processes at once, as if the machine had gone down (but for what the operating system had not written to
    /// disk yet), and waits until they are gone. Starting again is possible.
    pub fn kill9(&self) -> Result<(), SandboxError> {
        let mut server = self.server();
        let Some(pid) = server.child.as_ref().map(Child::id) else { return Ok(()) };
        // Stopped first, so that it cannot start others meanwhile.
        signal(pid, Signal::SIGSTOP)?;
        let others = children_of(pid)?;
        signal(pid, Signal::SIGKILL)?;
        for process in &others {
            signal(process.pid, Signal::SIGKILL)?;
        }
        server.frozen.clear();
        wait_for("the killed server to be gone", PATIENCE, || {
            ended(&mut server)?;
            Ok(server.child.is_none() && !others.iter().any(|process| is_alive(process.pid)))
        })
    }

    /// Stops all its processes where they are (SIGSTOP): a machine that hangs. Connections stay open and nothing answers.
    pub fn freeze(&self) -> Result<(), SandboxError> {
        let pid = self.pid().ok_or_else(|| SandboxError::Refused("the server is not running".to_owned()))?;
        self.freeze_process(pid)?;
        for process in children_of(pid)? {
            self.freeze_process(process.pid)?;
        }
        Ok(())
    }

    /// Stops (SIGSTOP) the one process whose title holds this text, for instance `walreceiver`, and returns its id.
    pub fn freeze_one(&self, title: &str) -> Result<u32, SandboxError> {
        let mut found = None;
        wait_for(&format!("a process whose title holds {title:?}"), PATIENCE, || {
            found = self.processes()?.into_iter().find(|process| process.title.contains(title));
            Ok(found.is_some())
        })?;
        let pid = found.expect("it was awaited").pid;
        self.freeze_process(pid)?;
        Ok(pid)
    }

    fn freeze_process(&self, pid: u32) -> Result<(), SandboxError> {
        self.server().frozen.push(pid);
        signal(pid, Signal::SIGSTOP).map(|_| ())
    }

    /// Lets everything that was frozen go on.
    pub fn thaw(&self) -> Result<(), SandboxError> {
        for pid in std::mem::take(&mut self.server().frozen) {
            signal(pid, Signal::SIGCONT)?;
        }
        Ok(())
    }

    /// Makes a standby a primary, and returns when it takes writes.
    pub fn promote(&self) -> Result<(), SandboxError> {
        let seconds = PATIENCE.as_secs();
        let rows = self.query("postgres", &format!("SELECT pg_promote(true, {seconds})"))?;
        if rows != [[Some("t".to_owned())]] {
            return Err(SandboxError::TimedOut {
                what: "the standby to be promoted".to_owned(),
                after: PATIENCE,
            });
        }
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        // A panic elsewhere leaves the child's handle as good as it was.
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Whatever goes wrong here, the place's reaper tries again, by force at the end.
        let _ = self.thaw();
        let mut server = self.server();
        let Some(child) = server.child.as_mut() else { return };
        let _ = signal(child.id(), Signal::SIGQUIT);
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// How the server ended, if it has since it was started; from then on there is no child.
fn ended(server: &mut Server) -> Result<Option<ExitStatus>, SandboxError> {
    let Some(child) = server.child.as_mut() else { return Ok(None) };
    let status = child.try_wait().doing(|| "cannot ask after the server's process".to_owned())?;
    if status.is_some() {
        server.child = None;
    }
    Ok(status)
}

fn free_port() -> Result<u16, SandboxError> {
    let find = || -> io::Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
    find().doing(|| "cannot find a free port of 127.0.0.1".to_owned())
}

/// All but what may stand in a URL's path and query as it is.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string succeeds");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_carry_any_name() {
        assert_eq!(percent_encoded("/dev/shm/segue.a1"), "/dev/shm/segue.a1");
        assert_eq!(percent_encoded("Ä b?"), "%C3%84%20b%3F");
    }
}
