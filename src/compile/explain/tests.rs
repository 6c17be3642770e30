//! What people read of a program.

use super::*;
use crate::catalog::{Column, Estimate, Table};
use crate::compile::program::*;
use crate::ident::Ident;

fn table() -> QualifiedName {
    QualifiedName::new(&"public".into(), &"users".into())
}

fn program() -> Program {
    let hidden = Ident::new("_segue_new_full_name");
    let sync = SyncSpec {
        table: table(),
        function: QualifiedName::new(&"segue".into(), &"sync_users".into()),
        trigger_insert: "zz_segue_insert".into(),
        trigger_update: "zz_segue_update".into(),
        version_schema: "public_full_name".into(),
        published_with: None,
        previous_version_schema: None,
        mending: None,
        marker: Some("_segue_pending".into()),
        pairs: vec![Pair {
            old: None,
            new: Some(PairSide { column: hidden.clone(), type_name: "text".into(), not_null: false }),
            up: Some(PairExpression {
                sql: "first || last".into(),
                reads_own: vec![],
                reads_shared: vec!["first".into(), "last".into()],
                only: None,
            }),
            down: None,
            reset: None,
        }],
        hidden_columns: vec![(hidden.clone(), "text".into())],
        plain: vec!["first".into()],
    };
    let step = |title: &str, phase, action, mode, cost, undo| Step {
        title: title.into(),
        phase,
        action,
        locks: vec![Lock { relation: table(), mode }],
        cost,
        undo,
    };
    let add = format!("ALTER TABLE {} ADD COLUMN {hidden} text", table());
    let drop = format!("ALTER TABLE {} DROP COLUMN {hidden}", table());
    let fill = BackfillSpec {
        table: table(),
        marker: Some("_segue_pending".into()),
        only: None,
        set: vec![(hidden.clone(), "(first || last)".into())],
        shown: vec!["full_name".into()],
        key: vec!["id".into()],
        partitioned: false,
        copy: None,
    };
    Program {
        format: FORMAT,
        plan: "full_name".into(),
        description: Some("one column\n-- for both names".into()),
        schema: "public".into(),
        version_schema: "public_full_name".into(),
        previous_version_schema: None,
        checks: vec![],
        views: vec![TableView {
            table: "users".into(),
            view: Some("users".into()),
            columns: vec![ViewColumn {
                column: hidden,
                shown: Some("full_name".into()),
                in_place_of: None,
                default: ViewDefault::Inherit,
                comment: None,
            }],
        }],
        objects: Vec::new(),
        types: Default::default(),
        owned: Default::default(),
        steps: vec![
            step(
                "prepare users",
                Phase::Expand,
                Action::Expand { statements: vec![add], sync: Box::new(sync) },
                LockMode::AccessExclusive,
                Cost::Catalog,
                Undo::Ddl { statements: vec![drop], locks: vec![] },
            ),
            step(
                "fill users (full_name)",
                Phase::Backfill,
                Action::Backfill(fill),
                LockMode::RowExclusive,
                Cost::Fill,
                Undo::Nothing,
            ),
            step(
                "publish",
                Phase::Backfill,
                Action::Publish,
                LockMode::RowExclusive,
                Cost::Catalog,
                Undo::Retire { version_schema: "public_full_name".into() },
            ),
            step(
                "rename",
                Phase::Contract,
                Action::Ddl { statements: vec!["ALTER TABLE x RENAME TO y".into()] },
                LockMode::AccessExclusive,
                Cost::Catalog,
                Undo::Nothing,
            ),
        ],
    }
}

fn catalog() -> Catalog {
    let users = Table {
        name: "users".into(),
        columns: vec![Column { name: "id".into(), type_name: "integer".into(), ..Column::default() }],
        estimate: Estimate { rows: Some(1_234_567.0), pages: 1, bytes: 5 << 20 },
        ..Table::default()
    };
    Catalog { server_version: 170_000, tables: [(users.name.clone(), users)].into(), ..Catalog::default() }
}

#[test]
fn text_tells_locks_cost_sql_and_undo() {
    let text = text(&program(), Some(&catalog()), false);
    for expected in [
        "  1. prepare users\n     locks  public.users ACCESS EXCLUSIVE: blocks reads and writes, for a moment\n",
        "     cost   catalog rows only",
        "     sql    ALTER TABLE \"public\".\"users\" ADD COLUMN",
        "CREATE FUNCTION \"segue\".\"sync_users\"()",
        "     undo   ALTER TABLE \"public\".\"users\" DROP COLUMN",
        "writes every row, in slices: about 1,234,567 rows, 5.0 MB",
        "SELECT \"id\", \"_segue_new_full_name\" AS \"full_name\" FROM \"public\".\"users\"",
        "CONTRACT",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    assert!(super::text(&program(), None, true).contains('\u{1b}'));
}

#[test]
fn the_script_is_sql_with_the_rest_in_comments() {
    let script = script(&program());
    assert!(script.contains("-- one column -- for both names"), "{script}");
    assert!(script.contains("BEGIN;\nALTER TABLE \"public\".\"users\" ADD COLUMN"), "{script}");
    assert!(script.contains("-- UPDATE ONLY \"public\".\"users\""), "{script}");
    let without_psql = script.replace("\\set ON_ERROR_STOP on", "");
    let statements = crate::compile::expr::parse_statements(&without_psql).expect("a script that parses");
    assert_eq!(statements.len(), 4 + 2 + 3, "{script}");
}

#[test]
fn json_has_the_sql_of_each_step() {
    let json = json(&program());
    assert_eq!(json["steps"][3]["sql"][0], "ALTER TABLE x RENAME TO y");
    assert_eq!(json["steps"][3]["number"], 4);
    assert_eq!(json["steps"][0]["blocks"][0], "blocks reads and writes");
    assert_eq!(json["hash"], program().hash());
}

#[test]
fn numbers_are_readable() {
    assert_eq!((grouped(0.0), grouped(999.0), grouped(1000.0)), ("0".into(), "999".into(), "1,000".into()));
    assert_eq!((human_bytes(12), human_bytes(1536)), ("12 B".into(), "1.5 kB".into()));
}
