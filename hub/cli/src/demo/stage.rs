//! The stage: repository, hub, agents and their clusters, and what can be seen of them.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use skerry_agent::agent::{Agent, AgentOptions, identity_folder};
use skerry_agent::cluster::Target;
use skerry_agent::cluster::memory::{MemoryCluster, Person};
use skerry_agent::identity::IdentityFolder;
use skerry_agent::join;
use skerry_certs::root_key::Passphrase;
use skerry_certs::tls::WallClock;
use skerry_common::id::ClusterName;
use skerry_common::join::JoinToken;
use skerry_common::status::{Health, Sync};
use skerry_hub::api::HubControl as _;
use skerry_hub::config::{ApiConfig, FleetConfig, HubConfig, LinkConfig};
use skerry_hub::hub::{Hub, system_clock};
use skerry_hub::init::{InitOptions, init};
use skerry_hub::store::journal::{DriftFilter, DriftQuery, DriftRecord, Range};
use skerry_hub::store::{ClusterStore as _, JournalStore as _, StateStore as _};
use skerry_hub_core::view::RegisterRequest;
use tempfile::TempDir;

use super::repository::Repository;
use super::{CHAPTER_TIMEOUT, DemoError, Teller};

/// How often something awaited is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Most drifts that are listed.
const DRIFTS_MAX: usize = 500;

/// One cluster with its agent.
pub(super) struct Site {
    pub(super) environment: &'static str,
    pub(super) cluster: MemoryCluster,
    options: AgentOptions,
    agent: Option<Agent>,
}

/// Everything.
pub(super) struct Stage {
    pub(super) repository: Repository,
    pub(super) sites: BTreeMap<&'static str, Site>,
    hub: Option<Hub>,
    config: HubConfig,
    admin_token: String,
    clock: WallClock,
    folder: TempDir,
}

fn cluster_name(name: &str) -> Result<ClusterName, DemoError> {
    Ok(ClusterName::parse(name)?)
}

impl Stage {
    /// Makes repository and hub; no cluster yet.
    pub(super) async fn build() -> Result<Self, DemoError> {
        let folder = tempfile::Builder::new().prefix("skerry-demo-").tempdir()?;
        let repository = Repository::create(&folder.path().join("shop")).await?;
        let clock = system_clock();
        // The port must be known before the hub runs: it stands in the trust root.
        let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        let options = InitOptions {
            folder: folder.path().join("hub"),
            fleet: None,
            advertise: vec![format!("127.0.0.1:{port}")],
            source: FleetConfig {
                url: repository.url(),
                branch: "main".into(),
                path: "fleet".into(),
                credentials: None,
                interval_seconds: 5,
            },
            link: LinkConfig { listen: ([127, 0, 0, 1], port).into() },
            api: ApiConfig { listen: ([127, 0, 0, 1], 0).into(), ..ApiConfig::default() },
            file_roots: vec![folder.path().to_owned()],
        };
        std::fs::create_dir_all(&options.folder)?;
        let passphrase = Passphrase::new("only for this demo".into())?;
        let made = init(&options, &passphrase, &clock).await?;
        let config = HubConfig::load(&made.config)?;
        let hub = Some(Hub::start(&config, clock.clone(), 1).await?);
        let admin_token = made.admin_token;
        Ok(Self { repository, sites: BTreeMap::new(), hub, config, admin_token, clock, folder })
    }

    fn hub(&self) -> Result<&Hub, DemoError> {
        self.hub.as_ref().ok_or_else(|| "the hub does not run".into())
    }

    fn site_options(&self, name: &str, online: bool) -> AgentOptions {
        let state_folder: PathBuf = self.folder.path().join("agents").join(name);
        let seed = name.bytes().fold(7, |seed: u64, byte| skerry_common::backoff::splitmix(seed ^ u64::from(byte)));
        AgentOptions { state_folder, namespaces: Vec::new(), own_namespace: String::new(), online, seed }
    }

    /// Registers a cluster, lets its agent join with the printed token, and starts the agent.
    pub(super) async fn join(&mut self, name: &'static str, environment: &'static str) -> Result<(), DemoError> {
        let request = RegisterRequest {
            name: cluster_name(name)?,
            labels: [("env".to_owned(), environment.to_owned())].into(),
            token_life_seconds: None,
        };
        let command = self.hub()?.control.register(request).await?.command;
        let token = command.rsplit(' ').next().unwrap_or_default();
        let options = self.site_options(name, true);
        let identity = IdentityFolder::open(&identity_folder(&options.state_folder))?;
        join::join(&identity, &JoinToken::parse(token)?, &self.clock, &mut |_| ()).await?;
        self.add_site(name, environment, options).await
    }

