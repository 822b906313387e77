//! What the behaviours play on: a Git repository, a hub on its own folder, and clusters with agents.
//!
//! A cluster is an in-memory one or a real API server ([`Ground`]); all else is real: Git, SQLite, QUIC on loopback.
//! Everything that is awaited is awaited on state, with a deadline; a commit is *taken up* when the agent's bundle
//! names it, and *applied* when the agent says so.

mod apart;
mod log;
mod look;
mod site;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use skerry_agent::agent::identity_folder;
use skerry_agent::identity::IdentityFolder;
use skerry_agent::join;
use skerry_certs::root_key::Passphrase;
use skerry_common::join::JoinToken;
use skerry_hub::api::HubControl as _;
use skerry_hub::config::{ApiConfig, ContactConfig, FleetConfig, HubConfig, LinkConfig};
use skerry_hub::hub::{Hub, system_clock};
use skerry_hub::init::{InitOptions, init};
use skerry_hub_core::view::RegisterRequest;

use crate::git::{BareRepository, WorkTree};
use crate::programs::{Operator, Process, agent, program};

pub use log::logged;
pub use site::{Ground, Site, Starting};

/// Wide: effects take milliseconds, but machines may be busy.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How long something is watched that must not happen: many times what it takes when it does.
pub const WATCHED: Duration = Duration::from_millis(500);

/// What the root key is encrypted to.
pub const PASSPHRASE: &str = "only for this test";

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

/// Everything but the clusters.
pub struct Stage {
    /// The server's side of the one repository: fleet documents and manifests.
    pub repository: BareRepository,
    /// The person who pushes to it.
    pub work: WorkTree,
    /// Goes with everything in it when it is dropped.
    pub folder: tempfile::TempDir,
    /// The first admin's token for the hub's API.
    pub admin_token: String,
    hub_folder: PathBuf,
    config: HubConfig,
    hub: Option<Hub>,
    starts: u64,
}

impl Stage {
    /// A repository whose application has a namespace and two settings, and a hub that reads it.
    pub async fn build() -> Self {
        log::prepare();
        let link = free_address();
        let mut stage = Self::bare(link, link).await;
        stage.declare("false", "{}");
        stage.namespace("shop");
        stage.settings("one", "1");
        stage.settings("two", "2");
        stage.push("first").await;
        stage.start_hub().await;
        stage
    }

    /// An empty repository, and a hub that does not run yet: it listens for agents at `link`, and they dial
    /// `advertised`.
    pub async fn bare(link: SocketAddr, advertised: SocketAddr) -> Self {
        skerry_certs::tls::install_provider();
        let folder = tempfile::tempdir().expect("a folder");
        let repository = BareRepository::create("shop");
        let work = repository.work_tree();
        let options = InitOptions {
            folder: folder.path().join("hub"),
            fleet: None,
            advertise: vec![advertised.to_string()],
            source: FleetConfig {
                url: repository.file_url(),
                branch: "main".into(),
                path: "fleet".into(),
                credentials: None,
                interval_seconds: 60,
            },
            link: LinkConfig { listen: link },
            api: ApiConfig { listen: ([127, 0, 0, 1], 0).into(), ..ApiConfig::default() },
            file_roots: vec![repository.root().to_owned()],
        };
        std::fs::create_dir_all(&options.folder).expect("a folder");
        let passphrase = Passphrase::new(PASSPHRASE.into()).expect("long enough");
        let made = init(&options, &passphrase, &system_clock()).await.expect("a fleet");
        let config = HubConfig::load(&made.config).expect("a configuration");
        let (admin_token, hub_folder) = (made.admin_token, options.folder);
        Self { repository, work, folder, admin_token, hub_folder, config, hub: None, starts: 0 }
    }

    /// Writes the fleet's documents.
    pub fn declare(&self, suspend: &str, sync: &str) {
        let text = FLEET.replace("@URL@", &self.repository.file_url());
        self.work.write("fleet/fleet.yaml", text.replace("@SUSPEND@", suspend).replace("@SYNC@", sync));
    }

    /// Writes a Namespace.
    pub fn namespace(&self, name: &str) {
        let text = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
        self.work.write("apps/namespace.yaml", text);
    }

