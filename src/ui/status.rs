//! Owns `segue status` for a person, in one screen: what it is doing, why not faster, what comes next,
//! how far it is, who drives it. Must not find anything out: that is in `control::status`.

use super::{Paint, cost, human, limits, signals, tell};
use crate::control::hold::{HoldKind, OPERATOR, SHED};
use crate::control::progress::TableProgress;
use crate::control::state::{Goal, State};
use crate::control::status::{Role, RolloutStatus, Status};
use jiff::Timestamp;

/// Columns of the labels at the left.
const LABEL: usize = 12;
/// Narrower than this nothing is broken to fit.
const LEAST_WIDTH: usize = 40;

/// Where the output is no terminal.
const USUAL_WIDTH: usize = 100;

/// For standard output, as wide as that is; ends with a line break.
pub fn render(status: &Status, now: Timestamp, color: bool) -> String {
    let width = super::width_of(std::io::stdout()).unwrap_or(USUAL_WIDTH);
    render_within(status, now, width, Paint { color })
}

/// `width` in columns.
pub fn render_within(status: &Status, now: Timestamp, width: usize, paint: Paint) -> String {
    let mut page = Page { out: String::new(), width: width.max(LEAST_WIDTH), paint };
    match &status.rollout {
        None => page.item("state", &["no rollout yet: `segue start PLAN` begins one".to_owned()]),
        Some(rollout) => page.rollout(rollout, status, now),
    }
    if !status.signals.is_empty() {
        page.item("signals", &[signals::parts(&status.signals, &status.guards, now, true).join(" · ")]);
    }
    page.out
}

struct Page {
    out: String,
    width: usize,
    paint: Paint,
}

impl Page {
    /// A label and its paragraphs, each wrapped beside it.
    fn item(&mut self, label: &str, paragraphs: &[String]) {
        let mut label = label;
        for paragraph in paragraphs {
            for line in human::wrap(&human::plain(paragraph), self.width - LABEL) {
                self.line(label, &line);
                label = "";
            }
        }
    }

    fn line(&mut self, label: &str, text: &str) {
        let label = self.paint.dim(&human::pad(label, LABEL));
        self.out.push_str(&format!("{label}{text}"));
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
    }

    fn rollout(&mut self, rollout: &RolloutStatus, status: &Status, now: Timestamp) {
        let name = self.paint.bold(&human::plain(&rollout.plan));
        self.line(
            "rollout",
            &format!("{name} · id {} · schema {}", rollout.id, human::plain(&rollout.schema)),
        );
        let mut state = vec![format!("{}: {}", rollout.state.name(), self::state(rollout))];
        state.push(steps(rollout, now));
        self.item("state", &state);
        if let Some(error) = &rollout.error {
            for (i, line) in error.lines().enumerate() {
                self.item(if i == 0 { "error" } else { "" }, &[line.to_owned()]);
            }
        }
        match &rollout.blockers {
            Some(blockers) if rollout.holds.is_empty() => {
                let alive = rollout.supervisor.as_ref().is_some_and(|supervisor| supervisor.alive);
                let what = if alive { "for a lock held by" } else { "postponed; in the way was" };
                self.item("waits", &[format!("{what} {blockers}")]);
            }
            _ => self.item("held", &holds(rollout, status, now)),
        }
        self.by_operators(rollout, now);
        if matches!(rollout.state, State::Expanding | State::Backfilling | State::Failed) {
            let set = limits::set(&rollout.limits);
            self.item("limits", if set.is_empty() { &[] } else { std::slice::from_ref(&set) });
        }
        // Going back, what was filled is of no interest: it goes.
        let back = matches!(rollout.state, State::RollingBack | State::RolledBack);
        let tables = if back { &[][..] } else { &rollout.backfill[..] };
        for (i, table) in tables.iter().enumerate() {
            let text = vec![self.table(table, rollout), cost::of(table)];
            let text: Vec<String> = text.into_iter().filter(|part| !part.is_empty()).collect();
            self.item(if i == 0 { "rows" } else { "" }, &text);
        }
        if let Some(vacuum) = &rollout.vacuum {
            self.item("vacuum", &[cost::vacuum(vacuum)]);
        }
        if matches!(rollout.state, State::Backfilling | State::Ready) {
            let left = cost::left(&rollout.backfill, &rollout.unvacuumed);
            self.item("vacuum", left.as_slice());
        }
        self.item("supervisor", &[supervisor(rollout, now)]);
        self.item("versions", &[versions(rollout, status)]);
        self.item("next", &next(rollout));
    }

