//! The objects that are applied: 250 each of Deployment, Service, ServiceAccount and Ingress.

use serde_json::{Value, json};

/// `count` objects for one namespace, a quarter of each kind.
pub(crate) fn all(count: usize, namespace: &str) -> Vec<Value> {
    (0..count).map(|index| one(index, namespace)).collect()
}

fn one(index: usize, namespace: &str) -> Value {
    let name = format!("web-{}", index / 4);
    let metadata = json!({"name": name, "namespace": namespace, "labels": {"app": name}});
    match index % 4 {
        0 => json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{
                        "name": "web", "image": "registry.example/web:1.0",
                        "ports": [{"containerPort": 8080}],
                        "env": [{"name": "SETTING", "value": "1"}],
                        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
                    }]},
                },
            },
        }),
        1 => json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
        }),
        2 => json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        _ => json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
            "spec": {"rules": [{
                "host": format!("{name}.example"),
                "http": {"paths": [{
                    "path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": name, "port": {"number": 80}}},
                }]},
            }]},
        }),
    }
}

/// The path of an object's resource.
pub(crate) fn path(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (prefix, plural) = match text("/kind") {
        "Deployment" => ("apis/apps/v1", "deployments"),
        "Service" => ("api/v1", "services"),
        "ServiceAccount" => ("api/v1", "serviceaccounts"),
        _ => ("apis/networking.k8s.io/v1", "ingresses"),
    };
    format!("{prefix}/namespaces/{}/{plural}/{}", text("/metadata/namespace"), text("/metadata/name"))
}
