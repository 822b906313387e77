//! Joining a fleet: with a token over the network, or with two files.
//!
//! ```text
//! token ─▶ keys ─▶ hub reached (pinned CA) ─▶ granted ─▶ trust root (pinned digest) ─▶ stored
//! ```
//! Every step can be repeated: keys are made once, and a token used with the same key is granted
//! again. Nothing is stored before the trust root's digest and the certificate were checked.

use skerry_certs::tls::{WallClock, pin_client_config};
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::trust::TrustedRoot;
use skerry_common::diagnostic::Code;
use skerry_common::join::JoinToken;
use skerry_common::join::offline::{JoinReplyFile, JoinRequestFile, OfflineFileError};
use skerry_common::wire::v1::{EnrollRequest, EnrollResponse, Grant};
use thiserror::Error;

use crate::identity::{AgentIdentityError, Enrolled, IdentityFolder};
use crate::transport::quic::{ConnectError, PROGRAM_VERSION, connect_any, enroll};

/// What was passed on the way; for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The agent had joined this fleet before.
    AlreadyJoined,
    /// Keys are there.
    Keys,
    /// A hub answered under the pinned CA.
    Reached(String),
    /// The hub granted a certificate.
    Granted,
    /// The trust root is the pinned one.
    Trusted,
    /// The trust root is that of the reply file, which nobody pinned.
    Believed(Digest),
    /// Everything is on disk.
    Stored,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlreadyJoined => f.write_str("already joined"),
            Self::Keys => f.write_str("keys made on this machine"),
            Self::Reached(hub) => write!(f, "hub reached at {hub}, under the pinned certificate authority"),
            Self::Granted => f.write_str("certificate granted"),
            Self::Trusted => f.write_str("trust root is the pinned one"),
            Self::Believed(trust) => write!(f, "trust root {trust} taken from the file; `--pin` would compare it"),
            Self::Stored => f.write_str("identity stored"),
        }
    }
}

/// Why a cluster did not join.
#[derive(Debug, Error)]
pub enum JoinError {
    /// Keys or identity.
    #[error("the identity cannot be made or stored")]
    Identity(#[from] AgentIdentityError),
    /// No hub.
    #[error("no hub can be reached")]
    Connect(#[from] ConnectError),
    /// The hub said no.
    #[error("the hub refuses [{code}]: {reason}")]
    Refused {
        /// Stable code.
        code: Code,
        /// In words.
        reason: String,
    },
    /// The hub is busy.
    #[error("the hub is busy: try again in {0} ms")]
    Busy(u64),
    /// The trust root is not the one that was pinned.
    #[error("the trust root is refused [{}]", Code(103))]
    Trust(#[source] skerry_common::bundle::trust::TrustError),
    /// This agent belongs to another fleet already.
    #[error("this agent already belongs to fleet `{0}`: remove its state folder to let it join another")]
    OtherFleet(skerry_common::id::FleetId),
    /// A request or reply file.
    #[error("the file cannot be used")]
    File(#[from] OfflineFileError),
}

/// Joins with a token; `told` hears of every step passed. Repeating it resumes or says «already joined».
pub async fn join(
    folder: &IdentityFolder,
    token: &JoinToken,
    clock: &WallClock,
    told: &mut (dyn FnMut(Step) + Send),
) -> Result<Enrolled, JoinError> {
    if let Some(enrolled) = joined_before(folder, &token.fleet)? {
        told(Step::AlreadyJoined);
        return Ok(enrolled);
    }
    let csr = folder.agent_key()?.request_der().map_err(|error| AgentIdentityError::Key(error.to_string()))?;
    let sealing_key = folder.sealing_key()?.public().as_bytes().to_vec();
    told(Step::Keys);
    let client = pin_client_config(&token.fleet, &[token.authority], clock).map_err(ConnectError::Tls)?;
    let connection = connect_any(&client, &token.hubs).await?;
    told(Step::Reached(connection.hub.clone()));
    let request = EnrollRequest::Join { token: token.secret.expose(), csr, sealing_key };
    let response = enroll(&connection, &request).await?;
    connection.close("joined").await;
    let grant = granted(response)?;
    told(Step::Granted);
    // The token may be older than the trust root in force.
    let trust = TrustedRoot::reached(&grant.earlier_trust_roots, &grant.trust_root, &token.trust_root);
    let trust = trust.map_err(JoinError::Trust)?;
    told(Step::Trusted);
    let enrolled = folder.store_grant(&grant, &trust, clock.now())?;
    told(Step::Stored);
    Ok(enrolled)
}

fn joined_before(folder: &IdentityFolder, fleet: &skerry_common::id::FleetId) -> Result<Option<Enrolled>, JoinError> {
    match folder.enrolled()? {
        Some(enrolled) if enrolled.me.fleet == *fleet => Ok(Some(enrolled)),
        Some(enrolled) => Err(JoinError::OtherFleet(enrolled.me.fleet)),
        None => Ok(None),
    }
}

/// Reads what the hub answered.
pub fn granted(response: EnrollResponse) -> Result<Grant, JoinError> {
    match response {
        EnrollResponse::Granted(grant) => Ok(grant),
        EnrollResponse::Refused { code, reason } => Err(JoinError::Refused { code: Code(code), reason }),
        EnrollResponse::Busy { retry_after_ms } => Err(JoinError::Busy(retry_after_ms)),
    }
}

/// Makes keys and the request file of a join without a network.
pub fn offline_request(folder: &IdentityFolder) -> Result<Vec<u8>, JoinError> {
    let csr = folder.agent_key()?.request_der().map_err(|error| AgentIdentityError::Key(error.to_string()))?;
    let sealing_key = folder.sealing_key()?.public().as_bytes().to_vec();
    Ok(JoinRequestFile::new(PROGRAM_VERSION.to_owned(), csr, sealing_key).to_bytes()?)
}

/// Takes the reply file of a join without a network.
///
/// The file travelled by hand, which is why its own trust root is believed; `pin` lets a careful
/// operator compare digests.
pub fn offline_reply(
    folder: &IdentityFolder,
    reply: &[u8],
    pin: Option<&Digest>,
    clock: &WallClock,
    told: &mut dyn FnMut(Step),
) -> Result<Enrolled, JoinError> {
    let grant = JoinReplyFile::parse(reply)?.into_grant();
    if let Some(enrolled) = joined_before(folder, &grant.fleet)? {
        told(Step::AlreadyJoined);
        return Ok(enrolled);
    }
    let own = grant.trust_root.digest();
    let trust = TrustedRoot::pinned(grant.trust_root.clone(), pin.unwrap_or(&own)).map_err(JoinError::Trust)?;
    told(if pin.is_some() { Step::Trusted } else { Step::Believed(own) });
    let enrolled = folder.store_grant(&grant, &trust, clock.now())?;
    told(Step::Stored);
    Ok(enrolled)
}
