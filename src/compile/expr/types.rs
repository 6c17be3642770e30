//! Owns giving an expression that the server printed another enum: its type's name and its values, found by token. Must not
//! know what the expression is for.

use super::tree::{self, bytes};
use super::{ExpressionError, fault};
use crate::ident::literal;
use pg_query::protobuf::{ScanToken, Token};

/// One enum and what it becomes.
pub struct Retype<'r> {
    pub schema: &'r str,
    pub name: &'r str,
    /// As SQL.
    pub to: String,
    /// What a value becomes; `None`: nothing has its place.
    pub value: &'r dyn Fn(&str) -> Option<String>,
    /// Whether a value that is not written down is the same in both.
    pub keeps_values: bool,
}

impl Retype<'_> {
    /// The expression with each cast to the enum, or to an array of it, a cast to the other.
    pub fn apply(&self, text: &str) -> Result<String, ExpressionError> {
        let tokens = tree::tokens(text)?;
        let word = |at: usize| tokens.get(at).map(|token| unquoted(&text[bytes(token)]));
        let kind = |at: usize| tokens.get(at).map(ScanToken::token);
        let (mut sql, mut done) = (String::new(), 0);
        for (at, token) in tokens.iter().enumerate() {
            let is_it = token.token() == Token::Typecast
                && word(at + 1).as_deref() == Some(self.schema)
                && kind(at + 2) == Some(Token::Ascii46)
                && word(at + 3).as_deref() == Some(self.name);
            let Some(last) = tokens.get(at + 3).filter(|_| is_it) else { continue };
            let given = at.checked_sub(1).map(|before| &tokens[before]);
            match given.map(ScanToken::token) {
                Some(Token::Sconst) => {
                    let place = bytes(given.expect("just looked at"));
                    let value = string(&text[place.clone()]);
                    let array = kind(at + 4) == Some(Token::Ascii91);
                    let value = if array { self.array(&value) } else { self.one(&value) };
                    sql.push_str(&text[done..place.start]);
                    sql.push_str(&literal(&value?));
                    done = place.end;
                }
                Some(Token::NullP) => {}
                _ if self.keeps_values => {}
                _ => {
                    let message = format!("it makes a value of `{}` of what is no constant", self.name);
                    return Err(fault(&message, Some(bytes(token).start)));
                }
            }
            sql.push_str(&text[done..bytes(&tokens[at + 1]).start]);
            sql.push_str(&self.to);
            done = bytes(last).end;
        }
        sql.push_str(&text[done..]);
        Ok(sql)
    }

    fn one(&self, value: &str) -> Result<String, ExpressionError> {
        (self.value)(value).ok_or_else(|| fault(&format!("it names `{value}`, which is removed"), None))
    }

    /// Each value of an array as text, at whatever depth.
    fn array(&self, given: &str) -> Result<String, ExpressionError> {
        let mut out = String::new();
        let mut bare = String::new();
        let mut chars = given.chars();
        let quoted = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
        while let Some(char) = chars.next() {
            match char {
                '"' => {
                    let mut value = String::new();
                    while let Some(char) = chars.next().filter(|char| *char != '"') {
                        value.extend(if char == '\\' { chars.next() } else { Some(char) });
                    }
                    out.push_str(&quoted(&self.one(&value)?));
                }
                '{' | '}' | ',' => {
                    match std::mem::take(&mut bare).trim() {
                        "" => {}
                        null if null.eq_ignore_ascii_case("null") => out.push_str("NULL"),
                        value => out.push_str(&quoted(&self.one(value)?)),
                    }
                    out.push(char);
                }
                // Bounds, as in `[0:1]={a,b}`.
                '=' if out.is_empty() => {
                    out = format!("{}=", std::mem::take(&mut bare));
                }
                _ => bare.push(char),
            }
        }
        Ok(out)
    }
}

/// A name as it stands in SQL.
fn unquoted(word: &str) -> String {
    match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => word.to_owned(),
    }
}

