//! The draft of a cluster's bundle root, and whether it says anything new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::{ApplicationRef, BundleRoot, ROOT_SCHEMA, SourceRevision};
use skerry_common::diagnostic::{Code, Diagnostic};
use skerry_common::id::{ApplicationName, ClusterId, Epoch, FleetId, Generation, SourceName};
use skerry_common::limits::APPLICATIONS_MAX;
use thiserror::Error;

use super::build::sealed;
use super::{BuiltManifest, ClusterPlan};
use crate::bundle_lint;

/// The parts of a cluster's bundle.
#[derive(Debug, Clone, Copy)]
pub struct Assembly<'a> {
    /// The fleet.
    pub fleet: &'a FleetId,
    /// Which hub issues it.
    pub hub: &'a str,
    /// Version of the renderer.
    pub renderer: &'a str,
    /// The trust root's epoch.
    pub epoch: Epoch,
    /// What the cluster runs.
    pub plan: &'a ClusterPlan,
    /// One manifest for each application of the plan.
    pub manifests: &'a BTreeMap<ApplicationName, Arc<BuiltManifest>>,
    /// The revision of each source of the plan.
    pub revisions: &'a BTreeMap<SourceName, SourceRevision>,
    /// The newest bundle of the cluster.
    pub previous: Option<Previous<'a>>,
    /// Held prune lists that an operator confirmed and that may still matter.
    pub confirmations: &'a BTreeSet<Digest>,
    /// How often a full pass was asked for.
    pub sync_requests: u64,
}

/// The newest bundle of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Previous<'a> {
    /// Its root.
    pub root: &'a BundleRoot,
    /// Its manifests.
    pub manifests: &'a BTreeMap<ApplicationName, Arc<Manifest>>,
}

/// Why there is no draft. The last good bundle stays the target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AssembleError {
    /// The plan or the objects have errors.
    #[error("{} errors stand in the way of a new bundle", .0.iter().filter(|found| found.is_error()).count())]
    Lint(Vec<Diagnostic>),
    /// An application of the plan has no manifest.
    #[error("application `{0}` was not rendered")]
    NoManifest(ApplicationName),
    /// A source of the plan has no revision.
    #[error("source `{0}` was not fetched")]
    NoRevision(SourceName),
    /// More applications than a bundle holds.
    #[error("the cluster runs {0} applications: at most {APPLICATIONS_MAX} are allowed")]
    TooMany(usize),
}

impl AssembleError {
    /// The errors for people.
    pub fn diagnostics(self) -> Vec<Diagnostic> {
        match self {
            Self::Lint(found) => found,
            other @ (Self::NoManifest(_) | Self::NoRevision(_) | Self::TooMany(_)) => {
                vec![Diagnostic::error(Code(305), other.to_string())]
            }
        }
    }
}

/// A bundle root without its place, parent and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    root: BundleRoot,
    /// Ciphertexts of the bundle, whose keys the key blob must hold.
    pub sealed: BTreeSet<Digest>,
    /// What works, but somebody should look at.
    pub warnings: Vec<Diagnostic>,
}

/// What the caller adds: the reserved place and the times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The reserved generation.
    pub generation: Generation,
    /// Digest of the root before it.
    pub parent: Option<Digest>,
    /// When it is issued (RFC 3339, UTC, whole seconds).
    pub issued: String,
    /// Until when it may be accepted (RFC 3339).
    pub expires: String,
}

