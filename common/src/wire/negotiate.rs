//! The first frame either way: which versions each end speaks. Its encoding (JSON) never changes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::v1;

/// Versions that this program speaks, newest first: its own and the two before it.
pub const SPOKEN: &[u16] = &[v1::VERSION];

/// Most versions that a peer may list.
const VERSIONS_MAX: usize = 64;

/// The first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Versions of the messages that the sender speaks.
    pub versions: Vec<u16>,
    /// Version of the sender's program, for people.
    pub program: String,
}

/// No common version, or no hello.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NegotiateError {
    /// The frame is no hello.
    #[error("the first frame is no hello: {0}")]
    Malformed(String),
    /// Nothing in common.
    #[error("the other end ({program}) speaks versions {theirs:?} of the link, this one {SPOKEN:?}")]
    NoCommonVersion {
        /// What it speaks.
        theirs: Vec<u16>,
        /// Its program version.
        program: String,
    },
}

impl Hello {
    /// Our own.
    pub fn ours(program: &str) -> Self {
        Self { versions: SPOKEN.to_vec(), program: program.to_owned() }
    }

    /// The frame's payload.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::json!({ "versions": self.versions, "program": self.program }).to_string().into_bytes()
    }

    /// Reads the other end's.
    pub fn parse(bytes: &[u8]) -> Result<Self, NegotiateError> {
        let hello: Self =
            serde_json::from_slice(bytes).map_err(|error| NegotiateError::Malformed(error.to_string()))?;
        if hello.versions.len() > VERSIONS_MAX {
            return Err(NegotiateError::Malformed(format!("{} versions are listed", hello.versions.len())));
        }
        Ok(Self { program: crate::limits::clip(&hello.program), ..hello })
    }

    /// The highest version that both speak.
    pub fn agree(&self) -> Result<u16, NegotiateError> {
        let common = SPOKEN.iter().filter(|version| self.versions.contains(version)).max();
        common.copied().ok_or_else(|| NegotiateError::NoCommonVersion {
            theirs: self.versions.clone(),
            program: self.program.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_common_version_wins() {
        let hello = |versions: &[u16]| Hello { versions: versions.to_vec(), program: "9".into() };
        assert_eq!(hello(&[1, 2, 3]).agree(), Ok(1));
        assert!(matches!(hello(&[2, 3]).agree(), Err(NegotiateError::NoCommonVersion { .. })));
        assert_eq!(Hello::parse(&Hello::ours("0.1.0").to_bytes()), Ok(Hello::ours("0.1.0")));
        assert!(Hello::parse(b"\x16\x03\x01").is_err());
    }

    #[test]
    fn unknown_fields_of_a_later_hello_are_ignored() {
        let later = br#"{"versions":[1,2],"program":"9","features":["x"]}"#;
        assert_eq!(Hello::parse(later).and_then(|hello| hello.agree()), Ok(1));
    }
}
