//! Owns how the server is asked whether filled rows are what `up` makes of them: which columns can be asked about, and the
//! SQL. Must not judge the answer.
//!
//! A row's version holds both sides, so each can be judged by itself, whatever others write meanwhile.

use crate::compile::program::{Action, BackfillSpec, Program, SyncSpec};
use crate::execute::check;
use crate::ident::{Ident, QualifiedName};
use crate::pg::{self, Class, Limits, Session, sqlstate};
use std::ops::Range;
use std::time::Duration;

/// One filled column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// As the new version knows it.
    pub shown: String,
    /// True where the new side is not what `up` gives.
    differs: String,
    /// True where the old side is not what `down` gives of the new one. Where it is, the new version may have written.
    pub unlike_down: Option<String>,
    /// Why nothing follows from a difference.
    pub unknown: Option<String>,
}

/// What is asked of a table.
#[derive(Clone, Debug)]
pub struct Question<'p> {
    pub spec: &'p BackfillSpec,
    pub asked: Vec<Asked>,
}

/// The fills of new columns, each with the triggers that keep its table in step. What mends rows in place is proved by
/// the constraint that it is for.
pub fn filled(program: &Program) -> Vec<(usize, &BackfillSpec, Option<&SyncSpec>)> {
    let sync_of = |table: &QualifiedName| {
        program.steps.iter().find_map(|step| match &step.action {
            Action::Expand { sync, .. } if sync.table == *table => Some(&**sync),
            _ => None,
        })
    };
    let filled = program.steps.iter().enumerate().filter_map(|(number, step)| match &step.action {
        Action::Backfill(spec) if spec.marker.is_some() => Some((number, spec, sync_of(&spec.table))),
        _ => None,
    });
    filled.collect()
}

/// Not the same as stored: works for types without equality, and tells -0 from 0.
fn unlike(column: &Ident, expression: &str, type_name: &str) -> String {
    format!(
        "(ROW({column})::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(({expression})::{type_name})::pg_catalog.record)"
    )
}

impl<'p> Question<'p> {
    /// Asks the server what can be asked. The session's path is the rollout's schema, as for the fill.
    pub async fn of(
        session: &mut Session,
        spec: &'p BackfillSpec,
        sync: Option<&SyncSpec>,
    ) -> Result<Question<'p>, pg::Error> {
        let mut asked = Vec::new();
        for ((hidden, expression), shown) in spec.set.iter().zip(&spec.shown) {
            let type_of = |column: &Ident| {
                sync?.hidden_columns.iter().find(|(name, _)| name == column).map(|(_, name)| name.clone())
            };
            let pair = sync.and_then(|sync| {
                sync.pairs.iter().find(|pair| pair.new.as_ref().is_some_and(|new| new.column == *hidden))
            });
            let type_name = pair.and_then(|pair| Some(pair.new.as_ref()?.type_name.clone()));
            let Some(type_name) = type_name.or_else(|| type_of(hidden)) else {
                asked.push(Asked {
                    shown: shown.as_str().to_owned(),
                    differs: "false".to_owned(),
                    unlike_down: None,
                    unknown: Some("its value comes from no expression over the row".to_owned()),
                });
                continue;
            };
            let mut unknown = not_immutable(session, &spec.table, expression, &type_name).await?;
            // Other rows have what the column was made with.
            let only = pair.and_then(|pair| pair.up.as_ref()?.only.as_ref());
            if let (None, Some(only)) = (&unknown, only) {
                unknown = not_immutable(session, &spec.table, only, "boolean").await?;
            }
            let mut unlike_down = None;
            if let Some((old, down)) = pair.and_then(|pair| Some((pair.old.as_ref()?, pair.down.as_ref()?)))
                && not_immutable(session, &spec.table, &down.sql, &old.type_name).await?.is_none()
            {
                unlike_down = Some(unlike(&old.column, &down.sql, &old.type_name));
            }
            let unlike_up = unlike(hidden, expression, &type_name);
            let unlike_up = match only {
                Some(only) => format!("(({only}) IS TRUE AND {unlike_up})"),
                None => unlike_up,
            };
            let differs = if unknown.is_some() { "false".to_owned() } else { unlike_up };
            asked.push(Asked { shown: shown.as_str().to_owned(), differs, unlike_down, unknown });
        }
        Ok(Question { spec, asked })
    }

    /// What says that a row is still to be filled.
    pub fn marker(&self) -> &Ident {
        self.spec.marker.as_ref().expect("only fills with a marker are asked about")
    }

    fn from(&self, leaf: &str, blocks: &Range<u64>) -> String {
        format!(
            "FROM ONLY {leaf} AS {} WHERE ctid >= '({},0)'::tid AND ctid < '({},0)'::tid",
            self.spec.table.name, blocks.start, blocks.end
        )
    }

    /// Counts of a range: rows, those pending, and for each column those that differ and those of them that the new version
    /// cannot have written; where it cannot have written anything, that is not asked.
    pub fn counts(&self, leaf: &str, blocks: &Range<u64>, by_new: bool) -> String {
        let marker = self.marker();
        // A row that needs no write stays pending.
        let only = self.spec.only.as_ref().map(|only| format!(" AND {only}")).unwrap_or_default();
        let mut sql = format!("SELECT count(*), count(*) FILTER (WHERE {marker} IS NOT FALSE{only})");
        for asked in &self.asked {
            let differs = &asked.differs;
            let alone = asked.unlike_down.as_deref().filter(|_| by_new).unwrap_or("false");
            sql += &format!(
                ", count(*) FILTER (WHERE {marker} IS FALSE AND {differs}), \
                 count(*) FILTER (WHERE {marker} IS FALSE AND {differs} AND {alone})"
            );
        }
        format!("{sql} {}", self.from(leaf, blocks))
    }

    /// Any column differs, in a row that counts as filled; or nobody knows whether it does.
    pub fn wrong(&self) -> String {
        let any: Vec<&str> = self.asked.iter().map(|asked| asked.differs.as_str()).collect();
        let marker = self.marker();
        format!("({marker} IS NULL OR ({marker} IS FALSE AND ({})))", any.join(" OR "))
    }

    /// Some rows of a range where one column differs, by key, each as text.
    pub fn rows(&self, leaf: &str, blocks: &Range<u64>, column: usize, by_new: bool) -> String {
        let asked = &self.asked[column];
        let alone = match (&asked.unlike_down, by_new) {
            (Some(unlike), true) => format!(" AND {unlike}"),
            _ => String::new(),
        };
        let key = match self.spec.key.is_empty() {
            true => "'at ' || ctid::text".to_owned(),
            false => {
                let parts: Vec<String> = self
                    .spec
                    .key
                    .iter()
                    .map(|column| {
                        format!(
                            "{} || {column}::text",
                            crate::ident::literal(&format!("{}=", column.as_str()))
                        )
                    })
                    .collect();
                format!("pg_catalog.concat_ws(', ', {})", parts.join(", "))
            }
        };
        format!(
            "SELECT {key} {} AND {} IS FALSE AND {}{alone} ORDER BY ctid LIMIT 10",
            self.from(leaf, blocks),
            self.marker(),
            asked.differs
        )
    }
}

