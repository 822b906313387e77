//! From an accepted root to a complete bundle, blob by blob.

use std::collections::BTreeSet;

use skerry_common::bundle::digest::{BlobMismatch, BlobRef};
use skerry_common::bundle::manifest::{Manifest, ManifestError};
use skerry_common::id::ApplicationName;
use skerry_common::report::BundleMark;
use thiserror::Error;

use super::AcceptedRoot;

/// Why the content of an accepted root is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContentRefusal {
    /// A manifest was asked for and is not here.
    #[error("the manifest of application `{0}` is not here")]
    ManifestMissing(ApplicationName),
    /// A manifest whose bytes are not those that the root names.
    #[error("the manifest of application `{application}` is damaged")]
    ManifestBytes {
        /// Whose.
        application: ApplicationName,
        /// In which way.
        #[source]
        source: BlobMismatch,
    },
    /// A manifest that cannot be read although its digest is right.
    #[error("the manifest of application `{application}` is refused")]
    Manifest {
        /// Whose.
        application: ApplicationName,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The manifest says that it is another application's.
    #[error("the manifest of application `{expected}` says that it is of `{found}`")]
    Application {
        /// As the root has it.
        expected: ApplicationName,
        /// As the manifest has it.
        found: ApplicationName,
    },
    /// Sealed objects, but no keys to open them.
    #[error("application `{0}` has sealed objects, but the bundle names no key blob")]
    NoKeys(ApplicationName),
    /// Objects or the key blob are not here yet.
    #[error("{0} blobs are not here yet")]
    Incomplete(usize),
}

/// An accepted root with its manifests; their objects may still be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedManifests {
    root: AcceptedRoot,
    manifests: Vec<Manifest>,
}

/// The complete, verified desired state of this cluster: all that the planner believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedBundle {
    root: AcceptedRoot,
    manifests: Vec<Manifest>,
}

impl AcceptedRoot {
    /// Reads all manifests; `read` gives the bytes of a blob, or `None` when it is not here.
    pub fn read_manifests(
        self,
        mut read: impl FnMut(&BlobRef) -> Option<Vec<u8>>,
    ) -> Result<AcceptedManifests, ContentRefusal> {
        let mut manifests = Vec::with_capacity(self.root().applications.len());
        for reference in &self.root().applications {
            let application = || reference.name.clone();
            let bytes = read(&reference.manifest).ok_or_else(|| ContentRefusal::ManifestMissing(application()))?;
            reference
                .manifest
                .check(&bytes)
                .map_err(|source| ContentRefusal::ManifestBytes { application: application(), source })?;
            let manifest = Manifest::parse(&bytes)
                .map_err(|source| ContentRefusal::Manifest { application: application(), source })?;
            if manifest.application != reference.name {
                return Err(ContentRefusal::Application { expected: application(), found: manifest.application });
            }
            if self.root().key_blob.is_none() && manifest.objects.iter().any(is_sealed) {
                return Err(ContentRefusal::NoKeys(application()));
            }
            manifests.push(manifest);
        }
        Ok(AcceptedManifests { root: self, manifests })
    }
}

fn is_sealed(entry: &skerry_common::bundle::manifest::ManifestEntry) -> bool {
    entry.encoding == skerry_common::bundle::manifest::Encoding::Sealed
}

impl AcceptedManifests {
    /// The objects, and the key blob, that are not here yet; none twice.
    pub fn missing(&self, has: impl Fn(&BlobRef) -> bool) -> Vec<BlobRef> {
        absent(needed(&self.root, &self.manifests), has)
    }

    /// Turns into a bundle once every blob is here.
    ///
    /// `has` must be true only for blobs whose bytes were checked against their reference.
    pub fn complete(self, has: impl Fn(&BlobRef) -> bool) -> Result<AcceptedBundle, ContentRefusal> {
        match self.missing(has).len() {
            0 => Ok(AcceptedBundle { root: self.root, manifests: self.manifests }),
            missing => Err(ContentRefusal::Incomplete(missing)),
        }
    }
}

impl AcceptedBundle {
    /// The accepted root.
    pub fn root(&self) -> &AcceptedRoot {
        &self.root
    }

    /// Its place and digest.
    pub fn mark(&self) -> BundleMark {
        self.root.mark()
    }

    /// The manifests, sorted by application.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// The manifest of one application.
    pub fn manifest(&self, application: &ApplicationName) -> Option<&Manifest> {
        let index = self.manifests.binary_search_by(|manifest| manifest.application.cmp(application)).ok()?;
        self.manifests.get(index)
    }

    /// Every blob that must be kept while this bundle is in force: manifests, key blob, objects.
    pub fn blobs(&self) -> BTreeSet<BlobRef> {
        let manifests = self.root.root().applications.iter().map(|application| application.manifest);
        manifests.chain(needed(&self.root, &self.manifests)).collect()
    }
}

fn needed<'a>(root: &'a AcceptedRoot, manifests: &'a [Manifest]) -> impl Iterator<Item = BlobRef> + 'a {
    let objects = manifests.iter().flat_map(|manifest| manifest.objects.iter().map(|entry| entry.content));
    root.root().key_blob.into_iter().chain(objects)
}

pub(super) fn absent(blobs: impl Iterator<Item = BlobRef>, has: impl Fn(&BlobRef) -> bool) -> Vec<BlobRef> {
    let mut seen = BTreeSet::new();
    blobs.filter(|blob| seen.insert(*blob) && !has(blob)).collect()
}
