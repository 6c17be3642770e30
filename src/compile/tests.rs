//! What `compile` does that no server of the version at hand can show; the rest is in `tests/compile`.

use super::program::{Action, LockMode, Program, ViewDefault};
use super::*;
use crate::catalog::{Column, Constraint, ConstraintKind, EnumType, ForeignKey, Index, IndexKey, Table};
use crate::diagnostic::Source;
use std::sync::Arc;

fn column(name: &str, type_name: &str) -> Column {
    Column { name: name.into(), type_name: type_name.into(), ..Column::default() }
}

fn constraint(name: &str, kind: ConstraintKind, columns: &[&str]) -> Constraint {
    Constraint {
        name: name.into(),
        kind,
        columns: columns.iter().map(|name| Ident::from(*name)).collect(),
        definition: String::new(),
        expression: None,
        validated: true,
        deferrable: false,
        initially_deferred: false,
        no_inherit: false,
        index: None,
        parent: None,
        operators: Vec::new(),
        comment: None,
        foreign: None,
    }
}

fn index_of_key(name: &str, column: &str) -> Index {
    let key = IndexKey {
        column: Some(column.into()),
        expression: column.to_owned(),
        collation: None,
        opclass: None,
        descending: false,
        nulls_first: false,
    };
    Index {
        name: name.into(),
        definition: String::new(),
        method: "btree".into(),
        unique: true,
        nulls_not_distinct: false,
        valid: true,
        constraint: Some(name.into()),
        parent: None,
        keys: vec![key],
        include: Vec::new(),
        predicate: None,
        columns: vec![column.into()],
        options: Vec::new(),
        tablespace: None,
        comment: None,
        clustered: false,
        statistics_targets: Vec::new(),
    }
}

fn catalog() -> Catalog {
    let mut users = Table {
        name: "users".into(),
        persistence: 'p',
        columns: vec![column("id", "integer"), column("email", "text"), column("city", "text")],
        constraints: vec![constraint("users_pkey", ConstraintKind::PrimaryKey, &["id"])],
        ..Table::default()
    };
    users.columns[0].not_null = true;
    let mut orders = Table {
        name: "orders".into(),
        persistence: 'p',
        columns: vec![column("id", "integer"), column("user_id", "integer")],
        constraints: vec![constraint("orders_user", ConstraintKind::ForeignKey, &["user_id"])],
        ..Table::default()
    };
    orders.constraints[0].foreign = Some(ForeignKey {
        schema: "public".into(),
        table: "users".into(),
        columns: vec!["id".into()],
        on_delete: "NO ACTION".into(),
        on_update: "NO ACTION".into(),
        on_delete_set_columns: Vec::new(),
        match_type: "SIMPLE".into(),
    });
    Catalog {
        schema: "public".into(),
        server_version: 150_018,
        tables: [users, orders].map(|table| (table.name.clone(), table)).into(),
        ..Catalog::default()
    }
}

fn compiled(catalog: &Catalog, previous: Option<&str>, operations: &str) -> (Option<Program>, Diagnostics) {
    let text = format!("operations:\n{operations}");
    let source = Arc::new(Source { name: "p.yaml".into(), text });
    let (plan, diagnostics) = crate::plan::parse("p", source);
    let plan = plan.unwrap_or_else(|| panic!("{diagnostics:?}"));
    compile(&plan, catalog, previous.map(Ident::new).as_ref())
}

fn program(catalog: &Catalog, operations: &str) -> Program {
    let (program, diagnostics) = compiled(catalog, None, operations);
    program.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

fn codes(catalog: &Catalog, operations: &str) -> Vec<&'static str> {
    let (program, diagnostics) = compiled(catalog, None, operations);
    assert_eq!(program.is_none(), diagnostics.has_errors());
    diagnostics.0.iter().map(|diagnostic| diagnostic.code).collect()
}

fn sql(program: &Program, phase: Phase) -> Vec<String> {
    let steps = program.steps.iter().filter(|step| step.phase == phase);
    let statements = steps.flat_map(|step| match &step.action {
        Action::Ddl { statements } | Action::Expand { statements, .. } => statements.clone(),
        _ => Vec::new(),
    });
    statements.collect()
}

