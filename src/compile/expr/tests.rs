//! What user expressions may be, and what is found and replaced in them.

use super::*;

/// orders(id, user_id, amount, status), users(id, name, first, last) and their like.
struct Shop;

impl Scope for Shop {
    fn relation_columns(&self, schema: Option<&str>, name: &str) -> Option<Vec<Ident>> {
        let columns: &[&str] = match (schema, name) {
            (None | Some("public"), "orders") => &["id", "user_id", "amount", "status"],
            (None | Some("public"), "users") => {
                &["id", "name", "first", "last", "tags", "data", "Full Name", "é", "a.b"]
            }
            (None, "Odd Table") => &["id", "Some Col"],
            _ => return None,
        };
        Some(columns.iter().map(|column| Ident::new(*column)).collect())
    }
}

fn parse(text: &str) -> Result<Expression, ExpressionError> {
    Expression::parse(text, &Ident::new("users"), &Shop)
}

/// The text with each reference as `NEW."column"`.
fn replaced(text: &str) -> String {
    match parse(text) {
        Ok(expression) => expression.substitute(&mut |column| format!("NEW.{column}")),
        Err(error) => format!("error: {}", error.message),
    }
}

#[test]
fn replaces_the_references_to_the_row_and_no_others() {
    const CASES: &[(&str, &str)] = &[
        ("name", r#"(NEW."name")"#),
        ("NAME", r#"(NEW."name")"#),
        (r#""name""#, r#"(NEW."name")"#),
        (r#""Full Name""#, r#"(NEW."Full Name")"#),
        (r#""a.b""#, r#"(NEW."a.b")"#),
        ("é || é", r#"(NEW."é" || NEW."é")"#),
        ("'é' || first", r#"('é' || NEW."first")"#),
        ("users.name", r#"(NEW."name")"#),
        (r#""users" . /* which? */ "Full Name""#, r#"(NEW."Full Name")"#),
        ("first || ' ' || last", r#"(NEW."first" || ' ' || NEW."last")"#),
        ("'name' || $$name$$ || E'\\'name'", r#"('name' || $$name$$ || E'\'name')"#),
        ("first -- the name\n || last", "(NEW.\"first\" -- the name\n || NEW.\"last\"\n)"),
        ("first -- the name", "(NEW.\"first\" -- the name\n)"),
        ("first /* name */", r#"(NEW."first" /* name */)"#),
        (
            "CASE WHEN id > 1 THEN name ELSE NULL END",
            r#"(CASE WHEN NEW."id" > 1 THEN NEW."name" ELSE NULL END)"#,
        ),
        ("CASE id WHEN 1 THEN 'a' END", r#"(CASE NEW."id" WHEN 1 THEN 'a' END)"#),
        ("id::text", r#"(NEW."id"::text)"#),
        ("CAST(id AS numeric(10, 2))", r#"(CAST(NEW."id" AS numeric(10, 2)))"#),
        ("tags[1]", r#"(NEW."tags"[1])"#),
        ("tags[1:id]", r#"(NEW."tags"[1:NEW."id"])"#),
        ("users.tags[1]", r#"(NEW."tags"[1])"#),
        ("ARRAY[first, last]", r#"(ARRAY[NEW."first", NEW."last"])"#),
        ("data->>'name'", r#"(NEW."data"->>'name')"#),
        ("data ? 'name' OR data ?| tags", r#"(NEW."data" ? 'name' OR NEW."data" ?| NEW."tags")"#),
        ("data #>> '{a,b}'", r#"(NEW."data" #>> '{a,b}')"#),
        ("data @> jsonb_build_object('id', id)", r#"(NEW."data" @> jsonb_build_object('id', NEW."id"))"#),
        ("(data).field", r#"((NEW."data").field)"#),
        ("lower(name) COLLATE \"C\"", r#"(lower(NEW."name") COLLATE "C")"#),
        ("coalesce(name, first, '')", r#"(coalesce(NEW."name", NEW."first", ''))"#),
        ("extract(year from data)", r#"(extract(year from NEW."data"))"#),
        ("trim(both 'x' from name)", r#"(trim(both 'x' from NEW."name"))"#),
        ("make_interval(days => id)", r#"(make_interval(days => NEW."id"))"#),
        ("name IS NOT DISTINCT FROM first", r#"(NEW."name" IS NOT DISTINCT FROM NEW."first")"#),
        ("name IN ('a', first)", r#"(NEW."name" IN ('a', NEW."first"))"#),
        ("name LIKE 'x%' ESCAPE '!'", r#"(NEW."name" LIKE 'x%' ESCAPE '!')"#),
        ("id BETWEEN 1 AND 2", r#"(NEW."id" BETWEEN 1 AND 2)"#),
        ("ROW(first, last)", r#"(ROW(NEW."first", NEW."last"))"#),
        ("NOT (id = 1 AND name = 'x')", r#"(NOT (NEW."id" = 1 AND NEW."name" = 'x'))"#),
        ("42", "(42)"),
        ("  name\n", r#"(  NEW."name")"#),
        // Subqueries: what FROM names goes before the row.
        (
            "SELECT sum(amount) FROM orders WHERE user_id = users.id",
            r#"(SELECT sum(amount) FROM orders WHERE user_id = NEW."id")"#,
        ),
        (
            "(SELECT sum(amount) FROM orders WHERE user_id = users.id)",
            r#"((SELECT sum(amount) FROM orders WHERE user_id = NEW."id"))"#,
        ),
        ("SELECT id FROM orders WHERE status = name", r#"(SELECT id FROM orders WHERE status = NEW."name")"#),
        (
            "SELECT o.id FROM orders o WHERE o.status = name",
            r#"(SELECT o.id FROM orders o WHERE o.status = NEW."name")"#,
        ),
        (
            "SELECT max(u.id) FROM users u WHERE u.name = users.name",
            r#"(SELECT max(u.id) FROM users u WHERE u.name = NEW."name")"#,
        ),
        (
            "SELECT max(users.id) FROM users WHERE name = 'x'",
            "(SELECT max(users.id) FROM users WHERE name = 'x')",
        ),
        ("SELECT max(o.id) FROM public.orders o", "(SELECT max(o.id) FROM public.orders o)"),
        (
            "SELECT max(public.orders.id) FROM public.orders",
            "(SELECT max(public.orders.id) FROM public.orders)",
        ),
        (
            "name || (SELECT status FROM orders WHERE orders.id = users.id)",
            r#"(NEW."name" || (SELECT status FROM orders WHERE orders.id = NEW."id"))"#,
        ),
        (
            "EXISTS (SELECT * FROM orders WHERE user_id = users.id)",
            r#"(EXISTS (SELECT * FROM orders WHERE user_id = NEW."id"))"#,
        ),
        ("SELECT count(*) FROM orders", "(SELECT count(*) FROM orders)"),
        (
            "ARRAY(SELECT status || last FROM orders ORDER BY amount)",
            r#"(ARRAY(SELECT status || NEW."last" FROM orders ORDER BY amount))"#,
        ),
        ("id IN (SELECT user_id FROM orders)", r#"(NEW."id" IN (SELECT user_id FROM orders))"#),
        ("id = ANY (SELECT user_id FROM orders)", r#"(NEW."id" = ANY (SELECT user_id FROM orders))"#),
        (
            "SELECT status AS name FROM orders ORDER BY name LIMIT 1",
            "(SELECT status AS name FROM orders ORDER BY name LIMIT 1)",
        ),
        ("SELECT s.x FROM (SELECT last AS x) s", r#"(SELECT s.x FROM (SELECT NEW."last" AS x) s)"#),
        ("SELECT s.last FROM (SELECT last) s", r#"(SELECT s.last FROM (SELECT NEW."last" AS "last") s)"#),
        ("SELECT last FROM (SELECT last) s", r#"(SELECT last FROM (SELECT NEW."last" AS "last") s)"#),
        ("SELECT last FROM (SELECT (last)) s", r#"(SELECT last FROM (SELECT (NEW."last")) s)"#),
        (
            "WITH x AS (SELECT last AS q) SELECT q || first FROM x",
            r#"(WITH x AS (SELECT NEW."last" AS q) SELECT q || NEW."first" FROM x)"#,
        ),
        (
            "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < id) SELECT max(n) FROM x",
            r#"(WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < NEW."id") SELECT max(n) FROM x)"#,
        ),
        (
            "SELECT string_agg(t, ',') FROM unnest(tags) AS t",
            r#"(SELECT string_agg(t, ',') FROM unnest(NEW."tags") AS t)"#,
        ),
        (
            "SELECT max(e.value) FROM jsonb_each_text(data) e WHERE key = name",
            r#"(SELECT max(e.value) FROM jsonb_each_text(NEW."data") e WHERE key = NEW."name")"#,
        ),
        ("SELECT x.v FROM my_function(data) AS x", r#"(SELECT x.v FROM my_function(NEW."data") AS x)"#),
        ("SELECT sum(v) FROM my_function(data) AS x", r#"(SELECT sum(v) FROM my_function(NEW."data") AS x)"#),
        (
            "SELECT a.id FROM orders a JOIN orders b ON a.id = b.id AND b.status = last LIMIT 1",
            r#"(SELECT a.id FROM orders a JOIN orders b ON a.id = b.id AND b.status = NEW."last" LIMIT 1)"#,
        ),
        (
            "SELECT a.id FROM orders a, LATERAL (SELECT a.status = last AS z) l",
            r#"(SELECT a.id FROM orders a, LATERAL (SELECT a.status = NEW."last" AS z) l)"#,
        ),
        (
            "SELECT status FROM orders UNION SELECT last ORDER BY status LIMIT 1",
            r#"(SELECT status FROM orders UNION SELECT NEW."last" ORDER BY status LIMIT 1)"#,
        ),
        (
            "(SELECT (SELECT max(o.amount) FROM orders o WHERE o.user_id = users.id AND o.status = q.status) FROM orders q WHERE q.id = 1)",
            r#"((SELECT (SELECT max(o.amount) FROM orders o WHERE o.user_id = NEW."id" AND o.status = q.status) FROM orders q WHERE q.id = 1))"#,
        ),
        (
            r#"SELECT "Some Col" FROM "Odd Table" WHERE "Odd Table".id = users.id"#,
            r#"(SELECT "Some Col" FROM "Odd Table" WHERE "Odd Table".id = NEW."id")"#,
        ),
        ("VALUES (last)", r#"(VALUES (NEW."last"))"#),
    ];
    for (text, expected) in CASES {
        assert_eq!(replaced(text), *expected, "{text}");
    }
    assert!(CASES.len() > 60);
}

#[test]
fn refuses_whatever_is_not_one_expression_over_the_row() {
    const CASES: &[(&str, &str)] = &[
        ("", "there is none"),
        ("  \n ", "there is none"),
        ("-- nothing", "there is none"),
        ("a; b", "semicolon"),
        ("name;", "semicolon"),
        ("SELECT 1;", "semicolon"),
        ("SELECT 1; SELECT 2", "semicolon"),
        ("first, last", "separated by commas"),
        ("name FROM users", "no FROM"),
        ("name AS x", "alias or a clause"),
        ("name x", "alias or a clause"),
        ("name LIMIT 1", "alias or a clause"),
        ("name UNION SELECT 1", "alias or a clause"),
        ("DISTINCT name", "alias or a clause"),
        ("ALL name", "syntax error"),
        ("name INTO x", "alias or a clause"),
        ("name) , (last", "syntax error"),
        ("name) FROM users WHERE (true", "syntax error"),
        ("1); DROP TABLE users; SELECT (1", "semicolon"),
        ("SELECT first, last FROM users u", "exactly one column"),
        ("VALUES (1, 2)", "exactly one column"),
        ("(SELECT 1, 2)", "exactly one column"),
        ("DELETE FROM users", "this is a statement"),
        ("DROP TABLE users", "this is a statement"),
        ("WITH x AS (DELETE FROM users RETURNING id) SELECT x.id FROM x", "must not change data"),
        ("SELECT 1 INTO x", "INTO"),
        ("$1", "parameter"),
        ("DEFAULT", "DEFAULT has no value"),
        ("count(*)", "aggregate count"),
        ("sum(id)", "aggregate sum"),
        ("string_agg(name, ',' ORDER BY id)", "aggregate string_agg"),
        ("my_aggregate(DISTINCT id)", "aggregate my_aggregate"),
        ("row_number() OVER ()", "window function"),
        ("unnest(tags)", "many rows"),
        ("users", "whole row"),
        ("users.*", "`*`"),
        ("to_jsonb(users)", "whole row"),
        ("*", "syntax error"),
        ("SELECT * FROM orders", "`*`"),
        ("public.users.name", "without the schema"),
        ("orders.id", "nothing named orders"),
        ("old.name", "nothing named old"),
        ("SELECT sum(n) FROM elsewhere.t WHERE id = 1", "cannot tell whether id"),
        ("U&\"n\\0061me\"", "U&"),
        ("name ||", "syntax error at end of input"),
        ("'open", "unterminated"),
        ("/* open", "unterminated"),
        ("a\0b", "NUL"),
        ("((name)", "syntax error"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in CASES {
        match parse(text) {
            Ok(expression) => wrong.push(format!("{text} was taken as {expression:?}")),
            Err(error) if !error.message.contains(expected) => {
                wrong.push(format!("{text}: {}", error.message))
            }
            Err(error) => {
                assert!(error.offset.is_none_or(|at| at <= text.len()), "{text}: {:?}", error.offset)
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn points_at_the_fault() {
    const CASES: &[(&str, &str)] = &[
        ("first + * last", "* last"),
        ("first || (last", ""),
        ("lower(name) name name", "name"),
        ("name + other.x", "other.x"),
        ("lower(name) || sum(id)", "sum(id)"),
    ];
    for (text, rest) in CASES {
        let at = parse(text).expect_err("a fault").offset.expect("a place");
        assert_eq!(&text[at..], *rest, "{text}");
    }
}

#[test]
fn names_each_column_once_in_order() {
    let expression = parse("last || first || last || users.last").expect("an expression");
    assert_eq!(expression.references(), [Ident::new("last"), Ident::new("first")]);
    assert!(parse("SELECT max(id) FROM orders").expect("an expression").references().is_empty());
}

#[test]
fn tells_constants_from_what_must_be_computed_for_each_row() {
    for text in [
        "1",
        "'x'",
        "NULL",
        "true",
        "-1",
        "1 + 2 * 3",
        "'a' || 'b'",
        "now()",
        "pg_catalog.now()",
        "current_timestamp",
        "CURRENT_DATE",
        "'{}'::jsonb",
        "'x'::character varying",
        "ARRAY[1, 2]",
        "'2020-01-01'::timestamptz",
        "ARRAY[]::text[]",
        "CAST('1' AS int)",
        "now() + '1 day'::interval",
        "(1)",
        "CASE WHEN true THEN 1 ELSE 2 END",
    ] {
        assert!(parse(text).expect(text).is_constant(), "{text}");
    }
    for text in [
        "random()",
        "gen_random_uuid()",
        "clock_timestamp()",
        "nextval('s')",
        "name",
        "lower('X')",
        "(SELECT 1)",
        "now(1)",
        "my.now()",
        "'a'::mood",
        "'a'::public.mood",
        "ARRAY[random()]",
        "1 + id",
    ] {
        assert!(!parse(text).expect(text).is_constant(), "{text}");
    }
}

#[test]
fn takes_long_texts_and_survives_hostile_ones() {
    let chain = vec!["name"; 200].join(" || ");
    assert_eq!(parse(&chain).expect("a chain").references, parse(&chain).expect("again").references);
    assert_eq!(parse(&chain).expect("a chain").references.len(), 200);
    let nested = format!("{}name{}", "lower(".repeat(100), ")".repeat(100));
    assert_eq!(parse(&nested).expect("nested").references().len(), 1);
    let cases = format!("{}name{}", "CASE WHEN true THEN ".repeat(100), " END".repeat(100));
    assert_eq!(parse(&cases).expect("cases").references().len(), 1);
    for hostile in [
        "(".repeat(100_000),
        "(".repeat(60_000),
        "NOT ".repeat(15_000) + "true",
        "- ".repeat(30_000) + "1",
        "1".to_owned() + &"+1".repeat(32_000),
        "SELECT(".repeat(9_000),
        "[".repeat(60_000),
        "a.".repeat(30_000),
    ] {
        let error = parse(&hostile).expect_err("too deep");
        assert!(!error.message.is_empty());
    }
}

#[test]
fn takes_what_the_server_prints() {
    let definition = " SELECT ((users.id || lower('x'::text)) || ( SELECT (max(o.id))::text AS max\n           \
        FROM public.t o\n          WHERE (o.a = users.id))) AS _segue_value\n   FROM ( SELECT NULL::integer AS id,\n    \
        NULL::text AS b) users;";
    let printed = unqualify_view(definition).expect("the expression");
    assert!(printed.starts_with("((users.id ||") && printed.ends_with("users.id)))"), "{printed}");
    let expression =
        Expression::parse_printed(&printed, &Ident::new("users")).expect("printed by the server");
    assert_eq!(expression.references(), [Ident::new("id")]);
    let tricky = " SELECT 'AS _segue_value FROM'::text AS _segue_value FROM x;";
    assert_eq!(unqualify_view(tricky).expect("a literal"), "'AS _segue_value FROM'::text");
    assert!(unqualify_view(" SELECT 1 AS other").is_err());
}

#[test]
fn knows_types_from_other_things() {
    for good in [
        "int",
        "integer",
        "text",
        "numeric(10, 2)",
        "character varying(20)",
        "timestamp with time zone",
        "text[]",
        "int[][]",
        "public.mood",
        "\"My Schema\".\"My Type\"",
        "double precision",
        "interval day to second",
        "bit(3)",
        "serial",
        "timestamp(3) without time zone",
        "geometry(Point, 4326)",
        "int array",
    ] {
        assert_eq!(parse_type(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        " ",
        "int, 5",
        "int FROM users",
        "int x",
        "int AS x",
        "int;",
        "int; DROP TABLE users",
        "int COLLATE \"C\"",
        "int::text",
        "int || 'x'",
        "int IS NULL",
        "int -- x",
        "int /* x */",
        "setof int",
        "users.id%type",
        "int NOT NULL",
        "1",
        "'x'",
        "int)",
        "int) , (1",
        "int DEFAULT 1",
        "int UNION SELECT 1",
        "int ISNULL",
        "foo(bar",
        "int AT TIME ZONE 'x'",
        "int\0",
    ] {
        assert!(parse_type(bad).is_err(), "{bad}");
    }
}

#[test]
fn defaults_read_nothing() {
    assert!(parse_default("nextval('s'::regclass)").is_ok());
    assert!(parse_default("'x'").is_ok());
    assert!(parse_default("hello").expect_err("a column").message.contains("quote text"));
    assert!(parse_default("(SELECT max(o.id) FROM orders o)").is_err());
}

#[test]
fn tells_which_statements_cannot_be_in_a_transaction() {
    const CASES: &[(&str, bool)] = &[
        ("CREATE INDEX i ON t (a)", true),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", false),
        ("DROP INDEX CONCURRENTLY i", false),
        ("DROP INDEX i", true),
        ("REINDEX TABLE CONCURRENTLY t", false),
        ("REINDEX INDEX i", true),
        ("REINDEX SCHEMA s", false),
        ("VACUUM t", false),
        ("ANALYZE t", true),
        ("CREATE DATABASE d", false),
        ("ALTER SYSTEM SET work_mem = '1MB'", false),
        ("ALTER TYPE mood ADD VALUE 'x'", true),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", true),
        ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", false),
        ("ALTER TABLE t DETACH PARTITION p", true),
        ("CLUSTER", false),
        ("CLUSTER t USING i", true),
        ("DISCARD ALL", false),
        ("UPDATE t SET a = 1", true),
        ("CREATE TABLESPACE x LOCATION '/x'", false),
    ];
    for (sql, transactional) in CASES {
        let found = parse_statements(sql).expect(sql);
        assert_eq!((found.len(), found[0].transactional), (1, *transactional), "{sql}");
    }
    let script = "-- first\nBEGIN;\n CREATE TABLE é (a int); COPY t FROM STDIN;;\nCOPY t TO '/x' ;";
    let found = parse_statements(script).expect("a script");
    let kinds: Vec<StatementKind> = found.iter().map(|statement| statement.kind).collect();
    assert_eq!(
        kinds,
        [
            StatementKind::TransactionControl,
            StatementKind::Ordinary,
            StatementKind::CopyFromClient,
            StatementKind::Ordinary
        ]
    );
    assert_eq!(found[1].text, "CREATE TABLE é (a int)");
    assert_eq!(&script[found[3].bytes.clone()], "COPY t TO '/x'");
    assert!(parse_statements("CREATE TABEL x").expect_err("a fault").offset.is_some_and(|at| at == 7));
    assert!(parse_statements("").expect("nothing").is_empty());
}
