//! Owns where the server is and as whom to go there: from a URL or string, the environment and
//! libpq's files to one value. Must not connect, and must never show a password.

use super::conninfo::{self, KEYWORDS, Params};
use super::passfile::{self, Question};
use super::target::Target;
use super::tls::{self, SslMode};
use std::{
    fmt, fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Connection parameters that cannot be used. Never holds a parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub message: String,
    pub help: Option<String>,
}

impl ConfigError {
    pub(super) fn new(message: impl Into<String>) -> ConfigError {
        ConfigError { message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> ConfigError {
        self.help = Some(help.into());
        self
    }

    fn in_source(mut self, source: &str) -> ConfigError {
        self.message = format!("{source}: {}", self.message);
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The directory of a Unix-domain socket.
    Unix(PathBuf),
    /// A host name, and the address to use instead of resolving it.
    Tcp { name: String, address: Option<IpAddr> },
}

#[derive(Clone, PartialEq, Eq)]
pub struct Host {
    pub place: Place,
    pub port: u16,
    /// One of the places looked at because none was named: it is passed over where no socket is.
    pub implicit: bool,
    pub(super) password: Option<String>,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Unix(directory) => write!(f, "{}/.s.PGSQL.{}", directory.display(), self.port),
            Place::Tcp { name, .. } if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Place::Tcp { name, .. } => write!(f, "{name}:{}", self.port),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keepalive {
    pub on: bool,
    pub idle: Duration,
    pub interval: Duration,
    pub retries: u32,
    pub user_timeout: Duration,
}

/// A server and its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub system: String,
    /// First eight digits of the WAL file's name.
    pub timeline: String,
    /// One that has taken its place since will do as well.
    pub or_later: bool,
}

/// How to reach a database.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) dbname: String,
    pub(super) options: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) tls: tls::Settings,
    pub(super) channel_binding: tokio_postgres::config::ChannelBinding,
    pub(super) target: Target,
    pub(super) shuffle: bool,
    pub(super) keepalive: Keepalive,
    /// The only one to be connected to.
    pub(super) bound: Option<Bound>,
    warnings: Vec<String>,
}

/// Where a socket may be when no host is named: Debian's place, then PostgreSQL's own.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

impl Config {
    /// `url` (of `--url`), else SEGUE_URL, else DATABASE_URL, is the string; what it leaves open comes from its
    /// service, then from libpq's PG* variables, then from libpq's defaults. `env` reads a variable.
    pub fn resolve(url: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let sources = [
            ("--url", url.map(str::to_owned)),
            ("SEGUE_URL", env("SEGUE_URL")),
            ("DATABASE_URL", env("DATABASE_URL")),
        ];
        let mut params = match sources.into_iter().find_map(|(name, text)| Some((name, text?))) {
            Some((name, text)) => conninfo::parse(&text).map_err(|e| e.in_source(name))?,
            None => Params::new(),
        };
        params.retain(|_, value| !value.is_empty());
        add_service(&mut params, &env)?;
        // A host from the string with an address from the environment would be two servers in one.
        let host_given = params.contains_key("host") || params.contains_key("hostaddr");
        for (keyword, variable) in KEYWORDS {
            if host_given && matches!(*keyword, "host" | "hostaddr") {
                continue;
            }
            if let Some(value) = variable.and_then(&env) {
                params.entry(keyword).or_insert(value);
            }
        }
        from_params(&params, env("HOME").map(PathBuf::from).as_deref(), &env)
    }

    /// [`Config::resolve`] with this process's environment.
    pub fn from_env(url: Option<&str>) -> Result<Config, ConfigError> {
        Config::resolve(url, &|name| std::env::var(name).ok())
    }

    /// For commands that do not mind what they read from, or that look at standbys.
    pub fn with_target(mut self, target: Target) -> Config {
        self.target = target;
        self
    }

    /// The same server, another database. The password stays.
    pub fn with_dbname(mut self, dbname: &str) -> Config {
        dbname.clone_into(&mut self.dbname);
        self
    }

    /// From now on only this server will do, as long as no other has taken its place: for what goes on from
    /// memory, which another one need not share.
    pub fn bound_to(mut self, system: &str, timeline: &str) -> Config {
        self.bound =
            Some(Bound { system: system.to_owned(), timeline: timeline.to_owned(), or_later: false });
        self
    }

