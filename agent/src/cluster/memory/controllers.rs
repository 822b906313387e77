//! The controllers of the twin: they make ready what they see, at once.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::kinds;
use super::person::target_of;
use super::state::{State, stamp};
use crate::cluster::{ClusterError, Target};

/// The field manager of nearly all controllers of a real cluster.
const CONTROLLER_MANAGER: &str = "kube-controller-manager";

impl State {
    /// Creates an object as a part of the cluster itself.
    pub(super) fn put_as_controller(
        &mut self,
        object: Value,
        manager: &str,
        now: OffsetDateTime,
    ) -> Result<(), ClusterError> {
        let target = target_of(self, &object)?;
        if self.live(&target).is_some() {
            return Ok(());
        }
        self.update(&target, object, manager, now).map(drop)
    }

    /// Does what the controllers of a real cluster do some time after an object has changed.
    pub(super) fn react(&mut self, target: &Target, now: OffsetDateTime) {
        let Some(object) = self.live(target) else { return };
        let id = (target.kind.kind.clone(), target.namespace.clone().unwrap_or_default(), target.name.clone());
        match (target.kind.group.as_str(), target.kind.kind.as_str()) {
            ("", "Namespace") => self.furnish_namespace(&target.name, now),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => self.establish(target, &object, now),
            ("apps", "Deployment") if !self.stalled.contains(&id) => self.number_revision(target, &object, now),
            _ => {}
        }
        if !self.stalled.contains(&id)
            && let Some(status) = status_of(target, &object, now)
        {
            self.write_status(target, status, now);
        }
    }

    /// Stops controllers at an object, or lets them catch up.
    pub(super) fn stall(&mut self, (kind, namespace, name): (&str, &str, &str), stalled: bool, now: OffsetDateTime) {
        let id = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        if stalled {
            self.stalled.insert(id);
            return;
        }
        self.stalled.remove(&id);
        let served = self.kinds.iter().find(|served| served.api.kind == kind).map(|served| served.api.clone());
        if let Some(kind) = served {
            let namespace = kind.namespaced.then(|| namespace.to_owned());
            self.react(&Target { kind, namespace, name: name.to_owned() }, now);
        }
    }

    fn write_status(&mut self, target: &Target, status: Value, now: OffsetDateTime) {
        let written = self.update_status(target, |object| object["status"] = status, CONTROLLER_MANAGER, now);
        debug_assert!(written.is_ok(), "a status of the twin's own fits: {written:?}");
    }

    /// What every namespace of a real cluster holds.
    fn furnish_namespace(&mut self, namespace: &str, now: OffsetDateTime) {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}});
        let root = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": "the in-memory cluster has no CA"},
            "metadata": {"name": "kube-root-ca.crt", "namespace": namespace},
        });
        for object in [account, root] {
            let put = self.put_as_controller(object, CONTROLLER_MANAGER, now);
            debug_assert!(put.is_ok(), "the contents of a namespace are valid: {put:?}");
        }
    }

    /// Makes the kinds of a definition known.
    fn establish(&mut self, target: &Target, definition: &Value, now: OffsetDateTime) {
        let kinds = kinds::of_definition(definition);
        if let Some(first) = kinds.first().map(|kind| kind.api.clone()) {
            self.kinds.retain(|served| served.api.group != first.group || served.api.kind != first.kind);
        }
        self.kinds.extend(kinds);
        let condition = |kind: &str, reason: &str| json!({"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": stamp(now)});
        let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
        let stored = versions.into_iter().flatten().filter(|version| version["storage"] == json!(true));
        let mut status = json!({
            "acceptedNames": definition["spec"]["names"],
            "storedVersions": stored.map(|version| version["name"].clone()).collect::<Vec<_>>(),
            "conditions": [condition("NamesAccepted", "NoConflicts"), condition("Established", "InitialNamesAccepted")],
        });
        if let Some(before) = definition.pointer("/status/conditions") {
            status["conditions"] = before.clone();
        }
        let written = self.update_status(target, |object| object["status"] = status, "kube-apiserver", now);
        debug_assert!(written.is_ok(), "the status of a definition fits: {written:?}");
    }

    /// Names the revision of a deployment, in the annotation that its controller sets beside ours.
    fn number_revision(&mut self, target: &Target, object: &Value, now: OffsetDateTime) {
        const REVISION: &str = "deployment.kubernetes.io/revision";
        let annotations = object.pointer("/metadata/annotations");
        if annotations.and_then(|annotations| annotations.get(REVISION)).is_some() {
            return;
        }
        let name = |object: &mut Value| object["metadata"]["annotations"][REVISION] = json!("1");
        let put = self.update_status(target, name, CONTROLLER_MANAGER, now);
        debug_assert!(put.is_ok(), "an annotation fits: {put:?}");
    }
}

