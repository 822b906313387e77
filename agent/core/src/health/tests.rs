use serde_json::{Value, json};
use skerry_common::status::Health;

use super::*;

fn check(api_version: &str, kind: &str, rest: Value, view: Health, gate: Gate) {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "generation": 2}});
    object.as_object_mut().expect("a mapping").extend(rest.as_object().expect("a mapping").clone());
    let judgement = judge(&object, Observed::AfterApply);
    assert_eq!((judgement.view, judgement.gate), (view, gate), "{kind} {rest}: {}", judgement.reason);
    assert_eq!(judgement.reason.is_empty(), view == Health::Healthy, "{kind} {rest}: {}", judgement.reason);
}

fn healthy(api_version: &str, kind: &str, rest: Value) {
    check(api_version, kind, rest, Health::Healthy, Gate::Pass);
}

fn progressing(api_version: &str, kind: &str, rest: Value) {
    check(api_version, kind, rest, Health::Progressing, Gate::Wait);
}

fn degraded(api_version: &str, kind: &str, rest: Value) {
    check(api_version, kind, rest, Health::Degraded, Gate::Fail);
}

fn is(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

#[test]
fn deployments() {
    let (version, kind) = ("apps/v1", "Deployment");
    let status = |replicas: i64, updated: i64, available: i64, conditions: Value| {
        json!({"spec": {"replicas": 3}, "status": {"observedGeneration": 2, "replicas": replicas, "updatedReplicas": updated,
               "readyReplicas": available, "availableReplicas": available, "conditions": conditions}})
    };
    let rolled = is("Progressing", "True", "NewReplicaSetAvailable");
    healthy(version, kind, status(3, 3, 3, json!([is("Available", "True", "MinimumReplicasAvailable"), rolled])));
    healthy(version, kind, json!({"spec": {"replicas": 0}, "status": {"observedGeneration": 2}}));
    progressing(version, kind, json!({"spec": {"replicas": 3}}));
    progressing(
        version,
        kind,
        json!({"spec": {}, "status": {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}}),
    );
    progressing(version, kind, status(3, 1, 3, json!([])));
    progressing(version, kind, status(4, 3, 3, json!([])));
    progressing(version, kind, status(3, 3, 2, json!([is("Available", "True", "MinimumReplicasAvailable"), rolled])));
    degraded(version, kind, status(3, 3, 0, json!([is("Available", "False", "MinimumReplicasUnavailable"), rolled])));
    progressing(
        version,
        kind,
        status(
            3,
            3,
            0,
            json!([
                is("Available", "False", "MinimumReplicasUnavailable"),
                is("Progressing", "True", "ReplicaSetUpdated")
            ]),
        ),
    );
    degraded(version, kind, status(3, 1, 1, json!([is("Progressing", "False", "ProgressDeadlineExceeded")])));
    degraded(version, kind, status(0, 0, 0, json!([is("ReplicaFailure", "True", "FailedCreate")])));
    check(version, kind, json!({"spec": {"paused": true}}), Health::Suspended, Gate::Wait);
}

#[test]
fn other_controllers_of_pods() {
    let (version, kind) = ("apps/v1", "StatefulSet");
    let set = |ready: i64, updated: i64, current: &str, strategy: Value| {
        json!({"spec": {"replicas": 3, "updateStrategy": strategy}, "status": {"observedGeneration": 2, "replicas": 3,
               "readyReplicas": ready, "updatedReplicas": updated, "currentRevision": current, "updateRevision": "b"}})
    };
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
    healthy(version, kind, set(3, 3, "b", rolling.clone()));
    progressing(version, kind, set(2, 3, "b", rolling.clone()));
    progressing(version, kind, set(3, 2, "a", rolling.clone()));
    progressing(version, kind, set(3, 3, "a", rolling));
    healthy(version, kind, set(3, 1, "a", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})));
    healthy(version, kind, set(3, 0, "a", json!({"type": "OnDelete"})));
    progressing(version, kind, json!({"spec": {"replicas": 3}}));

    let daemon = |wanted: i64, updated: i64, available: i64| json!({"status": {"observedGeneration": 2, "desiredNumberScheduled": wanted, "updatedNumberScheduled": updated, "numberAvailable": available}});
    healthy(version, "DaemonSet", daemon(3, 3, 3));
    healthy(version, "DaemonSet", daemon(0, 0, 0));
    progressing(version, "DaemonSet", daemon(3, 1, 3));
    progressing(version, "DaemonSet", daemon(3, 3, 1));
    progressing(version, "DaemonSet", json!({}));

    healthy(
        version,
        "ReplicaSet",
        json!({"spec": {"replicas": 2}, "status": {"observedGeneration": 2, "availableReplicas": 2}}),
    );
    progressing(
        version,
        "ReplicaSet",
        json!({"spec": {"replicas": 2}, "status": {"observedGeneration": 2, "replicas": 2}}),
    );
    let failure = json!([is("ReplicaFailure", "True", "FailedCreate")]);
    degraded(version, "ReplicaSet", json!({"status": {"observedGeneration": 2, "conditions": failure}}));
}

