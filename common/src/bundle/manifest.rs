//! An application's manifest: its policies and the objects it consists of, by digest.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::BlobRef;
use crate::id::ApplicationName;
use crate::limits::{MANIFEST_BYTES_MAX, OBJECT_BYTES_MAX, OBJECTS_PER_APPLICATION_MAX};
use crate::object::{ObjectKey, group_of};

/// The only schema that this version reads.
pub const MANIFEST_SCHEMA: u32 = 1;

/// What one application puts on one cluster, as canonical JSON.
///
/// It names no cluster, no commit and no time, so clusters that run the same share its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Format of this document.
    pub schema: u32,
    /// Whose objects these are.
    pub application: ApplicationName,
    /// How the agent treats them.
    pub policy: Policy,
    /// Sorted by `order`, then by key; no key twice.
    pub objects: Vec<ManifestEntry>,
}

/// One object of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestEntry {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; absent for cluster-scoped objects and for those whose scope the hub does not know
    /// (then [`Policy::namespace`] counts if the cluster says that they are namespaced).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// The object's bytes, sealed or plain.
    #[serde(flatten)]
    pub content: BlobRef,
    /// How the bytes are to be read.
    #[serde(default, skip_serializing_if = "Encoding::is_plain")]
    pub encoding: Encoding,
    /// When it is applied.
    pub order: Order,
}

impl ManifestEntry {
    /// Which object this is.
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: group_of(&self.api_version).to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// How an object's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Canonical JSON.
    #[default]
    Plain,
    /// Canonical JSON, sealed to the cluster: the digest is the ciphertext's.
    Sealed,
}

impl Encoding {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// Steps of applying; deletion goes the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Namespaces first.
    Namespaces,
    /// Custom resource definitions, until established.
    Definitions,
    /// Everything else.
    Rest,
}

impl Order {
    /// The step to which a kind belongs.
    pub fn of(group: &str, kind: &str) -> Self {
        match (group, kind) {
            ("", "Namespace") => Self::Namespaces,
            ("apiextensions.k8s.io", "CustomResourceDefinition") => Self::Definitions,
            _ => Self::Rest,
        }
    }
}

/// How the agent treats an application's objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are those of the Application document")]
pub struct Policy {
    /// Default for namespaced objects that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Write, or only look.
    pub mode: SyncMode,
    /// Delete what left the application.
    pub prune: bool,
    /// Undo drift.
    pub self_heal: bool,
    /// Fields that people add.
    pub extra_fields: ExtraFields,
    /// Fields that are never touched after creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<IgnoreRule>,
    /// What happens to the objects when the application leaves the cluster.
    pub on_remove: OnRemove,
    /// The manifest is held: it is healed, but does not follow Git.
    pub suspend: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            namespace: None,
            mode: SyncMode::Apply,
            prune: true,
            self_heal: true,
            extra_fields: ExtraFields::RevertHumans,
            ignore: Vec::new(),
            on_remove: OnRemove::Delete,
            suspend: false,
        }
    }
}

/// Write, or only look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncMode {
    /// Apply and heal.
    #[default]
    Apply,
    /// Plan and report, write nothing.
    Observe,
}

/// What to do about fields that others add to our objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtraFields {
    /// Remove what people added; leave what controllers and webhooks set.
    #[default]
    RevertHumans,
    /// Remove whatever anybody added.
    RevertAll,
    /// Leave everything.
    Keep,
}

/// What happens when the application leaves the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnRemove {
    /// Its objects are pruned.
    #[default]
    Delete,
    /// Its objects stay, without our marks.
    Orphan,
}

/// Fields of some objects that are set at creation and then left to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IgnoreRule {
    /// API group; absent matches every group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind; absent matches every kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Namespace; absent matches every namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name; absent matches every name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// JSON pointers (RFC 6901), `/spec/replicas`; everything below them is ignored too.
    pub fields: Vec<String>,
}

