//! What the agent lives on: never pruned, never changed from a bundle (DESIGN §4.10).

use skerry_common::object::ObjectKey;

/// How the names of all its rights begin.
pub const RIGHTS_PREFIX: &str = "skerry-agent";

/// The kinds that give the agent its rights, or keep it from widening them: group and kind.
///
/// `deploy/` makes nothing of these kinds under another name; a test holds that. The admission policy in
/// `deploy/agent/cluster-wide/guard.yaml` refuses the same to the agent's account, for the day that this table is
/// wrong.
pub const RIGHTS: [(&str, &str); 6] = [
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
];

/// What the agent lives on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protected {
    /// The agent's namespace, with all that is in it; empty when it runs outside the cluster.
    pub namespace: String,
}

impl Protected {
    /// Whether an object is part of it.
    pub fn covers(&self, key: &ObjectKey) -> bool {
        let is_right = RIGHTS.contains(&(key.group.as_str(), key.kind.as_str()));
        let is_namespace = key.group.is_empty() && key.kind == "Namespace" && key.name == self.namespace;
        let is_inside = key.namespace.as_deref() == Some(self.namespace.as_str());
        (is_right && key.name.starts_with(RIGHTS_PREFIX)) || (!self.namespace.is_empty() && (is_namespace || is_inside))
    }
}
