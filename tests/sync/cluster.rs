//! A private PostgreSQL server for one test, spoken to through psql.

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Cluster {
    directory: PathBuf,
    postmaster: Child,
}

fn program(name: &str) -> PathBuf {
    let given = std::env::var_os("SEGUE_TEST_PGBIN").map(PathBuf::from);
    given.unwrap_or_else(|| PathBuf::from("/usr/lib/postgresql/15/bin")).join(name)
}

/// A server's program, as `postgres` where we are root: PostgreSQL refuses to run as root. It dies
/// with the test's thread.
fn server_program(name: &str) -> Command {
    if !Uid::effective().is_root() {
        return Command::new(program(name));
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=INT"])
        .arg(program(name));
    command
}

impl Cluster {
    pub fn start(test: &str) -> Cluster {
        let directory = PathBuf::from(format!("/dev/shm/segue-{test}.{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory for the server");
        if Uid::effective().is_root() {
            let owned = Command::new("chown").arg("postgres:").arg(&directory).status().expect("chown");
            assert!(owned.success());
        }
        let data = directory.join("data");
        let made = server_program("initdb")
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let postmaster = server_program("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", directory.display()))
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("postgres");
        let cluster = Cluster { directory, postmaster };
        let deadline = Instant::now() + Duration::from_secs(90);
        while cluster.psql("SELECT 1").is_err() {
            assert!(Instant::now() < deadline, "the server did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        cluster
    }

    /// Runs SQL as one transaction; rows as lines of `a|b`, or the error.
    pub fn psql(&self, sql: &str) -> Result<String, String> {
        let done = Command::new(program("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-h"])
            .arg(&self.directory)
            .args(["-c", sql])
            .output()
            .expect("psql");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    pub fn run(&self, sql: &str) -> String {
        self.psql(sql).unwrap_or_else(|error| panic!("{error}\nin: {sql}"))
    }

    /// Runs SQL as an application whose `search_path` is this.
    pub fn on(&self, path: &str, sql: &str) -> String {
        self.run(&format!("SET search_path = {path}; {sql}"))
    }

    pub fn all(&self, statements: &[String]) {
        self.run(&statements.join(";\n"));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pid = i32::try_from(self.postmaster.id()).expect("a process id");
        let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        let _ = self.postmaster.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
