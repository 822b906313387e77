//! Drives one agent's session: bytes in, the core decides, store and bytes out.

use std::time::{Duration, Instant};

use quinn::{Connection, VarInt};
use skerry_certs::identity::PeerIdentity;
use skerry_common::bundle::digest::hex;
use skerry_common::error_chain::Chain;
use skerry_common::id::{ClusterId, Incarnation};
use skerry_common::report::{CLUSTER_UNREADABLE, StateReport};
use skerry_common::wire::v1::{self, AgentMessage, HubMessage};
use skerry_hub_core::session::{INTRODUCTION_TIMEOUT, Input, Introduced, Known, Output, Session};
use skerry_link::{FrameReader, FrameWriter, LinkError};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Span, debug, info, warn};

use super::switchboard::Word;
use super::{LinkContext, PROGRAM_VERSION, content, listener, offer};
use crate::store::clusters::{AgentFacts, CertificateStanding, Heard, Says};
use crate::store::journal::HubEvent;
use crate::store::states::{Scope, StateUpdate};
use crate::store::{BlobStore, HubStore, StoreError};
use crate::trust::TrustLine;

/// Messages read ahead of the session: QUIC's own window holds back the rest.
const MESSAGES_AHEAD_MAX: usize = 2;

/// How often a quiet session notes that its agent is still heard: well below the 60 s after which a
/// cluster is late.
const CONTACT_INTERVAL: Duration = Duration::from_secs(15);

/// Application close code: the session ended as it should.
const CLOSE_DONE: VarInt = VarInt::from_u32(0);

/// Application close code: the certificate was revoked.
const CLOSE_REVOKED: VarInt = VarInt::from_u32(0x107);

