//! The types that random tables are made of: what row `n` has, and what each can be altered to.
//! Must not know tables. In expressions `@` is the column and `n` the number of the row.

use fastrand::Rng;

/// What goes for all types of a kind: a condition, an index's class, a foreign key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Int,
    Number,
    Text,
    Range,
    Array,
    Json,
    Other,
}

#[derive(Debug)]
pub struct Type {
    /// As it is written in SQL and in a plan.
    pub name: &'static str,
    pub class: Class,
    /// Another one for every row, unless `few`.
    pub value: &'static str,
    /// A constant of its own, which the tables referred to have as well.
    pub default: &'static str,
    /// What it can become: the type's name, `up`, `down`.
    pub to: &'static [(&'static str, &'static str, &'static str)],
}

pub fn named(name: &str) -> &'static Type {
    TYPES.iter().find(|known| known.name == name).unwrap_or_else(|| panic!("{name} is not among the types"))
}

pub fn any(rng: &mut Rng, fits: impl Fn(&Type) -> bool) -> &'static Type {
    let fitting: Vec<&Type> = TYPES.iter().filter(|ty| fits(ty)).collect();
    rng.choice(fitting).expect("some type fits")
}

impl Type {
    /// Whether two rows may have the same value.
    pub fn few(&self) -> bool {
        ["boolean", "mood", "\"Odd Mood\"", "bit(4)", "bit varying(8)"].contains(&self.name)
    }

    pub fn has_btree(&self) -> bool {
        !["json", "point"].contains(&self.name)
    }

    pub fn is_stored_apart(&self) -> bool {
        matches!(self.class, Class::Text | Class::Json | Class::Array) || self.name == "bytea"
    }

    /// A domain with a constraint: no column of it can be added without a rewrite.
    pub fn is_constrained(&self) -> bool {
        self.name == "positive"
    }

    /// A condition that all rows fulfil.
    pub fn holds(&self) -> &'static str {
        match self.class {
            Class::Int | Class::Number => "@ > -1000",
            Class::Text => "length(@) < 1000 AND @ <> 'never'",
            Class::Range => "NOT isempty(@) OR @ IS NOT NULL",
            Class::Array => "array_length(@, 1) < 1000",
            _ => "@ IS NOT NULL OR @ IS NULL",
        }
    }
}

use Class::*;

const fn t(
    name: &'static str,
    class: Class,
    value: &'static str,
    default: &'static str,
    to: &'static [(&'static str, &'static str, &'static str)],
) -> Type {
    Type { name, class, value, default, to }
}

