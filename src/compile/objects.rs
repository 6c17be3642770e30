//! Owns views and functions that a plan gives the new version: in its schema from the publication on, in the base schema
//! from the contract on, with the views that stand on them. Until then what was there is not touched, so a rollback
//! has nothing to restore. Must not decide what may change in tables.

use super::draft::{Draft, DraftTable, NewFunction, NewView, Object};
use super::followed;
use super::program::{CheckKind, ExpressionCheck};
use super::views;
use crate::catalog::{Catalog, View};
use crate::diagnostic::Span;
use crate::ident::{Ident, QualifiedName, list, literal};
use std::collections::BTreeSet;

/// SQL of the views and functions, for where it is run.
#[derive(Default)]
pub struct Objects {
    pub publish: Vec<String>,
    /// Before the tables change: base views go, with those that stand on them.
    pub before: Vec<String>,
    /// When the tables have their last form.
    pub after: Vec<String>,
    pub title: String,
    /// Base views that go, now or to be made again.
    pub views: Vec<Ident>,
    /// Views that the plan does not name are made again.
    pub carries: bool,
    pub checks: Vec<ExpressionCheck>,
}

/// Which tables change at one moment with a view that the plan replaces, because it reads what changes. All do then: in its
/// new text the view may read any of them, under the last names.
pub fn join(draft: &mut Draft<'_>) {
    draft.read_views = followed::views(draft);
    let labels = draft.replaced_labels();
    for table in &mut draft.tables {
        let Some(source) = table.source.filter(|_| table.shown.is_some()) else { continue };
        let changes = |name: &Ident| table.column_of(name).is_some_and(|column| !column.is_shared());
        let under = source.dependents.iter().any(|d| labels.contains(&d.object) && changes(&d.column));
        table.under_view = under;
    }
    if draft.tables.iter().any(|table| table.under_view) {
        for table in draft.tables.iter_mut().filter(|t| t.source.is_some() && t.shown.is_some()) {
            table.under_view = table.has_work();
        }
    }
}

pub fn objects(draft: &mut Draft<'_>, version_schema: &Ident, previous: Option<&Ident>) -> Option<Objects> {
    if draft.objects.is_empty() && draft.read_views.is_empty() {
        return None;
    }
    let carried = carried(draft);
    stands_against(draft, &carried);
    let sql = Sql { draft, carried: &carried, version_schema };
    Some(Objects {
        publish: sql.publish(),
        before: sql.before(),
        after: sql.after(),
        title: sql.title(),
        views: draft.replaced_views().chain(carried.iter().map(|view| &view.name)).cloned().collect(),
        carries: !carried.is_empty(),
        checks: sql.checks(previous),
    })
}

/// Views of the schema that stand on one the plan replaces or drops, or on a column's new form, each after what it reads.
fn carried<'a>(draft: &Draft<'a>) -> Vec<&'a View> {
    let read = draft.read_views.iter().filter_map(|name| draft.catalog.views.get(name));
    let read = read.map(|view| &view.name).collect();
    readers(draft.catalog, &draft.replaced_views().collect(), read)
}

/// These views of the schema and those that stand on them, each after what it reads.
pub fn with_readers<'a>(catalog: &'a Catalog, first: &BTreeSet<&'a Ident>) -> Vec<&'a View> {
    readers(catalog, first, first.clone())
}

fn readers<'a>(
    catalog: &'a Catalog,
    gone: &BTreeSet<&Ident>,
    mut found: BTreeSet<&'a Ident>,
) -> Vec<&'a View> {
    loop {
        let before = found.len();
        for view in catalog.views.values().filter(|view| !gone.contains(&view.name)) {
            if view.reads.iter().any(|read| gone.contains(read) || found.contains(read)) {
                found.insert(&view.name);
            }
        }
        if found.len() == before {
            break;
        }
    }
    let mut ordered: Vec<&View> = Vec::new();
    while ordered.len() < found.len() {
        let placed = |name: &Ident| ordered.iter().any(|view| view.name == *name);
        let next = found.iter().filter_map(|name| catalog.views.get(*name)).find(|view| {
            !placed(&view.name) && view.reads.iter().all(|read| !found.contains(read) || placed(read))
        });
        // Views cannot read each other in a circle.
        let Some(next) = next else { break };
        ordered.push(next);
    }
    ordered
}

