//! One look at everything: plan, persist, execute; what is not finished is looked at again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use skerry_agent_core::accept::AcceptedBundle;
use skerry_agent_core::inventory::Change;
use skerry_agent_core::plan::{DesiredSet, Followup, Plan, PlanInputs, plan};
use skerry_certs::seal::{DataKey, Recipient, unwrap_keys};
use skerry_common::bundle::digest::Digest;
use skerry_common::journal::Event;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::execute::Executed;
use super::hands::Hands;
use super::{Counts, DISCOVERY_RETRY, OnDisk, PassError, Reconciler, summary};
use crate::cluster::Cluster;
use crate::store::Store;
use crate::tasks::keeper::KeeperError;
use crate::tasks::watch::follow;

/// Plans in a row that wait for definitions of the one before.
const FOLLOWUPS_MAX: usize = 3;

impl<C: Cluster> Reconciler<C> {
    /// One look at everything: plan, persist, execute.
    pub(super) async fn pass(&mut self) -> Result<(), PassError> {
        if !self.troubles.borrow().is_none() {
            self.parts.keeper.call(Store::retry).await?;
        }
        let Some(bundle) = self.bundle.clone() else { return Ok(()) };
        let mut met = Executed::default();
        for _ in 0..FOLLOWUPS_MAX {
            self.discover().await?;
            let desired = DesiredSet::of(&bundle, &self.world.facts);
            if !self.watching(&desired) {
                return Ok(()); // the first list of a watch asks for the next pass
            }
            let hands = self.hands(&bundle).await?;
            let plan = self.planned(&desired).await;
            self.world.forget_failures(&plan);
            (self.acted, self.progress.left) = (self.acts(), 0);
            if !self.acted {
                self.plan = Some(Arc::new(plan));
                return Ok(()); // the lease asks for the next pass
            }
            self.persist(plan.changes.clone()).await?;
            met = self.execute(&hands, &bundle, &plan).await?;
            self.progress.left = met.left;
            let leads_on = met.stood_in_the_way || plan.followup == Followup::PlanAgain;
            self.plan = Some(Arc::new(plan));
            if !leads_on || self.parts.target.has_changed().unwrap_or(true) {
                break;
            }
            self.discover_at = Some(Instant::now());
            self.hands = None;
        }
        // What stood in the way was not handled yet, and what is left is not as the bundle says.
        if met.stood_in_the_way || met.left > 0 { Ok(()) } else { self.finish(&bundle).await }
    }

    /// Whether this agent may write to the cluster now.
    pub(super) fn acts(&self) -> bool {
        self.parts.lease.borrow().acts(Instant::now())
    }

    /// Reads discovery when it is due.
    async fn discover(&mut self) -> Result<(), PassError> {
        if self.discover_at.is_none_or(|at| at > Instant::now()) {
            return Ok(());
        }
        let discovery = self.parts.cluster.discover().await?;
        let gaps = discovery.gaps.len();
        if gaps > 0 {
            warn!(gaps, "not every API group could be read");
        }
        self.discover_at = (gaps > 0).then(|| Instant::now() + DISCOVERY_RETRY);
        if discovery != self.world.discovery {
            self.world.discovered(discovery);
            self.hands = None;
        }
        Ok(())
    }

    /// Starts the watches that are needed; true when each of them has listed, or cannot.
    fn watching(&mut self, desired: &DesiredSet<'_>) -> bool {
        let subjects = self.world.subjects(desired, &self.parts.namespaces);
        self.watches.retain(|subject, _| subjects.contains(subject));
        self.world.known.retain(|subject, _| subjects.contains(subject));
        for subject in &subjects {
            // One that has ended while we live has panicked.
            if self.watches.get(subject).is_none_or(AbortOnDropHandle::is_finished) {
                let (cluster, sender) = (self.parts.cluster.clone(), self.seen.0.clone());
                let (again, seed) = (self.list_again.subscribe(), self.parts.seed ^ self.watches.len() as u64);
                let recalled = Some(self.world.recalled.clone());
                let task = tokio::spawn(follow(cluster, Arc::new(subject.clone()), sender, again, recalled, seed));
                self.watches.insert(subject.clone(), AbortOnDropHandle::new(task));
            }
        }
        let listed = subjects.iter().all(|subject| self.world.known.contains_key(subject));
        if listed && !self.world.recalled.is_empty() {
            self.world.forget_recalled();
        }
        listed
    }

