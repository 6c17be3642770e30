//! Owns how guards and probes are written: their thresholds and which of them contradict each other.
//! Must not know how a guard judges.

use super::decode::{Context, Fields};
use super::duration::parse_duration;
use super::limits;
use super::node::{Node, Value};
use super::settings::{
    HttpSource, LevelSettings, Of, ProbeSettings, ProbeSource, RollbackRule, Settings, Threshold,
};
use super::{Spanned, Text};
use crate::diagnostic::{Diagnostic, clip};
use std::{
    collections::HashSet,
    ops::{Range, RangeInclusive},
    time::Duration,
};

/// A signal of Segue's own that a guard may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub name: &'static str,
    pub unit: Unit,
    /// The server allows so much of it and no more: then a threshold may be a share of that.
    pub limited: bool,
    /// What is normal differs from server to server: a threshold may be a multiple of that.
    pub varies: bool,
}

/// What a threshold is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Written as a duration, held in seconds.
    Seconds,
    /// Written as `5GB`, held in bytes.
    Bytes,
    /// A plain number: sessions, transactions, whatever a probe's query returns.
    Bare,
}

const fn known(name: &'static str, unit: Unit) -> Known {
    Known { name, unit, limited: false, varies: false }
}

const fn limited(name: &'static str, unit: Unit) -> Known {
    Known { limited: true, ..known(name, unit) }
}

const fn varying(name: &'static str, unit: Unit) -> Known {
    Known { varies: true, ..known(name, unit) }
}

/// In the order in which they are judged and shown.
pub const KNOWN: [Known; 18] = [
    known("replication_lag", Unit::Seconds),
    known("replication_lag_bytes", Unit::Bytes),
    known("lock_wait", Unit::Seconds),
    known("sync_wait", Unit::Seconds),
    limited("slot_wal", Unit::Bytes),
    known("archive_backlog", Unit::Bare),
    known("archive_failing", Unit::Seconds),
    varying("commit_time", Unit::Seconds),
    Known { varies: true, ..limited("connections", Unit::Bare) },
    varying("active_sessions", Unit::Bare),
    varying("on_cpu", Unit::Bare),
    known("deadlocks", Unit::Bare),
    known("forced_checkpoints", Unit::Bare),
    limited("freeze_age", Unit::Bare),
    known("wraparound_vacuum", Unit::Bare),
    known("dead_rows", Unit::Bare),
    known("horizon", Unit::Bare),
    varying("wal_rate", Unit::Bytes),
];

/// How the thresholds of a probe are written.
pub const PROBE: Known = varying("", Unit::Bare);
/// How long a baseline may be learned.
const BASELINE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

pub(crate) fn decode_guards(settings: &mut Settings, mut f: Fields<'_>) {
    let cx = f.cx;
    for known in &KNOWN {
        let Some((at, node)) = f.keyed(known.name).filter(|(_, node)| !node.is_null()) else { continue };
        let levels = if is_off(node) {
            LevelSettings::off(cx, node)
        } else {
            let Some(mut fields) = Fields::of(cx, node, &format!("`{}`", known.name), Some(at)) else {
                continue;
            };
            let levels = LevelSettings::decode(&mut fields, known);
            fields.finish();
            levels
        };
        settings.guards.insert(known.name, levels);
    }
    if let Some((at, node)) = f.keyed("hold").filter(|(_, node)| !node.is_null())
        && let Some(mut fields) = Fields::of(cx, node, "`hold`", Some(at))
    {
        let pauses = fields.optional("pauses_an_hour");
        let pauses = pauses.and_then(|node| cx.whole_number(node, "`pauses_an_hour` of `hold`"));
        settings.hold_pauses = pauses.map(|pauses| u32::try_from(pauses.value).unwrap_or(u32::MAX));
        settings.hold_longest = fields.optional_duration("pause_of");
        fields.finish();
    }
    settings.delayed_standbys = f.names("delayed_standbys");
    settings.baseline = f.optional_duration("baseline").filter(|length| {
        let fits = BASELINE.contains(&length.value);
        if !fits {
            let message = "`baseline` of `guards` must be from 1s to 1h";
            cx.report(Diagnostic::error("plan.invalid_value", message).at(length.span.clone()));
        }
        fits
    });
    let mut names = HashSet::new();
    for item in f.optional_list("probes").unwrap_or_default() {
        let Some(probe) = ProbeSettings::decode(cx, item) else { continue };
        if !names.insert(probe.name.value.clone()) {
            let message = format!("there are two probes of the name `{}`", clip(probe.name.as_str()));
            cx.report(Diagnostic::error("plan.duplicate_name", message).at(probe.name.span.clone()));
        }
        settings.probes.push(probe);
    }
    f.finish();
}

