//! What the API server adds to an object that does not say it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::cluster::ApiKind;

/// First and number of addresses from which services get theirs: 10.96.0.0/16 without its first.
const SERVICE_ADDRESSES: u64 = 65_534;

/// First and number of node ports.
const NODE_PORTS: (u64, u64) = (30_000, 2_768);

/// Fills in defaults; doing so again changes nothing.
pub(super) fn fill(kind: &ApiKind, object: &mut Value) {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") => namespace(object),
        ("", "Secret") => secret(object),
        ("", "Service") => service(object),
        ("", "Pod") => with(object, "spec", |spec| {
            pod(spec);
            admitted(spec);
        }),
        ("", "PersistentVolumeClaim") => with(object, "spec", |spec| set(spec, "volumeMode", json!("Filesystem"))),
        ("apps", "Deployment") => with(object, "spec", deployment),
        ("apps", "StatefulSet") => with(object, "spec", stateful_set),
        ("apps", "DaemonSet") => with(object, "spec", daemon_set),
        ("apps", "ReplicaSet") => with(object, "spec", |spec| {
            set(spec, "replicas", json!(1));
            template(spec);
        }),
        ("batch", "Job") => {
            with(object, "spec", job);
            job_labels(object);
        }
        ("batch", "CronJob") => with(object, "spec", cron_job),
        ("networking.k8s.io", "NetworkPolicy") => with(object, "spec", network_policy),
        ("autoscaling", "HorizontalPodAutoscaler") => with(object, "spec", autoscaler),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => binding(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => with(object, "spec", definition),
        _ => {}
    }
}

/// What is drawn once, when an object is created; `number` tells services apart.
pub(super) fn allocate(kind: &ApiKind, object: &mut Value, number: u64) {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Service") => service_address(object, number),
        ("", "PersistentVolumeClaim") => claim_protection(object),
        ("batch", "Job") => {
            job_selector(object);
            job_labels(object);
        }
        _ => {}
    }
}

type Fields = Map<String, Value>;

fn with(object: &mut Value, name: &str, change: impl FnOnce(&mut Fields)) {
    if let Some(fields) = object.get_mut(name).and_then(Value::as_object_mut) {
        change(fields);
    }
}

fn each(fields: &mut Fields, name: &str, change: impl Fn(&mut Fields)) {
    let items = fields.get_mut(name).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut).for_each(change);
}

fn inside(fields: &mut Fields, name: &str, change: impl FnOnce(&mut Fields)) {
    if let Some(inner) = fields.get_mut(name).and_then(Value::as_object_mut) {
        change(inner);
    }
}

fn set(fields: &mut Fields, name: &str, value: Value) {
    if !fields.contains_key(name) {
        fields.insert(name.to_owned(), value);
    }
}

fn word<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    if !object["metadata"]["labels"].is_object() {
        object["metadata"]["labels"] = json!({});
    }
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    if !object["spec"].is_object() {
        object["spec"] = json!({});
    }
    with(object, "spec", |spec| set(spec, "finalizers", json!(["kubernetes"])));
    if !object["status"].is_object() {
        object["status"] = json!({"phase": "Active"});
    }
}

fn secret(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    set(fields, "type", json!("Opaque"));
    let Some(Value::Object(texts)) = fields.shift_remove("stringData") else { return };
    if !fields.get("data").is_some_and(Value::is_object) {
        fields.insert("data".into(), json!({}));
    }
    inside(fields, "data", |data| {
        for (name, text) in texts {
            let text = text.as_str().unwrap_or_default();
            data.insert(name, json!(STANDARD.encode(text)));
        }
    });
}

fn service(object: &mut Value) {
    with(object, "spec", |spec| {
        set(spec, "type", json!("ClusterIP"));
        set(spec, "sessionAffinity", json!("None"));
        if word(spec, "sessionAffinity") == "ClientIP" {
            set(spec, "sessionAffinityConfig", json!({"clientIP": {"timeoutSeconds": 10_800}}));
        } else {
            spec.shift_remove("sessionAffinityConfig");
        }
        each(spec, "ports", |port| {
            set(port, "protocol", json!("TCP"));
            if let Some(number) = port.get("port").cloned() {
                set(port, "targetPort", number);
            }
        });
        let kind = word(spec, "type").to_owned();
        if kind != "ExternalName" {
            set(spec, "internalTrafficPolicy", json!("Cluster"));
        }
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            set(spec, "externalTrafficPolicy", json!("Cluster"));
        }
        if kind == "LoadBalancer" {
            set(spec, "allocateLoadBalancerNodePorts", json!(true));
        }
    });
    if !object["status"].is_object() {
        object["status"] = json!({"loadBalancer": {}});
    }
}

