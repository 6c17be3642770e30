//! Owns the order of what happens in the demonstration. Must not know how each thing is done, shown or counted.

use super::{
    course::Course,
    display::{Display, Pulse},
    error::{DemoError, Doing},
    events::Said,
    figures::{count, megabytes, seconds},
    incident::{Act, Incident, Sight},
    interrupt::Interrupt,
    measure,
    rollout::{Next, Rollout},
    stage::{self, DATABASE, Origin},
    standby::Standby,
    summary::{Span, Summary},
    tally::Latency,
    traffic::{Application, Load, Version},
};
use crate::{cli::args::DemoFlags, ident::Ident, sandbox::Pair};
use std::{
    fs,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

const FIRST_PLAN: &str = include_str!("../../../plans/accounts_by_branch.yaml");
const PLAN: &str = include_str!("../../../plans/demo.yaml");

/// Seconds of pgbench's own load, so that there is a past.
const PAST: u32 = 2;
/// The old application alone, to have something to compare with.
const BEFORE: Duration = Duration::from_secs(3);
/// Both versions live.
const TOGETHER: Duration = Duration::from_secs(4);
/// The new application alone, after the contract.
const AFTER: Duration = Duration::from_secs(2);
/// Sessions and transactions a second of each application.
const THREADS: u32 = 3;
const PER_SECOND: f64 = 100.0;
/// A rollout gets this long, and as much again for every 5,000 rows a second.
const PATIENCE: Duration = Duration::from_secs(180);
const SLOWEST: u64 = 5_000;

/// All of it.
pub(super) fn play(
    flags: &DemoFlags,
    display: &mut Display,
    interrupt: &Interrupt,
) -> Result<Summary, DemoError> {
    let origin = display.origin();
    display.part("A private primary and a streaming standby");
    let pair = stage::set_up(flags)?;
    let server = pair.primary.binaries().version().to_owned();
    display.note(&format!("PostgreSQL {server} twice in {}", pair.primary.directory().display()));
    write_plans(&pair)?;
    interrupt.check()?;

    let scale = stage::scale(flags.rows);
    display.part(&format!("pgbench's tables with {} accounts", count(scale * stage::ROWS_A_SCALE)));
    let data = stage::fill(&pair, scale, interrupt)?;
    match data {
        Origin::Pgbench => display.note(&format!("filled by pgbench -i -s {scale}")),
        Origin::Sql => {
            display.alert("there is no pgbench beside the server: the same tables and rows by SQL")
        }
    }
    stage::live_a_little(&pair, PAST, interrupt)?;
    pair.wait_caught_up()?;

    let mut show = Show {
        pair: &pair,
        url: pair.primary.url(DATABASE),
        standby: Standby::watch(&pair)?,
        interrupt,
        patience: PATIENCE + Duration::from_secs(scale * stage::ROWS_A_SCALE / SLOWEST),
        peak_memory: None,
        old: None,
        new: None,
        pulsed: None,
        origin,
    };
    display.part("The first plan: the version that the old application uses");
    show.first_plan(display)?;
    let summary = show.main_plan(display, scale, server, data)?;
    drop(show);
    drop(pair);
    Ok(Summary { total: origin.elapsed(), ..summary })
}

struct Show<'a> {
    pair: &'a Pair,
    url: String,
    standby: Standby,
    interrupt: &'a Interrupt,
    patience: Duration,
    peak_memory: Option<u64>,
    old: Option<Application>,
    new: Option<Application>,
    /// When the applications were last looked at, and what they had done by then.
    pulsed: Option<(Instant, [u64; 2], [f64; 2])>,
    origin: Instant,
}

