//! Owns PostgreSQL identifiers as a type and the one place where names and literals are quoted.
//! Must not know what an identifier names, and must not touch a server.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest identifier PostgreSQL keeps, in bytes (`NAMEDATALEN - 1`).
pub const MAX_BYTES: usize = 63;

/// An SQL identifier as the catalog stores it: unquoted, case kept.
///
/// `Display` writes it quoted, so that a name can only reach SQL in its safe form;
/// [`Ident::as_str`] gives the bare text for messages, JSON and bind parameters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ident(String);

impl Ident {
    pub fn new(name: impl Into<String>) -> Ident {
        Ident(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether PostgreSQL would keep this name whole: not empty, no NUL, at most 63 bytes.
    pub fn is_storable(&self) -> bool {
        !self.0.is_empty() && self.0.len() <= MAX_BYTES && !self.0.contains('\0')
    }

    /// `prefix` + this name, or, where that is over 63 bytes, a shortened name made unique by a
    /// hash of the whole. Deterministic, so that a resumed rollout finds what it made.
    pub fn hidden(&self, prefix: &str) -> Ident {
        use sha2::{Digest, Sha256};
        let whole = format!("{prefix}{}", self.0);
        if whole.len() <= MAX_BYTES {
            return Ident(whole);
        }
        let digest = Sha256::digest(whole.as_bytes());
        let tag: String = digest[..5].iter().map(|b| format!("{b:02x}")).collect();
        let mut cut = MAX_BYTES - tag.len() - 1;
        while !whole.is_char_boundary(cut) {
            cut -= 1;
        }
        Ident(format!("{}_{tag}", &whole[..cut]))
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl From<&str> for Ident {
    fn from(name: &str) -> Ident {
        Ident::new(name)
    }
}

/// A schema-qualified name. `Display` writes it quoted: `"public"."users"`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    pub schema: Ident,
    pub name: Ident,
}

impl QualifiedName {
    pub fn new(schema: &Ident, name: &Ident) -> QualifiedName {
        QualifiedName { schema: schema.clone(), name: name.clone() }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl fmt::Debug for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}.{:?}", self.schema, self.name)
    }
}

/// A string literal safe under either setting of `standard_conforming_strings`.
pub fn literal(text: &str) -> String {
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Identifiers quoted and joined by commas.
pub fn list<'a>(names: impl IntoIterator<Item = &'a Ident>) -> String {
    names.into_iter().map(Ident::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_every_name() {
        assert_eq!(Ident::new("a\"b C").to_string(), "\"a\"\"b C\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn hidden_names_fit_and_stay_distinct() {
        let long_a = Ident::new(format!("{}a", "é".repeat(31)));
        let long_b = Ident::new(format!("{}b", "é".repeat(31)));
        let (a, b) = (long_a.hidden("_segue_new_"), long_b.hidden("_segue_new_"));
        assert!(a.is_storable() && b.is_storable());
        assert_ne!(a, b);
        assert_eq!(a, long_a.hidden("_segue_new_"));
    }
}