fn service_address(object: &mut Value, number: u64) {
    with(object, "spec", |spec| {
        let kind = word(spec, "type").to_owned();
        if kind == "ExternalName" {
            return;
        }
        let host = number % SERVICE_ADDRESSES + 1;
        set(spec, "clusterIP", json!(format!("10.96.{}.{}", host / 256, host % 256)));
        let address = spec.get("clusterIP").cloned().unwrap_or_default();
        set(spec, "clusterIPs", json!([address]));
        // Without address and selector nobody knows which families its endpoints will have.
        let open = word(spec, "clusterIP") == "None" && !spec.contains_key("selector");
        let (families, policy) =
            if open { (json!(["IPv4", "IPv6"]), "RequireDualStack") } else { (json!(["IPv4"]), "SingleStack") };
        set(spec, "ipFamilies", families);
        set(spec, "ipFamilyPolicy", json!(policy));
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            let node_port = NODE_PORTS.0 + number % NODE_PORTS.1;
            each(spec, "ports", |port| set(port, "nodePort", json!(node_port)));
        }
    });
}

/// Keeps a claim until its controller has seen that no pod uses it.
pub(super) const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";

fn claim_protection(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    set(metadata, "finalizers", json!([]));
    if let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut)
        && !finalizers.contains(&json!(CLAIM_PROTECTION))
    {
        finalizers.push(json!(CLAIM_PROTECTION));
    }
}

fn deployment(spec: &mut Fields) {
    set(spec, "replicas", json!(1));
    set(spec, "strategy", json!({}));
    inside(spec, "strategy", |strategy| {
        set(strategy, "type", json!("RollingUpdate"));
        if word(strategy, "type") == "RollingUpdate" {
            set(strategy, "rollingUpdate", json!({}));
            inside(strategy, "rollingUpdate", |rolling| {
                set(rolling, "maxUnavailable", json!("25%"));
                set(rolling, "maxSurge", json!("25%"));
            });
        }
    });
    set(spec, "revisionHistoryLimit", json!(10));
    set(spec, "progressDeadlineSeconds", json!(600));
    template(spec);
}

