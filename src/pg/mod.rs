//! Owns everything that speaks to PostgreSQL over a connection: where the server is, how the
//! session is secured and set up, what its errors mean. The only importer of `tokio_postgres`,
//! `deadpool_postgres` and `rustls`. Must not know what Segue asks the server, or why.

mod config;
mod conninfo;
mod dial;
mod driver;
mod error;
pub mod introspect;
mod limits;
mod passfile;
mod pool;
mod session;
pub mod sqlstate;
mod target;
mod tls;
mod transaction;
mod value;
pub mod web;

pub use config::{Config, ConfigError, Host, Place};
pub use driver::Notice;
pub use error::{Attempt, Error, ErrorKind, Obstacle, ServerError};
pub use limits::{IDLE_IN_TRANSACTION, Limits, Setup};
pub use pool::{Pool, PoolStatus};
pub use session::{Canceller, Session};
pub use sqlstate::{Class, class};
pub use target::Target;
pub use tls::SslMode;
pub use tokio_postgres::{
    Row,
    types::{FromSql, Json, ToSql, Type},
};
pub use transaction::{Committed, Tx};
pub use value::{Param, RowExt};
