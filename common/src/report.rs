//! What the agent says of the state of its cluster: versioned sections, only changed ones travel.

use serde::{Deserialize, Serialize};

use crate::bundle::digest::Digest;
use crate::id::{ApplicationName, Place};
use crate::object::ObjectKey;
use crate::status::{Health, HealthCounts, Sync};

/// What the cluster is, as its agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// `v1.35.4`; empty when unknown.
    pub kubernetes_version: String,
    /// `linux/amd64`; empty when unknown.
    pub platform: String,
    /// Kinds that the API serves, `group/version/Kind`, sorted; empty when unknown.
    pub api_kinds: Vec<String>,
}

/// A state report: what changed since the last one that the hub acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateReport {
    /// Grows with every report of this connection.
    pub version: u64,
    /// True when every section is here; false when only changed ones are.
    pub full: bool,
    /// The bundle that is the target.
    pub current: Option<BundleMark>,
    /// The newest bundle that was applied whole.
    pub applied: Option<BundleMark>,
    /// Changed sections.
    pub applications: Vec<ApplicationReport>,
    /// Sections that no longer exist.
    pub removed: Vec<ApplicationName>,
    /// Conditions of the agent itself; always all of them.
    pub conditions: Vec<Condition>,
    /// Deletions that wait for a person.
    pub held_prunes: Vec<HeldPrune>,
}

/// Which bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleMark {
    /// Its place.
    pub place: Place,
    /// Its root.
    pub root: Digest,
}

/// How one application fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationReport {
    /// Which.
    pub application: ApplicationName,
    /// Is it as it should be?
    pub sync: Sync,
    /// Why not, in words; empty when current.
    pub reason: String,
    /// Does it work?
    pub health: Health,
    /// Objects by health.
    pub counts: HealthCounts,
    /// Open drifts.
    pub drift: u32,
    /// Objects that are not healthy or not current, at most [`crate::limits::REPORTED_OBJECTS_MAX`].
    pub objects: Vec<ObjectReport>,
    /// How long ago this was observed, by the agent's monotonic clock, in milliseconds.
    pub age_ms: u64,
}

/// How one object fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReport {
    /// Which.
    pub object: ObjectKey,
    /// Is it as it should be?
    pub sync: Sync,
    /// Does it work?
    pub health: Health,
    /// Why not, in words.
    pub reason: String,
}

/// The condition of an agent that cannot read all of its cluster: what it told of it is not confirmed while this holds.
pub const CLUSTER_UNREADABLE: &str = "ClusterUnreadable";

/// A condition, in the sense of the Kubernetes API conventions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// [`CLUSTER_UNREADABLE`], `StoreFailing`, `Unguarded` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: bool,
    /// One word in CamelCase.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

/// A deletion that waits for `skerry cluster confirm-prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldPrune {
    /// The application whose objects would go.
    pub application: ApplicationName,
    /// Digest of the canonical JSON of the sorted list of keys.
    pub list: Digest,
    /// How many objects.
    pub objects: u32,
    /// The first of them.
    pub examples: Vec<ObjectKey>,
    /// Which guard, in words.
    pub reason: String,
}
