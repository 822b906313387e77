//! Who is at the other end, and whether it may be there.

use quinn::crypto::rustls::HandshakeData;
use rustls::pki_types::CertificateDer;
use skerry_common::id::{ClusterId, FleetId};
use thiserror::Error;
use time::OffsetDateTime;

use super::LinkProtocol;
use crate::identity::{IdentityError, PeerIdentity};

/// A peer that may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// On `skerry/1`: has a valid certificate of this fleet.
    Member(PeerIdentity),
    /// On `skerry-enroll/1`: has a valid certificate and may renew it.
    Renewing(PeerIdentity),
    /// On `skerry-enroll/1`: its certificate has expired; the registry says whether it may renew it.
    Lapsed(PeerIdentity),
    /// On `skerry-enroll/1`: has no certificate yet; a join token must speak for it.
    Newcomer,
}

/// Why a peer is shown the door.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeerRefused {
    /// No protocol was negotiated, or one that is not ours.
    #[error("the peer speaks no protocol of ours")]
    Protocol,
    /// Nobody is a member without a certificate.
    #[error("the peer has no client certificate, without which `skerry/1` is closed to it")]
    NoCertificate,
    /// It verifies, but is not one of an agent.
    #[error("the peer's certificate is not usable")]
    Certificate(#[source] IdentityError),
    /// It is of another fleet.
    #[error("the peer's certificate is for fleet `{found}`, not `{expected}`")]
    Fleet {
        /// This fleet.
        expected: FleetId,
        /// The certificate's.
        found: FleetId,
    },
    /// Its time has not come.
    #[error("the certificate of cluster `{cluster}` is not valid before {not_before}")]
    NotYetValid {
        /// Whose it is.
        cluster: ClusterId,
        /// When it becomes valid.
        not_before: OffsetDateTime,
    },
    /// Its time is over, and this is not the protocol on which it is renewed.
    #[error("the certificate of cluster `{cluster}` expired at {not_after}: it can only be renewed")]
    Expired {
        /// Whose it is.
        cluster: ClusterId,
        /// When it ended.
        not_after: OffsetDateTime,
    },
}

impl PeerRefused {
    /// The application error code with which the hub closes the connection: part of the protocol.
    pub fn close_code(&self) -> u32 {
        match self {
            Self::Protocol => 0x101,
            Self::NoCertificate => 0x102,
            Self::Certificate(_) => 0x103,
            Self::Fleet { .. } => 0x104,
            Self::NotYetValid { .. } => 0x105,
            Self::Expired { .. } => 0x106,
        }
    }
}

/// Decides whether a peer may speak on the protocol that TLS negotiated.
///
/// `certificates` are those of a finished handshake under [`super::link_server_config`], which has
/// verified the chain and that the peer holds the key; here it is about name, time and protocol.
/// Whether the cluster is still registered, with this key and not revoked, is the registry's to say.
pub fn peer_on(
    fleet: &FleetId,
    alpn: &[u8],
    certificates: &[CertificateDer<'_>],
    now: OffsetDateTime,
) -> Result<Peer, PeerRefused> {
    let protocol = LinkProtocol::from_alpn(alpn).ok_or(PeerRefused::Protocol)?;
    let Some(leaf) = certificates.first() else {
        return match protocol {
            LinkProtocol::Session => Err(PeerRefused::NoCertificate),
            LinkProtocol::Enroll => Ok(Peer::Newcomer),
        };
    };
    let peer = PeerIdentity::from_der(leaf).map_err(PeerRefused::Certificate)?;
    if peer.fleet != *fleet {
        return Err(PeerRefused::Fleet { expected: fleet.clone(), found: peer.fleet });
    }
    // Certificates count whole seconds, and so must this: `not_after` itself is still valid.
    let now = now.unix_timestamp();
    if now < peer.not_before.unix_timestamp() {
        return Err(PeerRefused::NotYetValid { cluster: peer.cluster, not_before: peer.not_before });
    }
    let expired = now > peer.not_after.unix_timestamp();
    match (protocol, expired) {
        (LinkProtocol::Session, false) => Ok(Peer::Member(peer)),
        (LinkProtocol::Session, true) => Err(PeerRefused::Expired { cluster: peer.cluster, not_after: peer.not_after }),
        (LinkProtocol::Enroll, false) => Ok(Peer::Renewing(peer)),
        (LinkProtocol::Enroll, true) => Ok(Peer::Lapsed(peer)),
    }
}

/// [`peer_on`] for a connection whose handshake is finished.
pub fn peer_of_connection(
    fleet: &FleetId,
    connection: &quinn::Connection,
    now: OffsetDateTime,
) -> Result<Peer, PeerRefused> {
    let handshake = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    let alpn = handshake.and_then(|data| data.protocol).unwrap_or_default();
    let certificates = connection
        .peer_identity()
        .and_then(|data| data.downcast::<Vec<CertificateDer<'static>>>().ok())
        .unwrap_or_default();
    peer_on(fleet, &alpn, &certificates, now)
}
