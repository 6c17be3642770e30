//! Scenarios of a rollout's life, driven by hand under no clock at all.

use super::*;
use crate::compile::program::Program;
use crate::control::hold::HoldKind;
use crate::control::state::StepFacts;
use crate::control::tuning::Change;
use crate::plan::limits::{Cap, Limit};

fn facts(phase: Phase, undoable: bool) -> StepFacts {
    StepFacts { phase, undoable, transactional: true, repeatable: true, filled_by: None }
}

/// Expand, backfill, publish, contract; driven by hand.
struct Rig {
    state: RolloutState,
    effects: Vec<Effect>,
    journal: Vec<Record>,
}

impl Rig {
    fn new(goal: Goal) -> Rig {
        let program = Program {
            format: 1,
            plan: "p".into(),
            description: None,
            schema: "public".into(),
            version_schema: "public_p".into(),
            previous_version_schema: None,
            checks: vec![],
            views: vec![],
            objects: Vec::new(),
            types: Default::default(),
            owned: Default::default(),
            steps: vec![],
        };
        let mut state = RolloutState::new(&program, goal);
        state.steps = vec![
            facts(Phase::Expand, true),
            StepFacts { transactional: false, ..facts(Phase::Backfill, false) },
            StepFacts { transactional: false, ..facts(Phase::Backfill, true) },
            facts(Phase::Backfill, true),
            facts(Phase::Contract, false),
        ];
        state.status = vec![StepStatus::Pending; 5];
        Rig { state, effects: vec![], journal: vec![] }
    }

    fn send(&mut self, event: Event) -> Vec<Effect> {
        let (out, hand) = advance(&self.state, event, Timestamp::UNIX_EPOCH, 0.5);
        for record in &out.records {
            self.state.fold(record);
        }
        self.journal.extend(out.records);
        self.state.hand = hand;
        self.effects.extend(out.effects.clone());
        out.effects
    }

    fn ended(&mut self, step: usize, direction: Direction) -> Vec<Effect> {
        self.send(Event::StepEnded { step, direction, outcome: Outcome::Done, recorded: false })
    }

    fn command(&mut self, kind: CommandKind) -> Vec<Effect> {
        self.send(Event::Command { id: 1, kind, by: "me".into(), reason: None, lasting: None, fault: None })
    }
}

fn run(step: usize) -> Vec<Effect> {
    vec![Effect::Run { step, direction: Direction::Forward }]
}

fn back(step: usize) -> Vec<Effect> {
    vec![Effect::Run { step, direction: Direction::Back }]
}

fn pause_by(guard: &str) -> Hold {
    Hold {
        kind: HoldKind::Pause,
        by: guard.into(),
        subject: None,
        reason: None,
        reading: Some(12.0),
        threshold: Some(10.0),
        unit: Some("s".into()),
        culprit: None,
        since: Timestamp::UNIX_EPOCH,
        until: None,
    }
}

#[test]
fn goes_through_its_life_and_refolds_to_the_same_state() {
    let mut rig = Rig::new(Goal::Completed);
    assert_eq!(rig.send(Event::Up), run(0));
    for step in 0..3 {
        assert_eq!(rig.ended(step, Direction::Forward), run(step + 1));
    }
    assert_eq!(rig.ended(3, Direction::Forward), vec![Effect::Look { clients: true }]);
    assert_eq!(rig.state.state, State::Ready);
    assert_eq!(rig.send(Event::Looked { users: vec![], faults: vec![] }), run(4));
    assert_eq!(rig.ended(4, Direction::Forward), vec![Effect::Stop(Ending::Completed)]);
    let mut again = Rig::new(Goal::Completed).state;
    rig.journal.iter().for_each(|record| again.fold(record));
    again.hand = rig.state.hand;
    assert_eq!(again, rig.state);
}

#[test]
fn a_pause_begins_nothing_and_a_resume_goes_on() {
    let mut rig = Rig::new(Goal::Ready);
    rig.command(CommandKind::Pause);
    assert_eq!(rig.send(Event::Up), vec![]);
    assert!(rig.state.is_paused());
    assert_eq!(rig.command(CommandKind::Resume), run(0));
}

