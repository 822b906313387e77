//! The hub's side of the link.

use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};

use super::transport::{Side, transport};
use super::{LinkLimits, LinkProtocol, ServedIdentity, TlsError, WallClock, shared_provider, unix_time};
use crate::identity;
use crate::roots::CaRoots;

/// Builds the hub's QUIC settings: both protocols on one port, client certificates asked for,
/// verified against `client_roots` when sent, and not demanded here (see [`super::peer_on`]).
///
/// A new certificate takes effect by [`ServedIdentity::replace`], a new set of CAs by giving the endpoint
/// a new configuration; connections that are up keep the old ones.
pub fn link_server_config(
    served: &ServedIdentity,
    client_roots: &CaRoots,
    clock: &WallClock,
    limits: &LinkLimits,
) -> Result<quinn::ServerConfig, TlsError> {
    let tls = tls_settings(served, client_roots, clock)?;
    let quic = QuicServerConfig::try_from(Arc::new(tls)).map_err(|_| TlsError::InitialSuite)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(quic));
    config
        .transport_config(transport(Side::Hub, limits))
        .max_incoming(limits.attempts_max)
        .incoming_buffer_size(u64::from(limits.attempt_buffer_bytes))
        .incoming_buffer_size_total(u64::from(limits.attempt_buffer_bytes) * limits.attempts_max as u64);
    Ok(config)
}

/// The part that is rustls's.
pub(super) fn tls_settings(
    served: &ServedIdentity,
    client_roots: &CaRoots,
    clock: &WallClock,
) -> Result<rustls::ServerConfig, TlsError> {
    let mut tls = rustls::ServerConfig::builder_with_details(shared_provider(), Arc::new(clock.clone()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Rustls)?
        .with_client_cert_verifier(Arc::new(ExpiryLeftToCaller::new(client_roots)?))
        .with_cert_resolver(served.resolver());
    tls.alpn_protocols = [LinkProtocol::Session, LinkProtocol::Enroll].map(|it| it.alpn().to_vec()).into();
    // A resumed session would skip the client's certificate, so that a revoked or expired one lives on.
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    tls.max_early_data_size = 0;
    Ok(tls)
}

/// Verifies a client's certificate in everything but its end: an expired one passes if it was good
/// on its last day, and [`super::peer_on`] tells what it may do.
#[derive(Debug)]
struct ExpiryLeftToCaller(Arc<dyn ClientCertVerifier>);

impl ExpiryLeftToCaller {
    fn new(roots: &CaRoots) -> Result<Self, TlsError> {
        WebPkiClientVerifier::builder_with_provider(roots.store(), shared_provider())
            .allow_unauthenticated()
            .build()
            .map(Self)
            .map_err(TlsError::Verifier)
    }
}

impl ClientCertVerifier for ExpiryLeftToCaller {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let refused = match self.0.verify_client_cert(end_entity, intermediates, now) {
            Ok(verified) => return Ok(verified),
            Err(refused) => refused,
        };
        let expired = matches!(
            refused,
            rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })
        );
        if !expired {
            return Err(refused);
        }
        let parsed = identity::parse(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        let last_day = unix_time(identity::window(&parsed).not_after);
        // If it was an intermediate that expired, this fails again, as it should.
        self.0.verify_client_cert(end_entity, intermediates, last_day)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