fn stateful_set(spec: &mut Fields) {
    set(spec, "replicas", json!(1));
    set(spec, "podManagementPolicy", json!("OrderedReady"));
    set(spec, "revisionHistoryLimit", json!(10));
    set(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
    inside(spec, "updateStrategy", |strategy| {
        if word(strategy, "type") == "RollingUpdate" {
            set(strategy, "rollingUpdate", json!({"partition": 0}));
        }
    });
    let retention = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    set(spec, "persistentVolumeClaimRetentionPolicy", retention);
    each(spec, "volumeClaimTemplates", |claim| {
        set(claim, "apiVersion", json!("v1"));
        set(claim, "kind", json!("PersistentVolumeClaim"));
        set(claim, "status", json!({"phase": "Pending"}));
        inside(claim, "spec", |spec| set(spec, "volumeMode", json!("Filesystem")));
    });
    template(spec);
}

fn daemon_set(spec: &mut Fields) {
    set(spec, "revisionHistoryLimit", json!(10));
    set(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
    inside(spec, "updateStrategy", |strategy| {
        if word(strategy, "type") == "RollingUpdate" {
            set(strategy, "rollingUpdate", json!({"maxUnavailable": 1, "maxSurge": 0}));
        }
    });
    template(spec);
}

fn job(spec: &mut Fields) {
    set(spec, "completions", json!(1));
    set(spec, "parallelism", json!(1));
    set(spec, "backoffLimit", json!(6));
    set(spec, "completionMode", json!("NonIndexed"));
    set(spec, "suspend", json!(false));
    set(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
    set(spec, "manualSelector", json!(false));
    template(spec);
}

fn job_selector(object: &mut Value) {
    if object["spec"]["manualSelector"] == json!(true) {
        return;
    }
    let (uid, name) = (object["metadata"]["uid"].clone(), object["metadata"]["name"].clone());
    with(object, "spec", |spec| {
        let selector = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
        set(spec, "selector", selector);
        inside(spec, "template", |template| {
            set(template, "metadata", json!({}));
            inside(template, "metadata", |metadata| {
                set(metadata, "labels", json!({}));
                inside(metadata, "labels", |labels| {
                    for prefix in ["", "batch.kubernetes.io/"] {
                        set(labels, &format!("{prefix}controller-uid"), uid.clone());
                        set(labels, &format!("{prefix}job-name"), name.clone());
                    }
                });
            });
        });
    });
}

/// A job without labels has those of its pods.
fn job_labels(object: &mut Value) {
    let labels = object.pointer("/spec/template/metadata/labels").filter(|labels| labels.is_object()).cloned();
    let bare = object["metadata"]["labels"].as_object().is_none_or(Map::is_empty);
    if let (true, Some(labels)) = (bare, labels) {
        object["metadata"]["labels"] = labels;
    }
}

fn cron_job(spec: &mut Fields) {
    set(spec, "concurrencyPolicy", json!("Allow"));
    set(spec, "suspend", json!(false));
    set(spec, "successfulJobsHistoryLimit", json!(3));
    set(spec, "failedJobsHistoryLimit", json!(1));
    inside(spec, "jobTemplate", |job| {
        set(job, "metadata", json!({}));
        inside(job, "spec", template);
    });
}

fn template(spec: &mut Fields) {
    inside(spec, "template", |template| {
        set(template, "metadata", json!({}));
        inside(template, "spec", pod);
    });
}

fn pod(spec: &mut Fields) {
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "securityContext", json!({}));
    set(spec, "schedulerName", json!("default-scheduler"));
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        set(spec, "serviceAccount", account);
    }
    for list in ["initContainers", "containers"] {
        each(spec, list, container);
    }
    each(spec, "volumes", volume);
}

/// What a pod itself gets besides what is in every pod template.
fn admitted(spec: &mut Fields) {
    set(spec, "enableServiceLinks", json!(true));
    set(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    set(spec, "priority", json!(0));
    let patience =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    let unwell = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
    set(spec, "tolerations", json!(unwell.map(patience)));
    each(spec, "containers", |container| {
        inside(container, "resources", |resources| {
            // A limit without a request is the request.
            let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { return };
            set(resources, "requests", json!({}));
            inside(resources, "requests", |requests| {
                for (name, limit) in limits {
                    set(requests, &name, limit);
                }
            });
        });
    });
}

fn volume(volume: &mut Fields) {
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        inside(volume, source, |source| set(source, "defaultMode", json!(0o644)));
    }
    let named = |source: &mut Fields| {
        each(source, "items", |item| inside(item, "fieldRef", |field| set(field, "apiVersion", json!("v1"))));
    };
    inside(volume, "downwardAPI", named);
    inside(volume, "projected", |projected| {
        each(projected, "sources", |source| {
            inside(source, "downwardAPI", named);
            inside(source, "serviceAccountToken", |token| set(token, "expirationSeconds", json!(3600)));
        });
    });
    inside(volume, "hostPath", |path| set(path, "type", json!("")));
    if volume.len() == 1 {
        set(volume, "emptyDir", json!({}));
    }
}

fn container(container: &mut Fields) {
    set(container, "terminationMessagePath", json!("/dev/termination-log"));
    set(container, "terminationMessagePolicy", json!("File"));
    set(container, "resources", json!({}));
    let image = word(container, "image").to_owned();
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map_or("latest", |(_, tag)| tag);
    let pull = if tag == "latest" && !image.contains('@') { "Always" } else { "IfNotPresent" };
    set(container, "imagePullPolicy", json!(pull));
    each(container, "ports", |port| set(port, "protocol", json!("TCP")));
    each(container, "env", |variable| {
        inside(variable, "valueFrom", |source| {
            inside(source, "fieldRef", |field| set(field, "apiVersion", json!("v1")));
            inside(source, "resourceFieldRef", |field| set(field, "divisor", json!("0")));
        });
    });
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        inside(container, probe, |probe| {
            set(probe, "timeoutSeconds", json!(1));
            set(probe, "periodSeconds", json!(10));
            set(probe, "successThreshold", json!(1));
            set(probe, "failureThreshold", json!(3));
            inside(probe, "httpGet", |get| {
                set(get, "path", json!("/"));
                set(get, "scheme", json!("HTTP"));
            });
        });
    }
}

fn network_policy(spec: &mut Fields) {
    set(spec, "podSelector", json!({}));
    for list in ["ingress", "egress"] {
        each(spec, list, |rule| each(rule, "ports", |port| set(port, "protocol", json!("TCP"))));
    }
    let types = if spec.contains_key("egress") { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    set(spec, "policyTypes", types);
}

fn autoscaler(spec: &mut Fields) {
    set(spec, "minReplicas", json!(1));
    let cpu = json!({"type": "Resource", "resource": {
        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80},
    }});
    set(spec, "metrics", json!([cpu]));
}

fn binding(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    each(fields, "subjects", |subject| {
        if matches!(word(subject, "kind"), "User" | "Group") {
            set(subject, "apiGroup", json!("rbac.authorization.k8s.io"));
        }
    });
}

fn definition(spec: &mut Fields) {
    set(spec, "conversion", json!({"strategy": "None"}));
    inside(spec, "names", |names| {
        let kind = word(names, "kind").to_owned();
        set(names, "listKind", json!(format!("{kind}List")));
        set(names, "singular", json!(kind.to_lowercase()));
    });
}
