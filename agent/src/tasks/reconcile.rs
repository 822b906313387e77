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
use skerry_agent_core::inventory::Inventory;
use skerry_agent_core::plan::{Plan, Protected};
use skerry_certs::seal::SealingKeyPair;
use skerry_certs::tls::WallClock;
use skerry_common::error_chain::Chain;
use skerry_common::journal::Event;
use skerry_common::report::BundleMark;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

use super::keeper::{Keeper, KeeperError};
use super::lease::Standing;
use super::watch::{Seen, Subject};
use crate::cluster::{Cluster, ClusterError};
use crate::ledger::desk::Desk;
use crate::snapshot::Snapshot;
use crate::store::trouble::Troubles;

mod contents;
mod drift;
mod execute;
mod hands;
mod pass;
mod remember;
mod seen;
mod string_data;
mod summary;
mod timers;
mod world;

use hands::Hands;
use world::{Asks, World};

/// What watches saw and the reconciler has not looked at; then they wait.
const SEEN_MAX: usize = 256;

/// How often everything is listed again, in case a watch lied.
const FULL_PASS_INTERVAL: Duration = Duration::from_secs(600);

/// How long after a failure to read the API it is tried again.
const DISCOVERY_RETRY: Duration = Duration::from_secs(2);

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
    inventory: OnDisk,
    /// The writes that the store fails at.
    troubles: watch::Receiver<Troubles>,
    sync_requests: u64,
    snapshot: watch::Sender<Arc<Snapshot>>,
}

/// How far the inventory is durable. While it is behind, nothing is done that it has to remember: only objects that
/// were applied before are healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnDisk {
    AsHere,
    Behind,
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
        let (now, troubles) = (Instant::now(), parts.keeper.troubles());
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
            inventory: OnDisk::AsHere,
            troubles,
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
                        Ok(()) => self.publish(),
                        Err(_) => return,
                    },
                    changed = self.troubles.changed() => match changed {
                        Ok(()) => self.publish(),
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
