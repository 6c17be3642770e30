//! Random `alter_column`s: types, NOT NULL, defaults, comments, checks, keys. Must not run any.

use super::operations::{Case, merge, movable};
use super::table::{Kind, chance, q};
use super::types::{Class, Type, named};
use fastrand::Rng;
use serde_json::{Value, json};

pub fn alter_type(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let column = case
        .table
        .pick(rng, |c| !c.generated && (!c.pinned || c.followed) && !c.read_anew && !c.ty.to.is_empty())?;
    let around = case.table.around.clone().filter(|around| around.columns.contains(&column));
    let alike = around.as_ref().is_none_or(|around| case.table.names_of(&around.columns) == around.names);
    if !alike || case.table.columns[column].followed && around.is_none() {
        return None;
    }
    let found = case.table.columns[column].clone();
    let (to, up, down) = *rng.choice(found.ty.to)?;
    let target = named(to);
    let same = target.class == found.ty.class && target.class != Class::Other;
    let lossy = ["date", "integer"].contains(&to) && !same;
    if (found.bound || found.identity || found.serial) && !same
        || found.ordered && !target.has_btree()
        || found.unique && lossy
        || to == "text" && found.ty.name == "boolean" && found.unique
    {
        return None;
    }
    let mut op = json!({"table": case.table.name, "column": found.name, "type": to});
    if up != "@" || chance(rng, 90) {
        merge(&mut op, json!({"up": case.of(up, column), "down": case.of(down, column)}));
    }
    let drops = found.has_default && !found.serial && (!same || chance(rng, 30));
    if drops {
        case.alter(format!("ALTER {} DROP DEFAULT", case.table.column(column)));
    }
    let using = case.of(up, column);
    case.plain.extend(around.as_ref().map(|around| around.drop.clone()));
    case.alter(format!("ALTER {} TYPE {to} USING {using}", case.table.column(column)));
    let lost = case.table.lost.iter().filter(|(columns, _)| columns.contains(&column));
    let lost: Vec<String> = lost.map(|(_, sql)| sql.clone()).collect();
    case.plain.extend(lost);
    case.plain.extend(around.map(|around| around.make));
    if drops {
        let default = target.default;
        merge(&mut op, json!({"default": default}));
        case.alter(format!("ALTER {} SET DEFAULT {default}", case.table.column(column)));
    }
    if chance(rng, 15) {
        merge(&mut op, json!({"comment": "re'typed"}));
        comment(case, column, "'re''typed'");
    }
    case.push(json!({"alter_column": op}));
    let changed = &mut case.table.columns[column];
    changed.genuine &= same && !lossy;
    changed.ty = target;
    Some(())
}

pub fn comment(case: &mut Case, column: usize, text: &str) {
    let sql = format!("COMMENT ON COLUMN {}.{} IS {text}", q(&case.table.name), case.table.column(column));
    case.plain.push(sql);
}

pub fn alter_not_null(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let column = case.table.pick(rng, |c| {
        c.nullable && !c.generated && !c.unique && !c.foreign_of_several && (!c.foreign || c.genuine)
    })?;
    let up = case.filled(column);
    let mut op = json!({"table": case.table.name, "column": case.name(column), "nullable": false, "up": up});
    if chance(rng, 35) {
        merge(&mut op, json!({"in_place": true}));
        case.mends = true;
    } else if chance(rng, 50) {
        merge(&mut op, json!({"down": case.table.column(column)}));
    }
    let null = format!(" WHERE {} IS NULL", case.table.column(column));
    case.update(column, &up, &null);
    case.alter(format!("ALTER {} SET NOT NULL", case.table.column(column)));
    case.push(json!({"alter_column": op}));
    case.table.columns[column].nullable = false;
    case.table.columns[column].genuine = false;
    Some(())
}

pub fn alter_nullable(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let column =
        case.table.pick(rng, |c| !c.nullable && !c.key && !c.generated && !c.identity && !c.identifies)?;
    let mut op = json!({"table": case.table.name, "column": case.name(column), "nullable": true});
    if chance(rng, 50) {
        merge(&mut op, json!({"down": case.filled(column)}));
    }
    case.alter(format!("ALTER {} DROP NOT NULL", case.table.column(column)));
    case.push(json!({"alter_column": op}));
    case.table.columns[column].nullable = true;
    Some(())
}

pub fn alter_default(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let column = case.table.pick(rng, |c| !c.generated && !c.identity && !c.serial)?;
    let quoted = case.table.column(column);
    let found = &mut case.table.columns[column];
    let drops = found.has_default && chance(rng, 50);
    found.has_default = !drops;
    let default = found.ty.default;
    case.alter(match drops {
        true => format!("ALTER {quoted} DROP DEFAULT"),
        false => format!("ALTER {quoted} SET DEFAULT {default}"),
    });
    let default = if drops { Value::Null } else { json!(default) };
    case.push(
        json!({"alter_column": {"table": case.table.name, "column": case.name(column), "default": default}}),
    );
    Some(())
}