#[test]
fn jobs_and_pods() {
    healthy(
        "batch/v1",
        "Job",
        json!({"status": {"succeeded": 1, "conditions": [is("SuccessCriteriaMet", "True", ""), is("Complete", "True", "")]}}),
    );
    degraded("batch/v1", "Job", json!({"status": {"conditions": [is("Failed", "True", "BackoffLimitExceeded")]}}));
    progressing("batch/v1", "Job", json!({"status": {"active": 1}}));
    progressing("batch/v1", "Job", json!({}));
    check("batch/v1", "Job", json!({"spec": {"suspend": true}}), Health::Suspended, Gate::Pass);
    healthy("batch/v1", "CronJob", json!({"spec": {"suspend": false}, "status": {}}));
    check("batch/v1", "CronJob", json!({"spec": {"suspend": true}}), Health::Suspended, Gate::Pass);

    let pod = |phase: &str, rest: Value| {
        let mut status = json!({"phase": phase});
        status.as_object_mut().expect("a mapping").extend(rest.as_object().expect("a mapping").clone());
        json!({"status": status})
    };
    let waiting =
        |reason: &str| json!({"containerStatuses": [{"name": "a", "state": {"waiting": {"reason": reason}}}]});
    healthy("v1", "Pod", pod("Running", json!({"conditions": [is("Ready", "True", "")]})));
    healthy("v1", "Pod", pod("Succeeded", json!({})));
    progressing("v1", "Pod", pod("Running", json!({"conditions": [is("Ready", "False", "ContainersNotReady")]})));
    progressing("v1", "Pod", pod("Pending", json!({"conditions": [is("PodScheduled", "False", "Unschedulable")]})));
    progressing("v1", "Pod", pod("Pending", waiting("ContainerCreating")));
    progressing("v1", "Pod", json!({}));
    for reason in ["CrashLoopBackOff", "ImagePullBackOff", "CreateContainerConfigError"] {
        degraded("v1", "Pod", pod("Running", waiting(reason)));
    }
    degraded("v1", "Pod", pod("Failed", json!({"reason": "Evicted"})));
    check("v1", "Pod", pod("Unknown", json!({})), Health::Unknown, Gate::Wait);
}

