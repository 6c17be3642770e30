//! Owns `segue check` and `segue explain`: what a plan would do. Must not change anything.

use super::compiled::{self, Compiled, Past};
use super::context::{Connected, Context};
use super::exit::Exit;
use super::fail::Fail;
use crate::compile::explain;
use crate::diagnostic::{Diagnostics, Severity};
use crate::execute::rows;
use crate::pg::{Config, Session};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

const STANDBY: Duration = Duration::from_secs(10);

/// That the rows are to be looked at, too.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    /// Where to; `None`: where the plan is for.
    pub standby: Option<&'a str>,
}

/// Parses all; compiles against the database where one is named.
pub async fn check(context: &Context, paths: &[PathBuf], data: Option<Data<'_>>) -> Result<(), Fail> {
    if data.is_some() && !context.names_a_database() {
        return Err(Fail::new(Exit::Usage, "--data looks at rows, and no database was named")
            .help("name one with --url, an environment or PGHOST"));
    }
    let mut connected = match context.names_a_database() {
        true => Some(context.connect().await?),
        false => None,
    };
    let past = match &connected {
        Some(connected) => Past::read(context, connected).await?,
        None => Past::default(),
    };
    let under_way =
        past.under_way.as_ref().map(|(plan, state)| (plan, format!("is under way: it is {state}")));
    let mut all = Diagnostics::default();
    let mut reports = Vec::new();
    let mut first_pending = true;
    for path in paths {
        let checked = match (context.plan(path), &mut connected) {
            (Ok((plan, remarks)), Some(_)) if past.applied.contains(&plan.name) => {
                Ok((remarks, "is completed already"))
            }
            // What it makes is there: it would be in its own way.
            (Ok((plan, remarks)), Some(_))
                if let Some((_, how)) = under_way.as_ref().filter(|(name, _)| **name == plan.name) =>
            {
                Ok((remarks, how.as_str()))
            }
            (Ok((plan, remarks)), Some(connected)) if std::mem::take(&mut first_pending) => {
                let compiled = compiled::compile_parsed(context, connected, plan, remarks).await;
                match (compiled, data) {
                    (Ok(compiled), Some(data)) => Ok((
                        on_rows(context, connected, &compiled, data).await?,
                        "fits the database and its rows",
                    )),
                    (compiled, _) => compiled.map(|c| (c.remarks, "fits the database")),
                }
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

/// The plan's remarks, and every row that it could not fill.
async fn on_rows(
    context: &Context,
    connected: &mut Connected,
    compiled: &Compiled,
    data: Data<'_>,
) -> Result<Diagnostics, Fail> {
    let mut remarks = compiled.remarks.clone();
    // All of them are looked at now.
    remarks.0.retain(|remark| remark.code != compiled::ROW_FAILS);
    let mut elsewhere = match data.standby {
        Some(url) => Some(Session::open(&Config::from_env(Some(url))?, "check", STANDBY).await?),
        None => None,
    };
    let session = elsewhere.as_mut().unwrap_or(&mut connected.session);
    let evaluated = rows::evaluate(session, &compiled.program, &compiled.catalog, rows::Which::All).await;
    for one in evaluated.map_err(compiled::of_halt)? {
        if !context.global.json && one.untold.is_none() {
            let (rows, columns) = (one.rows, one.columns.join(", "));
            super::print(&format!(
                "{} ({columns}): {rows} rows looked at, {} fail\n",
                one.table, one.failing
            ));
        }
        remarks.0.extend(compiled::of_rows(&one, Severity::Error));
    }
    Ok(remarks)
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
