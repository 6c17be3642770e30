//! Plans as files: every one under `plans/good` is accepted, every one under `plans/bad` is refused with
//! the faults its head lists, each at its line and column; hostile ones get an answer in bounded time.

use segue::diagnostic::{Diagnostics, Severity, Source};
use segue::plan::{self, OperationKind, Plan, limits::Cap, settings::*};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

fn parse(name: &str, text: &str) -> (Option<Plan>, Diagnostics) {
    plan::parse("a_plan", Arc::new(Source { name: name.to_owned(), text: text.to_owned() }))
}

fn read(folder: &str, name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/plans").join(folder).join(name);
    let source =
        plan::decode_bytes(name, std::fs::read(path).expect("the file is there")).expect("it is UTF-8");
    source.text.clone()
}

fn files(folder: &str) -> Vec<(String, String)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/plans").join(folder);
    let mut names: Vec<String> = std::fs::read_dir(path)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), read(folder, &name))).collect()
}

/// `code line:column` of each diagnostic of one severity.
fn found(diagnostics: &Diagnostics, severity: Severity) -> Vec<String> {
    let of_severity = diagnostics.0.iter().filter(|d| d.severity == severity);
    of_severity
        .map(|d| {
            let (line, column) = d.span.as_ref().map_or((0, 0), |span| span.line_column());
            format!("{} {line}:{column}", d.code)
        })
        .collect()
}

fn head<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(key)).map(str::trim).collect()
}

fn all_rendered(diagnostics: &Diagnostics) -> String {
    diagnostics.0.iter().map(|d| format!("{d}\n")).collect()
}

