//! Owns the stored form of control's records: a kind and a JSON body, versioned by shape.
//! Must not decide and must not write to a database.

use crate::control::record::Record;
use serde_json::Value;

/// A record as the journal's table keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub kind: String,
    pub body: Value,
}

/// The stored form: serde's external tag is the kind, its content the body.
pub fn encode(record: &Record) -> Stored {
    let value = serde_json::to_value(record).expect("records are plain data");
    let Value::Object(map) = value else { unreachable!("every record has fields, so it is an object") };
    let (kind, body) = map.into_iter().next().expect("an externally tagged enum has one key");
    Stored { kind, body }
}

/// Back from the stored form. Fails on a kind that this version does not know: a newer one wrote it.
pub fn decode(stored: &Stored) -> Result<Record, String> {
    let tagged = Value::Object([(stored.kind.clone(), stored.body.clone())].into_iter().collect());
    serde_json::from_value(tagged).map_err(|error| {
        format!(
            "the journal has a record of kind {:?} that this version of Segue cannot read: {error}",
            stored.kind
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::record::Direction;

    #[test]
    fn what_is_written_is_read_back() {
        let record = Record::StepBegan { step: 3, direction: Direction::Back };
        let stored = encode(&record);
        assert_eq!(stored.kind, "step_began");
        assert_eq!(decode(&stored), Ok(record));
        assert!(decode(&Stored { kind: "from_the_future".into(), body: Value::Null }).is_err());
    }
}