pub fn alter_comment(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let column = case.table.pick(rng, |_| true)?;
    let drops = chance(rng, 40);
    comment(case, column, if drops { "NULL" } else { "'a \"new\" one'" });
    let text = if drops { Value::Null } else { json!("a \"new\" one") };
    case.push(
        json!({"alter_column": {"table": case.table.name, "column": case.name(column), "comment": text}}),
    );
    Some(())
}

/// A condition that rows fulfil once `up` has mended them; and `up`.
pub fn mending(ty: &Type) -> (String, String) {
    match ty.class {
        Class::Int | Class::Number => ("@ >= 5".to_owned(), "greatest(@, 5)".to_owned()),
        Class::Text => ("@ <> 'v3'".to_owned(), "CASE @ WHEN 'v3' THEN 'none' ELSE @ END".to_owned()),
        _ => (ty.holds().to_owned(), "@".to_owned()),
    }
}

pub fn alter_check(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let movable = movable(rng);
    let column = case.table.pick(rng, |c| movable(c) && !c.unique && !c.foreign && !c.identity)?;
    let (holds, up) = mending(case.table.columns[column].ty);
    let (holds, up) = (case.of(&holds, column), case.of(&up, column));
    let name = case.table.fresh(rng, "ck");
    let inherit = !case.table.partitioned && chance(rng, 15);
    let mut op = json!({
        "table": case.table.name, "column": case.name(column), "up": up,
        "check": {"name": name, "constraint": holds, "no_inherit": inherit},
    });
    let in_place = chance(rng, 35);
    case.mends |= in_place;
    merge(
        &mut op,
        match in_place {
            true => json!({"in_place": true}),
            false => json!({"down": case.table.column(column)}),
        },
    );
    let violates = format!(" WHERE NOT ({holds})");
    case.update(column, &up, if in_place { &violates } else { "" });
    let words = if inherit { " NO INHERIT" } else { "" };
    case.alter(format!("ADD CONSTRAINT {} CHECK ({holds}){words}", q(&name)));
    case.push(json!({"alter_column": op}));
    case.table.note(name, Kind::Check, vec![column]);
    // Dropped again in the same plan, it mends nothing.
    case.table.constraints.last_mut().expect("just noted").needed = in_place;
    case.table.columns[column].genuine = false;
    Some(())
}

pub fn alter_unique(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let movable = movable(rng);
    let column = case.table.pick(rng, |c| movable(c) && c.genuine && c.ty.has_btree())?;
    if case.table.partitioned {
        return None;
    }
    let name = case.table.fresh(rng, "uq");
    let quoted = case.table.column(column);
    let mut op = json!({"table": case.table.name, "column": case.name(column), "unique": {"name": name}});
    merge(
        &mut op,
        match chance(rng, 40) {
            true => json!({"in_place": true}),
            false => json!({"up": quoted, "down": quoted}),
        },
    );
    case.alter(format!("ADD CONSTRAINT {} UNIQUE ({quoted})", q(&name)));
    case.push(json!({"alter_column": op}));
    case.table.note(name, Kind::Unique, vec![column]);
    Some(())
}

pub fn alter_references(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let movable = movable(rng);
    let fits = [Class::Int, Class::Text];
    let column = case.table.pick(rng, |c| movable(c) && c.genuine && fits.contains(&c.ty.class))?;
    let quoted = case.table.column(column);
    let (table, target) = match case.table.columns[column].ty.class {
        Class::Int if chance(rng, 50) => ("Odd Parent", "the Key"),
        Class::Int => ("parent", "number"),
        _ => ("parent", "code"),
    };
    let name = case.table.fresh(rng, "fk");
    let on_delete = rng.choice(["NO ACTION", "CASCADE", "RESTRICT", "SET NULL"])?;
    let deferrable = chance(rng, 25);
    let mut op = json!({
        "table": case.table.name, "column": case.name(column),
        "references": {"name": name, "table": table, "column": target, "on_delete": on_delete, "deferrable": deferrable},
    });
    merge(
        &mut op,
        match chance(rng, 40) {
            true => json!({"in_place": true}),
            false => json!({"up": quoted, "down": quoted}),
        },
    );
    let words = if deferrable { " DEFERRABLE" } else { "" };
    case.alter(format!(
        "ADD CONSTRAINT {} FOREIGN KEY ({quoted}) REFERENCES {} ({}) ON DELETE {on_delete}{words}",
        q(&name),
        q(table),
        q(target)
    ));
    case.push(json!({"alter_column": op}));
    case.table.note(name, Kind::Foreign, vec![column]);
    Some(())
}
