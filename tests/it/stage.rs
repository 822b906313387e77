//! What the behaviours play on: a Git repository, a hub on its own folder, and clusters with agents.
//!
//! Everything that is awaited is awaited on state, with a deadline; a commit is *taken up* when the
//! agent's bundle names it, and *applied* when the agent says so.

mod apart;
mod log;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use skerry_agent::agent::{Agent, AgentOptions, identity_folder};
use skerry_agent::cluster::Target;
use skerry_agent::cluster::memory::{MemoryCluster, Person, Verb};
use skerry_agent::identity::IdentityFolder;
use skerry_agent::join;
use skerry_certs::root_key::Passphrase;
use skerry_common::bundle::archive::Archive;
use skerry_common::id::ClusterName;
use skerry_common::join::JoinToken;
use skerry_common::journal::Event;
use skerry_hub::api::HubControl as _;
use skerry_hub::config::{ApiConfig, FleetConfig, HubConfig, LinkConfig};
use skerry_hub::hub::{Hub, system_clock};
use skerry_hub::init::{InitOptions, init};
use skerry_hub::store::bundles::{BundleStore as _, StoredRoot};
use skerry_hub::store::clusters::ClusterRecord;
use skerry_hub::store::journal::{DriftFilter, DriftQuery, DriftRecord, EventQuery, EventRecord, Range, What};
use skerry_hub::store::{ClusterStore as _, JournalStore as _, Position, SourceStore as _};
use skerry_hub_core::view::RegisterRequest;
use skerry_tests::git::{BareRepository, WorkTree};
use skerry_tests::wait::eventually;

/// Wide: effects take milliseconds, but machines may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How long something is watched that must not happen: many times what it takes when it does.
pub(crate) const WATCHED: Duration = Duration::from_millis(500);

/// Events and drifts that are listed at most.
const LISTED_MAX: usize = 1_000;

const FLEET: &str = r#"
apiVersion: skerry.dev/v1alpha1
kind: Source
metadata: {name: shop}
spec:
  git: {url: "@URL@", ref: {branch: main}, interval: 60s}
---
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: web}
spec:
  sources: [{from: shop, path: apps}]
  namespace: shop
  suspend: @SUSPEND@
  sync: @SYNC@
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: all}
spec:
  selector: {matchLabels: {env: test}}
  applications: [web]
"#;

pub(crate) use log::logged;

/// What the root key is encrypted to.
pub(crate) const PASSPHRASE: &str = "only for this test";

/// Everything but the clusters.
pub(crate) struct Stage {
    pub(crate) repository: BareRepository,
    pub(crate) work: WorkTree,
    pub(crate) folder: tempfile::TempDir,
    config: HubConfig,
    hub: Option<Hub>,
    starts: u64,
}

/// One cluster with its agent.
pub(crate) struct Site {
    pub(crate) name: ClusterName,
    pub(crate) cluster: MemoryCluster,
    pub(crate) options: AgentOptions,
    agent: Option<Agent>,
    apart: Option<apart::Apart>,
}

/// A UDP port that nobody has now.
pub(crate) fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port()
}

fn parse(name: &str) -> ClusterName {
    ClusterName::parse(name).expect("a name")
}

