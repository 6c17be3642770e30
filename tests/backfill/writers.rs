//! The old version's application in the storm: sessions that write at random and keep books of what is then there.

use segue::sandbox::wire::Session;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// Values of the table's column `part`.
pub const PARTS: u32 = 5;
/// How many writers share the rows: each has those whose id has its number for a remainder.
pub const WRITERS: i64 = 3;

/// What the old version sees of a row, by the row's id.
pub type Books = BTreeMap<i64, Row>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub part: u32,
    pub a: Option<i32>,
    pub b: Option<String>,
}

impl Row {
    /// What every row is to begin with, as `BEFORE` of the storm has it.
    pub fn first(id: i64) -> Row {
        let a = (id % 7 != 0).then_some((id % 1000) as i32);
        Row { part: (id % i64::from(PARTS)) as u32, a, b: Some(format!("b{id}")) }
    }
}

/// Writes until told to stop; gives the books as they then are. The application never fails: an error is Segue's doing.
pub fn write(
    mut session: Session,
    mine: i64,
    rows: i64,
    random: &mut fastrand::Rng,
    stop: &AtomicBool,
) -> Result<Books, String> {
    // Segue gives way after 200 ms. A machine that is busy may be late to tell it so, and that is no deadlock.
    session.query("SET deadlock_timeout = '30s'").map_err(|error| error.to_string())?;
    let own = (1..=rows).filter(|id| id % WRITERS == mine);
    let mut books: Books = own.map(|id| (id, Row::first(id))).collect();
    // The ids still there, to choose one at random from; and the next that was never used.
    let mut ids: Vec<i64> = books.keys().copied().collect();
    let mut next = (rows / WRITERS + 1) * WRITERS + mine;
    while !stop.load(Ordering::Relaxed) {
        let (count, kept) = if random.u32(..8) == 0 { (random.u32(2..5), random.bool()) } else { (1, true) };
        let before = (!kept).then(|| (books.clone(), ids.clone()));
        let mut sql = String::new();
        for _ in 0..count {
            sql.push_str(&one(&mut books, &mut ids, &mut next, random));
        }
        // Statements of one message are one transaction anyway; this one is taken back.
        if let Some(before) = before {
            (books, ids) = before;
            sql = format!("BEGIN; {sql} ROLLBACK");
        }
        session.query(&sql).map_err(|error| format!("the application failed: {error}\nin: {sql}"))?;
        thread::sleep(Duration::from_micros(random.u64(100..3000)));
    }
    Ok(books)
}

/// One statement, entered in the books.
fn one(books: &mut Books, ids: &mut Vec<i64>, next: &mut i64, random: &mut fastrand::Rng) -> String {
    let kind = random.u32(..10);
    if kind < 2 || ids.is_empty() {
        let id = *next;
        *next += WRITERS;
        let row = Row {
            part: random.u32(..PARTS),
            a: random.bool().then(|| random.i32(0..1000)),
            b: random.bool().then(|| format!("i{}", random.u32(..))),
        };
        let sql = format!(
            "INSERT INTO t (id, part, a, b) VALUES ({id}, {}, {}, {}); ",
            row.part,
            number(row.a),
            text(&row.b)
        );
        books.insert(id, row);
        ids.push(id);
        return sql;
    }
    let at = random.usize(..ids.len());
    let id = ids[at];
    let row = books.get_mut(&id).expect("the ids are the books'");
    match kind {
        2 => {
            books.remove(&id);
            ids.swap_remove(at);
            format!("DELETE FROM t WHERE id = {id}; ")
        }
        // The key, which `up` reads too.
        3 => {
            let new = *next;
            *next += WRITERS;
            let row = books.remove(&id).expect("it is there");
            books.insert(new, row);
            ids[at] = new;
            format!("UPDATE t SET id = {new} WHERE id = {id}; ")
        }
        // To another partition, where there are any.
        4 => {
            row.part = random.u32(..PARTS);
            format!("UPDATE t SET part = {} WHERE id = {id}; ", row.part)
        }
        5 => {
            (row.part, row.a) = (random.u32(..PARTS), Some(random.i32(0..1000)));
            format!("UPDATE t SET part = {}, a = {} WHERE id = {id}; ", row.part, number(row.a))
        }
        6 => {
            row.a = random.bool().then(|| random.i32(0..1000));
            format!("UPDATE t SET a = {} WHERE id = {id}; ", number(row.a))
        }
        7 => {
            row.b = random.bool().then(|| format!("u{}", random.u32(..)));
            format!("UPDATE t SET b = {} WHERE id = {id}; ", text(&row.b))
        }
        // What no expression reads; grown, so that it moves.
        _ => format!("UPDATE t SET pad = pad || '{}' WHERE id = {id}; ", "+".repeat(random.usize(..60))),
    }
}

fn number(value: Option<i32>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| value.to_string())
}

fn text(value: &Option<String>) -> String {
    value.as_ref().map_or_else(|| "NULL".to_owned(), |value| format!("'{value}'"))
}
