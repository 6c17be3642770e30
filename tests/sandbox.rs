//! Private servers: that they come up, stream, obey, and leave nothing behind.

use segue::sandbox::{
    self, Binaries, Cluster, Database, Options, PATIENCE, Pair, SandboxError, Shutdown, Tls, database,
    database_on, wait_for,
};
use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

fn one(rows: sandbox::wire::Rows) -> String {
    rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten().expect("a value")
}

/// The sandbox's own processes among all of this machine's: servers and reapers name the directory in their command lines.
fn processes_naming(directory: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let text = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let cwd = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        if text.contains(directory) || cwd.starts_with(directory) {
            found.push(text);
        }
    }
    found
}

#[test]
fn a_pair_streams_on_every_version() {
    for binaries in Binaries::matrix().unwrap() {
        let pair = Pair::start(&Options::test().binaries(&binaries)).unwrap();
        let version = one(pair.primary.query("postgres", "SHOW server_version_num").unwrap());
        assert_eq!(version.parse::<u32>().unwrap() / 10_000, binaries.major());
        pair.primary.query("postgres", "CREATE TABLE t (a int); INSERT INTO t VALUES (7)").unwrap();
        pair.wait_caught_up().unwrap();
        assert_eq!(one(pair.standby.query("postgres", "SELECT a FROM t").unwrap()), "7");
        assert_eq!(one(pair.standby.query("postgres", "SELECT pg_is_in_recovery()").unwrap()), "t");
        let slot = "SELECT active FROM pg_replication_slots WHERE slot_name = 'standby1'";
        assert_eq!(one(pair.primary.query("postgres", slot).unwrap()), "t");
    }
}

#[test]
fn the_oldest_and_the_newest_version_are_among_them() {
    let majors: Vec<u32> = Binaries::matrix().unwrap().iter().map(Binaries::major).collect();
    for major in [14, 18] {
        if !majors.contains(&major) {
            // Not by eprintln!, which the test harness keeps to itself.
            let skipped = "SKIPPED: this PostgreSQL is not on this machine; to get it: scripts/get-postgres";
            writeln!(io::stderr(), "{skipped} {major}").unwrap();
            continue;
        }
        let binaries = Binaries::of_major(major).unwrap().expect("it is in the matrix");
        let database = database_on(&binaries).unwrap();
        let version = one(database.query("SHOW server_version").unwrap());
        assert_eq!(version.split(['.', ' ']).next(), Some(major.to_string().as_str()));
    }
}

#[test]
fn replay_pauses_a_partition_heals_and_a_failover_takes_writes() {
    let pair = Pair::start(&Options::test()).unwrap();
    let behind = "SELECT pg_current_wal_lsn() - replay_lsn > 0, flush_lsn > replay_lsn
                  FROM pg_stat_replication WHERE application_name = 'standby1'";
    let yes = || vec![vec![Some("t".to_owned()), Some("t".to_owned())]];

    pair.standby.pause_replay().unwrap();
    pair.primary.query("postgres", "CREATE TABLE t (a int)").unwrap();
    wait_for("lag", PATIENCE, || Ok(pair.primary.query("postgres", behind)? == yes())).unwrap();
    pair.standby.resume_replay().unwrap();
    pair.wait_caught_up().unwrap();

    pair.cut_off().unwrap();
    pair.primary.query("postgres", "INSERT INTO t VALUES (1)").unwrap();
    // What it has not received it cannot replay, however long one looks.
    let waited = wait_for("a row to cross", Duration::from_millis(300), || {
        Ok(one(pair.standby.query("postgres", "SELECT count(*) FROM t")?) == "1")
    });
    assert!(matches!(waited, Err(SandboxError::TimedOut { .. })), "{waited:?}");
    pair.reconnect().unwrap();
    pair.wait_caught_up().unwrap();

    pair.primary.kill9().unwrap();
    assert!(!pair.primary.is_running());
    pair.standby.promote().unwrap();
    pair.standby.query("postgres", "INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(one(pair.standby.query("postgres", "SELECT count(*) FROM t").unwrap()), "2");
}

#[test]
fn a_killed_server_comes_back_with_every_acknowledged_commit() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    cluster.query("postgres", "CREATE TABLE t (a int)").unwrap();
    let mut session = cluster.session("postgres").unwrap();
    session.query("INSERT INTO t SELECT generate_series(1, 1000)").unwrap();
    cluster.kill9().unwrap();
    assert!(session.query("SELECT 1").is_err());
    cluster.start_again().unwrap();
    assert_eq!(one(cluster.query("postgres", "SELECT count(*) FROM t").unwrap()), "1000");
    assert!(matches!(cluster.start_again(), Err(SandboxError::Refused(_))));

    cluster.stop(Shutdown::Fast).unwrap();
    assert_eq!(cluster.pid(), None);
    cluster.start_again().unwrap();
    assert_eq!(one(cluster.query("postgres", "SELECT count(*) FROM t").unwrap()), "1000");
}

#[test]
fn a_frozen_server_answers_nothing_until_it_thaws_and_is_removed_all_the_same() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    let directory = cluster.directory().to_owned();
    cluster.freeze().unwrap();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| cluster.query("postgres", "SELECT 1"));
        let waited = wait_for("an answer", Duration::from_millis(200), || Ok(asked.is_finished()));
        assert!(waited.is_err(), "a frozen server answered");
        cluster.thaw().unwrap();
        assert_eq!(one(asked.join().unwrap().unwrap()), "1");
    });
    cluster.freeze().unwrap();
    drop(cluster);
    assert!(!directory.exists());
    assert_eq!(processes_naming(directory.to_str().unwrap()), Vec::<String>::new());
}