#[test]
fn every_bad_plan_is_refused_with_all_its_faults() {
    let mut wrong = String::new();
    for (name, text) in files("bad") {
        let (plan, diagnostics) = parse(&name, &text);
        assert!(plan.is_none(), "{name} was accepted");
        let (expected, got) = (head(&text, "# expect:"), found(&diagnostics, Severity::Error));
        if got != expected {
            let rendered = all_rendered(&diagnostics);
            wrong += &format!("== {name}\nexpected {expected:#?}\ngot {got:#?}\n{rendered}\n");
        }
        for diagnostic in &diagnostics.0 {
            let rendered = diagnostic.render(false);
            assert!(rendered.contains(&format!("{name}:")), "{name}: {rendered}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_good_plan_is_accepted() {
    for (name, text) in files("good") {
        let (plan, diagnostics) = parse(&name, &text);
        let plan = plan.unwrap_or_else(|| panic!("{name}\n{}", all_rendered(&diagnostics)));
        let operations: Vec<&str> = plan.operations.iter().map(|operation| operation.kind.name()).collect();
        // JSON has no comments.
        let expected = head(&text, "# operations:");
        let expected = expected.first().copied().or(plan.description.as_deref());
        assert_eq!(operations.join(" "), expected.unwrap_or("sql sql sql"), "{name}");
        let notes = head(&text, "# notes:").join(", ");
        if !name.ends_with(".json") {
            assert_eq!(found(&diagnostics, Severity::Note).join(", "), notes, "{name}");
        }
        for operation in &plan.operations {
            let span = operation.span.as_ref().expect("read from a file");
            let key = &span.source.text[span.bytes.clone()];
            let key = key.trim_matches('"').to_lowercase();
            let renames = operation.kind.name() == "rename_column" && key == "alter_column";
            assert!(renames || key == operation.kind.name(), "{name}: {key}");
        }
    }
}

fn good(name: &str) -> Plan {
    parse(name, &read("good", name)).0.expect("it is accepted")
}

#[test]
fn a_table_holds_what_its_file_says() {
    let plan = good("create_table.yaml");
    let OperationKind::CreateTable(table) = &plan.operations[0].kind else { panic!("{plan:?}") };
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "account", "total", "note", "cents", "number"]);
    assert!(table.columns[0].pk && !table.columns[0].nullable && table.columns[3].nullable);
    let references = table.columns[1].references.as_ref().expect("given");
    assert_eq!((references.on_delete.as_str(), references.on_update.as_str()), ("CASCADE", "NO ACTION"));
    assert_eq!((references.match_type.as_str(), references.deferrable), ("SIMPLE", true));
    assert_eq!(table.columns[2].default.as_ref().map(|text| text.as_str()), Some("0"));
    assert!(
        matches!(&table.columns[4].generated, Some(plan::Generated::Expression(e)) if e.as_str() == "total * 100")
    );
    let Some(plan::Generated::Identity(identity)) = &table.columns[5].generated else { panic!("{table:?}") };
    assert!(
        !identity.always && identity.sequence_options.as_ref().is_some_and(|o| o.as_str() == "START 100")
    );
    use plan::TableConstraintKind::*;
    assert_eq!(
        table.constraints.iter().map(|c| c.kind).collect::<Vec<_>>(),
        [Unique, Check, ForeignKey, Exclude]
    );
    let foreign = table.constraints[2].references.as_ref().expect("given");
    assert_eq!((foreign.on_delete.as_str(), foreign.match_type.as_str()), ("SET NULL", "FULL"));
    assert_eq!(foreign.on_delete_set_columns[0].as_str(), "number");
}

#[test]
fn null_differs_from_absent_where_that_matters() {
    let plan = good("alter_column.yaml");
    let alters: Vec<_> = plan
        .operations
        .iter()
        .map(|operation| match &operation.kind {
            OperationKind::AlterColumn(alter) => alter,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!((&alters[0].default, &alters[0].comment), (&None, &None));
    assert_eq!((&alters[3].default, &alters[3].comment), (&Some(None), &Some(None)));
    assert_eq!(alters[3].unique.as_ref().map(|name| name.as_str()), Some("users_email_key"));
    assert!(alters[4].up.as_ref().is_some_and(|up| up.as_str().contains("THEN title")));
    assert_eq!(alters[5].references.as_ref().map(|r| r.on_delete.as_str()), Some("SET DEFAULT"));
}

#[test]
fn all_three_shapes_of_index_columns_are_one() {
    let plan = good("indexes.yaml");
    let columns: Vec<Vec<_>> = plan
        .operations
        .iter()
        .filter_map(|operation| match &operation.kind {
            OperationKind::CreateIndex(index) => {
                let key = |key: &plan::IndexKey| match key {
                    plan::IndexKey::Column(column) => column.value.clone(),
                    plan::IndexKey::Expression(expression) => format!("({})", expression.value),
                };
                Some(index.columns.iter().map(|c| (key(&c.key), c.descending, c.nulls_first)).collect())
            }
            _ => None,
        })
        .collect();
    let of = |key: &str, descending, nulls_first| (key.to_owned(), descending, nulls_first);
    assert_eq!(columns[0], [of("a", Some(true), Some(false)), of("b", None, None)]);
    assert_eq!(columns[1], [of("a", None, None), of("b", None, None)]);
    assert_eq!(columns[2], [of("a", Some(false), Some(true)), of("b", None, None), of("c", None, None)]);
    assert_eq!(columns[3], [of("(lower(a))", Some(true), None), of("b", None, None)]);
    let OperationKind::CreateIndex(index) = &plan.operations[0].kind else { panic!("{plan:?}") };
    assert_eq!(index.method.as_ref().map(|method| method.as_str()), Some("gin"));
    let (class, parameters) = index.columns[0].opclass.as_ref().expect("given");
    assert_eq!((class.as_str(), parameters[0].as_str()), ("gin_trgm_ops", "siglen = 64"));
}

#[test]
fn historic_and_json_files_mean_what_they_meant() {
    let plan = good("historic.yaml");
    let OperationKind::RenameColumn(rename) = &plan.operations[0].kind else { panic!("{plan:?}") };
    assert_eq!((rename.from.as_str(), rename.to.as_str()), ("name", "full_name"));
    let OperationKind::AddColumn(add) = &plan.operations[3].kind else { panic!("{plan:?}") };
    assert!(!add.column.nullable && add.column.default.as_ref().is_some_and(|d| d.as_str() == "true"));
    let plan = good("sql.json");
    let OperationKind::Sql(sql) = &plan.operations[1].kind else { panic!("{plan:?}") };
    assert!(sql.on_complete && sql.up.as_str() == "REFRESH MATERIALIZED VIEW \"m\" -- é/😀", "{sql:?}");
}

#[test]
fn merged_fields_come_in_where_none_is_given() {
    let plan = good("merge_keys.yaml");
    let OperationKind::CreateTable(table) = &plan.operations[1].kind else { panic!("{plan:?}") };
    let columns: Vec<_> =
        table.columns.iter().map(|c| (c.name.as_str(), c.type_name.as_str(), c.nullable, c.pk)).collect();
    let expected = [
        ("id", "bigint", false, true),
        ("remark", "text", true, false),
        ("state", "varchar(3)", true, false),
    ];
    assert_eq!(columns, expected);
}

#[test]
fn scalars_are_text_or_booleans_as_the_field_means_them() {
    let plan = good("numbers_and_booleans.yaml");
    let OperationKind::CreateTable(table) = &plan.operations[0].kind else { panic!("{plan:?}") };
    assert_eq!(table.name.as_str(), "2024");
    let flags: Vec<_> = table.columns.iter().map(|c| (c.name.as_str(), c.nullable, c.pk)).collect();
    assert_eq!(flags, [("1", false, true), ("yes", true, false), ("ratio", false, false)]);
    let defaults: Vec<_> =
        table.columns.iter().filter_map(|c| c.default.as_ref()).map(|d| d.as_str()).collect();
    assert_eq!(defaults, ["0", "true", "1.50"]);
    let OperationKind::CreateTable(table) = &good("identity_default.yaml").operations[0].kind else {
        panic!()
    };
    let always: Vec<bool> = table
        .columns
        .iter()
        .filter_map(|c| match &c.generated {
            Some(plan::Generated::Identity(identity)) => Some(identity.always),
            _ => None,
        })
        .collect();
    assert_eq!(always, [true, false], "the schema's default is ALWAYS");
}

#[test]
fn what_pgroll_leaves_out_is_left_out_and_told() {
    let (plan, diagnostics) = parse("left_out.yaml", &read("good", "left_out.yaml"));
    let plan = plan.expect("it is accepted");
    let OperationKind::CreateTable(table) = &plan.operations[0].kind else { panic!("{plan:?}") };
    for constraint in &table.constraints {
        assert!(
            !constraint.nulls_not_distinct && !constraint.no_inherit && constraint.index_parameters.is_none()
        );
    }
    assert!(table.constraints[0].check.is_none() && table.constraints[4].columns.is_empty());
    let told = found(&diagnostics, Severity::Warning);
    assert_eq!(told.iter().filter(|told| told.starts_with("plan.unused ")).count(), 8, "{told:?}");
}

#[test]
fn segues_own_keys_are_read() {
    let plan = good("segue.yaml");
    assert_eq!(plan.description.as_deref(), Some("everything of Segue's own"));
    assert_eq!(plan.version_schema.as_ref().map(|v| v.as_str()), Some("full_name"));
    assert_eq!(plan.after[0].as_str(), "20261120_orders");
    let settings = &plan.settings;
    assert_eq!(settings.slice_time.as_ref().map(|t| t.value), Some(Duration::from_millis(50)));
    assert_eq!(settings.workers.as_ref().map(|w| w.value), Some(8));
    assert_eq!((settings.rate, settings.wal), (Some(Cap::At(20_000)), Some(Cap::At(8_000_000))));
    assert_eq!(settings.rest, Some(50));
    assert_eq!(settings.user_triggers, Some(UserTriggers::Skip));
    assert_eq!((settings.on_row_error, settings.vacuum), (Some(OnRowError::SetAside(100)), Some(true)));
    let lag = settings.guards.get("replication_lag").expect("given");
    assert_eq!(
        (lag.throttle.as_ref().map(|l| l.value), lag.only_if_ours),
        (Some(Threshold::at(1.0)), Some(true))
    );
    assert_eq!(
        lag.rollback,
        Some(RollbackRule { above: 300.0, of: Of::Itself, lasting: Duration::from_secs(90) })
    );
    let wait = settings.guards.get("lock_wait").expect("given");
    assert_eq!(
        (wait.throttle.as_ref().map(|l| l.value), wait.rollback.clone()),
        (Some(Threshold::at(0.0)), None)
    );
    let levels = |levels: &LevelSettings| {
        [&levels.throttle, &levels.pause].map(|level| level.as_ref().map(|level| level.value))
    };
    let times = |value, plus, seconds| {
        let lasting = Duration::from_secs(seconds);
        Some(Threshold::At { value, of: Of::Baseline { plus }, lasting })
    };
    assert_eq!(levels(&settings.guards["wal_rate"]), [times(3.0, 0.0, 0), times(6.0, 1e7, 0)]);
    assert_eq!(settings.baseline.as_ref().map(|length| length.value), Some(Duration::from_secs(60)));
    let errors = &settings.probes[2].levels;
    assert_eq!(levels(errors), [None, times(2.0, 0.0, 60)]);
    let twice =
        RollbackRule { above: 2.0, of: Of::Baseline { plus: 0.0 }, lasting: Duration::from_secs(600) };
    assert_eq!(errors.rollback, Some(twice));
    assert_eq!(settings.probes.len(), 3);
    assert_eq!(settings.probes[0].levels.pause.as_ref().map(|l| l.value), Some(Threshold::at(500.5)));
    assert_eq!(settings.probes[0].levels.rollback.as_ref().map(|r| r.above), Some(1000.0));
    assert_eq!(settings.quiet_for.as_ref().map(|q| q.value), Some(Duration::from_secs(86_400)));
}

#[test]
fn faults_read_like_this() {
    let text = "operations:\n  - add_colum: {table: t}\n  - drop_table:\n      name: a\n      name: b\n  - alter_column: {table: t, column: c, type: bigint, up: c}\n";
    let (_, diagnostics) = parse("plans/01.yaml", text);
    insta::assert_snapshot!(all_rendered(&diagnostics), @r"
    error[plan.unknown_operation]: there is no operation `add_colum`
     --> plans/01.yaml:2:5
      |
    2 |   - add_colum: {table: t}
      |     ^^^^^^^^^
      |
      = help: did you mean `add_column`?
    error[plan.duplicate_key]: `name` is given twice
     --> plans/01.yaml:5:7
      |
    5 |       name: b
      |       ^^^^
      |
      = help: it was first given on line 4; remove one
    error[plan.missing_field]: `alter_column` needs `down` for a change of type
     --> plans/01.yaml:6:41
      |
    6 |   - alter_column: {table: t, column: c, type: bigint, up: c}
      |                                         ^^^^
      |
      = help: `down` is an SQL expression: what the old column holds for a row the new version wrote
    ");
}

/// Parses and renders within a deadline that only an unbounded parse would miss; the codes found.
fn hostile(what: &str, text: String) -> Vec<&'static str> {
    let began = Instant::now();
    let (plan, diagnostics) = parse("hostile.yaml", &text);
    let rendered = all_rendered(&diagnostics);
    assert!(began.elapsed() < Duration::from_secs(10), "{what} took {:?}", began.elapsed());
    assert!(rendered.len() < 200_000, "{what} renders {} bytes", rendered.len());
    assert!(plan.is_none() && diagnostics.has_errors(), "{what} was accepted");
    assert!(diagnostics.0.len() <= 101, "{what}: {} diagnostics", diagnostics.0.len());
    diagnostics.0.iter().map(|d| d.code).collect()
}

#[test]
fn hostile_plans_get_an_answer() {
    let n = 100_000;
    for (what, text) in [
        ("brackets", "[".repeat(n)),
        ("closed brackets", "[".repeat(n) + &"]".repeat(n)),
        ("braces", "{a: ".repeat(n)),
        ("dashes", "- ".repeat(n)),
        ("question marks", "? ".repeat(n)),
        ("deep blocks", (0..700).map(|i| " ".repeat(i) + "a:\n").collect()),
        ("40 deep", "[".repeat(40) + &"]".repeat(40)),
        ("operations nested", format!("operations: {}", "[".repeat(n))),
    ] {
        let codes = hostile(what, text);
        assert!(
            codes.iter().any(|code| ["plan.too_deep", "plan.syntax"].contains(code)),
            "{what}: {codes:?}"
        );
    }

    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..30 {
        let before = format!("*a{}", i - 1);
        bomb += &format!("a{i}: &a{i} [{}]\n", vec![before; 10].join(", "));
    }
    assert!(hostile("alias bomb", bomb).contains(&"plan.alias"));
    let quadratic = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(300_000), "*a, ".repeat(100_000));
    assert_eq!(hostile("quadratic aliases", quadratic), ["plan.alias"]);
    let spine: String = (1..100).map(|i| format!("a{i}: &a{i} [*a{}]\n", i - 1)).collect();
    assert_eq!(hostile("deep aliases", format!("a0: &a0 [x]\n{spine}")), ["plan.too_deep"]);

    assert_eq!(hostile("too large", "#".repeat(plan::MAX_BYTES as usize + 1)), ["plan.too_large"]);
    assert_eq!(hostile("NUL", "operations:\0".to_owned()), ["plan.nul_byte"]);
    assert_eq!(hostile("nothing but blanks", " \n".repeat(n)), ["plan.empty"]);
    assert_eq!(hostile("nothing but a BOM", "\u{feff}".to_owned()), ["plan.empty"]);
    let keys: String = (0..80_000).map(|i| format!("key{i}: 1\n")).collect();
    assert_eq!(hostile("many unknown keys", keys).last(), Some(&"plan.too_many"));
    assert_eq!(hostile("one key many times", "a: 1\n".repeat(n)).last(), Some(&"plan.too_many"));
    let operations = format!("operations: [{}]", "drop_tabl,".repeat(90_000));
    assert_eq!(hostile("many faulty operations", operations).last(), Some(&"plan.too_many"));
    let operations = format!("operations: [{}]", "{drop_tabl: 1},".repeat(60_000));
    assert_eq!(hostile("many unknown operations", operations).last(), Some(&"plan.too_many"));
    assert!(!hostile("a long key", format!("{{\"{}\": 1}}", "k".repeat(1_000_000))).is_empty());
    assert!(!hostile("a long scalar", "é".repeat(500_000)).is_empty());
    assert_eq!(
        hostile("a long line", format!("operations: [{{drop_table: {{name: {}}}}}]", "x".repeat(1_000_000))),
        ["plan.invalid_name"]
    );
    assert!(!hostile("control characters", "operations: \u{1b}[31m\u{7}".to_owned()).is_empty());
    let columns: String = (0..20_000).map(|_| "{name: a, type: t},").collect();
    let twice = format!("operations: [{{create_table: {{name: t, columns: [{columns}]}}}}]");
    assert_eq!(hostile("columns of one name", twice).last(), Some(&"plan.too_many"));
    let probes: String = (0..20_000).map(|i| format!("{{name: p{i}, sql: s}},")).collect();
    hostile("many probes", format!("guards: {{probes: [{probes}]}}"));
    let (columns, others) = ("a,".repeat(120_000), "b,".repeat(120_000));
    let foreign = format!(
        "operations: [{{create_table: {{name: t, columns: [{{name: a, type: t}}], constraints: [{{name: f, type: foreign_key, \
         columns: [{columns}], references: {{table: u, columns: [a], on_delete: cascade, on_delete_set_columns: [{others}]}}}}]}}}}]"
    );
    hostile("many columns of a foreign key", foreign);
}

#[test]
fn bytes_that_are_no_text_have_a_place() {
    let refused = |bytes: &[u8]| *plan::decode_bytes("a.yaml", bytes.to_vec()).expect_err("not UTF-8");
    let diagnostic = refused(b"operations:\n  - \xff\xfe");
    assert_eq!(diagnostic.code, "plan.not_utf8");
    assert!(diagnostic.message.contains("offset 16, line 2"), "{}", diagnostic.message);
    assert_eq!(diagnostic.span.as_ref().map(|span| span.line_column()), Some((2, 5)));
    assert!(diagnostic.render(false).contains("a.yaml:2:5"));
    assert!(refused(b"\xff\xfeo\0").help.is_some_and(|help| help.contains("UTF-16")));
    let source = plan::decode_bytes("a.yaml", b"\xef\xbb\xbfoperations: 1".to_vec()).expect("a BOM is fine");
    assert_eq!(source.text, "operations: 1");
    assert_eq!(
        plan::decode_bytes("a.yaml", vec![b'#'; 100 << 20]).map_err(|d| d.code),
        Err("plan.too_large")
    );
}

#[test]
fn a_plan_named_too_long_for_a_schema_needs_a_version_schema() {
    let text = "operations: [{drop_table: {name: a}}]";
    let source = |text: &str| Arc::new(Source { name: "long.yaml".into(), text: text.into() });
    let (_, diagnostics) = plan::parse(&"n".repeat(64), source(text));
    assert_eq!(found(&diagnostics, Severity::Error), ["plan.invalid_name 1:1"]);
    let (plan, _) = plan::parse(&"n".repeat(64), source(&format!("version_schema: v1\n{text}")));
    assert!(plan.is_some());
}

#[test]
fn long_texts_are_read_whole() {
    let long = "SELECT 'é' /* ".to_owned() + &"x".repeat(5000) + " */";
    for text in [
        format!("{{\"operations\": [{{\"sql\": {{\"up\": \"{long}\"}}}}]}}"),
        format!("operations:\n  - sql:\n      up: {long}\n"),
        format!("operations:\n  - sql:\n      up: >-\n        {long}\n"),
        format!("operations: [{{sql: {{up: '{}'}}}}]", long.replace('\'', "''")),
    ] {
        let (plan, diagnostics) = parse("long.json", &text);
        let plan = plan.unwrap_or_else(|| panic!("{}", all_rendered(&diagnostics)));
        let OperationKind::Sql(sql) = &plan.operations[0].kind else { panic!("{plan:?}") };
        assert_eq!(sql.up.as_str(), long);
    }
}

/// Whatever the text, there is a plan or a reason, and every reason can be shown.
fn answers(text: &str) {
    let (plan, diagnostics) = parse("any.yaml", text);
    assert_eq!(plan.is_none(), diagnostics.has_errors(), "{text:?}");
    for diagnostic in &diagnostics.0 {
        assert!(!diagnostic.render(true).is_empty() && diagnostic.to_json().is_object());
    }
    let source = Arc::new(Source { name: "segue.yaml".into(), text: text.into() });
    let (project, diagnostics) = plan::parse_project(source);
    assert_eq!(project.is_none(), diagnostics.has_errors(), "{text:?}");
}

proptest::proptest! {
    #[test]
    fn any_text_gets_an_answer(text in "[-a-z0-9 \\t\\n:{}\\[\\],&*!|>'\"#%~?é😀\u{feff}]{0,60}") {
        answers(&text);
    }

    #[test]
    fn any_damage_to_a_good_plan_gets_an_answer(
        file in 0usize..20, at in 0usize..3000, cut in 0usize..30, new in "[-\\n :{}\\[\\],&*!|>'\"#~0é]{0,4}",
    ) {
        let files = files("good");
        let mut text: Vec<char> = files[file % files.len()].1.chars().collect();
        let from = at % text.len();
        let to = (from + cut).min(text.len());
        text.splice(from..to, new.chars());
        answers(&text.into_iter().collect::<String>());
    }
}
