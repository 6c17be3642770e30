//! Owns the SQL of version schemas: their views, and that a view stands for its table in defaults,
//! comments, owners and grants. Must not run it, and must not decide what a version shows.

use super::program::{Program, TableView, ViewColumn, ViewDefault};
use crate::catalog::{Catalog, Column, Grant, Table, TableKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ident::{Ident, MAX_BYTES, QualifiedName, list, literal};
use std::collections::{BTreeMap, BTreeSet};

/// Physical columns with this start are Segue's own and are in no view unless a program says so.
pub const HIDDEN: &str = "_segue_";

/// Privileges of a table that mean something on a view.
const ON_VIEWS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "TRIGGER"];

/// Views are `security_invoker` from this version on: rights and row security are the caller's.
const SECURITY_INVOKER_SINCE: u32 = 15;

/// Privilege to become another role, as `pg_has_role` names it, from this version on.
const SET_ROLE_SINCE: u32 = 16;

/// One table as the new version shows it.
struct Shown<'a> {
    table: &'a Table,
    view: QualifiedName,
    columns: Vec<ShownColumn<'a>>,
}

struct ShownColumn<'a> {
    physical: &'a Column,
    shown: &'a Ident,
    mapping: Option<&'a ViewColumn>,
    /// The column it replaces, whose grants and comment it takes over.
    replaces: Option<&'a Column>,
}

/// In which order views have shown their columns.
pub type Order = BTreeMap<Ident, Vec<Ident>>;

/// Creates the version schema with its views, from the tables as they are now. `role` is who runs it.
pub fn publish(catalog_now: &Catalog, program: &Program, role: &Ident) -> Vec<String> {
    publish_again(catalog_now, program, role, &Order::new())
}

/// [`publish`] where the views have been there before: a client that names no columns, or reads them by number, must not notice.
pub fn publish_again(catalog_now: &Catalog, program: &Program, role: &Ident, before: &Order) -> Vec<String> {
    let mut statements = create_in(catalog_now, program, before);
    statements.extend(ownership(catalog_now, program, &shown_tables(catalog_now, program), role));
    statements
}

/// [`publish`] without what depends on who runs it.
pub(super) fn create(catalog_now: &Catalog, program: &Program) -> Vec<String> {
    create_in(catalog_now, program, &Order::new())
}

fn create_in(catalog_now: &Catalog, program: &Program, before: &Order) -> Vec<String> {
    let schema = &program.version_schema;
    let early = if program.types.in_version.is_empty() { "" } else { "IF NOT EXISTS " };
    let mut statements = vec![format!("CREATE SCHEMA {early}{schema}")];
    statements.extend(of_schema(catalog_now, schema));
    for table in &mut shown_tables(catalog_now, program) {
        if let Some(order) = before.get(&table.view.name) {
            let place = |shown: &Ident| order.iter().position(|name| name == shown).unwrap_or(order.len());
            table.columns.sort_by_key(|column| place(column.shown));
        }
        statements.extend(view_statements(catalog_now, &program.schema, table));
    }
    statements.extend(program.objects.iter().cloned());
    statements
}

/// Comment and rights of a version schema.
fn of_schema(catalog: &Catalog, schema: &Ident) -> Vec<String> {
    let comment = catalog.schema_comment.iter();
    let mut statements: Vec<String> =
        comment.map(|comment| format!("COMMENT ON SCHEMA {schema} IS {}", literal(comment))).collect();
    let usage = catalog.schema_grants.iter().filter(|grant| grant.privilege == "USAGE");
    statements.extend(usage.map(|grant| grant_statement("USAGE", &format!("SCHEMA {schema}"), grant)));
    statements
}

/// A version schema that has to be there before its views: the old version's writes use what is in it.
pub(super) fn early_schema(catalog: &Catalog, schema: &Ident) -> Vec<String> {
    let mut statements = vec![format!("CREATE SCHEMA {schema}")];
    statements.extend(of_schema(catalog, schema));
    let owner = &catalog.schema_owner;
    if !owner.as_str().is_empty() {
        statements.push(format!("GRANT USAGE ON SCHEMA {schema} TO {owner}"));
    }
    statements
}