impl Show<'_> {
    fn first_plan(&mut self, display: &mut Display) -> Result<(), DemoError> {
        for arguments in [&["start", "accounts_by_branch.yaml"][..], &["complete"][..]] {
            let mut course = Course::default();
            self.carry_out(arguments, display, &mut course, |_, _, _, _| Ok(()))?;
        }
        Ok(())
    }

    fn main_plan(
        &mut self,
        display: &mut Display,
        scale: u64,
        server: String,
        data: Origin,
    ) -> Result<Summary, DemoError> {
        let primary = &self.pair.primary;
        let books = measure::books(primary)?;
        let sizes_before = measure::sizes(primary)?;
        display.note(&format!(
            "pgbench_accounts: {} in {}, indexes {}",
            count(books.accounts),
            megabytes(sizes_before.table),
            megabytes(sizes_before.indexes)
        ));
        let (old_schema, new_schema) = (Ident::new("public_accounts_by_branch"), Ident::new("public_demo"));
        let load = |version, version_schema: &Ident, next_account| Load {
            version,
            version_schema: version_schema.clone(),
            threads: THREADS,
            per_second: PER_SECOND,
            accounts: scale * stage::ROWS_A_SCALE,
            branches: scale,
            next_account,
        };
        let next_account = Arc::new(AtomicU64::new(scale * stage::ROWS_A_SCALE + 1));

        display.part("The old application writes and reads from now on, through public_accounts_by_branch");
        let wal_at_first = measure::wal(primary)?;
        let (began, mut marks) = (Instant::now(), Marks::new(self.origin));
        self.old = Some(Application::start(
            primary,
            &load(Version::Old, &old_schema, Arc::clone(&next_account)),
            self.origin,
        )?);
        let interrupt = self.interrupt;
        interrupt.rest(BEFORE, || self.pulse(display, None))?;
        let wal_before = measure::wal(primary)?;
        let wal_per_second_before = (wal_before - wal_at_first) as f64 / began.elapsed().as_secs_f64();
        marks.end("before");

        display.part("The plan: risk added, balances from int to bigint cents, filler dropped, bid renamed, a new index");
        let (started, mut course, mut incident) = (Instant::now(), Course::default(), Incident::new());
        let (accounts, pair) = (books.accounts as f64, self.pair);
        let rolled_out =
            self.carry_out(&["start", "demo.yaml"], display, &mut course, |show, now, course, display| {
                let ready = course.since("ready").is_some();
                let sight =
                    Sight { filled: course.rows_done as f64 / accounts, paused: course.is_paused(), ready };
                match incident.look(now, sight) {
                    Some(Act::HoldUp) => {
                        display.alert("INCIDENT: the standby's replay is held up");
                        pair.standby.pause_replay()?;
                    }
                    Some(Act::LetGo) => {
                        display.alert("the standby is back: its replay goes on");
                        pair.standby.resume_replay()?;
                    }
                    Some(Act::GiveUp) => {
                        display.alert("no pause came: the standby's replay goes on");
                        pair.standby.resume_replay()?;
                    }
                    None => {}
                }
                if show.new.is_none()
                    && (ready || course.state() == Some("backfilling"))
                    && measure::is_published(&pair.primary, &new_schema)?
                {
                    display.part("The new application writes and reads from now on, through public_demo");
                    let load = load(Version::New, &new_schema, Arc::clone(&next_account));
                    show.new = Some(Application::start(&pair.primary, &load, show.origin)?);
                }
                Ok(())
            });
        // Whatever happened, the standby must not be left behind.
        pair.standby.resume_replay()?;
        rolled_out?;
        let to_ready = started.elapsed();
        marks.end("to ready");
        if self.new.is_none() {
            let load = load(Version::New, &new_schema, Arc::clone(&next_account));
            display.part("The new application writes and reads from now on, through public_demo");
            self.new = Some(Application::start(primary, &load, self.origin)?);
        }
        let wal_bytes = measure::wal(primary)? - wal_before;
        let sizes_ready = measure::sizes(primary)?;
        let rows_filled = measure::rows_filled(primary)?;

        display.part("Ready: both versions write and read, each in its own shape");
        interrupt.rest(TOGETHER, || self.pulse(display, Some(&course)))?;
        let disagreeing = measure::disagreeing(primary, &old_schema, &new_schema)?;
        display.note(&format!("one snapshot through both versions: {} accounts differ", count(disagreeing)));

        display.part("The old application is deployed away; the contract");
        if let Some(old) = &mut self.old {
            old.stop();
        }
        marks.end("both versions live");
        let contracting = Instant::now();
        self.carry_out(&["complete"], display, &mut course, |_, _, _, _| Ok(()))?;
        let contract = contracting.elapsed();
        marks.end("contract");
        interrupt.rest(AFTER, || self.pulse(display, Some(&course)))?;
        marks.end("after");
        if let Some(new) = &mut self.new {
            new.stop();
        }
        display.part("What there is now, account by account");
        let found = measure::found(primary, &new_schema)?;
        let sizes_after = measure::sizes(primary)?;
        let catching_up = Instant::now();
        pair.wait_caught_up()?;
        display.note(&format!("the standby had replayed all of it {} later", seconds(catching_up.elapsed())));

        let applications: Vec<&Application> = self.old.iter().chain(&self.new).collect();
        let done: Vec<_> = applications.iter().map(|application| application.tally().so_far()).collect();
        let sum = |of: fn(&super::tally::Committed) -> u64| done.iter().map(of).sum::<u64>();
        Ok(Summary {
            server,
            data,
            rows_filled,
            rows_per_second: course.rate_unheld(),
            filling: course.filling(),
            sizes_before,
            sizes_ready,
            sizes_after,
            wal_bytes,
            wal_per_second_before,
            spans: marks.spans(self.old.as_ref(), self.new.as_ref()),
            transactions: sum(|done| done.transactions),
            application_errors: applications
                .iter()
                .map(|application| application.tally().error_count())
                .sum(),
            first_errors: applications.iter().flat_map(|application| application.tally().errors()).collect(),
            disagreeing,
            found,
            expected_accounts: books.accounts + sum(|done| done.inserted),
            expected_balance_cents: 100 * (books.balance + done.iter().map(|done| done.delta).sum::<i64>()),
            expected_history: books.history + sum(|done| done.booked),
            standby_worst: self.standby.worst(),
            holds: course.holds,
            incident_failure: incident.failure(),
            peak_memory_bytes: self.peak_memory,
            to_ready,
            contract,
            total: Duration::ZERO,
        })
    }

    /// Runs a command to its end, showing what it says; `look` is asked several times a second.
    fn carry_out(
        &mut self,
        arguments: &[&str],
        display: &mut Display,
        course: &mut Course,
        mut look: impl FnMut(&mut Self, Duration, &Course, &mut Display) -> Result<(), DemoError>,
    ) -> Result<(), DemoError> {
        display.note(&format!("$ segue {}", arguments.join(" ")));
        let began = Instant::now();
        let mut looked = None::<Instant>;
        let mut rollout = Rollout::start(arguments, &self.url, self.pair.primary.directory())?;
        loop {
            match rollout.next(Duration::from_millis(50))? {
                Next::Line(line) => {
                    display.passed_on(&line.text);
                    if let Some(said) = &line.said
                        && let Some(news) = course.note(self.origin.elapsed(), said)
                    {
                        match said {
                            Said::Held(_) | Said::Released(_) | Said::Fault(_) => display.alert(&news),
                            _ => display.note(&news),
                        }
                    }
                }
                Next::Quiet => {}
                Next::Ended(status) => {
                    self.peak_memory = self.peak_memory.max(rollout.peak_memory());
                    if status.success() {
                        return Ok(());
                    }
                    self.interrupt.check()?;
                    return Err(rollout.failure(status));
                }
            }
            self.interrupt.check()?;
            if began.elapsed() > self.patience {
                let what = format!("`segue {}` to end", arguments.join(" "));
                return Err(DemoError::Late { what, after: self.patience });
            }
            if looked.is_none_or(|looked| looked.elapsed() >= Duration::from_millis(100)) {
                looked = Some(Instant::now());
                look(self, self.origin.elapsed(), course, display)?;
                self.pulse(display, Some(course));
            }
        }
    }

    /// Shows how the applications are.
    fn pulse(&mut self, display: &mut Display, course: Option<&Course>) {
        let applications = [(Version::Old, &self.old), (Version::New, &self.new)];
        let done = applications.map(|(_, application)| {
            application.as_ref().map_or(0, |application| application.tally().so_far().transactions)
        });
        let now = Instant::now();
        // A rate over less than a second would only flicker.
        let rates = match self.pulsed {
            Some((then, before, rates)) if now - then < Duration::from_secs(1) => (then, before, rates),
            Some((then, before, _)) => {
                let passed = (now - then).as_secs_f64();
                let rates = [0, 1].map(|n| (done[n] - before[n]) as f64 / passed);
                (now, done, rates)
            }
            None => (now, done, [0.0; 2]),
        };
        self.pulsed = Some(rates);
        let mut pulses = Vec::new();
        for (n, (version, application)) in applications.into_iter().enumerate() {
            if let Some(application) = application
                && application.is_running()
            {
                pulses.push(Pulse::of(version.name(), application.tally(), self.origin, rates.2[n]));
            }
        }
        let behind = self.standby.look();
        if !pulses.is_empty() {
            self.standby.remember();
        }
        display.stand(course, &pulses, behind);
    }
}

