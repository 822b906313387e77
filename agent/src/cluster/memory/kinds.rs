//! Which kinds the twin serves: a fixed table, and what custom resource definitions add.

use serde_json::Value;

use super::shape::{Shape, of_schema};
use crate::cluster::{ApiKind, ServedKind};

/// A kind, and how the server treats its objects.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    /// As the API serves it.
    pub(super) api: ApiKind,
    /// What its objects look like.
    pub(super) shape: Shape,
    /// Whether its status is written through a door of its own only.
    pub(super) has_status: bool,
    /// Whether `metadata.generation` counts changes of its spec.
    pub(super) has_generation: bool,
    /// Fields that cannot change after creation.
    pub(super) immutable: &'static [&'static str],
}

struct Row {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    traits: &'static str,
    immutable: &'static [&'static str],
}

const fn row(
    (group, version): (&'static str, &'static str),
    kind: &'static str,
    plural: &'static str,
    traits: &'static str,
    immutable: &'static [&'static str],
) -> Row {
    Row { group, version, kind, plural, namespaced: true, traits, immutable }
}

const fn whole_cluster(mut row: Row) -> Row {
    row.namespaced = false;
    row
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const BATCH: (&str, &str) = ("batch", "v1");
const NETWORKING: (&str, &str) = ("networking.k8s.io", "v1");
const RBAC: (&str, &str) = ("rbac.authorization.k8s.io", "v1");

/// `s`: has a status door, `g`: counts generations.
const TABLE: [Row; 23] = [
    whole_cluster(row(CORE, "Namespace", "namespaces", "s", &[])),
    row(CORE, "ConfigMap", "configmaps", "", &[]),
    row(CORE, "Secret", "secrets", "", &["/type"]),
    row(CORE, "Service", "services", "s", &["/spec/clusterIP"]),
    row(CORE, "ServiceAccount", "serviceaccounts", "", &[]),
    row(CORE, "Pod", "pods", "sg", &["/spec/nodeName"]),
    row(CORE, "PersistentVolumeClaim", "persistentvolumeclaims", "s", &["/spec/accessModes", "/spec/storageClassName"]),
    row(APPS, "Deployment", "deployments", "sg", &["/spec/selector"]),
    row(
        APPS,
        "StatefulSet",
        "statefulsets",
        "sg",
        &["/spec/selector", "/spec/serviceName", "/spec/podManagementPolicy"],
    ),
    row(APPS, "DaemonSet", "daemonsets", "sg", &["/spec/selector"]),
    row(APPS, "ReplicaSet", "replicasets", "sg", &["/spec/selector"]),
    row(BATCH, "Job", "jobs", "sg", &["/spec/template", "/spec/selector", "/spec/completions"]),
    row(BATCH, "CronJob", "cronjobs", "sg", &[]),
    row(NETWORKING, "Ingress", "ingresses", "sg", &[]),
    row(NETWORKING, "NetworkPolicy", "networkpolicies", "g", &[]),
    row(("autoscaling", "v2"), "HorizontalPodAutoscaler", "horizontalpodautoscalers", "s", &[]),
    row(("policy", "v1"), "PodDisruptionBudget", "poddisruptionbudgets", "sg", &[]),
    row(RBAC, "Role", "roles", "", &[]),
    row(RBAC, "RoleBinding", "rolebindings", "", &["/roleRef"]),
    whole_cluster(row(RBAC, "ClusterRole", "clusterroles", "", &[])),
    whole_cluster(row(RBAC, "ClusterRoleBinding", "clusterrolebindings", "", &["/roleRef"])),
    row(("coordination.k8s.io", "v1"), "Lease", "leases", "", &[]),
    whole_cluster(row(
        ("apiextensions.k8s.io", "v1"),
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "sg",
        &["/spec/group", "/spec/names/kind", "/spec/scope"],
    )),
];

/// Verbs of every kind of the twin.
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// The kinds of the table.
pub(super) fn built_in() -> Vec<Kind> {
    TABLE.iter().map(of_row).collect()
}

fn of_row(row: &Row) -> Kind {
    Kind {
        api: ApiKind {
            group: row.group.into(),
            version: row.version.into(),
            kind: row.kind.into(),
            plural: row.plural.into(),
            namespaced: row.namespaced,
        },
        shape: Shape::Named(row.kind),
        has_status: row.traits.contains('s'),
        has_generation: row.traits.contains('g'),
        immutable: row.immutable,
    }
}

/// The kinds that a custom resource definition makes known: one a served version.
pub(super) fn of_definition(definition: &Value) -> Vec<Kind> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let served = versions.into_iter().flatten().filter(|version| version.get("served") == Some(&Value::Bool(true)));
    let kind = |version: &Value| Kind {
        api: ApiKind {
            group: text("/spec/group"),
            version: version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            kind: text("/spec/names/kind"),
            plural: text("/spec/names/plural"),
            namespaced: text("/spec/scope") == "Namespaced",
        },
        shape: version.pointer("/schema/openAPIV3Schema").map_or(Shape::Any, of_schema),
        has_status: version.pointer("/subresources/status").is_some(),
        has_generation: true,
        immutable: &[],
    };
    served.map(kind).collect()
}

/// How a kind is shown by discovery.
pub(super) fn served(kind: &Kind, preferred: bool) -> ServedKind {
    ServedKind { kind: kind.api.clone(), preferred, verbs: VERBS.map(str::to_owned).to_vec() }
}