/// A string constant as the server prints it.
fn string(token: &str) -> String {
    let (escaped, token) = match token.strip_prefix(['E', 'e']) {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let inner = token.strip_prefix('\'').and_then(|token| token.strip_suffix('\'')).unwrap_or(token);
    let inner = inner.replace("''", "'");
    if escaped { inner.replace("\\\\", "\\") } else { inner }
}

/// Whether a type's name, as the catalog or a plan has it, is that of `schema`'s type or of an array of it: with
/// whether it is an array.
pub fn names_type(type_name: &str, schema: &str, name: &str) -> Option<bool> {
    let tokens = tree::tokens(type_name).ok()?;
    let words: Vec<&str> = tokens.iter().map(|token| &type_name[bytes(token)]).collect();
    let is = |word: &str, wanted: &str| match word.starts_with('"') {
        true => unquoted(word) == wanted,
        false => word == wanted || word.to_lowercase() == wanted,
    };
    let rest = match words.as_slice() {
        [first, ".", second, rest @ ..] if is(first, schema) && is(second, name) => rest,
        [first, rest @ ..] if is(first, name) && rest.first() != Some(&".") => rest,
        _ => return None,
    };
    match rest.first().map(|word| word.to_lowercase()) {
        None => Some(false),
        Some(word) if word == "[" || word == "array" => Some(true),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(value: &str) -> Option<String> {
        match value {
            "ok" => Some("fine".to_owned()),
            "gone" => None,
            other => Some(other.to_owned()),
        }
    }

    fn retyped(text: &str) -> Result<String, String> {
        let to = "\"v\".\"Mood\"".to_owned();
        let retype = Retype { schema: "public", name: "Mood", to, value: &value, keeps_values: false };
        retype.apply(text).map_err(|error| error.message)
    }

    #[test]
    fn values_and_names_of_the_type_change_and_nothing_else() {
        for (given, expected) in [
            ("'ok'::public.\"Mood\"", "'fine'::\"v\".\"Mood\""),
            (
                "(m = 'ok'::public.\"Mood\") OR (t = 'ok'::text)",
                "(m = 'fine'::\"v\".\"Mood\") OR (t = 'ok'::text)",
            ),
            ("'ok'::other.\"Mood\"", "'ok'::other.\"Mood\""),
            ("NULL::public.\"Mood\"", "NULL::\"v\".\"Mood\""),
            ("m = ANY (ARRAY['it''s'::public.\"Mood\"])", "m = ANY (ARRAY['it''s'::\"v\".\"Mood\"])"),
            (
                "'[0:2]={ok,\"a \\\"b\",NULL}'::public.\"Mood\"[]",
                "E'[0:2]={\"fine\",\"a \\\\\"b\",NULL}'::\"v\".\"Mood\"[]",
            ),
            ("'{{ok},{sad}}'::public.\"Mood\"[]", "'{{\"fine\"},{\"sad\"}}'::\"v\".\"Mood\"[]"),
            ("'ok::public.\"Mood\"'::text", "'ok::public.\"Mood\"'::text"),
        ] {
            assert_eq!(retyped(given).as_deref(), Ok(expected), "{given}");
        }
        assert!(retyped("m <> 'gone'::public.\"Mood\"").is_err_and(|why| why.contains("`gone`")));
        assert!(retyped("lower(t)::public.\"Mood\"").is_err_and(|why| why.contains("no constant")));
    }

    #[test]
    fn a_type_is_known_however_it_is_written() {
        for (given, expected) in [
            ("public.mood", Some(false)),
            ("public.mood[]", Some(true)),
            ("mood", Some(false)),
            ("MOOD [3]", Some(true)),
            ("\"public\".\"mood\"", Some(false)),
            ("mood array", Some(true)),
            ("other.mood", None),
            ("mood.public", None),
            ("moody", None),
            ("\"Mood\"", None),
        ] {
            assert_eq!(names_type(given, "public", "mood"), expected, "{given}");
        }
    }
}
