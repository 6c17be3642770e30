//! Two versions of a table kept in step by the real trigger function on a real server.

mod cluster;
mod shapes;
mod views;
mod writers;

use cluster::Cluster;
use segue::catalog::{Catalog, Column, Table};
use segue::compile::program::*;
use segue::compile::sync::{self, Direction, QualifiedPair};
use segue::ident::{Ident, QualifiedName};

fn ident(name: &str) -> Ident {
    Ident::new(name)
}

fn idents(names: &str) -> Vec<Ident> {
    names.split_whitespace().map(Ident::new).collect()
}

fn expression(sql: &str, own: &str, shared: &str) -> Option<PairExpression> {
    Some(PairExpression { sql: sql.into(), reads_own: idents(own), reads_shared: idents(shared), only: None })
}

fn side(column: &str, type_name: &str) -> Option<PairSide> {
    Some(PairSide { column: ident(column), type_name: type_name.into(), not_null: false })
}

fn spec(table: &str, marker: bool, pairs: Vec<Pair>) -> SyncSpec {
    let hidden = pairs.iter().filter_map(|pair| pair.new.as_ref());
    SyncSpec {
        table: QualifiedName::new(&ident("public"), &ident(table)),
        function: QualifiedName::new(&ident("segue"), &ident(&format!("sync_{table}"))),
        trigger_insert: ident("zz_segue_insert"),
        trigger_update: ident("zz_segue_update"),
        version_schema: ident("v2"),
        published_with: None,
        previous_version_schema: Some(ident("v1")),
        marker: marker.then(|| ident("_segue_pending")),
        hidden_columns: hidden.map(|new| (new.column.clone(), new.type_name.clone())).collect(),
        plain: Vec::new(),
        mending: None,
        pairs,
    }
}

/// What the server has, as far as views and the sync function need it.
fn catalog(cluster: &Cluster) -> Catalog {
    let mut catalog = Catalog { schema: ident("public"), server_version: 150_000, ..Catalog::default() };
    catalog.schema_owner = ident("postgres");
    let columns = cluster.run(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped \
         ORDER BY 1, a.attnum",
    );
    for line in columns.lines() {
        let [table, column, type_name] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let entry = catalog.tables.entry(ident(table)).or_insert_with(|| Table {
            name: ident(table),
            owner: ident("postgres"),
            ..Table::default()
        });
        entry.columns.push(Column { name: ident(column), type_name: type_name.into(), ..Column::default() });
    }
    catalog
}

/// Has the server qualify the expressions and installs function and triggers, as expand does.
fn install(cluster: &Cluster, spec: &SyncSpec) {
    let catalog = catalog(cluster);
    let columns = sync::row_columns(&catalog.tables[&spec.table.name], spec);
    let mut pairs = vec![QualifiedPair::default(); sync::slots(spec)];
    for asked in sync::qualifications(spec, &columns) {
        let mut script = asked.statements.clone();
        script.push(asked.query.clone());
        script.extend(asked.cleanup.clone());
        let definition = cluster.run(&script.join(";\n"));
        let text =
            sync::qualified(&definition, &spec.table.name, asked.direction).expect("what the server printed");
        match asked.direction {
            Direction::Up => pairs[asked.pair].up = Some(text),
            Direction::Down => pairs[asked.pair].down = Some(text),
            Direction::Only => pairs[asked.pair].only = Some(text),
        }
    }
    cluster.all(&sync::statements(spec, &pairs));
}
