//! `skerry-enroll/1`: one request, one answer. Joins with a token, renews certificates.
//!
//! The decision is the core's ([`skerry_hub_core::enroll`]); what it decides is stored before the
//! answer leaves, so that an agent whose answer was lost asks again and gets the same place.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, VarInt};
use skerry_certs::authority::{Authority, AuthorityError, IssuedCertificate};
use skerry_certs::identity::PeerIdentity;
use skerry_certs::request::SigningRequest;
use skerry_certs::tls::{Peer, WallClock};
use skerry_common::bundle::digest::{Digest, hex};
use skerry_common::bundle::signature::Envelope;
use skerry_common::diagnostic::Code;
use skerry_common::error_chain::Chain;
use skerry_common::id::{ClusterId, ClusterName, FleetId};
use skerry_common::wire::v1::{EnrollRequest, EnrollResponse, Grant};
use skerry_hub_core::enroll::{RedeemError, Redemption, TokenRecord, TokenSecret, TokenState, redeem};
use skerry_link::{FrameReader, FrameWriter, LinkError};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::{PROGRAM_VERSION, unix_ms};
use crate::store::clusters::{Certificate, ClusterRecord, Join, JoinOutcome, JoinToken, Standing};
use crate::store::journal::HubEvent;
use crate::store::{HubStore, StoreError};
use crate::trust::TrustLine;

/// How long an agent's certificate lives, in days: renewed at two thirds, so a hub may be away for
/// ten days before a renewal needs `skerry-enroll/1` with an expired certificate.
pub const AGENT_CERTIFICATE_DAYS: u32 = 30;

/// How long an enrolment may take in all.
const ENROLL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an agent should wait when the hub's store does not answer.
const RETRY_AFTER_MS: u64 = 5_000;

/// Longest HPKE public key, in bytes: X25519 has 32.
const SEALING_KEY_BYTES_MAX: usize = 64;

/// Decides on enrolments; cheap to clone.
#[derive(Clone)]
pub struct Enroller<S: HubStore> {
    /// The fleet.
    pub fleet: FleetId,
    /// Facts.
    pub store: S,
    /// Signs agents' certificates.
    pub authority: Arc<Authority>,
    /// The trust root in force.
    pub trust: watch::Receiver<TrustLine>,
    /// The time.
    pub clock: WallClock,
    /// Woken when a cluster has joined: it gets its bundle at once.
    pub wake: Option<Arc<tokio::sync::Notify>>,
}

