//! A certificate chain with its key, and who a peer's certificate says it is.

use std::fmt;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, FleetId, NameError};
use skerry_common::redact::MASK;
use thiserror::Error;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use crate::issue::Window;
use crate::pem::{self, PemError};
use crate::tls::provider;

#[cfg(test)]
mod tests;

/// Most certificates in a chain: CAs here sign end certificates only, so two are enough.
pub const CHAIN_MAX: usize = 2;

/// Largest certificate that is looked at, in bytes of DER: ours have some 450.
pub const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;

/// Longest serial number in bytes (RFC 5280 §4.1.2.2).
const SERIAL_BYTES_MAX: usize = 20;

/// The name of the certificate in a Secret of type `kubernetes.io/tls` and in a folder.
pub const CERTIFICATE_FILE: &str = "tls.crt";

/// The name of the key in a Secret of type `kubernetes.io/tls` and in a folder.
pub const KEY_FILE: &str = "tls.key";

/// Why a certificate or a chain with its key was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The text is no PEM with what was expected.
    #[error("the identity cannot be read")]
    Pem(#[source] PemError),
    /// More certificates than [`CHAIN_MAX`], or none.
    #[error("the chain has {length} certificates: 1 to {CHAIN_MAX} are allowed")]
    ChainLength {
        /// How many there are.
        length: usize,
    },
    /// Larger than [`CERTIFICATE_BYTES_MAX`].
    #[error("the certificate has {length} bytes: at most {CERTIFICATE_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Not X.509, or with bytes behind it.
    #[error("the certificate cannot be parsed")]
    Malformed,
    /// The private key is damaged or of an unknown kind.
    #[error("the private key cannot be used")]
    Key,
    /// The private key is of another certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// Anything but exactly one URI as its name.
    #[error("the certificate must have one URI as its only name")]
    Names,
    /// The URI is not that of a cluster.
    #[error("the certificate's name `{uri}` is not `spiffe://<fleet>/cluster/<id>`")]
    Uri {
        /// What stands there, cut to 256 characters.
        uri: String,
    },
    /// The fleet in the URI is no fleet id.
    #[error("the certificate names a wrong fleet")]
    Fleet(#[source] NameError),
    /// The cluster in the URI is no cluster id.
    #[error("the certificate names a wrong cluster")]
    Cluster(#[source] NameError),
    /// The certificate is not one for a TLS client.
    #[error("the certificate is not one of an agent")]
    Purpose,
    /// Empty or too long.
    #[error("the certificate's serial number has {length} bytes: 1 to {SERIAL_BYTES_MAX} are allowed")]
    Serial {
        /// Its length.
        length: usize,
    },
}

/// A certificate's serial number; shown in hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(Vec<u8>);

impl SerialNumber {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, IdentityError> {
        let length = bytes.len();
        if length == 0 || length > SERIAL_BYTES_MAX {
            return Err(IdentityError::Serial { length });
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The big-endian bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who an agent's certificate says it is. Whether to believe it is TLS's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The fleet in its name.
    pub fleet: FleetId,
    /// The cluster in its name.
    pub cluster: ClusterId,
    /// The certificate's serial number.
    pub serial: SerialNumber,
    /// Valid from here.
    pub not_before: OffsetDateTime,
    /// Valid to here, inclusive.
    pub not_after: OffsetDateTime,
    /// The SHA-256 of the public key (SubjectPublicKeyInfo).
    pub spki_fingerprint: Digest,
}

impl PeerIdentity {
    /// Reads an agent's certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let parsed = parse(der)?;
        let usage = parsed.extended_key_usage().map_err(|_| IdentityError::Malformed)?;
        let usage = usage.ok_or(IdentityError::Purpose)?.value;
        if !usage.client_auth || usage.server_auth || usage.any || parsed.is_ca() {
            return Err(IdentityError::Purpose);
        }
        let (fleet, cluster) = parse_agent_uri(only_uri(&parsed)?)?;
        let window = window(&parsed);
        Ok(Self {
            fleet,
            cluster,
            serial: SerialNumber::new(parsed.raw_serial())?,
            not_before: window.not_before,
            not_after: window.not_after,
            spki_fingerprint: Digest::of(parsed.public_key().raw),
        })
    }
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, IdentityError> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(IdentityError::TooLong { length: der.len() });
    }
    match parse_x509_certificate(der) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) | Err(_) => Err(IdentityError::Malformed),
    }
}

