//! Names, ids and the numbers that order a cluster's bundles.
//!
//! Everything is parsed at the edge; a value of one of these types is valid.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing between the quotes.
    #[error("a {what} cannot be empty")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// Longer than a DNS label may be.
    #[error("{what} `{text}` has {length} characters: at most 63 are allowed")]
    TooLong {
        /// What was to be named.
        what: &'static str,
        /// The offending text.
        text: String,
        /// Its length in bytes.
        length: usize,
    },
    /// A character that a DNS label cannot have.
    #[error("{what} `{text}` must be lower-case letters, digits and `-`, beginning and ending with a letter or digit")]
    Character {
        /// What was to be named.
        what: &'static str,
        /// The offending text.
        text: String,
    },
}

/// Checks a DNS-1123 label (RFC 1123 §2.1, as Kubernetes uses it for names).
fn check_label(what: &'static str, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > 63 {
        return Err(NameError::TooLong { what, text: text.to_owned(), length: text.len() });
    }
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let fine = bytes.iter().all(|b| inner(*b) || *b == b'-')
        && bytes.first().copied().is_some_and(inner)
        && bytes.last().copied().is_some_and(inner);
    if fine { Ok(()) } else { Err(NameError::Character { what, text: text.to_owned() }) }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses a DNS-1123 label of 1 to 63 characters.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check_label($what, text).map(|()| Self(text.to_owned()))
            }

            /// The text as it was parsed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// Everything that one trust root governs; made once by `skerry-hub init`.
    FleetId, "fleet id"
);
name_type!(
    /// The id of a registered cluster; made by the hub, never reused.
    ClusterId, "cluster id"
);
name_type!(
    /// The name that an operator gave a cluster; unique in the fleet.
    ClusterName, "cluster name"
);
name_type!(
    /// The name of a cluster group.
    GroupName, "cluster group name"
);
name_type!(
    /// The name of an application.
    ApplicationName, "application name"
);
name_type!(
    /// The name of a source.
    SourceName, "source name"
);

macro_rules! counter_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter_type!(
    /// Raised only after a compromise; a field of the trust root.
    Epoch
);
counter_type!(
    /// The place of a bundle in the order of one cluster's bundles, within an epoch.
    Generation
);
counter_type!(
    /// One life of an agent's journal: a new one is drawn when the journal is made anew.
    Incarnation
);
counter_type!(
    /// The place of an entry in one incarnation's journal, from 1.
    Sequence
);

/// Where a bundle stands in the order: epoch first, then generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Place {
    /// The trust root's epoch.
    pub epoch: Epoch,
    /// The generation within it.
    pub generation: Generation,
}

impl fmt::Display for Place {
    /// `7` in the first epoch, `2/7` in the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epoch.0 <= 1 { self.generation.fmt(f) } else { write!(f, "{}/{}", self.epoch, self.generation) }
    }
}

/// The id of a Git commit: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

/// The text is no commit id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a commit id: 40 or 64 lower-case hexadecimal digits are needed")]
pub struct CommitIdError(String);

impl CommitId {
    /// Parses a whole commit id; abbreviations are refused.
    pub fn parse(text: &str) -> Result<Self, CommitIdError> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && (text.len() == 40 || text.len() == 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(CommitIdError(text.chars().take(80).collect()))
        }
    }

    /// All the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl TryFrom<String> for CommitId {
    type Error = CommitIdError;
    fn try_from(text: String) -> Result<Self, CommitIdError> {
        Self::parse(&text)
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> String {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        let check = |text: &str, fine: bool| {
            assert_eq!(ClusterName::parse(text).is_ok(), fine, "{text:?}");
        };
        check("edge-01", true);
        check("a", true);
        check("0", true);
        check("", false);
        check("-a", false);
        check("a-", false);
        check("A", false);
        check("a.b", false);
        check("a b", false);
        check(&"a".repeat(63), true);
        check(&"a".repeat(64), false);
    }

    #[test]
    fn epoch_outranks_generation() {
        let place = |epoch, generation| Place { epoch: Epoch(epoch), generation: Generation(generation) };
        assert!(place(2, 1) > place(1, u64::MAX));
        assert_eq!(place(1, 7).to_string(), "7");
        assert_eq!(place(2, 7).to_string(), "2/7");
    }

    #[test]
    fn commit_ids_are_whole() {
        assert!(CommitId::parse(&"a".repeat(40)).is_ok());
        assert!(CommitId::parse(&"a".repeat(39)).is_err());
        assert!(CommitId::parse(&"G".repeat(40)).is_err());
    }
}
