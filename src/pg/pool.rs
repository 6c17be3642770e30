//! Owns the pool of worker sessions: deadpool keeps the connections, `dial` makes them, and each
//! is set up anew whenever it is handed out. Must not know what workers do.

use super::{
    config::Config,
    dial::{self, Line, Link},
    error::{Error, ErrorKind},
    limits::Setup,
    session::{Holder, Session},
};
use deadpool_postgres::{
    Connect, Hook, HookError, Manager, ManagerConfig, Object, ObjectId, PoolError, RecyclingMethod, Runtime,
    Timeouts,
};
use std::{
    cell::RefCell,
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::Client;

tokio::task_local! {
    /// What dialling came to, beside what deadpool carries: the new connection's link, or the true error.
    static DIALLED: RefCell<Option<Result<Link, Error>>>;
}

/// A pool of sessions of one role. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    inner: deadpool_postgres::Pool,
    role: Arc<str>,
    setup: Setup,
    links: Arc<Mutex<HashMap<ObjectId, Link>>>,
}

/// How many sessions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    pub most: usize,
    pub open: usize,
    pub idle: usize,
    pub waiting: usize,
}

struct Dialler {
    config: Config,
    role: Arc<str>,
    setup: Setup,
    deadline: Duration,
    /// Behind a pooler nothing may be set for a session.
    pooled: Arc<AtomicBool>,
}

impl Connect for Dialler {
    fn connect(
        &self,
        _: &tokio_postgres::Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + '_>>
    {
        Box::pin(async {
            match dial::dial(&self.config, &self.role, &self.setup, self.deadline).await {
                Ok(Line { client, driver, link }) => {
                    self.pooled.store(link.facts.pooled, Ordering::Relaxed);
                    DIALLED.with(|slot| slot.replace(Some(Ok(link))));
                    Ok((client, driver))
                }
                Err(error) => {
                    DIALLED.with(|slot| slot.replace(Some(Err(error))));
                    // deadpool carries only errors of tokio-postgres, which has no constructor for one; this makes one.
                    Err("port=none".parse::<tokio_postgres::Config>().expect_err("a port is a number"))
                }
            }
        })
    }
}

impl Pool {
    /// Opens nothing yet. `deadline` is for each connection made later.
    pub fn new(config: &Config, role: &str, setup: Setup, size: usize, deadline: Duration) -> Pool {
        let pooled = Arc::new(AtomicBool::new(false));
        let role: Arc<str> = role.into();
        let dialler = Dialler {
            config: config.clone(),
            role: role.clone(),
            setup: setup.clone(),
            deadline,
            pooled: pooled.clone(),
        };
        // Clean: nothing of one worker's session (settings, locks, temporary tables) reaches the next.
        let method = ManagerConfig { recycling_method: RecyclingMethod::Clean };
        let manager = Manager::from_connect(tokio_postgres::Config::new(), dialler, method);
        let again = setup.clone();
        let inner = deadpool_postgres::Pool::builder(manager)
            .max_size(size.max(1))
            .runtime(Runtime::Tokio1)
            .post_recycle(Hook::async_fn(move |client, _| {
                let (setup, pooled) = (again.clone(), pooled.clone());
                Box::pin(async move {
                    if pooled.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    dial::set_up(client, &setup).await.map_err(HookError::Backend)
                })
            }))
            .build()
            .expect("a runtime is given");
        Pool { inner, role, setup, links: Arc::default() }
    }

    /// A session, a new one or a used one set up anew, within `deadline`. It goes back when dropped.
    pub async fn session(&self, deadline: Duration) -> Result<Session, Error> {
        let timeouts = Timeouts { wait: Some(deadline), create: None, recycle: Some(deadline) };
        let get = DIALLED.scope(RefCell::new(None), async {
            let object = self.inner.timeout_get(&timeouts).await;
            (object, DIALLED.with(RefCell::take))
        });
        let late =
            || Error::new(self.doing(), ErrorKind::Timeout { after: deadline, outcome_unknown: false });
        let (object, dialled) = timeout(deadline, get).await.map_err(|_| late())?;
        let object = object.map_err(|e| match (e, dialled.clone()) {
            (_, Some(Err(error))) => error,
            (PoolError::Timeout(_), _) => late(),
            (e, _) => Error::protocol(self.doing(), e.to_string()),
        })?;
        let link = self.link(&object, dialled)?;
        Ok(Session::around(Holder::Pooled(object), link, self.setup.clone()))
    }

    /// Changes how many sessions there may be; those over it are closed as they come back.
    pub fn resize(&self, size: usize) {
        self.inner.resize(size.max(1));
    }

    /// Closes idle sessions now and the others as they come back.
    pub fn close(&self) {
        self.inner.close();
    }

    pub fn status(&self) -> PoolStatus {
        let status = self.inner.status();
        PoolStatus {
            most: status.max_size,
            open: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
    }

    fn doing(&self) -> String {
        format!("waiting for a session of segue/{}", self.role)
    }

    fn link(&self, object: &Object, dialled: Option<Result<Link, Error>>) -> Result<Link, Error> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let id = Object::id(object);
        if let Some(Ok(link)) = dialled {
            // Connections that ended are known only here by now: their drivers have let go.
            links.retain(|_, link| Arc::strong_count(&link.side) > 1);
            links.insert(id, link);
        }
        links
            .get(&id)
            .cloned()
            .ok_or_else(|| Error::protocol(self.doing(), "a pooled connection of unknown origin"))
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("role", &self.role).field("status", &self.status()).finish()
    }
}
