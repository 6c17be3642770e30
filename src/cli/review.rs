//! Owns `segue check` and `segue explain`: what a plan would do. Must not change anything.

use super::compiled;
use super::context::Context;
use super::fail::Fail;
use crate::compile::explain;
use crate::diagnostic::Diagnostics;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Parses all; compiles against the database where one is named.
pub async fn check(context: &Context, paths: &[PathBuf]) -> Result<(), Fail> {
    let mut connected = match context.names_a_database() {
        true => Some(context.connect().await?),
        false => None,
    };
    let mut all = Diagnostics::default();
    let mut reports = Vec::new();
    for path in paths {
        let checked = match &mut connected {
            Some(connected) => {
                compiled::compile(context, connected, path).await.map(|c| (c.plan.name, c.remarks))
            }
            None => context.plan(path).map(|(plan, remarks)| (plan.name, remarks)),
        };
        let (ok, found) = match checked {
            Ok((_, remarks)) => (true, remarks),
            Err(fail) if fail.exit == super::exit::Exit::Plan => (false, fail.diagnostics),
            Err(fail) => return Err(fail),
        };
        let diagnostics: Vec<_> = found.0.iter().map(|d| d.to_json()).collect();
        reports.push(json!({"plan": path.display().to_string(), "ok": ok, "diagnostics": diagnostics}));
        if !context.global.json {
            super::show_diagnostics(context, &found);
            if ok {
                let how = if connected.is_some() {
                    "fits the database"
                } else {
                    "can be read (no database was named)"
                };
                super::print(&format!("{}: {how}\n", path.display()));
            }
        }
        all.extend(found);
    }
    if context.global.json {
        super::print_json(&json!({"at": crate::clock::now(), "event": "checked", "plans": reports}));
    }
    if all.has_errors() {
        let mut fail = Fail::plan(all);
        // They were shown as they were found.
        fail.diagnostics = Diagnostics::default();
        return Err(fail);
    }
    Ok(())
}

pub async fn explain(context: &Context, path: &Path, as_script: bool) -> Result<(), Fail> {
    let mut connected = context.connect().await?;
    let compiled = compiled::compile(context, &mut connected, path).await?;
    super::show_diagnostics(context, &compiled.remarks);
    if context.global.json {
        super::print_json(&explain::json(&compiled.program));
    } else if as_script {
        super::print(&explain::script(&compiled.program));
    } else {
        super::print(&explain::text(&compiled.program, Some(&compiled.catalog), super::color(context)));
    }
    Ok(())
}
