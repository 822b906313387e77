//! Bundle roots in memory.

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::signature::Signature;
use skerry_common::id::{ClusterId, Place};
use skerry_common::report::BundleMark;

use super::{MemoryStore, State, page};
use crate::store::StoreError;
use crate::store::bundles::{BundleStore, Reservation, Reserve, StoredRoot};

impl BundleStore for MemoryStore {
    async fn reserve(&self, reservation: Reservation) -> Result<Reserve, StoreError> {
        self.with(|state| {
            let digest = Digest::of(&reservation.payload);
            let newest = roots(state, &reservation.cluster).last().map(StoredRoot::mark);
            if newest == Some(BundleMark { place: reservation.place, root: digest }) {
                return Reserve::Reserved;
            }
            let highest = state.clusters.get(&reservation.cluster).and_then(|cluster| cluster.record.highest);
            let follows = newest.map(|mark| mark.root) == reservation.parent
                && newest.is_none_or(|mark| mark.place < reservation.place)
                && highest.is_none_or(|seen| seen < reservation.place);
            if !follows || reservation.sweeps != state.blobs_swept {
                return Reserve::Conflict { newest, highest };
            }
            state.roots_reserved += 1;
            let root = StoredRoot {
                cluster: reservation.cluster.clone(),
                place: reservation.place,
                digest,
                payload: reservation.payload,
                signature: None,
                order: state.roots_reserved,
                reserved_unix_ms: reservation.now_unix_ms,
                published_unix_ms: None,
            };
            state.roots.insert((reservation.cluster.clone(), reservation.place), root);
            trim(state, &reservation.cluster, reservation.roots_kept);
            Reserve::Reserved
        })
    }

    async fn attach_signature(
        &self,
        cluster: &ClusterId,
        mark: BundleMark,
        signature: Signature,
        now_unix_ms: i64,
    ) -> Result<bool, StoreError> {
        self.with(|state| {
            let Some(root) = state.roots.get_mut(&(cluster.clone(), mark.place)) else { return false };
            let other = root.signature.as_ref().is_some_and(|known| known.sig != signature.sig);
            if root.digest != mark.root || other {
                return false;
            }
            root.signature = Some(signature);
            root.published_unix_ms = Some(now_unix_ms);
            state.changed(cluster);
            true
        })
    }

    async fn unsigned(&self) -> Result<Vec<StoredRoot>, StoreError> {
        self.with(|state| state.roots.values().filter(|root| root.signature.is_none()).cloned().collect())
    }

    async fn newest(&self, cluster: &ClusterId) -> Result<Option<StoredRoot>, StoreError> {
        self.with(|state| roots(state, cluster).rfind(|root| root.signature.is_some()).cloned())
    }

    async fn newest_reserved(&self, cluster: &ClusterId) -> Result<Option<StoredRoot>, StoreError> {
        self.with(|state| roots(state, cluster).next_back().cloned())
    }

    async fn targets(&self, clusters: &[ClusterId]) -> Result<Vec<(ClusterId, BundleMark)>, StoreError> {
        self.with(|state| {
            let newest = |id: &ClusterId| roots(state, id).rfind(|root| root.signature.is_some()).map(StoredRoot::mark);
            clusters.iter().filter_map(|id| newest(id).map(|mark| (id.clone(), mark))).collect()
        })
    }

    async fn put_verdict(&self, cluster: &ClusterId, root: Digest, refused: Option<String>) -> Result<(), StoreError> {
        self.with(|state| {
            if let Some(known) = state.clusters.get_mut(cluster) {
                known.record.refusal = refused.map(|reason| (root, reason));
            }
            state.changed(cluster);
        })
    }

    async fn root(&self, cluster: &ClusterId, place: Place) -> Result<Option<StoredRoot>, StoreError> {
        self.with(|state| state.roots.get(&(cluster.clone(), place)).filter(|root| root.signature.is_some()).cloned())
    }

    async fn history(&self, cluster: &ClusterId) -> Result<Vec<StoredRoot>, StoreError> {
        self.with(|state| roots(state, cluster).rev().filter(|root| root.signature.is_some()).cloned().collect())
    }

    async fn roots_after(&self, after: u64, limit: usize) -> Result<Vec<StoredRoot>, StoreError> {
        self.with(|state| {
            let mut rest: Vec<_> = state.roots.values().filter(|root| root.order > after).cloned().collect();
            rest.sort_by_key(|root| root.order);
            rest.truncate(page(limit));
            rest
        })
    }
}

fn roots<'s>(state: &'s State, cluster: &ClusterId) -> impl DoubleEndedIterator<Item = &'s StoredRoot> {
    let first = (cluster.clone(), Place::default());
    let cluster = cluster.clone();
    // Keys of one cluster lie together, in the order of places.
    let own: Vec<_> =
        state.roots.range(first..).take_while(|((owner, _), _)| *owner == cluster).map(|(_, root)| root).collect();
    own.into_iter()
}

fn trim(state: &mut State, cluster: &ClusterId, kept: u32) {
    let newest = roots(state, cluster).rfind(|root| root.signature.is_some()).map(|root| root.place);
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let old: Vec<Place> =
        roots(state, cluster).rev().skip(kept).map(|root| root.place).filter(|place| Some(*place) != newest).collect();
    for place in old {
        state.roots.remove(&(cluster.clone(), place));
    }
}
