//! The certificate that a server shows, replaced while it serves.

use std::fmt;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use super::{TlsError, provider};
use crate::identity::Identity;

/// Owns a server's certificate: handshakes that begin after [`ServedIdentity::replace`] are shown the
/// new one, connections that are up do not notice.
pub struct ServedIdentity(watch::Sender<Arc<CertifiedKey>>);

impl ServedIdentity {
    /// Begins with a certificate.
    pub fn new(identity: &Identity) -> Result<Self, TlsError> {
        Ok(Self(watch::Sender::new(certified(identity)?)))
    }

    /// Shows another one from now on.
    pub fn replace(&self, identity: &Identity) -> Result<(), TlsError> {
        self.0.send_replace(certified(identity)?);
        Ok(())
    }

    /// What rustls asks at each handshake; it goes on with the last certificate when the owner is gone.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::new(Newest(self.0.subscribe()))
    }
}

impl fmt::Debug for ServedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServedIdentity")
    }
}

fn certified(identity: &Identity) -> Result<Arc<CertifiedKey>, TlsError> {
    CertifiedKey::from_der(identity.chain().to_vec(), identity.key(), &provider())
        .map(Arc::new)
        .map_err(TlsError::Rustls)
}

#[derive(Debug)]
struct Newest(watch::Receiver<Arc<CertifiedKey>>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.borrow().clone())
    }
}
