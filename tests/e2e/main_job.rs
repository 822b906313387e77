//! The main job on two real clusters: push, heal, offline, prune, broken commits – judged by the
//! API servers' audit logs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use skerry_agent::agent::{Agent, AgentOptions, identity_folder};
use skerry_agent::cluster::kube::{Access, KubeCluster};
use skerry_agent::identity::IdentityFolder;
use skerry_agent::join;
use skerry_certs::root_key::Passphrase;
use skerry_common::id::ClusterName;
use skerry_common::join::JoinToken;
use skerry_hub::api::HubControl as _;
use skerry_hub::config::{ApiConfig, FleetConfig, HubConfig, LinkConfig};
use skerry_hub::hub::{Hub, system_clock};
use skerry_hub::init::{InitOptions, init};
use skerry_hub::store::journal::{DriftFilter, DriftQuery, DriftRecord, Range};
use skerry_hub::store::{ClusterStore as _, JournalStore as _, Position, SourceStore as _};
use skerry_hub_core::view::RegisterRequest;
use skerry_tests::audit::AuditLog;
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions};
use skerry_tests::git::BareRepository;
use skerry_tests::wait::eventually;

/// Wide: effects take milliseconds, but machines may be busy.
const DEADLINE: Duration = Duration::from_secs(60);

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
  sync: @SYNC@
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: all}
spec:
  selector: {matchLabels: {env: test}}
  applications: [web]
"#;

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: @REPLICAS@
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "registry.example/web:1", resources: {requests: {cpu: "1000m"}}}]
"#;

struct Stage {
    folder: tempfile::TempDir,
    work: skerry_tests::git::WorkTree,
    /// Goes with its folder when it is dropped.
    _repository: BareRepository,
    url: String,
    config: HubConfig,
    hub: Option<Hub>,
}

impl Stage {
    async fn build() -> Self {
        skerry_certs::tls::install_provider();
        // Captured by the test runner, shown when the test fails.
        let _ = tracing_subscriber::fmt()
            .with_test_writer()
            .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
            .try_init();
        let folder = tempfile::tempdir().expect("a folder");
        let repository = BareRepository::create("shop");
        let url = repository.file_url();
        let work = repository.work_tree();
        let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let root = url.strip_prefix("file://").map(PathBuf::from).expect("a file URL");
        let options = InitOptions {
            folder: folder.path().join("hub"),
            fleet: None,
            advertise: vec![format!("127.0.0.1:{port}")],
            source: FleetConfig {
                url: url.clone(),
                branch: "main".into(),
                path: "fleet".into(),
                credentials: None,
                interval_seconds: 60,
            },
            link: LinkConfig { listen: ([127, 0, 0, 1], port).into() },
            api: ApiConfig { listen: ([127, 0, 0, 1], 0).into(), ..ApiConfig::default() },
            file_roots: vec![root.parent().expect("a parent").to_owned()],
        };
        std::fs::create_dir_all(&options.folder).expect("a folder");
        let passphrase = Passphrase::new("only for this test".into()).expect("long enough");
        let made = init(&options, &passphrase, &system_clock()).await.expect("a fleet");
        let config = HubConfig::load(&made.config).expect("a configuration");
        let mut stage = Self { folder, work, _repository: repository, url, config, hub: None };
        stage.write_all(2, "{}");
        stage.write("apps/extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {b: \"2\"}\n");
        stage.push("first").await;
        stage.start_hub().await;
        stage
    }

