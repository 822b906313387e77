//! Puts an agent together and runs it.
//!
//! ```text
//!            ┌─────────▶ link ◀───────── hub (or nobody)
//! keeper ◀───┤            │ bundle in force
//!            └─▶ reconcile ◀┘ ◀── watches ── Kubernetes
//! ```
//! Start and restart are one path: what is in the store is in force at once, whether or not a hub
//! can be reached.

use std::path::PathBuf;
use std::sync::Arc;

use skerry_agent_core::plan::{Plan, Protected};
use skerry_certs::tls::WallClock;
use skerry_common::error_chain::Chain;
use skerry_common::journal::Event;
use skerry_common::report::Facts;
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::cluster::{Cluster, Discovery};
use crate::identity::{AgentIdentityError, Enrolled, IdentityFolder};
use crate::ledger::desk::Desk;
use crate::snapshot::Snapshot;
use crate::target::{TargetError, Targets};
use crate::tasks::keeper::{Keeper, KeeperError};
use crate::tasks::lease::{LeaseKeeper, Standing};
use crate::tasks::link::Link;
use crate::tasks::reconcile::{PassError, Reconciler, ReconcilerParts};
use crate::tasks::vital;
use crate::transport::quic::PROGRAM_VERSION;
use crate::trust::Trust;

/// How an agent runs.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// The folder of store and identity.
    pub state_folder: PathBuf,
    /// Namespaces to watch; empty: the whole cluster.
    pub namespaces: Vec<String>,
    /// The agent's own namespace; empty when it runs outside the cluster.
    pub own_namespace: String,
    /// Whether hubs are looked for; a site that is fed by files sets this to false.
    pub online: bool,
    /// Decides jitter, and the life of a new journal: different for each process.
    pub seed: u64,
}

