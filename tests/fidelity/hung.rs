//! Random keys, checks and indexes on a table. Must not know operations.

use super::table::{Column, Index, Kind, Table, chance, q};
use super::types::Class;
use fastrand::Rng;

impl Table {
    pub fn keys(&mut self, rng: &mut Rng) {
        let fits = |c: &Column| c.genuine && !c.nullable && c.ty.has_btree() && !c.ty.is_constrained();
        let columns = match rng.u8(..10) {
            0..6 => vec![0],
            6 | 7 if !self.partitioned => match self.pick(rng, fits) {
                Some(other) if other != 0 => vec![0, other],
                _ => vec![0],
            },
            _ => return,
        };
        let name = self.fresh(rng, "pk");
        let list = self.list(&columns);
        let deferrable = !self.partitioned && chance(rng, 10);
        let words = if deferrable { " DEFERRABLE" } else { "" };
        self.alter(format!("ADD CONSTRAINT {} PRIMARY KEY ({list}){words}", q(&name)));
        self.comment(rng, &format!("CONSTRAINT {} ON {}", q(&name), q(&self.name)), 10);
        let single = columns.len() == 1;
        self.note(name, Kind::Primary, columns);
        if single && !deferrable && !self.partitioned && !self.unlogged && chance(rng, 15) {
            let (number, key, on) = (self.number, self.column(0), q(&self.name));
            let key_type = self.columns[0].ty.name;
            self.add(format!(
                "CREATE TABLE child_{number} (of {key_type} REFERENCES {on} ({key}) ON DELETE CASCADE);
                 INSERT INTO child_{number} SELECT {key} FROM {on}"
            ));
            self.columns[0].bound = true;
            self.columns[0].undroppable = true;
            self.constraints.last_mut().expect("just noted").needed = true;
        }
    }

    pub fn check(&mut self, rng: &mut Rng) {
        let Some(first) = self.pick(rng, |c| !c.generated) else { return };
        let mut columns = vec![first];
        let expression = |table: &Table, number: usize| {
            table.columns[number].ty.holds().replace('@', &table.column(number))
        };
        let mut sql = expression(self, first);
        if let Some(second) = self.pick(rng, |_| true).filter(|second| *second != first && chance(rng, 35)) {
            sql = format!("({sql}) OR {} IS NULL", self.column(second));
            columns.push(second);
        }
        let name = self.fresh(rng, "ck");
        let inherit = if !self.partitioned && chance(rng, 15) { " NO INHERIT" } else { "" };
        let valid = if chance(rng, 15) { " NOT VALID" } else { "" };
        self.alter(format!("ADD CONSTRAINT {} CHECK ({sql}){inherit}{valid}", q(&name)));
        self.comment(rng, &format!("CONSTRAINT {} ON {}", q(&name), q(&self.name)), 20);
        self.note(name, Kind::Check, columns);
    }

