//! Owns databases for tests: one server per process and version, one fresh database per test. Must not be used for tests that
//! need settings, crashes or standbys; those start a `Cluster` of their own.

use super::{
    Binaries, Cluster, Options, SandboxError,
    wire::{Rows, Session},
};
use crate::ident::Ident;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// An empty database of one's own, dropped with everything in it when this is. Roles are the whole server's: give them names
/// that hold the database's.
#[derive(Debug)]
pub struct Database {
    cluster: Arc<Cluster>,
    name: String,
}

/// A fresh database on the version that [`Binaries::find`] finds.
pub fn database() -> Result<Database, SandboxError> {
    database_on(&Binaries::find()?)
}

/// A fresh database on this version; see [`Binaries::matrix`].
pub fn database_on(binaries: &Binaries) -> Result<Database, SandboxError> {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let cluster = shared(binaries)?;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    // template0 is sealed, so any number of databases can be made of it at once. Copying files beats the WAL by far here.
    let strategy = if binaries.major() >= 15 { " STRATEGY file_copy" } else { "" };
    let create = format!("CREATE DATABASE {} TEMPLATE template0{strategy}", Ident::new(name.as_str()));
    cluster.query("postgres", &create)?;
    Ok(Database { cluster, name })
}

impl Database {
    /// Where a libpq-like client finds it.
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on, shared with other tests.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Runs statements in a session of their own. The rows of all of them, as text.
    pub fn query(&self, sql: &str) -> Result<Rows, SandboxError> {
        self.cluster.query(&self.name, sql)
    }

    /// Opens a session that stays, for instance to hold a lock.
    pub fn session(&self) -> Result<Session, SandboxError> {
        self.cluster.session(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A prepared transaction or a slot may hold it; the whole server goes soon anyway.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", Ident::new(self.name.as_str()));
        if let Err(error) = self.cluster.query("postgres", &drop) {
            tracing::debug!(%error, database = self.name, "a test's database stays until its server ends");
        }
    }
}

/// The process's own server of this version. It is never dropped: it ends with the process.
fn shared(binaries: &Binaries) -> Result<Arc<Cluster>, SandboxError> {
    static SHARED: OnceLock<Mutex<HashMap<PathBuf, Arc<Cluster>>>> = OnceLock::new();
    let mut shared = SHARED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.get(binaries.directory()) {
        return Ok(Arc::clone(cluster));
    }
    // Many tests at once, some with a pool each.
    let options = Options::test().binaries(binaries).set("max_connections", "300");
    let cluster = Arc::new(Cluster::start(&options)?);
    shared.insert(binaries.directory().to_owned(), Arc::clone(&cluster));
    Ok(cluster)
}
