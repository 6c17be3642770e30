//! Owns what every command begins with: the project's file, the connection, the schema. Must not
//! carry anything out.

use super::args::Global;
use super::exit::Exit;
use super::fail::Fail;
use crate::catalog::Catalog;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::execute::standbys::Standby;
use crate::ident::Ident;
use crate::pg::{self, Config, Limits, Session, Setup, Target, introspect};
use crate::plan::{self, Plan, Project, Settings};
use crate::store;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const OPEN: Duration = Duration::from_secs(10);
const DEFAULT_SCHEMA: &str = "public";

pub struct Context {
    pub global: Global,
    pub project: Project,
    /// Where segue.yaml stands, or the working directory.
    pub root: PathBuf,
    pub schema: Ident,
}

/// A session with what must be known before anything else.
pub struct Connected {
    pub config: Config,
    pub session: Session,
}

impl Context {
    pub fn new(global: Global) -> Result<Context, Fail> {
        let here = std::env::current_dir().map_err(|error| {
            Fail::new(Exit::Failed, format!("the working directory cannot be read: {error}"))
        })?;
        let found = here.ancestors().map(|dir| dir.join(plan::PROJECT_FILE)).find(|file| file.is_file());
        let (project, root) = match found {
            Some(file) => {
                let (project, diagnostics) = plan::parse_project(read_source(&file)?);
                let project = project.ok_or_else(|| Fail::plan(diagnostics))?;
                (project, file.parent().expect("a file is in a directory").to_owned())
            }
            None => (Project::default(), here),
        };
        let environment = match &global.environment {
            None => None,
            Some(name) => Some(project.environments.get(name).ok_or_else(|| {
                let known = project.environments.keys().cloned().collect::<Vec<_>>().join(", ");
                let help = if known.is_empty() {
                    format!("{} names none", plan::PROJECT_FILE)
                } else {
                    format!("there are: {known}")
                };
                Fail::new(Exit::Usage, format!("there is no environment {name}")).help(help)
            })?),
        };
        let schema = global
            .schema
            .clone()
            .or_else(|| environment.and_then(|e| e.schema.as_ref()).map(|s| s.value.clone()))
            .or_else(|| project.schema.as_ref().map(|s| s.value.clone()))
            .unwrap_or_else(|| DEFAULT_SCHEMA.to_owned());
        let schema = Ident::new(schema);
        if !schema.is_storable() {
            return Err(Fail::new(Exit::Usage, format!("{:?} cannot be a schema's name", schema.as_str())));
        }
        Ok(Context { project, root, schema, global })
    }

    /// Settings that hold for every plan of the project.
    pub fn settings(&self) -> &Settings {
        &self.project.settings
    }

    /// The file that pauses what is supervised here.
    pub fn flag_file(&self) -> Option<PathBuf> {
        let of_project = || self.project.pause_file.as_ref().map(|file| self.root.join(&file.value));
        self.global.flag_file.clone().or_else(of_project)
    }

    /// Whether the operator said where the database is, rather than leaving it to libpq's defaults.
    pub fn names_a_database(&self) -> bool {
        let named = ["SEGUE_URL", "DATABASE_URL", "PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE"];
        self.global.url.is_some()
            || self.global.environment.is_some()
            || named.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    }

