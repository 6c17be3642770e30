//! Owns how a connection is encrypted and whom it trusts: libpq's sslmode by rustls. Must not
//! open connections or choose hosts.

use super::config::{ConfigError, one_of};
use super::conninfo::Params;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use std::{
    fmt,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How much protection is asked for, with libpq's meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

const MODES: [(&str, SslMode); 6] = [
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MODES.iter().find(|(_, mode)| mode == self).map_or("", |(name, _)| name))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// The operating system's store.
    System,
    /// A file of certificates. One that was named must be there; the default one need not.
    File {
        path: PathBuf,
        named: bool,
    },
    Nowhere,
}

/// The TLS part of the connection parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub mode: SslMode,
    pub roots: Roots,
    /// Client certificate and key, and whether they were named.
    pub client: Option<(PathBuf, PathBuf, bool)>,
    /// TLS from the first byte (PostgreSQL 17 and newer).
    pub direct: bool,
    pub only_tls13: bool,
}

impl Settings {
    pub fn from_params(params: &Params, home: Option<&Path>) -> Result<Settings, ConfigError> {
        let get = |name: &str| params.get(name).map(String::as_str);
        let own = |file: &str| home.map(|home| home.join(".postgresql").join(file));
        let mode = one_of(get("sslmode"), "sslmode", &MODES)?;
        let roots = match get("sslrootcert") {
            Some("system") => Roots::System,
            Some(path) => Roots::File { path: path.into(), named: true },
            None => own("root.crt").map_or(Roots::Nowhere, |path| Roots::File { path, named: false }),
        };
        // The system's store vouches for anyone who owns a domain: only together with the name does it mean anything.
        if roots == Roots::System && mode.is_some_and(|mode| mode < SslMode::VerifyFull) {
            return Err(ConfigError::new("a weaker sslmode may not be used with sslrootcert=system")
                .help("use sslmode=verify-full"));
        }
        let default = if roots == Roots::System { SslMode::VerifyFull } else { SslMode::Prefer };
        let mode = mode.unwrap_or(default);
        let named = get("sslcert").is_some();
        let cert = get("sslcert").map(PathBuf::from).or_else(|| own("postgresql.crt"));
        let key = get("sslkey").map(PathBuf::from).or_else(|| own("postgresql.key"));
        let client = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key, named)),
            (Some(_), None) if named => {
                return Err(
                    ConfigError::new("sslcert is given without sslkey").help("set sslkey= or PGSSLKEY")
                );
            }
            _ => None,
        };
        let direct =
            one_of(get("sslnegotiation"), "sslnegotiation", &[("postgres", false), ("direct", true)])?
                .unwrap_or(false);
        if direct && mode < SslMode::Require {
            return Err(ConfigError::new("sslnegotiation=direct needs sslmode=require or stronger"));
        }
        let versions = [("TLSv1", false), ("TLSv1.1", false), ("TLSv1.2", false), ("TLSv1.3", true)];
        let only_tls13 =
            one_of(get("ssl_min_protocol_version"), "ssl_min_protocol_version", &versions)?.unwrap_or(false);
        Ok(Settings { mode, roots, client, direct, only_tls13 })
    }

    /// For web servers: whoever the operating system trusts, under the name asked for.
    pub fn web() -> Settings {
        Settings {
            mode: SslMode::VerifyFull,
            roots: Roots::System,
            client: None,
            direct: false,
            only_tls13: false,
        }
    }

    /// Reads the files named; done for each connection, so that renewed certificates are taken up.
    pub fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(ring::default_provider());
        let versions: &[&rustls::SupportedProtocolVersion] =
            if self.only_tls13 { &[&rustls::version::TLS13] } else { rustls::DEFAULT_VERSIONS };
        let verifier = Verifier { trust: self.trust()?, provider: provider.clone() };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match self.client_identity()? {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| format!("the client certificate and key cannot be used: {e}"))?,
            None => builder.with_no_client_auth(),
        };
        if self.direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(MakeRustlsConnect::new(config))
    }

    fn trust(&self) -> Result<Trust, String> {
        if self.mode < SslMode::Require {
            return Ok(Trust::Anyone);
        }
        let (path, named) = match &self.roots {
            Roots::System => {
                let found = rustls_native_certs::load_native_certs();
                if found.certs.is_empty() {
                    let why = found.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                    return Err(format!("the operating system's trust store has no certificates: {why}"));
                }
                return Trust::of(found.certs, self.mode == SslMode::VerifyFull);
            }
            Roots::File { path, named } => (Some(path), *named),
            Roots::Nowhere => (None, false),
        };
        match path.filter(|path| named || path.exists()) {
            // With a root at hand, `require` verifies it: libpq does so, for the sake of old clients.
            Some(path) => {
                let certs = certificates(path)?;
                Trust::of(certs, self.mode == SslMode::VerifyFull)
                    .map_err(|e| format!("{}: {e}", path.display()))
            }
            None if self.mode == SslMode::Require => Ok(Trust::Anyone),
            None => Err(format!(
                "sslmode={} needs the certificate of the authority that signed the server's: set sslrootcert= to \
                 its file, or to \"system\", or put it at ~/.postgresql/root.crt",
                self.mode
            )),
        }
    }

    fn client_identity(
        &self,
    ) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, String> {
        let Some((cert, key, named)) = &self.client else { return Ok(None) };
        if !named && !cert.exists() {
            return Ok(None);
        }
        let chain = certificates(cert)?;
        let meta = std::fs::metadata(key).map_err(|e| format!("client key {}: {e}", key.display()))?;
        // libpq's rule: private to the user, or root's and readable by a group.
        let allowed = if meta.uid() == 0 { 0o740 } else { 0o700 };
        if meta.permissions().mode() & 0o777 & !allowed != 0 {
            return Err(format!("client key {} may be read by others: chmod 0600 it", key.display()));
        }
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|e| format!("client key {} cannot be read (is it encrypted?): {e}", key.display()))?;
        Ok(Some((chain, key)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certs: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|e| format!("certificate file {}: {e}", path.display()))?;
    match certs.is_empty() {
        true => Err(format!("certificate file {} has no certificate", path.display())),
        false => Ok(certs),
    }
}

