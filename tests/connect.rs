//! Owns the tests of `segue::pg` against a real server: how it is reached, what its errors become,
//! and what happens when it goes away.

#[path = "connect/cluster.rs"]
mod cluster;

use cluster::{Cluster, primary, standby};
use segue::lsn::Lsn;
use segue::pg::*;
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener as AsyncListener, UnixStream},
};

/// Nothing that is awaited takes as long, on however busy a machine.
const LONG: Duration = Duration::from_secs(60);

fn config(url: &str) -> Config {
    Config::resolve(Some(url), &|_| None).unwrap()
}

async fn open(url: &str) -> Result<Session, Error> {
    Session::open(&config(url), "test", LONG).await
}

async fn socket(cluster: &Cluster) -> Session {
    open(&cluster.by_socket()).await.unwrap()
}

async fn refused(url: &str) -> (Error, String) {
    let error = open(url).await.expect_err("this must be refused");
    let text = error.to_string();
    (error, text)
}

/// Waits until a query gives true, as the condition itself, not as a span of time.
async fn until(session: &Session, sql: &str) {
    let deadline = Instant::now() + LONG;
    loop {
        let row = session.query_one("waiting", sql, &[]).await.unwrap();
        if row.cell::<bool>(0).unwrap() {
            return;
        }
        assert!(Instant::now() < deadline, "never true: {sql}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn is_encrypted(session: &Session) -> bool {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    session.query_one("asking for TLS", sql, &[]).await.unwrap().cell(0).unwrap()
}

#[tokio::test]
async fn sslmode_means_what_libpq_means() {
    let c = primary();
    let url = |host: &str, rest: &str| format!("postgres://postgres@{host}:{}/postgres?{rest}", c.port);
    let ca = c.file("ca.crt");
    for host in ["localhost", "127.0.0.1"] {
        let full = open(&url(host, &format!("sslmode=verify-full&sslrootcert={ca}"))).await.unwrap();
        assert!(is_encrypted(&full).await && !full.is_pooled());
    }
    // The name is not the certificate's: only verify-full minds.
    let elsewhere =
        |mode: &str| url("db.example", &format!("hostaddr=127.0.0.1&sslmode={mode}&sslrootcert={ca}"));
    let (error, text) = refused(&elsewhere("verify-full")).await;
    assert!(text.contains("not for \"db.example\"") && text.contains("localhost"), "{text}");
    assert_eq!(class(&error), Class::Permanent);
    assert!(is_encrypted(&open(&elsewhere("verify-ca")).await.unwrap()).await);
    // Another authority: refused wherever a root is at hand, as libpq does even for `require`.
    for mode in ["verify-full", "verify-ca", "require"] {
        let (_, text) =
            refused(&url("localhost", &format!("sslmode={mode}&sslrootcert={}", c.file("other.crt")))).await;
        assert!(text.contains("unknown authority") && text.contains("sslrootcert"), "{text}");
    }
    let (_, text) = refused(&url("localhost", "sslmode=verify-full")).await;
    assert!(text.contains("sslrootcert"), "{text}");
    let (_, text) = refused(&url("localhost", "sslmode=verify-full&sslrootcert=/nowhere/ca.crt")).await;
    assert!(text.contains("/nowhere/ca.crt"), "{text}");
    for mode in ["require", "prefer", "allow"] {
        assert!(
            is_encrypted(&open(&url("127.0.0.1", &format!("sslmode={mode}"))).await.unwrap()).await,
            "{mode}"
        );
    }
    let (error, text) = refused(&url("127.0.0.1", "sslmode=disable")).await;
    assert_eq!(error.sqlstate(), Some("28000"));
    assert!(text.contains("no encryption") && text.contains("sslmode"), "{text}");
    // And the other way round: this user may come unencrypted only.
    let plain = url("127.0.0.1", "sslmode=prefer&user=plain");
    socket(c)
        .await
        .batch("making a user", "DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN")
        .await
        .unwrap();
    assert!(!is_encrypted(&open(&plain).await.unwrap()).await);
}

#[tokio::test]
async fn a_self_signed_certificate_is_its_own_root() {
    let c = standby();
    let url = |host: &str, mode: &str| {
        format!(
            "postgres://postgres@{host}:{}/postgres?hostaddr=127.0.0.1&target_session_attrs=any&sslmode={mode}&sslrootcert={}",
            c.port,
            c.file("server.crt")
        )
    };
    let session = open(&url("localhost", "verify-full")).await.unwrap();
    assert!(is_encrypted(&session).await && session.is_standby());
    assert!(open(&url("other", "verify-ca")).await.is_ok());
    let (_, text) = refused(&url("other", "verify-full")).await;
    assert!(text.contains("not for \"other\""), "{text}");
}

#[tokio::test]
async fn client_certificates() {
    let c = primary();
    let admin = socket(c).await;
    admin.batch("making a user", "DROP ROLE IF EXISTS bycert; CREATE ROLE bycert LOGIN").await.unwrap();
    let (cert, key) = (c.file("bycert.crt"), c.file("bycert.key"));
    let base = format!("postgres://bycert@localhost:{}/postgres?sslmode=require", c.port);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let with = format!("{base}&sslcert={cert}&sslkey={key}");
    let (_, text) = refused(&with).await;
    assert!(text.contains("chmod 0600"), "{text}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let session = open(&with).await.unwrap();
    let row = session.query_one("asking who", "SELECT current_user::text", &[]).await.unwrap();
    assert_eq!(row.cell::<String>(0).unwrap(), "bycert");
    assert_eq!(refused(&base).await.0.sqlstate(), Some("28000"));
}

#[tokio::test]
async fn passwords() {
    let c = primary();
    let sql = "DROP ROLE IF EXISTS pw; CREATE ROLE pw LOGIN PASSWORD 'corr:ect'";
    socket(c).await.batch("making a user", sql).await.unwrap();
    let base = format!("host=127.0.0.1 port={} user=pw dbname=postgres sslmode=require", c.port);
    open(&format!("{base} password=corr:ect channel_binding=require")).await.unwrap();
    let (error, text) = refused(&format!("{base} password=hunter2")).await;
    assert_eq!((error.sqlstate(), class(&error)), (Some("28P01"), Class::Permanent));
    assert!(
        text.contains("password authentication failed for user \"pw\"") && !text.contains("hunter2"),
        "{text}"
    );
    let (_, text) = refused(&base).await;
    assert!(text.contains("password missing") && text.contains(".pgpass"), "{text}");
    let file = std::env::temp_dir().join(format!("segue-connect-pgpass.{}", std::process::id()));
    fs::write(&file, format!("other:*:*:*:no\n127.0.0.1:{}:*:pw:corr\\:ect\n", c.port)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let env = |name: &str| match name {
        "PGPASSFILE" => Some(file.display().to_string()),
        "DATABASE_URL" => Some(base.clone()),
        _ => None,
    };
    Session::open(&Config::resolve(None, &env).unwrap(), "test", LONG).await.unwrap();
    fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn every_way_to_name_the_server() {
    let c = primary();
    let (dir, port) = (c.socket_dir(), c.port);
    let encoded = dir.replace('/', "%2F");
    for url in [
        format!("host={dir} port={port} user=postgres"),
        format!("postgres://postgres@{encoded}:{port}/"),
        format!(
            "postgresql:///postgres?host={dir}&port={port}&user=postgres&sslmode=verify-full&sslrootcert=/none"
        ),
    ] {
        let session = open(&url).await.unwrap_or_else(|e| panic!("{url}: {e}"));
        let sql = "SELECT current_setting('application_name'), current_setting('search_path')";
        let row = session.query_one("asking", sql, &[]).await.unwrap();
        assert_eq!(row.cell::<String>(0).unwrap(), "segue/test");
        assert_eq!(row.cell::<String>(1).unwrap(), "\"\"");
        assert!(session.server_version() >= 140_000 && session.backend_pid() > 0);
    }
    let variables =
        [("PGHOST", dir.to_owned()), ("PGPORT", port.to_string()), ("PGUSER", "postgres".to_owned())];
    let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
    Session::open(&Config::resolve(None, &env).unwrap(), "test", LONG).await.unwrap();
    let (error, text) = refused(&format!("host={dir} port={port} user=postgres dbname=nowhere")).await;
    assert_eq!(error.sqlstate(), Some("3D000"));
    assert!(text.contains("FATAL 3D000: database \"nowhere\" does not exist"), "{text}");
    let (error, text) = refused("host=/nowhere user=x").await;
    assert!(text.contains("/nowhere/.s.PGSQL.5432"), "{text}");
    assert_eq!(class(&error), Class::Connection);
}

#[tokio::test]
async fn of_several_hosts_the_primary() {
    let (p, s) = (primary(), standby());
    // A port below 1024, which nobody is given by chance.
    let dead = 1;
    let list = |hosts: &[(&str, u16)]| {
        let names: Vec<&str> = hosts.iter().map(|(host, _)| *host).collect();
        let ports: Vec<String> = hosts.iter().map(|(_, port)| port.to_string()).collect();
        format!("host={} port={} user=postgres dbname=postgres", names.join(","), ports.join(","))
    };
    let all = list(&[("127.0.0.1", dead), (s.socket_dir(), s.port), (p.socket_dir(), p.port)]);
    let session = open(&all).await.unwrap();
    assert!(!session.is_standby() && session.host().starts_with(p.socket_dir()));
    let session = open(&format!("{all} target_session_attrs=prefer-standby")).await.unwrap();
    assert!(session.is_standby());
    let (error, text) = refused(&list(&[(s.socket_dir(), s.port), (s.socket_dir(), s.port)])).await;
    assert_eq!(class(&error), Class::ReadOnly);
    assert!(text.matches("this server is a standby; a primary is needed").count() == 2, "{text}");
    // A host that takes the connection and says nothing must not use up the time of the next.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute_port = mute.local_addr().unwrap().port();
    let both = list(&[("127.0.0.1", mute_port), (p.socket_dir(), p.port)]);
    let mut deadline = Duration::from_secs(2);
    let session = loop {
        match Session::open(&config(&both), "test", deadline).await {
            Ok(session) => break session,
            // Half of it may be too little for the next on a busy machine; a mute one that used it all up would do so each time.
            Err(error) => assert!(deadline < LONG, "{error}"),
        }
        deadline *= 4;
    };
    assert!(session.host().starts_with(p.socket_dir()));
    let only = list(&[("127.0.0.1", mute_port)]);
    let error = Session::open(&config(&only), "test", Duration::from_millis(200)).await.unwrap_err();
    assert!(error.to_string().contains("no answer within"), "{error}");
}

#[tokio::test]
async fn statements_errors_and_limits() {
    let c = primary();
    let (mut one, two) = (socket(c).await, socket(c).await);
    one.batch("making a table", "CREATE TABLE public.locked (id int CHECK (id > 0))").await.unwrap();
    let error =
        two.change("adding a row", "INSERT INTO public.locked VALUES ($1)", &[&-1]).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("while adding a row: ERROR 23514: new row for relation \"locked\""), "{text}");
    assert!(text.contains("detail: Failing row contains (-1)."), "{text}");
    assert_eq!(error.server().unwrap().constraint.as_deref(), Some("locked_id_check"));
    let error = two.query("asking", "SELECT nothing", &[]).await.unwrap_err();
    assert_eq!(error.server().unwrap().position, Some(8));

    let tx = one.transaction("locking", &Limits::READ).await.unwrap();
    tx.batch("locking", "LOCK TABLE public.locked").await.unwrap();
    let brief = Limits { lock: Some(Duration::from_millis(50)), ..Limits::READ };
    let error = two.execute("locking", "LOCK TABLE public.locked", &brief).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("25P01"), "no transaction block: {error}");
    let error = two.execute("reading", "SELECT FROM public.locked", &brief).await.unwrap_err();
    assert_eq!((class(&error), error.sqlstate()), (Class::LockTimeout, Some("55P03")));
    // The next statement has the usual limits again.
    let row = two.query_one("asking", "SELECT current_setting('lock_timeout')", &[]).await.unwrap();
    assert_eq!(row.cell::<String>(0).unwrap(), "2s");
    tx.rollback("unlocking").await.unwrap();

    let short = Limits::new(Duration::from_millis(50), Duration::from_millis(50));
    let error = two.query_within("sleeping", "SELECT pg_sleep(60)", &[], &short).await.unwrap_err();
    assert_eq!(class(&error), Class::Cancelled);
    assert_eq!(
        two.execute("indexing", "CREATE INDEX CONCURRENTLY ON public.locked (id)", &Limits::unlimited(LONG))
            .await,
        Ok(0)
    );
    assert_eq!(
        two.query_text("asking", "SELECT 1, NULL", &Limits::READ).await.unwrap(),
        [[Some("1".to_owned()), None]]
    );
    assert!(
        two.query_one("asking", "SELECT WHERE false", &[]).await.unwrap_err().to_string().contains("no row")
    );
}

#[tokio::test]
async fn values_there_and_back() {
    let session = socket(primary()).await;
    let at: jiff::Timestamp = "2026-11-22T07:00:00.5Z".parse().unwrap();
    let sql = "SELECT $1::pg_lsn, $2::timestamptz, $3::text[], $4::jsonb, $5::oid, $6::bigint, $1::text AS lsn_text, $7::text";
    let params: [&dyn Param; 7] = [
        &Lsn(0x16_B374_D848),
        &at,
        &vec!["a", "b"],
        &serde_json::json!({"a": [1, null]}),
        &1259_u32,
        &None::<i64>,
        &segue::ident::Ident::new("We\"ird"),
    ];
    let row = session.query_one("asking", sql, &params).await.unwrap();
    assert_eq!(row.cell::<Lsn>(0).unwrap().to_string(), "16/B374D848");
    assert_eq!(row.read::<Lsn>("lsn_text").unwrap(), row.cell::<Lsn>(0).unwrap());
    assert_eq!(row.cell::<jiff::Timestamp>(1).unwrap(), at);
    assert_eq!(row.cell::<Vec<String>>(2).unwrap(), ["a", "b"]);
    assert_eq!(row.cell::<u32>(4).unwrap(), 1259);
    assert_eq!(row.cell::<Option<i64>>(5).unwrap(), None);
    assert!(row.cell::<i64>(5).unwrap_err().to_string().contains("column 6"));
    assert_eq!(row.cell::<segue::ident::Ident>(6 + 1).unwrap().as_str(), "We\"ird");
    let list: Vec<i32> = session.json("asking", "SELECT '[1,2]'::jsonb", &[]).await.unwrap();
    assert_eq!(list, [1, 2]);
    assert!(session.json::<Vec<i32>>("asking", "SELECT '[\"x\"]'::json", &[]).await.is_err());
}

#[tokio::test]
async fn transactions() {
    let c = primary();
    let mut session = socket(c).await;
    session.batch("making a table", "CREATE TABLE public.tx (id int)").await.unwrap();
    let limits = Limits::new(Duration::from_secs(7), Duration::from_secs(50));
    let tx = session.transaction("adding", &limits).await.unwrap();
    let sql = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), \
               current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_isolation')";
    let row = tx.query_one("asking", sql, &[]).await.unwrap();
    let cells: Vec<String> = (0..4).map(|at| row.cell(at).unwrap()).collect();
    assert_eq!(cells, ["7s", "50s", "10s", "read committed"]);
    tx.change("adding", "INSERT INTO public.tx VALUES ($1)", &[&1]).await.unwrap();
    tx.batch("warning", "DO $$ BEGIN RAISE WARNING 'mind'; RAISE NOTICE 'chatter'; END $$").await.unwrap();
    let done = tx.commit("committing").await.unwrap();
    assert_eq!(done.notices.iter().map(|n| n.message.as_str()).collect::<Vec<_>>(), ["mind"]);
    assert_eq!(done.unreplicated(), None);

    // Dropped is rolled back, and the session's own limits are in force again.
    let tx = session.transaction("adding", &limits).await.unwrap();
    tx.change("adding", "INSERT INTO public.tx VALUES (2)", &[]).await.unwrap();
    drop(tx);
    let row = session
        .query_one("counting", "SELECT count(*), current_setting('lock_timeout') FROM public.tx", &[])
        .await
        .unwrap();
    assert_eq!((row.cell::<i64>(0).unwrap(), row.cell::<String>(1).unwrap()), (1, "2s".to_owned()));

    // A commit after a failure is no commit.
    let tx = session.transaction("adding", &limits).await.unwrap();
    tx.batch("failing", "SELECT 1/0").await.unwrap_err();
    let error = tx.commit("committing").await.unwrap_err();
    assert_eq!((error.sqlstate(), error.outcome_unknown()), (Some("25P02"), false));
    assert!(!session.is_closed());
    let tx = session.snapshot("reading", &limits).await.unwrap();
    let error = tx.change("adding", "INSERT INTO public.tx VALUES (3)", &[]).await.unwrap_err();
    assert_eq!(class(&error), Class::ReadOnly);
    tx.rollback("ending").await.unwrap();
    assert_eq!(session.take_notices(), []);
}

#[tokio::test]
async fn a_connection_lost_in_a_commit_is_an_outcome_unknown() {
    let c = primary();
    let (mut session, killer) = (socket(c).await, socket(c).await);
    let sql = "CREATE TABLE public.slow (id int);
        CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON public.slow INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.slow()";
    session.batch("making a slow commit", sql).await.unwrap();
    let pid = session.backend_pid();
    let kill = format!("SELECT pg_terminate_backend({pid})");
    let committing =
        format!("SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'");
    let tx = session.transaction("adding", &Limits::READ).await.unwrap();
    tx.change("adding", "INSERT INTO public.slow VALUES (1)", &[]).await.unwrap();
    let (result, ()) = tokio::join!(tx.commit("committing"), async {
        until(&killer, &committing).await;
        killer.query("killing", &kill, &[]).await.unwrap();
    });
    let error = result.unwrap_err();
    assert!(error.outcome_unknown() && error.session_is_gone());
    assert_eq!((class(&error), error.sqlstate()), (Class::UnknownOutcome, Some("57P01")));
    assert!(error.to_string().contains("look before going on"), "{error}");
    // Afterwards nothing is in doubt: nothing was sent.
    let error = session.transaction("adding", &Limits::READ).await.unwrap_err();
    assert_eq!((class(&error), error.outcome_unknown()), (Class::Connection, false));

    // Lost inside the transaction, before the commit: rolled back for certain.
    let mut session = socket(c).await;
    let kill = format!("SELECT pg_terminate_backend({}, 25000)", session.backend_pid());
    let tx = session.transaction("adding", &Limits::READ).await.unwrap();
    let sleeping = tx.query("sleeping", "SELECT pg_sleep(60)", &[]);
    let pid = tx.backend_pid();
    let asleep =
        format!("SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'");
    let (result, ()) = tokio::join!(sleeping, async {
        until(&killer, &asleep).await;
        killer.query("killing", &kill, &[]).await.unwrap();
    });
    assert_eq!(class(&result.unwrap_err()), Class::Connection);
    let error = tx.commit("committing").await.unwrap_err();
    assert_eq!((class(&error), error.outcome_unknown()), (Class::Connection, false), "{error}");
}

#[tokio::test]
async fn a_commit_that_stops_waiting_for_standbys_says_so() {
    let c = primary();
    let mut session = socket(c).await;
    session.batch("making a table", "CREATE TABLE public.sync (id int)").await.unwrap();
    let watcher = socket(c).await;
    let (pid, canceller) = (session.backend_pid(), session.canceller());
    let waiting =
        format!("SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'SyncRep'");
    let tx = session.transaction("adding", &Limits::READ).await.unwrap();
    tx.batch("adding", "SET LOCAL synchronous_commit = on; INSERT INTO public.sync VALUES (1)")
        .await
        .unwrap();
    let (done, ()) = tokio::join!(tx.commit("committing"), async {
        until(&watcher, &waiting).await;
        // Segue itself leaves a commit alone; somebody else may not.
        canceller.cancel(LONG).await.unwrap();
        assert!(watcher.query("looking", &waiting, &[]).await.unwrap()[0].cell::<bool>(0).unwrap());
        let cancel = format!("SELECT pg_cancel_backend({pid})");
        watcher.query("cancelling", &cancel, &[]).await.unwrap();
    });
    let done = done.unwrap();
    let notice = done.unreplicated().expect("the warning is seen");
    assert_eq!((notice.severity.as_str(), notice.code.as_str()), ("WARNING", sqlstate::WARNING));
    assert!(notice.message.contains("synchronous replication"), "{notice:?}");
    until(&watcher, "SELECT count(*) = 1 FROM public.sync").await;
}

#[tokio::test]
async fn cancelling_and_deadlines() {
    let c = primary();
    let ca = c.file("ca.crt");
    let tls =
        format!("postgres://postgres@localhost:{}/postgres?sslmode=verify-full&sslrootcert={ca}", c.port);
    let watcher = socket(c).await;
    let asleep = |pid: i32| {
        format!("SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'")
    };
    for url in [c.by_socket(), tls] {
        let session = open(&url).await.unwrap();
        let canceller = session.canceller();
        let asleep = asleep(session.backend_pid());
        let (result, ()) = tokio::join!(session.batch("sleeping", "SELECT pg_sleep(60)"), async {
            until(&watcher, &asleep).await;
            canceller.cancel(LONG).await.unwrap();
        });
        assert_eq!(class(&result.unwrap_err()), Class::Cancelled);
        session.query("going on", "SELECT 1", &[]).await.unwrap();
    }
    // Our own deadline: the session is given up, and the server does not go on with it.
    let session = socket(c).await;
    let limits = Limits::unlimited(Duration::from_millis(200));
    let error = session.execute("sleeping", "SELECT pg_sleep(60)", &limits).await.unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::Timeout { outcome_unknown: true, .. }), "{error}");
    assert!(session.is_closed());
    let gone = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = {}", session.backend_pid());
    until(&watcher, &gone).await;
    // Nor does it when the task that waited is no more.
    let session = socket(c).await;
    let pid = session.backend_pid();
    let task = tokio::spawn(async move {
        session.execute("sleeping", "SELECT pg_sleep(60)", &Limits::unlimited(LONG * 9)).await
    });
    until(&watcher, &asleep(pid)).await;
    task.abort();
    until(&watcher, &format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = {pid}")).await;
}

#[tokio::test]
async fn the_pool() {
    let c = primary();
    let setup = Setup { settings: vec![("synchronous_commit".into(), "off".into())], ..Setup::default() };
    let pool = Pool::new(&config(&c.by_socket()), "worker", setup, 2, LONG);
    let settings = "SELECT current_setting('synchronous_commit'), current_setting('lock_timeout'), \
                    current_setting('work_mem'), current_setting('application_name')";
    let pid = {
        let session = pool.session(LONG).await.unwrap();
        session
            .batch(
                "changing settings",
                "SET work_mem = '1MB'; SET lock_timeout = 7; SET synchronous_commit = on",
            )
            .await
            .unwrap();
        session.batch("warning", "DO $$ BEGIN RAISE WARNING 'mine'; END $$").await.unwrap();
        assert_eq!(session.take_notices().len(), 1);
        session.backend_pid()
    };
    let mut session = pool.session(LONG).await.unwrap();
    assert_eq!(session.backend_pid(), pid, "used again");
    let row = session.query_one("asking", settings, &[]).await.unwrap();
    let cells: Vec<String> = (0..4).map(|at| row.cell(at).unwrap()).collect();
    assert_eq!(cells, ["off", "2s", "4MB", "segue/worker"]);
    let tx = session.transaction("working", &Limits::READ).await.unwrap();
    assert_eq!(tx.commit("committing").await.unwrap(), Committed::default());
    // Both taken: a third waits, and not for ever.
    let other = pool.session(LONG).await.unwrap();
    let error = pool.session(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::Timeout { .. }), "{error}");
    assert_eq!((pool.status().open, pool.status().most), (2, 2));
    // A session that died is not handed out again.
    drop(session);
    other.query("killing", "SELECT pg_terminate_backend($1, 25000)", &[&pid]).await.unwrap();
    let next = pool.session(LONG).await.unwrap();
    assert_ne!(next.backend_pid(), pid);
    next.query("asking", "SELECT 1", &[]).await.unwrap();
    // A whole job can run as a task of its own.
    drop(other);
    let own = pool.clone();
    let job = async move {
        let mut session = own.session(LONG).await?;
        let tx = session.transaction("working", &Limits::READ).await?;
        tx.query("working", "SELECT 1", &[]).await?;
        tx.commit("committing").await
    };
    assert!(tokio::spawn(job).await.unwrap().is_ok());
    // The true error comes through.
    let nobody = config(&c.by_socket().replace("user=postgres", "user=nobody_here"));
    let error = Pool::new(&nobody, "worker", Setup::default(), 1, LONG).session(LONG).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("28000"), "{error}");
    pool.close();
    assert!(pool.session(LONG).await.is_err());
}

