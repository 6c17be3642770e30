//! Owns the part of a verification that reads no row: triggers there, on and last, indexes and constraints valid.
//! Must not change anything.

use super::report::Fault;
use crate::compile::program::{Action, BackfillSpec, Program, SyncSpec};
use crate::compile::sync;
use crate::execute::check;
use crate::ident::{Ident, QualifiedName};
use crate::pg::{self, RowExt, Session};

/// Of each table (and its partitions) and trigger: whether it is there and on, and which others fire after it.
const TRIGGERS: &str = "
WITH RECURSIVE wanted(oid) AS (
    SELECT pg_catalog.to_regclass($1::text)::oid
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN wanted w ON i.inhparent = w.oid)
SELECT c.oid::regclass::text AS relation, name, g.tgenabled::text AS enabled,
       (SELECT pg_catalog.string_agg(o.tgname::text, ', ' ORDER BY o.tgname) FROM pg_catalog.pg_trigger o
         WHERE o.tgrelid = c.oid AND o.tgname > g.tgname AND o.tgname <> ALL ($2::text[]) AND o.tgenabled <> 'D' AND NOT o.tgisinternal
           AND o.tgtype & 3 = 3 AND o.tgtype & g.tgtype & 28 <> 0) AS after
  FROM wanted w JOIN pg_catalog.pg_class c ON c.oid = w.oid AND c.relkind IN ('r', 'p')
 CROSS JOIN pg_catalog.unnest($2::text[]) AS name
  LEFT JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid AND g.tgname = name
 ORDER BY 1, 2";

/// What of the steps that are done is not as it has to be.
pub async fn faults(
    session: &Session,
    program: &Program,
    done: impl Fn(usize) -> bool,
) -> Result<Vec<Fault>, pg::Error> {
    let mut faults = Vec::new();
    for (_, step) in program.steps.iter().enumerate().filter(|(number, _)| done(*number)) {
        match &step.action {
            Action::Expand { sync, .. } => {
                faults.extend(triggers(session, sync).await?);
                if let Some((message, help)) = check::written_past(session, &sync.table).await? {
                    faults.push(fault(&sync.table.to_string(), message, help));
                }
            }
            Action::Backfill(BackfillSpec { table, copy: Some(copy), .. }) => {
                faults.extend(copy_triggers(session, table, &copy.triggers).await?);
            }
            Action::BuildIndex { table, index, .. } => faults.extend(index_of(session, table, index).await?),
            // What proves NOT NULL stays until the contract as well.
            Action::Validate { table, constraint } => {
                faults.extend(constraint_of(session, table, constraint).await?);
            }
            _ => {}
        }
    }
    Ok(faults)
}

/// What of the rows a look by this role would leave out.
pub async fn hidden(session: &Session, program: &Program) -> Result<Vec<Fault>, pg::Error> {
    let mut faults = Vec::new();
    for table in program.filled() {
        if let Some((message, help)) = check::hidden_rows(session, &table).await? {
            faults.push(fault(&table.to_string(), message, help));
        }
    }
    Ok(faults)
}

async fn triggers(session: &Session, spec: &SyncSpec) -> Result<Vec<Fault>, pg::Error> {
    let doing = "looking at the triggers that keep the versions in step";
    let names = sync::triggers(spec);
    let rows = session.query(doing, TRIGGERS, &[&spec.table.to_string(), &names]).await?;
    let mut faults = Vec::new();
    if rows.is_empty() {
        let help = "a table was dropped or renamed by somebody; `segue rollback` undoes what is left";
        faults.push(fault(&spec.table.to_string(), "the table is not there".to_owned(), help.to_owned()));
    }
    for row in rows {
        let relation: String = row.read("relation")?;
        let name: String = row.read("name")?;
        let (quoted, enabled) = (Ident::new(name.clone()), row.read::<Option<String>>("enabled")?);
        let (message, help) = match enabled.as_deref() {
            Some("O") => match row.read::<Option<String>>("after")? {
                None => continue,
                Some(after) => (
                    format!(
                        "{after} fires after {name}: what it changes in a row is not carried to the other version"
                    ),
                    format!("ALTER TRIGGER … ON {relation} RENAME TO a name that sorts before {name}"),
                ),
            },
            None => (
                format!(
                    "the trigger {name} is not there: what is written is not carried to the other version"
                ),
                "somebody dropped it; `segue rollback`, then start anew".to_owned(),
            ),
            Some(how) => {
                let how = match how {
                    "D" => "is disabled",
                    "R" => "fires for replicated changes only",
                    _ => "fires for replicated changes as well",
                };
                (
                    format!("the trigger {name} {how}: the versions are not kept in step"),
                    format!(
                        "ALTER TABLE {relation} ENABLE TRIGGER {quoted}; rows written meanwhile are found and filled again before publication"
                    ),
                )
            }
        };
        faults.push(fault(&relation, message, help));
    }
    Ok(faults)
}

