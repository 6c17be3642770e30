//! Plans that do not fit: `check` and `start` end with 3, say what is wrong and where, and change nothing.
//!
//! `tests/refusals/before.sql` is the schema; each plan beside it says in `# says:` lines what has to be said of it.
//! `SEGUE_REFUSALS=name` runs those whose names hold `name`.

mod common;

use common::{
    At, each,
    schema::{Compare, catalog, differences, leftovers, row_differences, rows},
    segue, status,
};
use segue::{catalog::Order, sandbox};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

#[test]
fn every_refusal() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refusals");
    let filter = env::var("SEGUE_REFUSALS").unwrap_or_default();
    let mut plans: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the plans are there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| path.to_string_lossy().contains(&filter))
        .collect();
    plans.sort();
    let count = plans.len();
    assert!(count > 0, "no plan's name holds {filter:?}");
    let before = fs::read_to_string(folder.join("before.sql")).expect("the schema is there");
    let failures = each(plans, 6, |plan| plan.display().to_string(), |plan| refused(plan, &before));
    assert!(failures.is_empty(), "{} of {count} refusals failed\n{}", failures.len(), failures.join("\n"));
}

fn refused(plan: &Path, before: &str) {
    let text = fs::read_to_string(plan).expect("it can be read");
    let expected: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# says:")).map(str::trim).collect();
    assert!(!expected.is_empty(), "the plan does not say what is expected");
    // A folder of its own: the plans beside it would be its parents.
    let own = common::Folder::new();
    let file = plan.file_name().expect("it is a file").to_str().expect("it is UTF-8");
    let path = own.file(file, &text);

    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    at.query(before);
    let catalog_before = catalog(at, "public");
    let rows_before = rows(at, &catalog_before, &Compare::default());
    for command in ["check", "start"] {
        let outcome = segue(&at.url(), &[command, &path]).exits(3);
        let said = outcome.said();
        for expected in &expected {
            assert!(said.contains(expected), "{expected:?} was to be said: {outcome}");
        }
        assert!(said.contains(file), "the file was to be named: {outcome}");
        assert!(!said.contains("panicked at"), "{outcome}");
        let changed = differences(&catalog_before, &catalog(at, "public"), Order::Kept);
        assert!(changed.is_empty(), "`{command}` changed the schema: {changed:?}");
        let changed = row_differences(&rows_before, &rows(at, &catalog_before, &Compare::default()));
        assert!(changed.is_empty(), "`{command}` changed rows: {changed:?}");
        let left = leftovers(at, &["public_taken"]);
        assert!(left.is_empty(), "`{command}` left behind: {left:?}");
        assert!(status(&at.url())["rollout"].is_null(), "`{command}` began a rollout");
    }
}
