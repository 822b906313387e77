//! Renews the certificate on `skerry-enroll/1`, before it expires and after.
//!
//! ```text
//! fresh ──due──▶ asks ──granted, checked, stored──▶ fresh (the next session uses the new one)
//!                 ▲ └──refused, unreachable──▶ waits ─┐
//!                 └───────────────────────────────────┘
//! ```
//! When is [`RenewalPlan`]'s to say. A renewal that fails is tried again for ever; nothing else in the
//! agent waits for it.

#[cfg(test)]
mod tests;

use std::time::Duration;

use skerry_certs::identity::Identity;
use skerry_certs::issue::Window;
use skerry_certs::rotate::{RETRY_LONGEST, RenewalPlan};
use skerry_certs::tls::{LinkClient, LinkProtocol, PeerRefused, WallClock, link_client_config};
use skerry_common::error_chain::Chain;
use skerry_common::wire::v1::{EnrollRequest, Grant};
use thiserror::Error;
use time::OffsetDateTime;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use crate::identity::{AgentIdentityError, Enrolled, IdentityFolder, roots};
use crate::join::{JoinError, granted};
use crate::transport::quic::{ConnectError, HubConnection, connect_any, enroll};

/// How often the wall clock is looked at: it may jump, and sleeping goes by another one.
const LOOK_INTERVAL: Duration = Duration::from_secs(300);

