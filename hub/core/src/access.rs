//! Who may do what: two roles, and API tokens that are kept as hashes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use skerry_common::redact::Redacted;
use subtle::{Choice, ConstantTimeEq as _};
use thiserror::Error;

/// What every API token begins with, so that secret scanners can find one.
pub const API_TOKEN_PREFIX: &str = "skerry_api_";

/// Most API tokens of one hub: each request compares with every one of them.
pub const API_TOKENS_MAX: usize = 1_000;

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everything, changes nothing.
    Viewer,
    /// Does everything.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        })
    }
}

/// The text is no role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no role: `viewer` or `admin` is needed")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;
    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "admin" => Ok(Self::Admin),
            _ => Err(RoleError(text.chars().take(80).collect())),
        }
    }
}

/// What somebody asks the API to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Look at fleet, groups, clusters, applications, objects, drift, events, revisions, sources.
    Read,
    /// Say what a change would do.
    Preview,
    /// Take a bundle out as a file. It holds a cluster's whole desired state, secrets sealed.
    ExportBundle,
    /// Let a cluster join, or join again.
    Register,
    /// Shut a cluster out.
    Revoke,
    /// Confirm a held deletion.
    ConfirmPrune,
    /// Ask for a full pass now.
    RequestSync,
    /// Make and withdraw API tokens.
    ManageTokens,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Preview,
        Self::ExportBundle,
        Self::Register,
        Self::Revoke,
        Self::ConfirmPrune,
        Self::RequestSync,
        Self::ManageTokens,
    ];

    /// The least role that may do it.
    pub fn needs(self) -> Role {
        match self {
            Self::Read | Self::Preview => Role::Viewer,
            Self::ExportBundle
            | Self::Register
            | Self::Revoke
            | Self::ConfirmPrune
            | Self::RequestSync
            | Self::ManageTokens => Role::Admin,
        }
    }
}

impl Role {
    /// True when this role may do that.
    pub fn allows(self, action: Action) -> bool {
        self >= action.needs()
    }
}

/// An API token in clear: shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken(Redacted<[u8; 32]>);

impl ApiToken {
    /// Takes 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(Redacted::new(bytes))
    }

    /// The text that clients send.
    pub fn expose(&self) -> String {
        format!("{API_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// What is stored: the hash of the text. 256 random bits need no slow hash.
    pub fn digest(&self) -> Digest {
        Digest::of(self.expose().as_bytes())
    }
}

/// What the hub remembers of an API token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiTokenRecord {
    /// Who uses it, in the operator's words; unique.
    pub name: String,
    /// Hash of the token.
    pub hash: Digest,
    /// What it may do.
    pub role: Role,
    /// Until when, Unix seconds; `None` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// Why a caller is turned away.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccessError {
    /// No token, or none that counts. Which of the two is not told.
    #[error("no valid API token was given")]
    Unauthenticated,
    /// A token that may not do this.
    #[error("`{name}` is a {role}: this needs the role {needed}")]
    Forbidden {
        /// Whose token.
        name: String,
        /// Its role.
        role: Role,
        /// The role needed.
        needed: Role,
    },
}

/// Finds the token that was presented, in a time that depends on the number of tokens only.
pub fn authenticate<'a>(
    records: &'a [ApiTokenRecord],
    presented: &str,
    now: i64,
) -> Result<&'a ApiTokenRecord, AccessError> {
    let hash = Digest::of(presented.as_bytes());
    let mut found = None;
    for record in records.iter().take(API_TOKENS_MAX) {
        let equal: Choice = record.hash.as_bytes().ct_eq(hash.as_bytes());
        if bool::from(equal) {
            found = Some(record);
        }
    }
    found.filter(|record| record.expires.is_none_or(|expires| now < expires)).ok_or(AccessError::Unauthenticated)
}

/// Decides whether the holder of a token may do something.
pub fn authorize(record: &ApiTokenRecord, action: Action) -> Result<(), AccessError> {
    if record.role.allows(action) {
        return Ok(());
    }
    Err(AccessError::Forbidden { name: record.name.clone(), role: record.role, needed: action.needs() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, seed: u8, role: Role, expires: Option<i64>) -> ApiTokenRecord {
        ApiTokenRecord { name: name.into(), hash: ApiToken::from_random([seed; 32]).digest(), role, expires }
    }

    #[test]
    fn only_valid_tokens_are_found() {
        let records = [record("a", 1, Role::Admin, None), record("b", 2, Role::Viewer, Some(100))];
        let check = |presented: &str, now, expected: Option<&str>| {
            let found = authenticate(&records, presented, now).ok().map(|record| record.name.as_str());
            assert_eq!(found, expected);
        };
        check(&ApiToken::from_random([1; 32]).expose(), 0, Some("a"));
        check(&ApiToken::from_random([2; 32]).expose(), 99, Some("b"));
        check(&ApiToken::from_random([2; 32]).expose(), 100, None);
        check(&ApiToken::from_random([3; 32]).expose(), 0, None);
        check("", 0, None);
        check(&records[0].hash.to_string(), 0, None);
    }

    #[test]
    fn viewers_change_nothing() {
        let allowed: Vec<_> = Action::ALL.into_iter().filter(|action| Role::Viewer.allows(*action)).collect();
        assert_eq!(allowed, [Action::Read, Action::Preview]);
        assert!(Action::ALL.into_iter().all(|action| Role::Admin.allows(action)));
        let refused = authorize(&record("b", 2, Role::Viewer, None), Action::Revoke);
        assert_eq!(refused.unwrap_err().to_string(), "`b` is a viewer: this needs the role admin");
    }
}