/// Statements that take views away and make them again around a change of what they read.
pub fn around(draft: &Draft<'_>, version_schema: &Ident, carried: &[&View]) -> (Vec<String>, Vec<String>) {
    let sql = Sql { draft, carried, version_schema };
    let schema = &draft.catalog.schema;
    let mut after = vec![path(&[schema])];
    for (number, view) in carried.iter().enumerate() {
        let at = QualifiedName::new(schema, &view.name);
        after.push(sql.create_again("VIEW", &at.to_string(), number, view));
        let place = At { name: &at, in_version: false, is_new: false };
        sql.attributes(view, view.comment.as_ref(), &place, &mut after);
    }
    after.push(path(&[]));
    (sql.before(), after)
}

/// Reports what would be lost with a view, or would stop it from going.
fn stands_against(draft: &mut Draft<'_>, carried: &[&View]) {
    let mut faults: Vec<(String, Option<Span>, &'static str)> = Vec::new();
    for object in &draft.objects {
        let Object::View { name, new, span } = object else { continue };
        let Some(view) = draft.catalog.views.get(name) else { continue };
        if new.is_none() {
            let readers: Vec<String> = carried
                .iter()
                .filter(|other| other.reads.contains(name))
                .map(|other| format!("view {}", other.name.as_str()))
                .collect();
            if !readers.is_empty() {
                let message =
                    format!("cannot drop view `{}`: {} would break", name.as_str(), readers.join(", "));
                faults.push((message, span.clone(), "drop or replace these in the same plan"));
            }
        }
        if !view.held_by.is_empty() {
            let message = format!(
                "cannot replace or drop view `{}`, because of: {}",
                name.as_str(),
                view.held_by.join(", ")
            );
            faults.push((message, span.clone(), HELD));
        }
    }
    let first = draft.objects.iter().find_map(|object| match object {
        Object::View { span, .. } => span.clone(),
        _ => None,
    });
    let first = first.or_else(|| first_changed(draft));
    for view in carried.iter().filter(|view| !view.held_by.is_empty()) {
        let message = format!(
            "view `{}` stands on what this plan changes and cannot be made again, because of: {}",
            view.name.as_str(),
            view.held_by.join(", ")
        );
        faults.push((message, first.clone(), HELD));
    }
    for (message, span, help) in faults {
        draft.error_help("compile.dependents", message, &span, help);
    }
}

/// Where a column gets a new form under a view that the plan does not name.
fn first_changed(draft: &Draft<'_>) -> Option<Span> {
    let under = draft.tables.iter().filter(|table| table.under_view);
    under.flat_map(|table| &table.columns).filter(|c| c.is_replaced()).find_map(|column| column.span.clone())
}

const HELD: &str = "drop these before, with an `sql` plan, and make them again after";

struct Sql<'d, 'a> {
    draft: &'d Draft<'a>,
    carried: &'d [&'a View],
    version_schema: &'d Ident,
}

/// Where a definition is kept between being asked for and being used.
fn kept(number: usize) -> String {
    format!("segue.view_{number}")
}

fn path(schemas: &[&Ident]) -> String {
    match schemas {
        [] => "SET LOCAL search_path = ''".to_owned(),
        schemas => format!("SET LOCAL search_path = {}", list(schemas.iter().copied())),
    }
}

/// A view of the catalog as it is to be made in a place.
struct At<'n> {
    name: &'n QualifiedName,
    /// Whether the place is the version's schema.
    in_version: bool,
    /// Whether its columns may be others than those of old.
    is_new: bool,
}

impl Sql<'_, '_> {
    fn base(&self, name: &Ident) -> QualifiedName {
        QualifiedName::new(&self.draft.catalog.schema, name)
    }

    /// Keeps the text of each view that stands on one of the plan's, as the path has its names.
    fn keep(&self) -> Vec<String> {
        let keep = |(number, view): (usize, &&View)| {
            let (kept, name) = (literal(&kept(number)), literal(&self.base(&view.name).to_string()));
            format!(
                "SELECT pg_catalog.set_config({kept}, pg_catalog.pg_get_viewdef({name}::pg_catalog.regclass), true)"
            )
        };
        self.carried.iter().enumerate().map(keep).collect()
    }

