//! Random objects of built-in kinds and others, whose names refer to each other.

mod access;
mod config;
mod network;
mod workloads;

pub(crate) use workloads::{container, variable, volume};

use crate::random::Random;
use crate::words::{LABELS, NAMES, NAMESPACES, pairs};
use crate::yaml::{Value, map, raw};

/// What later fields need to know of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) api: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    /// As it is after the prefixes of the folders below.
    pub(crate) now: String,
}

type Fill = fn(&mut Value, &mut Random);

/// API version, kind, how often, and what fills it.
const KINDS: &[(&str, &str, usize, Fill)] = &[
    ("apps/v1", "Deployment", 12, workloads::deployment),
    ("apps/v1", "StatefulSet", 6, workloads::stateful_set),
    ("apps/v1", "DaemonSet", 3, workloads::daemon_set),
    ("apps/v1", "ReplicaSet", 2, workloads::deployment),
    ("v1", "ReplicationController", 1, workloads::replication_controller),
    ("batch/v1", "Job", 3, workloads::job),
    ("batch/v1", "CronJob", 4, workloads::cron_job),
    ("v1", "Pod", 3, workloads::pod),
    ("v1", "PodTemplate", 1, workloads::pod_template),
    ("v1", "Service", 8, network::service),
    ("v1", "ConfigMap", 8, config::config_map),
    ("v1", "Secret", 5, config::secret),
    ("v1", "ServiceAccount", 5, access::service_account),
    ("v1", "PersistentVolumeClaim", 3, config::claim),
    ("v1", "PersistentVolume", 2, config::volume),
    ("storage.k8s.io/v1", "StorageClass", 2, config::storage_class),
    ("v1", "Namespace", 3, nothing),
    ("v1", "ResourceQuota", 1, config::quota),
    ("v1", "LimitRange", 1, config::limits),
    ("networking.k8s.io/v1", "Ingress", 5, network::ingress),
    ("extensions/v1beta1", "Ingress", 1, network::old_ingress),
    ("networking.k8s.io/v1", "IngressClass", 1, nothing),
    ("networking.k8s.io/v1", "NetworkPolicy", 3, network::policy),
    ("policy/v1", "PodDisruptionBudget", 2, network::budget),
    ("autoscaling/v2", "HorizontalPodAutoscaler", 3, network::autoscaler),
    ("autoscaling/v1", "HorizontalPodAutoscaler", 1, network::autoscaler),
    ("rbac.authorization.k8s.io/v1", "Role", 3, access::role),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", 3, access::cluster_role),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", 4, access::binding),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", 3, access::cluster_binding),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", 2, access::webhooks),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", 1, access::webhooks),
    ("apiregistration.k8s.io/v1", "APIService", 1, access::api_service),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", 2, config::definition),
    ("scheduling.k8s.io/v1", "PriorityClass", 1, config::priority),
    ("example.com/v1", "Widget", 5, config::widget),
    ("serving.knative.dev/v1", "Service", 1, config::widget),
    ("example.com/v1", "Namespace", 1, config::widget),
    ("discovery.k8s.io/v1", "EndpointSlice", 1, nothing),
    ("v1", "Endpoints", 1, nothing),
];

/// Annotations that mean something to tools.
const RESERVED: &[&str] = &[
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/prefixes",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.kubernetes.io/local-config",
    "config.kubernetes.io/origin",
    "kustomize.config.k8s.io/behavior",
    "internal.config.kubernetes.io/generatorBehavior",
];

fn nothing(_: &mut Value, _: &mut Random) {}

const CLUSTER_SCOPED: &[&str] = &[
    "PersistentVolume",
    "StorageClass",
    "Namespace",
    "IngressClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "CustomResourceDefinition",
    "PriorityClass",
];

/// Makes an object, and says what it is.
pub(crate) fn object(random: &mut Random) -> (Value, Known) {
    let total: usize = KINDS.iter().map(|(_, _, weight, _)| weight).sum();
    let mut left = random.below(total);
    let mut chosen = KINDS[0];
    for entry in KINDS {
        if left < entry.2 {
            chosen = *entry;
            break;
        }
        left -= entry.2;
    }
    let (api, kind, _, fill) = chosen;
    let name = match kind {
        "CustomResourceDefinition" => "widgets.example.com".to_owned(),
        "Namespace" => random.word(NAMESPACES),
        "APIService" => "v1.example.com".to_owned(),
        _ => random.word(NAMES),
    };
    let mut value = map([("apiVersion", raw(api)), ("kind", raw(kind))]);
    value.put("metadata", map([("name", raw(name.clone()))]));
    let has_namespace = random.percent(if CLUSTER_SCOPED.contains(&kind) { 3 } else { 25 });
    let namespace = has_namespace.then(|| random.word(NAMESPACES));
    if let Some(namespace) = &namespace {
        value.put_at(&["metadata", "namespace"], raw(namespace.clone()));
    }
    if random.percent(35) {
        value.put_at(&["metadata", "labels"], pairs(random, LABELS, 2));
    }
    if random.percent(20) {
        value.put_at(&["metadata", "annotations"], pairs(random, &["note", "example.com/owner", "checksum"], 2));
    }
    if random.percent(3) {
        value.put_at(&["metadata", "annotations"], map([("config.kubernetes.io/local-config", raw("\"true\""))]));
    }
    if random.percent(2) {
        let key = random.word(RESERVED);
        value.put_at(
            &["metadata", "annotations", &key],
            raw(random.word(&["enabled", "\"true\"", "a", "merge", "x,y"])),
        );
    }
    if random.percent(4) {
        value.put_at(&["metadata", "finalizers"], Value::List(vec![raw("example.com/a"), raw("example.com/b")]));
    }
    fill(&mut value, random);
    if random.percent(2) {
        value.put("status", map([]));
    }
    (value, Known { api, kind, now: name.clone(), name, namespace })
}
