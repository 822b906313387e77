//! A certificate signing request (PKCS#10): made by the agent, read by the hub.
//!
//! ```text
//! agent  AgentKey::generate ─▶ request_der ──▶ hub  SigningRequest::from_der ─▶ Authority::issue_agent
//!        AgentKey::accept   ◀──── chain ◀────────────────────────────────────────────┘
//! ```
//! The request proves possession of the key and says nothing else: the hub takes the cluster from
//! the join token or from the certificate that is renewed. The agent keeps its key on disk before
//! it sends the request, so that a join that was cut off goes on with the same key.

use rcgen::{CertificateParams, DistinguishedName};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use skerry_common::bundle::digest::Digest;
use skerry_common::id::FleetId;
use std::sync::Arc;
use thiserror::Error;
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use crate::identity::{CHAIN_MAX, Identity, IdentityError, PeerIdentity};
use crate::key_pair::{KeyKind, KeyPairError, SecretKeyPair};
use crate::roots::CaRoots;
use crate::tls::{provider, unix_time};

#[cfg(test)]
mod tests;

/// Largest signing request in bytes of DER: one with an ed25519 key and no names has 160.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024;

/// Why a signing request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Longer than [`REQUEST_BYTES_MAX`].
    #[error("the signing request has {length} bytes: at most {REQUEST_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Not PKCS#10, or with bytes behind it.
    #[error("the signing request is malformed")]
    Malformed,
    /// A key that is not ed25519.
    #[error("the signing request's key is not an ed25519 key")]
    KeyKind,
    /// Whoever sent it does not hold the key.
    #[error("the signing request is not signed by its own key")]
    Signature,
}

/// A request whose signature was verified; only its public key is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningRequest {
    public_key: rcgen::SubjectPublicKeyInfo,
    fingerprint: Digest,
}

impl SigningRequest {
    /// Reads and verifies a request in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > REQUEST_BYTES_MAX {
            return Err(RequestError::TooLong { length: der.len() });
        }
        let (rest, parsed) = X509CertificationRequest::from_der(der).map_err(|_| RequestError::Malformed)?;
        if !rest.is_empty() {
            return Err(RequestError::Malformed);
        }
        let key = &parsed.certification_request_info.subject_pki;
        if key.algorithm.algorithm != OID_SIG_ED25519 || parsed.signature_algorithm.algorithm != OID_SIG_ED25519 {
            return Err(RequestError::KeyKind);
        }
        parsed.verify_signature().map_err(|_| RequestError::Signature)?;
        let public_key = rcgen::SubjectPublicKeyInfo::from_der(key.raw).map_err(|_| RequestError::KeyKind)?;
        Ok(Self { public_key, fingerprint: Digest::of(key.raw) })
    }

    pub(crate) fn public_key(&self) -> &rcgen::SubjectPublicKeyInfo {
        &self.public_key
    }

    /// The SHA-256 of the public key (SubjectPublicKeyInfo): tells whether a token is used again
    /// with the same key. It equals [`PeerIdentity::spki_fingerprint`] of the certificate issued.
    pub fn spki_fingerprint(&self) -> Digest {
        self.fingerprint
    }
}

/// Why a received certificate was refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ChainRefused {
    /// It is for another key, or names no cluster.
    #[error("the received certificate is not one for this agent")]
    Identity(#[source] IdentityError),
    /// It names another fleet.
    #[error("the received certificate is for fleet `{found}`, not `{expected}`")]
    Fleet {
        /// The fleet that was joined.
        expected: FleetId,
        /// The fleet in the certificate.
        found: FleetId,
    },
    /// It does not chain to the CAs that count, or is not valid now.
    #[error("the received certificate does not verify against the fleet's CA")]
    Chain(#[source] rustls::Error),
}

/// The agent's key, before and after it has a certificate.
#[derive(Debug)]
pub struct AgentKey(SecretKeyPair);

impl AgentKey {
    /// Draws a new key.
    pub fn generate() -> Result<Self, KeyPairError> {
        SecretKeyPair::generate(KeyKind::Ed25519).map(Self)
    }

    /// Reads what [`Self::to_pem`] wrote.
    pub fn from_pem(text: &str) -> Result<Self, KeyPairError> {
        SecretKeyPair::from_pem(KeyKind::Ed25519, text).map(Self)
    }

    /// Writes the private key as PKCS#8 PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.0.to_pem()
    }

    /// The SHA-256 of the public key, as [`SigningRequest::spki_fingerprint`] sees it.
    pub fn spki_fingerprint(&self) -> Digest {
        Digest::of(&self.0.public_key_info())
    }

    /// Makes a signing request in DER: the public key, signed by itself, with no names.
    pub fn request_der(&self) -> Result<Vec<u8>, KeyPairError> {
        let mut nameless = CertificateParams::default();
        nameless.distinguished_name = DistinguishedName::new();
        let request = nameless.serialize_request(self.0.pair()).map_err(KeyPairError::Request)?;
        Ok(request.der().to_vec())
    }

    /// Verifies a received certificate: for this key, of this fleet, valid now under the CAs that count.
    pub fn accept(
        &self,
        chain: &[Vec<u8>],
        fleet: &FleetId,
        roots: &CaRoots,
        now: OffsetDateTime,
    ) -> Result<(Identity, PeerIdentity), ChainRefused> {
        // One more than allowed is enough to refuse.
        let chain = chain.iter().take(CHAIN_MAX + 1).cloned().map(CertificateDer::from).collect();
        let identity = Identity::new(chain, self.0.to_der()).map_err(ChainRefused::Identity)?;
        let peer = identity.peer().map_err(ChainRefused::Identity)?;
        if peer.fleet != *fleet {
            return Err(ChainRefused::Fleet { expected: fleet.clone(), found: peer.fleet });
        }
        verify_client(&identity, roots, unix_time(now)).map_err(ChainRefused::Chain)?;
        Ok((identity, peer))
    }
}

/// Looks at a certificate as the hub's TLS will.
fn verify_client(identity: &Identity, roots: &CaRoots, now: UnixTime) -> Result<(), rustls::Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.store(), Arc::new(provider()))
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let (leaf, intermediates) = identity.split_chain();
    verifier.verify_client_cert(leaf, intermediates, now).map(|_| ())
}
