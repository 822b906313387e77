//! Every TLS setting, and who may speak on which protocol.
//!
//! ```text
//!                       foreign CA, no       no certificate,
//!                       proof of the key     expired certificate
//! skerry/1              refused in the       refused by `peer_on`, right after
//!                       handshake            the handshake, before the first frame
//! skerry-enroll/1       refused in the       let in: a new agent joins with a token,
//!                       handshake            an old one renews its certificate
//! ```
//! Both protocols share one port and one TLS configuration, and TLS asks for a client certificate
//! before the protocol is known to the code that verifies it. So the handshake refuses what is wrong
//! on either protocol (another CA, a server's certificate, a bad signature, not yet valid) and lets
//! «none» and «expired» through; [`peer_on`] refuses those on `skerry/1`. The hub calls it before it
//! opens or accepts a stream; until then a peer can make it do nothing but a handshake.
//!
//! An agent expects the fleet's fixed server name at whatever address it dials, and verifies against
//! the fleet's CA certificates alone. Before it has joined it knows only their fingerprints, from the
//! join token: [`pin_client_config`].
//!
//! Certificates are judged at the time that [`WallClock`] says, which the caller supplies: an agent's
//! is the maximum of its system's clock, its build's time and the newest accepted bundle's.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self as backend, kx_group};
use skerry_common::wire::v1::{ALPN_ENROLL, ALPN_SESSION};
use thiserror::Error;

mod api;
mod client;
mod clock;
mod peer;
mod served;
mod server;
#[cfg(test)]
mod tests;
mod transport;

pub use api::{api_client_config, api_server_config};
pub use client::{LinkClient, link_client_config, pin_client_config};
pub use clock::WallClock;
pub(crate) use clock::unix_time;
pub use peer::{Peer, PeerRefused, peer_of_connection, peer_on};
pub use served::ServedIdentity;
pub use server::link_server_config;
pub use transport::{AGENT_LIMITS, HUB_LIMITS, IDLE_TIMEOUT, KEEP_ALIVE_INTERVAL, LinkLimits, STREAMS_MAX};

/// What is spoken on the link; the name that TLS negotiates (ALPN).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkProtocol {
    /// A member's session: offers, content, reports, journal.
    Session,
    /// Joining with a token, and renewing a certificate, expired or not.
    Enroll,
}

impl LinkProtocol {
    /// The name on the wire.
    pub fn alpn(self) -> &'static [u8] {
        match self {
            Self::Session => ALPN_SESSION,
            Self::Enroll => ALPN_ENROLL,
        }
    }

    /// The protocol of a name, if it is one of ours.
    pub fn from_alpn(name: &[u8]) -> Option<Self> {
        [Self::Session, Self::Enroll].into_iter().find(|protocol| protocol.alpn() == name)
    }
}

/// Why a TLS configuration was not built.
#[derive(Debug, Clone, Error)]
pub enum TlsError {
    /// rustls refused a chain, a key or a protocol version.
    #[error("the TLS settings are refused")]
    Rustls(#[source] rustls::Error),
    /// The verifier was not built.
    #[error("the CA certificates are refused")]
    Verifier(#[source] rustls::client::VerifierBuilderError),
    /// The CA certificates cannot be read.
    #[error("the CA certificates cannot be used")]
    Roots(#[source] crate::roots::CaRootsError),
    /// The provider lacks QUIC's first cipher suite.
    #[error("the crypto provider lacks TLS13_AES_128_GCM_SHA256, with which QUIC begins")]
    InitialSuite,
    /// No fingerprint to trust, or more than there can be CA certificates.
    #[error("{count} CA fingerprints: 1 to {} are needed", crate::roots::CA_CERTIFICATES_MAX)]
    Pins {
        /// How many were given.
        count: usize,
    },
    /// The fleet's server name is no DNS name.
    #[error("`{name}` is not a server name")]
    ServerName {
        /// The name.
        name: String,
    },
}

/// The one crypto provider: aws-lc-rs, X25519MLKEM768 before X25519 and P-256.
///
/// P-256 stays for HTTPS clients under FIPS rules. TLS 1.2's suites are in it for the HTTPS API;
/// the link's configurations ask for TLS 1.3.
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1],
        ..backend::default_provider()
    }
}

/// Makes [`provider`] the process's default, for libraries that build their own configurations.
///
/// Returns whether it is the default now: `false` means that another came first.
pub fn install_provider() -> bool {
    provider().install_default().is_ok()
}

fn shared_provider() -> Arc<CryptoProvider> {
    Arc::new(provider())
}