impl Stage {
    /// A repository whose application has a namespace and two settings, and a hub that reads it.
    pub(crate) async fn build() -> Self {
        log::prepare();
        let folder = tempfile::tempdir().expect("a folder");
        let repository = BareRepository::create("shop");
        let work = repository.work_tree();
        let port = free_port();
        let options = InitOptions {
            folder: folder.path().join("hub"),
            fleet: None,
            advertise: vec![format!("127.0.0.1:{port}")],
            source: FleetConfig {
                url: repository.file_url(),
                branch: "main".into(),
                path: "fleet".into(),
                credentials: None,
                interval_seconds: 60,
            },
            link: LinkConfig { listen: ([127, 0, 0, 1], port).into() },
            api: ApiConfig { listen: ([127, 0, 0, 1], 0).into(), ..ApiConfig::default() },
            file_roots: vec![repository.root().to_owned()],
        };
        std::fs::create_dir_all(&options.folder).expect("a folder");
        let passphrase = Passphrase::new(PASSPHRASE.into()).expect("long enough");
        let made = init(&options, &passphrase, &system_clock()).await.expect("a fleet");
        let config = HubConfig::load(&made.config).expect("a configuration");
        let mut stage = Self { repository, work, folder, config, hub: None, starts: 0 };
        stage.declare("false", "{}");
        stage.work.write("apps/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
        stage.settings("one", "1");
        stage.settings("two", "2");
        stage.push("first").await;
        stage.start_hub().await;
        stage
    }

    /// Writes the fleet's documents.
    pub(crate) fn declare(&self, suspend: &str, sync: &str) {
        let text = FLEET.replace("@URL@", &self.repository.file_url());
        self.work.write("fleet/fleet.yaml", text.replace("@SUSPEND@", suspend).replace("@SYNC@", sync));
    }

    /// Writes a ConfigMap with one value.
    pub(crate) fn settings(&self, name: &str, value: &str) {
        let text =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: \"{value}\"}}\n");
        self.work.write(&format!("apps/{name}.yaml"), text);
    }

