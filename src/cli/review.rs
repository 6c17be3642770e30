//! Owns `segue check` and `segue explain`: what a plan would do. Must not change anything.

use super::compiled::{self, Past};
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
    let applied = match &connected {
        Some(connected) => Past::read(context, connected).await?.applied,
        None => Vec::new(),
    };
    let mut all = Diagnostics::default();
    let mut reports = Vec::new();
    let mut first_pending = true;
    for path in paths {
        let checked = match (context.plan(path), &mut connected) {
            (Ok((plan, remarks)), Some(_)) if applied.contains(&plan.name) => {
                Ok((remarks, "is completed already"))
            }
            (Ok((plan, remarks)), Some(connected)) if std::mem::take(&mut first_pending) => {
                let compiled = compiled::compile_parsed(context, connected, plan, remarks).await;
                compiled.map(|c| (c.remarks, "fits the database"))
            }
            // The schema it will meet is made by those before it.
            (Ok((_, remarks)), Some(_)) => {
                Ok((remarks, "can be read; its fit shows when those before it are completed"))
            }
            (Ok((_, remarks)), None) => Ok((remarks, "can be read; no database was named")),
            (Err(fail), _) => Err(fail),
        };
        let (how, found) = match checked {
            Ok((remarks, how)) => (Some(how), remarks),
            Err(fail) if fail.exit == super::exit::Exit::Plan => (None, fail.diagnostics),
            Err(fail) => return Err(fail),
        };
        let diagnostics: Vec<_> = found.0.iter().map(|d| d.to_json()).collect();
        reports.push(json!({"plan": path.display().to_string(), "ok": how.is_some(), "result": how, "diagnostics": diagnostics}));
        if !context.global.json {
            super::show_diagnostics(context, &found);
            if let Some(how) = how {
                super::print(&format!("{} {how}\n", path.display()));
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
