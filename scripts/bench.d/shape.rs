//! Owns the tables that are measured: their columns, indexes and rows, and the statements that an application sends to them.
//! Must not know how they are filled.

use clap::ValueEnum;

/// What is filled is the same everywhere: a new column that an existing one gives.
pub const UP: &str = "amount::bigint * 100";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Shape {
    /// Rows of about 170 bytes, a primary key and three more indexes.
    FourIndexes,
    /// The same rows, a primary key alone.
    PrimaryKey,
    /// Five rows to a page, four indexes.
    Wide,
    /// Some 190 rows to a page, a primary key alone.
    Narrow,
    /// A column of 2.5 kB that is stored out of line, four indexes.
    Toast,
    /// The rows of `four_indexes`, twelve indexes.
    ManyIndexes,
}

/// Columns and their values for row `i`; `id`, `amount` and `hits` are there in every shape.
const NARROW: [(&str, &str); 3] = [("id bigint", "i"), ("amount integer", AMOUNT), ("hits integer", "0")];
const AMOUNT: &str = "(hashint8(i) & 1048575)";
const USUAL: [(&str, &str); 7] = [
    ("id bigint", "i"),
    ("account integer", "((hashint8(i + 1) & 2147483647) % 100000)"),
    ("amount integer", AMOUNT),
    ("hits integer", "0"),
    ("created_at timestamptz", "timestamptz '2020-01-01 00:00:00Z' + i * interval '1 second'"),
    ("email text", "substr(md5(i::text), 1, 16) || '@example.org'"),
    ("status text", "(ARRAY['open', 'paid', 'shipped'])[1 + i % 3]"),
];
const KEY: &str = "ALTER TABLE items ADD PRIMARY KEY (id)";
const THREE: [&str; 3] = ["account", "email", "created_at"];
const EIGHT: [&str; 8] = [
    "status",
    "account, created_at",
    "status, created_at",
    "email, account",
    "lower(email)",
    "created_at, status",
    "account, status",
    "account, email",
];

impl Shape {
    fn columns(self) -> Vec<(&'static str, &'static str)> {
        let note = match self {
            Shape::Narrow => return NARROW.to_vec(),
            Shape::FourIndexes | Shape::PrimaryKey | Shape::ManyIndexes => {
                "rpad(md5((i + 2)::text), 64, '.')"
            }
            Shape::Wide => "repeat(md5((i + 2)::text), 44)",
            Shape::Toast => "repeat(md5((i + 2)::text), 80)",
        };
        let mut columns = USUAL.to_vec();
        columns.push(("note text", note));
        columns
    }

    fn indexes(self) -> Vec<&'static str> {
        match self {
            Shape::PrimaryKey | Shape::Narrow => Vec::new(),
            Shape::FourIndexes | Shape::Wide | Shape::Toast => THREE.to_vec(),
            Shape::ManyIndexes => THREE.iter().chain(&EIGHT).copied().collect(),
        }
    }

    /// The columns' bare names.
    pub fn names(self) -> Vec<&'static str> {
        self.columns().iter().map(|(column, _)| column.split(' ').next().expect("it has a name")).collect()
    }

    /// Makes and fills the table, in statements none of which takes long.
    pub fn build(self, rows: u64) -> Vec<String> {
        const AT_ONCE: u64 = 500_000;
        let columns = self.columns().iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", ");
        let values = self.values();
        let mut statements = vec![format!("CREATE TABLE items ({columns})")];
        if self == Shape::Toast {
            // Else it would be compressed to nothing.
            statements.push("ALTER TABLE items ALTER COLUMN note SET STORAGE EXTERNAL".to_owned());
        }
        for first in (1..=rows).step_by(AT_ONCE as usize) {
            let last = rows.min(first + AT_ONCE - 1);
            statements.push(format!(
                "INSERT INTO items SELECT {values} FROM generate_series({first}::bigint, {last}) AS i"
            ));
        }
        statements.push(KEY.to_owned());
        statements.extend(self.indexes().iter().map(|columns| format!("CREATE INDEX ON items ({columns})")));
        statements.push("VACUUM ANALYZE items".to_owned());
        statements
    }

    /// One row more, of the number that `id` gives.
    pub fn insert(self, id: &str) -> String {
        let names = self.names().join(", ");
        format!("INSERT INTO items ({names}) SELECT {} FROM (SELECT {id}::bigint AS i) AS one", self.values())
    }

    fn values(self) -> String {
        self.columns().iter().map(|(_, value)| *value).collect::<Vec<_>>().join(", ")
    }

    /// The shape's name as the command line has it.
    pub fn name(self) -> String {
        self.to_possible_value().expect("no shape is hidden").get_name().to_owned()
    }
}

/// Does not fire a rule of the plan's: nothing reads `hits`.
pub fn unrelated(id: &str) -> String {
    format!("UPDATE items SET hits = hits + 1 WHERE id = {id}")
}

/// Changes what the plan's `up` reads.
pub fn related(id: &str) -> String {
    format!("UPDATE items SET amount = amount + 1 WHERE id = {id}")
}
