//! Publishes a bundle for every joined cluster whose desired state is news.
//!
//! It wakes when sources, fleet documents or clusters changed, and on a timer; it looks at everything
//! and does the same thing for the same facts. A draft is made only for clusters whose facts changed
//! since their last bundle, or whose bundle comes of age. What cannot be rendered stays as it is
//! published, and what stands in the way is stored for people; a request, a confirmation or a raised epoch
//! then travels with the content of the last good bundle.

mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use skerry_certs::seal::{SealingPublicKey, is_wrapped_for};
use skerry_certs::tls::WallClock;
use skerry_common::bug::BUG;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::BundleRoot;
use skerry_common::diagnostic::Diagnostic;
use skerry_common::error_chain::Chain;
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, FleetId, Place, SourceName};
use skerry_hub_core::publish::{ClusterPlan, Draft, LIFE_SECONDS_DEFAULT, RegisteredCluster, assign, due_at};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use self::stored::Stored;
use super::poll_git::Resolved;
use crate::metrics::{self, Metrics};
use crate::quic::unix_ms;
use crate::signer::{PublishError, Signer};
use crate::store::clusters::{ClusterQuery, ClusterRecord, Standing};
use crate::store::journal::HubEvent;
use crate::store::sources::Subject;
use crate::store::{BlobStore, HubStore, PAGE_ROWS_MAX, StoreError};
use crate::workshop::{Order, Problems, Work, Workshop};

/// How often everything is looked at without cause: bundles that come of age are issued anew.
const INTERVAL: Duration = Duration::from_secs(300);

/// Warnings of one bundle that become events: they are looked at one by one.
const WARNINGS_TOLD_MAX: usize = 10;

/// How soon after a failure of the store.
const RETRY: Duration = Duration::from_secs(2);

/// What the task remembers from one look to the next; nothing is lost with it but time.
#[derive(Default)]
pub struct Memory {
    /// What people were told stands in the way.
    told: BTreeMap<Option<ApplicationName>, Vec<Diagnostic>>,
    /// Clusters for which there is nothing to do.
    settled: BTreeMap<ClusterId, Settled>,
}

/// A cluster whose newest bundle says what it should.
struct Settled {
    /// Digest of everything that the bundle was made from.
    basis: Digest,
    /// When it is issued anew, Unix seconds.
    due: i64,
}

/// What became of a look at one cluster.
enum Looked {
    /// Its newest bundle says what it should, and is due then (Unix seconds).
    Settled(i64),
    /// Something stands in the way, or somebody else was faster.
    Open(Problems),
}

/// The task.
pub struct Publisher<S: HubStore, B: BlobStore> {
    /// The fleet.
    pub fleet: FleetId,
    /// Name of the hub.
    pub hub: String,
    /// Facts.
    pub store: S,
    /// Content.
    pub blobs: B,
    /// Signs.
    pub signer: Signer<S>,
    /// What is declared, and where its sources stand.
    pub resolved: watch::Receiver<Arc<Resolved>>,
    /// Clusters changed.
    pub wake: Arc<Notify>,
    /// The time.
    pub clock: WallClock,
    /// Counts drafts.
    pub metrics: Metrics,
    /// Renders; `None` while a thread has it.
    pub workshop: Option<Workshop>,
    /// Content that need not be stored again.
    pub stored: Stored,
}

