//! Bytes encrypted to a passphrase.
//!
//! ```text
//! {"format":"skerry-encrypted","version":1,"purpose":…,"kdf":…,"iterations":…,"salt":…,"check":…,"cipher":…,"nonce":…} LF
//! ciphertext and tag (AES-256-GCM; the header line is authenticated)
//! SHA-256 of everything before
//! ```
//! PBKDF2-HMAC-SHA256 turns passphrase and salt into a master key; HMAC-SHA256 under that gives the
//! cipher key and, apart from it, sixteen bytes that tell whether the passphrase was right. So three
//! things can be told apart: the digest does not fit → the file is *damaged*; the check does not
//! fit → the *passphrase* is wrong; the tag does not fit → someone has *altered* the file and made
//! the digest fit. Whoever guesses passphrases gains nothing by the check: the tag would serve as well.
//!
//! Salt and nonce are drawn anew for each file, so no key meets two plaintexts.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{hmac, pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use thiserror::Error;
use zeroize::Zeroizing;

use super::passphrase::Passphrase;

/// PBKDF2 iterations of new files: what OWASP asks of HMAC-SHA256 (2023); some 0.2 s.
pub const ITERATIONS: u32 = 600_000;

/// Fewest iterations that a file may ask for: a header is not trusted to weaken the key.
pub const ITERATIONS_MIN: u32 = ITERATIONS;

/// Most iterations that a file may ask for: a hostile header must not keep the CPU for minutes.
pub const ITERATIONS_MAX: u32 = 10_000_000;

/// Most bytes that are encrypted at once: a backup is held in memory.
pub const PLAINTEXT_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Longest header line: it has some 330 bytes.
const HEADER_BYTES_MAX: usize = 4 * 1024;

const FORMAT: &str = "skerry-encrypted";
const VERSION: u32 = 1;
const KDF: &str = "pbkdf2-hmac-sha256";
const CIPHER: &str = "aes-256-gcm";
const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 32;
const CHECK_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const CIPHER_KEY_LABEL: &[u8] = b"skerry-encrypted/1 cipher key";
const CHECK_LABEL: &[u8] = b"skerry-encrypted/1 passphrase check";

/// What a file is for: one kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A root key or another signing key.
    SigningKey,
    /// A backup of the hub.
    Backup,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SigningKey => "signing key",
            Self::Backup => "backup",
        })
    }
}

/// Why bytes were not encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncryptError {
    /// More than [`PLAINTEXT_BYTES_MAX`].
    #[error("{length} bytes are too many to encrypt: at most {PLAINTEXT_BYTES_MAX} are allowed")]
    TooLong {
        /// How many they are.
        length: usize,
    },
    /// The system gave no randomness.
    #[error("no random salt could be drawn")]
    Random,
    /// The crypto library refused.
    #[error("the encryption failed")]
    Cipher,
}

/// Why a file was not decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecryptError {
    /// Another file, or its beginning is damaged.
    #[error("this is not a file encrypted by skerry, or its first line is damaged")]
    NotEncrypted,
    /// Made by a newer version.
    #[error("the file has format version {found}: this program knows {VERSION}")]
    Newer {
        /// The file's version.
        found: u32,
    },
    /// Made for something else.
    #[error("the file holds a {found}, not a {expected}")]
    Purpose {
        /// What was expected.
        expected: Purpose,
        /// What the file says.
        found: Purpose,
    },
    /// The header asks for something that no version of this program wrote.
    #[error("the file's header is not acceptable: {what}")]
    Header {
        /// Which field.
        what: &'static str,
    },
    /// Longer than anything this program writes.
    #[error("the file has {length} bytes: too many")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Cut short, or bits have changed.
    #[error("the file is damaged or cut short: take another copy of it")]
    Damaged,
    /// The file is whole, but not for this passphrase.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// The passphrase is right and the file's own digest fits, but the cipher's tag does not.
    #[error("the file was altered after it was written")]
    Altered,
}

/// Read first: a newer version may have other fields.
#[derive(Deserialize)]
struct Probe {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    purpose: Purpose,
    kdf: String,
    iterations: u32,
    salt: String,
    check: String,
    cipher: String,
    nonce: String,
}

