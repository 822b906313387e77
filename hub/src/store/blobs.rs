//! Content by digest: manifests, objects, key blobs.

use std::collections::BTreeSet;
use std::future::Future;

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::limits::MANIFEST_BYTES_MAX;

use super::StoreError;

/// Largest blob: a manifest is the largest thing that is stored.
pub const BLOB_BYTES_MAX: u64 = MANIFEST_BYTES_MAX;

/// Content-addressed storage.
///
/// Deleting follows marking: whoever publishes puts (or renews) every blob before it reserves the root
/// that references it, and only blobs that are in no kept root *and* were not put or renewed for a
/// while are deleted. So a blob that is about to be referenced is never lost.
pub trait BlobStore: Clone + Send + Sync + 'static {
    /// Stores blobs in one transaction, compressed; those that are there already are renewed.
    fn put_many(
        &self,
        blobs: Vec<Vec<u8>>,
        now_unix_ms: i64,
    ) -> impl Future<Output = Result<Vec<BlobRef>, StoreError>> + Send;

    /// Reads one blob, checked against its digest.
    fn get(&self, digest: &Digest) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Which of these are stored, in the order asked.
    fn has_many(&self, digests: &[Digest]) -> impl Future<Output = Result<Vec<bool>, StoreError>> + Send;

    /// Renews blobs so that they are not deleted soon, and returns those that are missing.
    fn renew_many(
        &self,
        digests: &[Digest],
        now_unix_ms: i64,
    ) -> impl Future<Output = Result<Vec<Digest>, StoreError>> + Send;

    /// Deletes blobs that are not in `keep` and were last put or renewed before `before_unix_ms`.
    /// Returns how many.
    fn delete_unreferenced(
        &self,
        keep: &BTreeSet<Digest>,
        before_unix_ms: i64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
