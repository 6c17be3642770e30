//! Owns what is on the screen while the demonstration runs: live lines on a terminal, plain lines elsewhere, JSON lines on demand.
//! Must not decide anything.

use super::{
    course::Course,
    figures::{self, count, milliseconds},
    standby::Behind,
    tally::{Latency, Tally},
};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, Write, stdout},
    time::{Duration, Instant},
};

/// How often plain text says how things stand.
const PLAIN_EVERY: Duration = Duration::from_secs(2);
/// The live rate and p99 of an application are of this long.
const WINDOW: Duration = Duration::from_secs(2);

/// Where it is shown, and what of.
pub(super) struct Display {
    origin: Instant,
    form: Form,
}

enum Form {
    Live(Box<Live>),
    Plain { last: Option<Instant> },
    Json { last: Option<Instant> },
}

struct Live {
    all: MultiProgress,
    bar: ProgressBar,
    standby: ProgressBar,
    applications: ProgressBar,
    holds: ProgressBar,
    colour: bool,
}

/// An application at this moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    name: &'static str,
    transactions_per_second: f64,
    latency: Option<Latency>,
    errors: u64,
}

impl Pulse {
    pub(super) fn of(
        name: &'static str,
        tally: &Tally,
        origin: Instant,
        transactions_per_second: f64,
    ) -> Pulse {
        let now = u32::try_from(origin.elapsed().as_millis()).unwrap_or(u32::MAX);
        let window = u32::try_from(WINDOW.as_millis()).expect("a short window");
        Pulse {
            name,
            transactions_per_second,
            latency: Latency::of(&tally.between(now.saturating_sub(window), u32::MAX)),
            errors: tally.error_count(),
        }
    }

    fn text(&self) -> String {
        let p99 = self.latency.map_or_else(|| "-".to_owned(), |latency| milliseconds(latency.p99_ms));
        let longest = self.latency.map_or_else(|| "-".to_owned(), |latency| milliseconds(latency.longest_ms));
        format!(
            "{} {:.0} tx/s, p99 {p99}, longest {longest}, {} errors",
            self.name, self.transactions_per_second, self.errors
        )
    }

    fn json(&self) -> Value {
        json!({
            "application": self.name,
            "transactions_per_second": self.transactions_per_second,
            "p99_ms": self.latency.map(|latency| latency.p99_ms),
            "longest_ms": self.latency.map(|latency| latency.longest_ms),
            "errors": self.errors,
        })
    }
}

impl Display {
    pub(super) fn new(json: bool, no_color: bool, rows: u64) -> Display {
        let form = if json {
            Form::Json { last: None }
        } else if stdout().is_terminal() {
            Form::Live(Box::new(Live::new(rows, !no_color && std::env::var_os("NO_COLOR").is_none())))
        } else {
            Form::Plain { last: None }
        };
        Display { origin: Instant::now(), form }
    }

    /// The moment that all times on the screen count from.
    pub(super) fn origin(&self) -> Instant {
        self.origin
    }

    /// A new part of the demonstration.
    pub(super) fn part(&self, text: &str) {
        self.line("demo", "▸", "36;1", text);
    }

    /// Something that happened.
    pub(super) fn note(&self, text: &str) {
        self.line("note", "·", "", text);
    }

    /// Something to look at: the incident, a hold.
    pub(super) fn alert(&self, text: &str) {
        self.line("note", "!", "33;1", text);
    }

    fn line(&self, event: &str, mark: &str, colour: &str, text: &str) {
        let seconds = self.origin.elapsed().as_secs_f64();
        match &self.form {
            Form::Json { .. } => print_json(&json!({ "at": now(), "event": event, "message": text })),
            Form::Plain { .. } => print_line(&format!("{seconds:6.1} s {mark} {text}")),
            Form::Live(live) => {
                let text = if live.colour && !colour.is_empty() {
                    format!("\u{1b}[2m{seconds:6.1} s\u{1b}[0m \u{1b}[{colour}m{mark} {text}\u{1b}[0m")
                } else {
                    format!("{seconds:6.1} s {mark} {text}")
                };
                live.print(&text);
            }
        }
    }

    /// A line of the rollout's own, for JSON lines, as it came.
    pub(super) fn passed_on(&self, line: &str) {
        if let Form::Json { .. } = self.form {
            print_line(line);
        }
    }