impl<S: HubStore, B: BlobStore> Publisher<S, B> {
    /// Runs until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut memory = Memory::default();
        loop {
            let pause = match self.publish_all(&mut memory).await {
                Ok(()) => INTERVAL,
                Err(error) => {
                    warn!(error = %Chain(&error), "publishing failed");
                    RETRY
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                changed = self.resolved.changed() => if changed.is_err() { return },
                () = self.wake.notified() => {}
                // A raised epoch makes every bundle news.
                Ok(()) = self.signer.trust.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks at every cluster once, and publishes what is news.
    pub async fn publish_all(&mut self, memory: &mut Memory) -> Result<(), PublishError> {
        let looked = self.look(memory).await;
        if let Some(workshop) = &mut self.workshop {
            workshop.rest();
        }
        looked
    }

    async fn look(&mut self, memory: &mut Memory) -> Result<(), PublishError> {
        let resolved = self.resolved.borrow_and_update().clone();
        let clusters = self.clusters().await?;
        let Some(in_force) = resolved.fleet.clone() else { return self.ask_all(clusters.values()).await };
        let registered: Vec<_> = clusters
            .values()
            .map(|record| RegisteredCluster {
                id: record.id.clone(),
                name: record.name.clone(),
                labels: record.labels.clone(),
            })
            .collect();
        let mut problems: BTreeMap<Option<ApplicationName>, BTreeSet<Diagnostic>> = BTreeMap::new();
        let mut settled = BTreeMap::new();
        for plan in assign(&in_force.fleet, &registered).plans.into_values() {
            let Some(record) = clusters.get(&plan.name) else { continue };
            if used(&plan).any(|source| resolved.is_awaited(source)) {
                self.ask_all(std::iter::once(record)).await?;
                continue;
            }
            let basis = self.basis(record, &plan, &resolved);
            let now = self.clock.now().unix_timestamp();
            let known = memory.settled.remove(&record.id).filter(|known| known.basis == basis && now < known.due);
            if let Some(known) = known {
                settled.insert(record.id.clone(), known);
                continue;
            }
            match self.publish_one(record, plan, &resolved).await? {
                Looked::Settled(due) => drop(settled.insert(record.id.clone(), Settled { basis, due })),
                Looked::Open(found) => {
                    for (application, diagnostics) in found {
                        problems.entry(application).or_default().extend(diagnostics);
                    }
                }
            }
        }
        memory.settled = settled;
        self.tell(problems, &mut memory.told).await?;
        Ok(())
    }

    /// Before Git was read for the first time, which may be long after the hub's start: what is asked of clusters
    /// travels with what they run. A raised epoch waits, because it says that something may be wrong with that.
    async fn ask_all(&mut self, clusters: impl Iterator<Item = &ClusterRecord>) -> Result<(), PublishError> {
        let epoch = self.signer.trust.borrow().newest().root().epoch;
        for record in clusters {
            let Some((newest, root)) = self.newest(record).await?.filter(|(_, root)| root.epoch == epoch) else {
                continue;
            };
            let work = self.last_good(record, &root);
            self.offer(record, Some((newest, root)), work, Vec::new()).await?;
        }
        Ok(())
    }

    /// The newest bundle of a cluster.
    async fn newest(&self, record: &ClusterRecord) -> Result<Option<(Place, BundleRoot)>, StoreError> {
        let newest = self.store.newest(&record.id).await?;
        Ok(newest.and_then(|newest| Some((newest.place, serde_json::from_slice(&newest.payload).ok()?))))
    }

    /// Everything that decides what a cluster's bundle says. It is compared within one life of the hub
    /// only, so its form does not matter.
    fn basis(&self, record: &ClusterRecord, plan: &ClusterPlan, resolved: &Resolved) -> Digest {
        let used: BTreeSet<_> = used(plan).collect();
        let revisions: Vec<_> =
            used.into_iter().map(|name| resolved.sources.get(name).map(|at| &at.revision)).collect();
        let epoch = self.signer.trust.borrow().newest().root().epoch;
        let own = (&record.sealing_key, &record.highest, &record.confirmations, record.sync_requests);
        Digest::of(format!("{epoch} {revisions:?} {own:?} {plan:?}").as_bytes())
    }

    /// Everyone who joined and was not revoked.
    async fn clusters(&self) -> Result<BTreeMap<ClusterName, ClusterRecord>, StoreError> {
        let mut clusters = BTreeMap::new();
        let mut after = None;
        loop {
            let standing = Some(Standing::Joined);
            let query = ClusterQuery { after, limit: PAGE_ROWS_MAX, labels: Vec::new(), standing };
            let page = self.store.clusters(&query).await?;
            let Some(last) = page.last() else { return Ok(clusters) };
            after = Some(last.name.clone());
            clusters.extend(page.into_iter().map(|record| (record.name.clone(), record)));
        }
    }

    async fn publish_one(
        &mut self,
        record: &ClusterRecord,
        plan: ClusterPlan,
        resolved: &Arc<Resolved>,
    ) -> Result<Looked, PublishError> {
        self.metrics.add(&metrics::DRAFTS, &[], 1);
        let newest = self.newest(record).await?;
        let root = newest.as_ref().map(|(_, root)| root);
        let manifests = match root {
            Some(root) => self.manifests(root).await?,
            None => BTreeMap::new(),
        };
        let previous = match root {
            Some(root) => Some(self.with_keys_that_open(record, root).await?),
            None => None,
        };
        let (work, problems) = match (self.make(record, plan, resolved, previous, manifests).await, root) {
            (Ok(work), _) => (work, Vec::new()),
            (Err(problems), Some(root)) => (self.last_good(record, root), problems),
            (Err(problems), None) => return Ok(Looked::Open(problems)),
        };
        self.offer(record, newest, work, problems).await
    }

    /// Publishes a draft that is news, or whose last issue comes of age.
    async fn offer(
        &mut self,
        record: &ClusterRecord,
        newest: Option<(Place, BundleRoot)>,
        work: Work,
        problems: Problems,
    ) -> Result<Looked, PublishError> {
        let looked = |due| if problems.is_empty() { Looked::Settled(due) } else { Looked::Open(problems.clone()) };
        let now = self.clock.now().unix_timestamp();
        // What an agent has proof of, its own newest place among it, was signed by a former life of this hub: the agent
        // takes only what is above.
        let above = newest.filter(|(place, _)| record.highest.is_none_or(|seen| *place > seen));
        // A root whose times cannot be read is due at once.
        let same = above.filter(|(_, root)| !work.draft.is_news(root));
        if let Some(due) = same.and_then(|(_, root)| due_at(&root).ok()).filter(|due| now < *due) {
            return Ok(looked(due));
        }
        let warnings = work.draft.warnings.clone();
        let sweeps = self.blobs.sweeps().await?;
        let mut blobs = self.stored.lacks(sweeps, &work.manifests);
        blobs.extend(work.key_blob);
        if !blobs.is_empty() {
            self.blobs.put_many(blobs, unix_ms(&self.clock)).await?;
            self.stored.note(&work.manifests);
        }
        match self.signer.publish(work.draft, record.highest, sweeps).await {
            Ok(_) => {
                self.warn(record, &warnings).await?;
                Ok(looked(now.saturating_add(LIFE_SECONDS_DEFAULT / 3 * 2)))
            }
            // Somebody else was faster: the next look makes it anew.
            Err(PublishError::Conflict) => {
                self.wake.notify_one();
                Ok(Looked::Open(problems))
            }
            Err(error) => Err(error),
        }
    }

    /// A root without its key blob, if that is wrapped for the keys of an agent that is no more.
    async fn with_keys_that_open(&self, record: &ClusterRecord, root: &BundleRoot) -> Result<BundleRoot, StoreError> {
        let Some(reference) = root.key_blob else { return Ok(root.clone()) };
        let key = record.sealing_key.as_deref().and_then(|key| SealingPublicKey::try_from(key).ok());
        let blob = self.blobs.get(&reference.digest).await?;
        let opens = key.zip(blob).is_some_and(|(key, blob)| is_wrapped_for(&blob, &key));
        Ok(BundleRoot { key_blob: root.key_blob.filter(|_| opens), ..root.clone() })
    }

    /// The content of a cluster's newest bundle, with what is asked of it now.
    fn last_good(&self, record: &ClusterRecord, newest: &BundleRoot) -> Work {
        let draft = Draft::again(BundleRoot {
            epoch: self.signer.trust.borrow().newest().root().epoch,
            hub: self.hub.clone(),
            confirmations: record.confirmations.clone(),
            sync_requests: record.sync_requests,
            ..newest.clone()
        });
        Work { draft, manifests: Vec::new(), key_blob: None }
    }

    /// What may not be meant so is told with each bundle that has it, once that is published.
    async fn warn(&self, record: &ClusterRecord, warnings: &[Diagnostic]) -> Result<(), StoreError> {
        for warning in warnings {
            warn!(cluster = %record.name, "{warning}");
        }
        for warning in warnings.iter().take(WARNINGS_TOLD_MAX) {
            let event = HubEvent::Warned { message: warning.to_string() };
            self.store.record(Some(&record.id), event, unix_ms(&self.clock)).await?;
        }
        Ok(())
    }

    /// What a root lists; read only where it is made no longer.
    async fn manifests(&self, root: &BundleRoot) -> Result<BTreeMap<ApplicationName, Arc<Manifest>>, StoreError> {
        let mut manifests = BTreeMap::new();
        for application in &root.applications {
            let digest = &application.manifest.digest;
            let manifest = match self.workshop.as_ref().and_then(|workshop| workshop.made(digest)) {
                Some(made) => Some(made),
                None => {
                    let bytes = self.blobs.get(digest).await?;
                    bytes.and_then(|bytes| Manifest::parse(&bytes).ok()).map(Arc::new)
                }
            };
            manifests.extend(manifest.map(|manifest| (application.name.clone(), manifest)));
        }
        Ok(manifests)
    }

    /// Makes the draft on a thread that may block.
    async fn make(
        &mut self,
        record: &ClusterRecord,
        plan: ClusterPlan,
        resolved: &Arc<Resolved>,
        previous: Option<BundleRoot>,
        manifests: BTreeMap<ApplicationName, Arc<Manifest>>,
    ) -> Result<Work, Problems> {
        let Some(mut workshop) = self.workshop.take() else { return Err(Vec::new()) };
        let (fleet, hub, resolved, record) = (self.fleet.clone(), self.hub.clone(), resolved.clone(), record.clone());
        let epoch = self.signer.trust.borrow().newest().root().epoch;
        let (spare, name) = (workshop.anew(), record.name.clone());
        let made = tokio::task::spawn_blocking(move || {
            let confirmations = record.confirmations.iter().copied().collect();
            let work = workshop.make(&Order {
                fleet: &fleet,
                hub: &hub,
                epoch,
                plan: &plan,
                sources: &resolved.sources,
                previous: previous.as_ref().map(|root| (root, &manifests)),
                sealing_key: record.sealing_key.as_deref(),
                confirmations: &confirmations,
                sync_requests: record.sync_requests,
            });
            (workshop, work)
        });
        match made.await {
            Ok((workshop, work)) => {
                self.workshop = Some(workshop);
                work
            }
            // A panic, which was told: the next cluster's bundle may be made all the same.
            Err(_) => {
                self.workshop = Some(spare);
                let what = format!("the bundle of cluster `{name}` cannot be made: the hub met a mistake of its own");
                Err(vec![(None, vec![Diagnostic::error(BUG, what)])])
            }
        }
    }

    /// Stores what stands in the way, and forgets what does no longer.
    async fn tell(
        &self,
        problems: BTreeMap<Option<ApplicationName>, BTreeSet<Diagnostic>>,
        told: &mut BTreeMap<Option<ApplicationName>, Vec<Diagnostic>>,
    ) -> Result<(), StoreError> {
        let now = unix_ms(&self.clock);
        let over: Vec<_> = told.keys().filter(|key| !problems.contains_key(*key)).cloned().collect();
        for key in over {
            told.remove(&key);
            if let Some(application) = key {
                self.store.put_problems(Subject::Application(application), Vec::new(), now).await?;
            }
        }
        for (application, found) in problems {
            let found: Vec<_> = found.into_iter().collect();
            if told.get(&application) == Some(&found) {
                continue;
            }
            for problem in &found {
                warn!("{problem}");
            }
            let message = found.first().map(ToString::to_string).unwrap_or_default();
            let event = HubEvent::RenderFailed { application: application.clone(), message };
            self.store.record(None, event, now).await?;
            if let Some(application) = &application {
                self.store.put_problems(Subject::Application(application.clone()), found.clone(), now).await?;
            }
            told.insert(application, found);
        }
        Ok(())
    }
}

/// The sources that a cluster's bundle is made from; one may come several times.
fn used(plan: &ClusterPlan) -> impl Iterator<Item = &SourceName> {
    plan.applications.values().flat_map(|application| &application.sources).map(|source| &source.from)
}

#[cfg(test)]
mod tests;
