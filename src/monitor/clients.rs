//! Owns who was seen using which version schema. Must not decide who is in the way of a contract.
//!
//! A query through a view locks the view itself for its transaction, cached plans included; every role may
//! see `pg_locks`. A transaction shorter than the interval can slip through one look, not through many.

use crate::ident::Ident;
use crate::pg::{Error, Session};
use crate::store::{Client, ClientSeen};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// `$1`: version schemas; `$2`: the start of Segue's application names.
pub(super) const SQL: &str = "
SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object(
         'version_schema', n.nspname, 'application', a.application_name, 'role', coalesce(a.usename::text, ''),
         'address', host(a.client_addr))), '[]')
  FROM pg_locks l
  JOIN pg_class c ON c.oid = l.relation AND c.relkind = 'v'
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation'
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND a.pid <> pg_backend_pid() AND NOT starts_with(a.application_name, $2)";

/// Everybody using one of the version schemas at this moment, over the caller's session.
pub async fn now(session: &Session, version_schemas: &[Ident]) -> Result<Vec<Client>, Error> {
    session.json("looking who uses a version", SQL, &[&version_schemas.to_vec(), &"segue/"]).await
}

/// Everybody seen since the monitor began, so that a reader of the latest state misses nobody.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<Client, (Timestamp, Timestamp)>);

impl Seen {
    pub fn note(&mut self, clients: Vec<Client>, at: Timestamp) {
        for client in clients {
            self.0.entry(client).or_insert((at, at)).1 = at;
        }
    }

    pub fn all(&self) -> Vec<ClientSeen> {
        self.0
            .iter()
            .map(|(client, &(first_seen, last_seen))| ClientSeen {
                client: client.clone(),
                first_seen,
                last_seen,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_seen_once_stays_seen() {
        let shop = Client {
            version_schema: "public_v1".into(),
            application: "shop".into(),
            role: "app".into(),
            address: None,
        };
        let (first, second) = (Timestamp::from_second(1).unwrap(), Timestamp::from_second(2).unwrap());
        let mut seen = Seen::default();
        seen.note(vec![shop.clone()], first);
        seen.note(vec![], second);
        assert_eq!(seen.all(), [ClientSeen { client: shop.clone(), first_seen: first, last_seen: first }]);
        seen.note(vec![shop.clone()], second);
        assert_eq!(seen.all(), [ClientSeen { client: shop, first_seen: first, last_seen: second }]);
    }
}
