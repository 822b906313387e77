//! DSSE envelopes with ed25519 signatures.
//!
//! Source: the DSSE specification, v1.0.2 (`secure-systems-lab/dsse`): what is signed is the
//! pre-authentication encoding `DSSEv1 SP len(type) SP type SP len(body) SP body`, never the bare
//! payload. RFC 8032 for ed25519.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::Digest;

/// Most signatures that an envelope may carry: more than any sensible threshold.
pub const SIGNATURES_MAX: usize = 16;

/// An ed25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// The text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a public key is 32 bytes in base64")]
pub struct PublicKeyError;

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id that envelopes use: the SHA-256 of the key, the first sixteen digits.
    pub fn id(&self) -> KeyId {
        let hex = Digest::of(&self.0).hex();
        KeyId(hex.get(..16).unwrap_or(&hex).to_owned())
    }

    /// Verifies one signature over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = PublicKeyError;
    fn try_from(text: String) -> Result<Self, PublicKeyError> {
        let bytes = STANDARD.decode(text).map_err(|_| PublicKeyError)?;
        bytes.try_into().map(Self).map_err(|_| PublicKeyError)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        STANDARD.encode(key.0)
    }
}

/// Names a key; a hint only, never trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Which key made it.
    pub keyid: KeyId,
    /// 64 bytes.
    #[serde(with = "base64_bytes")]
    pub sig: Vec<u8>,
}

/// A payload with signatures over its type and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// Media type of the payload.
    pub payload_type: String,
    /// The exact bytes that were signed.
    #[serde(with = "base64_bytes")]
    pub payload: Vec<u8>,
    /// At most [`SIGNATURES_MAX`].
    pub signatures: Vec<Signature>,
}

/// Why an envelope is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The envelope is for something else.
    #[error("the envelope holds `{found}`, not `{expected}`")]
    PayloadType {
        /// Media type wanted.
        expected: &'static str,
        /// Media type found.
        found: String,
    },
    /// More signatures than anybody needs.
    #[error("the envelope has {0} signatures: at most {SIGNATURES_MAX} are read")]
    TooMany(usize),
    /// Not enough trusted keys signed it.
    #[error("{found} of {needed} needed signatures are by a trusted key and match")]
    Threshold {
        /// Signatures needed.
        needed: usize,
        /// Distinct trusted keys whose signature matches.
        found: usize,
    },
}

/// What is signed: the payload with its type, so that one kind of document never passes as another.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

impl Envelope {
    /// Checks that at least `threshold` distinct keys of `trusted` signed this payload as `payload_type`.
    ///
    /// A threshold of zero is read as one: nothing is trusted unsigned.
    pub fn verify(
        &self,
        payload_type: &'static str,
        trusted: &[PublicKey],
        threshold: usize,
    ) -> Result<&[u8], SignatureError> {
        if self.payload_type != payload_type {
            return Err(SignatureError::PayloadType { expected: payload_type, found: self.payload_type.clone() });
        }
        if self.signatures.len() > SIGNATURES_MAX {
            return Err(SignatureError::TooMany(self.signatures.len()));
        }
        let message = pre_authentication_encoding(payload_type, &self.payload);
        let by_id: BTreeMap<KeyId, &PublicKey> = trusted.iter().map(|key| (key.id(), key)).collect();
        let mut signers: Vec<&PublicKey> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = by_id.get(&signature.keyid) else { continue };
            if !signers.contains(key) && key.verifies(&message, &signature.sig) {
                signers.push(key);
            }
        }
        let needed = threshold.max(1);
        if signers.len() < needed {
            return Err(SignatureError::Threshold { needed, found: signers.len() });
        }
        Ok(&self.payload)
    }

    /// The digest by which a signed document is known: that of its payload.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.payload)
    }
}

/// Bytes as base64 text in JSON (RFC 4648 §4, with padding).
pub mod base64_bytes {
    use super::STANDARD;
    use base64::Engine as _;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes bytes.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    /// Reads bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    const TYPE: &str = "application/vnd.skerry.bundle.v1+json";

    fn pair(seed: u8) -> (Ed25519KeyPair, PublicKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
        let mut bytes = [0; 32];
        bytes.copy_from_slice(pair.public_key().as_ref());
        (pair, PublicKey::from_bytes(bytes))
    }

    fn envelope(signers: &[u8]) -> Envelope {
        let message = pre_authentication_encoding(TYPE, b"{}");
        let signatures = signers
            .iter()
            .map(|seed| {
                let (pair, key) = pair(*seed);
                Signature { keyid: key.id(), sig: pair.sign(&message).as_ref().to_vec() }
            })
            .collect();
        Envelope { payload_type: TYPE.into(), payload: b"{}".to_vec(), signatures }
    }

    #[test]
    fn pre_authentication_encoding_is_the_specifications() {
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"), expected);
    }

    #[test]
    fn thresholds_count_distinct_trusted_keys() {
        let keys = [pair(1).1, pair(2).1];
        let check = |signers: &[u8], threshold, fine: bool| {
            assert_eq!(envelope(signers).verify(TYPE, &keys, threshold).is_ok(), fine, "{signers:?} of {threshold}");
        };
        check(&[1], 1, true);
        check(&[1], 0, true);
        check(&[], 0, false);
        check(&[3], 1, false);
        check(&[1, 1], 2, false);
        check(&[1, 2], 2, true);
        check(&[1, 3, 2], 2, true);
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let keys = [pair(1).1];
        let good = envelope(&[1]);
        for bit in 0..good.payload.len() * 8 {
            let mut bad = good.clone();
            bad.payload[bit / 8] ^= 1 << (bit % 8);
            assert!(bad.verify(TYPE, &keys, 1).is_err());
        }
        for bit in 0..64 * 8 {
            let mut bad = good.clone();
            bad.signatures[0].sig[bit / 8] ^= 1 << (bit % 8);
            assert!(bad.verify(TYPE, &keys, 1).is_err());
        }
        let mut other = good;
        other.payload_type = "text/plain".into();
        assert!(matches!(other.verify(TYPE, &keys, 1), Err(SignatureError::PayloadType { .. })));
    }
}
