//! Owns the commands: one file a command or a family of them. Must not hold logic that a test would
//! want without a terminal: that is below.

pub mod args;
mod baseline;
mod compiled;
mod context;
pub mod demo;
pub mod exit;
mod fail;
mod look;
mod migrate;
mod noted;
mod privileges;
mod review;
mod role;
mod start;
mod status;
mod steer;
mod tune;
mod verify;
mod watching;

use crate::diagnostic::Diagnostics;
use crate::telemetry;
use crate::ui;
use args::{Cli, Command};
use clap::Parser;
use context::Context;
use exit::Exit;
use fail::Fail;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};

/// Runs the command line of this process.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors.
            let asked = !error.use_stderr();
            let _ = error.print();
            return if asked { Exit::Done } else { Exit::Usage };
        }
    };
    let color = !cli.global.no_color && std::env::var_os("NO_COLOR").is_none();
    let style = telemetry::Style { verbosity: cli.global.verbose, json: cli.global.json, color };
    if let Err(error) = telemetry::start(style) {
        complain(&format!("error: {error}"));
        return Exit::Usage;
    }
    if let Command::Demo(flags) = &cli.command {
        // It has threads of its own and runs the other commands as processes.
        return demo::run(flags, cli.global.json, !color);
    }
    if let Command::Demo(flags) = &cli.command {
        return demo::run(flags, cli.global.json, cli.global.no_color);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system gives threads");
    let json = cli.global.json;
    let ended = runtime.block_on(run(cli));
    // What is still open (a monitor's thread, a cancel under way) is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Exit::Done,
        Err(fail) => tell(&fail, json, color && std::io::stderr().is_terminal()),
    }
}

async fn run(cli: Cli) -> Result<(), Fail> {
    let context = Context::new(cli.global)?;
    match &cli.command {
        Command::Init => init(&context).await,
        Command::Baseline { name } => baseline::run(&context, name.as_deref()).await,
        Command::Check { plans, data, on } => {
            let data = data.then_some(review::Data { standby: on.as_deref() });
            review::check(&context, plans, data).await
        }
        Command::Explain { plan, sql } => review::explain(&context, plan, *sql).await,
        Command::Privileges { plan, role } => {
            privileges::run(&context, plan.as_deref(), role.as_deref()).await
        }
        Command::Start { plan, complete, settings } => start::run(&context, plan, *complete, settings).await,
        Command::Status { watch } => status::run(&context, *watch).await,
        Command::Verify => verify::run(&context).await,
        Command::Pause { lasting, reason, wait } => {
            steer::pause(&context, *lasting, reason.as_deref(), *wait).await
        }
        Command::HoldContract { reason, wait } => noted::hold_contract(&context, reason, *wait).await,
        Command::ReleaseContract { reason, wait } => {
            noted::release_contract(&context, reason.as_deref(), *wait).await
        }
        Command::Shed { reason, wait } => noted::shed(&context, reason.as_deref(), *wait).await,
        Command::Restore { reason, wait } => noted::restore(&context, reason.as_deref(), *wait).await,
        Command::IgnoreStandby { standby, lasting, reason, wait } => {
            noted::ignore_standby(&context, standby, *lasting, reason.as_deref(), *wait).await
        }
        Command::Tune { what, values, lasting, reason, wait } => {
            tune::run(&context, *what, values, *lasting, reason.as_deref(), *wait).await
        }
        Command::Resume { accept_blind, signal, lasting, reason } => {
            let lifted = signal.as_deref().zip(*lasting);
            steer::resume(&context, accept_blind, lifted, reason.as_deref()).await
        }
        Command::Drill { drill, lasting, reason, wait } => {
            noted::drill(&context, *drill, *lasting, reason.as_deref(), *wait).await
        }
        Command::Rollback { reason } => steer::rollback(&context, reason.as_deref()).await,
        Command::Complete { force } => steer::complete(&context, *force).await,
        Command::Migrate { dir, complete, settings } => {
            migrate::run(&context, dir.as_deref(), *complete, settings).await
        }
        Command::Clients => look::clients(&context).await,
        Command::History => look::history(&context).await,
        Command::Log { plan } => look::log(&context, plan.as_deref()).await,
        Command::Demo(_) => unreachable!("the demonstration runs outside the runtime"),
    }
}

async fn init(context: &Context) -> Result<(), Fail> {
    let mut connected = context.connect().await?;
    let before = crate::store::init(&mut connected.session).await?;
    let now = crate::store::VERSION;
    let text = match before {
        0 => format!("created Segue's own schema (version {now})"),
        before if before < now => format!("upgraded Segue's own schema from version {before} to {now}"),
        _ => format!("Segue's own schema is there (version {now})"),
    };
    say(context, "initialized", &text);
    Ok(())
}

/// How what happens is shown: bars on a terminal, lines elsewhere, JSON lines where asked for.
fn mode(context: &Context) -> ui::Mode {
    // With only one of both a terminal, the other is being kept, and it should hold the story.
    let terminal = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
    ui::Mode::choose(context.global.json, terminal, color(context))
}

fn color(context: &Context) -> bool {
    !context.global.no_color && std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal()
}

/// Text to standard output. A reader that went away is no error; false says so.
fn print(text: &str) -> bool {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

fn print_json(value: &Value) -> bool {
    print(&format!("{value}\n"))
}

/// A line to standard error. `eprintln!` would panic where nobody reads it, and hide the exit code.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One thing done, in words or as a JSON line.
fn say(context: &Context, event: &str, text: &str) {
    if context.global.json {
        print_json(&json!({"at": crate::clock::now(), "event": event, "message": text}));
    } else {
        print(&format!("{text}\n"));
    }
}

/// Warnings and notes, before the work.
fn show_diagnostics(context: &Context, found: &Diagnostics) {
    if found.0.is_empty() {
        return;
    }
    if context.global.json {
        for line in ui::errors::diagnostics_json(found, crate::clock::now()) {
            print(&format!("{line}\n"));
        }
    } else {
        complain(&format!("{}\n", ui::errors::diagnostics_text(found, color(context))));
    }
}

/// How a command that did not do what was asked says so.
fn tell(fail: &Fail, json: bool, color: bool) -> Exit {
    let failure = ui::errors::Failure {
        exit: fail.exit as u8,
        code: fail.exit.name(),
        message: &fail.message,
        help: fail.help.as_deref(),
        diagnostics: &fail.diagnostics,
    };
    if json {
        print(&format!("{}\n", failure.json(crate::clock::now())));
    } else {
        complain(&failure.text(color));
    }
    fail.exit
}
