//! Owns the one loop that advances a rollout: events in, `control::advance`, journal, effects out.
//! Must not decide: every choice is control's.

mod asked;
mod awaiting;
pub mod begin;
mod elsewhere;
mod glance;
pub mod keeper;
mod normal;
mod quiet;
mod shedding;
pub mod told;

use crate::clock;
use crate::compile::program::Program;
use crate::control::advance::{Effect, Ending, Event, RollbackCause, advance};
use crate::control::baseline::Learner;
use crate::control::exception::{Exception, Exceptional};
use crate::control::guard::{self, GuardState, Verdict};
use crate::control::hold::HoldKind;
use crate::control::lease::Lease as Trust;
use crate::control::moved::Clocks;
use crate::control::policy::Policy;
use crate::control::progress::{Speed, TableProgress};
use crate::control::record::{CommandKind, Record};
use crate::control::server::{Change, Server};
use crate::control::signal::Reading;
use crate::control::state::{Leaving, RolloutState, State, StepStatus};
use crate::control::tuning::Tuning;
use crate::control::{exception, hold::Hold, ignored, ladder, thresholds};
use crate::execute::backfill::bare_name;
use crate::execute::board::Board;
use crate::execute::gate::{Gate, Permit};
use crate::execute::standbys::{Standby, Standbys};
use crate::execute::{Ended, Work};
use crate::monitor::{self, MonitorHandle, MonitorState, Watch};
use crate::pg::{Config, Pool, Setup};
use crate::store;
use awaiting::{looking, monitor_died, overheard, resting, running};
use keeper::Keeper;
use serde_json::json;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use told::{Glance, Told};

/// How often operators' commands are looked for: in force within this and one slice.
const COMMANDS_EVERY: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
/// The guards' word that work may go on is good for this long.
const PERMIT: Duration = Duration::from_secs(2);
/// How long to wait for the monitor's first look before it counts as blind.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// What a supervisor needs from whoever runs it.
pub struct Outside {
    pub config: Config,
    /// Those that can be asked who reads there.
    pub standbys: Vec<Standby>,
    pub tell: mpsc::UnboundedSender<Told>,
    /// One message for each Ctrl-C.
    pub interrupts: mpsc::UnboundedReceiver<()>,
    /// While this file is there, nothing is done: for who does not reach the database.
    pub flag_file: Option<PathBuf>,
}

/// A supervisor holding the lease of its rollout.
pub struct Supervisor {
    outside: Outside,
    keeper: Keeper,
    rollout: store::Rollout,
    program: Arc<Program>,
    /// What it began with; and that with what operators said since.
    stored: Arc<Policy>,
    policy: Arc<Policy>,
    state: RolloutState,
    guards: GuardState,
    learner: Learner,
    clocks: Clocks,
    verdict: Verdict,
    monitor: MonitorHandle,
    readings: watch::Receiver<Arc<MonitorState>>,
    permits: watch::Sender<Permit>,
    work: Work,
    board: Board,
    speeds: HashMap<(usize, String), Speed>,
    begun: Instant,
    running: Option<(usize, crate::control::record::Direction, JoinHandle<Ended>)>,
    looking: Option<JoinHandle<quiet::Looked>>,
    rest_until: Option<tokio::time::Instant>,
    ending: Option<Ending>,
    /// The one that this began with, and what it was to the one of the journal.
    server: Server,
    change: Change,
    /// A person said to go on although every standby is gone.
    alone_accepted: bool,
    /// Who wrote when the shed triggers were put back, and has not ended yet.
    old_writers: Option<Vec<String>>,
    last_info: Instant,
}

