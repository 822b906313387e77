//! The main job on two real clusters: push, heal, offline, prune, broken commits – judged by the
//! API servers' audit logs.

use skerry_agent::cluster::kube::Access;
use skerry_hub::store::SourceStore as _;
use skerry_tests::audit::{AuditEvents, AuditLog};
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions};
use skerry_tests::stage::{DEADLINE, Site, Stage, ensure};
use skerry_tests::wait::eventually;

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

fn web(stage: &Stage, replicas: u32) {
    stage.work.write("apps/web.yaml", WEB.replace("@REPLICAS@", &replicas.to_string()));
}

async fn join(stage: &Stage, name: &str, plane: &ControlPlane) -> Site<Access> {
    let access = Access::Kubeconfig { path: plane.kubeconfig().to_owned(), context: None };
    let mut site = stage.joined_on(name, access).await;
    site.start().await;
    site
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
        ensure(found == wanted, &format!("it is `{found}`"))
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
    web(&stage, 2);
    stage.push("two replicas").await;
    let mut first = join(&stage, "one", &one).await;
    let mut second = join(&stage, "two", &two).await;
    for plane in [&one, &two] {
        shows(plane, &["deployment", "web"], "{.spec.replicas}", "2").await;
        shows(plane, &["deployment", "web"], "{.status.readyReplicas}", "2").await;
    }

    // A push reaches both.
    web(&stage, 3);
    stage.push("three replicas").await;
    for plane in [&one, &two] {
        shows(plane, &["deployment", "web"], "{.spec.replicas}", "3").await;
    }

    a_quiet_restart_writes_nothing(&one, &mut first).await;
    people_are_undone(&one).await;
    a_rollout_restart_restarts_once(&stage, &one, &first).await;
    without_the_hub(&mut stage, &two, &mut second).await;
    removal_prunes_exactly_that(&stage, &one).await;
    a_broken_commit_changes_nothing(&stage, &one).await;
    an_ignore_rule_keeps_the_live_value(&stage, &one).await;
    first.stop().await;
    second.stop().await;
}

async fn a_quiet_restart_writes_nothing(one: &ControlPlane, first: &mut Site<Access>) {
    // Nothing changed: nothing is written, also after a restart.
    shows(one, &["deployment", "web"], "{.status.readyReplicas}", "3").await;
    let quiet = AuditLog::open(one.audit_log()).from_now_on().expect("an audit log");
    first.stop().await;
    first.start().await;
    let mut snapshot = first.agent().snapshot.clone();
    let planned = snapshot.wait_for(|snapshot| snapshot.tally.keep > 0);
    tokio::time::timeout(DEADLINE, planned).await.expect("plans").expect("lives");
    let writes = quiet.writes().expect("reads").by_user("kubernetes-admin").without_resource("leases");
    assert_eq!(writes.count(), 0, "{}", writes.summary());
}

async fn people_are_undone(one: &ControlPlane) {
    // A person edits, a person deletes.
    one.kubectl(&["-n", "shop", "scale", "deployment/web", "--replicas=7"]).await.expect("scales");
    shows(one, &["deployment", "web"], "{.spec.replicas}", "3").await;
    one.kubectl(&["-n", "shop", "label", "configmap/one", "by=hand"]).await.expect("labels");
    shows(one, &["configmap", "one"], "{.metadata.labels.by}", "").await;
    one.kubectl(&["-n", "shop", "delete", "configmap", "one"]).await.expect("deletes");
    shows(one, &["configmap", "one"], "{.data.value}", "1").await;
}

/// What was written to a kind of object since the log was marked, by the person and the agent.
async fn writes_to(plane: &ControlPlane, log: &AuditLog, resource: &str) -> AuditEvents {
    // The log is written after the answer: what came before this is in it when this is.
    let fence = format!("fence-{}", log.events().expect("reads").count());
    plane.kubectl(&["-n", "default", "create", "configmap", &fence]).await.expect("makes");
    eventually(DEADLINE, "the log has come so far", || async {
        let seen = log.events().map_err(|error| error.to_string())?.named(&fence).count();
        ensure(seen > 0, &"not yet")
    })
    .await;
    log.writes().expect("reads").by_user("kubernetes-admin").succeeded().resource(resource)
}

