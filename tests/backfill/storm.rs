//! The property: while random writers, VACUUM, VACUUM FULL and old snapshots disturb the backfill, no row of the writers'
//! books is lost, doubled or filled with anything but its `up`.

use super::common::{At, Folder, PATIENCE, each, segue, spawn, state, wait_for};
use super::writers::{self, Books, PARTS, WRITERS};
use segue::sandbox::{self, wire::Session};
use std::{
    env,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Longer than all of it takes on a machine that is not busy. One that is comes to the end in the calm after it.
const STORM: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug)]
struct Case {
    workers: u32,
    key: bool,
    partitioned: bool,
    /// Five rows to a block, or many.
    wide: bool,
}

/// The smallest set that has every pair of the choices.
const CASES: [Case; 6] = [
    Case { workers: 1, key: true, partitioned: false, wide: true },
    Case { workers: 3, key: true, partitioned: false, wide: false },
    Case { workers: 3, key: false, partitioned: false, wide: true },
    Case { workers: 1, key: false, partitioned: true, wide: false },
    Case { workers: 3, key: true, partitioned: true, wide: true },
    Case { workers: 1, key: true, partitioned: true, wide: true },
];

#[test]
fn every_row_equals_its_oracle_whatever_happens_meanwhile() {
    let number = |name| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("SEGUE_BACKFILL_SEED").unwrap_or_else(|| fastrand::u64(..1 << 40));
    let seeds = number("SEGUE_BACKFILL_SEEDS").unwrap_or(1);
    println!("SEGUE_BACKFILL_SEED={first}");
    let all = (first..first + seeds).flat_map(|seed| CASES.map(|case| (seed, case))).collect();
    let failures =
        each(all, 3, |(seed, case)| format!("seed {seed}, {case:?}"), |(seed, case)| run(*seed, *case));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn before(case: Case) -> (i64, String) {
    // Two runs of blocks or three, where there are workers for them: a run is 1024 blocks at least.
    let (rows, pad) = match (case.wide, case.workers) {
        (true, 1) => (4_000, 45),
        (true, _) => (17_000, 45),
        (false, 1) => (30_000, 0),
        (false, _) => (90_000, 4),
    };
    let key = match (case.key, case.partitioned) {
        (false, _) => "",
        (true, false) => ", PRIMARY KEY (id)",
        (true, true) => ", PRIMARY KEY (id, part)",
    };
    let by = if case.partitioned { "PARTITION BY LIST (part)" } else { "" };
    let partitions = (0..if case.partitioned { PARTS } else { 0 })
        .map(|part| format!("CREATE TABLE t{part} PARTITION OF t FOR VALUES IN ({part});"))
        .collect::<String>();
    // Writers without an index to find their rows by would do nothing but read.
    let index = if case.key { "" } else { "CREATE INDEX t_id ON t (id);" };
    let sql = format!(
        "CREATE TABLE t (id bigint, part integer NOT NULL, a integer, b text, pad text{key}) {by};
         {partitions} {index}
         CREATE FUNCTION slowed(text, bigint) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN
             IF $2 % {} = 0 THEN PERFORM pg_sleep(0.001); END IF;
             RETURN coalesce($1, '-') || $2;
         END $$;
         INSERT INTO t SELECT n, n % {PARTS}, CASE WHEN n % 7 <> 0 THEN n % 1000 END, 'b' || n,
                              array_to_string(ARRAY(SELECT md5((n + m)::text) FROM generate_series(1, {pad}) m), '')
           FROM generate_series(1, {rows}) n;",
        // Two seconds for the whole, so that there is time for something to happen.
        rows / (1500 * i64::from(case.workers))
    );
    (rows, sql)
}

fn run(seed: u64, case: Case) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (database, folder) = (sandbox::database().unwrap(), Folder::new());
    let at = At::of(&database);
    let url = at.url();
    let (rows, sql) = before(case);
    at.query(&sql);
    let plan = folder.file(
        "plan.yaml",
        &format!(
            // Writers that queue behind VACUUM FULL, which queues behind a slice, are not what is looked at here.
            "backfill: {{workers: {}, slice_time: 20ms}}\nguards: {{lock_wait: {{throttle: 3s, pause: 20s}}}}\noperations:\n\
             - alter_column: {{table: t, column: a, type: bigint, up: a * 10, down: a / 10}}\n\
             - add_column: {{table: t, column: {{name: n, type: text}}, up: \"slowed(b, id)\"}}\n",
            case.workers
        ),
    );
    let stop = AtomicBool::new(false);
    let done = AtomicU32::new(0);
    let books = thread::scope(|scope| {
        // However this ends, the others do.
        let _stop = StopAtEnd(&stop);
        let writers: Vec<_> = (0..WRITERS)
            .map(|mine| {
                let (session, mut random) = (database.session().unwrap(), random.fork());
                let stop = &stop;
                scope.spawn(move || writers::write(session, mine, rows, &mut random, stop))
            })
            .collect();
        let disturbers: Vec<_> = [true, false]
            .into_iter()
            .map(|vacuums| {
                let (mut session, mut random) = (database.session().unwrap(), random.fork());
                let (stop, done) = (&stop, &done);
                scope.spawn(move || {
                    let mut rewrites = 0;
                    while !stop.load(Ordering::Relaxed) {
                        match vacuums {
                            true => vacuum(&mut session, &mut random, case, &mut rewrites)?,
                            false => hold_horizon(&mut session, &mut random)?,
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(random.u64(20..400)));
                    }
                    Ok::<(), String>(())
                })
            })
            .collect();
        wait_for("the disturbance to be under way", PATIENCE, || {
            (done.load(Ordering::Relaxed) >= 2
                || disturbers.iter().any(thread::ScopedJoinHandle::is_finished))
            .then_some(())
        });
        let mut running = spawn(&url, &["start", &plan]);
        let blown_over = Instant::now() + STORM;
        while running.is_alive() && Instant::now() < blown_over {
            thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        let mut books = Books::new();
        for writer in writers {
            books.extend(writer.join().unwrap().unwrap_or_else(|error| panic!("{error}")));
        }
        for disturber in disturbers {
            disturber.join().unwrap().unwrap_or_else(|error| panic!("{error}"));
        }
        running.outcome_within(PATIENCE * 4).exits(0);
        books
    });
    assert_eq!(state(&url), "ready");
    let pending = at.value("SELECT count(*) FROM public.t WHERE _segue_pending IS NOT FALSE");
    assert_eq!(pending.as_deref(), Some("0"), "rows were missed");
    equals(at, &books, "public.t", |id, row| {
        format!("{id} {} {} {}", row.part, shown(&row.a), shown(&row.b))
    });
    equals(at, &books, "public_plan.t", oracle);
    segue(&url, &["complete"]).exits(0);
    equals(at, &books, "public.t", oracle);
}

/// A row as the new version has it.
fn oracle(id: i64, row: &writers::Row) -> String {
    let n = format!("{}{id}", row.b.as_deref().unwrap_or("-"));
    format!("{id} {} {} {} {n}", row.part, shown(&row.a.map(|a| i64::from(a) * 10)), shown(&row.b))
}

fn shown<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "NULL".to_owned(), T::to_string)
}