#[test]
fn what_pods_use() {
    let phase = |phase: &str| json!({"status": {"phase": phase}});
    healthy("v1", "PersistentVolumeClaim", phase("Bound"));
    progressing("v1", "PersistentVolumeClaim", phase("Pending"));
    degraded("v1", "PersistentVolumeClaim", phase("Lost"));
    healthy("v1", "Service", json!({"spec": {"type": "ClusterIP"}}));
    let balancer = |ingress: Value| json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": ingress}});
    progressing("v1", "Service", balancer(json!({})));
    healthy("v1", "Service", balancer(json!({"ingress": [{"ip": "192.0.2.1"}]})));
    healthy("networking.k8s.io/v1", "Ingress", json!({"status": {"loadBalancer": {}}}));
    let scaler = |conditions: Value| json!({"status": {"conditions": conditions}});
    let (version, kind) = ("autoscaling/v2", "HorizontalPodAutoscaler");
    healthy(version, kind, scaler(json!([is("AbleToScale", "True", ""), is("ScalingActive", "True", "")])));
    healthy(version, kind, scaler(json!([is("ScalingActive", "False", "ScalingDisabled")])));
    degraded(version, kind, scaler(json!([is("ScalingActive", "False", "FailedGetResourceMetric")])));
    degraded(version, kind, scaler(json!([is("AbleToScale", "False", "FailedGetScale")])));
    progressing(version, kind, json!({}));
    let budget =
        |current: i64| json!({"status": {"observedGeneration": 2, "currentHealthy": current, "desiredHealthy": 1}});
    healthy("policy/v1", "PodDisruptionBudget", budget(1));
    progressing("policy/v1", "PodDisruptionBudget", budget(0));
    progressing("policy/v1", "PodDisruptionBudget", json!({}));
}

#[test]
fn what_extends_the_api() {
    let conditions = |conditions: Value| json!({"status": {"conditions": conditions}});
    let (version, kind) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    healthy(version, kind, conditions(json!([is("NamesAccepted", "True", ""), is("Established", "True", "")])));
    progressing(version, kind, conditions(json!([is("Established", "False", "Installing")])));
    progressing(version, kind, json!({}));
    degraded(version, kind, conditions(json!([is("NamesAccepted", "False", "PluralConflict")])));
    healthy("apiregistration.k8s.io/v1", "APIService", conditions(json!([is("Available", "True", "Passed")])));
    progressing(
        "apiregistration.k8s.io/v1",
        "APIService",
        conditions(json!([is("Available", "False", "MissingEndpoints")])),
    );
}

#[test]
fn anything_with_conditions() {
    let conditions = |conditions: Value| json!({"status": {"observedGeneration": 2, "conditions": conditions}});
    let (version, kind) = ("example.com/v1", "Widget");
    healthy(version, kind, json!({}));
    healthy(version, kind, conditions(json!([is("Ready", "True", "")])));
    healthy(version, kind, conditions(json!([is("Synced", "False", "")])));
    progressing(version, kind, conditions(json!([is("Ready", "False", "Creating")])));
    progressing(version, kind, conditions(json!([is("Ready", "Unknown", "")])));
    progressing(version, kind, conditions(json!([is("Ready", "True", ""), is("Reconciling", "True", "")])));
    degraded(version, kind, conditions(json!([is("Ready", "False", ""), is("Stalled", "True", "Broken")])));
    progressing(version, kind, json!({"status": {"observedGeneration": 1, "conditions": [is("Ready", "True", "")]}}));
}

#[test]
fn deletion_and_age_hold_the_gate() {
    let deleting = json!({"metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    progressing("v1", "Namespace", deleting.clone());
    progressing("v1", "ConfigMap", deleting);
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
    assert_eq!(judge(&object, Observed::BeforeApply).gate, Gate::Wait);
    assert_eq!(judge(&object, Observed::BeforeApply).view, Health::Healthy);
    let statuses =
        [json!(null), json!("x"), json!([]), json!({"conditions": 7}), json!({"conditions": [1, {"type": 2}]})];
    for status in statuses {
        for rule in RULES {
            let odd = json!({"apiVersion": format!("{}/v1", rule.group), "kind": rule.kind, "status": status, "spec": status});
            judge(&odd, Observed::AfterApply);
        }
    }
}

#[test]
fn only_kinds_with_a_status_need_their_body() {
    for (group, kind) in [("apps", "Deployment"), ("", "Pod"), ("example.com", "Widget"), ("", "Service")] {
        assert!(needs_body(group, kind), "{kind}");
    }
    for (group, kind) in [("", "ConfigMap"), ("", "Secret"), ("", "Namespace"), ("networking.k8s.io", "Ingress")] {
        assert!(!needs_body(group, kind), "{kind}");
    }
}
