//! Random tables, changed by Segue on one database and by plain DDL on its twin: both must end the same, in catalog and rows.
//!
//! `SEGUE_SEED=n` makes others, `SEGUE_FIDELITY=500` is how many (`scripts/fidelity` takes another seed each time), and
//! `SEGUE_FIDELITY_CASES=3,17` runs those alone and shows them. A case is one table with all that hangs on it and one to three operations; several are one plan.
//! A plan that Segue refuses must have changed nothing, and most must not be refused.

#[path = "fidelity/alter.rs"]
mod alter;
#[path = "fidelity/beside.rs"]
mod beside;
#[path = "fidelity/columns.rs"]
mod columns;
mod common;
#[path = "fidelity/constraints.rs"]
mod constraints;
#[path = "fidelity/hung.rs"]
mod hung;
#[path = "fidelity/indexes.rs"]
mod indexes;
#[path = "fidelity/made.rs"]
mod made;
#[path = "fidelity/names.rs"]
mod names;
#[path = "fidelity/operations.rs"]
mod operations;
#[path = "fidelity/table.rs"]
mod table;
#[path = "fidelity/types.rs"]
mod types;

use common::{
    At, Folder, Outcome, each,
    schema::{Compare, catalog, differences, leftovers, row_differences, rows},
    segue, state,
};
use operations::Case;
use segue::{
    catalog::{Catalog, Order},
    sandbox,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

/// How many cases make a plan.
const TOGETHER: usize = 8;

/// A case that Segue would not do.
#[derive(Debug)]
struct Refusal {
    case: usize,
    code: String,
    message: String,
    /// Whether plain DDL can do it.
    plain_can: bool,
}

#[test]
fn segue_does_what_plain_ddl_does() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("SEGUE_SEED").unwrap_or(1);
    let count = number("SEGUE_FIDELITY").unwrap_or(60) as usize;
    let only: Option<Vec<usize>> = env::var("SEGUE_FIDELITY_CASES")
        .ok()
        .map(|list| list.split(',').map(|case| case.trim().parse().expect("a case's number")).collect());
    println!("seed {seed}");
    let database = sandbox::database().expect("a database");
    At::of(&database).query("CREATE ROLE fid_reader; CREATE ROLE \"Fid Writer\"");
    let major = database.cluster().binaries().major();
    let cases: Vec<Case> = match &only {
        Some(list) => list.iter().map(|number| Case::random(seed, *number, major)).collect(),
        None => (0..count).map(|number| Case::random(seed, number, major)).collect(),
    };
    if only.is_some() {
        cases.iter().for_each(|case| println!("{case}"));
    }
    let refusals = Mutex::new(Vec::new());
    let plans: Vec<&[Case]> = cases.chunks(TOGETHER).collect();
    let failures = each(
        plans,
        3,
        |plan| format!("cases {} to {}", plan[0].number, plan[plan.len() - 1].number),
        |plan| {
            let found = run(plan);
            refusals.lock().unwrap().extend(found);
        },
    );
    let refusals = refusals.into_inner().unwrap();
    tell(&refusals, cases.len());
    assert!(failures.is_empty(), "seed {seed}, {} plans failed\n{}", failures.len(), failures.join("\n"));
    if only.is_none() {
        bounded(&refusals, cases.len());
    }
}

/// The plan of these cases; where it fails, each of them alone, to tell which it was.
fn run(cases: &[Case]) -> Vec<Refusal> {
    let text =
        |panic: Box<dyn std::any::Any + Send>| panic.downcast_ref::<String>().cloned().unwrap_or_default();
    let together = match catch_unwind(AssertUnwindSafe(|| run_plan(cases))) {
        Ok(refusals) => return refusals,
        Err(panic) => text(panic),
    };
    let alone = cases.iter().filter_map(|case| {
        let panic = catch_unwind(AssertUnwindSafe(|| run_plan(std::slice::from_ref(case)))).err()?;
        Some(format!("--- {}\n{case}", text(panic)))
    });
    let alone: Vec<String> = alone.collect();
    match alone.is_empty() {
        true => panic!("only together: {together}"),
        false => panic!("{}", alone.join("\n")),
    }
}

