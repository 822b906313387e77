//! What every [`Cluster`] must do, held on the twin and on a real API server alike.
//!
//! One suite for both: where the two differ, the real API server is right and the twin is changed.

mod deletes;
mod kinds;
mod lists;
mod ownership;
mod reads;
mod same;
mod watches;

use std::time::Duration;

use serde_json::{Value, json};

pub use same::same;

use super::{ApiKind, Apply, ApplyMode, Cluster, ClusterError, Force, Target};

/// The manager of the suite's own writes.
const OURS: &str = "skerry";

/// Somebody else.
const THEIRS: &str = "somebody";

/// Longest wait for something that a cluster does by itself: a busy machine with real controllers needs seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a wait looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// A cluster under test.
pub struct Bench<'a, C> {
    cluster: &'a C,
    prefix: &'a str,
    forget: &'a (dyn Fn() + Send + Sync),
}

impl<C> std::fmt::Debug for Bench<'_, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Holds the whole contract; panics where it is broken.
///
/// `prefix` begins the names of the namespaces that are made and removed. `forget` makes the cluster forget its
/// history, where that can be done; a real API server has none from before its start.
pub async fn hold<C: Cluster>(cluster: &C, prefix: &str, forget: &(dyn Fn() + Send + Sync)) {
    let bench = Bench { cluster, prefix, forget };
    Box::pin(reads::hold(&bench)).await;
    Box::pin(ownership::hold(&bench)).await;
    Box::pin(lists::hold(&bench)).await;
    Box::pin(deletes::hold(&bench)).await;
    Box::pin(kinds::hold(&bench)).await;
    Box::pin(watches::hold(&bench)).await;
}

impl<C: Cluster> Bench<'_, C> {
    /// Makes a namespace of its own for one part of the suite.
    async fn namespace(&self, part: &str) -> String {
        let name = format!("{}-{part}", self.prefix);
        let target = Target { kind: namespace_kind(), namespace: None, name: name.clone() };
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.apply(&target, object).await.expect("a namespace is made");
        name
    }

    /// Removes it again.
    async fn remove_namespace(&self, name: &str) {
        let target = Target { kind: namespace_kind(), namespace: None, name: name.to_owned() };
        if let Some(object) = self.read(&target).await {
            let only = super::Preconditions { uid: text(&object, "/metadata/uid"), resource_version: None };
            self.cluster.delete(&target, &only).await.expect("a namespace is deleted");
        }
    }

    async fn apply(&self, target: &Target, object: Value) -> Result<super::Applied, ClusterError> {
        self.cluster.apply(target, &object, Apply::forced(OURS)).await
    }

    async fn apply_as(&self, manager: &str, target: &Target, object: Value) -> Result<super::Applied, ClusterError> {
        let how = Apply { manager, force: Force::Refuse, mode: ApplyMode::Keep };
        self.cluster.apply(target, &object, how).await
    }

    async fn read(&self, target: &Target) -> Option<Value> {
        self.cluster.get(target, super::Detail::Whole).await.expect("the object can be read")
    }

    async fn present(&self, target: &Target) -> Value {
        self.read(target).await.unwrap_or_else(|| panic!("`{target}` is there"))
    }

    async fn patch(&self, target: &Target, operations: Value) -> Result<Value, ClusterError> {
        self.cluster.patch_json(target, &operations, THEIRS).await
    }
}

/// Waits until a look at the cluster answers.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let wait = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

fn kind(group: &str, version: &str, kind: &str, plural: &str) -> ApiKind {
    ApiKind { group: group.into(), version: version.into(), kind: kind.into(), plural: plural.into(), namespaced: true }
}

fn namespace_kind() -> ApiKind {
    ApiKind { namespaced: false, ..kind("", "v1", "Namespace", "namespaces") }
}

fn config_map(namespace: &str, name: &str) -> Target {
    let kind = kind("", "v1", "ConfigMap", "configmaps");
    Target { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() }
}

fn deployment(namespace: &str, name: &str) -> Target {
    let kind = kind("apps", "v1", "Deployment", "deployments");
    Target { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() }
}

/// A document for a target, with more fields.
fn document(target: &Target, more: Value) -> Value {
    let mut object = json!({
        "apiVersion": target.kind.api_version(), "kind": target.kind.kind,
        "metadata": {"name": target.name},
    });
    if let Some(namespace) = &target.namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    for (name, value) in more.as_object().into_iter().flatten() {
        if name == "metadata" {
            for (name, value) in value.as_object().into_iter().flatten() {
                object["metadata"][name] = value.clone();
            }
        } else {
            object[name] = value.clone();
        }
    }
    object
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `fieldsV1` of a manager, by operation.
fn owned(object: &Value, manager: &str, operation: &str) -> Value {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut entries = entries.into_iter().flatten();
    let entry = entries.find(|entry| {
        entry["manager"] == manager && entry["operation"] == operation && entry.get("subresource").is_none()
    });
    entry.map(|entry| entry["fieldsV1"].clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::memory::MemoryCluster;

    #[tokio::test]
    async fn the_twin_holds_the_contract() {
        let cluster = MemoryCluster::new(1, Arc::new(time::OffsetDateTime::now_utc));
        hold(&cluster, "contract", &|| cluster.compact()).await;
    }

    #[tokio::test]
    async fn two_twins_answer_alike() {
        let one = MemoryCluster::new(1, Arc::new(time::OffsetDateTime::now_utc));
        let two = MemoryCluster::new(2, Arc::new(time::OffsetDateTime::now_utc));
        same(&one, &two, "same").await;
    }
}
