//! Owns what `partition_table` compiles to: a partitioned copy beside the table, which triggers keep in step and a backfill
//! fills, and the moment at which it takes the table's place. Must not decide what may be partitioned.

use super::assemble::{locks, role, step};
use super::carry::BuiltIndex;
use super::draft::Draft;
use super::mirror::{self, Mirror};
use super::names;
use super::objects;
use super::op::comment_sql;
use super::program::{
    Action, BackfillSpec, CheckKind, CopySpec, Cost, ExpressionCheck, Lock, LockMode, Phase, Step, TableView,
    Undo,
};
use super::views::grant_statement;
use crate::catalog::{Column, Constraint, ConstraintKind, Identity, Sequence, Table, View};
use crate::diagnostic::Span;
use crate::ident::{Ident, QualifiedName, list, literal};
use std::collections::BTreeSet;

/// A table on its way to being partitioned.
pub struct Partitioning<'a> {
    pub table: usize,
    pub source: &'a Table,
    /// The partitioned table's name until the contract.
    pub parent: QualifiedName,
    /// What follows PARTITION BY.
    pub by: String,
    /// The table's own primary key.
    pub own_key: Vec<Ident>,
    /// That of the partitioned table.
    pub key: Vec<Ident>,
    /// An index on the table by the longer key: the new version's ON CONFLICT wants it before the contract.
    pub early_key: Option<Ident>,
    /// The primary key and unique constraints.
    pub keys: Vec<RenamedKey>,
    pub indexes: Vec<BuiltIndex>,
    pub partitions: Vec<Partition>,
    /// Views of the schema that stand on it, each after what it reads.
    pub views: Vec<&'a View>,
    pub span: Option<Span>,
}

/// A constraint with an index, whose name is the table's until the contract.
pub struct RenamedKey {
    pub now: Ident,
    pub last: Ident,
    pub definition: String,
    pub comment: Option<String>,
}

pub struct Partition {
    pub name: QualifiedName,
    /// From FOR VALUES or DEFAULT on.
    pub bound: String,
    pub span: Option<Span>,
}