#[test]
fn a_persons_pause_is_not_lifted_by_a_guard() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    rig.command(CommandKind::Pause);
    rig.send(Event::Guards { holds: vec![pause_by("replication_lag")], cancel: false, rollback: None });
    assert_eq!(rig.ended(0, Direction::Forward), vec![]);
    assert_eq!(rig.send(Event::Guards { holds: vec![], cancel: false, rollback: None }), vec![]);
    assert_eq!(rig.state.holds().len(), 1);
    assert_eq!(rig.command(CommandKind::Resume), run(1));
}

#[test]
fn rolls_back_what_was_done_and_what_may_have_been() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    rig.ended(0, Direction::Forward);
    rig.ended(1, Direction::Forward);
    // Step 2 is in hand: it is cancelled, and since it cannot be in a transaction, undone too.
    assert_eq!(rig.command(CommandKind::Rollback), vec![Effect::Cancel]);
    let stopped = Event::StepEnded {
        step: 2,
        direction: Direction::Forward,
        outcome: Outcome::Stopped,
        recorded: false,
    };
    assert_eq!(rig.send(stopped), back(2));
    assert_eq!(rig.ended(2, Direction::Back), back(0));
    assert_eq!(rig.ended(0, Direction::Back), vec![Effect::Stop(Ending::RolledBack { by_guard: None })]);
    assert_eq!(rig.state.state, State::RolledBack);
}

#[test]
fn a_transactional_step_not_ended_did_not_happen() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    rig.command(CommandKind::Rollback);
    let stopped = Event::StepEnded {
        step: 0,
        direction: Direction::Forward,
        outcome: Outcome::Stopped,
        recorded: false,
    };
    assert_eq!(rig.send(stopped), vec![Effect::Stop(Ending::RolledBack { by_guard: None })]);
}

#[test]
fn a_guard_rolls_back_up_to_ready_and_never_from_the_contract() {
    let cause = || Some(RollbackCause { guard: "replication_lag".into(), evidence: serde_json::json!({}) });
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    rig.ended(0, Direction::Forward);
    rig.send(Event::Guards { holds: vec![pause_by("replication_lag")], cancel: false, rollback: cause() });
    assert_eq!(rig.state.state, State::RollingBack);
    // The guard's own pause does not stop the way back.
    let stopped = Event::StepEnded {
        step: 1,
        direction: Direction::Forward,
        outcome: Outcome::Stopped,
        recorded: false,
    };
    assert_eq!(rig.send(stopped), back(0));
    assert_eq!(
        rig.ended(0, Direction::Back),
        vec![Effect::Stop(Ending::RolledBack { by_guard: Some("replication_lag".into()) })]
    );

    let mut rig = Rig::new(Goal::Completed);
    rig.send(Event::Up);
    (0..4).for_each(|step| drop(rig.ended(step, Direction::Forward)));
    rig.send(Event::Looked { users: vec![], faults: vec![] });
    assert_eq!(rig.state.state, State::Contracting);
    rig.send(Event::Guards { holds: vec![], cancel: false, rollback: cause() });
    assert_eq!(rig.state.state, State::Contracting);
    rig.command(CommandKind::Rollback);
    assert_eq!(rig.state.state, State::Contracting);
}

#[test]
fn old_version_in_use_refuses_the_contract_and_asks_again_next_time() {
    let mut rig = Rig::new(Goal::Completed);
    rig.send(Event::Up);
    (0..4).for_each(|step| drop(rig.ended(step, Direction::Forward)));
    let users = vec!["billing".to_owned()];
    assert_eq!(
        rig.send(Event::Looked { users: users.clone(), faults: vec![] }),
        vec![Effect::Stop(Ending::Refused { users })]
    );
    assert_eq!(rig.command(CommandKind::Complete { force: false }), vec![Effect::Look { clients: true }]);
}

#[test]
fn what_is_not_there_refuses_the_contract_and_force_is_no_way_around() {
    let mut rig = Rig::new(Goal::Completed);
    rig.send(Event::Up);
    (0..4).for_each(|step| drop(rig.ended(step, Direction::Forward)));
    let faults = vec!["t: the trigger is not there".to_owned()];
    let found = Event::Looked { users: vec![], faults: faults.clone() };
    let ended = vec![Effect::Stop(Ending::NotWhole { faults })];
    assert_eq!(rig.send(found.clone()), ended);
    let forced = CommandKind::Complete { force: true };
    assert_eq!(rig.command(forced.clone()), vec![Effect::Look { clients: false }]);
    assert_eq!(rig.send(found), ended);
    assert_eq!((rig.state.state, rig.state.contract_allowed), (State::Ready, false));
    // Mended.
    assert_eq!(rig.command(forced), vec![Effect::Look { clients: false }]);
    assert_eq!(rig.send(Event::Looked { users: vec![], faults: vec![] }), run(4));
    assert_eq!(rig.state.state, State::Contracting);
}

