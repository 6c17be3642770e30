//! Owns connections to web servers, for probes: plain, or encrypted with the server's name checked against the
//! operating system's trust store. Must not speak HTTP.

use super::tls::Settings;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Something that can be read from and written to.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What connections have in common: the trust store, read once.
pub struct Web {
    tls: MakeRustlsConnect,
}

impl Web {
    pub fn new() -> Result<Web, String> {
        Ok(Web { tls: Settings::web().connector()? })
    }

    pub async fn connect(
        &mut self,
        host: &str,
        port: u16,
        encrypted: bool,
    ) -> Result<Box<dyn Stream>, String> {
        // A numeric IPv6 address stands in brackets in a URL.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, port))
            .await
            .map_err(|error| format!("no connection to {host} port {port}: {error}"))?;
        if !encrypted {
            return Ok(Box::new(stream));
        }
        let failed = |error: &dyn std::fmt::Display| format!("no encrypted connection to {host}: {error}");
        let connect = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut self.tls, bare)
            .map_err(|error| failed(&error))?;
        let stream = connect.connect(stream).await.map_err(|error| failed(&error))?;
        Ok(Box::new(stream))
    }
}