    fn write_all(&self, replicas: u32, sync: &str) {
        self.write("fleet/fleet.yaml", &FLEET.replace("@URL@", &self.url).replace("@SYNC@", sync));
        self.write("apps/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
        self.write("apps/web.yaml", &WEB.replace("@REPLICAS@", &replicas.to_string()));
        self.write(
            "apps/settings.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: \"1\"}\n",
        );
    }

    fn write(&self, name: &str, text: &str) {
        self.work.write(name, text);
    }

    async fn push(&self, message: &str) {
        self.work.commit_and_push(message);
        if let Some(hub) = &self.hub {
            hub.poke.send(skerry_hub::api::Poke::default()).await.expect("the hub listens");
        }
    }

    async fn start_hub(&mut self) {
        self.hub = Some(Hub::start(&self.config, system_clock(), 3).await.expect("the hub starts"));
    }

    fn hub(&self) -> &Hub {
        self.hub.as_ref().expect("the hub runs")
    }

    async fn join(&self, name: &str, plane: &ControlPlane) -> Site {
        let request = RegisterRequest {
            name: ClusterName::parse(name).expect("a name"),
            labels: [("env".to_owned(), "test".to_owned())].into(),
            token_life_seconds: None,
        };
        let command = self.hub().control.register(request).await.expect("registers").command;
        let token = JoinToken::parse(command.rsplit(' ').next().expect("a token")).expect("a token");
        let state_folder = self.folder.path().join(name);
        let identity = IdentityFolder::open(&identity_folder(&state_folder)).expect("a folder");
        join::join(&identity, &token, &system_clock(), &mut |_| ()).await.expect("joins");
        let options =
            AgentOptions { state_folder, namespaces: Vec::new(), own_namespace: String::new(), online: true, seed: 11 };
        let mut site = Site { options, kubeconfig: plane.kubeconfig().to_owned(), agent: None };
        site.start().await;
        site
    }

    async fn drifts(&self, name: &str) -> Vec<DriftRecord> {
        let name = ClusterName::parse(name).expect("a name");
        let record = self.hub().store.cluster_by_name(&name).await.expect("reads").expect("registered");
        let query = DriftQuery {
            cluster: Some(record.id),
            application: None,
            which: DriftFilter::All,
            range: Range::After(Position::default()),
            limit: 100,
        };
        self.hub().store.drifts(&query).await.expect("reads")
    }
}

struct Site {
    options: AgentOptions,
    kubeconfig: PathBuf,
    agent: Option<Agent>,
}

impl Site {
    async fn start(&mut self) {
        let access = Access::Kubeconfig { path: self.kubeconfig.clone(), context: None };
        let cluster = KubeCluster::new(&access).await.expect("a client");
        self.agent = Some(Agent::start(&self.options, Arc::new(cluster), system_clock()).await.expect("starts"));
    }

    async fn stop(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.stop().await;
        }
    }
}

async fn field(plane: &ControlPlane, what: &[&str], path: &str) -> Result<String, String> {
    let path = format!("jsonpath={path}");
    let mut arguments = vec!["-n", "shop", "get"];
    arguments.extend(what);
    arguments.extend(["-o", &path]);
    plane.kubectl(&arguments).await.map_err(|error| error.to_string())
}

