//! Owns the fields of `set_replica_identity`. Must not know a catalog.

use super::Text;
use super::decode::Fields;

#[derive(Clone, Debug, PartialEq)]
pub struct SetReplicaIdentity {
    pub table: Text,
    pub identity: ReplicaIdentity,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ReplicaIdentity {
    Nothing,
    Default,
    Full,
    Index(Text),
}

impl SetReplicaIdentity {
    pub(crate) fn decode(mut f: Fields<'_>) -> Option<SetReplicaIdentity> {
        let table = f.required_name("table");
        let identity = match f.keyed("identity") {
            Some((at, node)) if !node.is_null() => {
                Fields::of(f.cx, node, "`identity`", Some(at)).and_then(ReplicaIdentity::decode)
            }
            _ => {
                f.missing("identity");
                None
            }
        };
        f.finish();
        Some(SetReplicaIdentity { table: table?, identity: identity? })
    }
}

impl ReplicaIdentity {
    fn decode(mut f: Fields<'_>) -> Option<ReplicaIdentity> {
        let kind =
            f.require("type").then(|| f.one_of("type", &["nothing", "default", "full", "index"])).flatten();
        let identity = match kind.map(|kind| kind.value) {
            Some("index") => f.required_name("index").map(ReplicaIdentity::Index),
            // pgroll's schema wants an `index` for every type, and its code reads none here.
            other => {
                f.optional("index");
                match other {
                    Some("nothing") => Some(ReplicaIdentity::Nothing),
                    Some("default") => Some(ReplicaIdentity::Default),
                    Some("full") => Some(ReplicaIdentity::Full),
                    _ => None,
                }
            }
        };
        f.finish();
        identity
    }
}
