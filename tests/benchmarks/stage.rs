//! A hub, a relay, and an agent on a real API server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skerry_agent::agent::{Agent, AgentOptions, identity_folder};
use skerry_agent::cluster::kube::{Access, KubeCluster};
use skerry_agent::identity::IdentityFolder;
use skerry_agent::join;
use skerry_certs::root_key::Passphrase;
use skerry_common::id::ClusterName;
use skerry_common::join::JoinToken;
use skerry_common::report::BundleMark;
use skerry_hub::api::HubControl as _;
use skerry_hub::config::{ApiConfig, FleetConfig, HubConfig, LinkConfig};
use skerry_hub::hub::{Hub, system_clock};
use skerry_hub::init::{InitOptions, init};
use skerry_hub_core::view::RegisterRequest;
use skerry_tests::audit::AuditLog;
use skerry_tests::controlplane::ControlPlane;
use skerry_tests::git::{BareRepository, WorkTree};
use skerry_tests::wait::eventually;

use crate::relay::Relay;
use crate::{DEADLINE, objects};

/// How long an agent idles before its memory is read.
const IDLE: Duration = Duration::from_secs(60);

const FLEET: &str = r#"
apiVersion: skerry.dev/v1alpha1
kind: Source
metadata: {name: shop}
spec:
  git: {url: "@URL@", ref: {branch: main}, interval: 600s}
---
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: web}
spec:
  sources: [{from: shop, path: apps}]
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: all}
spec:
  selector: {matchLabels: {env: bench}}
  applications: [web]
"#;

/// Everything.
pub(crate) struct Stage {
    pub(crate) relay: Relay,
    hub: Option<Hub>,
    agent: Option<Agent>,
    options: AgentOptions,
    kubeconfig: PathBuf,
    work: WorkTree,
    applied: Option<BundleMark>,
    quiet_since: std::sync::Mutex<(u64, Instant)>,
    _repository: BareRepository,
    _folder: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn build(plane: &ControlPlane, count: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = BareRepository::create("shop");
        let (url, work) = (repository.file_url(), repository.work_tree());
        work.write("fleet/fleet.yaml", FLEET.replace("@URL@", &url));
        work.write("apps/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
        for object in objects::all(count, "shop") {
            let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            work.write(&format!("apps/{kind}-{name}.json"), object.to_string());
        }
        work.commit_and_push("first");
        let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let relay = Relay::start(([127, 0, 0, 1], port).into()).await;
        let root = url.strip_prefix("file://").map(PathBuf::from).expect("a file URL");
        let options = InitOptions {
            folder: folder.path().join("hub"),
            fleet: None,
            advertise: vec![relay.address.to_string()],
            source: FleetConfig {
                url,
                branch: "main".into(),
                path: "fleet".into(),
                credentials: None,
                interval_seconds: 600,
            },
            link: LinkConfig { listen: ([127, 0, 0, 1], port).into() },
            api: ApiConfig { listen: ([127, 0, 0, 1], 0).into(), ..ApiConfig::default() },
            file_roots: vec![root.parent().expect("a parent").to_owned()],
        };
        std::fs::create_dir_all(&options.folder).expect("a folder");
        let passphrase = Passphrase::new("only for this bench".into()).expect("long enough");
        let made = init(&options, &passphrase, &system_clock()).await.expect("a fleet");
        let config = HubConfig::load(&made.config).expect("a configuration");
        let hub = Hub::start(&config, system_clock(), 5).await.expect("a hub");
        let request = RegisterRequest {
            name: ClusterName::parse("bench").expect("a name"),
            labels: [("env".to_owned(), "bench".to_owned())].into(),
            token_life_seconds: None,
        };
        let command = hub.control.register(request).await.expect("registers").command;
        let token = JoinToken::parse(command.rsplit(' ').next().expect("a token")).expect("a token");
        let state_folder = folder.path().join("agent");
        let identity = IdentityFolder::open(&identity_folder(&state_folder)).expect("a folder");
        join::join(&identity, &token, &system_clock(), &mut |_| ()).await.expect("joins");
        // The bundle is there before the agent is, so that only the agent is measured.
        let name = ClusterName::parse("bench").expect("a name");
        eventually(DEADLINE, "the bundle is published", || async {
            hub.control.archive(&name).await.map(drop).map_err(|error| error.to_string())
        })
        .await;
        let options =
            AgentOptions { state_folder, namespaces: Vec::new(), own_namespace: String::new(), online: true, seed: 13 };
        Self {
            relay,
            hub: Some(hub),
            agent: None,
            options,
            kubeconfig: plane.kubeconfig().to_owned(),
            work,
            applied: None,
            quiet_since: std::sync::Mutex::new((0, Instant::now())),
            _repository: repository,
            _folder: folder,
        }
    }

    async fn start_agent(&mut self) {
        let access = Access::Kubeconfig { path: self.kubeconfig.clone(), context: None };
        let cluster = KubeCluster::new(&access).await.expect("a client");
        self.agent = Some(Agent::start(&self.options, Arc::new(cluster), system_clock()).await.expect("starts"));
    }

    async fn stop_agent(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.stop().await;
        }
    }