#[test]
fn an_up_that_is_one_value_for_all_rows_writes_none() {
    let up = |up: &str| {
        let program = program(
            &catalog(),
            &format!(
                "  - add_column: {{table: users, column: {{name: plan, type: text, nullable: true}}, up: \"{up}\"}}\n"
            ),
        );
        let fills = program.steps.iter().any(|step| matches!(step.action, Action::Backfill(_)));
        (fills, sql(&program, Phase::Expand)[0].clone())
    };
    let (fills, expand) = up("'free'");
    assert!(!fills && expand.contains("text DEFAULT ('free')") && !expand.contains("pending"), "{expand}");
    let (fills, expand) = up("NULL::text");
    assert!(!fills && !expand.contains("DEFAULT") && !expand.contains("pending"), "{expand}");
    for derived in ["email", "random()::text", "(SELECT 'x')", "lower('X')"] {
        assert!(up(derived).0, "{derived} is to be asked row by row");
    }
    let not_null = "  - add_column: {table: users, column: {name: plan, type: text}, up: \"NULL\"}\n";
    assert_eq!(codes(&catalog(), not_null), ["compile.up_required"]);
}

#[test]
fn not_null_has_its_name_from_18_on() {
    let mut catalog = Catalog { server_version: 180_001, ..catalog() };
    let users = catalog.tables.get_mut(&Ident::from("users")).expect("users");
    users.columns[1].not_null = true;
    users.constraints.push(constraint("mail_there", ConstraintKind::NotNull, &["email"]));
    let program = program(
        &catalog,
        "  - alter_column: {table: users, column: email, type: varchar(40), up: email, down: email}\n  \
         - add_column: {table: users, column: {name: plan, type: text, default: \"'free'\"}}\n",
    );
    let expand = sql(&program, Phase::Expand);
    assert!(expand[0].contains("\"_segue_new_users_plan_not_null\" NOT NULL DEFAULT ('free')"), "{expand:?}");
    let contract = sql(&program, Phase::Contract);
    let at = |part: &str| {
        contract.iter().position(|sql| sql.contains(part)).unwrap_or_else(|| panic!("{contract:#?}"))
    };
    assert!(at("ADD CONSTRAINT \"_segue_new_mail_there\" NOT NULL") < at("DROP COLUMN"));
    assert!(at("DROP COLUMN") < at("RENAME CONSTRAINT \"_segue_new_mail_there\" TO \"mail_there\""));
    at("RENAME CONSTRAINT \"_segue_new_users_plan_not_null\" TO \"users_plan_not_null\"");
}

#[test]
fn a_not_null_constraint_is_called_after_what_the_names_were_then() {
    let mut catalog = Catalog { server_version: 180_001, ..catalog() };
    let users = catalog.tables.get_mut(&Ident::from("users")).expect("users");
    users.columns[1].not_null = true;
    users.constraints.push(constraint("users_email_not_null", ConstraintKind::NotNull, &["email"]));
    users.constraints.push(constraint("users_city_not_null", ConstraintKind::Check, &["id"]));
    let program = program(
        &catalog,
        "  - drop_column: {table: users, column: email, down: \"'none'\"}\n  \
         - add_column: {table: users, column: {name: email, type: text, default: \"''\"}}\n  \
         - alter_column: {table: users, column: city, nullable: false, up: \"''\"}\n  \
         - rename_column: {table: users, from: email, to: mail}\n  \
         - rename_table: {from: users, to: people}\n",
    );
    // Both constraints are there until the contract, so the new one must have another name till then.
    let expand = sql(&program, Phase::Expand);
    assert!(expand[0].contains("CONSTRAINT \"_segue_new_users_email_not_null\" NOT NULL"), "{expand:?}");
    let contract = sql(&program, Phase::Contract);
    for last in ["users_email_not_null", "users_city_not_null1"] {
        let rename = format!("RENAME CONSTRAINT \"_segue_new_{last}\" TO \"{last}\"");
        assert!(contract.iter().any(|sql| sql.contains(&rename)), "{last}: {contract:#?}");
    }
}

