//! Puts a hub together and runs it.
//!
//! ```text
//! Git ─▶ poll_git ─▶ publish ─▶ signer ─▶ switchboard ─▶ sessions ─▶ agents
//!                                 │                         │
//!                                 └────────▶ store ◀────────┘ ◀── API ◀── operators
//! ```
//! Everything that agents need is in the store, so a hub restarted while Git is down still serves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Endpoint, TokioRuntime};
use skerry_certs::authority::Authority;
use skerry_certs::root_key::SigningKey;
use skerry_certs::roots::CaRoots;
use skerry_certs::tls::{HUB_LIMITS, WallClock, api_server_config, link_server_config};
use skerry_common::bundle::digest::Digest;
use skerry_common::id::FleetId;
use skerry_common::redact::Redacted;
use skerry_helm::{Fetch, HelmProgram, HelmSettings};
use skerry_hub_core::access::ApiToken;
use skerry_render::Allowed;
use thiserror::Error;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::api::{self, Api, ApiSettings, FleetInForce, Parts, snapshot};
use crate::config::{ConfigError, HubConfig, RenderConfig};
use crate::control::Control;
use crate::explainer::Explainer;
use crate::git::{Git, GitError, GitSettings, RemoteBases, TreeLimits};
use crate::keys::{KeyError, KeyFolder, api_identity, hub_identity};
use crate::metrics::Metrics;
use crate::quic::deltas::Deltas;
use crate::quic::enroll::Enroller;
use crate::quic::listener::listen;
use crate::quic::reset::endpoint_config;
use crate::quic::switchboard::Switchboard;
use crate::quic::{LinkContext, unix_ms};
use crate::signer::{PublishError, Signer};
use crate::store::access::{ApiToken as StoredToken, Role};
use crate::store::sqlite::SqliteStore;
use crate::store::{AccessStore as _, StoreError};
use crate::tasks::poll_git::{PollGit, Resolved};
use crate::tasks::publish::{Publisher, Stored};
use crate::tasks::renew::{RenewError, Renewal};
use crate::tasks::sweep::Sweeper;
use crate::tasks::trust::FollowTrust;
use crate::tasks::{contacts, vital};
use crate::trust::TrustLine;
use crate::workshop::Workshop;

/// Webhooks that wait; one is as good as many.
const POKES_MAX: usize = 4;

