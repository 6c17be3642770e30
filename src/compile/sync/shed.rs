//! Owns the trigger function of a table while its sync is shed: it only marks rows, to be filled later, and evaluates nothing
//! of the plan's. Must not decide when.

use super::{QualifiedPair, SyncSpec, body, function, slots, update_condition};

/// The function that marks every row that the full one would have filled; it replaces that in place, which takes no lock on
/// the table. `None`: rows of this table have no marker.
pub fn marking(spec: &SyncSpec) -> Option<String> {
    let marker = spec.marker.as_ref().filter(|_| !spec.pairs.is_empty())?;
    let body = format!("BEGIN\n  NEW.{marker} := true;\n  RETURN NEW;\nEND\n");
    Some(replacing(function(&spec.function, &body)))
}

/// The full function again. `qualified` as for [`super::statements`].
pub fn whole(spec: &SyncSpec, qualified: &[QualifiedPair]) -> String {
    assert_eq!(slots(spec), qualified.len(), "each expression is qualified");
    let pairs = &qualified[..spec.pairs.len()];
    replacing(function(&spec.function, &body(spec, pairs, update_condition(spec).is_some())))
}

fn replacing(create: String) -> String {
    create.replacen("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::program::{Pair, PairSide};

    fn spec(marker: Option<&str>) -> SyncSpec {
        let side = PairSide { column: "_segue_new_b".into(), type_name: "integer".into(), not_null: false };
        SyncSpec {
            table: crate::ident::QualifiedName::new(&"public".into(), &"t".into()),
            function: crate::ident::QualifiedName::new(&"segue".into(), &"sync_t".into()),
            trigger_insert: "i".into(),
            trigger_update: "u".into(),
            version_schema: "public_p".into(),
            previous_version_schema: None,
            marker: marker.map(Into::into),
            pairs: vec![Pair { old: None, new: Some(side), up: None, down: None, reset: None }],
            hidden_columns: vec![],
            plain: vec![],
            mending: None,
            published_with: None,
        }
    }

    #[test]
    fn marks_and_no_more_and_only_where_there_is_a_marker() {
        insta::assert_snapshot!(marking(&spec(Some("_segue_pending"))).unwrap(), @r#"
        CREATE OR REPLACE FUNCTION "segue"."sync_t"() RETURNS pg_catalog.trigger LANGUAGE plpgsql AS $segue$
        BEGIN
          NEW."_segue_pending" := true;
          RETURN NEW;
        END
        $segue$
        "#);
        assert_eq!(marking(&spec(None)), None);
    }
}
