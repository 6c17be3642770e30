//! Owns a private PostgreSQL server for these tests: socket and loopback TCP, TLS with a
//! certificate authority made on the spot. Everything else about servers is not its business.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};

pub struct Cluster {
    pub dir: PathBuf,
    pub port: u16,
}

/// A primary with TLS by a CA, for `localhost` and 127.0.0.1; commits do not wait, but would if asked to.
pub fn primary() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| start("primary"))
}

/// A standby of nobody, with a self-signed certificate.
pub fn standby() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| start("standby"))
}

impl Cluster {
    pub fn socket_dir(&self) -> &str {
        self.dir.to_str().unwrap()
    }

    pub fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    pub fn by_socket(&self) -> String {
        format!("host={} port={} user=postgres dbname=postgres", self.socket_dir(), self.port)
    }
}

fn bin(program: &str) -> PathBuf {
    if let Some(dir) = std::env::var_os("PG_BIN") {
        return Path::new(&dir).join(program);
    }
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin").join(program))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| program.into())
}

/// As the postgres user where we are root; the server dies with the thread that started it.
fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if nix::unistd::geteuid().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.arg(bin(program)).env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn sweep(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix("segue-connect.").and_then(|rest| rest.split('.').next()) else {
            continue;
        };
        if !Path::new("/proc").join(pid).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn start(kind: &'static str) -> Cluster {
    let (send, receive) = mpsc::channel();
    // A thread that outlives the tests, because the server's life hangs on it.
    std::thread::spawn(move || {
        let (cluster, mut server) = start_here(kind);
        send.send(cluster).unwrap();
        server.wait().unwrap();
    });
    receive.recv().unwrap()
}

fn start_here(kind: &str) -> (Cluster, Child) {
    let root = Path::new("/dev/shm");
    let root = if root.is_dir() { root.to_path_buf() } else { std::env::temp_dir() };
    sweep(&root);
    let dir = root.join(format!("segue-connect.{}.{kind}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    own(&dir);
    let data = dir.join("data");
    run(command("initdb")
        .args(["-N", "-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8", "-D"])
        .arg(&data));
    certificates(&dir, kind);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let conf = format!(
        "listen_addresses='127.0.0.1'\nport={port}\nunix_socket_directories='{0}'\nssl=on\nssl_ca_file='{0}/ca.crt'\n\
         ssl_cert_file='{0}/server.crt'\nssl_key_file='{0}/server.key'\nfsync=off\nshared_buffers=16MB\n\
         synchronous_commit=local\nsynchronous_standby_names='nobody'\npassword_encryption='scram-sha-256'\n",
        dir.display()
    );
    fs::write(data.join("postgresql.auto.conf"), conf).unwrap();
    let hba = "local all all trust\nhostssl all pw 127.0.0.1/32 scram-sha-256\nhostssl all bycert 127.0.0.1/32 cert\n\
               hostnossl all plain 127.0.0.1/32 trust\nhostssl all postgres 127.0.0.1/32 trust\n";
    fs::write(data.join("pg_hba.conf"), hba).unwrap();
    if kind == "standby" {
        fs::write(data.join("standby.signal"), "").unwrap();
    }
    let log = fs::File::create(dir.join("log")).unwrap();
    let mut server = command("postgres");
    server.arg("-D").arg(&data).stdout(Stdio::null()).stderr(log);
    let mut server = server.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(90);
    // The last line of its pid file says when it takes sessions, as pg_ctl has it.
    let ready = || {
        let pid_file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        pid_file.lines().nth(7).is_some_and(|line| line.trim() == "ready")
    };
    while !ready() {
        let ended = server.try_wait().unwrap().is_some();
        if ended || Instant::now() > deadline {
            let _ = server.kill();
            server.wait().unwrap();
            panic!(
                "the server does not come up: {}",
                fs::read_to_string(dir.join("log")).unwrap_or_default()
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    (Cluster { dir, port }, server)
}

fn own(path: &Path) {
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres").unwrap().expect("there is a user postgres");
        nix::unistd::chown(path, Some(user.uid), Some(user.gid)).unwrap();
    }
}

fn certificates(dir: &Path, kind: &str) {
    let openssl = |args: &str| run(Command::new("openssl").args(args.split(' ')).current_dir(dir));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=segue-test-ca"));
    openssl(&format!("req -x509 {key} -keyout other.key -out other.crt -subj /CN=somebody-else"));
    if kind == "standby" {
        openssl(&format!(
            "req -x509 {key} -keyout server.key -out server.crt -subj /CN=localhost -addext subjectAltName=DNS:localhost"
        ));
    } else {
        fs::write(dir.join("san"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
        fs::write(dir.join("client"), "extendedKeyUsage=clientAuth\n").unwrap();
        for (name, subject, extensions) in
            [("server", "/CN=localhost", "san"), ("bycert", "/CN=bycert", "client")]
        {
            let key = key.replace(" -days 2", "");
            openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj {subject}"));
            openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile {extensions} -out {name}.crt"
            ));
        }
    }
    own(&dir.join("server.key"));
}
