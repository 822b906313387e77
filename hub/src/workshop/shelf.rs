//! What was made of renders, found again by what was rendered.
//!
//! A renderer gives the very same value for as long as nothing changes that it has read, whatever the commit and
//! whoever asks. What is made of that value is kept beside it, so that a commit costs what it touches, and clusters
//! that run the same share it. It is forgotten once the renderer has forgotten the value.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::{Manifest, Policy};
use skerry_common::id::ApplicationName;
use skerry_hub_core::publish::{BuiltManifest, Prepared};
use skerry_render::Rendered;

/// Entries above which those that nobody needs any more are looked for.
const TIDY_MIN: usize = 1_024;

/// Most manifests of one render: the same folder as other applications, or with other policies.
const MANIFESTS_MAX: usize = 16;

/// What was made of renders.
#[derive(Default)]
pub(super) struct Shelf {
    kept: BTreeMap<Vec<usize>, Kept>,
    by_digest: BTreeMap<Digest, Weak<Manifest>>,
    tidy_at: usize,
}

/// What was made of one render of each source of an application.
struct Kept {
    /// While these are here, nothing else is rendered to the addresses that are its key.
    of: Vec<Weak<Rendered>>,
    prepared: Arc<Prepared>,
    manifests: Vec<Arc<BuiltManifest>>,
}

impl Shelf {
    /// The objects made of these renders.
    pub(super) fn prepared(&self, of: &[Arc<Rendered>]) -> Option<Arc<Prepared>> {
        self.kept.get(&addresses(of)).map(|kept| kept.prepared.clone())
    }

    /// The manifest made of these renders for an application.
    pub(super) fn built(
        &self,
        of: &[Arc<Rendered>],
        name: &ApplicationName,
        policy: &Policy,
    ) -> Option<Arc<BuiltManifest>> {
        let is_it =
            |built: &&Arc<BuiltManifest>| built.manifest.application == *name && built.manifest.policy == *policy;
        self.kept.get(&addresses(of))?.manifests.iter().find(is_it).cloned()
    }

    /// A manifest, if it was made in this life of the hub and something still says the same.
    pub(super) fn manifest(&self, digest: &Digest) -> Option<Arc<Manifest>> {
        self.by_digest.get(digest)?.upgrade()
    }

    /// Keeps objects.
    pub(super) fn keep(&mut self, of: &[Arc<Rendered>], prepared: Arc<Prepared>) {
        if self.kept.len() >= self.tidy_at.max(TIDY_MIN) {
            self.tidy();
        }
        let weak = of.iter().map(Arc::downgrade).collect();
        self.kept.insert(addresses(of), Kept { of: weak, prepared, manifests: Vec::new() });
    }

    /// Keeps a manifest beside the objects that it lists.
    pub(super) fn keep_built(&mut self, of: &[Arc<Rendered>], built: &Arc<BuiltManifest>) {
        let Some(kept) = self.kept.get_mut(&addresses(of)) else { return };
        if kept.manifests.len() >= MANIFESTS_MAX {
            kept.manifests.clear();
        }
        kept.manifests.push(built.clone());
        self.by_digest.insert(built.reference.digest, Arc::downgrade(&built.manifest));
    }

    /// Forgets what is rendered no longer.
    pub(super) fn tidy(&mut self) {
        self.kept.retain(|_, kept| kept.of.iter().all(|of| of.strong_count() > 0));
        self.by_digest.retain(|_, manifest| manifest.strong_count() > 0);
        self.tidy_at = self.kept.len() * 2;
    }
}

/// Where renders lie: no two that live do so at the same place.
fn addresses(of: &[Arc<Rendered>]) -> Vec<usize> {
    of.iter().map(|rendered| Arc::as_ptr(rendered).addr()).collect()
}
