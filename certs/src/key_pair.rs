//! A signing key pair that is masked when shown and wiped when dropped.

use std::fmt;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use rustls::pki_types::PrivateKeyDer;
use skerry_common::redact::MASK;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::pem::{self, PemError};

/// Which kind of key is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Fleet CA, hub and agents.
    Ed25519,
    /// The HTTPS API and its CA: browsers refuse ed25519.
    EcdsaP256,
}

impl KeyKind {
    fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            Self::Ed25519 => &PKCS_ED25519,
            Self::EcdsaP256 => &PKCS_ECDSA_P256_SHA256,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ECDSA P-256",
        })
    }
}

/// Why a key pair was not made or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyPairError {
    /// The system gave no randomness.
    #[error("no {kind} key could be made")]
    Generate {
        /// What was wanted.
        kind: KeyKind,
        /// What rcgen said.
        #[source]
        source: rcgen::Error,
    },
    /// The request could not be signed.
    #[error("no signing request could be made with the key")]
    Request(#[source] rcgen::Error),
    /// The text is no PEM with a private key.
    #[error("the private key cannot be read")]
    Pem(#[source] PemError),
    /// The key is of another kind, or damaged.
    #[error("the private key is not an {kind} key in PKCS#8 form")]
    Kind {
        /// What was wanted.
        kind: KeyKind,
    },
}

/// A key pair of one of the two kinds.
pub(crate) struct SecretKeyPair(KeyPair);

impl SecretKeyPair {
    /// Draws a new key.
    pub(crate) fn generate(kind: KeyKind) -> Result<Self, KeyPairError> {
        KeyPair::generate_for(kind.algorithm()).map(Self).map_err(|source| KeyPairError::Generate { kind, source })
    }

    /// Reads the PKCS#8 PEM that [`Self::to_pem`] wrote.
    pub(crate) fn from_pem(kind: KeyKind, text: &str) -> Result<Self, KeyPairError> {
        let key = pem::private_key(text).map_err(KeyPairError::Pem)?;
        let PrivateKeyDer::Pkcs8(pkcs8) = &*key else {
            return Err(KeyPairError::Kind { kind });
        };
        KeyPair::from_pkcs8_der_and_sign_algo(pkcs8, kind.algorithm())
            .map(Self)
            .map_err(|_| KeyPairError::Kind { kind })
    }

    /// Writes the key as PKCS#8 PEM.
    pub(crate) fn to_pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", self.0.serialized_der())
    }

    /// Gives the PKCS#8 DER for TLS.
    pub(crate) fn to_der(&self) -> Zeroizing<PrivateKeyDer<'static>> {
        Zeroizing::new(PrivateKeyDer::Pkcs8(self.0.serialized_der().to_vec().into()))
    }

    /// The public key as SubjectPublicKeyInfo DER.
    pub(crate) fn public_key_info(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }

    /// The pair, for signing.
    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }
}

impl fmt::Debug for SecretKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Drop for SecretKeyPair {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_pem_and_their_kind_is_checked() {
        for (kind, other) in [(KeyKind::Ed25519, KeyKind::EcdsaP256), (KeyKind::EcdsaP256, KeyKind::Ed25519)] {
            let key = SecretKeyPair::generate(kind).unwrap();
            let again = SecretKeyPair::from_pem(kind, &key.to_pem()).unwrap();
            assert_eq!(key.public_key_info(), again.public_key_info());
            assert_eq!(SecretKeyPair::from_pem(other, &key.to_pem()).err(), Some(KeyPairError::Kind { kind: other }));
            assert_eq!(format!("{key:?}"), MASK);
        }
    }
}
