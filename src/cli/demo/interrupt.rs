//! Owns how Ctrl-C and a polite kill reach the demonstration: as a question that can be asked. Must not end the process, or the
//! private servers would have to be ended by force.

use super::error::{DemoError, Doing};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};

/// How often somebody asked for the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt {
    times: Arc<AtomicU32>,
}

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP are counted instead of ending the process.
    pub(super) fn listen() -> Result<Interrupt, DemoError> {
        let interrupt = Interrupt::default();
        let times = Arc::clone(&interrupt.times);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "cannot listen for signals".to_owned())?;
        let mut kinds = Vec::new();
        {
            let _inside = runtime.enter();
            for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
                kinds.push(signal(kind).doing(|| "cannot listen for signals".to_owned())?);
            }
        }
        // It waits as long as the process lives; nothing has to be undone at its end.
        thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    let [interrupt, terminate, hangup] = kinds.as_mut_slice() else { return };
                    tokio::select! {
                        Some(()) = interrupt.recv() => {}
                        Some(()) = terminate.recv() => {}
                        Some(()) = hangup.recv() => {}
                        else => return,
                    }
                    times.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        Ok(interrupt)
    }

    pub(super) fn times(&self) -> u32 {
        self.times.load(Ordering::Relaxed)
    }

    pub(super) fn check(&self) -> Result<(), DemoError> {
        if self.times() > 0 { Err(DemoError::Interrupted) } else { Ok(()) }
    }

    /// Lets time pass, with something to do every 100 ms, unless somebody asks for the end.
    pub(super) fn rest(&self, time: Duration, mut meanwhile: impl FnMut()) -> Result<(), DemoError> {
        let end = Instant::now() + time;
        loop {
            self.check()?;
            meanwhile();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
}