    /// What the objects of this bundle are handled with.
    async fn hands(&mut self, bundle: &AcceptedBundle) -> Result<Arc<Hands<C>>, PassError> {
        if let Some(hands) = &self.hands {
            return Ok(hands.clone());
        }
        let hands = Arc::new(Hands {
            cluster: self.parts.cluster.clone(),
            keeper: self.parts.keeper.clone(),
            fleet: self.parts.me.fleet.clone(),
            discovery: self.world.discovery.clone(),
            keys: self.keys(bundle).await?,
        });
        self.hands = Some(hands.clone());
        Ok(hands)
    }

    async fn keys(&self, bundle: &AcceptedBundle) -> Result<BTreeMap<Digest, DataKey>, PassError> {
        let Some(blob) = bundle.root().root().key_blob else { return Ok(BTreeMap::new()) };
        let bytes = self.parts.keeper.call(move |store| store.blob(&blob)).await?.map_err(KeeperError::Store)?;
        let Some(bytes) = bytes else { return Ok(BTreeMap::new()) };
        let me = &self.parts.me;
        let recipient = Recipient { fleet: &me.fleet, cluster: &me.cluster };
        unwrap_keys(&self.parts.sealing, recipient, &bytes).map_err(PassError::Keys)
    }

    async fn planned(&self, desired: &DesiredSet<'_>) -> Plan {
        let live = self.world.live_facts(desired);
        let contents = self.contents(desired).await;
        plan(&PlanInputs {
            desired,
            inventory: &self.world.inventory,
            live: &live,
            discovery: &self.world.facts,
            contents: &contents,
            protected: &self.parts.protected,
        })
    }

    /// Makes changes of the inventory, and makes them durable if the disk takes them.
    pub(super) async fn persist(&mut self, changes: Vec<Change>) -> Result<(), PassError> {
        if changes.is_empty() && self.inventory == OnDisk::AsHere {
            return Ok(());
        }
        changes.into_iter().for_each(|change| self.world.inventory.apply(change));
        let bytes = self.world.inventory.to_bytes()?;
        // What went wrong is among the store's troubles.
        let written = self.parts.keeper.call(move |store| store.set_inventory(&bytes).is_ok()).await?;
        self.inventory = if written { OnDisk::AsHere } else { OnDisk::Behind };
        Ok(())
    }

    /// Notes that the bundle in force was applied whole, once.
    async fn finish(&mut self, bundle: &AcceptedBundle) -> Result<(), PassError> {
        let mark = bundle.mark();
        let done = self.plan.as_ref().is_some_and(|plan| plan.target == mark && self.is_whole(plan));
        let known = self.inventory == OnDisk::AsHere;
        if !done || !known || self.progress.applied == Some(mark) || self.parts.target.has_changed().unwrap_or(true) {
            return Ok(());
        }
        let Counts { created, changed, pruned } = self.progress.counts;
        let event = Event::Applied { place: mark.place, created, changed, pruned, failed: 0 };
        info!(generation = %mark.place, created, changed, pruned, "a bundle was applied");
        let at = self.now_unix_ms();
        let blobs: Vec<Digest> = bundle.blobs().into_iter().map(|blob| blob.digest).collect();
        let stored = self.parts.keeper.call(move |store| {
            if store.head().current.is_some_and(|current| current.mark == mark) {
                store.set_last_good()?;
            }
            store.record(at, event)?;
            // In vain on a full disk, which is among the store's troubles: the dead stay a while longer.
            let _ = store.compact(mark, &blobs);
            Ok(())
        });
        stored.await?.map_err(KeeperError::Store)?;
        self.progress.applied = Some(mark);
        Ok(())
    }

    /// Whether nothing of a plan waits, failed or needs a person.
    fn is_whole(&self, plan: &Plan) -> bool {
        self.world.failures.is_empty() && plan.objects.iter().all(summary::is_settled)
    }
}