/// The status of something that works.
fn status_of(target: &Target, object: &Value, now: OffsetDateTime) -> Option<Value> {
    let generation = object.pointer("/metadata/generation").cloned().unwrap_or(json!(1));
    let number = |pointer: &str| object.pointer(pointer).cloned().unwrap_or(json!(1));
    let replicas = number("/spec/replicas");
    let condition = |kind: &str, reason: &str| {
        let before = object.pointer("/status/conditions").and_then(Value::as_array);
        let same = before.into_iter().flatten().find(|condition| condition["type"] == kind).cloned();
        same.unwrap_or_else(|| {
            json!({
                "type": kind, "status": "True", "reason": reason, "message": "",
                "lastTransitionTime": stamp(now),
            })
        })
    };
    let status = match (target.kind.group.as_str(), target.kind.kind.as_str()) {
        ("apps", "Deployment") => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [
                condition("Available", "MinimumReplicasAvailable"), condition("Progressing", "NewReplicaSetAvailable"),
            ],
        }),
        ("apps", "ReplicaSet") => json!({
            "observedGeneration": generation, "replicas": replicas, "readyReplicas": replicas,
            "availableReplicas": replicas, "fullyLabeledReplicas": replicas,
        }),
        ("apps", "StatefulSet") => {
            let revision = format!("{}-{generation}", target.name);
            json!({
                "observedGeneration": generation, "replicas": replicas, "readyReplicas": replicas,
                "availableReplicas": replicas, "currentReplicas": replicas, "updatedReplicas": replicas,
                "currentRevision": revision, "updateRevision": revision, "collisionCount": 0,
            })
        }
        ("apps", "DaemonSet") => json!({
            "observedGeneration": generation, "currentNumberScheduled": 1, "desiredNumberScheduled": 1,
            "numberMisscheduled": 0, "numberReady": 1, "numberAvailable": 1, "updatedNumberScheduled": 1,
        }),
        ("batch", "Job") if object["spec"]["suspend"] != json!(true) => json!({
            "startTime": stamp(now), "completionTime": stamp(now), "succeeded": number("/spec/completions"), "ready": 0,
            "conditions": [condition("SuccessCriteriaMet", "CompletionsReached"), condition("Complete", "CompletionsReached")],
        }),
        ("", "PersistentVolumeClaim") => json!({
            "phase": "Bound", "accessModes": object["spec"]["accessModes"],
        }),
        ("", "Pod") => json!({"phase": "Running", "conditions": [condition("Ready", "PodReady")]}),
        ("", "Service") if object["spec"]["type"] == "LoadBalancer" => {
            json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})
        }
        ("policy", "PodDisruptionBudget") => json!({
            "observedGeneration": generation, "disruptionsAllowed": 1, "currentHealthy": 1, "desiredHealthy": 1,
            "expectedPods": 1, "conditions": [condition("DisruptionAllowed", "SufficientPods")],
        }),
        _ => return None,
    };
    // A job that is done stays as it was when it was done.
    let done = target.kind.kind == "Job" && object.pointer("/status/completionTime").is_some();
    Some(status).filter(|_| !done)
}