/// Gives something in a version schema to its owner, where the role that does it may.
pub(super) fn own_in(catalog: &Catalog, schema: &Ident, owner: &Ident, change: &str) -> String {
    let (grant, revoke) = (
        format!("GRANT CREATE ON SCHEMA {schema} TO {owner};"),
        format!("REVOKE CREATE ON SCHEMA {schema} FROM {owner};"),
    );
    if_may_become(catalog, owner, &format!("{grant} {change}; {revoke}"))
}

/// Gives something in the base schema to its owner, where both may.
pub(super) fn own_in_base(catalog: &Catalog, owner: &Ident, change: &str) -> String {
    let may = format!(
        "IF pg_catalog.has_schema_privilege({}, {}, 'CREATE') THEN {change}; END IF;",
        literal(owner.as_str()),
        literal(catalog.schema.as_str())
    );
    if_may_become(catalog, owner, &may)
}

/// Drops the views of a version schema and the schema: without CASCADE, so what others have built on
/// it stops this instead of being lost. `stays`: columns are still of types that are in it.
pub fn retire(version_schema: &Ident, views: &[Ident], functions: &[String], stays: bool) -> Vec<String> {
    let mut statements = Vec::new();
    if !views.is_empty() {
        let names: Vec<String> = views.iter().map(|view| format!("{version_schema}.{view}")).collect();
        statements.push(format!("DROP VIEW {}", names.join(", ")));
    }
    if !functions.is_empty() {
        statements.push(format!("DROP ROUTINE {}", functions.join(", ")));
    }
    if !stays {
        statements.push(format!("DROP SCHEMA {version_schema}"));
    }
    statements
}

fn shown_tables<'a>(catalog: &'a Catalog, program: &'a Program) -> Vec<Shown<'a>> {
    catalog
        .tables
        .values()
        .filter(|table| matches!(table.kind, TableKind::Ordinary | TableKind::Partitioned))
        .filter_map(|table| {
            let own = mapping(program, &table.name);
            let name = match own {
                Some(view) => view.view.as_ref()?,
                None => &table.name,
            };
            Some(Shown {
                table,
                view: QualifiedName::new(&program.version_schema, name),
                columns: shown_columns(table, own.or_else(|| mapping_of_parents(catalog, program, table))),
            })
        })
        .collect()
}

fn mapping<'a>(program: &'a Program, table: &Ident) -> Option<&'a TableView> {
    program.views.iter().find(|view| view.table == *table)
}

/// For a partition that the program does not know: attached since it was compiled.
fn mapping_of_parents<'a>(catalog: &Catalog, program: &'a Program, table: &Table) -> Option<&'a TableView> {
    let mut at = table;
    while let Some((parent, _)) = &at.partition_of {
        if let Some(found) = mapping(program, parent) {
            return Some(found).filter(|found| found.view.is_some());
        }
        at = catalog.tables.get(parent)?;
    }
    None
}

/// Columns of a view: the table's order, a new column where the one stood that it replaces.
fn shown_columns<'a>(table: &'a Table, view: Option<&'a TableView>) -> Vec<ShownColumn<'a>> {
    let mappings: &[ViewColumn] = view.map_or(&[], |view| &view.columns);
    let mut columns = Vec::new();
    for place in &table.columns {
        for mapping in mappings.iter().filter(|m| m.in_place_of.as_ref() == Some(&place.name)) {
            if let (Some(shown), Some(physical)) = (&mapping.shown, table.column(&mapping.column)) {
                columns.push(ShownColumn { physical, shown, mapping: Some(mapping), replaces: Some(place) });
            }
        }
        let mapping = mappings.iter().find(|m| m.column == place.name);
        let shown = match mapping {
            // Shown at the place of another column, or nowhere.
            Some(mapping)
                if mapping.in_place_of.as_ref().is_some_and(|other| table.column(other).is_some()) =>
            {
                None
            }
            Some(mapping) => mapping.shown.as_ref(),
            None => Some(&place.name).filter(|name| !name.as_str().starts_with(HIDDEN)),
        };
        if let Some(shown) = shown {
            columns.push(ShownColumn { physical: place, shown, mapping, replaces: None });
        }
    }
    columns
}

