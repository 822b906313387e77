//! From an offer to the bundle in force: unpack, fetch what is missing, store.
//!
//! What has come whole is stored whatever ends the transfer, so a cut costs only the blob under way; a kill costs at most
//! [`FETCH_BATCH_BYTES`] more.

use std::sync::Arc;

use skerry_agent_core::session::Input;
use skerry_common::bundle::delta::{self, DeltaError};
use skerry_common::bundle::digest::BlobRef;
use skerry_common::bundle::root::BUNDLE_TYPE;
use skerry_common::bundle::signature::{Envelope, KeyId, Signature};
use skerry_common::error_chain::Chain;
use skerry_common::limits::{MANIFEST_BYTES_MAX, OBJECT_BYTES_MAX, ROOT_BYTES_MAX};
use skerry_common::wire::v1::{AgentMessage, CHUNK_BYTES_MAX, FETCH_MAX, HubMessage, Offer, OfferedBlob};
use skerry_link::FrameReader;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::SessionError;
use crate::target::Targets;
use crate::tasks::keeper::{Keeper, KeeperError};
use crate::transport::quic::HubConnection;

/// Bytes of fetched content kept in memory before they are stored.
const FETCH_BATCH_BYTES: usize = 4 * 1024 * 1024;

/// The room that a sealed object takes beyond its plaintext.
const SEAL_OVERHEAD: u64 = 1024;

/// What considers the offers of one connection.
pub(super) struct Fetcher {
    /// Where content comes from.
    pub(super) hub: Arc<HubConnection>,
    /// Where a delta's base lies.
    pub(super) keeper: Keeper,
    /// The bundle in force.
    pub(super) targets: Targets,
    /// What outlives this: storing what has come, and putting it in force.
    pub(super) tasks: TaskTracker,
}

impl Fetcher {
    /// Takes an offer; what is wrong with it is a verdict, and the target in force stays.
    pub(super) async fn consider(self, offer: Offer) -> Result<Input, SessionError> {
        let envelope = self.envelope(&offer).await?;
        let root = envelope.digest();
        let refused = match self.follow(envelope, &offer.blobs).await {
            Ok(()) => None,
            Err(SessionError::Target(error)) if error.is_refusal() => Some(Chain(&error).to_string()),
            Err(error) => return Err(error),
        };
        Ok(Input::Verdict { root, refused })
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

    async fn follow(&self, envelope: Envelope, inline: &[OfferedBlob]) -> Result<(), SessionError> {
        let root = self.targets.judge(envelope).await.map_err(SessionError::Target)?;
        let mut unpacked = Vec::new();
        for offered in inline {
            match self.unpack(offered, OBJECT_BYTES_MAX.max(MANIFEST_BYTES_MAX)).await {
                Ok(bytes) => unpacked.push(bytes),
                // Without its base it is fetched whole below.
                Err(SessionError::Base(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.targets.store(unpacked).await.map_err(SessionError::Target)?;
        let manifests = root.root().applications.iter().map(|application| application.manifest).collect();
        self.fetch(self.targets.missing(manifests).await.map_err(SessionError::Target)?).await?;
        let content = self.targets.content_of(root.clone()).await.map_err(SessionError::Target)?;
        self.fetch(content).await?;
        // On its own: a link that breaks now must not leave a bundle that is stored and not in force.
        let targets = self.targets.clone();
        let put = self.tasks.spawn(async move { targets.put_in_force(root).await });
        put.await.map_err(|_| SessionError::Ended)?.map_err(SessionError::Target)
    }

    /// Fetches blobs over a content stream. What has come whole is stored, also when the rest does not come any more:
    /// because the link is cut, or because a newer offer takes the place of this one.
    async fn fetch(&self, wanted: Vec<BlobRef>) -> Result<(), SessionError> {
        if wanted.is_empty() {
            return Ok(());
        }
        debug!(blobs = wanted.len(), "fetching content");
        let stop = CancellationToken::new();
        let (hub, targets, stopped) = (self.hub.clone(), self.targets.clone(), stop.clone());
        let _stops = stop.drop_guard();
        let fetching = async move {
            let mut complete = Complete { targets, blobs: Vec::new(), bytes: 0 };
            let fetched = tokio::select! {
                fetched = fetch(&hub, &wanted, &mut complete) => fetched,
                () = stopped.cancelled() => Err(SessionError::Ended),
            };
            fetched.and(complete.store().await)
        };
        self.tasks.spawn(fetching).await.unwrap_or(Err(SessionError::Ended))
    }
}

/// Blobs that have come whole and are not stored yet.
struct Complete {
    targets: Targets,
    blobs: Vec<Vec<u8>>,
    bytes: usize,
}

impl Complete {
    async fn push(&mut self, blob: Vec<u8>) -> Result<(), SessionError> {
        self.bytes += blob.len();
        self.blobs.push(blob);
        if self.bytes > FETCH_BATCH_BYTES { self.store().await } else { Ok(()) }
    }

    async fn store(&mut self) -> Result<(), SessionError> {
        self.bytes = 0;
        self.targets.store(std::mem::take(&mut self.blobs)).await.map_err(SessionError::Target)
    }
}

async fn fetch(hub: &HubConnection, wanted: &[BlobRef], complete: &mut Complete) -> Result<(), SessionError> {
    let (mut reader, mut writer) = hub.stream().await?;
    for batch in wanted.chunks(FETCH_MAX) {
        writer.message(&AgentMessage::Fetch { blobs: batch.to_vec() }).await?;
        for blob in batch {
            complete.push(receive(&mut reader, blob).await?).await?;
        }
        match reader.message().await? {
            HubMessage::FetchDone => {}
            HubMessage::Offer(_)
            | HubMessage::TrustRoot(_)
            | HubMessage::StateAck { .. }
            | HubMessage::JournalAck { .. }
            | HubMessage::BlobChunk { .. }
            | HubMessage::BlobMissing { .. }
            | HubMessage::Goodbye { .. } => {
                return Err(SessionError::Protocol("content that was not asked for"));
            }
        }
    }
    Ok(writer.finish().await?)
}

/// Reads one blob, piece by piece, never more than was referenced.
async fn receive(reader: &mut FrameReader<quinn::RecvStream>, blob: &BlobRef) -> Result<Vec<u8>, SessionError> {
    let bound = MANIFEST_BYTES_MAX.max(OBJECT_BYTES_MAX + SEAL_OVERHEAD);
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
            HubMessage::Offer(_)
            | HubMessage::TrustRoot(_)
            | HubMessage::StateAck { .. }
            | HubMessage::JournalAck { .. }
            | HubMessage::BlobChunk { .. }
            | HubMessage::FetchDone
            | HubMessage::Goodbye { .. } => {
                return Err(SessionError::Protocol("other content than was asked for"));
            }
        }
    }
    blob.check(&content).map_err(DeltaError::Mismatch)?;
    Ok(content)
}
