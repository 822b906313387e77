//! The seam to Kubernetes: what the agent asks of the API server of its own cluster.
//!
//! ```text
//! tasks ──▶ trait Cluster ──┬─▶ kube    the real API server, over HTTPS
//!                           └─▶ memory  its twin: keeps state and real managedFields, for demo and tests
//! ```
//! Guarantees, on both sides of the seam and held by the one suite in `contract`:
//! - an absent object is `None`, a kind that is not served is [`ClusterError::NotFound`]: nobody has to guess from
//!   an empty answer;
//! - a list is complete or an error; a gap in discovery is named;
//! - writes are server-side apply, JSON patch or a delete with preconditions, nothing else;
//! - every request is bounded in time and size, and no error text holds a Secret's values.
//!
//! Nothing is cached here and nothing is retried: tasks decide when to ask again.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod error;
pub mod kube;
pub mod memory;

use std::fmt;
use std::future::Future;

use futures::Stream;
use futures::future::BoxFuture;
use serde_json::Value;
use skerry_common::object::ObjectKey;

pub use error::{Cause, ClusterError, Conflict, FieldConflict, InvalidField};

/// What [`Cluster::visit`] hands each object to.
pub type Visitor<'a> = dyn FnMut(Value) -> BoxFuture<'static, ()> + Send + 'a;

/// What the agent asks of one Kubernetes API server.
pub trait Cluster: Send + Sync + 'static {
    /// The stream of [`Cluster::watch`].
    type Events: Stream<Item = Result<WatchEvent, ClusterError>> + Send + Unpin + 'static;

    /// Asks which Kubernetes this is.
    fn version(&self) -> impl Future<Output = Result<ServerVersion, ClusterError>> + Send;

    /// Asks which kinds are served; what could not be read is in [`Discovery::gaps`].
    fn discover(&self) -> impl Future<Output = Result<Discovery, ClusterError>> + Send;

    /// Reads one object; `None` when there is none.
    fn get(&self, target: &Target, detail: Detail) -> impl Future<Output = Result<Option<Value>, ClusterError>> + Send;

    /// Reads all objects of a kind that match: complete or an error, never a part.
    fn list(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
    ) -> impl Future<Output = Result<Listing, ClusterError>> + Send;

    /// Reads all objects of a kind that match, page by page, and hands them over one by one: for callers that keep
    /// little of each. The next one waits until `each` is done with this one.
    ///
    /// Returns the resource version from where a watch continues. After an error, what was handed over is a part:
    /// nothing may be concluded from what it does not name.
    fn visit(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
        each: &mut Visitor<'_>,
    ) -> impl Future<Output = Result<String, ClusterError>> + Send {
        async move {
            let listing = self.list(kind, scope, labels, detail).await?;
            for item in listing.items {
                each(item).await;
            }
            Ok(listing.resource_version)
        }
    }

    /// Applies an object (server-side apply); creates it when there is none.
    ///
    /// A field that the schema does not know is refused as [`ClusterError::Invalid`].
    fn apply(
        &self,
        target: &Target,
        object: &Value,
        how: Apply<'_>,
    ) -> impl Future<Output = Result<Applied, ClusterError>> + Send;

    /// Changes an object by RFC 6902 operations; a `test` that fails is [`Conflict::Test`], and nothing has changed.
    fn patch_json(
        &self,
        target: &Target,
        operations: &Value,
        manager: &str,
    ) -> impl Future<Output = Result<Value, ClusterError>> + Send;

    /// Deletes an object in the background, if it is still the one that is meant.
    fn delete(
        &self,
        target: &Target,
        only: &Preconditions,
    ) -> impl Future<Output = Result<Deleted, ClusterError>> + Send;

    /// Follows the changes of a kind after a resource version.
    ///
    /// The stream ends when the server ends it: watch again from the last version seen. [`ClusterError::Expired`]
    /// (here or in the stream) means: list again.
    fn watch(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
        from: &str,
    ) -> impl Future<Output = Result<Self::Events, ClusterError>> + Send;

    /// Asks whether the agent itself may do this.
    fn may(
        &self,
        verb: &str,
        kind: &ApiKind,
        namespace: Option<&str>,
    ) -> impl Future<Output = Result<bool, ClusterError>> + Send;
}

