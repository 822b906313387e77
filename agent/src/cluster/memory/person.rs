//! Somebody else who works on the cluster: a person with kubectl, a controller, another tool.

use serde_json::{Value, json};

use super::MemoryCluster;
use super::state::{State, stamp};
use super::write::absent;
use crate::cluster::{Applied, Apply, ApplyMode, ClusterError, Deleted, Force, Target};

/// Writes as kubectl would, under a field manager of its own; not counted as requests of the agent.
#[derive(Debug, Clone)]
pub struct Person {
    cluster: MemoryCluster,
    manager: String,
}

impl Person {
    pub(super) fn new(cluster: MemoryCluster, manager: &str) -> Self {
        Self { cluster, manager: manager.to_owned() }
    }

    /// The address of an object by its kind and name, if such a kind is served.
    pub fn target(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Target> {
        let state = self.cluster.lock();
        let served = state.kinds.iter().find(|served| served.api.kind == kind)?;
        Some(Target { kind: served.api.clone(), namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }

    /// The object as it is now.
    pub fn read(&self, target: &Target) -> Option<Value> {
        self.cluster.lock().live(target).map(|object| Value::clone(&object))
    }

    /// `kubectl create`.
    pub fn create(&self, object: Value) -> Result<Value, ClusterError> {
        self.cluster.transact(|state, now| {
            let target = target_of(state, &object)?;
            state.update(&target, object, &self.manager, now).map(|object| Value::clone(&object))
        })
    }

    /// `kubectl edit`: reads, changes, replaces.
    pub fn edit(&self, target: &Target, change: impl FnOnce(&mut Value)) -> Result<Value, ClusterError> {
        self.cluster.transact(|state, now| {
            let mut object = Value::clone(&*state.live(target).ok_or_else(|| absent(target))?);
            change(&mut object);
            state.update(target, object, &self.manager, now).map(|object| Value::clone(&object))
        })
    }

    /// `kubectl apply --server-side`.
    pub fn apply(&self, target: &Target, object: &Value, force: Force) -> Result<Applied, ClusterError> {
        let how = Apply { manager: &self.manager, force, mode: ApplyMode::Keep };
        self.cluster.transact(|state, now| state.apply(target, object, how, now))
    }

    /// `kubectl patch --type=json`.
    pub fn patch(&self, target: &Target, operations: &Value) -> Result<Value, ClusterError> {
        self.cluster.transact(|state, now| state.patch(target, operations, &self.manager, now))
    }

    /// `kubectl scale`.
    pub fn scale(&self, target: &Target, replicas: u32) -> Result<Value, ClusterError> {
        self.edit(target, |object| object["spec"]["replicas"] = json!(replicas))
    }

    /// `kubectl rollout restart`.
    pub fn restart(&self, target: &Target) -> Result<Value, ClusterError> {
        let time = stamp((self.cluster.shared.now)());
        self.edit(target, |object| {
            object["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = json!(time);
        })
    }

    /// Replaces the status, as a controller does.
    pub fn set_status(&self, target: &Target, status: Value) -> Result<Value, ClusterError> {
        self.cluster.transact(|state, now| {
            let written = state.update_status(target, |object| object["status"] = status, &self.manager, now)?;
            Ok(Value::clone(&written))
        })
    }

    /// `kubectl delete`.
    pub fn delete(&self, target: &Target) -> Result<Deleted, ClusterError> {
        self.cluster.transact(|state, now| state.delete(target, None, now))
    }
}

/// The address that a document gives itself.
pub(super) fn target_of(state: &State, object: &Value) -> Result<Target, ClusterError> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let unknown = || ClusterError::NotFound { message: "the server could not find the requested resource".into() };
    let kind = state.kind_named(text("/apiVersion"), text("/kind")).ok_or_else(unknown)?;
    let namespace = kind.api.namespaced.then(|| match text("/metadata/namespace") {
        "" => "default".to_owned(),
        namespace => namespace.to_owned(),
    });
    Ok(Target { kind: kind.api, namespace, name: text("/metadata/name").to_owned() })
}