#[test]
fn failures_are_retried_by_class_and_a_failed_rollout_can_go_on() {
    let failed = |class| Event::StepEnded {
        step: 0,
        direction: Direction::Forward,
        outcome: Outcome::Failed { error: "no".into(), class },
        recorded: false,
    };
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    assert!(matches!(rig.send(failed(FailureClass::Connection))[..], [Effect::Rest(_)]));
    assert_eq!(rig.send(Event::Rested), run(0));
    rig.send(failed(FailureClass::Permanent));
    assert_eq!(rig.state.state, State::Failed);
    rig.state.hand = Hand::default();
    assert_eq!(rig.send(Event::Up), run(0));
    assert_eq!((rig.state.state, rig.state.error.clone()), (State::Expanding, None));
}

#[test]
fn interrupt_drains_first_and_cancels_second() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    assert_eq!(rig.send(Event::Interrupt), vec![Effect::Drain]);
    assert_eq!(rig.send(Event::Interrupt), vec![Effect::Cancel]);
    assert_eq!(rig.ended(0, Direction::Forward), vec![Effect::Stop(Ending::Interrupted)]);
}

#[test]
fn what_was_seen_before_a_pause_is_no_permission_after_it() {
    let mut rig = Rig::new(Goal::Completed);
    rig.state.status[..4].fill(StepStatus::Done);
    assert_eq!(rig.send(Event::Up), vec![Effect::Look { clients: true }]);
    assert_eq!(rig.command(CommandKind::Pause), vec![]);
    assert_eq!(rig.send(Event::Looked { users: vec![], faults: vec![] }), vec![]);
    assert!(!rig.state.contract_allowed);
    assert_eq!(rig.command(CommandKind::Resume), vec![Effect::Look { clients: true }]);
    assert_eq!(rig.send(Event::Looked { users: vec![], faults: vec![] }), run(4));
}

#[test]
fn who_postponed_it_is_known_until_it_is_tried_again() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    let outcome = Outcome::Postponed { blockers: "pid 7".into() };
    rig.send(Event::StepEnded { step: 0, direction: Direction::Forward, outcome, recorded: false });
    assert_eq!(rig.state.postponed_by.as_deref(), Some("pid 7"));
    rig.state.fold(&Record::SupervisorUp { holder: "h:1".into(), term: 2, version: "0".into() });
    assert_eq!(rig.state.postponed_by, None);
}

#[test]
fn limits_are_tuned_by_records_while_rows_are_filled() {
    let tune = |text| CommandKind::Tune(Change::of(Limit::Rate, text).unwrap());
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    assert_eq!(rig.command(tune("20000")), vec![]);
    assert_eq!(rig.state.tuned.rate, Some(Cap::At(20_000)));
    // What cannot be is journalled with the reason, and changes nothing.
    let fault = Some("`rate` must be …".to_owned());
    let kind = CommandKind::Tune(Change::default());
    rig.send(Event::Command {
        id: 2,
        kind,
        by: "me".into(),
        reason: None,
        lasting: None,
        fault: fault.clone(),
    });
    assert!(matches!(rig.journal.last(), Some(Record::CommandTaken { refused, .. }) if *refused == fault));
    // Whoever takes over folds the same limits.
    let mut other = RolloutState { tuned: Change::default(), ..rig.state.clone() };
    rig.journal.iter().for_each(|record| other.fold(record));
    assert_eq!(other.tuned, rig.state.tuned);
    rig.command(CommandKind::Rollback);
    rig.command(tune("off"));
    assert_eq!(rig.state.tuned.rate, Some(Cap::At(20_000)));
    assert!(matches!(rig.journal.last(), Some(Record::CommandTaken { refused: Some(_), .. })));
}

/// A moment of simulated time: so many seconds after the rig's own.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

impl Rig {
    fn send_at(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let (out, hand) = advance(&self.state, event, now, 0.5);
        out.records.iter().for_each(|record| self.state.fold(record));
        self.journal.extend(out.records);
        self.state.hand = hand;
        out.effects
    }

