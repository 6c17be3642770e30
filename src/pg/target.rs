//! Owns which of several servers will do (`target_session_attrs`). Must not connect.

use serde::Serialize;

/// What the server must be, with libpq's meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl Target {
    pub(super) const NAMES: [(&'static str, Target); 6] = [
        ("any", Target::Any),
        ("read-write", Target::ReadWrite),
        ("read-only", Target::ReadOnly),
        ("primary", Target::Primary),
        ("standby", Target::Standby),
        ("prefer-standby", Target::PreferStandby),
    ];

    /// Why a server will not do; `None` if it will.
    pub(super) fn refuses(self, in_recovery: bool, read_only: bool) -> Option<&'static str> {
        match self {
            Target::ReadWrite | Target::Primary if in_recovery => {
                Some("this server is a standby; a primary is needed, because Segue writes")
            }
            Target::ReadWrite if read_only => {
                Some("sessions here are read-only (default_transaction_read_only is on), but Segue writes")
            }
            Target::ReadOnly if !read_only => Some("this server takes writes; a read-only one was asked for"),
            Target::Standby | Target::PreferStandby if !in_recovery => {
                Some("this server is a primary; a standby was asked for")
            }
            _ => None,
        }
    }

    /// What to look for when no host was as wished; `None` when there is no second choice.
    pub(super) fn second_choice(self) -> Option<Target> {
        (self == Target::PreferStandby).then_some(Target::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_is_not_written_to() {
        assert!(Target::ReadWrite.refuses(true, true).is_some_and(|why| why.contains("standby")));
        assert!(Target::ReadWrite.refuses(false, true).is_some_and(|why| why.contains("read_only")));
        assert_eq!(Target::Primary.refuses(false, true), None);
        assert_eq!(Target::Standby.refuses(true, true), None);
        assert_eq!(Target::ReadOnly.refuses(true, true), None);
        assert_eq!(Target::PreferStandby.second_choice(), Some(Target::Any));
    }
}
