//! Owns how guards and probes are written: their thresholds and which of them contradict each other.
//! Must not know how a guard judges.

use super::decode::{Context, Fields};
use super::node::Node;
use super::settings::{LevelSettings, ProbeSettings, RollbackRule, Settings};
use super::{Spanned, Text};
use crate::diagnostic::{Diagnostic, clip};
use std::{collections::HashSet, ops::Range};

/// What a threshold is measured in.
#[derive(Clone, Copy)]
enum Unit {
    /// Written as a duration, held in seconds.
    Seconds,
    /// Whatever the probe's query returns.
    Bare,
}

pub(crate) fn decode_guards(settings: &mut Settings, mut f: Fields<'_>) {
    let cx = f.cx;
    for key in ["replication_lag", "lock_wait"] {
        let Some((at, node)) = f.keyed(key).filter(|(_, node)| !node.is_null()) else { continue };
        let Some(mut fields) = Fields::of(cx, node, &format!("`{key}`"), Some(at)) else { continue };
        let levels = Some(LevelSettings::decode(&mut fields, Unit::Seconds));
        fields.finish();
        match key {
            "replication_lag" => settings.replication_lag = levels,
            _ => settings.lock_wait = levels,
        }
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

impl ProbeSettings {
    fn decode(cx: &Context, node: &Node) -> Option<ProbeSettings> {
        let mut f = Fields::of(cx, node, "a probe", None)?;
        let name = f.required_name("name").filter(|name| free_name(cx, name));
        let sql = f.required_filled("sql");
        let levels = LevelSettings::decode(&mut f, Unit::Bare);
        f.finish();
        Some(ProbeSettings { name: name?, sql: sql?, levels })
    }
}

/// Holds and readings are told apart by the guard's name.
fn free_name(cx: &Context, name: &Text) -> bool {
    let taken =
        ["replication_lag", "lock_wait", "operator", "flag_file", "drill", "ladder"].contains(&name.as_str());
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
    fn decode(f: &mut Fields<'_>, unit: Unit) -> LevelSettings {
        let cx = f.cx;
        let throttle = f.level("throttle", unit);
        let pause = f.level("pause", unit);
        if let (Some(throttle), Some(pause)) = (&throttle, &pause)
            && throttle.value > pause.value
        {
            cx.report(
                Diagnostic::error("plan.invalid_value", format!("`throttle` is above `pause` in {}", f.what))
                    .at(throttle.span.clone())
                    .help("throttling comes first: make `throttle` the smaller of the two"),
            );
        }
        let rollback = f.keyed("rollback").filter(|(_, node)| !node.is_null());
        let rollback = rollback.and_then(|(at, node)| rollback_rule(cx, node, at, unit, pause.as_ref()));
        let only_if_ours = f.optional_bool("only_if_ours");
        LevelSettings { throttle, pause, rollback, only_if_ours }
    }
}

fn rollback_rule(
    cx: &Context,
    node: &Node,
    at: &Range<usize>,
    unit: Unit,
    pause: Option<&Spanned<f64>>,
) -> Option<RollbackRule> {
    let mut f = Fields::of(cx, node, "`rollback`", Some(at))?;
    let above = if f.required("above").is_some() { f.level("above", unit) } else { None };
    let lasting = if f.required("for").is_some() { f.optional_duration("for") } else { None };
    f.finish();
    let (above, lasting) = (above?, lasting?);
    if pause.is_some_and(|pause| pause.value > above.value) {
        cx.report(
            Diagnostic::error("plan.invalid_value", "`rollback` is below `pause`")
                .at(above.span)
                .help("a rollout pauses before it rolls back: make `above` at least `pause`"),
        );
        return None;
    }
    Some(RollbackRule { above: above.value, lasting: lasting.value })
}

impl Fields<'_> {
    fn level(&mut self, key: &'static str, unit: Unit) -> Option<Spanned<f64>> {
        let node = self.optional(key)?;
        let what = self.named(key);
        match unit {
            Unit::Seconds => {
                let found = self.cx.duration(node, &what)?;
                Some(Spanned { value: found.value.as_secs_f64(), span: found.span })
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