    fn pause_for(&mut self, seconds: Option<u64>, now: Timestamp) -> Option<String> {
        let lasting = seconds.map(Duration::from_secs);
        let (id, kind, by, reason) = (1, CommandKind::Pause, "me".to_owned(), None);
        self.send_at(Event::Command { id, kind, by, reason, lasting, fault: None }, now);
        let taken = self.journal.iter().rev().find_map(|record| match record {
            Record::CommandTaken { refused, .. } => Some(refused.clone()),
            _ => None,
        });
        taken.unwrap()
    }
}

#[test]
fn a_pause_with_an_end_lifts_itself_then_and_not_before() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    rig.ended(0, Direction::Forward);
    assert_eq!(rig.pause_for(Some(1800), at(0)), None);
    assert_eq!(rig.state.operator_pause.as_ref().unwrap().until, Some(at(1800)));
    assert_eq!(rig.send_at(Event::Tick, at(1799)), vec![]);
    assert!(rig.state.is_paused() && !rig.state.is_due(at(1799)) && rig.state.is_due(at(1800)));
    rig.send_at(Event::Tick, at(1800));
    assert!(!rig.state.is_paused());
    assert!(matches!(rig.journal.last(), Some(Record::Released { hold }) if hold.by == OPERATOR));
    // Of two ends the later one counts, whoever came first.
    rig.pause_for(Some(600), at(2000));
    rig.pause_for(Some(60), at(2000));
    assert_eq!(rig.state.operator_pause.as_ref().unwrap().until, Some(at(2600)));
}

#[test]
fn a_pause_without_an_end_is_never_given_one() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    assert_eq!(rig.pause_for(Some(60), at(0)), None);
    // One without an end over one with it: from now on only a person lifts it.
    assert_eq!(rig.pause_for(None, at(1)), None);
    assert!(rig.pause_for(Some(60), at(2)).unwrap().contains("not given an end"));
    rig.send_at(Event::Tick, Timestamp::MAX);
    assert!(rig.state.is_paused());
}

#[test]
fn a_pause_that_ended_while_nobody_was_there_is_lifted_by_the_next() {
    let mut rig = Rig::new(Goal::Ready);
    rig.pause_for(Some(60), at(0));
    assert_eq!(rig.send_at(Event::Up, at(59)), vec![]);
    let mut rig = Rig::new(Goal::Ready);
    rig.pause_for(Some(60), at(0));
    assert_eq!(rig.send_at(Event::Up, at(60)), run(0));
}

fn held() -> CommandKind {
    CommandKind::HoldContract
}

#[test]
fn a_held_contract_stops_at_ready_and_complete_is_refused_with_who_and_why() {
    let mut rig = Rig::new(Goal::Completed);
    rig.send(Event::Up);
    let reason = Some("audit".to_owned());
    rig.send(Event::Command { id: 1, kind: held(), by: "alice".into(), reason, lasting: None, fault: None });
    (0..3).for_each(|step| drop(rig.ended(step, Direction::Forward)));
    let stopped = rig.ended(3, Direction::Forward);
    let hold = rig.state.contract_hold.clone().unwrap();
    assert_eq!(stopped, vec![Effect::Stop(Ending::ContractHeld { hold })]);
    assert_eq!((rig.state.state, rig.state.goal), (State::Ready, Goal::Ready));
    for kind in [CommandKind::Complete { force: true }, CommandKind::Complete { force: false }, held()] {
        let why = rig.state.refusal(&kind).unwrap();
        assert!(why.contains("alice holds the contract: audit"), "{why}");
        assert_eq!(rig.command(kind), vec![]);
    }
    // The way back is open all the time.
    assert_eq!(rig.state.refusal(&CommandKind::Rollback), None);
    rig.command(CommandKind::ReleaseContract);
    assert_eq!(rig.state.contract_hold, None);
    assert_eq!(rig.command(CommandKind::Complete { force: false }), vec![Effect::Look { clients: true }]);
    // Held between the look and the contract: it does not begin.
    let reason = Some("wait".to_owned());
    rig.send(Event::Command { id: 2, kind: held(), by: "bob".into(), reason, lasting: None, fault: None });
    let ended = rig.send(Event::Looked { users: vec![], faults: vec![] });
    assert!(matches!(&ended[..], [Effect::Stop(Ending::ContractHeld { hold })] if hold.by == "bob"));
    assert!(!rig.state.contract_allowed);
}

