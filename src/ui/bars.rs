//! Owns the live view on a terminal: a bar per table, what holds it, what it waits for; what is done
//! scrolls away above. Must not be used where stderr is no terminal.

use super::tell::{self, Mark, News, Teller};
use super::{Paint, cost, human, signals};
use crate::compile::program::Program;
use crate::control::progress::TableProgress;
use crate::supervise::told::{Glance, Told};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::Arc;

/// Redraws a second: enough to look alive, cheap over a slow connection.
const HZ: u8 = 8;
/// Narrower than this a bar shows its share and what is left, not the counts.
const WIDE: usize = 76;
/// Narrower than this there is no bar.
const NARROW: usize = 34;
const LONGEST_NAME: usize = 24;
/// Of more tables at once than this it is not said what they cost.
const MOST_COSTS: usize = 4;

type Width = Box<dyn Fn() -> usize + Send>;

pub struct Bars {
    multi: MultiProgress,
    teller: Teller,
    paint: Paint,
    width: Width,
    head: ProgressBar,
    tables: Vec<ProgressBar>,
    /// Below the tables: holds, waits, signals.
    foot: Vec<ProgressBar>,
}

impl Bars {
    /// On stderr.
    pub fn new(program: Arc<Program>, paint: Paint) -> Bars {
        let width = || super::width_of(std::io::stderr()).unwrap_or(80);
        Bars::on(ProgressDrawTarget::stderr_with_hz(HZ), Box::new(width), program, paint)
    }

    fn on(target: ProgressDrawTarget, width: Width, program: Arc<Program>, paint: Paint) -> Bars {
        let multi = MultiProgress::with_draw_target(target);
        let head = multi.add(text_line());
        Bars { multi, teller: Teller::new(program), paint, width, head, tables: vec![], foot: vec![] }
    }

    pub fn take(&mut self, told: &Told) {
        match told {
            Told::Record { at, record } => {
                if let Some(news) = self.teller.record(*at, record) {
                    self.say(&news);
                }
            }
            Told::Glance(glance) => {
                self.teller.glance(glance);
                self.draw(glance);
            }
        }
    }

    /// Takes the bars away and says what may be done next.
    pub fn finish(&mut self) {
        self.clear();
        for hint in self.teller.next() {
            self.scroll(&format!("  {}", self.paint.dim(&hint)));
        }
    }

    pub fn note(&mut self, text: &str) {
        self.say(&News { mark: Mark::Note, text: human::plain(text) });
    }

    fn clear(&mut self) {
        for bar in self.tables.drain(..).chain(self.foot.drain(..)) {
            self.multi.remove(&bar);
        }
        self.head.set_message("");
        self.multi.remove(&self.head);
    }

    fn say(&self, news: &News) {
        let sign = news.mark.sign();
        let sign = match news.mark {
            Mark::Done | Mark::Freed => self.paint.green(sign),
            Mark::Held | Mark::Warn => self.paint.yellow(sign),
            Mark::Failed => self.paint.red(sign),
            Mark::State => self.paint.cyan(sign),
            Mark::Begun | Mark::Note => self.paint.dim(sign),
        };
        self.scroll(&format!("{sign} {}", news.text));
    }

    /// A terminal that went away is no reason to stop a rollout.
    fn scroll(&self, line: &str) {
        let _ = self.multi.println(line);
    }

    fn draw(&mut self, glance: &Glance) {
        let width = (self.width)();
        self.head.set_message(self.head_line(glance));
        let shown: Vec<&TableProgress> =
            glance.backfill.iter().filter(|table| !tell::is_done(table)).collect();
        self.fit(shown.len());
        let names = shown.iter().map(|t| human::width(&t.table)).max().unwrap_or(0);
        let names = names.min(LONGEST_NAME).min(width / 3);
        for (bar, table) in self.tables.iter().zip(&shown) {
            draw_table(bar, table, width, names, tell::paused(&glance.holds));
        }
        let foot = self.foot_lines(glance);
        while self.foot.len() > foot.len() {
            let bar = self.foot.pop().expect("it is longer");
            self.multi.remove(&bar);
        }
        while self.foot.len() < foot.len() {
            self.foot.push(self.multi.add(text_line()));
        }
        for (bar, line) in self.foot.iter().zip(foot) {
            bar.set_message(line);
        }
    }

    fn fit(&mut self, tables: usize) {
        while self.tables.len() > tables {
            let bar = self.tables.pop().expect("it is longer");
            self.multi.remove(&bar);
        }
        while self.tables.len() < tables {
            let after = self.tables.last().unwrap_or(&self.head).clone();
            self.tables.push(self.multi.insert_after(&after, ProgressBar::new(0)));
        }
    }