impl Supervisor {
    /// Folds the journal and starts the monitor. The lease must be held and the rollout taken over.
    pub async fn new(
        mut outside: Outside,
        mut keeper: Keeper,
        rollout: store::Rollout,
        server: Server,
    ) -> Result<Supervisor, store::Error> {
        outside.interrupts = overheard(outside.interrupts, &mut keeper);
        let contents = store::contents(keeper.session(), rollout.id).await?;
        let (program, stored) = (Arc::new(contents.program), Arc::new(contents.policy));
        let mut state = RolloutState::new(&program, rollout.goal);
        keeper::journal(keeper.session(), rollout.id, |record| state.fold(&record)).await?;
        keeper.found(&rollout, &state);
        let change = state.server.as_ref().map_or(Change::Restarted, |known| known.change(&server));
        // Before anything is expected of it: another primary has other standbys.
        state.fold(&Record::ServerSeen { server: server.clone() });
        let learner = Learner::new(state.status.iter().any(|status| *status != StepStatus::Pending));
        let policy = in_force(&stored, &state);
        let watch = watch_of(&program, &policy, rollout.id, &state.expected_standbys, &outside.standbys);
        let monitor = monitor::start(&keeper.config, watch).map_err(|error| {
            store::Error::Pg(crate::pg::Error::protocol("starting the monitor's thread", error.to_string()))
        })?;
        let readings = monitor.subscribe();
        let tuning = tuning(&policy, &state);
        let (permits, hear) = watch::channel(Permit { tuning, ..Permit::none() });
        let board = Board::default();
        let setup = Setup { search_path: vec![program.schema.clone()], ..Setup::default() }.without_standby();
        let role = format!("{}/work", rollout.id);
        let deadline = crate::execute::SESSION_DEADLINE;
        let pool = Pool::new(&keeper.config, &role, setup, sessions(&tuning), deadline);
        let gate = Gate::new(hear);
        let standbys = Standbys::new(outside.standbys.clone());
        let (program_of, policy_of) = (program.clone(), policy.clone());
        let work = Work::new(pool, program_of, policy_of, keeper.fence, gate, board.clone(), standbys);
        let now = Instant::now();
        Ok(Supervisor {
            outside,
            keeper,
            rollout,
            program,
            stored,
            policy,
            state,
            guards: GuardState::new(),
            learner,
            clocks: Clocks::default(),
            verdict: Verdict::default(),
            monitor,
            readings,
            permits,
            work,
            board,
            speeds: HashMap::new(),
            begun: now,
            running: None,
            looking: None,
            rest_until: None,
            ending: None,
            server,
            change,
            alone_accepted: false,
            old_writers: None,
            last_info: now - SECOND,
        })
    }

    /// Takes in what operators asked, begins nothing, and gives the lease up.
    pub async fn visit(mut self) -> Result<(), store::Error> {
        self.take_commands().await?;
        self.monitor.stop();
        self.keeper.say_state(&self.state).await?;
        self.keeper.release().await
    }

    async fn supervise(&mut self) -> Result<Ending, store::Error> {
        let holder = self.keeper.lease.holder.clone();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let up = Record::SupervisorUp { holder, term: self.keeper.lease.term, version };
        let moved = (self.change != Change::Same).then(|| Record::ServerSeen { server: self.server.clone() });
        self.note([up].into_iter().chain(moved).collect()).await?;
        let deadline = tokio::time::Instant::now() + FIRST_LOOK;
        // The lock signals are there once they passed their test, others once each was asked for.
        let policy = self.policy.clone();
        let unread = |seen: &MonitorState| {
            let unread = |reading: &Reading| {
                policy.guard(&reading.name).is_some()
                    && reading.detail.as_deref() == Some(monitor::NOT_READ_YET)
            };
            seen.at.is_none() || seen.snapshot.readings.iter().any(unread)
        };
        while unread(&self.readings.borrow_and_update()) {
            // A monitor that has died answers at once, and for ever: that is for the loop below to say.
            if !matches!(tokio::time::timeout_at(deadline, self.readings.changed()).await, Ok(Ok(()))) {
                break;
            }
        }
        self.take_commands().await?;
        self.heed_flag().await?;
        self.judge().await?;
        if self.change.may_have_lost() {
            self.verify_successor().await?;
        }
        if self.ending.is_none() {
            self.take(Event::Up).await?;
        }
        let mut commands = interval(COMMANDS_EVERY);
        let mut seconds = interval(SECOND);
        commands.set_missed_tick_behavior(MissedTickBehavior::Delay);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.ending.is_none() {
            tokio::select! {
                changed = self.readings.changed() => match changed {
                    Ok(()) => self.judge().await?,
                    // The monitor's thread died: no permit is issued any more, and work stops by itself.
                    Err(_) => return Err(monitor_died()),
                },
                _ = commands.tick() => {
                    self.heed_clock().await?;
                    self.heed_flag().await?;
                    self.take_commands().await?;
                    if self.state.is_due(clock::now()) {
                        self.take(Event::Tick).await?;
                        self.tune().await?;
                    }
                }
                _ = seconds.tick() => self.each_second().await?,
                ended = running(&mut self.running) => {
                    let (step, direction, ended) = ended;
                    self.running = None;
                    self.glance();
                    self.note_remarks().await?;
                    // Before the next step is begun.
                    self.note_unreplicated().await?;
                    let event = Event::StepEnded { step, direction, outcome: ended.outcome, recorded: ended.recorded };
                    self.take(event).await?;
                }
                quiet::Looked { users, faults } = looking(&mut self.looking) => {
                    self.looking = None;
                    self.take(Event::Looked { users, faults }).await?;
                }
                () = resting(self.rest_until) => {
                    self.rest_until = None;
                    self.take(Event::Rested).await?;
                }
                Some(()) = self.outside.interrupts.recv() => self.take(Event::Interrupt).await?,
            }
        }
        self.glance();
        let ending = self.ending.take().expect("the loop ends with an ending");
        if !matches!(ending, Ending::LeaseLost | Ending::Elsewhere { .. }) {
            self.note(vec![Record::SupervisorLeft { why: ending.words().to_owned() }]).await?;
        }
        Ok(ending)
    }

