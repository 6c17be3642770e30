//! Owns the fingerprint of a catalog: equal exactly where [`super::diff::diff`] finds nothing.
//! Must not hang on anything but the schema: not on sizes, versions or who asks.

use super::Catalog;
use super::normal::{Order, normal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Raised with every change of the normal form: fingerprints of different forms never agree by chance.
const FORM: &str = "segue catalog 3";

/// 128 bits of SHA-256 over a catalog's normal form, in hex.
///
/// A fingerprint is only comparable with one of the same kind, exact or order-free, and made of
/// a catalog that was read with the same list of version schemas left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Over everything, the physical order of columns included: what a rollback has to restore.
    pub fn exact(catalog: &Catalog) -> Fingerprint {
        Fingerprint::of(catalog, Order::Kept)
    }

    /// Over everything but the physical order of columns, which a completed rollout changes.
    pub fn order_free(catalog: &Catalog) -> Fingerprint {
        Fingerprint::of(catalog, Order::Ignored)
    }

    /// The fingerprint of the kind that `order` says.
    pub fn of(catalog: &Catalog, order: Order) -> Fingerprint {
        let kind = match order {
            Order::Kept => "exact",
            Order::Ignored => "order-free",
        };
        let form = serde_json::to_vec(&normal(catalog, order)).expect("a catalog's keys are strings");
        let digest = Sha256::new().chain_update(format!("{FORM} {kind}\n")).chain_update(form).finalize();
        Fingerprint(digest[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Table};
    use super::*;
    use crate::ident::Ident;

    fn catalog(columns: &[&str]) -> Catalog {
        let column = |name: &&str| Column { name: Ident::new(*name), ..Column::default() };
        let table =
            Table { name: "t".into(), columns: columns.iter().map(column).collect(), ..Table::default() };
        Catalog { tables: [(table.name.clone(), table)].into(), ..Catalog::default() }
    }

    #[test]
    fn the_order_of_columns_counts_only_where_asked() {
        let (ab, ba) = (catalog(&["a", "b"]), catalog(&["b", "a"]));
        assert_ne!(Fingerprint::exact(&ab), Fingerprint::exact(&ba));
        assert_eq!(Fingerprint::order_free(&ab), Fingerprint::order_free(&ba));
        assert_ne!(Fingerprint::order_free(&ab), Fingerprint::order_free(&catalog(&["a", "c"])));
        assert_ne!(Fingerprint::exact(&ab), Fingerprint::order_free(&ab), "kinds are not comparable");
    }

    #[test]
    fn sizes_versions_and_other_schemas_do_not_count() {
        let before = catalog(&["a"]);
        let mut after = before.clone();
        after.server_version = 180_001;
        after.other_schemas.push("elsewhere".into());
        let table = after.tables.values_mut().next().expect("one table");
        table.estimate.rows = Some(5.0);
        table.columns[0].has_missing_default = true;
        assert_eq!(Fingerprint::exact(&before), Fingerprint::exact(&after));
        assert_eq!(Fingerprint::exact(&before).as_str().len(), 32);
    }
}
