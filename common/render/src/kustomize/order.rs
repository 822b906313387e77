//! The order in which a build gives its resources: as `sortOptions` says, or else by kind, in an
//! order in which they can be applied, then by group, version, namespace and name.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use skerry_yaml::sort_as_go;

use super::accumulate::append;
use super::file::SortRule;
use super::resource::Resource;
use crate::codes::{self, Fallible, fail};

/// Kinds that others need come first …
pub(crate) const FIRST: &[&str] = &[
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
pub(crate) const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// What a resource is sorted by. Empty parts sort after all others: `~` follows every letter.
struct Key {
    rank: isize,
    gvk: String,
    id: String,
    namespace: Namespace,
}

/// Whether a kind is called `Namespace`, and is the one of Kubernetes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Namespace {
    No,
    Core,
    Other,
}

/// Refuses two that renaming has made one. What is input of tools only, and has stayed since it is
/// called like something else, does not count.
fn refuse_twice(resources: &[Resource]) -> Fallible<()> {
    let mut ids = HashSet::new();
    for resource in resources.iter().filter(|resource| !resource.is_local_config()) {
        let id = resource.current_id();
        let message = format!("`{}` is there twice", id.shown());
        if !ids.insert(id) {
            return fail(codes::RESOURCE_TWICE, &resource.location(), message);
        }
    }
    Ok(())
}

/// Puts resources in order; refuses two that renaming has made one.
pub(crate) fn sort(resources: Vec<Resource>, rule: &SortRule) -> Fallible<Vec<Resource>> {
    let mut sorted = Vec::with_capacity(resources.len());
    match rule {
        SortRule::Gathered => {
            refuse_twice(&resources)?;
            sorted = resources;
        }
        SortRule::Invalid { message, at } => return fail(codes::KUSTOMIZATION_INVALID, at, message.clone()),
        SortRule::ByKind { first, last } => {
            let ranks = ranks(first, last);
            let mut keyed: Vec<(Key, Resource)> =
                resources.into_iter().map(|resource| (key(&resource, &ranks), resource)).collect();
            // Beside other kinds of one rank, the exception for namespaces is no order at all.
            sort_as_go(&mut keyed, |(left, _), (right, _)| compare(left, right));
            append(&mut sorted, keyed.into_iter().map(|(_, resource)| resource).collect())?;
        }
    }
    Ok(sorted)
}

/// What Kustomize sorts its own tables of kinds by.
pub(crate) fn kind_key(group: &str, version: &str, kind: &str) -> (isize, String) {
    let place = |kinds: &[&str]| kinds.iter().position(|known| *known == kind);
    let rank = match (place(FIRST), place(LAST)) {
        (Some(index), _) => index.cast_signed() - FIRST.len().cast_signed(),
        (None, Some(index)) => index.cast_signed() + 1,
        (None, None) => 0,
    };
    (rank, sortable(group, version, kind))
}

/// The places of kinds: below zero what comes first, above zero what comes last. Of a kind that is
/// named more than once the last place counts.
fn ranks<'a>(first: &'a [String], last: &'a [String]) -> HashMap<&'a str, isize> {
    let before = first.iter().rev().zip(1..).map(|(kind, place): (_, isize)| (kind.as_str(), -place));
    let after = last.iter().zip(1..).map(|(kind, place)| (kind.as_str(), place));
    let before: Vec<_> = before.collect();
    before.into_iter().rev().chain(after).collect()
}

fn compare(left: &Key, right: &Key) -> Ordering {
    let is_exception = left.namespace != Namespace::No
        && right.namespace != Namespace::No
        && (left.namespace == Namespace::Core || right.namespace == Namespace::Core);
    let by_gvk = left.gvk.cmp(&right.gvk);
    let by_gvk = if is_exception { by_gvk.reverse() } else { by_gvk };
    left.rank.cmp(&right.rank).then(by_gvk).then_with(|| left.id.cmp(&right.id))
}

fn key(resource: &Resource, ranks: &HashMap<&str, isize>) -> Key {
    let gvk = resource.gvk();
    Key {
        rank: ranks.get(gvk.kind.as_str()).copied().unwrap_or(0),
        namespace: match (gvk.kind.as_str(), gvk.group.as_str()) {
            ("Namespace", "") => Namespace::Core,
            ("Namespace", _) => Namespace::Other,
            _ => Namespace::No,
        },
        id: [or(resource.namespace(), "~X"), or(resource.name(), "~N")].join("|"),
        gvk: sortable(&gvk.group, &gvk.version, &gvk.kind),
    }
}

fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}

fn sortable(group: &str, version: &str, kind: &str) -> String {
    [or(group, "~G"), or(version, "~V"), or(kind, "~K")].join("_")
}
