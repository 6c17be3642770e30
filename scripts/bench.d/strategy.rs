//! Owns the ways of filling the new column that need nothing but SQL. Must not measure more than the filling's own time.

use crate::{
    cpu::FILLER,
    server::Outcome,
    shape::{Shape, UP},
};
use clap::ValueEnum;
use segue::sandbox::{Cluster, wire::Session};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Strategy {
    /// One UPDATE of all rows.
    Plain,
    /// The peers' way: a row trigger fills; batches of 1,000 keys, each row's key set to itself so that it fires.
    Trigger,
    /// Batches of 5,000 keys, filled by the UPDATE itself. Nothing keeps new writes right.
    Keyset,
    /// Segue with one worker.
    Segue1,
    /// Segue with two.
    Segue2,
}

const TRIGGER_BATCH: u64 = 1_000;
const KEYSET_BATCH: u64 = 5_000;

impl Strategy {
    pub fn title(self) -> &'static str {
        match self {
            Strategy::Plain => "single UPDATE",
            Strategy::Trigger => "trigger, keyset 1,000",
            Strategy::Keyset => "set-based, keyset 5,000",
            Strategy::Segue1 => "Segue, 1 worker",
            Strategy::Segue2 => "Segue, 2 workers",
        }
    }

    /// `None`: it is not Segue.
    pub fn workers(self) -> Option<u32> {
        match self {
            Strategy::Segue1 => Some(1),
            Strategy::Segue2 => Some(2),
            _ => None,
        }
    }

    /// A query for the number of rows that came out wrong; `None` where nothing keeps what is written meanwhile right.
    pub fn wrong_rows(self) -> Option<String> {
        let table = match self {
            Strategy::Plain | Strategy::Keyset => return None,
            Strategy::Trigger => "public.items",
            Strategy::Segue1 | Strategy::Segue2 => "public_bench.items",
        };
        Some(format!("SELECT count(*) FROM {table} AS items WHERE total IS DISTINCT FROM {UP}"))
    }
}

/// Adds the column and fills it; the time is the filling's. Not for Segue.
pub fn fill(cluster: &Cluster, database: &str, strategy: Strategy, shape: Shape) -> Outcome<Duration> {
    let mut session = cluster.session(database)?;
    session
        .query(&format!("SET application_name = '{FILLER}'; ALTER TABLE items ADD COLUMN total bigint"))?;
    if strategy == Strategy::Trigger {
        for sql in peers_trigger(shape) {
            session.query(&sql)?;
        }
    }
    let began = Instant::now();
    match strategy {
        Strategy::Plain => session.query(&format!("UPDATE items SET total = {UP}")).map(|_| ())?,
        Strategy::Trigger => in_batches(&mut session, |after| {
            format!(
                "WITH batch AS (SELECT id FROM items WHERE to_fill AND id > {after} ORDER BY id LIMIT {TRIGGER_BATCH} FOR NO KEY UPDATE), \
                 touched AS (UPDATE items SET id = items.id FROM batch WHERE items.id = batch.id RETURNING items.id) \
                 SELECT max(id) FROM touched"
            )
        })?,
        Strategy::Keyset => in_batches(&mut session, |after| {
            format!(
                "WITH batch AS (SELECT id FROM items WHERE id > {after} ORDER BY id LIMIT {KEYSET_BATCH}), \
                 filled AS (UPDATE items SET total = {UP} FROM batch WHERE items.id = batch.id RETURNING items.id) \
                 SELECT max(id) FROM filled"
            )
        })?,
        Strategy::Segue1 | Strategy::Segue2 => unreachable!("Segue fills by its own program"),
    }
    Ok(began.elapsed())
}

fn in_batches(session: &mut Session, sql: impl Fn(i64) -> String) -> Outcome<()> {
    let mut after = i64::MIN;
    loop {
        let rows = session.query(&sql(after))?;
        match rows.into_iter().flatten().next().flatten() {
            Some(last) => after = last.parse()?,
            None => return Ok(()),
        }
    }
}

/// As the peers have it: a variable for each column, so that an expression can name it bare; the writer's version told by its
/// search_path, which is read by a query; a marker for what is still to be filled.
fn peers_trigger(shape: Shape) -> [String; 3] {
    let mut names = shape.names();
    names.extend(["total", "to_fill"]);
    let variables: String =
        names.iter().map(|name| format!("{name} items.{name}%TYPE := NEW.{name};\n")).collect();
    [
        "ALTER TABLE items ADD COLUMN to_fill boolean DEFAULT true".to_owned(),
        format!(
            "CREATE FUNCTION fill_total() RETURNS trigger LANGUAGE plpgsql AS $body$
             DECLARE
               {variables}
               path text;
             BEGIN
               SELECT setting INTO path FROM current_setting('search_path') AS setting;
               IF path <> 'public_new_version' THEN
                 NEW.total := {UP};
                 NEW.to_fill := false;
               END IF;
               RETURN NEW;
             END $body$"
        ),
        "CREATE TRIGGER fill_total BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION fill_total()".to_owned(),
    ]
}
