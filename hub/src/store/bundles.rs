//! Bundle roots: reserved, then signed, never with other bytes under the same place.

use std::future::Future;

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::root::BUNDLE_TYPE;
use skerry_common::bundle::signature::{Envelope, Signature};
use skerry_common::id::{ClusterId, Place};
use skerry_common::report::BundleMark;

use super::StoreError;

/// The order of each cluster's bundles.
pub trait BundleStore {
    /// Reserves a place for exact bytes if `parent` is still the newest root, signed or not.
    ///
    /// Doing it again with the same bytes is harmless. Places grow, and stay above the highest that
    /// the cluster proved to have seen. Nothing is reserved when blobs were deleted since the publication
    /// began: some of them may be its own. The oldest roots of the cluster go, but never the newest
    /// published one.
    fn reserve(&self, reservation: Reservation) -> impl Future<Output = Result<Reserve, StoreError>> + Send;

    /// Publishes a reserved root. Again with the same signature is harmless; a place that holds other
    /// bytes, or nothing, answers false.
    fn attach_signature(
        &self,
        cluster: &ClusterId,
        mark: BundleMark,
        signature: Signature,
        now_unix_ms: i64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Reserved roots that were never signed, because the hub died in between: sign these bytes.
    fn unsigned(&self) -> impl Future<Output = Result<Vec<StoredRoot>, StoreError>> + Send;

    /// The newest published root of a cluster.
    fn newest(&self, cluster: &ClusterId) -> impl Future<Output = Result<Option<StoredRoot>, StoreError>> + Send;

    /// The newest root of a cluster, signed or not: the parent of the next.
    fn newest_reserved(
        &self,
        cluster: &ClusterId,
    ) -> impl Future<Output = Result<Option<StoredRoot>, StoreError>> + Send;

    /// The newest published roots of these clusters, without their bytes.
    fn targets(
        &self,
        clusters: &[ClusterId],
    ) -> impl Future<Output = Result<Vec<(ClusterId, BundleMark)>, StoreError>> + Send;

    /// Remembers what an agent said to an offer: why it refused this root, or that it took it.
    fn put_verdict(
        &self,
        cluster: &ClusterId,
        root: Digest,
        refused: Option<String>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The published root at one place.
    fn root(
        &self,
        cluster: &ClusterId,
        place: Place,
    ) -> impl Future<Output = Result<Option<StoredRoot>, StoreError>> + Send;

    /// The published roots of a cluster that are still kept, newest first.
    fn history(&self, cluster: &ClusterId) -> impl Future<Output = Result<Vec<StoredRoot>, StoreError>> + Send;

    /// All kept roots, signed or not, in the order in which they were reserved; to find which blobs are
    /// referenced.
    fn roots_after(&self, after: u64, limit: usize)
    -> impl Future<Output = Result<Vec<StoredRoot>, StoreError>> + Send;
}

/// Asks for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Whose bundle.
    pub cluster: ClusterId,
    /// Digest of the root that this one follows; `None` for the first.
    pub parent: Option<Digest>,
    /// Where it will stand.
    pub place: Place,
    /// The exact bytes that will be signed.
    pub payload: Vec<u8>,
    /// When.
    pub now_unix_ms: i64,
    /// [`BlobStore::sweeps`](super::BlobStore::sweeps) before the first of its blobs was stored.
    pub sweeps: u64,
    /// How many roots of the cluster are kept, this one among them: to look back, and to serve deltas
    /// against what an agent holds.
    pub roots_kept: u32,
}

/// The answer to a [`Reservation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserve {
    /// The place is yours for these bytes.
    Reserved,
    /// Something else was first: begin again from what is newest.
    Conflict {
        /// The newest root, signed or not.
        newest: Option<BundleMark>,
        /// The highest place that the cluster proved to have seen.
        highest: Option<Place>,
    },
}

/// A root as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoot {
    /// Whose.
    pub cluster: ClusterId,
    /// Where it stands.
    pub place: Place,
    /// Its digest.
    pub digest: Digest,
    /// Its exact bytes.
    pub payload: Vec<u8>,
    /// Its signature; `None` while it is only reserved.
    pub signature: Option<Signature>,
    /// Its turn among all roots.
    pub order: u64,
    /// When it was reserved.
    pub reserved_unix_ms: i64,
    /// When it was published.
    pub published_unix_ms: Option<i64>,
}

impl StoredRoot {
    /// Place and digest.
    pub fn mark(&self) -> BundleMark {
        BundleMark { place: self.place, root: self.digest }
    }

    /// The signed form; `None` while it is only reserved.
    pub fn envelope(&self) -> Option<Envelope> {
        self.signature.clone().map(|signature| Envelope {
            payload_type: BUNDLE_TYPE.to_owned(),
            payload: self.payload.clone(),
            signatures: vec![signature],
        })
    }
}
