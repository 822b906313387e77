//! The cluster's API: whether it answers, which versions it serves (API), and what the agent may do there (RBAC).

use skerry_common::error_chain::Chain;

use super::Finding;
use crate::cluster::{Cluster, ClusterError, Discovery};
use crate::tasks::lease;

/// The oldest Kubernetes, major and minor: server-side apply is not stable before.
const VERSION_MIN: (u32, u32) = (1, 22);

/// Kinds of which an agent must be able to do everything; bundles are made mostly of them.
const KINDS: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("", "ConfigMap"),
    ("", "Secret"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "Job"),
];

/// What it does with them: server-side apply needs both `patch` and `create`.
const VERBS: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// What it does with its own lease.
const LEASE_VERBS: &[&str] = &["get", "create", "patch"];

/// Why the API server does not answer.
pub(super) fn api_fails(error: &ClusterError) -> Finding {
    let help = match error {
        ClusterError::Configuration { .. } => "check the kubeconfig or the service account's folder",
        ClusterError::Unauthorized { .. } => "renew the credentials, or mount the service account's token",
        ClusterError::Forbidden { .. } => "apply the RBAC manifests of the agent",
        ClusterError::Unreachable { .. }
        | ClusterError::Timeout { .. }
        | ClusterError::NotFound { .. }
        | ClusterError::Conflict(_)
        | ClusterError::Invalid { .. }
        | ClusterError::Expired
        | ClusterError::TooManyRequests { .. }
        | ClusterError::Server { .. }
        | ClusterError::Malformed { .. }
        | ClusterError::TooLarge { .. } => "check that the address is that of the API server and that it runs",
    };
    Finding::fails(format!("API: {}", Chain(error)), help)
}

/// Asks for the version, the kinds that are served, and the agent's rights.
pub(super) async fn check<C: Cluster>(cluster: &C, namespaces: &[String], own_namespace: &str) -> Vec<Finding> {
    let version = match cluster.version().await {
        Ok(version) => version,
        // Without an answer here, nothing below could be told apart from it.
        Err(error) => return vec![api_fails(&error)],
    };
    let mut findings = vec![judged(&version.git_version, &version.platform)];
    match cluster.discover().await {
        Ok(discovery) => {
            findings.extend(served(&discovery, namespaces));
            findings.extend(rights(cluster, &discovery, namespaces).await);
            findings.extend(lease_rights(cluster, &discovery, own_namespace).await);
        }
        Err(error) => findings.push(api_fails(&error)),
    }
    findings
}

fn judged(version: &str, platform: &str) -> Finding {
    match numbers(version) {
        Some(found) if found < VERSION_MIN => Finding::fails(
            format!("API: Kubernetes {version} is too old"),
            format!("upgrade it to {}.{} or later: server-side apply is needed", VERSION_MIN.0, VERSION_MIN.1),
        ),
        // A version that does not read as one is judged by what it serves.
        Some(_) | None => Finding::Works(format!("API: Kubernetes {version} {platform}")),
    }
}

