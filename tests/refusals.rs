//! Plans that do not fit: `check` and `start` end with 3, say what is wrong and where, and change nothing.
//!
//! `tests/refusals/before.sql` is the schema. Each plan beside it lists all its errors in `# expect:` lines, each as
//! `code line:column`, and in `# says:` lines what has to be in what is said. `SEGUE_REFUSALS=name` runs those whose
//! names hold `name`.

mod common;

use common::{
    At, each,
    schema::{Compare, catalog, differences, leftovers, row_differences, rows},
    segue,
};
use segue::{
    catalog::{Catalog, Order},
    sandbox::{self, Database},
};
use serde_json::Value;
use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::Mutex,
};

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn every_refusal() {
    let filter = env::var("SEGUE_REFUSALS").unwrap_or_default();
    let mut plans: Vec<PathBuf> = fs::read_dir(folder("tests/refusals"))
        .expect("the plans are there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| path.to_string_lossy().contains(&filter))
        .collect();
    plans.sort();
    let count = plans.len();
    assert!(count > 0, "no plan's name holds {filter:?}");
    // Nothing changes: so the next plan finds what the one before found, and one look in the end tells it of all.
    let free: Mutex<Vec<Place>> = Mutex::default();
    let mut failures = each(
        plans,
        6,
        |plan| plan.display().to_string(),
        |plan| {
            let place = free.lock().unwrap().pop();
            let mut place = place.unwrap_or_else(Place::new);
            place.met.push(plan.file_name().expect("a file").to_string_lossy().into_owned());
            let met = catch_unwind(AssertUnwindSafe(|| refused(plan, At::of(&place.database))));
            free.lock().unwrap().push(place);
            met.unwrap_or_else(|panic| resume_unwind(panic));
        },
    );
    let places = free.into_inner().unwrap();
    failures.extend(each(places, 6, |place| place.met.join(" "), Place::is_as_it_was));
    assert!(failures.is_empty(), "{} of {count} refusals failed\n{}", failures.len(), failures.join("\n"));
}

/// A database with the schema in it.
struct Place {
    database: Database,
    catalog: Catalog,
    rows: Vec<String>,
    /// Plans that were refused there.
    met: Vec<String>,
}

impl Place {
    fn new() -> Place {
        let database = sandbox::database().expect("a database");
        let at = At::of(&database);
        at.query(&fs::read_to_string(folder("tests/refusals/before.sql")).expect("the schema is there"));
        let catalog = catalog(at, "public");
        let rows = rows(at, &catalog, &Compare::default());
        Place { catalog, rows, database, met: Vec::new() }
    }

    fn is_as_it_was(&self) {
        let at = At::of(&self.database);
        let now = catalog(at, "public");
        let changed = differences(&self.catalog, &now, Order::Kept);
        assert!(changed.is_empty(), "the schema was changed: {changed:?}");
        let changed = row_differences(&self.rows, &rows(at, &now, &Compare::default()));
        assert!(changed.is_empty(), "rows were changed: {changed:?}");
        let left = leftovers(at, &["public_taken"]);
        assert!(left.is_empty(), "left behind: {left:?}");
        if at.is_true("SELECT to_regclass('segue.rollouts') IS NOT NULL") {
            assert!(at.is_true("SELECT count(*) = 0 FROM segue.rollouts"), "a rollout was begun");
        }
    }
}

fn lines<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.strip_prefix(key)).map(str::trim).collect()
}

fn refused(plan: &Path, at: At<'_>) {
    let text = fs::read_to_string(plan).expect("it can be read");
    let (expected, says) = (lines(&text, "# expect:"), lines(&text, "# says:"));
    // A folder of its own: the plans beside it would be its parents.
    let own = common::Folder::new();
    let file = plan.file_name().expect("it is a file").to_str().expect("it is UTF-8");
    let path = own.file(file, &text);

    let checked = segue(&at.url(), &["check", "--json", &path]).exits(3);
    let report = checked.json_lines().swap_remove(0)["plans"][0].clone();
    let found: Vec<String> = errors(&report).map(|error| place_of(error, &path)).collect();
    assert_eq!(found, expected, "the errors of {checked}");

    let started = segue(&at.url(), &["start", &path]).exits(3);
    let said = started.said();
    for what in expected.iter().filter_map(|line| line.split(' ').next()).chain(says) {
        assert!(said.contains(what), "{what:?} was to be said: {started}");
    }
    assert!(said.contains(file), "the file was to be named: {started}");
    assert!(!said.contains("panicked at"), "{started}");
}

fn errors(report: &Value) -> impl Iterator<Item = &Value> {
    let all = report["diagnostics"].as_array().expect("a list");
    all.iter().filter(|one| one["severity"] == "error")
}

/// `code line:column`; without a place `code -`.
fn place_of(error: &Value, path: &str) -> String {
    let (code, position) = (error["code"].as_str().expect("a code"), &error["position"]);
    if position.is_null() {
        return format!("{code} -");
    }
    assert_eq!(position["file"], path, "{error}");
    format!("{code} {}:{}", position["line"], position["column"])
}