/// Where one stretch ends and the next begins, in milliseconds since the origin.
struct Marks {
    origin: Instant,
    ends: Vec<(&'static str, u32)>,
}

impl Marks {
    fn new(origin: Instant) -> Marks {
        Marks { origin, ends: Vec::new() }
    }

    fn end(&mut self, name: &'static str) {
        self.ends.push((name, u32::try_from(self.origin.elapsed().as_millis()).unwrap_or(u32::MAX)));
    }

    fn spans(&self, old: Option<&Application>, new: Option<&Application>) -> Vec<Span> {
        let mut from = 0;
        let mut spans = Vec::new();
        for (name, to) in &self.ends {
            let latency = |application: Option<&Application>| {
                application.and_then(|application| Latency::of(&application.tally().between(from, *to)))
            };
            spans.push(Span { name, old: latency(old), new: latency(new) });
            from = *to;
        }
        spans
    }
}

/// The plans as files, as the command wants them. They lie beside the server's data and go with it, however this ends.
fn write_plans(pair: &Pair) -> Result<(), DemoError> {
    for (name, text) in [("accounts_by_branch.yaml", FIRST_PLAN), ("demo.yaml", PLAN)] {
        let path = pair.primary.directory().join(name);
        fs::write(&path, text).doing(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn the_plans_are_faultless() {
        for (name, text) in [("accounts_by_branch.yaml", FIRST_PLAN), ("demo.yaml", PLAN)] {
            let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned() });
            let (plan, found) = crate::plan::parse::parse(name.trim_end_matches(".yaml"), source);
            assert!(plan.is_some() && found.0.is_empty(), "{name}: {found:?}");
        }
    }
}
