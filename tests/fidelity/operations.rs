//! Random operations on a random table: each as a plan has it, and as plain DDL. Must not run either.

use super::table::{Kind, Table, chance, q};
use super::types::{self, Class, Type, named};
use fastrand::Rng;
use serde_json::{Value, json};

/// A table, what a plan does to it, and what an operator with a maintenance window would do instead.
#[derive(Debug)]
pub struct Case {
    pub number: usize,
    pub table: Table,
    pub operations: Vec<Value>,
    pub plain: Vec<String>,
    /// `table.column` whose values say only in which order rows were written.
    pub ignored: Vec<String>,
    /// Rows are mended in place, which a rollback does not take back.
    pub mends: bool,
    /// The table's name before.
    pub first_name: String,
}

type Make = fn(&mut Case, &mut Rng) -> Option<()>;

const KINDS: &[(u8, Make)] = &[
    (22, alter_type),
    (7, alter_not_null),
    (4, alter_nullable),
    (4, alter_default),
    (2, alter_comment),
    (6, alter_check),
    (4, alter_unique),
    (5, alter_references),
    (13, add_column),
    (6, drop_column),
    (5, rename_column),
    (2, rename_table),
    (7, create_index),
    (3, drop_index),
    (8, create_constraint),
    (6, drop_constraint),
    (3, rename_constraint),
    (2, set_replica_identity),
];

