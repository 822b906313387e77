//! Keeps the cluster as its bundle says.
//!
//! ```text
//! target, watches, time ─▶ world ─▶ plan ─▶ persist ─▶ execute ─▶ world ─▶ snapshot ─▶ report
//! ```
//! One task owns the world. It wakes on a new target, on what the watches see, and on a timer; it
//! looks at everything and does the same thing for the same facts. A newer target stops a running
//! plan at the next object. Nothing here needs a hub.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skerry_agent_core::accept::{AcceptedBundle, Me};
use skerry_agent_core::inventory::{Change, Inventory};
use skerry_agent_core::plan::{DesiredSet, Followup, Plan, PlanInputs, Protected, plan};
use skerry_certs::seal::{DataKey, Recipient, SealingKeyPair, unwrap_keys};
use skerry_certs::tls::WallClock;
use skerry_common::bundle::digest::Digest;
use skerry_common::error_chain::Chain;
use skerry_common::journal::Event;
use skerry_common::report::BundleMark;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use super::keeper::{Keeper, KeeperError};
use super::lease::Standing;
use super::watch::{Seen, Subject, follow};
use crate::cluster::{Cluster, ClusterError, Detail};
use crate::ledger::desk::Desk;
use crate::snapshot::Snapshot;

mod contents;
mod drift;
mod execute;
mod hands;
mod remember;
mod string_data;
mod summary;
mod world;

use execute::Executed;
use hands::Hands;
use world::{Asks, World, live_meta};

/// What watches saw and the reconciler has not looked at; then they wait.
const SEEN_MAX: usize = 256;

/// How often everything is listed again, in case a watch lied.
const FULL_PASS_INTERVAL: Duration = Duration::from_secs(600);

/// How long after a failure to read the API it is tried again.
const DISCOVERY_RETRY: Duration = Duration::from_secs(2);

/// How soon is looked again at what a pass left: objects in a fight, or after a lease that ran out.
const LEFT_INTERVAL: Duration = Duration::from_secs(5);

/// How long the ledger waits for more to note: a rollout changes an object many times a minute.
const NOTE_INTERVAL: Duration = Duration::from_secs(10);

/// Plans in a row that wait for definitions of the one before.
const FOLLOWUPS_MAX: usize = 3;