/// Why an enrolment is refused.
#[derive(Debug, Error)]
pub enum EnrollError {
    /// The token.
    #[error(transparent)]
    Token(#[from] RedeemError),
    /// The request does not name the cluster that the token is for, or it is gone.
    #[error("the cluster is not registered any more")]
    ClusterUnknown,
    /// The cluster was revoked, or its key is not the one known.
    #[error("the certificate does not count any more")]
    Revoked,
    /// The signing request.
    #[error("the signing request is refused")]
    Request(#[source] skerry_certs::request::RequestError),
    /// The sealing key.
    #[error("the sealing key has {0} bytes: at most {SEALING_KEY_BYTES_MAX} are read")]
    SealingKey(usize),
    /// Join by the wrong door: a member renews.
    #[error("a join needs a token, a renewal a certificate")]
    Door,
    /// The CA failed.
    #[error("the certificate cannot be issued")]
    Authority(#[source] AuthorityError),
    /// The store failed.
    #[error("the enrolment cannot be stored")]
    Store(#[from] StoreError),
}

impl EnrollError {
    /// Stable code; `None` when the hub cannot answer now.
    pub fn code(&self) -> Option<Code> {
        Some(match self {
            Self::Store(_) => return None,
            Self::Token(error) => error.code(),
            Self::ClusterUnknown => RedeemError::Unknown.code(),
            Self::Door | Self::Revoked | Self::Request(_) | Self::SealingKey(_) | Self::Authority(_) => Code(104),
        })
    }

    fn response(&self) -> EnrollResponse {
        let Some(code) = self.code() else { return EnrollResponse::Busy { retry_after_ms: RETRY_AFTER_MS } };
        let mut reason = Chain(self).to_string();
        if let Self::Token(error) = self {
            reason = format!("{reason}: {}", error.help());
        }
        EnrollResponse::Refused { code: code.0, reason }
    }
}

/// Serves one enrolment connection.
pub(super) async fn run<S: HubStore>(connection: Connection, peer: Peer, enroller: Enroller<S>) {
    match timeout(ENROLL_TIMEOUT, answer(&connection, &peer, &enroller)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(error = %Chain(&error), "an enrolment broke"),
        Err(_) => debug!("an enrolment took too long"),
    }
    connection.close(VarInt::from_u32(0), b"done");
}

async fn answer<S: HubStore>(connection: &Connection, peer: &Peer, enroller: &Enroller<S>) -> Result<(), LinkError> {
    let broke = |error: quinn::ConnectionError| LinkError::Io(error.into());
    let (send, receive) = connection.accept_bi().await.map_err(broke)?;
    let (mut writer, mut reader) = (FrameWriter::new(send), FrameReader::new(receive));
    reader.hello().await?;
    writer.hello(PROGRAM_VERSION).await?;
    let request = reader.message().await?;
    let response = match enroller.handle(peer, request).await {
        Ok(grant) => EnrollResponse::Granted(grant),
        Err(error) => {
            warn!(error = %Chain(&error), "an enrolment was refused");
            error.response()
        }
    };
    writer.message(&response).await?;
    writer.finish().await?;
    // The answer has arrived when the agent closes; until then the connection must stay.
    connection.closed().await;
    Ok(())
}

impl<S: HubStore> Enroller<S> {
    async fn handle(&self, peer: &Peer, request: EnrollRequest) -> Result<Grant, EnrollError> {
        match (request, peer) {
            (EnrollRequest::Join { token, csr, sealing_key }, _) => self.join(&token, &csr, sealing_key).await,
            (EnrollRequest::Renew { csr }, Peer::Renewing(peer) | Peer::Lapsed(peer)) => self.renew(peer, &csr).await,
            (EnrollRequest::Renew { .. }, Peer::Newcomer | Peer::Member(_)) => Err(EnrollError::Door),
        }
    }

    async fn join(&self, token: &str, csr: &[u8], sealing_key: Vec<u8>) -> Result<Grant, EnrollError> {
        let secret = TokenSecret::parse(token).map_err(|_| RedeemError::Unknown)?;
        let request = SigningRequest::from_der(csr).map_err(EnrollError::Request)?;
        let hash = secret.digest();
        let token = self.store.token(&hash).await?;
        let Some(token) = token else { return Err(RedeemError::Unknown.into()) };
        let cluster = self.store.cluster(&token.cluster).await?.ok_or(EnrollError::ClusterUnknown)?;
        let key = request.spki_fingerprint();
        let now = self.clock.now().unix_timestamp();
        match redeem(Some(&token_record(&token, &cluster)), &key, now)? {
            Redemption::Join(_) | Redemption::Resume => {}
        }
        let grant = self.grant(&cluster, Some(hash), &request, sealing_key).await?;
        Ok(Grant { earlier_trust_roots: self.earlier_trust_roots(), ..grant })
    }

    /// Joins a cluster whose request came as a file.
    pub async fn join_offline(
        &self,
        name: &ClusterName,
        csr: &[u8],
        sealing_key: Vec<u8>,
    ) -> Result<Grant, EnrollError> {
        let request = SigningRequest::from_der(csr).map_err(EnrollError::Request)?;
        let cluster = self.store.cluster_by_name(name).await?.ok_or(EnrollError::ClusterUnknown)?;
        let known = cluster.certificate.as_ref().map(|certificate| certificate.key);
        if known.is_some_and(|known| known != request.spki_fingerprint()) {
            return Err(RedeemError::OtherKey.into());
        }
        self.grant(&cluster, None, &request, sealing_key).await
    }

    async fn grant(
        &self,
        cluster: &ClusterRecord,
        token: Option<Digest>,
        request: &SigningRequest,
        sealing_key: Vec<u8>,
    ) -> Result<Grant, EnrollError> {
        if sealing_key.len() > SEALING_KEY_BYTES_MAX {
            return Err(EnrollError::SealingKey(sealing_key.len()));
        }
        let issued = self.issue(request, &cluster.id)?;
        let certificate = certificate(&issued, request);
        let now_unix_ms = unix_ms(&self.clock);
        let join = Join { token, cluster: cluster.id.clone(), sealing_key, certificate, now_unix_ms };
        match self.store.join(join).await? {
            JoinOutcome::Joined => {}
            JoinOutcome::TokenUnknown => return Err(RedeemError::Unknown.into()),
            JoinOutcome::TokenTaken => return Err(RedeemError::OtherKey.into()),
            JoinOutcome::ClusterUnknown => return Err(EnrollError::ClusterUnknown),
        }
        info!(cluster = %cluster.name, "a cluster joined");
        self.store.record(Some(&cluster.id), HubEvent::Joined, now_unix_ms).await?;
        if let Some(wake) = &self.wake {
            wake.notify_one();
        }
        Ok(self.granted(cluster, issued))
    }

    async fn renew(&self, peer: &PeerIdentity, csr: &[u8]) -> Result<Grant, EnrollError> {
        let known = self.store.certificate(&hex(peer.serial.as_bytes())).await?;
        let valid = known.is_some_and(|(cluster, _, standing)| {
            cluster == peer.cluster && standing == crate::store::clusters::CertificateStanding::Valid
        });
        if !valid {
            return Err(EnrollError::Revoked);
        }
        let cluster = self.store.cluster(&peer.cluster).await?.ok_or(EnrollError::ClusterUnknown)?;
        if cluster.standing == Standing::Revoked {
            return Err(EnrollError::Revoked);
        }
        let request = SigningRequest::from_der(csr).map_err(EnrollError::Request)?;
        let issued = self.issue(&request, &cluster.id)?;
        if !self.store.renew(&cluster.id, certificate(&issued, &request)).await? {
            return Err(EnrollError::Revoked);
        }
        Ok(self.granted(&cluster, issued))
    }

    fn issue(&self, request: &SigningRequest, cluster: &ClusterId) -> Result<IssuedCertificate, EnrollError> {
        self.authority
            .issue_agent(request, cluster, self.clock.now(), AGENT_CERTIFICATE_DAYS)
            .map_err(EnrollError::Authority)
    }

    fn granted(&self, cluster: &ClusterRecord, issued: IssuedCertificate) -> Grant {
        Grant {
            fleet: self.fleet.clone(),
            cluster: cluster.id.clone(),
            name: cluster.name.clone(),
            chain: issued.chain,
            trust_root: self.trust.borrow().newest().envelope().clone(),
            earlier_trust_roots: Vec::new(),
        }
    }

    fn earlier_trust_roots(&self) -> Vec<Envelope> {
        let line = self.trust.borrow();
        let earlier = line.marks().iter().filter(|mark| mark.version < line.newest().root().version);
        earlier.map(|mark| mark.envelope.clone()).collect()
    }
}

/// The store's row as the core's record.
fn token_record(token: &JoinToken, cluster: &ClusterRecord) -> TokenRecord {
    let state = match token.used_by {
        _ if cluster.standing == Standing::Revoked => TokenState::Revoked,
        Some(key) => TokenState::Bound { key, at: 0 },
        None => TokenState::Unused,
    };
    TokenRecord {
        secret: token.hash,
        cluster: token.cluster.clone(),
        name: cluster.name.clone(),
        expires: token.expires_unix_ms / 1000,
        state,
    }
}

fn certificate(issued: &IssuedCertificate, request: &SigningRequest) -> Certificate {
    let milliseconds = |at: time::OffsetDateTime| at.unix_timestamp().saturating_mul(1000);
    Certificate {
        serial: hex(issued.serial.as_bytes()),
        key: request.spki_fingerprint(),
        issued_unix_ms: milliseconds(issued.window.not_before),
        expires_unix_ms: milliseconds(issued.window.not_after),
    }
}
