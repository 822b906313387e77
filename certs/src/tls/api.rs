//! The HTTPS API's TLS, on both sides.

use std::sync::Arc;

use super::{ServedIdentity, TlsError, shared_provider};
use crate::roots::CaRoots;

/// What HTTP versions are offered, best first.
const HTTP_PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Builds the API server's settings: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, no client certificates
/// (bearer tokens say who calls).
pub fn api_server_config(served: &ServedIdentity) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let mut tls = rustls::ServerConfig::builder_with_provider(shared_provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Rustls)?
        .with_no_client_auth()
        .with_cert_resolver(served.resolver());
    tls.alpn_protocols = HTTP_PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(Arc::new(tls))
}

/// Builds an API client's settings that trust only the given CA certificates.
///
/// Time is the system's: the client runs on a person's machine.
pub fn api_client_config(ca_pem: &str) -> Result<rustls::ClientConfig, TlsError> {
    let roots = CaRoots::from_pem(ca_pem).map_err(TlsError::Roots)?;
    let mut tls = rustls::ClientConfig::builder_with_provider(shared_provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Rustls)?
        .with_root_certificates(roots.store())
        .with_no_client_auth();
    tls.alpn_protocols = HTTP_PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(tls)
}