    /// Lets a cluster join by files and feeds it an archive; it never sees a network.
    pub(super) async fn join_by_files(
        &mut self,
        name: &'static str,
        environment: &'static str,
    ) -> Result<(), DemoError> {
        let options = self.site_options(name, false);
        let identity = IdentityFolder::open(&identity_folder(&options.state_folder))?;
        let request = String::from_utf8(join::offline_request(&identity)?)?;
        let labels = [("env".to_owned(), environment.to_owned())].into();
        let reply = self.hub()?.control.enroll_offline(&cluster_name(name)?, labels, request).await?;
        join::offline_reply(&identity, reply.as_bytes(), None, &self.clock, &mut |_| ())?;
        self.add_site(name, environment, options).await
    }

    async fn add_site(
        &mut self,
        name: &'static str,
        environment: &'static str,
        options: AgentOptions,
    ) -> Result<(), DemoError> {
        let now = Arc::new(time::OffsetDateTime::now_utc);
        let cluster = MemoryCluster::new(options.seed, now);
        let site = Site { environment, cluster, options, agent: None };
        self.sites.insert(name, site);
        self.start_agent(name).await
    }

    /// Starts an agent on what its last life left on disk.
    pub(super) async fn start_agent(&mut self, name: &str) -> Result<(), DemoError> {
        let clock = self.clock.clone();
        let site = self.site_mut(name)?;
        let agent = Agent::start(&site.options, Arc::new(site.cluster.clone()), clock).await?;
        site.agent = Some(agent);
        Ok(())
    }

    /// Stops an agent; its cluster goes on.
    pub(super) async fn stop_agent(&mut self, name: &str) -> Result<(), DemoError> {
        if let Some(agent) = self.site_mut(name)?.agent.take() {
            agent.stop().await;
        }
        Ok(())
    }

    fn site_mut(&mut self, name: &str) -> Result<&mut Site, DemoError> {
        self.sites.get_mut(name).ok_or_else(|| format!("there is no cluster `{name}` here").into())
    }

    pub(super) fn site(&self, name: &str) -> Result<&Site, DemoError> {
        self.sites.get(name).ok_or_else(|| format!("there is no cluster `{name}` here").into())
    }