    fn publish(&self) -> Vec<String> {
        let schema = &self.draft.catalog.schema;
        let mut sql = vec![path(&[schema])];
        sql.extend(self.keep());
        sql.push(path(&[self.version_schema, schema]));
        // They were checked before the start; here one may come before what it reads.
        sql.push("SET LOCAL check_function_bodies = off".to_owned());
        self.each(true, &mut sql);
        sql.push(path(&[schema]));
        sql
    }

    fn before(&self) -> Vec<String> {
        let gone = self.draft.replaced_views().chain(self.carried.iter().map(|view| &view.name));
        let gone: Vec<String> = gone.map(|name| self.base(name).to_string()).collect();
        if gone.is_empty() {
            return Vec::new();
        }
        let mut sql = vec![path(&[])];
        sql.extend(self.keep());
        sql.push(format!("DROP VIEW {}", gone.join(", ")));
        sql
    }

    fn after(&self) -> Vec<String> {
        let mut sql =
            vec![path(&[&self.draft.catalog.schema]), "SET LOCAL check_function_bodies = off".to_owned()];
        self.each(false, &mut sql);
        sql.push(path(&[]));
        sql
    }

    /// Every object in the plan's order, and each view that stands on them as soon as all that it reads is there.
    fn each(&self, in_version: bool, sql: &mut Vec<String>) {
        let schema = if in_version { self.version_schema } else { &self.draft.catalog.schema };
        let mut missing: BTreeSet<&Ident> = self.draft.replaced_views().collect();
        missing.extend(self.carried.iter().map(|view| &view.name));
        self.each_carried(in_version, &mut missing, sql);
        for object in &self.draft.objects {
            match object {
                Object::View { name, new, .. } => {
                    missing.remove(name);
                    let Some(new) = new else { continue };
                    let at = QualifiedName::new(schema, name);
                    let old = self.draft.catalog.views.get(name);
                    sql.push(self.create_new("VIEW", &at.to_string(), new, old));
                    if let Some(old) = old {
                        let comment = new.comment.as_ref().or(old.comment.as_ref());
                        self.attributes(old, comment, &At { name: &at, in_version, is_new: true }, sql);
                    } else if let Some(comment) = &new.comment {
                        sql.push(format!("COMMENT ON VIEW {at} IS {}", literal(comment)));
                    }
                }
                Object::Function { name, new, .. } => {
                    sql.push(self.create_function(&QualifiedName::new(schema, name), new));
                    if in_version {
                        sql.push(self.as_in_base(name));
                    }
                }
                Object::DroppedFunction { name, arguments, .. } if !in_version => {
                    sql.push(format!("DROP ROUTINE {}({arguments})", self.base(name)));
                }
                Object::DroppedFunction { .. } => {}
            }
            self.each_carried(in_version, &mut missing, sql);
        }
    }

    fn each_carried(&self, in_version: bool, missing: &mut BTreeSet<&Ident>, sql: &mut Vec<String>) {
        let schema = if in_version { self.version_schema } else { &self.draft.catalog.schema };
        for (number, view) in self.carried.iter().enumerate() {
            if missing.contains(&view.name) && !view.reads.iter().any(|read| missing.contains(read)) {
                missing.remove(&view.name);
                let at = QualifiedName::new(schema, &view.name);
                sql.push(self.create_again("VIEW", &at.to_string(), number, view));
                let comment = view.comment.as_ref();
                self.attributes(view, comment, &At { name: &at, in_version, is_new: false }, sql);
            }
        }
    }

    fn create_new(&self, kind: &str, at: &str, new: &NewView, old: Option<&View>) -> String {
        let columns =
            if new.columns.is_empty() { String::new() } else { format!(" ({})", list(&new.columns)) };
        let kept = old.map(|old| old.options.join(", ")).filter(|options| !options.is_empty());
        let options = new.options.clone().or(kept).filter(|_| kind == "VIEW");
        let options = options.map(|options| format!(" WITH ({options})")).unwrap_or_default();
        format!("CREATE {kind} {at}{columns}{options} AS {}", new.query)
    }

