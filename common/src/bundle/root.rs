//! The bundle root: the small signed document that names one cluster's complete desired state.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::{BlobRef, Digest};
use super::signature::{Envelope, PublicKey, SignatureError};
use crate::id::{ApplicationName, ClusterId, CommitId, Epoch, FleetId, Generation, Place, SourceName};
use crate::limits::{APPLICATIONS_MAX, KEY_BLOB_BYTES_MAX, MANIFEST_BYTES_MAX, ROOT_BYTES_MAX};

/// Media type of a bundle root.
pub const BUNDLE_TYPE: &str = "application/vnd.skerry.bundle.v1+json";

/// The only schema that this version reads.
pub const ROOT_SCHEMA: u32 = 1;

/// The signed document, as canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleRoot {
    /// Format of this document.
    pub schema: u32,
    /// Fleet.
    pub fleet: FleetId,
    /// The one cluster that it is for.
    pub cluster: ClusterId,
    /// The trust root's epoch.
    pub epoch: Epoch,
    /// Place in the order within the epoch.
    pub generation: Generation,
    /// Digest of the root before it, for audit and the hub's compare-and-swap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
    /// When it was issued (RFC 3339, UTC, whole seconds).
    pub issued: String,
    /// Until when it may be *accepted* (RFC 3339); what was accepted stays in force for ever.
    pub expires: String,
    /// Which hub issued it.
    pub hub: String,
    /// Version of the renderer.
    pub renderer: String,
    /// The revisions that went into it, sorted by name.
    pub sources: Vec<SourceRevision>,
    /// What the cluster runs, sorted by name.
    pub applications: Vec<ApplicationRef>,
    /// Wrapped data keys of sealed objects, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_blob: Option<BlobRef>,
    /// Digests of held prune lists that an operator confirmed, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmations: Vec<Digest>,
    /// Counts requests to make a full pass now; a change makes the agent do so.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sync_requests: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A revision that went into a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceRevision {
    /// Name of the source.
    pub name: SourceName,
    /// URL without credentials.
    pub url: String,
    /// The ref that was followed, in words: `branch main`, `tag v1`, `semver >=1`, `commit …`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// What it pointed to.
    pub commit: CommitId,
    /// How the commit was verified: `none` until signatures are checked.
    pub verified: String,
}

/// An application on this cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationRef {
    /// Name.
    pub name: ApplicationName,
    /// Its manifest.
    #[serde(flatten)]
    pub manifest: BlobRef,
    /// The sources that it was rendered from.
    pub sources: Vec<SourceName>,
}

/// A root whose signature was checked against a trust root and whose fields are well-formed.
/// Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRoot {
    root: BundleRoot,
    envelope: Envelope,
}

/// Why a root is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RootError {
    /// Larger than [`ROOT_BYTES_MAX`].
    #[error("the bundle root has {0} bytes: at most {ROOT_BYTES_MAX} are read")]
    TooLarge(usize),
    /// Not signed by a key that the trust root lists.
    #[error("the bundle root is not signed by a bundle key of the trust root")]
    Signature(#[source] SignatureError),
    /// Not JSON of the known schema.
    #[error("the bundle root cannot be read: {0}")]
    Malformed(String),
    /// A later format.
    #[error("the bundle root has schema {0}: this version reads {ROOT_SCHEMA}; upgrade the agent first")]
    Schema(u32),
    /// A field that cannot be.
    #[error("the bundle root is inconsistent: {0}")]
    Inconsistent(&'static str),
}

/// The schema is read first, so that a later format is named as such.
#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

impl SignedRoot {
    /// Verifies an envelope against the keys that may sign bundles.
    ///
    /// Says nothing of fleet, cluster, order or time: that is the agent's `accept`.
    pub fn verify(envelope: Envelope, bundle_keys: &[PublicKey]) -> Result<Self, RootError> {
        if envelope.payload.len() as u64 > ROOT_BYTES_MAX {
            return Err(RootError::TooLarge(envelope.payload.len()));
        }
        let payload = envelope.verify(BUNDLE_TYPE, bundle_keys, 1).map_err(RootError::Signature)?;
        let malformed = |error: serde_json::Error| RootError::Malformed(error.to_string());
        let schema = serde_json::from_slice::<SchemaOnly>(payload).map_err(malformed)?.schema;
        if schema != ROOT_SCHEMA {
            return Err(RootError::Schema(schema));
        }
        let root: BundleRoot = serde_json::from_slice(payload).map_err(malformed)?;
        root.check()?;
        Ok(Self { root, envelope })
    }

    /// What the document says.
    pub fn root(&self) -> &BundleRoot {
        &self.root
    }

    /// The signed form, to store or pass on.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The digest by which `parent`, `head` and reports name it.
    pub fn digest(&self) -> Digest {
        self.envelope.digest()
    }

    /// Where it stands in the order.
    pub fn place(&self) -> Place {
        self.root.place()
    }
}

impl BundleRoot {
    /// Where it stands in the order.
    pub fn place(&self) -> Place {
        Place { epoch: self.epoch, generation: self.generation }
    }

    /// The bytes to sign.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RootError> {
        self.check()?;
        crate::canonical::of(self).map_err(|error| RootError::Malformed(error.to_string()))
    }

    fn check(&self) -> Result<(), RootError> {
        let wrong = if self.generation.0 == 0 {
            Some("generations begin at 1")
        } else if self.applications.len() > APPLICATIONS_MAX {
            Some("too many applications")
        } else if self.applications.iter().any(|application| application.manifest.size > MANIFEST_BYTES_MAX) {
            Some("a manifest is larger than allowed")
        } else if self.key_blob.is_some_and(|blob| blob.size > KEY_BLOB_BYTES_MAX) {
            Some("the key blob is larger than allowed")
        } else if !self.applications.is_sorted_by(|a, b| a.name < b.name) {
            Some("applications are not sorted or one stands twice")
        } else if !self.sources.is_sorted_by(|a, b| a.name < b.name) {
            Some("sources are not sorted or one stands twice")
        } else {
            None
        };
        wrong.map_or(Ok(()), |what| Err(RootError::Inconsistent(what)))
    }
}