    /// What operators said of a rollout that can still go on.
    fn by_operators(&mut self, rollout: &RolloutStatus, now: Timestamp) {
        if rollout.state.is_over() {
            return;
        }
        if let Some(hold) = &rollout.contract_hold {
            self.item("contract", &[format!("held since {}: {}", human::moment(hold.since), hold.why())]);
        }
        for (i, standby) in rollout.ignored_standbys.iter().enumerate() {
            let left = match standby.until > now {
                true => {
                    format!("for {} more", human::about(human::between(now, standby.until).as_secs_f64()))
                }
                false => "its time is over".to_owned(),
            };
            let text = format!("standby {} until {}, {left}", standby.name, human::moment(standby.until));
            self.item(if i == 0 { "ignored" } else { "" }, &[text]);
        }
        let moved: Vec<String> = rollout.thresholds.iter().map(limits::threshold).collect();
        if !moved.is_empty() {
            self.item("guards", &[format!("{} by the operator", moved.join(", "))]);
        }
        let excepted: Vec<String> = rollout.exceptions.iter().map(tell::exception).collect();
        self.item("exceptions", &excepted);
        if !rollout.accepted_blind.is_empty() {
            let signals = rollout.accepted_blind.join(", ");
            self.item("accepted", &[format!("{signals}: blind holds nothing, by an operator's word")]);
        }
    }

    fn table(&self, table: &TableProgress, rollout: &RolloutStatus) -> String {
        const CELLS: f64 = 16.0;
        let bar = table.fraction.filter(|_| self.width >= 70).map(|fraction| {
            let full = (fraction.clamp(0.0, 1.0) * CELLS).floor() as usize;
            format!("{}{} ", "█".repeat(full), "░".repeat(CELLS as usize - full))
        });
        // A rate measured in the past says nothing while nothing is filled.
        let moves = rollout.state == State::Backfilling && !tell::paused(&rollout.holds);
        let speed = if moves { tell::speed(table) } else { String::new() };
        let comma = if speed.is_empty() { "" } else { ", " };
        format!("{} {}{}{comma}{speed}", table.table, bar.unwrap_or_default(), tell::rows(table))
    }
}

fn state(rollout: &RolloutStatus) -> String {
    match (&rollout.rolled_back_by, rollout.state, rollout.failed_in) {
        (Some(guard), State::RollingBack | State::RolledBack, _) => {
            format!("{}; guard {guard} asked for it", tell::meaning(rollout.state))
        }
        (_, State::Failed, Some(before)) => format!("it stopped on an error while {}", before.name()),
        _ => tell::meaning(rollout.state).to_owned(),
    }
}

fn steps(rollout: &RolloutStatus, now: Timestamp) -> String {
    let steps = &rollout.steps;
    let hand = if rollout.state == State::Failed { "stopped at" } else { "in hand" };
    let current = steps.current.as_ref().map(|title| format!(", {hand}: {title}")).unwrap_or_default();
    let Some(ended) = rollout.ended_at else {
        let started = human::ago(rollout.started_at, now);
        return format!("{} of {} steps done{current}; started {started}", steps.done, steps.total);
    };
    let took = human::about(human::between(rollout.started_at, ended).as_secs_f64());
    let when = format!("ended {}, took {took}", human::ago(ended, now));
    match rollout.state {
        // Of what was undone a count of what was done says nothing.
        State::RolledBack => when,
        _ => format!("{} of {} steps done; {when}", steps.done, steps.total),
    }
}

fn is_alive(rollout: &RolloutStatus) -> bool {
    rollout.supervisor.as_ref().is_some_and(|supervisor| supervisor.alive)
}

/// Whether there is work that somebody should be doing.
fn wants_work(rollout: &RolloutStatus) -> bool {
    match rollout.state {
        State::Expanding | State::Backfilling | State::Contracting | State::RollingBack => true,
        State::Ready => rollout.goal == Goal::Completed,
        State::Completed | State::RolledBack | State::Failed => false,
    }
}