#[test]
fn what_only_the_server_knows_is_asked_before_anything_starts() {
    use super::program::CheckKind;
    let asked = |operations: &str| -> Vec<(CheckKind, String)> {
        program(&catalog(), operations).checks.iter().map(|c| (c.kind, c.expression.clone())).collect()
    };
    let add = asked(
        "  - add_column: {table: orders, column: {name: n, type: citext, nullable: true, unique: true, default: \"''\"}}\n",
    );
    assert_eq!(
        add,
        [
            (CheckKind::Type, String::new()),
            (CheckKind::Default, "('')".to_owned()),
            (CheckKind::Index, " (\"_segue_new_n\")".to_owned()),
        ]
    );
    let alter =
        asked("  - alter_column: {table: orders, column: user_id, type: text, up: user_id, down: \"1\"}\n");
    assert!(alter.contains(&(CheckKind::Value, "(NULL::text = NULL::integer)".to_owned())), "{alter:?}");
    let create = |columns: &str| asked(&format!("  - create_table: {{name: n, columns: [{columns}]}}\n"));
    assert_eq!(create("{name: a, type: citext}")[0].0, CheckKind::Statement);
    // That would lock the table it points at.
    let pointing = "{name: a, type: int, references: {name: to_users, table: users, column: id}}";
    assert_eq!(create(pointing), []);
}

#[test]
fn what_the_server_or_the_schema_stands_against_is_refused() {
    let mut secured = Catalog { server_version: 140_010, ..catalog() };
    secured.tables.get_mut(&Ident::from("orders")).expect("orders").row_security = true;
    let rename = "  - rename_column: {table: users, from: city, to: town}\n";
    assert_eq!(codes(&secured, rename), ["compile.row_security"]);
    assert_eq!(codes(&Catalog { server_version: 150_000, ..secured }, rename), [""; 0]);

    let taken = Catalog { other_schemas: vec!["public_p".into()], ..catalog() };
    assert_eq!(codes(&taken, rename), ["compile.version_schema"]);

    let mut domains = catalog();
    domains.types.insert("email".into(), "DOMAIN text CONSTRAINT c CHECK ((VALUE <> ''::text))".into());
    let add = "  - add_column: {table: users, column: {name: x, type: public.email, nullable: true}}\n";
    assert_eq!(codes(&domains, add), ["compile.rewrites_table"]);
}

#[test]
fn the_previous_version_goes_before_the_tables_change() {
    let drop = "  - drop_column: {table: users, column: city, down: \"'-'\"}\n";
    let (program, _) = compiled(&catalog(), Some("public_before"), drop);
    let program = program.expect("a program");
    let contract: Vec<&Step> = program.steps.iter().filter(|step| step.phase == Phase::Contract).collect();
    assert_eq!(contract[0].action, Action::Retire { version_schema: "public_before".into() });
    assert!(matches!(contract[1].action, Action::Ddl { .. }));
    // Nothing is filled, so there is no marker and no backfill, but the way back is kept.
    let sync = program.steps.iter().find_map(|step| match &step.action {
        Action::Expand { sync, .. } => Some(sync),
        _ => None,
    });
    let sync = sync.expect("a sync function");
    assert_eq!((&sync.marker, sync.pairs[0].down.as_ref().expect("down").sql.as_str()), (&None, "('-')"));
    assert_eq!(sync.previous_version_schema, Some("public_before".into()));
}

#[test]
fn locks_name_tables_as_they_are_called_by_then() {
    let program =
        program(&catalog(), "  - drop_table: {name: orders}\n  - rename_table: {from: users, to: people}\n");
    let drop = program.steps.last().expect("steps");
    let locks: Vec<(&str, LockMode)> =
        drop.locks.iter().map(|l| (l.relation.name.as_str(), l.mode)).collect();
    assert_eq!(locks, [("orders", LockMode::AccessExclusive), ("people", LockMode::AccessExclusive)]);
}

