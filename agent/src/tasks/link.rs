//! Keeps the connection to a hub: offers down, state and journal up.
//!
//! ```text
//! connect ─▶ hello ─▶ introduction ─▶ ┌ offer ─▶ judge ─▶ fetch what is missing ─▶ in force ─▶ verdict
//!    ▲                                ├ snapshot changed ─▶ state report (changed sections)
//!    └── backoff ◀── broken ◀─────────┴ journal grew ─▶ batch ─▶ acknowledged ─▶ forgotten
//! ```
//! Without a hub this task waits and tries; nothing else in the agent notices. What was fetched is
//! stored blob by blob, so a cut costs only what was under way.

use std::sync::Arc;
use std::time::Duration;

use skerry_certs::tls::{LinkProtocol, WallClock};
use skerry_common::backoff::Backoff;
use skerry_common::bundle::delta::{self, DeltaError};
use skerry_common::bundle::digest::BlobRef;
use skerry_common::bundle::root::BUNDLE_TYPE;
use skerry_common::bundle::signature::{Envelope, KeyId, Signature};
use skerry_common::bundle::trust::TrustedRoot;
use skerry_common::error_chain::Chain;
use skerry_common::id::Sequence;
use skerry_common::limits::{JOURNAL_BATCH_MAX, OBJECT_BYTES_MAX, ROOT_BYTES_MAX};
use skerry_common::report::Facts;
use skerry_common::wire::v1::{AgentMessage, CHUNK_BYTES_MAX, FETCH_MAX, HubMessage, Introduction, Offer, OfferedBlob};
use skerry_link::{FrameReader, FrameWriter, LinkError};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use super::keeper::{Keeper, KeeperError};
use crate::identity::{Enrolled, IdentityFolder};
use crate::snapshot::Snapshot;
use crate::target::{TargetError, Targets};
use crate::transport::quic::{ConnectError, HubConnection, PROGRAM_VERSION, connect};

/// The first pause after a broken connection.
const RETRY_FIRST: Duration = Duration::from_millis(500);

/// The longest pause: a hub that comes back is found within half a minute, by 10,000 agents spread out.
const RETRY_LONGEST: Duration = Duration::from_secs(30);

/// Messages read ahead.
const MESSAGES_AHEAD_MAX: usize = 4;

/// Bytes of fetched content kept in memory before they are stored.
const FETCH_BATCH_BYTES: usize = 4 * 1024 * 1024;

/// The room that a sealed object takes beyond its plaintext.
const SEAL_OVERHEAD: u64 = 1024;