fn holds(rollout: &RolloutStatus, status: &Status, now: Timestamp) -> Vec<String> {
    if rollout.holds.is_empty() {
        let moving = wants_work(rollout) && is_alive(rollout);
        let free = match limits::binding(&rollout.limits) {
            Some(limit) => format!("by nothing, but limited to {limit}"),
            None => "by nothing: it goes at full speed".to_owned(),
        };
        return if moving { vec![free] } else { vec![] };
    }
    let mut said = Vec::new();
    for hold in &rollout.holds {
        let length = human::duration(human::between(hold.since, now));
        said.push(format!("{}; for {length}, since {}", tell::hold(hold), human::moment(hold.since)));
        let seen = signals::behind(&status.signals, &hold.by, hold.subject.as_deref());
        if let Some(who) = seen.or(hold.culprit.as_deref()) {
            said.push(format!("→ {who}"));
        }
    }
    said
}

fn supervisor(rollout: &RolloutStatus, now: Timestamp) -> String {
    let Some(supervisor) = &rollout.supervisor else {
        return "none so far".to_owned();
    };
    let who = format!("{} (term {})", supervisor.holder, supervisor.term);
    if supervisor.alive {
        return format!("{who} is alive");
    }
    // Its session may be gone before its lease is.
    let gone = match supervisor.expires > now {
        true => "just now".to_owned(),
        false => human::ago(supervisor.expires, now),
    };
    if wants_work(rollout) {
        format!("not alive: {who} was last, until {gone}")
    } else {
        let none = if rollout.state == State::Failed { "none now" } else { "none is needed" };
        format!("{none}; {who} was last, until {gone}")
    }
}

fn versions(rollout: &RolloutStatus, status: &Status) -> String {
    let base = rollout.previous_version_schema.is_none() && rollout.state != State::Completed;
    let base = base.then(|| format!("the tables of {} themselves (previous, live)", rollout.schema));
    let said = status.versions.iter().map(|version| match (version.role, version.published) {
        (Role::Previous, _) => format!("{} (previous, live)", version.schema),
        (Role::New, Some(false)) => format!("{} (new, not published yet)", version.schema),
        (Role::New, _) => format!("{} (new, live)", version.schema),
    });
    base.into_iter().chain(said).collect::<Vec<_>>().join(", ")
}

