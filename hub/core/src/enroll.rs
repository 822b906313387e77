//! Who may join: what becomes of a join token when somebody shows it.
//!
//! ```text
//!  register ──▶ Unused ──first key──▶ Bound(key) ──same key──▶ resumed
//!                 │                      └──────other key──▶ refused
//!                 └──too late──▶ refused          revoked at any time ──▶ refused
//! ```
//! The hub keeps the SHA-256 of the secret, never the secret. [`redeem`] only decides: the shell
//! stores the returned record, in one transaction with the registration, *before* it signs a
//! certificate, so that a crash between the two ends in «resumed» and never in a second cluster.

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use skerry_common::diagnostic::Code;
use skerry_common::id::{ClusterId, ClusterName};
use thiserror::Error;

pub use skerry_common::join::offline::{JoinReplyFile, JoinRequestFile, OfflineFileError};
pub use skerry_common::join::{JoinToken, JoinTokenError, TokenSecret};

/// How long a token is valid when the operator says nothing: a working day and its evening.
pub const TOKEN_LIFE_SECONDS_DEFAULT: i64 = 24 * 3600;

/// Longest life that may be asked for: a token that outlives a quarter is a password.
pub const TOKEN_LIFE_SECONDS_MAX: i64 = 90 * 24 * 3600;

/// What the hub remembers of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRecord {
    /// SHA-256 of the secret; tokens are found by it.
    pub secret: Digest,
    /// The cluster that it lets in.
    pub cluster: ClusterId,
    /// That cluster's name.
    pub name: ClusterName,
    /// Until when it can be used for the first time, Unix seconds.
    pub expires: i64,
    /// What became of it.
    pub state: TokenState,
}

/// What became of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TokenState {
    /// Printed, not used yet.
    Unused,
    /// Used: from now on it is worth something to the holder of this key only.
    Bound {
        /// SHA-256 of the public key in the certificate request.
        key: Digest,
        /// When, Unix seconds.
        at: i64,
    },
    /// Withdrawn by an operator.
    Revoked,
}

/// What the answer to a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redemption {
    /// First use: store this record, then grant.
    Join(TokenRecord),
    /// The same key again, after a crash or a lost answer: grant again, nothing to store.
    Resume,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RedeemError {
    /// No such token; also the answer for one that never was.
    #[error("this hub knows no such join token")]
    Unknown,
    /// Its time is over.
    #[error("the join token expired before it was used")]
    Expired,
    /// It was used with another key.
    #[error("the join token was already used with another key")]
    OtherKey,
    /// It was withdrawn.
    #[error("the join token was revoked")]
    Revoked,
}

impl RedeemError {
    /// Stable code.
    pub fn code(self) -> Code {
        Code(match self {
            Self::Unknown => 350,
            Self::Expired => 351,
            Self::OtherKey => 352,
            Self::Revoked => 353,
        })
    }

    /// What to do about it.
    pub fn help(self) -> &'static str {
        match self {
            Self::Unknown => "copy the whole line that `skerry cluster register` printed, or register the cluster",
            Self::Expired | Self::Revoked => "make a new token: `skerry cluster register NAME`",
            Self::OtherKey => "if the cluster lost its keys: `skerry cluster rejoin NAME`",
        }
    }
}

/// Titles and explanations of this module's codes.
pub const CODES: &[(u16, &str, &str)] = &[
    (
        350,
        "unknown join token",
        "The hub has no token with this secret. Usually the line was cut off when it was copied, it belongs to another fleet, or the hub was restored from a backup made before the registration. Register the cluster again.",
    ),
    (
        351,
        "expired join token",
        "Join tokens expire, a day after `skerry cluster register` unless told otherwise. Register again to get a new one; the cluster keeps its name.",
    ),
    (
        352,
        "join token used with another key",
        "A token works once, for the first key that shows it; the same agent may repeat its join as often as it likes. Another key means another machine, or an agent whose store was wiped. If it was wiped, `skerry cluster rejoin NAME` makes a new token for the same cluster; if nobody wiped it, somebody else has the token: revoke the cluster.",
    ),
    (353, "revoked join token", "An operator withdrew this token. Register the cluster again if it should join."),
    (
        354,
        "not a join request",
        "The file is not the one that `skerry-agent join --offline` wrote, or it was damaged on its way. Carry it over again.",
    ),
];

/// Makes the record of a fresh token.
pub fn issue(secret: &TokenSecret, cluster: ClusterId, name: ClusterName, now: i64, life_seconds: i64) -> TokenRecord {
    let life = life_seconds.clamp(1, TOKEN_LIFE_SECONDS_MAX);
    let expires = now.saturating_add(life);
    TokenRecord { secret: secret.digest(), cluster, name, expires, state: TokenState::Unused }
}

/// Decides what becomes of a token that is shown with a key.
///
/// `record` is what the store holds under the secret's digest. Expiry bounds the *first* use: an
/// agent whose answer got lost resumes whenever it comes back, for its key already is the cluster's.
pub fn redeem(record: Option<&TokenRecord>, key: &Digest, now: i64) -> Result<Redemption, RedeemError> {
    let record = record.ok_or(RedeemError::Unknown)?;
    match &record.state {
        TokenState::Revoked => Err(RedeemError::Revoked),
        TokenState::Bound { key: bound, .. } if bound == key => Ok(Redemption::Resume),
        TokenState::Bound { .. } => Err(RedeemError::OtherKey),
        TokenState::Unused if now >= record.expires => Err(RedeemError::Expired),
        TokenState::Unused => {
            let state = TokenState::Bound { key: *key, at: now };
            Ok(Redemption::Join(TokenRecord { state, ..record.clone() }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn record() -> TokenRecord {
        let (id, name) = (ClusterId::parse("c1").expect("a name"), ClusterName::parse("edge").expect("a name"));
        issue(&TokenSecret::from_random([1; 32]), id, name, NOW, 60)
    }

    #[test]
    fn a_token_works_once_and_for_one_key() {
        let (key, other) = (Digest::of(b"key"), Digest::of(b"other"));
        let Ok(Redemption::Join(bound)) = redeem(Some(&record()), &key, NOW) else { panic!("refused") };
        assert_eq!(bound.state, TokenState::Bound { key, at: NOW });
        assert_eq!(redeem(Some(&bound), &key, NOW + 3600), Ok(Redemption::Resume));
        assert_eq!(redeem(Some(&bound), &other, NOW), Err(RedeemError::OtherKey));
    }

    #[test]
    fn late_unknown_and_revoked_tokens_are_refused() {
        let key = Digest::of(b"key");
        let revoked = TokenRecord { state: TokenState::Revoked, ..record() };
        assert!(redeem(Some(&record()), &key, NOW + 59).is_ok());
        assert_eq!(redeem(Some(&record()), &key, NOW + 60), Err(RedeemError::Expired));
        assert_eq!(redeem(Some(&revoked), &key, NOW), Err(RedeemError::Revoked));
        assert_eq!(redeem(None, &key, NOW), Err(RedeemError::Unknown));
    }

    #[test]
    fn the_record_does_not_hold_the_secret() {
        let secret = TokenSecret::from_random([1; 32]);
        let stored = serde_json::to_string(&record()).expect("JSON");
        assert!(!stored.contains(&secret.expose()), "{stored}");
        assert_eq!(record().secret, secret.digest());
    }

    #[test]
    fn every_refusal_is_explained() {
        for error in [RedeemError::Unknown, RedeemError::Expired, RedeemError::OtherKey, RedeemError::Revoked] {
            assert!(CODES.iter().any(|(code, ..)| Code(*code) == error.code()), "{error}");
        }
    }
}
