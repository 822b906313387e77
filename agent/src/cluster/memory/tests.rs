//! What tests and demo ask of the twin beyond the contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use serde_json::{Value, json};

use super::*;

fn cluster() -> MemoryCluster {
    MemoryCluster::new(7, Arc::new(|| OffsetDateTime::from_unix_timestamp(1_767_323_045).expect("a time")))
}

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "registry.invalid/web:1"}]},
            },
        },
    })
}

async fn apply(cluster: &MemoryCluster, target: &Target, object: &Value) -> Result<Applied, ClusterError> {
    cluster.apply(target, object, Apply::forced("skerry")).await
}

#[tokio::test]
async fn controllers_make_ready_unless_they_are_stalled() {
    let cluster = cluster();
    let person = cluster.as_person("kubectl");
    let target = person.target("Deployment", Some("default"), "web").expect("a kind");
    cluster.stall("Deployment", "default", "web", true);
    apply(&cluster, &target, &deployment("web")).await.expect("applied");
    assert_eq!(person.read(&target).expect("there").get("status"), None);
    cluster.stall("Deployment", "default", "web", false);
    let ready = person.read(&target).expect("there");
    assert_eq!(ready["status"]["readyReplicas"], json!(1));
    assert_eq!(ready["status"]["observedGeneration"], ready["metadata"]["generation"]);
    assert_eq!(ready["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
}

#[tokio::test]
async fn people_leave_their_names() {
    let cluster = cluster();
    let person = cluster.as_person("kubectl-edit");
    let target = person.target("Deployment", Some("default"), "web").expect("a kind");
    apply(&cluster, &target, &deployment("web")).await.expect("applied");
    let scaled = person.scale(&target, 5).expect("scaled");
    let entries = scaled["metadata"]["managedFields"].as_array().expect("owners");
    let theirs = entries.iter().find(|entry| entry["manager"] == "kubectl-edit").expect("an entry");
    assert_eq!(theirs["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!((&theirs["operation"], &theirs["time"]), (&json!("Update"), &json!("2026-01-02T03:04:05Z")));
    assert_eq!(person.delete(&target).expect("deleted"), Deleted::Started);
    assert_eq!(person.read(&target), None);
}

#[tokio::test]
async fn requests_are_counted_and_fail_as_told() {
    let cluster = cluster();
    let person = cluster.as_person("kubectl");
    let target = person.target("Deployment", Some("default"), "web").expect("a kind");
    cluster.faults(|faults| {
        faults.next.insert(Verb::Apply, (1, Failure::Throttled));
    });
    let throttled = apply(&cluster, &target, &deployment("web")).await;
    assert!(matches!(throttled, Err(ClusterError::TooManyRequests { .. })), "{throttled:?}");
    apply(&cluster, &target, &deployment("web")).await.expect("the next one works");
    cluster.get(&target, Detail::Metadata).await.expect("read");
    person.scale(&target, 2).expect("people are not counted");
    assert_eq!(cluster.requests(), BTreeMap::from([(Verb::Get, 1), (Verb::Apply, 2)]));
    assert_eq!(cluster.writes(), 2);
    cluster.faults(|faults| faults.unreachable = true);
    let cut = cluster.get(&target, Detail::Whole).await;
    assert!(matches!(cut, Err(ClusterError::Unreachable { .. })), "{cut:?}");
}

#[tokio::test]
async fn a_restart_sees_the_same_cluster_and_a_cut_ends_watches() {
    let cluster = cluster();
    let person = cluster.as_person("kubectl");
    let target = person.target("Deployment", Some("default"), "web").expect("a kind");
    let from = cluster.list(&target.kind, &Scope::All, None, Detail::Metadata).await.expect("listed").resource_version;
    let watch = cluster.watch(&target.kind, &Scope::All, None, Detail::Whole, &from).await;
    let mut events = watch.expect("watching");
    let restarted = cluster.clone();
    apply(&restarted, &target, &deployment("web")).await.expect("applied");
    assert!(matches!(events.next().await, Some(Ok(crate::cluster::WatchEvent::Added(_)))));
    assert!(cluster.snapshot().contains_key("Deployment.apps/default/web"));
    cluster.faults(|faults| faults.unreachable = true);
    while let Some(event) = events.next().await {
        event.expect("no error before the end");
    }
}

#[tokio::test]
async fn a_gap_in_discovery_is_named() {
    let cluster = cluster();
    cluster.faults(|faults| faults.gaps.push(("apps".into(), "v1".into())));
    let discovery = cluster.discover().await.expect("the kinds");
    assert!(discovery.has_gap("apps") && discovery.find("apps", "Deployment").is_none());
}
