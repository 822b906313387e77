//! Deletes content that no kept bundle needs.
//!
//! ```text
//! time ─▶ read every kept root, and the manifests that they name ─▶ delete what is old and not among it ─┐
//!                        ▲                                                                               │
//!                        └──────────────── roots were reserved meanwhile: only those ◀───────────────────┘
//! ```
//! A sweep remembers nothing from one time to the next. It deletes nothing unless it has read everything: a
//! manifest that cannot be read ends it. How it and publications keep out of each other's way is the store's
//! ([`crate::store::BlobStore`]).

use std::collections::BTreeSet;
use std::time::Duration;

use skerry_certs::tls::WallClock;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::BundleRoot;
use skerry_common::error_chain::Chain;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use crate::metrics::{self, Metrics};
use crate::quic::unix_ms;
use crate::store::blobs::SweepEnd;
use crate::store::bundles::StoredRoot;
use crate::store::{BlobStore, HubStore, StoreError};

/// How often: content that is not needed only costs room.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Roots read at once: some kilobytes each.
const ROOTS_AT_ONCE: usize = 100;

/// How often one sweep goes on after roots that were reserved meanwhile; the next one does the rest.
const ROUNDS_MAX: usize = 100;

/// Why nothing more was deleted.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The store.
    #[error("the store cannot be swept")]
    Store(#[from] StoreError),
    /// What it needs is not known.
    #[error("the {what} {digest} of a kept bundle cannot be read: no content is deleted")]
    Unreadable {
        /// Root or manifest.
        what: &'static str,
        /// Which.
        digest: Digest,
    },
}

/// The task.
pub struct Sweeper<S: HubStore, B: BlobStore> {
    /// Facts.
    pub store: S,
    /// Content.
    pub blobs: B,
    /// The time.
    pub clock: WallClock,
    /// How long content stays that nobody needs.
    pub grace: Duration,
    /// Counts what is deleted.
    pub metrics: Metrics,
}

/// What kept roots need, as far as they were read.
#[derive(Debug, Default)]
struct Needed {
    content: BTreeSet<Digest>,
    /// The last root that was read.
    through: u64,
}

impl<S: HubStore, B: BlobStore> Sweeper<S, B> {
    /// Runs until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
            let Some(swept) = stop.run_until_cancelled(self.sweep()).await else { return };
            match swept {
                Ok(0) => debug!("no content is left over"),
                Ok(deleted) => info!(deleted, "content that no bundle needs was deleted"),
                Err(error) => error!(error = %Chain(&error), "content was not swept"),
            }
        }
    }

    /// Deletes what is left over; gives how many blobs.
    pub async fn sweep(&self) -> Result<u64, SweepError> {
        let grace = i64::try_from(self.grace.as_millis()).unwrap_or(i64::MAX);
        let before = unix_ms(&self.clock).saturating_sub(grace);
        let (mut needed, mut deleted) = (Needed::default(), 0);
        for _ in 0..ROUNDS_MAX {
            self.read_on(&mut needed).await?;
            let swept = self.blobs.delete_unreferenced(&needed.content, needed.through, before).await?;
            deleted += swept.deleted;
            self.metrics.add(&metrics::BLOBS_DELETED, &[], i64::try_from(swept.deleted).unwrap_or(i64::MAX));
            if swept.end == SweepEnd::Complete {
                break;
            }
        }
        Ok(deleted)
    }

    /// Reads the roots that were reserved since the last look.
    async fn read_on(&self, needed: &mut Needed) -> Result<(), SweepError> {
        loop {
            let roots = self.store.roots_after(needed.through, ROOTS_AT_ONCE).await?;
            let Some(last) = roots.last() else { return Ok(()) };
            let through = last.order;
            for root in &roots {
                self.read(root, &mut needed.content).await?;
            }
            needed.through = through;
        }
    }

    async fn read(&self, stored: &StoredRoot, content: &mut BTreeSet<Digest>) -> Result<(), SweepError> {
        let unreadable = |_| SweepError::Unreadable { what: "root", digest: stored.digest };
        let root: BundleRoot = serde_json::from_slice(&stored.payload).map_err(unreadable)?;
        content.extend(root.key_blob.map(|blob| blob.digest));
        for digest in root.applications.iter().map(|application| application.manifest.digest) {
            // Manifests are shared: one that was needed before was read then.
            if !content.insert(digest) {
                continue;
            }
            let bytes = self.blobs.get(&digest).await?;
            let manifest = bytes.and_then(|bytes| Manifest::parse(&bytes).ok());
            let manifest = manifest.ok_or(SweepError::Unreadable { what: "manifest", digest })?;
            content.extend(manifest.objects.iter().map(|entry| entry.content.digest));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