/// Why a session ended.
#[derive(Debug, Error)]
enum SessionError {
    /// The connection broke, or the agent broke the protocol.
    #[error("the link to the agent ended")]
    Link(#[from] LinkError),
    /// The connection broke before there was a stream.
    #[error("the agent opened no stream")]
    Stream(#[source] quinn::ConnectionError),
    /// The store failed: the agent comes back and tells it again.
    #[error("what the agent said cannot be stored")]
    Store(#[from] StoreError),
    /// The first message was no introduction, or came too late.
    #[error("the agent did not introduce itself")]
    Introduction,
}

/// Runs a session to its end.
pub(super) async fn run<S: HubStore, B: BlobStore>(
    connection: Connection,
    peer: PeerIdentity,
    context: LinkContext<S, B>,
    stop: CancellationToken,
) {
    Span::current().record("cluster", peer.cluster.as_str());
    match is_revoked(&context, &peer).await {
        Ok(false) => {}
        Ok(true) => {
            info!(cluster = %peer.cluster, "a revoked cluster was refused");
            return connection.close(CLOSE_REVOKED, b"this cluster was revoked");
        }
        Err(error) => {
            warn!(error = %Chain(&error), "a session cannot begin");
            return listener::close_busy(&connection, "the hub's store does not answer");
        }
    }
    let Some(words) = context.switchboard.attach(peer.cluster.clone()).await else { return };
    let ended = tokio::select! {
        ended = Driver::drive(&connection, &peer.cluster, &context, words) => ended,
        () = stop.cancelled() => Ok("the hub stops"),
    };
    match ended {
        Ok(reason) => {
            debug!(cluster = %peer.cluster, reason, "a session ended");
            connection.close(CLOSE_DONE, reason.as_bytes());
        }
        Err(error) => {
            debug!(cluster = %peer.cluster, error = %Chain(&error), "a session broke");
            connection.close(CLOSE_DONE, b"the session cannot go on");
        }
    }
}

/// A certificate counts while its cluster is neither revoked nor joined anew with another key.
async fn is_revoked<S: HubStore, B: BlobStore>(
    context: &LinkContext<S, B>,
    peer: &PeerIdentity,
) -> Result<bool, StoreError> {
    let known = context.store.certificate(&hex(peer.serial.as_bytes())).await?;
    Ok(known.is_none_or(|(cluster, _, standing)| cluster != peer.cluster || standing == CertificateStanding::Revoked))
}

struct Driver<'a, S: HubStore, B: BlobStore> {
    context: &'a LinkContext<S, B>,
    cluster: &'a ClusterId,
    session: Session,
    writer: FrameWriter<quinn::SendStream>,
    wire_version: u16,
    trust: watch::Receiver<TrustLine>,
    /// What it says of the cluster when the agent is heard.
    says: Says,
}

impl<'a, S: HubStore, B: BlobStore> Driver<'a, S, B> {
    async fn drive(
        connection: &Connection,
        cluster: &'a ClusterId,
        context: &'a LinkContext<S, B>,
        mut words: watch::Receiver<Word>,
    ) -> Result<&'static str, SessionError> {
        let (send, receive) = connection.accept_bi().await.map_err(SessionError::Stream)?;
        let (mut writer, mut reader) = (FrameWriter::new(send), FrameReader::new(receive));
        let hello = reader.hello().await?;
        writer.hello(PROGRAM_VERSION).await?;
        let wire_version = hello.agree().map_err(LinkError::Negotiate)?;
        let first = timeout(INTRODUCTION_TIMEOUT, reader.message::<AgentMessage>()).await;
        let first = first.map_err(|_| SessionError::Introduction)??;
        let AgentMessage::Introduction(introduction) = &first else { return Err(SessionError::Introduction) };
        // Seen from here on: what is known below is this one or newer.
        let mut trust = context.trust.clone();
        trust.mark_unchanged();
        let known = known(context, cluster, introduction.incarnation).await?;
        let session = Session::new(Instant::now(), known);
        let mut driver = Self { context, cluster, session, writer, wire_version, trust, says: Says::Nothing };
        let (inbox, mut messages) = mpsc::channel(MESSAGES_AHEAD_MAX);
        let reading = AbortOnDropHandle::new(tokio::spawn(read(reader, inbox)));
        let serving = content::serve(connection.clone(), context.blobs.clone(), cluster.clone());
        let _serving = AbortOnDropHandle::new(tokio::spawn(serving));
        driver.take(Input::Message(Box::new(first))).await?;
        driver.newest_target().await?;
        let mut packets = Packets::new(connection);
        loop {
            let deadline = driver.session.next_deadline().unwrap_or_else(|| Instant::now() + CONTACT_INTERVAL);
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => driver.take(Input::Message(Box::new(message))).await?,
                    None => return reading.await.unwrap_or(Ok(())).map(|()| "the agent closed").map_err(Into::into),
                },
                changed = words.changed() => {
                    let word = if changed.is_ok() { words.borrow_and_update().clone() } else { return Ok("the hub stops") };
                    if let Some(reason) = word.end {
                        return Ok(reason);
                    }
                    if let Some(target) = word.target {
                        // It may be signed by a key of a trust root that the agent lacks.
                        driver.newest_trust().await?;
                        driver.take(Input::Target(target)).await?;
                    }
                }
                Ok(()) = driver.trust.changed() => driver.newest_trust().await?,
                () = sleep_until(deadline.into()) => driver.take(Input::Tick).await?,
                reason = connection.closed() => {
                    debug!(error = %Chain(&reason), "the connection closed");
                    return Ok("the agent closed");
                }
            }
            if packets.anything_new(connection) {
                // Full: the next word counts instead.
                let _ = context.contacts.try_send(driver.heard());
            }
            if driver.session.is_closed() {
                return Ok("the agent broke the protocol");
            }
        }
    }

    /// Sends the trust roots that came into force since the last look.
    async fn newest_trust(&mut self) -> Result<(), SessionError> {
        let marks = self.trust.borrow_and_update().marks().clone();
        self.take(Input::TrustRoots(marks)).await
    }

    /// A root may have been signed between looking at the store and attaching to the switchboard.
    async fn newest_target(&mut self) -> Result<(), SessionError> {
        match self.context.store.newest(self.cluster).await? {
            Some(root) => self.take(Input::Target(root.mark())).await,
            None => Ok(()),
        }
    }

    /// Gives the core an input and does everything that it asks for.
    async fn take(&mut self, input: Input) -> Result<(), SessionError> {
        self.session.handle(Instant::now(), input);
        while let Some(output) = self.session.poll_output() {
            if let Some(answer) = self.execute(output).await? {
                self.session.handle(Instant::now(), answer);
            }
        }
        Ok(())
    }

    async fn execute(&mut self, output: Output) -> Result<Option<Input>, SessionError> {
        let (store, cluster) = (&self.context.store, self.cluster);
        let now = self.context.now_unix_ms();
        match output {
            Output::Send(message) => self.writer.message(&message).await?,
            Output::Offer { target, held } => {
                if let Some(offer) =
                    offer::build(store, (&self.context.blobs, &self.context.deltas), cluster, target, held).await?
                {
                    self.writer.message(&HubMessage::Offer(offer)).await?;
                }
            }
            Output::RecordIntroduction(introduced) => self.introduced(*introduced).await?,
            Output::RecordFacts(facts) => {
                let agent = self.agent().await?;
                store.introduce(cluster, AgentFacts { facts, ..agent }).await?;
            }
            Output::RecordTrustRoot(trust_version) => {
                let agent = self.agent().await?;
                store.introduce(cluster, AgentFacts { trust_version, ..agent }).await?;
            }
            Output::PersistJournal { incarnation, entries } => {
                let through = store.append(cluster, incarnation, &entries, now).await?;
                return Ok(Some(Input::JournalStored { incarnation, through }));
            }
            Output::PersistState(report) => {
                let (version, says) = (report.version, says(&report));
                store.put_states(vec![state_update(cluster, report, now)]).await?;
                self.says = says;
                return Ok(Some(Input::StateStored { version }));
            }
            Output::RecordVerdict { root, refused } => {
                if let Some(reason) = &refused {
                    warn!(%cluster, %root, reason, "an agent refused a bundle");
                }
                store.put_verdict(cluster, root, refused).await?;
            }
            Output::JournalGap { after, before, .. } => {
                let message = format!("journal entries between {after} and {before} are missing");
                store.record(Some(cluster), HubEvent::Suspicious { message }, now).await?;
            }
            Output::RaiseFloor { place, .. } => {
                warn!(%cluster, %place, "the agent has proof of a higher bundle: this hub was restored from a backup");
                store.raise_highest(cluster, place).await?;
                self.context.surpassed.notify_one();
            }
            Output::UnprovenPlace { reason } => {
                store.record(Some(cluster), HubEvent::Suspicious { message: reason }, now).await?;
            }
            Output::Close { reason } => info!(%cluster, reason, "a session is closed"),
        }
        Ok(None)
    }

    /// What the agent said of itself before.
    async fn agent(&self) -> Result<AgentFacts, StoreError> {
        let record = self.context.store.cluster(self.cluster).await?;
        Ok(record.and_then(|record| record.agent).unwrap_or_default())
    }

    async fn introduced(&self, introduced: Introduced) -> Result<(), StoreError> {
        let facts = AgentFacts {
            agent_version: introduced.agent_version,
            wire_version: self.wire_version,
            bundle_schemas: introduced.bundle_schemas,
            trust_version: introduced.trust_version,
            facts: introduced.facts,
        };
        self.context.store.introduce(self.cluster, facts).await?;
        self.context.store.touch(&[self.heard()]).await
    }

    fn heard(&self) -> Heard {
        Heard { cluster: self.cluster.clone(), at_unix_ms: self.context.now_unix_ms(), says: self.says }
    }
}