/// What keeps a copy of a table in step fires always, and where it stands among others does not matter.
async fn copy_triggers(
    session: &Session,
    table: &QualifiedName,
    names: &[Ident],
) -> Result<Vec<Fault>, pg::Error> {
    let sql = "SELECT name, g.tgenabled::text FROM pg_catalog.unnest($2::text[]) AS name
                 LEFT JOIN pg_catalog.pg_trigger g ON g.tgname = name AND g.tgrelid = pg_catalog.to_regclass($1::text)";
    let doing = "looking at the triggers that keep a copy in step";
    let mut faults = Vec::new();
    for row in session.query(doing, sql, &[&table.to_string(), &names.to_vec()]).await? {
        let (name, enabled) = (row.cell::<String>(0)?, row.cell::<Option<String>>(1)?);
        let (message, help) = match enabled.as_deref() {
            Some("A") => continue,
            Some(_) => (
                format!("the trigger {name} is not always on: what was written may be missing in the copy"),
                format!(
                    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {}; what is missing is copied again before publication",
                    Ident::new(name.clone())
                ),
            ),
            None => (
                format!("the trigger {name} is not there: what was written may be missing in the copy"),
                "somebody dropped it; `segue rollback`, then start anew".to_owned(),
            ),
        };
        faults.push(fault(&table.to_string(), message, help));
    }
    Ok(faults)
}

async fn index_of(
    session: &Session,
    table: &QualifiedName,
    index: &Ident,
) -> Result<Option<Fault>, pg::Error> {
    let sql = "SELECT i.indisvalid AND i.indisready FROM pg_catalog.pg_index i
                 JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                WHERE i.indrelid = pg_catalog.to_regclass($1::text) AND c.relname = $2";
    let row = session.query_opt("looking at an index", sql, &[&table.to_string(), index]).await?;
    let message = match row.map(|row| row.cell::<bool>(0)).transpose()? {
        Some(true) => return Ok(None),
        Some(false) => format!("the index {} is not valid", index.as_str()),
        None => format!("the index {} is not there", index.as_str()),
    };
    let help = "somebody changed it since it was built; build it again, or `segue rollback`";
    Ok(Some(fault(&table.to_string(), message, help.to_owned())))
}

async fn constraint_of(
    session: &Session,
    table: &QualifiedName,
    constraint: &Ident,
) -> Result<Option<Fault>, pg::Error> {
    let sql = "SELECT c.convalidated FROM pg_catalog.pg_constraint c
                WHERE c.conrelid = pg_catalog.to_regclass($1::text) AND c.conname = $2";
    let row = session.query_opt("looking at a constraint", sql, &[&table.to_string(), constraint]).await?;
    let message = match row.map(|row| row.cell::<bool>(0)).transpose()? {
        Some(true) => return Ok(None),
        Some(false) => format!("the constraint {} is not proved", constraint.as_str()),
        None => format!("the constraint {} is not there", constraint.as_str()),
    };
    let help = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}, or `segue rollback`");
    Ok(Some(fault(&table.to_string(), message, help)))
}

fn fault(table: &str, message: String, help: String) -> Fault {
    Fault { table: table.to_owned(), message, help }
}
