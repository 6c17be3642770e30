//! Owns the proof that the demonstration and the example plans do what they say, by the binary, on private servers.

use segue::sandbox::{SandboxError, database};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output},
};

fn segue(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segue")).args(arguments).output().expect("the binary can be run")
}

fn told(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}\n{err}", output.status)
}

/// pgbench is an ordinary client here; where there is none the test says so and passes.
#[test]
fn the_example_plans_run_one_after_another() {
    let database = match database() {
        Ok(database) => database,
        Err(error @ SandboxError::NoServer { .. }) => return eprintln!("skipped: {error}"),
        Err(error) => panic!("{error}"),
    };
    let cluster = database.cluster();
    let pgbench = cluster.binaries().directory().join("pgbench");
    if !pgbench.is_file() {
        return eprintln!("skipped: no pgbench beside the server");
    }
    let filled = Command::new(pgbench)
        .args(["-i", "-q", "-s", "1", "-U", "postgres", "-h"])
        .arg(cluster.directory())
        .args(["-p", &cluster.port().to_string(), database.name()])
        .output()
        .expect("pgbench can be run");
    assert!(filled.status.success(), "{}", told(&filled));

    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let plans = plans.to_str().expect("a path in UTF-8");
    let migrated = segue(&["migrate", plans, "--complete", "--url", &database.url()]);
    assert!(migrated.status.success(), "{}", told(&migrated));
    let columns = "SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, column_name) \
                   FROM information_schema.columns WHERE table_schema = 'public' \
                   AND column_name IN ('risk', 'branch_id', 'daily_limit', 'title', 'booked_at', 'opens')";
    assert_eq!(
        database.query(columns).expect("a query"),
        [[Some(
            "ledger.booked_at opening_hours.branch_id opening_hours.opens pgbench_accounts.branch_id \
             pgbench_accounts.risk pgbench_branches.title pgbench_tellers.daily_limit"
                .to_owned()
        )]]
    );
}

#[test]
fn the_demonstration_succeeds_and_leaves_nothing() {
    let output = segue(&["demo", "--json"]);
    assert!(output.status.success(), "{}", told(&output));
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    let last = lines.last().expect("a summary");
    let summary = &last["summary"];
    assert_eq!(last["event"], "summary");
    assert_eq!(last["faults"], serde_json::json!([]));
    assert_eq!(summary["application_errors"], 0);
    assert!(summary["transactions"].as_u64() > Some(1_000), "{summary}");
    assert!(summary["rows_filled"].as_u64() > Some(900_000), "{summary}");
    let pauses = summary["holds"].as_array().expect("a list").iter().filter(|hold| hold["kind"] == "pause");
    assert!(pauses.count() >= 1, "{summary}");
    let place = lines
        .iter()
        .filter_map(|line| {
            line["message"].as_str()?.split_once(" twice in ").map(|(_, place)| place.to_owned())
        })
        .next()
        .expect("where the servers are is told");
    assert!(!Path::new(&place).exists(), "{place} is still there");
}