#[test]
fn what_comes_and_goes_in_one_plan_leaves_nothing() {
    let program = program(
        &catalog(),
        "  - create_table: {name: t, columns: [{name: id, type: int, pk: true}]}\n  \
         - drop_table: {name: t}\n  \
         - create_table: {name: t, columns: [{name: id, type: bigint, pk: true}]}\n  \
         - add_column: {table: users, column: {name: x, type: int, unique: true}, up: id}\n  \
         - create_index: {table: users, name: ix, columns: [x]}\n  \
         - drop_column: {table: users, column: x}\n  \
         - create_index: {table: users, name: ix, columns: [city]}\n  \
         - drop_index: {name: ix}\n",
    );
    assert_eq!(
        sql(&program, Phase::Expand),
        ["CREATE TABLE \"public\".\"t\" (\n    \"id\" bigint NOT NULL,\n    PRIMARY KEY (\"id\")\n)"]
    );
    assert_eq!(program.steps.len(), 2, "{:#?}", program.steps);
    assert_eq!(program.views, []);
}

#[test]
fn a_way_back_that_needs_what_is_gone_is_refused() {
    let operations = "  - alter_column: {table: users, column: email, type: varchar, up: email, down: email || city}\n  \
                      - drop_column: {table: users, column: city}\n";
    assert_eq!(codes(&catalog(), operations), ["compile.down_unreadable"]);
    let with_down = operations.replace("column: city}", "column: city, down: \"'c'\"}");
    let program = program(&catalog(), &with_down);
    let down = program.steps.iter().find_map(|step| match &step.action {
        Action::Expand { sync, .. } => sync.pairs[0].down.clone(),
        _ => None,
    });
    assert_eq!(down.expect("down").sql, "(\"_segue_new_email\" || CAST(('c') AS text))");
}

#[test]
fn incoming_references_stop_a_drop() {
    assert_eq!(codes(&catalog(), "  - drop_table: {name: users}\n"), ["compile.dependents"]);
    let both = "  - drop_column: {table: orders, column: user_id}\n  - drop_table: {name: users}\n";
    assert_eq!(codes(&catalog(), both), [""; 0]);
    let id = "  - alter_column: {table: users, column: id, type: bigint, up: id, down: id}\n";
    assert_eq!(codes(&catalog(), id), ["compile.dependents"]);
}

#[test]
fn a_default_of_the_new_version_stays_out_of_the_old() {
    let program = program(
        &catalog(),
        "  - alter_column: {table: users, column: city, default: \"'Ulm'\"}\n  \
         - add_column: {table: users, column: {name: at, type: timestamptz, default: clock_timestamp()}}\n",
    );
    let columns = &program.views[0].columns;
    assert_eq!(columns[0].default, ViewDefault::Set("('Ulm')".into()));
    assert_eq!(columns[1].default, ViewDefault::Set("(clock_timestamp())".into()));
    assert!(
        !sql(&program, Phase::Expand)
            .iter()
            .any(|sql| sql.contains("Ulm") || sql.contains("clock_timestamp"))
    );
    let last = sql(&program, Phase::Contract);
    assert!(last.iter().any(|sql| sql.ends_with("ALTER COLUMN \"city\" SET DEFAULT ('Ulm')")), "{last:?}");
}

#[test]
fn every_up_reads_the_columns_before_and_every_down_those_after() {
    let swap = "  - create_constraint:\n      {table: users, name: c, type: check, columns: [email, city], check: email < city,\n       \
                up: {email: LEAST(email; city), city: GREATEST(email; city)}, down: {email: email || city, city: city}}\n"
        .replace("LEAST(email; city)", "\"LEAST(email, city)\"")
        .replace("GREATEST(email; city)", "\"GREATEST(email, city)\"");
    let program = program(&catalog(), &swap);
    let sync = program.steps.iter().find_map(|step| match &step.action {
        Action::Expand { sync, .. } => Some(sync),
        _ => None,
    });
    let pairs = &sync.expect("a sync function").pairs;
    let sql = |of: &Option<super::program::PairExpression>| of.as_ref().expect("it is given").sql.clone();
    assert_eq!(sql(&pairs[0].up), "(LEAST(\"email\", \"city\"))");
    assert_eq!(sql(&pairs[1].up), "(GREATEST(\"email\", \"city\"))");
    assert_eq!(sql(&pairs[0].down), "(\"_segue_new_email\" || \"_segue_new_city\")");
}