pub(crate) fn window(parsed: &X509Certificate<'_>) -> Window {
    let validity = parsed.validity();
    Window { not_before: validity.not_before.to_datetime(), not_after: validity.not_after.to_datetime() }
}

/// The certificate's only name, if that is a URI.
pub(crate) fn only_uri<'a>(parsed: &'a X509Certificate<'_>) -> Result<&'a str, IdentityError> {
    let names = parsed.subject_alternative_name().map_err(|_| IdentityError::Malformed)?;
    let names = names.ok_or(IdentityError::Names)?.value;
    match names.general_names.as_slice() {
        [GeneralName::URI(uri)] => Ok(uri),
        _ => Err(IdentityError::Names),
    }
}

fn parse_agent_uri(uri: &str) -> Result<(FleetId, ClusterId), IdentityError> {
    let path = uri.strip_prefix("spiffe://").and_then(|rest| rest.split_once("/cluster/"));
    let Some((fleet, cluster)) = path else {
        return Err(IdentityError::Uri { uri: uri.chars().take(256).collect() });
    };
    let fleet = FleetId::parse(fleet).map_err(IdentityError::Fleet)?;
    let cluster = ClusterId::parse(cluster).map_err(IdentityError::Cluster)?;
    Ok((fleet, cluster))
}

/// A certificate chain and its private key, checked to belong together.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Zeroizing<PrivateKeyDer<'static>>,
    window: Window,
}

impl Identity {
    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: Zeroizing<PrivateKeyDer<'static>>,
    ) -> Result<Self, IdentityError> {
        let leaf = match chain.as_slice() {
            [leaf, ..] if chain.len() <= CHAIN_MAX => leaf,
            _ => return Err(IdentityError::ChainLength { length: chain.len() }),
        };
        let window = window(&parse(leaf)?);
        match CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider()) {
            Ok(_) => Ok(Self { chain, key, window }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(IdentityError::KeyMismatch),
            Err(_) => Err(IdentityError::Key),
        }
    }

    /// Reads chain and key from two texts: [`CERTIFICATE_FILE`] and [`KEY_FILE`].
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, IdentityError> {
        let chain = pem::certificates(chain).map_err(IdentityError::Pem)?;
        Self::new(chain, pem::private_key(key).map_err(IdentityError::Pem)?)
    }

    /// Reads what [`Self::to_bundle_pem`] wrote.
    pub fn from_bundle_pem(text: &str) -> Result<Self, IdentityError> {
        Self::from_pem(text, text)
    }

    /// Writes key and chain into one text: one file is replaced in one rename, so that key and
    /// certificate never come from two renewals.
    pub fn to_bundle_pem(&self) -> Zeroizing<String> {
        let (chain, key) = (self.chain_pem(), self.key_pem());
        let mut text = Zeroizing::new(String::with_capacity(chain.len() + key.len()));
        text.push_str(&key);
        text.push_str(&chain);
        text
    }

    /// The chain in PEM, end certificate first.
    pub fn chain_pem(&self) -> String {
        pem::encode_certificates(&self.chain)
    }

    /// The private key in PEM (always PKCS#8 for keys made here).
    pub fn key_pem(&self) -> Zeroizing<String> {
        let label = match &*self.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            PrivateKeyDer::Pkcs8(_) | _ => "PRIVATE KEY",
        };
        pem::encode(label, self.key.secret_der())
    }

    /// From when to when the end certificate is valid.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Who an agent's own certificate says it is.
    pub fn peer(&self) -> Result<PeerIdentity, IdentityError> {
        PeerIdentity::from_der(self.split_chain().0)
    }

    /// The end certificate and the rest.
    pub(crate) fn split_chain(&self) -> (&CertificateDer<'static>, &[CertificateDer<'static>]) {
        // `new` refuses an empty chain.
        (&self.chain[0], &self.chain[1..])
    }

    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("window", &self.window).field("key", &format_args!("{MASK}")).finish()
    }
}
