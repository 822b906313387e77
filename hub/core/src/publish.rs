//! From a fleet and its clusters to the bundle of each cluster.
//!
//! ```text
//! fleet, registered clusters ──assign──▶ ClusterPlan (what to render, with which values)
//!                                            │ render (skerry-render, once per distinct request)
//!                      objects ──prepare──▶ Prepared (canonical bytes, linted; once per render)
//!                                            │
//!                     ──build_manifest──▶ BuiltManifest (once per application and policy)
//!                                            │
//!                            ──assemble──▶ Draft ── lint ── is it news? ── stamp ──▶ BundleRoot
//! ```
//! Each arrow is a pure function and its result can be kept by the shell, so that 10,000 clusters
//! that run the same cost one rendering and one manifest, and a commit costs what it touches. Secrets leave `prepare` only through the
//! caller's `seal`.

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::bundle::manifest::Policy;
use skerry_common::diagnostic::Diagnostic;
use skerry_common::explain::Entry;
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, GroupName, SourceName};

mod assemble;
mod assign;
mod build;
mod lifetime;
#[cfg(test)]
mod tests;

pub use assemble::{AssembleError, Assembly, Draft, Previous, Stamp, assemble};
pub use assign::{Assignment, assign};
pub(crate) use build::is_secret;
pub use build::{
    BuildError, BuiltManifest, Part, Prepared, PreparedObject, Seal, SealError, SealedObject, build_manifest, prepare,
    suspended,
};
pub use lifetime::{LIFE_SECONDS_DEFAULT, LifetimeError, due_at, rfc3339, unix_seconds};

/// A cluster as the hub's store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredCluster {
    /// Its id.
    pub id: ClusterId,
    /// Its name.
    pub name: ClusterName,
    /// Labels fixed at registration.
    pub labels: BTreeMap<String, String>,
}

/// What a cluster runs, before rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPlan {
    /// Its id.
    pub cluster: ClusterId,
    /// Its name.
    pub name: ClusterName,
    /// Its labels: those of its registration and those of its document.
    pub labels: BTreeMap<String, String>,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
    /// The groups that it belongs to.
    pub groups: BTreeSet<GroupName>,
    /// What it runs. An application of several groups stands here once.
    pub applications: BTreeMap<ApplicationName, ApplicationPlan>,
    /// What is wrong for this cluster.
    pub diagnostics: Vec<Diagnostic>,
}

impl ClusterPlan {
    /// True when a bundle may be made of it; otherwise the last good bundle stays the target.
    pub fn is_ready(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// An application on one cluster: every reference replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationPlan {
    /// What is to be rendered, in order.
    pub sources: Vec<PlannedSource>,
    /// Values for `${NAME}`; `None`: nothing is replaced.
    pub variables: Option<BTreeMap<String, String>>,
    /// How its objects are treated, with the namespace for this cluster.
    pub policy: Policy,
}

/// A folder of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedSource {
    /// The source.
    pub from: SourceName,
    /// Path in it, as the renderer takes it: empty for the root.
    pub path: String,
}

/// Titles and explanations of this module's codes.
pub const CODES: &[Entry] = &[
    (
        300,
        "the cluster has no such value",
        "An application uses `${cluster.labels.X}` or `${cluster.variables.X}`, and a cluster of one of its groups has no such label or variable. Give the cluster the value, in its Cluster document or at registration, or narrow the group's selector. Until then that cluster keeps its last good bundle.",
    ),
    (
        301,
        "label clash",
        "A Cluster document gives a label another value than the cluster's registration did. Labels fixed at registration win, so that nobody can move a cluster into another group by a commit alone. Remove the label from the document, or register the cluster anew.",
    ),
    (
        302,
        "cluster not registered",
        "A Cluster document names a cluster that is not registered (or was revoked). It has no effect until `skerry cluster register` makes that cluster known.",
    ),
    (
        303,
        "wrong value for this cluster",
        "After the cluster's labels and variables were put in, a path or a namespace cannot be one. The message shows the result.",
    ),
    (
        304,
        "cannot be sealed",
        "A Secret could not be sealed to the cluster, so nothing is published: Secrets never leave the hub in clear. The cause is in the message; most often the cluster has not sent its sealing key yet.",
    ),
    (
        305,
        "cannot be assembled",
        "The parts of a bundle do not fit together: too many objects, a manifest beyond its bound, or a rendering that is missing. The last good bundle stays the target.",
    ),
];
