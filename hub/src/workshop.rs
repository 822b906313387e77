//! Renders and assembles: everything between Git trees and a draft, on a thread that may block.
//!
//! A path is built once per commit, namespace and set of variables; the renderers remember, so that
//! a commit costs what it touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skerry_certs::seal::{DataKey, Recipient, Sealer, SealingPublicKey, wrap_keys};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::{BundleRoot, SourceRevision};
use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_common::error_chain::Chain;
use skerry_common::id::{ApplicationName, ClusterId, Epoch, FleetId, SourceName};
use skerry_common::object::ObjectKey;
use skerry_hub_core::publish::{
    ApplicationPlan, Assembly, BuildError, BuiltManifest, ClusterPlan, Draft, Prepared, Previous, SealError,
    SealedObject, assemble, build_manifest, prepare, suspended,
};
use skerry_render::{Allowed, MemoLimits, RenderLimits, RenderRequest, Rendered, RenderedObject, Renderer};

use crate::git::{Git, Remote};

/// Version of the renderer, as bundle roots tell it.
pub const RENDERER: &str = concat!("skerry-render/", env!("CARGO_PKG_VERSION"));

/// Most prepared applications that are remembered: one for each application and environment of a
/// large fleet.
const PREPARED_MAX: usize = 10_000;

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

/// Remembers renders; one thread at a time.
pub struct Workshop {
    git: Arc<Git>,
    sealer: Sealer,
    allowed: Allowed,
    renderers: BTreeMap<SourceName, Renderer>,
    /// By everything that decides what is rendered.
    prepared: BTreeMap<String, Result<Arc<Prepared>, Vec<Diagnostic>>>,
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
    pub previous: Option<(&'a BundleRoot, &'a BTreeMap<ApplicationName, Manifest>)>,
    /// The cluster's sealing key.
    pub sealing_key: Option<&'a [u8]>,
    /// Confirmed prune lists.
    pub confirmations: &'a BTreeSet<Digest>,
    /// How often a full pass was asked for.
    pub sync_requests: u64,
}

/// A draft with everything that has to be stored before it is reserved.
pub struct Work {
    /// The draft.
    pub draft: Draft,
    /// Manifests, objects, key blob.
    pub blobs: Vec<Vec<u8>>,
}

/// What stands in the way, by application (`None`: the bundle as a whole).
pub type Problems = Vec<(Option<ApplicationName>, Vec<Diagnostic>)>;

impl Workshop {
    /// Begins with nothing remembered.
    pub fn new(git: Arc<Git>, sealer: Sealer) -> Self {
        let (allowed, renderers) = (Allowed::default(), BTreeMap::new());
        Self { git, sealer, allowed, renderers, prepared: BTreeMap::new(), data_keys: BTreeMap::new() }
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
        let mut blobs: Vec<Vec<u8>> = Vec::new();
        for built in manifests.values() {
            blobs.push(built.bytes.to_vec());
            blobs.extend(built.blobs.values().map(|bytes| bytes.to_vec()));
        }
        if draft.needs_key_blob() {
            let blob = self.key_blob(order, &draft).map_err(|found| vec![(None, vec![found])])?;
            draft.set_key_blob(BlobRef::of(&blob));
            blobs.push(blob);
        }
        Ok(Work { draft, blobs })
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
            return suspended(name, &plan.policy, before).map(Arc::new).map_err(failed);
        }
        let prepared = self.prepared(order, plan)?;
        self.sealed_manifest(name, plan, &prepared).map(Arc::new).map_err(failed)
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

    /// Renders the sources of an application, once for everything that decides the result.
    fn prepared(&mut self, order: &Order<'_>, plan: &ApplicationPlan) -> Result<Arc<Prepared>, Vec<Diagnostic>> {
        let commits: Vec<_> = plan
            .sources
            .iter()
            .map(|source| (&source.from, &source.path, order.sources.get(&source.from).map(|at| &at.revision.commit)))
            .collect();
        let key = format!("{commits:?} {:?} {:?}", plan.policy.namespace, plan.variables);
        if let Some(known) = self.prepared.get(&key) {
            return known.clone();
        }
        let made = self.render_all(order, plan);
        if self.prepared.len() >= PREPARED_MAX {
            self.prepared.clear();
        }
        self.prepared.insert(key, made.clone());
        made
    }

    fn render_all(&mut self, order: &Order<'_>, plan: &ApplicationPlan) -> Result<Arc<Prepared>, Vec<Diagnostic>> {
        let mut rendered: Vec<Vec<RenderedObject>> = Vec::new();
        for source in &plan.sources {
            let not_fetched =
                || vec![Diagnostic::error(Code(305), format!("source `{}` was not fetched", source.from))];
            let at = order.sources.get(&source.from).ok_or_else(not_fetched)?;
            let origin = Location {
                repository: Some(at.revision.url.clone()),
                commit: Some(at.revision.commit.to_string()),
                ..Location::default()
            };
            let result = self.render(&source.from, at, &source.path, plan);
            let result =
                result.map_err(|found| found.into_iter().map(|it| in_commit(it, &origin)).collect::<Vec<_>>())?;
            rendered.push(result.objects.iter().map(|object| placed(object, &origin)).collect());
        }
        let parts: Vec<&[RenderedObject]> = rendered.iter().map(Vec::as_slice).collect();
        prepare(&parts).map(Arc::new)
    }

    fn render(
        &mut self,
        source: &SourceName,
        at: &SourceAt,
        path: &str,
        plan: &ApplicationPlan,
    ) -> Result<Arc<Rendered>, Vec<Diagnostic>> {
        let remote = Remote { url: &at.url, credential: at.credential.as_deref() };
        let tree = self.git.tree(remote, &at.revision.commit);
        let tree = tree.map_err(|error| vec![Diagnostic::error(error.code(), Chain(&error).to_string())])?;
        let renderer = self
            .renderers
            .entry(source.clone())
            .or_insert_with(|| Renderer::new(MemoLimits::default()).allowing(self.allowed.clone()));
        let request = RenderRequest {
            path,
            namespace: plan.policy.namespace.as_deref(),
            variables: plan.variables.as_ref(),
            limits: RenderLimits::default(),
        };
        renderer.render(&tree, &request)
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
            let Ok(prepared) = self.prepared(&pinned, plan) else { continue };
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

fn in_commit(mut found: Diagnostic, origin: &Location) -> Diagnostic {
    found.location.repository.clone_from(&origin.repository);
    found.location.commit.clone_from(&origin.commit);
    found
}

fn placed(object: &RenderedObject, origin: &Location) -> RenderedObject {
    let mut placed = object.clone();
    placed.origin.repository.clone_from(&origin.repository);
    placed.origin.commit.clone_from(&origin.commit);
    placed
}
