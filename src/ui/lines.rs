//! Owns plain lines for logs and pipes: one an event, progress now and then. Must not know terminals.

use super::out::Out;
use super::pace::Pace;
use super::tell::{self, Mark, News, Teller};
use super::{Paint, cost, human};
use crate::compile::program::Program;
use crate::supervise::told::{Glance, Told};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

const PROGRESS_EVERY: Duration = Duration::from_secs(2);
const UNCHANGED_EVERY: Duration = Duration::from_secs(10);
/// A step is said to be in hand only after this.
const IN_HAND_AFTER: Duration = Duration::from_secs(2);

pub struct Lines {
    out: Out,
    teller: Teller,
    pace: Pace,
    timestamps: bool,
    paint: Paint,
    /// When anything was last heard.
    last: Timestamp,
}

impl Lines {
    pub fn new(out: Out, program: Arc<Program>, timestamps: bool, paint: Paint) -> Lines {
        let pace = Pace::new(PROGRESS_EVERY, UNCHANGED_EVERY);
        Lines { out, teller: Teller::new(program), pace, timestamps, paint, last: Timestamp::UNIX_EPOCH }
    }

    pub fn take(&mut self, told: &Told) {
        match told {
            Told::Record { at, record } => {
                self.last = *at;
                if let Some(news) = self.teller.record(*at, record) {
                    self.say(*at, &news);
                }
            }
            Told::Glance(glance) => {
                self.last = glance.at;
                self.teller.glance(glance);
                if self.pace.due(glance)
                    && let Some(text) = self.progress(glance)
                {
                    self.line(glance.at, "now", "now", &text);
                }
            }
        }
    }

    pub fn finish(&mut self) {
        for hint in self.teller.next() {
            self.line(self.last, "next", "next", &hint);
        }
    }

    pub fn note(&mut self, at: Timestamp, text: &str) {
        self.last = at;
        self.say(at, &News { mark: Mark::Note, text: human::plain(text) });
    }

    pub fn is_closed(&self) -> bool {
        self.out.is_closed()
    }

    fn say(&mut self, at: Timestamp, news: &News) {
        let word = news.mark.word();
        let painted = match news.mark {
            Mark::Done => self.paint.green(word),
            Mark::Held | Mark::Warn => self.paint.yellow(word),
            Mark::Failed => self.paint.red(word),
            _ => word.to_owned(),
        };
        self.line(at, word, &painted, &news.text);
    }

    fn line(&mut self, at: Timestamp, word: &str, painted: &str, text: &str) {
        let gap = " ".repeat(8usize.saturating_sub(word.len()).max(1));
        let time = if self.timestamps { format!("{}  ", human::moment(at)) } else { String::new() };
        self.out.line(&format!("{time}{painted}{gap}{text}"));
    }