/// Why a session ended.
#[derive(Debug, Error)]
pub enum SessionError {
    /// No hub answered.
    #[error("no hub can be reached")]
    Connect(#[from] ConnectError),
    /// The link broke.
    #[error("the link to the hub broke")]
    Link(#[from] LinkError),
    /// Our store.
    #[error("the agent's store failed")]
    Store(#[from] KeeperError),
    /// A bundle could not be taken, for a reason of ours.
    #[error("a bundle could not be taken")]
    Target(#[source] TargetError),
    /// Offered content that cannot be unpacked.
    #[error("offered content is damaged")]
    Delta(#[from] DeltaError),
    /// A delta against something that is not here.
    #[error("the offer is a delta against {0}, which is not here")]
    Base(skerry_common::bundle::digest::Digest),
    /// The hub does not have what it offered.
    #[error("the hub does not have {0}")]
    Missing(skerry_common::bundle::digest::Digest),
    /// The hub said something that does not fit.
    #[error("the hub broke the protocol: {0}")]
    Protocol(&'static str),
    /// The hub ended the session.
    #[error("the hub ended the session: {reason}")]
    Goodbye {
        /// In its words.
        reason: String,
        /// It asked to wait so long.
        retry_after: Duration,
    },
}

/// What a link is made from.
pub struct Link {
    /// Who we are; certificate and trust root may be replaced.
    pub enrolled: Enrolled,
    /// Where they are kept.
    pub identity: IdentityFolder,
    /// The store.
    pub keeper: Keeper,
    /// The bundle in force.
    pub targets: Targets,
    /// What is said of the cluster.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Facts of the cluster.
    pub facts: watch::Receiver<Facts>,
    /// The trust root in force, for everybody.
    pub trust: watch::Sender<TrustedRoot>,
    /// Whether a session is up, for people.
    pub connected: watch::Sender<bool>,
    /// The time.
    pub clock: WallClock,
    /// Decides jitter.
    pub seed: u64,
}

impl Link {
    /// Connects, and connects again, until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let Ok(mut backoff) = Backoff::new(RETRY_FIRST, RETRY_LONGEST, self.seed) else { return };
        loop {
            let ended = tokio::select! {
                ended = self.session(&mut backoff) => ended,
                () = stop.cancelled() => return,
            };
            self.connected.send_replace(false);
            let pause = match ended {
                Ok(()) => backoff.next_delay(),
                Err(SessionError::Goodbye { reason, retry_after }) => {
                    warn!(reason, "the hub ended the session");
                    retry_after.min(RETRY_LONGEST).max(backoff.next_delay())
                }
                Err(error) => {
                    debug!(error = %Chain(&error), "no session with a hub");
                    backoff.next_delay()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn session(&mut self, backoff: &mut Backoff) -> Result<(), SessionError> {
        let hub = connect(&self.enrolled, &self.clock, LinkProtocol::Session).await?;
        let (reader, mut writer) = hub.greeted_stream().await?;
        let introduction = self.introduction().await?;
        writer.message(&AgentMessage::Introduction(introduction)).await?;
        info!(hub = hub.hub, "connected to the hub");
        self.connected.send_replace(true);
        backoff.reset();
        let (inbox, mut messages) = mpsc::channel(MESSAGES_AHEAD_MAX);
        let reading = AbortOnDropHandle::new(tokio::spawn(read(reader, inbox)));
        let mut session = Session { hub: &hub, writer, told: None, version: 0, journal_sent: Sequence(0) };
        let mut journal_end = self.keeper.journal_end();
        let snapshot = self.snapshot.borrow_and_update().clone();
        session.tell_state(&snapshot).await?;
        session.send_journal(&self.keeper).await?;
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.take(&mut session, message).await?,
                    None => return reading.await.unwrap_or(Ok(())).map_err(Into::into),
                },
                changed = self.snapshot.changed() => {
                    if changed.is_err() { return Ok(()) }
                    let snapshot = self.snapshot.borrow_and_update().clone();
                    session.tell_state(&snapshot).await?;
                }
                changed = journal_end.changed() => {
                    if changed.is_err() { return Ok(()) }
                    session.send_journal(&self.keeper).await?;
                }
                changed = self.facts.changed() => {
                    if changed.is_err() { return Ok(()) }
                    let facts = self.facts.borrow_and_update().clone();
                    session.writer.message(&AgentMessage::Facts(facts)).await?;
                }
            }
        }
    }

    async fn introduction(&mut self) -> Result<Introduction, SessionError> {
        let (incarnation, journal_end, current, highest) = self
            .keeper
            .call(|store| {
                let (incarnation, end) = store.journal_mark();
                let highest = store.head().highest;
                let envelope = highest.map(|root| store.root(&root)).transpose().map(Option::flatten);
                (incarnation, end, store.head().current.map(|root| root.mark), envelope)
            })
            .await?;
        Ok(Introduction {
            agent_version: PROGRAM_VERSION.to_owned(),
            bundle_schemas: vec![skerry_common::bundle::root::ROOT_SCHEMA],
            incarnation,
            journal_end,
            current,
            highest: highest.map_err(KeeperError::Store)?,
            trust_version: self.enrolled.trust.root().version,
            facts: self.facts.borrow_and_update().clone(),
        })
    }

    async fn take(&mut self, session: &mut Session<'_>, message: HubMessage) -> Result<(), SessionError> {
        match message {
            HubMessage::Offer(offer) => self.offered(session, offer).await,
            HubMessage::TrustRoot(envelope) => {
                match self.enrolled.trust.successor(envelope) {
                    Ok(trust) => {
                        self.identity.store_trust(&trust).map_err(ConnectError::Identity)?;
                        self.enrolled.trust = trust.clone();
                        self.trust.send_replace(trust);
                    }
                    Err(error) => warn!(error = %Chain(&error), "a trust root was refused"),
                }
                Ok(())
            }
            HubMessage::StateAck { .. } => Ok(()),
            HubMessage::JournalAck { incarnation, through } => {
                self.keeper.call(move |store| store.acknowledge(incarnation, through)).await?;
                session.send_journal(&self.keeper).await
            }
            HubMessage::Goodbye { reason, retry_after_ms } => {
                let retry_after = Duration::from_millis(retry_after_ms);
                Err(SessionError::Goodbye { reason: skerry_common::limits::clip(&reason), retry_after })
            }
            HubMessage::BlobChunk { .. } | HubMessage::BlobMissing { .. } | HubMessage::FetchDone => {
                Err(SessionError::Protocol("content on the control stream"))
            }
        }
    }

    /// Takes an offer; what is wrong with it is told to the hub, the target in force stays.
    async fn offered(&mut self, session: &mut Session<'_>, offer: Offer) -> Result<(), SessionError> {
        let envelope = self.envelope(&offer).await?;
        let root = envelope.digest();
        let refused = match self.follow(session, envelope, &offer.blobs).await {
            Ok(()) => None,
            Err(SessionError::Target(error)) if error.is_refusal() => Some(Chain(&error).to_string()),
            Err(error) => return Err(error),
        };
        let refused = refused.map(|reason| skerry_common::limits::clip(&reason));
        session.writer.message(&AgentMessage::Verdict { root, refused }).await?;
        Ok(())
    }

    async fn envelope(&self, offer: &Offer) -> Result<Envelope, SessionError> {
        let payload = self.unpack(&offer.root.payload, ROOT_BYTES_MAX).await?;
        let signature = Signature { keyid: KeyId(offer.root.keyid.clone()), sig: offer.root.signature.clone() };
        Ok(Envelope { payload_type: BUNDLE_TYPE.to_owned(), payload, signatures: vec![signature] })
    }

    /// Unpacks offered content; a base is looked for among blobs and root payloads.
    async fn unpack(&self, offered: &OfferedBlob, bytes_max: u64) -> Result<Vec<u8>, SessionError> {
        if offered.content.size > bytes_max {
            return Err(SessionError::Protocol("offered content larger than allowed"));
        }
        let base = match offered.base {
            None => Vec::new(),
            Some(digest) => {
                let read = self.keeper.call(move |store| {
                    let head = *store.head();
                    let roots = [head.current, head.last_good].into_iter().flatten();
                    for root in roots.filter(|root| root.mark.root == digest) {
                        if let Some(envelope) = store.root(&root)? {
                            return Ok(Some(envelope.payload));
                        }
                    }
                    store.blob(&BlobRef { digest, size: 0 })
                });
                read.await?.map_err(KeeperError::Store)?.ok_or(SessionError::Base(digest))?
            }
        };
        Ok(delta::decompress(&base, &offered.zstd, &offered.content)?)
    }

    async fn follow(
        &self,
        session: &mut Session<'_>,
        envelope: Envelope,
        inline: &[OfferedBlob],
    ) -> Result<(), SessionError> {
        let targets = &self.targets;
        let root = targets.judge(envelope).await.map_err(SessionError::Target)?;
        let mut unpacked = Vec::new();
        for offered in inline {
            match self.unpack(offered, OBJECT_BYTES_MAX.max(skerry_common::limits::MANIFEST_BYTES_MAX)).await {
                Ok(bytes) => unpacked.push(bytes),
                // Without its base it is fetched whole below.
                Err(SessionError::Base(_)) => {}
                Err(error) => return Err(error),
            }
        }
        targets.store(unpacked).await.map_err(SessionError::Target)?;
        let manifests = root.root().applications.iter().map(|application| application.manifest).collect();
        session.fetch(targets, targets.missing(manifests).await.map_err(SessionError::Target)?).await?;
        let content = targets.content_of(root.clone()).await.map_err(SessionError::Target)?;
        session.fetch(targets, content).await?;
        targets.put_in_force(root).await.map_err(SessionError::Target)
    }
}

struct Session<'a> {
    hub: &'a HubConnection,
    writer: FrameWriter<quinn::SendStream>,
    /// What the hub was told last on this connection.
    told: Option<Arc<Snapshot>>,
    version: u64,
    /// The newest journal entry that was sent on this connection.
    journal_sent: Sequence,
}

impl Session<'_> {
    async fn tell_state(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), SessionError> {
        self.version += 1;
        let report = snapshot.report(self.version, self.told.as_deref());
        self.writer.message(&AgentMessage::State(report)).await?;
        self.told = Some(snapshot.clone());
        Ok(())
    }

    /// Sends the next batch of entries, if the last one is acknowledged.
    async fn send_journal(&mut self, keeper: &Keeper) -> Result<(), SessionError> {
        let sent = self.journal_sent;
        let (incarnation, entries) = keeper
            .call(move |store| {
                let waiting = store.unacknowledged().next().is_some_and(|entry| entry.sequence <= sent);
                let batch = store.unacknowledged().filter(|entry| entry.sequence > sent).take(JOURNAL_BATCH_MAX);
                (store.journal_mark().0, if waiting { Vec::new() } else { batch.cloned().collect() })
            })
            .await?;
        let Some(last) = entries.last() else { return Ok(()) };
        self.journal_sent = last.sequence;
        self.writer.message(&AgentMessage::Journal { incarnation, entries }).await?;
        Ok(())
    }

    /// Fetches blobs over a content stream and stores them as they come.
    async fn fetch(&self, targets: &Targets, wanted: Vec<BlobRef>) -> Result<(), SessionError> {
        if wanted.is_empty() {
            return Ok(());
        }
        debug!(blobs = wanted.len(), "fetching content");
        let (mut reader, mut writer) = self.hub.stream().await?;
        for batch in wanted.chunks(FETCH_MAX) {
            writer.message(&AgentMessage::Fetch { blobs: batch.to_vec() }).await?;
            let mut complete = Vec::new();
            let mut bytes = 0;
            for blob in batch {
                let content = receive(&mut reader, blob).await?;
                bytes += content.len();
                complete.push(content);
                if bytes > FETCH_BATCH_BYTES {
                    targets.store(std::mem::take(&mut complete)).await.map_err(SessionError::Target)?;
                    bytes = 0;
                }
            }
            targets.store(complete).await.map_err(SessionError::Target)?;
            match reader.message().await? {
                HubMessage::FetchDone => {}
                _ => return Err(SessionError::Protocol("content that was not asked for")),
            }
        }
        Ok(writer.finish().await?)
    }
}

/// Reads one blob, piece by piece, never more than was referenced.
async fn receive(reader: &mut FrameReader<quinn::RecvStream>, blob: &BlobRef) -> Result<Vec<u8>, SessionError> {
    let bound = skerry_common::limits::MANIFEST_BYTES_MAX.max(OBJECT_BYTES_MAX + SEAL_OVERHEAD);
    if blob.size > bound {
        return Err(SessionError::Protocol("content larger than allowed"));
    }
    let mut content = Vec::new();
    loop {
        match reader.message().await? {
            HubMessage::BlobChunk { digest, zstd, last } if digest == blob.digest => {
                content.extend(delta::decompress_at_most(&[], &zstd, CHUNK_BYTES_MAX as u64)?);
                if content.len() as u64 > blob.size || last {
                    break;
                }
            }
            HubMessage::BlobMissing { digest } => return Err(SessionError::Missing(digest)),
            _ => return Err(SessionError::Protocol("other content than was asked for")),
        }
    }
    blob.check(&content).map_err(DeltaError::Mismatch)?;
    Ok(content)
}

async fn read(mut reader: FrameReader<quinn::RecvStream>, inbox: mpsc::Sender<HubMessage>) -> Result<(), LinkError> {
    loop {
        let message = reader.message().await?;
        if inbox.send(message).await.is_err() {
            return Ok(());
        }
    }
}
