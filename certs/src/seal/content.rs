//! One object's ciphertext.
//!
//! `SKS1` · nonce (12) · AES-256-GCM ciphertext · tag (16); the four letters are authenticated.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use skerry_common::bundle::digest::Digest;
use skerry_common::limits::OBJECT_BYTES_MAX;
use skerry_common::redact::MASK;
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest audience: names of a fleet, an application and a group, or a digest.
pub const AUDIENCE_BYTES_MAX: usize = 1024;

/// Largest ciphertext: the largest object and what sealing adds.
pub const CIPHERTEXT_BYTES_MAX: u64 = OBJECT_BYTES_MAX + OVERHEAD_BYTES as u64;

/// What sealing adds.
const OVERHEAD_BYTES: usize = MAGIC.len() + NONCE_LEN + TAG_BYTES;
const MAGIC: &[u8; 4] = b"SKS1";
const TAG_BYTES: usize = 16;
const KEY_LABEL: &[u8] = b"skerry-seal/1 key";
const NONCE_LABEL: &[u8] = b"skerry-seal/1 nonce";

/// Why a plaintext was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// Larger than any object.
    #[error("{length} bytes are too many to seal: at most {OBJECT_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// An audience that is empty or longer than [`AUDIENCE_BYTES_MAX`].
    #[error("an audience of {length} bytes is not allowed: 1 to {AUDIENCE_BYTES_MAX} are")]
    Audience {
        /// Its length.
        length: usize,
    },
    /// The crypto library refused.
    #[error("the sealing failed")]
    Cipher,
}

/// Why a ciphertext was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Longer than [`CIPHERTEXT_BYTES_MAX`].
    #[error("the sealed object has {length} bytes: at most {CIPHERTEXT_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Not in the format that this version knows, or cut short.
    #[error("the bytes are not a sealed object")]
    Malformed,
    /// Another key's, or altered.
    #[error("the sealed object does not open with this key: it is another one's, or altered")]
    Refused,
}

/// The key of one sealed object; masked when shown, wiped when dropped.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; DataKey::BYTES]>);

impl DataKey {
    /// Its length.
    pub const BYTES: usize = 32;

    pub(super) fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &*self.0).ok().map(LessSafeKey::new)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A sealed object and the key that opens it.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// What may be stored and sent.
    pub ciphertext: Vec<u8>,
    /// What is wrapped for each cluster of the audience.
    pub data_key: DataKey,
}

/// Seals under the hub's secret.
#[derive(Clone)]
pub struct Sealer(hmac::Key);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Sealer {
    /// Takes the hub's sealing secret: 32 random bytes that are in every backup, as without them
    /// equal content gets other bytes (nothing becomes unreadable).
    pub fn new(hub_secret: [u8; 32]) -> Self {
        let hub_secret = Zeroizing::new(hub_secret);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &*hub_secret))
    }

    /// Seals a plaintext for an audience: the same bytes for the same two, always.
    pub fn seal(&self, audience: &str, plaintext: &[u8]) -> Result<Sealed, SealError> {
        let length = plaintext.len();
        if length as u64 > OBJECT_BYTES_MAX {
            return Err(SealError::TooLong { length });
        }
        if audience.is_empty() || audience.len() > AUDIENCE_BYTES_MAX {
            return Err(SealError::Audience { length: audience.len() });
        }
        let digest = Digest::of(plaintext);
        let data_key = DataKey::new(*self.derive(KEY_LABEL, audience, &digest));
        let nonce_bytes = self.derive(NONCE_LABEL, audience, &digest);
        let nonce_bytes: &[u8; NONCE_LEN] = nonce_bytes.first_chunk().ok_or(SealError::Cipher)?;
        let mut ciphertext = Vec::with_capacity(length + OVERHEAD_BYTES);
        ciphertext.extend_from_slice(MAGIC);
        ciphertext.extend_from_slice(nonce_bytes);
        ciphertext.extend_from_slice(plaintext);
        let tag = data_key
            .cipher()
            .ok_or(SealError::Cipher)?
            .seal_in_place_separate_tag(
                // Unique for the key: see the module above.
                Nonce::assume_unique_for_key(*nonce_bytes),
                Aad::from(MAGIC),
                &mut ciphertext[MAGIC.len() + NONCE_LEN..],
            )
            .map_err(|_| SealError::Cipher)?;
        ciphertext.extend_from_slice(tag.as_ref());
        Ok(Sealed { ciphertext, data_key })
    }

    /// HMAC over label, audience (with its length, so that no two inputs read alike) and digest.
    fn derive(&self, label: &[u8], audience: &str, plaintext: &Digest) -> Zeroizing<[u8; DataKey::BYTES]> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(label);
        context.update(&[0]);
        context.update(&(audience.len() as u64).to_be_bytes());
        context.update(audience.as_bytes());
        context.update(plaintext.as_bytes());
        let mut out = Zeroizing::new([0; DataKey::BYTES]);
        // HMAC-SHA256 gives 32 bytes.
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// Opens a sealed object.
pub fn open(ciphertext: &[u8], data_key: &DataKey) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let length = ciphertext.len();
    if length as u64 > CIPHERTEXT_BYTES_MAX {
        return Err(OpenError::TooLong { length });
    }
    let rest = ciphertext.strip_prefix(MAGIC).ok_or(OpenError::Malformed)?;
    let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Malformed)?;
    if body.len() < TAG_BYTES {
        return Err(OpenError::Malformed);
    }
    let mut plaintext = Zeroizing::new(body.to_vec());
    let length = data_key
        .cipher()
        .ok_or(OpenError::Refused)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(MAGIC), &mut plaintext)
        .map_err(|_| OpenError::Refused)?
        .len();
    plaintext.truncate(length);
    Ok(plaintext)
}
