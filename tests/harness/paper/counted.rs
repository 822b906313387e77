//! Content whose reads and writes are counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_hub::store::StoreError;
use skerry_hub::store::blobs::{BlobStore, Swept};

/// A blob store that counts what is asked of it.
#[derive(Clone)]
pub struct Counted<B> {
    inner: B,
    put: Arc<AtomicU64>,
    read: Arc<AtomicU64>,
}

impl<B> Counted<B> {
    pub(super) fn new(inner: B) -> Self {
        Self { inner, put: Arc::default(), read: Arc::default() }
    }

    /// Blobs put so far, also those that were there.
    pub(super) fn put(&self) -> u64 {
        self.put.load(Ordering::Relaxed)
    }

    /// Blobs read so far.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl<B: BlobStore> BlobStore for Counted<B> {
    async fn put_many(&self, blobs: Vec<Vec<u8>>, now_unix_ms: i64) -> Result<Vec<BlobRef>, StoreError> {
        self.put.fetch_add(blobs.len() as u64, Ordering::Relaxed);
        self.inner.put_many(blobs, now_unix_ms).await
    }

    async fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        self.inner.get(digest).await
    }

    async fn packed(&self, digest: &Digest) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        self.inner.packed(digest).await
    }

    async fn has_many(&self, digests: &[Digest]) -> Result<Vec<bool>, StoreError> {
        self.inner.has_many(digests).await
    }

    async fn renew_many(&self, digests: &[Digest], now_unix_ms: i64) -> Result<Vec<Digest>, StoreError> {
        self.inner.renew_many(digests, now_unix_ms).await
    }

    async fn sweeps(&self) -> Result<u64, StoreError> {
        self.inner.sweeps().await
    }

    async fn delete_unreferenced(
        &self,
        keep: &BTreeSet<Digest>,
        through: u64,
        before_unix_ms: i64,
    ) -> Result<Swept, StoreError> {
        self.inner.delete_unreferenced(keep, through, before_unix_ms).await
    }
}