/// Why a certificate was not renewed.
#[derive(Debug, Error)]
pub(super) enum RenewError {
    /// No hub answered.
    #[error("no hub can be reached")]
    Connect(#[from] ConnectError),
    /// Our key, or what was granted.
    #[error("the renewed certificate cannot be used")]
    Identity(#[from] AgentIdentityError),
    /// The hub said no.
    #[error("the hub does not renew the certificate")]
    Refused(#[source] JoinError),
    /// The attempt was cut off.
    #[error("the attempt was cut off")]
    Ended,
}

/// What is next.
pub(super) enum Step {
    /// An attempt is due.
    Due,
    /// The attempt under way has ended.
    Ended(Result<Grant, RenewError>),
}

/// Where the renewal of one certificate is.
pub(super) struct Renewal {
    /// `None` when the certificate's dates make no sense: a join makes a new one.
    plan: Option<RenewalPlan>,
    failures: u32,
    last_attempt: OffsetDateTime,
    /// After a success: whatever the clock says of the new certificate, the hub is not asked before.
    rests_until: Option<OffsetDateTime>,
    running: Option<AbortOnDropHandle<Result<Grant, RenewError>>>,
}

impl Renewal {
    /// Plans the renewal of a certificate.
    pub(super) fn new(tls: &Identity) -> Self {
        let plan = plan_by(tls, tls.window());
        Self { plan, failures: 0, last_attempt: OffsetDateTime::UNIX_EPOCH, rests_until: None, running: None }
    }

    /// Whether an attempt is due; not while one is under way.
    pub(super) fn is_due(&self, now: OffsetDateTime) -> bool {
        self.next_attempt().is_some_and(|at| at <= now)
    }

    fn next_attempt(&self) -> Option<OffsetDateTime> {
        let plan = self.plan.filter(|_| self.running.is_none())?;
        let planned = plan.next_attempt(self.failures, self.last_attempt);
        Some(self.rests_until.map_or(planned, |rested| rested.max(planned)))
    }

    /// Waits until an attempt is due or has ended; may be dropped and called again.
    pub(super) async fn step(&mut self, clock: &WallClock) -> Step {
        if let Some(ended) = self.ended().await {
            return ended;
        }
        let Some(due) = self.next_attempt() else { return std::future::pending().await };
        loop {
            match Duration::try_from(due - clock.now()) {
                Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(LOOK_INTERVAL)).await,
                Ok(_) | Err(_) => return Step::Due,
            }
        }
    }

    /// Waits for the attempt under way; `None` when there is none.
    pub(super) async fn ended(&mut self) -> Option<Step> {
        let ended = self.running.as_mut()?.await.unwrap_or(Err(RenewError::Ended));
        self.running = None;
        Some(Step::Ended(ended))
    }

    /// Begins an attempt; [`Self::step`] tells how it ends.
    pub(super) fn begin(&mut self, enrolled: &Enrolled, identity: &IdentityFolder, clock: &WallClock) {
        self.last_attempt = clock.now();
        let prepared = Attempt::new(enrolled, identity, clock);
        let attempt = async move { prepared?.run().await };
        self.running = Some(AbortOnDropHandle::new(tokio::spawn(attempt)));
    }

    /// Takes up how an attempt ended; gives the new certificate if there is one.
    pub(super) fn end(&mut self, ended: Result<Identity, RenewError>, now: OffsetDateTime) -> Option<Identity> {
        match ended {
            Ok(tls) => {
                info!(expires = %tls.window().not_after, "the certificate was renewed");
                *self = Self { rests_until: now.checked_add(RETRY_LONGEST.try_into().ok()?), ..Self::new(&tls) };
                Some(tls)
            }
            Err(error @ (RenewError::Connect(_) | RenewError::Ended)) => {
                debug!(error = %Chain(&error), "the certificate is not renewed yet");
                // Offline is nobody's refusal: the hub is asked soon after it is back.
                self.failures = self.failures.max(1);
                None
            }
            Err(error @ (RenewError::Identity(_) | RenewError::Refused(_))) => {
                warn!(error = %Chain(&error), "the certificate could not be renewed");
                self.failures = self.failures.saturating_add(1);
                None
            }
        }
    }

    /// The hub says that the certificate has expired: its clock counts.
    pub(super) fn expired(&mut self, tls: &Identity, now: OffsetDateTime) {
        let window = tls.window();
        let not_after = window.not_after.min(now - time::Duration::SECOND);
        let not_before = window.not_before.min(not_after - time::Duration::DAY);
        self.plan = plan_by(tls, Window { not_before, not_after });
    }
}

/// The plan for a certificate; the fingerprint of its key spreads agents that joined together.
fn plan_by(tls: &Identity, window: Window) -> Option<RenewalPlan> {
    let fingerprint = tls.peer().map(|peer| *peer.spki_fingerprint.as_bytes()).unwrap_or_default();
    let seed = fingerprint.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let plan = RenewalPlan::new(window, seed);
    plan.inspect_err(|error| warn!(error = %Chain(error), "the certificate is never renewed")).ok()
}

/// One attempt: everything that it needs, so that it runs beside the session.
struct Attempt {
    client: LinkClient,
    hubs: Vec<String>,
    csr: Vec<u8>,
}

impl Attempt {
    fn new(enrolled: &Enrolled, identity: &IdentityFolder, clock: &WallClock) -> Result<Self, RenewError> {
        let key = identity.agent_key()?;
        let csr = key.request_der().map_err(|error| AgentIdentityError::Key(error.to_string()))?;
        let (fleet, roots) = (&enrolled.me.fleet, roots(&enrolled.trust)?);
        let client = link_client_config(fleet, &roots, Some(&enrolled.tls), LinkProtocol::Enroll, clock)
            .map_err(ConnectError::Tls)?;
        Ok(Self { client, hubs: enrolled.trust.root().hubs.clone(), csr })
    }

    async fn run(self) -> Result<Grant, RenewError> {
        let connection = connect_any(&self.client, &self.hubs).await?;
        let response = enroll(&connection, &EnrollRequest::Renew { csr: self.csr }).await;
        connection.close("done").await;
        granted(response?).map_err(RenewError::Refused)
    }
}

/// Whether a hub closed a connection because the certificate has expired.
pub(super) fn is_expired_for(hub: &HubConnection, enrolled: &Enrolled) -> bool {
    let expired =
        PeerRefused::Expired { cluster: enrolled.me.cluster.clone(), not_after: enrolled.tls.window().not_after };
    match hub.connection.close_reason() {
        Some(quinn::ConnectionError::ApplicationClosed(close)) => {
            close.error_code.into_inner() == u64::from(expired.close_code())
        }
        Some(_) | None => false,
    }
}
