//! Builds offers: a signed root with as much of its content as fits, small changes as deltas.

use std::collections::BTreeMap;

use skerry_common::bundle::delta;
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry};
use skerry_common::bundle::root::BundleRoot;
use skerry_common::id::ClusterId;
use skerry_common::object::ObjectKey;
use skerry_common::report::BundleMark;
use skerry_common::wire::v1::{Offer, OfferedBlob, OfferedRoot};
use tracing::warn;

use super::deltas::Deltas;
use crate::store::{BlobStore, HubStore, StoreError};

/// Most bytes of content inside an offer; the rest is fetched. Well below a frame's limit, and small
/// enough that a connection lost half-way costs little.
const INLINE_BYTES_MAX: usize = 128 * 1024;

/// Most blobs inside an offer: more is no small change.
const INLINE_BLOBS_MAX: usize = 64;

/// Builds the offer of `target`; `None` when it is not (or no longer) the newest signed root.
pub(super) async fn build<S: HubStore, B: BlobStore>(
    store: &S,
    (blobs, deltas): (&B, &Deltas),
    cluster: &ClusterId,
    target: BundleMark,
    held: Option<Digest>,
) -> Result<Option<Offer>, StoreError> {
    let Some(stored) = store.newest(cluster).await?.filter(|root| root.digest == target.root) else {
        return Ok(None);
    };
    let Some(signature) = stored.signature.clone() else { return Ok(None) };
    let base = match held {
        Some(held) => store.history(cluster).await?.into_iter().find(|root| root.digest == held),
        None => None,
    };
    let mut builder = Builder { blobs, deltas, inline: Vec::new(), bytes: 0 };
    let base_payload = base.as_ref().map(|root| (root.digest, root.payload.as_slice()));
    let Some(payload) = compress(&stored.payload, base_payload) else { return Ok(None) };
    if let (Some(base), Ok(new)) = (&base, serde_json::from_slice::<BundleRoot>(&stored.payload))
        && let Ok(old) = serde_json::from_slice::<BundleRoot>(&base.payload)
    {
        builder.changes(&old, &new).await?;
    }
    let root = OfferedRoot { payload, keyid: signature.keyid.0, signature: signature.sig };
    Ok(Some(Offer { root, blobs: builder.inline }))
}

fn compress(content: &[u8], base: Option<(Digest, &[u8])>) -> Option<OfferedBlob> {
    let compressed = delta::compress(base.map_or(&[], |(_, bytes)| bytes), content);
    match compressed {
        Ok(zstd) => Some(OfferedBlob { content: BlobRef::of(content), base: base.map(|(digest, _)| digest), zstd }),
        Err(error) => {
            warn!(error = %skerry_common::error_chain::Chain(&error), "an offer cannot be compressed");
            None
        }
    }
}

struct Builder<'a, B: BlobStore> {
    blobs: &'a B,
    deltas: &'a Deltas,
    inline: Vec<OfferedBlob>,
    bytes: usize,
}

impl<B: BlobStore> Builder<'_, B> {
    /// Puts changed manifests and their changed objects into the offer while there is room.
    async fn changes(&mut self, old: &BundleRoot, new: &BundleRoot) -> Result<(), StoreError> {
        for application in &new.applications {
            let before = old.applications.iter().find(|before| before.name == application.name);
            let before = before.map(|before| before.manifest);
            if before == Some(application.manifest) || !self.has_room() {
                continue;
            }
            self.add(&application.manifest, before.as_ref()).await?;
            let Some(before) = before else { continue };
            if let (Some(before), Some(manifest)) =
                (self.manifest(&before).await?, self.manifest(&application.manifest).await?)
            {
                self.objects(&before, &manifest).await?;
            }
        }
        match new.key_blob {
            Some(blob) if old.key_blob != new.key_blob => self.add(&blob, None).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn objects(&mut self, old: &Manifest, new: &Manifest) -> Result<(), StoreError> {
        let before: BTreeMap<ObjectKey, &ManifestEntry> =
            old.objects.iter().map(|entry| (entry.key(), entry)).collect();
        for entry in &new.objects {
            let older = before.get(&entry.key());
            if older.is_some_and(|older| older.content == entry.content) {
                continue;
            }
            if !self.has_room() {
                return Ok(());
            }
            // Ciphertexts have nothing in common with each other.
            let plain =
                |older: &&&ManifestEntry| entry.encoding == Encoding::Plain && older.encoding == Encoding::Plain;
            let base = older.filter(plain).map(|older| older.content);
            self.add(&entry.content, base.as_ref()).await?;
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.bytes < INLINE_BYTES_MAX && self.inline.len() < INLINE_BLOBS_MAX
    }

    async fn manifest(&self, blob: &BlobRef) -> Result<Option<Manifest>, StoreError> {
        let bytes = self.blobs.get(&blob.digest).await?;
        Ok(bytes.and_then(|bytes| Manifest::parse(&bytes).ok()))
    }

    /// Adds a blob if it fits.
    async fn add(&mut self, blob: &BlobRef, base: Option<&BlobRef>) -> Result<(), StoreError> {
        let delta = self.deltas.delta(self.blobs, blob, base).await?;
        if let Some(delta) = delta.filter(|delta| self.bytes + delta.len() <= INLINE_BYTES_MAX) {
            self.bytes += delta.len();
            let base = base.map(|base| base.digest);
            self.inline.push(OfferedBlob { content: *blob, base, zstd: delta.to_vec() });
        }
        Ok(())
    }
}