#[test]
fn a_contract_that_has_begun_is_not_held() {
    let mut rig = Rig::new(Goal::Completed);
    rig.send(Event::Up);
    (0..4).for_each(|step| drop(rig.ended(step, Direction::Forward)));
    rig.send(Event::Looked { users: vec![], faults: vec![] });
    assert!(rig.state.refusal(&held()).unwrap().contains("`segue pause`"));
    assert!(rig.state.refusal(&CommandKind::ReleaseContract).unwrap().contains("nobody"));
}

#[test]
fn a_standby_is_ignored_until_its_time_is_over() {
    let ignore = |standby: &str| CommandKind::IgnoreStandby { standby: standby.into(), until: at(60) };
    let mut rig = Rig::new(Goal::Ready);
    rig.state.expected_standbys = vec!["standby1".into()];
    rig.send(Event::Up);
    rig.command(ignore("standby1"));
    assert_eq!(rig.state.ignored_standbys.get("standby1"), Some(&at(60)));
    rig.send_at(Event::Tick, at(59));
    assert_eq!(rig.state.ignored_standbys.len(), 1);
    rig.send_at(Event::Tick, at(60));
    assert!(rig.state.ignored_standbys.is_empty());
    assert!(matches!(rig.journal.last(), Some(Record::StandbyCounts { .. })));
    // A name that nobody has would be ignored to no effect.
    rig.command(ignore("standby2"));
    assert!(rig.state.ignored_standbys.is_empty());
    assert!(rig.state.refusal(&ignore("standby2")).unwrap().contains("there are: standby1"));
}

fn server(timeline: &str, started: &str, position: u64) -> Event {
    let seen = Server {
        system: "7".into(),
        timeline: Some(timeline.into()),
        started: started.into(),
        in_recovery: false,
        read_only: false,
        position: Some(crate::lsn::Lsn(position)),
    };
    Event::Server { seen }
}

#[test]
fn a_restart_is_noted_and_a_promotion_ends_what_goes_by_memory() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(server("00000001", "monday", 10));
    rig.send(Event::Up);
    assert!(rig.send(server("00000001", "monday", 20)).is_empty());
    assert!(rig.send(server("00000001", "tuesday", 30)).is_empty());
    let seen = rig.journal.iter().filter(|record| matches!(record, Record::ServerSeen { .. })).count();
    assert_eq!(seen, 2, "the first look and the restart");
    // The step in hand is cut off, and what it came to is not written: the journal there may not have come so far.
    assert_eq!(rig.send(server("00000002", "monday", 5)), [Effect::Cancel]);
    assert!(rig.send(server("00000002", "monday", 6)).is_empty(), "once is enough");
    let written = rig.journal.len();
    let effects = rig.ended(0, Direction::Forward);
    assert!(matches!(effects[..], [Effect::Stop(Ending::Elsewhere { .. })]), "{effects:?}");
    assert_eq!(rig.journal.len(), written);
}

#[test]
fn a_log_that_goes_back_is_another_history() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(server("00000001", "monday", 10));
    rig.send(server("00000001", "monday", 1000));
    let effects = rig.send(server("00000001", "monday", 999));
    assert!(
        matches!(&effects[..], [Effect::Stop(Ending::Elsewhere { why })] if why.contains("earlier position"))
    );
}

#[test]
fn a_session_refused_by_a_successor_ends_the_run_and_fails_nothing() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    let outcome =
        Outcome::Failed { error: "another server was promoted".into(), class: FailureClass::Elsewhere };
    let event = Event::StepEnded { step: 0, direction: Direction::Forward, outcome, recorded: false };
    let effects = rig.send(event);
    assert!(matches!(&effects[..], [Effect::Stop(Ending::Elsewhere { why })] if why.contains("promoted")));
    assert_eq!(rig.state.state, State::Expanding);
}

#[test]
fn what_a_successor_lacks_fails_and_can_be_resumed() {
    let mut rig = Rig::new(Goal::Ready);
    let faults = vec!["users: the trigger x is disabled".to_owned()];
    let effects = rig.send(Event::Lacks { faults });
    assert!(
        matches!(&effects[..], [Effect::Stop(Ending::Failed { error })] if error.contains("the trigger x"))
    );
    assert_eq!(rig.state.state, State::Failed);
    rig.state.hand = Hand::default();
    assert_eq!(rig.send(Event::Up), run(0));
}

