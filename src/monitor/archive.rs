//! Owns `archive_backlog` and `archive_failing`: what of the log is still to be archived, and since when that
//! fails. Must not judge it.
//!
//! The files that wait are counted where the role may list them; elsewhere their number follows from the
//! names of the last one archived and of the one being written, which every role may see.

use super::Watch;
use super::board::{blind, fresh, not_applicable};
use super::health::Sampler;
use super::sampling::{Trouble, ask};
use crate::clock;
use crate::control::signal::{Reading, name};
use crate::pg::Session;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::{Duration, Instant};

const SQL: &str = "
SELECT jsonb_build_object(
  'mode', current_setting('archive_mode'),
  'may_list', has_function_privilege('pg_catalog.pg_ls_archive_statusdir()', 'EXECUTE'),
  'archived', last_archived_wal, 'failed', last_failed_wal,
  'failing', last_failed_time > coalesce(last_archived_time, '-infinity'),
  'current', pg_walfile_name(pg_current_wal_lsn()),
  'segment_bytes', pg_size_bytes(current_setting('wal_segment_size')))
  FROM pg_stat_archiver";

const LIST_SQL: &str = "
SELECT to_jsonb(count(*)) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";

#[derive(Clone, Debug, Deserialize)]
struct Answer {
    /// `off`, `on` or `always`.
    mode: String,
    may_list: bool,
    /// Names of files; a history or backup file's begins like a segment's, or does not.
    archived: Option<String>,
    failed: Option<String>,
    /// NULL where nothing ever failed.
    failing: Option<bool>,
    current: String,
    segment_bytes: u64,
}

/// The server does not say since when archiving fails: it is dated by the look that saw it first.
#[derive(Debug, Default)]
pub(super) struct Archive {
    failing_since: Option<Instant>,
}

impl Sampler for Archive {
    const SIGNALS: &'static [(&'static str, &'static str)] =
        &[(name::ARCHIVE_BACKLOG, "files"), (name::ARCHIVE_FAILING, "s")];
    const EVERY: Duration = Duration::from_secs(5);

    async fn look(&mut self, session: &Session, _: &Watch) -> Result<Vec<Reading>, Trouble> {
        let answer: Answer = ask(session, "the archiver's state", SQL, &[]).await?;
        let counted = match answer.may_list && answer.mode != "off" {
            true => Some(ask(session, "the files still to be archived", LIST_SQL, &[]).await?),
            false => None,
        };
        Ok(self.readings(&answer, counted, Instant::now(), clock::now()))
    }
}

impl Archive {
    fn readings(
        &mut self,
        answer: &Answer,
        counted: Option<u64>,
        now: Instant,
        at: Timestamp,
    ) -> Vec<Reading> {
        const FILES: &str = "files";
        if answer.mode == "off" {
            self.failing_since = None;
            let why = "the server archives nothing: archive_mode is off";
            return Archive::SIGNALS.iter().map(|(name, unit)| not_applicable(name, unit, at, why)).collect();
        }
        let detail = (answer.failing == Some(true)).then(|| {
            let file = answer.failed.as_deref().unwrap_or("a file");
            format!("archiving fails, at {file}: see the server's log")
        });
        let backlog = match counted.or_else(|| answer.behind()) {
            Some(files) => fresh(name::ARCHIVE_BACKLOG, None, files as f64, FILES, at),
            None => {
                let why = "nothing was archived since the statistics were reset, and this role may not list the files \
                           that wait; GRANT pg_monitor to it";
                blind(name::ARCHIVE_BACKLOG, None, FILES, at, why)
            }
        };
        let failing = match answer.failing {
            Some(true) => now - *self.failing_since.get_or_insert(now),
            _ => {
                self.failing_since = None;
                Duration::ZERO
            }
        };
        let failing = fresh(name::ARCHIVE_FAILING, None, failing.as_secs_f64(), "s", at);
        // Why a number is not known is more than what else is to be said of it.
        let backlog = match backlog.detail {
            Some(_) => backlog,
            None => Reading { detail: detail.clone(), ..backlog },
        };
        vec![backlog, Reading { detail, ..failing }]
    }
}

impl Answer {
    /// Files written since the last one archived, but for the one in hand.
    fn behind(&self) -> Option<u64> {
        let archived = segment(self.archived.as_deref()?, self.segment_bytes)?;
        Some(segment(&self.current, self.segment_bytes)?.saturating_sub(archived).saturating_sub(1))
    }
}

/// A file's place in the log: timeline, position / 4 GiB, segment within those, eight hexadecimal digits each.
fn segment(file: &str, segment_bytes: u64) -> Option<u64> {
    let digits = |at: usize| u64::from_str_radix(file.get(at..at + 8)?, 16).ok();
    digits(0)?;
    let each = (1u64 << 32).checked_div(segment_bytes)?;
    Some(digits(8)? * each + digits(16)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::signal::Freshness;

    const SEGMENT: u64 = 16 << 20;

    fn answer(archived: Option<&str>, failing: bool) -> Answer {
        Answer {
            mode: "on".into(),
            may_list: false,
            archived: archived.map(str::to_owned),
            failed: failing.then(|| "000000010000000000000004".into()),
            failing: failing.then_some(true),
            current: "000000010000000100000002".into(),
            segment_bytes: SEGMENT,
        }
    }

    fn look(answer: &Answer, counted: Option<u64>) -> Reading {
        Archive::default().readings(answer, counted, Instant::now(), Timestamp::UNIX_EPOCH).remove(0)
    }

    #[test]
    fn the_backlog_follows_from_the_names() {
        let behind = |archived| look(&answer(Some(archived), false), None).value;
        assert_eq!(behind("000000010000000100000001"), Some(0.0));
        assert_eq!(behind("0000000100000000000000FF"), Some(2.0));
        assert_eq!(behind("000000010000000100000000.00000028.backup"), Some(1.0));
        // Another timeline's history file says nothing of a position.
        assert_eq!(behind("00000002.history"), None);
    }

    #[test]
    fn what_can_be_counted_is() {
        assert_eq!(look(&answer(None, false), Some(7)).value, Some(7.0));
        let unknown = look(&answer(None, false), None);
        assert_eq!((unknown.state, unknown.value), (Freshness::Blind, None));
        assert!(unknown.detail.unwrap().contains("GRANT pg_monitor"));
        let off = look(&Answer { mode: "off".into(), ..answer(None, false) }, None);
        assert_eq!((off.state, off.value), (Freshness::NotApplicable, None));
    }

    #[test]
    fn failing_is_counted_from_the_first_look_that_saw_it() {
        let (start, at) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let mut archive = Archive::default();
        let mut look = |second, failing| {
            let answer = answer(Some("000000010000000100000001"), failing);
            archive.readings(&answer, None, start + Duration::from_secs(second), at)[1].value
        };
        assert_eq!(look(0, false), Some(0.0));
        assert_eq!(look(10, true), Some(0.0));
        assert_eq!(look(75, true), Some(65.0));
        assert_eq!(look(80, false), Some(0.0));
        assert_eq!(look(90, true), Some(0.0));
    }
}
