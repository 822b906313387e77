//! Explains how an object of a bundle came to be, when somebody asks.
//!
//! Nothing is stored for it: the commits that bundles name stay in the Git cache, and rendering one
//! application again takes milliseconds, while places of every field of every object would be many
//! times as large as the objects. What is found is believed only when it gives the very bytes that
//! the bundle lists; what is declared may have changed since.

use std::sync::Arc;

use skerry_certs::seal::Sealer;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::Encoding;
use skerry_common::bundle::root::SourceRevision;
use skerry_common::canonical;
use skerry_common::error_chain::Chain;
use skerry_common::id::ApplicationName;
use skerry_common::object::ObjectKey;
use skerry_hub_core::publish::{ApplicationPlan, PlannedSource, RegisteredCluster, assign};
use skerry_render::{Allowed, Explained, RenderLimits, RenderRequest, RenderedObject, explain_rendered};
use tokio::sync::{Semaphore, watch};

use crate::api::control::ControlError;
use crate::git::{Git, Remote};
use crate::tasks::poll_git::Resolved;

/// Most explanations at a time: each renders an application, and publishing goes on beside it.
const EXPLAINED_AT_ONCE_MAX: usize = 2;

/// Which object is to be explained.
#[derive(Debug, Clone)]
pub struct ExplainRequest {
    /// The cluster whose bundle lists it.
    pub cluster: RegisteredCluster,
    /// Its application.
    pub application: ApplicationName,
    /// Which object.
    pub key: ObjectKey,
    /// Digest of its bytes, as the bundle lists them.
    pub content: Digest,
    /// In which form these are.
    pub encoding: Encoding,
    /// Sources that gave it, at their commits; several sets when it may be any of them, the likeliest first.
    pub revisions: Vec<Vec<SourceRevision>>,
    /// A field with those below it; everything when empty.
    pub field: String,
}

/// How an object came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// So.
    Known {
        /// The commit that files and lines are of.
        source: SourceRevision,
        /// Its fields.
        explained: Explained,
    },
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// Explains; a handle.
#[derive(Debug, Clone)]
pub struct Explainer {
    git: Arc<Git>,
    sealer: Sealer,
    allowed: Allowed,
    resolved: watch::Receiver<Arc<Resolved>>,
    permits: Arc<Semaphore>,
}

impl Explainer {
    /// Reads what `git` has, as it is resolved.
    pub fn new(git: Arc<Git>, sealer: Sealer, allowed: Allowed, resolved: watch::Receiver<Arc<Resolved>>) -> Self {
        Self { git, sealer, allowed, resolved, permits: Arc::new(Semaphore::new(EXPLAINED_AT_ONCE_MAX)) }
    }

    /// Renders again, and says what it saw.
    pub async fn explain(&self, request: ExplainRequest) -> Result<Explanation, ControlError> {
        let busy = |_| ControlError::Busy("others ask for explanations at this moment".to_owned());
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(busy)?;
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            own.look(&request)
        });
        done.await.map_err(|error| ControlError::Internal(error.to_string()))
    }

    fn look(&self, request: &ExplainRequest) -> Explanation {
        let resolved = self.resolved.borrow().clone();
        let clusters = std::slice::from_ref(&request.cluster);
        let plan = resolved.fleet.as_ref().and_then(|in_force| {
            let plan = assign(&in_force.fleet, clusters).plans.remove(&request.cluster.id)?;
            plan.applications.get(&request.application).cloned()
        });
        let Some(plan) = plan else {
            return Explanation::Unknown("what is declared now no longer gives the cluster its application".to_owned());
        };
        let mut why = "what is declared now gives another object: a path, a variable or a namespace has changed \
                       since the bundle was made"
            .to_owned();
        for revisions in &request.revisions {
            let look = Look { explainer: self, resolved: &resolved, plan: &plan, request };
            match look.at(revisions) {
                Ok(Some(known)) => return known,
                Ok(None) => {}
                Err(reason) => why = reason,
            }
        }
        Explanation::Unknown(why)
    }

    /// Whether an object is the one that the bundle lists.
    fn is_listed(&self, object: &RenderedObject, request: &ExplainRequest) -> bool {
        let bytes = canonical::to_bytes(&object.value);
        let digest = match request.encoding {
            Encoding::Plain => Some(Digest::of(&bytes)),
            Encoding::Sealed => {
                let sealed = self.sealer.seal(request.application.as_str(), &bytes).ok();
                sealed.map(|sealed| Digest::of(&sealed.ciphertext))
            }
        };
        digest == Some(request.content)
    }
}

/// A look at one set of commits.
struct Look<'a> {
    explainer: &'a Explainer,
    resolved: &'a Resolved,
    plan: &'a ApplicationPlan,
    request: &'a ExplainRequest,
}

impl Look<'_> {
    fn at(&self, revisions: &[SourceRevision]) -> Result<Option<Explanation>, String> {
        for planned in &self.plan.sources {
            let Some(source) = revisions.iter().find(|revision| revision.name == planned.from) else { continue };
            if let Some(explained) = self.in_source(planned, source)? {
                return Ok(Some(Explanation::Known { source: source.clone(), explained }));
            }
        }
        Ok(None)
    }

    fn in_source(&self, planned: &PlannedSource, source: &SourceRevision) -> Result<Option<Explained>, String> {
        let Some(at) = self.resolved.sources.get(&planned.from) else {
            return Err(format!("source {} is not there now", planned.from));
        };
        let remote = Remote { url: &at.url, credential: at.credential.as_deref() };
        let tree = self.explainer.git.tree(remote, &source.commit).map_err(|error| Chain(&error).to_string())?;
        let request = RenderRequest {
            path: &planned.path,
            namespace: self.plan.policy.namespace.as_deref(),
            variables: self.plan.variables.as_ref(),
            limits: RenderLimits::default(),
        };
        let found = explain_rendered(&tree, &request, &self.explainer.allowed, &self.request.key, &self.request.field);
        let problem = |problems: Vec<skerry_common::diagnostic::Diagnostic>| {
            problems.first().map(|problem| problem.message.clone()).unwrap_or_default()
        };
        let found = found.map_err(problem)?;
        Ok(found.filter(|found| self.explainer.is_listed(&found.object, self.request)).map(|found| found.explained))
    }
}