/// `v1.35.4+k3s1` is (1, 35).
fn numbers(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.strip_prefix('v')?.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The usual kinds that an agent of these namespaces manages.
fn usual(namespaces: &[String]) -> impl Iterator<Item = (&'static str, &'static str)> {
    let everywhere = namespaces.is_empty();
    KINDS.iter().copied().filter(move |(_, kind)| everywhere || *kind != "Namespace")
}

fn served(discovery: &Discovery, namespaces: &[String]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = discovery
        .gaps
        .iter()
        .map(|gap| {
            Finding::fails(
                format!("API: `{}/{}` cannot be read: {}", gap.group, gap.version, gap.reason),
                "an aggregated API server is down: repair it or remove its APIService; nothing of its kinds is pruned \
                 until then",
            )
        })
        .collect();
    let absent = usual(namespaces).filter(|(group, kind)| discovery.find(group, kind).is_none());
    findings.extend(absent.map(|(group, kind)| {
        let group = if group.is_empty() { "core" } else { group };
        Finding::fails(
            format!("API: no version of `{kind}` in the group `{group}` is served"),
            "switch it on in the API server (`--runtime-config`), or keep such objects out of the bundles",
        )
    }));
    if findings.is_empty() {
        findings.push(Finding::Works(format!("API: {} kinds are served", discovery.kinds.len())));
    }
    findings
}

/// One line when everything is allowed, else one for each kind with what is missing.
async fn rights<C: Cluster>(cluster: &C, discovery: &Discovery, namespaces: &[String]) -> Vec<Finding> {
    let places: Vec<Option<&str>> = match namespaces {
        [] => vec![None],
        some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    let mut findings = Vec::new();
    for (group, kind) in usual(namespaces) {
        let Some(kind) = discovery.find(group, kind) else { continue };
        for place in &places {
            let mut missing = Vec::new();
            for verb in VERBS {
                match cluster.may(verb, kind, *place).await {
                    Ok(true) => {}
                    Ok(false) => missing.push(*verb),
                    Err(error) => {
                        findings.push(api_fails(&error));
                        return findings;
                    }
                }
            }
            if !missing.is_empty() {
                let place = place.map_or_else(|| "the whole cluster".to_owned(), |name| format!("namespace `{name}`"));
                findings.push(Finding::fails(
                    format!("RBAC: may not {} `{kind}` in {place}", missing.join(", ")),
                    "bind the agent's account to a role that allows it, or keep such objects out of its bundles",
                ));
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::Works(format!("RBAC: {} for the usual kinds", VERBS.join(", "))));
    }
    findings
}

/// Without its lease the agent works, and another one beside it would too: told, and no failure.
async fn lease_rights<C: Cluster>(cluster: &C, discovery: &Discovery, own_namespace: &str) -> Option<Finding> {
    let namespace = lease::namespace(own_namespace);
    let kind = discovery.find("coordination.k8s.io", "Lease")?;
    let mut missing = Vec::new();
    for verb in LEASE_VERBS {
        // An error was told by the rights before.
        if !cluster.may(verb, kind, Some(namespace)).await.unwrap_or(true) {
            missing.push(*verb);
        }
    }
    let what = format!("RBAC: may not {} `{kind}` in namespace `{namespace}`", missing.join(", "));
    (!missing.is_empty())
        .then(|| Finding::Skipped(format!("{what}: a second agent on this cluster would go unnoticed")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::memory::{Failure, Faults, MemoryCluster, Verb};

    fn cluster(change: impl FnOnce(&mut Faults)) -> MemoryCluster {
        let cluster = MemoryCluster::new(1, Arc::new(time::OffsetDateTime::now_utc));
        cluster.faults(change);
        cluster
    }

    /// What does not work, in the order in which it is told.
    async fn failures(cluster: &MemoryCluster, namespaces: &[&str]) -> Vec<Finding> {
        let namespaces: Vec<String> = namespaces.iter().map(|&name| name.to_owned()).collect();
        check(cluster, &namespaces, "").await.into_iter().filter(Finding::is_failure).collect()
    }

    #[tokio::test]
    async fn a_cluster_that_allows_everything_passes() {
        let findings = check(&cluster(|_| ()), &[], "").await;
        assert!(findings.iter().all(|finding| matches!(finding, Finding::Works(_))), "{findings:?}");
        assert_eq!(findings.len(), 3, "{findings:?}");
    }

    #[tokio::test]
    async fn missing_rights_fail_by_rbac_with_verbs_kind_and_place() {
        let deny = |faults: &mut Faults| faults.denied.push(("patch".into(), "Deployment".into()));
        let found = failures(&cluster(deny), &[]).await;
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].names("RBAC: may not patch `Deployment.apps` in the whole cluster");
        let found = failures(&cluster(deny), &["shop", "bar"]).await;
        assert_eq!(found.len(), 2, "{found:?}");
        found[1].names("RBAC: may not patch `Deployment.apps` in namespace `bar`");
    }

    #[tokio::test]
    async fn what_cannot_be_discovered_fails_by_the_api_version() {
        let gap = |faults: &mut Faults| faults.gaps.push(("apps".into(), "v1".into()));
        let found = failures(&cluster(gap), &[]).await;
        found[0].names("API: `apps/v1` cannot be read");
        found[1].names("API: no version of `Deployment` in the group `apps` is served");
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn a_kubernetes_that_is_too_old_is_named() {
        let check = |version: &str, fine: bool| match (judged(version, "linux/amd64"), fine) {
            (Finding::Works(_), true) => {}
            (found, false) => found.names(&format!("API: Kubernetes {version} is too old")),
            (found, true) => panic!("{found:?}"),
        };
        check("v1.35.4", true);
        check("v1.22.0-gke.1", true);
        check("v1.21.14+k3s1", false);
        check("v1.9.3", false);
        check("v2.0.0", true);
        check("a fork", true);
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_all_that_is_told() {
        let found = failures(&cluster(|faults| faults.unreachable = true), &[]).await;
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].names("API: ");
        let refused = |faults: &mut Faults| {
            faults.next.insert(Verb::Discover, (1, Failure::Unauthorized));
        };
        failures(&cluster(refused), &[]).await[0].names("API: ");
    }

    #[tokio::test]
    async fn a_lease_that_may_not_be_kept_is_told_and_no_failure() {
        let denied = cluster(|faults| faults.denied.push(("*".into(), "Lease".into())));
        let findings = check(&denied, &[], "skerry-system").await;
        let told = findings.iter().any(|finding| {
            matches!(finding, Finding::Skipped(what) if what.contains("`Lease.coordination.k8s.io` in namespace `skerry-system`"))
        });
        assert!(told && !findings.iter().any(Finding::is_failure), "{findings:?}");
    }
}
