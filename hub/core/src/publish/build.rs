//! From rendered objects to canonical bytes, and from those to a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry, ManifestError, Order, Policy};
use skerry_common::canonical;
use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_common::id::ApplicationName;
use skerry_common::limits::MANIFEST_BYTES_MAX;
use skerry_common::object::ObjectKey;
use skerry_common::redact::Redacted;
use skerry_render::RenderedObject;
use thiserror::Error;

use crate::bundle_lint;

/// The objects of one rendering, canonical and linted; the same for every cluster and commit that shares it.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Each object once, in the order of rendering.
    pub objects: Vec<PreparedObject>,
    /// What works, but somebody should look at.
    pub warnings: Vec<Diagnostic>,
}

/// One object.
#[derive(Debug, Clone)]
pub struct PreparedObject {
    /// Which object.
    pub key: ObjectKey,
    /// Its `apiVersion`.
    pub api_version: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Plain { reference: BlobRef, bytes: Arc<[u8]> },
    Secret(Redacted<Arc<[u8]>>),
}

impl Prepared {
    /// True when its manifest is the same for every cluster.
    pub fn is_shared(&self) -> bool {
        self.objects.iter().all(|object| matches!(object.content, Content::Plain { .. }))
    }
}

/// What one source of an application was rendered to.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The objects; where they were declared names neither repository nor commit.
    pub objects: &'a [RenderedObject],
    /// Names these, for what is told of the objects.
    pub origin: &'a Location,
}

/// Makes the objects of one application canonical and lints each; one part for each of its sources, in
/// order.
pub fn prepare(parts: &[Part<'_>]) -> Result<Prepared, Vec<Diagnostic>> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut seen: BTreeMap<&ObjectKey, (&Location, &Location)> = BTreeMap::new();
    let mut objects = Vec::new();
    for (rendered, origin) in parts.iter().flat_map(|part| part.objects.iter().map(|object| (object, part.origin))) {
        let mut tell = |problem: Diagnostic| {
            let location = problem.location.clone().in_commit_of(origin);
            found.push(problem.at(location));
        };
        if let Some((first, in_commit)) = seen.insert(&rendered.key, (&rendered.origin, origin)) {
            let first = first.clone().in_commit_of(in_commit);
            tell(bundle_lint::declared_twice(&rendered.key, &first, &rendered.origin));
            continue;
        }
        // Depth first: everything after it walks the value recursively.
        if bundle_lint::is_too_deep(&rendered.value) {
            tell(bundle_lint::too_deep(&rendered.key, &rendered.origin));
            continue;
        }
        let bytes: Arc<[u8]> = canonical::to_bytes(&rendered.value).into();
        bundle_lint::object(rendered, bytes.len()).into_iter().for_each(&mut tell);
        let content = if is_secret(&rendered.key) {
            Content::Secret(Redacted::new(bytes))
        } else {
            Content::Plain { reference: BlobRef::of(&bytes), bytes }
        };
        let api_version = rendered.value.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        objects.push(PreparedObject { key: rendered.key.clone(), api_version, content });
    }
    if found.iter().any(Diagnostic::is_error) { Err(found) } else { Ok(Prepared { objects, warnings: found }) }
}

/// True for the one kind whose values must not be readable in a bundle.
pub(crate) fn is_secret(key: &ObjectKey) -> bool {
    key.group.is_empty() && key.kind == "Secret"
}

/// What `seal` gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedObject {
    /// The ciphertext; for the same plaintext and audience the same bytes again.
    pub ciphertext: Arc<[u8]>,
}

/// Seals a Secret's canonical bytes to one cluster.
pub type Seal<'a> = dyn FnMut(&ObjectKey, &[u8]) -> Result<SealedObject, SealError> + 'a;

/// A Secret cannot be sealed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the secret cannot be sealed: {reason}")]
pub struct SealError {
    /// Why; never the secret.
    pub reason: String,
}

/// Why there is no manifest.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A Secret cannot be sealed.
    #[error("`{object}` cannot be sealed")]
    Seal {
        /// Which.
        object: ObjectKey,
        /// Why.
        #[source]
        source: SealError,
    },
    /// The manifest breaks a bound or rule of the format.
    #[error("the manifest of application `{application}` is not valid")]
    Manifest {
        /// Whose.
        application: ApplicationName,
        /// Why.
        #[source]
        source: ManifestError,
    },
}