impl Partitioning<'_> {
    fn name(&self) -> QualifiedName {
        QualifiedName::new(&self.parent.schema, &self.source.name)
    }

    fn shown(&self) -> &str {
        self.source.name.as_str()
    }

    /// What rows are copied by.
    fn copy(&self) -> CopySpec {
        let columns = self.source.columns.iter().filter(|column| column.generated.is_none());
        CopySpec {
            into: self.parent.clone(),
            columns: columns.map(|column| column.name.clone()).collect(),
            key: self.key.clone(),
            triggers: mirror::triggers(),
        }
    }

    fn of_kind(&self, kind: ConstraintKind) -> impl Iterator<Item = &Constraint> {
        self.source.constraints.iter().filter(move |constraint| constraint.kind == kind)
    }

    /// Tables that its foreign keys point at.
    fn referenced(&self) -> BTreeSet<QualifiedName> {
        let foreign = self.of_kind(ConstraintKind::ForeignKey).filter_map(|key| key.foreign.as_ref());
        foreign.map(|foreign| QualifiedName::new(&foreign.schema, &foreign.table)).collect()
    }

    fn with_referenced(&self, own: LockMode, referenced: LockMode) -> Vec<Lock> {
        let all = self.referenced().into_iter().map(|name| (name, referenced));
        locks(all.chain([(self.name(), own)]))
    }

    /// The partitioned table, its keys, indexes and partitions, each with its place in the plan. Nothing of it locks more
    /// than the new table, so it can be tried before anything starts.
    fn made(&self) -> Vec<(String, &Option<Span>)> {
        let (parent, source) = (&self.parent, self.source);
        let tablespace =
            source.tablespace.as_ref().map(|name| format!(" TABLESPACE {name}")).unwrap_or_default();
        let including: String =
            ["DEFAULTS", "GENERATED", "CONSTRAINTS", "STORAGE", "COMPRESSION", "COMMENTS"]
                .map(|what| format!(" INCLUDING {what}"))
                .concat();
        let mut sql = vec![(
            format!(
                "CREATE TABLE {parent} (LIKE {}{including}) PARTITION BY {}{tablespace}",
                self.name(),
                self.by
            ),
            &self.span,
        )];
        for key in &self.keys {
            sql.push((
                format!("ALTER TABLE {parent} ADD CONSTRAINT {} {}", key.now, key.definition),
                &self.span,
            ));
        }
        for index in &self.indexes {
            let unique = if index.unique { "UNIQUE " } else { "" };
            sql.push((format!("CREATE {unique}INDEX {} ON {parent}{}", index.name, index.tail), &self.span));
            let name = QualifiedName::new(&parent.schema, &index.name);
            // Before there are partitions: theirs take it over.
            for (key, target) in &index.statistics_targets {
                sql.push((
                    format!("ALTER INDEX {name} ALTER COLUMN {key} SET STATISTICS {target}"),
                    &self.span,
                ));
            }
            if let Some(comment) = &index.comment {
                sql.push((comment_sql(&format!("INDEX {name}"), Some(comment)), &self.span));
            }
        }
        let options = match source.options.is_empty() {
            true => String::new(),
            false => format!(" WITH ({})", source.options.join(", ")),
        };
        for Partition { name, bound, span } in &self.partitions {
            sql.push((
                format!("CREATE TABLE {name} PARTITION OF {parent} {bound}{options}{tablespace}"),
                span,
            ));
        }
        sql
    }

    /// Settings that LIKE does not copy, the comment, rights, the owner.
    fn settings(&self) -> Vec<String> {
        let (parent, source) = (&self.parent, self.source);
        let all = || std::iter::once(parent).chain(self.partitions.iter().map(|partition| &partition.name));
        let mut sql = Vec::new();
        for Column { name, statistics_target, options, grants, .. } in &source.columns {
            if let Some(target) = statistics_target {
                sql.push(format!("ALTER TABLE {parent} ALTER COLUMN {name} SET STATISTICS {target}"));
            }
            if !options.is_empty() {
                let options = options.join(", ");
                sql.push(format!("ALTER TABLE ONLY {parent} ALTER COLUMN {name} SET ({options})"));
            }
            for grant in grants {
                let privilege = format!("{} ({name})", grant.privilege);
                sql.push(grant_statement(&privilege, &parent.to_string(), grant));
            }
        }
        if let Some(comment) = &source.comment {
            sql.push(comment_sql(&format!("TABLE {parent}"), Some(comment)));
        }
        if source.grants.iter().any(|grant| grant.grantee == source.owner) {
            sql.push(format!("REVOKE ALL ON {parent} FROM {}", source.owner));
        }
        sql.extend(source.grants.iter().map(|g| grant_statement(&g.privilege, &parent.to_string(), g)));
        let identity = match source.replica_identity {
            'f' => Some("FULL"),
            'n' => Some("NOTHING"),
            _ => None,
        };
        if let Some(identity) = identity {
            sql.extend(all().map(|name| format!("ALTER TABLE ONLY {name} REPLICA IDENTITY {identity}")));
        }
        if !source.owner.as_str().is_empty() {
            sql.extend(all().map(|name| format!("ALTER TABLE {name} OWNER TO {}", source.owner)));
        }
        sql
    }

    fn foreign_keys(&self) -> Vec<String> {
        let mut sql = Vec::new();
        for Constraint { name, definition, comment, .. } in self.of_kind(ConstraintKind::ForeignKey) {
            let parent = &self.parent;
            sql.push(format!("ALTER TABLE {parent} ADD CONSTRAINT {name} {definition}"));
            if let Some(comment) = comment {
                sql.push(comment_sql(&format!("CONSTRAINT {name} ON {parent}"), Some(comment)));
            }
        }
        sql
    }

    /// What would stop the table from going, and does not depend on a column, so that the catalog does not tell.
    fn nothing_stands_on(&self, previous: Option<&Ident>) -> String {
        // A carried view is dropped and made again.
        let carried =
            self.views.iter().map(|view| literal(view.name.as_str())).collect::<Vec<_>>().join(", ");
        let carried = if carried.is_empty() { "''".to_owned() } else { carried };
        let of_old = previous.map_or_else(|| "''".to_owned(), |previous| literal(previous.as_str()));
        let code = format!(
            "DECLARE found text; BEGIN
  SELECT pg_catalog.string_agg(DISTINCT CASE WHEN v.oid IS NULL THEN pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
           ELSE pg_catalog.format('%s %s', CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, v.oid::pg_catalog.regclass) END, ', ')
    INTO found
    FROM pg_catalog.pg_class t JOIN pg_catalog.pg_type r ON r.oid = t.reltype
    JOIN pg_catalog.pg_depend d ON d.deptype = 'n' AND (d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid
                                OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (r.oid, r.typarray))
    LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = d.objid
    LEFT JOIN pg_catalog.pg_class v ON v.oid = w.ev_class AND v.oid <> t.oid
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
   WHERE t.oid = {table}::pg_catalog.regclass AND coalesce(n.nspname <> {of_old}, true)
     AND NOT coalesce(n.nspname = {schema} AND v.relname IN ({carried}), false)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = d.objid AND p.polrelid = t.oid)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND g.oid = d.objid AND g.tgrelid = t.oid)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND c.oid = d.objid AND c.conrelid = t.oid AND c.confrelid <> t.oid)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s WHERE d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND s.oid = d.objid AND s.stxrelid = t.oid)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_attrdef a WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid AND a.adrelid = t.oid);
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '2BP01', MESSAGE = 'these stand on the table that is replaced: ' || found,
      HINT = 'drop these before, and make them again once the plan is completed';
  END IF;
  SELECT pg_catalog.pg_get_userbyid(relowner) INTO found FROM pg_catalog.pg_class
   WHERE oid = {table}::pg_catalog.regclass AND NOT pg_catalog.has_schema_privilege(relowner, {schema}, 'CREATE');
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = pg_catalog.format('%I owns the table and may not make another in its schema', found),
      HINT = pg_catalog.format('GRANT CREATE ON SCHEMA %I TO %I, at least until the plan is completed', {schema}, found);
  END IF;
