//! Signing keys, and files encrypted to a passphrase.
//!
//! The root key signs the trust root and nothing else: it lives in a file of its own that the
//! operator moves away. The hub's everyday signing key is a [`SigningKey`] too. The same encryption
//! protects a backup of the hub ([`encrypt_to_passphrase`]).

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use skerry_common::bundle::signature::{
    Envelope, KeyId, PublicKey, SIGNATURES_MAX, Signature, pre_authentication_encoding,
};
use skerry_common::redact::MASK;
use thiserror::Error;
use zeroize::Zeroizing;

mod encrypted;
mod passphrase;
#[cfg(test)]
mod tests;

pub use encrypted::{
    DecryptError, EncryptError, ITERATIONS, ITERATIONS_MAX, ITERATIONS_MIN, PLAINTEXT_BYTES_MAX, Purpose,
    decrypt_with_passphrase, encrypt_to_passphrase,
};
pub use passphrase::{PASSPHRASE_BYTES_MAX, PASSPHRASE_BYTES_MIN, Passphrase, PassphraseError};

/// Largest PKCS#8 document of an ed25519 key that is looked at, in bytes: version 2 has 83.
const PKCS8_BYTES_MAX: usize = 256;

/// Why a signing key was not made, read or used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SigningKeyError {
    /// The system gave no randomness.
    #[error("no signing key could be made")]
    Generate,
    /// Not an ed25519 key in PKCS#8 form.
    #[error("the signing key is not an ed25519 key in PKCS#8 form")]
    Malformed,
    /// The key could not be written.
    #[error("the signing key could not be encoded")]
    Encode,
    /// The crypto library refused to sign.
    #[error("the message could not be signed")]
    Sign,
    /// The envelope has as many signatures as it may.
    #[error("the envelope has {SIGNATURES_MAX} signatures already: no more are allowed")]
    TooManySignatures,
    /// The key could not be encrypted.
    #[error("the signing key could not be encrypted")]
    Encrypt(#[source] EncryptError),
    /// The file could not be decrypted.
    #[error("the file with the signing key cannot be opened")]
    Decrypt(#[source] DecryptError),
}

/// An ed25519 key that signs bundles or trust roots.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Draws a new key.
    pub fn generate() -> Result<Self, SigningKeyError> {
        Ed25519KeyPair::generate().map(Self).map_err(|_| SigningKeyError::Generate)
    }

    /// Reads what [`Self::to_pkcs8`] wrote.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SigningKeyError> {
        if der.len() > PKCS8_BYTES_MAX {
            return Err(SigningKeyError::Malformed);
        }
        Ed25519KeyPair::from_pkcs8(der).map(Self).map_err(|_| SigningKeyError::Malformed)
    }

    /// Writes the private key as PKCS#8 (with the public key, so that damage is noticed).
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
        let document = self.0.to_pkcs8().map_err(|_| SigningKeyError::Encode)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Writes the private key into a file that only the passphrase opens.
    pub fn to_encrypted(&self, passphrase: &Passphrase) -> Result<Vec<u8>, SigningKeyError> {
        encrypt_to_passphrase(Purpose::SigningKey, &self.to_pkcs8()?, passphrase).map_err(SigningKeyError::Encrypt)
    }

    /// Reads what [`Self::to_encrypted`] wrote.
    pub fn from_encrypted(file: &[u8], passphrase: &Passphrase) -> Result<Self, SigningKeyError> {
        let pkcs8 = decrypt_with_passphrase(Purpose::SigningKey, file, passphrase).map_err(SigningKeyError::Decrypt)?;
        Self::from_pkcs8(&pkcs8)
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningKeyError> {
        let signature = self.0.try_sign(message).map_err(|_| SigningKeyError::Sign)?;
        signature.as_ref().try_into().map_err(|_| SigningKeyError::Sign)
    }

    /// Signs a payload as the first of an envelope's signers.
    pub fn sign_envelope(&self, payload_type: &str, payload: Vec<u8>) -> Result<Envelope, SigningKeyError> {
        let mut envelope = Envelope { payload_type: payload_type.to_owned(), payload, signatures: Vec::new() };
        self.add_signature(&mut envelope)?;
        Ok(envelope)
    }

    /// Adds this key's signature to an envelope, once; up to [`SIGNATURES_MAX`].
    pub fn add_signature(&self, envelope: &mut Envelope) -> Result<(), SigningKeyError> {
        let keyid = self.key_id();
        envelope.signatures.retain(|signature| signature.keyid != keyid);
        if envelope.signatures.len() >= SIGNATURES_MAX {
            return Err(SigningKeyError::TooManySignatures);
        }
        let message = pre_authentication_encoding(&envelope.payload_type, &envelope.payload);
        let sig = self.sign(&message)?.to_vec();
        envelope.signatures.push(Signature { keyid, sig });
        Ok(())
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        let mut key = [0; 32];
        // An ed25519 public key has 32 bytes by definition.
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey::from_bytes(key)
    }

    /// The id that envelopes use for this key.
    pub fn key_id(&self) -> KeyId {
        self.public_key().id()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.key_id().0).field("key", &format_args!("{MASK}")).finish()
    }
}