    fn head_line(&self, glance: &Glance) -> String {
        let current = glance.current.as_ref().map(|title| format!(" · {}", human::plain(title)));
        let length = self.teller.in_hand(glance.at).filter(|length| length.as_secs() >= 1);
        let length = length.map(|length| format!(" · {}", human::about(length.as_secs_f64())));
        format!(
            "{} {}/{}{}{}",
            self.paint.bold(glance.state.name()),
            glance.steps_done,
            glance.steps_total,
            current.unwrap_or_default(),
            length.unwrap_or_default()
        )
    }

    fn foot_lines(&self, glance: &Glance) -> Vec<String> {
        let mut lines = Vec::new();
        let in_hand = glance.backfill.iter().filter(|table| !tell::is_done(table));
        for table in in_hand.take(MOST_COSTS) {
            let cost = cost::of(table);
            if !cost.is_empty() {
                lines.push(self.paint.dim(&human::plain(&format!("{}: {cost}", table.table))));
            }
        }
        lines.extend(glance.vacuum.as_ref().map(|vacuum| self.paint.dim(&cost::vacuum(vacuum))));
        for hold in &glance.holds {
            let length = human::duration(human::between(hold.since, glance.at));
            lines.push(self.paint.yellow(&format!("‖ {length}: {}", tell::hold(hold))));
        }
        lines.extend(
            glance.exceptions.iter().map(|one| self.paint.yellow(&format!("! {}", tell::exception(one)))),
        );
        if let Some(blockers) = &glance.blockers {
            let text = format!("waiting for a lock held by {}", human::plain(blockers));
            lines.push(self.paint.yellow(&format!("… {text}")));
        }
        let signals = signals::parts(&glance.signals, &[], glance.at, false);
        if !signals.is_empty() {
            lines.push(self.paint.dim(&signals.join(" · ")));
        }
        lines
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // An error on its way out must not leave half a bar on the screen.
        self.clear();
    }
}

/// A line of text, cut to the terminal's width by the library, which knows colours.
fn text_line() -> ProgressBar {
    ProgressBar::new(0).with_style(ProgressStyle::with_template("{wide_msg}").expect("the template is right"))
}

