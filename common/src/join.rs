//! How a cluster joins: the token that `skerry cluster register` prints, and the two files of a
//! join without a network.
//!
//! A token pins the trust root and the fleet CA by their digests, so the first connection is as safe as the way on
//! which the token travelled. The secret part is 256 random bits; the hub keeps only its SHA-256.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use crate::bundle::digest::{Digest, unhex};
use crate::id::{FleetId, NameError};
use crate::redact::Redacted;

pub mod offline;

/// What every token begins with; the number is the format's version.
pub const TOKEN_PREFIX: &str = "skerry-join-v1.";

/// Most hub addresses in a token: it must stay one line that can be pasted.
pub const TOKEN_HUBS_MAX: usize = 8;

/// Longest token that is read, in bytes: fleet, digests, secret and eight full DNS names.
pub const TOKEN_BYTES_MAX: usize = 4096;

/// The secret part of a join token: 256 random bits, drawn by the caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenSecret(Redacted<[u8; 32]>);

/// The text is no secret part of a token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the secret part of a join token is 43 characters of base64url")]
pub struct TokenSecretError;

impl TokenSecret {
    /// Takes 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(Redacted::new(bytes))
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, TokenSecretError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenSecretError)?;
        bytes.try_into().map(Self::from_random).map_err(|_| TokenSecretError)
    }

    /// The text form, for the token and for the enrolment request only.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.expose())
    }

    /// What the hub stores and looks tokens up by.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose())
    }
}

/// Everything that an agent needs for its first connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// The fleet to join.
    pub fleet: FleetId,
    /// Digest of the trust root that counts.
    pub trust_root: Digest,
    /// SHA-256 of the fleet CA's certificate (DER): pins the first connection, before there is a trust root.
    pub authority: Digest,
    /// What lets exactly one cluster in.
    pub secret: TokenSecret,
    /// Where to go, `host:port`, in order of preference; 1 to [`TOKEN_HUBS_MAX`].
    pub hubs: Vec<String>,
}

