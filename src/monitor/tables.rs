//! Owns what is asked of the rollout's own tables: `freeze_age`, `dead_rows`, and whether a vacuum against
//! wraparound is at work there (`wraparound_vacuum`). Must not judge it.

use super::Watch;
use super::board::{blind, fresh, not_applicable};
use super::health::Sampler;
use super::sampling::{Trouble, ask};
use crate::clock;
use crate::control::signal::{Reading, name};
use crate::pg::Session;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// `$1`: qualified, quoted table names; their partitions are found here, and of each table its TOAST table counts
/// with it. Only the worst five are told: a table may have a thousand partitions.
const SQL: &str = "
WITH named AS (
  SELECT to_regclass(t)::oid AS oid FROM unnest($1::text[]) AS t
), watched AS (
  SELECT oid FROM named WHERE oid IS NOT NULL
  UNION
  SELECT tree.relid::oid FROM named, pg_partition_tree(named.oid::regclass) AS tree WHERE named.oid IS NOT NULL
), tables AS (
  SELECT c.oid, c.oid::regclass::text AS relation, c.reltoastrelid AS toast,
         greatest(age(c.relfrozenxid), age(t.relfrozenxid)) AS xids,
         greatest(mxid_age(c.relminmxid), mxid_age(t.relminmxid)) AS multixacts,
         pg_stat_get_dead_tuples(c.oid) AS dead, pg_stat_get_live_tuples(c.oid) AS live
    FROM watched JOIN pg_class c ON c.oid = watched.oid AND c.relkind IN ('r', 'm')
    LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
), vacuums AS (
  SELECT t.relation, a.query LIKE '%(to prevent wraparound)' AS wraparound, a.pid, v.phase,
         CASE WHEN v.heap_blks_total > 0 THEN v.heap_blks_scanned::float8 / v.heap_blks_total END AS done
    FROM pg_stat_progress_vacuum v JOIN tables t ON v.relid IN (t.oid, t.toast)
    JOIN pg_stat_activity a ON a.pid = v.pid
   WHERE v.datname = current_database()
)
SELECT jsonb_build_object(
  'may_see', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'counted', current_setting('track_counts')::bool,
  'most_xids', current_setting('autovacuum_freeze_max_age')::bigint,
  'most_multixacts', current_setting('autovacuum_multixact_freeze_max_age')::bigint,
  'xids', coalesce((SELECT jsonb_agg(jsonb_build_array(relation, xids)) FROM
     (SELECT * FROM tables WHERE xids IS NOT NULL ORDER BY xids DESC, relation LIMIT 5) AS x), '[]'),
  'multixacts', coalesce((SELECT jsonb_agg(jsonb_build_array(relation, multixacts)) FROM
     (SELECT * FROM tables WHERE multixacts IS NOT NULL ORDER BY multixacts DESC, relation LIMIT 5) AS m), '[]'),
  'dead', coalesce((SELECT jsonb_agg(jsonb_build_array(relation, dead, live)) FROM
     (SELECT * FROM tables ORDER BY dead::float8 / greatest(dead + live, 1) DESC, relation LIMIT 5) AS d), '[]'),
  'vacuums', coalesce((SELECT jsonb_agg(to_jsonb(v) ORDER BY v.relation) FROM vacuums v), '[]'))";

#[derive(Debug, Deserialize)]
struct Answer {
    may_see: bool,
    counted: bool,
    most_xids: f64,
    most_multixacts: f64,
    xids: Vec<(String, f64)>,
    multixacts: Vec<(String, f64)>,
    dead: Vec<(String, f64, f64)>,
    vacuums: Vec<Vacuum>,
}

#[derive(Clone, Debug, Deserialize)]
struct Vacuum {
    relation: String,
    wraparound: Option<bool>,
    pid: i32,
    phase: Option<String>,
    /// Share of the table that it has seen.
    done: Option<f64>,
}

#[derive(Debug, Default)]
pub(super) struct Tables;

impl Sampler for Tables {
    const SIGNALS: &'static [(&'static str, &'static str)] =
        &[(name::FREEZE_AGE, TRANSACTIONS), (name::DEAD_ROWS, "%"), (name::WRAPAROUND_VACUUM, "")];
    const EVERY: Duration = Duration::from_secs(2);

    async fn look(&mut self, session: &Session, watch: &Watch) -> Result<Vec<Reading>, Trouble> {
        let tables: Vec<String> = watch.tables.iter().map(ToString::to_string).collect();
        let answer = ask(session, "the tables' state", SQL, &[&tables]).await?;
        Ok(readings(&answer, clock::now()))
    }
}

const TRANSACTIONS: &str = "transactions";

