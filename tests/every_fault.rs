//! Every place in the sources that makes a fault of a plan is met by one under `tests/refusals` or `tests/plans/bad`, or
//! by a test named here.

mod common;

use common::{At, schema::catalog};
use segue::{
    catalog::Catalog,
    compile,
    diagnostic::{Diagnostics, Severity, Source},
    plan, sandbox,
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A line of a file below `src`, by its number from 1.
type Place = (String, u32);

/// Places that no plan of those folders can meet: their file, what stands in their line, and the test that meets them.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("src/plan/folder.rs", "plan.", "src/plan/folder.rs"),
    ("src/plan/folder.rs", "Diagnostic::error(", "src/plan/folder.rs"),
    ("src/plan/project.rs", "", "src/plan/project.rs"),
    ("src/plan/node.rs", "Diagnostic::error(", "tests/plans.rs: hostile ones"),
    ("src/plan/node.rs", "plan.too_deep", "tests/plans.rs: hostile ones"),
    ("src/plan/node.rs", "self.cx.error(", "tests/plans.rs: hostile ones"),
    (
        "src/plan/parse.rs",
        "Diagnostic::error(",
        "tests/plans.rs: those too large and not UTF-8, a name too long",
    ),
    ("src/compile/hazard.rs", "compile.row_security", "src/compile/tests.rs"),
    ("src/compile/views.rs", "", "src/compile/views.rs; `compile` finds the same earlier, with its place"),
    ("src/compile/op/in_place.rs", "compile.in_place", "none: what is read is shared, so it has a value"),
];

/// What only an older server refuses.
const BEFORE_15: &str = "
operations:
  - create_index: {table: teams, name: i, unique: true, nulls_not_distinct: true, columns: {motto: {}}}
  - create_constraint: {table: teams, name: c, type: unique, nulls_not_distinct: true, columns: [motto], up: {motto: motto}, down: {motto: motto}}
  - create_table:
      name: fresh
      columns: [{name: a, type: integer}, {name: b, type: integer}]
      constraints:
        - {name: k, type: unique, columns: [a], nulls_not_distinct: true}
        - {name: f, type: foreign_key, columns: [a, b], references: {table: ledger, columns: [a, b], on_delete: SET NULL, on_delete_set_columns: [a]}}
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(below: &str, extension: &str) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![root().join(below)]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|of| of == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Calls that make an error, outside of tests and of what only hands on where it was called.
fn places() -> Vec<(Place, String)> {
    const CALLS: [&str; 7] = [
        ".error(",
        ".error_help(",
        ".danger(",
        ".wrong_type(",
        ".missing(",
        ".expression_error(",
        "Diagnostic::error(",
    ];
    let mut found = Vec::new();
    for path in ["src/plan", "src/compile"].into_iter().flat_map(|below| files(below, "rs")) {
        let name = path.strip_prefix(root()).expect("below it").to_str().expect("it is UTF-8").to_owned();
        // An expression's faults have one place where they become a plan's.
        if name.ends_with("tests.rs") || name.starts_with("src/compile/expr") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("it can be read");
        let (mut before, mut hands_on) = ("", false);
        for (number, line) in (1..).zip(text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"))) {
            let trimmed = line.trim_start();
            if trimmed.starts_with("pub fn ") || trimmed.starts_with("fn ") {
                hands_on = before.trim() == "#[track_caller]";
            } else if !hands_on && !trimmed.starts_with("//") && CALLS.iter().any(|call| line.contains(call))
            {
                found.push(((name.clone(), number), line.trim().to_owned()));
            }
            before = line;
        }
    }
    found
}

fn met(found: &Diagnostics, met: &mut BTreeSet<Place>) {
    for error in found.0.iter().filter(|one| one.severity == Severity::Error) {
        met.insert((error.made.0.file().to_owned(), error.made.0.line()));
    }
}

#[test]
fn every_place_that_makes_a_fault_is_met() {
    let database = sandbox::database().expect("a database");
    let at = At::of(&database);
    at.query(&fs::read_to_string(root().join("tests/refusals/before.sql")).expect("the schema is there"));
    let catalog = catalog(at, "public");
    let mut seen = BTreeSet::new();
    for path in files("tests/refusals", "yaml").into_iter().chain(files("tests/plans/bad", "yaml")) {
        let stem = path.file_stem().expect("a file").to_str().expect("it is UTF-8");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let (plan, found) = plan::parse(stem, Arc::new(Source { name: stem.to_owned(), text }));
        met(&found, &mut seen);
        if let Some(plan) = plan {
            met(&compile::compile(&plan, &catalog, None).1, &mut seen);
        }
    }
    let source = Source { name: "before_15".to_owned(), text: BEFORE_15.to_owned() };
    let plan = plan::parse("before_15", Arc::new(source)).0.expect("it can be read");
    let older = Catalog { server_version: 140_000, ..catalog };
    let (_, found) = compile::compile(&plan, &older, None);
    assert!(found.0.iter().all(|one| one.code == "compile.server_version"), "{found:?}");
    met(&found, &mut seen);
    let places = places();
    assert!(places.len() > 150, "the places are found: {}", places.len());
    let stray: Vec<&Place> =
        seen.iter().filter(|place| !places.iter().any(|(known, _)| known == *place)).collect();
    assert!(stray.is_empty(), "faults are made where no call was found: {stray:#?}");
    let is_elsewhere = |(file, _): &Place, line: &str| {
        ELSEWHERE.iter().any(|(of, part, _)| file == of && line.contains(part))
    };
    let unmet: Vec<String> = places
        .iter()
        .filter(|(place, line)| !seen.contains(place) && !is_elsewhere(place, line))
        .map(|((file, number), line)| format!("{file}:{number}: {line}"))
        .collect();
    assert!(
        unmet.is_empty(),
        "{} of {} places are not met:\n{}",
        unmet.len(),
        places.len(),
        unmet.join("\n")
    );
}
