//! Content by digest: manifests, objects, key blobs.

use std::collections::BTreeSet;
use std::future::Future;

use skerry_common::bundle::delta::{self, DeltaError};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::limits::MANIFEST_BYTES_MAX;
use skerry_common::wire::v1::CHUNK_BYTES_MAX;

use super::StoreError;

/// Largest blob: a manifest is the largest thing that is stored.
pub const BLOB_BYTES_MAX: u64 = MANIFEST_BYTES_MAX;

/// Content-addressed storage.
///
/// Deleting follows marking: whoever publishes puts (or renews) every blob before it reserves the root
/// that references it, and only blobs that are in no kept root *and* were not put or renewed for a
/// while are deleted. Clocks may jump, so neither relies on that alone: a sweep deletes nothing once a root
/// was reserved that it has not read, and a root is not reserved once blobs were deleted since its own were
/// put ([`Self::sweeps`]). So a blob that is about to be referenced is never lost.
pub trait BlobStore: Clone + Send + Sync + 'static {
    /// Stores blobs in one transaction, compressed; those that are there already are renewed.
    fn put_many(
        &self,
        blobs: Vec<Vec<u8>>,
        now_unix_ms: i64,
    ) -> impl Future<Output = Result<Vec<BlobRef>, StoreError>> + Send;

    /// Reads one blob, checked against its digest.
    fn get(&self, digest: &Digest) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Reads one blob as it travels: zstd frames, each of at most [`CHUNK_BYTES_MAX`] of its bytes. It was
    /// packed once, when it was stored, and is not checked: whoever unpacks it does.
    fn packed(&self, digest: &Digest) -> impl Future<Output = Result<Option<Vec<Vec<u8>>>, StoreError>> + Send;

    /// Which of these are stored, in the order asked.
    fn has_many(&self, digests: &[Digest]) -> impl Future<Output = Result<Vec<bool>, StoreError>> + Send;

    /// Renews blobs so that they are not deleted soon, and returns those that are missing.
    fn renew_many(
        &self,
        digests: &[Digest],
        now_unix_ms: i64,
    ) -> impl Future<Output = Result<Vec<Digest>, StoreError>> + Send;

    /// How often blobs were deleted.
    fn sweeps(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Deletes blobs that are not in `keep` and were last put or renewed before `before_unix_ms`, a few at
    /// a time; stops as soon as a root was reserved after `through`, the last whose blobs are in `keep`.
    fn delete_unreferenced(
        &self,
        keep: &BTreeSet<Digest>,
        through: u64,
        before_unix_ms: i64,
    ) -> impl Future<Output = Result<Swept, StoreError>> + Send;
}

/// Packs a blob into frames, one after the other.
pub(super) fn pack(blob: &[u8]) -> Result<Vec<u8>, StoreError> {
    let failed = |error: DeltaError| StoreError::Backend { action: "pack a blob", source: error.into() };
    // An empty blob is one empty piece.
    let first = blob.chunks(CHUNK_BYTES_MAX).next().unwrap_or_default();
    let mut frames = delta::compress(&[], first).map_err(failed)?;
    for piece in blob.chunks(CHUNK_BYTES_MAX).skip(1) {
        frames.extend(delta::compress(&[], piece).map_err(failed)?);
    }
    Ok(frames)
}

/// Takes the frames of a packed blob apart; `None` when they do not hold pieces as they travel.
pub(super) fn frames(packed: &[u8], size: u64) -> Option<Vec<Vec<u8>>> {
    let (mut frames, mut rest) = (Vec::new(), packed);
    while !rest.is_empty() {
        let length = zstd::zstd_safe::find_frame_compressed_size(rest).ok()?;
        let (frame, after) = rest.split_at_checked(length)?;
        frames.push(frame.to_vec());
        rest = after;
    }
    let pieces = size.div_ceil(CHUNK_BYTES_MAX as u64).max(1);
    (frames.len() as u64 == pieces).then_some(frames)
}

/// How far a sweep came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Blobs deleted.
    pub deleted: u64,
    /// Whether it came to its end.
    pub end: SweepEnd,
}

/// Why a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepEnd {
    /// Everything was looked at.
    Complete,
    /// Roots were reserved meanwhile: read them, and go on.
    RootsReserved,
}
