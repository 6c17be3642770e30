//! Owns the second table: what a statement costs more while both versions are live. The same statements on a bare table and
//! on one that a rollout brought to `ready`, in turns, so that a busy moment meets both.

use crate::{
    cpu,
    options::Options,
    quiet, rollout,
    server::{self, Outcome},
    shape::{related, unrelated},
    summary::median,
};
use segue::sandbox::{Cluster, wire::Session};
use serde::Serialize;
use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const BARE: &str = "one_version";
const BOTH: &str = "two_versions";
const CLIENTS: usize = 4;
/// Statements of each client before its time counts.
const WARM_UP: usize = 100;
/// Of one case on one side in one round.
const TURN: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
struct Case {
    title: &'static str,
    /// What the client's search_path is where both versions are live.
    path: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unrelated,
    Related,
    Insert,
}

const CASES: [Case; 5] = [
    Case { title: "UPDATE of an unrelated column", path: "public", kind: Kind::Unrelated },
    Case { title: "UPDATE that runs up", path: "public", kind: Kind::Related },
    Case { title: "INSERT", path: "public", kind: Kind::Insert },
    Case { title: "new version: UPDATE of an unrelated column", path: "public_bench", kind: Kind::Unrelated },
    Case { title: "new version: INSERT", path: "public_bench", kind: Kind::Insert },
];

/// One case; medians over rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    pub case: &'static str,
    /// Of one statement of one of four clients.
    pub bare_us: f64,
    pub both_us: f64,
    /// The median of each round's own difference.
    pub percent: f64,
    pub least_percent: f64,
    pub most_percent: f64,
    /// The same in processor time of the server's processes.
    pub bare_server_us: Option<f64>,
    pub both_server_us: Option<f64>,
    pub server_percent: Option<f64>,
}

/// What a statement took, in µs.
#[derive(Clone, Copy, Debug)]
struct Took {
    clock: f64,
    server: Option<f64>,
}

pub fn measure(cluster: &Cluster, options: &Options) -> Outcome<Vec<Cost>> {
    for database in [BARE, BOTH] {
        server::fresh(cluster, database, options.shape, options.cost_rows)?;
    }
    let limit = Duration::from_secs(120 + options.cost_rows / 2_000);
    rollout::run(cluster, BOTH, 1, &[], limit)?;
    for database in [BARE, BOTH] {
        // The filling left free space behind, which would make one side's updates cheaper.
        for sql in [
            "ALTER TABLE items SET (fillfactor = 80)",
            "VACUUM FULL items",
            "VACUUM ANALYZE items",
            "CHECKPOINT",
        ] {
            cluster.query(database, sql)?;
        }
    }
    let next_id = AtomicU64::new(options.cost_rows + 1);
    let mut costs = Vec::new();
    for case in CASES {
        let mut pairs = Vec::new();
        for round in 0..=options.cost_rounds {
            if options.wait_quiet > 0 {
                quiet::wait(Duration::from_secs(options.wait_quiet));
            }
            let turn = |database| one_turn(cluster, database, case, options, &next_id);
            let pair = if round % 2 == 0 {
                let bare = turn(BARE)?;
                (bare, turn(BOTH)?)
            } else {
                let both = turn(BOTH)?;
                (turn(BARE)?, both)
            };
            // The first one warms up.
            if round > 0 {
                pairs.push(pair);
            }
        }
        costs.extend(cost(case, &pairs));
    }
    for database in [BARE, BOTH] {
        server::drop_database(cluster, database)?;
    }
    Ok(costs)
}

fn cost(case: Case, pairs: &[(Took, Took)]) -> Option<Cost> {
    let percents = || pairs.iter().map(|(bare, both)| (both.clock / bare.clock - 1.0) * 100.0);
    let server = || pairs.iter().filter_map(|(bare, both)| bare.server.zip(both.server));
    Some(Cost {
        case: case.title,
        bare_us: median(pairs.iter().map(|(bare, _)| bare.clock))?,
        both_us: median(pairs.iter().map(|(_, both)| both.clock))?,
        percent: median(percents())?,
        least_percent: percents().reduce(f64::min)?,
        most_percent: percents().reduce(f64::max)?,
        bare_server_us: median(server().map(|(bare, _)| bare)),
        both_server_us: median(server().map(|(_, both)| both)),
        server_percent: median(server().map(|(bare, both)| (both / bare - 1.0) * 100.0)),
    })
}

fn one_turn(
    cluster: &Cluster,
    database: &str,
    case: Case,
    options: &Options,
    next_id: &AtomicU64,
) -> Outcome<Took> {
    let path = if database == BARE { "public" } else { case.path };
    let statement = match case.kind {
        Kind::Unrelated => unrelated("$1"),
        Kind::Related => related("$1"),
        Kind::Insert => options.shape.insert("$1"),
    };
    let execute = || {
        let id = match case.kind {
            Kind::Insert => next_id.fetch_add(1, Ordering::Relaxed),
            Kind::Unrelated | Kind::Related => fastrand::u64(1..=options.cost_rows),
        };
        format!("EXECUTE one ({id})")
    };
    let mut sessions = Vec::new();
    for _ in 0..CLIENTS {
        let mut session = cluster.session(database)?;
        session.query(&format!("SET search_path = {path}; PREPARE one (bigint) AS {statement}"))?;
        // What a session does once, such as reading a trigger's function, is not what a statement costs.
        for _ in 0..WARM_UP {
            session.query(&execute())?;
        }
        sessions.push(session);
    }
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(CLIENTS + 1));
    thread::scope(|scope| {
        let client = |mut session: Session| {
            let (stop, ready, execute) = (&stop, &ready, &execute);
            scope.spawn(move || -> Outcome<(u64, Duration, Option<Duration>)> {
                let process = cpu::backend(&mut session);
                let used_before = process.and_then(cpu::of);
                ready.wait();
                let (began, mut done) = (Instant::now(), 0);
                while !stop.load(Ordering::Relaxed) {
                    session.query(&execute())?;
                    done += 1;
                }
                let time = began.elapsed();
                let used = process.and_then(cpu::of).zip(used_before).map(|(after, before)| after - before);
                Ok((done, time, used))
            })
        };
        let clients: Vec<_> = sessions.into_iter().map(client).collect();
        ready.wait();
        thread::sleep(TURN);
        stop.store(true, Ordering::Relaxed);
        let (mut done, mut time, mut used) = (0, Duration::ZERO, Some(Duration::ZERO));
        for client in clients {
            let (its_done, its_time, its_used) = client.join().expect("a client does not panic")?;
            done += its_done;
            time += its_time;
            used = used.zip(its_used).map(|(all, its)| all + its);
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / done.max(1) as f64;
        Ok(Took { clock: each(time), server: used.map(each) })
    })
}