async fn shows(plane: &ControlPlane, what: &[&str], path: &str, wanted: &str) {
    let label = format!("{what:?} {path} = {wanted}");
    eventually(DEADLINE, &label, || async {
        let found = field(plane, what, path).await?;
        if found == wanted { Ok(()) } else { Err(format!("it is `{found}`")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_reaches_real_clusters_and_everything_keeps_working_without_the_hub() {
    let (one, two) = tokio::join!(
        ControlPlane::start(ControlPlaneOptions::new("jobone")),
        ControlPlane::start(ControlPlaneOptions::new("jobtwo"))
    );
    let (one, two) = (one.expect("a cluster"), two.expect("a cluster"));
    let mut stage = Stage::build().await;
    let mut first = stage.join("one", &one).await;
    let mut second = stage.join("two", &two).await;
    for plane in [&one, &two] {
        shows(plane, &["deployment", "web"], "{.spec.replicas}", "2").await;
        shows(plane, &["deployment", "web"], "{.status.readyReplicas}", "2").await;
    }

    // A push reaches both.
    stage.write_all(3, "{}");
    stage.push("three replicas").await;
    for plane in [&one, &two] {
        shows(plane, &["deployment", "web"], "{.spec.replicas}", "3").await;
    }

    a_quiet_restart_writes_nothing(&one, &mut first).await;
    people_are_undone(&one).await;
    without_the_hub(&mut stage, &two, &mut second).await;
    removal_prunes_exactly_that(&stage, &one).await;
    a_broken_commit_changes_nothing(&stage, &one).await;
    an_ignore_rule_keeps_the_live_value(&stage, &one).await;
    first.stop().await;
    second.stop().await;
}

async fn a_quiet_restart_writes_nothing(one: &ControlPlane, first: &mut Site) {
    // Nothing changed: nothing is written, also after a restart.
    shows(one, &["deployment", "web"], "{.status.readyReplicas}", "3").await;
    let quiet = AuditLog::open(one.audit_log()).from_now_on().expect("an audit log");
    first.stop().await;
    first.start().await;
    let agent = first.agent.as_ref().expect("runs");
    let mut snapshot = agent.snapshot.clone();
    let planned = snapshot.wait_for(|snapshot| snapshot.tally.keep > 0);
    tokio::time::timeout(DEADLINE, planned).await.expect("plans").expect("lives");
    let writes = quiet.writes().expect("reads").by_user("kubernetes-admin");
    assert_eq!(writes.count(), 0, "{}", writes.summary());
}

async fn people_are_undone(one: &ControlPlane) {
    // A person edits, a person deletes.
    one.kubectl(&["-n", "shop", "scale", "deployment/web", "--replicas=7"]).await.expect("scales");
    shows(one, &["deployment", "web"], "{.spec.replicas}", "3").await;
    one.kubectl(&["-n", "shop", "label", "configmap/settings", "by=hand"]).await.expect("labels");
    shows(one, &["configmap", "settings"], "{.metadata.labels.by}", "").await;
    one.kubectl(&["-n", "shop", "delete", "configmap", "settings"]).await.expect("deletes");
    shows(one, &["configmap", "settings"], "{.data.a}", "1").await;

    // `kubectl rollout restart` restarts, and is left alone.
    one.kubectl(&["-n", "shop", "rollout", "restart", "deployment/web"]).await.expect("restarts");
    shows(one, &["deployment", "web"], "{.status.updatedReplicas}", "3").await;
    let restarted = "{.spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt}";
    assert_ne!(field(one, &["deployment", "web"], restarted).await.expect("reads"), "");
}

async fn without_the_hub(stage: &mut Stage, two: &ControlPlane, second: &mut Site) {
    // The hub is gone, the agent is gone, an object is deleted; the agent comes back alone.
    if let Some(hub) = stage.hub.take() {
        hub.stop().await;
    }
    two.kubectl(&["-n", "shop", "delete", "configmap", "extra"]).await.expect("deletes");
    shows(two, &["configmap", "extra"], "{.data.b}", "2").await;
    second.stop().await;
    two.kubectl(&["-n", "shop", "delete", "configmap", "settings"]).await.expect("deletes");
    second.start().await;
    shows(two, &["configmap", "settings"], "{.data.a}", "1").await;

    // The hub is back: both drifts are listed, none twice.
    stage.start_hub().await;
    eventually(DEADLINE, "both drifts are listed", || async {
        let drifts = stage.drifts("two").await;
        let gone = |name: &str| drifts.iter().any(|drift| drift.object.name == name && drift.closed.is_some());
        if gone("extra") && gone("settings") { Ok(()) } else { Err(format!("{} drifts", drifts.len())) }
    })
    .await;
    let drifts = stage.drifts("two").await;
    let keys: std::collections::BTreeSet<_> =
        drifts.iter().map(|drift| (&drift.uid, &drift.resource_version, &drift.path)).collect();
    assert_eq!(keys.len(), drifts.len(), "a drift is listed twice");
}

async fn removal_prunes_exactly_that(stage: &Stage, one: &ControlPlane) {
    // Removal from Git prunes exactly that object.
    let before = AuditLog::open(one.audit_log()).from_now_on().expect("an audit log");
    stage.work.remove("apps/extra.yaml");
    stage.push("no extra").await;
    eventually(DEADLINE, "extra is pruned", || async {
        match field(one, &["configmap", "extra", "--ignore-not-found"], "{.metadata.name}").await {
            Ok(name) if name.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let deletes = eventually(DEADLINE, "the delete is in the audit log", || async {
        let deletes = before.writes().map_err(|error| error.to_string())?.by_user("kubernetes-admin").verb("delete");
        if deletes.count() > 0 { Ok(deletes) } else { Err("nothing yet".to_owned()) }
    })
    .await;
    assert_eq!(deletes.count(), 1, "{}", deletes.summary());
}

async fn a_broken_commit_changes_nothing(stage: &Stage, one: &ControlPlane) {
    // A broken commit leaves the last good state and shows file and line.
    stage.write("apps/web.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web\n");
    stage.push("broken").await;
    eventually(DEADLINE, "the hub names the file", || async {
        let problems = stage.hub().store.problems().await.map_err(|error| error.to_string())?;
        let texts: Vec<_> = problems.iter().flat_map(|it| &it.problems).map(ToString::to_string).collect();
        if texts.iter().any(|text| text.contains("apps/web.yaml:")) { Ok(()) } else { Err(format!("{texts:?}")) }
    })
    .await;
    assert_eq!(field(one, &["deployment", "web"], "{.spec.replicas}").await.expect("reads"), "3");
}

async fn an_ignore_rule_keeps_the_live_value(stage: &Stage, one: &ControlPlane) {
    // An ignore rule added later changes no live value; after it, scaling is left alone.
    stage.write_all(3, "{ignore: [{kind: Deployment, fields: [/spec/replicas]}]}");
    stage.push("replicas belong to others").await;
    eventually(DEADLINE, "the ignored field has a new owner", || async {
        let object = one.kubectl_json(&["-n", "shop", "get", "deployment", "web", "--show-managed-fields"]).await;
        let object = object.map_err(|error| error.to_string())?;
        let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        if entries.iter().any(|entry| entry["manager"] == "skerry-initial") {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    })
    .await;
    assert_eq!(field(one, &["deployment", "web"], "{.spec.replicas}").await.expect("reads"), "3");
    one.kubectl(&["-n", "shop", "scale", "deployment/web", "--replicas=5"]).await.expect("scales");
    shows(one, &["deployment", "web"], "{.status.readyReplicas}", "5").await;
    assert_eq!(field(one, &["deployment", "web"], "{.spec.replicas}").await.expect("reads"), "5");
}
