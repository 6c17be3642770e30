//! Owns what the loop waits for: the step in hand, the look at clients, the end of a rest, an interrupt. Must not decide what
//! follows.

use super::keeper::Keeper;
use super::quiet::Looked;
use crate::control::record::Direction;
use crate::execute::Ended;
use crate::store;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Passes interrupts on, and lets the keeper know of them at once: the loop cannot listen while it
/// waits for a server that is away.
pub(super) fn overheard(
    mut interrupts: mpsc::UnboundedReceiver<()>,
    keeper: &mut Keeper,
) -> mpsc::UnboundedReceiver<()> {
    let (heard, interrupted) = watch::channel(false);
    let (pass_on, passed_on) = mpsc::unbounded_channel();
    keeper.hear(interrupted);
    tokio::spawn(async move {
        while let Some(()) = interrupts.recv().await {
            heard.send_replace(true);
            if pass_on.send(()).is_err() {
                return;
            }
        }
    });
    passed_on
}

pub(super) fn monitor_died() -> store::Error {
    store::Error::Pg(crate::pg::Error::protocol(
        "watching the server",
        "the monitor's thread has ended; `segue resume` goes on with a new one",
    ))
}

pub(super) async fn running(
    task: &mut Option<(usize, Direction, JoinHandle<Ended>)>,
) -> (usize, Direction, Ended) {
    match task {
        Some((step, direction, handle)) => {
            let ended = handle.await.expect("a step's task is never aborted, and a panic in it is a bug");
            (*step, *direction, ended)
        }
        None => std::future::pending().await,
    }
}

pub(super) async fn looking(task: &mut Option<JoinHandle<Looked>>) -> Looked {
    match task {
        Some(handle) => handle.await.expect("the look before the contract is never aborted"),
        None => std::future::pending().await,
    }
}

pub(super) async fn resting(until: Option<tokio::time::Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