    /// Writes a ConfigMap with one value.
    pub fn settings(&self, name: &str, value: &str) {
        let text =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: \"{value}\"}}\n");
        self.work.write(&format!("apps/{name}.yaml"), text);
    }

    /// Writes a Deployment of two.
    pub fn deployment(&self, name: &str) {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 2\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
             spec:\n      containers: [{{name: web, image: \"registry.example/web:1\"}}]\n"
        );
        self.work.write(&format!("apps/{name}.yaml"), text);
    }

    /// Commits and pushes everything; the hub hears of it as by a webhook. Gives the commit.
    pub async fn push(&self, message: &str) -> String {
        let commit = self.work.commit_and_push(message);
        if let Some(hub) = &self.hub {
            hub.poke.send(skerry_hub::api::Poke::default()).await.expect("the hub listens");
        }
        commit
    }

    /// Pushes, and waits until a cluster says that it has applied the commit.
    pub async fn push_to(&self, site: &Site<impl Ground>, message: &str) {
        let commit = self.push(message).await;
        site.applies(&commit).await;
    }

    /// Starts the hub on what its last life left.
    pub async fn start_hub(&mut self) {
        self.starts += 1;
        self.hub = Some(Hub::start(&self.config, system_clock(), self.starts).await.expect("the hub starts"));
    }

    /// Runs the hub as a process of its own, on what its last life left.
    pub fn serve(&self, api: SocketAddr) -> Process {
        let folder = self.hub_folder();
        let mut command = Command::new(program("skerry-hub"));
        command.arg("serve").arg("--config").arg(folder.join("hub.toml")).args(["--api-listen", &api.to_string()]);
        Process::start(&mut command, &self.folder.path().join("hub.log"))
    }

    /// Runs the agent of a cluster as a process of its own; how it reaches Kubernetes is in `arguments`.
    pub fn run_agent(&self, name: &str, arguments: &[String]) -> Process {
        let mut command = agent(&self.state_folder(name), &["run", "--admin", "127.0.0.1:0"]);
        Process::start(command.args(arguments), &self.folder.path().join(format!("{name}.log")))
    }

    /// An operator of the hub whose API listens at `api`.
    pub fn operator(&self, api: SocketAddr) -> Operator {
        Operator::new(&self.hub_folder(), api, &self.admin_token)
    }

    /// An operator of the hub that runs in this process.
    pub fn admin(&self) -> Operator {
        self.operator(self.hub().api_address)
    }

    /// Stops the hub.
    pub async fn stop_hub(&mut self) {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
        }
    }

    /// Changes the hub's settings; they count when it starts the next time.
    pub fn configure(&mut self, change: impl FnOnce(&mut HubConfig)) {
        change(&mut self.config);
    }

    /// Where the hub's link listens when it starts the next time.
    pub fn move_hub(&mut self, link: SocketAddr) {
        self.config.link.listen = link;
    }

    /// After how many seconds of silence a cluster is late and offline when the hub starts the next time.
    pub fn judge_silence(&mut self, late_seconds: u64, offline_seconds: u64) {
        self.config.contact = ContactConfig { late_seconds, offline_seconds };
    }

    /// The running hub.
    pub fn hub(&self) -> &Hub {
        self.hub.as_ref().expect("the hub runs")
    }

    /// The hub's folder.
    pub fn hub_folder(&self) -> PathBuf {
        self.hub_folder.clone()
    }

    /// Lets the hub work in another folder when it starts the next time.
    pub fn move_hub_to(&mut self, folder: PathBuf) {
        self.config = HubConfig::load(&folder.join("hub.toml")).expect("a configuration");
        self.hub_folder = folder;
    }

    /// Where the agent of a cluster keeps everything.
    pub fn state_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join("agents").join(name)
    }

    /// Registers a cluster; gives the token.
    pub async fn register(&self, name: &str) -> JoinToken {
        let labels = [("env".to_owned(), "test".to_owned())].into();
        let request = RegisterRequest { name: site::parse(name), labels, token_life_seconds: None };
        let command = self.hub().control.register(request).await.expect("registers").command;
        JoinToken::parse(command.rsplit(' ').next().expect("a token")).expect("a token")
    }

    /// An in-memory cluster whose agent joined and runs.
    pub async fn join(&self, name: &str) -> Site {
        let mut site = self.joined(name).await;
        site.start().await;
        site
    }

    /// An in-memory cluster whose agent joined and does not run yet.
    pub async fn joined(&self, name: &str) -> Site {
        self.joined_on(name, site::memory(name)).await
    }

    /// A cluster whose agent joined and does not run yet.
    pub async fn joined_on<G: Ground>(&self, name: &str, cluster: G) -> Site<G> {
        let token = self.register(name).await;
        let state_folder = self.state_folder(name);
        enrol(&state_folder, &token).await.expect("joins");
        Site::on(name, state_folder, cluster)
    }

    /// An in-memory cluster, running and in step with what was pushed last.
    pub async fn settled(&self, name: &str) -> Site {
        let site = self.join(name).await;
        site.applies(&self.work.head()).await;
        site
    }

    /// Asks for a full pass and waits until it was planned, which is later than all that came before.
    pub async fn planned_again(&self, site: &Site<impl Ground>) {
        let before = site.generation();
        self.hub().control.sync(&site.name).await.expect("asks");
        site.until("a full pass", |site| ensure(site.generation() > before, &site.generation())).await;
    }

    /// The same, of a cluster on which everything can be applied.
    pub async fn full_pass(&self, site: &Site<impl Ground>) {
        self.planned_again(site).await;
        site.until("the full pass is applied", Site::is_applied).await;
    }
}

/// A UDP address on loopback that nobody has.
pub fn free_address() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port")
}

/// Joins with a token.
pub async fn enrol(state_folder: &Path, token: &JoinToken) -> Result<(), join::JoinError> {
    let identity = IdentityFolder::open(&identity_folder(state_folder)).expect("a folder");
    join::join(&identity, token, &system_clock(), &mut |_| ()).await.map(|_| ())
}

/// A condition as a probe's answer; what was seen instead is shown when it never holds.
pub fn ensure(holds: bool, seen: &impl Display) -> Result<(), String> {
    if holds { Ok(()) } else { Err(seen.to_string()) }
}