/// A threshold in one word, as an operator writes it: `10s`, `5GB`, a number, `80%` where there is a limit, `2x` where there
/// is a baseline, `off`.
pub fn threshold(known: &Known, text: &str) -> Option<Threshold> {
    let text = text.trim();
    if text == "off" {
        return Some(Threshold::Off);
    }
    let (value, of) = match text.strip_suffix('%') {
        Some(percent) if known.limited => (share(percent)?, Of::Limit),
        _ if is_multiple(known, text) => multiple(known, text)?,
        _ => (amount(known.unit, text)?, Of::Itself),
    };
    Some(Threshold::At { value, of, lasting: Duration::ZERO })
}

/// What may be written for it.
pub fn possible(known: &Known) -> String {
    let share = if known.limited { ", a share of what the server allows such as `80%`" } else { "" };
    let multiple = if known.varies { format!(", {}", multiples(known.unit)) } else { String::new() };
    format!("{}{share}{multiple}, or `off`", amounts(known.unit))
}

fn amounts(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "a duration such as `30s`",
        Unit::Bytes => "an amount such as `512MB`",
        Unit::Bare => "a number from 0",
    }
}

fn multiples(unit: Unit) -> String {
    let more = match unit {
        Unit::Seconds => "50ms",
        Unit::Bytes => "10MB",
        Unit::Bare => "4",
    };
    format!("a multiple of the baseline such as `2x` or `2x + {more}`")
}

fn amount(unit: Unit, text: &str) -> Option<f64> {
    let value = match unit {
        Unit::Seconds => parse_duration(text).ok().map(|time| time.as_secs_f64()),
        Unit::Bytes => limits::bytes(text),
        Unit::Bare => text.parse().ok(),
    };
    value.filter(|value| value.is_finite() && *value >= 0.0)
}

/// Whether it is meant as one: no amount has an `x`.
fn is_multiple(known: &Known, text: &str) -> bool {
    known.varies && text.contains('x')
}

/// `2x`, `2x + 4`. Nothing that is normal may reach it.
fn multiple(known: &Known, text: &str) -> Option<(f64, Of)> {
    let (times, plus) = text.split_once('x')?;
    let times = times.trim().parse().ok().filter(|times: &f64| times.is_finite())?;
    let plus = match plus.trim() {
        "" => 0.0,
        more => amount(known.unit, more.strip_prefix('+')?.trim())?,
    };
    let is_above = times > 1.0 || (times == 1.0 && plus > 0.0);
    is_above.then_some((times, Of::Baseline { plus }))
}

/// Per cent of a limit, as a share.
fn share(percent: &str) -> Option<f64> {
    let share = percent.trim().parse::<f64>().ok().filter(|share| (0.0..=1000.0).contains(share))?;
    Some(share / 100.0)
}

fn is_off(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, plain: true } if text == "off")
}

impl ProbeSettings {
    fn decode(cx: &Context, node: &Node) -> Option<ProbeSettings> {
        let mut f = Fields::of(cx, node, "a probe", None)?;
        let name = f.required_name("name").filter(|name| free_name(cx, name));
        let source = ProbeSource::decode(&mut f);
        let levels = LevelSettings::decode(&mut f, &PROBE);
        f.finish();
        Some(ProbeSettings { name: name?, source: source?, levels })
    }
}

