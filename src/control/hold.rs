//! Owns why work does not go on at full speed: the holds of the contract. Must not impose them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    Throttle,
    Pause,
}

/// One reason; `by` is `operator` or a guard's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    pub kind: HoldKind,
    pub by: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reading: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// Who or what is behind the reading.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub culprit: Option<String>,
    pub since: Timestamp,
    /// When it ends by itself; `None`: not by time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
}

impl Hold {
    /// A pause for a reason that is no reading.
    pub fn pause(by: &str, reason: String, since: Timestamp) -> Hold {
        Hold {
            kind: HoldKind::Pause,
            by: by.to_owned(),
            subject: None,
            reason: Some(reason),
            reading: None,
            threshold: None,
            unit: None,
            culprit: None,
            since,
            until: None,
        }
    }

    /// Its time has come.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Somebody keeps the old version from being removed, whoever asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContractHold {
    pub by: String,
    pub reason: String,
    pub since: Timestamp,
}

impl ContractHold {
    /// Why there is no contract.
    pub fn why(&self) -> String {
        format!("{} holds the contract: {}; `segue release-contract` lifts that", self.by, self.reason)
    }
}

pub const OPERATOR: &str = "operator";
/// A file where the supervisor runs.
pub const FLAG_FILE: &str = "flag_file";
/// A hold that somebody made up, and the standby that goes with it.
pub const DRILL: &str = "drill";
/// The sync triggers are shed.
pub const SHED: &str = "shed";
/// What automatic pauses come to that do not end.
pub const LADDER: &str = "ladder";