fn next(rollout: &RolloutStatus) -> Vec<String> {
    let operator = rollout.holds.iter().any(|hold| hold.by == OPERATOR);
    let by_time = rollout.holds.iter().any(|hold| hold.by == OPERATOR && hold.until.is_some());
    let shed = rollout.holds.iter().any(|hold| hold.by == SHED);
    let by_guard = rollout
        .holds
        .iter()
        .any(|hold| ![OPERATOR, SHED].contains(&hold.by.as_str()) && hold.kind == HoldKind::Pause);
    let mut said: Vec<&str> = Vec::new();
    if wants_work(rollout) {
        match (is_alive(rollout), operator) {
            (true, true) if by_time => {
                said.push("the pause lifts itself when its time is over; `segue resume` lifts it now");
            }
            (true, true) => said.push("it waits for a person: `segue resume` lifts the pause"),
            (true, false) if shed => said.push("rows are filled again after `segue restore`"),
            (true, false) if by_guard && rollout.state != State::RollingBack => {
                said.push("it goes on by itself when the guard's reading allows");
            }
            (true, false) => {}
            (false, true) => said.push(
                "nothing moves: `segue resume` lifts the pause and supervises in that terminal from where it stopped",
            ),
            (false, false) => said.push(
                "nothing moves without a supervisor: `segue resume` goes on from where it stopped, in that terminal",
            ),
        }
    }
    said.push(match (rollout.state, rollout.goal) {
        (State::Expanding | State::Backfilling, Goal::Ready) => {
            "when every row is filled and every constraint proved, the new version is published: `ready`"
        }
        (State::Expanding | State::Backfilling, Goal::Completed) => {
            "when every row is filled and every constraint proved, the new version is published, \
             then the old one removed once nobody uses it"
        }
        (State::Ready, Goal::Ready) if rollout.contract_hold.is_some() => {
            "both versions stay live: `segue release-contract`, then `segue complete` (removes the old one), \
             or `segue rollback` (removes the new one)"
        }
        (State::Ready, Goal::Ready) => {
            "both versions stay live until `segue complete` (removes the old one; `segue clients` shows who uses it) \
             or `segue rollback` (removes the new one)"
        }
        (State::Ready, Goal::Completed) => "the old version is removed once nobody uses it",
        (State::Contracting, _) => "the rest of the contract; there is no way back from here",
        (State::Completed, _) => "nothing: it is done",
        (State::RollingBack, _) => "the rest of the way back",
        (State::RolledBack, _) => "nothing: `segue start` begins anew, `segue log` tells what happened",
        (State::Failed, _) if rollout.failed_in == Some(State::Contracting) => {
            "remove the error's cause, then `segue resume` tries again; there is no way back from the contract"
        }
        (State::Failed, _) => {
            "remove the error's cause, then `segue resume` tries again where it stopped; `segue rollback` goes back"
        }
    });
    let goes_back = matches!(rollout.state, State::Expanding | State::Backfilling);
    if goes_back && (operator || by_guard || !is_alive(rollout)) {
        said.push("`segue rollback` goes back to the old version instead");
    }
    said.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::control::exception::Drill;
    use crate::control::record::{CommandKind, Direction, Outcome, Record};
    use crate::control::status::{Facts, Supervisor};
    use crate::control::tuning::{Change, Tuning};
    use crate::control::{hold::Hold, signal::Reading};
    use crate::plan::limits::Limit;

    fn supervisor(alive: bool) -> Option<Supervisor> {
        Some(Supervisor { holder: "host:4711".into(), term: 3, alive, expires: at(15_000) })
    }

    fn show(records: &[Record], alive: bool, backfill: Vec<TableProgress>, signals: Vec<Reading>) -> String {
        let state = folded(records);
        let ended_at = state.state.is_over().then(|| at(60_000));
        let facts = Facts { id: 7, started_at: at(-120_000), ended_at, limits: Tuning::default() };
        let status = Status::of(facts, &program(), &state, supervisor(alive), backfill, signals);
        render_within(&status, at(75_000), 100, Paint::PLAIN)
    }

    fn done(step: usize) -> Record {
        Record::StepEnded { step, direction: Direction::Forward, outcome: Outcome::Done }
    }

    fn to(to: State) -> Record {
        Record::StateChanged { from: State::Expanding, to, error: None }
    }

    fn backfilling() -> Vec<Record> {
        vec![done(0), to(State::Backfilling), Record::StepBegan { step: 1, direction: Direction::Forward }]
    }

    fn ready() -> Vec<Record> {
        vec![done(0), done(1), done(2), to(State::Ready)]
    }

    #[test]
    fn no_rollout() {
        let text = render_within(&Status::none(vec![]), at(0), 100, Paint::PLAIN);
        insta::assert_snapshot!(text, @"state       no rollout yet: `segue start PLAN` begins one");
    }

    #[test]
    fn backfilling_with_a_throttle() {
        let mut records = backfilling();
        records.push(Record::Held { hold: throttle() });
        let mut signals = signals();
        signals[0].detail = Some("replay waits for a query on standby1 (pid 12, report)".into());
        insta::assert_snapshot!(show(&records, true, vec![users(420_000)], signals), @r"
        rollout     20261122_full_name · id 7 · schema public
        state       backfilling: rows are being filled, then proved
                    1 of 4 steps done, in hand: fill users (full_name); started 3 min 15 s ago
        held        throttled by replication_lag of standby1: 1.4 s, threshold 1 s; at 70 % of full speed;
                    for 1 min 12 s, since 2026-11-22 07:00:03Z
                    → replay waits for a query on standby1 (pid 12, report)
        rows        users ██████░░░░░░░░░░ 420,000 of about 1,000,000 rows (42 %), 81,000 rows/s, 7 s left
        supervisor  host:4711 (term 3) is alive
        versions    public_20261120_orders (previous, live), public_full_name (new, not published yet)
        next        when every row is filled and every constraint proved, the new version is published:
                    `ready`
        signals     lag standby1 0.2 s and 16 MB (replay waits for a query on standby1 (pid 12, report)) ·
                    locks 0 · horizon 42 transactions (report (pid 9, active), open for 3.0 s) · WAL 12 MB/s
        ");
    }

    #[test]
    fn backfilling_with_exceptions() {
        let mut records = backfilling();
        let until = at(600_000);
        let taken = |kind, reason: Option<&str>| Record::CommandTaken {
            id: 1,
            kind,
            by: "alice".into(),
            reason: reason.map(str::to_owned),
            refused: None,
        };
        let lifted = CommandKind::Override { signal: "replication_lag".into(), until };
        records.push(taken(lifted, Some("the nightly report")));
        records.push(taken(CommandKind::Drill { drill: Drill::Blind, until }, None));
        let facts = Facts { id: 7, started_at: at(-120_000), ended_at: None, limits: Tuning::default() };
        let state = folded(&records);
        let status = Status::of(facts, &program(), &state, supervisor(true), vec![users(420_000)], vec![]);
        let text = render_within(&status, at(75_000), 100, Paint::PLAIN);
        let told = text.find("exceptions").unwrap()..text.find("rows  ").unwrap();
        insta::assert_snapshot!(text[told], @r"
        exceptions  replication_lag overridden until 2026-11-22 07:10:00Z by alice: the nightly report
                    DRILL blind until 2026-11-22 07:10:00Z by alice
        ");
    }

    #[test]
    fn backfilling_under_limits() {
        let args = serde_json::json!({"slice": "20ms", "workers": 3, "rate": 20_000, "wal": "off"});
        let mut records = backfilling();
        records.push(Record::CommandTaken {
            id: 1,
            kind: CommandKind::Tune(Change::of_args(&args).unwrap()),
            by: "alice".into(),
            reason: None,
            refused: None,
        });
        let facts = Facts {
            id: 7,
            started_at: at(-120_000),
            ended_at: None,
            limits: Tuning { rest: 50, ..Tuning::default() },
        };
        let state = folded(&records);
        let mut status =
            Status::of(facts, &program(), &state, supervisor(true), vec![users(420_000)], vec![]);
        let mut show = |binding| {
            status.rollout.as_mut().unwrap().limits.binding = binding;
            let text = render_within(&status, at(75_000), 100, Paint::PLAIN);
            let held = text.find("held").unwrap()..text.find("rows  ").unwrap();
            text[held].to_owned()
        };
        let said = [show(Some(Limit::Rate)), show(Some(Limit::Rest)), show(None)].concat();
        insta::assert_snapshot!(said, @r"
        held        by nothing, but limited to 20,000 rows/s by the operator
        limits      slices of 20 ms, 3 workers, 20,000 rows/s by the operator; 50 % of the time at rest by
                    the plan
        held        by nothing, but limited to 50 % of the time at rest by the plan
        limits      slices of 20 ms, 3 workers, 20,000 rows/s by the operator; 50 % of the time at rest by
                    the plan
        held        by nothing: it goes at full speed
        limits      slices of 20 ms, 3 workers, 20,000 rows/s by the operator; 50 % of the time at rest by
                    the plan
        ");
    }

    #[test]
    fn backfilling_at_full_speed() {
        insta::assert_snapshot!(show(&backfilling(), true, vec![users(420_000)], vec![]), @r"
        rollout     20261122_full_name · id 7 · schema public
        state       backfilling: rows are being filled, then proved
                    1 of 4 steps done, in hand: fill users (full_name); started 3 min 15 s ago
        held        by nothing: it goes at full speed
        rows        users ██████░░░░░░░░░░ 420,000 of about 1,000,000 rows (42 %), 81,000 rows/s, 7 s left
        supervisor  host:4711 (term 3) is alive
        versions    public_20261120_orders (previous, live), public_full_name (new, not published yet)
        next        when every row is filled and every constraint proved, the new version is published:
                    `ready`
        ");
    }

    #[test]
    fn paused_by_the_operator_without_a_supervisor() {
        let mut records = backfilling();
        records.push(Record::Held { hold: operator_pause() });
        insta::assert_snapshot!(show(&records, false, vec![users(420_000)], vec![]), @r"
        rollout     20261122_full_name · id 7 · schema public
        state       backfilling: rows are being filled, then proved
                    1 of 4 steps done, in hand: fill users (full_name); started 3 min 15 s ago
        held        paused by the operator: deploy freeze; for 1 min 15 s, since 2026-11-22 07:00:00Z
        rows        users ██████░░░░░░░░░░ 420,000 of about 1,000,000 rows (42 %)
        supervisor  not alive: host:4711 (term 3) was last, until 1 min ago
        versions    public_20261120_orders (previous, live), public_full_name (new, not published yet)
        next        nothing moves: `segue resume` lifts the pause and supervises in that terminal from where
                    it stopped
                    when every row is filled and every constraint proved, the new version is published:
                    `ready`
                    `segue rollback` goes back to the old version instead
        ");
    }

    #[test]
    fn ready_for_as_long_as_one_likes() {
        let done = vec![filled("users", 1_000_000)];
        insta::assert_snapshot!(show(&ready(), false, done, vec![]), @r"
        rollout     20261122_full_name · id 7 · schema public
        state       ready: both versions are live
                    3 of 4 steps done; started 3 min 15 s ago
        rows        users ████████████████ 1,000,000 rows filled, none left
        supervisor  none is needed; host:4711 (term 3) was last, until 1 min ago
        versions    public_20261120_orders (previous, live), public_full_name (new, live)
        next        both versions stay live until `segue complete` (removes the old one; `segue clients`
                    shows who uses it) or `segue rollback` (removes the new one)
        ");
    }

    #[test]
    fn failed_with_an_error() {
        let mut records = backfilling();
        let error = "filling users: ERROR 22012: division by zero\nrow id = 4711".to_owned();
        records.push(Record::StateChanged {
            from: State::Backfilling,
            to: State::Failed,
            error: Some(error),
        });
        insta::assert_snapshot!(show(&records, false, vec![users(420_000)], vec![]), @r"
        rollout     20261122_full_name · id 7 · schema public
        state       failed: it stopped on an error while backfilling
                    1 of 4 steps done, stopped at: fill users (full_name); started 3 min 15 s ago
        error       filling users: ERROR 22012: division by zero
                    row id = 4711
        rows        users ██████░░░░░░░░░░ 420,000 of about 1,000,000 rows (42 %)
        supervisor  none now; host:4711 (term 3) was last, until 1 min ago
        versions    public_20261120_orders (previous, live), public_full_name (new, not published yet)
        next        remove the error's cause, then `segue resume` tries again where it stopped;
                    `segue rollback` goes back
        ");
    }

    #[test]
    fn rolled_back_by_a_guard() {
        let mut records = backfilling();
        records.push(Record::Held { hold: throttle() });
        records.push(Record::RollbackDecided {
            guard: Some("replication_lag".into()),
            reason: None,
            evidence: serde_json::Value::Null,
        });
        records.extend([to(State::RollingBack), to(State::RolledBack)]);
        insta::assert_snapshot!(show(&records, false, vec![], vec![]), @r"
        rollout     20261122_full_name · id 7 · schema public
        state       rolled_back: the schema is as it was before; guard replication_lag asked for it
                    ended 15 s ago, took 3 min
        supervisor  none is needed; host:4711 (term 3) was last, until 1 min ago
        versions    public_20261120_orders (previous, live)
        next        nothing: `segue start` begins anew, `segue log` tells what happened
        ");
    }

    #[test]
    fn every_width_and_every_text_can_be_shown() {
        let mut records = backfilling();
        let reason = Some("\x1b[31mred\x1b[0m ".repeat(50));
        records.push(Record::Held { hold: Hold { reason, ..operator_pause() } });
        let state = folded(&records);
        let facts = Facts { id: 7, started_at: at(0), ended_at: None, limits: Tuning::default() };
        let status = Status::of(facts, &program(), &state, None, vec![users(1)], signals());
        for width in [0, 1, 39, 40, 69, 70, 500] {
            let text = render_within(&status, at(-5000), width, Paint::PLAIN);
            assert!(!text.contains('\x1b'), "{text}");
            let longest = text.lines().map(human::width).max().unwrap();
            assert!(longest <= width.max(LEAST_WIDTH) + 20, "{width}: {text}");
        }
    }
}