/// Encrypts bytes so that only the passphrase opens them.
pub fn encrypt_to_passphrase(
    purpose: Purpose,
    plaintext: &[u8],
    passphrase: &Passphrase,
) -> Result<Vec<u8>, EncryptError> {
    if plaintext.len() > PLAINTEXT_BYTES_MAX {
        return Err(EncryptError::TooLong { length: plaintext.len() });
    }
    let mut salt = [0u8; SALT_BYTES];
    let mut nonce = [0u8; NONCE_LEN];
    rand::fill(&mut salt).and_then(|()| rand::fill(&mut nonce)).map_err(|_| EncryptError::Random)?;
    let iterations = NonZeroU32::new(ITERATIONS).ok_or(EncryptError::Cipher)?;
    let keys = Keys::derive(passphrase, &salt, iterations).ok_or(EncryptError::Cipher)?;
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        purpose,
        kdf: KDF.to_owned(),
        iterations: ITERATIONS,
        salt: STANDARD.encode(salt),
        check: STANDARD.encode(keys.check),
        cipher: CIPHER.to_owned(),
        nonce: STANDARD.encode(nonce),
    };
    let mut line = serde_json::to_vec(&header).map_err(|_| EncryptError::Cipher)?;
    line.push(b'\n');
    let mut file = Vec::with_capacity(line.len() + plaintext.len() + TAG_BYTES + DIGEST_BYTES);
    file.extend_from_slice(&line);
    file.extend_from_slice(plaintext);
    let tag = keys
        .cipher
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&line), &mut file[line.len()..])
        .map_err(|_| EncryptError::Cipher)?;
    file.extend_from_slice(tag.as_ref());
    let digest = Digest::of(&file);
    file.extend_from_slice(digest.as_bytes());
    Ok(file)
}

/// Decrypts what [`encrypt_to_passphrase`] wrote for the same purpose.
pub fn decrypt_with_passphrase(
    purpose: Purpose,
    file: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    if file.len() > PLAINTEXT_BYTES_MAX + HEADER_BYTES_MAX + TAG_BYTES + DIGEST_BYTES {
        return Err(DecryptError::TooLong { length: file.len() });
    }
    let end = file.iter().take(HEADER_BYTES_MAX).position(|byte| *byte == b'\n').ok_or(DecryptError::NotEncrypted)?;
    let (line, _) = file.split_at(end + 1);
    let probe: Probe = serde_json::from_slice(line).map_err(|_| DecryptError::NotEncrypted)?;
    if probe.format != FORMAT {
        return Err(DecryptError::NotEncrypted);
    }
    if probe.version != VERSION {
        return Err(DecryptError::Newer { found: probe.version });
    }
    let (whole, digest) = file.split_last_chunk::<DIGEST_BYTES>().ok_or(DecryptError::Damaged)?;
    if Digest::of(whole).as_bytes() != digest {
        return Err(DecryptError::Damaged);
    }
    let body = whole.get(line.len()..).filter(|body| body.len() >= TAG_BYTES).ok_or(DecryptError::Damaged)?;
    let header: Header = serde_json::from_slice(line).map_err(|_| DecryptError::Header { what: "fields" })?;
    if header.purpose != purpose {
        return Err(DecryptError::Purpose { expected: purpose, found: header.purpose });
    }
    let parameters = Parameters::of(&header)?;
    let keys = Keys::derive(passphrase, &parameters.salt, parameters.iterations)
        .ok_or(DecryptError::Header { what: "kdf" })?;
    verify_slices_are_equal(&keys.check, &parameters.check).map_err(|_| DecryptError::WrongPassphrase)?;
    let mut plaintext = Zeroizing::new(body.to_vec());
    let nonce = Nonce::assume_unique_for_key(parameters.nonce);
    let length =
        keys.cipher.open_in_place(nonce, Aad::from(line), &mut plaintext).map_err(|_| DecryptError::Altered)?.len();
    plaintext.truncate(length);
    Ok(plaintext)
}

/// A header's fields, checked.
struct Parameters {
    iterations: NonZeroU32,
    salt: [u8; SALT_BYTES],
    check: [u8; CHECK_BYTES],
    nonce: [u8; NONCE_LEN],
}

impl Parameters {
    fn of(header: &Header) -> Result<Self, DecryptError> {
        let refused = |what| DecryptError::Header { what };
        if header.kdf != KDF {
            return Err(refused("kdf"));
        }
        if header.cipher != CIPHER {
            return Err(refused("cipher"));
        }
        let iterations = Some(header.iterations)
            .filter(|count| (ITERATIONS_MIN..=ITERATIONS_MAX).contains(count))
            .and_then(NonZeroU32::new)
            .ok_or(refused("iterations"))?;
        Ok(Self {
            iterations,
            salt: decode(&header.salt).ok_or(refused("salt"))?,
            check: decode(&header.check).ok_or(refused("check"))?,
            nonce: decode(&header.nonce).ok_or(refused("nonce"))?,
        })
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

struct Keys {
    cipher: LessSafeKey,
    check: [u8; CHECK_BYTES],
}

impl Keys {
    fn derive(passphrase: &Passphrase, salt: &[u8], iterations: NonZeroU32) -> Option<Self> {
        let mut master = Zeroizing::new([0u8; KEY_BYTES]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, passphrase.expose().as_bytes(), &mut *master);
        let master = hmac::Key::new(hmac::HMAC_SHA256, &*master);
        let cipher = hmac::sign(&master, CIPHER_KEY_LABEL);
        let check = hmac::sign(&master, CHECK_LABEL);
        Some(Self {
            cipher: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, cipher.as_ref()).ok()?),
            check: *check.as_ref().first_chunk()?,
        })
    }
}
