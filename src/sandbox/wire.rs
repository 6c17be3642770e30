//! Owns a blocking client of the few protocol messages that the sandbox itself needs: start up, simple query, errors. It can
//! say whether a server is ready, and sets up tests. Must not grow into a driver; Segue's own connections are `pg`'s.

use std::{
    fmt,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};
use thiserror::Error;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Rows as the server prints them; `None` is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// An error as the server reported it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// ERROR, FATAL or PANIC.
    pub severity: String,
    /// SQLSTATE.
    pub code: String,
    /// The primary message.
    pub message: String,
    /// More of it, if the server gave more.
    pub detail: Option<String>,
    /// What the server advises, if anything.
    pub hint: Option<String>,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.severity, self.code, self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, "\n  detail: {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum WireError {
    /// The server answered with an error.
    #[error("{0}")]
    Server(Box<ServerError>),
    /// The connection failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server said something this client does not understand.
    #[error("the server sent what was not expected: {0}")]
    Protocol(String),
}

impl WireError {
    /// The SQLSTATE, where the server gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            WireError::Server(error) => Some(&error.code),
            _ => None,
        }
    }
}

/// Connects as `postgres`, runs one or more statements, and returns the rows of all of them.
pub fn query(socket_directory: &Path, port: u16, database: &str, sql: &str) -> Result<Rows, WireError> {
    Session::open(socket_directory, port, database)?.query(sql)
}

/// A session as `postgres` over a Unix socket. It ends when dropped.
#[derive(Debug)]
pub struct Session {
    stream: UnixStream,
}

impl Session {
    /// Connects and starts up. An `Ok` is the proof that the server is ready.
    pub fn open(socket_directory: &Path, port: u16, database: &str) -> Result<Session, WireError> {
        let stream = UnixStream::connect(socket_directory.join(format!(".s.PGSQL.{port}")))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut session = Session { stream };
        let mut body = 196_608_u32.to_be_bytes().to_vec(); // protocol 3.0
        for text in ["user", "postgres", "database", database, "application_name", "segue sandbox"] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        session.stream.write_all(&length(&body))?;
        session.stream.write_all(&body)?;
        session.until_ready()?;
        Ok(session)
    }

    /// Runs one or more statements in one message. The rows of all of them; the first error ends it.
    pub fn query(&mut self, sql: &str) -> Result<Rows, WireError> {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.stream.write_all(b"Q")?;
        self.stream.write_all(&length(&body))?;
        self.stream.write_all(&body)?;
        self.until_ready()
    }

    fn until_ready(&mut self) -> Result<Rows, WireError> {
        let mut rows = Rows::new();
        let mut failed = None;
        loop {
            let (kind, body) = match self.message() {
                Ok(message) => message,
                // After a FATAL the server hangs up: what it said counts, not that it did.
                Err(error) => return Err(failed.map_or(error, WireError::Server)),
            };
            match kind {
                b'R' if body.starts_with(&[0, 0, 0, 0]) => {}
                b'R' => return Err(WireError::Protocol("it asks for a password".to_owned())),
                b'D' => rows.push(parse_row(&body).ok_or_else(|| malformed("row"))?),
                b'E' => failed = Some(Box::new(parse_error(&body))),
                b'Z' => return failed.map_or(Ok(rows), |error| Err(WireError::Server(error))),
                // Row descriptions, tags, notices, parameters, keys: not needed here.
                b'T' | b'C' | b'I' | b'N' | b'S' | b'K' | b'A' => {}
                other => {
                    return Err(WireError::Protocol(format!("message {:?}", char::from(other))));
                }
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>), WireError> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let size = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let size = size.checked_sub(4).ok_or_else(|| malformed("length"))?;
        let mut body = Vec::new();
        Read::by_ref(&mut self.stream).take(u64::from(size)).read_to_end(&mut body)?;
        if body.len() != size as usize {
            return Err(WireError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok((head[0], body))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A polite end; the server notices the closed socket in any case.
        let _ = self.stream.write_all(&[b'X', 0, 0, 0, 4]);
    }
}

fn malformed(what: &str) -> WireError {
    WireError::Protocol(format!("a malformed {what}"))
}

/// A message's length counts itself.
fn length(body: &[u8]) -> [u8; 4] {
    u32::try_from(body.len() + 4).expect("a message is shorter than 4 GiB").to_be_bytes()
}

fn parse_row(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut row = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (size, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        row.push(match usize::try_from(i32::from_be_bytes(*size)) {
            Err(_) => None,
            Ok(size) => {
                let (value, after) = rest.split_at_checked(size)?;
                rest = after;
                Some(String::from_utf8_lossy(value).into_owned())
            }
        });
    }
    Some(row)
}

fn parse_error(body: &[u8]) -> ServerError {
    let mut error = ServerError::default();
    for field in body.split(|byte| *byte == 0) {
        let Some((kind, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text).into_owned();
        match kind {
            b'V' => error.severity = text,
            b'C' => error.code = text,
            b'M' => error.message = text,
            b'D' => error.detail = Some(text),
            b'H' => error.hint = Some(text),
            _ => {}
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_tell_null_from_empty_and_broken_ones_are_refused() {
        let body = [0, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 2, b'h', b'i'];
        assert_eq!(parse_row(&body), Some(vec![None, Some(String::new()), Some("hi".to_owned())]));
        assert_eq!(parse_row(&body[..body.len() - 1]), None);
        assert_eq!(parse_row(&[0]), None);
    }

    #[test]
    fn an_error_shows_all_the_server_said() {
        let error = parse_error(b"SFEHLER\0VERROR\0C42P01\0Mno such table\0Hlook again\0\0");
        assert_eq!(error.to_string(), "ERROR 42P01: no such table\n  hint: look again");
    }
}