impl BuildError {
    /// The error for people.
    pub fn diagnostic(&self) -> Diagnostic {
        let code = match self {
            Self::Seal { .. } => Code(304),
            Self::Manifest { .. } => Code(305),
        };
        Diagnostic::error(code, skerry_common::error_chain::Chain(self).to_string())
    }
}

/// A manifest with everything that it references and that may be new to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltManifest {
    /// What it says.
    pub manifest: Arc<Manifest>,
    /// Its canonical bytes.
    pub bytes: Arc<[u8]>,
    /// The reference to them.
    pub reference: BlobRef,
    /// Objects, plain and sealed; empty for a manifest that is kept, whose objects are stored.
    pub blobs: BTreeMap<Digest, Arc<[u8]>>,
}

impl BuiltManifest {
    fn new(manifest: Manifest, blobs: BTreeMap<Digest, Arc<[u8]>>) -> Result<Self, BuildError> {
        let application = manifest.application.clone();
        let failed = |source| BuildError::Manifest { application: application.clone(), source };
        let bytes: Arc<[u8]> = manifest.to_bytes().map_err(failed)?.into();
        if bytes.len() as u64 > MANIFEST_BYTES_MAX {
            return Err(failed(ManifestError::TooLarge(bytes.len() as u64)));
        }
        Ok(Self { manifest: Arc::new(manifest), reference: BlobRef::of(&bytes), bytes, blobs })
    }

    /// Ciphertexts that it references: the key blob must hold their keys.
    pub fn sealed(&self) -> BTreeSet<Digest> {
        sealed(&self.manifest)
    }
}

/// Ciphertexts that a manifest references.
pub(super) fn sealed(manifest: &Manifest) -> BTreeSet<Digest> {
    let entries = manifest.objects.iter().filter(|entry| entry.encoding == Encoding::Sealed);
    entries.map(|entry| entry.content.digest).collect()
}

/// Builds the manifest of an application; each Secret goes through `seal`.
pub fn build_manifest(
    application: &ApplicationName,
    policy: &Policy,
    prepared: &Prepared,
    seal: &mut Seal<'_>,
) -> Result<BuiltManifest, BuildError> {
    let mut blobs = BTreeMap::new();
    let mut entries = Vec::with_capacity(prepared.objects.len());
    for object in &prepared.objects {
        let (content, encoding) = match &object.content {
            Content::Plain { reference, bytes } => {
                blobs.insert(reference.digest, Arc::clone(bytes));
                (*reference, Encoding::Plain)
            }
            Content::Secret(clear) => {
                let sealed = seal(&object.key, clear.expose())
                    .map_err(|source| BuildError::Seal { object: object.key.clone(), source })?;
                let reference = BlobRef::of(&sealed.ciphertext);
                blobs.insert(reference.digest, sealed.ciphertext);
                (reference, Encoding::Sealed)
            }
        };
        entries.push(ManifestEntry {
            api_version: object.api_version.clone(),
            kind: object.key.kind.clone(),
            namespace: object.key.namespace.clone(),
            name: object.key.name.clone(),
            content,
            encoding,
            order: Order::of(&object.key.group, &object.key.kind),
        });
    }
    let manifest = Manifest::new(application.clone(), policy.clone(), entries)
        .map_err(|source| BuildError::Manifest { application: application.clone(), source })?;
    BuiltManifest::new(manifest, blobs)
}

/// The manifest of a suspended application: that of the previous bundle, marked as held. Without a
/// previous one it holds no objects, for nothing of it was ever put on the cluster.
pub fn suspended(
    application: &ApplicationName,
    policy: &Policy,
    previous: Option<&Manifest>,
) -> Result<BuiltManifest, BuildError> {
    let manifest = match previous {
        Some(previous) => Manifest { policy: Policy { suspend: true, ..previous.policy.clone() }, ..previous.clone() },
        None => {
            let policy = Policy { suspend: true, ..policy.clone() };
            Manifest::new(application.clone(), policy, Vec::new())
                .map_err(|source| BuildError::Manifest { application: application.clone(), source })?
        }
    };
    BuiltManifest::new(manifest, BTreeMap::new())
}
