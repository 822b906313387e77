//! Publishes a bundle for every joined cluster whose desired state is news.
//!
//! It wakes when sources, fleet documents or clusters changed, and on a timer; it looks at everything
//! and does the same thing for the same facts. What cannot be rendered stays as it is published, and
//! what stands in the way is stored for people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use skerry_certs::tls::WallClock;
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::BundleRoot;
use skerry_common::diagnostic::Diagnostic;
use skerry_common::error_chain::Chain;
use skerry_common::id::{ApplicationName, ClusterName, FleetId};
use skerry_hub_core::publish::{ClusterPlan, RegisteredCluster, assign, is_due};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::poll_git::Resolved;
use crate::quic::unix_ms;
use crate::signer::{PublishError, Signer};
use crate::store::clusters::{ClusterQuery, ClusterRecord, Standing};
use crate::store::journal::HubEvent;
use crate::store::sources::Subject;
use crate::store::{BlobStore, HubStore, PAGE_ROWS_MAX, StoreError};
use crate::workshop::{Order, Problems, Work, Workshop};

/// How often everything is looked at without cause: bundles that come of age are issued anew.
const INTERVAL: Duration = Duration::from_secs(300);

/// How soon after a failure of the store.
const RETRY: Duration = Duration::from_secs(2);

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
    /// Renders; `None` while a thread has it.
    pub workshop: Option<Workshop>,
}

impl<S: HubStore, B: BlobStore> Publisher<S, B> {
    /// Runs until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut told: BTreeMap<Option<ApplicationName>, Vec<Diagnostic>> = BTreeMap::new();
        loop {
            let pause = match self.publish_all(&mut told).await {
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

    async fn publish_all(
        &mut self,
        told: &mut BTreeMap<Option<ApplicationName>, Vec<Diagnostic>>,
    ) -> Result<(), PublishError> {
        let resolved = self.resolved.borrow_and_update().clone();
        let Some(in_force) = resolved.fleet.clone() else { return Ok(()) };
        let clusters = self.clusters().await?;
        let registered: Vec<_> = clusters
            .values()
            .map(|record| RegisteredCluster {
                id: record.id.clone(),
                name: record.name.clone(),
                labels: record.labels.clone(),
            })
            .collect();
        let mut problems: BTreeMap<Option<ApplicationName>, BTreeSet<Diagnostic>> = BTreeMap::new();
        for plan in assign(&in_force.fleet, &registered).plans.into_values() {
            let Some(record) = clusters.get(&plan.name) else { continue };
            let found = self.publish_one(record, plan, &resolved).await?;
            for (application, diagnostics) in found {
                problems.entry(application).or_default().extend(diagnostics);
            }
        }
        self.tell(problems, told).await?;
        Ok(())
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
    ) -> Result<Problems, PublishError> {
        let newest = self.store.newest(&record.id).await?;
        let root: Option<BundleRoot> = newest.as_ref().and_then(|root| serde_json::from_slice(&root.payload).ok());
        let manifests = match &root {
            Some(root) => self.manifests(root).await?,
            None => BTreeMap::new(),
        };
        let (work, root) = match self.make(record, plan, resolved, root, manifests).await {
            (Ok(work), root) => (work, root),
            (Err(problems), _) => return Ok(problems),
        };
        let now = self.clock.now().unix_timestamp();
        let due = |root: &BundleRoot| work.draft.is_news(root) || is_due(root, now).unwrap_or(true);
        if root.as_ref().is_none_or(due) {
            self.blobs.put_many(work.blobs, unix_ms(&self.clock)).await?;
            match self.signer.publish(work.draft, record.highest).await {
                Ok(_) => {}
                // Somebody else was faster: the next look makes it anew.
                Err(PublishError::Conflict) => self.wake.notify_one(),
                Err(error) => return Err(error),
            }
        }
        Ok(Vec::new())
    }

    async fn manifests(&self, root: &BundleRoot) -> Result<BTreeMap<ApplicationName, Manifest>, StoreError> {
        let mut manifests = BTreeMap::new();
        for application in &root.applications {
            if let Some(bytes) = self.blobs.get(&application.manifest.digest).await?
                && let Ok(manifest) = Manifest::parse(&bytes)
            {
                manifests.insert(application.name.clone(), manifest);
            }
        }
        Ok(manifests)
    }

    /// Makes the draft on a thread that may block.
    async fn make(
        &mut self,
        record: &ClusterRecord,
        plan: ClusterPlan,
        resolved: &Arc<Resolved>,
        root: Option<BundleRoot>,
        manifests: BTreeMap<ApplicationName, Manifest>,
    ) -> (Result<Work, Problems>, Option<BundleRoot>) {
        let Some(mut workshop) = self.workshop.take() else { return (Err(Vec::new()), root) };
        let (fleet, hub, resolved, record) = (self.fleet.clone(), self.hub.clone(), resolved.clone(), record.clone());
        let epoch = self.signer.trust.borrow().newest().root().epoch;
        let made = tokio::task::spawn_blocking(move || {
            let confirmations = record.confirmations.iter().copied().collect();
            let work = workshop.make(&Order {
                fleet: &fleet,
                hub: &hub,
                epoch,
                plan: &plan,
                sources: &resolved.sources,
                previous: root.as_ref().map(|root| (root, &manifests)),
                sealing_key: record.sealing_key.as_deref(),
                confirmations: &confirmations,
                sync_requests: record.sync_requests,
            });
            (workshop, work, root)
        });
        match made.await {
            Ok((workshop, work, root)) => {
                self.workshop = Some(workshop);
                (work, root)
            }
            Err(error) => {
                warn!(%error, "rendering ended unexpectedly");
                (Err(Vec::new()), None)
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
