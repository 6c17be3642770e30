//! Every operation from outside: a plan is started under live traffic, rolled back, started again and completed, and the
//! schema and its rows must be what plain DDL makes of them.
//!
//! A scenario is a folder of `tests/scenarios`:
//! - `before.sql`: tables and rows; rows with an `id` from 1,000,000 on are the writers'
//! - `superuser.sql`: what somebody else does before; `:role` is Segue's
//! - `plan.yaml`: the plan; `first.yaml`, if there, is applied and completed before (so that there is a previous version)
//! - `plain.sql`: what an operator with a maintenance window would run instead (both plans' worth)
//! - `old.sql`, `new.sql`: statements of the two versions of the application, run again and again with `:n` a number of its
//!   own for each pass; each has to succeed, whatever Segue is doing
//! - `agree.sql`: asked in `ready`, over `public`, `public_first` and `public_plan`; must find nothing; writers' numbers since
//!   this start are not below `:from`
//! - `since`: the first PostgreSQL that can do it; on older ones the plan must be refused
//! - `needs`: the first PostgreSQL that has what its tables or its applications are written in; on older ones it is passed over
//! - `compare.txt`: what of the rows is not compared, see `common::schema::Compare`
//!
//! `SEGUE_SCENARIOS=alter,drop` runs those whose names hold `alter` or `drop`; `SEGUE_SCENARIO_JOBS` is how many at once.
//! The tables are `app_owner`'s; Segue is a role of its own that has what `segue privileges` prints for the plan, and no more.

mod common;

