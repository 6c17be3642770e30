//! Owns what a plan or `segue.yaml` may set: backfill, guards, contract. All optional here; the
//! defaults and their precedence are `control::policy`'s.

use super::decode::{Context, Fields};
use super::guards::decode_guards;
use super::limits::{self, Cap, Limit, MAX_WORKERS, SLICE_TIME};
use super::node::{Node, Value};
use super::{Spanned, Text};
use crate::diagnostic::Diagnostic;
use std::{collections::BTreeMap, time::Duration};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub slice_time: Option<Spanned<Duration>>,
    pub workers: Option<Spanned<u32>>,
    /// Rows a second; `off` lifts what `segue.yaml` says.
    pub rate: Option<Cap>,
    /// Bytes of WAL a second.
    pub wal: Option<Cap>,
    /// Per cent of the time at rest.
    pub rest: Option<u32>,
    pub user_triggers: Option<UserTriggers>,
    pub on_row_error: Option<OnRowError>,
    /// A VACUUM of what was filled.
    pub vacuum: Option<bool>,
    /// Filled rows are compared before the new version is published.
    pub verify: Option<bool>,
    /// By the signal's name, for those of Segue's own.
    pub guards: BTreeMap<&'static str, LevelSettings>,
    pub probes: Vec<ProbeSettings>,
    /// Standbys that replay late on purpose.
    pub delayed_standbys: Vec<Text>,
    /// How long a baseline is learned.
    pub baseline: Option<Spanned<Duration>>,
    pub quiet_for: Option<Spanned<Duration>>,
    /// More automatic pauses an hour than this are held for a person,
    pub hold_pauses: Option<u32>,
    /// and one that lasts so long.
    pub hold_longest: Option<Spanned<Duration>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum UserTriggers {
    Fire,
    Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OnRowError {
    Stop,
    SetAside(u64),
}

/// Thresholds of one guard, in the signal's unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LevelSettings {
    pub throttle: Option<Spanned<Threshold>>,
    pub pause: Option<Spanned<Threshold>>,
    pub rollback: Option<RollbackRule>,
    /// Ask for proof that the load is Segue's before rolling back.
    pub only_if_ours: Option<bool>,
}

/// Where a guard begins to act.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// It does not.
    Off,
    At {
        value: f64,
        of: Of,
        /// Not before the signal was there without a break for so long.
        lasting: Duration,
    },
}

impl Threshold {
    /// A number in the signal's unit, in force at once.
    pub fn at(value: f64) -> Threshold {
        Threshold::At { value, of: Of::Itself, lasting: Duration::ZERO }
    }
}

/// What a threshold is a multiple of.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Of nothing: a number in the signal's unit.
    #[default]
    Itself,
    /// Of what the server allows, which comes with each reading.
    Limit,
    /// Of what the signal is while Segue writes nothing, and so much on top.
    Baseline { plus: f64 },
}

#[derive(Clone, Debug, PartialEq)]
pub struct RollbackRule {
    pub above: f64,
    pub of: Of,
    pub lasting: Duration,
}

/// A number of the operator's, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSettings {
    pub name: Text,
    pub source: ProbeSource,
    pub levels: LevelSettings,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ProbeSource {
    /// A query that returns one number.
    Sql(Text),
    Http(HttpSource),
}

/// An HTTP answer that is a number, or has one in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HttpSource {
    /// Of a Prometheus server where there is a `query`.
    pub url: String,
    /// In PromQL.
    #[serde(default)]
    pub query: Option<String>,
    /// A JSON pointer to the number; none: the answer is the number.
    #[serde(default)]
    pub json: Option<String>,
}

