//! Owns which changes of type leave what is stored as it is, so that PostgreSQL makes them in its catalog alone.
//! Must not know a table: whether something on it stands against that is `op::alter_column`'s to ask.

/// A type's name and its modifiers, as far as they are understood.
struct Type {
    name: &'static str,
    /// `varchar(20)`: `[20]`; `numeric(10,2)`: `[10, 2]`; empty where it has none.
    modifiers: Vec<i64>,
}

/// Every spelling of the types that can be widened.
const NAMES: [(&str, &str); 9] = [
    ("varchar", "varchar"),
    ("character varying", "varchar"),
    ("text", "text"),
    ("numeric", "numeric"),
    ("decimal", "numeric"),
    ("varbit", "varbit"),
    ("bit varying", "varbit"),
    ("cidr", "cidr"),
    ("inet", "inet"),
];

fn read(type_name: &str) -> Option<Type> {
    let lower = type_name.trim().to_ascii_lowercase();
    let lower = lower.strip_prefix("pg_catalog.").unwrap_or(&lower);
    let (name, rest) = match lower.strip_suffix(')').and_then(|lower| lower.split_once('(')) {
        Some((name, rest)) => (name, Some(rest)),
        None => (lower, None),
    };
    let words = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let modifiers = match rest {
        Some(list) => list.split(',').map(|part| part.trim().parse().ok()).collect::<Option<Vec<i64>>>()?,
        None => Vec::new(),
    };
    if let Some((_, name)) = NAMES.iter().find(|(spelled, _)| *spelled == words) {
        return Some(Type { name, modifiers });
    }
    // Those whose precision stands within the name: `timestamp(3) with time zone`.
    TIMES.iter().find_map(|(spelled, name)| {
        let (before, after) = spelled.split_once('|')?;
        let rest = lower.strip_prefix(before)?.trim_start();
        let (modifiers, rest) = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((precision, rest)) => (vec![precision.trim().parse().ok()?], rest),
            None => (Vec::new(), rest),
        };
        let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        (rest == after).then_some(Type { name, modifiers })
    })
}

/// What stands before the precision and what after.
const TIMES: [(&str, &str); 10] = [
    ("timestamptz|", "timestamptz"),
    ("timestamp|with time zone", "timestamptz"),
    ("timestamp|without time zone", "timestamp"),
    ("timestamp|", "timestamp"),
    ("timetz|", "timetz"),
    ("time|with time zone", "timetz"),
    ("time|without time zone", "time"),
    ("time|", "time"),
    ("interval|", "interval"),
    // Fields (`interval day`) are not understood.
    ("interval second|", "interval second"),
];

/// Whether every value of `from` is one of `to`, stored in the same way.
pub fn keeps_stored(from: &str, to: &str) -> bool {
    let (Some(from), Some(to)) = (read(from), read(to)) else { return false };
    let wider = |most: i64| {
        let (before, after) = (from.modifiers.first(), to.modifiers.first());
        after.copied().unwrap_or(most) >= before.copied().unwrap_or(most)
    };
    match (from.name, to.name) {
        ("varchar", "varchar") | ("varbit", "varbit") => wider(i64::MAX),
        ("varchar" | "text", "text") => true,
        ("text", "varchar") => to.modifiers.is_empty(),
        ("numeric", "numeric") => match (from.modifiers.as_slice(), to.modifiers.as_slice()) {
            (_, []) => true,
            ([], _) => false,
            (from, to) => {
                let scale = |modifiers: &[i64]| modifiers.get(1).copied().unwrap_or(0);
                // Another scale is other digits.
                scale(from) == scale(to) && to[0] >= from[0]
            }
        },
        // Six digits is what there is.
        ("timestamp", "timestamp")
        | ("timestamptz", "timestamptz")
        | ("time", "time")
        | ("timetz", "timetz") => wider(6),
        ("interval", "interval") => wider(6),
        ("cidr", "inet") => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_is_stored_alike_and_narrower_is_not() {
        for (from, to) in [
            ("character varying(20)", "varchar(60)"),
            ("character varying(20)", "VARCHAR"),
            ("character varying(20)", "text"),
            ("text", "character varying"),
            ("numeric(10,2)", "decimal(12, 2)"),
            ("numeric(10)", "numeric(12,0)"),
            ("numeric(10,2)", "numeric"),
            ("bit varying(3)", "varbit(5)"),
            ("timestamp(3) without time zone", "timestamp"),
            ("timestamp(0) with time zone", "timestamptz(3)"),
            ("time(2) without time zone", "time (6)"),
            ("interval(0)", "interval"),
            ("cidr", "inet"),
        ] {
            assert!(keeps_stored(from, to), "{from} to {to}");
        }
        for (from, to) in [
            ("character varying(20)", "varchar(19)"),
            ("character varying", "varchar(60)"),
            ("text", "varchar(60)"),
            ("character(5)", "character(9)"),
            ("numeric(10,2)", "numeric(12,3)"),
            ("numeric", "numeric(12,3)"),
            ("integer", "bigint"),
            ("timestamp(3) without time zone", "timestamp(2)"),
            ("timestamp without time zone", "timestamptz"),
            ("timestamp without time zone", "timestamp(5)"),
            ("inet", "cidr"),
            ("public.mood", "text"),
            ("text", "text[]"),
            ("interval day", "interval"),
        ] {
            assert!(!keeps_stored(from, to), "{from} to {to}");
        }
    }
}