impl ProbeSource {
    fn decode(f: &mut Fields<'_>) -> Option<ProbeSource> {
        let given = ["http", "prometheus", "sql"].map(|key| f.optional(key).is_some());
        match given {
            [true, false, false] => {
                let (url, json) = (f.address("http"), f.optional_text("json"));
                let json = json.filter(|json| {
                    let fits = json.value.is_empty() || json.value.starts_with('/');
                    if !fits {
                        let message = "`json` of a probe must be a JSON pointer such as `/data/p99`";
                        f.cx.report(Diagnostic::error("plan.invalid_value", message).at(json.span.clone()));
                    }
                    fits
                });
                Some(ProbeSource::Http(HttpSource {
                    url: url?,
                    query: None,
                    json: json.map(|json| json.value),
                }))
            }
            [false, true, false] => {
                let (url, query) = (f.address("prometheus"), f.required_filled("query"));
                Some(ProbeSource::Http(HttpSource { url: url?, query: Some(query?.value), json: None }))
            }
            [false, false, _] => Some(ProbeSource::Sql(f.required_filled("sql")?)),
            _ => {
                let message = "a probe has one of `sql`, `http` and `prometheus`";
                f.cx.error("plan.invalid_value", &f.at, message);
                let _asked = ["json", "query"].map(|key| f.optional(key));
                None
            }
        }
    }
}

/// Holds and readings are told apart by the guard's name.
fn free_name(cx: &Context, name: &Text) -> bool {
    const OTHERS: [&str; 7] =
        ["operator", "lock_victims", "sync_waiters", "flag_file", "drill", "ladder", "shed"];
    let taken = KNOWN.iter().any(|known| known.name == name.as_str()) || OTHERS.contains(&name.as_str());
    if taken {
        cx.report(
            Diagnostic::error(
                "plan.invalid_value",
                format!("`{}` already names a guard of Segue's own", name.as_str()),
            )
            .at(name.span.clone())
            .help("give the probe a name of its own"),
        );
    }
    !taken
}

impl LevelSettings {
    fn off(cx: &Context, node: &Node) -> LevelSettings {
        let off = Some(Spanned { value: Threshold::Off, span: Some(cx.span(&node.bytes)) });
        LevelSettings { throttle: off.clone(), pause: off, ..LevelSettings::default() }
    }

    fn decode(f: &mut Fields<'_>, known: &Known) -> LevelSettings {
        let cx = f.cx;
        let throttle = f.threshold("throttle", known);
        let pause = f.threshold("pause", known);
        if let (Some(throttle), Some(pause)) = (&throttle, &pause)
            && let (Threshold::At { value, of, .. }, Threshold::At { value: than, of: its, .. }) =
                (throttle.value, pause.value)
            && of == its
            && value > than
        {
            cx.report(
                Diagnostic::error("plan.invalid_value", format!("`throttle` is above `pause` in {}", f.what))
                    .at(throttle.span.clone())
                    .help("throttling comes first: make `throttle` the smaller of the two"),
            );
        }
        let rollback = f.keyed("rollback").filter(|(_, node)| !node.is_null());
        let rollback = rollback.and_then(|(at, node)| rollback_rule(cx, node, at, known, pause.as_ref()));
        let only_if_ours = f.optional_bool("only_if_ours");
        LevelSettings { throttle, pause, rollback, only_if_ours }
    }
}

fn rollback_rule(
    cx: &Context,
    node: &Node,
    at: &Range<usize>,
    known: &Known,
    pause: Option<&Spanned<Threshold>>,
) -> Option<RollbackRule> {
    let mut f = Fields::of(cx, node, "`rollback`", Some(at))?;
    let span = f.required("above").map(|node| cx.span(&node.bytes));
    let above = span.as_ref().and_then(|_| f.level("above", known));
    let lasting = if f.required("for").is_some() { f.optional_duration("for") } else { None };
    f.finish();
    let ((above, of), lasting) = (above?, lasting?.value);
    if let Some(Threshold::At { value: pause, of: its, .. }) = pause.map(|pause| pause.value)
        && its == of
        && pause > above
    {
        cx.report(
            Diagnostic::error("plan.invalid_value", "`rollback` is below `pause`")
                .at(span)
                .help("a rollout pauses before it rolls back: make `above` at least `pause`"),
        );
        return None;
    }
    Some(RollbackRule { above, of, lasting })
}