/// Whether some role may read some columns only. Under `security_invoker` PostgreSQL asks the caller
/// for all columns the view is made of, so such a role could read nothing; a view with its owner's
/// rights checks the grants on the view itself. Row security needs the caller's rights and wins.
fn has_partial_readers(table: &Table) -> bool {
    let select = |grant: &&Grant| grant.privilege == "SELECT";
    let of_all: BTreeSet<&Ident> = table.grants.iter().filter(select).map(|grant| &grant.grantee).collect();
    table
        .columns
        .iter()
        .flat_map(|column| &column.grants)
        .filter(select)
        .any(|grant| !of_all.contains(&grant.grantee))
}

fn view_statements(catalog: &Catalog, base: &Ident, shown: &Shown) -> Vec<String> {
    let view = &shown.view;
    let invoker = catalog.major() >= SECURITY_INVOKER_SINCE
        && (shown.table.row_security || !has_partial_readers(shown.table));
    let options = if invoker { " WITH (security_invoker = true)" } else { "" };
    let columns: Vec<String> = shown
        .columns
        .iter()
        .map(|column| {
            if column.physical.name == *column.shown {
                column.shown.to_string()
            } else {
                format!("{} AS {}", column.physical.name, column.shown)
            }
        })
        .collect();
    let mut statements = vec![format!(
        "CREATE VIEW {view}{options} AS SELECT {} FROM {}",
        columns.join(", "),
        QualifiedName::new(base, &shown.table.name)
    )];
    for column in &shown.columns {
        let default = match column.mapping.map_or(&ViewDefault::Inherit, |mapping| &mapping.default) {
            ViewDefault::Inherit => continue,
            ViewDefault::Set(expression) => expression.clone(),
            // A plain NULL would count as no default at all, and the table's own would apply.
            ViewDefault::Drop => format!("CASE WHEN true THEN NULL::{} END", column.physical.type_name),
        };
        statements.push(format!("ALTER VIEW {view} ALTER COLUMN {} SET DEFAULT {default}", column.shown));
    }
    if let Some(comment) = &shown.table.comment {
        statements.push(format!("COMMENT ON VIEW {view} IS {}", literal(comment)));
    }
    for column in &shown.columns {
        let own = &column.replaces.unwrap_or(column.physical).comment;
        let comment = column.mapping.and_then(|mapping| mapping.comment.as_ref()).unwrap_or(own);
        if let Some(comment) = comment {
            statements.push(format!("COMMENT ON COLUMN {view}.{} IS {}", column.shown, literal(comment)));
        }
    }
    statements.extend(grants(shown));
    statements
}

fn grants(shown: &Shown) -> Vec<String> {
    // Grants of one grantee in one statement; those on columns by privilege, with their columns.
    let mut on_table: BTreeMap<(&Ident, bool), BTreeSet<&str>> = BTreeMap::new();
    let on_views = |grant: &&Grant| ON_VIEWS.contains(&grant.privilege.as_str());
    for grant in shown.table.grants.iter().filter(on_views) {
        on_table.entry((&grant.grantee, grant.grantable)).or_default().insert(&grant.privilege);
    }
    let mut statements: Vec<String> = on_table
        .into_iter()
        .map(|((grantee, grantable), privileges)| {
            let privileges: Vec<&str> = privileges.into_iter().collect();
            let grant = Grant { grantee: grantee.clone(), privilege: privileges.join(", "), grantable };
            grant_statement(&grant.privilege, &shown.view.to_string(), &grant)
        })
        .collect();
    let mut on_columns: BTreeMap<&Grant, Vec<&Ident>> = BTreeMap::new();
    for column in &shown.columns {
        let from = column.replaces.unwrap_or(column.physical);
        for grant in from.grants.iter().filter(on_views) {
            on_columns.entry(grant).or_default().push(column.shown);
        }
    }
    for (grant, columns) in on_columns {
        let what = format!("{} ({})", grant.privilege, list(columns));
        statements.push(grant_statement(&what, &shown.view.to_string(), grant));
    }
    statements
}