    /// Writes a Deployment of two.
    pub(crate) fn deployment(&self, name: &str) {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 2\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
             spec:\n      containers: [{{name: web, image: \"registry.example/web:1\"}}]\n"
        );
        self.work.write(&format!("apps/{name}.yaml"), text);
    }

    /// Commits and pushes everything; the hub hears of it as by a webhook. Gives the commit.
    pub(crate) async fn push(&self, message: &str) -> String {
        let commit = self.work.commit_and_push(message);
        if let Some(hub) = &self.hub {
            hub.poke.send(skerry_hub::api::Poke::default()).await.expect("the hub listens");
        }
        commit
    }

    /// Pushes, and waits until a cluster says that it has applied the commit.
    pub(crate) async fn push_to(&self, site: &Site, message: &str) {
        let commit = self.push(message).await;
        site.applies(&commit).await;
    }

    /// Starts the hub on what its last life left.
    pub(crate) async fn start_hub(&mut self) {
        self.starts += 1;
        self.hub = Some(Hub::start(&self.config, system_clock(), self.starts).await.expect("the hub starts"));
    }

    /// Stops the hub.
    pub(crate) async fn stop_hub(&mut self) {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
        }
    }

    /// Where the hub's link listens when it starts the next time.
    pub(crate) fn move_hub(&mut self, port: u16) {
        self.config.link.listen.set_port(port);
    }

    /// The running hub.
    pub(crate) fn hub(&self) -> &Hub {
        self.hub.as_ref().expect("the hub runs")
    }

    /// The hub's folder.
    pub(crate) fn hub_folder(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    /// Where the agent of a cluster keeps everything.
    pub(crate) fn state_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join("agents").join(name)
    }

    /// Registers a cluster; gives the token.
    pub(crate) async fn register(&self, name: &str) -> JoinToken {
        let labels = [("env".to_owned(), "test".to_owned())].into();
        let request = RegisterRequest { name: parse(name), labels, token_life_seconds: None };
        let command = self.hub().control.register(request).await.expect("registers").command;
        JoinToken::parse(command.rsplit(' ').next().expect("a token")).expect("a token")
    }

    /// A cluster whose agent joined and runs.
    pub(crate) async fn join(&self, name: &str) -> Site {
        let mut site = self.joined(name).await;
        site.start().await;
        site
    }

    /// A cluster whose agent joined and does not run yet.
    pub(crate) async fn joined(&self, name: &str) -> Site {
        let token = self.register(name).await;
        let state_folder = self.state_folder(name);
        enrol(&state_folder, &token).await.expect("joins");
        Site::new(name, state_folder)
    }

    /// A cluster, running and in step with what was pushed last.
    pub(crate) async fn settled(&self, name: &str) -> Site {
        let site = self.join(name).await;
        site.applies(&self.work.head()).await;
        site
    }

    /// Asks for a full pass and waits until it was planned, which is later than all that came before.
    pub(crate) async fn planned_again(&self, site: &Site) {
        let before = site.generation();
        self.hub().control.sync(&site.name).await.expect("asks");
        site.until("a full pass", |site| ensure(site.generation() > before, &site.generation())).await;
    }

    /// The same, of a cluster on which everything can be applied.
    pub(crate) async fn full_pass(&self, site: &Site) {
        self.planned_again(site).await;
        site.until("the full pass is applied", Site::is_applied).await;
    }

    /// Waits until the hub has read the newest commit.
    pub(crate) async fn sees_head(&self) {
        let head = self.work.head();
        eventually(DEADLINE, "the hub reads the newest commit", || async {
            let sources = self.hub().store.sources().await.map_err(|error| error.to_string())?;
            let commits: Vec<String> =
                sources.iter().filter_map(|source| source.commit.as_ref().map(ToString::to_string)).collect();
            ensure(commits.iter().all(|commit| *commit == head) && !commits.is_empty(), &commits.join(" "))
        })
        .await;
    }

    /// What the hub knows of a cluster.
    pub(crate) async fn record(&self, site: &Site) -> ClusterRecord {
        self.hub().store.cluster_by_name(&site.name).await.expect("reads").expect("is registered")
    }

    /// Events of a cluster, oldest first.
    pub(crate) async fn events(&self, site: &Site) -> Vec<EventRecord> {
        let cluster = Some(self.record(site).await.id);
        let query = EventQuery { cluster, range: Range::After(Position::default()), limit: LISTED_MAX };
        self.hub().store.events(&query).await.expect("reads")
    }

    /// What the agent of a cluster journalled, as far as the hub knows, oldest first.
    pub(crate) async fn journal(&self, site: &Site) -> Vec<Event> {
        let told = self.events(site).await.into_iter().filter_map(|record| match record.what {
            What::Agent { event, .. } => Some(event),
            What::Hub(_) => None,
        });
        told.collect()
    }

    /// Waits until the hub knows of an event that fits; gives all that fit.
    pub(crate) async fn hears(&self, site: &Site, what: &str, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        eventually(DEADLINE, what, || async {
            let journal = self.journal(site).await;
            let found: Vec<Event> = journal.iter().filter(|event| fits(event)).cloned().collect();
            if found.is_empty() { Err(format!("{journal:#?}")) } else { Ok(found) }
        })
        .await
    }

    /// Drifts of a cluster that the hub knows.
    pub(crate) async fn drifts(&self, site: &Site) -> Vec<DriftRecord> {
        let cluster = Some(self.record(site).await.id);
        let range = Range::After(Position::default());
        let query = DriftQuery { cluster, application: None, which: DriftFilter::All, range, limit: LISTED_MAX };
        self.hub().store.drifts(&query).await.expect("reads")
    }

    /// The newest signed root of a cluster, as soon as there is one.
    pub(crate) async fn newest(&self, site: &Site) -> StoredRoot {
        let cluster = self.record(site).await.id;
        eventually(DEADLINE, "something is published", || async {
            let newest = self.hub().store.newest(&cluster).await.map_err(|error| error.to_string())?;
            newest.ok_or_else(|| "nothing yet".to_owned())
        })
        .await
    }

    /// The newest bundle of a cluster as a file.
    pub(crate) async fn archive(&self, site: &Site) -> Archive {
        let bytes = self.hub().control.archive(&site.name).await.expect("exports").to_bytes().expect("packs");
        Archive::read(bytes.as_slice()).expect("reads")
    }
}

/// Joins with a token.
pub(crate) async fn enrol(state_folder: &Path, token: &JoinToken) -> Result<(), join::JoinError> {
    let identity = IdentityFolder::open(&identity_folder(state_folder)).expect("a folder");
    join::join(&identity, token, &system_clock(), &mut |_| ()).await.map(|_| ())
}

/// A condition as a probe's answer; what was seen instead is shown when it never holds.
pub(crate) fn ensure(holds: bool, seen: &impl Display) -> Result<(), String> {
    if holds { Ok(()) } else { Err(seen.to_string()) }
}

impl Site {
    /// A cluster that nobody has touched.
    pub(crate) fn new(name: &str, state_folder: PathBuf) -> Self {
        let seed = name.bytes().fold(7, |seed: u64, byte| skerry_common::backoff::splitmix(seed ^ u64::from(byte)));
        let options =
            AgentOptions { state_folder, namespaces: Vec::new(), own_namespace: String::new(), online: true, seed };
        let cluster = MemoryCluster::new(seed, Arc::new(time::OffsetDateTime::now_utc));
        Self { name: parse(name), cluster, options, agent: None, apart: None }
    }