async fn a_rollout_restart_restarts_once(stage: &Stage, one: &ControlPlane, first: &Site<Access>) {
    let sets = async || {
        let sets = one.kubectl_json(&["-n", "shop", "get", "replicasets", "-l", "app=web"]).await.expect("lists");
        sets["items"].as_array().map_or(0, Vec::len)
    };
    let (before, log) = (sets().await, AuditLog::open(one.audit_log()).from_now_on().expect("an audit log"));
    one.kubectl(&["-n", "shop", "rollout", "restart", "deployment/web"]).await.expect("restarts");
    shows(one, &["deployment", "web"], "{.status.updatedReplicas} {.status.replicas}", "3 3").await;
    stage.full_pass(first).await;
    let restarted = "{.spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt}";
    assert_ne!(field(one, &["deployment", "web"], restarted).await.expect("reads"), "", "it is left alone");
    let writes = writes_to(one, &log, "deployments").await;
    assert_eq!(writes.count(), 1, "the person's alone: {}", writes.summary());
    assert_eq!(sets().await, before + 1, "one restart makes one set of pods");
}

async fn without_the_hub(stage: &mut Stage, two: &ControlPlane, second: &mut Site<Access>) {
    // The hub is gone, the agent is gone, an object is deleted; the agent comes back alone.
    stage.stop_hub().await;
    two.kubectl(&["-n", "shop", "delete", "configmap", "two"]).await.expect("deletes");
    shows(two, &["configmap", "two"], "{.data.value}", "2").await;
    second.stop().await;
    two.kubectl(&["-n", "shop", "delete", "configmap", "one"]).await.expect("deletes");
    second.start().await;
    shows(two, &["configmap", "one"], "{.data.value}", "1").await;

    // The hub is back: both drifts are listed, none twice.
    stage.start_hub().await;
    eventually(DEADLINE, "both drifts are listed", || async {
        let drifts = stage.drifts(second).await;
        let gone = |name: &str| drifts.iter().any(|drift| drift.object.name == name && drift.closed.is_some());
        if gone("two") && gone("one") { Ok(()) } else { Err(format!("{} drifts", drifts.len())) }
    })
    .await;
    let drifts = stage.drifts(second).await;
    let keys: std::collections::BTreeSet<_> =
        drifts.iter().map(|drift| (&drift.uid, &drift.resource_version, &drift.path)).collect();
    assert_eq!(keys.len(), drifts.len(), "a drift is listed twice");
}

async fn removal_prunes_exactly_that(stage: &Stage, one: &ControlPlane) {
    // Removal from Git prunes exactly that object.
    let before = AuditLog::open(one.audit_log()).from_now_on().expect("an audit log");
    stage.work.remove("apps/two.yaml");
    stage.push("no two").await;
    eventually(DEADLINE, "two is pruned", || async {
        match field(one, &["configmap", "two", "--ignore-not-found"], "{.metadata.name}").await {
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
    let log = AuditLog::open(one.audit_log()).from_now_on().expect("an audit log");
    stage.work.write("apps/web.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web\n");
    stage.push("broken").await;
    eventually(DEADLINE, "the hub names the file", || async {
        let problems = stage.hub().store.problems().await.map_err(|error| error.to_string())?;
        let texts: Vec<_> = problems.iter().flat_map(|it| &it.problems).map(ToString::to_string).collect();
        if texts.iter().any(|text| text.contains("apps/web.yaml:")) { Ok(()) } else { Err(format!("{texts:?}")) }
    })
    .await;
    assert_eq!(field(one, &["deployment", "web"], "{.spec.replicas}").await.expect("reads"), "3");
    for resource in ["deployments", "namespaces"] {
        let writes = writes_to(one, &log, resource).await;
        assert_eq!(writes.count(), 0, "{}", writes.summary());
    }
}

async fn an_ignore_rule_keeps_the_live_value(stage: &Stage, one: &ControlPlane) {
    // An ignore rule added later changes no live value; after it, scaling is left alone.
    let generation = field(one, &["deployment", "web"], "{.metadata.generation}").await.expect("reads");
    web(stage, 3);
    stage.declare("false", "{ignore: [{kind: Deployment, fields: [/spec/replicas]}]}");
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
    let now = field(one, &["deployment", "web"], "{.metadata.generation}").await.expect("reads");
    assert_eq!(now, generation, "its spec was never another, not even for a moment");
    one.kubectl(&["-n", "shop", "scale", "deployment/web", "--replicas=5"]).await.expect("scales");
    shows(one, &["deployment", "web"], "{.status.readyReplicas}", "5").await;
    assert_eq!(field(one, &["deployment", "web"], "{.spec.replicas}").await.expect("reads"), "5");
}
