//! A random table and all that hangs on it, as SQL, and what a generator of operations has to know of it.
//! Must not know operations.

use super::names;
use super::types::{self, Class, Type};
use fastrand::Rng;
use segue::ident::{Ident, literal};

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub ty: &'static Type,
    pub nullable: bool,
    pub has_default: bool,
    pub identity: bool,
    pub serial: bool,
    pub generated: bool,
    pub dropped: bool,
    /// Part of the primary key.
    pub key: bool,
    /// Something makes its values differ.
    pub unique: bool,
    /// Its values are the type's own, one for each row and all different.
    pub genuine: bool,
    /// Something on it holds only for types of its class.
    pub bound: bool,
    /// An index is on it, for which the type must have an order.
    pub ordered: bool,
    /// Plain DDL can neither drop nor retype it.
    pub pinned: bool,
    /// A policy of the table reads it.
    pub secured: bool,
    /// A foreign key is over it; over it and others.
    pub foreign: bool,
    pub foreign_of_several: bool,
    /// Part of the index that is the replica identity.
    pub identifies: bool,
    /// An operation of the plan put something on it that reads it in an expression: plain DDL would then have the types
    /// of that moment in it.
    pub read_anew: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Check,
    Unique,
    Primary,
    Foreign,
    Exclude,
}

#[derive(Clone, Debug)]
pub struct Constraint {
    pub name: String,
    pub kind: Kind,
    pub columns: Vec<usize>,
    /// A foreign key of another table needs it.
    pub needed: bool,
}

#[derive(Clone, Debug)]
pub struct Index {
    pub name: String,
    pub columns: Vec<usize>,
    /// Unique, over columns alone, all rows.
    pub identifying: bool,
}

#[derive(Debug)]
pub struct Table {
    /// Distinguishes all its names from those of other tables of the database.
    pub number: usize,
    pub name: String,
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    pub indexes: Vec<Index>,
    pub partitioned: bool,
    pub rows: usize,
    /// What makes it.
    pub sql: Vec<String>,
    /// What plain DDL loses where it makes things on these columns again.
    pub lost: Vec<(Vec<usize>, String)>,
    major: u32,
    names: usize,
    unlogged: bool,
    /// What is noted from now on, operations do.
    made: bool,
}

pub fn q(name: &str) -> String {
    Ident::new(name).to_string()
}

pub fn chance(rng: &mut Rng, percent: u8) -> bool {
    rng.u8(..100) < percent
}

impl Table {
    pub fn random(rng: &mut Rng, number: usize, major: u32) -> Table {
        let mut table = Table {
            number,
            name: names::name(rng, &format!("t{number}")),
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            partitioned: chance(rng, 8),
            rows: if chance(rng, 10) { 0 } else { rng.usize(1..40) },
            sql: Vec::new(),
            lost: Vec::new(),
            major,
            names: 0,
            unlogged: false,
            made: false,
        };
        table.create(rng);
        table.fill();
        table.keys(rng);
        for _ in 0..rng.u8(..3) {
            table.check(rng);
        }
        if !table.partitioned {
            table.more_keys(rng);
        }
        for _ in 0..rng.u8(..4) {
            table.index(rng);
        }
        for column in 0..table.columns.len() {
            table.settings(rng, column);
        }
        table.beside(rng);
        table.sql.push(format!("ANALYZE {}", q(&table.name)));
        table.made = true;
        table
    }

    /// A name for a thing on this table that no other has.
    pub fn fresh(&mut self, rng: &mut Rng, what: &str) -> String {
        self.names += 1;
        names::name(rng, &format!("{what}{}_{}", self.number, self.names))
    }

    pub fn fresh_column(&mut self, rng: &mut Rng) -> String {
        self.names += 1;
        let name = names::column(rng, &format!("c{}_{}", self.number, self.names), self.names);
        if self.columns.iter().any(|column| column.name == name) { format!("c{}", self.names) } else { name }
    }

    pub fn column(&self, number: usize) -> String {
        q(&self.columns[number].name)
    }

    pub fn list(&self, columns: &[usize]) -> String {
        columns.iter().map(|column| self.column(*column)).collect::<Vec<_>>().join(", ")
    }