#[test]
fn constraints_change_names_only_at_the_contract() {
    let mut catalog = catalog();
    let users = catalog.tables.get_mut(&Ident::from("users")).expect("users");
    for (name, column) in [("a", "email"), ("b", "city")] {
        let mut check = constraint(name, ConstraintKind::Check, &[column]);
        check.expression = Some(format!("({column} <> ''::text)"));
        users.constraints.push(check);
    }
    let program = program(
        &catalog,
        "  - rename_constraint: {table: users, from: a, to: c}\n  \
         - rename_constraint: {table: users, from: b, to: a}\n  \
         - drop_constraint: {table: users, name: c, down: email}\n  \
         - alter_column: {table: users, column: email, check: {name: b, constraint: email > 'x'}, up: email, down: email}\n",
    );
    let before = [sql(&program, Phase::Expand), sql(&program, Phase::Backfill)].concat();
    assert!(!before.iter().any(|sql| sql.contains("RENAME")), "{before:#?}");
    // The old `b` is there until the contract; the dropped constraint is not built again.
    let added: Vec<&String> = before.iter().filter(|sql| sql.contains("ADD CONSTRAINT")).collect();
    assert_eq!(added.len(), 1, "{added:?}");
    assert!(
        added[0].matches("ADD CONSTRAINT").count() == 1 && added[0].contains("\"_segue_new_b\""),
        "{added:?}"
    );
    let contract = sql(&program, Phase::Contract);
    let at = |part: &str| {
        contract.iter().position(|sql| sql.contains(part)).unwrap_or_else(|| panic!("{contract:#?}"))
    };
    assert!(at("DROP COLUMN \"email\"") < at("RENAME CONSTRAINT \"b\" TO \"a\""));
    assert!(at("RENAME CONSTRAINT \"b\" TO \"a\"") < at("RENAME CONSTRAINT \"_segue_new_b\" TO \"b\""));
    assert!(!contract.iter().any(|sql| sql.contains("\"c\"")), "{contract:#?}");
}

#[test]
fn a_replica_identity_that_publications_cannot_live_with_is_refused() {
    let mut catalog = catalog();
    let users = catalog.tables.get_mut(&Ident::from("users")).expect("users");
    users.publications.push(crate::catalog::Publication {
        name: "p".into(),
        columns: Some(vec!["id".into(), "email".into()]),
        row_filter: None,
    });
    let to = |identity: &str| {
        codes(
            &catalog,
            &format!("  - set_replica_identity: {{table: users, identity: {{type: {identity}}}}}\n"),
        )
    };
    assert_eq!(to("full"), ["compile.replica_identity"]);
    assert_eq!(to("nothing"), ["compile.replica_identity"]);
    assert_eq!(to("default"), [""; 0]);
}

