//! Faults at every failpoint of a rollout, with both versions' applications writing: Segue killed or panicking, its
//! sessions cut, the server restarted, the primary promoted away. Afterwards the rollout resumes, and ends with the catalog
//! and the rows of plain DDL, every write of the applications among them.
//!
//! A case is `PHASE/FAILPOINT#PASS/FAULT`. Which failpoints are passed, and how often, a run without faults tells, whose
//! log the cases are made of; so a failpoint that no run passes fails the test. `SEGUE_FAULTS=text` runs the cases whose
//! names hold the text, `SEGUE_FAULTS=/` the whole matrix (`scripts/faults`); unset, the most telling ones.
//! `SEGUE_FAULTS_PART=2/5` runs the second fifth; `SEGUE_FAULTS_JOBS` is how many at once.

#[path = "faults/case.rs"]
mod case;
mod common;
#[path = "faults/oracle.rs"]
mod oracle;
#[path = "faults/stage.rs"]
mod stage;
#[path = "faults/survey.rs"]
mod survey;
#[path = "faults/writers.rs"]
mod writers;

use case::Fault;
use stage::Stage;
use std::{
    env,
    sync::{Mutex, PoisonError},
    time::Instant,
};

#[test]
fn every_failpoint_and_every_fault() {
    let stage = Stage::start(false);
    let all = survey::cases(&stage);
    let known = all.len();
    let wanted = env::var("SEGUE_FAULTS").ok();
    let mut cases = match &wanted {
        Some(text) => all.into_iter().filter(|case| case.to_string().contains(text.as_str())).collect(),
        None => survey::telling(all),
    };
    if let Some((part, of)) =
        env::var("SEGUE_FAULTS_PART").ok().as_deref().and_then(|part| part.split_once('/'))
    {
        let (part, of): (usize, usize) = (part.parse().expect("a number"), of.parse().expect("a number"));
        let numbered = cases.into_iter().enumerate();
        // Neighbours are of one failpoint: a part has some of every fault.
        cases =
            numbered.filter(|(n, _)| n / Fault::ALL.len() % of == part - 1).map(|(_, case)| case).collect();
    }
    println!("{} of {known} cases", cases.len());
    assert!(!cases.is_empty(), "no case's name holds {wanted:?}");
    let jobs = env::var("SEGUE_FAULTS_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(4);
    let (count, began) = (cases.len(), Instant::now());
    // A stage that a case failed on is not used again.
    let stages = Mutex::new(vec![stage]);
    let failures = common::each(cases, jobs, ToString::to_string, |case| {
        let two = case.fault == Fault::Promoted;
        let free = stages.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let stage = match (two, free) {
            (false, Some(free)) => free,
            (true, free) => {
                stages.lock().unwrap_or_else(PoisonError::into_inner).extend(free);
                Stage::start(true)
            }
            (false, None) => Stage::start(false),
        };
        println!("{case:60} {}", case.run(&stage));
        if !two {
            stages.lock().unwrap_or_else(PoisonError::into_inner).push(stage);
        }
    });
    println!("{} of {count} cases passed in {:.0} s", count - failures.len(), began.elapsed().as_secs_f64());
    assert!(failures.is_empty(), "{} of {count} cases failed\n{}", failures.len(), failures.join("\n"));
}
