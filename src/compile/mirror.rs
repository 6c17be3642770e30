//! Owns the triggers that keep a copy of a table in step with it until it takes the table's place. Must not know what the
//! copy is for.
//!
//! What a write leaves in the table is what the copy gets: a trigger of the table's own may have changed the row once more
//! before this one fires, so nothing is taken from what it is handed but keys. The backfill holds a row's lock while it copies
//! it, so of a row that is written here it is known whether the copy has it, but under a snapshot from before: there an
//! INSERT that finds it all the same is a serialization failure, as for any row that was changed meanwhile.

use super::program::CopySpec;
use crate::catalog::{Column, Table};
use crate::ident::{Ident, QualifiedName, list, literal};
use std::collections::BTreeSet;

/// One function, and the triggers that call it.
pub struct Mirror<'a> {
    pub source: &'a Table,
    pub table: QualifiedName,
    pub copy: &'a CopySpec,
}

const ROWS: &str = "zzz_segue_copy";
const TRUNCATE: &str = "zzz_segue_copy_truncate";

/// The names of the triggers that are made.
pub fn triggers() -> Vec<Ident> {
    vec![ROWS.into(), TRUNCATE.into()]
}

impl Mirror<'_> {
    fn function(&self) -> QualifiedName {
        let whole = format!("{}.{}", self.table.schema.as_str(), self.table.name.as_str());
        QualifiedName::new(&Ident::new("segue"), &Ident::new(whole).hidden("copy_"))
    }

    pub fn statements(&self) -> Vec<String> {
        let (function, table) = (self.function(), &self.table);
        // Who writes the table has no rights on the copy. Operators of a key's own type are found where the type is.
        let path: BTreeSet<String> = self.key_columns().filter_map(schema_of_type).collect();
        let path = path.into_iter().map(|schema| format!("{schema}, ")).collect::<String>();
        vec![
            format!(
                "CREATE FUNCTION {function}() RETURNS pg_catalog.trigger LANGUAGE plpgsql SECURITY DEFINER \
                 SET search_path = pg_catalog, {path}pg_temp AS {}",
                literal(&self.body())
            ),
            format!("REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"),
            format!(
                "CREATE TRIGGER {ROWS} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
            ),
            format!(
                "CREATE TRIGGER {TRUNCATE} AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            ),
            // Rows that a subscription writes are rows, too.
            format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {ROWS}, ENABLE ALWAYS TRIGGER {TRUNCATE}"),
        ]
    }

    /// Fails where a trigger is gone or off: then the copy may lack what was written.
    pub fn stands(&self) -> String {
        let table = &self.table;
        let names = triggers().iter().map(|name| literal(name.as_str())).collect::<Vec<_>>().join(", ");
        let code = format!(
            "BEGIN IF (SELECT count(*) FROM pg_catalog.pg_trigger
     WHERE tgrelid = {}::pg_catalog.regclass AND tgname IN ({names}) AND tgenabled = 'A') < 2 THEN
  RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {},
    HINT = 'write what is missing into {} by hand, make the triggers fire again (ENABLE ALWAYS), then `segue resume`';
END IF; END",
            literal(&table.to_string()),
            literal(&format!("a trigger that keeps the copy of {table} in step is gone or disabled: the copy may lack rows")),
            self.copy.into.to_string().replace('\'', "''"),
        );
        format!("DO {}", literal(&code))
    }

    /// Takes away what [`Self::statements`] makes, as far as it is there.
    pub fn drop_statements(&self) -> Vec<String> {
        let table = &self.table;
        let mut sql: Vec<String> =
            [ROWS, TRUNCATE].iter().map(|name| format!("DROP TRIGGER IF EXISTS {name} ON {table}")).collect();
        sql.push(format!("DROP FUNCTION IF EXISTS {}()", self.function()));
        sql
    }

    fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.copy.key.iter().filter_map(|key| self.source.column(key))
    }

    fn body(&self) -> String {
        let (table, into) = (&self.table, &self.copy.into);
        let columns = list(&self.copy.columns);
        let of = |row: &str| {
            let cells = self.copy.columns.iter().map(|column| format!("{row}.{column}"));
            cells.collect::<Vec<_>>().join(", ")
        };
        let set = self.copy.columns.iter().map(|column| format!("{column} = t.{column}"));
        let set = set.collect::<Vec<_>>().join(", ");
        let same = |left: &str, right: &str| self.copy.same_row(left, right);
        let key_changed = self.copy.key.iter().map(|key| format!("OLD.{key} IS DISTINCT FROM NEW.{key}"));
        let key_changed = key_changed.collect::<Vec<_>>().join(" OR ");
        let key = list(&self.copy.key);
        format!(
            "BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    TRUNCATE {into};
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND ({key_changed}) THEN
    DELETE FROM {into} AS c WHERE {c_is_old} AND NOT EXISTS (SELECT FROM ONLY {table} AS t WHERE {t_is_old});
    IF NOT FOUND AND current_setting('transaction_isolation') <> 'read committed' THEN
      INSERT INTO {into} ({columns}) VALUES ({old}) ON CONFLICT ({key}) DO NOTHING;
      DELETE FROM {into} AS c WHERE {c_is_old} AND NOT EXISTS (SELECT FROM ONLY {table} AS t WHERE {t_is_old});
    END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE {into} AS c SET {set} FROM ONLY {table} AS t WHERE {t_is_new} AND {c_is_new};
    IF NOT FOUND THEN
      INSERT INTO {into} ({columns}) SELECT {t} FROM ONLY {table} AS t WHERE {t_is_new}
      ON CONFLICT ({key}) DO NOTHING;
    END IF;
  END IF;
  RETURN NULL;
END",
            c_is_old = same("c", "OLD"),
            c_is_new = same("c", "NEW"),
            t_is_old = same("t", "OLD"),
            t_is_new = same("t", "NEW"),
            old = of("OLD"),
            t = of("t"),
        )
    }
}

/// Quoted, as the server has it; `None` for a type of PostgreSQL's own.
fn schema_of_type(column: &Column) -> Option<String> {
    column.type_name.rsplit_once('.').map(|(schema, _)| schema.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_leaves_its_row_in_the_copy() {
        let column = |name: &str, type_name: &str| Column {
            name: name.into(),
            type_name: type_name.to_owned(),
            ..Column::default()
        };
        let source = Table {
            name: "events".into(),
            columns: vec![column("id", "ext.citext"), column("at", "date"), column("Note", "text")],
            ..Table::default()
        };
        let copy = CopySpec {
            into: QualifiedName::new(&"public".into(), &"_segue_new_events".into()),
            columns: source.columns.iter().map(|column| column.name.clone()).collect(),
            key: vec!["id".into(), "at".into()],
            triggers: triggers(),
        };
        let table = QualifiedName::new(&"public".into(), &"events".into());
        let mirror = Mirror { source: &source, table, copy: &copy };
        let all = [mirror.statements(), mirror.drop_statements()].concat();
        insta::assert_snapshot!(all.join(";\n"));
    }
}
