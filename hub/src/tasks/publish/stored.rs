//! Which content the store has for certain.

use std::collections::BTreeSet;
use std::sync::Arc;

use skerry_common::bundle::digest::Digest;
use skerry_hub_core::publish::BuiltManifest;

/// Most digests, some 10 MiB: the objects of a thousand clusters that each run a hundred of their own. Beyond, all are
/// forgotten, and stored content is looked up again.
const DIGESTS_MAX: usize = 100_000;

/// Content that was stored since the store has deleted any.
///
/// It need not be stored again, nor be looked up: while nothing is deleted it is there, and no root is reserved once
/// something was ([`BlobStore::sweeps`](crate::store::BlobStore::sweeps)). A manifest that is known stands for all
/// that it lists.
#[derive(Debug, Default)]
pub struct Stored {
    sweeps: u64,
    known: BTreeSet<Digest>,
}

impl Stored {
    /// What of these manifests is to be stored, after so many sweeps.
    pub(super) fn lacks(&mut self, sweeps: u64, manifests: &[Arc<BuiltManifest>]) -> Vec<Vec<u8>> {
        if self.sweeps != sweeps || self.known.len() >= DIGESTS_MAX {
            self.known.clear();
            self.sweeps = sweeps;
        }
        let mut lacks = Vec::new();
        for built in manifests.iter().filter(|built| !self.known.contains(&built.reference.digest)) {
            lacks.push(built.bytes.to_vec());
            let objects = built.blobs.iter().filter(|(digest, _)| !self.known.contains(*digest));
            lacks.extend(objects.map(|(_, bytes)| bytes.to_vec()));
        }
        lacks
    }

    /// These manifests, and what they list, are stored.
    pub(super) fn note(&mut self, manifests: &[Arc<BuiltManifest>]) {
        for built in manifests {
            if self.known.insert(built.reference.digest) {
                self.known.extend(built.blobs.keys());
            }
        }
    }
}
