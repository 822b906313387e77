//! The main job with the rights that `deploy/` gives, and no more: applied, healed, pruned, and its own rights left
//! alone whatever Git says.

use serde_json::Value;
use skerry_agent::cluster::kube::Access;
use skerry_tests::audit::AuditLog;
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions};
use skerry_tests::stage::{DEADLINE, Site, Stage, ensure};
use skerry_tests::wait::eventually;

use crate::deploy::install;

const NAMESPACE: &str = "skerry-system";
const ACCOUNT: &str = "skerry-agent";

const ALL_RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: skerry-agent}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
"#;

/// An agent as the account that the manifests made.
async fn joined(stage: &Stage, plane: &ControlPlane) -> Site<Access> {
    let folder = plane.account_mount(NAMESPACE, ACCOUNT).await.expect("a mounted token");
    let access = Access::ServiceAccount { server: plane.server_url().to_owned(), folder };
    let mut site = stage.joined_on("one", access).await;
    site.options.own_namespace = NAMESPACE.to_owned();
    site
}

async fn setting(plane: &ControlPlane, name: &str) -> Result<Value, String> {
    let arguments = ["-n", "shop", "get", "configmap", name, "--ignore-not-found", "-o", "jsonpath={.data.value}"];
    plane.kubectl(&arguments).await.map(Value::from).map_err(|error| error.to_string())
}

async fn shows(plane: &ControlPlane, name: &str, wanted: &str) {
    eventually(DEADLINE, &format!("{name} is `{wanted}`"), || async {
        let found = setting(plane, name).await?;
        ensure(found == wanted, &found)
    })
    .await;
}

/// Applied, healed when edited and when deleted, pruned; and every write was allowed.
async fn does_the_main_job(stage: &Stage, site: &Site<Access>, plane: &ControlPlane) {
    let audit = AuditLog::open(plane.audit_log());
    site.applies(&stage.work.head()).await;
    shows(plane, "one", "1").await;
    plane.kubectl(&["-n", "shop", "delete", "configmap", "one"]).await.expect("deletes");
    shows(plane, "one", "1").await;
    let edit = ["-n", "shop", "patch", "configmap", "two", "--type=merge", "-p", r#"{"data":{"value":"by hand"}}"#];
    plane.kubectl(&edit).await.expect("edits");
    shows(plane, "two", "2").await;
    stage.work.remove("apps/two.yaml");
    stage.push_to(site, "two leaves").await;
    shows(plane, "two", "").await;
    let writes = audit.writes().expect("reads").by_account(NAMESPACE, ACCOUNT);
    assert!(writes.count() >= 5, "{}", writes.summary());
    let others = writes.clone().matching(|event| !event.user_agent.starts_with("skerry-agent/"));
    assert_eq!(others.count(), 0, "it says who it is and which version: {}", others.summary());
    let refused = writes.matching(|event| !event.succeeded());
    assert_eq!(refused.count(), 0, "{}", refused.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_whole_cluster_it_works_and_its_own_rights_stay() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("account")).await.expect("a control plane");
    install(&plane, "agent/cluster-wide").await;
    let stage = Stage::build().await;
    let mut site = joined(&stage, &plane).await;
    site.start().await;
    does_the_main_job(&stage, &site, &plane).await;

    // More rights for itself: refused and told, and the rest is applied.
    let rules = ["get", "clusterrole", "skerry-agent", "-o", "jsonpath={.rules}"];
    let before = plane.kubectl(&rules).await.expect("reads");
    stage.work.write("apps/rights.yaml", ALL_RIGHTS);
    stage.settings("one", "3");
    stage.push("its own rights").await;
    shows(&plane, "one", "3").await;
    site.until("the refusal is told", |site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        let mut objects = snapshot.applications.iter().flat_map(|application| &application.objects);
        let told = objects.any(|it| it.object.kind == "ClusterRole" && !it.reason.is_empty());
        ensure(told, &format!("{snapshot:#?}"))
    })
    .await;
    assert_eq!(plane.kubectl(&rules).await.expect("reads"), before);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_listed_namespaces_it_works_in_them() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("listed")).await.expect("a control plane");
    plane.kubectl(&["create", "namespace", "shop"]).await.expect("created");
    install(&plane, "agent/namespaced").await;
    let stage = Stage::build().await;
    // This agent makes no namespaces.
    stage.work.remove("apps/namespace.yaml");
    stage.push("settings only").await;
    stage.sees_head().await;
    let mut site = joined(&stage, &plane).await;
    site.options.namespaces = vec!["shop".to_owned()];
    site.start().await;
    does_the_main_job(&stage, &site, &plane).await;
    site.stop().await;
}