    fn create_again(&self, kind: &str, at: &str, number: usize, view: &View) -> String {
        let options = match view.options.is_empty() || kind != "VIEW" {
            true => String::new(),
            false => format!(" WITH ({})", view.options.join(", ")),
        };
        let columns = list(&view.columns);
        let start = literal(&format!("CREATE {kind} {at} ({columns}){options} AS "));
        let code =
            format!("BEGIN EXECUTE {start} || pg_catalog.current_setting({}); END", literal(&kept(number)));
        format!("DO {}", literal(&code))
    }

    /// Comment, defaults, grants and owner.
    fn attributes(&self, old: &View, comment: Option<&String>, at: &At<'_>, sql: &mut Vec<String>) {
        let name = at.name;
        if let Some(comment) = comment {
            sql.push(format!("COMMENT ON VIEW {name} IS {}", literal(comment)));
        }
        let mut of_column = |column: &Ident, statement: String| {
            sql.push(match at.is_new {
                // Whether the new query still has it is for the server to say.
                true => format!(
                    "DO {}",
                    literal(&format!(
                        "BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {}::pg_catalog.regclass AND attname = {} AND NOT attisdropped) THEN {statement}; END IF; END",
                        literal(&name.to_string()),
                        literal(column.as_str())
                    ))
                ),
                false => statement,
            });
        };
        for (column, default) in &old.column_defaults {
            of_column(column, format!("ALTER VIEW {name} ALTER COLUMN {column} SET DEFAULT {default}"));
        }
        for (column, comment) in &old.column_comments {
            of_column(column, format!("COMMENT ON COLUMN {name}.{column} IS {}", literal(comment)));
        }
        for (column, grant) in &old.column_grants {
            let what = format!("{} ({column})", grant.privilege);
            of_column(column, views::grant_statement(&what, &name.to_string(), grant));
        }
        for grant in &old.grants {
            sql.push(views::grant_statement(&grant.privilege, &name.to_string(), grant));
        }
        let change = format!("ALTER VIEW {name} OWNER TO {}", old.owner);
        sql.push(match at.in_version {
            true => views::own_in(self.draft.catalog, self.version_schema, &old.owner, &change),
            false => views::own_in_base(self.draft.catalog, &old.owner, &change),
        });
    }

    fn create_function(&self, at: &QualifiedName, new: &NewFunction) -> String {
        let kind = if new.procedure { "PROCEDURE" } else { "FUNCTION" };
        format!("CREATE OR REPLACE {kind} {at}{}", new.definition)
    }

    /// Who may call the version's function, and whose it is: as the base schema's with the same arguments has it.
    fn as_in_base(&self, name: &Ident) -> String {
        let (catalog, version) = (self.draft.catalog, self.version_schema);
        let privilege = if catalog.major() >= 16 { "SET" } else { "MEMBER" };
        let called = literal(name.as_str());
        let code = format!(
            "DECLARE f record; g record; BEGIN
  FOR f IN SELECT n.oid::pg_catalog.regprocedure AS here, o.oid, o.proowner, o.proacl
             FROM pg_catalog.pg_proc n JOIN pg_catalog.pg_proc o ON o.proname = n.proname AND o.proargtypes = n.proargtypes
            WHERE n.pronamespace = {here}::pg_catalog.regnamespace AND o.pronamespace = {base}::pg_catalog.regnamespace
              AND n.proname = {called} LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', f.here);
    FOR g IN SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END AS role,
                    x.is_grantable
               FROM pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner))) x
              WHERE x.grantee <> f.proowner LOOP
      EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %s%s', f.here, g.role,
                                CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    IF pg_catalog.pg_has_role(f.proowner, '{privilege}') THEN
      EXECUTE pg_catalog.format('GRANT CREATE ON SCHEMA %s TO %s', {quoted}, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(f.proowner)));
      EXECUTE pg_catalog.format('ALTER ROUTINE %s OWNER TO %s', f.here, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(f.proowner)));
      EXECUTE pg_catalog.format('REVOKE CREATE ON SCHEMA %s FROM %s', {quoted}, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(f.proowner)));
    END IF;
  END LOOP;