    /// One event through control: records first, effects after.
    async fn take(&mut self, event: Event) -> Result<(), store::Error> {
        if !matches!(event, Event::ClockMoved { .. }) {
            Box::pin(self.heed_clock()).await?;
        }
        if let Event::StepEnded { step, direction, outcome, recorded: true } = &event {
            // Journalled in the step's own transaction: only to be folded and told.
            let record = Record::StepEnded { step: *step, direction: *direction, outcome: outcome.clone() };
            self.state.fold(&record);
            let _ = self.outside.tell.send(Told::Record { at: clock::now(), record: Box::new(record) });
        }
        let (out, hand) = advance(&self.state, event, clock::now(), fastrand::f64());
        for record in &out.records {
            self.state.fold(record);
        }
        self.state.hand = hand;
        self.persist_and_tell(out.records).await?;
        for effect in out.effects {
            self.carry_out(effect).await;
        }
        self.permit();
        Ok(())
    }

    async fn note(&mut self, records: Vec<Record>) -> Result<(), store::Error> {
        for record in &records {
            self.state.fold(record);
        }
        self.persist_and_tell(records).await
    }

    /// What the step in hand came upon and nobody has to decide.
    async fn note_remarks(&mut self) -> Result<(), store::Error> {
        let remarks = self.board.take_remarks();
        let record = |(what, readings)| Record::Evidence { what, readings };
        if remarks.is_empty() { Ok(()) } else { self.note(remarks.into_iter().map(record).collect()).await }
    }

    /// What was committed here and perhaps nowhere else: the step may have more to wait for.
    async fn note_unreplicated(&mut self) -> Result<(), store::Error> {
        match self.board.take_unreplicated() {
            Some(what) => self.take(Event::Unreplicated { what }).await,
            None => Ok(()),
        }
    }

    async fn persist_and_tell(&mut self, records: Vec<Record>) -> Result<(), store::Error> {
        self.keeper.persist(&records, &self.state).await?;
        let at = clock::now();
        for record in records {
            // Nobody listening is no reason to stop.
            let _ = self.outside.tell.send(Told::Record { at, record: Box::new(record) });
        }
        Ok(())
    }