    /// Stops the hub; nobody but the hub notices.
    pub(super) async fn stop_hub(&mut self) {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
        }
    }

    /// Starts the hub again on its own store.
    pub(super) async fn start_hub(&mut self) -> Result<(), DemoError> {
        self.hub = Some(Hub::start(&self.config, self.clock.clone(), 2).await?);
        Ok(())
    }

    /// Tells the hub that something was pushed, as a webhook does.
    pub(super) async fn pushed(&self) -> Result<(), DemoError> {
        Ok(self.hub()?.poke.send(skerry_hub::api::Poke::default()).await?)
    }

    /// The archive of a cluster's bundle, taken to its agent by hand.
    pub(super) async fn carry_archive(&self, name: &str) -> Result<usize, DemoError> {
        let bytes = self.hub()?.control.archive(&cluster_name(name)?).await?.to_bytes()?;
        let archive = skerry_common::bundle::archive::Archive::read(bytes.as_slice())?;
        let agent = self.site(name)?.agent.as_ref().ok_or("the agent does not run")?;
        agent.targets.import(archive).await?;
        Ok(bytes.len())
    }

    /// Whether the hub has published for a cluster.
    pub(super) async fn is_published(&self, name: &str) -> Result<bool, DemoError> {
        Ok(self.hub()?.control.archive(&cluster_name(name)?).await.is_ok())
    }

    /// The hub's word on a cluster: sync and health.
    pub(super) async fn told(&self, name: &str) -> Result<Option<(Sync, Health)>, DemoError> {
        let store = &self.hub()?.store;
        let Some(record) = store.cluster_by_name(&cluster_name(name)?).await? else { return Ok(None) };
        Ok(store.state(&record.id).await?.map(|state| (state.sync, state.health)))
    }

    /// Every drift of a cluster that the hub knows, oldest first.
    pub(super) async fn drifts(&self, name: &str) -> Result<Vec<DriftRecord>, DemoError> {
        let store = &self.hub()?.store;
        let record = store.cluster_by_name(&cluster_name(name)?).await?.ok_or("the cluster is not registered")?;
        let query = DriftQuery {
            cluster: Some(record.id),
            application: None,
            which: DriftFilter::All,
            range: Range::After(skerry_hub::store::Position::default()),
            limit: DRIFTS_MAX,
        };
        Ok(store.drifts(&query).await?)
    }

    /// What stands in the way of publishing, as the hub tells it.
    pub(super) async fn problems(&self) -> Result<Vec<String>, DemoError> {
        use skerry_hub::store::SourceStore as _;
        let problems = self.hub()?.store.problems().await?;
        Ok(problems.into_iter().flat_map(|record| record.problems).map(|problem| problem.to_string()).collect())
    }

    /// One row per cluster, and a heading.
    pub(super) async fn summary(&self) -> Result<Vec<Vec<String>>, DemoError> {
        let heading = ["CLUSTER", "GROUP", "GENERATION", "SYNC", "HEALTH", "DRIFTS HEALED", "FED BY"];
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        for (name, site) in &self.sites {
            let snapshot = site.agent.as_ref().map(|agent| agent.snapshot.borrow().clone());
            let generation = snapshot.as_ref().and_then(|it| it.applied).map(|mark| mark.place.to_string());
            let section = snapshot.as_ref().and_then(|it| it.applications.first().cloned());
            let drifts = self.drifts(name).await?.len();
            rows.push(vec![
                (*name).to_owned(),
                site.environment.to_owned(),
                generation.unwrap_or_else(|| "-".into()),
                section.as_ref().map_or("-".into(), |it| it.sync.to_string()),
                section.as_ref().map_or("-".into(), |it| it.health.to_string()),
                drifts.to_string(),
                if site.options.online { "link" } else { "file" }.to_owned(),
            ]);
        }
        Ok(rows)
    }

    /// Leaves everything running until interrupted.
    pub(super) async fn keep(&self, teller: &mut Teller) -> Result<(), DemoError> {
        let hub = self.hub()?;
        let ca = self.folder.path().join("api-ca.pem");
        std::fs::write(&ca, &hub.api_ca)?;
        teller.say(&format!("API:    https://{}", hub.api_address));
        teller.say(&format!("Token:  {}", self.admin_token));
        teller.say(&format!("CA:     {}", ca.display()));
        teller.say(&format!(
            "Try:    skerry status --server https://{} --ca-file {} --token {}",
            hub.api_address,
            ca.display(),
            self.admin_token
        ));
        teller.say("Press Ctrl-C to end it.");
        Ok(tokio::signal::ctrl_c().await?)
    }

    /// Stops agents and hub.
    pub(super) async fn close(mut self) {
        for site in self.sites.values_mut() {
            if let Some(agent) = site.agent.take() {
                agent.stop().await;
            }
        }
        self.stop_hub().await;
    }

    /// Waits until a look shows what is awaited; gives how long it took.
    pub(super) async fn until<F>(&self, what: &str, mut look: impl FnMut() -> F) -> Result<Duration, DemoError>
    where
        F: Future<Output = Result<bool, DemoError>>,
    {
        let began = Instant::now();
        while began.elapsed() < CHAPTER_TIMEOUT {
            if look().await? {
                return Ok(began.elapsed());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        Err(format!("not seen within {} s: {what}", CHAPTER_TIMEOUT.as_secs()).into())
    }
}

impl Site {
    /// A person with kubectl.
    pub(super) fn person(&self) -> Person {
        self.cluster.as_person("kubectl-edit")
    }

    /// Addresses an object of the shop.
    pub(super) fn target(&self, kind: &str, name: &str) -> Result<Target, DemoError> {
        self.person().target(kind, Some("shop"), name).ok_or_else(|| format!("the cluster serves no `{kind}`").into())
    }

    /// Reads an object of the shop.
    pub(super) fn read(&self, kind: &str, name: &str) -> Option<Value> {
        self.person().read(&self.target(kind, name).ok()?)
    }

    /// How many replicas the shop has here; 0 when it is not there.
    pub(super) fn replicas(&self) -> u64 {
        let web = self.read("Deployment", "web");
        web.and_then(|web| web.pointer("/spec/replicas").and_then(Value::as_u64)).unwrap_or(0)
    }

    /// The newest bundle that was applied whole.
    pub(super) fn generation(&self) -> u64 {
        let applied = self.agent.as_ref().and_then(|agent| agent.snapshot.borrow().applied);
        applied.map_or(0, |mark| mark.place.generation.0)
    }
}