    /// What of a glance is worth a line; `None`: nothing yet.
    fn progress(&self, glance: &Glance) -> Option<String> {
        let mut parts: Vec<String> = glance
            .backfill
            .iter()
            .filter(|table| !tell::is_done(table) && table.rows_done > 0)
            .map(|table| {
                let speed = if tell::paused(&glance.holds) { String::new() } else { tell::speed(table) };
                let said = [tell::rows(table), speed, cost::of(table)];
                let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
                format!("{} {}", table.table, said.join(", "))
            })
            .collect();
        parts.extend(glance.vacuum.as_ref().map(cost::vacuum));
        if let Some(blockers) = &glance.blockers {
            parts.push(format!("waiting for a lock held by {blockers}"));
        }
        let in_hand = self.teller.in_hand(glance.at).filter(|for_| *for_ >= IN_HAND_AFTER);
        if parts.is_empty()
            && let (Some(current), Some(length)) = (&glance.current, in_hand)
        {
            parts.push(format!("{current}, {} so far", human::about(length.as_secs_f64())));
        }
        for hold in &glance.holds {
            let length = human::duration(human::between(hold.since, glance.at));
            parts.push(format!("{}; for {length}", tell::hold(hold)));
        }
        parts.extend(glance.exceptions.iter().map(tell::exception));
        (!parts.is_empty()).then(|| human::plain(&parts.join(" | ")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::out::tests::Kept;
    use super::super::samples::*;
    use super::*;
    use crate::control::record::{CommandKind, Record};
    use crate::control::state::State;

    fn said(timestamps: bool, told: &[Told]) -> String {
        let kept = Kept::default();
        let mut lines = Lines::new(kept.out(), program(), timestamps, Paint::PLAIN);
        told.iter().for_each(|told| lines.take(told));
        lines.finish();
        kept.text()
    }

    #[test]
    fn a_rollout_reads_as_a_story() {
        insta::assert_snapshot!(said(false, &story()), @r"
        note    supervisor host:4711 is up (term 3, segue 0.1.0)
        done    [1/4] prepare users in 12 ms
        state   backfilling: rows are being filled, then proved
        begun   [2/4] fill users (full_name)
        now     users 200,000 of about 1,000,000 rows (20 %), 81,000 rows/s, 10 s left
        held    throttled by replication_lag of standby1: 1.4 s, threshold 1 s; at 70 % of full speed
        now     users 300,000 of about 1,000,000 rows (30 %), 81,000 rows/s, 9 s left | throttled by replication_lag of standby1: 1.4 s, threshold 1 s; at 70 % of full speed; for 1.7 s
        freed   throttle by replication_lag of standby1 ended after 12 s
        done    [2/4] fill users (full_name) in 18 s
        now     waiting for a lock held by pid 77, application report, transaction open for 4.0 s
        done    [3/4] publish public_full_name in 0.1 s
        state   ready: both versions are live
        next    `segue clients` shows which application uses which version
        next    `segue complete` removes the old version, `segue rollback` the new one
        ");
    }

    #[test]
    fn timestamps_come_first() {
        insta::assert_snapshot!(said(true, &[done(1234, 0)]), @"2026-11-22 07:00:01Z  done    [1/4] prepare users");
    }

    #[test]
    fn commands_and_refusals() {
        let taken = |kind, refused: Option<&str>| Record::CommandTaken {
            id: 1,
            kind,
            by: "alice".into(),
            reason: Some("freeze".into()),
            refused: refused.map(str::to_owned),
        };
        let told = [
            told(0, taken(CommandKind::Pause, None)),
            told(0, Record::Held { hold: operator_pause() }),
            told(1, taken(CommandKind::Rollback, Some("the contract has begun"))),
            told(
                1,
                Record::StateChanged {
                    from: State::Backfilling,
                    to: State::Failed,
                    error: Some("no space left on device\nSQLSTATE 53100".into()),
                },
            ),
            told(
                2,
                Record::ContractRefused {
                    users: vec!["billing\x1b[2J (3 sessions)".into()],
                    faults: Vec::new(),
                },
            ),
        ];
        insta::assert_snapshot!(said(false, &told), @r"
        note    alice asked: pause (freeze)
        held    paused by the operator: deploy freeze
        warn    alice asked: rollback (freeze); refused: the contract has begun
        failed  no space left on device SQLSTATE 53100
        warn    contract refused: the old version is in use by billing�[2J (3 sessions)
        ");
    }

    #[test]
    fn a_held_rollout_says_so_every_ten_seconds() {
        let held = |millis| {
            let still = Glance { backfill: vec![], current: None, ..glance(millis, 0) };
            Told::Glance(Box::new(Glance { holds: vec![operator_pause()], ..still }))
        };
        let told: Vec<Told> = (0..100).map(|tick| held(tick * 250)).collect();
        insta::assert_snapshot!(said(false, &told), @r"
        now     paused by the operator: deploy freeze; for 0 s
        now     paused by the operator: deploy freeze; for 10 s
        now     paused by the operator: deploy freeze; for 20 s
        ");
    }
}
