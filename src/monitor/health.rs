//! Owns the loop over the signals of the server's health: one session, a sampler a file, each at its own
//! rate. Must not know what they measure; one that fails or is slow makes nothing blind but its own.

use super::Watch;
use super::archive::Archive;
use super::checkpoints::Checkpoints;
use super::deadlocks::Deadlocks;
use super::sampling::{Link, Shared, Trouble, note, setup, ticks};
use super::sessions::Sessions;
use super::slots::Slots;
use super::sync::Waits;
use super::tables::Tables;
use crate::control::signal::Reading;
use crate::pg::Session;
use std::time::{Duration, Instant};

/// A signal, or some that are read with one question.
pub(super) trait Sampler {
    /// What it reads, each with its unit.
    const SIGNALS: &'static [(&'static str, &'static str)];
    /// How often; never oftener than the fast signals.
    const EVERY: Duration;

    /// One look. What is not among the readings is gone.
    async fn look(&mut self, session: &Session, watch: &Watch) -> Result<Vec<Reading>, Trouble>;

    /// What was counted may be another server's.
    fn forget(&mut self) {}
}

/// Every signal that is read here.
pub(super) fn signals() -> Vec<(&'static str, &'static str)> {
    [
        Waits::SIGNALS,
        Slots::SIGNALS,
        Archive::SIGNALS,
        Sessions::SIGNALS,
        Deadlocks::SIGNALS,
        Checkpoints::SIGNALS,
        Tables::SIGNALS,
    ]
    .concat()
}

#[derive(Default)]
struct Due<S> {
    sampler: S,
    looked: Option<Instant>,
}

impl<S: Sampler> Due<S> {
    /// For a new session.
    fn anew(&mut self) {
        self.looked = None;
        self.sampler.forget();
    }

    /// A look if it is time for one. An error: the session is gone.
    async fn turn(&mut self, shared: &Shared, session: &Session) -> Result<(), String> {
        let begun = Instant::now();
        let every = S::EVERY.max(shared.watch.interval);
        // Half an interval of tolerance, or a tick that comes a moment early would double it.
        if self.looked.is_some_and(|then| begun - then + shared.watch.interval / 2 < every) {
            return Ok(());
        }
        self.looked = Some(begun);
        let looked = self.sampler.look(session, &shared.watch).await;
        let names: Vec<&str> = S::SIGNALS.iter().map(|(name, _)| *name).collect();
        let result = looked.map(|readings| {
            let taken = Instant::now();
            shared.publish(|board, _| {
                for name in &names {
                    let own = readings.iter().filter(|reading| reading.name == *name).cloned().collect();
                    board.put(name, own, taken, every);
                }
            });
        });
        note(shared, &names, result)
    }
}

pub(super) async fn run(shared: &Shared) {
    let names = signals().into_iter().map(|(name, _)| name).collect();
    let link = Link { what: "health", names, setup: setup(vec![]) };
    let mut waits = Due::<Waits>::default();
    let mut slots = Due::<Slots>::default();
    let mut archive = Due::<Archive>::default();
    let mut sessions = Due::<Sessions>::default();
    let mut deadlocks = Due::<Deadlocks>::default();
    let mut checkpoints = Due::<Checkpoints>::default();
    let mut tables = Due::<Tables>::default();
    loop {
        let session = link.open(shared).await;
        waits.anew();
        slots.anew();
        archive.anew();
        sessions.anew();
        deadlocks.anew();
        checkpoints.anew();
        tables.anew();
        let mut ticks = ticks(shared.watch.interval);
        let all = async {
            loop {
                ticks.tick().await;
                waits.turn(shared, &session).await?;
                slots.turn(shared, &session).await?;
                archive.turn(shared, &session).await?;
                sessions.turn(shared, &session).await?;
                deadlocks.turn(shared, &session).await?;
                checkpoints.turn(shared, &session).await?;
                tables.turn(shared, &session).await?;
            }
        };
        let Err(why): Result<std::convert::Infallible, String> = all.await;
        link.lost(shared, &why);
    }
}