fn run_plan(cases: &[Case]) -> Vec<Refusal> {
    let (twin, database) =
        (sandbox::database().expect("a database"), sandbox::database().expect("a database"));
    let (twin, at) = (At::of(&twin), At::of(&database));
    for at in [twin, at] {
        at.query(types::PREAMBLE);
        cases.iter().for_each(|case| case.table.sql.iter().for_each(|sql| drop(at.query(sql))));
    }
    let url = at.url();
    let before = catalog(at, "public");
    let mut back = Compare::default();
    for case in cases.iter().filter(|case| case.mends) {
        back.only.insert(case.first_name.clone(), "false".to_owned());
    }
    let rows_before = rows(at, &before, &back);
    let left_before = leftovers(at, &[]);
    let unchanged = |after: &str| {
        same(&format!("the schema {after}"), differences(&before, &catalog(at, "public"), Order::Kept));
        same(&format!("rows {after}"), row_differences(&rows_before, &rows(at, &before, &back)));
        let left: Vec<String> = leftovers(at, &[]).into_iter().filter(|l| !left_before.contains(l)).collect();
        same(&format!("left behind {after}"), left);
    };

    let mut refusals = Vec::new();
    let mut accepted: Vec<&Case> = cases.iter().collect();
    loop {
        if accepted.is_empty() {
            return refusals;
        }
        let outcome = start(&url, &accepted);
        if outcome.code == Some(0) {
            break;
        }
        let refused = refused(twin, outcome.exits(3), &accepted);
        unchanged("after the refusal");
        accepted.retain(|case| refused.iter().all(|refusal| refusal.case != case.number));
        refusals.extend(refused);
    }
    assert_eq!(state(&url), "ready");
    if cases[0].number.is_multiple_of(3) {
        segue(&url, &["rollback"]).exits(0);
        unchanged("after the rollback");
        start(&url, &accepted).exits(0);
    }
    segue(&url, &["complete"]).exits(0);

    let mut compare = Compare::default();
    for case in accepted {
        case.plain.iter().for_each(|sql| drop(twin.query(sql)));
        compare.ignored.extend(case.ignored.iter().cloned());
    }
    let (plain, after): (Catalog, Catalog) = (catalog(twin, "public"), catalog(at, "public"));
    same("the schema, from plain DDL's to Segue's", differences(&plain, &after, Order::Ignored));
    let difference = row_differences(&rows(twin, &plain, &compare), &rows(at, &after, &compare));
    same("rows, from plain SQL's to Segue's", difference);
    // A constraint that is not valid is one to plain DDL as well.
    let left: BTreeSet<String> = leftovers(at, &["public_plan"]).into_iter().collect();
    let plain: BTreeSet<String> = leftovers(twin, &[]).into_iter().collect();
    same("left behind", left.difference(&plain).cloned().collect());
    refusals
}

#[track_caller]
fn same(what: &str, differences: Vec<String>) {
    assert!(differences.is_empty(), "{what}:\n  {}", differences.join("\n  "));
}

/// The operations of these cases, each on a line of its own from the second on.
fn start(url: &str, cases: &[&Case]) -> Outcome {
    let lines: Vec<String> =
        cases.iter().flat_map(|case| &case.operations).map(|operation| operation.to_string()).collect();
    let text = format!(
        "{{\"acknowledge\": [\"publications\", \"row_security\"], \"operations\": [\n{}\n]}}",
        lines.join(",\n")
    );
    let folder = Folder::new();
    let plan = folder.file("plan.json", &text);
    let outcome = segue(url, &["start", "--json", &plan]);
    assert!(!outcome.said().contains("panicked at"), "{outcome}");
    outcome
}

/// Whom the errors of a refusal are about. Each has to have its place.
fn refused(twin: At<'_>, outcome: Outcome, cases: &[&Case]) -> Vec<Refusal> {
    let owner: Vec<&Case> = cases.iter().flat_map(|case| case.operations.iter().map(|_| *case)).collect();
    let mut found: BTreeMap<usize, Refusal> = BTreeMap::new();
    let lines = outcome.said();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let diagnostics = lines.flat_map(|line| match line["diagnostics"].as_array() {
        Some(list) => list.clone(),
        None => vec![line],
    });
    for diagnostic in diagnostics.filter(|diagnostic| diagnostic["severity"] == "error") {
        let line = diagnostic["position"]["line"].as_u64().unwrap_or_else(|| {
            panic!("a refusal without a place: {diagnostic}");
        });
        let case = owner[usize::try_from(line).expect("it fits") - 2];
        let text = |field: &str| diagnostic[field].as_str().unwrap_or_default().to_owned();
        found.entry(case.number).or_insert_with(|| Refusal {
            case: case.number,
            code: text("code"),
            message: text("message"),
            plain_can: plain_can(twin, case),
        });
    }
    assert!(!found.is_empty(), "a refusal without an error: {outcome}");
    found.into_values().collect()
}

fn plain_can(twin: At<'_>, case: &Case) -> bool {
    let sql = format!("BEGIN; {}; ROLLBACK", case.plain.join("; "));
    twin.cluster.query(twin.name, &sql).is_ok()
}

fn tell(refusals: &[Refusal], cases: usize) {
    for refusal in refusals {
        let plain = if refusal.plain_can { "plain DDL can" } else { "nor can plain DDL" };
        println!("refused {:3}: {} ({plain}): {}", refusal.case, refusal.code, refusal.message);
    }
    println!("{cases} cases, {} refused: {:?}", refusals.len(), by_code(refusals));
}

fn by_code(refusals: &[Refusal]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    refusals.iter().for_each(|refusal| *counts.entry(refusal.code.as_str()).or_default() += 1);
    counts
}

/// Where most is refused nothing is tested.
fn bounded(refusals: &[Refusal], cases: usize) {
    assert!(refusals.len() * 4 <= cases, "{} of {cases} were refused", refusals.len());
    for (code, count) in by_code(refusals) {
        assert!(count * 5 <= cases, "{count} of {cases} were refused with {code}");
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case {}", self.number)?;
        self.table.sql.iter().try_for_each(|sql| writeln!(f, "  {sql};"))?;
        self.operations.iter().try_for_each(|operation| writeln!(f, "  - {operation}"))?;
        self.plain.iter().try_for_each(|sql| writeln!(f, "  plain: {sql};"))
    }
}
