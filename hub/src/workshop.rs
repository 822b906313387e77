//! Renders and assembles: everything between Git trees and a draft, on a thread that may block.
//!
//! ```text
//! commit ──open once──▶ CommitTree ──Renderer──▶ Rendered ──once per value──▶ Prepared ──▶ BuiltManifest
//! ```
//! The renderers remember, and give the very same value while nothing changes that it was made from; the
//! shelf keeps what was made of that value. So a commit costs what it touches, and thousands of clusters
//! that run the same cost one. Commits stay open while a look at all clusters lasts ([`Workshop::rest`]).

mod shelf;
mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use skerry_certs::seal::{DataKey, Recipient, Sealer, SealingPublicKey, wrap_keys};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::{BundleRoot, SourceRevision};
use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_common::error_chain::Chain;
use skerry_common::id::{ApplicationName, ClusterId, Epoch, FleetId, SourceName};
use skerry_common::object::ObjectKey;
use skerry_hub_core::publish::{
    ApplicationPlan, Assembly, BuildError, BuiltManifest, ClusterPlan, Draft, Part, PlannedSource, Prepared, Previous,
    SealError, SealedObject, assemble, build_manifest, prepare, suspended,
};
use skerry_render::{Allowed, MemoCounts, MemoLimits, RenderLimits, RenderRequest, Rendered, Renderer};

use self::shelf::Shelf;
use self::trees::Trees;
use crate::git::{Git, GitError};

/// Version of the renderer, as bundle roots tell it.
pub const RENDERER: &str = concat!("skerry-render/", env!("CARGO_PKG_VERSION"));

/// Most failures that are remembered during a look: one for each application and environment of a large fleet.
const FAILED_MAX: usize = 10_000;

/// A source at a commit, ready to be read.
#[derive(Debug, Clone)]
pub struct SourceAt {
    /// URL, as the source names it.
    pub url: String,
    /// Name of credentials.
    pub credential: Option<String>,
    /// What bundle roots say of it.
    pub revision: SourceRevision,
}

impl SourceAt {
    /// Repository and commit, for what is told of its files.
    fn origin(&self) -> Location {
        let (repository, commit) = (self.revision.url.clone(), self.revision.commit.to_string());
        Location { repository: Some(repository), commit: Some(commit), ..Location::default() }
    }
}

/// Remembers renders; one thread at a time.
pub struct Workshop {
    git: Arc<Git>,
    sealer: Sealer,
    allowed: Allowed,
    /// Never locked: whoever has the workshop has them alone, and may hand it on with commits open.
    trees: Mutex<Trees>,
    renderers: BTreeMap<SourceName, Renderer>,
    shelf: Shelf,
    /// What could not be rendered in this look, by everything that decides that.
    failed: BTreeMap<String, Vec<Diagnostic>>,
    data_keys: BTreeMap<Digest, DataKey>,
}

/// What a cluster's bundle is made from.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// The fleet.
    pub fleet: &'a FleetId,
    /// Name of the hub.
    pub hub: &'a str,
    /// The trust root's epoch.
    pub epoch: Epoch,
    /// What the cluster runs.
    pub plan: &'a ClusterPlan,
    /// The sources, at their commits.
    pub sources: &'a BTreeMap<SourceName, SourceAt>,
    /// The newest root and its manifests.
    pub previous: Option<(&'a BundleRoot, &'a BTreeMap<ApplicationName, Arc<Manifest>>)>,
    /// The cluster's sealing key.
    pub sealing_key: Option<&'a [u8]>,
    /// Confirmed prune lists.
    pub confirmations: &'a BTreeSet<Digest>,
    /// How often a full pass was asked for.
    pub sync_requests: u64,
}

impl<'a> Order<'a> {
    fn source(&self, source: &PlannedSource) -> Result<&'a SourceAt, Vec<Diagnostic>> {
        let not_fetched = || vec![Diagnostic::error(Code(305), format!("source `{}` was not fetched", source.from))];
        self.sources.get(&source.from).ok_or_else(not_fetched)
    }
}

