//! The order in which a build gives its resources: by kind, in an order in which they can be
//! applied, then by group, version, namespace and name.

use std::cmp::Ordering;

use super::accumulate::append;
use super::resource::Resource;
use crate::codes::Fallible;

/// Kinds that others need come first …
const FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// … and what may get in the way of others comes last.
const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// What a resource is sorted by. Empty parts sort after all others: `~` follows every letter.
struct Key {
    rank: usize,
    gvk: String,
    id: String,
    is_core_namespace: bool,
}

/// Sorts resources; refuses two that renaming has made one.
pub(crate) fn sort(resources: Vec<Resource>) -> Fallible<Vec<Resource>> {
    let mut keyed: Vec<(Key, Resource)> = resources.into_iter().map(|resource| (key(&resource), resource)).collect();
    keyed.sort_by(|(left, _), (right, _)| compare(left, right));
    let mut sorted = Vec::with_capacity(keyed.len());
    append(&mut sorted, keyed.into_iter().map(|(_, resource)| resource).collect())?;
    Ok(sorted)
}

fn compare(left: &Key, right: &Key) -> Ordering {
    let by_gvk = if left.is_core_namespace || right.is_core_namespace {
        right.gvk.cmp(&left.gvk)
    } else {
        left.gvk.cmp(&right.gvk)
    };
    left.rank.cmp(&right.rank).then(by_gvk).then_with(|| left.id.cmp(&right.id))
}

fn key(resource: &Resource) -> Key {
    let gvk = resource.gvk();
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    let place = |kinds: &[&str]| kinds.iter().position(|kind| *kind == gvk.kind);
    let rank = match (place(FIRST), place(LAST)) {
        (Some(index), _) => index,
        (None, None) => FIRST.len(),
        (None, Some(index)) => FIRST.len() + 1 + index,
    };
    Key {
        rank,
        is_core_namespace: gvk.kind == "Namespace" && gvk.group.is_empty(),
        id: format!("{}|{}", or(resource.namespace(), "~X"), or(resource.name(), "~N")),
        gvk: format!("{}_{}_{}", or(&gvk.group, "~G"), or(&gvk.version, "~V"), or(&gvk.kind, "~K")),
    }
}