    pub fn config(&self) -> Result<Config, Fail> {
        let environment =
            self.global.environment.as_ref().and_then(|name| self.project.environments.get(name));
        let url = match (&self.global.url, environment.and_then(|e| e.url.as_ref())) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(url)) => Some(
                plan::expand_variables(url, &|name| std::env::var(name).ok())
                    .map_err(|diagnostic| Fail::plan(Diagnostics(vec![*diagnostic])))?,
            ),
            (None, None) => None,
        };
        let config = Config::from_env(url.as_deref())?;
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(config)
    }

    /// The standbys that can be asked who reads there: of the flags, else of the environment, else of the project.
    pub fn standbys(&self) -> Result<Vec<Standby>, Fail> {
        if !self.global.standbys.is_empty() {
            let named = self.global.standbys.iter();
            return named.map(|(name, url)| Ok(Standby::new(name, Config::from_env(Some(url))?))).collect();
        }
        let environment =
            self.global.environment.as_ref().and_then(|name| self.project.environments.get(name));
        let of_environment = environment.map(|e| &e.standbys).filter(|standbys| !standbys.is_empty());
        let named = of_environment.unwrap_or(&self.project.standbys).iter();
        named
            .map(|standby| {
                let url = plan::expand_variables(&standby.url, &|name| std::env::var(name).ok())
                    .map_err(|diagnostic| Fail::plan(Diagnostics(vec![*diagnostic])))?;
                Ok(Standby::new(standby.name.as_str(), Config::from_env(Some(&url))?))
            })
            .collect()
    }

    /// A session with a primary. Poolers that give each transaction another session are refused:
    /// limits, leases and locks would not hold.
    pub async fn connect(&self) -> Result<Connected, Fail> {
        let config = self.config()?;
        let session = open(&config).await?;
        Context::accept(config, session)
    }

    fn accept(config: Config, session: Session) -> Result<Connected, Fail> {
        if session.is_pooled() {
            return Err(Fail::new(
                Exit::Refused,
                "there is a pooler in transaction mode between here and the server",
            )
            .help("connect to PostgreSQL directly: Segue needs sessions of its own"));
        }
        if session.server_version() < 140_000 {
            let major = session.server_version() / 10_000;
            return Err(Fail::new(Exit::Refused, format!("the server is PostgreSQL {major}"))
                .help("Segue works with PostgreSQL 14 and later"));
        }
        Ok(Connected { config, session })
    }

    /// Connects and makes sure of Segue's own schema.
    pub async fn prepare(&self) -> Result<Connected, Fail> {
        let mut connected = self.connect().await?;
        store::init(&mut connected.session).await?;
        Ok(connected)
    }

    /// Connects for commands that only look, to a standby where no primary answers: while one is awaited is when it is
    /// asked how things stand. `None`: Segue was never here.
    pub async fn look(&self) -> Result<Option<Connected>, Fail> {
        let config = self.config()?;
        let connected = match open(&config).await {
            Err(error) if error.met_unsuitable() => {
                let config = config.with_target(Target::Any);
                let Ok(session) = open(&config).await else { return Err(error.into()) };
                tracing::warn!(
                    "no server that takes writes answers: what follows is the word of one that may be behind"
                );
                Context::accept(config, session)?
            }
            opened => Context::accept(config, opened?)?,
        };
        known(connected).await
    }

    /// The same on a primary and nowhere else.
    pub async fn look_at_primary(&self) -> Result<Option<Connected>, Fail> {
        known(self.connect().await?).await
    }

    /// The schema as it is, with every version schema of Segue's left out of what depends on it.
    pub async fn catalog(&self, session: &mut Session, versions: &[Ident]) -> Result<Catalog, Fail> {
        let doing = "reading the catalog";
        let tx = session.snapshot(doing, &Limits::READ).await?;
        let catalog = introspect::introspect(&tx, &self.schema, versions).await?;
        tx.commit(doing).await?;
        catalog.ok_or_else(|| {
            let message = format!("there is no schema `{}`", self.schema.as_str());
            let missing = Diagnostic::error("compile.schema_missing", message);
            Fail::plan(Diagnostics(vec![missing.help("name one with --schema, or create it")]))
        })
    }

    /// Reads a plan file and parses it. Warnings are given back with it.
    pub fn plan(&self, path: &Path) -> Result<(Plan, Diagnostics), Fail> {
        let source = read_source(path)?;
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(name) = plan::plan_name(&file) else {
            return Err(Fail::new(Exit::Usage, format!("{} is not a plan's name", path.display()))
                .help("a plan's file ends in .yaml, .yml or .json"));
        };
        let (parsed, diagnostics) = plan::parse(name, source);
        match parsed {
            Some(plan) => Ok((plan, diagnostics)),
            None => Err(Fail::plan(diagnostics)),
        }
    }
}

/// A file as text, with its size looked at before it is read.
pub fn read_source(path: &Path) -> Result<Arc<Source>, Fail> {
    let name = path.display().to_string();
    let cannot = |error: std::io::Error| {
        Fail::plan(Diagnostics(vec![Diagnostic::error(
            "plan.unreadable",
            format!("{name} cannot be read: {error}"),
        )]))
    };
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if let Some(diagnostic) = plan::too_large(&name, size) {
        return Err(Fail::plan(Diagnostics(vec![diagnostic])));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    plan::decode_bytes(&name, bytes).map_err(|diagnostic| Fail::plan(Diagnostics(vec![*diagnostic])))
}

impl From<pg::Error> for Box<Fail> {
    fn from(error: pg::Error) -> Box<Fail> {
        Box::new(error.into())
    }
}

async fn known(connected: Connected) -> Result<Option<Connected>, Fail> {
    match store::stored(&connected.session).await? {
        store::Stored::Absent => Ok(None),
        // An older one is upgraded by the first command that writes.
        store::Stored::Older(_) | store::Stored::Current => Ok(Some(connected)),
    }
}

async fn open(config: &Config) -> Result<Session, pg::Error> {
    Session::open_with(config, "cli", OPEN, Setup::default().without_standby()).await
}
