//! The two CAs: the fleet's, for the link, and the API's, for people.
//!
//! Both are made once by `skerry-hub init` and live on the hub. Replacing one means a second
//! certificate in the trust root (or the CLI's context) beside the first, until nothing is left that
//! the first has issued.

use rcgen::{CertificateParams, Issuer, PublicKeyData};
use rustls::pki_types::CertificateDer;
use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, FleetId, NameError};
use thiserror::Error;
use time::OffsetDateTime;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use crate::identity::{Identity, IdentityError, SerialNumber, only_uri};
use crate::issue::{self, ApiName, CA_LIFETIME_DAYS, ProfileError, Window};
use crate::key_pair::{KeyKind, KeyPairError, SecretKeyPair};
use crate::pem::{self, PemError};
use crate::request::SigningRequest;
use crate::roots::{CaRoots, CaRootsError};

#[cfg(test)]
mod tests;

/// Why a CA was not made or read, or did not issue.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// The key was not made or read.
    #[error("the CA's key is not usable")]
    Key(#[source] KeyPairError),
    /// The certificate's text is no PEM.
    #[error("the CA's certificate cannot be read")]
    Pem(#[source] PemError),
    /// The certificate is none of a CA.
    #[error("the CA's certificate is not usable")]
    Certificate(#[source] CaRootsError),
    /// The certificate names no fleet.
    #[error("the CA's certificate names no fleet")]
    NoFleet,
    /// The certificate's fleet is not a fleet id.
    #[error("the CA's certificate names a wrong fleet")]
    Fleet(#[source] NameError),
    /// Certificate and key are of different CAs.
    #[error("the CA's key does not belong to its certificate")]
    KeyMismatch,
    /// What was asked cannot stand in a certificate.
    #[error("the certificate cannot be issued as asked")]
    Profile(#[source] ProfileError),
    /// Signing failed.
    #[error("the certificate could not be signed")]
    Sign(#[source] rcgen::Error),
    /// What was issued does not read as it should.
    #[error("the issued certificate does not verify")]
    Issued(#[source] IdentityError),
}

/// What the hub keeps and sends of an agent's new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The chain in DER, end certificate first, for the agent.
    pub chain: Vec<Vec<u8>>,
    /// Its serial number, for the registry and for revocation.
    pub serial: SerialNumber,
    /// From when to when it is valid.
    pub window: Window,
}

/// A CA of either kind: its certificate and key.
#[derive(Debug)]
struct Ca {
    certificate: CertificateDer<'static>,
    key: SecretKeyPair,
}

impl Ca {
    fn create(kind: KeyKind, params: &CertificateParams) -> Result<Self, AuthorityError> {
        let key = SecretKeyPair::generate(kind).map_err(AuthorityError::Key)?;
        let certificate = params.self_signed(key.pair()).map_err(AuthorityError::Sign)?;
        Ok(Self { certificate: certificate.der().clone(), key })
    }

    fn from_pem(kind: KeyKind, certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let key = SecretKeyPair::from_pem(kind, key).map_err(AuthorityError::Key)?;
        let found = pem::certificates(certificate).map_err(AuthorityError::Pem)?;
        let missing = AuthorityError::Pem(PemError::Missing { what: "certificate" });
        let certificate = found.into_iter().next().ok_or(missing)?;
        CaRoots::new(vec![certificate.clone()]).map_err(AuthorityError::Certificate)?;
        let (_, parsed) = parse_x509_certificate(&certificate).map_err(|_| AuthorityError::KeyMismatch)?;
        if parsed.public_key().raw != key.public_key_info() {
            return Err(AuthorityError::KeyMismatch);
        }
        Ok(Self { certificate, key })
    }

    fn issue(
        &self,
        params: &CertificateParams,
        public_key: &impl PublicKeyData,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        let issuer = Issuer::from_ca_cert_der(&self.certificate, self.key.pair()).map_err(AuthorityError::Sign)?;
        let issued = params.signed_by(public_key, &issuer).map_err(AuthorityError::Sign)?;
        Ok(issued.der().clone())
    }

    /// Issues to a key that is made here, and adds the CA's certificate to the chain.
    fn issue_identity(&self, kind: KeyKind, params: &CertificateParams) -> Result<Identity, AuthorityError> {
        let key = SecretKeyPair::generate(kind).map_err(AuthorityError::Key)?;
        let issued = self.issue(params, key.pair())?;
        Identity::new(vec![issued, self.certificate.clone()], key.to_der()).map_err(AuthorityError::Issued)
    }

    fn roots(&self) -> Result<CaRoots, AuthorityError> {
        CaRoots::new(vec![self.certificate.clone()]).map_err(AuthorityError::Certificate)
    }
}

/// The fleet CA.
#[derive(Debug)]
pub struct Authority {
    fleet: FleetId,
    ca: Ca,
}

impl Authority {
    /// Makes the CA of a new fleet; it lasts [`CA_LIFETIME_DAYS`].
    pub fn create(fleet: FleetId, now: OffsetDateTime) -> Result<Self, AuthorityError> {
        let window = Window::starting(now, CA_LIFETIME_DAYS).map_err(AuthorityError::Profile)?;
        let params = issue::fleet_ca(&fleet, window).map_err(AuthorityError::Profile)?;
        Ok(Self { ca: Ca::create(KeyKind::Ed25519, &params)?, fleet })
    }

    /// Reads what [`Self::certificate_pem`] and [`Self::key_pem`] wrote.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let ca = Ca::from_pem(KeyKind::Ed25519, certificate, key)?;
        let (_, parsed) = parse_x509_certificate(&ca.certificate).map_err(|_| AuthorityError::NoFleet)?;
        let uri = only_uri(&parsed).map_err(|_| AuthorityError::NoFleet)?;
        let fleet = uri.strip_prefix("spiffe://").ok_or(AuthorityError::NoFleet)?;
        let fleet = FleetId::parse(fleet).map_err(AuthorityError::Fleet)?;
        Ok(Self { fleet, ca })
    }

    /// The fleet that this CA is of.
    pub fn fleet(&self) -> &FleetId {
        &self.fleet
    }

    /// The certificate in PEM, as the trust root lists it.
    pub fn certificate_pem(&self) -> String {
        pem::encode_certificates([&self.ca.certificate])
    }

    /// The certificate in DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.ca.certificate
    }

    /// The private key in PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.ca.key.to_pem()
    }

    /// The certificate's SHA-256: what a join token pins.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.ca.certificate)
    }

    /// This CA alone as the set that counts.
    pub fn roots(&self) -> Result<CaRoots, AuthorityError> {
        self.ca.roots()
    }

    /// Makes a key and a certificate for the link's server side.
    ///
    /// The chain carries the CA's certificate too, so that an agent that knows only its fingerprint
    /// can verify it.
    pub fn issue_hub(&self, now: OffsetDateTime, days: u32) -> Result<Identity, AuthorityError> {
        let window = self.window(now, days)?;
        let params = issue::hub(&self.fleet, window).map_err(AuthorityError::Profile)?;
        self.ca.issue_identity(KeyKind::Ed25519, &params)
    }

    /// Issues a certificate for an agent: of the request only the public key counts.
    pub fn issue_agent(
        &self,
        request: &SigningRequest,
        cluster: &ClusterId,
        now: OffsetDateTime,
        days: u32,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let window = self.window(now, days)?;
        let params = issue::agent(&self.fleet, cluster, window).map_err(AuthorityError::Profile)?;
        let serial = params.serial_number.as_ref().map(rcgen::SerialNumber::to_bytes).unwrap_or_default();
        let issued = self.ca.issue(&params, request.public_key())?;
        Ok(IssuedCertificate {
            chain: vec![issued.to_vec()],
            serial: SerialNumber::new(&serial).map_err(AuthorityError::Issued)?,
            window,
        })
    }

    fn window(&self, now: OffsetDateTime, days: u32) -> Result<Window, AuthorityError> {
        Window::starting(now, days).map_err(AuthorityError::Profile)
    }
}

/// The CA of the HTTPS API.
#[derive(Debug)]
pub struct ApiAuthority(Ca);

impl ApiAuthority {
    /// Makes the CA; it lasts [`CA_LIFETIME_DAYS`].
    pub fn create(now: OffsetDateTime) -> Result<Self, AuthorityError> {
        let window = Window::starting(now, CA_LIFETIME_DAYS).map_err(AuthorityError::Profile)?;
        let params = issue::api_ca(window).map_err(AuthorityError::Profile)?;
        Ca::create(KeyKind::EcdsaP256, &params).map(Self)
    }

    /// Reads what [`Self::certificate_pem`] and [`Self::key_pem`] wrote.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        Ca::from_pem(KeyKind::EcdsaP256, certificate, key).map(Self)
    }

    /// The certificate in PEM: what a CLI context and a browser trust.
    pub fn certificate_pem(&self) -> String {
        pem::encode_certificates([&self.0.certificate])
    }

    /// The private key in PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.0.key.to_pem()
    }

    /// The certificate's SHA-256.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.0.certificate)
    }

    /// Makes a key and a certificate for the given names.
    pub fn issue_api(&self, names: &[ApiName], now: OffsetDateTime, days: u32) -> Result<Identity, AuthorityError> {
        let window = Window::starting(now, days).map_err(AuthorityError::Profile)?;
        let params = issue::api(names, window).map_err(AuthorityError::Profile)?;
        self.0.issue_identity(KeyKind::EcdsaP256, &params)
    }
}