END",
            table = literal(&self.name().to_string()),
            schema = literal(self.parent.schema.as_str()),
        );
        format!("DO {}", literal(&code))
    }

    pub fn checks(&self, previous: Option<&Ident>) -> Vec<ExpressionCheck> {
        let what = || format!("partitioned copy of {}", self.shown());
        let made = self.made().into_iter();
        let settings = self.settings().into_iter().map(|sql| (sql, &self.span));
        let all = std::iter::once((self.nothing_stands_on(previous), &self.span)).chain(made).chain(settings);
        all.map(|(expression, span)| ExpressionCheck {
            kind: CheckKind::Statement,
            what: what(),
            table: self.name(),
            expression,
            assigned_to: String::new(),
            extra_columns: Vec::new(),
            position: span.as_ref().map(|span| (span.bytes.start, span.bytes.end)),
        })
        .collect()
    }

    /// Neither is the new version's before the contract.
    pub fn views(&self) -> Vec<TableView> {
        let hidden =
            std::iter::once(&self.parent).chain(self.partitions.iter().map(|partition| &partition.name));
        hidden.map(|name| TableView { table: name.name.clone(), view: None, columns: Vec::new() }).collect()
    }

    /// One transaction: the copy, empty, and from here on every write reaches it.
    pub fn expand(&self) -> Step {
        let copy = self.copy();
        let mirror = Mirror { source: self.source, table: self.name(), copy: &copy };
        let mut statements: Vec<String> = self.made().into_iter().map(|(sql, _)| sql).collect();
        statements.extend(self.foreign_keys());
        statements.extend(self.settings());
        statements.extend(mirror.statements());
        let mut undo = mirror.drop_statements();
        undo.push(format!("DROP TABLE IF EXISTS {}", self.parent));
        step(
            format!("make a partitioned copy of {}", self.shown()),
            Phase::Expand,
            Action::Ddl { statements },
            self.with_referenced(LockMode::ShareRowExclusive, LockMode::ShareRowExclusive),
            Cost::Catalog,
            Undo::Ddl {
                statements: undo,
                locks: self.with_referenced(LockMode::AccessExclusive, LockMode::AccessExclusive),
            },
        )
    }

    pub fn backfill(&self) -> Vec<Step> {
        let spec = BackfillSpec {
            table: self.name(),
            marker: None,
            only: None,
            set: Vec::new(),
            shown: self.source.columns.iter().map(|column| column.name.clone()).collect(),
            key: self.own_key.clone(),
            partitioned: false,
            copy: Some(self.copy()),
        };
        let (shown, held) = (self.shown(), |name, mode| locks([(name, mode)]));
        let mut steps = vec![
            step(
                format!("copy {shown} into its partitions"),
                Phase::Backfill,
                Action::Backfill(spec),
                held(self.name(), LockMode::RowShare),
                Cost::Fill,
                Undo::Nothing,
            ),
            // The planner is to know it before anybody asks.
            step(
                format!("analyze the partitions of {shown}"),
                Phase::Backfill,
                Action::Analyze { table: self.parent.clone() },
                Vec::new(),
                Cost::Scan,
                Undo::Nothing,
            ),
        ];
        if let Some(index) = &self.early_key {
            let (table, key) = (self.name(), list(&self.key));
            steps.push(step(
                format!("build an index on {shown} by the key that it gets"),
                Phase::Backfill,
                Action::BuildIndex {
                    sql: format!("CREATE UNIQUE INDEX CONCURRENTLY {index} ON {table} ({key})"),
                    table: table.clone(),
                    index: index.clone(),
                },
                held(table.clone(), LockMode::ShareUpdateExclusive),
                Cost::Scan,
                Undo::DropIndex { index: QualifiedName::new(&table.schema, index) },
            ));
        }
        steps
    }

    /// The copy takes the table's place: views that stand on it are made again in the same transaction.
    pub fn swap(&self, draft: &Draft<'_>) -> Step {
        let (source, parent, name) = (self.source, &self.parent, self.name());
        let copy = self.copy();
        let held = self.with_referenced(LockMode::AccessExclusive, LockMode::AccessExclusive);
        let names: Vec<String> = held.iter().map(|lock| lock.relation.to_string()).collect();
        let (mut sql, views_come) = match self.views.is_empty() {
            true => (Vec::new(), Vec::new()),
            false => objects::around(draft, &draft.version_schema, &self.views),
        };
        // Applications lock a view before its table, and so must we.
        sql.push(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", ")));
        let mirror = Mirror { source, table: name.clone(), copy: &copy };
        sql.push(mirror.stands());
        sql.extend(mirror.drop_statements());
        let mut late = Vec::new();
        for column in &source.columns {
            let Some(sequence) = &column.owned_sequence else { continue };
            let here = QualifiedName::new(&parent.schema, sequence);
            match (&column.identity, draft.catalog.sequences.get(sequence)) {
                (Some(identity), Some(old)) => {
                    self.identity(draft, column, (*identity, old), &mut sql, &mut late);
                }
                _ => sql.push(format!("ALTER SEQUENCE {here} OWNED BY {parent}.{}", column.name)),
            }
        }
        sql.push(format!("DROP TABLE {name}"));
        sql.push(format!("ALTER TABLE {parent} RENAME TO {}", source.name));
        for RenamedKey { now, last, comment, .. } in &self.keys {
            sql.push(format!("ALTER TABLE {name} RENAME CONSTRAINT {now} TO {last}"));
            if let Some(comment) = comment {
                sql.push(comment_sql(&format!("CONSTRAINT {last} ON {name}"), Some(comment)));
            }
        }
        for index in &self.indexes {
            let now = QualifiedName::new(&parent.schema, &index.name);
            sql.push(format!("ALTER INDEX {now} RENAME TO {}", index.last_name));
        }
        // The index of a key, too, may have a comment.
        for index in source.indexes.iter().filter(|index| index.constraint.is_some()) {
            if let Some(comment) = &index.comment {
                let index = QualifiedName::new(&parent.schema, &index.name);
                sql.push(comment_sql(&format!("INDEX {index}"), Some(comment)));
            }
        }
        sql.extend(late);
        sql.extend(self.beside(draft));
        sql.extend(views_come);
        step(
            format!("put the partitioned {} into its place", self.shown()),
            Phase::Contract,
            Action::Reshape { statements: sql },
            held,
            Cost::Catalog,
            Undo::Nothing,
        )
    }

    /// Identity, with a sequence that goes on where the old one stands. `late`: once that is gone.
    fn identity(
        &self,
        draft: &Draft<'_>,
        column: &Column,
        (identity, old): (Identity, &Sequence),
        sql: &mut Vec<String>,
        late: &mut Vec<String>,
    ) {
        let schema = &self.parent.schema;
        let kind = match identity {
            Identity::Always => "ALWAYS",
            Identity::ByDefault => "BY DEFAULT",
        };
        let hidden = names::hidden(&old.name, "_segue_new_", |name| draft.names.is_taken(name));
        let (next, now) = (QualifiedName::new(schema, &hidden), QualifiedName::new(schema, &old.name));
        let cycle = if old.cycle { "CYCLE" } else { "NO CYCLE" };
        sql.push(format!(
            "ALTER TABLE {} ALTER COLUMN {} ADD GENERATED {kind} AS IDENTITY (SEQUENCE NAME {next} START WITH {} \
             INCREMENT BY {} MINVALUE {} MAXVALUE {} CACHE {} {cycle})",
            self.parent, column.name, old.start, old.increment, old.minimum, old.maximum, old.cache
        ));
        sql.push(format!(
            "SELECT pg_catalog.setval({}::pg_catalog.regclass, last_value, is_called) FROM {now}",
            literal(&next.to_string())
        ));
        for grant in &old.grants {
            let with = if grant.grantable { " WITH GRANT OPTION" } else { "" };
            sql.push(format!(
                "GRANT {} ON SEQUENCE {next} TO {}{with}",
                grant.privilege,
                role(&grant.grantee)
            ));
        }
        late.push(format!("ALTER SEQUENCE {next} RENAME TO {}", old.name));
        if let Some(comment) = &old.comment {
            late.push(comment_sql(&format!("SEQUENCE {now}"), Some(comment)));
        }
    }

    /// What names the table in its definition: triggers, policies, statistics.
    fn beside(&self, draft: &Draft<'_>) -> Vec<String> {
        let (source, name) = (self.source, self.name());
        let mut sql = Vec::new();
        for trigger in source.triggers.iter().filter(|trigger| !trigger.inherited) {
            sql.push(trigger.definition.clone());
            let how = match trigger.enabled {
                'D' => Some("DISABLE"),
                'R' => Some("ENABLE REPLICA"),
                'A' => Some("ENABLE ALWAYS"),
                _ => None,
            };
            sql.extend(how.map(|how| format!("ALTER TABLE {name} {how} TRIGGER {}", trigger.name)));
            if let Some(comment) = &trigger.comment {
                sql.push(comment_sql(&format!("TRIGGER {} ON {name}", trigger.name), Some(comment)));
            }
        }
        for policy in &source.policies {
            sql.push(format!("CREATE POLICY {} ON {name} {}", policy.name, policy.definition));
            if let Some(comment) = &policy.comment {
                sql.push(comment_sql(&format!("POLICY {} ON {name}", policy.name), Some(comment)));
            }
        }
        if source.row_security {
            sql.push(format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"));
        }
        sql.extend(super::beside::of_table(draft, source));
        sql
    }

    /// Of the new statistics objects, and of the whole as it is by then.
    pub fn analyze(&self) -> Step {
        let held = locks([(self.name(), LockMode::ShareUpdateExclusive)]);
        let action = Action::Analyze { table: self.name() };
        step(format!("analyze {}", self.shown()), Phase::Contract, action, held, Cost::Scan, Undo::Nothing)
    }
}