#[test]
fn a_widened_key_changes_over_with_all_that_is_tied_to_it_at_one_moment() {
    let mut catalog = catalog();
    let users = catalog.tables.get_mut(&Ident::from("users")).expect("users");
    users.constraints[0].index = Some("users_pkey".into());
    users.indexes.push(index_of_key("users_pkey", "id"));
    let program = program(&catalog, "  - widen_key: {table: users}\n");
    let titles: Vec<&str> = program.steps.iter().map(|step| step.title.as_str()).collect();
    let at = |title: &str| {
        titles.iter().position(|t| *t == title).unwrap_or_else(|| panic!("{title}: {titles:?}"))
    };
    // What a foreign key points at is filled before it is made, and so is what points.
    assert!(at("fill users (id)") < at("add foreign key orders_user to orders"));
    assert!(at("fill orders (user_id)") < at("add foreign key orders_user to orders"));
    let contract = &program.steps[at("contract orders, users")];
    let locked: Vec<&str> = contract.locks.iter().map(|lock| lock.relation.name.as_str()).collect();
    assert_eq!(locked, ["orders", "users"]);
    let Action::Ddl { statements } = &contract.action else { panic!("{contract:?}") };
    assert_eq!(statements[0], r#"ALTER TABLE "public"."orders" DROP CONSTRAINT "orders_user""#);
    assert!(codes(&catalog, "  - widen_key: {table: orders}\n").contains(&"compile.not_a_key"));
    // Without the key there is nothing that a foreign key could point at.
    let gone = "  - drop_constraint: {table: users, name: users_key, down: email}\n";
    let users = catalog.tables.get_mut(&Ident::from("users")).expect("users");
    users.constraints.push(constraint("users_key", ConstraintKind::Unique, &["email"]));
    users.constraints[1].index = Some("users_key".into());
    users.indexes.push(index_of_key("users_key", "email"));
    assert_eq!(codes(&catalog, gone), [""; 0]);
    let orders = catalog.tables.get_mut(&Ident::from("orders")).expect("orders");
    orders.constraints[0].foreign.as_mut().expect("a foreign key").columns = vec!["email".into()];
    assert_eq!(codes(&catalog, gone), ["compile.dependents"]);
}

#[test]
fn what_a_partitioned_table_asks_of_applications_is_told() {
    let operation = "  - partition_table: {table: users, by: hash, columns: [id], modulus: 2}\n";
    let (program, diagnostics) = compiled(&catalog(), None, operation);
    assert!(program.is_some(), "{diagnostics:?}");
    let told = diagnostics.0.iter().find(|diagnostic| diagnostic.code == "compile.rows_move");
    let message = &told.expect("it is told").message;
    assert!(message.contains("`users` that changes (id)") && message.contains("40001"), "{message}");
}

fn with_mood() -> Catalog {
    let mut catalog = catalog();
    let labels = ["sad", "ok"].map(str::to_owned).to_vec();
    let mood = EnumType { labels, owner: "app".into(), ..EnumType::default() };
    catalog.enums.insert("mood".into(), mood);
    catalog.types.insert("mood".into(), "ENUM ('sad', 'ok')".into());
    let users = catalog.tables.get_mut(&Ident::new("users")).expect("users");
    let default = Some("'ok'::public.mood".to_owned());
    users.columns.push(Column {
        name: "feels".into(),
        type_name: "public.mood".into(),
        default,
        ..Column::default()
    });
    catalog
}

#[test]
fn an_enum_is_exchanged_when_no_column_is_of_the_old_one() {
    let plan = "  - alter_enum: {type: mood, rename: [{from: ok, to: fine}], add: [{value: meh, before: fine, down: ok}]}\n";
    let program = program(&with_mood(), plan);
    let titles: Vec<&str> = program.steps.iter().map(|step| step.title.as_str()).collect();
    let at = |title: &str| {
        titles.iter().position(|t| *t == title).unwrap_or_else(|| panic!("{title}: {titles:?}"))
    };
    assert_eq!(at("make type mood"), 0);
    assert!(at("contract users") < at("exchange type mood"));
    let Action::Ddl { statements } = &program.steps[0].action else { panic!("{titles:?}") };
    let create = r#"CREATE TYPE "public_p"."mood" AS ENUM ('sad', 'meh', 'fine')"#;
    assert!(statements.iter().any(|sql| sql == create), "{statements:?}");
    let Undo::Ddl { statements, .. } = &program.steps[0].undo else { panic!("{titles:?}") };
    assert_eq!(
        statements,
        &[r#"DROP TYPE IF EXISTS "public_p"."mood""#, r#"DROP SCHEMA IF EXISTS "public_p""#]
    );
    let Action::Expand { sync, .. } = &program.steps[at("expand users")].action else { panic!("{titles:?}") };
    // The schema is there before its views, and until these are, nobody's path comes to the new version.
    let function = sync::preview(sync).join("\n");
    assert!(function.contains(r#"pg_catalog.to_regclass('"public_p"."users"') IS NOT NULL"#), "{function}");
    let default = program.views[0].columns.iter().find_map(|column| match &column.default {
        ViewDefault::Set(default) => Some(default.as_str()),
        _ => None,
    });
    assert_eq!(default, Some(r#"'fine'::"public_p"."mood""#));
}

#[test]
fn values_that_are_only_added_come_at_the_contract() {
    let program = program(&with_mood(), "  - alter_enum: {type: mood, add: [{value: meh, after: sad}]}\n");
    assert!(program.types.in_version.is_empty() && program.owned.types.len() == 1);
    let late: Vec<&Step> = program.steps.iter().filter(|step| step.phase == Phase::Contract).collect();
    let [Step { action: Action::Ddl { statements }, .. }] = late.as_slice() else { panic!("{late:?}") };
    assert_eq!(statements, &[r#"ALTER TYPE "public"."mood" ADD VALUE 'meh' AFTER 'sad'"#]);
}