fn draw_table(bar: &ProgressBar, table: &TableProgress, width: usize, names: usize, paused: bool) {
    let known = table.fraction.is_some();
    let template = match (known, width >= NARROW) {
        (true, true) => "{prefix} {wide_bar} {msg}",
        _ => "{prefix} {msg}",
    };
    let style = ProgressStyle::with_template(template).expect("the template is right").progress_chars("█▓░");
    let text = match (table.fraction, width >= WIDE) {
        (Some(fraction), true) => {
            let (done, total) = (human::count(table.rows_done), table.rows_total.map(human::count));
            let parts = [
                format!("{:>5}", human::percent(fraction)),
                format!("{done}/{}", total.unwrap_or_default()),
                if paused { "paused".to_owned() } else { tell::speed(table) },
            ];
            parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("  ")
        }
        (Some(fraction), false) => {
            let left =
                table.eta_seconds.filter(|_| width >= NARROW).map(|eta| format!(" {}", human::about(eta)));
            format!("{}{}", human::percent(fraction), left.unwrap_or_default())
        }
        (None, _) => format!("{} rows", human::count(table.rows_done)),
    };
    let text = human::clip(&text, width.saturating_sub(names + 2));
    bar.set_style(style);
    bar.set_length(table.rows_total.unwrap_or(table.rows_done).max(1));
    bar.set_position(table.rows_done.min(table.rows_total.unwrap_or(u64::MAX)));
    bar.set_prefix(human::pad(&human::plain(&table.table), names));
    bar.set_message(text);
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::control::exception::{Drill, Exception, Exceptional};
    use indicatif::InMemoryTerm;

    fn bars(columns: u16) -> (Bars, InMemoryTerm) {
        let term = InMemoryTerm::new(20, columns);
        let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
        (Bars::on(target, Box::new(move || columns.into()), program(), Paint::PLAIN), term)
    }

    fn troubled() -> Glance {
        Glance {
            holds: vec![throttle()],
            blockers: Some("pid 77, application report, holds AccessShareLock on users".into()),
            exceptions: vec![Exception {
                what: Exceptional::Drill(Drill::Lag),
                until: at(60_000),
                by: "ann".into(),
                reason: None,
            }],
            backfill: vec![filled("accounts", 7), costly(users(420_000)), of("order_items", 7, None)],
            ..glance(9000, 0)
        }
    }

    #[test]
    fn shows_bars_holds_waits_and_signals() {
        let (mut bars, term) = bars(110);
        story().iter().take(6).for_each(|told| bars.take(told));
        bars.take(&Told::Glance(Box::new(troubled())));
        insta::assert_snapshot!(term.contents(), @r"
        · supervisor host:4711 is up (term 3, segue 0.1.0)
        ✓ [1/4] prepare users in 12 ms
        ● backfilling: rows are being filled, then proved
        ▸ [2/4] fill users (full_name)
        backfilling 1/4 · fill users (full_name) · 9 s
        users       ████████████████████▓░░░░░░░░░░░░░░░░░░░░░░░░░░░  42 %  420,000/1,000,000  81,000 rows/s, 7 s left
        order_items 7 rows
        users: 3,150 of 7,500 blocks, table ×1.08, indexes ×1.01, 12,300 dead rows, 210 MB of WAL (the whole server's)
        ‖ 6 s: throttled by replication_lag of standby1: 1.4 s, threshold 1 s; at 70 % of full speed
        ! DRILL lag until 2026-11-22 07:01:00Z by ann
        … waiting for a lock held by pid 77, application report, holds AccessShareLock on users
        lag standby1 0.2 s · locks 0 · horizon 42 transactions · WAL 12 MB/s
        ");
    }

    #[test]
    fn a_pause_promises_no_time() {
        let (mut bars, term) = bars(90);
        let paused = Glance { holds: vec![operator_pause()], ..glance(9000, 420_000) };
        bars.take(&Told::Glance(Box::new(paused)));
        insta::assert_snapshot!(term.contents(), @r"
        backfilling 1/4 · fill users (full_name)
        users █████████████████████▓░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  42 %  420,000/1,000,000  paused
        ‖ 9 s: paused by the operator: deploy freeze
        lag standby1 0.2 s · locks 0 · horizon 42 transactions · WAL 12 MB/s
        ");
    }

    #[test]
    fn shrinks_with_the_terminal() {
        let (mut medium, term) = bars(50);
        medium.take(&Told::Glance(Box::new(troubled())));
        insta::assert_snapshot!(term.contents(), @r"
        backfilling 1/4 · fill users (full_name)
        users       ████████████▓░░░░░░░░░░░░░░░░ 42 % 7 s
        order_items 7 rows
        users: 3,150 of 7,500 blocks, table ×1.08, indexes
        ‖ 6 s: throttled by replication_lag of standby1: 1
        ! DRILL lag until 2026-11-22 07:01:00Z by ann
        … waiting for a lock held by pid 77, application r
        lag standby1 0.2 s · locks 0 · horizon 42 transact
        ");
        let (mut small, term) = bars(24);
        small.take(&Told::Glance(Box::new(troubled())));
        insta::assert_snapshot!(term.contents(), @r"
        backfilling 1/4 · fill u
        users    42 %
        order_i… 7 rows
        users: 3,150 of 7,500 bl
        ‖ 6 s: throttled by repl
        ! DRILL lag until 2026-1
        … waiting for a lock hel
        lag standby1 0.2 s · loc
        ");
    }

    #[test]
    fn nothing_is_left_of_the_bars_at_the_end() {
        let (mut bars, term) = bars(100);
        story().iter().for_each(|told| bars.take(told));
        bars.finish();
        insta::assert_snapshot!(term.contents(), @r"
        · supervisor host:4711 is up (term 3, segue 0.1.0)
        ✓ [1/4] prepare users in 12 ms
        ● backfilling: rows are being filled, then proved
        ▸ [2/4] fill users (full_name)
        ‖ throttled by replication_lag of standby1: 1.4 s, threshold 1 s; at 70 % of full speed
        ▶ throttle by replication_lag of standby1 ended after 12 s
        ✓ [2/4] fill users (full_name) in 18 s
        ✓ [3/4] publish public_full_name in 0.1 s
        ● ready: both versions are live
          `segue clients` shows which application uses which version
          `segue complete` removes the old version, `segue rollback` the new one
        ");
    }

    #[test]
    fn any_width_and_any_number_of_tables_can_be_drawn() {
        for columns in [1, 2, 5, 10, 33, 34, 75, 76, 200] {
            let (mut bars, term) = bars(columns);
            for tables in [0, 3, 1] {
                let backfill =
                    (0..tables).map(|i| TableProgress { table: format!("t{i}"), ..users(i) }).collect();
                bars.take(&Told::Glance(Box::new(Glance { backfill, ..troubled() })));
            }
            bars.note("stopped");
            bars.finish();
            assert!(columns < 33 || term.contents().contains("stopped"), "{}", term.contents());
        }
    }
}
