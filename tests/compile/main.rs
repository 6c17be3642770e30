//! Plans compiled against a real schema and carried out on it, statement for statement: a rollback leaves
//! the schema as it was, and a contract leaves it as plain DDL would have. One file of `cases/` is one plan:
//! the schema before, then `=== plan`, `=== live` (run while both versions are live, as `OLD.` and `NEW.`),
//! `=== plain` (the same change as plain DDL, or `refused`) and `=== probe` (run in the end).

use segue::catalog::{Catalog, Order, diff::diff};
use segue::compile::program::{
    Action, CheckKind, ExpressionCheck, Lock, Phase, Program, Step, SyncSpec, Undo,
};
use segue::compile::{compile, explain, sync, views};
use segue::diagnostic::Source;
use segue::ident::Ident;
use segue::pg::introspect;
use segue::sandbox::Database;
use std::fmt::Write;
use std::sync::Arc;

struct Case {
    name: &'static str,
    text: &'static str,
}

impl Case {
    fn part(&self, key: &str) -> &'static str {
        let mut parts = self.text.split("\n=== ");
        if key.is_empty() {
            return parts.next().expect("the schema before");
        }
        parts.find_map(|part| part.strip_prefix(key)?.strip_prefix('\n')).unwrap_or_default()
    }
}

