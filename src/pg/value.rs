//! Owns how Rust's values become the server's and back. Must not send anything.

use super::error::{Error, chain};
use crate::{ident::Ident, lsn::Lsn};
use bytes::BytesMut;
use std::fmt;
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, Json, PgLsn, ToSql, Type, to_sql_checked},
};

/// A value that knows its type on the server, so that statements need not be prepared under a
/// name first, which poolers break. `&[&id, &name]`; in SQL, cast from it: `$1::regclass`.
pub trait Param: Sync {
    fn sql_type(&self) -> Type;
    fn value(&self) -> &(dyn ToSql + Sync);
}

macro_rules! param {
    ($($rust:ty => $sql:ident / $array:ident),+ $(,)?) => { $(
        impl Param for $rust {
            fn sql_type(&self) -> Type { Type::$sql }
            fn value(&self) -> &(dyn ToSql + Sync) { self }
        }
        impl Param for Option<$rust> {
            fn sql_type(&self) -> Type { Type::$sql }
            fn value(&self) -> &(dyn ToSql + Sync) { self }
        }
        impl Param for Vec<$rust> {
            fn sql_type(&self) -> Type { Type::$array }
            fn value(&self) -> &(dyn ToSql + Sync) { self }
        }
    )+ };
}

param! {
    bool => BOOL / BOOL_ARRAY,
    i16 => INT2 / INT2_ARRAY,
    i32 => INT4 / INT4_ARRAY,
    i64 => INT8 / INT8_ARRAY,
    u32 => OID / OID_ARRAY,
    f64 => FLOAT8 / FLOAT8_ARRAY,
    String => TEXT / TEXT_ARRAY,
    &str => TEXT / TEXT_ARRAY,
    jiff::Timestamp => TIMESTAMPTZ / TIMESTAMPTZ_ARRAY,
    serde_json::Value => JSONB / JSONB_ARRAY,
    Lsn => PG_LSN / PG_LSN_ARRAY,
    Ident => TEXT / TEXT_ARRAY,
}

impl<T: serde::Serialize + fmt::Debug + Sync> Param for Json<T> {
    fn sql_type(&self) -> Type {
        Type::JSONB
    }

    fn value(&self) -> &(dyn ToSql + Sync) {
        self
    }
}

impl ToSql for Lsn {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        PgLsn::from(self.0).to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::PG_LSN
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Lsn {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Lsn, Box<dyn std::error::Error + Sync + Send>> {
        match *ty {
            Type::PG_LSN => Ok(Lsn(PgLsn::from_sql(ty, raw)?.into())),
            _ => Ok(std::str::from_utf8(raw)?.parse()?),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::PG_LSN | Type::TEXT)
    }
}

/// A name as the catalog stores it: bare, not quoted.
impl ToSql for Ident {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.as_str().to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <&str as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Ident {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Ident, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Ident::new(<&str>::from_sql(ty, raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// Reading columns with an error instead of tokio-postgres' panic.
pub trait RowExt {
    /// The column of this name; NULL only into an `Option`.
    fn read<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, Error>;
    /// The column at this place, from 0.
    fn cell<'a, T: FromSql<'a>>(&'a self, at: usize) -> Result<T, Error>;
}

impl RowExt for Row {
    fn read<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, Error> {
        self.try_get(column).map_err(|e| Error::protocol(format!("reading column {column}"), chain(&e)))
    }

    fn cell<'a, T: FromSql<'a>>(&'a self, at: usize) -> Result<T, Error> {
        self.try_get(at).map_err(|e| Error::protocol(format!("reading column {}", at + 1), chain(&e)))
    }
}
