//! Kinds that a custom resource definition makes known.

use serde_json::{Value, json};

use super::{Bench, OURS, document, kind, owned, text, until};
use crate::cluster::{ApiKind, Cluster, ClusterError, Detail, Preconditions, Target};

pub(super) async fn hold<C: Cluster>(bench: &Bench<'_, C>) {
    let namespace = bench.namespace("kinds").await;
    let group = format!("{}.skerry.invalid", bench.prefix);
    let definition = definition(&group);
    let target = Target {
        kind: ApiKind {
            namespaced: false,
            ..kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions")
        },
        namespace: None,
        name: format!("lamps.{group}"),
    };
    bench.apply(&target, document(&target, definition)).await.expect("applied");
    until("the kind is established", || async {
        let conditions = bench.present(&target).await["status"]["conditions"].clone();
        let conditions = conditions.as_array().cloned().unwrap_or_default();
        let established = |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
        conditions.iter().any(established).then_some(())
    })
    .await;
    let lamp = until("the kind is discovered", || async {
        bench.cluster.discover().await.expect("the kinds").find(&group, "Lamp").cloned()
    })
    .await;
    assert_eq!(lamp, kind(&group, "v1", "Lamp", "lamps"));
    custom_objects(bench, &lamp, &namespace).await;
    let uid = text(&bench.present(&target).await, "/metadata/uid");
    bench.cluster.delete(&target, &Preconditions { uid, resource_version: None }).await.expect("deleted");
    until("the definition goes", || async { bench.read(&target).await.is_none().then_some(()) }).await;
    let lit = Target { kind: lamp, namespace: Some(namespace.clone()), name: "lit".into() };
    until("the kind is no longer served", || async {
        matches!(bench.cluster.get(&lit, Detail::Whole).await, Err(ClusterError::NotFound { .. })).then_some(())
    })
    .await;
    bench.remove_namespace(&namespace).await;
}

async fn custom_objects<C: Cluster>(bench: &Bench<'_, C>, lamp: &ApiKind, namespace: &str) {
    let target = Target { kind: lamp.clone(), namespace: Some(namespace.to_owned()), name: "lit".into() };
    let spec = json!({"spec": {"colours": ["red"], "bulbs": [{"socket": "a", "watts": 5}], "free": {"x": {"y": 1}}}});
    // The door to a kind opens a moment after its definition says so.
    let created = until("the first object is taken", || async {
        bench.apply(&target, document(&target, spec.clone())).await.ok()
    })
    .await
    .object;
    assert_eq!(created["metadata"]["generation"], json!(1));
    assert_eq!(
        owned(&created, OURS, "Apply"),
        json!({"f:spec": {
            "f:bulbs": {"k:{\"socket\":\"a\"}": {".": {}, "f:socket": {}, "f:watts": {}}},
            "f:colours": {"v:\"red\"": {}},
            "f:free": {"f:x": {".": {}, "f:y": {}}},
        }}),
    );
    let unknown = bench.apply(&target, document(&target, json!({"spec": {"smell": "none"}}))).await;
    assert!(matches!(unknown, Err(ClusterError::Invalid { .. })), "{unknown:?}");
    let second = json!({"spec": {"bulbs": [{"socket": "b", "watts": 7}]}});
    let changed = bench.apply(&target, document(&target, second)).await.expect("applied").object;
    assert_eq!(changed["spec"], json!({"bulbs": [{"socket": "b", "watts": 7}]}));
    assert_eq!(changed["metadata"]["generation"], json!(2));
}

fn definition(group: &str) -> Value {
    let bulb = json!({"type": "object", "required": ["socket"], "properties": {
        "socket": {"type": "string"}, "watts": {"type": "integer"},
    }});
    let spec = json!({"type": "object", "properties": {
        "colours": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "bulbs": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["socket"], "items": bulb},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }});
    json!({"spec": {
        "group": group, "scope": "Namespaced",
        "names": {"kind": "Lamp", "plural": "lamps", "singular": "lamp", "listKind": "LampList"},
        "versions": [{
            "name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
        }],
    }})
}