    /// A random column of those that fit.
    pub fn pick(&self, rng: &mut Rng, fits: impl Fn(&Column) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.columns.len())
            .filter(|number| !self.columns[*number].dropped && fits(&self.columns[*number]))
            .collect();
        rng.choice(fitting)
    }

    pub fn has_primary(&self) -> bool {
        self.constraints.iter().any(|constraint| constraint.kind == Kind::Primary)
    }

    fn add(&mut self, sql: String) {
        self.sql.push(sql);
    }

    fn blank(&self, name: String, ty: &'static Type) -> Column {
        Column {
            name,
            ty,
            nullable: true,
            has_default: false,
            identity: false,
            serial: false,
            generated: false,
            dropped: false,
            key: false,
            unique: false,
            genuine: !ty.few(),
            bound: false,
            ordered: false,
            pinned: false,
            secured: false,
            foreign: false,
            foreign_of_several: false,
            identifies: false,
            read_anew: false,
        }
    }

    pub fn new_column(&mut self, name: String, ty: &'static Type) -> usize {
        let column = self.blank(name, ty);
        self.columns.push(column);
        self.columns.len() - 1
    }

    fn create(&mut self, rng: &mut Rng) {
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

    fn fill(&mut self) {
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

    fn alter(&mut self, sql: String) {
        self.add(format!("ALTER TABLE {} {sql}", q(&self.name)));
    }

    pub fn note(&mut self, name: String, kind: Kind, columns: Vec<usize>) {
        for column in &columns {
            let column = &mut self.columns[*column];
            match kind {
                Kind::Check => {
                    column.bound = true;
                    column.read_anew |= self.made;
                }
                Kind::Foreign => {
                    (column.bound, column.foreign) = (true, true);
                    column.foreign_of_several |= columns.len() > 1;
                }
                Kind::Unique | Kind::Exclude => (column.unique, column.ordered) = (true, true),
                Kind::Primary => {
                    (column.unique, column.ordered, column.key, column.nullable) = (true, true, true, false)
                }
            }
            if kind == Kind::Exclude {
                column.bound = true;
            }
        }
        self.constraints.push(Constraint { name, kind, columns, needed: false });
    }

    fn keys(&mut self, rng: &mut Rng) {
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
            self.columns[0].pinned = chance(rng, 90);
            self.constraints.last_mut().expect("just noted").needed = true;
        }
    }

    fn comment(&mut self, rng: &mut Rng, on: &str, percent: u8) {
        if chance(rng, percent) {
            let text = literal(rng.choice(["it's", "ß\n\\ two lines", "plain"]).expect("some"));
            self.add(format!("COMMENT ON {on} IS {text}"));
        }
    }

    fn check(&mut self, rng: &mut Rng) {
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

    fn more_keys(&mut self, rng: &mut Rng) {
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
            self.alter(format!("ADD CONSTRAINT {} EXCLUDE USING gist ({column} WITH &&)", q(&name)));
            self.note(name, Kind::Exclude, vec![range]);
        }
    }

    fn foreign(&mut self, rng: &mut Rng) {
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
        let valid = if chance(rng, 15) { " NOT VALID" } else { "" };
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

    fn index(&mut self, rng: &mut Rng) {
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
        self.comment(rng, &format!("INDEX {}", q(&name)), 15);
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

    fn settings(&mut self, rng: &mut Rng, number: usize) {
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
                let to =
                    rng.choice(["fid_reader", "\"Fid Writer\" WITH GRANT OPTION", "PUBLIC"]).expect("some");
                self.add(format!("GRANT {privilege} ({column}) ON {on} TO {to}"));
            }
        }
    }

    /// What stands beside the table and reads it.
    fn beside(&mut self, rng: &mut Rng) {
        let (on, number) = (q(&self.name), self.number);
        self.comment(rng, &format!("TABLE {on}"), 20);
        if chance(rng, 40) {
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
        match rng.u8(..20) {
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
                self.add(format!("CREATE VIEW view_{number} AS SELECT {quoted} AS seen FROM {on}"));
                pin(self, column);
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
                self.add(format!(
                    "CREATE PUBLICATION {name} FOR TABLE {on} ({list}) WITH (publish = 'insert')"
                ));
                self.columns.iter_mut().filter(|c| !c.generated).for_each(|c| c.pinned = true);
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
