//! A random table and all that hangs on it, as SQL, and what a generator of operations has to know of it.
//! Must not know operations.

use super::names;
use super::types::Type;
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
    /// What pins it goes with it where Segue gives it a new form.
    pub followed: bool,
    /// A foreign key is over it; over it and others.
    pub foreign: bool,
    pub foreign_of_several: bool,
    /// Something reads it that would not go with it.
    pub undroppable: bool,
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
    /// A foreign key of another table needs it, or rows are mended for it.
    pub needed: bool,
}

#[derive(Clone, Debug)]
pub struct Index {
    pub name: String,
    pub columns: Vec<usize>,
    /// Unique, over columns alone, all rows.
    pub identifying: bool,
}

/// What reads columns and has to go and come again where plain DDL changes their types.
#[derive(Clone, Debug)]
pub struct Around {
    pub columns: Vec<usize>,
    pub drop: String,
    pub make: String,
    /// Table and columns, as `make` calls them.
    pub names: Vec<String>,
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
    /// Who may write it, as SQL has them.
    pub writers: Vec<&'static str>,
    /// What plain DDL loses where it makes things on these columns again.
    pub lost: Vec<(Vec<usize>, String)>,
    pub around: Option<Around>,
    pub major: u32,
    names: usize,
    pub unlogged: bool,
    /// What is noted from now on, operations do.
    pub made: bool,
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
            writers: Vec::new(),
            lost: Vec::new(),
            around: None,
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
        match table.partitioned {
            true => table.partitioned_keys(rng),
            false => table.more_keys(rng),
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

    /// Notes what Segue takes along with these columns, and plain DDL does not where it changes their types.
    pub fn go_around(&mut self, columns: Vec<usize>, drop: String, make: String) {
        let free: Vec<usize> = columns.into_iter().filter(|c| !self.columns[*c].pinned).collect();
        for column in &free {
            (self.columns[*column].pinned, self.columns[*column].followed) = (true, true);
        }
        self.add(make.clone());
        let names = self.names_of(&free);
        self.around = Some(Around { columns: free, drop, make, names });
    }

    pub fn names_of(&self, columns: &[usize]) -> Vec<String> {
        std::iter::once(self.name.clone())
            .chain(columns.iter().map(|c| self.columns[*c].name.clone()))
            .collect()
    }

    pub fn has_primary(&self) -> bool {
        self.constraints.iter().any(|constraint| constraint.kind == Kind::Primary)
    }

    pub fn add(&mut self, sql: String) {
        self.sql.push(sql);
    }

    pub fn blank(&self, name: String, ty: &'static Type) -> Column {
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
            followed: false,
            foreign: false,
            foreign_of_several: false,
            identifies: false,
            undroppable: false,
            read_anew: false,
        }
    }

    pub fn new_column(&mut self, name: String, ty: &'static Type) -> usize {
        let column = self.blank(name, ty);
        self.columns.push(column);
        self.columns.len() - 1
    }

    pub fn alter(&mut self, sql: String) {
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

    pub fn comment(&mut self, rng: &mut Rng, on: &str, percent: u8) {
        if chance(rng, percent) {
            let text = literal(rng.choice(["it's", "ß\n\\ two lines", "plain"]).expect("some"));
            self.add(format!("COMMENT ON {on} IS {text}"));
        }
    }
}