    /// This server, or what has taken its place since: for what reads anew all that it knows.
    pub fn or_later(mut self) -> Config {
        if let Some(bound) = &mut self.bound {
            bound.or_later = true;
        }
        self
    }

    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn dbname(&self) -> &str {
        &self.dbname
    }

    pub fn target(&self) -> Target {
        self.target
    }

    pub fn ssl_mode(&self) -> SslMode {
        self.tls.mode
    }

    /// What was passed over and the operator should know, such as a password file others may read.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// For messages: everything but the password.
    pub fn redacted(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        format!("{} as {} on {} (sslmode {})", self.dbname, self.user, hosts.join(", "), self.tls.mode)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Config({})", self.redacted())
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({self})")
    }
}

fn add_service(params: &mut Params, env: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    let Some(service) = params.get("service").cloned().or_else(|| env("PGSERVICE")) else {
        return Ok(());
    };
    let named = params.get("servicefile").cloned().or_else(|| env("PGSERVICEFILE"));
    let own = env("HOME").map(|home| PathBuf::from(home).join(".pg_service.conf"));
    let system = PathBuf::from(env("PGSYSCONFDIR").unwrap_or_else(|| "/etc/postgresql-common".into()));
    let first = named.map(PathBuf::from).or(own);
    for path in first.into_iter().chain([system.join("pg_service.conf")]) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let at = |e: ConfigError| e.in_source(&path.display().to_string());
        if let Some(found) = passfile::service(&text, &service).map_err(at)? {
            for (name, value) in found {
                params.entry(name).or_insert(value);
            }
            return Ok(());
        }
    }
    Err(ConfigError::new(format!("there is no service \"{service}\"")).help(
        "it is looked for in PGSERVICEFILE or ~/.pg_service.conf, then in PGSYSCONFDIR/pg_service.conf",
    ))
}

