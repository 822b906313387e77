//! Blobs in memory, as they are.

use std::collections::BTreeSet;

use skerry_common::bundle::digest::{BlobRef, Digest};

use super::MemoryStore;
use crate::store::StoreError;
use crate::store::blobs::{BLOB_BYTES_MAX, BlobStore, SweepEnd, Swept, frames, pack};

impl BlobStore for MemoryStore {
    async fn put_many(&self, blobs: Vec<Vec<u8>>, now_unix_ms: i64) -> Result<Vec<BlobRef>, StoreError> {
        let references: Vec<BlobRef> = blobs.iter().map(|blob| BlobRef::of(blob)).collect();
        if let Some(long) = references.iter().find(|reference| reference.size > BLOB_BYTES_MAX) {
            return Err(StoreError::OutOfRange { what: "size of a blob", value: long.size });
        }
        self.with(|state| {
            for (reference, blob) in references.iter().zip(blobs) {
                state.blobs.insert(reference.digest, (blob, now_unix_ms));
            }
        })?;
        Ok(references)
    }

    async fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|state| state.blobs.get(digest).map(|(blob, _)| blob.clone()))
    }

    async fn packed(&self, digest: &Digest) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let Some(blob) = self.get(digest).await? else { return Ok(None) };
        Ok(frames(&pack(&blob)?, blob.len() as u64))
    }

    async fn has_many(&self, digests: &[Digest]) -> Result<Vec<bool>, StoreError> {
        self.with(|state| digests.iter().map(|digest| state.blobs.contains_key(digest)).collect())
    }

    async fn renew_many(&self, digests: &[Digest], now_unix_ms: i64) -> Result<Vec<Digest>, StoreError> {
        self.with(|state| {
            let mut missing = Vec::new();
            for digest in digests {
                match state.blobs.get_mut(digest) {
                    Some((_, touched)) => *touched = (*touched).max(now_unix_ms),
                    None => missing.push(*digest),
                }
            }
            missing
        })
    }

    async fn sweeps(&self) -> Result<u64, StoreError> {
        self.with(|state| state.blobs_swept)
    }

    async fn delete_unreferenced(
        &self,
        keep: &BTreeSet<Digest>,
        through: u64,
        before_unix_ms: i64,
    ) -> Result<Swept, StoreError> {
        self.with(|state| {
            if state.roots_reserved > through {
                return Swept { deleted: 0, end: SweepEnd::RootsReserved };
            }
            let before = state.blobs.len();
            state.blobs.retain(|digest, (_, touched)| keep.contains(digest) || *touched >= before_unix_ms);
            let blobs = &state.blobs;
            state.sealed.retain(|_, blob| blobs.contains_key(&blob.digest));
            let deleted = (before - state.blobs.len()) as u64;
            state.blobs_swept += u64::from(deleted > 0);
            Swept { deleted, end: SweepEnd::Complete }
        })
    }
}