END",
            here = literal(&version.to_string()),
            base = literal(&catalog.schema.to_string()),
            quoted = literal(&version.to_string()),
        );
        format!("DO {}", literal(&code))
    }

    fn title(&self) -> String {
        let named = |object: &Object| match object {
            Object::View { name, new, .. } => {
                format!("{} view {}", if new.is_some() { "make" } else { "drop" }, name.as_str())
            }
            Object::Function { name, .. } => format!("make function {}", name.as_str()),
            Object::DroppedFunction { name, .. } => format!("drop function {}", name.as_str()),
        };
        let again = self.carried.iter().filter(|view| self.draft.read_views.contains(&view.name));
        let again = again.map(|view| format!("make view {} again", view.name.as_str()));
        self.draft.objects.iter().map(named).chain(again).collect::<Vec<_>>().join(", ")
    }

    /// The new version's tables as temporary views, then everything over them: the server says whether it fits.
    fn checks(&self, previous: Option<&Ident>) -> Vec<ExpressionCheck> {
        let mut checks: Vec<ExpressionCheck> = Vec::new();
        let bytes = |span: &Option<Span>| span.as_ref().map(|span| (span.bytes.start, span.bytes.end));
        let mut push = |what: String, name: &Ident, sql: String, span: &Option<Span>| {
            checks.push(ExpressionCheck {
                kind: CheckKind::Statement,
                what,
                table: self.base(name),
                expression: sql,
                assigned_to: String::new(),
                extra_columns: Vec::new(),
                position: bytes(span),
            });
        };
        let first = self.draft.objects.iter().find_map(|object| match object {
            Object::View { span, .. }
            | Object::Function { span, .. }
            | Object::DroppedFunction { span, .. } => span.clone(),
        });
        let first = first.or_else(|| first_changed(self.draft));
        let schema = &self.draft.catalog.schema;
        // From here on a type's name means the new version's, as it will.
        if !super::enums::in_version(self.draft).is_empty() {
            let sql = path(&[self.version_schema, schema]);
            push("path of the new version".to_owned(), schema, sql, &first);
        }
        for (sql, view) in self.keep().into_iter().zip(self.carried) {
            push(format!("view {}", view.name.as_str()), &view.name, sql, &first);
        }
        for (number, table) in
            self.draft.tables.iter().enumerate().filter(|(_, table)| self.is_mentioned(table))
        {
            let Some(shown) = &table.shown else { continue };
            push(
                format!("table {}", shown.as_str()),
                shown,
                stand_in(&self.draft.catalog.schema, number, table),
                &first,
            );
        }
        let mut missing: BTreeSet<&Ident> = self.draft.replaced_views().collect();
        missing.extend(self.carried.iter().map(|view| &view.name));
        self.check_carried(&mut missing, &mut |what, name, sql| push(what, name, sql, &first));
        for object in &self.draft.objects {
            match object {
                Object::View { name, new, span } => {
                    missing.remove(name);
                    let Some(new) = new else { continue };
                    let what = format!("view {}", name.as_str());
                    if let Some(options) = &new.options {
                        let sql = format!(
                            "DROP TABLE IF EXISTS pg_temp._segue_options CASCADE; CREATE TEMPORARY TABLE _segue_options (a integer); \
                             CREATE TEMPORARY VIEW _segue_optional WITH ({options}) AS SELECT a FROM pg_temp._segue_options"
                        );
                        push(format!("options of {what}"), name, sql, &new.options_span);
                    }
                    push(what, name, self.create_new("TEMPORARY VIEW", &name.to_string(), new, None), span);
                }
                Object::Function { name, new, span } => {
                    let sql = self.create_function(&self.base(name), new);
                    push(format!("function {}", name.as_str()), name, sql, span);
                }
                Object::DroppedFunction { name, arguments, span } => {
                    let sql = self.nothing_stands_on(name, arguments, previous);
                    push(format!("drop of function {}", name.as_str()), name, sql, span);
                }
            }
            self.check_carried(&mut missing, &mut |what, name, sql| push(what, name, sql, &first));
        }
        let gone = self.draft.replaced_views().chain(self.carried.iter().map(|view| &view.name));
        let gone: Vec<String> = gone.map(|name| literal(&self.base(name).to_string())).collect();
        if let Some(name) = self.draft.replaced_views().next() {
            checks.push(ExpressionCheck {
                kind: CheckKind::Statement,
                what: "order of the operations".to_owned(),
                table: self.base(name),
                expression: none_reads_old(&gone),
                assigned_to: String::new(),
                extra_columns: Vec::new(),
                position: bytes(&first),
            });
        }
        checks
    }

    fn check_carried(&self, missing: &mut BTreeSet<&Ident>, push: &mut dyn FnMut(String, &Ident, String)) {
        for (number, view) in self.carried.iter().enumerate() {
            if missing.contains(&view.name) && !view.reads.iter().any(|read| missing.contains(read)) {
                missing.remove(&view.name);
                let what = format!("view {}, which stands on what this plan changes", view.name.as_str());
                let sql = self.create_again("TEMPORARY VIEW", &view.name.to_string(), number, view);
                push(what, &view.name, sql);
            }
        }
    }

    /// Whether a table's name stands in any of the texts: where in doubt, yes.
    fn is_mentioned(&self, table: &DraftTable<'_>) -> bool {
        let Some(shown) = &table.shown else { return false };
        let name = shown.as_str();
        self.draft.objects.iter().any(|object| match object {
            Object::View { new: Some(new), .. } => new.query.contains(name),
            Object::Function { new, .. } => new.definition.contains(name),
            _ => false,
        }) || self.carried.iter().any(|view| view.definition.contains(name))
    }

    fn nothing_stands_on(&self, name: &Ident, arguments: &str, previous: Option<&Ident>) -> String {
        let schema = &self.draft.catalog.schema;
        let of_old = previous.map_or_else(|| "NULL".to_owned(), |previous| literal(previous.as_str()));
        let gone: Vec<String> = self.draft.replaced_views().map(|view| literal(view.as_str())).collect();
        let gone = if gone.is_empty() { "NULL".to_owned() } else { gone.join(", ") };
        let code = format!(
            "DECLARE found text; BEGIN
  SELECT pg_catalog.string_agg(DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), ', ') INTO found
    FROM pg_catalog.pg_depend d
    LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = d.objid
    LEFT JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid = {function}::pg_catalog.regprocedure
     AND d.deptype IN ('n', 'a') AND coalesce(n.nspname <> {of_old}, true)
     AND NOT (coalesce(n.nspname = {base}, false) AND coalesce(c.relname IN ({gone}), false));
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '2BP01', MESSAGE = 'it would break ' || found, HINT = 'drop or change these before';
  END IF;
END",
            function = literal(&format!("{}({arguments})", self.base(name))),
            base = literal(schema.as_str()),
        );
        format!("DO {}", literal(&code))
    }
}