#[test]
fn a_server_that_is_not_to_be_written_to_holds_a_rollback_as_well() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    rig.ended(0, Direction::Forward);
    let hold = |by: &str| Hold {
        kind: HoldKind::Pause,
        by: by.into(),
        subject: None,
        reason: None,
        reading: None,
        threshold: None,
        unit: None,
        since: Timestamp::UNIX_EPOCH,
        until: None,
        culprit: None,
    };
    rig.command(CommandKind::Rollback);
    for (by, held) in [("replication_lag", false), (crate::control::server::ALONE, true)] {
        rig.send(Event::Guards { holds: vec![hold(by)], cancel: false, rollback: None });
        assert_eq!(rig.state.is_paused(), held, "{by}");
    }
}

#[test]
fn another_primary_has_other_standbys() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(server("00000001", "monday", 10));
    rig.state.fold(&Record::StandbysExpected { names: vec!["standby1".into()] });
    let Event::Server { seen } = server("00000001", "tuesday", 20) else { unreachable!("it is one") };
    rig.state.fold(&Record::ServerSeen { server: seen });
    assert_eq!(rig.state.expected_standbys, ["standby1"]);
    let Event::Server { seen } = server("00000002", "tuesday", 20) else { unreachable!("it is one") };
    rig.state.fold(&Record::ServerSeen { server: seen });
    assert!(rig.state.expected_standbys.is_empty());
}

#[test]
fn a_commit_that_is_only_here_waits_for_a_person() {
    let mut rig = Rig::new(Goal::Ready);
    rig.send(Event::Up);
    rig.send(Event::Unreplicated { what: "prepare users".into() });
    assert_eq!(rig.ended(0, Direction::Forward), vec![]);
    let held = rig.state.holds().remove(0);
    assert!(held.reason.unwrap().contains("\"prepare users\"") && held.until.is_none());
    assert_eq!(rig.send(Event::Guards { holds: vec![], cancel: false, rollback: None }), vec![]);
    assert_eq!(rig.command(CommandKind::Resume), run(1));
}

#[test]
fn what_is_shed_is_filled_again_whatever_was_done_meanwhile() {
    let mut rig = Rig::new(Goal::Ready);
    rig.state.steps[0].filled_by = Some(1);
    let (shed, restore) = (|| CommandKind::Shed { steps: vec![0] }, || CommandKind::Restore);
    let refused = |rig: &Rig, kind: &CommandKind| rig.state.refusal(kind).unwrap_or_default();
    assert!(refused(&rig, &shed()).contains("no sync trigger is there yet"));
    rig.send(Event::Up);
    rig.ended(0, Direction::Forward);
    assert_eq!(rig.state.sheddable(), [0]);
    assert!(refused(&rig, &restore()).contains("nothing is shed"));
    assert_eq!(rig.command(shed()), vec![Effect::Drain]);
    assert!(rig.state.is_paused() && refused(&rig, &shed()).contains("it is shed already"));
    // It came to its end before it was told to stop.
    assert_eq!(rig.ended(1, Direction::Forward), vec![]);
    assert_eq!(rig.state.status[1], StepStatus::Begun);
    // A person's resume is of a person's pause.
    assert_eq!(rig.command(CommandKind::Resume), vec![]);
    assert_eq!(rig.send(Event::Restored), vec![], "nobody has put the triggers back");
    assert_eq!(rig.command(restore()), vec![]);
    assert!(rig.state.is_paused() && refused(&rig, &restore()).contains("already"));
    let mut other = Rig::new(Goal::Ready).state;
    other.steps.clone_from(&rig.state.steps);
    rig.journal.iter().for_each(|record| other.fold(record));
    other.hand = rig.state.hand;
    assert_eq!(other, rig.state);
    assert_eq!(rig.send(Event::Restored), run(1));
    assert_eq!(rig.ended(1, Direction::Forward), run(2));
    assert!(refused(&rig, &shed()).contains("every row is filled"));
}

#[test]
fn a_rollback_takes_shed_triggers_away() {
    let mut rig = Rig::new(Goal::Ready);
    rig.state.steps[0].filled_by = Some(1);
    rig.send(Event::Up);
    rig.ended(0, Direction::Forward);
    rig.command(CommandKind::Shed { steps: vec![0] });
    let stopped = Outcome::Stopped;
    rig.send(Event::StepEnded { step: 1, direction: Direction::Forward, outcome: stopped, recorded: false });
    assert_eq!(rig.command(CommandKind::Rollback), back(0));
    assert!(rig.state.shed.is_none() && !rig.state.is_paused());
}