fn readings(answer: &Answer, at: Timestamp) -> Vec<Reading> {
    const NONE: &str = "the rollout has no table yet";
    let frozen = |subject: String, age: f64, most: f64| Reading {
        limit: Some(most),
        ..fresh(name::FREEZE_AGE, Some(subject), age, TRANSACTIONS, at)
    };
    let mut readings: Vec<Reading> = Vec::new();
    for (table, age) in &answer.xids {
        readings.push(frozen(table.clone(), *age, answer.most_xids));
    }
    for (table, age) in &answer.multixacts {
        readings.push(frozen(format!("{table} (multixacts)"), *age, answer.most_multixacts));
    }
    if readings.is_empty() {
        readings.push(not_applicable(name::FREEZE_AGE, TRANSACTIONS, at, NONE));
    }
    match (answer.dead.is_empty(), answer.counted) {
        (true, _) => readings.push(not_applicable(name::DEAD_ROWS, "%", at, NONE)),
        (_, false) => {
            readings.push(blind(name::DEAD_ROWS, None, "%", at, "track_counts is off: nothing is counted"))
        }
        (_, true) => readings.extend(answer.dead.iter().map(|(table, dead, live)| {
            let share = if dead + live > 0.0 { 100.0 * dead / (dead + live) } else { 0.0 };
            fresh(name::DEAD_ROWS, Some(table.clone()), share, "%", at)
        })),
    }
    readings.push(match (answer.dead.is_empty(), answer.may_see) {
        (true, _) => not_applicable(name::WRAPAROUND_VACUUM, "", at, NONE),
        (_, false) => {
            let why = "this role may not see what vacuums do; GRANT pg_read_all_stats to it";
            blind(name::WRAPAROUND_VACUUM, None, "", at, why)
        }
        (_, true) => {
            let urgent = answer.vacuums.iter().filter(|vacuum| vacuum.wraparound == Some(true)).count();
            let detail: Vec<String> = answer.vacuums.iter().map(Vacuum::told).collect();
            let detail = (!detail.is_empty()).then(|| detail.join("; "));
            Reading { detail, ..fresh(name::WRAPAROUND_VACUUM, None, urgent as f64, "", at) }
        }
    });
    readings
}

impl Vacuum {
    fn told(&self) -> String {
        let kind = if self.wraparound == Some(true) { "a vacuum against wraparound" } else { "a vacuum" };
        let phase = self.phase.as_deref().unwrap_or("at work");
        let done = self.done.map(|done| format!(", {:.0} % of it seen", done * 100.0)).unwrap_or_default();
        format!("{kind} of {} (pid {}): {phase}{done}", self.relation, self.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::signal::Freshness;

    fn answer() -> Answer {
        Answer {
            may_see: true,
            counted: true,
            most_xids: 200e6,
            most_multixacts: 400e6,
            xids: vec![("public.t".into(), 42.0)],
            multixacts: vec![("public.t".into(), 7.0)],
            dead: vec![("public.t".into(), 25.0, 75.0), ("public.empty".into(), 0.0, 0.0)],
            vacuums: vec![],
        }
    }

    fn of<'a>(readings: &'a [Reading], name: &str) -> Vec<&'a Reading> {
        readings.iter().filter(|reading| reading.name == name).collect()
    }

    #[test]
    fn each_table_by_name_and_a_vacuum_with_its_progress() {
        let vacuum = Vacuum {
            relation: "public.t".into(),
            wraparound: Some(true),
            pid: 9,
            phase: Some("scanning heap".into()),
            done: Some(0.43),
        };
        let ordinary = Vacuum { wraparound: Some(false), done: None, ..vacuum.clone() };
        let seen = readings(&Answer { vacuums: vec![vacuum, ordinary], ..answer() }, Timestamp::UNIX_EPOCH);
        let ages = of(&seen, name::FREEZE_AGE);
        assert_eq!((ages[0].value, ages[0].limit), (Some(42.0), Some(200e6)));
        assert_eq!(ages[1].subject.as_deref(), Some("public.t (multixacts)"));
        let dead: Vec<_> = of(&seen, name::DEAD_ROWS).iter().map(|reading| reading.value).collect();
        assert_eq!(dead, [Some(25.0), Some(0.0)]);
        let vacuums = of(&seen, name::WRAPAROUND_VACUUM);
        assert_eq!(vacuums[0].value, Some(1.0));
        let detail = vacuums[0].detail.as_deref().unwrap();
        assert!(
            detail.starts_with(
                "a vacuum against wraparound of public.t (pid 9): scanning heap, 43 % of it seen; a"
            ),
            "{detail}"
        );
    }

    #[test]
    fn what_is_hidden_or_not_there_is_not_zero() {
        let hidden = Answer { may_see: false, counted: false, ..answer() };
        let seen = readings(&hidden, Timestamp::UNIX_EPOCH);
        for name in [name::DEAD_ROWS, name::WRAPAROUND_VACUUM] {
            assert_eq!((of(&seen, name)[0].state, of(&seen, name)[0].value), (Freshness::Blind, None));
        }
        let none = Answer { xids: vec![], multixacts: vec![], dead: vec![], ..answer() };
        let seen = readings(&none, Timestamp::UNIX_EPOCH);
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|reading| reading.state == Freshness::NotApplicable));
    }
}
