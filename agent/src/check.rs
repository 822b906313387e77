//! `skerry-agent check`: what would keep the agent from working, and what to do about each.
//!
//! ```text
//! disk ─ hub name ─ hub over QUIC (UDP, TLS, clock) ─ Kubernetes version ─ discovery ─ rights
//! ```
//! Nothing is changed but a small file in the state folder, which is removed again. A check that cannot be made is
//! told as skipped and counts neither way.

use std::path::Path;
use std::time::Duration;

use skerry_certs::tls::{LinkProtocol, WallClock, pin_client_config};
use skerry_common::error_chain::Chain;
use skerry_common::join::JoinToken;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::agent::identity_folder;
use crate::cli::{CheckArgs, Failure, Verdict, access, data, system_clock};
use crate::cluster::kube::KubeCluster;
use crate::cluster::{Cluster, Discovery};
use crate::identity::{Enrolled, IdentityFolder};
use crate::store::disk::{self, Disk as _, FolderDisk};
use crate::transport::quic::{ConnectError, HubConnection, connect, connect_any};

/// How long a name may take to be looked up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// What is written to try the disk: as much as a head.
const PROBE_BYTES: usize = 4096;

/// The probe's name in the state folder.
const PROBE: &str = "check.probe";

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

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// It works.
    Works(String),
    /// It does not.
    Fails {
        /// What.
        what: String,
        /// What to do.
        help: String,
    },
    /// It cannot be checked.
    Skipped(String),
}

impl Finding {
    fn fails(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Fails { what: what.into(), help: help.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Works(what) => write!(f, "✓ {what}"),
            Self::Fails { what, help } => write!(f, "✗ {what}\n  help: {help}"),
            Self::Skipped(what) => write!(f, "- {what}"),
        }
    }
}

/// Checks, and prints a line for each finding; the answer is no when anything fails.
pub(crate) async fn check(state: &Path, args: CheckArgs) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::Yes;
    let mut tell = |findings: Vec<Finding>| -> Result<(), Failure> {
        for finding in findings {
            if matches!(finding, Finding::Fails { .. }) {
                verdict = Verdict::No;
            }
            data(&finding.to_string())?;
        }
        Ok(())
    };
    tell(vec![disk(state)])?;
    if args.offline {
        tell(vec![Finding::Skipped("hub: not looked for, because of --offline".into())])?;
    } else {
        tell(hub(state, args.token.as_deref()).await?)?;
    }
    let access = access(&args.access)?;
    match KubeCluster::new(&access).await {
        Ok(cluster) => tell(kubernetes(&cluster, &args.namespaces).await)?,
        Err(error) => tell(vec![api_fails(&error)])?,
    }
    Ok(verdict)
}

fn disk(state: &Path) -> Finding {
    let tried = FolderDisk::open(state).and_then(|folder| {
        let written = disk::replace(&folder, PROBE, &[0; PROBE_BYTES]);
        let removed = folder.remove(PROBE);
        written.and(removed)
    });
    match tried {
        Ok(()) => Finding::Works(format!("disk: `{}` can be written and synced", state.display())),
        Err(error) => Finding::fails(
            format!("disk: `{}` cannot be written: {}", state.display(), Chain(&error)),
            "give the agent's user a folder with room, with `--state-folder`",
        ),
    }
}

/// Where a hub is looked for, and as whom.
enum Hubs {
    Token(JoinToken),
    Member(Box<Enrolled>),
}

async fn hub(state: &Path, token: Option<&str>) -> Result<Vec<Finding>, Failure> {
    let enrolled = IdentityFolder::open(&identity_folder(state))?.enrolled()?;
    let hubs = match (token.filter(|token| !token.is_empty()), enrolled) {
        (Some(token), _) => Hubs::Token(JoinToken::parse(token)?),
        (None, Some(enrolled)) => Hubs::Member(Box::new(enrolled)),
        (None, None) => {
            return Ok(vec![Finding::Skipped("hub: none is known before joining; give `--token TOKEN`".into())]);
        }
    };
    let clock = system_clock();
    let (names, connected) = match &hubs {
        Hubs::Token(token) => (&token.hubs, with_token(token, &clock).await),
        Hubs::Member(enrolled) => (&enrolled.trust.root().hubs, connect(enrolled, &clock, LinkProtocol::Session).await),
    };
    let mut findings = Vec::new();
    for name in names {
        findings.push(lookup(name).await);
    }
    findings.extend(handshake(connected, &clock).await);
    Ok(findings)
}

async fn with_token(token: &JoinToken, clock: &WallClock) -> Result<HubConnection, ConnectError> {
    let client = pin_client_config(&token.fleet, &[token.authority], clock)?;
    connect_any(&client, &token.hubs).await
}

async fn lookup(hub: &str) -> Finding {
    let help = "check the name, and the resolver of this machine or pod";
    match timeout(LOOKUP_TIMEOUT, lookup_host(hub)).await {
        Ok(Ok(mut addresses)) => match addresses.next() {
            Some(address) => Finding::Works(format!("name: `{hub}` is {}", address.ip())),
            None => Finding::fails(format!("name: `{hub}` has no address"), help),
        },
        Ok(Err(error)) => Finding::fails(format!("name: `{hub}` is not found: {}", Chain(&error)), help),
        Err(_) => Finding::fails(format!("name: `{hub}`: no answer within {} s", LOOKUP_TIMEOUT.as_secs()), help),
    }
}