    pub fn more_keys(&mut self, rng: &mut Rng) {
        let fits = |c: &Column| c.genuine && !c.generated && c.ty.has_btree();
        if let Some(first) = self.pick(rng, fits).filter(|_| chance(rng, 35)) {
            let mut columns = vec![first];
            columns.extend(self.pick(rng, fits).filter(|second| *second != first && chance(rng, 40)));
            let include =
                self.pick(rng, |c| !c.generated).filter(|c| !columns.contains(c) && chance(rng, 25));
            let include = include.map(|column| format!(" INCLUDE ({})", self.column(column)));
            let distinct = match self.major >= 15 && !columns.iter().any(|c| self.columns[*c].nullable) {
                true if chance(rng, 50) => " NULLS NOT DISTINCT",
                _ => "",
            };
            let deferrable = chance(rng, 15);
            let words = if deferrable { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
            let with = if chance(rng, 15) { " WITH (fillfactor = 70)" } else { "" };
            let name = self.fresh(rng, "uq");
            let list = self.list(&columns);
            self.alter(format!(
                "ADD CONSTRAINT {} UNIQUE{distinct} ({list}){}{with}{words}",
                q(&name),
                include.unwrap_or_default()
            ));
            self.comment(rng, &format!("CONSTRAINT {} ON {}", q(&name), q(&self.name)), 20);
            self.note(name, Kind::Unique, columns);
        }
        if chance(rng, 30) {
            self.foreign(rng);
        }
        if let Some(range) =
            self.pick(rng, |c| c.ty.name == "int4range" && !c.generated).filter(|_| chance(rng, 35))
        {
            let name = self.fresh(rng, "ex");
            let column = self.column(range);
            let other = self.pick(rng, |_| true).filter(|other| *other != range && chance(rng, 30));
            let only = other.map(|other| format!(" WHERE ({} IS NOT NULL)", self.column(other)));
            let words = only.unwrap_or_default();
            self.alter(format!("ADD CONSTRAINT {} EXCLUDE USING gist ({column} WITH &&){words}", q(&name)));
            self.comment(rng, &format!("CONSTRAINT {} ON {}", q(&name), q(&self.name)), 20);
            self.note(name, Kind::Exclude, vec![range]);
            if let Some(other) = other {
                (self.columns[other].bound, self.columns[other].undroppable) = (true, true);
            }
        }
    }

    /// Each with the column that parts the rows.
    pub fn partitioned_keys(&mut self, rng: &mut Rng) {
        let other = self.pick(rng, |c| !c.generated && c.ty.has_btree()).filter(|other| *other != 0);
        if let Some(other) = other.filter(|_| chance(rng, 60)) {
            let name = self.fresh(rng, "uq");
            let list = self.list(&[0, other]);
            let words = if chance(rng, 20) { " DEFERRABLE" } else { "" };
            self.alter(format!("ADD CONSTRAINT {} UNIQUE ({list}){words}", q(&name)));
            self.comment(rng, &format!("CONSTRAINT {} ON {}", q(&name), q(&self.name)), 20);
            self.note(name, Kind::Unique, vec![0, other]);
        }
        if chance(rng, 40) {
            self.foreign(rng);
        }
    }

    pub fn foreign(&mut self, rng: &mut Rng) {
        let number = self.pick(rng, |c| c.genuine && !c.generated && c.ty.class == Class::Int);
        let code = self.pick(rng, |c| c.genuine && !c.generated && c.ty.class == Class::Text);
        let (columns, target) = match (rng.u8(..4), number, code) {
            (0, Some(number), _) => (vec![number], "parent (number)"),
            (1, _, Some(code)) => (vec![code], "parent (code)"),
            (2, Some(number), Some(code)) => (vec![code, number], "parent (code, number)"),
            (_, Some(number), _) => (vec![number], "\"Odd Parent\" (\"the Key\")"),
            _ => return,
        };
        let name = self.fresh(rng, "fk");
        let actions = rng
            .choice([
                "",
                " ON DELETE CASCADE",
                " ON DELETE SET NULL ON UPDATE CASCADE",
                " ON UPDATE RESTRICT DEFERRABLE",
                " DEFERRABLE INITIALLY DEFERRED",
            ])
            .expect("some");
        let can_wait = !self.partitioned || self.major >= 18;
        let valid = if can_wait && chance(rng, 15) { " NOT VALID" } else { "" };
        let list = self.list(&columns);
        self.alter(format!(
            "ADD CONSTRAINT {} FOREIGN KEY ({list}) REFERENCES {target}{actions}{valid}",
            q(&name)
        ));
        self.comment(rng, &format!("CONSTRAINT {} ON {}", q(&name), q(&self.name)), 15);
        self.note(name, Kind::Foreign, columns);
    }

    /// What CREATE INDEX says after the table's name, the columns it reads, and whether it holds for other types.
    pub fn index_tail(&self, rng: &mut Rng) -> Option<(String, Vec<usize>, bool)> {
        let first = self.pick(rng, |c| c.ty.has_btree())?;
        let (column, class) = (self.column(first), self.columns[first].ty.class);
        let mut columns = vec![first];
        let mut bound = false;
        let tail = match rng.u8(..12) {
            0 => format!("({column} DESC NULLS LAST)"),
            1 => {
                let second = self.pick(rng, |c| c.ty.has_btree())?;
                columns.push(second);
                format!("({column} NULLS FIRST, {} DESC)", self.column(second))
            }
            2 => {
                let second = self.pick(rng, |c| !c.generated).filter(|second| *second != first)?;
                columns.push(second);
                format!("({column}) INCLUDE ({})", self.column(second))
            }
            3 => format!("({column}) WHERE {column} IS NOT NULL"),
            4 => {
                bound = true;
                let holds = self.columns[first].ty.holds().replace('@', &column);
                format!("({column}) WITH (fillfactor = 75) WHERE ({holds})")
            }
            5 if class == Class::Text => {
                bound = true;
                format!("(lower({column}), {column} text_pattern_ops)")
            }
            6 if class == Class::Text => {
                bound = true;
                format!("({column} COLLATE \"POSIX\" varchar_pattern_ops DESC)")
            }
            7 if class == Class::Int => {
                bound = true;
                format!("(({column} % 10), double_of({column}::integer))")
            }
            8 if [Class::Int, Class::Text].contains(&class) => format!("USING hash ({column})"),
            9 if [Class::Array, Class::Json].contains(&class) => {
                bound = true;
                format!("USING gin ({column}) WITH (fastupdate = off)")
            }
            10 if class == Class::Range => {
                bound = true;
                format!("USING gist ({column})")
            }
            11 if class == Class::Int => format!("USING brin ({column}) WITH (pages_per_range = 4)"),
            _ => format!("({column})"),
        };
        Some((tail, columns, bound))
    }

    pub fn note_index(&mut self, name: String, columns: Vec<usize>, bound: bool, identifying: bool) {
        for column in &columns {
            let column = &mut self.columns[*column];
            column.ordered = true;
            column.bound |= bound;
            column.read_anew |= bound && self.made;
            column.unique |= identifying;
        }
        self.indexes.push(Index { name, columns, identifying });
    }

    pub fn index(&mut self, rng: &mut Rng) {
        let Some((tail, columns, bound)) = self.index_tail(rng) else { return };
        let name = self.fresh(rng, "ix");
        let on = q(&self.name);
        let plain = columns.len() == 1 && tail.starts_with('(') && !tail.contains("WHERE") && !bound;
        let unique = !self.partitioned && plain && self.columns[columns[0]].genuine && chance(rng, 40);
        let words = if unique { "UNIQUE " } else { "" };
        self.add(format!("CREATE {words}INDEX {} ON {on} {tail}", q(&name)));
        if tail.starts_with("((") || tail.starts_with("(lower") {
            let sql = format!("ALTER INDEX {} ALTER COLUMN 1 SET STATISTICS 250", q(&name));
            self.add(sql.clone());
            self.lost.push((columns.clone(), sql));
        }
        // Plain DDL gives it to the partitions' indexes, too.
        if !self.partitioned {
            self.comment(rng, &format!("INDEX {}", q(&name)), 15);
        }
        if !self.partitioned && plain && chance(rng, 10) {
            self.alter(format!("CLUSTER ON {}", q(&name)));
        }
        let not_null = columns.iter().all(|column| !self.columns[*column].nullable);
        if unique && not_null && chance(rng, 30) {
            self.alter(format!("REPLICA IDENTITY USING INDEX {}", q(&name)));
            columns.iter().for_each(|column| self.columns[*column].identifies = true);
        }
        self.note_index(name, columns, bound, unique);
    }
}
