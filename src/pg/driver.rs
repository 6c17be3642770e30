//! Owns the task that drives one connection, and what it sees that no statement returns: notices
//! and how the connection ended. Must not send anything.

use super::error::Ended;
use serde::Serialize;
use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{AbortHandle, JoinHandle},
};
use tokio_postgres::{AsyncMessage, Connection, error::DbError};

/// Only the newest are kept, so that a chatty trigger does not fill the memory.
const NOTICES_KEPT: usize = 500;

/// What the server said beside its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub severity: String,
    /// The SQLSTATE, five characters.
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
    /// The function in the server's source that said it: unlike the message it is never translated.
    pub routine: Option<String>,
}

impl Notice {
    fn of(e: &DbError) -> Notice {
        Notice {
            severity: e.severity().to_owned(),
            code: e.code().code().to_owned(),
            message: e.message().to_owned(),
            detail: e.detail().map(str::to_owned),
            routine: e.routine().map(str::to_owned),
        }
    }

    /// Whether a commit stopped waiting for its synchronous standbys: it is durable here, and perhaps only here.
    pub fn is_unreplicated_commit(&self) -> bool {
        self.routine.as_deref() == Some("SyncRepWaitForLSN")
    }
}

/// What a session and its connection's driver share.
#[derive(Debug, Default)]
pub(super) struct Side {
    notices: Mutex<VecDeque<Notice>>,
    ended: Mutex<Option<Ended>>,
    given_up: AtomicBool,
    /// Held while a COMMIT is under way, and while a cancel is: the one waits for the other.
    pub committing: tokio::sync::Mutex<()>,
    driver: Mutex<Option<AbortHandle>>,
}

impl Side {
    /// Starts the driver of a connection.
    pub fn drive<S, T>(mut connection: Connection<S, T>) -> (Arc<Side>, JoinHandle<()>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let side = Arc::new(Side::default());
        let own = side.clone();
        let task = tokio::spawn(async move {
            loop {
                match poll_fn(|cx| connection.poll_message(cx)).await {
                    Some(Ok(AsyncMessage::Notice(notice))) => own.note(Notice::of(&notice)),
                    Some(Ok(_)) => {}
                    // Before the connection is dropped, and with it the callers' channels, so that they find the reason.
                    Some(Err(e)) => {
                        *lock(&own.ended) = Some(Ended::of(&e));
                        return;
                    }
                    None => return,
                }
            }
        });
        *lock(&side.driver) = Some(task.abort_handle());
        (side, task)
    }

    fn note(&self, notice: Notice) {
        let mut notices = lock(&self.notices);
        if notices.len() == NOTICES_KEPT {
            notices.pop_front();
        }
        notices.push_back(notice);
    }

    pub fn take_notices(&self) -> Vec<Notice> {
        lock(&self.notices).drain(..).collect()
    }

    pub fn ended(&self) -> Option<Ended> {
        lock(&self.ended).clone()
    }

    /// Closes the socket at once, whatever is under way.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
        if let Some(driver) = &*lock(&self.driver) {
            driver.abort();
        }
    }

    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }
}

/// Nothing here is left half done by a panic, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
