//! Content inside offers, compressed once however many agents get it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use skerry_common::bundle::delta;
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::error_chain::Chain;
use tokio::sync::OnceCell;
use tracing::warn;

use crate::metrics::{self, Metrics};
use crate::store::{BlobStore, StoreError};

/// Bytes that are remembered: some thousand small changes. Beyond them everything is forgotten, as what is offered to a
/// fleet is offered within seconds.
const REMEMBERED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What each delta costs besides its bytes.
const ENTRY_BYTES: usize = 256;

/// What becomes of which base.
type Change = (Digest, Option<Digest>);

/// A delta as it travels, if it can be made.
type Made = Arc<OnceCell<Option<Arc<[u8]>>>>;

/// The deltas of the latest offers; a handle.
///
/// A mutex, because sessions ask from any thread; it is held for one map access. Who asks for what is being made waits.
#[derive(Clone)]
pub struct Deltas {
    remembered: Arc<Mutex<Remembered>>,
    metrics: Metrics,
}

#[derive(Default)]
struct Remembered {
    made: BTreeMap<Change, Made>,
    bytes: usize,
}

impl Deltas {
    /// Remembers nothing yet.
    pub fn new(metrics: Metrics) -> Self {
        Self { remembered: Arc::default(), metrics }
    }

    /// A blob as a delta of another one, or whole without one; `None` when one of them is not stored.
    pub(super) async fn delta<B: BlobStore>(
        &self,
        blobs: &B,
        blob: &BlobRef,
        base: Option<&BlobRef>,
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        let made = self.entry((blob.digest, base.map(|base| base.digest)));
        let delta = made.get_or_try_init(|| async {
            let Some(content) = blobs.get(&blob.digest).await? else { return Ok(None) };
            let base = match base {
                Some(base) => blobs.get(&base.digest).await?,
                None => Some(Vec::new()),
            };
            let Some(base) = base else { return Ok(None) };
            self.metrics.add(&metrics::DELTAS, &[], 1);
            let delta = delta::compress(&base, &content);
            let delta = delta.inspect_err(|error| warn!(error = %Chain(error), "content cannot be compressed"));
            let delta: Option<Arc<[u8]>> = delta.ok().map(Into::into);
            self.weigh(delta.as_ref().map_or(0, |delta| delta.len()));
            Ok::<_, StoreError>(delta)
        });
        Ok(delta.await?.clone())
    }

    fn entry(&self, change: Change) -> Made {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.bytes > REMEMBERED_BYTES_MAX {
            *remembered = Remembered::default();
        }
        if let Some(made) = remembered.made.get(&change) {
            return made.clone();
        }
        remembered.bytes += ENTRY_BYTES;
        remembered.made.entry(change).or_default().clone()
    }

    fn weigh(&self, bytes: usize) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).bytes += bytes;
    }
}
