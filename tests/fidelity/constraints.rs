//! Random constraints that are made, dropped and renamed. Must not run anything.

use super::operations::{Case, merge, movable};
use super::table::{Kind, chance, q};
use super::types::Class;
use fastrand::Rng;
use serde_json::{Value, json};

pub fn create_constraint(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let movable = movable(rng);
    let name = case.table.fresh(rng, "cn");
    let fits = |c: &super::table::Column| movable(c) && c.genuine && c.ty.has_btree();
    let first = case.table.pick(rng, fits)?;
    let second = case.table.pick(rng, |c| fits(c) && c.name != case.table.columns[first].name);
    let mut op = json!({"table": case.table.name, "name": name});
    let single = case.table.partitioned || chance(rng, 40);
    let kind = rng.u8(..4);
    let (columns, sql) = match kind {
        0 => {
            let second = second.filter(|_| !single);
            let columns: Vec<usize> = match case.table.partitioned {
                true if first == 0 => vec![0],
                true => vec![0, first],
                false => [Some(first), second].into_iter().flatten().collect(),
            };
            let deferrable = chance(rng, 25);
            merge(&mut op, json!({"type": "unique", "deferrable": deferrable}));
            let words = if deferrable { " DEFERRABLE" } else { "" };
            let with = match chance(rng, 25) {
                true => {
                    merge(&mut op, json!({"index_parameters": {"storage_parameters": "fillfactor = 90"}}));
                    " WITH (fillfactor = 90)"
                }
                false => "",
            };
            let sql = format!("UNIQUE ({}){with}{words}", case.table.list(&columns));
            case.table.note(name.clone(), Kind::Unique, columns.clone());
            (columns, sql)
        }
        1 if !case.table.has_primary() => {
            let ready = !case.table.columns[first].nullable;
            let columns = match case.table.partitioned && first != 0 {
                true => ready.then(|| vec![first, 0])?,
                false => ready.then(|| vec![first])?,
            };
            merge(&mut op, json!({"type": "primary_key"}));
            case.table.note(name.clone(), Kind::Primary, columns.clone());
            let list = case.table.list(&columns);
            (columns, format!("PRIMARY KEY ({list})"))
        }
        2 => {
            let column = case.table.pick(rng, |c| movable(c) && c.genuine && c.ty.class == Class::Int)?;
            let code = case.table.pick(rng, |c| movable(c) && c.genuine && c.ty.class == Class::Text);
            let (columns, to) = match code.filter(|_| !single) {
                Some(code) => (vec![column, code], json!(["number", "code"])),
                None => (vec![column], json!(["number"])),
            };
            merge(
                &mut op,
                json!({
                    "type": "foreign_key",
                    "references": {"table": "parent", "columns": to, "on_delete": "CASCADE", "on_update": "CASCADE"},
                }),
            );
            let to = if columns.len() > 1 { "number, code" } else { "number" };
            let list = case.table.list(&columns);
            case.table.note(name.clone(), Kind::Foreign, columns.clone());
            (
                columns,
                format!("FOREIGN KEY ({list}) REFERENCES parent ({to}) ON DELETE CASCADE ON UPDATE CASCADE"),
            )
        }
        _ => {
            let columns: Vec<usize> =
                [Some(first), second.filter(|_| !single)].into_iter().flatten().collect();
            let holds: Vec<String> = columns
                .iter()
                .map(|column| format!("({})", case.of(case.table.columns[*column].ty.holds(), *column)))
                .collect();
            let holds = holds.join(" AND ");
            merge(&mut op, json!({"type": "check", "check": holds}));
            case.table.note(name.clone(), Kind::Check, columns.clone());
            (columns, format!("CHECK ({holds})"))
        }
    };
    let names: Vec<String> = columns.iter().map(|column| case.name(*column)).collect();
    merge(&mut op, json!({"columns": names}));
    // What parts a table's rows gets no second form.
    if chance(rng, 40) || case.table.partitioned && columns.contains(&0) {
        merge(&mut op, json!({"in_place": true}));
    } else {
        let same: serde_json::Map<String, Value> =
            columns.iter().map(|column| (case.name(*column), json!(case.table.column(*column)))).collect();
        merge(&mut op, json!({"up": same, "down": same}));
    }
    case.alter(format!("ADD CONSTRAINT {} {sql}", q(&name)));
    case.push(json!({"create_constraint": op}));
    Some(())
}

pub fn drop_constraint(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let droppable = [Kind::Check, Kind::Unique, Kind::Foreign];
    let fitting: Vec<usize> = (0..case.table.constraints.len())
        .filter(|at| {
            let constraint = &case.table.constraints[*at];
            let loose = constraint.columns.iter().all(|c| {
                let column = &case.table.columns[*c];
                !column.generated && !column.pinned
            });
            droppable.contains(&constraint.kind) && !constraint.needed && loose
        })
        .collect();
    let at = rng.choice(fitting)?;
    let constraint = case.table.constraints.remove(at);
    case.alter(format!("DROP CONSTRAINT {}", q(&constraint.name)));
    if let [column] = constraint.columns[..] {
        let down = case.table.column(column);
        case.push(
            json!({"drop_constraint": {"table": case.table.name, "name": constraint.name, "down": down}}),
        );
    } else {
        let down: serde_json::Map<String, Value> = constraint
            .columns
            .iter()
            .map(|column| (case.name(*column), json!(case.table.column(*column))))
            .collect();
        let op = json!({"table": case.table.name, "name": constraint.name, "down": down});
        case.push(json!({"drop_multicolumn_constraint": op}));
    }
    Some(())
}

pub fn rename_constraint(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let at = rng.choice(0..case.table.constraints.len())?;
    let to = case.table.fresh(rng, "rn");
    let from = std::mem::replace(&mut case.table.constraints[at].name, to.clone());
    case.alter(format!("RENAME CONSTRAINT {} TO {}", q(&from), q(&to)));
    case.push(json!({"rename_constraint": {"table": case.table.name, "from": from, "to": to}}));
    Some(())
}