#[test]
fn databases_are_isolated_and_gone_when_dropped() {
    let databases: Vec<Database> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| database().unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (number, database) in databases.iter().enumerate() {
        database.query(&format!("CREATE TABLE t AS SELECT {number} AS a")).unwrap();
    }
    for (number, database) in databases.iter().enumerate() {
        assert_eq!(one(database.query("SELECT a FROM t").unwrap()), number.to_string());
        assert_eq!(one(database.query("SELECT current_database()").unwrap()), database.name());
    }
    // Even with a session in it.
    let mut last = databases.into_iter().next_back().unwrap();
    let _session = last.session().unwrap();
    let name = last.name().to_owned();
    last = database().unwrap();
    let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(one(last.query(&sql).unwrap()), "0");
}

#[test]
fn errors_carry_all_the_server_said() {
    let database = database().unwrap();
    let error = database.query("SELECT 1; SELECT nosuch").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("ERROR 42703") && text.contains("nosuch"), "{text}");
    let SandboxError::Wire { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.code(), Some("42703"));
}

#[test]
fn a_server_that_cannot_start_shows_its_log_and_leaves_nothing() {
    let error = Cluster::start(&Options::test().set("work_mem", "a lot")).unwrap_err().to_string();
    assert!(error.contains("work_mem") && error.contains("ended while starting"), "{error}");
}

#[test]
fn settings_can_be_altered_later() {
    let cluster = Cluster::start(&Options::test().set("work_mem", "5MB").set("work_mem", "6MB")).unwrap();
    assert_eq!(one(cluster.query("postgres", "SHOW work_mem").unwrap()), "6MB");
    cluster.query("postgres", "ALTER SYSTEM SET work_mem = '7MB'").unwrap();
    cluster.query("postgres", "SELECT pg_reload_conf()").unwrap();
    wait_for("the setting", PATIENCE, || Ok(one(cluster.query("postgres", "SHOW work_mem")?) == "7MB"))
        .unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn no_process_of_a_server_is_roots() {
    let cluster = Cluster::start(&Options::test()).unwrap();
    let mut pids: Vec<u32> = cluster.processes().unwrap().into_iter().map(|process| process.pid).collect();
    assert!(pids.len() > 2, "{pids:?}");
    pids.extend(cluster.pid());
    let mut looked_at = 0;
    for pid in pids {
        // The session that was asked may have ended, and a worker of autovacuum.
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        looked_at += 1;
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        let ids: Vec<String> = field("Uid:").split_whitespace().map(str::to_owned).collect();
        assert!(!ids.contains(&"0".to_owned()), "{ids:?}");
        if nix::unistd::geteuid().is_root() {
            assert_eq!(field("Groups:"), "", "root's groups were kept");
        }
    }
    assert!(looked_at > 2, "only {looked_at} processes were there to be looked at");
}

#[test]
fn tls_and_access_are_as_asked() {
    let directory = env::temp_dir().join(format!("segue-tls.{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let (certificate, key) = (directory.join("c.pem"), directory.join("k.pem"));
    fs::write(&certificate, include_str!("sandbox/server.crt")).unwrap();
    fs::write(&key, include_str!("sandbox/server.key")).unwrap();
    let tls = Tls { certificate, key, client_authority: None };
    let options =
        Options::test().tls(tls).access(&["local all postgres trust", "hostssl all all samehost trust"]);
    let started = Cluster::start(&options);
    fs::remove_dir_all(&directory).unwrap();
    let cluster = started.unwrap();

    assert!(cluster.tcp_url("postgres").unwrap().contains(&format!("127.0.0.1:{}", cluster.port())));
    let mut stream = TcpStream::connect(("127.0.0.1", cluster.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // SSLRequest; "S" is the server's yes.
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"S");
    let rules = "SELECT string_agg(type, ' ' ORDER BY line_number) FROM pg_hba_file_rules";
    assert_eq!(one(cluster.query("postgres", rules).unwrap()), "local hostssl");
}

/// Runs this very test in a process of its own, which holds a pair and a database's server, and kills it.
#[test]
#[cfg(target_os = "linux")]
fn nothing_is_left_when_the_process_that_holds_them_is_killed() {
    const HOLD: &str = "SEGUE_TEST_HOLDS_SERVERS";
    if env::var_os(HOLD).is_some() {
        let pair = Pair::start(&Options::test()).unwrap();
        let database = database().unwrap();
        // The hardest to get rid of: one that cannot react.
        pair.standby.freeze().unwrap();
        let directories =
            [&pair.primary, &pair.standby, database.cluster()].map(|c| c.directory().to_str().unwrap());
        println!("\nHOLDING {}", directories.join(" "));
        loop {
            std::thread::park();
        }
    }
    let mut holder = Command::new(env::current_exe().unwrap())
        .args(["--exact", "nothing_is_left_when_the_process_that_holds_them_is_killed", "--nocapture"])
        .env(HOLD, "yes")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let line =
        lines.map_while(Result::ok).find(|line| line.starts_with("HOLDING ")).expect("it holds servers");
    let directories: Vec<PathBuf> = line.split(' ').skip(1).map(PathBuf::from).collect();
    assert_eq!(directories.len(), 3);
    for directory in &directories {
        assert!(directory.join("data/postmaster.pid").exists());
        assert!(processes_naming(directory.to_str().unwrap()).len() > 2);
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    for directory in &directories {
        let name = directory.to_str().unwrap();
        let gone = || Ok(!directory.exists() && processes_naming(name).is_empty());
        wait_for(&format!("{name} to be gone"), PATIENCE, gone).unwrap();
    }
}