impl Fields<'_> {
    /// `10s`, `5GB`, `80%` where there is a limit, `2x` where there is a baseline, `off`, or `{above: 10s, for: 1m}`.
    fn threshold(&mut self, key: &'static str, known: &Known) -> Option<Spanned<Threshold>> {
        let node = self.optional(key)?;
        let span = Some(self.cx.span(&node.bytes));
        if is_off(node) {
            return Some(Spanned { value: Threshold::Off, span });
        }
        let Value::Map(_) = &node.value else {
            let (value, of) = self.level(key, known)?;
            return Some(Spanned { value: Threshold::At { value, of, lasting: Duration::ZERO }, span });
        };
        let mut f = Fields::of(self.cx, node, &self.named(key), None)?;
        let above = if f.required("above").is_some() { f.level("above", known) } else { None };
        let lasting = if f.required("for").is_some() { f.optional_duration("for") } else { None };
        f.finish();
        let ((value, of), lasting) = (above?, lasting?.value);
        Some(Spanned { value: Threshold::At { value, of, lasting }, span })
    }

    fn level(&mut self, key: &'static str, known: &Known) -> Option<(f64, Of)> {
        let node = self.optional(key)?;
        if let Value::Scalar { text, .. } = &node.value
            && known.limited
            && let Some(percent) = text.trim().strip_suffix('%')
        {
            let share = share(percent);
            if share.is_none() {
                let what = self.named(key);
                self.cx.error("plan.invalid_value", &node.bytes, format!("{what} must be from 0% to 1000%"));
            }
            return Some((share?, Of::Limit));
        }
        if let Value::Scalar { text, .. } = &node.value
            && is_multiple(known, text)
        {
            let read = multiple(known, text);
            if read.is_none() {
                let message = format!(
                    "{} must be {}, above the baseline itself, found {}",
                    self.named(key),
                    multiples(known.unit),
                    node.described()
                );
                self.cx.error("plan.invalid_value", &node.bytes, message);
            }
            return read;
        }
        Some((self.amount(key, known.unit)?.value, Of::Itself))
    }

    /// An address without a password: what is here is stored with the rollout, for everybody to read.
    fn address(&mut self, key: &'static str) -> Option<String> {
        let node = self.optional(key)?;
        let text = self.cx.text(node, &self.named(key))?;
        let rest = text.value.strip_prefix("http://").or_else(|| text.value.strip_prefix("https://"));
        let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let is_plain = |c: char| c.is_ascii_graphic();
        if !authority.is_some_and(|host| !host.is_empty() && !host.contains('@'))
            || !text.value.chars().all(is_plain)
        {
            let message = format!(
                "{} must be an address such as `http://metrics.internal:9090/p99`, without user or password",
                self.named(key)
            );
            self.cx.error("plan.invalid_value", &node.bytes, message);
            return None;
        }
        Some(text.value)
    }

    fn amount(&mut self, key: &'static str, unit: Unit) -> Option<Spanned<f64>> {
        let node = self.optional(key)?;
        let what = self.named(key);
        match unit {
            Unit::Seconds => {
                let found = self.cx.duration(node, &what)?;
                Some(Spanned { value: found.value.as_secs_f64(), span: found.span })
            }
            Unit::Bytes => {
                let read = match &node.value {
                    Value::Scalar { text, .. } => limits::bytes(text).filter(|bytes| *bytes >= 0.0),
                    _ => None,
                };
                if read.is_none() {
                    let message =
                        format!("{what} must be an amount such as `512MB`, found {}", node.described());
                    self.cx.error("plan.invalid_value", &node.bytes, message);
                }
                Some(Spanned { value: read?, span: Some(self.cx.span(&node.bytes)) })
            }
            Unit::Bare => {
                let found = self.cx.number(node, &what)?;
                if found.value < 0.0 {
                    self.cx.error("plan.invalid_value", &node.bytes, format!("{what} is negative"));
                    return None;
                }
                Some(found)
            }
        }
    }
}