impl Settings {
    /// The keys `backfill`, `guards` and `contract` of a file's top level.
    pub(crate) fn decode(top: &mut Fields<'_>) -> Settings {
        let mut settings = Settings::default();
        if let Some((at, node)) = top.keyed("backfill")
            && let Some(f) = Fields::of(top.cx, node, "`backfill`", Some(at))
        {
            settings.decode_backfill(f);
        }
        if let Some((at, node)) = top.keyed("guards")
            && let Some(f) = Fields::of(top.cx, node, "`guards`", Some(at))
        {
            decode_guards(&mut settings, f);
        }
        if let Some((at, node)) = top.keyed("contract")
            && let Some(mut f) = Fields::of(top.cx, node, "`contract`", Some(at))
        {
            settings.quiet_for = f.optional_duration("quiet_for");
            f.finish();
        }
        settings
    }

    fn decode_backfill(&mut self, mut f: Fields<'_>) {
        self.slice_time = f.optional_duration("slice_time").filter(|time| {
            let fits = SLICE_TIME.contains(&time.value);
            if !fits {
                let message = "`slice_time` of `backfill` must be from 1ms to 60s";
                f.cx.report(Diagnostic::error("plan.invalid_value", message).at(time.span.clone()));
            }
            fits
        });
        self.workers = f.optional("workers").and_then(|node| {
            let workers = f.cx.whole_number(node, "`workers` of `backfill`")?;
            let fits = (1..=u64::from(MAX_WORKERS)).contains(&workers.value);
            if !fits {
                let message = format!("`workers` of `backfill` must be from 1 to {MAX_WORKERS}");
                f.cx.error("plan.invalid_value", &node.bytes, message);
            }
            let value = u32::try_from(workers.value).ok().filter(|_| fits)?;
            Some(Spanned { value, span: workers.span })
        });
        self.rate = f.limit(Limit::Rate, limits::rate);
        self.wal = f.limit(Limit::Wal, limits::wal);
        self.rest = f.limit(Limit::Rest, limits::rest);
        self.user_triggers = f.one_of("user_triggers", &["fire", "skip"]).map(|found| match found.value {
            "fire" => UserTriggers::Fire,
            _ => UserTriggers::Skip,
        });
        self.on_row_error = f.optional("on_row_error").and_then(|node| OnRowError::decode(f.cx, node));
        self.vacuum = f.optional_bool("vacuum");
        self.verify = f.optional_bool("verify");
        f.finish();
    }
}

impl OnRowError {
    fn decode(cx: &Context, node: &Node) -> Option<OnRowError> {
        let what = "`on_row_error` of `backfill`";
        match &node.value {
            Value::Scalar { text, .. } if text.eq_ignore_ascii_case("stop") => Some(OnRowError::Stop),
            Value::Map(_) => {
                let mut f = Fields::of(cx, node, what, None)?;
                let found = f.required("set_aside");
                f.finish();
                let rows = cx.whole_number(found?, "`set_aside`")?;
                if rows.value == 0 {
                    cx.report(
                        Diagnostic::error("plan.invalid_value", "`set_aside` must be at least 1 row")
                            .at(rows.span)
                            .help("to set no row aside, write `on_row_error: stop`"),
                    );
                    return None;
                }
                Some(OnRowError::SetAside(rows.value))
            }
            Value::List(_) => {
                cx.wrong_type(node, what, "`stop` or `{set_aside: 100}`");
                None
            }
            Value::Scalar { .. } => {
                let message =
                    format!("{what} must be `stop` or `{{set_aside: 100}}`, found {}", node.described());
                cx.error("plan.invalid_value", &node.bytes, message);
                None
            }
        }
    }
}

impl Fields<'_> {
    fn limit<T>(&mut self, limit: Limit, read: fn(&str) -> Option<T>) -> Option<T> {
        let node = self.optional(limit.name())?;
        let read = match &node.value {
            Value::Scalar { text, .. } => read(text),
            _ => None,
        };
        if read.is_none() {
            let what = self.named(limit.name());
            let message = format!("{what} must be {}, found {}", limit.possible(), node.described());
            self.cx.error("plan.invalid_value", &node.bytes, message);
        }
        read
    }

    pub(crate) fn optional_duration(&mut self, key: &'static str) -> Option<Spanned<Duration>> {
        let node = self.optional(key)?;
        self.cx.duration(node, &self.named(key))
    }
}