    fn agent(&self) -> &Agent {
        self.agent.as_ref().expect("the agent runs")
    }

    /// From accept to the last answer.
    pub(crate) async fn first_sync(&mut self) -> Duration {
        self.start_agent().await;
        let mut target = self.agent().targets.subscribe();
        let accepted = target.wait_for(Option::is_some);
        tokio::time::timeout(DEADLINE, accepted).await.expect("accepts").expect("lives");
        let began = Instant::now();
        self.applied_anew().await;
        began.elapsed()
    }

    /// Waits until another bundle is applied whole.
    pub(crate) async fn applied_anew(&mut self) {
        let before = self.applied;
        let mut snapshot = self.agent().snapshot.clone();
        let applied = snapshot.wait_for(|snapshot| snapshot.applied.is_some() && snapshot.applied != before);
        let applied = tokio::time::timeout(DEADLINE, applied).await.expect("applies").expect("lives").applied;
        self.applied = applied;
    }

    pub(crate) async fn change_one_line(&self) {
        let object = objects::all(1, "shop")[0].to_string().replace("\"value\":\"1\"", "\"value\":\"2\"");
        self.work.write("apps/deployment-web-0.json", &object);
        self.work.commit_and_push("one line");
        let hub = self.hub.as_ref().expect("the hub runs");
        hub.poke.send(skerry_hub::api::Poke::default()).await.expect("the hub listens");
    }

    /// Whether nothing passed for a second.
    pub(crate) fn is_quiet(&self) -> Result<(), String> {
        let now = self.relay.to_agent();
        let mut since = self.quiet_since.lock().map_err(|error| error.to_string())?;
        if since.0 != now {
            *since = (now, Instant::now());
        }
        if since.1.elapsed() > Duration::from_secs(1) { Ok(()) } else { Err(format!("{now} bytes so far")) }
    }

    pub(crate) async fn stop_hub(&mut self) {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
        }
    }

    /// From the start of an agent to the first object healed, without a hub.
    pub(crate) async fn heal_offline(&mut self, plane: &ControlPlane) -> Duration {
        self.stop_agent().await;
        plane.kubectl(&["-n", "shop", "delete", "service", "web-7"]).await.expect("deletes");
        let quiet = AuditLog::open(plane.audit_log()).from_now_on().expect("an audit log");
        let began = Instant::now();
        self.start_agent().await;
        eventually(DEADLINE, "the service is back", || async {
            let writes = quiet.writes().map_err(|error| error.to_string())?.resource("services").named("web-7");
            if writes.count() > 0 { Ok(()) } else { Err("not yet".to_owned()) }
        })
        .await;
        began.elapsed()
    }

    /// How many writes an agent makes that starts and finds nothing changed.
    pub(crate) async fn quiet_restart(&mut self, plane: &ControlPlane) -> usize {
        self.stop_agent().await;
        let quiet = AuditLog::open(plane.audit_log()).from_now_on().expect("an audit log");
        self.start_agent().await;
        let mut snapshot = self.agent().snapshot.clone();
        let planned = snapshot.wait_for(|snapshot| snapshot.tally.keep > 0);
        tokio::time::timeout(DEADLINE, planned).await.expect("plans").expect("lives");
        quiet.writes().expect("reads").by_user("kubernetes-admin").count()
    }

    /// Resident memory of the real program, idle after its last pass.
    pub(crate) async fn resident(&mut self, _plane: &ControlPlane) -> Option<u64> {
        self.stop_agent().await;
        let program = std::env::current_exe().ok()?.with_file_name("skerry-agent");
        let mut child = tokio::process::Command::new(program)
            .args(["run", "--state-folder"])
            .arg(&self.options.state_folder)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .kill_on_drop(true)
            .stderr(std::process::Stdio::null())
            .spawn()
            .ok()?;
        let status = format!("/proc/{}/status", child.id()?);
        tokio::time::sleep(IDLE).await;
        let text = std::fs::read_to_string(status).ok()?;
        let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        child.kill().await.ok()?;
        Some(kilobytes * 1024)
    }

    pub(crate) async fn close(mut self) {
        self.stop_agent().await;
        self.stop_hub().await;
    }
}