/// A draft with everything that has to be stored before it is reserved.
pub struct Work {
    /// The draft.
    pub draft: Draft,
    /// Its manifests with their objects.
    pub manifests: Vec<Arc<BuiltManifest>>,
    /// The key blob, if it is a new one.
    pub key_blob: Option<Vec<u8>>,
}

/// What stands in the way, by application (`None`: the bundle as a whole).
pub type Problems = Vec<(Option<ApplicationName>, Vec<Diagnostic>)>;

impl Workshop {
    /// Begins with nothing remembered.
    pub fn new(git: Arc<Git>, sealer: Sealer) -> Self {
        let (allowed, renderers, shelf, failed, data_keys) = Default::default();
        let trees = Mutex::new(Trees::new(git.clone()));
        Self { git, sealer, allowed, trees, renderers, shelf, failed, data_keys }
    }

    /// The same, where renders may do more than read their sources.
    #[must_use]
    pub fn allowing(self, allowed: Allowed) -> Self {
        Self { allowed, ..self }
    }

    /// The same with nothing remembered.
    pub fn anew(&self) -> Self {
        Self::new(self.git.clone(), self.sealer.clone()).allowing(self.allowed.clone())
    }

    /// Ends a look at all clusters: commits are closed, failures may be over, and what nobody renders any more
    /// is forgotten.
    pub fn rest(&mut self) {
        trees(&mut self.trees).close_all();
        self.failed.clear();
        self.shelf.tidy();
    }

    /// What was rendered and what was found again, over all sources.
    pub fn counts(&self) -> MemoCounts {
        self.renderers.values().map(Renderer::counts).fold(MemoCounts::default(), |all, one| MemoCounts {
            results_reused: all.results_reused + one.results_reused,
            builds_reused: all.builds_reused + one.builds_reused,
            builds_made: all.builds_made + one.builds_made,
        })
    }

    /// A manifest that was made in this life of the hub and is made still.
    pub fn made(&self, digest: &Digest) -> Option<Arc<Manifest>> {
        self.shelf.manifest(digest)
    }

