//! Owns what an undo does about a table that somebody dropped meanwhile: there is nothing of it to undo. Must not decide so
//! where it may be there under another name.

use super::Halt;
use crate::compile::program::{Lock, Program};
use crate::ident::{Ident, QualifiedName};
use crate::pg::{RowExt, Session};

/// Tables of the program's schema, other than these, that have a hidden column.
const RENAMED: &str = "SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND c.relname <> ALL ($2::text[]::name[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                    AND pg_catalog.starts_with(a.attname::text, '_segue_'))
   ORDER BY 1 LIMIT 1";

/// Which of the tables that an undo locks are not there.
pub async fn look(session: &Session, program: &Program, locks: &[Lock]) -> Result<Vec<QualifiedName>, Halt> {
    let names: Vec<String> = locks.iter().map(|lock| lock.relation.to_string()).collect();
    let sql = "SELECT (n.ord - 1)::bigint FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS n (name, ord)
                WHERE pg_catalog.to_regclass(n.name) IS NULL";
    let doing = "looking for the tables of an undo";
    let missing = session.query(doing, sql, &[&names]).await?;
    let mut gone = Vec::new();
    for row in missing {
        gone.push(locks[row.cell::<i64>(0)? as usize].relation.clone());
    }
    let Some(first) = gone.first() else { return Ok(gone) };
    let all = program.steps.iter().flat_map(|step| &step.locks);
    let known: Vec<Ident> = all.map(|lock| lock.relation.name.clone()).collect();
    if let Some(row) = session.query_opt(doing, RENAMED, &[&program.schema, &known]).await? {
        let found: String = row.cell(0)?;
        return Err(Halt::Broken(format!(
            "{first} is not there, and {found} has a rollout's hidden columns: if that is what it is called now, rename it back"
        )));
    }
    tracing::warn!(table = %first, "it was dropped by somebody: there is nothing of it to undo");
    Ok(gone)
}

/// What is left to do of an undo.
pub fn without(statements: &[String], locks: &[Lock], gone: &[QualifiedName]) -> (Vec<String>, Vec<Lock>) {
    let rest: Vec<Lock> = locks.iter().filter(|lock| !gone.contains(&lock.relation)).cloned().collect();
    let alters = |statement: &str| {
        gone.iter().any(|table| {
            statement.starts_with(&format!("ALTER TABLE {table} "))
                || statement.starts_with(&format!("ALTER TABLE ONLY {table} "))
        })
    };
    // A sequence goes with the table that owns it.
    let lent = |statement: &str| rest.is_empty() && statement.starts_with("REVOKE ");
    let kept = statements.iter().filter(|statement| !alters(statement) && !lent(statement));
    (kept.cloned().collect(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::program::LockMode;

    #[test]
    fn what_is_left_names_no_table_that_is_gone() {
        let table = |name: &str| QualifiedName::new(&Ident::new("s"), &Ident::new(name));
        let lock = |name: &str| Lock { relation: table(name), mode: LockMode::AccessExclusive };
        let statements: Vec<String> = [
            r#"DROP FUNCTION IF EXISTS "segue"."f"()"#,
            r#"REVOKE USAGE ON SEQUENCE "s"."a_id_seq" FROM "web""#,
            r#"ALTER TABLE "s"."a" DROP COLUMN IF EXISTS "x""#,
            r#"ALTER TABLE ONLY "s"."a" ALTER COLUMN "y" DROP NOT NULL"#,
            r#"ALTER TABLE "s"."ab" DROP COLUMN IF EXISTS "x""#,
        ]
        .map(String::from)
        .into();
        let (left, locks) = without(&statements, &[lock("a"), lock("ab")], &[table("a")]);
        assert_eq!(left, [0, 1, 4].map(|n| statements[n].clone()));
        assert_eq!(locks, [lock("ab")]);
        let (left, locks) = without(&statements[..4], &[lock("a")], &[table("a")]);
        assert_eq!((left, locks), (vec![statements[0].clone()], vec![]));
    }
}