/// Puts a bundle together and lints it.
pub fn assemble(parts: &Assembly<'_>) -> Result<Draft, AssembleError> {
    let plan = parts.plan;
    if !plan.is_ready() {
        return Err(AssembleError::Lint(plan.diagnostics.clone()));
    }
    if plan.applications.len() > APPLICATIONS_MAX {
        return Err(AssembleError::TooMany(plan.applications.len()));
    }
    let mut applications = Vec::new();
    let mut manifests = BTreeMap::new();
    let mut sources: BTreeMap<SourceName, SourceRevision> = BTreeMap::new();
    for name in plan.applications.keys() {
        let built = parts.manifests.get(name).ok_or_else(|| AssembleError::NoManifest(name.clone()))?;
        let used = parts.used_sources(name, &mut sources)?;
        applications.push(ApplicationRef { name: name.clone(), manifest: built.reference, sources: used });
        manifests.insert(name, &*built.manifest);
    }
    let before = parts.previous.map(|previous| previous.manifests);
    let found = bundle_lint::bundle(&manifests, before);
    if found.iter().any(Diagnostic::is_error) {
        return Err(AssembleError::Lint(found));
    }
    let sealed_now: BTreeSet<Digest> = manifests.values().flat_map(|manifest| sealed(manifest)).collect();
    let root = BundleRoot {
        schema: ROOT_SCHEMA,
        fleet: parts.fleet.clone(),
        cluster: plan.cluster.clone(),
        epoch: parts.epoch,
        generation: Generation(0),
        parent: None,
        issued: String::new(),
        expires: String::new(),
        hub: parts.hub.to_owned(),
        renderer: parts.renderer.to_owned(),
        sources: sources.into_values().collect(),
        applications,
        key_blob: parts.kept_keys(&sealed_now),
        confirmations: parts.confirmations.iter().copied().collect(),
        sync_requests: parts.sync_requests,
    };
    let warnings = plan.diagnostics.iter().cloned().chain(found).collect();
    Ok(Draft { root, sealed: sealed_now, warnings })
}

impl Assembly<'_> {
    /// The sources of an application, each with its revision in `revisions`. A suspended application
    /// keeps those of the previous bundle, as its objects are from there.
    fn used_sources(
        &self,
        name: &ApplicationName,
        revisions: &mut BTreeMap<SourceName, SourceRevision>,
    ) -> Result<Vec<SourceName>, AssembleError> {
        let Some(planned) = self.plan.applications.get(name) else { return Ok(Vec::new()) };
        if planned.policy.suspend {
            let Some(previous) = self.previous.map(|previous| previous.root) else { return Ok(Vec::new()) };
            let kept = previous.applications.iter().find(|application| application.name == *name);
            let kept = kept.map(|application| application.sources.clone()).unwrap_or_default();
            for source in previous.sources.iter().filter(|source| kept.contains(&source.name)) {
                revisions.entry(source.name.clone()).or_insert_with(|| source.clone());
            }
            return Ok(kept);
        }
        let used: BTreeSet<&SourceName> = planned.sources.iter().map(|source| &source.from).collect();
        for source in &used {
            let revision = self.revisions.get(*source).ok_or_else(|| AssembleError::NoRevision((*source).clone()))?;
            revisions.insert((*source).clone(), revision.clone());
        }
        Ok(used.into_iter().cloned().collect())
    }

    /// The previous key blob, when it holds exactly the keys that are needed. Wrapping draws
    /// randomness, so a blob made anew would look like news although nothing changed.
    fn kept_keys(&self, needed: &BTreeSet<Digest>) -> Option<BlobRef> {
        let previous = self.previous?;
        let before: BTreeSet<Digest> = previous.manifests.values().flat_map(|manifest| sealed(manifest)).collect();
        if before == *needed { previous.root.key_blob } else { None }
    }
}

impl Draft {
    /// What a root says, once more: for a cluster whose desired state cannot be made, so that what is asked of it now
    /// reaches it with its last good content.
    pub fn again(root: BundleRoot) -> Self {
        Self { root, sealed: BTreeSet::new(), warnings: Vec::new() }
    }

    /// True when the caller must make a key blob and say so with [`Draft::set_key_blob`].
    pub fn needs_key_blob(&self) -> bool {
        !self.sealed.is_empty() && self.root.key_blob.is_none()
    }

    /// Sets the key blob: keys for [`Draft::sealed`], wrapped for the cluster.
    pub fn set_key_blob(&mut self, blob: BlobRef) {
        self.root.key_blob = Some(blob);
    }

    /// Which cluster it is for.
    pub fn cluster(&self) -> &ClusterId {
        &self.root.cluster
    }

    /// The epoch that it is for.
    pub fn epoch(&self) -> Epoch {
        self.root.epoch
    }

    /// True when it differs from a root in anything but generation, parent and times. When it does
    /// not, nothing is published.
    pub fn is_news(&self, newest: &BundleRoot) -> bool {
        let plain = |root: &BundleRoot| BundleRoot {
            generation: Generation(0),
            parent: None,
            issued: String::new(),
            expires: String::new(),
            ..root.clone()
        };
        plain(&self.root) != plain(newest)
    }

    /// The root to sign.
    pub fn stamp(self, stamp: Stamp) -> BundleRoot {
        let Stamp { generation, parent, issued, expires } = stamp;
        BundleRoot { generation, parent, issued, expires, ..self.root }
    }
}