    /// Makes the draft of one cluster's bundle, or says what stands in the way.
    pub fn make(&mut self, order: &Order<'_>) -> Result<Work, Problems> {
        let (mut manifests, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, plan) in &order.plan.applications {
            match self.manifest(order, name, plan) {
                Ok(built) => drop(manifests.insert(name.clone(), built)),
                Err(found) => problems.push((Some(name.clone()), found)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let revisions = order.sources.iter().map(|(name, at)| (name.clone(), at.revision.clone())).collect();
        let assembly = Assembly {
            fleet: order.fleet,
            hub: order.hub,
            renderer: RENDERER,
            epoch: order.epoch,
            plan: order.plan,
            manifests: &manifests,
            revisions: &revisions,
            previous: order.previous.map(|(root, manifests)| Previous { root, manifests }),
            confirmations: order.confirmations,
            sync_requests: order.sync_requests,
        };
        let mut draft = assemble(&assembly).map_err(|error| vec![(None, error.diagnostics())])?;
        if draft.needs_key_blob() {
            self.recall_keys(order, &draft.sealed);
        }
        let mut key_blob = None;
        if draft.needs_key_blob() {
            let blob = self.key_blob(order, &draft).map_err(|found| vec![(None, vec![found])])?;
            draft.set_key_blob(BlobRef::of(&blob));
            key_blob = Some(blob);
        }
        Ok(Work { draft, manifests: manifests.into_values().collect(), key_blob })
    }

    fn manifest(
        &mut self,
        order: &Order<'_>,
        name: &ApplicationName,
        plan: &ApplicationPlan,
    ) -> Result<Arc<BuiltManifest>, Vec<Diagnostic>> {
        let failed = |error: BuildError| vec![error.diagnostic()];
        if plan.policy.suspend {
            let before = order.previous.and_then(|(_, manifests)| manifests.get(name));
            return suspended(name, &plan.policy, before.map(|before| &**before)).map(Arc::new).map_err(failed);
        }
        let rendered = self.rendered(order, plan)?;
        if let Some(built) = self.shelf.built(&rendered, name, &plan.policy) {
            return Ok(built);
        }
        let prepared = self.prepared(order, plan, &rendered)?;
        let built = self.sealed_manifest(name, plan, &prepared).map(Arc::new).map_err(failed)?;
        self.shelf.keep_built(&rendered, &built);
        Ok(built)
    }

    /// Builds a manifest and remembers the keys of its Secrets.
    fn sealed_manifest(
        &mut self,
        name: &ApplicationName,
        plan: &ApplicationPlan,
        prepared: &Prepared,
    ) -> Result<BuiltManifest, BuildError> {
        let (sealer, data_keys) = (&self.sealer, &mut self.data_keys);
        let mut seal = |_: &ObjectKey, clear: &[u8]| -> Result<SealedObject, SealError> {
            let sealed =
                sealer.seal(name.as_str(), clear).map_err(|error| SealError { reason: Chain(&error).to_string() })?;
            data_keys.insert(Digest::of(&sealed.ciphertext), sealed.data_key);
            Ok(SealedObject { ciphertext: sealed.ciphertext.into() })
        };
        build_manifest(name, &plan.policy, prepared, &mut seal)
    }

    /// Renders the sources of an application. What fails is told to every cluster that has it, and not tried
    /// again in this look.
    fn rendered(&mut self, order: &Order<'_>, plan: &ApplicationPlan) -> Result<Vec<Arc<Rendered>>, Vec<Diagnostic>> {
        let known = if self.failed.is_empty() { None } else { self.failed.get(&asked(order, plan)) };
        if let Some(known) = known {
            return Err(known.clone());
        }
        let rendered: Result<Vec<_>, _> =
            plan.sources.iter().map(|source| self.rendered_source(order, source, plan)).collect();
        rendered.inspect_err(|found| self.note_failure(order, plan, found))
    }

    fn rendered_source(
        &mut self,
        order: &Order<'_>,
        source: &PlannedSource,
        plan: &ApplicationPlan,
    ) -> Result<Arc<Rendered>, Vec<Diagnostic>> {
        let at = order.source(source)?;
        let origin = at.origin();
        let located = |found: Vec<Diagnostic>| {
            let in_commit = |problem: Diagnostic| {
                let location = problem.location.clone().in_commit_of(&origin);
                problem.at(location)
            };
            found.into_iter().map(in_commit).collect::<Vec<_>>()
        };
        self.render(&source.from, at, &source.path, plan).map_err(located)
    }

    /// Makes the objects of what was rendered canonical, once for every cluster and commit that renders it.
    fn prepared(
        &mut self,
        order: &Order<'_>,
        plan: &ApplicationPlan,
        rendered: &[Arc<Rendered>],
    ) -> Result<Arc<Prepared>, Vec<Diagnostic>> {
        if let Some(prepared) = self.shelf.prepared(rendered) {
            return Ok(prepared);
        }
        let origins: Result<Vec<_>, _> =
            plan.sources.iter().map(|source| order.source(source).map(SourceAt::origin)).collect();
        let origins = origins?;
        let parts = rendered.iter().zip(&origins);
        let parts: Vec<_> = parts.map(|(rendered, origin)| Part { objects: &rendered.objects, origin }).collect();
        let prepared = prepare(&parts).map(Arc::new);
        match &prepared {
            Ok(prepared) => self.shelf.keep(rendered, prepared.clone()),
            Err(found) => self.note_failure(order, plan, found),
        }
        prepared
    }

    fn note_failure(&mut self, order: &Order<'_>, plan: &ApplicationPlan, found: &[Diagnostic]) {
        if self.failed.len() >= FAILED_MAX {
            self.failed.clear();
        }
        self.failed.insert(asked(order, plan), found.to_vec());
    }

    fn render(
        &mut self,
        source: &SourceName,
        at: &SourceAt,
        path: &str,
        plan: &ApplicationPlan,
    ) -> Result<Arc<Rendered>, Vec<Diagnostic>> {
        let unreadable = |error: GitError| vec![Diagnostic::error(error.code(), Chain(&error).to_string())];
        let (tree, was_open) = trees(&mut self.trees).begin(at).map_err(unreadable)?;
        let renderer = match self.renderers.get_mut(source) {
            Some(renderer) => renderer,
            None => {
                let renderer = Renderer::new(MemoLimits::default()).allowing(self.allowed.clone());
                self.renderers.entry(source.clone()).or_insert(renderer)
            }
        };
        let request = RenderRequest {
            path,
            namespace: plan.policy.namespace.as_deref(),
            variables: plan.variables.as_ref(),
            limits: RenderLimits::default(),
        };
        let result = renderer.render(tree, &request);
        if !tree.is_damaged() {
            return result;
        }
        // What was fetched may have been replaced while it was open.
        trees(&mut self.trees).close(at);
        if was_open { self.render(source, at, path, plan) } else { result }
    }

    /// The keys of a suspended application's Secrets were forgotten when the hub restarted: sealing what
    /// its commit renders gives the same ciphertexts, and so their keys. What no longer renders so is
    /// reported by [`Workshop::key_blob`].
    fn recall_keys(&mut self, order: &Order<'_>, needed: &BTreeSet<Digest>) {
        let Some((previous, _)) = order.previous else { return };
        let is_missing = |keys: &BTreeMap<Digest, DataKey>| needed.iter().any(|digest| !keys.contains_key(digest));
        let mut pinned = order.sources.clone();
        for revision in &previous.sources {
            if let Some(at) = pinned.get_mut(&revision.name) {
                at.revision = revision.clone();
            }
        }
        let pinned = Order { sources: &pinned, ..*order };
        for (name, plan) in order.plan.applications.iter().filter(|(_, plan)| plan.policy.suspend) {
            if !is_missing(&self.data_keys) {
                return;
            }
            let rendered = self.rendered(&pinned, plan);
            let Ok(prepared) = rendered.and_then(|rendered| self.prepared(&pinned, plan, &rendered)) else { continue };
            // Only the keys are wanted; a manifest that cannot be built is no loss here.
            let _ = self.sealed_manifest(name, plan, &prepared);
        }
    }

    /// Wraps the keys of all ciphertexts of a draft for its cluster.
    fn key_blob(&self, order: &Order<'_>, draft: &Draft) -> Result<Vec<u8>, Diagnostic> {
        let refused = |what: String| Diagnostic::error(Code(304), what);
        let key = order.sealing_key.ok_or_else(|| refused("the cluster has not sent its sealing key".into()))?;
        let public = SealingPublicKey::try_from(key).map_err(|error| refused(error.to_string()))?;
        let mut keys = BTreeMap::new();
        for digest in &draft.sealed {
            let missing = || {
                refused("the commit of a suspended application no longer gives its Secrets, whose keys this hub forgot: resume it".into())
            };
            keys.insert(*digest, self.data_keys.get(digest).ok_or_else(missing)?.clone());
        }
        let cluster: &ClusterId = draft.cluster();
        wrap_keys(&public, Recipient { fleet: order.fleet, cluster }, &keys).map_err(|error| refused(error.to_string()))
    }
}

/// The commits that are open.
fn trees(own: &mut Mutex<Trees>) -> &mut Trees {
    own.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that decides what an application is rendered to.
fn asked(order: &Order<'_>, plan: &ApplicationPlan) -> String {
    let commit = |source: &PlannedSource| order.sources.get(&source.from).map(|at| &at.revision.commit);
    let sources: Vec<_> = plan.sources.iter().map(|source| (source, commit(source))).collect();
    format!("{sources:?} {:?} {:?}", plan.policy.namespace, plan.variables)
}
