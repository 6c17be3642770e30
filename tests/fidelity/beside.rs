//! Random settings of columns, grants, and what stands beside a table and reads it. Must not know operations.

use super::table::{Table, chance, q};
use fastrand::Rng;

impl Table {
    pub fn settings(&mut self, rng: &mut Rng, number: usize) {
        let column = self.column(number);
        let apart = self.columns[number].ty.is_stored_apart();
        if apart && chance(rng, 12) {
            let storage = rng.choice(["EXTERNAL", "MAIN", "EXTENDED", "PLAIN"]).expect("some");
            self.alter(format!("ALTER {column} SET STORAGE {storage}"));
        }
        if apart && !self.partitioned && chance(rng, 10) {
            self.alter(format!("ALTER {column} SET COMPRESSION pglz"));
        }
        if chance(rng, 10) {
            self.alter(format!("ALTER {column} SET STATISTICS {}", rng.u32(1..900)));
        }
        if chance(rng, 8) {
            self.alter(format!("ALTER {column} SET (n_distinct = -0.5)"));
        }
        let on = q(&self.name);
        self.comment(rng, &format!("COLUMN {on}.{column}"), 20);
        if chance(rng, 20) {
            let words = ["SELECT", "UPDATE", "INSERT, SELECT", "REFERENCES"];
            for privilege in rng.choice(words).expect("some").split(", ") {
                let to = rng.choice(["fid_reader", "\"Fid Writer\"", "PUBLIC"]).expect("some");
                let with = if to.starts_with('"') { " WITH GRANT OPTION" } else { "" };
                self.add(format!("GRANT {privilege} ({column}) ON {on} TO {to}{with}"));
                if ["INSERT", "UPDATE"].contains(&privilege) {
                    self.writers.push(to);
                }
            }
        }
    }

    /// What stands beside the table and reads it.
    pub fn beside(&mut self, rng: &mut Rng) {
        let (on, number) = (q(&self.name), self.number);
        self.comment(rng, &format!("TABLE {on}"), 20);
        if chance(rng, 40) {
            self.writers.push("\"Fid Writer\"");
            self.add(format!("GRANT SELECT ON {on} TO fid_reader"));
            self.add(format!(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON {on} TO \"Fid Writer\" WITH GRANT OPTION"
            ));
        }
        if chance(rng, 10) {
            let event =
                rng.choice(["BEFORE INSERT OR UPDATE", "AFTER UPDATE", "BEFORE UPDATE"]).expect("some");
            let name = self.fresh(rng, "tg");
            self.add(format!(
                "CREATE TRIGGER {} {event} ON {on} FOR EACH ROW EXECUTE FUNCTION touched()",
                q(&name)
            ));
        }
        let any =
            |table: &Table, rng: &mut Rng| table.pick(rng, |c| !c.generated).map(|c| (c, table.column(c)));
        let pin = |table: &mut Table, column: usize| table.columns[column].pinned = true;
        let Some((column, quoted)) = any(self, rng) else { return };
        let name = self.fresh(rng, "x");
        let name = q(&name);
        match rng.u8(..22) {
            0 | 1 | 8 if !self.partitioned => {
                self.alter("ENABLE ROW LEVEL SECURITY".to_owned());
                let words = ["FOR SELECT TO fid_reader", "TO \"Fid Writer\", fid_reader", "AS RESTRICTIVE"];
                let words = rng.choice(words).expect("some");
                let check = if words.starts_with("FOR") { "" } else { " WITH CHECK (true)" };
                self.add(format!("CREATE POLICY {name} ON {on} {words} USING ({quoted} IS NOT NULL){check}"));
                self.comment(rng, &format!("POLICY {name} ON {on}"), 30);
                pin(self, column);
                self.columns[column].secured = true;
            }
            2 => {
                let make = format!("CREATE VIEW view_{number} AS SELECT {quoted} AS seen FROM {on}");
                self.go_around(vec![column], format!("DROP VIEW view_{number}"), make);
            }
            3 if !self.partitioned => {
                self.add(format!(
                    "CREATE TRIGGER {name} AFTER UPDATE OF {quoted} ON {on} FOR EACH ROW EXECUTE FUNCTION touched()"
                ));
                pin(self, column);
            }
            4 if self.major >= 15 && !self.partitioned && !self.unlogged => {
                let all: Vec<usize> =
                    (0..self.columns.len()).filter(|c| !self.columns[*c].generated).collect();
                let list = self.list(&all);
                let make =
                    format!("CREATE PUBLICATION {name} FOR TABLE {on} ({list}) WITH (publish = 'insert')");
                self.go_around(all, format!("DROP PUBLICATION {name}"), make);
            }
            5 if !self.unlogged => {
                self.add(format!("CREATE PUBLICATION {name} FOR TABLE {on} WITH (publish = 'insert')"))
            }
            6 | 7 => {
                let Some(other) = self.pick(rng, |c| c.ty.has_btree() && !c.generated) else { return };
                if other == column || !self.columns[column].ty.has_btree() {
                    return;
                }
                let list = self.list(&[column, other]);
                self.add(format!("CREATE STATISTICS {name} (ndistinct, mcv) ON {list} FROM {on}"));
                self.comment(rng, &format!("STATISTICS {name}"), 30);
                if chance(rng, 30) {
                    let sql = format!("ALTER STATISTICS {name} SET STATISTICS 300");
                    self.add(sql.clone());
                    self.lost.push((vec![column, other], sql));
                }
                self.columns[column].ordered = true;
                self.columns[other].ordered = true;
            }
            10 if !self.partitioned && self.columns[column].ty.has_btree() => {
                self.add(format!(
                    "CREATE TRIGGER {name} AFTER UPDATE ON {on} FOR EACH ROW \
                     WHEN (old.{quoted} IS DISTINCT FROM new.{quoted}) EXECUTE FUNCTION touched()"
                ));
                self.comment(rng, &format!("TRIGGER {name} ON {on}"), 30);
                if chance(rng, 30) {
                    self.alter(format!("DISABLE TRIGGER {name}"));
                }
                self.columns[column].followed = !self.columns[column].pinned;
                pin(self, column);
            }
            9 => {
                self.add(format!(
                    "CREATE RULE {name} AS ON DELETE TO {on} WHERE old.{quoted} IS NULL DO ALSO NOTHING"
                ));
                pin(self, column);
            }
            _ => {}
        }
    }
}