    /// Starts the agent on what its last life left.
    pub(crate) async fn start(&mut self) {
        let agent = Agent::start(&self.options, Arc::new(self.cluster.clone()), system_clock()).await;
        self.agent = Some(agent.expect("the agent starts"));
    }

    /// Stops the agent.
    pub(crate) async fn stop(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.stop().await;
        }
    }

    /// The running agent.
    pub(crate) fn agent(&self) -> &Agent {
        self.agent.as_ref().expect("the agent runs")
    }

    /// The generation that the last plan was made for; 0 when there is none.
    pub(crate) fn generation(&self) -> u64 {
        self.agent().snapshot.borrow().current.map_or(0, |mark| mark.place.generation.0)
    }

    /// How often kinds were listed.
    pub(crate) fn lists(&self) -> u64 {
        self.cluster.requests().get(&Verb::List).copied().unwrap_or_default()
    }

    /// Whether the bundle in force is applied whole.
    pub(crate) fn is_applied(&self) -> Result<(), String> {
        let snapshot = self.agent().snapshot.borrow().clone();
        let target = self.agent().targets.current().map(|bundle| bundle.mark());
        ensure(target.is_some() && snapshot.applied == target, &format!("{snapshot:#?}"))
    }

    /// Waits until the agent's bundle was made from a commit, and the agent has planned for it.
    pub(crate) async fn takes_up(&self, commit: &str) {
        self.until(&format!("commit {commit} arrives"), |site| {
            let bundle = site.agent().targets.current().ok_or("no bundle yet")?;
            let commits: Vec<String> =
                bundle.root().root().sources.iter().map(|source| source.commit.to_string()).collect();
            ensure(commits.iter().all(|it| it == commit) && !commits.is_empty(), &commits.join(" "))?;
            let planned = site.agent().snapshot.borrow().current;
            ensure(planned == Some(bundle.mark()), &format!("{planned:?}"))
        })
        .await;
    }

    /// Waits until a commit is applied whole.
    pub(crate) async fn applies(&self, commit: &str) {
        self.takes_up(commit).await;
        self.until(&format!("commit {commit} is applied"), Self::is_applied).await;
    }

    /// Waits until a look at the site satisfies.
    pub(crate) async fn until(&self, what: &str, look: impl Fn(&Self) -> Result<(), String>) {
        eventually(DEADLINE, what, || std::future::ready(look(self))).await;
    }

    /// A person with kubectl.
    pub(crate) fn person(&self) -> Person {
        self.cluster.as_person("kubectl-edit")
    }

    /// The address of an object in the namespace `shop`.
    pub(crate) fn target(&self, kind: &str, name: &str) -> Target {
        self.person().target(kind, Some("shop"), name).expect("a kind that is served")
    }

    /// An object in the namespace `shop`.
    pub(crate) fn read(&self, kind: &str, name: &str) -> Option<Value> {
        self.person().read(&self.target(kind, name))
    }

    /// A value of an object in the namespace `shop`; null when there is none.
    pub(crate) fn field(&self, kind: &str, name: &str, pointer: &str) -> Value {
        self.read(kind, name).and_then(|object| object.pointer(pointer).cloned()).unwrap_or_default()
    }

    /// Waits until a value of an object in the namespace `shop` is this one; null when there is none.
    pub(crate) async fn shows(&self, kind: &str, name: &str, pointer: &str, wanted: impl Into<Value>) {
        let wanted = wanted.into();
        let what = format!("{kind} {name} {pointer} = {wanted}");
        self.until(&what, |site| {
            let found = site.field(kind, name, pointer);
            ensure(found == wanted, &found)
        })
        .await;
    }
}