impl Case {
    pub fn random(seed: u64, number: usize, major: u32) -> Case {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number as u64);
        let table = Table::random(&mut rng, number, major);
        let (operations, plain, ignored) = (Vec::new(), Vec::new(), Vec::new());
        let first_name = table.name.clone();
        let mut case = Case { number, table, operations, plain, ignored, mends: false, first_name };
        let count = [1, 1, 1, 2, 2, 3][rng.usize(..6)];
        let total: u8 = KINDS.iter().map(|(weight, _)| weight).sum();
        while case.operations.len() < count {
            let mut at = rng.u8(..total);
            let make = KINDS.iter().find(|(weight, _)| match at.checked_sub(*weight) {
                Some(rest) => {
                    at = rest;
                    false
                }
                None => true,
            });
            make.and_then(|(_, make)| make(&mut case, &mut rng));
        }
        case
    }

    fn push(&mut self, operation: Value) {
        self.operations.push(operation);
    }

    fn alter(&mut self, sql: String) {
        self.plain.push(format!("ALTER TABLE {} {sql}", q(&self.table.name)));
    }

    fn update(&mut self, column: usize, value: &str, condition: &str) {
        let (on, column) = (q(&self.table.name), self.table.column(column));
        self.plain.push(format!("UPDATE {on} SET {column} = {value}{condition}"));
    }

    fn name(&self, column: usize) -> String {
        self.table.columns[column].name.clone()
    }

    fn of(&self, expression: &str, column: usize) -> String {
        expression.replace('@', &self.table.column(column))
    }

    /// The column with its type's own default for NULL.
    fn filled(&self, column: usize) -> String {
        let ty = self.table.columns[column].ty;
        self.of(&format!("coalesce(@, {}::{})", ty.default, ty.name), column)
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

/// Mostly what plain DDL can do without hands on what depends on the column.
fn movable(rng: &mut Rng) -> impl Fn(&super::table::Column) -> bool + use<> {
    let pinned_too = chance(rng, 10);
    move |c| !c.generated && (!c.pinned || c.secured || pinned_too)
}

fn alter_type(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let column =
        case.table.pick(rng, |c| !c.generated && !c.pinned && !c.read_anew && !c.ty.to.is_empty())?;
    let found = case.table.columns[column].clone();
    let (to, up, down) = *rng.choice(found.ty.to)?;
    let target = named(to);
    let same = target.class == found.ty.class && target.class != Class::Other;
    let lossy = ["date", "integer"].contains(&to) && !same;
    if (found.bound || found.identity || found.serial) && !same
        || found.ordered && !target.has_btree()
        || found.unique && lossy
        || case.table.partitioned && found.ordered
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
    case.alter(format!("ALTER {} TYPE {to} USING {using}", case.table.column(column)));
    let lost = case.table.lost.iter().filter(|(columns, _)| columns.contains(&column));
    let lost: Vec<String> = lost.map(|(_, sql)| sql.clone()).collect();
    case.plain.extend(lost);
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

fn comment(case: &mut Case, column: usize, text: &str) {
    let sql = format!("COMMENT ON COLUMN {}.{} IS {text}", q(&case.table.name), case.table.column(column));
    case.plain.push(sql);
}

fn alter_not_null(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn alter_nullable(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn alter_default(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn alter_comment(case: &mut Case, rng: &mut Rng) -> Option<()> {
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
fn mending(ty: &Type) -> (String, String) {
    match ty.class {
        Class::Int | Class::Number => ("@ >= 5".to_owned(), "greatest(@, 5)".to_owned()),
        Class::Text => ("@ <> 'v3'".to_owned(), "CASE @ WHEN 'v3' THEN 'none' ELSE @ END".to_owned()),
        _ => (ty.holds().to_owned(), "@".to_owned()),
    }
}

fn alter_check(case: &mut Case, rng: &mut Rng) -> Option<()> {
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
    case.table.columns[column].genuine = false;
    Some(())
}

fn alter_unique(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn alter_references(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn add_column(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn drop_column(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let pinned_too = chance(rng, 4);
    let column = case.table.pick(rng, |c| !c.pinned || (pinned_too && !c.generated))?;
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

fn rename_column(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn rename_table(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let to = case.table.fresh(rng, "renamed");
    case.alter(format!("RENAME TO {}", q(&to)));
    case.push(json!({"rename_table": {"from": case.table.name, "to": to}}));
    for ignored in &mut case.ignored {
        *ignored = ignored.replacen(&case.table.name, &to, 1);
    }
    case.table.name = to;
    Some(())
}

fn create_index(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn drop_index(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn create_constraint(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let movable = movable(rng);
    let name = case.table.fresh(rng, "cn");
    let fits = |c: &super::table::Column| movable(c) && c.genuine && c.ty.has_btree();
    let first = case.table.pick(rng, &fits)?;
    let second = case.table.pick(rng, |c| fits(c) && c.name != case.table.columns[first].name);
    let mut op = json!({"table": case.table.name, "name": name});
    let single = case.table.partitioned || chance(rng, 40);
    let kind = rng.u8(..4);
    let (columns, sql) = match kind {
        0 if !case.table.partitioned => {
            let columns: Vec<usize> =
                [Some(first), second.filter(|_| !single)].into_iter().flatten().collect();
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
        1 if !case.table.partitioned && !case.table.has_primary() => {
            let ready = !case.table.columns[first].nullable;
            let columns = ready.then(|| vec![first])?;
            merge(&mut op, json!({"type": "primary_key"}));
            case.table.note(name.clone(), Kind::Primary, columns.clone());
            (columns, format!("PRIMARY KEY ({})", case.table.column(first)))
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
    if chance(rng, 40) {
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

fn drop_constraint(case: &mut Case, rng: &mut Rng) -> Option<()> {
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

fn rename_constraint(case: &mut Case, rng: &mut Rng) -> Option<()> {
    let at = rng.choice(0..case.table.constraints.len())?;
    let to = case.table.fresh(rng, "rn");
    let from = std::mem::replace(&mut case.table.constraints[at].name, to.clone());
    case.alter(format!("RENAME CONSTRAINT {} TO {}", q(&from), q(&to)));
    case.push(json!({"rename_constraint": {"table": case.table.name, "from": from, "to": to}}));
    Some(())
}

fn set_replica_identity(case: &mut Case, rng: &mut Rng) -> Option<()> {
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