pub(super) fn grant_statement(what: &str, on: &str, grant: &Grant) -> String {
    let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
    format!("GRANT {what} ON {on} TO {}{option}", grantee(&grant.grantee))
}

fn grantee(name: &Ident) -> String {
    if name.as_str().is_empty() { "PUBLIC".to_owned() } else { name.to_string() }
}

/// Gives views and schema to the owners of what they stand for, where `role` may. A role that may not
/// still publishes: from PostgreSQL 15 on the views' rights are the caller's anyway.
fn ownership(catalog: &Catalog, program: &Program, shown: &[Shown], role: &Ident) -> Vec<String> {
    let schema = &program.version_schema;
    let mut by_owner: BTreeMap<&Ident, Vec<String>> = BTreeMap::new();
    for table in shown.iter().filter(|shown| shown.table.owner != *role) {
        let statement = format!("ALTER VIEW {} OWNER TO {};", table.view, table.table.owner);
        by_owner.entry(&table.table.owner).or_default().push(statement);
    }
    let mut statements: Vec<String> = by_owner
        .into_iter()
        .map(|(owner, changes)| {
            // An owner must be able to create in the schema at the moment of becoming one.
            let body = format!(
                "GRANT CREATE ON SCHEMA {schema} TO {owner}; {} REVOKE CREATE ON SCHEMA {schema} FROM {owner};",
                changes.join(" ")
            );
            if_may_become(catalog, owner, &body)
        })
        .collect();
    let owner = &catalog.schema_owner;
    if owner != role && !owner.as_str().is_empty() && !owner.as_str().starts_with("pg_") {
        statements.push(if_may_become(catalog, owner, &format!("ALTER SCHEMA {schema} OWNER TO {owner};")));
    }
    statements
}

fn if_may_become(catalog: &Catalog, owner: &Ident, body: &str) -> String {
    let privilege = if catalog.major() >= SET_ROLE_SINCE { "SET" } else { "MEMBER" };
    let code = format!(
        "BEGIN IF pg_catalog.pg_has_role({}, '{privilege}') THEN {body} END IF; END",
        literal(owner.as_str())
    );
    format!("DO {}", literal(&code))
}

/// Names that would not fit, or would fall together, found before anything starts.
pub fn check_names(catalog: &Catalog, program: &Program) -> Diagnostics {
    let mut found = Diagnostics::default();
    let schema = &program.version_schema;
    if !schema.is_storable() {
        let message = format!("the version schema's name {:?} is not one PostgreSQL keeps", schema.as_str());
        let help = format!(
            "names have at most {MAX_BYTES} bytes, and this one has {}: set a shorter `version_schema`",
            schema.as_str().len()
        );
        found.push(Diagnostic::error("compile.version_schema_name", message).help(help));
    }
    if *schema == catalog.schema || catalog.other_schemas.contains(schema) {
        let message = format!("there is a schema {} already", schema.as_str());
        let help = "set another `version_schema`, or drop that schema if nothing uses it";
        found.push(Diagnostic::error("compile.version_schema_exists", message).help(help));
    }
    let mut views: BTreeMap<Ident, &Ident> = BTreeMap::new();
    for shown in shown_tables(catalog, program) {
        let (name, table) = (shown.view.name.clone(), &shown.table.name);
        check_storable(&mut found, &name, &format!("table {}", table.as_str()));
        if shown.table.row_security && has_partial_readers(shown.table) {
            let message = format!(
                "roles that may read only some columns of {} will not be able to read it in the new version",
                table.as_str()
            );
            let help = "the table has row security, and PostgreSQL then asks for all columns of a view; grant SELECT on the table";
            found.push(Diagnostic::warning("compile.column_grants_with_row_security", message).help(help));
        }
        if let Some(other) = views.insert(name.clone(), table) {
            let message = format!(
                "tables {} and {} would both be {} in the new version",
                other.as_str(),
                table.as_str(),
                name.as_str()
            );
            found.push(
                Diagnostic::error("compile.table_name_taken", message)
                    .help("rename one of them to something else"),
            );
        }
        let mut columns: BTreeMap<&Ident, &Ident> = BTreeMap::new();
        for column in &shown.columns {
            check_storable(&mut found, column.shown, &format!("column of {}", table.as_str()));
            if let Some(other) = columns.insert(column.shown, &column.physical.name) {
                let message = format!(
                    "two columns of {} would both be {} in the new version: {} and {}",
                    table.as_str(),
                    column.shown.as_str(),
                    other.as_str(),
                    column.physical.name.as_str()
                );
                found.push(
                    Diagnostic::error("compile.column_name_taken", message)
                        .help("give one of them another name"),
                );
            }
        }
    }
    found
}