/// Before any table: the types that are not PostgreSQL's own, and what foreign keys point at.
pub const PREAMBLE: &str = r#"
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE "Odd Mood" AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN label AS text;
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE FUNCTION double_of(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE parent (number integer PRIMARY KEY, code text NOT NULL UNIQUE, UNIQUE (number, code));
INSERT INTO parent SELECT n, 'v' || n FROM generate_series(1, 120) n;
INSERT INTO parent VALUES (-1, 'none'), (-2, 'short');
CREATE TABLE "Odd Parent" ("the Key" bigint PRIMARY KEY);
INSERT INTO "Odd Parent" SELECT generate_series(1, 120);
"#;

pub const TYPES: &[Type] = &[
    t("smallint", Int, "n", "7", &[("integer", "@", "@::smallint"), ("text", "@::text", "@::smallint")]),
    t(
        "integer",
        Int,
        "n",
        "42",
        &[
            ("bigint", "@", "@::int"),
            ("bigint", "@ + 0", "@::int"),
            ("text", "@::text", "@::int"),
            ("numeric(12,2)", "@", "@::int"),
        ],
    ),
    t("bigint", Int, "n", "99", &[("text", "@::text", "@::bigint"), ("numeric(14,2)", "@", "@::bigint")]),
    t(
        "numeric(12,2)",
        Number,
        "n + 0.25",
        "1.50",
        &[
            ("numeric(14,2)", "@", "@"),
            ("double precision", "@::float8", "@::numeric(12,2)"),
            ("text", "@::text", "@::numeric"),
        ],
    ),
    t("numeric(14,2)", Number, "n + 0.75", "0", &[("numeric", "@", "@"), ("integer", "@::int", "@")]),
    t("numeric", Number, "n + 0.125", "2.5", &[("numeric(14,2)", "round(@, 2)", "@")]),
    t("real", Number, "n / 4.0", "0.5", &[("double precision", "@", "@")]),
    t("double precision", Number, "n / 8.0", "0.25", &[("numeric", "@::numeric", "@::float8")]),
    t(
        "text",
        Text,
        "'v' || n",
        "'none'",
        &[
            ("varchar(60)", "left(@, 60)", "@"),
            ("bytea", "convert_to(@, 'UTF8')", "convert_from(@, 'UTF8')"),
            ("jsonb", "to_jsonb(@)", "@ #>> ARRAY[]::text[]"),
            ("label", "@", "@"),
        ],
    ),
    t(
        "varchar(30)",
        Text,
        "'v' || n",
        "'short'",
        &[("varchar(60)", "@", "left(@, 30)"), ("text", "@", "left(@, 30)"), ("text", "@", "@")],
    ),
    t("varchar(60)", Text, "'v' || n", "'short'", &[("text", "@", "@"), ("varchar", "@", "@")]),
    t("varchar", Text, "'v' || n", "'short'", &[("text", "@", "@")]),
    t("character(6)", Other, "'v' || n", "'six'", &[("text", "rtrim(@)", "left(@, 6)")]),
    t(
        "boolean",
        Other,
        "n % 2 = 0",
        "true",
        &[("integer", "@::int", "@::boolean"), ("text", "@::text", "@::boolean")],
    ),
    t("date", Other, "DATE '2026-01-01' + n", "'2026-02-02'", &[("timestamp", "@", "@::date")]),
    t(
        "timestamp",
        Other,
        "TIMESTAMP '2026-01-01' + n * interval '1 hour'",
        "'2026-02-02 03:04'",
        &[("timestamptz", "@ AT TIME ZONE 'UTC'", "@ AT TIME ZONE 'UTC'"), ("date", "@::date", "@")],
    ),
    t(
        "timestamptz(3)",
        Other,
        "TIMESTAMPTZ '2026-01-01 00:00+0' + n * interval '1 hour'",
        "'2026-02-02 03:04+0'",
        &[("timestamptz", "@", "@")],
    ),
    t(
        "timestamptz",
        Other,
        "TIMESTAMPTZ '2026-01-01 00:00+0' + n * interval '1 hour'",
        "'2026-02-02 03:04+0'",
        &[("timestamp", "@ AT TIME ZONE 'UTC'", "@ AT TIME ZONE 'UTC'")],
    ),
    t(
        "time",
        Other,
        "TIME '00:00' + n * interval '1 minute'",
        "'12:00'",
        &[("interval", "@::interval", "@::time")],
    ),
    t("interval", Other, "n * interval '1 hour'", "'1 day'", &[("text", "@::text", "@::interval")]),
    t(
        "uuid",
        Other,
        "md5(n::text)::uuid",
        "'00000000-0000-0000-0000-000000000000'",
        &[("text", "@::text", "@::uuid")],
    ),
    t("jsonb", Json, "jsonb_build_object('n', n)", "'{}'", &[("text", "@::text", "@::jsonb")]),
    t("json", Other, "json_build_object('n', n)", "'{}'", &[("jsonb", "@::jsonb", "@::json")]),
    t(
        "bytea",
        Other,
        "convert_to('v' || n, 'UTF8')",
        "'\\x00'",
        &[("text", "encode(@, 'hex')", "decode(@, 'hex')")],
    ),
    t("inet", Other, "('10.0.0.' || n)::inet", "'127.0.0.1'", &[("text", "host(@)", "@::inet")]),
    t(
        "integer[]",
        Array,
        "ARRAY[n, n + 1]",
        "'{1}'",
        &[("bigint[]", "@", "@::int[]"), ("text[]", "@::text[]", "@::int[]")],
    ),
    t("bigint[]", Array, "ARRAY[n, 5]", "'{1}'", &[("text[]", "@::text[]", "@::bigint[]")]),
    t(
        "text[]",
        Array,
        "ARRAY['a' || n, 'b']",
        "'{x}'",
        &[("jsonb", "to_jsonb(@)", "ARRAY(SELECT jsonb_array_elements_text(@))")],
    ),
    t(
        "mood",
        Other,
        "(ARRAY['sad', 'ok', 'happy'])[1 + n % 3]::mood",
        "'ok'",
        &[("text", "@::text", "@::mood"), ("\"Odd Mood\"", "@::text::\"Odd Mood\"", "@::text::mood")],
    ),
    t(
        "\"Odd Mood\"",
        Other,
        "(ARRAY['sad', 'ok', 'happy'])[1 + n % 3]::\"Odd Mood\"",
        "'happy'",
        &[("mood", "@::text::mood", "@::text::\"Odd Mood\"")],
    ),
    t("label", Text, "'v' || n", "'none'", &[("text", "@", "@")]),
    t("positive", Int, "n", "42", &[("integer", "@", "@")]),
    t("pair", Other, "ROW(n, 'v' || n)::pair", "ROW(1, 'x')::pair", &[("text", "@::text", "@::pair")]),
    t("int4range", Range, "int4range(n * 10, n * 10 + 5)", "'[1,2)'", &[("text", "@::text", "@::int4range")]),
    t(
        "tstzrange",
        Range,
        "tstzrange('2026-01-01 00:00+0'::timestamptz + n * interval '1 day', NULL)",
        "'[2026-01-01 00:00+0,2026-01-02 00:00+0)'",
        &[("text", "@::text", "@::tstzrange")],
    ),
    t("bit(4)", Other, "(n % 16)::bit(4)", "B'0101'", &[("bit varying(8)", "@", "@::bit(4)")]),
    t(
        "bit varying(8)",
        Other,
        "(n % 16)::bit(8)::varbit",
        "B'0101'",
        &[("bit varying(20)", "@", "@::varbit(8)")],
    ),
    t("bit varying(20)", Other, "n::bit(8)::varbit", "B'01'", &[]),
    t("point", Other, "point(n, n)", "'(0,0)'", &[("text", "@::text", "@::point")]),
];
