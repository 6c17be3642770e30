//! A random table's columns and rows. Must not know what hangs on them.

use super::table::{Table, chance, q};
use super::types::{self, Class};
use fastrand::Rng;

impl Table {
    pub fn create(&mut self, rng: &mut Rng) {
        let mut parts = Vec::new();
        for place in 0..rng.usize(2..=8) {
            let name = self.fresh_column(rng);
            let ty = match place {
                0 => types::any(rng, |ty| ty.class == Class::Int && !ty.is_constrained()),
                _ if chance(rng, 35) => types::any(rng, |ty| [Class::Int, Class::Text].contains(&ty.class)),
                _ => types::any(rng, |_| true),
            };
            let number = self.new_column(name, ty);
            let generated = place > 0 && chance(rng, 8);
            let source = self.pick(rng, |c| {
                !c.generated
                    && c.name != self.columns[number].name
                    && ["integer", "text"].contains(&c.ty.name)
            });
            let quoted = self.column(number);
            let mut sql = format!("{quoted} {}", ty.name);
            if ty.class == Class::Text && ty.name != "label" && chance(rng, 12) {
                sql.push_str(" COLLATE \"C\"");
            }
            if let Some(source) = source.filter(|_| generated) {
                let of = self.columns[source].ty;
                let (expression, ty) = match of.name {
                    "integer" => (format!("{} * 2", self.column(source)), "bigint"),
                    _ => (format!("upper({})", self.column(source)), "text"),
                };
                self.columns[source].pinned = true;
                let column = &mut self.columns[number];
                (column.ty, column.generated, column.genuine) = (types::named(ty), true, false);
                parts.push(format!("{quoted} {ty} GENERATED ALWAYS AS ({expression}) STORED"));
                continue;
            }
            let integer = ["smallint", "integer", "bigint"].contains(&ty.name);
            let column = &mut self.columns[number];
            if integer && !self.partitioned && chance(rng, if place == 0 { 45 } else { 4 }) {
                (column.nullable, column.identity) = (false, true);
                let kind = if chance(rng, 50) { "ALWAYS" } else { "BY DEFAULT" };
                let options = if chance(rng, 40) { " (START WITH 500 INCREMENT BY 3 CACHE 5)" } else { "" };
                sql.push_str(&format!(" GENERATED {kind} AS IDENTITY{options}"));
            } else if integer && chance(rng, if place == 0 { 35 } else { 4 }) {
                (column.nullable, column.serial, column.has_default) = (false, true, true);
                let serial = ["smallserial", "serial", "bigserial"]
                    [["smallint", "integer", "bigint"].iter().position(|name| *name == ty.name).unwrap_or(0)];
                sql = format!("{quoted} {serial}");
            } else {
                if place == 0 || chance(rng, 40) {
                    column.nullable = false;
                    sql.push_str(" NOT NULL");
                }
                if chance(rng, 30) {
                    column.has_default = true;
                    sql.push_str(&format!(" DEFAULT {}", ty.default));
                }
            }
            parts.push(sql);
        }
        let name = q(&self.name);
        self.unlogged = !self.partitioned && chance(rng, 4);
        let unlogged = if self.unlogged { "UNLOGGED " } else { "" };
        let partition = match self.partitioned {
            true => format!(" PARTITION BY RANGE ({})", self.column(0)),
            false => String::new(),
        };
        let options = match !self.partitioned && chance(rng, 12) {
            true => " WITH (fillfactor = 80, autovacuum_enabled = true)",
            false => "",
        };
        self.add(format!("CREATE {unlogged}TABLE {name} ({}){partition}{options}", parts.join(", ")));
        if self.partitioned {
            self.columns[0].pinned = true;
            let number = self.number;
            self.add(format!(
                "CREATE TABLE \"part {number}\" PARTITION OF {name} FOR VALUES FROM (0) TO (20)"
            ));
            self.add(format!("CREATE TABLE part_{number}_rest PARTITION OF {name} DEFAULT"));
        }
    }

    pub fn fill(&mut self) {
        let given: Vec<usize> =
            (0..self.columns.len()).filter(|number| !self.columns[*number].generated).collect();
        let values: Vec<String> = given
            .iter()
            .map(|number| {
                let column = &self.columns[*number];
                match column.nullable {
                    true => format!("CASE WHEN (n + {number}) % 5 > 0 THEN {} END", column.ty.value),
                    false => column.ty.value.to_owned(),
                }
            })
            .collect();
        let sql = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM generate_series(1, {}) n",
            q(&self.name),
            self.list(&given),
            values.join(", "),
            self.rows
        );
        self.add(sql);
    }
}