async fn handshake(connected: Result<HubConnection, ConnectError>, clock: &WallClock) -> Vec<Finding> {
    match connected {
        Ok(connection) => {
            let (hub, round_trip) = (connection.hub.clone(), connection.connection.rtt());
            connection.close("checked").await;
            vec![
                Finding::Works(format!(
                    "hub: `{hub}` answers over QUIC as this fleet's hub, {} ms",
                    round_trip.as_millis()
                )),
                // The handshake passed, so this machine's clock lies inside the life of the hub's certificate.
                Finding::Works("clock: inside the life of the hub's certificate".into()),
            ]
        }
        Err(error) => {
            let help = match &error {
                ConnectError::Silent { .. } => "open UDP to the hub's port in firewalls on the way, in both directions",
                ConnectError::Connect { .. } => {
                    "something answers, but not as this fleet's hub: check the address, the token, and the clock"
                }
                ConnectError::Socket(_)
                | ConnectError::Tls(_)
                | ConnectError::Identity(_)
                | ConnectError::Lookup { .. }
                | ConnectError::NoAddress
                | ConnectError::Link(_)
                | ConnectError::Stream(_) => "check that the hub runs and that its address is right",
            };
            let now = clock.now();
            vec![
                Finding::fails(format!("hub: {}", Chain(&error)), help),
                Finding::Skipped(format!(
                    "clock: {now} here; only a hub's certificate could tell whether that is right"
                )),
            ]
        }
    }
}

fn api_fails(error: &crate::cluster::ClusterError) -> Finding {
    use crate::cluster::ClusterError;
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
    Finding::fails(format!("kubernetes: {}", Chain(error)), help)
}

async fn kubernetes<C: Cluster>(cluster: &C, namespaces: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    match cluster.version().await {
        Ok(version) => {
            findings.push(Finding::Works(format!("kubernetes: {} {}", version.git_version, version.platform)))
        }
        // Without an answer here, nothing below could be told apart from it.
        Err(error) => return vec![api_fails(&error)],
    }
    match cluster.discover().await {
        Ok(discovery) => {
            findings.extend(discovered(&discovery));
            findings.extend(rights(cluster, &discovery, namespaces).await);
        }
        Err(error) => findings.push(api_fails(&error)),
    }
    findings
}

fn discovered(discovery: &Discovery) -> Vec<Finding> {
    let mut findings = vec![Finding::Works(format!("discovery: {} kinds are served", discovery.kinds.len()))];
    findings.extend(discovery.gaps.iter().map(|gap| {
        Finding::fails(
            format!("discovery: `{}/{}` cannot be read: {}", gap.group, gap.version, gap.reason),
            "an aggregated API server is down: repair it or remove its APIService; nothing of its kinds is pruned until then",
        )
    }));
    findings
}

/// One line when everything is allowed, else one for each kind with what is missing.
async fn rights<C: Cluster>(cluster: &C, discovery: &Discovery, namespaces: &[String]) -> Vec<Finding> {
    let places: Vec<Option<&str>> = match namespaces {
        [] => vec![None],
        some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    let mut findings = Vec::new();
    for (group, kind) in KINDS {
        let Some(kind) = discovery.find(group, kind) else { continue };
        if !kind.namespaced && !namespaces.is_empty() {
            continue; // an agent of some namespaces does not manage them
        }
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
                    format!("rights: may not {} `{kind}` in {place}", missing.join(", ")),
                    "bind the agent's service account to a role that allows it, or keep such objects out of its bundles",
                ));
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::Works(format!("rights: {} for the usual kinds", VERBS.join(", "))));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::memory::MemoryCluster;

    #[tokio::test]
    async fn a_cluster_that_allows_everything_passes() {
        let cluster = MemoryCluster::new(1, std::sync::Arc::new(time::OffsetDateTime::now_utc));
        let findings = kubernetes(&cluster, &[]).await;
        assert!(findings.iter().all(|finding| matches!(finding, Finding::Works(_))), "{findings:?}");
    }

    #[test]
    fn a_folder_that_can_be_written_passes_and_stays_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(disk(folder.path()), Finding::Works(_)));
        assert_eq!(folder.path().read_dir().expect("is a folder").count(), 0);
        let file = folder.path().join("file");
        std::fs::write(&file, "x").expect("writes");
        assert!(matches!(disk(&file), Finding::Fails { .. }));
    }

    #[tokio::test]
    async fn a_silent_hub_fails_with_what_to_do() {
        let silent = ConnectError::Silent { hub: "hub:1".into(), address: ([127, 0, 0, 1], 1).into() };
        let findings = handshake(Err(silent), &WallClock::fixed(time::OffsetDateTime::UNIX_EPOCH)).await;
        assert!(matches!(&findings[0], Finding::Fails { help, .. } if help.contains("UDP")), "{findings:?}");
        assert!(matches!(findings[1], Finding::Skipped(_)));
    }
}