/// Which Kubernetes a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    /// `v1.35.4`.
    pub git_version: String,
    /// `linux/amd64`.
    pub platform: String,
}

/// A kind as the API serves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Name in paths, such as `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl ApiKind {
    /// The `apiVersion` of its documents: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// True for the one kind whose values never appear in a text.
    pub fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }
}

impl fmt::Display for ApiKind {
    /// `Deployment.apps`, `Service`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// One object, addressed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Its kind.
    pub kind: ApiKind,
    /// Its namespace; `None` for kinds of the whole cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Target {
    /// The same object without the version through which it is addressed.
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: self.kind.group.clone(),
            kind: self.kind.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key().fmt(f)
    }
}

/// How much of an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// `apiVersion`, `kind` and `metadata` only (`PartialObjectMetadata`).
    Metadata,
    /// Everything.
    Whole,
}

/// Where is looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The whole cluster.
    All,
    /// One namespace.
    Namespace(String),
}

/// Everything that matched, at one resource version.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The objects. `apiVersion` and `kind` are always set.
    pub items: Vec<Value>,
    /// From where a watch continues.
    pub resource_version: String,
}

/// How an object is applied.
#[derive(Debug, Clone, Copy)]
pub struct Apply<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// What happens to fields that others own.
    pub force: Force,
    /// Whether anything is kept.
    pub mode: ApplyMode,
}

impl<'a> Apply<'a> {
    /// Takes fields over from others and keeps the result.
    pub fn forced(manager: &'a str) -> Self {
        Self { manager, force: Force::TakeOver, mode: ApplyMode::Keep }
    }
}

/// What happens to fields that another manager owns with another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// They become ours.
    TakeOver,
    /// The apply is refused, naming their managers.
    Refuse,
}

/// Whether a write is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyMode {
    /// Written.
    Keep,
    /// Admitted, validated and answered, but not written.
    DryRun,
}

/// What an apply did.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// True when there was no such object before.
    pub created: bool,
    /// The object as it is now.
    pub object: Value,
}

/// Which object a delete means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preconditions {
    /// Its UID.
    pub uid: String,
    /// Its resource version, when any change since must stop the delete.
    pub resource_version: Option<String>,
}

/// What a delete did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// There was no such object.
    AlreadyGone,
    /// It is gone, or on its way (finalizers, contents, grace period).
    Started,
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchEvent {
    /// The object matches now.
    Added(Value),
    /// The object has changed.
    Modified(Value),
    /// The object is gone, or no longer matches; its last state.
    Deleted(Value),
    /// Nothing matched up to this resource version.
    Bookmark {
        /// From where to watch on.
        resource_version: String,
    },
}

/// Which kinds a server serves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovery {
    /// Every kind in every served version, sorted.
    pub kinds: Vec<ServedKind>,
    /// What could not be read. While there are any, nothing may be concluded from an absent kind.
    pub gaps: Vec<DiscoveryGap>,
}

impl Discovery {
    /// The kind in the version that the server prefers among those that serve it.
    pub fn find(&self, group: &str, kind: &str) -> Option<&ApiKind> {
        let mut served = self.kinds.iter().filter(|served| served.kind.group == group && served.kind.kind == kind);
        let first = served.clone().next();
        served.find(|served| served.preferred).or(first).map(|served| &served.kind)
    }

    /// The kind in exactly this version.
    pub fn find_version(&self, group: &str, version: &str, kind: &str) -> Option<&ApiKind> {
        let matches = |kind_: &&ApiKind| kind_.group == group && kind_.version == version && kind_.kind == kind;
        self.kinds.iter().map(|served| &served.kind).find(matches)
    }

    /// Whether a version of this group could not be read.
    pub fn has_gap(&self, group: &str) -> bool {
        self.gaps.iter().any(|gap| gap.group == group)
    }
}

/// A kind that a server serves, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServedKind {
    /// The kind.
    pub kind: ApiKind,
    /// Whether this is its group's preferred version.
    pub preferred: bool,
    /// `get`, `list`, `watch`, `patch`, `delete` …, sorted.
    pub verbs: Vec<String>,
}

/// A group version that could not be read: its aggregated API server is down, say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiscoveryGap {
    /// API group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Why.
    pub reason: String,
}
