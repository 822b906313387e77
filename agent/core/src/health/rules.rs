//! The table of rules.

use serde_json::Value;

use super::judge::generic;
use super::{Judgement, supporting, workloads};

/// How one kind is judged.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// What must be read of an object.
    pub body: Body,
    /// What its status says. Deletion and `observedGeneration` were looked at before.
    pub judge: fn(&Value) -> Judgement,
}

/// What must be read of an object to judge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Whole,
    /// Its metadata: it is healthy when it exists and is not being deleted.
    Metadata,
}

const fn whole(group: &'static str, kind: &'static str, judge: fn(&Value) -> Judgement) -> Rule {
    Rule { group, kind, body: Body::Whole, judge }
}

const fn exists(group: &'static str, kind: &'static str) -> Rule {
    fn healthy(_: &Value) -> Judgement {
        Judgement::healthy()
    }
    Rule { group, kind, body: Body::Metadata, judge: healthy }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// All rules; a kind that is not here is judged by its conditions.
///
/// A namespace is healthy unless it is being deleted, which its metadata tells. Most ingress
/// controllers never write an ingress's status, so it is healthy when it exists.
pub const RULES: &[Rule] = &[
    whole("apps", "Deployment", workloads::deployment),
    whole("apps", "StatefulSet", workloads::stateful_set),
    whole("apps", "DaemonSet", workloads::daemon_set),
    whole("apps", "ReplicaSet", workloads::replica_set),
    whole("batch", "Job", workloads::job),
    whole("batch", "CronJob", workloads::cron_job),
    whole("", "Pod", workloads::pod),
    whole("", "PersistentVolumeClaim", supporting::volume_claim),
    whole("", "Service", supporting::service),
    whole("autoscaling", "HorizontalPodAutoscaler", supporting::autoscaler),
    whole("policy", "PodDisruptionBudget", supporting::disruption_budget),
    whole("apiregistration.k8s.io", "APIService", generic),
    whole("apiextensions.k8s.io", "CustomResourceDefinition", supporting::definition),
    exists("networking.k8s.io", "Ingress"),
    exists("networking.k8s.io", "IngressClass"),
    exists("networking.k8s.io", "NetworkPolicy"),
    exists("", "Namespace"),
    exists("", "ConfigMap"),
    exists("", "Secret"),
    exists("", "ServiceAccount"),
    exists("", "Endpoints"),
    exists("", "LimitRange"),
    exists("", "ResourceQuota"),
    exists("", "PodTemplate"),
    exists("apps", "ControllerRevision"),
    exists("discovery.k8s.io", "EndpointSlice"),
    exists("coordination.k8s.io", "Lease"),
    exists("scheduling.k8s.io", "PriorityClass"),
    exists("node.k8s.io", "RuntimeClass"),
    exists("storage.k8s.io", "StorageClass"),
    exists("storage.k8s.io", "CSIDriver"),
    exists(RBAC, "Role"),
    exists(RBAC, "RoleBinding"),
    exists(RBAC, "ClusterRole"),
    exists(RBAC, "ClusterRoleBinding"),
    exists(ADMISSION, "MutatingWebhookConfiguration"),
    exists(ADMISSION, "ValidatingWebhookConfiguration"),
    exists(ADMISSION, "ValidatingAdmissionPolicyBinding"),
];

pub(super) fn rule_of(group: &str, kind: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.group == group && rule.kind == kind)
}

/// Whether a kind's health needs more than metadata: watches of other kinds read metadata only.
pub fn needs_body(group: &str, kind: &str) -> bool {
    rule_of(group, kind).is_none_or(|rule| rule.body == Body::Whole)
}
