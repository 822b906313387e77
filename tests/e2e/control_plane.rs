//! The control plane that every other end-to-end test stands on: real, ready, several at once, gone afterwards.

use std::time::Duration;

use serde_json::Value;
use skerry_tests::audit::AuditLog;
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions};
use skerry_tests::wait::eventually;

/// Wide on purpose: two cores may be busy building something else.
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn two_at_once_run_deployments_and_do_not_mix() {
    let (left, right) = tokio::join!(
        ControlPlane::start(ControlPlaneOptions::new("left")),
        ControlPlane::start(ControlPlaneOptions::new("right")),
    );
    let (left, right) = (left.unwrap(), right.unwrap());
    assert_ne!(left.server_url(), right.server_url());
    left.kubectl(&["create", "deployment", "web", "--image=web:1", "--replicas=3"]).await.unwrap();
    eventually(DEADLINE, "the deployment is available", || async {
        let deployment = left.kubectl_json(&["get", "deployment", "web"]).await.map_err(|error| error.to_string())?;
        let available = &deployment["status"]["availableReplicas"];
        if available.as_u64() == Some(3) { Ok(()) } else { Err(format!("available: {available}")) }
    })
    .await;
    let version = left.kubectl_json(&["version"]).await.unwrap();
    assert_eq!(version["serverVersion"]["gitVersion"], version["clientVersion"]["gitVersion"]);
    let elsewhere = right.kubectl_json(&["get", "deployments"]).await.unwrap();
    assert_eq!(elsewhere["items"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn the_audit_log_tells_who_wrote_what() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("audit")).await.unwrap();
    let log = AuditLog::open(plane.audit_log()).from_now_on().unwrap();
    plane.kubectl(&["create", "configmap", "dry", "--dry-run=server"]).await.unwrap();
    plane.kubectl(&["create", "configmap", "wet"]).await.unwrap();
    let writes = eventually(DEADLINE, "the write is in the log", || async {
        let writes = log.writes().map_err(|error| error.to_string())?.from_outside().resource("configmaps");
        if writes.count() == 0 { Err("nothing yet".to_owned()) } else { Ok(writes) }
    })
    .await;
    let event = writes.0.first().unwrap();
    assert_eq!(writes.count(), 1, "{}", writes.summary());
    assert_eq!((event.verb.as_str(), event.name.as_str(), event.code), ("create", "wet", 201));
    assert_eq!(event.user, "kubernetes-admin");
    assert!(event.user_agent.starts_with("kubectl/v1."), "{}", event.user_agent);
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("account")).await.unwrap();
    plane.kubectl(&["create", "serviceaccount", "reader"]).await.unwrap();
    plane.kubectl(&["create", "role", "reader", "--verb=get,list", "--resource=configmaps"]).await.unwrap();
    plane
        .kubectl(&["create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader"])
        .await
        .unwrap();
    let kubeconfig = plane.account_kubeconfig("default", "reader").await.unwrap();
    let as_reader = format!("--kubeconfig={}", kubeconfig.display());
    plane.kubectl(&[&as_reader, "get", "configmaps"]).await.unwrap();
    let refused = plane.kubectl(&[&as_reader, "create", "configmap", "no"]).await.unwrap_err();
    assert!(refused.to_string().contains("forbidden"), "{refused}");

    let mount = plane.account_mount("default", "reader").await.unwrap();
    let token = std::fs::read_to_string(mount.join("token")).unwrap();
    let ca = format!("--certificate-authority={}", mount.join("ca.crt").display());
    let server = format!("--server={}", plane.server_url());
    let token = format!("--token={token}");
    plane.kubectl(&["--kubeconfig=/dev/null", &server, &ca, &token, "get", "configmaps"]).await.unwrap();
}

#[tokio::test]
async fn a_dropped_one_leaves_nothing_behind() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("dropped")).await.unwrap();
    let folder = plane.kubeconfig().parent().unwrap().to_owned();
    let pids: Vec<String> = std::fs::read_dir(folder.join("pids"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(pids.len() >= 2, "{pids:?}");
    drop(plane);
    assert!(!folder.exists());
    for line in pids {
        let pid = line.split(' ').next().unwrap();
        // A zombie has ended; the first process of some containers never collects it.
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        assert!(status.is_empty() || status.contains("State:\tZ"), "{pid} is still there: {status}");
    }
}

#[tokio::test]
async fn one_whose_owner_was_killed_is_taken_down() {
    let mut owner = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let pid = owner.id().unwrap().to_string();
    let name = format!("orphan-{pid}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/cluster");
    let arguments = ["up", &name, "--api-only", "--owner", &pid];
    let output = tokio::process::Command::new(script).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = String::from_utf8(output.stdout).unwrap();
    let folder = std::path::Path::new(folder.trim()).parent().unwrap();
    assert!(folder.exists());
    owner.kill().await.unwrap();
    eventually(DEADLINE, "its folder is gone", || async { if folder.exists() { Err("still there") } else { Ok(()) } })
        .await;
}

#[tokio::test]
async fn a_frozen_api_server_answers_again_when_thawed() {
    let plane = ControlPlane::start(ControlPlaneOptions::api_only("frozen")).await.unwrap();
    plane.freeze().await.unwrap();
    plane.kubectl(&["--request-timeout=1s", "get", "namespaces"]).await.unwrap_err();
    plane.thaw().await.unwrap();
    plane.kubectl(&["get", "namespaces"]).await.unwrap();
}