    async fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Run { step, direction } => {
                self.permits.send_modify(|permit| permit.stop = false);
                let work = self.work.clone();
                let task = tokio::spawn(async move { work.run(step, direction).await });
                self.running = Some((step, direction, task));
            }
            Effect::Rest(length) => self.rest_until = Some(tokio::time::Instant::now() + length),
            Effect::Look { clients } => {
                let look = quiet::look(
                    self.keeper.config.clone(),
                    self.program.clone(),
                    clients.then_some(self.policy.quiet_for),
                );
                self.looking = Some(tokio::spawn(look));
            }
            Effect::Drain => self.permits.send_modify(|permit| permit.stop = true),
            Effect::Cancel => {
                self.permits.send_modify(|permit| permit.stop = true);
                let work = self.work.clone();
                tokio::spawn(async move {
                    if let Err(error) = work.cancel().await {
                        tracing::warn!(%error, "the statement in hand could not be cancelled");
                    }
                });
            }
            Effect::Stop(ending) => self.ending = Some(ending),
        }
    }

    /// Judges the newest readings, and lets work go on accordingly.
    async fn judge(&mut self) -> Result<(), store::Error> {
        self.heed_clock().await?;
        let names = self.readings.borrow().expected_standbys.clone();
        if names.iter().any(|name| !self.state.expected_standbys.contains(name)) {
            let mut all = self.state.expected_standbys.clone();
            all.extend(names);
            all.sort();
            all.dedup();
            self.note(vec![Record::StandbysExpected { names: all }]).await?;
        }
        let now = clock::now();
        let mut measured = self.monitor.snapshot();
        self.learn(&measured, now).await?;
        self.state.baselines.beside(&mut measured.readings);
        let snapshot = exception::seen(measured, &self.state.exceptions, &self.policy, now);
        self.work.standbys.ignore(self.state.ignored_standbys.keys());
        let seen = ignored::without(snapshot, &self.state.ignored_standbys, now);
        self.verdict = guard::fold(&mut self.guards, &seen, &self.policy, now);
        for evidence in std::mem::take(&mut self.verdict.for_a_person) {
            let readings = serde_json::to_value(&evidence).expect("evidence is plain data");
            self.note(vec![Record::Evidence {
                what: format!("not Segue's doing: {}", evidence.signal),
                readings,
            }])
            .await?;
        }
        let rollback = self.verdict.rollback.as_ref().map(|evidence| RollbackCause {
            guard: evidence.signal.clone(),
            evidence: serde_json::to_value(evidence).expect("evidence is plain data"),
        });
        let unfit = self.unfit(&seen);
        let mut holds = self.verdict.holds.clone();
        holds.extend(exception::hold(&self.state.exceptions, now));
        let paused = holds.iter().any(|hold| hold.kind == HoldKind::Pause);
        if !unfit.is_empty() || (paused && self.state.state != State::RollingBack) {
            // At once; the journal comes after.
            self.permits.send_modify(|permit| permit.paused = true);
        }
        holds.extend(unfit);
        self.take(Event::Guards { holds, cancel: self.verdict.cancel, rollback }).await?;
        if let Some(hold) = ladder::judge(&self.state, &self.policy.ladder, now) {
            let what = format!("held for a person: {}", hold.reason.as_deref().unwrap_or_default());
            let readings = json!({"pauses": self.state.pauses, "holds": self.state.guard_holds});
            self.note(vec![Record::Evidence { what, readings }, Record::Held { hold }]).await?;
            self.permit();
        }
        let identity = self.readings.borrow().identity.clone();
        if let Some(seen) = identity {
            self.take(Event::Server { seen }).await?;
        }
        self.glance();
        Ok(())
    }

    /// Says what work may do, until when.
    fn permit(&mut self) {
        let rolling_back = self.state.state == State::RollingBack;
        let looked = match (rolling_back, self.readings.borrow().at) {
            // Going back relieves what the guards guard against; it needs no look.
            (true, _) => Some(Instant::now()),
            (false, at) => at,
        };
        let lease = &self.keeper.lease;
        let trust =
            Trust::granted(lease.term, lease.holder.clone(), lease.confirmed.duration_since(self.begun));
        let until = match looked {
            Some(at) if trust.trusted(self.begun.elapsed()) => at + PERMIT,
            _ => Instant::now(),
        };
        let (paused, share) =
            (self.state.is_paused(), if rolling_back { None } else { self.verdict.throttle });
        self.permits.send_modify(|permit| {
            (permit.until, permit.paused, permit.share) = (until.into(), paused, share);
        });
    }

    /// Puts the limits and thresholds in force that operators asked for: at once, not with the next reading.
    async fn tune(&mut self) -> Result<(), store::Error> {
        let tuning = tuning(&self.policy, &self.state);
        self.work.pool.resize(sessions(&tuning));
        self.permits.send_modify(|permit| permit.tuning = tuning);
        let policy = in_force(&self.stored, &self.state);
        if policy != self.policy {
            self.policy = policy;
            if self.state.hand.up {
                self.judge().await?;
            }
        }
        Ok(())
    }

    /// Looks for the file that pauses. One that cannot be looked for counts as there: it is not known that it is not.
    async fn heed_flag(&mut self) -> Result<(), store::Error> {
        let Some(path) = &self.outside.flag_file else { return Ok(()) };
        let reason = match path.try_exists() {
            Ok(false) => None,
            Ok(true) => Some(format!("{} is there; remove it to go on", path.display())),
            Err(error) => Some(format!("{} cannot be looked for: {error}", path.display())),
        };
        if reason.is_some() == self.state.flag_pause.is_some() {
            return Ok(());
        }
        if reason.is_some() {
            // At once; the journal comes after.
            self.permits.send_modify(|permit| permit.paused = true);
        }
        self.take(Event::Flag { reason }).await
    }

    async fn take_commands(&mut self) -> Result<(), store::Error> {
        for command in self.keeper.commands(&self.rollout).await? {
            crate::failpoint::pass("command_seen").await?;
            let mut event = asked::event(command, &self.policy, clock::now());
            self.shed_or_restore(&mut event).await;
            let Event::Command { kind, .. } = &event else { unreachable!("a command is one") };
            let kind = kind.clone();
            if matches!(kind, CommandKind::Resume | CommandKind::Override { .. }) {
                self.guards.released();
                self.alone_accepted = true;
            }
            if kind == CommandKind::Pause && !self.state.state.is_over() {
                // In force before it is answered: who was told of the pause sees no row change after it.
                self.permits.send_modify(|permit| permit.paused = true);
                self.work.gate.idle(SECOND).await;
            }
            self.take(event).await?;
            match kind {
                CommandKind::Tune(_)
                | CommandKind::TuneFor { .. }
                | CommandKind::TuneGuard { .. }
                | CommandKind::AcceptBlind { .. } => self.tune().await?,
                // In force at once, not with the next reading.
                CommandKind::Drill { .. } | CommandKind::Override { .. } if self.state.hand.up => {
                    self.judge().await?
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn each_second(&mut self) -> Result<(), store::Error> {
        let info = serde_json::to_value(self.glance_now()).expect("a glance is plain data");
        match self.keeper.renew(&info).await {
            Ok(()) => {}
            Err(error) if error.is_superseded() => {
                if self.state.hand.leaving != Some(Leaving::LeaseLost) {
                    self.take(Event::LeaseLost).await?;
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.last_info = Instant::now();
        self.note_remarks().await?;
        self.note_unreplicated().await?;
        self.fill_again().await?;
        self.keeper.say_state(&self.state).await?;
        self.note_clients().await;
        self.permit();
        Ok(())
    }

    /// Keeps who was seen on which version. Missing one note is no harm.
    async fn note_clients(&self) {
        let seen = self.readings.borrow().clone();
        let Some(at) = seen.clients_at else { return };
        let versions = versions(&self.program);
        let noted =
            store::clients_seen(self.keeper.session(), &self.program.schema, &versions, at, &seen.clients)
                .await;
        if let Err(error) = noted {
            tracing::debug!(%error, "who uses which version was not noted");
        }
    }
}

/// One a worker, one to plan their runs, one to look with.
fn sessions(tuning: &Tuning) -> usize {
    tuning.workers as usize + 2
}

fn versions(program: &Program) -> Vec<crate::ident::Ident> {
    program.previous_version_schema.iter().chain([&program.version_schema]).cloned().collect()
}

/// The policy with what operators said since.
fn in_force(stored: &Policy, state: &RolloutState) -> Arc<Policy> {
    let mut policy = thresholds::in_force(stored, &state.thresholds, &state.exceptions, clock::now());
    policy.accepted_blind.extend(state.accepted_blind.iter().cloned());
    policy.accepted_blind.dedup();
    Arc::new(policy)
}

/// The limits with what operators said since.
fn tuning(policy: &Policy, state: &RolloutState) -> Tuning {
    Tuning::of(policy, &exception::limits(&state.tuned, &state.exceptions, clock::now()))
}

/// What the monitor of a rollout watches.
fn watch_of(
    program: &Program,
    policy: &Policy,
    rollout: i64,
    expected: &[String],
    standbys: &[Standby],
) -> Watch {
    Watch {
        tables: program.tables(),
        filled: program.filled(),
        version_schemas: versions(program),
        guards: policy.guards.clone(),
        delayed_standbys: policy.delayed_standbys.clone(),
        role: format!("{rollout}/monitor"),
        own: format!("segue/{rollout}/work"),
        expected_standbys: expected.to_vec(),
        standbys: standbys.iter().map(|one| (one.name.clone(), one.config().clone())).collect(),
        self_test: true,
        ..Watch::new(program.schema.clone())
    }
}
