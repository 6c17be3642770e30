//! Owns a private PostgreSQL cluster for this test binary, shared by the tests that run at the same time.
//! Must not outlive them: the last user stops it and removes its directory.
//!
//! `SEGUE_TEST_PG_BIN` names another server's `bin` directory.

use segue::catalog::Catalog;
use segue::ident::literal;
use segue::pg::introspect::{self, SETTINGS, SQL};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::time::{Duration, Instant};

pub struct Cluster {
    dir: PathBuf,
    bin: PathBuf,
    server: nix::unistd::Pid,
    stopped: Mutex<mpsc::Receiver<()>>,
}

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

/// The cluster that another test uses just now, or a new one.
pub fn cluster() -> Arc<Cluster> {
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    shared.upgrade().unwrap_or_else(|| {
        let cluster = Arc::new(Cluster::start());
        *shared = Arc::downgrade(&cluster);
        cluster
    })
}

impl Cluster {
    fn start() -> Cluster {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let base = Some(PathBuf::from("/dev/shm")).filter(|d| d.is_dir()).unwrap_or_else(std::env::temp_dir);
        let dir = base.join(format!("segue-introspect.{}.{count}", std::process::id()));
        let bin = std::env::var_os("SEGUE_TEST_PG_BIN")
            .map_or_else(|| PathBuf::from("/usr/lib/postgresql/15/bin"), PathBuf::from);
        std::fs::create_dir(&dir).expect("a directory for the cluster");
        let user = nix::unistd::User::from_name("postgres").expect("the user database");
        let user = user.filter(|_| nix::unistd::geteuid().is_root());
        if let Some(user) = &user {
            std::os::unix::fs::chown(&dir, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("chown");
        }
        // PostgreSQL does not run as root.
        let server = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(&dir).env_clear().env("LC_ALL", "C").stdin(Stdio::null());
            if let Some(user) = &user {
                command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
            }
            command
        };
        let data = dir.join("data");
        let initdb = server(&bin.join("initdb"))
            .args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D"])
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));

        let log = std::fs::File::create(dir.join("log")).expect("a log");
        // The signal at the parent's death is sent when the *thread* that started the server ends, so
        // this one lives as long as the server.
        let mut postgres = server(Path::new("setpriv"));
        postgres.env("PATH", "/usr/bin:/bin").args(["--pdeathsig", "QUIT"]);
        postgres.arg(bin.join("postgres")).arg("-D").arg(&data).arg("-k").arg(&dir);
        for setting in ["fsync=off", "listen_addresses=", "autovacuum=off", "wal_level=logical"] {
            postgres.args(["-c", setting]);
        }
        postgres.stdout(log.try_clone().expect("a log")).stderr(log);
        let (started, start) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        std::thread::spawn(move || {
            let mut child = postgres.spawn().expect("postgres starts");
            let _ = started.send(nix::unistd::Pid::from_raw(child.id().cast_signed()));
            let _ = child.wait();
            let _ = stop.send(());
        });
        let server = start.recv().expect("postgres starts");
        let cluster = Cluster { dir, bin, server, stopped: Mutex::new(stopped) };
        let deadline = Instant::now() + Duration::from_secs(90);
        while !cluster.psql("postgres").args(["-c", "SELECT 1"]).output().expect("psql").status.success() {
            assert!(Instant::now() < deadline, "the server does not answer; see {}", cluster.dir.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        cluster
    }

    fn psql(&self, database: &str) -> Command {
        let own = self.bin.join("psql");
        let mut psql = Command::new(if own.exists() { own } else { "psql".into() });
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"])
            .arg(&self.dir)
            .args(["-d", database]);
        psql.env("PGCLIENTENCODING", "UTF8").env("PGOPTIONS", "-c client_min_messages=error");
        psql
    }

    /// Runs a script in one session and gives back the lines it printed.
    pub fn run(&self, database: &str, script: &str) -> Vec<String> {
        let mut psql = self.psql(database);
        let mut psql = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql starts");
        let mut stdin = psql.stdin.take().expect("piped");
        let script = script.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
        let output = psql.wait_with_output().expect("psql ends");
        let _ = writer.join();
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    /// A database of the test's own.
    pub fn database(&self, name: &str, script: &str) -> String {
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        self.run(name, script);
        name.to_owned()
    }

    /// One schema as the supervisor would read it: one statement in a read-only snapshot.
    pub fn read(&self, database: &str, schema: &str, left_out: &[&str], role: &str) -> Option<Catalog> {
        let script = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE {role};\n{}{}COMMIT;",
            prepare(),
            ask(schema, left_out)
        );
        let lines = self.run(database, &script);
        assert!(lines.len() <= 1, "one document");
        lines.first().map(|line| decode(line))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing here is worth a checkpoint.
        let _ = nix::sys::signal::kill(self.server, nix::sys::signal::Signal::SIGQUIT);
        let stopped = self.stopped.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = stopped.recv_timeout(Duration::from_secs(10));
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

pub fn prepare() -> String {
    format!("PREPARE read_schema (text, text[]) AS {SQL};\n")
}

/// The settings and the statement, in a transaction and after [`prepare`].
pub fn ask(schema: &str, left_out: &[&str]) -> String {
    let left_out = left_out.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
    format!("{SETTINGS}\nEXECUTE read_schema({}, ARRAY[{left_out}]::text[]);\n", literal(schema))
}

pub fn decode(line: &str) -> Catalog {
    introspect::decode(serde_json::from_str(line).expect("JSON")).expect("a catalog")
}