fn run(database: &Database, sql: &str) -> String {
    let rows = database.query(sql).unwrap_or_else(|error| panic!("{error}\n-- in:\n{sql}"));
    let line = |row: &Vec<Option<String>>| {
        row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join("|")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn catalog(database: &Database) -> Catalog {
    let versions = "ARRAY(SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname, 'public_'))";
    let sql = introspect::SQL.replace("$1", "'public'").replace("$2", versions);
    let json = run(database, &format!("BEGIN; {} {sql};\nCOMMIT", introspect::SETTINGS));
    introspect::decode(serde_json::from_str(&json).expect("JSON")).expect("a catalog")
}

fn transaction(database: &Database, locks: &[Lock], statements: &[String]) {
    let mut sql = "BEGIN; SET LOCAL search_path = public;\n".to_owned();
    for lock in locks {
        writeln!(sql, "LOCK TABLE {} IN {} MODE;", lock.relation, lock.mode.sql()).expect("a string");
    }
    for statement in statements {
        writeln!(sql, "{statement};").expect("a string");
    }
    run(database, &(sql + "COMMIT"));
}

fn expand(database: &Database, locks: &[Lock], statements: &[String], spec: &SyncSpec) {
    let table = &catalog(database).tables[&spec.table.name];
    let mut pairs = vec![sync::QualifiedPair::default(); sync::slots(spec)];
    for ask in sync::qualifications(spec, &sync::row_columns(table, spec)) {
        let sql = format!(
            "BEGIN; {}; {}; {}; ROLLBACK",
            ask.statements.join("; "),
            ask.query,
            ask.cleanup.join("; ")
        );
        let text = sync::qualified(&run(database, &sql), &spec.table.name, ask.direction)
            .expect("a printed expression");
        match ask.direction {
            sync::Direction::Up => pairs[ask.pair].up = Some(text),
            sync::Direction::Down => pairs[ask.pair].down = Some(text),
            sync::Direction::Only => pairs[ask.pair].only = Some(text),
        }
    }
    let mut all = statements.to_vec();
    all.extend(sync::statements(spec, &pairs));
    transaction(database, locks, &all);
}

fn publish(database: &Database, program: &Program, phase: Phase, between: &[String]) {
    let mut program = program.clone();
    if phase == Phase::Contract {
        // By then the tables are what the new version shows.
        program.views.clear();
        run(database, &format!("DROP SCHEMA {} CASCADE", program.version_schema));
    }
    transaction(database, &[], between);
    transaction(database, &[], &views::publish(&catalog(database), &program, &Ident::new("postgres")));
}

fn carry_out(database: &Database, program: &Program, step: &Step) {
    match &step.action {
        Action::Ddl { statements } => transaction(database, &step.locks, statements),
        Action::Expand { statements, sync } => expand(database, &step.locks, statements, sync),
        Action::Backfill(spec) => {
            let set: Vec<String> =
                spec.set.iter().map(|(column, value)| format!("{column} = {value}")).collect();
            let (table, marker) = (&spec.table, &spec.marker);
            let marker = marker.as_ref().map(|marker| format!("{marker} = false"));
            let set: Vec<String> = set.into_iter().chain(marker).collect();
            let update = format!("UPDATE {table} SET {} WHERE {}", set.join(", "), spec.pending());
            transaction(database, &step.locks, &[update]);
        }
        Action::BuildIndex { sql, .. } => {
            let mut session = database.session().expect("a session");
            session.query("SET search_path = public").expect("a path");
            session.query(sql).unwrap_or_else(|error| panic!("{error}\n-- in:\n{sql}"));
        }
        Action::DropIndex { index } => drop(run(database, &format!("DROP INDEX CONCURRENTLY {index}"))),
        Action::Validate { table, constraint } => {
            run(database, &format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"));
        }
        Action::Publish => publish(database, program, step.phase, &[]),
        Action::Reshape { statements } => publish(database, program, step.phase, statements),
        Action::Retire { version_schema } => retire(database, version_schema),
        Action::Analyze { table } => drop(run(database, &format!("ANALYZE {table}"))),
        Action::Vacuum { table, .. } => drop(run(database, &explain::vacuum_sql(&table.to_string()))),
        Action::Script { sql, .. } => drop(run(database, &format!("SET search_path = public;\n{sql}"))),
    }
}

fn retire(database: &Database, version_schema: &Ident) {
    run(database, &format!("DROP SCHEMA {version_schema} CASCADE"));
}

fn undo(database: &Database, step: &Step) {
    match &step.undo {
        Undo::Nothing => {}
        Undo::Ddl { statements, locks } => transaction(database, locks, statements),
        Undo::DropIndex { index } => {
            drop(run(database, &format!("DROP INDEX CONCURRENTLY IF EXISTS {index}")))
        }
        Undo::Retire { version_schema } => retire(database, version_schema),
        Undo::Script { sql, .. } => drop(run(database, &format!("SET search_path = public;\n{sql}"))),
    }
}

/// The server must accept every expression that the program says it must.
fn accept(database: &Database, before: &Catalog, check: &ExpressionCheck) {
    if check.kind != CheckKind::Value {
        return;
    }
    let table = &before.tables[&check.table.name];
    let columns = table.columns.iter().map(|column| (column.name.clone(), column.type_name.clone()));
    let row: Vec<String> = columns
        .chain(check.extra_columns.clone())
        .map(|(name, type_name)| format!("NULL::{type_name} AS {name}"))
        .collect();
    let sql = format!(
        "BEGIN; SET LOCAL search_path = public; CREATE TEMPORARY TABLE target (v {}); \
         EXPLAIN INSERT INTO target SELECT {} FROM (SELECT {}) AS {}; ROLLBACK",
        check.assigned_to,
        check.expression,
        row.join(", "),
        check.table.name
    );
    run(database, &sql);
}

/// A program as a reviewer reads it.
fn shown(program: &Program) -> String {
    let mut out = String::new();
    for step in &program.steps {
        writeln!(out, "{:?}: {}", step.phase, step.title).expect("a string");
        for lock in &step.locks {
            writeln!(out, "    lock {:?} {}", lock.relation, lock.mode.sql()).expect("a string");
        }
        match &step.action {
            Action::Ddl { statements } => out.extend(statements.iter().map(|sql| format!("    {sql}\n"))),
            Action::Expand { statements, sync } => {
                out.extend(statements.iter().map(|sql| format!("    {sql}\n")));
                for pair in &sync.pairs {
                    let side = |side: &Option<segue::compile::program::PairSide>| {
                        side.as_ref().map_or("-".to_owned(), |side| side.column.to_string())
                    };
                    writeln!(out, "    pair {} / {}", side(&pair.old), side(&pair.new)).expect("a string");
                    for (way, expression) in [("up", &pair.up), ("down", &pair.down)] {
                        let Some(e) = expression else { continue };
                        let (sql, own, shared) = (&e.sql, &e.reads_own, &e.reads_shared);
                        writeln!(out, "      {way} {sql} own {own:?} shared {shared:?}").expect("a string");
                    }
                }
            }
            Action::Backfill(spec) => {
                out.extend(spec.set.iter().map(|(column, value)| format!("    set {column} = {value}\n")));
            }
            Action::BuildIndex { sql, .. } | Action::Script { sql, .. } => {
                writeln!(out, "    {sql}").expect("a string");
            }
            _ => {}
        }
        if let Undo::Ddl { statements, .. } = &step.undo {
            out.extend(statements.iter().map(|sql| format!("    undo {sql}\n")));
        }
    }
    out
}

fn prepared(case: &Case) -> Database {
    let database = segue::sandbox::database().expect("a database");
    let roles = "SELECT pg_advisory_lock(1); DO $$ DECLARE r text; BEGIN \
                 FOREACH r IN ARRAY '{case_clerk,case_web}'::text[] LOOP \
                 IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN EXECUTE 'CREATE ROLE ' || r; END IF; \
                 END LOOP; END $$";
    // Advisory locks are a database's own, so all go through one.
    database.cluster().query("postgres", roles).expect("roles");
    run(&database, case.part(""));
    run(&database, "CREATE SCHEMA segue; GRANT USAGE ON SCHEMA segue TO PUBLIC");
    database
}

fn try_case(case: &Case) {
    let database = prepared(case);
    let source = Source { name: format!("{}.yaml", case.name), text: case.part("plan").to_owned() };
    let (plan, diagnostics) = segue::plan::parse(case.name, Arc::new(source));
    let plan = plan.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let before = catalog(&database);
    let (program, diagnostics) = compile(&plan, &before, None);
    let mut seen: String = diagnostics.0.iter().map(|diagnostic| diagnostic.render(false) + "\n").collect();
    let refused = case.part("plain").trim() == "refused";
    assert_eq!(program.is_none(), refused, "{seen}");
    if let Some(program) = program {
        seen.push_str(&shown(&program));
        both_ways(case, &database, &before, &program, &mut seen);
    }
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(case.name, seen);
    });
}

fn both_ways(case: &Case, database: &Database, before: &Catalog, program: &Program, seen: &mut String) {
    for check in &program.checks {
        accept(database, before, check);
    }
    let (forward, contract): (Vec<&Step>, Vec<&Step>) =
        program.steps.iter().partition(|step| step.phase != Phase::Contract);
    forward.iter().for_each(|step| carry_out(database, program, step));
    forward.iter().rev().for_each(|step| undo(database, step));
    assert_eq!(diff(before, &catalog(database), Order::Kept), [], "a rollback leaves traces");
    let left = "SELECT proname FROM pg_proc WHERE pronamespace = 'segue'::regnamespace \
                UNION ALL SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'public_')";
    assert_eq!(run(database, left), "", "a rollback leaves functions or schemas");

    forward.iter().for_each(|step| carry_out(database, program, step));
    let versions =
        |sql: &str| sql.replace("NEW.", &format!("{}.", program.version_schema)).replace("OLD.", "public.");
    writeln!(seen, "\nLive:\n{}", run(database, &versions(case.part("live")))).expect("a string");
    contract.iter().for_each(|step| carry_out(database, program, step));

    let plain = prepared(case);
    run(&plain, case.part("plain"));
    assert_eq!(diff(&catalog(&plain), &catalog(database), Order::Ignored), [], "not what plain DDL leaves");
    writeln!(seen, "\nAfter:\n{}", run(database, &versions(case.part("probe")))).expect("a string");
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => { $(
        #[test]
        fn $name() {
            try_case(&Case {
                name: stringify!($name),
                text: include_str!(concat!("cases/", stringify!($name), ".case")),
            });
        }
    )* };
}

cases!(
    add_columns,
    alter_type,
    everything_at_once,
    keys_and_sequences,
    partitioned,
    refused_dependents,
    refused_names,
    self_reference,
    sql,
);
