//! Owns which cases there are: the failpoints that runs without faults pass, times the faults. Must not run a case.

use super::case::{Case, Fault, Phase};
use super::common::spawn_with;
use super::stage::Stage;
use segue::failpoint;
use std::{collections::BTreeMap, fs};

/// What one phase passes: each failpoint with what it was passed for, in order.
fn trace(stage: &Stage, phase: Phase) -> Vec<(String, String)> {
    let database = phase.database(stage);
    let log = stage.folder.path(&format!("passes-{phase:?}"));
    let path = log.to_str().expect("it is UTF-8");
    let running = spawn_with(&stage.url(&database), &phase.command(stage), &[(failpoint::LOG, path)]);
    running.outcome().exits(0);
    stage.drop(&database);
    let text = fs::read_to_string(&log).expect("passes were noted");
    let pass = |line: &str| line.split_once('\t').map(|(name, what)| (name.to_owned(), what.to_owned()));
    text.lines().filter_map(pass).collect()
}

/// Every case there is. A failpoint that no phase passes fails the test: nothing would be known of it.
pub fn cases(stage: &Stage) -> Vec<Case> {
    let (mut cases, mut unpassed) = (Vec::new(), failpoint::ALL.to_vec());
    for phase in Phase::ALL {
        let trace = trace(stage, phase);
        unpassed.retain(|name| !trace.iter().any(|(passed, _)| passed == name));
        // The script's rollout is otherwise one as any other.
        let points = points(&trace).into_iter();
        let own = |point: &String| {
            phase != Phase::Script || point.starts_with("script_") || point.starts_with("step_")
        };
        for point in points.filter(own) {
            cases.extend(Fault::ALL.into_iter().map(|fault| Case { phase, point: point.clone(), fault }));
        }
    }
    assert!(unpassed.is_empty(), "failpoints that nothing passes: {unpassed:?}");
    cases
}

/// Where to strike, `name#pass`: at the commit of each transactional step and at each index, and elsewhere at the first pass
/// for each kind of thing; of what is passed for every step alike, at the first, the middle and the last.
fn points(trace: &[(String, String)]) -> Vec<String> {
    let mut passes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, what) in trace {
        passes.entry(name).or_default().push(what);
    }
    let mut points = Vec::new();
    for name in failpoint::ALL {
        let whats = passes.remove(name).unwrap_or_default();
        for (n, what) in whats.iter().enumerate() {
            let strikes = match name {
                "ddl_before_commit" | "ddl_after_commit" => true,
                "ddl_begun" | "ddl_locked" | "step_begun" | "step_ended" => {
                    [0, whats.len() / 2, whats.len() - 1].contains(&n)
                }
                // The second slice as well: by then there is something to lose.
                name if name.starts_with("slice_") => n < 2,
                _ => !whats[..n].contains(what),
            };
            if strikes {
                points.push(format!("{name}#{}", n + 1));
            }
        }
    }
    points
}

/// The ordinary suite's part: of each phase and fault some, spread over the failpoints.
pub fn telling(all: Vec<Case>) -> Vec<Case> {
    let mut groups: BTreeMap<(Phase, Fault), Vec<Case>> = BTreeMap::new();
    for case in all {
        groups.entry((case.phase, case.fault)).or_default().push(case);
    }
    let mut telling = Vec::new();
    for (n, cases) in groups.into_values().enumerate() {
        let each = if cases.iter().any(|case| case.phase == Phase::Start) { 2 } else { 1 };
        let stride = (cases.len() / each).max(1);
        // A different place for each fault.
        telling.extend(cases.into_iter().skip(n * 7 % stride).step_by(stride).take(each));
    }
    telling
}
