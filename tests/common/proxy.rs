//! Owns a network between a server and who speaks to it that can be bad: late, narrow, silent, cut, or one that eats an answer.
//! Must not read more of the protocol than it takes to know a message by its text.

use std::{
    fs,
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Dropped, it lets nobody through any more.
pub struct Proxy {
    state: Arc<State>,
    directory: PathBuf,
}

#[derive(Default)]
struct State {
    /// For each piece of the answers, in milliseconds.
    delay: AtomicU64,
    /// Bytes a second, of the answers of each connection; 0: no limit.
    bandwidth: AtomicU64,
    /// Nothing gets through, in either direction; connections stay open.
    stalled: AtomicBool,
    over: AtomicBool,
    eat: Mutex<Option<Eat>>,
    eaten: AtomicUsize,
    accepted: AtomicUsize,
    open: Mutex<Vec<(UnixStream, UnixStream)>>,
}

/// Whose answer is eaten: of the next message that holds the text, on a connection whose start holds `role`.
struct Eat {
    role: String,
    text: String,
}

const PIECE: usize = 8192;

impl Proxy {
    /// In front of the server whose socket is there; its own socket is in a directory of its own.
    pub fn start(server: &Path, port: u16) -> Proxy {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("segue-proxy.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("the temporary directory can be written to");
        let socket = directory.join(".s.PGSQL.5432");
        let listener = UnixListener::bind(&socket).expect("a socket");
        // A standby may run under another account.
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).expect("the socket is ours");
        let (state, target) = (Arc::<State>::default(), server.join(format!(".s.PGSQL.{port}")));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.over.load(Ordering::Acquire) {
                    return;
                }
                let Ok(client) = client else { continue };
                shared.accepted.fetch_add(1, Ordering::AcqRel);
                // A server that is away refuses; so do we.
                let Ok(server) = UnixStream::connect(&target) else { continue };
                connect(&shared, client, server).expect("a socket can be shared");
            }
        });
        Proxy { state, directory }
    }

    /// Where a libpq-like client finds a database through it.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@/{database}?host={}&port=5432", self.directory.display())
    }

    /// Where its socket is, with the port 5432.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn delay(&self, by: Duration) {
        self.state.delay.store(by.as_millis() as u64, Ordering::Release);
    }

    pub fn bandwidth(&self, bytes_a_second: u64) {
        self.state.bandwidth.store(bytes_a_second, Ordering::Release);
    }

    pub fn stall(&self, stalled: bool) {
        self.state.stalled.store(stalled, Ordering::Release);
    }

    /// Cuts every connection there is.
    pub fn drop_all(&self) {
        for (client, server) in self.state.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        }
    }

    /// Delivers the next message with this text, of a connection with this role, eats the answer, and cuts that connection.
    pub fn eat(&self, role: &str, text: &str) {
        *self.state.eat.lock().unwrap() = Some(Eat { role: role.to_owned(), text: text.to_owned() });
    }

    /// How many connections were asked for so far.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::Acquire)
    }

    /// How many answers were eaten.
    pub fn eaten(&self) -> usize {
        self.state.eaten.load(Ordering::Acquire)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Release);
        self.stall(false);
        self.drop_all();
        // Wakes the listener.
        let _ = UnixStream::connect(self.directory.join(".s.PGSQL.5432"));
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Two threads a connection.
fn connect(state: &Arc<State>, client: UnixStream, server: UnixStream) -> io::Result<()> {
    let eating = Arc::new(AtomicBool::new(false));
    let pair = (client.try_clone()?, server.try_clone()?);
    state.open.lock().unwrap_or_else(PoisonError::into_inner).push(pair);
    let (up, down) = (Arc::clone(state), Arc::clone(state));
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let mut start: Option<String> = None;
    let noted = Arc::clone(&eating);
    thread::spawn(move || {
        pump(&up, &mut from, &mut to, |piece| {
            let text = String::from_utf8_lossy(piece);
            let role = start.get_or_insert_with(|| text.clone().into_owned()).clone();
            let mut eat = up.eat.lock().unwrap();
            if eat.as_ref().is_some_and(|eat| role.contains(&eat.role) && text.contains(&eat.text)) {
                *eat = None;
                noted.store(true, Ordering::Release);
            }
            true
        });
    });
    let (mut from, mut to) = (server, client);
    thread::spawn(move || {
        pump(&down, &mut from, &mut to, |piece| {
            if eating.load(Ordering::Acquire) {
                down.eaten.fetch_add(1, Ordering::AcqRel);
                return false;
            }
            thread::sleep(Duration::from_millis(down.delay.load(Ordering::Acquire)));
            let width = down.bandwidth.load(Ordering::Acquire);
            if width > 0 {
                thread::sleep(Duration::from_secs_f64(piece.len() as f64 / width as f64));
            }
            true
        });
    });
    Ok(())
}

/// Passes pieces on while `pass` says so; then both ends are shut.
fn pump(state: &State, from: &mut UnixStream, to: &mut UnixStream, mut pass: impl FnMut(&[u8]) -> bool) {
    let mut piece = [0; PIECE];
    while let Ok(size @ 1..) = from.read(&mut piece) {
        while state.stalled.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(5));
        }
        if !pass(&piece[..size]) || to.write_all(&piece[..size]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
