//! Random columns that are added, dropped and renamed, and tables that are. Must not run anything.

use super::alter::comment;
use super::operations::{Case, merge};
use super::table::{Kind, chance, q};
use super::types::{self, Class};
use fastrand::Rng;
use serde_json::json;

/// Whoever writes the table takes numbers, of which plain DDL says nothing.
pub fn grant_numbers(case: &mut Case, column: &str) {
    let sequence = format!(
        "pg_get_serial_sequence({}, {})",
        segue::ident::literal(&q(&case.table.name)),
        segue::ident::literal(column)
    );
    for writer in &case.table.writers {
        let grant = format!("format('GRANT USAGE ON SEQUENCE %s TO {writer}', {sequence})");
        case.plain.push(format!("DO $do$ BEGIN EXECUTE {grant}; END $do$"));
    }
}

pub fn add_column(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let ty = types::any(rng, |ty| !ty.is_constrained());
    let name = case.table.fresh_column(rng);
    let integer = ["smallint", "integer", "bigint"].contains(&ty.name);
    let mut column = json!({"name": name, "type": ty.name, "nullable": true});
    let mut words = String::new();
    let mut after = Vec::new();
    let number = case.table.new_column(name.clone(), ty);
    let quoted = q(&name);
    case.table.columns[number].genuine = false;
    let kind = rng.u8(..10);
    let mut up = None;
    if integer && !case.table.partitioned && kind < 3 {
        case.ignored.push(format!("{}.{name}", case.table.name));
        case.table.columns[number].nullable = false;
        if kind == 0 {
            let serial = [("smallint", "smallserial"), ("integer", "serial"), ("bigint", "bigserial")];
            let serial = serial.iter().find(|(integer, _)| *integer == ty.name)?.1;
            merge(&mut column, json!({"type": serial, "nullable": false}));
            case.alter(format!("ADD {quoted} {serial}"));
            grant_numbers(case, &name);
            (case.table.columns[number].serial, case.table.columns[number].has_default) = (true, true);
        } else {
            let always = if kind == 1 { "ALWAYS" } else { "BY DEFAULT" };
            let identity =
                json!({"user_specified_values": always, "sequence_options": "START WITH 7 INCREMENT BY 2"});
            merge(&mut column, json!({"nullable": false, "generated": {"identity": identity}}));
            case.alter(format!(
                "ADD {quoted} {} GENERATED {always} AS IDENTITY (START WITH 7 INCREMENT BY 2)",
                ty.name
            ));
            case.table.columns[number].identity = true;
        }
    } else {
        if chance(rng, 40) {
            merge(&mut column, json!({"default": ty.default}));
            words.push_str(&format!(" DEFAULT {}", ty.default));
            case.table.columns[number].has_default = true;
        }
        let has_default = case.table.columns[number].has_default;
        let source = case.table.pick(rng, |c| c.name != name && c.ty.name == ty.name);
        if let Some(source) = source.filter(|_| chance(rng, 50)) {
            up = Some(case.filled(source));
            let qualified = |column: usize| format!("{}.{}", case.table.name, case.name(column));
            if case.ignored.contains(&qualified(source)) {
                case.ignored.push(qualified(number));
            }
        } else if chance(rng, 35) {
            up = Some(format!("{}::{}", ty.default, ty.name));
        }
        if (up.is_some() || has_default) && chance(rng, 40) {
            merge(&mut column, json!({"nullable": false}));
            after.push(format!("ALTER {quoted} SET NOT NULL"));
            case.table.columns[number].nullable = false;
        }
        if chance(rng, 25) && ty.class != Class::Other {
            let holds = case.of(ty.holds(), number);
            let check = case.table.fresh(rng, "ck");
            merge(&mut column, json!({"check": {"name": check, "constraint": holds}}));
            after.push(format!("ADD CONSTRAINT {} CHECK ({holds})", q(&check)));
            case.table.note(check, Kind::Check, vec![number]);
        }
        if up.is_none() && !has_default && ty.has_btree() && !case.table.partitioned && chance(rng, 15) {
            merge(&mut column, json!({"unique": true}));
            after.push(format!("ADD UNIQUE ({quoted})"));
            (case.table.columns[number].unique, case.table.columns[number].ordered) = (true, true);
        }
        case.alter(format!("ADD {quoted} {}{words}", ty.name));
    }
    if chance(rng, 25) {
        merge(&mut column, json!({"comment": "a new 'one'"}));
        comment(case, number, "'a new ''one'''");
    }
    let mut op = json!({"table": case.table.name, "column": column});
    if let Some(up) = up {
        merge(&mut op, json!({"up": up}));
        case.update(number, &up, "");
    }
    after.into_iter().for_each(|sql| case.alter(sql));
    case.push(json!({"add_column": op}));
    Some(())
}

pub fn drop_column(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let pinned_too = chance(rng, 4);
    let column = case.table.pick(rng, |c| !(c.pinned || c.undroppable) || (pinned_too && !c.generated))?;
    let left = case.table.columns.iter().filter(|c| !c.dropped).count();
    if left < 2 {
        return None;
    }
    let found = &case.table.columns[column];
    let mut op = json!({"table": case.table.name, "column": found.name});
    let given = found.has_default || found.identity || found.generated;
    if !found.generated && (!found.nullable && !given || chance(rng, 30)) {
        merge(&mut op, json!({"down": format!("{}::{}", found.ty.default, found.ty.name)}));
    }
    case.alter(format!("DROP COLUMN {}", case.table.column(column)));
    case.push(json!({"drop_column": op}));
    case.table.columns[column].dropped = true;
    case.table.constraints.retain(|constraint| !constraint.columns.contains(&column));
    case.table.indexes.retain(|index| !index.columns.contains(&column));
    case.table.lost.retain(|(columns, _)| !columns.contains(&column));
    Some(())
}

pub fn rename_column(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let column = case.table.pick(rng, |_| true)?;
    let to = case.table.fresh_column(rng);
    case.alter(format!("RENAME COLUMN {} TO {}", case.table.column(column), q(&to)));
    case.push(json!({"rename_column": {"table": case.table.name, "from": case.name(column), "to": to}}));
    let before = format!("{}.{}", case.table.name, case.name(column));
    let after = format!("{}.{to}", case.table.name);
    case.ignored
        .iter_mut()
        .filter(|ignored| **ignored == before)
        .for_each(|ignored| *ignored = after.clone());
    case.table.columns[column].name = to;
    Some(())
}

pub fn rename_table(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let to = case.table.fresh(rng, "renamed");
    case.alter(format!("RENAME TO {}", q(&to)));
    case.push(json!({"rename_table": {"from": case.table.name, "to": to}}));
    for ignored in &mut case.ignored {
        *ignored = ignored.replacen(&case.table.name, &to, 1);
    }
    case.table.name = to;
    Some(())
}