/// An agent cannot start.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Keys, certificate, trust root.
    #[error("the agent's identity cannot be used")]
    Identity(#[from] AgentIdentityError),
    /// It has not joined.
    #[error("this agent has not joined a fleet: run `skerry-agent join`")]
    NotJoined,
    /// The store.
    #[error("the agent's store cannot be opened")]
    Store(#[from] KeeperError),
    /// The bundle in the store.
    #[error("the stored bundle cannot be taken up")]
    Target(#[from] TargetError),
    /// The inventory.
    #[error("the reconciler cannot start")]
    Reconciler(#[from] PassError),
}

/// A running agent.
pub struct Agent {
    /// What it says of its cluster.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Whether a hub session is up.
    pub connected: watch::Receiver<bool>,
    /// What the agent last planned.
    pub plans: watch::Receiver<Option<Arc<Plan>>>,
    /// The bundle in force; takes archives.
    pub targets: Targets,
    /// The store.
    pub keeper: Keeper,
    /// Fleet and cluster.
    pub me: skerry_agent_core::accept::Me,
    /// The cluster's name.
    pub name: skerry_common::id::ClusterName,
    tasks: TaskTracker,
    stop: CancellationToken,
    broken: CancellationToken,
    /// Ends after the tasks that act.
    lease: (TaskTracker, CancellationToken),
}

/// The store's folder inside the state folder.
pub fn store_folder(state_folder: &std::path::Path) -> PathBuf {
    state_folder.join("store")
}

/// The identity's folder inside the state folder.
pub fn identity_folder(state_folder: &std::path::Path) -> PathBuf {
    state_folder.join("identity")
}

impl Agent {
    /// Starts an agent that has joined.
    pub async fn start<C: Cluster>(
        options: &AgentOptions,
        cluster: Arc<C>,
        clock: WallClock,
    ) -> Result<Self, AgentError> {
        let joined = joined(options)?;
        let keeper = Keeper::open(&store_folder(&options.state_folder), options.seed)?;
        Self::begin(joined, keeper, options, cluster, clock).await
    }

    /// The same with a store of the caller's, on a disk of its own.
    pub async fn start_with<C: Cluster>(
        keeper: Keeper,
        options: &AgentOptions,
        cluster: Arc<C>,
        clock: WallClock,
    ) -> Result<Self, AgentError> {
        Self::begin(joined(options)?, keeper, options, cluster, clock).await
    }

    async fn begin<C: Cluster>(
        (identity, enrolled): (IdentityFolder, Enrolled),
        keeper: Keeper,
        options: &AgentOptions,
        cluster: Arc<C>,
        clock: WallClock,
    ) -> Result<Self, AgentError> {
        let folder = IdentityFolder::open(&identity_folder(&options.state_folder))?;
        let trust = Trust::new(folder, enrolled.trust.clone());
        let targets = Targets::open(keeper.clone(), enrolled.me.clone(), trust.clone(), clock.clone()).await?;
        note_start(&keeper, &clock).await?;
        let (told, snapshot) = watch::channel(Arc::new(Snapshot::empty()));
        let sealing = Arc::new(identity.sealing_key()?);
        let broken = CancellationToken::new();
        let lease = keep_lease(options, &enrolled, cluster.clone(), clock.clone(), broken.clone());
        let parts = ReconcilerParts {
            cluster: cluster.clone(),
            keeper: keeper.clone(),
            me: enrolled.me.clone(),
            sealing,
            clock: clock.clone(),
            target: targets.subscribe(),
            protected: Protected { namespace: options.own_namespace.clone() },
            ledger: Desk::open(&options.state_folder),
            lease: lease.2,
            namespaces: options.namespaces.clone(),
            seed: options.seed,
        };
        let reconciler = Reconciler::open(parts, told).await?;
        let plans = reconciler.plans();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(vital(reconciler.run(stop.clone()), stop.clone(), broken.clone()));
        let (up, connected) = watch::channel(false);
        let (me, name) = (enrolled.me.clone(), enrolled.name.clone());
        if options.online {
            let (facts, known) = watch::channel(Facts::default());
            tasks.spawn(tell_facts(cluster, facts, stop.clone()));
            let link =
                link(options, enrolled, identity, keeper.clone(), &targets, snapshot.clone(), known, trust, up, clock);
            tasks.spawn(vital(link.run(stop.clone()), stop.clone(), broken.clone()));
        }
        tasks.close();
        let lease = (lease.0, lease.1);
        Ok(Self { snapshot, plans, connected, targets, keeper, me, name, tasks, stop, broken, lease })
    }

    /// Waits until a task has panicked or ended unasked: the agent is of no use any more.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Finishes the step under way and stops.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
        self.lease.1.cancel();
        self.lease.0.wait().await;
    }
}

/// Who the agent is; an error before anything is written when it has not joined.
fn joined(options: &AgentOptions) -> Result<(IdentityFolder, Enrolled), AgentError> {
    let identity = IdentityFolder::open(&identity_folder(&options.state_folder))?;
    let enrolled = identity.enrolled()?.ok_or(AgentError::NotJoined)?;
    Ok((identity, enrolled))
}

type LeaseTask = (TaskTracker, CancellationToken, watch::Receiver<Standing>);

/// One agent acts per cluster. Its name is its key's, which it keeps over restarts and shares with nobody.
fn keep_lease<C: Cluster>(
    options: &AgentOptions,
    enrolled: &Enrolled,
    cluster: Arc<C>,
    clock: WallClock,
    broken: CancellationToken,
) -> LeaseTask {
    let key = enrolled.tls.peer().map(|peer| peer.spki_fingerprint.hex()).unwrap_or_default();
    let me = key.get(..HOLDER_DIGITS).unwrap_or_default().to_owned();
    let (told, standing) = watch::channel(Standing::Unknown);
    let keeper = LeaseKeeper { cluster, namespace: options.own_namespace.clone(), me, clock };
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(vital(keeper.run(told, stop.clone()), stop.clone(), broken));
    tasks.close();
    (tasks, stop, standing)
}

#[expect(clippy::too_many_arguments, reason = "every part of a link, once")]
fn link(
    options: &AgentOptions,
    enrolled: Enrolled,
    identity: IdentityFolder,
    keeper: Keeper,
    targets: &Targets,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    facts: watch::Receiver<Facts>,
    trust: Trust,
    connected: watch::Sender<bool>,
    clock: WallClock,
) -> Link {
    let (targets, seed) = (targets.clone(), options.seed);
    Link { enrolled, identity, keeper, targets, snapshot, facts, trust, connected, clock, seed }
}

async fn note_start(keeper: &Keeper, clock: &WallClock) -> Result<(), KeeperError> {
    let repairs = keeper.call(|store| store.repairs().to_vec()).await?;
    let mut events = vec![Event::Started { version: PROGRAM_VERSION.to_owned() }];
    for what in repairs {
        warn!(what, "the store was repaired");
        events.push(Event::StoreRepaired { what });
    }
    let now = clock.unix_ms();
    keeper.record(now, events).await.map(|_| ())
}

/// Hexadecimal digits of a lease holder's name: enough to tell agents apart.
const HOLDER_DIGITS: usize = 16;

/// How often the cluster's facts are read again.
const FACTS_INTERVAL: std::time::Duration = std::time::Duration::from_secs(600);

/// How soon they are read again after a failure.
const FACTS_RETRY: std::time::Duration = std::time::Duration::from_secs(10);

async fn tell_facts<C: Cluster>(cluster: Arc<C>, facts: watch::Sender<Facts>, stop: CancellationToken) {
    loop {
        let pause = match read_facts(&*cluster).await {
            Ok(read) => {
                facts.send_if_modified(|known| {
                    let news = *known != read;
                    *known = read;
                    news
                });
                FACTS_INTERVAL
            }
            Err(error) => {
                warn!(error = %Chain(&error), "the cluster's facts cannot be read");
                FACTS_RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn read_facts<C: Cluster>(cluster: &C) -> Result<Facts, crate::cluster::ClusterError> {
    let version = cluster.version().await?;
    let discovery = cluster.discover().await?;
    Ok(Facts { kubernetes_version: version.git_version, platform: version.platform, api_kinds: api_kinds(&discovery) })
}

/// Most kinds that are told.
const API_KINDS_MAX: usize = 2_000;

fn api_kinds(discovery: &Discovery) -> Vec<String> {
    let name = |served: &crate::cluster::ServedKind| format!("{}/{}", served.kind.api_version(), served.kind.kind);
    let mut kinds: Vec<_> = discovery.kinds.iter().map(name).take(API_KINDS_MAX).collect();
    kinds.sort();
    kinds
}