impl IgnoreRule {
    /// True when the rule speaks of this object.
    pub fn matches(&self, key: &ObjectKey) -> bool {
        let is = |want: &Option<String>, have: &str| want.as_deref().is_none_or(|want| want == have);
        is(&self.group, &key.group)
            && is(&self.kind, &key.kind)
            && is(&self.namespace, key.namespace.as_deref().unwrap_or(""))
            && is(&self.name, &key.name)
    }
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Larger than [`MANIFEST_BYTES_MAX`].
    #[error("the manifest has {0} bytes: at most {MANIFEST_BYTES_MAX} are read")]
    TooLarge(u64),
    /// Not JSON of the known schema.
    #[error("the manifest cannot be read: {0}")]
    Malformed(String),
    /// A later format.
    #[error("the manifest has schema {0}: this version reads {MANIFEST_SCHEMA}; upgrade first")]
    Schema(u32),
    /// More objects than allowed.
    #[error("the manifest lists {0} objects: at most {OBJECTS_PER_APPLICATION_MAX} are allowed")]
    TooMany(usize),
    /// An object larger than allowed.
    #[error("{key} has {size} bytes: at most {OBJECT_BYTES_MAX} are allowed")]
    ObjectTooLarge {
        /// Which object.
        key: ObjectKey,
        /// Its size in bytes.
        size: u64,
    },
    /// Not sorted, or the same object twice.
    #[error("{0} stands twice or out of order")]
    Unsorted(ObjectKey),
    /// A kind in another step than its own.
    #[error("{0} is in the wrong step")]
    WrongStep(ObjectKey),
}

/// More room than an object takes: a sealed one carries its nonce and tag besides.
const SEAL_OVERHEAD_MAX: u64 = 1024;

impl Manifest {
    /// Sorts the objects and checks what a reader would check.
    pub fn new(
        application: ApplicationName,
        policy: Policy,
        mut objects: Vec<ManifestEntry>,
    ) -> Result<Self, ManifestError> {
        objects.sort_by_cached_key(|entry| (entry.order, entry.key()));
        let manifest = Self { schema: MANIFEST_SCHEMA, application, policy, objects };
        manifest.check()?;
        Ok(manifest)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        crate::canonical::of(self).map_err(|error| ManifestError::Malformed(error.to_string()))
    }

    /// Reads and checks bytes that match a signed digest, and still trusts nothing in them.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() as u64 > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge(bytes.len() as u64));
        }
        let malformed = |error: serde_json::Error| ManifestError::Malformed(error.to_string());
        let manifest: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        if manifest.schema != MANIFEST_SCHEMA {
            return Err(ManifestError::Schema(manifest.schema));
        }
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.objects.len() > OBJECTS_PER_APPLICATION_MAX {
            return Err(ManifestError::TooMany(self.objects.len()));
        }
        let mut before: Option<(Order, ObjectKey)> = None;
        for entry in &self.objects {
            let key = entry.key();
            if entry.content.size > OBJECT_BYTES_MAX + SEAL_OVERHEAD_MAX {
                return Err(ManifestError::ObjectTooLarge { key, size: entry.content.size });
            }
            if Order::of(&key.group, &key.kind) != entry.order {
                return Err(ManifestError::WrongStep(key));
            }
            let place = (entry.order, key);
            if before.as_ref().is_some_and(|before| *before >= place) {
                return Err(ManifestError::Unsorted(place.1));
            }
            before = Some(place);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(api_version: &str, kind: &str, name: &str) -> ManifestEntry {
        ManifestEntry {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: None,
            name: name.into(),
            content: BlobRef::of(name.as_bytes()),
            encoding: Encoding::Plain,
            order: Order::of(group_of(api_version), kind),
        }
    }

    fn application() -> ApplicationName {
        ApplicationName::parse("web").expect("a name")
    }

    #[test]
    fn namespaces_come_first_and_bytes_read_back() {
        let objects = vec![entry("v1", "Service", "a"), entry("v1", "Namespace", "z"), entry("v1", "ConfigMap", "a")];
        let manifest = Manifest::new(application(), Policy::default(), objects).expect("valid");
        let kinds: Vec<_> = manifest.objects.iter().map(|entry| entry.kind.as_str()).collect();
        assert_eq!(kinds, ["Namespace", "ConfigMap", "Service"]);
        let bytes = manifest.to_bytes().expect("bytes");
        assert_eq!(Manifest::parse(&bytes), Ok(manifest));
    }

    #[test]
    fn the_same_object_twice_is_refused() {
        let objects = vec![entry("apps/v1", "Deployment", "a"), entry("apps/v1beta1", "Deployment", "a")];
        let refused = Manifest::new(application(), Policy::default(), objects);
        assert!(matches!(refused, Err(ManifestError::Unsorted(_))), "{refused:?}");
    }

    #[test]
    fn unknown_fields_and_later_schemas_are_refused() {
        let manifest = Manifest::new(application(), Policy::default(), Vec::new()).expect("valid");
        let text = String::from_utf8(manifest.to_bytes().expect("bytes")).expect("utf-8");
        let later = text.replace("\"schema\":1", "\"schema\":2");
        assert_eq!(Manifest::parse(later.as_bytes()), Err(ManifestError::Schema(2)));
        let unknown = text.replace("\"schema\":1", "\"schema\":1,\"wave\":1");
        assert!(matches!(Manifest::parse(unknown.as_bytes()), Err(ManifestError::Malformed(_))));
    }
}