/// Notices that packets came, keep-alives among them.
struct Packets {
    datagrams: u64,
}

impl Packets {
    fn new(connection: &Connection) -> Self {
        Self { datagrams: connection.stats().udp_rx.datagrams }
    }

    fn anything_new(&mut self, connection: &Connection) -> bool {
        let now = connection.stats().udp_rx.datagrams;
        std::mem::replace(&mut self.datagrams, now) != now
    }
}

async fn read(mut reader: FrameReader<quinn::RecvStream>, inbox: mpsc::Sender<AgentMessage>) -> Result<(), LinkError> {
    loop {
        let message = reader.message().await?;
        if inbox.send(message).await.is_err() {
            return Ok(());
        }
    }
}

async fn known<S: HubStore, B: BlobStore>(
    context: &LinkContext<S, B>,
    cluster: &ClusterId,
    incarnation: Incarnation,
) -> Result<Known, StoreError> {
    let record = context.store.cluster(cluster).await?;
    let mark = context.store.mark(cluster, incarnation).await?;
    let target = context.store.newest(cluster).await?.map(|root| root.mark());
    let reserved = context.store.newest_reserved(cluster).await?.map(|root| root.place);
    let highest = record.and_then(|record| record.highest);
    Ok(Known {
        fleet: context.fleet.clone(),
        cluster: cluster.clone(),
        bundle_keys: context.trust.borrow().newest().root().bundle_keys.clone(),
        floor: highest.max(reserved).unwrap_or_default(),
        target,
        trust_roots: context.trust.borrow().marks().clone(),
        journal: [(incarnation, mark)].into(),
    })
}

/// What it says of a cluster that its agent is heard after this report: it tells every change at once, and when it does
/// not see its cluster, which is when what it told grows old.
fn says(report: &StateReport) -> Says {
    let blind = report.conditions.iter().any(|it| it.status && it.kind == CLUSTER_UNREADABLE);
    if blind { Says::Nothing } else { Says::Unchanged }
}

fn state_update(cluster: &ClusterId, report: StateReport, now_unix_ms: i64) -> StateUpdate {
    StateUpdate {
        cluster: cluster.clone(),
        received_unix_ms: now_unix_ms,
        scope: if report.full { Scope::Full } else { Scope::Changes },
        current: report.current,
        applied: report.applied,
        applications: report.applications,
        removed: report.removed,
        conditions: report.conditions,
        held_prunes: report.held_prunes,
    }
}

const _: () = assert!(v1::VERSION == 1, "the driver speaks version 1");
