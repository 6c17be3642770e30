//! Owns running a supervisor with somebody watching: what it says goes to the screen, Ctrl-C to it.
//! Must not know commands.

use super::context::Context;
use super::fail::Fail;
use crate::compile::Program;
use crate::control::advance::Ending;
use crate::pg::Config;
use crate::store;
use crate::supervise::begin::NotBegun;
use crate::supervise::told::Told;
use crate::supervise::{Outside, Supervisor};
use crate::ui::Show;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Begins a supervisor and lets it run to its end, shown on the screen.
pub async fn run<B, F>(
    context: &Context,
    config: &Config,
    program: Arc<Program>,
    begin: B,
) -> Result<Ending, Fail>
where
    B: FnOnce(Outside) -> F,
    F: Future<Output = Result<Supervisor, NotBegun>>,
{
    let standbys = context.standbys()?;
    let (tell, mut told) = mpsc::unbounded_channel::<Told>();
    let (interrupt, interrupts) = mpsc::unbounded_channel();
    let signals = tokio::spawn(async move {
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .expect("SIGTERM can be listened for");
        loop {
            tokio::select! {
                pressed = tokio::signal::ctrl_c() => if pressed.is_err() { return },
                _ = term.recv() => {}
            }
            if interrupt.send(()).is_err() {
                return;
            }
        }
    });
    let mut show = Show::new(super::mode(context), program);
    let shown = tokio::task::spawn_blocking(move || {
        while let Some(told) = told.blocking_recv() {
            show.take(&told);
        }
        show.finish();
    });
    let outside = Outside { config: config.clone(), standbys, tell, interrupts };
    let ended: Result<Ending, Fail> = async {
        let supervisor = begin(outside).await?;
        supervisor.run().await.map_err(|error: store::Error| error.into())
    }
    .await;
    signals.abort();
    // The channel's other end went with the supervisor: what was said is shown to the last.
    shown.await.expect("showing does not panic");
    ended
}
