//! A cluster's sealing key: made by the agent at join, apart from its certificate's key, so that
//! renewing the one leaves the other.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256;
use rustls::crypto::hpke::{Hpke, HpkePrivateKey, HpkePublicKey};
use skerry_common::redact::MASK;
use thiserror::Error;
use zeroize::Zeroizing;

/// Length of X25519's keys, private and public.
const KEY_BYTES: usize = 32;

/// The suite of the key blob (RFC 9180: KEM 0x0020, KDF 0x0001, AEAD 0x0002).
pub(super) fn suite() -> &'static dyn Hpke {
    DH_KEM_X25519_HKDF_SHA256_AES_256
}

/// Why a sealing key was not made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealingKeyError {
    /// The system gave no randomness.
    #[error("no sealing key could be made")]
    Generate,
    /// Not 32 bytes.
    #[error("a sealing key has {KEY_BYTES} bytes, not {length}")]
    Length {
        /// How many there were.
        length: usize,
    },
    /// Not the base64 of 32 bytes.
    #[error("a sealing key must be the base64 of {KEY_BYTES} bytes")]
    Malformed,
}

fn decode(text: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealingKeyError> {
    let mut bytes = Zeroizing::new([0u8; KEY_BYTES]);
    // The decoder asks for room in multiples of three.
    let mut room = Zeroizing::new([0u8; KEY_BYTES + 4]);
    match STANDARD.decode_slice(text.trim(), &mut *room) {
        Ok(KEY_BYTES) => bytes.copy_from_slice(&room[..KEY_BYTES]),
        Ok(_) | Err(_) => return Err(SealingKeyError::Malformed),
    }
    Ok(bytes)
}

/// The public half, which the hub keeps in its registry; shown as base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealingPublicKey([u8; KEY_BYTES]);

impl SealingPublicKey {
    /// Takes the 32 bytes.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    pub(super) fn to_hpke(self) -> HpkePublicKey {
        HpkePublicKey(self.0.to_vec())
    }
}

impl TryFrom<&[u8]> for SealingPublicKey {
    type Error = SealingKeyError;
    fn try_from(bytes: &[u8]) -> Result<Self, SealingKeyError> {
        bytes.try_into().map(Self).map_err(|_| SealingKeyError::Length { length: bytes.len() })
    }
}

impl fmt::Display for SealingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for SealingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SealingPublicKey {
    type Err = SealingKeyError;
    fn from_str(text: &str) -> Result<Self, SealingKeyError> {
        decode(text).map(|bytes| Self(*bytes))
    }
}

/// Both halves; masked when shown, wiped when dropped.
pub struct SealingKeyPair {
    secret: HpkePrivateKey,
    public: SealingPublicKey,
}

impl SealingKeyPair {
    /// Draws a new key pair.
    pub fn generate() -> Result<Self, SealingKeyError> {
        let (_, secret) = suite().generate_key_pair().map_err(|_| SealingKeyError::Generate)?;
        Self::from_secret(secret)
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn from_text(text: &str) -> Result<Self, SealingKeyError> {
        Self::from_secret(HpkePrivateKey::from(decode(text)?.to_vec()))
    }

    /// Writes the secret half as base64; the public half follows from it.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.secret.secret_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> SealingPublicKey {
        self.public
    }

    fn from_secret(secret: HpkePrivateKey) -> Result<Self, SealingKeyError> {
        let key = PrivateKey::from_private_key(&X25519, secret.secret_bytes());
        let key = key.map_err(|_| SealingKeyError::Malformed)?;
        let public = key.compute_public_key().map_err(|_| SealingKeyError::Malformed)?;
        let public = public.as_ref().try_into().map_err(|_| SealingKeyError::Malformed)?;
        Ok(Self { secret, public: SealingPublicKey(public) })
    }

    pub(super) fn secret(&self) -> &HpkePrivateKey {
        &self.secret
    }
}

impl fmt::Debug for SealingKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKeyPair").field("public", &self.public).field("secret", &format_args!("{MASK}")).finish()
    }
}
