//! Random indexes that are made and dropped, and replica identities. Must not run anything.

use super::operations::{Case, merge};
use super::table::q;
use super::types::Class;
use fastrand::Rng;
use serde_json::json;

pub fn create_index(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let column = case.table.pick(rng, |c| c.ty.has_btree())?;
    let found = case.table.columns[column].clone();
    let quoted = case.table.column(column);
    let name = case.table.fresh(rng, "ix");
    let mut op = json!({"table": case.table.name, "name": name});
    let (mut columns, mut bound, mut unique) = (vec![column], false, false);
    let tail = match rng.u8(..8) {
        0 => {
            merge(&mut op, json!({"columns": [{"column": found.name, "sort": "DESC", "nulls": "LAST"}]}));
            format!("({quoted} DESC NULLS LAST)")
        }
        1 if found.ty.class == Class::Text => {
            bound = true;
            merge(
                &mut op,
                json!({"columns": [{"expression": format!("lower({quoted})")}, {"column": found.name, "opclass": {"name": "text_pattern_ops"}}]}),
            );
            format!("(lower({quoted}), {quoted} text_pattern_ops)")
        }
        2 => {
            let other = case.table.pick(rng, |c| !c.generated && c.name != found.name)?;
            columns.push(other);
            merge(&mut op, json!({"columns": [found.name], "include": [case.name(other)]}));
            format!("({quoted}) INCLUDE ({})", case.table.column(other))
        }
        3 => {
            bound = true;
            let holds = case.of(found.ty.holds(), column);
            merge(
                &mut op,
                json!({"columns": [found.name], "predicate": holds, "storage_parameters": "fillfactor = 60"}),
            );
            format!("({quoted}) WITH (fillfactor = 60) WHERE {holds}")
        }
        4 if [Class::Int, Class::Text].contains(&found.ty.class) => {
            merge(&mut op, json!({"columns": [found.name], "method": "hash"}));
            format!("USING hash ({quoted})")
        }
        5 if [Class::Array, Class::Json].contains(&found.ty.class) => {
            bound = true;
            merge(&mut op, json!({"columns": [found.name], "method": "gin"}));
            format!("USING gin ({quoted})")
        }
        6 if found.genuine && !case.table.partitioned => {
            unique = true;
            merge(&mut op, json!({"columns": [found.name], "unique": true}));
            format!("({quoted})")
        }
        _ => {
            merge(&mut op, json!({"columns": [found.name]}));
            format!("({quoted})")
        }
    };
    let words = if unique { "UNIQUE " } else { "" };
    case.plain.push(format!("CREATE {words}INDEX {} ON {} {tail}", q(&name), q(&case.table.name)));
    case.push(json!({"create_index": op}));
    case.table.note_index(name, columns, bound, unique);
    Some(())
}

pub fn drop_index(case: &mut Case, rng: &mut Rng) -> Option<()> {
    if case.table.partitioned || case.table.indexes.is_empty() {
        return None;
    }
    let at = rng.usize(..case.table.indexes.len());
    let index = case.table.indexes.remove(at);
    case.table.lost.retain(|(_, sql)| !sql.contains(&q(&index.name)));
    case.plain.push(format!("DROP INDEX {}", q(&index.name)));
    case.push(json!({"drop_index": {"name": index.name}}));
    Some(())
}

pub fn set_replica_identity(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let indexes: Vec<&super::table::Index> = case
        .table
        .indexes
        .iter()
        .filter(|index| index.identifying && index.columns.iter().all(|c| !case.table.columns[*c].nullable))
        .collect();
    let index = rng.choice(indexes).map(|index| (index.name.clone(), index.columns.clone()));
    let (identity, sql) = match (rng.u8(..4), index) {
        (0, _) => (json!({"type": "full"}), "FULL".to_owned()),
        (1, _) => (json!({"type": "nothing"}), "NOTHING".to_owned()),
        (2, _) => (json!({"type": "default"}), "DEFAULT".to_owned()),
        (_, Some((name, columns))) => {
            columns.iter().for_each(|column| case.table.columns[*column].identifies = true);
            (json!({"type": "index", "index": name}), format!("USING INDEX {}", q(&name)))
        }
        _ => return None,
    };
    case.alter(format!("REPLICA IDENTITY {sql}"));
    case.push(json!({"set_replica_identity": {"table": case.table.name, "identity": identity}}));
    Some(())
}