fn from_params(
    params: &Params,
    home: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let get = |name: &str| params.get(name).map(String::as_str);
    let mut warnings = Vec::new();
    let user = match get("user") {
        Some(user) => user.to_owned(),
        None => nix::unistd::User::from_uid(nix::unistd::geteuid())
            .ok()
            .flatten()
            .map(|user| user.name)
            .or_else(|| env("USER"))
            .ok_or_else(|| ConfigError::new("no user name is given").help("set user= or PGUSER"))?,
    };
    let dbname = get("dbname").unwrap_or(&user).to_owned();
    let mut hosts = hosts(get("host"), get("hostaddr"), get("port"))?;
    let passfile = get("passfile").map(PathBuf::from).or_else(|| home.map(|home| home.join(".pgpass")));
    let passwords = match get("password") {
        Some(_) => None,
        None => passfile.and_then(|path| passfile::read(&path, &mut warnings)),
    };
    for host in &mut hosts {
        let name = match &host.place {
            Place::Unix(dir) if SOCKET_DIRECTORIES.iter().any(|known| dir == Path::new(known)) => "localhost",
            Place::Unix(dir) => dir.to_str().unwrap_or_default(),
            Place::Tcp { name, .. } => name,
        };
        let question = Question { host: name, port: host.port, dbname: &dbname, user: &user };
        host.password = get("password")
            .map(str::to_owned)
            .or_else(|| passwords.as_ref().and_then(|text| passfile::find(text, &question)));
    }
    let target = one_of(get("target_session_attrs"), "target_session_attrs", &Target::NAMES)?;
    let seconds = |name, default: u64| Ok(Duration::from_secs(number(get(name), name)?.unwrap_or(default)));
    let user_timeout = number(get("tcp_user_timeout"), "tcp_user_timeout")?.map(Duration::from_millis);
    if one_of(get("gssencmode"), "gssencmode", &[("disable", false), ("prefer", false), ("require", true)])?
        == Some(true)
    {
        return Err(ConfigError::new("gssencmode=require is not supported").help("use sslmode=verify-full"));
    }
    use tokio_postgres::config::ChannelBinding;
    let bindings = [
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    Ok(Config {
        hosts,
        user,
        dbname,
        options: get("options").map(str::to_owned),
        // libpq: zero and less mean no limit of its own.
        connect_timeout: number::<i64>(get("connect_timeout"), "connect_timeout")?
            .and_then(|seconds| u64::try_from(seconds).ok().filter(|s| *s > 0))
            .map(Duration::from_secs),
        tls: tls::Settings::from_params(params, home)?,
        channel_binding: one_of(get("channel_binding"), "channel_binding", &bindings)?
            .unwrap_or(ChannelBinding::Prefer),
        // Segue writes; a list of hosts is given so that it finds the primary among them.
        target: target.unwrap_or(Target::ReadWrite),
        bound: None,
        shuffle: one_of(
            get("load_balance_hosts"),
            "load_balance_hosts",
            &[("disable", false), ("random", true)],
        )?
        .unwrap_or(false),
        keepalive: Keepalive {
            on: number::<u64>(get("keepalives"), "keepalives")? != Some(0),
            idle: seconds("keepalives_idle", 5)?,
            interval: seconds("keepalives_interval", 3)?,
            retries: number(get("keepalives_count"), "keepalives_count")?.unwrap_or(3),
            user_timeout: user_timeout.unwrap_or(Duration::from_secs(10)),
        },
        warnings,
    })
}

fn hosts(
    names: Option<&str>,
    addresses: Option<&str>,
    ports: Option<&str>,
) -> Result<Vec<Host>, ConfigError> {
    let split = |text: Option<&str>| -> Vec<String> {
        text.map(|text| text.split(',').map(|part| part.trim().to_owned()).collect()).unwrap_or_default()
    };
    let (names, addresses, ports) = (split(names), split(addresses), split(ports));
    let count = names.len().max(addresses.len());
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(ConfigError::new(format!(
            "there are {} hosts but {} host addresses",
            names.len(),
            addresses.len()
        )));
    }
    if ports.len() > 1 && ports.len() != count.max(1) {
        return Err(ConfigError::new(format!("there are {} ports for {} hosts", ports.len(), count))
            .help("give one port for all, or one for each"));
    }
    let port = |at: usize| {
        match ports.get(at).or(ports.first()).map(String::as_str) {
        None | Some("") => Ok(5432),
        Some(port) => port.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(|| {
            ConfigError::new("a port is not a number from 1 to 65535")
                .help("in a URL, write special characters of the password percent-encoded: @ as %40, : as %3A, / as %2F")
        }),
    }
    };
    let mut hosts = Vec::new();
    for at in 0..count.max(1) {
        let name = names.get(at).map_or("", String::as_str);
        let address = match addresses.get(at).map(String::as_str) {
            None | Some("") => None,
            Some(text) => Some(
                text.parse::<IpAddr>().map_err(|_| ConfigError::new("a hostaddr is not an IP address"))?,
            ),
        };
        let explicit = |place| Host { place, port: 0, implicit: false, password: None };
        let found = match (name, address) {
            ("", None) => implicit_hosts(),
            (name, None) if name.starts_with('/') => vec![explicit(Place::Unix(name.into()))],
            (name, _) if name.starts_with('@') => {
                return Err(ConfigError::new(
                    "sockets in the abstract namespace (host=@…) are not supported",
                ));
            }
            ("", Some(ip)) => vec![explicit(Place::Tcp { name: ip.to_string(), address })],
            (name, _) => vec![explicit(Place::Tcp { name: name.to_owned(), address })],
        };
        let port = port(at)?;
        hosts.extend(found.into_iter().map(|host| Host { port, ..host }));
    }
    Ok(hosts)
}

fn implicit_hosts() -> Vec<Host> {
    let sockets = SOCKET_DIRECTORIES.iter().map(|dir| Place::Unix(PathBuf::from(dir)));
    let local = Place::Tcp { name: "localhost".to_owned(), address: None };
    sockets.chain([local]).map(|place| Host { place, port: 0, implicit: true, password: None }).collect()
}

fn number<N: std::str::FromStr>(text: Option<&str>, name: &str) -> Result<Option<N>, ConfigError> {
    let parse =
        |text: &str| text.trim().parse().map_err(|_| ConfigError::new(format!("{name} is not a number")));
    text.map(parse).transpose()
}

/// A value out of a fixed set. These values are no secrets, but the error lists the right ones only.
pub(super) fn one_of<T: Copy>(
    text: Option<&str>,
    name: &str,
    known: &[(&str, T)],
) -> Result<Option<T>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    match known.iter().find(|(value, _)| *value == text) {
        Some((_, value)) => Ok(Some(*value)),
        None => {
            let values: Vec<&str> = known.iter().map(|(value, _)| *value).collect();
            Err(ConfigError::new(format!("{name} has an unknown value"))
                .help(format!("it may be {}", values.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests;
