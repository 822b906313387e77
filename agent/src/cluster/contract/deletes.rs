//! Deletes: only the object that is meant.

use serde_json::json;

use super::{Bench, config_map, document, namespace_kind, text, until};
use crate::cluster::{Cluster, ClusterError, Conflict, Deleted, Preconditions, Target};

pub(super) async fn hold<C: Cluster>(bench: &Bench<'_, C>) {
    let namespace = bench.namespace("deletes").await;
    only_what_is_meant(bench, &namespace).await;
    finalizers_hold(bench, &namespace).await;
    bench.remove_namespace(&namespace).await;
    a_namespace_takes_its_content_along(bench).await;
}

async fn only_what_is_meant<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "meant");
    let before = bench.apply(&target, document(&target, json!({"data": {"a": "1"}}))).await.expect("applied").object;
    let after = bench.apply(&target, document(&target, json!({"data": {"a": "2"}}))).await.expect("applied").object;
    let uid = text(&before, "/metadata/uid");
    let version = |object| Some(text(object, "/metadata/resourceVersion"));
    let refused = |only: Preconditions| {
        let target = target.clone();
        async move {
            let answer = bench.cluster.delete(&target, &only).await;
            assert!(matches!(answer, Err(ClusterError::Conflict(Conflict::Changed(_)))), "{only:?}: {answer:?}");
        }
    };
    refused(Preconditions { uid: "00000000-0000-4000-8000-000000000000".into(), resource_version: None }).await;
    refused(Preconditions { uid: uid.clone(), resource_version: version(&before) }).await;
    assert!(bench.read(&target).await.is_some());
    let only = Preconditions { uid, resource_version: version(&after) };
    assert_eq!(bench.cluster.delete(&target, &only).await.expect("deleted"), Deleted::Started);
    assert_eq!(bench.read(&target).await, None);
    assert_eq!(bench.cluster.delete(&target, &only).await.expect("no error"), Deleted::AlreadyGone);
}

async fn finalizers_hold<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "held");
    let held = json!({"metadata": {"finalizers": ["skerry.invalid/hold"]}});
    let object = bench.apply(&target, document(&target, held)).await.expect("applied").object;
    let only = Preconditions { uid: text(&object, "/metadata/uid"), resource_version: None };
    assert_eq!(bench.cluster.delete(&target, &only).await.expect("deleted"), Deleted::Started);
    let dying = bench.present(&target).await;
    assert!(!text(&dying, "/metadata/deletionTimestamp").is_empty());
    bench.patch(&target, json!([{"op": "remove", "path": "/metadata/finalizers"}])).await.expect("patched");
    until("the object goes", || async { bench.read(&target).await.is_none().then_some(()) }).await;
}

async fn a_namespace_takes_its_content_along<C: Cluster>(bench: &Bench<'_, C>) {
    let namespace = bench.namespace("emptied").await;
    let target = config_map(&namespace, "inside");
    bench.apply(&target, document(&target, json!({"data": {"a": "1"}}))).await.expect("applied");
    bench.remove_namespace(&namespace).await;
    let place = Target { kind: namespace_kind(), namespace: None, name: namespace };
    until("the namespace goes", || async { bench.read(&place).await.is_none().then_some(()) }).await;
    assert_eq!(bench.read(&target).await, None);
}