#[derive(Debug)]
enum Trust {
    /// Encrypt, but believe anyone.
    Anyone,
    Roots {
        store: RootCertStore,
        certs: Vec<CertificateDer<'static>>,
        check_name: bool,
    },
}

impl Trust {
    fn of(certs: Vec<CertificateDer<'static>>, check_name: bool) -> Result<Trust, String> {
        let mut store = RootCertStore::empty();
        // Stores of operating systems hold odd ones; that one of them cannot be read is no reason to stop.
        let (added, _) = store.add_parsable_certificates(certs.iter().cloned());
        match added {
            0 => Err("no certificate that can serve as a root (X.509 v3 is needed)".to_owned()),
            _ => Ok(Trust::Roots { store, certs, check_name }),
        }
    }
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Trust::Roots { store, certs, check_name } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        let cert = ParsedCertificate::try_from(end_entity)?;
        // A self-signed certificate named as the root is trusted as itself. webpki would say CaUsedAsEndEntity,
        // and PostgreSQL's manual makes such certificates.
        if !certs.iter().any(|root| root.as_ref() == end_entity.as_ref()) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&cert, store, intermediates, now, algorithms)?;
        }
        if *check_name {
            verify_server_name(&cert, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.trust {
            // Who believes any key gains nothing from its signature, and X.509 v1 certificates are not parsed.
            Trust::Anyone => Ok(HandshakeSignatureValid::assertion()),
            _ => verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.trust {
            Trust::Anyone => Ok(HandshakeSignatureValid::assertion()),
            _ => verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A failed handshake in words that say what to do.
pub(super) fn explain(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    let rustls = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .and_then(|io| io.get_ref())
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(fault)) = rustls else {
        return super::error::chain(error);
    };
    match fault {
        CertificateError::UnknownIssuer => "the server's certificate is signed by an unknown authority; set \
             sslrootcert= to the certificate of the one that signed it"
            .to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            match presented.is_empty() {
                true => format!(
                    "the server's certificate is not for \"{expected}\": it has no subject alternative name (a common \
                     name alone does not count); reissue it with one, or use sslmode=verify-ca"
                ),
                false => {
                    format!(
                        "the server's certificate is not for \"{expected}\" but for {}",
                        presented.join(", ")
                    )
                }
            }
        }
        CertificateError::NotValidForName => "the server's certificate is not for this host name".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the server's certificate has expired ({fault})")
        }
        other => format!("the server's certificate cannot be verified: {other} (X.509 v3 is needed)"),
    }
}