/// The table holds what the books say, each row once.
#[track_caller]
fn equals(at: At<'_>, books: &Books, table: &str, expected: impl Fn(i64, &writers::Row) -> String) {
    let n = if expected(1, &writers::Row::first(1)).split(' ').count() > 4 { ", n" } else { "" };
    let sql = format!(
        "SELECT concat_ws(' ', id, part, coalesce(a::text, 'NULL'), coalesce(b, 'NULL'){n}) FROM {table} ORDER BY id"
    );
    let found: Vec<String> = at.query(&sql).into_iter().flatten().flatten().collect();
    let expected: Vec<String> = books.iter().map(|(id, row)| expected(*id, row)).collect();
    let different = super::common::schema::row_differences(&expected, &found);
    assert!(
        different.is_empty(),
        "{table} is not as the books say (-: {} rows, +: {} rows): {different:#?}",
        expected.len(),
        found.len()
    );
}

fn vacuum(
    session: &mut Session,
    random: &mut fastrand::Rng,
    case: Case,
    rewrites: &mut u32,
) -> Result<(), String> {
    let table = if case.partitioned { format!("t{}", random.u32(..PARTS)) } else { "t".to_owned() };
    let sql = match random.u32(..4) {
        // A sweep across a rewrite proves nothing and begins anew: not so often that none ever ends.
        0 if *rewrites < 5 => {
            *rewrites += 1;
            format!("VACUUM FULL {table}")
        }
        1 => format!("VACUUM (FREEZE, ANALYZE) {table}"),
        _ => format!("VACUUM {table}"),
    };
    session.query(&sql).map(|_| ()).map_err(|error| format!("{sql}: {error}"))
}

/// A snapshot that keeps dead rows from being pruned.
fn hold_horizon(session: &mut Session, random: &mut fastrand::Rng) -> Result<(), String> {
    let mut query = |sql: &str| session.query(sql).map(|_| ()).map_err(|error| format!("{sql}: {error}"));
    query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id()")?;
    thread::sleep(Duration::from_millis(random.u64(10..1200)));
    query(if random.bool() { "COMMIT" } else { "ROLLBACK" })
}

struct StopAtEnd<'s>(&'s AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
