//! The data keys of one cluster's sealed objects, wrapped for that cluster.
//!
//! `SKK1` · SHA-256 of the sealing key that it is wrapped for, its first 8 bytes · encapsulated key (32) · HPKE ciphertext
//! and tag of the entries: digest (32) · key (32), in the order of the digests. What comes before the encapsulated key is
//! authenticated.

use std::collections::BTreeMap;

use rustls::crypto::hpke::EncapsulatedSecret;
use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, FleetId};
use skerry_common::limits::KEY_BLOB_BYTES_MAX;
use thiserror::Error;
use zeroize::Zeroizing;

use super::content::DataKey;
use super::key_pair::{SealingKeyPair, SealingPublicKey, suite};

const MAGIC: &[u8; 4] = b"SKK1";
const ENCAPSULATED_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;
const ENTRY_BYTES: usize = DIGEST_BYTES + DataKey::BYTES;
const INFO_LABEL: &[u8] = b"skerry-keys/1";

/// Most keys in one blob: what fits into the largest one.
pub const KEYS_MAX: u64 = (KEY_BLOB_BYTES_MAX - OVERHEAD_BYTES as u64) / ENTRY_BYTES as u64;

const KEY_ID_BYTES: usize = 8;
const HEADER_BYTES: usize = MAGIC.len() + KEY_ID_BYTES;

/// What wrapping adds to the entries.
const OVERHEAD_BYTES: usize = HEADER_BYTES + ENCAPSULATED_BYTES + TAG_BYTES;

/// Whom a key blob is for: it opens for nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// The fleet.
    pub fleet: &'a FleetId,
    /// The cluster.
    pub cluster: &'a ClusterId,
}

impl Recipient<'_> {
    /// HPKE's `info`; ids are DNS labels, so a slash keeps them apart.
    pub(super) fn info(&self) -> Vec<u8> {
        [INFO_LABEL, b"/", self.fleet.as_str().as_bytes(), b"/", self.cluster.as_str().as_bytes()].concat()
    }
}

/// Why keys were not wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WrapError {
    /// More than [`KEYS_MAX`].
    #[error("{count} keys are too many for one key blob: at most {KEYS_MAX} are allowed")]
    TooMany {
        /// How many they are.
        count: usize,
    },
    /// The public key is not one that X25519 can use.
    #[error("the cluster's sealing key cannot be used")]
    PublicKey,
}

/// Why a key blob was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnwrapError {
    /// Longer than any.
    #[error("the key blob has {length} bytes: at most {KEY_BLOB_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Not in the format that this version knows, or cut short.
    #[error("the bytes are not a key blob")]
    Malformed,
    /// For another cluster, another key, or altered.
    #[error("the key blob does not open: it is for another cluster or sealing key, or altered")]
    Refused,
    /// It opened, but its entries are not what a hub writes.
    #[error("the key blob's entries are out of order or cut short")]
    Entries,
}

pub(super) fn header(public: &SealingPublicKey) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (magic, id) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    id.copy_from_slice(&Digest::of(public.as_bytes()).as_bytes()[..KEY_ID_BYTES]);
    header
}

/// True when a key blob says that it is wrapped for this sealing key: a cluster that joins anew has another one.
pub fn is_wrapped_for(blob: &[u8], public: &SealingPublicKey) -> bool {
    blob.starts_with(&header(public))
}

/// Wraps data keys, found by their ciphertexts' digests, for one cluster.
///
/// The result differs each time; keep it while the entries stay the same.
pub fn wrap_keys(
    public: &SealingPublicKey,
    recipient: Recipient<'_>,
    keys: &BTreeMap<Digest, DataKey>,
) -> Result<Vec<u8>, WrapError> {
    if keys.len() as u64 > KEYS_MAX {
        return Err(WrapError::TooMany { count: keys.len() });
    }
    // Sized once: a vector that grows would leave copies behind.
    let mut entries = Zeroizing::new(Vec::with_capacity(keys.len() * ENTRY_BYTES));
    for (digest, key) in keys {
        entries.extend_from_slice(digest.as_bytes());
        entries.extend_from_slice(key.expose());
    }
    let header = header(public);
    let (encapsulated, ciphertext) =
        suite().seal(&recipient.info(), &header, &entries, &public.to_hpke()).map_err(|_| WrapError::PublicKey)?;
    Ok([header.as_slice(), &encapsulated.0, &ciphertext].concat())
}

/// Opens a key blob.
pub fn unwrap_keys(
    key_pair: &SealingKeyPair,
    recipient: Recipient<'_>,
    blob: &[u8],
) -> Result<BTreeMap<Digest, DataKey>, UnwrapError> {
    let length = blob.len();
    if length as u64 > KEY_BLOB_BYTES_MAX {
        return Err(UnwrapError::TooLong { length });
    }
    let (header, rest) = blob.split_at_checked(HEADER_BYTES).ok_or(UnwrapError::Malformed)?;
    if !header.starts_with(MAGIC) {
        return Err(UnwrapError::Malformed);
    }
    let (encapsulated, ciphertext) = rest.split_first_chunk::<ENCAPSULATED_BYTES>().ok_or(UnwrapError::Malformed)?;
    if ciphertext.len() < TAG_BYTES {
        return Err(UnwrapError::Malformed);
    }
    let encapsulated = EncapsulatedSecret(encapsulated.to_vec());
    let entries = suite()
        .open(&encapsulated, &recipient.info(), header, ciphertext, key_pair.secret())
        .map(Zeroizing::new)
        .map_err(|_| UnwrapError::Refused)?;
    let mut keys = BTreeMap::new();
    let mut rest = entries.as_slice();
    while let Some((digest, tail)) = rest.split_first_chunk::<DIGEST_BYTES>() {
        let (key, tail) = tail.split_first_chunk::<{ DataKey::BYTES }>().ok_or(UnwrapError::Entries)?;
        let digest = Digest::from_bytes(*digest);
        if keys.last_key_value().is_some_and(|(last, _)| *last >= digest) {
            return Err(UnwrapError::Entries);
        }
        keys.insert(digest, DataKey::new(*key));
        rest = tail;
    }
    if rest.is_empty() { Ok(keys) } else { Err(UnwrapError::Entries) }
}