    /// How things stand; several times a second.
    pub(super) fn stand(&mut self, course: Option<&Course>, pulses: &[Pulse], behind: Behind) {
        let due = match &mut self.form {
            Form::Live(_) => true,
            Form::Plain { last } | Form::Json { last } => due(last),
        };
        if !due {
            return;
        }
        match &mut self.form {
            Form::Live(live) => live.stand(course, pulses, behind),
            Form::Plain { .. } => {
                let mut parts: Vec<String> = course.map(progress).into_iter().flatten().collect();
                parts.extend(pulses.iter().map(Pulse::text));
                if !pulses.is_empty() {
                    parts.push(format!("standby1 {} behind", figures::behind(behind)));
                    let seconds = self.origin.elapsed().as_secs_f64();
                    print_line(&format!("{seconds:6.1} s   {}", parts.join(" | ")));
                }
            }
            Form::Json { .. } => {
                let pulses: Vec<Value> = pulses.iter().map(Pulse::json).collect();
                print_json(
                    &json!({ "at": now(), "event": "applications", "applications": pulses, "standby": behind }),
                );
            }
        }
    }

    /// The last page, in the form asked for. Nothing is shown live any more.
    pub(super) fn summary(&mut self, text: &str, object: Value) {
        self.close();
        match &self.form {
            Form::Json { .. } => print_json(&object),
            _ => print_line(&format!("\n{text}")),
        }
    }

    /// The last word.
    pub(super) fn close(&mut self) {
        if let Form::Live(live) = &self.form {
            // Should the terminal be gone there is nobody to see it.
            let _ = live.all.clear();
        }
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self.form, Form::Json { .. })
    }
}

impl Live {
    fn new(rows: u64, colour: bool) -> Live {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(10));
        let bar = ProgressBar::new(rows);
        let colours = if colour { ".cyan/blue" } else { "" };
        let template = format!("  {{prefix:<11}} [{{bar:36{colours}}}] {{percent:>3}} %  {{wide_msg}}");
        bar.set_style(
            ProgressStyle::with_template(&template).expect("a valid template").progress_chars("=> "),
        );
        let line = || {
            let line = ProgressBar::new_spinner();
            line.set_style(ProgressStyle::with_template("  {wide_msg}").expect("a valid template"));
            line
        };
        Live {
            bar: all.add(bar),
            standby: all.add(line()),
            applications: all.add(line()),
            holds: all.add(line()),
            all,
            colour,
        }
    }

    fn print(&self, text: &str) {
        // As above: no terminal, nobody to tell.
        let _ = self.all.println(text);
    }

    fn stand(&mut self, course: Option<&Course>, pulses: &[Pulse], behind: Behind) {
        if let Some(course) = course {
            self.bar.set_prefix(course.state().unwrap_or("starting").to_owned());
            // Accounts are opened meanwhile.
            self.bar.set_length(self.bar.length().unwrap_or(0).max(course.rows_done));
            self.bar.set_position(course.rows_done);
            let glance = &course.glance;
            let rate = glance.rows_per_second.map(|rate| format!(", {} rows/s", count(rate.round() as u64)));
            let rows = format!("{} rows{}", count(course.rows_done), rate.unwrap_or_default());
            self.bar.set_message(rows);
            let holds: Vec<&str> = course
                .holds
                .iter()
                .filter(|hold| hold.seconds.is_none())
                .map(|hold| hold.told.as_str())
                .collect();
            let holds = holds.join("; ");
            self.holds.set_message(match (holds.is_empty(), self.colour) {
                (true, _) => "nothing holds the work".to_owned(),
                (false, true) => format!("\u{1b}[33;1m{holds}\u{1b}[0m"),
                (false, false) => holds,
            });
        }
        self.standby.set_message(format!("standby1 {} behind", figures::behind(behind)));
        let pulses: Vec<String> = pulses.iter().map(Pulse::text).collect();
        self.applications.set_message(pulses.join(" | "));
    }
}

/// How far it is, in short parts.
fn progress(course: &Course) -> Vec<String> {
    let mut parts = vec![course.state().unwrap_or("starting").to_owned()];
    if course.rows_done > 0 {
        parts.push(format!("{} rows", count(course.rows_done)));
    }
    if let Some(rate) = course.glance.rows_per_second {
        parts.push(format!("{} rows/s", count(rate.round() as u64)));
    }
    vec![parts.join(", ")]
}

fn due(last: &mut Option<Instant>) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= PLAIN_EVERY);
    if due {
        *last = Some(Instant::now());
    }
    due
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn print_json(value: &Value) {
    print_line(&value.to_string());
}

/// Who has hung up does not want to know any more; the demonstration still ends in order.
fn print_line(text: &str) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
