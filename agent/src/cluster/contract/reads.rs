//! Reads: whole and in part, absent, listed, by label.

use serde_json::json;

use super::{Bench, config_map, document, kind, text};
use crate::cluster::{Cluster, ClusterError, Detail, Scope, Target};

pub(super) async fn hold<C: Cluster>(bench: &Bench<'_, C>) {
    version_and_kinds(bench).await;
    let namespace = bench.namespace("reads").await;
    whole_and_metadata(bench, &namespace).await;
    lists(bench, &namespace).await;
    not_served(bench, &namespace).await;
    bench.remove_namespace(&namespace).await;
}

async fn version_and_kinds<C: Cluster>(bench: &Bench<'_, C>) {
    let version = bench.cluster.version().await.expect("a version");
    assert!(version.git_version.starts_with("v1."), "{version:?}");
    let discovery = bench.cluster.discover().await.expect("the kinds");
    assert!(discovery.gaps.is_empty(), "{:?}", discovery.gaps);
    let deployment = discovery.find("apps", "Deployment").expect("deployments are served");
    assert_eq!(*deployment, kind("apps", "v1", "Deployment", "deployments"));
    assert!(!discovery.find("", "Namespace").expect("namespaces are served").namespaced);
    assert!(discovery.find("skerry.invalid", "Nothing").is_none());
    assert!(bench.cluster.may("patch", deployment, None).await.expect("an answer"));
}

async fn whole_and_metadata<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "read");
    assert_eq!(bench.read(&target).await, None, "absent is no error");
    let object = document(&target, json!({"data": {"a": "1"}, "metadata": {"labels": {"part": "reads"}}}));
    let applied = bench.apply(&target, object).await.expect("applied");
    assert!(applied.created);
    let whole = bench.present(&target).await;
    assert_eq!(whole, applied.object);
    assert_eq!((whole["kind"].clone(), whole["data"]["a"].clone()), (json!("ConfigMap"), json!("1")));
    for pointer in ["/metadata/uid", "/metadata/resourceVersion", "/metadata/creationTimestamp"] {
        assert!(!text(&whole, pointer).is_empty(), "{pointer}");
    }
    let part = bench.cluster.get(&target, Detail::Metadata).await.expect("read").expect("present");
    assert_eq!(part.get("data"), None);
    assert_eq!((&part["kind"], &part["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    assert_eq!(part["metadata"], whole["metadata"]);
}

async fn lists<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    for number in 0..3 {
        let target = config_map(namespace, &format!("listed-{number}"));
        let label = if number == 0 { "no" } else { "yes" };
        let object = document(&target, json!({"metadata": {"labels": {"listed": label}}, "data": {"a": "1"}}));
        bench.apply(&target, object).await.expect("applied");
    }
    let maps = config_map(namespace, "").kind;
    let scope = Scope::Namespace(namespace.to_owned());
    let check = async |scope: &Scope, labels: &str, expected: &[&str]| {
        for detail in [Detail::Whole, Detail::Metadata] {
            let listing = bench.cluster.list(&maps, scope, Some(labels), detail).await.expect("listed");
            let names: Vec<String> = listing.items.iter().map(|item| text(item, "/metadata/name")).collect();
            assert_eq!(names, expected, "{labels}");
            assert!(listing.items.iter().all(|item| item["kind"] == "ConfigMap" && item["apiVersion"] == "v1"));
            assert!(listing.items.iter().all(|item| (item.get("data").is_some()) == (detail == Detail::Whole)));
            assert!(!listing.resource_version.is_empty());
            let mut visited = Vec::new();
            let mut each = |item| {
                visited.push(item);
                futures::FutureExt::boxed(std::future::ready(()))
            };
            let version = bench.cluster.visit(&maps, scope, Some(labels), detail, &mut each).await.expect("visited");
            assert!(!version.is_empty());
            assert_eq!(visited, listing.items);
        }
    };
    check(&scope, "listed=yes", &["listed-1", "listed-2"]).await;
    check(&scope, "listed in (no),listed", &["listed-0"]).await;
    check(&scope, "listed=never", &[]).await;
    check(&Scope::All, "listed!=no,listed", &["listed-1", "listed-2"]).await;
    check(&Scope::Namespace("no-such-namespace".into()), "listed", &[]).await;
}

async fn not_served<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let nothing = kind("skerry.invalid", "v1", "Nothing", "nothings");
    let target = Target { kind: nothing.clone(), namespace: Some(namespace.to_owned()), name: "x".into() };
    let got = bench.cluster.get(&target, Detail::Whole).await;
    assert!(matches!(got, Err(ClusterError::NotFound { .. })), "{got:?}");
    let listed = bench.cluster.list(&nothing, &Scope::All, None, Detail::Whole).await;
    assert!(matches!(listed, Err(ClusterError::NotFound { .. })), "{listed:?}");
    let applied = bench.apply(&target, document(&target, json!({}))).await;
    assert!(matches!(applied, Err(ClusterError::NotFound { .. })), "{applied:?}");
    let lost = config_map("no-such-namespace", "lost");
    let applied = bench.apply(&lost, document(&lost, json!({"data": {"a": "1"}}))).await;
    assert!(matches!(applied, Err(ClusterError::NotFound { .. })), "{applied:?}");
}