/// Why a text is no join token. The token itself is never repeated: it is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JoinTokenError {
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("the join token has {0} bytes: at most {TOKEN_BYTES_MAX} are read")]
    TooLong(usize),
    /// Not `skerry-join-v1.`.
    #[error("a join token begins with `{TOKEN_PREFIX}`")]
    Prefix,
    /// A part is missing: cut off when it was copied.
    #[error("the join token is cut off: `{0}` is missing")]
    Missing(&'static str),
    /// The fleet's id cannot be one.
    #[error("the join token names no fleet")]
    Fleet(#[source] NameError),
    /// The digest cannot be one.
    #[error("the join token pins no trust root: 64 hexadecimal digits are needed")]
    TrustRoot,
    /// The digest cannot be one.
    #[error("the join token pins no certificate authority: 64 hexadecimal digits are needed")]
    Authority,
    /// The secret cannot be one.
    #[error("the join token has no valid secret")]
    Secret(#[source] TokenSecretError),
    /// No address, too many, or one that cannot be.
    #[error("`{0}` is no hub address: `host:port` is needed")]
    Address(String),
    /// No address, or too many.
    #[error("the join token lists {0} hub addresses: 1 to {TOKEN_HUBS_MAX} are needed")]
    Addresses(usize),
}

impl JoinToken {
    /// The one line that an operator pastes; it holds the secret.
    pub fn expose(&self) -> String {
        let (root, authority, secret) = (self.trust_root.hex(), self.authority.hex(), self.secret.expose());
        format!("{TOKEN_PREFIX}{}.{root}.{authority}.{secret}@{}", self.fleet, self.hubs.join(","))
    }

    /// Reads the line; white space around it is forgiven.
    pub fn parse(text: &str) -> Result<Self, JoinTokenError> {
        let text = text.trim();
        if text.len() > TOKEN_BYTES_MAX {
            return Err(JoinTokenError::TooLong(text.len()));
        }
        let body = text.strip_prefix(TOKEN_PREFIX).ok_or(JoinTokenError::Prefix)?;
        let (identity, hubs) = body.split_once('@').ok_or(JoinTokenError::Missing("hub addresses"))?;
        let mut parts = identity.splitn(4, '.');
        let mut part = |what| parts.next().filter(|part| !part.is_empty()).ok_or(JoinTokenError::Missing(what));
        let fleet = FleetId::parse(part("fleet id")?).map_err(JoinTokenError::Fleet)?;
        let trust_root = unhex(part("trust root digest")?).ok_or(JoinTokenError::TrustRoot)?;
        let authority = unhex(part("authority digest")?).ok_or(JoinTokenError::Authority)?;
        let secret = TokenSecret::parse(part("secret")?).map_err(JoinTokenError::Secret)?;
        let hubs: Vec<String> = hubs.split(',').filter(|hub| !hub.is_empty()).map(str::to_owned).collect();
        check_hubs(&hubs)?;
        let (trust_root, authority) = (Digest::from_bytes(trust_root), Digest::from_bytes(authority));
        Ok(Self { fleet, trust_root, authority, secret, hubs })
    }
}

impl FromStr for JoinToken {
    type Err = JoinTokenError;
    fn from_str(text: &str) -> Result<Self, JoinTokenError> {
        Self::parse(text)
    }
}

impl fmt::Display for JoinToken {
    /// Without the secret, for logs and messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "join token of fleet {} for {}", self.fleet, self.hubs.join(","))
    }
}

fn check_hubs(hubs: &[String]) -> Result<(), JoinTokenError> {
    if hubs.is_empty() || hubs.len() > TOKEN_HUBS_MAX {
        return Err(JoinTokenError::Addresses(hubs.len()));
    }
    hubs.iter().find(|hub| !is_address(hub)).map_or(Ok(()), |hub| Err(JoinTokenError::Address(hub.clone())))
}

/// True for `host:port` and `[v6]:port`: a name or address of the characters that those have, and a
/// port above zero.
pub fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let port_fine = port.parse::<u16>().is_ok_and(|port| port > 0) && port.bytes().all(|b| b.is_ascii_digit());
    let host_fine = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        }
    };
    port_fine && host_fine
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> JoinToken {
        JoinToken {
            fleet: FleetId::parse("harbour").expect("a name"),
            trust_root: Digest::of(b"root"),
            authority: Digest::of(b"ca"),
            secret: TokenSecret::from_random([7; 32]),
            hubs: vec!["hub.example:7443".into(), "[::1]:7443".into()],
        }
    }

    #[test]
    fn a_token_is_one_line_and_reads_back() {
        let line = token().expose();
        assert!(line.starts_with("skerry-join-v1.harbour."), "{line}");
        assert!(!line.contains(char::is_whitespace), "{line}");
        assert_eq!(JoinToken::parse(&format!(" {line}\n")), Ok(token()));
    }

    #[test]
    fn a_damaged_token_says_what_is_missing() {
        let line = token().expose();
        let check = |text: &str, expected: JoinTokenError| assert_eq!(JoinToken::parse(text), Err(expected));
        check("", JoinTokenError::Prefix);
        check("skerry-join-v2.x", JoinTokenError::Prefix);
        check(line.split('@').next().unwrap(), JoinTokenError::Missing("hub addresses"));
        check("skerry-join-v1.harbour@h:1", JoinTokenError::Missing("trust root digest"));
        check(&line.replace("hub.example:7443", "hub.example"), JoinTokenError::Address("hub.example".into()));
        check(&line.replace("hub.example:7443,[::1]:7443", ""), JoinTokenError::Addresses(0));
        assert!(matches!(JoinToken::parse(&line.replace('@', "x@")), Err(JoinTokenError::Secret(_))));
        assert!(matches!(JoinToken::parse(&"x".repeat(5000)), Err(JoinTokenError::TooLong(5000))));
    }

    #[test]
    fn nothing_but_expose_shows_the_secret() {
        let secret = token().secret.expose();
        assert!(!format!("{:?} {}", token(), token()).contains(&secret));
        assert!(token().expose().contains(&secret));
    }
}