/// Why the reconciler cannot go on with this pass.
#[derive(Debug, Error)]
pub enum PassError {
    /// The API server.
    #[error("the Kubernetes API cannot be read")]
    Cluster(#[from] ClusterError),
    /// The store: nothing is done that could not be remembered.
    #[error("the agent's store failed")]
    Store(#[from] KeeperError),
    /// The bundle's keys.
    #[error("the bundle's key blob does not open")]
    Keys(#[source] skerry_certs::seal::UnwrapError),
    /// The inventory.
    #[error("the inventory cannot be written or read")]
    Inventory(#[from] skerry_agent_core::inventory::InventoryError),
}

/// What a reconciler is made from.
pub struct ReconcilerParts<C: Cluster> {
    /// The API server.
    pub cluster: Arc<C>,
    /// The store.
    pub keeper: Keeper,
    /// Fleet and cluster.
    pub me: Me,
    /// Opens sealed objects.
    pub sealing: Arc<SealingKeyPair>,
    /// The time, for journal entries.
    pub clock: WallClock,
    /// The bundle in force.
    pub target: watch::Receiver<Option<Arc<AcceptedBundle>>>,
    /// What the agent itself lives on.
    pub protected: Protected,
    /// What was known of the live objects when the agent last ran.
    pub ledger: Desk,
    /// Whether this agent may act.
    pub lease: watch::Receiver<Standing>,
    /// Namespaces to watch; empty: the whole cluster.
    pub namespaces: Vec<String>,
    /// Decides jitter.
    pub seed: u64,
}

/// The task's state.
pub struct Reconciler<C: Cluster> {
    parts: ReconcilerParts<C>,
    world: World,
    hands: Option<Arc<Hands<C>>>,
    bundle: Option<Arc<AcceptedBundle>>,
    watches: BTreeMap<Subject, AbortOnDropHandle<()>>,
    seen: (mpsc::Sender<Seen>, mpsc::Receiver<Seen>),
    list_again: watch::Sender<u64>,
    full_pass_at: Instant,
    discover_at: Option<Instant>,
    note_at: Option<Instant>,
    plan: Option<Arc<Plan>>,
    /// The same, for people.
    planned: watch::Sender<Option<Arc<Plan>>>,
    progress: Progress,
    /// Whether the last pass was allowed to act.
    acted: bool,
    sync_requests: u64,
    snapshot: watch::Sender<Arc<Snapshot>>,
}

/// How far the bundle in force was applied.
#[derive(Debug, Default)]
struct Progress {
    /// The bundle that was applied whole, last.
    applied: Option<BundleMark>,
    counts: Counts,
    /// Objects that the last pass left: they wait, or it was cut short.
    left: usize,
}

/// What was done for the bundle in force.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    created: u32,
    changed: u32,
    pruned: u32,
}

impl<C: Cluster> Reconciler<C> {
    /// Takes up inventory and journal. `repairs` of the store are journalled.
    pub async fn open(
        mut parts: ReconcilerParts<C>,
        snapshot: watch::Sender<Arc<Snapshot>>,
    ) -> Result<Self, PassError> {
        let mut world = World::default();
        let (bytes, entries, applied) = parts
            .keeper
            .call(|store| {
                let entries: Vec<_> = store.unacknowledged().cloned().collect();
                (store.inventory(), entries, store.head().last_good.map(|root| root.mark))
            })
            .await?;
        if let Some(bytes) = bytes.map_err(KeeperError::Store)? {
            world.inventory = Inventory::from_bytes(&bytes)?;
        }
        entries.iter().for_each(|entry| world.book.replay(entry));
        world.recall(parts.ledger.recall().await);
        let now = Instant::now();
        Ok(Self {
            parts,
            world,
            hands: None,
            bundle: None,
            watches: BTreeMap::new(),
            seen: mpsc::channel(SEEN_MAX),
            list_again: watch::Sender::new(0),
            full_pass_at: now + FULL_PASS_INTERVAL,
            discover_at: Some(now),
            note_at: None,
            plan: None,
            planned: watch::Sender::new(None),
            progress: Progress { applied, counts: Counts::default(), left: 0 },
            acted: false,
            sync_requests: 0,
            snapshot,
        })
    }

    /// The newest plan, as it changes.
    pub fn plans(&self) -> watch::Receiver<Option<Arc<Plan>>> {
        self.planned.subscribe()
    }

    /// Runs until told to stop; a step under way is finished.
    pub async fn run(mut self, stop: CancellationToken) {
        self.retarget();
        loop {
            if let Err(error) = self.pass().await {
                warn!(error = %Chain(&error), "a pass failed");
                self.discover_at = Some(Instant::now() + DISCOVERY_RETRY);
            }
            self.publish();
            // Nothing new: no plan is made until something asks for one.
            let mut asks = Asks::Nothing;
            while asks < Asks::Plan {
                self.note_live();
                let deadline = self.next_deadline();
                let wakes_at = self.note_at.map_or(deadline, |at| at.min(deadline));
                tokio::select! {
                    () = stop.cancelled() => {
                        self.parts.ledger.note(self.world.notes());
                        return self.parts.ledger.close().await;
                    }
                    changed = self.parts.target.changed() => match changed {
                        Ok(()) => { self.retarget(); asks = Asks::Plan; }
                        Err(_) => return,
                    },
                    changed = self.parts.lease.changed() => match changed {
                        // A renewal asks for nothing; what was not done while somebody else acted is planned anew.
                        Ok(()) if self.acts() != self.acted => { self.acted = self.acts(); asks = Asks::Plan; }
                        Ok(()) => {}
                        Err(_) => return,
                    },
                    seen = self.seen.1.recv() => {
                        let Some(seen) = seen else { return };
                        asks = self.take(seen).await;
                        while let Ok(seen) = self.seen.1.try_recv() {
                            asks = asks.max(self.take(seen).await);
                        }
                        self.publish();
                    }
                    () = tokio::time::sleep_until(wakes_at.into()) => {
                        asks = if Instant::now() < deadline { Asks::Nothing } else { self.due() };
                    }
                }
            }
        }
    }

    fn retarget(&mut self) {
        let newest = self.parts.target.borrow_and_update().clone();
        if let Some(bundle) = &newest {
            let requests = bundle.root().root().sync_requests;
            if self.bundle.is_some() && requests != self.sync_requests {
                self.list_again.send_modify(|count| *count += 1);
            }
            self.sync_requests = requests;
        }
        let changed = self.bundle.as_ref().map(|bundle| bundle.mark()) != newest.as_ref().map(|bundle| bundle.mark());
        if changed {
            self.bundle = newest;
            self.hands = None;
            self.progress.counts = Counts::default();
            self.world.failures.clear();
        }
    }

    fn next_deadline(&self) -> Instant {
        let now = Instant::now();
        // What was left may have become due meanwhile, which nobody tells.
        let left = (self.progress.left > 0).then(|| now + LEFT_INTERVAL);
        let retry = [self.world.next_retry(now), left].into_iter().flatten().min();
        [retry, self.discover_at].into_iter().flatten().fold(self.full_pass_at, Instant::min)
    }

    /// Tells the ledger what is new, now and then; what it misses is read again at the next start.
    fn note_live(&mut self) {
        let now = Instant::now();
        match self.note_at {
            Some(at) if at <= now => {
                self.note_at = None;
                let notes = self.world.notes();
                if !notes.is_empty() && !self.parts.ledger.note(notes) {
                    debug!("the ledger is behind");
                }
            }
            Some(_) => {}
            None => self.note_at = (!self.world.unnoted.is_empty()).then(|| now + NOTE_INTERVAL),
        }
    }

    /// What the timer asks for.
    fn due(&mut self) -> Asks {
        let now = Instant::now();
        if now >= self.full_pass_at {
            self.full_pass_at = now + FULL_PASS_INTERVAL;
            self.discover_at = Some(now);
            self.list_again.send_modify(|count| *count += 1);
        }
        Asks::Plan
    }

    /// Takes up what a watch saw; says what it asks for.
    async fn take(&mut self, seen: Seen) -> Asks {
        match seen {
            Seen::Failed { subject, reason } => {
                self.world.unreadable(&subject, &reason);
                Asks::Nothing
            }
            Seen::Changed { subject, object } => {
                let asks = self.changed(&subject, &object);
                // Part of a first listing: what asks for a plan is its end.
                if self.world.known.contains_key(&*subject) { asks } else { Asks::Nothing }
            }
            Seen::Vanished { subject, object } => match subject.key(&object) {
                Some(key) => self.vanished(&subject, &key).await,
                None => Asks::Nothing,
            },
            Seen::Unchanged { key, .. } => {
                self.world.unchanged(&key);
                Asks::Nothing
            }
            Seen::Listed { subject, keys, version } => {
                self.world.listed(&subject, &keys, &version);
                Asks::Plan
            }
        }
    }

    fn changed(&mut self, subject: &Subject, object: &serde_json::Value) -> Asks {
        let Some(key) = subject.key(object) else { return Asks::Nothing };
        let bundle = self.bundle.clone();
        let asks = self.world.observe(&self.parts.me.fleet, subject, &key, object, bundle.as_deref());
        if asks == Asks::Remember
            && let Some(bundle) = &bundle
        {
            let version = object.pointer("/metadata/resourceVersion").and_then(|version| version.as_str());
            let record = self.world.inventory.record(&key).and_then(|record| record.applied());
            if let (Some(version), Some(applied)) = (version, record) {
                let change = self.world.inventory.seen(&key, version, applied.projection, bundle.mark().place);
                change.into_iter().for_each(|change| self.world.inventory.apply(change));
            }
        }
        asks
    }

    /// An object that vanished from a watch is looked up before it is believed gone.
    async fn vanished(&mut self, subject: &Subject, key: &skerry_common::object::ObjectKey) -> Asks {
        let target = crate::cluster::Target {
            kind: subject.kind.clone(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        };
        match self.parts.cluster.get(&target, Detail::Metadata).await {
            Ok(None) => self.world.absent(key),
            Ok(Some(object)) => {
                let meta = live_meta(&self.parts.me.fleet, key, &object, false);
                self.world.saw(key, skerry_agent_core::plan::Live::Present(meta), None);
            }
            Err(error) => {
                let reason = Chain(&error).to_string();
                self.world.saw(key, skerry_agent_core::plan::Live::Unknown { reason }, None);
            }
        }
        Asks::Plan
    }

    /// One look at everything: plan, persist, execute.
    async fn pass(&mut self) -> Result<(), PassError> {
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
    fn acts(&self) -> bool {
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
            if !self.watches.contains_key(subject) {
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

    /// Makes changes of the inventory, and makes them durable.
    async fn persist(&mut self, changes: Vec<Change>) -> Result<(), PassError> {
        if changes.is_empty() {
            return Ok(());
        }
        changes.into_iter().for_each(|change| self.world.inventory.apply(change));
        let bytes = self.world.inventory.to_bytes()?;
        let stored = self.parts.keeper.call(move |store| store.set_inventory(&bytes)).await?;
        Ok(stored.map_err(KeeperError::Store)?)
    }

    /// Notes that the bundle in force was applied whole, once.
    async fn finish(&mut self, bundle: &AcceptedBundle) -> Result<(), PassError> {
        let mark = bundle.mark();
        let done = self.plan.as_ref().is_some_and(|plan| plan.target == mark && self.is_whole(plan));
        if !done || self.progress.applied == Some(mark) || self.parts.target.has_changed().unwrap_or(true) {
            return Ok(());
        }
        let Counts { created, changed, pruned } = self.progress.counts;
        let event = Event::Applied { place: mark.place, created, changed, pruned, failed: 0 };
        info!(generation = %mark.place, created, changed, pruned, "a bundle was applied");
        let at = self.now_unix_ms();
        let blobs: Vec<Digest> = bundle.blobs().into_iter().map(|blob| blob.digest).collect();
        let stored = self.parts.keeper.call(move |store| {
            store.record(at, event)?;
            if store.head().current.is_some_and(|current| current.mark == mark) {
                store.set_last_good()?;
            }
            let head = *store.head();
            let envelopes = [head.current, head.last_good, head.highest].into_iter().flatten();
            let live: Vec<Digest> = envelopes.map(|root| root.envelope.digest).chain(blobs).collect();
            store.compact(&live)
        });
        stored.await?.map_err(KeeperError::Store)?;
        self.progress.applied = Some(mark);
        Ok(())
    }

    /// Whether nothing of a plan waits, failed or needs a person.
    fn is_whole(&self, plan: &Plan) -> bool {
        self.world.failures.is_empty() && plan.objects.iter().all(summary::is_settled)
    }

    fn now_unix_ms(&self) -> i64 {
        self.parts.clock.unix_ms()
    }

    async fn record(&self, events: Vec<Event>) -> Result<Vec<skerry_common::id::Sequence>, PassError> {
        Ok(self.parts.keeper.record(self.now_unix_ms(), events).await?)
    }

    fn publish(&self) {
        self.planned.send_replace(self.plan.clone());
        let snapshot = self.summary();
        self.snapshot.send_if_modified(|known| {
            let news = !known.is_same(&snapshot);
            if news {
                *known = Arc::new(snapshot);
                debug!("the state changed");
            }
            news
        });
    }
}