fn check_storable(found: &mut Diagnostics, name: &Ident, what: &str) {
    if !name.is_storable() {
        let message = format!("the name {:?} of a {what} is not one PostgreSQL keeps", name.as_str());
        let help = format!("names have 1 to {MAX_BYTES} bytes, and this one has {}", name.as_str().len());
        found.push(Diagnostic::error("compile.name_too_long", message).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Column {
        Column { name: name.into(), type_name: "text".into(), ..Column::default() }
    }

    fn catalog() -> Catalog {
        let table = |name: &str, columns: &[&str]| Table {
            name: name.into(),
            owner: "app".into(),
            columns: columns.iter().map(|c| column(c)).collect(),
            ..Table::default()
        };
        let mut users = table("users", &["id", "name", "email", "_segue_pending", "_segue_new_name"]);
        users.comment = Some("it's us".into());
        let grant = |grantee: &str, privilege: &str| Grant {
            grantee: grantee.into(),
            privilege: privilege.into(),
            grantable: grantee == "boss",
        };
        users.grants = vec![
            grant("web", "SELECT"),
            grant("web", "UPDATE"),
            grant("web", "TRUNCATE"),
            grant("boss", "SELECT"),
        ];
        users.columns[1].grants = vec![grant("clerk", "SELECT")];
        users.columns[2].grants = vec![grant("clerk", "SELECT"), grant("", "UPDATE")];
        users.columns[1].comment = Some("given".into());
        let tables = [users, table("notes", &["id"])].map(|t| (t.name.clone(), t));
        Catalog {
            schema: "public".into(),
            server_version: 150_018,
            schema_owner: "pg_database_owner".into(),
            schema_grants: vec![grant("web", "USAGE"), grant("web", "CREATE")],
            tables: tables.into(),
            other_schemas: vec!["public_taken".into()],
            ..Catalog::default()
        }
    }

    fn program(version_schema: &str, views: Vec<TableView>) -> Program {
        Program {
            format: 1,
            plan: "p".into(),
            description: None,
            schema: "public".into(),
            version_schema: version_schema.into(),
            previous_version_schema: None,
            checks: Vec::new(),
            views,
            objects: Vec::new(),
            types: Default::default(),
            owned: Default::default(),
            steps: Vec::new(),
        }
    }

    fn mapped(column: &str, shown: Option<&str>, in_place_of: Option<&str>) -> ViewColumn {
        ViewColumn {
            column: column.into(),
            shown: shown.map(Ident::new),
            in_place_of: in_place_of.map(Ident::new),
            default: ViewDefault::Inherit,
            comment: None,
        }
    }

    fn people() -> TableView {
        TableView {
            table: "users".into(),
            view: Some("people".into()),
            columns: vec![
                mapped("name", None, None),
                ViewColumn {
                    default: ViewDefault::Drop,
                    ..mapped("_segue_new_name", Some("name"), Some("name"))
                },
                mapped("email", Some("mail"), None),
            ],
        }
    }

    #[test]
    fn a_view_stands_for_its_table() {
        let sql = publish(&catalog(), &program("public_v2", vec![people()]), &"app".into());
        let expected = [
            r#"CREATE SCHEMA "public_v2""#,
            r#"GRANT USAGE ON SCHEMA "public_v2" TO "web""#,
            r#"CREATE VIEW "public_v2"."notes" WITH (security_invoker = true) AS SELECT "id" FROM "public"."notes""#,
            r#"CREATE VIEW "public_v2"."people" AS SELECT "id", "_segue_new_name" AS "name", "email" AS "mail" FROM "public"."users""#,
            r#"ALTER VIEW "public_v2"."people" ALTER COLUMN "name" SET DEFAULT CASE WHEN true THEN NULL::text END"#,
            r#"COMMENT ON VIEW "public_v2"."people" IS 'it''s us'"#,
            r#"COMMENT ON COLUMN "public_v2"."people"."name" IS 'given'"#,
            r#"GRANT SELECT ON "public_v2"."people" TO "boss" WITH GRANT OPTION"#,
            r#"GRANT SELECT, UPDATE ON "public_v2"."people" TO "web""#,
            r#"GRANT UPDATE ("mail") ON "public_v2"."people" TO PUBLIC"#,
            r#"GRANT SELECT ("name", "mail") ON "public_v2"."people" TO "clerk""#,
        ];
        assert_eq!(sql, expected);
    }

    #[test]
    fn owners_are_kept_where_the_role_may() {
        let sql = publish(&catalog(), &program("public_v2", vec![]), &"deployer".into());
        let last = sql.last().expect("statements");
        assert!(last.starts_with("DO 'BEGIN IF pg_catalog.pg_has_role(''app'', ''MEMBER'')"), "{last}");
        assert!(last.contains(r#"ALTER VIEW "public_v2"."users" OWNER TO "app";"#), "{last}");
        let old =
            publish(&Catalog { server_version: 140_005, ..catalog() }, &program("v", vec![]), &"app".into());
        assert!(!old.iter().any(|statement| statement.contains("security_invoker")));
    }

    #[test]
    fn names_that_fall_together_are_found() {
        let codes = |program: &Program| -> Vec<&'static str> {
            check_names(&catalog(), program).0.iter().map(|diagnostic| diagnostic.code).collect()
        };
        assert!(codes(&program("public_v2", vec![people()])).is_empty());
        let mut secured = catalog();
        secured.tables.get_mut(&Ident::new("users")).expect("users").row_security = true;
        let warned = check_names(&secured, &program("public_v2", vec![]));
        assert!(!warned.has_errors() && warned.0.len() == 1);
        assert_eq!(codes(&program("public_taken", vec![])), ["compile.version_schema_exists"]);
        assert_eq!(codes(&program(&"x".repeat(64), vec![])), ["compile.version_schema_name"]);
        let to_notes = TableView { view: Some("notes".into()), ..people() };
        assert_eq!(codes(&program("public_v2", vec![to_notes])), ["compile.table_name_taken"]);
        let twice = TableView { columns: vec![mapped("email", Some("name"), None)], ..people() };
        assert_eq!(codes(&program("public_v2", vec![twice])), ["compile.column_name_taken"]);
        let long = TableView { columns: vec![mapped("email", Some(&"é".repeat(32)), None)], ..people() };
        assert_eq!(codes(&program("public_v2", vec![long])), ["compile.name_too_long"]);
    }

    #[test]
    fn retiring_names_each_view_and_never_cascades() {
        let sql = retire(&"v1".into(), &["a".into(), "b".into()], &["v1.f(integer)".into()], false);
        assert_eq!(
            sql,
            [r#"DROP VIEW "v1"."a", "v1"."b""#, "DROP ROUTINE v1.f(integer)", r#"DROP SCHEMA "v1""#]
        );
        assert_eq!(retire(&"v1".into(), &[], &[], false), [r#"DROP SCHEMA "v1""#]);
        assert_eq!(retire(&"v1".into(), &["a".into()], &[], true), [r#"DROP VIEW "v1"."a""#]);
    }
}