/// The server speaks of a generated column, which nobody asked for.
const VARYING: &str =
    "it calls something that is not immutable by its declaration, and may give another value another time";

/// Why an expression may give another value at another time or in another session; `None`: it cannot. The server judges,
/// by what it lets stand in a generated column. Nothing of it stays.
async fn not_immutable(
    session: &mut Session,
    table: &QualifiedName,
    expression: &str,
    type_name: &str,
) -> Result<Option<String>, pg::Error> {
    let doing = "asking whether an expression always gives the same";
    let limits = Limits::new(Duration::from_secs(2), Duration::from_secs(10));
    let tx = session.transaction(doing, &limits).await?;
    let place = check::place(&tx, doing).await?;
    let target = check::stand_in(&place, table);
    let sql = format!(
        "CREATE TABLE {target} (LIKE {table}, _segue_check {type_name} GENERATED ALWAYS AS ({expression}) STORED)"
    );
    let asked = tx.batch(doing, &sql).await;
    tx.rollback(doing).await?;
    match asked {
        Ok(()) => Ok(None),
        Err(error) if error.server().is_some() && pg::class(&error) == Class::Permanent => {
            Ok(error.server().map(|server| match server.code.as_str() {
                sqlstate::INVALID_OBJECT_DEFINITION => VARYING.to_owned(),
                _ => server.message.clone(),
            }))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_of_filled_rows_in_a_range_of_blocks() {
        let spec = BackfillSpec {
            table: QualifiedName::new(&"public".into(), &"users".into()),
            marker: Some("_segue_pending".into()),
            set: vec![("_segue_new_a".into(), "(\"a\")".into())],
            shown: vec!["a".into()],
            key: vec!["id".into()],
            partitioned: false,
            copy: None,
            only: None,
        };
        let asked = Asked {
            shown: "a".into(),
            differs: unlike(&"_segue_new_a".into(), "(\"a\")", "bigint"),
            unlike_down: Some(unlike(&"a".into(), "(\"_segue_new_a\")", "integer")),
            unknown: None,
        };
        let question = Question { spec: &spec, asked: vec![asked] };
        insta::assert_snapshot!(question.counts("\"public\".\"users\"", &(0..64), true));
        insta::assert_snapshot!(question.rows("\"public\".\"users\"", &(0..64), 0, true));
        insta::assert_snapshot!(question.wrong());
    }
}