/// A view that was written before one it reads would have got the old one, and keep it from going.
fn none_reads_old(gone: &[String]) -> String {
    let code = format!(
        "DECLARE found text; BEGIN
  SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('view %I reads %s', c.relname, o.oid::pg_catalog.regclass), ', ') INTO found
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
    JOIN pg_catalog.pg_class o ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.oid = d.refobjid
   WHERE c.relnamespace = pg_catalog.pg_my_temp_schema() AND o.oid IN ({});
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '2BP01', MESSAGE = found || ' as it was',
      HINT = 'put the operation on what is read before the one that reads it; nothing can read what is dropped';
  END IF;
END",
        gone.iter().map(|name| format!("{name}::pg_catalog.regclass")).collect::<Vec<_>>().join(", ")
    );
    format!("DO {}", literal(&code))
}

/// A table as the new version shows it: a view, through which functions may write. One that is as it was stands for itself.
fn stand_in(schema: &Ident, number: usize, table: &DraftTable<'_>) -> String {
    let shown = table.logical();
    let columns = || table.columns.iter().filter(|column| column.new.is_some());
    let names: Vec<&Ident> = columns().map(|column| &column.name).collect();
    let names = list(names);
    if table.source.is_some() && !table.has_changes() {
        let from = QualifiedName::new(schema, &table.physical);
        return format!("CREATE TEMPORARY VIEW {shown} AS SELECT {names} FROM {from}");
    }
    let below = Ident::new(format!("_segue_table_{number}"));
    let typed: Vec<String> =
        columns().map(|column| format!("{} {}", column.name, column.type_name)).collect();
    format!(
        "CREATE TEMPORARY TABLE {below} ({}); CREATE TEMPORARY VIEW {shown} AS SELECT {names} FROM pg_temp.{below}",
        typed.join(", ")
    )
}
