//! The agent's side of the link.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use skerry_common::bundle::digest::Digest;
use skerry_common::id::FleetId;

use super::transport::{Side, transport};
use super::{AGENT_LIMITS, LinkProtocol, TlsError, WallClock, provider, shared_provider};
use crate::identity::{CHAIN_MAX, Identity};
use crate::issue::hub_server_name;
use crate::roots::{CA_CERTIFICATES_MAX, CaRoots};

/// QUIC settings together with the one server name that they are good for.
#[derive(Debug, Clone)]
pub struct LinkClient {
    config: quinn::ClientConfig,
    server_name: String,
}

impl LinkClient {
    /// Begins to connect to an address: whatever is there must prove to be this fleet's hub.
    pub fn connect(
        &self,
        endpoint: &quinn::Endpoint,
        address: SocketAddr,
    ) -> Result<quinn::Connecting, quinn::ConnectError> {
        endpoint.connect_with(self.config.clone(), address, &self.server_name)
    }
}

/// Builds the settings of an agent that knows its fleet's CA certificates.
///
/// Without an identity only [`LinkProtocol::Enroll`] will be open to it.
pub fn link_client_config(
    fleet: &FleetId,
    roots: &CaRoots,
    identity: Option<&Identity>,
    protocol: LinkProtocol,
    clock: &WallClock,
) -> Result<LinkClient, TlsError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.store(), shared_provider())
        .build()
        .map_err(TlsError::Verifier)?;
    build(fleet, verifier, identity, protocol, clock)
}

/// Builds the settings of a newcomer that knows only the fingerprints of the fleet's CA
/// certificates, from its join token: it speaks [`LinkProtocol::Enroll`] without a certificate.
pub fn pin_client_config(fleet: &FleetId, pins: &[Digest], clock: &WallClock) -> Result<LinkClient, TlsError> {
    if pins.is_empty() || pins.len() > CA_CERTIFICATES_MAX {
        return Err(TlsError::Pins { count: pins.len() });
    }
    let verifier = PinnedAuthority { pins: pins.to_vec(), algorithms: provider().signature_verification_algorithms };
    build(fleet, Arc::new(verifier), None, LinkProtocol::Enroll, clock)
}

fn build(
    fleet: &FleetId,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<&Identity>,
    protocol: LinkProtocol,
    clock: &WallClock,
) -> Result<LinkClient, TlsError> {
    let server_name = hub_server_name(fleet);
    if ServerName::try_from(server_name.as_str()).is_err() {
        return Err(TlsError::ServerName { name: server_name });
    }
    let builder = rustls::ClientConfig::builder_with_details(shared_provider(), Arc::new(clock.clone()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Rustls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut tls = match identity {
        // The hub knows the CA: the end certificate is enough.
        Some(identity) => builder
            .with_client_auth_cert(vec![identity.split_chain().0.clone()], identity.key())
            .map_err(TlsError::Rustls)?,
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![protocol.alpn().to_vec()];
    tls.resumption = Resumption::disabled();
    tls.enable_early_data = false;
    // The name is the same for all hubs of a fleet; whoever watches the network need not read it.
    tls.enable_sni = false;
    let quic = QuicClientConfig::try_from(Arc::new(tls)).map_err(|_| TlsError::InitialSuite)?;
    let mut config = quinn::ClientConfig::new(Arc::new(quic));
    config.transport_config(transport(Side::Agent, &AGENT_LIMITS));
    Ok(LinkClient { config, server_name })
}

/// Verifies a server that sends its CA's certificate along, by that certificate's fingerprint.
///
/// Only the pinned certificate becomes an anchor; then everything is verified as ever: signature,
/// server name, purpose, time.
#[derive(Debug)]
struct PinnedAuthority {
    pins: Vec<Digest>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let unknown = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let pinned = intermediates.iter().take(CHAIN_MAX).find(|der| self.pins.contains(&Digest::of(der)));
        let pinned = pinned.ok_or_else(unknown)?;
        let roots = CaRoots::new(vec![pinned.clone().into_owned()]).map_err(|_| unknown())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.store(), shared_provider())
            .build()
            .map_err(|_| unknown())?;
        verifier.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
