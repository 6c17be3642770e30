//! Owns what can be asked of a private server. Must not start one.

use super::Binaries;
use std::path::PathBuf;

/// How to start a private server. [`Options::test`] and [`Options::demo`] are the two starting points.
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) binaries: Option<Binaries>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) access: Option<Vec<String>>,
    pub(super) tls: Option<Tls>,
    pub(super) tcp: bool,
    /// Bytes that must be free where the data goes; memory is used only if it has as much.
    pub(super) room: u64,
}

/// The files of a server that speaks TLS. They are copied, so they may be anybody's.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The server's certificate, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The authority whose client certificates are accepted, PEM.
    pub client_authority: Option<PathBuf>,
}

const MEBIBYTE: u64 = 1024 * 1024;

impl Options {
    /// For tests: quick, small and quiet. No fsync (nobody pulls the plug), no autovacuum (nothing happens unasked).
    /// What an acknowledged commit means after a kill is left as it is: `synchronous_commit` and `full_page_writes` stay on.
    pub fn test() -> Options {
        let options = Options {
            binaries: None,
            settings: Vec::new(),
            access: None,
            tls: None,
            tcp: false,
            room: 512 * MEBIBYTE,
        };
        options.set("fsync", "off").set("shared_buffers", "16MB").set("autovacuum", "off")
    }

    /// For the demonstration: as a server is by default, but without fsync.
    pub fn demo() -> Options {
        let mut options = Options::test();
        options.settings.clear();
        options.room = 3 * 1024 * MEBIBYTE;
        options.set("fsync", "off")
    }

    /// Sets a server setting, as in postgresql.conf. `ALTER SYSTEM` can still override it. The last one counts.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Options {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Takes these programs instead of the ones [`Binaries::find`] finds.
    #[must_use]
    pub fn binaries(mut self, binaries: &Binaries) -> Options {
        self.binaries = Some(binaries.clone());
        self
    }

    /// Replaces pg_hba.conf. Without it everybody who reaches the server is trusted. Keep a line that lets `postgres` in
    /// over the socket (`local all postgres trust`), or the sandbox itself is shut out.
    #[must_use]
    pub fn access(mut self, lines: &[&str]) -> Options {
        self.access = Some(lines.iter().map(|line| (*line).to_owned()).collect());
        self
    }

    /// Also listens on a free port of 127.0.0.1. Everybody on this machine can then reach it.
    #[must_use]
    pub fn tcp(mut self) -> Options {
        self.tcp = true;
        self
    }

    /// Speaks TLS; implies [`Options::tcp`].
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Options {
        self.tls = Some(tls);
        self.tcp()
    }

    /// How many bytes the data may need. Memory-backed storage is used only where as much is free.
    #[must_use]
    pub fn room(mut self, bytes: u64) -> Options {
        self.room = bytes;
        self
    }
}
