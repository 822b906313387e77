//! From an envelope to the bundle in force: verify, fetch, persist – the same for link, file and disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use skerry_agent_core::accept::{
    AcceptedBundle, AcceptedRoot, ContentRefusal, Freshness, Me, Refusal, StoredRefusal, accept, time_floor,
};
use skerry_certs::tls::WallClock;
use skerry_common::bundle::archive::Archive;
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::signature::Envelope;
use skerry_common::error_chain::Chain;
use skerry_common::id::Place;
use skerry_common::journal::Event;
use skerry_common::report::BundleMark;
use thiserror::Error;
use time::OffsetDateTime;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::store::{Store, StoreError};
use crate::tasks::keeper::{Keeper, KeeperError};
use crate::trust::Trust;

/// No agent was built before this: the lower bound of every clock (2026-01-01).
const BUILD_TIME: OffsetDateTime = time::macros::datetime!(2026-01-01 0:00 UTC);

/// A bundle was not taken.
#[derive(Debug, Error)]
pub enum TargetError {
    /// Its root.
    #[error("the bundle is refused [{}]", .0.code())]
    Refused(#[source] Refusal),
    /// Its content.
    #[error("the bundle's content is refused [SK0506]")]
    Content(#[source] ContentRefusal),
    /// The root in our own store.
    #[error("the stored bundle cannot be taken up")]
    Stored(#[source] StoredRefusal),
    /// Our store.
    #[error("the bundle cannot be stored")]
    Store(#[from] KeeperError),
}

impl From<StoreError> for TargetError {
    fn from(error: StoreError) -> Self {
        Self::Store(KeeperError::Store(error))
    }
}

impl TargetError {
    /// Whether the bundle itself is at fault, so that offering it again is no use.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Content(_) | Self::Stored(_) => true,
            Self::Store(_) => false,
        }
    }
}

/// Owns the bundle in force; cheap to clone.
#[derive(Clone)]
pub struct Targets {
    keeper: Keeper,
    me: Me,
    trust: Trust,
    clock: WallClock,
    current: watch::Sender<Option<Arc<AcceptedBundle>>>,
}

impl Targets {
    /// Takes up the bundle that was in force when the agent last ran, if there was one.
    pub async fn open(keeper: Keeper, me: Me, trust: Trust, clock: WallClock) -> Result<Self, TargetError> {
        let who = me.clone();
        let stored = keeper.call(move |store| read_current(store, &who)).await??;
        Ok(Self { keeper, me, trust, clock, current: watch::Sender::new(stored.map(Arc::new)) })
    }

    /// The bundle in force, as it changes.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<AcceptedBundle>>> {
        self.current.subscribe()
    }

    /// The bundle in force.
    pub fn current(&self) -> Option<Arc<AcceptedBundle>> {
        self.current.borrow().clone()
    }

    /// Judges an offered root against everything but its content.
    pub async fn judge(&self, envelope: Envelope) -> Result<AcceptedRoot, TargetError> {
        let (highest, claimed) = (self.highest().await?, claimed_place(&envelope));
        let newest = self.current().map(|bundle| bundle.root().issued());
        let floor = time_floor(self.clock.now(), BUILD_TIME, newest);
        let trust = self.trust.newest();
        match accept(envelope, &trust, &self.me, highest, floor) {
            Ok(root) => Ok(root),
            Err(refusal) => {
                let reason = Chain(&refusal).to_string();
                self.refused(claimed, reason).await?;
                Err(TargetError::Refused(refusal))
            }
        }
    }

    /// Journals a refusal: whoever looks at the fleet learns why this cluster does not follow.
    async fn refused(&self, place: Option<Place>, reason: String) -> Result<(), TargetError> {
        warn!(reason, "a bundle was refused");
        let reason = skerry_common::limits::clip(&reason);
        self.keeper.record(self.now_unix_ms(), vec![Event::Refused { place, reason }]).await?;
        Ok(())
    }

    /// The same for what was found wrong with the content of a root that is accepted.
    async fn judged<T>(&self, place: Place, judged: Result<T, TargetError>) -> Result<T, TargetError> {
        if let Err(TargetError::Content(refusal)) = &judged {
            let reason = Chain(refusal).to_string();
            self.refused(Some(place), reason).await?;
        }
        judged
    }

    async fn highest(&self) -> Result<Option<BundleMark>, TargetError> {
        Ok(self.keeper.call(|store| store.head().highest.map(|root| root.mark)).await?)
    }

    /// Which of some blobs are not stored here.
    pub async fn missing(&self, blobs: Vec<BlobRef>) -> Result<Vec<BlobRef>, TargetError> {
        let absent = move |store: &mut Store| {
            store.await_target();
            blobs.into_iter().filter(|blob| !store.has(blob)).collect()
        };
        Ok(self.keeper.call(absent).await?)
    }

    /// Stores blobs whose bytes were checked.
    pub async fn store(&self, blobs: Vec<Vec<u8>>) -> Result<(), TargetError> {
        let put = move |store: &mut Store| {
            let slices: Vec<&[u8]> = blobs.iter().map(Vec::as_slice).collect();
            store.put(&slices)
        };
        Ok(self.keeper.call(put).await??)
    }

    /// The manifests of an accepted root, all of which are stored, and what of their content is not.
    pub async fn content_of(&self, root: AcceptedRoot) -> Result<Vec<BlobRef>, TargetError> {
        let place = root.mark().place;
        let read = move |store: &mut Store| {
            store.await_target();
            let manifests = root.read_manifests(|blob| store.blob(blob).ok().flatten());
            let manifests = manifests.map_err(TargetError::Content)?;
            Ok(manifests.missing(|blob| store.has(blob)))
        };
        self.judged(place, self.keeper.call(read).await?).await
    }

    /// Puts a root in force whose whole content is stored: persisted first, then followed.
    pub async fn put_in_force(&self, root: AcceptedRoot) -> Result<(), TargetError> {
        let (now, place) = (self.now_unix_ms(), root.mark().place);
        let stored = self
            .keeper
            .call(move |store| -> Result<AcceptedBundle, TargetError> {
                let (mark, envelope, freshness) = (root.mark(), root.envelope().clone(), root.freshness());
                let bundle = complete(store, root)?;
                if freshness == Freshness::Newer {
                    store.set_current(mark, &envelope)?;
                    store.record(now, Event::Accepted { place: mark.place, root: mark.root })?;
                }
                Ok(bundle)
            })
            .await?;
        let bundle = self.judged(place, stored).await?;
        let mark = bundle.mark();
        self.current.send_if_modified(|current| {
            if current.as_ref().map(|bundle| bundle.mark()) == Some(mark) {
                return false;
            }
            *current = Some(Arc::new(bundle));
            true
        });
        info!(generation = %mark.place, "a bundle is in force");
        Ok(())
    }

    /// Takes a bundle from an archive, by the same checks as over the link.
    pub async fn import(&self, archive: Archive) -> Result<BundleMark, TargetError> {
        // An older or foreign trust root is no reason to refuse: the bundle is judged by the one in force.
        if let Err(error) = self.trust.consider(archive.trust_root) {
            debug!(error = %Chain(&error), "the archive's trust root is not followed");
        }
        let root = self.judge(archive.root).await?;
        let mark = root.mark();
        let blobs: BTreeMap<Digest, Vec<u8>> = archive.blobs;
        let take = |wanted: Vec<BlobRef>| -> Vec<Vec<u8>> {
            wanted.iter().filter_map(|blob| blobs.get(&blob.digest)).cloned().collect()
        };
        let manifests = root.root().applications.iter().map(|application| application.manifest).collect();
        self.store(take(self.missing(manifests).await?)).await?;
        self.store(take(self.content_of(root.clone()).await?)).await?;
        self.put_in_force(root).await?;
        Ok(mark)
    }

    fn now_unix_ms(&self) -> i64 {
        self.clock.unix_ms()
    }
}

fn complete(store: &Store, root: AcceptedRoot) -> Result<AcceptedBundle, TargetError> {
    let manifests = root.read_manifests(|blob| store.blob(blob).ok().flatten()).map_err(TargetError::Content)?;
    manifests.complete(|blob| store.has(blob)).map_err(TargetError::Content)
}

/// The bundle that the head names; the last good one when the newest cannot be read any more.
fn read_current(store: &mut Store, me: &Me) -> Result<Option<AcceptedBundle>, TargetError> {
    let head = *store.head();
    let mut failed = None;
    for stored in [head.current, head.last_good].into_iter().flatten() {
        let read = (|| {
            let Some(envelope) = store.root(&stored)? else {
                return Err(TargetError::Content(ContentRefusal::Incomplete(1)));
            };
            let root = AcceptedRoot::stored(envelope, me, &stored.mark).map_err(TargetError::Stored)?;
            complete(store, root)
        })();
        match read {
            Ok(bundle) => return Ok(Some(bundle)),
            Err(error) => {
                warn!(error = %Chain(&error), "a stored bundle cannot be taken up");
                failed = Some(error);
            }
        }
    }
    // Nothing can be read: the hub or a file brings it again; nothing is pruned meanwhile.
    match failed {
        Some(error) if !error.is_refusal() => Err(error),
        Some(_) | None => Ok(None),
    }
}

/// The place that an envelope claims, for the journal; nothing is believed of it.
fn claimed_place(envelope: &Envelope) -> Option<Place> {
    let root: skerry_common::bundle::root::BundleRoot = serde_json::from_slice(&envelope.payload).ok()?;
    Some(root.place())
}