/// Passes everything on, but gives the client another process id to cancel by, as poolers do.
async fn pooler(cluster: &'static Cluster) -> u16 {
    let listener = AsyncListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server =
                UnixStream::connect(cluster.dir.join(format!(".s.PGSQL.{}", cluster.port))).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut buf = vec![0; 65536];
                while let Ok(n) = from_server.read(&mut buf).await {
                    let key = b"K\0\0\0\x0c";
                    if let Some(at) = buf[..n].windows(key.len()).position(|w| w == key) {
                        buf[at + 5..at + 9].copy_from_slice(&7_i32.to_be_bytes());
                    }
                    if n == 0 || to_client.write_all(&buf[..n]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn behind_a_pooler_nothing_is_set_for_the_session() {
    let port = pooler(primary()).await;
    let url = format!("host=127.0.0.1 port={port} user=postgres sslmode=disable");
    let mut session = open(&url).await.unwrap();
    assert!(session.is_pooled());
    let sql = "SELECT current_setting('search_path'), current_setting('lock_timeout')";
    let brief = Limits::new(Duration::from_millis(70), LONG);
    let row = session.query_within("asking", sql, &[], &brief).await.unwrap();
    assert_eq!(row[0].cell::<String>(0).unwrap(), "\"$user\", public");
    assert_eq!(row[0].cell::<String>(1).unwrap(), "0");
    let tx = session.transaction("asking", &brief).await.unwrap();
    let row = tx.query_one("asking", sql, &[]).await.unwrap();
    assert_eq!(
        (row.cell::<String>(0).unwrap(), row.cell::<String>(1).unwrap()),
        ("\"\"".into(), "70ms".into())
    );
    tx.commit("committing").await.unwrap();
}

#[tokio::test]
async fn a_session_means_the_same_under_every_roles_defaults() {
    let c = primary();
    let sql = "CREATE ROLE odd LOGIN; ALTER ROLE odd SET quote_all_identifiers = on; ALTER ROLE odd SET idle_session_timeout = '2s'";
    let owner = socket(c).await;
    owner.batch("making a role", sql).await.unwrap();
    // From PostgreSQL 17 on.
    let also = "DO $$ BEGIN ALTER ROLE odd SET transaction_timeout = '1h'; EXCEPTION WHEN undefined_object THEN NULL; END $$";
    owner.batch("setting more", also).await.unwrap();
    let session = open(&format!("{} user=odd", c.by_socket().replace("user=postgres", ""))).await.unwrap();
    until(&owner, "SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'odd' AND state_change < now() - interval '2500 ms'").await;
    let sql = "SELECT current_user::text, pg_get_expr(adbin, adrelid), coalesce(current_setting('transaction_timeout', true), '0')
        FROM pg_attrdef WHERE adrelid = 'public.odd'::regclass";
    owner
        .batch(
            "making a table",
            "CREATE SEQUENCE public.odds; CREATE TABLE public.odd (a int DEFAULT nextval('public.odds'))",
        )
        .await
        .unwrap();
    let row = session.query_one("asking", sql, &[]).await.unwrap();
    let read = |n| row.cell::<String>(n).unwrap();
    assert_eq!(
        (read(0), read(1), read(2)),
        ("odd".into(), "nextval('public.odds'::regclass)".into(), "0".into())
    );
}

#[tokio::test]
async fn a_session_that_was_refused_a_write_is_not_used_again() {
    let session = socket(primary()).await;
    session.batch("turning read only", "SET default_transaction_read_only = on").await.unwrap();
    let error = session.batch("writing", "CREATE TABLE public.refused ()").await.unwrap_err();
    assert_eq!((class(&error), session.is_closed()), (Class::ReadOnly, true), "{error}");
    // One that was opened to read only may be told so as often as it likes.
    let settings = vec![("default_transaction_read_only".to_owned(), "on".to_owned())];
    let setup = Setup { settings, ..Setup::default() };
    let reader = Session::open_with(&config(&primary().by_socket()), "test", LONG, setup).await.unwrap();
    reader.batch("writing", "CREATE TABLE public.refused ()").await.unwrap_err();
    assert!(!reader.is_closed());
}

#[tokio::test]
async fn what_is_bound_to_one_server_goes_to_no_other() {
    let url = primary().by_socket();
    let sql = "SELECT system_identifier::text, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) FROM pg_control_system()";
    let row = socket(primary()).await.query_one("asking", sql, &[]).await.unwrap();
    let (system, timeline): (String, String) = (row.cell(0).unwrap(), row.cell(1).unwrap());
    let open = |bound: Config| async move { Session::open(&bound, "test", LONG).await.map(|_| ()) };
    open(config(&url).bound_to(&system, &timeline)).await.unwrap();
    let error = open(config(&url).bound_to("1", &timeline)).await.unwrap_err();
    assert_eq!(class(&error), Class::Elsewhere);
    assert!(error.to_string().contains("another database cluster"), "{error}");
    // Here the timeline is 1.
    let error = open(config(&url).bound_to(&system, "00000000")).await.unwrap_err();
    assert_eq!(class(&error), Class::Elsewhere);
    assert!(error.to_string().contains("promoted"), "{error}");
    open(config(&url).bound_to(&system, "00000000").or_later()).await.unwrap();
    let error = open(config(&url).bound_to(&system, "00000002").or_later()).await.unwrap_err();
    assert_eq!(class(&error), Class::ReadOnly, "it may be that the successor is still to come: {error}");
}
