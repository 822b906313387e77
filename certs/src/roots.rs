//! The CA certificates that count.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::trust::TrustRoot;
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use crate::pem::{self, PemError};

/// Most CA certificates that count at once: the one in use, the next, and slack for a fleet whose
/// replacement was interrupted. The TLS handshake names each of them.
pub const CA_CERTIFICATES_MAX: usize = 8;

/// Why a set of CA certificates was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CaRootsError {
    /// The text is no PEM with certificates.
    #[error("the CA certificates cannot be read")]
    Pem(#[source] PemError),
    /// Nobody could be verified against an empty set.
    #[error("at least one CA certificate is needed")]
    Empty,
    /// More than [`CA_CERTIFICATES_MAX`].
    #[error("{count} CA certificates: at most {CA_CERTIFICATES_MAX} are allowed")]
    TooMany {
        /// How many there were.
        count: usize,
    },
    /// Not X.509.
    #[error("CA certificate {position} cannot be parsed")]
    Malformed {
        /// Its place in the set, from 1.
        position: usize,
    },
    /// A certificate of a hub or an agent instead of a CA.
    #[error("certificate {position} is not a CA certificate")]
    NotACa {
        /// Its place in the set, from 1.
        position: usize,
    },
}

/// One CA certificate or several: while a CA is replaced, old and new count side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaRoots(Vec<CertificateDer<'static>>);

impl CaRoots {
    /// Takes certificates as DER.
    pub fn from_der(certificates: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, CaRootsError> {
        // One more than allowed is enough to refuse.
        let limit = CA_CERTIFICATES_MAX + 1;
        Self::new(certificates.into_iter().take(limit).map(CertificateDer::from).collect())
    }

    /// Takes the CA certificates that a trust root lists.
    pub fn from_trust_root(root: &TrustRoot) -> Result<Self, CaRootsError> {
        let mut certificates = Vec::new();
        for text in root.authorities.iter().take(CA_CERTIFICATES_MAX + 1) {
            certificates.extend(pem::certificates(text).map_err(CaRootsError::Pem)?);
        }
        Self::new(certificates)
    }

    /// Takes certificates as PEM, one after the other.
    pub fn from_pem(text: &str) -> Result<Self, CaRootsError> {
        Self::new(pem::certificates(text).map_err(CaRootsError::Pem)?)
    }

    pub(crate) fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, CaRootsError> {
        if certificates.is_empty() {
            return Err(CaRootsError::Empty);
        }
        if certificates.len() > CA_CERTIFICATES_MAX {
            return Err(CaRootsError::TooMany { count: certificates.len() });
        }
        let mut probe = RootCertStore::empty();
        for (index, der) in certificates.iter().enumerate() {
            let position = index + 1;
            let (rest, parsed) = parse_x509_certificate(der).map_err(|_| CaRootsError::Malformed { position })?;
            if !rest.is_empty() {
                return Err(CaRootsError::Malformed { position });
            }
            if !parsed.is_ca() {
                return Err(CaRootsError::NotACa { position });
            }
            probe.add(der.clone()).map_err(|_| CaRootsError::Malformed { position })?;
        }
        Ok(Self(certificates))
    }

    /// The certificates in DER.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The SHA-256 of each certificate: what a join token pins.
    pub fn fingerprints(&self) -> Vec<Digest> {
        self.certificates().map(Digest::of).collect()
    }

    /// Writes the certificates as PEM.
    pub fn to_pem(&self) -> String {
        pem::encode_certificates(&self.0)
    }

    /// The set as rustls wants it.
    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        let (added, refused) = store.add_parsable_certificates(self.0.iter().cloned());
        debug_assert_eq!((added, refused), (self.0.len(), 0), "each one was parsed by `new`");
        Arc::new(store)
    }
}