use common::{
    At, PATIENCE, each,
    schema::{Compare, WRITERS_FROM, catalog, differences, leftovers, row_differences, rows},
    segue, wait_for,
};
use segue::{
    catalog::Order,
    ident::Ident,
    sandbox::{self, wire::Session},
};
use std::{
    cell::RefCell,
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

#[test]
fn every_scenario() {
    let filter = env::var("SEGUE_SCENARIOS").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios"))
            .expect("the scenarios are there")
            .map(|entry| entry.expect("it can be read").path())
            .filter(|path| path.is_dir() && filter.split(',').any(|part| name_of(path).contains(part)))
            .collect();
    folders.sort();
    assert!(!folders.is_empty(), "no scenario's name holds {filter:?}");
    let count = folders.len();
    // Roles are the whole server's, so both databases of a scenario can grant to them.
    let database = sandbox::database().expect("a database");
    At::of(&database).query("CREATE ROLE app_reader; CREATE ROLE app_writer; CREATE ROLE app_owner");
    let jobs = env::var("SEGUE_SCENARIO_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(5);
    let failures = each(folders, jobs, |folder| name_of(folder), |folder| scenario(folder));
    assert!(failures.is_empty(), "{} of {count} scenarios failed\n{}", failures.len(), failures.join("\n"));
}

/// Segue's role in this database.
fn role_of(at: At<'_>) -> String {
    format!("segue_{}", at.name)
}

/// Gives it what is printed for the plan, and says how it connects.
fn granted(at: At<'_>, plan: &str) -> String {
    let role = role_of(at);
    let ask = || segue(&at.url(), &["privileges", plan, "--role", &role]);
    let lacking = ask();
    if lacking.code != Some(0) {
        at.query(&lacking.exits(4).stdout);
        ask().exits(0);
    }
    at.url().replacen("postgres@", &format!("{role}@"), 1)
}

/// As the owner of the application's tables.
fn owned(at: At<'_>, sql: &str) {
    let database = Ident::new(at.name);
    at.query(&format!(
        "GRANT CREATE ON DATABASE {database} TO app_owner; GRANT CREATE ON SCHEMA public TO app_owner"
    ));
    at.query(&format!("SET ROLE app_owner; {sql}"));
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn scenario(folder: &Path) {
    let step = RefCell::new("setting up");
    let run = catch_unwind(AssertUnwindSafe(|| steps(folder, &step)));
    if let Err(panic) = run {
        let text = panic.downcast_ref::<String>().map_or("", String::as_str);
        panic!("in the step \"{}\": {text}", step.borrow());
    }
}

fn steps(folder: &Path, step: &RefCell<&'static str>) {
    let at_step = |now: &'static str| *step.borrow_mut() = now;
    let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let need = |file: &str| read(file).unwrap_or_else(|| panic!("{file} is missing"));
    let path = |file: &str| folder.join(file).to_str().expect("it is UTF-8").to_owned();
    let compare = Compare::parse(&read("compare.txt").unwrap_or_default());
    let has_first = folder.join("first.yaml").exists();
    let (before, plain, plan) = (need("before.sql"), need("plain.sql"), path("plan.yaml"));

    let (twin, database) =
        (sandbox::database().expect("a database"), sandbox::database().expect("a database"));
    let (twin, at) = (At::of(&twin), At::of(&database));
    let first =
        |file: &str| -> u32 { read(file).map_or(0, |major| major.trim().parse().expect("a major version")) };
    let major = at.cluster.binaries().major();
    if major < first("needs") {
        println!("passed over: {} needs PostgreSQL {}", name_of(folder), first("needs"));
        return;
    }
    // Not by `segue status`, which has a look at the server of its own: too dear here.
    let stands = |wanted: &str| {
        let state = at.value("SELECT state FROM segue.rollouts ORDER BY id DESC LIMIT 1");
        assert_eq!(state.as_deref(), Some(wanted));
    };
    let role = role_of(at);
    at.query(&format!("CREATE ROLE {role} LOGIN"));
    let by_superuser = read("superuser.sql").unwrap_or_default().replace(":role", &role);
    at.query(&by_superuser);
    owned(at, &before);
    if major < first("since") {
        at_step("refusal");
        segue(&at.url(), &["start", &plan]).exits(3);
        return;
    }
    let previous: &[&str] = if has_first { &["public_first"] } else { &[] };
    if has_first {
        at_step("first plan");
        let plan = path("first.yaml");
        segue(&granted(at, &plan), &["start", &plan, "--complete"]).exits(0);
        stands("completed");
    }
    at_step("privileges");
    let url = granted(at, &plan);
    let catalog_before = catalog(at, "public");
    let before_and_back = compare.rolled_back();
    let rows_before = rows(at, &catalog_before, &before_and_back);

    let old_path = if has_first { "public_first, public" } else { "public" };
    let old = Writers::start(at, "old", old_path, None, read("old.sql").as_deref());
    let run = |args: &[&str], code: i32| {
        let outcome = segue(&url, args).exits(code);
        assert!(!outcome.said().contains("panicked at"), "{outcome}");
    };
    let start_and_check = || {
        let from = NUMBER.load(Ordering::Relaxed);
        let new =
            Writers::start(at, "new", "public_plan, public", Some("public_plan"), read("new.sql").as_deref());
        run(&["start", &plan], 0);
        stands("ready");
        old.wait_passes(3);
        new.wait_passes(3);
        if let Some(agree) = read("agree.sql") {
            let contradictions = at.query(&agree.replace(":from", &from.to_string()));
            let some = &contradictions[..contradictions.len().min(5)];
            assert!(some.is_empty(), "the versions do not agree on {} rows: {some:?}", contradictions.len());
        }
        new
    };

    at_step("start, to be rolled back");
    let new = start_and_check();
    new.finish();
    at_step("rollback");
    run(&["rollback"], 0);
    stands("rolled_back");
    same("the schema after the rollback", differences(&catalog_before, &catalog(at, "public"), Order::Kept));
    same(
        "rows after the rollback",
        row_differences(&rows_before, &rows(at, &catalog_before, &before_and_back)),
    );
    same("left behind by the rollback", leftovers(at, previous));
    old.wait_passes(1);

    at_step("start, to be completed");
    let new = start_and_check();
    old.finish();
    at_step("complete");
    run(&["complete"], 0);
    stands("completed");
    new.wait_passes(2);
    new.finish();

    at_step("comparison with plain DDL");
    twin.query(&by_superuser);
    owned(twin, &before);
    owned(twin, &plain);
    // What Segue made is its own, and so are the rights it was given.
    at.query(&format!("REASSIGN OWNED BY {role} TO app_owner; REVOKE ALL ON SCHEMA public FROM {role}"));
    let (catalog_plain, catalog_after) = (catalog(twin, "public"), catalog(at, "public"));
    same(
        "the schema, from plain DDL's to Segue's",
        differences(&catalog_plain, &catalog_after, Order::Ignored),
    );
    let rows_plain = rows(twin, &catalog_plain, &compare);
    same(
        "rows, from plain SQL's to Segue's",
        row_differences(&rows_plain, &rows(at, &catalog_after, &compare)),
    );
    same("left behind", leftovers(at, &["public_plan"]));
}

#[track_caller]
fn same(what: &str, differences: Vec<String>) {
    assert!(differences.is_empty(), "{what}:\n  {}", differences.join("\n  "));
}

/// Sessions of one version of the application.
struct Writers {
    stop: Arc<AtomicBool>,
    passes: Vec<Arc<AtomicU64>>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    failed: Arc<Mutex<Option<String>>>,
}

/// Numbers that no two passes of any writer share.
static NUMBER: AtomicI64 = AtomicI64::new(WRITERS_FROM);

impl Writers {
    /// Two sessions that run the script again and again, from the moment `schema` has views.
    fn start(
        at: At<'_>,
        version: &'static str,
        search_path: &str,
        schema: Option<&'static str>,
        script: Option<&str>,
    ) -> Writers {
        let statements: Vec<String> = script
            .unwrap_or_default()
            .split(";\n")
            .map(|statement| statement.trim().trim_end_matches(';').to_owned())
            .filter(|statement| !statement.is_empty())
            .collect();
        let (stop, failed) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Option<String>>>::default());
        let (mut passes, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..if statements.is_empty() { 0 } else { 2 } {
            let session = at.cluster.session(at.name).expect("a session");
            let mine = Arc::<AtomicU64>::default();
            passes.push(Arc::clone(&mine));
            let (stop, failed) = (Arc::clone(&stop), Arc::clone(&failed));
            let (statements, search_path) = (statements.clone(), search_path.to_owned());
            threads.push(thread::spawn(move || {
                if let Err(error) = write(session, version, &search_path, schema, &statements, &stop, &mine) {
                    failed.lock().unwrap().get_or_insert(error);
                }
            }));
        }
        Writers { stop, passes, threads: Mutex::new(threads), failed }
    }

    /// Until each session has run its script as often again.
    #[track_caller]
    fn wait_passes(&self, count: u64) {
        for passes in &self.passes {
            let goal = passes.load(Ordering::Relaxed) + count;
            wait_for("the writers to go on", PATIENCE, || {
                self.check();
                (passes.load(Ordering::Relaxed) >= goal).then_some(())
            });
        }
    }

    #[track_caller]
    fn check(&self) {
        if let Some(error) = self.failed.lock().unwrap().clone() {
            panic!("{error}");
        }
    }

    /// Ends the sessions; an error that any of them saw fails the test.
    #[track_caller]
    fn finish(&self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.lock().unwrap().drain(..) {
            thread.join().expect("writers do not panic");
        }
        self.check();
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.get_mut().unwrap().drain(..) {
            let _ = thread.join();
        }
    }
}

fn write(
    mut session: Session,
    version: &str,
    search_path: &str,
    schema: Option<&str>,
    statements: &[String],
    stop: &AtomicBool,
    passes: &AtomicU64,
) -> Result<(), String> {
    let mut run = |sql: &str| {
        session
            .query(sql)
            .map_err(|error| format!("the {version} version's application failed: {error}\nin: {sql}"))
    };
    if let Some(schema) = schema {
        // A type may be in it before.
        let sql =
            format!("SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('{schema}'))");
        while run(&sql)? != [[Some("t".to_owned())]] {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    run(&format!("SET application_name = '{version} app'; SET search_path = {search_path}"))?;
    while !stop.load(Ordering::Relaxed) {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed).to_string();
        for statement in statements {
            run(&numbered(statement, &number))?;
            // The pace of an application; the tests' machine is small.
            thread::sleep(Duration::from_millis(fastrand::u64(4..12)));
        }
        passes.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// The statement with its `:n`s replaced, but not the start of `::numeric`.
fn numbered(statement: &str, number: &str) -> String {
    let mut parts = statement.split(":n");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_cast = out.ends_with(':') || part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        out.push_str(if is_cast { ":n" } else { number });
        out.push_str(part);
    }
    out
}

#[test]
fn numbers_replace_placeholders_and_not_casts() {
    assert_eq!(numbered("SELECT :n, ':n'::name, (:n)", "7"), "SELECT 7, '7'::name, (7)");
}