/// How long connections may take to end when the hub stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A hub cannot start.
#[derive(Debug, Error)]
pub enum HubError {
    /// The configuration.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// Keys.
    #[error("the hub's keys cannot be used")]
    Keys(#[from] KeyError),
    /// The store.
    #[error("the hub's store cannot be used")]
    Store(#[from] StoreError),
    /// Git settings.
    #[error("the Git settings cannot be used")]
    Git(#[from] GitError),
    /// TLS settings.
    #[error("the TLS settings cannot be made")]
    Tls(#[from] skerry_certs::tls::TlsError),
    /// The certificates that the hub shows.
    #[error("the hub's certificates cannot be made")]
    Certificates(#[from] RenewError),
    /// The trust root's CAs.
    #[error("the trust root's certificate authorities cannot be used")]
    Roots(#[from] skerry_certs::roots::CaRootsError),
    /// A port.
    #[error("`{address}` cannot be opened")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What was reserved before a crash cannot be signed.
    #[error("a reserved bundle cannot be signed")]
    Publish(#[from] PublishError),
    /// A token cannot be made.
    #[error("no randomness")]
    Random,
}

/// A running hub.
pub struct Hub {
    /// Registers, revokes, exports.
    pub control: Control<SqliteStore, SqliteStore>,
    /// Facts.
    pub store: SqliteStore,
    /// Where the link listens.
    pub link_address: SocketAddr,
    /// Where the API listens.
    pub api_address: SocketAddr,
    /// The CA of the API, PEM.
    pub api_ca: String,
    /// Numbers.
    pub metrics: Metrics,
    /// Wakes the Git poller, as a webhook does.
    pub poke: mpsc::Sender<api::Poke>,
    tasks: TaskTracker,
    stop: CancellationToken,
    broken: CancellationToken,
}

/// The system's clock.
pub fn system_clock() -> WallClock {
    WallClock::new(OffsetDateTime::now_utc)
}

/// What every part of a hub is made with.
struct Base {
    fleet: FleetId,
    store: SqliteStore,
    clock: WallClock,
    trust: watch::Receiver<TrustLine>,
    key: watch::Receiver<Arc<SigningKey>>,
    switchboard: Switchboard,
    wake: Arc<Notify>,
    poke: mpsc::Sender<api::Poke>,
    metrics: Metrics,
    tasks: TaskTracker,
    stop: CancellationToken,
    broken: CancellationToken,
}

/// What publishing is made with besides.
struct Publishing {
    git: Arc<Git>,
    workshop: Workshop,
    resolved: watch::Sender<Arc<Resolved>>,
    pokes: mpsc::Receiver<api::Poke>,
}

impl Hub {
    /// Starts everything; returns once both ports are open.
    pub async fn start(config: &HubConfig, clock: WallClock, seed: u64) -> Result<Self, HubError> {
        let bounds = config.contact_bounds()?;
        let folder = KeyFolder::new(&config.data_folder.join("keys"));
        let keys = folder.load()?;
        let store = SqliteStore::open(&config.data_folder.join("hub.db")).await?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (switchboard, serve_switchboard) = Switchboard::new();
        let root = keys.trust.newest().root().clone();
        let (trust_sender, trust) = watch::channel(keys.trust);
        let (key_sender, key) = watch::channel(Arc::new(keys.signing));
        let wake = Arc::new(Notify::new());
        let (poke, pokes) = mpsc::channel(POKES_MAX);
        let base = Base {
            fleet: root.fleet.clone(),
            store,
            clock,
            trust,
            key,
            switchboard,
            wake,
            poke,
            metrics: Metrics::default(),
            tasks,
            stop,
            broken: CancellationToken::new(),
        };
        // Handles outlive the hub: it serves them until then.
        let stopped = base.stop.clone();
        base.spawn(async move { stopped.run_until_cancelled(serve_switchboard).await.unwrap_or_default() });
        let reset_secret = keys.authority.key_pem();
        let authority = Arc::new(keys.authority);
        let git = Arc::new(Git::new(git_settings(config)?)?);
        let allowed = allowed(config, &git)?;
        let (resolved, follow_resolved) = watch::channel(Arc::new(Resolved::default()));
        let explainer = Explainer::new(git.clone(), keys.sealer.clone(), allowed.clone(), follow_resolved);
        let control = base.control(authority.clone(), explainer);
        let link = Renewal::begin("link", move |now| hub_identity(&authority, now), &base.clock, seed)?;
        let roots = CaRoots::from_trust_root(&root)?;
        let server = link_server_config(link.served(), &roots, &base.clock, &HUB_LIMITS)?;
        let link_address =
            base.start_link(config.link.listen, server, control.enroller.clone(), reset_secret.as_bytes())?;
        base.spawn(link.run(base.stop.clone()));
        let workshop = Workshop::new(git.clone(), keys.sealer).allowing(allowed);
        let fleet = base.start_publishing(config, Publishing { git, workshop, resolved, pokes }, seed).await?;
        let (api_authority, names) = (keys.api_authority, config.api.names.clone());
        let api_ca = api_authority.certificate_pem();
        let api = Renewal::begin("api", move |now| api_identity(&api_authority, &names, now), &base.clock, seed)?;
        let tls = api_server_config(api.served())?;
        base.spawn(api.run(base.stop.clone()));
        let secret = Redacted::new(keys.webhook_secret);
        let settings = ApiSettings { fleet: base.fleet.clone(), bounds, webhook_secret: Some(secret) };
        let api_address = base.start_api(config.api.listen, tls, control.clone(), fleet, settings).await?;
        let follow = FollowTrust { folder, trust: trust_sender, key: key_sender };
        base.spawn(follow.run(base.stop.clone()));
        base.tasks.close();
        info!(link = %link_address, api = %api_address, "the hub runs");
        let Base { store, poke, metrics, tasks, stop, broken, .. } = base;
        Ok(Self { control, store, link_address, api_address, api_ca, metrics, poke, tasks, stop, broken })
    }

    /// Makes a bearer token for the API and gives it; only its hash is stored.
    pub async fn make_token(&self, name: &str, role: Role, clock: &WallClock) -> Result<String, HubError> {
        make_token(&self.store, name, role, clock).await
    }

    /// Waits until a task has panicked or ended unasked: the hub is of no use any more.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Ends connections and tasks.
    pub async fn stop(self) {
        self.stop.cancel();
        // Sessions close by themselves; a client that hangs does not hold up the rest for ever.
        if tokio::time::timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            warn!(tasks = self.tasks.len(), "not everything stopped in time");
        }
    }
}

impl Base {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(vital(task, self.stop.clone(), self.broken.clone()));
    }

    fn control(&self, authority: Arc<Authority>, explainer: Explainer) -> Control<SqliteStore, SqliteStore> {
        let enroller = Enroller {
            fleet: self.fleet.clone(),
            store: self.store.clone(),
            authority,
            trust: self.trust.clone(),
            clock: self.clock.clone(),
            wake: Some(self.wake.clone()),
        };
        Control {
            store: self.store.clone(),
            blobs: self.store.clone(),
            enroller,
            trust: self.trust.clone(),
            switchboard: self.switchboard.clone(),
            explainer,
            wake: self.wake.clone(),
            poke: self.poke.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Opens the port that agents dial.
    fn start_link(
        &self,
        address: SocketAddr,
        server: quinn::ServerConfig,
        enroller: Enroller<SqliteStore>,
        reset_secret: &[u8],
    ) -> Result<SocketAddr, HubError> {
        let (heard, words) = mpsc::channel(contacts::WORDS_MAX);
        self.spawn(contacts::run(self.store.clone(), words));
        let listening = |source| HubError::Listen { address, source };
        let socket = std::net::UdpSocket::bind(address).map_err(listening)?;
        let endpoint = Endpoint::new(endpoint_config(reset_secret), Some(server), socket, Arc::new(TokioRuntime));
        let endpoint = endpoint.map_err(listening)?;
        let open = endpoint.local_addr().map_err(listening)?;
        let context = LinkContext {
            fleet: self.fleet.clone(),
            store: self.store.clone(),
            blobs: self.store.clone(),
            deltas: Deltas::new(self.metrics.clone()),
            trust: self.trust.clone(),
            switchboard: self.switchboard.clone(),
            contacts: heard,
            surpassed: self.wake.clone(),
            clock: self.clock.clone(),
        };
        self.spawn(listen(endpoint, context, enroller, self.stop.clone()));
        Ok(open)
    }

    /// Follows Git and publishes; gives what is declared.
    async fn start_publishing(
        &self,
        config: &HubConfig,
        parts: Publishing,
        seed: u64,
    ) -> Result<watch::Receiver<Arc<FleetInForce>>, HubError> {
        let Publishing { git, workshop, resolved, pokes } = parts;
        let signer = Signer {
            store: self.store.clone(),
            key: self.key.clone(),
            trust: self.trust.clone(),
            switchboard: self.switchboard.clone(),
            clock: self.clock.clone(),
            roots_kept: config.retention.bundles.get(),
        };
        signer.finish_reservations().await?;
        let follow_resolved = resolved.subscribe();
        let (fleet_in_force, fleet) = watch::channel(Arc::new(FleetInForce::default()));
        let poll = PollGit {
            store: self.store.clone(),
            git,
            config: config.fleet.clone(),
            clock: self.clock.clone(),
            pokes,
            resolved,
            fleet: fleet_in_force,
            seed,
        };
        self.spawn(poll.run(self.stop.clone()));
        let publisher = Publisher {
            fleet: self.fleet.clone(),
            hub: config.name.clone(),
            store: self.store.clone(),
            blobs: self.store.clone(),
            signer,
            resolved: follow_resolved,
            wake: self.wake.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            workshop: Some(workshop),
            stored: Stored::default(),
        };
        self.spawn(publisher.run(self.stop.clone()));
        let sweeper = Sweeper {
            store: self.store.clone(),
            blobs: self.store.clone(),
            clock: self.clock.clone(),
            grace: Duration::from_secs(60 * 60 * u64::from(config.retention.content_hours)),
            metrics: self.metrics.clone(),
        };
        self.spawn(sweeper.run(self.stop.clone()));
        Ok(fleet)
    }

    /// Opens the port that operators ask.
    async fn start_api(
        &self,
        address: SocketAddr,
        tls: Arc<rustls::ServerConfig>,
        control: Control<SqliteStore, SqliteStore>,
        fleet: watch::Receiver<Arc<FleetInForce>>,
        settings: ApiSettings,
    ) -> Result<SocketAddr, HubError> {
        let (store, bounds) = (self.store.clone(), settings.bounds);
        let (keeper, snapshot) = snapshot::Keeper::new(store, fleet, bounds, api::system_clock);
        self.spawn(keeper.run(self.stop.clone()));
        let listening = |source| HubError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listening)?;
        let open = listener.local_addr().map_err(listening)?;
        let api = Api::new(Parts {
            store: self.store.clone(),
            control,
            settings,
            snapshot,
            poke: self.poke.clone(),
            metrics: self.metrics.clone(),
            clock: api::system_clock,
        });
        self.spawn(api::serve(api, listener, tls, self.stop.clone()));
        Ok(open)
    }
}

/// Makes a bearer token and stores its hash.
pub async fn make_token(store: &SqliteStore, name: &str, role: Role, clock: &WallClock) -> Result<String, HubError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| HubError::Random)?;
    let token = ApiToken::from_random(bytes);
    let hash: Digest = token.digest();
    let created_unix_ms = unix_ms(clock);
    let stored = StoredToken { name: name.to_owned(), hash, role, created_unix_ms, expires_unix_ms: None };
    store.add_api_token(stored).await?;
    Ok(token.expose())
}

/// What renders may do besides reading their sources.
fn allowed(config: &HubConfig, git: &Arc<Git>) -> Result<Allowed, GitError> {
    let RenderConfig { helm, chart_repositories, remote_bases } = &config.render;
    let mut allowed = Allowed::default();
    if let Some(program) = helm {
        let settings = HelmSettings::new(program.clone(), config.data_folder.join("helm"));
        let fetch = Fetch::Pinned(chart_repositories.clone());
        allowed.charts = Some(Arc::new(HelmProgram::new(HelmSettings { fetch, ..settings })));
    }
    if !remote_bases.is_empty() {
        allowed.remotes = Some(Arc::new(RemoteBases::new(git.clone(), remote_bases)?));
    }
    Ok(allowed)
}

fn git_settings(config: &HubConfig) -> Result<GitSettings, ConfigError> {
    Ok(GitSettings {
        allowed_file_roots: config.git.file_roots.clone(),
        cache_folder: config.data_folder.join("git"),
        credentials: config.credentials()?,
        tree_limits: TreeLimits::default(),
    })
}
