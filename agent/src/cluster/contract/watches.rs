//! Watches: every change, in order, or an error that says «list again».

use futures::StreamExt;
use serde_json::json;

use super::{Bench, PATIENCE, config_map, document, kind, text};
use crate::cluster::{Cluster, ClusterError, Detail, Preconditions, Scope, WatchEvent};

pub(super) async fn hold<C: Cluster>(bench: &Bench<'_, C>) {
    let namespace = bench.namespace("watches").await;
    changes_in_order(bench, &namespace, Detail::Whole).await;
    changes_in_order(bench, &namespace, Detail::Metadata).await;
    leaving_a_selector(bench, &namespace).await;
    what_cannot_be_watched(bench).await;
    bench.remove_namespace(&namespace).await;
    expired(bench).await;
}

/// The next change; bookmarks are passed over.
async fn next<C: Cluster>(events: &mut C::Events) -> WatchEvent {
    loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time");
        let event = event.expect("the watch goes on").expect("no error");
        if !matches!(event, WatchEvent::Bookmark { .. }) {
            return event;
        }
    }
}

async fn changes_in_order<C: Cluster>(bench: &Bench<'_, C>, namespace: &str, detail: Detail) {
    let target = config_map(namespace, &format!("watched-{detail:?}").to_lowercase());
    let scope = Scope::Namespace(namespace.to_owned());
    let labels = Some("watched=yes");
    let before = bench.cluster.list(&target.kind, &scope, labels, detail).await.expect("listed");
    let from = &before.resource_version;
    let mut events = bench.cluster.watch(&target.kind, &scope, labels, detail, from).await.expect("watching");
    let with =
        |value: &str| document(&target, json!({"metadata": {"labels": {"watched": "yes"}}, "data": {"a": value}}));
    let other = config_map(namespace, "unlabelled");
    bench.apply(&other, document(&other, json!({"data": {"a": format!("{detail:?}")}}))).await.expect("applied");
    let first = bench.apply(&target, with("1")).await.expect("applied").object;
    let second = bench.apply(&target, with("2")).await.expect("applied").object;
    let only = Preconditions { uid: text(&first, "/metadata/uid"), resource_version: None };
    bench.cluster.delete(&target, &only).await.expect("deleted");

    let WatchEvent::Added(added) = next::<C>(&mut events).await else { panic!("added first") };
    let WatchEvent::Modified(modified) = next::<C>(&mut events).await else { panic!("then modified") };
    let WatchEvent::Deleted(deleted) = next::<C>(&mut events).await else { panic!("then deleted") };
    for (event, object) in [(&added, &first), (&modified, &second), (&deleted, &second)] {
        assert_eq!((&event["kind"], &event["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
        assert_eq!(event["metadata"]["uid"], object["metadata"]["uid"]);
        assert_eq!(event.get("data").is_some(), detail == Detail::Whole);
    }
    assert_eq!(added["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(modified["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
    assert_ne!(deleted["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);

    // A watch that begins where another one stopped sees the rest.
    let from = text(&added, "/metadata/resourceVersion");
    let mut events = bench.cluster.watch(&target.kind, &scope, labels, detail, &from).await.expect("watching");
    assert!(matches!(next::<C>(&mut events).await, WatchEvent::Modified(_)));
}

async fn leaving_a_selector<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "leaving");
    let with = |label: &str| document(&target, json!({"metadata": {"labels": {"stays": label}}}));
    let scope = Scope::Namespace(namespace.to_owned());
    let from = bench.cluster.list(&target.kind, &scope, None, Detail::Metadata).await.expect("listed").resource_version;
    let labels = Some("stays=yes");
    let watch = bench.cluster.watch(&target.kind, &scope, labels, Detail::Metadata, &from).await;
    let mut events = watch.expect("watching");
    for label in ["yes", "no", "yes"] {
        bench.apply(&target, with(label)).await.expect("applied");
    }
    assert!(matches!(next::<C>(&mut events).await, WatchEvent::Added(_)));
    assert!(matches!(next::<C>(&mut events).await, WatchEvent::Deleted(_)), "gone from sight");
    assert!(matches!(next::<C>(&mut events).await, WatchEvent::Added(_)));
}

async fn what_cannot_be_watched<C: Cluster>(bench: &Bench<'_, C>) {
    let nothing = kind("skerry.invalid", "v1", "Nothing", "nothings");
    let refused = bench.cluster.watch(&nothing, &Scope::All, None, Detail::Metadata, "1").await;
    assert!(matches!(refused.err(), Some(ClusterError::NotFound { .. })));
}

async fn expired<C: Cluster>(bench: &Bench<'_, C>) {
    (bench.forget)();
    let maps = config_map("", "").kind;
    let error = match bench.cluster.watch(&maps, &Scope::All, None, Detail::Metadata, "1").await {
        Err(error) => Some(error),
        Ok(mut events) => {
            tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time").and_then(Result::err)
        }
    };
    assert!(matches!(error, Some(ClusterError::Expired)), "{error:?}");
}
