//! Lists: told apart by their keys, sets, and lists that are replaced as a whole.

use serde_json::{Value, json};

use super::ownership::web;
use super::{Bench, OURS, THEIRS, config_map, deployment, document, owned};
use crate::cluster::{Cluster, ClusterError, Conflict, Target};

pub(super) async fn hold<C: Cluster>(bench: &Bench<'_, C>) {
    let namespace = bench.namespace("lists").await;
    containers_are_told_apart_by_name(bench, &namespace).await;
    ports_are_told_apart_by_number_and_protocol(bench, &namespace).await;
    finalizers_are_a_set(bench, &namespace).await;
    some_lists_are_one_value(bench, &namespace).await;
    bench.remove_namespace(&namespace).await;
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).collect()
}

async fn containers_are_told_apart_by_name<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = deployment(namespace, "containers");
    let created = bench.apply(&target, web(&target)).await.expect("applied").object;
    assert_eq!(
        owned(&created, OURS, "Apply").pointer("/f:spec/f:template/f:spec/f:containers"),
        Some(&json!({"k:{\"name\":\"web\"}": {
            ".": {}, "f:image": {}, "f:name": {},
            "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
        }})),
    );
    let sidecar = json!({"name": "sidecar", "image": "registry.invalid/sidecar:1"});
    let operations = json!([{"op": "add", "path": "/spec/template/spec/containers/0", "value": sidecar}]);
    bench.patch(&target, operations).await.expect("patched");
    let mut object = web(&target);
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.invalid/web:2");
    let both = bench.apply(&target, object).await.expect("applied").object;
    let containers = &both["spec"]["template"]["spec"]["containers"];
    assert_eq!(names(containers), ["sidecar", "web"]);
    assert_eq!(containers[1]["image"], "registry.invalid/web:2");
    let mut object = web(&target);
    object["spec"]["template"]["spec"]["containers"][0]["name"] = json!("renamed");
    let renamed = bench.apply(&target, object).await.expect("applied").object;
    let mut left = names(&renamed["spec"]["template"]["spec"]["containers"]);
    left.sort_unstable();
    assert_eq!(left, ["renamed", "sidecar"], "an item that nobody owns goes");
}

async fn ports_are_told_apart_by_number_and_protocol<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let kind = super::kind("", "v1", "Service", "services");
    let target = Target { kind, namespace: Some(namespace.to_owned()), name: "ports".into() };
    let service = |ports: Value| document(&target, json!({"spec": {"selector": {"app": "web"}, "ports": ports}}));
    let tcp = json!({"name": "tcp", "port": 53, "protocol": "TCP"});
    let udp = json!({"name": "udp", "port": 53, "protocol": "UDP"});
    let created = bench.apply(&target, service(json!([tcp, udp]))).await.expect("applied").object;
    let address = created["spec"]["clusterIP"].clone();
    assert!(address.is_string());
    assert_eq!(names(&created["spec"]["ports"]), ["tcp", "udp"]);
    let mut web_port = json!({"name": "web", "port": 80});
    let theirs = document(&target, json!({"spec": {"ports": [web_port]}}));
    bench.apply_as(THEIRS, &target, theirs).await.expect("another port is no conflict");
    let fewer = bench.apply(&target, service(json!([tcp]))).await.expect("applied").object;
    let mut left = names(&fewer["spec"]["ports"]);
    left.sort_unstable();
    assert_eq!(left, ["tcp", "web"]);
    assert_eq!(fewer["spec"]["clusterIP"], address, "what the server chose stays");
    web_port["targetPort"] = json!(8080);
    let theirs = document(&target, json!({"spec": {"ports": [web_port]}}));
    bench.apply_as(THEIRS, &target, theirs).await.expect("applied");
}

async fn finalizers_are_a_set<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "set");
    let with = |finalizers: Value| document(&target, json!({"metadata": {"finalizers": finalizers}}));
    bench.apply(&target, with(json!(["skerry.invalid/a"]))).await.expect("applied");
    bench.apply_as(THEIRS, &target, with(json!(["skerry.invalid/b"]))).await.expect("a set is no conflict");
    let both = bench.present(&target).await;
    assert_eq!(both["metadata"]["finalizers"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        owned(&both, OURS, "Apply").pointer("/f:metadata/f:finalizers"),
        Some(&json!({"v:\"skerry.invalid/a\"": {}})),
    );
    let one = bench.apply(&target, document(&target, json!({"data": {"a": "1"}}))).await.expect("applied").object;
    assert_eq!(one["metadata"]["finalizers"], json!(["skerry.invalid/b"]));
    let none = document(&target, json!({"data": {"b": "1"}}));
    let none = bench.apply_as(THEIRS, &target, none).await.expect("applied").object;
    assert_eq!(none["metadata"].get("finalizers"), None);
}

async fn some_lists_are_one_value<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = deployment(namespace, "atomic");
    let mut object = web(&target);
    object["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["a", "b"]);
    bench.apply(&target, object.clone()).await.expect("applied");
    object["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["b"]);
    let refused = bench.apply_as(THEIRS, &target, object.clone()).await;
    let Err(ClusterError::Conflict(Conflict::Fields(fields))) = refused else { panic!("{refused:?}") };
    assert_eq!(fields[0].field, ".spec.template.spec.containers[name=\"web\"].args");
    let replaced = bench.apply(&target, object).await.expect("applied").object;
    assert_eq!(replaced["spec"]["template"]["spec"]["containers"][0]["args"], json!(["b"]));
    let kind = super::kind("rbac.authorization.k8s.io", "v1", "Role", "roles");
    let role = Target { kind, namespace: Some(namespace.to_owned()), name: "atomic".into() };
    let rules = |verbs: Value| json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]});
    bench.apply(&role, document(&role, rules(json!(["get"])))).await.expect("applied");
    let changed = bench.apply(&role, document(&role, rules(json!(["list"])))).await.expect("applied").object;
    assert_eq!(changed["rules"][0]["verbs"], json!(["list"]));
    assert_eq!(owned(&changed, OURS, "Apply"), json!({"f:rules": {}}));
}
